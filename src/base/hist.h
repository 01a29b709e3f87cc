/* hist.h - how values are distributed, in bounded memory: quantiles of delays without their list.
 *
 * Buckets are log-linear as in HdrHistogram (G. Tene, https://hdrhistogram.github.io): each power
 * of two is divided into 32, so a value below 64 is kept exactly and a larger one to within 1/32 of
 * itself. Values are whole and of the caller's unit, 0 to 2^24 - 1 (16.7 seconds in microseconds);
 * what is outside goes to the nearest bucket, while count, sum, least and greatest stay exact. 2.6
 * KB, no pointer in it: zero-initialise, copy by assignment. */
#pragma once

#include "base/base.h"

enum {
    HIST_SUB_BITS = 5,
    HIST_VALUE_BITS = 24,
    HIST_BUCKETS = (HIST_VALUE_BITS - HIST_SUB_BITS + 1) << HIST_SUB_BITS,
};

struct hist {
    uint64_t count;
    int64_t sum, min, max; /* of nothing: 0 */
    uint32_t bucket[HIST_BUCKETS];
};

void hist_add(struct hist *h, int64_t value);
/* As if everything that `from` was given had been given to `h`. */
void hist_merge(struct hist *h, const struct hist *from);
/* The least value that at least a part q of all values do not exceed, 0 <= q <= 1: hist_quantile(h,
 * 0.5) is the median. It is never below the true one and at most 1/32 above it. Of nothing: 0. */
int64_t hist_quantile(const struct hist *h, double q);
void hist_reset(struct hist *h);
