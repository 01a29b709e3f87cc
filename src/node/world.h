/* world.h - a whole contact centre in one process: hub, site nodes, bus, instances, customers.
 *
 * The nodes meet only through the bus, and see their instances only through the port. Replays, the
 * live demonstration and the fault simulator all run this; they differ in who moves the clock.
 *
 * Its instances are simulated, and then there are customers, agents and a day of arrivals as well
 * (the floor); or they are somebody else's (`instances`): then the world is hub, sites and bus, and
 * what goes on at the instances comes through their drivers. */
#pragma once

#include "node/floor.h"
#include "node/node.h"
#include "trace/generate.h"
#include "trace/trace.h"

struct world;

enum fault_kind {
    FAULT_REGION_DOWN,   /* node and instance of a site, and its links, are gone */
    FAULT_NODE_DOWN,     /* a node (hub or site) crashes; its store stays, its instance runs on */
    FAULT_CUT,           /* no messages between two nodes */
    FAULT_ISOLATE,       /* no messages between a node and all others */
    FAULT_FLOWS,         /* an instance's flows are broken */
    FAULT_LINKS,         /* loss, repetition, reordering on every link */
    FAULT_DRAIN,         /* not a fault: an operator drains a site; its end restores it */
    FAULT_KINDS
};
struct fault {
    enum fault_kind kind;
    uint8_t a, b;                /* nodes */
    int64_t at_ms, for_ms;       /* from the start of the run; for_ms 0: for ever */
    int32_t loss_ppm, duplicate_ppm, reorder_ppm;
};
/* "region-down:us-west-2@30m+10m", "node-down:hub@1h+60s", "cut:us-east-1,hub@10m+5m",
 * "isolate:us-east-1@...", "flows:...", "drain:...", "links:5%@1m+10m" (each of loss, repetition
 * and reordering). Times: s, m, h. False: *error says what is wrong. */
bool fault_parse(const char *spec, const struct config *c, struct fault *out, char *error,
                 size_t error_cap);

struct world_options {
    const struct config *config;
    uint64_t seed;
    const char *trace;           /* NULL: a generated day */
    bool durable;                /* SQLite in config->store.dir; else memory */
    uint64_t history_max;        /* of the memory store */
    uint64_t snapshot_events;
    /* A driver for each site, which stay the caller's and outlive the world; NULL: simulated. With
     * them there is no floor, no trace, and no fault of an instance. */
    struct instance *const *instances;
    const uint8_t *replica;      /* of these, SITES_MAX, as core_replicas; NULL: none */
    td_ms start;                 /* of a generated run; 0: Monday 2021-07-05 00:00 UTC */
    const struct fault *faults;
    int n_faults;
    struct node_config hooks;    /* only the hooks are used; arg too */
    bool hub_tells;              /* on_fact and on_history at the hub only */
    void (*on_call)(void *arg, const struct floor_call *call); /* a customer calls; may be NULL */
};

struct world *world_new(const struct world_options *o, struct buf *errors) MUST_USE;
void world_free(struct world *w);

/* Does the next thing that is due by `until`; false: nothing is. */
bool world_step(struct world *w, td_ms until);
td_ms world_next(const struct world *w);        /* when; INT64_MAX: never */
td_ms world_now(const struct world *w);
td_ms world_start(const struct world *w);
void world_idle(struct world *w, td_ms now);    /* moves the clock on; nothing is due before */
bool world_arrivals_over(const struct world *w);

struct node *world_node(struct world *w, uint8_t node); /* NULL while it is down */
struct floor *world_floor(struct world *w);             /* NULL: the instances are not simulated */
/* The instance of a site has something to say: the driver calls this, from the world's thread. */
void world_instance_moved(struct world *w, uint8_t site);
struct sched *world_sched(struct world *w);
struct bus *world_bus(struct world *w);
const struct config *world_config(const struct world *w);
struct trace *world_trace(struct world *w);             /* NULL: none */
void world_fault(struct world *w, const struct fault *f); /* now; at_ms is not looked at */
void world_fault_end(struct world *w, const struct fault *f);
/* All nodes up, all links whole: what the simulator asks for before it compares hashes. */
void world_heal(struct world *w);
/* Replaces the configuration by a fact of the hub. False: errors tell why; nothing changes. */
bool world_reconfigure(struct world *w, const char *text, size_t len, const char *name,
                       struct buf *errors);
