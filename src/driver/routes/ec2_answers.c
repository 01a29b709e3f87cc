#include "driver/routes/ec2_answers.h"

#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "driver/routes/aws_words.h"

/* ---- small things ---- */

/* The answer's element of that name; an answer of another kind has another name at its root. */
static const struct xml_node *answer(struct cloud *c, struct xml *x, const char *name,
                                     const void *xml, size_t n, struct buf *next)
{
    buf_reset(next);
    bool good = xml_read(x, xml, n) && strcmp(xml_root(x)->name, name) == 0;
    cloud_count_answer(c, good);
    if (!good)
        return NULL;
    buf_str(next, xml_get_text(xml_root(x), "nextToken"));
    return xml_root(x);
}

static uint32_t as_number(const struct xml_node *of, const char *name)
{
    const char *s = xml_get_text(of, name);
    if (!*s || strlen(s) > 10 || s[strspn(s, "0123456789")])
        return 0;
    unsigned long v = strtoul(s, NULL, 10);
    return v <= UINT32_MAX ? (uint32_t)v : 0;
}

/* ---- routes ---- */

static void tell_route(struct cloud *c, const struct cloud_table *t, const struct xml_node *v)
{
    const char *prefix = xml_get_text(v, "destinationCidrBlock");
    const char *state = xml_get_text(v, "state"), *type = xml_get_text(v, "type");
    const struct xml_node *through = xml_get(v, "transitGatewayAttachments");
    bool is_static = strcmp(type, "propagated") != 0;
    struct attr a = {.kind = *xml_get_text(v, "prefixListId") ? ROUTE_PREFIX_LIST
                             : is_static                      ? ROUTE_STATIC
                                                              : ROUTE_BGP};
    if (strcmp(state, "blackhole") == 0)
        a.has = ATTR_BLACKHOLE;
    else if (strcmp(state, "active") != 0)
        a.has = ATTR_INACTIVE; /* pending */
    if (strcmp(state, "deleting") == 0 || strcmp(state, "deleted") == 0)
        return;
    uint32_t told = 0;
    if (through)
        xml_each(item, through)
        {
            a.via = cloud_name(c, xml_get_text(item, "transitGatewayAttachmentId"));
            if (!is_static)
                a.kind = aws_route_kind(xml_get_text(item, "resourceType"));
            told++;
            (void)cloud_route(c, t, prefix, a.via, &a);
        }
    if (!told)
        (void)cloud_route(c, t, prefix, 0, &a);
}

bool ec2_routes(struct cloud *c, struct xml *x, const struct cloud_table *table, bool first,
                const void *xml, size_t n, struct buf *next, bool *whole)
{
    const struct xml_node *o = answer(c, x, "SearchTransitGatewayRoutesResponse", xml, n, next);
    const struct xml_node *routes = xml_get(o, "routeSet");
    if (!o)
        return false;
    if (first)
        cloud_table_begin(c, table);
    if (routes)
        xml_each(v, routes) tell_route(c, table, v);
    *whole = strcmp(xml_get_text(o, "additionalRoutesAvailable"), "true") != 0;
    if (!next->len && *whole)
        cloud_table_end(c, table);
    return true;
}

/* ---- attachments ---- */

static void tell_attachment(struct cloud *c, const struct xml_node *v, int64_t at_ms)
{
    const char *state = xml_get_text(v, "state");
    const struct xml_node *association = xml_get(v, "association");
    struct link_event e = {
        .kind = CLOUD_ATTACHMENT,
        .state = aws_link_state(state),
        .router = cloud_router(c, xml_get_text(v, "transitGatewayId")),
        .link = cloud_name(c, xml_get_text(v, "transitGatewayAttachmentId")),
        .far = cloud_name(c, xml_get_text(v, "resourceId")),
        .table = cloud_name(c, xml_get_text(association, "transitGatewayRouteTableId")),
        .at_ms = at_ms};
    cloud_word(e.word, sizeof e.word, state);
    if (!e.router || !e.link)
        cloud_count_bad_route(c);
    else if (strcmp(state, "deleted") != 0)
        cloud_tell_link(c, &e);
}

bool ec2_attachments(struct cloud *c, struct xml *x, const void *xml, size_t n, int64_t at_ms,
                     struct buf *next)
{
    const struct xml_node *o =
        answer(c, x, "DescribeTransitGatewayAttachmentsResponse", xml, n, next);
    const struct xml_node *l = xml_get(o, "transitGatewayAttachments");
    if (l)
        xml_each(v, l) tell_attachment(c, v, at_ms);
    return o != NULL;
}

/* ---- peerings ---- */

/* Of the two ends one is here; when both are in this region, the one that asked. */
static void tell_peering(struct cloud *c, const char *region, const struct xml_node *v,
                         int64_t at_ms)
{
    const struct xml_node *asked = xml_get(v, "requesterTgwInfo");
    const struct xml_node *accepted = xml_get(v, "accepterTgwInfo");
    bool here = strcmp(xml_get_text(asked, "region"), region) == 0;
    const struct xml_node *near = here ? asked : accepted, *far = here ? accepted : asked;
    const char *state = xml_get_text(v, "state");
    struct link_event e = {.kind = CLOUD_PEERING,
                           .state = aws_link_state(state),
                           .router = cloud_router(c, xml_get_text(near, "transitGatewayId")),
                           .link = cloud_name(c, xml_get_text(v, "transitGatewayAttachmentId")),
                           .far = cloud_name(c, xml_get_text(far, "transitGatewayId")),
                           .at_ms = at_ms};
    cloud_word(e.word, sizeof e.word, state);
    if (!e.router || !e.link)
        cloud_count_bad_route(c);
    else if (strcmp(state, "deleted") != 0)
        cloud_tell_link(c, &e);
}

bool ec2_peerings(struct cloud *c, struct xml *x, const char *region, const void *xml, size_t n,
                  int64_t at_ms, struct buf *next)
{
    const struct xml_node *o =
        answer(c, x, "DescribeTransitGatewayPeeringAttachmentsResponse", xml, n, next);
    const struct xml_node *l = xml_get(o, "transitGatewayPeeringAttachments");
    if (l)
        xml_each(v, l) tell_peering(c, region, v, at_ms);
    return o != NULL;
}

/* ---- Connect peers ---- */

static void tell_session(struct cloud *c, uint32_t router, const char *peer,
                         const struct xml_node *v, int64_t at_ms)
{
    const char *status = xml_get_text(v, "bgpStatus");
    struct buf name = {0}; /* a peer has two sessions, to the same address from two */
    buf_fmt(&name, "%s/%s", peer, xml_get_text(v, "transitGatewayAddress"));
    struct cloud_session s = {
        .listed_by = CLOUD_CONNECT_PEER,
        .router = router,
        .key = {.distinguisher = hash_str(name.data), .type = PEER_GLOBAL},
        .up = strcmp(status, "up") == 0,
        .known = strcmp(status, "up") == 0 || strcmp(status, "down") == 0,
        .word = status,
        .as = as_number(v, "peerAsn"),
        .as_local = as_number(v, "transitGatewayAsn"),
    };
    if (!ip_parse(xml_get_text(v, "transitGatewayAddress"), &s.local))
        s.local = (struct ip_addr){.family = 0};
    buf_free(&name);
    if (ip_parse(xml_get_text(v, "peerAddress"), &s.key.address))
        (void)cloud_tell_session(c, &s, at_ms);
    else
        cloud_count_bad_route(c);
}

static void tell_connect_peer(struct cloud *c, const struct xml_node *v, int64_t at_ms)
{
    const char *id = xml_get_text(v, "transitGatewayConnectPeerId");
    const char *state = xml_get_text(v, "state");
    uint32_t through = cloud_name(c, xml_get_text(v, "transitGatewayAttachmentId"));
    const struct xml_node *how = xml_get(v, "connectPeerConfiguration");
    const struct xml_node *sessions = xml_get(how, "bgpConfigurations");
    struct link_event e = {.kind = CLOUD_CONNECT_PEER,
                           .state = aws_link_state(state),
                           .router = cloud_link_router(c, CLOUD_ATTACHMENT, through),
                           .link = cloud_name(c, id),
                           .far = through,
                           .at_ms = at_ms};
    cloud_word(e.word, sizeof e.word, state);
    if (!e.router || !e.link) { /* of an attachment that is not known yet */
        cloud_count_bad_route(c);
        return;
    }
    if (strcmp(state, "deleted") == 0)
        return;
    cloud_tell_link(c, &e);
    if (sessions)
        xml_each(s, sessions) tell_session(c, e.router, id, s, at_ms);
}

bool ec2_connect_peers(struct cloud *c, struct xml *x, const void *xml, size_t n, int64_t at_ms,
                       struct buf *next)
{
    const struct xml_node *o =
        answer(c, x, "DescribeTransitGatewayConnectPeersResponse", xml, n, next);
    const struct xml_node *l = xml_get(o, "transitGatewayConnectPeerSet");
    if (l)
        xml_each(v, l) tell_connect_peer(c, v, at_ms);
    return o != NULL;
}

/* ---- VPN connections ---- */

/* A tunnel that is down says why: "IPSEC IS UP" is one whose BGP session is down. */
static bool tell_tunnel(struct cloud *c, const struct link_event *vpn, const char *id,
                        const struct xml_node *v)
{
    const char *status = xml_get_text(v, "status"), *why = xml_get_text(v, "statusMessage");
    bool up = strcmp(status, "UP") == 0;
    struct link_event e = *vpn;
    struct buf text = {0};
    buf_fmt(&text, "%s/%s", id, xml_get_text(v, "outsideIpAddress"));
    e.kind = CLOUD_TUNNEL;
    e.link = cloud_name(c, text.data);
    e.state = up ? LINK_UP : LINK_DOWN;
    buf_reset(&text);
    buf_fmt(&text, "%s%s%s", status, !up && *why ? ", " : "", up ? "" : why);
    cloud_word(e.word, sizeof e.word, text.data);
    buf_free(&text);
    if (e.link)
        cloud_tell_link(c, &e);
    return up;
}

static void tell_vpn(struct cloud *c, const struct xml_node *v, int64_t at_ms)
{
    const char *id = xml_get_text(v, "vpnConnectionId"), *state = xml_get_text(v, "state");
    const char *gateway = xml_get_text(v, "transitGatewayId");
    const struct xml_node *tunnels = xml_get(v, "vgwTelemetry");
    if (!*gateway)
        gateway = xml_get_text(v, "vpnGatewayId");
    struct link_event e = {.kind = CLOUD_VPN,
                           .state = aws_link_state(state),
                           .router = cloud_router(c, gateway),
                           .link = cloud_name(c, id),
                           .far = cloud_name(c, xml_get_text(v, "customerGatewayId")),
                           .at_ms = at_ms};
    cloud_word(e.word, sizeof e.word, state);
    if (!e.router || !e.link) {
        cloud_count_bad_route(c);
        return;
    }
    if (strcmp(state, "deleted") == 0)
        return;
    bool any_up = false;
    if (tunnels)
        xml_each(t, tunnels) any_up |= tell_tunnel(c, &e, id, t);
    if (e.state == LINK_UP && !any_up) {
        e.state = LINK_DOWN;
        cloud_word(e.word, sizeof e.word, "no tunnel up");
    }
    cloud_tell_link(c, &e);
}

bool ec2_vpn_connections(struct cloud *c, struct xml *x, const void *xml, size_t n, int64_t at_ms,
                         struct buf *next)
{
    const struct xml_node *o = answer(c, x, "DescribeVpnConnectionsResponse", xml, n, next);
    const struct xml_node *l = xml_get(o, "vpnConnectionSet");
    if (l)
        xml_each(v, l) tell_vpn(c, v, at_ms);
    return o != NULL;
}
