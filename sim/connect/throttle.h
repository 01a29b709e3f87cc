/* throttle.h - token buckets, as AWS counts API calls: one an operation, account and region.
 *
 * A bucket holds `burst` calls and gains `rate` a second; a call that finds less than one is
 * throttled. (Amazon Connect service quotas, "API throttling quotas".) A bucket is made at its
 * first call; how many there may be is for the caller to bound by its keys. Pure. */
#pragma once

#include "base/map.h"

struct throttle_bucket {
    double tokens;
    int64_t at_ms;
};
struct throttle { /* zero-initialise; throttle_free when done */
    struct map64 by_key;
    struct throttle_bucket *bucket;
    uint32_t n, cap;
};

/* Takes a call from the key's bucket; false: throttled. A clock that goes back gains nothing. */
bool throttle_take(struct throttle *t, uint64_t key, double rate, double burst, int64_t now_ms);
void throttle_free(struct throttle *t);
