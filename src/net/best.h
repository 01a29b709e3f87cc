/* best.h - which of several routes to one prefix a router uses, in the order of its maker.
 *
 * Routes are thrown out step by step, as RFC 4271 9.1.2.2 says it, not compared two by two: a MED
 * counts only between routes of the same neighbour, so "better than" is no order (RFC 3345), and
 * elimination gives the same answer in whatever sequence the routes were learned. What is left
 * after the last step that means something is the set used together (equal cost multipath); the
 * steps after it break the tie.
 *
 * The longest prefix has won before any of this.
 *
 *  BEST_BGP               local preference, own routes, path length, origin, MED within a neighbour
 *                         AS (or always), external before internal, IGP cost | router id, length of
 *                         the cluster list, address of the peer
 *  BEST_CLOUD_ROUTER_     Google's default: path length, origin and MED only among the routes of
 *    LEGACY               one Cloud Router, then priority + inter-region cost among all |
 *  BEST_CLOUD_ROUTER_     path length, origin, MED (within a neighbour AS, or always; with the cost
 *    STANDARD             added, or not), external before internal, inter-region cost |
 *                         Both: a subnet's route before any other, and before BGP a static one, in
 *                         LEGACY by priority.
 *  BEST_TRANSIT_GATEWAY   AWS: by kind: static, prefix list, VPC, Direct Connect gateway, Connect,
 *                         VPN, peering; then path length, MED | (its API does not tell these two)
 *  BEST_DIRECT_CONNECT    AWS towards its customer: local preference by community (7224:7300 high,
 *                         7200 and none middle, 7100 low), distance from the region to the Direct
 *                         Connect location, path length, MED |
 *
 * The bar is where multipath ends. Sources: RFC 4271, 4456; Google's "Learned routes" and the API's
 * networks.routingConfig; AWS's "How transit gateways work: route evaluation order" and "Direct
 * Connect routing policies and BGP communities". */
#pragma once

#include "net/rib.h"

enum best_order {
    BEST_BGP,
    BEST_CLOUD_ROUTER_LEGACY,
    BEST_CLOUD_ROUTER_STANDARD,
    BEST_TRANSIT_GATEWAY,
    BEST_DIRECT_CONNECT,
    BEST_ORDERS
};
extern const char *const best_order_names[BEST_ORDERS]; /* "bgp", "cloud-router-legacy", ... */

enum best_step { /* what decided */
    BEST_ONLY,       /* there was nothing to decide */
    BEST_USABLE,     /* the others are listed as inactive */
    BEST_KIND,       /* the kind of the route */
    BEST_LOCAL_PREF, /* local preference, of the attribute or of a community */
    BEST_DISTANCE,   /* from the region to the Direct Connect location */
    BEST_PATH_LENGTH,
    BEST_ORIGIN,
    BEST_MED,
    BEST_EXTERNAL,
    BEST_IGP_COST,
    BEST_PRIORITY, /* Cloud Router's base priority with the inter-region cost */
    BEST_REGION_COST,
    BEST_EQUAL, /* nothing did: the routes are used together, or the first by a tie-break */
    BEST_STEPS
};
extern const char *const best_step_names[BEST_STEPS]; /* "only route", ..., "AS path length" */

struct best_policy {
    enum best_order order;
    bool always_compare_med; /* between different neighbour ASes too */
    bool add_cost_to_med;    /* BEST_CLOUD_ROUTER_STANDARD: bgpInterRegionCost ADD_COST_TO_MED */
};

enum { BEST_PATHS_MAX = 256 };

struct best_path { /* one candidate */
    const struct attr *attr;
    uint32_t attr_id, router, peer, path_id;
    uint32_t router_id; /* of the peer; 0: not known */
    struct ip_addr address; /* of the peer */
    bool internal;          /* learned from the own AS */
    uint32_t igp_cost;      /* to the next hop; 0 when it is not known or does not matter */
    uint32_t distance;      /* BEST_DIRECT_CONNECT: from the region to the location, any unit */
    int64_t since_ms;
};

struct best_result {
    uint32_t best;         /* index of the one route */
    enum best_step by;     /* the step that threw out the last other one */
    uint32_t n_used;       /* routes used together, best among them; 0: there was none usable */
    uint32_t used[BEST_PATHS_MAX]; /* their indices, ascending */
};
/* n at most BEST_PATHS_MAX. False: none is usable (n = 0, or all are inactive). */
bool best_select(const struct best_policy *policy, const struct best_path *path, uint32_t n,
                 struct best_result *out);

/* The candidates a router has in a view, appended to path[*n..]; those that do not fit are left
 * out. Cost and distance are the caller's to fill. `local_as` of the router tells external routes
 * from internal ones; 0: all are external. */
void best_collect(const struct rib *r, const struct attr_table *attrs, const struct sources *s,
                  uint32_t router, enum route_view view, uint32_t prefix_id, uint32_t local_as,
                  struct best_path path[BEST_PATHS_MAX], uint32_t *n);
