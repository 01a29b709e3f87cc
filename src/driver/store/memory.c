/* The store in memory, for replays, simulated worlds and tests. Nothing survives the process, but
 * everything else is as the port says: `crash` leaves exactly what was committed.
 *
 * Events lie one behind the other in chunks, each behind its length. Three marks tell what they
 * are: from `start` to `committed` they are loaded again, from there to `end` a crash takes them.
 * Committing a snapshot moves `start` and frees the chunks before it. */
#include "driver/store/store.h"

#include <string.h>

#include "base/map.h"
#include "base/mem.h"

enum {
    HISTORY_AHEAD = 8,     /* records of history whose memory is asked for beforehand */
    CHUNK_LEN = 256 << 10, /* one allocation for some 2,000 events */
    SPARE_MAX = 256, /* chunks kept for reuse, 64 MB: the log up to the next snapshot will want as
                        many again, and their pages need not be faulted in */
};

struct chunk {
    struct chunk *next;
    size_t used, cap;
    uint8_t data[];
};

struct mark { /* a place in the log, and how many events were ever appended before it */
    struct chunk *chunk;
    size_t used;
    uint64_t position;
};

struct meta {
    char *key;
    struct buf value;
};
struct metas {
    struct meta *item;
    size_t count, cap;
};

struct memory {
    struct store s;
    struct mark start, committed, end;
    struct chunk *spare;
    size_t spares;
    size_t chunk_bytes, record_bytes; /* taken for events, for records of history */

    struct buf snapshot, new_snapshot;
    bool has_snapshot, has_new_snapshot;
    struct mark covered; /* by new_snapshot */

    struct metas meta, new_meta;

    /* A ring: once it has max records, the next one takes the place of the one that came first. */
    struct store_history *history;
    uint32_t history_len, history_cap, history_max, history_oldest;
    struct map128 by_contact;
    struct store_history *new_history; /* put since the last commit */
    size_t new_len, new_cap;
};

static struct memory *of(struct store *s)
{
    return CONTAINER_OF(s, struct memory, s);
}

/* ---- events ---- */

static struct chunk *chunk_new(struct memory *m, size_t need)
{
    struct chunk *c = m->spare;
    if (c && need <= c->cap) {
        m->spare = c->next;
        m->spares--;
        c->next = NULL;
        c->used = 0;
        return c;
    }
    size_t cap = MAX(need, (size_t)CHUNK_LEN);
    c = mem_grow(NULL, sizeof *c + cap, 1);
    *c = (struct chunk){.cap = cap};
    m->chunk_bytes += sizeof *c + cap;
    return c;
}

static void chunk_free(struct memory *m, struct chunk *c)
{
    if (c->cap != CHUNK_LEN || m->spares == SPARE_MAX) {
        m->chunk_bytes -= sizeof *c + c->cap;
        mem_free(c);
        return;
    }
    c->next = m->spare;
    m->spare = c;
    m->spares++;
}

static void memory_append(struct store *s, const void *event, size_t len)
{
    struct memory *m = of(s);
    struct chunk *c = m->end.chunk;
    BUG_ON(len > UINT32_MAX);
    uint32_t n = (uint32_t)len;
    if (UNLIKELY(c->cap - c->used < sizeof n + len)) {
        c->next = chunk_new(m, sizeof n + len);
        c = m->end.chunk = c->next;
    }
    memcpy(c->data + c->used, &n, sizeof n);
    if (len)
        memcpy(c->data + c->used + sizeof n, event, len);
    c->used += sizeof n + len;
    m->end.used = c->used;
    m->end.position++;
}

static void memory_put_snapshot(struct store *s, const void *data, size_t len)
{
    struct memory *m = of(s);
    buf_reset(&m->new_snapshot);
    buf_add(&m->new_snapshot, data, len);
    m->has_new_snapshot = true;
    m->covered = m->end;
}

static void snapshot_commit(struct memory *m)
{
    struct buf old = m->snapshot;
    m->snapshot = m->new_snapshot;
    m->new_snapshot = old;
    buf_free(&m->new_snapshot); /* as large as the model; the next one is far away */
    m->has_snapshot = true;
    m->has_new_snapshot = false;
    while (m->start.chunk != m->covered.chunk) {
        struct chunk *c = m->start.chunk;
        m->start.chunk = c->next;
        chunk_free(m, c);
    }
    m->start = m->covered;
}

static bool memory_load(struct store *s, bool (*on_snapshot)(void *, const void *, size_t),
                        bool (*on_event)(void *, const void *, size_t), void *arg)
{
    struct memory *m = of(s);
    s->error[0] = 0;
    if (m->has_snapshot && !on_snapshot(arg, m->snapshot.data, m->snapshot.len))
        return false;
    size_t at = m->start.used;
    for (const struct chunk *c = m->start.chunk; c; c = c->next, at = 0) {
        size_t end = c == m->committed.chunk ? m->committed.used : c->used;
        while (at < end) {
            uint32_t n;
            memcpy(&n, c->data + at, sizeof n);
            if (!on_event(arg, c->data + at + sizeof n, n))
                return false;
            at += sizeof n + n;
        }
        if (c == m->committed.chunk)
            break;
    }
    return true;
}

static uint64_t memory_events(struct store *s)
{
    const struct memory *m = of(s);
    return m->committed.position - m->start.position;
}

/* ---- named values ---- */

static void meta_set(struct metas *list, const char *key, const void *data, size_t len)
{
    size_t i = 0;
    while (i < list->count && strcmp(list->item[i].key, key) != 0)
        i++;
    if (i == list->count) {
        if (list->count == list->cap) {
            list->cap = list->cap ? list->cap * 2 : 4;
            list->item = mem_grow(list->item, list->cap, sizeof *list->item);
        }
        list->item[list->count++] = (struct meta){.key = mem_strdup(key)};
    }
    buf_reset(&list->item[i].value);
    buf_add(&list->item[i].value, data, len);
}

static void metas_clear(struct metas *list)
{
    for (size_t i = 0; i < list->count; i++) {
        mem_free(list->item[i].key);
        buf_free(&list->item[i].value);
    }
    list->count = 0;
}

static void memory_put_meta(struct store *s, const char *key, const void *data, size_t len)
{
    meta_set(&of(s)->new_meta, key, data, len);
}

static bool memory_get_meta(struct store *s, const char *key, struct buf *out)
{
    const struct memory *m = of(s);
    s->error[0] = 0;
    for (size_t i = 0; i < m->meta.count; i++)
        if (strcmp(m->meta.item[i].key, key) == 0) {
            buf_add(out, m->meta.item[i].value.data, m->meta.item[i].value.len);
            return true;
        }
    return false;
}

/* ---- history ---- */

static void memory_put_history(struct store *s, const struct store_history *h)
{
    struct memory *m = of(s);
    if (!m->history_max)
        return;
    if (m->new_len == m->new_cap) {
        m->new_cap = m->new_cap ? m->new_cap * 2 : 64;
        m->new_history = mem_grow(m->new_history, m->new_cap, sizeof *m->new_history);
    }
    struct store_history *copy = &m->new_history[m->new_len++];
    *copy = *h;
    char *record = mem_grow(NULL, h->record_len, 1);
    if (h->record_len)
        memcpy(record, h->record, h->record_len);
    copy->record = record;
    m->record_bytes += h->record_len;
}

static void record_free(struct memory *m, struct store_history *h)
{
    m->record_bytes -= h->record_len;
    mem_free((void *)(uintptr_t)h->record); /* this driver's own copy; const for readers only */
}

/* A free place in the ring, made by forgetting what came first if need be. */
static uint32_t history_place(struct memory *m)
{
    if (m->history_len == m->history_max) {
        uint32_t i = m->history_oldest;
        m->history_oldest = (i + 1) % m->history_max;
        map128_erase(&m->by_contact, m->history[i].contact.hi, m->history[i].contact.lo);
        record_free(m, &m->history[i]);
        return i;
    }
    if (m->history_len == m->history_cap) {
        m->history_cap = MIN(m->history_max, m->history_cap ? m->history_cap * 2 : 64);
        m->history = mem_grow(m->history, m->history_cap, sizeof *m->history);
    }
    return m->history_len++;
}

static void history_commit(struct memory *m, struct store_history *h)
{
    uint32_t i;
    if (map128_find(&m->by_contact, h->contact.hi, h->contact.lo, &i)) {
        struct store_history *old = &m->history[i];
        bool newer = h->epoch != old->epoch ? h->epoch > old->epoch : h->version > old->version;
        record_free(m, newer ? old : h);
        if (newer)
            *old = *h;
        return;
    }
    i = history_place(m);
    m->history[i] = *h;
    map128_insert(&m->by_contact, h->contact.hi, h->contact.lo, i);
}

/* Asks for the memory that the i-th new record will want, and what it will be put in place of. */
static void history_prefetch(const struct memory *m, size_t i)
{
    if (i >= m->new_len)
        return;
    map128_prefetch(&m->by_contact, m->new_history[i].contact.hi, m->new_history[i].contact.lo);
    if (m->history_len < m->history_max)
        return;
    const struct store_history *old =
        &m->history[((uint64_t)m->history_oldest + HISTORY_AHEAD) % m->history_max];
    map128_prefetch(&m->by_contact, old->contact.hi, old->contact.lo);
    __builtin_prefetch((const char *)old->record - 16, 1); /* freeing it reads the word before it */
}

static bool older(const struct store_history *h, struct store_cursor than)
{
    if (h->ended_at != than.ended_at)
        return h->ended_at < than.ended_at;
    if (h->contact.hi != than.contact.hi)
        return h->contact.hi < than.contact.hi;
    return h->contact.lo < than.contact.lo;
}

static struct store_cursor cursor_of(const struct store_history *h)
{
    return (struct store_cursor){h->ended_at, h->contact};
}

/* The newest `limit` of those that match, newest first. Looking from the last that came, most are
 * older than all found so far: the list is sorted by inserting at its end. */
static uint32_t history_select(const struct memory *m, struct td_id customer,
                               struct store_cursor before, const struct store_history **best,
                               uint32_t limit)
{
    uint32_t n = 0;
    for (uint32_t k = m->history_len; k-- > 0;) {
        const struct store_history *h =
            &m->history[((uint64_t)m->history_oldest + k) % m->history_len];
        if ((!id_none(customer) && !id_eq(h->customer, customer)) || !older(h, before))
            continue;
        if (n == limit && older(h, cursor_of(best[n - 1])))
            continue;
        uint32_t at = n < limit ? n++ : n - 1;
        for (; at > 0 && older(best[at - 1], cursor_of(h)); at--)
            best[at] = best[at - 1];
        best[at] = h;
    }
    return n;
}

static bool memory_history(struct store *s, struct td_id customer, struct store_cursor before,
                           uint32_t limit, bool (*fn)(void *, const struct store_history *),
                           void *arg)
{
    const struct memory *m = of(s);
    limit = MIN(limit, m->history_len);
    s->error[0] = 0;
    if (!limit)
        return true;
    const struct store_history **best = mem_new(limit, sizeof *best);
    uint32_t n = history_select(m, customer, before, best, limit);
    for (uint32_t i = 0; i < n && fn(arg, best[i]); i++)
        ;
    mem_free(best);
    return true;
}

static bool memory_history_get(struct store *s, struct td_id contact, struct buf *record)
{
    const struct memory *m = of(s);
    uint32_t i;
    s->error[0] = 0;
    if (!map128_find(&m->by_contact, contact.hi, contact.lo, &i))
        return false;
    buf_add(record, m->history[i].record, m->history[i].record_len);
    return true;
}

static uint64_t memory_history_count(struct store *s)
{
    return of(s)->history_len;
}

/* ---- all of it ---- */

static size_t memory_bytes(struct store *s)
{
    const struct memory *m = of(s);
    return m->chunk_bytes + m->record_bytes + m->snapshot.cap + m->new_snapshot.cap +
           ((size_t)m->history_cap + m->new_cap) * sizeof *m->history +
           m->by_contact.cap * sizeof *m->by_contact.slot;
}

static bool memory_commit(struct store *s)
{
    struct memory *m = of(s);
    m->committed = m->end;
    if (m->has_new_snapshot)
        snapshot_commit(m);
    for (size_t i = 0; i < m->new_len; i++) {
        history_prefetch(m, i + HISTORY_AHEAD);
        history_commit(m, &m->new_history[i]);
    }
    m->new_len = 0;
    for (size_t i = 0; i < m->new_meta.count; i++)
        meta_set(&m->meta, m->new_meta.item[i].key, m->new_meta.item[i].value.data,
                 m->new_meta.item[i].value.len);
    metas_clear(&m->new_meta);
    return true;
}

static void memory_crash(struct store *s)
{
    struct memory *m = of(s);
    struct chunk *next;
    for (struct chunk *c = m->committed.chunk->next; c; c = next) {
        next = c->next;
        chunk_free(m, c);
    }
    m->committed.chunk->next = NULL;
    m->committed.chunk->used = m->committed.used;
    m->end = m->committed;
    m->has_new_snapshot = false;
    buf_free(&m->new_snapshot);
    for (size_t i = 0; i < m->new_len; i++)
        record_free(m, &m->new_history[i]);
    m->new_len = 0;
    metas_clear(&m->new_meta);
}

static void chunks_free(struct chunk *c)
{
    for (struct chunk *next; c; c = next) {
        next = c->next;
        mem_free(c);
    }
}

static void memory_close(struct store *s)
{
    struct memory *m = of(s);
    memory_crash(s);
    chunks_free(m->start.chunk);
    chunks_free(m->spare);
    buf_free(&m->snapshot);
    metas_clear(&m->meta);
    mem_free(m->meta.item);
    mem_free(m->new_meta.item);
    for (uint32_t i = 0; i < m->history_len; i++)
        record_free(m, &m->history[i]);
    mem_free(m->history);
    mem_free(m->new_history);
    map128_free(&m->by_contact);
    mem_free(m);
}

static const struct store_ops memory_ops = {
    .name = "memory",
    .append = memory_append,
    .put_history = memory_put_history,
    .put_snapshot = memory_put_snapshot,
    .put_meta = memory_put_meta,
    .get_meta = memory_get_meta,
    .commit = memory_commit,
    .crash = memory_crash,
    .load = memory_load,
    .history = memory_history,
    .history_get = memory_history_get,
    .history_count = memory_history_count,
    .events = memory_events,
    .bytes = memory_bytes,
    .close = memory_close,
};

struct store *store_memory_new(uint64_t history_max)
{
    struct memory *m = mem_new(1, sizeof *m);
    m->s.ops = &memory_ops;
    m->history_max = (uint32_t)MIN(history_max, (uint64_t)UINT32_MAX);
    m->s.forgets_history = !history_max;
    m->end.chunk = chunk_new(m, 0);
    m->start = m->committed = m->end;
    return &m->s;
}
