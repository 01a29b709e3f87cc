/* site_probes.h - the probes of one site to all others, as the section network.probes says: STAMP
 * and TCP in several flows, a traceroute of what goes down, and a reflector for the others' probes.
 * */
#pragma once

#include "driver/probe/probe.h"
#include "watch/watch_config.h"

struct uv_loop_s;
struct site_probes;

/* found() gets what is found, with sites as numbers of c->topo; `c` outlives it. NULL and a line in
 * `error`: an address or a port cannot be had, a key not be read, or it is more than a prober may
 * send. */
struct site_probes *site_probes_start(struct uv_loop_s *loop, const struct watch_config *c,
                                      uint16_t site, probe_found *found, void *arg, char *error,
                                      size_t cap) MUST_USE;
/* Nothing is found from now on; closed(arg), which may be NULL, is called when nothing is left. */
void site_probes_stop(struct site_probes *p, void (*closed)(void *arg), void *arg);
