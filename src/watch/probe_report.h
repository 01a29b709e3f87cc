/* probe_report.h - what a site's probes find, told to the hub: POST /v1/net/probes.
 *
 * What changed goes at once, spans wait up to a second for company. Results are kept until the hub
 * has taken them, PROBE_REPORT_KEPT at most: beyond that the oldest spans go first, since what is
 * up or down must arrive, and a hub that was away learns the rest from the next spans. */
#pragma once

#include "net/path.h"
#include "net/topo.h"

struct uv_loop_s;
struct probe_report;

enum { PROBE_REPORT_KEPT = 1024 }; /* also the most that the hub takes in one request */

/* `hub`: "http://host:port"; copied. `topo` names the sites, and outlives the report. */
struct probe_report *probe_report_new(struct uv_loop_s *loop, const char *hub,
                                      const struct topo *topo) MUST_USE;
void probe_report_add(struct probe_report *r, const struct probe_result *result);
/* What is not yet told is told to nobody. closed(arg), which may be NULL, from the loop. */
void probe_report_close(struct probe_report *r, void (*closed)(void *arg), void *arg);

struct probe_report_stats {
    uint64_t told, dropped, refused; /* refused: by the hub, with 4xx */
    uint64_t failed;                 /* requests without a reply, or with 5xx; tried again */
};
struct probe_report_stats probe_report_stats(const struct probe_report *r);
