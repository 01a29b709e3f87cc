/* rib.c - prefixes are numbered once; a table is an open-addressing set of (prefix number, path
 * id).
 *
 * The paths of one prefix hash to the same home, so they lie in one run of slots and are found by
 * walking it. A table's home keeps the lowest two bits of the prefix number: four prefixes that
 * were first told one after the other share a cache line, and tables are mostly told in the same
 * order. For the same reason the prefix looked for is tried first right behind the last one. */
#include "net/rib.h"

#include "base/hash.h"
#include "base/mem.h"
#include "base/rng.h"

struct slot {
    uint32_t prefix; /* number; 0: free */
    uint32_t path_id, attr;
    uint32_t since_s; /* Unix time */
};

struct table {
    struct slot *slot;
    uint8_t *stale; /* a byte a slot, only while some are; else NULL */
    uint32_t cap, count, n_stale;
    bool synced[2];       /* by family */
    int64_t resync_ms[2]; /* when it was last marked stale */
};

struct peer_state {
    struct rib_peer peer;
    bool unconfirmed; /* not heard of since the feed came back */
    struct table *table[VIEWS];
};

struct router_state {
    struct rib_feed feed;
    uint32_t routes;
};

struct prefix_node {
    struct prefix prefix; /* family 0: free, refs is the next free number */
    uint32_t refs;        /* slots that have it */
};

struct prefix_slot {
    uint32_t tag, id; /* id 0: free */
};

struct rib {
    struct attr_table *attrs;
    const struct sources *sources;
    struct rib_limits limits;
    rib_change_fn *changed;
    void *arg;

    struct prefix_node *prefix; /* by number - 1 */
    uint32_t n_prefix, cap_prefix, free_prefix, last_prefix;
    struct prefix_slot *index;
    uint32_t cap_index;
    uint32_t lengths[2][129]; /* how many prefixes have that length: which to try */

    struct peer_state *peer; /* by number - 1 */
    uint32_t n_peers;
    struct router_state *router; /* by number - 1 */
    uint32_t n_routers;
    struct rib_stats stats; /* bytes: of the tables */
};

static int family_index(uint8_t family)
{
    return family == IPV6;
}

/* ---- prefixes ---- */

static uint64_t prefix_hash(const struct prefix *p)
{
    return hash_fast(0, p, sizeof *p);
}

static struct prefix_slot *index_probe(const struct rib *r, const struct prefix *p, uint64_t hash)
{
    uint32_t mask = r->cap_index - 1, tag = (uint32_t)(hash >> 32);
    for (uint32_t i = (uint32_t)hash & mask;; i = (i + 1) & mask) {
        struct prefix_slot *s = &r->index[i];
        if (!s->id || (s->tag == tag && prefix_equal(&r->prefix[s->id - 1].prefix, p)))
            return s;
    }
}

static void index_grow(struct rib *r)
{
    struct prefix_slot *old = r->index;
    uint32_t cap = r->cap_index;
    r->cap_index = cap ? cap * 2 : 64;
    r->index = mem_new(r->cap_index, sizeof *r->index);
    uint32_t mask = r->cap_index - 1;
    for (uint32_t k = 0; k < cap; k++) {
        if (!old[k].id)
            continue;
        uint64_t hash = prefix_hash(&r->prefix[old[k].id - 1].prefix);
        uint32_t i = (uint32_t)hash & mask;
        while (r->index[i].id)
            i = (i + 1) & mask;
        r->index[i] = old[k];
    }
    mem_free(old);
}

uint32_t rib_prefix_find(const struct rib *r, const struct prefix *p)
{
    return r->cap_index ? index_probe(r, p, prefix_hash(p))->id : 0;
}

static uint32_t prefix_number_new(struct rib *r)
{
    if (r->free_prefix) {
        uint32_t id = r->free_prefix;
        r->free_prefix = r->prefix[id - 1].refs;
        return id;
    }
    if (r->n_prefix == r->cap_prefix) {
        r->cap_prefix = r->cap_prefix ? r->cap_prefix * 2 : 64;
        r->prefix = mem_grow(r->prefix, r->cap_prefix, sizeof *r->prefix);
    }
    return ++r->n_prefix;
}

/* The number of the prefix, a new one without references if need be; 0: there are too many. */
static uint32_t prefix_number(struct rib *r, const struct prefix *p)
{
    uint32_t next = r->last_prefix + 1;
    if (next <= r->n_prefix && prefix_equal(&r->prefix[next - 1].prefix, p))
        return r->last_prefix = next;
    if (r->stats.prefixes >= r->cap_index / 8 * 5)
        index_grow(r);
    uint64_t hash = prefix_hash(p);
    struct prefix_slot *s = index_probe(r, p, hash);
    if (s->id)
        return r->last_prefix = s->id;
    if (r->stats.prefixes == r->limits.prefixes_max)
        return 0;
    *s = (struct prefix_slot){(uint32_t)(hash >> 32), prefix_number_new(r)};
    r->prefix[s->id - 1] = (struct prefix_node){.prefix = *p};
    r->lengths[family_index(p->family)][p->len]++;
    r->stats.prefixes++;
    return r->last_prefix = s->id;
}

static void prefix_forget(struct rib *r, uint32_t id)
{
    struct prefix_node *n = &r->prefix[id - 1];
    uint32_t mask = r->cap_index - 1;
    uint32_t hole = (uint32_t)(index_probe(r, &n->prefix, prefix_hash(&n->prefix)) - r->index);
    for (uint32_t i = (hole + 1) & mask; r->index[i].id; i = (i + 1) & mask) {
        uint32_t home = (uint32_t)prefix_hash(&r->prefix[r->index[i].id - 1].prefix) & mask;
        if (((i - home) & mask) < ((i - hole) & mask))
            continue; /* it would come before its home */
        r->index[hole] = r->index[i];
        hole = i;
    }
    r->index[hole] = (struct prefix_slot){0};
    r->lengths[family_index(n->prefix.family)][n->prefix.len]--;
    r->stats.prefixes--;
    *n = (struct prefix_node){.refs = r->free_prefix};
    r->free_prefix = id;
}

const struct prefix *rib_prefix(const struct rib *r, uint32_t id)
{
    BUG_ON(id == 0 || id > r->n_prefix);
    return r->prefix[id - 1].prefix.family ? &r->prefix[id - 1].prefix : NULL;
}

uint32_t rib_prefix_uses(const struct rib *r, uint32_t prefix_id)
{
    return rib_prefix(r, prefix_id) ? r->prefix[prefix_id - 1].refs : 0;
}

uint32_t rib_prefix_end(const struct rib *r)
{
    return r->n_prefix;
}

uint32_t rib_prefix_covering(const struct rib *r, const struct prefix *p, int bits_max)
{
    struct prefix q = *p;
    for (int len = MIN(bits_max, (int)p->len); len >= 0; len--) {
        if (!r->lengths[family_index(p->family)][len])
            continue;
        q.len = (uint8_t)len;
        prefix_canonical(&q);
        uint32_t id = rib_prefix_find(r, &q);
        if (id)
            return id;
    }
    return 0;
}

/* ---- tables ---- */

static uint32_t table_home(const struct table *t, uint32_t prefix)
{
    uint32_t group = (uint32_t)mix64(prefix >> 2);
    return (group << 2 | (prefix & 3)) & (t->cap - 1);
}

static void table_resize(struct rib *r, struct table *t)
{
    struct table old = *t;
    t->cap = old.cap ? old.cap * 2 : 16;
    t->slot = mem_new(t->cap, sizeof *t->slot);
    t->stale = old.stale ? mem_new(t->cap, 1) : NULL;
    for (uint32_t k = 0; k < old.cap; k++) {
        if (!old.slot[k].prefix)
            continue;
        uint32_t i = table_home(t, old.slot[k].prefix);
        while (t->slot[i].prefix)
            i = (i + 1) & (t->cap - 1);
        t->slot[i] = old.slot[k];
        if (old.stale)
            t->stale[i] = old.stale[k];
    }
    r->stats.bytes += (t->cap - old.cap) * sizeof *t->slot;
    mem_free(old.slot);
    mem_free(old.stale);
}

/* The slot of the path, or the free one where it belongs; *paths: others of the prefix passed. */
static uint32_t table_probe(const struct table *t, uint32_t prefix, uint32_t path_id,
                            uint32_t *paths)
{
    *paths = 0;
    for (uint32_t i = table_home(t, prefix);; i = (i + 1) & (t->cap - 1)) {
        if (!t->slot[i].prefix)
            return i;
        if (t->slot[i].prefix != prefix)
            continue;
        if (t->slot[i].path_id == path_id)
            return i;
        ++*paths;
    }
}

static void table_erase(struct table *t, uint32_t hole)
{
    uint32_t mask = t->cap - 1;
    for (uint32_t i = (hole + 1) & mask; t->slot[i].prefix; i = (i + 1) & mask) {
        if (((i - table_home(t, t->slot[i].prefix)) & mask) < ((i - hole) & mask))
            continue;
        t->slot[hole] = t->slot[i];
        if (t->stale)
            t->stale[hole] = t->stale[i];
        hole = i;
    }
    t->slot[hole] = (struct slot){0};
    if (t->stale)
        t->stale[hole] = 0;
    t->count--;
}

static void table_free(struct rib *r, struct table *t)
{
    r->stats.bytes -= t->cap * sizeof *t->slot;
    mem_free(t->slot);
    mem_free(t->stale);
    mem_free(t);
}

static void slot_fresh(struct rib *r, struct table *t, uint32_t i)
{
    if (!t->stale || !t->stale[i])
        return;
    t->stale[i] = 0;
    r->stats.stale--;
    if (--t->n_stale == 0) {
        mem_free(t->stale);
        t->stale = NULL;
    }
}

static void table_mark_stale(struct rib *r, struct table *t, uint8_t family, int64_t at_ms)
{
    if (!t->stale && t->count)
        t->stale = mem_new(t->cap, 1);
    for (uint32_t i = 0; i < t->cap && t->count; i++) {
        uint32_t prefix = t->slot[i].prefix;
        if (!prefix || t->stale[i] || (family && r->prefix[prefix - 1].prefix.family != family))
            continue;
        t->stale[i] = 1;
        t->n_stale++;
        r->stats.stale++;
    }
    if (!t->n_stale) {
        mem_free(t->stale);
        t->stale = NULL;
    }
    for (int f = 0; f < 2; f++)
        if (!family || f == family_index(family)) {
            t->synced[f] = false;
            t->resync_ms[f] = at_ms;
        }
}

/* ---- routes ---- */

static void tell(struct rib *r, uint32_t peer, uint8_t view, const struct slot *s, uint32_t before,
                 uint32_t after, int64_t at_ms)
{
    if (!r->changed)
        return;
    struct rib_change c = {.router = source_peer_get(r->sources, peer)->router,
                           .peer = peer,
                           .prefix_id = s->prefix,
                           .path_id = s->path_id,
                           .before = before,
                           .after = after,
                           .view = view,
                           .at_ms = at_ms};
    r->changed(r->arg, &c);
}

/* What follows the removal of a slot: the change is told while prefix and attributes still are. */
static void slot_gone(struct rib *r, uint32_t peer, uint8_t view, struct slot s, int64_t at_ms)
{
    r->router[source_peer_get(r->sources, peer)->router - 1].routes--;
    r->stats.routes--;
    r->stats.withdrawn++;
    tell(r, peer, view, &s, s.attr, ATTR_NONE, at_ms);
    attr_release(r->attrs, s.attr);
    if (--r->prefix[s.prefix - 1].refs == 0)
        prefix_forget(r, s.prefix);
}

static struct table *table_of(struct rib *r, uint32_t peer, uint8_t view)
{
    struct table **t = &r->peer[peer - 1].table[view];
    if (!*t)
        *t = mem_new(1, sizeof **t);
    return *t;
}

static void announce_new(struct rib *r, struct table *t, const struct route_event *e,
                         uint32_t prefix, uint32_t at)
{
    struct slot s = {prefix, e->path_id, e->attr, (uint32_t)(e->at_ms / 1000)};
    t->slot[at] = s;
    t->count++;
    attr_hold(r->attrs, e->attr);
    r->prefix[prefix - 1].refs++;
    r->router[e->router - 1].routes++;
    r->stats.routes++;
    r->stats.announced++;
    tell(r, e->peer, e->view, &s, ATTR_NONE, e->attr, e->at_ms);
}

static void announce(struct rib *r, const struct route_event *e)
{
    struct table *t = table_of(r, e->peer, e->view);
    uint32_t paths, prefix = prefix_number(r, &e->prefix);
    if (t->count >= t->cap / 4 * 3)
        table_resize(r, t);
    uint32_t at = prefix ? table_probe(t, prefix, e->path_id, &paths) : 0;
    struct slot *s = &t->slot[at];
    if (prefix && s->prefix) {
        uint32_t before = s->attr;
        slot_fresh(r, t, at);
        if (before == e->attr) {
            r->stats.repeated++;
            return;
        }
        attr_hold(r->attrs, e->attr);
        s->attr = e->attr;
        s->since_s = (uint32_t)(e->at_ms / 1000);
        r->stats.announced++;
        tell(r, e->peer, e->view, s, before, e->attr, e->at_ms);
        attr_release(r->attrs, before);
    } else if (!prefix || paths >= RIB_PATHS_MAX || r->stats.routes >= r->limits.routes_max ||
               r->router[e->router - 1].routes >= r->limits.routes_router_max) {
        r->stats.refused++;
        if (prefix && !r->prefix[prefix - 1].refs)
            prefix_forget(r, prefix);
    } else {
        announce_new(r, t, e, prefix, at);
    }
}

static void withdraw(struct rib *r, const struct route_event *e)
{
    struct table *t = r->peer[e->peer - 1].table[e->view];
    uint32_t paths, prefix = t && t->count ? rib_prefix_find(r, &e->prefix) : 0;
    uint32_t at = prefix ? table_probe(t, prefix, e->path_id, &paths) : 0;
    if (!prefix || !t->slot[at].prefix) {
        r->stats.repeated++;
        return;
    }
    struct slot s = t->slot[at];
    slot_fresh(r, t, at);
    table_erase(t, at);
    slot_gone(r, e->peer, e->view, s, e->at_ms);
}

/* Stale routes of the family go. What erasing moves into the hole is looked at next; what it moves
 * over the table's end was at its beginning, and has been looked at. */
static void table_sweep(struct rib *r, uint32_t peer, uint8_t view, int family, int64_t at_ms)
{
    struct table *t = r->peer[peer - 1].table[view];
    for (uint32_t i = 0; t->stale && i < t->cap;) {
        struct slot s = t->slot[i];
        if (!s.prefix || !t->stale[i] ||
            family_index(r->prefix[s.prefix - 1].prefix.family) != family) {
            i++;
            continue;
        }
        slot_fresh(r, t, i);
        table_erase(t, i);
        slot_gone(r, peer, view, s, at_ms);
    }
}

static void peer_purge(struct rib *r, uint32_t peer, int64_t at_ms)
{
    for (uint8_t view = 0; view < VIEWS; view++) {
        struct table *t = r->peer[peer - 1].table[view];
        if (!t)
            continue;
        r->peer[peer - 1].table[view] = NULL;
        r->stats.stale -= t->n_stale;
        for (uint32_t i = 0; i < t->cap; i++)
            if (t->slot[i].prefix)
                slot_gone(r, peer, view, t->slot[i], at_ms);
        table_free(r, t);
    }
}

static void peer_mark_stale(struct rib *r, uint32_t peer, int64_t at_ms)
{
    for (int view = 0; view < VIEWS; view++)
        if (r->peer[peer - 1].table[view])
            table_mark_stale(r, r->peer[peer - 1].table[view], 0, at_ms);
}

/* ---- sessions ---- */

static void peer_up(struct rib *r, const struct route_event *e)
{
    struct peer_state *p = &r->peer[e->peer - 1];
    if (p->peer.state != RIB_PEER_UP || !p->unconfirmed)
        p->peer.since_ms = e->at_ms;
    p->peer.state = RIB_PEER_UP;
    if (e->up)
        p->peer.up = *e->up;
    p->unconfirmed = false;
    peer_mark_stale(r, e->peer, e->at_ms);
}

static void peer_down(struct rib *r, const struct route_event *e)
{
    struct peer_state *p = &r->peer[e->peer - 1];
    if (p->peer.state != RIB_PEER_DOWN) {
        p->peer.downs += p->peer.state == RIB_PEER_UP;
        p->peer.since_ms = e->at_ms;
    }
    p->peer.state = RIB_PEER_DOWN;
    if (e->down)
        p->peer.down = *e->down;
    p->unconfirmed = false;
    peer_purge(r, e->peer, e->at_ms);
}

/* Rows for all numbers that were given out since the last event. */
static void make_room(struct rib *r)
{
    uint32_t peers = source_peers(r->sources), routers = source_routers(r->sources);
    if (peers > r->n_peers) {
        uint32_t n = MAX(peers, r->n_peers * 2);
        r->peer = mem_grow(r->peer, n, sizeof *r->peer);
        memset(r->peer + r->n_peers, 0, (n - r->n_peers) * sizeof *r->peer);
        r->n_peers = n;
    }
    if (routers > r->n_routers) {
        uint32_t n = MAX(routers, r->n_routers * 2);
        r->router = mem_grow(r->router, n, sizeof *r->router);
        memset(r->router + r->n_routers, 0, (n - r->n_routers) * sizeof *r->router);
        r->n_routers = n;
    }
}

static void feed_changed(struct rib *r, const struct route_event *e)
{
    bool up = e->type == ROUTE_FEED_UP;
    make_room(r); /* for peers of the router that have not spoken yet */
    struct rib_feed *f = &r->router[e->router - 1].feed;
    if (f->up != up || !f->since_ms)
        f->since_ms = e->at_ms;
    f->up = up;
    f->ever |= up;
    for (uint32_t p = 0; (p = source_next_peer(r->sources, e->router, p));) {
        peer_mark_stale(r, p, e->at_ms);
        r->peer[p - 1].unconfirmed = r->peer[p - 1].peer.state != RIB_PEER_UNKNOWN;
    }
}

static void heard_of_peer(struct rib *r, const struct route_event *e)
{
    struct peer_state *p = &r->peer[e->peer - 1];
    p->unconfirmed = false;
    if (p->peer.state == RIB_PEER_UNKNOWN) { /* a feed that has no Peer Up for it */
        p->peer.state = RIB_PEER_UP;
        p->peer.since_ms = e->at_ms;
    }
}

static void end_of_rib(struct rib *r, const struct route_event *e)
{
    table_of(r, e->peer, e->view)->synced[family_index(e->family)] = true;
    table_sweep(r, e->peer, e->view, family_index(e->family), e->at_ms);
}

void rib_apply(struct rib *r, const struct route_event *e)
{
    if (UNLIKELY(e->peer > r->n_peers || e->router > r->n_routers))
        make_room(r);
    BUG_ON(e->router == 0 || e->router > r->n_routers || e->peer > r->n_peers || e->view >= VIEWS);
    BUG_ON(e->peer == 0 && e->type != ROUTE_FEED_UP && e->type != ROUTE_FEED_LOST);
    switch ((enum route_event_type)e->type) {
    case ROUTE_ANNOUNCE:
        heard_of_peer(r, e);
        announce(r, e);
        break;
    case ROUTE_WITHDRAW: withdraw(r, e); break;
    case ROUTE_END_OF_RIB:
        heard_of_peer(r, e);
        end_of_rib(r, e);
        break;
    case ROUTE_RESYNC:
        table_mark_stale(r, table_of(r, e->peer, e->view), e->family, e->at_ms);
        break;
    case ROUTE_PEER_UP: peer_up(r, e); break;
    case ROUTE_PEER_DOWN: peer_down(r, e); break;
    case ROUTE_PEER_STATS: r->peer[e->peer - 1].peer.stats = *e->stats; break;
    case ROUTE_FEED_UP:
    case ROUTE_FEED_LOST: feed_changed(r, e); break;
    case ROUTE_EVENT_TYPES: break;
    }
}

void rib_sink(void *rib, const struct route_event *e)
{
    rib_apply(rib, e);
}

void rib_sweep(struct rib *r, int64_t stale_before_ms, int64_t at_ms)
{
    for (uint32_t peer = 1; peer <= MIN(r->n_peers, source_peers(r->sources)); peer++) {
        uint32_t router = source_peer_get(r->sources, peer)->router;
        if (router > r->n_routers || !r->router[router - 1].feed.up)
            continue;
        struct peer_state *p = &r->peer[peer - 1];
        if (p->unconfirmed && r->router[router - 1].feed.since_ms < stale_before_ms) {
            p->unconfirmed = false;
            p->peer.state = RIB_PEER_UNKNOWN;
            p->peer.since_ms = 0;
        }
        for (uint8_t view = 0; view < VIEWS; view++)
            for (int family = 0; family < 2; family++)
                if (p->table[view] && p->table[view]->resync_ms[family] < stale_before_ms)
                    table_sweep(r, peer, view, family, at_ms);
    }
}

/* ---- reading ---- */

static struct rib_route route_of(const struct rib *r, uint32_t peer, uint8_t view,
                                 const struct table *t, uint32_t i)
{
    const struct slot *s = &t->slot[i];
    return (struct rib_route){.router = source_peer_get(r->sources, peer)->router,
                              .peer = peer,
                              .prefix_id = s->prefix,
                              .path_id = s->path_id,
                              .attr = s->attr,
                              .view = view,
                              .stale = t->stale && t->stale[i],
                              .since_ms = (int64_t)s->since_s * 1000};
}

static const struct table *table_if(const struct rib *r, uint32_t peer, uint8_t view)
{
    const struct table *t = peer && peer <= r->n_peers ? r->peer[peer - 1].table[view] : NULL;
    return t && t->count ? t : NULL;
}

uint32_t rib_paths(const struct rib *r, uint32_t peer, enum route_view view, uint32_t prefix_id,
                   struct rib_route out[RIB_PATHS_MAX])
{
    const struct table *t = table_if(r, peer, (uint8_t)view);
    uint32_t n = 0;
    if (!t)
        return 0;
    for (uint32_t i = table_home(t, prefix_id); t->slot[i].prefix; i = (i + 1) & (t->cap - 1))
        if (t->slot[i].prefix == prefix_id)
            out[n++] = route_of(r, peer, (uint8_t)view, t, i);
    return n;
}

size_t rib_read(const struct rib *r, uint32_t peer, enum route_view view, uint32_t *at,
                struct rib_path *out, size_t max)
{
    const struct table *t = table_if(r, peer, (uint8_t)view);
    uint32_t start = 0;
    size_t n = 0;
    while (t && t->slot[start].prefix) /* no run of slots is cut in two */
        start++;
    for (; t && *at < t->cap && n < max; ++*at) {
        const struct slot *s = &t->slot[(start + *at) & (t->cap - 1)];
        if (s->prefix)
            out[n++] = (struct rib_path){s->prefix, s->path_id, s->attr};
    }
    return n;
}

void rib_each_path(const struct rib *r, uint32_t router, enum route_view view, uint32_t prefix_id,
                   bool (*fn)(void *arg, const struct rib_route *route), void *arg)
{
    for (uint32_t peer = 0; (peer = source_next_peer(r->sources, router, peer));) {
        const struct table *t = table_if(r, peer, (uint8_t)view);
        if (!t)
            continue;
        for (uint32_t i = table_home(t, prefix_id); t->slot[i].prefix; i = (i + 1) & (t->cap - 1)) {
            if (t->slot[i].prefix != prefix_id)
                continue;
            struct rib_route route = route_of(r, peer, (uint8_t)view, t, i);
            if (!fn(arg, &route))
                return;
        }
    }
}

void rib_each_route(const struct rib *r, uint32_t peer, enum route_view view,
                    bool (*fn)(void *arg, const struct rib_route *route), void *arg)
{
    const struct table *t = table_if(r, peer, (uint8_t)view);
    for (uint32_t i = 0; t && i < t->cap; i++) {
        if (!t->slot[i].prefix)
            continue;
        struct rib_route route = route_of(r, peer, (uint8_t)view, t, i);
        if (!fn(arg, &route))
            return;
    }
}

static bool stop_at_first(void *found, const struct rib_route *route)
{
    *(bool *)found = true;
    return false;
}

uint32_t rib_match(const struct rib *r, uint32_t router, enum route_view view,
                   const struct ip_addr *to)
{
    struct prefix p = prefix_of_ip(to);
    int bits = p.len;
    for (uint32_t id; (id = rib_prefix_covering(r, &p, bits)); bits = rib_prefix(r, id)->len - 1) {
        bool found = false;
        rib_each_path(r, router, view, id, stop_at_first, &found);
        if (found)
            return id;
    }
    return 0;
}

/* ---- state ---- */

const struct rib_peer *rib_peer(const struct rib *r, uint32_t peer)
{
    static const struct rib_peer unknown;
    return peer && peer <= r->n_peers ? &r->peer[peer - 1].peer : &unknown;
}

uint32_t rib_peer_routes(const struct rib *r, uint32_t peer, enum route_view view)
{
    const struct table *t = table_if(r, peer, (uint8_t)view);
    return t ? t->count : 0;
}

bool rib_synced(const struct rib *r, uint32_t peer, enum route_view view, uint8_t family)
{
    const struct table *t = peer && peer <= r->n_peers ? r->peer[peer - 1].table[view] : NULL;
    return t && t->synced[family_index(family)];
}

struct rib_feed rib_feed(const struct rib *r, uint32_t router)
{
    return router && router <= r->n_routers ? r->router[router - 1].feed : (struct rib_feed){0};
}

uint32_t rib_router_routes(const struct rib *r, uint32_t router)
{
    return router && router <= r->n_routers ? r->router[router - 1].routes : 0;
}

struct rib_stats rib_stats(const struct rib *r)
{
    struct rib_stats s = r->stats;
    s.bytes += r->cap_prefix * sizeof *r->prefix + r->cap_index * sizeof *r->index +
               r->n_peers * sizeof *r->peer + r->n_routers * sizeof *r->router;
    return s;
}

struct rib *rib_new(struct attr_table *attrs, const struct sources *sources,
                    const struct rib_limits *limits, rib_change_fn *changed, void *arg)
{
    struct rib *r = mem_new(1, sizeof *r);
    r->attrs = attrs;
    r->sources = sources;
    r->limits = *limits;
    r->changed = changed;
    r->arg = arg;
    return r;
}

void rib_free(struct rib *r)
{
    if (!r)
        return;
    r->changed = NULL;
    for (uint32_t peer = 1; peer <= r->n_peers; peer++)
        peer_purge(r, peer, 0);
    mem_free(r->prefix);
    mem_free(r->index);
    mem_free(r->peer);
    mem_free(r->router);
    mem_free(r);
}
