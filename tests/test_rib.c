/* rib: every operation against a list that is searched, and the rules of synchronisation one by
 * one. */
#include "base/mem.h"
#include "net/rib.h"
#include "tap.h"

struct world {
    struct attr_table *attrs;
    struct sources *sources;
    struct rib *rib;
    uint32_t router, peer[3];
    uint32_t attr[4];
    int changes;
    struct rib_change last;
};

static void changed(void *arg, const struct rib_change *c)
{
    struct world *w = arg;
    w->changes++;
    w->last = *c;
    BUG_ON(!rib_prefix(w->rib, c->prefix_id)); /* still there when it is told */
    if (c->before)
        (void)attr_get(w->attrs, c->before);
    CHECK(c->before != c->after);
}

static struct world *world_new(void)
{
    struct world *w = mem_new(1, sizeof *w);
    struct rib_limits limits = RIB_LIMITS_DEFAULTS;
    w->attrs = attr_table_new(1, ATTR_SETS_MAX, ATTR_BYTES_MAX);
    w->sources = sources_new();
    w->rib = rib_new(w->attrs, w->sources, &limits, changed, w);
    w->router = source_router(w->sources, "hub");
    for (uint32_t i = 0; i < 3; i++) {
        struct peer_key key = {.address = {.byte = {10, 0, 0, (uint8_t)i}, .family = IPV4}};
        w->peer[i] = source_peer(w->sources, w->router, &key);
    }
    for (uint32_t i = 0; i < 4; i++)
        w->attr[i] = attr_intern(w->attrs, &(struct attr){.med = i});
    return w;
}

static void world_free(struct world *w)
{
    rib_free(w->rib);
    for (uint32_t i = 0; i < 4; i++)
        attr_release(w->attrs, w->attr[i]);
    CHECK_EQ(attr_table_stats(w->attrs).sets, 0); /* the RIB has let go of all it held */
    attr_table_free(w->attrs);
    sources_free(w->sources);
    mem_free(w);
}

static struct route_event event(struct world *w, enum route_event_type type, uint32_t peer)
{
    return (struct route_event){.type = (uint8_t)type,
                                .view = VIEW_IN_POST,
                                .router = w->router,
                                .peer = w->peer[peer],
                                .at_ms = 1000};
}

static void say(struct world *w, enum route_event_type type, uint32_t peer, const char *prefix,
                uint32_t attr, int64_t at_ms)
{
    struct route_event e = event(w, type, peer);
    e.at_ms = at_ms;
    e.family = IPV4;
    e.attr = attr;
    BUG_ON(prefix && !prefix_parse(prefix, &e.prefix));
    rib_apply(w->rib, &e);
}

static uint32_t attr_at(struct world *w, uint32_t peer, const char *prefix)
{
    struct rib_route path[RIB_PATHS_MAX];
    struct prefix p;
    BUG_ON(!prefix_parse(prefix, &p));
    uint32_t id = rib_prefix_find(w->rib, &p);
    return id && rib_paths(w->rib, w->peer[peer], VIEW_IN_POST, id, path) ? path[0].attr
                                                                          : ATTR_NONE;
}

TEST(said_twice_is_heard_once)
{
    struct world *w = world_new();
    say(w, ROUTE_ANNOUNCE, 0, "10.1.0.0/16", w->attr[1], 5000);
    CHECK_EQ(w->changes, 1);
    CHECK_EQ(w->last.before, ATTR_NONE);
    CHECK_EQ(w->last.after, w->attr[1]);
    CHECK_EQ(w->last.at_ms, 5000);
    say(w, ROUTE_ANNOUNCE, 0, "10.1.0.0/16", w->attr[1], 6000);
    CHECK_EQ(w->changes, 1);
    say(w, ROUTE_ANNOUNCE, 0, "10.1.0.0/16", w->attr[2], 7000);
    CHECK_EQ(w->changes, 2);
    CHECK_EQ(w->last.before, w->attr[1]);
    say(w, ROUTE_WITHDRAW, 0, "10.1.0.0/16", ATTR_NONE, 8000);
    say(w, ROUTE_WITHDRAW, 0, "10.1.0.0/16", ATTR_NONE, 9000);
    CHECK_EQ(w->changes, 3);
    CHECK_EQ(w->last.after, ATTR_NONE);
    CHECK_EQ(rib_stats(w->rib).routes, 0);
    CHECK_EQ(rib_stats(w->rib).prefixes, 0);
    CHECK_EQ(rib_stats(w->rib).repeated, 2);
    world_free(w);
}

TEST(a_session_that_ends_takes_its_routes)
{
    struct world *w = world_new();
    say(w, ROUTE_ANNOUNCE, 0, "10.1.0.0/16", w->attr[1], 1000);
    say(w, ROUTE_ANNOUNCE, 0, "10.2.0.0/16", w->attr[1], 1000);
    say(w, ROUTE_ANNOUNCE, 1, "10.1.0.0/16", w->attr[1], 1000);
    for (int i = 0; i < 53; i++) /* FRR says it again at every attempt to connect */
        say(w, ROUTE_PEER_DOWN, 0, NULL, ATTR_NONE, 2000 + i);
    CHECK_EQ(attr_at(w, 0, "10.1.0.0/16"), ATTR_NONE);
    CHECK_EQ(attr_at(w, 1, "10.1.0.0/16"), w->attr[1]);
    CHECK_EQ(w->changes, 5);
    CHECK_EQ(rib_peer(w->rib, w->peer[0])->downs, 1);
    CHECK_EQ(rib_peer(w->rib, w->peer[0])->since_ms, 2000);
    CHECK_EQ(rib_peer(w->rib, w->peer[0])->state, RIB_PEER_DOWN);
    CHECK_EQ(rib_peer(w->rib, w->peer[1])->state, RIB_PEER_UP); /* it spoke, without Peer Up */
    CHECK_EQ(rib_peer(w->rib, w->peer[2])->state, RIB_PEER_UNKNOWN);
    say(w, ROUTE_PEER_DOWN, 2, NULL, ATTR_NONE, 3000);
    CHECK_EQ(rib_peer(w->rib, w->peer[2])->state, RIB_PEER_DOWN);
    CHECK_EQ(rib_peer(w->rib, w->peer[2])->downs, 0); /* it was not up */
    world_free(w);
}

TEST(end_of_rib_takes_what_was_not_said_again)
{
    struct world *w = world_new();
    say(w, ROUTE_PEER_UP, 0, NULL, ATTR_NONE, 500);
    say(w, ROUTE_ANNOUNCE, 0, "10.1.0.0/16", w->attr[1], 1000);
    say(w, ROUTE_ANNOUNCE, 0, "10.2.0.0/16", w->attr[1], 1000);
    say(w, ROUTE_ANNOUNCE, 0, "2001:db8::/32", w->attr[1], 1000);
    say(w, ROUTE_END_OF_RIB, 0, NULL, ATTR_NONE, 1500);
    CHECK(rib_synced(w->rib, w->peer[0], VIEW_IN_POST, IPV4));
    say(w, ROUTE_PEER_UP, 0, NULL, ATTR_NONE, 2000); /* repeated: told anew */
    CHECK(!rib_synced(w->rib, w->peer[0], VIEW_IN_POST, IPV4));
    CHECK_EQ(rib_peer(w->rib, w->peer[0])->since_ms, 2000);
    CHECK_EQ(rib_stats(w->rib).stale, 3);
    say(w, ROUTE_ANNOUNCE, 0, "10.2.0.0/16", w->attr[1], 2100);
    CHECK_EQ(w->changes, 3); /* nothing has changed so far */
    say(w, ROUTE_END_OF_RIB, 0, NULL, ATTR_NONE, 2200);
    CHECK_EQ(w->changes, 4);
    CHECK_EQ(attr_at(w, 0, "10.1.0.0/16"), ATTR_NONE);
    CHECK_EQ(attr_at(w, 0, "10.2.0.0/16"), w->attr[1]);
    CHECK_EQ(attr_at(w, 0, "2001:db8::/32"), w->attr[1]); /* its own End-of-RIB is to come */
    CHECK_EQ(rib_stats(w->rib).stale, 1);
    rib_sweep(w->rib, 9000, 9000); /* the feed was never up: nobody knows better */
    CHECK_EQ(rib_stats(w->rib).stale, 1);
    world_free(w);
}

TEST(a_feed_that_is_lost_keeps_what_it_said)
{
    struct world *w = world_new();
    struct route_event feed = {.router = w->router, .type = ROUTE_FEED_UP, .at_ms = 100};
    rib_apply(w->rib, &feed);
    say(w, ROUTE_PEER_UP, 0, NULL, ATTR_NONE, 500);
    say(w, ROUTE_PEER_UP, 1, NULL, ATTR_NONE, 500);
    say(w, ROUTE_ANNOUNCE, 0, "10.1.0.0/16", w->attr[1], 1000);
    say(w, ROUTE_ANNOUNCE, 1, "10.1.0.0/16", w->attr[1], 1000);
    feed = (struct route_event){.router = w->router, .type = ROUTE_FEED_LOST, .at_ms = 2000};
    rib_apply(w->rib, &feed);
    CHECK(!rib_feed(w->rib, w->router).up && rib_feed(w->rib, w->router).ever);
    CHECK_EQ(rib_stats(w->rib).stale, 2);
    CHECK_EQ(attr_at(w, 0, "10.1.0.0/16"), w->attr[1]);
    feed = (struct route_event){.router = w->router, .type = ROUTE_FEED_UP, .at_ms = 3000};
    rib_apply(w->rib, &feed);
    say(w, ROUTE_PEER_UP, 0, NULL, ATTR_NONE, 3100);
    CHECK_EQ(rib_peer(w->rib, w->peer[0])->since_ms, 500); /* it was up all the time */
    CHECK_EQ(rib_peer(w->rib, w->peer[0])->downs, 0);
    say(w, ROUTE_ANNOUNCE, 0, "10.1.0.0/16", w->attr[1], 3200);
    CHECK_EQ(w->changes, 2);
    rib_sweep(w->rib, 3000, 63000);
    CHECK_EQ(w->changes, 2); /* nothing is that old */
    CHECK_EQ(rib_peer(w->rib, w->peer[1])->state, RIB_PEER_UP);
    rib_sweep(w->rib, 3001, 63000); /* no End-of-RIB came: peer 1 is no more */
    CHECK_EQ(w->changes, 3);
    CHECK_EQ(attr_at(w, 1, "10.1.0.0/16"), ATTR_NONE);
    CHECK_EQ(rib_peer(w->rib, w->peer[1])->state, RIB_PEER_UNKNOWN);
    CHECK_EQ(attr_at(w, 0, "10.1.0.0/16"), w->attr[1]);
    world_free(w);
}

/* Peers are numbered when a feed first hears of them, which may be long before an event. */
TEST(a_feed_of_peers_that_never_spoke)
{
    struct world *w = world_new();
    struct route_event feed = {.router = w->router, .type = ROUTE_FEED_UP, .at_ms = 100};
    say(w, ROUTE_PEER_UP, 0, NULL, ATTR_NONE, 50);
    for (uint64_t i = 1; i < 100; i++) {
        struct peer_key key = {.distinguisher = i};
        uint32_t peer = source_peer(w->sources, w->router, &key);
        rib_apply(w->rib, &feed);
        CHECK_EQ(rib_peer(w->rib, peer)->state, RIB_PEER_UNKNOWN);
    }
    CHECK_EQ(rib_peer(w->rib, 9999)->state, RIB_PEER_UNKNOWN);
    world_free(w);
}

TEST(what_is_beyond_a_limit_is_refused)
{
    struct world *w = world_new();
    rib_free(w->rib);
    w->rib = rib_new(w->attrs, w->sources, &(struct rib_limits){70, 2, 80}, changed, w);
    struct route_event e = event(w, ROUTE_ANNOUNCE, 0);
    e.attr = w->attr[0];
    BUG_ON(!prefix_parse("10.1.0.0/16", &e.prefix));
    for (e.path_id = 0; e.path_id < 100; e.path_id++) /* add-path gone wild */
        rib_apply(w->rib, &e);
    CHECK_EQ(rib_stats(w->rib).routes, RIB_PATHS_MAX);
    CHECK_EQ(rib_stats(w->rib).refused, 100 - RIB_PATHS_MAX);
    say(w, ROUTE_ANNOUNCE, 1, "10.2.0.0/16", w->attr[1], 1000);
    say(w, ROUTE_ANNOUNCE, 1, "10.3.0.0/16", w->attr[1], 1000); /* a third prefix */
    CHECK_EQ(rib_stats(w->rib).prefixes, 2);
    for (e.path_id = 0; e.path_id < 10; e.path_id++) {
        e.peer = w->peer[2];
        rib_apply(w->rib, &e);
    }
    CHECK_EQ(rib_stats(w->rib).routes, 70);
    world_free(w);
}

TEST(a_router_has_a_limit_of_its_own)
{
    struct world *w = world_new();
    rib_free(w->rib);
    w->rib = rib_new(w->attrs, w->sources, &(struct rib_limits){1000, 1000, 3}, changed, w);
    struct route_event e = event(w, ROUTE_ANNOUNCE, 0);
    e.attr = w->attr[0];
    for (uint8_t i = 0; i < 5; i++) {
        e.prefix = (struct prefix){{10, i}, 16, IPV4};
        rib_apply(w->rib, &e);
    }
    CHECK_EQ(rib_router_routes(w->rib, w->router), 3);
    CHECK_EQ(rib_stats(w->rib).refused, 2);
    CHECK_EQ(rib_stats(w->rib).prefixes, 3);
    say(w, ROUTE_WITHDRAW, 0, "10.1.0.0/16", ATTR_NONE, 2000);
    rib_apply(w->rib, &e);
    CHECK_EQ(rib_router_routes(w->rib, w->router), 3);
    say(w, ROUTE_PEER_DOWN, 0, NULL, ATTR_NONE, 2000);
    CHECK_EQ(rib_router_routes(w->rib, w->router), 0);
    e.router = source_router(w->sources, "other");
    e.peer = source_peer(w->sources, e.router, &(struct peer_key){.distinguisher = 1});
    rib_apply(w->rib, &e);
    CHECK_EQ(rib_router_routes(w->rib, e.router), 1);
    world_free(w);
}

/* ---- against a list ---- */

enum { LIST = 400 };
struct item {
    uint32_t peer, path_id, attr;
    uint8_t view;
    struct prefix prefix;
    bool used, stale;
};
struct list {
    struct item item[LIST];
    int changes;
};

static struct item *list_find(struct list *l, const struct route_event *e)
{
    struct item *free_one = NULL;
    for (int i = 0; i < LIST; i++) {
        struct item *x = &l->item[i];
        if (x->used && x->peer == e->peer && x->view == e->view && x->path_id == e->path_id &&
            prefix_equal(&x->prefix, &e->prefix))
            return x;
        if (!x->used)
            free_one = x;
    }
    return free_one;
}

static void list_drop(struct list *l, uint32_t peer, int view, uint8_t family, bool only_stale)
{
    for (int i = 0; i < LIST; i++) {
        struct item *x = &l->item[i];
        if (x->used && x->peer == peer && (view < 0 || x->view == view) &&
            (!family || x->prefix.family == family) && (!only_stale || x->stale)) {
            x->used = false;
            l->changes++;
        }
    }
}

static void list_apply(struct list *l, const struct route_event *e)
{
    struct item *x = list_find(l, e);
    switch ((enum route_event_type)e->type) {
    case ROUTE_ANNOUNCE:
        l->changes += !x->used || x->attr != e->attr;
        *x = (struct item){e->peer, e->path_id, e->attr, e->view, e->prefix, true, false};
        break;
    case ROUTE_WITHDRAW:
        l->changes += x && x->used;
        if (x)
            x->used = false;
        break;
    case ROUTE_END_OF_RIB: list_drop(l, e->peer, e->view, e->family, true); break;
    case ROUTE_PEER_DOWN: list_drop(l, e->peer, -1, 0, false); break;
    case ROUTE_RESYNC:
        for (int i = 0; i < LIST; i++)
            if (l->item[i].peer == e->peer && l->item[i].view == e->view &&
                (!e->family || l->item[i].prefix.family == e->family))
                l->item[i].stale = true;
        break;
    default: break;
    }
}

static struct prefix draw_prefix(struct rng *rng)
{
    struct prefix p = {.family = rng_chance(rng, 0.7) ? IPV4 : IPV6};
    p.byte[0] = 10;
    p.byte[1] = (uint8_t)(rng_below(rng, 4) << 6);
    p.byte[2] = (uint8_t)(rng_below(rng, 4) << 6);
    p.len = (uint8_t)(6 + rng_below(rng, 14));
    prefix_canonical(&p);
    return p;
}

static enum route_event_type draw_type(struct rng *rng)
{
    uint64_t x = rng_below(rng, 200);
    return x < 110   ? ROUTE_ANNOUNCE
           : x < 190 ? ROUTE_WITHDRAW
           : x < 194 ? ROUTE_RESYNC
           : x < 198 ? ROUTE_END_OF_RIB
                     : ROUTE_PEER_DOWN;
}

static bool count_route(void *arg, const struct rib_route *route)
{
    ++*(int *)arg;
    return true;
}

/* Read in pieces it is the same table, and the paths of a prefix are in the same order. */
static void compare_read(const struct world *w, uint32_t peer, enum route_view view, size_t piece)
{
    struct rib_path all[LIST], read[7];
    size_t n = 0, got;
    for (uint32_t at = 0; (got = rib_read(w->rib, peer, view, &at, read, piece)) != 0; n += got) {
        CHECK(got <= piece && n + got <= LIST);
        memcpy(all + n, read, got * sizeof *read);
    }
    CHECK_EQ(n, rib_peer_routes(w->rib, peer, view));
    for (size_t i = 0; i < n; i++) {
        struct rib_route path[RIB_PATHS_MAX];
        uint32_t paths = rib_paths(w->rib, peer, view, all[i].prefix_id, path), nth = 0;
        for (size_t k = 0; k < i; k++)
            nth += all[k].prefix_id == all[i].prefix_id;
        CHECK(nth < paths);
        CHECK_EQ(all[i].path_id, path[nth].path_id);
        CHECK_EQ(all[i].attr, path[nth].attr);
    }
}

static void compare(struct world *w, struct list *l)
{
    int used = 0, walked = 0, stale = 0;
    for (int i = 0; i < LIST; i++) {
        struct rib_route path[RIB_PATHS_MAX];
        struct item *x = &l->item[i];
        if (!x->used)
            continue;
        used++;
        stale += x->stale;
        uint32_t id = rib_prefix_find(w->rib, &x->prefix), found = 0;
        uint32_t n = id ? rib_paths(w->rib, x->peer, x->view, id, path) : 0;
        for (uint32_t k = 0; k < n; k++)
            if (path[k].path_id == x->path_id) {
                found++;
                CHECK_EQ(path[k].attr, x->attr);
                CHECK_EQ(path[k].stale, x->stale);
            }
        CHECK_EQ(found, 1);
    }
    for (int p = 0; p < 3; p++)
        for (int v = 0; v < VIEWS; v++) {
            rib_each_route(w->rib, w->peer[p], (enum route_view)v, count_route, &walked);
            compare_read(w, w->peer[p], (enum route_view)v, 1 + (size_t)(used + v) % 7);
        }
    CHECK_EQ(walked, used);
    CHECK_EQ(rib_stats(w->rib).routes, used);
    CHECK_EQ(rib_stats(w->rib).stale, stale);
    CHECK_EQ(w->changes, l->changes);
}

/* Longest match by looking at every route. */
static void compare_match(struct world *w, struct list *l, struct rng *rng)
{
    struct prefix drawn = draw_prefix(rng);
    struct ip_addr to = {.family = drawn.family};
    memcpy(to.byte, drawn.byte, sizeof to.byte);
    struct prefix host = prefix_of_ip(&to);
    int best = -1;
    for (int i = 0; i < LIST; i++)
        if (l->item[i].used && l->item[i].view == VIEW_IN_POST &&
            prefix_covers(&l->item[i].prefix, &host))
            best = MAX(best, (int)l->item[i].prefix.len);
    uint32_t id = rib_match(w->rib, w->router, VIEW_IN_POST, &to);
    CHECK_EQ(id ? rib_prefix(w->rib, id)->len : -1, best);
}

PROP(tables_agree_with_a_list, 200)
{
    struct world *w = world_new();
    struct list *l = mem_new(1, sizeof *l);
    int routes = 0;
    for (int step = 0; step < 600; step++) {
        struct route_event e = event(w, draw_type(rng), (uint32_t)rng_below(rng, 3));
        e.view = rng_chance(rng, 0.8) ? VIEW_IN_POST : VIEW_LOC_RIB;
        e.family = rng_chance(rng, 0.5) ? IPV4 : IPV6;
        e.prefix = draw_prefix(rng);
        e.path_id = (uint32_t)rng_below(rng, 2);
        e.attr = w->attr[rng_below(rng, 4)];
        if (e.type == ROUTE_ANNOUNCE && !list_find(l, &e))
            continue;
        rib_apply(w->rib, &e);
        list_apply(l, &e);
        routes = MAX(routes, (int)rib_stats(w->rib).routes);
        if (step % 50 == 0)
            compare(w, l);
        compare_match(w, l, rng);
    }
    compare(w, l);
    CHECK(routes > 20);
    mem_free(l);
    world_free(w);
}

TAP_MAIN
