/* contact.c - the life of a contact.
 *
 *   (arrives) -> WAITING -> [RINGING ->] TALKING <-> HELD -> WRAPUP -> (ended)
 *
 * WAITING also ends when the customer gives up or the contact is released; RINGING goes back to
 * WAITING when the agent does not answer. On a transfer the contact goes back to WAITING in
 * another queue, and a slot in phase LEFT stays behind for the agent's wrap-up. Each contact has
 * one timer, set by engine__contact_schedule for its phase. */
#include "engine/internal.h"

static void slab_grow(struct engine *e)
{
    uint32_t old = e->contacts_cap, cap = old ? old * 2 : 64;
    BUG_ON(cap > UINT32_MAX / 8);
    e->contact = mem_grow(e->contact, cap, sizeof *e->contact);
    e->wait_pos = mem_grow(e->wait_pos, cap, sizeof *e->wait_pos);
    e->contacts_cap = cap;
    for (uint32_t i = cap; i-- > old;) {
        e->contact[i] = (struct contact){.next = e->contacts_free};
        e->wait_pos[i] = IHEAP_NONE;
        e->contacts_free = i;
    }
    engine__timer_room(e);
}

uint32_t engine__contact_new(struct engine *e)
{
    if (e->contacts_free == NIL)
        slab_grow(e);
    uint32_t slot = e->contacts_free;
    e->contacts_free = e->contact[slot].next;
    e->contact[slot] = (struct contact){.agent = NIL, .next = NIL, .prev = NIL};
    return slot;
}

static void contact_free(struct engine *e, uint32_t slot)
{
    struct contact *c = &e->contact[slot];
    engine__timer(e, slot * 2, NEVER);
    if (c->phase != PHASE_LEFT)
        map128_erase(&e->contact_by_id, c->k.id.hi, c->k.id.lo);
    c->phase = PHASE_NONE;
    c->next = e->contacts_free;
    e->contacts_free = slot;
}

uint32_t engine__contact_find(const struct engine *e, struct td_id id)
{
    uint32_t slot;
    return map128_find(&e->contact_by_id, id.hi, id.lo, &slot) ? slot : NIL;
}

static td_ms due_at(const struct engine *e, const struct contact *c)
{
    switch ((enum phase)c->phase) {
    case PHASE_WAITING: return MIN(c->k.gives_up_at, engine__next_ripe(e, c));
    case PHASE_RINGING: return MIN(c->k.gives_up_at, c->until);
    case PHASE_TALKING:
        if (c->k.hold_ms > 0 && !c->hold_done)
            return c->connected_at + c->k.hold_at_ms;
        return c->connected_at + c->k.handle_ms;
    case PHASE_HELD: return c->connected_at + c->k.hold_at_ms + c->k.hold_ms;
    case PHASE_WRAPUP:
    case PHASE_LEFT: return c->until;
    case PHASE_NONE: break;
    }
    return NEVER;
}

void engine__contact_schedule(struct engine *e, uint32_t slot)
{
    engine__timer(e, slot * 2, due_at(e, &e->contact[slot]));
}

/* ---- waiting ---- */

void engine__contact_enqueue(struct engine *e, uint32_t slot)
{
    struct contact *c = &e->contact[slot];
    c->phase = PHASE_WAITING;
    if (!config_hours_open(e->c, e->c->queue[c->k.queue].hours, e->now)) {
        engine__contact_end(e, slot, END_CLOSED);
        return;
    }
    engine__emit(e, ENGINE_QUEUED, c, NIL);
    if (c->k.gives_up_at < e->now) { /* the customer left on the way here */
        engine__contact_end(e, slot, END_ABANDONED);
        return;
    }
    c->place = ++e->places;
    engine__line_add(e, slot);
    engine__serve_contact(e, slot);
    if (e->contact[slot].phase == PHASE_WAITING)
        engine__contact_schedule(e, slot);
}

static int64_t ring_ms(const struct engine *e)
{
    return MAX(engine__ms(e->c->people.miss_ring_s), RING_MIN_MS);
}

void engine__contact_unanswered(struct engine *e, uint32_t slot)
{
    struct contact *c = &e->contact[slot];
    uint32_t agent = c->agent;
    struct agent *a = &e->agent[agent];
    engine__emit(e, ENGINE_MISSED, c, agent);
    engine__agent_leave(e, agent, slot);
    c->agent = NIL;
    c->phase = PHASE_WAITING;
    a->missed = true;
    a->missed_until = e->now + ring_ms(e);
    if (c->k.queue != INDEX_NONE)
        engine__line_add(e, slot); /* at its old place */
    engine__agent_changed(e, agent);
    if (e->contact[slot].k.queue == INDEX_NONE) {
        engine__contact_end(e, slot, END_CLOSED); /* its queue is no longer configured */
        return;
    }
    engine__contact_schedule(e, slot);
    engine__serve_contact(e, slot);
}

/* ---- with an agent ---- */

void engine__contact_connect(struct engine *e, uint32_t slot, uint32_t agent)
{
    struct contact *c = &e->contact[slot];
    uint32_t free_agents = engine__count_free(e, c);
    engine__line_remove(e, slot);
    c->agent = agent;
    c->connected_at = e->now;
    c->hold_done = false;
    c->offers++;
    if (e->c->people.miss_chance > 0) {
        engine__emit(e, ENGINE_OFFERED, c, agent);
        if (engine__draw_miss(e, c)) {
            c->phase = PHASE_RINGING;
            c->until = e->now + ring_ms(e);
        }
    }
    if (c->phase != PHASE_RINGING) {
        c->phase = PHASE_TALKING;
        struct engine_event *v = engine__emit(e, ENGINE_CONNECTED, c, agent);
        v->idle_ms = e->now - e->agent[agent].idle_since;
        v->free_agents = free_agents;
    }
    engine__agent_take(e, agent, slot);
    engine__contact_schedule(e, slot);
}

/* The agent is done with this customer; also the end of phase LEFT. */
static void wrapup_over(struct engine *e, uint32_t slot)
{
    struct contact *c = &e->contact[slot];
    uint32_t agent = c->agent;
    if (c->phase == PHASE_WRAPUP)
        engine__emit(e, ENGINE_ENDED, c, agent)->reason = END_COMPLETED;
    engine__agent_leave(e, agent, slot);
    contact_free(e, slot);
    engine__agent_freed(e, agent);
}

static void customer_leaves(struct engine *e, uint32_t slot)
{
    struct contact *c = &e->contact[slot];
    engine__emit(e, ENGINE_WRAPUP, c, c->agent);
    engine__agent_disengage(e, c->agent);
    e->live--;
    c->phase = PHASE_WRAPUP;
    c->until = e->now + c->k.wrapup_ms;
    if (c->k.wrapup_ms == 0) {
        wrapup_over(e, slot);
        return;
    }
    engine__agent_announce(e, c->agent);
    engine__contact_schedule(e, slot);
}

/* The agent's part of a transfer: wraps up, or is free at once. */
static void leave_behind(struct engine *e, uint32_t slot)
{
    uint32_t agent = e->contact[slot].agent, channel = e->contact[slot].k.channel;
    int64_t wrapup_ms = e->contact[slot].k.wrapup_ms;
    e->contact[slot].agent = NIL;
    if (wrapup_ms == 0) {
        engine__agent_leave(e, agent, slot);
        engine__agent_freed(e, agent);
        return;
    }
    engine__agent_disengage(e, agent);
    uint32_t rest = engine__contact_new(e);
    struct contact *r = &e->contact[rest];
    r->phase = PHASE_LEFT;
    r->agent = agent;
    r->k.channel = (uint8_t)channel;
    r->until = e->now + wrapup_ms;
    engine__agent_replace(e, agent, slot, rest);
    engine__agent_announce(e, agent);
    engine__contact_schedule(e, rest);
}

void engine__contact_transfer(struct engine *e, uint32_t slot, uint16_t queue)
{
    struct contact *c = &e->contact[slot];
    engine__emit(e, ENGINE_TRANSFERRED, c, c->agent)->queue = queue;
    engine__timer(e, slot * 2, NEVER);
    leave_behind(e, slot);
    c = &e->contact[slot];
    c->leg++;
    c->k.queue = queue;
    c->k.transfer_queue = INDEX_NONE;
    c->k.preferred_agent = 0;
    c->k.enqueued_at = e->now;
    c->k.adjust_ms = 0;
    c->k.gives_up_at = c->k.handle_ms = c->k.wrapup_ms = c->k.hold_at_ms = c->k.hold_ms = -1;
    engine__draw_figures(e, c);
    engine__contact_enqueue(e, slot);
}

/* ---- ends ---- */

void engine__contact_end(struct engine *e, uint32_t slot, enum engine_reason reason)
{
    struct contact *c = &e->contact[slot];
    uint32_t agent = c->agent;
    BUG_ON(c->phase != PHASE_WAITING && c->phase != PHASE_RINGING && c->phase != PHASE_TALKING &&
           c->phase != PHASE_HELD);
    engine__emit(e, ENGINE_ENDED, c, agent)->reason = (uint8_t)reason;
    e->live--;
    if (agent == NIL)
        engine__line_remove(e, slot);
    else
        engine__agent_leave(e, agent, slot);
    contact_free(e, slot);
    if (agent != NIL)
        engine__agent_freed(e, agent);
}

void engine__contact_cut(struct engine *e, uint32_t slot)
{
    if (e->contact[slot].phase == PHASE_WRAPUP || e->contact[slot].phase == PHASE_LEFT)
        wrapup_over(e, slot);
    else
        engine__contact_end(e, slot, END_DROPPED);
}

/* ---- by itself ---- */

static void talking_due(struct engine *e, uint32_t slot)
{
    struct contact *c = &e->contact[slot];
    if (c->k.hold_ms > 0 && !c->hold_done) {
        c->phase = PHASE_HELD;
        engine__emit(e, ENGINE_HELD, c, c->agent);
        engine__contact_schedule(e, slot);
    } else if (c->k.transfer_queue != INDEX_NONE) {
        engine__contact_transfer(e, slot, c->k.transfer_queue);
    } else {
        customer_leaves(e, slot);
    }
}

void engine__contact_due(struct engine *e, uint32_t slot)
{
    struct contact *c = &e->contact[slot];
    switch ((enum phase)c->phase) {
    case PHASE_WAITING:
        if (c->k.gives_up_at <= e->now) {
            engine__contact_end(e, slot, END_ABANDONED);
            return;
        }
        engine__contact_schedule(e, slot); /* for the next delay, or the end of patience */
        engine__serve_contact(e, slot);
        return;
    case PHASE_RINGING:
        if (c->k.gives_up_at <= e->now)
            engine__contact_end(e, slot, END_ABANDONED);
        else
            engine__contact_unanswered(e, slot);
        return;
    case PHASE_TALKING: talking_due(e, slot); return;
    case PHASE_HELD:
        c->phase = PHASE_TALKING;
        c->hold_done = true;
        engine__emit(e, ENGINE_RESUMED, c, c->agent);
        engine__contact_schedule(e, slot);
        return;
    case PHASE_WRAPUP:
    case PHASE_LEFT: wrapup_over(e, slot); return;
    case PHASE_NONE: break;
    }
    BUG_ON(true); /* a free slot has no timer */
}
