/* Any requests to Kinesis, one after another. The first byte chooses the encoding; then come lines:
 * the operation, a blank, the body ("@" in it is the last iterator or token that was given). In
 * CBOR a body ends at the next 0x0a that is followed by a capital letter or the end.
 *
 * Whatever it is: a reply is well formed, an error has a type and a message, and the streams hold
 * what they promise. */
#include "kinesis/kinesis.h"
#include "kinesis/cbor.h"

#include <ctype.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct buf token;

static void look(const struct kinesis_reply *r, enum wire_encoding encoding)
{
    const char *why = "";
    json_t *v = NULL;
    if (r->body.len) {
        v = encoding == WIRE_CBOR ? cbor_decode(r->body.data, r->body.len, &why)
                                  : json_loadb(r->body.data, r->body.len, JSON_ALLOW_NUL, NULL);
        BUG_ON(!json_is_object(v));
    }
    BUG_ON(r->status != (r->error ? 400 : 200));
    if (r->error) {
        BUG_ON(strcmp(json_string_value(json_object_get(v, "__type")), r->error) != 0);
        BUG_ON(!*json_string_value(json_object_get(v, "message")));
    }
    static const char *const tokens[] = {"ShardIterator", "NextShardIterator", "NextToken"};
    for (size_t i = 0; i < COUNTOF(tokens); i++)
        if (json_object_get(v, tokens[i])) {
            buf_reset(&token);
            buf_str(&token, json_string_value(json_object_get(v, tokens[i])));
        }
    json_decref(v);
}

static void body_of(const uint8_t *p, size_t n, struct buf *out)
{
    for (size_t i = 0; i < n; i++)
        if (p[i] == '@')
            buf_add(out, token.data, token.len);
        else
            buf_char(out, (char)p[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    enum wire_encoding encoding = data[0] & 1 ? WIRE_CBOR : WIRE_JSON;
    struct kinesis_time t = {1783900800000, 0};
    struct kinesis *k = kinesis_new(&(struct kinesis_options){.account = "123456789012",
                                                              .region = "us-east-1",
                                                              .secret = {1, 2},
                                                              .limits = (data[0] & 2) != 0,
                                                              .retention_ms = 60000,
                                                              .bytes_max = 2 * STREAM_RECORD_MAX});
    kinesis_add(k, "a", 2, t.now);
    buf_reset(&token);
    const uint8_t *p = data + 1, *end = data + size;
    for (int calls = 0; p < end && calls < 20; calls++) {
        const uint8_t *line = p;
        while (p < end && !(*p == '\n' && (p + 1 == end || isupper(p[1]))))
            p++;
        char operation[64];
        size_t n = 0;
        while (line < p && *line != ' ' && n + 1 < sizeof operation)
            operation[n++] = (char)*line++;
        operation[n] = 0;
        line += line < p && *line == ' ';
        struct buf body = {0};
        body_of(line, (size_t)(p - line), &body);
        struct kinesis_reply r;
        kinesis_call(k, operation, encoding, body.data, body.len, t, &r);
        look(&r, encoding);
        for (uint32_t i = 0; i < kinesis_count(k); i++)
            stream_check(kinesis_at(k, i));
        buf_free(&r.body);
        buf_free(&body);
        p += p < end;
        t.now += 7000;
        t.real += 100;
    }
    kinesis_free(k);
    return 0;
}
