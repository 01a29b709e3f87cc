/* netmodel_route.c - the route that a router uses for a prefix, and whether it is the expected one.
 *
 * All functions look at one router and one prefix at a time, and can be asked again at any time: a
 * proposal on trial (m->change) is looked up where it applies. */
#include "net/netmodel_i.h"

#include "base/hash.h"
#include "base/rng.h"

/* ---- prefixes of the topology ---- */

static uint64_t index_key(uint32_t owner, const struct prefix *p)
{
    return verdict_key_prefix((uint64_t)owner + 1, p);
}

void prefix_index_add(struct prefix_index *x, uint32_t owner, const struct prefix *p, uint32_t id)
{
    map64_insert(&x->of, index_key(owner, p), id);
    x->length[p->family == IPV6][p->len] = true;
}

bool prefix_index_find(const struct prefix_index *x, uint32_t owner, const struct prefix *p,
                       uint32_t *id)
{
    return x->length[p->family == IPV6][p->len] && map64_find(&x->of, index_key(owner, p), id);
}

bool prefix_index_around(const struct prefix_index *x, uint32_t owner, const struct prefix *p,
                         uint32_t *id)
{
    struct prefix q = *p;
    for (int len = p->len; len >= 0; len--) {
        if (!x->length[p->family == IPV6][len])
            continue;
        q.len = (uint8_t)len;
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

/* ---- the proposal on trial ---- */

static bool same_prefix(const struct net_change *x, const struct prefix *p)
{
    return !x->prefix.family || prefix_equal(&x->prefix, p);
}

static bool on_trial(const struct netmodel *m, enum net_change_kind kind, uint16_t router,
                     uint16_t link, const struct prefix *p)
{
    for (size_t i = 0; i < m->n_changes; i++) {
        const struct net_change *x = &m->change[i];
        if (x->kind == kind && x->router == router &&
            (x->link == link || (kind == NET_ROUTE_REMOVE && x->link == TOPO_NONE)) &&
            same_prefix(x, p))
            return true;
    }
    return false;
}

bool route_link_lost(const struct netmodel *m, uint16_t link)
{
    for (size_t i = 0; i < m->n_changes; i++)
        if (m->change[i].kind == NET_LINK_DOWN && m->change[i].link == link)
            return true;
    return false;
}

/* Does the path say that it went from x to y: "... y x ..."? */
static bool path_passes(const struct attr *a, uint32_t y, uint32_t x)
{
    struct attr_segment s;
    uint32_t last = 0;
    for (uint32_t at = 0; attr_path_next(a, &at, &s);)
        for (uint32_t i = 0; i < s.n; i++) {
            if (s.as[i] == x && last == y)
                return true;
            last = s.as[i];
        }
    return false;
}

/* The attributes with which router has this route, when preferences were as proposed. */
static const struct attr *attr_on_trial(const struct netmodel *m, struct choice *c, uint16_t router,
                                        uint16_t link, const struct prefix *p, const struct attr *a)
{
    struct attr x = *a;
    bool changed = false;
    for (size_t i = 0; i < m->n_changes; i++) {
        const struct net_change *ch = &m->change[i];
        if (ch->kind != NET_PREFER || !same_prefix(ch, p))
            continue;
        const struct topo_link *l = &m->topo->link[ch->link];
        uint16_t to = topo_other(l, ch->router);
        bool here = ch->link == link;
        if (here && ch->router == router && ch->set_local_pref) {
            x.local_pref = ch->local_pref;
            x.has |= ATTR_LOCAL_PREF;
            changed = true;
        }
        if (here && to == router) {
            if (ch->set_med) {
                x.med = x.priority = ch->med;
                x.has |= ATTR_MED;
            }
            if (ch->community) {
                x.communities = &ch->community;
                x.n_communities = 1;
            }
            x.path_length = (uint16_t)(x.path_length + ch->prepend);
            changed = true;
        } else if (!here && ch->prepend && to != router &&
                   path_passes(a, m->topo->router[to].as, m->topo->router[ch->router].as)) {
            x.path_length = (uint16_t)(x.path_length + ch->prepend);
            changed = true;
        }
    }
    if (!changed || c->n_changed >= COUNTOF(c->changed))
        return a;
    c->changed[c->n_changed] = x;
    return &c->changed[c->n_changed++];
}

static void add_on_trial(const struct netmodel *m, struct choice *c, uint16_t router,
                         const struct prefix *p)
{
    for (size_t i = 0; i < m->n_changes && c->n < BEST_PATHS_MAX; i++) {
        const struct net_change *x = &m->change[i];
        if (x->kind != NET_ROUTE_ADD || x->router != router || !prefix_equal(&x->prefix, p) ||
            c->n_changed >= COUNTOF(c->changed) || route_link_lost(m, x->link))
            continue;
        const struct topo_link *l = &m->topo->link[x->link];
        uint16_t other = topo_other(l, router);
        uint32_t as = m->topo->router[other].as;
        struct attr a = {.path_length = 1, .neighbour_as = as, .origin_as = as};
        a.next_hop = l->address[topo_end(l, other)][p->family == IPV6];
        c->changed[c->n_changed] = a;
        const struct attr *kept = &c->changed[c->n_changed++];
        c->path[c->n] = (struct best_path){.attr = attr_on_trial(m, c, router, x->link, p, kept),
                                           .router = router + 1u};
        c->hop[c->n++] = (struct fwd_hop){other, x->link};
    }
}

/* ---- candidates ---- */

enum route_view route_view_of(const struct netmodel *m, uint16_t router)
{
    const struct router_state *s = &m->router[router];
    if (s->loc_routes && !(m->n_changes && s->post_routes))
        return VIEW_LOC_RIB; /* it has the best only: for what-if the others are wanted, too */
    return s->post_routes ? VIEW_IN_POST : VIEW_IN_PRE;
}

/* How often the own AS is in a path that was received. Some routers put it in front themselves when
 * they tell of the path (lab: FRR before 2026); that is not counted. */
static uint32_t own_as_count(const struct netmodel *m, uint16_t router, const struct attr *a)
{
    uint32_t as = m->topo->router[router].as, n = as ? attr_path_count(a, as) : 0, at = 0;
    struct attr_segment s;
    if (n && a->neighbour_as == as && attr_path_next(a, &at, &s))
        for (uint32_t i = 0; i < s.n && s.as[i] == as && n; i++)
            n--;
    return n;
}

static uint16_t link_via(struct netmodel *m, uint16_t router, uint32_t via)
{
    uint64_t key = verdict_key(router, via, 7);
    uint32_t link;
    if (!map64_find(&m->link_of_via, key, &link)) {
        link = topo_link_by_name(m->topo, router, source_name_text(m->sources, via));
        map64_insert(&m->link_of_via, key, link);
    }
    return (uint16_t)link;
}

static uint16_t link_to(struct netmodel *m, uint16_t router, const struct ip_addr *a)
{
    uint32_t link;
    if (!a->family ||
        !map64_find(&m->link_of_address, verdict_key(router, hash_fast(m->o.seed, a, sizeof *a), 0),
                    &link))
        return TOPO_NONE;
    return (uint16_t)link;
}

/* A route of the router's own, without a next hop, is one that it announces. Behind it is what BGP
 * does not show: an interface, a static route, a null route. Then packets are taken to be as good
 * as there; but not if the prefix is announced by decree (topo_allowed), whatever is behind it. */
bool route_hop_of(struct netmodel *m, uint16_t router, const struct prefix *p,
                  const struct best_path *x, struct fwd_hop *hop)
{
    static const uint8_t nowhere[16];
    uint32_t allowed;
    const struct attr *a = x->attr;
    uint16_t link = TOPO_NONE;
    *hop = (struct fwd_hop){FWD_EXIT, FWD_NO_LINK};
    if (a->has & ATTR_BLACKHOLE) {
        hop->to = FWD_DISCARD;
        return true;
    }
    if (a->via)
        link = link_via(m, router, a->via);
    if (link == TOPO_NONE && x->peer && x->peer < m->n_peers)
        link = m->peer[x->peer].link;
    if (link == TOPO_NONE)
        link = link_to(m, router, &a->next_hop);
    if (link != TOPO_NONE) {
        *hop = (struct fwd_hop){topo_other(&m->topo->link[link], router), link};
        return true;
    }
    if (a->kind == ROUTE_VPC || a->kind == ROUTE_SUBNET) {
        hop->to = FWD_DELIVER;
        return true;
    }
    bool own = a->kind == ROUTE_LOCAL || !a->next_hop.family ||
               memcmp(a->next_hop.byte, nowhere, sizeof nowhere) == 0;
    return !own || !prefix_index_find(&m->allowed, router, p, &allowed);
}

static void collect(struct netmodel *m, uint16_t router, const struct prefix *p, struct choice *c)
{
    uint32_t id = rib_prefix_find(m->rib, p), n = 0;
    enum route_view view = route_view_of(m, router);
    c->prefix_id = id;
    c->n = 0;
    if (id && m->router[router].source)
        best_collect(m->rib, m->attrs, m->sources, m->router[router].source, view, id,
                     m->topo->router[router].as, c->path, &n);
    for (uint32_t i = 0; i < n; i++) {
        struct best_path x = c->path[i];
        struct fwd_hop hop;
        (void)netmodel_peer_of(m, x.peer);
        if (!route_hop_of(m, router, p, &x, &hop))
            continue;
        if (view == VIEW_IN_PRE && own_as_count(m, router, x.attr))
            continue; /* what it will refuse */
        if (m->n_changes && hop.link != FWD_NO_LINK &&
            (route_link_lost(m, hop.link) || on_trial(m, NET_ROUTE_REMOVE, router, hop.link, p)))
            continue;
        if (hop.link != FWD_NO_LINK) {
            x.distance = m->topo->link[hop.link].distance;
            if (m->n_changes)
                x.attr = attr_on_trial(m, c, router, hop.link, p, x.attr);
        }
        c->path[c->n] = x;
        c->hop[c->n++] = hop;
    }
    if (m->n_changes)
        add_on_trial(m, c, router, p);
}

bool route_static_on_trial(const struct netmodel *m, uint16_t router, const struct prefix *p)
{
    for (size_t i = 0; i < m->n_changes; i++) {
        const struct net_change *x = &m->change[i];
        if ((x->kind == NET_STATIC_ADD || x->kind == NET_STATIC_REMOVE) && x->router == router &&
            prefix_equal(&x->prefix, p))
            return true;
    }
    return false;
}

static bool static_rule(const struct netmodel *m, uint16_t router, const struct prefix *p,
                        struct fwd_hop *hop)
{
    uint32_t s;
    uint16_t link = TOPO_NONE;
    bool there = prefix_index_find(&m->statics, router, p, &s);
    if (there) {
        link = m->topo->statics[s].link;
        there = !on_trial(m, NET_STATIC_REMOVE, router, link, p);
    }
    for (size_t i = 0; i < m->n_changes; i++) {
        const struct net_change *x = &m->change[i];
        if (x->kind == NET_STATIC_ADD && x->router == router && prefix_equal(&x->prefix, p)) {
            there = true;
            link = x->link;
        }
    }
    if (!there || (link != TOPO_NONE && route_link_lost(m, link)))
        return false;
    *hop = link == TOPO_NONE ? (struct fwd_hop){FWD_DISCARD, FWD_NO_LINK}
                             : (struct fwd_hop){topo_other(&m->topo->link[link], router), link};
    return true;
}

/* ---- the choice ---- */

static bool origin_is_owner(const struct netmodel *m, const struct prefix *p, uint32_t as,
                            uint32_t *owner)
{
    uint32_t s;
    *owner = 0;
    if (!as || !prefix_index_around(&m->subnets, 0, p, &s))
        return true;
    const uint32_t *origin = m->origin[m->topo->site[m->topo->subnet[s].site].router];
    *owner = origin[0];
    for (uint32_t i = 0; i < ORIGINS_MAX && origin[i]; i++)
        if (origin[i] == as)
            return true;
    return !*owner;
}

/* Everything the router would follow, for the model of what could be. What is attached to it and
 * comes back from a neighbour all the same is a path that hid where it came from: then the
 * question is what happens when the attachment goes. */
static uint16_t acceptable(struct netmodel *m, uint16_t router, const struct prefix *p,
                           const struct choice *c)
{
    struct fwd_hop hop[FWD_HOPS_MAX];
    size_t n = 0;
    uint32_t owner;
    bool attached = c->from == RULE_ATTACHED;
    if (c->from == RULE_STATIC || c->from == RULE_FIB || c->from == RULE_OWN) {
        hop[n++] = c->rule[0];
        hop[0].link |= c->rule[0].to < FWD_ENDS && !c->says_bgp ? FWD_UNSAFE : 0;
    }
    for (uint32_t i = 0; i < c->n && n < FWD_HOPS_MAX; i++) {
        const struct attr *a = c->path[i].attr;
        hop[n] = c->hop[i];
        if (attached && hop[n].to >= FWD_ENDS)
            continue;
        if (hop[n].to < FWD_ENDS &&
            (attached || a->kind != ROUTE_BGP || own_as_count(m, router, a) ||
             !origin_is_owner(m, p, a->origin_as, &owner)))
            hop[n].link |= FWD_UNSAFE;
        n++;
    }
    if (attached && !n)
        return FWD_SET_DELIVER;
    return fwd_set(m->could, hop, n);
}

/* Into a dead link is nowhere. */
static struct fwd_hop alive(const struct netmodel *m, struct fwd_hop hop)
{
    if (hop.to < FWD_ENDS && hop.link < m->topo->n_links && m->link_dead[hop.link])
        hop.to = FWD_DISCARD;
    return hop;
}

/* ---- what a router originates, by what its neighbours have of it ---- */

static uint64_t originated_key(uint16_t router, const struct prefix *p)
{
    return verdict_key_prefix(router, p);
}

static bool origin_alone(const struct netmodel *m, uint16_t router, uint32_t attr)
{
    if (attr == ATTR_NONE)
        return false;
    const struct attr *a = attr_get(m->attrs, attr);
    uint32_t as = m->topo->router[router].as;
    return as && a->neighbour_as == as && a->origin_as == as &&
           attr_path_count(a, as) == a->path_length;
}

void route_originated(struct netmodel *m, uint16_t router, const struct rib_change *c)
{
    const struct prefix *p = rib_prefix(m->rib, c->prefix_id);
    int by = origin_alone(m, router, c->after) - origin_alone(m, router, c->before);
    uint32_t n = 0;
    if (!by || !p)
        return;
    uint64_t key = originated_key(router, p);
    bool was = map64_find(&m->originated, key, &n) && n;
    n = by > 0 ? n + 1 : n - (n > 0);
    if (n)
        map64_insert(&m->originated, key, n);
    else
        (void)map64_erase(&m->originated, key);
    if (was != (n > 0))
        netmodel_enqueue(m, router, p);
}

/* Routers do not always tell of their own routes (FRR: only when the session begins). What a router
 * originates, and does not by decree, leads somewhere; unless its whole table is told. */
static bool originates(const struct netmodel *m, uint16_t router, const struct prefix *p)
{
    uint32_t n;
    return !m->router[router].loc_routes && !prefix_index_find(&m->allowed, router, p, &n) &&
           map64_find(&m->originated, originated_key(router, p), &n);
}

/* A static route of the feed beats what BGP has learned, whatever its attributes: routers compare
 * where routes come from first. The orders of clouds say so themselves. */
static bool select_route(const struct best_policy *policy, struct choice *c)
{
    bool own_order = policy->order == BEST_BGP || policy->order == BEST_DIRECT_CONNECT;
    c->result.n_used = 0;
    for (uint32_t i = 0; own_order && i < c->n; i++)
        if (c->path[i].attr->kind == ROUTE_STATIC && !(c->path[i].attr->has & ATTR_INACTIVE))
            c->result.used[c->result.n_used++] = i;
    if (c->result.n_used) {
        c->result.best = c->result.used[0];
        c->result.by = BEST_KIND;
        return true;
    }
    return c->n && best_select(policy, c->path, c->n, &c->result);
}

void route_choose_told(struct netmodel *m, uint16_t router, const struct prefix *p,
                       struct choice *c)
{
    uint32_t subnet;
    struct fwd_hop fixed;
    c->from = RULE_NONE;
    c->n_changed = c->n_rule = 0;
    c->says_bgp = false;
    c->result.n_used = 0;
    collect(m, router, p, c);
    bool chosen = select_route(&m->topo->router[router].policy, c);
    if (prefix_index_find(&m->attached, router, p, &subnet)) {
        c->from = RULE_ATTACHED;
        c->rule[c->n_rule++] = (struct fwd_hop){FWD_DELIVER, FWD_NO_LINK};
    } else if (static_rule(m, router, p, &fixed)) {
        c->from = RULE_STATIC;
        c->rule[c->n_rule++] = fixed;
    } else if (chosen) {
        c->from = RULE_ROUTE;
        for (uint32_t i = 0; i < MIN(c->result.n_used, FWD_HOPS_MAX); i++)
            c->rule[c->n_rule++] = c->hop[c->result.used[i]];
    } else if (originates(m, router, p)) {
        c->from = RULE_OWN;
        c->rule[c->n_rule++] = (struct fwd_hop){FWD_EXIT, FWD_NO_LINK};
    }
}

/* The set comes last: what another one asks for may take back one that is not used yet. */
void route_choose(struct netmodel *m, uint16_t router, const struct prefix *p, struct choice *c)
{
    struct fwd_hop live[FWD_HOPS_MAX];
    route_choose_told(m, router, p, c);
    if (m->router[router].fib_told)
        fib_choose(m, router, p, c);
    for (uint32_t i = 0; i < c->n_rule; i++)
        live[i] = alive(m, c->rule[i]);
    c->set = c->from == RULE_ATTACHED ? FWD_SET_DELIVER : fwd_set(m->fwd, live, c->n_rule);
    c->acceptable = m->could ? acceptable(m, router, p, c) : FWD_NONE;
}

/* ---- judging ---- */

static struct evidence route_evidence(const struct netmodel *m, uint16_t router,
                                      const struct prefix *p, const struct choice *c)
{
    struct evidence e = evidence_none();
    e.router = router;
    e.prefix[0] = *p;
    e.n_prefixes = 1;
    if (c->from == RULE_ROUTE) {
        uint32_t best = c->result.best;
        e.peer = c->path[best].peer;
        e.as = c->path[best].attr->origin_as;
        if (c->hop[best].link < m->topo->n_links)
            e.link = c->hop[best].link;
        if (c->hop[best].to < m->topo->n_routers)
            e.neighbour = c->hop[best].to;
    }
    if (c->from == RULE_FIB) {
        if (c->rule[0].link < m->topo->n_links)
            e.link = c->rule[0].link;
        if (c->rule[0].to < m->topo->n_routers)
            e.neighbour = c->rule[0].to;
    }
    return e;
}

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

static void judge_next_hops(const struct netmodel *m, const struct topo_expect *x,
                            const struct choice *c, uint64_t key, const struct evidence *e,
                            judge_fn *fn, void *arg)
{
    bool elsewhere = false, best_there = false, best_used = false;
    for (uint32_t i = 0; x->n_next && c->from == RULE_ROUTE && i < c->n; i++)
        best_there |=
            c->hop[i].link == x->next[0] && /* and is no way round what failed behind it */
            passed(c->path[i].attr) <= passed(c->path[c->result.best].attr);
    for (uint32_t i = 0; x->n_next && c->from == RULE_ROUTE && i < c->result.n_used; i++) {
        elsewhere |= !in_list(x, c->hop[c->result.used[i]].link);
        best_used |= c->hop[c->result.used[i]].link == x->next[0];
    }
    for (uint32_t i = 0; x->n_next && c->from == RULE_FIB && i < c->n_rule; i++)
        elsewhere |= !in_list(x, c->rule[i].link);
    fn(arg, V_NEXT_HOP, key, elsewhere, e);
    fn(arg, V_BETTER_UNUSED, key, best_there && !best_used, e);
}

static void judge_origin(const struct netmodel *m, uint16_t router, const struct prefix *p,
                         const struct topo_expect *x, const struct choice *c, uint64_t key,
                         struct evidence *e, judge_fn *fn, void *arg)
{
    struct evidence wrong = *e;
    bool changed = false;
    for (uint32_t i = 0; i < c->n && !changed; i++) {
        const struct attr *a = c->path[i].attr;
        uint32_t owner = x ? x->origin_as : 0;
        bool right = !a->origin_as || a->origin_as == owner;
        if (!owner)
            right = origin_is_owner(m, p, a->origin_as, &owner);
        if (right || a->kind != ROUTE_BGP)
            continue;
        changed = true;
        wrong.as = a->origin_as;
        wrong.as_expected = owner;
        wrong.peer = c->path[i].peer;
        wrong.link = c->hop[i].link < m->topo->n_links ? c->hop[i].link : TOPO_NONE;
        wrong.neighbour = c->hop[i].to < m->topo->n_routers ? c->hop[i].to : TOPO_NONE;
    }
    fn(arg, V_ORIGIN_CHANGED, key, changed, changed ? &wrong : e);
}

void route_judge(struct netmodel *m, uint16_t router, const struct prefix *p,
                 const struct choice *c, judge_fn *fn, void *arg)
{
    const struct topo *t = m->topo;
    struct evidence e = route_evidence(m, router, p, c);
    uint64_t key = verdict_key_prefix(router, p);
    uint32_t exact, around;
    bool expected = prefix_index_find(&m->expects, router, p, &exact);
    const struct topo_expect *x = expected ? &t->expect[exact] : NULL;
    bool inside = !expected && p->len && prefix_index_around(&m->expects, router, p, &around);
    const struct topo_expect *y = inside ? &t->expect[around] : NULL;
    bool longer = y && y->more_specific_max && p->len > y->more_specific_max;
    judge_origin(m, router, p, x, c, key, &e, fn, arg);
    if (x) {
        fn(arg, V_ROUTE_MISSING, key, c->from == RULE_NONE, &e);
        judge_next_hops(m, x, c, key, &e, fn, arg);
    }
    if (y)
        e.prefix[e.n_prefixes++] = y->prefix; /* it, and what it is inside of */
    bool found = c->from == RULE_ROUTE || c->from == RULE_FIB;
    fn(arg, V_MORE_SPECIFIC, key, longer && found, &e);
    if (t->router[router].exact)
        fn(arg, V_ROUTE_UNEXPECTED, key, !x && !y && found, &e);
}

struct live {
    struct netmodel *m;
    uint16_t router;
    const struct prefix *prefix;
};

static void put_live(void *arg, enum verdict_kind kind, uint64_t key, bool holds,
                     const struct evidence *e)
{
    struct live *l = arg;
    struct netmodel *m = l->m;
    uint32_t x;
    if (kind != V_ROUTE_MISSING) {
        verdict_put(&m->verdicts, kind, key, holds, m->now_ms, e);
    } else if (prefix_index_find(&m->expects, l->router, l->prefix, &x) && m->missing[x] != holds) {
        m->missing[x] = holds;
        m->n_missing = holds ? m->n_missing + 1 : m->n_missing - 1;
        if (!holds)
            verdict_unset(&m->verdicts, kind, key, m->now_ms);
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
        struct live l = {m, router, p};
        route_judge(m, router, p, c, put_live, &l);
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
    return a->kind == ROUTE_BGP && own_as_count(m, router, a) &&
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
