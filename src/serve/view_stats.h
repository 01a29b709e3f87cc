/* view_stats.h - rolling figures for people: what the model itself does not keep, because it knows
 * only how things are and not how they were an hour ago.
 *
 * It watches the facts of the node that answers for this process, each fact once (by its dot), and
 * counts in minutes of virtual time. All rings are bounded: two hours of arrivals, half an hour of
 * answers. After a restart it begins at zero; the model's own sums (struct queue_state) do not.
 *
 * Service level: answered within the queue's target / (answered + abandoned). A contact counts in
 * the minute in which it was first connected or gave up. */
#pragma once

#include "core/model.h"

enum {
    STATS_SERIES_MIN = 120, /* minutes of arrivals kept and drawn */
    STATS_LEVEL_MIN = 30,   /* minutes of the service level, the one that runs included */
    STATS_RATE_MIN = 5,     /* minutes of the arrivals a minute */
    STATS_MINUTE_MS = 60000,
};

struct stats;

struct stats_level {
    uint32_t answered, abandoned, in_target;
    double wait_s; /* sum over the answered */
};
static inline double stats_level_ratio(struct stats_level l) /* NaN: nobody came */
{
    uint32_t n = l.answered + l.abandoned;
    return n ? (double)l.in_target / n : __builtin_nan("");
}

struct stats_sum { /* since this process began */
    uint64_t offered, answered, abandoned, in_target, handled;
    double wait_s, handle_s; /* of the answered; of the handled, wrap-up included */
};
struct stats_all {
    struct stats_sum sum;
    uint64_t rule[RULES], end[CONTACT_ENDS];
    uint64_t placed, moved; /* decisions for arriving contacts; for waiting ones that moved */
    uint64_t local, known;  /* answered at the nearest site; answered with a known place */
    uint64_t facts;
};

struct stats *stats_new(void) MUST_USE;
void stats_free(struct stats *s);

/* Rates and the series begin there. Of contacts that arrived before only those are known that were
 * still there, which would look like minutes in which nobody called. */
void stats_since(struct stats *s, td_ms at);

/* A fact that `k` has folded just now. False: it was seen before. */
bool stats_fact(struct stats *s, struct core *k, const struct event *e);
/* The node `origin` has come back and goes on after `seq` of its life `epoch`: what it had stated
 * beyond that is gone and will be stated anew. */
void stats_rewind(struct stats *s, uint8_t origin, uint32_t epoch, uint64_t seq);

const struct stats_all *stats_all(const struct stats *s);
/* Of one line; all zero when nothing of it was seen. */
struct stats_sum stats_line(const struct stats *s, td_key queue, uint8_t channel);

/* The last STATS_LEVEL_MIN minutes up to now. */
struct stats_level stats_level_all(const struct stats *s, td_ms now);
struct stats_level stats_level_site(const struct stats *s, uint8_t site, td_ms now);
struct stats_level stats_level_line(const struct stats *s, td_key queue, uint8_t channel,
                                    td_ms now);

/* Contacts sent to the site in a minute, over the last STATS_RATE_MIN. */
double stats_rate(const struct stats *s, uint8_t site, td_ms now);

/* The series: complete minutes only, [first, last] counted from the epoch. False: none yet. */
bool stats_series(const struct stats *s, td_ms now, int64_t *first, int64_t *last);
uint32_t stats_arrivals(const struct stats *s, uint8_t site, int64_t minute);
/* True once after a minute before the running one has changed: a fact came late. */
bool stats_series_changed(struct stats *s);
