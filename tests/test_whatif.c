/* whatif: what a proposal is said to do is what it does when it is made, and asking leaves nothing
 * behind. */
#include "net_world.h"

#include "net/netmodel_i.h"

static struct world *settled(struct topo t)
{
    struct world *w = w_new(t);
    w_play(w);
    w_wait(w, 60000);
    CHECK_EQ(w_raised(w, VERDICT_KINDS), 0);
    return w;
}

static struct net_change change(enum net_change_kind kind, uint16_t router, uint16_t link,
                                const char *prefix)
{
    return (struct net_change){
        .kind = (uint8_t)kind, .router = router, .link = link, .prefix = pfx(prefix)};
}

static int count(const struct whatif *w, enum verdict_kind kind, bool raised)
{
    int n = 0;
    for (uint32_t i = 0; i < w->n; i++)
        n += w->verdict[i].kind == kind && w->verdict[i].raised == raised;
    return n;
}

static struct whatif ask(struct world *w, struct net_change x)
{
    struct whatif out;
    if (!whatif_try(w->model, &x, 1, &out))
        TAP_FAIL("%s is not understood", net_change_names[x.kind]);
    return out;
}

TEST(a_static_route_that_loops_is_refused)
{
    struct world *w = settled(topo_direct());
    struct net_change x = change(NET_STATIC_ADD, USW2, US_PEERING, "10.3.0.0/16");
    struct whatif out = ask(w, x);
    CHECK(!out.refused); /* a detour by use1 */
    CHECK_EQ(count(&out, V_ASYMMETRIC, true), 1);
    w_static(w, USE1, "10.3.0.0/16", US_PEERING, true);
    w_wait(w, 1000);
    out = ask(w, x);
    CHECK(out.refused);
    CHECK_EQ(count(&out, V_LOOP, true), 1);
    for (uint32_t i = 0; i < out.n; i++)
        if (out.verdict[i].kind == V_LOOP) {
            const struct evidence *e = &out.verdict[i].evidence;
            struct prefix p = pfx("10.3.0.0/16");
            CHECK(e->n_hops == 2 && e->hop[0].router == USE1 && e->hop[0].link == US_PEERING);
            CHECK(prefix_equal(&e->prefix[0], &p));
        }
    w_free(w);
}

TEST(a_summary_meets_an_aggregate)
{
    struct topo t = topo_direct();
    t.subnet[USE1].prefix = pfx("10.1.0.0/17");
    add_static(&t, GCP, "10.0.0.0/8", TOPO_NONE);
    add_allowed(&t, USE1, "10.1.0.0/16", USE1_A);
    struct world *w = w_new(t);
    w->originates[USE1][w_prefix(w, "10.1.0.0/16")] = true;
    w_play(w);
    w_wait(w, 60000);
    struct net_change summary = change(NET_ALLOW_ADD, GCP, USE1_A, "10.0.0.0/8");
    struct whatif out = ask(w, summary);
    CHECK(out.refused && count(&out, V_LOOP, true) == 1);
    /* Together with a null route in the region it is fine, and mends what is. */
    struct net_change both[2] = {summary, change(NET_STATIC_ADD, USE1, TOPO_NONE, "10.1.0.0/16")};
    CHECK(whatif_try(w->model, both, 2, &out));
    CHECK(!out.refused && count(&out, V_AGGREGATE_UNCOVERED, false) == 1);
    w_free(w);
}

TEST(a_region_cut_off_and_a_second_link)
{
    struct world *w = settled(topo_direct());
    struct whatif out = ask(w, (struct net_change){.kind = NET_LINK_DOWN, .link = EUW1_A});
    CHECK_EQ(count(&out, V_NO_PATH, true), 8); /* with each of the four others, both ways */
    out = ask(w, (struct net_change){.kind = NET_LINK_DOWN, .link = USE1_A});
    CHECK_EQ(out.n, 0); /* the other one takes over */
    CHECK(out.routes > 0);
    struct route_down why = {.reason = DOWN_REMOTE_SILENT};
    w_session(w, EUW1_A, false, &why);
    w_play(w);
    w_wait(w, 10000);
    CHECK_EQ(w_raised(w, V_NO_PATH), 8);
    out = ask(w, (struct net_change){.kind = NET_LINK_UP, .link = EUW1_A});
    CHECK_EQ(count(&out, V_NO_PATH, false), 8 - 3); /* three learn of it from the hub, later */
    w_free(w);
}

struct rules {
    struct world *w;
    uint16_t by_gateway, by_interface;
};

static void look_at_rules(void *arg)
{
    struct rules *x = arg;
    struct prefix gateway = pfx("10.99.0.0/16"), interface = pfx("10.98.0.0/16");
    x->by_gateway = fwd_rule(netmodel_fwd(x->w->model), USE1, &gateway);
    x->by_interface = fwd_rule(netmodel_fwd(x->w->model), USE1, &interface);
}

TEST(a_lost_link_takes_what_only_the_forwarding_table_has)
{
    struct world *w = settled(topo_direct());
    struct rules x = {.w = w};
    struct whatif out;
    w_fib_tell(w, USE1);
    w_fib_route(w, USE1, "10.99.0.0/16", ROUTE_STATIC, USE1_A, true);
    w_fib_at(w, USE1, "169.254.1.0/30", NULL, "if-7"); /* where USE1_A is */
    w_fib_at(w, USE1, "10.98.0.0/16", "fe80::1", "if-7");
    w_wait(w, 20000);
    look_at_rules(&x);
    CHECK(x.by_gateway && x.by_interface == x.by_gateway);
    struct net_change lost[2] = {{.kind = NET_LINK_DOWN, .link = USE1_B},
                                 {.kind = NET_LINK_DOWN, .link = USE1_A}};
    CHECK(whatif_look(w->model, &lost[0], 1, &out, look_at_rules, &x));
    CHECK(x.by_gateway && x.by_interface == x.by_gateway);
    CHECK(whatif_look(w->model, &lost[1], 1, &out, look_at_rules, &x));
    CHECK(!x.by_gateway && !x.by_interface);
    look_at_rules(&x);
    CHECK(x.by_gateway && x.by_interface == x.by_gateway);
    w_free(w);
}

static void prefers(const char *how, struct net_change x, bool dx, void (*make)(struct world *w))
{
    struct topo t = topo_direct();
    if (dx)
        t.router[USE1].policy.order = BEST_DIRECT_CONNECT;
    struct world *w = settled(t);
    w->end[USE1_A][0].local_pref_in = 200; /* the hub by a; the region by both */
    w_play(w);
    w_wait(w, 20000);
    CHECK_EQ(w_raised(w, V_ASYMMETRIC), 4);
    struct whatif out = ask(w, x);
    if (out.refused || count(&out, V_ASYMMETRIC, false) != 4 || out.n != 4)
        TAP_FAIL("%s: %u verdicts", how, out.n);
    if (make) {
        make(w);
        w_play(w);
        w_wait(w, 20000);
        CHECK_EQ(w_raised(w, VERDICT_KINDS), 0);
    }
    w_free(w);
}

static void by_prepend(struct world *w)
{
    w->end[USE1_B][0].prepend_out = 1;
}
static void by_med(struct world *w)
{
    w->end[USE1_B][0].med_out = 200;
}
static void by_local_pref(struct world *w)
{
    w->end[USE1_A][1].local_pref_in = 300;
}

TEST(preferences_that_make_both_ends_agree)
{
    struct net_change x = {.kind = NET_PREFER, .router = GCP, .link = USE1_B};
    x.prepend = 1;
    prefers("prepend", x, false, by_prepend);
    x.prepend = 0;
    x.set_med = true;
    x.med = 200;
    prefers("MED", x, false, by_med);
    x.set_med = false;
    x.community = COMMUNITY(7224, 7100);
    prefers("community", x, true, NULL);
    x = (struct net_change){.kind = NET_PREFER, .router = USE1, .link = USE1_A};
    x.set_local_pref = true;
    x.local_pref = 300;
    prefers("local preference", x, false, by_local_pref);
}

TEST(one_failure_away)
{
    struct world *w = settled(topo_direct());
    /* Both regions' detours for euw1 by each other, as backups of the hub: a static route beats the
     * hub's in one, so the other's is what is left when its own link goes. */
    w_static(w, USW2, "10.3.0.0/16", US_PEERING, true);
    w->topo.router[USE1].policy.order = BEST_BGP;
    w_wait(w, 1000);
    for (uint32_t i = 0; i < w->topo.n_links; i++)
        netmodel_try_failure(w->model, w->now_ms);
    w_wait(w, 5000);
    CHECK_EQ(w_raised(w, V_LOOP_AFTER_FAILURE), 0);
    w_free(w);
    /* The edges have each other as backup for use1 and keep their own number: cea by its own link,
     * and when that fails by ceb; ceb by cea. */
    w = settled(topo_colo());
    int p = w_prefix(w, "10.1.0.0/16");
    w->end[CEA_CEB][1] = (struct w_end){
        .local_pref_in = 200, .allow_own_as = true, .send_back = true, .only_prefix = p + 1};
    w->end[CEA_CEB][0] = (struct w_end){
        .local_pref_in = 50, .allow_own_as = true, .send_back = true, .only_prefix = p + 1};
    w_play(w);
    w_wait(w, 10000);
    CHECK_EQ(w_raised(w, V_LOOP), 0);
    for (uint32_t i = 0; i < w->topo.n_links; i++)
        netmodel_try_failure(w->model, w->now_ms);
    w_wait(w, 5000);
    const struct verdict *v = w_verdict(w, V_LOOP_AFTER_FAILURE);
    CHECK(v && v->evidence.link == CEA_USE1);
    w_free(w);
}

TEST(what_is_not_understood)
{
    struct world *w = settled(topo_direct());
    struct whatif out;
    const struct net_change bad[] = {
        {.kind = NET_CHANGE_KINDS},
        {.kind = NET_LINK_DOWN, .link = 99},
        {.kind = NET_LINK_DOWN, .link = TOPO_NONE},
        {.kind = NET_ROUTE_ADD, .router = USE1, .link = EUW1_A, .prefix = pfx("10.0.0.0/8")},
        {.kind = NET_ROUTE_ADD, .router = 99, .link = EUW1_A, .prefix = pfx("10.0.0.0/8")},
        {.kind = NET_ROUTE_ADD, .router = EUW1, .link = EUW1_A},
        {.kind = NET_ROUTE_ADD, .router = EUW1, .link = TOPO_NONE, .prefix = pfx("10.0.0.0/8")},
        {.kind = NET_PREFER, .router = USW2, .link = EUW1_A},
    };
    for (size_t i = 0; i < COUNTOF(bad); i++)
        if (whatif_try(w->model, &bad[i], 1, &out))
            TAP_FAIL("number %zu is taken", i);
    w_free(w);
}

/* ---- asked, and then done ---- */

struct faults {
    uint64_t sum;
    uint32_t n;
};

/* What the models hold, whatever the order: faults, and the ways between sites. */
static struct faults state(struct world *w)
{
    struct faults s = {0};
    struct fwd_fault f;
    for (size_t at = 0; fwd_next_fault(netmodel_fwd(w->model), &at, &f); s.n++)
        s.sum += mix64(f.id + ((uint64_t)f.atoms << 32)) + hash_bytes(f.router, f.n_routers * 2u);
    for (uint16_t a = 0; a < w->topo.n_sites; a++)
        for (uint16_t b = 0; b < w->topo.n_sites; b++) {
            struct verdict_hop hop[VERDICT_HOPS_MAX];
            enum fwd_end end;
            uint16_t n = netmodel_way(w->model, a, b, hop, &end);
            s.sum += mix64(verdict_key(a, b, (uint64_t)end) + hash_bytes(hop, n * sizeof *hop));
        }
    return s;
}

PROP(as_asked_so_it_comes, 150)
{
    static const char *const prefix[] = {"10.1.0.0/16", "10.1.0.0/24", "10.2.0.0/16", "10.3.0.0/17",
                                         "10.4.0.0/16", "10.0.0.0/8",  "10.3.0.10/32"};
    static const enum verdict_kind compared[] = {V_LOOP, V_BLACKHOLE, V_NO_PATH, V_DEAD_END};
    struct world *w = settled(topo_direct());
    for (int step = 0; step < 8; step++) {
        int router = (int)rng_below(rng, 5), link = -1;
        const char *text = prefix[rng_below(rng, COUNTOF(prefix))];
        for (int tries = 0; tries < 30 && link < 0; tries++) {
            int l = (int)rng_below(rng, w->topo.n_links);
            if (w->topo.link[l].router[0] == router || w->topo.link[l].router[1] == router)
                link = rng_chance(rng, 0.2) ? -1 : l;
        }
        struct net_change x =
            change(NET_STATIC_ADD, (uint16_t)router, link < 0 ? TOPO_NONE : (uint16_t)link, text);
        uint32_t before[COUNTOF(compared)];
        for (size_t k = 0; k < COUNTOF(compared); k++)
            before[k] = w_raised(w, compared[k]);
        struct faults was = state(w);
        struct whatif out = ask(w, x);
        struct faults now = state(w);
        CHECK(was.sum == now.sum && was.n == now.n);
        netmodel_settle(w->model, w->now_ms, NULL, NULL);
        now = state(w);
        CHECK(was.sum == now.sum && was.n == now.n);
        w_static(w, router, text, link, true);
        w_wait(w, 30000);
        for (size_t k = 0; k < COUNTOF(compared); k++) {
            /* A loop or hole that is told to grow has its verdict already. */
            int grown = 0;
            for (uint32_t i = 0; i < out.n; i++)
                grown += out.verdict[i].kind == compared[k] && out.verdict[i].raised;
            int more = (int)w_raised(w, compared[k]) - (int)before[k];
            int gone = count(&out, compared[k], false);
            if (more > grown - gone || (compared[k] == V_NO_PATH && more != grown - gone) ||
                (grown == 0 && more != -gone))
                TAP_FAIL("%s of %s at %d by %d: %d more, asked %d and %d gone",
                         verdict_rows[compared[k]].name, text, router, link, more, grown, gone);
        }
    }
    w_free(w);
}

TAP_MAIN
