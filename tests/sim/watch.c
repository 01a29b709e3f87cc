/* watch.c - what is looked at over time: that things which may be for a moment do not last, that
 * nodes know who is with their instance, and how all is when the dust has settled. */
#include "sim.h"

#include <stdio.h>
#include <string.h>

/* ---- what may not last ---- */

/* Notes that the thing is so now; true: it has been for more than `limit_s` seconds on end. */
static bool lasts(struct sim *s, uint64_t hi, uint64_t lo, uint32_t limit_s)
{
    uint32_t v, first = s->second;
    if (map128_find(&s->stuck, hi, lo, &v) && (v & 0xffff) + 1 >= s->second)
        first = v >> 16;
    map128_insert(&s->stuck, hi, lo, first << 16 | s->second);
    return s->second - first > limit_s;
}

void watch_call(struct sim *s, struct td_id contact)
{
    if (s->unplaced_first + s->unplaced_count == s->unplaced_cap) {
        s->unplaced_cap = s->unplaced_cap ? s->unplaced_cap * 2 : 256;
        s->unplaced = mem_grow(s->unplaced, s->unplaced_cap, sizeof *s->unplaced);
    }
    s->unplaced[s->unplaced_first + s->unplaced_count++] =
        (struct waiting_call){contact, world_now(s->w)};
}

/* Hub or no hub: who calls has a place soon, as long as the sites' nodes are up. */
static void watch_unplaced(struct sim *s)
{
    td_ms now = world_now(s->w);
    while (s->unplaced_count) {
        const struct waiting_call *c = &s->unplaced[s->unplaced_first];
        uint32_t v = 0;
        map128_find(&s->called, c->contact.hi, c->contact.lo, &v);
        if (!(v & PLACED)) {
            bool up = s->nodes_down_at < c->at;
            if (up ? now - c->at > PLACED_MS : now - s->nodes_down_at > PLACED_AGAIN_MS)
                fail(s, "a contact has no place %.1f s after the call",
                     (double)(now - c->at) / 1000);
            return;
        }
        s->unplaced_first++;
        s->unplaced_count--;
    }
}

static bool agent_could_go(const struct core *k, uint32_t agent, uint8_t from)
{
    for (uint8_t s = 0; s < k->c->n_sites; s++) {
        uint8_t why;
        if (s != from && k->c->agent[agent].residency_mask >> k->c->site[s].residency & 1 &&
            health_site_open(k, s, &why))
            return true;
    }
    return false;
}

/* The coordinator's view of a site that is down: nobody stays there who could be taken over. */
static void watch_takeover(struct sim *s, struct core *k, uint8_t site)
{
    for (uint32_t i = 0; i < k->contacts_cap; i++) {
        const struct contact *t = &k->contact[i];
        if (id_none(t->id) || t->site != site || t->now_state >= CONTACT_ENDED ||
            t->queue == INDEX_NONE)
            continue;
        uint8_t excluded[SITES_MAX];
        bool waits = t->now_state <= CONTACT_QUEUED;
        bool may_stay =
            waits ? !(decide_allowed(k, LINE(t->queue, t->channel), excluded) & ~(1u << site))
                  : t->taken_over == k->site[site].verdict_hlc; /* its site has claimed it back */
        if (!may_stay && lasts(s, t->id.hi, t->id.lo ^ 1, STUCK_S))
            fail(s, "a contact is %s at %s, which is down for all",
                 contact_state_names[t->now_state], name_of(s, site));
    }
    for (uint32_t a = 0; a < k->c->n_agents; a++) {
        const struct ev_agent *g = &k->agent[a].state;
        if (g->epoch && g->site == site && g->presence != PRESENCE_OFFLINE &&
            agent_could_go(k, a, site) && lasts(s, g->agent, 2, STUCK_S))
            fail(s, "agent %s is %s at %s, which is down for all", s->c->agent[a].name,
                 presence_names[g->presence], name_of(s, site));
    }
}

struct truth {
    struct sim *s;
    struct core *k;
};

/* Who talks to an agent is known by that site's node to do so; who waits, after a moment, too. */
static void watch_customer(void *arg, const struct engine_contact *c, bool connected,
                           uint32_t agent)
{
    const struct truth *w = arg;
    const struct contact *t = contact_find(w->k, c->id);
    bool here = t && t->site == w->k->self;
    bool talks = here && t->now_state >= CONTACT_CONNECTED && t->now_state < CONTACT_ENDED;
    (void)agent;
    if (connected ? talks : here)
        return;
    if (lasts(w->s, c->id.hi, c->id.lo ^ (uint64_t)w->k->self << 8 ^ (connected ? 3u : 4u),
              connected ? 1 : RINGING_S))
        fail(w->s, "customer %016" PRIx64 " %s at %s, whose node has the contact %s at %s",
             c->id.hi, connected ? "talks" : "waits", name_of(w->s, w->k->self),
             t ? contact_state_names[t->now_state] : "forgotten",
             t && t->site < w->s->c->n_sites ? name_of(w->s, t->site) : "no site");
}

static void watch_site(struct sim *s, uint8_t site)
{
    struct node *n = world_node(s->w, site);
    struct engine *e = floor_engine(world_floor(s->w), site);
    if (!n || !e)
        return;
    struct core *k = node_core(n);
    engine_each(e, watch_customer, &(struct truth){s, k});
    for (uint32_t i = 0; i < k->contacts_cap; i++) {
        const struct contact *t = &k->contact[i];
        if (!id_none(t->id) && t->site == site && t->moving &&
            lasts(s, t->id.hi, t->id.lo ^ (uint64_t)site << 8 ^ 5, STUCK_S))
            fail(s, "%s waits for the release of a contact that is %s", name_of(s, site),
                 contact_state_names[t->now_state]);
    }
}

void watch_second(struct sim *s)
{
    s->second++;
    watch_unplaced(s);
    for (uint8_t i = 0; i < s->c->n_sites; i++)
        watch_site(s, i);
    struct node *hub = world_node(s->w, HUB);
    for (uint8_t i = 0; hub && i < s->c->n_sites; i++)
        if (node_core(hub)->site[i].verdict.verdict == VERDICT_DOWN)
            watch_takeover(s, node_core(hub), i);
    floor_check(world_floor(s->w));
}

void watch_step(struct sim *s)
{
    for (uint8_t n = 0; n < NODES_MAX; n++)
        s->life[n] += !world_node(s->w, n);
    for (uint8_t i = 0; i < s->c->n_sites; i++) {
        bool engine = floor_engine(world_floor(s->w), i), node = world_node(s->w, i);
        if (engine || node)
            s->dead_since[i] = 0;
        else if (!s->dead_since[i])
            s->dead_since[i] = world_now(s->w);
        if (!engine || !node)
            s->nodes_down_at = world_now(s->w);
    }
}

/* ---- at the end ---- */

enum { RETAINED_MAX = 20000 }; /* bytes: the breaks of agents in the last seconds */

static bool registers_equal(const struct core *a, const struct core *b)
{
    for (int p = 0; p < POLICIES_MAX; p++)
        for (int g = 0; g < GROUPS_MAX; g++)
            if (a->shares[p][g].set != b->shares[p][g].set ||
                memcmp(a->shares[p][g].share_ppm, b->shares[p][g].share_ppm,
                       sizeof a->shares[p][g].share_ppm) != 0)
                return false;
    return a->policy == b->policy;
}

static void watch_equal(struct sim *s)
{
    const struct core *hub = node_core(world_node(s->w, HUB));
    uint64_t hash = core_hash(hub);
    for (int i = NODES_MAX; i-- > 0;) {
        struct node *n = world_node(s->w, (uint8_t)i);
        if (!n)
            continue;
        const struct core *k = node_core(n);
        core_check(k);
        if (!config_is(k->c, world_config(s->w)->text, world_config(s->w)->text_len))
            fail(s, "%s goes by another configuration than the one it was given",
                 name_of(s, k->self));
        if (core_hash(k) != hash || !registers_equal(k, hub))
            fail(s, "%s and the hub differ %d s after all is well", name_of(s, k->self),
                 QUIET_MS / 1000);
        if (k->contacts_live)
            fail(s, "%s still holds %u contacts when all have ended", name_of(s, k->self),
                 k->contacts_live);
        for (uint8_t t = 0; t < s->c->n_sites; t++)
            if (k->pushing[t])
                fail(s, "%s believes contacts on their way to %s", name_of(s, k->self),
                     name_of(s, t));
        if (node_memory(n).owed > RETAINED_MAX)
            fail(s, "%s keeps %zu bytes of facts that all nodes have", name_of(s, k->self),
                 node_memory(n).owed);
    }
}

static void watch_books(struct sim *s)
{
    const struct core *k = node_core(world_node(s->w, HUB));
    uint64_t offered = 0;
    for (uint16_t q = 0; q < s->c->n_queues; q++)
        offered += k->queue[q].offered;
    if (s->ended != s->calls || offered != s->calls)
        fail(s,
             "%" PRIu64 " contacts were made, %" PRIu64 " ended at the hub, %" PRIu64
             " are in its sums",
             s->calls, s->ended, offered);
    if (s->expired)
        fail(s, "%" PRId64 " contacts never got to where they were placed", s->expired);
}

void watch_end(struct sim *s)
{
    watch_equal(s);
    watch_books(s);
    books_shares(s);
    books_history(s);
    books_asked(s);
}

void watch_people(struct sim *s)
{
    const struct core *k = node_core(world_node(s->w, HUB));
    for (uint32_t a = 0; a < s->c->n_agents; a++) {
        const struct agent *g = &k->agent[a];
        int signed_in = -1;
        for (uint8_t i = 0; i < s->c->n_sites; i++)
            if (floor_engine(world_floor(s->w), i) &&
                engine_signed_in(floor_engine(world_floor(s->w), i), a))
                signed_in = i;
        bool model = g->state.presence == PRESENCE_AVAILABLE ||
                     g->state.presence == PRESENCE_BREAK || g->state.presence == PRESENCE_MISSED;
        if (model && signed_in != g->state.site)
            fail(s, "the model has agent %s at %s, in truth he is at %s", s->c->agent[a].name,
                 name_of(s, g->state.site),
                 signed_in < 0 ? "no site" : name_of(s, (uint8_t)signed_in));
        unsigned busy = g->wrapping;
        for (int ch = 0; ch < CHANNELS; ch++)
            busy += g->talking[ch];
        if (busy)
            fail(s, "agent %s is busy with a contact that has ended", s->c->agent[a].name);
        if (signed_in < 0)
            fail(s, "agent %s is nowhere at the end (model: %s at %s)", s->c->agent[a].name,
                 presence_names[g->state.presence], name_of(s, g->state.site));
    }
}
