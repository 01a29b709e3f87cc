#include "aws/pace.h"

#include "base/map.h"

/* What of AWS's figures we use: the clocks and the way there are not exactly even, so calls that
 * leave in time can arrive bunched. */
#define USED_RATE 0.9
enum { UNUSED_BURST = 1, NOBODY = 0, NEVER = -1 }; /* index 0 of `waiter` is nobody */

struct waiter {
    uint32_t id, next, prev, bucket;
    uint8_t priority;
};

struct line {
    uint32_t first, last;
};

struct bucket {
    double rate_per_ms, burst; /* rate 0: no limit */
    double tokens;
    double part; /* of the rate, after AWS has throttled; 1: all of it */
    int64_t at_ms;
    struct line line[AWS_PRIORITIES];
    uint32_t waiting;
    int64_t due_ms; /* of the newest item of the heap for this bucket; INT64_MAX: none */
};

struct pace {
    struct bucket *bucket;
    uint32_t n_buckets, cap_buckets;
    struct map64 by_key, by_id; /* by_id: waiter of a call */
    struct waiter *waiter;
    uint32_t n_waiters, cap_waiters, unused; /* a list of free ones by `next` */
    uint32_t waiting;
    struct heap due; /* (time, bucket); old items of a bucket are skipped */
    uint64_t tie;
};

struct pace *pace_new(void)
{
    struct pace *p = mem_new(1, sizeof *p);
    p->n_waiters = 1; /* nobody */
    return p;
}

void pace_free(struct pace *p)
{
    if (!p)
        return;
    mem_free(p->bucket);
    mem_free(p->waiter);
    map64_free(&p->by_key);
    map64_free(&p->by_id);
    heap_free(&p->due);
    mem_free(p);
}

uint32_t pace_bucket(struct pace *p, uint64_t key, double rate_per_s, double burst, bool full)
{
    uint32_t i;
    if (map64_find(&p->by_key, key, &i))
        return i;
    BUG_ON(p->n_buckets == PACE_BUCKETS_MAX);
    if (p->n_buckets == p->cap_buckets) {
        p->cap_buckets = p->cap_buckets ? 2 * p->cap_buckets : 16;
        p->bucket = mem_grow(p->bucket, p->cap_buckets, sizeof *p->bucket);
    }
    i = p->n_buckets++;
    double most = MAX(burst - UNUSED_BURST, 1.0);
    p->bucket[i] = (struct bucket){.rate_per_ms = rate_per_s * USED_RATE / 1000,
                                   .burst = most,
                                   .tokens = full ? most : 1,
                                   .at_ms = NEVER,
                                   .part = 1,
                                   .due_ms = INT64_MAX};
    map64_insert(&p->by_key, key, i);
    return i;
}

/* Tokens that have come since; a clock that goes back brings none. */
static void refill(struct bucket *b, int64_t now_ms)
{
    double passed = b->at_ms == NEVER ? 0 : (double)MAX(now_ms - b->at_ms, 0);
    b->part = MIN(1.0, b->part + passed / PACE_RECOVER_MS);
    b->tokens = MIN(b->burst, b->tokens + passed * b->rate_per_ms * b->part);
    b->at_ms = MAX(b->at_ms, now_ms);
}

static int64_t turn_of(const struct bucket *b)
{
    if (b->rate_per_ms <= 0 || b->tokens >= 1)
        return b->at_ms;
    return b->at_ms + (int64_t)((1 - b->tokens) / (b->rate_per_ms * b->part)) + 1;
}

static void plan(struct pace *p, uint32_t i)
{
    struct bucket *b = &p->bucket[i];
    int64_t due = b->waiting ? turn_of(b) : INT64_MAX;
    if (due == b->due_ms)
        return;
    b->due_ms = due;
    if (due != INT64_MAX)
        heap_push(&p->due, due, p->tie++, i);
}

static uint32_t waiter_new(struct pace *p)
{
    if (p->unused) {
        uint32_t w = p->unused;
        p->unused = p->waiter[w].next;
        return w;
    }
    if (p->n_waiters >= p->cap_waiters) {
        p->cap_waiters = p->cap_waiters ? 2 * p->cap_waiters : 64;
        p->waiter = mem_grow(p->waiter, p->cap_waiters, sizeof *p->waiter);
    }
    return p->n_waiters++;
}

bool pace_push(struct pace *p, uint32_t bucket, enum aws_priority priority, uint32_t id,
               int64_t now_ms)
{
    struct bucket *b = &p->bucket[bucket];
    if (p->waiting == PACE_WAITING_MAX)
        return false;
    refill(b, now_ms);
    uint32_t w = waiter_new(p);
    struct line *l = &b->line[priority];
    p->waiter[w] = (struct waiter){id, NOBODY, l->last, bucket, (uint8_t)priority};
    if (l->last)
        p->waiter[l->last].next = w;
    else
        l->first = w;
    l->last = w;
    b->waiting++;
    p->waiting++;
    map64_insert(&p->by_id, id, w);
    plan(p, bucket);
    return true;
}

static void unlink_waiter(struct pace *p, uint32_t w)
{
    struct waiter *x = &p->waiter[w];
    struct bucket *b = &p->bucket[x->bucket];
    struct line *l = &b->line[x->priority];
    *(x->prev ? &p->waiter[x->prev].next : &l->first) = x->next;
    *(x->next ? &p->waiter[x->next].prev : &l->last) = x->prev;
    map64_erase(&p->by_id, x->id);
    b->waiting--;
    p->waiting--;
    x->next = p->unused;
    p->unused = w;
}

bool pace_remove(struct pace *p, uint32_t id)
{
    uint32_t w;
    if (!map64_find(&p->by_id, id, &w))
        return false;
    uint32_t bucket = p->waiter[w].bucket;
    unlink_waiter(p, w);
    plan(p, bucket);
    return true;
}

/* The heap's first item that is still true; older ones are thrown away. */
static const struct heap_item *first_due(struct pace *p)
{
    const struct heap_item *h;
    struct heap_item old;
    while ((h = heap_peek(&p->due)) && p->bucket[h->value].due_ms != h->key)
        (void)heap_pop(&p->due, &old);
    return h;
}

bool pace_next(struct pace *p, int64_t now_ms, uint32_t *id)
{
    const struct heap_item *h = first_due(p);
    if (!h || h->key > now_ms)
        return false;
    uint32_t i = (uint32_t)h->value;
    struct bucket *b = &p->bucket[i];
    refill(b, now_ms);
    b->due_ms = INT64_MAX; /* the item is used up whatever follows */
    struct heap_item used;
    (void)heap_pop(&p->due, &used);
    for (int k = 0; k < AWS_PRIORITIES && (b->tokens >= 1 || b->rate_per_ms <= 0); k++) {
        uint32_t w = b->line[k].first;
        if (!w)
            continue;
        *id = p->waiter[w].id;
        unlink_waiter(p, w);
        if (b->rate_per_ms > 0)
            b->tokens -= 1;
        plan(p, i);
        return true;
    }
    plan(p, i);
    return pace_next(p, now_ms, id); /* its turn was a rounding too early; it is later now */
}

int64_t pace_due(const struct pace *p)
{
    const struct heap_item *h =
        heap_peek(&p->due); /* may be an old one: then early, which is safe */
    return p->waiting && h ? h->key : INT64_MAX;
}

void pace_throttled(struct pace *p, uint32_t bucket, int64_t now_ms)
{
    struct bucket *b = &p->bucket[bucket];
    refill(b, now_ms);
    b->tokens = 0;
    b->part = MAX(b->part / 2, PACE_LEAST_PERCENT / 100.0);
    plan(p, bucket);
}

uint32_t pace_waiting(const struct pace *p)
{
    return p->waiting;
}

bool pace_retry(struct pace_retry *r, uint32_t attempt, bool costly, int64_t base_ms,
                int64_t most_ms, struct rng *rng, int64_t *delay_ms)
{
    double cost = costly ? PACE_RETRY_TIMEOUT_COST : PACE_RETRY_COST;
    if (r->tokens < cost)
        return false;
    r->tokens -= cost;
    int64_t most = MIN(base_ms << MIN(attempt, 20u), most_ms);
    *delay_ms = (int64_t)rng_below(rng, (uint64_t)most + 1);
    return true;
}

void pace_went_well(struct pace_retry *r, bool was_retry)
{
    r->tokens = MIN((double)PACE_RETRY_MAX, r->tokens + (was_retry ? PACE_RETRY_COST : 1));
}
