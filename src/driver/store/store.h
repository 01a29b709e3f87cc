/* store.h - the store port: where a node keeps its applied events, a snapshot of its model and the
 * history of contacts. One store a node; drivers: memory, SQLite. Later: DynamoDB.
 *
 * Durable before visible. What is put waits in memory until store_commit, which keeps all of it or
 * none. What was put since the last commit may vanish in a crash as a whole, and never in part;
 * after store_commit returned true it survives kill -9 and, in a durable driver, power loss. A node
 * releases events, replies and actions to the outside only after that. Reads see what is committed
 * and nothing else: who could act on the rest would act on what may never have been.
 *
 * Puts copy what they are given and cannot fail. A commit that fails keeps nothing, says why in
 * store->error, and is the end: a log with a hole is worse than none, so every later commit fails
 * as well until the store is closed and opened again.
 *
 * Recovery: load the snapshot (if any), then each event after it in the order it was appended.
 *
 * One thread at a time. A callback may use what it is given until it returns, and must not call
 * the store. */
#pragma once

#include "core/types.h"

struct buf;

struct store_history { /* a contact's final record; of two, the higher (epoch, version) stays */
    struct td_id contact, customer; /* customer none: not known */
    uint64_t epoch;
    uint32_t version;
    td_ms started_at, ended_at;
    const void *record; /* encoded by the node; opaque here; may be NULL when record_len is 0 */
    size_t record_len;
};

/* Where a page of history begins: what is older than this, newest first. History is ordered by
 * (ended_at, contact), contacts as numbers of 128 bits, so that records of the same millisecond
 * have an order too. To turn the page, take both from the last record of the one before. */
struct store_cursor {
    td_ms ended_at;
    struct td_id contact;
};
#define STORE_NEWEST ((struct store_cursor){INT64_MAX, {UINT64_MAX, UINT64_MAX}})

struct store;
struct store_ops {
    const char *name;
    /* Appends one applied event, bytes as they are. Positions count from 1, without gaps, in the
     * order of these calls. */
    void (*append)(struct store *s, const void *event, size_t len);
    /* Keeps the record, unless the contact has one with the same or a higher (epoch, version). */
    void (*put_history)(struct store *s, const struct store_history *h);
    /* Replaces the snapshot by one that covers every event appended so far, in this commit too,
     * and forgets the events it covers. */
    void (*put_snapshot)(struct store *s, const void *data, size_t len);
    /* A small named value of the node itself (its epoch, its clock bound); replaces. */
    void (*put_meta)(struct store *s, const char *key, const void *data, size_t len);
    /* Appends the value to *out; false: there is none by that name. */
    bool (*get_meta)(struct store *s, const char *key, struct buf *out);
    /* All or nothing. False: nothing of this commit is kept, store->error tells why. */
    bool (*commit)(struct store *s);
    /* Throws away what was put since the last commit: what a crash would do to it. */
    void (*crash)(struct store *s);
    /* on_snapshot once if there is one, then on_event for each event that it does not cover. False:
     * a callback returned false (then store->error is empty), or the store cannot be read. */
    bool (*load)(struct store *s, bool (*on_snapshot)(void *arg, const void *data, size_t len),
                 bool (*on_event)(void *arg, const void *event, size_t len), void *arg);
    /* What is older than `before`, newest first; `customer` none: any; at most `limit`. `fn`
     * false: stop. False: the store could not be read to the end. */
    bool (*history)(struct store *s, struct td_id customer, struct store_cursor before,
                    uint32_t limit, bool (*fn)(void *arg, const struct store_history *h),
                    void *arg);
    /* Appends the contact's record to *record; false: it has none (store->error is empty), or the
     * store cannot be read. */
    bool (*history_get)(struct store *s, struct td_id contact, struct buf *record);
    uint64_t (*history_count)(struct store *s); /* contacts that have a record */
    uint64_t (*events)(struct store *s);        /* not covered by the snapshot */
    size_t (*bytes)(struct store *s);           /* of memory it has taken */
    void (*close)(struct store *s);             /* without committing */
};
struct store { /* a driver's own struct begins with this */
    const struct store_ops *ops;
    char error[512];      /* why the last call failed */
    bool forgets_history; /* keeps none: put_history need not be called */
};

static inline void store_append(struct store *s, const void *event, size_t len)
{
    s->ops->append(s, event, len);
}
static inline void store_put_history(struct store *s, const struct store_history *h)
{
    s->ops->put_history(s, h);
}
static inline void store_put_snapshot(struct store *s, const void *data, size_t len)
{
    s->ops->put_snapshot(s, data, len);
}
static inline void store_put_meta(struct store *s, const char *key, const void *data, size_t len)
{
    s->ops->put_meta(s, key, data, len);
}
static inline bool store_get_meta(struct store *s, const char *key, struct buf *out)
{
    return s->ops->get_meta(s, key, out);
}
MUST_USE static inline bool store_commit(struct store *s)
{
    return s->ops->commit(s);
}
static inline void store_close(struct store *s)
{
    if (s)
        s->ops->close(s);
}

/* history_max: how many history records the memory driver keeps before it forgets the one that
 * came first; 0: keeps none (replays that only count). A query looks at all of them: about 1 ms
 * for 100,000. */
struct store *store_memory_new(uint64_t history_max) MUST_USE;
/* Opens PATH or makes it. NULL with *error filled when it cannot, when another process has it
 * open, or when the file is not tandem's or was made by a newer version. */
struct store *store_sqlite_open(const char *path, char *error, size_t error_cap) MUST_USE;
