/* whatif_route.c - the routes that a proposal touches.
 *
 * They are tried in the order of the tables, and told in the order of router and prefix: only the
 * first ones are told at all, so it is those that are kept and sorted. */
#include "net/whatif_i.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/rng.h"

#define ROOM(list, n, cap)                                                                         \
    do {                                                                                           \
        if ((n) == (cap)) {                                                                        \
            (cap) = (cap)*2 + 64;                                                                  \
            (list) = mem_grow((list), (cap), sizeof *(list));                                      \
        }                                                                                          \
    } while (0)

/* ---- which they are ---- */

static void touch(struct trial *t, uint16_t router, const struct prefix *p)
{
    ROOM(t->named, t->n_named, t->named_cap);
    t->named[t->n_named++] = (struct work){*p, router};
}

static void sweep(struct trial *t, uint16_t router, size_t first, size_t n)
{
    if (!n)
        return;
    ROOM(t->sweep, t->n_sweeps, t->sweeps_cap);
    t->sweep[t->n_sweeps++] = (struct sweep){first, n, router};
}

static void add_ids(struct trial *t, uint32_t peer, enum route_view view)
{
    size_t n;
    for (uint32_t at = 0; (n = rib_read(t->m->rib, peer, view, &at, t->read, READ_MAX)) != 0;)
        for (size_t i = 0; i < n; i++) {
            ROOM(t->id, t->n_ids, t->ids_cap);
            t->id[t->n_ids++] = t->read[i].prefix_id;
        }
}

/* What the router's own forwarding table sends over a link. */
static void add_fib_ids(struct trial *t, uint16_t router, uint16_t link)
{
    struct netmodel *m = t->m;
    size_t n;
    for (uint32_t p = 0; (p = source_next_peer(m->sources, m->router[router].fib, p)) != 0;) {
        uint32_t last = ATTR_NONE;
        bool over = false;
        for (uint32_t at = 0; (n = rib_read(m->rib, p, VIEW_LOC_RIB, &at, t->read, READ_MAX)) != 0;)
            for (size_t i = 0; i < n; i++) {
                const struct rib_path *r = &t->read[i];
                struct best_path x = {.attr = attr_get(m->attrs, r->attr), .peer = p};
                struct fwd_hop hop;
                if (r->attr != last) /* most have the one of the route before */
                    over = fib_hop_of(m, router, rib_prefix(m->rib, r->prefix_id), &x, &hop) &&
                           hop.to < FWD_ENDS && hop.link == link;
                last = r->attr;
                if (!over)
                    continue;
                ROOM(t->id, t->n_ids, t->ids_cap);
                t->id[t->n_ids++] = r->prefix_id;
            }
    }
}

/* The prefixes that router has over a link. Where only its own table is told, all that it has. */
static void touch_link(struct trial *t, uint16_t router, uint16_t link)
{
    struct netmodel *m = t->m;
    const struct session *s = &m->session[link][netmodel_end(m, link, router)];
    size_t first = t->n_ids;
    if (!t->read)
        t->read = mem_new(READ_MAX, sizeof *t->read);
    if (s->peer) {
        add_ids(t, s->peer, VIEW_IN_POST);
        add_ids(t, s->peer, VIEW_IN_PRE);
    }
    if (m->router[router].loc_routes && !m->router[router].post_routes)
        for (uint32_t p = 0; (p = source_next_peer(m->sources, m->router[router].source, p)) != 0;)
            add_ids(t, p, VIEW_LOC_RIB);
    if (m->router[router].fib_told)
        add_fib_ids(t, router, link);
    sweep(t, router, first, t->n_ids - first);
    for (uint32_t i = 0; i < m->topo->n_statics; i++)
        if (m->topo->statics[i].router == router && m->topo->statics[i].link == link)
            touch(t, router, &m->topo->statics[i].prefix);
}

/* Has the router a session with anybody but one neighbour? */
static bool hands_on(const struct topo *topo, uint16_t router, uint16_t neighbour)
{
    for (uint32_t l = 0; l < topo->n_links; l++) {
        const struct topo_link *k = &topo->link[l];
        if (k->session && (k->router[0] == router || k->router[1] == router) &&
            topo_other(k, router) != neighbour)
            return true;
    }
    return false;
}

void whatif_touch(struct trial *t, const struct net_change *x)
{
    const struct topo *topo = t->m->topo;
    const struct topo_link *l = x->link < topo->n_links ? &topo->link[x->link] : NULL;
    if (x->kind != NET_LINK_DOWN && x->kind != NET_PREFER) {
        touch(t, x->router, &x->prefix);
        return;
    }
    size_t named = t->n_named, ids = t->n_ids;
    for (int end = 0; end < 2; end++) {
        bool own = x->router < topo->n_routers && netmodel_at(t->m, x->link, end, x->router);
        if (x->kind == NET_PREFER &&
            !(own ? x->set_local_pref : x->set_med || x->prepend || x->community))
            continue;
        if (x->kind == NET_PREFER && x->prefix.family)
            touch(t, l->router[end], &x->prefix);
        else
            for (uint16_t r = 0; r < topo->n_routers; r++)
                if (netmodel_at(t->m, x->link, end, r))
                    touch_link(t, r, x->link);
    }
    /* A longer path is longer for everybody who has it, if the other end can hand it on. */
    size_t n_named = t->n_named - named, n_ids = t->n_ids - ids;
    if (x->kind != NET_PREFER || !x->prepend ||
        !hands_on(topo, topo_other(l, topo_gateway(topo, x->router)),
                  topo_gateway(topo, x->router)))
        return;
    for (uint32_t r = 0; r < topo->n_routers; r++) {
        sweep(t, (uint16_t)r, ids, n_ids);
        for (size_t i = named; i < named + n_named; i++) {
            struct prefix p = t->named[i].prefix; /* the list may move */
            touch(t, (uint16_t)r, &p);
        }
    }
}

static int work_order(const void *a, const void *b)
{
    const struct work *x = a, *y = b;
    return x->router != y->router ? x->router - y->router : prefix_compare(&x->prefix, &y->prefix);
}

static int sweep_order(const void *a, const void *b)
{
    const struct sweep *x = a, *y = b;
    return x->router - y->router;
}

static void sort_out(struct trial *t)
{
    size_t n = 0;
    if (t->n_named)
        qsort(t->named, t->n_named, sizeof *t->named, work_order);
    for (size_t i = 0; i < t->n_named; i++)
        if (!n || work_order(&t->named[i], &t->named[n - 1]) != 0)
            t->named[n++] = t->named[i];
    t->n_named = n;
    if (!t->n_sweeps)
        return;
    qsort(t->sweep, t->n_sweeps, sizeof *t->sweep, sweep_order);
    for (size_t i = 0; i < n; i++)
        prefix_index_add(&t->is_named, 0, &t->named[i].prefix, 0);
    /* What a change says of a prefix counts at routers too where it did not touch it. */
    for (size_t i = 0; i < t->n; i++)
        if (t->change[i].prefix.family)
            prefix_index_add(&t->is_named, 0, &t->change[i].prefix, 0);
}

/* ---- which verdicts turn ---- */

static int turned_order(const struct turned *x, uint16_t router, const struct prefix *p)
{
    return x->router != router ? x->router - router : prefix_compare(&x->prefix, p);
}

static void add_turned(struct trial *t, uint16_t router, const struct prefix *p, uint32_t n)
{
    const uint32_t max = COUNTOF(t->turned);
    t->turns += n;
    if (t->n_turned == max && turned_order(&t->turned[max - 1], router, p) < 0)
        return;
    uint32_t i = t->n_turned < max ? t->n_turned++ : max - 1;
    for (; i && turned_order(&t->turned[i - 1], router, p) > 0; i--)
        t->turned[i] = t->turned[i - 1];
    t->turned[i] = (struct turned){*p, router, (uint16_t)n};
}

/* Compares with what is held to be so now: the live list has judged the same route the same way.
 * Returns the bits of the kinds that turn. */
static uint32_t turns(const struct netmodel *m, uint16_t router, const struct prefix *p,
                      const struct standing *s, struct judgement j)
{
    uint32_t before = 0;
    uint64_t key = 0;
    for (size_t k = 0; k < ROUTE_VERDICTS; k++) {
        enum verdict_kind kind = route_kinds[k];
        bool held = false;
        if (!(j.asked >> kind & 1))
            continue;
        if (kind == V_ROUTE_MISSING) {
            held = m->missing[s->exact - m->topo->expect];
        } else if (m->verdicts.held[kind]) {
            key = key ? key : verdict_key_prefix(router, p);
            held = verdict_find(&m->verdicts, kind, key) != NULL;
        }
        before |= (uint32_t)held << kind;
    }
    return before ^ j.wrong;
}

static void judge(struct trial *t, uint16_t router, const struct prefix *p,
                  const struct standing *s, const struct chosen *c)
{
    uint32_t n = turns(t->m, router, p, s, route_judge(t->m, router, p, s, c));
    if (UNLIKELY(n))
        add_turned(t, router, p, (uint32_t)__builtin_popcount(n));
    t->out->routes++;
}

static void tell(struct trial *t, const struct turned *x)
{
    struct netmodel *m = t->m;
    route_choose(m, x->router, &x->prefix, &m->choice);
    struct chosen c = chosen_of(&m->choice);
    struct standing s = route_standing(m, x->router, &x->prefix);
    struct judgement j = route_judge(m, x->router, &x->prefix, &s, &c);
    uint32_t n = turns(m, x->router, &x->prefix, &s, j);
    for (size_t k = 0; k < ROUTE_VERDICTS; k++) {
        enum verdict_kind kind = route_kinds[k];
        if (!(n >> kind & 1))
            continue;
        const struct verdict *v =
            verdict_find(&m->verdicts, kind, verdict_key_prefix(x->router, &x->prefix));
        struct evidence e = v && kind != V_ROUTE_MISSING
                                ? v->evidence
                                : route_evidence(m, x->router, &x->prefix, &s, &c, kind);
        whatif_report(t, kind, j.wrong >> kind & 1, &e);
    }
}

/* ---- one by one ---- */

static void try_route(struct trial *t, uint16_t router, const struct prefix *p)
{
    route_update(t->m, router, p, false);
    struct chosen c = chosen_of(&t->m->choice);
    struct standing s = route_standing(t->m, router, p);
    judge(t, router, p, &s, &c);
}

/* ---- what a router has, for many prefixes at once ---- */

/* The prefixes of the sweeps, each once. */
static void mark(struct trial *t, const struct sweep *s, size_t n_sweeps)
{
    t->n_touched = 0;
    for (size_t k = 0; k < n_sweeps; k++)
        for (size_t i = 0; i < s[k].n; i++) {
            uint32_t id = t->id[s[k].first + i];
            t->bit[id >> 6] |= 1ull << (id & 63);
        }
    for (size_t w = 0; w < t->n_words; w++) {
        t->rank[w] = (uint32_t)t->n_touched;
        for (uint64_t left = t->bit[w]; left; left &= left - 1) {
            if (t->n_touched == t->touched_cap) {
                t->touched_cap = t->touched_cap * 2 + 64;
                t->touched = mem_grow(t->touched, t->touched_cap, sizeof *t->touched);
                t->like = mem_grow(t->like, t->touched_cap, sizeof *t->like);
            }
            t->touched[t->n_touched++] = (uint32_t)(w << 6) + (uint32_t)__builtin_ctzll(left);
        }
    }
}

static void unmark(struct trial *t)
{
    for (size_t i = 0; i < t->n_touched; i++)
        t->bit[t->touched[i] >> 6] = 0;
}

static void add_path(struct likeness *x, const uint64_t seed[2], uint32_t peer, uint32_t path_id,
                     uint32_t attr)
{
    uint64_t route = (uint64_t)peer << 32 | attr;
    x->hi = hash__fold(x->hi ^ route ^ seed[0], (x->hi >> 32 ^ path_id) + seed[1]);
    x->lo = hash__fold(x->lo ^ route ^ seed[1], (x->lo >> 32 ^ path_id) + seed[0]);
}

/* Reads the whole table of a peer. */
static void likeness_by_table(struct trial *t, const uint64_t seed[2], uint32_t peer,
                              enum route_view view)
{
    size_t n;
    for (uint32_t at = 0; (n = rib_read(t->m->rib, peer, view, &at, t->read, READ_MAX)) != 0;)
        for (size_t i = 0; i < n; i++) {
            const struct rib_path *r = &t->read[i];
            uint64_t word = t->bit[r->prefix_id >> 6], bit = 1ull << (r->prefix_id & 63);
            if (!(word & bit))
                continue;
            uint32_t k =
                t->rank[r->prefix_id >> 6] + (uint32_t)__builtin_popcountll(word & (bit - 1));
            add_path(&t->like[k], seed, peer, r->path_id, r->attr);
        }
}

/* Looks up what is touched. */
static void likeness_by_prefix(struct trial *t, const uint64_t seed[2], uint32_t peer,
                               enum route_view view)
{
    for (size_t i = 0; i < t->n_touched; i++) {
        uint32_t n = rib_paths(t->m->rib, peer, view, t->touched[i], t->route);
        for (uint32_t k = 0; k < n; k++)
            add_path(&t->like[i], seed, peer, t->route[k].path_id, t->route[k].attr);
    }
}

/* Returns how many routes there are. */
static uint64_t add_tables(struct trial *t, uint32_t source, enum route_view view)
{
    uint64_t routes = 0;
    for (uint32_t p = 0; (p = source_next_peer(t->m->sources, source, p)) != 0;) {
        uint32_t n = rib_peer_routes(t->m->rib, p, view);
        if (!n)
            continue;
        ROOM(t->table, t->n_tables, t->tables_cap);
        t->table[t->n_tables++] = (struct source_table){p, view};
        routes += n;
    }
    return routes;
}

/* What the choice of the router comes from: its view on trial. Where it tells its forwarding table
 * itself, also that and its view as it is, since both say whether the table stays (fib_choose). */
static uint64_t tables_of(struct trial *t, uint16_t router)
{
    struct netmodel *m = t->m;
    const struct router_state *r = &m->router[router];
    enum route_view view = route_view_of(m, router);
    size_t n_changes = m->n_changes;
    t->n_tables = 0;
    uint64_t routes = add_tables(t, r->source, view);
    if (!r->fib_told)
        return routes;
    m->n_changes = 0;
    enum route_view as_it_is = route_view_of(m, router);
    m->n_changes = n_changes;
    if (as_it_is != view)
        routes += add_tables(t, r->source, as_it_is);
    return routes + add_tables(t, r->fib, VIEW_LOC_RIB);
}

static void likeness(struct trial *t, uint16_t router)
{
    enum { LOOKUP_COSTS = 4 }; /* as much as reading so many routes */
    const uint64_t seed[2] = {mix64(t->m->o.seed + 1), mix64(t->m->o.seed + 2) | 1};
    uint64_t routes = tables_of(t, router);
    for (size_t i = 0; i < t->n_touched; i++)
        t->like[i] = (struct likeness){.router = router};
    bool few = routes > (uint64_t)t->n_touched * t->n_tables * LOOKUP_COSTS;
    for (size_t i = 0; i < t->n_tables; i++)
        (few ? likeness_by_prefix : likeness_by_table)(t, seed, t->table[i].peer, t->table[i].view);
}

/* ---- all alike ---- */

static bool same(const struct likeness *a, const struct likeness *b)
{
    return a->hi == b->hi && a->lo == b->lo && a->router == b->router && a->subnet == b->subnet;
}

/* Keeps m->choice, which was worked out for a prefix that is like that. */
static void keep(const struct netmodel *m, const struct likeness *like, struct alike *x)
{
    const struct choice *c = &m->choice;
    x->likeness = *like;
    x->set = c->set;
    x->acceptable = c->acceptable;
    x->chosen = chosen_of(c);
    x->chosen.path = x->path;
    x->chosen.hop = x->hop;
    x->chosen.rule = x->rule;
    x->chosen.used = x->used;
    memcpy(x->rule, c->rule, c->n_rule * sizeof *c->rule);
    memcpy(x->changed, c->changed, c->n_changed * sizeof *c->changed);
    for (uint32_t i = 0; i < c->n; i++) {
        x->path[i] = c->path[i];
        x->hop[i] = c->hop[i];
        for (uint32_t k = 0; k < c->n_changed; k++)
            if (c->path[i].attr == &c->changed[k])
                x->path[i].attr = &x->changed[k];
    }
    memcpy(x->used, c->result.used, c->result.n_used * sizeof *x->used);
}

/* Brings both models up to date by the choice for routes that are alike, which is worked out with
 * the first of them. Returns it, or m->choice where it holds for this prefix alone. */
static struct chosen update_alike(struct trial *t, const struct likeness *like,
                                  const struct prefix *p)
{
    struct netmodel *m = t->m;
    uint16_t router = (uint16_t)like->router;
    uint64_t h = like->lo ^ ((uint64_t)like->subnet << 32 | router);
    struct alike **at = &t->alike[mix64(h) >> (64 - ALIKE_BITS)];
    bool known = *at && same(&(*at)->likeness, like);
    if (known && ((*at)->chosen.from != RULE_NONE || !route_originates(m, router, p))) {
        m->full += fwd_update(m->fwd, router, p, (*at)->set) == FWD_FULL;
        if (m->could)
            m->full += fwd_update(m->could, router, p, (*at)->acceptable) == FWD_FULL;
        return (*at)->chosen;
    }
    uint64_t full = m->full;
    route_update(m, router, p, false);
    /* Handles stay valid because the models hold the rule, until the trial ends. */
    const struct choice *c = &m->choice;
    if (known || c->from == RULE_OWN || m->full != full ||
        MAX(MAX(c->n, c->n_rule), c->n_changed) > ALIKE_PATHS_MAX)
        return chosen_of(c);
    if (!*at)
        *at = mem_new(1, sizeof **at);
    keep(m, like, *at);
    return (*at)->chosen;
}

/* Is it tried by its name? Then *done: it has been, at this router. */
static bool by_name(const struct trial *t, uint16_t router, const struct prefix *p, bool *done)
{
    struct work w = {*p, router};
    uint32_t x;
    if (!t->is_named.of.count || !prefix_index_find(&t->is_named, 0, p, &x))
        return false;
    *done = t->n_named && bsearch(&w, t->named, t->n_named, sizeof *t->named, work_order) != NULL;
    return true;
}

static void try_touched(struct trial *t, uint16_t router, size_t i)
{
    struct netmodel *m = t->m;
    const struct prefix *p = rib_prefix(m->rib, t->touched[i]);
    bool done = false;
    uint32_t x;
    if (by_name(t, router, p, &done) || prefix_index_find(&m->attached, router, p, &x) ||
        prefix_index_find(&m->statics, router, p, &x) ||
        prefix_index_find(&m->allowed, router, p, &x)) {
        if (!done)
            try_route(t, router, p);
        return;
    }
    struct standing s = route_standing(m, router, p);
    t->like[i].subnet = s.subnet;
    if (m->router[router].fib_told) /* it may have stood aside for the table */
        t->like[i].hi ^= route_originates(m, router, p);
    struct chosen c = update_alike(t, &t->like[i], p);
    judge(t, router, p, &s, &c);
}

static void try_sweeps(struct trial *t, const struct sweep *s, size_t n)
{
    mark(t, s, n);
    likeness(t, s->router);
    for (size_t i = 0; i < t->n_touched; i++)
        try_touched(t, s->router, i);
    unmark(t);
}

void whatif_routes(struct trial *t)
{
    sort_out(t);
    for (size_t i = 0; i < t->n_named; i++)
        try_route(t, t->named[i].router, &t->named[i].prefix);
    if (t->n_sweeps) {
        t->n_words = rib_prefix_end(t->m->rib) / 64 + 1ul;
        t->bit = mem_new(t->n_words, sizeof *t->bit);
        t->rank = mem_new(t->n_words, sizeof *t->rank);
        t->route = mem_new(RIB_PATHS_MAX, sizeof *t->route);
        t->alike = mem_new(1 << ALIKE_BITS, sizeof(struct alike *));
    }
    for (size_t s = 0, end; s < t->n_sweeps; s = end) {
        for (end = s; end < t->n_sweeps && t->sweep[end].router == t->sweep[s].router; end++)
            ;
        try_sweeps(t, &t->sweep[s], end - s);
    }
    uint32_t told = 0;
    for (uint32_t i = 0; i < t->n_turned; i++) {
        tell(t, &t->turned[i]);
        told += t->turned[i].n;
    }
    t->out->more += t->turns - told;
}

void whatif_routes_free(struct trial *t)
{
    for (size_t i = 0; t->alike && i < 1 << ALIKE_BITS; i++)
        mem_free(t->alike[i]);
    void *all[] = {t->named, t->sweep, t->id,   t->bit,   t->rank, t->touched,
                   t->like,  t->table, t->read, t->route, t->alike};
    for (size_t i = 0; i < COUNTOF(all); i++)
        mem_free(all[i]);
    map64_free(&t->is_named.of);
}
