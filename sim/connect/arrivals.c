/* arrivals.c - customers of the centre's workload: a Poisson process at its mean rate. They call
 * where there are people for what they want, but for a few who use the number of another country.
 */
#include "connect/center_i.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define ASTRAY 0.05 /* those few: who routes has them to send on */

struct arrivals {
    struct mirror *mirror;
    struct rng rng;
    double per_ms, weights, origin_weights;
    double at;                 /* of the next one; fractions of a millisecond add up */
    struct mirror **served_by; /* by demand: who takes it; NULL: not asked yet */
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

/* Is anybody at home in one of its regions who takes such contacts? */
static bool serves(const struct mirror *m, const struct cfg_demand *d)
{
    const struct config *c = m->center->options.config;
    for (uint32_t a = 0; a < c->n_agents; a++) {
        const struct cfg_profile *p = &c->profile[c->agent[a].profile];
        bool here = false, takes = false;
        for (uint8_t s = 0; s < m->n_sides; s++)
            here |= c->agent[a].site == m->side[s]->region->site;
        for (uint16_t q = 0; here && q < p->n_queues; q++)
            takes |= p->queues[q].queue == d->queue && p->queues[q].channel == d->channel;
        if (takes)
            return true;
    }
    return false;
}

/* This mirror before others; and where nobody takes such contacts, too. */
static struct mirror *served_by(struct mirror *here, const struct cfg_demand *d)
{
    struct center *c = here->center;
    struct mirror *by = serves(here, d) ? here : NULL;
    for (uint32_t m = 0; !by && m < center_n_mirrors(c); m++)
        if (serves(center_mirror(c, m), d))
            by = center_mirror(c, m);
    return by ? by : here;
}

/* Nobody sends strays on while the centre is warming up: they would only wait in vain. */
static struct mirror *called(struct arrivals *a, const struct cfg_demand *d)
{
    struct center *c = a->mirror->center;
    struct mirror **by = &a->served_by[d - c->options.config->workload.demands];
    bool astray = rng_chance(&a->rng, ASTRAY) && !c->warming;
    if (!*by) /* what people can do stays as it is configured */
        *by = served_by(a->mirror, d);
    return astray ? a->mirror : *by;
}

/* ---- where they are ---- */

static const struct cfg_origin *draw_origin(struct arrivals *a)
{
    const struct cfg_workload *w = &a->mirror->center->options.config->workload;
    double at = rng_unit(&a->rng) * a->origin_weights;
    uint16_t i = 0;
    while (i + 1 < w->n_origins && at >= w->origins[i].weight)
        at -= w->origins[i++].weight;
    return &w->origins[i];
}

static bool is_near(const struct mirror *m, const struct cfg_origin *o)
{
    const struct config *c = m->center->options.config;
    uint8_t nearest = 0;
    double least = INFINITY;
    for (uint8_t s = 0; s < c->n_sites; s++) {
        /* Degrees as on a flat map, which tells continents apart. */
        double north = o->lat - c->site[s].lat, east = o->lon - c->site[s].lon;
        double far = hypot(north, east * cos(o->lat * M_PI / 180));
        if (far < least)
            nearest = s;
        least = MIN(least, far);
    }
    for (uint8_t s = 0; s < m->n_sides; s++)
        if (m->side[s]->region->site == nearest)
            return true;
    return false;
}

/* Calling codes of ITU-T E.164 (those of +1 have area codes). */
static const struct {
    char country[3], code[4];
} calling_codes[] = {{"AT", "43"},  {"AU", "61"}, {"BE", "32"},  {"BR", "55"}, {"CH", "41"},
                     {"CZ", "420"}, {"DE", "49"}, {"DK", "45"},  {"ES", "34"}, {"FI", "358"},
                     {"FR", "33"},  {"GB", "44"}, {"IE", "353"}, {"IN", "91"}, {"IT", "39"},
                     {"JP", "81"},  {"MX", "52"}, {"NL", "31"},  {"NO", "47"}, {"PL", "48"},
                     {"PT", "351"}, {"SE", "46"}};

/* Of one of the workload's origins near this mirror's regions, if there is one; a number that
 * nobody has, by the fictitious 555 of films. */
static void draw_number(struct arrivals *a, const struct mirror *m, char out[20])
{
    enum { TRIES = 64 };
    const struct cfg_workload *w = &m->center->options.config->workload;
    const struct cfg_origin *o = NULL;
    unsigned last = (unsigned)rng_below(&a->rng, 10000);
    for (int i = 0; i < TRIES && w->n_origins && (!o || !is_near(m, o)); i++)
        o = draw_origin(a);
    snprintf(out, 20, "+1%03u555%04u", o && o->npa ? (unsigned)o->npa : 212u, last);
    for (size_t i = 0; o && !o->npa && i < COUNTOF(calling_codes); i++)
        if (strcmp(calling_codes[i].country, o->country) == 0)
            snprintf(out, 20, "+%s5550%04u", calling_codes[i].code, last);
}

static void arrive(struct arrivals *a)
{
    const struct cfg_demand *d = draw_demand(a);
    struct mirror *m = called(a, d);
    struct queue *q = (struct queue *)m->list[RES_QUEUE].item[d->queue];
    char from[20];
    if (d->channel == CHANNEL_VOICE && q->number) {
        draw_number(a, m, from);
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
    a->served_by = mem_new(w->n_demands, sizeof(struct mirror *));
    a->rng = rng_seed(c->options.seed, m->id.hi);
    for (uint16_t d = 0; d < w->n_demands; d++)
        a->weights += w->demands[d].weight;
    for (uint16_t i = 0; i < w->n_origins; i++)
        a->origin_weights += w->origins[i].weight;
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
    if (a)
        mem_free(a->served_by);
    mem_free(a);
}
