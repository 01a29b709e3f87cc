/* The history of contacts in the SQLite store.
 *
 * Records are rows in the order they came. Three indexes lead to them: by contact, by customer and
 * by the time of ending. The last grows at its end like the rows themselves. The other two are in
 * the order of random numbers: put in at once, nearly every record would change a page of its own
 * in each, and most of the write-ahead log would be such pages (bench_store with generations of one
 * record: 40 us of processor time a contact instead of 15).
 *
 * So these two lag behind. Records are taken up in generations of TAIL_LEN. While one generation
 * fills, the one before is put into the two indexes, in each in the order of that index and as fast
 * as new records come: neighbours share pages, and no moment is longer than another. Until then a
 * record is found in memory. The same transactions that put entries into the indexes remember below
 * which id all are in; what is above is read again when the store is opened. Doing an entry twice
 * changes nothing. (The idea is that of the log-structured merge-tree with two levels: O'Neil and
 * others, "The log-structured merge-tree", Acta Informatica 33, 1996.) */
#include "driver/store/sqlite_internal.h"

#include <stdlib.h>

enum {
    TAIL_LEN = 16384, /* records a generation; two take 5 MB at most */
    DRAIN_MIN = 64,   /* records at a time: fewer share too few pages */
};

/* Ids are 16 bytes in the order of their numbers, so that SQLite compares as the port says. */
static void id_bytes(struct td_id id, uint8_t out[16])
{
    for (int i = 0; i < 8; i++) {
        out[i] = (uint8_t)(id.hi >> (56 - 8 * i));
        out[8 + i] = (uint8_t)(id.lo >> (56 - 8 * i));
    }
}

static struct td_id id_column(sqlite3_stmt *row, int at)
{
    struct td_id id = {0, 0};
    const uint8_t *p = sqlite3_column_blob(row, at);
    if (p && sqlite3_column_bytes(row, at) == 16)
        for (int i = 0; i < 8; i++) {
            id.hi = id.hi << 8 | p[i];
            id.lo = id.lo << 8 | p[8 + i];
        }
    return id;
}

static bool newer(struct store_cursor a, struct store_cursor b)
{
    if (a.ended_at != b.ended_at)
        return a.ended_at > b.ended_at;
    return a.contact.hi != b.contact.hi ? a.contact.hi > b.contact.hi : a.contact.lo > b.contact.lo;
}

/* ---- the tail: what is not in the indexes yet ---- */

static int64_t heap_key(uint64_t hi) /* signed, in the order of the unsigned */
{
    return (int64_t)(hi ^ (uint64_t)1 << 63);
}

static void tail_add(struct sqlite_store *q, uint64_t id, struct tail_entry e)
{
    struct generation *g = &q->tail.filling;
    if (g->count == g->cap) {
        g->cap = g->cap ? g->cap * 2 : 256;
        g->entry = mem_grow(g->entry, g->cap, sizeof *g->entry);
    }
    if (!g->count)
        g->first = id;
    g->entry[g->count++] = e;
    heap_push(&g->by_contact, heap_key(e.contact.hi), e.contact.lo, id);
    if (!id_none(e.customer))
        heap_push(&g->by_customer, heap_key(e.customer.hi), e.customer.lo, id);
    map128_insert(&q->tail.by_contact, e.contact.hi, e.contact.lo, (uint32_t)id);
    q->tail.owed++;
}

static struct tail_entry *tail_entry(struct sqlite_store *q, uint64_t id)
{
    struct generation *of[] = {&q->tail.filling, &q->tail.draining};
    for (size_t i = 0; i < COUNTOF(of); i++)
        if (of[i]->count && id >= of[i]->first && id - of[i]->first < of[i]->count)
            return &of[i]->entry[id - of[i]->first];
    return NULL;
}

static bool tail_find(struct sqlite_store *q, struct td_id contact, uint64_t *id)
{
    uint32_t low;
    if (!map128_find(&q->tail.by_contact, contact.hi, contact.lo, &low))
        return false;
    /* The ids of the tail lie close together, below the next one. */
    *id = q->next_id - (uint32_t)((uint32_t)q->next_id - low);
    return true;
}

static void generation_clear(struct generation *g)
{
    g->count = 0;
    g->by_contact.count = 0;
    g->by_customer.count = 0;
}

static void generation_free(struct generation *g)
{
    mem_free(g->entry);
    heap_free(&g->by_contact);
    heap_free(&g->by_customer);
}

static bool index_contact(struct sqlite_store *q, struct td_id contact, uint64_t id)
{
    uint8_t key[16];
    id_bytes(contact, key);
    sqlite__bind_bytes(q, Q_ADD_CONTACT, 1, key, sizeof key);
    sqlite__bind_int(q, Q_ADD_CONTACT, 2, id);
    return sqlite__run(q, Q_ADD_CONTACT);
}

/* ADD_ENDED, DROP_ENDED, ADD_CUSTOMER or DROP_CUSTOMER. */
static bool index_run(struct sqlite_store *q, enum statement n, const struct tail_entry *e,
                      uint64_t id)
{
    uint8_t contact[16], customer[16];
    id_bytes(e->contact, contact);
    sqlite__bind_int(q, n, 1, (uint64_t)e->ended_at);
    sqlite__bind_bytes(q, n, 2, contact, sizeof contact);
    if (n == Q_ADD_ENDED || n == Q_ADD_CUSTOMER)
        sqlite__bind_int(q, n, 3, id);
    if (n == Q_ADD_CUSTOMER || n == Q_DROP_CUSTOMER) {
        if (id_none(e->customer))
            return true;
        id_bytes(e->customer, customer);
        sqlite__bind_bytes(q, n, 4, customer, sizeof customer);
    }
    return sqlite__run(q, n);
}

/* A full generation begins to drain, when the one before has. */
static void tail_turn(struct tail *t)
{
    if (t->draining.count || t->filling.count < TAIL_LEN)
        return;
    struct generation empty = t->draining;
    t->draining = t->filling;
    t->filling = empty;
}

/* The draining generation is in the indexes: remembers that. */
static bool tail_drained(struct sqlite_store *q)
{
    struct generation *g = &q->tail.draining;
    if (!g->count)
        return true;
    sqlite__bind_int(q, Q_SET_INDEXED, 1, g->first + g->count);
    generation_clear(g);
    return sqlite__run(q, Q_SET_INDEXED);
}

/* n entries into each index, or as many as there are in full generations. */
static bool tail_drain(struct sqlite_store *q, uint32_t n)
{
    struct tail *t = &q->tail;
    for (; n > 0; n--) {
        struct generation *g = &t->draining;
        struct heap_item i;
        if (!g->by_contact.count && !g->by_customer.count) {
            if (!tail_drained(q))
                return false;
            tail_turn(t);
            if (!g->count)
                break;
        }
        if (heap_pop(&g->by_contact, &i)) {
            const struct tail_entry *e = &g->entry[i.value - g->first];
            if (!index_contact(q, e->contact, i.value))
                return false;
            map128_erase(&t->by_contact, e->contact.hi, e->contact.lo);
        }
        if (heap_pop(&g->by_customer, &i) &&
            !index_run(q, Q_ADD_CUSTOMER, &g->entry[i.value - g->first], i.value))
            return false;
    }
    return true;
}

bool sqlite__history_load(struct sqlite_store *q)
{
    uint64_t below, last;
    bool failed;
    sqlite3_stmt *row = q->statement[Q_TAIL_RECORDS];
    generation_clear(&q->tail.filling);
    generation_clear(&q->tail.draining);
    map128_free(&q->tail.by_contact);
    if (!sqlite__get_int(q, Q_LAST_RECORD, 0, &last) ||
        !sqlite__get_int(q, Q_GET_INDEXED, 1, &below))
        return false;
    q->next_id = last + 1;
    sqlite__bind_int(q, Q_TAIL_RECORDS, 1, below);
    while (sqlite__next(q, Q_TAIL_RECORDS, &failed)) {
        tail_add(q, (uint64_t)sqlite3_column_int64(row, 0),
                 (struct tail_entry){id_column(row, 1), id_column(row, 2),
                                     sqlite3_column_int64(row, 3)});
        tail_turn(&q->tail);
    }
    q->tail.owed = 0;
    return !failed;
}

/* What was half drained before is drained at once: a node that is often started again would never
 * be done with it otherwise, and its tail would grow. */
bool sqlite__history_settle(struct sqlite_store *q)
{
    uint32_t n = q->tail.draining.count;
    return !n || (sqlite__run(q, Q_BEGIN) && tail_drain(q, n) && tail_drained(q) &&
                  sqlite__run(q, Q_COMMIT));
}

static size_t generation_bytes(const struct generation *g)
{
    return g->cap * sizeof *g->entry +
           (g->by_contact.cap + g->by_customer.cap) * sizeof *g->by_contact.item;
}

size_t sqlite__history_bytes(const struct sqlite_store *q)
{
    return generation_bytes(&q->tail.filling) + generation_bytes(&q->tail.draining) +
           q->tail.by_contact.cap * sizeof *q->tail.by_contact.slot;
}

void sqlite__history_free(struct sqlite_store *q)
{
    generation_free(&q->tail.filling);
    generation_free(&q->tail.draining);
    map128_free(&q->tail.by_contact);
}

/* ---- writing ---- */

/* The contact's row; 0: it has none. */
static bool find(struct sqlite_store *q, struct td_id contact, uint64_t *id)
{
    if (tail_find(q, contact, id))
        return true;
    uint8_t key[16];
    id_bytes(contact, key);
    sqlite__bind_bytes(q, Q_FIND_CONTACT, 1, key, sizeof key);
    return sqlite__get_int(q, Q_FIND_CONTACT, 0, id);
}

static bool write_record(struct sqlite_store *q, enum statement n, uint64_t id,
                         const struct new_history *new)
{
    const struct store_history *h = &new->h;
    uint8_t contact[16], customer[16];
    id_bytes(h->contact, contact);
    id_bytes(h->customer, customer);
    sqlite__bind_int(q, n, 1, id);
    sqlite__bind_bytes(q, n, 2, contact, sizeof contact);
    if (id_none(h->customer))
        sqlite3_bind_null(q->statement[n], 3);
    else
        sqlite__bind_bytes(q, n, 3, customer, sizeof customer);
    sqlite__bind_int(q, n, 4, h->epoch);
    sqlite__bind_int(q, n, 5, h->version);
    sqlite__bind_int(q, n, 6, (uint64_t)h->started_at);
    sqlite__bind_int(q, n, 7, (uint64_t)h->ended_at);
    sqlite__bind_bytes(q, n, 8, q->records.data + new->at, h->record_len);
    return sqlite__run(q, n);
}

/* Reads the present row of GET_RECORD; record points into it. */
static struct store_history record_row(sqlite3_stmt *row)
{
    struct store_history h = {
        .contact = id_column(row, 0),
        .customer = id_column(row, 1),
        .epoch = (uint64_t)sqlite3_column_int64(row, 2),
        .version = (uint32_t)sqlite3_column_int64(row, 3),
        .started_at = sqlite3_column_int64(row, 4),
        .ended_at = sqlite3_column_int64(row, 5),
    };
    h.record = sqlite3_column_blob(row, 6);
    h.record_len = (size_t)sqlite3_column_bytes(row, 6);
    return h;
}

/* The contact has a record already: the newer one stays. */
static bool replace(struct sqlite_store *q, uint64_t id, const struct new_history *new)
{
    bool failed;
    const struct store_history *h = &new->h;
    sqlite__bind_int(q, Q_GET_RECORD, 1, id);
    if (!sqlite__next(q, Q_GET_RECORD, &failed))
        return !failed;
    struct store_history old = record_row(q->statement[Q_GET_RECORD]);
    sqlite__end(q, Q_GET_RECORD);
    if (h->epoch != old.epoch ? h->epoch < old.epoch : h->version <= old.version)
        return true;
    if (!write_record(q, Q_SET_RECORD, id, new))
        return false;
    if (h->ended_at == old.ended_at && id_eq(h->customer, old.customer))
        return true;
    struct tail_entry was = {old.contact, old.customer, old.ended_at};
    struct tail_entry is = {h->contact, h->customer, h->ended_at}, *e = tail_entry(q, id);
    if (e)
        *e = is;
    return index_run(q, Q_DROP_ENDED, &was, id) && index_run(q, Q_ADD_ENDED, &is, id) &&
           index_run(q, Q_DROP_CUSTOMER, &was, id) && index_run(q, Q_ADD_CUSTOMER, &is, id);
}

bool sqlite__history_commit(struct sqlite_store *q)
{
    for (size_t i = 0; i < q->histories; i++) {
        const struct new_history *new = &q->history[i];
        struct tail_entry e = {new->h.contact, new->h.customer, new->h.ended_at};
        uint64_t id;
        if (!find(q, e.contact, &id))
            return false;
        if (id) {
            if (!replace(q, id, new))
                return false;
            continue;
        }
        id = q->next_id;
        if (!write_record(q, Q_ADD_RECORD, id, new) || !index_run(q, Q_ADD_ENDED, &e, id))
            return false;
        q->next_id++;
        tail_add(q, id, e);
    }
    uint32_t n = q->tail.owed; /* as fast as records come */
    if (n < DRAIN_MIN)
        return true;
    q->tail.owed = 0;
    return tail_drain(q, n);
}

/* ---- reading ---- */

struct found { /* a record of the tail, or the present row of a list */
    struct store_cursor at;
    uint64_t id;
};

static int newest_first(const void *a, const void *b)
{
    const struct found *x = a, *y = b;
    return newer(x->at, y->at) ? -1 : newer(y->at, x->at);
}

/* The customer's records in the tail, newest first; the caller frees them. */
static struct found *tail_select(const struct sqlite_store *q, struct td_id customer,
                                 struct store_cursor before, size_t *count)
{
    const struct generation *of[] = {&q->tail.filling, &q->tail.draining};
    struct found *all = NULL;
    size_t n = 0, cap = 0;
    for (size_t i = 0; i < COUNTOF(of); i++)
        for (uint32_t k = 0; k < of[i]->count; k++) {
            const struct tail_entry *e = &of[i]->entry[k];
            struct store_cursor at = {e->ended_at, e->contact};
            if (!id_eq(e->customer, customer) || !newer(before, at))
                continue;
            if (n == cap) {
                cap = cap ? cap * 2 : 16;
                all = mem_grow(all, cap, sizeof *all);
            }
            all[n++] = (struct found){at, of[i]->first + k};
        }
    if (n)
        qsort(all, n, sizeof *all, newest_first);
    *count = n;
    return all;
}

/* Hands one record to fn; *more becomes false when fn has enough. */
static bool hand_out(struct sqlite_store *q, uint64_t id,
                     bool (*fn)(void *, const struct store_history *), void *arg, bool *more)
{
    bool failed;
    sqlite__bind_int(q, Q_GET_RECORD, 1, id);
    if (!sqlite__next(q, Q_GET_RECORD, &failed))
        return !failed;
    struct store_history h = record_row(q->statement[Q_GET_RECORD]);
    *more = fn(arg, &h);
    sqlite__end(q, Q_GET_RECORD);
    return true;
}

bool sqlite__history(struct store *s, struct td_id customer, struct store_cursor before,
                     uint32_t limit, bool (*fn)(void *, const struct store_history *), void *arg)
{
    struct sqlite_store *q = sqlite__of(s);
    enum statement list = id_none(customer) ? Q_LIST_ENDED : Q_LIST_CUSTOMER;
    sqlite3_stmt *row = q->statement[list];
    uint8_t contact[16], key[16];
    size_t tails = 0, t = 0;
    struct found *tail = NULL;
    s->error[0] = 0;
    id_bytes(before.contact, contact);
    sqlite__bind_int(q, list, 1, (uint64_t)before.ended_at);
    sqlite__bind_bytes(q, list, 2, contact, sizeof contact);
    if (list == Q_LIST_CUSTOMER) {
        id_bytes(customer, key);
        sqlite__bind_bytes(q, list, 3, key, sizeof key);
        tail = tail_select(q, customer, before, &tails);
    }
    bool failed = false, more = true, advance = true, has_row = false;
    for (; limit > 0 && more && !failed; limit--) { /* merges the two, both newest first */
        struct found r = {0};
        if (advance)
            has_row = sqlite__next(q, list, &failed);
        if (failed || (!has_row && t == tails))
            break;
        if (has_row)
            r = (struct found){{sqlite3_column_int64(row, 0), id_column(row, 1)},
                               (uint64_t)sqlite3_column_int64(row, 2)};
        bool from_tail = t < tails && (!has_row || !newer(r.at, tail[t].at));
        /* A record may be in both for a while, and is the same then. */
        advance = has_row && (!from_tail || r.id == tail[t].id);
        uint64_t id = from_tail ? tail[t++].id : r.id;
        failed = !hand_out(q, id, fn, arg, &more);
    }
    sqlite__end(q, list);
    mem_free(tail);
    return !failed;
}

bool sqlite__history_get(struct store *s, struct td_id contact, struct buf *record)
{
    struct sqlite_store *q = sqlite__of(s);
    bool failed;
    uint64_t id;
    s->error[0] = 0;
    if (!find(q, contact, &id) || !id)
        return false;
    sqlite__bind_int(q, Q_GET_RECORD, 1, id);
    if (!sqlite__next(q, Q_GET_RECORD, &failed))
        return false;
    struct store_history h = record_row(q->statement[Q_GET_RECORD]);
    buf_add(record, h.record, h.record_len);
    sqlite__end(q, Q_GET_RECORD);
    return true;
}

uint64_t sqlite__history_count(struct store *s)
{
    return sqlite__of(s)->next_id - 1;
}
