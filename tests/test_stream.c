/* A Kinesis stream against a list of all that was put in, and its numbers against ones worked out
 * with Python's integers and hashlib. */
#include "kinesis/stream.h"
#include "base/mem.h"
#include "tap.h"

/* ---- numbers ---- */

TEST(sequence_numbers_are_amazons)
{
    static const struct {
        struct sequence s;
        const char *text;
    } v[] = {
        {{1783900800, 1783900800, 0, 0},
         "49676374382912522466614050165692326481735704136994783234"},
        {{1783900800, 1783900923, 123456789, 17},
         "49676374382934823211812730038933691015343695895503831314"},
        {{0, 0, 0, 0}, "49039857307708443467467104868809893875799651909875269634"},
        {{(1ll << 36) - 1, (1ll << 36) - 1, INT64_MAX, INT32_MAX},
         "73559785961551514828601391991642868751110021890170683378"},
    };
    for (size_t i = 0; i < COUNTOF(v); i++) {
        char text[SEQUENCE_TEXT];
        struct sequence back;
        sequence_text(&v[i].s, text);
        CHECK_STR(text, v[i].text);
        CHECK(sequence_parse(text, &back));
        CHECK(memcmp(&back, &v[i].s, sizeof back) == 0);
    }
}

/* Numbers of Amazon's own: of the example event of AWS Lambda, and seen by users. */
TEST(amazons_own_sequence_numbers_are_read)
{
    static const char *const own[] = {
        "49590338271490256608559692538361571095921575989136588898",
        "49628566489653659107048838082246518393102916603510521906",
    };
    for (size_t i = 0; i < COUNTOF(own); i++) {
        struct sequence s;
        char text[SEQUENCE_TEXT];
        CHECK(sequence_parse(own[i], &s));
        sequence_text(&s, text);
        CHECK_STR(text, own[i]);
    }
}

TEST(what_is_no_sequence_number_is_refused)
{
    static const char *const bad[] = {
        "",
        "0",
        "-1",
        "1",
        "007",
        "12a",
        " 1",
        "49543463076548007577105092703039560359975228518395019265",
        "4954346307654800757710509270303956035997522851839501926649543463076548",
        "99999999999999999999999999999999999999999999999999999999",
    };
    for (size_t i = 0; i < COUNTOF(bad); i++) {
        struct sequence s;
        if (sequence_parse(bad[i], &s))
            TAP_FAIL("\"%s\" is taken", bad[i]);
    }
}

TEST(hash_keys)
{
    static const struct {
        const char *key, *text;
    } v[] = {{"", "281949768489412648962353822266799178366"},
             {"a", "16955237001963240173058271559858726497"},
             {"agent-1", "50559598454850967849123991073198355882"},
             {"\xc3\xbc", "255482112228542481294366945247899473731"}};
    char text[HASH_KEY_TEXT];
    struct hash_key k;
    for (size_t i = 0; i < COUNTOF(v); i++) {
        hash_key_text(hash_key_of(v[i].key, strlen(v[i].key)), text);
        CHECK_STR(text, v[i].text);
        CHECK(hash_key_parse(text, &k));
        CHECK_EQ(hash_key_compare(k, hash_key_of(v[i].key, strlen(v[i].key))), 0);
    }
    static const char *const sevenths[] = {"0",
                                           "48611766702991209066196372490252601636",
                                           "97223533405982418132392744980505203273",
                                           "145835300108973627198589117470757804909",
                                           "194447066811964836264785489961010406546",
                                           "243058833514956045330981862451263008182",
                                           "291670600217947254397178234941515609819"};
    for (uint32_t i = 0; i < 7; i++) {
        hash_key_text(hash_key_part(i, 7), text);
        CHECK_STR(text, sevenths[i]);
    }
    CHECK(hash_key_parse("340282366920938463463374607431768211455", &k));
    CHECK_EQ(hash_key_compare(k, HASH_KEY_MAX), 0);
    CHECK(!hash_key_parse("340282366920938463463374607431768211456", &k));
    CHECK(!hash_key_parse("00", &k) && !hash_key_parse("", &k) && !hash_key_parse("+1", &k));
    struct hash_key low = {1, 0};
    low = hash_key_step(low, -1);
    CHECK(low.hi == 0 && low.lo == UINT64_MAX);
    low = hash_key_step(low, 1);
    CHECK(low.hi == 1 && low.lo == 0);
}

/* ---- a stream and a list ---- */

enum { PUTS = 400 };
struct entry {
    uint32_t shard;
    uint64_t index;
    int64_t at;
    char key[8], data[24];
};
static struct entry list[PUTS];
static int listed;

static struct stream *make(uint32_t shards, int64_t retention_ms, uint64_t bytes_max, int64_t now)
{
    return stream_new(&(struct stream_options){"s", shards, retention_ms, bytes_max, 7}, now);
}

static void put(struct stream *s, int64_t now, int key, const char *data)
{
    struct entry *e = &list[listed];
    snprintf(e->key, sizeof e->key, "k%d", key);
    snprintf(e->data, sizeof e->data, "%s", data);
    e->shard = stream_shard_of(s, hash_key_of(e->key, strlen(e->key)));
    struct sequence q = stream_put(s, now, e->shard, e->key, strlen(e->key), data, strlen(data));
    e->index = q.index;
    e->at = now;
    CHECK_EQ(q.shard, e->shard);
    CHECK_EQ(q.at_s, now / 1000);
    listed++;
}

/* What reading a shard from `from` on returns, by the list. */
static void compare(struct stream *s, int64_t now, uint32_t shard, uint64_t from, uint32_t limit)
{
    struct stream_read r = stream_read(s, now, shard, from, limit);
    uint32_t n = 0;
    int64_t last_at = 0;
    bool more = false;
    for (int i = 0; i < listed; i++) {
        const struct entry *e = &list[i];
        if (e->shard != shard || e->index < from || e->at < now - s->retention_ms)
            continue;
        if (n == limit) {
            more = true;
            break;
        }
        if (n < r.count) {
            const struct stream_record *got = stream_record(&s->shard[shard], r.first + n);
            CHECK_EQ(got->index, e->index);
            CHECK_EQ(got->at_ms, e->at);
            CHECK(got->key_len == strlen(e->key) && got->data_len == strlen(e->data));
            CHECK(memcmp(got->bytes, e->key, got->key_len) == 0);
            CHECK(memcmp(got->bytes + got->key_len, e->data, got->data_len) == 0);
            last_at = e->at;
        }
        n++;
    }
    CHECK_EQ(r.count, n);
    CHECK_EQ(r.behind_ms, more ? MAX(1, now - last_at) : 0);
    CHECK_EQ(r.ended, n == 0 && s->shard[shard].closed_ms != INT64_MAX);
}

PROP(a_stream_is_a_list_by_shard, 200)
{
    int64_t now = 1783900800000;
    struct stream *s = make(1 + (uint32_t)rng_below(rng, 4), 5000, 4 << 20, now);
    listed = 0;
    while (listed < PUTS && !tap_fails) {
        now += (int64_t)rng_below(rng, 50);
        switch (rng_below(rng, 8)) {
        case 0: {
            uint32_t shard = (uint32_t)rng_below(rng, s->n_shards);
            struct hash_key at = {rng_u64(rng), rng_u64(rng)};
            if (s->n_shards < 40 && stream_split(s, now, shard, at))
                CHECK_EQ(s->shard[s->n_shards - 1].parent, shard);
            break;
        }
        case 1:
            if (s->n_shards < 40)
                (void)!stream_merge(s, now, (uint32_t)rng_below(rng, s->n_shards),
                                    (uint32_t)rng_below(rng, s->n_shards));
            break;
        case 2: {
            uint32_t shard = (uint32_t)rng_below(rng, s->n_shards);
            uint64_t from = rng_below(rng, s->shard[shard].next + 2);
            compare(s, now, shard, from, 1 + (uint32_t)rng_below(rng, 30));
            break;
        }
        default: put(s, now, (int)rng_below(rng, 50), "some data that is kept");
        }
        stream_check(s);
    }
    stream_free(s);
}

/* Parents first, children then: what every key's reader sees is the order of writing, once each. */
PROP(order_of_a_key_outlives_resharding, 100)
{
    int64_t now = 1783900800000;
    struct stream *s = make(2, 1 << 30, 4 << 20, now);
    listed = 0;
    while (listed < 200) {
        now += 5;
        struct hash_key at = {rng_u64(rng), 0};
        if (rng_chance(rng, 0.05) && s->n_shards < 60)
            (void)!stream_split(s, now, (uint32_t)rng_below(rng, s->n_shards), at);
        if (rng_chance(rng, 0.05) && s->n_shards < 60)
            (void)!stream_merge(s, now, (uint32_t)rng_below(rng, s->n_shards),
                                (uint32_t)rng_below(rng, s->n_shards));
        char data[24];
        snprintf(data, sizeof data, "%d", listed);
        put(s, now, (int)rng_below(rng, 9), data);
    }
    int last[9] = {-1, -1, -1, -1, -1, -1, -1, -1, -1}, seen = 0;
    for (uint32_t shard = 0; shard < s->n_shards;
         shard++) { /* a parent's id is below its child's */
        CHECK(s->shard[shard].parent == UINT32_MAX || s->shard[shard].parent < shard);
        struct stream_read r = stream_read(s, now, shard, 0, STREAM_READ_RECORDS_MAX);
        for (uint32_t i = 0; i < r.count; i++, seen++) {
            const struct stream_record *rec = stream_record(&s->shard[shard], r.first + i);
            int key = rec->bytes[1] - '0', n = 0;
            for (uint32_t j = 0; j < rec->data_len; j++)
                n = n * 10 + rec->bytes[rec->key_len + j] - '0';
            CHECK(n > last[key]);
            last[key] = n;
        }
    }
    CHECK_EQ(seen, 200);
    stream_free(s);
}

TEST(positions)
{
    int64_t now = 1783900800000;
    struct stream *s = make(1, 86400000, 4 << 20, now);
    listed = 0;
    put(s, now + 1000, 1, "a");
    put(s, now + 2000, 1, "b");
    uint64_t latest = stream_latest(s, 0);
    CHECK_EQ(stream_read(s, now + 2000, 0, latest, 10).count, 0);
    put(s, now + 3000, 1, "c");
    CHECK_EQ(stream_read(s, now + 3000, 0, latest, 10).count, 1);
    CHECK_EQ(stream_read(s, now + 3000, 0, 0, 10).count, 3);
    CHECK_EQ(stream_read(s, now + 3000, 0, list[1].index, 10).count, 2);
    CHECK_EQ(stream_read(s, now + 3000, 0, list[1].index + 1, 10).count, 1);
    CHECK_EQ(stream_at_time(s, 0, now), list[0].index);
    CHECK_EQ(stream_at_time(s, 0, now + 1000), list[0].index);
    CHECK_EQ(stream_at_time(s, 0, now + 1001), list[1].index);
    CHECK_EQ(stream_at_time(s, 0, now + 9000), stream_latest(s, 0));
    struct stream_read r = stream_read(s, now + 10000, 0, 0, 2);
    CHECK_EQ(r.behind_ms, 8000);
    CHECK_EQ(r.next, list[1].index + 1);
    CHECK(!r.ended);
    /* A clock that goes back does not put records out of order. */
    struct sequence q = stream_put(s, now, 0, "k", 1, "d", 1);
    CHECK_EQ(q.at_s, now / 1000 + 3);
    stream_check(s);
    stream_free(s);
}

TEST(the_oldest_go_when_there_is_no_room)
{
    int64_t now = 1783900800000;
    struct stream *s = make(2, 86400000, 2 * STREAM_RECORD_MAX, now);
    static char big[200000];
    uint64_t before[2] = {0};
    for (int i = 0; i < 100; i++) {
        now += 1000;
        struct sequence q = stream_put(s, now, (uint32_t)i & 1, "k", 1, big, sizeof big);
        CHECK(q.index > before[i & 1]);
        before[i & 1] = q.index;
        stream_check(s);
    }
    CHECK_EQ(s->put, 100);
    CHECK_EQ(s->dropped, 100 - (int64_t)s->shard[0].count - s->shard[1].count);
    CHECK_EQ(s->shard[0].count, 5); /* ten of them fit in 2 MiB, five a shard */
    CHECK_EQ(s->shard[1].count, 5);
    stream_free(s);
}

TEST(limits_of_a_call)
{
    int64_t now = 1783900800000;
    struct stream *s = make(1, 86400000, 40 << 20, now);
    static char big[STREAM_RECORD_MAX - 1];
    for (int i = 0; i < 12; i++)
        stream_put(s, now, 0, "k", 1, big, sizeof big);
    struct stream_read r = stream_read(s, now, 0, 0, 10000);
    CHECK_EQ(r.count, 10); /* 10 MiB exactly */
    CHECK_EQ(r.bytes, STREAM_READ_BYTES_MAX);
    r = stream_read(s, now, 0, r.next, 10000);
    CHECK_EQ(r.count, 2);
    for (int i = 0; i < 12000; i++)
        stream_put(s, now, 0, "k", 1, "", 0);
    r = stream_read(s, now, 0, r.next, UINT32_MAX);
    CHECK_EQ(r.count, 10000);
    stream_free(s);
}

TEST(limits_of_a_second)
{
    struct stream *s = make(2, 86400000, 40 << 20, 0);
    int64_t real = 5000;
    for (int i = 0; i < 5; i++)
        CHECK(stream_read_allowed(s, real, 0));
    CHECK(!stream_read_allowed(s, real, 0));
    CHECK(!stream_read_allowed(s, real + 199, 0));
    CHECK(stream_read_allowed(s, real + 200, 0));
    CHECK(stream_read_allowed(s, real, 1));       /* another shard's are its own */
    CHECK(stream_read_allowed(s, real - 100, 1)); /* a clock that goes back gives nothing */
    real += 10000;
    CHECK(stream_read_allowed(s, real, 0));
    stream_read_done(s, 0, STREAM_READ_BYTES_MAX);
    CHECK(!stream_read_allowed(s, real + 5000, 0));
    CHECK(stream_read_allowed(s, real + 5001, 0));
    real += 20000;
    for (int i = 0; i < 4; i++) { /* four of half a megabyte, the bytes of a second */
        CHECK(stream_read_allowed(s, real, 0));
        stream_read_done(s, 0, STREAM_READ_BYTES / 4);
    }
    CHECK(!stream_read_allowed(s, real, 0));

    int taken = 0;
    while (taken < 2000 && stream_write_allowed(s, real, 0, 10))
        taken++;
    CHECK_EQ(taken, 1000);
    CHECK(stream_write_allowed(s, real, 1, STREAM_WRITE_BYTES));
    CHECK(!stream_write_allowed(s, real, 1, 1));
    CHECK(stream_write_allowed(s, real + 500, 1, STREAM_WRITE_BYTES / 2));
    CHECK(!stream_write_allowed(s, real + 500, 1, 10));
    stream_free(s);
}

TEST(resharding_is_refused_where_it_makes_no_sense)
{
    struct stream *s = make(3, 86400000, 4 << 20, 0);
    struct hash_key from = s->shard[1].from, to = s->shard[1].to;
    CHECK(!stream_split(s, 1, 1, from) && !stream_split(s, 1, 1, to));
    CHECK(!stream_split(s, 1, 0, to) && !stream_split(s, 1, 9, from));
    CHECK(!stream_merge(s, 1, 0, 2)); /* neither neighbours, nor around the end */
    CHECK(!stream_merge(s, 1, 2, 2) && !stream_merge(s, 1, 0, 3));
    CHECK(stream_merge(s, 1, 1, 0)); /* either may be named first */
    CHECK(!stream_split(s, 2, 0, hash_key_step(s->shard[0].from, 1)));
    CHECK_EQ(stream_open_shards(s), 2);
    CHECK_EQ(s->shard[3].parent, 1);
    CHECK_EQ(s->shard[3].adjacent, 0);
    CHECK(!stream_merge(s, 3, 0, 2));
    CHECK(stream_merge(s, 3, 3, 2));
    stream_check(s);
    stream_free(s);
}

TAP_MAIN
