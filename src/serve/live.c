#include "base/mem.h" /* before uv.h, which may define MIN and MAX again */

#include <uv.h>

#include "base/log.h"
#include "node/world.h"
#include "serve/live.h"

enum {
    STEPS_A_LOOK = 32,  /* steps between two looks at the clock, which costs 30 ns */
    RUSH_SLICE_MS = 50, /* nobody has seen anything yet */
    SAY_LATE_MS = 60000,
};

struct live {
    struct live_options o;
    uv_prepare_t prepare;
    uv_check_t check;
    uv_timer_t timer;
    int64_t wall_zero_ms; /* wall time at which virtual time was ... */
    td_ms zero;           /* ... this */
    bool behind;          /* something is due that has not been done */
    int64_t late_ms;
    int64_t forgiven_ms; /* since it was last said */
    int64_t said_ms;
    int handles;
    void (*closed)(void *arg);
    void *closed_arg;
};

static int64_t wall_ms(void)
{
    return (int64_t)(uv_hrtime() / 1000000);
}

static td_ms target(const struct live *l, int64_t wall)
{
    if (live_rushing(l))
        return l->o.rush_until;
    return l->zero + (td_ms)((double)(wall - l->wall_zero_ms) * l->o.speed);
}

static void start_clock(struct live *l, td_ms now)
{
    l->wall_zero_ms = wall_ms();
    l->zero = now;
}

bool live_rushing(const struct live *l)
{
    return world_now(l->o.world) < l->o.rush_until;
}

double live_speed(const struct live *l)
{
    return l->o.speed;
}

int64_t live_late_ms(const struct live *l)
{
    return l->late_ms;
}

td_ms live_now(struct live *l)
{
    struct world *w = l->o.world;
    td_ms now = target(l, wall_ms());
    if (!live_rushing(l) && world_next(w) >= now)
        world_idle(w, now);
    return world_now(w);
}

/* The world is late by more than it may: from here on the time counts anew. */
static void forgive(struct live *l, int64_t wall)
{
    td_ms due = target(l, wall), now = world_now(l->o.world);
    l->late_ms = l->behind ? (int64_t)((double)(due - now) / l->o.speed) : 0;
    if (l->late_ms > LIVE_LATE_MS && l->o.shared) {
        l->forgiven_ms = l->late_ms; /* only said */
    } else if (l->late_ms > LIVE_LATE_MS) {
        l->forgiven_ms += l->late_ms;
        l->wall_zero_ms = wall;
        l->zero = now;
        l->late_ms = 0;
    }
    if (!l->forgiven_ms || wall - l->said_ms < SAY_LATE_MS)
        return;
    log_warn("live", "this machine cannot keep up; nodes run late",
             LF_D("speed_wanted", l->o.speed), LF_I("late_ms", l->forgiven_ms));
    l->said_ms = wall;
    l->forgiven_ms = 0;
}

static void on_check(uv_check_t *check)
{
    struct live *l = check->data;
    struct world *w = l->o.world;
    bool rush = live_rushing(l), any = false;
    int64_t wall = wall_ms(), stop = wall + (rush ? RUSH_SLICE_MS : LIVE_SLICE_MS);
    td_ms until = target(l, wall);
    l->behind = true;
    for (int n = 1; l->behind; n++) {
        l->behind = world_step(w, until);
        any |= l->behind;
        if (n % STEPS_A_LOOK == 0 && wall_ms() >= stop)
            break;
    }
    if (!l->behind)
        world_idle(w, until);
    if (rush && !live_rushing(l))
        start_clock(l, world_now(w));
    else if (!rush)
        forgive(l, wall_ms());
    if (any && l->o.turned)
        l->o.turned(l->o.arg);
}

static void on_timer(uv_timer_t *timer)
{
    (void)timer; /* only wakes the loop: on_check does what is due */
}

/* How long the loop may sleep. */
static void on_prepare(uv_prepare_t *prepare)
{
    struct live *l = prepare->data;
    uint64_t wait = 0;
    if (!live_rushing(l) && !l->behind) {
        td_ms next = world_next(l->o.world), due = target(l, wall_ms());
        double ms = next <= due ? 0 : (double)(MIN(next, due + 100000000) - due) / l->o.speed;
        wait = (uint64_t)MIN(ms + 0.999, LIVE_IDLE_MS);
    }
    uv_timer_start(&l->timer, on_timer, wait, 0);
}

struct live *live_new(const struct live_options *o)
{
    BUG_ON(!(o->speed > 0));
    struct live *l = mem_new(1, sizeof *l);
    l->o = *o;
    l->prepare.data = l->check.data = l->timer.data = l;
    uv_prepare_init(o->loop, &l->prepare);
    uv_check_init(o->loop, &l->check);
    uv_timer_init(o->loop, &l->timer);
    uv_prepare_start(&l->prepare, on_prepare);
    uv_check_start(&l->check, on_check);
    l->said_ms = wall_ms() - SAY_LATE_MS;
    start_clock(l, o->now ? o->now : world_now(o->world));
    return l;
}

static void on_closed(uv_handle_t *handle)
{
    struct live *l = handle->data;
    if (--l->handles)
        return;
    void (*closed)(void *arg) = l->closed;
    void *arg = l->closed_arg;
    mem_free(l);
    if (closed)
        closed(arg);
}

void live_close(struct live *l, void (*closed)(void *arg), void *arg)
{
    l->closed = closed;
    l->closed_arg = arg;
    l->handles = 3;
    uv_close((uv_handle_t *)&l->prepare, on_closed);
    uv_close((uv_handle_t *)&l->check, on_closed);
    uv_close((uv_handle_t *)&l->timer, on_closed);
}
