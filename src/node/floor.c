/* floor.c - the customers. */
#include "node/floor_i.h"

#include <math.h>
#include <string.h>

struct engine *floor_engine(struct floor *f, uint8_t site)
{
    return f->site[site].engine;
}
struct instance *floor_instance(struct floor *f, uint8_t site)
{
    return &f->site[site].instance;
}
struct floor_stats floor_stats(const struct floor *f)
{
    return f->stats;
}
uint64_t floor_customers(const struct floor *f)
{
    return f->callers_live;
}

struct floor *floor_new(const struct config *c, struct sched *s, uint64_t seed,
                        const struct floor_hooks *hooks)
{
    struct floor *f = mem_new(1, sizeof *f);
    f->c = c;
    f->sched = s;
    f->seed = seed;
    f->rng = rng_seed(seed, 0xf1009);
    f->hooks = *hooks;
    f->callers_free = UINT32_MAX;
    for (uint8_t i = 0; i < c->n_sites; i++) {
        f->site[i].floor = f;
        f->site[i].site = i;
        f->site[i].engine = engine_new(c, i, seed ^ mix64(i + 1u));
        instance_init(&f->site[i]);
    }
    f->desks = c->n_agents;
    f->desk = mem_new(c->n_agents, sizeof *f->desk);
    for (uint32_t i = 0; i < c->n_agents; i++)
        f->desk[i] = (struct desk){.at = SITE_NONE, .invited = SITE_NONE};
    return f;
}

void floor_free(struct floor *f)
{
    if (!f)
        return;
    for (uint8_t i = 0; i < f->c->n_sites; i++) {
        if (f->site[i].engine)
            engine_free(f->site[i].engine);
        mem_free(f->site[i].out);
    }
    map128_free(&f->by_id);
    map128_free(&f->has_appeared);
    mem_free(f->appeared);
    mem_free(f->caller);
    mem_free(f->desk);
    mem_free(f->retry);
    mem_free(f);
}

void floor_open(struct floor *f)
{
    desk_open(f);
}

/* ---- callers ---- */

struct caller *caller_find(const struct floor *f, struct td_id id)
{
    uint32_t at;
    return map128_find(&f->by_id, id.hi, id.lo, &at) ? &f->caller[at] : NULL;
}

static struct caller *caller_new(struct floor *f, const struct floor_call *call)
{
    if (f->callers_free == UINT32_MAX) {
        uint32_t old = f->callers_cap, cap = old ? old * 2 : 1024;
        BUG_ON(cap > 1u << 28);
        f->caller = mem_grow(f->caller, cap, sizeof *f->caller);
        for (uint32_t i = cap; i-- > old;) {
            f->caller[i] = (struct caller){.next = f->callers_free};
            f->callers_free = i;
        }
        f->callers_cap = cap;
    }
    uint32_t at = f->callers_free;
    struct caller *c = &f->caller[at];
    f->callers_free = c->next;
    *c =
        (struct caller){.call = *call, .called_at = f->sched->now, .site = SITE_NONE, .live = true};
    map128_insert(&f->by_id, call->contact.hi, call->contact.lo, at);
    f->callers_live++;
    return c;
}

void caller_gone(struct floor *f, struct caller *c)
{
    map128_erase(&f->by_id, c->call.contact.hi, c->call.contact.lo);
    c->live = false;
    c->next = f->callers_free;
    f->callers_free = (uint32_t)(c - f->caller);
    f->callers_live--;
}

/* What the customer brings along: patience counts from the call, durations belong to him. */
static void caller_draw(struct floor *f, struct caller *c)
{
    const struct floor_call *k = &c->call;
    c->k = (struct engine_contact){
        .id = k->contact,
        .customer = k->customer,
        .queue = k->queue,
        .channel = k->channel,
        .enqueued_at = f->sched->now,
        .gives_up_at = k->patience_ms >= 0 ? f->sched->now + k->patience_ms : -1,
        .handle_ms = k->handle_ms >= 0 ? k->handle_ms : -1,
        .wrapup_ms = k->wrapup_ms >= 0 ? k->wrapup_ms : -1,
        .hold_at_ms = -1,
        .hold_ms = -1,
        .transfer_queue = INDEX_NONE,
    };
    if (c->k.gives_up_at >= 0)
        return;
    /* Patience is drawn here, not by the engine, so that it runs while the contact is in transit.
     */
    struct rng rng = rng_seed(f->seed, mix64(k->contact.hi) ^ k->contact.lo);
    double mean_s = (double)f->c->queue[k->queue].patience_ms / 1000;
    for (uint16_t i = 0; i < f->c->workload.n_demands; i++)
        if (f->c->workload.demands[i].queue == k->queue &&
            f->c->workload.demands[i].channel == k->channel)
            mean_s = f->c->workload.demands[i].patience_mean_s;
    c->k.gives_up_at =
        mean_s > 0 ? f->sched->now + (td_ms)(1000 * rng_exp(&rng, mean_s)) : INT64_MAX;
}

/* Where the network puts a caller in: the nearest site whose node is up. */
static uint8_t entry_site(struct floor *f, const struct caller *c)
{
    uint8_t best = SITE_NONE;
    double best_d = 0;
    for (uint8_t s = 0; s < f->c->n_sites; s++) {
        if (!f->hooks.node_up(f->hooks.arg, s))
            continue;
        double dlat = c->call.lat - f->c->site[s].lat, dlon = c->call.lon - f->c->site[s].lon;
        if (fabs(dlon) > 180)
            dlon = 360 - fabs(dlon);
        double d = c->call.how == PLACE_NONE ? (double)(mix64(c->call.contact.lo + s) >> 40)
                                             : dlat * dlat + dlon * dlon * 0.6;
        if (best == SITE_NONE || d < best_d) {
            best = s;
            best_d = d;
        }
    }
    return best;
}

static void retry_due(void *arg, void *what, uint64_t unused);

static void retry_later(struct floor *f, struct td_id id)
{
    if (f->retry_count == f->retry_cap) {
        uint32_t cap = f->retry_cap ? f->retry_cap * 2 : 256;
        void *ring = mem_new(cap, sizeof *f->retry);
        for (uint32_t i = 0; i < f->retry_count; i++)
            memcpy((char *)ring + i * sizeof *f->retry,
                   &f->retry[(f->retry_first + i) % f->retry_cap], sizeof *f->retry);
        mem_free(f->retry);
        f->retry = ring;
        f->retry_cap = cap;
        f->retry_first = 0;
    }
    uint32_t at = (f->retry_first + f->retry_count++) % f->retry_cap;
    f->retry[at].id = id;
    f->retry[at].due = f->sched->now + RETRY_MS;
    if (!f->retry_timer) {
        f->retry_timer = true;
        sched_at(f->sched, f->retry[f->retry_first].due, retry_due, f, NULL, 0);
    }
}

/* He is in no instance: looked at again after a while. */
void caller_in_transit(struct floor *f, struct caller *c)
{
    c->site = SITE_NONE;
    c->transit_at = f->sched->now;
    retry_later(f, c->call.contact);
}

void caller_enter(struct floor *f, struct caller *c)
{
    uint8_t entry = entry_site(f, c);
    struct td_id id = c->call.contact;
    caller_in_transit(f, c);
    if (entry == SITE_NONE)
        return; /* nobody takes calls: tried again */
    struct route_request r = {
        .contact = id,
        .customer = c->call.customer,
        .queue = c->call.queue,
        .channel = c->call.channel,
        .entry_site = entry,
        .how = c->call.how,
        .lat = c->call.lat,
        .lon = c->call.lon,
        .arrived_at = c->called_at,
    };
    f->hooks.enter(f->hooks.arg, entry, &r);
}

/* Callers whom nobody has taken in: the entry site died with them, or never had a word from them.
 * They are put through again, as a network does, until somebody does. One whom a node has sent for
 * before waits for the next to do so, until he has had enough. */
static void retry_due(void *arg, void *what, uint64_t unused)
{
    struct floor *f = arg;
    (void)what, (void)unused;
    f->retry_timer = false;
    while (f->retry_count && f->retry[f->retry_first].due <= f->sched->now) {
        struct td_id id = f->retry[f->retry_first].id;
        f->retry_first = (f->retry_first + 1) % f->retry_cap;
        f->retry_count--;
        struct caller *c = caller_find(f, id);
        if (!c || c->site != SITE_NONE)
            continue;
        if (!c->epoch) {
            f->stats.entered_again++;
            caller_enter(f, c);
        } else if (c->k.gives_up_at <= f->sched->now ||
                   f->sched->now - c->transit_at >= DEAD_LINE_MS) {
            f->stats.gave_up_in_transit++;
            caller_gone(f, c);
        } else {
            retry_later(f, id);
        }
    }
    if (f->retry_count && !f->retry_timer) {
        f->retry_timer = true;
        sched_at(f->sched, f->retry[f->retry_first].due, retry_due, f, NULL, 0);
    }
}

struct caller *caller_make(struct floor *f, const struct floor_call *call)
{
    f->stats.calls++;
    f->hooks.called(f->hooks.arg, call);
    struct caller *c = caller_new(f, call);
    caller_draw(f, c);
    return c;
}

void floor_call(struct floor *f, const struct floor_call *call)
{
    if (!caller_find(f, call->contact))
        caller_enter(f, caller_make(f, call));
}

static void redial_due(void *arg, void *what, uint64_t unused)
{
    (void)unused;
    if (arg)
        floor_call(arg, what);
    mem_free(what);
}

/* A customer who was cut off calls again, or not. */
void caller_redial(struct floor *f, const struct caller *c)
{
    const struct cfg_workload *w = &f->c->workload;
    if (!rng_chance(&f->rng, w->redial_chance))
        return;
    struct floor_call *again = mem_new(1, sizeof *again);
    *again = c->call;
    again->contact.hi = mix64(c->call.contact.hi ^ 0x5ed1a1);
    again->contact.lo = mix64(c->call.contact.lo + 1);
    again->handle_ms = again->patience_ms = again->wrapup_ms = -1;
    double s = w->redial_min_s + rng_unit(&f->rng) * (w->redial_max_s - w->redial_min_s);
    f->stats.redials++;
    sched_at(f->sched, f->sched->now + (td_ms)(s * 1000), redial_due, f, again, 0);
}

bool floor_where(const struct floor *f, struct td_id contact, uint8_t *site)
{
    const struct caller *c = caller_find(f, contact);
    *site = c ? c->site : SITE_NONE;
    return c != NULL;
}

/* ---- the sites ---- */

td_ms floor_next(const struct floor *f)
{
    td_ms next = INT64_MAX;
    for (uint8_t s = 0; s < f->c->n_sites; s++)
        if (f->site[s].engine)
            next = MIN(next, engine_next(f->site[s].engine));
    return next;
}

void floor_advance(struct floor *f)
{
    for (uint8_t s = 0; s < f->c->n_sites; s++) {
        struct engine *e = f->site[s].engine;
        if (!e || engine_next(e) > f->sched->now)
            continue;
        engine_advance(e, f->sched->now);
        instance_drain_engine(&f->site[s]);
    }
}

static void lose_contact(void *arg, const struct engine_contact *k, bool connected, uint32_t agent)
{
    struct floor *f = arg;
    (void)agent;
    struct caller *c = caller_find(f, k->id);
    if (!c)
        return;
    caller_in_transit(f, c);
    if (!connected) {
        c->k = *k; /* still waiting somewhere in the network for a new place */
        return;
    }
    f->stats.dropped_live++;
    caller_redial(f, c);
    caller_gone(f, c);
}

void floor_kill(struct floor *f, uint8_t site)
{
    struct floor_site *s = &f->site[site];
    if (!s->engine)
        return;
    engine_advance(s->engine, f->sched->now);
    instance_drain_engine(s);
    engine_each(s->engine, lose_contact, f);
    engine_free(s->engine);
    s->engine = NULL;
    s->lives++;
    s->first = s->taken = s->count = 0; /* its stream died with it */
    desk_site_lost(f, site);
}

void floor_revive(struct floor *f, uint8_t site)
{
    struct floor_site *s = &f->site[site];
    if (s->engine)
        return;
    s->engine = engine_new(f->c, site, f->seed ^ mix64(site + 1u + 1000u * s->lives));
    s->broken = false;
    instance_say(s, &(struct instance_event){.type = INST_HEALTH, .health = {true, true}});
    desk_site_back(f, site);
}

void floor_break_flows(struct floor *f, uint8_t site, bool broken)
{
    f->site[site].broken = broken;
    if (f->site[site].engine)
        instance_say(&f->site[site],
                     &(struct instance_event){.type = INST_HEALTH, .health = {true, !broken}});
}

void floor_reconfigure(struct floor *f, const struct config *c)
{
    struct desk *desk = mem_new(c->n_agents, sizeof *desk);
    for (uint32_t i = 0; i < c->n_agents; i++) {
        desk[i] = (struct desk){.at = SITE_NONE, .invited = SITE_NONE};
        for (uint32_t j = 0; j < f->c->n_agents; j++)
            if (f->c->agent[j].key == c->agent[i].key)
                desk[i] = f->desk[j];
    }
    for (uint8_t s = 0; s < f->c->n_sites; s++)
        if (f->site[s].engine)
            engine_reconfigure(f->site[s].engine, c);
    mem_free(f->desk);
    f->desk = desk;
    f->desks = c->n_agents;
    f->c = c;
    desk_open(f);
}

struct check_place {
    const struct floor *f;
    uint8_t site;
};

static void check_contact(void *arg, const struct engine_contact *k, bool connected, uint32_t agent)
{
    const struct check_place *p = arg;
    (void)connected, (void)agent;
    const struct caller *c = caller_find(p->f, k->id);
    BUG_ON(!c || c->site != p->site);
}

void floor_check(const struct floor *f)
{
    for (uint8_t s = 0; s < f->c->n_sites; s++) {
        if (!f->site[s].engine)
            continue;
        engine_check(f->site[s].engine);
        engine_each(f->site[s].engine, check_contact, &(struct check_place){f, s});
    }
    for (uint32_t a = 0; a < f->desks; a++) {
        int in = 0;
        for (uint8_t s = 0; s < f->c->n_sites; s++)
            in += f->site[s].engine && engine_signed_in(f->site[s].engine, a);
        BUG_ON(in > 1);
    }
}
