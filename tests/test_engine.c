/* engine: every rule of engine.h, each in a small instance whose outputs are written down, then
 * random inputs against a naive model of who takes what (tests/test_queueing.c: the figures). */
#include "engine/engine.h"
#include "small_config.h"
#include "tap.h"

#define NONE UINT32_MAX
#define S    1000 /* milliseconds */

/* ---- an instance whose outputs can be read ----
 *
 * said() takes all outputs and writes each as one word: the time in front when it is not the one
 * before ("@20s" seconds, "@5" milliseconds), contacts by number, agents a0.., queues q0..:
 *   queued:1/q0 offered:1/a0 missed:1/a0 connected:1/a0 held:1 resumed:1 transferred:1/q1
 *   wrapup:1/a0 ended:1/completed a0=available */

struct fix {
    struct config *c;
    struct engine *e;
    td_ms said_at;
    char text[8192];
    struct engine_event last; /* of type CONNECTED */
    uint8_t slots[CHANNELS];  /* of the last AGENT */
};

static struct fix start(struct config *c)
{
    return (struct fix){.c = c, .e = engine_new(c, 0, 7)};
}

static void stop(struct fix *f)
{
    engine_check(f->e);
    engine_free(f->e);
    small_config_free(f->c);
}

static void add_event(struct fix *f, struct buf *b, const struct engine_event *v)
{
    static const char *const names[ENGINE_EVENTS] = {
        "queued",  "offered",     "missed", "connected", "held",
        "resumed", "transferred", "wrapup", "ended",     "agent"};
    if (b->len)
        buf_char(b, ' ');
    if (v->at != f->said_at)
        buf_fmt(b, v->at % S ? "@%d " : "@%ds ", (int)(v->at % S ? v->at : v->at / S));
    f->said_at = v->at;
    if (v->type == ENGINE_AGENT) {
        buf_fmt(b, "a%u=%s", v->agent, engine_agent_state_names[v->agent_state]);
        memcpy(f->slots, v->free_slots, sizeof f->slots);
        return;
    }
    buf_fmt(b, "%s:%d", names[v->type], (int)v->contact.lo);
    if (v->type == ENGINE_QUEUED || v->type == ENGINE_TRANSFERRED)
        buf_fmt(b, "/q%u", v->queue);
    else if (v->type == ENGINE_ENDED)
        buf_fmt(b, "/%s", engine_reason_names[v->reason]);
    else if (v->type != ENGINE_HELD && v->type != ENGINE_RESUMED)
        buf_fmt(b, "/a%u", v->agent);
    if (v->type == ENGINE_CONNECTED)
        f->last = *v;
}

static const char *said(struct fix *f)
{
    struct engine_event v;
    struct buf b = {0};
    while (engine_pop(f->e, &v))
        add_event(f, &b, &v);
    engine_check(f->e);
    BUG_ON(!str_copy(f->text, sizeof f->text, b.data ? b.data : ""));
    buf_free(&b);
    return f->text;
}

static const char *until(struct fix *f, td_ms at)
{
    engine_advance(f->e, at);
    return said(f);
}

static struct td_id id(int n)
{
    return (struct td_id){.hi = 0, .lo = (uint64_t)n};
}

/* A voice contact for q0 that waits for ever, talks 60 s and is wrapped up in 10 s. */
static struct engine_contact call(int n, td_ms at)
{
    return (struct engine_contact){
        .id = id(n),
        .channel = CHANNEL_VOICE,
        .priority = 5,
        .enqueued_at = at,
        .gives_up_at = INT64_MAX,
        .handle_ms = 60 * S,
        .wrapup_ms = 10 * S,
        .transfer_queue = INDEX_NONE,
    };
}

static bool same_contact(const struct engine_contact *a, const struct engine_contact *b)
{
    return id_eq(a->id, b->id) && id_eq(a->customer, b->customer) && a->queue == b->queue &&
           a->channel == b->channel && a->priority == b->priority &&
           a->enqueued_at == b->enqueued_at && a->adjust_ms == b->adjust_ms &&
           a->gives_up_at == b->gives_up_at && a->handle_ms == b->handle_ms &&
           a->wrapup_ms == b->wrapup_ms && a->hold_at_ms == b->hold_at_ms &&
           a->hold_ms == b->hold_ms && a->transfer_queue == b->transfer_queue &&
           a->preferred_agent == b->preferred_agent;
}

static bool arrive(struct fix *f, td_ms at, struct engine_contact k)
{
    return engine_arrive(f->e, at, &k);
}

/* n agents of one profile that serves q0 with voice; there is q1, which nobody serves. */
static struct fix one_queue(uint32_t n)
{
    struct config *c = small_config();
    uint16_t q = small_queue(c, "sales"), p = small_profile(c, 1, 0, 0);
    small_queue(c, "help");
    small_row(c, p, q, CHANNEL_VOICE, 1, 0);
    small_agents(c, p, n);
    struct fix f = start(c);
    for (uint32_t i = 0; i < n; i++)
        engine_sign_in(f.e, 0, i);
    said(&f);
    return f;
}

/* ---- the life of a contact ---- */

TEST(a_contact_lives)
{
    struct fix f = one_queue(1);
    CHECK(engine_next(f.e) == INT64_MAX);
    arrive(&f, 5 * S, call(1, 5 * S));
    CHECK_STR(said(&f), "@5s queued:1/q0 connected:1/a0 a0=on_contact");
    CHECK_EQ(f.last.idle_ms, 5 * S);
    CHECK_EQ(f.last.free_agents, 1);
    CHECK_EQ(engine_next(f.e), 65 * S);
    CHECK_STR(until(&f, 65 * S - 1), "");
    CHECK_STR(until(&f, 65 * S), "@65s wrapup:1/a0 a0=wrapup");
    CHECK_STR(until(&f, 100 * S), "@75s ended:1/completed a0=available");
    CHECK(engine_next(f.e) == INT64_MAX);
    stop(&f);
}

TEST(waits_its_turn_and_the_agent_goes_on_without_a_pause)
{
    struct fix f = one_queue(1);
    arrive(&f, 0, call(1, 0));
    arrive(&f, 1 * S, call(2, 1 * S));
    struct engine_contact k = call(3, 2 * S);
    k.wrapup_ms = 0;
    arrive(&f, 2 * S, k);
    CHECK_STR(said(&f), "queued:1/q0 connected:1/a0 a0=on_contact @1s queued:2/q0 @2s queued:3/q0");
    CHECK_EQ(engine_waiting(f.e, 0), 2);
    CHECK_EQ(engine_oldest(f.e, 0), 1 * S);
    CHECK_EQ(engine_live(f.e), 3);
    CHECK_STR(until(&f, 70 * S),
              "@60s wrapup:1/a0 a0=wrapup @70s ended:1/completed connected:2/a0 a0=on_contact");
    CHECK_EQ(f.last.idle_ms, 0);
    /* no wrap-up: told all the same, and the agent is never available in between */
    CHECK_STR(until(&f, 200 * S),
              "@130s wrapup:2/a0 a0=wrapup @140s ended:2/completed connected:3/a0 a0=on_contact "
              "@200s wrapup:3/a0 ended:3/completed a0=available");
    CHECK(engine_oldest(f.e, 0) == INT64_MAX);
    stop(&f);
}

TEST(gives_up_exactly_then)
{
    struct fix f = one_queue(0);
    struct engine_contact k = call(1, 0);
    k.gives_up_at = 12345;
    arrive(&f, 0, k);
    CHECK_STR(said(&f), "queued:1/q0");
    CHECK_EQ(engine_next(f.e), 12345);
    CHECK_STR(until(&f, 12344), "");
    CHECK_STR(until(&f, 12345), "@12345 ended:1/abandoned");
    CHECK_EQ(engine_live(f.e), 0);
    /* left before it came here; and at this very moment, which is still served */
    k = call(2, 10 * S);
    k.gives_up_at = 19 * S;
    arrive(&f, 20 * S, k);
    CHECK_STR(said(&f), "@20s queued:2/q0 ended:2/abandoned");
    stop(&f);

    f = one_queue(1);
    k.gives_up_at = 20 * S;
    arrive(&f, 20 * S, k);
    CHECK_STR(said(&f), "@20s queued:2/q0 connected:2/a0 a0=on_contact");
    /* whoever is connected has patience for ever */
    CHECK_STR(until(&f, 79 * S), "");
    stop(&f);
}

TEST(hold_is_part_of_talking)
{
    struct fix f = one_queue(1);
    struct engine_contact k = call(1, 0);
    k.hold_at_ms = 20 * S;
    k.hold_ms = 15 * S;
    arrive(&f, 0, k);
    said(&f);
    CHECK_STR(until(&f, 60 * S), "@20s held:1 @35s resumed:1 @60s wrapup:1/a0 a0=wrapup");
    k.id = id(2);
    k.hold_ms = 1000 * S; /* cut to the end of the talk */
    arrive(&f, 60 * S, k);
    CHECK_STR(until(&f, 130 * S), "queued:2/q0 @70s ended:1/completed connected:2/a0 a0=on_contact "
                                  "@90s held:2 @130s resumed:2 wrapup:2/a0 a0=wrapup");
    stop(&f);
}

TEST(transfer_after_talking)
{
    struct config *c = small_config();
    uint16_t sales = small_queue(c, "sales"), help = small_queue(c, "help");
    uint16_t p0 = small_profile(c, 1, 0, 0), p1 = small_profile(c, 1, 0, 0);
    small_row(c, p0, sales, CHANNEL_VOICE, 1, 0);
    small_row(c, p1, help, CHANNEL_VOICE, 1, 0);
    small_agents(c, p0, 1);
    small_agents(c, p1, 1);
    struct cfg_demand *d = small_demand(c, help, CHANNEL_VOICE);
    d->handle_mean_s = 30; /* no variation: drawn exactly */
    d->transfer_chance = 1;
    d->transfer_queue = sales;
    struct fix f = start(c);
    engine_sign_in(f.e, 0, 0);
    said(&f);
    struct engine_contact k = call(1, 0), out;
    k.transfer_queue = help;
    k.preferred_agent = c->agent[0].key;
    k.adjust_ms = 99 * S;
    k.gives_up_at = 61 * S;
    arrive(&f, 0, k);
    arrive(&f, 0, call(2, 0));
    CHECK_STR(said(&f), "queued:1/q0 connected:1/a0 a0=on_contact queued:2/q0");
    /* the agent wraps up while the contact waits elsewhere, its age from now on */
    CHECK_STR(until(&f, 60 * S), "@60s transferred:1/q1 a0=wrapup queued:1/q1");
    CHECK_EQ(engine_live(f.e), 2);
    CHECK_STR(until(&f, 70 * S), "@70s connected:2/a0 a0=on_contact");
    CHECK(engine_release(f.e, 70 * S, id(1), &out));
    CHECK_EQ(out.queue, help);
    CHECK_EQ(out.enqueued_at, 60 * S);
    CHECK_EQ(out.adjust_ms, 0);
    CHECK(out.preferred_agent == 0);
    CHECK_EQ(out.handle_ms, 30 * S);
    CHECK(out.gives_up_at == INT64_MAX); /* drawn anew: help's customers have patience for ever */
    CHECK_EQ(out.transfer_queue, INDEX_NONE); /* once only */
    said(&f);
    /* an agent there takes it, and does not transfer it on */
    CHECK(engine_arrive(f.e, 70 * S, &out));
    engine_sign_in(f.e, 71 * S, 1);
    CHECK_STR(said(&f), "queued:1/q1 @71s a1=available connected:1/a1 a1=on_contact");
    CHECK_STR(until(&f, 101 * S), "@101s wrapup:1/a1 ended:1/completed a1=available");
    stop(&f);
}

TEST(transfer_by_the_agent)
{
    struct fix f = one_queue(1);
    struct engine_contact k = call(1, 0);
    k.hold_ms = k.hold_at_ms = 10 * S;
    arrive(&f, 0, k);
    said(&f);
    CHECK(!engine_transfer(f.e, 1 * S, id(9), 1)); /* unknown */
    CHECK(!engine_transfer(f.e, 1 * S, id(1), 2)); /* no such queue */
    CHECK(!engine_transfer(f.e, 1 * S, id(1), INDEX_NONE));
    CHECK(engine_transfer(f.e, 15 * S, id(1), 1)); /* also while held */
    CHECK_STR(said(&f), "@10s held:1 @15s transferred:1/q1 a0=wrapup queued:1/q1");
    CHECK(!engine_transfer(f.e, 16 * S, id(1), 0)); /* waits */
    CHECK(engine_has(f.e, id(1), &(bool){false}));
    CHECK_STR(until(&f, 25 * S), "@25s a0=available");
    /* without wrap-up the agent may take the next at once */
    k = call(2, 26 * S);
    k.wrapup_ms = 0;
    arrive(&f, 26 * S, k);
    arrive(&f, 26 * S, call(3, 26 * S));
    said(&f);
    CHECK(engine_transfer(f.e, 30 * S, id(2), 0));
    CHECK_STR(said(&f), "@30s transferred:2/q0 connected:3/a0 queued:2/q0");
    stop(&f);
}

TEST(closed_and_busy)
{
    struct fix f = one_queue(1);
    f.c->n_hours = 1;
    for (int d = 0; d < 7; d++) {
        f.c->hours[0].day[d].open_min = 8 * 60;
        f.c->hours[0].day[d].close_min = 18 * 60;
    }
    f.c->queue[0].hours = 0;
    td_ms open = 8 * 3600 * S, close = 18 * 3600 * S;
    arrive(&f, open - 1, call(1, 0));
    CHECK_STR(said(&f), "@28799999 ended:1/closed");
    CHECK(!engine_has(f.e, id(1), &(bool){false}));
    CHECK_EQ(engine_live(f.e), 0);
    arrive(&f, open, call(1, open));
    arrive(&f, close - 1, call(2, close - 1));
    CHECK_STR(said(&f), "@28800s queued:1/q0 connected:1/a0 a0=on_contact @28860s wrapup:1/a0 "
                        "a0=wrapup @28870s ended:1/completed a0=available @64799999 queued:2/q0 "
                        "connected:2/a0 a0=on_contact");
    /* a transfer after hours finds it closed too */
    CHECK(engine_transfer(f.e, close, id(2), 0));
    CHECK_STR(said(&f), "@64800s transferred:2/q0 a0=wrapup ended:2/closed");
    f.c->queue[0].hours = INDEX_NONE;

    /* the quota counts whoever waits or talks, not wrap-up; and it counts before the hours */
    stop(&f);
    f = one_queue(1);
    f.c->site[0].contacts_max = 2;
    engine_reconfigure(f.e, f.c);
    arrive(&f, 0, call(1, 0));
    arrive(&f, 0, call(2, 0));
    arrive(&f, 0, call(3, 0));
    CHECK_STR(said(&f), "queued:1/q0 connected:1/a0 a0=on_contact queued:2/q0 ended:3/busy");
    until(&f, 60 * S);
    arrive(&f, 60 * S, call(3, 60 * S));
    CHECK_STR(said(&f), "queued:3/q0");
    stop(&f);
}

TEST(wrong_inputs_change_nothing)
{
    struct fix f = one_queue(1);
    struct engine_contact out, k = call(0, 0);
    bool connected;
    CHECK(!arrive(&f, 0, k)); /* no id */
    k = call(1, 0);
    k.queue = 2;
    CHECK(!arrive(&f, 0, k));
    k.queue = INDEX_NONE;
    CHECK(!arrive(&f, 0, k));
    k = call(1, 0);
    k.channel = CHANNELS;
    CHECK(!arrive(&f, 0, k));
    CHECK_STR(said(&f), "");
    arrive(&f, 0, call(1, 0));
    arrive(&f, 0, call(2, 0));
    said(&f);
    CHECK(!arrive(&f, 0, call(1, 0)));           /* connected here already */
    CHECK(!arrive(&f, 0, call(2, 0)));           /* waits here already */
    CHECK(!engine_release(f.e, 0, id(1), &out)); /* connected */
    CHECK(!engine_release(f.e, 0, id(3), &out));
    CHECK(!engine_drop(f.e, 0, id(3)));
    CHECK(!engine_has(f.e, id(3), &connected));
    engine_priority(f.e, 0, id(1), 1, 0); /* does not wait */
    engine_priority(f.e, 0, id(3), 1, 0);
    engine_weight(f.e, 2, 2);
    engine_weight(f.e, 0, -1);
    engine_weight(f.e, 0, NAN);
    engine_sign_in(f.e, 0, 1);
    engine_sign_in(f.e, 0, NONE);
    engine_sign_in(f.e, 0, 0); /* is in */
    engine_sign_out(f.e, 0, 1, true);
    engine_set_break(f.e, 0, 1, true);
    engine_set_break(f.e, 0, 0, false);
    CHECK(!engine_signed_in(f.e, 1) && engine_agent_clear(f.e, 1));
    CHECK_EQ(engine_waiting(f.e, 5), 0);
    CHECK(engine_oldest(f.e, 5) == INT64_MAX);
    CHECK_STR(said(&f), "");
    CHECK(engine_has(f.e, id(1), &connected) && connected);
    CHECK(engine_has(f.e, id(2), &connected) && !connected);
    until(&f, 60 * S);
    CHECK(!arrive(&f, 60 * S, call(1, 0))); /* in wrap-up */
    CHECK(engine_has(f.e, id(1), &connected) && connected);
    CHECK(!engine_transfer(f.e, 60 * S, id(1), 0));
    CHECK(!engine_release(f.e, 60 * S, id(1), &out));
    stop(&f);
}

TEST(release_gives_the_contact_as_it_is)
{
    struct fix f = one_queue(0);
    small_demand(f.c, 0, CHANNEL_VOICE)->handle_mean_s = 180;
    f.c->workload.demands[0].patience_mean_s = 100;
    f.c->workload.demands[0].wrapup_mean_s = 10;
    engine_reconfigure(f.e, f.c);
    struct engine_contact k = call(1, 0), out;
    k.enqueued_at = -5 * S; /* waited elsewhere already */
    k.customer = id(77);
    k.priority = 3;
    k.preferred_agent = 99;
    k.gives_up_at = k.handle_ms = k.wrapup_ms = k.hold_ms = -1;
    arrive(&f, 1 * S, k);
    CHECK_STR(said(&f), "@1s queued:1/q0");
    CHECK_EQ(engine_oldest(f.e, 0), -5 * S);
    CHECK(engine_release(f.e, 2 * S, id(1), &out));
    CHECK_STR(said(&f), "@2s ended:1/released");
    CHECK(id_eq(out.customer, id(77)) && out.priority == 3 && out.preferred_agent == 99);
    CHECK_EQ(out.enqueued_at, -5 * S);
    CHECK_EQ(out.handle_ms, 180 * S);
    CHECK(out.gives_up_at > 1 * S && out.gives_up_at < INT64_MAX && out.wrapup_ms >= 0);
    CHECK_EQ(out.hold_ms, 0);
    CHECK(engine_next(f.e) == INT64_MAX);
    CHECK(!engine_release(f.e, 2 * S, id(1), &out));
    /* it may come back, and its figures stay what they are */
    struct engine_contact again = out;
    CHECK(arrive(&f, 3 * S, again));
    CHECK(engine_release(f.e, 3 * S, id(1), &again));
    CHECK(same_contact(&again, &out));
    stop(&f);
}

TEST(drop_in_each_state)
{
    struct fix f = one_queue(1);
    struct engine_contact k = call(1, 0);
    k.hold_at_ms = k.hold_ms = 10 * S;
    arrive(&f, 0, k);
    arrive(&f, 0, call(2, 0));
    arrive(&f, 0, call(3, 0));
    said(&f);
    CHECK(engine_drop(f.e, 1 * S, id(2))); /* waits */
    CHECK_STR(said(&f), "@1s ended:2/dropped");
    CHECK(engine_drop(f.e, 15 * S, id(1))); /* held; no wrap-up, the next is taken */
    CHECK_STR(said(&f), "@10s held:1 @15s ended:1/dropped connected:3/a0");
    CHECK(engine_drop(f.e, 16 * S, id(3))); /* talks */
    CHECK_STR(said(&f), "@16s ended:3/dropped a0=available");
    arrive(&f, 20 * S, call(4, 20 * S));
    until(&f, 85 * S);
    CHECK(engine_drop(f.e, 85 * S, id(4))); /* in wrap-up: its customer was served */
    CHECK_STR(said(&f), "@85s ended:4/completed a0=available");
    CHECK_EQ(engine_live(f.e), 0);
    stop(&f);
}

/* ---- who takes what ---- */

TEST(longest_idle_first)
{
    struct fix f = one_queue(3);
    arrive(&f, 1 * S, call(1, 0));
    CHECK_STR(said(&f), "@1s queued:1/q0 connected:1/a0 a0=on_contact");
    CHECK_EQ(f.last.free_agents, 3);
    until(&f, 71 * S);
    arrive(&f, 80 * S, call(2, 80 * S));
    CHECK_EQ(engine_busy(f.e), 1);
    arrive(&f, 80 * S, call(3, 80 * S));
    arrive(&f, 80 * S, call(4, 80 * S));
    CHECK_STR(said(&f), "@80s queued:2/q0 connected:2/a1 a1=on_contact queued:3/q0 connected:3/a2 "
                        "a2=on_contact queued:4/q0 connected:4/a0 a0=on_contact");
    CHECK_EQ(f.last.idle_ms, 9 * S); /* since the end of its wrap-up */
    CHECK_EQ(f.last.free_agents, 1);
    stop(&f);
}

TEST(longest_idle_of_several_profiles)
{
    struct config *c = small_config();
    uint16_t q = small_queue(c, "sales");
    for (int i = 0; i < 3; i++)
        small_row(c, small_profile(c, 1, 0, 0), q, CHANNEL_VOICE, (uint8_t)(3 - i), 0);
    for (uint16_t i = 0; i < 3; i++)
        small_agents(c, i, 1);
    struct fix f = start(c);
    engine_sign_in(f.e, 1, 1);
    engine_sign_in(f.e, 1, 2); /* in the same millisecond: the order of the calls */
    engine_sign_in(f.e, 3, 0);
    said(&f);
    for (int i = 1; i <= 3; i++)
        arrive(&f, 10, call(i, 10));
    CHECK_STR(said(&f), "@10 queued:1/q0 connected:1/a1 a1=on_contact queued:2/q0 connected:2/a2 "
                        "a2=on_contact queued:3/q0 connected:3/a0 a0=on_contact");
    stop(&f);
}

TEST(preferred_agent_first_when_free)
{
    struct fix f = one_queue(3);
    struct engine_contact k = call(1, 0);
    k.preferred_agent = f.c->agent[2].key;
    arrive(&f, 0, k);
    CHECK_STR(said(&f), "queued:1/q0 connected:1/a2 a2=on_contact");
    k.id = id(2); /* busy now: any other */
    arrive(&f, 0, k);
    CHECK_STR(said(&f), "queued:2/q0 connected:2/a0 a0=on_contact");
    k.id = id(3); /* nobody of that name is here */
    k.preferred_agent = hash_str("somebody else");
    arrive(&f, 0, k);
    CHECK_STR(said(&f), "queued:3/q0 connected:3/a1 a1=on_contact");
    stop(&f);

    /* free, but his profile does not serve this queue */
    struct config *c = small_config();
    uint16_t q0 = small_queue(c, "sales"), q1 = small_queue(c, "help");
    small_row(c, small_profile(c, 1, 0, 0), q0, CHANNEL_VOICE, 1, 0);
    small_row(c, small_profile(c, 1, 0, 0), q1, CHANNEL_VOICE, 1, 0);
    small_agents(c, 1, 1);
    small_agents(c, 0, 1);
    f = start(c);
    engine_sign_in(f.e, 0, 0);
    engine_sign_in(f.e, 0, 1);
    k.preferred_agent = c->agent[0].key;
    arrive(&f, 0, k);
    CHECK_STR(said(&f), "a0=available a1=available queued:3/q0 connected:3/a1 a1=on_contact");
    stop(&f);
}

/* Two queues served by the one agent, who is busy with contact 99 until 70 s. */
static struct fix two_queues(uint8_t priority0, uint8_t priority1)
{
    struct config *c = small_config();
    uint16_t q0 = small_queue(c, "sales"), q1 = small_queue(c, "help");
    uint16_t p = small_profile(c, 1, 0, 0);
    small_row(c, p, q0, CHANNEL_VOICE, priority0, 0);
    small_row(c, p, q1, CHANNEL_VOICE, priority1, 0);
    small_agents(c, p, 1);
    struct fix f = start(c);
    engine_sign_in(f.e, 0, 0);
    arrive(&f, 0, call(99, 0));
    said(&f);
    return f;
}

static void wait_in(struct fix *f, int n, td_ms at, uint16_t queue, uint8_t priority)
{
    struct engine_contact k = call(n, at);
    k.queue = queue;
    k.priority = priority;
    k.handle_ms = 1;
    k.wrapup_ms = 0;
    arrive(f, at, k);
}

/* In which order the agent connects everything that waits. */
static const char *order(struct fix *f)
{
    struct engine_event v;
    struct buf b = {0};
    while (engine_pop(f->e, &v))
        ;
    engine_advance(f->e, 1000 * S);
    while (engine_pop(f->e, &v))
        if (v.type == ENGINE_CONNECTED)
            buf_fmt(&b, "%d ", (int)v.contact.lo);
    BUG_ON(!str_copy(f->text, sizeof f->text, b.data ? b.data : ""));
    buf_free(&b);
    return f->text;
}

TEST(oldest_first_across_queues_of_one_priority)
{
    struct fix f = two_queues(1, 1);
    wait_in(&f, 1, 10 * S, 1, 5);
    wait_in(&f, 2, 11 * S, 0, 5);
    wait_in(&f, 3, 12 * S, 1, 5);
    wait_in(&f, 4, 12 * S, 0, 5);              /* as old as 3, which was first here */
    struct engine_contact k = call(5, 13 * S); /* has waited elsewhere */
    k.enqueued_at = 9 * S;
    k.handle_ms = 1;
    k.wrapup_ms = 0;
    arrive(&f, 13 * S, k);
    CHECK_EQ(engine_waiting(f.e, 0), 3);
    CHECK_STR(order(&f), "5 1 2 3 4 ");
    stop(&f);
}

TEST(row_priority_before_all_else)
{
    struct fix f = two_queues(2, 1);
    wait_in(&f, 1, 10 * S, 0, 1); /* older and of better priority, in the worse row */
    wait_in(&f, 2, 20 * S, 1, 9);
    wait_in(&f, 3, 21 * S, 1, 5);
    CHECK_STR(order(&f), "3 2 1 ");
    stop(&f);
}

TEST(contact_priority_before_age)
{
    struct fix f = two_queues(1, 1);
    wait_in(&f, 1, 10 * S, 0, 5);
    wait_in(&f, 2, 11 * S, 1, 0); /* 0 means normal, 5 */
    wait_in(&f, 3, 12 * S, 0, 4);
    wait_in(&f, 4, 13 * S, 1, 10);
    wait_in(&f, 5, 14 * S, 1, 200); /* counts as 10 */
    wait_in(&f, 6, 15 * S, 0, 1);
    CHECK_STR(order(&f), "6 3 1 2 4 5 ");
    stop(&f);
}

TEST(adjusted_age_and_priority_of_waiting_contacts)
{
    struct fix f = two_queues(1, 1);
    for (int i = 1; i <= 6; i++)
        wait_in(&f, i, (10 + i) * S, 0, 5);
    engine_priority(f.e, 20 * S, id(5), 5, 3500);      /* before 2, behind 1 */
    engine_priority(f.e, 20 * S, id(1), 5, -2500);     /* behind 3 */
    engine_priority(f.e, 20 * S, id(6), 4, -1000 * S); /* priority first */
    engine_priority(f.e, 20 * S, id(4), 0, 0);         /* 0 counts as 1 here, the best */
    CHECK_STR(order(&f), "4 6 5 2 3 1 ");
    stop(&f);
}

TEST(weights_make_generalised_c_mu)
{
    struct fix f = two_queues(1, 1);
    engine_weight(f.e, 1, 3);
    wait_in(&f, 1, 10 * S, 0, 5);          /* at 70 s: 60 */
    wait_in(&f, 2, 52 * S, 1, 5);          /* 18 x 3 = 54 */
    wait_in(&f, 3, 45 * S + 10 * S, 1, 5); /* 15 x 3 = 45 */
    wait_in(&f, 4, 58 * S, 0, 5);          /* 12 */
    wait_in(&f, 5, 65 * S, 1, 5);          /* 5 x 3 = 15 */
    wait_in(&f, 6, 66 * S, 0, 3);          /* a better priority all the same */
    CHECK_STR(order(&f), "6 1 2 3 5 4 ");
    stop(&f);

    /* weight 0: served when nothing else waits; a change counts from the next choice */
    f = two_queues(1, 1);
    engine_weight(f.e, 0, 0);
    engine_weight(f.e, 1, -1); /* ignored */
    wait_in(&f, 1, 10 * S, 0, 5);
    wait_in(&f, 2, 69 * S, 1, 5);
    CHECK_STR(order(&f), "2 1 ");
    stop(&f);
}

TEST(delay_of_a_row)
{
    struct config *c = small_config();
    uint16_t q = small_queue(c, "sales");
    small_row(c, small_profile(c, 1, 0, 0), q, CHANNEL_VOICE, 1, 20 * S);
    small_row(c, small_profile(c, 1, 0, 0), q, CHANNEL_VOICE, 1, 45 * S);
    small_agents(c, 0, 1);
    small_agents(c, 1, 1);
    struct fix f = start(c);
    engine_sign_in(f.e, 0, 0);
    engine_sign_in(f.e, 0, 1);
    said(&f);
    arrive(&f, 1 * S, call(1, 1 * S));
    arrive(&f, 2 * S, call(2, 2 * S));
    CHECK_STR(said(&f), "@1s queued:1/q0 @2s queued:2/q0");
    CHECK_EQ(engine_next(f.e), 21 * S);
    CHECK_STR(until(&f, 60 * S), "@21s connected:1/a0 a0=on_contact @47s connected:2/a1 "
                                 "a1=on_contact");
    CHECK_EQ(f.last.free_agents, 1);
    said(&f);
    /* age from elsewhere and adjustments count */
    until(&f, 1000 * S);
    struct engine_contact k = call(3, 985 * S);
    arrive(&f, 1000 * S, k);
    CHECK_EQ(engine_next(f.e), 1005 * S);
    k = call(4, 1000 * S);
    k.adjust_ms = 30 * S;
    arrive(&f, 1000 * S, k);
    engine_priority(f.e, 1001 * S, id(3), 5, 40 * S);
    CHECK_STR(said(&f), "@1000s queued:3/q0 queued:4/q0 connected:4/a0 a0=on_contact @1001s "
                        "connected:3/a1 a1=on_contact");
    stop(&f);
}

/* Both become old enough in one millisecond: the better one is taken, whoever's turn came first. */
TEST(ripe_at_once_the_better_is_taken)
{
    struct config *c = small_config();
    uint16_t q = small_queue(c, "sales");
    small_row(c, small_profile(c, 1, 0, 0), q, CHANNEL_VOICE, 1, 20 * S);
    small_agents(c, 0, 1);
    struct fix f = start(c);
    engine_sign_in(f.e, 0, 0);
    wait_in(&f, 1, 0, 0, 5);
    wait_in(&f, 2, 0, 0, 4);
    said(&f);
    CHECK_STR(until(&f, 20 * S), "@20s connected:2/a0 a0=on_contact");
    stop(&f);
}

/* A young contact of better priority does not hide an old one from a delayed row. */
TEST(delay_looks_past_the_young)
{
    struct config *c = small_config();
    uint16_t q = small_queue(c, "sales");
    small_row(c, small_profile(c, 1, 0, 0), q, CHANNEL_VOICE, 1, 20 * S);
    small_agents(c, 0, 1);
    struct fix f = start(c);
    wait_in(&f, 1, 0, 0, 5);
    wait_in(&f, 2, 15 * S, 0, 1);
    engine_sign_in(f.e, 25 * S, 0);
    CHECK_STR(said(&f), "queued:1/q0 @15s queued:2/q0 @25s a0=available connected:1/a0 "
                        "a0=on_contact");
    stop(&f);
}

TEST(chats_fill_up_and_voice_excludes)
{
    struct config *c = small_config();
    uint16_t q = small_queue(c, "sales"), p = small_profile(c, 1, 2, 1);
    small_row(c, p, q, CHANNEL_VOICE, 1, 0);
    small_row(c, p, q, CHANNEL_CHAT, 1, 0);
    small_row(c, p, q, CHANNEL_TASK, 1, 0);
    small_agents(c, p, 1);
    struct fix f = start(c);
    engine_sign_in(f.e, 0, 0);
    said(&f);
    CHECK(f.slots[CHANNEL_VOICE] == 1 && f.slots[CHANNEL_CHAT] == 2 && f.slots[CHANNEL_TASK] == 1);
    struct engine_contact k = call(1, 0);
    k.channel = CHANNEL_CHAT;
    arrive(&f, 0, k);
    CHECK_STR(said(&f), "queued:1/q0 connected:1/a0 a0=on_contact");
    CHECK(f.slots[CHANNEL_VOICE] == 0 && f.slots[CHANNEL_CHAT] == 1 && f.slots[CHANNEL_TASK] == 1);
    arrive(&f, 1 * S, call(2, 1 * S)); /* voice waits for an agent with nothing at all */
    k.id = id(3);
    arrive(&f, 2 * S, k);
    k.id = id(4);
    arrive(&f, 3 * S, k); /* a third chat is one too many */
    k.id = id(5);
    k.channel = CHANNEL_TASK;
    arrive(&f, 4 * S, k); /* a task is not */
    CHECK_STR(said(&f), "@1s queued:2/q0 @2s queued:3/q0 connected:3/a0 a0=on_contact @3s "
                        "queued:4/q0 @4s queued:5/q0 connected:5/a0 a0=on_contact");
    CHECK(f.slots[CHANNEL_CHAT] == 0 && f.slots[CHANNEL_TASK] == 0);
    CHECK_EQ(engine_waiting(f.e, 0), 2);
    /* a wrap-up keeps its slot; then the waiting chat fills it */
    CHECK_STR(until(&f, 70 * S), "@60s wrapup:1/a0 @62s wrapup:3/a0 @64s wrapup:5/a0 a0=wrapup "
                                 "@70s ended:1/completed connected:4/a0 a0=on_contact");
    CHECK_EQ(engine_busy(f.e), 1);
    /* voice at last, when all is done */
    CHECK_STR(until(&f, 140 * S),
              "@72s ended:3/completed a0=on_contact @74s ended:5/completed a0=on_contact "
              "@130s wrapup:4/a0 a0=wrapup @140s ended:4/completed connected:2/a0 a0=on_contact");
    k.id = id(6);
    arrive(&f, 150 * S, k); /* and nothing besides voice */
    CHECK_STR(said(&f), "@150s queued:6/q0");
    stop(&f);
}

TEST(a_freed_agent_fills_all_slots)
{
    struct config *c = small_config();
    uint16_t q = small_queue(c, "sales"), p = small_profile(c, 0, 3, 0);
    small_row(c, p, q, CHANNEL_VOICE, 1, 0); /* never: concurrency 0 */
    small_row(c, p, q, CHANNEL_CHAT, 1, 0);
    small_agents(c, p, 2);
    struct fix f = start(c);
    for (int i = 1; i <= 5; i++) {
        struct engine_contact k = call(i, 0);
        k.channel = i == 1 ? CHANNEL_VOICE : CHANNEL_CHAT;
        arrive(&f, 0, k);
    }
    said(&f);
    engine_sign_in(f.e, 1 * S, 0);
    CHECK_STR(said(&f), "@1s a0=available connected:2/a0 connected:3/a0 connected:4/a0 "
                        "a0=on_contact");
    engine_sign_in(f.e, 2 * S, 1);
    CHECK_STR(said(&f), "@2s a1=available connected:5/a1 a1=on_contact");
    CHECK_EQ(engine_waiting(f.e, 0), 1);
    stop(&f);
}

/* ---- agents ---- */

TEST(sign_out_waits_or_drops)
{
    struct fix f = one_queue(2);
    arrive(&f, 0, call(1, 0));
    said(&f);
    engine_sign_out(f.e, 1 * S, 1, false);
    CHECK_STR(said(&f), "@1s a1=offline");
    engine_sign_out(f.e, 1 * S, 0, false);
    CHECK_STR(said(&f), "");
    CHECK(engine_signed_in(f.e, 0) && !engine_agent_clear(f.e, 0));
    CHECK(!engine_signed_in(f.e, 1) && engine_agent_clear(f.e, 1));
    arrive(&f, 2 * S, call(2, 2 * S)); /* he takes nothing more */
    CHECK_STR(until(&f, 75 * S), "@2s queued:2/q0 @60s wrapup:1/a0 a0=wrapup @70s "
                                 "ended:1/completed a0=offline");
    CHECK_EQ(engine_staffed(f.e), 0);
    engine_sign_in(f.e, 80 * S, 0);
    CHECK_STR(said(&f), "@80s a0=available connected:2/a0 a0=on_contact");
    engine_sign_out(f.e, 81 * S, 0, false);
    engine_sign_in(f.e, 82 * S, 0); /* changed his mind */
    arrive(&f, 83 * S, call(3, 83 * S));
    CHECK_STR(until(&f, 150 * S), "@83s queued:3/q0 @140s wrapup:2/a0 a0=wrapup @150s "
                                  "ended:2/completed connected:3/a0 a0=on_contact");
    engine_sign_out(f.e, 151 * S, 0, true);
    CHECK_STR(said(&f), "@151s ended:3/dropped a0=offline");
    CHECK_EQ(engine_live(f.e), 0);
    stop(&f);
}

TEST(sign_out_drops_every_contact)
{
    struct config *c = small_config();
    uint16_t q = small_queue(c, "sales"), p = small_profile(c, 1, 3, 0);
    small_row(c, p, q, CHANNEL_CHAT, 1, 0);
    small_agents(c, p, 1);
    struct fix f = start(c);
    engine_sign_in(f.e, 0, 0);
    for (int i = 1; i <= 4; i++) {
        struct engine_contact k = call(i, 0);
        k.channel = CHANNEL_CHAT;
        k.handle_ms = i == 1 ? 1 * S : 60 * S;
        k.transfer_queue = i == 2 ? q : INDEX_NONE;
        arrive(&f, 0, k);
    }
    CHECK(engine_transfer(f.e, 2 * S, id(2), q)); /* leaves a wrap-up behind */
    said(&f);
    engine_sign_out(f.e, 3 * S, 0, true);
    CHECK_STR(said(&f), "@3s ended:3/dropped a0=wrapup ended:1/completed a0=offline");
    CHECK_EQ(engine_waiting(f.e, 0), 2);
    CHECK_EQ(engine_live(f.e), 2);
    stop(&f);
}

TEST(breaks_told)
{
    struct fix f = one_queue(1);
    engine_set_break(f.e, 1 * S, 0, true);
    CHECK_STR(said(&f), "@1s a0=break");
    CHECK_EQ(engine_staffed(f.e), 0);
    arrive(&f, 2 * S, call(1, 2 * S));
    engine_set_break(f.e, 3 * S, 0, false);
    CHECK_STR(said(&f), "@2s queued:1/q0 @3s a0=available connected:1/a0 a0=on_contact");
    CHECK_EQ(f.last.idle_ms, 0);
    engine_set_break(f.e, 4 * S, 0, true); /* his next state */
    arrive(&f, 5 * S, call(2, 5 * S));
    CHECK_STR(until(&f, 73 * S), "@5s queued:2/q0 @63s wrapup:1/a0 a0=wrapup @73s "
                                 "ended:1/completed a0=break");
    CHECK(engine_next(f.e) == INT64_MAX); /* until he comes back */
    engine_sign_out(f.e, 80 * S, 0, false);
    CHECK_STR(said(&f), "@80s a0=offline");
    stop(&f);
}

TEST(breaks_drawn)
{
    struct fix f = one_queue(40);
    f.c->people.break_every_min = 60;
    f.c->people.break_min = 10;
    engine_reconfigure(f.e, f.c);
    double on_break = 0, gaps = 0;
    int breaks = 0;
    td_ms began[40] = {0}, ended[40] = {0};
    for (td_ms t = 0; t < 100 * 3600 * S; t = engine_next(f.e)) {
        struct engine_event v;
        engine_advance(f.e, t);
        while (engine_pop(f.e, &v)) {
            uint32_t a = v.agent;
            if (v.agent_state == AGENT_BREAK) {
                began[a] = v.at;
                gaps += (double)(v.at - ended[a]);
                breaks++;
            } else if (v.agent_state == AGENT_AVAILABLE) {
                CHECK_EQ(v.at - began[a], 600 * S);
                ended[a] = v.at;
                on_break += 600 * S;
            }
        }
        engine_check(f.e);
    }
    CHECK(breaks > 3000);
    CHECK_NEAR(gaps / breaks, 3600.0 * S, 4 * 3600.0 * S / sqrt(breaks)); /* 4 standard errors */
    CHECK_NEAR(on_break / (40 * 100 * 3600.0 * S), 10.0 / 70, 0.01);
    stop(&f);
}

/* A break that falls due in a contact begins after it; one that is told instead stays. */
TEST(drawn_break_waits_for_the_contact)
{
    struct fix f = one_queue(1);
    f.c->people.break_every_min = 10;
    f.c->people.break_min = 5;
    engine_reconfigure(f.e, f.c);
    struct engine_contact k = call(1, 0);
    k.handle_ms = 7200 * S;
    arrive(&f, 0, k);
    arrive(&f, 1, call(2, 0));
    said(&f);
    CHECK_STR(until(&f, 7220 * S),
              "@7200s wrapup:1/a0 a0=wrapup @7210s ended:1/completed a0=break");
    CHECK_EQ(engine_next(f.e), 7510 * S);
    engine_set_break(f.e, 7230 * S, 0, true);
    CHECK(engine_next(f.e) == INT64_MAX);
    engine_set_break(f.e, 7240 * S, 0, false);
    CHECK_STR(said(&f), "@7240s a0=available connected:2/a0 a0=on_contact");
    stop(&f);
}

static struct fix missing(double chance, uint32_t agents)
{
    struct fix f = one_queue(agents);
    f.c->people.miss_chance = chance;
    f.c->people.miss_ring_s = 15;
    return f;
}

TEST(missed_and_back_in_its_old_place)
{
    struct fix f = missing(1, 1);
    struct engine_contact out;
    arrive(&f, 0, call(1, 0));
    arrive(&f, 5 * S, call(2, 5 * S));
    CHECK_STR(said(&f), "queued:1/q0 offered:1/a0 a0=on_contact @5s queued:2/q0");
    CHECK(!engine_release(f.e, 10 * S, id(1), &out)); /* rings */
    CHECK(!engine_transfer(f.e, 10 * S, id(1), 0));
    bool connected = true;
    CHECK(engine_has(f.e, id(1), &connected) && !connected);
    CHECK_EQ(engine_waiting(f.e, 0), 1);
    CHECK_STR(until(&f, 15 * S), "@15s missed:1/a0 a0=missed");
    CHECK_EQ(engine_waiting(f.e, 0), 2);
    CHECK_EQ(engine_staffed(f.e), 1);
    CHECK_EQ(engine_busy(f.e), 0);
    CHECK_STR(until(&f, 30 * S), "@30s a0=available offered:1/a0 a0=on_contact"); /* before 2 */
    f.c->people.miss_chance = 0;
    CHECK_STR(until(&f, 60 * S), "@45s missed:1/a0 a0=missed @60s a0=available connected:1/a0 "
                                 "a0=on_contact");
    stop(&f);
}

TEST(missed_goes_to_the_next_agent)
{
    struct fix f = missing(1, 2);
    arrive(&f, 0, call(1, 0));
    CHECK_STR(until(&f, 15 * S), "queued:1/q0 offered:1/a0 a0=on_contact @15s missed:1/a0 "
                                 "a0=missed offered:1/a1 a1=on_contact");
    stop(&f);
}

TEST(while_it_rings)
{
    struct fix f = missing(1, 1);
    struct engine_contact k = call(1, 0);
    k.gives_up_at = 7 * S;
    arrive(&f, 0, k);
    said(&f);
    CHECK_STR(until(&f, 7 * S), "@7s ended:1/abandoned a0=available");
    arrive(&f, 10 * S, call(2, 10 * S));
    said(&f);
    CHECK(engine_drop(f.e, 11 * S, id(2)));
    CHECK_STR(said(&f), "@11s ended:2/dropped a0=available");
    arrive(&f, 20 * S, call(3, 20 * S));
    said(&f);
    engine_sign_out(f.e, 21 * S, 0, true);
    CHECK_STR(said(&f), "@21s missed:3/a0 a0=offline");
    CHECK_EQ(engine_waiting(f.e, 0), 1);
    CHECK(engine_next(f.e) == INT64_MAX);
    stop(&f);
}

TEST(misses_are_as_frequent_as_said)
{
    struct fix f = missing(0.2, 100);
    int offered = 0, missed = 0;
    for (int i = 1; i <= 20000; i++) {
        struct engine_event v;
        arrive(&f, (td_ms)i * 2 * S, call(i, (td_ms)i * 2 * S));
        while (engine_pop(f.e, &v)) {
            offered += v.type == ENGINE_OFFERED;
            missed += v.type == ENGINE_MISSED;
        }
    }
    CHECK_NEAR((double)missed / offered, 0.2, 4 * sqrt(0.2 * 0.8 / offered));
    stop(&f);
}

/* ---- draws ---- */

/* The figures of contact n, as drawn after `before` other contacts came. */
static struct engine_contact drawn(const struct config *c, uint64_t seed, int n, int before)
{
    struct engine *e = engine_new(c, 0, seed);
    struct engine_contact k = call(n, 0), out;
    k.gives_up_at = k.handle_ms = k.wrapup_ms = k.hold_ms = -1;
    for (int i = 0; i < before; i++) {
        struct engine_contact other = k;
        other.id = id(1000000 + i);
        engine_arrive(e, 0, &other);
    }
    engine_arrive(e, 0, &k);
    BUG_ON(!engine_release(e, 0, k.id, &out));
    engine_free(e);
    return out;
}

TEST(draws_depend_on_the_contact_alone)
{
    struct config *c = small_config();
    struct cfg_demand *d = small_demand(c, small_queue(c, "sales"), CHANNEL_VOICE);
    d->handle_mean_s = d->wrapup_mean_s = d->patience_mean_s = d->hold_mean_s = 100;
    d->handle_cv2 = d->hold_chance = 1;
    struct engine_contact a = drawn(c, 1, 5, 0), b = drawn(c, 1, 5, 17);
    CHECK(same_contact(&a, &b));
    b = drawn(c, 2, 5, 0);
    CHECK(a.handle_ms != b.handle_ms && a.gives_up_at != b.gives_up_at);
    b = drawn(c, 1, 6, 0);
    CHECK(a.handle_ms != b.handle_ms && a.gives_up_at != b.gives_up_at);
    small_config_free(c);
}

TEST(draws_have_the_moments_of_the_workload)
{
    enum { N = 40000 };
    struct config *c = small_config();
    uint16_t sales = small_queue(c, "sales"), help = small_queue(c, "help");
    struct cfg_demand *d = small_demand(c, sales, CHANNEL_VOICE);
    d->handle_mean_s = 180;
    d->handle_cv2 = 1.5;
    d->wrapup_mean_s = 20;
    d->patience_mean_s = 232;
    d->hold_chance = 0.25;
    d->hold_mean_s = 5;
    d->transfer_chance = 0.1;
    d->transfer_queue = help;
    struct engine *e = engine_new(c, 0, 3);
    double handle = 0, handle2 = 0, wrapup = 0, patience = 0, held = 0, transferred = 0;
    for (int i = 1; i <= N; i++) {
        struct engine_contact k = call(i, 0);
        k.gives_up_at = k.handle_ms = k.wrapup_ms = k.hold_ms = -1;
        engine_arrive(e, 0, &k);
        BUG_ON(!engine_release(e, 0, k.id, &k));
        double h = (double)k.handle_ms / S;
        handle += h / N;
        handle2 += h * h / N;
        wrapup += (double)k.wrapup_ms / S / N;
        patience += (double)k.gives_up_at / S / N;
        held += k.hold_ms > 0;
        transferred += k.transfer_queue == help;
        CHECK(k.hold_at_ms >= 0 && k.hold_at_ms + k.hold_ms <= k.handle_ms);
    }
    CHECK_NEAR(handle, 180, 4 * 180 * sqrt(1.5 / N));
    CHECK_NEAR(handle2 / (handle * handle) - 1, 1.5, 0.25);
    CHECK_NEAR(wrapup, 20, 4 * 20 / sqrt(N));
    CHECK_NEAR(patience, 232, 4 * 232 / sqrt(N));
    CHECK_NEAR(held / N, 0.25, 4 * sqrt(0.25 * 0.75 / N));
    CHECK_NEAR(transferred / N, 0.1, 4 * sqrt(0.1 * 0.9 / N));
    engine_free(e);
    small_config_free(c);
}

TEST(draws_without_a_demand_use_the_queue)
{
    struct config *c = small_config();
    small_queue(c, "sales");
    c->queue[0].handle_ms = 90 * S;
    c->queue[0].patience_ms = 50 * S;
    double handle = 0, patience = 0;
    for (int i = 1; i <= 2000; i++) {
        struct engine_contact k = drawn(c, 1, i, 0);
        handle += (double)k.handle_ms / 2000;
        patience += (double)k.gives_up_at / 2000;
        CHECK(k.wrapup_ms == 0 && k.hold_ms == 0 && k.transfer_queue == INDEX_NONE);
    }
    CHECK_NEAR(handle, 90 * S, 4 * 90 * S / sqrt(2000));
    CHECK_NEAR(patience, 50 * S, 4 * 50 * S / sqrt(2000));
    c->queue[0].patience_ms = 0;
    CHECK(drawn(c, 1, 1, 0).gives_up_at == INT64_MAX);
    small_config_free(c);
}

/* ---- a new configuration ---- */

/* Same names as `two`, in another order, one queue and one agent less, one of each more. */
static struct config *config_two(bool after)
{
    struct config *c = small_config();
    uint16_t q[3], p = small_profile(c, 1, 0, 0);
    static const char *const before_names[] = {"sales", "help", "gone"};
    static const char *const after_names[] = {"new", "help", "sales"};
    for (int i = 0; i < 3; i++) {
        q[i] = small_queue(c, after ? after_names[i] : before_names[i]);
        small_row(c, p, q[i], CHANNEL_VOICE, 1, 0);
    }
    small_agents(c, p, 4);
    for (uint32_t i = 0; i < 4; i++) /* agent-0..3, or agent-4..1 */
        snprintf(c->agent[i].name, NAME_MAX_LEN, "agent-%u", after ? 4 - i : i);
    for (uint32_t i = 0; i < 4; i++)
        c->agent[i].key = hash_str(c->agent[i].name);
    return c;
}

struct seen {
    int queue, agent;
    bool here, connected;
};

static void collect(void *arg, const struct engine_contact *k, bool connected, uint32_t agent)
{
    struct seen *seen = arg;
    CHECK(!seen[k->id.lo].here);
    seen[k->id.lo] =
        (struct seen){k->queue == INDEX_NONE ? -1 : k->queue, (int)agent, true, connected};
}

TEST(reconfigure_keeps_what_lives)
{
    struct fix f = start(config_two(false));
    for (uint32_t i = 0; i < 3; i++)
        engine_sign_in(f.e, i, i);
    wait_in(&f, 1, 10, 0, 5); /* a0 */
    for (int i = 2; i <= 3; i++) {
        struct engine_contact k = call(i, 10);
        k.queue = (uint16_t)(i - 1); /* 2 in help: a1; 3 in gone: a2 */
        arrive(&f, 10, k);
    }
    wait_in(&f, 4, 10, 1, 5);
    wait_in(&f, 5, 10, 2, 5); /* waits in gone */
    wait_in(&f, 6, 10, 1, 4);
    engine_weight(f.e, 1, 2);
    engine_drop(f.e, 10, id(1)); /* 6 goes to a0 */
    said(&f);
    struct engine_contact k = call(7, 10);
    k.queue = 1;
    k.transfer_queue = 0;
    arrive(&f, 10, k);           /* these outputs are not taken before the change */
    engine_drop(f.e, 10, id(2)); /* a1 takes 4 */
    struct config *old = f.c;
    f.c = config_two(true);
    engine_reconfigure(f.e, f.c);
    small_config_free(old);
    /* agent-0 is gone (and finishes 6), agent-1 is a3 now, agent-2 a2; help stays q1 */
    CHECK_STR(said(&f), "queued:7/q1 ended:2/dropped connected:4/a3 ended:5/closed");
    struct seen seen[8] = {0};
    static const struct seen want[8] = {
        [3] = {-1, 2, true, true},
        [4] = {1, 3, true, true},
        [6] = {1, -1, true, true},
        [7] = {1, -1, true, false},
    };
    engine_each(f.e, collect, seen);
    for (int i = 0; i < 8; i++)
        CHECK(seen[i].here == want[i].here && seen[i].connected == want[i].connected &&
              seen[i].queue == want[i].queue && seen[i].agent == want[i].agent);
    CHECK(!engine_signed_in(f.e, 0) && !engine_signed_in(f.e, 1) && engine_signed_in(f.e, 2));
    CHECK_EQ(engine_waiting(f.e, 1), 1);
    CHECK_EQ(engine_staffed(f.e), 3);
    /* agent-0 ends his contact, unheard, takes nothing and leaves; a3 takes 7, for sales after */
    CHECK_STR(until(&f, 60011), "@11 wrapup:6/a4294967295 ended:6/completed wrapup:4/a3 "
                                "ended:4/completed connected:7/a3 @60010 wrapup:3/a2 a2=wrapup "
                                "@60011 transferred:7/q2 a3=wrapup queued:7/q2");
    CHECK_EQ(engine_staffed(f.e), 2);
    stop(&f);
}

TEST(reconfigure_matches_again)
{
    struct config *c = small_config();
    uint16_t q = small_queue(c, "sales"), p = small_profile(c, 1, 0, 0);
    small_queue(c, "help");
    small_row(c, p, q, CHANNEL_VOICE, 1, 0);
    small_agents(c, p, 2);
    struct fix f = start(c);
    engine_sign_in(f.e, 2, 1);
    engine_sign_in(f.e, 3, 0);
    wait_in(&f, 1, 5, 1, 5); /* nobody serves help */
    said(&f);
    struct config *next = small_config();
    small_queue(next, "sales");
    small_queue(next, "help");
    small_profile(next, 1, 0, 0);
    small_row(next, 0, 1, CHANNEL_VOICE, 1, 0);
    small_agents(next, 0, 2);
    engine_reconfigure(f.e, next);
    CHECK_STR(said(&f), "connected:1/a1 a1=on_contact"); /* the longest idle */
    CHECK_EQ(f.last.idle_ms, 3);
    engine_reconfigure(f.e, c); /* and back, while he talks to a queue he does not serve */
    CHECK_STR(until(&f, 6), "@6 wrapup:1/a1 ended:1/completed a1=available");
    small_config_free(next);
    stop(&f);
}
TEST(reconfigure_changes_delays)
{
    struct fix f = one_queue(1);
    f.c->profile[0].queues[0].delay_ms = 50 * S;
    engine_reconfigure(f.e, f.c);
    arrive(&f, 0, call(1, 0));
    CHECK_EQ(engine_next(f.e), 50 * S);
    f.c->profile[0].queues[0].delay_ms = 20 * S;
    engine_reconfigure(f.e, f.c);
    CHECK_STR(until(&f, 30 * S), "queued:1/q0 @20s connected:1/a0 a0=on_contact");
    stop(&f);
}

/* ---- random inputs against a naive model ----
 *
 * The model keeps plain arrays and recomputes everything by scanning them. It follows the outputs
 * one by one; whenever a contact connects (or rings) it asks of its own picture: was this the best
 * contact for that agent, was nobody free idle for longer, do idle_ms and free_agents agree? After
 * every input: is there a free agent left with a contact that he could have? */

enum { M_CONTACTS = 600, M_AGENTS = 12 };
enum m_phase { M_AWAY, M_WAITS, M_RINGS, M_TALKS, M_WRAPS };

struct m_contact {
    enum m_phase phase;
    struct engine_contact k; /* gives_up_at -1: not known, drawn on a transfer */
    uint32_t agent;
    uint64_t place;
    bool held, figures_known;
    td_ms connected_at;
};
struct m_agent {
    bool here, leaving, on_break;
    td_ms missed_until; /* INT64_MIN: did not miss any */
    td_ms idle_since;
    uint64_t idle_order;
    struct {
        td_ms until;
        uint8_t channel;
    } left[4]; /* wrap-ups of transferred contacts */
    int n_left;
};
struct model {
    struct fix f;
    struct rng *rng;
    struct m_contact contact[M_CONTACTS];
    struct m_agent agent[M_AGENTS];
    double weight[4];
    uint64_t places, idle_orders;
    int last_id;
    td_ms now;
    uint64_t hash;
    int events[ENGINE_EVENTS], reasons[END_REASONS];
};

static const struct cfg_profile *m_profile(const struct model *m, uint32_t agent)
{
    return &m->f.c->profile[m->f.c->agent[agent].profile];
}

static int m_free(const struct model *m, uint32_t agent, int channel)
{
    const struct m_agent *a = &m->agent[agent];
    int taken[CHANNELS] = {0}, all = a->n_left;
    if (!a->here || a->leaving || a->on_break || a->missed_until != INT64_MIN)
        return 0;
    for (int i = 0; i < a->n_left; i++)
        taken[a->left[i].channel]++;
    for (int i = 1; i <= m->last_id; i++)
        if (m->contact[i].phase > M_WAITS && m->contact[i].agent == agent) {
            taken[m->contact[i].k.channel]++;
            all++;
        }
    int most = m_profile(m, agent)->concurrency[channel];
    if (channel == CHANNEL_VOICE)
        return most > 0 && all == 0;
    return taken[CHANNEL_VOICE] || taken[channel] >= most ? 0 : most - taken[channel];
}

static int64_t m_age(const struct model *m, const struct m_contact *c)
{
    return m->now - c->k.enqueued_at + c->k.adjust_ms;
}

/* The row by which this agent could take this waiting contact now; NULL: none. */
static const struct cfg_profile_queue *m_row(const struct model *m, uint32_t agent, int contact)
{
    const struct m_contact *c = &m->contact[contact];
    const struct cfg_profile *p = m_profile(m, agent);
    if (c->phase != M_WAITS || !m_free(m, agent, c->k.channel))
        return NULL;
    for (int i = 0; i < p->n_queues; i++)
        if (p->queues[i].queue == c->k.queue && p->queues[i].channel == c->k.channel &&
            (p->queues[i].delay_ms == 0 || m_age(m, c) >= p->queues[i].delay_ms))
            return &p->queues[i];
    return NULL;
}

static bool m_better(const struct model *m, uint32_t agent, int x, int y)
{
    const struct m_contact *a = &m->contact[x], *b = &m->contact[y];
    int row_a = m_row(m, agent, x)->priority, row_b = m_row(m, agent, y)->priority;
    double score_a = (double)m_age(m, a) * m->weight[a->k.queue];
    double score_b = (double)m_age(m, b) * m->weight[b->k.queue];
    if (row_a != row_b)
        return row_a < row_b;
    if (a->k.priority != b->k.priority)
        return a->k.priority < b->k.priority;
    if (score_a != score_b)
        return score_a > score_b;
    if (m_age(m, a) != m_age(m, b))
        return m_age(m, a) > m_age(m, b);
    return a->place < b->place;
}

static int m_best(const struct model *m, uint32_t agent)
{
    int best = 0;
    for (int i = 1; i <= m->last_id; i++)
        if (m_row(m, agent, i) && (!best || m_better(m, agent, i, best)))
            best = i;
    return best;
}

/* Did it become old enough for somebody in this very millisecond? Then the order in which things
 * of this millisecond ran decides who is free for it, and the model does not know that. */
static bool m_just_ripe(const struct model *m, const struct m_contact *c)
{
    for (uint32_t p = 0; p < m->f.c->n_profiles; p++)
        for (int i = 0; i < m->f.c->profile[p].n_queues; i++)
            if (m->f.c->profile[p].queues[i].delay_ms == m_age(m, c))
                return true;
    return false;
}

static void m_idle_from_now(struct model *m, uint32_t agent)
{
    m->agent[agent].idle_since = m->now;
    m->agent[agent].idle_order = ++m->idle_orders;
}

static void m_taken(struct model *m, const struct engine_event *v, int contact, uint32_t agent)
{
    struct m_contact *c = &m->contact[contact];
    CHECK(m_row(m, agent, contact) != NULL);
    CHECK_EQ(m_best(m, agent), contact);
    uint32_t free_agents = 0, longest = agent;
    bool preferred = m->f.c->agent[agent].key == c->k.preferred_agent, one_preferred = false;
    for (uint32_t a = 0; a < m->f.c->n_agents; a++) {
        if (!m_row(m, a, contact))
            continue;
        free_agents++;
        one_preferred |= m->f.c->agent[a].key == c->k.preferred_agent;
        if (m->agent[a].idle_order < m->agent[longest].idle_order)
            longest = a;
    }
    if (!m_just_ripe(m, c)) {
        CHECK_EQ(preferred, one_preferred);
        CHECK(preferred || longest == agent);
    }
    if (v->type == ENGINE_CONNECTED) {
        CHECK_EQ(v->free_agents, free_agents);
        CHECK_EQ(v->idle_ms, m->now - m->agent[agent].idle_since);
    }
    c->agent = agent;
    m_idle_from_now(m, agent);
}

/* Wrap-ups left behind by transfers end without an output of their own. */
static void m_finish_left(struct model *m, uint32_t agent)
{
    struct m_agent *a = &m->agent[agent];
    for (int i = 0; i < a->n_left; i++)
        if (a->left[i].until <= m->now) {
            a->left[i--] = a->left[--a->n_left];
            m_idle_from_now(m, agent);
        }
}

static void m_agent_event(struct model *m, const struct engine_event *v)
{
    struct m_agent *a = &m->agent[v->agent];
    if (v->agent_state == AGENT_OFFLINE) {
        *a = (struct m_agent){.missed_until = INT64_MIN};
    } else if (!a->here) {
        a->here = true;
        a->missed_until = INT64_MIN;
        m_idle_from_now(m, v->agent);
    } else if (a->missed_until != INT64_MIN && m->now >= a->missed_until) {
        a->missed_until = INT64_MIN;
        m_idle_from_now(m, v->agent);
    }
    for (int ch = 0; ch < CHANNELS; ch++)
        CHECK_EQ(v->free_slots[ch], m_free(m, v->agent, ch));
}

static void m_ended(struct model *m, const struct engine_event *v, struct m_contact *c)
{
    m->reasons[v->reason]++;
    switch ((enum engine_reason)v->reason) {
    case END_COMPLETED: CHECK(c->phase == M_WRAPS); break;
    case END_ABANDONED:
        CHECK(c->phase == M_WAITS || c->phase == M_RINGS);
        CHECK(!c->figures_known || c->k.gives_up_at == m->now);
        break;
    case END_BUSY: CHECK_EQ(c->phase, M_AWAY); break;
    case END_RELEASED: CHECK_EQ(c->phase, M_WAITS); break;
    default: break;
    }
    if (c->phase > M_WAITS)
        m_idle_from_now(m, c->agent);
    c->phase = M_AWAY;
}

static void m_transferred(struct model *m, const struct engine_event *v, struct m_contact *c)
{
    CHECK_EQ(c->phase, M_TALKS);
    struct m_agent *a = &m->agent[c->agent];
    if (c->k.wrapup_ms == 0) {
        m_idle_from_now(m, c->agent);
    } else {
        a->left[a->n_left].until = m->now + c->k.wrapup_ms;
        a->left[a->n_left++].channel = c->k.channel;
    }
    c->phase = M_AWAY; /* until QUEUED */
    c->k.queue = v->queue;
    c->k.enqueued_at = m->now;
    c->k.adjust_ms = 0;
    c->k.preferred_agent = 0;
    c->k.transfer_queue = INDEX_NONE;
    c->k.wrapup_ms = 0; /* the one figure of m_config that has no variation */
    c->figures_known = false;
}

static void m_follow(struct model *m, const struct engine_event *v)
{
    CHECK(v->at >= m->now);
    m->now = v->at;
    m->events[v->type]++;
    if (v->agent != NONE)
        m_finish_left(m, v->agent);
    struct m_contact *c = &m->contact[v->contact.lo];
    int contact = (int)v->contact.lo;
    switch (v->type) {
    case ENGINE_QUEUED:
        CHECK_EQ(c->phase, M_AWAY);
        c->phase = M_WAITS;
        c->place = ++m->places;
        break;
    case ENGINE_OFFERED:
        m_taken(m, v, contact, v->agent);
        c->phase = M_RINGS;
        break;
    case ENGINE_MISSED:
        CHECK_EQ(c->phase, M_RINGS);
        CHECK_EQ(v->agent, c->agent);
        c->phase = M_WAITS;
        m->agent[v->agent].missed_until = m->now + 3 * S;
        break;
    case ENGINE_CONNECTED:
        if (c->phase == M_WAITS)
            m_taken(m, v, contact, v->agent);
        CHECK_EQ(v->agent, c->agent);
        c->phase = M_TALKS;
        c->connected_at = m->now;
        break;
    case ENGINE_HELD:
    case ENGINE_RESUMED:
        CHECK(c->phase == M_TALKS && c->held == (v->type == ENGINE_RESUMED));
        c->held = !c->held;
        break;
    case ENGINE_TRANSFERRED: m_transferred(m, v, c); break;
    case ENGINE_WRAPUP:
        CHECK_EQ(c->phase, M_TALKS);
        CHECK(!c->figures_known || m->now - c->connected_at == c->k.handle_ms);
        c->phase = M_WRAPS;
        break;
    case ENGINE_ENDED: m_ended(m, v, c); break;
    default: m_agent_event(m, v);
    }
}

static void m_drain(struct model *m)
{
    struct engine_event v;
    while (!tap_fails && engine_pop(m->f.e, &v)) {
        uint64_t slots = 0;
        for (int ch = 0; ch < CHANNELS; ch++)
            slots = slots << 8 | v.free_slots[ch];
        const uint64_t words[] = {
            v.type,       (uint64_t)v.at, v.contact.lo, v.queue, v.channel,
            v.reason,     v.agent_state,  slots,        v.agent, (uint64_t)v.idle_ms,
            v.free_agents};
        for (size_t i = 0; i < COUNTOF(words); i++)
            m->hash = mix64(m->hash ^ words[i]);
        m_follow(m, &v);
    }
}

static void m_compare(struct model *m, td_ms now)
{
    uint32_t waiting[4] = {0}, live = 0, staffed = 0;
    m->now = now;
    for (uint32_t a = 0; a < m->f.c->n_agents; a++) {
        m_finish_left(m, a);
        staffed += m->agent[a].here;
        CHECK_EQ(engine_signed_in(m->f.e, a), m->agent[a].here);
        CHECK_EQ(m_best(m, a), 0); /* nobody waits for whom he is free */
    }
    CHECK(engine_staffed(m->f.e) <= staffed);
    for (int i = 1; i <= m->last_id; i++) {
        const struct m_contact *c = &m->contact[i];
        bool connected = false;
        CHECK_EQ(engine_has(m->f.e, id(i), &connected), c->phase != M_AWAY);
        CHECK_EQ(connected, c->phase >= M_TALKS);
        live += c->phase != M_AWAY && c->phase != M_WRAPS;
        if (c->phase == M_WAITS)
            waiting[c->k.queue]++;
        CHECK(c->phase != M_WAITS || !c->figures_known || c->k.gives_up_at >= now);
    }
    CHECK_EQ(engine_live(m->f.e), live);
    for (uint16_t q = 0; q < m->f.c->n_queues; q++)
        CHECK_EQ(engine_waiting(m->f.e, q), waiting[q]);
    engine_check(m->f.e);
}

/* ---- random configurations and inputs ---- */

static struct config *m_config(struct rng *r)
{
    static const int32_t delays[] = {0, 0, 0, 4 * S, 10 * S};
    struct config *c = small_config();
    uint32_t queues = 1 + (uint32_t)rng_below(r, 4), profiles = 1 + (uint32_t)rng_below(r, 4);
    char name[] = "q0";
    for (uint32_t q = 0; q < queues; q++, name[1]++) {
        struct cfg_demand *d = small_demand(c, small_queue(c, name), CHANNEL_VOICE);
        d->handle_mean_s = 10;
        d->handle_cv2 = 1;
        d->patience_mean_s = 20;
    }
    for (uint32_t p = 0; p < profiles; p++) {
        uint16_t at = small_profile(c, (uint8_t)rng_below(r, 2), (uint8_t)rng_below(r, 4),
                                    (uint8_t)rng_below(r, 3));
        for (uint16_t q = 0; q < queues; q++)
            for (uint8_t ch = 0; ch < CHANNEL_EMAIL; ch++)
                if (rng_chance(r, 0.7))
                    small_row(c, at, q, ch, (uint8_t)(1 + rng_below(r, 3)),
                              delays[rng_below(r, COUNTOF(delays))]);
        small_agents(c, at, (uint32_t)rng_below(r, M_AGENTS / 4 + 1));
    }
    c->site[0].contacts_max = rng_chance(r, 0.2) ? 8 : 1000;
    if (rng_chance(r, 0.5)) {
        c->people.miss_chance = 0.3;
        c->people.miss_ring_s = 3;
    }
    return c;
}

static void m_arrive(struct model *m, td_ms now)
{
    struct rng *r = m->rng;
    bool again = m->last_id > 0 && (rng_chance(r, 0.1) || m->last_id == M_CONTACTS - 1);
    int n = again ? 1 + (int)rng_below(r, (uint64_t)m->last_id) : ++m->last_id;
    struct m_contact *c = &m->contact[n];
    struct engine_contact k = call(n, now - (td_ms)rng_below(r, 3) * 5077);
    k.queue = (uint16_t)rng_below(r, m->f.c->n_queues);
    k.channel = (uint8_t)rng_below(r, CHANNEL_EMAIL);
    k.priority = (uint8_t)(rng_chance(r, 0.6) ? 5 : 1 + rng_below(r, 10));
    k.adjust_ms = rng_chance(r, 0.8) ? 0 : (int64_t)rng_below(r, 20 * S) - 10 * S;
    k.gives_up_at = rng_chance(r, 0.3) ? INT64_MAX : now + (td_ms)rng_below(r, 30 * S);
    k.handle_ms = (int64_t)rng_below(r, 20 * S);
    k.wrapup_ms = rng_chance(r, 0.4) ? 0 : (int64_t)rng_below(r, 6 * S);
    k.hold_at_ms = (int64_t)rng_below(r, 20 * S);
    k.hold_ms = rng_chance(r, 0.7) ? 0 : (int64_t)rng_below(r, 5 * S);
    if (rng_chance(r, 0.2))
        k.transfer_queue = (uint16_t)rng_below(r, m->f.c->n_queues);
    if (m->f.c->n_agents && rng_chance(r, 0.2))
        k.preferred_agent = m->f.c->agent[rng_below(r, m->f.c->n_agents)].key;
    bool here = c->phase != M_AWAY;
    if (!here)
        *c = (struct m_contact){.k = k, .figures_known = true, .agent = NONE};
    CHECK_EQ(engine_arrive(m->f.e, now, &k), !here);
}

static void m_contact_input(struct model *m, td_ms now, int n)
{
    struct rng *r = m->rng;
    struct m_contact *c = &m->contact[n];
    struct engine_contact out;
    uint16_t queue = (uint16_t)rng_below(r, m->f.c->n_queues);
    switch (rng_below(r, 4)) {
    case 0:
        if (engine_release(m->f.e, now, id(n), &out)) {
            CHECK_EQ(c->phase, M_WAITS);
            CHECK(out.enqueued_at == c->k.enqueued_at && out.adjust_ms == c->k.adjust_ms);
            CHECK(out.queue == c->k.queue && out.priority == c->k.priority);
            CHECK(!c->figures_known || out.gives_up_at == c->k.gives_up_at);
        } else {
            CHECK(c->phase != M_WAITS);
        }
        break;
    case 1: CHECK_EQ(engine_drop(m->f.e, now, id(n)), c->phase != M_AWAY); break;
    case 2: CHECK_EQ(engine_transfer(m->f.e, now, id(n), queue), c->phase == M_TALKS); break;
    default:
        if (c->phase == M_WAITS) {
            c->k.priority = (uint8_t)(1 + rng_below(r, 10));
            c->k.adjust_ms = (int64_t)rng_below(r, 20 * S) - 10 * S;
        }
        engine_priority(m->f.e, now, id(n), c->k.priority, c->k.adjust_ms);
    }
}

static void m_agent_input(struct model *m, td_ms now, uint32_t agent)
{
    struct m_agent *a = &m->agent[agent];
    switch (rng_below(m->rng, 6)) {
    case 0:
        a->leaving = a->here;
        engine_sign_out(m->f.e, now, agent, rng_chance(m->rng, 0.5));
        break;
    case 1:
    case 2: {
        bool on_break = rng_chance(m->rng, 0.4);
        if (a->here && a->on_break != on_break) {
            a->on_break = on_break;
            m_idle_from_now(m, agent);
        }
        engine_set_break(m->f.e, now, agent, on_break);
        break;
    }
    default:
        if (a->here && a->leaving) {
            a->leaving = false;
            m_idle_from_now(m, agent);
        }
        engine_sign_in(m->f.e, now, agent);
    }
}

static void m_input(struct model *m, td_ms now)
{
    uint64_t what = rng_below(m->rng, 20);
    uint32_t agents = m->f.c->n_agents;
    if (what < 9)
        m_arrive(m, now);
    else if (what < 12 && m->last_id)
        m_contact_input(m, now, 1 + (int)rng_below(m->rng, (uint64_t)m->last_id));
    else if (what < 16 && agents)
        m_agent_input(m, now, (uint32_t)rng_below(m->rng, agents));
    else if (what < 17) {
        uint16_t q = (uint16_t)rng_below(m->rng, m->f.c->n_queues);
        m->weight[q] = (double)rng_below(m->rng, 5);
        engine_weight(m->f.e, q, m->weight[q]);
    } else if (what < 18) {
        engine_reconfigure(m->f.e, m->f.c); /* the same: nothing may change */
    }
}

static uint64_t m_run(struct model *m, struct rng *rng, int steps)
{
    td_ms now = 0;
    *m = (struct model){.rng = rng, .weight = {1, 1, 1, 1}};
    m->f = start(m_config(rng));
    for (uint32_t a = 0; a < M_AGENTS; a++)
        m->agent[a].missed_until = INT64_MIN;
    for (int i = 0; i < steps && !tap_fails; i++) {
        now += (td_ms)rng_below(rng, 3 * S);
        engine_advance(m->f.e, now); /* so that the model is at `now` when the input comes */
        m_drain(m);
        m_compare(m, now);
        m_input(m, now);
        m_drain(m);
        m_compare(m, now);
    }
    stop(&m->f);
    return m->hash;
}

PROP(agrees_with_a_naive_model, 120)
{
    struct model *m = mem_new(1, sizeof *m);
    m_run(m, rng, 400);
    mem_free(m);
}

/* The cases above are worth something only if everything happens in them. */
TEST(the_property_sees_everything)
{
    struct model *m = mem_new(1, sizeof *m);
    int events[ENGINE_EVENTS] = {0}, reasons[END_REASONS] = {0};
    for (uint64_t seed = 1; seed <= 20 && !tap_fails; seed++) {
        struct rng r = rng_seed(seed, 1);
        m_run(m, &r, 400);
        for (int i = 0; i < ENGINE_EVENTS; i++)
            events[i] += m->events[i];
        for (int i = 0; i < END_REASONS; i++)
            reasons[i] += m->reasons[i];
    }
    for (int i = 0; i < ENGINE_EVENTS; i++)
        CHECK(events[i] > 50);
    for (int i = 0; i < END_REASONS; i++)
        CHECK(i == END_CLOSED || reasons[i] > 50);
    mem_free(m);
}

TEST(same_inputs_same_outputs)
{
    struct model *m = mem_new(1, sizeof *m);
    uint64_t hash[4];
    for (int i = 0; i < 4; i++) {
        struct rng r = rng_seed((uint64_t)i / 2, 9);
        hash[i] = m_run(m, &r, 300);
    }
    CHECK(hash[0] == hash[1] && hash[2] == hash[3] && hash[0] != hash[2]);
    mem_free(m);
}

TAP_MAIN
