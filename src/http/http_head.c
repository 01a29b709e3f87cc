#include "http/http_head.h"

#include <string.h>
#include <strings.h>

const char *const http_method_names[HTTP_METHODS] = {"GET",   "HEAD",   "POST",   "PUT",
                                                     "PATCH", "DELETE", "OPTIONS"};

/* Bytes of a request line besides the target: the longest method we know and "HTTP/1.1" with two
 * spaces and CRLF, and some room so that a long unknown method is 501 and not 414. */
enum { LINE_SLACK = 64 };

bool http_span_is(struct http_span s, const char *text)
{
    return s.p && s.n == strlen(text) && !memcmp(s.p, text, s.n);
}

bool http_span_is_nocase(struct http_span s, const char *text)
{
    return s.p && s.n == strlen(text) && !strncasecmp(s.p, text, s.n);
}

void http_head_reset(struct http_head *h)
{
    /* The table of fields is written before it is read. */
    memset(h, 0, offsetof(struct http_head, fields));
    h->why = NULL;
}

static int refuse(struct http_head *h, int status, const char *why)
{
    h->why = why;
    return status;
}

static bool is_digit(unsigned char c)
{
    return c >= '0' && c <= '9';
}

static bool is_token_char(unsigned char c) /* RFC 9110, 5.6.2 */
{
    unsigned char lower = c | 0x20;
    return (lower >= 'a' && lower <= 'z') || c == '-' || is_digit(c) ||
           (c && strchr("!#$%&'*+.^_`|~", c));
}

static bool is_token(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!is_token_char((unsigned char)p[i]))
            return false;
    return n > 0;
}

/* Visible characters, spaces, tabs and bytes above 0x7f. No early exit: compilers make vector
 * instructions of it. */
static bool is_field_text(const char *p, size_t n)
{
    unsigned bad = 0;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)p[i];
        bad |= (unsigned)((c < 0x20) & (c != '\t')) | (unsigned)(c == 0x7f);
    }
    return !bad;
}

/* What RFC 3986 allows, and what browsers leave as it is in a query (such as | and ^). */
static bool is_target_text(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)p[i];
        if (c <= 0x20 || c >= 0x7f || c == '#' || c == '"' || c == '<' || c == '>')
            return false;
    }
    return true;
}

static int head__version(struct http_head *h, const char *p, size_t n)
{
    if (n != 8 || memcmp(p, "HTTP/", 5) != 0 || !is_digit((unsigned char)p[5]) || p[6] != '.' ||
        !is_digit((unsigned char)p[7]))
        return refuse(h, 400, "The request line does not end in a version of HTTP.");
    if (p[5] != '1' || p[7] > '1')
        return refuse(h, 505, "Only HTTP/1.1 and HTTP/1.0 are spoken here.");
    h->minor = (uint8_t)(p[7] - '0');
    return 0;
}

static int head__method(struct http_head *h, const char *p, size_t n)
{
    if (!is_token(p, n))
        return refuse(h, 400, "The request line does not start with a method.");
    for (unsigned m = 0; m < HTTP_METHODS; m++) {
        if (http_span_is((struct http_span){p, n}, http_method_names[m])) {
            h->method = (enum http_method)m;
            return 0;
        }
    }
    return refuse(h, 501, "The method is not known here.");
}

static int head__target(struct http_head *h, const char *line, size_t at, size_t n)
{
    const char *p = line + at;
    size_t skip = 0;
    if (!n || !is_target_text(p, n))
        return refuse(h, 400, "The request's target has a character that must be escaped.");
    if (n > 7 && !strncasecmp(p, "http://", 7)) {
        while (7 + skip < n && p[7 + skip] != '/' && p[7 + skip] != '?')
            skip++;
        if (!skip)
            return refuse(h, 400, "The request's target has no host.");
        h->authority = (uint16_t)(h->line + at + 7);
        h->authority_len = (uint16_t)skip;
        skip += 7;
    } else if (p[0] != '/' && !(n == 1 && p[0] == '*' && h->method == HTTP_METHOD_OPTIONS)) {
        return refuse(h, 400, "The request's target is not a path.");
    }
    const char *q = memchr(p + skip, '?', n - skip);
    size_t path_len = q ? (size_t)(q - p) - skip : n - skip;
    h->path = (uint16_t)(h->line + at + skip);
    h->path_len = (uint16_t)path_len;
    h->has_query = q != NULL;
    h->query = (uint16_t)(h->path + path_len + h->has_query);
    h->query_len = (uint16_t)(n - skip - path_len - h->has_query);
    return 0;
}

static int head__request_line(struct http_head *h, const char *line, size_t n,
                              const struct http_limits *limits)
{
    const char *sp1 = memchr(line, ' ', n);
    const char *sp2 = sp1 ? memchr(sp1 + 1, ' ', n - (size_t)(sp1 + 1 - line)) : NULL;
    if (!sp2)
        return refuse(h, 400, "The request line is not a method, a target and a version.");
    size_t target = (size_t)(sp1 + 1 - line), target_len = (size_t)(sp2 - sp1 - 1);
    size_t version = (size_t)(sp2 + 1 - line);
    h->started = true;
    h->start = h->line;
    int status = head__version(h, line + version, n - version);
    if (!status)
        status = head__method(h, line, target - 1);
    if (!status && target_len > limits->target_max)
        status = refuse(h, 414, "The request's target is too long.");
    return status ? status : head__target(h, line, target, target_len);
}

static int head__length(struct http_head *h, const char *p, size_t n)
{
    if (h->has_length)
        return refuse(h, 400, "Content-Length is given twice.");
    if (n < 1 || n > 15)
        return refuse(h, 400, "Content-Length is not a number.");
    for (size_t i = 0; i < n; i++) {
        if (!is_digit((unsigned char)p[i]))
            return refuse(h, 400, "Content-Length is not a number.");
        h->body_len = h->body_len * 10 + (uint64_t)(p[i] - '0');
    }
    h->has_length = true;
    return 0;
}

static int head__coding(struct http_head *h, struct http_span v)
{
    if (h->chunked)
        return refuse(h, 400, "Transfer-Encoding is given twice.");
    if (!http_span_is_nocase(v, "chunked"))
        return refuse(h, 501, "The transfer coding is not known here; only chunked is.");
    h->chunked = true;
    return 0;
}

static int head__expect(struct http_head *h, struct http_span v)
{
    if (h->expects)
        return refuse(h, 400, "Expect is given twice.");
    if (!http_span_is_nocase(v, "100-continue"))
        return refuse(h, 417, "Only 100-continue can be expected.");
    h->expects = true;
    return 0;
}

/* Remembers where a field that may come only once is. */
static int head__once(struct http_head *h, uint8_t *index, const char *why_twice)
{
    if (*index)
        return refuse(h, 400, why_twice);
    *index = (uint8_t)h->n_fields; /* counted already: 1 + index */
    return 0;
}

static int head__known(struct http_head *h, struct http_span name, struct http_span v)
{
    switch (name.n) { /* most fields are none of these: the length tells */
    case 4:
        if (http_span_is_nocase(name, "host"))
            return head__once(h, &h->host, "Host is given twice.");
        break;
    case 6:
        if (http_span_is_nocase(name, "expect"))
            return head__expect(h, v);
        if (http_span_is_nocase(name, "origin"))
            return head__once(h, &h->origin, "Origin is given twice.");
        break;
    case 12:
        if (http_span_is_nocase(name, "content-type"))
            return head__once(h, &h->content_type, "Content-Type is given twice.");
        break;
    case 13:
        if (http_span_is_nocase(name, "authorization"))
            return head__once(h, &h->authorization, "Authorization is given twice.");
        break;
    case 14:
        if (http_span_is_nocase(name, "content-length"))
            return head__length(h, v.p, v.n);
        break;
    case 17:
        if (http_span_is_nocase(name, "transfer-encoding"))
            return head__coding(h, v);
        break;
    default: break;
    }
    return 0;
}

static int head__field(struct http_head *h, const char *line, size_t n)
{
    const char *colon = memchr(line, ':', n);
    size_t name_len = colon ? (size_t)(colon - line) : 0;
    if (!is_token(line, name_len))
        return refuse(h, 400, "A field has no proper name before its colon.");
    if (h->n_fields == HTTP_FIELDS_MAX)
        return refuse(h, 431, "There are too many fields.");
    size_t at = name_len + 1, end = n;
    while (at < end && (line[at] == ' ' || line[at] == '\t'))
        at++;
    while (end > at && (line[end - 1] == ' ' || line[end - 1] == '\t'))
        end--;
    if (!is_field_text(line + at, end - at))
        return refuse(h, 400, "A field has a control character in its value.");
    h->fields[h->n_fields++] = (struct http_field){
        .name = h->line,
        .name_len = (uint16_t)name_len,
        .value = (uint16_t)(h->line + at),
        .value_len = (uint16_t)(end - at),
    };
    return head__known(h, (struct http_span){line, name_len},
                       (struct http_span){line + at, end - at});
}

static int head__finish(struct http_head *h, const char *p, const struct http_limits *limits)
{
    if (!h->host)
        return refuse(h, 400, "There is no Host.");
    if (h->authority_len) {
        const struct http_field *f = &h->fields[h->host - 1];
        if (f->value_len != h->authority_len ||
            strncasecmp(p + f->value, p + h->authority, h->authority_len) != 0)
            return refuse(h, 400, "The host in the target is not the one in Host.");
    }
    if (h->chunked && h->has_length)
        return refuse(h, 400, "Content-Length and Transfer-Encoding are both given.");
    if (h->chunked && !h->minor)
        return refuse(h, 400, "HTTP/1.0 has no Transfer-Encoding.");
    if (h->body_len > limits->body_max)
        return refuse(h, 413, "The body is too large.");
    h->expects = h->expects && h->minor; /* 1.0 clients cannot wait for it (RFC 9110, 10.1.1) */
    h->len = h->scanned;
    return 1;
}

int http_head_read(struct http_head *h, const char *p, size_t n, const struct http_limits *limits)
{
    if (!h->scanned && n && !is_token_char((unsigned char)p[0]) && p[0] != '\r')
        return refuse(h, 400, "This is not a request of HTTP.");
    for (;;) {
        const char *nl = memchr(p + h->scanned, '\n', n - h->scanned);
        size_t end = nl ? (size_t)(nl - p) + 1 : n;
        if (!h->started && end - h->line > (size_t)limits->target_max + LINE_SLACK)
            return refuse(h, 414, "The request's target is too long.");
        if (end > limits->head_max)
            return refuse(h, 431, "The head is too large.");
        if (!nl) {
            h->scanned = (uint16_t)n;
            return 0;
        }
        if (end - h->line < 2 || nl[-1] != '\r')
            return refuse(h, 400, "A line does not end in CR and LF.");
        const char *line = p + h->line;
        size_t len = end - h->line - 2;
        h->scanned = (uint16_t)end;
        int status = 0;
        if (!h->started && len)
            status = head__request_line(h, line, len, limits);
        else if (!h->started && h->line)
            status = refuse(h, 400, "There is more than one empty line before the request.");
        else if (h->started && len)
            status = head__field(h, line, len);
        else if (h->started)
            return head__finish(h, p, limits);
        if (status)
            return status;
        h->line = (uint16_t)end;
    }
}
