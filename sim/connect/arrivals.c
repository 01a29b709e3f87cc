/* arrivals.c - customers of the centre's workload: a Poisson process at its mean rate. */
#include "connect/center_i.h"

#include <stdio.h>

struct arrivals {
    struct mirror *mirror;
    struct rng rng;
    double per_ms, weights;
    double at; /* of the next one; fractions of a millisecond add up */
};

/* Contacts a millisecond in this mirror: as given, or so that each agent is offered `load`; in
 * proportion to the agents whose home it is. */
static double rate(const struct mirror *m)
{
    const struct config *c = m->center->options.config;
    const struct cfg_workload *w = &c->workload;
    double weight = 0, work_s = 0, here = 0;
    for (uint16_t d = 0; d < w->n_demands; d++) {
        weight += w->demands[d].weight;
        work_s +=
            w->demands[d].weight * (w->demands[d].handle_mean_s + w->demands[d].wrapup_mean_s);
    }
    for (uint32_t a = 0; a < c->n_agents; a++)
        for (uint8_t s = 0; s < m->n_sides; s++)
            here += c->agent[a].site == m->side[s]->region->site;
    if (weight <= 0 || work_s <= 0 || !c->n_agents)
        return 0;
    double all = w->contacts_per_day > 0 ? w->contacts_per_day / MS_PER_DAY
                                         : w->load * c->n_agents / (work_s / weight) / MS_PER_S;
    return all * here / c->n_agents;
}

static const struct cfg_demand *draw_demand(struct arrivals *a)
{
    const struct cfg_workload *w = &a->mirror->center->options.config->workload;
    double at = rng_unit(&a->rng) * a->weights;
    for (uint16_t d = 0; d + 1 < w->n_demands; d++) {
        if (at < w->demands[d].weight)
            return &w->demands[d];
        at -= w->demands[d].weight;
    }
    return &w->demands[w->n_demands - 1];
}

static void arrive(struct arrivals *a)
{
    const struct cfg_demand *d = draw_demand(a);
    struct mirror *m = a->mirror;
    struct queue *q = (struct queue *)m->list[RES_QUEUE].item[d->queue];
    char from[16];
    if (d->channel == CHANNEL_VOICE && q->number) {
        snprintf(from, sizeof from, "+1212555%04u", (unsigned)rng_below(&a->rng, 10000));
        number_call(q->number, from, NULL, d->channel);
        return;
    }
    /* Chats and tasks have no numbers and no groups: a page or a program picks the region. */
    struct instance *i = m->side[m->n_sides == 2 && rng_chance(&a->rng, 0.5)];
    contact_begin(
        i, &(struct contact_start){.channel = d->channel, .method = METHOD_API, .flow = q->entry});
}

static void next(void *arg)
{
    struct arrivals *a = arg;
    struct center *c = a->mirror->center;
    arrive(a);
    a->at += rng_exp(&a->rng, 1 / a->per_ms);
    center_at(c, (td_ms)a->at, next, a);
}

struct arrivals *arrivals_new(struct mirror *m)
{
    struct arrivals *a = mem_new(1, sizeof *a);
    struct center *c = m->center;
    const struct cfg_workload *w = &c->options.config->workload;
    a->mirror = m;
    a->rng = rng_seed(c->options.seed, m->id.hi);
    for (uint16_t d = 0; d < w->n_demands; d++)
        a->weights += w->demands[d].weight;
    a->per_ms = rate(m);
    a->at = (double)c->now;
    if (a->per_ms > 0) {
        a->at += rng_exp(&a->rng, 1 / a->per_ms);
        center_at(c, (td_ms)a->at, next, a);
    }
    return a;
}

void arrivals_free(struct arrivals *a)
{
    mem_free(a);
}
