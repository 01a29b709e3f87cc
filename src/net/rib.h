/* rib.h - the tables of all routers: what every peer said in every view, and since when.
 *
 * rib_apply takes the events of route.h. For every route that really came, changed or went, the
 * change function is called; what is said twice is heard once. There is a table for each (peer,
 * view), and the router's are those of its peers.
 *
 * Memory: 16 bytes a route in an open-addressing table at most 3/4 full that doubles, so 21 to 43;
 * once for each distinct prefix 24 in an array that doubles and an index entry of 8, at most 5/8
 * full, so 37 to 74; a byte a route while some are stale. Attributes are apart (attr.h). A table
 * gives its memory back when its peer goes down.
 *
 * Limits: routes in all, of one router, and prefixes in all (rib_limits); 64 paths for one prefix
 * in one table (add-path). What is beyond is not kept and counted as refused; a route that is not
 * there may be missed by a verdict, so stats.refused is something to tell people.
 *
 * No pointer into a table is ever given out. One thread. */
#pragma once

#include "net/attr.h"
#include "net/route.h"

struct rib;

enum { RIB_PATHS_MAX = 64 };

struct rib_limits {
    uint32_t routes_max, prefixes_max;
    uint32_t routes_router_max; /* so that one router cannot take the room of all */
};
#define RIB_LIMITS_DEFAULTS                                                                        \
    {                                                                                              \
        .routes_max = 50000000, .prefixes_max = 8000000, .routes_router_max = 5000000              \
    }

struct rib_change {
    uint32_t router, peer;
    uint32_t prefix_id; /* rib_prefix; also an index for arrays beside the RIB: used again when no
                           table has the prefix any more */
    uint32_t path_id;
    uint32_t before, after; /* attributes; ATTR_NONE: was not there, is no longer there. Both are
                               valid during the call */
    uint8_t view;
    int64_t at_ms;
};
/* Must not change the RIB. */
typedef void rib_change_fn(void *arg, const struct rib_change *c);

/* Attributes and sources belong to the caller and outlive the RIB. `changed` may be NULL. */
struct rib *rib_new(struct attr_table *attrs, const struct sources *sources,
                    const struct rib_limits *limits, rib_change_fn *changed, void *arg);
void rib_free(struct rib *r);
void rib_apply(struct rib *r, const struct route_event *e);
/* A sink (route.h) for feeds that speak to this RIB only; arg is the RIB. */
void rib_sink(void *rib, const struct route_event *e);
/* Takes away what has been stale since before at_ms: the end of a synchronisation for routers that
 * send no End-of-RIB. A router whose feed is lost keeps its routes. */
void rib_sweep(struct rib *r, int64_t stale_before_ms, int64_t at_ms);

/* ---- prefixes ---- */

/* Numbers are 1..rib_prefix_end; some in between may be free. */
const struct prefix *rib_prefix(const struct rib *r, uint32_t prefix_id); /* NULL: free */
uint32_t rib_prefix_find(const struct rib *r, const struct prefix *p);    /* 0: in no table */
uint32_t rib_prefix_end(const struct rib *r);
uint32_t rib_prefix_uses(const struct rib *r, uint32_t prefix_id); /* routes to it, in all tables */
/* The longest prefix that some table has and that covers *p; bits_max (or less) long. To go on to
 * the next shorter one, ask with its length - 1. 0: none, also for bits_max < 0. */
uint32_t rib_prefix_covering(const struct rib *r, const struct prefix *p, int bits_max);

/* ---- routes ---- */

struct rib_route {
    uint32_t router, peer;
    uint32_t prefix_id, path_id, attr;
    uint8_t view;
    bool stale;
    int64_t since_ms; /* when it last changed, whole seconds */
};
/* The routes of one peer to one prefix, at most RIB_PATHS_MAX. */
uint32_t rib_paths(const struct rib *r, uint32_t peer, enum route_view view, uint32_t prefix_id,
                   struct rib_route out[RIB_PATHS_MAX]);
/* All routes of the router to the prefix in the view; stops when fn returns false. */
void rib_each_path(const struct rib *r, uint32_t router, enum route_view view, uint32_t prefix_id,
                   bool (*fn)(void *arg, const struct rib_route *route), void *arg);
/* All routes of a table, in no order. */
void rib_each_route(const struct rib *r, uint32_t peer, enum route_view view,
                    bool (*fn)(void *arg, const struct rib_route *route), void *arg);
/* The same table in pieces, quickly: up to `max` of its routes, those of one prefix in the order of
 * rib_paths. Start with *at = 0; 0: no more. */
struct rib_path {
    uint32_t prefix_id, path_id, attr;
};
size_t rib_read(const struct rib *r, uint32_t peer, enum route_view view, uint32_t *at,
                struct rib_path *out, size_t max);
/* Longest match: the prefix to which this router has a route in the view, 0: none. */
uint32_t rib_match(const struct rib *r, uint32_t router, enum route_view view,
                   const struct ip_addr *to);

/* ---- state ---- */

enum rib_peer_state { RIB_PEER_UNKNOWN, RIB_PEER_UP, RIB_PEER_DOWN };
struct rib_peer {
    enum rib_peer_state state;
    int64_t since_ms;       /* of the state; 0 while unknown */
    uint32_t downs;         /* that followed an up: flaps. A Peer Down repeated counts once */
    struct route_up up;     /* the last */
    struct route_down down; /* the last */
    struct route_stats stats;
};
/* How the peer is; all zero when nothing was said of it yet. Valid until the next rib_apply. */
const struct rib_peer *rib_peer(const struct rib *r, uint32_t peer);
uint32_t rib_peer_routes(const struct rib *r, uint32_t peer, enum route_view view);
bool rib_synced(const struct rib *r, uint32_t peer, enum route_view view, uint8_t family);

struct rib_feed {
    bool up, ever; /* speaks to us; ever did */
    int64_t since_ms;
};
struct rib_feed rib_feed(const struct rib *r, uint32_t router);
uint32_t rib_router_routes(const struct rib *r, uint32_t router);

struct rib_stats {
    uint64_t routes, stale, prefixes;
    size_t bytes; /* of tables and prefixes, attributes not included */
    uint64_t announced, withdrawn; /* events that changed something */
    uint64_t repeated;             /* events that said what was known */
    uint64_t refused;              /* routes beyond a limit */
};
struct rib_stats rib_stats(const struct rib *r);
