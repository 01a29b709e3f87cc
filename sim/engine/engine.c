#include "engine/internal.h"

#include <string.h>

const char *const engine_reason_names[END_REASONS] = {"completed", "abandoned", "closed",
                                                      "busy",      "dropped",   "released"};
const char *const engine_agent_state_names[AGENT_STATES] = {"offline", "available", "on_contact",
                                                            "wrapup",  "break",     "missed"};

struct engine *engine_new(const struct config *c, uint8_t site, uint64_t seed)
{
    BUG_ON(site >= c->n_sites);
    struct engine *e = mem_new(1, sizeof *e);
    e->c = c;
    e->seed = seed;
    e->site = c->site[site].key;
    e->contacts_max = c->site[site].contacts_max;
    e->now = INT64_MIN;
    e->contacts_free = e->agents_free = NIL;
    e->agent_slot = mem_new(c->n_agents, sizeof *e->agent_slot);
    for (uint32_t i = 0; i < c->n_agents; i++)
        e->agent_slot[i] = NIL;
    e->weight = mem_new(c->n_queues, sizeof *e->weight);
    for (uint16_t q = 0; q < c->n_queues; q++)
        e->weight[q] = 1;
    engine__layout_build(e);
    return e;
}

void engine_free(struct engine *e)
{
    if (!e)
        return;
    engine__layout_free(e);
    mem_free(e->contact);
    mem_free(e->wait_pos);
    map128_free(&e->contact_by_id);
    mem_free(e->agent);
    mem_free(e->agent_slot);
    map64_free(&e->agent_by_key);
    iheap_free(&e->timers);
    mem_free(e->timer_pos);
    mem_free(e->weight);
    mem_free(e->out);
    mem_free(e);
}

/* ---- outputs ---- */

static void outputs_grow(struct engine *e)
{
    BUG_ON(e->out_cap >= OUTPUTS_MAX);
    uint32_t cap = e->out_cap ? e->out_cap * 2 : 64;
    struct engine_event *out = mem_new(cap, sizeof *out);
    for (uint32_t i = 0; i < e->out_count; i++)
        out[i] = e->out[(e->out_first + i) & (e->out_cap - 1)];
    mem_free(e->out);
    e->out = out;
    e->out_cap = cap;
    e->out_first = 0;
}

struct engine_event *engine__emit(struct engine *e, enum engine_event_type type,
                                  const struct contact *c, uint32_t agent)
{
    if (e->out_count == e->out_cap)
        outputs_grow(e);
    struct engine_event *v = &e->out[(e->out_first + e->out_count++) & (e->out_cap - 1)];
    *v = (struct engine_event){
        .type = type,
        .at = e->now,
        .queue = INDEX_NONE,
        .agent = agent == NIL ? NIL : e->agent[agent].index,
    };
    if (c) {
        v->contact = c->k.id;
        v->queue = c->k.queue;
        v->channel = c->k.channel;
    }
    return v;
}

bool engine_pop(struct engine *e, struct engine_event *out)
{
    if (!e->out_count)
        return false;
    *out = e->out[e->out_first];
    e->out_first = (e->out_first + 1) & (e->out_cap - 1);
    e->out_count--;
    return true;
}

/* ---- time ---- */

void engine__timer(struct engine *e, uint32_t item, td_ms at)
{
    if (at == NEVER)
        iheap_remove(&e->timers, e->timer_pos, item);
    else
        iheap_set(&e->timers, e->timer_pos, item, at, ++e->timer_orders);
}

void engine__timer_room(struct engine *e)
{
    uint32_t need = 2 * MAX(e->contacts_cap, e->agents_cap);
    if (need <= e->timer_pos_cap)
        return;
    e->timer_pos = mem_grow(e->timer_pos, need, sizeof *e->timer_pos);
    for (uint32_t i = e->timer_pos_cap; i < need; i++)
        e->timer_pos[i] = IHEAP_NONE;
    e->timer_pos_cap = need;
}

td_ms engine_next(const struct engine *e)
{
    return e->timers.count ? e->timers.entry[0].key : NEVER;
}

void engine_advance(struct engine *e, td_ms now)
{
    BUG_ON(now < e->now);
    while (e->timers.count && e->timers.entry[0].key <= now) {
        e->now = MAX(e->now, e->timers.entry[0].key);
        uint32_t item = e->timers.entry[0].item;
        if (item & 1)
            engine__agent_due(e, item / 2);
        else
            engine__contact_due(e, item / 2);
    }
    e->now = now;
}

/* ---- contacts ---- */

static int64_t clamp(int64_t v, int64_t low, int64_t high)
{
    return v < low ? low : v > high ? high : v;
}

/* A hold ends with the talk at the latest. */
static void fit_hold(struct engine_contact *k)
{
    k->hold_at_ms = clamp(k->hold_at_ms, 0, k->handle_ms);
    k->hold_ms = clamp(k->hold_ms, 0, k->handle_ms - k->hold_at_ms);
}

static void refuse(struct engine *e, const struct engine_contact *k, enum engine_reason reason)
{
    struct contact c = {.k = *k};
    engine__emit(e, ENGINE_ENDED, &c, NIL)->reason = (uint8_t)reason;
}

bool engine_arrive(struct engine *e, td_ms now, const struct engine_contact *k)
{
    engine_advance(e, now);
    if (id_none(k->id) || k->queue >= e->c->n_queues || k->channel >= CHANNELS ||
        engine__contact_find(e, k->id) != NIL)
        return false;
    if (e->live >= e->contacts_max) {
        refuse(e, k, END_BUSY);
        return true;
    }
    uint32_t slot = engine__contact_new(e);
    struct contact *c = &e->contact[slot];
    c->k = *k;
    c->k.priority = (uint8_t)(k->priority ? MIN(k->priority, PRIORITY_WORST) : PRIORITY_NORMAL);
    c->k.enqueued_at = clamp(k->enqueued_at, now - SPAN_MAX, now + SPAN_MAX);
    c->k.adjust_ms = clamp(k->adjust_ms, -SPAN_MAX, SPAN_MAX);
    c->k.handle_ms = MIN(k->handle_ms, SPAN_MAX);
    c->k.wrapup_ms = MIN(k->wrapup_ms, SPAN_MAX);
    if (k->transfer_queue >= e->c->n_queues)
        c->k.transfer_queue = INDEX_NONE;
    engine__draw_figures(e, c);
    fit_hold(&c->k);
    map128_insert(&e->contact_by_id, k->id.hi, k->id.lo, slot);
    e->live++;
    engine__contact_enqueue(e, slot);
    return true;
}

bool engine_release(struct engine *e, td_ms now, struct td_id id, struct engine_contact *out)
{
    engine_advance(e, now);
    uint32_t slot = engine__contact_find(e, id);
    if (slot == NIL || e->contact[slot].phase != PHASE_WAITING)
        return false;
    *out = e->contact[slot].k;
    engine__contact_end(e, slot, END_RELEASED);
    return true;
}

bool engine_drop(struct engine *e, td_ms now, struct td_id id)
{
    engine_advance(e, now);
    uint32_t slot = engine__contact_find(e, id);
    if (slot == NIL)
        return false;
    engine__contact_cut(e, slot);
    return true;
}

bool engine_transfer(struct engine *e, td_ms now, struct td_id id, uint16_t queue)
{
    engine_advance(e, now);
    uint32_t slot = engine__contact_find(e, id);
    if (slot == NIL || queue >= e->c->n_queues ||
        (e->contact[slot].phase != PHASE_TALKING && e->contact[slot].phase != PHASE_HELD))
        return false;
    engine__contact_transfer(e, slot, queue);
    return true;
}

void engine_priority(struct engine *e, td_ms now, struct td_id id, uint8_t priority,
                     int64_t adjust_ms)
{
    engine_advance(e, now);
    uint32_t slot = engine__contact_find(e, id);
    if (slot == NIL || e->contact[slot].phase != PHASE_WAITING)
        return;
    engine__line_remove(e, slot);
    struct contact *c = &e->contact[slot];
    c->k.priority = (uint8_t)clamp(priority, 1, PRIORITY_WORST);
    c->k.adjust_ms = clamp(adjust_ms, -SPAN_MAX, SPAN_MAX);
    engine__line_add(e, slot);
    engine__contact_schedule(e, slot);
    engine__serve_contact(e, slot); /* it may have become old enough for a delayed row */
}

void engine_weight(struct engine *e, uint16_t queue, double weight)
{
    if (queue < e->c->n_queues && weight >= 0 && weight <= 1e9)
        e->weight[queue] = weight;
}

/* ---- agents ---- */

static uint32_t signed_in(const struct engine *e, uint32_t index)
{
    return index < e->c->n_agents ? e->agent_slot[index] : NIL;
}

void engine_sign_in(struct engine *e, td_ms now, uint32_t agent)
{
    engine_advance(e, now);
    if (agent >= e->c->n_agents)
        return;
    uint32_t slot = signed_in(e, agent);
    if (slot == NIL)
        slot = engine__agent_new(e, agent);
    else if (e->agent[slot].leaving)
        e->agent[slot].leaving = false;
    else
        return;
    engine__agent_changed(e, slot);
}

void engine_sign_out(struct engine *e, td_ms now, uint32_t agent, bool now_or_drop)
{
    engine_advance(e, now);
    uint32_t slot = signed_in(e, agent);
    if (slot == NIL)
        return;
    e->agent[slot].leaving = true;
    bool busy = e->agent[slot].contacts > 0;
    engine__agent_changed(e, slot);
    /* The slot is freed with the last contact, so ask by name each time. */
    while (busy && now_or_drop && signed_in(e, agent) != NIL) {
        uint32_t contact = e->agent[slot].first;
        if (e->contact[contact].phase == PHASE_RINGING)
            engine__contact_unanswered(e, contact);
        else
            engine__contact_cut(e, contact);
    }
}

void engine_set_break(struct engine *e, td_ms now, uint32_t agent, bool on_break)
{
    engine_advance(e, now);
    uint32_t slot = signed_in(e, agent);
    if (slot == NIL)
        return;
    struct agent *a = &e->agent[slot];
    bool as_before = a->on_break == on_break;
    a->on_break = on_break;
    a->break_drawn = false; /* what was told lasts until the contrary is told */
    if (as_before) {
        engine__agent_schedule(e, slot);
    } else {
        engine__agent_plan_break(e, a);
        engine__agent_changed(e, slot);
    }
}

bool engine_signed_in(const struct engine *e, uint32_t agent)
{
    return signed_in(e, agent) != NIL;
}

bool engine_agent_clear(const struct engine *e, uint32_t agent)
{
    uint32_t slot = signed_in(e, agent);
    return slot == NIL || e->agent[slot].contacts == 0;
}

/* ---- what is here ---- */

uint32_t engine_waiting(const struct engine *e, uint16_t queue)
{
    uint32_t n = 0;
    for (uint32_t ch = 0; queue < e->c->n_queues && ch < CHANNELS; ch++)
        n += e->line[(uint32_t)queue * CHANNELS + ch].waiting;
    return n;
}

td_ms engine_oldest(const struct engine *e, uint16_t queue)
{
    td_ms oldest = NEVER;
    for (uint32_t ch = 0; queue < e->c->n_queues && ch < CHANNELS; ch++) {
        const struct line *l = &e->line[(uint32_t)queue * CHANNELS + ch];
        for (uint32_t levels = l->levels; levels; levels &= levels - 1) {
            const struct iheap *h = &l->level[__builtin_ctz(levels)];
            oldest = MIN(oldest, e->contact[h->entry[0].item].k.enqueued_at);
        }
    }
    return oldest;
}

uint32_t engine_live(const struct engine *e)
{
    return e->live;
}

uint32_t engine_staffed(const struct engine *e)
{
    return e->in_state[AGENT_AVAILABLE] + e->in_state[AGENT_ON_CONTACT] +
           e->in_state[AGENT_WRAPUP] + e->in_state[AGENT_MISSED];
}

uint32_t engine_busy(const struct engine *e)
{
    return e->in_state[AGENT_ON_CONTACT] + e->in_state[AGENT_WRAPUP];
}

static bool is_connected(const struct contact *c)
{
    return c->phase == PHASE_TALKING || c->phase == PHASE_HELD || c->phase == PHASE_WRAPUP;
}

void engine_each(const struct engine *e,
                 void (*fn)(void *arg, const struct engine_contact *k, bool connected,
                            uint32_t agent),
                 void *arg)
{
    for (uint32_t i = 0; i < e->contacts_cap; i++) {
        const struct contact *c = &e->contact[i];
        if (c->phase == PHASE_NONE || c->phase == PHASE_LEFT)
            continue;
        bool connected = is_connected(c);
        fn(arg, &c->k, connected, connected ? e->agent[c->agent].index : NIL);
    }
}

bool engine_has(const struct engine *e, struct td_id id, bool *connected)
{
    uint32_t slot = engine__contact_find(e, id);
    if (slot == NIL)
        return false;
    *connected = is_connected(&e->contact[slot]);
    return true;
}
