/* world.c - wires nodes, bus and floor together, and moves them. */
#include "node/world.h"

#include "base/rng.h"
#include "core/model.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define START_MS 1625443200000 /* Monday 2021-07-05 00:00 UTC */
enum { WARM_UP_MS = 60000, FAULTS_MAX = 64, LOOK_MS = 500 };

struct world {
    struct world_options o;
    const struct config *c;
    struct config *replaced; /* the floor's, after a reload */
    struct sched sched;
    struct bus *bus;
    struct floor *floor; /* NULL: o.instances are somebody else's */
    struct node *node[NODES_MAX];
    struct store *store[NODES_MAX]; /* of a node that is down */
    bool region_down[SITES_MAX];
    struct trace *trace;
    struct generator *generator;
    struct arrival next;
    bool over;
    uint16_t moved; /* bit per site whose instance has news */
    td_ms start;
    struct fault fault[FAULTS_MAX];
    int faults;
};

struct node *world_node(struct world *w, uint8_t n)
{
    return w->node[n];
}
struct floor *world_floor(struct world *w)
{
    return w->floor;
}
struct sched *world_sched(struct world *w)
{
    return &w->sched;
}
struct bus *world_bus(struct world *w)
{
    return w->bus;
}
const struct config *world_config(const struct world *w)
{
    return w->c;
}
struct trace *world_trace(struct world *w)
{
    return w->trace;
}
td_ms world_now(const struct world *w)
{
    return w->sched.now;
}
td_ms world_start(const struct world *w)
{
    return w->start;
}
bool world_arrivals_over(const struct world *w)
{
    return w->over;
}

/* ---- hooks ---- */

static void on_message(void *arg, uint8_t to, struct message *m)
{
    struct world *w = arg;
    if (w->node[to])
        node_receive(w->node[to], m);
}

static void on_enter(void *arg, uint8_t site, const struct route_request *r)
{
    struct world *w = arg;
    if (w->node[site])
        node_input(w->node[site], &(struct input){.type = IN_ARRIVED, .request = *r});
}

static bool on_node_up(void *arg, uint8_t site)
{
    struct world *w = arg;
    return w->node[site] && floor_engine(w->floor, site);
}

void world_instance_moved(struct world *w, uint8_t site)
{
    w->moved |= (uint16_t)(1u << site);
}

static void on_moved(void *arg, uint8_t site)
{
    world_instance_moved(arg, site);
}

static void on_called(void *arg, const struct floor_call *call)
{
    struct world *w = arg;
    if (w->o.on_call)
        w->o.on_call(w->o.hooks.arg, call);
}

/* Where an agent who comes on shift signs in: where the model has him, if somebody can tell. */
static uint8_t on_agent_site(void *arg, uint32_t agent)
{
    struct world *w = arg;
    uint8_t home = w->c->agent[agent].site;
    for (int n = NODES_MAX; n-- > 0;) {
        if (!w->node[n])
            continue;
        const struct core *k = node_core(w->node[n]);
        uint8_t why;
        if (agent >= k->c->n_agents || health_site_open(k, home, &why) || !k->peer[home].heard_at)
            return home;
        for (uint8_t s = 0; s < w->c->n_sites; s++)
            if (health_site_open(k, s, &why) &&
                w->c->agent[agent].residency_mask >> w->c->site[s].residency & 1)
                return s;
        return home;
    }
    return home;
}

/* ---- nodes ---- */

static struct store *open_store(struct world *w, uint8_t n, struct buf *errors)
{
    if (!w->o.durable)
        return store_memory_new(w->o.history_max);
    char path[4400], error[256];
    const char *name = n == HUB ? w->c->hub_name : w->c->site[n].name;
    if (mkdir(w->c->store.dir, 0700) != 0 && errno != EEXIST) {
        buf_fmt(errors, "store.dir %s: %s; name a folder that can be made\n", w->c->store.dir,
                strerror(errno));
        return NULL;
    }
    snprintf(path, sizeof path, "%s/%s.db", w->c->store.dir, name);
    struct store *s = store_sqlite_open(path, error, sizeof error);
    if (!s)
        buf_fmt(errors, "%s\n", error);
    return s;
}

static bool node_start(struct world *w, uint8_t n, struct buf *errors)
{
    struct store *s = w->store[n] ? w->store[n] : open_store(w, n, errors);
    w->store[n] = NULL;
    if (!s)
        return false;
    struct node_config nc = w->o.hooks;
    if (w->o.hub_tells && n != HUB) {
        nc.on_fact = NULL;
        nc.on_history = NULL;
    }
    nc.config = w->c;
    nc.self = n;
    nc.sched = &w->sched;
    nc.bus = w->bus;
    nc.store = s;
    nc.instance = n == HUB ? NULL : w->floor ? floor_instance(w->floor, n) : w->o.instances[n];
    nc.replica = w->o.replica;
    nc.snapshot_events = w->o.snapshot_events;
    char error[300];
    w->node[n] = node_new(&nc, error, sizeof error);
    if (!w->node[n]) {
        buf_fmt(errors, "node %s: %s\n", n == HUB ? w->c->hub_name : w->c->site[n].name, error);
        store_close(s);
        return false;
    }
    return true;
}

static void node_stop(struct world *w, uint8_t n)
{
    if (!w->node[n])
        return;
    if (w->o.durable)
        node_free(w->node[n]);
    else
        w->store[n] = node_crash(w->node[n]);
    w->node[n] = NULL;
}

/* ---- faults ---- */

static void region_kill(struct world *w, uint8_t site)
{
    node_stop(w, site);
    if (w->floor)
        floor_kill(w->floor, site);
    w->region_down[site] = true;
}

static void region_revive(struct world *w, uint8_t site)
{
    w->region_down[site] = false;
    if (w->floor)
        floor_revive(w->floor, site);
}

static void break_flows(struct world *w, uint8_t site, bool broken)
{
    if (w->floor)
        floor_break_flows(w->floor, site, broken);
}

static bool is_node(const struct world *w, int n)
{
    return n == HUB || n < w->c->n_sites;
}

static void cut(struct world *w, uint8_t a, uint8_t b, bool on)
{
    bus_local_cut(w->bus, a, b, on);
    bus_local_cut(w->bus, b, a, on);
}

static void isolate(struct world *w, uint8_t node, bool on)
{
    for (int n = 0; n < NODES_MAX; n++)
        if (is_node(w, n) && n != node)
            cut(w, node, (uint8_t)n, on);
}

static void links(struct world *w, const struct fault *f, bool on)
{
    for (int i = 0; i < NODES_MAX; i++)
        for (int j = 0; j < NODES_MAX; j++) {
            const struct cfg_link *l = &w->c->link[i][j];
            if (i != j && is_node(w, i) && is_node(w, j))
                bus_local_faults(w->bus, (uint8_t)i, (uint8_t)j, on ? f->loss_ppm : l->loss_ppm,
                                 on ? f->duplicate_ppm : l->duplicate_ppm,
                                 on ? f->reorder_ppm : l->reorder_ppm, 0);
        }
}

static void operate(struct world *w, enum input_type type, uint8_t site)
{
    uint8_t n = w->node[HUB] ? HUB : 0;
    while (n < HUB && !w->node[n])
        n++;
    if (w->node[n])
        node_input(w->node[n], &(struct input){.type = type, .site = {site, "planned"}});
}

void world_fault(struct world *w, const struct fault *f)
{
    switch (f->kind) {
    case FAULT_REGION_DOWN: region_kill(w, f->a); break;
    case FAULT_NODE_DOWN: node_stop(w, f->a); break;
    case FAULT_CUT: cut(w, f->a, f->b, true); break;
    case FAULT_ISOLATE: isolate(w, f->a, true); break;
    case FAULT_FLOWS: break_flows(w, f->a, true); break;
    case FAULT_LINKS: links(w, f, true); break;
    case FAULT_DRAIN: operate(w, IN_DRAIN, f->a); break;
    case FAULT_KINDS: break;
    }
}

static void fatal_start(struct buf *errors)
{
    fprintf(stderr, "<2>tandem: a node cannot start again: %s", errors->data);
    exit(74); /* EX_IOERR: its store is gone under us */
}

static void node_again(struct world *w, uint8_t n)
{
    struct buf errors = {0};
    if (!w->node[n] && !node_start(w, n, &errors))
        fatal_start(&errors);
    buf_free(&errors);
}

void world_fault_end(struct world *w, const struct fault *f)
{
    switch (f->kind) {
    case FAULT_REGION_DOWN:
        region_revive(w, f->a);
        node_again(w, f->a);
        break;
    case FAULT_NODE_DOWN:
        if (f->a == HUB || !w->region_down[f->a])
            node_again(w, f->a);
        break;
    case FAULT_CUT: cut(w, f->a, f->b, false); break;
    case FAULT_ISOLATE: isolate(w, f->a, false); break;
    case FAULT_FLOWS: break_flows(w, f->a, false); break;
    case FAULT_LINKS: links(w, f, false); break;
    case FAULT_DRAIN: operate(w, IN_RESTORE, f->a); break;
    case FAULT_KINDS: break;
    }
}

static void fault_due(void *arg, void *what, uint64_t end)
{
    if (!arg)
        return; /* the fault is the world's */
    if (end)
        world_fault_end(arg, what);
    else
        world_fault(arg, what);
}

void world_heal(struct world *w)
{
    for (int i = 0; i < NODES_MAX; i++)
        for (int j = 0; j < NODES_MAX; j++)
            if (i != j && is_node(w, i) && is_node(w, j))
                bus_local_cut(w->bus, (uint8_t)i, (uint8_t)j, false);
    links(w, &(struct fault){0}, false);
    for (uint8_t s = 0; s < w->c->n_sites; s++) {
        region_revive(w, s);
        break_flows(w, s, false);
    }
    for (int n = 0; n < NODES_MAX; n++)
        if (is_node(w, n))
            node_again(w, (uint8_t)n);
}

/* ---- life ---- */

static bool arrival_take(struct world *w)
{
    if (w->trace)
        w->over = trace_next(w->trace, &w->next) != TRACE_ROW;
    else
        w->over = !generator_next(w->generator, &w->next);
    return !w->over;
}

static bool arrivals_open(struct world *w, struct buf *errors)
{
    struct trace_options to = {.seed = w->o.seed,
                               .pseudonym_key = {mix64(w->o.seed ^ 1), mix64(w->o.seed ^ 2)}};
    w->start = w->o.start ? w->o.start : START_MS;
    if (w->o.instances) {
        w->over = true; /* customers come to the instances by themselves */
        return true;
    }
    if (w->o.trace) {
        w->trace = trace_open(w->o.trace, w->c, &to, errors);
        if (!w->trace)
            return false;
    } else {
        w->generator = generator_new(w->c, w->o.seed, w->start);
    }
    if (arrival_take(w) && w->trace)
        w->start = w->next.at;
    return true;
}

/* Simulated instances have news all the time, and with any news a node looks whether one of its
 * waiting contacts is worth moving. A real one can be silent while somebody waits there and an
 * agent is free elsewhere, or while the time after which he may move runs out. */
static void look_due(void *arg, void *what, uint64_t unused)
{
    struct world *w = arg;
    (void)what, (void)unused;
    for (uint8_t s = 0; s < w->c->n_sites; s++) {
        struct core *k = w->node[s] ? node_core(w->node[s]) : NULL;
        if (!k || !k->site[s].waiting_all)
            continue;
        k->settle_moves = true;
        node_pump(w->node[s]);
    }
    sched_at(&w->sched, w->sched.now + LOOK_MS, look_due, w, NULL, 0);
}

struct world *world_new(const struct world_options *o, struct buf *errors)
{
    struct world *w = mem_new(1, sizeof *w);
    w->o = *o;
    w->c = o->config;
    if (!arrivals_open(w, errors)) {
        mem_free(w);
        return NULL;
    }
    /* Agents sign in before the first customer; real ones have done so, or not. */
    sched_init(&w->sched, o->instances ? w->start : w->start - WARM_UP_MS);
    w->bus = bus_local_new(w->c, &w->sched, o->seed);
    w->bus->receive = on_message;
    w->bus->arg = w;
    struct floor_hooks h = {w, on_enter, on_node_up, on_agent_site, on_moved, on_called};
    if (!o->instances)
        w->floor = floor_new(w->c, &w->sched, o->seed, &h);
    bool ok = true;
    for (int n = 0; n < NODES_MAX && ok; n++)
        if (is_node(w, n))
            ok = node_start(w, (uint8_t)n, errors);
    if (!ok) {
        world_free(w);
        return NULL;
    }
    if (w->floor)
        floor_open(w->floor);
    else
        sched_at(&w->sched, w->sched.now, look_due, w, NULL, 0);
    for (int i = 0; i < o->n_faults && i < FAULTS_MAX; i++) {
        struct fault *f = &w->fault[w->faults++];
        *f = o->faults[i];
        sched_at(&w->sched, w->start + f->at_ms, fault_due, w, f, 0);
        if (f->for_ms)
            sched_at(&w->sched, w->start + f->at_ms + f->for_ms, fault_due, w, f, 1);
    }
    return w;
}

void world_free(struct world *w)
{
    if (!w)
        return;
    for (int n = 0; n < NODES_MAX; n++) {
        node_free(w->node[n]);
        store_close(w->store[n]);
    }
    sched_free(&w->sched);
    floor_free(w->floor);
    bus_close(w->bus);
    trace_close(w->trace);
    generator_free(w->generator);
    config_free(w->replaced);
    mem_free(w);
}

/* ---- the clock ---- */

static td_ms engines_next(const struct world *w)
{
    return w->floor ? floor_next(w->floor) : INT64_MAX;
}

td_ms world_next(const struct world *w)
{
    td_ms t = MIN(sched_next(&w->sched), engines_next(w));
    return w->moved ? w->sched.now : w->over ? t : MIN(t, w->next.at);
}

static void pump(struct world *w)
{
    while (w->moved) {
        uint8_t s = (uint8_t)__builtin_ctz(w->moved);
        w->moved &= (uint16_t)(w->moved - 1);
        if (w->node[s])
            node_pump(w->node[s]);
    }
}

static void call(struct world *w)
{
    const struct arrival *a = &w->next;
    struct floor_call k = {.contact = a->contact,
                           .customer = a->customer,
                           .queue = a->queue,
                           .channel = a->channel,
                           .how = a->place.how,
                           .lat = (float)a->place.lat,
                           .lon = (float)a->place.lon,
                           .handle_ms = a->handle_ms,
                           .wrapup_ms = a->wrapup_ms,
                           .patience_ms = a->patience_ms};
    floor_call(w->floor, &k);
    arrival_take(w);
}

bool world_step(struct world *w, td_ms until)
{
    td_ms engines = engines_next(w), t = MIN(sched_next(&w->sched), engines);
    if (w->moved && w->sched.now <= until) { /* a driver has news; else it was pumped at once */
        pump(w);
        return true;
    }
    if (!w->over)
        t = MIN(t, w->next.at);
    if (t > until || t == INT64_MAX)
        return false;
    w->sched.now = MAX(w->sched.now, t);
    if (engines <= t)
        floor_advance(w->floor);
    else if (!w->over && w->next.at <= t)
        call(w);
    else
        sched_step(&w->sched, t);
    pump(w);
    return true;
}

void world_idle(struct world *w, td_ms now)
{
    BUG_ON(world_next(w) < now);
    w->sched.now = MAX(w->sched.now, now);
}

/* The hub states the new configuration; every node folds it. The customers and instances of the
 * simulation take it at once. */
bool world_reconfigure(struct world *w, const char *text, size_t len, const char *name,
                       struct buf *errors)
{
    struct config *c = config_load(text, len, name, errors);
    if (!c)
        return false;
    bool same = config_same_sites(c, w->c);
    if (!same)
        buf_fmt(errors,
                "%s: sites: a running centre keeps its sites and their order; stop it to "
                "change them\n",
                name);
    else if (!w->node[HUB])
        buf_fmt(errors, "%s: the hub is down: try again when it is back\n", name);
    if (!same || !w->node[HUB]) {
        config_free(c);
        return false;
    }
    node_input(w->node[HUB], &(struct input){.type = IN_SET_CONFIG, .config = {text, len}});
    if (w->floor)
        floor_reconfigure(w->floor, c);
    config_free(w->replaced);
    w->c = w->replaced = c;
    return true;
}
