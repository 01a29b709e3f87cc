/* kinesis_i.h - what the files of kinesis share. */
#pragma once

#include "kinesis/kinesis.h"

struct kinesis {
    struct kinesis_options o;
    struct stream *stream[KINESIS_STREAMS_MAX]; /* by name */
    uint32_t n_streams;
    uint64_t made; /* streams, ever */
    struct { /* calls left, by operation */
        double left;
        int64_t reckoned_ms;
    } *bucket;
};

/* A call at work. */
struct call {
    struct kinesis *k;
    struct kinesis_time t;
    const json_t *args; /* an object that has passed the checks */
    struct wire w;      /* the reply; an operation that fails must not have written */
    const char *error;  /* type of the error; NULL: none so far */
    int status;
    struct buf message;
};
/* Notes the error; the first one stands. */
void kinesis__fail(struct call *c, const char *type, const char *fmt, ...) PRINTF(3, 4);

/* ---- kinesis_check.c ---- */

enum field_type {
    FIELD_TEXT, FIELD_INT, FIELD_BOOL, FIELD_BLOB, FIELD_TIME, FIELD_OBJECT, FIELD_LIST
};
enum field_form { FORM_ANY, FORM_NAME, FORM_HASH_KEY, FORM_SEQUENCE, FORM_ARN };
struct field { /* one row a member of a request */
    const char *name;
    enum field_type type;
    bool required;
    int64_t min, max; /* length of text, bytes and lists; value of numbers */
    enum field_form form;
    const char *const *choices; /* NULL after the last; NULL: any */
    const struct field *inside; /* of objects, and of the objects of lists; name NULL ends */
};
/* Notes what a request has wrong, of all its members; true: nothing. */
bool kinesis__check(struct call *c, const struct field *fields, const json_t *args);
extern const struct field kinesis__list_shards[], kinesis__describe_summary[],
    kinesis__describe_stream[], kinesis__list_streams[], kinesis__get_iterator[],
    kinesis__get_records[], kinesis__put_record[], kinesis__put_records[], kinesis__split[],
    kinesis__merge[], kinesis__create[], kinesis__delete[];

/* Members that are there have their types already; NULL, the default: not there. */
const char *kinesis__text(const json_t *args, const char *name);
int64_t kinesis__int(const json_t *args, const char *name, int64_t otherwise);
int64_t kinesis__time(const json_t *args, const char *name, int64_t otherwise); /* ms */

/* ---- operations ---- */

/* The stream that StreamName or StreamARN names; NULL with the error noted. */
struct stream *kinesis__stream(struct call *c);
bool kinesis__arn_name(const struct kinesis *k, const char *arn, const char **name);
void kinesis__arn(const struct kinesis *k, const struct stream *s, struct buf *out);
enum { SHARD_NAME = 24 };
void kinesis__shard_name(uint32_t id, char out[SHARD_NAME]);
/* False with the error noted: no such shard, or one that is past retention. */
bool kinesis__shard(struct call *c, const struct stream *s, const char *name, uint32_t *id);
bool kinesis__shard_gone(const struct stream *s, uint32_t id, int64_t now);
void kinesis__write_range(struct wire *w, const struct stream_shard *sh);

/* Values sealed into an opaque text: what was sealed comes out, or nothing. */
struct sealed {
    uint64_t stream, position;
    uint32_t shard, purpose; /* SEAL_*: one kind cannot be used as another */
    int64_t made_ms;         /* real */
};
enum { SEAL_ITERATOR = 1, SEAL_LIST_SHARDS = 2 };
void kinesis__seal(const struct kinesis *k, const struct sealed *v, struct buf *text);
bool kinesis__unseal(const struct kinesis *k, const char *text, struct sealed *v) MUST_USE;

void kinesis__op_list_shards(struct call *c);
void kinesis__op_describe_summary(struct call *c);
void kinesis__op_describe_stream(struct call *c);
void kinesis__op_list_streams(struct call *c);
void kinesis__op_create(struct call *c);
void kinesis__op_delete(struct call *c);
void kinesis__op_split(struct call *c);
void kinesis__op_merge(struct call *c);
void kinesis__op_get_iterator(struct call *c);
void kinesis__op_get_records(struct call *c);
void kinesis__op_put_record(struct call *c);
void kinesis__op_put_records(struct call *c);
