/* feed_station.h - where routers connect to: a TCP server that turns what they say into route
 * events. What is spoken is a protocol: BMP (net/bmp.h, what they know) or FPM (net/fpm.h, what
 * they do); a station has one.
 *
 * A router is known by its address: by the name that the configuration gives it, else, when others
 * may come too, by the text of the address. Of two connections of one router the one that
 * introduced itself last is the router; the other is closed. To introduce itself is BMP's
 * Initiation, FPM's first frame. Neither has an authentication of its own: the port belongs on a
 * network where only routers are, and `routers` should list them.
 *
 * One bad router must not harm the others. What it can do is bounded:
 *   connections   conns_max in all; one more takes the place of the one that has waited longest
 *                 without introducing itself, else it is closed; conns_address_max of one address
 *   reconnecting  each connection of an address takes one of connects_burst tokens; one comes back
 *                 every connect_interval_ms. Without one the connection is closed at once, and the
 *                 log says so once for each time that it begins. IPv6 counts by /64.
 *   silence       introduce_timeout_ms to introduce itself, message_timeout_ms from the first to
 *                 the last byte of a message. Between messages a router may be silent for ever;
 *                 TCP's keepalive finds out those that are gone.
 *   numbers       unlisted_max routers that are not listed ever get one (route.h), 4,096 peers each
 *   memory        a message begun (BMP: 1 MiB, FPM: 64 KiB) each, kept_max in all, and
 *                 attr_bytes_router_max of attributes that were new with it; more ends its
 *                 session. FPM with next hops by number: 97 MB a router at most (fpm_hops.h)
 *   nonsense      ends its session (bmp.h, fpm.h)
 * One thread: all is called from the loop's thread, and the sink is called there. */
#pragma once

#include "net/bmp.h"
#include "net/fpm.h"

struct uv_loop_s; /* uv_loop_t of libuv */
struct feed_station;

/* ---- protocols ---- */

enum { FEED_STATUSES_MAX = 16 }; /* of a protocol; 0 is "going on" */

struct feed_speaker { /* what a session is told of who speaks, and to whom */
    struct attr_table *attrs;
    struct bgp_decoder *decoder;
    struct sources *sources;
    uint32_t router;
    route_sink *sink;
    void *arg;
};
struct feed_figures {
    uint64_t messages, glitches;
    unsigned quirks;  /* bits */
    const char *name; /* as the router calls itself; "" */
};
struct feed_protocol {
    const char *name; /* whose lines in the log are its */
    const char *const *status_names, *const *quirk_names;
    unsigned statuses, quirks;
    unsigned goodbye; /* the status by which a router takes its leave; 0: there is none */
    void *(*begin)(const struct feed_speaker *who);
    void (*end)(void *session, int64_t at_ms);
    unsigned (*feed)(void *session, const void *bytes, size_t n, int64_t at_ms); /* its status */
    unsigned (*tick)(void *session, int64_t at_ms); /* time goes by: its status; may be NULL */
    size_t (*kept)(const void *session);            /* bytes of an unfinished message */
    struct feed_figures (*figures)(const void *session);
};
extern const struct feed_protocol feed_bmp, feed_fpm; /* feed_protocols.c */

/* ---- the station ---- */

struct feed_router {
    struct ip_addr address;
    const char *name;
};

struct feed_station_config {
    const struct feed_router *routers; /* copied */
    uint32_t n_routers;
    bool only_routers;     /* whoever is not listed is turned away */
    uint32_t unlisted_max; /* routers that are not listed and ever get a number */
    uint32_t conns_max, conns_address_max;
    uint32_t connects_burst, connect_interval_ms;
    uint32_t introduce_timeout_ms, message_timeout_ms;
    size_t kept_max, attr_bytes_router_max;
};
#define FEED_STATION_DEFAULTS                                                                      \
    {                                                                                              \
        .unlisted_max = 32, .conns_max = 512, .conns_address_max = 4, .connects_burst = 10,        \
        .connect_interval_ms = 6000, .introduce_timeout_ms = 10000, .message_timeout_ms = 30000,   \
        .kept_max = 64u << 20, .attr_bytes_router_max = 256u << 20                                 \
    }

struct feed_station_ports { /* all outlive the station */
    const struct feed_protocol *protocol;
    struct uv_loop_s *loop;
    struct attr_table *attrs;
    struct bgp_decoder *decoder; /* of BMP */
    struct sources *sources;
    int64_t (*now_ms)(void *); /* Unix time for the events; NULL: the system's clock */
    void *now_arg;
    route_sink *sink; /* must not close the station */
    void *arg;
};

struct feed_station *feed_station_new(const struct feed_station_ports *ports,
                                    const struct feed_station_config *config);
/* The port (0 takes a free one), or -1 and why in `error`. May be called a few times. */
int feed_station_listen(struct feed_station *s, const char *address, int port, char *error,
                       size_t cap);
/* Closes all connections, which tells ROUTE_FEED_LOST for each router; then, from the loop, calls
 * `closed` (may be NULL). The station is gone with that call. */
void feed_station_close(struct feed_station *s, void (*closed)(void *arg), void *arg);

enum feed_end { /* beyond the statuses of the protocol: why connections ended */
    FEED_END_CLOSED = FEED_STATUSES_MAX, /* by the router */
    FEED_END_BROKEN,                     /* the connection failed */
    FEED_END_REPLACED,                   /* by a newer one of the same router */
    FEED_END_NO_INTRODUCTION,            /* in time; or it had to make room */
    FEED_END_UNFINISHED,                 /* a message was not complete in time */
    FEED_END_MEMORY,                     /* kept_max or attr_bytes_router_max */
    FEED_END_STATION,                    /* the station was closed */
    FEED_ENDS
};
const char *feed_end_text(const struct feed_protocol *p, unsigned end); /* of either kind */

struct feed_station_stats {
    uint32_t conns, conns_most; /* now; most at a time */
    size_t kept;                /* bytes of unfinished messages */
    uint64_t accepted;
    uint64_t turned_away_unknown, turned_away_full, turned_away_often;
    uint64_t ended[FEED_ENDS];
    uint64_t bytes, messages;
};
struct feed_station_stats feed_station_stats(const struct feed_station *s);

struct feed_station_router { /* a connection that introduced itself */
    uint32_t router;
    const char *name; /* valid during the call, as is that in figures */
    struct ip_addr address;
    int64_t since_ms; /* Unix time */
    struct feed_figures figures;
};
void feed_station_each(const struct feed_station *s,
                      void (*fn)(void *arg, const struct feed_station_router *r), void *arg);
