#include "kinesis/cbor.h"

#include "base/base64.h"
#include "base/codec.h"

#include <math.h>
#include <string.h>

enum major { UINT, NEGATIVE, BYTES, TEXT, ARRAY, MAP, TAG, SIMPLE };
enum { INDEFINITE = 31, BREAK = 0xff, TAG_EPOCH = 1 };

struct decoder {
    struct reader in;
    uint32_t items;
    const char *why; /* of the first thing that is wrong */
};

struct head {
    enum major major;
    uint8_t info;   /* 0..31 */
    uint64_t value; /* 0 when indefinite */
};

static json_t *refuse(struct decoder *d, const char *why)
{
    if (!d->why)
        d->why = why;
    return NULL;
}

/* RFC 8949, 3: three bits of major type, five of additional information. */
static bool read_head(struct decoder *d, struct head *h)
{
    uint8_t first = reader_u8(&d->in);
    h->major = (enum major)(first >> 5);
    h->info = first & 31;
    h->value = h->info;
    if (h->info >= 24 && h->info <= 27) {
        h->value = 0;
        for (unsigned i = 0; i < 1u << (h->info - 24); i++)
            h->value = h->value << 8 | reader_u8(&d->in);
    } else if (h->info > 27) {
        h->value = 0;
        bool may =
            h->info == INDEFINITE && h->major != UINT && h->major != NEGATIVE && h->major != TAG;
        if (!may)
            refuse(d, "a reserved value of additional information");
    }
    if (d->in.bad)
        refuse(d, "the bytes end inside a value");
    return !d->why;
}

/* The next byte is the end of an indefinite item: takes it. */
static bool take_break(struct decoder *d)
{
    if (reader_left(&d->in) == 0 || *d->in.p != BREAK)
        return false;
    reader_u8(&d->in);
    return true;
}

static bool add_chunk(struct decoder *d, const struct head *h, struct buf *to)
{
    const uint8_t *p = h->value <= SIZE_MAX ? reader_bytes(&d->in, (size_t)h->value) : NULL;
    if (!p && h->value) {
        refuse(d, "the bytes end inside a value");
        return false;
    }
    buf_add(to, p, (size_t)h->value);
    return true;
}

/* All of a string, whose chunks, if it is indefinite, are definite strings of its own type. */
static bool read_string(struct decoder *d, const struct head *h, struct buf *to)
{
    if (h->info != INDEFINITE)
        return add_chunk(d, h, to);
    while (!take_break(d)) {
        struct head chunk;
        if (!read_head(d, &chunk))
            return false;
        if (chunk.major != h->major || chunk.info == INDEFINITE) {
            refuse(d, "a chunk of a string is not a string of its type");
            return false;
        }
        if (!add_chunk(d, &chunk, to))
            return false;
    }
    return true;
}

static json_t *decode_string(struct decoder *d, const struct head *h)
{
    struct buf b = {0};
    json_t *v = NULL;
    if (read_string(d, h, &b)) {
        if (h->major == BYTES) {
            struct buf text = {0};
            base64_put(&text, b.data, b.len);
            v = json_stringn(text.data, text.len);
            buf_free(&text);
        } else {
            v = json_stringn(b.data ? b.data : "", b.len);
        }
        if (!v)
            refuse(d, "text that is not UTF-8");
    }
    buf_free(&b);
    return v;
}

static double half(uint64_t v) /* RFC 8949, appendix D */
{
    int exponent = (int)(v >> 10 & 31);
    double mantissa = (double)(v & 1023);
    double f = exponent == 0    ? ldexp(mantissa, -24)
               : exponent == 31 ? (mantissa == 0 ? (double)INFINITY : (double)NAN)
                                : ldexp(mantissa + 1024, exponent - 25);
    return v & 0x8000 ? -f : f;
}

static double decode_float(const struct head *h)
{
    union {
        uint32_t u;
        float f;
    } single = {.u = (uint32_t)h->value};
    union {
        uint64_t u;
        double f;
    } twice = {.u = h->value};
    return h->info == 25 ? half(h->value) : h->info == 26 ? (double)single.f : twice.f;
}

static json_t *decode_simple(struct decoder *d, const struct head *h)
{
    switch (h->info) {
    case 20: return json_false();
    case 21: return json_true();
    case 22: /* null */
    case 23: return json_null();
    case 25:
    case 26:
    case 27: {
        json_t *v = json_real(decode_float(h)); /* NULL for what JSON has not */
        return v ? v : refuse(d, "a number that is not finite");
    }
    default: return refuse(d, "a simple value that means nothing here");
    }
}

static json_t *decode_integer(struct decoder *d, const struct head *h)
{
    if (h->value > INT64_MAX)
        return refuse(d, "an integer of more than 64 bits");
    int64_t v = (int64_t)h->value;
    return json_integer(h->major == UINT ? v : -1 - v);
}

static json_t *decode_epoch(struct decoder *d)
{
    struct head h;
    if (!read_head(d, &h))
        return NULL;
    json_t *v = NULL;
    if (h.major == UINT || h.major == NEGATIVE)
        v = decode_integer(d, &h);
    else if (h.major == SIMPLE && h.info >= 25)
        return decode_simple(d, &h);
    else
        return refuse(d, "a time that is not a number");
    double seconds = (double)json_integer_value(v) / 1000;
    json_decref(v);
    return d->why ? NULL : json_real(seconds);
}

static json_t *decode_value(struct decoder *d, unsigned depth);

static json_t *decode_array(struct decoder *d, const struct head *h, unsigned depth)
{
    json_t *list = json_array();
    for (uint64_t i = 0; h->info == INDEFINITE ? !take_break(d) : i < h->value; i++) {
        json_t *v = decode_value(d, depth + 1);
        if (!v || json_array_append_new(list, v) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static bool decode_pair(struct decoder *d, json_t *object, unsigned depth)
{
    struct head h;
    struct buf key = {0};
    bool ok = false;
    if (!read_head(d, &h)) {
        ok = false;
    } else if (h.major != TEXT) {
        refuse(d, "a key that is not text");
    } else if (read_string(d, &h, &key)) {
        json_t *v = decode_value(d, depth + 1);
        if (v && json_object_getn(object, key.data ? key.data : "", key.len)) {
            refuse(d, "a key that is there twice");
            json_decref(v);
        } else if (v && key.len && memchr(key.data, 0, key.len)) {
            refuse(d, "a key with a NUL"); /* jansson's own text of it could not be read again */
            json_decref(v);
        } else if (v) {
            /* Takes the value over in any case. */
            ok = json_object_setn_new(object, key.data ? key.data : "", key.len, v) == 0;
            if (!ok)
                refuse(d, "text that is not UTF-8");
        }
    }
    buf_free(&key);
    return ok;
}

static json_t *decode_map(struct decoder *d, const struct head *h, unsigned depth)
{
    json_t *object = json_object();
    for (uint64_t i = 0; h->info == INDEFINITE ? !take_break(d) : i < h->value; i++)
        if (!decode_pair(d, object, depth)) {
            json_decref(object);
            return NULL;
        }
    return object;
}

static json_t *decode_value(struct decoder *d, unsigned depth)
{
    struct head h;
    if (depth > CBOR_DEPTH_MAX || ++d->items > CBOR_ITEMS_MAX)
        return refuse(d, "more or deeper values than a request has");
    if (!read_head(d, &h))
        return NULL;
    switch (h.major) {
    case UINT:
    case NEGATIVE: return decode_integer(d, &h);
    case BYTES:
    case TEXT: return decode_string(d, &h);
    case ARRAY: return decode_array(d, &h, depth);
    case MAP: return decode_map(d, &h, depth);
    case TAG:
        if (h.value != TAG_EPOCH)
            return refuse(d, "a tag that is not that of a time");
        return decode_epoch(d);
    case SIMPLE: break;
    }
    return decode_simple(d, &h);
}

json_t *cbor_decode(const void *data, size_t len, const char **why)
{
    struct decoder d = {.in = reader_of(data, len)};
    json_t *v = decode_value(&d, 1);
    if (v && !reader_end_ok(&d.in)) {
        json_decref(v);
        v = refuse(&d, "bytes after the value");
    }
    if (!v)
        *why = d.why ? d.why : "not CBOR";
    return v;
}
