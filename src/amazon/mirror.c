#include "amazon/mirror.h"

#include "base/mem.h" /* before uv.h, which may define MIN and MAX again */

#include <jansson.h>
#include <stdio.h>
#include <uv.h>

/* ---- a call, waited for ---- */

struct waiting {
    uv_loop_t *loop;
    bool done;
    enum aws_class class;
    bool unknown;
    char code[AWS_CODE_MAX];
    json_t *body;
};

static void told(void *arg, const struct aws_reply *r)
{
    struct waiting *w = arg;
    w->done = true;
    uv_stop(w->loop); /* a loop that has done its timers would wait for a socket first */
    w->class = r->class;
    w->unknown = r->unknown;
    (void)str_copy(w->code, sizeof w->code, r->code);
    w->body = json_incref(r->body);
}

/* The reply's object, the caller's; NULL: io->problem. */
static json_t *call(struct mirror_io *io, struct aws_call_spec spec, const char *what)
{
    struct waiting w = {.loop = io->loop};
    spec.priority = AWS_MIRROR;
    spec.within_ms = 120000; /* its turn may be a long time off */
    (void)aws_call(io->aws, &spec, told, &w);
    while (!w.done)
        (void)uv_run(io->loop, UV_RUN_DEFAULT);
    if (w.class == AWS_OK)
        return w.body ? w.body : json_object();
    (void)snprintf(io->problem, sizeof io->problem, "%s: %s in %s: %s%s%s%s", what,
                   aws_operations[spec.op].name, spec.region, aws_class_names[w.class],
                   *w.code ? " " : "", w.code,
                   w.unknown ? "; it may have been done: look again" : "");
    json_decref(w.body);
    return NULL;
}

static const char *text(const json_t *o, const char *name)
{
    const char *s = json_string_value(json_object_get(o, name));
    return s ? s : "";
}

/* ---- reading ---- */

static const struct {
    enum aws_op list, describe;
    const char *query, *summaries, *member;
} kinds[MIRROR_KINDS] = {
    [MIRROR_HOURS] = {AWS_OP_ListHoursOfOperations, AWS_OP_DescribeHoursOfOperation,
                      "maxResults=1000", "HoursOfOperationSummaryList", "HoursOfOperation"},
    [MIRROR_QUEUE] = {AWS_OP_ListQueues, AWS_OP_DescribeQueue,
                      "queueTypes=STANDARD&maxResults=1000", "QueueSummaryList", "Queue"},
    [MIRROR_FLOW] = {AWS_OP_ListContactFlows, AWS_OP_DescribeContactFlow, "maxResults=1000",
                     "ContactFlowSummaryList", "ContactFlow"},
    [MIRROR_PROFILE] = {AWS_OP_ListRoutingProfiles, AWS_OP_DescribeRoutingProfile,
                        "maxResults=1000", "RoutingProfileSummaryList", "RoutingProfile"},
};

/* All pages of a list into one array; NULL: io->problem. */
static json_t *list(struct mirror_io *io, const struct mirror_inventory *v, enum aws_op op,
                    const char *second, const char *query, const char *member, const char *what)
{
    json_t *all = json_array(), *page;
    struct buf q = {0};
    bool more = true;
    buf_str(&q, query);
    while (more &&
           (page = call(
                io,
                (struct aws_call_spec){
                    .op = op, .region = v->region, .label = {v->instance, second}, .query = q.data},
                what))) {
        const char *token = text(page, "NextToken");
        (void)json_array_extend(all, json_object_get(page, member));
        more = *token != '\0';
        buf_reset(&q);
        buf_fmt(&q, "%s&nextToken=", query);
        sigv4_encode(&q, HTTP_SPAN(token), false);
        json_decref(page);
    }
    buf_free(&q);
    if (!more)
        return all;
    json_decref(all);
    return NULL;
}

static bool read_list(struct mirror_io *io, struct mirror_inventory *v, enum mirror_kind kind)
{
    json_t *all = list(io, v, kinds[kind].list, NULL, kinds[kind].query, kinds[kind].summaries,
                       mirror_kind_names[kind]);
    bool ok = all != NULL;
    for (size_t i = 0; i < json_array_size(all) && ok; i++) {
        const json_t *o = json_array_get(all, i);
        ok = mirror_add(v, kind, text(o, "Name"), text(o, "Id"), text(o, "Arn")) != NULL;
        if (!ok)
            (void)snprintf(io->problem, sizeof io->problem, "%s: too many, or without a name",
                           mirror_kind_names[kind]);
    }
    json_decref(all);
    return ok;
}

static bool read_item(struct mirror_io *io, struct mirror_inventory *v, struct mirror_item *item)
{
    json_t *queues = NULL;
    json_t *said = call(io,
                        (struct aws_call_spec){.op = kinds[item->kind].describe,
                                               .region = v->region,
                                               .label = {v->instance, item->id}},
                        item->name);
    if (said && item->kind == MIRROR_PROFILE) {
        queues = list(io, v, AWS_OP_ListRoutingProfileQueues, item->id, "maxResults=100",
                      "RoutingProfileQueueConfigSummaryList", item->name);
        if (!queues) {
            json_decref(said);
            return false;
        }
    }
    bool ok = said && mirror_take(v, item, json_object_get(said, kinds[item->kind].member), queues);
    if (said && !ok)
        (void)snprintf(io->problem, sizeof io->problem, "%s: an answer without it", item->name);
    json_decref(said);
    json_decref(queues);
    return ok;
}

bool mirror_read(struct mirror_io *io, struct mirror_inventory *v)
{
    for (int k = 0; k < MIRROR_KINDS; k++) /* all ids before anything that refers to them */
        if (!read_list(io, v, (enum mirror_kind)k))
            return false;
    for (uint32_t i = 0; i < v->n; i++)
        if (!read_item(io, v, &v->item[i]))
            return false;
    return true;
}

/* ---- doing ---- */

static void copy_member(json_t *to, const json_t *from, const char *name)
{
    json_t *v = json_object_get(from, name);
    if (v)
        (void)json_object_set(to, name, v);
}

static json_t *queue_configs(const json_t *queues)
{
    json_t *out = json_array();
    for (size_t i = 0; i < json_array_size(queues); i++) {
        const json_t *q = json_array_get(queues, i);
        json_t *ref = json_object(), *o = json_object();
        (void)json_object_set(ref, "QueueId", json_object_get(q, "Queue"));
        copy_member(ref, q, "Channel");
        (void)json_object_set_new(o, "QueueReference", ref);
        copy_member(o, q, "Priority");
        copy_member(o, q, "Delay");
        (void)json_array_append_new(out, o);
    }
    return out;
}

static void release(char *s)
{
    void (*fn)(void *) = NULL;
    json_get_alloc_funcs(NULL, &fn);
    if (s)
        fn(s);
}

/* The body of Create... or Update..., still with names instead of ids. */
static json_t *body_of(const struct mirror_item *item, bool create)
{
    json_t *o = json_object();
    const json_t *s = item->spec;
    if (create || item->kind == MIRROR_HOURS)
        (void)json_object_set_new(o, "Name", json_string(item->name));
    if (item->kind == MIRROR_FLOW) {
        char *content = json_dumps(json_object_get(s, "Content"), JSON_COMPACT);
        if (create)
            copy_member(o, s, "Type");
        (void)json_object_set_new(o, "Content", json_string(content ? content : ""));
        release(content);
        return o;
    }
    copy_member(o, s, "Description");
    copy_member(o, s, "TimeZone");
    copy_member(o, s, "Config");
    copy_member(o, s, "MaxContacts");
    copy_member(o, s, "MediaConcurrencies");
    if (json_object_get(s, "Hours"))
        (void)json_object_set(o, "HoursOfOperationId", json_object_get(s, "Hours"));
    if (item->kind == MIRROR_PROFILE) {
        (void)json_object_set(o, "DefaultOutboundQueueId",
                              json_object_get(s, "DefaultOutboundQueue"));
        (void)json_object_set_new(o, "QueueConfigs", queue_configs(json_object_get(s, "Queues")));
        if (!json_object_get(o, "Description")) /* AWS wants one */
            (void)json_object_set_new(o, "Description", json_string(item->name));
    }
    return o;
}

static const struct {
    enum aws_op create, update;
    const char *id, *arn;
} makers[MIRROR_KINDS] = {
    [MIRROR_HOURS] = {AWS_OP_CreateHoursOfOperation, AWS_OP_UpdateHoursOfOperation,
                      "HoursOfOperationId", "HoursOfOperationArn"},
    [MIRROR_QUEUE] = {AWS_OP_CreateQueue, AWS_OPS, "QueueId", "QueueArn"},
    [MIRROR_FLOW] = {AWS_OP_CreateContactFlow, AWS_OP_UpdateContactFlowContent, "ContactFlowId",
                     "ContactFlowArn"},
    [MIRROR_PROFILE] = {AWS_OP_CreateRoutingProfile, AWS_OPS, "RoutingProfileId",
                        "RoutingProfileArn"},
};

bool mirror_do(struct mirror_io *io, const struct mirror_step *step, struct mirror_inventory *to)
{
    const struct mirror_item *item = step->from;
    bool create = step->type == MIRROR_CREATE, ok = false;
    char missing[MIRROR_NAME_MAX];
    struct buf b = {0};
    BUG_ON(!create && step->type != MIRROR_UPDATE);
    json_t *o = body_of(item, create);
    char *names = json_dumps(o, JSON_COMPACT);
    json_decref(o);
    if (!mirror_to_ids(to, names, &b, missing)) {
        (void)snprintf(io->problem, sizeof io->problem, "%s: refers to %s, which is not there",
                       item->name, missing);
    } else {
        struct aws_call_spec spec = {.op = create ? makers[item->kind].create
                                                  : makers[item->kind].update,
                                     .region = to->region,
                                     .label = {to->instance, create ? NULL : step->to->id},
                                     .body = {b.data, b.len}};
        json_t *reply = call(io, spec, item->name);
        ok = reply &&
             (!create || mirror_add(to, item->kind, item->name, text(reply, makers[item->kind].id),
                                    text(reply, makers[item->kind].arn)));
        json_decref(reply);
    }
    release(names);
    buf_free(&b);
    return ok;
}
