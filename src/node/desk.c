/* desk.c - the agents: one body each, a desktop that signs in where it is told to. */
#include "node/floor_i.h"

enum { RETRY_SIGN_IN_MS = 5000 };

static double relogin_ms(struct floor *f)
{
    const struct cfg_people *p = &f->c->people;
    return 1000 * (p->relogin_min_s + rng_unit(&f->rng) * (p->relogin_max_s - p->relogin_min_s));
}

static void desk_sign_in_now(struct floor *f, uint32_t agent, uint8_t site)
{
    struct desk *d = &f->desk[agent];
    d->at = site;
    d->invited = SITE_NONE;
    engine_sign_in(f->site[site].engine, f->sched->now, agent);
    instance_drain_engine(&f->site[site]);
}

static void sign_in_due(void *arg, void *what, uint64_t agent);

static void sign_in_after(struct floor *f, uint32_t agent, double ms)
{
    if (f->desk[agent].timer)
        return;
    f->desk[agent].timer = true;
    sched_at(f->sched, f->sched->now + (td_ms)ms, sign_in_due, f, NULL, agent);
}

static void sign_in_due(void *arg, void *what, uint64_t n)
{
    struct floor *f = arg;
    uint32_t agent = (uint32_t)n;
    (void)what;
    if (agent >= f->desks)
        return;
    struct desk *d = &f->desk[agent];
    d->timer = false;
    if (d->invited == SITE_NONE || !d->on_shift || d->at != SITE_NONE)
        return; /* if still at another site, signing out there comes first */
    if (!f->site[d->invited].engine) {
        sign_in_after(f, agent, RETRY_SIGN_IN_MS);
        return;
    }
    desk_sign_in_now(f, agent, d->invited);
}

/* The desktop is told to sign in at `site`. */
void desk_invite(struct floor *f, uint32_t agent, uint8_t site)
{
    if (agent >= f->desks)
        return;
    struct desk *d = &f->desk[agent];
    if (d->at == site) {
        d->invited = SITE_NONE; /* an older invitation elsewhere no longer holds */
        return;
    }
    d->invited = site;
    if (d->at == SITE_NONE)
        sign_in_after(f, agent, relogin_ms(f));
}

void desk_sign_out(struct floor *f, uint32_t agent, uint8_t site)
{
    if (agent >= f->desks || f->desk[agent].at != site || !f->site[site].engine)
        return;
    engine_sign_out(f->site[site].engine, f->sched->now, agent, false);
    instance_drain_engine(&f->site[site]);
}

void desk_signed_out(struct floor *f, uint32_t agent, uint8_t site)
{
    struct desk *d = &f->desk[agent];
    if (d->at == site)
        d->at = SITE_NONE;
    if (d->on_shift && d->invited == SITE_NONE) /* signed out, nobody said why: he signs in again */
        d->invited = f->hooks.agent_site(f->hooks.arg, agent);
    if (d->invited != SITE_NONE)
        sign_in_after(f, agent, relogin_ms(f));
}

void desk_site_lost(struct floor *f, uint8_t site)
{
    for (uint32_t a = 0; a < f->desks; a++) {
        struct desk *d = &f->desk[a];
        if (d->at != site)
            continue;
        d->at = SITE_NONE; /* waits for an invitation, or for the site */
        if (d->invited != SITE_NONE)
            sign_in_after(f, a, relogin_ms(f)); /* he was told before: nothing holds him now */
    }
}

void desk_site_back(struct floor *f, uint8_t site)
{
    for (uint32_t a = 0; a < f->desks; a++) {
        struct desk *d = &f->desk[a];
        if (!d->on_shift || d->at != SITE_NONE || d->invited != SITE_NONE)
            continue; /* the others are at work, or know where to go */
        d->invited = f->c->agent[a].site == site ? site : f->hooks.agent_site(f->hooks.arg, a);
        sign_in_after(f, a, relogin_ms(f));
    }
}

/* ---- shifts ---- */

static bool shift_now(const struct cfg_agent *a, td_ms now, td_ms *next)
{
    int64_t minute = now / 60000 % 1440, day = now / MS_PER_DAY;
    int32_t from = a->shift_start_min, to = a->shift_end_min;
    if (from == to) {
        *next = INT64_MAX;
        return true;
    }
    bool on = from < to ? minute >= from && minute < to : minute >= from || minute < to;
    int64_t at = on ? to : from;
    *next = (day * 1440 + at + (at <= minute ? 1440 : 0)) * 60000;
    return on;
}

static void shift_due(void *arg, void *what, uint64_t n)
{
    struct floor *f = arg;
    uint32_t agent = (uint32_t)n;
    (void)what;
    if (agent >= f->desks)
        return;
    td_ms next;
    struct desk *d = &f->desk[agent];
    d->on_shift = shift_now(&f->c->agent[agent], f->sched->now, &next);
    if (d->on_shift && d->at == SITE_NONE) {
        uint8_t site = f->hooks.agent_site(f->hooks.arg, agent);
        if (f->site[site].engine)
            desk_sign_in_now(f, agent, site);
        else
            desk_invite(f, agent, site);
    } else if (!d->on_shift && d->at != SITE_NONE) {
        d->invited = SITE_NONE;
        desk_sign_out(f, agent, d->at);
    }
    if (next < INT64_MAX)
        sched_at(f->sched, next, shift_due, f, NULL, agent);
}

void desk_open(struct floor *f)
{
    for (uint32_t a = 0; a < f->desks; a++)
        shift_due(f, NULL, a);
}
