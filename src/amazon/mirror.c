#include "amazon/mirror.h"

#include "base/mem.h" /* before uv.h, which may define MIN and MAX again */

#include <stdio.h>
#include <string.h>
#include <uv.h>

#include "amazon/mirror_calls.h"
#include "amazon/mirror_i.h"

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

static const struct {
    enum aws_op create;
    const char *id, *arn;
} makers[MIRROR_KINDS] = {
    [MIRROR_HOURS] = {AWS_OP_CreateHoursOfOperation, "HoursOfOperationId", "HoursOfOperationArn"},
    [MIRROR_QUEUE] = {AWS_OP_CreateQueue, "QueueId", "QueueArn"},
    [MIRROR_FLOW] = {AWS_OP_CreateContactFlow, "ContactFlowId", "ContactFlowArn"},
    [MIRROR_PROFILE] = {AWS_OP_CreateRoutingProfile, "RoutingProfileId", "RoutingProfileArn"},
};

/* Sends the body with the ids of `to` in it; the reply, the caller's. NULL: io->problem. */
static json_t *send_named(struct mirror_io *io, const struct mirror_inventory *to, enum aws_op op,
                          const char *id, const json_t *body, const char *what)
{
    char missing[MIRROR_NAME_MAX], *names = json_dumps(body, JSON_COMPACT);
    struct buf b = {0};
    json_t *reply = NULL;
    if (mirror_to_ids(to, names ? names : "", &b, missing))
        reply = call(io,
                     (struct aws_call_spec){.op = op,
                                            .region = to->region,
                                            .label = {to->instance, id},
                                            .body = {b.data, b.len}},
                     what);
    else
        (void)snprintf(io->problem, sizeof io->problem, "%s: refers to %s, which is not there",
                       what, missing);
    mirror_release(names);
    buf_free(&b);
    return reply;
}

/* The new item, as the instance has it; NULL: io->problem. */
static struct mirror_item *create(struct mirror_io *io, const struct mirror_item *item,
                                  struct mirror_inventory *to)
{
    json_t *body = mirror_creation(item);
    json_t *reply = send_named(io, to, makers[item->kind].create, NULL, body, item->name);
    struct mirror_item *made = NULL;
    if (reply) {
        made = mirror_add(to, item->kind, item->name, text(reply, makers[item->kind].id),
                          text(reply, makers[item->kind].arn));
        if (!made)
            (void)snprintf(io->problem, sizeof io->problem, "%s: made, but without an id",
                           item->name);
    }
    json_decref(body);
    json_decref(reply);
    return made && read_item(io, to, made) ? made : NULL;
}

/* What was done is read again when not all of it could be: the next try starts from there. */
static bool change(struct mirror_io *io, const struct mirror_item *from,
                   struct mirror_inventory *to, struct mirror_item *item)
{
    struct mirror_calls calls;
    char problem[sizeof io->problem];
    bool ok = true;
    mirror_changes(from, item, &calls);
    for (uint32_t i = 0; i < calls.n && ok; i++) {
        json_t *reply =
            send_named(io, to, calls.call[i].op, item->id, calls.call[i].body, item->name);
        ok = reply != NULL;
        json_decref(reply);
        if (ok || !i)
            continue;
        memcpy(problem, io->problem, sizeof problem);
        (void)!read_item(io, to, item);
        memcpy(io->problem, problem, sizeof problem);
    }
    mirror_calls_free(&calls);
    return ok;
}

bool mirror_do(struct mirror_io *io, const struct mirror_step *step, struct mirror_inventory *to)
{
    const struct mirror_item *from = step->from;
    BUG_ON(step->type != MIRROR_CREATE && step->type != MIRROR_UPDATE);
    struct mirror_item *item = mirror_find(to, from->kind, from->name);
    if (!item)
        item = create(io, from, to);
    return item && change(io, from, to, item);
}
