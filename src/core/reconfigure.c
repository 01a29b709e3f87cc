/* reconfigure.c - the configuration is replaced while contacts are live.
 *
 * Things keep their names: sums of a queue, the state of an agent, shares set for a group go over
 * by key. What the new configuration does not name is kept aside, since another node's later one
 * may name it again; contacts of a queue that is gone stay where they are until they end. */
#include "core/model.h"

#include "base/rng.h"

#include <string.h>

void stray_agent(struct core *k, const struct ev_agent *a)
{
    for (uint32_t i = 0; i < k->strays; i++)
        if (k->stray[i].agent == a->agent) {
            if (a->epoch > k->stray[i].epoch ||
                (a->epoch == k->stray[i].epoch && a->version > k->stray[i].version))
                k->stray[i] = *a;
            return;
        }
    if (k->strays == STRAYS_MAX)
        return;
    if (!(k->strays & (k->strays - 1)))
        k->stray = mem_grow(k->stray, MAX(64u, k->strays * 2), sizeof *k->stray);
    k->stray[k->strays++] = *a;
}

/* What goes over, taken from the old index before it is freed. */
struct carried {
    const struct config *c;
    struct queue_state *queue;
    struct agent *agent;
    struct {
        struct register_state reg;
        int32_t share_ppm[SITES_MAX];
        bool set;
    } shares[POLICIES_MAX][GROUPS_MAX];
};

static void carry_queues(struct core *k, const struct carried *old)
{
    for (uint16_t q = 0; q < old->c->n_queues; q++) {
        uint32_t at;
        if (map64_find(&k->queue_by_key, old->c->queue[q].key, &at)) {
            k->queue[at] = old->queue[q];
            k->queue[at].weight = 0;
        }
    }
}

static void carry_agents(struct core *k, const struct carried *old)
{
    for (uint32_t i = 0; i < old->c->n_agents; i++) {
        uint32_t at;
        if (!old->agent[i].state.epoch)
            continue;
        if (map64_find(&k->agent_by_key, old->c->agent[i].key, &at)) {
            k->agent[at].state = old->agent[i].state;
            k->agent[at].idle_since = old->agent[i].idle_since;
        } else {
            stray_agent(k, &old->agent[i].state);
        }
    }
    uint32_t left = 0;
    for (uint32_t i = 0; i < k->strays; i++) {
        uint32_t at;
        if (map64_find(&k->agent_by_key, k->stray[i].agent, &at))
            k->agent[at].state = k->stray[i];
        else
            k->stray[left++] = k->stray[i];
    }
    k->strays = left;
    for (uint32_t i = 0; i < k->c->n_agents; i++)
        agent_recount(k, &k->agent[i]);
}

static void carry_shares(struct core *k, const struct carried *old)
{
    memset(k->shares, 0, sizeof k->shares);
    for (int p = 0; p < old->c->n_policies; p++)
        for (int g = 0; g < old->c->policy[p].n_groups; g++)
            for (int q = 0; old->shares[p][g].set && q < k->c->n_policies; q++)
                for (int h = 0; h < k->c->policy[q].n_groups; h++)
                    if (k->c->policy[q].key == old->c->policy[p].key &&
                        !strcmp(k->c->policy[q].group[h].name, old->c->policy[p].group[g].name))
                        memcpy(&k->shares[q][h], &old->shares[p][g], sizeof k->shares[q][h]);
    k->policy = k->c->policy_active;
    for (uint8_t p = 0; p < k->c->n_policies; p++)
        if (k->policy_key && k->c->policy[p].key == k->policy_key)
            k->policy = p;
}

/* Placements are sized for the number of sites. */
static void decisions_resize(struct core *k)
{
    while (k->decisions_free) {
        struct decision *d = k->decisions_free;
        k->decisions_free = d->next;
        mem_free(d);
    }
    for (uint32_t i = 0; i < k->contacts_cap; i++)
        if (!id_none(k->contact[i].id))
            for (struct decision **at = &k->contact[i].decisions; *at; at = &(*at)->next)
                *at = mem_grow(*at, 1,
                               offsetof(struct decision, placed.candidate) +
                                   k->c->n_sites * sizeof(struct candidate));
}

/* Sites keep their place: facts name them by it. New ones come at the end. */
static bool sites_agree(const struct config *old, const struct config *new)
{
    if (new->n_sites < old->n_sites)
        return false;
    for (uint8_t s = 0; s < old->n_sites; s++)
        if (old->site[s].key != new->site[s].key)
            return false;
    return true;
}

static void contacts_put_all(struct core *k, int sign)
{
    for (uint32_t i = 0; i < k->contacts_cap; i++) {
        struct contact *t = &k->contact[i];
        if (id_none(t->id))
            continue;
        if (sign > 0) {
            t->queue_key = t->agent_key = 0; /* indexes are others now */
            t->queue = INDEX_NONE;
            t->agent = NIL;
            contact_derive(k, t);
        }
        contact_put(k, t, sign);
    }
}

void core_reconfigure(struct core *k, const char *text, size_t len)
{
    struct buf errors = {0};
    struct config *c = config_load(text, len, "configuration fact", &errors);
    buf_free(&errors);
    if (!c || !sites_agree(k->c, c)) {
        config_free(c);
        core_note(k, NOTE_CONFIG, SITE_NONE, 0, "a new configuration does not fit and is ignored");
        return;
    }
    contacts_put_all(k, -1);
    struct carried *old = mem_new(1, sizeof *old);
    old->c = k->c;
    old->queue = mem_new(k->c->n_queues, sizeof *old->queue);
    memcpy(old->queue, k->queue, k->c->n_queues * sizeof *old->queue);
    old->agent = mem_new(k->c->n_agents, sizeof *old->agent);
    memcpy(old->agent, k->agent, k->c->n_agents * sizeof *old->agent);
    memcpy(old->shares, k->shares, sizeof old->shares);
    index_free(k);
    k->c = c;
    decisions_resize(k);
    index_build(k);
    carry_queues(k, old);
    carry_shares(k, old);
    carry_agents(k, old);
    contacts_put_all(k, 1);
    mem_free(old->queue);
    mem_free(old->agent);
    mem_free(old);
    memset(k->returning, 0, RETURNING_SLOTS * sizeof *k->returning); /* it names agents by index */
    config_free(k->owned);
    k->owned = c;
    k->shares_dirty = true;
    core_note(k, NOTE_CONFIG, SITE_NONE, 0, "a new configuration is in force");
}
