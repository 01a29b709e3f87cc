/* fwd.c - the forwarding model: changes, watches, and questions. */
#include "net/fwd_i.h"

const char *const fwd_end_names[] = {"delivered", "exit", "no_route", "discarded", "loop"};

struct fwd *fwd_new(const struct fwd_options *o)
{
    BUG_ON(o->routers < 1 || o->routers > FWD_ROUTERS_MAX);
    struct fwd *f = mem_new(1, sizeof *f);
    f->n_routers = o->routers;
    f->potential = o->potential;
    f->seed[0] = mix64(o->seed + 0x243f6a8885a308d3u);
    f->seed[1] = mix64(o->seed + 0x13198a2e03707344u);
    tree_init(f);
    class_init(f);
    fault_init(f);
    return f;
}

void fwd_free(struct fwd *f)
{
    if (!f)
        return;
    trial_free(f);
    fault_free(f);
    class_free(f);
    tree_free(f);
    map64_free(&f->watch_of_node);
    mem_free(f->touched);
    mem_free(f);
}

/* ---- changes ---- */

static void touch(struct fwd *f, uint32_t i, uint16_t r)
{
    struct node *n = node_at(f, i);
    if (n->flags & NODE_TOUCHED) {
        n->by = n->by == r ? r : FWD_ROUTERS_MAX;
        return;
    }
    n->flags |= NODE_TOUCHED;
    n->by = r;
    if (f->n_touched == f->touched_cap) {
        f->touched_cap = f->touched_cap * 2 + 16;
        f->touched = mem_grow(f->touched, f->touched_cap, sizeof *f->touched);
    }
    f->touched[f->n_touched++] = i;
}

bool fwd_next_touched(struct fwd *f, uint32_t *id, uint16_t *router)
{
    while (f->n_touched) {
        uint32_t i = f->touched[--f->n_touched];
        struct node *n = node_at(f, i);
        if (!(n->flags & NODE_TOUCHED)) /* its watch has ended meanwhile */
            continue;
        n->flags &= (uint8_t)~NODE_TOUCHED;
        *router = n->by;
        if (map64_find(&f->watch_of_node, i, id))
            return true;
    }
    return false;
}

static void atom_changed(struct fwd *f, uint32_t i, uint16_t r, uint16_t before, uint16_t after)
{
    if (node_at(f, i)->flags & NODE_WATCHED)
        touch(f, i, r);
    if (node_is_atom(node_at(f, i)))
        fault_check(f, i, r, before, after);
}

/* Router r uses `after` instead of `before` for prefix top, and with it for all inside where it has
 * no rule of its own. */
static void rule_changed(struct fwd *f, uint32_t top, uint16_t r, uint16_t before, uint16_t after)
{
    uint32_t i = top;
    do {
        const struct node *n = node_at(f, i);
        bool into = true;
        if (n->flags & NODE_REAL) {
            into = i == top || !n->class || !class_vector(f, n->class)[r];
            if (into)
                atom_changed(f, i, r, before, after);
        }
        i = tree_next(f, top, i, into);
    } while (i);
}

/* A prefix is new, and nobody has a rule for it yet: what was wrong around it is wrong in it. */
static uint32_t prefix_made(struct fwd *f, const struct prefix *p)
{
    uint32_t emptied, i = tree_insert(f, p, &emptied);
    if (!i)
        return NODE_NONE;
    if (node_at(f, tree_real_above(f, i))->flags & NODE_FAULTY)
        fault_check_whole(f, i);
    if (emptied)
        fault_forget(f, emptied);
    return i;
}

static void prefix_unmade(struct fwd *f, uint32_t i)
{
    const struct node *n = node_at(f, i);
    if (n->class || !n->up || n->flags & NODE_WATCHED)
        return;
    fault_forget(f, i);
    uint32_t grown = tree_remove(f, i);
    if (grown)
        fault_check_whole(f, grown);
}

enum fwd_result fwd_update(struct fwd *f, uint16_t router, const struct prefix *p, uint16_t set)
{
    BUG_ON(router >= f->n_routers || set >= f->n_sets);
    uint32_t i = f->in_trial ? tree_find_next(f, p) : tree_find(f, p);
    if (!i) {
        if (!set)
            return FWD_SAME;
        i = prefix_made(f, p);
        if (!i)
            return FWD_FULL;
    }
    uint16_t own = class_vector(f, node_at(f, i)->class)[router];
    if (own == set)
        return FWD_SAME;
    uint16_t before = own ? own : set_above(f, i, router);
    if (!class_change(f, i, router, set)) {
        prefix_unmade(f, i);
        return FWD_FULL;
    }
    uint16_t after = set ? set : set_above(f, i, router);
    if (before != after) {
        senders_note(f, router, after);
        rule_changed(f, i, router, before, after);
    }
    prefix_unmade(f, i);
    return FWD_CHANGED;
}

uint16_t fwd_rule(const struct fwd *f, uint16_t router, const struct prefix *p)
{
    uint32_t i = tree_find(f, p);
    return i ? class_vector(f, node_at(f, i)->class)[router] : (uint16_t)FWD_NONE;
}

/* ---- a lost session ---- */

/* Within class c alone: can r's new set make a fault, whatever the prefixes around it say? */
static bool class_suspect(struct fwd *f, uint32_t c, uint16_t r)
{
    const uint16_t *v = class_vector(f, c);
    size_t waiting = 0;
    if (!v[r] || f->set[v[r]].flags & SET_DISCARDS)
        return true;
    walk_begin(f);
    f->stack[waiting++] = r;
    while (waiting) {
        const struct set *s = &f->set[v[f->stack[--waiting]]];
        if (!s->n || s->flags & SET_DISCARDS)
            return true;
        for (uint32_t k = 0; k < s->n; k++) {
            uint16_t to = f->hop_pool[s->first + k].to;
            if (to == r)
                return true;
            if (to < FWD_ENDS && f->mark[to] != f->epoch) {
                f->mark[to] = f->epoch;
                f->stack[waiting++] = to;
            }
        }
    }
    return false;
}

struct move {
    uint16_t router;
    uint32_t *to;     /* by set: what it becomes, itself if nothing */
    uint16_t *before; /* by class: the router's set before; 0: not moved */
    bool *suspect;    /* by class */
};

/* Looks at one node: was its rule moved, or the one that it inherits? */
static void move_look(struct fwd *f, uint32_t i, const struct move *m)
{
    uint32_t k = i;
    if (!(node_at(f, i)->flags & NODE_REAL))
        return;
    while (k && !m->before[node_at(f, k)->class] &&
           !class_vector(f, node_at(f, k)->class)[m->router])
        k = node_at(f, k)->up;
    if (!k || !m->before[node_at(f, k)->class])
        return;
    bool harmless = k == i && !m->suspect[node_at(f, i)->class];
    if (!harmless || node_at(f, i)->flags & (NODE_WATCHED | NODE_FAULTY))
        atom_changed(f, i, m->router, m->before[node_at(f, k)->class], set_at(f, i, m->router));
}

static uint32_t *keys_of(const struct map64 *m, size_t *n)
{
    uint32_t *key = mem_new(m->count, sizeof *key);
    const struct map64_slot *s;
    *n = 0;
    for (size_t at = 0; (s = map64_next(m, &at));)
        key[(*n)++] = (uint32_t)s->key;
    return key;
}

/* Prefixes of which the last rule went with the move. */
static void move_unmake(struct fwd *f)
{
    uint32_t *gone = mem_new(f->n_prefixes, sizeof *gone);
    size_t n = 0;
    for (uint32_t root = ROOT4; root <= ROOT6; root++)
        for (uint32_t i = root; i; i = tree_next(f, root, i, true))
            if (class_is_empty(f, node_at(f, i)->class))
                gone[n++] = i;
    for (size_t k = 0; k < n; k++) {
        class_clear(f, gone[k]);
        prefix_unmade(f, gone[k]);
    }
    mem_free(gone);
}

/* Every prefix where one of the classes is suspect, else those that somebody watches or that are
 * faulty. */
static void move_check(struct fwd *f, const struct move *m, bool all)
{
    for (uint32_t root = ROOT4; all && root <= ROOT6; root++)
        for (uint32_t i = root; i; i = tree_next(f, root, i, true))
            move_look(f, i, m);
    const struct map64 *some[] = {&f->watch_of_node, &f->entry_of_node};
    for (size_t s = 0; !all && s < COUNTOF(some); s++) {
        size_t n;
        uint32_t *node = keys_of(some[s], &n); /* looking changes the register */
        for (size_t k = 0; k < n; k++)
            move_look(f, node[k], m);
        mem_free(node);
    }
}

static uint64_t move_classes(struct fwd *f, struct move *m)
{
    uint64_t moved = 0;
    bool all = false, gone = false;
    m->before = mem_new(f->n_classes, sizeof *m->before);
    m->suspect = mem_new(f->n_classes, sizeof *m->suspect);
    for (uint32_t c = 1; c < f->n_classes; c++) {
        uint16_t h = class_vector(f, c)[m->router];
        if (!f->class[c].refs || (h && m->to[h] == h))
            continue;
        if (h) {
            m->before[c] = h;
            class_rewrite(f, c, m->router, (uint16_t)m->to[h]);
            senders_note(f, m->router, (uint16_t)m->to[h]);
            gone |= !m->to[h];
            moved += f->class[c].refs;
            m->suspect[c] = class_suspect(f, c, m->router);
        }
        all |= !h || m->suspect[c]; /* who has no rule may inherit a moved one */
    }
    if (moved)
        move_check(f, m, all);
    if (gone)
        move_unmake(f);
    mem_free(m->before);
    mem_free(m->suspect);
    mem_free(m->to);
    return moved;
}

/* All sets as they are; room for those that are made on the way. */
static uint32_t *sets_as_they_are(const struct fwd *f)
{
    uint32_t *to = mem_new(FWD_SETS_MAX + 1ul, sizeof *to);
    for (uint32_t s = 0; s <= FWD_SETS_MAX; s++)
        to[s] = s;
    return to;
}

uint64_t fwd_move(struct fwd *f, uint16_t router, uint16_t from, uint16_t to)
{
    BUG_ON(f->in_trial || !from || router >= f->n_routers || to >= f->n_sets);
    struct move m = {.router = router, .to = sets_as_they_are(f)};
    m.to[from] = to;
    return move_classes(f, &m);
}

uint64_t fwd_move_hop(struct fwd *f, uint16_t router, struct fwd_hop from, struct fwd_hop to)
{
    BUG_ON(f->in_trial || router >= f->n_routers);
    struct move m = {.router = router, .to = sets_as_they_are(f)};
    uint32_t n_sets = f->n_sets;
    for (uint32_t s = 1; s < n_sets; s++) {
        struct fwd_hop hop[FWD_HOPS_MAX];
        uint32_t n = f->set[s].n;
        bool has = false;
        memcpy(hop, f->hop_pool + f->set[s].first, n * sizeof *hop);
        for (uint32_t k = 0; k < n; k++)
            if (hop[k].to == from.to && hop[k].link == from.link) {
                hop[k] = to;
                has = true;
            }
        if (has) /* no room for the new set: the rules lose all of the old one */
            m.to[s] = fwd_set(f, hop, n);
    }
    return move_classes(f, &m);
}

/* ---- watches ---- */

/* Which watch is closest has changed for all inside that no closer watch has. */
static void rewatch(struct fwd *f, uint32_t top)
{
    for (uint32_t i = top; i;) {
        bool closer = i != top && node_at(f, i)->flags & NODE_WATCHED;
        if (!closer && node_at(f, i)->flags & NODE_REAL)
            fault_check_whole(f, i);
        i = tree_next(f, top, i, !closer);
    }
}

bool fwd_watch(struct fwd *f, const struct prefix *p, uint32_t id)
{
    BUG_ON(f->in_trial);
    uint32_t i = id ? prefix_made(f, p) : tree_find(f, p);
    if (!i)
        return !id;
    struct node *n = node_at(f, i);
    if (id) {
        n->flags |= NODE_WATCHED;
        map64_insert(&f->watch_of_node, i, id);
    } else {
        n->flags &= (uint8_t) ~(NODE_WATCHED | NODE_TOUCHED);
        map64_erase(&f->watch_of_node, i);
    }
    rewatch(f, i);
    prefix_unmade(f, i);
    return true;
}

/* ---- questions ---- */

static uint16_t lookup(const struct fwd *f, uint16_t router, uint32_t i, struct prefix *matched)
{
    while (node_at(f, i)->up && !class_vector(f, node_at(f, i)->class)[router])
        i = node_at(f, i)->up;
    if (matched)
        *matched = tree_prefix(f, i);
    return class_vector(f, node_at(f, i)->class)[router];
}

uint16_t fwd_lookup(const struct fwd *f, uint16_t router, const struct ip_addr *a,
                    struct prefix *matched)
{
    return lookup(f, router, tree_match(f, a), matched);
}

uint16_t fwd_lookup_atom(const struct fwd *f, uint16_t router, const struct prefix *p,
                         struct prefix *matched)
{
    uint32_t i = tree_find(f, p);
    return i ? lookup(f, router, i, matched) : (uint16_t)FWD_NONE;
}

static enum fwd_end end_of(const struct fwd *f, uint16_t set)
{
    uint16_t to = f->set[set].one.to;
    if (!set)
        return FWD_END_NO_ROUTE;
    return to == FWD_DELIVER ? FWD_END_DELIVERED
           : to == FWD_EXIT  ? FWD_END_EXIT
                             : FWD_END_DISCARDED;
}

enum fwd_end fwd_walk(const struct fwd *f, uint16_t from, const struct ip_addr *a,
                      struct fwd_hop *hop, size_t max, size_t *n, uint16_t *last)
{
    uint32_t i = tree_match(f, a);
    *n = 0;
    *last = from;
    for (uint32_t steps = 0;; steps++) {
        uint16_t set = set_at(f, i, *last);
        const struct set *s = &f->set[set];
        if (!set || s->one.to >= FWD_ENDS)
            return end_of(f, set);
        if (steps > f->n_routers) /* more hops than routers */
            return FWD_END_LOOP;
        if (*n < max)
            hop[(*n)++] = (struct fwd_hop){*last, s->one.link};
        *last = s->one.to;
    }
}

unsigned fwd_spread(struct fwd *f, uint16_t from, const struct ip_addr *a,
                    void (*edge)(void *arg, uint16_t from, struct fwd_hop hop), void *arg)
{
    uint32_t i = tree_match(f, a);
    unsigned ends = 0;
    size_t depth = 0;
    walk_begin(f);
    f->mark[from] = f->epoch;
    f->at_hop[from] = 0;
    f->on_stack[from] = true;
    f->path[depth++] = from;
    while (depth) {
        uint16_t c = f->path[depth - 1], set = set_at(f, i, c);
        const struct set *s = &f->set[set];
        if (!set)
            ends |= 1u << FWD_END_NO_ROUTE;
        if (f->at_hop[c] >= s->n) {
            f->on_stack[c] = false;
            depth--;
            continue;
        }
        struct fwd_hop hop = f->hop_pool[s->first + f->at_hop[c]++];
        if (edge)
            edge(arg, c, hop);
        if (hop.to >= FWD_ENDS) {
            ends |= 1u << (hop.to == FWD_DELIVER ? FWD_END_DELIVERED
                           : hop.to == FWD_EXIT  ? FWD_END_EXIT
                                                 : FWD_END_DISCARDED);
        } else if (f->mark[hop.to] != f->epoch) {
            f->mark[hop.to] = f->epoch;
            f->at_hop[hop.to] = 0;
            f->on_stack[hop.to] = true;
            f->path[depth++] = hop.to;
        } else if (f->on_stack[hop.to]) {
            ends |= 1u << FWD_END_LOOP;
        }
    }
    return ends;
}

uint64_t fwd_unregistered(const struct fwd *f)
{
    return f->unregistered;
}

struct fwd_size fwd_size(const struct fwd *f)
{
    struct fwd_size z = {.prefixes = f->n_prefixes,
                         .nodes = f->n_nodes - 1 - f->n_free,
                         .classes = f->live_classes,
                         .sets = f->live_sets,
                         .faulty_atoms = f->faulty_atoms,
                         .unregistered = f->unregistered};
    for (uint32_t c = 1; c < f->n_classes; c++)
        for (uint32_t r = 0; f->class[c].refs && r < f->n_routers; r++)
            z.rules += class_vector(f, c)[r] ? f->class[c].refs : 0;
    z.tree_bytes = f->n_chunks * (NODE_CHUNK * sizeof(struct node) + sizeof(struct node *)) +
                   f->key6_cap * sizeof *f->key6 + (f->index_mask + 1ul) * sizeof *f->index;
    z.class_bytes = f->class_cap * sizeof *f->class +
                    f->class_of_hash.cap * sizeof *f->class_of_hash.slot +
                    f->n_vectors * ((f->vector_stride * 2ul) << f->vector_bits);
    z.other_bytes = f->set_cap * sizeof *f->set + f->hop_cap * sizeof *f->hop_pool +
                    f->fault_cap * sizeof *f->fault + f->entry_cap * sizeof *f->entry +
                    f->n_routers * ((f->n_routers + 63) / 64ul * 8 + 32ul) +
                    (f->entry_of_node.cap + f->fault_of_id.cap + f->watch_of_node.cap) *
                        sizeof(struct map64_slot) +
                    trial_bytes(f);
    return z;
}
