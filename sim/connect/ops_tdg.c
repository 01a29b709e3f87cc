/* ops_tdg.c - traffic distribution groups: which region of a pair takes calls and agents.
 *
 * What AWS checks beyond its model (Amazon Connect administrator guide, "Update the traffic
 * distribution"): both regions of the pair, multiples of ten, a sum of 100, an active group, and
 * sign-in only in the default group. A change is accepted at once and in force after a while. A
 * group made in the source region is known by its id there and by its full ARN in the replica's. */
#include "connect/ops.h"

#include <string.h>

enum { TDGS_MAX = 100 }; /* AWS's quota is not published */

static struct tdg *find_tdg(struct call *c, const char *member)
{
    const char *id = arg_str(c, member);
    bool is_arn = strncmp(id, "arn:", 4) == 0;
    for (uint32_t n = 0; n < c->region->n_instances; n++) {
        struct instance *i = c->region->instance[n];
        if (strcmp(i->mirror->account, c->account) != 0 || (i->side && !is_arn))
            continue;
        struct res *r = res_find(i, RES_TDG, id);
        if (r) {
            c->instance = i;
            return (struct tdg *)r;
        }
    }
    call_fail(c,
              c->op->errors >> EX_ResourceNotFoundException & 1 ? EX_ResourceNotFoundException
                                                                : EX_InvalidRequestException,
              "TrafficDistributionGroup not found.");
    return NULL;
}

static bool in_source(struct call *c, const char *what)
{
    if (!c->instance->side)
        return true;
    call_invalid(c, "%s must be done in the source region.", what);
    return false;
}

static void put_instance_arn(struct call *c)
{
    char arn[ARN_MAX];
    instance_arn(c->instance->mirror->side[0], arn);
    put_str(c, "InstanceArn", arn);
}

static void put_head(struct call *c, const struct tdg *g)
{
    put_id(c, "Id", g->r.id);
    put_arn(c, "Arn", &g->r);
    put_str(c, "Name", g->r.name);
    put_instance_arn(c);
    put_str(c, "Status", tdg_status_names[g->status]);
    jw_key(&c->w, "IsDefault");
    jw_bool(&c->w, g->is_default);
}

static void created(void *arg)
{
    struct tdg *g = arg;
    g->status = TDG_ACTIVE;
}

void op_create_traffic_distribution_group(struct call *c)
{
    struct mirror *m = c->instance->mirror;
    struct td_id id;
    struct tdg *g;
    if (token_seen(c, &id)) {
        put_id(c, "Id", id);
        return;
    }
    if (c->taken || !in_source(c, "Creating a group") ||
        name_taken(c, RES_TDG, arg_str(c, "Name"), NULL))
        return;
    if (m->n_sides < 2 || !m->side[1]->ready) {
        call_fail(c, EX_ResourceNotReadyException, "The instance is not replicated.");
        return;
    }
    if (!quota_left(c, RES_TDG, TDGS_MAX, EX_ServiceQuotaExceededException, "groups"))
        return;
    g = make_resource(c, RES_TDG);
    g->plan = g->wanted =
        (struct tdg_plan){.telephony = {100, 0}, .agent = {100, 0}, .sign_in = {true, true}};
    center_at(c->center, center_now(c->center) + TDG_CREATE_MS, created, g);
    token_keep(c, g->r.id);
    put_id(c, "Id", g->r.id);
    put_arn(c, "Arn", &g->r);
}

void op_describe_traffic_distribution_group(struct call *c)
{
    struct tdg *g = find_tdg(c, "TrafficDistributionGroupId");
    if (!g)
        return;
    jw_key(&c->w, "TrafficDistributionGroup");
    jw_obj(&c->w);
    put_head(c, g);
    put_str(c, "Description", g->r.description);
    put_tags(c, "Tags", &g->r);
    jw_end(&c->w);
}

/* Of one instance, or of all of the account in this region. */
void op_list_traffic_distribution_groups(struct call *c)
{
    struct instance *only = c->instance;
    uint64_t after, last = 0;
    int64_t left = arg_int(c, "MaxResults", 10);
    bool more = false;
    if (arg_str(c, "InstanceId") && !only) {
        call_invalid(c, "InstanceId: there is no such instance.");
        return;
    }
    if (!token_take(c, &after))
        return;
    jw_key(&c->w, "TrafficDistributionGroupSummaryList");
    jw_arr(&c->w);
    for (uint32_t n = 0; n < c->region->n_instances; n++) {
        struct instance *i = c->region->instance[n];
        const struct res_list *l = &i->mirror->list[RES_TDG];
        if ((only && i != only) || strcmp(i->mirror->account, c->account) != 0)
            continue;
        c->instance = i;
        for (uint32_t g = 0; g < l->n; g++) {
            if (l->item[g]->seq <= after)
                continue;
            more = more || !left;
            if (!left)
                break;
            jw_obj(&c->w);
            put_head(c, (struct tdg *)l->item[g]);
            jw_end(&c->w);
            last = l->item[g]->seq;
            left--;
        }
    }
    jw_end(&c->w);
    if (more)
        token_put(c, "NextToken", last);
}

static void deleted(void *arg)
{
    struct tdg *g = arg;
    struct mirror *m = g->r.mirror;
    for (uint32_t n = 0; n < m->list[RES_USER].n; n++) {
        struct user *u = (struct user *)m->list[RES_USER].item[n];
        for (uint8_t i = 0; i < u->n_tdgs; i++)
            if (u->tdg[i] == g)
                u->tdg[i--] = u->tdg[--u->n_tdgs];
    }
    res_delete(m->side[0], &g->r);
}

void op_delete_traffic_distribution_group(struct call *c)
{
    struct tdg *g = find_tdg(c, "TrafficDistributionGroupId");
    if (!g || !in_source(c, "Deleting a group"))
        return;
    if (g->is_default)
        call_invalid(c, "The default group is deleted with the replica.");
    else if (g->n_numbers)
        call_fail(c, EX_ResourceInUseException, "Phone numbers are attached to the group.");
    else if (g->status != TDG_ACTIVE)
        call_invalid(c, "The group is %s.", tdg_status_names[g->status]);
    if (c->taken)
        return;
    g->status = TDG_PENDING_DELETION;
    center_at(c->center, center_now(c->center) + TDG_UPDATE_MS, deleted, g);
}

/* ---- users ---- */

static struct user *group_user(struct call *c, struct tdg **g)
{
    *g = find_tdg(c, "TrafficDistributionGroupId");
    if (!*g || !in_source(c, "Associating users"))
        return NULL;
    if (instance_find(c->region, c->account, arg_str(c, "InstanceId")) != c->instance) {
        call_fail(c, EX_ResourceNotFoundException, "Instance not found.");
        return NULL;
    }
    return (struct user *)arg_res(c, RES_USER, "UserId");
}

static uint8_t place_of(const struct user *u, const struct tdg *g)
{
    uint8_t n = 0;
    while (n < u->n_tdgs && u->tdg[n] != g)
        n++;
    return n;
}

void op_associate_traffic_distribution_group_user(struct call *c)
{
    struct tdg *g;
    struct user *u = group_user(c, &g);
    if (!u)
        return;
    if (place_of(u, g) < u->n_tdgs || u->n_tdgs == USER_TDGS_MAX) {
        call_fail(c, EX_ResourceConflictException, "The user is in %s.",
                  u->n_tdgs == USER_TDGS_MAX ? "too many groups" : "the group already");
        return;
    }
    u->tdg[u->n_tdgs++] = g;
    g->n_users++;
    if (g->status == TDG_ACTIVE)
        tdg_apply(g);
}

void op_disassociate_traffic_distribution_group_user(struct call *c)
{
    struct tdg *g;
    struct user *u = group_user(c, &g);
    if (!u)
        return;
    uint8_t n = place_of(u, g);
    if (n == u->n_tdgs) {
        call_fail(c, EX_ResourceNotFoundException, "The user is not in the group.");
        return;
    }
    u->tdg[n] = u->tdg[--u->n_tdgs];
    g->n_users--;
}

void op_list_traffic_distribution_group_users(struct call *c)
{
    struct tdg *g = find_tdg(c, "TrafficDistributionGroupId");
    uint64_t after, last = 0;
    int64_t left = arg_int(c, "MaxResults", 10);
    bool more = false;
    if (!g || !token_take(c, &after))
        return;
    jw_key(&c->w, "TrafficDistributionGroupUserSummaryList");
    jw_arr(&c->w);
    const struct res_list *l = &c->instance->mirror->list[RES_USER];
    for (uint32_t n = 0; n < l->n && !more; n++) {
        struct user *u = (struct user *)l->item[n];
        if (u->r.seq <= after || place_of(u, g) == u->n_tdgs)
            continue;
        if (!left) {
            more = true;
            break;
        }
        jw_obj(&c->w);
        put_id(c, "UserId", u->r.id);
        jw_end(&c->w);
        last = u->r.seq;
        left--;
    }
    jw_end(&c->w);
    if (more)
        token_put(c, "NextToken", last);
}

/* ---- distributions ---- */

static void put_distributions(struct call *c, const char *key, const struct tdg_plan *p, int which)
{
    const struct mirror *m = c->instance->mirror;
    jw_key(&c->w, key);
    jw_obj(&c->w);
    jw_key(&c->w, "Distributions");
    jw_arr(&c->w);
    for (uint8_t s = 0; s < m->n_sides; s++) {
        jw_obj(&c->w);
        put_str(c, "Region", m->side[s]->region->name);
        jw_key(&c->w, which == 2 ? "Enabled" : "Percentage");
        if (which == 2)
            jw_bool(&c->w, p->sign_in[s]);
        else
            jw_int(&c->w, which ? p->agent[s] : p->telephony[s]);
        jw_end(&c->w);
    }
    jw_end(&c->w);
    jw_end(&c->w);
}

void op_get_traffic_distribution(struct call *c)
{
    struct tdg *g = find_tdg(c, "Id");
    if (!g)
        return;
    put_id(c, "Id", g->r.id);
    put_arn(c, "Arn", &g->r);
    put_distributions(c, "TelephonyConfig", &g->plan, 0);
    put_distributions(c, "AgentConfig", &g->plan, 1);
    put_distributions(c, "SignInConfig", &g->plan, 2);
}

/* Which side each of the two distributions is for; false: the call has failed. */
static bool both_regions(struct call *c, const char *member, const json_t *list, uint8_t side[2])
{
    const struct mirror *m = c->instance->mirror;
    bool seen[2] = {false, false};
    for (size_t n = 0; n < json_array_size(list) && n < 2; n++) {
        const char *region = json_string_value(json_object_get(json_array_get(list, n), "Region"));
        for (uint8_t s = 0; s < m->n_sides; s++)
            if (strcmp(m->side[s]->region->name, region) == 0) {
                side[n] = s;
                seen[s] = true;
            }
    }
    if (json_array_size(list) == 2 && seen[0] && seen[1])
        return true;
    call_invalid(c, "%s: must distribute between both regions of the instance.", member);
    return false;
}

static bool take_percentages(struct call *c, const char *member, uint8_t percent[2])
{
    const json_t *list = json_object_get(arg(c, member), "Distributions");
    uint8_t side[2];
    json_int_t sum = 0;
    if (!arg(c, member))
        return true;
    if (!both_regions(c, member, list, side))
        return false;
    for (size_t n = 0; n < 2; n++) {
        json_int_t v = json_integer_value(json_object_get(json_array_get(list, n), "Percentage"));
        if (v % 10) {
            call_invalid(c, "%s: percentages must be multiples of 10.", member);
            return false;
        }
        percent[side[n]] = (uint8_t)v;
        sum += v;
    }
    if (sum != 100)
        call_invalid(c, "%s: percentages must add up to 100.", member);
    return sum == 100;
}

static bool take_sign_in(struct call *c, const struct tdg *g, bool enabled[2])
{
    const json_t *list = json_object_get(arg(c, "SignInConfig"), "Distributions");
    uint8_t side[2];
    bool old[2] = {enabled[0], enabled[1]};
    if (!arg(c, "SignInConfig"))
        return true;
    if (!both_regions(c, "SignInConfig", list, side))
        return false;
    for (size_t n = 0; n < 2; n++)
        enabled[side[n]] = json_is_true(json_object_get(json_array_get(list, n), "Enabled"));
    if (!enabled[0] && !enabled[1])
        call_invalid(c, "SignInConfig: at least one region must be enabled.");
    else if (!g->is_default && (old[0] != enabled[0] || old[1] != enabled[1]))
        call_invalid(c, "SignInConfig: only the default group's can be changed.");
    return !c->taken;
}

static void updated(void *arg)
{
    struct tdg *g = arg;
    g->status = TDG_ACTIVE;
    tdg_apply(g);
}

void op_update_traffic_distribution(struct call *c)
{
    struct tdg *g = find_tdg(c, "Id");
    if (!g)
        return;
    struct tdg_plan p = g->plan;
    if (g->status == TDG_UPDATE_IN_PROGRESS)
        call_fail(c, EX_ResourceConflictException, "The group is being updated.");
    else if (g->status != TDG_ACTIVE)
        call_invalid(c, "The group is %s, it must be ACTIVE.", tdg_status_names[g->status]);
    else if (!arg(c, "TelephonyConfig"))
        call_invalid(c, "TelephonyConfig: is required.");
    if (c->taken || !take_percentages(c, "TelephonyConfig", p.telephony) ||
        !take_percentages(c, "AgentConfig", p.agent) || !take_sign_in(c, g, p.sign_in))
        return;
    g->wanted = p;
    g->status = TDG_UPDATE_IN_PROGRESS;
    center_at(c->center, center_now(c->center) + TDG_UPDATE_MS, updated, g);
}
