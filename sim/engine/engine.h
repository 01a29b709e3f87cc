/* engine.h - a contact-centre instance reduced to what matters: numbers, queues, agents, contacts.
 *
 * Pure: no I/O, no clock of its own beyond the times it is given, no globals. Same configuration,
 * seed and calls: same outputs, on any machine. It knows nothing of tandem's nodes; a front (the
 * in-process driver now, Amazon Connect's API next) calls the inputs and drains the outputs.
 *
 * Time: every input carries `now`, which never runs backwards; inputs first run what falls due up
 * to `now`. engine_next tells when something will happen by itself; engine_advance runs it.
 *
 * Matching, as Amazon Connect does it: a contact waits in one queue; an agent's routing profile
 * lists (queue, channel) rows with a priority and a delay; an agent with a free slot takes, among
 * the rows of the best (lowest) priority that have a takeable contact, the contact with the
 * greatest score, where
 *      score = (contact.priority first: lower wins), then
 *              (now - enqueued_at + adjust) * weight[queue]
 * so weight 1 everywhere is oldest first, and other weights make it generalised c-mu (docs/
 * decisions.md). Among several free agents a contact takes the one idle the longest; its
 * preferred agent, when free, first. A cross-channel rule: an agent on a voice contact takes
 * nothing else, and voice needs an agent with no contact at all (Amazon Connect's default);
 * other channels fill up to their concurrency. */
#pragma once

#include "core/config.h"

struct engine;

enum engine_reason { /* why a contact ended */
    END_COMPLETED,        /* talked, wrapped up */
    END_ABANDONED,        /* the customer left the queue */
    END_CLOSED,           /* out of hours */
    END_BUSY,             /* over the instance's quota of concurrent contacts: fast busy */
    END_DROPPED,          /* cut while connected: the instance or the agent's line was lost */
    END_RELEASED,         /* left this instance for another one (engine_release) */
    END_REASONS
};
extern const char *const engine_reason_names[END_REASONS];

enum engine_agent_state {
    AGENT_OFFLINE, AGENT_AVAILABLE, AGENT_ON_CONTACT, AGENT_WRAPUP, AGENT_BREAK, AGENT_MISSED,
    AGENT_STATES
};
extern const char *const engine_agent_state_names[AGENT_STATES];

/* A contact as it arrives. Negative durations: drawn by the engine from the configuration's
 * workload for (queue, channel). The figures belong to the contact and travel with it. */
struct engine_contact {
    struct td_id id, customer;
    uint16_t queue;
    uint8_t channel;
    uint8_t priority;          /* 1..10, 5 is normal, lower is served first */
    td_ms enqueued_at;         /* when it first began to wait, anywhere: age counts from here */
    int64_t adjust_ms;         /* added to its age */
    td_ms gives_up_at;         /* absolute; INT64_MAX never; negative: draw patience from now */
    int64_t handle_ms, wrapup_ms; /* talking (with holds), then wrap-up */
    int64_t hold_at_ms, hold_ms;  /* after so much talking; hold_ms 0: no hold; negative: draw */
    uint16_t transfer_queue;   /* after talking it goes on to this queue; INDEX_NONE: ends */
    td_key preferred_agent;    /* 0: none */
};

enum engine_event_type {
    ENGINE_QUEUED,     /* waits now in `queue` */
    ENGINE_OFFERED,    /* rings at `agent` (only when the people's miss_chance is above 0) */
    ENGINE_MISSED,     /* `agent` did not answer; the contact waits again, the agent is AGENT_MISSED
                          for miss_ring_s and then available */
    ENGINE_CONNECTED,  /* talks to `agent`; idle_ms = how long that agent was idle; free_agents =
                          how many could have taken it */
    ENGINE_HELD, ENGINE_RESUMED,
    ENGINE_TRANSFERRED,/* leaves `agent` (who wraps up) for `queue`; ENGINE_QUEUED follows */
    ENGINE_WRAPUP,     /* the customer has left; `agent` wraps up */
    ENGINE_ENDED,      /* over, with `reason` */
    ENGINE_AGENT,      /* `agent` is now in `agent_state`, with `free_slots` per channel */
    ENGINE_EVENTS
};
struct engine_event {
    enum engine_event_type type;
    td_ms at;
    struct td_id contact;      /* none for ENGINE_AGENT */
    uint16_t queue;
    uint8_t channel;
    uint8_t reason;            /* enum engine_reason */
    uint8_t agent_state;       /* enum engine_agent_state */
    uint8_t free_slots[CHANNELS];
    uint32_t agent;            /* index in config; UINT32_MAX none */
    int64_t idle_ms;
    uint32_t free_agents;
};

/* The configuration must outlive the engine, or be replaced by engine_reconfigure. `draw` false:
 * breaks and misses do not happen (benchmarks of pure queueing). */
struct engine *engine_new(const struct config *c, uint8_t site, uint64_t seed);
void engine_free(struct engine *e);
void engine_reconfigure(struct engine *e, const struct config *c); /* things keep their names */

td_ms engine_next(const struct engine *e); /* INT64_MAX: nothing will happen by itself */
void engine_advance(struct engine *e, td_ms now);
/* Takes the oldest output; false: none. Outputs come in the order in which they happened. */
bool engine_pop(struct engine *e, struct engine_event *out);

/* A contact arrives and waits (or is connected at once). It always produces outputs: QUEUED ...,
 * or ENDED with END_CLOSED or END_BUSY. An id that is already here is ignored (returns false). */
bool engine_arrive(struct engine *e, td_ms now, const struct engine_contact *k);
/* Takes a waiting contact out, to be moved to another instance: fills *out (with what was drawn)
 * and emits ENDED/END_RELEASED. False: unknown, ringing or no longer waiting; nothing changes. */
bool engine_release(struct engine *e, td_ms now, struct td_id id, struct engine_contact *out);
/* Ends a contact in whatever state (the line was cut). False: unknown. */
bool engine_drop(struct engine *e, td_ms now, struct td_id id);
/* Hands a connected contact to another queue of this instance now (a transfer by the agent). */
bool engine_transfer(struct engine *e, td_ms now, struct td_id id, uint16_t queue);

/* Agents may be signed in at any instance that has their configuration. sign_out waits until the
 * agent's contacts are done, unless `now_or_drop`, which drops them. */
void engine_sign_in(struct engine *e, td_ms now, uint32_t agent);
void engine_sign_out(struct engine *e, td_ms now, uint32_t agent, bool now_or_drop);
/* Available <-> break; during a contact it becomes the next state. */
void engine_set_break(struct engine *e, td_ms now, uint32_t agent, bool on_break);
bool engine_signed_in(const struct engine *e, uint32_t agent);
bool engine_agent_clear(const struct engine *e, uint32_t agent); /* has no contact, no wrap-up */

void engine_weight(struct engine *e, uint16_t queue, double weight);
void engine_priority(struct engine *e, td_ms now, struct td_id id, uint8_t priority,
                     int64_t adjust_ms); /* of a waiting contact; unknown: ignored */

/* Counts, for reports and readiness; O(1). */
uint32_t engine_waiting(const struct engine *e, uint16_t queue);
uint32_t engine_live(const struct engine *e);              /* contacts here, waiting or connected */
uint32_t engine_staffed(const struct engine *e);           /* agents signed in and not on break */
uint32_t engine_busy(const struct engine *e);              /* agents on a contact or wrapping up */
td_ms engine_oldest(const struct engine *e, uint16_t queue); /* enqueued_at of the head; INT64_MAX */
/* Calls fn for every contact here, in no promised order; fn must not call the engine. */
void engine_each(const struct engine *e,
                 void (*fn)(void *arg, const struct engine_contact *k, bool connected, uint32_t agent),
                 void *arg);
/* Is the contact here, and is it connected? */
bool engine_has(const struct engine *e, struct td_id id, bool *connected);
/* Every invariant of the engine's own structures (slots, lists, counts); BUG_ON when broken. */
void engine_check(const struct engine *e);
