/* floor.h - the physical world of a simulated contact centre: customers who call, wait, give up and
 * call again; agents with one body and a desktop; the instances (sim/engine) they meet in.
 *
 * It is the truth that the nodes' models are about. A customer is in at most one instance at a
 * time, an agent too, whatever the nodes believe. Each site's instance is seen by its node through
 * the instance port only. Pure like the engine: time comes from the schedule, chance from seeds. */
#pragma once

#include "core/core.h"
#include "driver/instance/instance.h"
#include "engine/engine.h"
#include "node/sched.h"

struct floor;

struct floor_call { /* a customer makes contact; negative durations are drawn */
    struct td_id contact, customer;
    uint16_t queue;
    uint8_t channel, how;
    float lat, lon;
    int64_t handle_ms, wrapup_ms, patience_ms;
};

struct floor_hooks {
    void *arg;
    /* A contact comes in at this site, whose node shall find a place for it. */
    void (*enter)(void *arg, uint8_t site, const struct route_request *r);
    bool (*node_up)(void *arg, uint8_t site);        /* can that site's node take a contact in? */
    uint8_t (*agent_site)(void *arg, uint32_t agent); /* where the model wants this agent to be */
    void (*moved)(void *arg, uint8_t site);           /* its instance has something to say */
    void (*called)(void *arg, const struct floor_call *call); /* somebody calls, or calls again */
};

struct floor *floor_new(const struct config *c, struct sched *s, uint64_t seed,
                        const struct floor_hooks *hooks);
void floor_free(struct floor *f);

struct instance *floor_instance(struct floor *f, uint8_t site);
struct engine *floor_engine(struct floor *f, uint8_t site); /* NULL while the site is down */

void floor_open(struct floor *f);              /* all agents on shift sign in, at their homes */
void floor_call(struct floor *f, const struct floor_call *call);
td_ms floor_next(const struct floor *f);       /* when an engine moves by itself */
void floor_advance(struct floor *f);           /* runs the engines up to the schedule's now */

/* The region is lost: its instance, and with it every contact and sign-in there; or is back. */
void floor_kill(struct floor *f, uint8_t site);
void floor_revive(struct floor *f, uint8_t site);
/* The instance's flows break, though its API looks healthy. */
void floor_break_flows(struct floor *f, uint8_t site, bool broken);
void floor_reconfigure(struct floor *f, const struct config *c);

struct floor_stats {
    uint64_t calls, redials, dropped_live, gave_up_in_transit, entered_again;
};
struct floor_stats floor_stats(const struct floor *f);
uint64_t floor_customers(const struct floor *f); /* in contact now: calling, waiting or talking */
/* Where the customer of this contact is: a site, SITE_NONE (in transit), or false: gone. */
bool floor_where(const struct floor *f, struct td_id contact, uint8_t *site);
/* No agent is signed in at two engines, no customer in two; BUG_ON otherwise. */
void floor_check(const struct floor *f);
