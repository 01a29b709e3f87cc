/* shard_reader.h - reading a Kinesis data stream: every shard, from where it was left, no record
 * lost and none taken twice.
 *
 * For each shard GetShardIterator and then GetRecords, four times a second at most (AWS allows five
 * to all readers together). A shard that ends has children; they are begun only when all its
 * records have been taken, so that records of one key keep their order. Shards are looked for again
 * when one has ended, and every minute. (Kinesis Data Streams Developer Guide, "Resharding".)
 *
 * Where the reader stands is a position: for each shard the sequence number of the last record that
 * shard_reader_next gave. The owner keeps it together with what came of the records, in one commit,
 * and gives it back after a restart. So a record has its effect once, whatever dies when. What
 * producers repeat is not known here: that is for whoever decodes.
 *
 * Records wait in a queue until they are taken; when it is full no more are read. An iterator that
 * expired is taken anew. A stream from which nothing could be read for `stalled_ms` is stalled:
 * what is known from it is old. */
#pragma once

#include "aws/client.h"
#include "core/types.h"

struct reader;
struct shard_reader;

enum {
    SHARD_READER_SHARDS_MAX = 256,
    SHARD_READER_QUEUE_MAX = 20000,        /* records; reading waits above */
    SHARD_READER_QUEUE_BYTES = 64 << 20,
    SHARD_READER_SEQUENCE_MAX = 129,       /* 128 digits by the API's model, today's have 56; NUL */
    SHARD_READER_ID_MAX = 129
};

struct shard_reader_config { /* the strings are copied */
    const char *stream;  /* its ARN, or its name */
    const char *region;
    uint32_t read_ms;    /* between two reads of a shard; 0: 250 */
    uint32_t shards_ms;  /* between two looks for new shards; 0: 60 s */
    uint32_t stalled_ms; /* 0: 30 s */
    /* Where a reader without position begins: milliseconds since 1970; 0: the oldest record. */
    td_ms from_ms;
};

/* `resume` is a position, read up to its end, or NULL. moved(arg) is called from the loop when
 * there are records to take or `stalled` has changed. The AWS client must outlive the reader. NULL:
 * what was to be resumed is no position. */
struct shard_reader *shard_reader_new(struct uv_loop_s *loop, struct aws_client *aws,
                                      const struct shard_reader_config *config,
                                      struct reader *resume, void (*moved)(void *arg),
                                      void *arg) MUST_USE;
void shard_reader_close(struct shard_reader *k); /* frees itself when the loop lets it */

struct shard_record { /* valid until the next call */
    const char *data;
    size_t len;
    td_ms arrived_at; /* when the stream got it */
};
bool shard_reader_next(struct shard_reader *k, struct shard_record *out); /* false: none waits */
/* Appends where the reader stands, what was taken included. */
void shard_reader_position(const struct shard_reader *k, struct buf *out);

struct shard_reader_state {
    uint32_t shards, waiting; /* shards that are not over; records that wait */
    bool stalled;
    td_ms behind_ms; /* the most that a shard was behind its tip, as AWS says */
    uint64_t records, reads, expired, skipped; /* skipped: gaps, records that are none */
};
struct shard_reader_state shard_reader_state(const struct shard_reader *k);
