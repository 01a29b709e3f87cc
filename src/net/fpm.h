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
 *   several next hops             a route each, with path ids from 0
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
 * Of next hops told apart from their routes (RTM_NEWNEXTHOP, a number in the route) nothing is
 * made: such a session ends with FPM_NEXT_HOP_GROUPS, and FRR has `no fpm use-next-hop-groups`.
 *
 * A router that breaks the framing ends its session; it will connect again and tell all anew. */
#pragma once

#include "net/attr.h"
#include "net/route.h"

enum {
    FPM_HEADER = 4,
    FPM_FRAME_MAX = 65535, /* all that its length can say */
    FPM_PATHS_MAX = 32,    /* next hops of a route; the rest is a glitch */
    FPM_INTERFACES_MAX = 1024, /* that get a name; more than a router's links */
    FPM_GLITCHES_MAX = 1000,
    FPM_QUIET_MS = 1000,
    FPM_TABLE_MS = 60000, /* FRR tells a million routes in less */
};

enum fpm_status {
    FPM_GOING_ON,
    FPM_BAD_VERSION,     /* not version 1: perhaps not FPM at all */
    FPM_BAD_LENGTH,      /* a frame or message shorter than its header or longer than its frame */
    FPM_NOT_NETLINK,     /* frames of another kind: FRR's old module can also speak protobuf */
    FPM_BAD_MESSAGE,     /* a route that ends within its fields */
    FPM_NEXT_HOP_GROUPS, /* routes refer to next hops by numbers */
    FPM_NO_ROOM,         /* for attributes or peers */
    FPM_TOO_ODD,         /* FPM_GLITCHES_MAX */
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
/* Time goes by: tells the end of the table when it has come. */
void fpm_tick(struct fpm_session *s, int64_t at_ms);

struct fpm_stats {
    uint64_t bytes, messages;      /* messages: of netlink */
    uint64_t announced, withdrawn; /* routes */
    uint64_t passed_over;          /* other tables, families and messages */
    uint64_t glitches;
};
struct fpm_stats fpm_session_stats(const struct fpm_session *s);
size_t fpm_session_kept(const struct fpm_session *s); /* bytes of an unfinished frame */
