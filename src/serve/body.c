/* body.c - what every body of a request goes through: JSON, members by a table, errors in words. */
#include "serve/body.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- errors ---- */

bool body_say(struct api_error *e, int status, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    e->status = status;
    vsnprintf(e->detail, sizeof e->detail, fmt, ap);
    va_end(ap);
    return false;
}

const char *body_names(char *out, size_t cap, const char *(*name)(const void *, uint32_t),
                       const void *arg)
{
    size_t n = 0;
    out[0] = 0;
    for (uint32_t i = 0; name(arg, i); i++) {
        size_t left = cap - n;
        int wrote = snprintf(out + n, left, "%s%s", i ? ", " : "", name(arg, i));
        if ((size_t)wrote + 5 > left) {
            snprintf(out + n, left, ", ...");
            break;
        }
        n += (size_t)wrote;
    }
    return out;
}

/* ---- members ---- */

static bool kind_fits(enum body_kind kind, const struct jr_node *v)
{
    switch (kind) {
    case BODY_TEXT: return v->kind == JR_TEXT;
    case BODY_WHOLE: return v->kind == JR_WHOLE;
    case BODY_NUMBER: return jr_is_number(v);
    case BODY_FLAG: return v->kind == JR_TRUE || v->kind == JR_FALSE;
    case BODY_OBJECT: return v->kind == JR_OBJECT;
    case BODY_ARRAY: return v->kind == JR_ARRAY;
    }
    return false;
}

static const char *const kind_words[] = {"text in quotes", "a whole number", "a number",
                                         "true or false",  "an object",      "an array"};

static const char *member_name(const void *rows, uint32_t i)
{
    return ((const struct member *)rows)[i].name;
}

bool body_members(const struct jr_node *root, const struct member *rows, struct take *t)
{
    uint32_t seen = 0;
    jr_each(v, root)
    {
        uint32_t i = 0;
        while (rows[i].name && strcmp(rows[i].name, v->key) != 0)
            i++;
        char names[200];
        if (!rows[i].name)
            return body_say(t->error, 400,
                            "The body has a member that is not known; it may have: %s.",
                            body_names(names, sizeof names, member_name, rows));
        if (!kind_fits(rows[i].kind, v))
            return body_say(t->error, 400, "%s: must be %s.", v->key, kind_words[rows[i].kind]);
        if (!rows[i].take(t, &rows[i], v))
            return false;
        seen |= 1u << i;
    }
    for (uint32_t i = 0; rows[i].name; i++)
        if (rows[i].required && !(seen >> i & 1))
            return body_say(t->error, 400, "%s: is missing; it must be %s.", rows[i].name,
                            kind_words[rows[i].kind]);
    return true;
}

/* Says what the reader found wrong. */
static bool refuse(const struct jr *r, struct api_error *error)
{
    switch (r->error) {
    case JR_TWICE:
        return body_say(error, 400,
                        "The body has a member twice (line %u, column %u); give it once.", r->line,
                        r->column);
    case JR_UTF8: return body_say(error, 400, "The body is not UTF-8 (byte %zu).", r->at);
    case JR_LARGE:
        return body_say(error, 400, "The body has a number that is too large (line %u, column %u).",
                        r->line, r->column);
    default:
        return body_say(error, 400, "The body is not JSON (line %u, column %u).", r->line,
                        r->column);
    }
}

bool body_parse(const void *body, size_t len, const struct member *rows, struct take *t)
{
    struct jr *r = t->json;
    if (!len)
        return body_say(t->error, 400, "The body is empty; it must be a JSON object.");
    if (!jr_read(r, body, len))
        return refuse(r, t->error);
    if (jr_root(r)->kind != JR_OBJECT)
        return body_say(t->error, 400, "The body must be a JSON object: {...}.");
    return body_members(jr_root(r), rows, t);
}

bool body_plain(struct take *t, const struct member *m, const struct jr_node *v, size_t max)
{
    const char *s = v->text;
    size_t n = v->len;
    if (!n || n > max)
        return body_say(t->error, 400, "%s: must have 1 to %zu bytes.", m->name, max);
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)s[i] < 0x20 || s[i] == 0x7f)
            return body_say(t->error, 400, "%s: must not have control characters.", m->name);
    return true;
}
