/* fwd_class.c - next-hop sets, and classes: the vectors of sets that prefixes share. */
#include "net/fwd_i.h"

#include <stdlib.h>

#include "base/hash.h"

/* ---- sets ---- */

static int hop_compare(const void *a, const void *b)
{
    const struct fwd_hop *x = a, *y = b;
    return x->to != y->to ? (x->to > y->to) - (x->to < y->to)
                          : (x->link > y->link) - (x->link < y->link);
}

const struct fwd_hop *fwd_hops(const struct fwd *f, uint16_t set, size_t *n)
{
    *n = f->set[set].n;
    return f->hop_pool + f->set[set].first;
}

/* Sets that no rule has are freed, and the hops of the others move up. What a trial has moved away
 * is in classes that it holds. */
static void sets_collect(struct fwd *f)
{
    bool *used = mem_new(f->n_sets, sizeof *used);
    for (uint32_t c = 1; c < f->n_classes; c++)
        for (uint32_t r = 0; f->class[c].refs && r < f->n_routers; r++)
            used[class_vector(f, c)[r]] = true;
    used[FWD_NONE] = used[FWD_SET_DELIVER] = used[FWD_SET_DISCARD] = true;
    struct fwd_hop *pool = mem_new(f->hop_cap, sizeof *pool);
    uint32_t n = 0;
    map64_free(&f->set_of_hash);
    f->free_set = FWD_NONE;
    f->live_sets = 0;
    for (uint32_t s = 1; s < f->n_sets; s++) {
        struct set *set = &f->set[s];
        if (!used[s]) {
            *set = (struct set){.next = (uint16_t)f->free_set};
            f->free_set = s;
            continue;
        }
        memcpy(pool + n, f->hop_pool + set->first, set->n * sizeof *pool);
        uint64_t h = hash_fast(f->seed[0], pool + n, set->n * sizeof *pool);
        uint32_t other;
        while (map64_find(&f->set_of_hash, h, &other))
            h++;
        map64_insert(&f->set_of_hash, h, s);
        set->first = n;
        n += set->n;
        f->live_sets++;
    }
    mem_free(f->hop_pool);
    mem_free(used);
    f->hop_pool = pool;
    f->n_hops = n;
}

static uint16_t set_new(struct fwd *f, const struct fwd_hop *hop, size_t n)
{
    if (!f->free_set && f->n_sets > FWD_SETS_MAX) {
        sets_collect(f);
        if (!f->free_set)
            return FWD_NONE;
    }
    uint32_t s = f->free_set;
    if (s) {
        f->free_set = f->set[s].next;
    } else {
        s = f->n_sets++;
        if (s == f->set_cap) {
            f->set_cap *= 2;
            f->set = mem_grow(f->set, f->set_cap, sizeof *f->set);
        }
    }
    if (f->n_hops + n > f->hop_cap) {
        f->hop_cap = f->hop_cap * 2 + FWD_HOPS_MAX;
        f->hop_pool = mem_grow(f->hop_pool, f->hop_cap, sizeof *f->hop_pool);
    }
    struct set *set = &f->set[s];
    f->noted = 0; /* the handle may have been another set's */
    *set = (struct set){.first = f->n_hops, .n = (uint8_t)n, .one = hop[0]};
    for (size_t i = 0; i < n; i++) {
        set->flags |= hop[i].to == FWD_DELIVER || hop[i].to == FWD_EXIT ? SET_DELIVERS : 0;
        set->flags |= hop[i].to == FWD_DISCARD ? SET_DISCARDS : 0;
        f->hop_pool[f->n_hops++] = hop[i];
    }
    f->live_sets++;
    return (uint16_t)s;
}

uint16_t fwd_set(struct fwd *f, const struct fwd_hop *hop, size_t n)
{
    struct fwd_hop sorted[FWD_HOPS_MAX];
    if (!n || n > FWD_HOPS_MAX)
        return FWD_NONE;
    memcpy(sorted, hop, n * sizeof *hop);
    qsort(sorted, n, sizeof *sorted, hop_compare);
    size_t k = 1;
    for (size_t i = 1; i < n; i++)
        if (hop_compare(&sorted[i], &sorted[k - 1]) != 0)
            sorted[k++] = sorted[i];
    for (size_t i = 0; i < k; i++)
        BUG_ON(sorted[i].to >= f->n_routers && sorted[i].to < FWD_ENDS);
    uint64_t h = hash_fast(f->seed[0], sorted, k * sizeof *sorted);
    uint32_t s;
    while (map64_find(&f->set_of_hash, h, &s)) { /* another set of this hash: try the next key */
        if (f->set[s].n == k && !memcmp(f->hop_pool + f->set[s].first, sorted, k * sizeof *sorted))
            return (uint16_t)s;
        h++;
    }
    s = set_new(f, sorted, k);
    if (s)
        map64_insert(&f->set_of_hash, h, s);
    return (uint16_t)s;
}

void senders_note(struct fwd *f, uint16_t r, uint16_t set)
{
    const struct set *s = &f->set[set];
    uint32_t pair = (uint32_t)r << 16 | set;
    size_t row = (f->n_routers + 63) / 64;
    if (pair == f->noted)
        return;
    f->noted = pair;
    for (uint32_t i = 0; i < s->n; i++) {
        uint16_t to = f->hop_pool[s->first + i].to;
        if (to >= FWD_ENDS)
            continue;
        uint64_t *word = &f->sends[r * row + to / 64], bit = 1ull << to % 64;
        if (*word & bit)
            continue;
        *word |= bit;
        if (f->n_senders[to] == f->sender_cap[to]) {
            f->sender_cap[to] = (uint16_t)(f->sender_cap[to] * 2 + 4);
            f->sender[to] = mem_grow(f->sender[to], f->sender_cap[to], sizeof(uint16_t));
        }
        f->sender[to][f->n_senders[to]++] = r;
    }
}

/* ---- classes ---- */

/* Half of the Zobrist number of "router r has set s". The empty vector has hash 0. */
static inline uint64_t zobrist(const struct fwd *f, int half, uint16_t r, uint16_t s)
{
    return s ? mix64(f->seed[half] + ((uint64_t)r << 16 | s) * 0x9e3779b97f4a7c15u) : 0;
}

static uint32_t class_new(struct fwd *f)
{
    uint32_t c = f->free_class;
    if (c) {
        f->free_class = f->class[c].next;
        f->live_classes++;
        return c;
    }
    if (f->n_classes >= FWD_CLASSES_MAX)
        return 0;
    c = f->n_classes++;
    if (c == f->class_cap) {
        f->class_cap += f->class_cap / 2;
        f->class = mem_grow(f->class, f->class_cap, sizeof *f->class);
    }
    if (c >> f->vector_bits >= f->n_vectors) {
        f->vector = mem_grow(f->vector, f->n_vectors + 1, sizeof(uint16_t *));
        f->vector[f->n_vectors++] = mem_new(f->vector_stride * (1ul << f->vector_bits), 2);
    }
    f->live_classes++;
    return c;
}

static void class_unref(struct fwd *f, uint32_t c)
{
    struct class *k = &f->class[c];
    uint32_t known;
    if (--k->refs || !c)
        return;
    /* After class_rewrite two classes can have one hash; the map knows one of them. */
    if (map128_find(&f->class_of_hash, k->hi, k->lo, &known) && known == c)
        map128_erase(&f->class_of_hash, k->hi, k->lo);
    k->next = f->free_class;
    f->free_class = c;
    f->live_classes--;
}

static void put_in_class(struct fwd *f, uint32_t i, uint32_t d)
{
    uint32_t c = node_at(f, i)->class;
    f->class[d].refs++;
    node_at(f, i)->class = d;
    if (f->in_trial)
        trial_moved(f, i, c); /* holds it from now on */
    else
        class_unref(f, c);
}

/* In a trial one prefix after the other makes the same step: it is remembered. */
static struct step *step_at(const struct fwd *f, uint32_t c, uint16_t r, uint16_t to)
{
    uint64_t h = mix64((uint64_t)c << 32 | (uint64_t)r << 16 | to);
    return &f->journal.step[h >> (64 - STEP_BITS)];
}

bool class_change(struct fwd *f, uint32_t i, uint16_t r, uint16_t to)
{
    uint32_t c = node_at(f, i)->class, d = 0;
    struct step *known = f->in_trial ? step_at(f, c, r, to) : NULL;
    if (known && known->trial == f->journal.number && known->class == c && known->router == r &&
        known->to == to) {
        put_in_class(f, i, known->next);
        return true;
    }
    uint16_t from = class_vector(f, c)[r];
    uint64_t hi = f->class[c].hi ^ zobrist(f, 0, r, from) ^ zobrist(f, 0, r, to);
    uint64_t lo = f->class[c].lo ^ zobrist(f, 1, r, from) ^ zobrist(f, 1, r, to);
    if ((hi | lo) != 0 && !map128_find(&f->class_of_hash, hi, lo, &d)) {
        if (c && f->class[c].refs == 1 && !f->in_trial) { /* nobody else's: it may change */
            class_rewrite(f, c, r, to);
            return true;
        }
        d = class_new(f);
        if (!d)
            return false;
        memcpy(class_vector(f, d), class_vector(f, c), f->vector_stride * sizeof(uint16_t));
        class_vector(f, d)[r] = to;
        f->class[d] = (struct class){.hi = hi, .lo = lo};
        map128_insert(&f->class_of_hash, hi, lo, d);
    }
    put_in_class(f, i, d);
    if (known)
        *known = (struct step){c, f->journal.number, d, r, to};
    return true;
}

void class_undo(struct fwd *f, struct moved x)
{
    class_unref(f, node_at(f, x.node)->class);
    node_at(f, x.node)->class = x.class;
}

void class_rewrite(struct fwd *f, uint32_t c, uint16_t r, uint16_t to)
{
    struct class *k = &f->class[c];
    uint16_t *v = class_vector(f, c);
    uint32_t known;
    if (map128_find(&f->class_of_hash, k->hi, k->lo, &known) && known == c)
        map128_erase(&f->class_of_hash, k->hi, k->lo);
    k->hi ^= zobrist(f, 0, r, v[r]) ^ zobrist(f, 0, r, to);
    k->lo ^= zobrist(f, 1, r, v[r]) ^ zobrist(f, 1, r, to);
    v[r] = to;
    if ((k->hi | k->lo) && !map128_find(&f->class_of_hash, k->hi, k->lo, &known))
        map128_insert(&f->class_of_hash, k->hi, k->lo, c);
}

bool class_is_empty(const struct fwd *f, uint32_t c)
{
    return c && !(f->class[c].hi | f->class[c].lo);
}

void class_clear(struct fwd *f, uint32_t i)
{
    class_unref(f, node_at(f, i)->class);
    node_at(f, i)->class = 0;
    f->class[0].refs++;
}

void class_init(struct fwd *f)
{
    f->vector_stride =
        f->n_routers <= 32 ? (f->n_routers + 3) / 4 * 4 : (f->n_routers + 31) / 32 * 32;
    while (((f->vector_stride * sizeof(uint16_t)) << f->vector_bits) < 1 << 16)
        f->vector_bits++;
    f->class_cap = 64;
    f->class = mem_new(f->class_cap, sizeof *f->class);
    BUG_ON(class_new(f) != 0); /* class 0: nobody has a rule; it is never freed */
    f->class[0] = (struct class){.refs = UINT32_MAX / 2};
    f->set_cap = 64;
    f->set = mem_new(f->set_cap, sizeof *f->set);
    f->n_sets = 1;
    struct fwd_hop deliver = {FWD_DELIVER, FWD_NO_LINK}, discard = {FWD_DISCARD, FWD_NO_LINK};
    BUG_ON(fwd_set(f, &deliver, 1) != FWD_SET_DELIVER);
    BUG_ON(fwd_set(f, &discard, 1) != FWD_SET_DISCARD);
    f->sends = mem_new(f->n_routers * ((f->n_routers + 63) / 64ul), sizeof *f->sends);
    f->sender = mem_new(f->n_routers, sizeof *f->sender);
    f->n_senders = mem_new(f->n_routers, sizeof *f->n_senders);
    f->sender_cap = mem_new(f->n_routers, sizeof *f->sender_cap);
}

void class_free(struct fwd *f)
{
    for (uint32_t v = 0; v < f->n_vectors; v++)
        mem_free(f->vector[v]);
    for (uint32_t r = 0; r < f->n_routers; r++)
        mem_free(f->sender[r]);
    mem_free(f->vector);
    mem_free(f->class);
    mem_free(f->set);
    mem_free(f->hop_pool);
    mem_free(f->sends);
    mem_free(f->sender);
    mem_free(f->n_senders);
    mem_free(f->sender_cap);
    map128_free(&f->class_of_hash);
    map64_free(&f->set_of_hash);
}
