/* floor_i.h - between the files of the floor: customers (floor.c), people (desk.c), the instance
 * port (floor_instance.c). */
#pragma once

#include "base/map.h"
#include "base/rng.h"
#include "node/floor.h"

struct caller {
    struct floor_call call;
    struct engine_contact k;      /* as the engine last gave it back, or will get it */
    td_ms called_at;
    td_ms transit_at;             /* since when he is in no instance */
    uint64_t epoch;               /* of the latest order to bring him; fences older ones */
    uint8_t site;                 /* whose engine it is in; SITE_NONE: in transit */
    bool live;
    uint32_t next;                /* free list */
};

struct desk { /* an agent's body and desktop */
    uint8_t at;                   /* signed in at; SITE_NONE */
    uint8_t invited;              /* told to sign in at; SITE_NONE */
    bool on_shift, timer;
};

struct floor_site {
    struct instance instance;
    struct floor *floor;
    uint8_t site;
    struct engine *engine;
    bool broken;                  /* flows */
    bool transferred_held;        /* the next QUEUED of this contact is a transfer */
    struct td_id transferred;
    struct instance_event *out;   /* ring: taken but not acked .. not yet taken */
    uint32_t first, taken, count, cap;
    uint32_t lives;
};

struct floor {
    const struct config *c;
    struct sched *sched;
    uint64_t seed;
    struct rng rng;
    struct floor_hooks hooks;
    struct floor_site site[SITES_MAX];
    struct caller *caller;
    uint32_t callers_cap, callers_free;
    uint64_t callers_live;
    struct map128 by_id;
    struct desk *desk;
    uint32_t desks;
    struct { struct td_id id; td_ms due; } *retry; /* ring: who may have got lost on the way in */
    uint32_t retry_first, retry_count, retry_cap;
    bool retry_timer;
    struct td_id *appeared;       /* ring: customers of contacts that came through the API alone */
    uint32_t appeared_next;
    struct map128 has_appeared;
    struct floor_stats stats;
};

enum {
    RETRY_MS = 5000,              /* a caller whom nobody has taken in by then is looked at again */
    DEAD_LINE_MS = 600000,        /* the most patient hangs up after so long a silence */
    APPEARED_MAX = 1 << 16,       /* remembered, so that nobody comes twice: some hours' worth */
    OUT_MAX = 1 << 22,            /* what an instance has told and its node not yet taken */
};

struct caller *caller_find(const struct floor *f, struct td_id id);
struct caller *caller_make(struct floor *f, const struct floor_call *call);
void caller_gone(struct floor *f, struct caller *c);
void caller_redial(struct floor *f, const struct caller *c);
void caller_enter(struct floor *f, struct caller *c);
void caller_in_transit(struct floor *f, struct caller *c);

void instance_say(struct floor_site *s, const struct instance_event *e);
void instance_drain_engine(struct floor_site *s);
void instance_init(struct floor_site *s);

void desk_open(struct floor *f);
void desk_invite(struct floor *f, uint32_t agent, uint8_t site);
void desk_sign_out(struct floor *f, uint32_t agent, uint8_t site);
void desk_signed_out(struct floor *f, uint32_t agent, uint8_t site);
void desk_site_lost(struct floor *f, uint8_t site);
void desk_site_back(struct floor *f, uint8_t site);
