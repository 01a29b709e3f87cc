/* connect.c - the driver's life, what it says to the node, its rows and its clock. */
#include "driver/instance/connect_i.h"

#include "base/log.h"
#include "base/siphash.h"

enum { TICK_MS = 100, PROBES_FAILED_MAX = 3 };

td_ms connect__now(const struct connect *c)
{
    return c->config.now(c->config.now_arg);
}

/* ---- what is said ---- */

static struct instance_event *out_at(struct connect *c, uint32_t i)
{
    return &c->out[(c->out_first + i) & (c->out_cap - 1)];
}

void connect__say(struct connect *c, const struct instance_event *e)
{
    if (c->out_count == c->out_cap) {
        uint32_t cap = c->out_cap ? c->out_cap * 2 : 256;
        BUG_ON(cap > CONNECT_OUT_MAX); /* records are decoded only as the node takes them */
        struct instance_event *ring = mem_new(cap, sizeof *ring);
        for (uint32_t i = 0; i < c->out_count; i++)
            ring[i] = *out_at(c, i);
        mem_free(c->out);
        c->out = ring;
        c->out_cap = cap;
        c->out_first = 0;
    }
    *out_at(c, c->out_count++) = *e;
}

bool connect__is_behind(const struct connect *c)
{
    return c->out_count >= CONNECT_OUT_BEHIND;
}

void connect__news(struct connect *c)
{
    c->moved(c->moved_arg, c->config.site);
}

void connect__say_contact(struct connect *c, const struct row *r, uint8_t state, uint8_t end,
                          td_ms at)
{
    connect__say(c, &(struct instance_event){.type = INST_CONTACT,
                                             .contact = {.contact = r->id,
                                                         .state = state,
                                                         .end = end,
                                                         .channel = r->channel,
                                                         .queue = r->queue,
                                                         .agent = r->agent,
                                                         .at = at}});
}

static void say_health(struct connect *c)
{
    connect__say(c, &(struct instance_event){.type = INST_HEALTH, .health = {c->ok, c->ready}});
}

/* Well: its API answers and its streams run. Ready: and its resources are known, its flows run. */
void connect__health_tick(struct connect *c)
{
    bool stalled = c->agents && shard_reader_state(c->agents).stalled;
    bool failed = c->probes_failed >= PROBES_FAILED_MAX;
    if (!c->told_health && !c->state.ok && !failed)
        return; /* nothing is known of it yet */
    bool ok = !failed && !stalled && c->state.ok;
    bool ready = ok && c->state.named && !c->flows.broken;
    if (c->told_health && ok == c->ok && ready == c->ready)
        return;
    c->told_health = true;
    c->ok = ok;
    c->ready = ready;
    log_notice("connect", "the instance's health has changed", LF_S("region", c->config.region),
               LF_B("ok", ok), LF_B("ready", ready));
    say_health(c);
    connect__news(c);
}

/* ---- the port ---- */

static struct connect *of(struct instance *i)
{
    return CONTAINER_OF(i, struct connect, instance);
}

static bool port_next(struct instance *i, struct instance_event *out)
{
    struct connect *c = of(i);
    while (c->out_taken == c->out_count)
        if (!connect__take_record(c))
            return false;
    *out = *out_at(c, c->out_taken++);
    return true;
}

static void port_ack(struct instance *i)
{
    struct connect *c = of(i);
    c->out_first = c->out_cap ? (c->out_first + c->out_taken) & (c->out_cap - 1) : 0;
    c->out_count -= c->out_taken;
    c->out_taken = 0;
}

static void port_rewind(struct instance *i)
{
    struct connect *c = of(i);
    c->out_taken = 0;
    if (c->told_health) /* a node that starts wants to know how its instance is */
        say_health(c);
}

static const uint8_t state_of[] = {
    [ROW_FREE] = CONTACT_ENDED,      [ROW_ASKED] = CONTACT_PLACED,
    [ROW_EXPECTED] = CONTACT_PLACED, [ROW_STARTING] = CONTACT_PLACED,
    [ROW_QUEUED] = CONTACT_QUEUED,   [ROW_CONNECTED] = CONTACT_CONNECTED,
    [ROW_HELD] = CONTACT_HELD,       [ROW_WRAPUP] = CONTACT_WRAPUP,
};

static bool real_contact(void *arg, struct td_id id, struct instance_contact *out)
{
    struct connect *c = arg;
    uint32_t i = connect__row_of(c, id);
    const struct row *r = i == NO_ROW ? NULL : &c->row[i];
    if (!r || state_of[r->state] == CONTACT_PLACED)
        return false;
    *out = (struct instance_contact){.contact = id,
                                     .state = state_of[r->state],
                                     .channel = r->channel,
                                     .queue = r->queue,
                                     .agent = r->agent,
                                     .at = r->at};
    return true;
}

/* As the streams had it when the node last committed: what others have said since is newer. */
static bool real_agent(void *arg, uint32_t agent, struct instance_agent *out)
{
    struct connect *c = arg;
    out->presence = c->agent[agent].presence;
    out->unsure = true;
    return out->presence != PRESENCE_OFFLINE;
}

static struct reality port_reality(struct instance *i)
{
    return (struct reality){real_contact, real_agent, of(i)};
}

static const struct instance_ops ops = {
    .name = "Amazon Connect",
    .deliver = connect__deliver,
    .release = connect__release,
    .send = connect__send,
    .drop = connect__drop,
    .sign_in = connect__sign_in,
    .sign_out = connect__sign_out,
    .weight = connect__weight,
    .next = port_next,
    .ack = port_ack,
    .rewind = port_rewind,
    .reality = port_reality,
    .position = connect__position,
    .resume = connect__resume,
};

/* ---- rows ---- */

uint32_t connect__row_of(const struct connect *c, struct td_id id)
{
    uint32_t i;
    return map128_find(&c->by_id, id.hi, id.lo, &i) ? i : NO_ROW;
}

uint32_t connect__row_here(const struct connect *c, struct td_id here)
{
    uint32_t i;
    return map128_find(&c->by_here, here.hi, here.lo, &i) ? i : NO_ROW;
}

void connect__row_is_here(struct connect *c, uint32_t row, struct td_id here)
{
    struct row *r = &c->row[row];
    if (!id_none(r->here))
        (void)map128_erase(&c->by_here, r->here.hi, r->here.lo);
    r->here = here;
    map128_insert(&c->by_here, here.hi, here.lo, row);
}

/* NO_ROW: there are as many as may be. */
uint32_t connect__row_new(struct connect *c, struct td_id id, struct td_id here)
{
    if (c->live == CONNECT_CONTACTS_MAX)
        return NO_ROW;
    if (!c->n_unused) {
        uint32_t more = c->n_rows ? c->n_rows : 64;
        c->row = mem_grow(c->row, c->n_rows + more, sizeof *c->row);
        c->unused = mem_grow(c->unused, c->n_rows + more, sizeof *c->unused);
        for (uint32_t i = 0; i < more; i++)
            c->unused[c->n_unused++] = c->n_rows + more - 1 - i;
        memset(&c->row[c->n_rows], 0, more * sizeof *c->row);
        c->n_rows += more;
    }
    uint32_t i = c->unused[--c->n_unused];
    c->row[i] = (struct row){
        .state = ROW_ASKED, .id = id, .agent = NO_AGENT, .queue = INDEX_NONE, .to_site = SITE_NONE};
    map128_insert(&c->by_id, id.hi, id.lo, i);
    if (!id_none(here))
        connect__row_is_here(c, i, here);
    c->live++;
    return i;
}

void connect__row_agent(struct connect *c, uint32_t row, uint32_t agent)
{
    struct row *r = &c->row[row];
    if (r->agent != NO_AGENT)
        c->agent[r->agent].held--;
    if (agent != NO_AGENT)
        c->agent[agent].held++;
    r->agent = agent;
}

bool connect__was_here(const struct connect *c, struct td_id here)
{
    uint32_t i;
    return map128_find(&c->ended_by_id, here.hi, here.lo, &i);
}

static void remember(struct connect *c, struct td_id here)
{
    if (id_none(here) || connect__was_here(c, here))
        return;
    if (!c->ended)
        c->ended = mem_new(CONNECT_ENDED_MAX, sizeof *c->ended);
    struct gone *at = &c->ended[c->ended_next];
    if (!id_none(at->here)) {
        (void)map128_erase(&c->ended_by_id, at->here.hi, at->here.lo);
        c->ended_since = MAX(c->ended_since, at->at);
    }
    *at = (struct gone){here, connect__now(c)};
    map128_insert(&c->ended_by_id, here.hi, here.lo, c->ended_next);
    c->ended_next = (c->ended_next + 1) % CONNECT_ENDED_MAX;
}

void connect__row_free(struct connect *c, uint32_t row)
{
    struct row *r = &c->row[row];
    connect__answer_row(c, row, "LOCAL", ""); /* whoever still asks for it */
    connect__row_agent(c, row, NO_AGENT);
    mem_free(r->start);
    remember(c, r->here);
    if (r->call) {
        aws_call_cancel(c->config.aws, r->call);
        c->starting--;
    }
    (void)map128_erase(&c->by_id, r->id.hi, r->id.lo);
    if (!id_none(r->here))
        (void)map128_erase(&c->by_here, r->here.hi, r->here.lo);
    *r = (struct row){0};
    c->unused[c->n_unused++] = row;
    c->live--;
}

const char *connect_claim(const struct connect_numbers *numbers, struct td_id contact)
{
    static const uint64_t key[2] = {0x74616e64656d2121u, 0x636c61696d000001u}; /* no secret */
    return numbers->n ? numbers->number[siphash(key, &contact, sizeof contact) % numbers->n] : NULL;
}

/* ---- life ---- */

static void on_timer(uv_timer_t *t)
{
    struct connect *c = CONTAINER_OF(t, struct connect, timer);
    td_ms now = (td_ms)uv_now(c->loop);
    connect__asks_tick(c, now);
    connect__act_tick(c, now);
    connect__poll_tick(c, now);
    connect__flows_tick(c);
    connect__health_tick(c);
}

static const char *copy(const char *s)
{
    return s ? mem_strdup(s) : NULL;
}

struct connect *connect_new(struct uv_loop_s *loop, const struct connect_config *config,
                            void (*moved)(void *arg, uint8_t site), void *arg)
{
    struct connect *c = mem_new(1, sizeof *c);
    c->instance.ops = &ops;
    c->loop = loop;
    c->config = *config;
    c->config.region = copy(config->region);
    c->config.instance_id = copy(config->instance_id);
    c->config.agent_stream = copy(config->agent_stream);
    c->config.record_stream = copy(config->record_stream);
    c->config.flow = copy(config->flow);
    c->config.available = mem_strdup(config->available ? config->available : "Available");
    c->config.offline = mem_strdup(config->offline ? config->offline : "Offline");
    c->moved = moved;
    c->moved_arg = arg;
    c->agent = mem_new(config->config->n_agents, sizeof *c->agent);
    for (uint32_t i = 0; i < config->config->n_agents; i++)
        c->agent[i].profile = UINT32_MAX;
    c->began_at = connect__now(c);
    c->ended_since = MAX(c->ended_since, c->began_at);
    BUG_ON(uv_timer_init(loop, &c->timer) != 0);
    (void)uv_timer_start(&c->timer, on_timer, 1, TICK_MS);
    connect__names_begin(c);
    return c;
}

struct instance *connect_instance(struct connect *c)
{
    return &c->instance;
}

static void on_timer_closed(uv_handle_t *h)
{
    struct connect *c = CONTAINER_OF((uv_timer_t *)h, struct connect, timer);
    connect__names_free(c);
    mem_free(c->row);
    mem_free(c->unused);
    map128_free(&c->by_id);
    map128_free(&c->by_here);
    map128_free(&c->ended_by_id);
    mem_free(c->ended);
    mem_free(c->agent);
    mem_free(c->out);
    mem_free(c->resume);
    mem_free((char *)(uintptr_t)c->config.region);
    mem_free((char *)(uintptr_t)c->config.instance_id);
    mem_free((char *)(uintptr_t)c->config.agent_stream);
    mem_free((char *)(uintptr_t)c->config.record_stream);
    mem_free((char *)(uintptr_t)c->config.flow);
    mem_free((char *)(uintptr_t)c->config.available);
    mem_free((char *)(uintptr_t)c->config.offline);
    mem_free(c);
}

void connect_close(struct connect *c)
{
    c->closing = true;
    connect__asks_close(c);
    if (c->names_call)
        aws_call_cancel(c->config.aws, c->names_call);
    connect__poll_close(c);
    connect__flows_close(c);
    for (uint32_t i = 0; i < c->n_rows; i++)
        if (c->row[i].state != ROW_FREE)
            connect__row_free(c, i);
    if (c->agents)
        shard_reader_close(c->agents);
    if (c->records)
        shard_reader_close(c->records);
    uv_close((uv_handle_t *)&c->timer, on_timer_closed);
}

struct connect_state connect_state(const struct connect *c)
{
    struct connect_state s = c->state;
    s.ok = c->ok;
    s.ready = c->ready;
    s.contacts = c->live;
    for (uint32_t i = 0; i < c->n_rows; i++)
        s.expected += c->row[i].state == ROW_EXPECTED;
    for (uint32_t i = 0; i < c->asks_high; i++)
        s.asks += c->ask[i].number != 0;
    if (c->agents)
        s.behind_ms = shard_reader_state(c->agents).behind_ms;
    return s;
}
