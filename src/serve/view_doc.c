/* view_doc.c - queues, agents, totals, the timeline and the series. */
#include "serve/view.h"

#include <string.h>

/* ---- agents ---- */

const char *const agent_view_names[AGENT_VIEWS] = {"available", "on_contact", "wrapup", "break",
                                                   "missed",    "moving",     "offline"};

enum agent_view view_agent_state(const struct agent *a)
{
    switch ((enum presence)a->state.presence) {
    case PRESENCE_OFFLINE: return AGENT_VIEW_OFFLINE;
    case PRESENCE_MOVING: return AGENT_VIEW_MOVING;
    default: break;
    }
    for (int ch = 0; ch < CHANNELS; ch++)
        if (a->talking[ch])
            return AGENT_VIEW_ON_CONTACT;
    if (a->wrapping)
        return AGENT_VIEW_WRAPUP;
    return a->state.presence == PRESENCE_BREAK    ? AGENT_VIEW_BREAK
           : a->state.presence == PRESENCE_MISSED ? AGENT_VIEW_MISSED
                                                  : AGENT_VIEW_AVAILABLE;
}

uint8_t view_agent_site(const struct core *k, const struct agent *a)
{
    return a->state.epoch && a->state.site < k->c->n_sites ? a->state.site
                                                           : k->c->agent[a->index].site;
}

void view_count_people(const struct core *k, struct people *p)
{
    memset(p, 0, sizeof *p);
    for (uint32_t i = 0; i < k->c->n_agents; i++)
        p->by[view_agent_site(k, &k->agent[i])][view_agent_state(&k->agent[i])]++;
}

void view_agents(struct jw *w, const struct scene *s)
{
    jw_obj(w);
    kv_arr(w, "by_state");
    for (uint8_t i = 0; i < s->k->c->n_sites; i++) {
        jw_obj(w);
        kv_text(w, "site", s->k->c->site[i].name);
        for (int v = 0; v < AGENT_VIEWS; v++)
            kv_uint(w, agent_view_names[v], s->people->by[i][v]);
        jw_end(w);
    }
    jw_end(w);
    jw_end(w);
}

/* ---- queues ---- */

#define LEVEL_TEXT "answered in time / (answered + abandoned), last 30 min"
_Static_assert(STATS_LEVEL_MIN == 30, "LEVEL_TEXT says so");

static double oldest_wait_s(const struct scene *s, uint32_t line)
{
    td_ms oldest = s->now;
    for (uint8_t i = 0; i < s->k->c->n_sites; i++) {
        uint32_t head = s->k->site[i].waiting[line].head;
        if (head != NIL)
            oldest = MIN(oldest, s->k->contact[head].queued_at);
    }
    return (double)(s->now - oldest) / 1000;
}

static void view_queue(struct jw *w, const struct scene *s, uint32_t line)
{
    const struct core *k = s->k;
    const struct cfg_queue *q = &k->c->queue[line / CHANNELS];
    uint8_t channel = (uint8_t)(line % CHANNELS);
    struct stats_sum sum = stats_line(s->stats, q->key, channel);
    struct stats_level level = stats_level_line(s->stats, q->key, channel, s->now);
    uint64_t waiting = 0;
    for (uint8_t i = 0; i < k->c->n_sites; i++)
        waiting += k->site[i].waiting[line].count;
    jw_obj(w);
    kv_text(w, "name", q->name);
    kv_text(w, "channel", channel_names[channel]);
    kv_bool(w, "open", config_hours_open(k->c, q->hours, s->now));
    kv_uint(w, "waiting", waiting);
    kv_decimal(w, "oldest_wait_s", oldest_wait_s(s, line), 0);
    kv_decimal(w, "service_level", stats_level_ratio(level), 4);
    kv_decimal(w, "target", q->target_ppm / 1e6, 4);
    kv_decimal(w, "service_level_within_s", q->target_wait_ms / 1000.0, 1);
    kv_text(w, "service_level_definition", LEVEL_TEXT);
    kv_uint(w, "offered", sum.offered);
    kv_uint(w, "answered", sum.answered);
    kv_uint(w, "abandoned", sum.abandoned);
    kv_decimal(w, "asa_s", sum.answered ? sum.wait_s / (double)sum.answered : NAN, 1);
    kv_decimal(w, "aht_s", sum.handled ? sum.handle_s / (double)sum.handled : NAN, 0);
    kv_arr(w, "by_site");
    for (uint8_t i = 0; i < k->c->n_sites; i++) {
        if (!(q->residency_mask >> k->c->site[i].residency & 1))
            continue;
        jw_obj(w);
        kv_text(w, "site", k->c->site[i].name);
        kv_uint(w, "waiting", k->site[i].waiting[line].count);
        jw_end(w);
    }
    jw_end(w);
    jw_end(w);
}

/* One row a line that some profile serves, or in which something has happened. */
void view_queues(struct jw *w, const struct scene *s)
{
    jw_arr(w);
    for (uint32_t line = 0; line < LINES(s->k->c); line++) {
        td_key queue = s->k->c->queue[line / CHANNELS].key;
        if (s->k->line_profiles[line].n ||
            stats_line(s->stats, queue, (uint8_t)(line % CHANNELS)).offered)
            view_queue(w, s, line);
    }
    jw_end(w);
}

/* ---- totals ---- */

void view_totals(struct jw *w, const struct scene *s)
{
    const struct stats_all *t = stats_all(s->stats);
    struct stats_level level = stats_level_all(s->stats, s->now);
    jw_obj(w);
    kv_uint(w, "offered", t->sum.offered);
    kv_uint(w, "answered", t->sum.answered);
    kv_uint(w, "abandoned", t->sum.abandoned);
    kv_uint(w, "moved", t->moved);
    kv_uint(w, "decisions", t->placed + t->moved);
    kv_decimal(w, "service_level", stats_level_ratio(level), 4);
    kv_decimal(w, "wait_mean_s", level.answered ? level.wait_s / level.answered : NAN, 2);
    kv_decimal(w, "cross_site_ratio",
               t->known ? (double)(t->known - t->local) / (double)t->known : NAN, 4);
    jw_end(w);
}

/* ---- commands: what prints the same in a terminal ---- */

void view_commands(struct jw *w, const struct scene *s)
{
    (void)s;
    jw_obj(w);
    kv_text(w, "totals", "tandem status");
    kv_text(w, "map", "tandem status");
    kv_text(w, "sites", "tandem shares");
    kv_text(w, "queues", "tandem queues");
    kv_text(w, "agents", "tandem agents");
    kv_text(w, "health", "tandem nodes");
    kv_text(w, "series", "tandem arrivals");
    kv_text(w, "timeline", "tandem timeline");
    kv_text(w, "network", "tandem net");
    kv_text(w, "verdicts", "tandem net verdicts");
    kv_text(w, "routes", "tandem net routes PREFIX");
    jw_end(w);
}

/* ---- the timeline ---- */

void view_timeline_entry(struct jw *w, const struct timeline_entry *e)
{
    jw_obj(w);
    kv_int(w, "at_ms", e->at);
    kv_text(w, "kind", e->kind);
    kv_text(w, "text", e->text);
    kv_text(w, "who", e->who);
    kv_uint(w, "times", e->times);
    jw_end(w);
}

void view_timeline(struct jw *w, const struct scene *s)
{
    jw_arr(w);
    for (uint64_t n = timeline_first(s->timeline); n <= s->timeline->last; n++)
        view_timeline_entry(w, timeline_at(s->timeline, n));
    jw_end(w);
}

/* ---- the series ---- */

void view_series(struct jw *w, const struct scene *s)
{
    int64_t first, last;
    bool any = stats_series(s->stats, s->now, &first, &last);
    jw_obj(w);
    kv_int(w, "step_ms", STATS_MINUTE_MS);
    kv_int(w, "from_ms", any ? first * STATS_MINUTE_MS : s->now);
    kv_obj(w, "arrivals");
    for (uint8_t i = 0; any && i < s->k->c->n_sites; i++) {
        kv_arr(w, s->k->c->site[i].name);
        for (int64_t m = first; m <= last; m++)
            jw_uint(w, stats_arrivals(s->stats, i, m));
        jw_end(w);
    }
    jw_end(w);
    jw_end(w);
}

void view_series_point(struct jw *w, const struct scene *s, int64_t minute)
{
    jw_obj(w);
    kv_int(w, "at_ms", minute * STATS_MINUTE_MS);
    kv_obj(w, "arrivals");
    for (uint8_t i = 0; i < s->k->c->n_sites; i++)
        kv_uint(w, s->k->c->site[i].name, stats_arrivals(s->stats, i, minute));
    jw_end(w);
    jw_end(w);
}
