/* netmodel_choose.c - which of the routes to a prefix a router uses.
 *
 * One router and one prefix at a time, and can be asked again at any time: a proposal on trial
 * (m->change) is looked up where it applies. */
#include "net/netmodel_i.h"

#include "base/hash.h"

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
        uint16_t to = topo_other(l, topo_gateway(m->topo, ch->router));
        bool here = ch->link == link, there = to == topo_gateway(m->topo, router);
        if (here && ch->router == router && ch->set_local_pref) {
            x.local_pref = ch->local_pref;
            x.has |= ATTR_LOCAL_PREF;
            changed = true;
        }
        if (here && there) {
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
        } else if (!here && ch->prepend && !there &&
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
        uint16_t other = topo_other(l, topo_gateway(m->topo, router));
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

uint32_t route_own_as_count(const struct netmodel *m, uint16_t router, const struct attr *a)
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
    uint64_t at = hash_fast(m->o.seed, a, sizeof *a);
    if (!a->family ||
        !map64_find(&m->link_of_address, verdict_key(topo_gateway(m->topo, router), at, 0), &link))
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
        *hop = netmodel_hop(m, link, router);
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
        if (view == VIEW_IN_PRE && route_own_as_count(m, router, x.attr))
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
                             : netmodel_hop(m, link, router);
    return true;
}

/* ---- the choice ---- */

uint32_t route_subnet_around(const struct netmodel *m, const struct prefix *p)
{
    uint32_t s;
    return prefix_index_around(&m->subnets, 0, p, p->len, &s) ? s + 1 : 0;
}

bool route_origin_is_owner(const struct netmodel *m, uint32_t subnet, uint32_t as, uint32_t *owner)
{
    *owner = 0;
    if (!as || !subnet)
        return true;
    const uint32_t *origin = m->origin[m->topo->site[m->topo->subnet[subnet - 1].site].router];
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
    uint32_t owner, subnet = c->n ? route_subnet_around(m, p) : 0;
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
            (attached || a->kind != ROUTE_BGP || route_own_as_count(m, router, a) ||
             !route_origin_is_owner(m, subnet, a->origin_as, &owner)))
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
    if (hop.link < m->topo->n_links && m->link_dead[hop.link])
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

bool route_originates(const struct netmodel *m, uint16_t router, const struct prefix *p)
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
    } else if (route_originates(m, router, p)) {
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
