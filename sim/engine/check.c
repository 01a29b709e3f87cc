/* check.c - every invariant of the engine's structures. For tests and drills; O(everything). */
#include "engine/internal.h"

#include <string.h>

static void check_contact(const struct engine *e, uint32_t i)
{
    const struct contact *c = &e->contact[i];
    bool waits = c->phase == PHASE_WAITING;
    BUG_ON((e->wait_pos[i] != IHEAP_NONE) != waits);
    if (c->phase == PHASE_NONE) {
        BUG_ON(e->timer_pos[i * 2] != IHEAP_NONE);
        return;
    }
    BUG_ON(c->phase != PHASE_LEFT && engine__contact_find(e, c->k.id) != i);
    BUG_ON((c->agent == NIL) != waits);
    BUG_ON(c->k.gives_up_at < 0 && c->phase != PHASE_LEFT);
    if (waits) {
        const struct line *l = line_of(e, c);
        const struct iheap_entry *w = &l->level[c->k.priority - 1].entry[e->wait_pos[i]];
        BUG_ON(w->item != i || w->key != age_key(c) || w->order != c->place);
    }
    if (c->phase == PHASE_TALKING || c->phase == PHASE_HELD)
        BUG_ON(c->k.hold_at_ms < 0 || c->k.hold_ms < 0 ||
               c->k.hold_at_ms + c->k.hold_ms > c->k.handle_ms);
    if (!waits)
        BUG_ON(e->timer_pos[i * 2] == IHEAP_NONE);
}

static void check_contacts(const struct engine *e)
{
    uint32_t in_use = 0, named = 0, live = 0, waiting = 0, free_slots = 0;
    for (uint32_t i = 0; i < e->contacts_cap; i++) {
        uint8_t phase = e->contact[i].phase;
        check_contact(e, i);
        in_use += phase != PHASE_NONE;
        named += phase != PHASE_NONE && phase != PHASE_LEFT;
        waiting += phase == PHASE_WAITING;
        live += phase == PHASE_WAITING || phase == PHASE_RINGING || phase == PHASE_TALKING ||
                phase == PHASE_HELD;
    }
    for (uint32_t i = e->contacts_free; i != NIL; i = e->contact[i].next) {
        BUG_ON(e->contact[i].phase != PHASE_NONE);
        free_slots++;
    }
    BUG_ON(in_use + free_slots != e->contacts_cap);
    BUG_ON(named != e->contact_by_id.count || live != e->live);
    for (uint32_t i = 0; i < (uint32_t)e->c->n_queues * CHANNELS; i++)
        waiting -= e->line[i].waiting;
    BUG_ON(waiting != 0);
}

static void check_lines(const struct engine *e)
{
    for (uint32_t i = 0; i < (uint32_t)e->c->n_queues * CHANNELS; i++) {
        const struct line *l = &e->line[i];
        uint32_t waiting = 0;
        for (uint32_t level = 0; l->level && level < PRIORITY_WORST; level++) {
            iheap_check(&l->level[level], e->wait_pos);
            waiting += l->level[level].count;
            BUG_ON((l->levels >> level & 1) != (l->level[level].count > 0));
        }
        BUG_ON(waiting != l->waiting);
    }
}

static void check_agent(const struct engine *e, uint32_t i)
{
    const struct agent *a = &e->agent[i];
    uint8_t taken[CHANNELS] = {0}, free_slots[CHANNELS];
    uint32_t contacts = 0, engaged = 0;
    for (uint32_t c = a->first; c != NIL; c = e->contact[c].next) {
        BUG_ON(e->contact[c].agent != i);
        taken[e->contact[c].k.channel]++;
        contacts++;
        engaged += e->contact[c].phase != PHASE_WRAPUP && e->contact[c].phase != PHASE_LEFT;
    }
    BUG_ON(memcmp(taken, a->taken, sizeof taken) != 0);
    BUG_ON(contacts != a->contacts || engaged != a->engaged);
    BUG_ON(taken[CHANNEL_VOICE] && contacts > 1);
    engine__agent_count_free(e, a, free_slots);
    BUG_ON(memcmp(free_slots, a->free, sizeof free_slots) != 0);
    BUG_ON(a->leaving && contacts == 0);
    BUG_ON(a->index != NIL && e->agent_slot[a->index] != i);
    BUG_ON(a->index != NIL &&
           (a->told_state != a->state || memcmp(a->told_free, a->free, sizeof a->free) != 0));
    BUG_ON((a->state == AGENT_ON_CONTACT) != (engaged > 0));
    BUG_ON((a->state == AGENT_WRAPUP) != (engaged == 0 && contacts > 0));
    BUG_ON(a->state == AGENT_BREAK && !a->on_break);
    BUG_ON(a->state == AGENT_MISSED && !a->missed);
    /* Nobody waits whom this agent could have. */
    BUG_ON(engine__best_contact(e, a) != NIL);
}

static void check_agents(const struct engine *e)
{
    uint32_t in_state[AGENT_STATES] = {0}, here = 0, free_slots = 0, listed = 0;
    for (uint32_t i = 0; i < e->agents_cap; i++) {
        if (!e->agent[i].here) {
            BUG_ON(e->timer_pos[i * 2 + 1] != IHEAP_NONE);
            continue;
        }
        check_agent(e, i);
        in_state[e->agent[i].state]++;
        here++;
        for (int ch = 0; ch < CHANNELS; ch++)
            listed += e->agent[i].free[ch] > 0;
    }
    for (uint32_t i = e->agents_free; i != NIL; i = e->agent[i].first)
        free_slots++;
    BUG_ON(here + free_slots != e->agents_cap);
    BUG_ON(in_state[AGENT_OFFLINE] != 0);
    BUG_ON(memcmp(in_state, e->in_state, sizeof in_state) != 0);
    for (uint16_t p = 0; p < e->c->n_profiles; p++)
        for (int ch = 0; ch < CHANNELS; ch++) {
            const struct idle_list *l = &e->profile[p].idle[ch];
            uint32_t n = 0, last = NIL;
            for (uint32_t i = l->head; i != NIL; last = i, i = e->agent[i].idle[ch].next, n++) {
                const struct agent *a = &e->agent[i];
                BUG_ON(a->profile != p || !a->free[ch] || a->idle[ch].prev != last);
                BUG_ON(last != NIL && e->agent[last].idle_order >= a->idle_order);
            }
            BUG_ON(n != l->count || l->tail != last);
            listed -= n;
        }
    BUG_ON(listed != 0);
}

void engine_check(const struct engine *e)
{
    iheap_check(&e->timers, e->timer_pos);
    BUG_ON(e->timers.count && e->timers.entry[0].key < e->now);
    check_contacts(e);
    check_lines(e);
    check_agents(e);
}
