/* whatif.c - proposed changes on trial. */
#include "net/whatif_i.h"

const char *const net_change_names[NET_CHANGE_KINDS] = {
    "route_add", "route_remove", "static_add",   "static_remove", "link_down",
    "link_up",   "allow_add",    "allow_remove", "prefer"};

/* ---- what the changes are about ---- */

static bool sound(const struct topo *t, const struct net_change *x)
{
    bool any_link =
        x->kind == NET_ROUTE_REMOVE || x->kind == NET_STATIC_ADD || x->kind == NET_STATIC_REMOVE;
    bool of_link = x->kind == NET_LINK_DOWN || x->kind == NET_LINK_UP;
    if (x->kind >= NET_CHANGE_KINDS ||
        (x->link >= t->n_links && !(any_link && x->link == TOPO_NONE)))
        return false;
    if (of_link)
        return true;
    if (x->router >= t->n_routers)
        return false;
    uint16_t at = topo_gateway(t, x->router);
    if (x->link != TOPO_NONE && t->link[x->link].router[0] != at &&
        t->link[x->link].router[1] != at)
        return false;
    return x->prefix.family || x->kind == NET_PREFER;
}

static bool add_change(struct trial *t, struct net_change x)
{
    if (t->n == WHATIF_CHANGES_MAX)
        return false;
    t->change[t->n++] = x;
    return true;
}

/* A session that comes up brings each end the declared subnets that the other delivers without it.
 */
static bool add_link_up(struct trial *t, const struct net_change *x)
{
    const struct topo *topo = t->m->topo;
    const struct topo_link *l = &topo->link[x->link];
    bool room = true;
    for (uint32_t s = 0; room && s < topo->n_subnets; s++)
        for (int end = 0; room && end < 2; end++) {
            struct fwd_hop hop[VERDICT_HOPS_MAX];
            struct ip_addr a = {.family = topo->subnet[s].prefix.family};
            size_t n;
            uint16_t last;
            memcpy(a.byte, topo->subnet[s].prefix.byte, sizeof a.byte);
            a.byte[a.family == IPV4 ? 3 : 15] |= 1;
            bool gives = fwd_walk(t->m->fwd, l->router[!end], &a, hop, COUNTOF(hop), &n, &last) ==
                         FWD_END_DELIVERED;
            for (size_t i = 0; i < n; i++)
                gives &= hop[i].to != l->router[end];
            if (gives && last != l->router[end])
                room = add_change(t, (struct net_change){.kind = NET_ROUTE_ADD,
                                                         .router = l->router[end],
                                                         .link = x->link,
                                                         .prefix = topo->subnet[s].prefix});
        }
    return room;
}

static bool expand(struct trial *t, const struct net_change *x)
{
    struct net_change y = *x;
    if (x->kind == NET_LINK_UP)
        return add_link_up(t, x);
    if (x->kind == NET_ALLOW_ADD || x->kind == NET_ALLOW_REMOVE) {
        y.kind = x->kind == NET_ALLOW_ADD ? NET_ROUTE_ADD : NET_ROUTE_REMOVE;
        y.router = topo_other(&t->m->topo->link[x->link], topo_gateway(t->m->topo, x->router));
    }
    return add_change(t, y);
}

/* ---- what is then wrong ---- */

void whatif_report(struct trial *t, enum verdict_kind kind, bool raised, const struct evidence *e)
{
    struct whatif *out = t->out;
    out->refused |= raised && (kind == V_LOOP || kind == V_BLACKHOLE);
    if (out->n == WHATIF_VERDICTS_MAX)
        out->more++;
    else
        out->verdict[out->n++] = (struct whatif_verdict){(uint8_t)kind, raised, *e};
}

/* A fault that goes has the name that it had; one that has got more atoms is told as if it were
 * new. */
static void try_fault(struct trial *t, const struct fwd *f, const struct fwd_fault *fault)
{
    static const enum verdict_kind kinds[] = {V_LOOP, V_BLACKHOLE, V_DEAD_END,
                                              V_AGGREGATE_UNCOVERED, V_LOOP_POSSIBLE};
    enum verdict_kind now = VERDICT_KINDS;
    struct evidence e;
    bool holds = fault_holds(t->m, f, fault, &now, &e);
    for (size_t i = 0; i < COUNTOF(kinds); i++) {
        const struct verdict *v = verdict_find(&t->m->verdicts, kinds[i], fault->id);
        bool of_could = kinds[i] == V_LOOP_POSSIBLE, after = holds && kinds[i] == now;
        if (of_could != (f == t->m->could)) /* the other model's numbers */
            continue;
        if (v && !after)
            whatif_report(t, kinds[i], false, &v->evidence);
        else if (after && (!v || fault->atoms > fault->atoms_before))
            whatif_report(t, now, true, &e);
    }
}

static void try_faults(struct trial *t)
{
    struct fwd *model[] = {t->m->fwd, t->m->could};
    struct fwd_fault fault;
    bool all = false; /* a loop that is there, or no longer, need not be possible too */
    for (size_t i = 0; i < COUNTOF(model) && model[i]; i++) {
        bool loops = false;
        for (size_t at = 0; fwd_peek_change(model[i], &at, &fault);) {
            loops |= fault.kind == FWD_LOOP;
            if (!all || !fault.atoms)
                try_fault(t, model[i], &fault);
        }
        for (size_t at = 0; all && fwd_next_fault(model[i], &at, &fault);)
            try_fault(t, model[i], &fault);
        all |= loops;
    }
}

static void try_way(struct trial *t, uint16_t from, uint16_t to, const struct pair *way)
{
    struct netmodel *m = t->m;
    bool before = verdict_find(&m->verdicts, V_NO_PATH, verdict_key(from, to, 0)) != NULL;
    bool after = site_cut_off(m, way, from);
    if (before == after)
        return;
    struct evidence e = site_evidence(m, from, to);
    whatif_report(t, V_NO_PATH, after, &e);
}

/* Walks again what has changed of the ways between two sites: bit 0 there, bit 1 back. */
static void try_pair(struct trial *t, uint16_t from, uint16_t to, unsigned stale)
{
    struct netmodel *m = t->m;
    size_t n = m->topo->n_sites;
    const struct pair *there = &m->pair[from * n + to], *back = &m->pair[to * n + from];
    struct pair now[2];
    if (stale & 1) {
        site_walk(m, from, to, &now[0]);
        there = &now[0];
    }
    if (stale & 2) {
        site_walk(m, to, from, &now[1]);
        back = &now[1];
    }
    try_way(t, from, to, there);
    try_way(t, to, from, back);
    bool before = verdict_find(&m->verdicts, V_ASYMMETRIC, verdict_key(from, to, 0)) != NULL;
    bool after = site_ways_known(m, there, from) && site_ways_known(m, back, to) &&
                 site_asymmetric(m, there, back);
    if (before == after)
        return;
    struct evidence e = site_evidence(m, from, to);
    whatif_report(t, V_ASYMMETRIC, after, &e);
}

static void try_sites(struct trial *t)
{
    struct netmodel *m = t->m;
    uint32_t n = m->topo->n_sites, id;
    uint16_t router, *by = mem_new(n, sizeof *by); /* 0: not changed, else the router and 1 */
    while (fwd_next_touched(m->fwd, &id, &router)) {
        uint16_t site = site_of_watch(m->topo, id);
        by[site] =
            (uint16_t)(by[site] && by[site] != router + 1 ? FWD_ROUTERS_MAX + 1 : router + 1);
    }
    for (uint16_t i = 0; i < n; i++)
        for (uint16_t j = (uint16_t)(i + 1); j < n; j++) {
            unsigned there = by[j] && site_way_passes(m, i, j, (uint16_t)(by[j] - 1));
            unsigned back = by[i] && site_way_passes(m, j, i, (uint16_t)(by[i] - 1));
            if (there || back)
                try_pair(t, i, j, there | back << 1);
        }
    mem_free(by);
}

static void play(struct trial *t, void (*inside)(void *arg), void *arg)
{
    struct netmodel *m = t->m;
    fwd_trial(m->fwd);
    if (m->could)
        fwd_trial(m->could);
    m->change = t->change;
    m->n_changes = t->n;
    whatif_routes(t);
    try_faults(t);
    try_sites(t);
    if (inside)
        inside(arg);
    m->n_changes = 0;
    m->change = NULL;
    fwd_trial_undo(m->fwd);
    if (m->could)
        fwd_trial_undo(m->could);
}

bool whatif_look(struct netmodel *m, const struct net_change *change, size_t n, struct whatif *out,
                 void (*inside)(void *arg), void *arg)
{
    struct trial *t = mem_new(1, sizeof *t);
    bool can = true;
    t->m = m;
    t->out = out;
    out->refused = false;
    out->n = out->more = out->routes = 0;
    for (size_t i = 0; can && i < n; i++)
        can = sound(m->topo, &change[i]) && expand(t, &change[i]);
    for (size_t i = 0; can && i < t->n; i++)
        whatif_touch(t, &t->change[i]);
    fault_settle(m); /* what has happened since the model was last settled is not the trial's */
    site_touched(m);
    if (can)
        play(t, inside, arg);
    whatif_routes_free(t);
    mem_free(t);
    return can;
}

bool whatif_try(struct netmodel *m, const struct net_change *change, size_t n, struct whatif *out)
{
    return whatif_look(m, change, n, out, NULL, NULL);
}

/* The next link that was not tried since the last change; TOPO_NONE: none. */
static uint16_t next_untried(struct netmodel *m)
{
    uint32_t n = m->topo->n_links;
    for (uint32_t i = 0; i < n; i++) {
        uint16_t link = (uint16_t)(m->failure_at++ % n);
        if (m->tried[link] != m->changes)
            return link;
    }
    return TOPO_NONE;
}

bool netmodel_try_failure(struct netmodel *m, int64_t now_ms)
{
    uint16_t link = next_untried(m);
    if (link == TOPO_NONE)
        return false;
    m->tried[link] = m->changes;
    struct whatif *w = mem_new(1, sizeof *w);
    struct net_change down = {.kind = NET_LINK_DOWN, .link = link};
    struct evidence e = evidence_none();
    bool loops = false;
    if (whatif_try(m, &down, 1, w))
        for (uint32_t i = 0; i < w->n && !loops; i++)
            if (w->verdict[i].kind == V_LOOP && w->verdict[i].raised) {
                loops = true;
                e = w->verdict[i].evidence;
            }
    e.link = link;
    m->now_ms = MAX(m->now_ms, now_ms);
    verdict_put(&m->verdicts, V_LOOP_AFTER_FAILURE, link, loops, m->now_ms, &e);
    mem_free(w);
    return true;
}
