/* core.h - the one core: the whole model of the contact centre, and every decision.
 *
 * Pure: no I/O, no clock, no threads, no globals, no hidden randomness. core_apply takes one input
 * at a time; the model changes, and two kinds of output wait to be taken:
 *   facts    what this node now states (event.h); already folded here. The node stores them, and
 *            only when they are durable publishes them to its peers;
 *   actions  what the outside shall do: deliver a contact to the instance, ask the hub, sign an
 *            agent in. Their outcomes come back as inputs.
 * Same configuration, same inputs in the same order: same facts, same actions, same state hash.
 *
 * Hub and site nodes run the same core; `self` says which node this is. The hub decides where
 * contacts go; a site decides for the contacts that came in there when the hub does not answer.
 *
 * Folding commutes: whatever the order in which facts of different origins arrive, the models are
 * equal once the same facts are folded (core_hash). What only this node knows (beats, learned
 * prices, caches) is outside the hash. */
#pragma once

#include "core/config.h"
#include "core/event.h"

struct core;
struct buf;

/* ---- inputs ---- */

struct route_request { /* a contact that needs a place */
    struct td_id contact, customer;   /* customer none: unknown */
    uint16_t queue;
    uint8_t channel;
    uint8_t entry_site;               /* where it came in; SITE_NONE: through the API */
    uint8_t how;                      /* enum place_how */
    float lat, lon;
    td_ms arrived_at;
    uint8_t priority;                 /* 0: normal */
};

struct beat { /* what every node tells every other each beat interval; never stored */
    uint8_t from;
    uint32_t epoch;
    uint16_t sees_up;                 /* bit per site: heard, and its instance is well */
    uint32_t vector_epoch[NODES_MAX]; /* facts applied, per origin */
    uint64_t vector_seq[NODES_MAX];
    bool instance_known;              /* sites: it has been heard since the node started */
    bool instance_ok;                 /* sites: the instance answers and its flows run */
    bool ready;                       /* sites: it could serve a contact now */
    bool has_report;                  /* a load report rides along */
    uint32_t staffed, live;
    uint8_t queues;                   /* how many of the following are given */
    uint32_t waiting[64], busy[64];   /* per queue, the first 64 queues of the configuration */
    td_ms sent_at, echo_at;           /* echo_at: sent_at of the receiver's last beat, for */
    int64_t echo_held_ms;             /* ... the round trip, less this time it was held */
};

struct instance_contact { /* what the instance says of a contact, from its stream */
    struct td_id contact;
    uint8_t state;                    /* enum contact_state, never PLACED */
    uint8_t end, channel;
    bool transferred;                 /* QUEUED again by a transfer */
    uint16_t queue;
    uint32_t agent;                   /* index; UINT32_MAX none */
    td_ms at;
};

struct instance_agent { /* what the instance says of an agent */
    uint32_t agent;                   /* index */
    uint8_t presence, reason;
    bool unsure;                      /* which region of a replicated one has him is not said */
    td_ms at;                         /* since when; 0: now */
};

enum input_type {
    IN_FACT,          /* a fact of a peer (or, in recovery, of one's own) */
    IN_ARRIVED,       /* a contact came in at this site */
    IN_ASKED,         /* another site, or the API, asks this node to place a contact */
    IN_CONTACT,       /* the instance reports a contact */
    IN_AGENT,         /* the instance reports an agent's presence */
    IN_RELEASED,      /* outcome of ACT_RELEASE: ok, or it was no longer waiting */
    IN_REFUSED,       /* outcome of ACT_DELIVER: the contact did not come */
    IN_INSTANCE,      /* the instance's own health changed: ok, ready */
    IN_BEAT,
    IN_TICK,          /* time has passed; at least every beat interval */
    IN_SETTLE,        /* the end of a batch at one instant: late decisions are made now */
    IN_DRAIN, IN_RESTORE, IN_SET_POLICY, IN_SET_SHARES, IN_SET_CONFIG,
};

struct input {
    enum input_type type;
    union {
        const struct event *fact;
        struct route_request request;
        struct instance_contact contact;
        struct instance_agent agent;
        struct { struct td_id contact; bool ok; } outcome;
        struct { bool ok, ready; } instance;
        const struct beat *beat;
        struct { uint8_t site; const char *why; } site;
        struct { uint8_t policy; } policy;
        struct { uint8_t policy, group; const int32_t *share_ppm; } shares; /* by site index */
        struct { const char *text; size_t len; } config;
    };
};

/* ---- actions ---- */

enum action_type {
    ACT_DELIVER,      /* bring `placed.contact` to this site's instance */
    ACT_RELEASE,      /* take a waiting contact out of this instance; IN_RELEASED answers */
    ACT_SEND,         /* it came in here, or was released here, and its place is at `to_site` */
    ACT_DROP,         /* it belongs to `to_site` now, or is over (SITE_NONE): let go of it here */
    ACT_ASK_HUB,      /* send `request` to the hub */
    ACT_BEAT,         /* send `beat` to every peer */
    ACT_RESEND,       /* peer `node` lacks facts of `origin` after `seq` */
    ACT_SIGN_IN,      /* invite `agent` to sign in at this site */
    ACT_SIGN_OUT,     /* sign `agent` out of this instance once clear */
    ACT_WEIGHT,       /* set the age weight of `queue` in the instance */
    ACT_HISTORY,      /* a contact ended, or a decision of it came late: keep its record */
    ACT_NOTE,         /* something an operator wants to see in the timeline */
};

enum note_kind { NOTE_SITE_DOWN, NOTE_SITE_UP, NOTE_RETURNING, NOTE_DRAIN, NOTE_RESTORE,
                 NOTE_POLICY, NOTE_SHARES, NOTE_CONFIG, NOTE_REHOMED, NOTE_INFEASIBLE,
                 NOTE_HUB_LOST, NOTE_HUB_BACK, NOTE_KINDS };
extern const char *const note_kind_names[NOTE_KINDS];

struct core_history {
    struct td_id contact, customer;
    uint64_t epoch;
    uint32_t version;
    td_ms started_at, ended_at;
    const struct ev_contact *final;   /* valid until the next core_apply */
    const struct ev_placed *decisions[8];
    int n_decisions;
};

struct action {
    enum action_type type;
    td_ms at;
    union {
        struct { struct td_id contact; uint8_t to_site; } contact; /* RELEASE, SEND, DROP */
        struct ev_placed placed;                                   /* DELIVER */
        struct route_request request;
        struct { uint8_t node, origin; uint32_t epoch; uint64_t after_seq; } resend;
        struct { uint32_t agent; uint8_t reason; } agent;
        struct { uint16_t queue; double weight; } weight;
        struct { enum note_kind kind; uint8_t site; uint32_t n; char text[160]; } note;
        struct { struct td_id contact; uint64_t epoch; uint32_t version; int n_decisions; }
            history;                  /* which record; core_history_of gives it */
    };
};

/* ---- life ---- */

/* The configuration must outlive the core (IN_SET_CONFIG and EV_CONFIG replace it; the core then
 * owns the new one). `epoch`: this life of the node, greater than any before. */
struct core *core_new(const struct config *c, uint8_t self, uint32_t epoch);
void core_free(struct core *core);

/* Two sites may be one instance that the platform replicates (Amazon Connect's Global Resiliency):
 * their agents are signed in to both, and the platform says which of the two has one, by shares of
 * its own. So nodes move nobody between the two. By site, SITE_NONE: none; before any input. */
void core_replicas(struct core *core, const uint8_t replica[SITES_MAX]);

/* Folds the fact of another node's or one's own past: no facts or actions come of it. For
 * recovery; IN_FACT is the live way. */
enum folded { FOLD_NEW, FOLD_KNOWN, FOLD_GAP, FOLD_BAD };
enum folded core_recover(struct core *core, const struct event *fact);

/* A batch of facts folds in half the time when the memory they touch is asked for beforehand: first
 * for all of them step 0, then step 1, then IN_FACT for each. Changes nothing. */
void core_prefetch(struct core *core, const struct event *fact, int step);

/* Applies one input. For IN_FACT the result tells what became of it; else FOLD_NEW. */
enum folded core_apply(struct core *core, const struct input *in, td_ms now);

bool core_next_fact(struct core *core, struct event *out);   /* false: none waiting */
bool core_next_action(struct core *core, struct action *out);
/* Actions wait for the commit; meanwhile the reason for one may have gone. */
bool core_still_wanted(struct core *core, const struct action *a);
td_ms core_deadline(const struct core *core);                /* when IN_TICK is next needed */
void core_beat(struct core *core, td_ms now, struct beat *out); /* the beat ACT_BEAT asks for */
/* Bytes that the model has taken: it grows with the contacts and agents there are at once. */
size_t core_bytes(const struct core *core);
bool core_history_of(struct core *core, struct td_id contact, struct core_history *out);

/* After a restart: which of this site's contacts and agents are really at the instance. What is
 * not is ended (dropped) or signed out; what is there is stated as it is. */
struct reality {
    bool (*contact)(void *arg, struct td_id id, struct instance_contact *out);
    bool (*agent)(void *arg, uint32_t agent, struct instance_agent *out);
    void *arg;
};
void core_reconcile(struct core *core, const struct reality *real, td_ms now);

uint64_t core_hash(const struct core *core);
/* The model as bytes, with the configuration it goes by, and back. Restore wants a core whose
 * configuration has the same sites; it is replaced by the one in the snapshot. */
void core_snapshot(const struct core *core, struct buf *out);
bool core_restore(struct core *core, const void *data, size_t len) MUST_USE;

/* Every invariant of the model that can be checked in one node; BUG_ON when one is broken. */
void core_check(const struct core *core);
