#include "kinesis/stream.h"

#include "base/mem.h"

#include <string.h>

/* What keeping a record costs besides its bytes: its row in the ring and the allocator's head. */
enum { RECORD_COST = sizeof(struct stream_record) + 16 };

/* ---- shards ---- */

static struct stream_shard *shard_add(struct stream *s, int64_t now, struct hash_key from,
                                      struct hash_key to)
{
    BUG_ON(s->n_shards >= STREAM_SHARDS_MAX);
    s->shard = mem_grow(s->shard, s->n_shards + 1, sizeof *s->shard);
    struct stream_shard *sh = &s->shard[s->n_shards];
    *sh = (struct stream_shard){.id = s->n_shards++,
                                .parent = UINT32_MAX,
                                .adjacent = UINT32_MAX,
                                .from = from,
                                .to = to,
                                .created_ms = now,
                                .closed_ms = INT64_MAX,
                                .next = 1,
                                .reads = STREAM_READS,
                                .read_bytes = STREAM_READ_BYTES,
                                .writes = STREAM_WRITES,
                                .write_bytes = STREAM_WRITE_BYTES,
                                .iterators = STREAM_ITERATORS,
                                .reckoned_ms = INT64_MIN};
    return sh;
}

struct stream *stream_new(const struct stream_options *o, int64_t now)
{
    BUG_ON(o->shards == 0 || o->shards > STREAM_SHARDS_MAX / 2);
    BUG_ON(o->bytes_max < 2 * STREAM_RECORD_MAX);
    struct stream *s = mem_new(1, sizeof *s);
    bool fits = str_copy(s->name, sizeof s->name, o->name);
    BUG_ON(!fits || !s->name[0]);
    s->created_ms = now;
    s->retention_ms = o->retention_ms;
    s->bytes_max = o->bytes_max;
    s->rng = rng_seed(o->seed, hash_str(o->name));
    s->id = rng_u64(&s->rng);
    for (uint32_t i = 0; i < o->shards; i++) {
        struct hash_key to = HASH_KEY_MAX;
        if (i + 1 < o->shards)
            to = hash_key_step(hash_key_part(i + 1, o->shards), -1);
        shard_add(s, now, hash_key_part(i, o->shards), to);
    }
    return s;
}

void stream_free(struct stream *s)
{
    if (!s)
        return;
    for (uint32_t i = 0; i < s->n_shards; i++) {
        struct stream_shard *sh = &s->shard[i];
        for (uint32_t j = 0; j < sh->count; j++)
            mem_free(sh->ring[(sh->head + j) & (sh->cap - 1)].bytes);
        mem_free(sh->ring);
    }
    mem_free(s->shard);
    mem_free(s);
}

static bool is_open(const struct stream_shard *sh)
{
    return sh->closed_ms == INT64_MAX;
}

uint32_t stream_shard_of(const struct stream *s, struct hash_key key)
{
    for (uint32_t i = 0; i < s->n_shards; i++) {
        const struct stream_shard *sh = &s->shard[i];
        if (is_open(sh) && hash_key_compare(key, sh->from) >= 0 &&
            hash_key_compare(key, sh->to) <= 0)
            return i;
    }
    BUG_ON(true); /* open shards cover every key */
}

uint32_t stream_open_shards(const struct stream *s)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < s->n_shards; i++)
        n += is_open(&s->shard[i]);
    return n;
}

/* ---- records ---- */

const struct stream_record *stream_record(const struct stream_shard *sh, uint32_t i)
{
    BUG_ON(i >= sh->count);
    return &sh->ring[(sh->head + i) & (sh->cap - 1)];
}

struct sequence stream_sequence(const struct stream_shard *sh, const struct stream_record *r)
{
    return (struct sequence){sh->created_ms / 1000, r->at_ms / 1000, r->index, sh->id};
}

static uint64_t record_cost(const struct stream_record *r)
{
    return (uint64_t)r->key_len + r->data_len + RECORD_COST;
}

static void drop_first(struct stream *s, struct stream_shard *sh)
{
    struct stream_record *r = &sh->ring[sh->head];
    s->bytes -= record_cost(r);
    mem_free(r->bytes);
    sh->head = (sh->head + 1) & (sh->cap - 1);
    sh->count--;
}

/* The shard whose first record is the oldest of the stream; NULL: there is none. */
static struct stream_shard *oldest(struct stream *s)
{
    struct stream_shard *best = NULL;
    for (uint32_t i = 0; i < s->n_shards; i++) {
        struct stream_shard *sh = &s->shard[i];
        if (sh->count && (!best || sh->ring[sh->head].at_ms < best->ring[best->head].at_ms))
            best = sh;
    }
    return best;
}

void stream_expire(struct stream *s, int64_t now)
{
    for (uint32_t i = 0; i < s->n_shards; i++) {
        struct stream_shard *sh = &s->shard[i];
        while (sh->count && sh->ring[sh->head].at_ms < now - s->retention_ms)
            drop_first(s, sh);
    }
}

static struct stream_record *ring_add(struct stream_shard *sh)
{
    if (sh->count == sh->cap) {
        uint32_t cap = sh->cap ? sh->cap * 2 : 16;
        struct stream_record *ring = mem_grow(NULL, cap, sizeof *ring);
        for (uint32_t i = 0; i < sh->count; i++)
            ring[i] = sh->ring[(sh->head + i) & (sh->cap - 1)];
        mem_free(sh->ring);
        sh->ring = ring;
        sh->cap = cap;
        sh->head = 0;
    }
    return &sh->ring[(sh->head + sh->count++) & (sh->cap - 1)];
}

struct sequence stream_put(struct stream *s, int64_t now, uint32_t shard, const void *key,
                           size_t key_len, const void *data, size_t data_len)
{
    BUG_ON(shard >= s->n_shards || !is_open(&s->shard[shard]));
    BUG_ON(key_len > STREAM_KEY_MAX || data_len > STREAM_RECORD_MAX - key_len);
    struct stream_shard *sh = &s->shard[shard];
    int64_t at = now;
    if (sh->count)
        at = MAX(at, stream_record(sh, sh->count - 1)->at_ms);
    struct stream_record r = {.index = sh->next + rng_below(&s->rng, 1000),
                              .at_ms = at,
                              .key_len = (uint32_t)key_len,
                              .data_len = (uint32_t)data_len};
    BUG_ON(r.index >= SEQUENCE_INDEX_MAX);
    while (s->bytes + record_cost(&r) > s->bytes_max) {
        struct stream_shard *victim = oldest(s);
        BUG_ON(!victim); /* bytes_max is more than a record */
        drop_first(s, victim);
        s->dropped++;
    }
    r.bytes = mem_grow(NULL, key_len + data_len, 1);
    if (key_len)
        memcpy(r.bytes, key, key_len);
    if (data_len)
        memcpy(r.bytes + key_len, data, data_len);
    *ring_add(sh) = r;
    sh->next = r.index + 1;
    s->bytes += record_cost(&r);
    s->put++;
    return stream_sequence(sh, &r);
}

/* ---- limits ---- */

static void reckon(struct stream_shard *sh, int64_t real)
{
    if (sh->reckoned_ms == INT64_MIN)
        sh->reckoned_ms = real;
    double seconds = real > sh->reckoned_ms ? (double)(real - sh->reckoned_ms) / 1000 : 0;
    sh->reckoned_ms = MAX(sh->reckoned_ms, real);
    sh->reads = MIN(STREAM_READS, sh->reads + seconds * STREAM_READS);
    sh->read_bytes = MIN(STREAM_READ_BYTES, sh->read_bytes + seconds * STREAM_READ_BYTES);
    sh->writes = MIN(STREAM_WRITES, sh->writes + seconds * STREAM_WRITES);
    sh->write_bytes = MIN(STREAM_WRITE_BYTES, sh->write_bytes + seconds * STREAM_WRITE_BYTES);
    sh->iterators = MIN(STREAM_ITERATORS, sh->iterators + seconds * STREAM_ITERATORS);
}

bool stream_write_allowed(struct stream *s, int64_t real, uint32_t shard, size_t bytes)
{
    struct stream_shard *sh = &s->shard[shard];
    reckon(sh, real);
    if (sh->writes < 1 || sh->write_bytes < (double)bytes)
        return false;
    sh->writes -= 1;
    sh->write_bytes -= (double)bytes;
    return true;
}

bool stream_read_allowed(struct stream *s, int64_t real, uint32_t shard)
{
    struct stream_shard *sh = &s->shard[shard];
    reckon(sh, real);
    if (sh->reads < 1 || sh->read_bytes <= 0)
        return false;
    sh->reads -= 1;
    return true;
}

/* "If a call to GetRecords returns 10 MB, subsequent calls made within the next 5 seconds throw":
 * a big read does not profit from what was saved before. */
void stream_read_done(struct stream *s, uint32_t shard, size_t bytes)
{
    struct stream_shard *sh = &s->shard[shard];
    if (bytes >= STREAM_READ_BYTES)
        sh->read_bytes = MIN(sh->read_bytes, 0);
    sh->read_bytes -= (double)bytes;
}

bool stream_iterator_allowed(struct stream *s, int64_t real, uint32_t shard)
{
    struct stream_shard *sh = &s->shard[shard];
    reckon(sh, real);
    if (sh->iterators < 1)
        return false;
    sh->iterators -= 1;
    return true;
}

/* ---- reading ---- */

uint64_t stream_latest(const struct stream *s, uint32_t shard)
{
    return s->shard[shard].next;
}

/* How many records of the ring are before the first for which pred holds: a binary search. */
static uint32_t first_index(const struct stream_shard *sh, uint64_t from)
{
    uint32_t lo = 0, hi = sh->count;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (stream_record(sh, mid)->index < from)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

uint64_t stream_at_time(const struct stream *s, uint32_t shard, int64_t at_ms)
{
    const struct stream_shard *sh = &s->shard[shard];
    uint32_t lo = 0, hi = sh->count;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (stream_record(sh, mid)->at_ms < at_ms)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < sh->count ? stream_record(sh, lo)->index : sh->next;
}

struct stream_read stream_read(struct stream *s, int64_t now, uint32_t shard, uint64_t from,
                               uint32_t limit)
{
    stream_expire(s, now);
    const struct stream_shard *sh = &s->shard[shard];
    struct stream_read read = {.first = first_index(sh, from), .next = from};
    uint32_t left = sh->count - read.first;
    limit = MIN(limit, STREAM_READ_RECORDS_MAX);
    while (read.count < left && read.count < limit) {
        const struct stream_record *r = stream_record(sh, read.first + read.count);
        size_t bytes = (size_t)r->key_len + r->data_len;
        if (read.count && read.bytes + bytes > STREAM_READ_BYTES_MAX)
            break;
        read.bytes += bytes;
        read.next = r->index + 1;
        read.count++;
    }
    if (read.count < left) {
        const struct stream_record *last =
            stream_record(sh, read.count ? read.first + read.count - 1 : read.first);
        read.behind_ms = MAX(1, now - last->at_ms);
    }
    read.ended = left == 0 && !is_open(sh);
    return read;
}

/* ---- resharding ---- */

bool stream_split(struct stream *s, int64_t now, uint32_t shard, struct hash_key at)
{
    if (shard >= s->n_shards || s->n_shards + 2 > STREAM_SHARDS_MAX || !is_open(&s->shard[shard]))
        return false;
    struct hash_key from = s->shard[shard].from, to = s->shard[shard].to;
    if (hash_key_compare(at, from) <= 0 || hash_key_compare(at, to) >= 0)
        return false;
    s->shard[shard].closed_ms = now;
    shard_add(s, now, from, hash_key_step(at, -1))->parent = shard;
    shard_add(s, now, at, to)->parent = shard;
    return true;
}

bool stream_merge(struct stream *s, int64_t now, uint32_t shard, uint32_t adjacent)
{
    if (shard >= s->n_shards || adjacent >= s->n_shards || shard == adjacent ||
        s->n_shards + 1 > STREAM_SHARDS_MAX)
        return false;
    struct stream_shard *a = &s->shard[shard], *b = &s->shard[adjacent];
    if (!is_open(a) || !is_open(b))
        return false;
    bool above = hash_key_compare(hash_key_step(a->to, 1), b->from) == 0;
    bool below = hash_key_compare(hash_key_step(b->to, 1), a->from) == 0;
    /* The step after the last key is the first one: a range does not go around. */
    above = above && hash_key_compare(a->to, HASH_KEY_MAX) != 0;
    below = below && hash_key_compare(b->to, HASH_KEY_MAX) != 0;
    if (!above && !below)
        return false;
    a->closed_ms = b->closed_ms = now;
    struct hash_key from = above ? a->from : b->from, to = above ? b->to : a->to;
    struct stream_shard *child = shard_add(s, now, from, to);
    child->parent = shard;
    child->adjacent = adjacent;
    return true;
}

/* ---- what must hold ---- */

static void check_shard(const struct stream_shard *sh, uint64_t *bytes)
{
    BUG_ON(sh->count > sh->cap || (sh->cap & (sh->cap - 1)) != 0);
    BUG_ON(hash_key_compare(sh->from, sh->to) > 0);
    for (uint32_t i = 0; i < sh->count; i++) {
        const struct stream_record *r = stream_record(sh, i);
        BUG_ON(r->index == 0 || r->index >= sh->next);
        if (i) {
            const struct stream_record *before = stream_record(sh, i - 1);
            BUG_ON(r->index <= before->index || r->at_ms < before->at_ms);
        }
        *bytes += record_cost(r);
    }
}

void stream_check(const struct stream *s)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < s->n_shards; i++) {
        BUG_ON(s->shard[i].id != i);
        check_shard(&s->shard[i], &bytes);
    }
    BUG_ON(bytes != s->bytes || bytes > s->bytes_max);
    /* Open shards follow one another from the first key to the last. */
    struct hash_key at = {0, 0};
    for (uint32_t left = stream_open_shards(s); left; left--) {
        const struct stream_shard *sh = &s->shard[stream_shard_of(s, at)];
        BUG_ON(hash_key_compare(sh->from, at) != 0);
        at = hash_key_step(sh->to, 1);
    }
    BUG_ON(at.hi != 0 || at.lo != 0);
}
