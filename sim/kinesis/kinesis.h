/* kinesis.h - the API of Amazon Kinesis Data Streams, version 2013-12-02, of one account in one
 * region: a request's body in, a reply's body out.
 *
 * Pure, as stream.h is: the front (sim/connect) has the socket, the signature and the clocks. What
 * a request may contain is a table (kinesis_check.c) made after botocore's model of the service, so
 * that what Amazon refuses is refused here with its errors; what an operation does is in
 * kinesis_streams.c (streams and shards) and kinesis_records.c (records and iterators).
 *
 * Iterators are what Amazon promises of theirs, and no more: they say nothing to who looks at them,
 * cannot be made up, and live 5 minutes. A process that starts anew knows none of the old ones.
 *
 * Streams are ACTIVE as soon as they are made, and reshard at once: Amazon takes half a minute. */
#pragma once

#include <jansson.h>

#include "kinesis/stream.h"
#include "kinesis/wire.h"

enum {
    KINESIS_STREAMS_MAX = 50, /* Amazon's own quota of on-demand streams */
    KINESIS_ITERATOR_MS = 300000,
    KINESIS_TOKEN_MS = 300000, /* of ListShards */
    KINESIS_PUT_RECORDS_MAX = 500,
    KINESIS_PUT_BYTES_MAX = 10 << 20, /* of one PutRecords */
};

struct kinesis_options {
    const char *account, *region; /* must stay; 12 digits; "us-east-1" */
    uint64_t secret[2];           /* what iterators are made with */
    bool limits;                  /* calls and bytes a second; sizes always hold */
    int64_t retention_ms;         /* of streams that CreateStream makes */
    uint64_t bytes_max;           /* likewise; see stream.h */
};

struct kinesis_time {
    int64_t now;  /* simulated: what records carry */
    int64_t real; /* what limits, iterators and tokens go by */
};

struct kinesis;
struct kinesis *kinesis_new(const struct kinesis_options *o) MUST_USE;
void kinesis_free(struct kinesis *k);

/* Makes a stream; NULL: there is one of that name, or too many. It belongs to the set. */
struct stream *kinesis_add(struct kinesis *k, const char *name, uint32_t shards, int64_t now);
struct stream *kinesis_find(const struct kinesis *k, const char *name); /* NULL: none */
uint32_t kinesis_count(const struct kinesis *k);
struct stream *kinesis_at(const struct kinesis *k, uint32_t i); /* in the order of their names */

struct kinesis_reply {
    int status;        /* 200, 400, 500 */
    const char *error; /* "ResourceNotFoundException"; NULL: none */
    struct buf body;   /* the caller frees it */
};
/* Carries out a call and fills *out. Any bytes may come in. */
void kinesis_call(struct kinesis *k, const char *operation, enum wire_encoding encoding,
                  const void *body, size_t len, struct kinesis_time t, struct kinesis_reply *out);
/* The body of an error in the shape of this service, for what the front refuses itself. */
void kinesis_error(enum wire_encoding encoding, const char *type, const char *message,
                   struct buf *out);

/* Operation i of the service, NULL after the last; those that are there come first. */
const char *kinesis_operation(size_t i, bool *implemented);
bool kinesis_operation_known(const char *name);
