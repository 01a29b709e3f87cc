/* bench_watch - the watch of the network from route events to verdicts, and what-if.
 *
 *   bench_watch
 *
 * A hub and four regions, each on two links or on one, a site at each. Every region announces as
 * many prefixes as the row says inside its own subnet over its links, and the hub announces them on
 * to the other regions; the model has the accepted view of every router. CPU time of one core. An
 * event is all of it: tables, best path, forwarding model, the model of what could be, faults, ways
 * between sites, expectations, verdicts (settled every 64 events). A question is asked often, and
 * its median told. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
#include "base/rng.h"
#include "net/whatif.h"

enum { REGIONS = 4, LINKS_MAX = REGIONS * 2, HUB = REGIONS, ASKS = 200 };

struct bench {
    struct topo topo;
    struct attr_table *attrs;
    struct sources *sources;
    struct netmodel *model;
    uint32_t router[REGIONS + 1], peer[LINKS_MAX][2]; /* 0: at the hub, 1: at the region */
    uint32_t per_region, links_each;
    bool apart; /* every prefix has attributes of its own */
    int64_t now_ms;
    uint64_t verdicts;
};

static double cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static struct ip_addr link_address(uint32_t link, int end)
{
    struct ip_addr a = {.family = IPV4, .byte = {169, 254, (uint8_t)link, (uint8_t)(end + 1)}};
    return a;
}

/* Region r has 10.(16 r).0.0/12; its prefixes are the /28s in it. */
static struct prefix nth_prefix(uint32_t region, uint32_t i)
{
    struct prefix p = {.family = IPV4, .len = 28};
    p.byte[0] = 10;
    p.byte[1] = (uint8_t)(region * 16 + (i >> 12));
    p.byte[2] = (uint8_t)(i >> 4);
    p.byte[3] = (uint8_t)(i << 4);
    return p;
}

static void topology(struct topo *t, uint32_t links_each)
{
    const uint32_t n_links = REGIONS * links_each;
    t->router = mem_new(REGIONS + 1, sizeof *t->router);
    t->link = mem_new(n_links, sizeof *t->link);
    t->site = mem_new(REGIONS + 1, sizeof *t->site);
    t->subnet = mem_new(REGIONS + 1, sizeof *t->subnet);
    t->expect = mem_new(REGIONS, sizeof *t->expect);
    for (uint32_t r = 0; r <= HUB; r++) {
        t->router[r] =
            (struct topo_router){.kind = r == HUB ? TOPO_HUB : TOPO_TGW, .as = 64601 + r};
        snprintf(t->router[r].name, TOPO_NAME_MAX, "router-%u", r);
        struct prefix p = nth_prefix(r, 0);
        p.len = 12;
        t->site[r] = (struct topo_site){.router = (uint16_t)r};
        t->subnet[r] = (struct topo_subnet){p, (uint16_t)r};
        if (r < HUB)
            t->expect[r] = (struct topo_expect){.prefix = nth_prefix(r, 0), .router = HUB};
    }
    for (uint32_t l = 0; l < n_links; l++) {
        t->link[l] =
            (struct topo_link){.router = {HUB, (uint16_t)(l / links_each)}, .session = true};
        t->link[l].address[0][0] = link_address(l, 0);
        t->link[l].address[1][0] = link_address(l, 1);
        snprintf(t->link[l].name, TOPO_NAME_MAX, "link-%u", l);
    }
    t->n_routers = t->n_sites = t->n_subnets = REGIONS + 1;
    t->n_links = n_links;
    t->n_expects = REGIONS;
}

static void event(struct bench *b, uint32_t link, int end, uint32_t region, uint32_t i,
                  uint32_t med)
{
    uint32_t path[3] = {AS_SEGMENT(AS_SEQUENCE, end ? 2 : 1), 64601 + (end ? HUB : region),
                        64601 + region};
    med = b->apart && !med ? i + 20 : med;
    struct attr a = {.path = path,
                     .n_path = (uint16_t)(end ? 3 : 2),
                     .med = med,
                     .has = med ? ATTR_MED : 0,
                     .next_hop = link_address(link, !end)};
    struct route_event e = {.type = ROUTE_ANNOUNCE,
                            .view = VIEW_IN_POST,
                            .router = b->router[end ? link / b->links_each : HUB],
                            .peer = b->peer[link][end],
                            .at_ms = b->now_ms,
                            .prefix = nth_prefix(region, i),
                            .attr = attr_intern(b->attrs, &a)};
    netmodel_sink(b->model, &e);
    attr_release(b->attrs, e.attr);
}

static void settle(struct bench *b)
{
    netmodel_settle(b->model, ++b->now_ms, NULL, NULL);
}

static void open_feeds(struct bench *b)
{
    static const struct route_up up = {.as4 = 1};
    for (uint32_t r = 0; r <= HUB; r++) {
        b->router[r] = source_router(b->sources, b->topo.router[r].name);
        netmodel_sink(b->model, &(struct route_event){.type = ROUTE_FEED_UP,
                                                      .router = b->router[r],
                                                      .at_ms = b->now_ms});
    }
    for (uint32_t l = 0; l < b->topo.n_links; l++)
        for (int end = 0; end < 2; end++) {
            struct peer_key key = {.address = link_address(l, !end)};
            uint32_t r = b->router[end ? l / b->links_each : HUB];
            b->peer[l][end] = source_peer(b->sources, r, &key);
            netmodel_sink(b->model, &(struct route_event){.type = ROUTE_PEER_UP,
                                                          .router = r,
                                                          .peer = b->peer[l][end],
                                                          .at_ms = b->now_ms,
                                                          .up = &up});
        }
}

static void load(struct bench *b)
{
    uint64_t n = 0;
    double start = cpu_ns();
    for (uint32_t l = 0; l < b->topo.n_links; l++)
        for (uint32_t region = 0; region < REGIONS; region++)
            for (uint32_t i = 0; i < b->per_region; i++, n++) {
                /* The hub hears a region from that region, the others from the hub. */
                event(b, l, region == l / b->links_each ? 0 : 1, region, i, 0);
                if (n % 64 == 63)
                    settle(b);
            }
    b->now_ms += 100000;
    settle(b);
    printf("  loaded: %llu events, %.0f ns each\n", (unsigned long long)n,
           (cpu_ns() - start) / (double)n);
}

/* The hub's route to a prefix goes to the other link and back. */
static void churn(struct bench *b, struct rng *rng)
{
    enum { N = 200000 };
    double start = cpu_ns();
    for (uint32_t n = 0; n < N; n++) {
        uint32_t region = (uint32_t)rng_below(rng, REGIONS);
        event(b, region * b->links_each, 0, region, (uint32_t)rng_below(rng, b->per_region),
              1 + n % 2 * 9);
        if (n % 64 == 63)
            settle(b);
    }
    settle(b);
    printf("  churn:  %d events, %.0f ns each; %u verdicts raised\n", N, (cpu_ns() - start) / N,
           verdicts_raised(netmodel_verdicts(b->model), VERDICT_KINDS));
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void ask(struct bench *b, const char *what, struct net_change x)
{
    struct whatif *w = mem_new(1, sizeof *w);
    double took[ASKS];
    for (int i = 0; i < ASKS; i++) {
        double t = cpu_ns();
        if (!whatif_try(b->model, &x, 1, w))
            abort();
        took[i] = cpu_ns() - t;
    }
    qsort(took, ASKS, sizeof *took, by_size);
    printf("  what-if %-20s %8.1f us (p95 %.1f), %6u routes looked at, %u verdicts%s\n", what,
           took[ASKS / 2] / 1e3, took[ASKS * 95 / 100] / 1e3, w->routes, w->n + w->more,
           w->refused ? ", refused" : "");
    mem_free(w);
}

static void ask_all(struct bench *b)
{
    struct net_change x = {.router = 0, .link = 0, .prefix = nth_prefix(1, 7)};
    x.kind = NET_STATIC_ADD;
    ask(b, "static route", x);
    x.kind = NET_ROUTE_REMOVE;
    ask(b, "route gone", x);
    x.kind = NET_ALLOW_ADD;
    x.prefix = nth_prefix(0, 0);
    x.prefix.len = 11;
    ask(b, "aggregate announced", x);
    x = (struct net_change){.kind = NET_PREFER, .router = HUB, .link = 0, .prepend = 2};
    ask(b, "prepend on a link", x);
    x = (struct net_change){.kind = NET_LINK_DOWN, .link = 0};
    ask(b, "link down", x);
}

static void bench(uint32_t per_region, uint32_t links_each, bool apart)
{
    struct bench b = {
        .per_region = per_region, .links_each = links_each, .apart = apart, .now_ms = 1000000};
    struct netmodel_options o = NETMODEL_DEFAULTS;
    struct rng rng = rng_seed(per_region, 0);
    topology(&b.topo, links_each);
    b.attrs = attr_table_new(1, ATTR_SETS_MAX, ATTR_BYTES_MAX);
    b.sources = sources_new();
    b.model = netmodel_new(&b.topo, b.attrs, b.sources, &o);
    printf("5 routers, %u prefixes a region, each on %u, %u routes%s\n", per_region, links_each,
           per_region * REGIONS * b.topo.n_links, apart ? ", attributes all different" : "");
    open_feeds(&b);
    load(&b);
    churn(&b, &rng);
    ask_all(&b);
    netmodel_free(b.model);
    sources_free(b.sources);
    attr_table_free(b.attrs);
    topo_free(&b.topo);
}

int main(void)
{
    static const uint32_t per_region[] = {100, 1000, 2500, 25000};
    for (uint32_t links_each = 2; links_each > 0; links_each--)
        for (size_t i = 0; i < COUNTOF(per_region); i++)
            bench(per_region[i], links_each, false);
    bench(1000, 2, true);
    return 0;
}
