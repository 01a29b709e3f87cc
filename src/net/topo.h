/* topo.h - the network as it is meant to be: routers, links, sites, and what is expected of them.
 *
 * Plain structs that the configuration fills (arrays from mem_new, freed by topo_free) and nothing
 * changes afterwards. References are indexes. topo_check finds what is wrong with it before a
 * packet flows; every finding has a name, the places, and what to do. */
#pragma once

#include "net/best.h"
#include "net/prefix.h"

enum {
    TOPO_NAME_MAX = 64, /* with the NUL */
    TOPO_ROUTERS_MAX = 1024,
    TOPO_LINKS_MAX = 4096,
    TOPO_SITES_MAX = 64,   /* pairs are walked, and probed */
    TOPO_NEXT_MAX = 4,     /* expected next hops of a prefix */
    TOPO_IDS_MAX = 6,      /* names that clouds have for a link */
    TOPO_NONE = UINT16_MAX /* no router, link, site */
};

enum topo_kind {
    TOPO_HUB,    /* a Cloud Router */
    TOPO_TGW,    /* a Transit Gateway */
    TOPO_DXGW,   /* a Direct Connect gateway */
    TOPO_EDGE,   /* a customer's own router */
    TOPO_VPC,    /* the router of a VPC */
    TOPO_KINDS
};
extern const char *const topo_kind_names[TOPO_KINDS]; /* "hub", "tgw", ... */

struct topo_router {
    char name[TOPO_NAME_MAX]; /* as its feed calls it (source_router) */
    char region[TOPO_NAME_MAX];
    uint8_t kind;             /* enum topo_kind */
    uint16_t table_of; /* 1 + the Transit Gateway of which this is a further route table, which
                          forwards by itself and shares its links; 0: a router of its own */
    uint32_t as;              /* 0: has none (a VPC) */
    struct best_policy policy;
    bool attached_from_feed; /* its feed lists its VPCs: subnets of the site are no rules of it */
    bool stateful;           /* a firewall: drops what it did not see begin */
    bool exact;              /* what is not expected at it is wrong */
};

/* A link that packets may take: an attachment, a peering, a VIF; with a BGP session on it or not.
 * Two routers may have several. */
struct topo_link {
    char name[TOPO_NAME_MAX]; /* as feeds call it where they do (attr.via) */
    char id[TOPO_IDS_MAX][TOPO_NAME_MAX]; /* names that clouds have for it; "": no more */
    uint16_t router[2];
    struct ip_addr address[2][2]; /* of either end: IPv4, IPv6; family 0: none */
    bool session;                 /* BGP is spoken */
    uint32_t routes_max[2];       /* that this end accepts of the other; 0: not known */
    int32_t latency_us[2];        /* from that end to the other; 0: not known */
    uint32_t cost;                /* of a unit of traffic, any unit */
    uint32_t distance;            /* DX: from the region to the location, any unit */
};

struct topo_site {
    char name[TOPO_NAME_MAX];
    uint16_t router;        /* to which it is attached */
    char attachment[TOPO_NAME_MAX]; /* of it at a Transit Gateway with several tables; "": none */
    struct ip_addr address; /* where probes go; family 0: none. Ways between sites of different
                               families are not meant to be */
};

struct topo_subnet {
    struct prefix prefix;
    uint16_t site;
};

struct topo_static {
    struct prefix prefix;
    uint16_t router;
    uint16_t link; /* TOPO_NONE: a null route */
};

/* Prefixes that a router announces to the other end of a link whether it has them or not: allowed
 * prefixes of a Direct Connect gateway's association, advertised ranges of a Cloud Router. */
struct topo_allowed {
    struct prefix prefix;
    uint16_t router, link;
};

struct topo_expect {
    struct prefix prefix;
    uint16_t router;
    uint8_t n_next;               /* 0: any next hop will do */
    uint16_t next[TOPO_NEXT_MAX]; /* links, the best first */
    uint8_t more_specific_max;    /* longest length allowed inside; 0: any */
    uint32_t origin_as;           /* 0: as the subnet's site says, or any */
};

struct topo_bound { /* of the latency between two sites, from -> to -> from */
    uint16_t from, to;
    int32_t two_way_max_us;
};

struct topo {
    struct topo_router *router;
    struct topo_link *link;
    struct topo_site *site;
    struct topo_subnet *subnet;
    struct topo_static *statics;
    struct topo_allowed *allowed;
    struct topo_expect *expect;
    struct topo_bound *bound;
    uint32_t n_routers, n_links, n_sites, n_subnets, n_statics, n_allowed, n_expects, n_bounds;
};
void topo_free(struct topo *t); /* the arrays */

/* The router itself, or the gateway whose table it is: that is at the ends of links. */
static inline uint16_t topo_gateway(const struct topo *t, uint16_t router)
{
    return t->router[router].table_of ? (uint16_t)(t->router[router].table_of - 1) : router;
}
/* A further route table of a Transit Gateway: as it, and named "GATEWAY/TABLE". TOPO_NONE: its name
 * is too long, or there are too many routers. */
uint16_t topo_add_table(struct topo *t, uint16_t gateway, const char *table);

/* The other end of a link, and which end (0, 1) of it a router is. */
static inline uint16_t topo_other(const struct topo_link *l, uint16_t router)
{
    return l->router[l->router[0] == router];
}
static inline int topo_end(const struct topo_link *l, uint16_t router)
{
    return l->router[1] == router;
}
/* The router's link by the address of its neighbour on it, or TOPO_NONE. */
uint16_t topo_link_by_neighbour(const struct topo *t, uint16_t router, const struct ip_addr *a);
/* By its own name, or one that a cloud has for it. */
uint16_t topo_link_by_name(const struct topo *t, uint16_t router, const char *name);
uint16_t topo_router_by_name(const struct topo *t, const char *name);
/* The closest declared subnet around a prefix, or NULL. */
const struct topo_subnet *topo_subnet_around(const struct topo *t, const struct prefix *p);
/* Is every address of p in one of the prefixes? */
bool topo_covered(const struct prefix *p, const struct prefix *by, size_t n);

/* ---- statically wrong ---- */

enum topo_wrong {
    TOPO_DUPLICATE_AS,
    TOPO_OVERLAP,
    TOPO_STATIC_LOOP,
    TOPO_ALLOWED_TOO_WIDE,
    TOPO_AGGREGATE_LOOPS,
    TOPO_WRONGS
};
struct topo_wrong_row {
    const char *name, *means, *do_this;
};
extern const struct topo_wrong_row topo_wrongs[TOPO_WRONGS];

struct topo_finding {
    enum topo_wrong wrong;
    uint16_t router[2];      /* TOPO_NONE: no more */
    struct prefix prefix[2]; /* family 0: none */
    uint32_t as;
    char text[256]; /* the finding as a sentence: places by their names */
};
/* Returns how many there are; `found` may be NULL. */
uint32_t topo_check(const struct topo *t, void (*found)(void *arg, const struct topo_finding *f),
                    void *arg);
