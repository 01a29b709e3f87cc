/* ops_contact_read.c - DescribeContact and SearchContacts. */
#include "connect/ops.h"

#include <stdlib.h>
#include <string.h>

static void put_endpoint(struct call *c, const char *key, const char *address)
{
    if (!address || !*address)
        return;
    jw_key(&c->w, key);
    jw_obj(&c->w);
    put_str(c, "Type", "TELEPHONE_NUMBER");
    put_str(c, "Address", address);
    jw_end(&c->w);
}

static void put_resiliency(struct call *c, const struct contact *k)
{
    const struct mirror *m = k->at->mirror;
    if (m->n_sides < 2)
        return;
    jw_key(&c->w, "GlobalResiliencyMetadata");
    jw_obj(&c->w);
    put_str(c, "ActiveRegion", k->at->region->name);
    put_str(c, "OriginRegion", m->side[k->origin_side]->region->name);
    if (k->tdg)
        put_id(c, "TrafficDistributionGroupId", k->tdg->r.id);
    jw_end(&c->w);
}

static void put_agent(struct call *c, const struct contact *k)
{
    jw_key(&c->w, "AgentInfo");
    jw_obj(&c->w);
    put_id(c, "Id", k->user->r.id);
    put_time(c, "ConnectedToAgentTimestamp", k->connected_at);
    if (k->wrapup_at && k->connected_at) {
        put_time(c, "AfterContactWorkStartTimestamp", k->wrapup_at);
        put_time(c, "AfterContactWorkEndTimestamp", k->completed_at);
        if (k->completed_at) {
            jw_key(&c->w, "AfterContactWorkDuration");
            jw_int(&c->w, (k->completed_at - k->wrapup_at) / MS_PER_S);
        }
    }
    jw_key(&c->w, "AgentInitiatedHoldDuration");
    jw_int(&c->w, k->hold_ms / MS_PER_S);
    if (k->at->mirror->n_sides == 2)
        put_str(c, "ActiveRegion", k->at->mirror->side[k->user->side]->region->name);
    jw_end(&c->w);
}

static void put_queue_info(struct call *c, const struct contact *k)
{
    if (!k->queue)
        return;
    jw_key(&c->w, "QueueInfo");
    jw_obj(&c->w);
    put_id(c, "Id", k->queue->r.id);
    put_time(c, "EnqueueTimestamp", k->enqueued_at);
    jw_end(&c->w);
}

/* What both operations tell. */
static void put_common(struct call *c, const struct contact *k)
{
    char arn[ARN_MAX + 64], id[ID_TEXT];
    instance_arn(c->instance, arn);
    id_print(k->id, id);
    strncat(arn, "/contact/", sizeof arn - strlen(arn) - 1);
    strncat(arn, id, sizeof arn - strlen(arn) - 1);
    put_str(c, "Arn", arn);
    put_id(c, "Id", k->id);
    put_id(c, "InitialContactId", k->initial);
    put_id(c, "PreviousContactId", k->previous);
    put_str(c, "InitiationMethod", contact_method_names[k->method]);
    put_str(c, "Channel", channel_api_names[k->channel]);
    put_str(c, "Name", k->name);
    put_queue_info(c, k);
    put_time(c, "InitiationTimestamp", k->initiated_at);
    put_time(c, "DisconnectTimestamp", k->disconnected_at);
    put_time(c, "ScheduledTimestamp", k->scheduled_at);
    put_json(c, "SegmentAttributes", k->segments);
    put_json(c, "RoutingCriteria", k->criteria);
    put_json(c, "Tags", k->tags);
    put_resiliency(c, k);
}

void op_describe_contact(struct call *c)
{
    struct contact *k = contact_find(c->instance, arg_str(c, "ContactId"));
    if (!k) {
        call_fail(c, EX_ResourceNotFoundException, "Contact not found.");
        return;
    }
    jw_key(&c->w, "Contact");
    jw_obj(&c->w);
    put_common(c, k);
    put_str(c, "Description", k->description);
    if (k->user)
        put_agent(c, k);
    put_time(c, "LastUpdateTimestamp", k->updated_at);
    put_time(c, "RingStartTimestamp", k->ringing_at);
    put_id(c, "RelatedContactId", k->related);
    put_endpoint(c, "CustomerEndpoint", k->customer_address);
    put_endpoint(c, "SystemEndpoint", k->number ? k->number->r.name : NULL);
    jw_key(&c->w, "QueueTimeAdjustmentSeconds");
    jw_int(&c->w, k->adjust_ms / MS_PER_S);
    jw_key(&c->w, "QueuePriority");
    jw_int(&c->w, k->priority);
    put_time(c, "ConnectedToSystemTimestamp", k->initiated_at);
    put_str(c, "DisconnectReason", k->reason);
    put_json(c, "Attributes", k->attributes);
    jw_end(&c->w);
}

/* ---- SearchContacts ---- */

static td_ms time_of(const struct contact *k, const char *type)
{
    if (strcmp(type, "INITIATION_TIMESTAMP") == 0)
        return k->initiated_at;
    if (strcmp(type, "SCHEDULED_TIMESTAMP") == 0)
        return k->scheduled_at;
    if (strcmp(type, "CONNECTED_TO_AGENT_TIMESTAMP") == 0)
        return k->connected_at;
    if (strcmp(type, "ENQUEUE_TIMESTAMP") == 0)
        return k->enqueued_at;
    return k->disconnected_at;
}

static td_ms seconds(const json_t *o, const char *member)
{
    return (td_ms)(json_number_value(json_object_get(o, member)) * MS_PER_S);
}

static bool names_id(const json_t *list, struct td_id id)
{
    char text[ID_TEXT];
    id_print(id, text);
    return listed(list, text);
}

/* Name: every word, any, none of them, or the whole text. */
static bool name_matches(const struct contact *k, const json_t *n)
{
    const char *how = json_string_value(json_object_get(n, "MatchType"));
    const json_t *texts = json_object_get(n, "SearchText");
    size_t i, found = 0, exact = 0;
    json_t *t;
    json_array_foreach(texts, i, t)
    {
        found += k->name && strcasestr(k->name, json_string_value(t)) != NULL;
        exact += k->name && strcasecmp(k->name, json_string_value(t)) == 0;
    }
    return strcmp(how, "MATCH_ALL") == 0    ? found == json_array_size(texts)
           : strcmp(how, "MATCH_ANY") == 0  ? found > 0
           : strcmp(how, "MATCH_NONE") == 0 ? found == 0
                                            : exact > 0;
}

static bool attributes_match(const struct contact *k, const json_t *s)
{
    const json_t *criteria = json_object_get(s, "Criteria");
    const char *how = json_string_value(json_object_get(s, "MatchType"));
    size_t i, found = 0;
    json_t *one;
    json_array_foreach(criteria, i, one)
    {
        const char *key = json_string_value(json_object_get(one, "Key"));
        const char *have = json_string_value(json_object_get(k->attributes, key));
        found += have && listed(json_object_get(one, "Values"), have);
    }
    return how && strcmp(how, "MATCH_ANY") == 0    ? found > 0
           : how && strcmp(how, "MATCH_NONE") == 0 ? found == 0
                                                   : found == json_array_size(criteria);
}

static bool contact_matches(const struct call *c, const struct contact *k)
{
    const json_t *range = arg(c, "TimeRange"), *s = arg(c, "SearchCriteria");
    td_ms at = time_of(k, json_string_value(json_object_get(range, "Type")));
    struct td_id none = {0, 0};
    if (!at || at < seconds(range, "StartTime") || at >= seconds(range, "EndTime"))
        return false;
    return listed(json_object_get(s, "Channels"), channel_api_names[k->channel]) &&
           listed(json_object_get(s, "InitiationMethods"), contact_method_names[k->method]) &&
           listed(json_object_get(s, "ActiveRegions"), k->at->region->name) &&
           names_id(json_object_get(s, "QueueIds"), k->queue ? k->queue->r.id : none) &&
           names_id(json_object_get(s, "AgentIds"), k->user ? k->user->r.id : none) &&
           (!json_object_get(s, "Name") || name_matches(k, json_object_get(s, "Name"))) &&
           (!json_object_get(s, "SearchableContactAttributes") ||
            attributes_match(k, json_object_get(s, "SearchableContactAttributes")));
}

static bool check_search(struct call *c)
{
    static const char *const absent[] = {
        "AgentHierarchyGroups",        "ContactAnalysis", "RoutingCriteria", "AdditionalTimeRange",
        "SearchableSegmentAttributes", "ContactTags",     "AiAgents"};
    const json_t *range = arg(c, "TimeRange");
    for (size_t i = 0; i < COUNTOF(absent); i++)
        if (json_object_get(arg(c, "SearchCriteria"), absent[i]))
            call_fail(c, EX_NotImplementedException,
                      "SearchCriteria.%s is not implemented by connectsim.", absent[i]);
    if (seconds(range, "StartTime") >= seconds(range, "EndTime"))
        call_invalid(c, "TimeRange: StartTime must be before EndTime.");
    else if (seconds(range, "EndTime") - seconds(range, "StartTime") > 56ll * MS_PER_DAY)
        call_invalid(c, "TimeRange: must not be longer than eight weeks.");
    return !c->taken;
}

struct found {
    const struct contact *contact;
    td_ms at;
    int64_t order;
};

static int by_order(const void *a, const void *b)
{
    const struct found *x = a, *y = b;
    if (x->at != y->at)
        return x->at < y->at ? -1 : 1;
    return x->order < y->order ? -1 : x->order > y->order;
}

/* All that match, in the order asked for: newest first, if nothing is. */
static struct found *find_all(struct call *c, uint64_t *n)
{
    const struct mirror *m = c->instance->mirror;
    const char *field = json_string_value(json_object_get(arg(c, "Sort"), "FieldName"));
    const char *order = json_string_value(json_object_get(arg(c, "Sort"), "Order"));
    bool newest = !order || strcmp(order, "DESCENDING") == 0;
    uint32_t cap = 0;
    for (uint8_t s = 0; s < m->n_sides; s++)
        cap += m->side[s]->n_live + m->side[s]->n_ended;
    struct found *all = mem_new(cap, sizeof *all);
    *n = 0;
    for (uint8_t s = 0; s < m->n_sides; s++)
        for (int l = 0; l < 2; l++) {
            const struct contact *k;
            TAILQ_FOREACH(k, l ? &m->side[s]->live : &m->side[s]->ended, of_instance)
            {
                if (!contact_matches(c, k))
                    continue;
                td_ms at = field && strstr(field, "TIMESTAMP")                ? time_of(k, field)
                           : field && strcmp(field, "CHANNEL") == 0           ? k->channel
                           : field && strcmp(field, "INITIATION_METHOD") == 0 ? k->method
                                                                              : k->initiated_at;
                all[*n] = (struct found){k, newest ? -at : at, (int64_t)(k->id.lo >> 1)};
                ++*n;
            }
        }
    if (*n)
        qsort(all, *n, sizeof *all, by_order);
    return all;
}

void op_search_contacts(struct call *c)
{
    uint64_t at, n;
    int64_t left = arg_int(c, "MaxResults", 100);
    if (!check_search(c) || !token_take(c, &at))
        return;
    struct found *all = find_all(c, &n);
    jw_key(&c->w, "Contacts");
    jw_arr(&c->w);
    for (; at < n && left; at++, left--) {
        const struct contact *k = all[at].contact;
        jw_obj(&c->w);
        put_common(c, k);
        if (k->user) {
            jw_key(&c->w, "AgentInfo");
            jw_obj(&c->w);
            put_id(c, "Id", k->user->r.id);
            put_time(c, "ConnectedToAgentTimestamp", k->connected_at);
            jw_end(&c->w);
        }
        jw_end(&c->w);
    }
    jw_end(&c->w);
    if (at < n)
        token_put(c, "NextToken", at);
    jw_key(&c->w, "TotalCount");
    jw_uint(&c->w, n);
    mem_free(all);
}
