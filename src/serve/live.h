/* live.h - a world against the wall clock: virtual time runs `speed` times as fast as the wall's.
 *
 * One loop serves the world and the clients. After each poll of the loop the world does what has
 * fallen due, for at most LIVE_SLICE_MS at a stretch; before each poll a timer is set for when the
 * next thing falls due. So a world that has more to do than the machine can bear runs late, and
 * the clients are still served; it says so in the log, once a minute at most. What it is late by
 * beyond LIVE_LATE_MS is forgiven: it goes on from where it is instead of running after the time.
 * Unless its time is that of others, too (`shared`): then it runs after it.
 *
 * All from the loop's thread. */
#pragma once

#include "core/types.h"

struct uv_loop_s;
struct world;
struct live;

enum {
    LIVE_SLICE_MS = 10, /* of stepping at a stretch: no client waits longer for it */
    LIVE_IDLE_MS = 20,  /* the clock moves on at least so often, whatever falls due */
    LIVE_LATE_MS = 500, /* of wall time */
};

struct live_options {
    struct uv_loop_s *loop;
    struct world *world;       /* must outlive it */
    double speed;              /* above 0 */
    td_ms now;                 /* virtual time at this moment; 0: what the world has */
    bool shared;               /* others go by that time: nothing is forgiven */
    td_ms rush_until;          /* virtual; until then as fast as the machine goes; 0: no rush */
    void (*turned)(void *arg); /* after each turn in which something happened; may be NULL */
    void *arg;
};
struct live *live_new(const struct live_options *o) MUST_USE;
/* Stops at once; frees it and calls closed(arg), which may be NULL, from the loop. */
void live_close(struct live *l, void (*closed)(void *arg), void *arg);

/* Virtual time now. Moves the world's clock on to it if nothing is due before. */
td_ms live_now(struct live *l);
double live_speed(const struct live *l);
bool live_rushing(const struct live *l);
/* How late the world is, in wall time; what was forgiven does not count. */
int64_t live_late_ms(const struct live *l);
