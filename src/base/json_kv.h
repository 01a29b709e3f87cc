/* json_kv.h - a key and its value in one call, for what is written as JSON again and again.
 *
 * Decimals are rounded to the places given: a figure on a screen or in a reply is not better for
 * seventeen digits, and json.h writes the short ones without going through printf. */
#pragma once

#include <math.h>

#include "base/json.h"

static inline void kv_text(struct jw *w, const char *key, const char *s) /* NULL: null */
{
    jw_key(w, key);
    jw_str(w, s);
}

static inline void kv_int(struct jw *w, const char *key, int64_t v)
{
    jw_key(w, key);
    jw_int(w, v);
}

static inline void kv_uint(struct jw *w, const char *key, uint64_t v)
{
    jw_key(w, key);
    jw_uint(w, v);
}

static inline void kv_bool(struct jw *w, const char *key, bool v)
{
    jw_key(w, key);
    jw_bool(w, v);
}

static inline void kv_null(struct jw *w, const char *key)
{
    jw_key(w, key);
    jw_null(w);
}

/* Rounded half up to 0..6 places; NaN and infinities write null. */
static inline void jw_decimal(struct jw *w, double v, unsigned places)
{
    static const double ten[] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6};
    double unit = ten[places < COUNTOF(ten) ? places : COUNTOF(ten) - 1];
    jw_double(w, isfinite(v) ? floor(v * unit + 0.5) / unit : v);
}

static inline void kv_decimal(struct jw *w, const char *key, double v, unsigned places)
{
    jw_key(w, key);
    jw_decimal(w, v, places);
}

static inline void kv_fixed(struct jw *w, const char *key, int64_t v, unsigned places)
{
    jw_key(w, key);
    jw_fixed(w, v, places);
}

static inline void kv_obj(struct jw *w, const char *key) /* jw_end closes it */
{
    jw_key(w, key);
    jw_obj(w);
}

static inline void kv_arr(struct jw *w, const char *key)
{
    jw_key(w, key);
    jw_arr(w);
}
