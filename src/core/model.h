/* model.h - what a node knows, as plain structs. Written only by the core (fold.c and friends);
 * read by views (API, dashboard, reports) that must not keep pointers across core_apply.
 *
 * A contact is two registers: its placement (the EV_PLACED of the greatest epoch) and its state
 * (the EV_CONTACT of the greatest epoch and version). What it is follows from both: placed, when
 * the placement is newer than the state; else the state. All counts below are sums over contacts
 * and agents, changed by taking the old contribution out and putting the new one in, so they come
 * out the same in whatever order facts arrive. */
#pragma once

#include "base/heap.h"
#include "base/map.h"
#include "base/mem.h"
#include "core/core.h"
#include "core/place.h"
#include "core/share.h"

#define NIL UINT32_MAX
#define LINES(c) ((uint32_t)(c)->n_queues * CHANNELS)
#define LINE(queue, channel) ((uint32_t)(queue) * CHANNELS + (channel))

struct decision { /* pooled; sized for the configuration's sites, see decision_size */
    struct decision *next; /* older */
    struct ev_placed placed;
};

struct contact {
    struct td_id id;
    struct decision *decisions;  /* newest epoch first; NULL: only its state is known yet */
    uint64_t counted_epoch;      /* the placement that the ledger counts; 0 none */
    struct ev_contact state;     /* epoch 0: no state is known yet */
    /* derived */
    uint8_t now_state, site;     /* what it is, and who owns it */
    uint8_t channel;
    uint16_t queue;              /* INDEX_NONE: a queue this configuration does not have */
    uint32_t agent;              /* NIL: none */
    td_key queue_key, agent_key; /* that queue and agent were looked up for */
    td_ms queued_at;
    uint64_t epoch;              /* of ownership: the greater of the two registers */
    uint32_t next, prev;         /* in its list: waiting, inflight or ended */
    uint8_t list;                /* enum list_kind */
    /* local to this node */
    bool moving;                 /* ACT_RELEASE is under way */
    uint8_t moving_to, moving_rule;
    uint8_t end_origin;          /* the fact that ended it, for stability */
    uint32_t end_epoch;
    uint64_t end_seq;
    uint64_t taken_over;         /* hlc of the verdict by which this node took it from its site */
    td_ms delivered_at;          /* when ACT_DELIVER was last asked for */
    td_ms inflight_since;        /* since when it is on its way here; 0: not yet looked at */
};
enum list_kind { LIST_NONE, LIST_WAITING, LIST_INFLIGHT, LIST_ENDED };

struct contact_list {
    uint32_t head, tail, count;
};

struct agent {
    struct ev_agent state;       /* epoch 0: never heard of; then home site and offline */
    uint32_t index;              /* in the configuration */
    uint16_t profile;            /* as configured, kept here so that a fold touches one line */
    uint8_t concurrency[CHANNELS];
    uint8_t talking[CHANNELS];   /* contacts connected or held */
    uint8_t wrapping;            /* contacts in wrap-up */
    td_ms idle_since;
    /* derived contribution to the counts */
    uint8_t site;                /* SITE_NONE: not staffed anywhere */
    uint8_t free_mask;           /* bit per channel: could take one more */
    /* local */
    td_ms moved_at;              /* cooldown */
};

struct vector_entry {
    uint32_t epoch;
    uint64_t seq;
};

struct peer { /* what this node hears of another */
    td_ms heard_at;              /* of its last beat; 0 never */
    uint32_t beat_epoch;
    int32_t good;                /* beats in a row, up to `rise` */
    bool up;                     /* heard, with hysteresis; for a site also: its instance is well */
    bool instance_known, instance_ok, ready;
    uint16_t sees_up;
    td_ms sent_at, sent_at_heard; /* for the echo */
    double rtt_ms;               /* smoothed; 0 unknown */
    struct vector_entry acked[NODES_MAX];   /* applied there, when we have all it had stated then */
    struct vector_entry pending[NODES_MAX]; /* of its last beat, not yet effective */
    bool has_pending;
    td_ms nacked_at;
    td_ms report_at;
    uint32_t staffed, live;
    uint32_t waiting[64], busy[64]; /* REPORT_QUEUES */
};

struct site_state {
    struct ev_site admin;        /* register */
    uint64_t admin_hlc;
    uint8_t admin_origin;
    struct ev_verdict verdict;   /* register */
    uint64_t verdict_hlc;
    uint8_t verdict_origin;
    /* sums over contacts and agents */
    struct contact_list *waiting, *inflight; /* per line */
    uint32_t *busy;              /* per line: connected, held, wrapping up */
    uint32_t *staffed;           /* per profile */
    uint32_t *idle;              /* per profile x channel: agents that could take one more */
    uint32_t live, waiting_all, inflight_all, busy_all, staffed_all;
    uint32_t *pool_waiting;      /* per pool of lines that share agents: waiting and inflight */
    /* local */
    td_ms returning_since;       /* 0: not returning */
    uint32_t *sent;              /* per line: placed there since its last report (VIEW_REPORTS) */
    uint64_t refused_busy;
};

struct ledger { /* one decider's books for one group, indexed by site */
    int64_t lag_u[SITES_MAX];    /* millionths of a contact; positive: is owed contacts */
    int32_t share_ppm[SITES_MAX];
    uint64_t placed[SITES_MAX];  /* counted placements */
};

struct group_state {
    struct ledger by[NODES_MAX]; /* per decider */
    int64_t lag_u[SITES_MAX];    /* sums over deciders */
    uint64_t placed[SITES_MAX];
    struct share_price price;    /* learned here */
    uint32_t judged;             /* placed since shares were last judged feasible or not */
    bool infeasible;
    struct share_forced forced;  /* why not */
};

struct queue_state { /* sums over ended contacts, for handling time and patience */
    uint64_t offered, answered, abandoned;
    int64_t handle_ms, wait_ms;  /* handling: from the connection to the end of the wrap-up */
    uint64_t talked;
    double weight;               /* last told to the instance */
};

struct register_state {
    uint64_t hlc;
    uint8_t origin;
};

struct pending_ask { /* local: a contact that waits for the hub's word */
    struct route_request request;
    td_ms until;
};

struct ring { /* grows; `cap` is a power of two */
    void *item;
    uint32_t first, count, cap;
};

struct returning { /* cache of recent customers, direct mapped; outside the hash */
    struct td_id customer;
    uint32_t agent;
    uint8_t site;
    td_ms ended_at;
};
enum {
    RETURNING_SLOTS = 1 << 16, /* 2.5 MB a node; about the customers of a busy day's last hours */
    ASKS_MAX = 65536,          /* contacts that wait for the hub's word at one site */
    DECISIONS_KEPT = 8,        /* of one contact */
    STRAYS_MAX = 65536,
};

struct core {
    const struct config *c;
    struct config *owned;        /* set once a fact replaced the configuration */
    uint8_t self;
    uint32_t epoch;
    uint64_t seq;
    uint64_t hlc;
    td_ms now;
    bool recovering;

    struct vector_entry vector[NODES_MAX];
    struct peer peer[NODES_MAX];
    td_ms tick_at, reported_at, beat_at, weighed_at;
    bool returning_was;
    bool instance_known, instance_ok, instance_ready;
    td_ms started_at;            /* the first tick: peers not heard since are not judged yet */
    bool hub_was_up;

    struct register_state config_reg, policy_reg;
    struct { struct register_state reg; int32_t share_ppm[SITES_MAX]; bool set; }
        shares[POLICIES_MAX][GROUPS_MAX];
    uint8_t policy;
    td_key policy_key;           /* as the register has it; 0: as the configuration has it */

    struct site_state site[SITES_MAX];
    struct group_state group[GROUPS_MAX];
    struct queue_state *queue;

    struct contact *contact;     /* slab */
    uint32_t contacts_cap, contacts_free, contacts_live;
    struct map128 contact_by_id;
    struct contact_list ended;
    uint64_t archived_hash, archived;

    struct agent *agent;         /* as in the configuration */
    struct map64 agent_by_key, queue_by_key;
    struct returning *returning;
    bool sticky;                 /* some queue wants its returning customers recognised */

    /* derived from the configuration */
    uint16_t *line_pool;         /* per line: its pool; INDEX_NONE: nobody serves it */
    uint16_t n_pools;
    struct { uint16_t *profile; uint16_t n; } *line_profiles; /* per line: who serves it */
    struct decision *decisions_free;
    uint32_t decisions;          /* that there are, free ones too */
    struct place_vec site_vec[SITES_MAX];

    struct pending_ask *ask;     /* ring */
    uint32_t ask_first, ask_count, ask_cap;
    uint32_t ask_number;         /* of the first; they are numbered as they come */
    struct map128 ask_by_contact; /* -> number, of those that are not answered */

    struct ring facts, actions;  /* waiting to be taken */
    struct ev_agent *stray;      /* agents that this configuration lacks: a newer one may */
    uint32_t strays;             /* name them (STRAYS_MAX) */
    uint32_t pushing[SITES_MAX]; /* contacts whose release to that site is under way */
    td_ms invited_at;            /* agents who are late were last invited again */
    td_ms scanned_at;            /* agents were last looked at for moves */
    uint32_t guests;             /* agents here whose home is another site, at the last scan */
    uint8_t replica[SITES_MAX];  /* SITE_NONE: none */
    uint32_t invited[SITES_MAX]; /* agents told to sign in there, since the last second */
    uint64_t takeover_at[SITES_MAX]; /* hlc of the verdict whose agents were moved */
    bool settle_moves;           /* something changed that may let a waiting contact move */
    bool shares_dirty;
    uint64_t decisions_made, moves_made;
};

/* ---- between the core's own files ---- */

/* reconfigure.c */
void core_reconfigure(struct core *k, const char *text, size_t len);
void stray_agent(struct core *k, const struct ev_agent *a);

/* core.c */
void core_state(struct core *k, struct event *e);    /* stamps, folds and queues a fact of ours */
struct action *core_act(struct core *k, enum action_type type); /* a slot to fill, zeroed */
void core_note(struct core *k, enum note_kind kind, uint8_t site, uint32_t n, const char *fmt, ...)
    PRINTF(5, 6);

/* fold.c */
enum folded fold_fact(struct core *k, const struct event *e);
void fold_stable(struct core *k);                    /* lets go of ended contacts all know of */
uint64_t contact_hash(const struct contact *t);

/* contacts.c: the slab, lists and counts */
struct contact *contact_find(struct core *k, struct td_id id);
struct contact *contact_get(struct core *k, struct td_id id); /* finds or makes */
void contact_put(struct core *k, struct contact *t, int sign); /* its contribution to the sums */
void contact_derive(struct core *k, struct contact *t);
void contact_remove(struct core *k, struct contact *t);
struct decision *decision_new(struct core *k);
void decision_free(struct core *k, struct decision *d);
int contact_decisions(const struct contact *t);        /* that its record has */
static inline uint32_t contact_slot(const struct core *k, const struct contact *t)
{
    return (uint32_t)(t - k->contact);
}
void agent_recount(struct core *k, struct agent *a); /* after presence or contacts changed */
void agent_take(struct core *k, uint32_t agent, uint8_t channel, uint8_t state, int sign, td_ms at);

/* index.c: what is derived from the configuration */
void index_build(struct core *k);
void index_free(struct core *k);
uint32_t idle_for(const struct core *k, uint8_t site, uint32_t line);
uint32_t staffed_for(const struct core *k, uint8_t site, uint32_t line);

/* decide.c */
enum { PRIORITY_NORMAL = 5, REPORT_QUEUES = 64 };
bool decide(const struct core *k, const struct route_request *r, uint16_t avoid, bool counted,
            struct ev_placed *p, double cost_km[SITES_MAX]);
void decide_learn(struct core *k, const struct ev_placed *p, const double cost_km[]);
void decide_place(struct core *k, const struct route_request *r);
bool decide_again(struct core *k, struct contact *t, uint16_t avoid, uint8_t rule,
                  struct ev_placed *out);
void decide_stay(const struct core *k, const struct contact *t, uint8_t rule,
                 struct ev_placed *out);
double decide_wait_ms(const struct core *k, uint8_t site, uint32_t line);
uint16_t decide_allowed(const struct core *k, uint32_t line, uint8_t excluded[SITES_MAX]);

/* moves.c: waiting contacts that leave their site, and agents that change theirs */
void moves_settle(struct core *k);
void moves_cease(struct core *k, struct contact *t);
void moves_released(struct core *k, struct td_id id, bool ok);
void moves_tick(struct core *k);
void moves_takeover(struct core *k, uint8_t site);

/* health.c */
void health_beat(struct core *k, const struct beat *b);
void health_tick(struct core *k);
bool health_site_open(const struct core *k, uint8_t site, uint8_t *why); /* for new contacts */
bool health_peer_up(const struct core *k, uint8_t node);
uint8_t health_coordinator(const struct core *k);
void health_gap(struct core *k, uint8_t origin);     /* a fact came too early: ask for the rest */
double health_return_factor(const struct core *k, uint8_t site); /* 1: all back */

/* shares.c */
void shares_tick(struct core *k);
void shares_wanted(const struct core *k, uint8_t policy, uint8_t group, int32_t ppm[SITES_MAX]);
uint8_t shares_group_of(const struct core *k, uint8_t site);
void shares_ledger(const struct core *k, uint8_t group, struct share_ledger *l);
double shares_bound(const struct core *k);

static inline const struct cfg_policy *core_policy(const struct core *k)
{
    return &k->c->policy[k->policy];
}
