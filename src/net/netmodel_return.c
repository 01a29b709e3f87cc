/* netmodel_return.c - routes that a router announces to the very neighbour to which they lead.
 *
 * BGP itself does not send a route back by the session from which it came, and where there are
 * several sessions (or an update goes by another way) the neighbour finds its own AS in the path
 * and refuses it. Neither holds where paths are forgotten or rewritten: a Transit Gateway's table,
 * static routes that are redistributed, as-override, remove-private-as. Then the neighbour has a
 * way to the prefix that leads through itself, and takes it as soon as its own goes.
 *
 * What a router announces is seen in its own OUT views, or as its neighbour received it; the
 * neighbour's accepted view tells whether it was refused after all. A route that some other
 * neighbour of the router accounts for is not a return.
 *
 * An update asks this of two bits of its prefix (struct way_bits). Only when both are set are
 * tables looked into: four for each link between the two. */
#include "net/netmodel_i.h"

/* Pairs in the order of their links: of a network with up to 16 pairs of neighbours none share. */
void return_init(struct netmodel *m)
{
    const struct topo *t = m->topo;
    uint32_t n = 0;
    m->way = mem_new(t->n_links, sizeof *m->way);
    for (uint32_t l = 0; l < t->n_links; l++) {
        const uint16_t *r = t->link[l].router;
        struct link_way *w = &m->way[l];
        uint32_t k = 0;
        while (k < l && !(t->link[k].router[0] == r[0] && t->link[k].router[1] == r[1]) &&
               !(t->link[k].router[0] == r[1] && t->link[k].router[1] == r[0]))
            k++;
        bool turned = t->link[k].router[0] != r[0];
        for (int end = 0; end < 2; end++)
            w->bit[end] = k < l ? m->way[k].bit[end ^ turned] : 1u << (n++ & 31);
        w->next = k < l ? m->way[k].next : (uint16_t)l;
        m->way[k].next = (uint16_t)l;
    }
}

static struct way_bits *ways_of(struct netmodel *m, uint32_t prefix_id)
{
    if (prefix_id >= m->n_ways) {
        uint32_t n = MAX(prefix_id + 1, m->n_ways * 2);
        m->ways = mem_grow(m->ways, n, sizeof *m->ways);
        memset(m->ways + m->n_ways, 0, (n - m->n_ways) * sizeof *m->ways);
        m->n_ways = n;
    }
    return &m->ways[prefix_id];
}

void return_free(struct netmodel *m)
{
    mem_free(m->ways);
    mem_free(m->way);
    map64_free(&m->returned_of);
}

/* ---- what is announced ---- */

/* Would the one who is told see that it is its own? Without a number nothing can be said. */
static bool hides(const struct netmodel *m, const struct attr *a, uint16_t to)
{
    uint32_t as = m->topo->router[to].as;
    return as && a->kind == ROUTE_BGP && !attr_path_count(a, as);
}

/* The router at this end of the link, and every further table of it. */
static void enqueue(struct netmodel *m, uint16_t link, int end, const struct prefix *p)
{
    netmodel_enqueue(m, m->topo->link[link].router[end], p);
    for (uint16_t r = 0; m->tables && r < m->topo->n_routers; r++)
        if (m->topo->router[r].table_of && netmodel_at(m, link, end, r))
            netmodel_enqueue(m, r, p);
}

void return_told(struct netmodel *m, const struct peer_state *p, const struct rib_change *c)
{
    bool in = c->view == VIEW_IN_PRE || c->view == VIEW_IN_POST;
    const struct topo_link *l = &m->topo->link[p->link];
    int from = topo_end(l, p->router) ^ in; /* the end that announces */
    if (c->view == VIEW_LOC_RIB)
        return;
    struct way_bits *w = ways_of(m, c->prefix_id);
    uint32_t bit = m->way[p->link].bit[from], s;
    if (!(w->told & bit) && c->after != ATTR_NONE &&
        hides(m, attr_get(m->attrs, c->after), l->router[!from]))
        w->told |= bit;
    if (w->told & bit) {
        const struct prefix *prefix = rib_prefix(m->rib, c->prefix_id);
        if (prefix &&
            (w->used & bit || prefix_index_find(&m->statics, l->router[from], prefix, &s)))
            enqueue(m, p->link, from, prefix);
    }
    if (c->after == ATTR_NONE && rib_prefix_uses(m->rib, c->prefix_id) == 1)
        *w = (struct way_bits){0}; /* the number may be another prefix's next */
}

/* What is announced by the link from this end is looked at anew. */
static void again(struct netmodel *m, uint16_t link, int from)
{
    for (uint32_t id = 1; id < m->n_ways; id++) {
        const struct prefix *p = NULL;
        if (m->ways[id].told & m->way[link].bit[from])
            p = rib_prefix(m->rib, id);
        if (p)
            enqueue(m, link, from, p);
    }
}

void return_session(struct netmodel *m, uint16_t link)
{
    again(m, link, 0);
    again(m, link, 1);
}

void return_shown(struct netmodel *m, uint16_t router)
{
    for (uint32_t l = 0; l < m->topo->n_links; l++)
        for (int end = 0; end < 2; end++)
            if (m->topo->link[l].router[end] == router)
                again(m, (uint16_t)l, !end);
}

/* The route that a router announces by a link, as either end has it; NULL: none that would hide
 * from `to` whose it is, or one that is refused. *peer: of the end that tells of it. */
static const struct attr *announced(const struct netmodel *m, uint16_t link, uint16_t to,
                                    uint32_t prefix_id, uint32_t *peer)
{
    const struct topo_link *l = &m->topo->link[link];
    int there = topo_end(l, to);
    uint32_t sender = m->session[link][!there].peer, receiver = m->session[link][there].peer;
    const struct {
        uint32_t peer;
        enum route_view view;
    } look[] = {{sender, VIEW_OUT_POST},
                {receiver, VIEW_IN_PRE},
                {receiver, VIEW_IN_POST},
                {sender, VIEW_OUT_PRE}};
    struct rib_route route[RIB_PATHS_MAX];
    bool shows = receiver && m->router[to].post_routes;
    if (shows && !rib_paths(m->rib, receiver, VIEW_IN_POST, prefix_id, route))
        return NULL;
    for (size_t i = 0; i < COUNTOF(look); i++) {
        uint32_t n =
            look[i].peer ? rib_paths(m->rib, look[i].peer, look[i].view, prefix_id, route) : 0;
        for (uint32_t k = 0; k < n; k++) {
            const struct attr *a = attr_get(m->attrs, route[k].attr);
            *peer = look[i].peer;
            if (hides(m, a, to))
                return a;
        }
        if (n)
            return NULL; /* the nearest word on it */
    }
    return NULL;
}

/* The first AS behind the router's own at the front of what it announces; 0: there is none. */
static uint32_t behind(const struct attr *a, uint32_t own)
{
    struct attr_segment s;
    for (uint32_t at = 0; attr_path_next(a, &at, &s);)
        for (uint32_t i = 0; i < s.n; i++)
            if (s.as[i] != own)
                return s.as[i];
    return 0;
}

/* Has the router this route from somebody else, or of itself? */
static bool accounted_for(const struct netmodel *m, uint16_t router, uint16_t neighbour,
                          const struct choice *c, const struct attr *told)
{
    uint32_t as = behind(told, m->topo->router[router].as);
    for (uint32_t i = 0; i < c->n; i++) {
        if (c->hop[i].to < FWD_ENDS && topo_gateway(m->topo, c->hop[i].to) == neighbour)
            continue;
        bool own = c->hop[i].to >= FWD_ENDS;
        if (as ? !own && c->path[i].attr->neighbour_as == as : own)
            return true;
    }
    return false;
}

/* ---- the list ---- */

static void changed(struct netmodel *m, uint16_t link)
{
    m->way[link].dirty = m->returned_dirty = true;
}

static void drop(struct netmodel *m, uint64_t key, uint32_t i)
{
    changed(m, m->returned[i].told_by);
    map64_erase(&m->returned_of, key);
    m->returned[i] = m->returned[--m->n_returned];
    if (i < m->n_returned)
        map64_insert(&m->returned_of,
                     verdict_key_prefix(m->returned[i].router, &m->returned[i].prefix), i);
}

static void keep(struct netmodel *m, uint64_t key, bool was, uint32_t i, const struct returned *r)
{
    if (!was && m->n_returned == RETURNED_MAX)
        return; /* as many of the router's others tell enough */
    if (!was) {
        i = m->n_returned++;
        map64_insert(&m->returned_of, key, i);
    }
    if (was)
        changed(m, m->returned[i].told_by);
    m->returned[i] = *r;
    changed(m, r->told_by);
}

/* Does it announce the prefix to the neighbour, by the link on which it sends or another one? */
static bool find(struct netmodel *m, uint16_t router, struct fwd_hop hop, const struct choice *c,
                 struct returned *r)
{
    uint16_t l = hop.link, to = topo_gateway(m->topo, hop.to);
    do {
        const struct attr *a = announced(m, l, to, c->prefix_id, &r->peer);
        if (a && !accounted_for(m, router, to, c, a)) {
            r->router = router;
            r->neighbour = to;
            r->told_by = l;
            r->sent_by = hop.link;
            r->as = a->origin_as;
            return true;
        }
        l = m->way[l].next;
    } while (l != hop.link);
    return false;
}

/* Looks into tables only where the prefix's bits say that it may be so. */
static bool look(struct netmodel *m, uint16_t router, const struct prefix *p,
                 const struct choice *c, struct returned *r)
{
    bool sends = c->from == RULE_ROUTE || c->from == RULE_STATIC || c->from == RULE_FIB;
    uint32_t n = sends ? c->n_rule : 0;
    struct way_bits *w = c->prefix_id && n ? ways_of(m, c->prefix_id) : NULL;
    for (uint32_t i = 0; w && i < n; i++) {
        struct fwd_hop hop = c->rule[i];
        if (hop.to >= m->topo->n_routers || hop.link >= m->topo->n_links)
            continue;
        uint32_t bit = m->way[hop.link].bit[netmodel_end(m, hop.link, router)];
        if (!(w->used & bit))
            w->used |= bit;
        if (!(w->told & bit))
            continue;
        *r = (struct returned){.prefix = *p};
        if (find(m, router, hop, c, r))
            return true;
    }
    return false;
}

void return_judge(struct netmodel *m, uint16_t router, const struct prefix *p,
                  const struct choice *c)
{
    struct returned r;
    bool found = look(m, router, p, c, &r);
    if (!found && !m->n_returned)
        return;
    uint64_t key = verdict_key_prefix(router, p);
    uint32_t at = 0;
    bool was = map64_find(&m->returned_of, key, &at);
    if (found)
        keep(m, key, was, at, &r);
    else if (was)
        drop(m, key, at);
}

/* ---- verdicts ---- */

static void judge(struct netmodel *m, uint16_t link, int end)
{
    const struct topo_link *l = &m->topo->link[link];
    struct evidence e = evidence_none();
    e.router = l->router[end];
    e.neighbour = l->router[!end];
    e.link = link;
    for (uint32_t i = 0; i < m->n_returned; i++) {
        const struct returned *r = &m->returned[i];
        if (r->told_by != link || topo_gateway(m->topo, r->router) != e.router)
            continue;
        if (!e.n_prefixes) {
            e.peer = r->peer;
            e.as = r->as;
            e.hop[0] = (struct verdict_hop){r->router, r->sent_by};
            e.hop[1] = (struct verdict_hop){r->neighbour, TOPO_NONE};
            e.n_hops = 2;
        }
        if (e.n_prefixes < VERDICT_PREFIXES_MAX)
            e.prefix[e.n_prefixes] = r->prefix;
        e.n_prefixes++;
    }
    bool told = told_enough(&m->router[e.router]) && told_enough(&m->router[e.neighbour]);
    verdict_put(&m->verdicts, V_ROUTE_RETURNED, verdict_key(link, (uint64_t)end, 0),
                e.n_prefixes > 0 && told, m->now_ms, &e);
}

void return_settle(struct netmodel *m)
{
    bool all = m->heard_changed;
    for (uint32_t l = 0; (m->returned_dirty || all) && l < m->topo->n_links; l++) {
        for (int end = 0; (m->way[l].dirty || all) && end < 2; end++)
            judge(m, (uint16_t)l, end);
        m->way[l].dirty = false;
    }
    m->returned_dirty = false;
}
