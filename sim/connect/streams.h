/* streams.h - Kinesis on connectsim's port: the streams of every account and region.
 *
 * Requests come from the front as X-Amz-Target: Kinesis_20131202.OPERATION, in JSON or CBOR, and go
 * to that account's and region's set (kinesis/kinesis.h). Sets are made when they are first asked
 * for; there are as many as keys' accounts times regions at most. Limits of calls and iterators go
 * by the wall clock, records carry the center's time. */
#pragma once

#include "connect/front.h"
#include "kinesis/kinesis.h"

enum {
    STREAMS_RETENTION_MS = 86400000,  /* Kinesis' default */
    STREAMS_BYTES_MAX = 64 << 20,     /* of one stream */
    STREAMS_SETS_MAX = 64,            /* accounts times regions */
};

struct streams;
struct streams_options {
    struct center *center;
    struct front *front;
    bool limits;
    int64_t (*steady_ms)(void); /* what limits and iterators go by */
};
struct streams *streams_new(const struct streams_options *o) MUST_USE;
void streams_free(struct streams *s);

/* The set of an account in a region; NULL: there are too many. */
struct kinesis *streams_set(struct streams *s, const char *account, const char *region);
/* The stream of an ARN; NULL: there is none. */
struct stream *streams_find(struct streams *s, const char *arn);
/* Calls fn for every stream there is. */
void streams_each(struct streams *s,
                  void (*fn)(void *arg, const char *account, const char *region,
                             const struct stream *stream),
                  void *arg);
/* Calls that were refused because of a shard's or the account's limits. */
uint64_t streams_throttled(const struct streams *s);
