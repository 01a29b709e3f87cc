/* layout.c - what follows from the configuration: lines, the rows of profiles by priority, and for
 * each line the profiles that serve it; and the change from one configuration to another. */
#include "engine/internal.h"

#include <stdlib.h>
#include <string.h>

static bool usable(const struct config *c, const struct cfg_profile *p,
                   const struct cfg_profile_queue *r)
{
    return r->queue < c->n_queues && r->channel < CHANNELS && p->concurrency[r->channel] > 0;
}

/* Rows of a profile, by priority; of equal ones the configuration's order. */
static void build_profile(struct engine *e, uint16_t profile, struct profile_row *rows)
{
    const struct cfg_profile *cp = &e->c->profile[profile];
    struct profile *p = &e->profile[profile];
    p->row = rows;
    memcpy(p->concurrency, cp->concurrency, sizeof p->concurrency);
    for (int ch = 0; ch < CHANNELS; ch++)
        p->idle[ch] = (struct idle_list){.head = NIL, .tail = NIL};
    for (uint16_t i = 0; i < cp->n_queues; i++) {
        const struct cfg_profile_queue *r = &cp->queues[i];
        if (!usable(e->c, cp, r))
            continue;
        uint16_t at = p->rows++;
        for (; at > 0 && rows[at - 1].priority > r->priority; at--)
            rows[at] = rows[at - 1];
        rows[at] = (struct profile_row){
            .line = (uint32_t)r->queue * CHANNELS + r->channel,
            .delay_ms = MAX(0, r->delay_ms),
            .channel = r->channel,
            .priority = r->priority,
        };
        e->line[rows[at].line].rows++;
    }
}

static void add_delay(struct line *l, int32_t delay_ms)
{
    uint16_t at = 0;
    while (at < l->delays && l->delay_ms[at] < delay_ms)
        at++;
    if (delay_ms == 0 || (at < l->delays && l->delay_ms[at] == delay_ms))
        return;
    memmove(&l->delay_ms[at + 1], &l->delay_ms[at], (size_t)(l->delays - at) * sizeof *l->delay_ms);
    l->delay_ms[at] = delay_ms;
    l->delays++;
}

/* Hands each line its part of the two arrays; build_profile has counted the rows. */
static void build_lines(struct engine *e, uint32_t lines)
{
    uint32_t at = 0;
    for (uint32_t i = 0; i < lines; i++) {
        struct line *l = &e->line[i];
        l->row = e->line_rows + at;
        l->delay_ms = e->line_delays + at;
        at += l->rows;
        l->rows = 0;
    }
    for (uint16_t p = 0; p < e->c->n_profiles; p++) {
        const struct profile *pr = &e->profile[p];
        for (uint16_t i = 0; i < pr->rows; i++) {
            struct line *l = &e->line[pr->row[i].line];
            l->row[l->rows++] = (struct line_row){p, pr->row[i].delay_ms};
            add_delay(l, pr->row[i].delay_ms);
        }
    }
    const struct cfg_workload *w = &e->c->workload;
    for (uint16_t i = w->n_demands; i-- > 0;) {
        const struct cfg_demand *d = &w->demands[i];
        if (d->queue < e->c->n_queues && d->channel < CHANNELS)
            e->line[(uint32_t)d->queue * CHANNELS + d->channel].demand = d; /* the first counts */
    }
}

void engine__layout_build(struct engine *e)
{
    const struct config *c = e->c;
    uint32_t lines = (uint32_t)c->n_queues * CHANNELS, rows = 0;
    for (uint16_t p = 0; p < c->n_profiles; p++)
        rows += c->profile[p].n_queues;
    e->line = mem_new(lines, sizeof *e->line);
    e->profile = mem_new(c->n_profiles, sizeof *e->profile);
    e->profile_rows = mem_new(rows, sizeof *e->profile_rows);
    e->line_rows = mem_new(rows, sizeof *e->line_rows);
    e->line_delays = mem_new(rows, sizeof *e->line_delays);
    rows = 0;
    for (uint16_t p = 0; p < c->n_profiles; p++) {
        build_profile(e, p, e->profile_rows + rows);
        rows += c->profile[p].n_queues;
    }
    build_lines(e, lines);
}

void engine__layout_free(struct engine *e)
{
    for (uint32_t i = 0; i < (uint32_t)e->c->n_queues * CHANNELS; i++) {
        for (uint32_t level = 0; e->line[i].level && level < PRIORITY_WORST; level++)
            iheap_free(&e->line[i].level[level]);
        mem_free(e->line[i].level);
    }
    mem_free(e->line);
    mem_free(e->profile);
    mem_free(e->profile_rows);
    mem_free(e->line_rows);
    mem_free(e->line_delays);
}

/* ---- from one configuration to another ---- */

struct change {
    uint16_t *queue; /* new index by old one; INDEX_NONE: gone */
    uint32_t *agent; /* likewise; NIL */
};

static struct change compare(const struct config *old, const struct config *new)
{
    struct change ch = {
        .queue = mem_new(old->n_queues, sizeof *ch.queue),
        .agent = mem_new(old->n_agents, sizeof *ch.agent),
    };
    struct map64 queues = {0}, agents = {0};
    for (uint32_t i = 0; i < new->n_queues; i++)
        map64_insert(&queues, new->queue[i].key, i);
    for (uint32_t i = 0; i < new->n_agents; i++)
        map64_insert(&agents, new->agent[i].key, i);
    uint32_t at;
    for (uint32_t i = 0; i < old->n_queues; i++)
        ch.queue[i] = map64_find(&queues, old->queue[i].key, &at) ? (uint16_t)at : INDEX_NONE;
    for (uint32_t i = 0; i < old->n_agents; i++)
        ch.agent[i] = map64_find(&agents, old->agent[i].key, &at) ? at : NIL;
    map64_free(&queues);
    map64_free(&agents);
    return ch;
}

static void rename_queue(const struct change *ch, uint16_t *queue)
{
    if (*queue != INDEX_NONE)
        *queue = ch->queue[*queue];
}

static void rename_all(struct engine *e, const struct change *ch, const struct config *new)
{
    for (uint32_t i = 0; i < e->out_count; i++) {
        struct engine_event *v = &e->out[(e->out_first + i) & (e->out_cap - 1)];
        rename_queue(ch, &v->queue);
        if (v->agent != NIL)
            v->agent = ch->agent[v->agent];
    }
    for (uint32_t i = 0; i < e->contacts_cap; i++) {
        struct engine_contact *k = &e->contact[i].k;
        e->wait_pos[i] = IHEAP_NONE; /* the lines are made anew */
        if (e->contact[i].phase == PHASE_NONE || e->contact[i].phase == PHASE_LEFT)
            continue;
        rename_queue(ch, &k->queue);
        rename_queue(ch, &k->transfer_queue);
    }
    for (uint32_t i = 0; i < e->agents_cap; i++) {
        struct agent *a = &e->agent[i];
        if (!a->here)
            continue;
        a->index = a->index == NIL ? NIL : ch->agent[a->index];
        memset(a->free, 0, sizeof a->free); /* and so are the idle lists */
        a->leaving |= a->index == NIL;
        a->profile = a->index == NIL ? INDEX_NONE : new->agent[a->index].profile;
        if (a->profile >= new->n_profiles)
            a->profile = INDEX_NONE;
    }
    double *weight = mem_new(new->n_queues, sizeof *weight);
    for (uint16_t q = 0; q < new->n_queues; q++)
        weight[q] = 1;
    for (uint16_t q = 0; q < e->c->n_queues; q++)
        if (ch->queue[q] != INDEX_NONE)
            weight[ch->queue[q]] = e->weight[q];
    mem_free(e->weight);
    e->weight = weight;
}

/* Slots of the agents signed in, the longest idle first. */
struct ranked {
    uint64_t idle_order;
    uint32_t slot;
};

static int by_idle_order(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    return x->idle_order < y->idle_order ? -1 : x->idle_order > y->idle_order;
}

static struct ranked *rank_agents(const struct engine *e, uint32_t *count)
{
    struct ranked *r = mem_new(e->agents_cap, sizeof *r);
    uint32_t n = 0;
    for (uint32_t i = 0; i < e->agents_cap; i++)
        if (e->agent[i].here)
            r[n++] = (struct ranked){e->agent[i].idle_order, i};
    qsort(r, n, sizeof *r, by_idle_order);
    *count = n;
    return r;
}

static void take_up_contacts(struct engine *e)
{
    for (uint32_t i = 0; i < e->contacts_cap; i++) {
        if (e->contact[i].phase != PHASE_WAITING)
            continue;
        if (e->contact[i].k.queue == INDEX_NONE) {
            engine__contact_end(e, i, END_CLOSED);
            continue;
        }
        engine__line_add(e, i);
        engine__contact_schedule(e, i); /* delays may have changed */
    }
}

static void take_up_agents(struct engine *e)
{
    uint32_t n;
    struct ranked *r = rank_agents(e, &n);
    for (uint32_t i = 0; i < n; i++) {
        struct agent *a = &e->agent[r[i].slot];
        if (a->index != NIL)
            e->agent_slot[a->index] = r[i].slot;
        engine__agent_list(e, r[i].slot);
        bool breaks = e->c->people.break_every_min > 0;
        if (breaks != (a->break_at != NEVER))
            engine__agent_plan_break(e, a);
        engine__agent_schedule(e, r[i].slot);
    }
    for (uint32_t i = 0; i < n; i++) {
        engine__agent_announce(e, r[i].slot);
        engine__serve_agent(e, r[i].slot);
        engine__agent_announce(e, r[i].slot);
        if (e->agent[r[i].slot].index == NIL && e->agent[r[i].slot].contacts == 0)
            engine__agent_changed(e, r[i].slot); /* signs out */
    }
    mem_free(r);
}

void engine_reconfigure(struct engine *e, const struct config *c)
{
    struct change ch = compare(e->c, c);
    rename_all(e, &ch, c);
    engine__layout_free(e);
    mem_free(e->agent_slot);
    e->agent_slot = mem_new(c->n_agents, sizeof *e->agent_slot);
    for (uint32_t i = 0; i < c->n_agents; i++)
        e->agent_slot[i] = NIL;
    e->c = c;
    for (uint8_t s = 0; s < c->n_sites; s++)
        if (c->site[s].key == e->site)
            e->contacts_max = c->site[s].contacts_max;
    engine__layout_build(e);
    take_up_contacts(e);
    take_up_agents(e);
    mem_free(ch.queue);
    mem_free(ch.agent);
}
