/* http_target.c - paths and queries taken apart, with strict percent-decoding (RFC 3986, 2.1). */
#include <string.h>

#include "http/http.h"

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The next byte of an encoded text, which moves on; -1: malformed, or a control character. */
static int decode(struct http_span *s)
{
    int c = (unsigned char)*s->p;
    size_t used = 1;
    if (c == '%') {
        if (s->n < 3 || hex(s->p[1]) < 0 || hex(s->p[2]) < 0)
            return -1;
        c = hex(s->p[1]) << 4 | hex(s->p[2]);
        used = 3;
    }
    s->p += used;
    s->n -= used;
    return c < 0x20 || c == 0x7f ? -1 : c;
}

bool http_path_split(struct http_span path, struct http_path *out)
{
    size_t at = 0;
    out->n = 0;
    if (!path.n || path.p[0] != '/')
        return false;
    while (path.n && !(path.n == 1 && !out->n)) { /* "/" alone has no segment */
        char *segment = out->text + at;
        path.p++; /* the slash */
        path.n--;
        while (path.n && *path.p != '/') {
            int c = decode(&path);
            if (c < 0 || c == '/' || at + 2 > sizeof out->text)
                return false;
            out->text[at++] = (char)c;
        }
        if (at == sizeof out->text || out->n == HTTP_SEGMENTS_MAX)
            return false;
        out->text[at++] = 0;
        if (!*segment || !strcmp(segment, ".") || !strcmp(segment, ".."))
            return false;
        out->segment[out->n++] = segment;
    }
    return true;
}

/* Decodes up to one of the two stop bytes (0: none). Text beyond `cap` is lost and *fits false. */
static bool part(struct http_span *s, char stop, char stop2, char *out, size_t cap, bool *fits)
{
    size_t n = 0;
    while (s->n && *s->p != stop && *s->p != stop2) {
        bool plus = *s->p == '+';
        int c = decode(s);
        if (c < 0)
            return false;
        if (n + 1 < cap)
            out[n++] = plus ? ' ' : (char)c;
        else
            *fits = false;
    }
    out[n] = 0;
    return true;
}

enum http_param http_query_get(struct http_span query, const char *name, char *out, size_t cap)
{
    enum http_param found = HTTP_PARAM_NONE;
    BUG_ON(!cap);
    out[0] = 0;
    while (query.n) {
        char key[64], ignored[1];
        bool key_fits = true, fits = true;
        if (!part(&query, '=', '&', key, sizeof key, &key_fits) || !query.n || *query.p != '=')
            return HTTP_PARAM_BAD;
        query.p++;
        query.n--;
        bool wanted = key_fits && !strcmp(key, name);
        if (wanted && found)
            return HTTP_PARAM_BAD;
        if (!part(&query, '&', '&', wanted ? out : ignored, wanted ? cap : 1, &fits))
            return HTTP_PARAM_BAD;
        if (wanted && !fits)
            return HTTP_PARAM_BAD;
        if (wanted)
            found = HTTP_PARAM_OK;
        if (query.n) { /* the ampersand; a pair must follow */
            query.p++;
            if (!--query.n)
                return HTTP_PARAM_BAD;
        }
    }
    return found;
}
