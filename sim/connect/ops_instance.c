/* ops_instance.c - instances: describe, list, replicate; attributes, storage, Lambda functions. */
#include "connect/ops.h"

#include <stdio.h>
#include <string.h>

static bool attribute_on(const struct instance *i, const char *name)
{
    const char *v = json_string_value(json_object_get(i->attribute, name));
    return v && strcmp(v, "true") == 0;
}

static void put_instance(struct call *c, const struct instance *i)
{
    char arn[ARN_MAX], url[160];
    instance_arn(i, arn);
    put_id(c, "Id", i->mirror->id);
    put_str(c, "Arn", arn);
    put_str(c, "IdentityManagementType", "SAML");
    put_str(c, "InstanceAlias", i->alias);
    put_time(c, "CreatedTime", i->created_at);
    snprintf(arn, sizeof arn,
             "arn:aws:iam::%s:role/aws-service-role/connect.amazonaws.com/"
             "AWSServiceRoleForAmazonConnect_connectsim",
             i->mirror->account);
    put_str(c, "ServiceRole", arn);
    put_str(c, "InstanceStatus", i->ready ? "ACTIVE" : "CREATION_IN_PROGRESS");
    jw_key(&c->w, "InboundCallsEnabled");
    jw_bool(&c->w, attribute_on(i, "INBOUND_CALLS"));
    jw_key(&c->w, "OutboundCallsEnabled");
    jw_bool(&c->w, attribute_on(i, "OUTBOUND_CALLS"));
    snprintf(url, sizeof url, "https://%s.my.connect.aws", i->alias);
    put_str(c, "InstanceAccessUrl", url);
}

static void put_replication(struct call *c, const struct mirror *m)
{
    char id[ID_TEXT], url[160];
    if (!m->replicated_at)
        return;
    id_print(m->id, id);
    jw_key(&c->w, "ReplicationConfiguration");
    jw_obj(&c->w);
    jw_key(&c->w, "ReplicationStatusSummaryList");
    jw_arr(&c->w);
    for (uint8_t s = 0; s < m->n_sides; s++) {
        jw_obj(&c->w);
        put_str(c, "Region", m->side[s]->region->name);
        put_str(c, "ReplicationStatus",
                m->side[s]->ready ? "INSTANCE_REPLICATION_COMPLETE"
                                  : "INSTANCE_REPLICATION_IN_PROGRESS");
        jw_end(&c->w);
    }
    jw_end(&c->w);
    put_str(c, "SourceRegion", m->side[0]->region->name);
    snprintf(url, sizeof url, "https://%s.%s.sign-in.connect.aws/saml", id,
             m->side[0]->region->name);
    put_str(c, "GlobalSignInEndpoint", url);
    jw_end(&c->w);
}

void op_describe_instance(struct call *c)
{
    jw_key(&c->w, "Instance");
    jw_obj(&c->w);
    put_instance(c, c->instance);
    jw_end(&c->w);
    put_replication(c, c->instance->mirror);
}

void op_list_instances(struct call *c)
{
    uint64_t at;
    int64_t left = arg_int(c, "MaxResults", 10);
    if (!token_take(c, &at))
        return;
    jw_key(&c->w, "InstanceSummaryList");
    jw_arr(&c->w);
    for (; at < c->region->n_instances && left; at++) {
        const struct instance *i = c->region->instance[at];
        if (strcmp(i->mirror->account, c->account) != 0)
            continue;
        jw_obj(&c->w);
        put_instance(c, i);
        jw_end(&c->w);
        left--;
    }
    jw_end(&c->w);
    if (at < c->region->n_instances)
        token_put(c, "NextToken", at);
}

/* ---- replication ---- */

void op_replicate_instance(struct call *c)
{
    const char *to = arg_str(c, "ReplicaRegion"), *alias = arg_str(c, "ReplicaAlias");
    const char *partner = center_partner(c->region->name);
    struct instance *i = c->instance;
    struct region *g = center_region_by_name(c->center, to);
    struct td_id before;
    char arn[ARN_MAX];
    if (token_seen(c, &before)) {
        instance_arn(i->mirror->side[1], arn);
    } else if (c->taken) {
        return;
    } else if (i->mirror->n_sides == 2) {
        call_fail(c, EX_ResourceConflictException, "The instance is replicated already.");
        return;
    } else if (!partner || strcmp(partner, to) != 0) {
        call_invalid(c, "An instance in %s cannot be replicated to %s.", c->region->name, to);
        return;
    } else if (!g || g->n_instances == REGION_INSTANCES_MAX) {
        call_fail(c, EX_ServiceQuotaExceededException, "No further instance fits into %s.", to);
        return;
    } else {
        struct instance *replica = mirror_replicate(i, g, alias ? alias : i->alias);
        instance_arn(replica, arn);
        token_keep(c, i->mirror->id);
    }
    put_id(c, "Id", i->mirror->id);
    put_str(c, "Arn", arn);
}

void op_get_cross_region_routing(struct call *c)
{
    const struct mirror *m = c->instance->mirror;
    jw_key(&c->w, "IsolatedRegions");
    jw_arr(&c->w);
    for (uint8_t s = 0; s < m->n_sides; s++)
        if (m->side[s]->isolated)
            jw_str(&c->w, m->side[s]->region->name);
    jw_end(&c->w);
}

void op_update_cross_region_routing(struct call *c)
{
    struct mirror *m = c->instance->mirror;
    if (m->n_sides < 2) {
        call_invalid(c, "The instance is not replicated.");
        return;
    }
    for (uint8_t s = 0; s < m->n_sides; s++)
        m->side[s]->isolated = arg_true(c, "IsolatedAll");
}

/* ---- attributes ---- */

static void put_attribute(struct call *c, const char *type)
{
    jw_obj(&c->w);
    put_str(c, "AttributeType", type);
    put_str(c, "Value", json_string_value(json_object_get(c->instance->attribute, type)));
    jw_end(&c->w);
}

static bool has_attribute(struct call *c)
{
    if (json_object_get(c->instance->attribute, arg_str(c, "AttributeType")))
        return true;
    call_fail(c, EX_ResourceNotFoundException, "The instance has no such attribute.");
    return false;
}

void op_describe_instance_attribute(struct call *c)
{
    if (!has_attribute(c))
        return;
    jw_key(&c->w, "Attribute");
    put_attribute(c, arg_str(c, "AttributeType"));
}

void op_list_instance_attributes(struct call *c)
{
    uint64_t at, n = 0;
    int64_t left = arg_int(c, "MaxResults", 7);
    const char *type;
    json_t *v;
    if (!token_take(c, &at))
        return;
    jw_key(&c->w, "Attributes");
    jw_arr(&c->w);
    json_object_foreach(c->instance->attribute, type, v)
    {
        if (n++ < at || left == 0)
            continue;
        put_attribute(c, type);
        at++;
        left--;
    }
    jw_end(&c->w);
    if (at < n)
        token_put(c, "NextToken", at);
}

void op_update_instance_attribute(struct call *c)
{
    const char *v = arg_str(c, "Value");
    if (strcmp(v, "true") != 0 && strcmp(v, "false") != 0) {
        call_invalid(c, "Value: must be true or false.");
        return;
    }
    if (has_attribute(c))
        json_object_set_new(c->instance->attribute, arg_str(c, "AttributeType"), json_string(v));
}

/* ---- storage ---- */

/* What AWS lets each resource be stored in; the member of InstanceStorageConfig for each type. */
static bool storage_fits(const char *resource, const char *type)
{
    if (strcmp(resource, "AGENT_EVENTS") == 0)
        return strcmp(type, "KINESIS_STREAM") == 0;
    if (strcmp(resource, "CONTACT_TRACE_RECORDS") == 0)
        return strcmp(type, "KINESIS_STREAM") == 0 || strcmp(type, "KINESIS_FIREHOSE") == 0;
    if (strcmp(resource, "MEDIA_STREAMS") == 0)
        return strcmp(type, "KINESIS_VIDEO_STREAM") == 0;
    return strcmp(resource, "REAL_TIME_CONTACT_ANALYSIS_SEGMENTS") == 0 ||
                   strncmp(resource, "REAL_TIME_CONTACT", 17) == 0
               ? strcmp(type, "KINESIS_STREAM") == 0
               : strcmp(type, "S3") == 0;
}

static bool check_storage(struct call *c, const char *resource, const json_t *config)
{
    static const char *const members[][2] = {{"S3", "S3Config"},
                                             {"KINESIS_VIDEO_STREAM", "KinesisVideoStreamConfig"},
                                             {"KINESIS_STREAM", "KinesisStreamConfig"},
                                             {"KINESIS_FIREHOSE", "KinesisFirehoseConfig"}};
    const char *type = json_string_value(json_object_get(config, "StorageType"));
    for (size_t i = 0; i < COUNTOF(members); i++) {
        bool given = json_object_get(config, members[i][1]) != NULL;
        if (given == (strcmp(members[i][0], type) == 0))
            continue;
        call_invalid(c, "StorageConfig: %s %s with StorageType %s.", members[i][1],
                     given ? "does not go" : "is required", type);
        return false;
    }
    if (storage_fits(resource, type))
        return true;
    call_invalid(c, "StorageConfig: %s cannot be kept in a %s.", resource, type);
    return false;
}

static void set_storage(struct storage *s, const char *resource, json_t *config)
{
    char id[ID_TEXT];
    const char *arn = json_string_value(
        json_object_get(json_object_get(config, "KinesisStreamConfig"), "StreamArn"));
    id_print(s->id, id);
    mem_free(s->resource_type);
    mem_free(s->stream_arn);
    json_decref(s->config);
    s->resource_type = mem_strdup(resource);
    s->stream_arn = arn ? mem_strdup(arn) : NULL;
    s->config = json_deep_copy(config);
    json_object_set_new(s->config, "AssociationId", json_string(id));
}

/* By id and type; NULL: the call has failed. */
static struct storage *find_storage(struct call *c)
{
    struct td_id id;
    const char *type = arg_str(c, "ResourceType");
    if (id_parse(arg_str(c, "AssociationId"), &id))
        for (uint32_t n = 0; n < c->instance->n_storage; n++) {
            struct storage *s = &c->instance->storage[n];
            if (id_eq(s->id, id) && strcmp(s->resource_type, type) == 0)
                return s;
        }
    call_fail(c, EX_ResourceNotFoundException, "There is no such association.");
    return NULL;
}

void op_associate_instance_storage_config(struct call *c)
{
    struct instance *i = c->instance;
    const char *resource = arg_str(c, "ResourceType");
    if (!check_storage(c, resource, arg(c, "StorageConfig")))
        return;
    for (uint32_t n = 0; n < i->n_storage; n++)
        if (strcmp(i->storage[n].resource_type, resource) == 0) {
            call_fail(c, EX_ResourceConflictException, "%s has a storage configuration already.",
                      resource);
            return;
        }
    i->storage = mem_grow(i->storage, i->n_storage + 1, sizeof *i->storage);
    struct storage *s = &i->storage[i->n_storage++];
    *s = (struct storage){.id = center_id(c->center)};
    set_storage(s, resource, arg(c, "StorageConfig"));
    put_id(c, "AssociationId", s->id);
}

void op_describe_instance_storage_config(struct call *c)
{
    struct storage *s = find_storage(c);
    if (s)
        put_json(c, "StorageConfig", s->config);
}

void op_list_instance_storage_configs(struct call *c)
{
    const char *type = arg_str(c, "ResourceType");
    uint64_t at;
    if (!token_take(c, &at)) /* there is one a type, so never a second page */
        return;
    jw_key(&c->w, "StorageConfigs");
    jw_arr(&c->w);
    for (uint32_t n = 0; n < c->instance->n_storage; n++)
        if (strcmp(c->instance->storage[n].resource_type, type) == 0)
            put_json_item(c, c->instance->storage[n].config);
    jw_end(&c->w);
}

void op_update_instance_storage_config(struct call *c)
{
    struct storage *s = find_storage(c);
    if (s && check_storage(c, s->resource_type, arg(c, "StorageConfig")))
        set_storage(s, arg_str(c, "ResourceType"), arg(c, "StorageConfig"));
}

void op_disassociate_instance_storage_config(struct call *c)
{
    struct storage *s = find_storage(c);
    struct instance *i = c->instance;
    if (!s)
        return;
    mem_free(s->resource_type);
    mem_free(s->stream_arn);
    json_decref(s->config);
    memmove(s, s + 1, (size_t)(i->storage + i->n_storage - s - 1) * sizeof *s);
    i->n_storage--;
}

/* ---- Lambda functions ---- */

static uint32_t find_lambda(const struct instance *i, const char *arn)
{
    uint32_t n = 0;
    while (n < i->n_lambda && strcmp(i->lambda[n], arn) != 0)
        n++;
    return n;
}

void op_associate_lambda_function(struct call *c)
{
    struct instance *i = c->instance;
    const char *arn = arg_str(c, "FunctionArn");
    char want[96];
    snprintf(want, sizeof want, "arn:aws:lambda:%s:", c->region->name);
    if (strncmp(arn, want, strlen(want)) != 0)
        call_invalid(c, "FunctionArn: must be of a function in %s.", c->region->name);
    else if (find_lambda(i, arn) < i->n_lambda)
        call_fail(c, EX_ResourceConflictException, "The function is associated already.");
    else if (i->n_lambda == 50) /* AWS's default quota */
        call_fail(c, EX_ServiceQuotaExceededException, "An instance has at most 50 functions.");
    if (c->taken)
        return;
    i->lambda = mem_grow(i->lambda, i->n_lambda + 1, sizeof *i->lambda);
    i->lambda[i->n_lambda++] = mem_strdup(arn);
}

void op_disassociate_lambda_function(struct call *c)
{
    struct instance *i = c->instance;
    uint32_t n = find_lambda(i, arg_str(c, "FunctionArn"));
    if (n == i->n_lambda) {
        call_fail(c, EX_ResourceNotFoundException, "The function is not associated.");
        return;
    }
    mem_free(i->lambda[n]);
    memmove(&i->lambda[n], &i->lambda[n + 1], (i->n_lambda - n - 1) * sizeof *i->lambda);
    i->n_lambda--;
}

void op_list_lambda_functions(struct call *c)
{
    uint64_t at;
    int64_t left = arg_int(c, "MaxResults", 25);
    if (!token_take(c, &at))
        return;
    jw_key(&c->w, "LambdaFunctions");
    jw_arr(&c->w);
    for (; at < c->instance->n_lambda && left; at++, left--)
        jw_str(&c->w, c->instance->lambda[at]);
    jw_end(&c->w);
    if (at < c->instance->n_lambda)
        token_put(c, "NextToken", at);
}
