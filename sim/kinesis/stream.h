/* stream.h - one Kinesis data stream in memory: shards, records, positions, limits.
 *
 * Pure: no I/O and no clock. Two times are given: `now`, the simulated time that records carry and
 * that retention counts in, and `real`, milliseconds of a clock that really runs, in which the
 * limits of calls count (a client lives in real time however fast the simulation goes). Neither
 * may run backwards; where `now` does, records keep the order of their arrival.
 *
 * A shard owns a range of hash keys; a record goes to the open shard whose range has the MD5 of its
 * partition key. Splitting or merging closes shards and makes children; what is in a closed shard
 * stays until retention takes it, and order for a key holds when parents are read to their end
 * before children. (Kinesis Data Streams Developer Guide, "Resharding".)
 *
 * Memory: records are copied in. A stream has at most bytes_max of them and retention_ms of age;
 * the oldest go first, as if retention had run out. */
#pragma once

#include "base/rng.h"
#include "kinesis/sequence.h"

enum {
    STREAM_NAME_MAX = 128,
    STREAM_SHARDS_MAX = 512,        /* ever made, closed ones too: resharding ends there */
    STREAM_KEY_MAX = 256,           /* bytes of a partition key */
    STREAM_RECORD_MAX = 1 << 20,    /* data and key of a record: the default of Kinesis */
    STREAM_READ_RECORDS_MAX = 10000,
    STREAM_READ_BYTES_MAX = 10 << 20,
};
/* Per shard and second. */
enum {
    STREAM_READS = 5,
    STREAM_READ_BYTES = 2 << 20,
    STREAM_WRITES = 1000,
    STREAM_WRITE_BYTES = 1 << 20,
    STREAM_ITERATORS = 5,
};

struct stream_options {
    const char *name; /* copied; 1..STREAM_NAME_MAX of [a-zA-Z0-9_.-] */
    uint32_t shards;  /* 1..STREAM_SHARDS_MAX / 2 */
    int64_t retention_ms;
    uint64_t bytes_max; /* of records and what keeping them costs; at least 2 * STREAM_RECORD_MAX */
    uint64_t seed;
};

struct stream_record {
    uint64_t index; /* of its sequence number */
    int64_t at_ms;  /* when it arrived */
    uint32_t key_len, data_len;
    char *bytes;    /* the key, then the data */
};

struct stream_shard {
    uint32_t id;
    uint32_t parent, adjacent; /* UINT32_MAX: none */
    struct hash_key from, to;  /* both included */
    int64_t created_ms;
    int64_t closed_ms; /* INT64_MAX: open */
    uint64_t next;     /* the least index that the next record may get; at least 1 */
    /* Records in order of index: record i (from 0) is ring[(head + i) & (cap - 1)]. */
    struct stream_record *ring;
    uint32_t head, count, cap;
    /* What is left of this second's limits, and when that was reckoned. */
    double reads, read_bytes, writes, write_bytes, iterators;
    int64_t reckoned_ms; /* real */
};

struct stream {
    char name[STREAM_NAME_MAX + 1];
    int64_t created_ms, retention_ms;
    uint64_t bytes, bytes_max;
    uint64_t id;                /* tells this stream from another of the same name */
    uint64_t put, dropped;      /* records ever taken in; those that bytes_max pushed out */
    struct stream_shard *shard; /* by id; ids are never used again */
    uint32_t n_shards;
    struct rng rng;
};

struct stream *stream_new(const struct stream_options *o, int64_t now) MUST_USE;
void stream_free(struct stream *s);

/* The open shard that a key belongs to. */
uint32_t stream_shard_of(const struct stream *s, struct hash_key key);
uint32_t stream_open_shards(const struct stream *s);

/* Takes a record in, whatever the limits. The sum of both lengths is at most STREAM_RECORD_MAX. */
struct sequence stream_put(struct stream *s, int64_t now, uint32_t shard, const void *key,
                           size_t key_len, const void *data, size_t data_len);
/* May so much be written now? Then it is counted. */
bool stream_write_allowed(struct stream *s, int64_t real, uint32_t shard, size_t bytes);

/* The position (an index) where reading begins: TRIM_HORIZON is 0, LATEST stream_latest. May one
 * more be asked for now? Then it is counted. */
bool stream_iterator_allowed(struct stream *s, int64_t real, uint32_t shard);
uint64_t stream_latest(const struct stream *s, uint32_t shard);
uint64_t stream_at_time(const struct stream *s, uint32_t shard, int64_t at_ms);

/* May a GetRecords begin now? Then it is counted; tell afterwards how much it returned. A read of
 * more than a second's worth costs all its seconds from then on. */
bool stream_read_allowed(struct stream *s, int64_t real, uint32_t shard);
void stream_read_done(struct stream *s, uint32_t shard, size_t bytes);

struct stream_read {
    uint32_t first, count; /* of the shard's ring */
    size_t bytes;          /* keys and data */
    uint64_t next;         /* the position after it */
    int64_t behind_ms;     /* from the last record returned to now; 0 only if nothing is left */
    bool ended;            /* the shard is closed and there is nothing at this position or after */
};
/* From a position on: up to `limit` records and STREAM_READ_BYTES_MAX, one at least if there is
 * one. Expired records are let go first. */
struct stream_read stream_read(struct stream *s, int64_t now, uint32_t shard, uint64_t from,
                               uint32_t limit);
const struct stream_record *stream_record(const struct stream_shard *sh, uint32_t i);
struct sequence stream_sequence(const struct stream_shard *sh, const struct stream_record *r);

/* Lets go of what is older than retention. */
void stream_expire(struct stream *s, int64_t now);

/* Closes a shard and makes two children of it, cut at `at`, or one child of two neighbours. False:
 * a shard is closed, `at` not inside with a key on either side, ranges do not touch, or too many
 * shards. */
bool stream_split(struct stream *s, int64_t now, uint32_t shard, struct hash_key at) MUST_USE;
bool stream_merge(struct stream *s, int64_t now, uint32_t shard, uint32_t adjacent) MUST_USE;

/* Everything that must hold of it; BUG_ON when it does not. */
void stream_check(const struct stream *s);
