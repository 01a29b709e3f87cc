/* The sender of STAMP (RFC 8762, 4.2): a path, a connected socket, a session. */
#include "driver/probe/probe_i.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { A_TURN = 64 }; /* packets read before others have theirs */

struct sender {
    uv_poll_t poll;
    int fd;
    uint16_t error;         /* of our clock */
    int64_t error_until_ns; /* asked again then */
};
static const int64_t error_every_ns = 16000000000; /* ntpd corrects about as often */

static void take(struct session *s, const struct datagram *d)
{
    struct stamp_reply r;
    struct prober *p = s->prober;
    const struct stamp_key *key = p->has_key ? &p->key : NULL;
    if (stamp_read_reply(d->byte, d->len, key, &r) != STAMP_GOOD) {
        p->stats.strange++;
        return;
    }
    session_answer(s, &(struct path_answer){
                          .seq = r.sender_seq,
                          .reflector_seq = r.seq,
                          .t1_ns = r.sender_sent_ns,
                          .t2_ns = r.received_ns,
                          .t3_ns = r.sent_ns,
                          .t4_ns = d->received_ns,
                          .ttl_there = r.sender_ttl,
                          .ttl_back = d->ttl,
                      });
}

static void stamp_drain(struct session *s)
{
    struct sender *o = s->own;
    static struct datagram d; /* one thread, and done with before it returns */
    for (int i = 0; i < A_TURN && !s->closing && udp_receive(o->fd, &d); i++)
        take(s, &d);
}

/* An unreachable destination makes the socket an error, which libuv takes for the end of it. */
static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct session *s = poll->data;
    (void)events;
    stamp_drain(s);
    if (status < 0 && !s->closing)
        uv_poll_start(poll, UV_READABLE, on_poll);
}

static bool stamp_open(struct session *s, char *why, size_t cap)
{
    const struct probe_target *t = &s->target;
    struct ip_addr source =
        t->source.family ? t->source : (struct ip_addr){.family = t->address.family};
    union any_addr to;
    if (!t->address.family) {
        snprintf(why, cap, "a STAMP path needs an address");
        return false;
    }
    int fd = udp_open(&source, t->source_port, why, cap);
    if (fd < 0)
        return false;
    socklen_t len = addr_set(&to, &t->address, t->port ? t->port : STAMP_PORT);
    if (connect(fd, &to.any, len) < 0) {
        char text[IP_TEXT_MAX];
        snprintf(why, cap, "%s: %s", ip_text(&t->address, text), strerror(errno));
        close(fd);
        return false;
    }
    struct sender *o = s->own = mem_new(1, sizeof *o);
    o->fd = fd;
    uv_poll_init(s->prober->loop, &o->poll, fd);
    o->poll.data = s;
    uv_poll_start(&o->poll, UV_READABLE, on_poll);
    session_opened(s);
    return true;
}

static void stamp_send(struct session *s, uint32_t seq, struct probe_time now)
{
    struct sender *o = s->own;
    struct prober *p = s->prober;
    uint8_t packet[STAMP_AUTH_LEN];
    if (now.mono_ns >= o->error_until_ns) {
        o->error = clock_error();
        o->error_until_ns = now.mono_ns + error_every_ns;
    }
    struct stamp_request r = {.seq = seq, .error = o->error, .sent_ns = now.wall_ns};
    size_t n = stamp_write_request(packet, &r, p->has_key ? &p->key : NULL);
    if (send(o->fd, packet, n, 0) != (ssize_t)n)
        p->stats
            .send_failed++; /* the path misses it like one lost on the way: no route is no way */
}

static void on_closed(uv_handle_t *h)
{
    struct session *s = h->data;
    struct sender *o = s->own;
    close(o->fd);
    mem_free(o);
    session_closed(s);
}

static void stamp_close(struct session *s)
{
    struct sender *o = s->own;
    uv_close((uv_handle_t *)&o->poll, on_closed);
}

const struct means means_stamp = {stamp_open, stamp_send, stamp_drain, stamp_close};
