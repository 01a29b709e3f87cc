/* shard_reader.c - one timer, one call at a time for each shard:
 *
 *   WAITING --parents over--> ITERATOR --GetShardIterator--> READY <--GetRecords--+
 *                                ^                             +-------again------+
 *                                +--expired--------------------+--no next--> ENDED --taken--> OVER
 */
#include "driver/streams/shard_reader.h"

#include "base/mem.h" /* before uv.h, which may define MIN and MAX again */

#include <jansson.h>
#include <uv.h>

#include "base/base64.h"
#include "base/codec.h"
#include "base/json.h"
#include "base/log.h"

enum {
    READ_MS = 250,
    SHARDS_MS = 60000,
    STALLED_MS = 30000,
    AGAIN_MS = 1000,   /* after an error that the client did not get over */
    READ_LIMIT = 1000, /* records of one call: at 4 a second a shard's whole rate, in small bites */
    REPLY_MAX = 16 << 20, /* 10 MB of records in base64 */
    POSITION_VERSION = 1
};

enum shard_state { SHARD_WAITING, SHARD_ITERATOR, SHARD_READY, SHARD_ENDED, SHARD_OVER };

struct shard {
    char id[SHARD_READER_ID_MAX], parent[2][SHARD_READER_ID_MAX];
    enum shard_state state;
    char read[SHARD_READER_SEQUENCE_MAX];  /* of the last record in the queue; "": none yet */
    char taken[SHARD_READER_SEQUENCE_MAX]; /* of the last one taken */
    bool from_horizon;                     /* a child: from its first record, whenever */
    bool listed;                           /* the stream still has it */
    bool asking;
    char *iterator;
    int64_t due_ms; /* of the next call */
    uint32_t queued;
    td_ms behind_ms;
};

struct item {
    uint32_t shard;
    char sequence[SHARD_READER_SEQUENCE_MAX];
    td_ms arrived_at;
    struct buf data;
    struct item *next;
};

struct ask { /* who a call is for; shards do not move while it is open */
    struct shard_reader *k;
    uint32_t shard;
    uint64_t call;
};

struct shard_reader {
    struct aws_client *aws;
    uv_loop_t *loop;
    uv_timer_t timer;
    struct shard_reader_config config;
    void (*moved)(void *arg);
    void *arg;
    struct shard shard[SHARD_READER_SHARDS_MAX]; /* rows are used again once over and unlisted */
    uint32_t n_shards;
    struct ask ask[SHARD_READER_SHARDS_MAX], list_ask;
    bool listing;
    char *list_token;
    int64_t list_due_ms, good_ms; /* good: when something was last read */
    struct item *first, **last, *given;
    size_t queued_bytes;
    struct shard_reader_state state;
    bool closing;
};

static int64_t now_ms(const struct shard_reader *k)
{
    return (int64_t)uv_now(k->loop);
}

static void step(struct shard_reader *k);

static void call(struct shard_reader *k, struct ask *a, enum aws_op op, const struct buf *body,
                 aws_told *told)
{
    struct aws_call_spec spec = {
        .op = op,
        .region = k->config.region,
        .body = {body->data, body->len},
        .priority = AWS_CONTACT,
        .within_ms = 10000,
        .reply_max = REPLY_MAX,
    };
    a->call = aws_call(k->aws, &spec, told, a);
}

static const char *text(const json_t *o, const char *name)
{
    const char *s = json_string_value(json_object_get(o, name));
    return s ? s : "";
}

static void put_stream(const struct shard_reader *k, struct jw *w)
{
    jw_key(w, strncmp(k->config.stream, "arn:", 4) == 0 ? "StreamARN" : "StreamName");
    jw_str(w, k->config.stream);
}

/* ---- which shards there are ---- */

static uint32_t find(const struct shard_reader *k, const char *id)
{
    for (uint32_t i = 0; i < k->n_shards; i++)
        if (k->shard[i].id[0] && strcmp(k->shard[i].id, id) == 0)
            return i;
    return UINT32_MAX;
}

static struct shard *row_for(struct shard_reader *k, const char *id)
{
    uint32_t i = find(k, id);
    if (i != UINT32_MAX)
        return &k->shard[i];
    for (i = 0; i < k->n_shards && k->shard[i].id[0]; i++)
        ;
    if (i == SHARD_READER_SHARDS_MAX)
        return NULL;
    k->n_shards = MAX(k->n_shards, i + 1);
    k->shard[i] = (struct shard){.state = SHARD_WAITING};
    (void)str_copy(k->shard[i].id, SHARD_READER_ID_MAX, id);
    return &k->shard[i];
}

static void take_listed(struct shard_reader *k, const json_t *o)
{
    const char *id = text(o, "ShardId");
    bool known = find(k, id) != UINT32_MAX;
    struct shard *s = *id && strlen(id) < SHARD_READER_ID_MAX ? row_for(k, id) : NULL;
    if (!s) {
        log_error("streams", "more shards than can be read", LF_U("max", SHARD_READER_SHARDS_MAX));
        return;
    }
    s->listed = true;
    (void)str_copy(s->parent[0], SHARD_READER_ID_MAX, text(o, "ParentShardId"));
    (void)str_copy(s->parent[1], SHARD_READER_ID_MAX, text(o, "AdjacentParentShardId"));
    /* A child that appears while we read begins with its first record; and so does one whose parent
     * we have read, be it before a restart. */
    if (!known && s->parent[0][0] && find(k, s->parent[0]) != UINT32_MAX)
        s->from_horizon = true;
}

static void forget_unlisted(struct shard_reader *k)
{
    for (uint32_t i = 0; i < k->n_shards; i++)
        if (!k->shard[i].listed && k->shard[i].state == SHARD_OVER)
            k->shard[i].id[0] = '\0';
}

static void list_shards(struct shard_reader *k);

static void on_listed(void *arg, const struct aws_reply *r)
{
    struct shard_reader *k = ((struct ask *)arg)->k;
    const json_t *shards = json_object_get(r->body, "Shards");
    bool first = !k->list_token;
    mem_free(k->list_token);
    k->list_token = NULL;
    k->listing = false;
    if (r->class != AWS_OK) {
        k->list_due_ms = now_ms(k) + AGAIN_MS;
        step(k);
        return;
    }
    if (first)
        for (uint32_t i = 0; i < k->n_shards; i++)
            k->shard[i].listed = false;
    for (size_t i = 0; i < json_array_size(shards); i++)
        take_listed(k, json_array_get(shards, i));
    const char *token = text(r->body, "NextToken");
    if (*token) {
        k->list_token = mem_strdup(token);
        list_shards(k);
        return;
    }
    forget_unlisted(k);
    step(k);
}

static void list_shards(struct shard_reader *k)
{
    struct buf body = {0};
    struct jw w;
    jw_begin(&w, &body);
    jw_obj(&w);
    if (k->list_token) {
        jw_key(&w, "NextToken");
        jw_str(&w, k->list_token);
    } else {
        put_stream(k, &w);
    }
    jw_end(&w);
    jw_done(&w);
    k->listing = true;
    k->list_due_ms = now_ms(k) + (k->config.shards_ms ? k->config.shards_ms : SHARDS_MS);
    k->list_ask.k = k;
    call(k, &k->list_ask, AWS_OP_ListShards, &body, on_listed);
    buf_free(&body);
}

/* ---- iterators ---- */

static void on_iterator(void *arg, const struct aws_reply *r)
{
    struct ask *a = arg;
    struct shard_reader *k = a->k;
    struct shard *s = &k->shard[a->shard];
    const char *iterator = text(r->body, "ShardIterator");
    s->asking = false;
    s->due_ms = now_ms(k);
    if (r->class == AWS_OK && *iterator) {
        s->iterator = mem_strdup(iterator);
        s->state = SHARD_READY;
    } else if (r->class == AWS_INVALID && s->read[0]) {
        /* Where we were is older than what the stream keeps: we go on with the oldest it has. */
        k->state.skipped++;
        log_error("streams", "records were lost: the stream no longer keeps them",
                  LF_S("shard", s->id));
        s->from_horizon = true;
        s->read[0] = '\0';
    } else if (r->class == AWS_NOT_FOUND) {
        s->state = SHARD_ENDED;
        k->list_due_ms = now_ms(k);
    } else {
        s->due_ms += AGAIN_MS;
    }
    step(k);
}

static void get_iterator(struct shard_reader *k, uint32_t i)
{
    struct shard *s = &k->shard[i];
    bool oldest = s->from_horizon || !k->config.from_ms;
    struct buf body = {0};
    struct jw w;
    jw_begin(&w, &body);
    jw_obj(&w);
    put_stream(k, &w);
    jw_key(&w, "ShardId");
    jw_str(&w, s->id);
    jw_key(&w, "ShardIteratorType");
    jw_str(&w, s->read[0] ? "AFTER_SEQUENCE_NUMBER" : oldest ? "TRIM_HORIZON" : "AT_TIMESTAMP");
    if (s->read[0]) {
        jw_key(&w, "StartingSequenceNumber");
        jw_str(&w, s->read);
    } else if (!oldest) {
        jw_key(&w, "Timestamp");
        jw_double(&w, (double)k->config.from_ms / 1000);
    }
    jw_end(&w);
    jw_done(&w);
    s->asking = true;
    k->ask[i] = (struct ask){k, i, 0};
    call(k, &k->ask[i], AWS_OP_GetShardIterator, &body, on_iterator);
    buf_free(&body);
}

/* ---- records ---- */

static void item_free(struct item *it)
{
    if (!it)
        return;
    buf_free(&it->data);
    mem_free(it);
}

static void take_record(struct shard_reader *k, uint32_t i, const json_t *o)
{
    const char *sequence = text(o, "SequenceNumber");
    const json_t *data = json_object_get(o, "Data"),
                 *at = json_object_get(o, "ApproximateArrivalTimestamp");
    struct item *it = mem_new(1, sizeof *it);
    struct shard *s = &k->shard[i];
    if (!str_copy(it->sequence, sizeof it->sequence, sequence) || !*sequence ||
        !base64_get(&it->data, json_is_string(data) ? json_string_value(data) : "",
                    json_string_length(data))) {
        item_free(it);
        k->state.skipped++;
        return;
    }
    it->shard = i;
    it->arrived_at = json_is_number(at) ? (td_ms)(json_number_value(at) * 1000) : 0;
    *k->last = it;
    k->last = &it->next;
    memcpy(s->read, it->sequence, sizeof s->read);
    s->queued++;
    k->queued_bytes += it->data.len;
    k->state.waiting++;
    k->state.records++;
}

static void take_records(struct shard_reader *k, uint32_t i, const json_t *body)
{
    struct shard *s = &k->shard[i];
    const json_t *records = json_object_get(body, "Records");
    const json_t *behind = json_object_get(body, "MillisBehindLatest");
    const char *next = text(body, "NextShardIterator");
    for (size_t r = 0; r < json_array_size(records); r++)
        take_record(k, i, json_array_get(records, r));
    s->behind_ms = json_is_integer(behind) ? json_integer_value(behind) : 0;
    mem_free(s->iterator);
    s->iterator = *next ? mem_strdup(next) : NULL;
    k->good_ms = now_ms(k);
    if (!*next) {
        s->state = SHARD_ENDED;
        k->list_due_ms = now_ms(k); /* its children */
    }
}

static void on_records(void *arg, const struct aws_reply *r)
{
    struct ask *a = arg;
    struct shard_reader *k = a->k;
    struct shard *s = &k->shard[a->shard];
    uint32_t before = k->state.waiting;
    s->asking = false;
    k->state.reads++;
    if (r->class == AWS_OK) {
        take_records(k, a->shard, r->body);
    } else {
        k->state.expired += strcmp(r->code, "ExpiredIteratorException") == 0;
        if (r->class != AWS_THROTTLED) { /* expired, or who knows: a new one is never wrong */
            mem_free(s->iterator);
            s->iterator = NULL;
            s->state = SHARD_ITERATOR;
            s->due_ms = strcmp(r->code, "ExpiredIteratorException") == 0 ? now_ms(k) : s->due_ms;
        }
    }
    step(k);
    if (k->state.waiting > before)
        k->moved(k->arg);
}

static void get_records(struct shard_reader *k, uint32_t i)
{
    struct shard *s = &k->shard[i];
    struct buf body = {0};
    struct jw w;
    jw_begin(&w, &body);
    jw_obj(&w);
    jw_key(&w, "ShardIterator");
    jw_str(&w, s->iterator);
    jw_key(&w, "Limit");
    jw_int(&w, READ_LIMIT);
    if (strncmp(k->config.stream, "arn:", 4) == 0) {
        jw_key(&w, "StreamARN");
        jw_str(&w, k->config.stream);
    }
    jw_end(&w);
    jw_done(&w);
    s->asking = true;
    s->due_ms = now_ms(k) + (k->config.read_ms ? k->config.read_ms : READ_MS);
    k->ask[i] = (struct ask){k, i, 0};
    call(k, &k->ask[i], AWS_OP_GetRecords, &body, on_records);
    buf_free(&body);
}

/* ---- what is to be done now ---- */

static bool is_full(const struct shard_reader *k)
{
    return k->state.waiting >= SHARD_READER_QUEUE_MAX ||
           k->queued_bytes >= SHARD_READER_QUEUE_BYTES;
}

/* May a shard be begun? Not while a parent has records that were not taken. */
static bool parents_over(const struct shard_reader *k, const struct shard *s)
{
    for (int p = 0; p < 2; p++) {
        uint32_t i = s->parent[p][0] ? find(k, s->parent[p]) : UINT32_MAX;
        if (i != UINT32_MAX && k->shard[i].state != SHARD_OVER)
            return false;
    }
    return true;
}

static void step_shard(struct shard_reader *k, uint32_t i)
{
    struct shard *s = &k->shard[i];
    if (!s->id[0] || s->asking)
        return;
    if (s->state == SHARD_WAITING && s->listed && parents_over(k, s))
        s->state = SHARD_ITERATOR;
    if (s->state == SHARD_ENDED && !s->queued)
        s->state = SHARD_OVER;
    if (now_ms(k) < s->due_ms)
        return;
    if (s->state == SHARD_ITERATOR)
        get_iterator(k, i);
    else if (s->state == SHARD_READY && !is_full(k))
        get_records(k, i);
}

static void look_for_stall(struct shard_reader *k)
{
    int64_t limit = k->config.stalled_ms ? k->config.stalled_ms : STALLED_MS;
    bool stalled = now_ms(k) - k->good_ms >= limit && !is_full(k);
    if (stalled == k->state.stalled)
        return;
    k->state.stalled = stalled;
    if (stalled)
        log_warn("streams", "a stream has stalled", LF_S("region", k->config.region));
    else
        log_notice("streams", "a stream is read again", LF_S("region", k->config.region));
    k->moved(k->arg);
}

static void on_timer(uv_timer_t *t)
{
    struct shard_reader *k = CONTAINER_OF(t, struct shard_reader, timer);
    step(k);
    look_for_stall(k);
}

static void step(struct shard_reader *k)
{
    int64_t limit = k->config.stalled_ms ? k->config.stalled_ms : STALLED_MS;
    int64_t due = k->state.stalled ? now_ms(k) + AGAIN_MS : k->good_ms + limit;
    if (k->closing)
        return;
    if (!k->listing && now_ms(k) >= k->list_due_ms)
        list_shards(k);
    for (int round = 0; round < 2; round++) /* a parent that is over lets its children begin */
        for (uint32_t i = 0; i < k->n_shards; i++)
            step_shard(k, i);
    for (uint32_t i = 0; i < k->n_shards; i++) {
        const struct shard *s = &k->shard[i];
        if (s->id[0] && !s->asking &&
            (s->state == SHARD_ITERATOR || (s->state == SHARD_READY && !is_full(k))))
            due = MIN(due, s->due_ms);
    }
    if (!k->listing)
        due = MIN(due, k->list_due_ms);
    if (k->state.stalled && now_ms(k) - k->good_ms < limit)
        due = now_ms(k); /* it is read again */
    (void)uv_timer_start(&k->timer, on_timer, (uint64_t)MAX(due - now_ms(k), 0), 0);
}

/* ---- the owner's side ---- */

bool shard_reader_next(struct shard_reader *k, struct shard_record *out)
{
    struct item *it = k->first;
    bool was_full = is_full(k);
    item_free(k->given);
    k->given = it;
    if (!it)
        return false;
    struct shard *s = &k->shard[it->shard];
    k->first = it->next;
    if (!k->first)
        k->last = &k->first;
    memcpy(s->taken, it->sequence, sizeof s->taken);
    s->queued--;
    k->state.waiting--;
    k->queued_bytes -= it->data.len;
    if ((s->state == SHARD_ENDED && !s->queued) || (was_full && !is_full(k)))
        (void)uv_timer_start(&k->timer, on_timer, 0, 0);
    *out = (struct shard_record){it->data.data ? it->data.data : "", it->data.len, it->arrived_at};
    return true;
}

static bool is_over(const struct shard *s)
{
    return s->state == SHARD_OVER || (s->state == SHARD_ENDED && !s->queued);
}

void shard_reader_position(const struct shard_reader *k, struct buf *out)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < k->n_shards; i++)
        n += k->shard[i].id[0] != '\0';
    put_u8(out, POSITION_VERSION);
    put_svarint(out, k->config.from_ms);
    put_varint(out, n);
    for (uint32_t i = 0; i < k->n_shards; i++) {
        const struct shard *s = &k->shard[i];
        if (!s->id[0])
            continue;
        put_str(out, s->id, strlen(s->id));
        put_str(out, s->taken, strlen(s->taken));
        put_u8(out, (uint8_t)((is_over(s) ? 1 : 0) | (s->from_horizon ? 2 : 0)));
    }
}

static bool take_text(struct reader *r, char *to, size_t cap)
{
    size_t n;
    const char *s = reader_str(r, &n);
    if (n >= cap || (n && memchr(s, 0, n)))
        return false;
    memcpy(to, s, n);
    to[n] = '\0';
    return true;
}

static bool resume(struct shard_reader *k, struct reader *r)
{
    uint8_t version = reader_u8(r);
    k->config.from_ms = reader_svarint(r);
    uint64_t n = reader_varint(r);
    if (r->bad || version != POSITION_VERSION || n > SHARD_READER_SHARDS_MAX)
        return false;
    for (k->n_shards = 0; k->n_shards < n; k->n_shards++) {
        struct shard *s = &k->shard[k->n_shards];
        if (!take_text(r, s->id, sizeof s->id) || !take_text(r, s->taken, sizeof s->taken))
            return false;
        uint8_t flags = reader_u8(r);
        memcpy(s->read, s->taken, sizeof s->read);
        s->state = flags & 1 ? SHARD_OVER : SHARD_WAITING;
        s->from_horizon = (flags & 2) != 0;
    }
    return !r->bad;
}

struct shard_reader *shard_reader_new(struct uv_loop_s *loop, struct aws_client *aws,
                                      const struct shard_reader_config *config, struct reader *from,
                                      void (*moved)(void *arg), void *arg)
{
    struct shard_reader *k = mem_new(1, sizeof *k);
    k->aws = aws;
    k->loop = loop;
    k->config = *config;
    k->moved = moved;
    k->arg = arg;
    k->last = &k->first;
    if (from && !resume(k, from)) {
        mem_free(k);
        return NULL;
    }
    k->config.stream = mem_strdup(config->stream);
    k->config.region = mem_strdup(config->region);
    BUG_ON(uv_timer_init(loop, &k->timer) != 0);
    k->good_ms = now_ms(k);
    (void)uv_timer_start(&k->timer, on_timer, 0, 0);
    return k;
}

static void on_timer_closed(uv_handle_t *h)
{
    struct shard_reader *k = CONTAINER_OF((uv_timer_t *)h, struct shard_reader, timer);
    struct item *it;
    while ((it = k->first)) {
        k->first = it->next;
        item_free(it);
    }
    item_free(k->given);
    for (uint32_t i = 0; i < k->n_shards; i++)
        mem_free(k->shard[i].iterator);
    mem_free(k->list_token);
    mem_free((char *)(uintptr_t)k->config.stream);
    mem_free((char *)(uintptr_t)k->config.region);
    mem_free(k);
}

void shard_reader_close(struct shard_reader *k)
{
    k->closing = true;
    if (k->listing)
        aws_call_cancel(k->aws, k->list_ask.call);
    for (uint32_t i = 0; i < k->n_shards; i++)
        if (k->shard[i].asking)
            aws_call_cancel(k->aws, k->ask[i].call);
    uv_close((uv_handle_t *)&k->timer, on_timer_closed);
}

struct shard_reader_state shard_reader_state(const struct shard_reader *k)
{
    struct shard_reader_state s = k->state;
    s.shards = 0;
    s.behind_ms = 0;
    for (uint32_t i = 0; i < k->n_shards; i++) {
        s.shards += k->shard[i].id[0] && k->shard[i].state != SHARD_OVER;
        s.behind_ms = MAX(s.behind_ms, k->shard[i].behind_ms);
    }
    return s;
}
