/* json_read.h - a JSON reader (RFC 8259) for what comes often and is small: bodies of requests.
 *
 *   struct jr r = {0};                      kept for the next document, with its memory
 *   if (jr_read(&r, bytes, n))
 *       jr_each(v, jr_root(&r))             the members of an object, or items of an array
 *           if (strcmp(v->key, "site") == 0 && v->kind == JR_TEXT)
 *               use(v->text, v->len);
 *   jr_free(&r);
 *
 * The text is copied once and its strings are decoded where they lie; values are a flat array, each
 * container in front of what it contains. Both are used again, so that a reader which has seen a
 * document of that size allocates nothing. Nodes, keys and texts belong to the reader and hold
 * until its next jr_read.
 *
 * Strict: one value and nothing behind it, no member twice, UTF-8 without surrogates or overlong
 * forms, no NUL in keys and texts (so they are C strings), whole numbers within 64 bits, no more
 * than JR_DEPTH_MAX levels. Needs the C locale's decimal point. For documents that are kept,
 * changed or large there is jansson. */
#pragma once

#include "base/mem.h"

enum { JR_DEPTH_MAX = 64 };

enum jr_kind { JR_NULL, JR_FALSE, JR_TRUE, JR_WHOLE, JR_REAL, JR_TEXT, JR_ARRAY, JR_OBJECT };

struct jr_node {
    enum jr_kind kind;
    uint32_t skip;   /* nodes from here to past all it contains */
    const char *key; /* of an object's member; else NULL */
    size_t key_len;
    union {
        struct { /* JR_TEXT; a NUL follows, none is within */
            const char *text;
            size_t len;
        };
        int64_t whole;  /* JR_WHOLE: written without fraction and exponent */
        double real;    /* JR_REAL */
        uint32_t count; /* JR_ARRAY, JR_OBJECT */
    };
};

enum jr_error {
    JR_GOOD,
    JR_SYNTAX, /* not JSON, or there is no value at all */
    JR_TWICE,  /* a member of that name was there already */
    JR_UTF8,
    JR_LARGE, /* a number that no int64_t, or no double, can hold */
    JR_DEEP,
};

struct jr {
    struct jr_node *node;
    uint32_t count, cap;
    struct buf text;
    char *p;
    enum jr_error error; /* of the last jr_read that failed, and where: */
    size_t at;           /* bytes in front of it */
    uint32_t line, column; /* from 1; columns are bytes */
};

bool jr_read(struct jr *r, const void *data, size_t len) MUST_USE;
void jr_free(struct jr *r);

static inline const struct jr_node *jr_root(const struct jr *r)
{
    return r->node;
}

static inline bool jr_is_number(const struct jr_node *v)
{
    return v->kind == JR_WHOLE || v->kind == JR_REAL;
}

static inline double jr_number(const struct jr_node *v) /* 0 when it is none */
{
    return v->kind == JR_WHOLE ? (double)v->whole : v->kind == JR_REAL ? v->real : 0;
}

/* The member of that name; NULL: there is none, or `object` is none (NULL is none). */
const struct jr_node *jr_get(const struct jr_node *object, const char *key);
const char *jr_get_text(const struct jr_node *object, const char *key); /* "": no such text */

/* The end of what a node contains. */
static inline const struct jr_node *jr_past(const struct jr_node *v)
{
    return v + v->skip;
}

#define jr_each(v, of)                                                                             \
    for (const struct jr_node *v = (of) + 1, *v##_end = jr_past(of); v < v##_end; v = jr_past(v))
