/* connect_flows.c - do the instance's flows run?
 *
 * An API that answers well says nothing of flows: one that was published with a mistake hangs up on
 * every caller, while agents are free and all probes are good. What is seen of it are contacts that
 * a flow has ended before they were in a queue. FLOWS_LOST of them in a row, no flow having asked
 * anything between, and the instance is not ready: the others take what comes, and of a pair the
 * calls go to the other region.
 *
 * A flow that asks again says that they run. Nobody comes any more by then, so somebody is sent: a
 * task, into the flow in which chats and tasks begin; its question is its whole purpose, and is
 * answered END. If that flow runs and another does not, callers are lost again, and the next try
 * comes after twice the time. A task that gets into a queue without a question says it too: flows
 * go on by themselves when nobody answers them. Without such a flow, or where AWS will not start
 * the task, the instance is taken to be well after that time, which then some callers find out. */
#include "driver/instance/connect_i.h"

#include "base/json.h"
#include "base/log.h"

enum {
    FLOWS_LOST = 4,
    FLOWS_LOST_MS = 60000, /* all of them within */
    FLOWS_TRY_MS = 30000,  /* the first time; twice that when they break again soon */
    FLOWS_TRY_MOST_MS = 900000,
    FLOWS_SOON_MS = 600000,
    FLOWS_WAIT_MS = 10000 /* of wall time; then the task has not asked, and goes */
};

static void end_task(struct connect *c)
{
    connect__stop_contact(c, c->flows.task);
    c->flows.task[0] = '\0';
}

static void flows_are(struct connect *c, bool broken)
{
    struct flow_health *f = &c->flows;
    td_ms now = connect__now(c);
    f->lost = 0;
    if (f->broken == broken)
        return;
    f->broken = broken;
    if (broken) {
        bool soon = f->well_at && now - f->well_at < FLOWS_SOON_MS;
        f->try_ms = soon ? MIN(f->try_ms * 2, FLOWS_TRY_MOST_MS) : FLOWS_TRY_MS;
        f->try_at = now + f->try_ms;
        log_error("connect", "flows hang up on callers; nobody is sent there until they ask again",
                  LF_S("region", c->config.region));
    } else {
        f->well_at = now;
        if (f->task[0])
            end_task(c);
        log_notice("connect", "flows run again", LF_S("region", c->config.region));
    }
    connect__health_tick(c); /* before this question is placed */
}

void connect__flow_asked(struct connect *c)
{
    flows_are(c, false);
}

void connect__flow_hung_up(struct connect *c, const struct contact_record *r)
{
    struct flow_health *f = &c->flows;
    bool by_flow = strcmp(r->disconnect_reason, "CONTACT_FLOW_DISCONNECT") == 0;
    if (!by_flow || r->queued_at || *r->agent_arn || r->transferred || id_eq(r->id, f->last) ||
        r->disconnected_at < c->began_at)
        return;
    if (!f->lost || r->disconnected_at - f->since > FLOWS_LOST_MS) {
        f->lost = 0;
        f->since = r->disconnected_at;
    }
    f->last = r->id;
    c->state.hung_up++;
    if (++f->lost >= FLOWS_LOST)
        flows_are(c, true);
}

/* ---- the task that asks ---- */

static void on_started(void *arg, const struct aws_reply *r)
{
    struct connect *c = arg;
    const char *id = json_string_value(json_object_get(r->body, "ContactId"));
    c->flows.call = 0;
    c->flows.task_due = (td_ms)uv_now(c->loop) + FLOWS_WAIT_MS;
    if (r->class != AWS_OK || !id || !str_copy(c->flows.task, sizeof c->flows.task, id))
        c->flows.task[0] = '\0';
    /* Where no task can ever be started the instance must not stay out for good. */
    if (r->class == AWS_DENIED || r->class == AWS_INVALID || r->class == AWS_NOT_FOUND ||
        r->class == AWS_QUOTA)
        flows_are(c, false);
}

static void start_task(struct connect *c)
{
    struct buf b = {0};
    struct jw w;
    jw_begin(&w, &b);
    jw_obj(&w);
    jw_key(&w, "InstanceId");
    jw_str(&w, c->config.instance_id);
    jw_key(&w, "ContactFlowId");
    jw_str(&w, c->names.flow.id);
    jw_key(&w, "Name");
    jw_str(&w, "Do flows run?");
    jw_key(&w, "Attributes");
    jw_obj(&w);
    jw_key(&w, CONNECT_CHECK);
    jw_str(&w, c->config.region);
    jw_end(&w);
    jw_end(&w);
    jw_done(&w);
    c->flows.call = aws_call(c->config.aws,
                             &(struct aws_call_spec){.op = AWS_OP_StartTaskContact,
                                                     .region = c->config.region,
                                                     .body = {b.data, b.len},
                                                     .priority = AWS_CONTACT},
                             on_started, c);
    buf_free(&b);
}

void connect__flows_tick(struct connect *c)
{
    struct flow_health *f = &c->flows;
    if (f->task[0] && (!f->broken || (td_ms)uv_now(c->loop) >= f->task_due))
        end_task(c);
    if (!f->broken || f->call || f->task[0] || connect__now(c) < f->try_at)
        return;
    f->try_at = connect__now(c) + f->try_ms;
    if (c->names.flow.known)
        start_task(c);
    else
        flows_are(c, false);
}

void connect__flows_close(struct connect *c)
{
    if (c->flows.call)
        aws_call_cancel(c->config.aws, c->flows.call);
}
