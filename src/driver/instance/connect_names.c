/* connect_names.c - the instance's ids for what the configuration knows by name. Lists are read one
 * page after the other at a start, and again every ten minutes. */
#include "driver/instance/connect_i.h"

#include <stdio.h>

#include "base/json.h"
#include "base/log.h"

enum { NAMES_AGAIN_MS = 600000, NAMES_RETRY_MS = 2000 };

static const char *text(const json_t *o, const char *name)
{
    const char *s = json_string_value(json_object_get(o, name));
    return s ? s : "";
}

static bool take(struct named *to, const json_t *o)
{
    to->known = str_copy(to->id, sizeof to->id, text(o, "Id")) &&
                str_copy(to->arn, sizeof to->arn, text(o, "Arn")) && to->id[0];
    return to->known;
}

static void take_queue(struct connect *c, const json_t *o)
{
    const struct config *g = c->config.config;
    for (uint16_t q = 0; q < g->n_queues; q++)
        if (strcmp(g->queue[q].name, text(o, "Name")) == 0 && take(&c->names.queue[q], o))
            map64_insert(&c->names.queue_by_arn, hash_str(c->names.queue[q].arn), q);
}

static void take_profile(struct connect *c, const json_t *o)
{
    const struct config *g = c->config.config;
    for (uint16_t p = 0; p < g->n_profiles; p++)
        if (strcmp(g->profile[p].name, text(o, "Name")) == 0 && take(&c->names.profile[p], o))
            map64_insert(&c->names.profile_by_arn, hash_str(c->names.profile[p].arn), p);
}

static void take_status(struct connect *c, const json_t *o)
{
    const char *type = text(o, "Type"), *name = text(o, "Name");
    uint32_t v = strcmp(type, "ROUTABLE") == 0  ? AGENT_STATUS_ROUTABLE
                 : strcmp(type, "OFFLINE") == 0 ? AGENT_STATUS_OFFLINE
                                                : AGENT_STATUS_CUSTOM;
    map64_insert(&c->names.status_by_arn, hash_str(text(o, "Arn")), v);
    if (strcmp(name, c->config.available) == 0)
        (void)take(&c->names.available, o);
    else if (strcmp(name, c->config.offline) == 0)
        (void)take(&c->names.offline, o);
}

static void take_user(struct connect *c, const json_t *o)
{
    uint32_t i;
    const char *id = text(o, "Id");
    if (map64_find(&c->names.agent_by_name, hash_str(text(o, "Username")), &i) &&
        str_copy(c->agent[i].user, CONNECT_ID_MAX, id))
        map64_insert(&c->names.agent_by_user, hash_str(id), i);
}

static void take_flow(struct connect *c, const json_t *o)
{
    if (c->config.flow && strcmp(text(o, "Name"), c->config.flow) == 0)
        (void)take(&c->names.flow, o);
}

static const char *stream_of(const json_t *o)
{
    return text(json_object_get(o, "KinesisStreamConfig"), "StreamArn");
}

static void take_agent_stream(struct connect *c, const json_t *o)
{
    if (!c->config.agent_stream && *stream_of(o))
        c->config.agent_stream = mem_strdup(stream_of(o));
}

static void take_record_stream(struct connect *c, const json_t *o)
{
    if (!c->config.record_stream && *stream_of(o))
        c->config.record_stream = mem_strdup(stream_of(o));
}

static const struct list {
    enum aws_op op;
    const char *query, *member;
    void (*take)(struct connect *c, const json_t *o);
} lists[] = {
    {AWS_OP_ListInstanceStorageConfigs, "resourceType=AGENT_EVENTS", "StorageConfigs",
     take_agent_stream},
    {AWS_OP_ListInstanceStorageConfigs, "resourceType=CONTACT_TRACE_RECORDS", "StorageConfigs",
     take_record_stream},
    {AWS_OP_ListQueues, "queueTypes=STANDARD&maxResults=1000", "QueueSummaryList", take_queue},
    {AWS_OP_ListRoutingProfiles, "maxResults=1000", "RoutingProfileSummaryList", take_profile},
    {AWS_OP_ListAgentStatuses, "maxResults=1000", "AgentStatusSummaryList", take_status},
    {AWS_OP_ListUsers, "maxResults=1000", "UserSummaryList", take_user},
    {AWS_OP_ListContactFlows, "maxResults=1000", "ContactFlowSummaryList", take_flow},
};

static void ask_page(struct connect *c);

/* Whatever the configuration names and the instance has not: said once, since nothing goes there.
 */
static void complain(const struct connect *c)
{
    const struct config *g = c->config.config;
    for (uint16_t q = 0; q < g->n_queues; q++)
        if (!c->names.queue[q].known)
            log_warn("connect", "the instance has no queue of this name",
                     LF_S("region", c->config.region), LF_S("queue", g->queue[q].name));
    for (uint16_t p = 0; p < g->n_profiles; p++)
        if (!c->names.profile[p].known)
            log_warn("connect", "the instance has no routing profile of this name",
                     LF_S("region", c->config.region), LF_S("profile", g->profile[p].name));
    if (c->config.flow && !c->names.flow.known)
        log_warn("connect", "the instance has no flow of this name",
                 LF_S("region", c->config.region), LF_S("flow", c->config.flow));
}

static void all_named(struct connect *c)
{
    if (!c->state.named)
        complain(c);
    c->state.named = true;
    c->names_due = (td_ms)uv_now(c->loop) + NAMES_AGAIN_MS;
    connect__streams_begin(c, c->config.agent_stream, c->config.record_stream);
}

static void on_page(void *arg, const struct aws_reply *r)
{
    struct connect *c = arg;
    const struct list *l = &lists[c->names.step];
    const json_t *items = json_object_get(r->body, l->member);
    c->names_call = 0;
    if (r->class != AWS_OK) {
        c->names_due = (td_ms)uv_now(c->loop) + NAMES_RETRY_MS;
        return;
    }
    for (size_t i = 0; i < json_array_size(items); i++)
        l->take(c, json_array_get(items, i));
    const char *token = text(r->body, "NextToken");
    mem_free(c->names.token);
    c->names.token = *token ? mem_strdup(token) : NULL;
    if (!c->names.token && ++c->names.step == COUNTOF(lists)) {
        c->names.step = 0;
        all_named(c);
        return;
    }
    ask_page(c);
}

static void ask_page(struct connect *c)
{
    const struct list *l = &lists[c->names.step];
    struct buf query = {0};
    buf_str(&query, l->query);
    if (c->names.token) {
        buf_str(&query, "&nextToken=");
        sigv4_encode(&query, HTTP_SPAN(c->names.token), false);
    }
    c->names_call =
        aws_call(c->config.aws,
                 &(struct aws_call_spec){.op = l->op,
                                         .region = c->config.region,
                                         .label = {c->config.instance_id},
                                         .query = query.data,
                                         .priority = c->state.named ? AWS_POLL : AWS_CONTACT},
                 on_page, c);
    buf_free(&query);
}

void connect__names_begin(struct connect *c)
{
    const struct config *g = c->config.config;
    if (c->names_call)
        return;
    if (!c->names.queue) {
        c->names.queue = mem_new(g->n_queues, sizeof *c->names.queue);
        c->names.profile = mem_new(g->n_profiles, sizeof *c->names.profile);
        for (uint32_t i = 0; i < g->n_agents; i++)
            map64_insert(&c->names.agent_by_name, g->agent[i].key, i);
    }
    c->names_due = INT64_MAX;
    ask_page(c);
}

void connect__names_free(struct connect *c)
{
    mem_free(c->names.queue);
    mem_free(c->names.profile);
    mem_free(c->names.token);
    map64_free(&c->names.queue_by_arn);
    map64_free(&c->names.profile_by_arn);
    map64_free(&c->names.status_by_arn);
    map64_free(&c->names.agent_by_user);
    map64_free(&c->names.agent_by_name);
}

uint16_t connect__queue_of(const struct connect *c, const char *arn_or_name)
{
    const struct config *g = c->config.config;
    uint32_t q;
    if (map64_find(&c->names.queue_by_arn, hash_str(arn_or_name), &q))
        return (uint16_t)q;
    for (uint16_t i = 0; i < g->n_queues; i++)
        if (strcmp(g->queue[i].name, arn_or_name) == 0)
            return i;
    return INDEX_NONE;
}

/* By the id at the end of his ARN; by his name when the list of users does not have him yet. */
uint32_t connect__agent_of(const struct connect *c, const char *arn, const char *username)
{
    struct http_span id = arn_id(HTTP_SPAN(arn));
    uint32_t i;
    if (map64_find(&c->names.agent_by_user, hash_bytes(id.p, id.n), &i))
        return i;
    return *username && map64_find(&c->names.agent_by_name, hash_str(username), &i) ? i : NO_AGENT;
}

enum agent_status_type connect__status_of(const struct connect *c, const char *arn)
{
    uint32_t v;
    if (map64_find(&c->names.status_by_arn, hash_str(arn), &v))
        return (enum agent_status_type)v;
    return AGENT_STATUS_CUSTOM;
}
