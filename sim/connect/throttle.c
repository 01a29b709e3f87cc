#include "connect/throttle.h"

bool throttle_take(struct throttle *t, uint64_t key, double rate, double burst, int64_t now_ms)
{
    uint32_t at;
    if (!map64_find(&t->by_key, key, &at)) {
        if (t->n == t->cap) {
            t->cap = t->cap ? t->cap * 2 : 64;
            t->bucket = mem_grow(t->bucket, t->cap, sizeof *t->bucket);
        }
        at = t->n++;
        t->bucket[at] = (struct throttle_bucket){burst, now_ms};
        map64_insert(&t->by_key, key, at);
    }
    struct throttle_bucket *b = &t->bucket[at];
    if (now_ms > b->at_ms) {
        b->tokens += (double)(now_ms - b->at_ms) * rate / 1000;
        if (b->tokens > burst)
            b->tokens = burst;
        b->at_ms = now_ms;
    }
    if (b->tokens < 1)
        return false;
    b->tokens -= 1;
    return true;
}

void throttle_free(struct throttle *t)
{
    map64_free(&t->by_key);
    mem_free(t->bucket);
    *t = (struct throttle){0};
}
