/* api_sites.c - sites, shares and policies: what they are, and what an operator changes of them. */
#include "serve/api_i.h"

#include "base/log.h"

/* ---- sites ---- */

static void write_site(struct api_call *k, uint8_t site)
{
    struct scene s = api_scene(k->api, k->core);
    struct jw w = api_json(k);
    view_site(&w, &s, site);
}

void api_get_site(struct api_call *k)
{
    uint8_t site;
    if (!api_param_site(k, &site))
        return;
    write_site(k, site);
    api_reply(k, 200);
}

/* Is any other site of its group open? */
static bool group_has_another(const struct core *k, uint8_t site)
{
    const struct cfg_group *g = &core_policy(k)->group[shares_group_of(k, site)];
    for (int i = 0; i < g->n_sites; i++) {
        uint8_t why;
        if (g->site[i] != site && health_site_open(k, g->site[i], &why))
            return true;
    }
    return false;
}

static void operate(struct api_call *k, enum input_type type)
{
    uint8_t site;
    struct admin_body b;
    struct api_error error;
    if (!api_param_site(k, &site))
        return;
    if (!parse_admin(k->rq->body.p, k->rq->body.n, type == IN_DRAIN, &k->api->json, &b, &error)) {
        api_refuse(k, &error);
        return;
    }
    const char *name = k->core->c->site[site].name;
    if (type == IN_DRAIN && !b.force && !group_has_another(k->core, site)) {
        api_problem(k, 409,
                    "No other site of the group of %s is serve-ready: its contacts would "
                    "go to other groups, or nowhere. Add \"force\": true to drain it all "
                    "the same.",
                    name);
        return;
    }
    log_notice("api", "an operator changes a site", LF_S("site", name),
               LF_S("to", type == IN_DRAIN ? "draining" : "in-service"), LF_S("why", b.reason));
    node_input(k->node, &(struct input){.type = type, .site = {site, b.reason}});
    write_site(k, site);
    api_reply_later(k, 200);
}

void api_drain(struct api_call *k)
{
    operate(k, IN_DRAIN);
}

void api_restore(struct api_call *k)
{
    operate(k, IN_RESTORE);
}

/* ---- shares ---- */

static void write_shares(struct api_call *k)
{
    struct scene s = api_scene(k->api, k->core);
    struct jw w = api_json(k);
    view_shares(&w, &s);
}

void api_get_shares(struct api_call *k)
{
    write_shares(k);
    api_reply_tagged(k);
}

void api_put_shares(struct api_call *k)
{
    struct shares_body b;
    struct api_error error;
    struct parse_context c = api_context(k);
    if (!parse_shares(k->rq->body.p, k->rq->body.n, &c, &b, &error)) {
        api_refuse(k, &error);
        return;
    }
    const struct cfg_policy *p = &c.c->policy[b.policy];
    log_notice("api", "an operator sets shares", LF_S("policy", p->name),
               LF_S("group", p->group[b.group].name), LF_S("why", b.reason));
    str_copy(k->api->shares_reason, sizeof k->api->shares_reason, b.reason);
    node_input(k->node,
               &(struct input){.type = IN_SET_SHARES, .shares = {b.policy, b.group, b.share_ppm}});
    write_shares(k);
    api_reply_later(k, 200);
}

/* ---- policies ---- */

void api_get_policies(struct api_call *k)
{
    struct scene s = api_scene(k->api, k->core);
    struct jw w = api_json(k);
    jw_obj(&w);
    kv_text(&w, "policy", core_policy(k->core)->name);
    jw_key(&w, "policies");
    view_policies(&w, &s);
    jw_end(&w);
    api_reply_tagged(k);
}

void api_put_policy(struct api_call *k)
{
    struct policy_body b;
    struct api_error error;
    struct parse_context c = api_context(k);
    if (!parse_policy(k->rq->body.p, k->rq->body.n, &c, &b, &error)) {
        api_refuse(k, &error);
        return;
    }
    log_notice("api", "an operator sets the policy", LF_S("policy", c.c->policy[b.policy].name),
               LF_S("why", b.reason));
    str_copy(k->api->policy_reason, sizeof k->api->policy_reason, b.reason);
    node_input(k->node, &(struct input){.type = IN_SET_POLICY, .policy = {b.policy}});
    write_shares(k);
    api_reply_later(k, 200);
}
