/* connect_stream.c - what the instance says of itself: records of its two streams, taken one by one
 * as the node asks for news, and contact events. */
#include "driver/instance/connect_i.h"

#include "base/codec.h"

/* ---- agents ---- */

void connect__agent_is(struct connect *c, uint32_t agent, uint8_t presence, td_ms at, bool unsure)
{
    static const uint8_t reasons[PRESENCES] = {
        [PRESENCE_OFFLINE] = AR_SHIFT, [PRESENCE_BREAK] = AR_BREAK, [PRESENCE_MISSED] = AR_MISSED};
    c->agent[agent].presence = presence;
    connect__say(
        c, &(struct instance_event){.type = INST_AGENT,
                                    .agent = {agent, presence, reasons[presence], unsure, at}});
}

static uint8_t presence_of(const struct agent_event *e)
{
    if (e->status == AGENT_STATUS_OFFLINE)
        return PRESENCE_OFFLINE;
    for (uint32_t i = 0; i < e->n_contacts; i++)
        if (e->contact[i].state == AGENT_CONTACT_MISSED ||
            e->contact[i].state == AGENT_CONTACT_REJECTED ||
            e->contact[i].state == AGENT_CONTACT_ERROR)
            return PRESENCE_MISSED; /* and gets nothing until he clears it */
    return e->status == AGENT_STATUS_ROUTABLE ? PRESENCE_AVAILABLE : PRESENCE_BREAK;
}

/* ---- contacts ---- */

uint32_t connect__waits_here(struct connect *c, struct td_id here, uint8_t channel,
                             const char *queue_arn, td_ms queued_at)
{
    uint32_t i = connect__row_here(c, here);
    if (i != NO_ROW)
        return i;
    uint16_t queue = connect__queue_of(c, queue_arn);
    if (queue == INDEX_NONE || channel == CHANNELS || connect__was_here(c, here))
        return NO_ROW; /* a queue that the nodes have nothing to do with; calls out; long over */
    i = connect__row_new(c, here, here);
    if (i == NO_ROW)
        return i;
    struct row *r = &c->row[i];
    r->channel = channel;
    r->queue = queue;
    r->state = ROW_QUEUED;
    r->at = queued_at;
    connect__say_contact(c, r, CONTACT_QUEUED, 0, queued_at);
    return i;
}

void connect__contact_ended(struct connect *c, uint32_t row, uint8_t end, td_ms at)
{
    struct row *r = &c->row[row];
    if (r->state > ROW_STARTING)
        connect__say_contact(c, r, CONTACT_ENDED, end, MAX(at, r->at));
    connect__row_free(c, row);
}

/* connected_at: when it was connected first; 0: not told. */
static void contact_moves(struct connect *c, uint32_t row, enum row_state state, uint32_t agent,
                          td_ms at, td_ms connected_at)
{
    static const uint8_t told[] = {[ROW_CONNECTED] = CONTACT_CONNECTED,
                                   [ROW_HELD] = CONTACT_HELD,
                                   [ROW_WRAPUP] = CONTACT_WRAPUP};
    struct row *r = &c->row[row];
    if (r->state == state || (r->state == ROW_WRAPUP && state != ROW_WRAPUP))
        return;
    if (r->state < ROW_QUEUED) /* it came, and we were not asked */
        connect__say_contact(c, r, CONTACT_QUEUED, 0, at);
    if (r->leaving && !r->given) /* an agent was quicker */
        connect__say(c, &(struct instance_event){.type = INST_RELEASED, .outcome = {r->id, false}});
    r->leaving = r->given = false;
    connect__row_agent(c, row, agent);
    if (r->state < ROW_CONNECTED) { /* it may be on hold or over when we first hear of it */
        td_ms since = connected_at && connected_at < at ? connected_at : at;
        if (state == ROW_CONNECTED)
            at = since;
        else
            connect__say_contact(c, r, CONTACT_CONNECTED, 0, since);
    }
    r->state = state;
    r->at = at;
    r->missing = 0;
    connect__say_contact(c, r, told[state], 0, at);
}

static void agent_contact(struct connect *c, const struct agent_contact *k, uint32_t agent,
                          td_ms event_at)
{
    static const enum row_state states[] = {[AGENT_CONTACT_CONNECTED] = ROW_CONNECTED,
                                            [AGENT_CONTACT_ONHOLD] = ROW_HELD,
                                            [AGENT_CONTACT_ENDED] = ROW_WRAPUP,
                                            [AGENT_CONTACT_OTHER] = ROW_FREE};
    enum row_state s = states[k->state];
    if (s == ROW_FREE)
        return; /* offered to him, or not taken: for the nodes it waits */
    uint32_t row = connect__waits_here(c, k->id, k->channel, k->queue_arn,
                                       k->queued_at ? k->queued_at : event_at);
    if (row != NO_ROW)
        contact_moves(c, row, s, agent, k->state_at ? k->state_at : event_at, k->connected_at);
}

static bool has_contact(const struct agent_event *e, struct td_id here)
{
    for (uint32_t i = 0; i < e->n_contacts; i++)
        if (id_eq(e->contact[i].id, here))
            return true;
    return false;
}

/* What he had and has no more is over, wrap-up too. Rows are looked through only when he has had
 * one that is not among those of now. */
static void agent_lost(struct connect *c, uint32_t agent, const struct agent_event *e)
{
    uint32_t known = 0;
    for (uint32_t i = 0; i < e->n_contacts; i++) {
        uint32_t row = connect__row_here(c, e->contact[i].id);
        known += row != NO_ROW && c->row[row].agent == agent;
    }
    for (uint32_t i = 0; i < c->n_rows && c->agent[agent].held > known; i++) {
        const struct row *r = &c->row[i];
        if (r->state >= ROW_CONNECTED && r->agent == agent && !has_contact(e, r->here))
            connect__contact_ended(c, i, ENDED_COMPLETED, e->at);
    }
}

/* Of a pair's agents both regions tell LOGIN; any other event in which he is there, a heartbeat
 * too, comes from the one that has him, and is the only word of it when the platform has moved him:
 * nothing of him has changed. Who is told to leave is let go first. */
static void agent_is_here(struct connect *c, uint32_t agent, const struct agent_event *e)
{
    struct agent *a = &c->agent[agent];
    uint8_t presence = presence_of(e);
    bool login = e->type == AGENT_EVENT_LOGIN, beat = e->type == AGENT_EVENT_HEART_BEAT;
    if (beat && a->gone)
        return; /* AWS sends them for an hour after his LOGOUT */
    a->gone = e->type == AGENT_EVENT_LOGOUT;
    bool again = (beat || (c->paired && !login)) && presence == PRESENCE_AVAILABLE &&
                 connect__now(c) >= a->leaves_until;
    if (a->presence != presence || again)
        connect__agent_is(c, agent, presence, e->at, c->paired && login);
}

static bool agent_event_old(struct agent *a, const struct agent_event *e)
{
    uint64_t id = hash_str(e->event_id);
    if (e->at < a->event_at || (e->at == a->event_at && id == a->event_id))
        return true;
    a->event_at = e->at;
    a->event_id = id;
    return false;
}

static void on_agent_event(struct connect *c, const char *data, size_t n)
{
    struct agent_event e;
    uint32_t profile;
    if (!agent_event_decode(data, n, &e))
        return;
    c->state.agent_events++;
    uint32_t agent = connect__agent_of(c, e.agent_arn, e.username);
    if (agent == NO_AGENT) {
        c->state.strangers++;
    } else if (agent_event_old(&c->agent[agent], &e)) {
        c->state.repeated++;
    } else {
        struct http_span id = arn_id(HTTP_SPAN(e.agent_arn));
        if (!c->agent[agent].user[0] && id.n < CONNECT_ID_MAX)
            memcpy(c->agent[agent].user, id.p, id.n);
        if (map64_find(&c->names.profile_by_arn, hash_str(e.profile_arn), &profile))
            c->agent[agent].profile = profile;
        for (uint32_t i = 0; i < e.n_contacts; i++)
            agent_contact(c, &e.contact[i], agent, e.at);
        agent_lost(c, agent, &e);
        agent_is_here(c, agent, &e);
    }
    agent_event_free(&e);
}

/* ---- contact records ---- */

/* How a contact ended that no agent had. */
static uint8_t end_of(const char *reason)
{
    static const struct {
        const char *reason;
        uint8_t end;
    } rows[] = {
        {"CUSTOMER_DISCONNECT", ENDED_ABANDONED},
        {"CONTACT_FLOW_DISCONNECT", ENDED_CLOSED},
        {"EXPIRED", ENDED_ABANDONED},
        {"API", ENDED_DROPPED},
        {"TELECOM_PROBLEM", ENDED_DROPPED},
        {"OTHER", ENDED_DROPPED},
    };
    for (size_t i = 0; i < COUNTOF(rows); i++)
        if (strcmp(reason, rows[i].reason) == 0)
            return rows[i].end;
    return ENDED_ABANDONED;
}

/* A contact that waited and was given up, and nobody has said so: its events are best effort, and
 * its flow could not ask. Not one that was told before and is forgotten, nor one that went
 * elsewhere. */
static bool gave_up_unheard(struct connect *c, const struct contact_record *r)
{
    struct td_id whose;
    if (!r->queued_at || r->connected_at || *r->agent_arn || r->transferred ||
        r->disconnected_at <= c->ended_since)
        return false;
    if (id_parse(contact_record_attribute(r, "tandem_contact"), &whose) && !id_eq(whose, r->id))
        return false;
    uint32_t row = connect__waits_here(c, r->id, r->channel, r->queue_arn, r->queued_at);
    if (row != NO_ROW)
        connect__contact_ended(c, row, end_of(r->disconnect_reason), r->disconnected_at);
    return row != NO_ROW;
}

static void on_contact_record(struct connect *c, const char *data, size_t n)
{
    struct contact_record r;
    if (!contact_record_decode(data, n, &r))
        return;
    c->state.records++;
    uint32_t i = connect__row_here(c, r.id);
    struct row *row = i == NO_ROW ? NULL : &c->row[i];
    if (row && r.updated_at >= row->updated_at && r.disconnected_at && row->state != ROW_EXPECTED) {
        row->updated_at = r.updated_at;
        if (r.connected_at &&
            row->state < ROW_CONNECTED) { /* its agent's events are still to come */
            uint32_t agent = connect__agent_of(c, r.agent_arn, r.username);
            contact_moves(c, i, ROW_CONNECTED, agent, r.connected_at, 0);
        }
        connect__contact_ended(c, i, r.connected_at ? ENDED_COMPLETED : end_of(r.disconnect_reason),
                               r.disconnected_at + r.wrapup_ms);
    } else if (*contact_record_attribute(&r, CONNECT_CHECK)) {
        if (r.queued_at && r.disconnected_at)
            connect__flow_asked(c); /* it did not, and yet it was not hung up on */
    } else if (i == NO_ROW && !gave_up_unheard(c, &r)) {
        if (connect__was_here(c, r.id))
            c->state.repeated++; /* over already, which is the usual case */
        else
            connect__flow_hung_up(c, &r);
    }
    contact_record_free(&r);
}

/* ---- the two streams ---- */

static void on_streams_moved(void *arg)
{
    connect__news(arg);
}

/* Takes one of the two positions that `resume` holds, in their order. */
static struct shard_reader *begin(struct connect *c, const char *stream, struct reader *from)
{
    struct shard_reader_config config = {.stream = stream,
                                         .region = c->config.region,
                                         .read_ms = c->config.read_ms,
                                         .from_ms = c->began_at};
    struct shard_reader *k =
        stream ? shard_reader_new(c->loop, c->config.aws, &config, from, on_streams_moved, c)
               : NULL;
    if (!k && stream)
        k = shard_reader_new(c->loop, c->config.aws, &config, NULL, on_streams_moved, c);
    return k;
}

void connect__streams_begin(struct connect *c, const char *agents, const char *records)
{
    struct reader r[2] = {{0}};
    struct reader all = reader_of(c->resume, c->resume_len);
    for (int i = 0; c->resume && i < 2; i++) {
        size_t n;
        const char *p = reader_str(&all, &n);
        r[i] = reader_of(p, n);
    }
    if (!c->agents)
        c->agents = begin(c, agents, c->resume && r[0].p != r[0].end ? &r[0] : NULL);
    if (!c->records)
        c->records = begin(c, records, c->resume && r[1].p != r[1].end ? &r[1] : NULL);
    mem_free(c->resume);
    c->resume = NULL;
}

bool connect__take_record(struct connect *c)
{
    struct shard_record r;
    if (c->agents && shard_reader_next(c->agents, &r)) {
        on_agent_event(c, r.data, r.len);
        return true;
    }
    if (c->records && shard_reader_next(c->records, &r)) {
        on_contact_record(c, r.data, r.len);
        return true;
    }
    return false;
}

/* ---- contact events ---- */

static bool is_ours(const struct connect *c, const char *instance_arn)
{
    struct arn_connect a;
    return arn_connect_parse(HTTP_SPAN(instance_arn), &a) &&
           http_span_is(a.instance, c->config.instance_id) &&
           http_span_is(a.region, c->config.region);
}

/* They come in any order, or not at all: each moves a contact forward only. */
static void apply_event(struct connect *c, const struct contact_event *e)
{
    uint32_t i = connect__row_here(c, e->id);
    switch (e->type) {
    case CONTACT_EVENT_QUEUED:
        if (i == NO_ROW)
            (void)connect__waits_here(c, e->id, e->channel, e->queue_arn,
                                      e->queued_at ? e->queued_at : e->at);
        break;
    case CONTACT_EVENT_CONNECTED_TO_AGENT:
        i = connect__waits_here(c, e->id, e->channel, e->queue_arn,
                                e->queued_at ? e->queued_at : e->at);
        if (i != NO_ROW && c->row[i].state < ROW_CONNECTED)
            contact_moves(c, i, ROW_CONNECTED, connect__agent_of(c, e->agent_arn, ""),
                          e->connected_at ? e->connected_at : e->at, 0);
        break;
    case CONTACT_EVENT_DISCONNECTED:
        if (i != NO_ROW && c->row[i].state == ROW_QUEUED)
            connect__contact_ended(c, i, end_of(e->disconnect_reason), e->at);
        else if (i != NO_ROW && c->row[i].state > ROW_QUEUED)
            contact_moves(c, i, ROW_WRAPUP, c->row[i].agent, e->at, 0);
        break;
    case CONTACT_EVENT_COMPLETED:
        if (i != NO_ROW && c->row[i].state >= ROW_QUEUED)
            connect__contact_ended(c, i, ENDED_COMPLETED, e->at);
        break;
    case CONTACT_EVENT_INITIATED:
    case CONTACT_EVENT_CONNECTED_TO_SYSTEM:
    case CONTACT_EVENT_OTHER: break;
    }
}

bool connect_contact_event(struct connect *c, const char *text, size_t n)
{
    struct contact_event e;
    if (!contact_event_decode(text, n, &e))
        return false;
    /* Of a pair's contacts both regions tell the same; each has those that are active in it. */
    bool ours = is_ours(c, e.instance_arn);
    bool here = !*e.active_region || strcmp(e.active_region, c->config.region) == 0;
    if (ours && here && !connect__is_behind(c)) { /* best effort at AWS, too */
        c->state.contact_events++;
        apply_event(c, &e);
        connect__news(c);
    }
    contact_event_free(&e);
    return ours;
}
