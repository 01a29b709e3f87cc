/* netmodel_fib.c - forwarding tables that routers tell themselves (fpm.h): from when they count,
 * and what they make of the choice. */
#include "net/netmodel_i.h"

/* Is the table all of the truth about the router? When its feed is lost and the other one is not,
 * only as far as nobody knows better. */
static bool is_all(const struct netmodel *m, const struct router_state *r)
{
    return rib_feed(m->rib, r->fib).up || !r->source || !rib_feed(m->rib, r->source).up;
}

bool netmodel_fib_counts(const struct netmodel *m, uint16_t router)
{
    return m->router[router].fib_told && is_all(m, &m->router[router]);
}

/* What the table counts for has changed: all of the router's prefixes are looked at. */
static void again(struct netmodel *m, uint16_t router)
{
    if (m->router[router].fib_told)
        m->rebuild[router] = m->any_rebuild = m->fib_turned = true;
}

void fib_event(struct netmodel *m, uint16_t router, const struct route_event *e)
{
    struct evidence ev = evidence_none();
    ev.router = router;
    str_copy(ev.reason, sizeof ev.reason, "its forwarding table (FPM)");
    if (e->type == ROUTE_END_OF_RIB && !m->router[router].fib_told) {
        m->router[router].fib_told = true;
        again(m, router);
    }
    if (e->type != ROUTE_FEED_UP && e->type != ROUTE_FEED_LOST)
        return;
    verdict_put(&m->verdicts, V_FEED_STALE, verdict_key(router, 1, 0), e->type == ROUTE_FEED_LOST,
                e->at_ms, &ev);
    again(m, router);
}

void fib_beside(struct netmodel *m, uint16_t router)
{
    if (!rib_feed(m->rib, m->router[router].fib).up)
        again(m, router);
}

void fib_changed(struct netmodel *m, uint16_t router, const struct rib_change *c)
{
    const struct prefix *p = rib_prefix(m->rib, c->prefix_id);
    if (p && (m->router[router].fib_told || m->rebuild[router]))
        netmodel_enqueue(m, router, p);
}

/* ---- the choice ---- */

struct fib_rule {
    struct fwd_hop hop[FWD_HOPS_MAX];
    uint32_t n;
    bool by_bgp;   /* as far as it says: it may be anybody's but the kernel's or a static route */
    bool says_bgp; /* and it says so */
};

struct attached {
    const struct netmodel *m;
    uint32_t via;
    bool there;
};

static bool is_attached(void *arg, const struct rib_route *r)
{
    struct attached *x = arg;
    const struct attr *a = attr_get(x->m->attrs, r->attr);
    x->there |= a->kind == ROUTE_SUBNET && a->via == x->via;
    return !x->there;
}

/* The link at an interface, which is known by a number of the router's own: the one whose other end
 * has an address in a subnet that its table has attached there. */
static uint16_t link_at(const struct netmodel *m, uint16_t router, uint32_t via)
{
    const struct topo *t = m->topo;
    uint32_t fib = m->router[router].fib;
    for (uint32_t l = 0; l < t->n_links; l++) {
        if (t->link[l].router[0] != router && t->link[l].router[1] != router)
            continue;
        const struct ip_addr *there = t->link[l].address[!topo_end(&t->link[l], router)];
        struct attached x = {.m = m, .via = via};
        for (int v6 = 0; v6 < 2 && !x.there; v6++) {
            uint32_t id = there[v6].family ? rib_match(m->rib, fib, VIEW_LOC_RIB, &there[v6]) : 0;
            if (id)
                rib_each_path(m->rib, fib, VIEW_LOC_RIB, id, is_attached, &x);
        }
        if (x.there)
            return (uint16_t)l;
    }
    return TOPO_NONE;
}

bool fib_hop_of(struct netmodel *m, uint16_t router, const struct prefix *p,
                const struct best_path *x, struct fwd_hop *hop)
{
    struct best_path plain = *x;
    struct attr a = *x->attr;
    uint16_t link = a.via && a.next_hop.family ? link_at(m, router, a.via) : TOPO_NONE;
    if (link != TOPO_NONE) {
        *hop = netmodel_hop(m, link, router);
        return true;
    }
    plain.attr = &a;
    a.via = 0; /* no name of the topology's, whatever it reads like */
    return route_hop_of(m, router, p, &plain, hop);
}

static void look_up(struct netmodel *m, uint16_t router, const struct prefix *p, struct fib_rule *r)
{
    uint32_t id = rib_prefix_find(m->rib, p), n = 0;
    r->n = 0;
    r->by_bgp = r->says_bgp = true;
    if (id)
        best_collect(m->rib, m->attrs, m->sources, m->router[router].fib, VIEW_LOC_RIB, id, 0,
                     m->other, &n);
    for (uint32_t i = 0; i < n && r->n < FWD_HOPS_MAX; i++) {
        uint8_t kind = m->other[i].attr->kind;
        (void)netmodel_peer_of(m, m->other[i].peer);
        r->by_bgp &= kind == ROUTE_BGP || kind == ROUTE_OTHER;
        r->says_bgp &= kind == ROUTE_BGP;
        if (fib_hop_of(m, router, p, &m->other[i], &r->hop[r->n]))
            r->n++;
    }
}

/* The candidate that goes where the hop goes; one that is chosen already if there are several. */
static uint32_t candidate(const struct choice *c, const struct best_result *chosen,
                          struct fwd_hop hop)
{
    for (uint32_t k = 0; k < chosen->n_used; k++) {
        struct fwd_hop h = c->hop[chosen->used[k]];
        if (h.to == hop.to && h.link == hop.link)
            return chosen->used[k];
    }
    for (uint32_t i = 0; i < c->n; i++)
        if (c->hop[i].to == hop.to && c->hop[i].link == hop.link)
            return i;
    return c->n;
}

static bool offered(const struct choice *c, const struct fib_rule *r)
{
    for (uint32_t i = 0; i < r->n; i++)
        if (r->hop[i].to >= FWD_ENDS || candidate(c, &c->result, r->hop[i]) == c->n)
            return false;
    return true;
}

/* Are all of the rule's hops such as BGP offers? Then those routes are the router's choice,
 * whatever we should have chosen: routers know preferences that their feeds do not show. */
static bool explained(struct choice *c, const struct fib_rule *r)
{
    struct best_result by = c->result;
    if (!offered(c, r))
        return false;
    by.n_used = 0;
    for (uint32_t i = 0; i < r->n; i++)
        by.used[by.n_used++] = candidate(c, &c->result, r->hop[i]);
    bool chosen = false; /* the best of ours is still one of them */
    for (uint32_t i = 0; i < by.n_used; i++)
        chosen |= c->result.n_used && by.used[i] == c->result.best;
    if (!chosen)
        by.best = by.used[0];
    c->result = by;
    return true;
}

static bool same_rule(const struct choice *a, const struct choice *b)
{
    return a->from == b->from && a->n_rule == b->n_rule &&
           memcmp(a->rule, b->rule, a->n_rule * sizeof *a->rule) == 0;
}

/* On trial: does the table stay as it is? Not where a link of its rule goes, or a static route is
 * changed, nor where BGP's choice becomes another and the rule is BGP's. */
static bool stays(struct netmodel *m, uint16_t router, const struct prefix *p,
                  const struct fib_rule *r, const struct choice *c)
{
    for (uint32_t i = 0; i < r->n; i++)
        if (r->hop[i].to < FWD_ENDS && route_link_lost(m, r->hop[i].link))
            return false;
    if (route_static_on_trial(m, router, p))
        return false;
    if (r->n && !r->by_bgp)
        return true;
    size_t n = m->n_changes;
    m->n_changes = 0;
    route_choose_told(m, router, p, &m->without);
    m->n_changes = n;
    return same_rule(&m->without, c);
}

void fib_choose(struct netmodel *m, uint16_t router, const struct prefix *p, struct choice *c)
{
    struct fib_rule r;
    look_up(m, router, p, &r);
    if (m->n_changes && !stays(m, router, p, &r, c))
        return;
    if (!is_all(m, &m->router[router]) && (!r.n || (r.by_bgp && !offered(c, &r))))
        return; /* better BGP as it is than a table as it was */
    c->n_rule = r.n;
    memcpy(c->rule, r.hop, r.n * sizeof *r.hop);
    c->says_bgp = r.says_bgp;
    if (!r.n)
        c->from = RULE_NONE;
    else if (r.n == 1 && r.hop[0].to == FWD_DELIVER)
        c->from = RULE_ATTACHED;
    else if (r.by_bgp && explained(c, &r))
        c->from = RULE_ROUTE;
    else
        c->from = RULE_FIB;
}
