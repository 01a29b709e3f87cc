/* shares.c - which shares are in force, and the books of this decider.
 *
 * The wanted shares (policy, or what an operator set live) become effective ones: a site that is
 * not open has none, a site that returns has its share in steps, the rest is spread over the others
 * in proportion. A change is a fact (EV_LEDGER) of this decider, with the corrections of its lags:
 * a dead site must not accrue contacts that would flood it when it comes back. */
#include "core/model.h"

#include <string.h>

void shares_wanted(const struct core *k, uint8_t policy, uint8_t group, int32_t ppm[SITES_MAX])
{
    if (k->shares[policy][group].set) {
        memcpy(ppm, k->shares[policy][group].share_ppm, SITES_MAX * sizeof *ppm);
        return;
    }
    const struct cfg_group *g = &k->c->policy[policy].group[group];
    memset(ppm, 0, SITES_MAX * sizeof *ppm);
    for (int i = 0; i < g->n_sites; i++)
        ppm[g->site[i]] = g->share_ppm[i];
}

uint8_t shares_group_of(const struct core *k, uint8_t site)
{
    const struct cfg_policy *p = core_policy(k);
    for (uint8_t g = 0; g < p->n_groups; g++)
        for (int i = 0; i < p->group[g].n_sites; i++)
            if (p->group[g].site[i] == site)
                return g;
    return 0;
}

/* The hub works on all deciders' books together, a site on its own: cut off, it cannot know the
 * others', and its small bound keeps the sum small (docs/decisions.md). */
void shares_ledger(const struct core *k, uint8_t group, struct share_ledger *l)
{
    const struct group_state *g = &k->group[group];
    l->n = k->c->n_sites;
    memcpy(l->share_ppm, g->by[k->self].share_ppm, sizeof l->share_ppm);
    memcpy(l->lag_u, k->self == HUB ? g->lag_u : g->by[k->self].lag_u, sizeof l->lag_u);
}

double shares_bound(const struct core *k)
{
    double bound = core_policy(k)->share_bound_contacts;
    return k->self == HUB ? bound : MAX(1.0, bound / k->c->n_sites);
}

static void shares_effective(const struct core *k, uint8_t group, int32_t ppm[SITES_MAX])
{
    int32_t wanted[SITES_MAX];
    double weight[SITES_MAX] = {0}, sum = 0;
    shares_wanted(k, k->policy, group, wanted);
    for (uint8_t s = 0; s < k->c->n_sites; s++) {
        uint8_t why;
        if (wanted[s] && health_site_open(k, s, &why))
            sum += weight[s] = wanted[s] * health_return_factor(k, s);
    }
    memset(ppm, 0, SITES_MAX * sizeof *ppm);
    if (sum > 0)
        share_spread(weight, k->c->n_sites, ppm);
    else
        memcpy(ppm, wanted, sizeof wanted); /* nobody open: fail open, as wanted */
}

static void shares_state(struct core *k, uint8_t group, const int32_t ppm[SITES_MAX])
{
    struct share_ledger before, after;
    shares_ledger(k, group, &before);
    after = before;
    share_set(&after, ppm, shares_bound(k));
    struct event e = {.type = EV_LEDGER};
    e.ledger.group = group;
    e.ledger.policy = core_policy(k)->key;
    e.ledger.n = k->c->n_sites;
    for (uint8_t s = 0; s < k->c->n_sites; s++) {
        e.ledger.site[s] = s;
        e.ledger.share_ppm[s] = ppm[s];
        e.ledger.adjust_u[s] = after.lag_u[s] - before.lag_u[s];
    }
    core_state(k, &e);
}

/* Brings this decider's shares up to date. A site keeps books only once it has to decide. */
void shares_tick(struct core *k)
{
    k->shares_dirty = false;
    if (k->self != HUB && health_peer_up(k, HUB))
        return;
    for (uint8_t g = 0; g < core_policy(k)->n_groups; g++) {
        int32_t ppm[SITES_MAX];
        shares_effective(k, g, ppm);
        if (memcmp(ppm, k->group[g].by[k->self].share_ppm, sizeof ppm) != 0)
            shares_state(k, g, ppm);
    }
}
