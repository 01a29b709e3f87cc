/* wire.h - a reply of Kinesis, written in JSON 1.1 or in CBOR 1.1 by the same calls.
 *
 * As in base/json.h, whose writer it is in JSON: open an object, write keys and values, end it;
 * misuse is a BUG_ON there. Blobs are base64 in JSON and bytes in CBOR; times are seconds with a
 * fraction in JSON and tag 1 with milliseconds in CBOR (see cbor.h). Containers are of indefinite
 * length in CBOR, since they are written before it is known how much is in them. */
#pragma once

#include "base/json.h"

enum wire_encoding { WIRE_JSON, WIRE_CBOR };
#define WIRE_TYPE_JSON "application/x-amz-json-1.1"
#define WIRE_TYPE_CBOR "application/x-amz-cbor-1.1"

struct wire { /* private; owns nothing */
    enum wire_encoding encoding;
    struct jw json;
    struct buf *out;
};
void wire_begin(struct wire *w, enum wire_encoding encoding, struct buf *out);
void wire_done(const struct wire *w);

void wire_obj(struct wire *w);
void wire_arr(struct wire *w);
void wire_end(struct wire *w);
void wire_key(struct wire *w, const char *key);
void wire_str(struct wire *w, const char *s);
void wire_strn(struct wire *w, const char *s, size_t n); /* UTF-8 */
void wire_blob(struct wire *w, const void *p, size_t n);
void wire_int(struct wire *w, int64_t v);
void wire_bool(struct wire *w, bool v);
void wire_null(struct wire *w);
void wire_time(struct wire *w, int64_t ms); /* since the epoch */
