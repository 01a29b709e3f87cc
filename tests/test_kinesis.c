/* The API of Kinesis: requests as an SDK sends them, in both encodings, and what must come back. */
#include "kinesis/kinesis.h"
#include "kinesis/cbor.h"
#include "base/base64.h"
#include "tap.h"

#include <stdarg.h>

static struct kinesis *k;
static struct kinesis_time at;
static enum wire_encoding encoding;
static json_t *reply; /* of the last call */
static struct kinesis_reply raw;

static void setup(bool limits)
{
    at = (struct kinesis_time){1783900800000, 1000000};
    k = kinesis_new(&(struct kinesis_options){.account = "123456789012",
                                              .region = "us-east-1",
                                              .secret = {1, 2},
                                              .limits = limits,
                                              .retention_ms = 86400000,
                                              .bytes_max = 64 << 20});
    kinesis_add(k, "agents", 2, at.now);
}

static void teardown(void)
{
    json_decref(reply);
    reply = NULL;
    buf_free(&raw.body);
    kinesis_free(k);
}

/* A request in JSON, sent in the current encoding. CBOR has no times or blobs here: text is taken
 * for both, and numbers are seconds. */
static void to_cbor(struct wire *w, const json_t *v)
{
    const char *key;
    json_t *item;
    size_t i;
    switch (json_typeof(v)) {
    case JSON_OBJECT:
        wire_obj(w);
        json_object_foreach((json_t *)(uintptr_t)v, key, item)
        {
            wire_key(w, key);
            to_cbor(w, item);
        }
        wire_end(w);
        break;
    case JSON_ARRAY:
        wire_arr(w);
        json_array_foreach(v, i, item) to_cbor(w, item);
        wire_end(w);
        break;
    case JSON_STRING: wire_strn(w, json_string_value(v), json_string_length(v)); break;
    case JSON_INTEGER: wire_int(w, json_integer_value(v)); break;
    case JSON_REAL: wire_time(w, llround(json_real_value(v) * 1000)); break;
    case JSON_TRUE:
    case JSON_FALSE: wire_bool(w, json_is_true(v)); break;
    case JSON_NULL: wire_null(w); break;
    }
}

/* Sends; returns the error's type, "" for none. */
static const char *call(const char *operation, const char *json)
{
    struct buf body = {0};
    json_t *args = json_loads(json, 0, NULL);
    if (!args)
        TAP_FAIL("test: not JSON: %s", json);
    if (encoding == WIRE_CBOR) {
        struct wire w;
        wire_begin(&w, WIRE_CBOR, &body);
        to_cbor(&w, args);
    } else {
        buf_str(&body, json);
    }
    json_decref(args);
    json_decref(reply);
    buf_free(&raw.body);
    kinesis_call(k, operation, encoding, body.data, body.len, at, &raw);
    buf_free(&body);
    const char *why = "";
    reply = raw.body.len == 0       ? json_object()
            : encoding == WIRE_CBOR ? cbor_decode(raw.body.data, raw.body.len, &why)
                                    : json_loadb(raw.body.data, raw.body.len, 0, NULL);
    if (!reply)
        TAP_FAIL("the reply of %s cannot be read: %s", operation, why);
    CHECK_EQ(raw.status, raw.error ? 400 : 200);
    if (raw.error)
        CHECK_STR(json_string_value(json_object_get(reply, "__type")), raw.error);
    return raw.error ? raw.error : "";
}

static const char *callf(const char *operation, const char *fmt, ...) PRINTF(2, 3);
static const char *callf(const char *operation, const char *fmt, ...)
{
    static char text[4096];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return call(operation, text);
}

static const char *text_at(const json_t *v, const char *a, size_t i, const char *b)
{
    const char *s = json_string_value(json_object_get(json_array_get(json_object_get(v, a), i), b));
    return s ? s : "";
}

static const char *last_letter(const char *s)
{
    return *s ? s + strlen(s) - 1 : s;
}

static char iterator[600];
static const char *take_iterator(const char *args)
{
    const char *error = call("GetShardIterator", args);
    const char *s = json_string_value(json_object_get(reply, "ShardIterator"));
    snprintf(iterator, sizeof iterator, "%s", s ? s : "");
    return error;
}
/* Reads on from `iterator`; how many records, -1: an error or the end of the shard is reached. */
static int64_t read_on(int limit)
{
    if (*callf("GetRecords", "{\"ShardIterator\":\"%s\",\"Limit\":%d}", iterator, limit))
        return -1;
    const char *s = json_string_value(json_object_get(reply, "NextShardIterator"));
    snprintf(iterator, sizeof iterator, "%s", s ? s : "");
    return s ? (int64_t)json_array_size(json_object_get(reply, "Records")) : -1;
}

static void put(const char *key, const char *data)
{
    struct buf b = {0};
    base64_put(&b, data, strlen(data));
    CHECK_STR(callf("PutRecord",
                    "{\"StreamName\":\"agents\",\"PartitionKey\":\"%s\",\"Data\":\"%s\"}", key,
                    b.data),
              "");
    buf_free(&b);
}

#define BOTH(name)                                                                                 \
    static void name##_in(void);                                                                   \
    TEST(name##_in_json)                                                                           \
    {                                                                                              \
        encoding = WIRE_JSON;                                                                      \
        name##_in();                                                                               \
    }                                                                                              \
    TEST(name##_in_cbor)                                                                           \
    {                                                                                              \
        encoding = WIRE_CBOR;                                                                      \
        name##_in();                                                                               \
    }                                                                                              \
    static void name##_in(void)

BOTH(records_are_put_and_read)
{
    setup(true);
    put("a", "one");
    char shard[40], first[80];
    snprintf(shard, sizeof shard, "%s", json_string_value(json_object_get(reply, "ShardId")));
    snprintf(first, sizeof first, "%s",
             json_string_value(json_object_get(reply, "SequenceNumber")));
    CHECK_EQ(strlen(first), 56);
    at.now += 1500;
    put("a", "two");
    CHECK_STR(json_string_value(json_object_get(reply, "ShardId")), shard);
    CHECK(strcmp(json_string_value(json_object_get(reply, "SequenceNumber")), first) > 0);

    char args[300];
    snprintf(
        args, sizeof args,
        "{\"StreamName\":\"agents\",\"ShardId\":\"%s\",\"ShardIteratorType\":\"TRIM_HORIZON\"}",
        shard);
    CHECK_STR(take_iterator(args), "");
    CHECK_EQ(read_on(1), 1);
    CHECK_STR(text_at(reply, "Records", 0, "PartitionKey"), "a");
    CHECK_STR(text_at(reply, "Records", 0, "Data"), "b25l");
    CHECK_STR(text_at(reply, "Records", 0, "SequenceNumber"), first);
    CHECK_NEAR(
        json_number_value(json_object_get(json_array_get(json_object_get(reply, "Records"), 0),
                                          "ApproximateArrivalTimestamp")),
        1783900800.0, 1e-9);
    CHECK_EQ(json_integer_value(json_object_get(reply, "MillisBehindLatest")), 1500);
    CHECK_EQ(read_on(10), 1);
    CHECK_STR(text_at(reply, "Records", 0, "Data"), "dHdv");
    CHECK_EQ(json_integer_value(json_object_get(reply, "MillisBehindLatest")), 0);
    CHECK_EQ(read_on(10), 0);

    snprintf(args, sizeof args,
             "{\"StreamARN\":\"arn:aws:kinesis:us-east-1:123456789012:stream/"
             "agents\",\"ShardId\":\"%s\","
             "\"ShardIteratorType\":\"AFTER_SEQUENCE_NUMBER\",\"StartingSequenceNumber\":\"%s\"}",
             shard, first);
    CHECK_STR(take_iterator(args), "");
    CHECK_EQ(read_on(10), 1);
    snprintf(args, sizeof args,
             "{\"StreamName\":\"agents\",\"ShardId\":\"%s\",\"ShardIteratorType\":\"AT_SEQUENCE_"
             "NUMBER\","
             "\"StartingSequenceNumber\":\"%s\"}",
             shard, first);
    CHECK_STR(take_iterator(args), "");
    at.real += 1000;
    CHECK_EQ(read_on(10), 2);
    snprintf(args, sizeof args,
             "{\"StreamName\":\"agents\",\"ShardId\":\"%s\",\"ShardIteratorType\":\"AT_TIMESTAMP\","
             "\"Timestamp\":1783900801.5}",
             shard);
    CHECK_STR(take_iterator(args), "");
    CHECK_EQ(read_on(10), 1);
    snprintf(args, sizeof args,
             "{\"StreamName\":\"agents\",\"ShardId\":\"%s\",\"ShardIteratorType\":\"LATEST\"}",
             shard);
    CHECK_STR(take_iterator(args), "");
    put("a", "three");
    CHECK_EQ(read_on(10), 1);
    CHECK_STR(text_at(reply, "Records", 0, "Data"), "dGhyZWU=");
    teardown();
}

BOTH(streams_are_described)
{
    setup(true);
    kinesis_add(k, "records", 1, at.now);
    CHECK(kinesis_add(k, "records", 1, at.now) == NULL);
    CHECK_STR(call("ListStreams", "{}"), "");
    CHECK_EQ(json_array_size(json_object_get(reply, "StreamNames")), 2);
    CHECK(json_is_false(json_object_get(reply, "HasMoreStreams")));
    CHECK_STR(call("ListStreams", "{\"Limit\":1}"), "");
    CHECK(json_is_true(json_object_get(reply, "HasMoreStreams")));
    CHECK_STR(json_string_value(json_object_get(reply, "NextToken")), "agents");
    CHECK_STR(call("ListStreams", "{\"Limit\":1,\"NextToken\":\"agents\"}"), "");
    CHECK_STR(json_string_value(json_array_get(json_object_get(reply, "StreamNames"), 0)),
              "records");
    CHECK_STR(call("DescribeStreamSummary", "{\"StreamName\":\"agents\"}"), "");
    const json_t *d = json_object_get(reply, "StreamDescriptionSummary");
    CHECK_STR(json_string_value(json_object_get(d, "StreamARN")),
              "arn:aws:kinesis:us-east-1:123456789012:stream/agents");
    CHECK_EQ(json_integer_value(json_object_get(d, "OpenShardCount")), 2);
    CHECK_EQ(json_integer_value(json_object_get(d, "RetentionPeriodHours")), 24);
    CHECK_NEAR(json_number_value(json_object_get(d, "StreamCreationTimestamp")), 1783900800, 1e-9);
    CHECK_STR(call("DescribeStream", "{\"StreamName\":\"agents\",\"Limit\":1}"), "");
    d = json_object_get(reply, "StreamDescription");
    CHECK(json_is_true(json_object_get(d, "HasMoreShards")));
    CHECK_STR(
        call("DescribeStream",
             "{\"StreamName\":\"agents\",\"ExclusiveStartShardId\":\"shardId-000000000000\"}"),
        "");
    d = json_object_get(reply, "StreamDescription");
    CHECK(json_is_false(json_object_get(d, "HasMoreShards")));
    CHECK_STR(text_at(d, "Shards", 0, "ShardId"), "shardId-000000000001");
    teardown();
}

BOTH(shards_are_listed_cut_and_joined)
{
    setup(false);
    at.now += 10000;
    CHECK_STR(call("SplitShard",
                   "{\"StreamName\":\"agents\",\"ShardToSplit\":\"shardId-000000000000\","
                   "\"NewStartingHashKey\":\"10\"}"),
              "");
    at.now += 10000;
    CHECK_STR(call("MergeShards",
                   "{\"StreamName\":\"agents\",\"ShardToMerge\":\"shardId-000000000003\","
                   "\"AdjacentShardToMerge\":\"shardId-000000000001\"}"),
              "");
    at.now += 10000;
    static const struct {
        const char *filter;
        const char *ids;
    } v[] = {
        {"", "01234"},
        {",\"ShardFilter\":{\"Type\":\"AT_LATEST\"}", "24"},
        {",\"ShardFilter\":{\"Type\":\"AT_TRIM_HORIZON\"}", "01"},
        {",\"ShardFilter\":{\"Type\":\"FROM_TRIM_HORIZON\"}", "01234"},
        {",\"ShardFilter\":{\"Type\":\"AFTER_SHARD_ID\",\"ShardId\":\"shardId-000000000002\"}",
         "34"},
        {",\"ShardFilter\":{\"Type\":\"AT_TIMESTAMP\",\"Timestamp\":1783900815.0}", "123"},
        {",\"ShardFilter\":{\"Type\":\"FROM_TIMESTAMP\",\"Timestamp\":1783900815.0}", "1234"},
        {",\"ExclusiveStartShardId\":\"shardId-000000000003\"", "4"},
    };
    for (size_t i = 0; i < COUNTOF(v); i++)
        for (int page = 1; page <= 5; page++) { /* any size of page gives the same */
            char got[40] = "";
            const char *error = callf(
                "ListShards", "{\"StreamName\":\"agents\",\"MaxResults\":%d%s}", page, v[i].filter);
            for (int guard = 0; !*error && guard < 9; guard++) {
                const json_t *list = json_object_get(reply, "Shards");
                CHECK((int)json_array_size(list) <= page);
                for (size_t j = 0; j < json_array_size(list); j++)
                    strncat(got, last_letter(text_at(reply, "Shards", j, "ShardId")), 1);
                const char *token = json_string_value(json_object_get(reply, "NextToken"));
                if (!token)
                    break;
                error =
                    callf("ListShards", "{\"MaxResults\":%d,\"NextToken\":\"%s\"}", page, token);
            }
            CHECK_STR(error, "");
            CHECK_STR(got, v[i].ids);
        }
    /* The end of a closed shard names its children, and only there. */
    CHECK_STR(take_iterator("{\"StreamName\":\"agents\",\"ShardId\":\"shardId-000000000001\","
                            "\"ShardIteratorType\":\"TRIM_HORIZON\"}"),
              "");
    CHECK_EQ(read_on(10), -1);
    CHECK_STR(text_at(reply, "ChildShards", 0, "ShardId"), "shardId-000000000004");
    CHECK_EQ(json_array_size(json_object_get(
                 json_array_get(json_object_get(reply, "ChildShards"), 0), "ParentShards")),
             2);
    /* When retention is over nothing is left of what was closed. */
    at.now += 86400000;
    CHECK_STR(call("ListShards", "{\"StreamName\":\"agents\"}"), "");
    CHECK_EQ(json_array_size(json_object_get(reply, "Shards")), 2);
    CHECK_STR(take_iterator("{\"StreamName\":\"agents\",\"ShardId\":\"shardId-000000000001\","
                            "\"ShardIteratorType\":\"TRIM_HORIZON\"}"),
              "ResourceNotFoundException");
    teardown();
}

BOTH(each_mistake_has_its_error)
{
    setup(false);
    static const struct {
        const char *operation, *args, *error;
    } v[] = {
        {"Nothing", "{}", "UnknownOperationException"},
        {"SubscribeToShard", "{}", "UnknownOperationException"},
        {"DescribeStreamSummary", "{}", "InvalidArgumentException"},
        {"DescribeStreamSummary", "{\"StreamName\":\"nobody\"}", "ResourceNotFoundException"},
        {"DescribeStreamSummary", "{\"StreamName\":\"\"}", "ValidationException"},
        {"DescribeStreamSummary", "{\"StreamName\":\"a b\"}", "ValidationException"},
        {"DescribeStreamSummary", "{\"StreamName\":7}", "SerializationException"},
        {"DescribeStreamSummary", "{\"StreamARN\":\"agents\"}", "ValidationException"},
        {"DescribeStreamSummary",
         "{\"StreamARN\":\"arn:aws:kinesis:us-west-2:123456789012:stream/agents\"}",
         "ResourceNotFoundException"},
        {"DescribeStreamSummary",
         "{\"StreamName\":\"x\",\"StreamARN\":\"arn:aws:kinesis:us-east-1:123456789012:stream/"
         "agents\"}",
         "InvalidArgumentException"},
        {"GetShardIterator", "{\"StreamName\":\"agents\"}", "ValidationException"},
        {"GetShardIterator",
         "{\"StreamName\":\"agents\",\"ShardId\":\"shardId-000000000002\",\"ShardIteratorType\":"
         "\"LATEST\"}",
         "ResourceNotFoundException"},
        {"GetShardIterator",
         "{\"StreamName\":\"agents\",\"ShardId\":\"x\",\"ShardIteratorType\":\"LATEST\"}",
         "ResourceNotFoundException"},
        {"GetShardIterator",
         "{\"StreamName\":\"agents\",\"ShardId\":\"0\",\"ShardIteratorType\":\"NEWEST\"}",
         "ValidationException"},
        {"GetShardIterator",
         "{\"StreamName\":\"agents\",\"ShardId\":\"0\",\"ShardIteratorType\":\"AT_SEQUENCE_"
         "NUMBER\"}",
         "InvalidArgumentException"},
        {"GetShardIterator",
         "{\"StreamName\":\"agents\",\"ShardId\":\"0\",\"ShardIteratorType\":\"LATEST\","
         "\"StartingSequenceNumber\":\"49676374382912522466614050165692326481735704136994783234\"}",
         "InvalidArgumentException"},
        {"GetShardIterator",
         "{\"StreamName\":\"agents\",\"ShardId\":\"0\",\"ShardIteratorType\":\"AT_SEQUENCE_"
         "NUMBER\","
         "\"StartingSequenceNumber\":\"5\"}",
         "InvalidArgumentException"},
        {"GetShardIterator", /* of another shard, and of a stream made at another time */
         "{\"StreamName\":\"agents\",\"ShardId\":\"1\",\"ShardIteratorType\":\"AT_SEQUENCE_"
         "NUMBER\","
         "\"StartingSequenceNumber\":\"49676374382912522466614050165692326481735704136994783234\"}",
         "InvalidArgumentException"},
        {"GetShardIterator",
         "{\"StreamName\":\"agents\",\"ShardId\":\"0\",\"ShardIteratorType\":\"AT_SEQUENCE_"
         "NUMBER\","
         "\"StartingSequenceNumber\":\"49039857307708443467467104868809893875799651909875269634\"}",
         "InvalidArgumentException"},
        {"GetShardIterator",
         "{\"StreamName\":\"agents\",\"ShardId\":\"0\",\"ShardIteratorType\":\"AT_TIMESTAMP\"}",
         "InvalidArgumentException"},
        {"GetShardIterator",
         "{\"StreamName\":\"agents\",\"ShardId\":\"0\",\"ShardIteratorType\":\"AT_TIMESTAMP\","
         "\"Timestamp\":1783900900.5}",
         "InvalidArgumentException"},
        {"GetRecords", "{\"ShardIterator\":\"AAAA\"}", "InvalidArgumentException"},
        {"GetRecords", "{\"ShardIterator\":\"AAAA\",\"Limit\":10001}", "ValidationException"},
        {"GetRecords", "{\"ShardIterator\":\"AAAA\",\"Limit\":0}", "ValidationException"},
        {"PutRecord", "{\"StreamName\":\"agents\",\"PartitionKey\":\"k\"}", "ValidationException"},
        {"PutRecord", "{\"StreamName\":\"agents\",\"PartitionKey\":\"\",\"Data\":\"\"}",
         "ValidationException"},
        {"PutRecord", "{\"StreamName\":\"agents\",\"PartitionKey\":\"k\",\"Data\":\"!\"}",
         "SerializationException"},
        {"PutRecord",
         "{\"StreamName\":\"agents\",\"PartitionKey\":\"k\",\"Data\":\"\",\"ExplicitHashKey\":"
         "\"340282366920938463463374607431768211456\"}",
         "InvalidArgumentException"},
        {"PutRecord",
         "{\"StreamName\":\"agents\",\"PartitionKey\":\"k\",\"Data\":\"\",\"ExplicitHashKey\":"
         "\"01\"}",
         "ValidationException"},
        {"PutRecords", "{\"StreamName\":\"agents\",\"Records\":[]}", "ValidationException"},
        {"PutRecords", "{\"StreamName\":\"agents\",\"Records\":[7]}", "SerializationException"},
        {"PutRecords", "{\"StreamName\":\"agents\",\"Records\":[{}]}", "ValidationException"},
        {"CreateStream", "{\"StreamName\":\"agents\",\"ShardCount\":1}", "ResourceInUseException"},
        {"CreateStream", "{\"StreamName\":\"more\",\"ShardCount\":100000}",
         "LimitExceededException"},
        {"CreateStream", "{\"StreamName\":\"more\"}", "ValidationException"},
        {"DeleteStream", "{\"StreamName\":\"more\"}", "ResourceNotFoundException"},
        {"SplitShard",
         "{\"StreamName\":\"agents\",\"ShardToSplit\":\"0\",\"NewStartingHashKey\":\"0\"}",
         "InvalidArgumentException"},
        {"MergeShards",
         "{\"StreamName\":\"agents\",\"ShardToMerge\":\"0\",\"AdjacentShardToMerge\":\"0\"}",
         "InvalidArgumentException"},
        {"ListShards", "{\"StreamName\":\"agents\",\"NextToken\":\"AAAA\"}",
         "InvalidArgumentException"},
        {"ListShards", "{\"NextToken\":\"AAAA\"}", "InvalidArgumentException"},
        {"ListShards", "{\"StreamName\":\"agents\",\"ShardFilter\":{\"Type\":\"AT_TIMESTAMP\"}}",
         "InvalidArgumentException"},
        {"ListShards", "{\"StreamName\":\"agents\",\"ShardFilter\":{}}", "ValidationException"},
    };
    for (size_t i = 0; i < COUNTOF(v); i++) {
        const char *error = call(v[i].operation, v[i].args);
        if (strcmp(error, v[i].error) != 0)
            TAP_FAIL("%s %s: %s (%s), not %s", v[i].operation, v[i].args, error,
                     raw.body.len ? json_string_value(json_object_get(reply, "message")) : "",
                     v[i].error);
    }
    CHECK_EQ(kinesis_find(k, "agents")->put, 0);
    /* Amazon's own words where a program may look at them. */
    call("GetShardIterator", "{\"StreamName\":\"agents\"}");
    CHECK_STR(json_string_value(json_object_get(reply, "message")),
              "2 validation errors detected: Value 'null' at 'shardId' failed to satisfy "
              "constraint: Member "
              "must not be null; Value 'null' at 'shardIteratorType' failed to satisfy constraint: "
              "Member "
              "must not be null");
    teardown();
}

TEST(bytes_that_are_no_request)
{
    setup(false);
    static const char *const bad[] = {"", "[]", "{", "\"x\"",
                                      "{\"StreamName\":\"a\",\"StreamName\":\"b\"}"};
    for (int e = 0; e < 2; e++)
        for (size_t i = 0; i < COUNTOF(bad); i++) {
            kinesis_call(k, "ListShards", e ? WIRE_CBOR : WIRE_JSON, bad[i], strlen(bad[i]), at,
                         &raw);
            CHECK_STR(raw.error, "SerializationException");
            CHECK_EQ(raw.status, 400);
            buf_free(&raw.body);
        }
    teardown();
}

/* An iterator is good for one stream, for five minutes, and in one piece only. */
TEST(iterators)
{
    encoding = WIRE_JSON;
    setup(false);
    const char *args =
        "{\"StreamName\":\"agents\",\"ShardId\":\"0\",\"ShardIteratorType\":\"TRIM_HORIZON\"}";
    CHECK_STR(take_iterator(args), "");
    char good[600], bad[600];
    memcpy(good, iterator, sizeof good);
    for (size_t i = 0; i < strlen(good); i++) {
        memcpy(bad, good, sizeof bad);
        bad[i] = bad[i] == 'A' ? 'B' : 'A';
        CHECK_STR(callf("GetRecords", "{\"ShardIterator\":\"%s\"}", bad),
                  "InvalidArgumentException");
    }
    at.real += KINESIS_ITERATOR_MS;
    CHECK_STR(callf("GetRecords", "{\"ShardIterator\":\"%s\"}", good), "");
    at.real += 1;
    CHECK_STR(callf("GetRecords", "{\"ShardIterator\":\"%s\"}", good), "ExpiredIteratorException");
    CHECK_STR(take_iterator(args), "");
    CHECK_STR(callf("GetRecords",
                    "{\"ShardIterator\":\"%s\",\"StreamARN\":"
                    "\"arn:aws:kinesis:us-east-1:123456789012:stream/other\"}",
                    iterator),
              "InvalidArgumentException");
    /* A token of another kind is no iterator. */
    CHECK_STR(call("ListShards", "{\"StreamName\":\"agents\",\"MaxResults\":1}"), "");
    snprintf(bad, sizeof bad, "%s", json_string_value(json_object_get(reply, "NextToken")));
    CHECK_STR(callf("GetRecords", "{\"ShardIterator\":\"%s\"}", bad), "InvalidArgumentException");
    CHECK_STR(callf("ListShards", "{\"NextToken\":\"%s\"}", iterator), "InvalidArgumentException");
    at.real += KINESIS_TOKEN_MS + 1;
    CHECK_STR(callf("ListShards", "{\"NextToken\":\"%s\"}", bad), "ExpiredNextTokenException");
    /* Nor is one of a stream that was made anew under the same name. */
    CHECK_STR(take_iterator(args), "");
    CHECK_STR(call("DeleteStream", "{\"StreamName\":\"agents\"}"), "");
    CHECK_STR(call("CreateStream", "{\"StreamName\":\"agents\",\"ShardCount\":2}"), "");
    CHECK_STR(callf("GetRecords", "{\"ShardIterator\":\"%s\"}", iterator),
              "ResourceNotFoundException");
    teardown();
}

TEST(limits)
{
    encoding = WIRE_JSON;
    setup(true);
    const char *args =
        "{\"StreamName\":\"agents\",\"ShardId\":\"0\",\"ShardIteratorType\":\"LATEST\"}";
    for (int i = 0; i < 5; i++)
        CHECK_STR(take_iterator(args), "");
    CHECK_STR(take_iterator(args), "ProvisionedThroughputExceededException");
    at.real += 200;
    CHECK_STR(take_iterator(args), "");
    for (int i = 0; i < 5; i++)
        CHECK_EQ(read_on(1), 0);
    char keep[600];
    memcpy(keep, iterator, sizeof keep);
    CHECK_EQ(read_on(1), -1);
    CHECK_STR(raw.error, "ProvisionedThroughputExceededException");
    CHECK_STR(json_string_value(json_object_get(reply, "message")),
              "Rate exceeded for shard shardId-000000000000 in stream agents under account "
              "123456789012.");
    at.real += 200;
    memcpy(iterator, keep, sizeof keep);
    CHECK_EQ(read_on(1), 0);
    int taken = 0;
    while (taken < 100 && !*call("DescribeStreamSummary", "{\"StreamName\":\"agents\"}"))
        taken++;
    CHECK_EQ(taken, 20);
    CHECK_STR(raw.error, "LimitExceededException");
    teardown();
}

/* What is over a shard's second fails by itself; the rest is put. */
TEST(put_records_fails_in_part)
{
    encoding = WIRE_JSON;
    setup(true);
    struct buf body = {0}, data = {0};
    static char half[STREAM_RECORD_MAX / 2];
    base64_put(&data, half, sizeof half);
    buf_str(&body, "{\"StreamName\":\"agents\",\"Records\":[");
    for (int i = 0; i < 4; i++)
        buf_fmt(&body, "%s{\"PartitionKey\":\"k\",\"ExplicitHashKey\":\"%d\",\"Data\":\"%s\"}",
                i ? "," : "", i, data.data);
    buf_str(&body, "]}");
    kinesis_call(k, "PutRecords", WIRE_JSON, body.data, body.len, at, &raw);
    json_t *r = json_loadb(raw.body.data, raw.body.len, 0, NULL);
    CHECK_EQ(raw.status, 200);
    CHECK_EQ(json_integer_value(json_object_get(r, "FailedRecordCount")), 3);
    CHECK_EQ(strlen(text_at(r, "Records", 0, "SequenceNumber")), 56);
    CHECK_STR(text_at(r, "Records", 3, "ErrorCode"), "ProvisionedThroughputExceededException");
    CHECK_EQ(kinesis_find(k, "agents")->put, 1);
    json_decref(r);
    buf_free(&body);
    buf_free(&data);
    teardown();
}

TEST(sizes)
{
    encoding = WIRE_JSON;
    setup(false);
    struct buf body = {0}, data = {0};
    static char big[STREAM_RECORD_MAX];
    base64_put(&data, big, sizeof big);
    buf_fmt(&body, "{\"StreamName\":\"agents\",\"PartitionKey\":\"k\",\"Data\":\"%s\"}", data.data);
    kinesis_call(k, "PutRecord", WIRE_JSON, body.data, body.len, at, &raw);
    CHECK_STR(raw.error, "ValidationException"); /* the key is counted, too */
    buf_free(&raw.body);
    buf_reset(&body);
    buf_reset(&data);
    base64_put(&data, big, sizeof big - 1);
    buf_fmt(&body, "{\"StreamName\":\"agents\",\"PartitionKey\":\"k\",\"Data\":\"%s\"}", data.data);
    kinesis_call(k, "PutRecord", WIRE_JSON, body.data, body.len, at, &raw);
    CHECK(raw.error == NULL);
    buf_free(&raw.body);
    buf_reset(&body);
    buf_str(&body, "{\"StreamName\":\"agents\",\"Records\":[");
    for (int i = 0; i < 11; i++)
        buf_fmt(&body, "%s{\"PartitionKey\":\"k\",\"Data\":\"%s\"}", i ? "," : "", data.data);
    buf_str(&body, "]}");
    kinesis_call(k, "PutRecords", WIRE_JSON, body.data, body.len, at, &raw);
    CHECK_STR(raw.error, "InvalidArgumentException");
    CHECK_EQ(kinesis_find(k, "agents")->put, 1);
    buf_free(&body);
    buf_free(&data);
    teardown();
}

TAP_MAIN
