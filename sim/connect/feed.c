#include "connect/feed.h"

#include "base/log.h"
#include "connect/events.h"

#include <stdio.h>
#include <string.h>

const char *const feed_resource_types[FEEDS] = {"AGENT_EVENTS", "CONTACT_TRACE_RECORDS"};

/* ---- writing into a stream ---- */

struct held { /* a record that waits until a stall is over */
    char *arn, *key;
    struct buf data;
};

enum { RECENT = 8 }; /* how far back a record may be that comes again */
struct outlet {      /* of a region and a kind */
    bool stalled;
    double duplicates;
    struct held *held; /* a ring, oldest at head */
    uint32_t head, count, cap;
    size_t held_bytes;
    struct held recent[RECENT];
    uint32_t next_recent;
    struct feed_stats stats;
};

struct agent { /* what was last told of an agent */
    struct feed *feed;
    struct mirror *mirror;
    struct td_id id;
    struct buf before; /* his last snapshot; empty: none */
    uint8_t side;      /* the region it was told in */
    td_ms told_at;
    bool beats; /* a timer for his heartbeat is running */
};

struct feed {
    struct center *center;
    struct streams *streams;
    struct rng rng;
    struct outlet outlet[REGIONS_MAX][FEEDS];
    int64_t skew_ms[REGIONS_MAX];
    struct map128 agent_by_id;
    struct agent **agent;
    uint32_t n_agents;
    struct buf text, snapshot;
};

static uint32_t region_index(const struct feed *f, const struct region *g)
{
    return (uint32_t)(g - center_region(f->center, 0));
}

static void put(struct feed *f, struct outlet *o, const char *arn, const char *key,
                const void *data, size_t n)
{
    struct stream *s = streams_find(f->streams, arn);
    size_t key_len = MIN(strlen(key), (size_t)STREAM_KEY_MAX);
    if (!s || n > STREAM_RECORD_MAX - key_len) { /* deleted, or more than Kinesis takes */
        o->stats.lost++;
        return;
    }
    stream_put(s, center_now(f->center), stream_shard_of(s, hash_key_of(key, key_len)), key,
               key_len, data, n);
    o->stats.written++;
}

static void held_free(struct held *h)
{
    mem_free(h->arn);
    mem_free(h->key);
    buf_free(&h->data);
    *h = (struct held){0};
}

static struct held held_copy(const char *arn, const char *key, const void *data, size_t n)
{
    struct held h = {.arn = mem_strdup(arn), .key = mem_strdup(key)};
    buf_add(&h.data, data, n);
    return h;
}

static void let_go(struct outlet *o)
{
    o->held_bytes -= o->held[o->head].data.len;
    held_free(&o->held[o->head]);
    o->head = (o->head + 1) % o->cap;
    o->count--;
}

static void hold(struct outlet *o, const char *arn, const char *key, const void *data, size_t n)
{
    if (o->count == o->cap) {
        uint32_t cap = o->cap ? o->cap * 2 : 64;
        struct held *held = mem_new(cap, sizeof *held);
        for (uint32_t i = 0; i < o->count; i++)
            held[i] = o->held[(o->head + i) % o->cap];
        mem_free(o->held);
        o->held = held;
        o->cap = cap;
        o->head = 0;
    }
    o->held[(o->head + o->count++) % o->cap] = held_copy(arn, key, data, n);
    o->held_bytes += n;
    while (o->held_bytes > FEED_HELD_MAX) {
        let_go(o);
        o->stats.lost++;
    }
}

/* Half of what comes twice comes twice at once, as when a producer did not hear that its first try
 * was good; half later, behind newer records. */
static void repeat(struct feed *f, struct outlet *o, const char *arn, const char *key,
                   const void *data, size_t n)
{
    if (o->duplicates <= 0)
        return;
    struct held *r = &o->recent[o->next_recent++ % RECENT];
    if (r->arn && rng_chance(&f->rng, o->duplicates / 2)) {
        put(f, o, r->arn, r->key, r->data.data, r->data.len);
        o->stats.twice++;
    }
    held_free(r);
    *r = held_copy(arn, key, data, n);
    if (rng_chance(&f->rng, o->duplicates / 2)) {
        put(f, o, arn, key, data, n);
        o->stats.twice++;
    }
}

/* Writes a record to where the instance's storage configuration says, if it says so. */
static void deliver(struct feed *f, const struct instance *i, enum feed_kind kind, const char *key)
{
    struct outlet *o = &f->outlet[region_index(f, i->region)][kind];
    for (uint32_t s = 0; s < i->n_storage; s++) {
        const struct storage *to = &i->storage[s];
        if (strcmp(to->resource_type, feed_resource_types[kind]) != 0 || !to->stream_arn)
            continue;
        if (o->stalled) {
            hold(o, to->stream_arn, key, f->text.data, f->text.len);
            continue;
        }
        put(f, o, to->stream_arn, key, f->text.data, f->text.len);
        repeat(f, o, to->stream_arn, key, f->text.data, f->text.len);
    }
}

/* ---- agents ---- */

static struct agent *agent_of(struct feed *f, struct user *u)
{
    uint32_t at;
    if (map128_find(&f->agent_by_id, u->r.id.hi, u->r.id.lo, &at))
        return f->agent[at];
    if ((f->n_agents & (f->n_agents - 1)) == 0) /* full at every power of two */
        f->agent = mem_grow(f->agent, f->n_agents ? f->n_agents * 2u : 1, sizeof(struct agent *));
    struct agent *a = mem_new(1, sizeof *a);
    *a = (struct agent){.feed = f, .mirror = u->r.mirror, .id = u->r.id, .side = UINT8_MAX};
    map128_insert(&f->agent_by_id, a->id.hi, a->id.lo, f->n_agents);
    f->agent[f->n_agents++] = a;
    return a;
}

/* Snapshots are in f->snapshot and `before`. */
static void write_event(struct feed *f, const struct buf *before, struct instance *i,
                        struct user *u, const char *type)
{
    char arn[ARN_MAX];
    td_ms now = center_now(f->center) + f->skew_ms[region_index(f, i->region)];
    struct event_agent e = {type, id_draw(&f->rng), now, &f->snapshot, before};
    buf_reset(&f->text);
    event_agent(&f->text, i, u, &e);
    res_arn(i, &u->r, arn);
    deliver(f, i, FEED_AGENT_EVENTS, arn);
}

static void arm(struct agent *a);

/* A region where the agent is not hears only when he comes, goes, or is offline. */
static void tell_other(struct feed *f, struct instance *i, struct user *u, const char *type)
{
    for (uint8_t s = 0; s < i->mirror->n_sides; s++) {
        struct instance *other = i->mirror->side[s];
        if (other == i || !other->ready)
            continue;
        buf_reset(&f->snapshot);
        event_snapshot(&f->snapshot, other, u, f->skew_ms[region_index(f, other->region)]);
        write_event(f, NULL, other, u, type);
    }
}

/* Tells what he is now. A change that changes nothing of it is not told. */
static void tell_agent(struct feed *f, struct instance *i, struct user *u, const char *type)
{
    struct agent *a = agent_of(f, u);
    buf_reset(&f->snapshot);
    event_snapshot(&f->snapshot, i, u, f->skew_ms[region_index(f, i->region)]);
    bool same = a->side == i->side && f->snapshot.len == a->before.len &&
                memcmp(f->snapshot.data, a->before.data, a->before.len) == 0;
    if (same && strcmp(type, "STATE_CHANGE") == 0)
        return;
    write_event(f, a->before.len ? &a->before : NULL, i, u, type);
    buf_reset(&a->before);
    buf_add(&a->before, f->snapshot.data, f->snapshot.len);
    a->side = i->side;
    a->told_at = center_now(f->center);
    arm(a);
    bool offline = u->status->type == STATUS_OFFLINE && strcmp(type, "STATE_CHANGE") == 0;
    if (offline || strcmp(type, "LOGIN") == 0 || strcmp(type, "LOGOUT") == 0)
        tell_other(f, i, u, type);
}

/* The agent, if he has not been deleted meanwhile. */
static struct user *user_of(const struct agent *a)
{
    uint32_t at;
    if (!map128_find(&a->mirror->by_id, a->id.hi, a->id.lo, &at))
        return NULL;
    return (struct user *)a->mirror->res[at];
}

static void beat(void *arg)
{
    struct agent *a = arg;
    struct feed *f = a->feed;
    struct user *u = user_of(a);
    td_ms now = center_now(f->center);
    a->beats = false;
    if (!u || (!u->logged_in && now - u->logged_out_at >= HEARTBEAT_AFTER_MS))
        return;
    if (now - a->told_at >= HEARTBEAT_MS) {
        struct instance *i = a->mirror->side[u->side < a->mirror->n_sides ? u->side : 0];
        tell_agent(f, i, u, "HEART_BEAT");
        f->outlet[region_index(f, i->region)][FEED_AGENT_EVENTS].stats.heartbeats++;
    }
    arm(a);
}

/* One timer an agent: it is looked at again when the last event, not the timer, is old enough. */
static void arm(struct agent *a)
{
    if (a->beats)
        return;
    a->beats = true;
    center_at(a->feed->center, a->told_at + HEARTBEAT_MS, beat, a);
}

/* ---- contacts ---- */

static void tell_record(struct feed *f, struct contact *k)
{
    char id[ID_TEXT];
    struct instance *origin = k->at->mirror->side[k->origin_side];
    buf_reset(&f->text);
    event_record(&f->text, k, f->skew_ms[region_index(f, origin->region)]);
    id_print(k->id, id);
    deliver(f, origin, FEED_CONTACT_RECORDS, id);
}

static void hear(void *arg, const struct center_note *note)
{
    struct feed *f = arg;
    switch (note->event) {
    case CE_AGENT_LOGIN: tell_agent(f, note->instance, note->user, "LOGIN"); return;
    case CE_AGENT_LOGOUT: tell_agent(f, note->instance, note->user, "LOGOUT"); return;
    case CE_CONTACT_COMPLETED: tell_record(f, note->contact); break;
    case CE_CONTACT_UPDATED:
        if (note->contact->state == CONTACT_COMPLETED)
            tell_record(f, note->contact);
        break;
    default: break;
    }
    if (note->user)
        tell_agent(f, note->instance, note->user, "STATE_CHANGE");
}

/* ---- faults ---- */

static bool meant(const struct feed *f, const struct region *g, uint32_t index)
{
    return !g || region_index(f, g) == index;
}

void feed_stall(struct feed *f, const struct region *g, enum feed_kind kind, bool on)
{
    for (uint32_t r = 0; r < center_n_regions(f->center); r++) {
        struct outlet *o = &f->outlet[r][kind];
        if (!meant(f, g, r))
            continue;
        o->stalled = on;
        for (; !on && o->count; let_go(o)) {
            struct held *h = &o->held[o->head];
            put(f, o, h->arn, h->key, h->data.data, h->data.len);
        }
    }
}

void feed_duplicates(struct feed *f, const struct region *g, enum feed_kind kind, double chance)
{
    for (uint32_t r = 0; r < center_n_regions(f->center); r++)
        if (meant(f, g, r))
            f->outlet[r][kind].duplicates = chance;
}

void feed_skew(struct feed *f, const struct region *g, int64_t ms)
{
    for (uint32_t r = 0; r < center_n_regions(f->center); r++)
        if (meant(f, g, r))
            f->skew_ms[r] = ms;
}

struct feed_stats feed_stats(const struct feed *f, const struct region *g, enum feed_kind kind)
{
    const struct outlet *o = &f->outlet[region_index(f, g)][kind];
    struct feed_stats s = o->stats;
    s.held = o->count;
    return s;
}

/* ---- life ---- */

static void associate(struct center *c, struct instance *i, enum feed_kind kind, const char *name)
{
    struct buf arn = {0};
    buf_fmt(&arn, "arn:aws:kinesis:%s:%s:stream/%s", i->region->name, i->mirror->account, name);
    i->storage = mem_grow(i->storage, i->n_storage + 1, sizeof *i->storage);
    struct storage *s = &i->storage[i->n_storage++];
    char id[ID_TEXT];
    *s = (struct storage){.id = center_id(c)};
    id_print(s->id, id);
    s->resource_type = mem_strdup(feed_resource_types[kind]);
    s->stream_arn = mem_strdup(arn.data);
    s->config = json_pack("{s:s, s:s, s:{s:s}}", "AssociationId", id, "StorageType",
                          "KINESIS_STREAM", "KinesisStreamConfig", "StreamArn", arn.data);
    buf_free(&arn);
}

static void add_streams(struct feed *f, struct instance *i, uint32_t shards)
{
    static const char *const names[FEEDS] = {"connect-agent-events", "connect-contact-records"};
    struct kinesis *k = streams_set(f->streams, i->mirror->account, i->region->name);
    for (int kind = 0; k && kind < FEEDS; kind++) {
        struct buf name = {0};
        buf_str(&name, names[kind]);
        if (i->region->instance[0] != i)
            buf_fmt(&name, "-%s", i->alias);
        if (kinesis_add(k, name.data, shards, center_now(f->center)))
            associate(f->center, i, (enum feed_kind)kind, name.data);
        buf_free(&name);
    }
}

/* Those who are logged in already have been told of in a time before the streams. */
static void greet(struct feed *f, struct mirror *m)
{
    const struct res_list *l = &m->list[RES_USER];
    for (uint32_t n = 0; n < l->n; n++) {
        struct user *u = (struct user *)l->item[n];
        if (u->logged_in)
            tell_agent(f, m->side[u->side < m->n_sides ? u->side : 0], u, "LOGIN");
    }
}

struct feed *feed_new(struct center *c, struct streams *s, uint32_t shards)
{
    struct feed *f = mem_new(1, sizeof *f);
    f->center = c;
    f->streams = s;
    f->rng = rng_seed(center_secret(c), 0x66656564);
    for (uint32_t m = 0; m < center_n_mirrors(c); m++) {
        struct mirror *mirror = center_mirror(c, m);
        for (uint8_t side = 0; side < mirror->n_sides; side++)
            add_streams(f, mirror->side[side], shards);
        greet(f, mirror);
    }
    center_listen(c, hear, f);
    return f;
}

void feed_free(struct feed *f)
{
    if (!f)
        return;
    for (uint32_t r = 0; r < REGIONS_MAX; r++)
        for (int kind = 0; kind < FEEDS; kind++) {
            struct outlet *o = &f->outlet[r][kind];
            while (o->count)
                let_go(o);
            mem_free(o->held);
            for (int n = 0; n < RECENT; n++)
                held_free(&o->recent[n]);
        }
    for (uint32_t n = 0; n < f->n_agents; n++) {
        buf_free(&f->agent[n]->before);
        mem_free(f->agent[n]);
    }
    mem_free(f->agent);
    map128_free(&f->agent_by_id);
    buf_free(&f->text);
    buf_free(&f->snapshot);
    mem_free(f);
}
