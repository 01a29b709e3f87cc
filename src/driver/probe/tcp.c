/* The connect probe: a connection is opened, the kernel's round trip of the handshake is read, and
 * it is reset, so that neither end keeps anything of it and a flow's port can be used again at
 * once. A refusal is no answer: somebody is there, but not what was asked for. */
#include "driver/probe/probe_i.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    ATTEMPTS = 16
}; /* at a time: the longest wait over the pace, or those in excess are failed */

struct attempt {
    struct tcp *tcp;
    uv_poll_t poll;
    int fd;
    uint32_t seq;
    struct probe_time sent;
    bool used; /* until its handle is closed */
    bool over;
};

struct tcp {
    struct session *session;
    struct attempt attempt[ATTEMPTS];
    uint32_t open; /* attempts whose handle is not closed, and the session itself */
};

static void tcp_release(struct tcp *t)
{
    struct session *s = t->session;
    if (--t->open)
        return;
    mem_free(t);
    session_closed(s);
}

static void on_closed(uv_handle_t *h)
{
    struct attempt *a = h->data;
    close(a->fd);
    a->used = false;
    tcp_release(a->tcp);
}

static void attempt_end(struct attempt *a)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    if (a->over)
        return;
    a->over = true;
    setsockopt(a->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    uv_close((uv_handle_t *)&a->poll, on_closed);
}

/* What the kernel measured from SYN to SYN+ACK, where it says so; else what we did. */
static int64_t handshake_ns(const struct attempt *a)
{
    struct tcp_info i;
    socklen_t len = sizeof i;
    int64_t ours = probe_now().mono_ns - a->sent.mono_ns;
    memset(&i, 0, sizeof i);
    if (getsockopt(a->fd, IPPROTO_TCP, TCP_INFO, &i, &len) == 0 && i.tcpi_rtt)
        return MIN(ours, (int64_t)i.tcpi_rtt * 1000);
    return ours;
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct attempt *a = poll->data;
    struct session *s = a->tcp->session;
    int error = 0;
    socklen_t len = sizeof error;
    (void)events;
    getsockopt(a->fd, SOL_SOCKET, SO_ERROR, &error, &len);
    uint32_t seq = a->seq;
    int64_t t1 = a->sent.wall_ns, took = handshake_ns(a);
    attempt_end(a);
    if (error || status < 0)
        session_failed(s, seq);
    else
        session_answer(s, &(struct path_answer){.seq = seq, .t1_ns = t1, .t4_ns = t1 + took});
}

static bool tcp_open(struct session *s, char *why, size_t cap)
{
    if (!s->target.address.family || !s->target.port) {
        snprintf(why, cap, "a TCP path needs an address and a port");
        return false;
    }
    struct tcp *t = s->own = mem_new(1, sizeof *t);
    t->session = s;
    t->open = 1;
    session_opened(s);
    return true;
}

/* A socket that is connecting; -1: it failed at once. */
static int begin(const struct probe_target *t)
{
    union any_addr from, to;
    int one = 1;
    socklen_t len = addr_set(&to, &t->address, t->port);
    int fd = socket(to.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    if (t->source.family || t->source_port) {
        struct ip_addr source =
            t->source.family ? t->source : (struct ip_addr){.family = t->address.family};
        socklen_t from_len = addr_set(&from, &source, t->source_port);
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
        if (bind(fd, &from.any, from_len) < 0) {
            close(fd);
            return -1;
        }
    }
    if (connect(fd, &to.any, len) < 0 && errno != EINPROGRESS) {
        close(fd);
        return -1;
    }
    return fd;
}

/* A free attempt. Those too old to be waited for are ended; so is the one before when the path has
 * a port of its own, which only one attempt can have. */
static struct attempt *attempt_of(struct tcp *t)
{
    const struct probe_target *target = &t->session->target;
    int64_t longest_ns =
        (int64_t)(target->path.timeout_max_ms ? target->path.timeout_max_ms : 1000) * 1000000;
    int64_t old_ns = probe_now().mono_ns - longest_ns;
    struct attempt *found = NULL;
    for (int i = 0; i < ATTEMPTS; i++) {
        struct attempt *a = &t->attempt[i];
        if (!a->used)
            found = found ? found : a;
        else if (!a->over && (a->sent.mono_ns < old_ns || target->source_port))
            attempt_end(a);
    }
    return found;
}

static void tcp_send(struct session *s, uint32_t seq, struct probe_time now)
{
    struct tcp *t = s->own;
    struct attempt *a = attempt_of(t);
    int fd = a ? begin(&s->target) : -1;
    if (fd < 0) {
        s->prober->stats.send_failed++;
        session_failed(s, seq);
        return;
    }
    *a = (struct attempt){.tcp = t, .fd = fd, .seq = seq, .sent = now, .used = true};
    t->open++;
    uv_poll_init(s->prober->loop, &a->poll, fd);
    a->poll.data = a;
    uv_poll_start(&a->poll, UV_WRITABLE, on_poll);
}

static void tcp_close(struct session *s)
{
    struct tcp *t = s->own;
    for (int i = 0; i < ATTEMPTS; i++)
        if (t->attempt[i].used)
            attempt_end(&t->attempt[i]);
    tcp_release(t);
}

const struct means means_tcp = {tcp_open, tcp_send, NULL, tcp_close};
