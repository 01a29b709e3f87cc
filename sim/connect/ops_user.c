/* ops_user.c - users (agents), their statuses and security profiles. */
#include "connect/ops.h"

#include <string.h>

#include "base/rng.h"

static struct user *arg_user(struct call *c)
{
    return (struct user *)arg_res(c, RES_USER, "UserId");
}

static void put_identity(struct call *c, const struct user *u, bool search)
{
    jw_key(&c->w, "IdentityInfo");
    jw_obj(&c->w);
    put_str(c, "FirstName", u->first_name);
    put_str(c, "LastName", u->last_name);
    if (!search)
        put_str(c, "Email", u->email);
    jw_end(&c->w);
}

static void put_user(struct call *c, const struct user *u, bool search)
{
    jw_obj(&c->w);
    put_id(c, "Id", u->r.id);
    put_arn(c, "Arn", &u->r);
    put_str(c, "Username", u->r.name);
    put_identity(c, u, search);
    jw_key(&c->w, "PhoneConfig");
    if (u->phone) {
        put_json_item(c, u->phone);
    } else {
        jw_obj(&c->w);
        put_str(c, "PhoneType", "SOFT_PHONE");
        jw_key(&c->w, "AutoAccept");
        jw_bool(&c->w, true);
        jw_key(&c->w, "AfterContactWorkTimeLimit");
        jw_int(&c->w, 0);
        jw_end(&c->w);
    }
    jw_key(&c->w, "SecurityProfileIds");
    jw_arr(&c->w);
    char id[ID_TEXT];
    id_print(u->security->r.id, id);
    jw_str(&c->w, id);
    jw_end(&c->w);
    put_id(c, "RoutingProfileId", u->profile->r.id);
    put_tags(c, "Tags", &u->r);
    if (!search)
        put_modified(c, &u->r);
    jw_end(&c->w);
}

void op_list_users(struct call *c)
{
    list_resources(c, RES_USER, "UserSummaryList", "Username");
}

void op_describe_user(struct call *c)
{
    struct user *u = arg_user(c);
    if (!u)
        return;
    jw_key(&c->w, "User");
    put_user(c, u, false);
}

static const char *user_field(const struct res *r, const char *field, char id[ID_TEXT])
{
    const struct user *u = (const struct user *)r;
    if (strcasecmp(field, "Username") == 0)
        return r->name;
    if (strcasecmp(field, "FirstName") == 0)
        return u->first_name ? u->first_name : "";
    if (strcasecmp(field, "LastName") == 0)
        return u->last_name ? u->last_name : "";
    if (strcasecmp(field, "RoutingProfileId") == 0)
        id_print(u->profile->r.id, id);
    else if (strcasecmp(field, "SecurityProfileId") == 0)
        id_print(u->security->r.id, id);
    else if (strcasecmp(field, "ResourceId") == 0)
        id_print(r->id, id);
    else
        return NULL;
    return id;
}

void op_search_users(struct call *c)
{
    struct search s;
    if (!search_begin(c, &s, RES_USER, "Users", user_field))
        return;
    for (struct res *r; (r = search_next(c, &s));)
        put_user(c, (struct user *)r, true);
    search_end(c, &s);
}

/* ---- making and changing ---- */

static void set_text(char **to, const char *v)
{
    mem_free(*to);
    *to = v ? mem_strdup(v) : NULL;
}

static void set_identity(struct user *u, const json_t *info)
{
    set_text(&u->first_name, json_string_value(json_object_get(info, "FirstName")));
    set_text(&u->last_name, json_string_value(json_object_get(info, "LastName")));
    set_text(&u->email, json_string_value(json_object_get(info, "Email")));
}

void op_create_user(struct call *c)
{
    const json_t *security = json_array_get(arg(c, "SecurityProfileIds"), 0);
    char id[ID_TEXT];
    struct profile *p = (struct profile *)arg_res(c, RES_PROFILE, "RoutingProfileId");
    struct res *s = p ? need_res(c, RES_SECURITY_PROFILE, json_string_value(security)) : NULL;
    if (!s || name_taken(c, RES_USER, arg_str(c, "Username"), NULL))
        return;
    if (!quota_left(c, RES_USER, AGENTS_MAX, EX_LimitExceededException, "users"))
        return;
    struct user *u = res_new(c->instance, RES_USER, arg_str(c, "Username"), NULL);
    id_print(u->r.id, id);
    u->r.tags = json_incref(arg(c, "Tags"));
    u->profile = p;
    u->security = (struct security_profile *)s;
    u->phone = json_incref(arg(c, "PhoneConfig"));
    set_identity(u, arg(c, "IdentityInfo"));
    str_copy(u->cfg.name, sizeof u->cfg.name, id); /* names may be longer than the engine's */
    u->cfg.key = hash_str(id);
    u->cfg.site = c->region->site;
    u->cfg.residency_mask = 0xffff;
    u->side = u->to_side = c->instance->side;
    u->status = (struct status *)res_named(c->instance, RES_STATUS, "Offline");
    u->status_at = center_now(c->center);
    mirror_changed(c->instance->mirror);
    put_id(c, "UserId", u->r.id);
    put_arn(c, "UserArn", &u->r);
}

void op_delete_user(struct call *c)
{
    struct user *u = arg_user(c);
    if (!u)
        return;
    user_log_out(u, true);
    for (uint8_t n = 0; n < u->n_tdgs; n++)
        u->tdg[n]->n_users--;
    u->n_tdgs = 0;
    res_delete(c->instance, &u->r);
    mirror_changed(c->instance->mirror);
}

void op_update_user_identity_info(struct call *c)
{
    struct user *u = arg_user(c);
    if (!u)
        return;
    set_identity(u, arg(c, "IdentityInfo"));
    res_touch(c->instance, &u->r);
}

void op_update_user_routing_profile(struct call *c)
{
    struct user *u = arg_user(c);
    struct profile *p = u ? (struct profile *)arg_res(c, RES_PROFILE, "RoutingProfileId") : NULL;
    if (!p)
        return;
    u->profile = p;
    res_touch(c->instance, &u->r);
    mirror_changed(c->instance->mirror);
    center_tell(c->center, CE_AGENT_CHANGED, c->instance->mirror->side[u->side], NULL, u);
}

/* On a contact it sets the next status. It is asked for in the region where the agent is active. */
void op_put_user_status(struct call *c)
{
    struct user *u = arg_user(c);
    struct status *s = u ? (struct status *)arg_res(c, RES_STATUS, "AgentStatusId") : NULL;
    if (!s)
        return;
    if (!u->logged_in)
        call_invalid(c, "The agent is not logged in.");
    else if (u->side != c->instance->side)
        call_invalid(c, "The agent is active in %s.",
                     c->instance->mirror->side[u->side]->region->name);
    else if (!s->enabled)
        call_invalid(c, "The status is disabled.");
    if (!c->taken)
        user_set_status(u, s);
}

void op_dismiss_user_contact(struct call *c)
{
    struct user *u = arg_user(c);
    struct contact *k = u ? contact_find(c->instance, arg_str(c, "ContactId")) : NULL;
    if (c->taken)
        return;
    if (!k || !k->with_user || k->user != u)
        call_fail(c, EX_ResourceNotFoundException, "The agent has no such contact.");
    else if (k->state != CONTACT_WRAPUP)
        call_invalid(c, "The contact is not over yet.");
    else
        contact_end(k, k->reason);
}

/* ---- proficiencies ---- */

enum { PROFICIENCIES_MAX = 10 };

static bool same_proficiency(const json_t *a, const json_t *b)
{
    return json_equal(json_object_get(a, "AttributeName"), json_object_get(b, "AttributeName")) &&
           json_equal(json_object_get(a, "AttributeValue"), json_object_get(b, "AttributeValue"));
}

static size_t find_proficiency(const json_t *list, const json_t *p)
{
    size_t n = 0;
    while (n < json_array_size(list) && !same_proficiency(json_array_get(list, n), p))
        n++;
    return n;
}

/* Each given one is put in, or replaces its level (`must_be`: it has to be there already). */
static void put_proficiencies(struct call *c, bool must_be)
{
    struct user *u = arg_user(c);
    json_t *given = arg(c, "UserProficiencies"), *p;
    size_t n;
    if (!u)
        return;
    json_t *now = u->proficiencies ? json_copy(u->proficiencies) : json_array();
    json_array_foreach(given, n, p)
    {
        size_t at = find_proficiency(now, p);
        if (at < json_array_size(now) && must_be)
            json_array_set(now, at, p);
        else if (at == json_array_size(now) && !must_be)
            json_array_append(now, p);
        else
            call_invalid(c, must_be ? "The user does not have one of the proficiencies."
                                    : "The user has one of the proficiencies already.");
    }
    if (json_array_size(now) > PROFICIENCIES_MAX)
        call_invalid(c, "A user has at most %d proficiencies.", PROFICIENCIES_MAX);
    if (c->taken) {
        json_decref(now);
        return;
    }
    json_decref(u->proficiencies);
    u->proficiencies = now;
    res_touch(c->instance, &u->r);
}

void op_associate_user_proficiencies(struct call *c)
{
    put_proficiencies(c, false);
}

void op_update_user_proficiencies(struct call *c)
{
    put_proficiencies(c, true);
}

void op_disassociate_user_proficiencies(struct call *c)
{
    struct user *u = arg_user(c);
    json_t *p;
    size_t n;
    if (!u)
        return;
    json_array_foreach(arg(c, "UserProficiencies"), n, p)
    {
        size_t at = find_proficiency(u->proficiencies, p);
        if (at < json_array_size(u->proficiencies))
            json_array_remove(u->proficiencies, at);
    }
    res_touch(c->instance, &u->r);
}

void op_list_user_proficiencies(struct call *c)
{
    struct user *u = arg_user(c);
    uint64_t at;
    int64_t left = arg_int(c, "MaxResults", 100);
    if (!u || !token_take(c, &at))
        return;
    jw_key(&c->w, "UserProficiencyList");
    jw_arr(&c->w);
    for (; at < json_array_size(u->proficiencies) && left; at++, left--)
        put_json_item(c, json_array_get(u->proficiencies, at));
    jw_end(&c->w);
    if (at < json_array_size(u->proficiencies))
        token_put(c, "NextToken", at);
    put_modified(c, &u->r);
}

/* ---- statuses ---- */

enum { STATUSES_QUOTA = 50 }; /* AWS's default */

static const char *const status_types[] = {"ROUTABLE", "CUSTOM", "OFFLINE"};

void op_list_agent_statuses(struct call *c)
{
    struct page p;
    if (!page_begin(c, &p, RES_STATUS, "AgentStatusSummaryList"))
        return;
    for (struct res *r; (r = page_next(c, &p));) {
        const struct status *s = (struct status *)r;
        if (!listed(arg(c, "AgentStatusTypes"), status_types[s->type]))
            continue;
        put_summary(c, r, "Name");
        put_str(c, "Type", status_types[s->type]);
        put_modified(c, r);
        jw_end(&c->w);
    }
    page_end(c, &p);
}

void op_describe_agent_status(struct call *c)
{
    const struct status *s = (struct status *)arg_res(c, RES_STATUS, "AgentStatusId");
    if (!s)
        return;
    jw_key(&c->w, "AgentStatus");
    jw_obj(&c->w);
    put_arn(c, "AgentStatusARN", &s->r);
    put_id(c, "AgentStatusId", s->r.id);
    put_str(c, "Name", s->r.name);
    put_str(c, "Description", s->r.description);
    put_str(c, "Type", status_types[s->type]);
    jw_key(&c->w, "DisplayOrder");
    jw_int(&c->w, s->order);
    put_str(c, "State", s->enabled ? "ENABLED" : "DISABLED");
    put_tags(c, "Tags", &s->r);
    put_modified(c, &s->r);
    jw_end(&c->w);
}

void op_create_agent_status(struct call *c)
{
    struct res_list *l = &c->instance->mirror->list[RES_STATUS];
    if (name_taken(c, RES_STATUS, arg_str(c, "Name"), NULL))
        return;
    if (!quota_left(c, RES_STATUS, STATUSES_QUOTA, EX_LimitExceededException, "agent statuses"))
        return;
    struct status *s = make_resource(c, RES_STATUS);
    s->type = STATUS_CUSTOM;
    s->enabled = strcmp(arg_str(c, "State"), "ENABLED") == 0;
    s->order = (uint32_t)arg_int(c, "DisplayOrder", l->n);
    put_arn(c, "AgentStatusARN", &s->r);
    put_id(c, "AgentStatusId", s->r.id);
}

void op_update_agent_status(struct call *c)
{
    struct status *s = (struct status *)arg_res(c, RES_STATUS, "AgentStatusId");
    const char *state = arg_str(c, "State");
    if (!s || !rename_res(c, &s->r))
        return;
    if (state && s->type == STATUS_CUSTOM)
        s->enabled = strcmp(state, "ENABLED") == 0;
    else if (state && strcmp(state, "DISABLED") == 0)
        call_invalid(c, "Only custom statuses can be disabled.");
    s->order = (uint32_t)arg_int(c, "DisplayOrder", s->order);
}

/* ---- security profiles ---- */

void op_list_security_profiles(struct call *c)
{
    list_resources(c, RES_SECURITY_PROFILE, "SecurityProfileSummaryList", "Name");
}

void op_describe_security_profile(struct call *c)
{
    struct res *r = arg_res(c, RES_SECURITY_PROFILE, "SecurityProfileId");
    if (!r)
        return;
    jw_key(&c->w, "SecurityProfile");
    jw_obj(&c->w);
    put_id(c, "Id", r->id);
    put_arn(c, "Arn", r);
    put_str(c, "SecurityProfileName", r->name);
    put_str(c, "Description", r->description);
    put_tags(c, "Tags", r);
    put_modified(c, r);
    jw_end(&c->w);
}
