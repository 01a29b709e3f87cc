/* mem.h - allocation that cannot fail quietly, and a growing byte buffer.
 *
 * Out of memory ends the process with a message: a node that lost memory must restart from its
 * store, not limp. Sizes are checked for overflow. */
#pragma once

#include "base/base.h"

void *mem_new(size_t n, size_t size) MUST_USE;             /* zeroed, n may be 0 */
void *mem_grow(void *p, size_t n, size_t size) MUST_USE;   /* realloc; new bytes are not zeroed */
char *mem_strdup(const char *s) MUST_USE;
void mem_free(void *p);

/* A byte buffer that grows. Zero-initialise; buf_free when done. `data` is NULL until first use;
 * it is always followed by a NUL byte that `len` does not count. */
struct buf {
    char *data;
    size_t len, cap;
};
void buf_reserve(struct buf *b, size_t more);
void buf_add(struct buf *b, const void *p, size_t n);
void buf_str(struct buf *b, const char *s);
void buf_char(struct buf *b, char c);
void buf_fmt(struct buf *b, const char *fmt, ...) PRINTF(2, 3);
void buf_reset(struct buf *b); /* len = 0, memory kept */
void buf_free(struct buf *b);
