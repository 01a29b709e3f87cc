/* http_reply.c - replies: head, body, problem details, assets. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/json.h"
#include "http/http_i.h"

struct http_conn *conn_of(const struct http_request *rq)
{
    return CONTAINER_OF((uintptr_t)rq, struct http_conn, rq);
}

/* RFC 9110, 15; 428, 429 and 431: RFC 6585. */
static const struct {
    int status;
    const char *phrase;
} phrases[] = {
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {301, "Moved Permanently"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
};

static const char *reason(int status)
{
    for (size_t i = 0; i < COUNTOF(phrases); i++)
        if (phrases[i].status == status)
            return phrases[i].phrase;
    return "Status";
}

/* The Date field, made once a second: "Date: Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110, 5.6.7). */
static void date__make(struct http_server *s, uint64_t now_ms)
{
    static const char days[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct timespec t;
    struct tm g;
    clock_gettime(CLOCK_REALTIME, &t);
    gmtime_r(&t.tv_sec, &g);
    int n = snprintf(s->date, sizeof s->date, "Date: %.3s, %02d %.3s %04d %02d:%02d:%02d GMT\r\n",
                     days + 3 * g.tm_wday, g.tm_mday, months + 3 * g.tm_mon, g.tm_year + 1900,
                     g.tm_hour, g.tm_min, g.tm_sec);
    BUG_ON(n != 37);
    s->date_until_ms = now_ms + 1000 - (uint64_t)(t.tv_nsec / 1000000);
}

/* ---- the head ---- */

struct cursor {
    char *w;
};

static inline void put(struct cursor *k, const char *p, size_t n)
{
    memcpy(k->w, p, n);
    k->w += n;
}
#define PUT(k, literal) put(k, literal, sizeof(literal) - 1)

static void put_number(struct cursor *k, uint64_t v)
{
    char text[20], *p = text + sizeof text;
    do
        *--p = (char)('0' + v % 10);
    while (v /= 10);
    put(k, p, (size_t)(text + sizeof text - p));
}

/* How this reply ends the message, and whether the connection goes on. */
static void put_connection(struct cursor *k, struct http_conn *c, bool streamed)
{
    bool keep = c->parser.keep_alive && !c->server->draining && !c->close_after && !streamed;
    c->close_after = c->close_after || (!keep && !streamed);
    if (!keep)
        PUT(k, "Connection: close\r\n");
    else if (!c->parser.head.minor)
        PUT(k, "Connection: keep-alive\r\n");
}

/* Appends a reply's head to what goes out. Returns whether a body of `len` bytes shall follow. */
bool reply_head(struct http_conn *c, int status, const char *type, size_t len, bool streamed)
{
    struct http_server *s = c->server;
    uint64_t now_ms = uv_now(s->loop);
    const char *phrase = reason(status);
    bool none = status == 204 || status == 304;
    BUG_ON(status < 200 || status > 599 || (type && strlen(type) > 200));
    if (now_ms >= s->date_until_ms)
        date__make(s, now_ms);
    s->stats.replies[status / 100]++;
    buf_reserve(&c->out, 512 + c->fields.len);
    struct cursor k = {c->out.data + c->out.len};
    PUT(&k, "HTTP/1.1 ");
    put_number(&k, (uint64_t)status);
    PUT(&k, " ");
    put(&k, phrase, strlen(phrase));
    PUT(&k, "\r\n");
    put(&k, s->date, strlen(s->date));
    if (type && !none) {
        PUT(&k, "Content-Type: ");
        put(&k, type, strlen(type));
        PUT(&k, "\r\n");
    }
    if (!none && !streamed) {
        PUT(&k, "Content-Length: ");
        put_number(&k, len);
        PUT(&k, "\r\n");
    } else if (streamed && c->stream.chunked) {
        PUT(&k, "Transfer-Encoding: chunked\r\n");
    }
    PUT(&k, "X-Content-Type-Options: nosniff\r\n");
    put_connection(&k, c, streamed);
    if (c->fields.len)
        put(&k, c->fields.data, c->fields.len);
    PUT(&k, "\r\n");
    c->out.len = (size_t)(k.w - c->out.data);
    *k.w = 0;
    return !none && c->rq.method != HTTP_METHOD_HEAD;
}

void http_reply_header(struct http_request *rq, const char *name, const char *value)
{
    struct buf *b = &conn_of(rq)->fields;
    size_t name_len = strlen(name), len = strlen(value);
    buf_reserve(b, name_len + len + 4);
    struct cursor k = {b->data + b->len};
    put(&k, name, name_len);
    PUT(&k, ": ");
    char *from = k.w;
    put(&k, value, len);
    for (; from < k.w; from++)
        if ((unsigned char)*from < 0x20 || *from == 0x7f)
            *from = ' ';
    PUT(&k, "\r\n");
    b->len = (size_t)(k.w - b->data);
    *k.w = 0;
}

/* ---- whole replies ---- */

static void reply__whole(struct http_conn *c, int status, const char *type, struct http_span body,
                         bool is_static)
{
    bool stays = is_static && body.n > HTTP_STATIC_COPIED;
    if (reply_head(c, status, type, body.n, false)) {
        if (stays)
            c->tail = body;
        else
            buf_add(&c->out, body.p, body.n);
    }
    conn_replied(c);
}

static void reply__checked(struct http_request *rq, int status, const char *type, const void *body,
                           size_t len, bool is_static)
{
    struct http_conn *c = conn_of(rq);
    if (c->state == CONN_CLOSED) { /* the client has gone, its owner does not know yet */
        c->cancelled = NULL;
        return;
    }
    BUG_ON(c->state != CONN_HANDLER); /* replied to twice */
    reply__whole(c, status, type, (struct http_span){body, len}, is_static);
}

void http_reply(struct http_request *rq, int status, const char *content_type, const void *body,
                size_t len)
{
    reply__checked(rq, status, content_type, body, len, false);
}

void http_reply_static(struct http_request *rq, int status, const char *content_type,
                       const void *body, size_t len)
{
    reply__checked(rq, status, content_type, body, len, true);
}

static struct http_span problem(struct http_server *s, int status, const char *title,
                                const char *detail)
{
    struct jw w;
    buf_reset(&s->scratch);
    jw_begin(&w, &s->scratch);
    jw_obj(&w);
    jw_key(&w, "type");
    jw_str(&w, "about:blank");
    jw_key(&w, "title");
    jw_str(&w, title ? title : reason(status));
    jw_key(&w, "status");
    jw_int(&w, status);
    if (detail) {
        jw_key(&w, "detail");
        jw_str(&w, detail);
    }
    jw_end(&w);
    jw_done(&w);
    return (struct http_span){s->scratch.data, s->scratch.len};
}

void http_problem(struct http_request *rq, int status, const char *title, const char *detail)
{
    struct http_conn *c = conn_of(rq);
    struct http_span body = problem(c->server, status, title, detail);
    http_reply(rq, status, "application/problem+json", body.p, body.n);
}

void reply_refuse(struct http_conn *c, int status, const char *why)
{
    c->close_after = true;
    c->rq.method = c->parser.head.method;
    buf_reset(&c->fields); /* what a handler had prepared for another reply */
    struct http_span body = problem(c->server, status, NULL, why);
    reply__whole(c, status, "application/problem+json", body, false);
}

/* ---- assets ---- */

/* "\"9f2c\"" and "-gz" give "\"9f2c-gz\"". */
static bool coded_etag(const char *etag, const char *suffix, char *out, size_t cap)
{
    size_t n = strlen(etag), m = strlen(suffix);
    if (n < 2 || etag[n - 1] != '"' || n + m + 1 > cap)
        return false;
    memcpy(out, etag, n - 1);
    memcpy(out + n - 1, suffix, m);
    memcpy(out + n - 1 + m, "\"", 2);
    return true;
}

void http_reply_asset(struct http_request *rq, const struct http_asset *a)
{
    if (rq->method != HTTP_METHOD_GET && rq->method != HTTP_METHOD_HEAD) {
        http_reply_header(rq, "Allow", "GET, HEAD");
        http_problem(rq, 405, NULL, "Pages can only be read.");
        return;
    }
    struct http_span body = a->identity;
    const char *coding = NULL, *suffix = "";
    if (a->gzip.p && http_accepts_coding(rq, "gzip")) {
        body = a->gzip;
        coding = "gzip";
        suffix = "-gz";
    }
    if (a->br.p && (!coding || a->br.n < body.n) && http_accepts_coding(rq, "br")) {
        body = a->br;
        coding = "br";
        suffix = "-br";
    }
    char etag[80];
    BUG_ON(!coded_etag(a->etag, suffix, etag, sizeof etag));
    http_reply_header(rq, "ETag", etag);
    http_reply_header(rq, "Cache-Control", a->cache_control ? a->cache_control : "no-cache");
    if (a->gzip.p || a->br.p)
        http_reply_header(rq, "Vary", "Accept-Encoding");
    http_reply_header(rq, "Content-Security-Policy",
                      "default-src 'self'; base-uri 'none'; object-src 'none'; form-action 'self'; "
                      "frame-ancestors 'none'");
    http_reply_header(rq, "Referrer-Policy", "no-referrer");
    if (http_if_none_match(rq, etag)) {
        http_reply(rq, 304, NULL, NULL, 0);
        return;
    }
    if (coding)
        http_reply_header(rq, "Content-Encoding", coding);
    http_reply_static(rq, 200, a->type, body.p, body.n);
}
