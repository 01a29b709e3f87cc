#include "base/hist.h"

#include <math.h>
#include <string.h>

static uint32_t bucket_of(int64_t value)
{
    const int64_t greatest = ((int64_t)1 << HIST_VALUE_BITS) - 1;
    uint32_t v = (uint32_t)(value < 0 ? 0 : MIN(value, greatest));
    if (v < 1u << HIST_SUB_BITS)
        return v;
    uint32_t shift = 31u - (uint32_t)__builtin_clz(v) - HIST_SUB_BITS;
    return (shift << HIST_SUB_BITS) + (v >> shift);
}

/* The greatest value that falls into a bucket. */
static int64_t bucket_end(uint32_t b)
{
    if (b < 2u << HIST_SUB_BITS)
        return b;
    uint32_t shift = (b >> HIST_SUB_BITS) - 1;
    uint32_t sub = (1u << HIST_SUB_BITS) + (b & ((1u << HIST_SUB_BITS) - 1));
    return ((int64_t)(sub + 1) << shift) - 1;
}

void hist_add(struct hist *h, int64_t value)
{
    h->min = h->count ? MIN(h->min, value) : value;
    h->max = h->count ? MAX(h->max, value) : value;
    h->count++;
    h->sum += value;
    uint32_t *b = &h->bucket[bucket_of(value)];
    if (LIKELY(*b < UINT32_MAX))
        ++*b;
}

void hist_merge(struct hist *h, const struct hist *from)
{
    if (!from->count)
        return;
    h->min = h->count ? MIN(h->min, from->min) : from->min;
    h->max = h->count ? MAX(h->max, from->max) : from->max;
    h->count += from->count;
    h->sum += from->sum;
    for (uint32_t i = 0; i < HIST_BUCKETS; i++) {
        uint64_t both = (uint64_t)h->bucket[i] + from->bucket[i];
        h->bucket[i] = (uint32_t)MIN(both, UINT32_MAX);
    }
}

int64_t hist_quantile(const struct hist *h, double q)
{
    if (!h->count)
        return 0;
    uint64_t rank = (uint64_t)ceil(q * (double)h->count), seen = 0;
    if (rank <= 1)
        return h->min;
    for (uint32_t i = 0; i < HIST_BUCKETS; i++) {
        seen += h->bucket[i];
        if (seen >= rank && i + 1 < HIST_BUCKETS)
            return MAX(h->min, MIN(h->max, bucket_end(i)));
    }
    return h->max;
}

void hist_reset(struct hist *h)
{
    memset(h, 0, sizeof *h);
}
