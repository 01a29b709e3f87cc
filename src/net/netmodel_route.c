/* netmodel_route.c - the prefixes of the topology; whether a router's route to a prefix is the
 * expected one; own AS numbers in what is received. */
#include "net/netmodel_i.h"

/* ---- prefixes of the topology ---- */

static uint64_t index_key(uint32_t owner, const struct prefix *p)
{
    return verdict_key_prefix((uint64_t)owner + 1, p);
}

void prefix_index_add(struct prefix_index *x, uint32_t owner, const struct prefix *p, uint32_t id)
{
    int v6 = p->family == IPV6;
    map64_insert(&x->of, index_key(owner, p), id);
    if (x->length[v6][p->len])
        return;
    x->length[v6][p->len] = true;
    int i = x->n_lengths[v6]++;
    for (; i > 0 && x->longest_first[v6][i - 1] < p->len; i--)
        x->longest_first[v6][i] = x->longest_first[v6][i - 1];
    x->longest_first[v6][i] = p->len;
}

bool prefix_index_find(const struct prefix_index *x, uint32_t owner, const struct prefix *p,
                       uint32_t *id)
{
    return x->length[p->family == IPV6][p->len] && map64_find(&x->of, index_key(owner, p), id);
}

bool prefix_index_around(const struct prefix_index *x, uint32_t owner, const struct prefix *p,
                         int len_max, uint32_t *id)
{
    struct prefix q = *p;
    int v6 = p->family == IPV6;
    for (int i = 0; i < x->n_lengths[v6]; i++) {
        if (x->longest_first[v6][i] > len_max)
            continue;
        q.len = x->longest_first[v6][i];
        prefix_canonical(&q);
        if (map64_find(&x->of, index_key(owner, &q), id))
            return true;
    }
    return false;
}

static void add_origin(struct netmodel *m, uint16_t router, uint32_t as)
{
    for (uint32_t i = 0; as && i < ORIGINS_MAX; i++)
        if (!m->origin[router][i] || m->origin[router][i] == as) {
            m->origin[router][i] = as;
            return;
        }
}

/* Who may originate what a router has: itself, a Direct Connect gateway in front of it, and for a
 * router without an AS whoever it hangs on. */
static void origins_init(struct netmodel *m)
{
    const struct topo *t = m->topo;
    m->origin = mem_new(t->n_routers, sizeof *m->origin);
    for (uint32_t r = 0; r < t->n_routers; r++)
        add_origin(m, (uint16_t)r, t->router[r].as);
    for (uint32_t l = 0; l < t->n_links; l++)
        for (int end = 0; end < 2; end++) {
            uint16_t r = t->link[l].router[end], other = t->link[l].router[!end];
            if (t->router[other].kind == TOPO_DXGW || !t->router[r].as)
                add_origin(m, r, t->router[other].as);
        }
    for (uint32_t r = 0; r < t->n_routers; r++)
        memcpy(m->origin[r], m->origin[topo_gateway(t, (uint16_t)r)], sizeof m->origin[r]);
}

void route_init(struct netmodel *m)
{
    const struct topo *t = m->topo;
    for (uint32_t s = 0; s < t->n_subnets; s++) {
        uint16_t r = t->site[t->subnet[s].site].router;
        prefix_index_add(&m->subnets, 0, &t->subnet[s].prefix, s);
        if (!t->router[r].attached_from_feed)
            prefix_index_add(&m->attached, r, &t->subnet[s].prefix, s);
    }
    for (uint32_t s = 0; s < t->n_statics; s++)
        prefix_index_add(&m->statics, t->statics[s].router, &t->statics[s].prefix, s);
    for (uint32_t e = 0; e < t->n_expects; e++)
        prefix_index_add(&m->expects, t->expect[e].router, &t->expect[e].prefix, e);
    for (uint32_t a = 0; a < t->n_allowed; a++)
        prefix_index_add(&m->allowed, t->allowed[a].router, &t->allowed[a].prefix, a);
    m->missing = mem_new(t->n_expects, sizeof *m->missing);
    origins_init(m);
}

void route_free(struct netmodel *m)
{
    struct prefix_index *all[] = {&m->subnets, &m->statics, &m->attached, &m->expects, &m->allowed};
    for (size_t i = 0; i < COUNTOF(all); i++)
        map64_free(&all[i]->of);
    mem_free(m->missing);
    mem_free(m->origin);
}

/* ---- judging ---- */

static bool in_list(const struct topo_expect *x, uint16_t link)
{
    for (uint8_t i = 0; i < x->n_next; i++)
        if (x->next[i] == link)
            return true;
    return false;
}

/* ASes that the route has passed, however often one has put itself in front. */
static uint32_t passed(const struct attr *a)
{
    struct attr_segment s;
    uint32_t n = 0, last = 0;
    for (uint32_t at = 0; attr_path_next(a, &at, &s);)
        for (uint32_t i = 0; i < s.n; i++) {
            n += s.as[i] != last;
            last = s.as[i];
        }
    return n;
}

/* Is it used by a link that is not expected; is the best one there, and not used? */
static uint32_t wrong_next_hops(const struct topo_expect *x, const struct chosen *c)
{
    bool elsewhere = false, best_there = false, best_used = false;
    for (uint32_t i = 0; x->n_next && c->from == RULE_ROUTE && i < c->n; i++)
        best_there |=
            c->hop[i].link == x->next[0] && /* and is no way round what failed behind it */
            passed(c->path[i].attr) <= passed(c->path[c->best].attr);
    for (uint32_t i = 0; x->n_next && c->from == RULE_ROUTE && i < c->n_used; i++) {
        elsewhere |= !in_list(x, c->hop[c->used[i]].link);
        best_used |= c->hop[c->used[i]].link == x->next[0];
    }
    for (uint32_t i = 0; x->n_next && c->from == RULE_FIB && i < c->n_rule; i++)
        elsewhere |= !in_list(x, c->rule[i].link);
    return (uint32_t)elsewhere << V_NEXT_HOP | (uint32_t)(best_there && !best_used)
                                                   << V_BETTER_UNUSED;
}

/* The first path whose origin is not the owner; c->n: there is none. */
static uint32_t stranger_of(const struct netmodel *m, const struct standing *s,
                            const struct chosen *c, uint32_t *owner)
{
    *owner = 0;
    for (uint32_t i = 0; i < c->n; i++) {
        const struct attr *a = c->path[i].attr;
        if (a->kind != ROUTE_BGP || !a->origin_as)
            continue;
        *owner = s->exact ? s->exact->origin_as : 0;
        if (a->origin_as == *owner)
            continue;
        if (*owner || !route_origin_is_owner(m, s->subnet, a->origin_as, owner))
            return i;
    }
    return c->n;
}

struct standing route_standing(const struct netmodel *m, uint16_t router, const struct prefix *p)
{
    uint32_t x;
    struct standing s = {.subnet = route_subnet_around(m, p)};
    if (prefix_index_find(&m->expects, router, p, &x))
        s.exact = &m->topo->expect[x];
    else if (prefix_index_around(&m->expects, router, p, p->len - 1, &x))
        s.around = &m->topo->expect[x];
    return s;
}

struct judgement route_judge(const struct netmodel *m, uint16_t router, const struct prefix *p,
                             const struct standing *s, const struct chosen *c)
{
    struct judgement j = {.asked = 1u << V_ORIGIN_CHANGED | 1u << V_MORE_SPECIFIC};
    uint32_t owner;
    bool found = c->from == RULE_ROUTE || c->from == RULE_FIB;
    if (stranger_of(m, s, c, &owner) < c->n)
        j.wrong |= 1u << V_ORIGIN_CHANGED;
    if (s->exact) {
        j.asked |= 1u << V_ROUTE_MISSING | 1u << V_NEXT_HOP | 1u << V_BETTER_UNUSED;
        j.wrong |= (uint32_t)(c->from == RULE_NONE) << V_ROUTE_MISSING;
        j.wrong |= wrong_next_hops(s->exact, c);
    }
    if (found && s->around && s->around->more_specific_max && p->len > s->around->more_specific_max)
        j.wrong |= 1u << V_MORE_SPECIFIC;
    if (m->topo->router[router].exact) {
        j.asked |= 1u << V_ROUTE_UNEXPECTED;
        if (found && !s->exact && !s->around)
            j.wrong |= 1u << V_ROUTE_UNEXPECTED;
    }
    return j;
}

struct evidence route_evidence(const struct netmodel *m, uint16_t router, const struct prefix *p,
                               const struct standing *s, const struct chosen *c,
                               enum verdict_kind kind)
{
    struct evidence e = evidence_none();
    uint32_t owner = 0, shown = c->best;
    e.router = router;
    e.prefix[e.n_prefixes++] = *p;
    if (kind == V_ORIGIN_CHANGED) {
        shown = stranger_of(m, s, c, &owner);
        e.as_expected = shown < c->n ? owner : 0;
    } else if (s->around && (kind == V_MORE_SPECIFIC || kind == V_ROUTE_UNEXPECTED)) {
        e.prefix[e.n_prefixes++] = s->around->prefix; /* what it is inside of */
    }
    struct fwd_hop hop;
    if (shown < c->n && (kind == V_ORIGIN_CHANGED || c->from == RULE_ROUTE)) {
        hop = c->hop[shown];
        e.peer = c->path[shown].peer;
        e.as = c->path[shown].attr->origin_as;
    } else if (kind != V_ORIGIN_CHANGED && c->from == RULE_FIB) {
        hop = c->rule[0];
    } else {
        return e;
    }
    if (hop.link < m->topo->n_links)
        e.link = hop.link;
    if (hop.to < m->topo->n_routers)
        e.neighbour = hop.to;
    return e;
}

/* In the order in which they are told. */
const enum verdict_kind route_kinds[ROUTE_VERDICTS] = {V_ORIGIN_CHANGED, V_ROUTE_MISSING,
                                                       V_NEXT_HOP,       V_BETTER_UNUSED,
                                                       V_MORE_SPECIFIC,  V_ROUTE_UNEXPECTED};
_Static_assert(VERDICT_KINDS <= 32, "kinds are bits");

static void put_missing(struct netmodel *m, uint16_t router, const struct prefix *p, uint64_t key,
                        bool holds)
{
    uint32_t x;
    if (!prefix_index_find(&m->expects, router, p, &x) || m->missing[x] == holds)
        return;
    m->missing[x] = holds;
    m->n_missing = holds ? m->n_missing + 1 : m->n_missing - 1;
    if (!holds)
        verdict_unset(&m->verdicts, V_ROUTE_MISSING, key, m->now_ms);
}

static void judge_live(struct netmodel *m, uint16_t router, const struct prefix *p,
                       const struct chosen *c)
{
    struct standing s = route_standing(m, router, p);
    struct judgement j = route_judge(m, router, p, &s, c);
    uint64_t key = verdict_key_prefix(router, p);
    for (size_t k = 0; k < ROUTE_VERDICTS; k++) {
        enum verdict_kind kind = route_kinds[k];
        bool wrong = j.wrong >> kind & 1;
        if (!(j.asked >> kind & 1))
            continue;
        if (kind == V_ROUTE_MISSING) {
            put_missing(m, router, p, key, wrong);
        } else if (wrong) {
            struct evidence e = route_evidence(m, router, p, &s, c, kind);
            verdict_set(&m->verdicts, kind, key, m->now_ms, m->now_ms, &e);
        } else {
            verdict_unset(&m->verdicts, kind, key, m->now_ms);
        }
    }
}

void route_missing(struct netmodel *m)
{
    for (uint32_t x = 0; m->n_missing && x < m->topo->n_expects; x++) {
        const struct topo_expect *want = &m->topo->expect[x];
        if (!m->missing[x])
            continue;
        struct evidence e = evidence_none();
        e.router = want->router;
        e.prefix[0] = want->prefix;
        e.n_prefixes = 1;
        e.as = 0;
        uint32_t id = rib_prefix_find(m->rib, &want->prefix), n = 0;
        if (id && m->router[want->router].source)
            best_collect(m->rib, m->attrs, m->sources, m->router[want->router].source, VIEW_IN_PRE,
                         id, m->topo->router[want->router].as, m->other, &n);
        if (n) {
            e.peer = m->other[0].peer;
            str_copy(e.reason, sizeof e.reason, "received and refused");
        }
        verdict_put(&m->verdicts, V_ROUTE_MISSING, verdict_key_prefix(want->router, &want->prefix),
                    knows_table(&m->router[want->router]), m->now_ms, &e);
    }
}

void route_update(struct netmodel *m, uint16_t router, const struct prefix *p, bool judge)
{
    struct choice *c = &m->choice;
    route_choose(m, router, p, c);
    m->full += fwd_update(m->fwd, router, p, c->set) == FWD_FULL;
    if (m->could)
        m->full += fwd_update(m->could, router, p, c->acceptable) == FWD_FULL;
    if (judge) {
        struct chosen chosen = chosen_of(c);
        judge_live(m, router, p, &chosen);
        return_judge(m, router, p, c);
    }
}

/* ---- the own AS in what is received ---- */

/* Is this one to be kept an eye on? Own numbers *inside* a path that is refused are BGP's defence
 * at its everyday work in any ring; as its origin they are a sign that somebody else has the
 * number. */
static bool own_as_sign(const struct netmodel *m, uint16_t router, enum route_view view,
                        uint32_t attr)
{
    if (attr == ATTR_NONE)
        return false;
    const struct attr *a = attr_get(m->attrs, attr);
    return a->kind == ROUTE_BGP && route_own_as_count(m, router, a) &&
           (view == VIEW_IN_POST || a->origin_as == m->topo->router[router].as);
}

static void own_as_drop(struct netmodel *m, uint64_t key, uint32_t i)
{
    map64_erase(&m->own_of, key);
    m->own[i] = m->own[--m->n_own];
    if (i < m->n_own)
        map64_insert(
            &m->own_of,
            verdict_key_prefix(m->own[i].peer * 2ul + m->own[i].accepted, &m->own[i].prefix), i);
}

void route_own_as(struct netmodel *m, const struct rib_change *c)
{
    const struct peer_state *peer = netmodel_peer_of(m, c->peer);
    const struct prefix *p = rib_prefix(m->rib, c->prefix_id);
    if (!peer || !p || (c->view != VIEW_IN_PRE && c->view != VIEW_IN_POST))
        return;
    bool accepted = c->view == VIEW_IN_POST;
    bool now = own_as_sign(m, peer->router, c->view, c->after);
    if (!now && !m->n_own)
        return;
    uint64_t key = verdict_key_prefix(c->peer * 2ul + accepted, p);
    uint32_t i;
    bool was = map64_find(&m->own_of, key, &i);
    if (now && !was && m->n_own < OWN_AS_MAX) {
        map64_insert(&m->own_of, key, m->n_own);
        m->own[m->n_own++] = (struct own_as){c->peer, *p, accepted};
    } else if (!now && was) {
        own_as_drop(m, key, i);
    }
    m->own_dirty = true;
}

/* Do its neighbours have the prefix from the router itself? Then what came back is its own. */
static bool announces(const struct netmodel *m, uint16_t router, const struct prefix *p)
{
    struct rib_route route[RIB_PATHS_MAX];
    uint32_t id = rib_prefix_find(m->rib, p);
    for (uint32_t l = 0; id && l < m->topo->n_links; l++) {
        const struct topo_link *k = &m->topo->link[l];
        if (k->router[0] != router && k->router[1] != router)
            continue;
        uint32_t peer = m->session[l][!topo_end(k, router)].peer;
        if (peer && (rib_paths(m->rib, peer, VIEW_IN_PRE, id, route) ||
                     rib_paths(m->rib, peer, VIEW_IN_POST, id, route)))
            return true;
    }
    return false;
}

static bool ours(const struct netmodel *m, uint16_t router, const struct prefix *p)
{
    const struct topo *t = m->topo;
    for (uint32_t s = 0; s < t->n_subnets; s++)
        if (t->site[t->subnet[s].site].router == router &&
            (prefix_covers(p, &t->subnet[s].prefix) || prefix_covers(&t->subnet[s].prefix, p)))
            return true;
    return false;
}

static void judge_own_as(struct netmodel *m, uint32_t peer, bool accepted)
{
    const struct peer_state *p = &m->peer[peer];
    struct evidence e = evidence_none();
    e.router = p->router;
    e.link = p->link;
    e.peer = peer;
    e.as = m->topo->router[p->router].as;
    if (p->link != TOPO_NONE)
        e.neighbour = topo_other(&m->topo->link[p->link], p->router);
    for (uint32_t i = 0; i < m->n_own; i++) {
        const struct own_as *o = &m->own[i];
        if (o->peer != peer || o->accepted != accepted ||
            (!accepted && (ours(m, p->router, &o->prefix) || announces(m, p->router, &o->prefix))))
            continue;
        if (e.n_prefixes < VERDICT_PREFIXES_MAX)
            e.prefix[e.n_prefixes] = o->prefix;
        e.n_prefixes++;
    }
    verdict_put(&m->verdicts, accepted ? V_OWN_AS_ACCEPTED : V_OWN_AS_REFUSED, peer,
                e.n_prefixes > 0, m->now_ms, &e);
}

void route_own_as_settle(struct netmodel *m)
{
    const struct topo *t = m->topo;
    for (uint32_t l = 0; m->own_dirty && l < t->n_links; l++)
        for (int end = 0; end < 2; end++)
            if (m->session[l][end].peer) {
                judge_own_as(m, m->session[l][end].peer, false);
                judge_own_as(m, m->session[l][end].peer, true);
            }
    m->own_dirty = false;
}
