#include "driver/probe/reflector.h"

#include "base/map.h"
#include "base/siphash.h"
#include "driver/probe/probe_i.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

enum { A_TURN = 256, SWEEP_MS = 1000 };

struct heard {
    uint64_t hi, lo; /* its key in `known`; both 0: free */
    uint32_t seq;
    int64_t last_ns; /* mono */
};

struct reflector {
    struct reflector_config config;
    struct stamp_key key;
    struct prefix allow[REFLECTOR_ALLOW_MAX];
    uv_loop_t *loop;
    uv_poll_t poll[2]; /* IPv4, IPv6 */
    int fd[2];         /* -1: none */
    uv_timer_t sweep;
    uint16_t port, error;
    uint64_t secret[2];  /* of the hash below: nobody chooses his session's place */
    struct map128 known; /* key of a session -> index of `heard` */
    struct heard *heard; /* [sessions_max] */
    uint32_t *free;      /* a stack of free indices */
    uint32_t n_free, swept;
    double tokens;
    int64_t tokens_ns;
    struct reflector_stats stats;
    uint32_t handles;
    void (*closed)(void *arg);
    void *closed_arg;
};

static bool allowed(const struct reflector *r, const struct ip_addr *from, uint16_t port)
{
    struct prefix host = prefix_of_ip(from);
    if (!port || port == r->port)
        return false;
    for (uint32_t i = 0; i < r->config.n_allow; i++)
        if (prefix_covers(&r->allow[i], &host))
            return true;
    return r->config.n_allow == 0;
}

/* A bucket of a tenth of a second's packets. */
static bool within_rate(struct reflector *r, int64_t now_ns)
{
    double rate = (double)r->config.packets_per_s_max;
    r->tokens = MIN(rate / 10 + 1, r->tokens + rate * (double)(now_ns - r->tokens_ns) / 1e9);
    r->tokens_ns = now_ns;
    if (r->tokens < 1)
        return false;
    r->tokens -= 1;
    return true;
}

/* The session's count of this packet; false: there is no room for the session. */
static bool count_session(struct reflector *r, const struct datagram *d, uint16_t ssid,
                          int64_t now_ns, uint32_t *seq)
{
    struct {
        struct ip_addr from, to;
        uint16_t port, ssid;
    } who;
    memset(&who, 0, sizeof who);
    who.from = addr_ip(&d->from);
    who.to = d->to;
    who.port = addr_port(&d->from);
    who.ssid = ssid;
    uint64_t id[2];
    uint32_t i;
    siphash128(r->secret, &who, sizeof who, id);
    if (!map128_find(&r->known, id[0], id[1], &i)) {
        if (!r->n_free)
            return false;
        i = r->free[--r->n_free];
        r->heard[i] = (struct heard){.hi = id[0], .lo = id[1]};
        map128_insert(&r->known, id[0], id[1], i);
        r->stats.sessions++;
    }
    r->heard[i].last_ns = now_ns;
    *seq = r->heard[i].seq++;
    return true;
}

/* Silent sessions make room: a part of the table each second, all of it within eight. */
static void on_sweep(uv_timer_t *t)
{
    struct reflector *r = t->data;
    int64_t old_ns = probe_now().mono_ns - (int64_t)r->config.idle_ms * 1000000;
    for (uint32_t n = r->config.sessions_max / 8 + 1; n; n--) {
        struct heard *h = &r->heard[r->swept];
        if ((h->hi || h->lo) && h->last_ns < old_ns) {
            map128_erase(&r->known, h->hi, h->lo);
            *h = (struct heard){0};
            r->free[r->n_free++] = r->swept;
            r->stats.sessions--;
        }
        r->swept = (r->swept + 1) % r->config.sessions_max;
    }
    r->error = clock_error();
}

static bool readable(struct reflector *r, const struct datagram *d, struct stamp_request *q)
{
    enum stamp_read found = stamp_read_request(d->byte, d->len, r->config.key, q);
    r->stats.forged += found == STAMP_FORGED;
    r->stats.malformed += found != STAMP_GOOD && found != STAMP_FORGED;
    return found == STAMP_GOOD;
}

static void answer(struct reflector *r, int fd, struct datagram *d)
{
    struct stamp_request q;
    struct ip_addr from = addr_ip(&d->from);
    int64_t now_ns = probe_now().mono_ns;
    if (!allowed(r, &from, addr_port(&d->from))) {
        r->stats.refused++;
        return;
    }
    if (!readable(r, d, &q))
        return;
    if (!within_rate(r, now_ns)) {
        r->stats.held++;
        return;
    }
    struct stamp_reply reply = {
        .error = r->error, .received_ns = d->received_ns, .sender_ttl = d->ttl};
    if (!count_session(r, d, q.ssid, now_ns, &reply.seq)) {
        reply.seq = q.seq;
        r->stats.stateless++;
    }
    reply.sent_ns = probe_now().wall_ns;
    stamp_make_reply(d->byte, d->len, &reply, r->config.key);
    if (udp_send(fd, d->byte, d->len, &d->from, &d->to))
        r->stats.answered++;
    else
        r->stats.send_failed++;
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct reflector *r = poll->data;
    int fd = r->fd[poll - r->poll];
    static struct datagram d; /* one thread, and done with before it returns */
    (void)events;
    for (int i = 0; i < A_TURN && udp_receive(fd, &d); i++)
        answer(r, fd, &d);
    if (status < 0)
        uv_poll_start(poll, UV_READABLE, on_poll);
}

static bool listen_on(struct reflector *r, int i, const struct ip_addr *address, char *why,
                      size_t cap)
{
    union any_addr bound;
    socklen_t len = sizeof bound;
    r->fd[i] = udp_open(address, r->port, why, cap);
    if (r->fd[i] < 0)
        return false;
    if (getsockname(r->fd[i], &bound.any, &len) == 0)
        r->port = addr_port(&bound);
    return true;
}

/* All addresses of both families, or of the one that this machine has. */
static bool listen_all(struct reflector *r, char *why, size_t cap)
{
    bool four = listen_on(r, 0, &(struct ip_addr){.family = IPV4}, why, cap);
    char unused[128];
    bool six = listen_on(r, 1, &(struct ip_addr){.family = IPV6}, four ? unused : why,
                         four ? sizeof unused : cap);
    return four || six;
}

static void start(struct reflector *r)
{
    for (int i = 0; i < 2; i++) {
        if (r->fd[i] < 0)
            continue;
        uv_poll_init(r->loop, &r->poll[i], r->fd[i]);
        r->poll[i].data = r;
        uv_poll_start(&r->poll[i], UV_READABLE, on_poll);
        r->handles++;
    }
    uv_timer_init(r->loop, &r->sweep);
    r->sweep.data = r;
    r->handles++;
    uv_timer_start(&r->sweep, on_sweep, SWEEP_MS, SWEEP_MS);
}

struct reflector *reflector_new(struct uv_loop_s *loop, const struct reflector_config *c, char *why,
                                size_t cap)
{
    struct reflector *r = mem_new(1, sizeof *r);
    BUG_ON(c->n_allow > REFLECTOR_ALLOW_MAX);
    r->loop = loop;
    r->config = *c;
    r->config.sessions_max = c->sessions_max ? c->sessions_max : REFLECTOR_SESSIONS_DEFAULT;
    r->config.packets_per_s_max =
        c->packets_per_s_max ? c->packets_per_s_max : REFLECTOR_PACKETS_DEFAULT;
    r->config.idle_ms = c->idle_ms ? c->idle_ms : REFLECTOR_IDLE_DEFAULT_MS;
    if (c->key) {
        r->key = *c->key;
        r->config.key = &r->key;
    }
    if (c->n_allow)
        memcpy(r->allow, c->allow, c->n_allow * sizeof *c->allow);
    r->port = c->port;
    r->fd[0] = r->fd[1] = -1;
    bool ok = c->address.family ? listen_on(r, c->address.family == IPV6, &c->address, why, cap)
                                : listen_all(r, why, cap);
    if (!ok) {
        mem_free(r);
        return NULL;
    }
    BUG_ON(getrandom(r->secret, sizeof r->secret, 0) != sizeof r->secret);
    r->error = clock_error();
    r->heard = mem_new(r->config.sessions_max, sizeof *r->heard);
    r->free = mem_new(r->config.sessions_max, sizeof *r->free);
    for (uint32_t i = r->config.sessions_max; i > 0; i--)
        r->free[r->n_free++] = i - 1;
    r->tokens = r->config.packets_per_s_max / 10.0 + 1;
    r->tokens_ns = probe_now().mono_ns;
    start(r);
    return r;
}

static void on_closed(uv_handle_t *h)
{
    struct reflector *r = h->data;
    if (--r->handles)
        return;
    void (*closed)(void *) = r->closed;
    void *arg = r->closed_arg;
    map128_free(&r->known);
    mem_free(r->heard);
    mem_free(r->free);
    mem_free(r);
    if (closed)
        closed(arg);
}

/* A descriptor may be closed as soon as its poll handle is stopped, which uv_close does. */
void reflector_close(struct reflector *r, void (*closed)(void *arg), void *arg)
{
    r->closed = closed;
    r->closed_arg = arg;
    for (int i = 0; i < 2; i++)
        if (r->fd[i] >= 0) {
            uv_close((uv_handle_t *)&r->poll[i], on_closed);
            close(r->fd[i]);
        }
    uv_close((uv_handle_t *)&r->sweep, on_closed);
}

uint16_t reflector_port(const struct reflector *r)
{
    return r->port;
}
struct reflector_stats reflector_stats(const struct reflector *r)
{
    return r->stats;
}
