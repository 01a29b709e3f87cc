/* agent.c - agents: what state one is in, how many contacts he could take, and who idles longest.
 *
 * The state follows from the flags and the contacts (state_of); nothing else decides it. An agent
 * with a free slot of a channel is in his profile's list of that channel. Whenever he takes or
 * finishes a contact or becomes available he goes to the end of those lists, so each is in the
 * order of idle_since without any search. */
#include "engine/internal.h"

#include <string.h>

static void slab_grow(struct engine *e)
{
    uint32_t old = e->agents_cap, cap = old ? old * 2 : 64;
    BUG_ON(cap > 2 * AGENTS_MAX);
    e->agent = mem_grow(e->agent, cap, sizeof *e->agent);
    e->agents_cap = cap;
    for (uint32_t i = cap; i-- > old;) {
        e->agent[i] = (struct agent){.first = e->agents_free};
        e->agents_free = i;
    }
    engine__timer_room(e);
}

uint32_t engine__agent_new(struct engine *e, uint32_t index)
{
    if (e->agents_free == NIL)
        slab_grow(e);
    uint32_t slot = e->agents_free;
    struct agent *a = &e->agent[slot];
    e->agents_free = a->first;
    const struct cfg_agent *ca = &e->c->agent[index];
    *a = (struct agent){
        .key = ca->key,
        .here = true,
        .index = index,
        .profile = ca->profile < e->c->n_profiles ? ca->profile : INDEX_NONE,
        .first = NIL,
        .rng = rng_seed(e->seed, ca->key ^ mix64((uint64_t)e->now)),
    };
    engine__agent_plan_break(e, a);
    e->in_state[AGENT_OFFLINE]++;
    e->agent_slot[index] = slot;
    map64_insert(&e->agent_by_key, a->key, slot);
    return slot;
}

static enum engine_agent_state state_of(const struct agent *a)
{
    if (a->engaged)
        return AGENT_ON_CONTACT;
    if (a->contacts)
        return AGENT_WRAPUP;
    if (a->leaving)
        return AGENT_OFFLINE;
    if (a->on_break)
        return AGENT_BREAK;
    return a->missed ? AGENT_MISSED : AGENT_AVAILABLE;
}

static void restate(struct engine *e, struct agent *a)
{
    enum engine_agent_state state = state_of(a);
    if (state == a->state)
        return;
    if (state == AGENT_BREAK && a->break_drawn)
        a->break_until = e->now + engine__ms(e->c->people.break_min * 60);
    e->in_state[a->state]--;
    e->in_state[state]++;
    a->state = (uint8_t)state;
}

void engine__agent_announce(struct engine *e, uint32_t agent)
{
    struct agent *a = &e->agent[agent];
    if (a->index == NIL ||
        (a->state == a->told_state && memcmp(a->free, a->told_free, sizeof a->free) == 0))
        return;
    a->told_state = a->state;
    memcpy(a->told_free, a->free, sizeof a->free);
    struct engine_event *v = engine__emit(e, ENGINE_AGENT, NULL, agent);
    v->agent_state = a->state;
    memcpy(v->free_slots, a->free, sizeof a->free);
}

/* ---- free slots and idle lists ---- */

void engine__agent_count_free(const struct engine *e, const struct agent *a,
                              uint8_t free_slots[CHANNELS])
{
    memset(free_slots, 0, CHANNELS);
    if (a->leaving || a->on_break || a->missed || a->profile == INDEX_NONE ||
        a->taken[CHANNEL_VOICE])
        return;
    const uint8_t *most = e->profile[a->profile].concurrency;
    free_slots[CHANNEL_VOICE] = a->contacts == 0 && most[CHANNEL_VOICE] > 0;
    for (int ch = CHANNEL_VOICE + 1; ch < CHANNELS; ch++)
        if (most[ch] > a->taken[ch])
            free_slots[ch] = (uint8_t)(most[ch] - a->taken[ch]);
}

void engine__agent_list(struct engine *e, uint32_t agent)
{
    struct agent *a = &e->agent[agent];
    engine__agent_count_free(e, a, a->free);
    for (int ch = 0; ch < CHANNELS; ch++) {
        if (!a->free[ch])
            continue;
        struct idle_list *l = &e->profile[a->profile].idle[ch];
        a->idle[ch] = (struct idle_link){.next = NIL, .prev = l->tail};
        if (l->tail == NIL)
            l->head = agent;
        else
            e->agent[l->tail].idle[ch].next = agent;
        l->tail = agent;
        l->count++;
    }
}

static void unlist(struct engine *e, uint32_t agent)
{
    struct agent *a = &e->agent[agent];
    for (int ch = 0; ch < CHANNELS; ch++) {
        if (!a->free[ch])
            continue;
        struct idle_list *l = &e->profile[a->profile].idle[ch];
        struct idle_link at = a->idle[ch];
        if (at.prev == NIL)
            l->head = at.next;
        else
            e->agent[at.prev].idle[ch].next = at.next;
        if (at.next == NIL)
            l->tail = at.prev;
        else
            e->agent[at.next].idle[ch].prev = at.prev;
        l->count--;
        a->free[ch] = 0;
    }
}

static void relist(struct engine *e, uint32_t agent)
{
    struct agent *a = &e->agent[agent];
    unlist(e, agent);
    a->idle_since = e->now;
    a->idle_order = ++e->idle_orders;
    engine__agent_list(e, agent);
}

/* ---- contacts come and go ---- */

static void link_first(struct engine *e, struct agent *a, uint32_t contact)
{
    struct contact *c = &e->contact[contact];
    c->prev = NIL;
    c->next = a->first;
    if (c->next != NIL)
        e->contact[c->next].prev = contact;
    a->first = contact;
}

static void unlink(struct engine *e, struct agent *a, uint32_t contact)
{
    struct contact *c = &e->contact[contact];
    if (c->prev == NIL)
        a->first = c->next;
    else
        e->contact[c->prev].next = c->next;
    if (c->next != NIL)
        e->contact[c->next].prev = c->prev;
}

void engine__agent_take(struct engine *e, uint32_t agent, uint32_t contact)
{
    struct agent *a = &e->agent[agent];
    link_first(e, a, contact);
    a->taken[e->contact[contact].k.channel]++;
    a->contacts++;
    a->engaged++;
    relist(e, agent);
    restate(e, a);
}

void engine__agent_leave(struct engine *e, uint32_t agent, uint32_t contact)
{
    struct agent *a = &e->agent[agent];
    uint8_t phase = e->contact[contact].phase;
    unlink(e, a, contact);
    a->taken[e->contact[contact].k.channel]--;
    a->contacts--;
    if (phase == PHASE_RINGING || phase == PHASE_TALKING || phase == PHASE_HELD)
        a->engaged--;
}

void engine__agent_disengage(struct engine *e, uint32_t agent)
{
    e->agent[agent].engaged--;
    restate(e, &e->agent[agent]);
}

void engine__agent_replace(struct engine *e, uint32_t agent, uint32_t contact, uint32_t by)
{
    unlink(e, &e->agent[agent], contact);
    link_first(e, &e->agent[agent], by);
}

static void sign_off(struct engine *e, uint32_t agent)
{
    struct agent *a = &e->agent[agent];
    unlist(e, agent);
    restate(e, a);
    engine__agent_announce(e, agent);
    engine__timer(e, agent * 2 + 1, NEVER);
    if (a->index != NIL)
        e->agent_slot[a->index] = NIL;
    map64_erase(&e->agent_by_key, a->key);
    e->in_state[AGENT_OFFLINE]--;
    a->here = false;
    a->first = e->agents_free;
    e->agents_free = agent;
}

/* False: he has signed out, and the slot is free. */
static bool settle(struct engine *e, uint32_t agent)
{
    struct agent *a = &e->agent[agent];
    if (a->leaving && a->contacts == 0) {
        sign_off(e, agent);
        return false;
    }
    relist(e, agent);
    restate(e, a);
    engine__agent_schedule(e, agent);
    return true;
}

void engine__agent_freed(struct engine *e, uint32_t agent)
{
    if (!settle(e, agent))
        return;
    engine__serve_agent(e, agent);
    engine__agent_announce(e, agent);
}

void engine__agent_changed(struct engine *e, uint32_t agent)
{
    if (!settle(e, agent))
        return;
    engine__agent_announce(e, agent);
    engine__serve_agent(e, agent);
    engine__agent_announce(e, agent);
}

/* ---- by himself ---- */

void engine__agent_plan_break(struct engine *e, struct agent *a)
{
    double every_min = e->c->people.break_every_min;
    a->break_at = NEVER;
    if (every_min > 0 && !a->on_break)
        a->break_at = e->now + MAX(engine__ms(rng_exp(&a->rng, every_min * 60)), BREAK_GAP_MIN_MS);
}

void engine__agent_schedule(struct engine *e, uint32_t agent)
{
    const struct agent *a = &e->agent[agent];
    td_ms at = a->on_break ? NEVER : a->break_at;
    if (a->state == AGENT_BREAK && a->break_drawn)
        at = a->break_until;
    if (a->missed)
        at = MIN(at, a->missed_until);
    engine__timer(e, agent * 2 + 1, at);
}

void engine__agent_due(struct engine *e, uint32_t agent)
{
    struct agent *a = &e->agent[agent];
    if (a->missed && a->missed_until <= e->now)
        a->missed = false;
    if (a->state == AGENT_BREAK && a->break_drawn && a->break_until <= e->now) {
        a->on_break = a->break_drawn = false;
        engine__agent_plan_break(e, a);
    } else if (!a->on_break && a->break_at <= e->now) {
        a->on_break = a->break_drawn = true;
        a->break_at = NEVER;
    }
    engine__agent_changed(e, agent);
}
