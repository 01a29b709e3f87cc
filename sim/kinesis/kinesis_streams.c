/* kinesis_streams.c - operations on streams and shards. */
#include "kinesis/kinesis_i.h"

#include <string.h>

static void write_sequences(struct wire *w, const struct stream_shard *sh)
{
    char text[SEQUENCE_TEXT];
    struct sequence q = {sh->created_ms / 1000, sh->created_ms / 1000, 0, sh->id};
    wire_key(w, "SequenceNumberRange");
    wire_obj(w);
    sequence_text(&q, text);
    wire_key(w, "StartingSequenceNumber");
    wire_str(w, text);
    if (sh->closed_ms != INT64_MAX) {
        q.at_s = sh->closed_ms / 1000;
        q.index = SEQUENCE_INDEX_MAX;
        sequence_text(&q, text);
        wire_key(w, "EndingSequenceNumber");
        wire_str(w, text);
    }
    wire_end(w);
}

static void write_shard(struct wire *w, const struct stream_shard *sh)
{
    char name[SHARD_NAME];
    wire_obj(w);
    kinesis__shard_name(sh->id, name);
    wire_key(w, "ShardId");
    wire_str(w, name);
    if (sh->parent != UINT32_MAX) {
        kinesis__shard_name(sh->parent, name);
        wire_key(w, "ParentShardId");
        wire_str(w, name);
    }
    if (sh->adjacent != UINT32_MAX) {
        kinesis__shard_name(sh->adjacent, name);
        wire_key(w, "AdjacentParentShardId");
        wire_str(w, name);
    }
    kinesis__write_range(w, sh);
    write_sequences(w, sh);
    wire_end(w);
}

/* ---- ListShards ---- */

/* Which shards are asked for. Ids are given in the order of time, so "made by then" is an id. */
struct shard_filter {
    uint32_t first, end; /* ids from first to before end */
    int64_t open_ms;     /* closed then or later, or not at all */
};

static bool take_filter(struct call *c, const struct stream *s, struct shard_filter *f)
{
    const json_t *filter = json_object_get(c->args, "ShardFilter");
    int64_t horizon = MAX(s->created_ms, c->t.now - s->retention_ms);
    *f = (struct shard_filter){0, s->n_shards, INT64_MIN};
    const char *start = kinesis__text(c->args, "ExclusiveStartShardId");
    if (json_is_object(filter)) {
        const char *type = kinesis__text(filter, "Type");
        bool by_time = strstr(type, "TIMESTAMP") != NULL;
        int64_t at = kinesis__time(filter, "Timestamp", -1);
        if (by_time == (at < 0)) {
            kinesis__fail(c, "InvalidArgumentException", "Timestamp belongs to %s.",
                          "AT_TIMESTAMP and FROM_TIMESTAMP, and to no other type");
            return false;
        }
        if (strcmp(type, "AFTER_SHARD_ID") == 0)
            start = kinesis__text(filter, "ShardId");
        if (strcmp(type, "AFTER_SHARD_ID") == 0 && !start) {
            kinesis__fail(c, "InvalidArgumentException", "AFTER_SHARD_ID needs a ShardId.");
            return false;
        }
        at = by_time ? MAX(at, horizon) : horizon;
        if (strcmp(type, "AT_LATEST") == 0)
            f->open_ms = INT64_MAX;
        else if (strcmp(type, "AFTER_SHARD_ID") != 0)
            f->open_ms = at;
        if (strncmp(type, "AT_T", 4) == 0) /* AT_TRIM_HORIZON, AT_TIMESTAMP */
            while (f->end && s->shard[f->end - 1].created_ms > at)
                f->end--;
    }
    uint32_t id = 0;
    if (!start)
        return true;
    if (!kinesis__shard(c, s, start, &id))
        return false;
    f->first = id + 1;
    return true;
}

/* A token says where to go on; the stream and the filter are in it, so nothing else may be said. */
static struct stream *from_token(struct call *c, struct shard_filter *f)
{
    struct sealed v;
    static const char *const others[] = {"StreamName",
                                         "StreamARN",
                                         "StreamId",
                                         "ShardFilter",
                                         "ExclusiveStartShardId",
                                         "StreamCreationTimestamp"};
    for (size_t i = 0; i < COUNTOF(others); i++)
        if (json_object_get(c->args, others[i])) {
            kinesis__fail(c, "InvalidArgumentException",
                          "NextToken and %s cannot be provided together.", others[i]);
            return NULL;
        }
    if (!kinesis__unseal(c->k, kinesis__text(c->args, "NextToken"), &v) ||
        v.purpose != SEAL_LIST_SHARDS) {
        kinesis__fail(c, "InvalidArgumentException", "NextToken is invalid.");
        return NULL;
    }
    if (c->t.real - v.made_ms > KINESIS_TOKEN_MS) {
        kinesis__fail(c, "ExpiredNextTokenException", "NextToken has expired.");
        return NULL;
    }
    *f = (struct shard_filter){v.shard & UINT16_MAX, v.shard >> 16, (int64_t)v.position};
    for (uint32_t i = 0; i < c->k->n_streams; i++)
        if (c->k->stream[i]->id == v.stream)
            return c->k->stream[i];
    kinesis__fail(c, "ResourceNotFoundException", "The stream of NextToken is gone.");
    return NULL;
}

void kinesis__op_list_shards(struct call *c)
{
    struct shard_filter f;
    bool again = kinesis__text(c->args, "NextToken") != NULL;
    struct stream *s = again ? from_token(c, &f) : kinesis__stream(c);
    if (!s || (!again && !take_filter(c, s, &f)))
        return;
    int64_t left = kinesis__int(c->args, "MaxResults", 1000);
    uint32_t id = f.first;
    struct wire *w = &c->w;
    wire_obj(w);
    wire_key(w, "Shards");
    wire_arr(w);
    for (; id < f.end && left; id++) {
        const struct stream_shard *sh = &s->shard[id];
        if (kinesis__shard_gone(s, id, c->t.now) || sh->closed_ms < f.open_ms)
            continue;
        write_shard(w, sh);
        left--;
    }
    wire_end(w);
    if (id < f.end) {
        _Static_assert(STREAM_SHARDS_MAX <= UINT16_MAX, "two ids in 32 bits");
        struct sealed v = {s->id, (uint64_t)f.open_ms, id | f.end << 16, SEAL_LIST_SHARDS,
                           c->t.real};
        struct buf token = {0};
        kinesis__seal(c->k, &v, &token);
        wire_key(w, "NextToken");
        wire_str(w, token.data);
        buf_free(&token);
    }
    wire_end(w);
}

/* ---- Describe, ListStreams ---- */

static void write_stream(struct call *c, const struct stream *s)
{
    struct wire *w = &c->w;
    struct buf arn = {0};
    kinesis__arn(c->k, s, &arn);
    wire_key(w, "StreamName");
    wire_str(w, s->name);
    wire_key(w, "StreamARN");
    wire_str(w, arn.data);
    wire_key(w, "StreamStatus");
    wire_str(w, "ACTIVE");
    wire_key(w, "StreamModeDetails");
    wire_obj(w);
    wire_key(w, "StreamMode");
    wire_str(w, "PROVISIONED");
    wire_end(w);
    wire_key(w, "StreamCreationTimestamp");
    wire_time(w, s->created_ms);
    buf_free(&arn);
}

static void write_description(struct call *c, const struct stream *s)
{
    struct wire *w = &c->w;
    write_stream(c, s);
    wire_key(w, "RetentionPeriodHours");
    wire_int(w, s->retention_ms / 3600000);
    wire_key(w, "EnhancedMonitoring");
    wire_arr(w);
    wire_obj(w);
    wire_key(w, "ShardLevelMetrics");
    wire_arr(w);
    wire_end(w);
    wire_end(w);
    wire_end(w);
    wire_key(w, "EncryptionType");
    wire_str(w, "NONE");
}

void kinesis__op_describe_summary(struct call *c)
{
    const struct stream *s = kinesis__stream(c);
    if (!s)
        return;
    wire_obj(&c->w);
    wire_key(&c->w, "StreamDescriptionSummary");
    wire_obj(&c->w);
    write_description(c, s);
    wire_key(&c->w, "OpenShardCount");
    wire_int(&c->w, stream_open_shards(s));
    wire_key(&c->w, "ConsumerCount");
    wire_int(&c->w, 0);
    wire_end(&c->w);
    wire_end(&c->w);
}

void kinesis__op_describe_stream(struct call *c)
{
    const struct stream *s = kinesis__stream(c);
    const char *start = kinesis__text(c->args, "ExclusiveStartShardId");
    uint32_t id = 0;
    if (!s || (start && !kinesis__shard(c, s, start, &id)))
        return;
    id += start != NULL;
    int64_t left = kinesis__int(c->args, "Limit", 100);
    struct wire *w = &c->w;
    wire_obj(w);
    wire_key(w, "StreamDescription");
    wire_obj(w);
    write_description(c, s);
    wire_key(w, "Shards");
    wire_arr(w);
    bool more = false;
    for (; id < s->n_shards && !more; id++) {
        if (kinesis__shard_gone(s, id, c->t.now))
            continue;
        more = left-- == 0;
        if (!more)
            write_shard(w, &s->shard[id]);
    }
    wire_end(w);
    wire_key(w, "HasMoreShards");
    wire_bool(w, more);
    wire_end(w);
    wire_end(w);
}

void kinesis__op_list_streams(struct call *c)
{
    /* The token is the last name, as what ExclusiveStartStreamName says. */
    const char *after = kinesis__text(c->args, "ExclusiveStartStreamName");
    const char *token = kinesis__text(c->args, "NextToken");
    int64_t limit = kinesis__int(c->args, "Limit", 100);
    uint32_t first = 0;
    after = token ? token : after;
    while (after && first < c->k->n_streams && strcmp(c->k->stream[first]->name, after) <= 0)
        first++;
    uint32_t n = (uint32_t)MIN(limit, c->k->n_streams - first);
    bool more = first + n < c->k->n_streams;
    struct wire *w = &c->w;
    wire_obj(w);
    wire_key(w, "StreamNames");
    wire_arr(w);
    for (uint32_t i = first; i < first + n; i++)
        wire_str(w, c->k->stream[i]->name);
    wire_end(w);
    wire_key(w, "HasMoreStreams");
    wire_bool(w, more);
    if (more) {
        wire_key(w, "NextToken");
        wire_str(w, c->k->stream[first + n - 1]->name);
    }
    wire_key(w, "StreamSummaries");
    wire_arr(w);
    for (uint32_t i = first; i < first + n; i++) {
        wire_obj(w);
        write_stream(c, c->k->stream[i]);
        wire_end(w);
    }
    wire_end(w);
    wire_end(w);
}

/* ---- making, ending, cutting ---- */

void kinesis__op_create(struct call *c)
{
    const char *name = kinesis__text(c->args, "StreamName");
    const json_t *details = json_object_get(c->args, "StreamModeDetails");
    const char *mode = json_is_object(details) ? kinesis__text(details, "StreamMode") : NULL;
    bool on_demand = mode && strcmp(mode, "ON_DEMAND") == 0;
    int64_t shards = kinesis__int(c->args, "ShardCount", on_demand ? 4 : 0);
    if (on_demand)
        kinesis__fail(c, "ValidationException", "ON_DEMAND is not implemented by connectsim.");
    else if (shards == 0)
        kinesis__fail(c, "ValidationException", "ShardCount must be given.");
    else if (kinesis_find(c->k, name))
        kinesis__fail(c, "ResourceInUseException", "Stream %s under account %s already exists.",
                      name, c->k->o.account);
    else if (shards > STREAM_SHARDS_MAX / 2)
        kinesis__fail(c, "LimitExceededException",
                      "This request would exceed the shard limit of connectsim, %d.",
                      STREAM_SHARDS_MAX / 2);
    else if (!kinesis_add(c->k, name, (uint32_t)shards, c->t.now))
        kinesis__fail(c, "LimitExceededException", "There are %d streams, and no more.",
                      KINESIS_STREAMS_MAX);
}

void kinesis__op_delete(struct call *c)
{
    struct stream *s = kinesis__stream(c);
    if (!s)
        return;
    uint32_t i = 0;
    while (c->k->stream[i] != s)
        i++;
    memmove(&c->k->stream[i], &c->k->stream[i + 1],
            (c->k->n_streams - i - 1) * sizeof c->k->stream[0]);
    c->k->n_streams--;
    stream_free(s);
}

void kinesis__op_split(struct call *c)
{
    struct stream *s = kinesis__stream(c);
    const char *shard = kinesis__text(c->args, "ShardToSplit");
    uint32_t id;
    struct hash_key at;
    if (!s || !kinesis__shard(c, s, shard, &id))
        return;
    /* What has the form of a hash key may still be above the last one. */
    if (!hash_key_parse(kinesis__text(c->args, "NewStartingHashKey"), &at) ||
        !stream_split(s, c->t.now, id, at))
        kinesis__fail(
            c, "InvalidArgumentException",
            "NewStartingHashKey used in SplitShard() on shard %s in stream %s under account "
            "%s is not inside of the shard's range, or the shard is closed.",
            shard, s->name, c->k->o.account);
}

void kinesis__op_merge(struct call *c)
{
    struct stream *s = kinesis__stream(c);
    uint32_t a, b;
    if (!s || !kinesis__shard(c, s, kinesis__text(c->args, "ShardToMerge"), &a) ||
        !kinesis__shard(c, s, kinesis__text(c->args, "AdjacentShardToMerge"), &b))
        return;
    if (!stream_merge(s, c->t.now, a, b))
        kinesis__fail(
            c, "InvalidArgumentException",
            "Shards in stream %s under account %s are not an adjacent pair of open shards "
            "eligible for merging",
            s->name, c->k->o.account);
}
