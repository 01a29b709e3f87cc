/* probe_i.h - what the means of probing share; private to src/driver/probe. */
#pragma once

#include "driver/probe/probe.h"

#include <netinet/in.h>
#include <uv.h>

struct session; /* one path */

/* A means: a row of functions. `open` fills `why` and returns false when it cannot; then `close` is
 * not called. `close` may need the loop: it calls session_closed(s) when nothing of it is left. */
struct means {
    bool (*open)(struct session *s, char *why, size_t cap);
    void (*send)(struct session *s, uint32_t seq, struct probe_time now);
    void (*drain)(struct session *s); /* takes what has arrived; may be NULL */
    void (*close)(struct session *s);
};
extern const struct means means_stamp, means_tcp, means_https, means_trace;

struct session {
    struct prober *prober;
    struct probe_target target; /* url is the session's own */
    const struct means *means;
    struct path *path;
    int index;
    uv_timer_t pace, due;
    uint32_t open_handles; /* timers and what the means opened */
    bool closing;
    void *own; /* of the means */
};

struct prober {
    uv_loop_t *loop;
    struct prober_config config;
    struct stamp_key key;
    bool has_key;
    struct http_client *https; /* made with the first path that needs it */
    probe_found *found;
    void *arg;
    struct session **session; /* [config.paths_max], NULL: free */
    struct prober_stats stats;
    uint32_t handles; /* sessions and clients not yet closed */
    bool closing;
    void (*closed)(void *arg);
    void *closed_arg;
    uint32_t phase; /* of the next path within its pace */
};

struct probe_time probe_now(void);
/* An answer to a probe; the path's timer is set anew. */
void session_answer(struct session *s, const struct path_answer *a);
void session_failed(struct session *s, uint32_t seq);
void session_opened(struct session *s); /* a handle more */
void session_closed(struct session *s); /* and one less; the last one frees the session */

/* ---- sockets (socket.c) ---- */

union any_addr {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};
socklen_t addr_set(union any_addr *a, const struct ip_addr *ip, uint16_t port);
struct ip_addr addr_ip(const union any_addr *a);
uint16_t addr_port(const union any_addr *a);

/* What a datagram came with. */
struct datagram {
    uint8_t byte[STAMP_PACKET_MAX + 1]; /* one more, so that what is too long shows */
    size_t len;
    union any_addr from;
    struct ip_addr to;   /* the address it was sent to; none: not known */
    int64_t received_ns; /* wall clock: the kernel's stamp, else when it was read */
    uint8_t ttl;         /* 0: not known */
};

/* A UDP socket that does not block, stamps what it receives, tells TTLs and destinations, and sends
 * with a TTL of 255. -1 and a sentence in `why` when it cannot be had. */
int udp_open(const struct ip_addr *address, uint16_t port, char *why, size_t cap);
/* False: nothing there. An error that was waiting (connection refused) is skipped. */
bool udp_receive(int fd, struct datagram *d);
/* Sends, from `from` when it is an address. */
bool udp_send(int fd, const void *p, size_t n, const union any_addr *to,
              const struct ip_addr *from);
/* Estimate of the system clock's error, as the kernel keeps it for ntpd and chronyd. */
uint16_t clock_error(void);
