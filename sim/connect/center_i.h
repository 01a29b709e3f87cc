/* center_i.h - what the files of the center share; nobody else includes it. */
#pragma once

#include "connect/center.h"

enum {
    LISTENERS_MAX = 8,
    MIRRORS_MAX = REGIONS_MAX * REGION_INSTANCES_MAX,
    TIMERS_MAX = 4 << 20,
    TURN_MAX = 20000 /* things that center_run plays */
};

struct timer {
    void (*fn)(void *arg);
    void *arg;
    bool own; /* arg is ours to free */
};

struct center {
    struct center_options options;
    struct rng rng;
    uint64_t secret, seq;
    td_ms now;
    int64_t wall_base_ms, skipped_ms;
    td_ms base;
    bool warming;
    struct region region[REGIONS_MAX];
    uint32_t n_regions;
    struct mirror *mirror[MIRRORS_MAX];
    uint32_t n_mirrors;
    struct center_key *key;
    uint32_t n_keys;
    struct map64 key_by_id; /* hash of id -> index in key */
    struct {
        center_listener *fn;
        void *arg;
    } listener[LISTENERS_MAX];
    uint32_t n_listeners;
    void (*flow_run)(void *arg, struct contact *k);
    void *flow_arg;
    struct heap timers; /* value: index in timer */
    struct timer *timer;
    uint32_t *timer_free, n_timer_free, n_timers;
    struct contact **contact; /* by slot */
    uint32_t *slot_free, n_slot_free, n_slots;
    struct map128 contact_by_id; /* id and engine id -> slot */
};

/* mirror.c */
struct mirror *mirror_new(struct center *c, struct region *first, struct region *second);
void mirror_free(struct mirror *m);
struct instance *instance_new(struct mirror *m, struct region *g, const char *alias);
void instance_free(struct instance *i);
void res_free(struct res *r);
/* A new resource with a given id; no tags. */
void *res_make(struct mirror *m, uint8_t side, enum res_kind kind, struct td_id id,
               const char *name, const char *description);

/* populate.c: the resources of the centre's configuration */
void mirror_populate(struct mirror *m);

/* contact.c */
void instance_drain(struct instance *i); /* takes what its engine says */
void contacts_free(struct instance *i);

/* agent.c */
void user_told(struct instance *i, struct user *u, const struct engine_event *e);
void user_contact_gone(struct user *u);

/* arrivals.c */
struct arrivals *arrivals_new(struct mirror *m);
void arrivals_free(struct arrivals *a);
