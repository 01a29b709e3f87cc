/* health.c - who is alive, from several vantage points.
 *
 * Every node beats to every other. A peer is down for me after `fall` missed beats and up again
 * after `rise` good ones in a row. My beat carries whom I see up; a site is down for all when a
 * majority of all nodes (not only of those I hear: a cut-off minority must not take anything over)
 * sees it down. One node, the coordinator, states that verdict: the hub, or the first site when
 * the hub is not seen. Any node's own view closes a site to its own decisions at once, verdict or
 * not: nobody sends a contact where he himself cannot reach. */
#include "core/model.h"

#include <string.h>

enum {
    CLOCK_BACK_MS = 10000, /* beats this much older are of a clock that was set back */
    INSTANCE_WORD_MS =
        15000 /* an instance not heard this long after its node started is not well */
};

static bool is_node(const struct core *k, int n)
{
    return n == HUB || n < k->c->n_sites;
}

bool health_peer_up(const struct core *k, uint8_t node)
{
    return node == k->self ? true : k->peer[node].up;
}

static bool instance_known(const struct core *k)
{
    return k->instance_known || (k->started_at && k->now - k->started_at > INSTANCE_WORD_MS);
}

/* Reachable, and its instance works. While a node that has just started has not heard its instance
 * the last verdict stands: a restart is no reason to take over what goes on there. */
static bool site_well(const struct core *k, uint8_t site)
{
    const struct peer *p = &k->peer[site];
    bool ours = site == k->self;
    if (!ours && !p->up)
        return false;
    if (ours ? !instance_known(k) : !p->instance_known)
        return k->site[site].verdict.verdict != VERDICT_DOWN;
    return ours ? k->instance_ok : p->instance_ok;
}

bool health_site_open(const struct core *k, uint8_t site, uint8_t *why)
{
    const struct site_state *s = &k->site[site];
    bool well = site_well(k, site);
    *why = EX_NO;
    if (s->verdict.verdict == VERDICT_DOWN)
        *why = EX_DOWN;
    else if (!well)
        *why = EX_UNREACHABLE;
    else if (s->admin.admin == ADMIN_DRAINING)
        *why = EX_DRAINING;
    else if (site == k->self ? !k->instance_ready : !k->peer[site].ready)
        *why = EX_NOT_READY;
    return *why == EX_NO;
}

/* Just started and not heard yet: neither up nor down. */
static bool health_unknown(const struct core *k, uint8_t node)
{
    td_ms grace = (td_ms)k->c->health.beat_interval_ms * 2 * (k->c->health.fall + 1);
    return node != k->self && !k->peer[node].heard_at && k->now - k->started_at < grace;
}

uint8_t health_coordinator(const struct core *k)
{
    if (k->self == HUB || k->peer[HUB].up)
        return HUB;
    for (uint8_t s = 0; s < k->c->n_sites; s++)
        if (s == k->self || k->peer[s].up)
            return s;
    return k->self;
}

double health_return_factor(const struct core *k, uint8_t site)
{
    const struct cfg_health *h = &k->c->health;
    td_ms since = k->site[site].returning_since;
    if (!since || h->return_steps <= 1 || h->return_step_ms <= 0)
        return 1;
    int64_t step = 1 + (k->now - since) / h->return_step_ms;
    return step >= h->return_steps ? 1 : (double)MAX(1, step) / h->return_steps;
}

/* ---- beats ---- */

static void peer_alive(struct core *k, struct peer *p)
{
    bool first = !p->heard_at;
    p->good = MIN(p->good + 1, k->c->health.rise);
    if (!p->up && (first || p->good >= k->c->health.rise)) {
        p->up = true;
        k->shares_dirty = true;
    }
    p->heard_at = k->now;
}

static bool vector_less(const struct vector_entry *a, const struct vector_entry *b)
{
    return a->epoch < b->epoch || (a->epoch == b->epoch && a->seq < b->seq);
}

static void ask_resend(struct core *k, uint8_t node, uint8_t origin)
{
    struct action *a = core_act(k, ACT_RESEND);
    a->resend.node = node;
    a->resend.origin = origin;
    a->resend.epoch = k->vector[origin].epoch;
    a->resend.after_seq = k->vector[origin].seq;
}

/* A peer that had more than I have one beat ago is asked for it: whoever has a fact can give it. */
static void beat_vector(struct core *k, struct peer *p, const struct beat *b)
{
    bool asked = false;
    for (int o = 0; o < NODES_MAX; o++)
        if (p->has_pending && is_node(k, o) && o != k->self &&
            vector_less(&k->vector[o], &p->pending[o]) &&
            k->now - p->nacked_at >= k->c->health.beat_interval_ms) {
            ask_resend(k, b->from, (uint8_t)o);
            asked = true;
        }
    if (asked)
        p->nacked_at = k->now;
    /* What the peer has applied counts as acknowledged once I have all that it had stated then. */
    if (p->has_pending && !vector_less(&k->vector[b->from], &p->pending[b->from])) {
        memcpy(p->acked, p->pending, sizeof p->acked);
        p->has_pending = false;
    }
    if (!p->has_pending) {
        for (int o = 0; o < NODES_MAX; o++)
            p->pending[o] = (struct vector_entry){b->vector_epoch[o], b->vector_seq[o]};
        p->has_pending = true;
    }
}

void health_gap(struct core *k, uint8_t origin)
{
    struct peer *p = &k->peer[origin];
    if (origin == k->self || k->now - p->nacked_at < k->c->health.beat_interval_ms)
        return;
    p->nacked_at = k->now;
    ask_resend(k, origin, origin);
}

static void beat_report(struct core *k, struct peer *p, const struct beat *b)
{
    if (!b->has_report)
        return;
    p->report_at = b->sent_at;
    p->staffed = b->staffed;
    p->live = b->live;
    memcpy(p->waiting, b->waiting, sizeof p->waiting);
    memcpy(p->busy, b->busy, sizeof p->busy);
    if (b->from < k->c->n_sites)
        memset(k->site[b->from].sent, 0, LINES(k->c) * sizeof(uint32_t));
}

void health_beat(struct core *k, const struct beat *b)
{
    if (!is_node(k, b->from) || b->from == k->self)
        return;
    struct peer *p = &k->peer[b->from];
    /* Late or repeated; but a node whose clock was set back must be heard again. */
    if (p->heard_at && (b->epoch < p->beat_epoch ||
                        (b->sent_at <= p->sent_at && b->sent_at > p->sent_at - CLOCK_BACK_MS)))
        return;
    p->beat_epoch = b->epoch;
    if (p->ready != b->ready || p->instance_ok != b->instance_ok ||
        p->instance_known != b->instance_known)
        k->shares_dirty = true;
    p->instance_known = b->instance_known;
    p->instance_ok = b->instance_ok;
    p->ready = b->ready;
    p->sees_up = b->sees_up;
    if (b->echo_at) {
        double rtt = (double)(k->now - b->echo_at - b->echo_held_ms);
        p->rtt_ms = p->rtt_ms > 0 ? p->rtt_ms * 0.8 + rtt * 0.2 : MAX(rtt, 0.001);
    }
    p->sent_at = b->sent_at;
    p->sent_at_heard = k->now;
    peer_alive(k, p);
    beat_report(k, p, b);
    beat_vector(k, p, b);
}

void core_beat(struct core *k, td_ms now, struct beat *out)
{
    memset(out, 0, sizeof *out);
    out->from = k->self;
    out->epoch = k->epoch;
    out->sent_at = now;
    for (uint8_t s = 0; s < k->c->n_sites; s++)
        if (site_well(k, s) || health_unknown(k, s))
            out->sees_up |= (uint16_t)(1 << s);
    for (int n = 0; n < NODES_MAX; n++) {
        out->vector_epoch[n] = k->vector[n].epoch;
        out->vector_seq[n] = k->vector[n].seq;
    }
    out->instance_known = instance_known(k);
    out->instance_ok = k->instance_ok;
    out->ready = k->instance_ready;
    if (k->self == HUB || now - k->reported_at < k->c->routing.report_interval_ms)
        return;
    k->reported_at = now;
    const struct site_state *s = &k->site[k->self];
    out->has_report = true;
    out->queues = (uint8_t)MIN(k->c->n_queues, REPORT_QUEUES);
    out->staffed = s->staffed_all;
    out->live = s->live;
    for (uint32_t i = 0; i < LINES(k->c) && i < REPORT_QUEUES * CHANNELS; i++) {
        out->waiting[i / CHANNELS] += s->waiting[i].count + s->inflight[i].count;
        out->busy[i / CHANNELS] += s->busy[i];
    }
}

/* ---- verdicts ---- */

static void count_votes(const struct core *k, uint8_t site, uint8_t *down, uint8_t *votes)
{
    *down = *votes = 0;
    for (int n = 0; n < NODES_MAX; n++) {
        if (!is_node(k, n) || n == site)
            continue;
        bool sees;
        if (n == k->self)
            sees = site_well(k, site) || health_unknown(k, site);
        else if (k->peer[n].up)
            sees = k->peer[n].sees_up >> site & 1;
        else
            continue;
        ++*votes;
        *down += !sees;
    }
}

static void verdict_tick(struct core *k, uint8_t site)
{
    uint8_t down, votes, majority = (uint8_t)((k->c->n_sites + 1) / 2 + 1);
    count_votes(k, site, &down, &votes);
    bool is_down = k->site[site].verdict.verdict == VERDICT_DOWN;
    struct event e = {.type = EV_VERDICT};
    e.verdict.site = k->c->site[site].key;
    e.verdict.votes = votes;
    e.verdict.votes_down = down;
    if (!is_down && down >= majority) {
        e.verdict.verdict = VERDICT_DOWN;
        core_state(k, &e);
    } else if (is_down && votes >= majority && down * 2 < votes && site_well(k, site)) {
        e.verdict.verdict = VERDICT_UP;
        core_state(k, &e);
    }
    if (k->site[site].verdict.verdict == VERDICT_DOWN && site != k->self)
        moves_takeover(k, site);
}

static void peers_tick(struct core *k)
{
    for (int n = 0; n < NODES_MAX; n++) {
        struct peer *p = &k->peer[n];
        if (!is_node(k, n) || n == k->self || !p->heard_at)
            continue;
        /* half an interval of grace for the link's jitter */
        td_ms limit = k->c->health.beat_interval_ms * (2 * k->c->health.fall + 1) / 2;
        if (k->now - p->heard_at <= limit)
            continue;
        p->good = 0;
        if (p->up) {
            p->up = false;
            k->shares_dirty = true;
        }
    }
    bool hub = health_peer_up(k, HUB) || health_unknown(k, HUB);
    if (hub != k->hub_was_up)
        core_note(k, hub ? NOTE_HUB_BACK : NOTE_HUB_LOST, SITE_NONE, 0, "%s %s", k->c->hub_name,
                  hub ? "is heard again" : "is not heard; this site decides itself");
    k->hub_was_up = hub;
}

void health_tick(struct core *k)
{
    if (!k->started_at)
        k->started_at = k->now;
    peers_tick(k);
    if (health_coordinator(k) == k->self)
        for (uint8_t s = 0; s < k->c->n_sites; s++)
            verdict_tick(k, s);
}
