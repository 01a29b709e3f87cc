/* store: one suite that every driver passes, then what is SQLite's own.
 *
 * Each test runs once a row of `drivers`. `again` is what a crash does to a store: the memory
 * driver forgets what was not committed, SQLite does that too, or is closed and opened again. */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "store_fixture.h"
#include "tap.h"

struct place {
    struct folder folder;
    struct store *s;
};

static void open_memory(struct place *p)
{
    p->s = store_memory_new(1000000);
}

static void open_sqlite(struct place *p)
{
    char error[512] = "";
    p->s = store_sqlite_open(p->folder.store, error, sizeof error);
    if (!p->s) {
        printf("# %s\n", error);
        abort(); /* no test has anything to say then */
    }
}

static void again_in_place(struct place *p)
{
    p->s->ops->crash(p->s);
}

static void again_from_disk(struct place *p)
{
    store_close(p->s);
    open_sqlite(p);
}

static const struct driver {
    const char *name;
    void (*open)(struct place *p), (*again)(struct place *p);
} drivers[] = {
    {"memory", open_memory, again_in_place},
    {"sqlite, in place", open_sqlite, again_in_place},
    {"sqlite, opened again", open_sqlite, again_from_disk},
};

static void each_driver(void (*fn)(struct place *, const struct driver *, struct rng *),
                        struct rng *rng)
{
    for (size_t i = 0; i < COUNTOF(drivers) && !tap_fails; i++) {
        struct place p = {0};
        struct rng same = *rng;
        if (!folder_make(&p.folder))
            abort();
        drivers[i].open(&p);
        fn(&p, &drivers[i], &same);
        store_close(p.s);
        folder_remove(&p.folder);
        if (tap_fails)
            printf("# driver: %s\n", drivers[i].name);
    }
}
#define ON_EACH(kind, fn)                                                                          \
    static void fn##_on(struct place *p, const struct driver *d, struct rng *rng);                 \
    kind                                                                                           \
    {                                                                                              \
        each_driver(fn##_on, rng);                                                                 \
    }                                                                                              \
    static void fn##_on(struct place *p, __attribute__((unused)) const struct driver *d,           \
                        __attribute__((unused)) struct rng *rng)
#define EACH(fn)         ON_EACH(TEST(fn), fn)
#define EACH_PROP(fn, n) ON_EACH(PROP(fn, n), fn)

/* ---- what a store holds, as text: "S(abc) one two" ---- */

static bool dump_snapshot(void *arg, const void *data, size_t len)
{
    buf_fmt(arg, "S(%.*s)", (int)len, (const char *)data);
    return true;
}

static bool dump_event(void *arg, const void *data, size_t len)
{
    buf_fmt(arg, " %.*s", (int)len, (const char *)data);
    return true;
}

static void check_load(struct store *s, const char *want)
{
    struct buf b = {0};
    buf_str(&b, "");
    CHECK(s->ops->load(s, dump_snapshot, dump_event, &b));
    CHECK_STR(b.data, want);
    buf_free(&b);
}

static void append(struct store *s, const char *event)
{
    store_append(s, event, strlen(event));
}

static void snapshot(struct store *s, const char *data)
{
    store_put_snapshot(s, data, strlen(data));
}

static void check_meta(struct store *s, const char *key, const char *want)
{
    struct buf b = {0};
    buf_str(&b, "<");
    CHECK_EQ(store_get_meta(s, key, &b), want != NULL);
    CHECK_STR(b.data + 1, want ? want : "");
    buf_free(&b);
}

static void put(struct store *s, uint64_t contact, uint64_t customer, uint64_t epoch,
                uint32_t version, td_ms ended_at, const char *record)
{
    store_put_history(s, &(struct store_history){.contact = {contact, 5},
                                                 .customer = {customer, customer ? 6 : 0},
                                                 .epoch = epoch,
                                                 .version = version,
                                                 .started_at = ended_at - 1000,
                                                 .ended_at = ended_at,
                                                 .record = record,
                                                 .record_len = strlen(record)});
}

static bool dump_history(void *arg, const struct store_history *h)
{
    buf_fmt(arg, " %" PRIu64 "@%" PRId64 "=%.*s", h->contact.hi, h->ended_at, (int)h->record_len,
            (const char *)h->record);
    return true;
}

static void check_history(struct store *s, uint64_t customer, struct store_cursor before,
                          uint32_t limit, const char *want)
{
    struct buf b = {0};
    buf_str(&b, "");
    CHECK(s->ops->history(s, (struct td_id){customer, customer ? 6 : 0}, before, limit,
                          dump_history, &b));
    CHECK_STR(b.data, want);
    buf_free(&b);
}

static void check_record(struct store *s, uint64_t contact, const char *want)
{
    struct buf b = {0};
    buf_str(&b, "<");
    CHECK_EQ(s->ops->history_get(s, (struct td_id){contact, 5}, &b), want != NULL);
    CHECK_STR(b.data + 1, want ? want : "");
    CHECK_STR(s->error, "");
    buf_free(&b);
}

/* ---- every driver ---- */

EACH(an_empty_store_answers)
{
    check_load(p->s, "");
    check_meta(p->s, "epoch", NULL);
    check_history(p->s, 0, STORE_NEWEST, 10, "");
    check_history(p->s, 7, STORE_NEWEST, 10, "");
    check_record(p->s, 1, NULL);
    CHECK_EQ(p->s->ops->history_count(p->s), 0);
    CHECK_EQ(p->s->ops->events(p->s), 0);
    CHECK(store_commit(p->s)); /* of nothing */
    d->again(p);
    check_load(p->s, "");
}

EACH(events_come_back_in_order)
{
    append(p->s, "one");
    append(p->s, "two");
    append(p->s, "");
    CHECK(store_commit(p->s));
    append(p->s, "four");
    CHECK(store_commit(p->s));
    CHECK_EQ(p->s->ops->events(p->s), 4);
    check_load(p->s, " one two  four");
    check_load(p->s, " one two  four"); /* as often as one likes */
    d->again(p);
    check_load(p->s, " one two  four");
    append(p->s, "five");
    CHECK(store_commit(p->s));
    d->again(p);
    check_load(p->s, " one two  four five");
    CHECK_EQ(p->s->ops->events(p->s), 5);
}

EACH(what_is_not_committed_is_not_seen_and_does_not_survive)
{
    static const char big[200000];
    append(p->s, "kept");
    snapshot(p->s, "kept");
    append(p->s, "one");
    store_put_meta(p->s, "epoch", "7", 1);
    put(p->s, 1, 9, 1, 1, 5000, "a");
    CHECK(store_commit(p->s));

    append(p->s, "lost");
    snapshot(p->s, "lost");
    append(p->s, "lost too");
    store_put_meta(p->s, "epoch", "8", 1);
    store_put_meta(p->s, "clock", "1", 1);
    put(p->s, 1, 9, 2, 1, 6000, "b");
    put(p->s, 2, 9, 1, 1, 7000, "c");
    for (int i = 0; i < 3; i++) /* more than the memory driver allocates at a time */
        store_append(p->s, big, sizeof big);
    for (int crashed = 0; crashed < 2; crashed++) {
        check_load(p->s, "S(kept) one");
        CHECK_EQ(p->s->ops->events(p->s), 1);
        check_meta(p->s, "epoch", "7");
        check_meta(p->s, "clock", NULL);
        check_history(p->s, 9, STORE_NEWEST, 10, " 1@5000=a");
        check_history(p->s, 0, STORE_NEWEST, 10, " 1@5000=a");
        check_record(p->s, 1, "a");
        check_record(p->s, 2, NULL);
        CHECK_EQ(p->s->ops->history_count(p->s), 1);
        if (!crashed)
            d->again(p);
    }
    append(p->s, "two"); /* takes the position of what was lost */
    CHECK(store_commit(p->s));
    d->again(p);
    check_load(p->s, "S(kept) one two");
}

EACH(a_snapshot_forgets_what_it_covers)
{
    append(p->s, "one");
    append(p->s, "two");
    CHECK(store_commit(p->s));
    append(p->s, "three"); /* covered, though of the same commit */
    snapshot(p->s, "1-3");
    append(p->s, "four");
    CHECK(store_commit(p->s));
    check_load(p->s, "S(1-3) four");
    CHECK_EQ(p->s->ops->events(p->s), 1);
    d->again(p);
    check_load(p->s, "S(1-3) four");
    append(p->s, "five");
    snapshot(p->s, "wrong");
    append(p->s, "six");
    snapshot(p->s, "1-6"); /* the last of a commit counts */
    CHECK(store_commit(p->s));
    CHECK_EQ(p->s->ops->events(p->s), 0);
    d->again(p);
    check_load(p->s, "S(1-6)");
    append(p->s, "seven");
    CHECK(store_commit(p->s));
    snapshot(p->s, ""); /* alone in its commit, and empty */
    CHECK(store_commit(p->s));
    d->again(p);
    check_load(p->s, "S()");
}

static bool stop_at_once(void *arg, const void *data, size_t len)
{
    ++*(int *)arg;
    return false;
}

EACH(loading_stops_when_told)
{
    int calls = 0;
    append(p->s, "one");
    append(p->s, "two");
    CHECK(store_commit(p->s));
    CHECK(!p->s->ops->load(p->s, stop_at_once, stop_at_once, &calls));
    CHECK_EQ(calls, 1);
    CHECK_STR(p->s->error, "");
    snapshot(p->s, "s");
    append(p->s, "three");
    CHECK(store_commit(p->s));
    calls = 0;
    CHECK(!p->s->ops->load(p->s, stop_at_once, stop_at_once, &calls));
    CHECK_EQ(calls, 1);
    check_load(p->s, "S(s) three");
}

EACH(named_values_are_replaced)
{
    store_put_meta(p->s, "epoch", "7", 1);
    store_put_meta(p->s, "epoch", "88", 2); /* the last of a commit counts */
    store_put_meta(p->s, "none", NULL, 0);
    CHECK(store_commit(p->s));
    check_meta(p->s, "epoch", "88");
    check_meta(p->s, "none", "");
    check_meta(p->s, "Epoch", NULL);
    store_put_meta(p->s, "epoch", "9", 1);
    CHECK(store_commit(p->s));
    d->again(p);
    check_meta(p->s, "epoch", "9");
    check_meta(p->s, "none", "");
}

EACH(the_higher_epoch_and_version_stays)
{
    put(p->s, 1, 9, 2, 3, 5000, "2.3");
    CHECK(store_commit(p->s));
    put(p->s, 1, 9, 2, 2, 6000, "older version");
    put(p->s, 1, 9, 1, 9, 6000, "older epoch");
    put(p->s, 1, 9, 2, 3, 6000, "the same");
    CHECK(store_commit(p->s));
    check_record(p->s, 1, "2.3");
    check_history(p->s, 9, STORE_NEWEST, 10, " 1@5000=2.3");
    put(p->s, 1, 9, 2, 4, 6000, "2.4");
    put(p->s, 1, 9, 3, 0, 7000, "3.0"); /* both in one commit */
    put(p->s, 1, 9, 2, 5, 8000, "2.5");
    CHECK(store_commit(p->s));
    d->again(p);
    check_record(p->s, 1, "3.0");
    check_history(p->s, 9, STORE_NEWEST, 10, " 1@7000=3.0");
    check_history(p->s, 0, STORE_NEWEST, 10, " 1@7000=3.0");
    CHECK_EQ(p->s->ops->history_count(p->s), 1);
    put(p->s, 1, 9, UINT64_MAX, 1, 9000, "last"); /* epochs are unsigned */
    CHECK(store_commit(p->s));
    put(p->s, 1, 9, 4, 1, 9000, "4.1");
    CHECK(store_commit(p->s));
    d->again(p);
    check_record(p->s, 1, "last");
}

EACH(a_record_may_get_another_customer)
{
    put(p->s, 1, 0, 1, 1, 5000, "nobody");
    put(p->s, 2, 8, 1, 1, 5001, "x");
    CHECK(store_commit(p->s));
    check_history(p->s, 0, STORE_NEWEST, 10, " 2@5001=x 1@5000=nobody");
    put(p->s, 1, 9, 1, 2, 5000, "nine");
    put(p->s, 2, 0, 1, 2, 4000, "y");
    CHECK(store_commit(p->s));
    for (int i = 0; i < 2; i++) {
        check_history(p->s, 9, STORE_NEWEST, 10, " 1@5000=nine");
        check_history(p->s, 8, STORE_NEWEST, 10, "");
        check_history(p->s, 0, STORE_NEWEST, 10, " 1@5000=nine 2@4000=y");
        d->again(p);
    }
}

EACH(history_is_read_page_by_page)
{
    put(p->s, 3, 9, 1, 1, 5000, "a");
    put(p->s, 1, 9, 1, 1, 6000, "b");
    put(p->s, UINT64_MAX, 9, 1, 1, 5000, "c"); /* the same millisecond: the greater id first */
    put(p->s, 4, 8, 1, 1, 5000, "d");
    put(p->s, 5, 9, 1, 1, -1, "e"); /* before 1970 */
    CHECK(store_commit(p->s));
    put(p->s, 6, 9, 1, 1, 7000, "f");
    CHECK(store_commit(p->s));
    for (int i = 0; i < 2; i++) {
        check_history(p->s, 9, STORE_NEWEST, 10,
                      " 6@7000=f 1@6000=b 18446744073709551615@5000=c 3@5000=a 5@-1=e");
        check_history(p->s, 9, STORE_NEWEST, 3, " 6@7000=f 1@6000=b 18446744073709551615@5000=c");
        check_history(p->s, 9, (struct store_cursor){5000, {UINT64_MAX, 5}}, 10,
                      " 3@5000=a 5@-1=e");
        check_history(p->s, 0, (struct store_cursor){5000, {UINT64_MAX, 5}}, 2,
                      " 4@5000=d 3@5000=a");
        check_history(p->s, 9, (struct store_cursor){5000, {0, 0}}, 10, " 5@-1=e");
        check_history(p->s, 9, (struct store_cursor){-1, {0, 0}}, 10, "");
        check_history(p->s, 9, STORE_NEWEST, 0, "");
        check_history(p->s, 7, STORE_NEWEST, 10, "");
        d->again(p);
    }
}

static bool stop_at_second(void *arg, const struct store_history *h)
{
    return ++*(int *)arg < 2;
}

EACH(a_reader_of_history_may_stop)
{
    int calls = 0;
    for (uint64_t i = 1; i < 5; i++)
        put(p->s, i, 9, 1, 1, 5000, "x");
    CHECK(store_commit(p->s));
    CHECK(p->s->ops->history(p->s, (struct td_id){9, 6}, STORE_NEWEST, 10, stop_at_second, &calls));
    CHECK_EQ(calls, 2);
    calls = 0;
    CHECK(p->s->ops->history(p->s, (struct td_id){0, 0}, STORE_NEWEST, 10, stop_at_second, &calls));
    CHECK_EQ(calls, 2);
    check_record(p->s, 1, "x");
}

static bool see_all(void *arg, const struct store_history *h)
{
    *(struct store_history *)arg = *h;
    return true;
}

EACH(records_keep_every_field)
{
    struct store_history h = {.contact = {0x0123456789abcdef, 0xfedcba9876543210},
                              .customer = {UINT64_MAX, 1},
                              .epoch = UINT64_MAX,
                              .version = UINT32_MAX,
                              .started_at = -5,
                              .ended_at = INT64_MAX - 1},
                         got = {0};
    store_put_history(p->s, &h);
    CHECK(store_commit(p->s));
    d->again(p);
    CHECK(p->s->ops->history(p->s, h.customer, STORE_NEWEST, 1, see_all, &got));
    CHECK(id_eq(got.contact, h.contact));
    CHECK(id_eq(got.customer, h.customer));
    CHECK(got.epoch == h.epoch && got.version == h.version);
    CHECK(got.started_at == h.started_at && got.ended_at == h.ended_at);
    CHECK_EQ(got.record_len, 0);
}

struct big {
    const struct buf *want;
    int seen;
};

static bool same_big(void *arg, const void *data, size_t len)
{
    struct big *b = arg;
    b->seen += len == b->want->len && memcmp(data, b->want->data, len) == 0;
    return true;
}

EACH(big_things_fit)
{
    struct buf b = {0}, got = {0};
    for (int i = 0; i < 1 << 20; i++)
        buf_char(&b, (char)(i * 7 >> 3));
    store_put_snapshot(p->s, b.data, b.len);
    for (int i = 0; i < 6; i++) /* more than a row of SQLite's holds */
        store_append(p->s, b.data, b.len);
    store_put_meta(p->s, "big", b.data, b.len);
    store_put_history(
        p->s, &(struct store_history){.contact = {1, 5}, .record = b.data, .record_len = b.len});
    CHECK(store_commit(p->s));
    d->again(p);
    struct big big = {&b, 0};
    CHECK(p->s->ops->load(p->s, same_big, same_big, &big));
    CHECK_EQ(big.seen, 7);
    CHECK_EQ(p->s->ops->events(p->s), 6);
    CHECK(store_get_meta(p->s, "big", &got));
    CHECK(got.len == b.len && memcmp(got.data, b.data, b.len) == 0);
    buf_reset(&got);
    CHECK(p->s->ops->history_get(p->s, (struct td_id){1, 5}, &got));
    CHECK(got.len == b.len && memcmp(got.data, b.data, b.len) == 0);
    buf_free(&b);
    buf_free(&got);
}

/* ---- against a model ---- */

enum { EVENTS = 4000, CONTACTS = 40, CUSTOMERS = 5, KEYS = 3 };
struct half { /* what is committed, or would be */
    uint64_t snapshot;
    size_t events;
    uint64_t event[EVENTS];
    uint64_t meta[KEYS];
    struct model_record {
        uint64_t record; /* 0: none */
        struct td_id customer;
        uint64_t epoch;
        uint32_t version;
        td_ms ended_at;
    } history[CONTACTS];
};
struct model {
    struct half now, next;
    uint64_t number; /* every put is told apart by one */
};

static struct td_id contact_id(uint64_t i)
{
    return (struct td_id){mix64(i) >> (i % 3 * 30), mix64(~i)};
}

static void model_put(struct model *m, struct store *s, struct rng *rng, struct buf *b)
{
    struct half *n = &m->next;
    bytes_of(b, ++m->number, 300);
    switch (rng_below(rng, 8)) {
    case 0: {
        uint64_t key = rng_below(rng, KEYS);
        char name[2] = {(char)('a' + key), 0};
        store_put_meta(s, name, b->data, b->len);
        n->meta[key] = m->number;
        break;
    }
    case 1:
        if (rng_chance(rng, 0.2)) {
            store_put_snapshot(s, b->data, b->len);
            n->snapshot = m->number;
            n->events = 0;
        }
        break;
    case 2:
    case 3:
    case 4: {
        uint64_t i = rng_below(rng, CONTACTS);
        struct model_record r = {m->number,
                                 {rng_below(rng, CUSTOMERS), 0},
                                 rng_below(rng, 3),
                                 (uint32_t)rng_below(rng, 3),
                                 (td_ms)rng_below(rng, 30)};
        store_put_history(s, &(struct store_history){contact_id(i), r.customer, r.epoch, r.version,
                                                     0, r.ended_at, b->data, b->len});
        struct model_record *old = &n->history[i];
        if (!old->record || r.epoch > old->epoch ||
            (r.epoch == old->epoch && r.version > old->version))
            *old = r;
        break;
    }
    default: store_append(s, b->data, b->len); n->event[n->events++] = m->number;
    }
}

struct walk { /* what is expected next */
    const uint64_t *number;
    size_t left;
    struct buf bytes;
    bool wrong;
};

static bool walk_bytes(struct walk *w, const void *data, size_t len)
{
    if (!w->left) {
        w->wrong = true;
        return false;
    }
    bytes_of(&w->bytes, *w->number++, 300);
    w->left--;
    w->wrong |= len != w->bytes.len || (len && memcmp(data, w->bytes.data, len) != 0);
    return true;
}

static bool walk_event(void *arg, const void *data, size_t len)
{
    return walk_bytes(arg, data, len);
}

static bool walk_record(void *arg, const struct store_history *h)
{
    return walk_bytes(arg, h->record, h->record_len);
}

struct model_snapshot {
    uint64_t number;
    struct walk *events;
    bool seen;
};

static bool model_on_snapshot(void *arg, const void *data, size_t len)
{
    struct model_snapshot *m = arg;
    struct walk w = {&m->number, 1, {0}, false};
    m->seen = true;
    walk_bytes(&w, data, len);
    CHECK(!w.wrong);
    buf_free(&w.bytes);
    return true;
}

static bool model_on_event(void *arg, const void *data, size_t len)
{
    return walk_event(((struct model_snapshot *)arg)->events, data, len);
}

static void check_model_log(const struct half *h, struct store *s)
{
    struct walk w = {h->event, h->events, {0}, false};
    struct model_snapshot sn = {h->snapshot, &w, false};
    CHECK(s->ops->load(s, model_on_snapshot, model_on_event, &sn));
    CHECK(!w.wrong);
    CHECK_EQ(w.left, 0);
    CHECK_EQ(sn.seen, h->snapshot != 0);
    CHECK_EQ(s->ops->events(s), h->events);
    for (uint64_t k = 0; k < KEYS; k++) {
        char name[2] = {(char)('a' + k), 0};
        struct buf b = {0};
        struct walk v = {&h->meta[k], 1, {0}, false};
        bool has = store_get_meta(s, name, &b);
        CHECK_EQ(has, h->meta[k] != 0);
        if (has)
            walk_bytes(&v, b.data, b.len);
        CHECK(!v.wrong);
        buf_free(&v.bytes);
        buf_free(&b);
    }
    buf_free(&w.bytes);
}

/* Is a newer than b? By bytes of ids, as people would read them. */
static bool model_newer(td_ms a_at, struct td_id a, td_ms b_at, struct td_id b)
{
    char x[ID_TEXT], y[ID_TEXT];
    id_print(a, x);
    id_print(b, y);
    return a_at != b_at ? a_at > b_at : strcmp(x, y) > 0;
}

/* A page as the model has it: the numbers of records; how many. */
static uint32_t model_page(const struct half *h, struct td_id customer, struct store_cursor before,
                           uint32_t limit, uint64_t *number)
{
    uint32_t n = 0;
    bool taken[CONTACTS] = {0};
    for (int best; n < limit; taken[best] = true, number[n++] = h->history[best].record) {
        best = -1;
        for (int i = 0; i < CONTACTS; i++) {
            const struct model_record *r = &h->history[i];
            if (!r->record || taken[i] || (!id_none(customer) && !id_eq(customer, r->customer)) ||
                !model_newer(before.ended_at, before.contact, r->ended_at, contact_id((uint64_t)i)))
                continue;
            if (best < 0 || model_newer(r->ended_at, contact_id((uint64_t)i),
                                        h->history[best].ended_at, contact_id((uint64_t)best)))
                best = i;
        }
        if (best < 0)
            break;
    }
    return n;
}

static void check_model_history(const struct half *h, struct store *s, struct rng *rng)
{
    uint64_t number[CONTACTS], count = 0;
    for (int k = 0; k < 4; k++) {
        struct td_id customer = {rng_below(rng, CUSTOMERS), 0};
        struct store_cursor before = STORE_NEWEST;
        if (rng_chance(rng, 0.5))
            before = (struct store_cursor){(td_ms)rng_below(rng, 30),
                                           contact_id(rng_below(rng, CONTACTS))};
        uint32_t limit = (uint32_t)rng_below(rng, CONTACTS + 1);
        struct walk w = {number, model_page(h, customer, before, limit, number), {0}, false};
        CHECK(s->ops->history(s, customer, before, limit, walk_record, &w));
        CHECK(!w.wrong);
        CHECK_EQ(w.left, 0);
        buf_free(&w.bytes);
    }
    for (uint64_t i = 0; i < CONTACTS; i++) {
        struct buf b = {0};
        struct walk w = {&h->history[i].record, 1, {0}, false};
        bool has = s->ops->history_get(s, contact_id(i), &b);
        CHECK_EQ(has, h->history[i].record != 0);
        if (has)
            walk_bytes(&w, b.data, b.len);
        CHECK(!w.wrong);
        count += has;
        buf_free(&w.bytes);
        buf_free(&b);
    }
    CHECK_EQ(s->ops->history_count(s), count);
}

EACH_PROP(a_store_is_what_the_model_says, 60)
{
    static struct model m;
    struct buf b = {0};
    memset(&m, 0, sizeof m);
    for (int round = 0; round < 12 && !tap_fails; round++) {
        uint64_t puts = rng_below(rng, 40);
        for (uint64_t i = 0; i < puts; i++)
            model_put(&m, p->s, rng, &b);
        if (rng_chance(rng, 0.7)) {
            CHECK(store_commit(p->s));
            m.now = m.next;
        }
        check_model_log(&m.now, p->s);
        check_model_history(&m.now, p->s, rng);
        if (rng_chance(rng, 0.3)) {
            d->again(p);
            m.next = m.now;
        }
    }
    buf_free(&b);
}

/* ---- many records: several generations of SQLite's lagging indexes ---- */

enum { MANY = 45000, MANY_CUSTOMERS = 700 };

static struct td_id many_contact(uint64_t i)
{
    return (struct td_id){mix64(i), i};
}

static uint64_t many_customer(uint64_t i)
{
    return 1 + i % MANY_CUSTOMERS;
}

static void many_put(struct store *s, uint64_t i, uint32_t version)
{
    uint64_t what[2] = {i, version};
    store_put_history(s, &(struct store_history){.contact = many_contact(i),
                                                 .customer = {many_customer(i), 6},
                                                 .epoch = 1,
                                                 .version = version,
                                                 .started_at = 0,
                                                 .ended_at = (td_ms)(i * 10 + version),
                                                 .record = what,
                                                 .record_len = sizeof what});
}

struct many {
    uint64_t i, step; /* the next expected, counting down */
    uint64_t seen;
    const uint32_t *version;
};

static bool many_seen(void *arg, const struct store_history *h)
{
    struct many *m = arg;
    uint64_t what[2];
    CHECK_EQ(h->record_len, sizeof what);
    memcpy(what, h->record, sizeof what);
    CHECK_EQ(what[0], m->i);
    CHECK_EQ(what[1], m->version[m->i]);
    CHECK(id_eq(h->contact, many_contact(m->i)));
    m->i -= m->step;
    m->seen++;
    return !tap_fails;
}

static void many_check_contact(struct store *s, uint64_t i, const uint32_t *version)
{
    uint64_t what[2] = {0};
    struct buf b = {0};
    CHECK(s->ops->history_get(s, many_contact(i), &b));
    CHECK_EQ(b.len, sizeof what);
    if (b.len == sizeof what)
        memcpy(what, b.data, sizeof what);
    CHECK(what[0] == i && what[1] == version[i]);
    CHECK(!s->ops->history_get(s, many_contact(i + MANY), &b));
    buf_free(&b);
}

static void many_check_customer(struct store *s, uint64_t of, uint64_t n, const uint32_t *version)
{
    uint64_t count = (n - 1 - of) / MANY_CUSTOMERS + 1;
    struct many mine = {of + (count - 1) * MANY_CUSTOMERS, MANY_CUSTOMERS, 0, version};
    struct td_id customer = {many_customer(of), 6};
    CHECK(s->ops->history(s, customer, STORE_NEWEST, UINT32_MAX, many_seen, &mine));
    CHECK_EQ(mine.seen, count);
}

/* Every contact and customer, or some. */
static void many_check(struct store *s, uint64_t n, const uint32_t *version, bool every)
{
    uint64_t customers = MIN(n, (uint64_t)MANY_CUSTOMERS);
    CHECK_EQ(s->ops->history_count(s), n);
    struct many all = {n - 1, 1, 0, version};
    CHECK(s->ops->history(s, (struct td_id){0, 0}, STORE_NEWEST, 2000, many_seen, &all));
    CHECK_EQ(all.seen, MIN(n, (uint64_t)2000));
    for (uint64_t of = every ? 0 : n % 29; of < customers && !tap_fails; of += every ? 1 : 29)
        many_check_customer(s, of, n, version);
    for (uint64_t i = every ? 0 : n % 97; i < n && !tap_fails; i += every ? 1 : 997)
        many_check_contact(s, i, version);
}

EACH(many_records_are_found)
{
    uint32_t *version = mem_new(MANY, sizeof *version);
    for (uint64_t n = 0, round = 0; n < MANY && !tap_fails; round++) {
        uint64_t more = 1 + rng_below(rng, 1500);
        for (uint64_t k = 0; k < more && n < MANY; k++) {
            many_put(p->s, n++, 0);
            uint64_t old = rng_below(rng, n);
            if (k % 8 == 0 && version[old] < 9)
                many_put(p->s, old, ++version[old]);
            else if (k % 8 == 1)
                many_put(p->s, old, version[old]); /* nothing new */
        }
        CHECK(store_commit(p->s));
        if (round % 4 == 0)
            many_check(p->s, n, version, false);
        if (round % 16 == 7)
            d->again(p);
    }
    many_check(p->s, MANY, version, false);
    d->again(p);
    many_check(p->s, MANY, version, true);
    mem_free(version);
}

static int64_t get_number(const char *path, const char *sql)
{
    sqlite3 *db;
    sqlite3_stmt *get = NULL;
    CHECK_EQ(sqlite3_open(path, &db), SQLITE_OK);
    CHECK_EQ(sqlite3_prepare_v2(db, sql, -1, &get, NULL), SQLITE_OK);
    int64_t n = get && sqlite3_step(get) == SQLITE_ROW ? sqlite3_column_int64(get, 0) : -1;
    sqlite3_finalize(get);
    sqlite3_close(db);
    return n;
}

/* What SQLite's indexes lack is kept in memory and read again at each start. They must not fall
 * behind by more than two generations of 16,384 and what came since the last draining, however
 * often a node is started. */
static void check_indexes_follow(int rounds_a_start)
{
    enum { BEHIND = 2 * 16384 + 2000 };
    struct place p = {0};
    uint64_t n = 0;
    CHECK(folder_make(&p.folder));
    open_sqlite(&p);
    for (int round = 1; round <= 60; round++) {
        for (int k = 0; k < 1000; k++)
            many_put(p.s, n++, 0);
        CHECK(store_commit(p.s));
        if (round % rounds_a_start == 0)
            again_from_disk(&p);
    }
    store_close(p.s);
    CHECK(get_number(p.folder.store, "SELECT count(*) FROM history_contact") > 60000 - BEHIND);
    CHECK(get_number(p.folder.store, "SELECT count(*) FROM history_customer") > 60000 - BEHIND);
    CHECK_EQ(get_number(p.folder.store, "SELECT count(*) FROM history_ended"), 60000);
    int64_t below = get_number(p.folder.store, "SELECT below FROM indexed");
    CHECK(below > 60000 - BEHIND && below <= 60001);
    folder_remove(&p.folder);
}

TEST(sqlite_indexes_follow)
{
    check_indexes_follow(61);
    check_indexes_follow(7);
}

/* ---- memory ---- */

TEST(memory_forgets_the_record_that_came_first)
{
    struct store *s = store_memory_new(3);
    put(s, 1, 9, 1, 1, 9000, "a");
    put(s, 2, 9, 1, 1, 2000, "b");
    put(s, 3, 9, 1, 1, 3000, "c");
    put(s, 1, 9, 1, 2, 1000, "A"); /* keeps its place */
    CHECK(store_commit(s));
    check_history(s, 0, STORE_NEWEST, 10, " 3@3000=c 2@2000=b 1@1000=A");
    put(s, 4, 9, 1, 1, 4000, "d");
    put(s, 5, 9, 1, 1, 500, "e");
    CHECK(store_commit(s));
    check_history(s, 9, STORE_NEWEST, 10, " 4@4000=d 3@3000=c 5@500=e");
    check_history(s, 9, STORE_NEWEST, 2, " 4@4000=d 3@3000=c");
    check_record(s, 1, NULL);
    CHECK_EQ(s->ops->history_count(s), 3);
    store_close(s);

    s = store_memory_new(0);
    put(s, 1, 9, 1, 1, 9000, "a");
    CHECK(store_commit(s));
    CHECK_EQ(s->ops->history_count(s), 0);
    check_history(s, 0, STORE_NEWEST, 10, "");
    store_close(s);
}

/* ---- SQLite: files that cannot be opened ---- */

static void check_refused(const char *path, const char *because)
{
    char error[512] = "";
    struct store *s = store_sqlite_open(path, error, sizeof error);
    CHECK(!s);
    if (!strstr(error, because))
        TAP_FAIL("\"%s\" does not say \"%s\"", error, because);
    if (path[0])
        CHECK(strstr(error, path) != NULL);
    store_close(s);
}

static void write_file(const char *path, const char *text, size_t len)
{
    FILE *f = fopen(path, "w");
    CHECK(f && fwrite(text, 1, len, f) == len);
    if (f)
        fclose(f);
}

static void read_file(const char *path, struct buf *b)
{
    char part[4096];
    FILE *f = fopen(path, "r");
    for (size_t n; f && (n = fread(part, 1, sizeof part, f)) > 0;)
        buf_add(b, part, n);
    if (f)
        fclose(f);
}

static void run_sql(const char *path, const char *sql)
{
    sqlite3 *db;
    CHECK_EQ(sqlite3_open(path, &db), SQLITE_OK);
    CHECK_EQ(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

/* A refused file is as it was before. */
static void check_refused_untouched(const char *path, const char *because)
{
    struct buf before = {0}, after = {0};
    read_file(path, &before);
    check_refused(path, because);
    read_file(path, &after);
    CHECK(before.len > 0 && before.len == after.len &&
          memcmp(before.data, after.data, before.len) == 0);
    buf_free(&before);
    buf_free(&after);
}

TEST(sqlite_says_why_a_path_cannot_be_opened)
{
    struct folder f;
    char path[320];
    char text[3000];
    CHECK(folder_make(&f));
    snprintf(path, sizeof path, "%s/none/node.db", f.path);
    check_refused(path, "cannot be opened: No such file");
    check_refused(f.path, "cannot be opened: Is a directory");
    check_refused("", "no path");
    check_refused(":memory:", "no path");

    write_file(f.store, "hello\n", 6);
    check_refused_untouched(f.store, "not a store of tandem");
    memset(text, 'x', sizeof text);
    write_file(f.store, text, sizeof text);
    check_refused_untouched(f.store, "not a store of tandem");
    folder_remove(&f);

    CHECK(folder_make(&f));
    run_sql(f.store, "CREATE TABLE theirs(a)");
    check_refused_untouched(f.store, "another program's");
    folder_remove(&f);
}

TEST(sqlite_refuses_a_newer_version)
{
    struct place p = {0};
    CHECK(folder_make(&p.folder));
    open_sqlite(&p);
    append(p.s, "one");
    CHECK(store_commit(p.s));
    store_close(p.s);
    run_sql(p.folder.store, "PRAGMA user_version=99");
    check_refused_untouched(p.folder.store, "newer tandem (its format is 99, this one knows 1)");
    run_sql(p.folder.store, "PRAGMA user_version=1");
    open_sqlite(&p);
    check_load(p.s, " one");
    store_close(p.s);
    folder_remove(&p.folder);
}

TEST(sqlite_needs_write_permission)
{
    struct place p = {0};
    CHECK(folder_make(&p.folder));
    open_sqlite(&p);
    store_close(p.s);
    struct stat st;
    CHECK(stat(p.folder.store, &st) == 0 && (st.st_mode & 0777) == 0600);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) { /* root may write anything: try as nobody */
        if (chmod(p.folder.path, 0755) || chmod(p.folder.store, 0444) ||
            (geteuid() == 0 && (setgid(65534) || setuid(65534))))
            _exit(77);
        check_refused(p.folder.store, "cannot be written");
        snprintf(p.folder.store, sizeof p.folder.store, "%s/new.db", p.folder.path);
        check_refused(p.folder.store, "Permission denied");
        fflush(stdout);
        _exit(tap_fails != 0);
    }
    int status = -1;
    waitpid(child, &status, 0);
    folder_remove(&p.folder);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
        SKIP("cannot become nobody here");
    CHECK_EQ(status, 0);
}

TEST(sqlite_is_open_in_one_place_only)
{
    struct place p = {0};
    CHECK(folder_make(&p.folder));
    open_sqlite(&p);
    check_refused(p.folder.store, "another tandem has it open"); /* in the same process */
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        check_refused(p.folder.store, "another tandem has it open");
        fflush(stdout);
        _exit(tap_fails != 0);
    }
    int status = -1;
    waitpid(child, &status, 0);
    CHECK_EQ(status, 0);
    append(p.s, "one"); /* the one who has it was not disturbed */
    CHECK(store_commit(p.s));
    again_from_disk(&p); /* and closing lets go */
    check_load(p.s, " one");
    store_close(p.s);
    folder_remove(&p.folder);
}

/* `whole`: the events before the damage, which are handed out; none is made up. */
static void check_damaged(struct place *p, const char *sql, const char *because, const char *whole)
{
    struct buf b = {0};
    store_close(p->s);
    run_sql(p->folder.store, sql);
    open_sqlite(p);
    buf_str(&b, "");
    CHECK(!p->s->ops->load(p->s, dump_snapshot, dump_event, &b));
    if (!strstr(p->s->error, because))
        TAP_FAIL("\"%s\" does not say \"%s\"", p->s->error, because);
    CHECK_STR(b.data, whole);
    buf_free(&b);
}

TEST(sqlite_notices_missing_and_damaged_events)
{
    struct place p = {0};
    CHECK(folder_make(&p.folder));
    open_sqlite(&p);
    for (int i = 0; i < 5; i++) {
        append(p.s, "one");
        append(p.s, "two");
        CHECK(store_commit(p.s));
    }
    check_damaged(&p, "UPDATE events SET data = data || x'00' WHERE first = 9", "event 10 ",
                  " one two one two one two one two one two");
    check_damaged(&p, "UPDATE events SET data = substr(data, 1, 7) WHERE first = 7", "event 8 ",
                  " one two one two one two one");
    check_damaged(&p, "DELETE FROM events WHERE first = 3", "event 3 ", " one two");
    check_damaged(&p, "DELETE FROM events WHERE first = 1", "event 1 ", "");
    store_close(p.s);
    folder_remove(&p.folder);
}

/* ---- SQLite: commits that fail ---- */

/* Fills the store until a commit fails; then nothing of that commit is kept and none succeeds. */
enum { FULL_RECORDS = 17000 };
static void fill_up(struct place *p, void (*make_room)(void))
{
    struct buf b = {0};
    char *last = NULL;
    uint32_t *version = mem_new(FULL_RECORDS, sizeof *version); /* all 0 */
    bytes_of(&b, 1, 2);
    while (b.len < 200000)
        buf_char(&b, 'x');
    append(p->s, "first");
    put(p->s, 1, 9, 1, 1, 1000, "a");
    for (uint64_t k = 0; k < FULL_RECORDS; k++) { /* so many that a generation is half drained */
        many_put(p->s, k, 0);
        if (k == 16000 || k == FULL_RECORDS - 1)
            CHECK(store_commit(p->s));
    }
    uint64_t i = 0, before = p->s->ops->history_count(p->s);
    for (; i < 1000; i++) {
        store_append(p->s, b.data, b.len);
        put(p->s, 1, 9, 1, (uint32_t)(10 + i), (td_ms)(2000 + i), "b");
        put(p->s, 2 + i, 9, 1, 1, (td_ms)(2000 + i), "c");
        store_put_meta(p->s, "n", &i, sizeof i);
        if (!store_commit(p->s))
            break;
    }
    CHECK(i > 0 && i < 1000);
    CHECK(strstr(p->s->error, p->folder.store) != NULL);
    printf("# after %" PRIu64 " commits: %s\n", i, p->s->error);
    last = mem_strdup(p->s->error);
    make_room();
    for (int opened = 0; opened < 2; opened++) {
        struct buf n = {0};
        uint64_t got = 0;
        CHECK_EQ(p->s->ops->events(p->s), 1 + i);
        CHECK_EQ(p->s->ops->history_count(p->s), before + i);
        for (uint64_t of = 0; of < MANY_CUSTOMERS && !tap_fails; of += 50)
            many_check_customer(p->s, of, FULL_RECORDS, version);
        CHECK(store_get_meta(p->s, "n", &n) && n.len == sizeof got);
        if (n.len == sizeof got)
            memcpy(&got, n.data, sizeof got);
        CHECK_EQ(got, i - 1);
        check_record(p->s, 1 + i, "c");
        check_record(p->s, 2 + i, NULL);
        buf_free(&n);
        append(p->s, "later");
        if (!opened) {
            CHECK(!store_commit(p->s));
            CHECK_STR(p->s->error, last);
            again_from_disk(p);
        }
    }
    CHECK(store_commit(p->s));
    CHECK_EQ(p->s->ops->events(p->s), 2 + i);
    mem_free(last);
    mem_free(version);
    buf_free(&b);
}

static void lift_limit(void)
{
    struct rlimit r;
    getrlimit(RLIMIT_FSIZE, &r);
    r.rlim_cur = r.rlim_max;
    setrlimit(RLIMIT_FSIZE, &r);
}

TEST(sqlite_commit_fails_whole_when_files_may_not_grow)
{
    struct place p = {0};
    struct rlimit r;
    CHECK(folder_make(&p.folder));
    open_sqlite(&p);
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &r);
    r.rlim_cur = 18 << 20;
    CHECK_EQ(setrlimit(RLIMIT_FSIZE, &r), 0);
    fill_up(&p, lift_limit);
    store_close(p.s);
    folder_remove(&p.folder);
}

static const char *ballast;
static void drop_ballast(void)
{
    unlink(ballast);
}

/* A name space for mounts: as root, or as root of a name space for users. */
static bool own_mounts(void)
{
    char map[32];
    snprintf(map, sizeof map, "0 %u 1", (unsigned)geteuid());
    if (unshare(CLONE_NEWNS) != 0) {
        if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
            return false;
        write_file("/proc/self/uid_map", map, strlen(map));
    }
    return mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

static int fill_a_small_disk(struct place *p)
{
    char path[320];
    snprintf(path, sizeof path, "%s/ballast", p->folder.path);
    if (!own_mounts() || mount("none", p->folder.path, "tmpfs", 0, "size=32m") != 0)
        return 77;
    struct buf b = {0};
    buf_reserve(&b, 8 << 20);
    memset(b.data, 'x', 8 << 20);
    write_file(path, b.data, 8 << 20); /* the room that is made later */
    buf_free(&b);
    ballast = path;
    open_sqlite(p);
    fill_up(p, drop_ballast);
    store_close(p->s);
    return tap_fails != 0;
}

TEST(sqlite_commit_fails_whole_when_the_disk_is_full)
{
    struct place p = {0};
    int status = -1;
    CHECK(folder_make(&p.folder));
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        int code = fill_a_small_disk(&p);
        fflush(stdout);
        _exit(code);
    }
    waitpid(child, &status, 0);
    folder_remove(&p.folder);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
        SKIP("no file system of one's own can be mounted here");
    CHECK_EQ(status, 0);
}

TAP_MAIN
