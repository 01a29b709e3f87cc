/* map.h - hash maps from a 64-bit or 128-bit key to a 32-bit value (an index, usually).
 *
 * Open addressing, linear probing, at most five eighths full, erasure by backward shift (Knuth, The
 * Art of Computer Programming 3, 6.4, algorithm R), so there are no tombstones and a map that lives
 * for months stays as fast as a new one. A map grows and never shrinks; how many keys there may be
 * is for the caller to bound. Zero-initialise; _free when done.
 *
 * Any key may be used, 0 too. Keys should come from hashes or be ids that no stranger chooses: the
 * hash is fast and the same everywhere, not secret. */
#pragma once

#include "base/mem.h"

struct map64_slot {
    uint64_t key;
    uint32_t value, used;
};
struct map64 {
    struct map64_slot *slot;
    size_t cap, count; /* cap: a power of two */
};
bool map64_find(const struct map64 *m, uint64_t key, uint32_t *value); /* false: *value untouched */
void map64_insert(struct map64 *m, uint64_t key, uint32_t value);      /* or replaces the value */
bool map64_erase(struct map64 *m, uint64_t key);                       /* false: was not there */
void map64_free(struct map64 *m);
/* Asks for the memory that a find of this key will want, without waiting for it. */
void map64_prefetch(const struct map64 *m, uint64_t key);

struct map128_slot {
    uint64_t hi, lo;
    uint32_t value, used;
};
struct map128 {
    struct map128_slot *slot;
    size_t cap, count;
};
bool map128_find(const struct map128 *m, uint64_t hi, uint64_t lo, uint32_t *value);
void map128_insert(struct map128 *m, uint64_t hi, uint64_t lo, uint32_t value);
bool map128_erase(struct map128 *m, uint64_t hi, uint64_t lo);
void map128_free(struct map128 *m);
void map128_prefetch(const struct map128 *m, uint64_t hi, uint64_t lo);

/* Walks all keys, in no order that may be relied on: start with *at = 0; NULL after the last.
 * Between the first and the last call the map must not be changed. */
static inline const struct map64_slot *map64_next(const struct map64 *m, size_t *at)
{
    while (*at < m->cap)
        if (m->slot[(*at)++].used)
            return &m->slot[*at - 1];
    return NULL;
}

static inline const struct map128_slot *map128_next(const struct map128 *m, size_t *at)
{
    while (*at < m->cap)
        if (m->slot[(*at)++].used)
            return &m->slot[*at - 1];
    return NULL;
}
