/* ops_instance.c - instances: describe, list. */
#include "connect/ops.h"

#include <stdio.h>

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
    jw_bool(&c->w, json_string_length(json_object_get(i->attribute, "INBOUND_CALLS")) == 4);
    jw_key(&c->w, "OutboundCallsEnabled");
    jw_bool(&c->w, json_string_length(json_object_get(i->attribute, "OUTBOUND_CALLS")) == 4);
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
    for (; at < c->region->n_instances && left; at++, left--) {
        jw_obj(&c->w);
        put_instance(c, c->region->instance[at]);
        jw_end(&c->w);
    }
    jw_end(&c->w);
    if (at < c->region->n_instances)
        token_put(c, "NextToken", at);
}
