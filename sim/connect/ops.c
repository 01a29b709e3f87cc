/* ops.c - the table of operations, one row each, and what their handlers share.
 *
 * Rates are AWS's defaults ("Amazon Connect service quotas", API throttling quotas): 2 calls a
 * second with a burst of 5 for what is not named there. */
#include "connect/ops.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/siphash.h"

#define OP(name, rate, burst, fn, flags)                                                           \
    {                                                                                              \
#name, rate, burst, op_##fn, flags                                                         \
    }
const struct op_row op_rows[] = {
    OP(DescribeInstance, 2, 5, describe_instance, OP_INSTANCE),
    OP(ListInstances, 2, 5, list_instances, 0),
    OP(ReplicateInstance, 2, 5, replicate_instance, OP_INSTANCE),
    OP(DescribeInstanceAttribute, 2, 5, describe_instance_attribute, OP_INSTANCE),
    OP(ListInstanceAttributes, 2, 5, list_instance_attributes, OP_INSTANCE),
    OP(UpdateInstanceAttribute, 2, 5, update_instance_attribute, OP_INSTANCE),
    OP(AssociateInstanceStorageConfig, 2, 5, associate_instance_storage_config, OP_INSTANCE),
    OP(DescribeInstanceStorageConfig, 2, 5, describe_instance_storage_config, OP_INSTANCE),
    OP(ListInstanceStorageConfigs, 2, 5, list_instance_storage_configs, OP_INSTANCE),
    OP(UpdateInstanceStorageConfig, 2, 5, update_instance_storage_config, OP_INSTANCE),
    OP(DisassociateInstanceStorageConfig, 2, 5, disassociate_instance_storage_config, OP_INSTANCE),
    OP(AssociateLambdaFunction, 2, 5, associate_lambda_function, OP_INSTANCE),
    OP(DisassociateLambdaFunction, 2, 5, disassociate_lambda_function, OP_INSTANCE),
    OP(ListLambdaFunctions, 2, 5, list_lambda_functions, OP_INSTANCE),
    OP(GetCrossRegionRouting, 2, 5, get_cross_region_routing, OP_INSTANCE),
    OP(UpdateCrossRegionRouting, 2, 5, update_cross_region_routing, OP_INSTANCE),
    OP(CreateTrafficDistributionGroup, 2, 5, create_traffic_distribution_group, OP_INSTANCE),
    OP(DescribeTrafficDistributionGroup, 2, 5, describe_traffic_distribution_group, 0),
    OP(ListTrafficDistributionGroups, 2, 5, list_traffic_distribution_groups, 0),
    OP(DeleteTrafficDistributionGroup, 2, 5, delete_traffic_distribution_group, 0),
    OP(AssociateTrafficDistributionGroupUser, 2, 5, associate_traffic_distribution_group_user, 0),
    OP(DisassociateTrafficDistributionGroupUser, 2, 5, disassociate_traffic_distribution_group_user,
       0),
    OP(ListTrafficDistributionGroupUsers, 2, 5, list_traffic_distribution_group_users, 0),
    OP(GetTrafficDistribution, 2, 5, get_traffic_distribution, 0),
    OP(UpdateTrafficDistribution, 2, 5, update_traffic_distribution, 0),
    OP(ListUsers, 2, 5, list_users, OP_INSTANCE),
    OP(SearchUsers, 2, 5, search_users, OP_INSTANCE),
    OP(DescribeUser, 2, 5, describe_user, OP_INSTANCE),
    OP(CreateUser, 2, 5, create_user, OP_INSTANCE),
    OP(DeleteUser, 2, 5, delete_user, OP_INSTANCE),
    OP(PutUserStatus, 2, 5, put_user_status, OP_INSTANCE),
    OP(UpdateUserIdentityInfo, 2, 5, update_user_identity_info, OP_INSTANCE),
    OP(UpdateUserRoutingProfile, 2, 5, update_user_routing_profile, OP_INSTANCE),
    OP(DismissUserContact, 2, 5, dismiss_user_contact, OP_INSTANCE),
    OP(AssociateUserProficiencies, 2, 5, associate_user_proficiencies, OP_INSTANCE),
    OP(DisassociateUserProficiencies, 2, 5, disassociate_user_proficiencies, OP_INSTANCE),
    OP(UpdateUserProficiencies, 2, 5, update_user_proficiencies, OP_INSTANCE),
    OP(ListUserProficiencies, 2, 5, list_user_proficiencies, OP_INSTANCE),
    OP(ListAgentStatuses, 2, 5, list_agent_statuses, OP_INSTANCE),
    OP(DescribeAgentStatus, 2, 5, describe_agent_status, OP_INSTANCE),
    OP(CreateAgentStatus, 2, 5, create_agent_status, OP_INSTANCE),
    OP(UpdateAgentStatus, 2, 5, update_agent_status, OP_INSTANCE),
    OP(ListSecurityProfiles, 2, 5, list_security_profiles, OP_INSTANCE),
    OP(DescribeSecurityProfile, 2, 5, describe_security_profile, OP_INSTANCE),
    OP(ListQueues, 2, 5, list_queues, OP_INSTANCE),
    OP(SearchQueues, 2, 5, search_queues, OP_INSTANCE),
    OP(DescribeQueue, 2, 5, describe_queue, OP_INSTANCE),
    OP(CreateQueue, 2, 5, create_queue, OP_INSTANCE),
    OP(UpdateQueueStatus, 2, 5, update_queue_status, OP_INSTANCE),
    OP(UpdateQueueName, 2, 5, update_queue_name, OP_INSTANCE),
    OP(UpdateQueueMaxContacts, 2, 5, update_queue_max_contacts, OP_INSTANCE),
    OP(UpdateQueueHoursOfOperation, 2, 5, update_queue_hours_of_operation, OP_INSTANCE),
    OP(UpdateQueueOutboundCallerConfig, 2, 5, update_queue_outbound_caller_config, OP_INSTANCE),
    OP(AssociateQueueQuickConnects, 2, 5, associate_queue_quick_connects, OP_INSTANCE),
    OP(DisassociateQueueQuickConnects, 2, 5, disassociate_queue_quick_connects, OP_INSTANCE),
    OP(ListQueueQuickConnects, 2, 5, list_queue_quick_connects, OP_INSTANCE),
    OP(ListQuickConnects, 2, 5, list_quick_connects, OP_INSTANCE),
    OP(DescribeQuickConnect, 2, 5, describe_quick_connect, OP_INSTANCE),
    OP(CreateQuickConnect, 2, 5, create_quick_connect, OP_INSTANCE),
    OP(UpdateQuickConnectConfig, 2, 5, update_quick_connect_config, OP_INSTANCE),
    OP(DeleteQuickConnect, 2, 5, delete_quick_connect, OP_INSTANCE),
    OP(ListHoursOfOperations, 2, 5, list_hours_of_operations, OP_INSTANCE),
    OP(DescribeHoursOfOperation, 2, 5, describe_hours_of_operation, OP_INSTANCE),
    OP(CreateHoursOfOperation, 2, 5, create_hours_of_operation, OP_INSTANCE),
    OP(UpdateHoursOfOperation, 2, 5, update_hours_of_operation, OP_INSTANCE),
    OP(ListRoutingProfiles, 2, 5, list_routing_profiles, OP_INSTANCE),
    OP(DescribeRoutingProfile, 2, 5, describe_routing_profile, OP_INSTANCE),
    OP(CreateRoutingProfile, 2, 5, create_routing_profile, OP_INSTANCE),
    OP(ListRoutingProfileQueues, 2, 5, list_routing_profile_queues, OP_INSTANCE),
    OP(AssociateRoutingProfileQueues, 2, 5, associate_routing_profile_queues, OP_INSTANCE),
    OP(DisassociateRoutingProfileQueues, 2, 5, disassociate_routing_profile_queues, OP_INSTANCE),
    OP(UpdateRoutingProfileQueues, 2, 5, update_routing_profile_queues, OP_INSTANCE),
    OP(UpdateRoutingProfileConcurrency, 2, 5, update_routing_profile_concurrency, OP_INSTANCE),
    OP(UpdateRoutingProfileName, 2, 5, update_routing_profile_name, OP_INSTANCE),
    OP(UpdateRoutingProfileDefaultOutboundQueue, 2, 5,
       update_routing_profile_default_outbound_queue, OP_INSTANCE),
    OP(ListContactFlows, 2, 5, list_contact_flows, OP_INSTANCE),
    OP(DescribeContactFlow, 2, 5, describe_contact_flow, OP_INSTANCE),
    OP(CreateContactFlow, 2, 5, create_contact_flow, OP_INSTANCE),
    OP(UpdateContactFlowContent, 2, 5, update_contact_flow_content, OP_INSTANCE),
    OP(UpdateContactFlowName, 2, 5, update_contact_flow_name, OP_INSTANCE),
    OP(UpdateContactFlowMetadata, 2, 5, update_contact_flow_metadata, OP_INSTANCE),
    OP(DeleteContactFlow, 2, 5, delete_contact_flow, OP_INSTANCE),
    OP(SearchAvailablePhoneNumbers, 2, 5, search_available_phone_numbers, 0),
    OP(ClaimPhoneNumber, 2, 5, claim_phone_number, 0),
    OP(DescribePhoneNumber, 2, 5, describe_phone_number, 0),
    OP(UpdatePhoneNumber, 2, 5, update_phone_number, 0),
    OP(ReleasePhoneNumber, 2, 5, release_phone_number, 0),
    OP(ListPhoneNumbersV2, 2, 5, list_phone_numbers_v2, 0),
    OP(ListPhoneNumbers, 2, 5, list_phone_numbers, OP_INSTANCE),
    OP(AssociatePhoneNumberContactFlow, 2, 5, associate_phone_number_contact_flow, OP_INSTANCE),
    OP(DisassociatePhoneNumberContactFlow, 2, 5, disassociate_phone_number_contact_flow,
       OP_INSTANCE),
    OP(ListFlowAssociations, 2, 5, list_flow_associations, OP_INSTANCE),
    OP(BatchGetFlowAssociation, 2, 5, batch_get_flow_association, OP_INSTANCE),
    OP(GetCurrentUserData, 2, 5, get_current_user_data, OP_INSTANCE),
    OP(GetCurrentMetricData, 5, 8, get_current_metric_data, OP_INSTANCE),
    OP(GetMetricDataV2, 10, 10, get_metric_data_v2, 0),
    OP(StartChatContact, 5, 8, start_chat_contact, OP_INSTANCE),
    OP(StartTaskContact, 2, 5, start_task_contact, OP_INSTANCE),
    OP(StartOutboundVoiceContact, 2, 5, start_outbound_voice_contact, OP_INSTANCE),
    OP(StopContact, 10, 15, stop_contact, OP_INSTANCE),
    OP(TransferContact, 2, 5, transfer_contact, OP_INSTANCE),
    OP(DescribeContact, 10, 15, describe_contact, OP_INSTANCE),
    OP(SearchContacts, 0.5, 1, search_contacts, OP_INSTANCE),
    OP(GetContactAttributes, 10, 15, get_contact_attributes, OP_INSTANCE),
    OP(UpdateContactAttributes, 10, 15, update_contact_attributes, OP_INSTANCE),
    OP(UpdateContact, 10, 15, update_contact, OP_INSTANCE),
    OP(UpdateContactRoutingData, 20, 20, update_contact_routing_data, OP_INSTANCE),
    OP(TagContact, 10, 15, tag_contact, OP_INSTANCE),
    OP(UntagContact, 10, 15, untag_contact, OP_INSTANCE),
    OP(TagResource, 2, 5, tag_resource, 0),
    OP(UntagResource, 2, 5, untag_resource, 0),
    OP(ListTagsForResource, 2, 5, list_tags_for_resource, 0),
};
const uint32_t op_n_rows = COUNTOF(op_rows);

/* ---- answers ---- */

void put_str(struct call *c, const char *key, const char *v)
{
    if (!v)
        return;
    jw_key(&c->w, key);
    jw_str(&c->w, v);
}

void put_time(struct call *c, const char *key, td_ms at)
{
    if (!at)
        return;
    jw_key(&c->w, key);
    jw_double(&c->w, (double)at / MS_PER_S);
}

void put_json(struct call *c, const char *key, const json_t *v)
{
    if (!v)
        return;
    jw_key(&c->w, key);
    put_json_item(c, v);
}

void put_json_item(struct call *c, const json_t *v)
{
    char *text = json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY);
    BUG_ON(!text);
    jw_raw(&c->w, text, strlen(text));
    mem_free(text);
}

void put_id(struct call *c, const char *key, struct td_id id)
{
    char text[ID_TEXT];
    if (id_none(id))
        return;
    id_print(id, text);
    put_str(c, key, text);
}

void put_arn(struct call *c, const char *key, const struct res *r)
{
    char arn[ARN_MAX];
    res_arn(c->instance, r, arn);
    put_str(c, key, arn);
}

void put_ref(struct call *c, const char *key, const struct res *r)
{
    jw_key(&c->w, key);
    jw_obj(&c->w);
    put_id(c, "Id", r->id);
    put_arn(c, "Arn", r);
    jw_end(&c->w);
}

void put_modified(struct call *c, const struct res *r)
{
    put_time(c, "LastModifiedTime", r->modified_at);
    put_str(c, "LastModifiedRegion", r->mirror->side[r->modified_side]->region->name);
}

void put_tags(struct call *c, const char *key, const struct res *r)
{
    put_json(c, key, r->tags);
}

/* ---- what arguments name ---- */

struct res *need_res(struct call *c, enum res_kind kind, const char *id)
{
    static const char *const nouns[RES_KINDS] = {"User",           "Queue",
                                                 "RoutingProfile", "HoursOfOperation",
                                                 "AgentStatus",    "ContactFlow",
                                                 "QuickConnect",   "SecurityProfile",
                                                 "PhoneNumber",    "TrafficDistributionGroup"};
    struct res *r = id ? res_find(c->instance, kind, id) : NULL;
    if (!r)
        call_fail(c, EX_ResourceNotFoundException, "%s not found.", nouns[kind]);
    return r;
}

struct res *arg_res(struct call *c, enum res_kind kind, const char *member)
{
    return need_res(c, kind, arg_str(c, member));
}

void call_invalid(struct call *c, const char *fmt, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    call_fail(c, api_invalid(c->op), "%s", text);
}

bool name_taken(struct call *c, enum res_kind kind, const char *name, const struct res *but)
{
    const struct res *r = res_named(c->instance, kind, name);
    if (!r || r == but)
        return false;
    call_fail(c,
              c->op->errors >> EX_DuplicateResourceException & 1 ? EX_DuplicateResourceException
                                                                 : EX_ResourceConflictException,
              "A resource with this name exists already.");
    return true;
}

/* ---- pages ---- */

/* A position and a keyed hash of it and the operation, so that no client can make one up. */
static uint64_t seal(const struct call *c, uint64_t at)
{
    uint64_t key[2] = {center_secret(c->center), hash_str(c->op->name)};
    return siphash(key, &at, sizeof at);
}

void token_put(struct call *c, const char *key, uint64_t at)
{
    char text[40];
    snprintf(text, sizeof text, "%016" PRIx64 "%016" PRIx64, at, seal(c, at));
    put_str(c, key, text);
}

bool token_take(struct call *c, uint64_t *at)
{
    const char *t = arg_str(c, "NextToken");
    char half[17];
    *at = 0;
    if (!t)
        return true;
    if (strlen(t) == 32 && strspn(t, "0123456789abcdef") == 32) {
        str_copy(half, sizeof half, t);
        *at = strtoull(half, NULL, 16);
        if (strtoull(t + 16, NULL, 16) == seal(c, *at))
            return true;
    }
    call_invalid(c, "NextToken is not one that this operation has given.");
    return false;
}

bool page_begin_list(struct call *c, struct page *p, const struct res_list *l, const char *key)
{
    *p = (struct page){.list = l, .left = (uint32_t)arg_int(c, "MaxResults", 100)};
    if (!token_take(c, &p->last))
        return false;
    uint32_t lo = 0, hi = l->n;
    while (lo < hi) {
        uint32_t mid = (lo + hi) / 2;
        if (l->item[mid]->seq <= p->last)
            lo = mid + 1;
        else
            hi = mid;
    }
    p->at = lo;
    jw_key(&c->w, key);
    jw_arr(&c->w);
    return true;
}

bool page_begin(struct call *c, struct page *p, enum res_kind kind, const char *key)
{
    return page_begin_list(c, p, &c->instance->mirror->list[kind], key);
}

/* The next one that `wanted` takes, of `s` where it is a search. */
static struct res *step(struct call *c, struct page *p, struct search *s,
                        bool (*wanted)(struct call *c, struct search *s, const struct res *r))
{
    for (; p->at < p->list->n; p->at++) {
        struct res *r = p->list->item[p->at];
        if (!wanted(c, s, r))
            continue;
        if (!p->left) {
            p->more = true;
            return NULL;
        }
        p->at++;
        p->left--;
        p->last = r->seq;
        return r;
    }
    return NULL;
}

static bool is_visible(struct call *c, struct search *s, const struct res *r)
{
    (void)s;
    return res_visible(c->instance, r);
}

struct res *page_next(struct call *c, struct page *p)
{
    return step(c, p, NULL, is_visible);
}

void page_end(struct call *c, struct page *p)
{
    jw_end(&c->w);
    if (p->more)
        token_put(c, "NextToken", p->last);
}

void put_summary(struct call *c, const struct res *r, const char *name)
{
    jw_obj(&c->w);
    put_id(c, "Id", r->id);
    put_arn(c, "Arn", r);
    put_str(c, name, r->name);
}

void list_resources(struct call *c, enum res_kind kind, const char *key, const char *name)
{
    struct page p;
    if (!page_begin(c, &p, kind, key))
        return;
    for (struct res *r; (r = page_next(c, &p));) {
        put_summary(c, r, name);
        put_modified(c, r);
        jw_end(&c->w);
    }
    page_end(c, &p);
}

/* ---- searches ---- */

bool listed(const json_t *list, const char *text)
{
    json_t *v;
    size_t n;
    json_array_foreach(list, n, v) if (strcmp(json_string_value(v), text) == 0) return true;
    return json_array_size(list) == 0;
}

static bool compare(const char *have, const char *want, const char *how)
{
    if (how && strcmp(how, "EXACT") == 0)
        return strcasecmp(have, want) == 0;
    if (how && strcmp(how, "CONTAINS") == 0)
        return strcasestr(have, want) != NULL;
    return strncasecmp(have, want, strlen(want)) == 0;
}

/* A condition that is not there holds. What we do not know fails the call instead of being left
 * out, since a search that finds too much looks like one that works. */
static bool holds(struct call *c, const struct search *s, const struct res *r, const json_t *k)
{
    const json_t *all = json_object_get(k, "AndConditions"),
                 *any = json_object_get(k, "OrConditions");
    const json_t *text = json_object_get(k, "StringCondition");
    json_t *one;
    size_t n;
    char id[ID_TEXT];
    if (json_object_get(k, "ListCondition") || json_object_get(k, "HierarchyGroupCondition"))
        call_fail(c, EX_NotImplementedException,
                  "ListCondition and HierarchyGroupCondition are not implemented by connectsim.");
    json_array_foreach(all, n, one) if (!holds(c, s, r, one)) return false;
    bool found = json_array_size(any) == 0;
    json_array_foreach(any, n, one) found = found || holds(c, s, r, one);
    if (!found || !text)
        return found;
    const char *name = json_string_value(json_object_get(text, "FieldName"));
    const char *want = json_string_value(json_object_get(text, "Value"));
    const char *have = name ? s->field(r, name, id) : NULL;
    if (!have)
        call_invalid(c, "StringCondition: there is no field %.60s to search by.", name ? name : "");
    return have && compare(have, want ? want : "",
                           json_string_value(json_object_get(text, "ComparisonType")));
}

static bool tag_holds(const struct res *r, const json_t *k)
{
    const char *key = json_string_value(json_object_get(k, "TagKey"));
    const char *value = json_string_value(json_object_get(k, "TagValue"));
    const char *have = key ? json_string_value(json_object_get(r->tags, key)) : NULL;
    return have && (!value || strcmp(have, value) == 0);
}

static bool tags_hold(const struct res *r, const json_t *filter)
{
    const json_t *all = json_object_get(filter, "AndConditions");
    const json_t *any = json_object_get(filter, "OrConditions");
    const json_t *one_tag = json_object_get(filter, "TagCondition");
    json_t *group, *one;
    size_t n, m;
    json_array_foreach(all, n, one) if (!tag_holds(r, one)) return false;
    bool found = json_array_size(any) == 0;
    json_array_foreach(any, n, group)
    {
        bool whole = true;
        json_array_foreach(group, m, one) whole = whole && tag_holds(r, one);
        found = found || whole;
    }
    return found && (!one_tag || tag_holds(r, one_tag));
}

static bool search_match(struct call *c, struct search *s, const struct res *r)
{
    return res_visible(c->instance, r) && holds(c, s, r, arg(c, "SearchCriteria")) &&
           tags_hold(r, json_object_get(arg(c, "SearchFilter"), "TagFilter"));
}

bool search_begin(struct call *c, struct search *s, enum res_kind kind, const char *key,
                  search_field *field)
{
    const struct res_list *l = &c->instance->mirror->list[kind];
    *s = (struct search){.field = field};
    for (uint32_t n = 0; n < l->n && !c->taken; n++)
        s->total += search_match(c, s, l->item[n]);
    return !c->taken && page_begin(c, &s->page, kind, key);
}

struct res *search_next(struct call *c, struct search *s)
{
    return step(c, &s->page, s, search_match);
}

void search_end(struct call *c, struct search *s)
{
    page_end(c, &s->page);
    jw_key(&c->w, "ApproximateTotalCount");
    jw_uint(&c->w, s->total);
}

/* ---- changes ---- */

bool quota_left(struct call *c, enum res_kind kind, uint32_t most, enum api_error e,
                const char *what)
{
    if (c->instance->mirror->list[kind].n < most)
        return true;
    call_fail(c, e, "An instance has at most %u %s.", most, what);
    return false;
}

void *make_resource(struct call *c, enum res_kind kind)
{
    struct res *r = res_new(c->instance, kind, arg_str(c, "Name"), arg_str(c, "Description"));
    r->tags = json_incref(arg(c, "Tags"));
    return r;
}

bool rename_res(struct call *c, struct res *r)
{
    const char *name = arg_str(c, "Name"), *description = arg_str(c, "Description");
    if (name && name_taken(c, r->kind, name, r))
        return false;
    if (name) {
        char *copy = mem_strdup(name);
        mem_free(r->name);
        r->name = copy;
    }
    if (description) {
        char *copy = mem_strdup(description);
        mem_free(r->description);
        r->description = copy;
    }
    res_touch(c->instance, r);
    return true;
}

static uint64_t token_key(const struct call *c, const char *token)
{
    return hash_str(token) ^ mix64(hash_str(c->op->name) ^ mix64(hash_str(c->account)) ^
                                   mix64(hash_str(c->region->name) + 1));
}

static uint64_t args_hash(const struct call *c)
{
    char *text = json_dumps(c->args, JSON_COMPACT | JSON_SORT_KEYS);
    uint64_t h = hash_str(text);
    mem_free(text);
    return h;
}

bool token_seen(struct call *c, struct td_id *id)
{
    const char *token = arg_str(c, "ClientToken");
    uint64_t args;
    if (!token || !*token || !front_token(c->front, token_key(c, token), &args, id))
        return false;
    if (args == args_hash(c))
        return true;
    if (c->op->errors >> EX_IdempotencyException & 1)
        call_fail(c, EX_IdempotencyException, "ClientToken was used with other parameters.");
    else
        call_invalid(c, "ClientToken: was used with other parameters.");
    return false;
}

void token_keep(struct call *c, struct td_id id)
{
    const char *token = arg_str(c, "ClientToken");
    if (token && *token)
        front_keep_token(c->front, token_key(c, token), args_hash(c), id);
}

/* ---- tags ---- */

static struct res *tagged(struct call *c)
{
    const char *arn = arg_str(c, "resourceArn");
    for (uint32_t n = 0; n < c->region->n_instances; n++) {
        c->instance = c->region->instance[n];
        if (strcmp(c->instance->mirror->account, c->account) != 0)
            continue;
        for (int kind = 0; kind < RES_KINDS && strncmp(arn, "arn:", 4) == 0; kind++) {
            struct res *r = res_find(c->instance, (enum res_kind)kind, arn);
            if (r)
                return r;
        }
    }
    call_fail(c, EX_ResourceNotFoundException, "Resource not found.");
    return NULL;
}

void op_tag_resource(struct call *c)
{
    struct res *r = tagged(c);
    if (!r)
        return;
    json_t *tags = r->tags ? json_copy(r->tags) : json_object();
    json_object_update(tags, arg(c, "tags"));
    if (json_object_size(tags) > 50) {
        call_invalid(c, "tags: a resource has at most 50.");
        json_decref(tags);
        return;
    }
    json_decref(r->tags);
    r->tags = tags;
}

void op_untag_resource(struct call *c)
{
    struct res *r = tagged(c);
    json_t *key;
    size_t n;
    if (!r || !r->tags)
        return;
    json_t *tags = json_copy(r->tags);
    json_array_foreach(arg(c, "tagKeys"), n, key) json_object_del(tags, json_string_value(key));
    json_decref(r->tags);
    r->tags = tags;
}

void op_list_tags_for_resource(struct call *c)
{
    struct res *r = tagged(c);
    if (!r)
        return;
    jw_key(&c->w, "tags");
    if (r->tags) {
        put_json_item(c, r->tags);
        return;
    }
    jw_obj(&c->w);
    jw_end(&c->w);
}
