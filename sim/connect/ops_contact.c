/* ops_contact.c - contacts: starting, stopping, transferring, describing, attributes and tags.
 *
 * A contact of a pair can be described in either region, and changed only in the one where it is
 * (InvalidActiveRegionException). */
#include "connect/ops.h"

#include <stdio.h>
#include <string.h>

enum {
    ATTRIBUTES_BYTES_MAX = 32768, /* of a contact, keys and values together */
    TRANSFERS_MAX = 11,
    TAGS_MAX = 6, /* user-defined ones of a contact */
};

/* ---- finding ---- */

static struct contact *any_contact(struct call *c, const char *member)
{
    struct contact *k = contact_find(c->instance, arg_str(c, member));
    if (!k)
        call_fail(c,
                  c->op->errors >> EX_ContactNotFoundException & 1 ? EX_ContactNotFoundException
                                                                   : EX_ResourceNotFoundException,
                  "Contact not found.");
    return k;
}

/* One that is to be changed: it must be here. */
static struct contact *contact_here(struct call *c, const char *member)
{
    struct contact *k = any_contact(c, member);
    if (!k || k->at == c->instance)
        return k;
    if (c->op->errors >> EX_InvalidActiveRegionException & 1)
        call_fail(c, EX_InvalidActiveRegionException, "The contact's active region is %s.",
                  k->at->region->name);
    else
        call_invalid(c, "The contact's active region is %s.", k->at->region->name);
    return NULL;
}

static void put_contact_arn(struct call *c, const char *key, const struct contact *k)
{
    char arn[ARN_MAX], id[ID_TEXT];
    instance_arn(c->instance, arn);
    id_print(k->id, id);
    size_t n = strlen(arn);
    snprintf(arn + n, sizeof arn - n, "/contact/%s", id);
    put_str(c, key, arn);
}

/* ---- starting ---- */

static size_t attributes_bytes(const json_t *attributes)
{
    size_t n = 0;
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)attributes, key, v) n += strlen(key) + json_string_length(v);
    return n;
}

static bool attributes_fit(struct call *c, const json_t *attributes)
{
    if (attributes_bytes(attributes) <= ATTRIBUTES_BYTES_MAX)
        return true;
    call_invalid(c, "Attributes: are more than 32 KB.");
    return false;
}

static struct flow *arg_flow(struct call *c)
{
    struct flow *f = (struct flow *)arg_res(c, RES_FLOW, "ContactFlowId");
    if (f && (!f->published || !f->active)) {
        call_invalid(c, "ContactFlowId: the flow is not published.");
        return NULL;
    }
    return f;
}

/* The contact that RelatedContactId or PreviousContactId names; none, if it is not given. */
static bool arg_contact_id(struct call *c, const char *member, struct td_id *id)
{
    const char *text = arg_str(c, member);
    *id = (struct td_id){0, 0};
    if (!text)
        return true;
    struct contact *k = contact_find(c->instance, text);
    if (k)
        *id = k->id;
    else
        call_fail(c, EX_ResourceNotFoundException, "%s: contact not found.", member);
    return k != NULL;
}

static void put_own_texts(struct call *c, struct contact *k)
{
    const char *name = arg_str(c, "Name"), *description = arg_str(c, "Description");
    if (name) {
        mem_free(k->name);
        k->name = mem_strdup(name);
    }
    if (description) {
        mem_free(k->description);
        k->description = mem_strdup(description);
    }
    if (arg(c, "References")) {
        json_t *all = k->references ? json_copy(k->references) : json_object();
        json_object_update(all, arg(c, "References"));
        json_decref(k->references);
        k->references = all;
    }
    if (arg(c, "SegmentAttributes")) {
        json_t *all = k->segments ? json_copy(k->segments) : json_object();
        json_object_update(all, arg(c, "SegmentAttributes"));
        json_decref(k->segments);
        k->segments = all;
    }
}

/* A contact is given what it starts with before its flow sees it. */
struct prepared {
    struct call *c;
};

static void prepare(void *arg_, struct contact *k)
{
    struct call *c = ((struct prepared *)arg_)->c;
    k->attributes = json_incref(arg(c, "Attributes"));
    put_own_texts(c, k);
}

/* *id: the contact that was started, or that this ClientToken started before. */
static bool start(struct call *c, struct contact_start *s, enum api_error full, struct td_id *id)
{
    struct prepared p = {c};
    if (token_seen(c, id))
        return true;
    if (c->taken || !attributes_fit(c, arg(c, "Attributes")) ||
        !arg_contact_id(c, "RelatedContactId", &s->related))
        return false;
    s->prepare = prepare;
    s->prepare_arg = &p;
    if (!contact_begin_id(c->instance, s, id)) {
        call_fail(c, full, "The instance's quota of concurrent contacts is reached.");
        return false;
    }
    token_keep(c, *id);
    return true;
}

void op_start_chat_contact(struct call *c)
{
    struct contact_start s = {.channel = CHANNEL_CHAT, .method = METHOD_API};
    struct td_id id;
    char token[80];
    s.flow = arg_flow(c);
    if (!s.flow || !start(c, &s, EX_LimitExceededException, &id))
        return;
    /* The participant is the contact's customer; whoever has the token is that customer. */
    struct td_id participant = {id.hi ^ 0x70617274, id.lo};
    snprintf(token, sizeof token, "connectsim-%016llx%016llx",
             (unsigned long long)mix64(id.hi ^ center_secret(c->center)),
             (unsigned long long)mix64(id.lo + center_secret(c->center)));
    put_id(c, "ContactId", id);
    put_id(c, "ParticipantId", participant);
    put_str(c, "ParticipantToken", token);
}

/* ---- tasks ---- */

struct scheduled { /* a task whose time has not come */
    struct td_id id;
    struct instance *instance;
};

static void task_is_due(void *arg_)
{
    struct scheduled *t = arg_;
    char id[ID_TEXT];
    id_print(t->id, id);
    struct contact *k = contact_find(t->instance, id);
    if (k && k->state == CONTACT_IN_FLOW)
        contact_run_flow(k);
}

/* Where a task goes: a flow, or a quick connect to a queue or an agent with its flow. */
static bool task_target(struct call *c, struct contact_start *s)
{
    const char *flow = arg_str(c, "ContactFlowId"), *quick = arg_str(c, "QuickConnectId");
    if (arg_str(c, "TaskTemplateId")) {
        call_fail(c, EX_NotImplementedException,
                  "Task templates are not implemented by connectsim.");
        return false;
    }
    if (!flow == !quick) {
        call_invalid(c, "Exactly one of ContactFlowId and QuickConnectId is required.");
        return false;
    }
    if (flow) {
        s->flow = arg_flow(c);
        return s->flow != NULL;
    }
    struct quick_connect *q =
        (struct quick_connect *)arg_res(c, RES_QUICK_CONNECT, "QuickConnectId");
    if (!q)
        return false;
    const json_t *to = json_object_get(q->config, "QueueConfig");
    if (!to) {
        call_invalid(c, "QuickConnectId: tasks go to quick connects of queues here.");
        return false;
    }
    s->queue =
        (struct queue *)need_res(c, RES_QUEUE, json_string_value(json_object_get(to, "QueueId")));
    s->flow = (struct flow *)need_res(c, RES_FLOW,
                                      json_string_value(json_object_get(to, "ContactFlowId")));
    return s->queue && s->flow;
}

void op_start_task_contact(struct call *c)
{
    struct contact_start s = {.channel = CHANNEL_TASK, .method = METHOD_API};
    const json_t *when = arg(c, "ScheduledTime");
    td_ms now = center_now(c->center);
    struct td_id id;
    if (!task_target(c, &s) || !arg_contact_id(c, "PreviousContactId", &s.previous))
        return;
    s.initial = s.previous;
    if (when)
        s.scheduled_at = (td_ms)(json_number_value(when) * MS_PER_S);
    if (when && (s.scheduled_at <= now || s.scheduled_at > now + 6ll * MS_PER_DAY)) {
        call_invalid(c, "ScheduledTime: must be in the next six days.");
        return;
    }
    if (!start(c, &s, EX_ServiceQuotaExceededException, &id))
        return;
    if (when) {
        struct scheduled *t = mem_new(1, sizeof *t);
        *t = (struct scheduled){id, c->instance};
        center_at_own(c->center, s.scheduled_at, task_is_due, t);
    }
    put_id(c, "ContactId", id);
}

/* ---- outbound calls ---- */

static bool is_e164(const char *s)
{
    size_t n = strlen(s);
    return s[0] == '+' && s[1] >= '1' && s[1] <= '9' && n >= 4 && n <= 16 &&
           strspn(s + 1, "0123456789") == n - 1;
}

/* Premium-rate and satellite numbers, which AWS does not call without being asked first. */
static bool may_be_called(const char *number)
{
    static const char *const not_[] = {"+1900", "+881", "+882", "+883", "+979"};
    for (size_t i = 0; i < COUNTOF(not_); i++)
        if (strncmp(number, not_[i], strlen(not_[i])) == 0)
            return false;
    return true;
}

void op_start_outbound_voice_contact(struct call *c)
{
    const char *to = arg_str(c, "DestinationPhoneNumber"), *from = arg_str(c, "SourcePhoneNumber");
    struct contact_start s = {
        .channel = CHANNEL_VOICE, .method = METHOD_OUTBOUND, .customer_address = to};
    const char *on = json_string_value(json_object_get(c->instance->attribute, "OUTBOUND_CALLS"));
    struct td_id id;
    if (!is_e164(to))
        call_invalid(c, "DestinationPhoneNumber: must be in E.164 format.");
    else if (!may_be_called(to))
        call_fail(c, EX_DestinationNotAllowedException,
                  "Outbound calls to the destination number are not allowed.");
    else if (!on || strcmp(on, "true") != 0)
        call_fail(c, EX_OutboundContactNotPermittedException,
                  "The contact is not permitted: outbound calls are off.");
    if (c->taken)
        return;
    s.flow = arg_flow(c);
    if (!s.flow)
        return;
    if (arg_str(c, "QueueId")) {
        s.queue = (struct queue *)arg_res(c, RES_QUEUE, "QueueId");
        if (!s.queue)
            return;
    }
    if (from) {
        s.number = (struct number *)res_named(c->instance, RES_NUMBER, from);
        if (!s.number)
            call_invalid(c, "SourcePhoneNumber: is not claimed by the instance.");
    } else if (!s.queue) {
        call_invalid(c, "SourcePhoneNumber or QueueId is required.");
    }
    if (!c->taken && start(c, &s, EX_LimitExceededException, &id))
        put_id(c, "ContactId", id);
}

/* ---- stopping and transferring ---- */

void op_stop_contact(struct call *c)
{
    struct contact *k = contact_here(c, "ContactId");
    if (!k)
        return;
    if (k->state == CONTACT_COMPLETED || k->disconnected_at) {
        call_fail(c, EX_ContactNotFoundException, "The contact is over.");
        return;
    }
    if (k->channel == CHANNEL_VOICE &&
        (k->method == METHOD_TRANSFER || k->method == METHOD_QUEUE_TRANSFER ||
         k->method == METHOD_EXTERNAL_OUTBOUND || k->method == METHOD_DISCONNECT)) {
        call_invalid(c, "A voice contact with the initiation method %s cannot be stopped.",
                     contact_method_names[k->method]);
        return;
    }
    contact_end(k, "API");
}

void op_transfer_contact(struct call *c)
{
    struct contact *k = contact_here(c, "ContactId"), *next;
    struct flow *f = k ? arg_flow(c) : NULL;
    struct queue *q = NULL;
    struct user *u = NULL;
    struct td_id id;
    if (!f)
        return;
    if (!arg_str(c, "QueueId") == !arg_str(c, "UserId"))
        call_invalid(c, "Exactly one of QueueId and UserId is required.");
    else if (k->channel != CHANNEL_TASK && k->channel != CHANNEL_EMAIL)
        call_invalid(c, "Only tasks and emails can be transferred.");
    else if (k->disconnected_at && !token_seen(c, &id))
        call_invalid(c, "The contact is over.");
    else if (k->transfers >= TRANSFERS_MAX)
        call_fail(c, EX_ServiceQuotaExceededException, "A contact is transferred at most %d times.",
                  TRANSFERS_MAX);
    else if (arg_str(c, "QueueId"))
        q = (struct queue *)arg_res(c, RES_QUEUE, "QueueId");
    else
        u = (struct user *)arg_res(c, RES_USER, "UserId");
    if (c->taken)
        return;
    if (token_seen(c, &id)) {
        char text[ID_TEXT];
        id_print(id, text);
        next = contact_find(c->instance, text);
    } else {
        for (uint16_t n = 0; u && !q && n < u->profile->cfg.n_queues; n++)
            if (u->profile->cfg.queues[n].channel == k->channel)
                q = (struct queue *)u->r.mirror->list[RES_QUEUE]
                        .item[u->profile->cfg.queues[n].queue];
        if (!q) {
            call_invalid(c, "UserId: the agent does not take this channel.");
            return;
        }
        next = contact_transfer(k, q, f, u);
        if (next)
            token_keep(c, next->id);
    }
    if (!next) {
        call_fail(c, EX_ServiceQuotaExceededException,
                  "The instance's quota of concurrent contacts is reached.");
        return;
    }
    put_id(c, "ContactId", next->id);
    put_contact_arn(c, "ContactArn", next);
}

/* ---- attributes: of the whole chain that began with a contact ---- */

static struct contact *last_of_chain(const struct call *c, struct contact *k)
{
    for (int n = 0; n < 64 && !id_none(k->next); n++) {
        char id[ID_TEXT];
        id_print(k->next, id);
        struct contact *next = contact_find(c->instance, id);
        if (!next)
            break;
        k = next;
    }
    return k;
}

void op_get_contact_attributes(struct call *c)
{
    struct contact *k = any_contact(c, "InitialContactId");
    if (!k)
        return;
    k = last_of_chain(c, k);
    jw_key(&c->w, "Attributes");
    if (k->attributes) {
        put_json_item(c, k->attributes);
        return;
    }
    jw_obj(&c->w);
    jw_end(&c->w);
}

void op_update_contact_attributes(struct call *c)
{
    struct contact *k = contact_here(c, "InitialContactId");
    if (!k)
        return;
    k = last_of_chain(c, k);
    json_t *all = k->attributes ? json_copy(k->attributes) : json_object();
    json_object_update(all, arg(c, "Attributes"));
    if (!attributes_fit(c, all)) {
        json_decref(all);
        return;
    }
    json_decref(k->attributes);
    k->attributes = all;
    contact_update(k);
}

void op_update_contact(struct call *c)
{
    struct contact *k = contact_here(c, "ContactId");
    if (!k)
        return;
    if (arg(c, "QueueInfo") || arg(c, "UserInfo") || arg(c, "CustomerEndpoint") ||
        arg(c, "SystemEndpoint") || arg(c, "AdditionalRecipients")) {
        call_fail(c, EX_NotImplementedException,
                  "Only Name, Description, References and SegmentAttributes are implemented by "
                  "connectsim.");
        return;
    }
    put_own_texts(c, k);
    contact_update(k);
}

/* ---- routing ---- */

static bool take_criteria(struct call *c, struct contact *k)
{
    const json_t *steps = json_object_get(arg(c, "RoutingCriteria"), "Steps");
    json_t *step, *out = json_array();
    size_t n;
    json_array_foreach(steps, n, step)
    {
        json_t *copy = json_copy(step);
        json_object_set_new(copy, "Status", json_string(n ? "INACTIVE" : "ACTIVE"));
        json_array_append_new(out, copy);
    }
    json_decref(k->criteria);
    k->criteria = json_pack("{s:o, s:f, s:i}", "Steps", out, "ActivationTimestamp",
                            (double)center_now(c->center) / MS_PER_S, "Index", 0);
    return true;
}

/* Amazon Connect's priorities have no upper bound that matters here; the engine has ten. */
void op_update_contact_routing_data(struct call *c)
{
    struct contact *k = contact_here(c, "ContactId");
    if (!k)
        return;
    if (k->disconnected_at || k->state == CONTACT_CONNECTED || k->state == CONTACT_HELD) {
        call_fail(c, EX_ResourceConflictException, "The contact does not wait for an agent.");
        return;
    }
    if (arg(c, "QueuePriority"))
        k->priority = (uint8_t)MIN(MAX(arg_int(c, "QueuePriority", 5), 1), 10);
    if (arg(c, "QueueTimeAdjustmentSeconds"))
        k->adjust_ms = arg_int(c, "QueueTimeAdjustmentSeconds", 0) * MS_PER_S;
    if (arg(c, "RoutingCriteria"))
        take_criteria(c, k);
    contact_reprioritise(k);
    contact_update(k);
}

/* ---- tags ---- */

void op_tag_contact(struct call *c)
{
    struct contact *k = contact_here(c, "ContactId");
    const char *key;
    json_t *v;
    if (!k)
        return;
    json_object_foreach(arg(c, "Tags"), key, v) if (strncmp(key, "aws:", 4) == 0)
        call_invalid(c, "Tags: keys must not begin with aws:.");
    json_t *all = k->tags ? json_copy(k->tags) : json_object();
    json_object_update(all, arg(c, "Tags"));
    if (json_object_size(all) > TAGS_MAX)
        call_invalid(c, "Tags: a contact has at most %d.", TAGS_MAX);
    if (c->taken) {
        json_decref(all);
        return;
    }
    json_decref(k->tags);
    k->tags = all;
    contact_update(k);
}

void op_untag_contact(struct call *c)
{
    struct contact *k = contact_here(c, "ContactId");
    json_t *key;
    size_t n;
    if (!k)
        return;
    json_t *all = k->tags ? json_copy(k->tags) : json_object();
    json_array_foreach(arg(c, "TagKeys"), n, key) json_object_del(all, json_string_value(key));
    json_decref(k->tags);
    k->tags = all;
    contact_update(k);
}
