/* sqlite_internal.h - what sqlite.c and sqlite_history.c share. */
#pragma once

#include <sqlite3.h>

#include "base/codec.h"
#include "base/heap.h"
#include "base/map.h"
#include "base/mem.h"
#include "driver/store/store.h"

/* Every statement, prepared once when the store is opened: STATEMENTS(name, text). */
#define STATEMENTS(S)                                                                              \
    S(BEGIN, "BEGIN IMMEDIATE")                                                                    \
    S(COMMIT, "COMMIT")                                                                            \
    S(ROLLBACK, "ROLLBACK")                                                                        \
    S(ADD_EVENTS, "INSERT INTO events(first, count, data) VALUES(?1, ?2, ?3)")                     \
    S(DROP_EVENTS, "DELETE FROM events")                                                           \
    S(ALL_EVENTS, "SELECT first, count, data FROM events ORDER BY first")                          \
    S(LAST_EVENTS, "SELECT first + count - 1 FROM events ORDER BY first DESC LIMIT 1")             \
    S(SET_SNAPSHOT, "INSERT OR REPLACE INTO snapshot(one, position, data) VALUES(1, ?1, ?2)")      \
    S(GET_SNAPSHOT, "SELECT position, data FROM snapshot")                                         \
    S(GET_POSITION, "SELECT position FROM snapshot")                                               \
    S(SET_META, "INSERT OR REPLACE INTO meta(key, value) VALUES(?1, ?2)")                          \
    S(GET_META, "SELECT value FROM meta WHERE key = ?1")                                           \
    S(ADD_RECORD, "INSERT INTO history(id, contact, customer, epoch, version, started_at,"         \
                  " ended_at, record) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")                     \
    S(SET_RECORD, "UPDATE history SET contact = ?2, customer = ?3, epoch = ?4, version = ?5,"      \
                  " started_at = ?6, ended_at = ?7, record = ?8 WHERE id = ?1")                    \
    S(GET_RECORD, "SELECT contact, customer, epoch, version, started_at, ended_at, record"         \
                  " FROM history WHERE id = ?1")                                                   \
    S(LAST_RECORD, "SELECT max(id) FROM history")                                                  \
    S(TAIL_RECORDS, "SELECT id, contact, customer, ended_at FROM history WHERE id >= ?1"           \
                    " ORDER BY id")                                                                \
    S(SET_INDEXED, "INSERT OR REPLACE INTO indexed(one, below) VALUES(1, ?1)")                     \
    S(GET_INDEXED, "SELECT below FROM indexed")                                                    \
    S(ADD_CONTACT, "INSERT OR IGNORE INTO history_contact(contact, id) VALUES(?1, ?2)")            \
    S(FIND_CONTACT, "SELECT id FROM history_contact WHERE contact = ?1")                           \
    S(ADD_ENDED, "INSERT OR IGNORE INTO history_ended(ended_at, contact, id) VALUES(?1, ?2, ?3)")  \
    S(DROP_ENDED, "DELETE FROM history_ended WHERE ended_at = ?1 AND contact = ?2")                \
    S(LIST_ENDED, "SELECT ended_at, contact, id FROM history_ended"                                \
                  " WHERE (ended_at, contact) < (?1, ?2)"                                          \
                  " ORDER BY ended_at DESC, contact DESC")                                         \
    S(ADD_CUSTOMER, "INSERT OR IGNORE INTO history_customer(customer, ended_at, contact, id)"      \
                    " VALUES(?4, ?1, ?2, ?3)")                                                     \
    S(DROP_CUSTOMER, "DELETE FROM history_customer"                                                \
                     " WHERE customer = ?4 AND ended_at = ?1 AND contact = ?2")                    \
    S(LIST_CUSTOMER, "SELECT ended_at, contact, id FROM history_customer"                          \
                     " WHERE customer = ?3 AND (ended_at, contact) < (?1, ?2)"                     \
                     " ORDER BY ended_at DESC, contact DESC")

#define STATEMENT_NAME(name, text) Q_##name,
enum statement { STATEMENTS(STATEMENT_NAME) STATEMENT_COUNT };

/* ---- history that is not in the indexes yet; sqlite_history.c tells why ---- */

struct tail_entry {
    struct td_id contact, customer;
    td_ms ended_at;
};

struct generation { /* records with the ids first, first + 1, ... */
    uint64_t first;
    uint32_t count, cap;
    struct tail_entry *entry;
    struct heap by_contact, by_customer; /* -> id; what is still to go into each index */
};

struct tail {
    struct generation filling, draining;
    struct map128 by_contact; /* -> low half of the id; those not in history_contact yet */
    uint32_t owed;            /* records taken since the last draining */
};

/* ---- the store ---- */

struct row { /* events of the next commit that share a row */
    uint64_t first;
    uint32_t count;
    size_t at; /* in `events` */
};

struct new_history {
    struct store_history h; /* but for its record: */
    size_t at;              /* in `records` */
};

struct sqlite_store {
    struct store s;
    sqlite3 *db;
    sqlite3_stmt *statement[STATEMENT_COUNT];
    char *path;
    char failure[512];           /* why a commit failed: no more of them; "" */
    uint64_t committed, covered; /* positions: of the last event, of the snapshot's last */
    uint64_t next_id;            /* of a history record; they count from 1 without gaps */
    struct tail tail;

    /* put since the last commit */
    uint64_t position; /* of the last event appended */
    struct buf events; /* each behind its length, a varint */
    struct row *row;
    size_t rows, rows_cap;
    struct buf snapshot;
    uint64_t snapshot_position;
    bool has_snapshot;
    struct buf metas; /* key and value, each behind its length */
    struct new_history *history;
    size_t histories, histories_cap;
    struct buf records;
};

/* Runs a statement that gives no rows. False: store->error is set. */
bool sqlite__run(struct sqlite_store *q, enum statement n);
/* The next row of a statement: true; else *failed tells whether that was the end or an error. The
 * statement is reset by sqlite__end, or by the last row. */
bool sqlite__next(struct sqlite_store *q, enum statement n, bool *failed);
void sqlite__end(struct sqlite_store *q, enum statement n);
void sqlite__bind_int(struct sqlite_store *q, enum statement n, int at, uint64_t v);
void sqlite__bind_bytes(struct sqlite_store *q, enum statement n, int at, const void *p,
                        size_t len); /* not copied */
/* A single number; `none` when there is no row or it is NULL. */
bool sqlite__get_int(struct sqlite_store *q, enum statement n, uint64_t none, uint64_t *out);
void sqlite__error(struct sqlite_store *q, const char *doing);

bool sqlite__history_commit(struct sqlite_store *q); /* inside the transaction */
bool sqlite__history_load(struct sqlite_store *q);   /* after opening and after a failed commit */
bool sqlite__history_settle(struct sqlite_store *q); /* after opening */
size_t sqlite__history_bytes(const struct sqlite_store *q); /* of memory */
void sqlite__history_free(struct sqlite_store *q);
bool sqlite__history(struct store *s, struct td_id customer, struct store_cursor before,
                     uint32_t limit, bool (*fn)(void *, const struct store_history *), void *arg);
bool sqlite__history_get(struct store *s, struct td_id contact, struct buf *record);
uint64_t sqlite__history_count(struct store *s);

static inline struct sqlite_store *sqlite__of(struct store *s)
{
    return CONTAINER_OF(s, struct sqlite_store, s);
}
