/* site_probes.c - see site_probes.h. */
#include "watch/site_probes.h"

#include "base/mem.h" /* before uv.h, which may define MIN and MAX again */

#include <stdio.h>
#include <string.h>
#include <uv.h>

#include "driver/probe/key.h"
#include "driver/probe/reflector.h"

enum {
    SOURCE = 20000,        /* the first port at the sender, below those the system gives away */
    TRACE_PACE_MS = 30000, /* besides those that a path going down or up asks for */
};
_Static_assert(SOURCE + TOPO_SITES_MAX * WATCH_FLOWS_MAX < 65536,
               "ports of all flows to all sites");

struct site_probes {
    const struct watch_config *config;
    uint16_t site;
    probe_found *found;
    void *arg;
    struct prober *prober;
    struct reflector *reflector;
    int trace[TOPO_SITES_MAX]; /* the traceroute to each site; -1: none */
    uint32_t parts;            /* that are not closed yet */
    bool stopped;
    void (*closed)(void *arg);
    void *closed_arg;
};

/* A path that goes down is traced at once: is there a loop? And when it is up again: is it gone? */
static void found(void *arg, const struct probe_result *r)
{
    struct site_probes *s = arg;
    if (s->stopped)
        return;
    bool turned = r->what == PROBE_DOWN || r->what == PROBE_UP;
    if (turned && r->kind != PROBE_TRACE && s->trace[r->to] >= 0)
        prober_now(s->prober, s->trace[r->to]);
    /* A traceroute is asked about loops only: routers may be silent, and mostly are in clouds. */
    if (r->kind != PROBE_TRACE || r->what == PROBE_LOOP || r->what == PROBE_LOOP_ENDED)
        s->found(s->arg, r);
}

static int add(struct site_probes *s, enum probe_kind kind, uint16_t to, uint16_t flow, char *error,
               size_t cap)
{
    const struct watch_probes *p = &s->config->probes;
    bool stamp = kind == PROBE_STAMP, tcp = kind == PROBE_TCP;
    struct probe_target t = {
        .path = {.from = s->site,
                 .to = to,
                 .flow = flow,
                 .kind = (uint8_t)kind,
                 .fall = p->fall,
                 .rise = p->rise},
        .address = s->config->topo.site[to].address,
        .source = s->config->topo.site[s->site].address,
        .port = stamp ? p->port
                : tcp ? p->tcp_port
                      : 0,
        .source_port = (uint16_t)(stamp || tcp ? SOURCE + to * WATCH_FLOWS_MAX + flow : 0),
        .pace_ms = stamp ? p->pace_ms
                   : tcp ? p->tcp_pace_ms
                         : TRACE_PACE_MS,
    };
    char why[200];
    int path = prober_add(s->prober, &t, why, sizeof why);
    if (path < 0)
        snprintf(error, cap, "probe of %s: %s", s->config->topo.site[to].name, why);
    return path;
}

static bool add_paths(struct site_probes *s, uint16_t to, char *error, size_t cap)
{
    const struct watch_probes *p = &s->config->probes;
    for (uint16_t flow = 0; flow < p->flows; flow++)
        if (add(s, PROBE_STAMP, to, flow, error, cap) < 0 ||
            (p->tcp_port && add(s, PROBE_TCP, to, flow, error, cap) < 0))
            return false;
    if (p->trace)
        s->trace[to] = add(s, PROBE_TRACE, to, 0, error, cap);
    return !p->trace || s->trace[to] >= 0;
}

/* All that needs a socket. */
static bool begin(struct site_probes *s, uv_loop_t *loop, const struct stamp_key *key, char *error,
                  size_t cap)
{
    const struct topo *t = &s->config->topo;
    struct reflector_config rc = {
        .address = t->site[s->site].address, .port = s->config->probes.port, .key = key};
    char why[200];
    s->reflector = reflector_new(loop, &rc, why, sizeof why);
    if (!s->reflector) {
        snprintf(error, cap, "reflector: %s", why);
        return false;
    }
    s->prober = prober_new(loop, &(struct prober_config){.key = key}, found, s);
    for (uint16_t to = 0; to < t->n_sites; to++)
        if (to != s->site && t->site[to].address.family == t->site[s->site].address.family &&
            !add_paths(s, to, error, cap))
            return false;
    return true;
}

struct site_probes *site_probes_start(struct uv_loop_s *loop, const struct watch_config *c,
                                      uint16_t site, probe_found *on_found, void *arg, char *error,
                                      size_t cap)
{
    struct stamp_key key = {0};
    const char *file = c->probes.key_file;
    if (*file && !stamp_key_load(file, &key, error, cap))
        return NULL;
    struct site_probes *s = mem_new(1, sizeof *s);
    s->config = c;
    s->site = site;
    s->found = on_found;
    s->arg = arg;
    memset(s->trace, -1, sizeof s->trace);
    bool ok = begin(s, loop, key.len ? &key : NULL, error, cap);
    memset(&key, 0, sizeof key);
    if (ok)
        return s;
    site_probes_stop(s, NULL, NULL);
    return NULL;
}

static void part_closed(void *arg)
{
    struct site_probes *s = arg;
    if (--s->parts)
        return;
    void (*closed)(void *arg) = s->closed;
    void *closed_arg = s->closed_arg;
    mem_free(s);
    if (closed)
        closed(closed_arg);
}

void site_probes_stop(struct site_probes *s, void (*closed)(void *arg), void *arg)
{
    s->stopped = true;
    s->closed = closed;
    s->closed_arg = arg;
    s->parts = 1u + (s->reflector != NULL) + (s->prober != NULL); /* one is this call */
    if (s->reflector)
        reflector_close(s->reflector, part_closed, s);
    if (s->prober)
        prober_close(s->prober, part_closed, s);
    part_closed(s);
}
