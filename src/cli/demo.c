/* demo.c - `tandem demo`: hub, sites, simulated instances, API and dashboard in one process, at
 * many times the speed of the clock on the wall.
 *
 * What has happened before the moment at which it starts is played first, as fast as the machine
 * goes, so that the board shows a centre at work and not one that opens its doors. */
#include "cli/cli.h"

#include "base/mem.h" /* before uv.h, which may define MIN and MAX again */

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <uv.h>

#include "base/log.h"
#include "base/rng.h"
#include "base/when.h"
#include "cli/netwatch.h"
#include "node/world.h"
#include "serve/api.h"
#include "serve/live.h"

#define DAY_MS   1625443200000ll             /* Monday 2021-07-05 00:00 UTC, a generated day's */
#define START_MS (14 * 3600000 + 30 * 60000) /* morning in all of America, afternoon in Europe */
enum {
    FAULTS_MAX = 32,
    BEFORE_MS = 30 * 60000, /* of a generated day, played before the start */
    HISTORY_MAX = 200000,   /* contacts that a store in memory remembers: some 100 MB */
    SPEED_MAX = 100000,
    CLOCK_SAVED_MS = 1000, /* of wall time */
};

struct demo {
    const char *config_file, *trace, *listen, *data;
    double speed;
    int port;
    int64_t for_ms, start_ms; /* -1: not given */
    uint64_t seed;
    bool no_faults;
    const char *fault_spec[FAULTS_MAX];
    struct fault fault[FAULTS_MAX];
    int faults;

    struct config *config;
    struct watch_config *network; /* until the watch takes it */
    struct netwatch watch;
    uint64_t key[2];
    uv_loop_t loop;
    uv_signal_t interrupt, terminate, hangup;
    uv_timer_t end, clock;
    struct world *world;
    struct live *live;
    struct api *api;
    struct http_server *http;
    bool stopping;
    int rc;
};

/* ---- the folder of a durable demo ---- */

static const char *in_data(const struct demo *d, const char *name, char path[4200])
{
    snprintf(path, 4200, "%s/%s", d->data, name);
    return path;
}

/* How far the virtual clock of this folder has come; 0: a new one. */
static td_ms load_clock(const struct demo *d)
{
    char path[4200];
    int64_t at = 0;
    FILE *f = d->data ? fopen(in_data(d, "clock", path), "re") : NULL;
    if (!f)
        return 0;
    if (fscanf(f, "%" SCNd64, &at) != 1)
        at = 0;
    fclose(f);
    return at;
}

static bool save_clock(const struct demo *d, bool sync)
{
    char path[4200], fresh[4200];
    if (!d->data)
        return true;
    FILE *f = fopen(in_data(d, "clock.new", fresh), "we");
    bool ok = f && fprintf(f, "%" PRId64 "\n", world_now(d->world)) > 0 && fflush(f) == 0 &&
              (!sync || fsync(fileno(f)) == 0);
    if (f && fclose(f) != 0)
        ok = false;
    return ok && rename(fresh, in_data(d, "clock", path)) == 0;
}

/* ---- the world ---- */

static bool make_world(struct demo *d)
{
    struct buf errors = {0};
    td_ms was = load_clock(d), start;
    if (was && d->trace) {
        fprintf(stderr,
                "tandem demo: %s holds a run already, and a trace cannot go on where it "
                "was: name another folder\n",
                d->data);
        return false;
    }
    struct world_options o = {.config = d->config,
                              .seed = d->seed,
                              .trace = d->trace,
                              .durable = d->data != NULL,
                              .history_max = HISTORY_MAX,
                              .hooks = api_hooks(d->api)};
    int64_t before = MIN(BEFORE_MS, d->config->workload.duration_ms / 6);
    start = DAY_MS + (d->start_ms >= 0 ? d->start_ms : START_MS);
    if (was) { /* goes on after it was stopped or killed, with other customers */
        start = was + 60000 + (td_ms)(2 * d->speed * CLOCK_SAVED_MS);
        before = 0;
        o.seed = d->seed ^ mix64((uint64_t)was);
    }
    o.start = MAX(start - before, DAY_MS);
    d->world = world_new(&o, &errors);
    if (!d->world) {
        fprintf(stderr, "%s", errors.data ? errors.data : "");
        d->rc = d->trace ? EXIT_CONF : EXIT_IO;
        buf_free(&errors);
        return false;
    }
    if (d->trace)
        start = world_start(d->world) + MAX(d->start_ms, 0);
    d->live = live_new(&(struct live_options){.loop = &d->loop,
                                              .world = d->world,
                                              .speed = d->speed,
                                              .rush_until = start,
                                              .turned = api_turned,
                                              .arg = d->api});
    api_start(d->api, d->world, d->live);
    for (int i = 0; i < d->faults; i++)
        api_fault(d->api, &d->fault[i], d->fault_spec[i], start + d->fault[i].at_ms);
    return true;
}

static void end_world(struct demo *d)
{
    if (!d->world)
        return;
    for (int n = 0; n < NODES_MAX; n++)
        if (world_node(d->world, (uint8_t)n))
            node_flush(world_node(d->world, (uint8_t)n));
    if (!save_clock(d, true) && d->rc == EXIT_DONE) {
        fprintf(stderr, "tandem demo: cannot write %s/clock: %s\n", d->data, strerror(errno));
        d->rc = EXIT_IO;
    }
}

/* ---- stopping and reloading ---- */

static void on_live_closed(void *arg)
{
    struct demo *d = arg;
    d->live = NULL;
    uv_close((uv_handle_t *)&d->interrupt, NULL);
    uv_close((uv_handle_t *)&d->terminate, NULL);
    uv_close((uv_handle_t *)&d->hangup, NULL);
    uv_close((uv_handle_t *)&d->end, NULL);
    uv_close((uv_handle_t *)&d->clock, NULL);
}

static void on_watch_closed(void *arg)
{
    struct demo *d = arg;
    live_close(d->live, on_live_closed, d);
}

static void on_api_closed(void *arg)
{
    struct demo *d = arg;
    netwatch_stop(&d->watch, on_watch_closed, d);
}

static void on_http_closed(void *arg)
{
    struct demo *d = arg;
    api_close(d->api, on_api_closed, d);
}

static void stop(struct demo *d)
{
    if (d->stopping)
        return;
    d->stopping = true;
    if (d->http)
        http_server_close(d->http, on_http_closed, d);
    else
        on_http_closed(d);
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

static void on_clock(uv_timer_t *timer)
{
    if (!save_clock(timer->data, false))
        log_warn("demo", "the clock cannot be saved", LF_S("why", strerror(errno)));
}

static void on_fatal(void *arg)
{
    struct demo *d = arg;
    d->rc = EXIT_IO;
    stop(d);
}

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
static bool network_reads(const struct demo *d, const char *text, size_t len,
                          struct watch_config *network, struct buf *errors)
{
    struct conf_section sections[] = {watch_config_section(network), {0}};
    struct config *c = config_load_with(text, len, d->config_file, sections, errors);
    config_free(c);
    return c != NULL;
}

static void on_hangup(uv_signal_t *handle, int number)
{
    struct demo *d = handle->data;
    struct buf errors = {0};
    size_t len;
    (void)number;
    char *text = read_file(d->config_file, &len);
    struct watch_config *network = watch_config_new();
    if (!text)
        log_error("config", "cannot be read; nothing changes", LF_S("file", d->config_file),
                  LF_S("why", strerror(errno)));
    else if (network_reads(d, text, len, network, &errors) &&
             world_reconfigure(d->world, text, len, d->config_file, &errors)) {
        log_notice("config", "read again and in force", LF_S("file", d->config_file));
        netwatch_replace(&d->watch, network);
        network = NULL;
    } else
        log_errors(errors.data);
    watch_config_free(network);
    mem_free(text);
    buf_free(&errors);
}

/* ---- serving ---- */

static bool serve(struct demo *d)
{
    struct http_config h = HTTP_DEFAULTS;
    char error[200];
    h.body_max = API_BODY_MAX;
    const char *listen = d->listen ? d->listen : d->config->serve.listen;
    int port = d->port >= 0 ? d->port : d->config->serve.port;
    d->http = http_server_new(&d->loop, &h, api_handle, d->api);
    api_serve(d->api, d->http);
    port = http_server_listen(d->http, listen, port, error, sizeof error);
    if (port < 0) {
        fprintf(stderr, "tandem demo: %s\n", error);
        d->rc = EXIT_IO;
        return false;
    }
    bool v6 = strchr(listen, ':') != NULL;
    if (strcmp(listen, "127.0.0.1") != 0 && strcmp(listen, "::1") != 0)
        log_warn("serve",
                 "whoever reaches this address can operate the centre; there is no sign-in",
                 LF_S("listen", listen));
    printf("%s: %u sites, %u agents, %g times as fast as the clock on the wall%s%s\n\n"
           "  dashboard   http://%s%s%s:%d/\n"
           "  commands    tandem status | shares | queues | agents | events --follow\n"
           "              tandem route --queue %s --from +12125550100\n"
           "              tandem drain %s --reason \"a drill\"\n"
           "              tandem fault region-down:%s --for 10m\n",
           d->config->name, d->config->n_sites, d->config->n_agents, d->speed,
           d->trace ? ", playing " : "", d->trace ? d->trace : "", v6 ? "[" : "", listen,
           v6 ? "]" : "", port, d->config->queue[0].name, d->config->site[0].name,
           d->config->site[d->config->n_sites - 1].name);
    if (port != 8400)
        printf("              (with --hub http://%s%s%s:%d or TANDEM_HUB)\n", v6 ? "[" : "", listen,
               v6 ? "]" : "", port);
    printf("\nCtrl-C ends it.\n");
    fflush(stdout);
    return true;
}

static bool watch_network(struct demo *d, uint64_t seed)
{
    char error[400];
    struct watch_config *network = d->network;
    d->watch = (struct netwatch){.loop = &d->loop, .api = d->api, .seed = mix64(seed)};
    d->network = NULL; /* the watch's now */
    if (netwatch_start(&d->watch, network, error, sizeof error))
        return true;
    fprintf(stderr, "tandem demo: network: %s\n", error);
    d->rc = EXIT_IO;
    return false;
}

static void signals(struct demo *d)
{
    uv_signal_init(&d->loop, &d->interrupt);
    uv_signal_init(&d->loop, &d->terminate);
    uv_signal_init(&d->loop, &d->hangup);
    uv_timer_init(&d->loop, &d->end);
    uv_timer_init(&d->loop, &d->clock);
    d->interrupt.data = d->terminate.data = d->hangup.data = d->end.data = d->clock.data = d;
    if (d->data)
        uv_timer_start(&d->clock, on_clock, 0, CLOCK_SAVED_MS);
    uv_signal_start(&d->interrupt, on_signal, SIGINT);
    uv_signal_start(&d->terminate, on_signal, SIGTERM);
    uv_signal_start(&d->hangup, on_hangup, SIGHUP);
    if (d->for_ms > 0)
        uv_timer_start(&d->end, on_end, (uint64_t)d->for_ms, 0);
}

static int run(struct demo *d)
{
    struct buf summary = {0};
    uint64_t seed;
    if (d->data && mkdir(d->data, 0700) != 0 && errno != EEXIST) {
        fprintf(stderr, "tandem demo: cannot make %s: %s\n", d->data, strerror(errno));
        return EXIT_IO;
    }
    if (!cli_pseudonym_key(d->data, d->key) || getrandom(&seed, sizeof seed, 0) != sizeof seed) {
        fprintf(stderr, "tandem demo: no key for pseudonyms: %s\n", strerror(errno));
        return EXIT_IO;
    }
    log_open(&(struct log_options)LOG_DEFAULTS);
    uv_loop_init(&d->loop);
    struct api_options o = {.loop = &d->loop,
                            .pseudonym_key = {d->key[0], d->key[1]},
                            .seed = seed,
                            .simulated = !d->no_faults,
                            .fatal = on_fatal,
                            .arg = d};
    d->api = api_new(&o);
    if (make_world(d)) {
        signals(d);
        if (!watch_network(d, seed) || !serve(d))
            stop(d);
        uv_run(&d->loop, UV_RUN_DEFAULT);
        end_world(d);
        api_summary(d->api, &summary);
        printf("\n%s", summary.data);
    } else if (d->rc == EXIT_DONE) {
        d->rc = EXIT_CONF;
    }
    world_free(d->world);
    api_free(d->api);
    uv_loop_close(&d->loop);
    buf_free(&summary);
    log_close();
    return d->rc;
}

/* ---- the command line ---- */

/* "9h", "90m", or a time of day, "13:30" */
static bool parse_start(const char *text, int64_t *ms)
{
    int h, m, used = 0;
    if (when_parse_span(text, ms))
        return true;
    if (sscanf(text, "%2d:%2d%n", &h, &m, &used) != 2 || text[used] || h < 0 || m < 0 || h > 23 ||
        m > 59)
        return false;
    *ms = (h * 60 + m) * 60000;
    return true;
}

static int option(struct demo *d, const struct command *me, int k, const char *arg)
{
    char *end;
    switch (k) {
    case 'c': d->config_file = arg; break;
    case 't': d->trace = arg; break;
    case 'l': d->listen = arg; break;
    case 'd': d->data = arg; break;
    case 'N': d->no_faults = true; break;
    case 'S':
        d->speed = strtod(arg, &end);
        if (!*arg || *end || !(d->speed > 0 && d->speed <= SPEED_MAX))
            return cli_usage(me, "--speed takes a number above 0, at most %d", SPEED_MAX);
        break;
    case 'p':
        d->port = (int)strtol(arg, &end, 10);
        if (!*arg || *end || d->port < 0 || d->port > 65535)
            return cli_usage(me, "--port takes 0 to 65535, not \"%s\"", arg);
        break;
    case 'F':
        if (!when_parse_span(arg, &d->for_ms) || d->for_ms < 1)
            return cli_usage(me, "--for takes a time such as 60s, 10m or 2h, not \"%s\"", arg);
        break;
    case 'B':
        if (!parse_start(arg, &d->start_ms))
            return cli_usage(me, "--start takes 9h or 13:30, not \"%s\"", arg);
        break;
    case 's':
        d->seed = strtoull(arg, &end, 0);
        if (!*arg || *end || *arg == '-')
            return cli_usage(me, "--seed takes a whole number, not \"%s\"", arg);
        break;
    case 'f':
        if (d->faults == FAULTS_MAX)
            return cli_usage(me, "at most %d faults in one run", FAULTS_MAX);
        d->fault_spec[d->faults++] = arg;
        break;
    default: return EXIT_USE;
    }
    return -1;
}

static int load(struct demo *d, const struct command *me)
{
    struct buf errors = {0};
    char error[400];
    d->network = watch_config_new();
    struct conf_section sections[] = {watch_config_section(d->network), {0}};
    d->config = config_load_file_with(d->config_file, sections, &errors);
    if (!d->config) {
        fprintf(stderr, "%s", errors.data);
        buf_free(&errors);
        return EXIT_CONF;
    }
    for (int i = 0; i < d->faults; i++)
        if (!fault_parse(d->fault_spec[i], d->config, &d->fault[i], error, sizeof error))
            return cli_usage(me, "%s", error);
    if (!d->data && d->config->store.durable)
        d->data = d->config->store.dir;
    if (d->data && !str_copy(d->config->store.dir, sizeof d->config->store.dir, d->data))
        return cli_usage(me, "--data: the path is too long");
    return -1;
}

int cmd_demo(int argc, char **argv)
{
    static const struct option longs[] = {{"config", required_argument, 0, 'c'},
                                          {"trace", required_argument, 0, 't'},
                                          {"speed", required_argument, 0, 'S'},
                                          {"port", required_argument, 0, 'p'},
                                          {"listen", required_argument, 0, 'l'},
                                          {"for", required_argument, 0, 'F'},
                                          {"start", required_argument, 0, 'B'},
                                          {"seed", required_argument, 0, 's'},
                                          {"data", required_argument, 0, 'd'},
                                          {"fault", required_argument, 0, 'f'},
                                          {"no-faults", no_argument, 0, 'N'},
                                          {"help", no_argument, 0, 'h'},
                                          {0}};
    const struct command *me = cli_command("demo");
    struct demo *d = mem_new(1, sizeof *d);
    d->speed = 60;
    d->port = -1;
    d->start_ms = -1;
    d->seed = 1;
    int rc = -1;
    for (int k; rc < 0 && (k = cli_getopt(argc, argv, me, "c:t:S:p:l:F:B:s:d:f:h", longs)) != -1;)
        rc = k == 'h' ? EXIT_DONE : option(d, me, k, optarg);
    if (rc < 0 && optind < argc)
        rc = cli_usage(me, "what is \"%s\"? options only", argv[optind]);
    if (rc < 0 && !d->config_file)
        rc = cli_usage(me, "--config FILE is needed");
    if (rc < 0)
        rc = load(d, me);
    if (rc < 0)
        rc = run(d);
    config_free(d->config);
    watch_config_free(d->network);
    mem_free(d);
    return rc;
}
