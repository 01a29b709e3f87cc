/* bgp_cache.c - which set of attributes a block of raw bytes stands for.
 *
 * The bytes themselves are not kept, only a hash of 63 bits and where to look for it, so that all
 * of a full table's blocks are two megabytes and a hit costs one line of memory. This stands on the
 * hash: NH (Black, Halevi, Krawczyk, Krovetz, Rogaway, "UMAC: fast and secure message
 * authentication", CRYPTO 1999) is universal also in its differences: whatever two blocks a sender
 * chooses, and whatever difference of their sums of 128 bits he would like, the chance that they
 * have it is 2^-64 over the secret keys, of whose work he sees nothing. So the context and the
 * lengths of the runs may be added to the sum. That is folded by a multiplication with secret words
 * to 64 bits, once for the place and once for the tag; that this loses no more than a few bits is
 * experience with such folds (hash.h), not proven. A new block meets at most eight others, and is
 * taken for one of them with a chance of 2^-60: at twenty million new blocks a second once in two
 * thousand years.
 *
 * When both sets of a block are full, the place to overwrite in the first goes round. */
#include "net/bgp_i.h"

#include "base/mem.h"

struct cache *cache_new(struct attr_table *attrs, uint64_t seed, uint32_t entries)
{
    struct cache *c = mem_new(1, sizeof *c);
    struct rng rng = rng_seed(seed, 0);
    BUG_ON(entries < CACHE_WAYS || (entries & (entries - 1)));
    c->attrs = attrs;
    c->sets = entries / CACHE_WAYS;
    c->memory = mem_new(c->sets + 1, sizeof *c->set);
    c->set = (void *)(((uintptr_t)c->memory + sizeof *c->set - 1) & ~(sizeof *c->set - 1));
    for (size_t i = 0; i < COUNTOF(c->fold); i++)
        c->fold[i] = rng_u64(&rng);
    for (size_t i = 0; i < CACHE_KEYS; i++)
        c->key[i] = rng_u64(&rng);
    return c;
}

void cache_free(struct cache *c)
{
    for (uint32_t i = 0; i < c->sets; i++)
        for (int way = 0; way < CACHE_WAYS; way++)
            attr_release(c->attrs, c->set[i].way[way].attr);
    mem_free(c->memory);
    mem_free(c);
}

static struct cache_entry *free_way(struct cache_set *s)
{
    for (int way = 0; way < CACHE_WAYS; way++)
        if (!s->way[way].tag)
            return &s->way[way];
    return NULL;
}

void cache_insert(struct cache *c, struct cache_key k, struct cache_hit hit)
{
    struct cache_set *first = cache_set_of(c, k.place);
    struct cache_entry *e = free_way(first);
    if (!e) {
        e = free_way(cache_second_set_of(c, k.place));
        first->way[0].overflow |= e != NULL;
    }
    if (!e) {
        e = &first->way[first->way[0].turn];
        first->way[0].turn = (uint8_t)((first->way[0].turn + 1) % CACHE_WAYS);
        c->evicted++;
    }
    attr_release(c->attrs, e->attr);
    e->tag = k.tag;
    e->attr = hit.attr;
    e->outcome = (uint8_t)hit.outcome;
}
