/* fwd.h - what the network does with a packet: all routers' forwarding tables in one structure.
 *
 * Prefixes nest or are apart, so the tree of all prefixes of all routers cuts the addresses into
 * the coarsest parts that any router can tell apart: an ATOM is a prefix without the longer ones
 * inside it. Each prefix has a class: the vector router -> next-hop set, 0 where that router has no
 * rule for it and looks at the next shorter prefix. Equal vectors are one class, found by a Zobrist
 * hash (two words of 64 bits) that a change moves by two exclusive-ors. So a thousand routers with
 * a million prefixes are a tree of a million nodes and a few thousand vectors.
 *
 * A change of one rule of router r changes the atom of its prefix and those below it where r has no
 * rule of its own, and in each only r's edge: a new loop passes r, a new hole is r or a next hop of
 * r. Those are walked and nothing else. What is wrong is kept in a register of FAULTS:
 *   loop    routers that hand packets of an atom round (a strongly connected component of its
 *           graph; with one next hop each it is the cycle)
 *   hole    a router to which a neighbour hands packets of an atom and that has no rule for them,
 *           or a rule that discards them. A discard counts only within what is watched
 *           (fwd_watch): an aggregate that discards what nobody has is as it should be.
 * A prefix that longer ones cover completely has no address of its own and so no faults.
 *
 * Sources: the nesting as exact atoms and the shared vectors are our own; walking only from what
 * changed is VeriFlow (Khurshid et al., NSDI 2013) and Delta-net (Horn et al., NSDI 2017); the hash
 * is Zobrist's (1970), the components Tarjan's (1972), the tree Morrison's PATRICIA (1968).
 *
 * Pure, one thread. Routers are numbers from 0 below the count given at the start; links are
 * numbers of the caller's. Memory: 24 bytes a node (fewer than two nodes a prefix; 16 more for
 * IPv6), 4 to 8 bytes of index a prefix, 2 bytes a router and some 60 a class. Nothing is allocated
 * for a change of what is there already. */
#pragma once

#include "net/prefix.h"

struct fwd;

enum {
    FWD_ROUTERS_MAX = 4096,
    FWD_PREFIXES_MAX = 1 << 22, /* four times the Internet's IPv4 table */
    FWD_CLASSES_MAX = 1 << 20,
    FWD_SETS_MAX = 65535, /* different next-hop sets in use at a time */
    FWD_HOPS_MAX = 32,    /* equal-cost next hops of a rule */
    FWD_ENTRIES_MAX = 1 << 22, /* pairs of atom and fault in the register, 20 bytes each */
};

/* A next hop: the router there and the link to it, or one of the ends. */
struct fwd_hop {
    uint16_t to, link;
};
enum {
    FWD_EXIT = 0xfffd,    /* to: out of the modelled network, as intended */
    FWD_DELIVER = 0xfffe, /* to: the destination is attached here */
    FWD_DISCARD = 0xffff, /* to: dropped by a rule (null route, TGW blackhole route) */
    FWD_ENDS = FWD_EXIT,  /* to >= FWD_ENDS: no router */
    FWD_NO_LINK = 0x7fff, /* link: unknown; links are below this */
    FWD_UNSAFE = 0x8000,  /* bit of link, for `potential`: BGP's AS path does not guard this hop */
};

/* Handles of next-hop sets that always exist. */
enum { FWD_NONE = 0, FWD_SET_DELIVER = 1, FWD_SET_DISCARD = 2 };

struct fwd_options {
    uint32_t routers; /* 1 .. FWD_ROUTERS_MAX */
    uint64_t seed;    /* of the hash; secret where strangers choose routes: sums can be solved */
    /* A model not of what is but of what could be: a set has every acceptable next hop, best and
     * backups. A component is then a fault only if nothing in it delivers and it has an edge
     * inside that is FWD_UNSAFE; there are no holes. */
    bool potential;
};
struct fwd *fwd_new(const struct fwd_options *o);
void fwd_free(struct fwd *f);

/* The handle of a set, in any order, repetition ignored. 0: n is 0, above FWD_HOPS_MAX, or
 * FWD_SETS_MAX are in use. A handle that no rule uses may be taken back by the next call. */
uint16_t fwd_set(struct fwd *f, const struct fwd_hop *hop, size_t n);
/* The hops of a handle; valid until the next fwd_set. */
const struct fwd_hop *fwd_hops(const struct fwd *f, uint16_t set, size_t *n);

enum fwd_result { FWD_SAME, FWD_CHANGED, FWD_FULL /* a limit above; nothing has changed */ };
/* Router's rule for a prefix is now `set`; FWD_NONE: it has none. */
enum fwd_result fwd_update(struct fwd *f, uint16_t router, const struct prefix *p, uint16_t set);
/* The rule, or FWD_NONE; shorter prefixes are not looked at. */
uint16_t fwd_rule(const struct fwd *f, uint16_t router, const struct prefix *p);
/* A session is lost: all rules of router that are `from` become `to` (the set without that hop).
 * Costs a step a class, not a prefix, unless a class becomes faulty. Not during a trial. Returns
 * how many prefixes moved. */
uint64_t fwd_move(struct fwd *f, uint16_t router, uint16_t from, uint16_t to);
/* The same for all sets with a hop: it becomes another one (a dead link: FWD_DISCARD with the
 * number of the link, so that it can be told from other discards, and back). */
uint64_t fwd_move_hop(struct fwd *f, uint16_t router, struct fwd_hop from, struct fwd_hop to);

/* ---- trials: what-if costs what it changes ---- */

/* From now on changes are recorded, and fwd_trial_undo takes them back: each costs a few words, not
 * another look at what is wrong. Before it, take all fault changes (fwd_next_change); during it
 * neither move nor watch. */
void fwd_trial(struct fwd *f);
void fwd_trial_undo(struct fwd *f);

/* ---- watches: prefixes that somebody cares for ---- */

/* Watch `id` (from 1, the caller's) on a prefix; 0 ends it. A fault inside carries the id of the
 * closest watch around it. One watch a prefix: the last. False: full. */
bool fwd_watch(struct fwd *f, const struct prefix *p, uint32_t id);
/* The next watch whose own atom was changed since it was last returned, and by which router, or
 * FWD_ROUTERS_MAX for several. Trials mark, too; undoing them does not. */
bool fwd_next_touched(struct fwd *f, uint32_t *id, uint16_t *router);

/* ---- faults ---- */

enum fwd_kind { FWD_LOOP, FWD_NO_ROUTE, FWD_DROPPED, FWD_KINDS };
struct fwd_fault {
    uint32_t id; /* not used for another fault within 2^32 of them */
    enum fwd_kind kind;
    uint32_t watch;        /* 0: outside of all watches */
    uint32_t atoms;        /* that have it now; 0: it is over */
    uint32_t atoms_before; /* when this fault was last returned by fwd_next_change */
    uint16_t n_routers;
    const uint16_t *router; /* the component, ascending; or the hole alone */
};
/* A fault of which atoms changed since it was last returned; false: no more. After it was returned
 * with atoms 0 it is forgotten. `out` is valid until the next change. */
bool fwd_next_change(struct fwd *f, struct fwd_fault *out);
/* The same without taking it: for trials. Start with *at = 0. */
bool fwd_peek_change(const struct fwd *f, size_t *at, struct fwd_fault *out);
/* All there are. Start with *at = 0. */
bool fwd_next_fault(const struct fwd *f, size_t *at, struct fwd_fault *out);
/* Up to max prefixes of its atoms; returns how many. */
size_t fwd_fault_prefixes(const struct fwd *f, uint32_t id, struct prefix *out, size_t max);
/* A cycle of a loop as hops in order, each the router that is left and the link it leaves by; the
 * last leads to the first. Returns its length, 0 when it is over or longer than max. */
size_t fwd_fault_cycle(const struct fwd *f, uint32_t id, struct fwd_hop *out, size_t max);

/* ---- questions ---- */

enum fwd_end { FWD_END_DELIVERED, FWD_END_EXIT, FWD_END_NO_ROUTE, FWD_END_DISCARDED, FWD_END_LOOP };
extern const char *const fwd_end_names[];

/* The longest prefix of the tree with this address, and the set that router uses (inherited from a
 * shorter one if need be). `matched` may be NULL: the prefix of the router's own rule. */
uint16_t fwd_lookup(const struct fwd *f, uint16_t router, const struct ip_addr *a,
                    struct prefix *matched);
/* The same for what is in p and in no longer prefix; p must be in the tree, or it is FWD_NONE. */
uint16_t fwd_lookup_atom(const struct fwd *f, uint16_t router, const struct prefix *p,
                         struct prefix *matched);
/* Follows the first hop of each set. hop[i] is the router that is left and the link; where the walk
 * ended is *last. *n: hops, at most max (a path may be cut: n == max). */
enum fwd_end fwd_walk(const struct fwd *f, uint16_t from, const struct ip_addr *a,
                      struct fwd_hop *hop, size_t max, size_t *n, uint16_t *last);
/* Follows every hop of each set: calls `edge` once for each router left and hop taken, in the order
 * found. Returns a bit for each end that is reached (1 << enum fwd_end; DELIVERED | NO_ROUTE: some
 * packets arrive). */
unsigned fwd_spread(struct fwd *f, uint16_t from, const struct ip_addr *a,
                    void (*edge)(void *arg, uint16_t from, struct fwd_hop hop), void *arg);

struct fwd_size {
    uint64_t prefixes, nodes, classes, sets, rules; /* rules: pairs of router and prefix */
    uint64_t faulty_atoms;
    uint64_t unregistered; /* faults of atoms that found the register full; 0, or all is wrong */
    uint64_t tree_bytes, class_bytes, other_bytes; /* allocated */
};
struct fwd_size fwd_size(const struct fwd *f); /* takes a step a class and router */
uint64_t fwd_unregistered(const struct fwd *f);
