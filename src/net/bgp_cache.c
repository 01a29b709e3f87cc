/* bgp_cache.c - which set of attributes a block of raw bytes stands for.
 *
 * Eight places a set, one 32-byte line of tags each; the entry of a tag that matches has the bytes
 * in place when there are not many, so a hit costs a line of tags and two of the entry. Both can be
 * asked for ahead (cache_prefetch, cache_locate), which hides most of the way to memory. The place
 * to overwrite goes round: with as many entries as a full table has blocks, what is thrown out is
 * mostly what is no longer said. */
#include "net/bgp_i.h"

#include "base/mem.h"

static void *aligned_new(size_t n, size_t size, void **memory)
{
    *memory = mem_new(n * size + CACHE_ENTRY, 1);
    return (void *)(((uintptr_t)*memory + CACHE_ENTRY - 1) & ~(uintptr_t)(CACHE_ENTRY - 1));
}

struct cache *cache_new(struct attr_table *attrs, uint64_t seed, uint32_t entries)
{
    struct cache *c = mem_new(1, sizeof *c);
    BUG_ON(entries < CACHE_WAYS || (entries & (entries - 1)));
    c->attrs = attrs;
    c->seed = seed;
    c->sets = entries / CACHE_WAYS;
    c->tag = aligned_new(entries, sizeof *c->tag, &c->tag_memory);
    c->entry = aligned_new(entries, sizeof *c->entry, &c->entry_memory);
    c->turn = mem_new(c->sets, 1);
    return c;
}

void cache_free(struct cache *c)
{
    for (uint32_t i = 0; i < c->sets * CACHE_WAYS; i++)
        if (c->tag[i]) {
            attr_release(c->attrs, c->entry[i].attr);
            mem_free(c->entry[i].more);
        }
    mem_free(c->tag_memory);
    mem_free(c->entry_memory);
    mem_free(c->turn);
    mem_free(c);
}

void cache_insert(struct cache *c, uint64_t hash, struct span raw, struct cache_context x,
                  struct cache_hit hit)
{
    uint32_t i = cache__set(c, hash), set = i / CACHE_WAYS, way = 0;
    while (way < CACHE_WAYS && c->tag[i + way])
        way++;
    if (way == CACHE_WAYS) {
        way = c->turn[set];
        c->turn[set] = (uint8_t)((way + 1) % CACHE_WAYS);
    }
    struct cache_entry *e = &c->entry[i + way];
    if (c->tag[i + way]) {
        attr_release(c->attrs, e->attr);
        mem_free(e->more);
    }
    c->tag[i + way] = cache__tag(hash);
    *e = (struct cache_entry){.who = x.who,
                              .how = x.how,
                              .attr = hit.attr,
                              .n = (uint32_t)raw.n,
                              .outcome = (uint8_t)hit.outcome};
    if (raw.n > CACHE_INLINE)
        e->more = mem_new(raw.n, 1);
    if (raw.n)
        memcpy(e->more ? e->more : e->raw, raw.p, raw.n);
}
