/* check.c - the invariants that hold at every fact a node states. Where it can, a check looks at
 * the registers, the people and the customers, not at what the decision says of itself. */
#include "sim.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- placements ---- */

/* The books after a counted placement are within the decider's bound, or no worse than before. */
static void check_share(struct sim *s, struct node *n, const struct ev_placed *p)
{
    double bound = fmax(shares_bound(node_core(n)), share_bound_min(s->c->n_sites)), worst = bound;
    for (int i = 0; i < p->n_candidates; i++)
        worst = fmax(worst, fabs(p->candidate[i].lag_m / 1000.0));
    for (int i = 0; i < p->n_candidates; i++) {
        const struct candidate *c = &p->candidate[i];
        double after = c->lag_m / 1000.0 + c->share_ppm / 1e6 - (c->site == p->site);
        if (fabs(after) > worst + 0.002)
            fail(s, "%s put %s %.3f contacts off its share, the bound is %.1f (worst before %.3f)",
                 name_of(s, node_self(n)), name_of(s, c->site), after, bound, worst);
    }
}

/* A new contact stays out of the books only when no site that may take it could keep the shares. */
static void check_forced(struct sim *s, struct node *n, const struct ev_placed *p)
{
    const struct core *k = node_core(n);
    if (k->facts.count)
        return; /* one stated since may have changed the books */
    if (p->from_site != SITE_NONE || p->rule == RULE_CLOSED || p->rule == RULE_FAIL_OPEN ||
        p->rule == RULE_STICKY_AGENT || p->rule == RULE_STICKY_SITE || p->rule >= RULE_FREED_AGENT)
        return;
    struct share_ledger l;
    shares_ledger(k, p->group, &l); /* as it was at the decision: this contact is not in it */
    for (int i = 0; i < p->n_candidates; i++) {
        const struct candidate *c = &p->candidate[i];
        if (!c->excluded && c->share_ppm && share_keeps(&l, c->site, shares_bound(k)))
            fail(s, "%s did not count a contact for %s, though %s would have kept the shares",
                 name_of(s, node_self(n)), name_of(s, p->site), name_of(s, c->site));
    }
}

static const struct cfg_queue *queue_of(const struct sim *s, td_key key)
{
    for (uint16_t i = 0; i < s->c->n_queues; i++)
        if (s->c->queue[i].key == key)
            return &s->c->queue[i];
    return NULL;
}

/* Counted one by one: is anybody signed in there who takes contacts of that queue? */
static bool staffed(const struct core *k, uint8_t site, td_key queue, uint8_t channel)
{
    for (uint32_t a = 0; a < k->c->n_agents; a++) {
        const struct ev_agent *g = &k->agent[a].state;
        if (!g->epoch || g->site != site ||
            (g->presence != PRESENCE_AVAILABLE && g->presence != PRESENCE_MISSED))
            continue;
        const struct cfg_profile *f = &k->c->profile[k->c->agent[a].profile];
        for (uint16_t i = 0; i < f->n_queues; i++)
            if (k->c->queue[f->queues[i].queue].key == queue && f->queues[i].channel == channel)
                return true;
    }
    return false;
}

/* Never to a site that the decider knows to be down, drained, not ready, full or without people for
 * it, while another would do. */
static void check_ready(struct sim *s, struct node *n, const struct event *e)
{
    const struct ev_placed *p = &e->placed;
    const struct core *k = node_core(n);
    const struct site_state *t = &k->site[p->site];
    const struct peer *peer = &k->peer[p->site];
    bool self = p->site == k->self;
    const char *why = NULL;
    bool could = false;
    for (int i = 0; i < p->n_candidates; i++)
        could |= !p->candidate[i].excluded;
    if (!could || p->rule == RULE_FAIL_OPEN || p->rule == RULE_CLOSED)
        return;
    if (self && (p->from_site == p->site || p->rule == RULE_REHOME))
        return; /* it was here already and stays */
    if (p->candidate[p->site].excluded)
        why = excluded_names[p->candidate[p->site].excluded];
    else if (t->verdict.verdict == VERDICT_DOWN && t->verdict_hlc < e->hlc)
        why = "down by verdict";
    else if (t->admin.admin == ADMIN_DRAINING && t->admin_hlc < e->hlc)
        why = "being drained";
    else if (!self && !peer->up)
        why = "not heard";
    else if (self ? !k->instance_ready : !peer->ready)
        why = "not ready";
    else if (!k->facts.count && (int64_t)t->live > s->c->site[p->site].contacts_max)
        why = "full"; /* this contact is in it, and none stated since */
    else if (rng_below(&s->rng, 8) == 0 && !staffed(k, p->site, p->queue, p->channel))
        why = "without an agent for it";
    if (why)
        fail(s, "%s placed a contact at %s, which was %s, though another site was ready (rule %s)",
             name_of(s, node_self(n)), name_of(s, p->site), why, rule_names[p->rule]);
}

/* Whatever else is wrong: never to a region dead for a second, never against the law. */
static void check_always(struct sim *s, struct node *n, const struct ev_placed *p)
{
    td_ms dead = s->dead_since[p->site];
    if (dead && node_self(n) != p->site && world_now(s->w) - dead > KNOWN_DEAD_MS &&
        p->rule != RULE_FAIL_OPEN)
        fail(s, "%s placed a contact at %s, dead for %" PRId64 " ms (rule %s)",
             name_of(s, node_self(n)), name_of(s, p->site), world_now(s->w) - dead,
             rule_names[p->rule]);
    const struct cfg_queue *q = queue_of(s, p->queue);
    if (p->group != shares_group_of(node_core(n), p->site))
        fail(s, "%s placed a contact at %s, and counts it in group %d (rule %s)",
             name_of(s, node_self(n)), name_of(s, p->site), p->group, rule_names[p->rule]);
    if (q && !(q->residency_mask >> s->c->site[p->site].residency & 1))
        fail(s, "a contact of queue %s was placed at %s against its residency (rule %s)", q->name,
             name_of(s, p->site), rule_names[p->rule]);
}

/* ---- other facts ---- */

/* One owner an epoch: nobody else ever states of a thing under the same epoch. */
static void check_owner(struct sim *s, uint8_t origin, struct td_id id, uint64_t epoch, int kind)
{
    uint64_t hi = id.hi ^ mix64(epoch), lo = id.lo ^ (uint64_t)kind << 60;
    uint32_t was;
    if (map128_find(&s->owner, hi, lo, &was)) {
        if (was != origin + 1u)
            fail(s, "%s and %s both stated facts of one thing in epoch %" PRIu64,
                 name_of(s, (uint8_t)(was - 1)), name_of(s, origin), epoch);
        return;
    }
    map128_insert(&s->owner, hi, lo, origin + 1u);
}

/* A verdict has the word of a majority of all nodes behind it, and the coordinator states it. */
static void check_verdict(struct sim *s, struct node *n, const struct ev_verdict *v)
{
    const struct core *k = node_core(n);
    int nodes = s->c->n_sites + 1;
    bool down = v->verdict == VERDICT_DOWN;
    if (down ? v->votes_down * 2 <= nodes : v->votes * 2 <= nodes || v->votes_down * 2 >= v->votes)
        fail(s, "%s found a site %s by %d of %d votes, of %d nodes", name_of(s, k->self),
             down ? "down" : "up", down ? v->votes_down : v->votes - v->votes_down, v->votes,
             nodes);
    if (k->self != HUB && k->peer[HUB].up)
        fail(s, "%s stated a verdict though it hears the hub", name_of(s, k->self));
    for (uint8_t i = 0; i < k->self && k->self != HUB; i++)
        if (k->peer[i].up)
            fail(s, "%s stated a verdict though it hears %s", name_of(s, k->self), name_of(s, i));
}

/* Who has no share is owed nothing, and nobody is further off than the bound. */
static void check_lags(struct sim *s, struct node *n, const struct ev_ledger *v)
{
    const struct core *k = node_core(n);
    struct share_ledger l;
    shares_ledger(k, v->group, &l);
    double bound = fmax(shares_bound(k), share_bound_min(s->c->n_sites));
    int64_t sum = 0;
    for (int i = 0; i < l.n; i++) {
        sum += l.lag_u[i];
        if (!l.share_ppm[i] && l.lag_u[i])
            fail(s, "%s has no share at %s and lags %.3f contacts", name_of(s, (uint8_t)i),
                 name_of(s, k->self), (double)l.lag_u[i] / PPM);
        if (fabs((double)l.lag_u[i] / PPM) > bound + 0.002)
            fail(s, "after a change of shares %s lags %.3f contacts at %s, the bound is %.1f",
                 name_of(s, (uint8_t)i), (double)l.lag_u[i] / PPM, name_of(s, k->self), bound);
    }
    if (sum)
        fail(s, "the lags at %s add up to %" PRId64 " millionths of a contact", name_of(s, k->self),
             sum);
}

/* Shares in force add up, and a site that is down or drained has none while another has. */
static void check_ledger(struct sim *s, struct node *n, const struct ev_ledger *v)
{
    const struct core *k = node_core(n);
    int32_t sum = 0;
    bool other_open = false;
    for (int i = 0; i < v->n; i++) {
        uint8_t why;
        sum += v->share_ppm[i];
        other_open |= v->share_ppm[i] && health_site_open(k, v->site[i], &why);
    }
    if (sum != PPM)
        fail(s, "shares in force at %s add up to %d ppm", name_of(s, k->self), sum);
    if (!k->facts.count) /* else a contact may have been counted since */
        check_lags(s, n, v);
    for (int i = 0; i < v->n; i++) {
        const struct site_state *t = &k->site[v->site[i]];
        if (v->share_ppm[i] && other_open &&
            (t->verdict.verdict == VERDICT_DOWN || t->admin.admin == ADMIN_DRAINING))
            fail(s, "%s gives %s a share though it is %s", name_of(s, k->self),
                 name_of(s, v->site[i]),
                 t->verdict.verdict == VERDICT_DOWN ? "down" : "being drained");
    }
}

/* Who moves an agent claims the epoch with one fact; the site he moves to goes on in it. */
static void check_agent(struct sim *s, uint8_t origin, const struct ev_agent *a)
{
    check_owner(s, origin, (struct td_id){a->agent, 7}, a->epoch,
                a->presence == PRESENCE_MOVING ? 3 : 4);
    for (uint32_t i = 0; i < s->c->n_agents; i++)
        if (s->c->agent[i].key == a->agent &&
            !(s->c->agent[i].residency_mask >> s->c->site[a->site].residency & 1))
            fail(s, "agent %s is to be at %s, where he may not work", s->c->agent[i].name,
                 name_of(s, a->site));
}

/* A node has the facts of each origin in their order, none left out and none twice. */
void check_order(struct sim *s, struct node *n, const struct event *e)
{
    uint8_t self = node_self(n), origin = e->dot.origin;
    struct last_fact *l = &s->last[self][origin];
    uint64_t next = e->dot.epoch == l->epoch ? l->seq + 1 : 1;
    if (l->life == s->life[self] && l->seq && (e->dot.seq != next || e->dot.epoch < l->epoch))
        fail(s, "%s took fact %" PRIu64 " of %s after %" PRIu64, name_of(s, self), e->dot.seq,
             name_of(s, origin), l->seq);
    *l = (struct last_fact){s->life[self], e->dot.epoch, e->dot.seq};
    if (self == HUB && e->type == EV_PLACED)
        map128_insert(&s->place, e->placed.contact.hi ^ mix64(e->placed.epoch),
                      e->placed.contact.lo, e->placed.site);
}

void check_fact(struct sim *s, struct node *n, const struct event *e)
{
    uint8_t self = node_self(n);
    s->checks++;
    books_fact(s, self, e);
    if (e->type == EV_PLACED) {
        const struct ev_placed *p = &e->placed;
        uint32_t v = 0;
        map128_find(&s->called, p->contact.hi, p->contact.lo, &v);
        map128_insert(&s->called, p->contact.hi, p->contact.lo, v | PLACED);
        if ((p->epoch & 0xff) != self)
            fail(s, "%s placed under another node's epoch", name_of(s, self));
        check_owner(s, self, p->contact, p->epoch, 1);
        if (p->counted)
            check_share(s, n, p);
        else
            check_forced(s, n, p);
        check_always(s, n, p);
        check_ready(s, n, e);
    } else if (e->type == EV_CONTACT) {
        check_owner(s, self, e->contact.contact, e->contact.epoch, 2);
    } else if (e->type == EV_AGENT) {
        check_agent(s, self, &e->agent);
    } else if (e->type == EV_VERDICT) {
        check_verdict(s, n, &e->verdict);
    } else if (e->type == EV_LEDGER) {
        check_ledger(s, n, &e->ledger);
    }
    if (rng_below(&s->rng, 64) == 0)
        core_check(node_core(n));
}

/* A node tells a record once, unless a crash took from it that it had told. */
static void check_told(struct sim *s, struct node *n, const struct core_history *h)
{
    uint8_t self = node_self(n);
    uint64_t hi = h->contact.hi ^ mix64(self + 1u), lo = h->contact.lo;
    uint64_t record = mix64(h->epoch) ^ mix64(h->version << 4 | (uint32_t)h->n_decisions);
    uint32_t was, now = (uint32_t)mix64(record ^ s->life[self]);
    if (map128_find(&s->told, hi, lo, &was) && was == now)
        fail(s, "%s told the record of contact %016" PRIx64 " twice", name_of(s, self),
             h->contact.hi);
    map128_insert(&s->told, hi, lo, now);
}

void check_history(struct sim *s, struct node *n, const struct core_history *h)
{
    uint32_t v = 0;
    check_told(s, n, h);
    if (node_self(n) != HUB)
        return;
    map128_find(&s->called, h->contact.hi, h->contact.lo, &v);
    if (!(v & (CALLED | ASKED))) {
        fail(s, "a contact ended that nobody made");
        return;
    }
    s->calls += !(v & CALLED); /* asked for by a program, and over before he came */
    /* A site that has him yet may claim him back: only the last word counts. */
    bool expired = h->final->end == ENDED_EXPIRED || h->final->end == ENDED_NO_SITE;
    s->expired += expired - !!(v & EXPIRED);
    s->ended += !(v & ENDED);
    v = (v & ~(uint32_t)EXPIRED) | CALLED | ENDED | (expired ? EXPIRED : 0);
    map128_insert(&s->called, h->contact.hi, h->contact.lo, v);
}
