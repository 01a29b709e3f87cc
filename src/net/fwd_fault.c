/* fwd_fault.c - what is wrong with an atom after a change at one router, and the register of it.
 *
 * Loops: the change is r's edges, so a component that was without r still is as it was, or r is now
 * in it too. A component that had r is taken out of the register, and looked for anew from what it
 * had. Holes: whether a router drops is its own rule, whether somebody sends to it is its
 * neighbours': only r, the hops it had and those it has can have turned. */
#include "net/fwd_i.h"

#include <stdlib.h>

#include "base/hash.h"

/* ---- the register ---- */

uint32_t fault_watch_around(const struct fwd *f, uint32_t i)
{
    uint32_t id = 0;
    for (; i; i = node_at(f, i)->up)
        if (node_at(f, i)->flags & NODE_WATCHED) {
            map64_find(&f->watch_of_node, i, &id);
            break;
        }
    return id;
}

static void soil(struct fwd *f, uint32_t slot)
{
    if (f->fault[slot].dirty)
        return;
    f->fault[slot].dirty = true;
    if (f->dirty_at == f->n_dirty)
        f->dirty_at = f->n_dirty = 0;
    if (f->n_dirty == f->dirty_cap) {
        f->dirty_cap = f->dirty_cap * 2 + 16;
        f->dirty = mem_grow(f->dirty, f->dirty_cap, sizeof *f->dirty);
    }
    f->dirty[f->n_dirty++] = slot;
}

static uint32_t fault_slot(struct fwd *f, enum fwd_kind kind, uint32_t watch,
                           const uint16_t *router, size_t n)
{
    uint64_t lo = hash_fast(f->seed[1], router, n * sizeof *router);
    uint64_t hi = mix64(lo ^ f->seed[0]) + ((uint64_t)watch << 2 | kind);
    lo = mix64(lo + mix64((uint64_t)n << 40 | router[0])) ^ f->seed[1];
    uint32_t slot = 0;
    if (map128_find(&f->fault_of_key, hi, lo, &slot))
        return slot;
    slot = f->free_fault;
    if (slot) {
        f->free_fault = f->fault[slot].first;
    } else {
        slot = f->n_faults++;
        if (slot == f->fault_cap) {
            f->fault_cap *= 2;
            f->fault = mem_grow(f->fault, f->fault_cap, sizeof *f->fault);
        }
    }
    uint16_t *copy = mem_new(n, sizeof *copy);
    memcpy(copy, router, n * sizeof *copy);
    f->fault_id += f->fault_id == UINT32_MAX ? 2 : 1;
    f->fault[slot] = (struct fault){.key_hi = hi,
                                    .key_lo = lo,
                                    .id = f->fault_id,
                                    .watch = watch,
                                    .router = copy,
                                    .n_routers = (uint16_t)n,
                                    .kind = (uint8_t)kind,
                                    .live = true};
    map128_insert(&f->fault_of_key, hi, lo, slot);
    map64_insert(&f->fault_of_id, f->fault_id, slot);
    return slot;
}

static void fault_release(struct fwd *f, uint32_t slot)
{
    struct fault *t = &f->fault[slot];
    map128_erase(&f->fault_of_key, t->key_hi, t->key_lo);
    map64_erase(&f->fault_of_id, t->id);
    mem_free(t->router);
    *t = (struct fault){.first = f->free_fault};
    f->free_fault = slot;
}

static uint32_t first_entry(const struct fwd *f, uint32_t i)
{
    uint32_t e = 0;
    if (node_at(f, i)->flags & NODE_FAULTY)
        map64_find(&f->entry_of_node, i, &e);
    return e;
}

static void attach(struct fwd *f, uint32_t i, enum fwd_kind kind, const uint16_t *router, size_t n)
{
    uint32_t first = first_entry(f, i);
    if (f->live_entries >= FWD_ENTRIES_MAX) {
        f->unregistered++;
        f->climbed = true;
        return;
    }
    uint32_t slot = fault_slot(f, kind, fault_watch_around(f, i), router, n);
    for (uint32_t e = first; e; e = f->entry[e].next_of_node)
        if (f->entry[e].fault == slot)
            return;
    uint32_t e = f->free_entry;
    if (e) {
        f->free_entry = f->entry[e].next_of_node;
    } else {
        e = f->n_entries++;
        if (e == f->entry_cap) {
            f->entry_cap += f->entry_cap / 2;
            f->entry = mem_grow(f->entry, f->entry_cap, sizeof *f->entry);
        }
    }
    struct fault *t = &f->fault[slot];
    f->entry[e] =
        (struct entry){.node = i, .fault = slot, .next_of_node = first, .next_of_fault = t->first};
    if (t->first)
        f->entry[t->first].prev_of_fault = e;
    t->first = e;
    t->atoms++;
    f->live_entries++;
    f->faulty_atoms += !first;
    node_at(f, i)->flags |= NODE_FAULTY;
    map64_insert(&f->entry_of_node, i, e);
    soil(f, slot);
    if (f->in_trial)
        trial_logged(f, e, ENTRY_ATTACHED);
}

/* Takes the entry out of both lists. Returns the one before it in its node's, 0: it was the first.
 */
static uint32_t unlink_entry(struct fwd *f, uint32_t e)
{
    const struct entry *x = &f->entry[e];
    struct fault *t = &f->fault[x->fault];
    uint32_t i = x->node, before = first_entry(f, i);
    if (before == e) {
        before = 0;
        if (x->next_of_node) {
            map64_insert(&f->entry_of_node, i, x->next_of_node);
        } else {
            map64_erase(&f->entry_of_node, i);
            node_at(f, i)->flags &= (uint8_t)~NODE_FAULTY;
            f->faulty_atoms--;
        }
    } else {
        while (f->entry[before].next_of_node != e)
            before = f->entry[before].next_of_node;
        f->entry[before].next_of_node = x->next_of_node;
    }
    if (x->prev_of_fault)
        f->entry[x->prev_of_fault].next_of_fault = x->next_of_fault;
    else
        t->first = x->next_of_fault;
    if (x->next_of_fault)
        f->entry[x->next_of_fault].prev_of_fault = x->prev_of_fault;
    t->atoms--;
    soil(f, x->fault);
    f->live_entries--;
    return before;
}

/* An entry that is out of its lists still knows where it was in them (Knuth, "Dancing Links",
 * 2000): as long as what came later is undone first, it can go back. */
static void link_entry(struct fwd *f, uint32_t e, uint32_t before)
{
    const struct entry *x = &f->entry[e];
    struct fault *t = &f->fault[x->fault];
    if (before) {
        f->entry[before].next_of_node = e;
    } else {
        map64_insert(&f->entry_of_node, x->node, e);
        node_at(f, x->node)->flags |= NODE_FAULTY;
        f->faulty_atoms += !x->next_of_node;
    }
    *(x->prev_of_fault ? &f->entry[x->prev_of_fault].next_of_fault : &t->first) = e;
    if (x->next_of_fault)
        f->entry[x->next_of_fault].prev_of_fault = e;
    t->atoms++;
    soil(f, x->fault);
    f->live_entries++;
}

static void free_entry(struct fwd *f, uint32_t e)
{
    f->entry[e] = (struct entry){.next_of_node = f->free_entry};
    f->free_entry = e;
}

static void detach(struct fwd *f, uint32_t e)
{
    uint32_t before = unlink_entry(f, e);
    if (f->in_trial)
        trial_logged(f, e, before);
    else
        free_entry(f, e);
}

void fault_undo(struct fwd *f, struct logged x)
{
    if (x.before != ENTRY_ATTACHED) {
        link_entry(f, x.entry, x.before);
        return;
    }
    (void)unlink_entry(f, x.entry);
    free_entry(f, x.entry);
}

void fault_forget(struct fwd *f, uint32_t i)
{
    for (uint32_t e; (e = first_entry(f, i)) != 0;)
        detach(f, e);
}

/* ---- what routers do with the atom ---- */

/* set_at, and notes whether the class of the atom was enough to tell. */
static inline uint16_t set_of(struct fwd *f, uint32_t i, uint16_t r)
{
    const struct node *n = node_at(f, i);
    uint16_t h = class_vector(f, n->class)[r];
    if (LIKELY(h || !n->up))
        return h;
    f->climbed = true;
    return set_above(f, i, r);
}

/* ---- loops ---- */

static bool member(const uint16_t *router, size_t n, uint16_t r)
{
    size_t low = 0;
    while (n) {
        size_t half = n / 2;
        if (router[low + half] < r) {
            low += half + 1;
            n -= half + 1;
        } else if (router[low + half] == r) {
            return true;
        } else {
            n = half;
        }
    }
    return false;
}

/* Does a walk from r, by any hop of `set`, come back to r? */
static bool comes_back(struct fwd *f, uint32_t i, uint16_t r, uint16_t set)
{
    const struct node *n = node_at(f, i);
    const uint16_t *v = class_vector(f, n->class);
    size_t waiting = 0;
    walk_begin(f);
    for (uint16_t c = r, h = set;; h = v[c]) {
        if (UNLIKELY(!h && n->up && c != r)) {
            h = set_above(f, i, c);
            f->climbed = true;
        }
        const struct set *s = &f->set[h];
        if (LIKELY(s->n == 1)) {
            uint16_t to = s->one.to;
            if (to == r)
                return true;
            if (to < FWD_ENDS && f->mark[to] != f->epoch) {
                f->mark[to] = f->epoch;
                c = to;
                continue;
            }
        }
        for (uint32_t k = 0; s->n > 1 && k < s->n; k++) {
            uint16_t to = f->hop_pool[s->first + k].to;
            if (to == r)
                return true;
            if (to < FWD_ENDS && f->mark[to] != f->epoch) {
                f->mark[to] = f->epoch;
                f->stack[waiting++] = to;
            }
        }
        if (!waiting)
            return false;
        c = f->stack[--waiting];
    }
}

static bool component_is_fault(struct fwd *f, uint32_t i, const uint16_t *router, size_t n)
{
    bool unsafe = false;
    if (!f->potential)
        return true;
    for (size_t k = 0; k < n; k++) {
        const struct set *s = &f->set[set_of(f, i, router[k])];
        if (s->flags & SET_DELIVERS)
            return false;
        for (uint32_t h = 0; h < s->n && !unsafe; h++) {
            struct fwd_hop hop = f->hop_pool[s->first + h];
            unsafe = hop.link & FWD_UNSAFE && hop.to < FWD_ENDS && member(router, n, hop.to);
        }
    }
    return unsafe;
}

static int router_compare(const void *a, const void *b)
{
    return *(const uint16_t *)a - *(const uint16_t *)b;
}

/* Into the register with a component; smaller ones that it has swallowed go. */
static void component_found(struct fwd *f, uint32_t i, uint16_t *router, size_t n)
{
    if (n > 1)
        qsort(router, n, sizeof *router, router_compare);
    for (uint32_t e = first_entry(f, i), next; e; e = next) {
        const struct fault *t = &f->fault[f->entry[e].fault];
        next = f->entry[e].next_of_node;
        if (t->kind != FWD_LOOP || !member(router, n, t->router[0]))
            continue;
        if (t->n_routers != n || memcmp(t->router, router, n * sizeof *router) != 0)
            detach(f, e);
    }
    if (component_is_fault(f, i, router, n))
        attach(f, i, FWD_LOOP, router, n);
}

static void enter(struct fwd *f, uint16_t r)
{
    f->mark[r] = f->epoch;
    f->order[r] = f->low[r] = f->counter++;
    f->at_hop[r] = 0;
    f->on_stack[r] = true;
    f->stack[f->n_stack++] = r;
    f->path[f->depth++] = r;
}

/* All hops of the router on top of the path were followed. */
static void leave(struct fwd *f, uint32_t i, bool hands_to_itself)
{
    uint16_t r = f->path[--f->depth];
    if (f->depth) {
        uint16_t above = f->path[f->depth - 1];
        f->low[above] = MIN(f->low[above], f->low[r]);
    }
    if (f->low[r] != f->order[r])
        return;
    size_t first = f->n_stack;
    do
        f->on_stack[f->stack[--first]] = false;
    while (f->stack[first] != r);
    size_t n = f->n_stack - first;
    f->n_stack = first;
    if (n > 1 || hands_to_itself)
        component_found(f, i, f->stack + first, n);
}

/* Tarjan's components of what can be reached from r and was not yet looked at in this walk. */
static void components_from(struct fwd *f, uint32_t i, uint16_t r)
{
    if (f->mark[r] == f->epoch)
        return;
    enter(f, r);
    while (f->depth) {
        uint16_t c = f->path[f->depth - 1];
        const struct set *s = &f->set[set_of(f, i, c)];
        bool entered = false;
        while (f->at_hop[c] < s->n && !entered) {
            uint16_t to = f->hop_pool[s->first + f->at_hop[c]++].to;
            if (to >= FWD_ENDS)
                continue;
            if (f->mark[to] != f->epoch) {
                enter(f, to);
                entered = true;
            } else if (f->on_stack[to]) {
                f->low[c] = MIN(f->low[c], f->order[to]);
            }
        }
        if (entered)
            continue;
        bool itself = false;
        for (uint32_t k = 0; k < s->n; k++)
            itself |= f->hop_pool[s->first + k].to == c;
        leave(f, i, itself);
    }
}

static void loops_check(struct fwd *f, uint32_t i, uint16_t r, uint16_t before, uint16_t after)
{
    size_t seeds = 0;
    for (uint32_t e = first_entry(f, i), next; e; e = next) {
        const struct fault *t = &f->fault[f->entry[e].fault];
        next = f->entry[e].next_of_node;
        if (t->kind != FWD_LOOP || !member(t->router, t->n_routers, r))
            continue;
        memcpy(f->seed_router + seeds, t->router, t->n_routers * sizeof *t->router);
        seeds += t->n_routers;
        detach(f, e);
    }
    /* In a model of what could be, r may have held together a component that was no fault because
     * something in it delivered; a part of it may be one now. */
    for (uint32_t k = 0; f->potential && k < f->set[before].n; k++) {
        uint16_t to = f->hop_pool[f->set[before].first + k].to;
        if (to < FWD_ENDS)
            f->seed_router[seeds++] = to;
    }
    bool back = comes_back(f, i, r, after);
    if (!back && !seeds)
        return;
    walk_begin(f);
    f->counter = 0;
    if (back)
        components_from(f, i, r);
    for (size_t k = 0; k < seeds; k++)
        components_from(f, i, f->seed_router[k]);
}

/* ---- holes ---- */

static bool somebody_sends(struct fwd *f, uint32_t i, uint16_t to)
{
    for (size_t k = 0; k < f->n_senders[to]; k++) {
        const struct set *s = &f->set[set_of(f, i, f->sender[to][k])];
        for (uint32_t h = 0; h < s->n; h++)
            if (f->hop_pool[s->first + h].to == to)
                return true;
    }
    return false;
}

static void hole_check(struct fwd *f, uint32_t i, uint16_t r)
{
    const uint16_t h = set_of(f, i, r);
    enum fwd_kind kind = FWD_KINDS;
    if (h == FWD_NONE) {
        kind = FWD_NO_ROUTE;
    } else if (f->set[h].flags & SET_DISCARDS) {
        f->climbed = true;
        if (fault_watch_around(f, i))
            kind = FWD_DROPPED;
    }
    if (kind != FWD_KINDS && !somebody_sends(f, i, r))
        kind = FWD_KINDS;
    for (uint32_t e = first_entry(f, i), next; e; e = next) {
        const struct fault *t = &f->fault[f->entry[e].fault];
        next = f->entry[e].next_of_node;
        if (t->kind != FWD_LOOP && t->router[0] == r && t->kind != kind)
            detach(f, e);
    }
    if (kind != FWD_KINDS)
        attach(f, i, kind, &r, 1);
}

static inline bool drops(const struct fwd *f, uint16_t set)
{
    return set == FWD_NONE || f->set[set].flags & SET_DISCARDS;
}

static void holes_check(struct fwd *f, uint32_t i, uint16_t r, uint16_t before, uint16_t after)
{
    if (drops(f, after) || node_at(f, i)->flags & NODE_FAULTY)
        hole_check(f, i, r);
    const struct set *s = &f->set[after];
    for (uint32_t k = 0; k < s->n; k++) {
        uint16_t to = f->hop_pool[s->first + k].to;
        if (to < FWD_ENDS && drops(f, set_of(f, i, to)))
            hole_check(f, i, to);
    }
    s = &f->set[before];
    for (uint32_t k = 0; k < s->n && node_at(f, i)->flags & NODE_FAULTY; k++)
        if (f->hop_pool[s->first + k].to < FWD_ENDS)
            hole_check(f, i, f->hop_pool[s->first + k].to);
}

/* ---- what others call ---- */

/* Where a change of a trial is remembered when it was found to be clean. */
static struct clean *clean_at(const struct fwd *f, const struct clean *x)
{
    uint64_t h = (uint64_t)x->class << 32 | (uint64_t)x->before << 16 | x->after;
    return &f->journal.clean[mix64(h ^ (uint64_t)x->router << 48) >> (64 - CLEAN_BITS)];
}

static bool is_clean(const struct fwd *f, const struct clean *x)
{
    const struct clean *y = clean_at(f, x);
    return y->class == x->class && y->trial == x->trial && y->router == x->router &&
           y->before == x->before && y->after == x->after;
}

void fault_check(struct fwd *f, uint32_t i, uint16_t r, uint16_t before, uint16_t after)
{
    const struct clean x = {node_at(f, i)->class, f->journal.number, r, before, after};
    bool may_know = f->in_trial && !(node_at(f, i)->flags & NODE_FAULTY);
    if (may_know && is_clean(f, &x))
        return;
    f->climbed = false;
    loops_check(f, i, r, before, after);
    if (!f->potential)
        holes_check(f, i, r, before, after);
    if (may_know && !f->climbed && !(node_at(f, i)->flags & NODE_FAULTY))
        *clean_at(f, &x) = x;
}

void fault_check_whole(struct fwd *f, uint32_t i)
{
    fault_forget(f, i);
    if (!node_is_atom(node_at(f, i)))
        return;
    walk_begin(f);
    f->counter = 0;
    for (uint32_t r = 0; r < f->n_routers; r++)
        components_from(f, i, (uint16_t)r);
    for (uint32_t r = 0; r < f->n_routers && !f->potential; r++)
        if (drops(f, set_at(f, i, (uint16_t)r)))
            hole_check(f, i, (uint16_t)r);
}

void fault_init(struct fwd *f)
{
    size_t n = f->n_routers;
    f->n_faults = f->n_entries = 1;
    f->fault_cap = f->entry_cap = 16;
    f->fault = mem_new(f->fault_cap, sizeof *f->fault);
    f->entry = mem_new(f->entry_cap, sizeof *f->entry);
    f->mark = mem_new(n, sizeof *f->mark);
    f->order = mem_new(n, sizeof *f->order);
    f->low = mem_new(n, sizeof *f->low);
    f->stack = mem_new(n, sizeof *f->stack);
    f->path = mem_new(n, sizeof *f->path);
    f->at_hop = mem_new(n, sizeof *f->at_hop);
    f->seed_router = mem_new(n + FWD_HOPS_MAX, sizeof *f->seed_router);
    f->on_stack = mem_new(n, sizeof *f->on_stack);
}

void fault_free(struct fwd *f)
{
    for (uint32_t s = 1; s < f->n_faults; s++)
        mem_free(f->fault[s].router);
    void *all[] = {f->fault, f->entry, f->dirty,       f->mark,   f->order,   f->low,
                   f->stack, f->path,  f->seed_router, f->at_hop, f->on_stack};
    for (size_t k = 0; k < COUNTOF(all); k++)
        mem_free(all[k]);
    map128_free(&f->fault_of_key);
    map64_free(&f->fault_of_id);
    map64_free(&f->entry_of_node);
}

static void fault_show(const struct fwd *f, uint32_t slot, struct fwd_fault *out)
{
    const struct fault *t = &f->fault[slot];
    *out = (struct fwd_fault){.id = t->id,
                              .kind = t->kind,
                              .watch = t->watch,
                              .atoms = t->atoms,
                              .atoms_before = t->atoms_before,
                              .n_routers = t->n_routers,
                              .router = t->router};
}

bool fwd_next_change(struct fwd *f, struct fwd_fault *out)
{
    /* The one returned last, when it was over, is forgotten now: `out` pointed into it. */
    while (f->dirty_at < f->n_dirty) {
        uint32_t slot = f->dirty[f->dirty_at++];
        struct fault *t = &f->fault[slot];
        t->dirty = false;
        if (t->atoms == t->atoms_before) {
            if (!t->atoms)
                fault_release(f, slot);
            continue;
        }
        fault_show(f, slot, out);
        t->atoms_before = t->atoms;
        if (!t->atoms) /* goes with the next call: it must still be readable */
            soil(f, slot);
        return true;
    }
    return false;
}

bool fwd_peek_change(const struct fwd *f, size_t *at, struct fwd_fault *out)
{
    while (f->dirty_at + *at < f->n_dirty) {
        uint32_t slot = f->dirty[f->dirty_at + (*at)++];
        if (f->fault[slot].atoms == f->fault[slot].atoms_before)
            continue;
        fault_show(f, slot, out);
        return true;
    }
    return false;
}

bool fwd_next_fault(const struct fwd *f, size_t *at, struct fwd_fault *out)
{
    while (++*at < f->n_faults) {
        if (!f->fault[*at].live || !f->fault[*at].atoms)
            continue;
        fault_show(f, (uint32_t)*at, out);
        return true;
    }
    return false;
}

size_t fwd_fault_prefixes(const struct fwd *f, uint32_t id, struct prefix *out, size_t max)
{
    uint32_t slot = 0;
    size_t n = 0;
    if (!map64_find(&f->fault_of_id, id, &slot))
        return 0;
    for (uint32_t e = f->fault[slot].first; e && n < max; e = f->entry[e].next_of_fault)
        out[n++] = tree_prefix(f, f->entry[e].node);
    return n;
}

/* Breadth first from the first router to itself, within the component: a shortest cycle. */
size_t fwd_fault_cycle(const struct fwd *f, uint32_t id, struct fwd_hop *out, size_t max)
{
    uint32_t slot = 0;
    if (!map64_find(&f->fault_of_id, id, &slot))
        return 0;
    const struct fault *t = &f->fault[slot];
    if (t->kind != FWD_LOOP || !t->first)
        return 0;
    uint32_t i = f->entry[t->first].node;
    uint16_t start = t->router[0], *from = mem_new(f->n_routers, sizeof *from);
    uint16_t *link = mem_new(f->n_routers, sizeof *link), *queue = mem_new(f->n_routers + 1, 2);
    bool *seen = mem_new(f->n_routers, sizeof *seen);
    size_t head = 0, tail = 0, n = 0;
    queue[tail++] = start;
    while (head < tail && !seen[start]) {
        uint16_t c = queue[head++];
        const struct set *s = &f->set[set_at(f, i, c)];
        for (uint32_t k = 0; k < s->n; k++) {
            struct fwd_hop hop = f->hop_pool[s->first + k];
            if (hop.to >= FWD_ENDS || seen[hop.to] || !member(t->router, t->n_routers, hop.to))
                continue;
            seen[hop.to] = true;
            from[hop.to] = c;
            link[hop.to] = hop.link;
            queue[tail++] = hop.to;
        }
    }
    uint16_t c = start;
    do { /* backwards, then turned round */
        if (n < max)
            out[n] = (struct fwd_hop){from[c], link[c]};
        n++;
        c = from[c];
    } while (c != start && n <= max);
    for (size_t k = 0; n <= max && k < n / 2; k++) {
        struct fwd_hop swap = out[k];
        out[k] = out[n - 1 - k];
        out[n - 1 - k] = swap;
    }
    mem_free(from);
    mem_free(link);
    mem_free(queue);
    mem_free(seen);
    return n <= max ? n : 0;
}
