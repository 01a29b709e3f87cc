/* engine.h - a contact-centre instance reduced to what matters: numbers, queues, agents, contacts.
 *
 * Pure: no I/O, no clock of its own beyond the times it is given, no globals. Same configuration,
 * seed and calls: same outputs, on any machine. It knows nothing of tandem's nodes; a front (the
 * in-process driver now, Amazon Connect's API next) calls the inputs and drains the outputs.
 *
 * Time: every input carries `now`, which never runs backwards (BUG_ON); inputs first run what falls
 * due up to `now`. engine_next tells when something will happen by itself, which may be now;
 * engine_advance runs it. What falls due in the same millisecond runs in the order in which it was
 * planned.
 *
 * Matching, as Amazon Connect does it: a contact waits in one queue; an agent's routing profile
 * lists (queue, channel) rows with a priority and a delay; an agent with a free slot takes, among
 * the rows of the best (lowest) priority that have a takeable contact, the contact with the
 * greatest score, where
 *      score = (contact.priority first: lower wins), then
 *              (now - enqueued_at + adjust) * weight[queue]
 * so weight 1 everywhere is oldest first, and other weights make it generalised c-mu (docs/
 * decisions.md). Equal scores: the older, then whoever began to wait here first. A row's delay is
 * about the same age, now - enqueued_at + adjust. Among several free agents a contact takes the one
 * idle the longest; its preferred agent, when free, first. (Exactly: the agent found in this way
 * for a contact that becomes takeable then chooses by the rule above.) Idle is counted from when an
 * agent last took or finished a contact or became available. A cross-channel rule: an agent on a
 * voice contact takes nothing else, and voice needs an agent with no contact at all (Amazon
 * Connect's default); other channels fill up to their concurrency. A contact takes a slot until its
 * wrap-up is over.
 *
 * Limits: memory follows the contacts that are here and the agents that are signed in; a line and
 * the timers cost O(log n) an operation. Outputs wait until they are taken, 4 million at most
 * (BUG_ON): take them after every input. */
#pragma once

#include "core/config.h"

struct engine;

enum engine_reason { /* why a contact ended */
    END_COMPLETED,        /* talked, wrapped up */
    END_ABANDONED,        /* the customer left the queue */
    END_CLOSED,           /* out of hours */
    END_BUSY,             /* over the instance's quota of concurrent contacts: fast busy */
    END_DROPPED,          /* cut, waiting or connected: the instance or a line was lost */
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
 * workload for (queue, channel), or if that has none from the queue's handle_ms and patience_ms.
 * The figures belong to the contact and travel with it. What is drawn depends on the seed and the
 * contact's id alone. */
struct engine_contact {
    struct td_id id, customer;
    uint16_t queue;
    uint8_t channel;
    uint8_t priority;          /* 1..10, 5 is normal (also given as 0), lower is served first */
    td_ms enqueued_at;         /* when it first began to wait, anywhere: age counts from here */
    int64_t adjust_ms;         /* added to its age */
    td_ms gives_up_at;         /* absolute; INT64_MAX never; negative: draw patience from now */
    int64_t handle_ms, wrapup_ms; /* talking (with holds), then wrap-up */
    int64_t hold_at_ms, hold_ms;  /* after so much talking; hold_ms 0: no hold; negative: draw both.
                                     A hold ends with the talk at the latest */
    uint16_t transfer_queue;   /* after talking it goes on to this queue; INDEX_NONE: ends, or when
                                  handle_ms is drawn, whether and where to is drawn with it */
    td_key preferred_agent;    /* 0: none */
};

enum engine_event_type {
    ENGINE_QUEUED,     /* waits now in `queue` */
    ENGINE_OFFERED,    /* rings at `agent` (only when the people's miss_chance is above 0): answered
                          at once, or rings for miss_ring_s, at least 1 s, and is missed. A ringing
                          agent is AGENT_ON_CONTACT */
    ENGINE_MISSED,     /* `agent` did not answer; the contact waits again, in its old place, the
                          agent is AGENT_MISSED for as long as it rang and then available */
    ENGINE_CONNECTED,  /* talks to `agent`; idle_ms = how long that agent was idle; free_agents =
                          how many could have taken it, this one included */
    ENGINE_HELD, ENGINE_RESUMED,
    ENGINE_TRANSFERRED,/* leaves `agent` (who wraps up) for `queue`; ENGINE_QUEUED follows, or
                          ENGINE_ENDED with END_CLOSED */
    ENGINE_WRAPUP,     /* the customer has left; `agent` wraps up, maybe for no time at all */
    ENGINE_ENDED,      /* over, with `reason`; `agent`: whom it was with */
    ENGINE_AGENT,      /* `agent` is now in `agent_state`, with `free_slots` per channel. Told when
                          either changes; not for no time at all between two contacts */
    ENGINE_EVENTS
};
struct engine_event {
    enum engine_event_type type;
    td_ms at;
    struct td_id contact;      /* none for ENGINE_AGENT */
    uint16_t queue;            /* INDEX_NONE: none, or gone from the configuration */
    uint8_t channel;
    uint8_t reason;            /* enum engine_reason */
    uint8_t agent_state;       /* enum engine_agent_state */
    uint8_t free_slots[CHANNELS];
    uint32_t agent;            /* index in config; UINT32_MAX none */
    int64_t idle_ms;
    uint32_t free_agents;
};

/* `site`: which one of the configuration this is, for its quota. The configuration must outlive the
 * engine, or be replaced by engine_reconfigure. Breaks and misses happen only when people has a
 * break_every_min or a miss_chance above 0. */
struct engine *engine_new(const struct config *c, uint8_t site, uint64_t seed);
void engine_free(struct engine *e);
/* Replaces the configuration; the old one must still be there during the call. Queues, agents and
 * the site are known again by their keys: contacts, sign-ins, idle times, weights and outputs not
 * yet taken stay, under their new indexes. Of what is gone: contacts that wait in its queue end
 * with END_CLOSED, connected ones go on; an agent finishes his contacts and is not heard of again
 * (UINT32_MAX). */
void engine_reconfigure(struct engine *e, const struct config *c);

td_ms engine_next(const struct engine *e); /* INT64_MAX: nothing will happen by itself */
void engine_advance(struct engine *e, td_ms now);
/* Takes the oldest output; false: none. Outputs come in the order in which they happened. */
bool engine_pop(struct engine *e, struct engine_event *out);

/* A contact arrives and waits (or is connected at once). It always produces outputs: QUEUED ...,
 * or ENDED with END_BUSY or END_CLOSED (the quota counts before the hours). If its customer gave up
 * before `now`, QUEUED and ENDED/END_ABANDONED. An id that is already here, no id, and a queue or
 * channel that does not exist are ignored (returns false). */
bool engine_arrive(struct engine *e, td_ms now, const struct engine_contact *k);
/* Takes a waiting contact out, to be moved to another instance: fills *out (with what was drawn)
 * and emits ENDED/END_RELEASED. False: unknown, ringing or no longer waiting; nothing changes. */
bool engine_release(struct engine *e, td_ms now, struct td_id id, struct engine_contact *out);
/* Ends a contact in whatever state (the line was cut), without wrap-up. One in wrap-up, whose
 * customer has left already, ends with END_COMPLETED. False: unknown. */
bool engine_drop(struct engine *e, td_ms now, struct td_id id);
/* Hands a connected contact to another queue of this instance now (a transfer by the agent), as
 * transfer_queue does after talking: the agent wraps up, the contact waits anew, its age starts at
 * 0, all its figures are drawn again for the new queue, and it is not transferred once more by
 * itself. Priority stays. False: unknown, not talking or held, no such queue. */
bool engine_transfer(struct engine *e, td_ms now, struct td_id id, uint16_t queue);

/* Agents may be signed in at any instance that has their configuration. sign_out waits until the
 * agent's contacts are done, unless `now_or_drop`, which drops them (one that rings waits again).
 * Signing in meanwhile takes the signing out back. Unknown indexes are ignored. */
void engine_sign_in(struct engine *e, td_ms now, uint32_t agent);
void engine_sign_out(struct engine *e, td_ms now, uint32_t agent, bool now_or_drop);
/* Available <-> break; during a contact it becomes the next state, and nothing more is taken. A
 * break that is told lasts until the contrary is told, a drawn one ends by itself. */
void engine_set_break(struct engine *e, td_ms now, uint32_t agent, bool on_break);
bool engine_signed_in(const struct engine *e, uint32_t agent);
bool engine_agent_clear(const struct engine *e, uint32_t agent); /* has no contact, no wrap-up */

/* 0 or more, at most 1e9; anything else is ignored. Counts from the next choice on. */
void engine_weight(struct engine *e, uint16_t queue, double weight);
void engine_priority(struct engine *e, td_ms now, struct td_id id, uint8_t priority,
                     int64_t adjust_ms); /* of a waiting contact; unknown: ignored */

/* Counts, for reports and readiness; O(1). */
uint32_t engine_waiting(const struct engine *e, uint16_t queue);
uint32_t engine_live(const struct engine *e);    /* contacts waiting, ringing or connected: what the
                                                    quota counts; not those in wrap-up */
uint32_t engine_staffed(const struct engine *e); /* agents signed in and not on break */
uint32_t engine_busy(const struct engine *e);    /* agents on a contact or wrapping up */
/* Least enqueued_at among the heads of its channels and priorities; INT64_MAX: nobody waits. */
td_ms engine_oldest(const struct engine *e, uint16_t queue);
/* Calls fn for every contact here, in no promised order; fn must not call the engine. Connected:
 * talking, held or in wrap-up, with `agent`; else it waits or rings. */
void engine_each(const struct engine *e,
                 void (*fn)(void *arg, const struct engine_contact *k, bool connected,
                            uint32_t agent),
                 void *arg);
/* Is the contact here, and is it connected (as above)? *connected is set only if it is here. */
bool engine_has(const struct engine *e, struct td_id id, bool *connected);
/* Every invariant of the engine's own structures (slots, lists, counts); BUG_ON when broken. */
void engine_check(const struct engine *e);
