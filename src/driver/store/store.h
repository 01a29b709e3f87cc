/* store.h - the store port: where a node keeps its applied events, a snapshot of its model and the
 * history of contacts. One store a node; drivers: memory, SQLite. Later: DynamoDB.
 *
 * Durable before visible: what was put since the last store_commit may vanish in a crash as a
 * whole, and never in part; after store_commit returned true it survives kill -9 and, in a durable
 * driver, power loss. A node releases events, replies and actions to the outside only after that.
 *
 * Recovery: load the snapshot (if any), then each event after it in the order it was appended. */
#pragma once

#include "core/types.h"

struct buf;

struct store_history { /* a contact's final record, upserted: the higher (epoch, version) stays */
    struct td_id contact, customer;
    uint64_t epoch;
    uint32_t version;
    td_ms started_at, ended_at;
    const void *record; /* encoded by the core; opaque here */
    size_t record_len;
};

struct store;
struct store_ops {
    const char *name;
    /* Appends one applied event, bytes as they are. Position counts from 1, without gaps. */
    void (*append)(struct store *s, const void *event, size_t len);
    void (*put_history)(struct store *s, const struct store_history *h);
    /* Replaces the snapshot by one that covers every event appended so far, and lets the events
     * it covers be forgotten. */
    void (*put_snapshot)(struct store *s, const void *data, size_t len);
    /* A small named value of the node itself (its epoch, its clock bound). */
    void (*put_meta)(struct store *s, const char *key, const void *data, size_t len);
    bool (*get_meta)(struct store *s, const char *key, struct buf *out);
    /* All or nothing. False: nothing of this commit is kept, store_error tells why. */
    bool (*commit)(struct store *s);
    /* Throws away what was put since the last commit: what a crash would do. Memory only; a
     * durable driver closes without committing instead. */
    void (*crash)(struct store *s);
    bool (*load)(struct store *s,
                 bool (*on_snapshot)(void *arg, const void *data, size_t len),
                 bool (*on_event)(void *arg, const void *event, size_t len), void *arg);
    /* Newest first by ended_at; `customer` none: any; at most `limit`. `fn` false: stop. */
    void (*history)(struct store *s, struct td_id customer, td_ms before, uint32_t limit,
                    bool (*fn)(void *arg, const struct store_history *h), void *arg);
    bool (*history_get)(struct store *s, struct td_id contact, struct buf *record);
    uint64_t (*history_count)(struct store *s);
    uint64_t (*events)(struct store *s);   /* appended and not covered by a snapshot */
    void (*close)(struct store *s);        /* without committing */
};
struct store { /* a driver's own struct begins with this */
    const struct store_ops *ops;
    char error[256];           /* why the last call failed */
};

static inline void store_append(struct store *s, const void *e, size_t n) { s->ops->append(s, e, n); }
static inline void store_put_history(struct store *s, const struct store_history *h) { s->ops->put_history(s, h); }
static inline void store_put_snapshot(struct store *s, const void *d, size_t n) { s->ops->put_snapshot(s, d, n); }
static inline void store_put_meta(struct store *s, const char *k, const void *d, size_t n) { s->ops->put_meta(s, k, d, n); }
static inline bool store_get_meta(struct store *s, const char *k, struct buf *o) { return s->ops->get_meta(s, k, o); }
MUST_USE static inline bool store_commit(struct store *s) { return s->ops->commit(s); }
static inline void store_close(struct store *s) { if (s) s->ops->close(s); }

/* history_max: how many history records the memory driver keeps before it forgets the oldest;
 * 0: keeps none (replays that only count). */
struct store *store_memory_new(uint64_t history_max);
/* Opens or makes PATH. NULL with *error filled when it cannot, or when the file was made by a
 * newer version or is not tandem's. */
struct store *store_sqlite_open(const char *path, char *error, size_t error_cap);
