#include "connect/state.h"

#include <string.h>

struct state {
    struct state_options o;
};

static void put(struct jw *w, const char *key, const char *v)
{
    jw_key(w, key);
    jw_str(w, v);
}

static void put_count(struct jw *w, const char *key, uint64_t n)
{
    jw_key(w, key);
    jw_uint(w, n);
}

static void put_id(struct jw *w, const char *key, struct td_id id)
{
    char text[ID_TEXT];
    id_print(id, text);
    put(w, key, id_none(id) ? NULL : text);
}

/* ---- the truth ---- */

static const char *const state_names[CONTACT_STATES] = {
    "in_flow", "queued", "ringing", "connected", "held", "wrapup", "completed"};

static const struct instance *where(const struct user *u)
{
    const struct mirror *m = u->r.mirror;
    return m->side[u->side < m->n_sides ? u->side : 0];
}

/* A sum, so that it does not depend on any order. */
static uint64_t hash_of(const struct instance *i)
{
    uint64_t sum = 0;
    const struct contact *k;
    const struct res_list *l = &i->mirror->list[RES_USER];
    for (uint32_t n = 0; n < l->n; n++) {
        const struct user *u = (const struct user *)l->item[n];
        if (where(u) == i)
            sum += mix64(u->r.id.lo ^
                         mix64(u->status->r.id.lo + u->logged_in + 2u * (uint64_t)u->engine_state));
    }
    TAILQ_FOREACH(k, &i->live, of_instance)
    sum += mix64(k->id.lo ^ mix64(k->state + (k->queue ? k->queue->r.id.lo : 0) +
                                  (k->with_user ? mix64(k->user->r.id.lo) : 0)));
    return mix64(sum);
}

static void put_contacts(struct jw *w, const struct instance *i)
{
    uint64_t n[CONTACT_STATES] = {0};
    const struct contact *k;
    TAILQ_FOREACH(k, &i->live, of_instance)
    n[k->state]++;
    jw_key(w, "contacts");
    jw_obj(w);
    for (int s = 0; s < CONTACT_COMPLETED; s++)
        put_count(w, state_names[s], n[s]);
    put_count(w, "arrived", i->arrived);
    put_count(w, "ended", i->ended_total);
    put_count(w, "refused", i->refused);
    jw_end(w);
}

static void put_agents(struct jw *w, const struct instance *i)
{
    uint64_t n[AGENT_STATES] = {0}, logged_in = 0, total = 0;
    const struct res_list *l = &i->mirror->list[RES_USER];
    for (uint32_t a = 0; a < l->n; a++) {
        const struct user *u = (const struct user *)l->item[a];
        if (where(u) != i)
            continue;
        total++;
        logged_in += u->logged_in;
        n[u->engine_state]++;
    }
    jw_key(w, "agents");
    jw_obj(w);
    put_count(w, "all", total);
    put_count(w, "logged_in", logged_in);
    for (int s = 0; s < AGENT_STATES; s++)
        put_count(w, engine_agent_state_names[s], n[s]);
    jw_end(w);
}

static void put_feeds(struct jw *w, const struct state *s, const struct region *g)
{
    static const char *const names[FEEDS] = {"agent_events", "contact_records"};
    for (int kind = 0; kind < FEEDS; kind++) {
        struct feed_stats f = feed_stats(s->o.feed, g, (enum feed_kind)kind);
        jw_key(w, names[kind]);
        jw_obj(w);
        put_count(w, "written", f.written);
        put_count(w, "twice", f.twice);
        put_count(w, "held", f.held);
        put_count(w, "lost", f.lost);
        put_count(w, "heartbeats", f.heartbeats);
        jw_end(w);
    }
}

static void put_every_agent(struct jw *w, const struct instance *i)
{
    const struct res_list *l = &i->mirror->list[RES_USER];
    jw_key(w, "every_agent");
    jw_arr(w);
    for (uint32_t a = 0; a < l->n; a++) {
        const struct user *u = (const struct user *)l->item[a];
        const struct contact *k;
        if (where(u) != i)
            continue;
        jw_obj(w);
        put_id(w, "id", u->r.id);
        put(w, "username", u->r.name);
        jw_key(w, "logged_in");
        jw_bool(w, u->logged_in);
        put(w, "status", u->status->r.name);
        put(w, "next_status", u->next_status ? u->next_status->r.name : NULL);
        put(w, "state", engine_agent_state_names[u->engine_state]);
        put(w, "routing_profile", u->profile->r.name);
        jw_key(w, "contacts");
        jw_arr(w);
        LIST_FOREACH(k, &u->contacts, of_user)
        {
            char id[ID_TEXT];
            id_print(k->id, id);
            jw_str(w, id);
        }
        jw_end(w);
        jw_end(w);
    }
    jw_end(w);
}

static void put_every_contact(struct jw *w, const struct instance *i)
{
    const struct contact *k;
    jw_key(w, "every_contact");
    jw_arr(w);
    TAILQ_FOREACH(k, &i->live, of_instance)
    {
        jw_obj(w);
        put_id(w, "id", k->id);
        put_id(w, "initial", k->initial);
        put_id(w, "previous", k->previous);
        put_id(w, "related", k->related);
        put(w, "channel", channel_api_names[k->channel]);
        put(w, "state", state_names[k->state]);
        put(w, "queue", k->queue ? k->queue->r.name : NULL);
        put(w, "agent", k->with_user ? k->user->r.name : NULL);
        jw_end(w);
    }
    jw_end(w);
}

static void put_instance(struct jw *w, const struct state *s, const struct instance *i, bool full)
{
    char arn[ARN_MAX];
    instance_arn(i, arn);
    jw_obj(w);
    put(w, "arn", arn);
    put(w, "region", i->region->name);
    put(w, "alias", i->alias);
    put_contacts(w, i);
    put_agents(w, i);
    put_feeds(w, s, i->region);
    char hash[20];
    snprintf(hash, sizeof hash, "%016llx", (unsigned long long)hash_of(i));
    put(w, "hash", hash);
    if (full) {
        put_every_agent(w, i);
        put_every_contact(w, i);
    }
    jw_end(w);
}

/* ---- calls and the rest ---- */

static void put_call(void *arg, const char *region, const char *operation, uint64_t calls,
                     uint64_t throttled)
{
    struct jw *w = arg;
    jw_obj(w);
    put(w, "region", region);
    put(w, "operation", operation);
    put_count(w, "calls", calls);
    put_count(w, "throttled", throttled);
    jw_end(w);
}

static void put_stream(void *arg, const char *account, const char *region,
                       const struct stream *stream)
{
    struct jw *w = arg;
    jw_obj(w);
    put(w, "account", account);
    put(w, "region", region);
    put(w, "name", stream->name);
    put_count(w, "put", stream->put);
    put_count(w, "dropped", stream->dropped);
    put_count(w, "bytes", stream->bytes);
    put_count(w, "open_shards", stream_open_shards(stream));
    jw_end(w);
}

static void put_faults(struct jw *w, const struct state *s)
{
    struct fault_counts f = faults_counts(s->o.faults);
    jw_key(w, "fault_calls");
    jw_obj(w);
    put_count(w, "unanswered", f.unanswered);
    put_count(w, "failed", f.failed);
    put_count(w, "throttled", f.throttled);
    put_count(w, "slowed", f.slowed);
    jw_end(w);
    put_count(w, "kinesis_throttled", streams_throttled(s->o.streams));
}

static void put_flows(struct jw *w, const struct state *s)
{
    struct flows_stats f = flows_stats(s->o.flows);
    struct lambda_stats l = lambda_stats(s->o.lambda);
    jw_key(w, "flows");
    jw_obj(w);
    put_count(w, "started", f.started);
    put_count(w, "running", f.running);
    put_count(w, "broken", f.broken);
    put_count(w, "moved", f.moved);
    put_count(w, "dial_failed", f.dial_failed);
    jw_end(w);
    jw_key(w, "lambda");
    jw_obj(w);
    put_count(w, "invoked", l.invoked);
    put_count(w, "retried", l.retried);
    put_count(w, "failed", f.lambda_failed);
    put_count(w, "running", l.running);
    jw_end(w);
    if (!s->o.webhook)
        return;
    struct webhook_stats e = webhook_stats(s->o.webhook);
    jw_key(w, "contact_events");
    jw_obj(w);
    put_count(w, "told", e.told);
    put_count(w, "delivered", e.delivered);
    put_count(w, "retried", e.retried);
    put_count(w, "dropped", e.dropped);
    put_count(w, "lost", e.lost);
    put_count(w, "waiting", e.waiting);
    jw_end(w);
}

static void write_state(const struct state *s, bool full, struct buf *b)
{
    struct jw w;
    jw_begin(&w, b);
    jw_obj(&w);
    jw_key(&w, "now_ms");
    jw_int(&w, center_now(s->o.center));
    jw_key(&w, "instances");
    jw_arr(&w);
    for (uint32_t m = 0; m < center_n_mirrors(s->o.center); m++) {
        const struct mirror *mirror = center_mirror(s->o.center, m);
        for (uint8_t side = 0; side < mirror->n_sides; side++)
            put_instance(&w, s, mirror->side[side], full);
    }
    jw_end(&w);
    jw_key(&w, "calls");
    jw_arr(&w);
    front_counts(s->o.front, put_call, &w);
    jw_end(&w);
    jw_key(&w, "streams");
    jw_arr(&w);
    streams_each(s->o.streams, put_stream, &w);
    jw_end(&w);
    put_flows(&w, s);
    put_faults(&w, s);
    jw_end(&w);
    jw_done(&w);
}

/* ---- the controls ---- */

static bool method_is(struct http_request *rq, enum http_method method)
{
    if (rq->method == method)
        return true;
    http_reply_header(rq, "Allow", http_method_names[method]);
    http_problem(rq, 405, NULL, NULL);
    return false;
}

static void get_state(void *arg, struct http_request *rq)
{
    struct state *s = arg;
    char full[8];
    struct buf b = {0};
    if (!method_is(rq, HTTP_METHOD_GET))
        return;
    enum http_param has = http_query_get(rq->query, "full", full, sizeof full);
    write_state(s, has == HTTP_PARAM_OK && strcmp(full, "1") == 0, &b);
    http_reply_header(rq, "Cache-Control", "no-store");
    http_reply(rq, 200, "application/json", b.data, b.len);
    buf_free(&b);
}

static bool is_in(const struct mirror *m, const char *region)
{
    for (uint8_t i = 0; i < m->n_sides; i++)
        if (strcmp(m->side[i]->region->name, region) == 0)
            return true;
    return false;
}

/* region NULL: the first one of this name anywhere. */
static struct res *named(const struct state *s, enum res_kind kind, const char *name,
                         const char *region)
{
    for (uint32_t m = 0; name && m < center_n_mirrors(s->o.center); m++) {
        struct mirror *mirror = center_mirror(s->o.center, m);
        struct res *r =
            region && !is_in(mirror, region) ? NULL : res_named(mirror->side[0], kind, name);
        if (r)
            return r;
    }
    return NULL;
}

static int channel_named(const char *name)
{
    int ch = 0;
    while (ch < CHANNELS && strcmp(channel_api_names[ch], name) != 0)
        ch++;
    return ch;
}

static void set_attributes(void *arg, struct contact *k)
{
    if (json_is_object((const json_t *)arg))
        k->attributes = json_deep_copy(arg);
}

static void post_call(void *arg, struct http_request *rq)
{
    struct state *s = arg;
    if (!method_is(rq, HTTP_METHOD_POST))
        return;
    json_t *o = json_loadb(rq->body.p ? rq->body.p : "", rq->body.n, JSON_REJECT_DUPLICATES, NULL);
    const char *to = json_string_value(json_object_get(o, "number"));
    const char *from = json_string_value(json_object_get(o, "from"));
    const char *channel = json_string_value(json_object_get(o, "channel"));
    const json_t *count = json_object_get(o, "count");
    struct number *n = (struct number *)named(s, RES_NUMBER, to, NULL);
    int64_t times = count ? json_integer_value(count) : 1;
    int ch = channel_named(channel ? channel : "VOICE");
    if (!n || times < 1 || times > STATE_CALLS_MAX || ch == CHANNELS) {
        http_problem(rq, n ? 400 : 404, NULL,
                     n ? "count is from 1 to 1000, channel VOICE, CHAT, TASK or EMAIL."
                       : "number is none that is claimed here.");
        json_decref(o);
        return;
    }
    int64_t began = 0;
    struct contact_start start = {.channel = (uint8_t)ch,
                                  .method = METHOD_INBOUND,
                                  .customer_address = from,
                                  .prepare = set_attributes,
                                  .prepare_arg = json_object_get(o, "attributes")};
    for (int64_t i = 0; i < times; i++)
        began += number_called(n, &start);
    struct buf b = {0};
    buf_fmt(&b, "{\"began\":%lld,\"refused\":%lld}", (long long)began, (long long)(times - began));
    http_reply(rq, 200, "application/json", b.data, b.len);
    buf_free(&b);
    json_decref(o);
}

/* The contact that the agent talks to; NULL: none. */
static struct contact *talking_to(const struct user *u)
{
    struct contact *k;
    LIST_FOREACH(k, &u->contacts, of_user)
    if (k->state == CONTACT_CONNECTED || k->state == CONTACT_HELD)
        return k;
    return NULL;
}

static const char *text_in(const json_t *o, const char *part, const char *name)
{
    const char *v = json_string_value(json_object_get(json_object_get(o, part), name));
    return v ? v : "";
}

/* What a quick connect does with the contact: a number, a queue, an agent. */
static bool transfer(const struct state *s, const struct user *u, const char *name)
{
    struct contact *k = talking_to(u);
    const struct instance *i = where(u);
    const struct quick_connect *q =
        name ? (struct quick_connect *)res_named(i, RES_QUICK_CONNECT, name) : NULL;
    if (!k || !q)
        return false;
    const char *type = json_string_value(json_object_get(q->config, "QuickConnectType"));
    if (type && strcmp(type, "PHONE_NUMBER") == 0)
        return flows_dial(s->o.flows, k, text_in(q->config, "PhoneConfig", "PhoneNumber"));
    bool to_user = type && strcmp(type, "USER") == 0;
    const char *part = to_user ? "UserConfig" : "QueueConfig";
    struct res *flow = res_find(i, RES_FLOW, text_in(q->config, part, "ContactFlowId"));
    struct res *queue = res_find(i, RES_QUEUE, text_in(q->config, part, "QueueId"));
    struct res *user = res_find(i, RES_USER, text_in(q->config, part, "UserId"));
    if (to_user ? !user : !queue)
        return false;
    struct queue *to = to_user ? k->queue : (struct queue *)queue;
    return contact_transfer(k, to, (struct flow *)flow, to_user ? (struct user *)user : NULL);
}

static void post_agent(void *arg, struct http_request *rq)
{
    struct state *s = arg;
    if (!method_is(rq, HTTP_METHOD_POST))
        return;
    json_t *o = json_loadb(rq->body.p ? rq->body.p : "", rq->body.n, JSON_REJECT_DUPLICATES, NULL);
    const char *what = json_string_value(json_object_get(o, "do"));
    struct user *u =
        (struct user *)named(s, RES_USER, json_string_value(json_object_get(o, "username")),
                             json_string_value(json_object_get(o, "region")));
    bool known = u && what;
    if (known && strcmp(what, "login") == 0)
        user_log_in(u);
    else if (known && (strcmp(what, "logout") == 0 || strcmp(what, "drop") == 0))
        user_log_out(u, what[0] == 'd');
    else if (known && strcmp(what, "clear") == 0)
        user_clear(u);
    else if (known && strcmp(what, "transfer") == 0)
        known = transfer(s, u, json_string_value(json_object_get(o, "quick_connect")));
    else
        known = false;
    json_decref(o);
    if (known)
        http_reply(rq, 204, NULL, NULL, 0);
    else
        http_problem(
            rq, u ? 400 : 404, NULL,
            u ? "do is login, logout, drop, clear, or transfer with a quick_connect that leads "
                "somewhere and a contact to hand over."
              : "there is no such agent.");
}

struct state *state_new(const struct state_options *o)
{
    struct state *s = mem_new(1, sizeof *s);
    s->o = *o;
    front_control(o->front, "/sim/state", get_state, s);
    front_control(o->front, "/sim/call", post_call, s);
    front_control(o->front, "/sim/agent", post_agent, s);
    return s;
}

void state_free(struct state *s)
{
    mem_free(s);
}
