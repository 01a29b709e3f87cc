/* memory: what nodes hold follows the contacts that are alive, not those that have been.
 *
 * Worlds of the same load, of which one goes on four times as long, are compared by the nodes' own
 * counts (node_memory), each at its greatest over the run. Tables double when they are full, so the
 * longer run may have caught one more peak of the same load: up to twice is the same. What grew
 * with past contacts would be four times as large, as what is kept for a node that is away is. */
#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/model.h"
#include "node/world.h"
#include "tap.h"

enum {
    SHORT_MIN = 24,
    LONG_MIN = 4 * SHORT_MIN,
    SNAPSHOT_EVENTS = 5000, /* many in the short run already */
};

static const char centre[] =
    "hub: {lat: 39, lon: -77}\n"
    "sites: [{name: east, lat: 39, lon: -77}, {name: west, lat: 46, lon: -120}]\n"
    "links: {default: {latency_ms: 30}}\n"
    "queues: [{name: q, handle_s: 30, patience_s: 60}]\n"
    "profiles: [{name: p, queues: [q]}]\n"
    "agents: [{site: east, count: 200, profile: p}, {site: west, count: 200, profile: p}]\n"
    "policies: [{name: normal, shares: {east: 50, west: 50}}]\n"
    "workload:\n"
    "  load: 0.8\n"
    "  flat: true\n"
    "  duration_min: %d\n"
    "  near_site: {east: 50, west: 50}\n"
    "  demands: [{queue: q, handle_mean_s: 30, handle_cv2: 1, patience_mean_s: 60}]\n"
    "store: {commit_ms: %d, commit_events: 10000, dir: %s}\n";

struct most { /* of any node, at any minute */
    struct node_memory m;
    uint32_t slots, live;
    uint64_t contacts; /* that have been, in the end */
    uint64_t files;    /* bytes of the store's folder, in the end */
};

static void size_max(size_t *most, size_t now)
{
    *most = MAX(*most, now);
}

static void look(struct world *w, struct most *most)
{
    for (int i = 0; i < NODES_MAX; i++) {
        struct node *n = world_node(w, (uint8_t)i);
        if (!n)
            continue;
        struct node_memory m = node_memory(n);
        const struct core *k = node_core(n);
        size_max(&most->m.model, m.model);
        size_max(&most->m.kept, m.kept);
        size_max(&most->m.waiting, m.waiting);
        size_max(&most->m.store, m.store);
        most->slots = MAX(most->slots, k->contacts_cap);
        most->live = MAX(most->live, k->contacts_live);
        most->contacts = MAX(most->contacts, k->archived + k->contacts_live);
    }
}

/* Bytes of the files in a folder of ours, which goes. */
static uint64_t folder_remove(const char *dir)
{
    uint64_t bytes = 0;
    DIR *d = opendir(dir);
    for (struct dirent *e; d && (e = readdir(d));) {
        char path[600];
        struct stat s;
        snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
        if (e->d_name[0] != '.' && stat(path, &s) == 0) {
            bytes += (uint64_t)s.st_size;
            unlink(path);
        }
    }
    if (d)
        closedir(d);
    rmdir(dir);
    return bytes;
}

static struct most run(int minutes, bool durable, uint64_t history_max, bool away)
{
    char dir[] = "/tmp/tandem-memory-XXXXXX";
    struct buf text = {0}, errors = {0};
    struct most most = {0};
    BUG_ON(!mkdtemp(dir));
    buf_fmt(&text, centre, minutes, durable ? 5000 : 500, dir); /* SQLite waits for the disk */
    struct config *c = config_load(text.data, text.len, "centre", &errors);
    struct fault isolated = {.kind = FAULT_ISOLATE, .a = 1, .at_ms = 60000};
    struct world_options o = {.config = c,
                              .seed = 7,
                              .durable = durable,
                              .history_max = history_max,
                              .snapshot_events = SNAPSHOT_EVENTS,
                              .faults = &isolated,
                              .n_faults = away};
    struct world *w = c ? world_new(&o, &errors) : NULL;
    if (!w) {
        TAP_FAIL("%s", errors.data);
    } else {
        for (int i = 1; i <= minutes; i++) {
            while (world_step(w, world_start(w) + i * 60000))
                ;
            look(w, &most);
        }
        world_free(w);
    }
    config_free(c);
    buf_free(&text);
    buf_free(&errors);
    most.files = folder_remove(dir);
    return most;
}

static void check_follows_live(const struct most *brief, const struct most *lasting)
{
    printf("# %" PRIu64 " and %" PRIu64 " contacts, %u and %u alive; bytes of model %zu and %zu, "
           "kept %zu and %zu, waiting %zu and %zu, store %zu and %zu\n",
           brief->contacts, lasting->contacts, brief->live, lasting->live, brief->m.model,
           lasting->m.model, brief->m.kept, lasting->m.kept, brief->m.waiting, lasting->m.waiting,
           brief->m.store, lasting->m.store);
    CHECK(5 * lasting->contacts > 19 * brief->contacts); /* they are what they are meant to be */
    CHECK(lasting->live < 1.5 * brief->live);
    CHECK(brief->contacts > 20 * brief->slots || brief->contacts > 20 * brief->live);
    CHECK(lasting->slots <= 2 * brief->slots);
    CHECK(lasting->m.model <= 2 * brief->m.model);
    CHECK(lasting->m.kept <= 2 * brief->m.kept);
    CHECK(lasting->m.waiting <= 2 * brief->m.waiting);
}

TEST(in_memory_without_history)
{
    struct most brief = run(SHORT_MIN, false, 0, false), lasting = run(LONG_MIN, false, 0, false);
    check_follows_live(&brief, &lasting);
    CHECK(lasting.m.store <= 2 * brief.m.store);
}

TEST(in_memory_with_a_bounded_history)
{
    struct most brief = run(SHORT_MIN, false, 2000, false),
                lasting = run(LONG_MIN, false, 2000, false);
    check_follows_live(&brief, &lasting);
    CHECK(brief.contacts > 2 * 2000); /* so that the short run fills the history too */
    CHECK(lasting.m.store <= 2 * brief.m.store);
}

/* SQLite's cache fills up to its 16 MB, and the driver holds up to 8 MB for a commit and for
 * records that are not in all indexes yet. */
TEST(in_sqlite)
{
    struct most brief = run(SHORT_MIN, true, 0, false), lasting = run(LONG_MIN, true, 0, false);
    check_follows_live(&brief, &lasting);
    printf("# files %" PRIu64 " and %" PRIu64 " bytes\n", brief.files, lasting.files);
    CHECK(lasting.files > 2 * brief.files); /* the past is there */
    CHECK(lasting.m.store <= 24 << 20);
    CHECK(lasting.files > 2 * lasting.m.store);
}

/* That these figures can grow with past contacts: a node that hears nobody may still lack all. */
TEST(what_is_kept_for_a_node_that_is_away_grows)
{
    struct most brief = run(SHORT_MIN, false, 0, true), lasting = run(LONG_MIN, false, 0, true);
    CHECK(lasting.m.kept > 3 * brief.m.kept);
    CHECK(lasting.slots > 2 * brief.slots);
    CHECK(lasting.m.model > 2 * brief.m.model);
}

TAP_MAIN
