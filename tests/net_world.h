/* net_world.h - routers that speak BGP with each other, small and by the book, so that tests have
 * the tables that real ones would: path vector, import and export policy, the loop check and the
 * ways of turning it off. What each router then has (received, accepted) goes to a model as the
 * events of a BMP feed.
 *
 * The choice of a best path here is local preference, length of the path, lower link: enough for
 * what is announced; which route packets take is for the model under test. */
#pragma once

#include "net/netmodel.h"
#include "net/whatif.h"
#include "topo_fixture.h"

enum { W_ROUTERS = 8, W_LINKS = 16, W_PREFIXES = 24, W_PATH = 8, W_TOLD = 512 };

struct w_path {
    bool there, accepted;
    uint32_t as[W_PATH]; /* as received, the neighbour first */
    uint32_t kept[W_PATH]; /* as kept by the import policy */
    int n, n_kept;
    uint32_t local_pref, med;
};

struct w_end { /* policy of a router at its end of a link */
    uint32_t local_pref_in, med_out; /* 0: none */
    int prepend_out;
    bool allow_own_as, exclude_own_as, override_out;
    bool send_back;    /* also what came from there */
    int only_prefix;   /* 1 + its number; 0: all of this is for every prefix */
};

struct world {
    struct topo topo;
    struct attr_table *attrs;
    struct sources *sources;
    struct netmodel *model;
    int64_t now_ms;

    struct prefix prefix[W_PREFIXES];
    int n_prefixes;
    bool originates[W_ROUTERS][W_PREFIXES];
    struct w_end end[W_LINKS][2];
    bool down[W_LINKS];
    struct w_path in[W_ROUTERS][W_LINKS][W_PREFIXES];
    struct w_path told[W_ROUTERS][W_LINKS][W_PREFIXES];
    uint32_t router[W_ROUTERS], peer[W_ROUTERS][W_LINKS];

    struct verdict log[W_TOLD]; /* what was raised and ended, in order */
    int n_log;
};

/* ---- BGP ---- */

static inline int w_prefix(struct world *w, const char *text)
{
    struct prefix p = pfx(text);
    for (int i = 0; i < w->n_prefixes; i++)
        if (prefix_equal(&w->prefix[i], &p))
            return i;
    CHECK(w->n_prefixes < W_PREFIXES);
    w->prefix[w->n_prefixes] = p;
    return w->n_prefixes++;
}

static inline bool w_has_as(const uint32_t *as, int n, uint32_t x)
{
    for (int i = 0; i < n; i++)
        if (as[i] == x)
            return true;
    return false;
}

/* The link of the best path, -1: own, -2: none. */
static inline int w_best(const struct world *w, int r, int p)
{
    int best = -2;
    if (w->originates[r][p])
        return -1;
    for (int l = 0; l < (int)w->topo.n_links; l++) {
        const struct w_path *x = &w->in[r][l][p];
        if (!x->there || !x->accepted)
            continue;
        const struct w_path *y = best >= 0 ? &w->in[r][best][p] : NULL;
        if (!y || x->local_pref > y->local_pref ||
            (x->local_pref == y->local_pref && x->n_kept < y->n_kept))
            best = l;
    }
    return best;
}

static inline const struct w_end *w_policy(const struct world *w, int r, int l, int p)
{
    static const struct w_end none;
    const struct w_end *e = &w->end[l][topo_end(&w->topo.link[l], (uint16_t)r)];
    return e->only_prefix && e->only_prefix != p + 1 ? &none : e;
}

static inline struct w_path w_export(const struct world *w, int from, int l, int p)
{
    const struct topo_link *k = &w->topo.link[l];
    const struct w_end *out = w_policy(w, from, l, p);
    uint32_t as = w->topo.router[from].as;
    uint32_t theirs = w->topo.router[topo_other(k, (uint16_t)from)].as;
    int best = w_best(w, from, p);
    struct w_path x = {0};
    if (best == -2 || (best == l && !out->send_back) || w->down[l] || !k->session)
        return x;
    x.there = true;
    x.med = out->med_out;
    for (int i = 0; i <= out->prepend_out; i++)
        x.as[x.n++] = as;
    for (int i = 0; best >= 0 && i < w->in[from][best][p].n_kept && x.n < W_PATH; i++) {
        uint32_t a = w->in[from][best][p].kept[i];
        x.as[x.n++] = out->override_out && a == theirs ? as : a;
    }
    return x;
}

static inline void w_import(const struct world *w, int to, int l, int p, struct w_path *x)
{
    const struct w_end *in = w_policy(w, to, l, p);
    uint32_t own = w->topo.router[to].as;
    x->accepted = x->there && (in->allow_own_as || !w_has_as(x->as, x->n, own));
    x->local_pref = in->local_pref_in ? in->local_pref_in : 100;
    for (int i = 0; i < x->n; i++)
        if (!in->exclude_own_as || x->as[i] != own)
            x->kept[x->n_kept++] = x->as[i];
}

static inline void w_converge(struct world *w)
{
    for (int round = 0, changed = 1; changed; round++) {
        CHECK(round < 50);
        changed = 0;
        for (int r = 0; r < (int)w->topo.n_routers; r++)
            for (int l = 0; l < (int)w->topo.n_links; l++) {
                const struct topo_link *k = &w->topo.link[l];
                if (k->router[0] != r && k->router[1] != r)
                    continue;
                for (int p = 0; p < w->n_prefixes; p++) {
                    struct w_path x = w_export(w, topo_other(k, (uint16_t)r), l, p);
                    w_import(w, r, l, p, &x);
                    changed |= memcmp(&x, &w->in[r][l][p], sizeof x) != 0;
                    w->in[r][l][p] = x;
                }
            }
    }
}

/* ---- the feed ---- */

static inline void w_event(struct world *w, struct route_event e)
{
    e.at_ms = w->now_ms;
    netmodel_sink(w->model, &e);
}

static inline void w_say(struct world *w, int r, int l, int p, enum route_view view,
                         const struct w_path *x, bool there)
{
    uint32_t path[1 + W_PATH];
    const struct topo_link *k = &w->topo.link[l];
    const uint32_t *as = view == VIEW_IN_PRE ? x->as : x->kept;
    int n = view == VIEW_IN_PRE ? x->n : x->n_kept;
    struct route_event e = {.type = there ? ROUTE_ANNOUNCE : ROUTE_WITHDRAW,
                            .view = (uint8_t)view,
                            .router = w->router[r],
                            .peer = w->peer[r][l],
                            .prefix = w->prefix[p]};
    if (there) {
        path[0] = AS_SEGMENT(AS_SEQUENCE, n);
        memcpy(path + 1, as, (size_t)n * sizeof *as);
        struct attr a = {.path = path, .n_path = (uint16_t)(n + 1)};
        a.next_hop = k->address[!topo_end(k, (uint16_t)r)][0];
        if (view == VIEW_IN_POST) {
            a.local_pref = x->local_pref;
            a.has |= ATTR_LOCAL_PREF;
        }
        if (x->med) {
            a.med = x->med;
            a.has |= ATTR_MED;
        }
        e.attr = attr_intern(w->attrs, &a);
    }
    w_event(w, e);
    attr_release(w->attrs, e.attr);
}

/* Converges, and tells the model what has changed since it was last told. */
static inline void w_play(struct world *w)
{
    w_converge(w);
    for (int r = 0; r < (int)w->topo.n_routers; r++)
        for (int l = 0; l < (int)w->topo.n_links; l++)
            for (int p = 0; p < w->n_prefixes; p++) {
                struct w_path *now = &w->in[r][l][p], *was = &w->told[r][l][p];
                if (memcmp(now, was, sizeof *now) == 0)
                    continue;
                if (now->there || was->there)
                    w_say(w, r, l, p, VIEW_IN_PRE, now, now->there);
                if (now->accepted || was->accepted)
                    w_say(w, r, l, p, VIEW_IN_POST, now, now->accepted);
                *was = *now;
            }
}

static inline void w_told(void *arg, const struct verdict *v)
{
    struct world *w = arg;
    if (w->n_log < W_TOLD)
        w->log[w->n_log++] = *v;
}

/* Time passes, and the model settles when it wants to. */
static inline void w_wait(struct world *w, int64_t ms)
{
    int64_t end = w->now_ms + ms;
    while (w->now_ms < end) {
        netmodel_settle(w->model, w->now_ms, w_told, w);
        int64_t due = netmodel_due(w->model);
        w->now_ms = MIN(end, MAX(due, w->now_ms + 1));
    }
    netmodel_settle(w->model, w->now_ms, w_told, w);
}

static inline void w_session(struct world *w, int l, bool up, const struct route_down *why)
{
    static const struct route_up ok = {.as4 = 1};
    w->down[l] = !up;
    for (int end = 0; end < 2; end++) {
        int r = w->topo.link[l].router[end];
        struct route_event e = {.type = up ? ROUTE_PEER_UP : ROUTE_PEER_DOWN,
                                .router = w->router[r],
                                .peer = w->peer[r][l]};
        if (up)
            e.up = &ok;
        else
            e.down = why;
        w_event(w, e);
        if (!up)
            memset(w->told[r][l], 0, sizeof w->told[r][l]);
    }
}

/* A route of the router's own table that no neighbour announced: a static one by a link, or a null
 * route (link -1). */
static inline void w_static(struct world *w, int r, const char *prefix, int link, bool there)
{
    struct peer_key key = {.type = PEER_GLOBAL};
    struct attr a = {.kind = ROUTE_STATIC, .has = link < 0 ? ATTR_BLACKHOLE : 0};
    if (link >= 0)
        a.via = source_name(w->sources, w->topo.link[link].name);
    struct route_event e = {.type = there ? ROUTE_ANNOUNCE : ROUTE_WITHDRAW,
                            .view = VIEW_IN_POST,
                            .router = w->router[r],
                            .peer = source_peer(w->sources, w->router[r], &key),
                            .prefix = pfx(prefix),
                            .attr = there ? attr_intern(w->attrs, &a) : ATTR_NONE};
    w_event(w, e);
    attr_release(w->attrs, e.attr);
}

/* A route of the router's own, as FRR tells it: accepted, of no peer, without a next hop. */
static inline void w_local(struct world *w, int r, const char *prefix, bool there)
{
    struct peer_key key = {.type = PEER_GLOBAL};
    struct attr a = {.next_hop = {.family = IPV4}};
    struct route_event e = {.type = there ? ROUTE_ANNOUNCE : ROUTE_WITHDRAW,
                            .view = VIEW_IN_POST,
                            .router = w->router[r],
                            .peer = source_peer(w->sources, w->router[r], &key),
                            .prefix = pfx(prefix),
                            .attr = there ? attr_intern(w->attrs, &a) : ATTR_NONE};
    w_event(w, e);
    attr_release(w->attrs, e.attr);
}

static inline void w_probe(struct world *w, int from, int to, enum probe_kind kind,
                           enum probe_what what)
{
    struct probe_result r = {.at_ms = w->now_ms,
                             .since_ms = w->now_ms - 100,
                             .from = (uint16_t)from,
                             .to = (uint16_t)to,
                             .kind = (uint8_t)kind,
                             .what = (uint8_t)what};
    netmodel_probe(w->model, &r);
}

/* The topology is the world's from here on. Every router originates the subnets of its sites; all
 * feeds are up, all sessions too. */
static inline struct world *w_new(struct topo t)
{
    struct world *w = mem_new(1, sizeof *w);
    struct netmodel_options o = NETMODEL_DEFAULTS;
    w->topo = t;
    w->now_ms = 1000000;
    w->attrs = attr_table_new(1, 10000, 1 << 20);
    w->sources = sources_new();
    w->model = netmodel_new(&w->topo, w->attrs, w->sources, &o);
    for (uint32_t r = 0; r < t.n_routers; r++) {
        w->router[r] = source_router(w->sources, t.router[r].name);
        w_event(w, (struct route_event){.type = ROUTE_FEED_UP, .router = w->router[r]});
    }
    for (uint32_t l = 0; l < t.n_links; l++)
        for (int end = 0; end < 2; end++) {
            struct peer_key key = {.address = t.link[l].address[!end][0], .type = PEER_GLOBAL};
            uint16_t r = t.link[l].router[end];
            w->peer[r][l] = source_peer(w->sources, w->router[r], &key);
        }
    for (uint32_t l = 0; l < t.n_links; l++)
        if (t.link[l].session)
            w_session(w, (int)l, true, NULL);
    for (uint32_t s = 0; s < t.n_subnets; s++) {
        char text[PREFIX_TEXT_MAX];
        int p = w_prefix(w, prefix_text(&t.subnet[s].prefix, text));
        w->originates[t.site[t.subnet[s].site].router][p] = true;
    }
    return w;
}

static inline void w_free(struct world *w)
{
    netmodel_free(w->model);
    sources_free(w->sources);
    attr_table_free(w->attrs);
    topo_free(&w->topo);
    mem_free(w);
}

static inline uint32_t w_raised(const struct world *w, enum verdict_kind kind)
{
    return verdicts_raised(netmodel_verdicts(w->model), kind);
}

/* Every raised verdict as a comment, for a test that failed. */
static inline void w_print(const struct world *w)
{
    char text[512];
    const struct verdict *v;
    for (uint32_t at = 0; (v = verdict_next(netmodel_verdicts(w->model), &at));)
        printf("# %s\n", verdict_text(v, &w->topo, text, sizeof text));
}

/* The raised verdict of a kind, NULL if there is none. */
static inline const struct verdict *w_verdict(const struct world *w, enum verdict_kind kind)
{
    const struct verdict *v;
    for (uint32_t at = 0; (v = verdict_next(netmodel_verdicts(w->model), &at));)
        if (v->kind == kind)
            return v;
    return NULL;
}

/* Exactly these kinds are raised, each at least once. */
static inline void only(const struct world *w, const char *when, int n,
                        const enum verdict_kind kind[])
{
    const struct verdict *v;
    bool bad = false;
    for (int i = 0; i < n; i++)
        if (!w_raised(w, kind[i])) {
            TAP_FAIL("%s: no %s", when, verdict_rows[kind[i]].name);
            bad = true;
        }
    for (uint32_t at = 0; (v = verdict_next(netmodel_verdicts(w->model), &at));) {
        bool known = false;
        for (int i = 0; i < n; i++)
            known |= v->kind == kind[i];
        if (!known) {
            TAP_FAIL("%s: %s is raised", when, verdict_rows[v->kind].name);
            bad = true;
        }
    }
    if (bad)
        w_print(w);
}
#define ONLY(w, when, ...)                                                                         \
    only(w, when, (int)COUNTOF(((const enum verdict_kind[]){__VA_ARGS__})),                        \
         (const enum verdict_kind[]){__VA_ARGS__})
#define HEALTHY(w, when) only(w, when, 0, NULL)

/* ---- forwarding tables that routers tell themselves ---- */

static inline struct route_event w_fib_event(struct world *w, int r, enum route_event_type type)
{
    char name[SOURCE_NAME_MAX];
    struct peer_key key = {.type = PEER_LOC_RIB, .distinguisher = 254};
    snprintf(name, sizeof name, "%s%s", w->topo.router[r].name, NETMODEL_FIB);
    struct route_event e = {.type = (uint8_t)type,
                            .router = source_router(w->sources, name),
                            .view = VIEW_LOC_RIB,
                            .family = IPV4};
    if (type != ROUTE_FEED_UP && type != ROUTE_FEED_LOST)
        e.peer = source_peer(w->sources, e.router, &key);
    return e;
}

/* A route of the table: by a link, to what is attached (link -1), or dropped (-2). */
static inline void w_fib_route(struct world *w, int r, const char *prefix, enum route_kind kind,
                               int link, bool there)
{
    struct route_event e = w_fib_event(w, r, there ? ROUTE_ANNOUNCE : ROUTE_WITHDRAW);
    struct attr a = {.kind = (uint8_t)(link == -1 ? ROUTE_SUBNET : kind),
                     .has = link == -2 ? ATTR_BLACKHOLE : 0};
    if (link >= 0) {
        const struct topo_link *l = &w->topo.link[link];
        a.next_hop = l->address[!topo_end(l, (uint16_t)r)][0];
    }
    e.prefix = pfx(prefix);
    e.attr = there ? attr_intern(w->attrs, &a) : ATTR_NONE;
    w_event(w, e);
    attr_release(w->attrs, e.attr);
}

/* A route of the table by a link-local gateway (or to what is attached) at an interface. */
static inline void w_fib_at(struct world *w, int r, const char *prefix, const char *gateway,
                            const char *interface)
{
    struct route_event e = w_fib_event(w, r, ROUTE_ANNOUNCE);
    struct attr a = {.kind = gateway ? ROUTE_BGP : ROUTE_SUBNET,
                     .via = source_name(w->sources, interface)};
    if (gateway)
        a.next_hop = ip(gateway);
    e.prefix = pfx(prefix);
    e.attr = attr_intern(w->attrs, &a);
    w_event(w, e);
    attr_release(w->attrs, e.attr);
}

static inline void w_fib_feed(struct world *w, int r, bool up)
{
    w_event(w, w_fib_event(w, r, up ? ROUTE_FEED_UP : ROUTE_FEED_LOST));
}

/* The whole table, as BGP and what is attached make it. */
static inline void w_fib_tell(struct world *w, int r)
{
    w_fib_feed(w, r, true);
    for (int p = 0; p < w->n_prefixes; p++) {
        char text[PREFIX_TEXT_MAX];
        int best = w_best(w, r, p);
        if (best >= -1)
            w_fib_route(w, r, prefix_text(&w->prefix[p], text), ROUTE_BGP, best, true);
    }
    w_event(w, w_fib_event(w, r, ROUTE_END_OF_RIB));
}
