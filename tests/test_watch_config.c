/* watch_config: the section `network`, read whole, refused with line and remedy, and its example.
 */
#include "core/config.h"
#include "tap.h"
#include "watch/watch_config.h"

#define CENTRE                                                                                     \
    "hub: {name: hub, lat: 39, lon: -77}\n"                                                        \
    "sites: [{name: east, lat: 38.9, lon: -77.5}]\n"                                               \
    "queues: [{name: service}]\n"                                                                  \
    "profiles: [{name: general, queues: [service]}]\n"

static struct watch_config *w;
static struct config *c;
static struct buf errors;

static bool reads(const char *network)
{
    struct buf text = {0};
    buf_str(&text, CENTRE);
    buf_str(&text, network);
    w = watch_config_new();
    struct conf_section sections[] = {watch_config_section(w), {0}};
    buf_free(&errors);
    buf_str(&errors, "");
    c = config_load_with(text.data, text.len, "n.yaml", sections, &errors);
    buf_free(&text);
    return c != NULL;
}

static void forget(void)
{
    config_free(c);
    watch_config_free(w);
    c = NULL;
    w = NULL;
}

#define TWO                                                                                        \
    "network:\n"                                                                                   \
    "  routers:\n"                                                                                 \
    "    - {name: gcp, kind: hub, as: 16550, bmp: [172.31.0.1, fd00::1]}\n"                        \
    "    - {name: use1, kind: tgw, as: 64601, exact: true, fpm: 172.31.0.4}\n"                     \
    "  links:\n"                                                                                   \
    "    - {name: a, a: gcp, b: use1, a_address: [169.254.1.1, fd01::1],\n"                        \
    "       b_address: 169.254.1.2, latency_ms: 4.5, b_routes_max: 100}\n"                         \
    "    - {name: p, a: use1, b: gcp, session: false, latency_ms: 2, back_ms: 3}\n"                \
    "  sites:\n"                                                                                   \
    "    - {name: hub, router: gcp, address: 10.100.0.10, subnets: 10.100.0.0/16}\n"               \
    "    - {name: east, router: use1, subnets: [10.1.0.0/16, 2001:db8:1::/48]}\n"

TEST(everything_is_read)
{
    CHECK(reads(TWO "  statics: [{router: use1, prefix: 10.9.0.0/16, link: p},\n"
                    "    {router: gcp, prefix: 10.0.0.0/8}]\n"
                    "  allowed: [{router: use1, link: a, prefixes: 10.1.0.0/16}]\n"
                    "  expect: [{router: gcp, prefix: 10.1.0.0/16, next: [a, p],\n"
                    "    more_specific_max: 24, origin_as: 4200000001}]\n"
                    "  latency: [{from: hub, to: east, two_way_ms: 12.5}]\n"
                    "  bmp: {port: 0}\n"
                    "  fpm: {listen: fd00::9}\n"
                    "  probes: {from: hub, flows: 2, tcp_port: 443, key_file: /k}\n"
                    "  flap_window_s: 60\n"));
    CHECK_STR(errors.data, "");
    const struct topo *t = &w->topo;
    CHECK(w->given);
    CHECK_EQ(t->n_routers, 2);
    CHECK_EQ(t->router[0].kind, TOPO_HUB);
    CHECK_EQ(t->router[0].policy.order, BEST_CLOUD_ROUTER_LEGACY);
    CHECK_EQ(t->router[1].policy.order, BEST_TRANSIT_GATEWAY);
    CHECK_EQ(t->router[1].as, 64601);
    CHECK(t->router[1].exact && !t->router[0].exact);
    CHECK_EQ(w->bmp.n_speakers, 2);
    CHECK_EQ(w->bmp.speaker[1].router, 0);
    CHECK_EQ(w->bmp.speaker[1].address.family, IPV6);
    CHECK_EQ(t->n_links, 2);
    CHECK_EQ(t->link[0].latency_us[0], 4500);
    CHECK_EQ(t->link[0].latency_us[1], 4500);
    CHECK_EQ(t->link[1].latency_us[1], 3000);
    CHECK_EQ(t->link[0].routes_max[1], 100);
    CHECK_EQ(t->link[0].address[0][1].family, IPV6);
    CHECK_EQ(t->link[0].address[1][1].family, 0);
    CHECK(t->link[0].session && !t->link[1].session);
    CHECK_EQ(t->n_subnets, 3);
    CHECK_EQ(t->subnet[2].site, 1);
    CHECK_EQ(t->subnet[2].prefix.len, 48);
    CHECK_EQ(t->site[1].address.family, 0);
    CHECK_EQ(t->n_statics, 2);
    CHECK_EQ(t->statics[0].link, 1);
    CHECK_EQ(t->statics[1].link, TOPO_NONE);
    CHECK_EQ(t->n_allowed, 1);
    CHECK_EQ(t->expect[0].n_next, 2);
    CHECK_EQ(t->expect[0].next[1], 1);
    CHECK_EQ(t->expect[0].origin_as, 4200000001u);
    CHECK_EQ(t->bound[0].two_way_max_us, 12500);
    CHECK_STR(w->bmp.listen, "127.0.0.1");
    CHECK_EQ(w->bmp.port, 0);
    CHECK_STR(w->fpm.listen, "fd00::9");
    CHECK_EQ(w->fpm.port, 2620);
    CHECK_EQ(w->fpm.n_speakers, 1);
    CHECK_EQ(w->fpm.speaker[0].router, 1);
    CHECK_EQ(w->probes.from_site, 0);
    CHECK_EQ(w->probes.flows, 2);
    CHECK_EQ(w->probes.pace_ms, 20);
    CHECK_STR(w->probes.key_file, "/k");
    CHECK_EQ(w->flap_window_ms, 60000);
    forget();
}

TEST(clouds_that_are_asked)
{
    CHECK(reads(TWO "  clouds:\n"
                    "    google: [{router: gcp, project: p, region: us-east4, name: edge}]\n"
                    "    aws:\n"
                    "      - {router: use1, region: us-east-1, gateway: tgw-1,\n"
                    "         tables: [tgw-rtb-1, tgw-rtb-2]}\n"
                    "    aws_events: {key_env: KEY}\n"));
    CHECK_STR(errors.data, "");
    CHECK_EQ(w->clouds.every_ms, 30000);
    CHECK_EQ(w->clouds.n_google, 1);
    CHECK_EQ(w->clouds.google[0].router, 0);
    CHECK_STR(w->clouds.google[0].name, "edge");
    CHECK(w->clouds.google[0].attachments);
    CHECK_EQ(w->clouds.n_aws, 1);
    CHECK_STR(w->clouds.aws[0].gateway, "tgw-1");
    CHECK_EQ(w->clouds.aws[0].n_tables, 2);
    CHECK_STR(w->clouds.aws[0].table[1], "tgw-rtb-2");
    CHECK_EQ(w->topo.n_routers, 3); /* the second table forwards by itself */
    CHECK_STR(w->topo.router[2].name, "use1/tgw-rtb-2");
    CHECK(w->topo.router[2].table_of == 2 && w->topo.router[2].as == 64601);
    CHECK(w->topo.router[1].attached_from_feed && w->topo.router[2].attached_from_feed);
    CHECK_EQ(topo_link_by_name(&w->topo, 2, "a"), 0); /* by its gateway's links */
    CHECK_STR(w->clouds.aws_url, "");
    CHECK_STR(w->clouds.events.key_env, "KEY");
    CHECK_STR(w->clouds.events.key_file, "");
    forget();
}

#define LONG_NAME "a-transit-gateway-of-which-the-name-is-as-long-as-a-name-may-be"
#define IDS(a_ids, b_ids)                                                                          \
    "network:\n"                                                                                   \
    "  routers: [{name: x}, {name: y}, {name: z}]\n"                                               \
    "  links:\n"                                                                                   \
    "    - {name: one, ids: " a_ids ", a: x, b: y, session: false}\n"                              \
    "    - {name: two, ids: " b_ids ", a: y, b: z, session: false}\n"

TEST(names_that_clouds_have_for_links)
{
    CHECK(reads(IDS("[dxvif-1, vpn-1/198.51.100.3]", "tgw-attach-1")));
    CHECK_STR(errors.data, "");
    CHECK_EQ(topo_link_by_name(&w->topo, 0, "one"), 0);
    CHECK_EQ(topo_link_by_name(&w->topo, 0, "dxvif-1"), 0);
    CHECK_EQ(topo_link_by_name(&w->topo, 1, "vpn-1/198.51.100.3"), 0);
    CHECK_EQ(topo_link_by_name(&w->topo, 1, "tgw-attach-1"), 1);
    CHECK_EQ(topo_link_by_name(&w->topo, 0, "tgw-attach-1"), TOPO_NONE); /* not a link of x */
    CHECK_EQ(topo_link_by_name(&w->topo, 1, ""), TOPO_NONE);
    forget();
}

TEST(without_the_section_there_is_no_watch)
{
    CHECK(reads(""));
    CHECK(!w->given);
    CHECK_STR(w->bmp.listen, "");
    CHECK_EQ(w->probes.from_site, TOPO_NONE);
    forget();
    CHECK(reads(TWO));
    CHECK(w->given);
    CHECK_STR(w->bmp.listen, "");
    CHECK_STR(w->fpm.listen, "");
    forget();
}

static void refused(const char *network, const char *line)
{
    if (reads(network))
        TAP_FAIL("taken: %s", network);
    else if (!strstr(errors.data, line))
        TAP_FAIL("got \"%s\", want \"%s\"", errors.data, line);
    forget();
}

TEST(what_is_wrong_is_told_with_its_line)
{
    refused("network: {}\n", "n.yaml:5:10: network: has no routers; ");
    refused("network: [1]\n", "network: is a list; write a map");
    refused("network:\n  routers: [{name: x, colour: red}]\n",
            "n.yaml:6:23: network.routers[x].colour: is not a known key");
    refused(TWO "    - {name: west, router: usw2}\n",
            "n.yaml:16:28: network.sites[west].router: \"usw2\" is not a known router");
    refused(TWO "  statics: [{router: use1, prefix: 10.9.1.0/16}]\n",
            "is not a prefix; write 10.1.0.0/16");
    refused("network:\n  routers: [{name: x}]\n  links: [{name: l, a: x, b: x}]\n",
            "is the same router as a; name the other end");
    refused("network:\n  routers: [{name: x}, {name: y}]\n  links: [{name: l, a: x, b: y}]\n",
            "has a session but no addresses; give a_address and b_address");
    refused("network:\n  routers: [{name: x, fpm: 10.0.0.1}, {name: y, fpm: 10.0.0.1}]\n",
            "network.routers[y].fpm: is an address of x already");
    refused("network:\n  routers: [{name: x, bmp: 10.0.0.1}, {name: y, bmp: 10.0.0.1}]\n",
            "is an address of x already");
    refused("network:\n  routers: [{name: x, add_cost_to_med: true}]\n",
            "is only for order: cloud-router-standard");
    refused(TWO "  expect: [{router: gcp, prefix: 10.1.0.0/16, more_specific_max: 8}]\n",
            "is shorter than the prefix itself; at least 16");
    refused(TWO "    - {name: x, router: use1, address: 10.1.0}\n", "\"10.1.0\" is not an address");
    refused(TWO "  clouds: {aws: [{router: use1, region: r, gateway: g}]}\n",
            "has no tables; name the route tables of the gateway");
    refused(TWO "  clouds: {aws: [{router: gcp, region: r, gateway: g}]}\n",
            "is of another kind; name a tgw or a dxgw");
    refused("network:\n  routers: [{name: x, kind: dxgw}]\n"
            "  clouds: {aws: [{router: x, region: r, gateway: g, tables: t}]}\n",
            "has tables, which a dxgw has not");
    refused("network:\n  routers: [{name: x}, {name: y}, {name: z}]\n"
            "  links: [{name: l, a: x, b: y, session: false}]\n"
            "  statics: [{router: z, prefix: 10.0.0.0/8, link: l}]\n",
            "does not begin at router z");
    refused("network:\n  routers: [{name: " LONG_NAME ", kind: tgw}]\n"
            "  clouds: {aws: [{router: " LONG_NAME ", region: r, gateway: g, tables: [a, b]}]}\n",
            LONG_NAME "/b is too long for a name");
    refused(IDS("one-1", "[one-1]"), "ids: one-1 is a name of link one of y too");
    refused(IDS("one-1", "one"), "ids: one is a name of link one of y too");
    refused(IDS("two", "x"), "two is a name of link one of y too");
    refused(IDS("[a, b, c, d, e, f, g]", "x"), "ids");
    refused(TWO "  clouds: {aws_events: {key_env: KEY}}\n",
            "is of no use without aws; name the gateways");
    refused(TWO "  clouds: {aws_events: {}}\n", "needs one key; give either key_file or key_env");
    refused(TWO "  clouds: {aws_events: {key_file: /k, key_env: K}}\n", "needs one key");
}

TEST(the_example)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/examples/network.yaml", getenv("TANDEM_SOURCE"));
    w = watch_config_new();
    struct conf_section sections[] = {watch_config_section(w), {0}};
    buf_reset(&errors);
    c = config_load_file_with(path, sections, &errors);
    if (!c)
        TAP_FAIL("%s", errors.data);
    CHECK_EQ(w->topo.n_links, 8);
    CHECK_EQ(topo_check(&w->topo, NULL, NULL), 0);
    forget();
    buf_free(&errors);
}

TAP_MAIN
