/* contact.c - contacts from their arrival to their record, and what an engine says of them. */
#include "connect/center_i.h"

#include <stdio.h>
#include <string.h>

static struct center *center_of(const struct instance *i)
{
    return i->mirror->center;
}

/* ---- the table ---- */

static void index_contact(struct center *c, struct contact *k, struct td_id id)
{
    map128_insert(&c->contact_by_id, id.hi, id.lo, k->slot);
}

static struct contact *contact_new(struct instance *i)
{
    struct center *c = center_of(i);
    struct contact *k = mem_new(1, sizeof *k);
    if (c->n_slot_free) {
        k->slot = c->slot_free[--c->n_slot_free];
    } else {
        k->slot = c->n_slots++;
        if ((k->slot & (k->slot - 1)) == 0) { /* full at every power of two */
            size_t cap = k->slot ? k->slot * 2u : 1;
            c->contact = mem_grow(c->contact, cap, sizeof(struct contact *));
            c->slot_free = mem_grow(c->slot_free, cap, sizeof *c->slot_free);
        }
    }
    c->contact[k->slot] = k;
    k->at = i;
    k->origin_side = i->side;
    k->id = k->engine_id = center_id(c);
    k->initiated_at = k->updated_at = k->state_at = c->now;
    k->priority = 5;
    index_contact(c, k, k->id);
    TAILQ_INSERT_TAIL(&i->live, k, of_instance);
    i->n_live++;
    return k;
}

static void contact_free(struct center *c, struct contact *k)
{
    uint32_t slot;
    map128_erase(&c->contact_by_id, k->id.hi, k->id.lo);
    if (!id_eq(k->id, k->engine_id) &&
        map128_find(&c->contact_by_id, k->engine_id.hi, k->engine_id.lo, &slot) && slot == k->slot)
        map128_erase(&c->contact_by_id, k->engine_id.hi, k->engine_id.lo);
    c->contact[k->slot] = NULL;
    c->slot_free[c->n_slot_free++] = k->slot;
    mem_free(k->name);
    mem_free(k->description);
    json_decref(k->attributes);
    json_decref(k->tags);
    json_decref(k->references);
    json_decref(k->segments);
    json_decref(k->criteria);
    mem_free(k);
}

void contacts_free(struct instance *i)
{
    struct contact_list *both[2] = {&i->live, &i->ended};
    for (int l = 0; l < 2; l++) {
        struct contact *k;
        while ((k = TAILQ_FIRST(both[l]))) {
            TAILQ_REMOVE(both[l], k, of_instance);
            if (k->with_user)
                LIST_REMOVE(k, of_user);
            contact_free(center_of(i), k);
        }
    }
}

static struct contact *by_id(const struct center *c, struct td_id id)
{
    uint32_t slot;
    return map128_find(&c->contact_by_id, id.hi, id.lo, &slot) ? c->contact[slot] : NULL;
}

struct contact *contact_find(const struct instance *i, const char *id)
{
    struct td_id want;
    struct contact *k = id_parse(id, &want) ? by_id(center_of(i), want) : NULL;
    return k && id_eq(k->id, want) && k->at->mirror == i->mirror ? k : NULL;
}

/* ---- states ---- */

static void set_state(struct contact *k, enum contact_state state)
{
    k->state = (uint8_t)state;
    k->state_at = k->updated_at = center_of(k->at)->now;
}

static void tell(struct contact *k, enum center_event event)
{
    center_tell(center_of(k->at), event, k->at, k, k->with_user ? k->user : NULL);
}

static void give_to(struct contact *k, struct user *u)
{
    if (k->with_user)
        return;
    k->user = u;
    k->with_user = true;
    LIST_INSERT_HEAD(&u->contacts, k, of_user);
}

static void take_away(struct contact *k)
{
    if (!k->with_user)
        return;
    LIST_REMOVE(k, of_user);
    k->with_user = false;
    user_contact_gone(k->user);
}

static void end_hold(struct contact *k, td_ms at)
{
    if (!k->held_at)
        return;
    k->hold_ms += at - k->held_at;
    k->hold_longest_ms = MAX(k->hold_longest_ms, at - k->held_at);
    k->held_at = 0;
}

/* The customer has left. */
static void disconnect(struct contact *k, const char *reason)
{
    if (k->disconnected_at)
        return;
    end_hold(k, center_of(k->at)->now);
    k->disconnected_at = center_of(k->at)->now;
    if (k->enqueued_at && !k->dequeued_at)
        k->dequeued_at = k->disconnected_at;
    if (!k->reason)
        k->reason = reason;
    k->at->n_in[k->channel]--;
    set_state(k, CONTACT_WRAPUP);
    tell(k, CE_CONTACT_DISCONNECTED);
}

/* Nothing more happens with it: it becomes history. */
static void complete(struct contact *k, const char *reason)
{
    struct instance *i = k->at;
    struct center *c = center_of(i);
    disconnect(k, reason);
    if (k->wrapup_at || k->connected_at)
        k->wrapup_at = k->wrapup_at ? k->wrapup_at : k->disconnected_at;
    k->completed_at = c->now;
    k->in_engine = false;
    set_state(k, CONTACT_COMPLETED);
    tell(k, CE_CONTACT_COMPLETED);
    take_away(k);
    TAILQ_REMOVE(&i->live, k, of_instance);
    TAILQ_INSERT_TAIL(&i->ended, k, of_instance);
    i->n_live--;
    i->n_ended++;
    i->ended_total++;
    while (i->n_ended > c->options.history_max) {
        struct contact *old = TAILQ_FIRST(&i->ended);
        TAILQ_REMOVE(&i->ended, old, of_instance);
        i->n_ended--;
        contact_free(c, old);
    }
}

/* ---- what the engine says ---- */

static void end_of(struct contact *k, const struct engine_event *e)
{
    static const char *const reasons[END_REASONS] = {
        [END_COMPLETED] = "CUSTOMER_DISCONNECT",  [END_ABANDONED] = "CUSTOMER_DISCONNECT",
        [END_CLOSED] = "CONTACT_FLOW_DISCONNECT", [END_BUSY] = "TELECOM_PROBLEM",
        [END_DROPPED] = "TELECOM_PROBLEM",        [END_RELEASED] = "OTHER",
    };
    complete(k, reasons[e->reason]);
}

/* In the engine the contact goes on; in Amazon Connect a transfer is a new contact. */
static void transferred(struct contact *k)
{
    struct center *c = center_of(k->at);
    struct contact *next = contact_new(k->at);
    map128_erase(&c->contact_by_id, next->engine_id.hi, next->engine_id.lo);
    next->engine_id = k->engine_id;
    next->in_engine = true;
    index_contact(c, next, next->id);
    index_contact(c, next, next->engine_id);
    k->in_engine = false;
    next->channel = k->channel;
    next->method = METHOD_TRANSFER;
    next->initial = id_none(k->initial) ? k->id : k->initial;
    next->previous = k->id;
    next->customer = k->customer;
    next->origin_side = k->origin_side;
    next->number = k->number;
    next->tdg = k->tdg;
    next->flow = k->flow;
    next->priority = k->priority;
    next->transfers = k->transfers + 1;
    str_copy(next->customer_address, sizeof next->customer_address, k->customer_address);
    next->attributes = json_incref(k->attributes);
    next->at->n_in[next->channel]++;
    k->next = next->id;
    tell(next, CE_CONTACT_INITIATED);
    complete(k, "TRANSFERRED");
}

static void contact_told(struct contact *k, const struct engine_event *e)
{
    struct mirror *m = k->at->mirror;
    struct user *u = e->agent < m->n_user_at ? m->user_at[e->agent] : NULL;
    struct queue *q = e->queue < m->n_queue_at ? m->queue_at[e->queue] : NULL;
    switch (e->type) {
    case ENGINE_QUEUED:
        k->queue = q ? q : k->queue;
        k->enqueued_at = e->at;
        set_state(k, CONTACT_QUEUED);
        tell(k, CE_CONTACT_QUEUED);
        break;
    case ENGINE_OFFERED:
        k->attempts++;
        k->ringing_at = e->at;
        if (u)
            give_to(k, u);
        set_state(k, CONTACT_RINGING);
        tell(k, CE_CONTACT_RINGING);
        break;
    case ENGINE_MISSED:
        set_state(k, CONTACT_QUEUED);
        tell(k, CE_CONTACT_MISSED);
        take_away(k);
        break;
    case ENGINE_CONNECTED:
        k->attempts += k->state != CONTACT_RINGING;
        k->connected_at = k->dequeued_at = e->at;
        if (u)
            give_to(k, u);
        set_state(k, CONTACT_CONNECTED);
        tell(k, CE_CONTACT_CONNECTED);
        break;
    case ENGINE_HELD:
        k->held_at = e->at;
        k->holds++;
        set_state(k, CONTACT_HELD);
        tell(k, CE_CONTACT_HELD);
        break;
    case ENGINE_RESUMED:
        end_hold(k, e->at);
        set_state(k, CONTACT_CONNECTED);
        tell(k, CE_CONTACT_RESUMED);
        break;
    case ENGINE_TRANSFERRED: transferred(k); break;
    case ENGINE_WRAPUP:
        k->wrapup_at = e->at;
        disconnect(k, "CUSTOMER_DISCONNECT");
        break;
    case ENGINE_ENDED: end_of(k, e); break;
    case ENGINE_AGENT:
    case ENGINE_EVENTS: break;
    }
}

static void drain_but(struct instance *i, struct td_id released)
{
    struct engine_event e;
    while (engine_pop(i->engine, &e)) {
        if (e.type == ENGINE_AGENT) {
            if (e.agent < i->mirror->n_user_at)
                user_told(i, i->mirror->user_at[e.agent], &e);
            continue;
        }
        struct contact *k = by_id(center_of(i), e.contact);
        if (k && k->at == i && !(e.reason == END_RELEASED && id_eq(e.contact, released)))
            contact_told(k, &e);
    }
}

void instance_drain(struct instance *i)
{
    drain_but(i, (struct td_id){0, 0});
}

/* ---- what others do with contacts ---- */

static struct engine *engine_of(struct instance *i)
{
    mirror_settle(i->mirror);
    return i->engine;
}

/* A flow that leads nowhere ends the contact, as its last block does. */
void contact_run_flow(struct contact *k)
{
    struct center *c = center_of(k->at);
    if (c->flow_run)
        c->flow_run(c->flow_arg, k);
    else if (k->flow && k->flow->leads_to)
        contact_queue(k, k->flow->leads_to);
    else
        contact_end(k, "CONTACT_FLOW_DISCONNECT");
}

bool contact_begin_id(struct instance *i, const struct contact_start *s, struct td_id *id)
{
    if (i->region->down || (int64_t)i->n_in[s->channel] >= i->quota[s->channel]) {
        i->refused++;
        return false;
    }
    struct contact *k = contact_new(i);
    *id = k->id;
    i->arrived++;
    i->n_in[s->channel]++;
    k->channel = s->channel;
    k->method = s->method;
    k->flow = s->flow;
    k->number = s->number;
    k->tdg = s->tdg;
    k->previous = s->previous;
    k->initial = s->initial;
    k->related = s->related;
    k->preferred = s->preferred;
    k->scheduled_at = s->scheduled_at;
    if (s->customer_address)
        str_copy(k->customer_address, sizeof k->customer_address, s->customer_address);
    if (s->prepare)
        s->prepare(s->prepare_arg, k);
    tell(k, CE_CONTACT_INITIATED);
    if (s->scheduled_at)
        return true;
    if (s->queue)
        contact_queue(k, s->queue);
    else
        contact_run_flow(k);
    return true;
}

struct contact *contact_begin(struct instance *i, const struct contact_start *s)
{
    struct td_id id;
    return contact_begin_id(i, s, &id) ? by_id(center_of(i), id) : NULL;
}

void contact_reprioritise(struct contact *k)
{
    if (!k->in_engine)
        return;
    engine_priority(engine_of(k->at), center_of(k->at)->now, k->engine_id, k->priority,
                    k->adjust_ms);
    instance_drain(k->at);
}

void contact_queue(struct contact *k, struct queue *q)
{
    struct instance *i = k->at;
    struct center *c = center_of(i);
    if (k->disconnected_at)
        return;
    if (!q->enabled ||
        (q->max_contacts && engine_waiting(engine_of(i), q->index) >= (uint32_t)q->max_contacts)) {
        contact_end(k, "CONTACT_FLOW_DISCONNECT"); /* QueueAtCapacity leads to the end */
        return;
    }
    struct engine *e = engine_of(i);
    struct engine_contact a = {.id = k->engine_id,
                               .customer = k->customer,
                               .queue = q->index,
                               .channel = k->channel,
                               .priority = k->priority,
                               .enqueued_at = c->now,
                               .adjust_ms = k->adjust_ms,
                               .gives_up_at = -1,
                               .handle_ms = -1,
                               .wrapup_ms = -1,
                               .hold_at_ms = -1,
                               .hold_ms = -1,
                               .transfer_queue = INDEX_NONE,
                               .preferred_agent = k->preferred ? k->preferred->cfg.key : 0};
    if (k->in_engine) {
        struct engine_contact old;
        if (!engine_release(e, c->now, k->engine_id, &old))
            return;
        drain_but(i, k->engine_id); /* for the contact it is no end */
        k->method = METHOD_QUEUE_TRANSFER;
    }
    k->queue = q;
    k->in_engine = engine_arrive(e, c->now, &a);
    instance_drain(i);
}

void contact_end(struct contact *k, const char *reason)
{
    struct instance *i = k->at;
    if (k->state == CONTACT_COMPLETED)
        return;
    if (!k->reason)
        k->reason = reason;
    if (!k->in_engine || !engine_drop(engine_of(i), center_of(i)->now, k->engine_id)) {
        complete(k, reason);
        return;
    }
    instance_drain(i);
}

struct contact *contact_transfer(struct contact *k, struct queue *q, struct flow *flow,
                                 struct user *to)
{
    struct instance *i = k->at;
    struct contact *next;
    struct contact_start s = {.channel = k->channel,
                              .method = METHOD_TRANSFER,
                              .flow = flow,
                              .queue = q,
                              .number = k->number,
                              .tdg = k->tdg,
                              .customer_address = k->customer_address,
                              .preferred = to,
                              .previous = k->id,
                              .initial = id_none(k->initial) ? k->id : k->initial};
    json_t *attributes = json_incref(k->attributes), *references = json_incref(k->references);
    char *name = k->name ? mem_strdup(k->name) : NULL;
    uint32_t transfers = k->transfers + 1;
    struct td_id id = k->id;
    i->n_in[k->channel] -= !k->disconnected_at; /* the same customer does not count twice */
    next = contact_begin(i, &s);
    k = by_id(center_of(i), id);
    if (k)
        i->n_in[k->channel] += !k->disconnected_at;
    if (next) {
        next->attributes = attributes;
        next->references = references;
        next->name = name;
        next->transfers = transfers;
        if (k) {
            k->next = next->id;
            contact_end(k, "TRANSFERRED");
        }
        return next;
    }
    json_decref(attributes);
    json_decref(references);
    mem_free(name);
    return NULL;
}

void contact_update(struct contact *k)
{
    k->updated_at = center_of(k->at)->now;
    tell(k, CE_CONTACT_UPDATED);
}

/* Each call goes where the group is furthest behind its shares, so that shares are exact. */
static struct instance *place_call(struct number *n)
{
    struct mirror *m = n->r.mirror;
    struct tdg *g = n->tdg;
    if (!g || m->n_sides < 2)
        return m->side[n->side];
    uint64_t total = (uint64_t)g->placed[0] + g->placed[1] + 1;
    uint8_t side = 0;
    double lag[2];
    for (int s = 0; s < 2; s++)
        lag[s] = g->plan.telephony[s] ? (double)total * g->plan.telephony[s] / 100 - g->placed[s]
                                      : -1e18;
    side = lag[1] > lag[0];
    g->placed[side]++;
    return m->side[side];
}

struct contact *number_call(struct number *n, const char *from, struct queue *q, uint8_t channel)
{
    return contact_begin(place_call(n), &(struct contact_start){.channel = channel,
                                                                .method = METHOD_INBOUND,
                                                                .flow = n->flow,
                                                                .queue = q,
                                                                .number = n,
                                                                .tdg = n->tdg,
                                                                .customer_address = from});
}

bool number_called(struct number *n, const struct contact_start *more)
{
    struct instance *i = place_call(n);
    struct contact_start s = *more;
    struct td_id id;
    s.number = n;
    s.flow = n->flow;
    s.tdg = n->tdg;
    return contact_begin_id(i, &s, &id);
}
