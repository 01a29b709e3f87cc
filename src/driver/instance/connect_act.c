/* connect_act.c - what the node wants done, by the instance's API or by the answer to its flow. */
#include "driver/instance/connect_i.h"

#include <stdio.h>

#include "base/json.h"
#include "base/log.h"

static struct connect *of(struct instance *i)
{
    return CONTAINER_OF(i, struct connect, instance);
}

static void outcome(struct connect *c, enum instance_event_type type, struct td_id id, bool ok)
{
    connect__say(c, &(struct instance_event){.type = type, .outcome = {id, ok}});
    connect__news(c);
}

static void is_queued(struct connect *c, uint32_t row)
{
    struct row *r = &c->row[row];
    r->state = ROW_QUEUED;
    r->at = connect__now(c);
    connect__say_contact(c, r, CONTACT_QUEUED, 0, r->at);
    connect__news(c);
}

/* ---- chats and tasks are started here ---- */

struct start { /* a row may be gone and used again by then: it is found by its contact */
    struct connect *c;
    struct td_id id;
};

static void on_started(void *arg, const struct aws_reply *r)
{
    struct start *s = arg;
    struct connect *c = s->c;
    uint32_t row = connect__row_of(c, s->id);
    const char *text = json_string_value(json_object_get(r->body, "ContactId"));
    struct td_id here;
    BUG_ON(row == NO_ROW); /* freeing it cancels the call */
    c->row[row].call = 0;
    c->row[row].start = NULL;
    c->starting--;
    if (r->class == AWS_OK && text && id_parse(text, &here)) {
        connect__row_is_here(c, row, here);
        if (c->row[row].state == ROW_STARTING)
            is_queued(c, row);
    } else {
        connect__row_free(c, row);
        outcome(c, INST_REFUSED, s->id, false);
    }
    mem_free(s);
}

static void put_attributes(struct jw *w, const struct connect *c, const struct row *r)
{
    char id[ID_TEXT];
    id_print(r->id, id);
    jw_key(w, "Attributes");
    jw_obj(w);
    jw_key(w, "tandem_contact");
    jw_str(w, id);
    jw_key(w, "tandem_queue");
    jw_str(w, c->config.config->queue[r->queue].name);
    jw_end(w);
    /* The same token for the same placement: asked again, it is not started again. */
    char token[ID_TEXT + 24];
    (void)snprintf(token, sizeof token, "%s.%llu", id, (unsigned long long)r->epoch);
    jw_key(w, "ClientToken");
    jw_str(w, token);
}

static void start_contact(struct connect *c, uint32_t row)
{
    struct row *r = &c->row[row];
    bool chat = r->channel == CHANNEL_CHAT;
    struct buf b = {0};
    struct jw w;
    jw_begin(&w, &b);
    jw_obj(&w);
    jw_key(&w, "InstanceId");
    jw_str(&w, c->config.instance_id);
    jw_key(&w, "ContactFlowId");
    jw_str(&w, c->names.flow.id);
    if (chat) {
        jw_key(&w, "ParticipantDetails");
        jw_obj(&w);
        jw_key(&w, "DisplayName");
        jw_str(&w, "Customer");
        jw_end(&w);
    } else {
        jw_key(&w, "Name");
        jw_str(&w, "Contact");
    }
    put_attributes(&w, c, r);
    jw_end(&w);
    jw_done(&w);
    struct start *s = mem_new(1, sizeof *s);
    *s = (struct start){c, r->id};
    r->state = ROW_STARTING;
    r->start = s;
    c->starting++;
    r->call = aws_call(
        c->config.aws,
        &(struct aws_call_spec){.op = chat ? AWS_OP_StartChatContact : AWS_OP_StartTaskContact,
                                .region = c->config.region,
                                .body = {b.data, b.len},
                                .priority = AWS_CONTACT},
        on_started, s);
    buf_free(&b);
}

/* ---- deliver, release, send, drop ---- */

void connect__deliver(struct instance *i, const struct ev_placed *p)
{
    struct connect *c = of(i);
    uint32_t row = connect__row_of(c, p->contact);
    if (row == NO_ROW) {
        row = connect__row_new(c, p->contact, (struct td_id){0, 0});
        if (row == NO_ROW) {
            outcome(c, INST_REFUSED, p->contact, false);
            return;
        }
        c->row[row].state = ROW_EXPECTED;
        c->row[row].channel = p->channel;
        for (uint16_t q = 0; q < c->config.config->n_queues; q++)
            if (c->config.config->queue[q].key == p->queue)
                c->row[row].queue = q;
    }
    struct row *r = &c->row[row];
    if (p->epoch < r->epoch)
        return; /* an order of the past */
    r->epoch = p->epoch;
    r->leaving = r->given = r->over = false;
    r->to_site = SITE_NONE;
    r->due = (td_ms)uv_now(c->loop) + CONNECT_EXPECT_MS;
    if (r->state >= ROW_QUEUED || r->state == ROW_ASKED) { /* it is here */
        if (r->state == ROW_ASKED)
            is_queued(c, row);
        connect__answer_row(c, row, "LOCAL", "");
    } else if (r->state == ROW_EXPECTED && r->queue != INDEX_NONE && c->names.flow.known &&
               (r->channel == CHANNEL_CHAT || r->channel == CHANNEL_TASK)) {
        start_contact(c, row);
    } else if (r->state == ROW_EXPECTED) {
        connect__expect(c, row);
    }
}

static void told_nothing(void *arg, const struct aws_reply *r)
{
    (void)arg, (void)r; /* the client has logged what went wrong; the stream tells the rest */
}

void connect__stop_contact(struct connect *c, const char *here)
{
    struct buf b = {0};
    struct jw w;
    jw_begin(&w, &b);
    jw_obj(&w);
    jw_key(&w, "ContactId");
    jw_str(&w, here);
    jw_key(&w, "InstanceId");
    jw_str(&w, c->config.instance_id);
    jw_end(&w);
    jw_done(&w);
    (void)aws_call(c->config.aws,
                   &(struct aws_call_spec){.op = AWS_OP_StopContact,
                                           .region = c->config.region,
                                           .body = {b.data, b.len},
                                           .priority = AWS_CONTACT},
                   told_nothing, NULL);
    buf_free(&b);
}

static void stop_row(struct connect *c, const struct row *r)
{
    char here[ID_TEXT];
    id_print(r->here, here);
    connect__stop_contact(c, here);
}

/* A call is given when its flow asks next; chats and tasks are ended here and started there. */
void connect__release(struct instance *i, struct td_id contact)
{
    struct connect *c = of(i);
    uint32_t row = connect__row_of(c, contact);
    struct row *r = row == NO_ROW ? NULL : &c->row[row];
    if (!r || r->state != ROW_QUEUED || r->channel == CHANNEL_EMAIL) { /* e-mail stays */
        outcome(c, INST_RELEASED, contact, false);
    } else if (r->channel == CHANNEL_CHAT || r->channel == CHANNEL_TASK) {
        stop_row(c, r);
        connect__row_free(c, row);
        outcome(c, INST_RELEASED, contact, true);
    } else if (!r->leaving) {
        r->leaving = true;
        r->due = (td_ms)uv_now(c->loop) + CONNECT_RELEASE_MS;
    }
}

void connect__send(struct instance *i, struct td_id contact, uint8_t to_site)
{
    struct connect *c = of(i);
    uint32_t row = connect__row_of(c, contact);
    struct row *r = row == NO_ROW ? NULL : &c->row[row];
    const char *number =
        to_site < SITES_MAX ? connect_claim(&c->config.numbers[to_site], contact) : NULL;
    if (!r || r->state >= ROW_CONNECTED)
        return;                                                     /* somebody has taken it */
    if (r->channel == CHANNEL_CHAT || r->channel == CHANNEL_TASK) { /* it is started there */
        connect__answer_row(c, row, "END", "");
        connect__row_free(c, row);
        return;
    }
    if (r->channel != CHANNEL_VOICE || !number) {
        if (!number)
            log_error("connect", "a site has no numbers for transfers",
                      LF_S("site", c->config.config->site[to_site].name));
        connect__answer_row(c, row, "LOCAL", ""); /* e-mail stays where it came in */
        r->given = r->leaving = false;
        is_queued(c, row);
        return;
    }
    if (connect__row_asks(c, row)) {
        connect__answer_row(c, row, "TRANSFER", number);
        connect__row_free(c, row);
    } else if (r->state == ROW_QUEUED) { /* by its next question */
        r->to_site = to_site;
        r->leaving = r->given = true;
        r->due = (td_ms)uv_now(c->loop) + CONNECT_RELEASE_MS;
    }
}

void connect__drop(struct instance *i, struct td_id contact, bool over)
{
    struct connect *c = of(i);
    uint32_t row = connect__row_of(c, contact);
    struct row *r = row == NO_ROW ? NULL : &c->row[row];
    if (!r || r->state >= ROW_CONNECTED)
        return; /* somebody talks here: the node claims him back */
    if (r->state == ROW_QUEUED && r->channel == CHANNEL_VOICE) {
        r->over = over; /* by its next question; or it is sent, once that is known */
        r->leaving = r->given = true;
        r->due = (td_ms)uv_now(c->loop) + CONNECT_RELEASE_MS;
        return;
    }
    if (r->state == ROW_QUEUED)
        stop_row(c, r);
    connect__answer_row(c, row, over ? "END" : "LOCAL", "");
    connect__row_free(c, row);
}

/* ---- agents ---- */

static void put_status(struct connect *c, uint32_t agent, const struct named *status)
{
    struct buf b = {0};
    struct jw w;
    if (!c->agent[agent].user[0] || !status->known)
        return;
    jw_begin(&w, &b);
    jw_obj(&w);
    jw_key(&w, "AgentStatusId");
    jw_str(&w, status->id);
    jw_end(&w);
    jw_done(&w);
    (void)aws_call(c->config.aws,
                   &(struct aws_call_spec){.op = AWS_OP_PutUserStatus,
                                           .region = c->config.region,
                                           .label = {c->config.instance_id, c->agent[agent].user},
                                           .body = {b.data, b.len},
                                           .priority = AWS_FAILOVER},
                   told_nothing, NULL);
    buf_free(&b);
}

/* His routing profile as the configuration has it, when the instance has him with another one. */
static void put_profile(struct connect *c, uint32_t agent)
{
    uint16_t want = c->config.config->agent[agent].profile;
    struct buf b = {0};
    struct jw w;
    if (!c->agent[agent].user[0] || !c->names.profile[want].known ||
        c->agent[agent].profile == UINT32_MAX || c->agent[agent].profile == want)
        return;
    jw_begin(&w, &b);
    jw_obj(&w);
    jw_key(&w, "RoutingProfileId");
    jw_str(&w, c->names.profile[want].id);
    jw_end(&w);
    jw_done(&w);
    (void)aws_call(c->config.aws,
                   &(struct aws_call_spec){.op = AWS_OP_UpdateUserRoutingProfile,
                                           .region = c->config.region,
                                           .label = {c->config.instance_id, c->agent[agent].user},
                                           .body = {b.data, b.len},
                                           .priority = AWS_FAILOVER},
                   told_nothing, NULL);
    buf_free(&b);
}

/* AWS signs nobody in: an agent whose desktop is open in this region becomes available; one whose
 * is not stays away, and the call fails. */
void connect__sign_in(struct instance *i, uint32_t agent)
{
    put_profile(of(i), agent);
    put_status(of(i), agent, &of(i)->names.available);
}

/* While he has a contact AWS makes it his next status. */
void connect__sign_out(struct instance *i, uint32_t agent)
{
    of(i)->agent[agent].leaves_until = connect__now(of(i)) + CONNECT_LEAVE_MS;
    put_status(of(i), agent, &of(i)->names.offline);
}

void connect__weight(struct instance *i, uint16_t queue, double weight)
{
    (void)i, (void)queue, (void)weight; /* Amazon Connect has priorities in routing profiles only */
}

/* ---- time ---- */

static void row_tick(struct connect *c, uint32_t row)
{
    struct row *r = &c->row[row];
    struct td_id id = r->id;
    if (r->state == ROW_EXPECTED) { /* it will not come */
        connect__row_free(c, row);
        outcome(c, INST_REFUSED, id, false);
    } else if (r->leaving && !r->given) { /* it has not asked: its flow does not, or it is gone */
        r->leaving = false;
        outcome(c, INST_RELEASED, id, false);
    } else if (r->leaving && r->given) {
        r->leaving = r->given = r->over = false;
        r->to_site = SITE_NONE;
        is_queued(c, row); /* nobody has fetched it: it waits here */
    }
}

void connect__act_tick(struct connect *c, td_ms now)
{
    for (uint32_t i = 0; i < c->n_rows; i++) {
        const struct row *r = &c->row[i];
        if ((r->state == ROW_EXPECTED || (r->state == ROW_QUEUED && r->leaving)) && r->due <= now)
            row_tick(c, i);
    }
}
