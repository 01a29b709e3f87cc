/* json.h - a streaming JSON writer (RFC 8259): bytes go straight into a buffer, no tree is built.
 *
 *   struct jw w;
 *   jw_begin(&w, &buf);
 *   jw_obj(&w);
 *   jw_key(&w, "site");
 *   jw_str(&w, "us-east-1");
 *   jw_key(&w, "waits_ms");
 *   jw_arr(&w);
 *   jw_int(&w, 12);
 *   jw_end(&w);                 closes the innermost array or object
 *   jw_end(&w);
 *   jw_done(&w);                the document is complete
 *
 * The text is compact, in the order of the calls, and always valid: commas and colons are the
 * writer's, and misuse (a value without its key, an unclosed array, two documents) is a BUG_ON.
 * Text need not be valid UTF-8: each malformed sequence becomes U+FFFD, one for every maximal
 * subpart (Unicode 15, section 3.9), so what is written is always UTF-8. The buffer belongs to the
 * caller, who may have put bytes before and may add a newline and begin the next document. */
#pragma once

#include <string.h>

#include "base/mem.h"

#define JW_DEPTH_MAX 63 /* open objects and arrays; one bit each in `objects` */

struct jw { /* private; owns nothing */
    struct buf *out;
    uint64_t objects; /* bit d: level d is an object */
    uint8_t depth;
    bool comma;    /* the next value or key needs a comma before it */
    bool keyed;    /* a key was written, its value is due */
    bool complete; /* the one top-level value is there */
};

void jw_begin(struct jw *w, struct buf *out);
void jw_done(const struct jw *w);

void jw_obj(struct jw *w);
void jw_arr(struct jw *w);
void jw_end(struct jw *w);
void jw_keyn(struct jw *w, const char *key, size_t n);
static inline void jw_key(struct jw *w, const char *key)
{
    jw_keyn(w, key, strlen(key)); /* of a literal the compiler knows it */
}

void jw_str(struct jw *w, const char *s);            /* NULL writes null */
void jw_strn(struct jw *w, const char *s, size_t n); /* may contain NUL bytes: \u0000 */
void jw_int(struct jw *w, int64_t v);
void jw_uint(struct jw *w, uint64_t v); /* JavaScript reads numbers above 2^53 inexactly */
/* The shortest decimal that reads back as the same double, in plain notation where that is under
 * 16 digits. NaN and infinities, which JSON has not, write null; -0 writes 0. Needs the C locale's
 * decimal point. */
void jw_double(struct jw *w, double v);
/* v / 10^places, exactly, without zeros at its end; 0..18 places. */
void jw_fixed(struct jw *w, int64_t v, unsigned places);
void jw_bool(struct jw *w, bool v);
void jw_null(struct jw *w);
/* A value that is JSON already; it is not checked. */
void jw_raw(struct jw *w, const char *json, size_t n);

/* The pieces, for other text formats: a quoted and escaped string, a number. */
void json_quote(struct buf *out, const char *s, size_t n);
void json_number(struct buf *out, double v);
/* Length of the well-formed UTF-8 sequence of more than one byte at p (Unicode 15, table 3-7), with
 * n > 0 bytes to the end; or, negated, the length of the maximal subpart of a malformed one. */
int utf8_length(const unsigned char *p, size_t n);
