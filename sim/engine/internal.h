/* internal.h - what the engine's files share. Nobody outside this folder includes it.
 *
 *   engine.c     the inputs, the clock, the outputs, the counts
 *   contact.c    the life of a contact, from the line to its end
 *   agent.c      agents: states, breaks, who is free
 *   match.c      lines, and who takes what
 *   layout.c     what follows from the configuration; engine_reconfigure
 *   draw.c       random figures
 *   check.c      engine_check
 *   iheap.[hc]   the ordered lines and the timers
 *
 * Contacts and agents live in slabs: arrays with a list of free slots, so a slot number names a
 * thing as long as it lives, and a pointer is good only until the next contact or agent is made.
 *
 * Whenever an input returns, no free agent and no takeable contact that could have each other are
 * left: both sides look for the other whenever they become so. */
#pragma once

#include "base/map.h"
#include "base/mem.h"
#include "base/rng.h"
#include "engine/engine.h"
#include "engine/iheap.h"

#define NIL   UINT32_MAX
#define NEVER INT64_MAX

enum {
    PRIORITY_NORMAL = 5,
    PRIORITY_WORST = 10,
    RING_MIN_MS = 1000, /* without a least time a contact that is always missed stops the clock */
    BREAK_GAP_MIN_MS = 1000, /* likewise between breaks */
    OUTPUTS_MAX = 1 << 22,   /* 256 MB of outputs that nobody took is a mistake of the caller */
};
/* Figures of contacts are cut to this, so that sums of times do not overflow. */
#define SPAN_MAX ((int64_t)100 * 365 * MS_PER_DAY)

enum phase {
    PHASE_NONE,    /* a free slot */
    PHASE_WAITING, /* in its line */
    PHASE_RINGING, /* at an agent who is not going to answer */
    PHASE_TALKING,
    PHASE_HELD,
    PHASE_WRAPUP, /* the customer has left */
    PHASE_LEFT,   /* the contact was transferred; this stays behind for the agent's wrap-up */
};

struct contact {
    struct engine_contact k;
    uint64_t place; /* counts up as contacts begin to wait here; breaks ties */
    td_ms connected_at;
    td_ms until;         /* RINGING, WRAPUP, LEFT: when that ends */
    uint32_t agent;      /* slot; NIL: none */
    uint32_t next, prev; /* of this agent's; `next` also links free slots */
    uint32_t offers;     /* how often it rang or connected */
    uint8_t phase;
    uint8_t leg; /* transfers so far; each leg has draws of its own */
    bool hold_done;
};

struct idle_link {
    uint32_t next, prev;
};

struct agent {
    td_key key;
    bool here;          /* false: a free slot */
    uint32_t index;     /* in the configuration; NIL: no longer there */
    uint16_t profile;   /* INDEX_NONE: takes nothing more */
    uint8_t state;      /* enum engine_agent_state */
    uint8_t told_state; /* as the last ENGINE_AGENT said */
    uint8_t told_free[CHANNELS];
    uint8_t free[CHANNELS];  /* contacts of each channel that he could take now */
    uint8_t taken[CHANNELS]; /* slots in use: ringing, connected, wrapping up */
    uint16_t contacts;       /* sum of taken */
    uint16_t engaged;        /* of these, ringing or with their customer */
    bool leaving;            /* signs out as soon as he has no contact */
    bool on_break;           /* on a break, or goes on one as soon as he has no contact */
    bool break_drawn;        /* ... which ends by itself */
    bool missed;
    uint32_t first;      /* of his contacts; also links free slots */
    td_ms idle_since;    /* when he last took or finished a contact, or became available */
    uint64_t idle_order; /* counts up with idle_since; breaks ties */
    struct idle_link idle[CHANNELS];
    td_ms missed_until, break_until, break_at;
    struct rng rng; /* for breaks */
};

/* A line: contacts of one (queue, channel). Within a line the weight of the queue changes nothing,
 * so its order is (priority, enqueued_at - adjust, place), one heap a priority. A row's delay is
 * about the same age, so what a row may take of a heap is a prefix of its order: if the head is
 * too young, all are. */
struct line_row {
    uint16_t profile;
    int32_t delay_ms;
};
struct line {
    struct iheap *level; /* PRIORITY_WORST of them; NULL until somebody waits */
    uint32_t waiting;
    uint16_t levels; /* bit p-1: somebody of priority p waits */
    uint16_t rows, delays;
    struct line_row *row;            /* the profiles that serve it */
    int32_t *delay_ms;               /* the different delays above 0, ascending */
    const struct cfg_demand *demand; /* NULL: none */
};

struct profile_row {
    uint32_t line;
    int32_t delay_ms;
    uint8_t channel, priority;
};
struct idle_list { /* longest idle first */
    uint32_t head, tail, count;
};
struct profile {
    uint16_t rows;
    struct profile_row *row; /* by priority */
    uint8_t concurrency[CHANNELS];
    struct idle_list idle[CHANNELS];
};

struct engine {
    const struct config *c;
    uint64_t seed;
    td_key site;
    int64_t contacts_max;
    td_ms now;

    struct contact *contact; /* slab */
    uint32_t contacts_cap, contacts_free;
    uint32_t *wait_pos; /* by contact: where in its line's heap */
    struct map128 contact_by_id;
    uint32_t live;
    uint64_t places;

    struct agent *agent; /* slab of those signed in */
    uint32_t agents_cap, agents_free;
    uint32_t *agent_slot; /* by index in the configuration; NIL: not signed in */
    struct map64 agent_by_key;
    uint32_t in_state[AGENT_STATES];
    uint64_t idle_orders;

    struct iheap timers; /* items: contact slot * 2, agent slot * 2 + 1 */
    uint32_t *timer_pos;
    uint32_t timer_pos_cap;
    uint64_t timer_orders;

    struct line *line; /* queue * CHANNELS + channel */
    struct profile *profile;
    double *weight;                   /* by queue */
    struct profile_row *profile_rows; /* what `row` points into */
    struct line_row *line_rows;
    int32_t *line_delays;

    struct engine_event *out; /* ring */
    uint32_t out_first, out_count, out_cap;
};

static inline struct line *line_of(const struct engine *e, const struct contact *c)
{
    return &e->line[(uint32_t)c->k.queue * CHANNELS + c->k.channel];
}
/* Less is older; the age that counts is now minus this. */
static inline int64_t age_key(const struct contact *c)
{
    return c->k.enqueued_at - c->k.adjust_ms;
}

/* engine.c */
struct engine_event *engine__emit(struct engine *e, enum engine_event_type type,
                                  const struct contact *c, uint32_t agent); /* fill the rest */
void engine__timer(struct engine *e, uint32_t item, td_ms at);              /* NEVER: none */
void engine__timer_room(struct engine *e);

/* contact.c */
uint32_t engine__contact_new(struct engine *e);
uint32_t engine__contact_find(const struct engine *e, struct td_id id); /* NIL: none */
void engine__contact_enqueue(struct engine *e, uint32_t slot);
void engine__contact_connect(struct engine *e, uint32_t slot, uint32_t agent);
void engine__contact_unanswered(struct engine *e, uint32_t slot);
void engine__contact_transfer(struct engine *e, uint32_t slot, uint16_t queue);
void engine__contact_end(struct engine *e, uint32_t slot, enum engine_reason reason);
void engine__contact_cut(struct engine *e, uint32_t slot);
void engine__contact_schedule(struct engine *e, uint32_t slot);
void engine__contact_due(struct engine *e, uint32_t slot);

/* agent.c */
uint32_t engine__agent_new(struct engine *e, uint32_t index);
/* A contact comes to him, or goes (its phase says whether its customer was still there). */
void engine__agent_take(struct engine *e, uint32_t agent, uint32_t contact);
void engine__agent_leave(struct engine *e, uint32_t agent, uint32_t contact);
void engine__agent_disengage(struct engine *e, uint32_t agent); /* the customer goes, he wraps up */
void engine__agent_replace(struct engine *e, uint32_t agent, uint32_t contact, uint32_t by);
/* What follows when something about him changed: he takes what waits, or signs out. After _freed
 * an instant of being available between two contacts is not announced. */
void engine__agent_freed(struct engine *e, uint32_t agent);
void engine__agent_changed(struct engine *e, uint32_t agent);
void engine__agent_announce(struct engine *e, uint32_t agent);
void engine__agent_list(struct engine *e, uint32_t agent); /* he must be in no list */
void engine__agent_count_free(const struct engine *e, const struct agent *a,
                              uint8_t free_slots[CHANNELS]);
void engine__agent_plan_break(struct engine *e, struct agent *a);
void engine__agent_schedule(struct engine *e, uint32_t agent);
void engine__agent_due(struct engine *e, uint32_t agent);

/* match.c */
void engine__line_add(struct engine *e, uint32_t slot);
void engine__line_remove(struct engine *e, uint32_t slot);
td_ms engine__next_ripe(const struct engine *e, const struct contact *c); /* NEVER: no more */
uint32_t engine__count_free(const struct engine *e, const struct contact *c);
uint32_t engine__best_contact(const struct engine *e, const struct agent *a); /* NIL: none */
void engine__serve_contact(struct engine *e, uint32_t slot); /* which has become takeable */
void engine__serve_agent(struct engine *e, uint32_t agent);  /* who has become free */

/* layout.c */
void engine__layout_build(struct engine *e);
void engine__layout_free(struct engine *e);

/* draw.c */
void engine__draw_figures(const struct engine *e, struct contact *c); /* the negative ones */
bool engine__draw_miss(const struct engine *e, const struct contact *c);
int64_t engine__ms(double seconds); /* rounded, within 0..SPAN_MAX */
