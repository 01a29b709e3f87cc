/* world: hub and sites over instances that are somebody else's, here a driver made for the test. */
#include "core/model.h"
#include "node/world.h"
#include "tap.h"

static const char text[] = "hub: {name: hub, lat: 39, lon: -77}\n"
                           "sites:\n"
                           "  - {name: east, lat: 38.9, lon: -77.5}\n"
                           "  - {name: west, lat: 45.8, lon: -119.7}\n"
                           "links: {default: {latency_ms: 20, jitter_ms: 0}}\n"
                           "queues: [{name: service}]\n"
                           "profiles: [{name: general, queues: [service]}]\n"
                           "agents:\n"
                           "  - {site: east, count: 3, profile: general, prefix: e-}\n"
                           "  - {site: west, count: 3, profile: general, prefix: w-}\n";

enum { SAID_MAX = 64 };
struct driver {
    struct instance instance; /* first */
    struct world *w;
    uint8_t site;
    struct instance_event said[SAID_MAX];
    uint32_t n, taken;
    uint32_t delivered, acked;
    uint32_t positions, resumed; /* resumed: what was taken, by the position that came back */
    uint32_t sent;
    uint8_t sent_to;
    struct td_id contact;
    bool empty; /* a restart finds nobody */
    uint32_t invited, told_to_leave;
};

static void say(struct driver *d, const struct instance_event *e)
{
    BUG_ON(d->n == SAID_MAX);
    d->said[d->n++] = *e;
    world_instance_moved(d->w, d->site);
}

static void contact_is(struct driver *d, uint8_t state, uint32_t agent)
{
    say(d, &(struct instance_event){.type = INST_CONTACT,
                                    .contact = {.contact = d->contact,
                                                .state = state,
                                                .end = state == CONTACT_ENDED ? ENDED_COMPLETED : 0,
                                                .channel = CHANNEL_VOICE,
                                                .queue = 0,
                                                .agent = agent,
                                                .at = world_now(d->w)}});
}

static void deliver(struct instance *i, const struct ev_placed *p)
{
    struct driver *d = (struct driver *)i;
    d->delivered++;
    d->contact = p->contact;
    contact_is(d, CONTACT_QUEUED, UINT32_MAX);
}

static void agent_is(struct driver *d, uint32_t agent, uint8_t presence)
{
    say(d, &(struct instance_event){.type = INST_AGENT,
                                    .agent = {.agent = agent, .presence = presence}});
}

static void sign_in(struct instance *i, uint32_t agent)
{
    ((struct driver *)i)->invited++;
    agent_is((struct driver *)i, agent, PRESENCE_AVAILABLE);
}

static void sign_out(struct instance *i, uint32_t agent)
{
    ((struct driver *)i)->told_to_leave++;
    agent_is((struct driver *)i, agent, PRESENCE_OFFLINE);
}

static void no_contact(struct instance *i, struct td_id c)
{
    (void)i, (void)c;
}

static void send_on(struct instance *i, struct td_id c, uint8_t to_site)
{
    struct driver *d = (struct driver *)i;
    (void)c;
    d->sent++;
    d->sent_to = to_site;
}

static void no_drop(struct instance *i, struct td_id c, bool over)
{
    (void)i, (void)c, (void)over;
}

static void no_weight(struct instance *i, uint16_t q, double w)
{
    (void)i, (void)q, (void)w;
}

static bool next(struct instance *i, struct instance_event *out)
{
    struct driver *d = (struct driver *)i;
    if (d->taken == d->n)
        return false;
    *out = d->said[d->taken++];
    return true;
}

static void acknowledge(struct instance *i)
{
    ((struct driver *)i)->acked = ((struct driver *)i)->taken;
}

static void go_back(struct instance *i)
{
    ((struct driver *)i)->taken = ((struct driver *)i)->acked;
}

static bool real_contact(void *arg, struct td_id id, struct instance_contact *out)
{
    (void)arg, (void)id, (void)out;
    return false;
}

static bool real_agent(void *arg, uint32_t agent, struct instance_agent *out)
{
    struct driver *d = arg;
    (void)agent;
    out->presence = PRESENCE_AVAILABLE;
    return !d->empty;
}

static struct reality reality(struct instance *i)
{
    return (struct reality){real_contact, real_agent, i};
}

static bool position(struct instance *i, struct buf *out)
{
    struct driver *d = (struct driver *)i;
    d->positions++;
    CHECK_EQ(d->taken, d->n); /* all that was told has become facts by then */
    buf_add(out, &d->taken, sizeof d->taken);
    return true;
}

static bool resume(struct instance *i, const void *data, size_t len)
{
    struct driver *d = (struct driver *)i;
    CHECK_EQ(len, sizeof d->resumed);
    memcpy(&d->resumed, data, sizeof d->resumed);
    return true;
}

static const struct instance_ops ops = {.name = "test",
                                        .deliver = deliver,
                                        .release = no_contact,
                                        .send = send_on,
                                        .drop = no_drop,
                                        .sign_in = sign_in,
                                        .sign_out = sign_out,
                                        .weight = no_weight,
                                        .next = next,
                                        .ack = acknowledge,
                                        .rewind = go_back,
                                        .reality = reality,
                                        .position = position,
                                        .resume = resume};

static void run(struct world *w, int64_t ms)
{
    td_ms until = world_now(w) + ms;
    while (world_step(w, until))
        ;
    world_idle(w, until);
}

static void same_everywhere(struct world *w, uint64_t ended)
{
    uint64_t hash = core_hash(node_core(world_node(w, HUB)));
    for (uint8_t s = 0; s < 2; s++) {
        struct core *k = node_core(world_node(w, s));
        CHECK_EQ(core_hash(k), hash);
        CHECK_EQ(k->queue[0].answered, ended);
        CHECK_EQ(k->contacts_live, 0);
    }
}

static uint64_t histories;
static void on_history(void *arg, struct node *n, const struct core_history *h)
{
    (void)arg, (void)h;
    histories += node_self(n) == HUB;
}

TEST(nodes_over_drivers_of_others)
{
    struct buf errors = {0};
    struct config *c = config_load(text, sizeof text - 1, "t.yaml", &errors);
    struct driver east = {.instance = {&ops}, .site = 0}, west = {.instance = {&ops}, .site = 1};
    struct instance *both[] = {&east.instance, &west.instance};
    struct world_options o = {.config = c,
                              .instances = both,
                              .start = 1790000000000,
                              .hooks = {.on_history = on_history}};
    struct world *w = world_new(&o, &errors);
    CHECK(w != NULL);
    east.w = west.w = w;
    CHECK(world_floor(w) == NULL);
    CHECK(world_trace(w) == NULL);
    CHECK(world_arrivals_over(w));
    histories = 0;
    for (uint8_t s = 0; s < 2; s++) {
        say(s ? &west : &east,
            &(struct instance_event){.type = INST_HEALTH, .health = {true, true}});
        for (uint32_t a = 0; a < 3; a++)
            agent_is(s ? &west : &east, s * 3 + a, PRESENCE_AVAILABLE);
    }
    run(w, 61000);

    struct route_request r = {.contact = {1, 2},
                              .queue = 0,
                              .channel = CHANNEL_VOICE,
                              .entry_site = 0,
                              .how = PLACE_GIVEN,
                              .lat = 45,
                              .lon = -120,
                              .arrived_at = world_now(w)};
    node_input(world_node(w, 0), &(struct input){.type = IN_ARRIVED, .request = r});
    run(w, 500);
    CHECK_EQ(west.delivered, 1); /* the nearest; east is on nobody's books */
    CHECK_EQ(east.delivered, 0);
    CHECK_EQ(east.sent, 1); /* he came in there */
    CHECK_EQ(east.sent_to, 1);
    CHECK_EQ(west.sent, 0);
    contact_is(&west, CONTACT_CONNECTED, 4);
    run(w, 30000);
    CHECK_EQ(node_core(world_node(w, 0))->contacts_live, 1);
    contact_is(&west, CONTACT_WRAPUP, 4);
    contact_is(&west, CONTACT_ENDED, 4);
    run(w, 5000);
    CHECK_EQ(histories, 1);
    same_everywhere(w, 1);
    CHECK_EQ(west.acked, west.n); /* what the nodes have made durable */

    /* A node that crashes finds the driver where it left it, and gives it its position back. */
    CHECK(west.positions > 0 && west.resumed == 0);
    uint32_t durable = west.acked;
    struct fault f = {.kind = FAULT_REGION_DOWN, .a = 1};
    world_fault(w, &f);
    run(w, 3000);
    CHECK(world_node(w, 1) == NULL);
    CHECK_EQ(node_core(world_node(w, HUB))->site[1].verdict.verdict, VERDICT_DOWN);
    world_fault_end(w, &f);
    run(w, 20000);
    same_everywhere(w, 1);
    CHECK_EQ(west.resumed, durable);
    CHECK_EQ(east.resumed, 0);
    world_free(w);
    config_free(c);
    buf_free(&errors);
}

/* Two sites over drivers, whose instances are well and have nobody yet. */
struct rig {
    struct config *c;
    struct driver d[2];
    struct instance *instance[2];
    uint8_t replica[SITES_MAX];
    struct world *w;
};

static void rig_open(struct rig *g, bool replicated)
{
    struct buf errors = {0};
    *g = (struct rig){.c = config_load(text, sizeof text - 1, "t.yaml", &errors)};
    memset(g->replica, SITE_NONE, sizeof g->replica);
    for (uint8_t s = 0; s < 2; s++) {
        g->d[s] = (struct driver){.instance = {&ops}, .site = s, .empty = true};
        g->instance[s] = &g->d[s].instance;
        if (replicated)
            g->replica[s] = !s;
    }
    g->w = world_new(&(struct world_options){.config = g->c,
                                             .instances = g->instance,
                                             .replica = g->replica,
                                             .start = 1790000000000},
                     &errors);
    CHECK(g->w != NULL);
    for (uint8_t s = 0; s < 2; s++) {
        g->d[s].w = g->w;
        say(&g->d[s], &(struct instance_event){.type = INST_HEALTH, .health = {true, true}});
    }
    run(g->w, 100);
    buf_free(&errors);
}

static void rig_close(struct rig *g)
{
    world_free(g->w);
    config_free(g->c);
}

static void agent_says(struct rig *g, uint8_t site, bool unsure, td_ms at)
{
    say(&g->d[site],
        &(struct instance_event){
            .type = INST_AGENT,
            .agent = {.agent = 0, .presence = PRESENCE_AVAILABLE, .unsure = unsure, .at = at}});
    run(g->w, 200);
}

static uint8_t site_of_agent(struct rig *g)
{
    uint8_t site = node_core(world_node(g->w, HUB))->agent[0].state.site;
    for (uint8_t s = 0; s < 2; s++)
        if (world_node(g->w, s))
            CHECK_EQ(node_core(world_node(g->w, s))->agent[0].state.site, site);
    return site;
}

/* Who has an agent is known by where he was last seen, not by who speaks last. */
TEST(the_site_that_has_an_agent)
{
    struct rig g;
    rig_open(&g, true);
    agent_says(&g, 1, true, 0); /* nothing is known of him, and his home is east */
    CHECK(!node_core(world_node(g.w, HUB))->agent[0].state.epoch);
    agent_says(&g, 0, true, 0);
    CHECK_EQ(site_of_agent(&g), 0);
    td_ms before = world_now(g.w) - 10000;
    agent_says(&g, 1, true, 0); /* a picture of both regions */
    agent_says(&g, 1, false, before);
    CHECK_EQ(site_of_agent(&g), 0);
    td_ms moved = world_now(g.w);
    agent_says(&g, 1, false, moved);
    CHECK_EQ(site_of_agent(&g), 1);
    CHECK_EQ(node_core(world_node(g.w, HUB))->agent[0].state.at, moved);
    agent_says(&g, 0, false, moved - 1); /* read late */
    CHECK_EQ(site_of_agent(&g), 1);
    agent_says(&g, 0, false,
               world_now(g.w) + 60000); /* a clock that is ahead rules for no longer */
    CHECK_EQ(site_of_agent(&g), 0);
    agent_says(&g, 1, false, world_now(g.w));
    CHECK_EQ(site_of_agent(&g), 1);
    rig_close(&g);
}

/* Between the regions of a replicated instance the platform moves agents; elsewhere the nodes do.
 */
TEST(agents_that_the_platform_moves)
{
    for (int replicated = 0; replicated < 2; replicated++) {
        struct rig g;
        rig_open(&g, replicated);
        agent_says(&g, 0, false, 0);
        run(g.w, 61000);
        agent_says(&g, 1, false, 0); /* moved there, away from home */
        CHECK_EQ(g.d[0].told_to_leave, replicated ? 0 : 1);
        run(g.w, 200000);
        CHECK_EQ(site_of_agent(&g), replicated ? 1 : 0); /* left alone, or called home */
        CHECK_EQ(g.d[0].invited, replicated ? 0 : 1);
        CHECK_EQ(g.d[1].told_to_leave, replicated ? 0 : 1);
        uint8_t at = site_of_agent(&g);
        struct fault f = {.kind = FAULT_REGION_DOWN, .a = at};
        world_fault(g.w, &f);
        run(g.w, 5000);
        CHECK_EQ(node_core(world_node(g.w, HUB))->site[at].verdict.verdict, VERDICT_DOWN);
        CHECK_EQ(site_of_agent(&g), replicated ? at : !at);
        rig_close(&g);
    }
}

/* A node that starts has not heard its instance: neither well nor lost. */
TEST(an_instance_that_is_not_heard_yet)
{
    struct rig g;
    rig_open(&g, false);
    agent_says(&g, 0, false, 0);
    run(g.w, 61000);
    struct core *hub = node_core(world_node(g.w, HUB));
    struct fault f = {.kind = FAULT_NODE_DOWN, .a = 0};
    uint8_t why;
    CHECK(health_site_open(hub, 0, &why));
    world_fault(g.w, &f);
    run(g.w, 100);
    world_fault_end(g.w, &f);
    run(g.w, 10000);
    CHECK(world_node(g.w, 0) != NULL);
    CHECK_EQ(hub->site[0].verdict.verdict, VERDICT_UP);
    CHECK(!health_site_open(hub, 0, &why));
    CHECK_EQ(why, EX_NOT_READY);
    CHECK(!health_site_open(node_core(world_node(g.w, 0)), 0, &why));
    CHECK_EQ(site_of_agent(&g), 0);
    run(g.w, 10000); /* it says nothing: that is an answer, too */
    CHECK_EQ(hub->site[0].verdict.verdict, VERDICT_DOWN);
    say(&g.d[0], &(struct instance_event){.type = INST_HEALTH, .health = {true, true}});
    run(g.w, 5000);
    CHECK(health_site_open(hub, 0, &why));
    rig_close(&g);
}

TAP_MAIN
