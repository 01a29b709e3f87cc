#include "driver/routes/aws_answers.h"

#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "driver/routes/aws_words.h"

/* ---- small things ---- */

static const struct jr_node *list(const struct jr_node *o, const char *key)
{
    const struct jr_node *v = jr_get(o, key);
    return v && v->kind == JR_ARRAY ? v : NULL;
}

static uint32_t number(const struct jr_node *o, const char *key, uint32_t max)
{
    const struct jr_node *v = jr_get(o, key);
    return v && v->kind == JR_WHOLE && v->whole >= 0 && v->whole <= max ? (uint32_t)v->whole : 0;
}

/* asnLong is there for those that fit into 16 bits too, in newer answers; asn in all. */
static uint32_t as_number(const struct jr_node *o)
{
    uint32_t as = number(o, "asnLong", UINT32_MAX);
    return as ? as : number(o, "asn", UINT32_MAX);
}

/* "169.254.10.1/30" -> the address */
static struct ip_addr address(const struct jr_node *o, const char *key)
{
    char text[IP_TEXT_MAX];
    struct ip_addr a = {.family = 0};
    const char *s = jr_get_text(o, key);
    size_t n = strcspn(s, "/");
    if (n < sizeof text) {
        memcpy(text, s, n);
        text[n] = 0;
        if (ip_parse(text, &a))
            return a;
    }
    return (struct ip_addr){.family = 0};
}

static void take_token(const struct jr_node *o, struct buf *next)
{
    buf_reset(next);
    buf_str(next, jr_get_text(o, "nextToken"));
}

/* ---- virtual interfaces ---- */

static void tell_bgp_peer(struct cloud *c, uint32_t router, const char *interface,
                          uint32_t as_local, const struct jr_node *v, int64_t at_ms)
{
    const char *status = jr_get_text(v, "bgpStatus");
    struct cloud_session s = {
        .listed_by = CLOUD_VIF,
        .router = router,
        .key = {.distinguisher = hash_str(interface),
                .address = address(v, "customerAddress"),
                .type = PEER_GLOBAL},
        .up = strcmp(status, "up") == 0,
        .known = strcmp(status, "up") == 0 || strcmp(status, "down") == 0,
        .word = status,
        .as = as_number(v),
        .as_local = as_local,
        .local = address(v, "amazonAddress"),
    };
    if (s.key.address.family)
        (void)cloud_tell_session(c, &s, at_ms);
    else
        cloud_count_bad_route(c);
}

static void tell_interface(struct cloud *c, const struct jr_node *v, int64_t at_ms)
{
    const char *id = jr_get_text(v, "virtualInterfaceId");
    const char *state = jr_get_text(v, "virtualInterfaceState");
    const char *gateway = jr_get_text(v, "directConnectGatewayId");
    if (!*gateway)
        gateway = jr_get_text(v, "virtualGatewayId");
    struct link_event e = {.kind = CLOUD_VIF,
                           .state = aws_link_state(state),
                           .router = cloud_router(c, *gateway ? gateway : "aws"),
                           .link = cloud_name(c, id),
                           .far = cloud_name(c, jr_get_text(v, "connectionId")),
                           .vlan = (uint16_t)number(v, "vlan", 4094),
                           .mtu = (uint16_t)number(v, "mtu", UINT16_MAX),
                           .at_ms = at_ms};
    if (!e.router || !e.link) {
        cloud_count_bad_route(c);
        return;
    }
    cloud_word(e.word, sizeof e.word, state);
    if (strcmp(state, "deleted") == 0)
        return; /* still listed for a while; as one that is not */
    cloud_tell_link(c, &e);
    const struct jr_node *peers = list(v, "bgpPeers");
    if (peers)
        jr_each(p, peers) if (strcmp(jr_get_text(p, "bgpPeerState"), "deleted") != 0)
            tell_bgp_peer(c, e.router, id, number(v, "amazonSideAsn", UINT32_MAX), p, at_ms);
}

bool aws_virtual_interfaces(struct cloud *c, const void *json, size_t n, int64_t at_ms,
                            struct buf *next)
{
    const struct jr_node *o = cloud_json(c, json, n), *l = list(o, "virtualInterfaces");
    buf_reset(next);
    if (!l)
        return false;
    jr_each(v, l) tell_interface(c, v, at_ms);
    take_token(o, next);
    return true;
}

/* ---- associations ---- */

static void tell_association(struct cloud *c, const struct jr_node *v, int64_t at_ms)
{
    const char *id = jr_get_text(v, "associationId"), *state = jr_get_text(v, "associationState");
    const struct jr_node *gateway = jr_get(v, "associatedGateway");
    const struct jr_node *allowed = list(v, "allowedPrefixesToDirectConnectGateway");
    struct link_event e = {.kind = CLOUD_ASSOCIATION,
                           .state = aws_link_state(state),
                           .router = cloud_router(c, jr_get_text(v, "directConnectGatewayId")),
                           .link = cloud_name(c, id),
                           .far = cloud_name(c, jr_get_text(gateway, "id")),
                           .at_ms = at_ms};
    if (!e.router || !e.link) {
        cloud_count_bad_route(c);
        return;
    }
    if (strcmp(state, "disassociated") == 0)
        return;
    cloud_word(e.word, sizeof e.word, state);
    cloud_tell_link(c, &e);
    struct cloud_table t = {.router = e.router,
                            .peer = cloud_table_peer(c, e.router, id),
                            .view = VIEW_LOC_RIB,
                            .listed_by = CLOUD_ASSOCIATION,
                            .at_ms = at_ms};
    if (!t.peer)
        return;
    struct attr a = {.kind = ROUTE_STATIC, .via = e.link};
    cloud_table_begin(c, &t);
    if (allowed)
        jr_each(p, allowed)(void) cloud_route(c, &t, jr_get_text(p, "cidr"), 0, &a);
    cloud_table_end(c, &t);
}

bool aws_gateway_associations(struct cloud *c, const void *json, size_t n, int64_t at_ms,
                              struct buf *next)
{
    const struct jr_node *o = cloud_json(c, json, n);
    const struct jr_node *l = list(o, "directConnectGatewayAssociations");
    buf_reset(next);
    if (!l)
        return false;
    jr_each(v, l) tell_association(c, v, at_ms);
    take_token(o, next);
    return true;
}
