/* json_read.c - one pass over a copy of the text, by recursive descent. The copy ends with a NUL,
 * which no rule takes, so nothing has to look for the end. */
#include "base/json_read.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

enum { PAIRS_MAX = 12 }; /* objects up to this are searched for twins pair by pair */

static bool fail(struct jr *r, enum jr_error error, const char *where)
{
    r->error = error;
    r->at = (size_t)(where - r->text.data);
    return false;
}

static void skip_space(struct jr *r)
{
    while (*r->p == ' ' || *r->p == '\n' || *r->p == '\r' || *r->p == '\t')
        r->p++;
}

static uint32_t node_new(struct jr *r)
{
    if (r->count == r->cap) {
        r->cap = r->cap ? r->cap * 2 : 32;
        r->node = mem_grow(r->node, r->cap, sizeof *r->node);
    }
    return r->count++;
}

/* ---- texts ---- */

/* Four hexadecimal digits; -1: they are none. */
static int32_t hex4(const char *p)
{
    int32_t v = 0;
    for (int i = 0; i < 4; i++) {
        char c = p[i];
        if (c >= '0' && c <= '9')
            v = v << 4 | (c - '0');
        else if ((c | 32) >= 'a' && (c | 32) <= 'f')
            v = v << 4 | ((c | 32) - 'a' + 10);
        else
            return -1;
    }
    return v;
}

static char *put_utf8(char *to, int32_t c)
{
    if (c < 0x80) {
        *to++ = (char)c;
        return to;
    }
    int more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    static const unsigned char lead[] = {0, 0xc0, 0xe0, 0xf0};
    *to++ = (char)(lead[more] | c >> 6 * more);
    while (more-- > 0)
        *to++ = (char)(0x80 | (c >> 6 * more & 0x3f));
    return to;
}

/* r->p is behind the backslash; what it stands for goes to `to`, which is never ahead of r->p. */
static char *escape(struct jr *r, char *to)
{
    static const char from[] = "\"\\/bfnrt", as[] = "\"\\/\b\f\n\r\t";
    const char *simple = *r->p ? strchr(from, *r->p) : NULL;
    if (simple) {
        r->p++;
        *to = as[simple - from];
        return to + 1;
    }
    int32_t c = *r->p == 'u' ? hex4(r->p + 1) : -1;
    if (c <= 0 || (c >= 0xdc00 && c <= 0xdfff)) /* NUL, and half of a pair, are no text */
        return NULL;
    r->p += 5;
    if (c >= 0xd800 && c <= 0xdbff) {
        int32_t low = r->p[0] == '\\' && r->p[1] == 'u' ? hex4(r->p + 2) : -1;
        if (low < 0xdc00 || low > 0xdfff)
            return NULL;
        c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
        r->p += 6;
    }
    return put_utf8(to, c);
}

static bool plain(char c)
{
    return (unsigned char)c >= 0x20 && (unsigned char)c < 0x80 && c != '"' && c != '\\';
}

/* r->p is at the opening quote. The closing one becomes the NUL. */
static bool read_text(struct jr *r, const char **text, size_t *len)
{
    char *to = ++r->p;
    *text = to;
    while (plain(*r->p))
        r->p++;
    to = r->p;
    while (*r->p != '"') {
        const char *at = r->p;
        unsigned char c = (unsigned char)*at;
        if (c == '\\') {
            r->p++;
            to = escape(r, to);
            if (!to)
                return fail(r, JR_SYNTAX, at);
        } else if (c < 0x20) {
            return fail(r, JR_SYNTAX, at); /* a control, or the end */
        } else if (c < 0x80) {
            *to++ = *r->p++;
        } else {
            const char *end = r->text.data + r->text.len;
            int n = utf8_length((const unsigned char *)at, (size_t)(end - at));
            if (n < 0)
                return fail(r, JR_UTF8, at);
            for (; n > 0; n--)
                *to++ = *r->p++;
        }
    }
    *to = 0;
    r->p++;
    *len = (size_t)(to - *text);
    return true;
}

/* ---- numbers and words ---- */

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool read_whole(struct jr *r, struct jr_node *v, const char *at)
{
    v->kind = JR_WHOLE;
    v->whole = 0;
    bool minus = *at == '-'; /* summed below zero, where there is one more */
    for (const char *d = at + minus; d < r->p; d++)
        if (__builtin_mul_overflow(v->whole, 10, &v->whole) ||
            __builtin_sub_overflow(v->whole, *d - '0', &v->whole))
            return fail(r, JR_LARGE, at);
    if (!minus && __builtin_sub_overflow(0, v->whole, &v->whole))
        return fail(r, JR_LARGE, at);
    return true;
}

static bool read_number(struct jr *r, struct jr_node *v)
{
    const char *at = r->p;
    bool whole = true;
    r->p += *r->p == '-';
    if (!digit(*r->p))
        return fail(r, JR_SYNTAX, r->p);
    if (*r->p++ != '0')
        while (digit(*r->p))
            r->p++;
    if (*r->p == '.') {
        whole = false;
        if (!digit(*++r->p))
            return fail(r, JR_SYNTAX, r->p);
        while (digit(*r->p))
            r->p++;
    }
    if ((*r->p | 32) == 'e') {
        whole = false;
        r->p++;
        r->p += *r->p == '+' || *r->p == '-';
        if (!digit(*r->p))
            return fail(r, JR_SYNTAX, r->p);
        while (digit(*r->p))
            r->p++;
    }
    if (whole)
        return read_whole(r, v, at);
    v->kind = JR_REAL;
    v->real = strtod(at, NULL);
    return isfinite(v->real) || fail(r, JR_LARGE, at);
}

static bool read_word(struct jr *r, struct jr_node *v)
{
    static const struct {
        const char *word;
        enum jr_kind kind;
    } words[] = {{"null", JR_NULL}, {"false", JR_FALSE}, {"true", JR_TRUE}};
    for (size_t i = 0; i < COUNTOF(words); i++) {
        size_t n = strlen(words[i].word);
        if (strncmp(r->p, words[i].word, n) == 0) {
            r->p += n;
            v->kind = words[i].kind;
            return true;
        }
    }
    return fail(r, JR_SYNTAX, r->p);
}

/* ---- members ---- */

static int by_key(const void *a, const void *b)
{
    const struct jr_node *x = *(const struct jr_node *const *)a;
    const struct jr_node *y = *(const struct jr_node *const *)b;
    if (x->key_len != y->key_len)
        return x->key_len < y->key_len ? -1 : 1;
    int d = memcmp(x->key, y->key, x->key_len);
    return d ? d : x < y ? -1 : x > y;
}

static bool twins(const struct jr_node *x, const struct jr_node *y)
{
    return x->key_len == y->key_len && memcmp(x->key, y->key, x->key_len) == 0;
}

/* The second of two members of one name; NULL: there is none. */
static const struct jr_node *find_twin(const struct jr_node *object)
{
    if (object->count <= PAIRS_MAX) {
        jr_each(x, object) jr_each(y, object)
        {
            if (y == x)
                break;
            if (twins(x, y))
                return x;
        }
        return NULL;
    }
    const struct jr_node **sorted = mem_new(object->count, sizeof *sorted), *twin = NULL;
    uint32_t n = 0;
    jr_each(x, object) sorted[n++] = x;
    qsort(sorted, n, sizeof *sorted, by_key);
    for (uint32_t i = 1; i < n && !twin; i++)
        twin = twins(sorted[i - 1], sorted[i]) ? sorted[i] : NULL;
    mem_free(sorted);
    return twin;
}

static bool read_value(struct jr *r, const char *key, size_t key_len, int depth);

/* One member or item of the container at `at`. */
static bool read_inner(struct jr *r, bool object, int depth)
{
    const char *key = NULL;
    size_t key_len = 0;
    if (object) {
        if (*r->p != '"')
            return fail(r, JR_SYNTAX, r->p);
        if (!read_text(r, &key, &key_len))
            return false;
        skip_space(r);
        if (*r->p != ':')
            return fail(r, JR_SYNTAX, r->p);
        r->p++;
        skip_space(r);
    }
    return read_value(r, key, key_len, depth);
}

static bool read_container(struct jr *r, uint32_t at, int depth)
{
    bool object = *r->p == '{';
    char close = object ? '}' : ']';
    uint32_t n = 0;
    if (depth == JR_DEPTH_MAX)
        return fail(r, JR_DEEP, r->p);
    r->p++;
    skip_space(r);
    while (*r->p != close || n) {
        if (!read_inner(r, object, depth + 1))
            return false;
        n++;
        skip_space(r);
        if (*r->p == close)
            break;
        if (*r->p != ',')
            return fail(r, JR_SYNTAX, r->p);
        r->p++;
        skip_space(r);
    }
    r->p++;
    struct jr_node *v = &r->node[at];
    v->kind = object ? JR_OBJECT : JR_ARRAY;
    v->count = n;
    v->skip = r->count - at;
    const struct jr_node *twin = object ? find_twin(v) : NULL;
    return !twin || fail(r, JR_TWICE, twin->key - 1);
}

static bool read_value(struct jr *r, const char *key, size_t key_len, int depth)
{
    uint32_t at = node_new(r);
    struct jr_node *v = &r->node[at];
    v->key = key;
    v->key_len = key_len;
    v->skip = 1;
    switch (*r->p) {
    case '{':
    case '[': return read_container(r, at, depth);
    case '"': v->kind = JR_TEXT; return read_text(r, &v->text, &v->len);
    case '-': return read_number(r, v);
    default: return digit(*r->p) ? read_number(r, v) : read_word(r, v);
    }
}

/* ---- all of it ---- */

static void find_place(struct jr *r, const char *data)
{
    r->line = r->column = 1;
    for (size_t i = 0; i < r->at; i++) {
        r->column = data[i] == '\n' ? 1 : r->column + 1;
        r->line += data[i] == '\n';
    }
}

bool jr_read(struct jr *r, const void *data, size_t len)
{
    buf_reset(&r->text);
    buf_add(&r->text, data, len);
    r->p = r->text.data;
    r->count = 0;
    r->error = JR_GOOD;
    skip_space(r);
    bool ok = read_value(r, NULL, 0, 0);
    if (ok) {
        skip_space(r);
        ok = r->p == r->text.data + len || fail(r, JR_SYNTAX, r->p);
    }
    if (!ok)
        find_place(r, data);
    return ok;
}

const struct jr_node *jr_get(const struct jr_node *object, const char *key)
{
    if (object && object->kind == JR_OBJECT)
        jr_each(v, object) if (strcmp(v->key, key) == 0) return v;
    return NULL;
}

const char *jr_get_text(const struct jr_node *object, const char *key)
{
    const struct jr_node *v = jr_get(object, key);
    return v && v->kind == JR_TEXT ? v->text : "";
}

void jr_free(struct jr *r)
{
    mem_free(r->node);
    buf_free(&r->text);
    *r = (struct jr){0};
}
