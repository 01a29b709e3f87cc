/* Any bytes as BGP: the first says how the sender writes, the rest is one message after the other.
 * Whatever comes, prefixes are canonical, an announcement has attributes that can be read, and none
 * is held after the decoder is gone. */
#include "base/mem.h"
#include "net/bgp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
    struct attr_table *attrs;
    uint64_t events;
};

static void look(void *arg, const struct route_event *e)
{
    struct seen *s = arg;
    char path[100];
    s->events++;
    if (e->type == ROUTE_END_OF_RIB)
        return;
    struct prefix p = e->prefix;
    prefix_canonical(&p);
    BUG_ON(!prefix_equal(&p, &e->prefix) || p.len > prefix_bits_max(&p));
    BUG_ON((e->type == ROUTE_ANNOUNCE) != (e->attr != ATTR_NONE));
    if (e->type != ROUTE_ANNOUNCE)
        return;
    const struct attr *a = attr_get(s->attrs, e->attr);
    struct attr_segment segment;
    uint32_t words = 0;
    for (uint32_t at = 0; attr_path_next(a, &at, &segment);)
        words += 1 + segment.n;
    BUG_ON(words != a->n_path);
    attr_path_text(a, path, sizeof path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size)
        return 0;
    uint8_t how = data[0], code, subcode;
    struct attr_table *attrs = attr_table_new(1, 64, 1 << 20);
    struct bgp_decoder *d = bgp_decoder_new(attrs, 1, 16);
    struct seen seen = {attrs, 0};
    struct bgp_context c = {.as4 = how & 1,
                            .add_path = {how >> 1 & 1, how >> 2 & 1},
                            .own_as = how & 8 ? 64602 : 0,
                            .peer_as = how & 8 ? 16550 : 0};
    struct route_event e = {.router = 1, .peer = 1};
    struct bgp_open o;
    data++, size--;
    while (size) {
        uint8_t type;
        size_t n = bgp_message(data, size, &type);
        if (!n)
            break;
        uint64_t before = seen.events;
        BUG_ON(bgp_update(d, data, n, &c, &e, look, &seen) >= BGP_OUTCOMES);
        BUG_ON(seen.events - before > n); /* a route takes an octet at least */
        if (bgp_open(data, n, &o))
            BUG_ON(type != BGP_OPEN || o.add_path[0] > 3 || o.add_path[1] > 3);
        if (bgp_notification(data, n, &code, &subcode))
            BUG_ON(type != BGP_NOTIFICATION);
        data += n, size -= n;
    }
    uint32_t attr;
    enum bgp_outcome outcome = bgp_attributes(d, data, size, &c, &attr);
    BUG_ON((outcome <= BGP_DISCARD) != (attr != ATTR_NONE));
    BUG_ON(outcome == BGP_OK && !attr_get(attrs, attr)->next_hop.family);
    bgp_decoder_free(d);
    BUG_ON(attr_table_stats(attrs).sets);
    attr_table_free(attrs);
    return 0;
}
