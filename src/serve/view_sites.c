/* view_sites.c - sites, shares, nodes and who hears whom. */
#include "serve/view.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *view_node_name(const struct core *k, uint8_t node)
{
    return node == HUB ? k->c->hub_name : node < k->c->n_sites ? k->c->site[node].name : NULL;
}

const char *view_site_state(const struct core *k, uint8_t site)
{
    const struct site_state *s = &k->site[site];
    if (s->verdict.verdict == VERDICT_DOWN)
        return "down";
    if (s->admin.admin == ADMIN_DRAINING)
        return s->live ? "draining" : "drained";
    return health_return_factor(k, site) < 1 ? "returning" : "in-service";
}

const char *view_site_problem(const struct core *k, uint8_t site)
{
    static const char *const words[EX_REASONS] = {
        [EX_NO] = "",
        [EX_DOWN] = "most vantage points do not hear it",
        [EX_UNREACHABLE] = "not heard from here, or its instance does not answer",
        [EX_DRAINING] = "is being drained",
        [EX_NOT_READY] = "its instance is not ready to serve",
    };
    uint8_t why;
    if (!health_site_open(k, site, &why))
        return words[why] ? words[why] : excluded_names[why];
    return k->site[site].staffed_all ? "" : "no staffed agent";
}

int32_t view_share_ppm(const struct core *k, uint8_t site)
{
    uint8_t g = shares_group_of(k, site);
    struct share_ledger l;
    int32_t wanted[SITES_MAX];
    shares_ledger(k, g, &l);
    for (uint8_t s = 0; s < k->c->n_sites; s++)
        if (l.share_ppm[s])
            return l.share_ppm[site];
    shares_wanted(k, k->policy, g, wanted); /* this node has not had to decide yet */
    return wanted[site];
}

/* ---- what has to be remembered ---- */

void view_remember_books(struct view_memory *m, const struct core *k)
{
    const struct cfg_policy *p = core_policy(k);
    bool again = m->policy != p->key; /* groups have another meaning */
    m->policy = p->key;
    for (uint8_t g = 0; g < p->n_groups; g++) {
        struct share_ledger l;
        shares_ledger(k, g, &l);
        if (!again && memcmp(m->books[g].share_ppm, l.share_ppm, sizeof l.share_ppm) == 0)
            continue;
        memcpy(m->books[g].share_ppm, l.share_ppm, sizeof l.share_ppm);
        memcpy(m->books[g].placed, k->group[g].placed, sizeof k->group[g].placed);
    }
}

static void remember(struct view_memory *m, enum alert a, uint8_t node, bool holds, td_ms now)
{
    if (!holds)
        m->since[a][node] = 0;
    else if (!m->since[a][node])
        m->since[a][node] = MAX(now, 1);
}

void view_remember(struct view_memory *m, const struct core *k, td_ms now)
{
    for (uint8_t s = 0; s < k->c->n_sites; s++) {
        uint8_t why;
        health_site_open(k, s, &why);
        remember(m, ALERT_SITE_DOWN, s, why == EX_DOWN, now);
        remember(m, ALERT_UNREACHABLE, s, why == EX_UNREACHABLE, now);
        remember(m, ALERT_NOT_READY, s, why == EX_NOT_READY, now);
    }
    remember(m, ALERT_HUB_LOST, HUB, !health_peer_up(k, HUB) && k->peer[HUB].heard_at, now);
    for (uint8_t g = 0; g < core_policy(k)->n_groups; g++) {
        int32_t wanted[SITES_MAX];
        int open = 0, closed = 0;
        shares_wanted(k, k->policy, g, wanted);
        for (uint8_t s = 0; s < k->c->n_sites; s++) {
            uint8_t why;
            if (!wanted[s])
                continue;
            if (health_site_open(k, s, &why))
                open++;
            else
                closed++;
        }
        remember(m, ALERT_GROUP_CLOSED, g, !open && closed, now);
        remember(m, ALERT_SHARES, g, open && closed, now);
    }
}

/* ---- sites ---- */

/* Expected wait of a new contact: the mean over the lines this site serves, each weighing as much
 * as contacts of its queue have come. */
static double site_wait_s(const struct core *k, uint8_t site)
{
    double sum = 0, weight = 0;
    for (uint32_t line = 0; line < LINES(k->c); line++) {
        if (!k->line_profiles[line].n || !staffed_for(k, site, line))
            continue;
        double w = 1 + (double)k->queue[line / CHANNELS].offered;
        sum += w * MIN(decide_wait_ms(k, site, line), 1e9);
        weight += w;
    }
    return weight > 0 ? sum / weight / 1000 : NAN;
}

static double share_got(const struct scene *s, uint8_t site)
{
    uint8_t g = shares_group_of(s->k, site);
    const uint64_t *now = s->k->group[g].placed, *then = s->memory->books[g].placed;
    int64_t all = 0;
    for (uint8_t i = 0; i < s->k->c->n_sites; i++)
        all += (int64_t)(now[i] - then[i]);
    return all > 0 ? (double)(int64_t)(now[site] - then[site]) / (double)all : NAN;
}

void view_site(struct jw *w, const struct scene *s, uint8_t site)
{
    const struct core *k = s->k;
    const struct cfg_site *c = &k->c->site[site];
    const struct site_state *t = &k->site[site];
    const uint32_t *by = s->people->by[site];
    uint8_t g = shares_group_of(k, site), why;
    uint32_t busy = by[AGENT_VIEW_ON_CONTACT] + by[AGENT_VIEW_WRAPUP];
    uint32_t takers = busy + by[AGENT_VIEW_AVAILABLE];
    uint32_t occupied = t->live - t->waiting_all - t->inflight_all; /* wrap-up included */
    bool down = t->verdict.verdict == VERDICT_DOWN;
    const char *problem = view_site_problem(k, site);
    jw_obj(w);
    kv_text(w, "name", c->name);
    kv_decimal(w, "lat", c->lat, 4);
    kv_decimal(w, "lon", c->lon, 4);
    kv_text(w, "group", core_policy(k)->group[g].name);
    kv_text(w, "state", view_site_state(k, site));
    kv_bool(w, "ready", health_site_open(k, site, &why) && !*problem);
    kv_text(w, "not_ready_reason", problem);
    kv_decimal(w, "share_wanted", view_share_ppm(k, site) / 1e6, 6);
    kv_decimal(w, "share_got", share_got(s, site), 4);
    kv_decimal(w, "share_off_contacts", -(double)k->group[g].lag_u[site] / PPM, 2);
    kv_decimal(w, "arrivals_per_min", stats_rate(s->stats, site, s->now), 1);
    kv_uint(w, "waiting", t->waiting_all);
    kv_uint(w, "connected", occupied - MIN(occupied, by[AGENT_VIEW_WRAPUP]));
    kv_uint(w, "agents_staffed", takers + by[AGENT_VIEW_MISSED]);
    kv_uint(w, "agents_available", by[AGENT_VIEW_AVAILABLE]);
    kv_decimal(w, "occupancy", takers ? (double)busy / takers : NAN, 3);
    kv_decimal(w, "service_level", stats_level_ratio(stats_level_site(s->stats, site, s->now)), 4);
    kv_decimal(w, "ewt_s", down ? NAN : site_wait_s(k, site), 1);
    kv_int(w, "report_age_ms", site == k->self ? 0 : s->now - k->peer[site].heard_at);
    jw_end(w);
}

void view_sites(struct jw *w, const struct scene *s)
{
    jw_arr(w);
    for (uint8_t i = 0; i < s->k->c->n_sites; i++)
        view_site(w, s, i);
    jw_end(w);
}

/* ---- shares and policies ---- */

static void shares_site(struct jw *w, const struct scene *s, uint8_t g, uint8_t site)
{
    const struct core *k = s->k;
    int32_t wanted[SITES_MAX];
    shares_wanted(k, k->policy, g, wanted);
    jw_obj(w);
    kv_text(w, "site", k->c->site[site].name);
    kv_text(w, "state", view_site_state(k, site));
    kv_decimal(w, "wanted_percent", wanted[site] / 1e4, 4);
    kv_decimal(w, "in_force_percent", view_share_ppm(k, site) / 1e4, 4);
    kv_decimal(w, "got_percent", 100 * share_got(s, site), 3);
    kv_decimal(w, "off_contacts", -(double)k->group[g].lag_u[site] / PPM, 3);
    kv_uint(w, "placed", k->group[g].placed[site]);
    jw_end(w);
}

void view_shares(struct jw *w, const struct scene *s)
{
    const struct cfg_policy *p = core_policy(s->k);
    jw_obj(w);
    kv_text(w, "policy", p->name);
    kv_int(w, "share_bound_contacts", p->share_bound_contacts);
    kv_bool(w, "shares_enforced", p->shares_enforced);
    kv_arr(w, "groups");
    for (uint8_t g = 0; g < p->n_groups; g++) {
        jw_obj(w);
        kv_text(w, "group", p->group[g].name);
        kv_bool(w, "set_by_operator", s->k->shares[s->k->policy][g].set);
        kv_arr(w, "sites");
        for (int i = 0; i < p->group[g].n_sites; i++)
            shares_site(w, s, g, p->group[g].site[i]);
        jw_end(w);
        jw_end(w);
    }
    jw_end(w);
    jw_end(w);
}

void view_policies(struct jw *w, const struct scene *s)
{
    const struct core *k = s->k;
    jw_arr(w);
    for (uint8_t p = 0; p < k->c->n_policies; p++) {
        const struct cfg_policy *c = &k->c->policy[p];
        jw_obj(w);
        kv_text(w, "name", c->name);
        kv_bool(w, "active", p == k->policy);
        kv_int(w, "share_bound_contacts", c->share_bound_contacts);
        kv_bool(w, "shares_enforced", c->shares_enforced);
        kv_text(w, "binding", c->binding == BIND_LATE ? "late" : "early");
        kv_arr(w, "shares");
        for (uint8_t g = 0; g < c->n_groups; g++) {
            int32_t wanted[SITES_MAX];
            shares_wanted(k, p, g, wanted);
            for (int i = 0; i < c->group[g].n_sites; i++) {
                uint8_t site = c->group[g].site[i];
                jw_obj(w);
                kv_text(w, "site", k->c->site[site].name);
                kv_text(w, "group", c->group[g].name);
                kv_decimal(w, "share", wanted[site] / 1e6, 6);
                jw_end(w);
            }
        }
        jw_end(w);
        jw_end(w);
    }
    jw_end(w);
}

/* ---- nodes ---- */

/* How far the facts of `n` are behind here: as long as it takes them (half a round trip), or since
 * when facts that it has spoken of are missing. NaN: not known. */
static double node_lag_ms(const struct core *k, uint8_t n, td_ms now)
{
    const struct peer *p = &k->peer[n];
    if (n == k->self)
        return 0;
    if (!p->up || p->rtt_ms <= 0)
        return NAN;
    const struct vector_entry *said = &p->pending[n], *have = &k->vector[n];
    bool missing = p->has_pending && (have->epoch < said->epoch ||
                                      (have->epoch == said->epoch && have->seq < said->seq));
    return missing ? MAX((double)(now - p->sent_at), p->rtt_ms / 2) : p->rtt_ms / 2;
}

static void view_node(struct jw *w, const struct scene *s, uint8_t n)
{
    const struct core *k = s->k;
    const struct peer *p = &k->peer[n];
    jw_obj(w);
    kv_text(w, "name", view_node_name(k, n));
    kv_text(w, "role", n == HUB ? "hub" : "site");
    kv_decimal(w, "lat", n == HUB ? k->c->hub_lat : k->c->site[n].lat, 4);
    kv_decimal(w, "lon", n == HUB ? k->c->hub_lon : k->c->site[n].lon, 4);
    kv_text(w, "state", health_peer_up(k, n) ? "up" : "unreachable");
    kv_decimal(w, "lag_ms", node_lag_ms(k, n, s->now), 1);
    kv_uint(w, "epoch", n == k->self ? k->epoch : p->beat_epoch);
    jw_key(w, "age_ms");
    if (n == k->self || p->heard_at)
        jw_int(w, n == k->self ? 0 : s->now - p->heard_at);
    else
        jw_null(w);
    jw_end(w);
}

void view_nodes(struct jw *w, const struct scene *s)
{
    jw_arr(w);
    view_node(w, s, HUB);
    for (uint8_t n = 0; n < s->k->c->n_sites; n++)
        view_node(w, s, n);
    jw_end(w);
}

static void health_row(struct jw *w, const struct core *k, uint8_t from, uint8_t to, bool up,
                       double rtt_ms, td_ms age_ms)
{
    jw_obj(w);
    kv_text(w, "from", view_node_name(k, from));
    kv_text(w, "to", view_node_name(k, to));
    kv_bool(w, "up", up);
    kv_decimal(w, "rtt_ms", up && rtt_ms > 0 ? rtt_ms : NAN, 1);
    kv_int(w, "age_ms", age_ms);
    jw_end(w);
}

/* What this node hears itself, with round trips, and what the beats of the others say they see:
 * a beat tells only which sites are well. */
void view_health(struct jw *w, const struct scene *s)
{
    const struct core *k = s->k;
    jw_arr(w);
    for (uint8_t i = 0; i <= k->c->n_sites; i++) {
        uint8_t from = i ? i - 1 : HUB;
        const struct peer *p = &k->peer[from];
        if (from != k->self && !p->heard_at)
            continue;
        for (uint8_t j = 0; j <= k->c->n_sites; j++) {
            uint8_t to = j ? j - 1 : HUB;
            if (to == from || (from != k->self && to == HUB))
                continue;
            if (from == k->self)
                health_row(w, k, from, to, k->peer[to].up, k->peer[to].rtt_ms,
                           s->now - k->peer[to].heard_at);
            else
                health_row(w, k, from, to, p->sees_up >> to & 1, 0, s->now - p->heard_at);
        }
    }
    jw_end(w);
}

/* ---- alerts ---- */

static void alert(struct jw *w, const struct scene *s, enum alert a, uint8_t node, const char *what,
                  const char *severity, const char *fmt, ...) PRINTF(7, 8);

static void alert(struct jw *w, const struct scene *s, enum alert a, uint8_t node, const char *what,
                  const char *severity, const char *fmt, ...)
{
    td_ms since = s->memory->since[a][node];
    if (!since)
        return;
    char text[256];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    jw_obj(w);
    kv_text(w, "severity", severity);
    kv_text(w, "what", what);
    kv_text(w, "text", text);
    kv_int(w, "since_ms", since);
    jw_end(w);
}

void view_alerts(struct jw *w, const struct scene *s)
{
    const struct core *k = s->k;
    const char *me = view_node_name(k, k->self);
    jw_arr(w);
    for (uint8_t i = 0; i < k->c->n_sites; i++) {
        const char *name = k->c->site[i].name;
        const struct ev_verdict *v = &k->site[i].verdict;
        alert(w, s, ALERT_SITE_DOWN, i, "site-down", "crit",
              "%s is down: %u of %u vantage points do not hear it", name, v->votes_down, v->votes);
        alert(w, s, ALERT_UNREACHABLE, i, "site-unreachable", "warn",
              "%s is not heard by %s, or its instance does not answer", name, me);
        alert(w, s, ALERT_NOT_READY, i, "site-not-ready", "warn",
              "%s answers, but could not serve a contact", name);
    }
    alert(w, s, ALERT_HUB_LOST, HUB, "hub-lost", "crit", "%s is not heard; %s answers for it",
          k->c->hub_name, me);
    for (uint8_t g = 0; g < core_policy(k)->n_groups; g++) {
        const char *name = core_policy(k)->group[g].name;
        alert(w, s, ALERT_GROUP_CLOSED, g, "group-closed", "crit",
              "Group %s has no serve-ready site: its contacts go to other groups", name);
        alert(w, s, ALERT_SHARES, g, "share-infeasible", "warn",
              "Group %s cannot hold its shares: not all of its sites are serve-ready", name);
    }
    jw_end(w);
}
