/* ops_queue.c - queues, hours of operation and quick connects. */
#include "connect/ops.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/rng.h"

static struct queue *arg_queue(struct call *c)
{
    return (struct queue *)arg_res(c, RES_QUEUE, "QueueId");
}

/* ---- queues ---- */

static void put_queue(struct call *c, const struct queue *q)
{
    jw_obj(&c->w);
    put_str(c, "Name", q->r.name);
    put_arn(c, "QueueArn", &q->r);
    put_id(c, "QueueId", q->r.id);
    put_str(c, "Description", q->r.description);
    put_json(c, "OutboundCallerConfig", q->outbound);
    put_id(c, "HoursOfOperationId", q->hours->r.id);
    if (q->max_contacts) {
        jw_key(&c->w, "MaxContacts");
        jw_int(&c->w, q->max_contacts);
    }
    put_str(c, "Status", q->enabled ? "ENABLED" : "DISABLED");
    put_tags(c, "Tags", &q->r);
    put_modified(c, &q->r);
    jw_end(&c->w);
}

void op_list_queues(struct call *c)
{
    struct page p;
    bool standard = listed(arg(c, "QueueTypes"), "STANDARD");
    if (!page_begin(c, &p, RES_QUEUE, "QueueSummaryList"))
        return;
    for (struct res *r; (r = page_next(c, &p));) {
        if (!standard)
            continue;
        put_summary(c, r, "Name");
        put_str(c, "QueueType", "STANDARD");
        put_modified(c, r);
        jw_end(&c->w);
    }
    page_end(c, &p);
}

void op_describe_queue(struct call *c)
{
    struct queue *q = arg_queue(c);
    if (!q)
        return;
    jw_key(&c->w, "Queue");
    put_queue(c, q);
}

static const char *queue_field(const struct res *r, const char *field, char id[ID_TEXT])
{
    if (strcasecmp(field, "Name") == 0)
        return r->name;
    if (strcasecmp(field, "Description") == 0)
        return r->description ? r->description : "";
    if (strcasecmp(field, "QueueId") != 0)
        return NULL;
    id_print(r->id, id);
    return id;
}

void op_search_queues(struct call *c)
{
    struct search s;
    if (!search_begin(c, &s, RES_QUEUE, "Queues", queue_field))
        return;
    for (struct res *r; (r = search_next(c, &s));)
        put_queue(c, (struct queue *)r);
    search_end(c, &s);
}

/* All that QuickConnectIds names; false: one is not there, the call has failed. */
static bool take_quick_connects(struct call *c, struct res_list *l)
{
    json_t *id;
    size_t n;
    json_array_foreach(arg(c, "QuickConnectIds"), n, id)
    {
        struct res *r = need_res(c, RES_QUICK_CONNECT, json_string_value(id));
        if (!r)
            return false;
        res_list_remove(l, r);
        res_list_add(l, r);
    }
    return true;
}

/* The number and the flow that OutboundCallerConfig names are there. */
static bool check_outbound(struct call *c)
{
    const json_t *config = arg(c, "OutboundCallerConfig");
    const char *number = json_string_value(json_object_get(config, "OutboundCallerIdNumberId"));
    const char *flow = json_string_value(json_object_get(config, "OutboundFlowId"));
    return (!number || need_res(c, RES_NUMBER, number)) && (!flow || need_res(c, RES_FLOW, flow));
}

void op_create_queue(struct call *c)
{
    struct hours *h = (struct hours *)arg_res(c, RES_HOURS, "HoursOfOperationId");
    struct res_list quick = {0};
    char id[ID_TEXT];
    if (!h || name_taken(c, RES_QUEUE, arg_str(c, "Name"), NULL))
        return;
    if (!quota_left(c, RES_QUEUE, QUEUES_MAX, EX_LimitExceededException, "queues"))
        return;
    if (!check_outbound(c) || !take_quick_connects(c, &quick)) {
        mem_free(quick.item);
        return;
    }
    struct queue *q = make_resource(c, RES_QUEUE);
    id_print(q->r.id, id);
    q->cfg = (struct cfg_queue){.key = hash_str(id),
                                .residency_mask = 0xffff,
                                .target_wait_ms = 20000,
                                .target_ppm = 800000,
                                .value = 1,
                                .handle_ms = 240000,
                                .patience_ms = 180000};
    str_copy(q->cfg.name, sizeof q->cfg.name, id);
    q->index = (uint16_t)(c->instance->mirror->list[RES_QUEUE].n - 1);
    q->hours = h;
    q->enabled = true;
    q->max_contacts = (int32_t)arg_int(c, "MaxContacts", 0);
    q->outbound = json_incref(arg(c, "OutboundCallerConfig"));
    q->quick_connects = quick;
    mirror_changed(c->instance->mirror);
    put_arn(c, "QueueArn", &q->r);
    put_id(c, "QueueId", q->r.id);
}

void op_update_queue_status(struct call *c)
{
    struct queue *q = arg_queue(c);
    if (!q)
        return;
    q->enabled = strcmp(arg_str(c, "Status"), "ENABLED") == 0;
    res_touch(c->instance, &q->r);
}

void op_update_queue_name(struct call *c)
{
    struct queue *q = arg_queue(c);
    if (q)
        rename_res(c, &q->r);
}

void op_update_queue_max_contacts(struct call *c)
{
    struct queue *q = arg_queue(c);
    if (!q)
        return;
    q->max_contacts = (int32_t)arg_int(c, "MaxContacts", 0);
    res_touch(c->instance, &q->r);
}

void op_update_queue_hours_of_operation(struct call *c)
{
    struct queue *q = arg_queue(c);
    struct hours *h = q ? (struct hours *)arg_res(c, RES_HOURS, "HoursOfOperationId") : NULL;
    if (!h)
        return;
    q->hours = h;
    res_touch(c->instance, &q->r);
    mirror_changed(c->instance->mirror);
}

void op_update_queue_outbound_caller_config(struct call *c)
{
    struct queue *q = arg_queue(c);
    if (!q || !check_outbound(c))
        return;
    json_decref(q->outbound);
    q->outbound = json_incref(arg(c, "OutboundCallerConfig"));
    res_touch(c->instance, &q->r);
}

void op_associate_queue_quick_connects(struct call *c)
{
    struct queue *q = arg_queue(c);
    if (q && take_quick_connects(c, &q->quick_connects))
        res_touch(c->instance, &q->r);
}

void op_disassociate_queue_quick_connects(struct call *c)
{
    struct queue *q = arg_queue(c);
    json_t *id;
    size_t n;
    if (!q)
        return;
    json_array_foreach(arg(c, "QuickConnectIds"), n, id)
    {
        struct res *r = res_find(c->instance, RES_QUICK_CONNECT, json_string_value(id));
        if (r)
            res_list_remove(&q->quick_connects, r);
    }
    res_touch(c->instance, &q->r);
}

/* ---- quick connects ---- */

enum { QUICK_CONNECTS_QUOTA = 100 }; /* AWS's default */

static const char *quick_type(const struct res *r)
{
    return json_string_value(
        json_object_get(((const struct quick_connect *)r)->config, "QuickConnectType"));
}

static void put_quick_summaries(struct call *c, struct page *p)
{
    for (struct res *r; (r = page_next(c, p));) {
        if (!listed(arg(c, "QuickConnectTypes"), quick_type(r)))
            continue;
        put_summary(c, r, "Name");
        put_str(c, "QuickConnectType", quick_type(r));
        put_modified(c, r);
        jw_end(&c->w);
    }
    page_end(c, p);
}

static int by_seq(const void *a, const void *b)
{
    const struct res *x = *(struct res *const *)a, *y = *(struct res *const *)b;
    return x->seq < y->seq ? -1 : x->seq > y->seq;
}

void op_list_queue_quick_connects(struct call *c)
{
    struct queue *q = arg_queue(c);
    struct page p;
    if (!q)
        return;
    if (q->quick_connects.n)
        qsort(q->quick_connects.item, q->quick_connects.n, sizeof(struct res *), by_seq);
    if (!page_begin_list(c, &p, &q->quick_connects, "QuickConnectSummaryList"))
        return;
    put_quick_summaries(c, &p);
    put_modified(c, &q->r);
}

void op_list_quick_connects(struct call *c)
{
    struct page p;
    if (page_begin(c, &p, RES_QUICK_CONNECT, "QuickConnectSummaryList"))
        put_quick_summaries(c, &p);
}

/* "+", a digit that is not 0, and 2 to 14 more (ITU-T E.164). */
static bool is_e164(const char *s)
{
    size_t n = strlen(s);
    return s[0] == '+' && s[1] >= '1' && s[1] <= '9' && n >= 4 && n <= 16 &&
           strspn(s + 1, "0123456789") == n - 1;
}

static bool check_quick_connect(struct call *c, const json_t *config)
{
    static const struct {
        const char *type, *member, *id;
        enum res_kind kind;
    } forms[] = {{"USER", "UserConfig", "UserId", RES_USER},
                 {"QUEUE", "QueueConfig", "QueueId", RES_QUEUE},
                 {"PHONE_NUMBER", "PhoneConfig", NULL, RES_KINDS},
                 {"FLOW", "FlowConfig", NULL, RES_KINDS}};
    const char *type = json_string_value(json_object_get(config, "QuickConnectType"));
    for (size_t i = 0; i < COUNTOF(forms); i++) {
        const json_t *given = json_object_get(config, forms[i].member);
        if ((given != NULL) != (strcmp(forms[i].type, type) == 0)) {
            call_invalid(c, "QuickConnectConfig: %s %s with QuickConnectType %s.", forms[i].member,
                         given ? "does not go" : "is required", type);
            return false;
        }
        const char *flow = json_string_value(json_object_get(given, "ContactFlowId"));
        if ((flow && !need_res(c, RES_FLOW, flow)) ||
            (given && forms[i].id &&
             !need_res(c, forms[i].kind, json_string_value(json_object_get(given, forms[i].id)))))
            return false;
    }
    const char *number =
        json_string_value(json_object_get(json_object_get(config, "PhoneConfig"), "PhoneNumber"));
    if (number && !is_e164(number))
        call_invalid(c, "PhoneNumber: must be in E.164 format.");
    return !c->taken;
}

void op_describe_quick_connect(struct call *c)
{
    struct quick_connect *q =
        (struct quick_connect *)arg_res(c, RES_QUICK_CONNECT, "QuickConnectId");
    if (!q)
        return;
    jw_key(&c->w, "QuickConnect");
    jw_obj(&c->w);
    put_arn(c, "QuickConnectARN", &q->r);
    put_id(c, "QuickConnectId", q->r.id);
    put_str(c, "Name", q->r.name);
    put_str(c, "Description", q->r.description);
    put_json(c, "QuickConnectConfig", q->config);
    put_tags(c, "Tags", &q->r);
    put_modified(c, &q->r);
    jw_end(&c->w);
}

void op_create_quick_connect(struct call *c)
{
    if (name_taken(c, RES_QUICK_CONNECT, arg_str(c, "Name"), NULL) ||
        !check_quick_connect(c, arg(c, "QuickConnectConfig")))
        return;
    if (!quota_left(c, RES_QUICK_CONNECT, QUICK_CONNECTS_QUOTA, EX_LimitExceededException,
                    "quick connects"))
        return;
    struct quick_connect *q = make_resource(c, RES_QUICK_CONNECT);
    q->config = json_incref(arg(c, "QuickConnectConfig"));
    put_arn(c, "QuickConnectARN", &q->r);
    put_id(c, "QuickConnectId", q->r.id);
}

void op_update_quick_connect_config(struct call *c)
{
    struct quick_connect *q =
        (struct quick_connect *)arg_res(c, RES_QUICK_CONNECT, "QuickConnectId");
    if (!q || !check_quick_connect(c, arg(c, "QuickConnectConfig")))
        return;
    json_decref(q->config);
    q->config = json_incref(arg(c, "QuickConnectConfig"));
    res_touch(c->instance, &q->r);
}

void op_delete_quick_connect(struct call *c)
{
    struct res *r = arg_res(c, RES_QUICK_CONNECT, "QuickConnectId");
    if (!r)
        return;
    const struct res_list *queues = &c->instance->mirror->list[RES_QUEUE];
    for (uint32_t n = 0; n < queues->n; n++)
        res_list_remove(&((struct queue *)queues->item[n])->quick_connects, r);
    res_delete(c->instance, r);
}

/* ---- hours ---- */

static const char *const days[7] = {"MONDAY", "TUESDAY",  "WEDNESDAY", "THURSDAY",
                                    "FRIDAY", "SATURDAY", "SUNDAY"};

/* The zone's offset now; the engine's hours know no daylight saving. INT32_MIN: no such zone. */
static int32_t zone_offset_min(const char *zone, td_ms now)
{
    char path[128], *old = getenv("TZ"), *kept = old ? mem_strdup(old) : NULL;
    time_t t = (time_t)(now / MS_PER_S);
    struct tm tm = {0};
    snprintf(path, sizeof path, "/usr/share/zoneinfo/%s", zone);
    bool known = zone[0] != '/' && !strstr(zone, "..") && access(path, R_OK) == 0;
    if (known) {
        setenv("TZ", zone, 1);
        tzset();
        localtime_r(&t, &tm);
        if (kept)
            setenv("TZ", kept, 1);
        else
            unsetenv("TZ");
        tzset();
    }
    mem_free(kept);
    return known ? (int32_t)(tm.tm_gmtoff / 60) : strcmp(zone, "UTC") == 0 ? 0 : INT32_MIN;
}

static int minutes(const json_t *t)
{
    return (int)(json_integer_value(json_object_get(t, "Hours")) * 60 +
                 json_integer_value(json_object_get(t, "Minutes")));
}

/* The engine opens once a day: from the first StartTime to the last EndTime of each. An EndTime of
 * 00:00 is midnight; one that is not after its StartTime goes to the end of the day. */
static void set_days(struct cfg_hours *h, const json_t *config)
{
    json_t *item;
    size_t n;
    memset(h->day, 0, sizeof h->day);
    json_array_foreach(config, n, item)
    {
        const char *name = json_string_value(json_object_get(item, "Day"));
        int open = minutes(json_object_get(item, "StartTime"));
        int close = minutes(json_object_get(item, "EndTime"));
        if (close <= open)
            close = 1440;
        for (int d = 0; d < 7; d++) {
            if (strcmp(days[d], name) != 0)
                continue;
            bool closed = h->day[d].open_min == h->day[d].close_min;
            h->day[d].open_min = closed ? open : MIN(h->day[d].open_min, open);
            h->day[d].close_min = closed ? close : MAX(h->day[d].close_min, close);
        }
    }
}

static void set_hours(struct call *c, struct hours *h, const char *zone, json_t *config)
{
    if (zone) {
        h->cfg.utc_offset_min = zone_offset_min(zone, center_now(c->center));
        mem_free(h->time_zone);
        h->time_zone = mem_strdup(zone);
    }
    if (config) {
        json_decref(h->config);
        h->config = json_incref(config);
        set_days(&h->cfg, config);
    }
    mirror_changed(c->instance->mirror);
}

static bool check_zone(struct call *c)
{
    const char *zone = arg_str(c, "TimeZone");
    if (!zone || zone_offset_min(zone, center_now(c->center)) != INT32_MIN)
        return true;
    call_invalid(c, "TimeZone: is not one of the IANA database.");
    return false;
}

void op_list_hours_of_operations(struct call *c)
{
    list_resources(c, RES_HOURS, "HoursOfOperationSummaryList", "Name");
}

void op_describe_hours_of_operation(struct call *c)
{
    struct hours *h = (struct hours *)arg_res(c, RES_HOURS, "HoursOfOperationId");
    if (!h)
        return;
    jw_key(&c->w, "HoursOfOperation");
    jw_obj(&c->w);
    put_id(c, "HoursOfOperationId", h->r.id);
    put_arn(c, "HoursOfOperationArn", &h->r);
    put_str(c, "Name", h->r.name);
    put_str(c, "Description", h->r.description);
    put_str(c, "TimeZone", h->time_zone);
    put_json(c, "Config", h->config);
    put_tags(c, "Tags", &h->r);
    put_modified(c, &h->r);
    jw_end(&c->w);
}

void op_create_hours_of_operation(struct call *c)
{
    if (name_taken(c, RES_HOURS, arg_str(c, "Name"), NULL) || !check_zone(c))
        return;
    if (!quota_left(c, RES_HOURS, HOURS_MAX, EX_LimitExceededException, "sets of hours"))
        return;
    struct hours *h = make_resource(c, RES_HOURS);
    id_print(h->r.id, h->cfg.name);
    set_hours(c, h, arg_str(c, "TimeZone"), arg(c, "Config"));
    put_id(c, "HoursOfOperationId", h->r.id);
    put_arn(c, "HoursOfOperationArn", &h->r);
}

void op_update_hours_of_operation(struct call *c)
{
    struct hours *h = (struct hours *)arg_res(c, RES_HOURS, "HoursOfOperationId");
    if (!h || !check_zone(c) || !rename_res(c, &h->r))
        return;
    set_hours(c, h, arg_str(c, "TimeZone"), arg(c, "Config"));
}
