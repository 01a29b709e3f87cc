/* Rolling figures against a plain recount of the same facts; the ring of facts; the timeline. */
#include "serve/view_facts.h"
#include "serve/view_stats.h"
#include "serve/view_timeline.h"

#include "core/model.h"
#include "tap.h"

static const char centre[] =
    "hub: {lat: 0, lon: 0}\n"
    "sites: [{name: east, lat: 1, lon: 2}, {name: west, lat: 3, lon: 4}]\n"
    "queues: [{name: a, target_wait_s: 20}, {name: b, target_wait_s: 60}]\n"
    "profiles: [{name: all, queues: [a, b, {queue: a, channel: chat}]}]\n";

struct fixture {
    struct config *c;
    struct core *k;
    struct stats *s;
    uint64_t seq;
};

static struct fixture begin(void)
{
    struct buf errors = {0};
    struct fixture f = {.c = config_load(centre, sizeof centre - 1, "centre", &errors)};
    BUG_ON(!f.c);
    f.k = core_new(f.c, HUB, 1);
    f.s = stats_new();
    return f;
}

static void end(struct fixture *f)
{
    stats_free(f->s);
    core_free(f->k);
    config_free(f->c);
}

static struct event fact(struct fixture *f, enum event_type type)
{
    return (struct event){.type = type, .dot = {0, 1, ++f->seq}};
}

static void placed(struct fixture *f, td_ms at, uint8_t site, int queue, uint8_t channel)
{
    struct event e = fact(f, EV_PLACED);
    e.placed.arrived_at = at;
    e.placed.site = site;
    e.placed.queue = f->c->queue[queue].key;
    e.placed.channel = channel;
    e.placed.from_site = e.placed.nearest = SITE_NONE;
    e.placed.counted = 1;
    CHECK(stats_fact(f->s, f->k, &e));
}

static void answered(struct fixture *f, td_ms at, int64_t wait_ms, uint8_t site, int queue,
                     uint8_t channel)
{
    struct event e = fact(f, EV_CONTACT);
    e.contact = (struct ev_contact){.state = CONTACT_CONNECTED,
                                    .site = site,
                                    .channel = channel,
                                    .queue = f->c->queue[queue].key,
                                    .at = at,
                                    .connected_at = at,
                                    .wait_ms = wait_ms};
    CHECK(stats_fact(f->s, f->k, &e));
}

static void gave_up(struct fixture *f, td_ms at, uint8_t site, int queue, uint8_t channel)
{
    struct event e = fact(f, EV_CONTACT);
    e.contact = (struct ev_contact){.state = CONTACT_ENDED,
                                    .end = ENDED_ABANDONED,
                                    .site = site,
                                    .channel = channel,
                                    .queue = f->c->queue[queue].key,
                                    .at = at,
                                    .ended_at = at};
    CHECK(stats_fact(f->s, f->k, &e));
}

/* ---- a recount: everything is kept, and counted anew for each question ---- */

enum { ARRIVED, ANSWERED, GAVE_UP };
struct seen {
    uint8_t what; /* of these */
    td_ms at;
    int64_t wait_ms;
    uint8_t site, channel;
    int queue;
};
enum { SEEN_MAX = 4000 };

static bool in_level(const struct seen *e, td_ms now)
{
    int64_t m = e->at / 60000;
    return e->what != ARRIVED && m <= now / 60000 && m > now / 60000 - 30;
}

static struct stats_level recount(const struct seen *e, int n, td_ms now, int site, int line)
{
    struct stats_level l = {0};
    for (int i = 0; i < n; i++) {
        bool mine = (site < 0 || e[i].site == site) &&
                    (line < 0 || e[i].queue * CHANNELS + e[i].channel == line);
        if (!mine || !in_level(&e[i], now))
            continue;
        if (e[i].what == GAVE_UP) {
            l.abandoned++;
            continue;
        }
        l.answered++;
        l.in_target += e[i].wait_ms <= (e[i].queue ? 60000 : 20000);
        l.wait_s += (double)e[i].wait_ms / 1000;
    }
    return l;
}

static void same_level(struct stats_level got, struct stats_level want)
{
    CHECK_EQ(got.answered, want.answered);
    CHECK_EQ(got.abandoned, want.abandoned);
    CHECK_EQ(got.in_target, want.in_target);
    CHECK_NEAR(got.wait_s, want.wait_s, 1e-6);
}

PROP(as_a_recount_says, 150)
{
    static struct seen seen[SEEN_MAX];
    struct fixture f = begin();
    const td_ms start = 1625443200000;
    td_ms now = start;
    int n = (int)rng_below(rng, SEEN_MAX);
    for (int i = 0; i < n; i++) {
        now += (td_ms)rng_below(rng, 10000);
        struct seen *e = &seen[i];
        *e = (struct seen){.what = (uint8_t)rng_below(rng, 3),
                           .at = now - (rng_chance(rng, 0.02) ? (td_ms)rng_below(rng, 200000) : 0),
                           .wait_ms = (int64_t)rng_below(rng, 11) * 10000, /* the targets too */
                           .site = (uint8_t)rng_below(rng, 2),
                           .queue = (int)rng_below(rng, 2)};
        e->at = MAX(e->at, start);
        e->channel = !e->queue && rng_chance(rng, 0.3) ? CHANNEL_CHAT : CHANNEL_VOICE;
        if (e->what == ARRIVED)
            placed(&f, e->at, e->site, e->queue, e->channel);
        else if (e->what == ANSWERED)
            answered(&f, e->at, e->wait_ms, e->site, e->queue, e->channel);
        else
            gave_up(&f, e->at, e->site, e->queue, e->channel);
    }
    now += (td_ms)rng_below(rng, 4000000);
    same_level(stats_level_all(f.s, now), recount(seen, n, now, -1, -1));
    for (uint8_t s = 0; s < 2; s++)
        same_level(stats_level_site(f.s, s, now), recount(seen, n, now, s, -1));
    for (int line = 0; line < 2 * CHANNELS; line++)
        same_level(
            stats_level_line(f.s, f.c->queue[line / CHANNELS].key, (uint8_t)(line % CHANNELS), now),
            recount(seen, n, now, -1, line));
    int64_t first, last;
    if (stats_series(f.s, now, &first, &last)) {
        CHECK(last == now / 60000 - 1 && last - first < 120 && first >= start / 60000);
        for (int64_t m = MAX(first, last - 119); m <= last; m++)
            for (uint8_t s = 0; s < 2; s++) {
                uint32_t want = 0;
                for (int i = 0; i < n; i++)
                    want += seen[i].what == ARRIVED && seen[i].site == s && seen[i].at / 60000 == m;
                CHECK_EQ(stats_arrivals(f.s, s, m), want);
            }
    }
    end(&f);
}

TEST(each_fact_counts_once)
{
    struct fixture f = begin();
    struct event e = fact(&f, EV_PLACED);
    e.placed.from_site = e.placed.nearest = SITE_NONE;
    e.placed.arrived_at = 60000000;
    e.placed.queue = f.c->queue[0].key;
    CHECK(stats_fact(f.s, f.k, &e));
    CHECK(!stats_fact(f.s, f.k, &e));
    CHECK_EQ(stats_all(f.s)->placed, 1);
    e.placed.from_site = 1;
    e.dot.seq = 5;
    CHECK(stats_fact(f.s, f.k, &e));
    CHECK_EQ(stats_all(f.s)->placed, 1);
    CHECK_EQ(stats_all(f.s)->moved, 1);
    stats_rewind(f.s, 0, 1, 3); /* the node lost what it had stated after 3 */
    e.dot.seq = 4;
    CHECK(stats_fact(f.s, f.k, &e));
    stats_rewind(f.s, 0, 2, 0); /* of another life: says nothing of this one */
    CHECK(!stats_fact(f.s, f.k, &e));
    e.dot = (struct dot){0, 2, 1};
    CHECK(stats_fact(f.s, f.k, &e));
    CHECK_EQ(stats_all(f.s)->facts, 4);
    end(&f);
}

TEST(rate_of_the_last_minutes)
{
    struct fixture f = begin();
    const td_ms start = 1625443200000;
    for (int i = 0; i < 60; i++) /* one each ten seconds, ten minutes long */
        placed(&f, start + i * 10000, 1, 0, CHANNEL_VOICE);
    CHECK_NEAR(stats_rate(f.s, 1, start + 599999), 6, 0.01);
    CHECK_NEAR(stats_rate(f.s, 0, start + 599999), 0, 0);
    /* five whole minutes and a half are looked at; the last three and a half had nothing */
    CHECK_NEAR(stats_rate(f.s, 1, start + 13 * 60000 + 30000), 12 / 5.5, 0.01);
    CHECK_NEAR(stats_rate(f.s, 1, start + 3600000), 0, 0);
    end(&f);
}

/* ---- the ring of facts ---- */

static void push(struct facts *f, const struct config *c, uint64_t seq)
{
    struct event e = {.type = EV_POLICY, .dot = {HUB, 7, seq}, .hlc = seq << 16};
    e.policy.policy = c->policy[0].key;
    struct buf b = {0};
    event_encode(&b, &e);
    facts_push(f, &e, c, b.data, b.len);
    buf_free(&b);
}

/* tandem begins at a centre that has been at work: of an hour ago it hears of one long chat only.
 */
TEST(what_was_before_is_no_series)
{
    struct fixture f = begin();
    td_ms began = INT64_C(1800000000000) / 60000 * 60000 + 30000; /* in the middle of a minute */
    int64_t first, last;
    stats_since(f.s, began);
    placed(&f, began - 3600000, 1, 0, CHANNEL_VOICE);
    CHECK(!stats_series(f.s, began + 15000, &first, &last));
    for (int i = 0; i < 10; i++)
        placed(&f, began + i * 3000, 1, 0, CHANNEL_VOICE);
    CHECK_NEAR(stats_rate(f.s, 1, began + 29999), 20, 0.01); /* ten in half a minute */
    CHECK(!stats_series(f.s, began + 60000, &first, &last)); /* no whole minute yet */
    placed(&f, began + 40000, 1, 0, CHANNEL_VOICE);
    CHECK(stats_series(f.s, began + 120000, &first, &last));
    CHECK_EQ(first, (began + 30000) / 60000);
    CHECK_EQ(last, first);
    CHECK_EQ(stats_arrivals(f.s, 1, first), 1);
    end(&f);
}

TEST(facts_are_read_once_they_are_durable)
{
    struct fixture x = begin();
    struct facts *f = facts_new();
    struct buf b = {0};
    char id[EVENT_ID_TEXT];
    CHECK_EQ(facts_last(f), 0);
    push(f, x.c, 1);
    push(f, x.c, 2);
    CHECK_EQ(facts_last(f), 0);
    facts_settle(f);
    CHECK_EQ(facts_last(f), 2);
    push(f, x.c, 3);
    facts_forget(f); /* the node went down before it had committed */
    push(f, x.c, 30);
    facts_settle(f);
    CHECK_EQ(facts_last(f), 3);
    facts_json(f, 3, x.c, NULL, &b, id);
    CHECK_STR(id, "hub/7/30");
    CHECK(strstr(b.data, "\"id\":\"hub/7/30\""));
    CHECK(strstr(b.data, "\"type\":\"tandem.policy.set.v1\""));
    CHECK_EQ(facts_find(f, "hub/7/2", x.c), 2);
    CHECK_EQ(facts_find(f, "hub/7/3", x.c), 0);
    CHECK_EQ(facts_find(f, "", x.c), 0);
    for (uint64_t i = 100; i < 100 + 3 * FACTS_KEPT; i++)
        push(f, x.c, i);
    facts_settle(f);
    CHECK_EQ(facts_last(f) - facts_first(f) + 1, FACTS_KEPT);
    buf_reset(&b);
    facts_json(f, facts_first(f), x.c, NULL, &b, id);
    CHECK_EQ(facts_find(f, id, x.c), facts_first(f));
    CHECK_EQ(facts_find(f, "hub/7/30", x.c), 0);
    buf_free(&b);
    facts_free(f);
    end(&x);
}

/* ---- the timeline ---- */

TEST(the_timeline_counts_what_is_said_again)
{
    static struct timeline t;
    CHECK_EQ(timeline_add(&t, 1000, "health", "nobody may take it", "hub"), 1);
    CHECK_EQ(timeline_add(&t, 2000, "health", "nobody may take it", "hub"), 0);
    CHECK_EQ(timeline_at(&t, 1)->times, 2);
    CHECK_EQ(timeline_add(&t, 3000, "drain", "east is being drained", "hub"), 2);
    CHECK_EQ(timeline_add(&t, 4000, "health", "nobody may take it", "hub"), 0);
    CHECK_EQ(timeline_at(&t, 1)->times, 3);
    CHECK_EQ(timeline_add(&t, 61000, "health", "nobody may take it", "hub"), 3);
    char text[20];
    for (int i = 0; i < 500; i++) {
        snprintf(text, sizeof text, "entry %d", i);
        CHECK_EQ(timeline_add(&t, 70000, "config", text, ""), (uint64_t)i + 4);
    }
    CHECK_EQ(t.last - timeline_first(&t) + 1, TIMELINE_KEPT);
    CHECK_STR(timeline_at(&t, timeline_first(&t))->text, "entry 300");
    for (int k = 0; k < NOTE_KINDS; k++)
        CHECK(timeline_kind((enum note_kind)k));
}

TAP_MAIN
