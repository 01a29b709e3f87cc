/* index.c - what is derived from a configuration: who serves which line, which lines share agents.
 *
 * A line is a (queue, channel). Lines that some profile serves both of are in one pool: their
 * waiting contacts compete for the same agents, so expected wait counts them together. */
#include "core/model.h"

#include <string.h>

static uint16_t pool_root(const uint16_t *up, uint16_t i)
{
    while (up[i] != i)
        i = up[i];
    return i;
}

static void index_pools(struct core *k)
{
    const struct config *c = k->c;
    uint32_t lines = LINES(c);
    uint16_t *up = mem_new(lines, sizeof *up);
    for (uint32_t i = 0; i < lines; i++)
        up[i] = (uint16_t)i;
    for (uint16_t p = 0; p < c->n_profiles; p++) {
        const struct cfg_profile *f = &c->profile[p];
        for (uint16_t r = 0; r < f->n_queues; r++) {
            uint32_t line = LINE(f->queues[r].queue, f->queues[r].channel);
            uint32_t first = LINE(f->queues[0].queue, f->queues[0].channel);
            up[pool_root(up, (uint16_t)line)] = pool_root(up, (uint16_t)first);
            k->line_profiles[line].profile = mem_grow(
                k->line_profiles[line].profile, k->line_profiles[line].n + 1u, sizeof(uint16_t));
            k->line_profiles[line].profile[k->line_profiles[line].n++] = p;
        }
    }
    uint16_t *number = mem_new(lines, sizeof *number);
    memset(number, 0xff, lines * sizeof *number);
    for (uint32_t i = 0; i < lines; i++) {
        k->line_pool[i] = INDEX_NONE;
        if (!k->line_profiles[i].n)
            continue;
        uint16_t root = pool_root(up, (uint16_t)i);
        if (number[root] == INDEX_NONE)
            number[root] = k->n_pools++;
        k->line_pool[i] = number[root];
    }
    mem_free(number);
    mem_free(up);
}

static void index_site(struct core *k, uint8_t site)
{
    const struct config *c = k->c;
    struct site_state *s = &k->site[site];
    uint32_t lines = LINES(c);
    s->waiting = mem_new(lines, sizeof *s->waiting);
    s->inflight = mem_new(lines, sizeof *s->inflight);
    for (uint32_t i = 0; i < lines; i++)
        s->waiting[i] = s->inflight[i] = (struct contact_list){NIL, NIL, 0};
    s->busy = mem_new(lines, sizeof *s->busy);
    s->sent = mem_new(lines, sizeof *s->sent);
    s->staffed = mem_new(c->n_profiles, sizeof *s->staffed);
    s->idle = mem_new((size_t)c->n_profiles * CHANNELS, sizeof *s->idle);
    s->pool_waiting = mem_new(k->n_pools, sizeof *s->pool_waiting);
    k->site_vec[site] = place_vec_of(c->site[site].lat, c->site[site].lon);
}

void index_build(struct core *k)
{
    const struct config *c = k->c;
    uint32_t lines = LINES(c);
    k->n_pools = 0;
    k->sticky = false;
    k->line_pool = mem_new(lines, sizeof *k->line_pool);
    k->line_profiles = mem_new(lines, sizeof *k->line_profiles);
    index_pools(k);
    for (uint8_t s = 0; s < c->n_sites; s++)
        index_site(k, s);
    k->queue = mem_new(c->n_queues, sizeof *k->queue);
    for (uint16_t q = 0; q < c->n_queues; q++) {
        k->sticky |= c->queue[q].sticky_agent || c->queue[q].sticky_site;
        map64_insert(&k->queue_by_key, c->queue[q].key, q);
        k->queue[q].weight = 0; /* the first tick tells the instance */
    }
    k->agent = mem_new(c->n_agents, sizeof *k->agent);
    for (uint32_t i = 0; i < c->n_agents; i++) {
        k->agent[i] = (struct agent){.index = i, .site = SITE_NONE, .profile = c->agent[i].profile};
        memcpy(k->agent[i].concurrency, c->profile[c->agent[i].profile].concurrency, CHANNELS);
        map64_insert(&k->agent_by_key, c->agent[i].key, i);
    }
}

void index_free(struct core *k)
{
    uint32_t lines = LINES(k->c);
    for (uint8_t i = 0; i < k->c->n_sites; i++) {
        struct site_state *s = &k->site[i];
        void *all[] = {s->waiting, s->inflight, s->busy,        s->sent,
                       s->staffed, s->idle,     s->pool_waiting};
        for (size_t j = 0; j < COUNTOF(all); j++)
            mem_free(all[j]);
    }
    for (uint32_t i = 0; i < lines; i++)
        mem_free(k->line_profiles[i].profile);
    mem_free(k->line_profiles);
    mem_free(k->line_pool);
    mem_free(k->queue);
    mem_free(k->agent);
    map64_free(&k->queue_by_key);
    map64_free(&k->agent_by_key);
}

/* Agents at `site` that could take one more contact of this line now. */
uint32_t idle_for(const struct core *k, uint8_t site, uint32_t line)
{
    uint32_t sum = 0, ch = line % CHANNELS;
    for (uint16_t i = 0; i < k->line_profiles[line].n; i++)
        sum += k->site[site].idle[k->line_profiles[line].profile[i] * CHANNELS + ch];
    return sum;
}

uint32_t staffed_for(const struct core *k, uint8_t site, uint32_t line)
{
    uint32_t sum = 0;
    for (uint16_t i = 0; i < k->line_profiles[line].n; i++)
        sum += k->site[site].staffed[k->line_profiles[line].profile[i]];
    return sum;
}
