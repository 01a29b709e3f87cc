/* kinesis_records.c - operations on records: putting them, and reading from a position on. */
#include "kinesis/kinesis_i.h"

#include "base/base64.h"

#include <string.h>

static void throttled(struct call *c, const struct stream *s, uint32_t shard)
{
    char name[SHARD_NAME];
    kinesis__shard_name(shard, name);
    kinesis__fail(c, "ProvisionedThroughputExceededException",
                  "Rate exceeded for shard %s in stream %s under account %s.", name, s->name,
                  c->k->o.account);
}

/* ---- GetShardIterator ---- */

/* The index of StartingSequenceNumber; false with the error noted. */
static bool starting_index(struct call *c, const struct stream *s, uint32_t shard, const char *text,
                           uint64_t *index)
{
    struct sequence q;
    char name[SHARD_NAME];
    kinesis__shard_name(shard, name);
    if (!sequence_parse(text, &q)) {
        kinesis__fail(c, "InvalidArgumentException",
                      "StartingSequenceNumber %s used in GetShardIterator on shard %s in stream %s "
                      "under account %s is invalid.",
                      text, name, s->name, c->k->o.account);
        return false;
    }
    if (q.shard != shard) {
        kinesis__fail(
            c, "InvalidArgumentException",
            "Invalid StartingSequenceNumber. It encodes shardId-%012u, while it was used in "
            "a call to a shard with %s",
            (unsigned)q.shard, name);
        return false;
    }
    if (q.created_s != s->shard[shard].created_ms / 1000) {
        kinesis__fail(c, "InvalidArgumentException",
                      "StartingSequenceNumber %s used in GetShardIterator on shard %s in stream %s "
                      "under account %s is invalid because it did not come from this stream.",
                      text, name, s->name, c->k->o.account);
        return false;
    }
    *index = q.index;
    return true;
}

static bool position(struct call *c, const struct stream *s, uint32_t shard, uint64_t *from)
{
    const char *type = kinesis__text(c->args, "ShardIteratorType");
    const char *start = kinesis__text(c->args, "StartingSequenceNumber");
    int64_t at = kinesis__time(c->args, "Timestamp", -1);
    bool by_number = strstr(type, "SEQUENCE_NUMBER") != NULL;
    *from = 0;
    if (by_number != (start != NULL)) {
        kinesis__fail(c, "InvalidArgumentException",
                      "Must either specify (1) AT_SEQUENCE_NUMBER or AFTER_SEQUENCE_NUMBER and "
                      "StartingSequenceNumber or (2) TRIM_HORIZON or LATEST and no "
                      "StartingSequenceNumber. Request specified %s and %s StartingSequenceNumber.",
                      type, start ? "also a" : "no");
        return false;
    }
    if (by_number) {
        if (!starting_index(c, s, shard, start, from))
            return false;
        *from += strcmp(type, "AFTER_SEQUENCE_NUMBER") == 0;
    } else if (strcmp(type, "LATEST") == 0) {
        *from = stream_latest(s, shard);
    } else if (strcmp(type, "AT_TIMESTAMP") == 0) {
        if (at < 0 || at > c->t.now) {
            kinesis__fail(c, "InvalidArgumentException",
                          at < 0 ? "Must specify timestampInMillis parameter for iterator of type "
                                   "AT_TIMESTAMP. Current request has no timestamp parameter."
                                 : "The timestampInMillis parameter cannot be greater than the "
                                   "currentTimestampInMillis.");
            return false;
        }
        *from = stream_at_time(s, shard, at);
    }
    return true;
}

static void write_iterator(struct call *c, const struct stream *s, uint32_t shard, uint64_t from,
                           const char *key)
{
    struct sealed v = {s->id, from, shard, SEAL_ITERATOR, c->t.real};
    struct buf text = {0};
    kinesis__seal(c->k, &v, &text);
    wire_key(&c->w, key);
    wire_strn(&c->w, text.data, text.len);
    buf_free(&text);
}

void kinesis__op_get_iterator(struct call *c)
{
    struct stream *s = kinesis__stream(c);
    uint32_t shard;
    uint64_t from;
    if (!s || !kinesis__shard(c, s, kinesis__text(c->args, "ShardId"), &shard) ||
        !position(c, s, shard, &from))
        return;
    if (c->k->o.limits && !stream_iterator_allowed(s, c->t.real, shard)) {
        throttled(c, s, shard);
        return;
    }
    wire_obj(&c->w);
    write_iterator(c, s, shard, from, "ShardIterator");
    wire_end(&c->w);
}

/* ---- GetRecords ---- */

static struct stream *from_iterator(struct call *c, struct sealed *v)
{
    const char *arn = kinesis__text(c->args, "StreamARN"), *name = NULL;
    if (!kinesis__unseal(c->k, kinesis__text(c->args, "ShardIterator"), v) ||
        v->purpose != SEAL_ITERATOR) {
        kinesis__fail(c, "InvalidArgumentException", "Invalid ShardIterator.");
        return NULL;
    }
    if (c->t.real - v->made_ms > KINESIS_ITERATOR_MS) {
        kinesis__fail(c, "ExpiredIteratorException",
                      "Iterator expired. The iterator was created %lld milliseconds ago, which is "
                      "more than the tolerated delay of %d milliseconds.",
                      (long long)(c->t.real - v->made_ms), KINESIS_ITERATOR_MS);
        return NULL;
    }
    struct stream *s = NULL;
    for (uint32_t i = 0; i < c->k->n_streams; i++)
        if (c->k->stream[i]->id == v->stream)
            s = c->k->stream[i];
    if (!s || kinesis__shard_gone(s, v->shard, c->t.now)) {
        kinesis__fail(c, "ResourceNotFoundException", "The shard of the iterator does not exist.");
        return NULL;
    }
    if (arn && (!kinesis__arn_name(c->k, arn, &name) || strcmp(name, s->name) != 0)) {
        kinesis__fail(c, "InvalidArgumentException", "StreamARN is not of the iterator's stream.");
        return NULL;
    }
    return s;
}

static void write_record(struct wire *w, const struct stream_shard *sh,
                         const struct stream_record *r)
{
    char text[SEQUENCE_TEXT];
    struct sequence q = stream_sequence(sh, r);
    wire_obj(w);
    wire_key(w, "SequenceNumber");
    sequence_text(&q, text);
    wire_str(w, text);
    wire_key(w, "ApproximateArrivalTimestamp");
    wire_time(w, r->at_ms);
    wire_key(w, "Data");
    wire_blob(w, r->bytes + r->key_len, r->data_len);
    wire_key(w, "PartitionKey");
    wire_strn(w, r->bytes, r->key_len);
    wire_end(w);
}

static void write_children(struct wire *w, const struct stream *s, uint32_t shard)
{
    char name[SHARD_NAME];
    wire_key(w, "ChildShards");
    wire_arr(w);
    for (uint32_t i = shard + 1; i < s->n_shards; i++) {
        const struct stream_shard *sh = &s->shard[i];
        if (sh->parent != shard && sh->adjacent != shard)
            continue;
        wire_obj(w);
        wire_key(w, "ShardId");
        kinesis__shard_name(i, name);
        wire_str(w, name);
        wire_key(w, "ParentShards");
        wire_arr(w);
        kinesis__shard_name(sh->parent, name);
        wire_str(w, name);
        if (sh->adjacent != UINT32_MAX) {
            kinesis__shard_name(sh->adjacent, name);
            wire_str(w, name);
        }
        wire_end(w);
        kinesis__write_range(w, sh);
        wire_end(w);
    }
    wire_end(w);
}

void kinesis__op_get_records(struct call *c)
{
    struct sealed v;
    struct stream *s = from_iterator(c, &v);
    if (!s)
        return;
    if (c->k->o.limits && !stream_read_allowed(s, c->t.real, v.shard)) {
        throttled(c, s, v.shard);
        return;
    }
    uint32_t limit = (uint32_t)kinesis__int(c->args, "Limit", STREAM_READ_RECORDS_MAX);
    struct stream_read r = stream_read(s, c->t.now, v.shard, v.position, limit);
    const struct stream_shard *sh = &s->shard[v.shard];
    struct wire *w = &c->w;
    stream_read_done(s, v.shard, r.bytes);
    wire_obj(w);
    wire_key(w, "Records");
    wire_arr(w);
    for (uint32_t i = 0; i < r.count; i++)
        write_record(w, sh, stream_record(sh, r.first + i));
    wire_end(w);
    if (r.ended)
        write_children(w, s, v.shard);
    else
        write_iterator(c, s, v.shard, r.next, "NextShardIterator");
    wire_key(w, "MillisBehindLatest");
    wire_int(w, r.behind_ms);
    wire_end(w);
}

/* ---- PutRecord, PutRecords ---- */

struct entry { /* a record to put, as it was given */
    const char *key;
    size_t key_len;
    struct buf data;
    uint32_t shard;
};

static bool take_entry(struct call *c, const struct stream *s, const json_t *args, struct entry *e)
{
    const json_t *key = json_object_get(args, "PartitionKey"),
                 *data = json_object_get(args, "Data");
    const char *explicit = kinesis__text(args, "ExplicitHashKey");
    struct hash_key hash;
    bool ok = base64_get(&e->data, json_string_value(data), json_string_length(data));
    BUG_ON(!ok); /* it was checked */
    e->key = json_string_value(key);
    e->key_len = json_string_length(key);
    if (e->key_len > STREAM_KEY_MAX || e->data.len > STREAM_RECORD_MAX - e->key_len) {
        kinesis__fail(
            c, "ValidationException",
            "Record size, data and partition key, is over the stream's maximum of %d bytes.",
            STREAM_RECORD_MAX);
        return false;
    }
    if (!explicit) {
        hash = hash_key_of(e->key, e->key_len);
    } else if (!hash_key_parse(explicit, &hash)) {
        kinesis__fail(
            c, "InvalidArgumentException",
            "Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. "
            "Specified value was %s",
            explicit);
        return false;
    }
    e->shard = stream_shard_of(s, hash);
    return true;
}

static bool write_allowed(struct call *c, struct stream *s, const struct entry *e)
{
    return !c->k->o.limits ||
           stream_write_allowed(s, c->t.real, e->shard, e->key_len + e->data.len);
}

static void put_entry(struct call *c, struct stream *s, const struct entry *e)
{
    char text[SEQUENCE_TEXT], name[SHARD_NAME];
    struct sequence q =
        stream_put(s, c->t.now, e->shard, e->key, e->key_len, e->data.data, e->data.len);
    sequence_text(&q, text);
    kinesis__shard_name(e->shard, name);
    wire_key(&c->w, "ShardId");
    wire_str(&c->w, name);
    wire_key(&c->w, "SequenceNumber");
    wire_str(&c->w, text);
}

void kinesis__op_put_record(struct call *c)
{
    struct stream *s = kinesis__stream(c);
    struct entry e = {0};
    const char *order = kinesis__text(c->args, "SequenceNumberForOrdering");
    struct sequence q;
    if (!s || !take_entry(c, s, c->args, &e)) {
        buf_free(&e.data);
        return;
    }
    if (order &&
        (!sequence_parse(order, &q) || q.index >= s->shard[MIN(q.shard, s->n_shards - 1)].next))
        kinesis__fail(c, "InvalidArgumentException",
                      "SequenceNumberForOrdering is not a number of this stream.");
    else if (!write_allowed(c, s, &e))
        throttled(c, s, e.shard);
    else {
        wire_obj(&c->w);
        put_entry(c, s, &e);
        wire_end(&c->w);
    }
    buf_free(&e.data);
}

/* All of them are checked before the first is put. Then each is taken or throttled by itself. */
static bool take_entries(struct call *c, const struct stream *s, const json_t *list,
                         struct entry *e)
{
    size_t bytes = 0;
    for (size_t i = 0; i < json_array_size(list); i++) {
        if (!take_entry(c, s, json_array_get(list, i), &e[i]))
            return false;
        bytes += e[i].key_len + e[i].data.len;
    }
    if (bytes > KINESIS_PUT_BYTES_MAX)
        kinesis__fail(c, "InvalidArgumentException", "Records size exceeds %d MB limit.",
                      KINESIS_PUT_BYTES_MAX >> 20);
    return bytes <= KINESIS_PUT_BYTES_MAX;
}

static void put_entries(struct call *c, struct stream *s, const struct entry *e, size_t n)
{
    struct wire *w = &c->w;
    int64_t failed = 0;
    wire_obj(w);
    wire_key(w, "Records");
    wire_arr(w);
    for (size_t i = 0; i < n; i++) {
        wire_obj(w);
        if (write_allowed(c, s, &e[i])) {
            put_entry(c, s, &e[i]);
        } else {
            char name[SHARD_NAME];
            struct buf message = {0};
            kinesis__shard_name(e[i].shard, name);
            buf_fmt(&message, "Rate exceeded for shard %s in stream %s under account %s.", name,
                    s->name, c->k->o.account);
            wire_key(w, "ErrorCode");
            wire_str(w, "ProvisionedThroughputExceededException");
            wire_key(w, "ErrorMessage");
            wire_str(w, message.data);
            buf_free(&message);
            failed++;
        }
        wire_end(w);
    }
    wire_end(w);
    wire_key(w, "FailedRecordCount");
    wire_int(w, failed);
    wire_end(w);
}

void kinesis__op_put_records(struct call *c)
{
    struct stream *s = kinesis__stream(c);
    if (!s)
        return;
    const json_t *list = json_object_get(c->args, "Records");
    size_t n = json_array_size(list);
    struct entry *e = mem_new(n, sizeof *e);
    if (take_entries(c, s, list, e))
        put_entries(c, s, e, n);
    for (size_t i = 0; i < n; i++)
        buf_free(&e[i].data);
    mem_free(e);
}
