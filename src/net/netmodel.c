/* netmodel.c - what comes in: routes into work, sessions and feeds into verdicts; settling. */
#include "net/netmodel_i.h"

#include "base/hash.h"
#include "base/rng.h"

static void changed(void *arg, const struct rib_change *c);

static void links_init(struct netmodel *m)
{
    const struct topo *t = m->topo;
    for (uint32_t l = 0; l < t->n_links; l++)
        for (int end = 0; end < 2; end++)
            for (int v6 = 0; v6 < 2; v6++) {
                const struct ip_addr *a = &t->link[l].address[!end][v6];
                if (a->family)
                    map64_insert(
                        &m->link_of_address,
                        verdict_key(t->link[l].router[end], hash_fast(m->o.seed, a, sizeof *a), 0),
                        l);
            }
}

static void tables_init(struct netmodel *m)
{
    const struct topo *t = m->topo;
    m->enter = mem_new(t->n_links, sizeof *m->enter);
    m->start = mem_new(t->n_sites, sizeof *m->start);
    for (uint32_t l = 0; l < t->n_links; l++)
        memcpy(m->enter[l], t->link[l].router, sizeof m->enter[l]);
    for (uint32_t s = 0; s < t->n_sites; s++)
        m->start[s] = t->site[s].router;
    for (uint32_t r = 0; r < t->n_routers; r++)
        m->tables |= t->router[r].table_of != 0;
}

/* What is attached, static or expected at a router: there before anybody speaks, and not always in
 * a table that somebody tells. */
static void own_prefixes(struct netmodel *m, uint32_t router)
{
    const struct topo *t = m->topo;
    for (uint32_t s = 0; s < t->n_subnets; s++)
        if (t->site[t->subnet[s].site].router == router)
            route_update(m, (uint16_t)router, &t->subnet[s].prefix, true);
    for (uint32_t s = 0; s < t->n_statics; s++)
        if (t->statics[s].router == router)
            route_update(m, (uint16_t)router, &t->statics[s].prefix, true);
    for (uint32_t x = 0; x < t->n_expects; x++)
        if (t->expect[x].router == router)
            route_update(m, (uint16_t)router, &t->expect[x].prefix, true);
}

struct netmodel *netmodel_new(const struct topo *t, struct attr_table *attrs, struct sources *s,
                              const struct netmodel_options *o)
{
    struct netmodel *m = mem_new(1, sizeof *m);
    struct fwd_options f = {.routers = MAX(t->n_routers, 1), .seed = o->seed};
    BUG_ON(t->n_routers > TOPO_ROUTERS_MAX || t->n_links > TOPO_LINKS_MAX ||
           t->n_sites > TOPO_SITES_MAX);
    m->topo = t;
    m->attrs = attrs;
    m->sources = s;
    m->o = *o;
    m->rib = rib_new(attrs, s, &o->limits, changed, m);
    m->fwd = fwd_new(&f);
    if (o->potential) {
        f.potential = true;
        m->could = fwd_new(&f);
    }
    m->router = mem_new(t->n_routers, sizeof *m->router);
    m->rebuild = mem_new(t->n_routers, sizeof *m->rebuild);
    m->session = mem_new(t->n_links, sizeof *m->session);
    m->link_dirty = mem_new(t->n_links, sizeof *m->link_dirty);
    m->link_dead = mem_new(t->n_links, sizeof *m->link_dead);
    m->tried = mem_new(t->n_links, sizeof *m->tried);
    m->changes = 1; /* what is attached and static */
    links_init(m);
    tables_init(m);
    route_init(m);
    return_init(m);
    site_init(m);
    for (uint32_t r = 0; r < t->n_routers; r++)
        own_prefixes(m, r);
    return m;
}

void netmodel_free(struct netmodel *m)
{
    if (!m)
        return;
    rib_free(m->rib);
    fwd_free(m->fwd);
    fwd_free(m->could);
    route_free(m);
    return_free(m);
    verdicts_free(&m->verdicts);
    map64_free(&m->link_of_address);
    map64_free(&m->link_of_via);
    map64_free(&m->own_of);
    map64_free(&m->originated);
    void *all[] = {m->router,    m->peer,  m->queue, m->rebuild, m->session, m->link_dirty,
                   m->link_dead, m->tried, m->pair,  m->enter,   m->start};
    for (size_t i = 0; i < COUNTOF(all); i++)
        mem_free(all[i]);
    mem_free(m);
}

/* ---- who speaks ---- */

static uint32_t look_up_place(struct netmodel *m, uint32_t source)
{
    char name[SOURCE_NAME_MAX];
    str_copy(name, sizeof name, source_router_name(m->sources, source));
    uint16_t r = topo_router_by_name(m->topo, name);
    if (r != TOPO_NONE) {
        m->router[r].source = source;
        return PLACE_ROUTER + r;
    }
    size_t n = strlen(name), end = strlen(NETMODEL_FIB);
    if (n <= end || strcmp(name + n - end, NETMODEL_FIB) != 0)
        return PLACE_NONE;
    name[n - end] = '\0';
    if ((r = topo_router_by_name(m->topo, name)) == TOPO_NONE)
        return PLACE_NONE;
    m->router[r].fib = source;
    return PLACE_FIB + r;
}

static uint32_t place_of(struct netmodel *m, uint32_t source)
{
    if (!source || source > SOURCE_ROUTERS_MAX)
        return PLACE_NONE;
    if (!m->of_source[source])
        m->of_source[source] = look_up_place(m, source);
    return m->of_source[source];
}

uint16_t netmodel_router_of(struct netmodel *m, uint32_t source)
{
    uint32_t place = place_of(m, source);
    return place >= PLACE_ROUTER && place < PLACE_FIB ? (uint16_t)(place - PLACE_ROUTER)
                                                      : TOPO_NONE;
}

uint16_t netmodel_fib_of(struct netmodel *m, uint32_t source)
{
    uint32_t place = place_of(m, source);
    return place >= PLACE_FIB ? (uint16_t)(place - PLACE_FIB) : TOPO_NONE;
}

struct peer_state *netmodel_peer_of(struct netmodel *m, uint32_t peer)
{
    if (!peer)
        return NULL;
    if (peer >= m->n_peers) {
        uint32_t n = MAX(peer + 1, m->n_peers * 2);
        m->peer = mem_grow(m->peer, n, sizeof *m->peer);
        memset(m->peer + m->n_peers, 0, (n - m->n_peers) * sizeof *m->peer);
        m->n_peers = n;
    }
    struct peer_state *p = &m->peer[peer];
    if (!p->known) {
        const struct source_peer *s = source_peer_get(m->sources, peer);
        uint32_t link = TOPO_NONE;
        p->known = true;
        p->router = netmodel_router_of(m, s->router);
        if (p->router != TOPO_NONE && s->key.address.family)
            (void)map64_find(
                &m->link_of_address,
                verdict_key(p->router, hash_fast(m->o.seed, &s->key.address, sizeof s->key.address),
                            0),
                &link);
        p->link = (uint16_t)link;
    }
    return p;
}

enum { QUIET_MS = 1000, SYNC_TIMES_MAX = 6 };

/* When the router will count as heard, if it says nothing more until then. */
static int64_t heard_from_ms(const struct netmodel *m, uint16_t router)
{
    const struct router_state *r = &m->router[router];
    struct rib_feed feed = r->source ? rib_feed(m->rib, r->source) : (struct rib_feed){0};
    if (!feed.up)
        return INT64_MAX;
    int64_t told = MAX(feed.since_ms + m->o.sync_ms, r->last_ms + QUIET_MS);
    return MIN(told, feed.since_ms + SYNC_TIMES_MAX * (int64_t)m->o.sync_ms);
}

bool netmodel_heard(const struct netmodel *m, uint16_t router, int64_t now_ms)
{
    const struct router_state *r = &m->router[router];
    return r->heard || now_ms >= heard_from_ms(m, router);
}

/* ---- routes ---- */

void netmodel_enqueue(struct netmodel *m, uint16_t router, const struct prefix *p)
{
    m->changes++;
    if (m->n_queue && m->queue[m->n_queue - 1].router == router &&
        prefix_equal(&m->queue[m->n_queue - 1].prefix, p))
        return;
    if (m->n_queue == m->queue_cap) {
        m->queue_cap = m->queue_cap * 2 + 256;
        m->queue = mem_grow(m->queue, m->queue_cap, sizeof *m->queue);
    }
    m->queue[m->n_queue++] = (struct work){*p, router};
}

/* The table changed. Called from within it, so the work is only written down. */
static void changed(void *arg, const struct rib_change *c)
{
    struct netmodel *m = arg;
    uint16_t router = netmodel_router_of(m, c->router);
    if (router == TOPO_NONE) {
        uint16_t whose = netmodel_fib_of(m, c->router);
        if (whose != TOPO_NONE)
            fib_changed(m, whose, c);
        return;
    }
    struct router_state *r = &m->router[router];
    r->last_ms = c->at_ms;
    enum route_view before = route_view_of(m, router);
    uint32_t *n = c->view == VIEW_LOC_RIB   ? &r->loc_routes
                  : c->view == VIEW_IN_POST ? &r->post_routes
                                            : NULL;
    bool shown = r->post_routes != 0;
    if (n)
        *n += (uint32_t)(c->after != ATTR_NONE) - (uint32_t)(c->before != ATTR_NONE);
    if (shown != (r->post_routes != 0))
        return_shown(m, router);
    route_own_as(m, c);
    struct peer_state *p = netmodel_peer_of(m, c->peer);
    if (p && p->link != TOPO_NONE) {
        m->link_dirty[p->link] = true;
        return_told(m, p, c);
        if (c->view == VIEW_IN_PRE || c->view == VIEW_IN_POST)
            route_originated(m, topo_other(&m->topo->link[p->link], router), c);
    }
    enum route_view now = route_view_of(m, router);
    if (before != now)
        m->rebuild[router] = m->any_rebuild = true;
    const struct prefix *prefix = rib_prefix(m->rib, c->prefix_id);
    /* While a rebuild waits every change counts: prefixes that go are in no table any more when it
     * comes, and would be passed over. */
    bool counts = m->rebuild[router] || now == (enum route_view)c->view;
    if (counts && prefix)
        netmodel_enqueue(m, router, prefix);
}

/* The router tells more than before (or less): every prefix is looked at in its new view. */
static void rebuild(struct netmodel *m)
{
    uint32_t end = rib_prefix_end(m->rib);
    for (uint32_t r = 0; r < m->topo->n_routers; r++) {
        for (uint32_t id = 1; m->rebuild[r] && id <= end; id++) {
            const struct prefix *p = rib_prefix(m->rib, id);
            if (p)
                route_update(m, (uint16_t)r, p, true);
        }
        if (m->rebuild[r])
            own_prefixes(m, r);
        m->rebuild[r] = false;
    }
    m->any_rebuild = false;
    m->changes++;
}

static void work_off(struct netmodel *m)
{
    for (size_t i = 0; i < m->n_queue; i++) {
        struct work w = m->queue[i];
        route_update(m, w.router, &w.prefix, true);
    }
    m->n_queue = 0;
    if (m->any_rebuild)
        rebuild(m);
}

/* ---- sessions ---- */

static uint32_t downs_lately(const struct netmodel *m, const struct session *s)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < MIN(s->n_downs, FLAPS); i++)
        n += s->down_ms[i] + m->o.flap_window_ms > m->now_ms;
    return n;
}

enum { SKEW_MIN_MS = 1000 };

static void judge_skew(struct netmodel *m, uint16_t link, const struct evidence *of_down)
{
    const struct session *s = m->session[link];
    int64_t skew_ms = s[0].since_ms - s[1].since_ms;
    struct evidence e = *of_down;
    e.value = skew_ms < 0 ? -skew_ms : skew_ms;
    verdict_put(&m->verdicts, V_DETECTION_SKEW, link,
                s[0].state == RIB_PEER_DOWN && s[1].state == RIB_PEER_DOWN &&
                    e.value >= SKEW_MIN_MS,
                m->now_ms, &e);
}

/* A router that tells of its sessions, and never told of this one. */
static bool never_up(const struct netmodel *m, uint16_t link, int end)
{
    const struct topo_link *l = &m->topo->link[link];
    const struct router_state *r = &m->router[l->router[end]];
    return l->session && r->heard && r->tells_sessions &&
           m->session[link][end].state == RIB_PEER_UNKNOWN &&
           m->session[link][!end].state != RIB_PEER_UP;
}

static void judge_session(struct netmodel *m, uint16_t link)
{
    const struct session *s = m->session[link];
    bool down[2] = {s[0].state == RIB_PEER_DOWN || never_up(m, link, 0),
                    s[1].state == RIB_PEER_DOWN || never_up(m, link, 1)};
    uint32_t flaps[2] = {downs_lately(m, &s[0]), downs_lately(m, &s[1])};
    int worse = flaps[1] > flaps[0], first = down[1] && (!down[0] || s[1].since_ms < s[0].since_ms);
    struct evidence e = evidence_none();
    e.link = link;
    e.router = m->topo->link[link].router[first];
    e.neighbour = m->topo->link[link].router[!first];
    e.peer = s[first].peer;
    bool never = s[first].state == RIB_PEER_UNKNOWN;
    str_copy(e.reason, sizeof e.reason, never ? "was never up" : s[first].reason);
    if (down[0] || down[1])
        verdict_set(&m->verdicts, V_SESSION_DOWN, link, never ? m->now_ms : s[first].since_ms,
                    m->now_ms, &e);
    else
        verdict_unset(&m->verdicts, V_SESSION_DOWN, link, m->now_ms);
    judge_skew(m, link, &e);
    e.router = m->topo->link[link].router[worse];
    e.neighbour = m->topo->link[link].router[!worse];
    e.peer = s[worse].peer;
    e.value = flaps[worse];
    str_copy(e.reason, sizeof e.reason, s[worse].reason);
    verdict_put(&m->verdicts, V_SESSION_FLAPPING, link, flaps[worse] >= m->o.flap_count, m->now_ms,
                &e);
}

static void judge_limit(struct netmodel *m, uint16_t link)
{
    for (int end = 0; end < 2; end++) {
        uint32_t limit = m->topo->link[link].routes_max[end], peer = m->session[link][end].peer;
        if (!limit || !peer)
            continue;
        uint32_t pre = rib_peer_routes(m->rib, peer, VIEW_IN_PRE);
        uint32_t routes = MAX(pre, rib_peer_routes(m->rib, peer, VIEW_IN_POST));
        struct evidence e = evidence_none();
        e.link = link;
        e.router = m->topo->link[link].router[end];
        e.neighbour = m->topo->link[link].router[!end];
        e.peer = peer;
        e.value = routes;
        e.limit = limit;
        verdict_put(&m->verdicts, V_ROUTE_LIMIT, verdict_key(link, (uint64_t)end, 0),
                    (uint64_t)routes * 100 >= (uint64_t)limit * m->o.limit_percent, m->now_ms, &e);
    }
}

/* A neighbour that comes up with another AS number than it should have: somebody else's? */
static void judge_as(struct netmodel *m, const struct peer_state *p, uint32_t peer)
{
    const struct topo *t = m->topo;
    uint16_t neighbour = topo_other(&t->link[p->link], p->router);
    uint32_t as = source_peer_get(m->sources, peer)->as;
    struct evidence e = evidence_none();
    bool reused = false;
    e.router = neighbour;
    e.link = p->link;
    e.peer = peer;
    e.as = as;
    e.as_expected = t->router[neighbour].as;
    for (uint32_t r = 0; as && as != t->router[neighbour].as && r < t->n_routers && !reused; r++)
        if (t->router[r].as == as) {
            reused = true;
            e.neighbour = (uint16_t)r;
        }
    verdict_put(&m->verdicts, V_OWN_AS_REFUSED, verdict_key(neighbour, p->link, 1), reused,
                m->now_ms, &e);
}

static void peer_event(struct netmodel *m, const struct route_event *e)
{
    struct peer_state *p = netmodel_peer_of(m, e->peer);
    if (!p || p->link == TOPO_NONE)
        return;
    struct session *s = &m->session[p->link][topo_end(&m->topo->link[p->link], p->router)];
    const struct rib_peer *now = rib_peer(m->rib, e->peer);
    if (e->type == ROUTE_PEER_UP)
        judge_as(m, p, e->peer);
    if (s->peer != e->peer) {
        s->peer = e->peer;
        return_session(m, p->link);
    }
    s->state = now->state;
    s->since_ms = now->since_ms;
    if (now->downs > s->downs)
        s->down_ms[s->n_downs++ % FLAPS] = e->at_ms;
    s->downs = now->downs;
    if (e->type == ROUTE_PEER_DOWN)
        str_copy(s->reason, sizeof s->reason, route_down_text(e->down));
    m->router[p->router].tells_sessions = true;
    m->link_dirty[p->link] = true;
}

void netmodel_sink(void *arg, const struct route_event *e)
{
    struct netmodel *m = arg;
    uint16_t router = netmodel_router_of(m, e->router);
    m->now_ms = MAX(m->now_ms, e->at_ms);
    rib_apply(m->rib, e);
    if (m->n_queue >= QUEUE_MAX)
        work_off(m);
    if (router == TOPO_NONE) {
        if ((router = netmodel_fib_of(m, e->router)) != TOPO_NONE)
            fib_event(m, router, e);
        return;
    }
    if (e->type == ROUTE_FEED_UP || e->type == ROUTE_FEED_LOST)
        fib_beside(m, router);
    switch (e->type) {
    case ROUTE_PEER_UP:
    case ROUTE_PEER_DOWN: peer_event(m, e); break;
    case ROUTE_FEED_UP:
    case ROUTE_FEED_LOST: {
        struct evidence ev = evidence_none();
        ev.router = router;
        verdict_put(&m->verdicts, V_FEED_STALE, router, e->type == ROUTE_FEED_LOST, e->at_ms, &ev);
        break;
    }
    default: break;
    }
}

/* ---- links, and the tables behind them ---- */

/* Of all who may send by the link every rule is looked at anew: it happens when somebody changes
 * the gateway. */
void netmodel_associate(struct netmodel *m, uint16_t link, uint16_t gateway, uint16_t table)
{
    int end = netmodel_end(m, link, gateway);
    uint16_t now = table == TOPO_NONE ? FWD_EXIT : table;
    if (m->enter[link][end] == now)
        return;
    m->enter[link][end] = now;
    for (uint32_t r = 0; r < m->topo->n_routers; r++)
        if (netmodel_at(m, link, !end, (uint16_t)r))
            m->rebuild[r] = m->any_rebuild = true;
}

void netmodel_associate_site(struct netmodel *m, uint16_t site, uint16_t table)
{
    uint32_t n = m->topo->n_sites;
    m->start[site] = table == TOPO_NONE ? FWD_EXIT : table;
    for (uint32_t to = 0; to < n; to++)
        m->pair[site * n + to].stale = m->pairs_stale = true;
}

/* Classes move, not prefixes: each set of next hops with the link has a hop that discards in its
 * place, with the number of the link, so that it can be turned back. */
void netmodel_link(struct netmodel *m, uint16_t link, bool up, const char *word, int64_t at_ms)
{
    BUG_ON(link >= m->topo->n_links);
    const struct topo_link *l = &m->topo->link[link];
    struct evidence e = evidence_none();
    m->now_ms = MAX(m->now_ms, at_ms);
    e.link = link;
    e.router = l->router[0];
    e.neighbour = l->router[1];
    str_copy(e.reason, sizeof e.reason, word);
    verdict_put(&m->verdicts, V_LINK_DOWN, link, !up, m->now_ms, &e);
    if (m->link_dead[link] == !up)
        return;
    m->link_dead[link] = !up;
    m->changes++;
    for (int end = 0; end < 2; end++) {
        struct fwd_hop live = {m->enter[link][!end], link}, dead = {FWD_DISCARD, link};
        for (uint32_t r = 0; r < m->topo->n_routers; r++)
            if (netmodel_at(m, link, end, (uint16_t)r))
                (void)fwd_move_hop(m->fwd, (uint16_t)r, up ? dead : live, up ? live : dead);
    }
}

/* ---- settling ---- */

static void hear(struct netmodel *m)
{
    m->heard_changed = m->fib_turned;
    m->fib_turned = false;
    for (uint32_t r = 0; r < m->topo->n_routers; r++) {
        bool now = netmodel_heard(m, (uint16_t)r, m->now_ms);
        m->heard_changed |= now && !m->router[r].heard;
        m->router[r].heard = now;
    }
}

/* What did not fit in the tables, the models, the register or the list. */
static void judge_room(struct netmodel *m)
{
    uint64_t full = m->full + rib_stats(m->rib).refused + fwd_unregistered(m->fwd) +
                    m->verdicts.refused + (m->could ? fwd_unregistered(m->could) : 0);
    struct evidence e = evidence_none();
    e.value = (int64_t)full;
    if (full > m->full_told)
        verdict_set(&m->verdicts, V_MODEL_FULL, 0, m->now_ms, m->now_ms, &e);
    else
        verdict_unset(&m->verdicts, V_MODEL_FULL, 0, m->now_ms);
    m->full_told = full;
}

static void steps_end(struct netmodel *m)
{
    uint32_t n = m->topo->n_sites;
    for (uint32_t i = 0; i < n * n; i++)
        if (m->pair[i].shift_until_ms && m->pair[i].shift_until_ms <= m->now_ms) {
            m->pair[i].shift_until_ms = 0;
            verdict_unset(&m->verdicts, V_ONE_WAY_SHIFT, verdict_key(i / n, i % n, 0), m->now_ms);
        }
}

void netmodel_settle(struct netmodel *m, int64_t now_ms, verdict_fn *told, void *arg)
{
    m->now_ms = MAX(m->now_ms, now_ms);
    work_off(m);
    hear(m);
    for (uint32_t l = 0; l < m->topo->n_links; l++) {
        const struct session *s = m->session[l];
        if (!m->link_dirty[l] && !m->heard_changed && !s[0].n_downs && !s[1].n_downs)
            continue;
        judge_session(m, (uint16_t)l);
        if (m->link_dirty[l])
            judge_limit(m, (uint16_t)l);
        m->link_dirty[l] = false;
    }
    route_missing(m);
    route_own_as_settle(m);
    return_settle(m);
    fault_settle(m);
    site_settle(m);
    steps_end(m);
    judge_room(m);
    verdicts_settle(&m->verdicts, m->now_ms, told, arg);
}

int64_t netmodel_due(const struct netmodel *m)
{
    int64_t due = m->n_queue ? m->now_ms : verdicts_due(&m->verdicts);
    for (uint32_t r = 0; r < m->topo->n_routers; r++) {
        if (!m->router[r].heard)
            due = MIN(due, heard_from_ms(m, (uint16_t)r));
    }
    for (uint32_t l = 0; l < m->topo->n_links; l++)
        for (int end = 0; end < 2; end++) {
            const struct session *s = &m->session[l][end];
            for (uint32_t i = 0; i < MIN(s->n_downs, FLAPS); i++)
                if (s->down_ms[i] + m->o.flap_window_ms > m->now_ms)
                    due = MIN(due, s->down_ms[i] + m->o.flap_window_ms);
        }
    uint32_t n = m->topo->n_sites;
    for (uint32_t i = 0; i < n * n; i++)
        if (m->pair[i].shift_until_ms)
            due = MIN(due, m->pair[i].shift_until_ms);
    return due;
}

uint32_t netmodel_fib(const struct netmodel *m, uint16_t router)
{
    return m->router[router].fib;
}

const struct verdicts *netmodel_verdicts(const struct netmodel *m)
{
    return &m->verdicts;
}
const struct topo *netmodel_topo(const struct netmodel *m)
{
    return m->topo;
}
struct rib *netmodel_rib(struct netmodel *m)
{
    return m->rib;
}
struct fwd *netmodel_fwd(struct netmodel *m)
{
    return m->fwd;
}
