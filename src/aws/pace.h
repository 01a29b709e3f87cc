/* pace.h - how fast AWS may be called, who goes first, and when it is worth trying again. Pure:
 * time and chance come from the caller.
 *
 * AWS throttles by token bucket, one for each operation, account and region, shared by everything
 * that runs in the account. Each has a bucket here as well, a little smaller and slower than AWS's,
 * so that we are not throttled by ourselves; calls that find it empty wait in it, the most urgent
 * first and in the order they came. When AWS throttles all the same (others share the account), the
 * bucket is emptied and its rate halved, and recovers over RECOVER_MS.
 *
 * Retries: a delay drawn evenly from 0 to base * 2^n ("full jitter", Brooker, "Exponential Backoff
 * And Jitter", AWS Architecture Blog, 2015), and a budget for all calls together, as AWS's SDKs
 * have it ("retry behavior", standard mode): when most calls fail there are soon no retries, so
 * that a service in trouble is not asked several times for everything. */
#pragma once

#include "base/heap.h"
#include "base/rng.h"

enum aws_priority {
    AWS_FAILOVER, /* traffic, agents and sign-in move; nothing goes before that */
    AWS_CONTACT,  /* one contact or agent waits for it */
    AWS_MIRROR,
    AWS_POLL, /* looking whether what we know is still so */
    AWS_PRIORITIES
};

enum {
    PACE_BUCKETS_MAX = 4096,    /* operations x accounts and regions */
    PACE_WAITING_MAX = 65536,   /* calls that wait, in all; each of a few hundred bytes elsewhere */
    PACE_RECOVER_MS = 30000,    /* from a halved rate to the full one */
    PACE_LEAST_PERCENT = 10     /* of the rate, however often AWS throttles */
};

struct pace;
struct pace *pace_new(void) MUST_USE;
void pace_free(struct pace *p);

/* A bucket, known by `key` (of the caller's making), with AWS's own figures; rate 0: no limit. Not
 * full: it begins with one call, since what a process before this one has used is not known. */
uint32_t pace_bucket(struct pace *p, uint64_t key, double rate_per_s, double burst, bool full);

/* Puts call `id` (the caller's, unique among those that wait) in line. False: too many wait. */
bool pace_push(struct pace *p, uint32_t bucket, enum aws_priority priority, uint32_t id,
               int64_t now_ms) MUST_USE;
bool pace_remove(struct pace *p, uint32_t id); /* false: it was not waiting */
/* A call whose turn it is; its token is taken. False: none now. */
bool pace_next(struct pace *p, int64_t now_ms, uint32_t *id);
/* When pace_next will next give one; INT64_MAX: none waits. */
int64_t pace_due(const struct pace *p);
/* AWS has throttled a call of this bucket. */
void pace_throttled(struct pace *p, uint32_t bucket, int64_t now_ms);
uint32_t pace_waiting(const struct pace *p);

struct pace_retry {
    double tokens;
};
#define PACE_RETRY_START {500.0}
enum { PACE_RETRY_COST = 5, PACE_RETRY_TIMEOUT_COST = 10, PACE_RETRY_MAX = 500 };
/* May attempt number `attempt` (1: the first retry) be made, and after how long? False: the budget
 * is used up. `costly`: the last one ended without an answer. */
bool pace_retry(struct pace_retry *r, uint32_t attempt, bool costly, int64_t base_ms,
                int64_t most_ms, struct rng *rng, int64_t *delay_ms) MUST_USE;
/* A call went well: at the first attempt, or at a retry, whose cost comes back. */
void pace_went_well(struct pace_retry *r, bool was_retry);
