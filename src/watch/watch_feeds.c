/* watch_feeds.c - where routes come from: stations for BMP and FPM, and clouds. */
#include "base/mem.h" /* before uv.h, which may define MIN and MAX again */

#include <stdio.h>

#include "watch/watch_i.h"

/* A station for its routers; their tables told by FPM are sources of their own. */
static struct feed_station *open_station(struct watch *w, const struct feed_protocol *protocol,
                                         const struct watch_station *from, const char *suffix)
{
    struct feed_station_config config = FEED_STATION_DEFAULTS;
    struct feed_router *routers = mem_new(from->n_speakers, sizeof *routers);
    char(*name)[SOURCE_NAME_MAX] = mem_new(from->n_speakers, sizeof *name);
    for (uint32_t i = 0; i < from->n_speakers; i++) {
        snprintf(name[i], sizeof name[i], "%s%s",
                 w->o.config->topo.router[from->speaker[i].router].name, suffix);
        routers[i] = (struct feed_router){from->speaker[i].address, name[i]};
    }
    config.routers = routers;
    config.n_routers = from->n_speakers;
    config.only_routers = true;
    struct feed_station *s = feed_station_new(&(struct feed_station_ports){.protocol = protocol,
                                                                           .loop = w->o.loop,
                                                                           .attrs = w->attrs,
                                                                           .decoder = w->decoder,
                                                                           .sources = w->sources,
                                                                           .sink = watch_sink,
                                                                           .arg = w},
                                              &config);
    mem_free(name);
    mem_free(routers);
    w->parts++;
    return s;
}

bool watch__feeds_start(struct watch *w, char *error, size_t cap)
{
    const struct watch_config *c = w->o.config;
    watch__clouds_start(w);
    if (c->bmp.listen[0]) {
        w->decoder = bgp_decoder_new(w->attrs, w->o.seed, BGP_CACHE_ENTRIES);
        w->bmp = open_station(w, &feed_bmp, &c->bmp, "");
        w->bmp_port = feed_station_listen(w->bmp, c->bmp.listen, c->bmp.port, error, cap);
    }
    if (c->fpm.listen[0] && w->bmp_port >= 0) {
        w->fpm = open_station(w, &feed_fpm, &c->fpm, NETMODEL_FIB);
        w->fpm_port = feed_station_listen(w->fpm, c->fpm.listen, c->fpm.port, error, cap);
    }
    return w->bmp_port >= 0 && w->fpm_port >= 0;
}

void watch__feeds_stop(struct watch *w)
{
    if (w->bmp)
        feed_station_close(w->bmp, watch__part_closed, w);
    if (w->fpm)
        feed_station_close(w->fpm, watch__part_closed, w);
    watch__clouds_stop(w);
}

void watch__feeds_free(struct watch *w)
{
    bgp_decoder_free(w->decoder);
    watch__clouds_free(w);
}
