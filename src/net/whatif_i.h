/* whatif_i.h - the inside of whatif.h.
 *
 *   whatif.c        proposals, and what is then wrong with forwarding and with ways between sites
 *   whatif_route.c  the routes that a proposal touches, each chosen and judged anew
 *
 * A lost session touches all routes that it brought, and most of them are alike: a router has the
 * same sets of attributes from the same neighbours for hundreds of prefixes. What it then uses is
 * worked out once for all that are alike (struct alike), and looked up for each. */
#pragma once

#include "net/netmodel_i.h"

struct sweep { /* the prefixes id[first..first + n) of the trial are touched at a router */
    size_t first, n;
    uint16_t router;
};

enum { ALIKE_PATHS_MAX = 8, ALIKE_BITS = 9, READ_MAX = 256 };

/* Prefixes for which the router has the same routes, inside the same subnet: where neither the
 * topology nor the proposal says anything of the prefix by itself, the router chooses the same. The
 * routes are a hash of two words under the secret seed of the model, as are classes in fwd.h. */
struct likeness {
    uint64_t hi, lo; /* of peers, path ids and attributes, in order */
    uint32_t router, subnet;
};
struct alike {
    struct likeness likeness;
    uint16_t set, acceptable;
    struct chosen chosen; /* points into what follows */
    struct best_path path[ALIKE_PATHS_MAX];
    struct fwd_hop hop[ALIKE_PATHS_MAX], rule[ALIKE_PATHS_MAX];
    uint32_t used[ALIKE_PATHS_MAX];
    struct attr changed[ALIKE_PATHS_MAX];
};

struct source_table {
    uint32_t peer;
    enum route_view view;
};

struct turned { /* verdicts about a route begin or end */
    struct prefix prefix;
    uint16_t router, n;
};

struct trial {
    struct netmodel *m;
    struct whatif *out;
    struct net_change change[WHATIF_CHANGES_MAX];
    size_t n;

    /* what is touched: by name, and all that some tables have */
    struct work *named; /* ascending, each once */
    size_t n_named, named_cap;
    struct prefix_index is_named;
    struct sweep *sweep; /* ascending by router */
    size_t n_sweeps, sweeps_cap;
    uint32_t *id; /* numbers of prefixes (rib.h), some of them twice */
    size_t n_ids, ids_cap;

    /* of the router that is swept: what is touched, each once, ascending */
    uint64_t *bit;  /* by number of a prefix */
    uint32_t *rank; /* by word of `bit`: how many are in the words before it */
    uint32_t *touched;
    struct likeness *like; /* beside `touched` */
    size_t n_touched, touched_cap, n_words;
    struct source_table *table; /* those that its choices come from */
    size_t n_tables, tables_cap;
    struct rib_path *read;
    struct rib_route *route;
    struct alike **alike; /* NULL where there is none yet */

    /* the first ones by router and prefix, ascending; and all verdicts of routes that turn */
    struct turned turned[WHATIF_VERDICTS_MAX];
    uint32_t n_turned, turns;
};

void whatif_report(struct trial *t, enum verdict_kind kind, bool raised, const struct evidence *e);

/* ---- whatif_route.c ---- */
void whatif_touch(struct trial *t, const struct net_change *x);
/* With the proposal on trial: brings the models up to date, and tells which verdicts turn. */
void whatif_routes(struct trial *t);
void whatif_routes_free(struct trial *t);
