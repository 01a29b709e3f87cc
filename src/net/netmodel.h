/* netmodel.h - the watch of the network: what feeds and probes say, joined with what is meant, and
 * what follows from it as verdicts.
 *
 *   route_event -> tables of all routers (rib.h) -> the route each uses (best.h)
 *               -> what happens to packets (fwd.h) ─┐
 *   topo.h: what is meant ─────────────────────────┼─> verdicts (verdict.h)
 *   probe_result: what arrives (path.h) ────────────┘
 *
 * A router's route is taken from the first of these that has the prefix: what is attached to it
 * (the subnets of its sites), static routes of the topology, the best of what its feed says. Of a
 * feed the router's own table (VIEW_LOC_RIB) counts where it is told, else what was accepted
 * (VIEW_IN_POST), else what was received. A prefix that the router announces by decree
 * (topo_allowed) is no rule of it: an aggregate leads nowhere by itself, which is how it loops.
 *
 * A router may also tell its forwarding table itself (fpm.h), as a source of its own: the router's
 * name and NETMODEL_FIB. That table is what the router does, whatever the rest says: a prefix that
 * it lacks has no rule, and what is attached or static is what it says is. Where its route is one
 * that BGP offers, that one is the router's choice. It counts from its first end of the table. When
 * its feed is lost and the other one is up, routes of the table that BGP still offers stay the
 * choice, and what is static or attached stays as it was; for the rest BGP counts.
 *
 * A router is heard when its feed has been up for sync_ms and then a second went by without a route
 * from it, or after six times sync_ms; it stays so when the feed is lost, since its table then is
 * the last that is known. About a router that was never heard nothing is said that rests on a route
 * missing in it, and no circle is named while one of its routers is still telling its table.
 *
 * Beside the model of what is there is one of what could be (fwd.h, `potential`): each router with
 * every route that it accepts. In it a circle counts only if a hop in it is not guarded by BGP's
 * own rule: a static route, a path that has the own AS, or one that hides where it comes from (its
 * origin is not the owner's). Circles of honest paths cannot stay, since each router's path would
 * have to be longer than itself.
 *
 * Pure: no I/O, no clock, one thread. Topology, attributes and sources belong to the caller and
 * outlive it. Feeds and probes may speak at any time; verdicts come of netmodel_settle. */
#pragma once

#include "net/fwd.h"
#include "net/path.h"
#include "net/rib.h"
#include "net/verdict.h"

struct netmodel_options {
    uint64_t seed;
    struct rib_limits limits;
    bool potential;                      /* keep the model of what could be */
    uint32_t sync_ms;                    /* after which a feed that is up has told its table */
    uint32_t flap_count, flap_window_ms; /* downs in the window are flapping */
    uint32_t limit_percent;              /* of routes_max: near */
    uint32_t shift_hold_ms;              /* how long a step of one way's delay is told */
};
#define NETMODEL_DEFAULTS                                                                          \
    {                                                                                              \
        .limits = RIB_LIMITS_DEFAULTS, .potential = true, .sync_ms = 10000, .flap_count = 3,       \
        .flap_window_ms = 300000, .limit_percent = 80, .shift_hold_ms = 600000                     \
    }

#define NETMODEL_FIB "/fib"

struct netmodel;
struct netmodel *netmodel_new(const struct topo *t, struct attr_table *attrs, struct sources *s,
                              const struct netmodel_options *o);
void netmodel_free(struct netmodel *m);

/* A route_sink (route.h); `m` is the model. Routers are known by the names of the topology; what
 * others say is kept in the tables and judged by nothing. */
void netmodel_sink(void *m, const struct route_event *e);
/* What a cloud says of a link of the topology itself, whatever sessions and tables say: `word` is
 * the API's. What routers send into a dead link is lost until they use another. */
void netmodel_link(struct netmodel *m, uint16_t link, bool up, const char *word, int64_t at_ms);
/* A Transit Gateway looks packets up in the table with which the attachment is associated by which
 * they come (topo_router.table_of): those by this link, and those of this site. `table` is the
 * gateway itself for its first table, one of its further tables, or TOPO_NONE: one that nobody
 * tells of, where packets are taken to be as good as there. At first it is the first. */
void netmodel_associate(struct netmodel *m, uint16_t link, uint16_t gateway, uint16_t table);
void netmodel_associate_site(struct netmodel *m, uint16_t site, uint16_t table);
/* from and to of the result are sites of the topology. */
void netmodel_probe(struct netmodel *m, const struct probe_result *r);

/* Works off what came in and brings the verdicts up to date; `told` as in verdicts_settle. Call it
 * after a batch of events and when netmodel_due has come. */
void netmodel_settle(struct netmodel *m, int64_t now_ms, verdict_fn *told, void *arg);
int64_t netmodel_due(const struct netmodel *m);

/* Tries the failure of the next link, for V_LOOP_AFTER_FAILURE; of those alone whose outcome may be
 * another one than at the last try, since something has changed. It costs as much as it moves
 * routes: with a full table behind the link a good part of a second. False: nothing to try. */
bool netmodel_try_failure(struct netmodel *m, int64_t now_ms);

const struct verdicts *netmodel_verdicts(const struct netmodel *m);
const struct topo *netmodel_topo(const struct netmodel *m);
struct rib *netmodel_rib(struct netmodel *m);
struct fwd *netmodel_fwd(struct netmodel *m);
bool netmodel_heard(const struct netmodel *m, uint16_t router, int64_t now_ms);
/* The source that tells its forwarding table, 0: none ever did; and whether that table is
 * all that counts. */
uint32_t netmodel_fib(const struct netmodel *m, uint16_t router);
bool netmodel_fib_counts(const struct netmodel *m, uint16_t router);

/* The way from a site to another by the model, hop by hop; returns how many hops. */
uint16_t netmodel_way(struct netmodel *m, uint16_t from, uint16_t to,
                      struct verdict_hop hop[VERDICT_HOPS_MAX], enum fwd_end *end);
