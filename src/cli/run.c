/* run.c - `tandem run`: hub and sites over instances of Amazon Connect, with API and dashboard, by
 * the clock on the wall; or by that of a connectsim, which may be faster. */
#include "cli/cli.h"

#include "base/mem.h" /* before uv.h, which may define MIN and MAX again */

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <uv.h>

#include "amazon/amazon.h"
#include "base/log.h"
#include "base/when.h"
#include "cli/sim_clock.h"
#include "core/model.h"
#include "node/world.h"
#include "serve/api.h"
#include "serve/live.h"

enum {
    HISTORY_MAX = 200000, /* contacts that a store in memory remembers: some 100 MB */
    SETTLE_MS = 60000,    /* after the start; then a site that is not heard is lost */
};

struct run {
    const char *config_file, *listen, *data;
    int port;
    int64_t for_ms;

    struct sim_clock clock; /* as it was at the start */
    uint64_t clock_ns;      /* of uv_hrtime, then */
    struct config *config;
    struct amazon_config *amazon_config;
    uint64_t key[2], seed;
    uv_loop_t loop;
    uv_signal_t interrupt, terminate;
    uv_timer_t end;
    struct amazon *amazon;
    struct world *world;
    struct live *live;
    struct api *api;
    struct http_server *http;
    bool stopping;
    int rc;
};

/* ---- between the instances and the world ---- */

static td_ms now(void *arg)
{
    struct run *r = arg;
    double passed_ms = (double)(uv_hrtime() - r->clock_ns) / 1e6;
    return r->live ? live_now(r->live) : r->clock.now + (td_ms)(passed_ms * r->clock.speed);
}

static bool set_clock(struct run *r)
{
    char error[300];
    if (sim_clock_ask(r->amazon_config->endpoint, &r->clock, error, sizeof error)) {
        r->clock_ns = uv_hrtime();
        return true;
    }
    fprintf(stderr, "tandem run: %s\n", error);
    return false;
}

static void moved(void *arg, uint8_t site)
{
    struct run *r = arg;
    if (r->world)
        world_instance_moved(r->world, site);
}

/* Shares in force as the hub has them, or while it is down the first site that is up. */
static bool wanted(void *arg, const uint8_t site[2], int32_t ppm[2])
{
    struct run *r = arg;
    struct node *n = r->world ? world_node(r->world, HUB) : NULL;
    for (uint8_t s = 0; r->world && !n && s < r->config->n_sites; s++)
        n = world_node(r->world, s);
    if (!n)
        return false;
    const struct core *k = node_core(n);
    uint8_t why;
    bool open = health_site_open(k, site[0], &why) && health_site_open(k, site[1], &why);
    if (!open && now(r) - r->clock.now < SETTLE_MS)
        return false; /* instances are not heard all at once: no reason to send everybody over */
    for (int i = 0; i < 2; i++)
        ppm[i] = k->group[shares_group_of(k, site[i])].by[k->self].share_ppm[site[i]];
    return true;
}

/* ---- the parts ---- */

static bool make_world(struct run *r)
{
    struct buf errors = {0};
    struct world_options o = {.config = r->config,
                              .seed = r->seed,
                              .durable = r->data != NULL,
                              .history_max = HISTORY_MAX,
                              .instances = amazon_instances(r->amazon),
                              .replica = amazon_replicas(r->amazon),
                              .start = now(r),
                              .hooks = api_hooks(r->api)};
    r->world = world_new(&o, &errors);
    if (!r->world) {
        fprintf(stderr, "%s", errors.data ? errors.data : "");
        buf_free(&errors);
        r->rc = EXIT_IO;
        return false;
    }
    r->live = live_new(&(struct live_options){.loop = &r->loop,
                                              .world = r->world,
                                              .speed = r->clock.speed,
                                              .turned = api_turned,
                                              .arg = r->api});
    api_start(r->api, r->world, r->live);
    return true;
}

static bool serve(struct run *r)
{
    struct http_config h = HTTP_DEFAULTS;
    char error[300];
    h.body_max = API_BODY_MAX;
    const char *listen = r->listen ? r->listen : r->config->serve.listen;
    int port = r->port >= 0 ? r->port : r->config->serve.port;
    int flows = amazon_listen(r->amazon, error, sizeof error);
    r->http = http_server_new(&r->loop, &h, api_handle, r->api);
    api_serve(r->api, r->http);
    if (flows >= 0)
        port = http_server_listen(r->http, listen, port, error, sizeof error);
    if (flows < 0 || port < 0) {
        fprintf(stderr, "tandem run: %s\n", error);
        r->rc = EXIT_IO;
        return false;
    }
    bool v6 = strchr(listen, ':') != NULL;
    char speed[64] = "";
    if (r->clock.speed != 1)
        snprintf(speed, sizeof speed, ", %g times as fast as the clock on the wall",
                 r->clock.speed);
    printf("%s: %u sites, %u agents%s\n\n"
           "  dashboard   http://%s%s%s:%d/\n"
           "  flows ask   http://%s:%d/flow/%s\n\nCtrl-C ends it.\n",
           r->config->name, r->config->n_sites, r->config->n_agents, speed, v6 ? "[" : "", listen,
           v6 ? "]" : "", port, r->amazon_config->listen, flows, r->config->site[0].name);
    fflush(stdout);
    return true;
}

/* ---- stopping ---- */

static void on_live_closed(void *arg)
{
    struct run *r = arg;
    r->live = NULL;
    uv_close((uv_handle_t *)&r->interrupt, NULL);
    uv_close((uv_handle_t *)&r->terminate, NULL);
    uv_close((uv_handle_t *)&r->end, NULL);
}

static void on_amazon_closed(void *arg)
{
    struct run *r = arg;
    if (r->live)
        live_close(r->live, on_live_closed, r);
    else
        on_live_closed(r);
}

/* The nodes go before the drivers that they look at. */
static void on_api_closed(void *arg)
{
    struct run *r = arg;
    for (int n = 0; r->world && n < NODES_MAX; n++)
        if (world_node(r->world, (uint8_t)n))
            node_flush(world_node(r->world, (uint8_t)n));
    amazon_close(r->amazon, on_amazon_closed, r);
}

static void on_http_closed(void *arg)
{
    struct run *r = arg;
    api_close(r->api, on_api_closed, r);
}

static void stop(struct run *r)
{
    if (r->stopping)
        return;
    r->stopping = true;
    if (r->http)
        http_server_close(r->http, on_http_closed, r);
    else
        on_http_closed(r);
}

static void on_signal(uv_signal_t *handle, int number)
{
    (void)number;
    uv_signal_stop(handle); /* a second one ends the process at once */
    stop(handle->data);
}

static void on_end(uv_timer_t *timer)
{
    stop(timer->data);
}

static void on_fatal(void *arg)
{
    struct run *r = arg;
    r->rc = EXIT_IO;
    stop(r);
}

static void signals(struct run *r)
{
    uv_signal_init(&r->loop, &r->interrupt);
    uv_signal_init(&r->loop, &r->terminate);
    uv_timer_init(&r->loop, &r->end);
    r->interrupt.data = r->terminate.data = r->end.data = r;
    uv_signal_start(&r->interrupt, on_signal, SIGINT);
    uv_signal_start(&r->terminate, on_signal, SIGTERM);
    if (r->for_ms > 0)
        uv_timer_start(&r->end, on_end, (uint64_t)r->for_ms, 0);
}

static int run(struct run *r)
{
    struct buf summary = {0};
    char error[300];
    if (r->data && mkdir(r->data, 0700) != 0 && errno != EEXIST) {
        fprintf(stderr, "tandem run: cannot make %s: %s\n", r->data, strerror(errno));
        return EXIT_IO;
    }
    if (!set_clock(r))
        return EXIT_AWAY;
    if (getrandom(&r->seed, sizeof r->seed, 0) != sizeof r->seed ||
        !cli_pseudonym_key(r->data, r->key)) {
        fprintf(stderr, "tandem run: no key for pseudonyms: %s\n", strerror(errno));
        return EXIT_IO;
    }
    log_open(&(struct log_options)LOG_DEFAULTS);
    uv_loop_init(&r->loop);
    r->api = api_new(&(struct api_options){.loop = &r->loop,
                                           .pseudonym_key = {r->key[0], r->key[1]},
                                           .seed = r->seed,
                                           .fatal = on_fatal,
                                           .arg = r});
    r->amazon = amazon_new(&(struct amazon_options){.loop = &r->loop,
                                                    .amazon = r->amazon_config,
                                                    .config = r->config,
                                                    .pseudonym_key = {r->key[0], r->key[1]},
                                                    .seed = r->seed,
                                                    .speed = r->clock.speed,
                                                    .now = now,
                                                    .moved = moved,
                                                    .wanted = wanted,
                                                    .arg = r},
                           error, sizeof error);
    if (!r->amazon) {
        fprintf(stderr, "tandem run: %s\n", error);
        r->rc = EXIT_CONF;
    } else {
        signals(r);
        if (!make_world(r) || !serve(r))
            stop(r);
        uv_run(&r->loop, UV_RUN_DEFAULT);
        if (r->rc == EXIT_DONE) {
            api_summary(r->api, &summary);
            printf("\n%s", summary.data);
        }
    }
    world_free(r->world);
    api_free(r->api);
    uv_loop_close(&r->loop);
    buf_free(&summary);
    log_close();
    return r->rc;
}

/* ---- the command line ---- */

static int option(struct run *r, const struct command *me, int k, const char *arg)
{
    char *end;
    switch (k) {
    case 'c': r->config_file = arg; break;
    case 'l': r->listen = arg; break;
    case 'd': r->data = arg; break;
    case 'p':
        r->port = (int)strtol(arg, &end, 10);
        if (!*arg || *end || r->port < 0 || r->port > 65535)
            return cli_usage(me, "--port takes 0 to 65535, not \"%s\"", arg);
        break;
    case 'F':
        if (!when_parse_span(arg, &r->for_ms) || r->for_ms < 1)
            return cli_usage(me, "--for takes a time such as 60s, 10m or 2h, not \"%s\"", arg);
        break;
    default: return EXIT_USE;
    }
    return -1;
}

static int load(struct run *r, const struct command *me)
{
    struct buf errors = {0};
    struct conf_section sections[] = {amazon_config_section(r->amazon_config), {0}};
    r->config = config_load_file_with(r->config_file, sections, &errors);
    if (!r->config) {
        fprintf(stderr, "%s", errors.data);
        buf_free(&errors);
        return EXIT_CONF;
    }
    if (r->amazon_config->n_instances != r->config->n_sites) {
        fprintf(stderr, "%s: amazon.instances: every site must be one: %u are named of %u\n",
                r->config_file, r->amazon_config->n_instances, r->config->n_sites);
        return EXIT_CONF;
    }
    if (!r->data && r->config->store.durable)
        r->data = r->config->store.dir;
    if (r->data && !str_copy(r->config->store.dir, sizeof r->config->store.dir, r->data))
        return cli_usage(me, "--data: the path is too long");
    return -1;
}

int cmd_run(int argc, char **argv)
{
    static const struct option longs[] = {{"config", required_argument, 0, 'c'},
                                          {"port", required_argument, 0, 'p'},
                                          {"listen", required_argument, 0, 'l'},
                                          {"for", required_argument, 0, 'F'},
                                          {"data", required_argument, 0, 'd'},
                                          {"help", no_argument, 0, 'h'},
                                          {0}};
    const struct command *me = cli_command("run");
    struct run *r = mem_new(1, sizeof *r);
    r->port = -1;
    r->amazon_config = amazon_config_new();
    int rc = -1;
    for (int k; rc < 0 && (k = cli_getopt(argc, argv, me, "c:p:l:F:d:h", longs)) != -1;)
        rc = k == 'h' ? EXIT_DONE : option(r, me, k, optarg);
    if (rc < 0 && optind < argc)
        rc = cli_usage(me, "what is \"%s\"? options only", argv[optind]);
    if (rc < 0 && !r->config_file)
        rc = cli_usage(me, "--config FILE is needed");
    if (rc < 0)
        rc = load(r, me);
    if (rc < 0)
        rc = run(r);
    config_free(r->config);
    amazon_config_free(r->amazon_config);
    mem_free(r);
    return rc;
}
