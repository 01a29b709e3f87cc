/* netmodel_i.h - the inside of netmodel.h, shared with what-if (whatif.h).
 *
 *   netmodel.c         what comes in, sessions, limits, settling
 *   netmodel_choose.c  which route a router uses
 *   netmodel_route.c   expectations, origins
 *   netmodel_fib.c     forwarding tables that routers tell themselves
 *   netmodel_return.c  routes that are announced to where they lead
 *   netmodel_fault.c   faults of the forwarding models as verdicts
 *   netmodel_site.c    ways between sites, asymmetry, probes */
#pragma once

#include "net/netmodel.h"
#include "net/whatif.h"

enum { EDGES_MAX = 64, FLOWS_MAX = 8, FLAPS = 8, QUEUE_MAX = 65536, ORIGINS_MAX = 4,
       OWN_AS_MAX = 4096, RETURNED_MAX = 4096 };

/* Which prefix of a list is equal to a prefix, or the closest around it that is at most len_max
 * long. `owner` tells lists apart that share an index (a router, or 0). */
struct prefix_index {
    struct map64 of;
    bool length[2][129]; /* by family: some prefix has it */
    uint8_t longest_first[2][129], n_lengths[2]; /* those that are there */
};
void prefix_index_add(struct prefix_index *x, uint32_t owner, const struct prefix *p, uint32_t id);
bool prefix_index_find(const struct prefix_index *x, uint32_t owner, const struct prefix *p,
                       uint32_t *id);
bool prefix_index_around(const struct prefix_index *x, uint32_t owner, const struct prefix *p,
                         int len_max, uint32_t *id);

struct work { /* the route of a router to a prefix may have changed */
    struct prefix prefix;
    uint16_t router;
};

struct session { /* one end of a link */
    enum rib_peer_state state;
    uint32_t peer; /* 0: not heard of */
    uint32_t downs;
    int64_t since_ms, down_ms[FLAPS]; /* ring: the last ones */
    uint32_t n_downs;
    char reason[48];
};

struct router_state {
    uint32_t source;          /* 0: never heard of */
    uint32_t loc_routes, post_routes; /* in these views, of all its peers */
    int64_t last_ms;                  /* when it last told of a route */
    bool heard, tells_sessions;
    uint32_t fib;  /* the source of its forwarding table; 0: never heard of */
    bool fib_told; /* in full, once */
};
/* Is it known what it has, and so what it lacks? */
static inline bool knows_table(const struct router_state *r)
{
    return r->heard || r->fib_told;
}

struct peer_state { /* by the number of the source_peer */
    uint16_t router, link; /* TOPO_NONE */
    bool known;
};

struct own_as { /* a route with the own AS of its receiver in the path */
    uint32_t peer;
    struct prefix prefix;
    bool accepted; /* else received, and the own AS is its origin */
};

/* By prefix: a bit for an ordered pair of routers (several pairs may share one), set when it was
 * once so, so that most updates need no look into tables. */
struct way_bits {
    uint32_t told; /* the first has announced it to the second, in a path without the second's AS */
    uint32_t used; /* the first sends packets for it to the second */
};

struct link_way {
    uint32_t bit[2]; /* of the ordered pair, from that end */
    uint16_t next;   /* the next link between the two, round in a circle */
    bool dirty;      /* what is returned by it has changed */
};

struct returned { /* a route that a router announces to where it leads */
    struct prefix prefix;
    uint16_t router, neighbour;
    uint16_t told_by, sent_by; /* links */
    uint32_t peer, as;         /* as it is announced */
};

struct flow_state {
    bool known, up;
};

struct pair { /* from one site to another */
    uint64_t edge[EDGES_MAX]; /* from, to, link; ascending */
    uint16_t n_edges;         /* above EDGES_MAX: not kept */
    uint8_t ends;             /* bits of enum fwd_end */
    bool stale;               /* to be walked again */
    bool loop_seen;
    struct flow_state flow[4][FLOWS_MAX]; /* by enum probe_kind */
    int64_t down_since_ms;
    int32_t two_way_us, shift_us;
    int64_t shift_until_ms; /* 0: none */
    struct ip_addr loop_at;
    uint8_t loop_hops;
};

/* What choose() works out for a router and a prefix. */
enum rule_from {
    RULE_NONE,
    RULE_ATTACHED,
    RULE_STATIC,
    RULE_ROUTE, /* one that the router was told of */
    RULE_OWN,
    RULE_FIB, /* one of its forwarding table that no such route explains */
};
struct choice {
    enum rule_from from;
    uint32_t prefix_id;       /* of the RIB; 0: in no table */
    uint16_t set, acceptable; /* handles of the two models */
    uint32_t n;               /* routes that can be followed */
    struct best_path path[BEST_PATHS_MAX];
    struct fwd_hop hop[BEST_PATHS_MAX];
    struct best_result result; /* of RULE_ROUTE */
    struct fwd_hop rule[FWD_HOPS_MAX]; /* where packets go, into dead links too */
    uint32_t n_rule;
    bool says_bgp; /* of RULE_FIB: the router says that it is BGP's */
    struct attr changed[BEST_PATHS_MAX]; /* attributes that the proposal on trial has changed */
    uint32_t n_changed;
};

/* Has it told all that it will? While it still tells its table, a route that is better may be to
 * come. What nobody tells of, the configuration alone does. */
static inline bool told_enough(const struct router_state *r)
{
    return knows_table(r) || (!r->source && !r->fib);
}

enum place { /* of a source; 0: not looked up */
    PLACE_NONE = 1,
    PLACE_ROUTER = 2,                      /* and the topology's number */
    PLACE_FIB = PLACE_ROUTER + TOPO_ROUTERS_MAX, /* the same */
};

/* A choice as it is judged. */
struct chosen {
    enum rule_from from;
    uint32_t n, n_used, best, n_rule;
    const struct best_path *path;
    const struct fwd_hop *hop, *rule;
    const uint32_t *used;
};
static inline struct chosen chosen_of(const struct choice *c)
{
    return (struct chosen){.from = c->from,
                           .n = c->n,
                           .n_used = c->result.n_used,
                           .best = c->result.best,
                           .n_rule = c->n_rule,
                           .path = c->path,
                           .hop = c->hop,
                           .rule = c->rule,
                           .used = c->result.used};
}

struct netmodel {
    const struct topo *topo;
    struct attr_table *attrs;
    struct sources *sources;
    struct netmodel_options o;
    struct rib *rib;
    struct fwd *fwd, *could;
    struct verdicts verdicts;
    int64_t now_ms;

    struct router_state *router;
    uint32_t of_source[SOURCE_ROUTERS_MAX + 1]; /* enum place */
    struct peer_state *peer;
    uint32_t n_peers;
    struct map64 link_of_address, link_of_via;
    struct own_as own[OWN_AS_MAX];
    uint32_t n_own;
    struct map64 own_of;
    bool own_dirty;
    struct way_bits *ways; /* by prefix of the RIB */
    struct link_way *way;  /* by link */
    uint32_t n_ways;
    struct returned returned[RETURNED_MAX];
    uint32_t n_returned;
    struct map64 returned_of; /* router, prefix */
    bool returned_dirty;
    struct map64 originated; /* router, prefix -> routes that neighbours have from it alone */

    struct work *queue;
    size_t n_queue, queue_cap;
    bool *rebuild; /* routers of which every prefix is to be looked at */
    bool any_rebuild, heard_changed, fib_turned;

    uint16_t (*enter)[2]; /* by link: where packets that come to that end are looked up; FWD_EXIT */
    uint16_t *start;      /* by site: the same of its own; FWD_EXIT */
    bool tables;          /* some gateway has several */

    struct prefix_index subnets, statics, attached, expects, allowed;
    uint32_t (*origin)[ORIGINS_MAX]; /* by router: AS numbers that may originate what it has */
    bool *missing; /* by expectation */
    uint32_t n_missing;
    struct session (*session)[2]; /* by link */
    bool *link_dirty, *link_dead;
    struct pair *pair; /* from * sites + to */
    bool pairs_stale;
    uint32_t failure_at;
    uint64_t changes, *tried; /* of routes and links; at how many a link's failure was tried */
    uint64_t full, full_told; /* changes that did not fit; as the verdict has it */

    /* a proposal on trial */
    const struct net_change *change;
    size_t n_changes;
    struct choice choice, without; /* without: as it was before the proposal */
    struct best_path other[BEST_PATHS_MAX]; /* of another view */
};

/* ---- netmodel.c ---- */
void netmodel_enqueue(struct netmodel *m, uint16_t router, const struct prefix *p);
uint16_t netmodel_router_of(struct netmodel *m, uint32_t source);
uint16_t netmodel_fib_of(struct netmodel *m, uint32_t source); /* whose forwarding table it is */
struct peer_state *netmodel_peer_of(struct netmodel *m, uint32_t peer);
/* Is the router at this end of the link, itself or as a table of the gateway there? */
static inline bool netmodel_at(const struct netmodel *m, uint16_t link, int end, uint16_t router)
{
    return m->topo->link[link].router[end] == topo_gateway(m->topo, router);
}
/* Which end of a link a router (or the gateway whose table it is) is; and whereto the link leads
 * from it. */
static inline int netmodel_end(const struct netmodel *m, uint16_t link, uint16_t router)
{
    return topo_end(&m->topo->link[link], m->tables ? topo_gateway(m->topo, router) : router);
}
static inline struct fwd_hop netmodel_hop(const struct netmodel *m, uint16_t link, uint16_t router)
{
    return (struct fwd_hop){m->enter[link][!netmodel_end(m, link, router)], link};
}

/* ---- netmodel_choose.c ---- */
enum route_view route_view_of(const struct netmodel *m, uint16_t router);
/* The router's rule for the prefix, under the proposal on trial if there is one. */
void route_choose(struct netmodel *m, uint16_t router, const struct prefix *p, struct choice *c);
/* Where the router sends what uses this route. False: it is a word to others and no rule. */
bool route_hop_of(struct netmodel *m, uint16_t router, const struct prefix *p,
                  const struct best_path *x, struct fwd_hop *hop);
/* The rule without what the router's forwarding table says; no sets. */
void route_choose_told(struct netmodel *m, uint16_t router, const struct prefix *p,
                       struct choice *c);
/* Does the proposal on trial take the link away, or change a static route of the router's? */
bool route_link_lost(const struct netmodel *m, uint16_t link);
bool route_static_on_trial(const struct netmodel *m, uint16_t router, const struct prefix *p);
/* How often the own AS is in a path that was received. Some routers put it in front themselves when
 * they tell of the path (lab: FRR before 2026); that is not counted. */
uint32_t route_own_as_count(const struct netmodel *m, uint16_t router, const struct attr *a);
/* The closest declared subnet around the prefix, its number and 1; 0: none. */
uint32_t route_subnet_around(const struct netmodel *m, const struct prefix *p);
/* May the AS originate what is in the subnet? *owner: who should, 0: anybody. */
bool route_origin_is_owner(const struct netmodel *m, uint32_t subnet, uint32_t as, uint32_t *owner);
/* Routers do not always tell of their own routes (FRR: only when the session begins). What a router
 * originates, and does not by decree, leads somewhere; unless its whole table is told. */
bool route_originates(const struct netmodel *m, uint16_t router, const struct prefix *p);
/* A neighbour of `router` has another route from it: one that the router itself originates? */
void route_originated(struct netmodel *m, uint16_t router, const struct rib_change *c);

/* ---- netmodel_route.c ---- */
void route_init(struct netmodel *m);
void route_free(struct netmodel *m);
/* Brings both models up to date with it. With `judge` also the verdicts about routes. */
void route_update(struct netmodel *m, uint16_t router, const struct prefix *p, bool judge);
void route_missing(struct netmodel *m); /* expectations that time has made due */
/* A change of what peers say, if the own AS is in it; and the verdicts about that. */
void route_own_as(struct netmodel *m, const struct rib_change *c);
void route_own_as_settle(struct netmodel *m);

/* What the topology says of a prefix at a router. */
struct standing {
    const struct topo_expect *exact, *around; /* the closest around it, if none is exact */
    uint32_t subnet;                          /* route_subnet_around */
};
struct standing route_standing(const struct netmodel *m, uint16_t router, const struct prefix *p);
/* Verdicts about a route, by bits of enum verdict_kind: which are judged, and which hold. */
struct judgement {
    uint32_t asked, wrong;
};
struct judgement route_judge(const struct netmodel *m, uint16_t router, const struct prefix *p,
                             const struct standing *s, const struct chosen *c);
struct evidence route_evidence(const struct netmodel *m, uint16_t router, const struct prefix *p,
                               const struct standing *s, const struct chosen *c,
                               enum verdict_kind kind);
enum { ROUTE_VERDICTS = 6 };
extern const enum verdict_kind route_kinds[ROUTE_VERDICTS];

/* ---- netmodel_fib.c ---- */
/* What a source says that is a router's forwarding table, and a change in it. */
void fib_event(struct netmodel *m, uint16_t router, const struct route_event *e);
void fib_changed(struct netmodel *m, uint16_t router, const struct rib_change *c);
/* The router's other feed is up again, or lost. */
void fib_beside(struct netmodel *m, uint16_t router);
/* Where a route of its table leads; as route_hop_of. */
bool fib_hop_of(struct netmodel *m, uint16_t router, const struct prefix *p,
                const struct best_path *x, struct fwd_hop *hop);
/* Makes the router's own table the choice. */
void fib_choose(struct netmodel *m, uint16_t router, const struct prefix *p, struct choice *c);

/* ---- netmodel_return.c ---- */
void return_init(struct netmodel *m);
void return_free(struct netmodel *m);
/* What a peer with a link has told, or what is told to it, has changed. */
void return_told(struct netmodel *m, const struct peer_state *p, const struct rib_change *c);
/* A session of the link is known now; the router now shows what it accepts, or no longer. */
void return_session(struct netmodel *m, uint16_t link);
void return_shown(struct netmodel *m, uint16_t router);
/* Does what was chosen lead to somebody to whom the router announces it? */
void return_judge(struct netmodel *m, uint16_t router, const struct prefix *p,
                  const struct choice *c);
void return_settle(struct netmodel *m);

/* ---- netmodel_fault.c ---- */
void fault_settle(struct netmodel *m);
/* The verdict that a fault is. False: none, because it is over, about a router that is not heard,
 * or possible where it already is. */
bool fault_holds(struct netmodel *m, const struct fwd *f, const struct fwd_fault *fault,
                 enum verdict_kind *kind, struct evidence *e);

/* ---- netmodel_site.c ---- */
void site_init(struct netmodel *m);
void site_settle(struct netmodel *m);
void site_touched(struct netmodel *m); /* which ways are to be walked again; before a trial */
void site_walk(struct netmodel *m, uint16_t from, uint16_t to, struct pair *out);
bool site_asymmetric(const struct netmodel *m, const struct pair *there, const struct pair *back);
bool site_ways_known(const struct netmodel *m, const struct pair *p, uint16_t from);
bool site_cut_off(const struct netmodel *m, const struct pair *p, uint16_t from); /* V_NO_PATH */
/* Can a change at the router (or FWD_ROUTERS_MAX: at several) have changed the way? */
bool site_way_passes(const struct netmodel *m, uint16_t from, uint16_t to, uint16_t router);
uint16_t site_of_watch(const struct topo *t, uint32_t id); /* of the forwarding model */
struct evidence site_evidence(struct netmodel *m, uint16_t from, uint16_t to);

/* ---- whatif.c ---- */
/* whatif_try, and `inside` is called while the trial lasts. */
bool whatif_look(struct netmodel *m, const struct net_change *change, size_t n, struct whatif *out,
                 void (*inside)(void *arg), void *arg) MUST_USE;
