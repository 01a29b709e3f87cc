/* The centre inside connectsim without its API: contacts from their arrival to their record, agents
 * who move between regions, shares, time. A recount by hand is the second opinion everywhere. */
#include "connect/center.h"
#include "connect/setup.h"
#include "connect/throttle.h"
#include "tap.h"

#include <math.h>

enum { NOTES_MAX = 200000 };

struct seen { /* what a listener was told of a contact */
    struct td_id id;
    bool initiated, disconnected, completed;
};
struct watch {
    struct seen *seen;
    uint32_t n;
    struct map128 at;
    uint64_t events[CENTER_EVENTS];
    uint64_t agents_hash;
};

static void listen(void *arg, const struct center_note *note)
{
    struct watch *w = arg;
    uint32_t at;
    w->events[note->event]++;
    if (note->user)
        w->agents_hash = mix64(w->agents_hash ^ note->user->r.id.lo ^ (uint64_t)note->at);
    if (!note->contact || note->event == CE_CONTACT_UPDATED)
        return;
    struct td_id id = note->contact->id;
    if (!map128_find(&w->at, id.hi, id.lo, &at)) {
        BUG_ON(w->n == NOTES_MAX);
        at = w->n++;
        map128_insert(&w->at, id.hi, id.lo, at);
        w->seen[at] = (struct seen){.id = id};
    }
    struct seen *s = &w->seen[at];
    if (note->event == CE_CONTACT_INITIATED) {
        CHECK(!s->initiated);
        s->initiated = true;
    }
    CHECK(s->initiated);
    CHECK(!s->completed); /* nothing after the record */
    if (note->event == CE_CONTACT_DISCONNECTED) {
        CHECK(!s->disconnected);
        CHECK(note->contact->reason != NULL);
        s->disconnected = true;
    }
    if (note->event == CE_CONTACT_COMPLETED) {
        CHECK(s->disconnected);
        s->completed = true;
    }
    if (note->event == CE_CONTACT_CONNECTED || note->event == CE_CONTACT_RINGING)
        CHECK(note->user != NULL);
}

struct fixture {
    struct setup *setup;
    struct center *c;
    struct mirror *m;
    struct watch w;
};

static struct fixture begin_at(uint64_t seed, bool arrivals, uint32_t history, double speed)
{
    struct buf errors = {0};
    struct fixture f = {.setup = setup_default("us-east-1,us-west-2", &errors)};
    f.c = center_new(&(struct center_options){.config = f.setup->config,
                                              .pairs = true,
                                              .account = f.setup->account,
                                              .speed = speed,
                                              .seed = seed,
                                              .start = 1800000000000,
                                              .history_max = history,
                                              .arrivals = arrivals});
    f.m = center_mirror(f.c, 0);
    f.w.seen = mem_new(NOTES_MAX, sizeof *f.w.seen);
    buf_free(&errors);
    return f;
}

static struct fixture begin(uint64_t seed, bool arrivals, uint32_t history)
{
    return begin_at(seed, arrivals, history, 0);
}

static void end(struct fixture *f)
{
    center_free(f->c);
    setup_free(f->setup);
    mem_free(f->w.seen);
    map128_free(&f->w.at);
}

static struct queue *queue_at(const struct fixture *f, uint32_t i)
{
    return (struct queue *)f->m->list[RES_QUEUE].item[i];
}

/* ---- everything counted again ---- */

static void recount(const struct fixture *f)
{
    for (uint8_t s = 0; s < f->m->n_sides; s++) {
        struct instance *i = f->m->side[s];
        uint32_t in[CHANNELS] = {0}, live = 0, ended = 0;
        const struct contact *k;
        TAILQ_FOREACH(k, &i->live, of_instance)
        {
            live++;
            in[k->channel] += !k->disconnected_at;
            CHECK(k->state != CONTACT_COMPLETED);
            CHECK(k->at == i);
            bool connected, here = engine_has(i->engine, k->engine_id, &connected);
            CHECK_EQ(here, k->in_engine);
        }
        TAILQ_FOREACH(k, &i->ended, of_instance)
        {
            ended++;
            CHECK_EQ(k->state, CONTACT_COMPLETED);
            CHECK(!k->with_user);
            CHECK(k->disconnected_at >= k->initiated_at && k->completed_at >= k->disconnected_at);
        }
        for (int ch = 0; ch < CHANNELS; ch++) {
            CHECK_EQ(in[ch], i->n_in[ch]);
            CHECK(in[ch] <= (uint32_t)i->quota[ch]);
        }
        CHECK_EQ(live, i->n_live);
        CHECK_EQ(ended, i->n_ended);
        engine_check(i->engine);
    }
    for (uint32_t n = 0; n < f->m->list[RES_USER].n; n++) {
        const struct user *u = (struct user *)f->m->list[RES_USER].item[n];
        const struct contact *k;
        uint32_t by[CHANNELS] = {0};
        LIST_FOREACH(k, &u->contacts, of_user)
        {
            CHECK(k->user == u && k->with_user);
            CHECK_EQ(k->at->side, u->side);
            by[k->channel]++;
        }
        for (int ch = 0; ch < CHANNELS; ch++)
            CHECK(by[ch] <= u->profile->cfg.concurrency[ch]);
        bool east = engine_signed_in(f->m->side[0]->engine, u->index);
        bool west = engine_signed_in(f->m->side[1]->engine, u->index);
        CHECK(!(east && west));
        if (u->side == u->to_side && u->logged_in && u->status->type != STATUS_OFFLINE &&
            !u->next_status)
            CHECK(u->side ? west : east);
    }
}

/* ---- contacts ---- */

TEST(a_day_of_contacts_is_whole)
{
    struct fixture f = begin(1, true, 100000);
    center_listen(f.c, listen, &f.w);
    for (int n = 0; n < 60; n++) {
        center_skip(f.c, 10 * 60000);
        recount(&f);
    }
    uint64_t completed = 0, live = 0;
    for (uint32_t n = 0; n < f.w.n; n++)
        completed += f.w.seen[n].completed;
    for (uint8_t s = 0; s < 2; s++)
        live += f.m->side[s]->n_live;
    CHECK_EQ(completed + live, f.w.n);
    CHECK(f.w.events[CE_CONTACT_CONNECTED] > 1700);
    /* load 0.5 over (150 + 30) s of voice, 400 of chat, 180 of tasks, 24 agents, ten hours */
    double mean_s = (4 * 180 + 400 + 180) / 6.0, want = 0.5 * 24 / mean_s * 36000;
    CHECK_NEAR((double)f.w.n, want, 5 * sqrt(want));
    end(&f);
}

TEST(a_seed_is_a_day)
{
    uint64_t hash[2];
    for (int turn = 0; turn < 2; turn++) {
        struct fixture f = begin(42, true, 1000);
        center_listen(f.c, listen, &f.w);
        for (int n = 0; n < 50 * (turn + 1); n++) /* however time is cut */
            center_skip(f.c, 60000 / (turn + 1));
        hash[turn] = f.w.agents_hash;
        end(&f);
    }
    CHECK_EQ(hash[0], hash[1]);
}

TEST(only_the_last_contacts_are_remembered)
{
    struct fixture f = begin(3, true, 25);
    center_skip(f.c, 4 * 3600000);
    for (uint8_t s = 0; s < 2; s++) {
        CHECK_EQ(f.m->side[s]->n_ended, 25);
        CHECK(f.m->side[s]->ended_total > 100);
    }
    recount(&f);
    end(&f);
}

TEST(the_quota_gives_fast_busy)
{
    struct fixture f = begin(4, false, 100);
    struct instance *i = f.m->side[0];
    const struct contact_start s = {.channel = CHANNEL_VOICE, .queue = queue_at(&f, 0)};
    struct contact *k[10];
    for (int n = 0; n < 10; n++)
        CHECK((k[n] = contact_begin(i, &s)) != NULL);
    CHECK(contact_begin(i, &s) == NULL);
    CHECK_EQ(i->refused, 1);
    contact_end(k[3], "API");
    CHECK(contact_begin(i, &s) != NULL);
    CHECK(contact_begin(i, &(struct contact_start){.channel = CHANNEL_CHAT,
                                                   .queue = queue_at(&f, 2)}) != NULL);
    recount(&f);
    end(&f);
}

/* However fast it is told to go, a turn ends; the clock goes slower then, and never back. */
TEST(a_turn_ends)
{
    struct buf errors = {0};
    struct setup *s = setup_default("us-east-1,us-west-2", &errors);
    struct center *c = center_new(&(struct center_options){.config = s->config,
                                                           .pairs = true,
                                                           .account = s->account,
                                                           .speed = 1e9,
                                                           .seed = 1,
                                                           .start = 1800000000000,
                                                           .history_max = 10,
                                                           .arrivals = true});
    td_ms was = center_now(c);
    for (int64_t wall = 1; wall <= 3; wall++) {
        center_run(c, wall);
        CHECK(center_now(c) > was);
        CHECK(center_now(c) < was + (td_ms)1e9); /* 11 days of contacts are more than a turn */
        was = center_now(c);
    }
    center_free(c);
    setup_free(s);
    buf_free(&errors);
}

/* ---- shares ---- */

static struct tdg *default_group(const struct fixture *f)
{
    return f->m->tdg_default;
}

/* After every call each region has its exact share, but for less than one call. */
PROP(calls_follow_the_shares, 20)
{
    struct fixture f = begin(5, false, 10);
    struct tdg *g = default_group(&f);
    uint32_t east = (uint32_t)rng_below(rng, 11) * 10, n_east = 0;
    g->wanted.telephony[0] = (uint8_t)east;
    g->wanted.telephony[1] = (uint8_t)(100 - east);
    tdg_apply(g);
    for (uint32_t n = 1; n <= 500; n++) {
        struct contact *k =
            number_call(queue_at(&f, 0)->number, "+12125550100", NULL, CHANNEL_VOICE);
        CHECK(k != NULL);
        if (!k)
            break;
        n_east += k->at->side == 0;
        CHECK(fabs(n_east - n * east / 100.0) < 1);
        contact_end(k, "API");
    }
    end(&f);
}

/* ---- agents ---- */

static uint32_t on_side(const struct fixture *f, uint8_t side)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < f->m->list[RES_USER].n; i++)
        n += ((struct user *)f->m->list[RES_USER].item[i])->side == side;
    return n;
}

TEST(agents_move_when_their_contacts_are_cleared)
{
    struct fixture f = begin(6, true, 100);
    struct tdg *g = default_group(&f);
    center_skip(f.c, 20 * 60000);
    uint32_t busy = 0;
    for (uint32_t i = 0; i < f.m->list[RES_USER].n; i++) {
        const struct user *u = (struct user *)f.m->list[RES_USER].item[i];
        busy += u->side == 0 && !LIST_EMPTY(&u->contacts);
    }
    CHECK(busy > 0);
    g->wanted.telephony[0] = g->wanted.agent[0] = 0;
    g->wanted.telephony[1] = g->wanted.agent[1] = 100;
    tdg_apply(g);
    CHECK_EQ(on_side(&f, 0), busy); /* exactly those who have contacts are still there */
    recount(&f);
    center_skip(f.c, 3600000);
    CHECK_EQ(on_side(&f, 0), 0);
    recount(&f);
    g->wanted.agent[0] = 20;
    g->wanted.agent[1] = 80;
    tdg_apply(g);
    center_skip(f.c, 3600000);
    CHECK_EQ(on_side(&f, 0), 5); /* 20 % of 24, rounded */
    recount(&f);
    end(&f);
}

/* Of a pair's agents a lost region keeps nothing: what they have ends at once, and they are where
 * their group sends them next, without a word of theirs. */
TEST(agents_who_are_cut_off)
{
    struct fixture f = begin(6, true, 100);
    struct tdg *g = default_group(&f);
    const struct res_list *l = &f.m->list[RES_USER];
    center_skip(f.c, 20 * 60000);
    for (uint32_t i = 0; i < l->n; i++) {
        struct user *u = (struct user *)l->item[i];
        if (u->side)
            continue;
        user_cut_off(u);
        CHECK(u->logged_in && LIST_EMPTY(&u->contacts));
        CHECK(!engine_signed_in(f.m->side[0]->engine, u->index));
    }
    CHECK_EQ(on_side(&f, 0), 12);
    center_skip(f.c, 60000);
    for (uint32_t i = 0; i < l->n; i++) { /* nor do they get anything */
        struct user *u = (struct user *)l->item[i];
        CHECK(u->side || LIST_EMPTY(&u->contacts));
    }
    user_reach((struct user *)l->item[0]); /* his region is reached again */
    CHECK(engine_signed_in(f.m->side[0]->engine, ((struct user *)l->item[0])->index));
    g->wanted.telephony[0] = g->wanted.agent[0] = 0;
    g->wanted.telephony[1] = g->wanted.agent[1] = 100;
    tdg_apply(g);
    center_skip(f.c, 1800000);
    CHECK_EQ(on_side(&f, 0), 0);
    for (uint32_t i = 0; i < l->n; i++)
        CHECK(engine_signed_in(f.m->side[1]->engine, ((struct user *)l->item[i])->index));
    recount(&f);
    end(&f);
}

static struct status *status_named(const struct fixture *f, const char *name)
{
    return (struct status *)res_named(f->m->side[0], RES_STATUS, name);
}

/* Anything that may happen, in any order. */
static void anything(struct fixture *f, struct rng *rng)
{
    static const char *const names[] = {"Available", "Offline", "Break", "Lunch"};
    struct user *u =
        (struct user *)f->m->list[RES_USER].item[rng_below(rng, f->m->list[RES_USER].n)];
    struct instance *i = f->m->side[rng_below(rng, 2)];
    struct contact *k = TAILQ_FIRST(&i->live);
    struct tdg *g = default_group(f);
    for (uint64_t n = rng_below(rng, 5); k && n; n--)
        k = TAILQ_NEXT(k, of_instance);
    switch (rng_below(rng, 11)) {
    case 10:
        user_cut_off(u);
        user_reach(u);
        break;
    case 0: user_set_status(u, status_named(f, names[rng_below(rng, 4)])); break;
    case 1: user_log_out(u, rng_chance(rng, 0.5)); break;
    case 2: user_log_in(u); break;
    case 3: user_clear(u); break;
    case 4:
        g->wanted.agent[0] = (uint8_t)(rng_below(rng, 11) * 10);
        g->wanted.agent[1] = (uint8_t)(100 - g->wanted.agent[0]);
        tdg_apply(g);
        break;
    case 5:
        if (k)
            contact_end(k, "API");
        break;
    case 6:
        if (k && !k->disconnected_at)
            contact_transfer(k, queue_at(f, (uint32_t)rng_below(rng, 4)), k->flow, NULL);
        break;
    case 7:
        if (k)
            contact_queue(k, queue_at(f, (uint32_t)rng_below(rng, 4)));
        break;
    case 8:
        number_call(queue_at(f, (uint32_t)rng_below(rng, 2))->number, "+12125550100", NULL,
                    CHANNEL_VOICE);
        break;
    default:
        if (k) {
            k->priority = (uint8_t)(1 + rng_below(rng, 10));
            contact_reprioritise(k);
        }
    }
}

PROP(whatever_happens_the_books_are_right, 40)
{
    struct fixture f = begin(rng_u64(rng), true, (uint32_t)rng_below(rng, 50));
    center_listen(f.c, listen, &f.w);
    for (int n = 0; n < 400; n++) {
        anything(&f, rng);
        if (rng_chance(rng, 0.5))
            center_skip(f.c, (int64_t)rng_below(rng, 60000));
        if (n % 20 == 0)
            recount(&f);
    }
    recount(&f);
    end(&f);
}

/* ---- small rules ---- */

TEST(keys_allow_what_they_say)
{
    char a[] = "connect:Describe*", b[] = "kinesis:GetRecords", c[] = "*";
    char *some[] = {a, b, NULL}, *all[] = {c, NULL};
    struct center_key k = {.allow = some};
    CHECK(key_allows(&k, "connect", "DescribeUser"));
    CHECK(!key_allows(&k, "connect", "ListUsers"));
    CHECK(!key_allows(&k, "kinesis", "DescribeStream"));
    CHECK(key_allows(&k, "kinesis", "GetRecords"));
    CHECK(!key_allows(&k, "kinesis", "GetRecordsToo"));
    k.allow = all;
    CHECK(key_allows(&k, "anything", "AtAll"));
}

TEST(arns_lead_back_to_what_they_name)
{
    struct fixture f = begin(9, false, 10);
    struct instance *east = f.m->side[0], *west = f.m->side[1];
    char arn[ARN_MAX];
    for (int kind = 0; kind < RES_KINDS; kind++)
        for (uint32_t n = 0; n < f.m->list[kind].n; n++) {
            struct res *r = f.m->list[kind].item[n];
            res_arn(west, r, arn);
            CHECK(res_find(east, (enum res_kind)kind, arn) == r);
            CHECK(res_find(east, kind ? RES_USER : RES_QUEUE, arn) == NULL);
            arn[strlen(arn) - 1] ^= 1;
            CHECK(res_find(east, (enum res_kind)kind, arn) != r);
        }
    instance_arn(west, arn);
    CHECK(instance_find(west->region, f.m->account, arn) == west);
    CHECK(instance_find(east->region, f.m->account, arn) == east);
    CHECK(instance_find(east->region, "000000000000", arn) == NULL);
    end(&f);
}

TEST(a_new_resource_is_mirrored_after_a_while)
{
    struct fixture f = begin(10, false, 10);
    struct instance *east = f.m->side[0], *west = f.m->side[1];
    struct flow *flow = flow_new(west, "New", "CONTACT_FLOW", "{}");
    CHECK(res_visible(west, &flow->r));
    CHECK(!res_visible(east, &flow->r));
    center_skip(f.c, MIRROR_MS);
    CHECK(res_visible(east, &flow->r));
    end(&f);
}

/* At the clock's own speed, or none, AWS's rates hold to the call in wall time; what is skipped
 * counts as time that has passed, and a faster centre goes by its own clock. */
TEST(limits_go_by_time_that_passes)
{
    static const double speeds[] = {0, 1, 20};
    for (size_t n = 0; n < COUNTOF(speeds); n++) {
        struct fixture f = begin_at(1, false, 10, speeds[n]);
        struct throttle t = {0};
        int taken = 0;
        for (int64_t wall = 0; wall <= 60000; wall += 10) {
            center_run(f.c, wall);
            taken += throttle_take(&t, 1, 2, 5, center_limits_ms(f.c, wall));
        }
        CHECK_EQ(taken, 5 + 60 * 2 * (int)MAX(speeds[n], 1));
        center_skip(f.c, 1500);
        for (int again = 0; again < 5; again++)
            taken += throttle_take(&t, 1, 2, 5, center_limits_ms(f.c, 60000));
        CHECK_EQ(taken, 5 + 60 * 2 * (int)MAX(speeds[n], 1) + 3);
        throttle_free(&t);
        end(&f);
    }
}

/* ---- who calls where ---- */

static const char two_pairs[] = "hub: {name: hub, lat: 39, lon: -77}\n"
                                "sites:\n"
                                "  - {name: us-east-1, lat: 38.9, lon: -77.5}\n"
                                "  - {name: us-west-2, lat: 45.8, lon: -119.7}\n"
                                "  - {name: eu-central-1, lat: 50.1, lon: 8.7}\n"
                                "  - {name: eu-west-2, lat: 51.5, lon: -0.1}\n"
                                "queues: [{name: us}, {name: eu}]\n"
                                "profiles: [{name: us, queues: [us]}, {name: eu, queues: [eu]}]\n"
                                "agents:\n"
                                "  - {site: us-east-1, count: 40, profile: us}\n"
                                "  - {site: us-west-2, count: 40, profile: us}\n"
                                "  - {site: eu-central-1, count: 40, profile: eu}\n"
                                "  - {site: eu-west-2, count: 40, profile: eu}\n"
                                "workload:\n"
                                "  load: 0.7\n"
                                "  origins:\n"
                                "    - {npa: 404, lat: 33.73, lon: -84.37}\n"
                                "    - {country: GB, lat: 51.51, lon: -0.13}\n"
                                "    - {npa: 206, lat: 47.56, lon: -122.35}\n"
                                "    - {country: DE, lat: 52.52, lon: 13.40}\n";

/* Contacts, and those of the other continent's queue. Each caller's number is of the continent
 * whose number he calls. */
static void count_calls(const struct instance *i, const struct contact_list *list, bool american,
                        uint32_t *calls, uint32_t *astray)
{
    const struct contact *k;
    TAILQ_FOREACH(k, list, of_instance)
    {
        bool us = strncmp(k->customer_address, "+1404555", 8) == 0 ||
                  strncmp(k->customer_address, "+1206555", 8) == 0;
        bool eu = strncmp(k->customer_address, "+445550", 7) == 0 ||
                  strncmp(k->customer_address, "+495550", 7) == 0;
        CHECK(american ? us : eu);
        CHECK(k->queue != NULL);
        ++*calls;
        *astray += strcmp(k->queue->r.name, american ? "us" : "eu") != 0;
    }
}

TEST(callers_call_where_they_are_served)
{
    struct buf errors = {0};
    struct config *config = config_load(two_pairs, strlen(two_pairs), "t", &errors);
    CHECK_STR(errors.data ? errors.data : "", "");
    struct center *c = center_new(&(struct center_options){.config = config,
                                                           .pairs = true,
                                                           .account = "123456789012",
                                                           .seed = 3,
                                                           .start = 1800000000000,
                                                           .history_max = 100000,
                                                           .arrivals = true});
    CHECK_EQ(center_n_mirrors(c), 2);
    for (int warm = 1; warm >= 0; warm--) {
        uint32_t calls = 0, astray = 0;
        if (warm)
            center_warm(c, 30 * 60000);
        else
            center_skip(c, 4 * 3600000);
        for (uint32_t m = 0; m < 2; m++)
            for (uint8_t s = 0; s < 2; s++) {
                struct instance *i = center_mirror(c, m)->side[s];
                bool american = strncmp(i->region->name, "us", 2) == 0;
                count_calls(i, &i->live, american, &calls, &astray);
                count_calls(i, &i->ended, american, &calls, &astray);
                CHECK(i->n_ended > 50 && i->n_live > 10); /* at work */
            }
        CHECK(calls > 500);
        if (warm)
            CHECK_EQ(astray, 0);
        else /* half of 5 % are astray to where they belong; 2.5 % +- four standard deviations */
            CHECK(fabs(astray / (double)calls - 0.025) < 4 * sqrt(0.025 * 0.975 / calls));
    }
    center_free(c);
    config_free(config);
    buf_free(&errors);
}

TAP_MAIN
