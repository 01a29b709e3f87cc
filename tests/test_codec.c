/* codec: known bytes, round trips of random rows, and a row cut or spoilt at every byte. */
#include "base/codec.h"
#include "tap.h"

static void check_bytes(const struct buf *b, const char *want, size_t len)
{
    CHECK_EQ(b->len, len);
    CHECK(b->len == len && memcmp(b->data, want, len) == 0);
    CHECK_EQ(b->data[b->len], 0);
}
#define CHECK_BYTES(b, want) check_bytes(b, want, sizeof(want) - 1)

TEST(fixed_numbers_are_little_endian)
{
    struct buf b = {0};
    put_u8(&b, 0xfe);
    put_u16(&b, 0x0102);
    put_u32(&b, 0x01020304);
    put_u64(&b, 0x0102030405060708);
    CHECK_BYTES(&b, "\xfe\x02\x01\x04\x03\x02\x01\x08\x07\x06\x05\x04\x03\x02\x01");
    struct reader r = reader_of(b.data, b.len);
    CHECK_EQ(reader_left(&r), 15);
    CHECK_EQ(reader_u8(&r), 0xfe);
    CHECK_EQ(reader_u16(&r), 0x0102);
    CHECK_EQ(reader_u32(&r), 0x01020304);
    CHECK(!reader_end_ok(&r));
    CHECK_EQ(reader_u64(&r), 0x0102030405060708);
    CHECK(reader_end_ok(&r));
    buf_free(&b);
}

/* 624485 and -123456 are the examples of DWARF's text; the zigzag of -123456 is 246911. */
TEST(varints_have_the_bytes_of_the_books)
{
    struct buf b = {0};
    put_varint(&b, 0);
    put_varint(&b, 127);
    put_varint(&b, 128);
    put_varint(&b, 624485);
    CHECK_BYTES(&b, "\x00\x7f\x80\x01\xe5\x8e\x26");
    buf_reset(&b);
    put_varint(&b, UINT64_MAX);
    CHECK_BYTES(&b, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01");
    buf_reset(&b);
    put_svarint(&b, 0);
    put_svarint(&b, -1);
    put_svarint(&b, 1);
    put_svarint(&b, -64);
    put_svarint(&b, 64);
    put_svarint(&b, -123456);
    CHECK_BYTES(&b, "\x00\x01\x02\x7f\x80\x01\xff\x88\x0f");
    buf_reset(&b);
    put_svarint(&b, INT64_MIN);
    put_svarint(&b, INT64_MAX);
    CHECK_BYTES(&b,
                "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01");
    struct reader r = reader_of(b.data, b.len);
    CHECK(reader_svarint(&r) == INT64_MIN);
    CHECK(reader_svarint(&r) == INT64_MAX);
    CHECK(reader_end_ok(&r));
    buf_free(&b);
}

TEST(strings_carry_their_length)
{
    struct buf b = {0};
    char long_one[300];
    memset(long_one, 'x', sizeof long_one);
    put_str(&b, "ab\0c", 4);
    put_str(&b, NULL, 0);
    put_bytes(&b, NULL, 0);
    CHECK_BYTES(&b, "\x04"
                    "ab\0c\x00");
    put_str(&b, long_one, sizeof long_one);
    CHECK_EQ(b.len, 6 + 2 + 300);
    struct reader r = reader_of(b.data, b.len);
    size_t n;
    const char *s = reader_str(&r, &n);
    CHECK_EQ(n, 4);
    CHECK(s == b.data + 1); /* in place */
    s = reader_str(&r, &n);
    CHECK_EQ(n, 0);
    s = reader_str(&r, &n);
    CHECK_EQ(n, 300);
    CHECK(n == 300 && memcmp(s, long_one, 300) == 0);
    CHECK(reader_end_ok(&r));
    buf_free(&b);
}

TEST(errors_stick_and_nothing_moves)
{
    struct reader r = reader_of("\x07\x08\x09", 3);
    CHECK_EQ(reader_u8(&r), 7);
    CHECK_EQ(reader_u32(&r), 0); /* only two are left */
    CHECK(r.bad);
    CHECK_EQ(reader_u8(&r), 0);
    CHECK_EQ(reader_varint(&r), 0);
    CHECK_EQ(reader_svarint(&r), 0);
    CHECK_EQ(reader_left(&r), 0);
    CHECK(reader_bytes(&r, 0) == NULL);
    size_t n = 9;
    CHECK(reader_str(&r, &n)[0] == 0);
    CHECK_EQ(n, 0);
    CHECK_EQ(r.end - r.p, 2);
    CHECK(!reader_end_ok(&r));

    r = reader_of(NULL, 0);
    CHECK(reader_end_ok(&r));
    CHECK_EQ(reader_u8(&r), 0);
    CHECK(!reader_end_ok(&r));
}

static bool varint_is_bad(const char *bytes, size_t len)
{
    struct reader r = reader_of(bytes, len);
    uint64_t v = reader_varint(&r);
    return r.bad && v == 0;
}

TEST(bad_varints_and_lengths_are_refused)
{
    CHECK(varint_is_bad("", 0));
    CHECK(varint_is_bad("\x80", 1));     /* cut */
    CHECK(varint_is_bad("\x80\x00", 2)); /* 0 in two bytes */
    CHECK(varint_is_bad("\xff\x80\x00", 3));
    CHECK(varint_is_bad("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10));     /* bit 65 */
    CHECK(varint_is_bad("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x81\x00", 11)); /* eleven bytes */
    CHECK(!varint_is_bad("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10));
    struct reader r = reader_of("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01xyz", 13);
    size_t n = 9;
    reader_str(&r, &n); /* claims 2^64-1 bytes */
    CHECK(r.bad);
    CHECK_EQ(n, 0);
}

/* ---- random rows ---- */

enum kind { U8, U16, U32, U64, VARINT, SVARINT, STR, BYTES, KINDS };
enum { FIELDS_MAX = 24, STR_MAX = 200 };
struct field {
    enum kind kind;
    uint64_t v;
    size_t len;
    char str[STR_MAX];
};
struct row {
    int n;
    struct field field[FIELDS_MAX];
    size_t end[FIELDS_MAX]; /* where each field's bytes end */
};

/* All widths alike: a uniform 64-bit number would nearly always take ten bytes. */
static uint64_t draw_any_width(struct rng *rng)
{
    return rng_u64(rng) >> rng_below(rng, 64);
}

static void row_draw(struct row *row, struct rng *rng)
{
    row->n = 1 + (int)rng_below(rng, FIELDS_MAX);
    for (int i = 0; i < row->n; i++) {
        struct field *f = &row->field[i];
        f->kind = (enum kind)rng_below(rng, KINDS);
        f->v = draw_any_width(rng);
        f->len = rng_below(rng, rng_chance(rng, 0.2) ? STR_MAX : 5);
        for (size_t c = 0; c < f->len; c++)
            f->str[c] = (char)rng_below(rng, 256);
    }
}

static void row_put(struct row *row, struct buf *b)
{
    for (int i = 0; i < row->n; i++) {
        const struct field *f = &row->field[i];
        switch (f->kind) {
        case U8: put_u8(b, (uint8_t)f->v); break;
        case U16: put_u16(b, (uint16_t)f->v); break;
        case U32: put_u32(b, (uint32_t)f->v); break;
        case U64: put_u64(b, f->v); break;
        case VARINT: put_varint(b, f->v); break;
        case SVARINT: put_svarint(b, (int64_t)f->v); break;
        case STR: put_str(b, f->str, f->len); break;
        default: put_bytes(b, f->str, f->len); break;
        }
        row->end[i] = b->len;
    }
}

/* Reads field f; is it what was written? */
static bool field_same(struct reader *r, const struct field *f)
{
    size_t n = f->len;
    const char *s;
    switch (f->kind) {
    case U8: return reader_u8(r) == (uint8_t)f->v;
    case U16: return reader_u16(r) == (uint16_t)f->v;
    case U32: return reader_u32(r) == (uint32_t)f->v;
    case U64: return reader_u64(r) == f->v;
    case VARINT: return reader_varint(r) == f->v;
    case SVARINT: return reader_svarint(r) == (int64_t)f->v;
    case STR: s = reader_str(r, &n); break;
    default: s = (const char *)reader_bytes(r, n); break;
    }
    return n == f->len && (n == 0 || (s && memcmp(s, f->str, n) == 0));
}

PROP(rows_come_back, 2000)
{
    struct row row;
    struct buf b = {0};
    row_draw(&row, rng);
    row_put(&row, &b);
    CHECK_EQ(b.data[b.len], 0);
    struct reader r = reader_of(b.data, b.len);
    for (int i = 0; i < row.n; i++)
        CHECK(field_same(&r, &row.field[i]));
    CHECK(reader_end_ok(&r));
    buf_free(&b);
}

/* The bytes sit at the very end of a block of their own, so that a sanitizer sees an over-read. */
PROP(a_row_cut_anywhere_is_noticed, 200)
{
    struct row row;
    struct buf b = {0};
    row_draw(&row, rng);
    row_put(&row, &b);
    for (size_t cut = 0; cut < b.len; cut++) {
        char *part = mem_new(cut, 1);
        if (cut)
            memcpy(part, b.data, cut);
        struct reader r = reader_of(part, cut);
        for (int i = 0; i < row.n; i++) {
            bool same = field_same(&r, &row.field[i]);
            if (row.end[i] <= cut)
                CHECK(same && !r.bad);
            else if (i == 0 || row.end[i] > row.end[i - 1])
                CHECK(r.bad);
        }
        CHECK(!reader_end_ok(&r));
        mem_free(part);
    }
    buf_free(&b);
}

/* What random bytes are read as, written again, gives the same bytes: one form a value. */
PROP(what_is_read_has_one_form, 2000)
{
    size_t len = rng_below(rng, 40), used = 0;
    uint8_t *in = mem_new(len, 1);
    for (size_t i = 0; i < len; i++)
        in[i] = (uint8_t)(rng_below(rng, 256) | (rng_chance(rng, 0.5) ? 0x80 : 0));
    struct reader r = reader_of(in, len);
    struct buf out = {0};
    for (int i = 0; i < 20; i++) {
        struct reader before = r;
        uint64_t kind = rng_below(rng, 3);
        size_t n = 0;
        uint64_t v = kind == 0 ? reader_varint(&r) : 0;
        int64_t s = kind == 1 ? reader_svarint(&r) : 0;
        const char *t = kind == 2 ? reader_str(&r, &n) : "";
        if (r.bad)
            break;
        CHECK(r.p > before.p && r.p <= r.end);
        if (kind == 0)
            put_varint(&out, v);
        else if (kind == 1)
            put_svarint(&out, s);
        else
            put_str(&out, t, n);
        used = (size_t)(r.p - in);
    }
    CHECK_EQ(out.len, used);
    CHECK(used == 0 || (out.len == used && memcmp(out.data, in, used) == 0));
    buf_free(&out);
    mem_free(in);
}

TAP_MAIN
