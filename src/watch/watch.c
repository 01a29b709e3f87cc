/* watch.c - the model kept up to date, and what pages ask of the past. */
#include "base/mem.h" /* before uv.h, which may define MIN and MAX again */

#include <string.h>
#include <time.h>
#include <uv.h>

#include "base/log.h"
#include "base/map.h"
#include "watch/watch_i.h"

enum {
    SETTLE_MS = 5,       /* events that come together are worked off together */
    FAILURE_EVERY = 100, /* ms between two links whose failure is tried, */
    FAILURE_REST = 20,   /* and so many times what the last one took */
    SWEEP_EVERY_MS = 30000,
    LATE_MS = 60000,         /* a site gives a request to the hub five seconds */
    SWEEP_AFTER_MS = 600000, /* routers without End-of-RIB have told all by then */
};

int64_t watch__wall_ms(struct watch *w)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    w->now_ms = MAX(w->now_ms, (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000);
    return w->now_ms; /* a clock set back stands still for us */
}

/* ---- verdicts ---- */

static void log_verdict(const struct verdict *v, const char *text, bool again)
{
    const struct verdict_row *r = &verdict_rows[v->kind];
    if (v->state == VERDICT_ENDED)
        log_notice("net", "ended", LF_S("verdict", r->name), LF_U("id", v->id), LF_S("is", text));
    else if (again)
        log_debug("net", "changed", LF_S("verdict", r->name), LF_U("id", v->id), LF_S("is", text));
    else if (r->severity == SEVERITY_CRITICAL)
        log_error("net", "raised", LF_S("verdict", r->name), LF_U("id", v->id), LF_S("is", text));
    else
        log_warn("net", "raised", LF_S("verdict", r->name), LF_U("id", v->id), LF_S("is", text));
}

static void told(void *arg, const struct verdict *v)
{
    struct watch *w = arg;
    char text[WATCH_TEXT_MAX];
    verdict_text(v, &w->o.config->topo, text, sizeof text);
    bool again = v->state == VERDICT_RAISED && v->id <= w->last_raised;
    if (v->state == VERDICT_RAISED && v->id > w->last_raised)
        w->last_raised = v->id;
    if (v->state == VERDICT_ENDED) {
        struct watch_ended *e = &w->ended[w->n_ended++ % WATCH_ENDED_KEPT];
        e->verdict = *v;
        memcpy(e->text, text, sizeof text);
    }
    log_verdict(v, text, again);
    if (w->o.told)
        w->o.told(w->o.arg, v, text, again);
}

static void on_settle(uv_timer_t *timer);

static void arm(struct watch *w, int64_t in_ms)
{
    if (!w->closing)
        uv_timer_start(&w->settle, on_settle, (uint64_t)MAX(in_ms, 0), 0);
}

void watch_settle(struct watch *w)
{
    int64_t now = watch__wall_ms(w), due;
    netmodel_settle(w->model, now, told, w);
    w->soon = false;
    due = netmodel_due(w->model);
    if (due != INT64_MAX)
        arm(w, MIN(due - now, 60000));
}

static void on_settle(uv_timer_t *timer)
{
    watch_settle(timer->data);
}

void watch__soon(struct watch *w)
{
    if (w->soon)
        return;
    w->soon = true;
    arm(w, SETTLE_MS);
}

static void on_failure(uv_timer_t *timer)
{
    struct watch *w = timer->data;
    uint64_t begun = uv_hrtime();
    if (netmodel_try_failure(w->model, watch__wall_ms(w)))
        watch__soon(w);
    uint64_t took_ms = (uv_hrtime() - begun) / 1000000;
    if (!w->closing)
        uv_timer_start(timer, on_failure, MAX(FAILURE_EVERY, FAILURE_REST * took_ms), 0);
}

static void on_sweep(uv_timer_t *timer)
{
    struct watch *w = timer->data;
    int64_t now = watch__wall_ms(w);
    rib_sweep(netmodel_rib(w->model), now - SWEEP_AFTER_MS, now);
    watch__soon(w);
}

/* ---- what comes in ---- */

void watch_sink(void *arg, const struct route_event *e)
{
    struct watch *w = arg;
    netmodel_sink(w->model, e);
    watch__soon(w);
}

static struct watch_path *path_of(struct watch *w, const struct probe_result *r)
{
    uint64_t key =
        ((uint64_t)r->from << 40 | (uint64_t)r->to << 24 | (uint64_t)r->flow << 8 | r->kind) + 1;
    uint32_t at;
    if (map64_find(&w->path_of, key, &at))
        return &w->path[at];
    if (w->n_paths == WATCH_PATHS_MAX)
        return NULL;
    if (w->n_paths == w->cap_paths) {
        w->cap_paths = w->cap_paths ? w->cap_paths * 2 : 64;
        w->path = mem_grow(w->path, w->cap_paths, sizeof *w->path);
    }
    map64_insert(&w->path_of, key, w->n_paths);
    struct watch_path *p = &w->path[w->n_paths++];
    *p = (struct watch_path){.state = PATH_STATE_UNKNOWN, .state_since_ms = r->at_ms};
    return p;
}

static void path_is(struct watch_path *p, uint8_t state, int64_t since_ms)
{
    if (p->state == state)
        return;
    p->state = state;
    p->state_since_ms = since_ms;
}

/* A request of a site that was given up, and whose contents came again in the next one, may arrive
 * after that one when the network is mended. Much older is a clock that was set back. */
static bool is_of_before(const struct watch_path *p, const struct probe_result *r)
{
    return r->at_ms < p->last.at_ms && r->at_ms > p->last.at_ms - LATE_MS;
}

bool watch_probe(struct watch *w, const struct probe_result *r)
{
    const struct topo *t = &w->o.config->topo;
    if (r->from >= t->n_sites || r->to >= t->n_sites || r->from == r->to)
        return false;
    struct watch_path *p = path_of(w, r);
    if (!p)
        return false;
    if (is_of_before(p, r))
        return true;
    switch (r->what) {
    case PROBE_UP: path_is(p, PATH_STATE_UP, r->since_ms); break;
    case PROBE_DOWN: path_is(p, PATH_STATE_DOWN, r->since_ms); break;
    case PROBE_SPAN:
        if (p->state == PATH_STATE_UNKNOWN)
            path_is(p, r->lost < r->sent ? PATH_STATE_UP : PATH_STATE_DOWN, r->at_ms);
        break;
    case PROBE_LOOP: p->loop = true; break;
    case PROBE_LOOP_ENDED: p->loop = false; break;
    default: break;
    }
    p->last = *r;
    p->heard_ms = watch__wall_ms(w);
    netmodel_probe(w->model, r);
    watch__soon(w);
    return true;
}

/* ---- questions ---- */

struct netmodel *watch_model(struct watch *w)
{
    return w->model;
}

const struct topo *watch_topo(const struct watch *w)
{
    return &w->o.config->topo;
}

struct attr_table *watch_attrs(struct watch *w)
{
    return w->attrs;
}

struct sources *watch_sources(struct watch *w)
{
    return w->sources;
}

int watch_bmp_port(const struct watch *w)
{
    return w->bmp_port;
}

int watch_fpm_port(const struct watch *w)
{
    return w->fpm_port;
}

int64_t watch_now(const struct watch *w)
{
    return w->now_ms;
}

uint32_t watch_paths(const struct watch *w)
{
    return w->n_paths;
}

const struct watch_path *watch_path_at(const struct watch *w, uint32_t i)
{
    return &w->path[i];
}

const struct watch_ended *watch_ended_at(const struct watch *w, uint32_t i)
{
    if (i >= MIN(w->n_ended, (uint64_t)WATCH_ENDED_KEPT))
        return NULL;
    return &w->ended[(w->n_ended - 1 - i) % WATCH_ENDED_KEPT];
}

uint32_t watch_findings(const struct watch *w)
{
    return w->n_findings;
}

const struct topo_finding *watch_finding_at(const struct watch *w, uint32_t i)
{
    return &w->finding[i];
}

/* ---- life ---- */

static void keep_finding(void *arg, const struct topo_finding *f)
{
    struct watch *w = arg;
    if (w->n_findings == WATCH_FINDINGS_MAX)
        return;
    w->finding = mem_grow(w->finding, w->n_findings + 1, sizeof *w->finding);
    w->finding[w->n_findings++] = *f;
    log_warn("net", "wrong on paper", LF_S("is", topo_wrongs[f->wrong].name),
             LF_S("where", f->text), LF_S("do", topo_wrongs[f->wrong].do_this));
}

static void timers(struct watch *w)
{
    uv_timer_init(w->o.loop, &w->settle);
    uv_timer_init(w->o.loop, &w->failure);
    uv_timer_init(w->o.loop, &w->sweep);
    w->settle.data = w->failure.data = w->sweep.data = w;
    uv_timer_start(&w->failure, on_failure, FAILURE_EVERY, 0);
    uv_timer_start(&w->sweep, on_sweep, SWEEP_EVERY_MS, SWEEP_EVERY_MS);
    w->parts = 3;
}

struct watch *watch_new(const struct watch_options *o, char *error, size_t cap)
{
    const struct watch_config *c = o->config;
    struct watch *w = mem_new(1, sizeof *w);
    struct netmodel_options m = NETMODEL_DEFAULTS;
    w->o = *o;
    watch__wall_ms(w);
    w->attrs = attr_table_new(o->seed, ATTR_SETS_MAX, ATTR_BYTES_MAX);
    w->sources = sources_new();
    m.seed = o->seed;
    m.limits.routes_max = c->routes_max;
    m.sync_ms = c->sync_ms;
    m.flap_count = c->flap_count;
    m.flap_window_ms = c->flap_window_ms;
    m.limit_percent = c->limit_percent;
    w->model = netmodel_new(&c->topo, w->attrs, w->sources, &m);
    timers(w);
    topo_check(&c->topo, keep_finding, w);
    if (watch__door_start(w, error, cap) && watch__feeds_start(w, error, cap) &&
        watch__probes_start(w, error, cap)) {
        watch__soon(w);
        return w;
    }
    watch_close(w, NULL, NULL);
    uv_run(o->loop, UV_RUN_NOWAIT); /* lets go of what was begun */
    return NULL;
}

static void watch_free(struct watch *w)
{
    netmodel_free(w->model);
    watch__door_free(w);
    watch__links_free(w);
    watch__feeds_free(w);
    sources_free(w->sources);
    attr_table_free(w->attrs);
    map64_free(&w->path_of);
    mem_free(w->path);
    mem_free(w->finding);
    mem_free(w);
}

void watch__part_closed(void *arg)
{
    struct watch *w = arg;
    if (--w->parts)
        return;
    void (*closed)(void *arg) = w->closed;
    void *closed_arg = w->closed_arg;
    watch_free(w);
    if (closed)
        closed(closed_arg);
}

static void timer_closed(uv_handle_t *h)
{
    watch__part_closed(h->data);
}

void watch_close(struct watch *w, void (*closed)(void *arg), void *arg)
{
    w->closing = true;
    w->closed = closed;
    w->closed_arg = arg;
    uv_close((uv_handle_t *)&w->settle, timer_closed);
    uv_close((uv_handle_t *)&w->failure, timer_closed);
    uv_close((uv_handle_t *)&w->sweep, timer_closed);
    watch__feeds_stop(w);
    watch__probes_stop(w);
}
