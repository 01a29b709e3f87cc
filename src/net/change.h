/* change.h - when the one-way delays of a path step, seen through clocks that do not agree.
 *
 * Between clouds clocks differ by up to a millisecond, so "the way there is 0.6 ms longer than the
 * way back" is no evidence. That difference, there minus back, holds the offset of the clocks
 * twice, and the offset drifts slowly; a *step* of it is a change of path whatever the offset is.
 * So the test is on the difference against its own past:
 *
 *   1. probes come in blocks; of each block the least delay there and the least back are kept,
 *      since queues only add (the clock filter of NTP has the same reason);
 *   2. the level, slope and spread of the difference are followed (Holt's linear smoothing: a clock
 *      that runs fast makes a slope, not a step);
 *   3. what the difference is off, in spreads, is summed up in both directions (CUSUM; E. S. Page,
 *      "Continuous inspection schemes", Biometrika 41, 1954), less an allowance of one spread;
 *   4. when a sum passes the limit, the mean of the last four blocks is the new level: blocks
 *      before the step may be among those that made the sum, and must not blur its size.
 *
 * A block counts for at most four spreads, so it takes six of them to be believed: a second at a
 * pace of 20 ms. Steps of less than step_min_ns or four spreads become the new level without a
 * word. In 80 million blocks of normally distributed noise (148 days of it) there was no false
 * alarm.
 *
 * What moved is read from the sum of the delays, in which clocks cancel out: with steps f there and
 * b back, the difference moves by f - b and the sum by f + b. A sum that stays is a clock that was
 * set (or two ways that changed by the same amount in opposite senses, which nobody can tell from
 * it). Steps of f = b move only the sum; that is a longer path, and symmetric. */
#pragma once

#include "base/base.h"

enum change_kind {
    CHANGE_THERE, /* the way there got longer or shorter */
    CHANGE_BACK,
    CHANGE_APART, /* both did, by different amounts */
    CHANGE_CLOCK, /* neither: a clock was set */
};
extern const char *const change_kind_names[]; /* "there", "back", "apart", "clock" */

struct change_found {
    enum change_kind kind;
    int64_t there_ns, back_ns; /* by how much; CHANGE_CLOCK: what the clock's step looks like */
    uint32_t probes;           /* how many ago it began, about */
};

enum { CHANGE_BLOCK_DEFAULT = 8, CHANGE_LAST = 4 };

/* Zero-initialise, then set these two or leave them zero for the defaults. */
struct change {
    uint32_t block;      /* probes in a block (8) */
    int64_t step_min_ns; /* smaller steps of the difference are not told (1 ms) */
    /* private */
    uint32_t n, blocks;
    bool spread_known; /* from before the last step */
    int64_t there_min, back_min;
    double level, slope, spread; /* of the difference, ns a block */
    double sum_level;            /* of the sum */
    struct {
        double difference, sum;
    } last[CHANGE_LAST]; /* blocks */
    uint32_t turn, sum_away;
    struct {
        double cusum;
        uint32_t blocks; /* since it left zero */
    } side[2]; /* 0: the difference grew, 1: it shrank */
};

/* One probe's delays. True: a step was found, and *out says which. */
bool change_add(struct change *c, int64_t there_ns, int64_t back_ns, struct change_found *out);
/* After a silence the past no longer counts: begins anew. */
void change_restart(struct change *c);
