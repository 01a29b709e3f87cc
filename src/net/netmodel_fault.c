/* netmodel_fault.c - loops and holes of the forwarding models as verdicts, with their evidence. */
#include "net/netmodel_i.h"

#include <stdlib.h>

struct sender {
    uint16_t router, link;
    uint32_t peer, as; /* of the route by which it sends */
};

/* Does `from` send packets of the atom to `to` by this link? With which route? */
static bool sends(struct netmodel *m, const struct fwd *f, const struct prefix *atom,
                  struct fwd_hop to, struct sender *s)
{
    struct prefix matched;
    size_t hops;
    const struct fwd_hop *hop = fwd_hops(f, fwd_lookup_atom(f, s->router, atom, &matched), &hops);
    bool there = false;
    for (size_t i = 0; i < hops; i++)
        there |= hop[i].to == to.to && (hop[i].link & ~FWD_UNSAFE) == to.link;
    if (!there)
        return false;
    route_choose(m, s->router, &matched, &m->choice);
    for (uint32_t i = 0; m->choice.from == RULE_ROUTE && i < m->choice.n; i++)
        if (m->choice.hop[i].to == to.to && m->choice.hop[i].link == to.link) {
            s->peer = m->choice.path[i].peer;
            s->as = m->choice.path[i].attr->origin_as;
        }
    return true;
}

/* Who sends packets of the atom to a router; the first `max` in order of the links. */
static uint16_t senders_of(struct netmodel *m, const struct fwd *f, const struct prefix *atom,
                           uint16_t to, struct sender *out, uint16_t max)
{
    const struct topo *t = m->topo;
    uint16_t n = 0;
    for (uint16_t l = 0; l < t->n_links && n < max; l++) {
        int end = m->enter[l][1] == to;
        if (m->enter[l][end] != to)
            continue;
        for (uint16_t r = 0; r < t->n_routers && n < max; r++) {
            out[n] = (struct sender){.router = r, .link = l};
            if (netmodel_at(m, l, !end, r))
                n += sends(m, f, atom, (struct fwd_hop){to, l}, &out[n]);
        }
    }
    return n;
}

static bool owns_as(const struct netmodel *m, uint16_t router, uint32_t as)
{
    for (uint32_t i = 0; as && i < ORIGINS_MAX; i++)
        if (m->origin[router][i] == as)
            return true;
    return false;
}

static void hole_evidence(struct netmodel *m, const struct fwd *f, const struct fwd_fault *fault,
                          struct evidence *e, bool *announced)
{
    struct sender from[VERDICT_HOPS_MAX];
    *announced = false;
    e->router = fault->router[0];
    uint16_t n =
        e->n_prefixes ? senders_of(m, f, &e->prefix[0], e->router, from, COUNTOF(from)) : 0;
    for (uint16_t i = 0; i < n; i++) {
        e->hop[e->n_hops++] = (struct verdict_hop){from[i].router, from[i].link};
        *announced |= owns_as(m, e->router, from[i].as);
    }
    if (n) {
        e->peer = from[0].peer;
        e->as = from[0].as;
    }
}

static int prefix_order(const void *a, const void *b)
{
    return prefix_compare(a, b);
}

/* The first prefixes in order, without those inside another one: a site's address is an atom of its
 * own and need not be told beside its subnet. */
static void fault_prefixes(const struct fwd *f, const struct fwd_fault *fault, struct evidence *e)
{
    struct prefix p[64];
    size_t n = fwd_fault_prefixes(f, fault->id, p, COUNTOF(p));
    uint32_t kept = 0;
    e->n_prefixes = fault->atoms;
    if (n)
        qsort(p, n, sizeof *p, prefix_order);
    for (size_t i = 0; i < n; i++) {
        bool inside = false;
        for (uint32_t k = 0; k < kept; k++)
            inside |= prefix_covers(&e->prefix[k], &p[i]);
        if (inside)
            e->n_prefixes--;
        else if (kept < VERDICT_PREFIXES_MAX)
            e->prefix[kept++] = p[i];
    }
}

/* Which of the cycle's hops BGP has no part in: the ones to look at first. */
static void not_by_bgp(struct netmodel *m, const struct fwd *f, struct evidence *e)
{
    struct buf b = {0};
    for (uint16_t i = 0; i < e->n_hops && e->n_prefixes; i++) {
        struct prefix matched;
        uint16_t router = e->hop[i].router;
        if (fwd_lookup_atom(f, router, &e->prefix[0], &matched) == FWD_NONE)
            continue;
        route_choose(m, router, &matched, &m->choice);
        if (m->choice.from == RULE_STATIC || (m->choice.from == RULE_FIB && !m->choice.says_bgp))
            buf_fmt(&b, "%s%s", b.len ? ", " : "not by BGP at ", m->topo->router[router].name);
    }
    if (b.len)
        str_copy(e->reason, sizeof e->reason, b.data);
    buf_free(&b);
}

/* Has BGP offered the router a route for the prefix, and its forwarding table has none? */
static bool not_installed(const struct netmodel *m, uint16_t router, const struct prefix *p)
{
    const struct router_state *r = &m->router[router];
    struct ip_addr a = {.family = p->family};
    memcpy(a.byte, p->byte, sizeof a.byte);
    return r->fib_told && r->source && !m->n_changes &&
           rib_match(m->rib, r->source, route_view_of(m, router), &a) != 0;
}

/* The verdict that a fault is. False: none, about a router that is not heard. */
static bool fault_verdict(struct netmodel *m, const struct fwd *f, const struct fwd_fault *fault,
                          enum verdict_kind *kind, struct evidence *e)
{
    *e = evidence_none();
    fault_prefixes(f, fault, e);
    if (fault->kind == FWD_LOOP) {
        struct fwd_hop cycle[VERDICT_HOPS_MAX];
        size_t n = fwd_fault_cycle(f, fault->id, cycle, VERDICT_HOPS_MAX);
        for (size_t i = 0; i < n; i++)
            e->hop[i] = (struct verdict_hop){cycle[i].to, cycle[i].link & (uint16_t)~FWD_UNSAFE};
        for (uint16_t i = 0; !n && i < MIN(fault->n_routers, VERDICT_HOPS_MAX); i++)
            e->hop[n++] = (struct verdict_hop){fault->router[i], TOPO_NONE};
        e->n_hops = (uint16_t)n;
        not_by_bgp(m, f, e);
        *kind = f == m->could ? V_LOOP_POSSIBLE : V_LOOP;
        bool told = true;
        for (uint16_t i = 0; i < fault->n_routers; i++)
            told &= told_enough(&m->router[fault->router[i]]);
        return told;
    }
    bool announced;
    hole_evidence(m, f, fault, e, &announced);
    if (fault->kind == FWD_NO_ROUTE && e->n_prefixes && not_installed(m, e->router, &e->prefix[0]))
        str_copy(e->reason, sizeof e->reason, "BGP has a route, the forwarding table not");
    *kind = fault->watch ? V_BLACKHOLE : announced ? V_AGGREGATE_UNCOVERED : V_DEAD_END;
    return knows_table(&m->router[fault->router[0]]);
}

/* Is there a circle now among the routers of one that could be? Then it has its verdict. */
static bool there_already(const struct netmodel *m, const struct fwd_fault *could)
{
    struct fwd_fault is;
    for (size_t at = 0; fwd_next_fault(m->fwd, &at, &is);) {
        uint16_t in = 0; /* both lists ascend */
        for (uint16_t i = 0; is.kind == FWD_LOOP && i < could->n_routers && in < is.n_routers; i++)
            in = (uint16_t)(in + (could->router[i] == is.router[in]));
        if (is.kind == FWD_LOOP && in == is.n_routers)
            return true;
    }
    return false;
}

bool fault_holds(struct netmodel *m, const struct fwd *f, const struct fwd_fault *fault,
                 enum verdict_kind *kind, struct evidence *e)
{
    return fault->atoms && fault_verdict(m, f, fault, kind, e) &&
           !(f == m->could && there_already(m, fault));
}

static void put_fault(struct netmodel *m, struct fwd *f, const struct fwd_fault *fault)
{
    static const enum verdict_kind of_fwd[] = {V_LOOP, V_BLACKHOLE, V_DEAD_END,
                                               V_AGGREGATE_UNCOVERED};
    enum verdict_kind kind = VERDICT_KINDS;
    struct evidence e;
    bool holds = fault_holds(m, f, fault, &kind, &e);
    if (f == m->could) {
        verdict_put(&m->verdicts, V_LOOP_POSSIBLE, fault->id, holds, m->now_ms, &e);
        return;
    }
    for (size_t i = 0; i < COUNTOF(of_fwd); i++)
        verdict_put(&m->verdicts, of_fwd[i], fault->id, holds && of_fwd[i] == kind, m->now_ms, &e);
}

void fault_settle(struct netmodel *m)
{
    struct fwd *model[] = {m->fwd, m->could};
    struct fwd_fault fault;
    bool again = m->heard_changed;
    for (size_t i = 0; i < COUNTOF(model) && model[i]; i++) {
        bool loops = false;
        while (fwd_next_change(model[i], &fault)) {
            loops |= fault.kind == FWD_LOOP;
            put_fault(m, model[i], &fault);
        }
        for (size_t at = 0; again && fwd_next_fault(model[i], &at, &fault);)
            put_fault(m, model[i], &fault);
        again |= loops; /* what is there need not be possible too */
    }
}
