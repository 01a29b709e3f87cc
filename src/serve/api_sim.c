/* api_sim.c - faults of the simulation, on command and by the plan of the command line. Only where
 * the instances are simulated: there is nothing here that could harm a real one. */
#include "serve/api_i.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

static bool is_seen(const struct sim_fault *f)
{
    return f->state != SIM_FREE && f->state != SIM_UNWANTED;
}

static struct sim_fault *find(struct api *a, uint32_t id)
{
    for (int i = 0; i < SIM_FAULTS_MAX; i++)
        if (is_seen(&a->sim[i]) && a->sim[i].id == id)
            return &a->sim[i];
    return NULL;
}

static struct sim_fault *find_free(struct api *a)
{
    for (int i = 0; i < SIM_FAULTS_MAX; i++)
        if (a->sim[i].state == SIM_FREE)
            return &a->sim[i];
    return NULL;
}

/* The node that was to answer may just have been taken down, or another come back. */
static void look_again(struct api_call *k)
{
    api_turned(k->api);
    uint8_t teller = api_teller(k->api);
    k->node = teller == SITE_NONE ? NULL : world_node(k->api->world, teller);
}

/* ---- their lives ---- */

static void write_fault(struct jw *w, const struct sim_fault *f)
{
    jw_obj(w);
    kv_uint(w, "id", f->id);
    kv_text(w, "fault", f->text);
    kv_text(w, "state", f->state == SIM_ACTIVE ? "active" : "planned");
    kv_int(w, "from_ms", f->from);
    jw_key(w, "until_ms");
    if (f->until)
        jw_int(w, f->until);
    else
        jw_null(w);
    jw_end(w);
}

static void reply_begun(struct api_call *k, const struct sim_fault *f)
{
    look_again(k);
    struct jw w = api_json(k);
    write_fault(&w, f);
    api_reply(k, 201);
}

static void refuse_waiting(struct sim_fault *f, int status, const char *why)
{
    struct api_call k = {.api = f->api, .rq = f->rq};
    f->rq = NULL;
    if (!k.rq)
        return;
    look_again(&k);
    api_problem(&k, status, "%s", why);
}

static void begin_here(struct api *a, struct sim_fault *f)
{
    world_fault(a->world, &f->fault);
    f->state = SIM_ACTIVE;
    f->from = world_now(a->world);
    timeline_add(&a->timeline, f->from, "health", "a simulated fault begins", f->text);
    log_notice("sim", "a simulated fault begins", LF_S("fault", f->text));
}

static void begun_there(void *arg, uint32_t there, const char *problem)
{
    struct sim_fault *f = arg;
    struct api *a = f->api;
    if (f->state == SIM_UNWANTED || problem) {
        if (problem)
            log_warn("sim", "a simulated fault cannot begin", LF_S("fault", f->text),
                     LF_S("why", problem));
        else
            a->o.faults->end(a->o.faults->arg, there);
        refuse_waiting(f, 502, problem ? problem : "");
        f->state = SIM_FREE;
        return;
    }
    struct api_call k = {.api = a, .rq = f->rq};
    f->there = there;
    f->rq = NULL;
    begin_here(a, f);
    if (k.rq)
        reply_begun(&k, f);
}

static void begin_fault(struct api *a, struct sim_fault *f)
{
    const struct fault_port *port = a->o.faults;
    bool of_instance = f->fault.kind == FAULT_REGION_DOWN || f->fault.kind == FAULT_FLOWS;
    if (!port || !of_instance) {
        begin_here(a, f);
        return;
    }
    f->state = SIM_BEGINNING;
    int64_t for_ms = f->until ? MAX(f->until - world_now(a->world), 1) : 0;
    port->begin(port->arg, &f->fault, for_ms, begun_there, f);
}

static void end_fault(struct api *a, struct sim_fault *f)
{
    if (f->state == SIM_BEGINNING) {
        refuse_waiting(f, 409, "It was ended before it had begun.");
        f->state = SIM_UNWANTED;
        return;
    }
    if (f->state == SIM_ACTIVE) {
        if (f->there)
            a->o.faults->end(a->o.faults->arg, f->there);
        world_fault_end(a->world, &f->fault);
        timeline_add(&a->timeline, world_now(a->world), "health", "a simulated fault has ended",
                     f->text);
        log_notice("sim", "a simulated fault has ended", LF_S("fault", f->text));
    }
    f->state = SIM_FREE;
}

/* n: the fault's id, and whether it ends (lowest bit). */
static void due(void *arg, void *what, uint64_t n)
{
    struct api *a = arg;
    struct sim_fault *f = find(a, (uint32_t)(n >> 1));
    (void)what;
    if (!f)
        return; /* it was ended by hand */
    if (n & 1)
        end_fault(a, f);
    else
        begin_fault(a, f);
}

static struct sim_fault *plan(struct api *a, const struct fault *fault, const char *text, td_ms at)
{
    struct sim_fault *f = find_free(a);
    if (!f)
        return NULL;
    *f = (struct sim_fault){.api = a,
                            .state = SIM_PLANNED,
                            .id = ++a->sim_last,
                            .fault = *fault,
                            .from = at,
                            .until = fault->for_ms ? at + fault->for_ms : 0};
    str_copy(f->text, sizeof f->text, text);
    if (at > world_now(a->world))
        sched_at(world_sched(a->world), at, due, a, NULL, (uint64_t)f->id << 1);
    else
        begin_fault(a, f);
    if (f->until)
        sched_at(world_sched(a->world), f->until, due, a, NULL, (uint64_t)f->id << 1 | 1);
    return f;
}

bool api_fault(struct api *a, const struct fault *f, const char *text, td_ms at)
{
    return plan(a, f, text, at) != NULL;
}

/* ---- the paths ---- */

static bool may(struct api_call *k)
{
    if (k->api->o.simulated && k->api->world)
        return true;
    api_problem(k, 403, "These instances are not simulated; there are no faults to be had.");
    return false;
}

static void write_faults(struct api_call *k)
{
    struct jw w = api_json(k);
    jw_obj(&w);
    kv_arr(&w, "faults");
    for (int i = 0; i < SIM_FAULTS_MAX; i++)
        if (is_seen(&k->api->sim[i]))
            write_fault(&w, &k->api->sim[i]);
    jw_end(&w);
    jw_end(&w);
}

void api_get_faults(struct api_call *k)
{
    if (!may(k))
        return;
    write_faults(k);
    api_reply(k, 200);
}

static void on_gone(void *arg)
{
    ((struct sim_fault *)arg)->rq = NULL; /* it begins all the same */
}

void api_post_fault(struct api_call *k)
{
    struct fault_body b;
    struct api_error error;
    struct fault f;
    char spec[sizeof b.fault + 4];
    if (!may(k))
        return;
    if (!parse_fault(k->rq->body.p, k->rq->body.n, &k->api->json, &b, &error)) {
        api_refuse(k, &error);
        return;
    }
    snprintf(spec, sizeof spec, "%s@0s", b.fault);
    if (!fault_parse(spec, world_config(k->api->world), &f, error.detail, sizeof error.detail)) {
        api_problem(k, 422,
                    "fault: is none that there is. There are region-down:SITE, "
                    "node-down:SITE or :hub, cut:NODE,NODE, isolate:NODE, flows:SITE, "
                    "drain:SITE and links:PERCENT%%.");
        return;
    }
    f.for_ms = b.for_ms;
    live_now(k->api->live);
    struct sim_fault *s = plan(k->api, &f, b.fault, world_now(k->api->world));
    if (!s) {
        api_problem(k, 409, "There are %d faults already; end one first.", SIM_FAULTS_MAX);
        return;
    }
    if (s->state == SIM_BEGINNING) {
        s->rq = k->rq;
        http_defer(k->rq, on_gone, s);
    } else {
        reply_begun(k, s);
    }
}

void api_delete_fault(struct api_call *k)
{
    if (!may(k))
        return;
    char *end;
    unsigned long id = strtoul(k->param[0], &end, 10);
    struct sim_fault *f = id && !*end && id <= UINT32_MAX ? find(k->api, (uint32_t)id) : NULL;
    if (!f) {
        api_problem(k, 404,
                    "There is no fault of this id (any more); GET /v1/sim/faults lists "
                    "them.");
        return;
    }
    live_now(k->api->live);
    end_fault(k->api, f);
    look_again(k);
    write_faults(k);
    api_reply(k, 200);
}

void api_delete_faults(struct api_call *k)
{
    if (!may(k))
        return;
    live_now(k->api->live);
    for (int i = 0; i < SIM_FAULTS_MAX; i++)
        if (is_seen(&k->api->sim[i]))
            end_fault(k->api, &k->api->sim[i]);
    look_again(k);
    write_faults(k);
    api_reply(k, 200);
}
