/* faults.h - what goes wrong on command: PUT, GET and DELETE /sim/faults.
 *
 * PUT begins a fault, a JSON object; the answer has its id. Members that a kind does not name are
 * refused. `region` left out means every region. `for_ms` ends it by itself, counted by the clock
 * that really runs; DELETE /sim/faults?id=N ends one, without id all; GET lists them.
 *
 *      fault              members                     what
 *      region_down        region*, mode, delay_ms,    its API answers to nobody: mode "refuse" (the
 *                         drop_contacts,              connection is closed unanswered), "reset",
 *                         desktops_stay               "black_hole", "slow" (waits delay_ms).
 *                                                     Unless it is slow, nothing comes out of it:
 *                                                     feeds are held back, contact events are lost.
 *                                                     drop_contacts: its contacts end, its agents
 *                                                     are cut off, calls to it do not get through;
 *                                                     they are logged out, or with desktops_stay
 *                                                     work again once their group sends them to
 *                                                     the pair's other region
 *      api_errors         service, operation, rate,   calls fail with `error` (InternalService-
 *                         error                       Exception, with its own HTTP status)
 *      api_slow           service, operation, rate,   answers come after delay_ms
 *                         delay_ms
 *      throttle_storm     service, operation, rate    calls are throttled
 *      stream_stall       stream                      nothing is written; all comes when it ends
 *      stream_duplicates  stream, rate                records come twice
 *      events_lost        rate                        contact events do not come
 *      agents_lost        rate                        that share of the agents is logged out with
 *                                                     whatever they had; they come back at the end
 *      flows_broken                                   flows end contacts; the API is well
 *      clock_skew         skew_ms*                    the region's clock is wrong: signatures, the
 *                                                     times in events and records
 *
 * `operation` is a name, or the beginning of names with "*" behind it; `rate` is a chance, 1 when
 * left out; `stream` is "agent_events", "contact_records" or both when left out. Of several faults
 * of one kind and region the last begun counts, and when it ends none does. */
#pragma once

#include "connect/feed.h"
#include "connect/flow_run.h"
#include "connect/webhook.h"

enum { FAULTS_MAX = 64, FAULT_HELD_MAX = 4096, FAULT_MS_MAX = 86400000 };

struct faults;
struct faults_options {
    struct uv_loop_s *loop;
    struct center *center;
    struct front *front;
    struct feed *feed;
    struct flows *flows;
    struct webhook *webhook; /* NULL: there is none */
};
struct faults *faults_new(const struct faults_options *o) MUST_USE;
/* Ends all faults; faults_free once done(arg) was called and the loop has ended. */
void faults_close(struct faults *f, void (*done)(void *arg), void *arg);
void faults_free(struct faults *f);

struct fault_counts { /* of calls */
    uint64_t unanswered, failed, throttled, slowed;
};
struct fault_counts faults_counts(const struct faults *f);
