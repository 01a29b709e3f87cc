/* sim_faults.h - faults of instances that a connectsim plays, begun and ended there: PUT and DELETE
 * /sim/faults (docs/connectsim-streams.md). Nothing waits for it: an answer comes by the loop.
 *
 *   region-down   region_down: its API answers to nobody, its contacts end, calls do not get
 *                 through, its agents get nothing there; their desktops stay open, and of a pair
 *                 they are connected to the other region as well
 *   flows         flows_broken: flows hang up, the API is well
 *
 * Times are the nodes'; connectsim counts the wall's, so they are divided by the speed. A fault
 * with an end is told it, and ends there even when nobody tells of it any more. */
#pragma once

#include "amazon/amazon_config.h"
#include "serve/api.h"

struct sim_faults;
/* The configuration, whose endpoint is the connectsim, must outlive it. */
struct sim_faults *sim_faults_new(struct uv_loop_s *loop, const struct amazon_config *amazon,
                                  double speed) MUST_USE;
struct fault_port sim_faults_port(struct sim_faults *s);
/* Who still waits is told that it could not begin; frees itself, then closed(arg). */
void sim_faults_close(struct sim_faults *s, void (*closed)(void *arg), void *arg);
