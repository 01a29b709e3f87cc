/* draw.c - random figures. Each figure of each leg of each contact has a stream of its own, seeded
 * by the engine's seed and the contact's id: what is drawn for one never depends on the order in
 * which things happen, nor on which of the other figures were given. */
#include "engine/internal.h"

enum draw { DRAW_HANDLE, DRAW_WRAPUP, DRAW_PATIENCE, DRAW_HOLD, DRAW_TRANSFER, DRAW_MISS, DRAWS };

static struct rng stream(const struct engine *e, const struct contact *c, enum draw what,
                         uint32_t number)
{
    struct rng own = rng_seed(e->seed, mix64(c->k.id.hi ^ mix64(c->k.id.lo)));
    return rng_seed(own.state, (uint64_t)number * DRAWS + what);
}

int64_t engine__ms(double seconds)
{
    if (!(seconds > 0))
        return 0;
    return seconds * MS_PER_S < (double)SPAN_MAX ? (int64_t)(seconds * MS_PER_S + 0.5) : SPAN_MAX;
}

static int64_t draw_exp_ms(struct rng rng, double mean_s)
{
    return engine__ms(rng_exp(&rng, mean_s));
}

static int64_t draw_handle_ms(struct rng rng, const struct cfg_demand *d)
{
    double s = d->handle_mean_s;
    return engine__ms(d->handle_cv2 > 0 ? rng_lognormal(&rng, s, d->handle_cv2) : s);
}

static void draw_hold(struct engine_contact *k, struct rng rng, const struct cfg_demand *d)
{
    k->hold_at_ms = k->hold_ms = 0;
    if (!rng_chance(&rng, d->hold_chance))
        return;
    k->hold_ms = MIN(engine__ms(rng_exp(&rng, d->hold_mean_s)), k->handle_ms);
    k->hold_at_ms = (int64_t)(rng_unit(&rng) * (double)(k->handle_ms - k->hold_ms));
}

/* What the configuration says of this line, or else what it says of the queue. */
static struct cfg_demand demand_of(const struct engine *e, const struct contact *c)
{
    const struct line *l = line_of(e, c);
    if (l->demand)
        return *l->demand;
    const struct cfg_queue *q = &e->c->queue[c->k.queue];
    return (struct cfg_demand){
        .handle_mean_s = (double)q->handle_ms / MS_PER_S,
        .handle_cv2 = 1,
        .patience_mean_s = (double)q->patience_ms / MS_PER_S,
        .transfer_queue = INDEX_NONE,
    };
}

void engine__draw_figures(const struct engine *e, struct contact *c)
{
    struct engine_contact *k = &c->k;
    if (k->gives_up_at >= 0 && k->handle_ms >= 0 && k->wrapup_ms >= 0 && k->hold_ms >= 0)
        return;
    struct cfg_demand d = demand_of(e, c);
    if (k->gives_up_at < 0) {
        k->gives_up_at = NEVER;
        if (d.patience_mean_s > 0) { /* he waits for an instant at least */
            struct rng rng = stream(e, c, DRAW_PATIENCE, c->leg);
            k->gives_up_at = e->now + MAX(1, draw_exp_ms(rng, d.patience_mean_s));
        }
    }
    if (k->handle_ms < 0) {
        k->handle_ms = draw_handle_ms(stream(e, c, DRAW_HANDLE, c->leg), &d);
        struct rng rng = stream(e, c, DRAW_TRANSFER, c->leg);
        if (k->transfer_queue == INDEX_NONE && c->leg == 0 && rng_chance(&rng, d.transfer_chance) &&
            d.transfer_queue < e->c->n_queues)
            k->transfer_queue = d.transfer_queue;
    }
    if (k->wrapup_ms < 0)
        k->wrapup_ms = draw_exp_ms(stream(e, c, DRAW_WRAPUP, c->leg), d.wrapup_mean_s);
    if (k->hold_ms < 0)
        draw_hold(k, stream(e, c, DRAW_HOLD, c->leg), &d);
}

bool engine__draw_miss(const struct engine *e, const struct contact *c)
{
    struct rng rng = stream(e, c, DRAW_MISS, c->offers);
    return rng_chance(&rng, e->c->people.miss_chance);
}
