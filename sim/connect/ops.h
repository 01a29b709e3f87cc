/* ops.h - Amazon Connect's operations: their table, and what their handlers share. */
#pragma once

#include "connect/front.h"

enum { OP_INSTANCE = 1 }; /* InstanceId must be an instance of the region: call.instance */
struct op_row {
    const char *name;
    double rate, burst; /* AWS's default throttle: calls a second and at once */
    void (*fn)(struct call *c);
    uint32_t flags;
};
extern const struct op_row op_rows[];
extern const uint32_t op_n_rows;

/* ---- answers ---- */

void put_str(struct call *c, const char *key, const char *v); /* NULL: the member is left out */
void put_time(struct call *c, const char *key, td_ms at);     /* 0: is left out; epoch seconds */
void put_json(struct call *c, const char *key, const json_t *v); /* NULL: is left out */
void put_json_item(struct call *c, const json_t *v); /* without a key */
void put_id(struct call *c, const char *key, struct td_id id);   /* none: is left out */
void put_arn(struct call *c, const char *key, const struct res *r);
/* {"Id", "Arn"} under a key. */
void put_ref(struct call *c, const char *key, const struct res *r);
void put_modified(struct call *c, const struct res *r); /* LastModifiedTime and -Region */
void put_tags(struct call *c, const char *key, const struct res *r);

/* The resource that a member names; NULL: the call has failed with ResourceNotFoundException. */
struct res *arg_res(struct call *c, enum res_kind kind, const char *member);
struct res *need_res(struct call *c, enum res_kind kind, const char *id);
/* Fails with the operation's word for a broken rule. */
void call_invalid(struct call *c, const char *fmt, ...) PRINTF(2, 3);
/* Fails, true, if another resource of the kind has this name. */
bool name_taken(struct call *c, enum res_kind kind, const char *name, const struct res *but);

/* ---- pages ---- */

/* Walks a list from NextToken on: page_next gives the next resource that this region sees, NULL at
 * the end or when MaxResults are out; page_end writes NextToken if there are more. The list under
 * `key` is open in between. page_begin false: the token is not one of ours; the call has failed. */
struct page {
    const struct res_list *list;
    uint32_t at, left;
    uint64_t last;
    bool more;
};
bool page_begin(struct call *c, struct page *p, enum res_kind kind, const char *key) MUST_USE;
bool page_begin_list(struct call *c, struct page *p, const struct res_list *l, const char *key)
    MUST_USE;
struct res *page_next(struct call *c, struct page *p);
void page_end(struct call *c, struct page *p);
/* A row of a list: begins the object with Id, Arn and the name, under the member `name`. */
void put_summary(struct call *c, const struct res *r, const char *name);
/* The whole list of a kind whose rows have that, and who changed them last, and no more. */
void list_resources(struct call *c, enum res_kind kind, const char *key, const char *name);
/* Tokens for other orders: a number, sealed for the operation. False: not one of ours. */
void token_put(struct call *c, const char *key, uint64_t at);
bool token_take(struct call *c, uint64_t *at) MUST_USE; /* 0: none was given */

/* ---- searches ---- */

/* The text of a resource's field, maybe written into `id`; NULL: it has no such field. */
typedef const char *search_field(const struct res *r, const char *field, char id[ID_TEXT]);

/* SearchCriteria (And-, OrConditions, StringCondition) and SearchFilter.TagFilter over a kind. */
struct search {
    struct page page;
    search_field *field;
    uint64_t total;
};
bool search_begin(struct call *c, struct search *s, enum res_kind kind, const char *key,
                  search_field *field) MUST_USE;
struct res *search_next(struct call *c, struct search *s);
void search_end(struct call *c, struct search *s); /* NextToken and ApproximateTotalCount */

/* Is the text in a list of strings? No list, or an empty one, has all. */
bool listed(const json_t *list, const char *text);

/* ---- changes ---- */

/* False: the instance has as many of them as its quota allows; the call has failed with `e`. */
bool quota_left(struct call *c, enum res_kind kind, uint32_t most, enum api_error e,
                const char *what) MUST_USE;
/* A new resource with the call's Name, Description and Tags. */
void *make_resource(struct call *c, enum res_kind kind);
/* Name and Description, as far as they are given; false: the name is taken, the call has failed. */
bool rename_res(struct call *c, struct res *r);
/* Has ClientToken been used for this operation and account? Then *id is what it made; with other
 * arguments the call fails. token_keep remembers; the last 4096 are known. */
bool token_seen(struct call *c, struct td_id *id) MUST_USE;
void token_keep(struct call *c, struct td_id id);

/* ---- handlers, by subject ---- */

/* ---- handlers, by subject ---- */

#define OP_HANDLERS(X)                                                                             \
    X(describe_instance)                                                                           \
    X(list_instances)                                                                              \
    X(replicate_instance)                                                                          \
    X(describe_instance_attribute)                                                                 \
    X(list_instance_attributes)                                                                    \
    X(update_instance_attribute)                                                                   \
    X(associate_instance_storage_config)                                                           \
    X(describe_instance_storage_config)                                                            \
    X(list_instance_storage_configs)                                                               \
    X(update_instance_storage_config)                                                              \
    X(disassociate_instance_storage_config)                                                        \
    X(associate_lambda_function)                                                                   \
    X(disassociate_lambda_function)                                                                \
    X(list_lambda_functions)                                                                       \
    X(get_cross_region_routing)                                                                    \
    X(update_cross_region_routing)                                                                 \
    X(create_traffic_distribution_group)                                                           \
    X(describe_traffic_distribution_group)                                                         \
    X(list_traffic_distribution_groups)                                                            \
    X(delete_traffic_distribution_group)                                                           \
    X(associate_traffic_distribution_group_user)                                                   \
    X(disassociate_traffic_distribution_group_user)                                                \
    X(list_traffic_distribution_group_users)                                                       \
    X(get_traffic_distribution)                                                                    \
    X(update_traffic_distribution)                                                                 \
    X(list_users)                                                                                  \
    X(search_users)                                                                                \
    X(describe_user)                                                                               \
    X(create_user)                                                                                 \
    X(delete_user)                                                                                 \
    X(put_user_status)                                                                             \
    X(update_user_identity_info)                                                                   \
    X(update_user_routing_profile)                                                                 \
    X(dismiss_user_contact)                                                                        \
    X(associate_user_proficiencies)                                                                \
    X(disassociate_user_proficiencies)                                                             \
    X(update_user_proficiencies)                                                                   \
    X(list_user_proficiencies)                                                                     \
    X(list_agent_statuses)                                                                         \
    X(describe_agent_status)                                                                       \
    X(create_agent_status)                                                                         \
    X(update_agent_status)                                                                         \
    X(list_security_profiles)                                                                      \
    X(describe_security_profile)                                                                   \
    X(list_queues)                                                                                 \
    X(search_queues)                                                                               \
    X(describe_queue)                                                                              \
    X(create_queue)                                                                                \
    X(update_queue_status)                                                                         \
    X(update_queue_name)                                                                           \
    X(update_queue_max_contacts)                                                                   \
    X(update_queue_outbound_caller_config)                                                         \
    X(update_queue_hours_of_operation)                                                             \
    X(associate_queue_quick_connects)                                                              \
    X(disassociate_queue_quick_connects)                                                           \
    X(list_queue_quick_connects)                                                                   \
    X(list_quick_connects)                                                                         \
    X(describe_quick_connect)                                                                      \
    X(create_quick_connect)                                                                        \
    X(update_quick_connect_config)                                                                 \
    X(delete_quick_connect)                                                                        \
    X(list_hours_of_operations)                                                                    \
    X(describe_hours_of_operation)                                                                 \
    X(create_hours_of_operation)                                                                   \
    X(update_hours_of_operation)                                                                   \
    X(list_routing_profiles)                                                                       \
    X(describe_routing_profile)                                                                    \
    X(create_routing_profile)                                                                      \
    X(list_routing_profile_queues)                                                                 \
    X(associate_routing_profile_queues)                                                            \
    X(disassociate_routing_profile_queues)                                                         \
    X(update_routing_profile_queues)                                                               \
    X(update_routing_profile_concurrency)                                                          \
    X(update_routing_profile_name)                                                                 \
    X(update_routing_profile_default_outbound_queue)                                               \
    X(list_contact_flows)                                                                          \
    X(describe_contact_flow)                                                                       \
    X(create_contact_flow)                                                                         \
    X(update_contact_flow_content)                                                                 \
    X(update_contact_flow_name)                                                                    \
    X(update_contact_flow_metadata)                                                                \
    X(delete_contact_flow)                                                                         \
    X(search_available_phone_numbers)                                                              \
    X(claim_phone_number)                                                                          \
    X(describe_phone_number)                                                                       \
    X(update_phone_number)                                                                         \
    X(release_phone_number)                                                                        \
    X(list_phone_numbers_v2)                                                                       \
    X(list_phone_numbers)                                                                          \
    X(associate_phone_number_contact_flow)                                                         \
    X(disassociate_phone_number_contact_flow)                                                      \
    X(list_flow_associations)                                                                      \
    X(batch_get_flow_association)                                                                  \
    X(get_current_user_data)                                                                       \
    X(get_current_metric_data)                                                                     \
    X(get_metric_data_v2)                                                                          \
    X(start_chat_contact)                                                                          \
    X(start_task_contact)                                                                          \
    X(start_outbound_voice_contact)                                                                \
    X(stop_contact)                                                                                \
    X(transfer_contact)                                                                            \
    X(describe_contact)                                                                            \
    X(search_contacts)                                                                             \
    X(get_contact_attributes)                                                                      \
    X(update_contact_attributes)                                                                   \
    X(update_contact)                                                                              \
    X(update_contact_routing_data)                                                                 \
    X(tag_contact)                                                                                 \
    X(untag_contact)                                                                               \
    X(tag_resource)                                                                                \
    X(untag_resource)                                                                              \
    X(list_tags_for_resource)
#define X(fn) void op_##fn(struct call *c);
OP_HANDLERS(X)
#undef X
