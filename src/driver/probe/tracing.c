/* Traceroute as a means of probing: a run is a probe, the destination reached is its answer, and a
 * loop found twice is told as PROBE_LOOP until a run ends without one. */
#include "driver/probe/probe_i.h"
#include "driver/probe/trace.h"

#include <stdio.h>

struct tracing {
    struct session *session;
    struct trace_run *run; /* NULL: none is under way */
    uint32_t seq;
    struct probe_time sent;
    bool looping;
};

static void tell(struct session *s, enum probe_what what, const struct trace_loop *loop)
{
    struct probe_result r = path_result(s->path, what, probe_now());
    if (loop) {
        r.loop_at = loop->at;
        r.loop_hops = loop->routers;
    }
    s->prober->found(s->prober->arg, &r);
}

static void done(void *arg, const struct trace *t, const struct trace_loop *loop)
{
    struct tracing *o = arg;
    struct session *s = o->session;
    int64_t t1 = o->sent.wall_ns;
    o->run = NULL;
    if (loop && !o->looping)
        tell(s, PROBE_LOOP, loop);
    else if (!loop && o->looping && t->end != TRACE_LOOP)
        tell(s, PROBE_LOOP_ENDED, NULL);
    if (s->closing)
        return;
    o->looping = loop || (o->looping && t->end == TRACE_LOOP);
    if (t->end == TRACE_REACHED)
        session_answer(s, &(struct path_answer){
                              .seq = o->seq,
                              .t1_ns = t1,
                              .t4_ns = t1 + (int64_t)t->hop[t->hops - 1].two_way_us * 1000,
                          });
    else
        session_failed(s, o->seq);
}

static bool tracing_open(struct session *s, char *why, size_t cap)
{
    if (!s->target.address.family) {
        snprintf(why, cap, "a traceroute needs an address");
        return false;
    }
    struct tracing *o = s->own = mem_new(1, sizeof *o);
    o->session = s;
    session_opened(s);
    return true;
}

static void tracing_send(struct session *s, uint32_t seq, struct probe_time now)
{
    struct tracing *o = s->own;
    struct prober *p = s->prober;
    const struct probe_target *t = &s->target;
    struct trace_spec spec = {.to = t->address,
                              .source = t->source,
                              .port = t->port,
                              .source_port = t->source_port,
                              .key = p->has_key ? &p->key : NULL};
    char why[128];
    if (o->run) /* asked anew: what it would have found is of before */
        trace_cancel(o->run);
    o->seq = seq;
    o->sent = now;
    o->run = trace_start(p->loop, &spec, done, o, why, sizeof why);
    if (!o->run) {
        p->stats.send_failed++;
        session_failed(s, seq);
    }
}

static void tracing_close(struct session *s)
{
    struct tracing *o = s->own;
    if (o->run)
        trace_cancel(o->run);
    mem_free(o);
    session_closed(s);
}

const struct means means_trace = {tracing_open, tracing_send, NULL, tracing_close};
