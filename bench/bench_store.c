/* bench_store - what a contact costs in the stores of five nodes, on one core.
 *
 *   bench_store replay|memory|sqlite [CONTACTS [EVENTS_A_COMMIT [FOLDER]]]
 *
 * replay is the memory driver that keeps no history, memory the one that keeps 100,000 records.
 * A contact is 5 events of 120 bytes and one history record of 300 bytes, in each of the stores;
 * commits are made every 60 events, snapshots of 2 MB every 200,000. Prints, per contact and node,
 * processor time and time by the clock (which has the waits for the disk in it), and what commits
 * took. SQLite's files are left behind in FOLDER (.) as bench-0.db ... for a look. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/rng.h"
#include "driver/store/store.h"

enum {
    NODES = 5,
    EVENTS = 5,
    EVENT_LEN = 120,
    RECORD_LEN = 300,
    SNAPSHOT_LEN = 2 << 20,
    SNAPSHOT_EVENTS = 200000,
    CUSTOMERS = 200000,
};

static double seconds(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

struct times { /* of commits, in milliseconds */
    double *ms;
    size_t count, cap;
};

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void times_add(struct times *t, double ms)
{
    if (t->count == t->cap) {
        t->cap = t->cap ? t->cap * 2 : 1024;
        t->ms = mem_grow(t->ms, t->cap, sizeof *t->ms);
    }
    t->ms[t->count++] = ms;
}

static void commit(struct store *s, struct times *t)
{
    double start = seconds(CLOCK_MONOTONIC);
    if (!store_commit(s)) {
        fprintf(stderr, "bench_store: %s\n", s->error);
        exit(1);
    }
    times_add(t, (seconds(CLOCK_MONOTONIC) - start) * 1e3);
}

static void contact(struct store *s, uint64_t i, const char *bytes)
{
    for (int e = 0; e < EVENTS; e++)
        store_append(s, bytes + e, EVENT_LEN);
    store_put_history(s, &(struct store_history){
                             .contact = {mix64(i), mix64(~i)},
                             .customer = {mix64(mix64(i + 7) % CUSTOMERS), 1},
                             .epoch = 1,
                             .version = 1,
                             .started_at = 1700000000000 + (td_ms)i,
                             .ended_at = 1700000000000 + (td_ms)(i + mix64(i) % 1000),
                             .record = bytes,
                             .record_len = RECORD_LEN,
                         });
}

static struct store *store_at(const char *driver, const char *folder, int node)
{
    static const char *const ends[] = {"", "-wal"};
    char path[4200], error[512];
    if (strcmp(driver, "sqlite") != 0)
        return store_memory_new(strcmp(driver, "replay") == 0 ? 0 : 100000);
    for (size_t i = COUNTOF(ends); i-- > 0;) {
        snprintf(path, sizeof path, "%s/bench-%d.db%s", folder, node, ends[i]);
        unlink(path);
    }
    struct store *s = store_sqlite_open(path, error, sizeof error);
    if (!s) {
        fprintf(stderr, "bench_store: %s\n", error);
        exit(1);
    }
    return s;
}

int main(int argc, char **argv)
{
    const char *driver = argc > 1 ? argv[1] : "memory";
    uint64_t contacts = argc > 2 ? strtoull(argv[2], NULL, 10) : 200000;
    uint64_t a_commit = argc > 3 ? strtoull(argv[3], NULL, 10) : 60, events = 0, since = 0;
    struct store *s[NODES];
    struct times t = {0};
    char *bytes = mem_new(SNAPSHOT_LEN, 1);
    for (size_t i = 0; i < SNAPSHOT_LEN; i++)
        bytes[i] = (char)mix64(i);
    for (int n = 0; n < NODES; n++)
        s[n] = store_at(driver, argc > 4 ? argv[4] : ".", n);
    double cpu = seconds(CLOCK_PROCESS_CPUTIME_ID), wall = seconds(CLOCK_MONOTONIC);
    for (uint64_t i = 0; i < contacts; i++) {
        bool full = (since += EVENTS) >= a_commit, snapshot = (events += EVENTS) >= SNAPSHOT_EVENTS;
        for (int n = 0; n < NODES; n++) {
            contact(s[n], i, bytes);
            if (snapshot)
                store_put_snapshot(s[n], bytes, SNAPSHOT_LEN);
            if (full)
                commit(s[n], &t);
        }
        since = full ? 0 : since;
        events = snapshot ? 0 : events;
    }
    cpu = (seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu) * 1e6 / (double)contacts / NODES;
    wall = (seconds(CLOCK_MONOTONIC) - wall) * 1e6 / (double)contacts / NODES;
    qsort(t.ms, t.count, sizeof *t.ms, by_size);
    printf("%s: %llu contacts, %d nodes, %llu events a commit: processor %.2f us, clock %.2f us a "
           "contact and node",
           driver, (unsigned long long)contacts, NODES, (unsigned long long)a_commit, cpu, wall);
    if (t.count)
        printf("; commits: median %.3f, 99 %% %.3f, longest %.1f ms", t.ms[t.count / 2],
               t.ms[t.count * 99 / 100], t.ms[t.count - 1]);
    printf("\n");
    for (int n = 0; n < NODES; n++)
        store_close(s[n]);
    mem_free(bytes);
    mem_free(t.ms);
    return 0;
}
