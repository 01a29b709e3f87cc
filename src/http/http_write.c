/* http_write.c - the way out of a connection: one write when the socket takes it all, else the rest
 * waits in libuv and what comes later waits in `out`. */
#include "http/http_i.h"

static void trim(struct buf *b)
{
    if (b->cap > HTTP_OUT_KEEP)
        buf_free(b);
    else
        buf_reset(b);
}

size_t conn_unsent(const struct http_conn *c)
{
    size_t n = c->out.len + c->tail.n;
    if (c->writing)
        n += MAX(uv_stream_get_write_queue_size((const uv_stream_t *)&c->tcp), (size_t)1);
    return n;
}

static void on_written(uv_write_t *w, int status)
{
    struct http_conn *c = CONTAINER_OF(w, struct http_conn, write);
    c->writing = false;
    trim(&c->sending);
    if (status)
        conn_close(c);
    else
        conn_run(c);
}

/* The socket took `sent` bytes of out and tail; the rest goes when it has room. */
static void conn__wait(struct http_conn *c, size_t sent)
{
    struct buf free_one = c->sending;
    size_t first = MIN(sent, c->out.len);
    c->sending = c->out;
    c->out = free_one;
    uv_buf_t b[2] = {
        uv_buf_init(c->sending.data + first, (unsigned)(c->sending.len - first)),
        uv_buf_init((char *)(uintptr_t)c->tail.p + (sent - first),
                    (unsigned)(c->tail.n - (sent - first))),
    };
    bool one = !b[1].len;
    c->tail = (struct http_span){NULL, 0};
    c->writing = true;
    if (uv_write(&c->write, (uv_stream_t *)&c->tcp, b, one ? 1 : 2, on_written) != 0) {
        c->writing = false;
        conn_close(c);
        return;
    }
    c->write_left = uv_stream_get_write_queue_size((uv_stream_t *)&c->tcp);
    c->write_deadline_ms = uv_now(c->server->loop) + c->server->config.write_timeout_ms;
}

void conn_flush(struct http_conn *c)
{
    size_t all = c->out.len + c->tail.n;
    if (c->writing || !all || c->state == CONN_CLOSED)
        return;
    uv_buf_t b[2] = {
        uv_buf_init(c->out.data, (unsigned)c->out.len),
        uv_buf_init((char *)(uintptr_t)c->tail.p, (unsigned)c->tail.n),
    };
    int n = uv_try_write((uv_stream_t *)&c->tcp, b, c->tail.n ? 2 : 1);
    if (n < 0 && n != UV_EAGAIN) {
        conn_close(c);
        return;
    }
    size_t sent = n > 0 ? (size_t)n : 0;
    c->server->stats.bytes_out += all; /* what libuv has not sent yet, it will */
    if (sent < all) {
        conn__wait(c, sent);
        return;
    }
    trim(&c->out);
    c->tail = (struct http_span){NULL, 0};
}
