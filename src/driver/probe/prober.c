#include "driver/probe/probe_i.h"

#include "http/client.h"

#include <stdio.h>
#include <string.h>

static const struct means *const means_of[] = {
    [PROBE_STAMP] = &means_stamp,
    [PROBE_TCP] = &means_tcp,
    [PROBE_HTTPS] = &means_https,
    [PROBE_TRACE] = &means_trace,
};

enum { TRACE_WAIT_MS = 30000 }; /* 30 hops, a second each */

/* ---- a session ---- */

void session_opened(struct session *s)
{
    s->open_handles++;
}

static void prober_free_if_done(struct prober *p)
{
    if (!p->closing || p->handles)
        return;
    void (*closed)(void *) = p->closed;
    void *arg = p->closed_arg;
    mem_free(p->session);
    mem_free((void *)(uintptr_t)p->config.ca_file);
    mem_free(p);
    if (closed)
        closed(arg);
}

void session_closed(struct session *s)
{
    struct prober *p = s->prober;
    BUG_ON(!s->open_handles);
    if (--s->open_handles)
        return;
    path_free(s->path);
    mem_free((void *)(uintptr_t)s->target.url);
    mem_free(s);
    p->handles--;
    prober_free_if_done(p);
}

static void on_timer_closed(uv_handle_t *h)
{
    session_closed(h->data);
}

static void found(void *arg, const struct probe_result *r)
{
    struct session *s = arg;
    if (!s->closing)
        s->prober->found(s->prober->arg, r);
}

static void on_due(uv_timer_t *t);

/* Milliseconds rounded up: a timer that is early would find nothing due. */
static void set_due(struct session *s)
{
    int64_t left = path_due(s->path) - probe_now().mono_ns;
    uv_timer_start(&s->due, on_due, left > 0 ? (uint64_t)(left + 999999) / 1000000 : 0, 0);
}

/* The loop may have stood still: what has arrived meanwhile comes first. */
static void on_due(uv_timer_t *t)
{
    struct session *s = t->data;
    if (s->means->drain)
        s->means->drain(s);
    if (s->closing)
        return;
    path_tick(s->path, probe_now());
    if (!s->closing)
        set_due(s);
}

static void probe_once(struct session *s)
{
    if (s->means->drain)
        s->means->drain(s);
    if (s->closing)
        return;
    struct probe_time now = probe_now();
    uint32_t seq = path_sent(s->path, now);
    s->prober->stats.sent++;
    s->means->send(s, seq, now);
    if (!s->closing)
        set_due(s);
}

static void on_pace(uv_timer_t *t)
{
    probe_once(t->data);
}

void session_answer(struct session *s, const struct path_answer *a)
{
    if (!path_answered(s->path, a, probe_now()))
        s->prober->stats.strange++;
    if (!s->closing)
        set_due(s);
}

void session_failed(struct session *s, uint32_t seq)
{
    path_failed(s->path, seq, probe_now());
    if (!s->closing)
        set_due(s);
}

/* ---- the prober ---- */

struct prober *prober_new(struct uv_loop_s *loop, const struct prober_config *c,
                          probe_found *on_found, void *arg)
{
    struct prober *p = mem_new(1, sizeof *p);
    p->loop = loop;
    p->config = *c;
    if (!c->packets_per_s_max)
        p->config.packets_per_s_max = PROBE_PACKETS_DEFAULT;
    if (!c->paths_max)
        p->config.paths_max = PROBE_PATHS_DEFAULT;
    p->config.ca_file = c->ca_file ? mem_strdup(c->ca_file) : NULL;
    p->config.key = NULL;
    p->has_key = c->key != NULL;
    if (c->key)
        p->key = *c->key;
    p->found = on_found;
    p->arg = arg;
    p->session = mem_new(p->config.paths_max, sizeof *p->session);
    return p;
}

static int free_index(const struct prober *p)
{
    for (uint32_t i = 0; i < p->config.paths_max; i++)
        if (!p->session[i])
            return (int)i;
    return -1;
}

static uint32_t packets_of(const struct probe_target *t)
{
    return (1000 + t->pace_ms - 1) / t->pace_ms;
}

static bool within_limits(const struct prober *p, const struct probe_target *t, char *why,
                          size_t cap)
{
    if (t->path.kind >= COUNTOF(means_of))
        snprintf(why, cap, "no such kind of probe");
    else if (t->pace_ms < PROBE_PACE_MIN_MS)
        snprintf(why, cap, "a pace of %u ms is below %d ms", t->pace_ms, PROBE_PACE_MIN_MS);
    else if (free_index(p) < 0)
        snprintf(why, cap, "all %u paths are taken", p->config.paths_max);
    else if (p->stats.packets_per_s + packets_of(t) > p->config.packets_per_s_max)
        snprintf(why, cap, "%u packets/s more would be above the limit of %u", packets_of(t),
                 p->config.packets_per_s_max);
    else
        return true;
    return false;
}

/* The first probe of each path comes at another moment: the golden ratio spreads any number of them
 * evenly (Knuth, The Art of Computer Programming 3, 6.4). */
static void start_pace(struct session *s)
{
    struct prober *p = s->prober;
    uint64_t phase = p->phase * (uint64_t)s->target.pace_ms >> 32;
    p->phase += 0x9e3779b9u;
    uv_timer_start(&s->pace, on_pace, phase, s->target.pace_ms);
    set_due(s);
}

int prober_add(struct prober *p, const struct probe_target *t, char *why, size_t cap)
{
    BUG_ON(p->closing);
    if (!within_limits(p, t, why, cap))
        return -1;
    struct session *s = mem_new(1, sizeof *s);
    s->prober = p;
    s->target = *t;
    s->means = means_of[t->path.kind];
    if (t->path.kind == PROBE_TRACE && !t->path.timeout_max_ms)
        s->target.path.timeout_max_ms = TRACE_WAIT_MS;
    s->index = free_index(p);
    s->target.path.path = (uint32_t)s->index;
    s->target.url = t->url ? mem_strdup(t->url) : NULL;
    if (!s->means->open(s, why, cap)) {
        mem_free((void *)(uintptr_t)s->target.url);
        mem_free(s);
        return -1;
    }
    s->path = path_new(&s->target.path, probe_now(), found, s);
    uv_timer_init(p->loop, &s->pace);
    uv_timer_init(p->loop, &s->due);
    s->pace.data = s->due.data = s;
    s->open_handles += 2;
    p->handles++;
    p->stats.paths++;
    p->stats.packets_per_s += packets_of(t);
    p->session[s->index] = s;
    start_pace(s);
    return s->index;
}

void prober_remove(struct prober *p, int path)
{
    BUG_ON(path < 0 || (uint32_t)path >= p->config.paths_max || !p->session[path]);
    struct session *s = p->session[path];
    p->session[path] = NULL;
    p->stats.paths--;
    p->stats.packets_per_s -= packets_of(&s->target);
    s->closing = true;
    uv_close((uv_handle_t *)&s->pace, on_timer_closed);
    uv_close((uv_handle_t *)&s->due, on_timer_closed);
    s->means->close(s);
}

static void on_https_closed(void *arg)
{
    struct prober *p = arg;
    p->handles--;
    prober_free_if_done(p);
}

void prober_close(struct prober *p, void (*closed)(void *arg), void *arg)
{
    p->closed = closed;
    p->closed_arg = arg;
    p->handles++; /* this call */
    p->closing = true;
    for (uint32_t i = 0; i < p->config.paths_max; i++)
        if (p->session[i])
            prober_remove(p, (int)i);
    if (p->https)
        http_client_close(p->https, on_https_closed, p); /* counted since it was made */
    p->handles--;
    prober_free_if_done(p);
}

void prober_now(struct prober *p, int path)
{
    BUG_ON(path < 0 || (uint32_t)path >= p->config.paths_max || !p->session[path]);
    struct session *s = p->session[path];
    uv_timer_again(&s->pace);
    probe_once(s);
}

const struct path *prober_path(const struct prober *p, int path)
{
    bool there = path >= 0 && (uint32_t)path < p->config.paths_max && p->session[path];
    return there ? p->session[path]->path : NULL;
}

struct prober_stats prober_stats(const struct prober *p)
{
    return p->stats;
}
