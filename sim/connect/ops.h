/* ops.h - Amazon Connect's operations: their table, and what their handlers share. */
#pragma once

#include "connect/front.h"

enum { OP_INSTANCE = 1 }; /* InstanceId must be an instance of the region: call.instance */
struct op_row {
    const char *name;
    double rate, burst; /* AWS's default throttle: calls a second and at once */
    void (*fn)(struct call *c);
    uint32_t flags;
};
extern const struct op_row op_rows[];
extern const uint32_t op_n_rows;

/* ---- answers ---- */

void put_str(struct call *c, const char *key, const char *v); /* NULL: the member is left out */
void put_time(struct call *c, const char *key, td_ms at);     /* 0: is left out; epoch seconds */
void put_json(struct call *c, const char *key, const json_t *v); /* NULL: is left out */
void put_id(struct call *c, const char *key, struct td_id id);   /* none: is left out */
void put_arn(struct call *c, const char *key, const struct res *r);
/* {"Id", "Arn"} under a key. */
void put_ref(struct call *c, const char *key, const struct res *r);
void put_modified(struct call *c, const struct res *r); /* LastModifiedTime and -Region */
void put_tags(struct call *c, const char *key, const struct res *r);

/* The resource that a member names; NULL: the call has failed with ResourceNotFoundException. */
struct res *arg_res(struct call *c, enum res_kind kind, const char *member);
struct res *need_res(struct call *c, enum res_kind kind, const char *id);
/* Fails with the operation's word for a broken rule. */
void call_invalid(struct call *c, const char *fmt, ...) PRINTF(2, 3);
/* Fails, true, if another resource of the kind has this name. */
bool name_taken(struct call *c, enum res_kind kind, const char *name, const struct res *but);

/* ---- pages ---- */

/* Walks a list from NextToken on: page_next gives the next resource that this region sees, NULL at
 * the end or when MaxResults are out; page_end writes NextToken if there are more. The list under
 * `key` is open in between. page_begin false: the token is not one of ours; the call has failed. */
struct page {
    const struct res_list *list;
    uint32_t at, left;
    uint64_t last;
    bool more;
};
bool page_begin(struct call *c, struct page *p, enum res_kind kind, const char *key) MUST_USE;
bool page_begin_list(struct call *c, struct page *p, const struct res_list *l, const char *key)
    MUST_USE;
struct res *page_next(struct call *c, struct page *p);
void page_end(struct call *c, struct page *p);
/* Tokens for other orders: a number, sealed for the operation. False: not one of ours. */
void token_put(struct call *c, const char *key, uint64_t at);
bool token_take(struct call *c, uint64_t *at) MUST_USE; /* 0: none was given */

/* ---- handlers, by subject ---- */

#define OP_HANDLERS(X)                                                                             \
    X(describe_instance)                                                                           \
    X(list_instances)
#define X(fn) void op_##fn(struct call *c);
OP_HANDLERS(X)
#undef X
