/* optimise: plans are proved in the model, and true when they are carried out in the world. */
#include "net/optimise.h"
#include "net_world.h"

static const struct optimise_options latency_only = {0};

static void carry_out(struct world *w, const struct optimise_plan *p)
{
    for (uint32_t i = 0; i < p->n; i++) {
        const struct net_change *x = &p->change[i];
        struct w_end *e = &w->end[x->link][topo_end(&w->topo.link[x->link], x->router)];
        if (x->set_local_pref)
            e->local_pref_in = x->local_pref;
        if (x->set_med)
            e->med_out = x->med;
        e->prepend_out += x->prepend;
        CHECK(!x->community);
        CHECK(!x->prefix.family); /* the world's policies are for all prefixes */
    }
    w_play(w);
    w_wait(w, 30000);
}

/* The plan is carried out, and everything is then as it says. */
static void works(struct world *w, uint32_t most)
{
    struct optimise_plan plan, again;
    bool ok = optimise(w->model, &latency_only, &plan);
    if (!ok || !plan.n || plan.n > most) {
        TAP_FAIL("plan of %u changes: %s", plan.n, plan.why_not ? plan.why_not : "");
        return;
    }
    CHECK_EQ(plan.symmetric_after, plan.pairs);
    CHECK_EQ(plan.best_after, plan.pairs);
    CHECK(plan.best_before < plan.pairs);
    carry_out(w, &plan);
    CHECK_EQ(w_raised(w, V_ASYMMETRIC), 0);
    CHECK(optimise(w->model, &latency_only, &again));
    CHECK_EQ(again.n, 0);
    CHECK_EQ(again.best_before, again.pairs);
}

TEST(nothing_to_do)
{
    struct topo t = topo_direct();
    t.link[USE1_B].session = t.link[USW2_B].session = false; /* one link each */
    struct world *w = w_new(t);
    struct optimise_plan plan;
    w_play(w);
    w_wait(w, 60000);
    CHECK(optimise(w->model, &latency_only, &plan));
    CHECK_EQ(plan.n, 0);
    CHECK(plan.pairs == 10 && plan.symmetric_before == 10 && plan.best_before == 10);
    w_free(w);
}

TEST(both_links_are_used_and_one_is_better)
{
    struct world *w = w_new(topo_direct());
    w_play(w);
    w_wait(w, 60000);
    works(w, 4); /* us-east-1 and us-west-2, either end */
    w_free(w);
}

TEST(preferences_apart)
{
    struct world *w = w_new(topo_direct());
    w->end[USE1_A][0].local_pref_in = 200; /* the hub by a, the region by b */
    w->end[USE1_B][1].local_pref_in = 200;
    w->end[USW2_A][0].local_pref_in = w->end[USW2_A][1].local_pref_in = 200;
    w_play(w);
    w_wait(w, 60000);
    CHECK_EQ(w_raised(w, V_ASYMMETRIC), 4);
    works(w, 1);
    w_free(w);
}

TEST(by_the_longer_path_where_neighbours_differ)
{
    struct topo t = topo_colo();
    t.link[CEA_CEB].session = false;
    struct world *w = w_new(t);
    w_play(w);
    w_wait(w, 60000);
    works(w, WHATIF_CHANGES_MAX);
    w_free(w);
}

TEST(communities_to_direct_connect)
{
    struct topo t = topo_direct();
    t.router[USE1].policy.order = t.router[USW2].policy.order = BEST_DIRECT_CONNECT;
    t.router[GCP].policy.order = BEST_CLOUD_ROUTER_LEGACY;
    struct world *w = w_new(t);
    struct optimise_plan plan;
    w_play(w);
    w_wait(w, 60000);
    CHECK(optimise(w->model, &latency_only, &plan));
    int communities = 0, meds = 0;
    for (uint32_t i = 0; i < plan.n; i++) {
        const struct net_change *x = &plan.change[i];
        communities += x->router == GCP && x->community != 0;
        meds += (x->router == USE1 || x->router == USW2) && x->set_med;
    }
    /* One of 7300 and 7100 is enough at each; the hub needs a MED on the worse link of each. */
    CHECK_EQ(communities, 2);
    CHECK_EQ(meds, 2);
    CHECK_EQ(plan.n, 4);
    CHECK_EQ(plan.best_after, plan.pairs);
    w_free(w);
}

TEST(a_static_route_is_beyond_preferences)
{
    struct world *w = w_new(topo_direct());
    struct optimise_plan plan;
    w_play(w);
    w_static(w, USE1, "10.3.0.0/16", US_PEERING, true); /* one way only */
    w_wait(w, 60000);
    CHECK(!optimise(w->model, &latency_only, &plan));
    CHECK_EQ(plan.n, 0);
    CHECK(plan.why_not != NULL);
    w_free(w);
}

/* Random latencies and preferences: what is given out works. */
PROP(plans_work, 60)
{
    struct topo t = topo_direct();
    for (int l = 0; l < (int)t.n_links; l++)
        t.link[l].latency_us[0] = t.link[l].latency_us[1] =
            (int32_t)(1000 + rng_below(rng, 10) * 1000);
    struct world *w = w_new(t);
    for (int l = USE1_A; l <= USW2_B; l++)
        for (int end = 0; end < 2; end++) {
            w->end[l][end].local_pref_in = rng_chance(rng, 0.3) ? 150 : 0;
            w->end[l][end].prepend_out = rng_chance(rng, 0.3);
            w->end[l][end].med_out = rng_chance(rng, 0.3) ? 50 : 0;
        }
    w_play(w);
    w_wait(w, 60000);
    struct optimise_plan plan;
    if (optimise(w->model, &latency_only, &plan)) {
        CHECK_EQ(plan.symmetric_after, plan.pairs);
        carry_out(w, &plan);
        CHECK_EQ(w_raised(w, VERDICT_KINDS), 0);
    } else {
        CHECK_EQ(plan.n, 0);
    }
    w_free(w);
}

TAP_MAIN
