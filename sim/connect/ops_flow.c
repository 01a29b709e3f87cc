/* ops_flow.c - flows. An id that ends with ":$SAVED" names the saved, maybe unpublished one. */
#include "connect/flow.h"
#include "connect/ops.h"

#include <stdio.h>
#include <string.h>

enum { FLOWS_MAX = 1000, ALIAS_MAX = 600 }; /* AWS's default quota is 100 */

/* *saved: whether the alias was given. */
static struct flow *arg_flow(struct call *c, bool *saved)
{
    char id[ALIAS_MAX];
    const char *given = arg_str(c, "ContactFlowId");
    const char *alias = strstr(given, ":$SAVED");
    *saved = alias && !alias[strlen(":$SAVED")];
    snprintf(id, sizeof id, "%.*s", (int)(*saved ? alias - given : (ptrdiff_t)strlen(given)),
             given);
    return (struct flow *)need_res(c, RES_FLOW, id);
}

void op_list_contact_flows(struct call *c)
{
    struct page p;
    if (!page_begin(c, &p, RES_FLOW, "ContactFlowSummaryList"))
        return;
    for (struct res *r; (r = page_next(c, &p));) {
        const struct flow *f = (struct flow *)r;
        if (!listed(arg(c, "ContactFlowTypes"), f->type))
            continue;
        put_summary(c, r, "Name");
        put_str(c, "ContactFlowType", f->type);
        put_str(c, "ContactFlowState", f->active ? "ACTIVE" : "ARCHIVED");
        put_str(c, "ContactFlowStatus", f->published ? "PUBLISHED" : "SAVED");
        jw_end(&c->w);
    }
    page_end(c, &p);
}

void op_describe_contact_flow(struct call *c)
{
    bool saved;
    struct flow *f = arg_flow(c, &saved);
    if (!f)
        return;
    if (!f->published && !saved) {
        call_fail(c, EX_ContactFlowNotPublishedException, "The flow has not been published.");
        return;
    }
    jw_key(&c->w, "ContactFlow");
    jw_obj(&c->w);
    put_arn(c, "Arn", &f->r);
    put_id(c, "Id", f->r.id);
    put_str(c, "Name", f->r.name);
    put_str(c, "Type", f->type);
    put_str(c, "State", f->active ? "ACTIVE" : "ARCHIVED");
    put_str(c, "Status", f->published ? "PUBLISHED" : "SAVED");
    put_str(c, "Description", f->r.description);
    put_str(c, "Content", f->content);
    put_tags(c, "Tags", &f->r);
    put_str(c, "FlowContentSha256", f->sha256);
    put_modified(c, &f->r);
    jw_end(&c->w);
}

static bool check_content(struct call *c)
{
    const char *content = arg_str(c, "Content"), *problem;
    struct flow_program *p = flow_parse(content, strlen(content), &problem);
    if (!p)
        call_fail(c, EX_InvalidContactFlowException, "%s", problem);
    flow_release(p);
    return p != NULL;
}

void op_create_contact_flow(struct call *c)
{
    const char *status = arg_str(c, "Status");
    if (name_taken(c, RES_FLOW, arg_str(c, "Name"), NULL) || !check_content(c))
        return;
    if (!quota_left(c, RES_FLOW, FLOWS_MAX, EX_LimitExceededException, "flows"))
        return;
    struct flow *f =
        flow_new(c->instance, arg_str(c, "Name"), arg_str(c, "Type"), arg_str(c, "Content"));
    const char *description = arg_str(c, "Description");
    f->r.description = description ? mem_strdup(description) : NULL;
    f->r.tags = json_incref(arg(c, "Tags"));
    f->published = !status || strcmp(status, "PUBLISHED") == 0;
    put_id(c, "ContactFlowId", f->r.id);
    put_arn(c, "ContactFlowArn", &f->r);
    put_str(c, "FlowContentSha256", f->sha256);
}

/* To the flow itself publishes it; to its alias $SAVED leaves it as it is. */
void op_update_contact_flow_content(struct call *c)
{
    bool saved;
    struct flow *f = arg_flow(c, &saved);
    if (!f || !check_content(c))
        return;
    flow_set_content(c->instance, f, arg_str(c, "Content"));
    f->published = f->published || !saved;
    res_touch(c->instance, &f->r);
}

void op_update_contact_flow_name(struct call *c)
{
    bool saved;
    struct flow *f = arg_flow(c, &saved);
    if (f)
        rename_res(c, &f->r);
}

void op_update_contact_flow_metadata(struct call *c)
{
    bool saved;
    struct flow *f = arg_flow(c, &saved);
    const char *state = arg_str(c, "ContactFlowState");
    if (f && rename_res(c, &f->r) && state)
        f->active = strcmp(state, "ACTIVE") == 0;
}

void op_delete_contact_flow(struct call *c)
{
    bool saved;
    struct flow *f = arg_flow(c, &saved);
    if (!f)
        return;
    const struct res_list *numbers = &c->instance->mirror->list[RES_NUMBER];
    for (uint32_t n = 0; n < numbers->n; n++)
        if (((struct number *)numbers->item[n])->flow == f) {
            call_invalid(c, "A phone number leads to the flow.");
            return;
        }
    res_delete(c->instance, &f->r);
}
