/* http_negotiate.c - fields of the request: looking them up, entity tags, accepted codings. */
#include <string.h>
#include <strings.h>

#include "http/http_i.h"

/* The next field of that name from *index on; p == NULL: there is none. */
static struct http_span next_field(const struct http_request *rq, const char *name, uint32_t *index)
{
    const struct http_conn *c = conn_of(rq);
    const struct http_head *h = &c->parser.head;
    const char *base = c->in + c->in_start;
    size_t n = strlen(name);
    for (; *index < h->n_fields; ++*index) {
        const struct http_field *f = &h->fields[*index];
        if (f->name_len == n && !strncasecmp(base + f->name, name, n))
            return conn_field(c, (*index)++);
    }
    return (struct http_span){NULL, 0};
}

struct http_span http_header(const struct http_request *rq, const char *name)
{
    uint32_t index = 0;
    return next_field(rq, name, &index);
}

void http_peer(const struct http_request *rq, char out[46])
{
    struct sockaddr_storage a;
    int n = sizeof a;
    out[0] = 0;
    if (uv_tcp_getpeername(&conn_of(rq)->tcp, (struct sockaddr *)&a, &n) != 0)
        return;
    if (a.ss_family == AF_INET6)
        uv_ip6_name((const struct sockaddr_in6 *)(const void *)&a, out, 46);
    else
        uv_ip4_name((const struct sockaddr_in *)(const void *)&a, out, 46);
}

static void skip_blank(struct http_span *s)
{
    while (s->n && (*s->p == ' ' || *s->p == '\t')) {
        s->p++;
        s->n--;
    }
}

/* The next element of a comma-separated list, without white space around it; false at the end.
 * Commas inside quotes do not separate. */
static bool next_element(struct http_span *list, struct http_span *out)
{
    bool quoted = false;
    size_t n = 0;
    skip_blank(list);
    if (!list->n)
        return false;
    while (n < list->n && (quoted || list->p[n] != ',')) {
        quoted ^= list->p[n] == '"';
        n++;
    }
    *out = (struct http_span){list->p, n};
    list->p += n + (n < list->n);
    list->n -= n + (n < list->n);
    while (out->n && (out->p[out->n - 1] == ' ' || out->p[out->n - 1] == '\t'))
        out->n--;
    return true;
}

/* Is the tag in the list of fields of that name? Weak: "W/" before either does not matter. */
static bool etag_listed(const struct http_request *rq, const char *name, const char *etag,
                        bool weak)
{
    uint32_t index = 0;
    struct http_span list, e;
    if (weak && !strncmp(etag, "W/", 2))
        etag += 2;
    while ((list = next_field(rq, name, &index)).p) {
        while (next_element(&list, &e)) {
            if (http_span_is(e, "*"))
                return true;
            if (weak && e.n > 2 && !memcmp(e.p, "W/", 2)) {
                e.p += 2;
                e.n -= 2;
            }
            if (http_span_is(e, etag) && etag[0] == '"') /* a weak tag is never strongly equal */
                return true;
        }
    }
    return false;
}

bool http_if_none_match(const struct http_request *rq, const char *etag)
{
    return etag_listed(rq, "If-None-Match", etag, true);
}

enum http_match http_if_match(const struct http_request *rq, const char *etag)
{
    if (!http_header(rq, "If-Match").p)
        return HTTP_MATCH_ABSENT;
    return etag_listed(rq, "If-Match", etag, false) ? HTTP_MATCH_YES : HTTP_MATCH_NO;
}

/* Takes ";q=0.5" and other parameters off an element. Returns whether its weight is above 0. */
static bool weighs(struct http_span *e)
{
    const char *semicolon = memchr(e->p, ';', e->n);
    if (!semicolon)
        return true;
    struct http_span rest = {semicolon + 1, e->n - (size_t)(semicolon + 1 - e->p)};
    e->n = (size_t)(semicolon - e->p);
    while (e->n && (e->p[e->n - 1] == ' ' || e->p[e->n - 1] == '\t'))
        e->n--;
    skip_blank(&rest);
    if (rest.n < 3 || strncasecmp(rest.p, "q=", 2) != 0)
        return false; /* not what Accept-Encoding has: as if not accepted */
    for (size_t i = 2; i < rest.n; i++)
        if (rest.p[i] >= '1' && rest.p[i] <= '9')
            return true;
    return false;
}

bool http_accepts_coding(const struct http_request *rq, const char *coding)
{
    uint32_t index = 0;
    bool any = false;
    struct http_span list, e;
    while ((list = next_field(rq, "Accept-Encoding", &index)).p) {
        while (next_element(&list, &e)) {
            bool wanted = e.n && weighs(&e);
            if (http_span_is_nocase(e, coding))
                return wanted;
            if (http_span_is(e, "*"))
                any = wanted;
        }
    }
    return any;
}
