/* base64.h - bytes as text and back: RFC 4648 section 4, the standard alphabet with padding.
 *
 * Decoding is strict, so that a text has one meaning and bytes have one text: no white space, no
 * other alphabet, full padding, and the bits that padding leaves over are 0. */
#pragma once

#include "base/mem.h"

/* Bytes of text that n bytes become. */
static inline size_t base64_len(size_t n)
{
    return (n / 3 + (n % 3 != 0)) * 4;
}

void base64_put(struct buf *out, const void *data, size_t n);
/* Appends the bytes to `out`. False: not base64; what was in `out` before is all that is there. */
bool base64_get(struct buf *out, const char *text, size_t n) MUST_USE;
/* Is it base64, and of how many bytes? Nothing is copied. */
bool base64_ok(const char *text, size_t n, size_t *bytes) MUST_USE;
