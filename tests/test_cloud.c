/* cloud: answers of Google and AWS (tests/data/cloud) become the events they mean; what is said
 * again is not told again, what is no longer listed goes, what is malformed is passed over. That
 * the answers are as the providers' own models say is checked by tests/py/test_cloud.py. */
#include "cloud_record.h"
#include "driver/routes/aws_answers.h"
#include "driver/routes/aws_events.h"
#include "driver/routes/ec2_answers.h"
#include "driver/routes/gcp_answers.h"
#include "tap.h"

static struct buf load(const char *name)
{
    char path[600], part[4096];
    struct buf b = {0};
    const char *source = getenv("TANDEM_SOURCE");
    snprintf(path, sizeof path, "%s/tests/data/cloud/%s", source ? source : ".", name);
    FILE *f = fopen(path, "rb");
    BUG_ON(!f);
    for (size_t n; (n = fread(part, 1, sizeof part, f));)
        buf_add(&b, part, n);
    fclose(f);
    return b;
}

/* What was told since the last time. */
static void told(struct record *r, const char *want)
{
    CHECK_STR(r->text.data ? r->text.data : "", want);
    buf_reset(&r->text);
}

TEST(a_cloud_router)
{
    struct record r;
    struct gcp_peers peers;
    record_begin(&r);
    struct buf b = load("router_status.json");
    uint32_t edge = source_router(r.sources, "p/us-east4/edge");
    CHECK(gcp_router_status(r.cloud, edge, b.data, b.len, 1000, &peers));
    told(&r, "peer-up p/us-east4/edge peer 1 169.254.10.2 as 0 local as 0\n"
             "peer-stats p/us-east4/edge peer 1 169.254.10.2 learned 2\n"
             "peer-down p/us-east4/edge peer 2 169.254.11.2 reason 16 [Connect]\n"
             "peer-stats p/us-east4/edge peer 2 169.254.11.2 learned 0\n"
             "resync p/us-east4/edge/sessions peer 4 (table) loc-rib ipv4\n"
             "resync p/us-east4/edge/sessions peer 4 (table) loc-rib ipv6\n"
             "announce p/us-east4/edge/sessions peer 4 (table) loc-rib 10.20.0.0/16 id 0 bgp path "
             "[64512 "
             "65010 {1 2}] next 169.254.10.2 med 100 priority 100 origin 0\n"
             "announce p/us-east4/edge/sessions peer 4 (table) loc-rib 2001:db8:20::/48 id 0 bgp "
             "path [] "
             "next 2001:db8::2 priority 100 origin 2 inactive\n"
             "end-of-rib p/us-east4/edge/sessions peer 4 (table) loc-rib ipv4\n"
             "end-of-rib p/us-east4/edge/sessions peer 4 (table) loc-rib ipv6\n"
             "resync p/us-east4/edge peer 5 (table) loc-rib ipv4\n"
             "resync p/us-east4/edge peer 5 (table) loc-rib ipv6\n"
             "announce p/us-east4/edge peer 5 (table) loc-rib 10.20.0.0/16 id 0 bgp path [64512] "
             "next 169.254.10.2 med 100 priority 100 cost 236 origin 2\n"
             "announce p/us-east4/edge peer 5 (table) loc-rib 10.30.0.0/20 id 0 subnet path [] "
             "origin 2\n"
             "end-of-rib p/us-east4/edge peer 5 (table) loc-rib ipv4\n"
             "end-of-rib p/us-east4/edge peer 5 (table) loc-rib ipv6\n");
    CHECK_EQ(peers.n, 1); /* the one that is up */
    CHECK_STR(peers.peer[0].name, "to-dx-a");
    CHECK(peers.peer[0].ipv4 && peers.peer[0].ipv6);
    CHECK_EQ(cloud_stats(r.cloud).bad_routes, 1); /* bits beyond the length */

    CHECK(gcp_router_status(r.cloud, edge, b.data, b.len, 2000, NULL));
    CHECK(!strstr(r.text.data, "peer-up") && !strstr(r.text.data, "peer-down"));
    buf_reset(&r.text);
    const char *fewer = "{\"result\":{\"bgpPeerStatus\":[{\"name\":\"to-dx-b\",\"peerIpAddress\":"
                        "\"169.254.11.2\",\"status\":\"UP\"}]}}";
    CHECK(gcp_router_status(r.cloud, edge, fewer, strlen(fewer), 3000, &peers));
    CHECK(strstr(r.text.data, "peer-up p/us-east4/edge peer 2 "));
    CHECK(strstr(r.text.data, "peer-down p/us-east4/edge peer 1 169.254.10.2 reason 5 []"));
    CHECK(peers.n == 1 && peers.peer[0].ipv4 && !peers.peer[0].ipv6);
    buf_free(&b);
    record_end(&r);
}

TEST(routes_of_a_session_in_two_pages)
{
    struct record r;
    struct buf next = {0}, one = load("bgp_routes_1.json"), two = load("bgp_routes_2.json");
    record_begin(&r);
    struct cloud_table t = {.router = source_router(r.sources, "p/us-east4/edge"),
                            .view = VIEW_IN_POST,
                            .family = IPV4,
                            .at_ms = 5};
    struct peer_key key = {.type = PEER_GLOBAL};
    CHECK(ip_parse("169.254.10.2", &key.address));
    t.peer = source_peer(r.sources, t.router, &key);
    CHECK(gcp_bgp_routes(r.cloud, &t, true, one.data, one.len, &next));
    CHECK_STR(next.data, "page/2+=");
    told(&r, "resync p/us-east4/edge peer 1 169.254.10.2 in-post ipv4\n"
             "announce p/us-east4/edge peer 1 169.254.10.2 in-post 10.20.0.0/16 id 0 bgp path "
             "[64512 4200000001] next 169.254.10.2 med 100 7224:7300 65000:1 origin 0\n"
             "announce p/us-east4/edge peer 1 169.254.10.2 in-post 10.21.0.0/16 id 2 bgp path [{7 "
             "8}] next 169.254.10.2 origin 1\n");
    CHECK(gcp_bgp_routes(r.cloud, &t, false, two.data, two.len, &next));
    CHECK_STR(next.data, "");
    told(&r, "announce p/us-east4/edge peer 1 169.254.10.2 in-post 10.22.0.0/16 id 0 bgp path [] "
             "next 169.254.10.2 origin 2\n"
             "end-of-rib p/us-east4/edge peer 1 169.254.10.2 in-post ipv4\n");
    CHECK_EQ(cloud_stats(r.cloud).bad_routes, 1);
    CHECK(gcp_bgp_routes(r.cloud, &t, true, "{}", 2, &next)); /* an empty table */
    told(&r, "resync p/us-east4/edge peer 1 169.254.10.2 in-post ipv4\n"
             "end-of-rib p/us-east4/edge peer 1 169.254.10.2 in-post ipv4\n");
    CHECK(!gcp_bgp_routes(r.cloud, &t, true, "{\"result\":3}", 12, &next));
    CHECK(!gcp_bgp_routes(r.cloud, &t, true, "[]", 2, &next));
    told(&r, "");
    buf_free(&one);
    buf_free(&two);
    buf_free(&next);
    record_end(&r);
}

TEST(interconnect_attachments)
{
    struct record r;
    struct buf next = {0}, b = load("attachments.json");
    record_begin(&r);
    uint32_t began = cloud_poll_begin(r.cloud);
    CHECK(gcp_attachments(r.cloud, "p/us-east4", b.data, b.len, 1, &next));
    cloud_poll_end(r.cloud, CLOUD_INTERCONNECT, 0, began, 1);
    told(&r, "link interconnect p/us-east4/vlan-a of p/us-east4/edge up [OS_ACTIVE] far ic-1 table "
             "- vlan 1001 mtu 1500\n"
             "link interconnect p/us-east4/vlan-b of p/us-east4/edge changing [PENDING_CUSTOMER] "
             "far - table - vlan 1002 mtu 0\n"
             "link interconnect p/us-east4/vlan-c of p/us-east4/edge down [ADMIN_DISABLED] far - "
             "table - vlan 0 mtu 0\n");
    began = cloud_poll_begin(r.cloud);
    CHECK(gcp_attachments(r.cloud, "p/us-east4", "{\"items\":[]}", 12, 2, &next));
    cloud_poll_end(r.cloud, CLOUD_INTERCONNECT, 0, began, 2);
    CHECK(strstr(r.text.data, "vlan-a of p/us-east4/edge gone"));
    buf_reset(&r.text);
    CHECK(gcp_attachments(r.cloud, "p/us-east4", b.data, b.len, 3, &next));
    CHECK(strstr(r.text.data, "vlan-a of p/us-east4/edge up")); /* back again */
    buf_free(&b);
    buf_free(&next);
    record_end(&r);
}

TEST(virtual_interfaces_and_no_secret_of_theirs)
{
    struct record r;
    struct buf next = {0}, b = load("virtual_interfaces.json");
    record_begin(&r);
    uint32_t began = cloud_poll_begin(r.cloud);
    CHECK(strstr(b.data, "do-not-keep-this-secret"));
    CHECK(aws_virtual_interfaces(r.cloud, b.data, b.len, 1, &next));
    CHECK_STR(next.data, "next-1");
    CHECK(!strstr(r.text.data, "secret"));
    told(&r, "link virtual interface dxvif-aaaa1111 of 11460968-4ac1-4fd3-bdb2-00599EXAMPLE up "
             "[available] far dxcon-1 table - vlan 101 mtu 8500\n"
             "peer-up 11460968-4ac1-4fd3-bdb2-00599EXAMPLE peer 1 169.254.20.2 as 4200000010 local "
             "as 64512\n"
             "peer-down 11460968-4ac1-4fd3-bdb2-00599EXAMPLE peer 2 2001:db8::2 reason 16 [down]\n"
             "link virtual interface dxvif-bbbb2222 of vgw-1 down [down] far dxcon-2 table - vlan "
             "102 mtu 1500\n");
    CHECK(aws_virtual_interfaces(r.cloud, b.data, b.len, 2, &next));
    told(&r, ""); /* nothing is new */
    cloud_poll_end(r.cloud, CLOUD_VIF, 0, began, 2);
    told(&r, "");
    began = cloud_poll_begin(r.cloud);
    CHECK(aws_virtual_interfaces(r.cloud, "{\"virtualInterfaces\":[]}", 24, 3, &next));
    cloud_poll_end(r.cloud, CLOUD_VIF, 0, began, 3);
    CHECK(strstr(r.text.data, "dxvif-aaaa1111 of 11460968-4ac1-4fd3-bdb2-00599EXAMPLE gone"));
    CHECK(strstr(r.text.data, "peer 1 169.254.20.2 reason 5 []"));
    CHECK(!aws_virtual_interfaces(r.cloud, "{}", 2, 3, &next));
    buf_free(&b);
    buf_free(&next);
    record_end(&r);
}

TEST(gateway_associations)
{
    struct record r;
    struct buf next = {0}, b = load("gateway_associations.json");
    record_begin(&r);
    uint32_t began = cloud_poll_begin(r.cloud);
    CHECK(aws_gateway_associations(r.cloud, b.data, b.len, 1, &next));
    cloud_poll_end(r.cloud, CLOUD_ASSOCIATION, 0, began, 1);
    CHECK(strstr(r.text.data, "link association assoc-1 of 11460968-4ac1-4fd3-bdb2-00599EXAMPLE up "
                              "[associated] far tgw-0aaa"));
    CHECK(strstr(r.text.data, "announce 11460968-4ac1-4fd3-bdb2-00599EXAMPLE peer 1 (table) "
                              "loc-rib 2001:db8:1::/48 id 0 static path [] via assoc-1"));
    CHECK(strstr(r.text.data, "link association assoc-2 of 11460968-4ac1-4fd3-bdb2-00599EXAMPLE "
                              "changing [updating] far tgw-0bbb"));
    buf_reset(&r.text);
    began = cloud_poll_begin(r.cloud);
    CHECK(aws_gateway_associations(r.cloud, "{\"directConnectGatewayAssociations\":[]}", 39, 2,
                                   &next));
    cloud_poll_end(r.cloud, CLOUD_ASSOCIATION, 0, began, 2);
    CHECK(strstr(r.text.data, "assoc-1 of 11460968-4ac1-4fd3-bdb2-00599EXAMPLE gone"));
    CHECK(strstr(r.text.data, "resync 11460968-4ac1-4fd3-bdb2-00599EXAMPLE peer 1 (table) loc-rib "
                              "ipv4\n")); /* and emptied */
    buf_free(&b);
    buf_free(&next);
    record_end(&r);
}

static const char routes_told[] =
    "resync tgw-0aaa peer 1 (table) loc-rib ipv4\n"
    "resync tgw-0aaa peer 1 (table) loc-rib ipv6\n"
    "announce tgw-0aaa peer 1 (table) loc-rib 10.1.0.0/16 id 1 vpc path [] via tgw-attach-1 origin "
    "0\n"
    "announce tgw-0aaa peer 1 (table) loc-rib 10.9.0.0/16 id 2 direct-connect path [] via "
    "tgw-attach-2 "
    "origin 0\n"
    "announce tgw-0aaa peer 1 (table) loc-rib 10.9.0.0/16 id 3 vpn-internet path [] via "
    "tgw-attach-3 origin "
    "0\n"
    "announce tgw-0aaa peer 1 (table) loc-rib 10.66.0.0/16 id 0 static path [] origin 0 blackhole\n"
    "announce tgw-0aaa peer 1 (table) loc-rib 10.67.0.0/16 id 4 prefix-list path [] via "
    "tgw-attach-4 origin 0 inactive\n"
    "end-of-rib tgw-0aaa peer 1 (table) loc-rib ipv4\n"
    "end-of-rib tgw-0aaa peer 1 (table) loc-rib ipv6\n";

TEST(a_transit_gateway)
{
    struct record r;
    struct xml x = {0};
    struct buf next = {0}, b = load("tgw_routes.xml");
    bool whole = false;
    record_begin(&r);
    struct cloud_table t = {.router = source_router(r.sources, "tgw-0aaa"),
                            .view = VIEW_LOC_RIB,
                            .listed_by = CLOUD_TABLE,
                            .at_ms = 1};
    t.peer = cloud_table_peer(r.cloud, t.router, "tgw-rtb-1");
    CHECK(ec2_routes(r.cloud, &x, &t, true, b.data, b.len, &next, &whole));
    CHECK(whole);
    told(&r, routes_told);
    CHECK_EQ(cloud_stats(r.cloud).bad_routes, 1);
    struct buf cut = {0};
    const char *more = strstr(b.data, ">false<");
    buf_add(&cut, b.data, (size_t)(more - b.data));
    buf_fmt(&cut, ">true%s", more + strlen(">false"));
    CHECK(ec2_routes(r.cloud, &x, &t, true, cut.data, cut.len, &next, &whole));
    CHECK(!whole && !strstr(r.text.data, "end-of-rib"));
    buf_reset(&r.text);

    buf_free(&b);
    buf_free(&cut);
    buf_free(&next);
    xml_free(&x);
    record_end(&r);
}

/* ---- pushed changes ---- */

/* The event with a text in it replaced; both of any length. */
static struct buf with(const struct buf *event, const char *old, const char *new)
{
    struct buf b = {0};
    const char *at = strstr(event->data, old);
    BUG_ON(!at);
    buf_add(&b, event->data, (size_t)(at - event->data));
    buf_fmt(&b, "%s%s", new, at + strlen(old));
    return b;
}

static enum aws_event_end push(struct record *r, const struct buf *event, int64_t at_ms)
{
    struct aws_event e;
    const char *why;
    if (!aws_event_read(r->cloud, event->data, event->len, &e, &why)) {
        TAP_FAIL("%s", why);
        return AWS_EVENT_ENDS;
    }
    return aws_event_apply(r->cloud, &e, at_ms);
}

static enum aws_event_end push_with(struct record *r, const struct buf *event, const char *old,
                                    const char *new)
{
    struct buf b = with(event, old, new);
    enum aws_event_end end = push(r, &b, 3);
    buf_free(&b);
    return end;
}

static const char announced[] =
    "announce tgw-0aaa peer 1 (table) loc-rib 10.9.0.0/16 id 1 direct-connect path [] via "
    "tgw-attach-2 origin 0\n";

TEST(routes_that_are_pushed)
{
    struct record r;
    struct buf e = load("routing_update.json");
    record_begin(&r);
    CHECK_EQ(push(&r, &e, 1), AWS_EVENT_ELSEWHERE); /* nobody watches the gateway */
    CHECK_EQ(source_routers(r.sources), 0);         /* and it has made no name */
    cloud_call(r.cloud, "tgw-0aaa", "tgw-0aaa");
    CHECK_EQ(push(&r, &e, 1), AWS_EVENT_ELSEWHERE); /* nor the table */
    cloud_follow(r.cloud, "tgw-0aaa", "tgw-rtb-1");
    CHECK_EQ(source_peers(r.sources), 1);
    CHECK_EQ(push_with(&r, &e, "tgw-rtb-1", "tgw-rtb-2"), AWS_EVENT_ELSEWHERE);
    told(&r, "");
    CHECK_EQ(push(&r, &e, 2), AWS_EVENT_APPLIED);
    told(&r, announced);
    struct buf u = with(&e, "ROUTE-INSTALLED", "ROUTE-UNINSTALLED");
    CHECK_EQ(push_with(&r, &u, "1796000000000", "1796000000001"), AWS_EVENT_APPLIED);
    told(&r, "withdraw tgw-0aaa peer 1 (table) loc-rib 10.9.0.0/16 id 1\n");
    CHECK_EQ(push(&r, &e, 3), AWS_EVENT_LATE); /* the older one */
    told(&r, "");
    CHECK_EQ(cloud_stats(r.cloud).late_changes, 1);
    CHECK_EQ(push_with(&r, &e, "1796000000000", "1796000000002"), AWS_EVENT_APPLIED);
    told(&r, announced);
    CHECK_EQ(source_peers(r.sources), 1);
    buf_free(&e);
    buf_free(&u);
    record_end(&r);
}

TEST(routes_that_are_pushed_and_polled)
{
    const int64_t at = 1796000000000;
    struct record r;
    struct buf e = load("routing_update.json");
    record_begin(&r);
    cloud_call(r.cloud, "tgw-0aaa", "tgw-0aaa");
    cloud_follow(r.cloud, "tgw-0aaa", "tgw-rtb-1");
    struct cloud_table t = {.router = cloud_router_known(r.cloud, "tgw-0aaa"),
                            .view = VIEW_LOC_RIB,
                            .listed_by = CLOUD_TABLE};
    t.peer = cloud_table_peer(r.cloud, t.router, "tgw-rtb-1");
    uint32_t began = cloud_poll_begin(r.cloud);
    CHECK(!cloud_pushed_since(r.cloud, t.peer, began));
    CHECK_EQ(push(&r, &e, at), AWS_EVENT_APPLIED);
    CHECK(cloud_pushed_since(r.cloud, t.peer, began)); /* the answer may be of before */
    began = cloud_poll_begin(r.cloud);
    CHECK(!cloud_pushed_since(r.cloud, t.peer, began));
    t.at_ms = at + 10000; /* as much after it as clocks and answers may be late */
    cloud_table_begin(r.cloud, &t);
    cloud_table_end(r.cloud, &t);
    CHECK_EQ(push(&r, &e, t.at_ms), AWS_EVENT_APPLIED);
    t.at_ms++;
    cloud_table_begin(r.cloud, &t);
    cloud_table_end(r.cloud, &t);
    CHECK_EQ(push(&r, &e, t.at_ms), AWS_EVENT_LATE); /* the poll had it */
    buf_free(&e);
    record_end(&r);
}

TEST(events_that_are_refused_or_not_known)
{
    static const struct {
        const char *old, *new, *field;
    } wrong[] = {
        {"aws.networkmanager", "aws.ec2", "source"},
        {"\"id\": \"e\"", "\"id\": \"\"", "id"},
        {"\"id\": \"e\"", "\"id\": 7", "id"},
        {"\"detail-type\"", "\"type\"", "detail-type"},
        {"\"detail\"", "\"details\"", "detail"},
        {"-INSTALLED", "-MOVED", "detail.changeType"},
        {"\"routes\"", "\"route\"", "detail.routes"},
        {"1796000000000", "0", "detail.sequenceNumber"},
        {"1796000000000", "1.5", "detail.sequenceNumber"},
        {"transit-gateway/tgw-0aaa\",\n", "\",\n", "detail.transitGatewayArn"},
        {"\"transitGatewayRouteTableArns\"", "\"x\"", "detail.transitGatewayRouteTableArns"},
        {"{\"version\"", "{,\"version\"", "JSON"},
    };
    struct record r;
    struct aws_event e;
    const char *why;
    struct buf good = load("routing_update.json");
    record_begin(&r);
    cloud_call(r.cloud, "tgw-0aaa", "tgw-0aaa");
    for (size_t i = 0; i < COUNTOF(wrong); i++) {
        struct buf b = with(&good, wrong[i].old, wrong[i].new);
        if (aws_event_read(r.cloud, b.data, b.len, &e, &why) || !strstr(why, wrong[i].field))
            TAP_FAIL("%s: %s", wrong[i].field, why ? why : "it was taken");
        buf_free(&b);
    }
    CHECK_EQ(push_with(&r, &good, "Routing Update", "Policy Update"), AWS_EVENT_UNKNOWN);
    CHECK_EQ(push_with(&r, &good, "Routing Update", "Topology Change"), AWS_EVENT_NOTED);
    CHECK_EQ(push_with(&r, &good, "Routing Update", "Status Update"), AWS_EVENT_NOTED);
    told(&r, "");
    buf_free(&good);
    record_end(&r);
}

TEST(vpn_connections_and_their_tunnels)
{
    struct record r;
    struct xml x = {0};
    struct buf next = {0}, v = load("vpn_connections.xml"), e = load("status_update.json");
    record_begin(&r);
    cloud_call(r.cloud, "tgw-0aaa", "tgw-0aaa");
    CHECK_EQ(push(&r, &e, 1), AWS_EVENT_NOTED); /* nothing was listed yet */
    CHECK(ec2_vpn_connections(r.cloud, &x, v.data, v.len, 1, &next));
    CHECK_STR(next.data, "");
    told(&r,
         "link tunnel vpn-1/198.51.100.3 of tgw-0aaa up [UP] far cgw-1 table - vlan 0 mtu 0\n"
         "link tunnel vpn-1/198.51.100.4 of tgw-0aaa down [DOWN, IPSEC IS UP] far cgw-1 table - "
         "vlan 0 mtu 0\n"
         "link vpn vpn-1 of tgw-0aaa up [available] far cgw-1 table - vlan 0 mtu 0\n"
         "link tunnel vpn-2/198.51.100.5 of tgw-0aaa down [DOWN] far cgw-1 table - vlan 0 mtu "
         "0\n"
         "link vpn vpn-2 of tgw-0aaa down [no tunnel up] far cgw-1 table - vlan 0 mtu 0\n"
         "link vpn vpn-4 of tgw-0aaa changing [pending] far cgw-1 table - vlan 0 mtu 0\n");
    CHECK_EQ(push(&r, &e, 2), AWS_EVENT_APPLIED);
    told(&r, "link tunnel vpn-1/198.51.100.3 of tgw-0aaa down [IPsec down] far cgw-1 table - vlan "
             "0 mtu 0\n");
    CHECK_EQ(push(&r, &e, 2), AWS_EVENT_APPLIED);
    told(&r, ""); /* it is so already */
    CHECK_EQ(push_with(&r, &e, "IPSEC-DOWN", "IPSEC-UP"), AWS_EVENT_NOTED);
    told(&r, ""); /* BGP may still be down: that is for AWS to say */
    CHECK_EQ(push_with(&r, &e, "IPSEC-DOWN", "BGP-ESTABLISH"), AWS_EVENT_APPLIED);
    told(&r, "link tunnel vpn-1/198.51.100.3 of tgw-0aaa up [UP] far cgw-1 table - vlan 0 mtu 0\n");
    CHECK_EQ(push_with(&r, &e, "198.51.100.3", "198.51.100.9"), AWS_EVENT_NOTED);
    told(&r, "");
    CHECK_EQ(push(&r, &e, 4), AWS_EVENT_APPLIED);
    buf_reset(&r.text);
    CHECK(ec2_vpn_connections(r.cloud, &x, v.data, v.len, 5, &next)); /* a poll has the last word */
    told(&r, "link tunnel vpn-1/198.51.100.3 of tgw-0aaa up [UP] far cgw-1 table - vlan 0 mtu 0\n");
    buf_free(&v);
    buf_free(&e);
    buf_free(&next);
    xml_free(&x);
    record_end(&r);
}

TEST(attachments_peerings_and_connect_peers)
{
    struct record r;
    struct xml x = {0};
    struct buf next = {0}, a = load("tgw_attachments.xml"), p = load("tgw_peerings.xml"),
               k = load("tgw_connect_peers.xml");
    record_begin(&r);
    CHECK(ec2_connect_peers(r.cloud, &x, k.data, k.len, 1, &next)); /* whose it is, nobody knows */
    told(&r, "");
    CHECK(ec2_attachments(r.cloud, &x, a.data, a.len, 1, &next));
    CHECK_STR(next.data, "a&b=c");
    CHECK(ec2_peerings(r.cloud, &x, "us-east-1", p.data, p.len, 1, &next));
    CHECK_STR(next.data, "");
    CHECK(ec2_connect_peers(r.cloud, &x, k.data, k.len, 1, &next));
    told(&r, "link attachment tgw-attach-1 of tgw-0aaa up [available] far vpc-1 table tgw-rtb-1 "
             "vlan 0 mtu 0\n"
             "link attachment tgw-attach-5 of tgw-0aaa changing [pendingAcceptance] far "
             "tgw-attach-1 table - vlan 0 mtu 0\n"
             "link peering tgw-attach-4 of tgw-0aaa down [failed] far tgw-0bbb table - vlan 0 mtu "
             "0\n"
             "link connect peer tgw-connect-peer-1 of tgw-0aaa up [available] far tgw-attach-5 "
             "table - vlan 0 mtu 0\n"
             "peer-up tgw-0aaa peer 1 169.254.6.1 as 65100 local as 64512\n"
             "peer-down tgw-0aaa peer 2 169.254.6.1 reason 16 [down]\n");
    CHECK(!ec2_attachments(r.cloud, &x, p.data, p.len, 1, &next)); /* another answer */
    buf_free(&a);
    buf_free(&p);
    buf_free(&k);
    buf_free(&next);
    xml_free(&x);
    record_end(&r);
}

TEST(feeds_are_told_when_they_change)
{
    struct record r;
    record_begin(&r);
    uint32_t router = source_router(r.sources, "tgw-0aaa");
    for (int i = 0; i < 2; i++)
        cloud_feed(r.cloud, router, true, 1);
    for (int i = 0; i < 2; i++)
        cloud_feed(r.cloud, router, false, 2);
    cloud_feed(r.cloud, router, true, 3);
    told(&r, "feed-up tgw-0aaa\nfeed-lost tgw-0aaa\nfeed-up tgw-0aaa\n");
    struct cloud_session s = {.router = router, .key = {.type = PEER_GLOBAL}, .up = true};
    s.known = ip_parse("169.254.6.1", &s.key.address);
    for (int i = 0; i < 2; i++)
        (void)cloud_tell_session(r.cloud, &s, 4);
    told(&r, "peer-up tgw-0aaa peer 1 169.254.6.1 as 0 local as 0\n");
    cloud_feed(r.cloud, router, false, 5);
    cloud_feed(r.cloud, router, true, 6); /* what is known must be told anew */
    (void)cloud_tell_session(r.cloud, &s, 7);
    told(&r, "feed-lost tgw-0aaa\nfeed-up tgw-0aaa\n"
             "peer-up tgw-0aaa peer 1 169.254.6.1 as 0 local as 0\n");
    uint32_t other = cloud_lister_new(r.cloud); /* who sees the same from elsewhere */
    cloud_from(r.cloud, other);
    cloud_poll_end(r.cloud, CLOUD_SESSION, 0, cloud_poll_begin(r.cloud), 8);
    told(&r, ""); /* what others list is not his to end */
    record_end(&r);
}

TEST(xml_that_is_refused)
{
    static const char *const bad[] = {
        "",
        "<a>",
        "<a></b>",
        "<a/><b/>",
        "text",
        "<!DOCTYPE a [<!ENTITY x \"yy\">]><a>&x;</a>",
        "<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>",
        "<a>&x;</a>",
        "<a>\xff</a>",
    };
    static const char mixed[] = "<a> <b>\n x &amp;<!-- no --> y </b>z<c/>z</a>";
    struct xml x = {0};
    struct buf deep = {0};
    for (size_t i = 0; i < COUNTOF(bad); i++)
        if (xml_read(&x, bad[i], strlen(bad[i])))
            TAP_FAIL("%s was taken", bad[i]);
    for (int i = 0; i <= XML_DEPTH_MAX; i++)
        buf_str(&deep, "<a>");
    CHECK(!xml_read(&x, deep.data, deep.len));
    CHECK(xml_read(&x, mixed, strlen(mixed)));
    CHECK_STR(xml_get_text(xml_root(&x), "b"), "x & y");
    CHECK_STR(xml_get_text(xml_root(&x), "c"), "");
    CHECK_STR(xml_root(&x)->text, "");
    buf_free(&deep);
    xml_free(&x);
}

TAP_MAIN
