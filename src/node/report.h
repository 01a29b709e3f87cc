/* report.h - what happened, in figures: one JSON object at the end of a run.
 *
 * Definitions (also in docs/replay.md):
 *   service level   answered within the queue's target / (answered + abandoned)
 *   wait            from the arrival to the first connection or to the abandonment; mean and 95th
 *                   percentile over answered and abandoned contacts; the percentile from
 *                   logarithmic bins 1 % wide
 *   cross-site      answered by an agent of another site than the caller's nearest one / answered
 *                   with a known place
 *   distance        great circle from the caller to the site first chosen, mean over placed ones
 *                   with a known place
 *   share error     the greatest distance, at any moment and site, between contacts sent and
 *                   contacts due by the shares in force, in contacts; null where shares are
 *                   not enforced
 *   occupancy       agents busy / agents staffed, sampled each second
 *   of each fault: seconds from its start until the site was known to be down, until the last
 *                   contact was sent there, until half, 95 % and all of its agents were available
 *                   elsewhere, and the figures of the contacts that arrived in the 30 minutes after
 * All is counted at one node, the hub, from what became durable there. */
#pragma once

#include "node/world.h"

struct report;

/* `faults`: what is planned, so that the report can tell how each went. Borrowed. */
struct report *report_new(const struct config *c, const struct fault *faults, int n_faults);
void report_free(struct report *r);
/* To be set as the world's hooks (struct node_config), with the report as arg. */
void report_on_fact(void *arg, struct node *n, const struct event *e, const void *bytes,
                    size_t len);
void report_on_history(void *arg, struct node *n, const struct core_history *h);
void report_on_note(void *arg, struct node *n, const struct node_note *note);
void report_sample(struct report *r, struct world *w); /* once a second of virtual time */

struct report_end {
    double wall_s, cpu_s;
    const char *trace;       /* NULL: generated */
    uint64_t seed;
};
/* Appends the JSON object, pretty-printed. */
void report_write(struct report *r, struct world *w, const struct report_end *end, struct buf *out);

/* Figures while it runs. */
struct report_totals {
    uint64_t contacts, answered, abandoned, in_target, placed, moves, cross, cross_base;
    double wait_sum_s, share_error_max;
};
struct report_totals report_totals(const struct report *r);
