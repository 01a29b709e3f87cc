#include "http/http_parse.h"

#include <string.h>

#include "base/base.h"

/* Inside, a step that has got somewhere; http_parse goes on with the next. */
static const enum http_step GO_ON = HTTP_STEP_HEAD;

static struct http_parser *of(llhttp_t *ll)
{
    return CONTAINER_OF(ll, struct http_parser, llhttp);
}

static const uint8_t llhttp_methods[HTTP_METHODS] = {HTTP_GET,   HTTP_HEAD,   HTTP_POST,   HTTP_PUT,
                                                     HTTP_PATCH, HTTP_DELETE, HTTP_OPTIONS};

/* llhttp has read the head: does it mean what the guard means? */
static int on_head(llhttp_t *ll)
{
    struct http_parser *p = of(ll);
    const struct http_head *h = &p->head;
    bool has_length = ll->flags & F_CONTENT_LENGTH, chunked = ll->flags & F_CHUNKED;
    p->head_agreed = ll->method == llhttp_methods[h->method] && ll->http_major == 1 &&
                     ll->http_minor == h->minor && has_length == h->has_length &&
                     chunked == h->chunked && (!has_length || ll->content_length == h->body_len);
    p->keep_alive = llhttp_should_keep_alive(ll);
    ll->upgrade = 0; /* an Upgrade may be ignored (RFC 9110, 7.8), and we do */
    return p->head_agreed ? 0 : -1;
}

static int on_body(llhttp_t *ll, const char *at, size_t n)
{
    struct http_parser *p = of(ll);
    char *to = p->base + p->body_at + p->body_len;
    if (to != at)
        memmove(to, at, n);
    p->body_len += (uint32_t)n;
    return 0;
}

static int on_complete(llhttp_t *ll)
{
    of(ll)->complete = true;
    return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
    .on_headers_complete = on_head,
    .on_body = on_body,
    .on_message_complete = on_complete,
};

void http_parser_init(struct http_parser *p, const struct http_limits *limits)
{
    BUG_ON(limits->head_max > UINT16_MAX || limits->target_max >= limits->head_max);
    BUG_ON(limits->body_max > INT32_MAX / 2);
    memset(p, 0, sizeof *p);
    p->limits = *limits;
    llhttp_init(&p->llhttp, HTTP_REQUEST, &settings);
}

void http_parser_reset(struct http_parser *p)
{
    p->at = HTTP_AT_HEAD;
    p->pos = p->scanned = p->left = p->framing = p->body_at = p->body_len = 0;
    p->keep_alive = p->head_agreed = p->complete = false;
    p->status = 0;
    p->why = NULL;
    http_head_reset(&p->head);
    llhttp_reset(&p->llhttp);
}

size_t http_message_max(const struct http_limits *limits)
{
    return (size_t)limits->head_max + limits->body_max + HTTP_CHUNK_FRAMING_MAX +
           HTTP_CHUNK_LINE_MAX; /* a size line that is not complete is not counted yet */
}

static enum http_step refuse(struct http_parser *p, int status, const char *why)
{
    p->status = status;
    p->why = why;
    return HTTP_STEP_REFUSED;
}

/* Gives llhttp the next n bytes, which the guard has found to be in order. `last`: the message must
 * end with them, and not earlier; else it must not end. */
static bool feed(struct http_parser *p, uint32_t n, bool last)
{
    const char *from = p->base + p->pos;
    llhttp_errno_t e = llhttp_execute(&p->llhttp, from, n);
    p->pos += n;
    if (!last)
        return e == HPE_OK && !p->complete;
    return e == HPE_PAUSED && p->complete && llhttp_get_error_pos(&p->llhttp) == from + n;
}

static enum http_step disagreed(struct http_parser *p)
{
    return refuse(p, 400, "The request can be read in more than one way.");
}

static enum http_step parse_head(struct http_parser *p, size_t n)
{
    struct http_head *h = &p->head;
    int status = http_head_read(h, p->base, n, &p->limits);
    if (!status)
        return HTTP_STEP_MORE;
    if (status != 1)
        return refuse(p, status, h->why);
    bool bodiless = !h->chunked && !h->body_len;
    p->pos = h->start;
    if (!feed(p, (uint32_t)h->len - h->start, bodiless) || !p->head_agreed)
        return disagreed(p);
    p->body_at = h->len;
    p->left = (uint32_t)h->body_len;
    p->at = bodiless ? HTTP_AT_END : h->chunked ? HTTP_AT_CHUNK_LINE : HTTP_AT_BODY;
    p->scanned = p->pos;
    return HTTP_STEP_HEAD;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* Reads "1a" or "1a;name=value" into `left`. */
static bool chunk_size(struct http_parser *p, const char *line, size_t n)
{
    size_t i = 0;
    p->left = 0;
    for (; i < n && hex_digit(line[i]) >= 0; i++)
        p->left = p->left << 4 | (uint32_t)hex_digit(line[i]);
    if (i < 1 || i > 8 || (i < n && line[i] != ';'))
        return false;
    for (; i < n; i++)
        if (line[i] < 0x21 || line[i] > 0x7e)
            return false;
    return true;
}

/* Any line of the framing costs at least this much of the allowance. */
static bool framing_fits(struct http_parser *p, size_t n)
{
    p->framing += (uint32_t)n;
    return p->framing <= HTTP_CHUNK_FRAMING_MAX;
}

static enum http_step parse_chunk_line(struct http_parser *p, size_t n)
{
    const char *line = p->base + p->pos;
    const char *nl = memchr(p->base + p->scanned, '\n', n - p->scanned);
    size_t len = nl ? (size_t)(nl - line) + 1 : n - p->pos;
    if (len > HTTP_CHUNK_LINE_MAX)
        return refuse(p, 400, "A chunk's size line is too long.");
    p->scanned = (uint32_t)n;
    if (!nl)
        return HTTP_STEP_MORE;
    if (len < 3 || nl[-1] != '\r' || !chunk_size(p, line, len - 2))
        return refuse(p, 400, "A chunk's size line is malformed.");
    if (!framing_fits(p, len + 2) || p->left > p->limits.body_max - p->body_len)
        return refuse(p, 413, "The body is too large.");
    if (!feed(p, (uint32_t)len, false))
        return disagreed(p);
    p->at = p->left ? HTTP_AT_CHUNK_DATA : HTTP_AT_LAST_CHUNK;
    return GO_ON;
}

/* The CRLF after a chunk's data, or after the last chunk, where a trailer could stand. */
static enum http_step parse_crlf(struct http_parser *p, size_t n)
{
    static const char crlf[2] = {'\r', '\n'};
    size_t have = MIN(n - p->pos, sizeof crlf);
    bool last = p->at == HTTP_AT_LAST_CHUNK;
    if (memcmp(p->base + p->pos, crlf, have) != 0)
        return refuse(
            p, 400, last ? "Trailer fields are not taken here." : "A chunk does not end in CRLF.");
    if (have < sizeof crlf)
        return HTTP_STEP_MORE;
    if (!feed(p, sizeof crlf, last))
        return disagreed(p);
    p->at = last ? HTTP_AT_END : HTTP_AT_CHUNK_LINE;
    p->scanned = p->pos;
    return GO_ON;
}

static enum http_step parse_data(struct http_parser *p, size_t n)
{
    uint32_t take = (uint32_t)MIN(n - p->pos, (size_t)p->left);
    bool whole = p->at == HTTP_AT_BODY, ends = take == p->left;
    if (!take)
        return HTTP_STEP_MORE;
    p->left -= take;
    if (!feed(p, take, whole && ends))
        return disagreed(p);
    if (!ends)
        return HTTP_STEP_MORE;
    p->at = whole ? HTTP_AT_END : HTTP_AT_CHUNK_END;
    return GO_ON;
}

enum http_step http_parse(struct http_parser *p, char *base, size_t n)
{
    enum http_step s = GO_ON;
    p->base = base;
    if (p->at == HTTP_AT_HEAD)
        return parse_head(p, n);
    while (s == GO_ON) {
        switch (p->at) {
        case HTTP_AT_BODY:
        case HTTP_AT_CHUNK_DATA: s = parse_data(p, n); break;
        case HTTP_AT_CHUNK_LINE: s = parse_chunk_line(p, n); break;
        case HTTP_AT_CHUNK_END:
        case HTTP_AT_LAST_CHUNK: s = parse_crlf(p, n); break;
        default: s = HTTP_STEP_DONE; break;
        }
    }
    return s;
}
