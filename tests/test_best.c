/* best: each maker's order, step by step; that the sequence of routes does not matter. */
#include "net/best.h"
#include "tap.h"

enum { N_SETS = 16 };
struct set {
    struct attr attr;
    uint32_t community, path[9];
};
static struct set sets[N_SETS];
static struct best_path paths[N_SETS];
static uint32_t n_paths;

/* Adds a route with a path of `length` ASes, the neighbour first. */
static struct best_path *route(uint32_t neighbour, uint32_t length)
{
    struct set *s = &sets[n_paths];
    *s = (struct set){.path = {AS_SEGMENT(AS_SEQUENCE, length)}};
    for (uint32_t i = 0; i < length; i++)
        s->path[1 + i] = neighbour + i;
    s->attr = (struct attr){.path = s->path,
                            .n_path = (uint16_t)(1 + length),
                            .path_length = (uint16_t)length,
                            .neighbour_as = neighbour};
    paths[n_paths] = (struct best_path){.attr = &s->attr,
                                        .router = 1,
                                        .peer = n_paths + 1,
                                        .address = {.byte = {10, 0, 0, (uint8_t)n_paths}}};
    return &paths[n_paths++];
}

static struct set *set_of(struct best_path *p)
{
    return &sets[p - paths];
}

static void med(struct best_path *p, uint32_t value)
{
    set_of(p)->attr.med = value;
    set_of(p)->attr.has |= ATTR_MED;
}

static void kind(struct best_path *p, enum route_kind k)
{
    set_of(p)->attr.kind = (uint8_t)k;
}

static void community(struct best_path *p, uint32_t c)
{
    set_of(p)->community = c;
    set_of(p)->attr.communities = &set_of(p)->community;
    set_of(p)->attr.n_communities = 1;
}

static void priority(struct best_path *p, uint32_t router, uint32_t base, uint32_t cost)
{
    p->router = router;
    set_of(p)->attr.priority = base;
    set_of(p)->attr.region_cost = cost;
}

/* Checks which route wins by what, and how many are used together; then begins anew. */
static void expect(struct best_policy policy, uint32_t best, enum best_step by, uint32_t used)
{
    struct best_result r;
    CHECK(best_select(&policy, paths, n_paths, &r));
    CHECK_EQ(r.best, best);
    CHECK_STR(best_step_names[r.by], best_step_names[by]);
    CHECK_EQ(r.n_used, used);
    n_paths = 0;
}

static const struct best_policy plain = {.order = BEST_BGP};

TEST(plain_bgp)
{
    route(1, 5);
    expect(plain, 0, BEST_ONLY, 1);
    route(1, 1);
    set_of(route(2, 5))->attr.local_pref = 101;
    set_of(&paths[1])->attr.has = ATTR_LOCAL_PREF;
    expect(plain, 1, BEST_LOCAL_PREF, 1); /* none is 100 */
    route(1, 2);
    route(2, 1);
    expect(plain, 1, BEST_PATH_LENGTH, 1);
    set_of(route(1, 2))->attr.origin = ORIGIN_EGP;
    set_of(route(2, 2))->attr.origin = ORIGIN_IGP;
    expect(plain, 1, BEST_ORIGIN, 1);
    route(1, 2)->internal = true;
    route(2, 2);
    expect(plain, 1, BEST_EXTERNAL, 1);
    route(1, 2)->igp_cost = 20;
    route(2, 2)->igp_cost = 10;
    expect(plain, 1, BEST_IGP_COST, 1);
    route(1, 2)->router_id = 2;
    route(2, 2)->router_id = 1;
    expect(plain, 1, BEST_EQUAL, 2); /* both may be used; the lower router id is first */
    route(1, 2);
    kind(route(2, 2), ROUTE_LOCAL);
    expect(plain, 1, BEST_KIND, 1);
    route(1, 1);
    set_of(route(2, 5))->attr.local_pref = 99; /* below what none means */
    set_of(&paths[1])->attr.has = ATTR_LOCAL_PREF;
    expect(plain, 0, BEST_LOCAL_PREF, 1);
    route(1, 2)->router_id = 1; /* reflected: the originator counts instead (RFC 4456 9) */
    set_of(&paths[0])->attr.originator = 9;
    set_of(&paths[0])->attr.has = ATTR_ORIGINATOR;
    route(2, 2)->router_id = 2;
    expect(plain, 1, BEST_EQUAL, 2);
    route(1, 2)->router_id = 2; /* the same, learned the other way round */
    route(2, 2)->router_id = 1;
    set_of(&paths[1])->attr.originator = 9;
    set_of(&paths[1])->attr.has = ATTR_ORIGINATOR;
    expect(plain, 0, BEST_EQUAL, 2);
    set_of(route(1, 2))->attr.n_clusters = 2; /* and then the way it was reflected */
    set_of(route(2, 2))->attr.n_clusters = 1;
    expect(plain, 1, BEST_EQUAL, 2);
}

/* RFC 3345's trap: a MED is compared within a neighbour AS only, and what it throws out may have
 * been the one with the shortest way inside. */
TEST(med_counts_within_a_neighbour)
{
    struct best_path *a = route(6, 2), *b = route(10, 2), *c = route(6, 2);
    med(a, 1), med(b, 10), med(c, 0);
    a->igp_cost = 10, b->igp_cost = 20, c->igp_cost = 30;
    expect(plain, 1, BEST_IGP_COST, 1); /* a falls to c, c to b by cost */
    a = route(6, 2), b = route(10, 2);
    med(a, 1), med(b, 10);
    b->router_id = 1, a->router_id = 2;
    expect(plain, 1, BEST_EQUAL, 2);
    a = route(6, 2), b = route(10, 2);
    med(a, 1), med(b, 10);
    expect((struct best_policy){.order = BEST_BGP, .always_compare_med = true}, 0, BEST_MED, 1);
}

/* Google's default: prepending does nothing between Cloud Routers, the priority does. */
TEST(cloud_router_legacy)
{
    struct best_policy legacy = {.order = BEST_CLOUD_ROUTER_LEGACY};
    priority(route(1, 1), 1, 200, 0);
    priority(route(2, 8), 2, 100, 0);
    expect(legacy, 1, BEST_PRIORITY, 1);
    priority(route(1, 1), 1, 200, 0);
    priority(route(2, 8), 1, 100, 0); /* the same router: the path counts */
    expect(legacy, 0, BEST_PATH_LENGTH, 1);
    priority(route(1, 1), 1, 100, 301);
    priority(route(2, 1), 2, 100, 201);
    expect(legacy, 1, BEST_PRIORITY, 1); /* the nearer region */
    priority(route(1, 1), 1, 100, 0);
    priority(route(2, 1), 2, 100, 0);
    expect(legacy, 0, BEST_EQUAL, 2);
    priority(route(1, 1), 1, 0, 0);
    priority(route(2, 0), 2, 65535, 0);
    kind(&paths[1], ROUTE_SUBNET);
    expect(legacy, 1, BEST_KIND, 1);
}

TEST(cloud_router_standard)
{
    struct best_policy standard = {.order = BEST_CLOUD_ROUTER_STANDARD};
    struct best_policy added = {.order = BEST_CLOUD_ROUTER_STANDARD, .add_cost_to_med = true};
    priority(route(1, 1), 1, 200, 0);
    priority(route(2, 8), 2, 100, 0);
    expect(standard, 0, BEST_PATH_LENGTH, 1); /* across routers too */
    for (int i = 0; i < 2; i++) {
        med(route(1, 1), 100), med(route(1, 1), 150);
        priority(&paths[0], 1, 100, 300), priority(&paths[1], 2, 150, 0);
        if (i == 0)
            expect(standard, 0, BEST_MED, 1);
        else
            expect(added, 1, BEST_MED, 1); /* 400 against 150 */
    }
    priority(route(1, 1), 1, 100, 300);
    priority(route(2, 1), 2, 100, 201);
    expect(standard, 1, BEST_REGION_COST, 1);
}

TEST(transit_gateway)
{
    struct best_policy tgw = {.order = BEST_TRANSIT_GATEWAY};
    static const enum route_kind order[] = {ROUTE_STATIC, ROUTE_PREFIX_LIST, ROUTE_VPC,
                                            ROUTE_DXGW,   ROUTE_CONNECT,     ROUTE_VPN_PRIVATE,
                                            ROUTE_VPN,    ROUTE_PEERING};
    for (size_t i = 0; i + 1 < COUNTOF(order); i++)
        for (size_t j = i + 1; j < COUNTOF(order); j++) {
            kind(route(2, 0), order[j]);
            kind(route(1, 8), order[i]);
            expect(tgw, 1, BEST_KIND, 1);
        }
    kind(route(1, 2), ROUTE_DXGW);
    kind(route(2, 2), ROUTE_DXGW);
    expect(tgw, 0, BEST_EQUAL, 2);
}

TEST(direct_connect)
{
    struct best_policy dx = {.order = BEST_DIRECT_CONNECT};
    community(route(1, 1), COMMUNITY(7224, 7100));
    route(2, 5);
    expect(dx, 1, BEST_LOCAL_PREF, 1); /* none is the middle */
    route(1, 1);
    community(route(2, 5), COMMUNITY(7224, 7300));
    expect(dx, 1, BEST_LOCAL_PREF, 1);
    route(1, 1)->distance = 4000; /* a shorter path from farther away does not help */
    route(2, 5)->distance = 200;
    expect(dx, 1, BEST_DISTANCE, 1);
    route(1, 2);
    route(2, 1);
    expect(dx, 1, BEST_PATH_LENGTH, 1);
}

TEST(what_is_inactive_is_not_used)
{
    struct best_result r;
    set_of(route(1, 1))->attr.has = ATTR_INACTIVE;
    route(2, 5);
    expect(plain, 1, BEST_USABLE, 1);
    set_of(route(1, 1))->attr.has = ATTR_INACTIVE;
    CHECK(!best_select(&plain, paths, 1, &r));
    CHECK_EQ(r.n_used, 0);
    CHECK(!best_select(&plain, paths, 0, &r));
    n_paths = 0;
}

/* The same routes shuffled: the same one wins, the same ones are used. */
PROP(the_sequence_does_not_matter, 5000)
{
    struct best_policy policy = {.order = (enum best_order)rng_below(rng, BEST_ORDERS),
                                 .always_compare_med = rng_chance(rng, 0.3),
                                 .add_cost_to_med = rng_chance(rng, 0.3)};
    uint32_t n = 2 + (uint32_t)rng_below(rng, 8);
    n_paths = 0;
    for (uint32_t i = 0; i < n; i++) {
        struct best_path *p = route(1 + (uint32_t)rng_below(rng, 2), (uint32_t)rng_below(rng, 2));
        med(p, (uint32_t)rng_below(rng, 2));
        p->igp_cost = (uint32_t)rng_below(rng, 2);
        p->router_id = (uint32_t)rng_below(rng, 3);
        priority(p, (uint32_t)rng_below(rng, 2), (uint32_t)rng_below(rng, 2),
                 (uint32_t)rng_below(rng, 2));
    }
    struct best_path shuffled[N_SETS];
    struct best_result a, b;
    memcpy(shuffled, paths, sizeof shuffled);
    for (uint32_t i = n - 1; i; i--) {
        uint32_t j = (uint32_t)rng_below(rng, i + 1);
        struct best_path swap = shuffled[i];
        shuffled[i] = shuffled[j];
        shuffled[j] = swap;
    }
    CHECK(best_select(&policy, paths, n, &a) && best_select(&policy, shuffled, n, &b));
    CHECK_EQ(paths[a.best].peer, shuffled[b.best].peer);
    CHECK_EQ(a.n_used, b.n_used);
    CHECK_EQ(a.by, b.by);
    uint32_t peers = 0, again = 0;
    for (uint32_t i = 0; i < a.n_used; i++) {
        peers |= 1u << paths[a.used[i]].peer;
        again |= 1u << shuffled[b.used[i]].peer;
    }
    CHECK_EQ(peers, again);
    CHECK(peers >> paths[a.best].peer & 1);
    n_paths = 0;
}

TEST(candidates_come_from_the_rib)
{
    struct attr_table *attrs = attr_table_new(1, 100, 1 << 20);
    struct sources *sources = sources_new();
    struct rib_limits limits = RIB_LIMITS_DEFAULTS;
    struct rib *rib = rib_new(attrs, sources, &limits, NULL, NULL);
    uint32_t hub = source_router(sources, "hub"), other = source_router(sources, "other");
    struct route_event e = {.type = ROUTE_ANNOUNCE, .view = VIEW_IN_POST, .router = hub};
    BUG_ON(!prefix_parse("10.0.0.0/8", &e.prefix));
    for (uint32_t i = 0; i < 3; i++) {
        struct peer_key key = {.address = {.byte = {10, 0, 0, (uint8_t)i}, .family = IPV4}};
        e.router = i == 2 ? other : hub;
        e.peer = source_peer(sources, e.router, &key);
        source_peer_heard(sources, e.peer, 64512 + i, 100 + i);
        e.attr = attr_intern(attrs, &(struct attr){.med = i});
        rib_apply(rib, &e);
        attr_release(attrs, e.attr);
    }
    struct best_path path[BEST_PATHS_MAX];
    uint32_t n = 0, id = rib_prefix_find(rib, &e.prefix);
    best_collect(rib, attrs, sources, hub, VIEW_IN_POST, id, 64513, path, &n);
    CHECK_EQ(n, 2);
    CHECK_EQ(path[0].router_id, 100);
    CHECK(!path[0].internal && path[1].internal);
    CHECK_EQ(path[1].attr->med, 1);
    best_collect(rib, attrs, sources, other, VIEW_IN_POST, id, 0, path, &n);
    CHECK_EQ(n, 3); /* appended */
    rib_free(rib);
    sources_free(sources);
    attr_table_free(attrs);
}

TAP_MAIN
