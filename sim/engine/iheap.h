/* iheap.h - a priority queue from which any item can be moved or taken out.
 *
 * Items are small integers (slots of a slab). Least (key, order) comes first; `order` breaks ties,
 * so equal keys leave in the order of the caller's counter. Where an item stands is kept in `pos`,
 * an array indexed by item that the caller owns; an item that is in no heap has IHEAP_NONE there,
 * so heaps whose items never overlap can share one array.
 *
 * Four children a node, as base/heap.h; every operation is O(log n), memory follows the count. */
#pragma once

#include "base/base.h"

#define IHEAP_NONE UINT32_MAX

struct iheap_entry {
    int64_t key;
    uint64_t order;
    uint32_t item;
};

struct iheap { /* zero-initialise; iheap_free when done */
    struct iheap_entry *entry;
    uint32_t count, cap;
};

void iheap_set(struct iheap *h, uint32_t *pos, uint32_t item, int64_t key, uint64_t order);
void iheap_remove(struct iheap *h, uint32_t *pos, uint32_t item); /* not in it: nothing happens */
void iheap_free(struct iheap *h);                                 /* does not touch `pos` */
void iheap_check(const struct iheap *h, const uint32_t *pos);     /* BUG_ON when out of order */
