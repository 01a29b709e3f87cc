/* floor_instance.c - the instance port over a simulated instance: what the engine tells becomes the
 * site node's stream; what the node asks for is done to customers and agents. */
#include "node/floor_i.h"

#include <string.h>

/* ---- the stream ---- */

static struct instance_event *out_at(struct floor_site *s, uint32_t i)
{
    return &s->out[(s->first + i) & (s->cap - 1)];
}

void instance_say(struct floor_site *s, const struct instance_event *e)
{
    if (s->count == s->cap) {
        uint32_t cap = s->cap ? s->cap * 2 : 64;
        BUG_ON(cap > OUT_MAX);
        struct instance_event *ring = mem_new(cap, sizeof *ring);
        for (uint32_t i = 0; i < s->count; i++)
            ring[i] = *out_at(s, i);
        mem_free(s->out);
        s->out = ring;
        s->cap = cap;
        s->first = 0;
    }
    *out_at(s, s->count++) = *e;
}

static bool port_next(struct instance *i, struct instance_event *out)
{
    struct floor_site *s = CONTAINER_OF(i, struct floor_site, instance);
    if (s->taken == s->count)
        return false;
    *out = *out_at(s, s->taken++);
    return true;
}

static void port_ack(struct instance *i)
{
    struct floor_site *s = CONTAINER_OF(i, struct floor_site, instance);
    s->first = s->cap ? (s->first + s->taken) & (s->cap - 1) : 0;
    s->count -= s->taken;
    s->taken = 0;
}

static void port_rewind(struct instance *i)
{
    struct floor_site *s = CONTAINER_OF(i, struct floor_site, instance);
    s->taken = 0;
    if (s->engine) /* a node that starts wants to know how its instance is */
        instance_say(s,
                     &(struct instance_event){.type = INST_HEALTH, .health = {true, !s->broken}});
}

/* ---- from the engine ---- */

static const uint8_t end_of[END_REASONS] = {
    [END_COMPLETED] = ENDED_COMPLETED, [END_ABANDONED] = ENDED_ABANDONED,
    [END_CLOSED] = ENDED_CLOSED,       [END_BUSY] = ENDED_BUSY,
    [END_DROPPED] = ENDED_DROPPED,     [END_RELEASED] = ENDED_NOT,
};

static void say_contact(struct floor_site *s, const struct engine_event *e, uint8_t state,
                        uint8_t end, bool transferred)
{
    instance_say(s, &(struct instance_event){.type = INST_CONTACT,
                                             .contact = {.contact = e->contact,
                                                         .state = state,
                                                         .end = end,
                                                         .channel = e->channel,
                                                         .transferred = transferred,
                                                         .queue = e->queue,
                                                         .agent = e->agent,
                                                         .at = e->at}});
}

static void engine_ended(struct floor_site *s, const struct engine_event *e)
{
    struct caller *c = caller_find(s->floor, e->contact);
    if (e->reason == END_RELEASED) {
        if (c)
            caller_in_transit(s->floor, c);
        return; /* port_release has told it */
    }
    say_contact(s, e, CONTACT_ENDED, end_of[e->reason], false);
    if (!c)
        return;
    if (e->reason == END_DROPPED || e->reason == END_BUSY)
        caller_redial(s->floor, c);
    caller_gone(s->floor, c);
}

static void engine_agent(struct floor_site *s, const struct engine_event *e)
{
    static const uint8_t presence_of[AGENT_STATES] = {
        [AGENT_OFFLINE] = PRESENCE_OFFLINE,      [AGENT_AVAILABLE] = PRESENCE_AVAILABLE,
        [AGENT_ON_CONTACT] = PRESENCE_AVAILABLE, [AGENT_WRAPUP] = PRESENCE_AVAILABLE,
        [AGENT_BREAK] = PRESENCE_BREAK,          [AGENT_MISSED] = PRESENCE_MISSED,
    };
    static const uint8_t reason_of[AGENT_STATES] = {
        [AGENT_OFFLINE] = AR_SHIFT, [AGENT_BREAK] = AR_BREAK, [AGENT_MISSED] = AR_MISSED};
    /* On a contact or wrapping up follows from the contact; only the desktop's own state is news.
     */
    if (e->agent_state != AGENT_ON_CONTACT && e->agent_state != AGENT_WRAPUP)
        instance_say(s, &(struct instance_event){.type = INST_AGENT,
                                                 .agent = {.agent = e->agent,
                                                           .presence = presence_of[e->agent_state],
                                                           .reason = reason_of[e->agent_state]}});
    if (e->agent_state == AGENT_OFFLINE)
        desk_signed_out(s->floor, e->agent, s->site);
}

/* Takes what the engine has put out, and tells whoever runs the node that there is news. */
void instance_drain_engine(struct floor_site *s)
{
    struct engine_event e;
    bool any = false;
    while (s->engine && engine_pop(s->engine, &e)) {
        any = true;
        switch (e.type) {
        case ENGINE_QUEUED: {
            bool again = s->transferred_held && id_eq(s->transferred, e.contact);
            s->transferred_held &= !again;
            say_contact(s, &e, CONTACT_QUEUED, 0, again);
            break;
        }
        case ENGINE_CONNECTED: say_contact(s, &e, CONTACT_CONNECTED, 0, false); break;
        case ENGINE_HELD: say_contact(s, &e, CONTACT_HELD, 0, false); break;
        case ENGINE_RESUMED: say_contact(s, &e, CONTACT_CONNECTED, 0, false); break;
        case ENGINE_WRAPUP: say_contact(s, &e, CONTACT_WRAPUP, 0, false); break;
        case ENGINE_TRANSFERRED:
            s->transferred_held = true;
            s->transferred = e.contact;
            break;
        case ENGINE_ENDED: engine_ended(s, &e); break;
        case ENGINE_AGENT: engine_agent(s, &e); break;
        case ENGINE_OFFERED:
        case ENGINE_MISSED:
        case ENGINE_EVENTS: break;
        }
    }
    if (any || s->count > s->taken)
        s->floor->hooks.moved(s->floor->hooks.arg, s->site);
}

/* ---- what is really there ---- */

struct find_contact {
    struct td_id id;
    struct instance_contact *out;
    bool found;
};

static void find_contact(void *arg, const struct engine_contact *k, bool connected, uint32_t agent)
{
    struct find_contact *w = arg;
    if (!id_eq(k->id, w->id))
        return;
    w->found = true;
    *w->out = (struct instance_contact){.contact = k->id,
                                        .state = connected ? CONTACT_CONNECTED : CONTACT_QUEUED,
                                        .channel = k->channel,
                                        .queue = k->queue,
                                        .agent = agent,
                                        .at = 0};
}

static bool real_contact(void *arg, struct td_id id, struct instance_contact *out)
{
    struct floor_site *s = arg;
    bool connected;
    if (!s->engine || !engine_has(s->engine, id, &connected))
        return false;
    struct find_contact w = {id, out, false};
    engine_each(s->engine, find_contact, &w);
    out->at = s->floor->sched->now;
    return w.found;
}

/* ---- to the engine ---- */

static void caller_arrives(struct floor_site *s, struct caller *c)
{
    c->site = s->site;
    engine_arrive(s->engine, s->floor->sched->now, &c->k);
    instance_drain_engine(s);
}

/* The customer is on the line here. */
static void delivered(struct floor_site *s, struct td_id id)
{
    struct floor *f = s->floor;
    struct caller *c = caller_find(f, id);
    if (!c) { /* he has hung up on the way, or was never there */
        f->stats.gave_up_in_transit++;
        instance_say(s, &(struct instance_event){.type = INST_CONTACT,
                                                 .contact = {.contact = id,
                                                             .state = CONTACT_ENDED,
                                                             .end = ENDED_ABANDONED,
                                                             .queue = INDEX_NONE,
                                                             .agent = UINT32_MAX,
                                                             .at = f->sched->now}});
        f->hooks.moved(f->hooks.arg, s->site);
        return;
    }
    if (c->site == s->site) { /* told twice: said again how it is */
        struct instance_contact now;
        if (real_contact(s, id, &now))
            instance_say(s, &(struct instance_event){.type = INST_CONTACT, .contact = now});
        f->hooks.moved(f->hooks.arg, s->site);
        return;
    }
    if (c->site != SITE_NONE) {
        struct floor_site *from = &f->site[c->site];
        struct engine_contact k;
        bool ok = engine_release(from->engine, f->sched->now, id, &k);
        instance_drain_engine(from);
        if (!ok) { /* he talks to somebody there, or it rings: nobody can bring him here */
            instance_say(s, &(struct instance_event){.type = INST_REFUSED, .outcome = {id, false}});
            f->hooks.moved(f->hooks.arg, s->site);
            return;
        }
        c->k = k;
    }
    caller_arrives(s, c);
}

struct delivery {
    struct td_id id;
    uint64_t epoch;
};

static void delivered_due(void *arg, void *what, uint64_t life)
{
    struct floor_site *s = arg;
    struct delivery *d = what;
    const struct caller *c = s ? caller_find(s->floor, d->id) : NULL;
    if (s && s->engine && s->lives == (uint32_t)life && (!c || c->epoch == d->epoch))
        delivered(s, d->id);
    mem_free(d);
}

/* A contact that came through the API alone has no customer on this floor yet: one appears, once,
 * wherever the contact is by then. */
static void caller_appears(struct floor *f, const struct ev_placed *p)
{
    int queue = -1;
    uint32_t at;
    if (map128_find(&f->has_appeared, p->contact.hi, p->contact.lo, &at))
        return; /* he has hung up since */
    for (uint16_t q = 0; q < f->c->n_queues; q++)
        if (f->c->queue[q].key == p->queue)
            queue = q;
    if (queue < 0)
        return;
    if (!f->appeared)
        f->appeared = mem_new(APPEARED_MAX, sizeof *f->appeared);
    struct td_id *oldest = &f->appeared[f->appeared_next++ % APPEARED_MAX];
    map128_erase(&f->has_appeared, oldest->hi, oldest->lo);
    map128_insert(&f->has_appeared, p->contact.hi, p->contact.lo, 1);
    *oldest = p->contact;
    caller_make(f, &(struct floor_call){.contact = p->contact,
                                        .customer = p->customer,
                                        .queue = (uint16_t)queue,
                                        .channel = p->channel,
                                        .how = p->how,
                                        .lat = p->lat,
                                        .lon = p->lon,
                                        .handle_ms = -1,
                                        .wrapup_ms = -1,
                                        .patience_ms = -1});
}

static void port_deliver(struct instance *i, const struct ev_placed *p)
{
    struct floor_site *s = CONTAINER_OF(i, struct floor_site, instance);
    struct floor *f = s->floor;
    if (!s->engine)
        return;
    struct caller *c = caller_find(f, p->contact);
    if (!c && p->entry_site == SITE_NONE) {
        caller_appears(f, p);
        c = caller_find(f, p->contact);
    }
    if (c) {
        if (p->epoch < c->epoch)
            return; /* fenced: a newer owner has sent for him */
        c->epoch = p->epoch;
        c->k.priority = p->priority;
        c->k.preferred_agent = p->preferred_agent;
    }
    double redirect_s = p->from_site != SITE_NONE ? f->c->people.redirect_s : 0;
    if (redirect_s <= 0) {
        delivered(s, p->contact);
        return;
    }
    struct delivery *d = mem_new(1, sizeof *d);
    *d = (struct delivery){p->contact, p->epoch};
    sched_at(f->sched, f->sched->now + (td_ms)(redirect_s * 1000), delivered_due, s, d, s->lives);
}

static void port_release(struct instance *i, struct td_id contact)
{
    struct floor_site *s = CONTAINER_OF(i, struct floor_site, instance);
    struct caller *c = caller_find(s->floor, contact);
    struct engine_contact k;
    bool ok = s->engine && c && engine_release(s->engine, s->floor->sched->now, contact, &k);
    if (ok)
        c->k = k;
    instance_say(s, &(struct instance_event){.type = INST_RELEASED, .outcome = {contact, ok}});
    instance_drain_engine(s);
}

static void port_send(struct instance *i, struct td_id contact, uint8_t to_site)
{
    (void)i, (void)contact, (void)to_site; /* port_deliver of the other site fetches him */
}

/* It belongs to another site now. A customer who waits here is let go towards it; one who talks
 * here stays: the node claims him back. */
static void port_drop(struct instance *i, struct td_id contact, bool over)
{
    struct floor_site *s = CONTAINER_OF(i, struct floor_site, instance);
    struct caller *c = caller_find(s->floor, contact);
    struct engine_contact k;
    if (!s->engine || !c || c->site != s->site)
        return;
    if (engine_release(s->engine, s->floor->sched->now, contact, &k)) {
        c->k = k;
        if (over) {
            caller_redial(s->floor, c);
            caller_gone(s->floor, c);
        }
    }
    instance_drain_engine(s);
}

static void port_sign_in(struct instance *i, uint32_t agent)
{
    struct floor_site *s = CONTAINER_OF(i, struct floor_site, instance);
    desk_invite(s->floor, agent, s->site);
}

static void port_sign_out(struct instance *i, uint32_t agent)
{
    struct floor_site *s = CONTAINER_OF(i, struct floor_site, instance);
    desk_sign_out(s->floor, agent, s->site);
}

static void port_weight(struct instance *i, uint16_t queue, double weight)
{
    struct floor_site *s = CONTAINER_OF(i, struct floor_site, instance);
    if (s->engine)
        engine_weight(s->engine, queue, weight);
}

static bool real_agent(void *arg, uint32_t agent, struct instance_agent *out)
{
    struct floor_site *s = arg;
    out->presence = PRESENCE_AVAILABLE;
    return s->engine && engine_signed_in(s->engine, agent);
}

static struct reality port_reality(struct instance *i)
{
    struct floor_site *s = CONTAINER_OF(i, struct floor_site, instance);
    return (struct reality){real_contact, real_agent, s};
}

static const struct instance_ops floor_ops = {
    .name = "simulated",
    .deliver = port_deliver,
    .release = port_release,
    .send = port_send,
    .drop = port_drop,
    .sign_in = port_sign_in,
    .sign_out = port_sign_out,
    .weight = port_weight,
    .next = port_next,
    .ack = port_ack,
    .rewind = port_rewind,
    .reality = port_reality,
};

void instance_init(struct floor_site *s)
{
    s->instance.ops = &floor_ops;
}
