#include "driver/instance/tdg_plan.h"

#include "base/json.h"

/* Brings the debt up to now. */
static void run_up(struct tdg_plan *p, double wanted_percent, td_ms now)
{
    if (now > p->at)
        p->debt += (p->percent - wanted_percent) * (double)(now - p->at);
    p->at = now;
}

void tdg_plan_is(struct tdg_plan *p, int32_t percent, td_ms now)
{
    if (!p->begun)
        p->at = p->changed_at = now;
    else if (p->percent != percent)
        p->changed_at = now;
    p->begun = true;
    p->percent = percent;
}

/* The ten nearest to a share that is new. */
static int32_t nearest(double percent)
{
    return (int32_t)((percent + TDG_STEP_PERCENT / 2.0) / TDG_STEP_PERCENT) * TDG_STEP_PERCENT;
}

int32_t tdg_plan_next(struct tdg_plan *p, int32_t wanted_ppm, bool active, td_ms now)
{
    int64_t dwell_ms = p->dwell_ms ? p->dwell_ms : TDG_DWELL_MS;
    if (wanted_ppm < 0 || !p->begun) {
        p->at = MAX(p->at, now);
        return -1;
    }
    double wanted = (double)wanted_ppm * 100 / PPM, off = p->percent - wanted;
    bool event = off >= TDG_STEP_PERCENT || off <= -TDG_STEP_PERCENT;
    bool exact = wanted_ppm == 0 || wanted_ppm == PPM;
    if (event || exact) { /* the past does not count any more */
        p->debt = 0;
        p->at = now;
        int32_t next = nearest(wanted);
        return active && next != p->percent ? next : -1;
    }
    run_up(p, wanted, now);
    if (!active || now - p->changed_at < dwell_ms)
        return -1;
    int32_t below = (int32_t)(wanted / TDG_STEP_PERCENT) * TDG_STEP_PERCENT, next;
    bool on_ten = wanted - below < 1e-9;
    double small = (double)dwell_ms * TDG_STEP_PERCENT / 2; /* not worth leaving a ten for */
    if (on_ten && p->debt <= small && p->debt >= -small)
        next = below;
    else if (p->debt > 0)
        next = on_ten ? below - TDG_STEP_PERCENT : below;
    else
        next = p->debt < 0 ? below + TDG_STEP_PERCENT : p->percent;
    next = MIN(MAX(next, 0), 100);
    return next == p->percent ? -1 : next;
}

static void write_parts(struct jw *w, const struct tdg_set *s, const char *name, int32_t percent)
{
    jw_key(w, name);
    jw_obj(w);
    jw_key(w, "Distributions");
    jw_arr(w);
    for (int i = 0; i < 2; i++) {
        jw_obj(w);
        jw_key(w, "Region");
        jw_str(w, s->region[i]);
        jw_key(w, "Percentage");
        jw_int(w, i == 0 ? percent : 100 - percent);
        jw_end(w);
    }
    jw_end(w);
    jw_end(w);
}

static void write_sign_in(struct jw *w, const struct tdg_set *s)
{
    jw_key(w, "SignInConfig");
    jw_obj(w);
    jw_key(w, "Distributions");
    jw_arr(w);
    for (int i = 0; i < 2; i++) {
        jw_obj(w);
        jw_key(w, "Region");
        jw_str(w, s->region[i]);
        jw_key(w, "Enabled");
        jw_bool(w, s->enabled[i]);
        jw_end(w);
    }
    jw_end(w);
    jw_end(w);
}

void tdg_set_write(const struct tdg_set *s, struct buf *out)
{
    struct jw w;
    BUG_ON(s->percent < 0 || s->percent > 100 || s->percent % TDG_STEP_PERCENT);
    BUG_ON(s->agents &&
           (s->agent_percent < 0 || s->agent_percent > 100 || s->agent_percent % TDG_STEP_PERCENT));
    jw_begin(&w, out);
    jw_obj(&w);
    write_parts(&w, s, "TelephonyConfig", s->percent);
    if (s->agents)
        write_parts(&w, s, "AgentConfig", s->agent_percent);
    if (s->sign_in)
        write_sign_in(&w, s);
    jw_end(&w);
    jw_done(&w);
}

int tdg_set_where(const struct tdg_set *s, int32_t was)
{
    if (s->percent != was)
        return s->percent > was ? 0 : 1;
    return s->percent >= 50 ? 0 : 1;
}
