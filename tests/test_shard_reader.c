/* shard_reader: against connectsim's Kinesis over HTTP, through resharding, crashes and stalls. */
#include "base/mem.h"

#include <signal.h>
#include <uv.h>

#include "base/codec.h"
#include "driver/streams/shard_reader.h"
#include "kinesis/kinesis.h"
#include "tap.h"

enum { KEYS = 12, RECORDS = 600 };
#define START_MS INT64_C(1783900800000)

struct rig {
    uv_loop_t loop;
    struct http_server *server;
    struct http_client *http;
    struct aws_client *aws;
    struct shard_reader *reader;
    struct kinesis *k;
    struct stream *stream;
    int64_t now_ms, real_ms; /* the stream's clocks */
    bool broken;
    uint32_t moved, calls;
    uint32_t put;           /* records put in: "KEY NUMBER" */
    uint32_t next_of[KEYS]; /* per key: the number that its next record must have */
    uint32_t taken;
};

static void serve(void *arg, struct http_request *rq)
{
    struct rig *g = arg;
    struct http_span target = http_header(rq, "X-Amz-Target");
    const char *dot = target.n ? memchr(target.p, '.', target.n) : NULL;
    struct kinesis_reply reply = {0};
    char op[64];
    g->calls++;
    if (g->broken || !dot) {
        http_reply(rq, 503, "text/plain", "", 0);
        return;
    }
    (void)snprintf(op, sizeof op, "%.*s", (int)(target.p + target.n - dot - 1), dot + 1);
    kinesis_call(g->k, op, WIRE_JSON, rq->body.p, rq->body.n,
                 (struct kinesis_time){g->now_ms, g->real_ms}, &reply);
    http_reply(rq, reply.status, "application/x-amz-json-1.1", reply.body.data, reply.body.len);
    buf_free(&reply.body);
}

static void moved(void *arg)
{
    ((struct rig *)arg)->moved++;
}

static void open_reader(struct rig *g, const struct buf *position, td_ms from_ms)
{
    struct shard_reader_config config = {.stream = "agents",
                                         .region = "us-east-1",
                                         .read_ms = 1,
                                         .shards_ms = 20,
                                         .stalled_ms = 60,
                                         .from_ms = from_ms};
    struct reader r = position ? reader_of(position->data, position->len) : (struct reader){0};
    g->reader = shard_reader_new(&g->loop, g->aws, &config, position ? &r : NULL, moved, g);
    CHECK(g->reader != NULL);
}

static void rig_open(struct rig *g, uint32_t shards)
{
    static const char *const types[] = {"application/x-amz-json-1.1"};
    struct http_config config = HTTP_DEFAULTS;
    struct http_client_config client = HTTP_CLIENT_DEFAULTS;
    char error[128], endpoint[64];
    memset(g, 0, sizeof *g);
    (void)signal(SIGPIPE, SIG_IGN);
    config.body_types = types;
    config.n_body_types = 1;
    uv_loop_init(&g->loop);
    g->server = http_server_new(&g->loop, &config, serve, g);
    int port = http_server_listen(g->server, "127.0.0.1", 0, error, sizeof error);
    BUG_ON(port < 0);
    (void)snprintf(endpoint, sizeof endpoint, "http://127.0.0.1:%d", port);
    g->http = http_client_new(&g->loop, &client);
    g->aws = aws_client_new(&g->loop, g->http,
                            &(struct aws_client_config){.endpoint = endpoint,
                                                        .identity = {"test", "test", NULL},
                                                        .retry_base_ms = 1,
                                                        .retry_most_ms = 2});
    g->now_ms = START_MS;
    g->real_ms = 1000000;
    g->k = kinesis_new(&(struct kinesis_options){.account = "123456789012",
                                                 .region = "us-east-1",
                                                 .secret = {1, 2},
                                                 .retention_ms = 86400000,
                                                 .bytes_max = 64 << 20});
    g->stream = kinesis_add(g->k, "agents", shards, g->now_ms);
}

static void rig_close(struct rig *g)
{
    if (g->reader)
        shard_reader_close(g->reader);
    aws_client_close(g->aws);
    http_client_close(g->http, NULL, NULL);
    http_server_close(g->server, NULL, NULL);
    uv_run(&g->loop, UV_RUN_DEFAULT);
    CHECK_EQ(uv_loop_close(&g->loop), 0);
    kinesis_free(g->k);
}

static uint32_t of_key[KEYS], splits, merges, kills;

static void put(struct rig *g, uint32_t key)
{
    char name[16], text[32];
    int n = snprintf(name, sizeof name, "key-%u", key);
    int t = snprintf(text, sizeof text, "%u %u", key, of_key[key]++);
    struct hash_key h = hash_key_of(name, (size_t)n);
    (void)stream_put(g->stream, g->now_ms++, stream_shard_of(g->stream, h), name, (size_t)n, text,
                     (size_t)t);
    g->put++;
}

/* Splits or merges somewhere, if that can be. */
static void reshard(struct rig *g, struct rng *rng)
{
    uint32_t i = (uint32_t)rng_below(rng, g->stream->n_shards);
    struct stream_shard *s = &g->stream->shard[i];
    if (s->closed_ms != INT64_MAX || g->stream->n_shards > 40)
        return;
    if (rng_chance(rng, 0.5)) {
        struct hash_key middle = {.hi = s->from.hi + (s->to.hi - s->from.hi) / 2, .lo = 0};
        splits += stream_split(g->stream, g->now_ms, i, middle);
    } else {
        for (uint32_t j = 0; j < g->stream->n_shards; j++)
            if (stream_merge(g->stream, g->now_ms, i, j)) {
                merges++;
                break;
            }
    }
}

/* Takes one record and holds it against what must come next of its key. */
static bool take(struct rig *g)
{
    struct shard_record r;
    uint32_t key, number;
    char text[32];
    if (!shard_reader_next(g->reader, &r))
        return false;
    (void)snprintf(text, sizeof text, "%.*s", (int)r.len, r.data);
    CHECK(sscanf(text, "%u %u", &key, &number) == 2 && key < KEYS);
    CHECK_EQ(number, g->next_of[key]);
    CHECK(r.arrived_at >= START_MS);
    g->next_of[key] = number + 1;
    g->taken++;
    return true;
}

/* Records, splits, merges; a reader that is killed now and then and goes on from its last commit:
 * each record has its effect once, and those of a key in their order. */
PROP(each_record_once_whatever_dies, 12)
{
    struct rig g;
    uint32_t committed_next[KEYS] = {0}, committed = 0;
    struct buf position = {0};
    memset(of_key, 0, sizeof of_key);
    rig_open(&g, 1 + (uint32_t)rng_below(rng, 3));
    open_reader(&g, NULL, 0);
    while (committed < RECORDS) {
        for (uint64_t n = rng_below(rng, 20); n && g.put < RECORDS; n--)
            put(&g, (uint32_t)rng_below(rng, KEYS));
        if (rng_chance(rng, 0.05))
            reshard(&g, rng);
        uv_run(&g.loop, UV_RUN_NOWAIT);
        for (uint64_t n = rng_below(rng, 30); n && take(&g); n--)
            ;
        if (tap_fails)
            break;
        if (rng_chance(rng, 0.2)) { /* a commit */
            buf_reset(&position);
            shard_reader_position(g.reader, &position);
            memcpy(committed_next, g.next_of, sizeof committed_next);
            committed = g.taken;
        } else if (rng_chance(rng, 0.03)) { /* kill -9 */
            shard_reader_close(g.reader);
            kills++;
            memcpy(g.next_of, committed_next, sizeof committed_next);
            g.taken = committed;
            open_reader(&g, position.len ? &position : NULL, 0);
        }
    }
    CHECK_EQ(g.taken, RECORDS);
    for (uint32_t k = 0; k < KEYS; k++)
        CHECK_EQ(g.next_of[k], of_key[k]);
    buf_free(&position);
    rig_close(&g);
}

TEST(and_that_was_put_to_the_test)
{
    CHECK(splits > 10 && merges > 5 && kills > 10);
}

static void take_until(struct rig *g, uint32_t n)
{
    while (g->taken < n) {
        uv_run(&g->loop, UV_RUN_ONCE);
        while (take(g))
            ;
    }
}

TEST(iterators_that_expire)
{
    struct rig g;
    memset(of_key, 0, sizeof of_key);
    rig_open(&g, 2);
    open_reader(&g, NULL, 0);
    for (uint32_t i = 0; i < 50; i++)
        put(&g, i % KEYS);
    take_until(&g, 50);
    g.real_ms += KINESIS_ITERATOR_MS + 1;
    for (uint32_t i = 0; i < 50; i++)
        put(&g, i % KEYS);
    take_until(&g, 100);
    CHECK(shard_reader_state(g.reader).expired >= 2);
    CHECK_EQ(shard_reader_state(g.reader).skipped, 0);
    rig_close(&g);
}

TEST(a_stall_is_told_and_ends)
{
    struct rig g;
    memset(of_key, 0, sizeof of_key);
    rig_open(&g, 2);
    open_reader(&g, NULL, 0);
    put(&g, 1);
    take_until(&g, 1);
    g.broken = true;
    while (!shard_reader_state(g.reader).stalled)
        uv_run(&g.loop, UV_RUN_ONCE);
    uint32_t told = g.moved;
    g.broken = false;
    put(&g, 1);
    take_until(&g, 2);
    while (shard_reader_state(g.reader).stalled)
        uv_run(&g.loop, UV_RUN_ONCE);
    CHECK(g.moved > told);
    rig_close(&g);
}

TEST(from_a_time_on)
{
    struct rig g;
    memset(of_key, 0, sizeof of_key);
    rig_open(&g, 3);
    for (uint32_t i = 0; i < 60; i++)
        put(&g, i % KEYS);
    td_ms from = g.now_ms;
    memcpy(g.next_of, of_key, sizeof of_key);
    for (uint32_t i = 0; i < 60; i++)
        put(&g, i % KEYS);
    open_reader(&g, NULL, from);
    take_until(&g, 60);
    rig_close(&g);
}

TEST(what_is_no_position)
{
    struct rig g;
    struct buf b = {0};
    memset(of_key, 0, sizeof of_key);
    rig_open(&g, 2);
    open_reader(&g, NULL, 0);
    put(&g, 1);
    take_until(&g, 1);
    shard_reader_position(g.reader, &b);
    shard_reader_close(g.reader);
    for (size_t n = 0; n < b.len; n++) {
        struct shard_reader_config config = {.stream = "agents", .region = "us-east-1"};
        struct reader r = reader_of(b.data, n);
        CHECK(shard_reader_new(&g.loop, g.aws, &config, &r, moved, &g) == NULL);
    }
    g.reader = NULL;
    buf_free(&b);
    rig_close(&g);
}

TAP_MAIN
