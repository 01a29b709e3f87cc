/* netmodel: the faults of the lab and a few more, as the tables that real routers would have. Each
 * is raised with its name and place, and taken back after healing; the healthy networks raise
 * nothing. */
#include "net_world.h"

/* Exactly these kinds are raised, each at least once. */
static void only(const struct world *w, const char *when, int n, const enum verdict_kind kind[])
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

static void v_of(const struct world *w, enum verdict_kind kind, struct evidence *out)
{
    const struct verdict *v = w_verdict(w, kind);
    *out = v ? v->evidence : evidence_none();
}

static struct world *settled(struct topo t)
{
    struct world *w = w_new(t);
    w_play(w);
    w_wait(w, 60000);
    HEALTHY(w, "at first");
    CHECK_EQ(w->n_log, 0);
    return w;
}

TEST(healthy_networks_raise_nothing)
{
    struct topo t[2] = {topo_direct(), topo_colo()};
    for (int i = 0; i < 2; i++) {
        struct world *w = settled(t[i]);
        for (uint16_t a = 0; a < w->topo.n_sites; a++)
            for (uint16_t b = 0; b < w->topo.n_sites; b++) {
                struct verdict_hop hop[VERDICT_HOPS_MAX];
                enum fwd_end end;
                netmodel_way(w->model, a, b, hop, &end);
                CHECK_EQ(end, FWD_END_DELIVERED);
            }
        w_wait(w, 600000);
        CHECK_EQ(w->n_log, 0);
        w_free(w);
    }
}

TEST(a_link_lost_is_a_session_down_and_nothing_else)
{
    struct world *w = settled(topo_direct());
    struct route_down why = {.reason = DOWN_LOCAL_NOTIFICATION, .code = 4};
    w_session(w, USE1_A, false, &why);
    w_play(w);
    w_wait(w, 20000);
    ONLY(w, "link a lost", V_SESSION_DOWN);
    const struct verdict *v = w_verdict(w, V_SESSION_DOWN);
    CHECK(v && v->evidence.link == USE1_A && v->evidence.reason[0]);
    w_session(w, USE1_A, true, NULL);
    w_play(w);
    w_wait(w, 20000);
    HEALTHY(w, "healed");
    w_free(w);
}

/* ---- the seven faults of the lab ---- */

TEST(static_loop)
{
    struct world *w = settled(topo_direct());
    w_static(w, USE1, "10.3.0.0/16", US_PEERING, true);
    w_wait(w, 3000);
    HEALTHY(w, "one static route is a detour"); /* less than asymmetric_path waits */
    w_static(w, USW2, "10.3.0.0/16", US_PEERING, true);
    int64_t formed = w->now_ms;
    w_wait(w, 5000);
    ONLY(w, "static loop", V_LOOP, V_NO_PATH);
    const struct verdict *v = w_verdict(w, V_LOOP);
    CHECK(v && v->evidence.n_hops == 2 && v->evidence.hop[0].router == USE1 &&
          v->evidence.hop[0].link == US_PEERING && v->evidence.hop[1].router == USW2);
    CHECK(v && v->raised_ms - formed < 1000); /* named within a second of its forming */
    char text[256];
    CHECK_STR(v ? verdict_text(v, &w->topo, text, sizeof text) : "",
              "forwarding_loop: 10.3.0.0/16; round by use1 -us-peering-> usw2 "
              "-us-peering->");
    w_static(w, USW2, "10.3.0.0/16", US_PEERING, false);
    w_static(w, USE1, "10.3.0.0/16", US_PEERING, false);
    w_wait(w, 5000);
    HEALTHY(w, "healed");
    w_free(w);
}

TEST(longest_match_loop)
{
    struct topo t = topo_direct();
    t.subnet[USE1].prefix = pfx("10.1.0.0/17");
    add_static(&t, GCP, "10.0.0.0/8", TOPO_NONE); /* the hub's null route for its summary */
    struct world *w = w_new(t);
    w->originates[USE1][w_prefix(w, "10.1.0.0/16")] = true; /* allowed, whatever it has */
    w->originates[USE1][w_prefix(w, "10.1.0.0/17")] = false;
    w_play(w);
    w_wait(w, 60000);
    ONLY(w, "announced and not there", V_AGGREGATE_UNCOVERED); /* before anything loops */
    const struct verdict *v = w_verdict(w, V_AGGREGATE_UNCOVERED);
    struct prefix whole = pfx("10.1.0.0/16");
    CHECK(v && v->evidence.router == USE1 && prefix_equal(&v->evidence.prefix[0], &whole));
    w->originates[GCP][w_prefix(w, "10.0.0.0/8")] = true;
    w_play(w);
    w_wait(w, 5000);
    ONLY(w, "summary meets aggregate", V_LOOP);
    v = w_verdict(w, V_LOOP);
    CHECK(v && v->evidence.n_prefixes == 1 && prefix_equal(&v->evidence.prefix[0], &whole));
    w_static(w, USE1, "10.1.0.0/16", -1, true); /* the remedy */
    w_wait(w, 5000);
    HEALTHY(w, "with a null route");
    w_static(w, USE1, "10.1.0.0/16", -1, false);
    w_wait(w, 5000);
    ONLY(w, "without it again", V_LOOP);
    w->originates[GCP][w_prefix(w, "10.0.0.0/8")] = false;
    w_play(w);
    w_wait(w, 5000);
    ONLY(w, "no summary", V_AGGREGATE_UNCOVERED);
    w_free(w);
}

TEST(ghost_loop)
{
    struct world *w = settled(topo_colo());
    int p = w_prefix(w, "10.1.0.0/16");
    for (int end = 0; end < 2; end++)
        w->end[CEA_CEB][end] = (struct w_end){.local_pref_in = 200,
                                              .allow_own_as = true,
                                              .exclude_own_as = true,
                                              .send_back = true,
                                              .only_prefix = p + 1};
    w_play(w);
    w_wait(w, 10000);
    ONLY(w, "each prefers the other", V_LOOP, V_NO_PATH);
    const struct verdict *v = w_verdict(w, V_LOOP);
    CHECK(v && v->evidence.n_hops == 2 && v->evidence.hop[0].router == CEA &&
          v->evidence.hop[1].router == CEB);
    int64_t since = v ? v->since_ms : 0;
    w->originates[USE1][p] = false;
    w_play(w);
    w_wait(w, 10000);
    v = w_verdict(w, V_LOOP);
    CHECK(v && v->since_ms == since); /* it outlives the withdrawal */
    memset(w->end[CEA_CEB], 0, sizeof w->end[CEA_CEB]);
    w_play(w);
    w->originates[USE1][p] = true;
    w_play(w);
    w_wait(w, 10000);
    HEALTHY(w, "healed");
    w_free(w);
}

TEST(own_as_accepted)
{
    struct world *w = settled(topo_colo());
    /* As above, but the own number stays in the path. */
    for (int end = 0; end < 2; end++)
        w->end[CEA_CEB][end] = (struct w_end){.local_pref_in = 200,
                                              .allow_own_as = true,
                                              .send_back = true,
                                              .only_prefix = w_prefix(w, "10.1.0.0/16") + 1};
    w->end[CEA_CEB][1].local_pref_in = 50;
    w_play(w);
    w_wait(w, 10000);
    ONLY(w, "allowas-in", V_OWN_AS_ACCEPTED, V_LOOP_POSSIBLE, V_ASYMMETRIC);
    const struct verdict *v = w_verdict(w, V_OWN_AS_ACCEPTED);
    CHECK(v && v->evidence.router == CEB && v->evidence.neighbour == CEA &&
          v->evidence.as == 65020);
    memset(w->end[CEA_CEB], 0, sizeof w->end[CEA_CEB]);
    w_play(w);
    w_wait(w, 10000);
    HEALTHY(w, "healed");
    w_free(w);
}

TEST(asymmetry)
{
    struct world *w = settled(topo_direct());
    w->end[USE1_A][0].local_pref_in = 200; /* the hub by a, the region by b */
    w->end[USE1_B][1].local_pref_in = 200;
    w_play(w);
    w_wait(w, 20000);
    ONLY(w, "preferences apart", V_ASYMMETRIC);
    CHECK_EQ(w_raised(w, V_ASYMMETRIC), 4); /* us-east-1 with each of the others */
    const struct verdict *v = w_verdict(w, V_ASYMMETRIC);
    CHECK(v && v->evidence.site[1] == USE1 && v->evidence.n_hops && v->evidence.n_back);
    w->end[USE1_B][1].local_pref_in = 0;
    w->end[USE1_A][1].local_pref_in = 200;
    w_play(w);
    w_wait(w, 20000);
    HEALTHY(w, "the same at both ends");
    w_free(w);
}

static void probes(struct world *w, int a, int b, enum probe_kind kind, enum probe_what what)
{
    w_probe(w, a, b, kind, what);
    w_probe(w, b, a, kind, what);
}

TEST(asymmetry_through_firewalls)
{
    struct topo t = topo_colo();
    t.router[CEA].stateful = t.router[CEB].stateful = true;
    struct world *w = settled(t);
    probes(w, GCP, USE1, PROBE_STAMP, PROBE_UP);
    w->end[GCP_CEA][0].local_pref_in = 200;
    w->end[CEB_USE1][1].local_pref_in = 200;
    w_play(w);
    probes(w, GCP, USE1, PROBE_STAMP, PROBE_DOWN);
    w_wait(w, 20000);
    ONLY(w, "there by one, back by the other", V_FIREWALL, V_ASYMMETRIC);
    const struct verdict *v = w_verdict(w, V_FIREWALL);
    CHECK(v && ((v->evidence.site[0] == GCP && v->evidence.site[1] == USE1) ||
                (v->evidence.site[1] == GCP && v->evidence.site[0] == USE1)));
    w->end[CEB_USE1][1].local_pref_in = 0;
    w->end[CEA_USE1][1].local_pref_in = 200;
    for (int l = CEA_USW2; l <= CEB_APSE1; l++) /* and so at all the others */
        w->end[l][1].local_pref_in = l % 2 == 0 ? 200 : 0;
    w_play(w);
    probes(w, GCP, USE1, PROBE_STAMP, PROBE_UP);
    w_wait(w, 20000);
    HEALTHY(w, "by the same firewall");
    w_free(w);
}

TEST(as_number_reused)
{
    struct topo t = topo_direct();
    for (int r = USE1; r <= APSE1; r++)
        t.router[r].as = 64512;
    CHECK(topo_check(&t, NULL, NULL) == 6); /* each two of them, before anything runs */
    struct world *w = w_new(t);
    w_play(w);
    w_wait(w, 60000);
    ONLY(w, "refused for their own number", V_OWN_AS_REFUSED, V_NO_PATH);
    CHECK_EQ(w_raised(w, V_OWN_AS_REFUSED), 6); /* at the regions' ends of six sessions */
    CHECK_EQ(w_raised(w, V_NO_PATH), 12);       /* between each two regions */
    const struct verdict *v = w_verdict(w, V_OWN_AS_REFUSED);
    CHECK(v && v->evidence.neighbour == GCP && v->evidence.as == 64512 &&
          v->evidence.n_prefixes == 3);
    for (int l = USE1_A; l <= APSE1_A; l++)
        w->end[l][0].override_out = true;
    w_play(w);
    w_wait(w, 20000);
    /* Reachable, but now nothing tells a region its own prefix from another's. */
    CHECK(w_raised(w, V_ORIGIN_CHANGED) && w_raised(w, V_LOOP_POSSIBLE));
    ONLY(w, "overridden", V_ORIGIN_CHANGED, V_LOOP_POSSIBLE);
    w_free(w);
}

TEST(blackhole)
{
    struct world *w = settled(topo_direct());
    w_static(w, EUW1, "10.3.128.0/17", -1, true);
    w_wait(w, 5000);
    ONLY(w, "null route", V_BLACKHOLE);
    const struct verdict *v = w_verdict(w, V_BLACKHOLE);
    struct prefix half = pfx("10.3.128.0/17");
    CHECK(v && v->evidence.router == EUW1 && prefix_equal(&v->evidence.prefix[0], &half));
    CHECK(v && v->evidence.n_hops == 1 && v->evidence.hop[0].router == GCP &&
          v->evidence.hop[0].link == EUW1_A);
    w_static(w, EUW1, "10.3.128.0/17", -1, false);
    w_wait(w, 5000);
    HEALTHY(w, "healed");
    /* The same where no feed shows it: only probes know. */
    probes(w, USE1, EUW1, PROBE_STAMP, PROBE_DOWN);
    probes(w, USE1, EUW1, PROBE_TCP, PROBE_DOWN);
    w_wait(w, 5000);
    ONLY(w, "unseen null route", V_DATA_PLANE);
    probes(w, USE1, EUW1, PROBE_STAMP, PROBE_UP);
    probes(w, USE1, EUW1, PROBE_TCP, PROBE_UP);
    w_wait(w, 5000);
    HEALTHY(w, "healed again");
    w_free(w);
}

/* ---- and five more ---- */

static void one_end(struct world *w, int l, int end, bool up)
{
    static const struct route_up ok = {.as4 = 1};
    static const struct route_down why = {.reason = DOWN_LOCAL_FSM, .fsm_event = 18};
    int r = w->topo.link[l].router[end];
    struct route_event e = {.type = up ? ROUTE_PEER_UP : ROUTE_PEER_DOWN,
                            .router = w->router[r],
                            .peer = w->peer[r][l]};
    if (up)
        e.up = &ok;
    else
        e.down = &why;
    w_event(w, e);
    if (!up)
        memset(w->told[r][l], 0, sizeof w->told[r][l]);
}

TEST(bfd_timers_apart)
{
    struct world *w = settled(topo_direct());
    one_end(w, USE1_A, 0, false); /* the hub after 2.6 s, the region after 4.6 */
    w_wait(w, 2000);
    one_end(w, USE1_A, 1, false);
    w->down[USE1_A] = true;
    w_play(w);
    w_wait(w, 20000);
    ONLY(w, "noticed apart", V_SESSION_DOWN, V_DETECTION_SKEW);
    const struct verdict *v = w_verdict(w, V_DETECTION_SKEW);
    CHECK(v && v->evidence.link == USE1_A && v->evidence.router == GCP &&
          v->evidence.value == 2000);
    w_session(w, USE1_A, true, NULL);
    w_play(w);
    w_wait(w, 20000);
    HEALTHY(w, "healed");
    w_free(w);
}

TEST(cut_one_way)
{
    struct world *w = settled(topo_direct());
    struct route_down why = {.reason = DOWN_LOCAL_NOTIFICATION, .code = 4};
    probes(w, GCP, EUW1, PROBE_STAMP, PROBE_UP);
    probes(w, GCP, EUW1, PROBE_STAMP, PROBE_DOWN);
    w_wait(w, 800);
    ONLY(w, "before BGP has noticed", V_DATA_PLANE);
    w_session(w, EUW1_A, false, &why);
    w_play(w);
    w_wait(w, 20000);
    ONLY(w, "and after", V_SESSION_DOWN, V_NO_PATH, V_ROUTING);
    w_session(w, EUW1_A, true, NULL);
    w_play(w);
    probes(w, GCP, EUW1, PROBE_STAMP, PROBE_UP);
    w_wait(w, 20000);
    HEALTHY(w, "healed");
    w_free(w);
}

TEST(leak_of_a_more_specific)
{
    struct topo t = topo_direct();
    struct topo_expect *x = add_expect(&t, GCP, "10.1.0.0/16");
    x->more_specific_max = 16;
    struct world *w = settled(t);
    int p = w_prefix(w, "10.1.7.0/24");
    w->originates[USW2][p] = true;
    w_play(w);
    w_wait(w, 10000);
    /* What the leaking region does not have either, it sends back to the hub. */
    ONLY(w, "leak", V_MORE_SPECIFIC, V_ORIGIN_CHANGED, V_LOOP);
    const struct verdict *v = w_verdict(w, V_MORE_SPECIFIC);
    CHECK(v && v->evidence.router == GCP && v->evidence.neighbour == USW2 &&
          v->evidence.as == 64602);
    CHECK(v && prefix_equal(&v->evidence.prefix[0], &w->prefix[p]));
    v = w_verdict(w, V_ORIGIN_CHANGED);
    CHECK(v && v->evidence.as == 64602 && v->evidence.as_expected == 64601);
    w->originates[USW2][p] = false;
    w_play(w);
    w_wait(w, 10000);
    HEALTHY(w, "healed");
    w_free(w);
}

TEST(route_limit_overrun)
{
    struct topo t = topo_direct();
    t.link[EUW1_A].routes_max[0] = 10;
    struct world *w = settled(t);
    for (int i = 0; i < 6; i++) {
        char text[32];
        snprintf(text, sizeof text, "10.3.%d.0/24", i);
        w->originates[EUW1][w_prefix(w, text)] = true;
    }
    w_play(w);
    w_wait(w, 10000);
    HEALTHY(w, "seven of ten");
    w->originates[EUW1][w_prefix(w, "10.3.6.0/24")] = true;
    w_play(w);
    w_wait(w, 10000);
    ONLY(w, "eight of ten", V_ROUTE_LIMIT);
    const struct verdict *v = w_verdict(w, V_ROUTE_LIMIT);
    CHECK(v && v->evidence.router == GCP && v->evidence.value == 8 && v->evidence.limit == 10);
    struct route_down why = {.reason = DOWN_LOCAL_NOTIFICATION, .code = 6, .subcode = 1};
    w_session(w, EUW1_A, false, &why);
    w_play(w);
    w_wait(w, 10000);
    ONLY(w, "over it", V_SESSION_DOWN, V_NO_PATH);
    v = w_verdict(w, V_SESSION_DOWN);
    CHECK(v && strstr(v->evidence.reason, "prefix") != NULL);
    for (int p = 0; p < w->n_prefixes; p++)
        w->originates[EUW1][p] &= w->prefix[p].len == 16;
    w_session(w, EUW1_A, true, NULL);
    w_play(w);
    w_wait(w, 10000);
    HEALTHY(w, "healed");
    w_free(w);
}

TEST(flapping_peer)
{
    struct world *w = settled(topo_direct());
    struct route_down why = {.reason = DOWN_REMOTE_SILENT};
    for (int i = 0; i < 4; i++) {
        w_session(w, USE1_B, false, &why);
        w_play(w);
        w_wait(w, 10000);
        w_session(w, USE1_B, true, NULL);
        w_play(w);
        w_wait(w, 10000);
    }
    ONLY(w, "four times in a minute and a half", V_SESSION_FLAPPING);
    const struct verdict *v = w_verdict(w, V_SESSION_FLAPPING);
    CHECK(v && v->evidence.link == USE1_B && v->evidence.value == 4);
    int raised = 0;
    for (int i = 0; i < w->n_log; i++)
        raised += w->log[i].kind == V_SESSION_FLAPPING && w->log[i].state == VERDICT_RAISED &&
                  w->log[i].raised_ms == w->log[i].changed_ms;
    CHECK_EQ(raised, 2); /* at the third down, and once more when the fourth came */
    w_wait(w, 300000);
    HEALTHY(w, "five minutes of quiet");
    w_free(w);
}

/* ---- what else has a name ---- */

TEST(expectations)
{
    struct topo t = topo_direct();
    struct topo_expect *x = add_expect(&t, GCP, "10.1.0.0/16");
    x->n_next = 2;
    x->next[0] = USE1_A;
    x->next[1] = USE1_B;
    add_expect(&t, GCP, "10.2.0.0/16");
    add_expect(&t, GCP, "10.3.0.0/16");
    add_expect(&t, GCP, "10.4.0.0/16");
    t.router[GCP].exact = true;
    struct world *w = w_new(t);
    w_play(w);
    w_wait(w, 60000);
    HEALTHY(w, "as expected");
    w->end[USE1_B][0].local_pref_in = 200;
    w->end[USE1_B][1].local_pref_in = 200;
    w_play(w);
    w_wait(w, 10000);
    ONLY(w, "by the second one", V_BETTER_UNUSED);
    w->end[USE1_B][0].local_pref_in = w->end[USE1_B][1].local_pref_in = 0;
    w->originates[EUW1][w_prefix(w, "10.77.0.0/16")] = true;
    w->originates[USW2][w_prefix(w, "10.2.0.0/16")] = false;
    w_play(w);
    w_wait(w, 10000);
    CHECK_EQ(w_raised(w, V_BETTER_UNUSED), 0);
    const struct verdict *v = w_verdict(w, V_ROUTE_MISSING);
    struct prefix gone = pfx("10.2.0.0/16"), more = pfx("10.77.0.0/16");
    CHECK(v && v->evidence.router == GCP && prefix_equal(&v->evidence.prefix[0], &gone));
    v = w_verdict(w, V_ROUTE_UNEXPECTED);
    CHECK(v && v->evidence.neighbour == EUW1 && prefix_equal(&v->evidence.prefix[0], &more));
    /* 10.77/16 is announced by euw1 and not there: what the hub sends has no way on. */
    ONLY(w, "one gone, one more", V_ROUTE_MISSING, V_ROUTE_UNEXPECTED, V_AGGREGATE_UNCOVERED,
         V_NO_PATH);
    w->originates[EUW1][w_prefix(w, "10.77.0.0/16")] = false;
    w->originates[USW2][w_prefix(w, "10.2.0.0/16")] = true;
    w_play(w);
    w_wait(w, 10000);
    HEALTHY(w, "as expected again");
    w_free(w);
}

TEST(next_hop_that_is_not_expected)
{
    struct evidence e;
    struct topo t = topo_direct();
    struct topo_expect *x = add_expect(&t, GCP, "10.1.0.0/16");
    x->n_next = 1;
    x->next[0] = USE1_A;
    struct world *w = w_new(t);
    w->end[USE1_A][0].local_pref_in = w->end[USE1_A][1].local_pref_in = 200;
    w_play(w);
    w_wait(w, 60000);
    HEALTHY(w, "by a");
    struct route_down why = {.reason = DOWN_REMOTE_SILENT};
    w_session(w, USE1_A, false, &why);
    w_play(w);
    w_wait(w, 10000);
    ONLY(w, "by b", V_SESSION_DOWN, V_NEXT_HOP);
    v_of(w, V_NEXT_HOP, &e);
    CHECK_EQ(e.link, USE1_B);
    w_free(w);
}

TEST(feeds_and_a_model_that_disagrees)
{
    struct evidence e;
    struct world *w = settled(topo_direct());
    w_event(w, (struct route_event){.type = ROUTE_FEED_LOST, .router = w->router[USW2]});
    w_wait(w, 10000);
    ONLY(w, "feed lost", V_FEED_STALE);
    v_of(w, V_FEED_STALE, &e);
    CHECK_EQ(e.router, USW2);
    w_event(w, (struct route_event){.type = ROUTE_FEED_UP, .router = w->router[USW2]});
    w_wait(w, 20000);
    HEALTHY(w, "feed back");
    /* The feed says null route, the packets arrive all the same. */
    probes(w, GCP, APSE1, PROBE_STAMP, PROBE_UP);
    w_static(w, APSE1, "10.4.0.0/24", -1, true);
    w_wait(w, 10000);
    ONLY(w, "probes arrive", V_BLACKHOLE, V_NO_PATH, V_STALE_MODEL);
    w_free(w);
}

TEST(probes_by_kind_and_by_flow)
{
    struct world *w = settled(topo_direct());
    probes(w, GCP, USE1, PROBE_STAMP, PROBE_UP);
    probes(w, GCP, USE1, PROBE_TCP, PROBE_DOWN);
    w_wait(w, 5000);
    ONLY(w, "one kind is lost", V_FIREWALL);
    probes(w, GCP, USE1, PROBE_TCP, PROBE_UP);
    struct probe_result flow = {.at_ms = w->now_ms,
                                .since_ms = w->now_ms,
                                .from = GCP,
                                .to = USE1,
                                .flow = 1,
                                .kind = PROBE_STAMP,
                                .what = PROBE_DOWN};
    netmodel_probe(w->model, &flow);
    w_wait(w, 5000);
    ONLY(w, "one of two ways is dead", V_DATA_PLANE);
    flow.what = PROBE_UP;
    flow.at_ms = w->now_ms;
    netmodel_probe(w->model, &flow);
    w_wait(w, 5000);
    HEALTHY(w, "all arrive");
    w_free(w);
}

TEST(latency_steps_and_loops_seen)
{
    struct evidence e;
    struct topo t = topo_direct();
    t.bound = mem_new(1, sizeof *t.bound);
    t.bound[0] = (struct topo_bound){GCP, USE1, 12000};
    t.n_bounds = 1;
    struct world *w = settled(t);
    struct probe_result r = {.at_ms = w->now_ms,
                             .from = GCP,
                             .to = USE1,
                             .kind = PROBE_STAMP,
                             .what = PROBE_SPAN,
                             .two_way_us = 8100};
    netmodel_probe(w->model, &r);
    w_wait(w, 1000);
    HEALTHY(w, "8.1 of 12 ms");
    r.two_way_us = 19100;
    r.at_ms = w->now_ms;
    netmodel_probe(w->model, &r);
    w_wait(w, 1000);
    ONLY(w, "19.1 of 12 ms", V_LATENCY);
    v_of(w, V_LATENCY, &e);
    CHECK_EQ(e.value, 19100);
    r.two_way_us = 8100;
    r.at_ms = w->now_ms;
    netmodel_probe(w->model, &r);
    w_wait(w, 10000);
    HEALTHY(w, "in bounds again");
    r.what = PROBE_SHIFT;
    r.shift = CHANGE_CLOCK;
    netmodel_probe(w->model, &r);
    w_wait(w, 1000);
    HEALTHY(w, "a clock was set");
    r.shift = CHANGE_BACK;
    r.shift_back_us = 11000;
    r.at_ms = w->now_ms;
    netmodel_probe(w->model, &r);
    w_wait(w, 1000);
    ONLY(w, "the way back got longer", V_ONE_WAY_SHIFT);
    v_of(w, V_ONE_WAY_SHIFT, &e);
    CHECK_EQ(e.value, 11000);
    w_wait(w, 700000);
    HEALTHY(w, "ten minutes later");
    r.what = PROBE_LOOP;
    r.kind = PROBE_TRACE;
    r.at_ms = w->now_ms;
    r.loop_hops = 2;
    netmodel_probe(w->model, &r);
    w_wait(w, 1000);
    ONLY(w, "traceroute goes round", V_LOOP_SEEN);
    r.what = PROBE_LOOP_ENDED;
    r.at_ms = w->now_ms;
    netmodel_probe(w->model, &r);
    w_wait(w, 2000);
    HEALTHY(w, "no longer");
    w_free(w);
}

TEST(routers_that_nobody_hears)
{
    struct world *w = settled(topo_direct());
    w_free(w);
    /* Without a single feed there is nothing to say: what is unknown is not wrong. */
    struct topo t = topo_direct();
    add_expect(&t, GCP, "10.1.0.0/16");
    struct attr_table *attrs = attr_table_new(1, 100, 1 << 16);
    struct sources *sources = sources_new();
    struct netmodel_options o = NETMODEL_DEFAULTS;
    struct netmodel *m = netmodel_new(&t, attrs, sources, &o);
    for (int64_t at = 0; at < 100000; at += 1000)
        netmodel_settle(m, at, NULL, NULL);
    CHECK_EQ(verdicts_raised(netmodel_verdicts(m), VERDICT_KINDS), 0);
    netmodel_free(m);
    sources_free(sources);
    attr_table_free(attrs);
    topo_free(&t);
}

TAP_MAIN
