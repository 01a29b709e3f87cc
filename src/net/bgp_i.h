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

/* ---- bgp_mp.c: routes inside a block ---- */

/* A field of prefixes; family 0: of one that is passed over. */
struct nlri {
    struct span s;
    uint8_t family;
};

enum { AFI_IPV4 = 1, AFI_IPV6 = 2, SAFI_UNICAST = 1 };

static inline uint8_t unicast_family(const uint8_t *afi_safi)
{
    unsigned afi = be16(afi_safi);
    if (afi_safi[2] != SAFI_UNICAST)
        return 0;
    return afi == AFI_IPV4 ? IPV4 : afi == AFI_IPV6 ? IPV6 : 0;
}

/* MP_REACH's value: AFI 2, SAFI 1, length of next hop 1, next hop, reserved 1, prefixes. False: it
 * is too short. Here, for every UPDATE about IPv6 goes through it. */
static inline bool mp_reach(struct span v, struct nlri *in, struct span *next_hop)
{
    if (v.n < 5 || v.n < 5u + v.p[3])
        return false;
    size_t head = 5u + v.p[3];
    *next_hop = (struct span){v.p + 4, v.p[3]};
    *in = (struct nlri){{v.p + head, v.n - head}, unicast_family(v.p)};
    return true;
}

struct mp { /* what the MP attributes of a block say; family 0: that is not there */
    struct nlri reach, unreach;
    struct span next_hop;
    unsigned count, others; /* MP attributes; of families that are passed over */
    size_t rest;            /* octets of the block that are neither of them nor of NEXT_HOP */
};
/* False: one cannot be read, or comes twice (RFC 7606 3 g, 5.3). */
bool mp_read(struct span block, struct mp *m);
/* Copies the block without its MP attributes, and without NEXT_HOP where MP_REACH has one of its
 * own; returns how many octets. What is behind an attribute that is cut off stays as it is: the
 * decoder of the rest says what is made of it. */
size_t mp_remove(struct span block, bool next_hop_too, uint8_t *to);
/* MP_REACH's value in a dump (RFC 6396 4.3.4). */
bool mp_dump_next_hop(struct span value, struct span *next_hop);

/* ---- bgp_attr.c: a block into a struct attr ---- */

/* A block has at most 65,535 bytes, hence lists of at most 32,768 words, merged paths of twice as
 * many, and all together of three times. */
enum { DRAFT_WORDS = 3 * 32768 };
struct draft {
    struct attr attr;
    uint32_t n; /* words in use */
    uint32_t word[DRAFT_WORDS];
    bool own_as_removed;
    bool has_mp; /* the block has MP_REACH or MP_UNREACH, which were passed over */
};
/* BGP_OK, BGP_DISCARD or BGP_WITHDRAW. mp_next_hop is what MP_REACH said of the next hop, which
 * counts instead of NEXT_HOP; or NULL. ORIGIN and AS_PATH must be there. */
enum bgp_outcome draft_decode(struct draft *d, struct span block, const struct span *mp_next_hop,
                              const struct bgp_context *c);

/* ---- bgp_cache.c: raw bytes to handles ---- */

__extension__ typedef unsigned __int128 u128;

/* A block is hashed as one run of bytes, or as two or three. */
enum {
    CACHE_WAYS = 4,
    CACHE_RUNS = 3,
    CACHE_KEYS = (BGP_MESSAGE_MAX + 256) / 8 + 2 * CACHE_RUNS + 2,
};

struct cache_entry {
    uint64_t tag; /* 0: free */
    uint32_t attr;
    uint8_t outcome;
    uint8_t turn;  /* in the first of a set: the place to overwrite next */
    bool overflow; /* in the first of a set: what did not fit here went to its second set */
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
    uint64_t evicted;         /* how many were overwritten */
    uint64_t fold[4];         /* secret */
    uint64_t key[CACHE_KEYS]; /* of NH: secret */
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

/* What a block is looked up by: NH of UMAC over words of 64 bits, sixteen bytes a multiplication,
 * none waiting for another. The last sixteen of a run overlap those before them; fewer than sixteen
 * are filled up with zeros. */
struct cache_sum {
    u128 nh;
    uint64_t lengths; /* of the runs, 16 bits each */
    size_t keys;      /* used up, in bytes */
};
static inline void cache_run(const struct cache *c, struct cache_sum *s, struct span run)
{
    const uint8_t *k = (const uint8_t *)c->key + s->keys, *p = run.p;
    size_t at = 0;
    u128 sum = s->nh;
    s->lengths = s->lengths << 16 | run.n;
    if (UNLIKELY(run.n < 16)) {
        uint64_t few[2] = {0};
        if (!run.n)
            return;
        memcpy(few, p, run.n);
        sum += (u128)(few[0] + cache__u64(k)) * (few[1] + cache__u64(k + 8));
    } else {
        for (; at < run.n - 16; at += 16)
            sum += (u128)(cache__u64(p + at) + cache__u64(k + at)) *
                   (cache__u64(p + at + 8) + cache__u64(k + at + 8));
        const uint8_t *last = p + run.n - 16;
        sum += (u128)(cache__u64(last) + cache__u64(k + at)) *
               (cache__u64(last + 8) + cache__u64(k + at + 8));
    }
    s->nh = sum;
    s->keys += at + 16;
}

static inline uint64_t cache__fold(u128 sum, const uint64_t key[2])
{
    u128 m = (u128)((uint64_t)sum ^ key[0]) * ((uint64_t)(sum >> 64) ^ key[1]);
    return (uint64_t)m ^ (uint64_t)(m >> 64);
}

/* What else makes a block what it means is added to the sum: which runs there are and how long,
 * and the context. */
enum cache_runs {
    CACHE_BLOCK,    /* the block, which has no MP attributes */
    CACHE_NEXT_HOP, /* the block without them; the next hop of MP_REACH */
    CACHE_AROUND,   /* what is before MP_REACH, in it before its prefixes, and behind it */
};
static inline struct cache_key cache_key_of(const struct cache *c, const struct cache_sum *s,
                                            enum cache_runs runs, const struct bgp_context *x)
{
    uint64_t who = (uint64_t)x->own_as << 32 | x->peer_as;
    uint64_t how = s->lengths << 16 | (uint64_t)runs << 12 | (uint64_t)x->as4 << 8 | x->kind;
    u128 sum = s->nh + ((u128)who << 64 | how);
    return (struct cache_key){cache__fold(sum, c->fold), cache__fold(sum, c->fold + 2) | 1};
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

/* Without a branch on which way it is: nobody could predict that. */
static inline bool cache__find_in(const struct cache_set *s, uint64_t tag, struct cache_hit *out)
{
    unsigned way = 0;
    for (unsigned i = 1; i < CACHE_WAYS; i++)
        way |= i * (s->way[i].tag == tag); /* one of them at most */
    *out = (struct cache_hit){s->way[way].attr, (enum bgp_outcome)s->way[way].outcome};
    return s->way[way].tag == tag;
}

static inline bool cache_find(const struct cache *c, struct cache_key k, struct cache_hit *out)
{
    const struct cache_set *first = cache_set_of(c, k.place);
    return LIKELY(cache__find_in(first, k.tag, out)) ||
           (first->way[0].overflow && cache__find_in(cache_second_set_of(c, k.place), k.tag, out));
}

/* ---- bgp_update.c ---- */

enum shown_known {
    SHOWN_ODD, /* no single whole UPDATE that announces: it will be read as any other */
    SHOWN_NEW,
    SHOWN_FOUND, /* in the cache: hit is what it said */
};
struct shown {
    const uint8_t *msg;
    size_t n;
    struct cache_key key;
    struct cache_hit hit;
    struct attr_entry *set; /* decoded already; or NULL */
    uint16_t withdrawn;     /* octets of withdrawn routes */
    uint16_t in_at, in;     /* where its prefixes begin, and how many octets they are */
    uint8_t family;         /* of them */
    uint8_t runs;           /* enum cache_runs */
    uint8_t known;          /* enum shown_known */
    bool own_as_removed;    /* of set */
    bool mixed;             /* its MP attributes are not one MP_REACH alone */
};

struct bgp_decoder {
    struct attr_table *attrs;
    struct cache *cache;
    struct bgp_stats stats;
    struct shown shown[BGP_SHOWN];
    uint32_t n_shown, prepared; /* prepared: those with a set */
    struct bgp_context context; /* of what is shown */
    uint64_t evicted;           /* of the cache, when it was shown */
    struct draft draft;
    uint8_t scratch[BGP_MESSAGE_MAX]; /* a block without its MP attributes */
};
