/* heap.h - a priority queue: least (key, tie) first, so the order of equal keys is the caller's.
 *
 * Two items with the same key and the same tie come out in an order that depends on what else was
 * in the heap; give each item a tie of its own (a counter: first in, first out) where the order
 * matters. Values are the caller's: an index, usually. The heap grows and never shrinks; how many
 * items there may be is for the caller to bound. Zero-initialise; heap_free when done.
 *
 * Four children a node: fewer levels and cache lines than a binary heap (LaMarca, Ladner, "The
 * influence of caches on the performance of heaps", 1996). */
#pragma once

#include "base/mem.h"

struct heap_item {
    int64_t key;
    uint64_t tie, value;
};

struct heap {
    struct heap_item *item; /* item[0] is the least */
    size_t count, cap;
};

void heap_push(struct heap *h, int64_t key, uint64_t tie, uint64_t value);
bool heap_pop(struct heap *h, struct heap_item *out); /* false: empty, *out untouched */
void heap_free(struct heap *h);

/* The least item, valid until the next push or pop; NULL: empty. */
static inline const struct heap_item *heap_peek(const struct heap *h)
{
    return h->count ? &h->item[0] : NULL;
}
