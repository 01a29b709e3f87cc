/* decide.c - where a contact goes. The steps, in order (docs/decisions.md tells the why):
 *
 *   1. which sites may take it: open, residency, skill, head-room       decide_allowed
 *   2. its share group: that of the nearest lawful site                 shares_group_of
 *   3. a returning customer's agent or site, when the queue wants it    sticky_site
 *   4. least of distance + v * expected wait + share price, within the share bound
 *
 * Nothing here changes the model or allocates: decide() fills a placement, decide_place states it.
 */
#include "core/model.h"

#include "core/erlang.h"
#include "core/place.h"

#include <math.h>
#include <string.h>

enum { FORCED_WINDOW = 500 }; /* contacts of a group between two judgements */
#define PRIOR_CONTACTS                                                                             \
    50.0 /* the configured handling time and patience weigh like so many contacts */

/* ---- figures ---- */

static double queue_mu(const struct core *k, uint16_t queue) /* completions per ms of one agent */
{
    const struct queue_state *q = &k->queue[queue];
    double n = PRIOR_CONTACTS + (double)q->talked;
    return n / (PRIOR_CONTACTS * (double)k->c->queue[queue].handle_ms + (double)q->handle_ms);
}

static double queue_theta(const struct core *k, uint16_t queue) /* abandonments per ms of waiting */
{
    const struct queue_state *q = &k->queue[queue];
    double patience = (double)k->c->queue[queue].patience_ms;
    if (patience <= 0)
        return 0;
    return (PRIOR_CONTACTS + (double)q->abandoned) /
           (PRIOR_CONTACTS * patience + (double)q->wait_ms);
}

/* Load as the site's last report tells it, corrected for what was sent since and for what has
 * left since (facts: without the correction the best-looking site is flooded until it reports). */
static double wait_from_report_ms(const struct core *k, uint8_t site, uint32_t line)
{
    uint16_t queue = (uint16_t)(line / CHANNELS);
    const struct peer *r = &k->peer[site];
    double n = MAX(1u, r->staffed), mu = queue_mu(k, queue), theta = queue_theta(k, queue);
    double x = queue < REPORT_QUEUES ? r->waiting[queue] + r->busy[queue] : r->live;
    double passed_ms = (double)(k->now - r->report_at), sent = k->site[site].sent[line];
    double flow = passed_ms * MIN(x + sent / 2, n) * mu;
    x = MAX(0, x + sent - flow);
    /* What came and went since is known only as a mean; its spread makes a nearly full site worse
     * than an emptier one. E[(X-n+1)+] of a normal X: the loss function. */
    double s = sqrt(sent + flow + 1e-9), z = (x - n + 1) / s;
    double q = s * (exp(-z * z / 2) * 0.3989422804014327 + z * 0.5 * erfc(-z * M_SQRT1_2));
    return q <= 0 ? 0 : erlang_whitt_wait(q, n, mu, theta);
}

double decide_wait_ms(const struct core *k, uint8_t site, uint32_t line)
{
    if (k->c->routing.view == VIEW_REPORTS && site != k->self)
        return wait_from_report_ms(k, site, line);
    const struct site_state *s = &k->site[site];
    uint16_t pool = k->line_pool[line];
    uint32_t ahead = pool == INDEX_NONE ? s->waiting[line].count : s->pool_waiting[pool];
    uint32_t idle = idle_for(k, site, line);
    if (ahead < idle)
        return 0;
    uint16_t queue = (uint16_t)(line / CHANNELS);
    uint32_t n = staffed_for(k, site, line);
    return erlang_whitt_wait(ahead - idle + 1, MAX(1u, n), queue_mu(k, queue),
                             queue_theta(k, queue));
}

static void distances(const struct core *k, const struct route_request *r, double metres[])
{
    struct place_vec from = place_vec_of(r->lat, r->lon);
    for (uint8_t s = 0; s < k->c->n_sites; s++)
        metres[s] = floor(place_km(&from, &k->site_vec[s]) * 1000 + 0.5);
}

/* ---- who may ---- */

/* Bit per site that may take a contact of this line now; why not goes to excluded[]. */
uint16_t decide_allowed(const struct core *k, uint32_t line, uint8_t excluded[SITES_MAX])
{
    const struct config *c = k->c;
    const struct cfg_queue *q = &c->queue[line / CHANNELS];
    uint16_t mask = 0;
    for (uint8_t s = 0; s < c->n_sites; s++) {
        uint8_t why = EX_NO;
        if (!(q->residency_mask >> c->site[s].residency & 1))
            why = EX_RESIDENCY;
        else if (!health_site_open(k, s, &why))
            ;
        else if ((int64_t)k->site[s].live >= c->site[s].contacts_max)
            why = EX_CAPACITY;
        else if (!staffed_for(k, s, line))
            why = EX_SKILL;
        excluded[s] = why;
        if (why == EX_NO)
            mask |= (uint16_t)(1 << s);
    }
    return mask;
}

/* Nobody is serve-ready: whoever the law allows, the least bad first. */
static uint16_t fail_open(const struct core *k, const uint8_t excluded[])
{
    static const uint16_t tiers[] = {
        1 << EX_SKILL | 1 << EX_CAPACITY,
        1 << EX_NOT_READY | 1 << EX_DRAINING,
        1 << EX_UNREACHABLE | 1 << EX_DOWN,
    };
    for (size_t i = 0; i < COUNTOF(tiers); i++) {
        uint16_t mask = 0;
        for (uint8_t s = 0; s < k->c->n_sites; s++)
            if (tiers[i] >> excluded[s] & 1)
                mask |= (uint16_t)(1 << s);
        if (mask)
            return mask;
    }
    return 0;
}

static uint8_t nearest_in(const struct core *k, uint16_t mask, const double metres[])
{
    uint8_t best = SITE_NONE;
    for (uint8_t s = 0; s < k->c->n_sites; s++)
        if (mask >> s & 1 && (best == SITE_NONE || metres[s] < metres[best]))
            best = s;
    return best;
}

static uint16_t group_mask(const struct core *k, uint8_t group)
{
    const struct cfg_group *g = &core_policy(k)->group[group];
    uint16_t mask = 0;
    for (int i = 0; i < g->n_sites; i++)
        mask |= (uint16_t)(1 << g->site[i]);
    return mask;
}

/* ---- the returning customer ---- */

static uint8_t sticky_site(const struct core *k, const struct route_request *r, uint16_t mask,
                           struct ev_placed *p)
{
    const struct cfg_queue *q = &k->c->queue[r->queue];
    if ((!q->sticky_agent && !q->sticky_site) || id_none(r->customer) || p->rule)
        return SITE_NONE;
    const struct returning *was = &k->returning[r->customer.lo % RETURNING_SLOTS];
    if (!id_eq(was->customer, r->customer) || k->now - was->ended_at > q->sticky_ms)
        return SITE_NONE;
    if (q->sticky_agent && was->agent != NIL) {
        const struct agent *a = &k->agent[was->agent];
        if (a->site != SITE_NONE && mask >> a->site & 1 && a->free_mask >> r->channel & 1) {
            p->preferred_agent = k->c->agent[was->agent].key;
            p->rule = RULE_STICKY_AGENT;
            return a->site;
        }
    }
    if (q->sticky_site && was->site < k->c->n_sites && mask >> was->site & 1) {
        p->rule = RULE_STICKY_SITE;
        return was->site;
    }
    return SITE_NONE;
}

/* ---- the choice ---- */

static void fill_candidates(const struct core *k, struct ev_placed *p, const double metres[],
                            const uint8_t excluded[], uint16_t mask, const struct share_ledger *l)
{
    bool known = p->how != PLACE_NONE;
    p->n_candidates = k->c->n_sites;
    for (uint8_t s = 0; s < k->c->n_sites; s++) {
        struct candidate *c = &p->candidate[s];
        *c = (struct candidate){
            .site = s,
            .excluded = mask >> s & 1 ? EX_NO
                        : excluded[s] ? excluded[s]
                                      : EX_GROUP,
            .distance_m = known ? (int32_t)metres[s] : -1,
            .share_ppm = l->share_ppm[s],
            .lag_m = (int32_t)(l->lag_u[s] / 1000),
        };
    }
}

static uint8_t choose(const struct core *k, struct ev_placed *p, uint16_t mask, uint32_t line,
                      const struct share_ledger *l, double cost_km[])
{
    const struct cfg_policy *pol = core_policy(k);
    bool known = p->how != PLACE_NONE;
    uint16_t shared = 0;
    for (uint8_t s = 0; s < k->c->n_sites; s++) {
        cost_km[s] = 0;
        if (!(mask >> s & 1))
            continue;
        double wait_ms = decide_wait_ms(k, s, line);
        p->candidate[s].wait_ms = (int32_t)MIN(wait_ms, 1e9);
        cost_km[s] = (known ? p->candidate[s].distance_m / 1000.0 : 0) +
                     pol->wait_price_km_per_s * wait_ms / 1000;
        if (l->share_ppm[s])
            shared |= (uint16_t)(1 << s);
    }
    if (!pol->shares_enforced || !shared || !p->counted) {
        uint8_t best = SITE_NONE;
        for (uint8_t s = 0; s < k->c->n_sites; s++)
            if (mask >> s & 1 && (best == SITE_NONE || cost_km[s] < cost_km[best]))
                best = s;
        p->rule = p->rule ? p->rule : RULE_NEAREST;
        return best;
    }
    struct share_view view;
    int chosen =
        share_choose(l, &k->group[p->group].price, cost_km, shared, shares_bound(k), &view);
    for (uint8_t s = 0; s < k->c->n_sites; s++)
        p->candidate[s].price_m_km = (int32_t)(view.price_km[s] * 1000);
    if (!p->rule)
        p->rule = shared & (shared - 1) ? (view.forced ? RULE_BOUND : RULE_PRICE) : RULE_ONLY;
    return (uint8_t)chosen;
}

/* Fills *p for the request. `avoid`: sites that must not be chosen. False: nobody may take it. */
bool decide(const struct core *k, const struct route_request *r, uint16_t avoid, bool counted,
            struct ev_placed *p, double cost_km[SITES_MAX])
{
    uint8_t excluded[SITES_MAX];
    double metres[SITES_MAX] = {0};
    uint32_t line = LINE(r->queue, r->channel);
    memset(p, 0, offsetof(struct ev_placed, candidate));
    p->contact = r->contact;
    p->customer = r->customer;
    p->queue = k->c->queue[r->queue].key;
    p->channel = r->channel;
    p->entry_site = r->entry_site;
    p->from_site = SITE_NONE;
    p->priority = r->priority ? r->priority : PRIORITY_NORMAL;
    p->how = r->how;
    p->lat = r->lat;
    p->lon = r->lon;
    p->arrived_at = p->queued_at = r->arrived_at;
    p->counted = counted;
    bool known = r->how != PLACE_NONE;
    if (known)
        distances(k, r, metres);
    uint16_t all = (uint16_t)((1u << k->c->n_sites) - 1), lawful = 0;
    p->nearest = known ? nearest_in(k, all, metres) : SITE_NONE;
    uint16_t mask = decide_allowed(k, line, excluded) & (uint16_t)~avoid;
    if (!config_hours_open(k->c, k->c->queue[r->queue].hours, k->now)) {
        p->rule = RULE_CLOSED;
        p->counted = 0;
    }
    for (uint8_t s = 0; s < k->c->n_sites; s++)
        if (excluded[s] != EX_RESIDENCY)
            lawful |= (uint16_t)(1 << s);
    if (!mask) {
        mask = fail_open(k, excluded) & (uint16_t)~avoid;
        p->rule = p->rule ? p->rule : RULE_FAIL_OPEN;
    }
    if (!mask)
        return false;
    /* Its group is that of the nearest lawful site, healthy or not; without a place, that of the
     * site where it came in. */
    uint8_t home = known ? nearest_in(k, lawful, metres)
                   : r->entry_site < k->c->n_sites && lawful >> r->entry_site & 1
                       ? r->entry_site
                       : (uint8_t)__builtin_ctz(lawful);
    p->group = shares_group_of(k, home);
    if (!(mask & group_mask(k, p->group))) {
        uint8_t other = known ? nearest_in(k, mask, metres) : (uint8_t)__builtin_ctz(mask);
        p->group = shares_group_of(k, other);
        p->rule = p->rule ? p->rule : RULE_OTHER_GROUP;
    }
    mask &= group_mask(k, p->group);
    struct share_ledger l;
    shares_ledger(k, p->group, &l);
    fill_candidates(k, p, metres, excluded, mask, &l);
    uint8_t sticky = sticky_site(k, r, mask, p);
    p->site = choose(k, p, mask, line, &l, cost_km);
    if (sticky != SITE_NONE)
        p->site = sticky;
    if (p->counted && core_policy(k)->shares_enforced && !share_keeps(&l, p->site, shares_bound(k)))
        p->counted = 0; /* forced: it goes, but the other sites are not owed for it */
    return p->site != SITE_NONE;
}

/* The prices are learned from every contact that shares could have steered. */
void decide_learn(struct core *k, const struct ev_placed *p, const double cost_km[])
{
    if (p->rule == RULE_FAIL_OPEN || p->rule == RULE_CLOSED || !core_policy(k)->shares_enforced)
        return;
    uint16_t mask = 0;
    for (int i = 0; i < p->n_candidates; i++)
        if (!p->candidate[i].excluded && p->candidate[i].share_ppm)
            mask |= (uint16_t)(1 << p->candidate[i].site);
    if (p->rule == RULE_STICKY_AGENT || p->rule == RULE_STICKY_SITE)
        mask = (uint16_t)(1 << p->site); /* it could have gone nowhere else */
    if (!mask)
        return;
    struct share_ledger l;
    shares_ledger(k, p->group, &l);
    share_price_learn(&k->group[p->group].price, &l, cost_km, mask, p->counted, k->now);
}

/* Shares that cannot be kept are said, not hidden. */
static void forced(struct core *k, const struct ev_placed *p)
{
    struct group_state *g = &k->group[p->group];
    struct share_ledger l;
    struct share_forced f;
    if (!core_policy(k)->shares_enforced || ++g->judged < FORCED_WINDOW)
        return;
    g->judged = 0;
    shares_ledger(k, p->group, &l);
    g->infeasible = share_forced(&g->price, &l, &f);
    g->forced = f;
    if (!g->infeasible)
        return;
    uint8_t s = (uint8_t)__builtin_ctz(f.sites);
    core_note(k, NOTE_INFEASIBLE, s, (uint32_t)f.contacts_ppm,
              "shares of group %s cannot be kept: %.0f %% of the contacts may only go to %s%s, "
              "whose share is %.0f %%",
              core_policy(k)->group[p->group].name, f.contacts_ppm / 1e4, k->c->site[s].name,
              f.sites & (f.sites - 1) ? " and others" : "", f.share_ppm / 1e4);
}

/* Places an arriving contact: decides, and states it. */
void decide_place(struct core *k, const struct route_request *r)
{
    struct contact *t = contact_find(k, r->contact);
    if (t)
        return; /* asked twice, or another node was faster: it has a place */
    struct event e = {.type = EV_PLACED};
    double cost_km[SITES_MAX];
    if (r->queue >= k->c->n_queues || r->channel >= CHANNELS)
        return;
    bool local = k->self != HUB;
    k->decisions_made++;
    if (!decide(k, r, 0, true, &e.placed, cost_km)) {
        core_note(k, NOTE_INFEASIBLE, SITE_NONE, 0, "no site may take a contact of queue %s",
                  k->c->queue[r->queue].name);
        return;
    }
    if (local && e.placed.rule == RULE_PRICE)
        e.placed.rule = RULE_LOCAL;
    /* A site's own word, given when the hub was silent, outweighs a late one of the hub. */
    e.placed.epoch = epoch_make(local ? 2 : 1, k->self);
    decide_learn(k, &e.placed, cost_km);
    forced(k, &e.placed);
    core_state(k, &e);
}

/* This site again for a contact of its own that found no better one. */
void decide_stay(const struct core *k, const struct contact *t, uint8_t rule, struct ev_placed *out)
{
    if (t->decisions) {
        const struct ev_placed *p = &t->decisions->placed;
        memcpy(out, p,
               offsetof(struct ev_placed, candidate) + p->n_candidates * sizeof p->candidate[0]);
    } else { /* it came without a decision of ours */
        memset(out, 0, offsetof(struct ev_placed, candidate));
        out->contact = t->id;
        out->queue = t->queue_key;
        out->channel = t->channel;
        out->entry_site = out->nearest = SITE_NONE;
        out->priority = PRIORITY_NORMAL;
        out->arrived_at = t->queued_at;
    }
    out->epoch = epoch_next(t->epoch, k->self);
    out->site = k->self;
    out->group = shares_group_of(k, k->self);
    out->from_site = SITE_NONE;
    out->counted = 0;
    out->rule = rule;
    out->queued_at = t->queued_at;
}

/* Another site for a contact that must leave: no share is counted for it again. */
bool decide_again(struct core *k, struct contact *t, uint16_t avoid, uint8_t rule,
                  struct ev_placed *out)
{
    const struct ev_placed *was = t->decisions ? &t->decisions->placed : NULL;
    if (t->queue == INDEX_NONE)
        return false;
    struct route_request r = {
        .contact = t->id,
        .customer = was ? was->customer : (struct td_id){0, 0},
        .queue = t->queue,
        .channel = t->channel,
        .entry_site = was ? was->entry_site : SITE_NONE,
        .how = was ? was->how : PLACE_NONE,
        .lat = was ? was->lat : 0,
        .lon = was ? was->lon : 0,
        .arrived_at = was ? was->arrived_at : t->queued_at,
        .priority = was ? was->priority : 0,
    };
    double cost_km[SITES_MAX];
    if (!decide(k, &r, avoid, false, out, cost_km) || out->rule == RULE_FAIL_OPEN)
        return false; /* better where it is than where nobody is known to be well */
    out->queued_at = t->queued_at;
    out->from_site = t->site;
    out->rule = rule;
    out->epoch = epoch_next(t->epoch, k->self);
    return true;
}
