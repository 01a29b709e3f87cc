/* match.c - lines, and who takes what.
 *
 * Two questions, both answered from heads of ordered lists:
 *   which contact does this agent take?   the heads of the lines in his profile's rows
 *   which agent takes this contact?       the heads of the idle lists of the profiles that serve it
 * When a contact becomes takeable it is the agent who is found that chooses, so that a contact
 * never gets past a better one that became takeable in the same millisecond. */
#include "engine/internal.h"

/* ---- lines ---- */

void engine__line_add(struct engine *e, uint32_t slot)
{
    const struct contact *c = &e->contact[slot];
    struct line *l = line_of(e, c);
    if (!l->level)
        l->level = mem_new(PRIORITY_WORST, sizeof *l->level);
    uint32_t level = c->k.priority - 1u;
    iheap_set(&l->level[level], e->wait_pos, slot, age_key(c), c->place);
    l->levels |= (uint16_t)(1u << level);
    l->waiting++;
}

void engine__line_remove(struct engine *e, uint32_t slot)
{
    if (e->wait_pos[slot] == IHEAP_NONE)
        return;
    const struct contact *c = &e->contact[slot];
    struct line *l = line_of(e, c);
    uint32_t level = c->k.priority - 1u;
    iheap_remove(&l->level[level], e->wait_pos, slot);
    if (!l->level[level].count)
        l->levels &= (uint16_t) ~(1u << level);
    l->waiting--;
}

td_ms engine__next_ripe(const struct engine *e, const struct contact *c)
{
    const struct line *l = line_of(e, c);
    for (uint16_t i = 0; i < l->delays; i++)
        if (age_key(c) + l->delay_ms[i] > e->now)
            return age_key(c) + l->delay_ms[i];
    return NEVER;
}

/* Has it waited long enough for a row? Without a delay even an age below 0, as an adjustment can
 * make it, is enough. */
static bool ripe(const struct engine *e, int64_t key, int32_t delay_ms)
{
    return delay_ms == 0 || e->now - key >= delay_ms;
}

/* The first of the line that has waited long enough; NULL: none. */
static const struct iheap_entry *line_head(const struct engine *e, const struct line *l,
                                           int32_t delay_ms)
{
    for (uint32_t levels = l->levels; levels; levels &= levels - 1) {
        const struct iheap_entry *head = l->level[__builtin_ctz(levels)].entry;
        if (ripe(e, head->key, delay_ms))
            return head;
    }
    return NULL;
}

/* ---- the agent's side ---- */

static bool better(const struct engine *e, const struct iheap_entry *x, const struct iheap_entry *y)
{
    const struct contact *a = &e->contact[x->item], *b = &e->contact[y->item];
    if (a->k.priority != b->k.priority)
        return a->k.priority < b->k.priority;
    double score_a = (double)(e->now - x->key) * e->weight[a->k.queue];
    double score_b = (double)(e->now - y->key) * e->weight[b->k.queue];
    if (score_a != score_b)
        return score_a > score_b;
    return x->key != y->key ? x->key < y->key : x->order < y->order;
}

uint32_t engine__best_contact(const struct engine *e, const struct agent *a)
{
    if (a->profile == INDEX_NONE)
        return NIL;
    const struct profile *p = &e->profile[a->profile];
    const struct iheap_entry *best = NULL;
    uint8_t priority = 0;
    for (uint16_t i = 0; i < p->rows; i++) {
        const struct profile_row *r = &p->row[i];
        if (best && r->priority != priority)
            break; /* rows are in order of priority */
        if (!a->free[r->channel] || !e->line[r->line].waiting)
            continue;
        const struct iheap_entry *head = line_head(e, &e->line[r->line], r->delay_ms);
        if (head && (!best || better(e, head, best))) {
            best = head;
            priority = r->priority;
        }
    }
    return best ? best->item : NIL;
}

void engine__serve_agent(struct engine *e, uint32_t agent)
{
    for (;;) {
        uint32_t contact = engine__best_contact(e, &e->agent[agent]);
        if (contact == NIL)
            return;
        engine__contact_connect(e, contact, agent);
    }
}

/* ---- the contact's side ---- */

uint32_t engine__count_free(const struct engine *e, const struct contact *c)
{
    const struct line *l = line_of(e, c);
    uint32_t n = 0;
    for (uint16_t i = 0; i < l->rows; i++)
        if (ripe(e, age_key(c), l->row[i].delay_ms))
            n += e->profile[l->row[i].profile].idle[c->k.channel].count;
    return n;
}

static uint32_t longest_idle(const struct engine *e, const struct contact *c)
{
    const struct line *l = line_of(e, c);
    uint32_t best = NIL;
    for (uint16_t i = 0; i < l->rows; i++) {
        uint32_t head = e->profile[l->row[i].profile].idle[c->k.channel].head;
        if (head == NIL || !ripe(e, age_key(c), l->row[i].delay_ms))
            continue;
        if (best == NIL || e->agent[head].idle_order < e->agent[best].idle_order)
            best = head;
    }
    return best;
}

static uint32_t preferred(const struct engine *e, const struct contact *c)
{
    uint32_t agent;
    if (!c->k.preferred_agent || !map64_find(&e->agent_by_key, c->k.preferred_agent, &agent) ||
        !e->agent[agent].free[c->k.channel])
        return NIL;
    const struct line *l = line_of(e, c);
    for (uint16_t i = 0; i < l->rows; i++)
        if (l->row[i].profile == e->agent[agent].profile && ripe(e, age_key(c), l->row[i].delay_ms))
            return agent;
    return NIL;
}

void engine__serve_contact(struct engine *e, uint32_t slot)
{
    while (e->contact[slot].phase == PHASE_WAITING) {
        const struct contact *c = &e->contact[slot];
        uint32_t agent = preferred(e, c);
        if (agent == NIL)
            agent = longest_idle(e, c);
        if (agent == NIL)
            return;
        uint32_t chosen = engine__best_contact(e, &e->agent[agent]);
        BUG_ON(chosen == NIL);
        engine__contact_connect(e, chosen, agent);
        engine__agent_announce(e, agent);
    }
}
