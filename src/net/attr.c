/* attr.c - a set is one block of memory: its head, the struct users see, and the words of its lists
 * one after the other. Blocks with the same hash are chained; the map gives the first. */
#include "net/attr.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/map.h"
#include "base/rng.h"

const char *const route_kind_names[ROUTE_KINDS] = {
    "bgp", "static",       "prefix-list", "vpc",    "direct-connect", "connect",
    "vpn", "vpn-internet", "peering",     "subnet", "local",          "other",
};

struct attr_entry {
    uint64_t hash;
    uint32_t refs, next; /* next with the same hash */
    struct attr attr;
    uint32_t word[];
};

/* What makes a set: the numbers of struct attr, from here on, and the words. No padding, so that
 * bytes can be compared. */
enum { ATTR_KEY_AT = offsetof(struct attr, med), ATTR_KEY = sizeof(struct attr) - ATTR_KEY_AT };
_Static_assert(ATTR_KEY ==
                   10 * sizeof(uint32_t) + 6 * sizeof(uint16_t) + sizeof(struct ip_addr) + 3,
               "struct attr has no padding");

struct attr_table {
    struct attr_entry **entry; /* by handle - 1; NULL: free */
    uint32_t *freed;           /* handles to use again */
    uint32_t n, cap, n_freed;
    struct map64 by_hash;
    uint64_t seed;
    uint32_t sets, sets_max;
    size_t bytes, bytes_max; /* of the blocks */
    uint64_t refused;
};

struct attr_table *attr_table_new(uint64_t seed, uint32_t sets_max, size_t bytes_max)
{
    struct attr_table *t = mem_new(1, sizeof *t);
    t->seed = mix64(seed);
    t->sets_max = MIN(sets_max, UINT32_MAX - 1);
    t->bytes_max = bytes_max;
    return t;
}

void attr_table_free(struct attr_table *t)
{
    if (!t)
        return;
    for (uint32_t i = 0; i < t->n; i++)
        mem_free(t->entry[i]);
    mem_free(t->entry);
    mem_free(t->freed);
    map64_free(&t->by_hash);
    mem_free(t);
}

/* ---- the AS path ---- */

bool attr_path_next(const struct attr *a, uint32_t *at, struct attr_segment *out)
{
    if (*at >= a->n_path)
        return false;
    uint32_t head = a->path[*at];
    *out = (struct attr_segment){head >> 16, head & 0xffff, a->path + *at + 1};
    *at += 1 + out->n;
    return true;
}

uint32_t attr_path_count(const struct attr *a, uint32_t as)
{
    struct attr_segment s;
    uint32_t count = 0;
    for (uint32_t at = 0; attr_path_next(a, &at, &s);)
        for (uint32_t i = 0; i < s.n; i++)
            count += s.as[i] == as;
    return count;
}

bool attr_has_community(const struct attr *a, uint32_t community)
{
    for (uint32_t i = 0; i < a->n_communities; i++)
        if (a->communities[i] == community)
            return true;
    return false;
}

char *attr_path_text(const struct attr *a, char *out, size_t cap)
{
    static const char open[] = " { ([", close[] = " } )]";
    struct attr_segment s;
    size_t n = 0;
    out[0] = '\0';
    for (uint32_t at = 0; attr_path_next(a, &at, &s);) {
        char c = s.type <= AS_CONFED_SET ? open[s.type] : ' ';
        for (uint32_t i = 0; i < s.n && n < cap; i++) {
            const char *gap = n ? " " : "", bracket[2] = {i ? '\0' : c == ' ' ? '\0' : c, '\0'};
            n += (size_t)snprintf(out + n, cap - n, "%s%s%u", gap, bracket, s.as[i]);
        }
        if (s.type <= AS_CONFED_SET && close[s.type] != ' ' && n < cap)
            n += (size_t)snprintf(out + n, cap - n, "%c", close[s.type]);
    }
    return out;
}

/* RFC 4271 9.1.2.2 a (a set counts one), RFC 5065 5.3 (confederations count nothing). */
static void path_derive(struct attr *a)
{
    struct attr_segment s;
    uint32_t length = 0;
    bool first = true;
    a->neighbour_as = a->origin_as = 0;
    for (uint32_t at = 0; attr_path_next(a, &at, &s);) {
        if (s.type != AS_SET && s.type != AS_SEQUENCE)
            continue;
        length += s.type == AS_SET ? s.n > 0 : s.n;
        if (first && s.n)
            a->neighbour_as = s.type == AS_SEQUENCE ? s.as[0] : 0;
        if (s.n)
            a->origin_as = s.type == AS_SEQUENCE ? s.as[s.n - 1] : 0;
        first = first && !s.n;
    }
    a->path_length = (uint16_t)MIN(length, UINT16_MAX);
}

/* ---- interning ---- */

enum { SORT_SHORT = 16 }; /* insertion is faster up to here, and nobody can make it slow */

static int compare_words(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static int compare_large(const void *a, const void *b)
{
    const uint32_t *x = a, *y = b;
    for (int i = 0; i < 3; i++)
        if (x[i] != y[i])
            return x[i] < y[i] ? -1 : 1;
    return 0;
}

static void sort_words(uint32_t *word, size_t n)
{
    if (n > SORT_SHORT) {
        qsort(word, n, sizeof *word, compare_words);
        return;
    }
    for (size_t i = 1; i < n; i++) {
        uint32_t v = word[i];
        size_t at = i;
        for (; at && word[at - 1] > v; at--)
            word[at] = word[at - 1];
        word[at] = v;
    }
}

static uint32_t *words_take(uint32_t **to, const uint32_t *from, size_t n)
{
    uint32_t *at = *to;
    for (size_t i = 0; i < n; i++) /* few, mostly */
        at[i] = from[i];
    *to += n;
    return at;
}

static size_t words_of(const struct attr *a)
{
    return (size_t)a->n_path + a->n_communities + 3u * a->n_large + 2u * a->n_extended +
           a->n_clusters;
}

static size_t entry_size(const struct attr *a)
{
    return sizeof(struct attr_entry) + words_of(a) * sizeof(uint32_t);
}

/* A block of the set as it is kept: lists that are sets by their meaning in ascending order. */
static struct attr_entry *entry_new(const struct attr *a)
{
    struct attr_entry *e = mem_grow(NULL, 1, entry_size(a));
    uint32_t *to = e->word, *communities, *large;
    e->attr = *a;
    e->attr.path = words_take(&to, a->path, a->n_path);
    e->attr.communities = communities = words_take(&to, a->communities, a->n_communities);
    sort_words(communities, a->n_communities);
    e->attr.large = large = words_take(&to, a->large, 3u * a->n_large);
    if (a->n_large > 1)
        qsort(large, a->n_large, 3 * sizeof *to, compare_large);
    e->attr.extended = words_take(&to, a->extended, 2u * a->n_extended);
    e->attr.clusters = words_take(&to, a->clusters, a->n_clusters);
    path_derive(&e->attr);
    return e;
}

static const uint8_t *entry_key(const struct attr_entry *e)
{
    return (const uint8_t *)&e->attr + ATTR_KEY_AT;
}

static bool entry_equal(const struct attr_entry *a, const struct attr_entry *b)
{
    return memcmp(entry_key(a), entry_key(b), ATTR_KEY) == 0 &&
           memcmp(a->word, b->word, words_of(&a->attr) * sizeof a->word[0]) == 0;
}

static uint32_t handle_new(struct attr_table *t)
{
    if (t->n_freed)
        return t->freed[--t->n_freed];
    if (t->n == t->cap) {
        t->cap = t->cap ? t->cap * 2 : 64;
        t->entry = mem_grow(t->entry, t->cap, sizeof(struct attr_entry *));
        t->freed = mem_grow(t->freed, t->cap, sizeof *t->freed);
    }
    t->entry[t->n] = NULL;
    return ++t->n;
}

struct attr_entry *attr_prepare(const struct attr_table *t, const struct attr *a)
{
    struct attr_entry *e = entry_new(a);
    e->hash = hash_fast(hash_fast(t->seed, entry_key(e), ATTR_KEY), e->word,
                        words_of(a) * sizeof e->word[0]);
    map64_prefetch(&t->by_hash, e->hash);
    return e;
}

void attr_unprepare(struct attr_entry *e)
{
    mem_free(e);
}

uint32_t attr_intern_prepared(struct attr_table *t, struct attr_entry *e)
{
    uint32_t first = ATTR_NONE;
    map64_find(&t->by_hash, e->hash, &first);
    for (uint32_t id = first; id; id = t->entry[id - 1]->next)
        if (entry_equal(t->entry[id - 1], e)) {
            mem_free(e);
            t->entry[id - 1]->refs++;
            return id;
        }
    if (t->sets == t->sets_max || entry_size(&e->attr) > t->bytes_max - t->bytes) {
        t->refused++;
        mem_free(e);
        return ATTR_NONE;
    }
    uint32_t id = handle_new(t);
    e->refs = 1;
    e->next = first;
    t->entry[id - 1] = e;
    t->sets++;
    t->bytes += entry_size(&e->attr);
    map64_insert(&t->by_hash, e->hash, id);
    return id;
}

uint32_t attr_intern(struct attr_table *t, const struct attr *a)
{
    return attr_intern_prepared(t, attr_prepare(t, a));
}

static struct attr_entry *entry_of(const struct attr_table *t, uint32_t id)
{
    BUG_ON(id == ATTR_NONE || id > t->n || !t->entry[id - 1]);
    return t->entry[id - 1];
}

const struct attr *attr_get(const struct attr_table *t, uint32_t id)
{
    return &entry_of(t, id)->attr;
}

void attr_hold(struct attr_table *t, uint32_t id)
{
    if (id == ATTR_NONE)
        return;
    struct attr_entry *e = entry_of(t, id);
    BUG_ON(e->refs == UINT32_MAX);
    e->refs++;
}

static void entry_unlink(struct attr_table *t, uint32_t id, const struct attr_entry *e)
{
    uint32_t at = 0;
    BUG_ON(!map64_find(&t->by_hash, e->hash, &at));
    if (at == id && e->next)
        map64_insert(&t->by_hash, e->hash, e->next);
    else if (at == id)
        map64_erase(&t->by_hash, e->hash);
    for (; at != id; at = t->entry[at - 1]->next)
        if (t->entry[at - 1]->next == id) {
            t->entry[at - 1]->next = e->next;
            break;
        }
}

void attr_release(struct attr_table *t, uint32_t id)
{
    if (id == ATTR_NONE)
        return;
    struct attr_entry *e = entry_of(t, id);
    if (--e->refs)
        return;
    entry_unlink(t, id, e);
    t->entry[id - 1] = NULL;
    t->freed[t->n_freed++] = id;
    t->sets--;
    t->bytes -= entry_size(&e->attr);
    mem_free(e);
}

struct attr_stats attr_table_stats(const struct attr_table *t)
{
    return (struct attr_stats){
        .sets = t->sets,
        .bytes = t->bytes + t->cap * (sizeof *t->entry + sizeof *t->freed) +
                 t->by_hash.cap * sizeof *t->by_hash.slot,
        .refused = t->refused,
    };
}
