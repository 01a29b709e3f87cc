/* demo.c - `tandem demo`: hub, sites, simulated instances, API and dashboard in one process, at
 * many times the speed of the clock on the wall.
 *
 * What has happened before the moment at which it starts is played first, as fast as the machine
 * goes, so that the board shows a centre at work and not one that opens its doors. */
#include "cli/centre.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/rng.h"
#include "base/when.h"

#define DAY_MS   1625443200000ll             /* Monday 2021-07-05 00:00 UTC, a generated day's */
#define START_MS (14 * 3600000 + 30 * 60000) /* morning in all of America, afternoon in Europe */
enum {
    FAULTS_MAX = 32,
    BEFORE_MS = 30 * 60000, /* of a generated day, played before the start */
    SPEED_MAX = 100000,
    CLOCK_SAVED_MS = 1000, /* of wall time */
};

struct demo {
    struct centre c;
    const char *trace;
    double speed;
    int64_t start_ms; /* -1: not given */
    uint64_t seed;
    bool no_faults;
    const char *fault_spec[FAULTS_MAX];
    struct fault fault[FAULTS_MAX];
    int faults;
    uv_timer_t clock;
};

/* ---- the folder of a durable demo ---- */

static const char *in_data(const struct demo *d, const char *name, char path[4200])
{
    snprintf(path, 4200, "%s/%s", d->c.data, name);
    return path;
}

/* How far the virtual clock of this folder has come; 0: a new one. */
static td_ms load_clock(const struct demo *d)
{
    char path[4200];
    int64_t at = 0;
    FILE *f = d->c.data ? fopen(in_data(d, "clock", path), "re") : NULL;
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
    if (!d->c.data)
        return true;
    FILE *f = fopen(in_data(d, "clock.new", fresh), "we");
    bool ok = f && fprintf(f, "%" PRId64 "\n", world_now(d->c.world)) > 0 && fflush(f) == 0 &&
              (!sync || fsync(fileno(f)) == 0);
    if (f && fclose(f) != 0)
        ok = false;
    return ok && rename(fresh, in_data(d, "clock", path)) == 0;
}

/* ---- the world ---- */

static bool make_world(struct demo *d)
{
    td_ms was = load_clock(d), start;
    if (was && d->trace) {
        fprintf(stderr,
                "tandem demo: %s holds a run already, and a trace cannot go on where it "
                "was: name another folder\n",
                d->c.data);
        d->c.rc = EXIT_CONF;
        return false;
    }
    struct world_options o = {.seed = d->seed, .trace = d->trace};
    int64_t before = MIN(BEFORE_MS, d->c.config->workload.duration_ms / 6);
    start = DAY_MS + (d->start_ms >= 0 ? d->start_ms : START_MS);
    if (was) { /* goes on after it was stopped or killed, with other customers */
        start = was + 60000 + (td_ms)(2 * d->speed * CLOCK_SAVED_MS);
        before = 0;
        o.seed = d->seed ^ mix64((uint64_t)was);
    }
    o.start = MAX(start - before, DAY_MS);
    if (!centre_world(&d->c, &o, d->speed, d->trace ? MAX(d->start_ms, 0) : start - o.start))
        return false;
    if (d->trace)
        start = world_start(d->c.world) + MAX(d->start_ms, 0);
    for (int i = 0; i < d->faults; i++)
        api_fault(d->c.api, &d->fault[i], d->fault_spec[i], start + d->fault[i].at_ms);
    return true;
}

static void end_world(struct demo *d)
{
    if (d->c.world && !save_clock(d, true) && d->c.rc == EXIT_DONE) {
        fprintf(stderr, "tandem demo: cannot write %s/clock: %s\n", d->c.data, strerror(errno));
        d->c.rc = EXIT_IO;
    }
}

static void on_clock(uv_timer_t *timer)
{
    if (!save_clock(timer->data, false))
        log_warn("demo", "the clock cannot be saved", LF_S("why", strerror(errno)));
}

/* ---- the run ---- */

static void leave(void *arg, void (*left)(void *arg), void *left_arg)
{
    struct demo *d = arg;
    uv_close((uv_handle_t *)&d->clock, NULL);
    left(left_arg);
}

static void run(struct demo *d)
{
    char how[400];
    int port = -1;
    d->c.simulated = !d->no_faults;
    d->c.leave = leave;
    d->c.arg = d;
    if (!centre_begin(&d->c))
        return;
    uv_timer_init(&d->c.loop, &d->clock);
    d->clock.data = d;
    if (make_world(d)) {
        if (d->c.data)
            uv_timer_start(&d->clock, on_clock, 0, CLOCK_SAVED_MS);
        port = centre_serve(&d->c);
    }
    snprintf(how, sizeof how, ", %g times as fast as the clock on the wall%s%s", d->speed,
             d->trace ? ", playing " : "", d->trace ? d->trace : "");
    if (port >= 0)
        centre_announce(&d->c, port, how, "");
    else
        centre_stop(&d->c);
    centre_loop(&d->c);
    end_world(d);
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
    case 't': d->trace = arg; break;
    case 'N': d->no_faults = true; break;
    case 'S':
        d->speed = strtod(arg, &end);
        if (!*arg || *end || !(d->speed > 0 && d->speed <= SPEED_MAX))
            return cli_usage(me, "--speed takes a number above 0, at most %d", SPEED_MAX);
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
    default: return centre_option(&d->c, k, arg);
    }
    return -1;
}

static int load(struct demo *d, const struct command *me)
{
    char error[400];
    int rc = centre_load(&d->c, NULL);
    for (int i = 0; rc < 0 && i < d->faults; i++)
        if (!fault_parse(d->fault_spec[i], d->c.config, &d->fault[i], error, sizeof error))
            rc = cli_usage(me, "%s", error);
    return rc;
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
    d->c = (struct centre)CENTRE(me);
    d->speed = 60;
    d->start_ms = -1;
    d->seed = 1;
    int rc = -1;
    for (int k; rc < 0 && (k = cli_getopt(argc, argv, me, "c:t:S:p:l:F:B:s:d:f:h", longs)) != -1;)
        rc = k == 'h' ? EXIT_DONE : option(d, me, k, optarg);
    if (rc < 0 && optind < argc)
        rc = cli_usage(me, "what is \"%s\"? options only", argv[optind]);
    if (rc < 0)
        rc = load(d, me);
    if (rc < 0) {
        run(d);
        rc = d->c.rc;
    }
    centre_free(&d->c);
    mem_free(d);
    return rc;
}
