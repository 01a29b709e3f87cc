/* http_fixture.h - an HTTP server in a thread of its own, with handlers for every way to reply, and
 * a blocking client.
 *
 * The main thread is the client. What the test does to the server while it runs goes through
 * in_loop, which calls a function in the server's thread and waits for it. Client sockets have a
 * time limit of 20 s, so a hanging server fails a test and does not hang it. */
#pragma once

#include "base/mem.h"
#include "http/http.h"
#include "tap.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#include <uv.h>

enum { FIX_STREAMS_MAX = 16, FIX_LATER_MAX = 64, FIX_STATIC = 3000000 };

struct slot { /* what the callbacks of a stream or deferred request get */
    struct fixture *f;
    int index;
};

struct fixture {
    uv_loop_t loop;
    uv_async_t wake;
    pthread_t thread;
    struct http_server *server;
    int port;
    void (*call)(struct fixture *f, void *arg); /* what in_loop asks for */
    void *call_arg;
    sem_t called;
    /* only the server's thread touches what follows, or in_loop */
    int handled, cancelled, streams_closed;
    int n_streams, n_later;
    struct http_stream *streams[FIX_STREAMS_MAX]; /* NULL once closed */
    struct http_request *later[FIX_LATER_MAX];    /* NULL once replied to or cancelled */
    struct slot stream_slots[FIX_STREAMS_MAX], later_slots[FIX_LATER_MAX];
    struct http_stats stats; /* as in_loop(f, copy_stats, NULL) left them */
    bool stopped;
    char *pattern; /* FIX_STATIC bytes */
};

static void pattern_fill(char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        p[i] = (char)('a' + i * 7 / 26 % 26);
}

/* ---- handlers ---- */

static void on_later_cancelled(void *arg)
{
    struct slot *s = arg;
    s->f->later[s->index] = NULL;
    s->f->cancelled++;
}

static void on_stream_closed(void *arg)
{
    struct slot *s = arg;
    s->f->streams[s->index] = NULL;
    s->f->streams_closed++;
}

struct delayed {
    uv_timer_t timer;
    struct http_request *rq;
};

static void on_timer_closed(uv_handle_t *h)
{
    mem_free(CONTAINER_OF(h, struct delayed, timer));
}

static void on_delay_over(uv_timer_t *t)
{
    struct delayed *d = CONTAINER_OF(t, struct delayed, timer);
    if (d->rq) {
        struct http_span p = d->rq->path; /* still there */
        http_reply(d->rq, 200, "text/plain", p.p, p.n);
    }
    uv_close((uv_handle_t *)t, on_timer_closed);
}

static void on_delay_cancelled(void *arg)
{
    struct delayed *d = arg;
    d->rq = NULL;
}

static void reply_delayed(struct fixture *f, struct http_request *rq)
{
    struct delayed *d = mem_new(1, sizeof *d);
    d->rq = rq;
    uv_timer_init(&f->loop, &d->timer);
    uv_timer_start(&d->timer, on_delay_over, 1, 0);
    http_defer(rq, on_delay_cancelled, d);
}

static void reply_echo(struct http_request *rq)
{
    struct buf b = {0};
    buf_fmt(&b, "%s %.*s", http_method_names[rq->method], (int)rq->path.n, rq->path.p);
    if (rq->query.p)
        buf_fmt(&b, "?%.*s", (int)rq->query.n, rq->query.p);
    buf_fmt(&b, " %zu:", rq->body.n);
    buf_add(&b, rq->body.p, rq->body.n);
    http_reply(rq, 200, "text/plain", b.data, b.len);
    buf_free(&b);
}

static void reply_sized(struct fixture *f, struct http_request *rq, bool is_static)
{
    char text[16];
    if (http_query_get(rq->query, "n", text, sizeof text) != HTTP_PARAM_OK) {
        http_problem(rq, 400, NULL, "n is missing.");
        return;
    }
    size_t n = strtoul(text, NULL, 10);
    if (is_static)
        http_reply_static(rq, 200, "text/plain", f->pattern, n);
    else
        http_reply(rq, 200, "text/plain", f->pattern, n);
}

static void reply_asset(struct http_request *rq)
{
    static const char plain[] = "<p>plain</p>", gz[] = "gzipped", br[] = "br";
    static const struct http_asset asset = {
        .type = "text/html; charset=utf-8",
        .etag = "\"v1\"",
        .identity = {plain, sizeof plain - 1},
        .gzip = {gz, sizeof gz - 1},
        .br = {br, sizeof br - 1},
    };
    http_reply_asset(rq, &asset);
}

static void reply_match(struct http_request *rq)
{
    static const char *const text[] = {"absent", "yes", "no"};
    const char *m = text[http_if_match(rq, "\"7\"")];
    if (http_if_none_match(rq, "W/\"7\"")) {
        http_reply(rq, 304, NULL, NULL, 0);
        return;
    }
    http_reply_header(rq, "X-Injected", "a\r\nb: c\x7f");
    http_reply(rq, 200, "text/plain", m, strlen(m));
}

static void handle(void *arg, struct http_request *rq)
{
    struct fixture *f = arg;
    f->handled++;
    if (http_span_is(rq->path, "/echo")) {
        reply_echo(rq);
    } else if (http_span_is(rq->path, "/delayed")) {
        reply_delayed(f, rq);
    } else if (http_span_is(rq->path, "/later")) {
        int i = f->n_later++;
        BUG_ON(i == FIX_LATER_MAX);
        f->later[i] = rq;
        f->later_slots[i] = (struct slot){f, i};
        http_defer(rq, on_later_cancelled, &f->later_slots[i]);
    } else if (http_span_is(rq->path, "/events")) {
        int i = f->n_streams++;
        BUG_ON(i == FIX_STREAMS_MAX);
        f->stream_slots[i] = (struct slot){f, i};
        http_reply_header(rq, "Cache-Control", "no-store");
        f->streams[i] =
            http_stream_start(rq, "text/event-stream", on_stream_closed, &f->stream_slots[i]);
    } else if (http_span_is(rq->path, "/big")) {
        reply_sized(f, rq, false);
    } else if (http_span_is(rq->path, "/static")) {
        reply_sized(f, rq, true);
    } else if (http_span_is(rq->path, "/asset")) {
        reply_asset(rq);
    } else if (http_span_is(rq->path, "/match")) {
        reply_match(rq);
    } else if (http_span_is(rq->path, "/peer")) {
        char peer[46];
        http_peer(rq, peer);
        http_reply(rq, 200, "text/plain", peer, strlen(peer));
    } else if (http_span_is(rq->path, "/none")) {
        http_reply(rq, 204, NULL, NULL, 0);
    } else {
        http_problem(rq, 404, NULL, "\"There\" is nothing.");
    }
}

/* ---- the server ---- */

static void on_wake(uv_async_t *a)
{
    struct fixture *f = CONTAINER_OF(a, struct fixture, wake);
    if (!f->call)
        return;
    void (*call)(struct fixture *, void *) = f->call;
    f->call = NULL;
    call(f, f->call_arg);
    sem_post(&f->called);
}

static void in_loop(struct fixture *f, void (*call)(struct fixture *f, void *arg), void *arg)
{
    f->call_arg = arg;
    f->call = call;
    uv_async_send(&f->wake); /* orders the stores before it and the loads in on_wake */
    while (sem_wait(&f->called) != 0)
        ;
}

static void copy_stats(struct fixture *f, void *arg)
{
    f->stats = *http_server_stats(f->server);
}

static void on_server_closed(void *arg)
{
    struct fixture *f = arg;
    f->stopped = true;
    uv_close((uv_handle_t *)&f->wake, NULL);
}

static void close_server(struct fixture *f, void *arg)
{
    http_server_close(f->server, on_server_closed, f);
}

static void *run_loop(void *arg)
{
    struct fixture *f = arg;
    uv_run(&f->loop, UV_RUN_DEFAULT);
    return NULL;
}

/* Limits short enough for a test; those that must not strike are long. */
static struct http_config quick_config(void)
{
    struct http_config c = HTTP_DEFAULTS;
    c.linger_ms = 500;
    return c;
}

static void fixture_start(struct fixture *f, const struct http_config *config)
{
    char error[200] = "";
    *f = (struct fixture){0};
    signal(SIGPIPE, SIG_IGN);
    f->pattern = mem_new(FIX_STATIC, 1);
    pattern_fill(f->pattern, FIX_STATIC);
    BUG_ON(sem_init(&f->called, 0, 0) != 0 || uv_loop_init(&f->loop) != 0 ||
           uv_async_init(&f->loop, &f->wake, on_wake) != 0);
    f->server = http_server_new(&f->loop, config, handle, f);
    f->port = http_server_listen(f->server, "127.0.0.1", 0, error, sizeof error);
    BUG_ON(f->port < 0);
    BUG_ON(pthread_create(&f->thread, NULL, run_loop, f) != 0);
}

/* After close_server has been called in the loop. */
static void fixture_join(struct fixture *f)
{
    pthread_join(f->thread, NULL);
    CHECK(f->stopped);
    CHECK_EQ(uv_loop_close(&f->loop), 0); /* no handle was left */
    sem_destroy(&f->called);
    mem_free(f->pattern);
}

static void fixture_stop(struct fixture *f)
{
    in_loop(f, close_server, NULL);
    fixture_join(f);
}

/* ---- the client ---- */

static int client_socket(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    struct timeval limit = {.tv_sec = 20};
    BUG_ON(fd < 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

static bool dial_on(int fd, const struct fixture *f)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)f->port),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    return connect(fd, (struct sockaddr *)&a, sizeof a) == 0;
}

static int dial(const struct fixture *f)
{
    int fd = client_socket();
    BUG_ON(!dial_on(fd, f));
    return fd;
}

static bool send_all(int fd, const void *data, size_t n)
{
    for (const char *p = data; n;) {
        ssize_t k = send(fd, p, n, MSG_NOSIGNAL);
        if (k <= 0)
            return false;
        p += k;
        n -= (size_t)k;
    }
    return true;
}

static bool send_text(int fd, const char *text)
{
    return send_all(fd, text, strlen(text));
}

/* Reads some bytes more; 0: the end, -1: an error or the time limit. */
static int receive(int fd, struct buf *b)
{
    char piece[65536];
    ssize_t k = recv(fd, piece, sizeof piece, 0);
    if (k > 0)
        buf_add(b, piece, (size_t)k);
    return k > 0 ? 1 : (int)k;
}

/* Reads until the server closes. False: it did not, or reset the connection. */
static bool receive_all(int fd, struct buf *b)
{
    int k;
    buf_reserve(b, 1);
    b->data[b->len] = 0;
    while ((k = receive(fd, b)) > 0)
        ;
    return k == 0;
}

/* One reply taken from the front of `in`, which is filled from the socket as needed. */
struct reply {
    int status;
    struct buf head, body; /* head with its empty line */
};

static void reply_free(struct reply *r)
{
    buf_free(&r->head);
    buf_free(&r->body);
}

static bool receive_to(int fd, struct buf *in, size_t n)
{
    while (in->len < n)
        if (receive(fd, in) <= 0)
            return false;
    return true;
}

static void drop_front(struct buf *b, size_t n)
{
    memmove(b->data, b->data + n, b->len - n + 1);
    b->len -= n;
}

/* The value of a field in a reply's head, "" when it is not there; valid until the next call. */
static const char *field_of(const struct reply *r, const char *name)
{
    static char value[300];
    char line[100];
    snprintf(line, sizeof line, "\r\n%s: ", name);
    const char *p = strstr(r->head.data, line);
    value[0] = 0;
    if (p) {
        p += strlen(line);
        snprintf(value, sizeof value, "%.*s", (int)strcspn(p, "\r"), p);
    }
    return value;
}

/* bodiless: the reply to HEAD. */
static bool receive_reply(int fd, struct buf *in, struct reply *r, bool bodiless)
{
    char *end;
    buf_reset(&r->head);
    buf_reset(&r->body);
    r->status = 0;
    while (!in->len || !(end = strstr(in->data, "\r\n\r\n")))
        if (receive(fd, in) <= 0)
            return false;
    size_t n = (size_t)(end - in->data) + 4;
    buf_add(&r->head, in->data, n);
    drop_front(in, n);
    if (strncmp(r->head.data, "HTTP/1.1 ", 9) != 0)
        return false;
    r->status = (int)strtol(r->head.data + 9, NULL, 10);
    bodiless = bodiless || r->status == 204 || r->status == 304 || r->status < 200;
    n = bodiless ? 0 : strtoul(field_of(r, "Content-Length"), NULL, 10);
    if (!receive_to(fd, in, n))
        return false;
    buf_add(&r->body, in->data, n);
    if (n)
        drop_front(in, n);
    return true;
}

/* Sends one request on a connection of its own and reads one reply. */
static struct reply ask(const struct fixture *f, const char *request)
{
    struct reply r = {0};
    struct buf in = {0};
    int fd = dial(f);
    CHECK(send_text(fd, request));
    CHECK(receive_reply(fd, &in, &r, !strncmp(request, "HEAD", 4)));
    CHECK_EQ(in.len, 0);
    close(fd);
    buf_free(&in);
    return r;
}
