/* topo: what is statically wrong is found, named and located, and nothing else is; covering against
 * a comparison address by address. */
#include "topo_fixture.h"

struct found {
    struct topo_finding f[16];
    uint32_t n;
};

static void keep(void *arg, const struct topo_finding *f)
{
    struct found *all = arg;
    if (all->n < COUNTOF(all->f))
        all->f[all->n++] = *f;
}

static struct found check(const struct topo *t)
{
    struct found all = {.n = 0};
    CHECK_EQ(topo_check(t, keep, &all), all.n);
    return all;
}

TEST(healthy_networks)
{
    struct topo direct = topo_direct(), colo = topo_colo();
    CHECK_EQ(check(&direct).n, 0);
    CHECK_EQ(check(&colo).n, 0);
    /* Exactly what a region has may be announced for it, in pieces too. */
    add_allowed(&direct, USE1, "10.1.0.0/16", USE1_A);
    add_allowed(&direct, USE1, "10.1.128.0/17", USE1_B);
    /* A static route that leads to its owner is none of these. */
    add_static(&direct, USE1, "10.2.0.0/16", US_PEERING);
    add_static(&direct, USW2, "10.1.0.0/16", US_PEERING);
    /* Cloud Routers of one hub share their number. */
    add_router(&direct, "gcp-west", TOPO_HUB, 16550);
    add_router(&direct, "vpc-1", TOPO_VPC, 0);
    add_router(&direct, "vpc-2", TOPO_VPC, 0);
    CHECK_EQ(check(&direct).n, 0);
    topo_free(&direct);
    topo_free(&colo);
}

TEST(duplicate_as)
{
    struct topo t = topo_direct();
    t.router[EUW1].as = t.router[USE1].as = 64512;
    struct found all = check(&t);
    CHECK_EQ(all.n, 1);
    CHECK_EQ(all.f[0].wrong, TOPO_DUPLICATE_AS);
    CHECK(all.f[0].router[0] == USE1 && all.f[0].router[1] == EUW1);
    CHECK_STR(all.f[0].text, "use1 and euw1 both have AS number 64512");
    topo_free(&t);
}

TEST(overlap)
{
    struct topo t = topo_direct();
    t.subnet[EUW1].prefix = pfx("10.1.128.0/17");
    struct found all = check(&t);
    CHECK_EQ(all.n, 1);
    CHECK_STR(topo_wrongs[all.f[0].wrong].name, "overlapping_subnets");
    CHECK_STR(all.f[0].text,
              "10.1.0.0/16 of us-east-1 and 10.1.128.0/17 of eu-west-1 share addresses");
    topo_free(&t);
}

TEST(statics_that_point_at_each_other)
{
    struct topo t = topo_direct();
    add_static(&t, USE1, "10.3.0.0/16", US_PEERING);
    CHECK_EQ(check(&t).n, 0);                        /* a detour is none yet */
    add_static(&t, USW2, "10.3.0.0/17", US_PEERING); /* half of it comes back */
    struct found all = check(&t);
    CHECK_EQ(all.n, 1);
    CHECK_EQ(all.f[0].wrong, TOPO_STATIC_LOOP);
    CHECK_STR(all.f[0].text, "static routes for 10.3.0.0/17 go round through use1 and usw2");
    topo_free(&t);
}

TEST(allowed_prefixes_and_aggregates)
{
    struct topo t = topo_direct();
    t.subnet[USE1].prefix = pfx("10.1.0.0/17");
    add_allowed(&t, USE1, "10.1.0.0/16", USE1_A);
    struct found all = check(&t);
    CHECK_EQ(all.n, 1);
    CHECK_EQ(all.f[0].wrong, TOPO_ALLOWED_TOO_WIDE);
    CHECK_STR(all.f[0].text, "use1 announces 10.1.0.0/16 on use1-a and has no site for all of it");
    /* With a summary from the hub, the upper half goes round. */
    add_allowed(&t, GCP, "10.0.0.0/8", USE1_A);
    all = check(&t);
    CHECK_EQ(all.n, 3); /* the hub does not have 10/8 either, but has no way out of it */
    CHECK_EQ(all.f[1].wrong, TOPO_AGGREGATE_LOOPS);
    CHECK_STR(all.f[1].text,
              "use1 announces 10.1.0.0/16, has nothing for part of it, and sends that part out by "
              "10.0.0.0/8");
    CHECK_EQ(all.f[2].wrong, TOPO_ALLOWED_TOO_WIDE);
    CHECK_EQ(all.f[2].router[0], GCP);
    /* The remedy: a null route. The prefix is still wider than the region. */
    add_static(&t, USE1, "10.1.0.0/16", TOPO_NONE);
    CHECK_EQ(check(&t).n, 2);
    topo_free(&t);
}

TEST(every_finding_has_its_row)
{
    for (int w = 0; w < TOPO_WRONGS; w++)
        CHECK(topo_wrongs[w].name && topo_wrongs[w].means && topo_wrongs[w].do_this);
}

TEST(links_are_found)
{
    struct topo t = topo_direct();
    struct ip_addr there = ip("169.254.2.2"), mine = ip("169.254.2.1"), none = {0};
    CHECK_EQ(topo_link_by_neighbour(&t, GCP, &there), USE1_B);
    CHECK_EQ(topo_link_by_neighbour(&t, USE1, &mine), USE1_B);
    CHECK_EQ(topo_link_by_neighbour(&t, USE1, &there), TOPO_NONE); /* its own address */
    CHECK_EQ(topo_link_by_neighbour(&t, USE1, &none), TOPO_NONE);
    CHECK_EQ(topo_link_by_name(&t, USW2, "us-peering"), US_PEERING);
    CHECK_EQ(topo_link_by_name(&t, EUW1, "us-peering"), TOPO_NONE);
    CHECK_EQ(topo_router_by_name(&t, "apse1"), APSE1);
    struct prefix inside = pfx("10.3.7.0/24"), outside = pfx("10.9.0.0/24");
    CHECK_EQ(topo_subnet_around(&t, &inside)->site, EUW1);
    CHECK(topo_subnet_around(&t, &outside) == NULL);
    topo_free(&t);
}

PROP(covered_address_by_address, 3000)
{
    struct prefix by[6], p;
    bool has[256] = {false}, all = true;
    size_t n = rng_below(rng, 7);
    for (size_t i = 0; i < n; i++) {
        by[i] = pfx("10.0.0.0/24");
        by[i].byte[3] = (uint8_t)rng_below(rng, 256);
        by[i].len = (uint8_t)(24 + rng_below(rng, 5));
        prefix_canonical(&by[i]);
        for (int a = 0; a < 1 << (32 - by[i].len); a++)
            has[by[i].byte[3] + a] = true;
    }
    p = pfx("10.0.0.0/24");
    p.len = (uint8_t)(24 + rng_below(rng, 4));
    p.byte[3] = (uint8_t)rng_below(rng, 256);
    prefix_canonical(&p);
    for (int a = 0; a < 1 << (32 - p.len); a++)
        all &= has[p.byte[3] + a];
    CHECK_EQ(topo_covered(&p, by, n), all);
}

TAP_MAIN
