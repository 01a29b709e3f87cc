/* watch_feeds.c - where routes come from: the BMP station, and clouds. */
#include "base/mem.h" /* before uv.h, which may define MIN and MAX again */

#include "watch/watch_i.h"

bool watch__feeds_start(struct watch *w, char *error, size_t cap)
{
    const struct watch_config *c = w->o.config;
    watch__clouds_start(w);
    if (!c->bmp_listen[0])
        return true;
    struct bmp_router *routers = mem_new(c->n_speakers, sizeof *routers);
    for (uint32_t i = 0; i < c->n_speakers; i++)
        routers[i] =
            (struct bmp_router){c->speaker[i].address, c->topo.router[c->speaker[i].router].name};
    struct bmp_station_config config = BMP_STATION_DEFAULTS;
    config.routers = routers;
    config.n_routers = c->n_speakers;
    config.only_routers = true;
    w->decoder = bgp_decoder_new(w->attrs, w->o.seed, BGP_CACHE_ENTRIES);
    w->station = bmp_station_new(&(struct bmp_station_ports){.loop = w->o.loop,
                                                             .attrs = w->attrs,
                                                             .decoder = w->decoder,
                                                             .sources = w->sources,
                                                             .sink = watch_sink,
                                                             .arg = w},
                                 &config);
    mem_free(routers);
    w->parts++;
    w->bmp_port = bmp_station_listen(w->station, c->bmp_listen, c->bmp_port, error, cap);
    return w->bmp_port >= 0;
}

void watch__feeds_stop(struct watch *w)
{
    if (w->station)
        bmp_station_close(w->station, watch__part_closed, w);
    watch__clouds_stop(w);
}

void watch__feeds_free(struct watch *w)
{
    bgp_decoder_free(w->decoder);
    watch__clouds_free(w);
}
