/* whatif.c - proposed changes on trial. */
#include "net/netmodel_i.h"

#include <stdlib.h>

const char *const net_change_names[NET_CHANGE_KINDS] = {
    "route_add", "route_remove", "static_add",   "static_remove", "link_down",
    "link_up",   "allow_add",    "allow_remove", "prefer"};

struct trial {
    struct netmodel *m;
    struct whatif *out;
    struct net_change change[WHATIF_CHANGES_MAX];
    size_t n;
    struct work *work;
    size_t n_work, cap;
    uint16_t link; /* for the callback that gathers */
    uint16_t router;
    bool of_could; /* a fault of the model of what could be */
};

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
    if (x->router >= t->n_routers ||
        (x->link != TOPO_NONE && t->link[x->link].router[0] != x->router &&
         t->link[x->link].router[1] != x->router))
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
        y.router = topo_other(&t->m->topo->link[x->link], x->router);
    }
    return add_change(t, y);
}

/* ---- which routes they touch ---- */

static void touch(struct trial *t, uint16_t router, const struct prefix *p)
{
    if (t->n_work == t->cap) {
        t->cap = t->cap * 2 + 64;
        t->work = mem_grow(t->work, t->cap, sizeof *t->work);
    }
    t->work[t->n_work++] = (struct work){*p, router};
}

static bool touch_route(void *arg, const struct rib_route *r)
{
    struct trial *t = arg;
    const struct prefix *p = rib_prefix(t->m->rib, r->prefix_id);
    if (p)
        touch(t, t->router, p);
    return true;
}

/* The prefixes that router has over a link. Where only its own table is told, all that it has. */
static void touch_link(struct trial *t, uint16_t router, uint16_t link)
{
    struct netmodel *m = t->m;
    const struct session *s = &m->session[link][topo_end(&m->topo->link[link], router)];
    t->router = router;
    if (s->peer) {
        rib_each_route(m->rib, s->peer, VIEW_IN_POST, touch_route, t);
        rib_each_route(m->rib, s->peer, VIEW_IN_PRE, touch_route, t);
    }
    if (m->router[router].loc_routes && !m->router[router].post_routes)
        for (uint32_t p = 0; (p = source_next_peer(m->sources, m->router[router].source, p)) != 0;)
            rib_each_route(m->rib, p, VIEW_LOC_RIB, touch_route, t);
    for (uint32_t i = 0; i < m->topo->n_statics; i++)
        if (m->topo->statics[i].router == router && m->topo->statics[i].link == link)
            touch(t, router, &m->topo->statics[i].prefix);
}

/* Has the router a session with anybody but one neighbour? */
static bool hands_on(const struct topo *topo, uint16_t router, uint16_t neighbour)
{
    for (uint32_t l = 0; l < topo->n_links; l++) {
        const struct topo_link *k = &topo->link[l];
        if (k->session && (k->router[0] == router || k->router[1] == router) &&
            topo_other(k, router) != neighbour)
            return true;
    }
    return false;
}

static void touch_change(struct trial *t, const struct net_change *x)
{
    const struct topo *topo = t->m->topo;
    const struct topo_link *l = x->link < topo->n_links ? &topo->link[x->link] : NULL;
    if (x->kind != NET_LINK_DOWN && x->kind != NET_PREFER) {
        touch(t, x->router, &x->prefix);
        return;
    }
    size_t first = t->n_work;
    for (int end = 0; end < 2; end++) {
        bool own = l->router[end] == x->router;
        if (x->kind == NET_PREFER &&
            !(own ? x->set_local_pref : x->set_med || x->prepend || x->community))
            continue;
        if (x->kind == NET_PREFER && x->prefix.family)
            touch(t, l->router[end], &x->prefix);
        else
            touch_link(t, l->router[end], x->link);
    }
    /* A longer path is longer for everybody who has it, if the other end can hand it on. */
    size_t last = t->n_work;
    if (x->kind != NET_PREFER || !x->prepend ||
        !hands_on(topo, topo_other(l, x->router), x->router))
        return;
    for (uint32_t r = 0; r < topo->n_routers; r++)
        for (size_t i = first; i < last; i++) {
            struct prefix p = t->work[i].prefix; /* the list may move */
            touch(t, (uint16_t)r, &p);
        }
}

static int work_order(const void *a, const void *b)
{
    const struct work *x = a, *y = b;
    return x->router != y->router ? x->router - y->router : prefix_compare(&x->prefix, &y->prefix);
}

/* ---- what is then wrong ---- */

static void report(struct trial *t, enum verdict_kind kind, bool raised, const struct evidence *e)
{
    struct whatif *out = t->out;
    out->refused |= raised && (kind == V_LOOP || kind == V_BLACKHOLE);
    if (out->n == WHATIF_VERDICTS_MAX)
        out->more++;
    else
        out->verdict[out->n++] = (struct whatif_verdict){(uint8_t)kind, raised, *e};
}

struct turned {
    struct trial *t;
    uint16_t router;
    const struct prefix *prefix;
};

/* Compares with what is held to be so now: the live list has judged the same route the same way. */
static void note(void *arg, enum verdict_kind kind, uint64_t key, bool holds,
                 const struct evidence *e)
{
    const struct turned *n = arg;
    const struct netmodel *m = n->t->m;
    const struct verdict *v = NULL;
    uint32_t x;
    bool before;
    if (kind == V_ROUTE_MISSING) {
        before = prefix_index_find(&m->expects, n->router, n->prefix, &x) && m->missing[x];
    } else {
        v = verdict_find(&m->verdicts, kind, key);
        before = v != NULL;
    }
    if (before != holds)
        report(n->t, kind, holds, v ? &v->evidence : e);
}

static void try_route(struct trial *t, uint16_t router, const struct prefix *p)
{
    struct turned n = {t, router, p};
    route_update(t->m, router, p, false);
    route_judge(t->m, router, p, &t->m->choice, note, &n);
    t->out->routes++;
}

/* A fault that goes has the name that it had. */
static void report_cleared(struct trial *t, const struct fwd_fault *fault)
{
    static const enum verdict_kind kind[] = {V_LOOP, V_LOOP_POSSIBLE, V_BLACKHOLE, V_DEAD_END,
                                             V_AGGREGATE_UNCOVERED};
    for (size_t i = 0; i < COUNTOF(kind); i++) {
        bool could = kind[i] == V_LOOP_POSSIBLE;
        const struct verdict *v = verdict_find(&t->m->verdicts, kind[i], fault->id);
        if (v && could == t->of_could)
            report(t, kind[i], false, &v->evidence);
    }
}

static void try_faults(struct trial *t)
{
    struct fwd *model[] = {t->m->fwd, t->m->could};
    struct fwd_fault fault;
    for (size_t i = 0; i < COUNTOF(model) && model[i]; i++) {
        t->of_could = i == 1;
        for (size_t at = 0; fwd_peek_change(model[i], &at, &fault);) {
            enum verdict_kind kind;
            struct evidence e;
            if (!fault.atoms)
                report_cleared(t, &fault);
            else if (fault.atoms > fault.atoms_before &&
                     fault_verdict(t->m, model[i], &fault, &kind, &e))
                report(t, kind, true, &e);
        }
    }
}

static void try_pair(struct trial *t, uint16_t from, uint16_t to)
{
    struct netmodel *m = t->m;
    size_t n = m->topo->n_sites;
    const struct pair *was = &m->pair[from * n + to], *was_back = &m->pair[to * n + from];
    struct pair now, back;
    site_walk(m, from, to, &now);
    site_walk(m, to, from, &back);
    if (!site_ways_known(m, &now, from) || !site_ways_known(m, &back, to))
        return;
    struct evidence e = site_evidence(m, from, to);
    const struct {
        const struct pair *was, *now;
    } way[2] = {{was, &now}, {was_back, &back}};
    for (int i = 0; i < 2; i++) {
        bool before = way[i].was->ends != 1u << FWD_END_DELIVERED;
        bool after = way[i].now->ends != 1u << FWD_END_DELIVERED;
        struct evidence one = i ? site_evidence(m, to, from) : e;
        if (before != after)
            report(t, V_NO_PATH, after, &one);
    }
    bool apart = site_asymmetric(&now, &back);
    if (apart != site_asymmetric(was, was_back))
        report(t, V_ASYMMETRIC, apart, &e);
}

static void try_sites(struct trial *t)
{
    const struct topo *topo = t->m->topo;
    uint32_t n = topo->n_sites, id;
    bool *touched = mem_new(n, sizeof *touched);
    uint16_t router;
    while (fwd_next_touched(t->m->fwd, &id, &router))
        touched[id <= topo->n_subnets ? topo->subnet[id - 1].site : id - topo->n_subnets - 1] =
            true;
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t j = i + 1; j < n; j++)
            if (touched[i] || touched[j])
                try_pair(t, (uint16_t)i, (uint16_t)j);
    mem_free(touched);
}

static void play(struct trial *t, void (*inside)(void *arg), void *arg)
{
    struct netmodel *m = t->m;
    fwd_trial(m->fwd);
    if (m->could)
        fwd_trial(m->could);
    m->change = t->change;
    m->n_changes = t->n;
    for (size_t i = 0; i < t->n_work; i++)
        if (!i || work_order(&t->work[i], &t->work[i - 1]) != 0)
            try_route(t, t->work[i].router, &t->work[i].prefix);
    try_faults(t);
    try_sites(t);
    if (inside)
        inside(arg);
    m->n_changes = 0;
    m->change = NULL;
    fwd_trial_undo(m->fwd);
    if (m->could)
        fwd_trial_undo(m->could);
    uint32_t id; /* what the undoing touched is as it was */
    uint16_t router;
    while (fwd_next_touched(m->fwd, &id, &router))
        ;
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
        touch_change(t, &t->change[i]);
    if (can) {
        if (t->n_work)
            qsort(t->work, t->n_work, sizeof *t->work, work_order);
        play(t, inside, arg);
    }
    mem_free(t->work);
    mem_free(t);
    return can;
}

bool whatif_try(struct netmodel *m, const struct net_change *change, size_t n, struct whatif *out)
{
    return whatif_look(m, change, n, out, NULL, NULL);
}

void netmodel_try_failure(struct netmodel *m, int64_t now_ms)
{
    if (!m->topo->n_links)
        return;
    struct whatif *w = mem_new(1, sizeof *w);
    uint16_t link = (uint16_t)(m->failure_at++ % m->topo->n_links);
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
}
