#include "node/report.h"

#include "base/json.h"
#include "base/rng.h"
#include "core/model.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    BINS = 2048,          /* of waits: 1 % each, from a tenth of a second to years */
    SEEN_SLOTS = 1 << 16, /* contacts counted lately: one whose end is told again counts once */
    NOTES_KEPT = 200,
    FAULTS_KEPT = 64,
    AFTERMATH_MS = 30 * 60000,
};

struct aftermath { /* of a fault */
    const struct fault *fault;
    td_ms at, detected, last_sent;
    uint32_t agents; /* were there */
    uint32_t back;   /* of these available elsewhere */
    td_ms back_half, back_95, back_all;
    uint8_t *was_there; /* per agent */
    uint64_t offered, answered, in_target, abandoned;
};

struct report {
    const struct config *c;
    struct aftermath after[FAULTS_KEPT];
    int n_after;
    struct report_totals t;
    uint64_t wait_bin[BINS];
    uint64_t ends[CONTACT_ENDS];
    uint64_t lost;
    double distance_km;
    uint64_t distances;
    double share_error[SITES_MAX];
    bool judged; /* shares were to be kept */
    uint64_t rule[RULES];
    uint64_t answered_at[SITES_MAX];
    double busy_sum, staffed_sum;
    struct td_id seen[SEEN_SLOTS];
    struct node_note note[NOTES_KEPT];
    uint32_t notes;
};

struct report *report_new(const struct config *c, const struct fault *faults, int n_faults)
{
    struct report *r = mem_new(1, sizeof *r);
    r->c = c;
    for (int i = 0; i < n_faults && i < FAULTS_KEPT; i++)
        r->after[r->n_after++].fault = &faults[i];
    return r;
}

void report_free(struct report *r)
{
    for (int i = 0; r && i < r->n_after; i++)
        mem_free(r->after[i].was_there);
    mem_free(r);
}

struct report_totals report_totals(const struct report *r)
{
    return r->t;
}

static int wait_bin(int64_t wait_ms)
{
    int b = wait_ms <= 100 ? 0 : 1 + (int)(log((double)wait_ms / 100) / log(1.01));
    return MIN(b, BINS - 1);
}

static double percentile_s(const struct report *r, double p)
{
    uint64_t n = 0, upto = 0;
    for (int i = 0; i < BINS; i++)
        n += r->wait_bin[i];
    for (int i = 0; i < BINS && n; i++) {
        upto += r->wait_bin[i];
        if ((double)upto >= p * (double)n)
            return i ? pow(1.01, i - 0.5) / 10 : 0;
    }
    return 0;
}

/* ---- faults ---- */

static bool site_fault(const struct aftermath *a)
{
    return a->fault->kind != FAULT_LINKS && a->fault->kind != FAULT_CUT && a->fault->a != HUB;
}

static void after_verdict(struct report *r, const struct event *e)
{
    for (int i = 0; i < r->n_after; i++) {
        struct aftermath *a = &r->after[i];
        if (a->at && !a->detected && site_fault(a) && e->verdict.verdict == VERDICT_DOWN &&
            r->c->site[a->fault->a].key == e->verdict.site)
            a->detected = hlc_ms(e->hlc);
    }
}

static void after_agent(struct report *r, const struct core *k, const struct event *e)
{
    uint32_t agent;
    if (e->agent.presence != PRESENCE_AVAILABLE ||
        !map64_find(&k->agent_by_key, e->agent.agent, &agent) || agent >= r->c->n_agents)
        return;
    for (int i = 0; i < r->n_after; i++) {
        struct aftermath *a = &r->after[i];
        if (!a->was_there || !a->was_there[agent] || e->agent.site == a->fault->a)
            continue;
        a->was_there[agent] = 0;
        a->back++;
        td_ms at = hlc_ms(e->hlc);
        if (!a->back_half && a->back * 2 >= a->agents)
            a->back_half = at;
        if (!a->back_95 && a->back * 20 >= a->agents * 19)
            a->back_95 = at;
        if (a->back == a->agents)
            a->back_all = at;
    }
}

/* Who is there when the fault strikes. */
static void after_begin(struct report *r, struct world *w)
{
    for (int i = 0; i < r->n_after; i++) {
        struct aftermath *a = &r->after[i];
        if (a->at || world_now(w) < world_start(w) + a->fault->at_ms - 1000)
            continue;
        a->at = world_start(w) + a->fault->at_ms;
        const struct engine *e = site_fault(a) ? floor_engine(world_floor(w), a->fault->a) : NULL;
        if (!e)
            continue;
        a->was_there = mem_new(r->c->n_agents, 1);
        for (uint32_t g = 0; g < r->c->n_agents; g++)
            a->agents += a->was_there[g] = engine_signed_in(e, g);
    }
}

static void after_contact(struct report *r, const struct core_history *h, bool answered,
                          bool in_target)
{
    for (int i = 0; i < r->n_after; i++) {
        struct aftermath *a = &r->after[i];
        if (!a->at || h->started_at < a->at || h->started_at >= a->at + AFTERMATH_MS)
            continue;
        a->offered++;
        a->answered += answered;
        a->abandoned += !answered;
        a->in_target += in_target;
    }
}

/* ---- what the nodes tell ---- */

void report_on_fact(void *arg, struct node *n, const struct event *e, const void *bytes, size_t len)
{
    struct report *r = arg;
    if (node_self(n) != HUB)
        return;
    if (r->n_after && e->type == EV_VERDICT)
        after_verdict(r, e);
    if (r->n_after && e->type == EV_AGENT)
        after_agent(r, node_core(n), e);
    if (e->type != EV_PLACED)
        return;
    const struct ev_placed *p = &e->placed;
    for (int i = 0; i < r->n_after; i++) {
        struct aftermath *a = &r->after[i];
        if (a->at && site_fault(a) && p->site == a->fault->a && hlc_ms(e->hlc) > a->at &&
            (!a->fault->for_ms || hlc_ms(e->hlc) < a->at + a->fault->for_ms))
            a->last_sent = hlc_ms(e->hlc);
    }
    r->rule[p->rule]++;
    if (p->from_site != SITE_NONE) {
        r->t.moves++;
        return;
    }
    r->t.placed++;
    if (p->how != PLACE_NONE && p->site < p->n_candidates) {
        r->distance_km += p->candidate[p->site].distance_m / 1000.0;
        r->distances++;
    }
    if (!p->counted)
        return;
    const struct group_state *g = &node_core(n)->group[p->group];
    for (uint8_t s = 0; s < r->c->n_sites && core_policy(node_core(n))->shares_enforced; s++) {
        r->judged = true;
        double off = fabs((double)g->lag_u[s] / PPM);
        r->share_error[s] = MAX(r->share_error[s], off);
        r->t.share_error_max = MAX(r->t.share_error_max, off);
    }
}

void report_on_history(void *arg, struct node *n, const struct core_history *h)
{
    struct report *r = arg;
    if (node_self(n) != HUB)
        return;
    struct td_id *seen = &r->seen[mix64(h->contact.lo) % SEEN_SLOTS];
    if (id_eq(*seen, h->contact))
        return;
    *seen = h->contact;
    const struct ev_contact *f = h->final;
    r->t.contacts++;
    r->ends[f->end]++;
    bool answered = f->connected_at != 0;
    if (!answered && f->end != ENDED_ABANDONED)
        return;
    r->wait_bin[wait_bin(f->wait_ms)]++;
    r->t.wait_sum_s += (double)f->wait_ms / 1000;
    int q = -1;
    for (uint16_t i = 0; i < r->c->n_queues && q < 0; i++)
        if (r->c->queue[i].key == f->queue)
            q = i;
    bool in_target = answered && q >= 0 && f->wait_ms <= r->c->queue[q].target_wait_ms;
    r->t.in_target += in_target;
    after_contact(r, h, answered, in_target);
    if (!answered) {
        r->t.abandoned++;
        return;
    }
    r->t.answered++;
    if (f->site < r->c->n_sites)
        r->answered_at[f->site]++;
    if (h->n_decisions && h->decisions[0]->nearest != SITE_NONE) {
        r->t.cross_base++;
        r->t.cross += h->decisions[0]->nearest != f->site;
    }
}

void report_on_note(void *arg, struct node *n, const struct node_note *note)
{
    struct report *r = arg;
    bool local =
        note->kind == NOTE_HUB_LOST || note->kind == NOTE_HUB_BACK || note->kind == NOTE_REHOMED;
    if (node_self(n) != HUB && !local)
        return;
    if (r->notes < NOTES_KEPT)
        r->note[r->notes++] = *note;
}

void report_sample(struct report *r, struct world *w)
{
    after_begin(r, w);
    for (uint8_t s = 0; s < r->c->n_sites; s++) {
        const struct engine *e = floor_engine(world_floor(w), s);
        if (!e)
            continue;
        r->busy_sum += engine_busy(e);
        r->staffed_sum += MAX(engine_staffed(e), engine_busy(e));
    }
}

/* ---- out ---- */

static void number(struct jw *j, const char *key, double v, int places)
{
    double unit = pow(10, places);
    jw_key(j, key);
    jw_double(j, isfinite(v) ? floor(v * unit + 0.5) / unit : v);
}

static void count(struct jw *j, const char *key, uint64_t v)
{
    jw_key(j, key);
    jw_uint(j, v);
}

static void write_sites(const struct report *r, const struct core *k, struct jw *j)
{
    jw_key(j, "sites");
    jw_arr(j);
    for (uint8_t s = 0; s < r->c->n_sites; s++) {
        uint8_t g = shares_group_of(k, s);
        int32_t wanted[SITES_MAX];
        shares_wanted(k, k->policy, g, wanted);
        uint64_t in_group = 0;
        for (uint8_t t = 0; t < r->c->n_sites; t++)
            if (shares_group_of(k, t) == g)
                in_group += k->group[g].placed[t];
        jw_obj(j);
        jw_key(j, "site");
        jw_str(j, r->c->site[s].name);
        jw_key(j, "group");
        jw_str(j, core_policy(k)->group[g].name);
        number(j, "share_wanted", wanted[s] / 1e6, 6);
        number(j, "share_got", in_group ? (double)k->group[g].placed[s] / (double)in_group : 0, 6);
        number(j, "share_error_max_contacts", r->judged ? r->share_error[s] : NAN, 2);
        count(j, "contacts", k->group[g].placed[s]);
        count(j, "answered", r->answered_at[s]);
        jw_end(j);
    }
    jw_end(j);
}

static void write_hashes(struct world *w, struct jw *j)
{
    jw_key(j, "state_hash");
    jw_obj(j);
    for (int n = 0; n < NODES_MAX; n++) {
        struct node *node = world_node(w, (uint8_t)n);
        if (!node)
            continue;
        char hex[17];
        snprintf(hex, sizeof hex, "%016llx", (unsigned long long)core_hash(node_core(node)));
        jw_key(j, n == HUB ? world_config(w)->hub_name : world_config(w)->site[n].name);
        jw_str(j, hex);
    }
    jw_end(j);
}

static void write_timeline(const struct report *r, struct world *w, struct jw *j)
{
    jw_key(j, "timeline");
    jw_arr(j);
    for (uint32_t i = 0; i < r->notes; i++) {
        jw_obj(j);
        number(j, "at_s", (double)(r->note[i].at - world_start(w)) / 1000, 3);
        jw_key(j, "kind");
        jw_str(j, note_kind_names[r->note[i].kind]);
        jw_key(j, "text");
        jw_str(j, r->note[i].text);
        jw_end(j);
    }
    jw_end(j);
}

static void since(struct jw *j, const char *key, td_ms at, td_ms start)
{
    jw_key(j, key);
    if (at)
        jw_double(j, (double)(at - start) / 1000);
    else
        jw_null(j);
}

static void write_faults(const struct report *r, struct world *w, struct jw *j)
{
    static const char *const kinds[FAULT_KINDS] = {"region-down", "node-down", "cut",  "isolate",
                                                   "flows",       "links",     "drain"};
    jw_key(j, "faults");
    jw_arr(j);
    for (int i = 0; i < r->n_after; i++) {
        const struct aftermath *a = &r->after[i];
        jw_obj(j);
        jw_key(j, "kind");
        jw_str(j, kinds[a->fault->kind]);
        number(j, "at_s", (double)a->fault->at_ms / 1000, 3);
        if (site_fault(a)) {
            jw_key(j, "site");
            jw_str(j, world_config(w)->site[a->fault->a].name);
            since(j, "detected_after_s", a->detected, a->at);
            since(j, "last_contact_sent_after_s", a->last_sent, a->at);
            count(j, "agents", a->agents);
            count(j, "agents_elsewhere", a->back);
            since(j, "agents_half_after_s", a->back_half, a->at);
            since(j, "agents_95_percent_after_s", a->back_95, a->at);
            since(j, "agents_all_after_s", a->back_all, a->at);
        }
        double offered = (double)a->offered;
        number(j, "service_level_30_min", offered > 0 ? (double)a->in_target / offered : 0, 5);
        number(j, "abandoned_ratio_30_min", offered > 0 ? (double)a->abandoned / offered : 0, 5);
        jw_end(j);
    }
    jw_end(j);
}

static void write_counts(const struct report *r, struct jw *j)
{
    jw_key(j, "ends");
    jw_obj(j);
    for (int i = 1; i < CONTACT_ENDS; i++)
        if (r->ends[i])
            count(j, contact_end_names[i], r->ends[i]);
    jw_end(j);
    jw_key(j, "rules");
    jw_obj(j);
    for (int i = 0; i < RULES; i++)
        if (r->rule[i])
            count(j, rule_names[i], r->rule[i]);
    jw_end(j);
}

static void write_bad_rows(struct world *w, struct jw *j)
{
    struct trace_stats s =
        world_trace(w) ? trace_stats(world_trace(w)) : (struct trace_stats){.bad_lines = ""};
    count(j, "bad_rows", s.bad);
    count(j, "skipped_rows", s.skipped);
    count(j, "repeated_rows", s.duplicates);
    jw_key(j, "bad_row_reasons");
    jw_arr(j);
    for (const char *p = s.bad_lines; *p;) {
        size_t n = strcspn(p, "\n");
        jw_strn(j, p, n);
        p += n + (p[n] == '\n');
    }
    jw_end(j);
}

void report_write(struct report *r, struct world *w, const struct report_end *end, struct buf *out)
{
    const struct report_totals *t = &r->t;
    uint64_t decisions = 0, events = 0;
    struct node *teller = NULL;
    for (int n = 0; n < NODES_MAX; n++) {
        struct node *node = world_node(w, (uint8_t)n);
        if (!node)
            continue;
        teller = node; /* the hub, being last, when it is up */
        decisions += node_core(node)->decisions_made;
        events += node_facts(node);
    }
    BUG_ON(!teller);
    double offered = (double)(t->answered + t->abandoned);
    struct floor_stats fs = floor_stats(world_floor(w));
    struct jw j;
    jw_begin(&j, out);
    jw_obj(&j);
    jw_key(&j, "name");
    jw_str(&j, r->c->name);
    jw_key(&j, "trace");
    jw_str(&j, end->trace);
    count(&j, "seed", end->seed);
    count(&j, "contacts", t->contacts);
    write_bad_rows(w, &j);
    count(&j, "answered", t->answered);
    count(&j, "abandoned", t->abandoned);
    number(&j, "service_level", offered > 0 ? (double)t->in_target / offered : 0, 5);
    jw_key(&j, "service_level_definition");
    jw_str(&j, "answered within the queue's target / (answered + abandoned)");
    number(&j, "wait_mean_s", offered > 0 ? t->wait_sum_s / offered : 0, 3);
    number(&j, "wait_p95_s", percentile_s(r, 0.95), 2);
    number(&j, "cross_site_ratio", t->cross_base ? (double)t->cross / (double)t->cross_base : 0, 5);
    number(&j, "distance_mean_km", r->distances ? r->distance_km / (double)r->distances : 0, 2);
    number(&j, "share_error_max_contacts", r->judged ? t->share_error_max : NAN, 3);
    number(&j, "occupancy", r->staffed_sum > 0 ? r->busy_sum / r->staffed_sum : 0, 4);
    count(&j, "moves", t->moves);
    count(&j, "decisions", decisions);
    number(&j, "decisions_per_s", (double)decisions / MAX(end->wall_s, 1e-9), 0);
    count(&j, "events", events);
    number(&j, "wall_s", end->wall_s, 3);
    number(&j, "cpu_s", end->cpu_s, 3);
    number(&j, "virtual_s", (double)(world_now(w) - world_start(w)) / 1000, 1);
    count(&j, "calls", fs.calls);
    count(&j, "redials", fs.redials);
    count(&j, "dropped_live", fs.dropped_live);
    write_counts(r, &j);
    write_sites(r, node_core(teller), &j);
    write_faults(r, w, &j);
    write_hashes(w, &j);
    write_timeline(r, w, &j);
    jw_end(&j);
    jw_done(&j);
    buf_char(out, '\n');
}
