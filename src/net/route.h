/* route.h - the one form in which every feed speaks of routes and sessions, and who speaks.
 *
 * A BMP session, a poll of a Cloud Router or of a Transit Gateway's table, a file of MRT: each
 * turns what it reads into struct route_event and gives it to a route_sink. Nothing behind the sink
 * knows the feed. Routers and their peers have small numbers, given by struct sources once and for
 * ever, so that they survive a session that breaks and comes back.
 *
 * A view is where in a router a route is seen (RFC 7854, 8671, 9069; Google's listBgpRoutes has the
 * same four):
 *
 *     peer ── IN_PRE ──(import policy, loop check)── IN_POST ── LOC_RIB
 *     peer ── OUT_POST ──(export policy)── OUT_PRE ─────────────┘
 *
 * The difference of IN_PRE and IN_POST is the import policy, own AS in the path included. A table
 * of a Transit Gateway is a LOC_RIB.
 *
 * How a table is synchronised:  ROUTE_PEER_UP or ROUTE_RESYNC makes what is there stale; announced
 * again it is fresh; ROUTE_END_OF_RIB takes away what is still stale. ROUTE_PEER_DOWN forgets all
 * of the peer. ROUTE_FEED_LOST makes everything of the router stale but keeps it: the routes may be
 * as they were, only nobody tells us. A poller that reads a whole table says RESYNC, its routes,
 * END_OF_RIB. */
#pragma once

#include "net/prefix.h"

enum route_view {
    VIEW_IN_PRE,   /* as received: Adj-RIB-In before policy */
    VIEW_IN_POST,  /* as accepted */
    VIEW_OUT_PRE,  /* Adj-RIB-Out before policy */
    VIEW_OUT_POST, /* as advertised */
    VIEW_LOC_RIB,  /* what the router itself uses */
    VIEWS
};
extern const char *const route_view_names[VIEWS]; /* "in-pre", "in-post", ... */

/* ---- who speaks ---- */

enum peer_type { /* RFC 7854 4.2, 9069 */
    PEER_GLOBAL,
    PEER_RD,
    PEER_LOCAL_INSTANCE,
    PEER_LOC_RIB, /* no neighbour: the router's own table */
};

/* What tells one peer of a router from another. Not the router id: it is not known while a session
 * is down, and a router has one session between two addresses of an instance. */
struct peer_key {
    uint64_t distinguisher; /* the instance (VRF); a number of its own for a route table polled */
    struct ip_addr address; /* none (family 0) for PEER_LOC_RIB and for local routes */
    uint8_t type;           /* enum peer_type */
};

struct source_peer {
    uint32_t router;
    struct peer_key key;
    uint32_t as, router_id; /* as last heard; 0: not known */
};

struct sources;
enum { SOURCE_NONE = 0 }; /* numbers begin with 1 */
enum {                    /* reasons in route.c */
    SOURCE_ROUTERS_MAX = 4096,
    SOURCE_PEERS_MAX = 262144,
    SOURCE_PEERS_ROUTER_MAX = 4096,
    SOURCE_NAMES_MAX = 65536,
    SOURCE_NAME_MAX = 128, /* with the NUL; longer ones are refused */
};
struct sources *sources_new(void);
void sources_free(struct sources *s);
/* The number of the router, peer or name, a new one for a new one; SOURCE_NONE: there are too many
 * (of peers also: of this router), or the name is too long. */
uint32_t source_router(struct sources *s, const char *name) MUST_USE;
uint32_t source_peer(struct sources *s, uint32_t router, const struct peer_key *key) MUST_USE;
/* Attachments, links and other things that attr.via names. */
uint32_t source_name(struct sources *s, const char *name) MUST_USE;

/* Numbers must be such as were given out. Pointers are valid until the next peer is added. */
const char *source_router_name(const struct sources *s, uint32_t router);
const char *source_name_text(const struct sources *s, uint32_t name);
const struct source_peer *source_peer_get(const struct sources *s, uint32_t peer);
void source_peer_heard(struct sources *s, uint32_t peer, uint32_t as, uint32_t router_id);
uint32_t source_routers(const struct sources *s); /* how many: numbers are 1..that */
uint32_t source_peers(const struct sources *s);
/* The peers of a router one after the other: 0 gives the first, SOURCE_NONE is the end. */
uint32_t source_next_peer(const struct sources *s, uint32_t router, uint32_t after);

/* ---- what is said ---- */

enum route_event_type {
    ROUTE_ANNOUNCE,
    ROUTE_WITHDRAW,
    ROUTE_END_OF_RIB, /* view, family: the peer's table was told in full */
    ROUTE_RESYNC,     /* view, family (0: both): the table will be told anew */
    ROUTE_PEER_UP,    /* up */
    ROUTE_PEER_DOWN,  /* down */
    ROUTE_PEER_STATS, /* stats */
    ROUTE_FEED_UP,    /* the router speaks to us, peer 0 */
    ROUTE_FEED_LOST,  /* it no longer does, or a poll has failed too often; peer 0 */
    ROUTE_EVENT_TYPES
};
extern const char *const route_event_names[ROUTE_EVENT_TYPES]; /* "announce", ... */

enum peer_down_reason { /* the numbers of RFC 7854 4.9 and 9069 */
    DOWN_LOCAL_NOTIFICATION = 1, /* the router closed: code, subcode of its NOTIFICATION */
    DOWN_LOCAL_FSM = 2,          /* the router closed: fsm_event of RFC 4271 8.1 */
    DOWN_REMOTE_NOTIFICATION = 3,
    DOWN_REMOTE_SILENT = 4,  /* the connection broke */
    DOWN_NOT_MONITORED = 5,  /* no longer told of; it may well be up */
    DOWN_LOC_RIB = 6,        /* the instance was taken away */
    DOWN_POLLED = 16,        /* an API says down: text */
};

struct route_down {
    uint8_t reason;        /* enum peer_down_reason */
    uint8_t code, subcode; /* of the NOTIFICATION: 4/0 is hold timer expired */
    uint16_t fsm_event;
    char text[40]; /* DOWN_POLLED: the API's word; else "" */
};
/* "hold timer expired", "connection lost", ...: RFC 4271 4.5, 4486, 8538, 9384. */
const char *route_down_text(const struct route_down *d);

struct route_up {
    struct ip_addr local;
    uint16_t local_port, remote_port;
    uint16_t hold_s_sent, hold_s_received;
    uint32_t as_local; /* of the router that reports; 0: not known */
    uint8_t as4;       /* both sides speak four-octet AS numbers */
    /* Routes have path ids: bit 0 IPv4, bit 1 IPv6 as received; bits 2 and 3 as sent. */
    uint8_t add_path;
};

/* Statistics of RFC 7854 4.8 and 8671 by their numbers there; those kept per family are summed. */
enum route_stat {
    STAT_REJECTED = 0,         /* prefixes refused by policy */
    STAT_DUPLICATE_PREFIX = 1,
    STAT_DUPLICATE_WITHDRAW = 2,
    STAT_CLUSTER_LOOP = 3,
    STAT_AS_LOOP = 4, /* refused because the own AS is in the path: loop avoidance at work */
    STAT_ORIGINATOR = 5,
    STAT_CONFED_LOOP = 6,
    STAT_ADJ_IN_ROUTES = 7, /* a gauge: routes in Adj-RIB-In */
    STAT_LOC_RIB_ROUTES = 8,
    STAT_TREATED_AS_WITHDRAW = 11, /* updates, RFC 7606 */
    STAT_OUT_PRE_ROUTES = 14,
    STAT_OUT_POST_ROUTES = 15,
    ROUTE_STATS = 18
};
struct route_stats {
    uint32_t has; /* bit n: value[n] was told */
    uint64_t value[ROUTE_STATS];
};

struct route_event {
    uint8_t type;      /* enum route_event_type */
    uint8_t view;      /* enum route_view */
    uint8_t family;    /* END_OF_RIB, RESYNC: IPV4, IPV6 */
    uint32_t router;
    uint32_t peer;     /* 0 for the feed itself */
    int64_t at_ms;     /* when it came, Unix time: routers' own stamps are too often made up */
    struct prefix prefix;
    uint32_t path_id;  /* RFC 7911; 0: none */
    uint32_t attr;     /* ANNOUNCE: held by the giver during the call; hold it to keep it */
    union {
        const struct route_up *up; /* of the types that say so; valid during the call */
        const struct route_down *down;
        const struct route_stats *stats;
    };
};
typedef void route_sink(void *arg, const struct route_event *e);
