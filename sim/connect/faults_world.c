/* faults_world.c - what faults do to instances, feeds and flows, and how it is undone. */
#include "connect/faults_i.h"

static bool meant(const struct fault *x, const struct region *g)
{
    return !x->region || x->region == g;
}

/* ---- agents and contacts ---- */

static void lose_agents(struct faults *f, struct fault *x, double rate)
{
    for (uint32_t m = 0; m < center_n_mirrors(f->o.center); m++) {
        struct mirror *mirror = center_mirror(f->o.center, m);
        const struct res_list *l = &mirror->list[RES_USER];
        for (uint32_t n = 0; n < l->n; n++) {
            struct user *u = (struct user *)l->item[n];
            const struct instance *i = mirror->side[u->side < mirror->n_sides ? u->side : 0];
            if (!u->logged_in || !meant(x, i->region) || !rng_chance(&f->rng, rate))
                continue;
            x->lost = mem_grow(x->lost, x->n_lost + 1, sizeof *x->lost);
            x->lost[x->n_lost++] = u->r.id;
            if (x->desktops_stay)
                user_cut_off(u);
            else
                user_log_out(u, true);
        }
    }
}

static bool was_lost(const struct fault *x, struct td_id id)
{
    for (uint32_t i = 0; i < x->n_lost; i++)
        if (id_eq(x->lost[i], id))
            return true;
    return false;
}

static void return_agents(struct faults *f, struct fault *x)
{
    for (uint32_t m = 0; m < center_n_mirrors(f->o.center) && x->n_lost; m++) {
        const struct res_list *l = &center_mirror(f->o.center, m)->list[RES_USER];
        for (uint32_t n = 0; n < l->n; n++) {
            struct user *u = (struct user *)l->item[n];
            if (!was_lost(x, u->r.id))
                continue;
            if (u->logged_in)
                user_reach(u);
            else if (!x->desktops_stay) /* else he has left by himself meanwhile */
                user_log_in(u);
        }
    }
    mem_free(x->lost);
    x->lost = NULL;
    x->n_lost = 0;
}

static void drop_contacts(struct faults *f, const struct region *g)
{
    for (uint32_t i = 0; i < g->n_instances; i++) {
        struct contact *k, *next;
        for (k = TAILQ_FIRST(&g->instance[i]->live); k; k = next) {
            next = TAILQ_NEXT(k, of_instance);
            contact_end(k, "TELECOM_PROBLEM");
        }
    }
}

/* ---- feeds ---- */

static void silence(struct faults *f, const struct fault *x, bool on)
{
    if (x->mode == MODE_SLOW)
        return;
    for (int s = 0; s < FEEDS; s++)
        feed_stall(f->o.feed, x->region, (enum feed_kind)s, on);
    if (f->o.webhook)
        webhook_lose(f->o.webhook, x->region, on ? 1 : 0);
}

static void set_skew(struct faults *f, const struct fault *x, int64_t ms)
{
    for (uint32_t r = 0; r < center_n_regions(f->o.center); r++)
        if (meant(x, center_region(f->o.center, r)))
            center_region(f->o.center, r)->skew_ms = ms;
    feed_skew(f->o.feed, x->region, ms);
    if (f->o.webhook)
        webhook_skew(f->o.webhook, x->region, ms);
}

/* ---- both ends ---- */

static void turn(struct faults *f, struct fault *x, bool on)
{
    switch (x->kind) {
    case FAULT_REGION_DOWN:
        silence(f, x, on);
        x->region->down = on && x->drop_contacts;
        break;
    case FAULT_STREAM_STALL:
        for (int s = 0; s < FEEDS; s++)
            if (x->streams[s])
                feed_stall(f->o.feed, x->region, (enum feed_kind)s, on);
        break;
    case FAULT_STREAM_DUPLICATES:
        for (int s = 0; s < FEEDS; s++)
            if (x->streams[s])
                feed_duplicates(f->o.feed, x->region, (enum feed_kind)s, on ? x->rate : 0);
        break;
    case FAULT_EVENTS_LOST:
        if (f->o.webhook)
            webhook_lose(f->o.webhook, x->region, on ? x->rate : 0);
        break;
    case FAULT_FLOWS_BROKEN: flows_break(f->o.flows, x->region, on); break;
    case FAULT_CLOCK_SKEW: set_skew(f, x, on ? x->skew_ms : 0); break;
    case FAULT_AGENTS_LOST: /* below */
    case FAULT_API_ERRORS:  /* these are looked at with each call */
    case FAULT_API_SLOW:
    case FAULT_THROTTLE_STORM:
    case FAULT_KINDS: break;
    }
}

void fault_begin(struct faults *f, struct fault *x)
{
    turn(f, x, true);
    if (x->kind == FAULT_REGION_DOWN && x->drop_contacts) {
        drop_contacts(f, x->region);
        lose_agents(f, x, 1);
    } else if (x->kind == FAULT_AGENTS_LOST) {
        lose_agents(f, x, x->rate);
    }
}

void fault_end(struct faults *f, struct fault *x)
{
    turn(f, x, false);
    return_agents(f, x);
}
