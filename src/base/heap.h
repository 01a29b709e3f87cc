/* heap.h - a priority queue: least (key, tie) first, so the order of equal keys is the caller's.
 *
 * Four children a node: fewer cache lines than a binary heap at the sizes of a simulation
 * (LaMarca, Ladner, "The influence of caches on the performance of heaps", 1996). Zero-initialise. */
#pragma once

#include "base/mem.h"

struct heap_item {
    int64_t key;
    uint64_t tie, value;
};

struct heap {
    struct heap_item *item;
    size_t count, cap;
};

void heap_push(struct heap *h, int64_t key, uint64_t tie, uint64_t value);
bool heap_pop(struct heap *h, struct heap_item *out);
void heap_free(struct heap *h);

static inline const struct heap_item *heap_peek(const struct heap *h) /* NULL: empty */
{
    return h->count ? &h->item[0] : NULL;
}
