/* cloud.h - what clouds say of routes, sessions and links when they are asked: told as events.
 *
 * Neither Cloud Router nor Direct Connect nor a Transit Gateway speaks BMP; they answer questions.
 * An answer is a snapshot. This turns snapshots into events: routes go to the route_sink as a table
 * told in full (RESYNC, the routes, END_OF_RIB; route.h); sessions are told when they change, since
 * a Peer Up repeated would make the peer's routes stale; and so are links, which routers do not
 * know: attachments, virtual interfaces, peerings. What an answer no longer lists is gone.
 *
 *   uint32_t began = cloud_poll_begin(c);         a set of things will be listed, page by page
 *   aws_virtual_interfaces(c, page, n, ...);      (aws_answers.h, ec2_answers.h, gcp_answers.h)
 *   cloud_poll_end(c, CLOUD_VIF, 0, began, now);  all were: the rest is gone
 *
 * A poll that fails half-way says no cloud_poll_end and no END_OF_RIB: what was known stays.
 *
 * Names: a Cloud Router is "PROJECT/REGION/ROUTER", a Transit Gateway or Direct Connect gateway its
 * id, unless cloud_call says otherwise. Answers are not trusted: what is malformed is passed over
 * and counted. Secrets in them (authKey of a virtual interface) are never looked at. */
#pragma once

#include "base/json_read.h"
#include "net/attr.h"
#include "net/route.h"

enum cloud_kind { /* of things that are listed */
    CLOUD_SESSION,       /* a BGP session: told by the route sink */
    CLOUD_TABLE,         /* a route table polled */
    CLOUD_INTERCONNECT,  /* Google: a VLAN attachment */
    CLOUD_VIF,           /* AWS: a virtual interface of Direct Connect */
    CLOUD_ASSOCIATION,   /* a gateway associated with a Direct Connect gateway */
    CLOUD_ATTACHMENT,    /* of a Transit Gateway */
    CLOUD_PEERING,       /* of two Transit Gateways */
    CLOUD_CONNECT_PEER,  /* of a Connect attachment */
    CLOUD_VPN,           /* a Site-to-Site VPN connection; up while one of its tunnels is */
    CLOUD_TUNNEL,        /* one of its two tunnels: "vpn-1/198.51.100.3", by the outside address */
    CLOUD_KINDS
};
extern const char *const cloud_kind_names[CLOUD_KINDS]; /* "session", "table", ... */

enum link_state {
    LINK_UP,
    LINK_DOWN,     /* down, rejected, failed */
    LINK_CHANGING, /* being made, changed or taken away; under test */
    LINK_GONE,     /* no longer listed */
    LINK_STATES
};
extern const char *const link_state_names[LINK_STATES];

enum { LINK_WORD_MAX = 24, CLOUD_THINGS_MAX = 65536 };

struct link_event {
    uint32_t router; /* whose it is */
    uint32_t link;   /* its name (source_name): "tgw-attach-1", "dxvif-2", "project/region/name" */
    uint32_t far;    /* what is at its other end: "vpc-1", "tgw-2", a connection; 0: not said */
    uint32_t table;  /* the route table that serves it; 0: none, or not said */
    uint8_t kind, state;
    char word[LINK_WORD_MAX]; /* the API's own: "available", "OS_ACTIVE" */
    uint16_t vlan, mtu;       /* 0: not said */
    int64_t at_ms;
};
typedef void link_sink(void *arg, const struct link_event *e);

struct cloud_ports { /* all outlive the cloud */
    struct attr_table *attrs;
    struct sources *sources;
    route_sink *sink;
    link_sink *link;
    void *arg; /* of both sinks */
};

struct cloud_stats {
    uint64_t answers, bad_answers; /* pages read; not of the form they should have */
    uint64_t routes, bad_routes;   /* told; passed over: no prefix, no room */
    uint64_t late_changes;         /* pushed changes of tables older than what is known */
    uint64_t refused;              /* things beyond CLOUD_THINGS_MAX, names beyond their number */
};

struct cloud;
struct cloud *cloud_new(const struct cloud_ports *ports) MUST_USE;
void cloud_free(struct cloud *c);
struct cloud_stats cloud_stats(const struct cloud *c);
/* The router that its cloud calls `theirs` is called `ours`. Before anything is told of it. */
void cloud_call(struct cloud *c, const char *theirs, const char *ours);

/* Who asks: what one lister is told is apart from what others are, who may see the same thing from
 * its other end. cloud_from says whose answers come now; the first lister is there already. */
uint32_t cloud_lister_new(struct cloud *c) MUST_USE;
void cloud_from(struct cloud *c, uint32_t lister);

/* Several polls may be under way. What the lister's polls for `kind` list goes when it is not
 * listed: links of that kind, and the sessions and tables that come with them. `scope`: of one
 * router; 0: all. */
uint32_t cloud_poll_begin(struct cloud *c) MUST_USE;
void cloud_poll_end(struct cloud *c, enum cloud_kind kind, uint32_t scope, uint32_t began,
                    int64_t at_ms);
/* The router's feed works, or has failed too often (ROUTE_FEED_UP, ROUTE_FEED_LOST); told when it
 * changes. With a feed that works everything of the router is to be told anew (route.h): so say it
 * before the first answer, and after a loss what is listed next is told as new. */
void cloud_feed(struct cloud *c, uint32_t router, bool works, int64_t at_ms);

/* ---- changes that are pushed (aws_events.h) ---- */

/* Pushed changes of this table of the gateway (as its cloud calls it) are taken. */
void cloud_follow(struct cloud *c, const char *gateway, const char *table);
/* Is a pushed change of the table to be applied? It is when it is newer than every one that was,
 * and not much older than the last poll, which had it already. `sequence` is Unix time in ms.
 * Then a poll that has begun before this does not know of it. */
enum cloud_turn { CLOUD_TURN_NOW, CLOUD_TURN_LATE, CLOUD_TURN_NONE /* not followed */ };
enum cloud_turn cloud_turn(struct cloud *c, uint32_t router, const char *table, uint64_t sequence);
/* Was a change of the table pushed since the poll began, so that its answer may be the older? */
bool cloud_pushed_since(const struct cloud *c, uint32_t peer, uint32_t began);
/* A link that was listed has changed since, and is told. False: none of that name was listed. */
bool cloud_push_link(struct cloud *c, enum cloud_kind kind, uint32_t router, const char *name,
                     enum link_state state, const char *word, int64_t at_ms);

/* ---- for the parsers of answers ---- */

/* The page's document, when it is an object; NULL: it is counted as bad. Until the next call. */
const struct jr_node *cloud_json(struct cloud *c, const void *json, size_t n);
void cloud_count_answer(struct cloud *c, bool good);
void cloud_count_bad_route(struct cloud *c); /* or another malformed part of an answer */

struct cloud_table { /* a table being told */
    uint32_t router, peer;
    uint8_t view, family; /* family 0: both */
    uint8_t listed_by;    /* enum cloud_kind: by which polls */
    int64_t at_ms;
};
void cloud_table_begin(struct cloud *c, const struct cloud_table *t);
void cloud_table_end(struct cloud *c, const struct cloud_table *t);
/* One route; the set is interned here. False: the prefix's text is none, or there is no room. */
bool cloud_route(struct cloud *c, const struct cloud_table *t, const char *prefix,
                 uint32_t path_id, const struct attr *a);
bool cloud_withdraw(struct cloud *c, const struct cloud_table *t, const char *prefix,
                    uint32_t path_id);

struct cloud_session {
    uint8_t listed_by; /* enum cloud_kind */
    uint32_t router;
    struct peer_key key;
    bool up, known;   /* known false: the API does not say; nothing is told */
    const char *word; /* the API's, when it is down */
    uint32_t as, as_local;
    struct ip_addr local;
};
/* The peer's number; SOURCE_NONE: there is no room. */
uint32_t cloud_tell_session(struct cloud *c, const struct cloud_session *s, int64_t at_ms);
void cloud_tell_stats(struct cloud *c, uint32_t router, uint32_t peer,
                      const struct route_stats *stats, int64_t at_ms);
void cloud_tell_link(struct cloud *c, const struct link_event *e);
/* Whose attachment this is, as was last listed; 0: not known. */
uint32_t cloud_link_router(const struct cloud *c, enum cloud_kind kind, uint32_t link);

uint32_t cloud_router(struct cloud *c, const char *name); /* by the name its cloud calls it */
uint32_t cloud_router_known(const struct cloud *c, const char *name); /* by cloud_call; else 0 */
/* A router beside it, for what must not be taken for its own: "NAME/PART". */
uint32_t cloud_router_part(struct cloud *c, uint32_t router, const char *part);
uint32_t cloud_name(struct cloud *c, const char *name);   /* source_name; "" is 0 */
uint32_t cloud_table_peer(struct cloud *c, uint32_t router, const char *table);
struct ip_addr cloud_peer_address(const struct cloud *c, uint32_t peer);
/* The API's word as it may be shown: printable ASCII, cut to fit. */
void cloud_word(char *out, size_t cap, const char *word);
