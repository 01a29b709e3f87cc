/* json_twin.h - the same text read by base/json_read.h and by jansson: both take it or both refuse
 * it, and what they took is the same. Used by the test and by the fuzz target. */
#pragma once

#include <jansson.h>
#include <string.h>

#include "base/json_read.h"

/* Where the two may differ: jansson allows 2048 levels, and no value alone at the top. */
static inline bool twin__out_of_scope(const struct jr *r, bool taken)
{
    return r->error == JR_DEEP ||
           (taken && jr_root(r)->kind != JR_OBJECT && jr_root(r)->kind != JR_ARRAY);
}

static inline bool twin__same(const struct jr_node *v, const json_t *j)
{
    switch (v->kind) {
    case JR_NULL: return json_is_null(j);
    case JR_FALSE: return json_is_false(j);
    case JR_TRUE: return json_is_true(j);
    case JR_WHOLE: return json_is_integer(j) && json_integer_value(j) == v->whole;
    case JR_REAL: {
        double d = json_real_value(j);
        return json_is_real(j) && memcmp(&d, &v->real, sizeof d) == 0;
    }
    case JR_TEXT:
        return json_is_string(j) && json_string_length(j) == v->len && !v->text[v->len] &&
               memcmp(json_string_value(j), v->text, v->len) == 0;
    case JR_ARRAY:
    case JR_OBJECT: break;
    }
    size_t n = 0;
    bool object = v->kind == JR_OBJECT;
    if (object ? !json_is_object(j) : !json_is_array(j))
        return false;
    jr_each(inner, v)
    {
        const json_t *of = object ? json_object_getn(j, inner->key, inner->key_len)
                                  : json_array_get(j, n);
        if (object != (inner->key != NULL) || !of || !twin__same(inner, of))
            return false;
        n++;
    }
    return n == v->count && n == (object ? json_object_size(j) : json_array_size(j));
}

/* "" or what is not the same. */
static inline const char *twin_differs(struct jr *r, const void *data, size_t len)
{
    json_error_t e;
    bool taken = jr_read(r, data, len);
    if (len && memchr(data, 0, len)) /* jansson passes over a NUL between two tokens */
        return taken ? "a NUL was taken" : "";
    if (twin__out_of_scope(r, taken))
        return "";
    json_t *j = json_loadb(data, len, JSON_REJECT_DUPLICATES, &e);
    const char *what = "";
    if (taken != (j != NULL))
        what = taken ? "taken, and jansson refuses it" : "refused, and jansson takes it";
    else if (taken && !twin__same(jr_root(r), j))
        what = "read differently";
    else if (!taken && (r->at > len || !r->line || !r->column))
        what = "refused at a place outside";
    json_decref(j);
    return what;
}
