/* watch_config.c - the keys of the section `network`. */
#include "watch/watch_config.h"

#include <string.h>

#include "base/mem.h"

/* ---- what may be referred to ---- */

static struct watch_config *of(struct conf *f)
{
    return conf_user(f);
}

static const char *router_name(void *user, uint32_t i)
{
    const struct topo *t = &((const struct watch_config *)user)->topo;
    return i < t->n_routers ? t->router[i].name : NULL;
}

static const char *link_name(void *user, uint32_t i)
{
    const struct topo *t = &((const struct watch_config *)user)->topo;
    return i < t->n_links ? t->link[i].name : NULL;
}

static const char *site_name(void *user, uint32_t i)
{
    const struct topo *t = &((const struct watch_config *)user)->topo;
    return i < t->n_sites ? t->site[i].name : NULL;
}

static const struct conf_ref to_router = {"router", router_name}, to_link = {"link", link_name},
                             to_site = {"site of the network", site_name};

static const char *const kinds[] = {"hub", "tgw", "dxgw", "edge", "vpc", NULL};
_Static_assert(COUNTOF(kinds) == TOPO_KINDS + 1, "each kind has its word");
static const char *const orders[] = {
    "bgp", "cloud-router-legacy", "cloud-router-standard", "transit-gateway", "direct-connect",
    NULL};
_Static_assert(COUNTOF(orders) == BEST_ORDERS + 1, "each order has its word");
static const enum best_order order_of_kind[TOPO_KINDS] = {
    [TOPO_HUB] = BEST_CLOUD_ROUTER_LEGACY, [TOPO_TGW] = BEST_TRANSIT_GATEWAY,
    [TOPO_DXGW] = BEST_DIRECT_CONNECT,     [TOPO_EDGE] = BEST_BGP,
    [TOPO_VPC] = BEST_TRANSIT_GATEWAY,
};

/* ---- prefixes and addresses ---- */

struct raw_prefix {
    struct prefix prefix;
};
struct raw_address {
    struct ip_addr address;
};
struct raw_next {
    uint16_t link;
};

static void take_prefix(struct conf *f, const struct conf_node *n, const char *text,
                        struct prefix *out)
{
    if (!prefix_parse(text, out))
        conf_error_value(f, n, "is not a prefix",
                         "write 10.1.0.0/16 or 2001:db8::/32, with no bit set beyond its length");
}

static void take_raw_prefix(struct conf *f, const struct conf_node *n, const char *text, void *base)
{
    take_prefix(f, n, text, &((struct raw_prefix *)base)->prefix);
}

static void take_static_prefix(struct conf *f, const struct conf_node *n, const char *text,
                               void *base)
{
    take_prefix(f, n, text, &((struct topo_static *)base)->prefix);
}

static void take_expect_prefix(struct conf *f, const struct conf_node *n, const char *text,
                               void *base)
{
    take_prefix(f, n, text, &((struct topo_expect *)base)->prefix);
}

static void take_address(struct conf *f, const struct conf_node *n, const char *text,
                         struct ip_addr *out)
{
    if (!ip_parse(text, out))
        conf_error_value(f, n, "is not an address", "write one in numbers: 169.254.1.2, fd00::2");
}

static void take_raw_address(struct conf *f, const struct conf_node *n, const char *text,
                             void *base)
{
    take_address(f, n, text, &((struct raw_address *)base)->address);
}

static void take_site_address(struct conf *f, const struct conf_node *n, const char *text,
                              void *base)
{
    take_address(f, n, text, &((struct topo_site *)base)->address);
}

static void take_listen(struct conf *f, const struct conf_node *n, const char *text, void *base)
{
    struct ip_addr a;
    take_address(f, n, text, &a);
    str_copy(((struct watch_station *)base)->listen, TOPO_NAME_MAX, text);
}

/* ---- routers ---- */

static void router_begin(struct conf *f, const struct conf_node *n, void *base, void *owner)
{
    (void)f, (void)n, (void)owner;
    ((struct topo_router *)base)->policy.order = BEST_ORDERS; /* not given */
}

static void router_done(struct conf *f, const struct conf_node *n, void *base, void *owner)
{
    struct topo_router *r = base;
    (void)owner;
    if (r->policy.order == BEST_ORDERS)
        r->policy.order = order_of_kind[r->kind];
    bool cloud = r->policy.order == BEST_CLOUD_ROUTER_STANDARD;
    if (r->policy.add_cost_to_med && !cloud)
        conf_error(f, conf_child(n, "add_cost_to_med"),
                   "is only for order: cloud-router-standard; take it away");
}

static void add_speaker(struct conf *f, const struct conf_node *n, struct watch_station *s,
                        const struct ip_addr *a, const struct topo_router *owner)
{
    const struct topo *t = &of(f)->topo;
    for (uint32_t i = 0; i < s->n_speakers; i++)
        if (ip_equal(&s->speaker[i].address, a))
            conf_error(f, n, "is an address of %s already; each router has addresses of its own",
                       t->router[s->speaker[i].router].name);
    s->speaker = mem_grow(s->speaker, s->n_speakers + 1, sizeof *s->speaker);
    s->speaker[s->n_speakers++] = (struct watch_speaker){*a, (uint16_t)(owner - t->router)};
}

static void bmp_done(struct conf *f, const struct conf_node *n, void *base, void *owner)
{
    add_speaker(f, n, &of(f)->bmp, &((struct raw_address *)base)->address, owner);
}

static void fpm_done(struct conf *f, const struct conf_node *n, void *base, void *owner)
{
    add_speaker(f, n, &of(f)->fpm, &((struct raw_address *)base)->address, owner);
}

static const struct conf_row address_rows[] = {
    {"address", "An address.", .type = CONF_TEXT, .take = take_raw_address, .required = true},
};
static const struct conf_table bmp_addresses = {CONF_TABLE(address_rows), .shorthand = "address",
                                                .done = bmp_done};
static const struct conf_table fpm_addresses = {CONF_TABLE(address_rows), .shorthand = "address",
                                                .done = fpm_done};

#define ADDRESSES(sub_, max_)                                                                      \
    .type = CONF_LIST, CONF_EACH(struct raw_address), .one_or_many = true, .min = 1,               \
    .max = (max_), .sub = &(sub_)
#define ROUTER(m) CONF_AT(struct topo_router, m)
static const struct conf_row router_rows[] = {
    {"name", "Its name; of a router in the cloud, the name it has there.", ROUTER(name),
     .type = CONF_NAME, .required = true},
    {"kind",
     "hub: a Cloud Router; tgw: a Transit Gateway; dxgw: a Direct Connect gateway; edge: a router "
     "of one's own; vpc: the router of a VPC.",
     ROUTER(kind), .type = CONF_ENUM, .names = kinds, .def = "edge"},
    {"bmp", "Addresses from which it speaks BMP to the station.", ADDRESSES(bmp_addresses, 8),
     .def_doc = "none, it speaks no BMP"},
    {"fpm", "Addresses from which it tells its forwarding table by FPM.",
     ADDRESSES(fpm_addresses, 8), .def_doc = "none, it does not tell it"},
    {"region", "Its region.", ROUTER(region), .type = CONF_NAME, .def_doc = "none"},
    {"as", "Its AS number; 0: it has none.", ROUTER(as), .type = CONF_INT, .min = 0,
     .max = 4294967295.0, .def = "0"},
    {"order", "How it chooses among routes to one prefix.", ROUTER(policy.order), .type = CONF_ENUM,
     .names = orders, .def_doc = "that of its kind"},
    {"always_compare_med", "MED counts between different neighbour ASes too.",
     ROUTER(policy.always_compare_med), .type = CONF_BOOL, .def = "false"},
    {"add_cost_to_med",
     "Google's bgpInterRegionCost ADD_COST_TO_MED, of the order cloud-router-standard.",
     ROUTER(policy.add_cost_to_med), .type = CONF_BOOL, .def = "false"},
    {"attached_from_feed",
     "Its feed lists what is attached to it (a Transit Gateway's VPC routes), so the subnets of "
     "its "
     "sites are not taken to be there.",
     ROUTER(attached_from_feed), .type = CONF_BOOL, .def = "false"},
    {"stateful", "A firewall is in it, which drops what it did not see begin.", ROUTER(stateful),
     .type = CONF_BOOL, .def = "false"},
    {"exact", "Every route at it must be expected.", ROUTER(exact), .type = CONF_BOOL,
     .def = "false"},
};
static const struct conf_table router_table = {CONF_TABLE(router_rows), .unique = "name",
                                               .begin = router_begin, .done = router_done,
                                               .doc = "What takes part in routing."};

/* ---- links ---- */

static void add_address(struct conf *f, const struct conf_node *n, struct topo_link *l, int end,
                        const struct ip_addr *a)
{
    struct ip_addr *slot = l->address[end];
    if (slot[0].family)
        slot++;
    if (slot[0].family || (slot != l->address[end] && slot[-1].family == a->family))
        conf_error(f, n, "is one too many; an end has one IPv4 and one IPv6 address at most");
    else
        *slot = *a;
}

static void a_address_done(struct conf *f, const struct conf_node *n, void *base, void *owner)
{
    add_address(f, n, owner, 0, &((struct raw_address *)base)->address);
}

static void b_address_done(struct conf *f, const struct conf_node *n, void *base, void *owner)
{
    add_address(f, n, owner, 1, &((struct raw_address *)base)->address);
}

static const struct conf_table a_addresses = {CONF_TABLE(address_rows), .shorthand = "address",
                                              .done = a_address_done};
static const struct conf_table b_addresses = {CONF_TABLE(address_rows), .shorthand = "address",
                                              .done = b_address_done};

struct raw_id {
    char name[TOPO_NAME_MAX];
};

/* The first name of a link that is free; -1: it has as many as it may. */
static int free_id(const struct topo_link *l)
{
    for (int i = 0; i < TOPO_IDS_MAX; i++)
        if (!*l->id[i])
            return i;
    return -1;
}

static void id_done(struct conf *f, const struct conf_node *n, void *base, void *owner)
{
    struct topo_link *l = owner;
    int i = free_id(l);
    (void)f, (void)n;
    if (i >= 0)
        (void)str_copy(l->id[i], TOPO_NAME_MAX, ((struct raw_id *)base)->name);
}

static const struct conf_row id_rows[] = {
    {"id", "An id.", CONF_AT(struct raw_id, name), .type = CONF_TEXT, .required = true},
};
static const struct conf_table id_table = {CONF_TABLE(id_rows), .shorthand = "id", .done = id_done};

/* What a cloud says of a name must be about one link of the router. */
static void check_names(struct conf *f, const struct conf_node *n, const struct topo_link *l)
{
    const struct topo *t = &of(f)->topo;
    for (int end = 0; end < 2; end++)
        for (int i = -1; i < TOPO_IDS_MAX && (i < 0 || *l->id[i]); i++) {
            uint16_t k = topo_link_by_name(t, l->router[end], i < 0 ? l->name : l->id[i]);
            if (k == TOPO_NONE || &t->link[k] == l)
                continue;
            conf_error(f, i < 0 ? n : conf_child(n, "ids"), "%s is a name of link %s of %s too",
                       i < 0 ? l->name : l->id[i], t->link[k].name, t->router[l->router[end]].name);
            return;
        }
}

static void link_done(struct conf *f, const struct conf_node *n, void *base, void *owner)
{
    struct topo_link *l = base;
    (void)owner;
    if (l->router[0] == l->router[1])
        conf_error(f, conf_child(n, "b"), "is the same router as a; name the other end");
    if (!l->latency_us[1])
        l->latency_us[1] = l->latency_us[0];
    if (l->session && (!l->address[0][0].family || !l->address[1][0].family))
        conf_error(f, n,
                   "has a session but no addresses; give a_address and b_address, by which routes "
                   "are told to come over it, or session: false");
    check_names(f, n, l);
}

#define LINK(m) CONF_AT(struct topo_link, m)
static const struct conf_row link_rows[] = {
    {"name", "Its name, as feeds call it where they do: a VIF, an attachment.", LINK(name),
     .type = CONF_NAME, .required = true},
    {"ids",
     "More names that clouds have for it: a virtual interface at its other end (dxvif-...), an "
     "attachment, a VPN connection (vpn-...) or one of its tunnels (vpn-.../OUTSIDE-ADDRESS). Any "
     "of "
     "them that is down takes it down.",
     .type = CONF_LIST, CONF_EACH(struct raw_id), .one_or_many = true, .min = 1,
     .max = TOPO_IDS_MAX, .sub = &id_table, .def_doc = "none"},
    {"a", "The router at one end.", LINK(router[0]), .type = CONF_REF, .ref = &to_router,
     .required = true},
    {"b", "The router at the other end.", LINK(router[1]), .type = CONF_REF, .ref = &to_router,
     .required = true},
    {"a_address", "Addresses of a's end, an IPv4 and an IPv6 one.", ADDRESSES(a_addresses, 2)},
    {"b_address", "Addresses of b's end.", ADDRESSES(b_addresses, 2)},
    {"session", "BGP is spoken over it.", LINK(session), .type = CONF_BOOL, .def = "true"},
    {"a_routes_max", "Prefixes that a accepts over it before it closes the session; 0: not known.",
     LINK(routes_max[0]), .type = CONF_INT, .min = 0, .max = 10000000, .def = "0"},
    {"b_routes_max", "The same of b.", LINK(routes_max[1]), .type = CONF_INT, .min = 0,
     .max = 10000000, .def = "0"},
    {"latency_ms", "From a to b; 0: not known.", LINK(latency_us[0]), .type = CONF_DECIMAL,
     .min = 0, .max = 10000, .unit = "ms", .scale = 1000, .def = "0"},
    {"back_ms", "From b to a.", LINK(latency_us[1]), .type = CONF_DECIMAL, .min = 0, .max = 10000,
     .unit = "ms", .scale = 1000, .def_doc = "as latency_ms"},
    {"cost", "Of a unit of traffic, for the comparison of plans.", LINK(cost), .type = CONF_INT,
     .min = 0, .max = 1000000, .def = "0"},
    {"distance", "From the region to the Direct Connect location, in any unit.", LINK(distance),
     .type = CONF_INT, .min = 0, .max = 1000000, .def = "0"},
};
static const struct conf_table link_table = {
    CONF_TABLE(link_rows), .unique = "name", .done = link_done,
    .doc = "What packets may take from one router to another: attachments, peerings, VIFs."};

/* ---- sites ---- */

static const struct conf_row prefix_rows[] = {
    {"prefix", "A prefix.", .type = CONF_TEXT, .take = take_raw_prefix, .required = true},
};

static void subnet_done(struct conf *f, const struct conf_node *n, void *base, void *owner)
{
    struct topo *t = &of(f)->topo;
    (void)n;
    t->subnet = mem_grow(t->subnet, t->n_subnets + 1, sizeof *t->subnet);
    t->subnet[t->n_subnets++] = (struct topo_subnet){
        ((struct raw_prefix *)base)->prefix, (uint16_t)((struct topo_site *)owner - t->site)};
}

static const struct conf_table subnets = {CONF_TABLE(prefix_rows), .shorthand = "prefix",
                                          .done = subnet_done};

#define PREFIXES(sub_)                                                                             \
    .type = CONF_LIST, CONF_EACH(struct raw_prefix), .one_or_many = true, .min = 1, .max = 4096,   \
    .sub = &(sub_)
static const struct conf_row site_rows[] = {
    {"name", "Its name; that of a site or of the hub, where it is one.",
     CONF_AT(struct topo_site, name), .type = CONF_NAME, .required = true},
    {"router", "The router it is attached to.", CONF_AT(struct topo_site, router), .type = CONF_REF,
     .ref = &to_router, .required = true},
    {"attachment",
     "Its attachment at a Transit Gateway of which several tables are asked: what comes from the "
     "site is looked up in the table with which that is associated.",
     CONF_AT(struct topo_site, attachment), .type = CONF_NAME, .def_doc = "none: the first table"},
    {"address", "Where probes go, from sites with an address of the same family.",
     .type = CONF_TEXT, .take = take_site_address, .def_doc = "none, it is not probed"},
    {"subnets", "What is there.", PREFIXES(subnets), .def_doc = "none"},
};
static const struct conf_table site_table = {
    CONF_TABLE(site_rows), .unique = "name",
    .doc = "The places between which contacts, state and control must pass."};

/* ---- static routes, allowed prefixes ---- */

static void static_begin(struct conf *f, const struct conf_node *n, void *base, void *owner)
{
    (void)f, (void)n, (void)owner;
    ((struct topo_static *)base)->link = TOPO_NONE;
}

static void check_end(struct conf *f, const struct conf_node *n, uint16_t router, uint16_t link)
{
    const struct topo *t = &of(f)->topo;
    if (link != TOPO_NONE && t->link[link].router[0] != router && t->link[link].router[1] != router)
        conf_error(f, conf_child(n, "link"), "does not begin at router %s; name one that does",
                   t->router[router].name);
}

static void static_done(struct conf *f, const struct conf_node *n, void *base, void *owner)
{
    const struct topo_static *s = base;
    (void)owner;
    check_end(f, n, s->router, s->link);
}

static const struct conf_row static_rows[] = {
    {"router", "The router that has it.", CONF_AT(struct topo_static, router), .type = CONF_REF,
     .ref = &to_router, .required = true},
    {"prefix", "What it is about.", .type = CONF_TEXT, .take = take_static_prefix,
     .required = true},
    {"link", "Where packets go.", CONF_AT(struct topo_static, link), .type = CONF_REF,
     .ref = &to_link, .def_doc = "nowhere: they are discarded"},
};
static const struct conf_table static_table = {
    CONF_TABLE(static_rows), .begin = static_begin, .done = static_done,
    .doc = "Static routes, of Transit Gateways' tables too."};

struct raw_allowed {
    uint16_t router, link;
};

static void allowed_prefix_done(struct conf *f, const struct conf_node *n, void *base, void *owner)
{
    struct topo *t = &of(f)->topo;
    const struct raw_allowed *a = owner;
    (void)n;
    t->allowed = mem_grow(t->allowed, t->n_allowed + 1, sizeof *t->allowed);
    t->allowed[t->n_allowed++] =
        (struct topo_allowed){((struct raw_prefix *)base)->prefix, a->router, a->link};
}

static const struct conf_table allowed_prefixes = {CONF_TABLE(prefix_rows), .shorthand = "prefix",
                                                   .done = allowed_prefix_done};

static void allowed_done(struct conf *f, const struct conf_node *n, void *base, void *owner)
{
    const struct raw_allowed *a = base;
    (void)owner;
    check_end(f, n, a->router, a->link);
}

static const struct conf_row allowed_rows[] = {
    {"router", "The router that announces them.", CONF_AT(struct raw_allowed, router),
     .type = CONF_REF, .ref = &to_router, .required = true},
    {"link", "To the other end of this link.", CONF_AT(struct raw_allowed, link), .type = CONF_REF,
     .ref = &to_link, .required = true},
    {"prefixes", "Whether it has them or not.", PREFIXES(allowed_prefixes), .required = true},
};
static const struct conf_table allowed_table = {
    CONF_TABLE(allowed_rows), .done = allowed_done,
    .doc = "What is announced whether it is there or not: allowed prefixes of a Direct Connect "
           "gateway's association, advertised ranges of a Cloud Router."};

/* ---- expectations ---- */

static void next_done(struct conf *f, const struct conf_node *n, void *base, void *owner)
{
    struct topo_expect *e = owner;
    (void)f, (void)n;
    e->next[e->n_next++] = ((struct raw_next *)base)->link;
}

static const struct conf_row next_rows[] = {
    {"link", "A link of the router.", CONF_AT(struct raw_next, link), .type = CONF_REF,
     .ref = &to_link, .required = true},
};
static const struct conf_table next_table = {CONF_TABLE(next_rows), .shorthand = "link",
                                             .done = next_done};

static void expect_done(struct conf *f, const struct conf_node *n, void *base, void *owner)
{
    const struct topo_expect *e = base;
    const struct topo *t = &of(f)->topo;
    (void)owner;
    for (int i = 0; i < e->n_next; i++) {
        const struct topo_link *l = &t->link[e->next[i]];
        if (l->router[0] != e->router && l->router[1] != e->router)
            conf_error(f, conf_child(n, "next"), "%s does not begin at router %s", l->name,
                       t->router[e->router].name);
    }
    if (e->more_specific_max && e->more_specific_max < e->prefix.len)
        conf_error(f, conf_child(n, "more_specific_max"),
                   "is shorter than the prefix itself; at least %u", e->prefix.len);
}

#define EXPECT(m) CONF_AT(struct topo_expect, m)
static const struct conf_row expect_rows[] = {
    {"router", "The router where it is expected.", EXPECT(router), .type = CONF_REF,
     .ref = &to_router, .required = true},
    {"prefix", "The prefix.", .type = CONF_TEXT, .take = take_expect_prefix, .required = true},
    {"next", "The links by which it may be reached, the best first.", .type = CONF_LIST,
     CONF_EACH(struct raw_next), .one_or_many = true, .min = 1, .max = TOPO_NEXT_MAX,
     .sub = &next_table, .def_doc = "any"},
    {"more_specific_max", "No route inside it may be longer than this; 0: any.",
     EXPECT(more_specific_max), .type = CONF_INT, .min = 0, .max = 128, .def = "0"},
    {"origin_as", "The AS that must have originated it.", EXPECT(origin_as), .type = CONF_INT,
     .min = 0, .max = 4294967295.0, .def_doc = "that of the site with the subnet, or any"},
};
static const struct conf_table expect_table = {CONF_TABLE(expect_rows), .done = expect_done,
                                               .doc = "Routes that must be there."};

static const struct conf_row bound_rows[] = {
    {"from", "A site.", CONF_AT(struct topo_bound, from), .type = CONF_REF, .ref = &to_site,
     .required = true},
    {"to", "Another.", CONF_AT(struct topo_bound, to), .type = CONF_REF, .ref = &to_site,
     .required = true},
    {"two_way_ms", "There and back takes no longer.", CONF_AT(struct topo_bound, two_way_max_us),
     .type = CONF_DECIMAL, .min = 0.001, .max = 60000, .unit = "ms", .scale = 1000,
     .required = true},
};
static const struct conf_table bound_table = {CONF_TABLE(bound_rows), .doc = "Bounds of latency."};

/* ---- feeds, probes ---- */

#define STATION_ROWS(port_)                                                                        \
    {"listen", "The address on which routers reach the station.", .type = CONF_TEXT,               \
     .take = take_listen, .def = "127.0.0.1"},                                                     \
        {"port",                                                                                   \
         "Its TCP port; 0: any free one.",                                                         \
         CONF_AT(struct watch_station, port),                                                      \
         .type = CONF_INT,                                                                         \
         .min = 0,                                                                                 \
         .max = 65535,                                                                             \
         .def = (port_)},
static const struct conf_row bmp_rows[] = {STATION_ROWS("5000")};
static const struct conf_table bmp_table = {CONF_TABLE(bmp_rows),
                                            .doc = "The station for BMP (RFC 7854). Without it "
                                                   "nothing listens."};
static const struct conf_row fpm_rows[] = {STATION_ROWS("2620")};
static const struct conf_table fpm_table = {
    CONF_TABLE(fpm_rows), .doc = "The station for FPM, FRR's Forwarding Plane Manager. Without it "
                                 "nothing listens."};

static void probes_done(struct conf *f, const struct conf_node *n, void *base, void *owner)
{
    struct watch_probes *p = base;
    (void)f, (void)n, (void)owner;
    if (p->from_site != TOPO_NONE)
        str_copy(p->from, sizeof p->from, of(f)->topo.site[p->from_site].name);
}

static void probes_begin(struct conf *f, const struct conf_node *n, void *base, void *owner)
{
    (void)f, (void)n, (void)owner;
    ((struct watch_probes *)base)->from_site = TOPO_NONE;
}

#define PROBES(m) CONF_AT(struct watch_probes, m)
static const struct conf_row probe_rows[] = {
    {"from", "The site at which this process is: it probes all others, and answers theirs.",
     PROBES(from_site), .type = CONF_REF, .ref = &to_site,
     .def_doc = "none; results come from the sites alone"},
    {"port", "STAMP's UDP port, here and there.", PROBES(port), .type = CONF_INT, .min = 1,
     .max = 65535, .def = "862"},
    {"pace_ms", "A probe of each path goes out so often.", PROBES(pace_ms), .type = CONF_INT,
     .min = 5, .max = 60000, .unit = "ms", .def = "20"},
    {"flows", "Paths between two sites, each with ports of its own, for links used together.",
     PROBES(flows), .type = CONF_INT, .min = 1, .max = WATCH_FLOWS_MAX, .def = "1"},
    {"fall", "Answers missed in a row that make a path down.", PROBES(fall), .type = CONF_INT,
     .min = 1, .max = 100, .def = "3"},
    {"rise", "Answers in a row that make it up again.", PROBES(rise), .type = CONF_INT, .min = 1,
     .max = 100, .def = "3"},
    {"tcp_port",
     "Connections are tried to this port as well, since a stateful firewall breaks "
     "those first; 0: not.",
     PROBES(tcp_port), .type = CONF_INT, .min = 0, .max = 65535, .def = "0"},
    {"tcp_pace_ms", "So often.", PROBES(tcp_pace_ms), .type = CONF_INT, .min = 100, .max = 600000,
     .unit = "ms", .def = "1000"},
    {"trace", "A path that goes down is traced for a loop.", PROBES(trace), .type = CONF_BOOL,
     .def = "true"},
    {"key_file", "File with the key of authenticated STAMP, hexadecimal.", PROBES(key_file),
     .type = CONF_TEXT, .def_doc = "none: unauthenticated"},
};
static const struct conf_table probe_table = {CONF_TABLE(probe_rows), .begin = probes_begin,
                                              .done = probes_done,
                                              .doc = "Probes of the paths between the sites."};

#define GOOGLE(m) CONF_AT(struct watch_google, m)
static const struct conf_row google_rows[] = {
    {"router", "The router that it is.", GOOGLE(router), .type = CONF_REF, .ref = &to_router,
     .required = true},
    {"project", "Its project.", GOOGLE(project), .type = CONF_NAME, .required = true},
    {"region", "Its region.", GOOGLE(region), .type = CONF_NAME, .required = true},
    {"name", "Its name there.", GOOGLE(name), .type = CONF_NAME, .required = true},
    {"attachments", "The VLAN attachments of the region are asked for too.", GOOGLE(attachments),
     .type = CONF_BOOL, .def = "true"},
};
static const struct conf_table google_table = {
    CONF_TABLE(google_rows), .doc = "Cloud Routers, asked by the Compute API with Application "
                                    "Default Credentials (a service account's key, or the "
                                    "metadata server)."};

struct raw_table {
    char name[TOPO_NAME_MAX];
};

static void route_table_done(struct conf *f, const struct conf_node *n, void *base, void *owner)
{
    struct watch_aws *a = owner;
    (void)f, (void)n;
    a->table = mem_grow(a->table, a->n_tables + 1, sizeof *a->table);
    str_copy(a->table[a->n_tables++], TOPO_NAME_MAX, ((struct raw_table *)base)->name);
}

static const struct conf_row route_table_rows[] = {
    {"table", "tgw-rtb-...", CONF_AT(struct raw_table, name), .type = CONF_NAME, .required = true},
};
static const struct conf_table route_table = {CONF_TABLE(route_table_rows), .shorthand = "table",
                                              .done = route_table_done};

static void aws_done(struct conf *f, const struct conf_node *n, void *base, void *owner)
{
    const struct watch_aws *a = base;
    uint8_t kind = of(f)->topo.router[a->router].kind;
    (void)owner;
    if (kind != TOPO_TGW && kind != TOPO_DXGW)
        conf_error(f, conf_child(n, "router"), "is of another kind; name a tgw or a dxgw");
    else if ((kind == TOPO_TGW) != (a->n_tables > 0))
        conf_error(f, n,
                   kind == TOPO_TGW ? "has no tables; name the route tables of the gateway"
                                    : "has tables, which a dxgw has not; take them away");
}

#define AWS(m) CONF_AT(struct watch_aws, m)
static const struct conf_row aws_rows[] = {
    {"router", "The router that it is.", AWS(router), .type = CONF_REF, .ref = &to_router,
     .required = true},
    {"region", "Whose API is asked; a Direct Connect gateway answers in any.", AWS(region),
     .type = CONF_NAME, .required = true},
    {"gateway", "Its id.", AWS(gateway), .type = CONF_NAME, .required = true},
    {"tables",
     "The route tables of a Transit Gateway. With several each forwards by itself, as a router "
     "named ROUTER/TABLE (the first one as ROUTER), and attachments are associated as AWS says.",
     .type = CONF_LIST, CONF_EACH(struct raw_table), .one_or_many = true, .min = 1, .max = 64,
     .sub = &route_table, .def_doc = "none"},
};
static const struct conf_table aws_table = {
    CONF_TABLE(aws_rows), .done = aws_done,
    .doc = "Gateways of AWS, asked by EC2's and Direct Connect's APIs with the credentials of the "
           "environment, of a profile or of the machine."};

static void events_done(struct conf *f, const struct conf_node *n, void *base, void *owner)
{
    const struct watch_events *e = base;
    (void)owner;
    if (n && (*e->key_file != '\0') == (*e->key_env != '\0'))
        conf_error(f, n, "needs one key; give either key_file or key_env");
}

#define EVENTS(m) CONF_AT(struct watch_events, m)
static const struct conf_row event_rows[] = {
    {"key_file", "The file with the key that senders must give, 16 to 256 characters.",
     EVENTS(key_file), .type = CONF_TEXT, .def_doc = "none"},
    {"key_env", "Or the environment variable that has it.", EVENTS(key_env), .type = CONF_NAME,
     .def_doc = "none"},
};
static const struct conf_table event_table = {
    CONF_TABLE(event_rows), .done = events_done,
    .doc = "The door for events that AWS Network Manager pushes through EventBridge: POST "
           "/v1/net/aws-events. Without it that path is closed."};

static void clouds_done(struct conf *f, const struct conf_node *n, void *base, void *owner)
{
    const struct watch_clouds *c = base;
    (void)owner;
    if (conf_child(n, "aws_events") && !c->n_aws)
        conf_error(f, conf_child(n, "aws_events"),
                   "is of no use without aws; name the gateways that events may be about");
}

#define CLOUDS(m) CONF_AT(struct watch_clouds, m)
static const struct conf_row cloud_rows[] = {
    {"every_s", "Each is asked so often.", CLOUDS(every_ms), .type = CONF_INT, .min = 1,
     .max = 3600, .unit = "s", .scale = 1000, .def = "30"},
    {"google", "Cloud Routers.", .type = CONF_LIST,
     CONF_ALLOC(struct watch_clouds, google, n_google), .max = 256, .sub = &google_table},
    {"aws", "Gateways of AWS.", .type = CONF_LIST, CONF_ALLOC(struct watch_clouds, aws, n_aws),
     .max = 256, .sub = &aws_table},
    {"aws_events", "Events that AWS pushes.", CLOUDS(events), .type = CONF_MAP,
     .sub = &event_table},
    {"google_url", "Where Google's Compute API is.", CLOUDS(google_url), .type = CONF_TEXT,
     .def_doc = "https://compute.googleapis.com"},
    {"aws_url", "Where AWS's APIs are, all of them.", CLOUDS(aws_url), .type = CONF_TEXT,
     .def_doc = "each service and region has its own"},
};
static const struct conf_table cloud_table = {
    CONF_TABLE(cloud_rows), .done = clouds_done,
    .doc = "Routers and gateways that speak no BMP and are asked instead."};

/* ---- the section ---- */

static void network_begin(struct conf *f, const struct conf_node *n, void *base, void *owner)
{
    (void)f, (void)owner;
    ((struct watch_config *)base)->given = n != NULL;
}

/* Of a gateway with several tables those after the first are routers beside it. */
static void add_tables(struct conf *f, const struct conf_node *n, struct watch_config *w)
{
    for (uint32_t i = 0; i < w->clouds.n_aws; i++) {
        const struct watch_aws *a = &w->clouds.aws[i];
        if (a->n_tables > 1) /* its table lists the VPCs */
            w->topo.router[a->router].attached_from_feed = true;
        for (uint32_t k = 1; k < a->n_tables; k++)
            if (topo_add_table(&w->topo, a->router, a->table[k]) == TOPO_NONE)
                conf_error(f, conf_child(n, "clouds"),
                           "%s/%s is too long for a name, or there are too many routers",
                           w->topo.router[a->router].name, a->table[k]);
    }
}

static void network_done(struct conf *f, const struct conf_node *n, void *base, void *owner)
{
    struct watch_config *w = base;
    (void)owner;
    if (!conf_child(n, "bmp"))
        w->bmp.listen[0] = '\0';
    if (!conf_child(n, "fpm"))
        w->fpm.listen[0] = '\0';
    if (n && !w->topo.n_routers)
        conf_error(f, n, "has no routers; add them, or take the section away");
    add_tables(f, n, w);
}

#define WATCH(m)     CONF_AT(struct watch_config, m)
#define LISTED(m, n) .type = CONF_LIST, CONF_ALLOC(struct watch_config, topo.m, topo.n)
static const struct conf_row network_rows[] = {
    {"routers", "The routers.", LISTED(router, n_routers), .max = TOPO_ROUTERS_MAX,
     .sub = &router_table},
    {"links", "The links between them.", LISTED(link, n_links), .max = TOPO_LINKS_MAX,
     .sub = &link_table},
    {"sites", "The sites.", LISTED(site, n_sites), .max = TOPO_SITES_MAX, .sub = &site_table},
    {"statics", "Static routes.", LISTED(statics, n_statics), .max = 10000, .sub = &static_table},
    {"allowed", "Prefixes announced without being there.", .type = CONF_LIST,
     CONF_EACH(struct raw_allowed), .max = 10000, .sub = &allowed_table},
    {"expect", "Expected routes.", LISTED(expect, n_expects), .max = 100000, .sub = &expect_table},
    {"latency", "Bounds of latency.", LISTED(bound, n_bounds), .max = 4096, .sub = &bound_table},
    {"bmp", "Where routers tell what they know.", WATCH(bmp), .type = CONF_MAP, .sub = &bmp_table},
    {"fpm", "Where routers tell what they do: their forwarding tables.", WATCH(fpm),
     .type = CONF_MAP, .sub = &fpm_table},
    {"clouds", "Routers in clouds that are asked.", WATCH(clouds), .type = CONF_MAP,
     .sub = &cloud_table},
    {"probes", "What is probed from here.", WATCH(probes), .type = CONF_MAP, .sub = &probe_table},
    {"sync_ms", "A router whose feed has been up so long has told its whole table.", WATCH(sync_ms),
     .type = CONF_INT, .min = 100, .max = 3600000, .unit = "ms", .def = "10000"},
    {"flap_count", "So many losses of a session ...", WATCH(flap_count), .type = CONF_INT, .min = 2,
     .max = 1000, .def = "3"},
    {"flap_window_s", "... within this time are flapping.", WATCH(flap_window_ms), .type = CONF_INT,
     .min = 1, .max = 86400, .unit = "s", .scale = 1000, .def = "300"},
    {"limit_percent", "A session with so many of its most routes is near its limit.",
     WATCH(limit_percent), .type = CONF_INT, .min = 1, .max = 100, .unit = "%", .def = "80"},
    {"routes_max", "Routes kept in all; what is beyond is counted and not judged.",
     WATCH(routes_max), .type = CONF_INT, .min = 1000, .max = 50000000, .def = "10000000"},
};
const struct conf_table watch_config_table = {
    CONF_TABLE(network_rows), .begin = network_begin, .done = network_done,
    .doc = "The network between hub and regions, as it is meant to be: docs/network.md."};

struct watch_config *watch_config_new(void)
{
    return mem_new(1, sizeof(struct watch_config));
}

void watch_config_free(struct watch_config *w)
{
    if (!w)
        return;
    topo_free(&w->topo);
    mem_free(w->bmp.speaker);
    mem_free(w->fpm.speaker);
    for (uint32_t i = 0; i < w->clouds.n_aws; i++)
        mem_free(w->clouds.aws[i].table);
    mem_free(w->clouds.aws);
    mem_free(w->clouds.google);
    mem_free(w);
}

struct conf_section watch_config_section(struct watch_config *w)
{
    return (struct conf_section){"network", &watch_config_table, w, w};
}
