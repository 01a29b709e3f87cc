/* ops_profile.c - routing profiles: which queues and channels, and how many at once. */
#include "connect/ops.h"

#include <string.h>

#include "base/rng.h"

static int channel_of(const char *name)
{
    int ch = 0;
    while (ch < CHANNELS && strcmp(channel_api_names[ch], name) != 0)
        ch++;
    return ch;
}

static struct profile *arg_profile(struct call *c)
{
    return (struct profile *)arg_res(c, RES_PROFILE, "RoutingProfileId");
}

static void changed(struct call *c, struct profile *p)
{
    res_touch(c->instance, &p->r);
    mirror_changed(c->instance->mirror);
}

/* ---- reading ---- */

void op_list_routing_profiles(struct call *c)
{
    list_resources(c, RES_PROFILE, "RoutingProfileSummaryList", "Name");
}

static uint32_t count_users(const struct profile *p)
{
    const struct res_list *l = &p->r.mirror->list[RES_USER];
    uint32_t n = 0;
    for (uint32_t i = 0; i < l->n; i++)
        n += ((struct user *)l->item[i])->profile == p;
    return n;
}

static struct queue *queue_of(const struct profile *p, uint32_t row)
{
    return (struct queue *)p->r.mirror->list[RES_QUEUE].item[p->cfg.queues[row].queue];
}

static void put_concurrency(struct call *c, const struct profile *p)
{
    jw_key(&c->w, "MediaConcurrencies");
    jw_arr(&c->w);
    for (int ch = 0; ch < CHANNELS; ch++) {
        if (!p->cfg.concurrency[ch])
            continue;
        jw_obj(&c->w);
        put_str(c, "Channel", channel_api_names[ch]);
        jw_key(&c->w, "Concurrency");
        jw_int(&c->w, p->cfg.concurrency[ch]);
        jw_end(&c->w);
    }
    jw_end(&c->w);
}

static void put_queue_ids(struct call *c, const struct profile *p)
{
    jw_key(&c->w, "AssociatedQueueIds");
    jw_arr(&c->w);
    for (uint32_t n = 0; n < p->cfg.n_queues; n++) {
        char id[ID_TEXT];
        bool seen = false;
        for (uint32_t m = 0; m < n; m++)
            seen = seen || p->cfg.queues[m].queue == p->cfg.queues[n].queue;
        id_print(queue_of(p, n)->r.id, id);
        if (!seen)
            jw_str(&c->w, id);
    }
    jw_end(&c->w);
}

void op_describe_routing_profile(struct call *c)
{
    struct profile *p = arg_profile(c);
    if (!p)
        return;
    jw_key(&c->w, "RoutingProfile");
    jw_obj(&c->w);
    put_id(c, "InstanceId", c->instance->mirror->id);
    put_str(c, "Name", p->r.name);
    put_arn(c, "RoutingProfileArn", &p->r);
    put_id(c, "RoutingProfileId", p->r.id);
    put_str(c, "Description", p->r.description);
    put_concurrency(c, p);
    put_id(c, "DefaultOutboundQueueId", p->outbound->r.id);
    put_tags(c, "Tags", &p->r);
    jw_key(&c->w, "NumberOfAssociatedQueues");
    jw_int(&c->w, p->cfg.n_queues);
    jw_key(&c->w, "NumberOfAssociatedUsers");
    jw_int(&c->w, count_users(p));
    put_str(c, "AgentAvailabilityTimer", "TIME_SINCE_LAST_ACTIVITY");
    put_modified(c, &p->r);
    put_queue_ids(c, p);
    jw_end(&c->w);
}

void op_list_routing_profile_queues(struct call *c)
{
    struct profile *p = arg_profile(c);
    uint64_t at;
    int64_t left = arg_int(c, "MaxResults", 100);
    if (!p || !token_take(c, &at))
        return;
    jw_key(&c->w, "RoutingProfileQueueConfigSummaryList");
    jw_arr(&c->w);
    for (; at < p->cfg.n_queues && left; at++, left--) {
        const struct cfg_profile_queue *row = &p->cfg.queues[at];
        const struct queue *q = queue_of(p, (uint32_t)at);
        jw_obj(&c->w);
        put_id(c, "QueueId", q->r.id);
        put_arn(c, "QueueArn", &q->r);
        put_str(c, "QueueName", q->r.name);
        jw_key(&c->w, "Priority");
        jw_int(&c->w, row->priority);
        jw_key(&c->w, "Delay");
        jw_int(&c->w, row->delay_ms / MS_PER_S);
        put_str(c, "Channel", channel_api_names[row->channel]);
        jw_end(&c->w);
    }
    jw_end(&c->w);
    if (at < p->cfg.n_queues)
        token_put(c, "NextToken", at);
    put_modified(c, &p->r);
}

/* ---- changing: each works on a copy, which counts when the whole call is right ---- */

static int find_row(const struct cfg_profile *p, uint16_t queue, int channel)
{
    for (uint16_t n = 0; n < p->n_queues; n++)
        if (p->queues[n].queue == queue && p->queues[n].channel == channel)
            return n;
    return -1;
}

static bool take_reference(struct call *c, const json_t *ref, uint16_t *queue, int *channel)
{
    struct res *q = need_res(c, RES_QUEUE, json_string_value(json_object_get(ref, "QueueId")));
    if (!q)
        return false;
    *queue = ((struct queue *)q)->index;
    *channel = channel_of(json_string_value(json_object_get(ref, "Channel")));
    return true;
}

/* Puts QueueConfigs in; `known`: each must be there already, else none may be. */
static bool take_queues(struct call *c, struct cfg_profile *p, bool known)
{
    json_t *config;
    size_t n;
    json_array_foreach(arg(c, "QueueConfigs"), n, config)
    {
        uint16_t queue;
        int channel;
        json_int_t priority = json_integer_value(json_object_get(config, "Priority"));
        json_int_t delay = json_integer_value(json_object_get(config, "Delay"));
        if (!take_reference(c, json_object_get(config, "QueueReference"), &queue, &channel))
            return false;
        int row = find_row(p, queue, channel);
        if (known ? row < 0 : row >= 0)
            call_invalid(c, "QueueConfigs[%zu]: the profile has %s queue and channel.", n,
                         known ? "no such" : "this");
        else if (!known && p->n_queues == PROFILE_QUEUES_MAX)
            call_invalid(c, "A routing profile has at most %d queues.", PROFILE_QUEUES_MAX);
        else if (!p->concurrency[channel])
            call_invalid(c, "QueueConfigs[%zu]: the profile does not take this channel.", n);
        else if (priority > 99) /* the engine's priorities are bytes; AWS allows 1 to 99 */
            call_invalid(c, "QueueConfigs[%zu]: Priority must be at most 99.", n);
        if (c->taken)
            return false;
        if (row < 0)
            row = p->n_queues++;
        p->queues[row] = (struct cfg_profile_queue){queue, (uint8_t)channel, (uint8_t)priority,
                                                    (int32_t)delay * MS_PER_S};
    }
    return true;
}

/* Voice takes one at a time; chat and task up to 10; email up to 5 (AWS's own limits). */
static bool take_concurrency(struct call *c, struct cfg_profile *p)
{
    static const json_int_t most[CHANNELS] = {1, 10, 10, 5};
    json_t *m;
    size_t n;
    memset(p->concurrency, 0, sizeof p->concurrency);
    json_array_foreach(arg(c, "MediaConcurrencies"), n, m)
    {
        int ch = channel_of(json_string_value(json_object_get(m, "Channel")));
        const json_t *given = json_object_get(m, "Concurrency");
        json_int_t v = given ? json_integer_value(given) : 1;
        if (v < 1 || v > most[ch]) {
            call_invalid(c, "MediaConcurrencies: %s takes 1 to %d.", channel_api_names[ch],
                         (int)most[ch]);
            return false;
        }
        p->concurrency[ch] = (uint8_t)v;
    }
    for (uint16_t q = 0; q < p->n_queues; q++)
        if (!p->concurrency[p->queues[q].channel]) {
            call_invalid(c, "MediaConcurrencies: a queue of the profile needs %s.",
                         channel_api_names[p->queues[q].channel]);
            return false;
        }
    return true;
}

void op_create_routing_profile(struct call *c)
{
    struct queue *out = (struct queue *)arg_res(c, RES_QUEUE, "DefaultOutboundQueueId");
    struct cfg_profile cfg = {0};
    if (!out || name_taken(c, RES_PROFILE, arg_str(c, "Name"), NULL) ||
        !take_concurrency(c, &cfg) || !take_queues(c, &cfg, false))
        return;
    if (!quota_left(c, RES_PROFILE, PROFILES_MAX, EX_LimitExceededException, "routing profiles"))
        return;
    struct profile *p = make_resource(c, RES_PROFILE);
    p->cfg = cfg;
    p->outbound = out;
    p->index = (uint16_t)(c->instance->mirror->list[RES_PROFILE].n - 1);
    id_print(p->r.id, p->cfg.name);
    p->cfg.key = hash_str(p->cfg.name);
    changed(c, p);
    put_arn(c, "RoutingProfileArn", &p->r);
    put_id(c, "RoutingProfileId", p->r.id);
}

static void change_queues(struct call *c, bool known)
{
    struct profile *p = arg_profile(c);
    if (!p)
        return;
    struct cfg_profile cfg = p->cfg;
    if (!take_queues(c, &cfg, known))
        return;
    p->cfg = cfg;
    changed(c, p);
}

void op_associate_routing_profile_queues(struct call *c)
{
    change_queues(c, false);
}

void op_update_routing_profile_queues(struct call *c)
{
    change_queues(c, true);
}

void op_disassociate_routing_profile_queues(struct call *c)
{
    struct profile *p = arg_profile(c);
    json_t *ref;
    size_t n;
    if (!p)
        return;
    struct cfg_profile cfg = p->cfg;
    json_array_foreach(arg(c, "QueueReferences"), n, ref)
    {
        uint16_t queue;
        int channel;
        if (!take_reference(c, ref, &queue, &channel))
            return;
        int row = find_row(&cfg, queue, channel);
        if (row >= 0)
            cfg.queues[row] = cfg.queues[--cfg.n_queues];
    }
    p->cfg = cfg;
    changed(c, p);
}

void op_update_routing_profile_concurrency(struct call *c)
{
    struct profile *p = arg_profile(c);
    if (!p)
        return;
    struct cfg_profile cfg = p->cfg;
    if (!take_concurrency(c, &cfg))
        return;
    p->cfg = cfg;
    changed(c, p);
}

void op_update_routing_profile_name(struct call *c)
{
    struct profile *p = arg_profile(c);
    if (p)
        rename_res(c, &p->r);
}

void op_update_routing_profile_default_outbound_queue(struct call *c)
{
    struct profile *p = arg_profile(c);
    struct queue *q = p ? (struct queue *)arg_res(c, RES_QUEUE, "DefaultOutboundQueueId") : NULL;
    if (!q)
        return;
    p->outbound = q;
    res_touch(c->instance, &p->r);
}
