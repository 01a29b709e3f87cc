/* bgp_i.h - the inside of the decoder: what bgp_update.c, bgp_attr.c and bgp_cache.c share. */
#pragma once

#include "base/hash.h"
#include "net/bgp.h"
#include "net/wire.h"

enum { /* path attributes */
    PA_ORIGIN = 1,
    PA_AS_PATH,
    PA_NEXT_HOP,
    PA_MED,
    PA_LOCAL_PREF,
    PA_ATOMIC_AGGREGATE,
    PA_AGGREGATOR,
    PA_COMMUNITIES,
    PA_ORIGINATOR_ID,
    PA_CLUSTER_LIST,
    PA_MP_REACH = 14,
    PA_MP_UNREACH,
    PA_EXTENDED_COMMUNITIES,
    PA_AS4_PATH,
    PA_AS4_AGGREGATOR,
    PA_LARGE_COMMUNITIES = 32,
    PA_ONLY_TO_CUSTOMER = 35,
};
enum { PA_OPTIONAL = 0x80, PA_TRANSITIVE = 0x40, PA_EXTENDED = 0x10 };

struct span {
    const uint8_t *p;
    size_t n;
};

/* One attribute of a block. False: the block is over, or (bad) does not hold what it promises. */
struct pa {
    uint8_t flags, type;
    struct span value;
    const uint8_t *whole; /* from its flags on */
};
struct pa_walk {
    const uint8_t *p, *end;
    bool bad;
};
static inline bool pa_next(struct pa_walk *w, struct pa *a)
{
    size_t left = (size_t)(w->end - w->p), head = 3;
    if (left < 3) {
        w->bad = left != 0;
        return false;
    }
    a->whole = w->p;
    a->flags = w->p[0];
    a->type = w->p[1];
    a->value.n = w->p[2];
    if (a->flags & PA_EXTENDED) {
        head = 4;
        w->bad = left < 4;
        a->value.n = w->bad ? 0 : be16(w->p + 2);
    }
    if (w->bad || left - head < a->value.n) {
        w->bad = true;
        return false;
    }
    a->value.p = w->p + head;
    w->p += head + a->value.n;
    return true;
}

/* ---- bgp_attr.c: a block into a struct attr ---- */

/* A block has at most 65,535 bytes, hence lists of at most 32,768 words, merged paths of twice as
 * many, and all together of three times. */
enum { DRAFT_WORDS = 3 * 32768 };
struct draft {
    struct attr attr;
    uint32_t n; /* words in use */
    uint32_t word[DRAFT_WORDS];
    bool own_as_removed;
};
/* BGP_OK, BGP_DISCARD or BGP_WITHDRAW. The block has no MP_REACH or MP_UNREACH; what MP_REACH said
 * of the next hop is mp_next_hop, else NULL. ORIGIN and AS_PATH must be there. */
enum bgp_outcome draft_decode(struct draft *d, struct span block, const struct span *mp_next_hop,
                              const struct bgp_context *c);

/* ---- bgp_cache.c: raw bytes to handles ---- */

enum { CACHE_WAYS = 8, CACHE_ENTRY = 128, CACHE_INLINE = CACHE_ENTRY - 29 };

/* Lookups are here, so that they melt into the way of an UPDATE. */
struct cache_context { /* the context as far as it changes what a block means */
    uint64_t who;      /* own_as, peer_as */
    uint32_t how;      /* as4, kind, whether the next hop is at the end */
};
struct cache_entry { /* two lines of memory */
    uint64_t who;
    uint8_t *more; /* all bytes, when there are more than fit */
    uint32_t how, attr, n;
    uint8_t outcome;
    uint8_t raw[CACHE_INLINE];
};
_Static_assert(sizeof(struct cache_entry) == CACHE_ENTRY, "an entry is two lines");

struct cache {
    struct attr_table *attrs;
    uint32_t *tag; /* 0: free */
    struct cache_entry *entry;
    uint8_t *turn; /* by set: the place to overwrite next */
    uint64_t seed;
    uint32_t sets;
    void *tag_memory, *entry_memory; /* of which the above are aligned to lines */
};

struct cache *cache_new(struct attr_table *attrs, uint64_t seed, uint32_t entries);
void cache_free(struct cache *c);
struct cache_hit {
    uint32_t attr; /* held by the cache */
    enum bgp_outcome outcome;
};
/* Takes over the caller's hold of the handle. */
void cache_insert(struct cache *c, uint64_t hash, struct span raw, struct cache_context x,
                  struct cache_hit hit);

/* The context is not in the hash, so a block can be looked for before its peer is known. */
static inline uint64_t cache_hash(const struct cache *c, struct span raw)
{
    return hash_fast(c->seed, raw.p, raw.n);
}

static inline uint32_t cache__tag(uint64_t hash)
{
    return (uint32_t)(hash >> 32) | 1;
}

static inline uint32_t cache__set(const struct cache *c, uint64_t hash)
{
    return ((uint32_t)hash & (c->sets - 1)) * CACHE_WAYS;
}

/* Asks for the tags of the hash. */
static inline void cache_prefetch(const struct cache *c, uint64_t hash)
{
    __builtin_prefetch(&c->tag[cache__set(c, hash)]);
}

/* Asks for the entry that is probably meant, and gives the place where to begin to look. */
static inline uint32_t cache_locate(const struct cache *c, uint64_t hash)
{
    uint32_t first = cache__set(c, hash), tag = cache__tag(hash);
    for (uint32_t i = first; i < first + CACHE_WAYS; i++)
        if (c->tag[i] == tag) {
            __builtin_prefetch(&c->entry[i]);
            __builtin_prefetch((const char *)&c->entry[i] + CACHE_ENTRY / 2);
            return i;
        }
    return first;
}

/* As memcmp, without its call: n is some dozens of bytes. */
static inline bool cache__same(const uint8_t *a, const uint8_t *b, size_t n)
{
    uint64_t differ = 0;
    if (n < 8)
        return memcmp(a, b, n) == 0;
    for (size_t i = 0; i + 8 < n; i += 8)
        differ |= hash__u64(a + i) ^ hash__u64(b + i);
    return !(differ | (hash__u64(a + n - 8) ^ hash__u64(b + n - 8)));
}

static inline bool cache__is(const struct cache_entry *e, struct span raw, struct cache_context x)
{
    return e->n == raw.n && e->who == x.who && e->how == x.how &&
           cache__same(e->more ? e->more : e->raw, raw.p, raw.n);
}

static inline bool cache_find(const struct cache *c, uint64_t hash, uint32_t at, struct span raw,
                struct cache_context x, struct cache_hit *out)
{
    uint32_t end = cache__set(c, hash) + CACHE_WAYS, tag = cache__tag(hash);
    for (; at < end; at++)
        if (c->tag[at] == tag && cache__is(&c->entry[at], raw, x)) {
            *out = (struct cache_hit){c->entry[at].attr, (enum bgp_outcome)c->entry[at].outcome};
            return true;
        }
    return false;
}

struct ahead { /* an UPDATE that will be read soon, found to be whole */
    const uint8_t *msg;
    uint64_t hash;
    uint32_t at; /* where in the cache to begin to look */
    uint16_t n, withdrawn, block; /* lengths: of the message, and of two of its three fields */
};

struct bgp_decoder {
    struct attr_table *attrs;
    struct cache *cache;
    struct bgp_stats stats;
    struct ahead ahead[BGP_AHEAD];
    uint32_t n_ahead, next_ahead;
    struct draft draft;
    uint8_t scratch[BGP_MESSAGE_MAX + 256]; /* a block without its MP attributes; its next hop */
};
