/* client.c - calls out over libcurl's multi_socket interface: curl says which sockets and which
 * timer it wants, libuv says when they are due. */
#include "base/mem.h" /* before uv.h, which may define MIN and MAX again */

#include <curl/curl.h>
#include <stdio.h>
#include <sys/queue.h>
#include <uv.h>

#include "http/client.h"

const char *const http_client_error_names[HTTP_CLIENT_ERRORS] = {
    "ok",  "busy",    "bad request", "resolve",   "connect",  "connect timeout",
    "tls", "timeout", "lost",        "too large", "protocol", "cancelled",
};

struct http_call {
    LIST_ENTRY(http_call) link;
    struct http_client *client;
    CURL *easy; /* NULL: could not even start */
    struct curl_slist *fields, *connect_to;
    char *url;
    struct buf request;
    struct buf head; /* field lines of the last reply */
    struct buf body;
    uint32_t reply_max, head_max;
    bool too_large;
    enum http_client_error failed; /* why it could not start */
    http_done *done;
    void *arg;
};

struct socket_watch {
    uv_poll_t poll;
    struct http_client *client;
    curl_socket_t fd;
};

struct http_client {
    uv_loop_t *loop;
    CURLM *multi;
    uv_timer_t timer;  /* curl's */
    uv_timer_t failer; /* for calls that could not start */
    struct http_client_config config;
    LIST_HEAD(, http_call) calls;
    struct http_client_stats stats;
    uint32_t handles; /* of libuv, not closed yet */
    bool closing;
    void (*closed)(void *arg);
    void *closed_arg;
};

/* ---- ending a call ---- */

static void call_free(struct http_call *call)
{
    if (call->easy) {
        curl_multi_remove_handle(call->client->multi, call->easy);
        curl_easy_cleanup(call->easy);
    }
    LIST_REMOVE(call, link);
    call->client->stats.calls--;
    curl_slist_free_all(call->fields);
    curl_slist_free_all(call->connect_to);
    mem_free(call->url);
    buf_free(&call->request);
    buf_free(&call->head);
    buf_free(&call->body);
    mem_free(call);
}

static enum http_client_error class_of(CURLcode code, const struct http_call *call)
{
    curl_off_t ready_us = 0;
    long sent = 0;
    if (call->too_large)
        return HTTP_CLIENT_TOO_LARGE;
    switch (code) {
    case CURLE_OK: return HTTP_CLIENT_OK;
    case CURLE_UNSUPPORTED_PROTOCOL: /* ours, or what answered is no HTTP */
        (void)curl_easy_getinfo(call->easy, CURLINFO_REQUEST_SIZE, &sent);
        return sent ? HTTP_CLIENT_PROTOCOL : HTTP_CLIENT_BAD_REQUEST;
    case CURLE_URL_MALFORMAT:
    case CURLE_BAD_FUNCTION_ARGUMENT: return HTTP_CLIENT_BAD_REQUEST;
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_RESOLVE_HOST: return HTTP_CLIENT_RESOLVE;
    case CURLE_COULDNT_CONNECT:
    case CURLE_INTERFACE_FAILED: return HTTP_CLIENT_CONNECT;
    case CURLE_OPERATION_TIMEDOUT: /* ready to send: connected, and TLS agreed where there is TLS */
        (void)curl_easy_getinfo(call->easy, CURLINFO_PRETRANSFER_TIME_T, &ready_us);
        return ready_us ? HTTP_CLIENT_TIMEOUT : HTTP_CLIENT_CONNECT_TIMEOUT;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
    case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
    case CURLE_PEER_FAILED_VERIFICATION: return HTTP_CLIENT_TLS;
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE: return HTTP_CLIENT_LOST;
    case CURLE_FILESIZE_EXCEEDED: return HTTP_CLIENT_TOO_LARGE;
    default: return HTTP_CLIENT_PROTOCOL;
    }
}

static void result_timing(CURL *easy, struct http_timing *t)
{
    curl_off_t v[5] = {0};
    (void)curl_easy_getinfo(easy, CURLINFO_NAMELOOKUP_TIME_T, &v[0]);
    (void)curl_easy_getinfo(easy, CURLINFO_CONNECT_TIME_T, &v[1]);
    (void)curl_easy_getinfo(easy, CURLINFO_APPCONNECT_TIME_T, &v[2]);
    (void)curl_easy_getinfo(easy, CURLINFO_STARTTRANSFER_TIME_T, &v[3]);
    (void)curl_easy_getinfo(easy, CURLINFO_TOTAL_TIME_T, &v[4]);
    *t = (struct http_timing){v[0], v[1], v[2], v[3], v[4]};
}

static void result_fill(struct http_result *r, struct http_call *call, CURLcode code)
{
    long status = 0, sent = 0, connects = 0, port = 0;
    char *ip = NULL;
    CURL *e = call->easy;
    r->error = class_of(code, call);
    (void)curl_easy_getinfo(e, CURLINFO_RESPONSE_CODE, &status);
    (void)curl_easy_getinfo(e, CURLINFO_REQUEST_SIZE, &sent);
    (void)curl_easy_getinfo(e, CURLINFO_NUM_CONNECTS, &connects);
    (void)curl_easy_getinfo(e, CURLINFO_PRIMARY_IP, &ip);
    (void)curl_easy_getinfo(e, CURLINFO_PRIMARY_PORT, &port);
    r->status = (int)status;
    r->sent = sent > 0;
    r->reused = sent > 0 && connects == 0;
    result_timing(e, &r->timing);
    if (ip && *ip)
        (void)snprintf(r->peer, sizeof r->peer, strchr(ip, ':') ? "[%s]:%ld" : "%s:%ld", ip, port);
}

/* Tells the owner and frees the call. Nothing of the client may be touched afterwards without
 * asking whether it still is: the owner may have closed it. */
static void call_end(struct http_call *call, CURLcode code, enum http_client_error instead)
{
    struct http_client *c = call->client;
    struct http_result r = {0};
    if (call->easy)
        result_fill(&r, call, code);
    if (instead != HTTP_CLIENT_OK)
        r.error = instead;
    r.fields = (struct http_span){call->head.data, call->head.len};
    r.body = (struct http_span){call->body.data ? call->body.data : "", call->body.len};
    c->stats.ended[r.error]++;
    c->stats.reused += r.reused;
    c->stats.bytes_in += r.body.n;
    c->stats.bytes_out += r.sent ? call->request.len : 0;
    call->done(call->arg, &r);
    call_free(call);
}

static void take_ended(struct http_client *c)
{
    CURLMsg *m;
    int left;
    while (!c->closing && (m = curl_multi_info_read(c->multi, &left))) {
        struct http_call *call = NULL;
        if (m->msg != CURLMSG_DONE)
            continue;
        (void)curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&call);
        call_end(call, m->data.result, HTTP_CLIENT_OK);
    }
}

/* ---- between curl and the loop ---- */

static void on_watch_closed(uv_handle_t *h);

static void on_socket(uv_poll_t *p, int status, int events)
{
    struct socket_watch *w = CONTAINER_OF(p, struct socket_watch, poll);
    struct http_client *c = w->client;
    int flags = status < 0 ? CURL_CSELECT_ERR : 0, running;
    if (events & UV_READABLE)
        flags |= CURL_CSELECT_IN;
    if (events & UV_WRITABLE)
        flags |= CURL_CSELECT_OUT;
    curl_multi_socket_action(c->multi, w->fd, flags, &running);
    take_ended(c);
}

static int want_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *watch)
{
    struct http_client *c = arg;
    struct socket_watch *w = watch;
    if (what == CURL_POLL_REMOVE) {
        if (w) {
            (void)uv_poll_stop(&w->poll);
            uv_close((uv_handle_t *)&w->poll, on_watch_closed);
            curl_multi_assign(c->multi, fd, NULL);
        }
        return 0;
    }
    if (!w) {
        w = mem_new(1, sizeof *w);
        w->client = c;
        w->fd = fd;
        BUG_ON(uv_poll_init(c->loop, &w->poll, fd) != 0);
        c->handles++;
        curl_multi_assign(c->multi, fd, w);
    }
    int events = (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
    (void)uv_poll_start(&w->poll, events, on_socket);
    return 0;
}

static void on_timer(uv_timer_t *t)
{
    struct http_client *c = CONTAINER_OF(t, struct http_client, timer);
    int running;
    curl_multi_socket_action(c->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    take_ended(c);
}

static int want_timer(CURLM *multi, long ms, void *arg)
{
    struct http_client *c = arg;
    if (c->closing)
        return 0;
    if (ms < 0)
        (void)uv_timer_stop(&c->timer);
    else
        (void)uv_timer_start(&c->timer, on_timer, (uint64_t)ms, 0);
    return 0;
}

/* ---- starting a call ---- */

/* curl calls this for each line of the head, status line and last empty line included. A new status
 * line begins a new head: of what came before (100 Continue, a redirect) nothing is kept. */
static size_t on_head(char *p, size_t size, size_t n, void *arg)
{
    struct http_call *call = arg;
    n *= size;
    if (n >= 5 && memcmp(p, "HTTP/", 5) == 0) {
        buf_reset(&call->head);
        buf_reset(&call->body);
    } else if (n > 2) {
        buf_add(&call->head, p, n);
    }
    call->too_large = call->head.len > call->head_max;
    return call->too_large ? 0 : n;
}

static size_t on_body(char *p, size_t size, size_t n, void *arg)
{
    struct http_call *call = arg;
    n *= size;
    call->too_large = n > call->reply_max - call->body.len;
    if (call->too_large)
        return 0; /* anything but n ends the transfer */
    buf_add(&call->body, p, n);
    return n;
}

static bool is_clean(const char *s)
{
    for (; *s; s++)
        if ((unsigned char)*s < 0x20 || *s == 0x7f)
            return false;
    return true;
}

static void add_field(struct http_call *call, const char *line)
{
    call->fields = curl_slist_append(call->fields, line);
    BUG_ON(!call->fields);
}

/* The fields, and "Name:" for those that curl would add by itself. */
static bool take_fields(struct http_call *call, const struct http_call_spec *spec)
{
    bool typed = false;
    struct buf line = {0};
    if (spec->n_fields > HTTP_CALL_FIELDS_MAX)
        return false;
    for (uint32_t i = 0; i < spec->n_fields; i++) {
        const struct http_field *f = &spec->fields[i];
        if (!*f->name || strpbrk(f->name, ": \t") || !is_clean(f->name) || !is_clean(f->value)) {
            buf_free(&line);
            return false;
        }
        typed |= http_span_is_nocase(HTTP_SPAN(f->name), "Content-Type");
        buf_reset(&line);
        /* curl sends a field without value only when it is written with a semicolon */
        buf_fmt(&line, *f->value ? "%s: %s" : "%s;", f->name, f->value);
        add_field(call, line.data);
    }
    buf_free(&line);
    add_field(call, "Accept:");
    add_field(call, "Expect:");
    if (!typed)
        add_field(call, "Content-Type:");
    return true;
}

static void set_method(struct http_call *call, const struct http_call_spec *spec)
{
    CURL *e = call->easy;
    if (spec->body.p) {
        buf_add(&call->request, spec->body.p, spec->body.n);
        curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->request.len);
        curl_easy_setopt(e, CURLOPT_POSTFIELDS, call->request.data ? call->request.data : "");
    }
    if (spec->method == HTTP_METHOD_HEAD)
        curl_easy_setopt(e, CURLOPT_NOBODY, 1L);
    else
        curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, http_method_names[spec->method]);
}

static void set_limits(struct http_call *call, const struct http_call_spec *spec)
{
    const struct http_client_config *g = &call->client->config;
    uint32_t connect = spec->connect_timeout_ms ? spec->connect_timeout_ms : g->connect_timeout_ms;
    uint32_t total = spec->total_timeout_ms ? spec->total_timeout_ms : g->total_timeout_ms;
    CURL *e = call->easy;
    call->reply_max = spec->reply_max ? spec->reply_max : g->reply_max;
    call->head_max = g->head_max;
    curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, (long)connect);
    curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)total);
    curl_easy_setopt(e, CURLOPT_MAXAGE_CONN, (long)MAX(g->idle_timeout_ms / 1000, 1u));
    if (spec->redirects_max) {
        curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 1L);
        curl_easy_setopt(e, CURLOPT_MAXREDIRS, (long)spec->redirects_max);
        curl_easy_setopt(e, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    }
    if (spec->fresh) {
        curl_easy_setopt(e, CURLOPT_FRESH_CONNECT, 1L);
        curl_easy_setopt(e, CURLOPT_FORBID_REUSE, 1L);
    }
}

static void set_transport(struct http_call *call, const struct http_call_spec *spec)
{
    const struct http_client_config *g = &call->client->config;
    CURL *e = call->easy;
    curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(e, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(e, CURLOPT_PROXY, g->proxy ? g->proxy : "");
    curl_easy_setopt(e, CURLOPT_TCP_KEEPALIVE, 1L);
    if (g->user_agent)
        curl_easy_setopt(e, CURLOPT_USERAGENT, g->user_agent);
    if (g->ca_file)
        curl_easy_setopt(e, CURLOPT_CAINFO, g->ca_file);
    if (spec->connect_to) {
        struct buf to = {0};
        buf_fmt(&to, "::%s", spec->connect_to);
        call->connect_to = curl_slist_append(NULL, to.data);
        BUG_ON(!call->connect_to);
        buf_free(&to);
        curl_easy_setopt(e, CURLOPT_CONNECT_TO, call->connect_to);
    }
    curl_easy_setopt(e, CURLOPT_PRIVATE, call);
    curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_head);
    curl_easy_setopt(e, CURLOPT_HEADERDATA, call);
    curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(e, CURLOPT_WRITEDATA, call);
    curl_easy_setopt(e, CURLOPT_HTTPHEADER, call->fields);
    curl_easy_setopt(e, CURLOPT_URL, call->url);
}

static void on_failer(uv_timer_t *t)
{
    struct http_client *c = CONTAINER_OF(t, struct http_client, failer);
    struct http_call *call, *next;
    for (call = LIST_FIRST(&c->calls); call && !c->closing; call = next) {
        next = LIST_NEXT(call, link);
        if (!call->easy) {
            call_end(call, CURLE_OK, call->failed);
            next = LIST_FIRST(&c->calls); /* the owner may have cancelled the next one */
        }
    }
}

static void fail_later(struct http_call *call, enum http_client_error why)
{
    call->failed = why;
    (void)uv_timer_start(&call->client->failer, on_failer, 0, 0);
}

struct http_call *http_client_start(struct http_client *c, const struct http_call_spec *spec,
                                    http_done *done, void *arg)
{
    BUG_ON(c->closing);
    struct http_call *call = mem_new(1, sizeof *call);
    call->client = c;
    call->done = done;
    call->arg = arg;
    LIST_INSERT_HEAD(&c->calls, call, link);
    c->stats.started++;
    c->stats.calls++;
    if (c->stats.calls > c->config.calls_max) {
        fail_later(call, HTTP_CLIENT_BUSY);
        return call;
    }
    if (!is_clean(spec->url) || !take_fields(call, spec)) {
        fail_later(call, HTTP_CLIENT_BAD_REQUEST);
        return call;
    }
    call->url = mem_strdup(spec->url);
    call->easy = curl_easy_init();
    BUG_ON(!call->easy);
    set_method(call, spec);
    set_limits(call, spec);
    set_transport(call, spec);
    BUG_ON(curl_multi_add_handle(c->multi, call->easy) != CURLM_OK);
    return call;
}

void http_call_cancel(struct http_call *call)
{
    call->client->stats.cancelled++;
    call_free(call);
}

struct http_span http_result_field(const struct http_result *r, const char *name)
{
    const char *p = r->fields.p, *end = p ? p + r->fields.n : NULL;
    while (p && p < end) {
        const char *nl = memchr(p, '\n', (size_t)(end - p));
        const char *stop = nl ? nl : end;
        const char *colon = memchr(p, ':', (size_t)(stop - p));
        if (colon && http_span_is_nocase((struct http_span){p, (size_t)(colon - p)}, name)) {
            const char *v = colon + 1;
            while (v < stop && (*v == ' ' || *v == '\t'))
                v++;
            while (stop > v && (stop[-1] == '\r' || stop[-1] == ' ' || stop[-1] == '\t'))
                stop--;
            return (struct http_span){v, (size_t)(stop - v)};
        }
        p = nl ? nl + 1 : end;
    }
    return (struct http_span){NULL, 0};
}

const struct http_client_stats *http_client_stats(const struct http_client *c)
{
    return &c->stats;
}

/* ---- the client ---- */

struct http_client *http_client_new(struct uv_loop_s *loop, const struct http_client_config *config)
{
    struct http_client *c = mem_new(1, sizeof *c);
    BUG_ON(curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK);
    c->loop = loop;
    c->config = *config;
    c->config.user_agent = config->user_agent ? mem_strdup(config->user_agent) : NULL;
    c->config.ca_file = config->ca_file ? mem_strdup(config->ca_file) : NULL;
    c->config.proxy = config->proxy ? mem_strdup(config->proxy) : NULL;
    LIST_INIT(&c->calls);
    c->multi = curl_multi_init();
    BUG_ON(!c->multi);
    BUG_ON(uv_timer_init(loop, &c->timer) != 0 || uv_timer_init(loop, &c->failer) != 0);
    c->handles = 2;
    curl_multi_setopt(c->multi, CURLMOPT_SOCKETFUNCTION, want_socket);
    curl_multi_setopt(c->multi, CURLMOPT_SOCKETDATA, c);
    curl_multi_setopt(c->multi, CURLMOPT_TIMERFUNCTION, want_timer);
    curl_multi_setopt(c->multi, CURLMOPT_TIMERDATA, c);
    curl_multi_setopt(c->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)config->conns_max);
    curl_multi_setopt(c->multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)config->host_conns_max);
    curl_multi_setopt(c->multi, CURLMOPT_MAXCONNECTS, (long)config->conns_max);
    return c;
}

static void handle_gone(struct http_client *c)
{
    if (--c->handles || !c->closing)
        return;
    void (*closed)(void *) = c->closed;
    void *arg = c->closed_arg;
    curl_global_cleanup();
    mem_free((char *)(uintptr_t)c->config.user_agent);
    mem_free((char *)(uintptr_t)c->config.ca_file);
    mem_free((char *)(uintptr_t)c->config.proxy);
    mem_free(c);
    if (closed)
        closed(arg);
}

static void on_watch_closed(uv_handle_t *h)
{
    struct socket_watch *w = CONTAINER_OF((uv_poll_t *)h, struct socket_watch, poll);
    struct http_client *c = w->client;
    mem_free(w);
    handle_gone(c);
}

static void on_timer_closed(uv_handle_t *h)
{
    handle_gone(CONTAINER_OF((uv_timer_t *)h, struct http_client, timer));
}

static void on_failer_closed(uv_handle_t *h)
{
    handle_gone(CONTAINER_OF((uv_timer_t *)h, struct http_client, failer));
}

/* The multi handle goes from the loop, not here: http_client_close may be called from a `done`,
 * which is called from inside curl's own loop over what has ended. */
static void on_close_timer(uv_timer_t *t)
{
    struct http_client *c = CONTAINER_OF(t, struct http_client, timer);
    struct http_call *call;
    while ((call = LIST_FIRST(&c->calls)))
        call_end(call, CURLE_OK, HTTP_CLIENT_CANCELLED);
    curl_multi_cleanup(c->multi);
    uv_close((uv_handle_t *)&c->timer, on_timer_closed);
    uv_close((uv_handle_t *)&c->failer, on_failer_closed);
}

void http_client_close(struct http_client *c, void (*closed)(void *arg), void *arg)
{
    BUG_ON(c->closing);
    c->closing = true;
    c->closed = closed;
    c->closed_arg = arg;
    (void)uv_timer_start(&c->timer, on_close_timer, 0, 0);
}
