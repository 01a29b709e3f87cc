#include "net/change.h"

#include <math.h>
#include <string.h>

const char *const change_kind_names[] = {"there", "back", "apart", "clock"};

enum { WARM_BLOCKS = 8 }; /* from which the first level and spread are made */
static const double allowance = 1, limit = 16, most_a_block = 4; /* in spreads */
static const double spread_min_ns = 20000;                       /* of a kernel's time stamps */
static const double level_gain = 1.0 / 16, slope_gain = 1.0 / 512, spread_gain = 1.0 / 64;
static const int64_t step_min_default_ns = 1000000;

void change_restart(struct change *c)
{
    *c = (struct change){.block = c->block, .step_min_ns = c->step_min_ns};
}

static void warm_up(struct change *c, double difference, double sum)
{
    double k = (double)c->blocks;
    double off = fabs(difference - c->level);
    if (c->blocks > 1 && !c->spread_known)
        c->spread += (1.25 * off - c->spread) / (k - 1); /* mean deviation to standard deviation */
    c->level += (difference - c->level) / k;
    c->sum_level += (sum - c->sum_level) / k;
}

/* A sum that stays elsewhere is a path whose both ways got longer: that is where it is now. */
static void follow_sum(struct change *c, double off, double spread)
{
    c->sum_away = fabs(off) > 3 * spread ? c->sum_away + 1 : 0;
    if (c->sum_away < CHANGE_LAST) {
        c->sum_level += level_gain * fmax(-3 * spread, fmin(3 * spread, off));
        return;
    }
    c->sum_away = 0;
    c->sum_level = 0;
    for (int k = 0; k < CHANGE_LAST; k++)
        c->sum_level += c->last[k].sum / CHANGE_LAST;
}

static void follow(struct change *c, double difference, double sum)
{
    double expected = c->level + c->slope, off = difference - expected;
    double spread = MAX(c->spread, spread_min_ns);
    double held = fmax(-3 * spread, fmin(3 * spread, off)); /* one bad block moves little */
    c->level = expected + level_gain * held;
    c->slope += slope_gain * held;
    c->spread += spread_gain * (1.25 * fabs(held) - c->spread);
    follow_sum(c, sum - c->sum_level, spread);
}

/* Adds a block to one side's sum; true: the limit is passed. */
static bool side_add(struct change *c, int i, double off)
{
    double grown = c->side[i].cusum + fmin(off, most_a_block) - allowance;
    c->side[i].blocks = grown > 0 ? c->side[i].blocks + 1 : 0;
    c->side[i].cusum = fmax(0, grown);
    return grown > limit;
}

static enum change_kind kind_of(double there, double back)
{
    double difference = fabs(there - back), sum = fabs(there + back);
    if (sum * 4 < difference)
        return CHANGE_CLOCK;
    if (fabs(there) > 3 * fabs(back))
        return CHANGE_THERE;
    return fabs(back) > 3 * fabs(there) ? CHANGE_BACK : CHANGE_APART;
}

/* The level becomes that of the last blocks. */
static bool moved(struct change *c, int i, struct change_found *out)
{
    double difference = 0, sum = 0;
    for (int k = 0; k < CHANGE_LAST; k++) {
        difference += c->last[k].difference / CHANGE_LAST;
        sum += c->last[k].sum / CHANGE_LAST;
    }
    double step = difference - c->level, sum_step = sum - c->sum_level;
    double least = (double)(c->step_min_ns ? c->step_min_ns : step_min_default_ns);
    bool tell = fabs(step) >= least && fabs(step) >= most_a_block * c->spread;
    *out = (struct change_found){.kind = kind_of((sum_step + step) / 2, (sum_step - step) / 2),
                                 .there_ns = (int64_t)((sum_step + step) / 2),
                                 .back_ns = (int64_t)((sum_step - step) / 2),
                                 .probes = c->side[i].blocks * c->block};
    c->level = difference;
    c->sum_level = sum;
    c->slope = 0;
    c->blocks = CHANGE_LAST; /* so few do not tell the new level well: it is learnt as the first */
    c->spread_known = true;
    memset(c->side, 0, sizeof c->side);
    return tell;
}

static bool block_done(struct change *c, struct change_found *out)
{
    double difference = (double)c->there_min - (double)c->back_min;
    double sum = (double)c->there_min + (double)c->back_min;
    c->n = 0;
    uint32_t turn = c->turn++ % CHANGE_LAST;
    c->last[turn].difference = difference;
    c->last[turn].sum = sum;
    if (++c->blocks <= WARM_BLOCKS) {
        warm_up(c, difference, sum);
        return false;
    }
    double spread = MAX(c->spread, spread_min_ns);
    double off = (difference - c->level - c->slope) / spread;
    for (int i = 0; i < 2; i++)
        if (side_add(c, i, i ? -off : off))
            return moved(c, i, out);
    /* While a sum is far from zero the level waits, or it would run after a step. */
    if (c->side[0].cusum < limit / 8 && c->side[1].cusum < limit / 8)
        follow(c, difference, sum);
    return false;
}

bool change_add(struct change *c, int64_t there_ns, int64_t back_ns, struct change_found *out)
{
    if (!c->block)
        c->block = CHANGE_BLOCK_DEFAULT;
    c->there_min = c->n ? MIN(c->there_min, there_ns) : there_ns;
    c->back_min = c->n ? MIN(c->back_min, back_ns) : back_ns;
    return ++c->n >= c->block && block_done(c, out);
}
