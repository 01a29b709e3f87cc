/* contacts.c - the slab of contacts, their lists, and what each contributes to the sums. */
#include "core/model.h"

#include <string.h>

static struct contact_list *list_of(struct core *k, struct contact *t, uint8_t kind)
{
    if (kind == LIST_ENDED)
        return &k->ended;
    if (t->queue == INDEX_NONE || t->site >= k->c->n_sites)
        return NULL;
    struct site_state *s = &k->site[t->site];
    uint32_t line = LINE(t->queue, t->channel);
    return kind == LIST_WAITING ? &s->waiting[line] : &s->inflight[line];
}

static bool older(const struct contact *a, const struct contact *b)
{
    if (a->queued_at != b->queued_at)
        return a->queued_at < b->queued_at;
    return a->id.hi != b->id.hi ? a->id.hi < b->id.hi : a->id.lo < b->id.lo;
}

/* Who waits is kept oldest first, and nearly all insertions are at the tail; the other lists are in
 * the order in which contacts came to them. */
static void list_insert(struct core *k, struct contact *t, uint8_t kind)
{
    struct contact_list *l = list_of(k, t, kind);
    t->list = LIST_NONE;
    if (!l)
        return;
    uint32_t me = contact_slot(k, t), after = l->tail;
    if (kind == LIST_WAITING)
        while (after != NIL && older(t, &k->contact[after]))
            after = k->contact[after].prev;
    t->prev = after;
    t->next = after == NIL ? l->head : k->contact[after].next;
    if (t->next == NIL)
        l->tail = me;
    else
        k->contact[t->next].prev = me;
    if (after == NIL)
        l->head = me;
    else
        k->contact[after].next = me;
    l->count++;
    t->list = kind;
}

static void list_remove(struct core *k, struct contact *t)
{
    if (t->list == LIST_NONE)
        return;
    struct contact_list *l = list_of(k, t, t->list);
    BUG_ON(!l || !l->count);
    if (t->prev == NIL)
        l->head = t->next;
    else
        k->contact[t->prev].next = t->next;
    if (t->next == NIL)
        l->tail = t->prev;
    else
        k->contact[t->next].prev = t->prev;
    l->count--;
    t->list = LIST_NONE;
}

static size_t decision_size(const struct core *k)
{
    return offsetof(struct decision, placed.candidate) + k->c->n_sites * sizeof(struct candidate);
}

struct decision *decision_new(struct core *k)
{
    struct decision *d = k->decisions_free;
    if (d) {
        k->decisions_free = d->next;
    } else {
        d = mem_new(1, decision_size(k));
        k->decisions++;
    }
    d->next = NULL;
    return d;
}

int contact_decisions(const struct contact *t)
{
    int n = 0;
    for (const struct decision *d = t->decisions; d && n < DECISIONS_KEPT; d = d->next)
        n++;
    return n;
}

void decision_free(struct core *k, struct decision *d)
{
    d->next = k->decisions_free;
    k->decisions_free = d;
}

static void slab_grow(struct core *k)
{
    uint32_t old = k->contacts_cap, cap = old ? old * 2 : 1024;
    BUG_ON(cap > 1u << 30);
    k->contact = mem_grow(k->contact, cap, sizeof *k->contact);
    memset(k->contact + old, 0, (cap - old) * sizeof *k->contact);
    for (uint32_t i = cap; i-- > old;) {
        k->contact[i].next = k->contacts_free;
        k->contacts_free = i;
    }
    k->contacts_cap = cap;
}

size_t core_bytes(const struct core *k)
{
    return k->contacts_cap * sizeof *k->contact +
           k->contact_by_id.cap * sizeof *k->contact_by_id.slot + k->decisions * decision_size(k) +
           k->ask_cap * sizeof *k->ask + k->ask_by_contact.cap * sizeof *k->ask_by_contact.slot +
           k->facts.cap * sizeof(struct event) + k->actions.cap * sizeof(struct action) +
           k->strays * sizeof *k->stray + RETURNING_SLOTS * sizeof *k->returning +
           k->c->n_agents * sizeof *k->agent;
}

struct contact *contact_find(struct core *k, struct td_id id)
{
    uint32_t at;
    return map128_find(&k->contact_by_id, id.hi, id.lo, &at) ? &k->contact[at] : NULL;
}

struct contact *contact_get(struct core *k, struct td_id id)
{
    struct contact *t = contact_find(k, id);
    if (t)
        return t;
    if (k->contacts_free == NIL)
        slab_grow(k);
    uint32_t at = k->contacts_free;
    t = &k->contact[at];
    k->contacts_free = t->next;
    *t = (struct contact){.id = id,
                          .next = NIL,
                          .prev = NIL,
                          .agent = NIL,
                          .site = SITE_NONE,
                          .queue = INDEX_NONE,
                          .now_state = CONTACT_STATES};
    map128_insert(&k->contact_by_id, id.hi, id.lo, at);
    k->contacts_live++;
    return t;
}

void contact_remove(struct core *k, struct contact *t)
{
    list_remove(k, t);
    moves_cease(k, t);
    for (struct decision *d = t->decisions; d;) {
        struct decision *next = d->next;
        decision_free(k, d);
        d = next;
    }
    map128_erase(&k->contact_by_id, t->id.hi, t->id.lo);
    uint32_t at = contact_slot(k, t);
    t->id = (struct td_id){0, 0};
    t->next = k->contacts_free;
    k->contacts_free = at;
    k->contacts_live--;
}

static uint16_t queue_index(const struct core *k, td_key key)
{
    uint32_t at;
    return map64_find(&k->queue_by_key, key, &at) ? (uint16_t)at : INDEX_NONE;
}

/* Looks queue and agent up, unless they are those of the last time: most facts change neither. */
static void contact_names(struct core *k, struct contact *t, td_key queue, td_key agent)
{
    if (t->queue_key != queue || t->queue == INDEX_NONE) {
        t->queue = queue_index(k, queue);
        t->queue_key = queue;
    }
    if (t->agent_key != agent || t->agent == NIL) {
        t->agent_key = agent;
        if (!agent || !map64_find(&k->agent_by_key, agent, &t->agent))
            t->agent = NIL;
    }
}

/* Works out what the contact is from its two registers. */
void contact_derive(struct core *k, struct contact *t)
{
    const struct ev_placed *p = t->decisions ? &t->decisions->placed : NULL;
    const struct ev_contact *s = t->state.epoch ? &t->state : NULL;
    BUG_ON(!p && !s);
    if (s && (!p || s->epoch >= p->epoch)) {
        t->epoch = s->epoch;
        t->now_state = s->state;
        t->site = s->site;
        t->channel = s->channel;
        contact_names(k, t, s->queue, s->agent);
        t->queued_at = s->queued_at;
    } else {
        t->epoch = p->epoch;
        t->now_state = CONTACT_PLACED;
        t->site = p->site;
        t->channel = p->channel;
        contact_names(k, t, p->queue, 0);
        t->queued_at = p->queued_at;
    }
    if (t->site >= k->c->n_sites)
        t->queue = INDEX_NONE;
}

static void put_ended(struct core *k, struct contact *t, int sign)
{
    if (t->queue == INDEX_NONE)
        return;
    struct queue_state *q = &k->queue[t->queue];
    const struct ev_contact *s = &t->state;
    uint64_t one = (uint64_t)(int64_t)sign; /* wraps: sums of +1 and -1 */
    q->offered += one;
    q->wait_ms += sign * s->wait_ms;
    if (s->connected_at)
        q->answered += one;
    if (s->end == ENDED_ABANDONED)
        q->abandoned += one;
    if (s->end == ENDED_COMPLETED) {
        q->talked += one;
        q->handle_ms += sign * (s->ended_at - s->connected_at);
    }
}

/* Adds (sign 1) or takes out (sign -1) what the contact contributes, lists included. */
void contact_put(struct core *k, struct contact *t, int sign)
{
    if (t->now_state >= CONTACT_STATES)
        return; /* new: nothing is in yet */
    if (sign < 0)
        list_remove(k, t);
    if (t->now_state == CONTACT_ENDED) {
        put_ended(k, t, sign);
        if (sign > 0)
            list_insert(k, t, LIST_ENDED);
        return;
    }
    if (t->queue == INDEX_NONE)
        return;
    struct site_state *s = &k->site[t->site];
    uint32_t line = LINE(t->queue, t->channel), one = (uint32_t)sign;
    uint16_t pool = k->line_pool[line];
    s->live += one;
    switch (t->now_state) {
    case CONTACT_PLACED:
    case CONTACT_QUEUED:
        if (pool != INDEX_NONE)
            s->pool_waiting[pool] += one;
        if (t->now_state == CONTACT_PLACED)
            s->inflight_all += one;
        else
            s->waiting_all += one;
        if (sign > 0)
            list_insert(k, t, t->now_state == CONTACT_PLACED ? LIST_INFLIGHT : LIST_WAITING);
        break;
    default:
        s->busy[line] += one;
        s->busy_all += one;
        if (t->agent != NIL)
            agent_take(k, t->agent, t->channel, t->now_state, sign, t->state.at);
        break;
    }
}

/* ---- agents ---- */

static void agent_count(struct core *k, const struct agent *a, uint32_t one)
{
    if (a->site == SITE_NONE)
        return;
    struct site_state *s = &k->site[a->site];
    uint16_t profile = a->profile;
    s->staffed[profile] += one;
    s->staffed_all += one;
    for (int ch = 0; ch < CHANNELS; ch++)
        if (a->free_mask >> ch & 1)
            s->idle[profile * CHANNELS + ch] += one;
}

void agent_recount(struct core *k, struct agent *a)
{
    agent_count(k, a, (uint32_t)-1);
    a->site = SITE_NONE;
    a->free_mask = 0;
    if (a->state.epoch && a->state.site < k->c->n_sites &&
        (a->state.presence == PRESENCE_AVAILABLE || a->state.presence == PRESENCE_MISSED))
        a->site = a->state.site;
    if (a->site != SITE_NONE && a->state.presence == PRESENCE_AVAILABLE && !a->wrapping &&
        !a->talking[CHANNEL_VOICE]) {
        int others = 0;
        for (int ch = 0; ch < CHANNELS; ch++) {
            others += ch != CHANNEL_VOICE ? a->talking[ch] : 0;
            if (ch != CHANNEL_VOICE && a->talking[ch] < a->concurrency[ch])
                a->free_mask |= (uint8_t)(1 << ch);
        }
        if (!others && a->concurrency[CHANNEL_VOICE])
            a->free_mask |= 1 << CHANNEL_VOICE;
    }
    agent_count(k, a, 1);
    if (a->free_mask)
        k->settle_moves = true;
}

/* A contact begins (sign 1) or ceases (-1) to occupy an agent. */
void agent_take(struct core *k, uint32_t agent, uint8_t channel, uint8_t state, int sign, td_ms at)
{
    struct agent *a = &k->agent[agent];
    if (state == CONTACT_WRAPUP)
        a->wrapping = (uint8_t)(a->wrapping + sign);
    else
        a->talking[channel] = (uint8_t)(a->talking[channel] + sign);
    if (at > a->idle_since)
        a->idle_since = at;
    agent_recount(k, a);
}
