/* connect_ask.c - a flow asks, by its Lambda function, where a contact is to go.
 *
 * The question is open until the node has decided (deliver, send), or its time is over; then the
 * answer is LOCAL, and the node learns that the contact waits here. A question about a contact that
 * was transferred here is open until the contact is expected: a call can be quicker than the bus.
 */
#include "driver/instance/connect_i.h"

#include "base/json.h"
#include "base/log.h"
#include "base/siphash.h"
#include "core/place.h"

struct question {
    json_t *doc;
    const char *op, *queue, *caller, *called, *contact, *channel;
    struct td_id here, claimed; /* claimed: by the attribute tandem_contact */
    const char *queue_arn;
    bool check; /* of a task that we have sent, to see whether flows ask (connect_flows.c) */
};

static const char *text(const json_t *o, const char *name)
{
    const char *s = json_string_value(json_object_get(o, name));
    return s ? s : "";
}

static bool read_question(const char *event, size_t n, struct question *q)
{
    *q = (struct question){.doc = n <= RECORD_MAX ? json_loadb(event, n, 0, NULL) : NULL};
    const json_t *details = json_object_get(q->doc, "Details");
    const json_t *p = json_object_get(details, "Parameters");
    const json_t *k = json_object_get(details, "ContactData");
    const json_t *attributes = json_object_get(k, "Attributes");
    q->op = text(p, "op");
    q->queue = text(p, "queue");
    if (!*q->queue)
        q->queue = text(attributes, "tandem_queue");
    q->queue_arn = text(json_object_get(k, "Queue"), "ARN");
    q->caller = text(json_object_get(k, "CustomerEndpoint"), "Address");
    q->called = text(json_object_get(k, "SystemEndpoint"), "Address");
    q->channel = text(k, "Channel");
    q->contact = text(k, "ContactId");
    q->check = *text(attributes, CONNECT_CHECK);
    if (!id_parse(text(attributes, "tandem_contact"), &q->claimed))
        q->claimed = (struct td_id){0, 0};
    if (id_parse(q->contact, &q->here))
        return true;
    json_decref(q->doc);
    q->doc = NULL;
    return false;
}

/* ---- answers ---- */

static void answer(struct connect *c, connect_answer *to, void *arg, const char *action,
                   const char *number, struct td_id id, uint16_t queue)
{
    struct buf b = {0};
    struct jw w;
    char txn[ID_TEXT] = "";
    bool local = strcmp(action, "LOCAL") == 0;
    if (!id_none(id))
        id_print(id, txn);
    jw_begin(&w, &b);
    jw_obj(&w);
    jw_key(&w, "action");
    jw_str(&w, action);
    jw_key(&w, "number");
    jw_str(&w, number);
    jw_key(&w, "txn");
    jw_str(&w, txn);
    jw_key(&w, "queue");
    jw_str(&w, local && queue < c->config.config->n_queues ? c->names.queue[queue].arn : "");
    jw_end(&w);
    jw_done(&w);
    c->state.local += local;
    c->state.transferred += strcmp(action, "TRANSFER") == 0;
    to(arg, b.data, b.len);
    buf_free(&b);
}

static void close_ask(struct connect *c, struct ask *a, const char *action, const char *number,
                      uint16_t queue)
{
    connect_answer *to = a->answer;
    void *arg = a->arg;
    struct td_id id = a->id;
    *a = (struct ask){0};
    while (c->asks_high && !c->ask[c->asks_high - 1].number)
        c->asks_high--;
    answer(c, to, arg, action, number, id, queue);
}

void connect__answer_row(struct connect *c, uint32_t row, const char *action, const char *number)
{
    for (uint32_t i = 0; i < c->asks_high; i++)
        if (c->ask[i].number && c->ask[i].row == row)
            close_ask(c, &c->ask[i], action, number, c->row[row].queue);
}

bool connect__row_asks(const struct connect *c, uint32_t row)
{
    for (uint32_t i = 0; i < c->asks_high; i++)
        if (c->ask[i].number && c->ask[i].row == row)
            return true;
    return false;
}

static uint64_t open_ask(struct connect *c, uint32_t row, struct td_id id, const char *dialled,
                         connect_answer *to, void *arg)
{
    uint32_t i = 0;
    while (i < c->asks_high && c->ask[i].number)
        i++;
    BUG_ON(i == CONNECT_ASKS_MAX);
    c->asks_high = MAX(c->asks_high, i + 1);
    c->ask[i] = (struct ask){.number = ++c->next_ask,
                             .row = row,
                             .due = (td_ms)uv_now(c->loop) + CONNECT_ASK_MS,
                             .id = id,
                             .answer = to,
                             .arg = arg};
    (void)str_copy(c->ask[i].dialled, CONNECT_NUMBER_MAX, dialled);
    return c->next_ask;
}

static bool is_full(const struct connect *c)
{
    for (uint32_t i = 0; i < c->asks_high; i++)
        if (!c->ask[i].number)
            return false;
    return c->asks_high == CONNECT_ASKS_MAX;
}

void connect_ask_cancel(struct connect *c, uint64_t number)
{
    for (uint32_t i = 0; i < c->asks_high; i++)
        if (c->ask[i].number == number)
            c->ask[i] = (struct ask){0};
}

/* ---- the contact waits here ---- */

static void is_queued(struct connect *c, uint32_t row)
{
    struct row *r = &c->row[row];
    r->state = ROW_QUEUED;
    r->at = connect__now(c);
    r->leaving = r->given = false;
    connect__say_contact(c, r, CONTACT_QUEUED, 0, r->at);
}

/* ---- transfers that come ---- */

static bool is_transfer_number(const struct connect *c, const char *number)
{
    const struct connect_numbers *n = &c->config.numbers[c->config.site];
    for (uint32_t i = 0; *number && i < n->n; i++)
        if (strcmp(n->number[i], number) == 0)
            return true;
    return false;
}

/* Of those expected at this number the one longest under way. */
static uint32_t expected_at(const struct connect *c, const char *number)
{
    const struct connect_numbers *n = &c->config.numbers[c->config.site];
    uint32_t best = NO_ROW;
    for (uint32_t i = 0; i < c->n_rows; i++) {
        const struct row *r = &c->row[i];
        if (r->state == ROW_EXPECTED && strcmp(connect_claim(n, r->id), number) == 0 &&
            (best == NO_ROW || r->due < c->row[best].due))
            best = i;
    }
    return best;
}

static void claim(struct connect *c, uint32_t row, struct td_id here)
{
    c->state.claimed++;
    connect__row_is_here(c, row, here);
    is_queued(c, row);
}

void connect__expect(struct connect *c, uint32_t row)
{
    struct row *r = &c->row[row];
    const char *number = connect_claim(&c->config.numbers[c->config.site], r->id);
    for (uint32_t i = 0; i < c->asks_high; i++) {
        struct ask *a = &c->ask[i];
        if (!a->number || a->row != NO_ROW)
            continue;
        bool it = !id_none(a->claimed) ? id_eq(a->claimed, r->id)
                                       : number && strcmp(a->dialled, number) == 0;
        if (id_eq(a->id, r->id) || it) {
            struct td_id here = a->id; /* of a transfer by number this is its id here */
            a->id = r->id;
            claim(c, row, here);
            close_ask(c, a, "LOCAL", "", r->queue);
            return;
        }
    }
}

/* ---- questions ---- */

/* Where a caller is and who, and then his number is forgotten. */
static void place_caller(const struct connect *c, const char *number, struct route_request *rq)
{
    const uint64_t *key = c->config.pseudonym_key;
    struct place p;
    uint64_t id[2];
    if (place_from_number(number, &p)) {
        rq->how = p.how;
        rq->lat = (float)p.lat;
        rq->lon = (float)p.lon;
    }
    if (*number && (key[0] | key[1])) {
        siphash128(key, number, strlen(number), id);
        rq->customer = (struct td_id){id[0], id[1]};
    }
}

static void ask_node(struct connect *c, uint32_t row, const struct question *q)
{
    const struct row *r = &c->row[row];
    struct route_request rq = {.contact = r->id,
                               .queue = r->queue,
                               .channel = r->channel,
                               .entry_site = c->config.site,
                               .how = PLACE_NONE,
                               .arrived_at = connect__now(c)};
    place_caller(c, q->caller, &rq);
    connect__say(c, &(struct instance_event){.type = INST_ARRIVED, .request = rq});
    connect__news(c);
}

static uint64_t local_now(struct connect *c, const struct question *q, connect_answer *to,
                          void *arg)
{
    answer(c, to, arg, "LOCAL", "", q ? q->here : (struct td_id){0, 0},
           q ? connect__queue_of(c, q->queue) : INDEX_NONE);
    return 0;
}

static uint64_t end_now(struct connect *c, const struct question *q, connect_answer *to, void *arg)
{
    answer(c, to, arg, "END", "", q->here, INDEX_NONE);
    return 0;
}

/* The open question is about a call that says whose it is: no other's expectation may take it. */
static void claimed_by(struct connect *c, uint64_t number, struct td_id claimed)
{
    for (uint32_t i = 0; i < c->asks_high; i++)
        if (c->ask[i].number == number)
            c->ask[i].claimed = claimed;
}

static uint64_t ask_route(struct connect *c, const struct question *q, connect_answer *to,
                          void *arg)
{
    uint32_t row = connect__row_here(c, q->here);
    bool by_number = is_transfer_number(c, q->called);
    if (row == NO_ROW && (by_number || !id_none(q->claimed))) {
        uint32_t expected =
            id_none(q->claimed) ? expected_at(c, q->called) : connect__row_of(c, q->claimed);
        if (expected != NO_ROW && c->row[expected].state <= ROW_STARTING) {
            claim(c, expected, q->here);
            connect__news(c);
            answer(c, to, arg, "LOCAL", "", c->row[expected].id, c->row[expected].queue);
            return 0;
        }
        if (by_number) {
            uint64_t number = open_ask(c, NO_ROW, q->here, q->called, to, arg);
            claimed_by(c, number, q->claimed);
            return number;
        }
    }
    if (row != NO_ROW && c->row[row].state >= ROW_QUEUED) { /* asked again: the answer was lost */
        answer(c, to, arg, "LOCAL", "", c->row[row].id, c->row[row].queue);
        return 0;
    }
    uint16_t queue = connect__queue_of(c, q->queue);
    uint8_t channel = connect_channel(q->channel);
    if (queue == INDEX_NONE || channel == CHANNELS || !c->ready)
        return local_now(c, q, to, arg);
    bool known = row != NO_ROW;
    if (!known && (row = connect__row_new(c, q->here, q->here)) == NO_ROW)
        return local_now(c, q, to, arg);
    c->row[row].queue = queue;
    c->row[row].channel = channel;
    uint64_t number = open_ask(c, row, c->row[row].id, "", to, arg);
    if (!known)
        ask_node(c, row, q);
    return number;
}

/* It waits, and its flow asks from time to time whether it is still to. */
static uint64_t ask_wait(struct connect *c, const struct question *q, connect_answer *to, void *arg)
{
    uint32_t row = connect__row_here(c, q->here);
    if (row == NO_ROW && (id_none(q->claimed) || id_eq(q->claimed, q->here))) {
        row = connect__waits_here(c, q->here, connect_channel(q->channel), q->queue_arn,
                                  connect__now(c)); /* nobody heard it when it came */
        connect__news(c);
    }
    if (row == NO_ROW)
        return local_now(c, q, to, arg);
    struct row *r = &c->row[row];
    if (r->over) {
        answer(c, to, arg, "END", "", r->id, INDEX_NONE);
        connect__row_free(c, row);
        return 0;
    }
    if (r->state != ROW_QUEUED || !r->leaving) {
        answer(c, to, arg, "LOCAL", "", r->id, r->queue);
        return 0;
    }
    if (r->given && r->to_site != SITE_NONE) {
        const char *number = connect_claim(&c->config.numbers[r->to_site], r->id);
        answer(c, to, arg, "TRANSFER", number ? number : "", r->id, INDEX_NONE);
        connect__row_free(c, row);
        return 0;
    }
    if (!r->given) {
        r->given = true;
        connect__say(c, &(struct instance_event){.type = INST_RELEASED, .outcome = {r->id, true}});
        connect__news(c);
    }
    return open_ask(c, row, r->id, "", to, arg);
}

uint64_t connect_ask(struct connect *c, const char *event, size_t n, connect_answer *to, void *arg)
{
    struct question q;
    uint64_t number;
    c->state.asked++;
    if (c->closing || is_full(c) || connect__is_behind(c) || !read_question(event, n, &q))
        return local_now(c, NULL, to, arg);
    if (strcmp(q.op, "wait") == 0) {
        number = ask_wait(c, &q, to, arg);
    } else {
        connect__flow_asked(c);
        number = q.check ? end_now(c, &q, to, arg) : ask_route(c, &q, to, arg);
    }
    json_decref(q.doc);
    return number;
}

/* ---- time ---- */

/* Nobody has said where it goes: it stays, and the nodes are told that it waits here. */
static void too_late(struct connect *c, struct ask *a)
{
    uint32_t row = a->row;
    c->state.late++;
    if (row == NO_ROW) { /* a transfer that nobody knows of */
        close_ask(c, a, "LOCAL", "", INDEX_NONE);
        log_warn("connect", "a contact came to a transfer number and nobody expects it",
                 LF_S("region", c->config.region));
        return;
    }
    close_ask(c, a, "LOCAL", "", c->row[row].queue);
    if (!connect__row_asks(c, row) && (c->row[row].state == ROW_ASKED || c->row[row].given)) {
        is_queued(c, row);
        connect__news(c);
    }
}

void connect__asks_tick(struct connect *c, td_ms now)
{
    for (uint32_t i = 0; i < c->asks_high; i++)
        if (c->ask[i].number && c->ask[i].due <= now)
            too_late(c, &c->ask[i]);
}

void connect__asks_close(struct connect *c)
{
    for (uint32_t i = 0; i < c->asks_high; i++)
        if (c->ask[i].number)
            close_ask(c, &c->ask[i], "LOCAL", "", INDEX_NONE);
}
