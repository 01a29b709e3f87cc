/* The store in one SQLite file a node.
 *
 * A commit is one transaction in the write-ahead log, forced to disk (synchronous=FULL) before
 * store_commit returns (https://www.sqlite.org/wal.html). What is put before it waits in memory, so
 * that an event costs a copy and not a statement: all events of a commit are one row. A snapshot
 * empties the table of events; those appended before it in the same commit are never written.
 *
 * One process has the file to itself (locking_mode=EXCLUSIVE), which also keeps the index of the
 * write-ahead log in memory instead of in a shared file.
 *
 * Killed at any moment, the file holds exactly the transactions that were completed, and maybe the
 * one that was being completed, whole: tests/test_store_kill.c. */
#include "driver/store/sqlite_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    APPLICATION_ID = 0x74616e64, /* "tand", for file(1) and against other programs' files */
    SCHEMA_VERSION = 1,          /* PRAGMA user_version; a file of a higher one is refused */
    ROW_MAX = 4 << 20,           /* a row of events is closed when it has grown to this */
};

/* Sizes: pages of 8 KB halve the calls of the sequential writes at hardly more cost for the
 * indexes; a checkpoint after 1,000 pages (8 MB) keeps the log in the page cache and a checkpoint
 * at some milliseconds; the log file, once large for a snapshot, is cut back to 64 MB. Events hold
 * no personal data, so freed pages need not be overwritten (Debian's SQLite does by default). */
static const char setup_sql[] = "PRAGMA synchronous=FULL;"
                                "PRAGMA wal_autocheckpoint=1000;"
                                "PRAGMA journal_size_limit=67108864;"
                                "PRAGMA cache_size=-16384;"
                                "PRAGMA secure_delete=OFF;"
                                "PRAGMA trusted_schema=OFF;";

static const char schema_sql[] =
    "BEGIN EXCLUSIVE;"
    "CREATE TABLE events(first INTEGER PRIMARY KEY, count INTEGER NOT NULL, data BLOB NOT NULL);"
    "CREATE TABLE snapshot(one INTEGER PRIMARY KEY, position INTEGER NOT NULL,"
    " data BLOB NOT NULL);"
    "CREATE TABLE meta(key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE history(id INTEGER PRIMARY KEY, contact BLOB NOT NULL, customer BLOB,"
    " epoch INTEGER NOT NULL, version INTEGER NOT NULL, started_at INTEGER NOT NULL,"
    " ended_at INTEGER NOT NULL, record BLOB NOT NULL);"
    "CREATE TABLE history_contact(contact BLOB PRIMARY KEY, id INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE history_customer(customer BLOB, ended_at INTEGER, contact BLOB,"
    " id INTEGER NOT NULL, PRIMARY KEY(customer, ended_at, contact)) WITHOUT ROWID;"
    "CREATE TABLE history_ended(ended_at INTEGER, contact BLOB, id INTEGER NOT NULL,"
    " PRIMARY KEY(ended_at, contact)) WITHOUT ROWID;"
    "CREATE TABLE indexed(one INTEGER PRIMARY KEY, below INTEGER NOT NULL);"
    "PRAGMA application_id=%d;"
    "PRAGMA user_version=%d;"
    "COMMIT;";

#define STATEMENT_TEXT(name, text) [Q_##name] = text,
static const char *const statement_text[STATEMENT_COUNT] = {STATEMENTS(STATEMENT_TEXT)};

/* ---- statements ---- */

void sqlite__error(struct sqlite_store *q, const char *doing)
{
    int code = sqlite3_errcode(q->db), os = sqlite3_system_errno(q->db);
    const char *remedy = code == SQLITE_FULL    ? "; make room on the disk and start again"
                         : code == SQLITE_IOERR ? "; look after the disk and start again"
                                                : "";
    bool system = os && (code == SQLITE_IOERR || code == SQLITE_FULL);
    snprintf(q->s.error, sizeof q->s.error, "%s: %s: %s%s%s%s%s", q->path, doing,
             sqlite3_errmsg(q->db), system ? " (" : "", system ? strerror(os) : "",
             system ? ")" : "", remedy);
}

bool sqlite__run(struct sqlite_store *q, enum statement n)
{
    bool done = sqlite3_step(q->statement[n]) == SQLITE_DONE;
    if (!done)
        sqlite__error(q, "cannot write");
    sqlite3_reset(q->statement[n]);
    return done;
}

bool sqlite__next(struct sqlite_store *q, enum statement n, bool *failed)
{
    int code = sqlite3_step(q->statement[n]);
    *failed = code != SQLITE_ROW && code != SQLITE_DONE;
    if (*failed)
        sqlite__error(q, "cannot read");
    if (code != SQLITE_ROW)
        sqlite3_reset(q->statement[n]);
    return code == SQLITE_ROW;
}

void sqlite__end(struct sqlite_store *q, enum statement n)
{
    sqlite3_reset(q->statement[n]);
}

void sqlite__bind_int(struct sqlite_store *q, enum statement n, int at, uint64_t v)
{
    BUG_ON(sqlite3_bind_int64(q->statement[n], at, (sqlite3_int64)v) != SQLITE_OK);
}

void sqlite__bind_bytes(struct sqlite_store *q, enum statement n, int at, const void *p, size_t len)
{
    /* The only way to fail is a length beyond SQLite's limit of 10^9: then NULL stays bound, which
     * the table refuses, and so the commit fails. */
    if (sqlite3_bind_blob64(q->statement[n], at, len ? p : "", len, SQLITE_STATIC) != SQLITE_OK)
        sqlite3_bind_null(q->statement[n], at);
}

bool sqlite__get_int(struct sqlite_store *q, enum statement n, uint64_t none, uint64_t *out)
{
    bool failed;
    *out = none;
    if (!sqlite__next(q, n, &failed))
        return !failed;
    if (sqlite3_column_type(q->statement[n], 0) != SQLITE_NULL)
        *out = (uint64_t)sqlite3_column_int64(q->statement[n], 0);
    sqlite__end(q, n);
    return true;
}

/* ---- puts ---- */

static void row_open(struct sqlite_store *q)
{
    if (q->rows == q->rows_cap) {
        q->rows_cap = q->rows_cap ? q->rows_cap * 2 : 4;
        q->row = mem_grow(q->row, q->rows_cap, sizeof *q->row);
    }
    q->row[q->rows++] = (struct row){.first = q->position + 1, .at = q->events.len};
}

static void sqlite_append(struct store *s, const void *event, size_t len)
{
    struct sqlite_store *q = sqlite__of(s);
    if (UNLIKELY(!q->rows || q->events.len - q->row[q->rows - 1].at >= ROW_MAX))
        row_open(q);
    put_str(&q->events, event, len);
    q->row[q->rows - 1].count++;
    q->position++;
}

static void sqlite_put_history(struct store *s, const struct store_history *h)
{
    struct sqlite_store *q = sqlite__of(s);
    if (q->histories == q->histories_cap) {
        q->histories_cap = q->histories_cap ? q->histories_cap * 2 : 16;
        q->history = mem_grow(q->history, q->histories_cap, sizeof *q->history);
    }
    q->history[q->histories++] = (struct new_history){*h, q->records.len};
    put_bytes(&q->records, h->record, h->record_len);
}

static void sqlite_put_snapshot(struct store *s, const void *data, size_t len)
{
    struct sqlite_store *q = sqlite__of(s);
    buf_reset(&q->snapshot);
    put_bytes(&q->snapshot, data, len);
    q->has_snapshot = true;
    q->snapshot_position = q->position;
    q->rows = 0;
    buf_reset(&q->events);
}

static void sqlite_put_meta(struct store *s, const char *key, const void *data, size_t len)
{
    struct sqlite_store *q = sqlite__of(s);
    put_str(&q->metas, key, strlen(key));
    put_str(&q->metas, data, len);
}

/* What a commit took, or a crash; memory is kept but for a snapshot's, which is large and rare. */
static void forget_puts(struct sqlite_store *q)
{
    q->position = q->committed;
    q->rows = 0;
    q->histories = 0;
    q->has_snapshot = false;
    buf_reset(&q->events);
    buf_reset(&q->metas);
    buf_reset(&q->records);
    buf_free(&q->snapshot);
}

static void sqlite_crash(struct store *s)
{
    forget_puts(sqlite__of(s));
}

/* ---- commit ---- */

static bool commit_snapshot(struct sqlite_store *q)
{
    sqlite__bind_int(q, Q_SET_SNAPSHOT, 1, q->snapshot_position);
    sqlite__bind_bytes(q, Q_SET_SNAPSHOT, 2, q->snapshot.data, q->snapshot.len);
    return sqlite__run(q, Q_SET_SNAPSHOT) && sqlite__run(q, Q_DROP_EVENTS);
}

static bool commit_events(struct sqlite_store *q)
{
    for (size_t i = 0; i < q->rows; i++) {
        const struct row *r = &q->row[i];
        size_t end = i + 1 < q->rows ? q->row[i + 1].at : q->events.len;
        sqlite__bind_int(q, Q_ADD_EVENTS, 1, r->first);
        sqlite__bind_int(q, Q_ADD_EVENTS, 2, r->count);
        sqlite__bind_bytes(q, Q_ADD_EVENTS, 3, q->events.data + r->at, end - r->at);
        if (!sqlite__run(q, Q_ADD_EVENTS))
            return false;
    }
    return true;
}

static bool commit_metas(struct sqlite_store *q)
{
    struct reader r = reader_of(q->metas.data, q->metas.len);
    while (reader_left(&r)) {
        size_t key_len, len;
        const char *key = reader_str(&r, &key_len), *value = reader_str(&r, &len);
        sqlite3_bind_text(q->statement[Q_SET_META], 1, key, (int)key_len, SQLITE_STATIC);
        sqlite__bind_bytes(q, Q_SET_META, 2, value, len);
        if (!sqlite__run(q, Q_SET_META))
            return false;
    }
    return true;
}

static bool sqlite_commit(struct store *s)
{
    struct sqlite_store *q = sqlite__of(s);
    if (q->failure[0]) {
        str_copy(s->error, sizeof s->error, q->failure);
        forget_puts(q);
        return false;
    }
    s->error[0] = 0;
    if (!q->rows && !q->has_snapshot && !q->histories && !q->metas.len)
        return true;
    if (sqlite__run(q, Q_BEGIN) && (!q->has_snapshot || commit_snapshot(q)) && commit_events(q) &&
        commit_metas(q) && sqlite__history_commit(q) && sqlite__run(q, Q_COMMIT)) {
        if (q->has_snapshot)
            q->covered = q->snapshot_position;
        q->committed = q->position;
        forget_puts(q);
        return true;
    }
    str_copy(q->failure, sizeof q->failure, s->error);
    if (!sqlite3_get_autocommit(q->db)) /* SQLite has rolled back by itself after some errors */
        sqlite__run(q, Q_ROLLBACK);
    forget_puts(q);
    sqlite__history_load(q);
    str_copy(s->error, sizeof s->error, q->failure);
    return false;
}

/* ---- reading ---- */

static bool sqlite_get_meta(struct store *s, const char *key, struct buf *out)
{
    struct sqlite_store *q = sqlite__of(s);
    sqlite3_stmt *get = q->statement[Q_GET_META];
    bool failed;
    s->error[0] = 0;
    sqlite3_bind_text(get, 1, key, -1, SQLITE_STATIC);
    if (!sqlite__next(q, Q_GET_META, &failed))
        return false;
    const void *value = sqlite3_column_blob(get, 0);
    buf_add(out, value, (size_t)sqlite3_column_bytes(get, 0));
    sqlite__end(q, Q_GET_META);
    return true;
}

static bool damaged(struct sqlite_store *q, uint64_t position)
{
    snprintf(q->s.error, sizeof q->s.error, "%s: event %llu is missing or damaged", q->path,
             (unsigned long long)position);
    return false;
}

/* The events of the present row; *position: the last event before them. */
static bool load_row(struct sqlite_store *q, uint64_t *position,
                     bool (*on_event)(void *, const void *, size_t), void *arg)
{
    sqlite3_stmt *row = q->statement[Q_ALL_EVENTS];
    uint64_t first = (uint64_t)sqlite3_column_int64(row, 0);
    uint64_t count = (uint64_t)sqlite3_column_int64(row, 1);
    const void *data = sqlite3_column_blob(row, 2);
    struct reader r = reader_of(data, (size_t)sqlite3_column_bytes(row, 2));
    if (first != *position + 1)
        return damaged(q, *position + 1);
    for (uint64_t i = 0; i < count; i++) {
        size_t len;
        const char *event = reader_str(&r, &len);
        if (r.bad)
            return damaged(q, *position + 1);
        if (!on_event(arg, event, len))
            return false;
        ++*position;
    }
    return reader_end_ok(&r) || damaged(q, *position);
}

static bool sqlite_load(struct store *s, bool (*on_snapshot)(void *, const void *, size_t),
                        bool (*on_event)(void *, const void *, size_t), void *arg)
{
    struct sqlite_store *q = sqlite__of(s);
    sqlite3_stmt *get = q->statement[Q_GET_SNAPSHOT];
    uint64_t position = 0;
    bool failed, ok = true;
    s->error[0] = 0;
    if (sqlite__next(q, Q_GET_SNAPSHOT, &failed)) {
        position = (uint64_t)sqlite3_column_int64(get, 0);
        const void *data = sqlite3_column_blob(get, 1);
        ok = on_snapshot(arg, data ? data : "", (size_t)sqlite3_column_bytes(get, 1));
        sqlite__end(q, Q_GET_SNAPSHOT);
    }
    if (failed || !ok)
        return false;
    while (sqlite__next(q, Q_ALL_EVENTS, &failed))
        if (!load_row(q, &position, on_event, arg)) {
            sqlite__end(q, Q_ALL_EVENTS);
            return false;
        }
    return !failed;
}

static uint64_t sqlite_events(struct store *s)
{
    const struct sqlite_store *q = sqlite__of(s);
    return q->committed - q->covered;
}

/* ---- opening and closing ---- */

static void sqlite_close(struct store *s)
{
    struct sqlite_store *q = sqlite__of(s);
    for (int i = 0; i < STATEMENT_COUNT; i++)
        sqlite3_finalize(q->statement[i]);
    sqlite3_close(q->db);
    sqlite__history_free(q);
    buf_free(&q->events);
    buf_free(&q->snapshot);
    buf_free(&q->metas);
    buf_free(&q->records);
    mem_free(q->history);
    mem_free(q->row);
    mem_free(q->path);
    mem_free(q);
}

static size_t sqlite_bytes(struct store *s)
{
    struct sqlite_store *q = sqlite__of(s);
    static const int parts[] = {SQLITE_DBSTATUS_CACHE_USED, SQLITE_DBSTATUS_SCHEMA_USED,
                                SQLITE_DBSTATUS_STMT_USED};
    size_t n = sqlite__history_bytes(q) + q->events.cap + q->snapshot.cap + q->metas.cap +
               q->records.cap + q->rows_cap * sizeof *q->row +
               q->histories_cap * sizeof *q->history;
    for (size_t i = 0; i < COUNTOF(parts); i++) {
        int now = 0, most = 0;
        if (sqlite3_db_status(q->db, parts[i], &now, &most, 0) == SQLITE_OK)
            n += (size_t)now;
    }
    return n;
}

static const struct store_ops sqlite_ops = {
    .name = "sqlite",
    .append = sqlite_append,
    .put_history = sqlite_put_history,
    .put_snapshot = sqlite_put_snapshot,
    .put_meta = sqlite_put_meta,
    .get_meta = sqlite_get_meta,
    .commit = sqlite_commit,
    .crash = sqlite_crash,
    .load = sqlite_load,
    .history = sqlite__history,
    .history_get = sqlite__history_get,
    .history_count = sqlite__history_count,
    .events = sqlite_events,
    .bytes = sqlite_bytes,
    .close = sqlite_close,
};

/* SQLite tries again read-only and then tells why that failed: asks the system itself. */
static bool refuse_path(struct sqlite_store *q)
{
    int fd = open(q->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    snprintf(q->s.error, sizeof q->s.error, "%s: cannot be opened: %s", q->path,
             fd < 0 ? strerror(errno) : sqlite3_errmsg(q->db));
    if (fd >= 0)
        close(fd);
    return false;
}

/* Why the file could not be opened, in words that say what to do. */
static bool refuse(struct sqlite_store *q, const char *doing)
{
    const char *why = NULL;
    switch (sqlite3_errcode(q->db)) {
    case SQLITE_BUSY:
        why =
            "another tandem has it open; stop that one first, or give this one a store of its own";
        break;
    case SQLITE_NOTADB: why = "this is not a store of tandem; give another path"; break;
    case SQLITE_CORRUPT:
        why = "the store is damaged; put it aside, the node gets all facts from its peers again";
        break;
    }
    if (why)
        snprintf(q->s.error, sizeof q->s.error, "%s: %s", q->path, why);
    else
        sqlite__error(q, doing);
    return false;
}

static bool pragma_int(struct sqlite_store *q, const char *pragma, int *out)
{
    sqlite3_stmt *get = NULL;
    bool ok = sqlite3_prepare_v2(q->db, pragma, -1, &get, NULL) == SQLITE_OK &&
              sqlite3_step(get) == SQLITE_ROW;
    if (ok)
        *out = sqlite3_column_int(get, 0);
    sqlite3_finalize(get);
    return ok;
}

/* Nothing is written before it is certain that the file is new or tandem's. */
static bool identify(struct sqlite_store *q, bool *is_new)
{
    int application, version, schema;
    if (sqlite3_db_readonly(q->db, "main")) {
        snprintf(q->s.error, sizeof q->s.error,
                 "%s: it cannot be written; change its owner or its permissions", q->path);
        return false;
    }
    if (sqlite3_exec(q->db, "PRAGMA locking_mode=EXCLUSIVE", NULL, NULL, NULL) != SQLITE_OK ||
        !pragma_int(q, "PRAGMA application_id", &application) ||
        !pragma_int(q, "PRAGMA user_version", &version) ||
        !pragma_int(q, "PRAGMA schema_version", &schema))
        return refuse(q, "cannot read");
    *is_new = !application && !version && !schema;
    if (!*is_new && application != APPLICATION_ID) {
        snprintf(q->s.error, sizeof q->s.error,
                 "%s: this is another program's database; give another path", q->path);
        return false;
    }
    if (version > SCHEMA_VERSION) {
        snprintf(q->s.error, sizeof q->s.error,
                 "%s: made by a newer tandem (its format is %d, this one knows %d); "
                 "start that version, or give another path",
                 q->path, version, SCHEMA_VERSION);
        return false;
    }
    return true;
}

static bool set_up(struct sqlite_store *q, bool is_new)
{
    char sql[sizeof schema_sql + 32];
    int n = snprintf(sql, sizeof sql, schema_sql, APPLICATION_ID, SCHEMA_VERSION);
    BUG_ON(n < 0 || (size_t)n >= sizeof sql);
    if (is_new && (chmod(q->path, 0600) != 0 || /* the log gets the same permissions */
                   sqlite3_exec(q->db, "PRAGMA page_size=8192", NULL, NULL, NULL) != SQLITE_OK))
        return refuse(q, "cannot make it");
    if (sqlite3_exec(q->db, "PRAGMA journal_mode=WAL", NULL, NULL, NULL) != SQLITE_OK ||
        sqlite3_exec(q->db, setup_sql, NULL, NULL, NULL) != SQLITE_OK ||
        (is_new && sqlite3_exec(q->db, sql, NULL, NULL, NULL) != SQLITE_OK))
        return refuse(q, "cannot make it");
    for (int i = 0; i < STATEMENT_COUNT; i++)
        if (sqlite3_prepare_v3(q->db, statement_text[i], -1, SQLITE_PREPARE_PERSISTENT,
                               &q->statement[i], NULL) != SQLITE_OK)
            return refuse(q, "cannot use it");
    return true;
}

static bool open_file(struct sqlite_store *q)
{
    bool is_new;
    if (!q->path[0] || q->path[0] == ':') { /* SQLite takes these for places in memory */
        snprintf(q->s.error, sizeof q->s.error, "\"%s\" is no path of a store", q->path);
        return false;
    }
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    if (sqlite3_open_v2(q->path, &q->db, flags, NULL) != SQLITE_OK)
        return refuse_path(q);
    return identify(q, &is_new) && set_up(q, is_new) &&
           sqlite__get_int(q, Q_GET_POSITION, 0, &q->covered) &&
           sqlite__get_int(q, Q_LAST_EVENTS, q->covered, &q->committed) &&
           sqlite__history_load(q) && sqlite__history_settle(q);
}

struct store *store_sqlite_open(const char *path, char *error, size_t error_cap)
{
    struct sqlite_store *q = mem_new(1, sizeof *q);
    q->s.ops = &sqlite_ops;
    q->path = mem_strdup(path);
    if (!open_file(q)) {
        str_copy(error, error_cap, q->s.error);
        sqlite_close(&q->s);
        return NULL;
    }
    q->position = q->committed;
    return &q->s;
}
