#include "trace/generate.h"

#include "base/mem.h"
#include "base/rng.h"

#include <string.h>

const double generator_hour_shape[24] = {0.14, 0.10, 0.08, 0.08, 0.10, 0.20, 0.48, 1.05,
                                         1.72, 2.08, 2.18, 2.08, 1.86, 1.82, 1.80, 1.72,
                                         1.60, 1.32, 1.02, 0.83, 0.68, 0.50, 0.34, 0.22};

enum { CUSTOMERS = 1 << 16 }; /* remembered, to call again */

struct generator {
    const struct config *c;
    struct rng rng;
    uint64_t seed, n;
    td_ms at, end;
    double rate_ms, peak; /* mean contacts a millisecond; the shape's greatest value */
    double near_sum, origin_sum, demand_sum;
    double fraction; /* of a millisecond, carried over */
    struct td_id *customer;
    uint32_t customers;
};

/* Mean rate: as given, or so that each agent is offered `load`. */
static double mean_rate_ms(const struct config *c)
{
    const struct cfg_workload *w = &c->workload;
    if (w->contacts_per_day > 0)
        return w->contacts_per_day / MS_PER_DAY;
    double weight = 0, work_s = 0;
    for (uint16_t i = 0; i < w->n_demands; i++) {
        weight += w->demands[i].weight;
        work_s +=
            w->demands[i].weight * (w->demands[i].handle_mean_s + w->demands[i].wrapup_mean_s);
    }
    return weight > 0 && work_s > 0 ? w->load * c->n_agents / (work_s / weight) / 1000 : 0;
}

struct generator *generator_new(const struct config *c, uint64_t seed, td_ms start)
{
    struct generator *g = mem_new(1, sizeof *g);
    g->c = c;
    g->seed = seed;
    g->rng = rng_seed(seed, 0x9e4e7a7e);
    g->at = start;
    g->end = start + c->workload.duration_ms;
    g->rate_ms = mean_rate_ms(c);
    g->peak = 1;
    for (int h = 0; h < 24 && !c->workload.flat; h++)
        g->peak = MAX(g->peak, generator_hour_shape[h]);
    for (uint8_t s = 0; s < c->n_sites; s++)
        g->near_sum += c->workload.near_site_share[s];
    for (uint16_t i = 0; i < c->workload.n_origins; i++)
        g->origin_sum += c->workload.origins[i].weight;
    for (uint16_t i = 0; i < c->workload.n_demands; i++)
        g->demand_sum += c->workload.demands[i].weight;
    g->customer = mem_new(CUSTOMERS, sizeof *g->customer);
    return g;
}

void generator_free(struct generator *g)
{
    if (!g)
        return;
    mem_free(g->customer);
    mem_free(g);
}

static void draw_place(struct generator *g, struct place *p)
{
    const struct cfg_workload *w = &g->c->workload;
    if (!w->n_origins) {
        double x = rng_unit(&g->rng) * g->near_sum;
        uint8_t s = 0;
        while (s + 1 < g->c->n_sites && x >= w->near_site_share[s])
            x -= w->near_site_share[s++];
        if (!place_from_coords(g->c->site[s].lat, g->c->site[s].lon, p))
            *p = (struct place){.index = -1};
        return;
    }
    double x = rng_unit(&g->rng) * g->origin_sum;
    uint16_t i = 0;
    while (i + 1 < w->n_origins && x >= w->origins[i].weight)
        x -= w->origins[i++].weight;
    const struct cfg_origin *o = &w->origins[i];
    if (!(o->npa && place_from_npa((int)o->npa, p) && p->how != PLACE_NONE) &&
        !place_from_coords(o->lat, o->lon, p))
        *p = (struct place){.index = -1};
}

static double shape_at(td_ms at, double lon)
{
    int64_t ms = (at + (int64_t)(lon / 15 * 3600000)) % MS_PER_DAY;
    double hour = (double)(ms < 0 ? ms + MS_PER_DAY : ms) / 3600000;
    int h = (int)hour % 24;
    double next = generator_hour_shape[(h + 1) % 24], f = hour - (int)hour;
    return generator_hour_shape[h] * (1 - f) + next * f;
}

static uint8_t nearest(const struct config *c, const struct place *p)
{
    uint8_t best = 0;
    double best_km = 1e9;
    for (uint8_t s = 0; s < c->n_sites; s++) {
        double km = place_haversine_km(p->lat, p->lon, c->site[s].lat, c->site[s].lon);
        if (km < best_km) {
            best = s;
            best_km = km;
        }
    }
    return best;
}

/* A queue that must stay in other places than the caller's is another country's: not called. */
static const struct cfg_demand *draw_demand(struct generator *g, const struct place *p)
{
    const struct cfg_workload *w = &g->c->workload;
    uint8_t residency = g->c->site[nearest(g->c, p)].residency;
    const struct cfg_demand *d = NULL;
    for (int tries = 0; tries < 16; tries++) {
        double x = rng_unit(&g->rng) * g->demand_sum;
        uint16_t i = 0;
        while (i + 1 < w->n_demands && x >= w->demands[i].weight)
            x -= w->demands[i++].weight;
        d = &w->demands[i];
        if (g->c->queue[d->queue].residency_mask >> residency & 1)
            break;
    }
    return d;
}

static struct td_id draw_customer(struct generator *g)
{
    if (g->customers && rng_chance(&g->rng, g->c->workload.returning_chance))
        return g->customer[rng_below(&g->rng, MIN(g->customers, (uint32_t)CUSTOMERS))];
    struct td_id id = {mix64(g->seed ^ 0xc0573e5), rng_u64(&g->rng)};
    g->customer[g->customers++ % CUSTOMERS] = id;
    return id;
}

bool generator_next(struct generator *g, struct arrival *out)
{
    if (g->rate_ms <= 0 || g->demand_sum <= 0)
        return false;
    for (;;) { /* thinning: Lewis and Shedler 1979 */
        g->fraction += rng_exp(&g->rng, 1 / (g->rate_ms * g->peak));
        td_ms whole = (td_ms)g->fraction;
        g->fraction -= (double)whole;
        g->at += whole;
        if (g->at >= g->end)
            return false;
        *out = (struct arrival){.at = g->at, .handle_ms = -1, .wrapup_ms = -1, .patience_ms = -1};
        draw_place(g, &out->place);
        if (g->c->workload.flat || rng_unit(&g->rng) * g->peak < shape_at(g->at, out->place.lon))
            break;
    }
    const struct cfg_demand *d = draw_demand(g, &out->place);
    out->queue = d->queue;
    out->channel = d->channel;
    out->row = ++g->n;
    out->contact = (struct td_id){mix64(g->seed ^ mix64(g->n)), mix64(g->n ^ mix64(g->seed + 1))};
    /* A UUID of version 8 (RFC 9562, 5.8), so that it prints as one. */
    out->contact.hi = (out->contact.hi & ~(uint64_t)0xf000) | 0x8000;
    out->contact.lo = (out->contact.lo & ~((uint64_t)3 << 62)) | (uint64_t)2 << 62;
    out->customer = draw_customer(g);
    return true;
}
