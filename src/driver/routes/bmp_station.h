/* bmp_station.h - where routers connect to with BMP: a TCP server that turns what they say into
 * route events (net/bmp.h says how).
 *
 * A router is known by its address: by the name that the configuration gives it, else, when others
 * may come too, by the text of the address. Of two connections of one router the one that
 * introduced itself last is the router; the other is closed. BMP has no authentication of its own:
 * the port belongs on a network where only routers are, and `routers` should list them.
 *
 * One bad router must not harm the others. What it can do is bounded:
 *   connections   conns_max in all; one more takes the place of the one that has waited longest
 *                 without introducing itself, else it is closed; conns_address_max of one address
 *   reconnecting  each connection of an address takes one of connects_burst tokens; one comes back
 *                 every connect_interval_ms. Without one the connection is closed at once, and the
 *                 log says so once for each time that it begins. IPv6 counts by /64.
 *   silence       introduce_timeout_ms until Initiation is there, message_timeout_ms from the first
 *                 to the last byte of a message. Between messages a router may be silent for ever;
 *                 TCP's keepalive finds out those that are gone.
 *   numbers       unlisted_max routers that are not listed ever get one (route.h), 4,096 peers each
 *   memory        a message begun (1 MiB) each, kept_max in all, and attr_bytes_router_max of
 *                 attributes that were new with it; more ends its session
 *   nonsense      ends its session (bmp.h)
 * One thread: all is called from the loop's thread, and the sink is called there. */
#pragma once

#include "net/bmp.h"

struct uv_loop_s; /* uv_loop_t of libuv */
struct bmp_station;

struct bmp_router {
    struct ip_addr address;
    const char *name;
};

struct bmp_station_config {
    const struct bmp_router *routers; /* copied */
    uint32_t n_routers;
    bool only_routers;     /* whoever is not listed is turned away */
    uint32_t unlisted_max; /* routers that are not listed and ever get a number */
    uint32_t conns_max, conns_address_max;
    uint32_t connects_burst, connect_interval_ms;
    uint32_t introduce_timeout_ms, message_timeout_ms;
    size_t kept_max, attr_bytes_router_max;
};
#define BMP_STATION_DEFAULTS                                                                       \
    {                                                                                              \
        .unlisted_max = 32, .conns_max = 512, .conns_address_max = 4, .connects_burst = 10,        \
        .connect_interval_ms = 6000, .introduce_timeout_ms = 10000, .message_timeout_ms = 30000,   \
        .kept_max = 64u << 20, .attr_bytes_router_max = 256u << 20                                 \
    }

struct bmp_station_ports { /* all outlive the station */
    struct uv_loop_s *loop;
    struct attr_table *attrs;
    struct bgp_decoder *decoder;
    struct sources *sources;
    int64_t (*now_ms)(void *); /* Unix time for the events; NULL: the system's clock */
    void *now_arg;
    route_sink *sink; /* must not close the station */
    void *arg;
};

struct bmp_station *bmp_station_new(const struct bmp_station_ports *ports,
                                    const struct bmp_station_config *config);
/* The port (0 takes a free one), or -1 and why in `error`. May be called a few times. */
int bmp_station_listen(struct bmp_station *s, const char *address, int port, char *error,
                       size_t cap);
/* Closes all connections, which tells ROUTE_FEED_LOST for each router; then, from the loop, calls
 * `closed` (may be NULL). The station is gone with that call. */
void bmp_station_close(struct bmp_station *s, void (*closed)(void *arg), void *arg);

enum bmp_end { /* beyond enum bmp_status: why connections ended */
    BMP_END_CLOSED = BMP_STATUSES, /* by the router */
    BMP_END_BROKEN,                /* the connection failed */
    BMP_END_REPLACED,              /* by a newer one of the same router */
    BMP_END_NO_INTRODUCTION,       /* in time; or it had to make room */
    BMP_END_UNFINISHED,            /* a message was not complete in time */
    BMP_END_MEMORY,                /* kept_max or attr_bytes_router_max */
    BMP_END_STATION,               /* the station was closed */
    BMP_ENDS
};
const char *bmp_end_text(unsigned end); /* of both enums */

struct bmp_station_stats {
    uint32_t conns, conns_most; /* now; most at a time */
    size_t kept;                /* bytes of unfinished messages */
    uint64_t accepted;
    uint64_t turned_away_unknown, turned_away_full, turned_away_often;
    uint64_t ended[BMP_ENDS];
    uint64_t bytes, messages;
};
struct bmp_station_stats bmp_station_stats(const struct bmp_station *s);

struct bmp_station_router { /* a connection that introduced itself */
    uint32_t router;
    const char *name, *said; /* ours, and sysName as it says; valid during the call */
    struct ip_addr address;
    int64_t since_ms; /* Unix time */
    struct bmp_stats stats;
};
void bmp_station_each(const struct bmp_station *s,
                      void (*fn)(void *arg, const struct bmp_station_router *r), void *arg);
