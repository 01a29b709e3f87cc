/* watch_i.h - between watch.c (the model), watch_feeds.c, watch_clouds.c, watch_links.c,
 * watch_push.c and watch_probes.c. */
#pragma once

#include "base/map.h" /* before uv.h, which may define MIN and MAX again */

#include <uv.h>

#include "driver/routes/cloud.h"
#include "driver/routes/feed_station.h"
#include "watch/watch.h"

enum { WATCH_FINDINGS_MAX = 256 };

struct watch {
    struct watch_options o;
    struct attr_table *attrs;
    struct sources *sources;
    struct netmodel *model;
    int64_t now_ms;
    uv_timer_t settle, failure, sweep;
    bool soon; /* settle is armed for what just came in */

    uint32_t last_raised; /* the greatest id of a verdict told */
    uint64_t n_ended;
    struct watch_ended ended[WATCH_ENDED_KEPT];
    struct topo_finding *finding;
    uint32_t n_findings;

    struct map64 path_of;
    struct watch_path *path;
    uint32_t n_paths, cap_paths;

    struct bgp_decoder *decoder;
    struct feed_station *bmp, *fpm; /* NULL: nothing listens */
    int bmp_port, fpm_port;
    struct watch_links *links;   /* what clouds say of links; NULL: nothing yet */
    struct watch_asking *asking; /* clouds; NULL: none is asked */
    struct watch_door *door;     /* for events that are pushed; NULL: closed */
    struct site_probes *probes;  /* NULL: none from here */

    uint32_t parts; /* that are not closed yet */
    bool closing;
    void (*closed)(void *arg);
    void *closed_arg;
};

void watch__part_closed(void *w);
int64_t watch__wall_ms(struct watch *w); /* Unix time; it does not run backwards */
void watch__soon(struct watch *w); /* settles it in a moment */

bool watch__feeds_start(struct watch *w, char *error, size_t cap);
void watch__feeds_stop(struct watch *w);
void watch__feeds_free(struct watch *w);
void watch__clouds_start(struct watch *w);
void watch__clouds_stop(struct watch *w);
void watch__clouds_free(struct watch *w);
link_sink watch__link_told; /* arg: the watch */
void watch__links_free(struct watch *w);
struct cloud *watch__cloud(struct watch *w);
void watch__clouds_soon(struct watch *w, const char *region); /* asks AWS there soon */
bool watch__door_start(struct watch *w, char *error, size_t cap);
void watch__door_free(struct watch *w);
bool watch__probes_start(struct watch *w, char *error, size_t cap);
void watch__probes_stop(struct watch *w);
