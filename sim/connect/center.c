#include "connect/center_i.h"

#include <string.h>

const char *const res_arn_names[RES_KINDS] = {"agent",
                                              "queue",
                                              "routing-profile",
                                              "operating-hours",
                                              "agent-state",
                                              "contact-flow",
                                              "transfer-destination",
                                              "security-profile",
                                              "phone-number",
                                              "traffic-distribution-group"};
const char *const tdg_status_names[TDG_STATUSES] = {"CREATION_IN_PROGRESS", "ACTIVE",
                                                    "CREATION_FAILED",      "PENDING_DELETION",
                                                    "DELETION_FAILED",      "UPDATE_IN_PROGRESS"};
const char *const contact_method_names[METHODS] = {
    "INBOUND", "OUTBOUND", "TRANSFER", "QUEUE_TRANSFER", "EXTERNAL_OUTBOUND", "API", "DISCONNECT"};
const char *const channel_api_names[CHANNELS] = {"VOICE", "CHAT", "TASK", "EMAIL"};

/* ---- time ---- */

int64_t center_limits_ms(const struct center *c, int64_t wall_ms)
{
    return c->options.speed > 1 ? center_now(c) : wall_ms + c->skipped_ms;
}

td_ms center_now(const struct center *c)
{
    return c->now;
}

static void add_timer(struct center *c, td_ms at, struct timer t)
{
    BUG_ON(c->timers.count >= TIMERS_MAX);
    uint32_t slot;
    if (c->n_timer_free) {
        slot = c->timer_free[--c->n_timer_free];
    } else {
        slot = c->n_timers++;
        if ((slot & (slot - 1)) == 0) { /* full at every power of two */
            size_t cap = slot ? slot * 2u : 1;
            c->timer = mem_grow(c->timer, cap, sizeof *c->timer);
            c->timer_free = mem_grow(c->timer_free, cap, sizeof *c->timer_free);
        }
    }
    c->timer[slot] = t;
    heap_push(&c->timers, at, c->seq++, slot);
}

void center_at(struct center *c, td_ms at, void (*fn)(void *arg), void *arg)
{
    add_timer(c, at, (struct timer){fn, arg, false});
}

void center_at_own(struct center *c, td_ms at, void (*fn)(void *arg), void *arg)
{
    add_timer(c, at, (struct timer){fn, arg, true});
}

/* What happens first, and in which engine (NULL: it is a timer). */
static td_ms next_due(const struct center *c, struct instance **who)
{
    const struct heap_item *first = heap_peek(&c->timers);
    td_ms due = first ? first->key : INT64_MAX;
    *who = NULL;
    for (uint32_t m = 0; m < c->n_mirrors; m++)
        for (uint8_t s = 0; s < c->mirror[m]->n_sides; s++) {
            struct instance *i = c->mirror[m]->side[s];
            td_ms at = i->engine ? engine_next(i->engine) : INT64_MAX;
            if (at < due) {
                due = at;
                *who = i;
            }
        }
    return due;
}

static void play_timer(struct center *c)
{
    struct heap_item item;
    if (!heap_pop(&c->timers, &item))
        return;
    struct timer t = c->timer[item.value];
    c->timer_free[c->n_timer_free++] = (uint32_t)item.value;
    t.fn(t.arg);
    if (t.own)
        mem_free(t.arg);
}

/* False: there was more to do than `most` things. */
static bool run_until(struct center *c, td_ms until, uint64_t most)
{
    struct instance *who;
    td_ms due;
    for (uint32_t m = 0; m < c->n_mirrors; m++) {
        mirror_settle(c->mirror[m]);
        for (uint8_t s = 0; s < c->mirror[m]->n_sides; s++)
            if (c->mirror[m]->side[s]->engine) /* what the new configuration has changed */
                instance_drain(c->mirror[m]->side[s]);
    }
    while ((due = next_due(c, &who)) <= until) {
        if (!most--)
            return false;
        c->now = MAX(c->now, due);
        if (who) {
            mirror_settle(who->mirror);
            engine_advance(who->engine, c->now);
            instance_drain(who);
        } else {
            play_timer(c);
        }
    }
    c->now = MAX(c->now, until);
    return true;
}

void center_run(struct center *c, int64_t wall_ms)
{
    td_ms until = c->base + (td_ms)((double)(wall_ms - c->wall_base_ms) * c->options.speed);
    if (!run_until(c, until, TURN_MAX))
        c->base -= until - c->now;
}

void center_skip(struct center *c, int64_t ms)
{
    c->base += ms;
    c->skipped_ms += ms;
    run_until(c, c->now + ms, UINT64_MAX);
}

void center_warm(struct center *c, int64_t ms)
{
    c->warming = true;
    center_skip(c, ms);
    c->warming = false;
}

int64_t center_wait(const struct center *c, int64_t wall_ms, int64_t max)
{
    struct instance *who;
    td_ms due = next_due(c, &who);
    if (c->options.speed <= 0)
        return max;
    double left = (double)(due - c->base) / c->options.speed - (double)(wall_ms - c->wall_base_ms);
    return left <= 0 ? 0 : left >= (double)max ? max : (int64_t)left + 1;
}

/* ---- ids, regions, keys ---- */

struct td_id id_draw(struct rng *rng)
{
    struct td_id id = {rng_u64(rng), rng_u64(rng)};
    id.hi = (id.hi & ~0xf000ull) | 0x4000ull;     /* RFC 9562: version 4 */
    id.lo = (id.lo & ~(3ull << 62)) | 2ull << 62; /* and its variant */
    return id;
}

struct td_id center_id(struct center *c)
{
    return id_draw(&c->rng);
}

struct rng *center_rng(struct center *c)
{
    return &c->rng;
}

uint64_t center_secret(const struct center *c)
{
    return c->secret;
}

uint32_t center_n_regions(const struct center *c)
{
    return c->n_regions;
}

struct region *center_region(struct center *c, uint32_t i)
{
    return &c->region[i];
}

struct region *center_region_by_name(struct center *c, const char *name)
{
    for (uint32_t i = 0; i < c->n_regions; i++)
        if (strcmp(c->region[i].name, name) == 0)
            return &c->region[i];
    return NULL;
}

uint32_t center_n_mirrors(const struct center *c)
{
    return c->n_mirrors;
}

struct mirror *center_mirror(struct center *c, uint32_t i)
{
    return c->mirror[i];
}

/* The pairs of Amazon Connect Global Resiliency; Osaka is only ever the replica. */
const char *center_partner(const char *region)
{
    static const char *const pairs[][2] = {{"us-east-1", "us-west-2"},
                                           {"us-west-2", "us-east-1"},
                                           {"eu-west-2", "eu-central-1"},
                                           {"eu-central-1", "eu-west-2"},
                                           {"ap-northeast-1", "ap-northeast-3"}};
    for (size_t i = 0; i < COUNTOF(pairs); i++)
        if (strcmp(pairs[i][0], region) == 0)
            return pairs[i][1];
    return NULL;
}

void center_add_key(struct center *c, const struct center_key *key)
{
    c->key = mem_grow(c->key, c->n_keys + 1, sizeof *c->key);
    struct center_key *k = &c->key[c->n_keys];
    *k = *key;
    uint32_t n = 0;
    while (key->allow && key->allow[n])
        n++;
    k->allow = mem_new(n + 1, sizeof *k->allow);
    for (uint32_t i = 0; i < n; i++)
        k->allow[i] = mem_strdup(key->allow[i]);
    map64_insert(&c->key_by_id, hash_str(k->id), c->n_keys++);
}

const struct center_key *center_key(const struct center *c, const char *id)
{
    uint32_t at;
    if (!map64_find(&c->key_by_id, hash_str(id), &at) || strcmp(c->key[at].id, id) != 0)
        return NULL;
    return &c->key[at];
}

/* "*" stands for any characters, as in IAM; the only place where one may be is the end. */
bool key_allows(const struct center_key *k, const char *service, const char *operation)
{
    size_t ns = strlen(service);
    for (char **a = k->allow; *a; a++) {
        if (strcmp(*a, "*") == 0)
            return true;
        if (strncmp(*a, service, ns) != 0 || (*a)[ns] != ':')
            continue;
        const char *want = *a + ns + 1;
        size_t n = strlen(want);
        if (n && want[n - 1] == '*' ? strncmp(want, operation, n - 1) == 0
                                    : strcmp(want, operation) == 0)
            return true;
    }
    return false;
}

/* ---- listeners ---- */

void center_listen(struct center *c, center_listener *fn, void *arg)
{
    BUG_ON(c->n_listeners == LISTENERS_MAX);
    c->listener[c->n_listeners].fn = fn;
    c->listener[c->n_listeners++].arg = arg;
}

void center_flows(struct center *c, void (*run)(void *arg, struct contact *k), void *arg)
{
    c->flow_run = run;
    c->flow_arg = arg;
}

void center_tell(struct center *c, enum center_event event, struct instance *i, struct contact *k,
                 struct user *u)
{
    struct center_note note = {event, c->now, i, k, u};
    for (uint32_t l = 0; l < c->n_listeners; l++)
        c->listener[l].fn(c->listener[l].arg, &note);
}

/* ---- life ---- */

struct center *center_new(const struct center_options *o)
{
    struct center *c = mem_new(1, sizeof *c);
    c->options = *o;
    c->rng = rng_seed(o->seed, 0x636f6e6e);
    c->secret = rng_u64(&c->rng);
    c->now = c->base = o->start;
    c->wall_base_ms = o->wall_ms;
    for (uint8_t s = 0; s < o->config->n_sites; s++) {
        struct region *g = &c->region[c->n_regions++];
        str_copy(g->name, sizeof g->name, o->config->site[s].name);
        g->site = s;
    }
    for (uint32_t i = 0; i < c->n_regions; i++) {
        struct region *g = &c->region[i], *partner = NULL;
        if (g->n_instances)
            continue; /* somebody's replica */
        const char *name = center_partner(g->name);
        if (o->pairs && name)
            partner = center_region_by_name(c, name);
        if (partner && partner->n_instances)
            partner = NULL;
        struct mirror *m = mirror_new(c, g, partner);
        c->mirror[c->n_mirrors++] = m;
        mirror_populate(m);
        if (o->arrivals)
            m->arrivals = arrivals_new(m);
    }
    return c;
}

void center_free(struct center *c)
{
    if (!c)
        return;
    for (uint32_t m = 0; m < c->n_mirrors; m++) {
        arrivals_free(c->mirror[m]->arrivals);
        mirror_free(c->mirror[m]);
    }
    for (uint32_t i = 0; i < c->n_keys; i++) {
        for (char **a = c->key[i].allow; *a; a++)
            mem_free(*a);
        mem_free(c->key[i].allow);
    }
    mem_free(c->key);
    map64_free(&c->key_by_id);
    for (struct heap_item item; heap_pop(&c->timers, &item);)
        if (c->timer[item.value].own)
            mem_free(c->timer[item.value].arg);
    heap_free(&c->timers);
    mem_free(c->timer);
    mem_free(c->timer_free);
    mem_free(c->contact);
    mem_free(c->slot_free);
    map128_free(&c->contact_by_id);
    mem_free(c);
}
