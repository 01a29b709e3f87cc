#include "cli/centre.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/rng.h"
#include "base/when.h"

static bool fails(struct centre *c, int rc, const char *what, const char *why)
{
    fprintf(stderr, "tandem %s: %s: %s\n", c->command->name, what, why);
    c->rc = rc;
    return false;
}

/* ---- the command line and the configuration ---- */

int centre_option(struct centre *c, int k, const char *arg)
{
    char *end;
    switch (k) {
    case 'c': c->config_file = arg; break;
    case 'l': c->listen = arg; break;
    case 'd': c->data = arg; break;
    case 'p':
        c->port = (int)strtol(arg, &end, 10);
        if (!*arg || *end || c->port < 0 || c->port > 65535)
            return cli_usage(c->command, "--port takes 0 to 65535, not \"%s\"", arg);
        break;
    case 'F':
        if (!when_parse_span(arg, &c->for_ms) || c->for_ms < 1)
            return cli_usage(c->command, "--for takes a time such as 60s, 10m or 2h, not \"%s\"",
                             arg);
        break;
    default: return EXIT_USE;
    }
    return -1;
}

int centre_load(struct centre *c, const struct conf_section *own)
{
    struct buf errors = {0};
    if (!c->config_file)
        return cli_usage(c->command, "--config FILE is needed");
    c->network = watch_config_new();
    struct conf_section sections[] = {
        watch_config_section(c->network), own ? *own : (struct conf_section){0}, {0}};
    c->config = config_load_file_with(c->config_file, sections, &errors);
    if (!c->config) {
        fprintf(stderr, "%s", errors.data);
        buf_free(&errors);
        return EXIT_CONF;
    }
    if (!c->data && c->config->store.durable)
        c->data = c->config->store.dir;
    if (c->data && !str_copy(c->config->store.dir, sizeof c->config->store.dir, c->data))
        return cli_usage(c->command, "--data: the path is too long");
    return -1;
}

/* ---- stopping ---- */

static void on_left(void *arg)
{
    struct centre *c = arg;
    if (!c->signals)
        return;
    uv_close((uv_handle_t *)&c->interrupt, NULL);
    uv_close((uv_handle_t *)&c->terminate, NULL);
    uv_close((uv_handle_t *)&c->hangup, NULL);
    uv_close((uv_handle_t *)&c->end, NULL);
}

/* Nothing falls due any more: what is under way is made durable, and drivers may go. */
static void on_live_closed(void *arg)
{
    struct centre *c = arg;
    c->live = NULL;
    for (int n = 0; c->world && n < NODES_MAX; n++)
        if (world_node(c->world, (uint8_t)n))
            node_flush(world_node(c->world, (uint8_t)n));
    if (c->leave)
        c->leave(c->arg, on_left, c);
    else
        on_left(c);
}

static void on_watch_closed(void *arg)
{
    struct centre *c = arg;
    if (c->live)
        live_close(c->live, on_live_closed, c);
    else
        on_live_closed(c);
}

static void on_api_closed(void *arg)
{
    struct centre *c = arg;
    netwatch_stop(&c->watch, on_watch_closed, c);
}

static void on_http_closed(void *arg)
{
    struct centre *c = arg;
    if (c->live)
        api_close(c->api, on_api_closed, c);
    else
        on_api_closed(c); /* it has not started */
}

void centre_stop(struct centre *c)
{
    if (c->stopping)
        return;
    c->stopping = true;
    if (c->http)
        http_server_close(c->http, on_http_closed, c);
    else
        on_http_closed(c);
}

static void on_signal(uv_signal_t *handle, int number)
{
    (void)number;
    uv_signal_stop(handle); /* a second one ends the process at once */
    centre_stop(handle->data);
}

static void on_end(uv_timer_t *timer)
{
    centre_stop(timer->data);
}

static void on_fatal(void *arg)
{
    struct centre *c = arg;
    c->rc = EXIT_IO;
    centre_stop(c);
}

/* ---- the configuration again ---- */

static char *read_file(const char *path, size_t *len)
{
    FILE *f = fopen(path, "re");
    struct buf b = {0};
    char part[8192];
    size_t n;
    while (f && (n = fread(part, 1, sizeof part, f)) > 0)
        buf_add(&b, part, n);
    bool ok = f && !ferror(f);
    if (f)
        fclose(f);
    if (!ok)
        buf_free(&b);
    *len = b.len;
    return b.data;
}

static void log_errors(char *lines)
{
    for (char *line = lines, *next; line && *line; line = next) {
        next = strchr(line, '\n');
        if (next)
            *next++ = 0;
        log_error("config", "refused", LF_S("error", line));
    }
}

/* Is the file right, its section of the network too? */
static bool reads(const struct centre *c, const char *text, size_t len,
                  struct watch_config *network, struct buf *errors)
{
    struct conf_section sections[] = {watch_config_section(network), {0}};
    struct config *config = config_load_with(text, len, c->config_file, sections, errors);
    config_free(config);
    return config && (!c->may_change || c->may_change(c->arg, text, len, errors));
}

static void on_hangup(uv_signal_t *handle, int number)
{
    struct centre *c = handle->data;
    struct buf errors = {0};
    size_t len;
    (void)number;
    char *text = read_file(c->config_file, &len);
    struct watch_config *network = watch_config_new();
    if (!text)
        log_error("config", "cannot be read; nothing changes", LF_S("file", c->config_file),
                  LF_S("why", strerror(errno)));
    else if (reads(c, text, len, network, &errors) &&
             world_reconfigure(c->world, text, len, c->config_file, &errors)) {
        log_notice("config", "read again and in force", LF_S("file", c->config_file));
        netwatch_replace(&c->watch, network);
        network = NULL;
    } else
        log_errors(errors.data);
    watch_config_free(network);
    mem_free(text);
    buf_free(&errors);
}

/* ---- the parts ---- */

bool centre_begin(struct centre *c)
{
    if (c->data && mkdir(c->data, 0700) != 0 && errno != EEXIST) {
        fprintf(stderr, "tandem %s: cannot make %s: %s\n", c->command->name, c->data,
                strerror(errno));
        c->rc = EXIT_IO;
        return false;
    }
    if (!cli_pseudonym_key(c->data, c->key) ||
        getrandom(&c->seed, sizeof c->seed, 0) != sizeof c->seed)
        return fails(c, EXIT_IO, "no key for pseudonyms", strerror(errno));
    log_open(&(struct log_options)LOG_DEFAULTS);
    uv_loop_init(&c->loop);
    c->begun = true;
    c->api = api_new(&(struct api_options){.loop = &c->loop,
                                           .pseudonym_key = {c->key[0], c->key[1]},
                                           .seed = c->seed,
                                           .simulated = c->simulated,
                                           .faults = c->faults,
                                           .fatal = on_fatal,
                                           .arg = c});
    c->watch = (struct netwatch){.loop = &c->loop, .api = c->api, .seed = mix64(c->seed)};
    return true;
}

bool centre_world(struct centre *c, struct world_options *o, double speed, int64_t rush_ms)
{
    struct buf errors = {0};
    o->config = c->config;
    o->durable = c->data != NULL;
    o->history_max = CENTRE_HISTORY_MAX;
    o->hooks = api_hooks(c->api);
    c->world = world_new(o, &errors);
    if (!c->world) {
        fprintf(stderr, "%s", errors.data ? errors.data : "");
        buf_free(&errors);
        c->rc = o->trace ? EXIT_CONF : EXIT_IO;
        return false;
    }
    c->live = live_new(&(struct live_options){.loop = &c->loop,
                                              .world = c->world,
                                              .speed = speed,
                                              .now = c->now ? c->now(c->arg) : 0,
                                              .shared = c->now != NULL,
                                              .rush_until = world_start(c->world) + rush_ms,
                                              .turned = api_turned,
                                              .arg = c->api});
    api_start(c->api, c->world, c->live);
    return true;
}

static void take_signals(struct centre *c)
{
    uv_signal_init(&c->loop, &c->interrupt);
    uv_signal_init(&c->loop, &c->terminate);
    uv_signal_init(&c->loop, &c->hangup);
    uv_timer_init(&c->loop, &c->end);
    c->interrupt.data = c->terminate.data = c->hangup.data = c->end.data = c;
    c->signals = true;
    uv_signal_start(&c->interrupt, on_signal, SIGINT);
    uv_signal_start(&c->terminate, on_signal, SIGTERM);
    uv_signal_start(&c->hangup, on_hangup, SIGHUP);
    if (c->for_ms > 0)
        uv_timer_start(&c->end, on_end, (uint64_t)c->for_ms, 0);
}

static const char *address(const struct centre *c)
{
    return c->listen ? c->listen : c->config->serve.listen;
}

int centre_serve(struct centre *c)
{
    struct http_config h = HTTP_DEFAULTS;
    char error[400];
    struct watch_config *network = c->network;
    const char *listen = address(c);
    h.body_max = API_BODY_MAX;
    take_signals(c);
    c->network = NULL; /* the watch's now */
    if (!netwatch_start(&c->watch, network, error, sizeof error)) {
        fails(c, EXIT_IO, "network", error);
        return -1;
    }
    c->http = http_server_new(&c->loop, &h, api_handle, c->api);
    api_serve(c->api, c->http);
    int port = http_server_listen(c->http, listen, c->port >= 0 ? c->port : c->config->serve.port,
                                  error, sizeof error);
    if (port < 0) {
        fprintf(stderr, "tandem %s: %s\n", c->command->name, error);
        c->rc = EXIT_IO;
        return -1;
    }
    if (strcmp(listen, "127.0.0.1") != 0 && strcmp(listen, "::1") != 0)
        log_warn("serve",
                 "whoever reaches this address can operate the centre; there is no sign-in",
                 LF_S("listen", listen));
    return port;
}

void centre_announce(const struct centre *c, int port, const char *how, const char *more)
{
    const struct config *g = c->config;
    char url[80];
    bool v6 = strchr(address(c), ':') != NULL;
    snprintf(url, sizeof url, "http://%s%s%s:%d", v6 ? "[" : "", address(c), v6 ? "]" : "", port);
    printf("%s: %u sites, %u agents%s\n\n"
           "  dashboard   %s/\n%s"
           "  commands    tandem status | shares | queues | agents | events --follow\n"
           "              tandem route --queue %s --from +12125550100\n"
           "              tandem drain %s --reason \"a drill\"\n",
           g->name, g->n_sites, g->n_agents, how, url, more, g->queue[0].name, g->site[0].name);
    if (c->simulated)
        printf("              tandem fault region-down:%s --for 10m\n",
               g->site[g->n_sites - 1].name);
    if (port != 8400)
        printf("              (with --hub %s or TANDEM_HUB)\n", url);
    printf("\nCtrl-C ends it.\n");
    fflush(stdout);
}

/* ---- the end ---- */

void centre_loop(struct centre *c)
{
    uv_run(&c->loop, UV_RUN_DEFAULT);
}

void centre_free(struct centre *c)
{
    struct buf summary = {0};
    if (c->begun) {
        if (c->rc == EXIT_DONE) {
            api_summary(c->api, &summary);
            printf("\n%s", summary.data);
        }
        world_free(c->world);
        api_free(c->api);
        uv_loop_close(&c->loop);
        log_close();
    }
    buf_free(&summary);
    config_free(c->config);
    watch_config_free(c->network);
}
