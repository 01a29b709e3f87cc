/* whatif, changes that touch many routes: what is said of a lost session or a preference is what
 * happens when its routes really go or change, verdict by verdict, over random networks of both
 * families, with equal-cost paths, odd origins, own AS numbers, routes that routers only tell of
 * themselves, forwarding tables, statics and expectations; and inside the trial every router has
 * the rule that its tables give, looked up one by one. */
#include <stdlib.h>

#include "base/hash.h"
#include "net/netmodel_i.h"
#include "tap.h"

enum { ROUTERS_MAX = 6, LINKS_MAX = 12, POOL_MAX = 2600, NO_LINK = -1 };

struct told { /* a route that a router has told of, by the test's own book */
    int router, link, view, prefix;
    uint32_t path_id;
    struct attr attr;
    uint32_t path[6];
    uint32_t community;
    bool there;
};

struct net {
    struct topo topo;
    struct attr_table *attrs;
    struct sources *sources;
    struct netmodel *model;
    int64_t now_ms;
    struct prefix *pool;
    int *owner, n_pool; /* router whose subnet a prefix is inside of */
    struct told *told;
    size_t n_told, told_cap;
    uint32_t router[ROUTERS_MAX], peer[ROUTERS_MAX][LINKS_MAX], own_peer[ROUTERS_MAX];
    double strangers; /* share of the ways in which routes look that have a wrong origin */
    bool comparable;  /* no router is told of otherwise by itself than by its neighbours */
};

/* ---- a network ---- */

static struct prefix subnet_of(int router, bool v6)
{
    struct prefix p = {.family = v6 ? IPV6 : IPV4, .len = v6 ? 40 : 12};
    p.byte[0] = v6 ? 0x20 : 10;
    p.byte[1] = (uint8_t)(v6 ? 1 : router * 16);
    p.byte[4] = (uint8_t)(v6 ? router : 0);
    return p;
}

/* Number i of those inside a router's subnet; some nest. */
static struct prefix nth(int router, bool v6, unsigned i)
{
    struct prefix p = subnet_of(router, v6);
    unsigned at = v6 ? 5 : 1;
    if (v6) {
        p.byte[at] = (uint8_t)(i >> 8);
        p.byte[at + 1] = (uint8_t)i;
        p.len = i % 5 == 4 ? 52 : 56;
    } else {
        p.byte[at] = (uint8_t)(p.byte[at] | (i >> 8 & 15));
        p.byte[at + 1] = (uint8_t)i;
        p.len = i % 5 == 4 ? 20 : 24;
    }
    if (v6 && p.len == 56)
        p.byte[6] = (uint8_t)i;
    prefix_canonical(&p);
    return p;
}

static struct ip_addr link_address(int link, int end, bool v6)
{
    struct ip_addr a = {.family = v6 ? IPV6 : IPV4};
    a.byte[0] = v6 ? 0xfd : 169;
    a.byte[1] = v6 ? 0 : 254;
    a.byte[v6 ? 14 : 2] = (uint8_t)(link + 1);
    a.byte[v6 ? 15 : 3] = (uint8_t)(end + 1);
    return a;
}

static void draw_links(struct rng *rng, struct topo *t)
{
    t->link = mem_new(LINKS_MAX, sizeof *t->link);
    uint32_t n = t->n_routers - 1 + (uint32_t)rng_below(rng, LINKS_MAX - t->n_routers);
    for (uint32_t l = 0; l < n; l++) {
        uint16_t a = (uint16_t)(l + 1 < t->n_routers ? l + 1 : rng_below(rng, t->n_routers));
        uint16_t b = (uint16_t)rng_below(rng, l + 1 < t->n_routers ? a : t->n_routers);
        if (a == b || (l && rng_chance(rng, 0.3))) { /* beside another one */
            a = t->link[l - 1].router[0];
            b = t->link[l - 1].router[1];
        }
        struct topo_link *k = &t->link[t->n_links];
        *k = (struct topo_link){.router = {a, b}, .session = true};
        k->distance = (uint32_t)rng_below(rng, 3);
        for (int end = 0; end < 2; end++)
            for (int v6 = 0; v6 < 2; v6++)
                k->address[end][v6] = link_address((int)t->n_links, end, v6);
        snprintf(k->name, sizeof k->name, "link-%u", t->n_links++);
    }
}

static void draw_expectations(struct rng *rng, struct net *w)
{
    struct topo *t = &w->topo;
    t->expect = mem_new(60, sizeof *t->expect);
    for (uint64_t n = rng_below(rng, 60); n > 0; n--) {
        struct topo_expect *x = &t->expect[t->n_expects++];
        int owner = (int)rng_below(rng, t->n_routers);
        bool wide = rng_chance(rng, 0.2);
        x->router = (uint16_t)rng_below(rng, t->n_routers);
        x->prefix = wide ? subnet_of(owner, rng_chance(rng, 0.4))
                         : w->pool[rng_below(rng, (uint64_t)w->n_pool)];
        x->more_specific_max = (uint8_t)(wide ? 20 : 0);
        x->origin_as = rng_chance(rng, 0.2) ? 64601 + (uint32_t)owner : 0;
        for (x->n_next = (uint8_t)rng_below(rng, 3); x->next[1] < x->n_next; x->next[1]++)
            ;
        for (int i = 0; i < x->n_next; i++)
            x->next[i] = (uint16_t)rng_below(rng, t->n_links);
        for (uint32_t e = 0; e + 1 < t->n_expects; e++)
            if (t->expect[e].router == x->router &&
                prefix_equal(&t->expect[e].prefix, &x->prefix)) {
                t->n_expects--;
                break;
            }
    }
    t->statics = mem_new(4, sizeof *t->statics);
    t->allowed = mem_new(4, sizeof *t->allowed);
    for (uint64_t n = rng_below(rng, 4); n > 0; n--) {
        t->statics[t->n_statics] =
            (struct topo_static){.prefix = w->pool[rng_below(rng, (uint64_t)w->n_pool)],
                                 .router = (uint16_t)rng_below(rng, t->n_routers),
                                 .link = TOPO_NONE};
        for (uint32_t l = 0; l < t->n_links && rng_chance(rng, 0.7); l++)
            if (t->link[l].router[0] == t->statics[t->n_statics].router)
                t->statics[t->n_statics].link = (uint16_t)l;
        t->n_statics++;
        t->allowed[t->n_allowed++] =
            (struct topo_allowed){.prefix = w->pool[rng_below(rng, (uint64_t)w->n_pool)],
                                  .router = (uint16_t)rng_below(rng, t->n_routers),
                                  .link = (uint16_t)rng_below(rng, t->n_links)};
    }
}

static void draw_topology(struct rng *rng, struct net *w, unsigned per_router)
{
    struct topo *t = &w->topo;
    t->n_routers = 2 + (uint32_t)rng_below(rng, ROUTERS_MAX - 1);
    t->router = mem_new(t->n_routers, sizeof *t->router);
    t->site = mem_new(t->n_routers, sizeof *t->site);
    t->subnet = mem_new(t->n_routers * 2ul, sizeof *t->subnet);
    w->pool = mem_new(POOL_MAX, sizeof *w->pool);
    w->owner = mem_new(POOL_MAX, sizeof *w->owner);
    for (uint32_t r = 0; r < t->n_routers; r++) {
        t->router[r] = (struct topo_router){.kind = (uint8_t)rng_below(rng, TOPO_KINDS),
                                            .as = 64601 + r,
                                            .exact = rng_chance(rng, 0.1),
                                            .attached_from_feed = rng_chance(rng, 0.2)};
        t->router[r].policy.order = (enum best_order)rng_below(rng, BEST_ORDERS);
        t->router[r].policy.always_compare_med = rng_chance(rng, 0.5);
        snprintf(t->router[r].name, TOPO_NAME_MAX, "router-%u", r);
        t->site[r].router = (uint16_t)r;
        for (int v6 = 0; v6 < 2; v6++)
            t->subnet[t->n_subnets++] = (struct topo_subnet){subnet_of((int)r, v6), (uint16_t)r};
        for (unsigned i = 0; i < per_router; i++) {
            bool whole = i == 0 && rng_chance(rng, 0.7); /* what is attached to it */
            w->pool[w->n_pool] =
                whole ? subnet_of((int)r, rng_chance(rng, 0.3)) : nth((int)r, i % 3 == 2, i);
            w->owner[w->n_pool++] = (int)r;
        }
    }
    t->n_sites = t->n_routers;
    draw_links(rng, t);
    draw_expectations(rng, w);
}

/* ---- what routers tell ---- */

static void say(struct net *w, const struct told *x)
{
    struct route_event e = {.type = x->there ? ROUTE_ANNOUNCE : ROUTE_WITHDRAW,
                            .view = (uint8_t)x->view,
                            .router = w->router[x->router],
                            .peer = x->link == NO_LINK || x->view == VIEW_LOC_RIB
                                        ? w->own_peer[x->router]
                                        : w->peer[x->router][x->link],
                            .path_id = x->path_id,
                            .at_ms = w->now_ms,
                            .prefix = w->pool[x->prefix]};
    if (x->there) {
        struct attr a = x->attr;
        a.path = x->path;
        a.communities = &x->community;
        a.n_communities = x->community != 0;
        e.attr = attr_intern(w->attrs, &a);
    }
    netmodel_sink(w->model, &e);
    attr_release(w->attrs, e.attr);
}

static void tell(struct net *w, const struct told *x)
{
    if (w->n_told == w->told_cap) {
        w->told_cap = w->told_cap * 2 + 256;
        w->told = mem_grow(w->told, w->told_cap, sizeof *w->told);
    }
    w->told[w->n_told++] = *x;
    say(w, x);
}

enum { STYLES = 6 };
struct style { /* routes of one neighbour look one of a few ways */
    uint32_t med, local_pref, community;
    int middle; /* AS in between, -1: none */
    int origin; /* -1: the owner's AS */
    bool inactive;
};

static struct style draw_style(struct rng *rng, const struct net *w)
{
    struct style s = {.middle = -1, .origin = -1};
    if (rng_chance(rng, 0.3))
        s.med = (uint32_t)rng_below(rng, 3) * 50;
    if (rng_chance(rng, 0.2))
        s.local_pref = 100 + (uint32_t)rng_below(rng, 3) * 50;
    if (rng_chance(rng, 0.2))
        s.community = COMMUNITY(7224, 7100 + rng_below(rng, 3) * 100);
    if (rng_chance(rng, 0.3))
        s.middle = (int)rng_below(rng, w->topo.n_routers);
    if (rng_chance(rng, w->strangers))
        s.origin = (int)rng_below(rng, w->topo.n_routers);
    s.inactive = rng_chance(rng, 0.05);
    return s;
}

/* The route of a router to a prefix of the pool, learned over a link. */
static struct told learned(const struct net *w, int router, int link, int prefix, struct style s)
{
    const struct topo_link *l = &w->topo.link[link];
    uint16_t from = topo_other(l, (uint16_t)router);
    struct told x = {.router = router, .link = link, .prefix = prefix, .there = true};
    int n = 0;
    x.path[1 + n++] = w->topo.router[from].as;
    if (s.middle >= 0)
        x.path[1 + n++] = 64601 + (uint32_t)s.middle;
    uint32_t origin = 64601 + (uint32_t)(s.origin >= 0 ? s.origin : w->owner[prefix]);
    if (x.path[n] != origin)
        x.path[1 + n++] = origin;
    bool alone = true; /* it must not originate what it has not got, or the owner would have to */
    for (int i = 1; i <= n; i++)
        alone &= x.path[i] == w->topo.router[from].as;
    if (w->comparable && alone && w->owner[prefix] != from)
        x.path[1 + n++] = 64601 + (uint32_t)w->owner[prefix];
    x.path[0] = AS_SEGMENT(AS_SEQUENCE, n);
    x.attr = (struct attr){.n_path = (uint16_t)(n + 1), .med = s.med, .priority = s.med};
    x.attr.local_pref = s.local_pref;
    x.attr.has = (uint8_t)((s.med ? ATTR_MED : 0) | (s.local_pref ? ATTR_LOCAL_PREF : 0) |
                           (s.inactive ? ATTR_INACTIVE : 0));
    x.attr.next_hop = l->address[topo_end(l, from)][w->pool[prefix].family == IPV6];
    x.community = s.community;
    return x;
}

/* A router has its own prefixes by itself, so that they do not hang on who hears of them. */
static void tell_own(struct rng *rng, struct net *w, int router, int view)
{
    for (int p = 0; p < w->n_pool; p++) {
        struct told x = {.router = router, .link = NO_LINK, .view = view, .prefix = p};
        if (w->owner[p] != router)
            continue;
        if (!w->comparable && rng_chance(rng, 0.4))
            continue;
        x.there = true;
        x.attr.kind = rng_chance(rng, 0.8) ? ROUTE_VPC : ROUTE_BGP; /* without a next hop */
        tell(w, &x);
    }
}

static void tell_link(struct rng *rng, struct net *w, int router, int link, const int view[],
                      int n_views)
{
    struct style style[STYLES];
    for (int s = 0; s < STYLES; s++)
        style[s] = draw_style(rng, w);
    double all = rng_unit(rng);
    for (int p = 0; p < w->n_pool; p++) {
        double share = w->owner[p] != router ? all : w->comparable ? 0.02 : 0.4;
        if (!rng_chance(rng, share))
            continue;
        int kind = rng_chance(rng, 0.9) ? p / 64 % STYLES : (int)rng_below(rng, STYLES);
        struct told x = learned(w, router, link, p, style[kind]);
        for (int v = 0; v < n_views; v++) {
            x.view = view[v];
            x.path_id = view[v] == VIEW_LOC_RIB ? (uint32_t)link + 1 : 0;
            tell(w, &x);
            if (view[v] != VIEW_LOC_RIB && rng_chance(rng, 0.05)) { /* a second path */
                x = learned(w, router, link, p, style[rng_below(rng, STYLES)]);
                x.view = view[v];
                x.path_id = 7;
                tell(w, &x);
            }
        }
    }
}

static void tell_router(struct rng *rng, struct net *w, int router)
{
    static const int views[5][2] = {{VIEW_IN_POST, VIEW_IN_PRE},
                                    {VIEW_IN_PRE, VIEW_IN_PRE},
                                    {VIEW_LOC_RIB, VIEW_LOC_RIB},
                                    {VIEW_IN_POST, VIEW_IN_POST},
                                    {VIEW_IN_POST, VIEW_LOC_RIB}};
    /* The last one: its own table would have to be told anew. */
    int k = (int)rng_below(rng, COUNTOF(views) - w->comparable);
    int n = views[k][0] == views[k][1] ? 1 : 2;
    for (int v = 0; v < n; v++)
        tell_own(rng, w, router, views[k][v]);
    for (uint32_t l = 0; l < w->topo.n_links; l++)
        if (w->topo.link[l].router[0] == router || w->topo.link[l].router[1] == router)
            tell_link(rng, w, router, (int)l, views[k], n);
}

/* The router's forwarding table itself: any link, whoever put it there. */
static void tell_fib(struct rng *rng, struct net *w, int router)
{
    static const uint8_t kinds[] = {ROUTE_BGP, ROUTE_BGP, ROUTE_OTHER, ROUTE_STATIC, ROUTE_VPC};
    char name[TOPO_NAME_MAX + 8];
    snprintf(name, sizeof name, "%s%s", w->topo.router[router].name, NETMODEL_FIB);
    struct route_event e = {
        .type = ROUTE_FEED_UP, .router = source_router(w->sources, name), .at_ms = w->now_ms};
    netmodel_sink(w->model, &e);
    struct peer_key own = {.type = PEER_GLOBAL};
    e.peer = source_peer(w->sources, e.router, &own);
    e.view = VIEW_LOC_RIB;
    double all = rng_unit(rng);
    for (int p = 0; p < w->n_pool; p++) {
        struct attr a = {.kind = kinds[rng_below(rng, COUNTOF(kinds))]};
        uint32_t l = (uint32_t)rng_below(rng, w->topo.n_links);
        const struct topo_link *k = &w->topo.link[l];
        if (!rng_chance(rng, all) || (k->router[0] != router && k->router[1] != router))
            continue;
        if (a.kind != ROUTE_VPC)
            a.next_hop = k->address[k->router[0] == router][w->pool[p].family == IPV6];
        e.type = ROUTE_ANNOUNCE;
        e.prefix = w->pool[p];
        e.attr = attr_intern(w->attrs, &a);
        netmodel_sink(w->model, &e);
        attr_release(w->attrs, e.attr);
    }
    e.type = ROUTE_END_OF_RIB;
    e.family = IPV4;
    e.attr = ATTR_NONE;
    netmodel_sink(w->model, &e);
}

static void settle(struct net *w)
{
    netmodel_settle(w->model, ++w->now_ms, NULL, NULL);
}

static void open_feeds(struct net *w)
{
    static const struct route_up up = {.as4 = 1};
    for (uint32_t r = 0; r < w->topo.n_routers; r++) {
        struct peer_key own = {.type = PEER_GLOBAL};
        w->router[r] = source_router(w->sources, w->topo.router[r].name);
        w->own_peer[r] = source_peer(w->sources, w->router[r], &own);
        struct route_event e = {.type = ROUTE_FEED_UP, .router = w->router[r], .at_ms = w->now_ms};
        netmodel_sink(w->model, &e);
        for (uint32_t l = 0; l < w->topo.n_links; l++)
            for (int end = 0; end < 2; end++) {
                if (w->topo.link[l].router[end] != r)
                    continue;
                struct peer_key key = {.address = link_address((int)l, !end, false)};
                w->peer[r][l] = source_peer(w->sources, w->router[r], &key);
                e = (struct route_event){.type = ROUTE_PEER_UP,
                                         .router = w->router[r],
                                         .peer = w->peer[r][l],
                                         .at_ms = w->now_ms,
                                         .up = &up};
                netmodel_sink(w->model, &e);
            }
    }
}

static struct net *draw_net(struct rng *rng, unsigned per_router)
{
    struct net *w = mem_new(1, sizeof *w);
    struct netmodel_options o = NETMODEL_DEFAULTS;
    o.seed = rng_u64(rng);
    w->now_ms = 1000000;
    w->comparable = rng_chance(rng, 0.8);
    w->strangers = rng_chance(rng, 0.5) ? 0 : 0.1;
    draw_topology(rng, w, per_router);
    w->attrs = attr_table_new(1, 100000, 1 << 26);
    w->sources = sources_new();
    w->model = netmodel_new(&w->topo, w->attrs, w->sources, &o);
    open_feeds(w);
    for (uint32_t r = 0; r < w->topo.n_routers; r++)
        tell_router(rng, w, (int)r);
    for (uint32_t r = 0; r < w->topo.n_routers; r++)
        if (!w->comparable && rng_chance(rng, 0.4)) /* what it will do is its own affair */
            tell_fib(rng, w, (int)r);
    w->now_ms += 100000;
    settle(w);
    settle(w);
    return w;
}

static void free_net(struct net *w)
{
    netmodel_free(w->model);
    sources_free(w->sources);
    attr_table_free(w->attrs);
    topo_free(&w->topo);
    mem_free(w->pool);
    mem_free(w->owner);
    mem_free(w->told);
    mem_free(w);
}

/* ---- the change, made ---- */

static void lose_link(struct net *w, int link)
{
    static const struct route_down why = {.reason = DOWN_REMOTE_SILENT};
    for (size_t i = 0; i < w->n_told; i++) {
        struct told *x = &w->told[i];
        if (x->link != link || !x->there)
            continue;
        x->there = false;
        if (x->view == VIEW_LOC_RIB)
            say(w, x);
    }
    for (int end = 0; end < 2; end++) {
        uint16_t r = w->topo.link[link].router[end];
        struct route_event e = {.type = ROUTE_PEER_DOWN,
                                .router = w->router[r],
                                .peer = w->peer[r][link],
                                .at_ms = w->now_ms,
                                .down = &why};
        netmodel_sink(w->model, &e);
    }
}

static void prefer(struct net *w, const struct net_change *c)
{
    for (size_t i = 0; i < w->n_told; i++) {
        struct told *x = &w->told[i];
        if (x->link != c->link || !x->there ||
            (c->prefix.family && !prefix_equal(&c->prefix, &w->pool[x->prefix])))
            continue;
        if (x->router == c->router && c->set_local_pref) {
            x->attr.local_pref = c->local_pref;
            x->attr.has |= ATTR_LOCAL_PREF;
        } else if (x->router != c->router && c->set_med) {
            x->attr.med = x->attr.priority = c->med;
            x->attr.has |= ATTR_MED;
        } else {
            continue;
        }
        say(w, x);
    }
}

static bool make(struct net *w, const struct net_change *c)
{
    if (c->kind == NET_LINK_DOWN)
        lose_link(w, c->link);
    else if (c->kind == NET_PREFER && !c->prepend && !c->community)
        prefer(w, c);
    else
        return false;
    return true;
}

static struct net_change draw_change(struct rng *rng, const struct net *w)
{
    uint16_t link = (uint16_t)rng_below(rng, w->topo.n_links);
    struct net_change x = {.kind = NET_LINK_DOWN, .link = link};
    x.router = w->topo.link[link].router[rng_below(rng, 2)];
    double u = rng_unit(rng);
    if (u < 0.5)
        return x;
    x.kind = NET_PREFER;
    if (rng_chance(rng, 0.2))
        x.prefix = w->pool[rng_below(rng, (uint64_t)w->n_pool)];
    if (u < 0.65) {
        x.set_local_pref = true;
        x.local_pref = (uint32_t)rng_below(rng, 4) * 60;
    } else if (u < 0.8) {
        x.set_med = true;
        x.med = (uint32_t)rng_below(rng, 4) * 40;
    } else if (u < 0.9) {
        x.prepend = (uint8_t)(1 + rng_below(rng, 3));
    } else {
        x.prefix = w->pool[rng_below(rng, (uint64_t)w->n_pool)];
        static const uint8_t kinds[] = {NET_ROUTE_ADD, NET_ROUTE_REMOVE, NET_STATIC_ADD,
                                        NET_ALLOW_ADD, NET_LINK_UP,      NET_STATIC_REMOVE};
        x.kind = kinds[rng_below(rng, COUNTOF(kinds))];
    }
    return x;
}

/* ---- what is held, before and after ---- */

static bool of_whatif(int kind)
{
    switch (kind) {
    case V_ROUTE_MISSING:
    case V_ROUTE_UNEXPECTED:
    case V_MORE_SPECIFIC:
    case V_ORIGIN_CHANGED:
    case V_NEXT_HOP:
    case V_BETTER_UNUSED:
    case V_LOOP:
    case V_BLACKHOLE:
    case V_DEAD_END:
    case V_NO_PATH:
    case V_ASYMMETRIC:
    case V_LOOP_POSSIBLE:
    case V_AGGREGATE_UNCOVERED: return true;
    default: return false;
    }
}

static bool of_fault(int kind)
{
    return kind == V_LOOP || kind == V_BLACKHOLE || kind == V_DEAD_END || kind == V_LOOP_POSSIBLE ||
           kind == V_AGGREGATE_UNCOVERED;
}

struct held {
    int kind;
    uint64_t key, what; /* `what` stands for its evidence */
    uint32_t atoms;     /* of a fault */
};

/* Of a fault only what does not hang on which of its atoms are listed first: the router that drops,
 * or the first one of the circle. */
static uint64_t what_of(int kind, const struct evidence *e)
{
    if (!of_fault(kind))
        return hash_fast(5, e, sizeof *e);
    return kind == V_LOOP || kind == V_LOOP_POSSIBLE ? e->hop[0].router : e->router;
}

static size_t held_now(const struct net *w, struct held *out)
{
    const struct verdicts *l = netmodel_verdicts(w->model);
    size_t n = 0;
    for (uint32_t i = 0; i < l->n; i++)
        if (l->v[i].holds && of_whatif(l->v[i].kind))
            out[n++] =
                (struct held){l->v[i].kind, l->v[i].key, what_of(l->v[i].kind, &l->v[i].evidence),
                              l->v[i].evidence.n_prefixes};
    return n;
}

static const struct held *find_held(const struct held *in, size_t n, const struct held *x)
{
    for (size_t i = 0; i < n; i++)
        if (in[i].kind == x->kind && in[i].key == x->key)
            return &in[i];
    return NULL;
}

/* Does the answer say that of a verdict? Takes it out of the answer (kind VERDICT_KINDS). */
static bool said(struct whatif *a, const struct held *x, bool raised)
{
    for (uint32_t i = 0; i < a->n; i++) {
        struct whatif_verdict *v = &a->verdict[i];
        if (v->kind != x->kind || v->raised != raised)
            continue;
        /* A way that is cleared is told as it then is; live, a route that is missing is told with
         * what was received. */
        bool loose = x->kind == V_ROUTE_MISSING ||
                     (!raised && (x->kind == V_NO_PATH || x->kind == V_ASYMMETRIC));
        uint64_t key = x->kind == V_NO_PATH || x->kind == V_ASYMMETRIC
                           ? verdict_key(v->evidence.site[0], v->evidence.site[1], 0)
                           : verdict_key_prefix(v->evidence.router, &v->evidence.prefix[0]);
        if (of_fault(x->kind)
                ? what_of(x->kind, &v->evidence) != x->what
                : key != x->key || (!loose && what_of(x->kind, &v->evidence) != x->what))
            continue;
        v->kind = VERDICT_KINDS;
        return true;
    }
    return false;
}

static void compare(struct whatif *a, const struct held *before, size_t n_before,
                    const struct held *after, size_t n_after)
{
    uint32_t turned = 0, missed = 0;
    for (size_t i = 0; i < n_after; i++) {
        if (find_held(before, n_before, &after[i]))
            continue;
        bool told = said(a, &after[i], true);
        turned++;
        missed += !told;
        if (!told && !a->more)
            TAP_FAIL("%s was not foretold", verdict_rows[after[i].kind].name);
    }
    for (size_t i = 0; i < n_after; i++) /* those that have grown may be told again */
        if (of_fault(after[i].kind) && find_held(before, n_before, &after[i]))
            (void)said(a, &after[i], true);
    for (size_t i = 0; i < n_before; i++) {
        if (find_held(after, n_after, &before[i]))
            continue;
        bool told = said(a, &before[i], false);
        turned++;
        missed += !told;
        if (!told && !a->more)
            TAP_FAIL("that %s ends was not foretold", verdict_rows[before[i].kind].name);
    }
    for (uint32_t i = 0; i < a->n; i++)
        if (a->verdict[i].kind != VERDICT_KINDS)
            TAP_FAIL("%s was foretold, %s, and did not come", verdict_rows[a->verdict[i].kind].name,
                     a->verdict[i].raised ? "raised" : "cleared");
    if (missed > a->more)
        TAP_FAIL("%u turned, %u of them not told, %u more announced", turned, missed, a->more);
}

/* ---- the properties ---- */

static uint64_t image(const struct net *w)
{
    struct fwd *model[2] = {w->model->fwd, w->model->could};
    uint64_t sum = 0;
    for (int i = 0; i < 2; i++) {
        struct fwd_fault f;
        struct fwd_size z = fwd_size(model[i]);
        sum += mix64(z.prefixes) + mix64(z.nodes + 1) + mix64(z.classes + 2) + mix64(z.rules + 3);
        for (size_t at = 0; fwd_next_fault(model[i], &at, &f);) {
            struct prefix p[64];
            size_t n = fwd_fault_prefixes(model[i], f.id, p, COUNTOF(p));
            sum += mix64(f.id + hash_fast(f.atoms, p, n * sizeof *p));
        }
    }
    return sum;
}

/* Its path gets longer for those who have it from whom it is prepended for. Random tables have it
 * from there too where that neighbour has not got it, or hands on nothing to anybody. */
static bool prepended_unseen(const struct net *w, int prefix)
{
    const struct netmodel *m = w->model;
    bool unseen = false;
    for (size_t c = 0; c < m->n_changes; c++) {
        const struct net_change *x = &m->change[c];
        uint16_t to = topo_other(&w->topo.link[x->link], x->router);
        if (x->kind != NET_PREFER || !x->prepend || x->prefix.family)
            continue;
        bool has = false, hands_on = false;
        for (uint32_t l = 0; l < w->topo.n_links; l++)
            for (int end = 0; end < 2; end++)
                hands_on |=
                    w->topo.link[l].router[end] == to && w->topo.link[l].router[!end] != x->router;
        for (size_t i = 0; i < w->n_told && !has && hands_on; i++)
            has = w->told[i].there && w->told[i].router == to && w->told[i].link == x->link &&
                  prefix_equal(&w->pool[w->told[i].prefix], &w->pool[prefix]);
        unseen |= !has;
    }
    return unseen;
}

/* Each router has in both models what its tables give it, looked up one by one. */
static void all_rules_are_right(void *arg)
{
    struct net *w = arg;
    struct netmodel *m = w->model;
    struct choice *c = mem_new(1, sizeof *c);
    char text[PREFIX_TEXT_MAX];
    for (uint16_t r = 0; r < w->topo.n_routers; r++) {
        /* On trial another of its views counts, for what is touched. */
        if (m->n_changes && m->router[r].loc_routes && m->router[r].post_routes)
            continue;
        for (int p = 0; p < w->n_pool; p++) {
            route_choose(m, r, &w->pool[p], c);
            if ((fwd_rule(m->fwd, r, &w->pool[p]) != c->set ||
                 fwd_rule(m->could, r, &w->pool[p]) != c->acceptable) &&
                !prepended_unseen(w, p))
                TAP_FAIL("%s at router %d is not as its tables say, %zu changes",
                         prefix_text(&w->pool[p], text), r, m->n_changes);
        }
    }
    mem_free(c);
}

static void play(struct rng *rng, unsigned per_router, int steps)
{
    struct net *w = draw_net(rng, per_router);
    struct whatif *a = mem_new(1, sizeof *a);
    struct held *before = mem_new(VERDICTS_MAX + 1, sizeof *before);
    struct held *after = mem_new(VERDICTS_MAX + 1, sizeof *after);
    all_rules_are_right(w);
    for (int step = 0; step < steps; step++) {
        struct net_change x[3];
        size_t n = rng_chance(rng, 0.7) ? 1 : 1 + rng_below(rng, 3);
        for (size_t i = 0; i < n; i++)
            x[i] = draw_change(rng, w);
        if (rng_chance(rng, 0.1))
            netmodel_link(w->model, (uint16_t)rng_below(rng, w->topo.n_links), rng_chance(rng, 0.5),
                          "word", w->now_ms);
        settle(w);
        uint64_t was = image(w);
        size_t n_before = held_now(w, before);
        if (!whatif_look(w->model, x, n, a, all_rules_are_right, w))
            continue;
        CHECK_EQ(image(w), was);
        settle(w);
        CHECK_EQ(held_now(w, after), n_before);
        for (size_t i = 0; i < n_before; i++)
            CHECK(find_held(after, n_before, &before[i]) != NULL);
        bool made = true, statics = false;
        for (size_t i = 0; i < n && made; i++) {
            made = make(w, &x[i]);
            for (uint32_t s = 0; s < w->topo.n_statics; s++)
                statics |= w->topo.statics[s].link == x[i].link;
        }
        settle(w);
        size_t n_after = held_now(w, after);
        bool room = netmodel_verdicts(w->model)->refused == 0;
        if (made && w->comparable && !statics && room)
            compare(a, before, n_before, after, n_after);
    }
    mem_free(a);
    mem_free(before);
    mem_free(after);
    free_net(w);
}

PROP(as_asked_so_it_comes, 400)
{
    play(rng, 1 + (unsigned)rng_below(rng, 12), 8);
}
PROP(as_asked_so_it_comes_with_hundreds, 60)
{
    play(rng, 20 + (unsigned)rng_below(rng, 80), 6);
}
PROP(as_asked_so_it_comes_with_thousands, 12)
{
    play(rng, 400, 5);
}

TAP_MAIN
