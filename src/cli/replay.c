/* replay.c - `tandem replay`: a day of contacts as fast as the machine goes. */
#include "cli/cli.h"

#include "core/model.h"
#include "node/report.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { FAULTS_MAX = 32, TAIL_MS = 4 * 3600 * 1000, SETTLE_MS = 20000 };

struct replay {
    const char *config, *trace, *report;
    uint64_t seed;
    bool durable, quiet;
    struct fault fault[FAULTS_MAX];
    const char *fault_spec[FAULTS_MAX];
    int faults;
};

static double seconds(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void until(struct world *w, td_ms end)
{
    while (world_step(w, end))
        ;
}

static void sample_due(void *arg, void *what, uint64_t unused)
{
    struct world *w = what;
    (void)unused;
    if (!arg)
        return; /* the run is over */
    report_sample(arg, w);
    sched_at(world_sched(w), world_now(w) + 1000, sample_due, arg, w, 0);
}

/* Runs the day, then until the last customer has gone, then until the nodes agree. */
static void run(struct world *w, struct report *r)
{
    sched_at(world_sched(w), world_start(w), sample_due, r, w, 0);
    while (!world_arrivals_over(w))
        until(w, world_now(w) + 60000);
    td_ms tail = world_now(w) + TAIL_MS;
    while (floor_customers(world_floor(w)) && world_now(w) < tail)
        until(w, world_now(w) + 1000);
    until(w, world_now(w) + SETTLE_MS);
}

static bool nodes_agree(struct world *w)
{
    bool first = true;
    uint64_t hash = 0;
    for (int n = 0; n < NODES_MAX; n++) {
        struct node *node = world_node(w, (uint8_t)n);
        if (!node)
            continue;
        uint64_t h = core_hash(node_core(node));
        if (!first && h != hash)
            return false;
        hash = h;
        first = false;
    }
    return true;
}

static int write_report(const struct replay *o, const struct buf *text)
{
    if (!o->report || strcmp(o->report, "-") == 0) {
        fwrite(text->data, 1, text->len, stdout);
        return EXIT_DONE;
    }
    FILE *f = fopen(o->report, "w");
    bool ok = f && fwrite(text->data, 1, text->len, f) == text->len;
    if (f && fclose(f) != 0)
        ok = false;
    if (!ok) {
        fprintf(stderr, "tandem replay: cannot write %s: %s\n", o->report, strerror(errno));
        return EXIT_IO;
    }
    return EXIT_DONE;
}

static void summary(const struct report *r, const struct world *w, double wall_s)
{
    struct report_totals t = report_totals(r);
    double offered = MAX(1.0, (double)(t.answered + t.abandoned));
    fprintf(stderr,
            "%s: %llu contacts, %.2f %% answered in target, mean wait %.2f s, %.1f %% abandoned",
            world_config(w)->name, (unsigned long long)t.contacts,
            100 * (double)t.in_target / offered, t.wait_sum_s / offered,
            100 * (double)t.abandoned / offered);
    if (t.share_error_max > 0)
        fprintf(stderr, ", at most %.2f contacts off a share", t.share_error_max);
    fprintf(stderr, "; %.1f s\n", wall_s);
}

static int play(const struct replay *o, const struct config *c)
{
    struct report *r = report_new(c, o->fault, o->faults);
    struct buf errors = {0}, text = {0};
    struct world_options wo = {.config = c,
                               .seed = o->seed,
                               .trace = o->trace,
                               .durable = o->durable,
                               .faults = o->fault,
                               .n_faults = o->faults};
    wo.hub_tells = true; /* the report counts there */
    wo.hooks = (struct node_config){.arg = r,
                                    .on_fact = report_on_fact,
                                    .on_history = report_on_history,
                                    .on_note = report_on_note};
    double wall = seconds(CLOCK_MONOTONIC), cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
    struct world *w = world_new(&wo, &errors);
    if (!w) {
        fprintf(stderr, "%s", errors.data ? errors.data : "");
        buf_free(&errors);
        report_free(r);
        return o->trace ? EXIT_CONF : EXIT_IO;
    }
    run(w, r);
    struct report_end end = {.wall_s = seconds(CLOCK_MONOTONIC) - wall,
                             .cpu_s = seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu,
                             .trace = o->trace,
                             .seed = o->seed};
    report_write(r, w, &end, &text);
    int rc = write_report(o, &text);
    if (!o->quiet)
        summary(r, w, end.wall_s);
    if (world_trace(w) && trace_failure(world_trace(w))) {
        fprintf(stderr, "tandem replay: %s\n", trace_failure(world_trace(w)));
        rc = EXIT_IO;
    }
    if (rc == EXIT_DONE && !nodes_agree(w)) {
        fprintf(stderr, "tandem replay: the nodes' models differ at the end; see state_hash\n");
        rc = EXIT_NO;
    }
    world_free(w);
    report_free(r);
    buf_free(&text);
    buf_free(&errors);
    return rc;
}

int cmd_replay(int argc, char **argv)
{
    static const struct option longs[] = {{"config", required_argument, 0, 'c'},
                                          {"trace", required_argument, 0, 't'},
                                          {"seed", required_argument, 0, 's'},
                                          {"fault", required_argument, 0, 'f'},
                                          {"report", required_argument, 0, 'r'},
                                          {"durable", no_argument, 0, 'd'},
                                          {"quiet", no_argument, 0, 'q'},
                                          {"help", no_argument, 0, 'h'},
                                          {0}};
    const struct command *me = cli_command("replay");
    struct replay o = {.seed = 1};
    for (int k; (k = cli_getopt(argc, argv, me, "c:t:s:f:r:dqh", longs)) != -1;) {
        char *end;
        switch (k) {
        case 'c': o.config = optarg; break;
        case 't': o.trace = optarg; break;
        case 'r': o.report = optarg; break;
        case 'd': o.durable = true; break;
        case 'q': o.quiet = true; break;
        case 's':
            o.seed = strtoull(optarg, &end, 0);
            if (!*optarg || *end || *optarg == '-')
                return cli_usage(me, "--seed takes a whole number, not \"%s\"", optarg);
            break;
        case 'f':
            if (o.faults == FAULTS_MAX)
                return cli_usage(me, "at most %d faults in one run", FAULTS_MAX);
            o.fault_spec[o.faults++] = optarg;
            break;
        case 'h': return EXIT_DONE;
        default: return EXIT_USE;
        }
    }
    if (optind < argc)
        return cli_usage(me, "what is \"%s\"? options only", argv[optind]);
    if (!o.config)
        return cli_usage(me, "--config FILE is needed");
    struct buf errors = {0};
    struct config *c = config_load_file(o.config, &errors);
    if (!c) {
        fprintf(stderr, "%s", errors.data);
        buf_free(&errors);
        return EXIT_CONF;
    }
    int rc = EXIT_DONE;
    for (int i = 0; i < o.faults && rc == EXIT_DONE; i++) {
        char error[400];
        if (!fault_parse(o.fault_spec[i], c, &o.fault[i], error, sizeof error))
            rc = cli_usage(me, "%s", error);
    }
    if (rc == EXIT_DONE)
        rc = play(&o, c);
    config_free(c);
    buf_free(&errors);
    return rc;
}
