/* mirror_calls: queues and routing profiles as they come, made the same by the calls that are
 * planned, on a little Amazon Connect that refuses what AWS refuses: batches of more than ten, a
 * queue that is there already, a channel that the profile does not take, more than fifty queues. */
#include "amazon/mirror_calls.h"
#include "tap.h"

#include <jansson.h>
#include <string.h>

enum { POOL = 60 };
static const char *const channels[] = {"VOICE", "CHAT", "TASK"};

struct side { /* an instance: what there is to refer to, and one resource as the API tells it */
    struct mirror_inventory v;
    struct mirror_item *item;
    json_t *said, *queues;
};

static struct side side_new(const char *region, enum mirror_kind kind)
{
    struct side s = {.said = json_object(), .queues = json_array()};
    char name[16], id[40], arn[MIRROR_ARN_MAX];
    (void)str_copy(s.v.region, sizeof s.v.region, region);
    (void)snprintf(s.v.instance, sizeof s.v.instance, "instance-%s", region);
    for (int i = 0; i < POOL; i++) {
        enum mirror_kind k = i < POOL - 6   ? MIRROR_QUEUE
                             : i < POOL - 3 ? MIRROR_HOURS
                                            : MIRROR_FLOW;
        (void)snprintf(name, sizeof name, "n%02d", i);
        (void)snprintf(id, sizeof id, "id-%s-%02d", region, i);
        (void)snprintf(arn, sizeof arn, "arn:%s", id);
        (void)!mirror_add(&s.v, k, name, id, arn);
    }
    s.item = mirror_add(&s.v, kind, "it", "id-it", "arn:id-it");
    return s;
}

static void side_free(struct side *s)
{
    json_decref(s->said);
    json_decref(s->queues);
    mirror_free(&s->v);
}

static void set_id(const struct side *s, json_t *o, const char *name, uint64_t of)
{
    (void)json_object_set_new(o, name, json_string(s->v.item[of].id));
}

static void read_it(struct side *s)
{
    CHECK(mirror_take(&s->v, s->item, s->said, s->queues));
    CHECK_STR(s->item->foreign, "");
}

/* ---- the little Amazon Connect ---- */

static bool takes(const struct side *s, const json_t *channel)
{
    const json_t *all = json_object_get(s->said, "MediaConcurrencies");
    for (size_t i = 0; i < json_array_size(all); i++)
        if (json_equal(json_object_get(json_array_get(all, i), "Channel"), channel))
            return true;
    return false;
}

static int row_of(const struct side *s, const json_t *ref)
{
    for (size_t i = 0; i < json_array_size(s->queues); i++) {
        const json_t *q = json_array_get(s->queues, i);
        if (json_equal(json_object_get(q, "QueueId"), json_object_get(ref, "QueueId")) &&
            json_equal(json_object_get(q, "Channel"), json_object_get(ref, "Channel")))
            return (int)i;
    }
    return -1;
}

static void put_queues(struct side *s, const json_t *configs, bool known)
{
    CHECK(json_array_size(configs) >= 1 && json_array_size(configs) <= 10);
    for (size_t i = 0; i < json_array_size(configs); i++) {
        const json_t *c = json_array_get(configs, i), *ref = json_object_get(c, "QueueReference");
        int at = row_of(s, ref);
        CHECK_EQ(at >= 0, known);
        CHECK(takes(s, json_object_get(ref, "Channel")));
        json_t *row = json_copy((json_t *)ref);
        (void)json_object_set(row, "Priority", json_object_get(c, "Priority"));
        (void)json_object_set(row, "Delay", json_object_get(c, "Delay"));
        if (at >= 0)
            (void)json_array_set_new(s->queues, (size_t)at, row);
        else
            (void)json_array_append_new(s->queues, row);
    }
    CHECK(json_array_size(s->queues) <= 50);
}

static void drop_queues(struct side *s, const json_t *refs)
{
    CHECK(json_array_size(refs) >= 1 && json_array_size(refs) <= 10);
    for (size_t i = 0; i < json_array_size(refs); i++) {
        int at = row_of(s, json_array_get(refs, i));
        CHECK(at >= 0);
        if (at >= 0)
            (void)json_array_remove(s->queues, (size_t)at);
    }
}

static void set_concurrency(struct side *s, const json_t *body)
{
    (void)json_object_set(s->said, "MediaConcurrencies",
                          json_object_get(body, "MediaConcurrencies"));
    for (size_t i = 0; i < json_array_size(s->queues); i++)
        CHECK(takes(s, json_object_get(json_array_get(s->queues, i), "Channel")));
}

static void set_member(struct side *s, const json_t *body, const char *name)
{
    json_t *v = json_object_get(body, name);
    if (v)
        (void)json_object_set(s->said, name, v);
    else
        (void)json_object_del(s->said, name);
}

static void carry_out(struct side *s, const struct mirror_call *c)
{
    char missing[MIRROR_NAME_MAX] = "", *text = json_dumps(c->body, JSON_COMPACT);
    struct buf ids = {0};
    CHECK(mirror_to_ids(&s->v, text, &ids, missing));
    json_t *body = json_loadb(ids.data, ids.len, 0, NULL);
    switch (c->op) {
    case AWS_OP_UpdateRoutingProfileName:
    case AWS_OP_UpdateQueueName:
        CHECK_STR(json_string_value(json_object_get(body, "Name")), "it");
        CHECK(json_object_get(body, "Description") != NULL);
        set_member(s, body, "Description");
        break;
    case AWS_OP_UpdateRoutingProfileConcurrency: set_concurrency(s, body); break;
    case AWS_OP_AssociateRoutingProfileQueues:
        put_queues(s, json_object_get(body, "QueueConfigs"), false);
        break;
    case AWS_OP_UpdateRoutingProfileQueues:
        put_queues(s, json_object_get(body, "QueueConfigs"), true);
        break;
    case AWS_OP_DisassociateRoutingProfileQueues:
        drop_queues(s, json_object_get(body, "QueueReferences"));
        break;
    case AWS_OP_UpdateRoutingProfileDefaultOutboundQueue:
        set_member(s, body, "DefaultOutboundQueueId");
        break;
    case AWS_OP_UpdateQueueHoursOfOperation: set_member(s, body, "HoursOfOperationId"); break;
    case AWS_OP_UpdateQueueMaxContacts: set_member(s, body, "MaxContacts"); break;
    case AWS_OP_UpdateQueueStatus: set_member(s, body, "Status"); break;
    case AWS_OP_UpdateQueueOutboundCallerConfig: set_member(s, body, "OutboundCallerConfig"); break;
    default: CHECK(false);
    }
    json_decref(body);
    buf_free(&ids);
    free(text);
}

/* ---- whatever there may be ---- */

static void draw_profile(struct side *s, struct rng *rng)
{
    json_t *concurrency = json_array();
    uint64_t taken = 1 + rng_below(rng, 7), n = rng_below(rng, 3) ? rng_below(rng, 12) : 25;
    for (size_t i = 0; i < COUNTOF(channels); i++)
        if (taken >> i & 1)
            (void)json_array_append_new(concurrency,
                                        json_pack("{s:s,s:i}", "Channel", channels[i],
                                                  "Concurrency", (int)(1 + rng_below(rng, 2))));
    (void)json_object_set_new(s->said, "MediaConcurrencies", concurrency);
    for (uint64_t i = 0; i < n; i++)
        for (size_t ch = 0; ch < COUNTOF(channels); ch++)
            if (taken >> ch & 1 && rng_below(rng, 2) && json_array_size(s->queues) < 50) {
                json_t *row =
                    json_pack("{s:s,s:i,s:i}", "Channel", channels[ch], "Priority",
                              (int)(1 + rng_below(rng, 2)), "Delay", (int)rng_below(rng, 2));
                set_id(s, row, "QueueId", i + rng_below(rng, 2) * 25);
                if (row_of(s, row) < 0)
                    (void)json_array_append(s->queues, row);
                json_decref(row);
            }
    set_id(s, s->said, "DefaultOutboundQueueId", rng_below(rng, 3));
    (void)json_object_set_new(s->said, "Description", json_string(channels[rng_below(rng, 3)]));
}

static void draw_queue(struct side *s, struct rng *rng)
{
    json_t *config = json_object();
    set_id(s, s->said, "HoursOfOperationId", POOL - 6 + rng_below(rng, 3));
    if (rng_below(rng, 2))
        (void)json_object_set_new(s->said, "MaxContacts", json_integer(1));
    (void)json_object_set_new(s->said, "Status",
                              json_string(rng_below(rng, 2) ? "ENABLED" : "DISABLED"));
    if (rng_below(rng, 2))
        (void)json_object_set_new(config, "OutboundCallerIdName", json_string("Acme"));
    if (rng_below(rng, 2))
        set_id(s, config, "OutboundFlowId", POOL - 3 + rng_below(rng, 3));
    if (rng_below(rng, 2))
        (void)json_object_set_new(config, "OutboundCallerIdNumberId", json_string(s->v.region));
    (void)json_object_set_new(s->said, "OutboundCallerConfig", config);
    (void)json_object_set_new(s->said, "Description", json_string(channels[rng_below(rng, 3)]));
}

static const char *own_number(const struct side *s)
{
    const char *n = json_string_value(json_object_get(
        json_object_get(s->said, "OutboundCallerConfig"), "OutboundCallerIdNumberId"));
    return n ? n : "";
}

/* Broken off after any number of calls and begun again, it ends as the other, and then has nothing
 * more to do. The words tell of a difference exactly when there is one. */
static void make_the_same(struct side *from, struct side *to, struct rng *rng)
{
    struct mirror_calls calls;
    struct buf words = {0};
    char number[40];
    (void)snprintf(number, sizeof number, "%s", own_number(to));
    read_it(from);
    for (int try = 0; try < 2; try++) {
        read_it(to);
        bool some = json_array_size(to->queues) && json_array_size(from->queues);
        mirror_changes(from->item, to->item, &calls);
        buf_reset(&words);
        buf_str(&words, "");
        mirror_tell(from->item, to->item, &words);
        CHECK_EQ(words.len != 0, calls.n != 0);
        uint32_t n = try ? calls.n : (uint32_t)rng_below(rng, calls.n + 1);
        bool crowded = json_array_size(to->queues) + json_array_size(from->queues) > 50;
        for (uint32_t i = 0; i < n; i++) {
            carry_out(to, &calls.call[i]);
            CHECK(!some || crowded || json_array_size(to->queues) > 0);
        }
        mirror_calls_free(&calls);
    }
    read_it(to);
    CHECK(json_equal(from->item->spec, to->item->spec));
    CHECK_STR(own_number(to), number);
    mirror_changes(from->item, to->item, &calls);
    CHECK_EQ(calls.n, 0);
    mirror_calls_free(&calls);
    buf_free(&words);
}

PROP(profiles_become_the_same, 400)
{
    struct side from = side_new("r1", MIRROR_PROFILE), to = side_new("r2", MIRROR_PROFILE);
    draw_profile(&from, rng);
    draw_profile(&to, rng);
    make_the_same(&from, &to, rng);
    side_free(&from);
    side_free(&to);
}

/* From what creation leaves to do. */
PROP(profiles_are_made, 200)
{
    struct side from = side_new("r1", MIRROR_PROFILE), to = side_new("r2", MIRROR_PROFILE);
    draw_profile(&from, rng);
    read_it(&from);
    json_t *body = mirror_creation(from.item), *configs = json_object_get(body, "QueueConfigs");
    struct mirror_call first = {AWS_OP_AssociateRoutingProfileQueues, body};
    CHECK_EQ(configs != NULL, json_array_size(from.queues) > 0);
    (void)json_object_set(to.said, "Description", json_object_get(body, "Description"));
    (void)json_object_set(to.said, "MediaConcurrencies",
                          json_object_get(body, "MediaConcurrencies"));
    carry_out(&to, &(struct mirror_call){AWS_OP_UpdateRoutingProfileDefaultOutboundQueue, body});
    if (configs)
        carry_out(&to, &first);
    json_decref(body);
    make_the_same(&from, &to, rng);
    side_free(&from);
    side_free(&to);
}

PROP(queues_become_the_same, 300)
{
    struct side from = side_new("r1", MIRROR_QUEUE), to = side_new("r2", MIRROR_QUEUE);
    draw_queue(&from, rng);
    draw_queue(&to, rng);
    make_the_same(&from, &to, rng);
    side_free(&from);
    side_free(&to);
}

/* ---- words ---- */

static void say(struct side *s, const char *said, const char *queues)
{
    json_decref(s->said);
    json_decref(s->queues);
    s->said = json_loads(said, 0, NULL);
    s->queues = json_loads(queues, 0, NULL);
    CHECK(s->said && s->queues);
    read_it(s);
}

TEST(each_field_from_and_to)
{
    struct side from = side_new("r1", MIRROR_PROFILE), to = side_new("r2", MIRROR_PROFILE);
    struct buf words = {0};
    say(&from,
        "{\"Description\":\"new\\n\",\"DefaultOutboundQueueId\":\"id-r1-01\","
        "\"MediaConcurrencies\":"
        "[{\"Channel\":\"VOICE\",\"Concurrency\":1},{\"Channel\":\"CHAT\",\"Concurrency\":2,"
        "\"CrossChannelBehavior\":{\"BehaviorType\":\"ROUTE_ANY_CHANNEL\"}}]}",
        "[{\"QueueId\":\"id-r1-01\",\"Channel\":\"VOICE\",\"Priority\":2,\"Delay\":0},"
        "{\"QueueId\":\"id-r1-02\",\"Channel\":\"CHAT\",\"Priority\":1,\"Delay\":9}]");
    say(&to,
        "{\"Description\":\"old\",\"DefaultOutboundQueueId\":\"id-r2-00\",\"MediaConcurrencies\":"
        "[{\"Channel\":\"VOICE\",\"Concurrency\":1}]}",
        "[{\"QueueId\":\"id-r2-01\",\"Channel\":\"VOICE\",\"Priority\":1,\"Delay\":0},"
        "{\"QueueId\":\"id-r2-03\",\"Channel\":\"VOICE\",\"Priority\":1,\"Delay\":0}]");
    mirror_tell(from.item, to.item, &words);
    CHECK_STR(words.data,
              "description: \"old\" -> \"new\\n\"\n"
              "default outbound queue: \"n00\" -> \"n01\"\n"
              "concurrency of CHAT: none -> 2, ROUTE_ANY_CHANNEL\n"
              "queue \"n02\" for CHAT: none -> priority 1, delay 9 s\n"
              "queue \"n01\" for VOICE: priority 1, delay 0 s -> priority 2, delay 0 s\n"
              "queue \"n03\" for VOICE: priority 1, delay 0 s -> none\n");
    buf_free(&words);
    side_free(&from);
    side_free(&to);
}

/* The API cannot take a description away or change a flow's type: no call, but said. */
TEST(what_the_api_cannot_change)
{
    static const enum mirror_kind kinds[] = {MIRROR_QUEUE, MIRROR_FLOW};
    static const char *const is[] = {"{}", "{\"Type\":\"CUSTOMER_QUEUE\",\"Content\":\"{}\"}"};
    static const char *const was[] = {"{\"Description\":\"old\"}",
                                      "{\"Type\":\"CONTACT_FLOW\",\"Content\":\"{\\\"a\\\":1}\"}"};
    static const char *const want[] = {
        "description: \"old\" -> none (the API cannot take one away)\n",
        "type: \"CONTACT_FLOW\" -> \"CUSTOMER_QUEUE\" (the API cannot change it)\n"
        "content: 0 actions changed, 0 new, 0 gone\n"};
    for (size_t i = 0; i < COUNTOF(kinds); i++) {
        struct side from = side_new("r1", kinds[i]), to = side_new("r2", kinds[i]);
        struct mirror_calls calls;
        struct buf words = {0};
        say(&from, is[i], "[]");
        say(&to, was[i], "[]");
        mirror_changes(from.item, to.item, &calls);
        CHECK_EQ(calls.n, 0);
        mirror_tell(from.item, to.item, &words);
        CHECK_STR(words.data, want[i]);
        mirror_calls_free(&calls);
        buf_free(&words);
        side_free(&from);
        side_free(&to);
    }
}

TAP_MAIN
