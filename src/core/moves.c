/* moves.c - late binding, re-homing, drains: contacts that wait in one place and are served in
 * another, and agents that change their site.
 *
 * Late binding. A contact waits at the site where it landed. Its site (the owner, so nobody else
 * can do the same) gives it away when an agent elsewhere is free, nobody here is, and no older
 * contact of the same kind waits elsewhere for that agent. So a freed agent takes his own site's
 * oldest, else the oldest elsewhere (facts: one logical queue to within 0.1 s of mean wait). */
#include "core/model.h"

#include <stdio.h>

enum {
    PUSHES_A_SETTLE = 64, /* so that one instant stays short; the next settle goes on */
    SCAN_MS = 1000,       /* agents are looked through this often, and only when one may move */
    INVITE_AGAIN_MS = 30000,
    AGENT_COOLDOWN_MS = 60000 /* an agent is not told to move twice within this */
};

/* How many agents at `site` are free for one more contact of the line, beyond those for whom one
 * waits or is on its way already. */
static int32_t spare(const struct core *k, uint8_t site, uint32_t line)
{
    const struct site_state *s = &k->site[site];
    uint16_t pool = k->line_pool[line];
    uint32_t claimed = pool == INDEX_NONE ? 0 : s->pool_waiting[pool];
    return (int32_t)idle_for(k, site, line) - (int32_t)claimed - (int32_t)k->pushing[site];
}

/* Contacts of the line that wait at other sites, longer than t, with nobody free there. */
static int32_t older_elsewhere(const struct core *k, const struct contact *t, uint32_t line,
                               int32_t enough)
{
    int32_t n = 0;
    for (uint8_t s = 0; s < k->c->n_sites; s++) {
        if (s == k->self || idle_for(k, s, line))
            continue;
        for (uint32_t at = k->site[s].waiting[line].head; at != NIL && n < enough;) {
            const struct contact *o = &k->contact[at];
            if (o->queued_at >= t->queued_at)
                break;
            n++;
            at = o->next;
        }
    }
    return n;
}

/* The nearest site (to the caller) with an agent to spare for this contact. */
static uint8_t push_target(const struct core *k, const struct contact *t, uint32_t line,
                           uint16_t allowed)
{
    uint8_t best = SITE_NONE;
    int32_t best_m = INT32_MAX;
    const struct ev_placed *p = t->decisions ? &t->decisions->placed : NULL;
    for (uint8_t s = 0; s < k->c->n_sites; s++) {
        if (s == k->self || !(allowed >> s & 1))
            continue;
        int32_t free = spare(k, s, line);
        if ((int64_t)k->site[s].live + k->pushing[s] >= k->c->site[s].contacts_max)
            continue; /* those who are on their way fill it up */
        if (free <= 0 || older_elsewhere(k, t, line, free) >= free)
            continue;
        int32_t m = p && s < p->n_candidates ? p->candidate[s].distance_m : 0;
        if (best == SITE_NONE || m < best_m) {
            best = s;
            best_m = m;
        }
    }
    return best;
}

static void push(struct core *k, struct contact *t, uint8_t to, uint8_t rule)
{
    struct action *a = core_act(k, ACT_RELEASE);
    a->contact.contact = t->id;
    a->contact.to_site = to;
    t->moving = true;
    t->moving_to = to;
    t->moving_rule = rule;
    k->pushing[to]++;
}

static int push_line(struct core *k, uint32_t line, uint16_t allowed, int left)
{
    bool drains = k->site[k->self].admin.admin == ADMIN_DRAINING;
    bool abandoned = drains && !staffed_for(k, k->self, line);
    td_ms after = core_policy(k)->move_after_ms;
    if (core_policy(k)->binding != BIND_LATE && !abandoned)
        return left;
    uint32_t at = k->site[k->self].waiting[line].head;
    for (uint32_t next; at != NIL && left > 0; at = next) {
        struct contact *t = &k->contact[at];
        next = t->next;
        if (t->moving)
            continue;
        if (!abandoned && k->now - t->queued_at < after)
            break; /* the rest is younger still */
        uint8_t to = push_target(k, t, line, allowed);
        if (to == SITE_NONE && abandoned && allowed)
            to = (uint8_t)__builtin_ctz(allowed);
        if (to == SITE_NONE)
            break;
        push(k, t, to, abandoned ? RULE_DRAIN : RULE_FREED_AGENT);
        left--;
    }
    return left;
}

void moves_settle(struct core *k)
{
    if (!k->settle_moves || k->self == HUB)
        return;
    k->settle_moves = false;
    const struct site_state *s = &k->site[k->self];
    if (!s->waiting_all)
        return;
    int left = PUSHES_A_SETTLE;
    for (uint32_t line = 0; line < LINES(k->c) && left > 0; line++) {
        if (!s->waiting[line].count || idle_for(k, k->self, line))
            continue;
        uint8_t excluded[SITES_MAX];
        uint16_t allowed = decide_allowed(k, line, excluded) & (uint16_t) ~(1u << k->self);
        if (allowed)
            left = push_line(k, line, allowed, left);
    }
    if (left == 0)
        k->settle_moves = true;
}

/* The release of a contact is answered, or of no use any more. */
void moves_cease(struct core *k, struct contact *t)
{
    if (!t->moving)
        return;
    t->moving = false;
    BUG_ON(!k->pushing[t->moving_to]);
    k->pushing[t->moving_to]--;
}

/* The instance let go of the contact (ok), or it was no longer waiting. */
void moves_released(struct core *k, struct td_id id, bool ok)
{
    struct contact *t = contact_find(k, id);
    if (!t || !t->moving)
        return;
    uint8_t to = t->moving_to, rule = t->moving_rule;
    moves_cease(k, t);
    if (!ok || t->site != k->self)
        return;
    struct event e = {.type = EV_PLACED};
    uint16_t others = (uint16_t) ~(1u << to);
    uint8_t why;
    if (!health_site_open(k, to, &why))
        others = (uint16_t)(1u << k->self); /* the target went meanwhile: whoever else */
    if (!decide_again(k, t, others, rule, &e.placed) && !decide_again(k, t, 0, rule, &e.placed)) {
        decide_stay(k, t, rule, &e.placed);
        e.placed.from_site = k->self;
    }
    k->moves_made++;
    core_state(k, &e);
}

/* ---- takeover ---- */

static bool takeover_contact(struct core *k, struct contact *t)
{
    struct event e = {0};
    if (t->now_state == CONTACT_PLACED || t->now_state == CONTACT_QUEUED) {
        e.type = EV_PLACED;
        if (!decide_again(k, t, (uint16_t)(1u << t->site), RULE_REHOME, &e.placed))
            return false; /* nobody may take it now; the next tick tries again */
        k->moves_made++;
    } else {
        e.type = EV_CONTACT;
        e.contact = t->state;
        e.contact.epoch = epoch_next(t->epoch, k->self);
        e.contact.version = t->state.version + 1;
        e.contact.state = CONTACT_ENDED;
        e.contact.end = ENDED_LOST;
        e.contact.at = e.contact.ended_at = k->now;
        if (e.contact.connected_at)
            e.contact.talk_ms = k->now - e.contact.connected_at;
    }
    core_state(k, &e);
    return true;
}

/* The open site where one more agent is worth most: the fewest staffed for its share, in the
 * agent's own share group before others. */
static uint8_t agent_target(const struct core *k, uint32_t agent, uint8_t from)
{
    const struct cfg_agent *a = &k->c->agent[agent];
    uint8_t best = SITE_NONE, group = shares_group_of(k, from);
    double best_score = 0;
    for (uint8_t s = 0; s < k->c->n_sites; s++) {
        uint8_t why;
        if (s == from || s == k->replica[from] ||
            !(a->residency_mask >> k->c->site[s].residency & 1) || !health_site_open(k, s, &why))
            continue;
        uint8_t g = shares_group_of(k, s);
        double share = k->group[g].by[k->self].share_ppm[s] + 1.0;
        double score =
            (k->site[s].staffed_all + k->invited[s] + 1.0) / share + (g != group ? 1e9 : 0);
        if (best == SITE_NONE || score < best_score) {
            best = s;
            best_score = score;
        }
    }
    return best;
}

static void agent_move(struct core *k, struct agent *a, uint8_t to, uint8_t reason)
{
    struct event e = {.type = EV_AGENT, .agent = a->state};
    e.agent.epoch = epoch_next(a->state.epoch, k->self);
    e.agent.version = a->state.version + 1;
    e.agent.site = to;
    e.agent.presence = PRESENCE_MOVING;
    e.agent.next_presence = PRESENCE_AVAILABLE;
    e.agent.reason = reason;
    e.agent.at = k->now;
    a->moved_at = k->now;
    k->invited[to]++;
    core_state(k, &e);
}

static void note_takeover(struct core *k, uint8_t site, uint32_t moved, uint32_t lost,
                          uint32_t agents)
{
    char people[64] = "its agents move as the platform splits them";
    if (k->replica[site] == SITE_NONE)
        snprintf(people, sizeof people, "%u agents invited elsewhere", agents);
    core_note(k, NOTE_REHOMED, site, moved,
              "%s: %u waiting contacts re-homed, %u connected ones lost, %s", k->c->site[site].name,
              moved, lost, people);
}

/* The site is down for all: its waiting contacts and its agents go to the survivors. Called at
 * every tick while it is down, since facts of it may still arrive. */
void moves_takeover(struct core *k, uint8_t site)
{
    uint32_t moved = 0, lost = 0, agents = 0;
    if (k->site[site].live)
        for (uint32_t i = 0; i < k->contacts_cap; i++) {
            struct contact *t = &k->contact[i];
            if (id_none(t->id) || t->site != site || t->now_state >= CONTACT_ENDED)
                continue;
            bool waits = t->now_state <= CONTACT_QUEUED;
            if (!waits && t->taken_over == k->site[site].verdict_hlc)
                continue; /* its site has claimed it back: it is alive, only not heard by us */
            bool done = takeover_contact(k, t);
            if (done)
                t->taken_over = k->site[site].verdict_hlc;
            moved += done && waits;
            lost += done && !waits;
        }
    bool first = k->takeover_at[site] != k->site[site].verdict_hlc;
    k->takeover_at[site] = k->site[site].verdict_hlc;
    if (first || k->now - k->scanned_at >= SCAN_MS)
        for (uint32_t i = 0; i < k->c->n_agents; i++) {
            struct agent *a = &k->agent[i];
            if (a->state.epoch && a->state.site == site && a->state.presence != PRESENCE_OFFLINE) {
                uint8_t to = agent_target(k, i, site);
                if (to != SITE_NONE) {
                    agent_move(k, a, to, AR_SITE_DOWN);
                    agents++;
                }
            }
        }
    if (moved + lost + agents)
        note_takeover(k, site, moved, lost, agents);
}

/* ---- the agents of this site: home again, or away from a drain ---- */

static bool agent_clear(const struct agent *a)
{
    unsigned busy = a->wrapping;
    for (int ch = 0; ch < CHANNELS; ch++)
        busy += a->talking[ch];
    return !busy;
}

/* Agents come home in the same steps as the shares, an agent's step by his key. */
static bool home_is_due(const struct core *k, const struct agent *a)
{
    const struct cfg_agent *c = &k->c->agent[a->index];
    uint8_t why;
    if (c->site == k->self || c->site == k->replica[k->self] || !health_site_open(k, c->site, &why))
        return false;
    double factor = health_return_factor(k, c->site);
    return (double)(c->key % 1000) < factor * 1000;
}

/* Agents who were told to come here and have not: told again. */
static void invite_again(struct core *k)
{
    if (k->now - k->invited_at < INVITE_AGAIN_MS)
        return;
    k->invited_at = k->now;
    for (uint32_t i = 0; i < k->c->n_agents; i++) {
        const struct ev_agent *a = &k->agent[i].state;
        if (a->epoch && a->site == k->self && a->presence == PRESENCE_MOVING &&
            k->now - a->at >= INVITE_AGAIN_MS)
            core_act(k, ACT_SIGN_IN)->agent.agent = i;
    }
}

void moves_tick(struct core *k)
{
    if (k->self == HUB || k->now - k->scanned_at < SCAN_MS)
        return;
    invite_again(k);
    const struct site_state *s = &k->site[k->self];
    bool drains = s->admin.admin == ADMIN_DRAINING && !s->waiting_all && !s->inflight_all;
    if (!drains && !k->guests)
        return;
    k->scanned_at = k->now;
    uint32_t guests = 0;
    for (uint32_t i = 0; i < k->c->n_agents; i++) {
        struct agent *a = &k->agent[i];
        if (!a->state.epoch || a->state.site != k->self || a->state.presence == PRESENCE_OFFLINE)
            continue;
        guests += k->c->agent[i].site != k->self;
        if (a->state.presence == PRESENCE_MOVING || !agent_clear(a) ||
            (a->moved_at && k->now - a->moved_at < AGENT_COOLDOWN_MS))
            continue;
        uint8_t to = SITE_NONE, reason = AR_RETURN;
        if (drains) {
            to = agent_target(k, i, k->self);
            reason = AR_DRAIN;
        } else if (home_is_due(k, a)) {
            to = k->c->agent[i].site;
        }
        if (to != SITE_NONE)
            agent_move(k, a, to, reason);
    }
    k->guests = guests;
}
