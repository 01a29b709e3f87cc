/* check.c - what must hold in any one node's model, whatever facts it has folded. Slow: for tests
 * and the simulator. */
#include "core/model.h"

#include <string.h>

static void check_list(const struct core *k, const struct contact_list *l, uint8_t kind)
{
    uint32_t n = 0, prev = NIL;
    for (uint32_t at = l->head; at != NIL; at = k->contact[at].next) {
        const struct contact *t = &k->contact[at];
        BUG_ON(t->list != kind || t->prev != prev || id_none(t->id));
        BUG_ON(prev != NIL && kind == LIST_WAITING && k->contact[prev].queued_at > t->queued_at);
        prev = at;
        n++;
    }
    BUG_ON(l->tail != prev || l->count != n);
}

static void check_sums(const struct core *k)
{
    for (uint8_t s = 0; s < k->c->n_sites; s++) {
        uint32_t waiting = 0, inflight = 0, busy = 0;
        for (uint32_t line = 0; line < LINES(k->c); line++) {
            check_list(k, &k->site[s].waiting[line], LIST_WAITING);
            check_list(k, &k->site[s].inflight[line], LIST_INFLIGHT);
            waiting += k->site[s].waiting[line].count;
            inflight += k->site[s].inflight[line].count;
            busy += k->site[s].busy[line];
        }
        BUG_ON(waiting != k->site[s].waiting_all || inflight != k->site[s].inflight_all ||
               busy != k->site[s].busy_all || waiting + inflight + busy != k->site[s].live);
    }
    for (uint8_t g = 0; g < GROUPS_MAX; g++)
        for (uint8_t s = 0; s < SITES_MAX; s++) {
            int64_t lag = 0;
            for (int n = 0; n < NODES_MAX; n++)
                lag += k->group[g].by[n].lag_u[s];
            BUG_ON(lag != k->group[g].lag_u[s]);
        }
}

/* Contacts and agents counted one by one, as if there were no sums. */
struct recount {
    uint32_t *busy, *pool;                   /* per site and line; per site and pool */
    uint32_t *staffed, *idle;                /* per site and profile; and channel */
    uint8_t (*talking)[CHANNELS], *wrapping; /* per agent */
};

static void recount_contact(const struct core *k, const struct recount *c, const struct contact *t)
{
    if (t->now_state == CONTACT_ENDED || t->queue == INDEX_NONE)
        return;
    uint32_t line = LINE(t->queue, t->channel);
    if (t->now_state <= CONTACT_QUEUED) {
        if (k->line_pool[line] != INDEX_NONE)
            c->pool[t->site * k->n_pools + k->line_pool[line]]++;
        return;
    }
    c->busy[t->site * LINES(k->c) + line]++;
    if (t->agent != NIL && t->now_state == CONTACT_WRAPUP)
        c->wrapping[t->agent]++;
    else if (t->agent != NIL)
        c->talking[t->agent][t->channel]++;
}

/* An agent may take one more of a channel when he is available, does not wrap up and does not
 * talk; a voice contact wants him alone. */
static void recount_agent(const struct core *k, const struct recount *c, const struct agent *a)
{
    const struct cfg_profile *f = &k->c->profile[k->c->agent[a->index].profile];
    const uint8_t *talking = c->talking[a->index];
    uint8_t presence = a->state.presence, free_mask = 0;
    uint32_t profiles = k->c->n_profiles, all = 0;
    BUG_ON(memcmp(a->talking, talking, CHANNELS) != 0 || a->wrapping != c->wrapping[a->index]);
    if (!a->state.epoch || (presence != PRESENCE_AVAILABLE && presence != PRESENCE_MISSED)) {
        BUG_ON(a->site != SITE_NONE || a->free_mask);
        return;
    }
    BUG_ON(a->site != a->state.site);
    uint32_t at = a->site * profiles + a->profile;
    for (uint32_t ch = 0; ch < CHANNELS; ch++)
        all += talking[ch];
    for (uint32_t ch = 0; ch < CHANNELS; ch++) {
        bool room = ch == CHANNEL_VOICE
                        ? !all && f->concurrency[ch]
                        : !talking[CHANNEL_VOICE] && talking[ch] < f->concurrency[ch];
        if (room && presence == PRESENCE_AVAILABLE && !c->wrapping[a->index]) {
            free_mask |= (uint8_t)(1 << ch);
            c->idle[at * CHANNELS + ch]++;
        }
    }
    BUG_ON(a->free_mask != free_mask);
    c->staffed[at]++;
}

static void check_recount(const struct core *k)
{
    uint32_t sites = k->c->n_sites, lines = LINES(k->c), profiles = k->c->n_profiles;
    struct recount c = {
        .busy = mem_new(sites * lines, sizeof *c.busy),
        .pool = mem_new(sites * k->n_pools, sizeof *c.pool),
        .staffed = mem_new(sites * profiles, sizeof *c.staffed),
        .idle = mem_new(sites * profiles * CHANNELS, sizeof *c.idle),
        .talking = mem_new(k->c->n_agents, sizeof *c.talking),
        .wrapping = mem_new(k->c->n_agents, sizeof *c.wrapping),
    };
    for (uint32_t i = 0; i < k->contacts_cap; i++)
        if (!id_none(k->contact[i].id))
            recount_contact(k, &c, &k->contact[i]);
    for (uint32_t i = 0; i < k->c->n_agents; i++)
        recount_agent(k, &c, &k->agent[i]);
    for (uint32_t s = 0; s < sites; s++) {
        const struct site_state *t = &k->site[s];
        BUG_ON(memcmp(t->busy, c.busy + s * lines, lines * sizeof *c.busy) != 0);
        BUG_ON(memcmp(t->pool_waiting, c.pool + s * k->n_pools, k->n_pools * sizeof *c.pool) != 0);
        BUG_ON(memcmp(t->staffed, c.staffed + s * profiles, profiles * sizeof *c.staffed) != 0);
        BUG_ON(memcmp(t->idle, c.idle + s * profiles * CHANNELS,
                      (size_t)profiles * CHANNELS * sizeof *c.idle) != 0);
    }
    void *all[] = {c.busy, c.pool, c.staffed, c.idle, c.talking, c.wrapping};
    for (size_t i = 0; i < COUNTOF(all); i++)
        mem_free(all[i]);
}

void core_check(const struct core *k)
{
    check_list(k, &k->ended, LIST_ENDED);
    check_sums(k);
    uint32_t live = 0;
    for (uint32_t i = 0; i < k->contacts_cap; i++) {
        const struct contact *t = &k->contact[i];
        if (id_none(t->id))
            continue;
        live++;
        BUG_ON(!t->decisions && !t->state.epoch);
        BUG_ON(t->epoch != MAX(t->state.epoch, t->decisions ? t->decisions->placed.epoch : 0));
    }
    BUG_ON(live != k->contacts_live);
    check_recount(k);
}
