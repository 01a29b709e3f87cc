/* bench_bmp - how fast a router's BMP stream becomes updates, and a RIB: processor time a message.
 *
 *   bench_bmp [MESSAGES]          parse, and into a RIB; 1.15 million Route Monitoring messages
 *   bench_bmp --write FILE [N]    only writes the stream
 *   bench_bmp --send PORT FILE    sends it to a station at 127.0.0.1, and closes
 *   bench_bmp --station PORT      is such a station: from the first to the last byte of one router
 *                                 into a RIB, what it cost
 *
 * The stream is made as FRR makes one of a full table: one prefix a message, attributes in FRR's
 * encoding (AS_PATH with a long length), prefixes in order, lengths as in the table of the
 * Internet, about 80,000 distinct sets of attributes, neighbouring prefixes often with the same
 * ones, each path as long as paths are. Half is the view before policy, half after it, as FRR tells
 * both. */
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/rng.h"
#include "bgp_write.h"
#include "driver/routes/feed_station.h"
#include "net/bmp.h"
#include "net/rib.h"

#include <uv.h> /* its MIN would be in the way of ours */

enum { MESSAGES = 1150000, SETS = 80000 };

static double cpu_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- the stream ---- */

struct set {
    struct attr attr;
    uint32_t path[12], communities[8];
};

static void draw_set(struct set *s, struct rng *rng, uint8_t family)
{
    uint32_t n = 2 + (uint32_t)rng_below(rng, 3) + (uint32_t)rng_below(rng, 4);
    s->path[0] = AS_SEGMENT(AS_SEQUENCE, n);
    s->path[1] = 16550; /* the peer */
    for (uint32_t i = 2; i <= n; i++)
        s->path[i] = 1 + (uint32_t)rng_below(rng, rng_chance(rng, 0.7) ? 65000 : 400000);
    uint32_t communities = (uint32_t)rng_below(rng, 7);
    for (uint32_t i = 0; i < communities; i++)
        s->communities[i] = (uint32_t)rng_u64(rng);
    s->attr = (struct attr){.path = s->path,
                            .n_path = (uint16_t)(n + 1),
                            .communities = s->communities,
                            .n_communities = (uint16_t)communities,
                            .origin = rng_chance(rng, 0.9) ? ORIGIN_IGP : ORIGIN_INCOMPLETE,
                            .has = rng_chance(rng, 0.3) ? ATTR_MED : 0,
                            .next_hop = {{169, 254, 0, 1}, family}};
}

/* The next prefix behind the last one: two thirds are /24. */
static struct prefix next_prefix(uint32_t *at, struct rng *rng)
{
    static const uint8_t lengths[] = {24, 24, 24, 24, 24, 24, 24, 24, 24, 24,
                                      24, 24, 23, 22, 22, 21, 20, 19, 18, 16};
    struct prefix p = {.len = lengths[rng_below(rng, COUNTOF(lengths))], .family = IPV4};
    uint32_t step = 1u << (32 - p.len);
    *at = (*at + step - 1) & ~(step - 1);
    for (int i = 0; i < 4; i++)
        p.byte[i] = (uint8_t)(*at >> (24 - 8 * i));
    *at += step + (uint32_t)rng_below(rng, 3) * 256;
    return p;
}

/* The same network in IPv6, told in MP_REACH: 10.1.0.0/16 becomes 2001:da:100::/40. */
static struct prefix in_ipv6(const struct prefix *p)
{
    struct prefix six = {.byte = {0x20, 1, 0}, .len = (uint8_t)(p->len + 24), .family = IPV6};
    memcpy(six.byte + 3, p->byte, 4);
    return six;
}

static void write_table(struct buf *b, const struct wr_peer *peer, const struct set *sets,
                        uint32_t n, uint8_t family)
{
    struct rng rng = rng_seed(11, 1); /* the same table for each view */
    struct wr_style style = {.extended = true, .mp_family = family == IPV6 ? IPV6 : 0};
    uint32_t at = 1u << 24, set = 0;
    for (uint32_t i = 0; i < n; i++) {
        struct wr_route r = {next_prefix(&at, &rng), 0};
        if (rng_chance(&rng, 0.4))
            set = (uint32_t)rng_below(&rng, SETS);
        if (family == IPV6)
            r.prefix = in_ipv6(&r.prefix);
        wr_monitoring(b, peer, &style, &sets[set].attr, NULL, 0, &r, 1);
    }
}

static void write_stream(struct buf *b, uint32_t messages, uint8_t family)
{
    struct rng rng = rng_seed(11, 0);
    struct set *sets = mem_new(SETS, sizeof *sets);
    for (uint32_t i = 0; i < SETS; i++)
        draw_set(&sets[i], &rng, family);
    struct wr_peer peer = {.address = {{169, 254, 0, 1}, IPV4}, .as = 16550, .router_id = 1};
    wr_initiation(b, "bench");
    wr_peer_up(b, &peer, 64602, 0, 0);
    write_table(b, &peer, sets, messages / 2, family);
    peer.flags = 0x40;
    write_table(b, &peer, sets, messages - messages / 2, family);
    wr_monitoring(b, &peer, &(struct wr_style){0}, NULL, NULL, 0, NULL, 0); /* End-of-RIB */
    mem_free(sets);
}

/* ---- who reads it ---- */

struct reader_of_bmp {
    struct attr_table *attrs;
    struct bgp_decoder *decoder;
    struct sources *sources;
    struct rib *rib;
    struct bmp_session *session;
    uint64_t announced, sum, end_of_rib;
};

static void count(void *arg, const struct route_event *e)
{
    struct reader_of_bmp *r = arg;
    r->announced += e->type == ROUTE_ANNOUNCE;
    r->end_of_rib += e->type == ROUTE_END_OF_RIB;
    r->sum += e->attr + e->prefix.byte[1];
}

static void into_rib(void *arg, const struct route_event *e)
{
    struct reader_of_bmp *r = arg;
    r->end_of_rib += e->type == ROUTE_END_OF_RIB;
    rib_apply(r->rib, e);
}

static void reader_begin(struct reader_of_bmp *r, route_sink *sink)
{
    struct rib_limits limits = RIB_LIMITS_DEFAULTS;
    *r = (struct reader_of_bmp){.attrs = attr_table_new(1, ATTR_SETS_MAX, ATTR_BYTES_MAX),
                                .sources = sources_new()};
    r->decoder = bgp_decoder_new(r->attrs, 1, BGP_CACHE_ENTRIES);
    r->rib = rib_new(r->attrs, r->sources, &limits, NULL, NULL);
    r->session = bmp_session_new(
        &(struct bmp_options){r->decoder, r->sources, source_router(r->sources, "bench"), sink, r});
}

static void reader_end(struct reader_of_bmp *r)
{
    bmp_session_free(r->session, 0);
    rib_free(r->rib);
    bgp_decoder_free(r->decoder);
    attr_table_free(r->attrs);
    sources_free(r->sources);
}

/* In pieces as a socket gives them. */
static void feed(struct reader_of_bmp *r, const struct buf *b)
{
    enum { PIECE = 1 << 16 };
    for (size_t at = 0; at < b->len; at += PIECE)
        BUG_ON(bmp_feed(r->session, b->data + at, MIN((size_t)PIECE, b->len - at), 1000) !=
               BMP_GOING_ON);
}

static void report_memory(const struct reader_of_bmp *r)
{
    struct rib_stats s = rib_stats(r->rib);
    struct attr_stats a = attr_table_stats(r->attrs);
    printf("memory  %" PRIu64 " routes, %" PRIu64 " prefixes: %.1f bytes a route; %u sets of "
           "attributes: %.0f bytes each\n",
           s.routes, s.prefixes, (double)s.bytes / (double)s.routes, a.sets,
           (double)a.bytes / a.sets);
}

static void row(const char *what, const struct buf *b, uint64_t messages, double s)
{
    printf("%-22s %8.2f M messages/s  %6.1f ns each  %6.2f GB/s\n", what,
           (double)messages / s / 1e6, s / (double)messages * 1e9, (double)b->len / s / 1e9);
}

/* Parsed only. The least of some rounds counts: what else the machine does makes others slower. */
static void measure_parse(const char *what, const struct buf *b, uint32_t messages)
{
    char title[40];
    enum { BEGINNINGS = 4, AGAIN = 6 };
    double first = 1e9, known = 1e9;
    for (int k = 0; k < BEGINNINGS; k++) {
        struct reader_of_bmp r;
        reader_begin(&r, count);
        for (int i = 0; i <= AGAIN; i++) { /* the session goes on, and is told everything anew */
            double start = cpu_s();
            feed(&r, b);
            double *best = i ? &known : &first; /* the first time it learns the attributes */
            *best = MIN(*best, cpu_s() - start);
        }
        BUG_ON(r.announced != (AGAIN + 1ull) * messages);
        reader_end(&r);
    }
    snprintf(title, sizeof title, "%s, first time", what);
    row(title, b, messages, first);
    snprintf(title, sizeof title, "%s, attributes known", what);
    row(title, b, messages, known);
}

static void measure(uint32_t messages)
{
    struct buf b = {0};
    struct reader_of_bmp r;
    write_stream(&b, messages, IPV4);
    printf("stream  %u messages, %.1f MB, %.0f bytes each\n", messages, (double)b.len / 1e6,
           (double)b.len / messages);
    measure_parse("parse", &b, messages);
    reader_begin(&r, into_rib);
    double start = cpu_s();
    feed(&r, &b);
    row("into a RIB, first time", &b, messages, cpu_s() - start);
    report_memory(&r);
    start = cpu_s();
    feed(&r, &b);
    row("into a RIB, again", &b, messages, cpu_s() - start);
    reader_end(&r);
    buf_reset(&b);
    write_stream(&b, messages, IPV6);
    measure_parse("IPv6", &b, messages);
    buf_free(&b);
}

/* ---- over TCP ---- */

static void read_file(const char *path, struct buf *b)
{
    FILE *in = fopen(path, "rb");
    size_t n = in ? 1 : 0;
    while (n) {
        buf_reserve(b, 1 << 20);
        n = fread(b->data + b->len, 1, 1 << 20, in);
        b->len += n;
    }
    if (in)
        fclose(in);
}

static int send_file(int port, const char *path)
{
    struct buf b = {0};
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    read_file(path, &b);
    bool ok = b.len && connect(fd, (struct sockaddr *)&to, sizeof to) == 0;
    for (size_t at = 0; ok && at < b.len;) {
        ssize_t n = send(fd, b.data + at, b.len - at, MSG_NOSIGNAL);
        ok = n > 0;
        at += ok ? (size_t)n : 0;
    }
    close(fd);
    if (!ok)
        fprintf(stderr, "bench_bmp: cannot send %s to port %d\n", path, port);
    buf_free(&b);
    return !ok;
}

struct served {
    struct reader_of_bmp reader;
    struct feed_station *station;
    double start_s;
};

static void on_served(void *arg, const struct route_event *e)
{
    struct served *v = arg;
    into_rib(&v->reader, e);
    if (e->type == ROUTE_FEED_UP) {
        v->start_s = cpu_s();
    } else if (e->type == ROUTE_FEED_LOST) {
        struct feed_station_stats st = feed_station_stats(v->station);
        double s = cpu_s() - v->start_s;
        printf("%" PRIu64 " messages, %" PRIu64 " routes: %.3f s of processor time\n", st.messages,
               rib_stats(v->reader.rib).routes, s);
        exit(0);
    }
}

static int serve(int port)
{
    struct served v;
    struct feed_station_config config = FEED_STATION_DEFAULTS;
    uv_loop_t *loop = uv_default_loop();
    char error[200];
    reader_begin(&v.reader, count);
    struct feed_station_ports ports = {.protocol = &feed_bmp,
                                       .loop = loop,
                                       .attrs = v.reader.attrs,
                                       .decoder = v.reader.decoder,
                                       .sources = v.reader.sources,
                                       .sink = on_served,
                                       .arg = &v};
    v.station = feed_station_new(&ports, &config);
    if (feed_station_listen(v.station, "127.0.0.1", port, error, sizeof error) < 0) {
        fprintf(stderr, "%s\n", error);
        return 1;
    }
    return uv_run(loop, UV_RUN_DEFAULT);
}

static int write_file(const char *path, uint32_t messages)
{
    struct buf b = {0};
    write_stream(&b, messages, IPV4);
    FILE *out = fopen(path, "wb");
    bool ok = out && fwrite(b.data, 1, b.len, out) == b.len;
    ok = out && fclose(out) == 0 && ok;
    buf_free(&b);
    return !ok;
}

int main(int argc, char **argv)
{
    if (argc >= 3 && strcmp(argv[1], "--write") == 0)
        return write_file(argv[2], argc > 3 ? (uint32_t)strtoul(argv[3], NULL, 10) : MESSAGES);
    if (argc == 4 && strcmp(argv[1], "--send") == 0)
        return send_file((int)strtol(argv[2], NULL, 10), argv[3]);
    if (argc == 3 && strcmp(argv[1], "--station") == 0)
        return serve((int)strtol(argv[2], NULL, 10));
    measure(argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : MESSAGES);
    return 0;
}
