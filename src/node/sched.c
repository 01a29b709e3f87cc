#include "node/sched.h"

#include "base/mem.h"

#define NO_ITEM UINT32_MAX

void sched_init(struct sched *s, td_ms now)
{
    *s = (struct sched){.now = now, .free = NO_ITEM};
}

void sched_free(struct sched *s)
{
    struct heap_item h;
    while (heap_pop(&s->heap, &h))
        if (s->item[h.value].what)
            s->item[h.value].fn(NULL, s->item[h.value].what, s->item[h.value].n);
    heap_free(&s->heap);
    mem_free(s->item);
}

static void sched_grow(struct sched *s)
{
    uint32_t cap = s->cap ? s->cap * 2 : 256;
    BUG_ON(cap > 1u << 28);
    s->item = mem_grow(s->item, cap, sizeof *s->item);
    for (uint32_t i = cap; i-- > s->cap;) {
        s->item[i].next_free = s->free;
        s->free = i;
    }
    s->cap = cap;
}

void sched_at(struct sched *s, td_ms at, sched_fn *fn, void *arg, void *what, uint64_t n)
{
    if (s->free == NO_ITEM)
        sched_grow(s);
    uint32_t i = s->free;
    s->free = s->item[i].next_free;
    s->item[i] = (struct sched_item){.fn = fn, .arg = arg, .what = what, .n = n};
    heap_push(&s->heap, MAX(at, s->now), s->tie++, i);
}

td_ms sched_next(const struct sched *s)
{
    const struct heap_item *h = heap_peek(&s->heap);
    return h ? h->key : INT64_MAX;
}

bool sched_step(struct sched *s, td_ms until)
{
    const struct heap_item *top = heap_peek(&s->heap);
    if (!top || top->key > until)
        return false;
    struct heap_item h;
    heap_pop(&s->heap, &h);
    if (h.key > s->now)
        s->now = h.key;
    struct sched_item it = s->item[h.value];
    s->item[h.value].next_free = s->free;
    s->free = (uint32_t)h.value;
    s->run++;
    it.fn(it.arg, it.what, it.n);
    return true;
}
