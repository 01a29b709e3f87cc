/* connect_poll.c - is the instance well, and is what its streams have told still so?
 *
 * A probe (DescribeInstance) every few seconds tells whether its API answers. A poll of all agents
 * (GetCurrentUserData, by routing profile) once a minute, and at a start, finds what a stream has
 * lost: agents whose state is another one, contacts that no agent has any more. It is a picture
 * some seconds old, so of an agent whose event came meanwhile it says nothing; and a contact must
 * be missing in two polls. Contacts that wait and of which nothing was heard for five minutes are
 * looked up one by one (DescribeContact). */
#include "driver/instance/connect_i.h"

#include "base/json.h"

enum {
    POLL_PROFILES_MAX = 100, /* AWS's limit of a filter */
    POLL_LATE_MS = 5000,     /* how old AWS's picture may be */
    QUIET_MS = 300000,
    MISSING_POLLS = 2,
    PROBE_WITHIN_MS = 2000,
    PROBE_AGAIN_MS = 500 /* after one that failed: is it an accident, or is the region gone? */
};

static const char *text(const json_t *o, const char *name)
{
    const char *s = json_string_value(json_object_get(o, name));
    return s ? s : "";
}

static td_ms seconds(const json_t *o, const char *name)
{
    const json_t *v = json_object_get(o, name);
    return json_is_number(v) ? (td_ms)(json_number_value(v) * 1000) : 0;
}

/* ---- the probe ---- */

static void on_probed(void *arg, const struct aws_reply *r)
{
    struct connect *c = arg;
    const char *status = text(json_object_get(r->body, "Instance"), "InstanceStatus");
    bool good = r->class == AWS_OK && (!*status || strcmp(status, "ACTIVE") == 0);
    c->probe_call = 0;
    if (good)
        c->paired = json_object_get(r->body, "ReplicationConfiguration") != NULL;
    c->probes_failed = good || r->class == AWS_THROTTLED ? 0 : c->probes_failed + 1;
    if (c->probes_failed)
        c->probe_due = (td_ms)uv_now(c->loop) + PROBE_AGAIN_MS;
    c->state.ok |= good; /* until the first good one nothing is known of it */
}

static void probe(struct connect *c)
{
    c->probe_call = aws_call(c->config.aws,
                             &(struct aws_call_spec){.op = AWS_OP_DescribeInstance,
                                                     .region = c->config.region,
                                                     .label = {c->config.instance_id},
                                                     .priority = AWS_CONTACT,
                                                     .within_ms = PROBE_WITHIN_MS},
                             on_probed, c);
}

/* ---- all agents ---- */

static void poll_page(struct connect *c);

static void take_contact(struct connect *c, uint32_t agent, const json_t *o)
{
    struct td_id here;
    uint32_t row;
    const char *state = text(o, "AgentContactState");
    if (!id_parse(text(o, "ContactId"), &here) || (row = connect__row_here(c, here)) == NO_ROW)
        return;
    struct row *r = &c->row[row];
    r->missing = 0;
    td_ms at = seconds(o, "StateStartTimestamp");
    if (r->state == ROW_QUEUED && strcmp(state, "CONNECTED") == 0 && at > r->at) {
        connect__row_agent(c, row, agent);
        r->state = ROW_CONNECTED;
        r->at = at;
        c->state.corrected++;
        connect__say_contact(c, r, CONTACT_CONNECTED, 0, at);
    }
}

static void take_user(struct connect *c, const json_t *o)
{
    const json_t *user = json_object_get(o, "User"), *status = json_object_get(o, "Status");
    const json_t *contacts = json_object_get(o, "Contacts");
    uint32_t i = connect__agent_of(c, text(user, "Id"), "");
    if (i == NO_AGENT)
        return;
    struct agent *a = &c->agent[i];
    a->seen = true;
    for (size_t k = 0; k < json_array_size(contacts); k++)
        take_contact(c, i, json_array_get(contacts, k));
    if (a->event_at >= c->poll_began - POLL_LATE_MS)
        return;
    enum agent_status_type t = connect__status_of(c, text(status, "StatusArn"));
    uint8_t is = t == AGENT_STATUS_ROUTABLE  ? PRESENCE_AVAILABLE
                 : t == AGENT_STATUS_OFFLINE ? PRESENCE_OFFLINE
                                             : PRESENCE_BREAK;
    /* a missed contact shows in his contacts only; the stream has told it */
    if (is != a->presence && !(a->presence == PRESENCE_MISSED && is == PRESENCE_AVAILABLE)) {
        c->state.corrected++;
        connect__agent_is(c, i, is, c->poll_began, c->paired); /* a picture of both regions */
    }
}

/* Who is not in the picture has no desktop open here. */
static void poll_over(struct connect *c)
{
    for (uint32_t i = 0; i < c->config.config->n_agents; i++) {
        struct agent *a = &c->agent[i];
        if (!a->seen && a->presence != PRESENCE_OFFLINE &&
            a->event_at < c->poll_began - POLL_LATE_MS) {
            c->state.corrected++;
            connect__agent_is(c, i, PRESENCE_OFFLINE, c->poll_began, false);
        }
    }
    for (uint32_t i = 0; i < c->n_rows; i++) {
        struct row *r = &c->row[i];
        if (r->state >= ROW_CONNECTED && r->at < c->poll_began - POLL_LATE_MS &&
            ++r->missing > MISSING_POLLS) {
            c->state.corrected++;
            connect__contact_ended(c, i, ENDED_COMPLETED, connect__now(c));
        }
    }
    connect__news(c);
}

static void on_polled(void *arg, const struct aws_reply *r)
{
    struct connect *c = arg;
    const json_t *users = json_object_get(r->body, "UserDataList");
    const char *token = text(r->body, "NextToken");
    c->poll_call = 0;
    for (size_t i = 0; i < json_array_size(users); i++)
        take_user(c, json_array_get(users, i));
    mem_free(c->poll_token);
    c->poll_token = r->class == AWS_OK && *token ? mem_strdup(token) : NULL;
    if (c->poll_token)
        poll_page(c);
    else if (r->class == AWS_OK)
        poll_over(c);
}

static void poll_page(struct connect *c)
{
    struct buf b = {0};
    struct jw w;
    uint32_t n = 0;
    jw_begin(&w, &b);
    jw_obj(&w);
    jw_key(&w, "Filters");
    jw_obj(&w);
    jw_key(&w, "RoutingProfiles");
    jw_arr(&w);
    for (uint16_t p = 0; p < c->config.config->n_profiles && n < POLL_PROFILES_MAX; p++)
        if (c->names.profile[p].known) {
            jw_str(&w, c->names.profile[p].id);
            n++;
        }
    jw_end(&w);
    jw_end(&w);
    jw_key(&w, "MaxResults");
    jw_int(&w, 100);
    if (c->poll_token) {
        jw_key(&w, "NextToken");
        jw_str(&w, c->poll_token);
    }
    jw_end(&w);
    jw_done(&w);
    if (n)
        c->poll_call = aws_call(c->config.aws,
                                &(struct aws_call_spec){.op = AWS_OP_GetCurrentUserData,
                                                        .region = c->config.region,
                                                        .label = {c->config.instance_id},
                                                        .body = {b.data, b.len},
                                                        .priority = AWS_POLL},
                                on_polled, c);
    buf_free(&b);
}

static void poll_agents(struct connect *c)
{
    for (uint32_t i = 0; i < c->config.config->n_agents; i++)
        c->agent[i].seen = false;
    c->poll_began = connect__now(c);
    poll_page(c);
}

/* ---- contacts of which nothing is heard ---- */

struct look {
    struct connect *c;
    struct td_id here;
};

static void on_looked(void *arg, const struct aws_reply *r)
{
    struct look *l = arg;
    struct connect *c = l->c;
    const json_t *contact = json_object_get(r->body, "Contact");
    uint32_t row = connect__row_here(c, l->here);
    c->look_call = 0;
    td_ms over_at = seconds(contact, "DisconnectTimestamp");
    bool gone = r->class == AWS_NOT_FOUND || (r->class == AWS_OK && over_at);
    if (row != NO_ROW && c->row[row].state == ROW_QUEUED && gone) {
        c->state.corrected++;
        connect__contact_ended(c, row, ENDED_ABANDONED, over_at ? over_at : connect__now(c));
        connect__news(c);
    }
    mem_free(c->look);
    c->look = NULL;
}

static void look_for_quiet(struct connect *c)
{
    char id[ID_TEXT];
    td_ms now = connect__now(c);
    for (uint32_t n = 0; n < MIN(c->n_rows, 4096u); n++) {
        struct row *r = &c->row[c->look_next++ % c->n_rows];
        if (r->state != ROW_QUEUED || id_none(r->here) || now - MAX(r->at, r->looked_at) < QUIET_MS)
            continue;
        struct look *l = mem_new(1, sizeof *l);
        *l = (struct look){c, r->here};
        c->look = l;
        r->looked_at = now;
        id_print(r->here, id);
        c->look_call = aws_call(c->config.aws,
                                &(struct aws_call_spec){.op = AWS_OP_DescribeContact,
                                                        .region = c->config.region,
                                                        .label = {c->config.instance_id, id},
                                                        .priority = AWS_POLL},
                                on_looked, l);
        return;
    }
}

/* ---- time ---- */

void connect__poll_tick(struct connect *c, td_ms now)
{
    if (!c->probe_call && now >= c->probe_due) {
        c->probe_due = now + (c->config.probe_ms ? c->config.probe_ms : CONNECT_PROBE_MS);
        probe(c);
    }
    if (!c->names_call && now >= c->names_due)
        connect__names_begin(c);
    if (!c->state.named)
        return;
    if (!c->poll_call && now >= c->poll_due) {
        c->poll_due = now + (c->config.poll_ms ? c->config.poll_ms : CONNECT_POLL_MS);
        poll_agents(c);
    }
    if (!c->look_call && c->n_rows)
        look_for_quiet(c);
}

void connect__poll_close(struct connect *c)
{
    uint64_t calls[] = {c->probe_call, c->poll_call, c->look_call};
    for (size_t i = 0; i < COUNTOF(calls); i++)
        if (calls[i])
            aws_call_cancel(c->config.aws, calls[i]);
    mem_free(c->poll_token);
    mem_free(c->look);
}
