/* bench_fpm - what a forwarding table costs that a router tells over FPM.
 *
 *   bench_fpm [ROUTES]
 *
 * A million routes (or so many) as FRR's dplane_fpm_nl tells them, to 16 neighbours: a frame each,
 * 64 bytes with gateway and interface, in reads of 64 KiB. First into nothing, then into the
 * tables, then all told again. The same by the numbers of 16 next hops, and all those changed by
 * a message each. Processor time of one core, nanoseconds a route. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
#include "net/fpm.h"
#include "net/rib.h"

enum { READ_BYTES = 1 << 16 };

static double cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void write_routes(struct buf *b, uint32_t n)
{
    uint8_t f[64] = {1,    1, 0,   64,  60, 0, 0, 0, 24,  0,   1, 5, 0, 0, 0, 0, 0, 0, 0, 0, 2, 24,
                     0,    0, 254, 186, 0,  1, 0, 0, 0,   0,   8, 0, 1, 0, 0, 0, 0, 0, 8, 0, 6, 0,
                     0x14, 0, 0,   0,   8,  0, 5, 0, 169, 254, 0, 1, 8, 0, 4, 0, 4, 0, 0, 0};
    for (uint32_t i = 0; i < n; i++) {
        uint32_t net = 0x01000000 + (i << 8); /* 1.0.0.0/24, 1.0.1.0/24, ... */
        f[36] = (uint8_t)(net >> 24);
        f[37] = (uint8_t)(net >> 16);
        f[38] = (uint8_t)(net >> 8);
        f[54] = f[60] = (uint8_t)(i * 2654435761u >> 28);
        buf_add(b, f, sizeof f);
    }
}

/* By number: the neighbours' next hops, and the routes with RTA_NH_ID. */
static void write_hops(struct buf *b, uint8_t net)
{
    uint8_t f[44] = {1,  1, 0, 44, 40, 0, 0, 0, 104, 0, 1, 5, 0, 0, 0, 0, 0, 0, 0,  0,   2, 0,
                     11, 0, 0, 0,  0,  0, 8, 0, 1,   0, 0, 0, 0, 0, 8, 0, 6, 0, 10, net, 0, 0};
    for (uint8_t i = 0; i < 16; i++) {
        f[32] = 1 + i;
        f[43] = i;
        buf_add(b, f, sizeof f);
    }
}

static void write_numbered(struct buf *b, uint32_t n)
{
    uint8_t f[48] = {1, 1, 0, 48, 44, 0,  0, 0, 24,  0,   1,  5, 0, 0, 0, 0,
                     0, 0, 0, 0,  2,  24, 0, 0, 254, 186, 0,  1, 0, 0, 0, 0,
                     8, 0, 1, 0,  0,  0,  0, 0, 8,   0,   30, 0, 0, 0, 0, 0};
    write_hops(b, 0);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t net = 0x01000000 + (i << 8);
        f[36] = (uint8_t)(net >> 24);
        f[37] = (uint8_t)(net >> 16);
        f[38] = (uint8_t)(net >> 8);
        f[44] = (uint8_t)(1 + (i * 2654435761u >> 28));
        buf_add(b, f, sizeof f);
    }
}

struct told {
    struct attr_table *attrs;
    struct sources *sources;
    struct rib *rib;
    uint64_t routes;
};

static void count(void *arg, const struct route_event *e)
{
    ((struct told *)arg)->routes += e->type == ROUTE_ANNOUNCE;
}

static void keep(void *arg, const struct route_event *e)
{
    count(arg, e);
    rib_apply(((struct told *)arg)->rib, e);
}

static void run(struct told *t, const char *what, const struct buf *b, route_sink *sink)
{
    struct fpm_options o = {t->attrs, t->sources, source_router(t->sources, "r/fib"), sink, t};
    struct fpm_session *s = fpm_session_new(&o);
    t->routes = 0;
    double start = cpu_ns();
    for (size_t at = 0; at < b->len; at += READ_BYTES)
        BUG_ON(fpm_feed(s, b->data + at, MIN((size_t)READ_BYTES, b->len - at), 1000) !=
               FPM_GOING_ON);
    double ns = (cpu_ns() - start) / (double)t->routes;
    printf("%-28s %8.1f ns a route, %6.1f million a second\n", what, ns, 1e3 / ns);
    fpm_session_free(s, 2000);
}

static void run_numbers(struct told *t, uint32_t n, route_sink *sink)
{
    struct fpm_options o = {t->attrs, t->sources, source_router(t->sources, "r/fib"), sink, t};
    struct fpm_session *s = fpm_session_new(&o);
    struct buf b = {0};
    write_numbered(&b, n);
    double start = cpu_ns();
    for (size_t at = 0; at < b.len; at += READ_BYTES)
        BUG_ON(fpm_feed(s, b.data + at, MIN((size_t)READ_BYTES, b.len - at), 1000) != FPM_GOING_ON);
    printf("%-28s %8.1f ns a route\n", "by number", (cpu_ns() - start) / n);
    buf_reset(&b);
    write_hops(&b, 1);
    t->routes = 0;
    start = cpu_ns();
    BUG_ON(fpm_feed(s, b.data, b.len, 1000) != FPM_GOING_ON);
    uint32_t ticks = 0;
    for (; t->routes < n; ticks++)
        BUG_ON(fpm_tick(s, 1000) != FPM_GOING_ON);
    double ns = cpu_ns() - start;
    printf("%-28s %8.1f ns a route, %u ticks of %.1f ms\n", "its numbers change", ns / n, ticks,
           ns / 1e6 / (ticks ? ticks : 1));
    BUG_ON(fpm_session_stats(s).told_anew != n);
    buf_free(&b);
    fpm_session_free(s, 2000);
}

int main(int argc, char **argv)
{
    uint32_t n = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 1000000;
    static const struct rib_limits limits = RIB_LIMITS_DEFAULTS;
    struct told t = {.attrs = attr_table_new(1, ATTR_SETS_MAX, ATTR_BYTES_MAX),
                     .sources = sources_new()};
    struct buf b = {0};
    t.rib = rib_new(t.attrs, t.sources, &limits, NULL, NULL);
    write_routes(&b, n);
    printf("%u routes, %.1f MB\n", n, (double)b.len / 1e6);
    run(&t, "parsed", &b, count);
    run(&t, "into tables, first time", &b, keep);
    run(&t, "into tables, told again", &b, keep);
    run_numbers(&t, n, count);
    run_numbers(&t, n, keep);
    BUG_ON(rib_stats(t.rib).routes != n || rib_stats(t.rib).refused);
    rib_free(t.rib);
    sources_free(t.sources);
    attr_table_free(t.attrs);
    buf_free(&b);
    return 0;
}
