#include "base/heap.h"

static bool before(const struct heap_item *a, const struct heap_item *b)
{
    return a->key != b->key ? a->key < b->key : a->tie < b->tie;
}

void heap_push(struct heap *h, int64_t key, uint64_t tie, uint64_t value)
{
    if (h->count == h->cap) {
        h->cap = h->cap ? h->cap * 2 : 64;
        h->item = mem_grow(h->item, h->cap, sizeof *h->item);
    }
    struct heap_item new = {key, tie, value};
    size_t at = h->count++;
    while (at > 0) {
        size_t up = (at - 1) / 4;
        if (!before(&new, &h->item[up]))
            break;
        h->item[at] = h->item[up];
        at = up;
    }
    h->item[at] = new;
}

bool heap_pop(struct heap *h, struct heap_item *out)
{
    if (!h->count)
        return false;
    *out = h->item[0];
    struct heap_item last = h->item[--h->count];
    size_t at = 0;
    for (;;) {
        size_t first = at * 4 + 1, best = first;
        if (first >= h->count)
            break;
        size_t end = MIN(first + 4, h->count);
        for (size_t c = first + 1; c < end; c++)
            if (before(&h->item[c], &h->item[best]))
                best = c;
        if (!before(&h->item[best], &last))
            break;
        h->item[at] = h->item[best];
        at = best;
    }
    if (h->count)
        h->item[at] = last;
    return true;
}

void heap_free(struct heap *h)
{
    mem_free(h->item);
    *h = (struct heap){0};
}
