/* http_conn.c - a connection's states: reading, taking requests in turn, waiting, closing. */
#include <string.h>
#include <sys/socket.h>

#include "http/http_i.h"

void conn_set_state(struct http_conn *c, enum conn_state state)
{
    const struct http_config *g = &c->server->config;
    uint64_t now = uv_now(c->server->loop), limit = 0;
    switch (state) {
    case CONN_IDLE: limit = g->idle_timeout_ms; break;
    case CONN_HEAD: limit = g->header_timeout_ms; break;
    case CONN_BODY: limit = g->body_timeout_ms; break;
    case CONN_HANDLER: limit = g->reply_timeout_ms; break;
    case CONN_LINGER: limit = g->linger_ms; break;
    case CONN_STREAM:
    case CONN_CLOSED: limit = UINT64_MAX - now; break;
    }
    c->state = state;
    c->deadline_ms = now + limit;
}

struct http_span conn_field(const struct http_conn *c, uint32_t index)
{
    const struct http_field *f = &c->parser.head.fields[index];
    return (struct http_span){c->in + c->in_start + f->value, f->value_len};
}

/* ---- the end ---- */

static void on_closed(uv_handle_t *h)
{
    struct http_conn *c = CONTAINER_OF(h, struct http_conn, tcp);
    struct http_server *s = c->server;
    if (c->cancelled)
        c->cancelled(c->cancelled_arg);
    if (c->stream.closed) {
        s->stats.streams--;
        c->stream.closed(c->stream.closed_arg);
    }
    LIST_REMOVE(c, link);
    s->stats.conns--;
    mem_free(c->in);
    buf_free(&c->fields);
    buf_free(&c->out);
    buf_free(&c->sending);
    mem_free(c);
    server_conn_gone(s);
}

static void conn__unready(struct http_conn *c)
{
    if (c->ready)
        TAILQ_REMOVE(&c->server->ready, c, ready_link);
    c->ready = false;
}

void conn_close(struct http_conn *c)
{
    if (c->state == CONN_CLOSED)
        return;
    conn__unready(c);
    conn_set_state(c, CONN_CLOSED);
    uv_close((uv_handle_t *)&c->tcp, on_closed);
}

void conn_reset(struct http_conn *c)
{
    if (c->state == CONN_CLOSED)
        return;
    conn__unready(c);
    conn_set_state(c, CONN_CLOSED);
    if (uv_tcp_close_reset(&c->tcp, on_closed) != 0)
        uv_close((uv_handle_t *)&c->tcp, on_closed);
}

/* All is sent: close our side and read on until the client closes his. */
static void conn__linger(struct http_conn *c)
{
    int fd;
    if (c->eof || uv_fileno((uv_handle_t *)&c->tcp, &fd) != 0 || shutdown(fd, SHUT_WR) != 0)
        conn_close(c);
    else
        conn_set_state(c, CONN_LINGER);
}

/* ---- reading ---- */

static bool conn__discards(const struct http_conn *c)
{
    return c->state == CONN_STREAM || c->state == CONN_LINGER || c->close_after;
}

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *b)
{
    struct http_conn *c = CONTAINER_OF(h, struct http_conn, tcp);
    if (conn__discards(c))
        *b = uv_buf_init(c->server->discard, sizeof c->server->discard);
    else
        *b = uv_buf_init(c->in + c->in_end, (unsigned)(c->in_cap - c->in_end));
}

static void conn__reading(struct http_conn *c);

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *b)
{
    struct http_conn *c = CONTAINER_OF(stream, struct http_conn, tcp);
    if (n == 0)
        return;
    if (n > 0) {
        c->server->stats.bytes_in += (uint64_t)n;
        if (b->base == c->server->discard)
            return;
        c->in_end += (size_t)n;
        if (c->state == CONN_HANDLER) /* the next request waits for its turn */
            conn__reading(c);
        else
            conn_run(c);
        return;
    }
    c->reading = false;
    c->eof = true;
    if (n != UV_EOF || c->state == CONN_STREAM || c->state == CONN_LINGER)
        conn_close(c);
    else if (c->state == CONN_HANDLER)
        uv_read_stop(stream);
    else
        conn_run(c);
}

/* Makes room behind in_end when the request at hand is not complete. Nothing may move while a
 * handler has spans into the buffer. */
static void conn__make_room(struct http_conn *c, bool hungry)
{
    if (c->state == CONN_HANDLER || conn__discards(c))
        return;
    if (c->in_start == c->in_end) {
        c->in_start = c->in_end = 0;
        if (c->in_cap > HTTP_IN_KEEP) {
            c->in = mem_grow(c->in, HTTP_IN_FIRST, 1);
            c->in_cap = HTTP_IN_FIRST;
        }
    }
    if (c->in_end < c->in_cap)
        return;
    if (c->in_start) {
        memmove(c->in, c->in + c->in_start, c->in_end - c->in_start);
        c->in_end -= c->in_start;
        c->in_start = 0;
    } else if (hungry) {
        size_t most = http_message_max(&c->server->limits) + 1;
        BUG_ON(c->in_cap >= most); /* the parser would have refused it */
        c->in_cap = MIN(c->in_cap * 2, most);
        c->in = mem_grow(c->in, c->in_cap, 1);
    }
}

/* Starts or stops reading according to the room there is. */
static void conn__reading(struct http_conn *c)
{
    bool want = !c->eof && (conn__discards(c) || c->in_end < c->in_cap);
    if (c->state == CONN_CLOSED || want == c->reading)
        return;
    c->reading = want;
    if (!want)
        uv_read_stop((uv_stream_t *)&c->tcp);
    else if (uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read) != 0)
        conn_close(c);
}

/* ---- requests in turn ---- */

static void conn__refuse(struct http_conn *c, int status, const char *why)
{
    c->server->stats.refused++;
    reply_refuse(c, status, why);
}

static void conn__head_done(struct http_conn *c)
{
    const char *why = NULL;
    const struct http_head *h = &c->parser.head;
    conn_set_state(c, CONN_BODY);
    int status = policy_check(c, &why);
    if (status) {
        conn__refuse(c, status, why);
        return;
    }
    bool body_due = h->chunked || h->body_len;
    if (h->expects && body_due && c->in_end - c->in_start == h->len)
        buf_str(&c->out, "HTTP/1.1 100 Continue\r\n\r\n");
}

static struct http_span conn__span(const struct http_conn *c, size_t at, size_t n)
{
    return (struct http_span){c->in + c->in_start + at, n};
}

static void conn__dispatch(struct http_conn *c)
{
    const struct http_head *h = &c->parser.head;
    c->rq = (struct http_request){
        .method = h->method,
        .path = h->path_len ? conn__span(c, h->path, h->path_len) : HTTP_SPAN("/"),
        .body = conn__span(c, c->parser.body_at, c->parser.body_len),
    };
    if (h->has_query)
        c->rq.query = conn__span(c, h->query, h->query_len);
    conn_set_state(c, CONN_HANDLER);
    c->deferred = false;
    if (http_span_is(c->rq.path, "*")) { /* OPTIONS of the server as a whole */
        http_reply_header(&c->rq, "Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
        http_reply(&c->rq, 204, NULL, NULL, 0);
        return;
    }
    c->server->stats.requests++;
    c->server->handler(c->server->arg, &c->rq);
    BUG_ON(c->state == CONN_HANDLER && !c->deferred); /* the handler forgot to reply */
}

/* True when there is something left to do with the bytes at hand. */
static bool conn__step(struct http_conn *c)
{
    switch (http_parse(&c->parser, c->in + c->in_start, c->in_end - c->in_start)) {
    case HTTP_STEP_MORE:
        if (c->state == CONN_IDLE)
            conn_set_state(c, CONN_HEAD);
        return false;
    case HTTP_STEP_HEAD: conn__head_done(c); return true;
    case HTTP_STEP_DONE: conn__dispatch(c); return true;
    case HTTP_STEP_REFUSED: conn__refuse(c, c->parser.status, c->parser.why); break;
    }
    return false;
}

static bool conn__takes_requests(const struct http_conn *c)
{
    return c->state <= CONN_BODY && !c->close_after && !c->writing && !c->tail.n &&
           c->in_start < c->in_end;
}

/* What is due once no request can be taken: closing, and reading on. */
static void conn__settle(struct http_conn *c, bool hungry)
{
    if (c->state == CONN_STREAM && c->in) {
        mem_free(c->in);
        c->in = NULL;
        c->in_cap = c->in_start = c->in_end = 0;
    }
    if (c->state != CONN_HANDLER && c->state != CONN_LINGER && !conn_unsent(c)) {
        bool idle = c->state == CONN_IDLE && c->in_start == c->in_end;
        if (c->close_after)
            conn__linger(c);
        else if (c->eof || (idle && c->server->draining))
            conn_close(c);
    }
    if (c->state != CONN_CLOSED) {
        conn__make_room(c, hungry);
        conn__reading(c);
    }
}

void conn_run(struct http_conn *c)
{
    bool hungry = false;
    if (c->running || c->state == CONN_CLOSED)
        return;
    c->running = true;
    if (c->tail.n) /* of a deferred reply; what follows must not overtake it */
        conn_flush(c);
    while (!hungry && conn__takes_requests(c)) {
        hungry = !conn__step(c);
        if (c->tail.n || c->out.len >= HTTP_OUT_HIGH)
            conn_flush(c);
    }
    conn_flush(c);
    c->running = false;
    if (c->state != CONN_CLOSED)
        conn__settle(c, hungry);
}

void conn_make_ready(struct http_conn *c)
{
    if (c->ready || c->running || c->state == CONN_CLOSED)
        return;
    c->ready = true;
    TAILQ_INSERT_TAIL(&c->server->ready, c, ready_link);
    server_make_ready(c->server);
}

void conn_replied(struct http_conn *c)
{
    c->cancelled = NULL;
    c->deferred = false;
    buf_reset(&c->fields);
    c->in_start += c->close_after ? c->in_end - c->in_start : c->parser.pos;
    http_parser_reset(&c->parser);
    conn_set_state(c, CONN_IDLE);
    conn_make_ready(c);
}

void http_defer(struct http_request *rq, void (*cancelled)(void *arg), void *arg)
{
    struct http_conn *c = conn_of(rq);
    BUG_ON(c->state != CONN_HANDLER || c->deferred || !cancelled);
    c->deferred = true;
    c->cancelled = cancelled;
    c->cancelled_arg = arg;
}

void http_drop(struct http_request *rq, bool reset)
{
    struct http_conn *c = conn_of(rq);
    BUG_ON(c->state != CONN_HANDLER || !c->deferred || c->running);
    if (reset)
        conn_reset(c);
    else
        conn_close(c);
}

/* ---- opening, time, stopping ---- */

void conn_open(struct http_server *s, uv_stream_t *listener)
{
    struct http_conn *c = mem_new(1, sizeof *c);
    c->server = s;
    BUG_ON(uv_tcp_init(s->loop, &c->tcp) != 0);
    LIST_INSERT_HEAD(&s->conns, c, link);
    s->stats.conns++;
    s->stats.accepted++;
    conn_set_state(c, CONN_HEAD);
    if (uv_accept(listener, (uv_stream_t *)&c->tcp) != 0) {
        conn_close(c);
        return;
    }
    uv_tcp_nodelay(&c->tcp, 1);
    http_parser_init(&c->parser, &s->limits);
    c->in_cap = HTTP_IN_FIRST;
    c->in = mem_new(c->in_cap, 1);
    conn__reading(c);
}

/* The time of a state is up. */
static void conn__timed_out(struct http_conn *c)
{
    c->server->stats.timeouts += c->state != CONN_IDLE && c->state != CONN_LINGER;
    if (c->state == CONN_HANDLER) {
        void (*cancelled)(void *) = c->cancelled;
        c->cancelled = NULL;
        cancelled(c->cancelled_arg);
        reply_refuse(c, 503, "There was no reply in time.");
    } else if ((c->state == CONN_HEAD || c->state == CONN_BODY) && c->in_start < c->in_end &&
               !c->writing) {
        reply_refuse(c, 408, "The request did not come in time.");
    } else {
        conn_close(c);
    }
    conn_run(c);
}

void conn_sweep(struct http_conn *c, uint64_t now_ms)
{
    if (c->state == CONN_CLOSED)
        return;
    if (c->writing) {
        size_t left = uv_stream_get_write_queue_size((uv_stream_t *)&c->tcp);
        if (left < c->write_left) {
            c->write_left = left;
            c->write_deadline_ms = now_ms + c->server->config.write_timeout_ms;
        } else if (now_ms >= c->write_deadline_ms) {
            c->server->stats.timeouts++;
            conn_reset(c);
        }
    } else if (now_ms >= c->deadline_ms) {
        conn__timed_out(c);
    }
}

void conn_drain(struct http_conn *c)
{
    bool untouched = c->state <= CONN_HEAD && c->in_start == c->in_end && !conn_unsent(c);
    if (untouched && !c->running)
        conn_close(c);
    else if (c->state == CONN_STREAM)
        http_stream_end(&c->stream);
}
