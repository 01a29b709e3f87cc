#include "connect/flow_run.h"

#include "base/json.h"
#include "connect/events.h"

#include <stdio.h>
#include <string.h>

struct run {
    struct flows *flows;
    struct instance *at;
    struct td_id contact;
    struct flow_state state;
    struct flow *hook; /* for when the contact waits; NULL: none */
    bool waits;        /* it is the flow of a contact that waits */
    bool over, watched;
    uint32_t refs;    /* of the running ones, timers, a function at work */
    uint32_t instant; /* effects since it last waited for anything */
    LIST_ENTRY(run) link, all_link;
};

struct cached { /* a flow's program, while its content is the same */
    const struct flow *flow;
    uint32_t version;
    struct flow_program *program;
};

struct flows {
    struct center *center;
    struct lambda *lambda;
    struct rng rng;
    LIST_HEAD(, run) runs, all;
    struct cached *cache;
    uint32_t n_cache;
    struct map64 cache_by_flow;
    bool broken[REGIONS_MAX];
    struct flows_stats stats;
};

/* ---- programs ---- */

/* NULL: what the flow contains is no flow. */
static struct flow_program *program_of(struct flows *f, const struct flow *flow)
{
    uint32_t at;
    const char *problem;
    if (!map64_find(&f->cache_by_flow, (uintptr_t)flow, &at)) {
        at = f->n_cache++;
        f->cache = mem_grow(f->cache, f->n_cache, sizeof *f->cache);
        f->cache[at] = (struct cached){.flow = flow};
        map64_insert(&f->cache_by_flow, (uintptr_t)flow, at);
    }
    struct cached *c = &f->cache[at];
    if (!c->program || c->version != flow->versions) {
        flow_release(c->program);
        c->program = flow_parse(flow->content, strlen(flow->content), &problem);
        c->version = flow->versions;
    }
    return c->program;
}

/* ---- the world that a flow asks ---- */

static struct contact *contact_of(const struct run *r)
{
    char id[ID_TEXT];
    id_print(r->contact, id);
    return contact_find(r->at, id);
}

static void add_arn(const struct instance *i, const struct res *r, struct buf *out)
{
    char arn[ARN_MAX];
    res_arn(i, r, arn);
    buf_str(out, arn);
}

static void value_of_queue(const struct contact *k, const char *path, struct buf *out)
{
    if (!k->queue)
        return;
    if (strcmp(path, "Name") == 0)
        buf_str(out, k->queue->r.name);
    else if (strcmp(path, "ARN") == 0)
        add_arn(k->at, &k->queue->r, out);
}

static void value(void *arg, const char *path, struct buf *out)
{
    const struct run *r = arg;
    const struct contact *k = contact_of(r);
    char text[ARN_MAX];
    if (!k)
        return;
    if (strncmp(path, "$.Attributes.", 13) == 0) {
        const char *v = json_string_value(json_object_get(k->attributes, path + 13));
        buf_str(out, v ? v : "");
    } else if (strcmp(path, "$.ContactId") == 0) {
        id_print(k->id, text);
        buf_str(out, text);
    } else if (strcmp(path, "$.InitialContactId") == 0) {
        id_print(id_none(k->initial) ? k->id : k->initial, text);
        buf_str(out, text);
    } else if (strcmp(path, "$.InstanceARN") == 0) {
        instance_arn(k->at, text);
        buf_str(out, text);
    } else if (strcmp(path, "$.CustomerEndpoint.Address") == 0) {
        buf_str(out, k->customer_address);
    } else if (strcmp(path, "$.SystemEndpoint.Address") == 0) {
        buf_str(out, k->number ? k->number->r.name : "");
    } else if (strcmp(path, "$.Channel") == 0) {
        buf_str(out, channel_api_names[k->channel]);
    } else if (strcmp(path, "$.InitiationMethod") == 0) {
        buf_str(out, contact_method_names[k->method]);
    } else if (strncmp(path, "$.Queue.", 8) == 0) {
        value_of_queue(k, path + 8, out);
    }
}

static void set_attribute(void *arg, const char *name, const char *text)
{
    struct contact *k = contact_of(arg);
    if (!k)
        return;
    if (!k->attributes)
        k->attributes = json_object();
    json_object_set_new(k->attributes, name, json_string(text));
}

static struct queue *queue_of(const struct instance *i, const char *id)
{
    return id && *id ? (struct queue *)res_find(i, RES_QUEUE, id) : NULL;
}

static bool open_now(void *arg, const char *hours, const char *queue)
{
    const struct run *r = arg;
    const struct hours *h = hours ? (struct hours *)res_find(r->at, RES_HOURS, hours) : NULL;
    const struct queue *q = queue_of(r->at, queue);
    h = h ? h : q ? q->hours : NULL;
    return !h || cfg_hours_open(&h->cfg, center_now(r->flows->center));
}

static double chance(void *arg)
{
    struct run *r = arg;
    return rng_unit(&r->flows->rng);
}

static struct flow_world world_of(struct run *r)
{
    return (struct flow_world){.arg = r,
                               .value = value,
                               .set_attribute = set_attribute,
                               .open = open_now,
                               .chance = chance,
                               .region = r->at->region->name};
}

/* ---- runs ---- */

enum { INSTANT_MAX = 1000 };

static void unref(struct run *r)
{
    if (--r->refs)
        return;
    LIST_REMOVE(r, all_link);
    mem_free(r);
}

static void finish(struct run *r)
{
    if (r->over)
        return;
    r->over = true;
    flow_state_free(&r->state);
    LIST_REMOVE(r, link);
    r->flows->stats.running--;
    unref(r);
}

/* The contact, while the flow still has it: an entry flow until it waits somewhere, the flow of a
 * waiting contact while it waits or rings. */
static struct contact *mine(const struct run *r)
{
    struct contact *k = r->over ? NULL : contact_of(r);
    bool waits = k && (k->state == CONTACT_QUEUED || k->state == CONTACT_RINGING);
    return k && (r->waits ? waits : k->state == CONTACT_IN_FLOW) ? k : NULL;
}

static bool is_broken(const struct run *r)
{
    return r->flows->broken[r->at->region - center_region(r->flows->center, 0)];
}

static void act(struct run *r, enum flow_effect e);

/* Goes on after an effect that had to be waited for. */
static void go_on(struct run *r, const char *error)
{
    if (!mine(r)) {
        finish(r);
        return;
    }
    struct flow_world w = world_of(r);
    r->instant = 0;
    act(r, flow_go_on(&r->state, &w, error));
}

static void woken(void *arg)
{
    struct run *r = arg;
    if (!r->over)
        go_on(r, NULL);
    unref(r);
}

static void out_of_patience(void *arg)
{
    struct run *r = arg;
    struct contact *k = r->waits ? NULL : mine(r);
    if (k) {
        contact_end(k, "CUSTOMER_DISCONNECT");
        finish(r);
    }
    unref(r);
}

/* The contact stays in the flow for longer than no time at all. */
static void watch(struct run *r)
{
    if (r->watched || r->waits)
        return;
    r->watched = true;
    r->refs++;
    center_at(r->flows->center, center_now(r->flows->center) + FLOW_PATIENCE_MS, out_of_patience,
              r);
}

/* ---- functions ---- */

static void returned(void *arg, const char *problem, const json_t *result)
{
    struct run *r = arg;
    if (!r->over) {
        bool good = !problem && flow_returned(&r->state, result);
        r->flows->stats.lambda_failed += !good;
        go_on(r, good ? NULL : "NoMatchingError");
    }
    unref(r);
}

/* A flow may call functions that are associated with its own instance. */
static bool may_call(const struct instance *i, const char *arn)
{
    for (uint32_t n = 0; n < i->n_lambda; n++)
        if (strcmp(i->lambda[n], arn) == 0)
            return true;
    return false;
}

static bool invoke(struct run *r, const struct contact *k)
{
    struct flow_state *s = &r->state;
    struct buf event = {0};
    if (!may_call(r->at, s->target.data) || !lambda_known(r->flows->lambda, s->target.data)) {
        r->flows->stats.lambda_failed++;
        return false;
    }
    event_lambda(&event, k, s->parameters);
    r->refs++;
    watch(r);
    lambda_invoke(r->flows->lambda, s->target.data, event.data, event.len, s->limit_ms, returned,
                  r);
    buf_free(&event);
    return true;
}

/* ---- telephone numbers ---- */

static struct number *number_named(struct center *c, const char *e164)
{
    for (uint32_t m = 0; m < center_n_mirrors(c); m++) {
        const struct res_list *l = &center_mirror(c, m)->list[RES_NUMBER];
        for (uint32_t n = 0; n < l->n; n++)
            if (strcmp(l->item[n]->name, e164) == 0)
                return (struct number *)l->item[n];
    }
    return NULL;
}

static json_t *contact_arn(const struct contact *k, struct td_id id)
{
    char arn[ARN_MAX], text[ID_TEXT];
    struct buf b = {0};
    instance_arn(k->at, arn);
    id_print(id, text);
    buf_fmt(&b, "%s/contact/%s", arn, text);
    json_t *v = json_pack("{s:s}", "ValueArn", b.data);
    buf_free(&b);
    return v;
}

/* What AWS carries along inside an organisation. */
static void carry(void *arg, struct contact *k)
{
    const struct contact *from = arg;
    k->customer = from->customer;
    k->attributes = from->attributes ? json_deep_copy(from->attributes) : NULL;
    k->segments =
        json_pack("{s:{s:{s:o, s:o}}}", "connect:CrossInstanceInfo", "ValueMap",
                  "RelatedContactARN", contact_arn(from, from->id), "RelatedInitialContactARN",
                  contact_arn(from, id_none(from->initial) ? from->id : from->initial));
}

static bool move_to(struct contact *k, struct number *n)
{
    struct contact_start s = {.channel = k->channel,
                              .method = METHOD_INBOUND,
                              .customer_address = k->customer_address,
                              .related = k->id,
                              .prepare = carry,
                              .prepare_arg = k};
    return number_called(n, &s);
}

/* Numbers kept for fiction that nobody has claimed do not answer. */
static bool answers(const char *e164)
{
    size_t n = strlen(e164);
    bool number = n > 4 && n < 17 && e164[0] == '+' && strspn(e164 + 1, "0123456789") == n - 1;
    return number && !(n == 12 && e164[1] == '1' && strncmp(e164 + 5, "555", 3) == 0);
}

bool flows_dial(struct flows *f, struct contact *k, const char *to)
{
    struct number *n = number_named(f->center, to);
    struct instance *at = k->at;
    char id[ID_TEXT];
    id_print(k->id, id);
    if (n ? !move_to(k, n) : !answers(to)) {
        f->stats.dial_failed++;
        return false;
    }
    f->stats.moved += n != NULL;
    k = contact_find(at, id); /* the other one may have pushed it out of a short history */
    if (!k)
        return true;
    str_copy(k->transferred_to, sizeof k->transferred_to, to);
    k->transferred_at = center_now(f->center);
    contact_end(k, "CONTACT_FLOW_DISCONNECT");
    return true;
}

/* ---- queues ---- */

static bool run_program(struct run *r, struct flow *flow, enum flow_effect *e)
{
    struct flow_program *p = program_of(r->flows, flow);
    if (!p)
        return false;
    struct flow_world w = world_of(r);
    flow_state_free(&r->state);
    flow_begin(&r->state, p);
    *e = flow_start(&r->state, &w);
    return true;
}

/* NULL: it waits there now (or is further already); else the error. */
static const char *to_queue(struct run *r, struct contact *k)
{
    struct queue *q = queue_of(r->at, r->state.target.data);
    if (!q || !q->enabled)
        return "NoMatchingError";
    mirror_settle(r->at->mirror);
    if (q->max_contacts && engine_waiting(r->at->engine, q->index) >= (uint32_t)q->max_contacts)
        return "QueueAtCapacity";
    contact_queue(k, q);
    return NULL;
}

/* ---- effects ---- */

static void set_routing(const struct run *r, struct contact *k)
{
    const struct flow_state *s = &r->state;
    k->priority = s->priority ? s->priority : k->priority;
    k->adjust_ms = s->adjust_ms ? s->adjust_ms : k->adjust_ms;
    contact_reprioritise(k);
}

static void end_with(struct run *r, struct contact *k, enum flow_effect e)
{
    r->flows->stats.broken += e == FLOW_BROKEN;
    /* Whoever waits goes on waiting when the flow he hears is over. */
    if (e == FLOW_DISCONNECT || !r->waits)
        contact_end(k, "CONTACT_FLOW_DISCONNECT");
    finish(r);
}

/* Carries an effect out. True: *e is the next one; false: that is for later, or it is over. */
static bool act_once(struct run *r, struct contact *k, enum flow_effect *e)
{
    struct flow_world w = world_of(r);
    struct flow *flow;
    const char *error = NULL;
    switch (*e) {
    case FLOW_WAIT:
        r->refs++;
        watch(r);
        center_at(r->flows->center, center_now(r->flows->center) + r->state.limit_ms, woken, r);
        return false;
    case FLOW_LAMBDA:
        if (invoke(r, k))
            return false;
        error = "NoMatchingError";
        break;
    case FLOW_DIAL:
        if (flows_dial(r->flows, k, r->state.target.data)) {
            finish(r);
            return false;
        }
        error = "CallFailed";
        break;
    case FLOW_QUEUE:
        error = to_queue(r, k);
        if (error)
            break;
        r->waits = true;
        if (r->hook && mine(r) && run_program(r, r->hook, e))
            return true;
        finish(r);
        return false;
    case FLOW_JUMP:
        flow = (struct flow *)res_find(r->at, RES_FLOW, r->state.target.data);
        if (flow && run_program(r, flow, e))
            return true;
        error = "NoMatchingError";
        break;
    case FLOW_HOOK:
        r->hook = r->state.target.len
                      ? (struct flow *)res_find(r->at, RES_FLOW, r->state.target.data)
                      : NULL;
        error = r->state.target.len && !r->hook ? "NoMatchingError" : NULL;
        break;
    case FLOW_ROUTING: set_routing(r, k); break;
    case FLOW_END:
    case FLOW_BROKEN:
    case FLOW_DISCONNECT: end_with(r, k, *e); return false;
    }
    *e = flow_go_on(&r->state, &w, error);
    return true;
}

static void act(struct run *r, enum flow_effect e)
{
    struct contact *k;
    while ((k = mine(r))) {
        if (r->instant++ >= INSTANT_MAX || is_broken(r))
            e = FLOW_BROKEN;
        if (!act_once(r, k, &e))
            return;
    }
    finish(r);
}

static void begin(void *arg, struct contact *k)
{
    struct flows *f = arg;
    struct flow_program *p = k->flow ? program_of(f, k->flow) : NULL;
    if (!p) {
        contact_end(k, "CONTACT_FLOW_DISCONNECT");
        return;
    }
    struct run *r = mem_new(1, sizeof *r);
    *r = (struct run){.flows = f, .at = k->at, .contact = k->id, .refs = 2};
    LIST_INSERT_HEAD(&f->runs, r, link);
    LIST_INSERT_HEAD(&f->all, r, all_link);
    f->stats.started++;
    f->stats.running++;
    flow_begin(&r->state, p);
    struct flow_world w = world_of(r);
    act(r, flow_start(&r->state, &w));
    unref(r);
}

/* ---- life ---- */

struct flows *flows_new(struct center *c, struct lambda *l)
{
    struct flows *f = mem_new(1, sizeof *f);
    f->center = c;
    f->lambda = l;
    f->rng = rng_seed(center_secret(c), 0x666c6f77);
    LIST_INIT(&f->runs);
    LIST_INIT(&f->all);
    center_flows(c, begin, f);
    return f;
}

/* Timers of the center that are still to come point to runs; the center is not run any more. */
void flows_free(struct flows *f)
{
    if (!f)
        return;
    struct run *r;
    while ((r = LIST_FIRST(&f->runs)))
        finish(r);
    while ((r = LIST_FIRST(&f->all))) {
        LIST_REMOVE(r, all_link);
        mem_free(r);
    }
    for (uint32_t i = 0; i < f->n_cache; i++)
        flow_release(f->cache[i].program);
    mem_free(f->cache);
    map64_free(&f->cache_by_flow);
    mem_free(f);
}

void flows_break(struct flows *f, const struct region *g, bool on)
{
    for (uint32_t r = 0; r < center_n_regions(f->center); r++)
        if (!g || center_region(f->center, r) == g)
            f->broken[r] = on;
}

struct flows_stats flows_stats(const struct flows *f)
{
    return f->stats;
}
