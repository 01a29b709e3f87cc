/* tdg_plan.h - what a Traffic Distribution Group is to be set to, and when. Pure.
 *
 * AWS splits the calls of a replicated pair by percentages in tens, changed by a call that takes
 * the whole new state. A wanted share that lies between two tens is reached over time: the group is
 * at the one below for a while, then at the one above. The plan keeps the *debt*: what the first
 * region has had less the share it should have had, summed over time; at each look it takes that
 * one of the two tens which makes the debt smaller, and changes nothing within `dwell_ms`.
 *
 * So the debt stays within 10 % of a dwell (and of one look and the time that AWS takes), whatever
 * is wanted, and after a time T the average differs from what was wanted by at most
 * 10 % x (dwell + look + that time) / T. (First-order error diffusion: Floyd and Steinberg, 1976.)
 *
 * A wanted share that is 10 % or more away from what is set is no rounding but an event, a region
 * that is left or comes back: it is set at once, and old debt is forgotten. While AWS is still
 * changing the group (its status is not ACTIVE) nothing is planned. */
#pragma once

#include "core/types.h"

struct buf;

enum { TDG_STEP_PERCENT = 10, TDG_DWELL_MS = 60000 };

struct tdg_plan {       /* zero-initialise; set dwell_ms if it is to be other than TDG_DWELL_MS */
    int64_t dwell_ms;
    bool begun;
    int32_t percent;    /* of the first region, as last known to be set */
    double debt;        /* percent x milliseconds; positive: the first region has had too much */
    td_ms at, changed_at;
};

/* What the group really is, by GetTrafficDistribution or an accepted update. */
void tdg_plan_is(struct tdg_plan *p, int32_t percent, td_ms now);
/* What it is to be set to now: a multiple of ten from 0 to 100; -1: it stays as it is. `wanted_ppm`
 * is the first region's part of the pair's traffic, 0 to PPM; -1: neither is to have any, which no
 * group can say. `active`: AWS's status of it. */
int32_t tdg_plan_next(struct tdg_plan *p, int32_t wanted_ppm, bool active, td_ms now);

struct tdg_set { /* a whole new state */
    const char *region[2];
    int32_t percent;       /* of region[0], a multiple of ten; the other has the rest */
    bool agents;           /* the agents go with the calls */
    int32_t agent_percent; /* of region[0] */
    bool sign_in;          /* the default group only: which region may sign in */
    bool enabled[2];
};
/* The body of UpdateTrafficDistribution: calls, agents and sign-in in one act. */
void tdg_set_write(const struct tdg_set *s, struct buf *out);
/* AWS asks for the update in the region that is to take the traffic: the other may be in trouble.
 * 0 or 1: an index of region; `was`: the percentage so far. */
int tdg_set_where(const struct tdg_set *s, int32_t was);
