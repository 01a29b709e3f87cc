/* agent.c - agents: logging in and out, their status, and moving between the regions of a pair. */
#include "connect/center_i.h"

#include <stdlib.h>

static struct instance *where(const struct user *u)
{
    struct mirror *m = u->r.mirror;
    return m->side[u->side < m->n_sides ? u->side : 0];
}

static td_ms now_of(const struct user *u)
{
    return u->r.mirror->center->now;
}

static struct status *status_of_type(const struct mirror *m, enum status_type type)
{
    const struct res_list *l = &m->list[RES_STATUS];
    for (uint32_t i = 0; i < l->n; i++) {
        struct status *s = (struct status *)l->item[i];
        if (s->type == type && s->enabled)
            return s;
    }
    return (struct status *)l->item[0];
}

static void become(struct user *u, struct status *s)
{
    u->next_status = NULL;
    if (u->status == s)
        return;
    u->status = s;
    u->status_at = now_of(u);
}

/* Tells the engine of his region what his status means there. One who is about to leave the region
 * is signing out there; his status counts when he has arrived. */
static void apply_status(struct user *u, const struct status *s)
{
    mirror_settle(u->r.mirror);
    struct instance *i = where(u);
    td_ms now = now_of(u);
    if (u->side != u->to_side)
        return;
    if (s->type == STATUS_OFFLINE) {
        engine_sign_out(i->engine, now, u->index, false);
    } else {
        engine_sign_in(i->engine, now, u->index);
        engine_set_break(i->engine, now, u->index, s->type == STATUS_CUSTOM);
    }
    instance_drain(i);
}

void user_log_in(struct user *u)
{
    if (u->logged_in)
        return;
    mirror_settle(u->r.mirror);
    if (!engine_signed_in(where(u)->engine, u->index)) /* else contacts keep him there for now */
        u->side = u->to_side;
    u->logged_in = true;
    center_tell(u->r.mirror->center, CE_AGENT_LOGIN, where(u), NULL, u);
    user_set_status(u, status_of_type(u->r.mirror, STATUS_ROUTABLE));
}

void user_log_out(struct user *u, bool now)
{
    struct instance *i = where(u);
    if (!u->logged_in)
        return;
    mirror_settle(u->r.mirror);
    become(u, status_of_type(u->r.mirror, STATUS_OFFLINE));
    u->logged_in = false;
    u->logged_out_at = now_of(u);
    engine_sign_out(i->engine, now_of(u), u->index, now);
    instance_drain(i);
    center_tell(u->r.mirror->center, CE_AGENT_LOGOUT, i, NULL, u);
}

void user_cut_off(struct user *u)
{
    struct instance *i = where(u);
    mirror_settle(u->r.mirror);
    engine_sign_out(i->engine, now_of(u), u->index, true);
    instance_drain(i);
}

void user_reach(struct user *u)
{
    if (u->logged_in)
        apply_status(u, u->next_status ? u->next_status : u->status);
}

void user_set_status(struct user *u, struct status *s)
{
    if (!LIST_EMPTY(&u->contacts)) {
        u->next_status = s;
        u->next_status_at = now_of(u);
    } else {
        become(u, s);
    }
    apply_status(u, s);
    center_tell(u->r.mirror->center, CE_AGENT_CHANGED, where(u), NULL, u);
}

void user_clear(struct user *u)
{
    struct instance *i = where(u);
    struct contact *k, *next;
    for (k = LIST_FIRST(&u->contacts); k; k = next) {
        next = LIST_NEXT(k, of_user);
        if (k->state == CONTACT_WRAPUP)
            contact_end(k, k->reason);
    }
    instance_drain(i);
}

void user_contact_gone(struct user *u)
{
    if (!LIST_EMPTY(&u->contacts) || !u->next_status)
        return;
    become(u, u->next_status);
    center_tell(u->r.mirror->center, CE_AGENT_CHANGED, where(u), NULL, u);
}

/* ---- what an engine says of him ---- */

/* He has left the one region: the other one has him from now on. */
static void arrive_elsewhere(struct user *u)
{
    u->side = u->to_side;
    user_reach(u);
}

void user_told(struct instance *i, struct user *u, const struct engine_event *e)
{
    struct mirror *m = i->mirror;
    if (i->side != u->side)
        return; /* of a region that he has left */
    uint8_t was = u->engine_state;
    u->engine_state = e->agent_state;
    for (int ch = 0; ch < CHANNELS; ch++)
        u->free_slots[ch] = e->free_slots[ch];
    if (u->engine_state == AGENT_OFFLINE && u->side != u->to_side) {
        arrive_elsewhere(u);
        return;
    }
    /* Breaks that the engine draws are a status, too. */
    if (e->agent_state == AGENT_BREAK && u->status->type == STATUS_ROUTABLE && !u->next_status)
        become(u, status_of_type(m, STATUS_CUSTOM));
    else if (was == AGENT_BREAK && e->agent_state == AGENT_AVAILABLE &&
             u->status->type == STATUS_CUSTOM && !u->next_status)
        become(u, status_of_type(m, STATUS_ROUTABLE));
    center_tell(m->center, CE_AGENT_CHANGED, i, NULL, u);
}

/* ---- traffic distribution groups ---- */

struct ranked {
    struct user *user;
    uint64_t rank;
};

static int by_rank(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    return x->rank < y->rank ? -1 : x->rank > y->rank;
}

static bool in_group(const struct user *u, const struct tdg *g)
{
    for (uint8_t i = 0; i < u->n_tdgs; i++)
        if (u->tdg[i] == g)
            return true;
    return false;
}

static void send_to(struct user *u, uint8_t side)
{
    if (u->to_side == side)
        return;
    u->to_side = side;
    if (u->side == side) { /* called back before he had gone */
        user_reach(u);
        return;
    }
    struct instance *i = where(u);
    if (!engine_signed_in(i->engine, u->index)) {
        arrive_elsewhere(u);
        return;
    }
    engine_sign_out(i->engine, now_of(u), u->index,
                    false); /* user_told moves him when he is clear */
    instance_drain(i);
}

void tdg_apply(struct tdg *g)
{
    struct mirror *m = g->r.mirror;
    const struct res_list *l = &m->list[RES_USER];
    g->plan = g->wanted;
    g->placed[0] = g->placed[1] = 0;
    if (m->n_sides < 2)
        return;
    mirror_settle(m);
    struct ranked *all = mem_new(l->n, sizeof *all);
    uint32_t n = 0;
    uint8_t first_site = m->side[0]->region->site;
    for (uint32_t i = 0; i < l->n; i++) {
        struct user *u = (struct user *)l->item[i];
        if (in_group(u, g)) /* those at home on side 0 first, then by chance of their id */
            all[n++] =
                (struct ranked){u, (u->cfg.site != first_site ? 1ull << 63 : 0) | u->r.id.hi >> 1};
    }
    qsort(all, n, sizeof *all, by_rank);
    uint32_t here = (n * g->plan.agent[0] + 50u) / 100;
    for (uint32_t i = 0; i < n; i++)
        send_to(all[i].user, i >= here);
    mem_free(all);
}
