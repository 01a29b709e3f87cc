#include "base/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void jw_begin(struct jw *w, struct buf *out)
{
    *w = (struct jw){.out = out};
}

void jw_done(const struct jw *w)
{
    BUG_ON(!w->complete || w->depth || w->keyed);
}

/* buf_reserve without a call when there is room. */
static inline void room(struct buf *b, size_t more)
{
    if (UNLIKELY(more >= b->cap - b->len))
        buf_reserve(b, more);
}

/* ---- strings ---- */

/* Which of eight bytes may not be copied as they are: controls, quote, backslash, non-ASCII. A
 * byte's high bit is set when it may not; bits above a set one may be wrong, none is missed. */
static uint64_t special8(uint64_t x)
{
    const uint64_t ones = 0x0101010101010101u, high = 0x8080808080808080u;
    uint64_t quote = x ^ (ones * '"'), slash = x ^ (ones * '\\');
    return (x | (x - ones * 0x20) | (quote - ones) | (slash - ones)) & high;
}

int utf8_length(const unsigned char *p, size_t n)
{
    unsigned char c = p[0], lo = 0x80, hi = 0xbf;
    int need;
    if (c >= 0xc2 && c <= 0xdf) {
        need = 1;
    } else if (c >= 0xe0 && c <= 0xef) {
        need = 2;
        lo = c == 0xe0 ? 0xa0 : 0x80; /* overlong */
        hi = c == 0xed ? 0x9f : 0xbf; /* surrogates */
    } else if (c >= 0xf0 && c <= 0xf4) {
        need = 3;
        lo = c == 0xf0 ? 0x90 : 0x80; /* overlong */
        hi = c == 0xf4 ? 0x8f : 0xbf; /* above U+10FFFF */
    } else {
        return -1;
    }
    for (int i = 1; i <= need; i++) {
        if ((size_t)i >= n || p[i] < lo || p[i] > hi)
            return -i;
        lo = 0x80;
        hi = 0xbf;
    }
    return need + 1;
}

/* One byte (or UTF-8 sequence) that needs more than copying. Returns how many bytes it took. */
static size_t quote_special(struct buf *out, const char *s, size_t n)
{
    static const char hex[] = "0123456789abcdef";
    unsigned char c = (unsigned char)*s;
    if (c >= 0x80) {
        int len = utf8_length((const unsigned char *)s, n);
        if (len > 0)
            buf_add(out, s, (size_t)len);
        else
            buf_add(out, "\xef\xbf\xbd", 3);
        return (size_t)abs(len);
    }
    char esc[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
    const char *const from = "\b\t\n\f\r\"\\", *const to = "btnfr\"\\";
    const char *at = c ? strchr(from, c) : NULL;
    if (at)
        esc[1] = to[at - from];
    buf_add(out, esc, at ? 2 : 6);
    return 1;
}

/* Copies plain bytes from s to `to` up to the first special one; returns how many. */
static inline size_t copy_plain(char *to, const char *s, size_t n)
{
    size_t i = 0;
    while (n - i >= 8) {
        uint64_t x;
        memcpy(&x, s + i, 8);
        if (special8(x))
            break;
        memcpy(to + i, &x, 8);
        i += 8;
    }
    if (n - i >= 4) {
        uint32_t x;
        memcpy(&x, s + i, 4);
        if (!special8(x | 0x2020202000000000u) /* four spaces above */) {
            memcpy(to + i, &x, 4);
            i += 4;
        }
    }
    for (; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c < 0x20 || c >= 0x80 || c == '"' || c == '\\')
            break;
        to[i] = (char)c;
    }
    return i;
}

/* Appends the quoted string with `before` (a comma, or 0) in front and `after` (a colon, or 0)
 * behind. One reservation covers the usual string, in which nothing is special. */
static void quote(struct buf *out, char before, const char *s, size_t n, char after)
{
    room(out, n + 4);
    if (before)
        out->data[out->len++] = before;
    out->data[out->len++] = '"';
    for (;;) {
        size_t plain = copy_plain(out->data + out->len, s, n);
        out->len += plain;
        if (plain == n)
            break;
        size_t took = quote_special(out, s + plain, n - plain);
        s += plain + took;
        n -= plain + took;
        buf_reserve(out, n + 4);
    }
    out->data[out->len++] = '"';
    if (after)
        out->data[out->len++] = after;
    out->data[out->len] = 0;
}

void json_quote(struct buf *out, const char *s, size_t n)
{
    quote(out, 0, s, n, 0);
}

/* ---- numbers ---- */

static size_t print_uint(char *to, uint64_t v)
{
    char digits[20], *p = digits + sizeof digits;
    do
        *--p = (char)('0' + v % 10);
    while (v /= 10);
    size_t n = (size_t)(digits + sizeof digits - p);
    memcpy(to, p, n);
    return n;
}

/* Digits with a point in front of the last `places`; up to 22 bytes. */
static size_t print_fixed(char *to, uint64_t v, unsigned places)
{
    for (; places && v % 10 == 0; places--)
        v /= 10;
    char digits[24], *p = digits + sizeof digits;
    for (unsigned k = 0; k <= places || v; k++, v /= 10) {
        if (k && k == places)
            *--p = '.';
        *--p = (char)('0' + v % 10);
    }
    size_t n = (size_t)(digits + sizeof digits - p);
    memcpy(to, p, n);
    return n;
}

/* Tries few decimals: r / 10^k is the correctly rounded value of the decimal r x 10^-k when both
 * are exact doubles, so equality proves that the text reads back as v; and since decimals of up to
 * 15 digits map to different doubles, the least k gives the shortest text. 0: it has more digits.
 */
static size_t print_short(char *to, double v)
{
    static const double ten[] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9};
    for (int k = 0; k < (int)COUNTOF(ten); k++) {
        double r = rint(v * ten[k]);
        if (r >= 1e15)
            return 0;
        if (r / ten[k] != v)
            continue;
        return print_fixed(to, (uint64_t)r, (unsigned)k);
    }
    return 0;
}

/* 40 bytes are enough: 17 digits, sign, point, exponent; or 15 digits and a sign. */
static size_t print_double(char to[40], double v)
{
    if (!isfinite(v)) {
        memcpy(to, "null", 4);
        return 4;
    }
    size_t sign = v < 0, n;
    to[0] = '-';
    if ((n = print_short(to + sign, fabs(v))))
        return sign + n;
    for (int digits = 15; digits <= 17; digits++) {
        n = (size_t)snprintf(to, 40, "%.*g", digits, v);
        if (strtod(to, NULL) == v)
            break;
    }
    return n;
}

void json_number(struct buf *out, double v)
{
    char text[40];
    buf_add(out, text, print_double(text, v));
}

/* ---- structure ---- */

/* Called before every value: checks that one is due here and returns whether a comma goes first. */
static inline bool value_due(struct jw *w)
{
    bool comma = w->comma;
    if (w->depth == 0) {
        BUG_ON(w->complete);
        w->complete = true;
    } else if (w->objects >> w->depth & 1) {
        BUG_ON(!w->keyed);
    }
    w->keyed = false;
    w->comma = true;
    return comma;
}

static void put(struct jw *w, const char *text, size_t n)
{
    struct buf *b = w->out;
    bool comma = value_due(w);
    room(b, n + 1);
    if (comma)
        b->data[b->len++] = ',';
    memcpy(b->data + b->len, text, n);
    b->len += n;
    b->data[b->len] = 0;
}

static void open_level(struct jw *w, bool object)
{
    BUG_ON(w->depth == JW_DEPTH_MAX);
    put(w, object ? "{" : "[", 1);
    w->depth++;
    w->objects = (w->objects & ~(1ull << w->depth)) | (uint64_t)object << w->depth;
    w->comma = false;
}

void jw_obj(struct jw *w)
{
    open_level(w, true);
}

void jw_arr(struct jw *w)
{
    open_level(w, false);
}

void jw_end(struct jw *w)
{
    BUG_ON(w->depth == 0 || w->keyed);
    buf_char(w->out, w->objects >> w->depth & 1 ? '}' : ']');
    w->depth--;
    w->comma = true;
}

void jw_keyn(struct jw *w, const char *key, size_t n)
{
    BUG_ON(w->depth == 0 || !(w->objects >> w->depth & 1) || w->keyed);
    quote(w->out, w->comma ? ',' : 0, key, n, ':');
    w->comma = false;
    w->keyed = true;
}

void jw_str(struct jw *w, const char *s)
{
    if (s)
        jw_strn(w, s, strlen(s));
    else
        jw_null(w);
}

void jw_strn(struct jw *w, const char *s, size_t n)
{
    quote(w->out, value_due(w) ? ',' : 0, s, n, 0);
}

void jw_int(struct jw *w, int64_t v)
{
    char text[21];
    size_t sign = v < 0;
    text[0] = '-';
    put(w, text, sign + print_uint(text + sign, sign ? 0 - (uint64_t)v : (uint64_t)v));
}

void jw_uint(struct jw *w, uint64_t v)
{
    char text[20];
    put(w, text, print_uint(text, v));
}

void jw_double(struct jw *w, double v)
{
    char text[40];
    put(w, text, print_double(text, v));
}

void jw_fixed(struct jw *w, int64_t v, unsigned places)
{
    char text[24];
    size_t sign = v < 0;
    BUG_ON(places > 18);
    text[0] = '-';
    put(w, text, sign + print_fixed(text + sign, sign ? 0 - (uint64_t)v : (uint64_t)v, places));
}

void jw_bool(struct jw *w, bool v)
{
    put(w, v ? "true" : "false", v ? 4 : 5);
}

void jw_null(struct jw *w)
{
    put(w, "null", 4);
}

void jw_raw(struct jw *w, const char *json, size_t n)
{
    BUG_ON(n == 0);
    put(w, json, n);
}
