/* http_server.c - listening, accepting within limits, the clock of all connections, stopping. */
#include <stdio.h>
#include <string.h>

#include "http/http_i.h"

static void server__name(struct http_server *s, const char *name)
{
    BUG_ON(s->n_names == HTTP_NAMES_MAX);
    BUG_ON(!str_copy(s->names[s->n_names], HTTP_HOST_MAX, name));
    s->n_names++;
}

/* The sweep: often enough for the shortest limit, at most twice a second. */
static uint64_t sweep_ms(const struct http_config *g)
{
    uint32_t limits[] = {g->header_timeout_ms, g->body_timeout_ms,  g->idle_timeout_ms,
                         g->reply_timeout_ms,  g->write_timeout_ms, g->linger_ms,
                         g->drain_ms};
    uint32_t least = 2000;
    for (size_t i = 0; i < COUNTOF(limits); i++)
        least = MIN(least, limits[i]);
    return MAX(least / 4, 10u);
}

/* Would this connection rather leave than that one? Those whose last reply is sent go first, then
 * those that have been idle longest. NULL and connections at work never leave. */
static bool leaves_first(const struct http_conn *c, const struct http_conn *than)
{
    if (c->ready || (c->state != CONN_IDLE && c->state != CONN_LINGER))
        return false;
    if (!than || c->state != than->state)
        return !than || c->state == CONN_LINGER;
    return c->deadline_ms <= than->deadline_ms;
}

/* Accepts no more than there is room for. An idle connection makes room: its client may come back
 * any time, while the new one is here now. */
static bool server__has_room(struct http_server *s)
{
    struct http_conn *c, *first = NULL;
    uint64_t idle_ms = s->config.idle_timeout_ms;
    if (s->stats.conns < s->config.conns_max)
        return true;
    LIST_FOREACH(c, &s->conns, link)
    {
        if (leaves_first(c, first))
            first = c;
    }
    /* deadline = start of idling + idle_ms */
    if (!first || (first->state == CONN_IDLE &&
                   first->deadline_ms + HTTP_IDLE_EVICTED_MS > uv_now(s->loop) + idle_ms))
        return false;
    conn_close(first);
    return true;
}

/* One connection more than we have room for is told so, as far as one write can. */
static void on_turned_away(uv_handle_t *h)
{
    struct http_server *s = h->data;
    mem_free(h);
    s->handles--;
    server_conn_gone(s);
}

static void server__turn_away(struct http_server *s, uv_stream_t *listener)
{
    static const char busy[] = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\n"
                               "Connection: close\r\nContent-Length: 0\r\n\r\n";
    uv_tcp_t *t = mem_new(1, sizeof *t);
    uv_buf_t b = uv_buf_init((char *)(uintptr_t)busy, sizeof busy - 1);
    BUG_ON(uv_tcp_init(s->loop, t) != 0);
    t->data = s;
    s->handles++;
    s->stats.turned_away++;
    if (uv_accept(listener, (uv_stream_t *)t) == 0)
        (void)uv_try_write((uv_stream_t *)t, &b, 1);
    uv_close((uv_handle_t *)t, on_turned_away);
}

/* Out of descriptors: libuv keeps a spare one, with which it accepts and closes the connection, so
 * that the listening socket does not stay readable for ever. */
static void on_connection(uv_stream_t *listener, int status)
{
    struct http_server *s = listener->data;
    if (status || s->draining)
        return;
    if (server__has_room(s))
        conn_open(s, listener);
    else
        server__turn_away(s, listener);
}

static void on_sweep(uv_timer_t *timer)
{
    struct http_server *s = timer->data;
    struct http_conn *c;
    uint64_t now_ms = uv_now(s->loop);
    bool over = s->draining && now_ms >= s->drain_until_ms;
    LIST_FOREACH(c, &s->conns, link) /* closing is done later, so the list does not change */
    {
        if (over)
            conn_close(c);
        else
            conn_sweep(c, now_ms);
    }
}

static void on_ready(uv_idle_t *idle)
{
    struct http_server *s = idle->data;
    struct http_conn *c, *last = TAILQ_LAST(&s->ready, http_ready);
    bool more = last != NULL;
    while (more && (c = TAILQ_FIRST(&s->ready))) { /* what is added meanwhile waits a turn */
        more = c != last;
        TAILQ_REMOVE(&s->ready, c, ready_link);
        c->ready = false;
        conn_run(c);
    }
    if (TAILQ_EMPTY(&s->ready))
        uv_idle_stop(idle);
}

void server_make_ready(struct http_server *s)
{
    uv_idle_start(&s->ready_idle, on_ready);
}

struct http_server *http_server_new(uv_loop_t *loop, const struct http_config *config,
                                    http_handler *handler, void *arg)
{
    struct http_server *s = mem_new(1, sizeof *s);
    BUG_ON(config->n_names + 8 > HTTP_NAMES_MAX || config->n_body_types > HTTP_TYPES_MAX);
    s->loop = loop;
    s->config = *config;
    s->config.names = s->config.body_types = NULL;
    s->limits = (struct http_limits){config->head_max, config->target_max, config->body_max};
    s->handler = handler;
    s->arg = arg;
    LIST_INIT(&s->conns);
    TAILQ_INIT(&s->ready);
    server__name(s, "localhost");
    for (uint32_t i = 0; i < config->n_names; i++)
        server__name(s, config->names[i]);
    for (uint32_t i = 0; i < config->n_body_types; i++)
        BUG_ON(!str_copy(s->types[s->n_types++], sizeof s->types[0], config->body_types[i]));
    if (!s->n_types)
        str_copy(s->types[s->n_types++], sizeof s->types[0], "application/json");
    BUG_ON(uv_timer_init(loop, &s->sweep) != 0 || uv_idle_init(loop, &s->ready_idle) != 0);
    s->sweep.data = s->ready_idle.data = s;
    s->handles = 2;
    uv_timer_start(&s->sweep, on_sweep, sweep_ms(config), sweep_ms(config));
    return s;
}

/* ---- listening ---- */

static void on_handle_closed(uv_handle_t *h)
{
    struct http_server *s = h->data;
    s->handles--;
    server_conn_gone(s);
}

static bool parse_address(const char *address, int port, struct sockaddr_storage *out)
{
    memset(out, 0, sizeof *out);
    if (!strcmp(address, "localhost"))
        address = "127.0.0.1";
    return uv_ip4_addr(address, port, (struct sockaddr_in *)(void *)out) == 0 ||
           uv_ip6_addr(address, port, (struct sockaddr_in6 *)(void *)out) == 0;
}

/* The address in its canonical form is one of the server's names. */
static void server__address_name(struct http_server *s, const struct sockaddr_storage *a)
{
    static const unsigned char zero[16];
    const struct sockaddr_in *v4 = (const void *)a;
    const struct sockaddr_in6 *v6 = (const void *)a;
    char text[46];
    bool is6 = a->ss_family == AF_INET6;
    const void *bytes = is6 ? (const void *)&v6->sin6_addr : (const void *)&v4->sin_addr;
    s->any_address = s->any_address || !memcmp(bytes, zero, is6 ? 16 : 4);
    if (uv_inet_ntop(a->ss_family, bytes, text, sizeof text) == 0)
        server__name(s, text);
}

int http_server_listen(struct http_server *s, const char *address, int port, char *error,
                       size_t cap)
{
    struct sockaddr_storage a;
    int n = sizeof a, e;
    if (s->n_listeners == HTTP_LISTENERS_MAX) {
        snprintf(error, cap, "cannot listen on more than %d addresses", HTTP_LISTENERS_MAX);
        return -1;
    }
    if (port < 0 || port > 65535 || !parse_address(address, port, &a)) {
        snprintf(error, cap, "cannot listen on %s port %d: not an IP address and port", address,
                 port);
        return -1;
    }
    uv_tcp_t *t = &s->listeners[s->n_listeners];
    e = uv_tcp_init(s->loop, t);
    BUG_ON(e != 0);
    t->data = s;
    s->n_listeners++;
    s->handles++;
    if ((e = uv_tcp_bind(t, (const struct sockaddr *)&a, 0)) != 0 ||
        (e = uv_listen((uv_stream_t *)t, 511, on_connection)) != 0 ||
        (e = uv_tcp_getsockname(t, (struct sockaddr *)&a, &n)) != 0) {
        snprintf(error, cap, "cannot listen on %s port %d: %s", address, port, uv_strerror(e));
        return -1; /* the handle is closed with the server */
    }
    server__address_name(s, &a);
    return ntohs(a.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)(void *)&a)->sin6_port
                                         : ((struct sockaddr_in *)(void *)&a)->sin_port);
}

/* ---- stopping ---- */

/* A handle or connection has gone: were these the last? */
void server_conn_gone(struct http_server *s)
{
    if (!s->draining || s->stats.conns)
        return;
    if (!s->finishing) {
        s->finishing = true;
        uv_close((uv_handle_t *)&s->sweep, on_handle_closed);
        uv_close((uv_handle_t *)&s->ready_idle, on_handle_closed);
    }
    if (s->handles)
        return;
    void (*closed)(void *) = s->closed;
    void *arg = s->closed_arg;
    buf_free(&s->scratch);
    mem_free(s);
    if (closed)
        closed(arg);
}

void http_server_close(struct http_server *s, void (*closed)(void *arg), void *arg)
{
    struct http_conn *c;
    BUG_ON(s->draining);
    s->draining = true;
    s->drain_until_ms = uv_now(s->loop) + s->config.drain_ms;
    s->closed = closed;
    s->closed_arg = arg;
    for (uint32_t i = 0; i < s->n_listeners; i++)
        uv_close((uv_handle_t *)&s->listeners[i], on_handle_closed);
    LIST_FOREACH(c, &s->conns, link)
    conn_drain(c);
    server_conn_gone(s);
}

const struct http_stats *http_server_stats(const struct http_server *s)
{
    return &s->stats;
}
