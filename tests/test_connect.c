/* connect: the driver for Amazon Connect against a small instance of the test's own, whose streams
 * are connectsim's Kinesis. Each test says what the instance does and looks at what the node is
 * told, or the reverse. */
#include "base/mem.h"

#include <jansson.h>
#include <signal.h>
#include <uv.h>

#include "driver/instance/connect.h"
#include "kinesis/kinesis.h"
#include "tap.h"

#define NOW_MS INT64_C(1795341603000) /* 2026-11-22T10:00:03Z */
#define ARN    "arn:aws:connect:us-east-1:123456789012:instance/I"
#define C1     "11111111-2222-3333-4444-555555555555"
#define C2     "21111111-2222-3333-4444-555555555555"

static const char text[] = "hub: {name: hub, lat: 39, lon: -77}\n"
                           "sites:\n"
                           "  - {name: east, lat: 38.9, lon: -77.5}\n"
                           "  - {name: west, lat: 45.8, lon: -119.7}\n"
                           "queues: [{name: support}, {name: sales}]\n"
                           "profiles: [{name: general, queues: [support, sales]},\n"
                           "           {name: other, queues: [sales]}]\n"
                           "agents:\n"
                           "  - {name: ann, site: east, profile: general}\n"
                           "  - {name: bob, site: east, profile: general}\n"
                           "  - {name: cid, site: west, profile: general}\n";

enum { SEEN_MAX = 256 };

struct rig {
    uv_loop_t loop;
    struct http_server *server;
    struct http_client *http;
    struct aws_client *aws;
    struct connect *c;
    struct instance *i;
    struct config *config;
    struct kinesis *k;
    struct stream *agents, *records;
    td_ms now;
    int64_t real_ms;
    uint32_t moved, event_number;
    const char *connected_at; /* of the contacts in agent events, in JSON; NULL: not told */
    const char *userdata;     /* items of UserDataList */
    bool down, no_starts, paired;
    char seen[8192]; /* requests that change something: "METHOD PATH BODY\n" */
    struct instance_event told[SEEN_MAX];
    uint32_t n_told;
    char answer[512];
    uint32_t answers;
    uint32_t hung_up; /* records of such */
};

/* ---- the instance ---- */

static void reply(struct http_request *rq, const char *json)
{
    http_reply(rq, 200, "application/json", json, strlen(json));
}

static bool is(const struct http_request *rq, enum http_method m, const char *path)
{
    return rq->method == m && http_span_is(rq->path, path);
}

static bool has(struct http_span s, const char *what)
{
    return s.n && memmem(s.p, s.n, what, strlen(what));
}

static bool serve_reading(struct rig *g, struct http_request *rq)
{
    char body[1024];
    if (is(rq, HTTP_METHOD_GET, "/instance/I")) {
        reply(rq, g->paired ? "{\"Instance\":{\"InstanceStatus\":\"ACTIVE\"},"
                              "\"ReplicationConfiguration\":{}}"
                            : "{\"Instance\":{\"InstanceStatus\":\"ACTIVE\"}}");
    } else if (is(rq, HTTP_METHOD_GET, "/instance/I/storage-configs")) {
        (void)snprintf(body, sizeof body,
                       "{\"StorageConfigs\":[{\"StorageType\":\"KINESIS_STREAM\","
                       "\"KinesisStreamConfig\":{\"StreamArn\":\"arn:aws:kinesis:us-east-1:"
                       "123456789012:stream/%s\"}}]}",
                       has(rq->query, "AGENT_EVENTS") ? "agents" : "records");
        reply(rq, body);
    } else if (is(rq, HTTP_METHOD_GET, "/queues-summary/I")) {
        reply(rq, "{\"QueueSummaryList\":[{\"Id\":\"Q1\",\"Arn\":\"" ARN
                  "/queue/Q1\",\"Name\":\"support\"},{\"Id\":\"Q2\",\"Arn\":\"" ARN
                  "/queue/Q2\",\"Name\":\"sales\"}]}");
    } else if (is(rq, HTTP_METHOD_GET, "/routing-profiles-summary/I")) {
        reply(rq, "{\"RoutingProfileSummaryList\":[{\"Id\":\"R1\",\"Arn\":\"" ARN
                  "/routing-profile/R1\",\"Name\":\"general\"},{\"Id\":\"R2\",\"Arn\":\"" ARN
                  "/routing-profile/R2\",\"Name\":\"other\"}]}");
    } else if (is(rq, HTTP_METHOD_GET, "/agent-status/I")) {
        reply(rq,
              "{\"AgentStatusSummaryList\":[{\"Id\":\"S1\",\"Arn\":\"" ARN
              "/agent-state/S1\",\"Name\":\"Available\",\"Type\":\"ROUTABLE\"},{\"Id\":\"S2\","
              "\"Arn\":\"" ARN "/agent-state/S2\",\"Name\":\"Offline\",\"Type\":\"OFFLINE\"}]}");
    } else if (is(rq, HTTP_METHOD_GET, "/users-summary/I")) { /* two pages */
        if (has(rq->query, "nextToken=a%3D"))
            reply(rq, "{\"UserSummaryList\":[{\"Id\":\"U-bob\",\"Username\":\"bob\"}]}");
        else
            reply(rq, "{\"UserSummaryList\":[{\"Id\":\"U-ann\",\"Username\":\"ann\"},{\"Id\":"
                      "\"U-zoe\",\"Username\":\"zoe\"}],\"NextToken\":\"a=\"}");
    } else if (is(rq, HTTP_METHOD_GET, "/contact-flows-summary/I")) {
        reply(rq, "{\"ContactFlowSummaryList\":[{\"Id\":\"F1\",\"Arn\":\"f\",\"Name\":"
                  "\"tandem\"}]}");
    } else if (is(rq, HTTP_METHOD_POST, "/metrics/userdata/I")) {
        (void)snprintf(body, sizeof body, "{\"UserDataList\":[%s]}",
                       g->userdata ? g->userdata : "");
        reply(rq, body);
    } else {
        return false;
    }
    return true;
}

static void serve(void *arg, struct http_request *rq)
{
    struct rig *g = arg;
    struct http_span target = http_header(rq, "X-Amz-Target");
    if (g->down) {
        http_reply(rq, 503, "text/plain", "", 0);
        return;
    }
    if (target.n) {
        struct kinesis_reply r = {0};
        char op[64];
        (void)snprintf(op, sizeof op, "%.*s", (int)(target.n - 17), target.p + 17);
        kinesis_call(g->k, op, WIRE_JSON, rq->body.p, rq->body.n,
                     (struct kinesis_time){g->now, g->real_ms}, &r);
        http_reply(rq, r.status, "application/x-amz-json-1.1", r.body.data, r.body.len);
        buf_free(&r.body);
        return;
    }
    if (serve_reading(g, rq))
        return;
    size_t n = strlen(g->seen);
    (void)snprintf(g->seen + n, sizeof g->seen - n, "%s %.*s %.*s\n", http_method_names[rq->method],
                   (int)rq->path.n, rq->path.p, (int)rq->body.n, rq->body.n ? rq->body.p : "");
    if (has(rq->path, "/contact/chat") || has(rq->path, "/contact/task")) {
        if (g->no_starts) {
            http_reply_header(rq, "x-amzn-ErrorType", "LimitExceededException");
            http_reply(rq, 429, "application/json", "{}", 2);
        } else {
            reply(rq, "{\"ContactId\":\"" C2 "\"}");
        }
    } else {
        reply(rq, "{}");
    }
}

/* ---- the rig ---- */

static td_ms now(void *arg)
{
    return ((struct rig *)arg)->now;
}

static void moved(void *arg, uint8_t site)
{
    struct rig *g = arg;
    CHECK_EQ(site, 0);
    g->moved++;
}

static void open_driver(struct rig *g)
{
    struct connect_config config = {
        .config = g->config,
        .aws = g->aws,
        .region = "us-east-1",
        .instance_id = "I",
        .flow = "tandem",
        .now = now,
        .now_arg = g,
        .pseudonym_key = {1, 2},
        .read_ms = 1,
        .poll_ms = 20,
        .probe_ms = 20,
        .numbers = {[0] = {2, {"+15550001", "+15550002"}}, [1] = {1, {"+15559001"}}},
    };
    g->c = connect_new(&g->loop, &config, moved, g);
    g->i = connect_instance(g->c);
}

static void rig_open(struct rig *g)
{
    static const char *const types[] = {"application/json", "application/x-amz-json-1.1"};
    struct http_config config = HTTP_DEFAULTS;
    struct http_client_config client = HTTP_CLIENT_DEFAULTS;
    struct buf errors = {0};
    char error[128], endpoint[64];
    memset(g, 0, sizeof *g);
    (void)signal(SIGPIPE, SIG_IGN);
    config.body_types = types;
    config.n_body_types = 2;
    uv_loop_init(&g->loop);
    g->server = http_server_new(&g->loop, &config, serve, g);
    int port = http_server_listen(g->server, "127.0.0.1", 0, error, sizeof error);
    BUG_ON(port < 0);
    (void)snprintf(endpoint, sizeof endpoint, "http://127.0.0.1:%d", port);
    g->http = http_client_new(&g->loop, &client);
    g->aws = aws_client_new(&g->loop, g->http,
                            &(struct aws_client_config){.endpoint = endpoint,
                                                        .identity = {"test", "test", NULL},
                                                        .retry_base_ms = 1,
                                                        .retry_most_ms = 2});
    g->now = NOW_MS;
    g->real_ms = 1000000;
    g->k = kinesis_new(&(struct kinesis_options){.account = "123456789012",
                                                 .region = "us-east-1",
                                                 .secret = {1, 2},
                                                 .retention_ms = 86400000,
                                                 .bytes_max = 64 << 20});
    g->agents = kinesis_add(g->k, "agents", 2, g->now - 1000);
    g->records = kinesis_add(g->k, "records", 1, g->now - 1000);
    g->config = config_load(text, sizeof text - 1, "t.yaml", &errors);
    BUG_ON(!g->config);
    open_driver(g);
}

static void rig_close(struct rig *g)
{
    connect_close(g->c);
    aws_client_close(g->aws);
    http_client_close(g->http, NULL, NULL);
    http_server_close(g->server, NULL, NULL);
    uv_run(&g->loop, UV_RUN_DEFAULT);
    CHECK_EQ(uv_loop_close(&g->loop), 0);
    kinesis_free(g->k);
    config_free(g->config);
}

/* What a node does: takes all there is. */
static void take(struct rig *g)
{
    struct instance_event e;
    while (g->i->ops->next(g->i, &e))
        if (g->n_told < SEEN_MAX)
            g->told[g->n_told++] = e;
}

/* Runs until as many things as that have been told since the last forget. */
static void until_told(struct rig *g, uint32_t n)
{
    for (int turns = 0; g->n_told < n && turns < 20000; turns++) {
        uv_run(&g->loop, UV_RUN_ONCE);
        take(g);
    }
    CHECK(g->n_told >= n);
}

static void forget(struct rig *g)
{
    g->i->ops->ack(g->i);
    g->n_told = 0;
}

static void begin(struct rig *g) /* until it is ready */
{
    until_told(g, 1);
    while (!connect_state(g->c).ready) {
        uv_run(&g->loop, UV_RUN_ONCE);
        take(g);
    }
    take(g);
    CHECK_EQ(g->told[g->n_told - 1].type, INST_HEALTH);
    CHECK(g->told[g->n_told - 1].health.ok && g->told[g->n_told - 1].health.ready);
    forget(g);
}

static struct td_id id(const char *s)
{
    struct td_id out;
    BUG_ON(!id_parse(s, &out));
    return out;
}

/* An agent event: user, status type, and contacts as "ID STATE" pairs or NULL. */
static void say_agent(struct rig *g, const char *user, const char *type, const char *status,
                      const char *contact, const char *state)
{
    struct buf b = {0};
    char at[32] = "2026-11-22T10:00:00.000Z", key[32];
    g->now += 1000;
    int s = (int)((g->now / 1000) % 60), m = (int)((g->now / 60000) % 60);
    (void)snprintf(at, sizeof at, "2026-11-22T10:%02d:%02d.000Z", m, s);
    buf_fmt(&b,
            "{\"AgentARN\":\"" ARN "/agent/U-%s\",\"InstanceARN\":\"" ARN
            "\",\"EventId\":\"e%u\",\"EventTimestamp\":\"%s\",\"EventType\":\"%s\","
            "\"CurrentAgentSnapshot\":{\"AgentStatus\":{\"ARN\":\"s\",\"Type\":\"%s\"},"
            "\"Configuration\":{\"Username\":\"%s\",\"RoutingProfile\":{\"ARN\":\"" ARN
            "/routing-profile/R2\"}},\"Contacts\":[",
            user, g->event_number++, at, type, status, user);
    if (contact)
        buf_fmt(&b,
                "{\"ContactId\":\"%s\",\"Channel\":\"VOICE\",\"State\":\"%s\","
                "\"StateStartTimestamp\":\"%s\",\"QueueTimestamp\":\"2026-11-22T10:00:00Z\","
                "\"ConnectedToAgentTimestamp\":%s,\"Queue\":{\"ARN\":\"" ARN "/queue/Q1\"}}",
                contact, state, at, g->connected_at ? g->connected_at : "null");
    buf_str(&b, "]}}");
    (void)snprintf(key, sizeof key, "U-%s", user);
    struct hash_key h = hash_key_of(key, strlen(key));
    (void)stream_put(g->agents, g->now, stream_shard_of(g->agents, h), key, strlen(key), b.data,
                     b.len);
    buf_free(&b);
}

static void say_record(struct rig *g, const char *contact, const char *reason, const char *agent)
{
    struct buf b = {0};
    buf_fmt(&b,
            "{\"ContactId\":\"%s\",\"InstanceARN\":\"" ARN
            "\",\"Channel\":\"VOICE\",\"DisconnectReason\":\"%s\",\"DisconnectTimestamp\":\"2026-"
            "11-22T10:05:00Z\",\"LastUpdateTimestamp\":\"2026-11-22T10:06:00Z\"",
            contact, reason);
    if (agent)
        buf_fmt(&b,
                ",\"Agent\":{\"ARN\":\"" ARN "/agent/U-%s\",\"Username\":\"%s\","
                "\"ConnectedToAgentTimestamp\":\"2026-11-22T10:04:00Z\"}",
                agent, agent);
    else
        buf_str(&b, ",\"Queue\":{\"ARN\":\"" ARN
                    "/queue/Q1\",\"EnqueueTimestamp\":\"2026-11-22T10:04:00Z\"}");
    buf_str(&b, "}");
    (void)stream_put(g->records, g->now, 0, contact, strlen(contact), b.data, b.len);
    buf_free(&b);
}

#define IS_AGENT(n, who, what)                                                                     \
    do {                                                                                           \
        CHECK_EQ(g.told[n].type, INST_AGENT);                                                      \
        CHECK_EQ(g.told[n].agent.agent, who);                                                      \
        CHECK_EQ(g.told[n].agent.presence, what);                                                  \
    } while (0)
#define IS_CONTACT(n, cid, what, who)                                                              \
    do {                                                                                           \
        CHECK_EQ(g.told[n].type, INST_CONTACT);                                                    \
        CHECK(id_eq(g.told[n].contact.contact, id(cid)));                                          \
        CHECK_EQ(g.told[n].contact.state, what);                                                   \
        CHECK_EQ(g.told[n].contact.agent, who);                                                    \
    } while (0)

TEST(agents_by_their_stream)
{
    struct rig g;
    rig_open(&g);
    begin(&g);
    say_agent(&g, "ann", "LOGIN", "ROUTABLE", NULL, NULL);
    say_agent(&g, "zoe", "LOGIN", "ROUTABLE", NULL, NULL); /* not in the configuration */
    until_told(&g, 1);
    IS_AGENT(0, 0, PRESENCE_AVAILABLE);
    say_agent(&g, "ann", "STATE_CHANGE", "CUSTOM", NULL, NULL);
    until_told(&g, 2);
    IS_AGENT(1, 0, PRESENCE_BREAK);
    say_agent(&g, "ann", "LOGOUT", "ROUTABLE", NULL, NULL);
    until_told(&g, 3);
    IS_AGENT(2, 0, PRESENCE_OFFLINE);
    say_agent(&g, "ann", "HEART_BEAT", "OFFLINE", NULL, NULL); /* no sign of life */
    say_agent(&g, "ann", "HEART_BEAT", "ROUTABLE", NULL, NULL);
    say_agent(&g, "bob", "LOGIN", "ROUTABLE", NULL, NULL);
    until_told(&g, 4);
    IS_AGENT(3, 1, PRESENCE_AVAILABLE);
    CHECK_EQ(connect_state(g.c).strangers, 1);
    rig_close(&g);
}

/* In which of its two regions an agent is, only the one that has him tells, and not by a LOGIN; he
 * may come back and be told of as what he was when he left. Polls and LOGINs are said for what they
 * are. */
TEST(agents_of_a_pair)
{
    struct rig g;
    rig_open(&g);
    g.paired = true;
    begin(&g);
    say_agent(&g, "cid", "LOGIN", "ROUTABLE", NULL, NULL);
    say_agent(&g, "ann", "STATE_CHANGE", "ROUTABLE", NULL, NULL);
    until_told(&g, 2);
    IS_AGENT(0, 2, PRESENCE_AVAILABLE);
    CHECK(g.told[0].agent.unsure);
    IS_AGENT(1, 0, PRESENCE_AVAILABLE);
    CHECK(!g.told[1].agent.unsure);
    CHECK_EQ(g.told[1].agent.at, g.now);
    say_agent(&g, "ann", "HEART_BEAT", "ROUTABLE", NULL, NULL);
    say_agent(&g, "cid", "STATE_CHANGE", "ROUTABLE", NULL, NULL);
    until_told(&g, 4);
    IS_AGENT(2, 0, PRESENCE_AVAILABLE);
    IS_AGENT(3, 2, PRESENCE_AVAILABLE);
    CHECK(!g.told[2].agent.unsure && !g.told[3].agent.unsure);
    g.i->ops->sign_out(g.i, 0); /* what is still told of him while he leaves is not his return */
    say_agent(&g, "ann", "HEART_BEAT", "ROUTABLE", NULL, NULL);
    g.userdata = "{\"User\":{\"Id\":\"U-bob\"},\"Status\":{\"StatusArn\":\"" ARN
                 "/agent-state/S1\"},\"Contacts\":[]},{\"User\":{\"Id\":\"U-cid\"},\"Status\":{"
                 "\"StatusArn\":\"" ARN "/agent-state/S1\"},\"Contacts\":[]}";
    until_told(&g, 5);
    IS_AGENT(4, 1, PRESENCE_AVAILABLE);
    CHECK(g.told[4].agent.unsure);
    rig_close(&g);
}

TEST(a_call_by_its_agents_events)
{
    struct rig g;
    rig_open(&g);
    begin(&g);
    say_agent(&g, "ann", "STATE_CHANGE", "ROUTABLE", C1, "CONNECTING");
    say_agent(&g, "ann", "STATE_CHANGE", "ROUTABLE", C1, "CONNECTED");
    say_agent(&g, "ann", "STATE_CHANGE", "ROUTABLE", C1, "CONNECTED_ONHOLD");
    say_agent(&g, "ann", "STATE_CHANGE", "ROUTABLE", C1, "CONNECTED");
    say_agent(&g, "ann", "STATE_CHANGE", "ROUTABLE", C1, "ENDED");
    say_agent(&g, "ann", "STATE_CHANGE", "ROUTABLE", NULL, NULL);
    until_told(&g, 7);
    IS_AGENT(0, 0, PRESENCE_AVAILABLE);
    IS_CONTACT(1, C1, CONTACT_QUEUED, UINT32_MAX);
    IS_CONTACT(2, C1, CONTACT_CONNECTED, 0);
    IS_CONTACT(3, C1, CONTACT_HELD, 0);
    IS_CONTACT(4, C1, CONTACT_CONNECTED, 0);
    IS_CONTACT(5, C1, CONTACT_WRAPUP, 0);
    IS_CONTACT(6, C1, CONTACT_ENDED, 0);
    CHECK_EQ(g.told[6].contact.end, ENDED_COMPLETED);
    CHECK_EQ(g.told[1].contact.queue, 0);
    CHECK_EQ(g.told[1].contact.at, NOW_MS - 3000); /* QueueTimestamp */
    forget(&g);
    /* its record comes late, and the same events once more: nothing is told twice */
    say_record(&g, C1, "CUSTOMER_DISCONNECT", "ann");
    g.event_number -= 3;
    g.now -= 3000;
    say_agent(&g, "ann", "STATE_CHANGE", "ROUTABLE", C1, "CONNECTED");
    say_agent(&g, "ann", "STATE_CHANGE", "ROUTABLE", C1, "ENDED");
    say_agent(&g, "bob", "LOGIN", "CUSTOM", NULL, NULL);
    until_told(&g, 1);
    while (connect_state(g.c).records < 1 || connect_state(g.c).agent_events < 9) {
        uv_run(&g.loop, UV_RUN_ONCE);
        take(&g);
    }
    CHECK_EQ(g.n_told, 1);
    IS_AGENT(0, 1, PRESENCE_BREAK);
    CHECK_EQ(connect_state(g.c).repeated, 3);
    rig_close(&g);
}

TEST(an_event_of_a_contact_that_is_over_brings_nothing_back)
{
    struct rig g;
    char event[600];
    rig_open(&g);
    begin(&g);
    static const char form[] =
        "{\"source\":\"aws.connect\",\"time\":\"2026-11-22T10:00:0%dZ\",\"detail\":{\"eventType\":"
        "\"%s\",\"contactId\":\"" C1 "\",\"channel\":\"VOICE\",\"instanceArn\":\"%s\","
        "\"queueInfo\":{\"queueArn\":\"" ARN "/queue/Q2\"},\"disconnectReason\":\"CUSTOMER_"
        "DISCONNECT\"}}";
    (void)snprintf(event, sizeof event, form, 1, "QUEUED", ARN "x");
    CHECK(!connect_contact_event(g.c, event, strlen(event))); /* another instance's */
    (void)snprintf(event, sizeof event, form, 1, "QUEUED", ARN);
    CHECK(connect_contact_event(g.c, event, strlen(event)));
    CHECK(connect_contact_event(g.c, event, strlen(event)));
    take(&g);
    CHECK_EQ(g.n_told, 1);
    IS_CONTACT(0, C1, CONTACT_QUEUED, UINT32_MAX);
    CHECK_EQ(g.told[0].contact.queue, 1);
    (void)snprintf(event, sizeof event, form, 2, "DISCONNECTED", ARN);
    CHECK(connect_contact_event(g.c, event, strlen(event)));
    (void)snprintf(event, sizeof event, form, 1, "QUEUED", ARN);
    CHECK(connect_contact_event(g.c, event, strlen(event)));
    take(&g);
    CHECK_EQ(g.n_told, 2);
    IS_CONTACT(1, C1, CONTACT_ENDED, UINT32_MAX);
    CHECK_EQ(g.told[1].contact.end, ENDED_ABANDONED);
    CHECK_EQ(connect_state(g.c).contacts, 0);
    rig_close(&g);
}

/* ---- flows ask ---- */

static void answered(void *arg, const char *json, size_t n)
{
    struct rig *g = arg;
    g->answers++;
    (void)snprintf(g->answer, sizeof g->answer, "%.*s", (int)n, json);
}

static uint64_t ask(struct rig *g, const char *op, const char *contact, const char *called,
                    const char *attribute)
{
    char event[800];
    (void)snprintf(event, sizeof event,
                   "{\"Name\":\"ContactFlowEvent\",\"Details\":{\"Parameters\":{\"op\":\"%s\","
                   "\"queue\":\"support\"},\"ContactData\":{\"ContactId\":\"%s\",\"Channel\":"
                   "\"VOICE\",\"CustomerEndpoint\":{\"Address\":\"+12125550100\"},"
                   "\"SystemEndpoint\":{\"Address\":\"%s\"},\"Attributes\":{%s}%s}}}",
                   op, contact, called, attribute,
                   strcmp(op, "wait") == 0 ? ",\"Queue\":{\"ARN\":\"" ARN "/queue/Q1\"}" : "");
    return connect_ask(g->c, event, strlen(event), answered, g);
}

static struct ev_placed placed(const char *contact, uint8_t channel, uint64_t epoch)
{
    return (struct ev_placed){.contact = id(contact),
                              .epoch = epoch,
                              .channel = channel,
                              .site = 0,
                              .queue = hash_str("support")};
}

TEST(a_call_that_stays)
{
    struct rig g;
    rig_open(&g);
    begin(&g);
    CHECK(ask(&g, "route", C1, "+18005550111", "") != 0);
    take(&g);
    CHECK_EQ(g.n_told, 1);
    CHECK_EQ(g.told[0].type, INST_ARRIVED);
    CHECK(id_eq(g.told[0].request.contact, id(C1)));
    CHECK_EQ(g.told[0].request.queue, 0);
    CHECK_EQ(g.told[0].request.how, PLACE_NPA); /* 212 */
    CHECK_NEAR(g.told[0].request.lat, 40.7, 0.5);
    CHECK(!id_none(g.told[0].request.customer));
    CHECK_EQ(g.answers, 0);
    struct ev_placed p = placed(C1, CHANNEL_VOICE, 257);
    g.i->ops->deliver(g.i, &p);
    take(&g);
    CHECK_EQ(g.answers, 1);
    CHECK_STR(g.answer, "{\"action\":\"LOCAL\",\"number\":\"\",\"txn\":\"" C1 "\",\"queue\":\"" ARN
                        "/queue/Q1\"}");
    IS_CONTACT(1, C1, CONTACT_QUEUED, UINT32_MAX);
    /* asked again, since the answer was lost: the same, and nothing new */
    CHECK_EQ(ask(&g, "route", C1, "+18005550111", ""), 0);
    take(&g);
    CHECK_EQ(g.answers, 2);
    CHECK_EQ(g.n_told, 2);
    forget(&g);
    /* and gave up: no agent's event will tell it */
    say_record(&g, C1, "CUSTOMER_DISCONNECT", NULL);
    until_told(&g, 1);
    IS_CONTACT(0, C1, CONTACT_ENDED, UINT32_MAX);
    CHECK_EQ(g.told[0].contact.end, ENDED_ABANDONED);
    rig_close(&g);
}

/* Nobody told of them when they came: not their flows, not their events. */
TEST(one_that_nobody_heard_of)
{
    struct rig g;
    rig_open(&g);
    begin(&g);
    say_record(&g, C1, "CUSTOMER_DISCONNECT", NULL);
    until_told(&g, 2);
    IS_CONTACT(0, C1, CONTACT_QUEUED, UINT32_MAX);
    IS_CONTACT(1, C1, CONTACT_ENDED, UINT32_MAX);
    CHECK_EQ(g.told[1].contact.end, ENDED_ABANDONED);
    forget(&g);
    say_record(&g, C1, "CUSTOMER_DISCONNECT", NULL); /* not twice */
    /* waits, and asks whether it is still to */
    CHECK_EQ(ask(&g, "wait", C2, "", ""), 0);
    CHECK(strstr(g.answer, "{\"action\":\"LOCAL\"") == g.answer);
    until_told(&g, 1);
    IS_CONTACT(0, C2, CONTACT_QUEUED, UINT32_MAX);
    while (connect_state(g.c).records < 2)
        uv_run(&g.loop, UV_RUN_ONCE), take(&g);
    CHECK_EQ(g.n_told, 1);
    CHECK_EQ(connect_state(g.c).contacts, 1);
    rig_close(&g);
}

TEST(a_call_that_goes_elsewhere)
{
    struct rig g;
    rig_open(&g);
    begin(&g);
    CHECK(ask(&g, "route", C1, "+18005550111", "") != 0);
    g.i->ops->send(g.i, id(C1), 1);
    CHECK_EQ(g.answers, 1);
    CHECK_STR(g.answer, "{\"action\":\"TRANSFER\",\"number\":\"+15559001\",\"txn\":\"" C1
                        "\",\"queue\":\"\"}");
    CHECK_EQ(connect_state(g.c).contacts, 0);
    rig_close(&g);
}

TEST(no_word_in_time)
{
    struct rig g;
    rig_open(&g);
    begin(&g);
    CHECK(ask(&g, "route", C1, "+18005550111", "") != 0);
    until_told(&g, 2);
    CHECK_EQ(g.answers, 1);
    CHECK(strstr(g.answer, "{\"action\":\"LOCAL\"") == g.answer);
    IS_CONTACT(1, C1, CONTACT_QUEUED, UINT32_MAX);
    CHECK_EQ(connect_state(g.c).late, 1);
    /* the word comes after all: it is here, and says so by its next question */
    g.i->ops->send(g.i, id(C1), 1);
    CHECK_EQ(g.answers, 1);
    CHECK_EQ(ask(&g, "wait", C1, "", ""), 0);
    CHECK(strstr(g.answer, "{\"action\":\"TRANSFER\",\"number\":\"+15559001\"") == g.answer);
    rig_close(&g);
}

TEST(questions_that_are_none)
{
    struct rig g;
    rig_open(&g);
    static const char *const bad[] = {"", "{}", "[", "{\"Details\":{\"ContactData\":{}}}"};
    for (size_t i = 0; i < COUNTOF(bad); i++)
        CHECK_EQ(connect_ask(g.c, bad[i], strlen(bad[i]), answered, &g), 0);
    CHECK_EQ(g.answers, 4);
    CHECK_STR(g.answer, "{\"action\":\"LOCAL\",\"number\":\"\",\"txn\":\"\",\"queue\":\"\"}");
    /* and before the instance's names are known */
    CHECK_EQ(ask(&g, "route", C1, "", ""), 0);
    CHECK_EQ(g.answers, 5);
    rig_close(&g);
}

/* The waiting call is moved: released by its flow's next question, answered when its place is
 * known. */
TEST(a_waiting_call_is_moved)
{
    struct rig g;
    rig_open(&g);
    begin(&g);
    (void)ask(&g, "route", C1, "+18005550111", "");
    struct ev_placed p = placed(C1, CHANNEL_VOICE, 257);
    g.i->ops->deliver(g.i, &p);
    CHECK_EQ(ask(&g, "wait", C1, "", ""), 0);
    CHECK_EQ(g.answers, 2);
    take(&g);
    forget(&g);
    g.i->ops->release(g.i, id(C1));
    take(&g);
    CHECK_EQ(g.n_told, 0);
    CHECK(ask(&g, "wait", C1, "", "") != 0);
    take(&g);
    CHECK_EQ(g.n_told, 1);
    CHECK_EQ(g.told[0].type, INST_RELEASED);
    CHECK(g.told[0].outcome.ok);
    g.i->ops->send(g.i, id(C1), 1);
    CHECK_EQ(g.answers, 3);
    CHECK(strstr(g.answer, "\"number\":\"+15559001\"") != NULL);
    CHECK_EQ(connect_state(g.c).contacts, 0);
    /* one that an agent has taken is not released */
    say_agent(&g, "ann", "STATE_CHANGE", "ROUTABLE", C2, "CONNECTED");
    until_told(&g, 4);
    forget(&g);
    g.i->ops->release(g.i, id(C2));
    take(&g);
    CHECK_EQ(g.told[0].type, INST_RELEASED);
    CHECK(!g.told[0].outcome.ok);
    rig_close(&g);
}

TEST(nobody_waits_for_it)
{
    struct rig g;
    rig_open(&g);
    begin(&g);
    (void)ask(&g, "route", C1, "+18005550111", "");
    struct ev_placed p = placed(C1, CHANNEL_VOICE, 257);
    g.i->ops->deliver(g.i, &p);
    g.i->ops->drop(g.i, id(C1), true);
    CHECK_EQ(ask(&g, "wait", C1, "", ""), 0);
    CHECK(strstr(g.answer, "{\"action\":\"END\"") == g.answer);
    CHECK_EQ(connect_state(g.c).contacts, 0);
    rig_close(&g);
}

/* ---- transfers that come ---- */

TEST(a_transfer_is_recognised)
{
    struct rig g;
    rig_open(&g);
    begin(&g);
    struct connect_numbers ours = {2, {"+15550001", "+15550002"}};
    const char *number = connect_claim(&ours, id(C1));
    const char *wrong = number[8] == '1' ? "+15550002" : "+15550001";
    struct ev_placed p = placed(C1, CHANNEL_VOICE, 257);
    g.i->ops->deliver(g.i, &p);
    CHECK_EQ(connect_state(g.c).expected, 1);
    /* a call to another number is not it, and is answered when nobody else comes */
    CHECK(ask(&g, "route", "31111111-2222-3333-4444-555555555555", wrong, "") != 0);
    CHECK_EQ(ask(&g, "route", C2, number, ""), 0);
    CHECK_EQ(g.answers, 1);
    CHECK(strstr(g.answer, "\"action\":\"LOCAL\"") && strstr(g.answer, "\"txn\":\"" C1 "\""));
    take(&g);
    IS_CONTACT(0, C1, CONTACT_QUEUED, UINT32_MAX); /* by the id that the nodes know */
    forget(&g);
    say_agent(&g, "ann", "STATE_CHANGE", "ROUTABLE", C2, "CONNECTED");
    until_told(&g, 2);
    IS_CONTACT(0, C1, CONTACT_CONNECTED, 0);
    rig_close(&g);
}

TEST(a_transfer_before_the_word_of_it)
{
    struct rig g;
    rig_open(&g);
    begin(&g);
    struct connect_numbers ours = {2, {"+15550001", "+15550002"}};
    CHECK(ask(&g, "route", C2, connect_claim(&ours, id(C1)), "") != 0);
    struct ev_placed p = placed(C1, CHANNEL_VOICE, 257);
    g.i->ops->deliver(g.i, &p);
    CHECK_EQ(g.answers, 1);
    CHECK(strstr(g.answer, "\"txn\":\"" C1 "\"") != NULL);
    take(&g);
    IS_CONTACT(0, C1, CONTACT_QUEUED, UINT32_MAX);
    /* and by the attribute, whatever the number */
    p = placed("41111111-2222-3333-4444-555555555555", CHANNEL_VOICE, 257);
    g.i->ops->deliver(g.i, &p);
    CHECK_EQ(ask(&g, "route", "51111111-2222-3333-4444-555555555555", "+1800",
                 "\"tandem_contact\":\"41111111-2222-3333-4444-555555555555\""),
             0);
    CHECK_EQ(connect_state(g.c).claimed, 2);
    rig_close(&g);
}

/* ---- chats and tasks ---- */

static void until_seen(struct rig *g, const char *what)
{
    for (int turns = 0; !strstr(g->seen, what) && turns < 20000; turns++)
        uv_run(&g->loop, UV_RUN_ONCE);
    if (!strstr(g->seen, what))
        TAP_FAIL("never asked for %s, but for %s", what, g->seen);
}

TEST(a_chat_is_started_here_and_moved)
{
    struct rig g;
    rig_open(&g);
    begin(&g);
    struct ev_placed p = placed(C1, CHANNEL_CHAT, 513);
    g.i->ops->deliver(g.i, &p);
    g.i->ops->deliver(g.i, &p); /* asked for again: not started again */
    until_told(&g, 1);
    IS_CONTACT(0, C1, CONTACT_QUEUED, UINT32_MAX);
    CHECK_STR(g.seen, "PUT /contact/chat {\"InstanceId\":\"I\",\"ContactFlowId\":\"F1\","
                      "\"ParticipantDetails\":{\"DisplayName\":\"Customer\"},\"Attributes\":{"
                      "\"tandem_contact\":\"" C1 "\",\"tandem_queue\":\"support\"},\"ClientToken\":"
                      "\"" C1 ".513\"}\n");
    forget(&g);
    g.seen[0] = '\0';
    g.i->ops->release(g.i, id(C1));
    take(&g);
    CHECK_EQ(g.told[0].type, INST_RELEASED);
    CHECK(g.told[0].outcome.ok);
    until_seen(&g, "POST /contact/stop {\"ContactId\":\"" C2 "\",\"InstanceId\":\"I\"}\n");
    CHECK_EQ(connect_state(g.c).contacts, 0);
    rig_close(&g);
}

TEST(a_task_that_aws_will_not_start)
{
    struct rig g;
    rig_open(&g);
    g.no_starts = true;
    begin(&g);
    struct ev_placed p = placed(C1, CHANNEL_TASK, 513);
    g.i->ops->deliver(g.i, &p);
    until_told(&g, 1);
    CHECK_EQ(g.told[0].type, INST_REFUSED);
    CHECK(id_eq(g.told[0].outcome.contact, id(C1)));
    CHECK(strstr(g.seen, "PUT /contact/task {\"InstanceId\":\"I\"") == g.seen);
    g.i->ops->deliver(g.i, &p);
    rig_close(&g); /* with one on its way */
}

/* ---- agents are moved ---- */

TEST(an_agent_is_signed_in_with_his_profile)
{
    struct rig g;
    rig_open(&g);
    begin(&g);
    say_agent(&g, "ann", "LOGIN", "CUSTOM", NULL, NULL); /* with the profile "other" */
    until_told(&g, 1);
    g.i->ops->sign_in(g.i, 0);
    until_seen(&g, "POST /users/I/U-ann/routing-profile {\"RoutingProfileId\":\"R1\"}\n");
    until_seen(&g, "PUT /users/I/U-ann/status {\"AgentStatusId\":\"S1\"}\n");
    g.i->ops->sign_out(g.i, 1);
    until_seen(&g, "PUT /users/I/U-bob/status {\"AgentStatusId\":\"S2\"}\n");
    g.i->ops->sign_in(g.i, 2); /* has no user here: nothing can be done */
    rig_close(&g);
}

/* ---- polls, health ---- */

TEST(a_poll_finds_what_the_stream_has_lost)
{
    struct rig g;
    rig_open(&g);
    begin(&g);
    say_agent(&g, "bob", "STATE_CHANGE", "ROUTABLE", C1, "CONNECTED");
    until_told(&g, 3);
    forget(&g);
    g.userdata = "{\"User\":{\"Id\":\"U-ann\"},\"Status\":{\"StatusArn\":\"" ARN
                 "/agent-state/S1\"},\"Contacts\":[]}";
    g.now += 60000; /* bob's last event is old by now */
    until_told(&g, 3);
    IS_AGENT(0, 0, PRESENCE_AVAILABLE);
    IS_AGENT(1, 1, PRESENCE_OFFLINE); /* not in the picture */
    IS_CONTACT(2, C1, CONTACT_ENDED, 1);
    CHECK_EQ(connect_state(g.c).corrected, 3);
    rig_close(&g);
}

TEST(an_instance_that_does_not_answer)
{
    struct rig g;
    rig_open(&g);
    begin(&g);
    g.down = true;
    until_told(&g, 1);
    CHECK_EQ(g.told[0].type, INST_HEALTH);
    CHECK(!g.told[0].health.ok && !g.told[0].health.ready);
    g.down = false;
    until_told(&g, 2);
    CHECK(g.told[1].health.ok && g.told[1].health.ready);
    rig_close(&g);
}

/* ---- do flows run? ---- */

/* Callers numbered from `first`, whom a flow hangs up on at once. */
static void hang_up(struct rig *g, unsigned first, unsigned n, const char *attribute)
{
    for (unsigned i = first; i < first + n; i++) {
        struct buf b = {0};
        buf_fmt(&b,
                "{\"ContactId\":\"00000000-0000-4000-8000-%012u\",\"InstanceARN\":\"" ARN
                "\",\"Channel\":\"VOICE\",\"DisconnectReason\":\"CONTACT_FLOW_DISCONNECT\","
                "\"DisconnectTimestamp\":\"2026-11-22T10:05:00Z\",\"LastUpdateTimestamp\":"
                "\"2026-11-22T10:05:00Z\",\"Attributes\":{%s}}",
                i, attribute);
        (void)stream_put(g->records, g->now, 0, "k", 1, b.data, b.len);
        (void)stream_put(g->records, g->now, 0, "k", 1, b.data, b.len); /* at least once */
        buf_free(&b);
    }
    while (connect_state(g->c).records < g->hung_up + 2ul * n) {
        uv_run(&g->loop, UV_RUN_ONCE);
        take(g);
    }
    g->hung_up += 2 * n;
}

#define IS_READY(n, what)                                                                          \
    do {                                                                                           \
        CHECK_EQ(g.told[n].type, INST_HEALTH);                                                     \
        CHECK(g.told[n].health.ok);                                                                \
        CHECK_EQ(g.told[n].health.ready, what);                                                    \
    } while (0)

TEST(flows_that_hang_up)
{
    struct rig g;
    rig_open(&g);
    begin(&g);
    hang_up(&g, 1, 3, "");
    /* One that runs: some callers are meant to go. It has its place at once, and no open question.
     */
    struct ev_placed p = placed(C1, CHANNEL_VOICE, 257);
    (void)ask(&g, "route", C1, "+18005550111", "");
    g.i->ops->deliver(g.i, &p);
    take(&g);
    forget(&g);
    hang_up(&g, 4, 3, "");
    hang_up(&g, 7, 2, "\"tandem_check\":\"us-east-1\""); /* none of them a caller */
    CHECK_EQ(g.n_told, 0);
    hang_up(&g, 9, 1, "");
    until_told(&g, 1);
    IS_READY(0, false);
    CHECK_EQ(connect_state(g.c).hung_up, 7);
    CHECK_STR(g.seen, "");

    g.now += 30000;
    until_seen(&g, "/contact/task");
    CHECK(strstr(g.seen, "\"Attributes\":{\"tandem_check\":\"us-east-1\"}") != NULL);
    CHECK(!strstr(g.seen, "/contact/stop"));
    CHECK_EQ(ask(&g, "route", C2, "", "\"tandem_check\":\"us-east-1\""), 0);
    CHECK(strstr(g.answer, "{\"action\":\"END\"") == g.answer);
    until_told(&g, 2);
    IS_READY(1, true);
    until_seen(&g, "/contact/stop");
    CHECK_EQ(connect_state(g.c).contacts, 1); /* the first one alone */

    /* That flow runs, and another does not: the next try takes twice the time. */
    forget(&g);
    g.seen[0] = '\0';
    hang_up(&g, 10, 4, "");
    until_told(&g, 1);
    IS_READY(0, false);
    g.now += 59000;
    td_ms until = (td_ms)uv_hrtime() + 300000000;
    while ((td_ms)uv_hrtime() < until)
        uv_run(&g.loop, UV_RUN_ONCE);
    CHECK_STR(g.seen, "");
    g.now += 1000;
    until_seen(&g, "/contact/task");
    (void)ask(&g, "route", C2, "+18005550111", ""); /* a caller does as well */
    until_told(&g, 3);
    IS_READY(1, true);
    CHECK_EQ(g.told[2].type, INST_ARRIVED); /* and has a place */
    p = placed(C2, CHANNEL_VOICE, 257);
    g.i->ops->deliver(g.i, &p);
    take(&g);

    /* A task that was put in a queue unasked: flows run, and it is nobody's contact. */
    forget(&g);
    hang_up(&g, 20, 4, "");
    until_told(&g, 1);
    IS_READY(0, false);
    static const char queued[] =
        "{\"ContactId\":\"00000000-0000-4000-8000-000000000030\",\"InstanceARN\":\"" ARN
        "\",\"Channel\":\"TASK\",\"DisconnectReason\":\"API\",\"DisconnectTimestamp\":"
        "\"2026-11-22T10:05:00Z\",\"LastUpdateTimestamp\":\"2026-11-22T10:05:00Z\",\"Queue\":{"
        "\"ARN\":\"" ARN "/queue/Q1\",\"EnqueueTimestamp\":\"2026-11-22T10:04:00Z\"},"
        "\"Attributes\":{\"tandem_check\":\"us-east-1\"}}";
    (void)stream_put(g.records, g.now, 0, "k", 1, queued, sizeof queued - 1);
    g.hung_up++;
    until_told(&g, 2);
    IS_READY(1, true);

    /* AWS will not start the task: callers find out. */
    forget(&g);
    g.no_starts = true;
    hang_up(&g, 40, 4, "");
    until_told(&g, 1);
    IS_READY(0, false);
    g.now += 900000;
    until_told(&g, 2);
    IS_READY(1, true);
    CHECK_EQ(connect_state(g.c).contacts, 2); /* the two that asked */
    rig_close(&g);
}

/* ---- what outlives the process ---- */

TEST(killed_and_started_again)
{
    struct rig g;
    struct buf position = {0};
    struct instance_contact real;
    struct instance_agent agent = {0};
    rig_open(&g);
    begin(&g);
    say_agent(&g, "ann", "STATE_CHANGE", "ROUTABLE", C1, "CONNECTED");
    until_told(&g, 3);
    CHECK(g.i->ops->position(g.i, &position));                     /* the commit */
    say_agent(&g, "ann", "STATE_CHANGE", "ROUTABLE", C1, "ENDED"); /* taken, and not committed */
    until_told(&g, 4);
    connect_close(g.c); /* kill -9 */
    g.n_told = 0;
    open_driver(&g);
    CHECK(g.i->ops->resume(g.i, position.data, position.len));
    struct reality r = g.i->ops->reality(g.i);
    CHECK(r.contact(r.arg, id(C1), &real));
    CHECK_EQ(real.state, CONTACT_CONNECTED);
    CHECK_EQ(real.agent, 0);
    CHECK(!r.contact(r.arg, id(C2), &real));
    CHECK(r.agent(r.arg, 0, &agent) && agent.presence == PRESENCE_AVAILABLE);
    say_agent(&g, "ann", "STATE_CHANGE", "ROUTABLE", NULL, NULL);
    until_told(&g, 4); /* two of health; the rest of its life once, and nothing of what was */
    uint32_t n = 0;
    for (uint32_t i = 0; i < g.n_told; i++) {
        if (g.told[i].type != INST_CONTACT)
            continue;
        CHECK(id_eq(g.told[i].contact.contact, id(C1)));
        CHECK_EQ(g.told[i].contact.state, n == 0 ? CONTACT_WRAPUP : CONTACT_ENDED);
        n++;
    }
    CHECK_EQ(n, 2);
    buf_free(&position);
    rig_close(&g);
}

/* tandem begins while people talk: what it hears first may be a contact that is on hold, or over.
 * Its wait ended when it was connected, not when it was heard of. */
TEST(heard_of_late)
{
    static const char *const states[] = {"CONNECTED", "CONNECTED_ONHOLD", "ENDED"};
    for (size_t k = 0; k < COUNTOF(states); k++) {
        struct rig g;
        rig_open(&g);
        begin(&g);
        g.now += 60000;
        g.connected_at = "\"2026-11-22T10:00:03.500Z\"";
        say_agent(&g, "ann", "HEART_BEAT", "ROUTABLE", C1, states[k]);
        until_told(&g, k == 0 ? 3 : 4);
        IS_CONTACT(0, C1, CONTACT_QUEUED, UINT32_MAX);
        CHECK_EQ(g.told[0].contact.at, (NOW_MS - 3000));
        IS_CONTACT(1, C1, CONTACT_CONNECTED, 0);
        CHECK_EQ(g.told[1].contact.at, (NOW_MS - 3000) + 3500);
        if (k > 0)
            CHECK(g.told[2].contact.at > (NOW_MS - 3000) + 60000);
        rig_close(&g);
    }
}

PROP(positions_that_are_none, 300)
{
    static struct buf good;
    struct rig g;
    if (!good.len) {
        rig_open(&g);
        begin(&g);
        say_agent(&g, "ann", "STATE_CHANGE", "ROUTABLE", C1, "CONNECTED");
        until_told(&g, 3);
        CHECK(g.i->ops->position(g.i, &good));
        rig_close(&g);
    }
    struct buf b = {0};
    buf_add(&b, good.data, good.len);
    if (rng_chance(rng, 0.5))
        b.len = (size_t)rng_below(rng, b.len);
    for (int k = 0; k < 3 && b.len; k++)
        b.data[rng_below(rng, b.len)] = (char)rng_below(rng, 256);
    /* a driver that has not run a turn: no server is needed */
    memset(&g, 0, sizeof g);
    uv_loop_init(&g.loop);
    struct buf errors = {0};
    struct http_client_config client = HTTP_CLIENT_DEFAULTS;
    g.config = config_load(text, sizeof text - 1, "t.yaml", &errors);
    g.http = http_client_new(&g.loop, &client);
    g.aws = aws_client_new(&g.loop, g.http,
                           &(struct aws_client_config){.endpoint = "http://127.0.0.1:1",
                                                       .identity = {"test", "test", NULL}});
    open_driver(&g);
    bool ok = g.i->ops->resume(g.i, b.data, b.len);
    CHECK(ok || b.len < good.len || memcmp(b.data, good.data, good.len) != 0);
    connect_close(g.c);
    aws_client_close(g.aws);
    http_client_close(g.http, NULL, NULL);
    uv_run(&g.loop, UV_RUN_DEFAULT);
    CHECK_EQ(uv_loop_close(&g.loop), 0);
    config_free(g.config);
    buf_free(&b);
}

TAP_MAIN
