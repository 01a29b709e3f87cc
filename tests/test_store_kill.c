/* store, killed: a writer dies by SIGKILL at any moment; what it was told is kept is there, whole.
 *
 * The child commits numbered batches to one SQLite store and reports each number through a pipe
 * once store_commit has returned. The parent kills it at a random moment, opens the store and
 * looks: every reported commit is there, of the one after it all or nothing, and nothing else. The
 * next child goes on from there. What a commit holds follows from its number, so it can be
 * recomputed. */
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "base/codec.h"
#include "store_fixture.h"
#include "tap.h"

enum { ROUNDS = 60, EVENT_MAX = 400, SNAPSHOT_EVERY = 50 };

/* Commit k has 1 to 40 events, one record a third of them, one named value; sometimes a snapshot
 * in between. */
static uint64_t events_of(uint64_t k)
{
    return 1 + mix64(k) % 40;
}

static bool has_snapshot(uint64_t k)
{
    return k % SNAPSHOT_EVERY == 0;
}

static void event_of(struct buf *b, uint64_t k, uint64_t i)
{
    bytes_of(b, k << 8 | i, EVENT_MAX);
    put_u64(b, k);
    put_u64(b, i);
}

static struct td_id contact_of(uint64_t k, uint64_t i)
{
    return (struct td_id){mix64(k << 8 | i), k};
}

static void snapshot_of(struct buf *b, uint64_t k)
{
    bytes_of(b, ~k, 100000);
    put_u64(b, k);
}

static void write_commit(struct store *s, uint64_t k, struct buf *b)
{
    for (uint64_t i = 0; i < events_of(k); i++) {
        event_of(b, k, i);
        store_append(s, b->data, b->len);
        if (i % 3 == 0)
            store_put_history(s, &(struct store_history){.contact = contact_of(k, i),
                                                         .customer = {1 + k % 7, 0},
                                                         .version = 1,
                                                         .ended_at = (td_ms)k,
                                                         .record = b->data,
                                                         .record_len = b->len});
        if (i == 0 && has_snapshot(k)) {
            snapshot_of(b, k);
            store_put_snapshot(s, b->data, b->len);
        }
    }
    store_put_meta(s, "last", &k, sizeof k);
}

static void child(const char *path, uint64_t k, int report)
{
    char error[512] = "";
    struct buf b = {0};
    struct store *s = store_sqlite_open(path, error, sizeof error);
    while (s) {
        write_commit(s, ++k, &b);
        if (!store_commit(s) || write(report, &k, sizeof k) != sizeof k)
            break;
    }
    printf("# the writer stopped by itself: %s\n", s ? s->error : error);
    fflush(stdout);
    _exit(1);
}

/* ---- what is in the store ---- */

struct reading {
    uint64_t k, i; /* the event expected next */
    uint64_t wrong;
    struct buf bytes;
};

static bool on_snapshot(void *arg, const void *data, size_t len)
{
    struct reading *r = arg;
    struct reader in = reader_of(data, len);
    if (len >= 8)
        reader_bytes(&in, len - 8);
    uint64_t k = reader_u64(&in);
    snapshot_of(&r->bytes, k);
    r->wrong += !has_snapshot(k) || len != r->bytes.len || memcmp(data, r->bytes.data, len) != 0;
    r->k = k;
    r->i = 1; /* it covers the first event of its commit */
    return true;
}

static bool on_event(void *arg, const void *data, size_t len)
{
    struct reading *r = arg;
    if (r->i == events_of(r->k)) {
        r->k++;
        r->i = 0;
    }
    event_of(&r->bytes, r->k, r->i++);
    r->wrong += len != r->bytes.len || memcmp(data, r->bytes.data, len) != 0;
    return true;
}

static void check_records(struct store *s, uint64_t k, bool want)
{
    struct buf b = {0}, got = {0};
    for (uint64_t i = 0; i < events_of(k); i += 3) {
        buf_reset(&got);
        event_of(&b, k, i);
        CHECK_EQ(s->ops->history_get(s, contact_of(k, i), &got), want);
        if (want)
            CHECK(got.len == b.len && memcmp(got.data, b.data, b.len) == 0);
    }
    buf_free(&b);
    buf_free(&got);
}

/* The number of the last commit in the store, which is `acked` or the one after it. */
static uint64_t check_store(const char *path, uint64_t acked, uint64_t *records)
{
    char error[512] = "";
    struct buf b = {0};
    uint64_t last = 0;
    struct store *s = store_sqlite_open(path, error, sizeof error);
    if (!s) {
        TAP_FAIL("%s", error);
        return acked;
    }
    if (store_get_meta(s, "last", &b) && b.len == sizeof last)
        memcpy(&last, b.data, sizeof last);
    buf_free(&b);
    CHECK(last == acked || last == acked + 1);

    struct reading r = {1, 0, 0, {0}};
    CHECK(s->ops->load(s, on_snapshot, on_event, &r));
    CHECK_EQ(r.wrong, 0);
    if (last) {
        CHECK_EQ(r.k, last);
        CHECK_EQ(r.i, events_of(last));
    } else {
        CHECK_EQ(s->ops->events(s), 0);
    }
    buf_free(&r.bytes);

    for (uint64_t k = acked > 20 ? acked - 20 : 1; k <= last; k++)
        check_records(s, k, true);
    check_records(s, last + 1, false);
    for (uint64_t k = acked + 1; k <= last; k++)
        *records += (events_of(k) + 2) / 3;
    CHECK_EQ(s->ops->history_count(s), *records);
    store_close(s);
    return last;
}

/* ---- rounds ---- */

/* Kills the writer after `us` microseconds and reads what it has reported: the last one. */
static uint64_t watch(int report, pid_t pid, uint64_t acked, int64_t us, uint64_t *records)
{
    uint64_t k;
    struct timespec nap = {us / 1000000, us % 1000000 * 1000};
    nanosleep(&nap, NULL);
    kill(pid, SIGKILL);
    while (read(report, &k, sizeof k) == sizeof k) {
        CHECK_EQ(k, acked + 1);
        acked = k;
        *records += (events_of(k) + 2) / 3;
    }
    return acked;
}

TEST(killed_at_any_moment_nothing_acknowledged_is_lost)
{
    struct folder f;
    struct rng times = rng_seed((uint64_t)time(NULL), (uint64_t)getpid()); /* any will do */
    uint64_t last = 0, records = 0, unreported = 0;
    if (!folder_make(&f))
        abort();
    for (int round = 0; round < ROUNDS && !tap_fails; round++) {
        int report[2], status;
        CHECK_EQ(pipe(report), 0);
        fflush(stdout);
        pid_t pid = fork();
        if (pid == 0) {
            close(report[0]);
            child(f.store, last, report[1]);
        }
        close(report[1]);
        uint64_t acked = watch(report[0], pid, last, (int64_t)rng_below(&times, 60000), &records);
        close(report[0]);
        waitpid(pid, &status, 0);
        CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        last = check_store(f.store, acked, &records);
        unreported += last - acked;
    }
    printf("# %d kills, %" PRIu64 " commits, %" PRIu64 " whole though not reported\n", ROUNDS, last,
           unreported);
    CHECK(last > ROUNDS); /* or the writers were killed before they wrote */
    folder_remove(&f);
}

TAP_MAIN
