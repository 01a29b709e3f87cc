/* optimise.c - the best path by weight, preferences towards it, and their proof. */
#include "net/optimise.h"

#include "base/rng.h"
#include "net/netmodel_i.h"

enum { TIE_BITS = 20, MED_WORSE = 200 };

struct work_of {
    struct netmodel *m;
    struct optimise_plan *plan;
    uint64_t *weight;   /* by link */
    uint64_t *distance; /* routers x routers: [to][from] */
    struct topo const *t;
    uint32_t pairs, symmetric, best; /* as last counted */
    int attempt;
};

/* Microseconds, and below them a number that no other link has: two paths then never weigh the
 * same, whichever end adds them up. */
static void weigh(struct work_of *w, const struct optimise_options *o)
{
    for (uint32_t l = 0; l < w->t->n_links; l++) {
        const struct topo_link *k = &w->t->link[l];
        double us = (k->latency_us[0] + k->latency_us[1]) / 2.0 + o->us_per_cost * k->cost;
        w->weight[l] = (uint64_t)MAX(us, 1) << TIE_BITS | (mix64(l + 1) & ((1u << TIE_BITS) - 1));
    }
}

/* Dijkstra without a heap: the networks have some tens of routers. */
static void distances_to(struct work_of *w, uint16_t to)
{
    const struct topo *t = w->t;
    uint64_t *d = w->distance + (size_t)to * t->n_routers;
    bool *done = mem_new(t->n_routers, sizeof *done);
    for (uint32_t r = 0; r < t->n_routers; r++)
        d[r] = UINT64_MAX;
    d[to] = 0;
    for (;;) {
        uint32_t next = t->n_routers;
        for (uint32_t r = 0; r < t->n_routers; r++)
            if (!done[r] && d[r] != UINT64_MAX && (next == t->n_routers || d[r] < d[next]))
                next = r;
        if (next == t->n_routers)
            break;
        done[next] = true;
        for (uint32_t l = 0; l < t->n_links; l++) {
            const struct topo_link *k = &t->link[l];
            if (!k->session || (k->router[0] != next && k->router[1] != next))
                continue;
            uint16_t other = topo_other(k, (uint16_t)next);
            d[other] = MIN(d[other], d[next] + w->weight[l]);
        }
    }
    mem_free(done);
}

static uint64_t by_link(const struct work_of *w, uint16_t router, uint16_t link, uint16_t to)
{
    uint64_t d = w->distance[(size_t)to * w->t->n_routers + topo_other(&w->t->link[link], router)];
    return d == UINT64_MAX ? d : d + w->weight[link];
}

/* The link by which the router should reach the subnet, among those it has a route by. */
static uint16_t best_link(const struct work_of *w, uint16_t router, uint16_t to,
                          const struct choice *c)
{
    uint16_t best = TOPO_NONE;
    for (uint32_t i = 0; i < c->n; i++) {
        uint16_t l = c->hop[i].link;
        if (c->hop[i].to >= FWD_ENDS || l >= w->t->n_links)
            continue;
        if (best == TOPO_NONE || by_link(w, router, l, to) < by_link(w, router, best, to))
            best = l;
    }
    return best;
}

static bool uses_only(const struct choice *c, uint16_t link)
{
    for (uint32_t i = 0; i < c->result.n_used; i++)
        if (c->hop[c->result.used[i]].link != link)
            return false;
    return c->result.n_used > 0;
}

/* ---- counting ---- */

static uint64_t weight_of(const struct work_of *w, uint64_t edge)
{
    uint16_t link = edge & 0xffff;
    return link < w->t->n_links ? w->weight[link] : 0;
}

static void count_pairs(void *arg)
{
    struct work_of *w = arg;
    uint32_t n = w->t->n_sites;
    w->pairs = w->symmetric = w->best = 0;
    for (uint16_t a = 0; a < n; a++)
        for (uint16_t b = (uint16_t)(a + 1); b < n; b++) {
            struct pair there, back;
            uint64_t sum[2] = {0, 0};
            site_walk(w->m, a, b, &there);
            site_walk(w->m, b, a, &back);
            if (there.ends != 1u << FWD_END_DELIVERED || back.ends != 1u << FWD_END_DELIVERED)
                continue;
            w->pairs++;
            w->symmetric += !site_asymmetric(w->m, &there, &back);
            for (uint16_t i = 0; i < MIN(there.n_edges, EDGES_MAX); i++)
                sum[0] += weight_of(w, there.edge[i]);
            for (uint16_t i = 0; i < MIN(back.n_edges, EDGES_MAX); i++)
                sum[1] += weight_of(w, back.edge[i]);
            uint64_t least =
                w->distance[(size_t)w->t->site[b].router * w->t->n_routers + w->t->site[a].router];
            w->best += sum[0] == least && sum[1] == least;
        }
}

/* ---- proposing ---- */

static bool propose(struct work_of *w, struct net_change x)
{
    struct optimise_plan *p = w->plan;
    for (uint32_t i = 0; i < p->n; i++)
        if (p->change[i].router == x.router && p->change[i].link == x.link &&
            prefix_equal(&p->change[i].prefix, &x.prefix) &&
            p->change[i].community == x.community && p->change[i].set_med == x.set_med &&
            p->change[i].set_local_pref == x.set_local_pref)
            return true;
    if (p->n == WHATIF_CHANGES_MAX)
        return false;
    p->change[p->n++] = x;
    return true;
}

enum means { MEANS_COMMUNITY, MEANS_MED, MEANS_PREPEND, MEANS_LOCAL_PREF };

static enum means means_of(const struct work_of *w, uint16_t router, const struct choice *c)
{
    const struct best_policy *p = &w->t->router[router].policy;
    bool one_as = true, by_pref = c->result.by == BEST_LOCAL_PREF;
    for (uint32_t i = 1; i < c->n; i++)
        one_as &= c->path[i].attr->neighbour_as == c->path[0].attr->neighbour_as;
    switch (p->order) {
    case BEST_DIRECT_CONNECT: return MEANS_COMMUNITY;
    case BEST_CLOUD_ROUTER_LEGACY: return MEANS_MED;
    case BEST_TRANSIT_GATEWAY: return MEANS_PREPEND;
    default: break;
    }
    if (p->order == BEST_BGP && (by_pref || w->attempt == 2))
        return MEANS_LOCAL_PREF;
    if (w->attempt == 1) /* lengths of paths come before MEDs, and may stand against them */
        return MEANS_PREPEND;
    return one_as || p->always_compare_med ? MEANS_MED : MEANS_PREPEND;
}

static uint32_t greatest_pref(const struct choice *c)
{
    uint32_t best = 100;
    for (uint32_t i = 0; i < c->n; i++)
        if (c->path[i].attr->has & ATTR_LOCAL_PREF)
            best = MAX(best, c->path[i].attr->local_pref);
    return best;
}

/* Makes the router prefer `best` over its other links, for one prefix or (family 0) for all. */
static bool steer(struct work_of *w, uint16_t router, uint16_t best, const struct choice *c,
                  struct prefix about)
{
    enum means means = means_of(w, router, c);
    bool room = true;
    for (uint32_t i = 0; room && i < c->n; i++) {
        uint16_t l = c->hop[i].link;
        if (c->hop[i].to >= FWD_ENDS || l >= w->t->n_links)
            continue;
        struct net_change x = {.kind = NET_PREFER,
                               .router = topo_other(&w->t->link[l], router),
                               .link = l,
                               .prefix = about};
        bool worse = l != best;
        if (means == MEANS_COMMUNITY) {
            x.community = worse ? COMMUNITY(7224, 7100) : COMMUNITY(7224, 7300);
        } else if (means == MEANS_MED && worse) {
            x.set_med = true;
            x.med = MED_WORSE;
        } else if (means == MEANS_PREPEND && worse) {
            x.prepend = 2;
        } else if (means == MEANS_LOCAL_PREF && !worse) {
            x.router = router;
            x.set_local_pref = true;
            x.local_pref = greatest_pref(c) + 100;
        } else {
            continue;
        }
        room = propose(w, x);
    }
    return room;
}

/* Is one order of the router's links right for all subnets? Then *about is all, else the prefix. */
static bool one_order(struct work_of *w, uint16_t router, uint16_t best, const struct choice *c)
{
    struct choice *other = mem_new(1, sizeof *other);
    bool same = true;
    for (uint32_t s = 0; same && s < w->t->n_subnets; s++) {
        uint16_t to = w->t->site[w->t->subnet[s].site].router;
        route_choose(w->m, router, &w->t->subnet[s].prefix, other);
        bool has_best = false, shares = false;
        for (uint32_t i = 0; i < other->n; i++) {
            has_best |= other->hop[i].link == best;
            for (uint32_t k = 0; k < c->n; k++)
                shares |= other->hop[i].link == c->hop[k].link && c->hop[k].link != best;
        }
        if (other->from == RULE_ROUTE && has_best && shares)
            same = best_link(w, router, to, other) == best;
    }
    mem_free(other);
    return same;
}

static bool propose_all(struct work_of *w)
{
    struct choice *c = mem_new(1, sizeof *c);
    bool room = true;
    for (uint16_t r = 0; r < w->t->n_routers; r++)
        for (uint32_t s = 0; room && !w->t->router[r].table_of && s < w->t->n_subnets; s++) {
            uint16_t to = w->t->site[w->t->subnet[s].site].router;
            struct prefix about = w->t->subnet[s].prefix;
            route_choose(w->m, r, &about, c);
            if (to == r || c->from != RULE_ROUTE || c->n < 2)
                continue;
            uint16_t best = best_link(w, r, to, c);
            if (best == TOPO_NONE || uses_only(c, best))
                continue;
            if (one_order(w, r, best, c))
                about = (struct prefix){0};
            room = steer(w, r, best, c, about);
        }
    mem_free(c);
    return room;
}

/* ---- proving ---- */

static bool proved(struct work_of *w)
{
    struct optimise_plan *p = w->plan;
    if (!whatif_look(w->m, p->change, p->n, &p->effect, count_pairs, w))
        return false;
    bool raised = false;
    for (uint32_t i = 0; i < p->effect.n; i++)
        raised |= p->effect.verdict[i].raised;
    p->symmetric_after = w->symmetric;
    p->best_after = w->best;
    return !raised && !p->effect.more && w->pairs >= p->pairs && w->symmetric == w->pairs;
}

/* Takes out one change after the other where the plan does as well without it. */
static void reduce(struct work_of *w)
{
    struct optimise_plan *p = w->plan;
    uint32_t best = p->best_after;
    for (uint32_t i = p->n; i-- > 0;) {
        struct net_change out = p->change[i];
        memmove(&p->change[i], &p->change[i + 1], (p->n - i - 1) * sizeof *p->change);
        p->n--;
        if (proved(w) && p->best_after >= best)
            continue;
        memmove(&p->change[i + 1], &p->change[i], (p->n - i) * sizeof *p->change);
        p->change[i] = out;
        p->n++;
    }
    (void)proved(w); /* the figures are those of what is left */
}

bool optimise(struct netmodel *m, const struct optimise_options *o, struct optimise_plan *out)
{
    const struct topo *t = m->topo;
    struct work_of w = {.m = m, .plan = out, .t = t};
    w.weight = mem_new(t->n_links, sizeof *w.weight);
    w.distance = mem_new((size_t)t->n_routers * t->n_routers, sizeof *w.distance);
    memset(out, 0, sizeof *out);
    weigh(&w, o);
    for (uint16_t r = 0; r < t->n_routers; r++)
        distances_to(&w, r);
    count_pairs(&w);
    out->pairs = w.pairs;
    out->symmetric_before = w.symmetric;
    out->best_before = w.best;
    bool ok = false;
    for (w.attempt = 0; !ok && w.attempt < 3; w.attempt++) {
        out->n = 0;
        if (!propose_all(&w)) {
            out->why_not = "more preferences than a plan can hold";
            continue;
        }
        ok = proved(&w);
        out->why_not = ok                    ? NULL
                       : out->effect.refused ? "it would make a loop or a blackhole"
                       : w.symmetric != w.pairs
                           ? "the ways would still differ: a static route, or a preference that "
                             "these means do not reach"
                           : "it would raise verdicts";
    }
    if (ok)
        reduce(&w);
    else
        out->n = 0;
    mem_free(w.weight);
    mem_free(w.distance);
    return ok;
}
