#include "amazon/mirror_calls.h"

#include <string.h>

#include "amazon/mirror_i.h"

static void add(struct mirror_calls *out, enum aws_op op, json_t *body)
{
    out->call = mem_grow(out->call, out->n + 1, sizeof *out->call);
    out->call[out->n++] = (struct mirror_call){op, body};
}

static bool differs(const struct mirror_item *from, const struct mirror_item *to, const char *name)
{
    return !mirror_same(json_object_get(from->spec, name), json_object_get(to->spec, name));
}

/* A call whose body is this one member, under the API's name. */
static void add_member(struct mirror_calls *out, enum aws_op op, const struct mirror_item *item,
                       const char *name, const char *as)
{
    json_t *body = json_object(), *v = json_object_get(item->spec, name);
    if (v)
        (void)json_object_set(body, as, v);
    add(out, op, body);
}

static json_t *named(const struct mirror_item *item)
{
    json_t *body = json_object();
    (void)json_object_set_new(body, "Name", json_string(item->name));
    mirror_copy(body, item->spec, "Description");
    return body;
}

/* The API takes no empty description, so one that is gone stays (mirror_tell says it). */
static void change_description(struct mirror_calls *out, enum aws_op op,
                               const struct mirror_item *from, const struct mirror_item *to)
{
    if (differs(from, to, "Description") && json_object_get(from->spec, "Description"))
        add(out, op, named(from));
}

/* ---- hours, flows ---- */

static json_t *hours_body(const struct mirror_item *item)
{
    json_t *body = named(item);
    mirror_copy(body, item->spec, "TimeZone");
    mirror_copy(body, item->spec, "Config");
    return body;
}

static void change_hours(const struct mirror_item *from, const struct mirror_item *to,
                         struct mirror_calls *out)
{
    if (json_equal(from->spec, to->spec))
        return;
    json_t *body = hours_body(from);
    if (differs(from, to, "Description") && !json_object_get(body, "Description"))
        (void)json_object_set_new(body, "Description", json_string("")); /* here it may be empty */
    add(out, AWS_OP_UpdateHoursOfOperation, body);
}

static json_t *content_body(const struct mirror_item *item)
{
    json_t *body = json_object();
    char *text = json_dumps(json_object_get(item->spec, "Content"), JSON_COMPACT);
    (void)json_object_set_new(body, "Content", json_string(text ? text : ""));
    mirror_release(text);
    return body;
}

static void change_flow(const struct mirror_item *from, const struct mirror_item *to,
                        struct mirror_calls *out)
{
    if (!differs(from, to, "Type") && differs(from, to, "Content"))
        add(out, AWS_OP_UpdateContactFlowContent, content_body(from));
}

/* ---- queues ---- */

/* The whole of it in one: the number is that of the instance itself. */
static void change_outbound(const struct mirror_item *from, const struct mirror_item *to,
                            struct mirror_calls *out)
{
    json_t *config, *body, *flow = json_object_get(from->spec, "OutboundFlow");
    if (!differs(from, to, "OutboundCallerIdName") && !differs(from, to, "OutboundFlow"))
        return;
    config = json_object();
    body = json_object();
    mirror_copy(config, from->spec, "OutboundCallerIdName");
    if (flow)
        (void)json_object_set(config, "OutboundFlowId", flow);
    if (to->number[0])
        (void)json_object_set_new(config, "OutboundCallerIdNumberId", json_string(to->number));
    (void)json_object_set_new(body, "OutboundCallerConfig", config);
    add(out, AWS_OP_UpdateQueueOutboundCallerConfig, body);
}

static void change_queue(const struct mirror_item *from, const struct mirror_item *to,
                         struct mirror_calls *out)
{
    change_description(out, AWS_OP_UpdateQueueName, from, to);
    if (differs(from, to, "Hours"))
        add_member(out, AWS_OP_UpdateQueueHoursOfOperation, from, "Hours", "HoursOfOperationId");
    if (differs(from, to, "MaxContacts")) /* without a number: no limit */
        add_member(out, AWS_OP_UpdateQueueMaxContacts, from, "MaxContacts", "MaxContacts");
    if (differs(from, to, "Status"))
        add_member(out, AWS_OP_UpdateQueueStatus, from, "Status", "Status");
    change_outbound(from, to, out);
}

/* ---- routing profiles ---- */

static json_t *reference(const json_t *row)
{
    json_t *ref = json_object();
    (void)json_object_set(ref, "QueueId", json_object_get(row, "Queue"));
    mirror_copy(ref, row, "Channel");
    return ref;
}

static json_t *queue_config(const json_t *row)
{
    json_t *config = json_object();
    (void)json_object_set_new(config, "QueueReference", reference(row));
    mirror_copy(config, row, "Priority");
    mirror_copy(config, row, "Delay");
    return config;
}

enum change { GAINED, CHANGED, LOST };

/* How `a` is to become as `b`: the rows of b that a lacks or has otherwise, or those that only a
 * has, in batches. */
static void change_rows(const json_t *a, const json_t *b, enum change what,
                        struct mirror_calls *out)
{
    static const struct {
        enum aws_op op;
        const char *member;
    } calls[] = {[GAINED] = {AWS_OP_AssociateRoutingProfileQueues, "QueueConfigs"},
                 [CHANGED] = {AWS_OP_UpdateRoutingProfileQueues, "QueueConfigs"},
                 [LOST] = {AWS_OP_DisassociateRoutingProfileQueues, "QueueReferences"}};
    const json_t *all = what == LOST ? a : b, *others = what == LOST ? b : a;
    json_t *batch = NULL;
    for (size_t i = 0; i < json_array_size(all); i++) {
        const json_t *row = json_array_get(all, i);
        json_t *other = mirror_row(others, row);
        if (what == CHANGED ? !other || json_equal(other, row) : other != NULL)
            continue;
        if (!batch || json_array_size(batch) == MIRROR_BATCH) {
            json_t *body = json_object();
            batch = json_array();
            (void)json_object_set_new(body, calls[what].member, batch);
            add(out, calls[what].op, body);
        }
        (void)json_array_append_new(batch, what == LOST ? reference(row) : queue_config(row));
    }
}

static bool has_channel(const json_t *concurrencies, const json_t *channel)
{
    for (size_t i = 0; i < json_array_size(concurrencies); i++)
        if (mirror_same(json_object_get(json_array_get(concurrencies, i), "Channel"), channel))
            return true;
    return false;
}

/* What the profile takes while queues of a channel that it loses are still with it. */
static json_t *both_concurrencies(const json_t *from, const json_t *to)
{
    json_t *both = json_copy((json_t *)from); /* only its reference count changes */
    for (size_t i = 0; i < json_array_size(to); i++) {
        json_t *m = json_array_get(to, i);
        if (!has_channel(from, json_object_get(m, "Channel")))
            (void)json_array_append(both, m);
    }
    return both;
}

static void set_concurrency(struct mirror_calls *out, json_t *concurrencies)
{
    json_t *body = json_object();
    (void)json_object_set_new(body, "MediaConcurrencies", concurrencies);
    add(out, AWS_OP_UpdateRoutingProfileConcurrency, body);
}

static void change_profile(const struct mirror_item *from, const struct mirror_item *to,
                           struct mirror_calls *out)
{
    const json_t *a = json_object_get(to->spec, "Queues"),
                 *b = json_object_get(from->spec, "Queues");
    json_t *wanted = json_object_get(from->spec, "MediaConcurrencies");
    json_t *both = both_concurrencies(wanted, json_object_get(to->spec, "MediaConcurrencies"));
    bool narrower = json_array_size(both) > json_array_size(wanted);
    size_t gained = 0;
    for (size_t i = 0; i < json_array_size(b); i++)
        gained += mirror_row(a, json_array_get(b, i)) == NULL;
    bool full = json_array_size(a) + gained > MIRROR_QUEUES_QUOTA;
    change_description(out, AWS_OP_UpdateRoutingProfileName, from, to);
    if (differs(from, to, "MediaConcurrencies"))
        set_concurrency(out, json_incref(both));
    if (full)
        change_rows(a, b, LOST, out);
    change_rows(a, b, GAINED, out);
    change_rows(a, b, CHANGED, out);
    if (differs(from, to, "DefaultOutboundQueue"))
        add_member(out, AWS_OP_UpdateRoutingProfileDefaultOutboundQueue, from,
                   "DefaultOutboundQueue", "DefaultOutboundQueueId");
    if (!full)
        change_rows(a, b, LOST, out);
    if (narrower)
        set_concurrency(out, json_incref(wanted));
    json_decref(both);
}

static json_t *profile_body(const struct mirror_item *item)
{
    json_t *body = named(item), *none = json_array();
    struct mirror_calls first = {0};
    mirror_copy(body, item->spec, "MediaConcurrencies");
    (void)json_object_set(body, "DefaultOutboundQueueId",
                          json_object_get(item->spec, "DefaultOutboundQueue"));
    if (!json_object_get(body, "Description")) /* AWS wants one */
        (void)json_object_set_new(body, "Description", json_string(item->name));
    change_rows(none, json_object_get(item->spec, "Queues"), GAINED, &first);
    if (first.n) /* AWS refuses an empty list */
        mirror_copy(body, first.call[0].body, "QueueConfigs");
    mirror_calls_free(&first);
    json_decref(none);
    return body;
}

/* ---- all kinds ---- */

json_t *mirror_creation(const struct mirror_item *item)
{
    json_t *body = NULL;
    switch (item->kind) {
    case MIRROR_HOURS: return hours_body(item);
    case MIRROR_QUEUE:
        body = named(item);
        (void)json_object_set(body, "HoursOfOperationId", json_object_get(item->spec, "Hours"));
        mirror_copy(body, item->spec, "MaxContacts");
        return body;
    case MIRROR_FLOW:
        body = content_body(item);
        (void)json_object_set_new(body, "Name", json_string(item->name));
        mirror_copy(body, item->spec, "Type");
        return body;
    case MIRROR_PROFILE: return profile_body(item);
    case MIRROR_KINDS: break;
    }
    BUG_ON(true);
    return NULL;
}

void mirror_changes(const struct mirror_item *from, const struct mirror_item *to,
                    struct mirror_calls *out)
{
    static void (*const change[MIRROR_KINDS])(const struct mirror_item *,
                                              const struct mirror_item *, struct mirror_calls *) = {
        [MIRROR_HOURS] = change_hours,
        [MIRROR_QUEUE] = change_queue,
        [MIRROR_FLOW] = change_flow,
        [MIRROR_PROFILE] = change_profile};
    *out = (struct mirror_calls){0};
    change[from->kind](from, to, out);
}

void mirror_calls_free(struct mirror_calls *c)
{
    for (uint32_t i = 0; i < c->n; i++)
        json_decref(c->call[i].body);
    mem_free(c->call);
    *c = (struct mirror_calls){0};
}
