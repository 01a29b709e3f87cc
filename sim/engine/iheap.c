#include "engine/iheap.h"

#include "base/mem.h"

static bool before(const struct iheap_entry *a, const struct iheap_entry *b)
{
    return a->key != b->key ? a->key < b->key : a->order < b->order;
}

/* Both move the hole at `at` to where `new` belongs, and put it there. */
static void sift_up(struct iheap *h, uint32_t *pos, uint32_t at, struct iheap_entry new)
{
    struct iheap_entry *e = h->entry;
    while (at > 0) {
        uint32_t up = (at - 1) / 4;
        if (!before(&new, &e[up]))
            break;
        e[at] = e[up];
        pos[e[at].item] = at;
        at = up;
    }
    e[at] = new;
    pos[new.item] = at;
}

static void sift_down(struct iheap *h, uint32_t *pos, uint32_t at, struct iheap_entry new)
{
    struct iheap_entry *e = h->entry;
    for (;;) {
        uint32_t first = at * 4 + 1, best = first;
        if (first >= h->count)
            break;
        uint32_t end = MIN(first + 4, h->count);
        for (uint32_t c = first + 1; c < end; c++)
            if (before(&e[c], &e[best]))
                best = c;
        if (!before(&e[best], &new))
            break;
        e[at] = e[best];
        pos[e[at].item] = at;
        at = best;
    }
    e[at] = new;
    pos[new.item] = at;
}

static void sift(struct iheap *h, uint32_t *pos, uint32_t at, struct iheap_entry new)
{
    if (at > 0 && before(&new, &h->entry[(at - 1) / 4]))
        sift_up(h, pos, at, new);
    else
        sift_down(h, pos, at, new);
}

static void resize(struct iheap *h, uint32_t cap)
{
    BUG_ON(cap > UINT32_MAX / 8); /* 4 at + 4 must fit */
    h->entry = mem_grow(h->entry, cap, sizeof *h->entry);
    h->cap = cap;
}

void iheap_set(struct iheap *h, uint32_t *pos, uint32_t item, int64_t key, uint64_t order)
{
    struct iheap_entry new = {key, order, item};
    uint32_t at = pos[item];
    if (at != IHEAP_NONE) {
        sift(h, pos, at, new);
        return;
    }
    if (h->count == h->cap)
        resize(h, h->cap ? h->cap * 2 : 8);
    sift_up(h, pos, h->count++, new);
}

void iheap_remove(struct iheap *h, uint32_t *pos, uint32_t item)
{
    uint32_t at = pos[item];
    if (at == IHEAP_NONE)
        return;
    pos[item] = IHEAP_NONE;
    struct iheap_entry last = h->entry[--h->count];
    if (at < h->count)
        sift(h, pos, at, last);
    if (h->cap > 64 && h->count < h->cap / 4)
        resize(h, h->cap / 2);
}

void iheap_free(struct iheap *h)
{
    mem_free(h->entry);
    *h = (struct iheap){0};
}

void iheap_check(const struct iheap *h, const uint32_t *pos)
{
    BUG_ON(h->count > h->cap);
    for (uint32_t i = 0; i < h->count; i++) {
        BUG_ON(pos[h->entry[i].item] != i);
        BUG_ON(i > 0 && before(&h->entry[i], &h->entry[(i - 1) / 4]));
    }
}
