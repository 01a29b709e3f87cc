/* netmodel, routers' own forwarding tables: what a router does outweighs what it is told, and what
 * only that table shows is named. */
#include "net/netmodel_i.h"
#include "net_world.h"

static void tell_all(struct world *w)
{
    for (int r = 0; r < (int)w->topo.n_routers; r++)
        w_fib_tell(w, r);
}

static struct world *settled(struct topo t)
{
    struct world *w = w_new(t);
    w_play(w);
    tell_all(w);
    w_wait(w, 60000);
    HEALTHY(w, "at first");
    CHECK_EQ(w->n_log, 0);
    return w;
}

/* One link is the best everywhere, by BGP too. */
static struct world *settled_by_one_link(void)
{
    struct world *w = w_new(topo_direct());
    for (int end = 0; end < 2; end++)
        w->end[USE1_A][end].local_pref_in = w->end[USW2_A][end].local_pref_in = 200;
    w_play(w);
    tell_all(w);
    w_wait(w, 60000);
    HEALTHY(w, "at first");
    return w;
}

/* The routers of the way between two sites, each with its first letter: gcp is g, cea c, ... */
static void way(struct world *w, uint16_t from, uint16_t to, const char *want)
{
    struct verdict_hop hop[VERDICT_HOPS_MAX];
    char got[256] = "";
    enum fwd_end end;
    uint16_t n = netmodel_way(w->model, from, to, hop, &end);
    for (uint16_t i = 0; i < n; i++)
        snprintf(got + strlen(got), sizeof got - strlen(got), "%s%s", i ? " " : "",
                 w->topo.router[hop[i].router].name);
    snprintf(got + strlen(got), sizeof got - strlen(got), " %s", fwd_end_names[end]);
    CHECK_STR(got, want);
}

static const char *text_of(struct world *w, enum verdict_kind kind)
{
    static char text[512];
    const struct verdict *v = w_verdict(w, kind);
    return v ? verdict_text(v, &w->topo, text, sizeof text) : "";
}

TEST(healthy_networks_raise_nothing)
{
    struct topo t[2] = {topo_direct(), topo_colo()};
    for (int i = 0; i < 2; i++) {
        struct world *w = settled(t[i]);
        for (uint16_t r = 0; r < w->topo.n_routers; r++)
            CHECK(netmodel_fib_counts(w->model, r));
        w_free(w);
    }
}

TEST(two_static_routes_point_at_each_other)
{
    struct world *w = settled(topo_direct());
    int64_t start = w->now_ms;
    w_fib_route(w, USE1, "10.3.0.0/16", ROUTE_STATIC, US_PEERING, true);
    w_wait(w, 300);
    w_fib_route(w, USW2, "10.3.0.0/16", ROUTE_STATIC, US_PEERING, true);
    w_wait(w, 5000);
    ONLY(w, "static loop", V_LOOP, V_NO_PATH);
    CHECK_STR(text_of(w, V_LOOP), "forwarding_loop: 10.3.0.0/16; round by use1 -us-peering-> usw2 "
                                  "-us-peering->; not by BGP at use1, usw2");
    const struct verdict *v = w_verdict(w, V_LOOP);
    CHECK(v && v->raised_ms - start <= 800); /* 300 to form, 500 of patience */
    way(w, USE1, EUW1, "use1 usw2 use1 loop");
    way(w, GCP, EUW1, "gcp euw1 delivered");
    w_fib_route(w, USW2, "10.3.0.0/16", ROUTE_BGP, USW2_A, true);
    w_wait(w, 20000);
    ONLY(w, "one is left", V_ASYMMETRIC);
    w_fib_route(w, USE1, "10.3.0.0/16", ROUTE_BGP, USE1_A, true);
    w_wait(w, 5000);
    HEALTHY(w, "healed");
    w_free(w);
}

/* A region announces more than it has, the hub a summary: the region's table shows what it has. */
TEST(what_is_not_attached_any_more)
{
    struct world *w = settled(topo_direct());
    w_fib_route(w, USE1, "10.1.0.0/16", ROUTE_SUBNET, -1, false);
    w_fib_route(w, USE1, "10.1.0.0/17", ROUTE_SUBNET, -1, true);
    w_wait(w, 5000);
    ONLY(w, "half of it", V_BLACKHOLE);
    w_fib_route(w, USE1, "10.0.0.0/8", ROUTE_BGP, USE1_A, true);
    w_fib_route(w, GCP, "10.0.0.0/8", ROUTE_STATIC, -2, true);
    w_wait(w, 5000);
    ONLY(w, "and a summary", V_LOOP);
    CHECK_STR(text_of(w, V_LOOP),
              "forwarding_loop: 10.1.0.0/16; round by gcp -use1-a-> use1 -use1-a->");
    w_fib_route(w, USE1, "10.1.0.0/17", ROUTE_SUBNET, -1, false);
    w_fib_route(w, USE1, "10.1.0.0/16", ROUTE_SUBNET, -1, true);
    w_wait(w, 5000);
    HEALTHY(w, "healed");
    w_free(w);
}

TEST(a_null_route_and_a_route_that_is_not_installed)
{
    struct world *w = settled(topo_direct());
    w_fib_route(w, EUW1, "10.3.128.0/17", ROUTE_STATIC, -2, true);
    w_wait(w, 5000);
    ONLY(w, "null route", V_BLACKHOLE);
    CHECK_STR(text_of(w, V_BLACKHOLE),
              "blackhole at euw1: 10.3.128.0/17, AS 64603; sent by gcp -euw1-a->");
    w_fib_route(w, EUW1, "10.3.128.0/17", ROUTE_STATIC, -2, false);
    w_fib_route(w, GCP, "10.3.0.0/16", ROUTE_BGP, EUW1_A, false);
    w_wait(w, 5000);
    ONLY(w, "not installed", V_BLACKHOLE, V_NO_PATH);
    CHECK(strstr(text_of(w, V_BLACKHOLE), "blackhole at gcp: 10.3.0.0/16") != NULL);
    CHECK(strstr(text_of(w, V_BLACKHOLE), "BGP has a route, the forwarding table not") != NULL);
    w_fib_route(w, GCP, "10.3.0.0/16", ROUTE_BGP, EUW1_A, true);
    w_wait(w, 5000);
    HEALTHY(w, "healed");
    w_free(w);
}

/* A preference that the other feed does not show: the router's own choice is the way, and what is
 * expected of it is held against that. */
TEST(the_router_has_chosen_another_route)
{
    struct topo t = topo_colo();
    struct topo_expect *x = add_expect(&t, GCP, "10.1.0.0/16");
    x->n_next = 2;
    x->next[0] = GCP_CEA;
    x->next[1] = GCP_CEB;
    struct world *w = settled(t);
    way(w, GCP, USE1, "gcp cea use1 delivered");
    w_fib_route(w, GCP, "10.1.0.0/16", ROUTE_OTHER, GCP_CEB, true);
    w_wait(w, 20000);
    way(w, GCP, USE1, "gcp ceb use1 delivered");
    ONLY(w, "by the other edge", V_ASYMMETRIC, V_BETTER_UNUSED);
    w_fib_route(w, GCP, "10.1.0.0/16", ROUTE_BGP, GCP_CEA, true);
    w_wait(w, 20000);
    HEALTHY(w, "as BGP would");
    /* A static route there is none of the expected ones. */
    x = NULL;
    w_fib_route(w, CEA, "10.1.0.0/24", ROUTE_STATIC, GCP_CEA, true);
    w_wait(w, 20000);
    CHECK(w_raised(w, V_LOOP));
    CHECK(strstr(text_of(w, V_LOOP), "not by BGP at cea") != NULL);
    w_free(w);
}

TEST(several_next_hops)
{
    struct world *w = settled(topo_direct());
    struct route_event e = w_fib_event(w, GCP, ROUTE_ANNOUNCE);
    struct attr a = {.kind = ROUTE_BGP, .next_hop = w->topo.link[USE1_B].address[1][0]};
    e.prefix = pfx("10.1.0.0/16");
    e.path_id = 1;
    e.attr = attr_intern(w->attrs, &a);
    w_event(w, e);
    attr_release(w->attrs, e.attr);
    w_wait(w, 5000);
    size_t n;
    struct prefix p = pfx("10.1.0.0/16");
    (void)fwd_hops(netmodel_fwd(w->model), fwd_rule(netmodel_fwd(w->model), GCP, &p), &n);
    CHECK_EQ(n, 2);
    w_free(w);
}

/* IPv6 as FRR has it: gateways are link-local, and what is attached tells which link is meant. */
TEST(a_link_local_gateway_is_on_a_link)
{
    struct world *w = settled(topo_direct());
    char text[PREFIX_TEXT_MAX];
    size_t n;
    struct prefix p = pfx("2001:db8:3::/48");
    w->topo.link[US_PEERING].name[0] = '\0';
    str_copy(w->topo.link[US_PEERING].name, TOPO_NAME_MAX, "if4"); /* that is not what is meant */
    w_fib_at(w, USE1, "169.254.1.0/30", NULL, "if4");
    w_fib_at(w, USE1, "169.254.2.0/30", NULL, "if5");
    w_fib_at(w, USE1, prefix_text(&p, text), "fe80::1", "if5");
    w_wait(w, 1000);
    const struct fwd_hop *hop =
        fwd_hops(netmodel_fwd(w->model), fwd_rule(netmodel_fwd(w->model), USE1, &p), &n);
    CHECK(n == 1 && hop[0].to == GCP && hop[0].link == USE1_B);
    w_fib_at(w, USE1, prefix_text(&p, text), "fe80::1", "if4");
    w_wait(w, 1000);
    hop = fwd_hops(netmodel_fwd(w->model), fwd_rule(netmodel_fwd(w->model), USE1, &p), &n);
    CHECK(n == 1 && hop[0].to == GCP && hop[0].link == USE1_A);
    w_fib_at(w, USE1, prefix_text(&p, text), "fe80::1", "if6"); /* nowhere that is known */
    w_wait(w, 1000);
    hop = fwd_hops(netmodel_fwd(w->model), fwd_rule(netmodel_fwd(w->model), USE1, &p), &n);
    CHECK(n == 1 && hop[0].to == FWD_EXIT);
    struct prefix link = pfx("169.254.1.0/30");
    hop = fwd_hops(netmodel_fwd(w->model), fwd_rule(netmodel_fwd(w->model), USE1, &link), &n);
    CHECK(n == 1 && hop[0].to == FWD_DELIVER);
    w_free(w);
}

/* ---- feeds that come and go ---- */

TEST(a_table_counts_when_it_was_told_in_full)
{
    struct world *w = w_new(topo_direct());
    w_play(w);
    w_fib_feed(w, USE1, true);
    w_fib_route(w, USE1, "10.1.0.0/16", ROUTE_SUBNET, -1, true); /* the rest is under way */
    w_wait(w, 60000);
    HEALTHY(w, "half told");
    CHECK(netmodel_fib(w->model, USE1) && !netmodel_fib_counts(w->model, USE1));
    w_event(w, w_fib_event(w, USE1, ROUTE_END_OF_RIB)); /* that was all: it cannot reach anybody */
    w_wait(w, 5000);
    ONLY(w, "told", V_NO_PATH);
    CHECK(netmodel_fib_counts(w->model, USE1));
    w_free(w);
}

/* A table is lost and BGP is not: what BGP no longer offers, or offers anew, is BGP's; of several
 * equal ones the table's stays, and so does what is static. */
TEST(a_table_that_is_told_no_more)
{
    struct world *w = settled(topo_direct());
    w_fib_feed(w, USE1, false);
    w_wait(w, 20000);
    ONLY(w, "as it was", V_FEED_STALE);
    CHECK_STR(text_of(w, V_FEED_STALE), "feed_stale at use1; its forwarding table (FPM)");
    CHECK(!netmodel_fib_counts(w->model, USE1));
    struct prefix p = pfx("10.3.0.0/16");
    size_t n;
    const struct fwd_hop *hop =
        fwd_hops(netmodel_fwd(w->model), fwd_rule(netmodel_fwd(w->model), USE1, &p), &n);
    CHECK(n == 1 && hop[0].link == USE1_A); /* not both, as BGP alone would have it */
    struct route_down why = {.reason = DOWN_REMOTE_SILENT};
    w_session(w, USE1_A, false, &why);
    w_play(w);
    w_wait(w, 1000);
    hop = fwd_hops(netmodel_fwd(w->model), fwd_rule(netmodel_fwd(w->model), USE1, &p), &n);
    CHECK(n == 1 && hop[0].link == USE1_B);
    w_session(w, USE1_A, true, NULL);
    w_play(w);
    w_fib_tell(w, USE1);
    w_wait(w, 20000);
    HEALTHY(w, "told again");
    CHECK(netmodel_fib_counts(w->model, USE1));
    w_free(w);
}

TEST(static_routes_of_a_table_that_is_lost)
{
    struct world *w = settled_by_one_link();
    w_fib_route(w, USE1, "10.3.0.0/16", ROUTE_STATIC, US_PEERING, true);
    w_fib_route(w, USW2, "10.3.0.0/16", ROUTE_STATIC, US_PEERING, true);
    w_fib_route(w, USE1, "10.4.0.0/16", ROUTE_BGP, USE1_A, false);
    w_wait(w, 20000);
    CHECK(w_raised(w, V_LOOP) && w_raised(w, V_NO_PATH));
    w_fib_feed(w, USE1, false);
    w_wait(w, 20000);
    ONLY(w, "they loop still", V_LOOP, V_NO_PATH, V_FEED_STALE);
    way(w, USE1, APSE1, "use1 gcp apse1 delivered"); /* BGP has it */
    /* Both feeds are lost: all stays as it was, until one of them speaks again. */
    w_event(w, (struct route_event){.type = ROUTE_FEED_LOST, .router = w->router[USE1]});
    w_wait(w, 20000);
    CHECK_EQ(w_raised(w, V_FEED_STALE), 2);
    CHECK(netmodel_fib_counts(w->model, USE1));
    way(w, USE1, APSE1, "use1 no_route");
    w_event(w, (struct route_event){.type = ROUTE_FEED_UP, .router = w->router[USE1]});
    w_wait(w, 20000);
    way(w, USE1, APSE1, "use1 gcp apse1 delivered");
    CHECK_EQ(w_raised(w, V_FEED_STALE), 1);
    w_free(w);
}

/* Tables are all that is told, and of one router (`but`) not even that. */
static struct world *tables_alone(int but)
{
    struct world *w = mem_new(1, sizeof *w);
    struct netmodel_options o = NETMODEL_DEFAULTS;
    static const int link[] = {-1, USE1_A, USW2_A, EUW1_A, APSE1_A};
    w->topo = topo_direct();
    w->now_ms = 1000000;
    w->attrs = attr_table_new(1, 10000, 1 << 20);
    w->sources = sources_new();
    w->model = netmodel_new(&w->topo, w->attrs, w->sources, &o);
    for (int r = 0; r < (int)w->topo.n_routers; r++) {
        if (r == but)
            continue;
        w_fib_feed(w, r, true);
        for (uint32_t s = 0; s < w->topo.n_subnets; s++) {
            char text[PREFIX_TEXT_MAX];
            int to = w->topo.site[w->topo.subnet[s].site].router;
            w_fib_route(w, r, prefix_text(&w->topo.subnet[s].prefix, text), ROUTE_OTHER,
                        to == r    ? -1
                        : r == GCP ? link[to]
                                   : link[r],
                        true);
        }
        w_event(w, w_fib_event(w, r, ROUTE_END_OF_RIB));
    }
    w_wait(w, 60000);
    HEALTHY(w, "tables alone");
    return w;
}

/* Routers that have no other feed, and sources with such names that are nobody's. */
TEST(tables_without_bgp)
{
    struct world *w = tables_alone(-1);
    uint32_t nobody = source_router(w->sources, "nobody/fib");
    uint32_t nothing = source_router(w->sources, NETMODEL_FIB);
    w_event(w, (struct route_event){.type = ROUTE_FEED_UP, .router = nobody});
    w_event(w, (struct route_event){.type = ROUTE_FEED_LOST, .router = nothing});
    way(w, USE1, APSE1, "use1 gcp apse1 delivered");
    w_fib_route(w, USE1, "10.4.0.0/16", ROUTE_STATIC, US_PEERING, true);
    w_fib_route(w, USW2, "10.4.0.0/16", ROUTE_STATIC, US_PEERING, true);
    w_wait(w, 5000);
    ONLY(w, "a loop", V_LOOP, V_NO_PATH);
    w_fib_feed(w, USE1, false);
    w_wait(w, 5000);
    ONLY(w, "kept as it was", V_LOOP, V_NO_PATH, V_FEED_STALE);
    w_free(w);
}

/* A router on the way is not heard: what the others do says enough where it is wrong. */
TEST(probes_beside_a_router_that_is_not_heard)
{
    struct world *w = tables_alone(EUW1);
    w_fib_route(w, USE1, "10.3.0.0/16", ROUTE_STATIC, US_PEERING, true);
    w_fib_route(w, USW2, "10.3.0.0/16", ROUTE_STATIC, US_PEERING, true);
    w_probe(w, USE1, EUW1, PROBE_STAMP, PROBE_DOWN);
    w_probe(w, EUW1, USE1, PROBE_STAMP, PROBE_DOWN); /* its answers are what is lost */
    w_wait(w, 10000);
    ONLY(w, "the way there goes round", V_LOOP, V_NO_PATH, V_ROUTING);
    CHECK_EQ(w_raised(w, V_ROUTING), 2);
    w_fib_route(w, USE1, "10.3.0.0/16", ROUTE_OTHER, USE1_A, true);
    w_fib_route(w, USW2, "10.3.0.0/16", ROUTE_OTHER, USW2_A, true);
    w_wait(w, 10000);
    ONLY(w, "nothing known is wrong", V_DATA_PLANE);
    w_probe(w, USE1, EUW1, PROBE_STAMP, PROBE_UP);
    w_probe(w, EUW1, USE1, PROBE_STAMP, PROBE_UP);
    /* A traceroute from there comes by use1 twice: by the model, too, or not. */
    struct probe_result loop = {.at_ms = w->now_ms,
                                .from = EUW1,
                                .to = USE1,
                                .kind = PROBE_STAMP,
                                .what = PROBE_LOOP,
                                .loop_at = w->topo.link[USE1_A].address[1][0],
                                .loop_hops = 2};
    netmodel_probe(w->model, &loop);
    w_wait(w, 10000);
    ONLY(w, "nobody else knows", V_LOOP_SEEN);
    w_fib_route(w, USE1, "10.1.0.0/16", ROUTE_OTHER, USE1_A, true);
    w_wait(w, 10000);
    ONLY(w, "the model has it, too", V_LOOP, V_NO_PATH);
    w_free(w);
}

/* ---- what-if ---- */

static struct whatif ask(struct world *w, enum net_change_kind kind, int router, int link,
                         const char *prefix)
{
    struct net_change x = {
        .kind = (uint8_t)kind, .router = (uint16_t)router, .link = (uint16_t)link};
    struct whatif out;
    if (prefix)
        x.prefix = pfx(prefix);
    CHECK(whatif_try(w->model, &x, 1, &out));
    return out;
}

TEST(a_trial_moves_what_is_bgp_s_and_leaves_the_rest)
{
    struct world *w = settled_by_one_link();
    w_fib_route(w, USE1, "10.3.0.0/16", ROUTE_STATIC, US_PEERING, true);
    w_wait(w, 20000);
    ONLY(w, "a detour", V_ASYMMETRIC);
    struct whatif out = ask(w, NET_STATIC_ADD, USW2, US_PEERING, "10.3.0.0/16");
    CHECK(out.refused); /* meets the static route that only the table shows */
    out = ask(w, NET_STATIC_REMOVE, USE1, US_PEERING, "10.3.0.0/16");
    for (uint32_t i = 0; i < out.n; i++)
        CHECK(out.verdict[i].kind == V_ASYMMETRIC && !out.verdict[i].raised);
    CHECK(!out.refused && out.n > 0);
    out = ask(w, NET_LINK_DOWN, USE1, USE1_A, NULL); /* there is another link */
    CHECK(!out.refused);
    out = ask(w, NET_LINK_DOWN, EUW1, EUW1_A, NULL); /* and here there is none */
    CHECK(out.refused);
    way(w, USE1, EUW1, "use1 usw2 gcp euw1 delivered");
    w_free(w);
}

/* The router's table, as the model has it: with all of several equal next hops. */
static void tell_as_modelled(struct world *w, int r)
{
    w_fib_feed(w, r, true);
    for (int p = 0; p < w->n_prefixes; p++) {
        size_t n;
        uint16_t set = fwd_rule(netmodel_fwd(w->model), (uint16_t)r, &w->prefix[p]);
        const struct fwd_hop *hop = fwd_hops(netmodel_fwd(w->model), set, &n);
        for (size_t i = 0; i < n; i++) {
            const struct topo_link *l = &w->topo.link[hop[i].link % w->topo.n_links];
            bool attached = hop[i].to == FWD_DELIVER;
            struct attr a = {.kind = attached ? ROUTE_SUBNET : ROUTE_BGP};
            if (!attached)
                a.next_hop = l->address[!topo_end(l, (uint16_t)r)][0];
            struct route_event e = w_fib_event(w, r, ROUTE_ANNOUNCE);
            e.prefix = w->prefix[p];
            e.path_id = (uint32_t)i;
            e.attr = attr_intern(w->attrs, &a);
            w_event(w, e);
            attr_release(w->attrs, e.attr);
        }
    }
    w_event(w, w_fib_event(w, r, ROUTE_END_OF_RIB));
}

/* With tables that say what BGP says, the answers are those without tables. */
TEST(answers_are_the_same_where_tables_say_the_same)
{
    struct topo t[2] = {topo_direct(), topo_colo()}, u[2] = {topo_direct(), topo_colo()};
    for (int i = 0; i < 2; i++) {
        struct world *with = w_new(t[i]), *without = w_new(u[i]);
        w_play(with);
        w_play(without);
        w_wait(with, 60000);
        w_wait(without, 60000);
        for (int r = 0; r < (int)with->topo.n_routers; r++)
            tell_as_modelled(with, r);
        w_wait(with, 60000);
        HEALTHY(with, "with tables");
        for (int l = 0; l < (int)with->topo.n_links; l++)
            for (int kind = 0; kind < 3; kind++) {
                enum net_change_kind k = kind == 0   ? NET_LINK_DOWN
                                         : kind == 1 ? NET_STATIC_ADD
                                                     : NET_ROUTE_REMOVE;
                int router = with->topo.link[l].router[0];
                struct whatif a = ask(with, k, router, l, kind ? "10.1.0.0/16" : NULL);
                struct whatif b = ask(without, k, router, l, kind ? "10.1.0.0/16" : NULL);
                CHECK_EQ(a.refused, b.refused);
                CHECK_EQ(a.n, b.n);
                for (uint32_t v = 0; v < MIN(a.n, b.n); v++) {
                    CHECK_EQ(a.verdict[v].kind, b.verdict[v].kind);
                    CHECK_EQ(a.verdict[v].raised, b.verdict[v].raised);
                    CHECK_EQ(a.verdict[v].evidence.router, b.verdict[v].evidence.router);
                }
            }
        w_free(with);
        w_free(without);
    }
}

TAP_MAIN
