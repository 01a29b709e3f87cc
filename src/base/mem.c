#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void bug_abort(const char *file, int line, const char *what)
{
    fprintf(stderr, "<2>tandem: BUG at %s:%d: %s\n", file, line, what);
    abort();
}

bool str_copy(char *to, size_t cap, const char *from)
{
    size_t n = strlen(from);
    bool fits = n < cap;
    if (!fits)
        n = cap - 1;
    memcpy(to, from, n);
    to[n] = 0;
    return fits;
}

static NORETURN void mem__out(size_t n, size_t size)
{
    fprintf(stderr, "<2>tandem: out of memory (%zu x %zu bytes)\n", n, size);
    abort();
}

void *mem_new(size_t n, size_t size)
{
    void *p = calloc(n ? n : 1, size ? size : 1);
    if (!p)
        mem__out(n, size);
    return p;
}

void *mem_grow(void *p, size_t n, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(n, size, &bytes))
        mem__out(n, size);
    void *q = realloc(p, bytes ? bytes : 1);
    if (!q)
        mem__out(n, size);
    return q;
}

char *mem_strdup(const char *s)
{
    size_t n = strlen(s) + 1;
    char *p = mem_new(n, 1);
    memcpy(p, s, n);
    return p;
}

void mem_free(void *p)
{
    free(p);
}

void buf_reserve(struct buf *b, size_t more)
{
    BUG_ON(more > SIZE_MAX / 4 || b->len > SIZE_MAX / 4);
    size_t need = b->len + more + 1;
    if (need <= b->cap)
        return;
    size_t cap = b->cap ? b->cap : 64;
    while (cap < need)
        cap *= 2;
    b->data = mem_grow(b->data, cap, 1);
    b->cap = cap;
}

void buf_add(struct buf *b, const void *p, size_t n)
{
    buf_reserve(b, n);
    if (n)
        memcpy(b->data + b->len, p, n);
    b->len += n;
    b->data[b->len] = 0;
}

void buf_str(struct buf *b, const char *s)
{
    buf_add(b, s, strlen(s));
}

void buf_char(struct buf *b, char c)
{
    buf_add(b, &c, 1);
}

void buf_fmt(struct buf *b, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    char small[256];
    int n = vsnprintf(small, sizeof small, fmt, ap);
    va_end(ap);
    BUG_ON(n < 0);
    if ((size_t)n < sizeof small) {
        buf_add(b, small, (size_t)n);
        return;
    }
    buf_reserve(b, (size_t)n);
    va_start(ap, fmt);
    vsnprintf(b->data + b->len, (size_t)n + 1, fmt, ap);
    va_end(ap);
    b->len += (size_t)n;
}

void buf_reset(struct buf *b)
{
    b->len = 0;
    if (b->data)
        b->data[0] = 0;
}

void buf_free(struct buf *b)
{
    mem_free(b->data);
    *b = (struct buf){0};
}
