/* watch_probes.c - the probes of the site where this process is, into the model. */
#include "base/mem.h" /* before uv.h, which may define MIN and MAX again */

#include "base/log.h"
#include "watch/site_probes.h"
#include "watch/watch_i.h"

static void found(void *arg, const struct probe_result *r)
{
    if (!watch_probe(arg, r))
        log_warn("net", "more paths than can be kept", LF_I("most", WATCH_PATHS_MAX));
}

bool watch__probes_start(struct watch *w, char *error, size_t cap)
{
    const struct watch_config *c = w->o.config;
    if (c->probes.from_site == TOPO_NONE)
        return true;
    w->probes = site_probes_start(w->o.loop, c, c->probes.from_site, found, w, error, cap);
    if (w->probes)
        w->parts++;
    return w->probes != NULL;
}

void watch__probes_stop(struct watch *w)
{
    if (w->probes)
        site_probes_stop(w->probes, watch__part_closed, w);
}
