#include "serve/view_net.h"

#include "serve/view.h"

#include <stdio.h>
#include <string.h>

static const char *const end_words[] = {[FWD_END_DELIVERED] = "delivered",
                                        [FWD_END_EXIT] = "leaves",
                                        [FWD_END_NO_ROUTE] = "no route",
                                        [FWD_END_DISCARDED] = "discarded",
                                        [FWD_END_LOOP] = "loop"};

static void kv_ms(struct jw *w, const char *key, int32_t us)
{
    if (us == PROBE_US_UNKNOWN)
        kv_null(w, key);
    else
        kv_fixed(w, key, us, 3);
}

static void kv_since(struct jw *w, const char *key, int64_t ms)
{
    if (ms > 0)
        kv_int(w, key, ms);
    else
        kv_null(w, key);
}

static void kv_prefix(struct jw *w, const char *key, const struct prefix *p)
{
    char text[PREFIX_TEXT_MAX];
    kv_text(w, key, p->family ? prefix_text(p, text) : NULL);
}

static void kv_address(struct jw *w, const char *key, const struct ip_addr *a)
{
    char text[IP_TEXT_MAX];
    kv_text(w, key, a->family ? ip_text(a, text) : NULL);
}

static const char *router_name(const struct topo *t, uint16_t router)
{
    return router < t->n_routers ? t->router[router].name : NULL;
}

static const char *link_name(const struct topo *t, uint16_t link)
{
    return link < t->n_links ? t->link[link].name : NULL;
}

/* ---- sessions of links ---- */

struct session { /* of a link, as both its ends tell */
    enum rib_peer_state state;
    int64_t since_ms;
    uint32_t downs;
    uint32_t routes[2]; /* that each end has of the other */
    const char *reason;
};

/* The peer of a router that is the other end of the link; SOURCE_NONE: it tells of none. */
static uint32_t peer_over(struct watch *n, const struct topo_link *l, int end, uint32_t router)
{
    const struct sources *s = watch_sources(n);
    for (uint32_t p = 0; (p = source_next_peer(s, router, p)) != SOURCE_NONE;) {
        const struct ip_addr *a = &source_peer_get(s, p)->key.address;
        if (a->family && (ip_equal(a, &l->address[!end][0]) || ip_equal(a, &l->address[!end][1])))
            return p;
    }
    return SOURCE_NONE;
}

static struct session session_of(struct watch *n, const struct topo_link *l)
{
    const struct topo *t = watch_topo(n);
    const struct rib *rib = netmodel_rib(watch_model(n));
    struct session s = {.state = RIB_PEER_UNKNOWN};
    for (int end = 0; end < 2; end++) {
        uint32_t router = source_router(watch_sources(n), t->router[l->router[end]].name);
        uint32_t peer = router ? peer_over(n, l, end, router) : SOURCE_NONE;
        if (!peer)
            continue;
        const struct rib_peer *p = rib_peer(rib, peer);
        if (p->state == RIB_PEER_DOWN || (p->state == RIB_PEER_UP && s.state == RIB_PEER_UNKNOWN)) {
            s.state = p->state;
            s.since_ms = p->since_ms;
            s.reason = p->state == RIB_PEER_DOWN ? route_down_text(&p->down) : NULL;
        }
        s.downs = MAX(s.downs, p->downs);
        uint32_t post = rib_peer_routes(rib, peer, VIEW_IN_POST);
        s.routes[end] = post ? post : rib_peer_routes(rib, peer, VIEW_IN_PRE);
    }
    return s;
}

static void view_link(struct jw *w, struct watch *n, const struct topo_link *l)
{
    static const char *const words[] = {
        [RIB_PEER_UNKNOWN] = "unknown", [RIB_PEER_UP] = "up", [RIB_PEER_DOWN] = "down"};
    const struct topo *t = watch_topo(n);
    struct session s = {0};
    if (l->session)
        s = session_of(n, l);
    jw_obj(w);
    kv_text(w, "name", l->name);
    kv_text(w, "a", t->router[l->router[0]].name);
    kv_text(w, "b", t->router[l->router[1]].name);
    kv_text(w, "session", l->session ? words[s.state] : "none");
    kv_since(w, "since_ms", s.since_ms);
    kv_text(w, "reason", s.reason);
    kv_uint(w, "downs", s.downs);
    kv_uint(w, "a_routes", s.routes[0]);
    kv_uint(w, "b_routes", s.routes[1]);
    jw_end(w);
}

static void view_router(struct jw *w, struct watch *n, uint16_t i)
{
    const struct topo_router *r = &watch_topo(n)->router[i];
    const struct rib *rib = netmodel_rib(watch_model(n));
    uint32_t source = source_router(watch_sources(n), r->name);
    struct rib_feed feed = source ? rib_feed(rib, source) : (struct rib_feed){0};
    uint32_t up = 0, peers = 0;
    uint64_t routes = 0;
    for (uint32_t p = 0; source && (p = source_next_peer(watch_sources(n), source, p));) {
        enum rib_peer_state state = rib_peer(rib, p)->state;
        peers += state != RIB_PEER_UNKNOWN;
        up += state == RIB_PEER_UP;
        uint32_t post = rib_peer_routes(rib, p, VIEW_IN_POST);
        routes += post ? post : rib_peer_routes(rib, p, VIEW_IN_PRE);
    }
    jw_obj(w);
    kv_text(w, "name", r->name);
    kv_text(w, "kind", topo_kind_names[r->kind]);
    kv_text(w, "region", r->region);
    kv_uint(w, "as", r->as);
    kv_text(w, "feed", !feed.ever ? "none" : feed.up ? "up" : "lost");
    kv_since(w, "since_ms", feed.since_ms);
    kv_bool(w, "heard", netmodel_heard(watch_model(n), i, watch_now(n)));
    kv_uint(w, "sessions", peers);
    kv_uint(w, "sessions_up", up);
    kv_uint(w, "routes", routes);
    uint32_t fib = netmodel_fib(watch_model(n), i);
    struct rib_feed table = fib ? rib_feed(rib, fib) : (struct rib_feed){0};
    kv_text(w, "fib", !table.ever ? "none" : table.up ? "up" : "lost");
    kv_bool(w, "fib_counts", netmodel_fib_counts(watch_model(n), i));
    kv_uint(w, "fib_routes", fib ? rib_router_routes(rib, fib) : 0);
    jw_end(w);
}

/* ---- paths ---- */

static void view_probed(struct jw *w, struct watch *n, const struct watch_path *p)
{
    static const char *const states[] = {
        [PATH_STATE_UNKNOWN] = "unknown", [PATH_STATE_UP] = "up", [PATH_STATE_DOWN] = "down"};
    const struct topo *t = watch_topo(n);
    const struct probe_result *r = &p->last;
    jw_obj(w);
    kv_text(w, "from", t->site[r->from].name);
    kv_text(w, "to", t->site[r->to].name);
    kv_uint(w, "flow", r->flow);
    kv_text(w, "kind", probe_kind_names[r->kind]);
    kv_text(w, "state", states[p->state]);
    kv_since(w, "since_ms", p->state_since_ms);
    kv_ms(w, "two_way_ms", r->two_way_us);
    kv_ms(w, "two_way_p99_ms", r->two_way_p99_us);
    kv_ms(w, "there_ms", r->there_us);
    kv_ms(w, "back_ms", r->back_us);
    jw_key(w, "loss");
    if (r->sent)
        jw_decimal(w, (double)r->lost / r->sent, 4);
    else
        jw_null(w);
    jw_key(w, "hops_there");
    r->hops_there == PATH_UNKNOWN ? jw_null(w) : jw_uint(w, r->hops_there);
    jw_key(w, "hops_back");
    r->hops_back == PATH_UNKNOWN ? jw_null(w) : jw_uint(w, r->hops_back);
    kv_bool(w, "loop", p->loop);
    kv_int(w, "age_ms", watch_now(n) - p->heard_ms);
    jw_end(w);
}

/* ---- verdicts ---- */

static void hops(struct jw *w, const struct topo *t, const char *key, const struct verdict_hop *h,
                 uint16_t n)
{
    kv_arr(w, key);
    for (uint16_t i = 0; i < n; i++) {
        jw_obj(w);
        kv_text(w, "router", router_name(t, h[i].router));
        kv_text(w, "link", link_name(t, h[i].link));
        jw_end(w);
    }
    jw_end(w);
}

/* What a program wants of the evidence; `text` says it to people. */
static void view_evidence(struct jw *w, const struct topo *t, const struct evidence *e)
{
    jw_obj(w);
    kv_text(w, "router", router_name(t, e->router));
    kv_text(w, "neighbour", router_name(t, e->neighbour));
    kv_text(w, "link", link_name(t, e->link));
    kv_text(w, "from", e->site[0] < t->n_sites ? t->site[e->site[0]].name : NULL);
    kv_text(w, "to", e->site[1] < t->n_sites ? t->site[e->site[1]].name : NULL);
    kv_arr(w, "prefixes");
    for (int i = 0; i < VERDICT_PREFIXES_MAX && e->prefix[i].family; i++) {
        char text[PREFIX_TEXT_MAX];
        jw_str(w, prefix_text(&e->prefix[i], text));
    }
    jw_end(w);
    kv_uint(w, "prefixes_in_all", e->n_prefixes);
    hops(w, t, "hops", e->hop, e->n_hops);
    hops(w, t, "back", e->back, e->n_back);
    jw_end(w);
}

static void view_verdict(struct jw *w, const struct topo *t, const struct verdict *v,
                         const char *text, bool evidence)
{
    const struct verdict_row *r = &verdict_rows[v->kind];
    jw_obj(w);
    kv_uint(w, "id", v->id);
    kv_text(w, "kind", r->name);
    kv_text(w, "severity", severity_names[r->severity]);
    kv_text(w, "text", text);
    kv_text(w, "router", router_name(t, v->evidence.router));
    kv_text(w, "link", link_name(t, v->evidence.link));
    kv_since(w, "since_ms", v->since_ms);
    kv_since(w, "raised_ms", v->raised_ms);
    kv_since(w, "ended_ms", v->state == VERDICT_ENDED ? v->ended_ms : 0);
    kv_text(w, "means", r->means);
    kv_text(w, "do", r->do_this);
    if (evidence) {
        jw_key(w, "evidence");
        view_evidence(w, t, &v->evidence);
    }
    jw_end(w);
}

void view_net_verdicts(struct jw *w, struct watch *n, bool ended)
{
    const struct topo *t = watch_topo(n);
    const struct verdict *v;
    const struct watch_ended *e;
    char text[WATCH_TEXT_MAX];
    jw_arr(w);
    for (uint32_t at = 0; (v = verdict_next(netmodel_verdicts(watch_model(n)), &at));)
        view_verdict(w, t, v, verdict_text(v, t, text, sizeof text), true);
    for (uint32_t i = 0; ended && (e = watch_ended_at(n, i)); i++)
        view_verdict(w, t, &e->verdict, e->text, true);
    jw_end(w);
}

/* ---- the section ---- */

static void verdict_section(struct jw *w, struct watch *n)
{
    const struct topo *t = watch_topo(n);
    const struct verdict *v;
    const struct watch_ended *e;
    char text[WATCH_TEXT_MAX];
    kv_arr(w, "verdicts");
    for (uint32_t at = 0; (v = verdict_next(netmodel_verdicts(watch_model(n)), &at));)
        view_verdict(w, t, v, verdict_text(v, t, text, sizeof text), false);
    jw_end(w);
    kv_arr(w, "ended");
    for (uint32_t i = 0; i < VIEW_NET_ENDED && (e = watch_ended_at(n, i)); i++)
        view_verdict(w, t, &e->verdict, e->text, false);
    jw_end(w);
    kv_arr(w, "findings");
    for (uint32_t i = 0; i < watch_findings(n); i++) {
        const struct topo_finding *f = watch_finding_at(n, i);
        jw_obj(w);
        kv_text(w, "kind", topo_wrongs[f->wrong].name);
        kv_text(w, "text", f->text);
        kv_text(w, "means", topo_wrongs[f->wrong].means);
        kv_text(w, "do", topo_wrongs[f->wrong].do_this);
        jw_end(w);
    }
    jw_end(w);
}

void view_network(struct jw *w, const struct scene *s)
{
    if (s->watch)
        view_net(w, s->watch);
    else
        jw_null(w);
}

void view_net(struct jw *w, struct watch *n)
{
    const struct topo *t = watch_topo(n);
    jw_obj(w);
    kv_arr(w, "routers");
    for (uint16_t i = 0; i < t->n_routers; i++)
        view_router(w, n, i);
    jw_end(w);
    kv_arr(w, "links");
    for (uint32_t i = 0; i < t->n_links; i++)
        view_link(w, n, &t->link[i]);
    jw_end(w);
    kv_arr(w, "sites");
    for (uint32_t i = 0; i < t->n_sites; i++) {
        jw_obj(w);
        kv_text(w, "name", t->site[i].name);
        kv_text(w, "router", router_name(t, t->site[i].router));
        kv_address(w, "address", &t->site[i].address);
        jw_end(w);
    }
    jw_end(w);
    kv_arr(w, "paths");
    for (uint32_t i = 0; i < watch_paths(n); i++)
        if (watch_path_at(n, i)->last.kind != PROBE_TRACE)
            view_probed(w, n, watch_path_at(n, i));
    jw_end(w);
    verdict_section(w, n);
    jw_end(w);
}

/* ---- routes to a prefix ---- */

static void view_way(struct jw *w, struct watch *n, const struct topo_site *from,
                     const struct ip_addr *to)
{
    const struct topo *t = watch_topo(n);
    struct fwd_hop hop[VERDICT_HOPS_MAX];
    struct verdict_hop way[VERDICT_HOPS_MAX + 1]; /* the router where it ends is the last */
    size_t count;
    uint16_t last;
    enum fwd_end end = fwd_walk(netmodel_fwd(watch_model(n)), from->router, to, hop,
                                VERDICT_HOPS_MAX, &count, &last);
    for (size_t i = 0; i < count; i++)
        way[i] = (struct verdict_hop){hop[i].to, hop[i].link};
    way[count] = (struct verdict_hop){last, TOPO_NONE};
    jw_obj(w);
    kv_text(w, "from", from->name);
    hops(w, t, "hops", way, (uint16_t)(count + 1));
    kv_text(w, "end", end_words[end]);
    jw_end(w);
}

struct listing {
    struct jw *w;
    struct watch *n;
    uint32_t left;
};

static bool view_route(void *arg, const struct rib_route *r)
{
    struct listing *l = arg;
    struct sources *s = watch_sources(l->n);
    const struct attr *a = attr_get(watch_attrs(l->n), r->attr);
    const struct source_peer *p = source_peer_get(s, r->peer);
    char path[256];
    if (!l->left)
        return false;
    l->left--;
    jw_obj(l->w);
    kv_text(l->w, "router", source_router_name(s, r->router));
    kv_text(l->w, "view", route_view_names[r->view]);
    kv_address(l->w, "peer", &p->key.address);
    kv_prefix(l->w, "prefix", rib_prefix(netmodel_rib(watch_model(l->n)), r->prefix_id));
    kv_text(l->w, "kind", route_kind_names[a->kind]);
    kv_address(l->w, "next_hop", &a->next_hop);
    kv_text(l->w, "path", attr_path_text(a, path, sizeof path));
    jw_key(l->w, "med");
    a->has &ATTR_MED ? jw_uint(l->w, a->med) : jw_null(l->w);
    jw_key(l->w, "local_pref");
    a->has &ATTR_LOCAL_PREF ? jw_uint(l->w, a->local_pref) : jw_null(l->w);
    kv_bool(l->w, "stale", r->stale);
    kv_since(l->w, "since_ms", r->since_ms);
    jw_end(l->w);
    return true;
}

void view_net_routes(struct jw *w, struct watch *n, const struct prefix *p)
{
    const struct topo *t = watch_topo(n);
    struct rib *rib = netmodel_rib(watch_model(n));
    uint32_t id = rib_prefix_covering(rib, p, p->len);
    struct ip_addr to = {.family = p->family};
    struct listing l = {w, n, VIEW_NET_ROUTES};
    memcpy(to.byte, p->byte, sizeof to.byte);
    jw_obj(w);
    kv_prefix(w, "asked", p);
    kv_prefix(w, "prefix", id ? rib_prefix(rib, id) : &(struct prefix){0});
    kv_arr(w, "routes");
    for (uint32_t r = 1; id && r <= source_routers(watch_sources(n)); r++)
        for (int view = 0; view < VIEWS; view++)
            rib_each_path(rib, r, (enum route_view)view, id, view_route, &l);
    jw_end(w);
    kv_bool(w, "more", !l.left);
    kv_arr(w, "ways");
    for (uint32_t i = 0; i < t->n_sites; i++)
        view_way(w, n, &t->site[i], &to);
    jw_end(w);
    jw_end(w);
}

/* ---- the path between two sites ---- */

static void one_way(struct jw *w, struct watch *n, const char *key, uint16_t from, uint16_t to)
{
    const struct topo *t = watch_topo(n);
    struct verdict_hop hop[VERDICT_HOPS_MAX];
    enum fwd_end end;
    uint16_t count = netmodel_way(watch_model(n), from, to, hop, &end);
    int64_t us = 0;
    bool known = true;
    for (uint16_t i = 0; i < count && hop[i].link < t->n_links; i++) {
        const struct topo_link *l = &t->link[hop[i].link];
        int32_t leg = l->latency_us[topo_end(l, topo_gateway(t, hop[i].router))];
        known = known && leg > 0;
        us += leg;
    }
    kv_obj(w, key);
    hops(w, t, "hops", hop, count);
    kv_text(w, "end", end_words[end]);
    if (known && count)
        kv_fixed(w, "latency_expected_ms", us, 3);
    else
        kv_null(w, "latency_expected_ms");
    jw_end(w);
}

void view_net_path(struct jw *w, struct watch *n, uint16_t from, uint16_t to)
{
    const struct topo *t = watch_topo(n);
    jw_obj(w);
    kv_text(w, "from", t->site[from].name);
    kv_text(w, "to", t->site[to].name);
    one_way(w, n, "there", from, to);
    one_way(w, n, "back", to, from);
    kv_arr(w, "probes");
    for (uint32_t i = 0; i < watch_paths(n); i++) {
        const struct watch_path *p = watch_path_at(n, i);
        if ((p->last.from == from && p->last.to == to) ||
            (p->last.from == to && p->last.to == from))
            view_probed(w, n, p);
    }
    jw_end(w);
    jw_end(w);
}

/* ---- what if ---- */

static void tried_verdicts(struct jw *w, const struct topo *t, const struct whatif *o)
{
    char text[WATCH_TEXT_MAX];
    kv_arr(w, "verdicts");
    for (uint32_t i = 0; i < o->n; i++) {
        const struct whatif_verdict *v = &o->verdict[i];
        const struct verdict_row *r = &verdict_rows[v->kind];
        struct verdict as_told = {.kind = v->kind, .evidence = v->evidence};
        jw_obj(w);
        kv_text(w, "kind", r->name);
        kv_text(w, "severity", severity_names[r->severity]);
        kv_bool(w, "raised", v->raised);
        kv_text(w, "text", verdict_text(&as_told, t, text, sizeof text));
        kv_text(w, "means", r->means);
        kv_text(w, "do", r->do_this);
        jw_key(w, "evidence");
        view_evidence(w, t, &v->evidence);
        jw_end(w);
    }
    jw_end(w);
    kv_uint(w, "more", o->more);
    kv_uint(w, "routes", o->routes);
}

void view_net_whatif(struct jw *w, struct watch *n, const struct whatif *o)
{
    jw_obj(w);
    kv_bool(w, "refused", o->refused);
    tried_verdicts(w, watch_topo(n), o);
    jw_end(w);
}

static void preference(struct jw *w, const struct topo *t, const struct net_change *x)
{
    char text[PREFIX_TEXT_MAX];
    jw_obj(w);
    kv_text(w, "change", net_change_names[x->kind]);
    kv_text(w, "router", t->router[x->router].name);
    kv_text(w, "link", t->link[x->link].name);
    if (x->prefix.family)
        kv_text(w, "prefix", prefix_text(&x->prefix, text));
    if (x->set_local_pref)
        kv_uint(w, "local_pref", x->local_pref);
    if (x->set_med)
        kv_uint(w, "med", x->med);
    if (x->prepend)
        kv_uint(w, "prepend", x->prepend);
    if (x->community) {
        snprintf(text, sizeof text, "%u:%u", x->community >> 16, x->community & 0xffff);
        kv_text(w, "community", text);
    }
    jw_end(w);
}

void view_net_plan(struct jw *w, struct watch *n, const struct optimise_plan *p, bool proved)
{
    const struct topo *t = watch_topo(n);
    jw_obj(w);
    kv_bool(w, "proved", proved);
    kv_text(w, "why_not", p->why_not);
    kv_uint(w, "pairs", p->pairs);
    kv_uint(w, "symmetric_before", p->symmetric_before);
    kv_uint(w, "symmetric_after", p->symmetric_after);
    kv_uint(w, "best_before", p->best_before);
    kv_uint(w, "best_after", p->best_after);
    kv_arr(w, "changes");
    for (uint32_t i = 0; i < p->n; i++)
        preference(w, t, &p->change[i]);
    jw_end(w);
    tried_verdicts(w, t, &p->effect);
    jw_end(w);
}
