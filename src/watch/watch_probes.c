/* watch_probes.c - the probes of the site where this process is, to all other sites. */
#include "base/mem.h" /* before uv.h, which may define MIN and MAX again */

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "driver/probe/key.h"
#include "watch/watch_i.h"

enum {
    STAMP_SOURCE = 40000, /* the first flow's UDP port at the sender; others follow */
    TCP_SOURCE = 41000,
    TRACE_PACE_MS = 600000, /* besides those that a path going down asks for */
};

/* A path that goes down is traced at once: is there a loop? */
static void found(void *arg, const struct probe_result *r)
{
    struct watch *w = arg;
    if (w->closing)
        return;
    if (r->what == PROBE_DOWN && r->kind != PROBE_TRACE && w->trace[r->to] >= 0)
        prober_now(w->prober, w->trace[r->to]);
    if (!watch_probe(w, r))
        log_warn("net", "more paths than can be kept", LF_I("most", WATCH_PATHS_MAX));
}

static int add(struct watch *w, enum probe_kind kind, uint16_t to, uint16_t flow, char *error,
               size_t cap)
{
    const struct watch_probes *p = &w->o.config->probes;
    bool stamp = kind == PROBE_STAMP, tcp = kind == PROBE_TCP;
    struct probe_target t = {
        .path = {.from = p->from_site,
                 .to = to,
                 .flow = flow,
                 .kind = (uint8_t)kind,
                 .fall = p->fall,
                 .rise = p->rise},
        .address = w->o.config->topo.site[to].address,
        .source = w->o.config->topo.site[p->from_site].address,
        .port = stamp ? p->port
                : tcp ? p->tcp_port
                      : 0,
        .source_port = (uint16_t)(stamp ? STAMP_SOURCE + flow
                                  : tcp ? TCP_SOURCE + flow
                                        : 0),
        .pace_ms = stamp ? p->pace_ms
                   : tcp ? p->tcp_pace_ms
                         : TRACE_PACE_MS,
    };
    char why[200];
    int path = prober_add(w->prober, &t, why, sizeof why);
    if (path < 0)
        snprintf(error, cap, "probe of %s: %s", w->o.config->topo.site[to].name, why);
    return path;
}

static bool add_paths(struct watch *w, uint16_t to, char *error, size_t cap)
{
    const struct watch_probes *p = &w->o.config->probes;
    for (uint16_t flow = 0; flow < p->flows; flow++)
        if (add(w, PROBE_STAMP, to, flow, error, cap) < 0 ||
            (p->tcp_port && add(w, PROBE_TCP, to, flow, error, cap) < 0))
            return false;
    if (p->trace)
        w->trace[to] = add(w, PROBE_TRACE, to, 0, error, cap);
    return !p->trace || w->trace[to] >= 0;
}

bool watch__probes_start(struct watch *w, char *error, size_t cap)
{
    const struct watch_probes *p = &w->o.config->probes;
    const struct topo *t = &w->o.config->topo;
    struct stamp_key key = {0};
    memset(w->trace, -1, sizeof w->trace);
    if (p->from_site == TOPO_NONE)
        return true;
    if (p->key_file[0] && !stamp_key_load(p->key_file, &key, error, cap))
        return false;
    const struct stamp_key *k = key.len ? &key : NULL;
    struct reflector_config rc = {
        .address = t->site[p->from_site].address, .port = p->port, .key = k};
    char why[200];
    w->reflector = reflector_new(w->o.loop, &rc, why, sizeof why);
    if (!w->reflector) {
        snprintf(error, cap, "reflector: %s", why);
        return false;
    }
    w->prober = prober_new(w->o.loop, &(struct prober_config){.key = k}, found, w);
    w->parts += 2;
    memset(&key, 0, sizeof key);
    for (uint16_t s = 0; s < t->n_sites; s++)
        if (s != p->from_site && t->site[s].address.family && !add_paths(w, s, error, cap))
            return false;
    return true;
}

void watch__probes_stop(struct watch *w)
{
    if (w->reflector)
        reflector_close(w->reflector, watch__part_closed, w);
    if (w->prober)
        prober_close(w->prober, watch__part_closed, w);
}
