/* http_policy.c - who may ask: the guards against DNS rebinding and cross-site request forgery.
 *
 * DNS rebinding: a page from evil.example has its name point to this server's address, and the
 * browser then lets the page read from here. Such requests carry "Host: evil.example", so a Host we
 * do not know is refused (421). An address as Host cannot come from there: the page's own origin
 * would have to be that address.
 *
 * Forgery: a page from elsewhere can make a browser send a form or a fetch() here, but not without
 * the page's Origin, and not a body in a type like application/json without asking first (a CORS
 * preflight, which nothing here permits). So both are checked for methods that change something. */
#include <string.h>
#include <strings.h>

#include "http/http_i.h"

/* "[::1]:8080" gives "::1" in its canonical form, "localhost:80" gives "localhost". */
static bool host_name(struct http_span host, char out[HTTP_HOST_MAX])
{
    bool bracket = host.n && host.p[0] == '[';
    const char *end = bracket ? memchr(host.p, ']', host.n) : memchr(host.p, ':', host.n);
    const char *name = host.p + bracket;
    if (bracket && !end)
        return false;
    size_t n = end ? (size_t)(end - name) : host.n;
    const char *port = end ? end + bracket : host.p + host.n;
    size_t port_len = (size_t)(host.p + host.n - port);
    if (!n || n >= HTTP_HOST_MAX || (port_len && (port[0] != ':' || port_len > 6)))
        return false;
    for (size_t i = 1; i < port_len; i++)
        if (port[i] < '0' || port[i] > '9')
            return false;
    memcpy(out, name, n);
    out[n] = 0;
    unsigned char a[16];
    return !bracket ||
           (uv_inet_pton(AF_INET6, out, a) == 0 && uv_inet_ntop(AF_INET6, a, out, 46) == 0);
}

static bool host_allowed(const struct http_server *s, struct http_span host)
{
    char name[HTTP_HOST_MAX];
    unsigned char a[16];
    if (!host_name(host, name))
        return false;
    for (uint32_t i = 0; i < s->n_names; i++)
        if (!strcasecmp(s->names[i], name))
            return true;
    return s->any_address &&
           (uv_inet_pton(AF_INET, name, a) == 0 || uv_inet_pton(AF_INET6, name, a) == 0);
}

static bool same_origin(struct http_span origin, struct http_span host)
{
    size_t scheme = origin.n > 8 && !strncasecmp(origin.p, "https://", 8)  ? 8
                    : origin.n > 7 && !strncasecmp(origin.p, "http://", 7) ? 7
                                                                           : 0;
    return scheme && origin.n - scheme == host.n && !strncasecmp(origin.p + scheme, host.p, host.n);
}

static bool type_allowed(const struct http_server *s, struct http_span type)
{
    const char *semicolon = type.n ? memchr(type.p, ';', type.n) : NULL;
    if (semicolon)
        type.n = (size_t)(semicolon - type.p);
    while (type.n && (type.p[type.n - 1] == ' ' || type.p[type.n - 1] == '\t'))
        type.n--;
    for (uint32_t i = 0; i < s->n_types; i++)
        if (http_span_is_nocase(type, s->types[i]))
            return true;
    return false;
}

int policy_check(const struct http_conn *c, const char **why)
{
    const struct http_head *h = &c->parser.head;
    struct http_span host = conn_field(c, h->host - 1u);
    if (!host_allowed(c->server, host)) {
        *why = "This server does not go by that name.";
        return 421;
    }
    if (h->method != HTTP_METHOD_POST && h->method != HTTP_METHOD_PUT &&
        h->method != HTTP_METHOD_PATCH && h->method != HTTP_METHOD_DELETE)
        return 0;
    if (h->origin && !same_origin(conn_field(c, h->origin - 1u), host)) {
        *why = "Changes from pages of other sites are not taken.";
        return 403;
    }
    struct http_span none = {NULL, 0};
    if ((h->chunked || h->body_len) &&
        !type_allowed(c->server, h->content_type ? conn_field(c, h->content_type - 1u) : none)) {
        *why = "The body's media type is not taken here.";
        return 415;
    }
    return 0;
}
