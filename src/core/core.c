/* core.c - the door: inputs in, facts and actions out. */
#include "core/model.h"

#include "base/rng.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
    EXPIRE_MS = 60000, /* a placed contact that never arrived is given up after this */
    DELIVER_AGAIN_MS = 5000,
    WEIGHTS_MS = 5000,  /* c-mu weights are looked at this often */
    RING_MAX = 1 << 24, /* facts or actions that wait: far beyond any batch; a leak stops here */
};

/* ---- outputs ---- */

/* A slot at the ring's end; twice the room when it is full. */
static void *ring_slot(struct ring *r, size_t size)
{
    if (r->count == r->cap) {
        uint32_t cap = r->cap ? r->cap * 2 : 64;
        BUG_ON(cap > RING_MAX);
        char *p = mem_new(cap, size);
        for (uint32_t i = 0; i < r->count; i++)
            memcpy(p + i * size, (char *)r->item + ((r->first + i) & (r->cap - 1)) * size, size);
        mem_free(r->item);
        *r = (struct ring){p, 0, r->count, cap};
    }
    return (char *)r->item + ((r->first + r->count++) & (r->cap - 1)) * size;
}

static bool ring_take(struct ring *r, void *out, size_t size)
{
    if (!r->count)
        return false;
    memcpy(out, (char *)r->item + r->first * size, size);
    r->first = --r->count ? (r->first + 1) & (r->cap - 1) : 0; /* the same memory again and again */
    return true;
}

/* Stamps and folds what this node states, and keeps it for the outside. */
void core_state(struct core *k, struct event *e)
{
    e->dot = (struct dot){k->self, k->epoch, ++k->seq};
    uint64_t wall = (uint64_t)k->now << 16;
    k->hlc = MAX(k->hlc + 1, wall);
    e->hlc = k->hlc;
    *(struct event *)ring_slot(&k->facts, sizeof *e) = *e;
    enum folded f = fold_fact(k, e);
    BUG_ON(f != FOLD_NEW);
}

struct action *core_act(struct core *k, enum action_type type)
{
    struct action *a = ring_slot(&k->actions, sizeof *a);
    a->type = type;
    a->at = k->now;
    return a;
}

void core_note(struct core *k, enum note_kind kind, uint8_t site, uint32_t n, const char *fmt, ...)
{
    if (k->recovering)
        return;
    struct action *a = core_act(k, ACT_NOTE);
    a->note.kind = kind;
    a->note.site = site;
    a->note.n = n;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(a->note.text, sizeof a->note.text, fmt, ap);
    va_end(ap);
}

bool core_next_fact(struct core *k, struct event *out)
{
    return ring_take(&k->facts, out, sizeof *out);
}

bool core_next_action(struct core *k, struct action *out)
{
    return ring_take(&k->actions, out, sizeof *out);
}

bool core_still_wanted(struct core *k, const struct action *a)
{
    const struct contact *t;
    switch (a->type) {
    case ACT_DELIVER:
        t = contact_find(k, a->placed.contact);
        return t && t->site == k->self && t->now_state == CONTACT_PLACED;
    case ACT_RELEASE:
        t = contact_find(k, a->contact.contact);
        return t && t->site == k->self && t->moving;
    case ACT_SEND:
        t = contact_find(k, a->contact.contact);
        return t && t->site == a->contact.to_site && t->now_state < CONTACT_ENDED;
    case ACT_DROP:
        t = contact_find(k, a->contact.contact);
        return !t || t->site != k->self || t->now_state == CONTACT_ENDED;
    case ACT_SIGN_IN:
    case ACT_SIGN_OUT:
        if (a->agent.agent >= k->c->n_agents)
            return false; /* the configuration has changed meanwhile */
        return (k->agent[a->agent.agent].state.site == k->self) == (a->type == ACT_SIGN_IN);
    default: return true;
    }
}

/* ---- life ---- */

struct core *core_new(const struct config *c, uint8_t self, uint32_t epoch)
{
    BUG_ON(self != HUB && self >= c->n_sites);
    struct core *k = mem_new(1, sizeof *k);
    k->c = c;
    k->self = self;
    k->epoch = epoch;
    k->policy = c->policy_active;
    k->contacts_free = NIL;
    k->ended = (struct contact_list){NIL, NIL, 0};
    k->returning = mem_new(RETURNING_SLOTS, sizeof *k->returning);
    index_build(k);
    for (uint8_t g = 0; g < GROUPS_MAX; g++)
        share_price_init(&k->group[g].price, c->n_sites);
    k->hub_was_up = true;
    k->shares_dirty = true;
    memset(k->replica, SITE_NONE, sizeof k->replica);
    return k;
}

void core_replicas(struct core *k, const uint8_t replica[SITES_MAX])
{
    memcpy(k->replica, replica, sizeof k->replica);
}

void core_free(struct core *k)
{
    if (!k)
        return;
    for (uint32_t i = 0; i < k->contacts_cap; i++)
        while (!id_none(k->contact[i].id) && k->contact[i].decisions) {
            struct decision *d = k->contact[i].decisions;
            k->contact[i].decisions = d->next;
            mem_free(d);
        }
    while (k->decisions_free) {
        struct decision *d = k->decisions_free;
        k->decisions_free = d->next;
        mem_free(d);
    }
    index_free(k);
    map128_free(&k->contact_by_id);
    mem_free(k->contact);
    mem_free(k->returning);
    mem_free(k->ask);
    map128_free(&k->ask_by_contact);
    mem_free(k->facts.item);
    mem_free(k->actions.item);
    mem_free(k->stray);
    config_free(k->owned);
    mem_free(k);
}

/* ---- the instance's stream ---- */

static void contact_report(struct core *k, const struct instance_contact *r)
{
    struct contact *t = contact_find(k, r->contact);
    /* Whoever has the customer has the contact: he was taken here before another site could send
     * for him, or came when this site had already been overruled. */
    bool claim = t && t->site != k->self && t->now_state < CONTACT_ENDED &&
                 (r->state == CONTACT_QUEUED || r->state == CONTACT_CONNECTED);
    if (t && !claim && (t->site != k->self || t->now_state == CONTACT_ENDED))
        return; /* it belongs to another site now, or is over: an echo of the past */
    if (!t && r->state != CONTACT_QUEUED && r->state != CONTACT_CONNECTED)
        return; /* over long ago: a contact begins by waiting or talking */
    struct event e = {.type = EV_CONTACT};
    struct ev_contact *n = &e.contact;
    if (t && t->state.epoch == t->epoch)
        *n = t->state;
    else
        *n = (struct ev_contact){
            .contact = r->contact,
            .epoch = t ? t->epoch : epoch_make(1, k->self),
            .version = t ? t->state.version : 0,
            .channel = r->channel,
            .queue = t && t->decisions ? t->decisions->placed.queue : 0,
            .queued_at = t ? t->queued_at : r->at,
            .transfers = t ? t->state.transfers : 0,
        };
    if (claim)
        n->epoch = epoch_next(t->epoch, k->self);
    n->version++;
    n->site = k->self;
    n->queue = r->queue < k->c->n_queues ? k->c->queue[r->queue].key : n->queue;
    if (r->agent < k->c->n_agents)
        n->agent = k->c->agent[r->agent].key;
    uint8_t was = n->state;
    n->state = r->state;
    n->at = r->at;
    switch ((enum contact_state)r->state) {
    case CONTACT_QUEUED:
        if (r->transferred) {
            n->transfers++;
            n->queued_at = r->at;
        }
        n->agent = 0;
        break;
    case CONTACT_CONNECTED:
        if (!n->connected_at) {
            n->connected_at = r->at;
            n->wait_ms = r->at - n->queued_at;
        }
        break;
    case CONTACT_HELD: n->holds++; break;
    case CONTACT_WRAPUP: n->talk_ms = r->at - n->connected_at; break;
    case CONTACT_ENDED:
        n->end = r->end;
        n->ended_at = r->at;
        if (was != CONTACT_WRAPUP && n->connected_at)
            n->talk_ms = r->at - n->connected_at;
        if (!n->connected_at)
            n->wait_ms = r->at - n->queued_at;
        break;
    default: return;
    }
    core_state(k, &e);
}

/* Who is another site's becomes ours by being available here. A word older than what is known takes
 * nobody away; nor does one that fits both regions of a replicated instance, but for those of whom
 * nothing is known, who are taken to be at home. */
static bool agent_comes(const struct core *k, const struct agent *a, const struct instance_agent *r)
{
    if (r->presence != PRESENCE_AVAILABLE && r->presence != PRESENCE_MISSED)
        return false; /* signs out of here because he belongs elsewhere */
    if (r->unsure)
        return !a->state.epoch && k->c->agent[a->index].site == k->self;
    return !r->at || r->at >= a->state.at;
}

/* Is it news of one of ours? One who is on his way has neither come by being away, nor by being
 * somewhere. */
static bool agent_changes(const struct agent *a, const struct instance_agent *r)
{
    bool coming = a->state.presence == PRESENCE_MOVING;
    return a->state.presence != r->presence &&
           !(coming && (r->presence == PRESENCE_OFFLINE || r->unsure));
}

static void agent_report(struct core *k, const struct instance_agent *r)
{
    if (r->agent >= k->c->n_agents)
        return;
    const struct agent *a = &k->agent[r->agent];
    uint8_t presence = r->presence;
    bool ours = a->state.epoch && a->state.site == k->self;
    if (ours ? !agent_changes(a, r) : !agent_comes(k, a, r))
        return;
    struct event e = {.type = EV_AGENT};
    e.agent = a->state;
    e.agent.agent = k->c->agent[r->agent].key;
    if (!ours)
        e.agent.epoch =
            a->state.epoch ? epoch_next(a->state.epoch, k->self) : epoch_make(1, k->self);
    e.agent.version = a->state.version + 1;
    e.agent.site = k->self;
    e.agent.presence = presence;
    e.agent.next_presence = presence;
    e.agent.reason = r->reason;
    e.agent.at = r->at ? MIN(r->at, k->now) : k->now;
    if (k->c->agent[r->agent].site != k->self && presence != PRESENCE_OFFLINE)
        k->guests++;
    core_state(k, &e);
}

static void deliver(struct core *k, struct contact *t)
{
    struct action *a = core_act(k, ACT_DELIVER);
    const struct ev_placed *p = &t->decisions->placed;
    memcpy(&a->placed, p,
           offsetof(struct ev_placed, candidate) + p->n_candidates * sizeof p->candidate[0]);
    t->delivered_at = k->now;
}

/* ---- asks ---- */

static void ask_push(struct core *k, const struct route_request *r)
{
    if (k->ask_count == k->ask_cap) {
        uint32_t cap = k->ask_cap ? k->ask_cap * 2 : 64;
        if (cap > ASKS_MAX) {
            decide_place(k, r); /* too many wait for the hub's word: it is as good as silent */
            return;
        }
        struct pending_ask *ring = mem_new(cap, sizeof *ring);
        for (uint32_t i = 0; i < k->ask_count; i++)
            ring[i] = k->ask[(k->ask_first + i) % k->ask_cap];
        mem_free(k->ask);
        k->ask = ring;
        k->ask_cap = cap;
        k->ask_first = 0;
    }
    map128_insert(&k->ask_by_contact, r->contact.hi, r->contact.lo, k->ask_number + k->ask_count);
    k->ask[(k->ask_first + k->ask_count++) % k->ask_cap] =
        (struct pending_ask){*r, k->now + k->c->routing.ask_hub_timeout_ms};
}

static void arrived(struct core *k, const struct route_request *r)
{
    if (k->self == HUB || !k->peer[HUB].up) {
        if (k->self != HUB)
            shares_tick(k);
        decide_place(k, r);
        return;
    }
    ask_push(k, r);
    core_act(k, ACT_ASK_HUB)->request = *r;
}

static void asks_tick(struct core *k)
{
    while (k->ask_count) {
        struct pending_ask a = k->ask[k->ask_first];
        bool answered = id_none(a.request.contact);
        if (!answered && a.until > k->now)
            return;
        k->ask_first = (k->ask_first + 1) % k->ask_cap;
        k->ask_count--;
        k->ask_number++;
        if (answered)
            continue;
        map128_erase(&k->ask_by_contact, a.request.contact.hi, a.request.contact.lo);
        decide_place(k, &a.request);
    }
}

/* ---- time ---- */

/* Generalised c-mu (van Mieghem 1995): serve the greatest c'(w) mu with c' = c (w/T)^p. Its order
 * is that of w * (c mu)^(1/p) / T, so a weight on the age does it inside the instance. */
static void weights_tick(struct core *k)
{
    if (k->self == HUB || k->now - k->weighed_at < WEIGHTS_MS)
        return;
    k->weighed_at = k->now;
    for (uint16_t q = 0; q < k->c->n_queues; q++) {
        const struct cfg_queue *c = &k->c->queue[q];
        const struct queue_state *s = &k->queue[q];
        double n = 50 + (double)s->talked;
        double mu = n / (50 * (double)c->handle_ms + (double)s->handle_ms) * 180000;
        double w =
            pow(c->value * mu, 1 / k->c->routing.cmu_power) * 20000 / MAX(1, c->target_wait_ms);
        if (fabs(w - s->weight) <= 0.05 * s->weight)
            continue;
        k->queue[q].weight = w;
        struct action *a = core_act(k, ACT_WEIGHT);
        a->weight.queue = q;
        a->weight.weight = w;
    }
}

/* Contacts placed here that have not come: asked for again and again, then given up. One that could
 * not be brought because its customer talks at another site is claimed back by that site. */
static void inflight_tick(struct core *k)
{
    if (k->self == HUB || !k->site[k->self].inflight_all)
        return;
    for (uint32_t line = 0; line < LINES(k->c); line++) {
        uint32_t at = k->site[k->self].inflight[line].head;
        for (uint32_t next; at != NIL; at = next) {
            struct contact *t = &k->contact[at];
            next = t->next;
            if (!t->inflight_since)
                t->inflight_since = k->now;
            if (k->now - t->inflight_since < EXPIRE_MS) {
                if (t->decisions && k->now - t->delivered_at >= DELIVER_AGAIN_MS)
                    deliver(k, t);
                continue;
            }
            struct instance_contact r = {.contact = t->id,
                                         .state = CONTACT_ENDED,
                                         .end = ENDED_EXPIRED,
                                         .channel = t->channel,
                                         .queue = t->queue,
                                         .agent = NIL,
                                         .at = k->now};
            contact_report(k, &r);
        }
    }
}

static void tick(struct core *k)
{
    health_tick(k);
    bool returning = false;
    for (uint8_t s = 0; s < k->c->n_sites; s++) {
        returning |= k->site[s].returning_since && health_return_factor(k, s) < 1;
        k->invited[s] = 0;
    }
    if (k->shares_dirty || returning || k->returning_was)
        shares_tick(k);
    k->returning_was = returning;
    moves_tick(k);
    weights_tick(k);
    inflight_tick(k);
    fold_stable(k);
    if (k->now - k->beat_at >= k->c->health.beat_interval_ms) {
        k->beat_at = k->now;
        core_act(k, ACT_BEAT);
    }
}

td_ms core_deadline(const struct core *k)
{
    td_ms at = k->tick_at + k->c->health.beat_interval_ms / 2;
    if (k->ask_count)
        at = MIN(at, k->ask[k->ask_first].until);
    return at;
}

/* ---- operators ---- */

static void operate(struct core *k, const struct input *in)
{
    struct event e = {0};
    switch (in->type) {
    case IN_DRAIN:
    case IN_RESTORE:
        if (in->site.site >= k->c->n_sites)
            return;
        e.type = EV_SITE;
        e.site.site = k->c->site[in->site.site].key;
        e.site.admin = in->type == IN_DRAIN ? ADMIN_DRAINING : ADMIN_IN_SERVICE;
        str_copy(e.site.why, sizeof e.site.why, in->site.why ? in->site.why : "");
        break;
    case IN_SET_POLICY:
        if (in->policy.policy >= k->c->n_policies)
            return;
        e.type = EV_POLICY;
        e.policy.policy = k->c->policy[in->policy.policy].key;
        break;
    case IN_SET_SHARES: {
        if (in->shares.policy >= k->c->n_policies ||
            in->shares.group >= k->c->policy[in->shares.policy].n_groups)
            return;
        const struct cfg_group *g = &k->c->policy[in->shares.policy].group[in->shares.group];
        e.type = EV_SHARES;
        e.shares.policy = k->c->policy[in->shares.policy].key;
        e.shares.group = hash_str(g->name);
        e.shares.n = g->n_sites;
        for (int i = 0; i < g->n_sites; i++) {
            e.shares.site[i] = k->c->site[g->site[i]].key;
            e.shares.share_ppm[i] = in->shares.share_ppm[g->site[i]];
        }
        break;
    }
    case IN_SET_CONFIG:
        e.type = EV_CONFIG;
        e.config = (struct ev_config){in->config.text, in->config.len};
        break;
    default: return;
    }
    core_state(k, &e);
}

/* ---- the door ---- */

enum folded core_apply(struct core *k, const struct input *in, td_ms now)
{
    k->now = MAX(now, k->now);
    enum folded f = FOLD_NEW;
    switch (in->type) {
    case IN_FACT:
        f = fold_fact(k, in->fact);
        if (f == FOLD_GAP)
            health_gap(k, in->fact->dot.origin);
        break;
    case IN_ARRIVED: arrived(k, &in->request); break;
    case IN_ASKED:
        if (k->shares_dirty)
            shares_tick(k);
        decide_place(k, &in->request);
        break;
    case IN_CONTACT: contact_report(k, &in->contact); break;
    case IN_AGENT: agent_report(k, &in->agent); break;
    case IN_RELEASED: moves_released(k, in->outcome.contact, in->outcome.ok); break;
    case IN_REFUSED: break; /* inflight_tick asks again */
    case IN_INSTANCE:
        k->shares_dirty |=
            k->instance_ok != in->instance.ok || k->instance_ready != in->instance.ready;
        k->instance_known = true;
        k->instance_ok = in->instance.ok;
        k->instance_ready = in->instance.ready;
        break;
    case IN_BEAT: health_beat(k, in->beat); break;
    case IN_TICK:
        if (k->now - k->tick_at >= k->c->health.beat_interval_ms / 2) {
            k->tick_at = k->now;
            tick(k);
        }
        asks_tick(k); /* by what the tick has seen: nobody is sent where it is dark */
        break;
    case IN_SETTLE: moves_settle(k); break;
    default: operate(k, in); break;
    }
    return f;
}

void core_prefetch(struct core *k, const struct event *e, int step)
{
    struct td_id id = e->type == EV_PLACED    ? e->placed.contact
                      : e->type == EV_CONTACT ? e->contact.contact
                                              : (struct td_id){0, 0};
    if (id_none(id))
        return;
    if (step == 0) {
        map128_prefetch(&k->contact_by_id, id.hi, id.lo);
        return;
    }
    const char *t = (const char *)contact_find(k, id);
    for (size_t i = 0; t && i < sizeof(struct contact); i += 64)
        __builtin_prefetch(t + i, 1);
}

enum folded core_recover(struct core *k, const struct event *fact)
{
    k->recovering = true;
    k->now = MAX(k->now, hlc_ms(fact->hlc));
    enum folded f = fold_fact(k, fact);
    if (fact->dot.origin == k->self && fact->dot.epoch == k->epoch)
        k->seq = MAX(k->seq, fact->dot.seq);
    k->actions.count = k->facts.count = 0;
    k->recovering = false;
    return f;
}

bool core_history_of(struct core *k, struct td_id contact, struct core_history *out)
{
    const struct contact *t = contact_find(k, contact);
    if (!t || t->now_state != CONTACT_ENDED)
        return false;
    *out = (struct core_history){
        .contact = t->id,
        .epoch = t->state.epoch,
        .version = t->state.version,
        .ended_at = t->state.ended_at,
        .started_at = t->state.queued_at,
        .final = &t->state,
    };
    int n = contact_decisions(t);
    for (const struct decision *d = t->decisions; out->n_decisions < n; d = d->next) {
        out->decisions[out->n_decisions++] = &d->placed;
        out->customer = d->placed.customer;
        out->started_at = d->placed.arrived_at;
    }
    return true;
}

/* ---- after a restart ---- */

/* Its customer waited here when the instance was lost: brought here anew, or to a better place. */
static void place_here(struct core *k, struct contact *t)
{
    struct event e = {.type = EV_PLACED};
    if (!decide_again(k, t, 0, RULE_REHOME, &e.placed))
        decide_stay(k, t, RULE_REHOME, &e.placed);
    core_state(k, &e);
}

void core_reconcile(struct core *k, const struct reality *real, td_ms now)
{
    k->now = MAX(now, k->now);
    for (uint32_t i = 0; i < k->contacts_cap; i++) {
        struct contact *t = &k->contact[i];
        if (id_none(t->id) || t->site != k->self || t->now_state >= CONTACT_ENDED)
            continue;
        struct instance_contact r;
        if (real->contact(real->arg, t->id, &r)) {
            if (r.state != t->now_state || (r.agent != NIL && r.agent != t->agent))
                contact_report(k, &r);
        } else if (t->now_state == CONTACT_PLACED) {
            if (t->decisions)
                deliver(k, t);
        } else if (t->now_state == CONTACT_QUEUED && t->decisions) {
            place_here(k, t); /* he may still be on the line, waiting for somebody to take him */
        } else {
            r = (struct instance_contact){.contact = t->id,
                                          .state = CONTACT_ENDED,
                                          .end = ENDED_DROPPED,
                                          .channel = t->channel,
                                          .queue = t->queue,
                                          .agent = NIL,
                                          .at = k->now};
            contact_report(k, &r);
        }
    }
    for (uint32_t i = 0; i < k->c->n_agents; i++) {
        struct instance_agent r = {.agent = i};
        bool here = real->agent(real->arg, i, &r);
        bool ours = k->agent[i].state.epoch && k->agent[i].state.site == k->self;
        if (here)
            agent_report(k, &r);
        else if (ours && k->agent[i].state.presence == PRESENCE_MOVING)
            core_act(k, ACT_SIGN_IN)->agent.agent = i; /* perhaps nobody has told him yet */
        else if (ours)
            agent_report(k, &(struct instance_agent){.agent = i, .presence = PRESENCE_OFFLINE});
    }
}
