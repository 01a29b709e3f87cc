/* sched.h - virtual time: what is to happen when, in a promised order.
 *
 * Items due at the same millisecond run in the order in which they were scheduled. The live loop
 * runs the same schedule against the wall clock (serve/live.c); replays and tests run it as fast as
 * it goes. */
#pragma once

#include "base/heap.h"
#include "core/types.h"

/* `what` belongs to the item until it runs. A schedule that ends calls fn with arg NULL for every
 * item left that has a `what`: then it only frees it. */
typedef void sched_fn(void *arg, void *what, uint64_t n);

struct sched_item {
    sched_fn *fn;
    void *arg, *what;
    uint64_t n;
    uint32_t next_free;
};

struct sched {
    td_ms now;
    struct heap heap;
    struct sched_item *item;
    uint32_t cap, free;
    uint64_t tie, run;
};

void sched_init(struct sched *s, td_ms now);
void sched_free(struct sched *s);
/* In the past: at once, at the next run. */
void sched_at(struct sched *s, td_ms at, sched_fn *fn, void *arg, void *what, uint64_t n);
td_ms sched_next(const struct sched *s); /* INT64_MAX: nothing */
/* Runs the first item if it is due by `until`, with now moved up to it. False: none due. */
bool sched_step(struct sched *s, td_ms until);
