/* http_stream.c - replies that go on: a bounded queue for each client, and no mercy for slow ones.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include "http/http_i.h"

static struct http_conn *of(struct http_stream *st)
{
    return CONTAINER_OF(st, struct http_conn, stream);
}

/* The kernel would take megabytes for a client that does not read; with this it stops when so many
 * bytes have not even been sent, and the bound of the queue means something (tcp(7)). */
static void bound_kernel(struct http_conn *c)
{
    int fd, most = HTTP_NOTSENT_MAX;
    if (uv_fileno((uv_handle_t *)&c->tcp, &fd) == 0)
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &most, sizeof most);
}

struct http_stream *http_stream_start(struct http_request *rq, const char *content_type,
                                      void (*closed)(void *arg), void *arg)
{
    struct http_conn *c = conn_of(rq);
    BUG_ON(!closed || !content_type);
    c->cancelled = NULL;
    if (c->state == CONN_CLOSED) /* the client has gone, its owner does not know yet */
        return NULL;
    BUG_ON(c->state != CONN_HANDLER);
    c->stream.chunked = c->parser.head.minor > 0;
    if (!reply_head(c, 200, content_type, 0, true)) { /* HEAD */
        c->close_after = true;
        conn_replied(c);
        return NULL;
    }
    c->stream.closed = closed;
    c->stream.closed_arg = arg;
    buf_reset(&c->fields);
    c->server->stats.streams++;
    conn_set_state(c, CONN_STREAM);
    bound_kernel(c);
    conn_make_ready(c);
    if (c->eof)
        conn_close(c);
    else if (c->server->draining)
        http_stream_end(&c->stream);
    return &c->stream;
}

bool http_stream_send(struct http_stream *st, const void *data, size_t len)
{
    struct http_conn *c = of(st);
    size_t most = c->server->config.stream_queue_max;
    if (c->state != CONN_STREAM || st->ending)
        return false;
    if (conn_unsent(c) && conn_unsent(c) + len > most) {
        conn_flush(c); /* it may only be that this turn of the loop has sent much */
        if (c->state != CONN_STREAM)
            return false;
        if (conn_unsent(c) && conn_unsent(c) + len > most) {
            c->server->stats.streams_dropped++;
            conn_reset(c);
            return false;
        }
    }
    if (!len)
        return true;
    if (st->chunked)
        buf_fmt(&c->out, "%zx\r\n", len);
    buf_add(&c->out, data, len);
    if (st->chunked)
        buf_add(&c->out, "\r\n", 2);
    conn_make_ready(c);
    return true;
}

void http_stream_end(struct http_stream *st)
{
    struct http_conn *c = of(st);
    if (c->state != CONN_STREAM || st->ending)
        return;
    if (st->chunked)
        buf_str(&c->out, "0\r\n\r\n");
    st->ending = true;
    c->close_after = true;
    conn_make_ready(c);
}
