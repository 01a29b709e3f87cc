/* bgp_i.h - the inside of the decoder: what bgp_update.c, bgp_attr.c and bgp_cache.c share. */
#pragma once

#include "base/rng.h"
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

enum { CACHE_WAYS = 4, CACHE_KEYS = (BGP_MESSAGE_MAX + 256) / 8 + 4 };

struct cache_entry {
    uint64_t tag; /* 0: free */
    uint32_t attr;
    uint8_t outcome;
    uint8_t turn; /* in the first of a set: the place to overwrite next */
};
struct cache_set { /* one line of memory */
    struct cache_entry way[CACHE_WAYS];
};
_Static_assert(sizeof(struct cache_set) == 64, "a set is a line");

struct cache {
    struct attr_table *attrs;
    struct cache_set *set;
    uint32_t sets;
    void *memory;             /* of which `set` is aligned */
    uint64_t key[CACHE_KEYS]; /* secret */
};

struct cache_hit {
    uint32_t attr; /* held by the cache */
    enum bgp_outcome outcome;
};
struct cache_key {
    uint64_t place, tag;
};

struct cache *cache_new(struct attr_table *attrs, uint64_t seed, uint32_t entries);
void cache_free(struct cache *c);
/* Takes over the caller's hold of the handle. */
void cache_insert(struct cache *c, struct cache_key k, struct cache_hit hit);

/* Lookups are here, so that they melt into the way of an UPDATE. */

static inline uint64_t cache__u64(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, 8);
    return v;
}

/* NH of UMAC over words of 64 bits: sixteen bytes a multiplication, none waiting for another. The
 * last sixteen overlap those before them; fewer than sixteen are filled up with zeros. */
static inline struct cache_key cache_hash(const struct cache *c, struct span raw)
{
    __extension__ typedef unsigned __int128 u128;
    uint8_t few[16];
    const uint64_t *k = c->key + 2;
    const uint8_t *p = raw.p, *last;
    u128 sum = 0;
    if (UNLIKELY(raw.n < 16)) {
        memset(few, 0, sizeof few);
        memcpy(few, raw.p, raw.n);
        p = last = few;
    } else {
        last = p + raw.n - 16;
    }
    for (; p < last; p += 16, k += 2)
        sum += (u128)(cache__u64(p) + k[0]) * (cache__u64(p + 8) + k[1]);
    sum += (u128)(cache__u64(last) + k[0]) * (cache__u64(last + 8) + k[1]);
    /* Either half of the sum may vary little; both results vary with both, and no bit is lost. */
    uint64_t low = (uint64_t)sum ^ c->key[0], high = (uint64_t)(sum >> 64) ^ c->key[1];
    uint64_t place = mix64(low ^ mix64(high));
    return (struct cache_key){place, mix64(high ^ place)};
}

/* The context, as far as it changes what a block means, comes to the tag only: so the place can be
 * asked for before the peer is known. `mp`: the next hop is at the end of the block. */
static inline struct cache_key cache_with_context(struct cache_key k, size_t n,
                                                  const struct bgp_context *c, bool mp)
{
    uint64_t who = (uint64_t)c->own_as << 32 | c->peer_as;
    uint64_t how = (uint64_t)n << 32 | (uint64_t)mp << 16 | (uint64_t)c->kind << 8 | c->as4;
    k.tag = (k.tag ^ mix64(who ^ mix64(how))) | 1;
    return k;
}

/* A block has two sets where it may be: what does not fit into the first goes into the second. So
 * nothing is thrown out before the cache is nearly full (two choices: Azar, Broder, Karlin, Upfal,
 * "Balanced allocations", 1994). */
static inline struct cache_set *cache_set_of(const struct cache *c, uint64_t place)
{
    return &c->set[place & (c->sets - 1)];
}
static inline struct cache_set *cache_second_set_of(const struct cache *c, uint64_t place)
{
    return cache_set_of(c, place >> 32);
}

static inline void cache_prefetch(const struct cache *c, uint64_t place)
{
    __builtin_prefetch(cache_set_of(c, place));
}

static inline bool cache__find_in(const struct cache_set *s, uint64_t tag, struct cache_hit *out)
{
    for (int i = 0; i < CACHE_WAYS; i++)
        if (s->way[i].tag == tag) {
            *out = (struct cache_hit){s->way[i].attr, (enum bgp_outcome)s->way[i].outcome};
            return true;
        }
    return false;
}

static inline bool cache_find(const struct cache *c, struct cache_key k, struct cache_hit *out)
{
    return LIKELY(cache__find_in(cache_set_of(c, k.place), k.tag, out)) ||
           cache__find_in(cache_second_set_of(c, k.place), k.tag, out);
}

struct ahead { /* an UPDATE that will be read soon, found to be whole */
    const uint8_t *msg;
    struct cache_key key;
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
