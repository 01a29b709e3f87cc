#include "driver/probe/trace.h"

#include "driver/probe/probe_i.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/errqueue.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>

struct trace_run {
    struct trace_spec spec;
    struct stamp_key key;
    trace_done *done;
    void *arg;
    uv_poll_t poll;
    uv_timer_t wait;
    uint32_t handles;
    int fd;
    uint8_t ttl; /* of the packet under way */
    uint8_t silent;
    uint32_t seq;
    struct probe_time sent;
    int64_t longest_ns; /* round trip so far */
    bool over, confirming;
    struct trace first, now;
};

static void on_wait(uv_timer_t *t);

static void on_closed(uv_handle_t *h)
{
    struct trace_run *t = h->data;
    if (--t->handles == 0)
        mem_free(t);
}

static void run_close(struct trace_run *t)
{
    t->over = true;
    uv_close((uv_handle_t *)&t->poll, on_closed);
    uv_close((uv_handle_t *)&t->wait, on_closed);
    close(t->fd);
}

static uint64_t wait_ms(const struct trace_run *t)
{
    int64_t ms = t->longest_ns ? 3 * t->longest_ns / 1000000 + 100 : t->spec.wait_ms;
    return (uint64_t)MIN(ms, t->spec.wait_ms);
}

static void send_next(struct trace_run *t)
{
    uint8_t packet[STAMP_AUTH_LEN];
    int ttl = ++t->ttl;
    bool six = t->spec.to.family == IPV6;
    setsockopt(t->fd, six ? IPPROTO_IPV6 : IPPROTO_IP, six ? IPV6_UNICAST_HOPS : IP_TTL, &ttl,
               sizeof ttl);
    t->sent = probe_now();
    struct stamp_request r = {.seq = ++t->seq, .error = 1, .sent_ns = t->sent.wall_ns};
    size_t n = stamp_write_request(packet, &r, t->spec.key);
    /* An error of before may come out here: once more then. What cannot be sent is not answered. */
    for (int i = 0; i < 3 && send(t->fd, packet, n, 0) < 0; i++)
        ;
    uv_timer_start(&t->wait, on_wait, wait_ms(t), 0);
}

static void begin(struct trace_run *t)
{
    t->now = (struct trace){.to = t->spec.to};
    t->ttl = t->silent = 0;
    send_next(t);
}

static void end(struct trace_run *t, enum trace_end how)
{
    struct trace_loop loop;
    t->now.end = (uint8_t)how;
    if (how == TRACE_LOOP && !t->confirming) {
        t->confirming = true;
        t->first = t->now;
        begin(t);
        return;
    }
    bool same = t->confirming && trace_same_loop(&t->first, &t->now, &loop);
    uv_timer_stop(&t->wait);
    run_close(t);
    t->done(t->arg, &t->now, same ? &loop : NULL);
}

/* A hop answered, or did not (router NULL): on to the next, or the end. */
static void hop(struct trace_run *t, const struct ip_addr *router, int64_t took_ns,
                uint8_t reply_ttl, bool unreachable)
{
    struct trace_loop loop;
    struct trace_hop *h = &t->now.hop[t->now.hops++];
    *h = (struct trace_hop){.two_way_us = (int32_t)(took_ns / 1000), .reply_ttl = reply_ttl};
    if (router) {
        h->router = *router;
        t->longest_ns = MAX(t->longest_ns, took_ns);
    }
    t->silent = router ? 0 : (uint8_t)(t->silent + 1);
    if (router && ip_equal(router, &t->spec.to))
        end(t, TRACE_REACHED);
    else if (unreachable)
        end(t, TRACE_UNREACHABLE);
    else if (trace_find_loop(&t->now, &loop))
        end(t, TRACE_LOOP);
    else if (t->silent >= t->spec.silent_max)
        end(t, TRACE_SILENT);
    else if (t->now.hops >= t->spec.hops_max)
        end(t, TRACE_LONG);
    else
        send_next(t);
}

/* Of the packet under way? Routers return as much of it as they like, maybe not its number. */
static bool of_this(const struct trace_run *t, const uint8_t *p, size_t n)
{
    uint32_t seq = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
    return n < 4 || seq == t->seq;
}

static bool is_expired(const struct sock_extended_err *e)
{
    return (e->ee_origin == SO_EE_ORIGIN_ICMP && e->ee_type == ICMP_TIME_EXCEEDED) ||
           (e->ee_origin == SO_EE_ORIGIN_ICMP6 && e->ee_type == ICMPV6_TIME_EXCEED);
}

static bool is_unreachable(const struct sock_extended_err *e)
{
    return (e->ee_origin == SO_EE_ORIGIN_ICMP && e->ee_type == ICMP_DEST_UNREACH) ||
           (e->ee_origin == SO_EE_ORIGIN_ICMP6 && e->ee_type == ICMPV6_DEST_UNREACH);
}

/* One error of the queue; false: there is none. */
static bool take_error(struct trace_run *t)
{
    uint8_t payload[64];
    char control[512] __attribute__((aligned(_Alignof(struct cmsghdr))));
    union any_addr to, from;
    struct iovec io = {payload, sizeof payload};
    struct msghdr m = {.msg_name = &to,
                       .msg_namelen = sizeof to,
                       .msg_iov = &io,
                       .msg_iovlen = 1,
                       .msg_control = control,
                       .msg_controllen = sizeof control};
    ssize_t n = recvmsg(t->fd, &m, MSG_ERRQUEUE);
    if (n < 0)
        return false;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
        struct sock_extended_err e;
        size_t room = c->cmsg_len - CMSG_LEN(0);
        bool is_error = (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR) ||
                        (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR);
        if (!is_error || room < sizeof e)
            continue;
        memset(&from, 0, sizeof from);
        memcpy(&e, CMSG_DATA(c), sizeof e);
        memcpy(&from, CMSG_DATA(c) + sizeof e, MIN(room - sizeof e, sizeof from));
        struct ip_addr router = addr_ip(&from);
        if (router.family && of_this(t, payload, (size_t)n) &&
            (is_expired(&e) || is_unreachable(&e)))
            hop(t, &router, probe_now().mono_ns - t->sent.mono_ns, 0, is_unreachable(&e));
        break;
    }
    return true;
}

static void take_reply(struct trace_run *t, const struct datagram *d)
{
    struct stamp_reply r;
    struct ip_addr from = addr_ip(&d->from);
    if (stamp_read_reply(d->byte, d->len, t->spec.key, &r) == STAMP_GOOD && r.sender_seq == t->seq)
        hop(t, &from, d->received_ns - t->sent.wall_ns, d->ttl, false);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct trace_run *t = poll->data;
    static struct datagram d;
    (void)events;
    for (int i = 0; i < 64 && !t->over && take_error(t); i++)
        ;
    for (int i = 0; i < 64 && !t->over && udp_receive(t->fd, &d); i++)
        take_reply(t, &d);
    if (status < 0 && !t->over) /* an error on the socket, which is what we wait for */
        uv_poll_start(poll, UV_READABLE, on_poll);
}

static void on_wait(uv_timer_t *timer)
{
    struct trace_run *t = timer->data;
    on_poll(&t->poll, 0, 0); /* the loop may have stood still: what has arrived comes first */
    if (!t->over && !uv_is_active((uv_handle_t *)timer))
        hop(t, NULL, 0, 0, false);
}

static int open_socket(const struct trace_spec *s, char *why, size_t cap)
{
    struct ip_addr source = s->source.family ? s->source : (struct ip_addr){.family = s->to.family};
    union any_addr to;
    int one = 1;
    bool six = s->to.family == IPV6;
    int fd = udp_open(&source, s->source_port, why, cap);
    if (fd < 0)
        return -1;
    socklen_t len = addr_set(&to, &s->to, s->port);
    if (setsockopt(fd, six ? IPPROTO_IPV6 : IPPROTO_IP, six ? IPV6_RECVERR : IP_RECVERR, &one,
                   sizeof one) == 0 &&
        connect(fd, &to.any, len) == 0)
        return fd;
    snprintf(why, cap, "traceroute: %s", strerror(errno));
    close(fd);
    return -1;
}

struct trace_run *trace_start(struct uv_loop_s *loop, const struct trace_spec *spec,
                              trace_done *done, void *arg, char *why, size_t cap)
{
    struct trace_run *t = mem_new(1, sizeof *t);
    t->spec = *spec;
    t->spec.port = spec->port ? spec->port : STAMP_PORT;
    t->spec.wait_ms = spec->wait_ms ? spec->wait_ms : 1000;
    t->spec.hops_max = spec->hops_max ? MIN(spec->hops_max, TRACE_HOPS_MAX) : 30;
    t->spec.silent_max = spec->silent_max ? spec->silent_max : 5;
    if (spec->key) {
        t->key = *spec->key;
        t->spec.key = &t->key;
    }
    t->done = done;
    t->arg = arg;
    t->fd = open_socket(&t->spec, why, cap);
    if (t->fd < 0) {
        mem_free(t);
        return NULL;
    }
    uv_poll_init(loop, &t->poll, t->fd);
    uv_timer_init(loop, &t->wait);
    t->poll.data = t->wait.data = t;
    t->handles = 2;
    uv_poll_start(&t->poll, UV_READABLE, on_poll);
    begin(t);
    return t;
}

void trace_cancel(struct trace_run *t)
{
    BUG_ON(t->over);
    run_close(t);
}
