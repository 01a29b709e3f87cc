/* netmodel_site.c - the ways between sites by the model, and probes beside them.
 *
 * Each ordered pair of sites keeps the links on its way as a set (several with equal-cost paths). A
 * change at router r only concerns the pairs whose way passes r, and those whose destination's atom
 * it changed; both are known, so only they are walked again. Ways are the same when the sets of
 * links are, whichever way round each is passed. */
#include "net/netmodel_i.h"

#include <stdlib.h>

#define WAY_WRONG (1u << FWD_END_NO_ROUTE | 1u << FWD_END_DISCARDED | 1u << FWD_END_LOOP)
#define WAY_RIGHT (1u << FWD_END_DELIVERED)

static struct pair *pair_at(const struct netmodel *m, uint16_t from, uint16_t to)
{
    return &m->pair[(size_t)from * m->topo->n_sites + to];
}

/* An address of the site: the one that probes go to, else the first of its first subnet but one. */
static bool site_address(const struct topo *t, uint16_t site, struct ip_addr *out)
{
    *out = t->site[site].address;
    for (uint32_t s = 0; s < t->n_subnets && !out->family; s++)
        if (t->subnet[s].site == site) {
            out->family = t->subnet[s].prefix.family;
            memcpy(out->byte, t->subnet[s].prefix.byte, sizeof out->byte);
            out->byte[out->family == IPV4 ? 3 : 15] |= 1;
        }
    return out->family != 0;
}

void site_init(struct netmodel *m)
{
    const struct topo *t = m->topo;
    uint32_t s;
    m->pair = mem_new((size_t)t->n_sites * t->n_sites, sizeof *m->pair);
    for (s = 0; s < t->n_subnets; s++)
        (void)fwd_watch(m->fwd, &t->subnet[s].prefix, s + 1);
    for (uint32_t i = 0; i < t->n_sites; i++) {
        struct ip_addr a;
        if (!site_address(t, (uint16_t)i, &a))
            continue;
        /* An atom of its own, under the number of its subnet: one hole is one verdict. */
        struct prefix host = prefix_of_ip(&a);
        bool inside = prefix_index_around(&m->subnets, 0, &host, host.len, &s);
        (void)fwd_watch(m->fwd, &host, inside ? s + 1 : t->n_subnets + 1 + i);
    }
    for (size_t p = 0; p < (size_t)t->n_sites * t->n_sites; p++)
        m->pair[p].stale = true;
    m->pairs_stale = true;
}

/* ---- ways ---- */

static void add_edge(void *arg, uint16_t from, struct fwd_hop hop)
{
    struct pair *p = arg;
    if (hop.to >= FWD_ENDS)
        return;
    if (p->n_edges < EDGES_MAX)
        p->edge[p->n_edges] = (uint64_t)from << 32 | (uint64_t)hop.to << 16 | hop.link;
    if (p->n_edges <= EDGES_MAX)
        p->n_edges++;
}

static int edge_order(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Is there to be a way between them? A site of IPv4 needs none to one of IPv6. */
static bool is_meant(const struct topo *t, uint16_t from, uint16_t to, struct ip_addr *to_address)
{
    struct ip_addr a;
    return from != to && site_address(t, to, to_address) &&
           (!site_address(t, from, &a) || a.family == to_address->family);
}

void site_walk(struct netmodel *m, uint16_t from, uint16_t to, struct pair *out)
{
    struct ip_addr a;
    out->n_edges = 0;
    out->ends = 0;
    out->stale = false;
    if (!is_meant(m->topo, from, to, &a))
        return;
    if (m->start[from] == FWD_EXIT) {
        out->ends = 1u << FWD_END_EXIT;
        return;
    }
    out->ends = (uint8_t)fwd_spread(m->fwd, m->start[from], &a, add_edge, out);
    qsort(out->edge, MIN(out->n_edges, EDGES_MAX), sizeof *out->edge, edge_order);
}

/* Between gateways: which of its tables is used in one direction and in the other is no matter. */
static uint64_t between(const struct topo *t, uint64_t edge)
{
    uint64_t from = topo_gateway(t, (uint16_t)(edge >> 32));
    uint64_t to = topo_gateway(t, (uint16_t)(edge >> 16 & 0xffff));
    return from << 32 | to << 16 | (edge & 0xffff);
}

static bool has_edge(const struct topo *t, const struct pair *p, uint64_t edge)
{
    for (uint16_t i = 0; i < p->n_edges; i++)
        if (between(t, p->edge[i]) == edge)
            return true;
    return false;
}

static uint64_t turned(uint64_t edge)
{
    return edge >> 32 << 16 | (edge >> 16 & 0xffff) << 32 | (edge & 0xffff);
}

bool site_asymmetric(const struct netmodel *m, const struct pair *there, const struct pair *back)
{
    if (there->ends != WAY_RIGHT || back->ends != WAY_RIGHT || there->n_edges > EDGES_MAX ||
        back->n_edges > EDGES_MAX)
        return false;
    for (uint16_t i = 0; i < there->n_edges; i++)
        if (!has_edge(m->topo, back, turned(between(m->topo, there->edge[i]))))
            return true;
    return there->n_edges != back->n_edges;
}

static bool passes(const struct pair *p, uint16_t router)
{
    for (uint16_t i = 0; i < MIN(p->n_edges, EDGES_MAX); i++)
        if (p->edge[i] >> 32 == router || (p->edge[i] >> 16 & 0xffff) == router)
            return true;
    return p->n_edges > EDGES_MAX;
}

/* Do all routers on the way tell us their tables? */
bool site_ways_known(const struct netmodel *m, const struct pair *p, uint16_t from)
{
    bool known = p->ends && m->start[from] != FWD_EXIT && knows_table(&m->router[m->start[from]]);
    for (uint16_t i = 0; known && i < MIN(p->n_edges, EDGES_MAX); i++)
        known = knows_table(&m->router[p->edge[i] >> 16 & 0xffff]);
    return known;
}

bool site_cut_off(const struct netmodel *m, const struct pair *p, uint16_t from)
{
    return site_ways_known(m, p, from) && p->ends & WAY_WRONG;
}

uint16_t netmodel_way(struct netmodel *m, uint16_t from, uint16_t to,
                      struct verdict_hop hop[VERDICT_HOPS_MAX], enum fwd_end *end)
{
    struct fwd_hop walk[VERDICT_HOPS_MAX - 1];
    struct ip_addr a;
    size_t n;
    uint16_t last;
    *end = FWD_END_NO_ROUTE;
    if (!site_address(m->topo, to, &a))
        return 0;
    if (m->start[from] == FWD_EXIT) {
        *end = FWD_END_EXIT;
        return 0;
    }
    *end = fwd_walk(m->fwd, m->start[from], &a, walk, COUNTOF(walk), &n, &last);
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < i && *end == FWD_END_LOOP; k++)
            if (walk[k].to == walk[i].to) { /* once round is enough to see */
                hop[i] = (struct verdict_hop){walk[i].to, TOPO_NONE};
                return (uint16_t)(i + 1);
            }
        hop[i] = (struct verdict_hop){walk[i].to, walk[i].link};
    }
    hop[n] = (struct verdict_hop){last, TOPO_NONE};
    return (uint16_t)(n + 1);
}

struct evidence site_evidence(struct netmodel *m, uint16_t from, uint16_t to)
{
    struct evidence e = evidence_none();
    enum fwd_end end, end_back;
    e.site[0] = from;
    e.site[1] = to;
    e.n_hops = netmodel_way(m, from, to, e.hop, &end);
    e.n_back = netmodel_way(m, to, from, e.back, &end_back);
    if (end != FWD_END_DELIVERED)
        str_copy(e.reason, sizeof e.reason, fwd_end_names[end]);
    else if (end_back != FWD_END_DELIVERED)
        str_copy(e.reason, sizeof e.reason, fwd_end_names[end_back]);
    return e;
}

/* ---- joined with probes ---- */

struct heard {
    unsigned up, down; /* flows */
    unsigned kinds_up, kinds_down;
};

static struct heard probes_of(const struct pair *p)
{
    struct heard h = {0};
    for (unsigned k = 0; k < COUNTOF(p->flow); k++)
        for (unsigned f = 0; f < FLOWS_MAX; f++)
            if (p->flow[k][f].known) {
                h.up += p->flow[k][f].up;
                h.down += !p->flow[k][f].up;
                *(p->flow[k][f].up ? &h.kinds_up : &h.kinds_down) |= 1u << k;
            }
    return h;
}

/* Do packets meet other firewalls on the way back than on the way there? Where they stand is not
 * always told, but a customer's edge is a likely place. */
static bool firewalls_differ(const struct netmodel *m, const struct pair *there,
                             const struct pair *back)
{
    for (uint32_t r = 0; r < m->topo->n_routers; r++)
        if ((m->topo->router[r].stateful || m->topo->router[r].kind == TOPO_EDGE) &&
            passes(there, (uint16_t)r) != passes(back, (uint16_t)r))
            return true;
    return false;
}

/* Whose address on a link is it? */
static uint16_t router_at(const struct topo *t, const struct ip_addr *a)
{
    for (uint32_t l = 0; a->family && l < t->n_links; l++)
        for (int end = 0; end < 2; end++)
            if (ip_equal(&t->link[l].address[end][0], a) ||
                ip_equal(&t->link[l].address[end][1], a))
                return t->link[l].router[end];
    return TOPO_NONE;
}

/* By the model, do packets that are at this router on their way to the site go round? */
static bool goes_round(const struct netmodel *m, uint16_t router, uint16_t to)
{
    struct fwd_hop hop[VERDICT_HOPS_MAX];
    struct ip_addr a;
    size_t n;
    uint16_t last;
    return router < m->topo->n_routers && site_address(m->topo, to, &a) &&
           fwd_walk(m->fwd, router, &a, hop, COUNTOF(hop), &n, &last) == FWD_END_LOOP;
}

/* Expected x model x probe: each disagreement has its own name. One way that is known and wrong is
 * reason enough for answers that do not come. */
static void join(struct netmodel *m, uint16_t from, uint16_t to, const struct evidence *e)
{
    const struct pair *there = pair_at(m, from, to), *back = pair_at(m, to, from);
    struct heard h = probes_of(there);
    uint64_t key = verdict_key(from, to, 0);
    bool known_there = site_ways_known(m, there, from), known_back = site_ways_known(m, back, to);
    bool known = known_there && known_back;
    bool wrong = (known_there && there->ends & WAY_WRONG) || (known_back && back->ends & WAY_WRONG);
    bool all_lost = h.down && !h.up, some_lost = h.down && h.up;
    bool by_kind = some_lost && (h.kinds_up & h.kinds_down) == 0;
    bool filtered = by_kind || (known && h.down && firewalls_differ(m, there, back));
    struct evidence with = *e;
    with.value = h.down;
    with.limit = h.down + h.up;
    if (!known && !wrong)
        str_copy(with.reason, sizeof with.reason, "not all routers are heard");
    int64_t since = there->down_since_ms ? there->down_since_ms : m->now_ms;
    const struct {
        enum verdict_kind kind;
        bool holds;
    } name[] = {{V_STALE_MODEL, wrong && h.up && !h.down},
                {V_ROUTING, wrong && all_lost},
                {V_FIREWALL, !wrong && h.down && filtered},
                {V_DATA_PLANE, !wrong && h.down && !filtered}};
    for (size_t i = 0; i < COUNTOF(name); i++)
        if (name[i].holds)
            verdict_set(&m->verdicts, name[i].kind, key, since, m->now_ms, &with);
        else
            verdict_unset(&m->verdicts, name[i].kind, key, m->now_ms);
    with.value = there->loop_hops;
    with.limit = 0;
    with.address = there->loop_at;
    with.router = there->loop_seen ? router_at(m->topo, &there->loop_at) : TOPO_NONE;
    verdict_put(&m->verdicts, V_LOOP_SEEN, key,
                there->loop_seen && !(there->ends & 1u << FWD_END_LOOP) &&
                    !goes_round(m, with.router, to),
                m->now_ms, &with);
}

static void judge_pair(struct netmodel *m, uint16_t from, uint16_t to)
{
    const struct pair *there = pair_at(m, from, to), *back = pair_at(m, to, from);
    bool known = site_ways_known(m, there, from), wrong = site_cut_off(m, there, from);
    bool apart = known && site_ways_known(m, back, to) && site_asymmetric(m, there, back);
    struct evidence e = site_evidence(m, from, to);
    verdict_put(&m->verdicts, V_NO_PATH, verdict_key(from, to, 0), wrong, m->now_ms, &e);
    if (from < to)
        verdict_put(&m->verdicts, V_ASYMMETRIC, verdict_key(from, to, 0), apart, m->now_ms, &e);
    join(m, from, to, &e);
}

static void judge_both(struct netmodel *m, uint16_t from, uint16_t to)
{
    judge_pair(m, from, to);
    judge_pair(m, to, from);
}

bool site_way_passes(const struct netmodel *m, uint16_t from, uint16_t to, uint16_t router)
{
    return router >= m->topo->n_routers || m->start[from] == router ||
           passes(pair_at(m, from, to), router);
}

uint16_t site_of_watch(const struct topo *t, uint32_t id)
{
    return id <= t->n_subnets ? t->subnet[id - 1].site : (uint16_t)(id - t->n_subnets - 1);
}

static void mark(struct netmodel *m, uint16_t to, uint16_t router)
{
    for (uint16_t i = 0; i < m->topo->n_sites; i++)
        if (site_way_passes(m, i, to, router) || pair_at(m, i, to)->loop_seen)
            pair_at(m, i, to)->stale = m->pairs_stale = true;
}

void site_touched(struct netmodel *m)
{
    const struct topo *t = m->topo;
    uint32_t id;
    uint16_t router;
    while (fwd_next_touched(m->fwd, &id, &router))
        mark(m, site_of_watch(t, id), router);
}

void site_settle(struct netmodel *m)
{
    uint32_t n = m->topo->n_sites;
    site_touched(m);
    if (!m->pairs_stale && !m->heard_changed)
        return;
    bool *walked = mem_new((size_t)n * n, sizeof *walked);
    for (uint32_t i = 0; i < n * n; i++) {
        walked[i] = m->pair[i].stale || m->heard_changed;
        if (m->pair[i].stale)
            site_walk(m, (uint16_t)(i / n), (uint16_t)(i % n), &m->pair[i]);
    }
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t j = i + 1; j < n; j++)
            if (walked[i * n + j] || walked[j * n + i])
                judge_both(m, (uint16_t)i, (uint16_t)j);
    m->pairs_stale = false;
    mem_free(walked);
}

static const struct topo_bound *bound_of(const struct topo *t, uint16_t from, uint16_t to)
{
    for (uint32_t b = 0; b < t->n_bounds; b++)
        if (t->bound[b].from == from && t->bound[b].to == to)
            return &t->bound[b];
    return NULL;
}

static void measured(struct netmodel *m, const struct probe_result *r, struct pair *p)
{
    const struct topo_bound *b = bound_of(m->topo, r->from, r->to);
    struct evidence e = site_evidence(m, r->from, r->to);
    uint64_t key = verdict_key(r->from, r->to, 0);
    if (r->what == PROBE_SHIFT && r->shift != CHANGE_CLOCK) {
        bool there = r->shift == CHANGE_THERE || r->shift == CHANGE_APART;
        e.value = there ? r->shift_there_us : r->shift_back_us;
        str_copy(e.reason, sizeof e.reason, change_kind_names[r->shift]);
        p->shift_until_ms = r->at_ms + m->o.shift_hold_ms;
        verdict_set(&m->verdicts, V_ONE_WAY_SHIFT, key, r->at_ms, r->at_ms, &e);
    }
    if (r->what != PROBE_SPAN || !b || r->two_way_us < 0)
        return;
    e.value = r->two_way_us;
    e.limit = b->two_way_max_us;
    verdict_put(&m->verdicts, V_LATENCY, key, r->two_way_us > b->two_way_max_us, r->at_ms, &e);
}

void netmodel_probe(struct netmodel *m, const struct probe_result *r)
{
    const struct topo *t = m->topo;
    if (r->from >= t->n_sites || r->to >= t->n_sites || r->from == r->to || r->kind >= 4)
        return;
    struct pair *p = pair_at(m, r->from, r->to);
    m->now_ms = MAX(m->now_ms, r->at_ms);
    switch (r->what) {
    case PROBE_UP:
    case PROBE_DOWN:
        p->flow[r->kind][r->flow % FLOWS_MAX] = (struct flow_state){true, r->what == PROBE_UP};
        if (!probes_of(p).down)
            p->down_since_ms = 0;
        else if (!p->down_since_ms)
            p->down_since_ms = r->since_ms;
        break;
    case PROBE_LOOP:
    case PROBE_LOOP_ENDED:
        p->loop_seen = r->what == PROBE_LOOP;
        p->loop_at = r->loop_at;
        p->loop_hops = r->loop_hops;
        break;
    case PROBE_SPAN:
    case PROBE_SHIFT: measured(m, r, p); return;
    default: return;
    }
    p->stale = m->pairs_stale = true;
}
