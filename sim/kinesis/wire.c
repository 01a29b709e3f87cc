#include "kinesis/wire.h"

#include "base/base64.h"

#include <string.h>

void wire_begin(struct wire *w, enum wire_encoding encoding, struct buf *out)
{
    *w = (struct wire){.encoding = encoding, .out = out};
    if (encoding == WIRE_JSON)
        jw_begin(&w->json, out);
}

void wire_done(const struct wire *w)
{
    if (w->encoding == WIRE_JSON)
        jw_done(&w->json);
}

/* The head of a value: three bits of type and a number in its shortest form. */
static void head(struct wire *w, unsigned major, uint64_t v)
{
    unsigned bytes = v < 24            ? 0
                     : v <= UINT8_MAX  ? 1
                     : v <= UINT16_MAX ? 2
                     : v <= UINT32_MAX ? 4
                                       : 8;
    unsigned info = bytes == 0   ? (unsigned)v
                    : bytes == 1 ? 24
                    : bytes == 2 ? 25
                    : bytes == 4 ? 26
                                 : 27;
    buf_char(w->out, (char)(major << 5 | info));
    while (bytes)
        buf_char(w->out, (char)(v >> 8 * --bytes));
}

void wire_obj(struct wire *w)
{
    if (w->encoding == WIRE_JSON)
        jw_obj(&w->json);
    else
        buf_char(w->out, (char)0xbf);
}

void wire_arr(struct wire *w)
{
    if (w->encoding == WIRE_JSON)
        jw_arr(&w->json);
    else
        buf_char(w->out, (char)0x9f);
}

void wire_end(struct wire *w)
{
    if (w->encoding == WIRE_JSON)
        jw_end(&w->json);
    else
        buf_char(w->out, (char)0xff);
}

void wire_strn(struct wire *w, const char *s, size_t n)
{
    if (w->encoding == WIRE_JSON) {
        jw_strn(&w->json, s, n);
        return;
    }
    head(w, 3, n);
    buf_add(w->out, s, n);
}

void wire_str(struct wire *w, const char *s)
{
    wire_strn(w, s, strlen(s));
}

void wire_key(struct wire *w, const char *key)
{
    if (w->encoding == WIRE_JSON)
        jw_key(&w->json, key);
    else
        wire_str(w, key);
}

void wire_blob(struct wire *w, const void *p, size_t n)
{
    if (w->encoding == WIRE_CBOR) {
        head(w, 2, n);
        buf_add(w->out, p, n);
        return;
    }
    jw_raw(&w->json, "\"", 1); /* the letters of base64 need no escapes */
    base64_put(w->out, p, n);
    buf_char(w->out, '"');
}

void wire_int(struct wire *w, int64_t v)
{
    if (w->encoding == WIRE_JSON)
        jw_int(&w->json, v);
    else if (v >= 0)
        head(w, 0, (uint64_t)v);
    else
        head(w, 1, (uint64_t)(-1 - v));
}

void wire_bool(struct wire *w, bool v)
{
    if (w->encoding == WIRE_JSON)
        jw_bool(&w->json, v);
    else
        buf_char(w->out, (char)(v ? 0xf5 : 0xf4));
}

void wire_null(struct wire *w)
{
    if (w->encoding == WIRE_JSON)
        jw_null(&w->json);
    else
        buf_char(w->out, (char)0xf6);
}

void wire_time(struct wire *w, int64_t ms)
{
    if (w->encoding == WIRE_JSON) {
        jw_double(&w->json, (double)ms / 1000);
        return;
    }
    buf_char(w->out, (char)0xc1);
    wire_int(w, ms);
}
