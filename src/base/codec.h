/* codec.h - bytes out and in: fixed little-endian numbers, LEB128 varints, length-prefixed strings.
 *
 * Reading goes through a cursor with a sticky error (the idea of Knot DNS's wire_ctx): read all
 * fields, then look at `bad` once, or call reader_end_ok. The first error sets `bad`; from then on
 * every getter returns 0 (or NULL, or "") and moves nothing, so a parser needs no pointer
 * arithmetic and cannot over-read.
 *
 *      varint   unsigned LEB128 (DWARF 5, 7.6): seven bits a byte, lowest first, the top bit set on
 *               all but the last; 1..10 bytes. Each number has one form: the shortest.
 *      svarint  a signed number as the varint of its zigzag: 0, -1, 1, -2 ... become 0, 1, 2, 3 ...
 *               (https://protobuf.dev/programming-guides/encoding/#signed-ints)
 *      str      a varint of its length, then that many bytes; any bytes, no NUL is added
 *
 * Writers append to a struct buf and keep its promise of a NUL behind the last byte. Spans that
 * readers return point into the bytes given to reader_of and live as long as those. */
#pragma once

#include <string.h>

#include "base/mem.h"

enum { VARINT_MAX_LEN = 10 };

/* ---- out ---- */

/* Room for `most` bytes asked for once, and then none is looked for: what is written by several
 * calls must fit. writer_end takes it in. */
struct writer {
    uint8_t *p;
};

static inline struct writer writer_of(struct buf *b, size_t most)
{
    if (UNLIKELY(b->cap - b->len <= most)) /* one byte more: the NUL */
        buf_reserve(b, most);
    return (struct writer){(uint8_t *)b->data + b->len};
}

static inline void writer_end(const struct writer *w, struct buf *b)
{
    b->len = (size_t)((const char *)w->p - b->data);
    b->data[b->len] = 0;
}

static inline void codec__le(struct writer *w, uint64_t v, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        w->p[i] = (uint8_t)(v >> 8 * i);
    w->p += n;
}

static inline void writer_u8(struct writer *w, uint8_t v)
{
    *w->p++ = v;
}
static inline void writer_u64(struct writer *w, uint64_t v)
{
    codec__le(w, v, 8);
}

static inline void writer_varint(struct writer *w, uint64_t v)
{
    for (; v >= 0x80; v >>= 7)
        *w->p++ = (uint8_t)(v | 0x80);
    *w->p++ = (uint8_t)v;
}

static inline void writer_svarint(struct writer *w, int64_t v)
{
    writer_varint(w, (uint64_t)v << 1 ^ (v < 0 ? UINT64_MAX : 0));
}

static inline void writer_bytes(struct writer *w, const void *p, size_t n) /* n 0: p may be NULL */
{
    if (n)
        memcpy(w->p, p, n);
    w->p += n;
}

/* One at a time, each with its room. */

static inline void codec__put_le(struct buf *b, uint64_t v, unsigned n)
{
    struct writer w = writer_of(b, n);
    codec__le(&w, v, n);
    writer_end(&w, b);
}

static inline void put_u8(struct buf *b, uint8_t v)
{
    codec__put_le(b, v, 1);
}
static inline void put_u16(struct buf *b, uint16_t v)
{
    codec__put_le(b, v, 2);
}
static inline void put_u32(struct buf *b, uint32_t v)
{
    codec__put_le(b, v, 4);
}
static inline void put_u64(struct buf *b, uint64_t v)
{
    codec__put_le(b, v, 8);
}

static inline void put_varint(struct buf *b, uint64_t v)
{
    struct writer w = writer_of(b, VARINT_MAX_LEN);
    writer_varint(&w, v);
    writer_end(&w, b);
}

static inline void put_svarint(struct buf *b, int64_t v)
{
    put_varint(b, (uint64_t)v << 1 ^ (v < 0 ? UINT64_MAX : 0));
}

/* Without their length: the reader must know it. `p` may be NULL when n is 0. */
static inline void put_bytes(struct buf *b, const void *p, size_t n)
{
    struct writer w = writer_of(b, n);
    writer_bytes(&w, p, n);
    writer_end(&w, b);
}

static inline void put_str(struct buf *b, const char *s, size_t n)
{
    put_varint(b, n);
    put_bytes(b, s, n);
}

/* ---- in ---- */

struct reader {
    const uint8_t *p, *end;
    bool bad;
};

/* `data` may be NULL when len is 0. */
static inline struct reader reader_of(const void *data, size_t len)
{
    const uint8_t *p = data;
    return (struct reader){p, p ? p + len : p, false};
}

/* How many bytes are left; 0 after an error. A count read from the wire is believable only when
 * that many of the smallest item fit in here: test before allocating. */
static inline size_t reader_left(const struct reader *r)
{
    return r->bad ? 0 : (size_t)(r->end - r->p);
}

/* n bytes, in place; NULL (and bad) when there are not so many. n = 0 may give NULL without bad. */
static inline const uint8_t *reader_bytes(struct reader *r, size_t n)
{
    if (UNLIKELY(r->bad || n > (size_t)(r->end - r->p))) {
        r->bad = true;
        return NULL;
    }
    const uint8_t *p = r->p;
    r->p += n;
    return p;
}

static inline uint64_t codec__get_le(struct reader *r, unsigned n)
{
    const uint8_t *p = reader_bytes(r, n);
    uint64_t v = 0;
    if (p)
        for (unsigned i = 0; i < n; i++)
            v |= (uint64_t)p[i] << 8 * i;
    return v;
}

static inline uint8_t reader_u8(struct reader *r)
{
    return (uint8_t)codec__get_le(r, 1);
}
static inline uint16_t reader_u16(struct reader *r)
{
    return (uint16_t)codec__get_le(r, 2);
}
static inline uint32_t reader_u32(struct reader *r)
{
    return (uint32_t)codec__get_le(r, 4);
}
static inline uint64_t reader_u64(struct reader *r)
{
    return codec__get_le(r, 8);
}

/* Bad: more than 64 bits, or a form longer than needed. */
static inline uint64_t reader_varint(struct reader *r)
{
    uint8_t c = reader_u8(r);
    if (LIKELY(c < 0x80))
        return c;
    uint64_t v = c & 0x7f;
    for (unsigned shift = 7; shift < 64; shift += 7) {
        c = reader_u8(r);
        v |= (uint64_t)(c & 0x7f) << shift;
        if (c < 0x80) {
            if (c == 0 || (shift == 63 && c > 1))
                break; /* also where the bytes ended: then c is 0 */
            return v;
        }
    }
    r->bad = true;
    return 0;
}

static inline int64_t reader_svarint(struct reader *r)
{
    uint64_t v = reader_varint(r);
    return (int64_t)(v >> 1 ^ (v & 1 ? UINT64_MAX : 0));
}

/* In place, not NUL-terminated; "" with *len 0 after an error. */
static inline const char *reader_str(struct reader *r, size_t *len)
{
    uint64_t n = reader_varint(r);
    const uint8_t *p = n <= SIZE_MAX ? reader_bytes(r, (size_t)n) : NULL;
    if (n > SIZE_MAX)
        r->bad = true;
    *len = p ? (size_t)n : 0;
    return p ? (const char *)p : "";
}

/* No error so far, and every byte was read. */
static inline bool reader_end_ok(const struct reader *r)
{
    return !r->bad && r->p == r->end;
}
