/* fwd_i.h - the inside of fwd.h: nodes, classes, sets, and the register of faults.
 *
 *   fwd_tree.c   prefixes: index, PATRICIA tree, which prefixes are empty
 *   fwd_class.c  next-hop sets and classes
 *   fwd_fault.c  what is wrong with an atom after a change, and the register
 *   fwd_trial.c  the journal of a trial, and taking it back
 *   fwd.c        changes, watches, questions */
#pragma once

#include "base/map.h"
#include "base/rng.h"
#include "net/fwd.h"

enum {
    NODE_REAL = 1,    /* a prefix that somebody has or watches; else it only joins two branches */
    NODE_WATCHED = 2,
    NODE_FULL = 4,    /* the prefixes below leave no address to it */
    NODE_FAULTY = 8,  /* is in the register */
    NODE_IPV6 = 16,
    NODE_TOUCHED = 32,
};
enum { NODE_NONE = 0, ROOT4 = 1, ROOT6 = 2 };
enum { NODE_CHUNK_BITS = 14, NODE_CHUNK = 1 << NODE_CHUNK_BITS };

struct node {
    uint32_t up, kid[2]; /* NODE_NONE: none */
    uint32_t class;
    uint32_t key; /* the address (IPv4), or its place in keys6 */
    uint8_t len, flags;
    uint16_t by; /* NODE_TOUCHED: the router that changed it */
};
_Static_assert(sizeof(struct node) == 24, "the memory that fwd.h promises");

struct key { /* an address as a number, IPv4 in the uppermost 32 bits */
    uint64_t hi, lo;
};

struct class {
    uint64_t hi, lo; /* Zobrist hash of the vector */
    uint32_t refs;   /* nodes */
    uint32_t next;   /* of the free ones */
};

enum { SET_DELIVERS = 1, SET_DISCARDS = 2 };
struct set {
    uint32_t first; /* in hop_pool */
    uint8_t n, flags;
    uint16_t next; /* of the free ones */
    struct fwd_hop one; /* the first hop, again */
};

struct fault {
    uint64_t key_hi, key_lo; /* of kind, watch and routers: finds it again */
    uint32_t id, watch, atoms, atoms_before;
    uint32_t first; /* entry; 0: none. Of a free one: the next free one */
    uint16_t *router;
    uint16_t n_routers;
    uint8_t kind;
    bool live, dirty;
};
struct entry { /* an atom has a fault */
    uint32_t node, fault;
    uint32_t next_of_node;
    uint32_t next_of_fault, prev_of_fault;
};

/* What a trial has changed, so that it can be taken back word by word. The three lists do not
 * depend on each other: nodes, classes and entries keep their numbers until the trial ends. A class
 * that a node has left is held by the journal, a node or entry that is gone is kept aside. */
enum saved_what { NODE_CHANGED, NODE_NEW, NODE_DROPPED, INDEX_ADDED, INDEX_ERASED };
struct saved {
    uint32_t what, node;
    struct node was; /* NODE_CHANGED, NODE_DROPPED */
};
struct moved {
    uint32_t node, class;
};
static const uint32_t ENTRY_ATTACHED = UINT32_MAX;
struct logged {
    uint32_t entry, before; /* the one before it in the node's list; or ENTRY_ATTACHED */
};
/* A change that was looked at within one class and made no fault: others like it need no look. */
enum { CLEAN_BITS = 9 };
struct clean {
    uint32_t class, trial;
    uint16_t router, before, after;
};
/* Which class router -> to makes of a class. */
enum { STEP_BITS = 8 };
struct step {
    uint32_t class, trial, next;
    uint16_t router, to;
};
/* What a router uses around a node, for those on the way up from prefixes that were looked at. */
enum { ABOVE_BITS = 8 };
struct above {
    uint32_t node, age;
    uint16_t router, set;
};
struct journal {
    struct saved *saved;
    struct moved *moved;
    struct logged *logged;
    size_t n_saved, saved_cap, n_moved, moved_cap, n_logged, logged_cap;
    uint64_t unregistered; /* as before */
    uint32_t number;       /* of the trial: what follows is valid within one */
    struct clean *clean;
    struct step *step;
    struct above *above;
    uint32_t age; /* of `above`: it is valid until an inner node changes */
};

struct fwd {
    uint32_t n_routers;
    bool potential, in_trial;
    uint64_t seed[2];

    /* the tree */
    struct node **chunk;
    uint32_t n_chunks, n_nodes, free_node; /* n_nodes: ever used, with the free ones */
    uint32_t n_free, n_prefixes;
    struct key *key6;
    uint32_t key6_cap, key6_n, key6_free;
    uint32_t last; /* node that was found last, in a trial */
    uint32_t *index; /* node | tag << 24; 0 free */
    uint32_t index_mask;

    /* classes */
    struct class *class;
    uint32_t class_cap, n_classes, free_class, live_classes;
    uint16_t **vector; /* chunks of vectors */
    uint32_t vector_stride, vector_bits, n_vectors;
    struct map128 class_of_hash;

    /* sets */
    struct set *set;
    uint32_t n_sets, set_cap, free_set, live_sets;
    struct fwd_hop *hop_pool;
    uint32_t n_hops, hop_cap;
    struct map64 set_of_hash;

    /* who has ever had whom as next hop: rows of bits, and lists of who may send to a router */
    uint64_t *sends;
    uint32_t noted; /* the last pair of router and set */
    uint16_t **sender;
    uint16_t *n_senders, *sender_cap;

    /* faults */
    struct fault *fault;
    uint32_t n_faults, fault_cap, free_fault, fault_id; /* fault 0 is none */
    struct map128 fault_of_key;
    struct map64 entry_of_node, fault_of_id;
    struct entry *entry;
    uint32_t n_entries, entry_cap, free_entry, live_entries, faulty_atoms; /* entry 0 is none */
    uint64_t unregistered;
    bool climbed; /* the look at an atom needed more than its class */
    uint32_t *dirty;
    size_t n_dirty, dirty_cap, dirty_at;

    /* watches */
    struct map64 watch_of_node;
    uint32_t *touched; /* nodes */
    size_t n_touched, touched_cap;

    struct journal journal;

    /* for walks: marks of the routers seen, valid where equal to the epoch */
    uint32_t epoch, *mark;
    uint32_t counter, *order, *low; /* Tarjan's */
    uint16_t *stack, *path, *at_hop, *seed_router;
    size_t depth, n_stack;
    bool *on_stack;
};

/* ---- what is asked for all the time ---- */

static inline struct node *node_at(const struct fwd *f, uint32_t i)
{
    return &f->chunk[i >> NODE_CHUNK_BITS][i & (NODE_CHUNK - 1)];
}

static inline uint16_t *class_vector(const struct fwd *f, uint32_t c)
{
    return f->vector[c >> f->vector_bits] +
           (size_t)(c & ((1u << f->vector_bits) - 1)) * f->vector_stride;
}

/* Starts a walk: no router is marked. */
static inline void walk_begin(struct fwd *f)
{
    if (++f->epoch == 0) { /* once in four thousand million walks */
        memset(f->mark, 0, f->n_routers * sizeof *f->mark);
        f->epoch = 1;
    }
}

/* The set that router r uses for node i: its rule, or that of the closest prefix around it. */
static inline uint16_t set_at(const struct fwd *f, uint32_t i, uint16_t r)
{
    for (;;) {
        const struct node *n = node_at(f, i);
        uint16_t h = n->class ? class_vector(f, n->class)[r] : FWD_NONE;
        if (h || !n->up)
            return h;
        i = n->up;
    }
}

/* The set that router r uses around node i, without its own rule there. */
uint16_t trial_set_above(struct fwd *f, uint32_t i, uint16_t r);
static inline uint16_t set_above(struct fwd *f, uint32_t i, uint16_t r)
{
    uint32_t up = node_at(f, i)->up;
    return !up ? (uint16_t)FWD_NONE : f->in_trial ? trial_set_above(f, up, r) : set_at(f, up, r);
}

static inline bool node_is_atom(const struct node *n)
{
    return (n->flags & (NODE_REAL | NODE_FULL)) == NODE_REAL;
}

/* ---- fwd_tree.c ---- */
void tree_init(struct fwd *f);
void tree_free(struct fwd *f);
uint32_t tree_find(const struct fwd *f, const struct prefix *p);
/* The same, and looks first right behind what it found last: prefixes that came one after the other
 * are mostly asked for so, too. */
uint32_t tree_find_next(struct fwd *f, const struct prefix *p);
/* The node of a prefix, made if need be. Afterwards *emptied is the closest prefix around it when
 * that has now no address left, else NODE_NONE. NODE_NONE: full. */
uint32_t tree_insert(struct fwd *f, const struct prefix *p, uint32_t *emptied);
/* Takes a prefix out. Returns the closest prefix around it when that had no address of its own
 * before and has now, else NODE_NONE. */
uint32_t tree_remove(struct fwd *f, uint32_t i);
uint32_t tree_match(const struct fwd *f, const struct ip_addr *a); /* the longest prefix */
uint32_t tree_real_above(const struct fwd *f, uint32_t i);
void tree_undo(struct fwd *f, const struct saved *s);
struct prefix tree_prefix(const struct fwd *f, uint32_t i);
/* The next node in preorder below `top`; `into`: also below i itself. NODE_NONE: no more. */
uint32_t tree_next(const struct fwd *f, uint32_t top, uint32_t i, bool into);

/* ---- fwd_class.c ---- */
void class_init(struct fwd *f);
void class_free(struct fwd *f);
/* Gives node i's class with router r -> to; false: full. */
bool class_change(struct fwd *f, uint32_t i, uint16_t r, uint16_t to);
void class_undo(struct fwd *f, struct moved x);
/* Rewrites class c with r -> to for all its nodes. */
void class_rewrite(struct fwd *f, uint32_t c, uint16_t r, uint16_t to);
/* Has a rewrite left nothing of the class? class_clear gives its nodes class 0, one by one. */
bool class_is_empty(const struct fwd *f, uint32_t c);
void class_clear(struct fwd *f, uint32_t i);
/* Notes that r may send to the hops of the set. */
void senders_note(struct fwd *f, uint16_t r, uint16_t set);

/* ---- fwd_fault.c ---- */
void fault_init(struct fwd *f);
void fault_free(struct fwd *f);
/* Router r of atom i went from set `before` to `after`. */
void fault_check(struct fwd *f, uint32_t i, uint16_t r, uint16_t before, uint16_t after);
void fault_check_whole(struct fwd *f, uint32_t i); /* forgets and looks anew at all routers */
void fault_forget(struct fwd *f, uint32_t i);      /* the atom is no more */
uint32_t fault_watch_around(const struct fwd *f, uint32_t i);
void fault_undo(struct fwd *f, struct logged x);

/* ---- fwd_trial.c ---- */
/* To be called during a trial: before node i is changed; and when it was made or is dropped, and
 * when the index has got or lost it. */
void trial_node(struct fwd *f, uint32_t i, enum saved_what what);
void trial_moved(struct fwd *f, uint32_t i, uint32_t class); /* node i has left its class */
void trial_logged(struct fwd *f, uint32_t entry, uint32_t before);
void trial_free(struct fwd *f);
size_t trial_bytes(const struct fwd *f);
