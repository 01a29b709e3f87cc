/* fold.c - how a fact changes the model. Folding commutes over origins: registers keep the greatest
 * stamp, sums add, so models with the same facts are equal. What a live node does about a fact
 * (deliver, let go, claim back) is at the end of each fold_*, and only when not recovering. */
#include "core/model.h"

#include "base/rng.h"

#include <string.h>

/* ---- registers ---- */

static bool register_newer(struct register_state *r, const struct event *e)
{
    if (e->hlc < r->hlc || (e->hlc == r->hlc && e->dot.origin <= r->origin && r->hlc))
        return false;
    *r = (struct register_state){e->hlc, e->dot.origin};
    return true;
}

static uint8_t site_by_key(const struct core *k, td_key key)
{
    for (uint8_t s = 0; s < k->c->n_sites; s++)
        if (k->c->site[s].key == key)
            return s;
    return SITE_NONE;
}

static void fold_policy(struct core *k, const struct event *e)
{
    if (!register_newer(&k->policy_reg, e))
        return;
    k->policy_key = e->policy.policy;
    for (uint8_t p = 0; p < k->c->n_policies; p++)
        if (k->c->policy[p].key == k->policy_key)
            k->policy = p;
    k->shares_dirty = true;
    core_note(k, NOTE_POLICY, SITE_NONE, 0, "policy is now %s", k->c->policy[k->policy].name);
}

static void fold_shares(struct core *k, const struct event *e)
{
    const struct ev_shares *v = &e->shares;
    for (uint8_t p = 0; p < k->c->n_policies; p++) {
        for (uint8_t g = 0; g < k->c->policy[p].n_groups; g++) {
            if (k->c->policy[p].key != v->policy ||
                hash_str(k->c->policy[p].group[g].name) != v->group ||
                !register_newer(&k->shares[p][g].reg, e))
                continue;
            k->shares[p][g].set = true;
            memset(k->shares[p][g].share_ppm, 0, sizeof k->shares[p][g].share_ppm);
            for (int i = 0; i < v->n; i++) {
                uint8_t s = site_by_key(k, v->site[i]);
                if (s != SITE_NONE)
                    k->shares[p][g].share_ppm[s] = v->share_ppm[i];
            }
            k->shares_dirty = true;
            core_note(k, NOTE_SHARES, SITE_NONE, 0, "shares of %s in policy %s changed",
                      k->c->policy[p].group[g].name, k->c->policy[p].name);
        }
    }
}

static void fold_site(struct core *k, const struct event *e)
{
    uint8_t s = site_by_key(k, e->site.site);
    if (s == SITE_NONE)
        return;
    struct register_state r = {k->site[s].admin_hlc, k->site[s].admin_origin};
    if (!register_newer(&r, e))
        return;
    bool was = k->site[s].admin.admin == ADMIN_DRAINING;
    k->site[s].admin = e->site;
    k->site[s].admin_hlc = r.hlc;
    k->site[s].admin_origin = r.origin;
    bool drains = e->site.admin == ADMIN_DRAINING;
    if (was && !drains)
        k->site[s].returning_since = hlc_ms(e->hlc);
    k->shares_dirty = k->settle_moves = true;
    core_note(k, drains ? NOTE_DRAIN : NOTE_RESTORE, s, 0, "%s %s%s%s", k->c->site[s].name,
              drains ? "is being drained" : "is restored", e->site.why[0] ? ": " : "", e->site.why);
}

static void fold_verdict(struct core *k, const struct event *e)
{
    uint8_t s = site_by_key(k, e->verdict.site);
    if (s == SITE_NONE)
        return;
    struct register_state r = {k->site[s].verdict_hlc, k->site[s].verdict_origin};
    if (!register_newer(&r, e))
        return;
    bool was_down = k->site[s].verdict.verdict == VERDICT_DOWN;
    bool down = e->verdict.verdict == VERDICT_DOWN;
    k->site[s].verdict = e->verdict;
    k->site[s].verdict_hlc = r.hlc;
    k->site[s].verdict_origin = r.origin;
    if (was_down && !down)
        k->site[s].returning_since = hlc_ms(e->hlc);
    k->shares_dirty = k->settle_moves = true;
    if (was_down != down)
        core_note(k, down ? NOTE_SITE_DOWN : NOTE_SITE_UP, s, 0,
                  "%s is %s (%u of %u vantage points)", k->c->site[s].name, down ? "down" : "up",
                  down ? e->verdict.votes_down : e->verdict.votes - e->verdict.votes_down,
                  e->verdict.votes);
}

static void fold_config(struct core *k, const struct event *e)
{
    if (register_newer(&k->config_reg, e))
        core_reconfigure(k, e->config.text, e->config.len);
}

/* ---- ledgers ---- */

static void ledger_add(struct core *k, const struct ev_placed *p, int sign)
{
    uint8_t decider = p->epoch & 0xff;
    struct group_state *g = &k->group[p->group];
    struct ledger *l = &g->by[decider];
    for (int i = 0; i < p->n_candidates; i++) {
        uint8_t s = p->candidate[i].site;
        int64_t u = sign * (int64_t)p->candidate[i].share_ppm;
        l->lag_u[s] += u;
        g->lag_u[s] += u;
    }
    l->lag_u[p->site] -= sign * (int64_t)PPM;
    g->lag_u[p->site] -= sign * (int64_t)PPM;
    l->placed[p->site] += (uint64_t)(int64_t)sign;
    g->placed[p->site] += (uint64_t)(int64_t)sign;
}

static void fold_ledger(struct core *k, const struct event *e)
{
    const struct ev_ledger *v = &e->ledger;
    struct group_state *g = &k->group[v->group];
    struct ledger *l = &g->by[e->dot.origin];
    memset(l->share_ppm, 0, sizeof l->share_ppm);
    for (int i = 0; i < v->n; i++) {
        l->share_ppm[v->site[i]] = v->share_ppm[i];
        l->lag_u[v->site[i]] += v->adjust_u[i];
        g->lag_u[v->site[i]] += v->adjust_u[i];
    }
}

/* ---- contacts ---- */

static struct decision *decision_of(struct contact *t, uint64_t epoch)
{
    for (struct decision *d = t->decisions; d; d = d->next)
        if (d->placed.epoch == epoch)
            return d;
    return NULL;
}

/* One contact enters the books once, by its latest counted placement. */
static void count_placement(struct core *k, struct contact *t, const struct ev_placed *p)
{
    if (!p->counted || p->epoch <= t->counted_epoch)
        return;
    struct decision *old = t->counted_epoch ? decision_of(t, t->counted_epoch) : NULL;
    if (old)
        ledger_add(k, &old->placed, -1);
    ledger_add(k, p, 1);
    t->counted_epoch = p->epoch;
}

static void keep_decision(struct core *k, struct contact *t, const struct ev_placed *p)
{
    struct decision *d = decision_new(k), **at = &t->decisions;
    memcpy(&d->placed, p,
           offsetof(struct ev_placed, candidate) + p->n_candidates * sizeof p->candidate[0]);
    int newer = 0;
    while (*at && (*at)->placed.epoch > p->epoch) {
        at = &(*at)->next;
        newer++;
    }
    d->next = *at;
    *at = d;
    /* The eighth and older are let go, but never the one that the ledger counts. */
    int n = 0;
    for (at = &t->decisions; *at;) {
        d = *at;
        if (++n > DECISIONS_KEPT && d->placed.epoch != t->counted_epoch) {
            *at = d->next;
            decision_free(k, d);
        } else {
            at = &d->next;
        }
    }
}

static void ask_answered(struct core *k, struct td_id id)
{
    uint32_t number;
    if (!map128_find(&k->ask_by_contact, id.hi, id.lo, &number))
        return;
    map128_erase(&k->ask_by_contact, id.hi, id.lo);
    uint32_t at = k->ask_first + (number - k->ask_number);
    k->ask[at % k->ask_cap].request.contact = (struct td_id){0, 0};
}

/* Before this placement he was in this site's instance: he came in here, or waited here. */
static bool customer_is_here(const struct core *k, const struct ev_placed *p)
{
    return (p->from_site == SITE_NONE ? p->entry_site : p->from_site) == k->self;
}

/* What this node does when ownership came here, or left here by another's word. */
static void contact_owner_changed(struct core *k, struct contact *t, uint8_t was_site,
                                  uint8_t was_state, const struct ev_contact *was, bool ours)
{
    if (t->site == k->self && t->now_state == CONTACT_PLACED) {
        struct action *a = core_act(k, ACT_DELIVER);
        const struct ev_placed *p = &t->decisions->placed;
        memcpy(&a->placed, p,
               offsetof(struct ev_placed, candidate) + p->n_candidates * sizeof p->candidate[0]);
        t->delivered_at = k->now;
        t->inflight_since = 0;
    } else if (t->now_state == CONTACT_PLACED && customer_is_here(k, &t->decisions->placed)) {
        struct action *a = core_act(k, ACT_SEND);
        a->contact.contact = t->id;
        a->contact.to_site = t->site;
    }
    if (was_site != k->self || ours || was_state >= CONTACT_STATES)
        return;
    bool lost = t->now_state == CONTACT_ENDED && t->state.end == ENDED_LOST;
    bool presumed = lost || t->now_state == CONTACT_PLACED;
    if (was->epoch && was_state >= (lost ? CONTACT_QUEUED : CONTACT_CONNECTED) &&
        (presumed || was_state != CONTACT_ENDED)) {
        /* A takeover presumed it lost, or placed it anew, but it is (or was) talking here, or is
         * presumed lost and waits here: the site that has it knows better, and claims it back. Two
         * sites that both have seen it end do not argue: the later claim stands. */
        struct event e = {.type = EV_CONTACT, .contact = *was};
        e.contact.epoch = epoch_next(t->epoch, k->self);
        e.contact.version = was->version + 1;
        core_state(k, &e);
    } else if (lost && was_state == CONTACT_PLACED && t->decisions) {
        /* Presumed lost with another site, when this one had sent for its customer: he is on his
         * way, or the instance will say that he has gone. */
        struct event e = {.type = EV_PLACED};
        decide_stay(k, t, RULE_REHOME, &e.placed);
        core_state(k, &e);
    } else if (t->site != k->self || t->now_state == CONTACT_ENDED) {
        struct action *a = core_act(k, ACT_DROP);
        a->contact.contact = t->id;
        a->contact.to_site = t->now_state == CONTACT_ENDED ? SITE_NONE : t->site;
    }
}

static void remember_customer(struct core *k, const struct contact *t)
{
    struct td_id customer = t->decisions->placed.customer;
    if (!id_none(customer))
        k->returning[customer.lo % RETURNING_SLOTS] =
            (struct returning){customer, t->agent, t->site, t->state.ended_at};
}

/* Its record is due: it has ended, or it had and one of its decisions came only now. */
static void contact_over(struct core *k, struct contact *t)
{
    if (k->sticky && t->decisions && t->state.agent)
        remember_customer(k, t);
    struct action *a = core_act(k, ACT_HISTORY);
    a->history.contact = t->id;
    a->history.epoch = t->state.epoch;
    a->history.version = t->state.version;
    a->history.n_decisions = contact_decisions(t);
}

static void contact_changed(struct core *k, struct contact *t, const struct event *e,
                            uint8_t was_site, uint8_t was_state, const struct ev_contact *was)
{
    bool ended = t->now_state == CONTACT_ENDED;
    if (t->site != k->self)
        moves_cease(k, t);
    if (ended) {
        t->end_origin = e->dot.origin;
        t->end_epoch = e->dot.epoch;
        t->end_seq = e->dot.seq;
        contact_over(k, t);
    }
    k->settle_moves |= t->now_state == CONTACT_QUEUED || was_state == CONTACT_QUEUED;
    if (k->recovering)
        return;
    if (t->site != was_site || t->now_state == CONTACT_PLACED || (ended && was_site == k->self))
        contact_owner_changed(k, t, was_site, was_state, was, e->dot.origin == k->self);
}

static bool fold_placed(struct core *k, const struct event *e)
{
    const struct ev_placed *p = &e->placed;
    struct contact *t = contact_get(k, p->contact);
    if (decision_of(t, p->epoch))
        return false; /* one placement an epoch: a node that states two is broken */
    uint8_t was_site = t->site, was_state = t->now_state;
    struct ev_contact was = t->state;
    contact_put(k, t, -1);
    uint64_t newest = t->decisions ? t->decisions->placed.epoch : 0;
    int before = was_state == CONTACT_ENDED ? contact_decisions(t) : 0;
    count_placement(k, t, p);
    keep_decision(k, t, p);
    contact_derive(k, t);
    contact_put(k, t, 1);
    if (k->ask_count)
        ask_answered(k, p->contact);
    if (t->queue != INDEX_NONE)
        k->site[t->site].sent[LINE(t->queue, t->channel)] += e->dot.origin == k->self;
    if (was_state == CONTACT_ENDED && t->now_state == CONTACT_ENDED) {
        if (contact_decisions(t) > before)
            contact_over(k, t); /* came late; the end is another fact's */
    } else if (p->epoch > newest && t->epoch == p->epoch) {
        moves_cease(k, t);
        contact_changed(k, t, e, was_site, was_state, &was);
    }
    return true;
}

static void fold_contact(struct core *k, const struct event *e)
{
    const struct ev_contact *n = &e->contact;
    struct contact *t = contact_get(k, n->contact);
    struct ev_contact was = t->state;
    if (n->epoch < was.epoch || (n->epoch == was.epoch && n->version <= was.version))
        return; /* an earlier owner's, or an earlier state: it no longer holds */
    uint8_t was_site = t->site, was_state = t->now_state;
    contact_put(k, t, -1);
    t->state = *n;
    contact_derive(k, t);
    contact_put(k, t, 1);
    if (k->ask_count && n->state == CONTACT_ENDED)
        ask_answered(k, n->contact);
    if (t->epoch == n->epoch)
        contact_changed(k, t, e, was_site, was_state, &was);
}

/* ---- agents ---- */

static void fold_agent(struct core *k, const struct event *e)
{
    const struct ev_agent *n = &e->agent;
    uint32_t at;
    if (!map64_find(&k->agent_by_key, n->agent, &at)) {
        stray_agent(k, n);
        return;
    }
    struct agent *a = &k->agent[at];
    struct ev_agent was = a->state;
    if (n->epoch < was.epoch || (n->epoch == was.epoch && n->version <= was.version))
        return;
    a->state = *n;
    if (n->at > a->idle_since)
        a->idle_since = n->at;
    agent_recount(k, a);
    if (k->recovering || n->site == was.site)
        return;
    if (n->site == k->self && n->presence == PRESENCE_MOVING) {
        struct action *act = core_act(k, ACT_SIGN_IN);
        act->agent.agent = at;
        act->agent.reason = n->reason;
    } else if (was.epoch && was.site == k->self && was.presence != PRESENCE_OFFLINE &&
               n->site != k->replica[k->self]) {
        struct action *act = core_act(k, ACT_SIGN_OUT);
        act->agent.agent = at;
        act->agent.reason = n->reason;
    }
}

/* ---- all ---- */

/* A fact may name only what this model has room for. Facts of a newer configuration are held back
 * by the sequence: the configuration itself is a fact before them. */
static bool fact_fits(const struct core *k, const struct event *e)
{
    if (e->dot.origin != HUB && e->dot.origin >= k->c->n_sites)
        return false;
    if (e->type == EV_PLACED) {
        if (e->placed.site >= k->c->n_sites || e->placed.n_candidates > k->c->n_sites)
            return false;
        for (int i = 0; i < e->placed.n_candidates; i++)
            if (e->placed.candidate[i].site >= k->c->n_sites)
                return false;
    }
    if (e->type == EV_LEDGER)
        for (int i = 0; i < e->ledger.n; i++)
            if (e->ledger.site[i] >= k->c->n_sites)
                return false;
    return true;
}

enum folded fold_fact(struct core *k, const struct event *e)
{
    if (!fact_fits(k, e))
        return FOLD_BAD;
    struct vector_entry *v = &k->vector[e->dot.origin];
    if (e->dot.epoch < v->epoch || (e->dot.epoch == v->epoch && e->dot.seq <= v->seq))
        return FOLD_KNOWN;
    if (e->dot.epoch == v->epoch ? e->dot.seq != v->seq + 1 : e->dot.seq != 1)
        return FOLD_GAP;
    *v = (struct vector_entry){e->dot.epoch, e->dot.seq};
    if (e->hlc > k->hlc)
        k->hlc = e->hlc;
    switch (e->type) {
    case EV_CONFIG: fold_config(k, e); break;
    case EV_POLICY: fold_policy(k, e); break;
    case EV_SHARES: fold_shares(k, e); break;
    case EV_SITE: fold_site(k, e); break;
    case EV_VERDICT: fold_verdict(k, e); break;
    case EV_LEDGER: fold_ledger(k, e); break;
    case EV_PLACED: fold_placed(k, e); break;
    case EV_CONTACT: fold_contact(k, e); break;
    case EV_AGENT: fold_agent(k, e); break;
    case EV_TYPES: break;
    }
    return FOLD_NEW;
}

/* ---- the hash ---- */

uint64_t contact_hash(const struct contact *t)
{
    const struct ev_contact *s = &t->state;
    const struct ev_placed *p = t->decisions ? &t->decisions->placed : NULL;
    uint64_t h = mix64(t->id.hi) ^ mix64(t->id.lo + 1);
    uint64_t words[] = {
        p ? p->epoch : 0,
        p ? p->site : 0,
        p ? p->queue : 0,
        p ? (uint64_t)p->queued_at : 0,
        t->counted_epoch,
        s->epoch,
        s->version,
        s->state | (uint64_t)s->end << 8 | (uint64_t)s->site << 16 | (uint64_t)s->transfers << 24 |
            (uint64_t)s->holds << 32,
        s->queue,
        s->agent,
        (uint64_t)s->at,
        (uint64_t)s->connected_at,
        (uint64_t)s->ended_at,
        (uint64_t)s->wait_ms,
        (uint64_t)s->talk_ms,
    };
    for (size_t i = 0; i < COUNTOF(words); i++)
        h = mix64(h ^ words[i]) + i;
    return h;
}

/* ---- stability ---- */

static bool vector_covers(const struct vector_entry *v, uint32_t epoch, uint64_t seq)
{
    return v->epoch > epoch || (v->epoch == epoch && v->seq >= seq);
}

/* Every other node is known to have the fact that ended it. */
static bool is_stable(const struct core *k, const struct contact *t)
{
    for (int n = 0; n < NODES_MAX; n++) {
        if (n == k->self || (n != HUB && n >= k->c->n_sites))
            continue;
        if (!vector_covers(&k->peer[n].acked[t->end_origin], t->end_epoch, t->end_seq))
            return false;
    }
    return true;
}

/* Lets go of ended contacts. One may go when every other node is known to have the fact that ended
 * it and this node has all that they stated before they had it: then nobody can state anything of
 * it that does not know its end (causal stability; docs/architecture.md). Its hash stays in the
 * sum, its record is in the store.
 *
 * They ended some time ago, and hundreds go at once: the memory of those some places further in the
 * list is asked for before it is their turn. */
void fold_stable(struct core *k)
{
    enum { AHEAD = 8 };
    uint32_t ahead = k->ended.head;
    for (int i = 0; i < AHEAD && ahead != NIL; i++)
        ahead = k->contact[ahead].next;
    while (k->ended.head != NIL) {
        struct contact *t = &k->contact[k->ended.head];
        if (!is_stable(k, t))
            return;
        if (ahead != NIL) {
            const struct contact *later = &k->contact[ahead];
            map128_prefetch(&k->contact_by_id, later->id.hi, later->id.lo);
            for (size_t at = 0; later->decisions && at <= 128; at += 64)
                __builtin_prefetch((const char *)later->decisions + at, 1);
            ahead = later->next;
            if (ahead != NIL)
                for (size_t at = 0; at < sizeof *later; at += 64)
                    __builtin_prefetch((const char *)&k->contact[ahead] + at, 1);
        }
        k->archived_hash += contact_hash(t);
        k->archived++;
        contact_remove(k, t); /* its sums stay: they are of the past */
    }
}
