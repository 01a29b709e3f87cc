/* bench_kinesis.c - what connectsim's Kinesis costs, in CPU time of one core: records of 2,200
 * bytes (an agent event of a small routing profile), put and read through the API as SDKs do it.
 *
 *      put            PutRecords of 100 into four shards, requests parsed, checked and answered
 *      read json      GetRecords of 1,000, replies in JSON (base64)
 *      read cbor      the same in CBOR
 *      written        stream_put alone: what connectsim itself writes
 */
#include "base/base64.h"
#include "kinesis/kinesis.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { RECORD = 2200, BATCH = 100, PUTS = 200, READS = 40, WRITES = 500000 };

static double cpu_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void row(const char *name, double records, double s)
{
    printf("%-12s %12.0f %10.2f %10.0f\n", name, records / s, s * 1e6 / records,
           records * RECORD / s / 1e6);
}

static struct kinesis *make(void)
{
    struct kinesis *k = kinesis_new(&(struct kinesis_options){.account = "123456789012",
                                                              .region = "us-east-1",
                                                              .secret = {1, 2},
                                                              .retention_ms = 86400000,
                                                              .bytes_max = 256 << 20});
    struct stream *s = kinesis_add(k, "events", 4, 0);
    BUG_ON(!s);
    return k;
}

static void bench_put(struct kinesis *k)
{
    struct buf body = {0}, data = {0};
    char bytes[RECORD];
    for (int i = 0; i < RECORD; i++)
        bytes[i] = (char)('a' + i % 26);
    base64_put(&data, bytes, sizeof bytes);
    buf_str(&body, "{\"StreamName\":\"events\",\"Records\":[");
    for (int i = 0; i < BATCH; i++)
        buf_fmt(&body, "%s{\"PartitionKey\":\"agent-%d\",\"Data\":\"%s\"}", i ? "," : "", i,
                data.data);
    buf_str(&body, "]}");
    double began = cpu_s();
    for (int i = 0; i < PUTS; i++) {
        struct kinesis_reply r;
        kinesis_call(k, "PutRecords", WIRE_JSON, body.data, body.len, (struct kinesis_time){i, i},
                     &r);
        BUG_ON(r.error);
        buf_free(&r.body);
    }
    row("put", PUTS * BATCH, cpu_s() - began);
    buf_free(&body);
    buf_free(&data);
}

/* Again and again the same thousand, the first of a shard. */
static void bench_read(struct kinesis *k, const char *name, enum wire_encoding encoding)
{
    static const char ask[] = "{\"StreamName\":\"events\",\"ShardId\":\"0\","
                              "\"ShardIteratorType\":\"TRIM_HORIZON\"}";
    struct kinesis_reply r;
    struct kinesis_time t = {PUTS, PUTS};
    kinesis_call(k, "GetShardIterator", WIRE_JSON, ask, sizeof ask - 1, t, &r);
    BUG_ON(r.error);
    struct buf body = {0};
    /* {"ShardIterator":"..."} in JSON and CBOR; the reply of the one is nearly the request. */
    if (encoding == WIRE_JSON) {
        buf_add(&body, r.body.data, r.body.len - 1);
        buf_str(&body, ",\"Limit\":1000}");
    } else {
        struct wire w;
        json_t *it = json_loadb(r.body.data, r.body.len, 0, NULL);
        wire_begin(&w, WIRE_CBOR, &body);
        wire_obj(&w);
        wire_key(&w, "ShardIterator");
        wire_str(&w, json_string_value(json_object_get(it, "ShardIterator")));
        wire_key(&w, "Limit");
        wire_int(&w, 1000);
        wire_end(&w);
        json_decref(it);
    }
    buf_free(&r.body);
    double began = cpu_s();
    for (int i = 0; i < READS; i++) {
        kinesis_call(k, "GetRecords", encoding, body.data, body.len, t, &r);
        BUG_ON(r.error || r.body.len < 1000 * RECORD);
        buf_free(&r.body);
    }
    row(name, READS * 1000.0, cpu_s() - began);
    buf_free(&body);
}

static void bench_written(void)
{
    struct stream *s = stream_new(&(struct stream_options){"s", 4, 86400000, 64 << 20, 1}, 0);
    char bytes[RECORD] = "x", key[24];
    double began = cpu_s();
    for (int i = 0; i < WRITES; i++) {
        int n = snprintf(key, sizeof key, "agent-%d", i % 10000);
        stream_put(s, i / 100, stream_shard_of(s, hash_key_of(key, (size_t)n)), key, (size_t)n,
                   bytes, sizeof bytes);
    }
    row("written", WRITES, cpu_s() - began);
    stream_free(s);
}

int main(void)
{
    struct kinesis *k = make();
    printf("%-12s %12s %10s %10s\n", "", "records/s", "us", "MB/s");
    bench_put(k);
    bench_read(k, "read json", WIRE_JSON);
    bench_read(k, "read cbor", WIRE_CBOR);
    bench_written();
    kinesis_free(k);
    return 0;
}
