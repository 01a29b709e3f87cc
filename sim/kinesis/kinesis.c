#include "kinesis/kinesis_i.h"

#include "base/base64.h"
#include "base/codec.h"
#include "base/siphash.h"
#include "kinesis/cbor.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- the set of streams ---- */

static uint32_t place(const struct kinesis *k, const char *name, bool *found)
{
    uint32_t i = 0;
    while (i < k->n_streams && strcmp(k->stream[i]->name, name) < 0)
        i++;
    *found = i < k->n_streams && strcmp(k->stream[i]->name, name) == 0;
    return i;
}

struct stream *kinesis_find(const struct kinesis *k, const char *name)
{
    bool found;
    uint32_t i = place(k, name, &found);
    return found ? k->stream[i] : NULL;
}

struct stream *kinesis_add(struct kinesis *k, const char *name, uint32_t shards, int64_t now)
{
    bool found;
    uint32_t i = place(k, name, &found);
    if (found || k->n_streams == KINESIS_STREAMS_MAX)
        return NULL;
    struct stream_options o = {name, shards, k->o.retention_ms, k->o.bytes_max,
                               mix64(k->o.secret[0] + k->made++)};
    memmove(&k->stream[i + 1], &k->stream[i], (k->n_streams - i) * sizeof k->stream[0]);
    k->n_streams++;
    return k->stream[i] = stream_new(&o, now);
}

uint32_t kinesis_count(const struct kinesis *k)
{
    return k->n_streams;
}

struct stream *kinesis_at(const struct kinesis *k, uint32_t i)
{
    return i < k->n_streams ? k->stream[i] : NULL;
}

/* ---- names ---- */

void kinesis__arn(const struct kinesis *k, const struct stream *s, struct buf *out)
{
    buf_fmt(out, "arn:aws:kinesis:%s:%s:stream/%s", k->o.region, k->o.account, s->name);
}

/* The name in an ARN of this account and region. */
bool kinesis__arn_name(const struct kinesis *k, const char *arn, const char **name)
{
    struct buf start = {0};
    buf_fmt(&start, "arn:aws:kinesis:%s:%s:stream/", k->o.region, k->o.account);
    bool ours = strncmp(arn, start.data, start.len) == 0;
    *name = ours ? arn + start.len : NULL;
    buf_free(&start);
    return ours;
}

void kinesis__shard_name(uint32_t id, char out[SHARD_NAME])
{
    snprintf(out, SHARD_NAME, "shardId-%012u", (unsigned)id);
}

struct stream *kinesis__stream(struct call *c)
{
    const char *name = kinesis__text(c->args, "StreamName"), *from_arn = NULL;
    const char *arn = kinesis__text(c->args, "StreamARN");
    if (!name && !arn) {
        kinesis__fail(
            c, "InvalidArgumentException",
            kinesis__text(c->args, "StreamId")
                ? "StreamId is not implemented by connectsim; give StreamARN or StreamName."
                : "Either StreamARN or StreamName must be specified.");
        return NULL;
    }
    bool ours = !arn || kinesis__arn_name(c->k, arn, &from_arn);
    if (name && from_arn && strcmp(name, from_arn) != 0) {
        kinesis__fail(c, "InvalidArgumentException",
                      "StreamARN and StreamName are of two streams.");
        return NULL;
    }
    struct stream *s = ours ? kinesis_find(c->k, from_arn ? from_arn : name) : NULL;
    if (!s)
        kinesis__fail(c, "ResourceNotFoundException", "Stream %s under account %s not found.",
                      arn ? arn : name, c->k->o.account);
    return s;
}

bool kinesis__shard_gone(const struct stream *s, uint32_t id, int64_t now)
{
    return s->shard[id].closed_ms < now - s->retention_ms;
}

bool kinesis__shard(struct call *c, const struct stream *s, const char *name, uint32_t *id)
{
    /* Amazon takes "shardId-000000000003", "shardId-3" and "3" alike. */
    const char *digits = strncmp(name, "shardId-", 8) == 0 ? name + 8 : name;
    uint64_t n = *digits ? 0 : UINT64_MAX;
    for (const char *p = digits; *p && n < STREAM_SHARDS_MAX; p++)
        n = *p >= '0' && *p <= '9' ? n * 10 + (uint64_t)(*p - '0') : UINT64_MAX;
    if (n >= s->n_shards || kinesis__shard_gone(s, (uint32_t)n, c->t.now)) {
        kinesis__fail(c, "ResourceNotFoundException",
                      "Shard %s in stream %s under account %s does not exist", name, s->name,
                      c->k->o.account);
        return false;
    }
    *id = (uint32_t)n;
    return true;
}

void kinesis__write_range(struct wire *w, const struct stream_shard *sh)
{
    char text[HASH_KEY_TEXT];
    wire_key(w, "HashKeyRange");
    wire_obj(w);
    wire_key(w, "StartingHashKey");
    hash_key_text(sh->from, text);
    wire_str(w, text);
    wire_key(w, "EndingHashKey");
    hash_key_text(sh->to, text);
    wire_str(w, text);
    wire_end(w);
}

/* ---- sealing ---- */

/* The hash of the values is in front and is also what hides them (as in SIV, RFC 5297): the same
 * values make the same text, and a text with a bit changed fits no values. */
enum { SEAL_HASH = 16, SEAL_BODY = 32 };

static void hide(const struct kinesis *k, const uint64_t hash[2], uint8_t body[SEAL_BODY])
{
    for (uint64_t i = 0; i < SEAL_BODY / 8; i++) {
        uint64_t block[3] = {hash[0], hash[1], i};
        uint64_t pad = siphash(k->o.secret, block, sizeof block);
        for (unsigned j = 0; j < 8; j++)
            body[i * 8 + j] ^= (uint8_t)(pad >> 8 * j);
    }
}

void kinesis__seal(const struct kinesis *k, const struct sealed *v, struct buf *text)
{
    struct buf b = {0};
    put_u64(&b, v->stream);
    put_u64(&b, v->position);
    put_u32(&b, v->shard);
    put_u32(&b, v->purpose);
    put_u64(&b, (uint64_t)v->made_ms);
    uint64_t hash[2];
    uint8_t body[SEAL_BODY];
    siphash128(k->o.secret, b.data, b.len, hash);
    memcpy(body, b.data, SEAL_BODY);
    hide(k, hash, body);
    buf_reset(&b);
    put_u64(&b, hash[0]);
    put_u64(&b, hash[1]);
    put_bytes(&b, body, SEAL_BODY);
    base64_put(text, b.data, b.len);
    buf_free(&b);
}

bool kinesis__unseal(const struct kinesis *k, const char *text, struct sealed *v)
{
    struct buf b = {0};
    bool ok = base64_get(&b, text, strlen(text)) && b.len == SEAL_HASH + SEAL_BODY;
    if (ok) {
        struct reader r = reader_of(b.data, b.len);
        uint64_t hash[2], again[2];
        hash[0] = reader_u64(&r);
        hash[1] = reader_u64(&r);
        uint8_t body[SEAL_BODY];
        memcpy(body, r.p, SEAL_BODY);
        hide(k, hash, body);
        siphash128(k->o.secret, body, SEAL_BODY, again);
        ok = hash[0] == again[0] && hash[1] == again[1];
        r = reader_of(body, SEAL_BODY);
        v->stream = reader_u64(&r);
        v->position = reader_u64(&r);
        v->shard = reader_u32(&r);
        v->purpose = reader_u32(&r);
        v->made_ms = (int64_t)reader_u64(&r);
    }
    buf_free(&b);
    return ok;
}

/* ---- calls ---- */

void kinesis__fail(struct call *c, const char *type, const char *fmt, ...)
{
    if (c->error)
        return;
    c->error = type;
    c->status = strcmp(type, "InternalFailureException") == 0 ? 500 : 400;
    char text[2048];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    buf_reset(&c->message);
    buf_str(&c->message, text);
}

void kinesis_error(enum wire_encoding encoding, const char *type, const char *message,
                   struct buf *out)
{
    struct wire w;
    wire_begin(&w, encoding, out);
    wire_obj(&w);
    wire_key(&w, "__type");
    wire_str(&w, type);
    wire_key(&w, "message");
    wire_str(&w, message);
    wire_end(&w);
    wire_done(&w);
}

/* One row an operation. Calls a second are those of an account in a region (Amazon's API reference,
 * each operation's page); 0: its limits are a shard's. */
static const struct operation {
    const char *name;
    const struct field *fields;
    void (*run)(struct call *c); /* NULL: not there */
    int per_second;
} operations[] = {
    {"CreateStream", kinesis__create, kinesis__op_create, 5},
    {"DeleteStream", kinesis__delete, kinesis__op_delete, 5},
    {"DescribeStream", kinesis__describe_stream, kinesis__op_describe_stream, 10},
    {"DescribeStreamSummary", kinesis__describe_summary, kinesis__op_describe_summary, 20},
    {"GetRecords", kinesis__get_records, kinesis__op_get_records, 0},
    {"GetShardIterator", kinesis__get_iterator, kinesis__op_get_iterator, 0},
    {"ListShards", kinesis__list_shards, kinesis__op_list_shards, 1000},
    {"ListStreams", kinesis__list_streams, kinesis__op_list_streams, 5},
    {"MergeShards", kinesis__merge, kinesis__op_merge, 5},
    {"PutRecord", kinesis__put_record, kinesis__op_put_record, 0},
    {"PutRecords", kinesis__put_records, kinesis__op_put_records, 0},
    {"SplitShard", kinesis__split, kinesis__op_split, 5},
    /* Not there: enhanced fan-out (HTTP/2) and its consumers, tags, policies, encryption, modes,
     * channels and queues. */
    {"AcknowledgeDeadLetterQueueRecords", NULL, NULL, 0},
    {"AcknowledgeQueueRecords", NULL, NULL, 0},
    {"AddTagsToStream", NULL, NULL, 0},
    {"CreateChannel", NULL, NULL, 0},
    {"CreateQueue", NULL, NULL, 0},
    {"DecreaseStreamRetentionPeriod", NULL, NULL, 0},
    {"DeleteChannel", NULL, NULL, 0},
    {"DeleteQueue", NULL, NULL, 0},
    {"DeleteResourcePolicy", NULL, NULL, 0},
    {"DeregisterStreamConsumer", NULL, NULL, 0},
    {"DescribeAccountSettings", NULL, NULL, 0},
    {"DescribeChannel", NULL, NULL, 0},
    {"DescribeLimits", NULL, NULL, 0},
    {"DescribeQueue", NULL, NULL, 0},
    {"DescribeStreamConsumer", NULL, NULL, 0},
    {"DisableEnhancedMonitoring", NULL, NULL, 0},
    {"EnableEnhancedMonitoring", NULL, NULL, 0},
    {"GetResourcePolicy", NULL, NULL, 0},
    {"IncreaseStreamRetentionPeriod", NULL, NULL, 0},
    {"ListChannels", NULL, NULL, 0},
    {"ListQueues", NULL, NULL, 0},
    {"ListStreamConsumers", NULL, NULL, 0},
    {"ListTagsForResource", NULL, NULL, 0},
    {"ListTagsForStream", NULL, NULL, 0},
    {"PutResourcePolicy", NULL, NULL, 0},
    {"ReceiveDeadLetterQueueRecords", NULL, NULL, 0},
    {"ReceiveQueueRecords", NULL, NULL, 0},
    {"RegisterStreamConsumer", NULL, NULL, 0},
    {"RemoveTagsFromStream", NULL, NULL, 0},
    {"RestoreDeadLetterQueueRecords", NULL, NULL, 0},
    {"StartStreamEncryption", NULL, NULL, 0},
    {"StopStreamEncryption", NULL, NULL, 0},
    {"SubscribeToShard", NULL, NULL, 0},
    {"TagResource", NULL, NULL, 0},
    {"UntagResource", NULL, NULL, 0},
    {"UpdateAccountSettings", NULL, NULL, 0},
    {"UpdateChannel", NULL, NULL, 0},
    {"UpdateDeadLetterQueueRecordsVisibility", NULL, NULL, 0},
    {"UpdateMaxRecordSize", NULL, NULL, 0},
    {"UpdateQueue", NULL, NULL, 0},
    {"UpdateQueueRecordsVisibility", NULL, NULL, 0},
    {"UpdateShardCount", NULL, NULL, 0},
    {"UpdateStreamMode", NULL, NULL, 0},
    {"UpdateStreamRecordDistributionStrategy", NULL, NULL, 0},
    {"UpdateStreamWarmThroughput", NULL, NULL, 0},
};

const char *kinesis_operation(size_t i, bool *implemented)
{
    if (i >= COUNTOF(operations))
        return NULL;
    *implemented = operations[i].run != NULL;
    return operations[i].name;
}

static size_t find_operation(const char *name) /* COUNTOF(operations): there is none */
{
    size_t op = 0;
    while (op < COUNTOF(operations) && strcmp(operations[op].name, name) != 0)
        op++;
    return op;
}

bool kinesis_operation_known(const char *name)
{
    return find_operation(name) < COUNTOF(operations);
}

struct kinesis *kinesis_new(const struct kinesis_options *o)
{
    struct kinesis *k = mem_new(1, sizeof *k);
    k->o = *o;
    k->bucket = mem_new(COUNTOF(operations), sizeof *k->bucket);
    for (size_t i = 0; i < COUNTOF(operations); i++)
        k->bucket[i].left = operations[i].per_second;
    return k;
}

void kinesis_free(struct kinesis *k)
{
    if (!k)
        return;
    for (uint32_t i = 0; i < k->n_streams; i++)
        stream_free(k->stream[i]);
    mem_free(k->bucket);
    mem_free(k);
}

static bool allowed(struct call *c, size_t op)
{
    double rate = operations[op].per_second;
    if (!c->k->o.limits || rate == 0)
        return true;
    double *left = &c->k->bucket[op].left;
    int64_t *reckoned = &c->k->bucket[op].reckoned_ms;
    if (c->t.real > *reckoned) {
        *left = MIN(rate, *left + (double)(c->t.real - *reckoned) / 1000 * rate);
        *reckoned = c->t.real;
    }
    if (*left < 1) {
        kinesis__fail(c, "LimitExceededException",
                      "Rate exceeded for operation %s under account %s.", operations[op].name,
                      c->k->o.account);
        return false;
    }
    *left -= 1;
    return true;
}

static json_t *parse(struct call *c, const void *body, size_t len)
{
    json_t *args;
    const char *why = "not JSON";
    if (c->w.encoding == WIRE_CBOR)
        args = cbor_decode(body, len, &why);
    else
        args = json_loadb(body ? body : "", len, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(args)) {
        kinesis__fail(c, "SerializationException", "%s", args ? "the body is not an object" : why);
        json_decref(args);
        return NULL;
    }
    return args;
}

void kinesis_call(struct kinesis *k, const char *operation, enum wire_encoding encoding,
                  const void *body, size_t len, struct kinesis_time t, struct kinesis_reply *out)
{
    struct call c = {.k = k, .t = t, .status = 200};
    *out = (struct kinesis_reply){0};
    wire_begin(&c.w, encoding, &out->body);
    size_t op = find_operation(operation);
    json_t *args = NULL;
    if (op == COUNTOF(operations))
        kinesis__fail(&c, "UnknownOperationException", "Kinesis has no such operation.");
    else if (!operations[op].run)
        kinesis__fail(&c, "UnknownOperationException", "%s is not implemented by connectsim.",
                      operations[op].name);
    else
        args = parse(&c, body, len);
    if (args && kinesis__check(&c, operations[op].fields, args) && allowed(&c, op)) {
        c.args = args;
        operations[op].run(&c);
    }
    json_decref(args);
    if (c.error) {
        buf_reset(&out->body);
        kinesis_error(encoding, c.error, c.message.data ? c.message.data : "", &out->body);
    } else if (out->body.len) {
        wire_done(&c.w);
    }
    buf_free(&c.message);
    out->status = c.status;
    out->error = c.error;
}
