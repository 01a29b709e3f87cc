/* fwd_tree.c - the prefixes: a hash index to find one, and the tree that says what is inside what.
 *
 * The tree is a PATRICIA tree: each node is a prefix and has at most one child that goes on with a
 * 0 and one with a 1. Nodes where two branches part but that are nobody's prefix have no NODE_REAL;
 * they have class 0 and are passed over. A list of children would be simpler and, with a default
 * route over half a million prefixes, of no use for inserting one more. */
#include "net/fwd_i.h"

#include <endian.h>

static struct key key_of(const uint8_t byte[16])
{
    uint64_t half[2];
    memcpy(half, byte, sizeof half);
    return (struct key){be64toh(half[0]), be64toh(half[1])};
}

static inline struct key node_key(const struct fwd *f, const struct node *n)
{
    if (n->flags & NODE_IPV6)
        return f->key6[n->key];
    return (struct key){(uint64_t)n->key << 32, 0};
}

static inline unsigned key_bit(struct key k, unsigned i)
{
    return (unsigned)((i < 64 ? k.hi >> (63 - i) : k.lo >> (127 - i)) & 1);
}

/* How many bits from the first on are the same; 128: all. */
static inline unsigned key_common(struct key a, struct key b)
{
    if (a.hi != b.hi)
        return (unsigned)__builtin_clzll(a.hi ^ b.hi);
    return a.lo != b.lo ? 64 + (unsigned)__builtin_clzll(a.lo ^ b.lo) : 128;
}

static struct key key_cut(struct key k, unsigned len)
{
    if (len <= 64)
        return (struct key){len ? k.hi & ~0ull << (64 - len) : 0, 0};
    return (struct key){k.hi, len < 128 ? k.lo & ~0ull << (128 - len) : k.lo};
}

struct prefix tree_prefix(const struct fwd *f, uint32_t i)
{
    const struct node *n = node_at(f, i);
    struct key k = node_key(f, n);
    struct prefix p = {.len = n->len, .family = n->flags & NODE_IPV6 ? IPV6 : IPV4};
    for (int b = 0; b < 8; b++) {
        p.byte[b] = (uint8_t)(k.hi >> (56 - 8 * b));
        p.byte[b + 8] = (uint8_t)(k.lo >> (56 - 8 * b));
    }
    return p;
}

/* ---- the index: open addressing, a slot is a node and eight more bits of its hash ---- */

static inline uint64_t key_hash(const struct fwd *f, struct key k, unsigned len, bool ipv6)
{
    return mix64(k.hi ^ f->seed[0] ^ mix64(k.lo + (uint64_t)len * 2 + ipv6));
}

static inline uint32_t tag_of(uint64_t hash)
{
    return (uint32_t)(hash >> 56) << 24;
}

static inline bool node_is(const struct fwd *f, uint32_t i, struct key k, unsigned len, bool ipv6)
{
    const struct node *n = node_at(f, i);
    struct key nk = node_key(f, n);
    return n->len == len && nk.hi == k.hi && nk.lo == k.lo && !(n->flags & NODE_IPV6) == !ipv6;
}

static uint32_t index_find(const struct fwd *f, struct key k, unsigned len, bool ipv6)
{
    uint64_t h = key_hash(f, k, len, ipv6);
    uint32_t tag = tag_of(h);
    for (uint32_t s = (uint32_t)h & f->index_mask;; s = (s + 1) & f->index_mask) {
        uint32_t v = f->index[s];
        if (!v)
            return NODE_NONE;
        if ((v & 0xff000000u) != tag)
            continue;
        if (node_is(f, v & 0xffffffu, k, len, ipv6))
            return v & 0xffffffu;
    }
}

static uint64_t node_hash(const struct fwd *f, uint32_t i)
{
    const struct node *n = node_at(f, i);
    return key_hash(f, node_key(f, n), n->len, n->flags & NODE_IPV6);
}

static void index_put(struct fwd *f, uint32_t i)
{
    uint64_t h = node_hash(f, i);
    uint32_t s = (uint32_t)h & f->index_mask;
    while (f->index[s])
        s = (s + 1) & f->index_mask;
    f->index[s] = i | tag_of(h);
}

static void index_add(struct fwd *f, uint32_t i)
{
    if (f->n_prefixes >= f->index_mask / 8 * 5) {
        uint32_t *old = f->index, n = f->index_mask + 1;
        f->index_mask = n * 2 - 1;
        f->index = mem_new(n * 2ul, sizeof *f->index);
        for (uint32_t s = 0; s < n; s++)
            if (old[s])
                index_put(f, old[s] & 0xffffffu);
        mem_free(old);
    }
    index_put(f, i);
    f->n_prefixes++;
    if (f->in_trial)
        trial_node(f, i, INDEX_ADDED);
}

/* What follows moves up into the hole unless its own search starts behind it (as in map_body.h). */
static void index_erase(struct fwd *f, uint32_t i)
{
    if (f->in_trial)
        trial_node(f, i, INDEX_ERASED);
    uint32_t mask = f->index_mask, hole = (uint32_t)node_hash(f, i) & mask;
    while ((f->index[hole] & 0xffffffu) != i)
        hole = (hole + 1) & mask;
    for (uint32_t s = (hole + 1) & mask; f->index[s]; s = (s + 1) & mask) {
        uint32_t home = (uint32_t)node_hash(f, f->index[s] & 0xffffffu) & mask;
        if (((s - home) & mask) < ((s - hole) & mask))
            continue;
        f->index[hole] = f->index[s];
        hole = s;
    }
    f->index[hole] = 0;
    f->n_prefixes--;
}

/* ---- nodes ---- */

static uint32_t node_new(struct fwd *f, struct key k, unsigned len, bool ipv6)
{
    uint32_t i = f->free_node;
    if (i) {
        f->free_node = node_at(f, i)->up;
        f->n_free--;
    } else {
        i = f->n_nodes++;
        if (i >> NODE_CHUNK_BITS >= f->n_chunks) {
            f->chunk = mem_grow(f->chunk, f->n_chunks + 1, sizeof(struct node *));
            f->chunk[f->n_chunks++] = mem_new(NODE_CHUNK, sizeof(struct node));
        }
    }
    struct node *n = node_at(f, i);
    if (f->in_trial)
        trial_node(f, i, NODE_NEW);
    *n = (struct node){.len = (uint8_t)len, .key = (uint32_t)(k.hi >> 32)};
    if (!ipv6)
        return i;
    n->flags = NODE_IPV6;
    n->key = f->key6_free;
    if (n->key) {
        f->key6_free = (uint32_t)f->key6[n->key].hi;
    } else {
        if (f->key6_n == f->key6_cap) {
            f->key6_cap = f->key6_cap ? f->key6_cap + f->key6_cap / 4 : 64;
            f->key6 = mem_grow(f->key6, f->key6_cap, sizeof *f->key6);
        }
        n->key = f->key6_n++;
    }
    f->key6[n->key] = k;
    return i;
}

static void node_drop(struct fwd *f, uint32_t i)
{
    struct node *n = node_at(f, i);
    if (f->in_trial) { /* its number and key are kept for it */
        trial_node(f, i, NODE_DROPPED);
        *n = (struct node){0};
        return;
    }
    if (n->flags & NODE_IPV6) {
        f->key6[n->key].hi = f->key6_free;
        f->key6_free = n->key;
    }
    *n = (struct node){.up = f->free_node};
    f->free_node = i;
    f->n_free++;
}

void tree_init(struct fwd *f)
{
    f->n_nodes = 1; /* node 0 is none */
    f->key6_n = 1;
    f->key6_cap = 64;
    f->key6 = mem_new(f->key6_cap, sizeof *f->key6);
    f->index_mask = 63;
    f->index = mem_new(64, sizeof *f->index);
    for (uint32_t i = ROOT4; i <= ROOT6; i++) { /* the default routes' places are always there */
        BUG_ON(node_new(f, (struct key){0, 0}, 0, i == ROOT6) != i);
        node_at(f, i)->flags |= NODE_REAL;
        index_add(f, i);
    }
}

void tree_free(struct fwd *f)
{
    for (uint32_t c = 0; c < f->n_chunks; c++)
        mem_free(f->chunk[c]);
    mem_free(f->chunk);
    mem_free(f->key6);
    mem_free(f->index);
}

uint32_t tree_find(const struct fwd *f, const struct prefix *p)
{
    return index_find(f, key_of(p->byte), p->len, p->family == IPV6);
}

uint32_t tree_find_next(struct fwd *f, const struct prefix *p)
{
    enum { AHEAD = 3 }; /* a fork or two in between */
    struct key k = key_of(p->byte);
    for (uint32_t i = f->last + 1; i <= f->last + AHEAD && i < f->n_nodes; i++)
        if (node_at(f, i)->flags & NODE_REAL && node_is(f, i, k, p->len, p->family == IPV6))
            return f->last = i;
    return f->last = index_find(f, k, p->len, p->family == IPV6);
}

uint32_t tree_real_above(const struct fwd *f, uint32_t i)
{
    do
        i = node_at(f, i)->up;
    while (i && !(node_at(f, i)->flags & NODE_REAL));
    return i;
}

static bool covered(const struct fwd *f, const struct node *n, uint32_t kid)
{
    const struct node *k = node_at(f, kid);
    return kid && k->len == n->len + 1 && (k->flags & (NODE_REAL | NODE_FULL));
}

/* After a change at i: are the prefixes around it still (not) empty? Returns the closest prefix
 * whose NODE_FULL turned, for no prefix beyond it can notice. */
static uint32_t fullness(struct fwd *f, uint32_t i)
{
    while ((i = node_at(f, i)->up)) {
        struct node *n = node_at(f, i);
        bool full = covered(f, n, n->kid[0]) && covered(f, n, n->kid[1]);
        if (full == !!(n->flags & NODE_FULL))
            return NODE_NONE;
        if (f->in_trial)
            trial_node(f, i, NODE_CHANGED);
        n->flags ^= NODE_FULL;
        if (n->flags & NODE_REAL)
            return i;
    }
    return NODE_NONE;
}

static void adopt(struct fwd *f, uint32_t parent, unsigned side, uint32_t kid)
{
    if (f->in_trial) {
        trial_node(f, parent, NODE_CHANGED);
        trial_node(f, kid, NODE_CHANGED);
    }
    node_at(f, parent)->kid[side] = kid;
    node_at(f, kid)->up = parent;
}

/* A node for the key below the node that must hold it; *at is where the tree goes on. */
static uint32_t graft(struct fwd *f, struct key k, unsigned len, bool ipv6, uint32_t above)
{
    unsigned side = key_bit(k, node_at(f, above)->len);
    uint32_t below = node_at(f, above)->kid[side], i = node_new(f, k, len, ipv6);
    if (!below) {
        adopt(f, above, side, i);
        return i;
    }
    struct key bk = node_key(f, node_at(f, below));
    unsigned common = MIN(key_common(k, bk), MIN(len, node_at(f, below)->len));
    if (common == len) { /* it comes between the two */
        adopt(f, above, side, i);
        adopt(f, i, key_bit(bk, len), below);
        return i;
    }
    uint32_t fork = node_new(f, key_cut(k, common), common, ipv6);
    adopt(f, above, side, fork);
    adopt(f, fork, key_bit(k, common), i);
    adopt(f, fork, key_bit(bk, common), below);
    return i;
}

uint32_t tree_insert(struct fwd *f, const struct prefix *p, uint32_t *emptied)
{
    struct key k = key_of(p->byte);
    bool ipv6 = p->family == IPV6;
    uint32_t i = index_find(f, k, p->len, ipv6);
    *emptied = NODE_NONE;
    if (i)
        return i;
    if (f->n_prefixes >= FWD_PREFIXES_MAX)
        return NODE_NONE;
    uint32_t above = ipv6 ? ROOT6 : ROOT4;
    for (;;) {
        const struct node *n = node_at(f, above);
        uint32_t kid = n->kid[key_bit(k, n->len)];
        const struct node *c = node_at(f, kid);
        if (!kid || c->len > p->len || key_common(k, node_key(f, c)) < c->len)
            break;
        above = kid;
        if (c->len == p->len)
            break;
    }
    i = node_at(f, above)->len == p->len ? above : graft(f, k, p->len, ipv6, above);
    if (f->in_trial)
        trial_node(f, i, NODE_CHANGED);
    node_at(f, i)->flags |= NODE_REAL;
    index_add(f, i);
    if (node_at(f, i)->flags & NODE_FULL) /* was a fork that two prefixes filled: nothing turns */
        return i;
    *emptied = fullness(f, i);
    return i;
}

uint32_t tree_remove(struct fwd *f, uint32_t i)
{
    struct node *n = node_at(f, i);
    BUG_ON(n->class || !n->up || !(n->flags & NODE_REAL));
    index_erase(f, i);
    if (f->in_trial)
        trial_node(f, i, NODE_CHANGED);
    n->flags &= (uint8_t)~NODE_REAL;
    uint32_t grown = n->flags & NODE_FULL ? NODE_NONE : fullness(f, i);
    /* A node with one branch or none is of no use any more; at most two go. */
    while (n->up && !(n->flags & NODE_REAL) && !(n->kid[0] && n->kid[1])) {
        uint32_t up = n->up, kid = n->kid[0] ? n->kid[0] : n->kid[1];
        struct node *u = node_at(f, up);
        unsigned side = u->kid[1] == i;
        if (kid) {
            adopt(f, up, side, kid);
        } else {
            if (f->in_trial)
                trial_node(f, up, NODE_CHANGED);
            u->kid[side] = NODE_NONE;
        }
        node_drop(f, i);
        i = up;
        n = u;
    }
    return grown;
}

/* What is a node's own, and not the tree's, stays: its class, its faults, its mark. */
void tree_undo(struct fwd *f, const struct saved *s)
{
    enum { OWN = NODE_FAULTY | NODE_TOUCHED };
    struct node *n = node_at(f, s->node), now = *n;
    switch ((enum saved_what)s->what) {
    case INDEX_ADDED: index_erase(f, s->node); break;
    case INDEX_ERASED: index_add(f, s->node); break;
    case NODE_NEW: node_drop(f, s->node); break;
    case NODE_CHANGED:
    case NODE_DROPPED:
        *n = s->was;
        n->class = now.class;
        n->by = now.by;
        n->flags = (uint8_t)((s->was.flags & ~OWN) | (now.flags & OWN));
    }
}

uint32_t tree_match(const struct fwd *f, const struct ip_addr *a)
{
    struct key k = key_of(a->byte);
    unsigned max = a->family == IPV6 ? 128 : 32;
    uint32_t i = a->family == IPV6 ? ROOT6 : ROOT4, best = i;
    for (;;) {
        const struct node *n = node_at(f, i);
        if (n->flags & NODE_REAL)
            best = i;
        if (n->len == max)
            return best;
        i = n->kid[key_bit(k, n->len)];
        if (!i || key_common(k, node_key(f, node_at(f, i))) < node_at(f, i)->len)
            return best;
    }
}

uint32_t tree_next(const struct fwd *f, uint32_t top, uint32_t i, bool into)
{
    const struct node *n = node_at(f, i);
    if (into && n->kid[0])
        return n->kid[0];
    if (into && n->kid[1])
        return n->kid[1];
    while (i != top) {
        uint32_t up = n->up;
        n = node_at(f, up);
        if (n->kid[0] == i && n->kid[1])
            return n->kid[1];
        i = up;
    }
    return NODE_NONE;
}
