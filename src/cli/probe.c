/* probe.c - `tandem probe`: STAMP's reflector, and one path under probes, from the command line. */
#include "cli/cli.h"

#include "base/mem.h" /* before uv.h, which may define MIN and MAX again */

#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "base/when.h"
#include "driver/probe/key.h"
#include "driver/probe/probe.h"
#include "driver/probe/reflector.h"
#include "driver/probe/trace.h"
#include "net/probe_json.h"

enum { FLOWS_MAX = 64 };

struct run {
    const struct command *me;
    const char *kind, *what; /* of the command line: stamp, and where to */
    struct ip_addr address, source;
    bool has_key, json;
    struct stamp_key key;
    struct prefix allow[REFLECTOR_ALLOW_MAX];
    uint32_t n_allow, flows;
    int64_t for_ms, pace_ms;
    uint16_t port, flow;
    uv_loop_t loop;
    uv_signal_t interrupt, terminate;
    uv_timer_t end;
    struct prober *prober;
    struct reflector *reflector;
    struct trace_run *trace;
    bool stopping;
    int rc;
};

/* ---- options ---- */

static bool number(const char *text, int64_t least, int64_t most, int64_t *out)
{
    char *end;
    long long v = strtoll(text, &end, 10);
    *out = v;
    return *text && !*end && v >= least && v <= most;
}

static bool take_number(struct run *r, int k)
{
    int64_t v = 0;
    switch (k) {
    case 'p':
        if (!number(optarg, 0, 65535, &v))
            return false;
        r->port = (uint16_t)v;
        return true;
    case 'F':
        if (!number(optarg, 1, 65535, &v))
            return false;
        r->flow = (uint16_t)v;
        return true;
    case 'n':
        if (!number(optarg, 1, FLOWS_MAX, &v))
            return false;
        r->flows = (uint32_t)v;
        return true;
    case 'P': return when_parse_span(optarg, &r->pace_ms) && r->pace_ms < UINT32_MAX;
    default: return when_parse_span(optarg, &r->for_ms);
    }
}

/* 0: go on; else an exit code and 1. */
static int take_option(struct run *r, int k)
{
    char why[300];
    switch (k) {
    case 'j': r->json = true; return 0;
    case 'k':
        r->has_key = true;
        if (stamp_key_load(optarg, &r->key, why, sizeof why))
            return 0;
        return 1 + cli_usage(r->me, "%s", why);
    case 'l':
    case 's':
        return ip_parse(optarg, k == 'l' ? &r->address : &r->source)
                   ? 0
                   : 1 + cli_usage(r->me, "%s is no address", optarg);
    case 'a':
        if (r->n_allow == REFLECTOR_ALLOW_MAX || !prefix_parse(optarg, &r->allow[r->n_allow++]))
            return 1 + cli_usage(r->me, "%s is no prefix, or one too many", optarg);
        return 0;
    case 'h': return 1 + EXIT_DONE;
    case '?': return 1 + EXIT_USE;
    default: return take_number(r, k) ? 0 : 1 + cli_usage(r->me, "%s is not in its bounds", optarg);
    }
}

static int options(struct run *r, int argc, char **argv)
{
    static const struct option longs[] = {
        {"port", required_argument, 0, 'p'},   {"flow", required_argument, 0, 'F'},
        {"flows", required_argument, 0, 'n'},  {"pace", required_argument, 0, 'P'},
        {"for", required_argument, 0, 'f'},    {"key-file", required_argument, 0, 'k'},
        {"listen", required_argument, 0, 'l'}, {"source", required_argument, 0, 's'},
        {"allow", required_argument, 0, 'a'},  {"json", no_argument, 0, 'j'},
        {"help", no_argument, 0, 'h'},         {0}};
    for (int k, rc; (k = cli_getopt(argc, argv, r->me, "p:F:n:P:f:k:l:s:a:jh", longs)) != -1;)
        if ((rc = take_option(r, k)) != 0)
            return rc;
    int left = argc - optind;
    r->kind = left > 0 ? argv[optind] : "";
    r->what = left > 1 ? argv[optind + 1] : NULL;
    bool reflect = strcmp(r->kind, "reflect") == 0, https = strcmp(r->kind, "https") == 0;
    if (left != (reflect ? 1 : 2))
        return 1 + cli_usage(r->me, "reflect, or a kind and where to");
    if (!reflect && !https && !ip_parse(r->what, &r->address))
        return 1 + cli_usage(r->me, "%s is no address", r->what);
    return 0;
}

/* ---- the end ---- */

static void stop(struct run *r)
{
    if (r->stopping)
        return;
    r->stopping = true;
    uv_close((uv_handle_t *)&r->interrupt, NULL);
    uv_close((uv_handle_t *)&r->terminate, NULL);
    uv_close((uv_handle_t *)&r->end, NULL);
    if (r->trace)
        trace_cancel(r->trace);
    if (r->reflector)
        reflector_close(r->reflector, NULL, NULL);
    if (r->prober)
        prober_close(r->prober, NULL, NULL);
}

/* ---- paths ---- */

static void print_delay(const char *name, int32_t us)
{
    if (us != PROBE_US_UNKNOWN)
        printf("  %s %.3f ms", name, us / 1000.0);
}

static void print_result(const struct probe_result *r)
{
    char when[WHEN_TEXT], text[IP_TEXT_MAX];
    when_print(r->at_ms, when);
    printf("%s  flow %u  %s", when, r->flow, probe_what_names[r->what]);
    if (r->what == PROBE_DOWN || r->what == PROBE_UP)
        printf("  since %" PRId64 " ms", r->at_ms - r->since_ms);
    print_delay("two-way", r->two_way_us);
    print_delay("there", r->there_us);
    print_delay("back", r->back_us);
    if (r->hops_there != PATH_UNKNOWN)
        printf("  hops %u/%u", r->hops_there, r->hops_back);
    if (r->what == PROBE_SHIFT)
        printf("  %s: there %+.3f ms, back %+.3f ms", change_kind_names[r->shift],
               r->shift_there_us / 1000.0, r->shift_back_us / 1000.0);
    if (r->what == PROBE_SPAN)
        printf("  sent %u lost %u", r->sent, r->lost);
    if (r->what == PROBE_SPAN && r->lost_there >= 0)
        printf(" (there %d, back %d)", r->lost_there, r->lost_back);
    if (r->what == PROBE_LOOP)
        printf("  %u routers, first %s", r->loop_hops, ip_text(&r->loop_at, text));
    printf("\n");
    fflush(stdout);
}

static void on_found(void *arg, const struct probe_result *result)
{
    struct run *r = arg;
    struct buf b = {0};
    struct jw w;
    if (!r->json) {
        print_result(result);
        return;
    }
    jw_begin(&w, &b);
    probe_result_json(&w, result, NULL, NULL);
    jw_done(&w);
    printf("%s\n", b.data);
    fflush(stdout);
    buf_free(&b);
}

/* The sums of each flow; the exit code says whether all are up. */
static void print_totals(struct run *r)
{
    for (uint32_t i = 0; i < r->flows; i++) {
        const struct path *p = prober_path(r->prober, (int)i);
        struct path_totals t = path_totals(p);
        const struct hist *h = path_two_way(p);
        bool up = path_state(p) == PATH_STATE_UP;
        if (!up)
            r->rc = EXIT_NO;
        if (r->json)
            printf("{\"what\":\"total\",\"path\":%u,\"up\":%s,\"sent\":%" PRIu64
                   ",\"answered\":%" PRIu64 ",\"missed\":%" PRIu64 ",\"late\":%" PRIu64
                   ",\"lost_there\":%" PRId64 ",\"lost_back\":%" PRId64
                   ",\"two_way_p50_us\":%" PRId64 ",\"two_way_p99_us\":%" PRId64 "}\n",
                   i, up ? "true" : "false", t.sent, t.answered, t.missed, t.late, t.lost_there,
                   t.lost_back, hist_quantile(h, 0.5), hist_quantile(h, 0.99));
        else
            printf("flow %u: %s, %" PRIu64 " sent, %" PRIu64 " answered; two-way p50 %.3f p99 %.3f "
                   "max %.3f ms\n",
                   i, up ? "up" : "not up", t.sent, t.answered,
                   (double)hist_quantile(h, 0.5) / 1000, (double)hist_quantile(h, 0.99) / 1000,
                   (double)h->max / 1000);
    }
}

static int add_flows(struct run *r, enum probe_kind kind)
{
    char why[160];
    struct prober_config c = {.key = r->has_key ? &r->key : NULL};
    r->prober = prober_new(&r->loop, &c, on_found, r);
    for (uint32_t i = 0; i < r->flows; i++) {
        bool https = kind == PROBE_HTTPS;
        struct probe_target t = {
            .path = {.kind = (uint8_t)kind,
                     .flow = (uint16_t)i,
                     .span_ms = 1000,
                     .timeout_max_ms = https ? 10000 : 0},
            .address = r->address,
            .port = r->port,
            .source = r->source,
            .source_port = r->flow ? (uint16_t)(r->flow + i) : 0,
            .pace_ms = (uint32_t)(r->pace_ms            ? r->pace_ms
                                  : kind == PROBE_STAMP ? 20
                                                        : 1000),
            .url = https ? r->what : NULL,
        };
        if (prober_add(r->prober, &t, why, sizeof why) < 0) {
            fprintf(stderr, "tandem probe: %s\n", why);
            return EXIT_IO;
        }
    }
    return EXIT_DONE;
}

/* ---- traceroute ---- */

static void trace_json(const struct trace *t, const struct trace_loop *loop)
{
    struct buf b = {0};
    struct jw w;
    char text[IP_TEXT_MAX];
    jw_begin(&w, &b);
    jw_obj(&w);
    jw_key(&w, "end");
    jw_str(&w, trace_end_names[t->end]);
    jw_key(&w, "hops");
    jw_arr(&w);
    for (int i = 0; i < t->hops; i++) {
        if (t->hop[i].router.family)
            jw_str(&w, ip_text(&t->hop[i].router, text));
        else
            jw_null(&w);
    }
    jw_end(&w);
    if (loop) {
        jw_key(&w, "loop_at");
        jw_str(&w, ip_text(&loop->at, text));
        jw_key(&w, "loop_hops");
        jw_int(&w, loop->routers);
    }
    jw_end(&w);
    jw_done(&w);
    printf("%s\n", b.data);
    buf_free(&b);
}

static void on_traced(void *arg, const struct trace *t, const struct trace_loop *loop)
{
    struct run *r = arg;
    char text[IP_TEXT_MAX];
    r->trace = NULL;
    r->rc = t->end == TRACE_REACHED ? EXIT_DONE : EXIT_NO;
    if (r->json)
        trace_json(t, loop);
    for (int i = 0; i < t->hops && !r->json; i++) {
        const struct trace_hop *h = &t->hop[i];
        if (h->router.family)
            printf("%2d  %s  %.3f ms\n", i + 1, ip_text(&h->router, text), h->two_way_us / 1000.0);
        else
            printf("%2d  *\n", i + 1);
    }
    if (!r->json)
        printf("%s\n", trace_end_names[t->end]);
    if (loop && !r->json)
        printf("a loop of %u routers, first %s, seen on two runs\n", loop->routers,
               ip_text(&loop->at, text));
    stop(r);
}

static int trace(struct run *r)
{
    char why[160];
    struct trace_spec spec = {.to = r->address,
                              .source = r->source,
                              .port = r->port,
                              .source_port = r->flow,
                              .key = r->has_key ? &r->key : NULL};
    r->trace = trace_start(&r->loop, &spec, on_traced, r, why, sizeof why);
    if (r->trace)
        return EXIT_DONE;
    fprintf(stderr, "tandem probe: %s\n", why);
    return EXIT_IO;
}

/* ---- the reflector ---- */

static int reflect(struct run *r)
{
    char why[160];
    struct reflector_config c = {.address = r->address,
                                 .port = r->port,
                                 .allow = r->allow,
                                 .n_allow = r->n_allow,
                                 .key = r->has_key ? &r->key : NULL};
    r->reflector = reflector_new(&r->loop, &c, why, sizeof why);
    if (!r->reflector) {
        fprintf(stderr, "tandem probe: %s\n", why);
        return EXIT_IO;
    }
    printf("reflecting on UDP port %u\n", reflector_port(r->reflector));
    fflush(stdout);
    return EXIT_DONE;
}

static void print_reflected(const struct run *r)
{
    struct reflector_stats s = reflector_stats(r->reflector);
    printf("%" PRIu64 " answered, %u sessions; %" PRIu64 " refused, %" PRIu64 " malformed, %" PRIu64
           " forged, %" PRIu64 " held\n",
           s.answered, s.sessions, s.refused, s.malformed, s.forged, s.held);
}

/* ---- all of them ---- */

static void finish(struct run *r)
{
    if (r->prober)
        print_totals(r);
    if (r->reflector)
        print_reflected(r);
    stop(r);
}

static void on_signal(uv_signal_t *s, int number)
{
    (void)number;
    finish(s->data);
}

static void on_end(uv_timer_t *t)
{
    finish(t->data);
}

static int start(struct run *r)
{
    static const char *const kinds[] = {"stamp", "tcp", "https"};
    if (strcmp(r->kind, "reflect") == 0)
        return reflect(r);
    if (strcmp(r->kind, "trace") == 0)
        return trace(r);
    for (size_t i = 0; i < COUNTOF(kinds); i++)
        if (strcmp(r->kind, kinds[i]) == 0)
            return add_flows(r, (enum probe_kind)i);
    return cli_usage(r->me, "\"%s\" is none of reflect, stamp, tcp, https, trace", r->kind);
}

int cmd_probe(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "sites") == 0)
        return cmd_probe_sites(argc - 1, argv + 1);
    struct run *r = mem_new(1, sizeof *r);
    r->me = cli_command("probe");
    r->flows = 1;
    r->port = STAMP_PORT;
    int rc = options(r, argc, argv);
    if (rc) {
        mem_free(r);
        return rc - 1;
    }
    uv_loop_init(&r->loop);
    uv_signal_init(&r->loop, &r->interrupt);
    uv_signal_init(&r->loop, &r->terminate);
    uv_timer_init(&r->loop, &r->end);
    r->interrupt.data = r->terminate.data = r->end.data = r;
    uv_signal_start(&r->interrupt, on_signal, SIGINT);
    uv_signal_start(&r->terminate, on_signal, SIGTERM);
    rc = start(r);
    if (rc != EXIT_DONE)
        stop(r);
    else if (r->for_ms)
        uv_timer_start(&r->end, on_end, (uint64_t)r->for_ms, 0);
    uv_run(&r->loop, UV_RUN_DEFAULT);
    BUG_ON(uv_loop_close(&r->loop) != 0);
    rc = rc != EXIT_DONE ? rc : r->rc;
    memset(&r->key, 0, sizeof r->key);
    mem_free(r);
    return rc;
}
