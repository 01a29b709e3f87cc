#include "driver/routes/aws_events.h"

#include <string.h>

#include "base/mem.h"
#include "driver/routes/aws_words.h"

/* ---- small things ---- */

static const struct jr_node *list(const struct jr_node *o, const char *key)
{
    const struct jr_node *v = jr_get(o, key);
    return v && v->kind == JR_ARRAY ? v : NULL;
}

/* "arn:aws:ec2:us-east-1:123456789012:transit-gateway/tgw-1" -> "tgw-1" */
static const char *after_slash(const char *arn)
{
    const char *slash = strrchr(arn, '/');
    return slash ? slash + 1 : "";
}

static bool is_text(const struct jr_node *o, const char *key, size_t max)
{
    const struct jr_node *v = jr_get(o, key);
    return v && v->kind == JR_TEXT && v->len > 0 && v->len <= max;
}

/* Its number among those that are ours, 0: it is not. */
static uint32_t gateway_of(const struct cloud *c, const struct jr_node *detail)
{
    return cloud_router_known(c, after_slash(jr_get_text(detail, "transitGatewayArn")));
}

/* The router that has the gateway's table: the gateway, or one of its own ("tgw-1/tgw-rtb-2"). */
static uint32_t table_router(const struct cloud *c, const struct jr_node *detail, const char *table)
{
    struct buf name = {0};
    buf_fmt(&name, "%s/%s", after_slash(jr_get_text(detail, "transitGatewayArn")), table);
    uint32_t router = cloud_router_known(c, name.data);
    buf_free(&name);
    return router ? router : gateway_of(c, detail);
}

/* ---- reading ---- */

static enum aws_event_kind kind_of(const char *type)
{
    static const char *const types[] = {[AWS_EVENT_ROUTES] = "Network Manager Routing Update",
                                        [AWS_EVENT_STATUS] = "Network Manager Status Update",
                                        [AWS_EVENT_TOPOLOGY] = "Network Manager Topology Change"};
    for (size_t k = 0; k < COUNTOF(types); k++)
        if (strcmp(type, types[k]) == 0)
            return (enum aws_event_kind)k;
    return AWS_EVENT_OTHER;
}

/* The change's number, which is Unix time in ms; 0: there is none. */
static uint64_t sequence_of(const struct jr_node *detail)
{
    const struct jr_node *v = jr_get(detail, "sequenceNumber");
    return v && v->kind == JR_WHOLE && v->whole > 0 ? (uint64_t)v->whole : 0;
}

static bool installs(const struct jr_node *detail)
{
    return strcmp(jr_get_text(detail, "changeType"), "TGW-ROUTE-INSTALLED") == 0;
}

static const char *wrong_routes(const struct jr_node *detail)
{
    const struct jr_node *tables = list(detail, "transitGatewayRouteTableArns");
    const struct jr_node *routes = list(detail, "routes");
    if (!installs(detail) &&
        strcmp(jr_get_text(detail, "changeType"), "TGW-ROUTE-UNINSTALLED") != 0)
        return "detail.changeType: must be TGW-ROUTE-INSTALLED or TGW-ROUTE-UNINSTALLED.";
    if (!*after_slash(jr_get_text(detail, "transitGatewayArn")))
        return "detail.transitGatewayArn: must be the ARN of a Transit Gateway.";
    if (!tables)
        return "detail.transitGatewayRouteTableArns: must be a list.";
    if (!routes || routes->count > AWS_EVENT_ROUTES_MAX)
        return "detail.routes: must be a list of at most 10000 routes.";
    if (!sequence_of(detail))
        return "detail.sequenceNumber: must be a whole number above 0.";
    return NULL;
}

bool aws_event_read(struct cloud *c, const void *json, size_t n, struct aws_event *out,
                    const char **why)
{
    const struct jr_node *o = cloud_json(c, json, n), *detail = jr_get(o, "detail");
    *out = (struct aws_event){.kind = kind_of(jr_get_text(o, "detail-type")),
                              .id = jr_get_text(o, "id"),
                              .region = jr_get_text(detail, "region"),
                              .detail = detail};
    if (!o)
        *why = "The body must be one event of EventBridge, a JSON object.";
    else if (strcmp(jr_get_text(o, "source"), "aws.networkmanager") != 0)
        *why = "source: must be aws.networkmanager.";
    else if (!is_text(o, "id", AWS_EVENT_ID_MAX))
        *why = "id: must be a text of 1 to 128 characters.";
    else if (!*jr_get_text(o, "detail-type"))
        *why = "detail-type: must be a text.";
    else if (!detail || detail->kind != JR_OBJECT)
        *why = "detail: must be an object.";
    else
        *why = out->kind == AWS_EVENT_ROUTES ? wrong_routes(detail) : NULL;
    return *why == NULL;
}

/* ---- routes ---- */

static void tell_change(struct cloud *c, const struct cloud_table *t, const struct jr_node *route,
                        bool installed)
{
    const char *prefix = jr_get_text(route, "destinationCidrBlock");
    const struct jr_node *through = list(route, "attachments");
    bool is_static = strcmp(jr_get_text(route, "routeType"), "route_static") == 0;
    bool blackhole = strcmp(jr_get_text(route, "routeState"), "blackhole") == 0;
    struct attr a = {.kind = is_static ? ROUTE_STATIC : ROUTE_BGP,
                     .has = blackhole ? ATTR_BLACKHOLE : 0};
    if (!through || !through->count) {
        (void)(installed ? cloud_route(c, t, prefix, 0, &a) : cloud_withdraw(c, t, prefix, 0));
        return;
    }
    jr_each(v, through)
    {
        a.via = cloud_name(c, jr_get_text(v, "tgwAttachmentId"));
        if (!is_static)
            a.kind = aws_route_kind(jr_get_text(v, "attachmentType"));
        if (installed)
            (void)cloud_route(c, t, prefix, a.via, &a);
        else
            (void)cloud_withdraw(c, t, prefix, a.via);
    }
}

static enum aws_event_end apply_routes(struct cloud *c, const struct jr_node *detail, int64_t at_ms)
{
    const struct jr_node *tables = list(detail, "transitGatewayRouteTableArns");
    const struct jr_node *routes = list(detail, "routes");
    bool applied = false, late = false;
    BUG_ON(!tables || !routes); /* as read */
    jr_each(arn, tables)
    {
        const char *name = arn->kind == JR_TEXT ? after_slash(arn->text) : "";
        uint32_t router = table_router(c, detail, name);
        enum cloud_turn turn =
            router ? cloud_turn(c, router, name, sequence_of(detail)) : CLOUD_TURN_NONE;
        late |= turn == CLOUD_TURN_LATE;
        if (turn != CLOUD_TURN_NOW)
            continue;
        applied = true;
        struct cloud_table t = {.router = router,
                                .peer = cloud_table_peer(c, router, name),
                                .view = VIEW_LOC_RIB,
                                .listed_by = CLOUD_TABLE,
                                .at_ms = at_ms};
        jr_each(v, routes) tell_change(c, &t, v, installs(detail));
    }
    return applied ? AWS_EVENT_APPLIED : late ? AWS_EVENT_LATE : AWS_EVENT_ELSEWHERE;
}

/* ---- tunnels ---- */

static enum aws_event_end apply_status(struct cloud *c, const struct jr_node *detail, int64_t at_ms)
{
    static const struct {
        const char *change;
        enum link_state state;
        const char *word;
    } changes[] = {{"VPN-CONNECTION-IPSEC-DOWN", LINK_DOWN, "IPsec down"},
                   {"VPN-CONNECTION-BGP-DOWN", LINK_DOWN, "BGP down"},
                   {"VPN-CONNECTION-BGP-ESTABLISH", LINK_UP, "UP"}};
    uint32_t router = gateway_of(c, detail);
    const char *vpn = after_slash(jr_get_text(detail, "vpnConnectionArn"));
    bool told = false;
    if (!router)
        return AWS_EVENT_ELSEWHERE;
    struct buf tunnel = {0};
    buf_fmt(&tunnel, "%s/%s", vpn, jr_get_text(detail, "outsideIpAddress"));
    for (size_t i = 0; i < COUNTOF(changes) && *vpn; i++)
        if (strcmp(jr_get_text(detail, "changeType"), changes[i].change) == 0)
            told = cloud_push_link(c, CLOUD_TUNNEL, router, tunnel.data, changes[i].state,
                                   changes[i].word, at_ms);
    buf_free(&tunnel);
    return told ? AWS_EVENT_APPLIED : AWS_EVENT_NOTED;
}

enum aws_event_end aws_event_apply(struct cloud *c, const struct aws_event *e, int64_t at_ms)
{
    switch (e->kind) {
    case AWS_EVENT_ROUTES: return apply_routes(c, e->detail, at_ms);
    case AWS_EVENT_STATUS: return apply_status(c, e->detail, at_ms);
    case AWS_EVENT_TOPOLOGY:
        return gateway_of(c, e->detail) ? AWS_EVENT_NOTED : AWS_EVENT_ELSEWHERE;
    case AWS_EVENT_OTHER: break;
    }
    return AWS_EVENT_UNKNOWN;
}
