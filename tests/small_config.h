/* small_config.h - configurations made by hand, for tests of what stands on struct config: one
 * site, always-open queues, no breaks, no misses, no draws unless a demand is added. */
#pragma once

#include <stdio.h>

#include "base/mem.h"
#include "base/rng.h"
#include "core/config.h"

static inline struct config *small_config(void)
{
    struct config *c = mem_new(1, sizeof *c);
    c->n_sites = 1;
    str_copy(c->site[0].name, NAME_MAX_LEN, "here");
    c->site[0].key = hash_str("here");
    c->site[0].contacts_max = 1000000;
    return c;
}

static inline void small_config_free(struct config *c)
{
    mem_free(c->queue);
    mem_free(c->profile);
    mem_free(c->agent);
    mem_free(c->workload.demands);
    mem_free(c);
}

static inline uint16_t small_queue(struct config *c, const char *name)
{
    c->queue = mem_grow(c->queue, c->n_queues + 1u, sizeof *c->queue);
    c->queue[c->n_queues] = (struct cfg_queue){
        .key = hash_str(name), .hours = INDEX_NONE, .residency_mask = 0xffff, .handle_ms = 60000};
    str_copy(c->queue[c->n_queues].name, NAME_MAX_LEN, name);
    return c->n_queues++;
}

static inline uint16_t small_profile(struct config *c, uint8_t voice, uint8_t chat, uint8_t task)
{
    c->profile = mem_grow(c->profile, c->n_profiles + 1u, sizeof *c->profile);
    struct cfg_profile *p = &c->profile[c->n_profiles];
    *p = (struct cfg_profile){.concurrency = {voice, chat, task, 0}};
    snprintf(p->name, sizeof p->name, "profile-%u", c->n_profiles);
    p->key = hash_str(p->name);
    return c->n_profiles++;
}

static inline void small_row(struct config *c, uint16_t profile, uint16_t queue, uint8_t channel,
                             uint8_t priority, int32_t delay_ms)
{
    struct cfg_profile *p = &c->profile[profile];
    p->queues[p->n_queues++] = (struct cfg_profile_queue){queue, channel, priority, delay_ms};
}

/* Returns the index of the first of them. */
static inline uint32_t small_agents(struct config *c, uint16_t profile, uint32_t n)
{
    uint32_t first = c->n_agents;
    c->agent = mem_grow(c->agent, first + n, sizeof *c->agent);
    for (uint32_t i = first; i < first + n; i++) {
        struct cfg_agent *a = &c->agent[i];
        *a = (struct cfg_agent){.profile = profile};
        snprintf(a->name, sizeof a->name, "agent-%u", i);
        a->key = hash_str(a->name);
    }
    c->n_agents = first + n;
    return first;
}

/* Valid until the next demand is added; the caller fills in the rest. */
static inline struct cfg_demand *small_demand(struct config *c, uint16_t queue, uint8_t channel)
{
    struct cfg_workload *w = &c->workload;
    w->demands = mem_grow(w->demands, w->n_demands + 1u, sizeof *w->demands);
    struct cfg_demand *d = &w->demands[w->n_demands++];
    *d = (struct cfg_demand){
        .queue = queue, .channel = channel, .weight = 1, .transfer_queue = INDEX_NONE};
    return d;
}
