/* topo_fixture.h - the networks of the lab for tests: a hub and four regions, each on one or two
 * attachments, two of them joined by a static peering; and the same through two colocation edges.
 *
 * Addresses: link number n is 169.254.(n+1).0/30, .1 at its first end and .2 at the second. */
#pragma once

#include <stdio.h>

#include "base/mem.h"
#include "net/topo.h"
#include "tap.h"

enum { GCP, USE1, USW2, EUW1, APSE1, CEA, CEB }; /* routers, and sites of the first five */
enum { USE1_A, USE1_B, USW2_A, USW2_B, EUW1_A, APSE1_A, US_PEERING, EU_PEERING }; /* direct */
enum { GCP_CEA, GCP_CEB, CEA_USE1, CEB_USE1, CEA_USW2, CEB_USW2, CEA_EUW1, CEB_EUW1, CEA_APSE1,
       CEB_APSE1, CEA_CEB }; /* colo */

static inline struct prefix pfx(const char *text)
{
    struct prefix p = {0};
    if (!prefix_parse(text, &p))
        TAP_FAIL("%s is no prefix", text);
    return p;
}

static inline struct ip_addr ip(const char *text)
{
    struct ip_addr a = {0};
    if (!ip_parse(text, &a))
        TAP_FAIL("%s is no address", text);
    return a;
}

static inline uint16_t add_router(struct topo *t, const char *name, enum topo_kind kind,
                                  uint32_t as)
{
    t->router = mem_grow(t->router, t->n_routers + 1, sizeof *t->router);
    struct topo_router *r = &t->router[t->n_routers];
    *r = (struct topo_router){.kind = (uint8_t)kind, .as = as};
    str_copy(r->name, sizeof r->name, name);
    return (uint16_t)t->n_routers++;
}

static inline uint16_t add_link(struct topo *t, const char *name, uint16_t a, uint16_t b,
                                bool session, int32_t latency_us)
{
    char text[IP_TEXT_MAX];
    t->link = mem_grow(t->link, t->n_links + 1, sizeof *t->link);
    struct topo_link *l = &t->link[t->n_links];
    *l = (struct topo_link){
        .router = {a, b}, .session = session, .latency_us = {latency_us, latency_us}};
    str_copy(l->name, sizeof l->name, name);
    for (int end = 0; end < 2; end++) {
        snprintf(text, sizeof text, "169.254.%u.%d", t->n_links + 1, end + 1);
        l->address[end][0] = ip(text);
    }
    return (uint16_t)t->n_links++;
}

static inline uint16_t add_site(struct topo *t, const char *name, uint16_t router,
                                const char *subnet, const char *address)
{
    t->site = mem_grow(t->site, t->n_sites + 1, sizeof *t->site);
    t->subnet = mem_grow(t->subnet, t->n_subnets + 1, sizeof *t->subnet);
    t->subnet[t->n_subnets++] = (struct topo_subnet){pfx(subnet), (uint16_t)t->n_sites};
    t->site[t->n_sites] = (struct topo_site){.router = router, .address = ip(address)};
    str_copy(t->site[t->n_sites].name, sizeof t->site->name, name);
    return (uint16_t)t->n_sites++;
}

static inline void add_static(struct topo *t, uint16_t router, const char *prefix, uint16_t link)
{
    t->statics = mem_grow(t->statics, t->n_statics + 1, sizeof *t->statics);
    t->statics[t->n_statics++] = (struct topo_static){pfx(prefix), router, link};
}

static inline void add_allowed(struct topo *t, uint16_t router, const char *prefix, uint16_t link)
{
    t->allowed = mem_grow(t->allowed, t->n_allowed + 1, sizeof *t->allowed);
    t->allowed[t->n_allowed++] = (struct topo_allowed){pfx(prefix), router, link};
}

static inline struct topo_expect *add_expect(struct topo *t, uint16_t router, const char *prefix)
{
    t->expect = mem_grow(t->expect, t->n_expects + 1, sizeof *t->expect);
    t->expect[t->n_expects] = (struct topo_expect){.prefix = pfx(prefix), .router = router};
    return &t->expect[t->n_expects++];
}

static inline void add_regions(struct topo *t)
{
    add_router(t, "gcp", TOPO_HUB, 16550);
    add_router(t, "use1", TOPO_TGW, 64601);
    add_router(t, "usw2", TOPO_TGW, 64602);
    add_router(t, "euw1", TOPO_TGW, 64603);
    add_router(t, "apse1", TOPO_TGW, 64604);
    add_site(t, "gcp", GCP, "10.100.0.0/16", "10.100.0.10");
    add_site(t, "us-east-1", USE1, "10.1.0.0/16", "10.1.0.10");
    add_site(t, "us-west-2", USW2, "10.2.0.0/16", "10.2.0.10");
    add_site(t, "eu-west-1", EUW1, "10.3.0.0/16", "10.3.0.10");
    add_site(t, "ap-southeast-1", APSE1, "10.4.0.0/16", "10.4.0.10");
}

static inline struct topo topo_direct(void)
{
    struct topo t = {0};
    add_regions(&t);
    add_link(&t, "use1-a", GCP, USE1, true, 4000);
    add_link(&t, "use1-b", GCP, USE1, true, 6000);
    add_link(&t, "usw2-a", GCP, USW2, true, 5000);
    add_link(&t, "usw2-b", GCP, USW2, true, 7000);
    add_link(&t, "euw1-a", GCP, EUW1, true, 7000);
    add_link(&t, "apse1-a", GCP, APSE1, true, 9000);
    add_link(&t, "us-peering", USE1, USW2, false, 8000);
    add_link(&t, "eu-peering", EUW1, APSE1, false, 9000);
    return t;
}

static inline struct topo topo_colo(void)
{
    static const char *const name[] = {"use1", "usw2", "euw1", "apse1"};
    struct topo t = {0};
    add_regions(&t);
    add_router(&t, "cea", TOPO_EDGE, 65010);
    add_router(&t, "ceb", TOPO_EDGE, 65020);
    add_link(&t, "gcp-cea", GCP, CEA, true, 1000);
    add_link(&t, "gcp-ceb", GCP, CEB, true, 1500);
    for (uint16_t r = 0; r < 4; r++) {
        char link[16];
        snprintf(link, sizeof link, "cea-%s", name[r]);
        add_link(&t, link, CEA, (uint16_t)(USE1 + r), true, 3000 + 1000 * r);
        snprintf(link, sizeof link, "ceb-%s", name[r]);
        add_link(&t, link, CEB, (uint16_t)(USE1 + r), true, 4500 + 1000 * r);
    }
    add_link(&t, "cea-ceb", CEA, CEB, true, 500);
    return t;
}
