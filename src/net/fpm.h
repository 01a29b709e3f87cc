/* fpm.h - a router's forwarding table as it tells it over FPM: bytes in, route events out.
 *
 * FPM (Forwarding Plane Manager) is how FRR and SONiC hand what they have chosen to a forwarding
 * plane outside of them: a TCP connection that the router opens, on it frames of
 *
 *     version 1 | type 1 | length 2, of the whole frame, in network order | netlink messages
 *
 * (FRR's fpm/fpm.h). Inside are the messages by which Linux's kernel is told of routes,
 * RTM_NEWROUTE and RTM_DELROUTE (RFC 3549; linux/rtnetlink.h), in the byte order of the router,
 * which their length gives away. A new route replaces the one before it for its prefix. So what
 * comes is what the router does with packets, whoever is behind a route: BGP, a static route, an
 * interface.
 *
 * What a route becomes (all in VIEW_LOC_RIB of one peer without an address):
 *   no gateway, or a local one    ROUTE_SUBNET: attached, packets are as good as there
 *   blackhole, unreachable,       ATTR_BLACKHOLE
 *   prohibit
 *   by the kernel, static         ROUTE_STATIC with the gateway as its next hop
 *   by BGP                        ROUTE_BGP, without a path: that is BMP's to tell
 *   by anything else              ROUTE_OTHER
 *   several next hops             a route each, with path ids from 0; of more than FPM_PATHS_MAX
 *                                 the rest is a glitch
 * A link-local gateway says nothing without its interface, which has a number that only the router
 * knows. So such routes and those without a gateway have it as their `via`, "if4": what is attached
 * there tells which link it is.
 *
 * Only the main table is taken; routes of other tables, of other families, of link-local prefixes
 * and messages about anything else are passed over and counted.
 *
 * FPM has no end of the table: the router tells all when it connects, and goes on with changes. So
 * ROUTE_END_OF_RIB is told when nothing has come for FPM_QUIET_MS, at the latest after
 * FPM_TABLE_MS; fpm_tick says how late it is.
 *
 * FRR tells next hops apart from their routes if it may (`fpm use-next-hop-groups`, its default):
 * RTM_NEWNEXTHOP says what a number is, a next hop or a group of them, and the route has the number
 * (fpm_hops.h). Then a route is told when it comes and again when its number changes, at once for
 * some thousands of routes and of more the rest with fpm_tick, so that one message of a router
 * cannot hold up the others. A route by a number that is not known is not there until it is; where
 * that is so when the router falls silent, it keeps its numbers to itself (`zebra nexthop proto
 * only`), and the session ends rather than show a table with holes.
 *
 * A router that breaks the framing ends its session; it will connect again and tell all anew. */
#pragma once

#include "net/attr.h"
#include "net/fpm_hops.h"
#include "net/route.h"

enum {
    FPM_HEADER = 4,
    FPM_FRAME_MAX = 65535, /* all that its length can say */
    FPM_INTERFACES_MAX = 1024, /* that get a name; more than a router's links */
    FPM_GLITCHES_MAX = 1000,
    FPM_QUIET_MS = 1000,
    FPM_TABLE_MS = 60000, /* FRR tells a million routes in less */
    /* Events told of routes whose numbers changed: two milliseconds with each piece of input, and
     * some 35 with each tick; a million routes, of one next hop each, take sixteen ticks. */
    FPM_ANEW_FEED = 4096,
    FPM_ANEW_TICK = 65536,
};

enum fpm_status {
    FPM_GOING_ON,
    FPM_BAD_VERSION,      /* not version 1: perhaps not FPM at all */
    FPM_BAD_LENGTH,       /* a frame or message shorter than its header or longer than its frame */
    FPM_NOT_NETLINK,      /* frames of another kind: FRR's old module can also speak protobuf */
    FPM_BAD_MESSAGE,      /* a route or next hop that ends within its fields */
    FPM_TOO_MANY_NUMBERS, /* FPM_NUMBERS_MAX, or FPM_NUMBERED_MAX routes that name them */
    FPM_NESTED_GROUPS,    /* a group of next hops has a group as a member */
    FPM_UNKNOWN_NUMBERS,  /* the table is told and some routes' next hops are not */
    FPM_NO_ROOM,          /* for attributes or peers */
    FPM_TOO_ODD,          /* FPM_GLITCHES_MAX */
    FPM_STATUSES
};
extern const char *const fpm_status_names[FPM_STATUSES]; /* "going on", ... */

struct fpm_session;
struct fpm_options {
    struct attr_table *attrs; /* these two outlive the session */
    struct sources *sources;
    uint32_t router; /* whose table it is (source_router) */
    route_sink *sink;
    void *arg;
};
struct fpm_session *fpm_session_new(const struct fpm_options *o);
/* Tells ROUTE_FEED_LOST when the session had begun. */
void fpm_session_free(struct fpm_session *s, int64_t at_ms);

/* Events carry at_ms. The sink must not free the session. */
enum fpm_status fpm_feed(struct fpm_session *s, const void *bytes, size_t n, int64_t at_ms);
/* Time goes by: tells the end of the table when it has come, and what fpm_feed left to tell. */
enum fpm_status fpm_tick(struct fpm_session *s, int64_t at_ms);

struct fpm_stats {
    uint64_t bytes, messages;      /* messages: of netlink */
    uint64_t announced, withdrawn; /* routes */
    uint64_t next_hops;            /* messages about them */
    uint64_t told_anew;            /* routes, because their number changed */
    uint64_t passed_over;          /* other tables, families and messages */
    uint64_t glitches;
};
struct fpm_stats fpm_session_stats(const struct fpm_session *s);
struct fpm_hops_counts fpm_session_numbers(const struct fpm_session *s);
size_t fpm_session_kept(const struct fpm_session *s); /* bytes of an unfinished frame */
