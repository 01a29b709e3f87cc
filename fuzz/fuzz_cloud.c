/* Any bytes as an answer of Google's or AWS's APIs: refused, or told as events that keep the
 * promises of net/route.h. The first byte says which answer. */
#include "driver/routes/aws_answers.h"
#include "driver/routes/aws_events.h"
#include "driver/routes/ec2_answers.h"
#include "driver/routes/gcp_answers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct heard {
    struct attr_table *attrs;
    struct sources *sources;
};

static void on_route(void *arg, const struct route_event *e)
{
    const struct heard *h = arg;
    BUG_ON(e->type >= ROUTE_EVENT_TYPES || e->view >= VIEWS || !e->router);
    BUG_ON(e->router > source_routers(h->sources) || e->peer > source_peers(h->sources));
    if (e->type <= ROUTE_WITHDRAW) {
        struct prefix p = e->prefix;
        prefix_canonical(&p);
        BUG_ON(!e->peer || !prefix_equal(&p, &e->prefix) || p.len > prefix_bits_max(&p));
    }
    if (e->type == ROUTE_ANNOUNCE) {
        const struct attr *a = attr_get(h->attrs, e->attr);
        BUG_ON(a->kind >= ROUTE_KINDS);
        BUG_ON(a->via && !*source_name_text(h->sources, a->via));
    }
}

static void on_link(void *arg, const struct link_event *e)
{
    const struct heard *h = arg;
    BUG_ON(e->kind >= CLOUD_KINDS || e->state >= LINK_STATES || !e->router);
    BUG_ON(!*source_name_text(h->sources, e->link) || strlen(e->word) >= sizeof e->word);
    for (const char *p = e->word; *p; p++)
        BUG_ON(*p < ' ' || *p > '~');
}

/* As it comes by the door: read, and applied twice, to a gateway and a table that are watched. */
static void push(struct cloud *c, const void *p, size_t n)
{
    struct aws_event e;
    const char *why = NULL;
    struct link_event tunnel = {.router = cloud_router_known(c, "tgw-0aaa"),
                                .link = cloud_name(c, "vpn-1/198.51.100.3"),
                                .kind = CLOUD_TUNNEL};
    cloud_tell_link(c, &tunnel);
    if (!aws_event_read(c, p, n, &e, &why)) {
        BUG_ON(!*why);
        return;
    }
    BUG_ON(why || !*e.id || strlen(e.id) > AWS_EVENT_ID_MAX || !e.detail);
    BUG_ON(aws_event_apply(c, &e, 1) >= AWS_EVENT_ENDS);
    BUG_ON(aws_event_apply(c, &e, 2) >= AWS_EVENT_ENDS);
}

static void one(struct cloud *c, struct xml *x, struct buf *next, const struct cloud_table *t,
                uint8_t which, const void *p, size_t n)
{
    struct gcp_peers peers;
    bool whole;
    switch (which % 10) {
    case 0: (void)gcp_router_status(c, t->router, p, n, 1, &peers); break;
    case 1: (void)gcp_bgp_routes(c, t, true, p, n, next); break;
    case 2: (void)gcp_attachments(c, "p/r", p, n, 1, next); break;
    case 3: (void)aws_virtual_interfaces(c, p, n, 1, next); break;
    case 4: (void)aws_gateway_associations(c, p, n, 1, next); break;
    case 5: push(c, p, n); break;
    case 6: (void)ec2_routes(c, x, t, true, p, n, next, &whole); break;
    case 7: (void)ec2_attachments(c, x, p, n, 1, next); break;
    case 9: (void)ec2_vpn_connections(c, x, p, n, 1, next); break;
    default:
        (void)ec2_attachments(c, x, p, n, 1, next);
        (void)ec2_peerings(c, x, "us-east-1", p, n, 1, next);
        (void)ec2_connect_peers(c, x, p, n, 1, next);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct heard h = {attr_table_new(1, 1000, 1 << 20), sources_new()};
    struct cloud *c = cloud_new(&(struct cloud_ports){h.attrs, h.sources, on_route, on_link, &h});
    struct xml x = {0};
    struct buf next = {0};
    struct cloud_table t = {.router = source_router(h.sources, "r"), .view = VIEW_LOC_RIB};
    t.peer = cloud_table_peer(c, t.router, "t");
    cloud_call(c, "tgw-0aaa", "r");
    cloud_follow(c, "tgw-0aaa", "tgw-rtb-1");
    uint32_t began = cloud_poll_begin(c);
    if (size)
        one(c, &x, &next, &t, data[0], data + 1, size - 1);
    for (int kind = 0; kind < CLOUD_KINDS; kind++)
        cloud_poll_end(c, (enum cloud_kind)kind, 0, began + 1, 2);
    buf_free(&next);
    xml_free(&x);
    cloud_free(c);
    sources_free(h.sources);
    attr_table_free(h.attrs);
    return 0;
}
