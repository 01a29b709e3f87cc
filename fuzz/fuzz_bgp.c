/* Any bytes as BGP: the first says how the sender writes, the rest is one message after the other.
 * Whatever comes, prefixes are canonical, an announcement has attributes that can be read, and none
 * is held after the decoder is gone. Shown before or not, messages say the same. */
#include "base/hash.h"
#include "base/mem.h"
#include "net/bgp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
    struct attr_table *attrs;
    uint64_t events, hash;
};

static void look(void *arg, const struct route_event *e)
{
    struct seen *s = arg;
    char path[100];
    uint32_t what[] = {e->type, e->path_id, e->attr, e->prefix.len, be32(e->prefix.byte)};
    s->events++;
    s->hash = hash_fast(s->hash, what, sizeof what);
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

static void other_messages(const uint8_t *msg, size_t n)
{
    uint8_t type, code, subcode;
    struct bgp_open o;
    BUG_ON(bgp_message(msg, n, &type) != n);
    if (bgp_open(msg, n, &o))
        BUG_ON(type != BGP_OPEN || o.add_path[0] > 3 || o.add_path[1] > 3);
    if (bgp_notification(msg, n, &code, &subcode))
        BUG_ON(type != BGP_NOTIFICATION);
}

static size_t messages(const uint8_t *p, size_t size, struct bgp_bytes msg[BGP_SHOWN], uint32_t *n)
{
    size_t at = 0;
    for (*n = 0; *n < BGP_SHOWN; at += msg[(*n)++].n) {
        uint8_t type;
        msg[*n] = (struct bgp_bytes){p + at, bgp_message(p + at, size - at, &type)};
        if (!msg[*n].n)
            break;
    }
    return at;
}

/* What comes of it all as a hash. */
static uint64_t run(const uint8_t *data, size_t size, const struct bgp_context *c, bool show)
{
    struct attr_table *attrs = attr_table_new(1, 64, 1 << 20);
    struct bgp_decoder *d = bgp_decoder_new(attrs, 1, 16);
    struct seen seen = {.attrs = attrs};
    struct route_event e = {.router = 1, .peer = 1};
    struct bgp_bytes msg[BGP_SHOWN];
    uint32_t n, attr;
    do {
        size_t taken = messages(data, size, msg, &n);
        if (show)
            bgp_show(d, msg, n, c);
        for (uint32_t i = 0; i < n; i++) {
            uint64_t before = seen.events;
            enum bgp_outcome o = show ? bgp_shown(d, i, &e, look, &seen)
                                      : bgp_update(d, msg[i].p, msg[i].n, c, &e, look, &seen);
            BUG_ON(o >= BGP_OUTCOMES);
            BUG_ON(seen.events - before > msg[i].n); /* a route takes an octet at least */
            seen.hash = hash_fast(seen.hash, &o, sizeof o);
            other_messages(msg[i].p, msg[i].n);
        }
        data += taken, size -= taken;
    } while (n);
    enum bgp_outcome outcome = bgp_attributes(d, data, size, c, &attr);
    BUG_ON((outcome <= BGP_DISCARD) != (attr != ATTR_NONE));
    BUG_ON(outcome == BGP_OK && !attr_get(attrs, attr)->next_hop.family);
    bgp_decoder_free(d);
    BUG_ON(attr_table_stats(attrs).sets);
    attr_table_free(attrs);
    return seen.hash;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size)
        return 0;
    uint8_t how = data[0];
    struct bgp_context c = {.as4 = how & 1,
                            .add_path = {how >> 1 & 1, how >> 2 & 1},
                            .own_as = how & 8 ? 64602 : 0,
                            .peer_as = how & 8 ? 16550 : 0};
    BUG_ON(run(data + 1, size - 1, &c, false) != run(data + 1, size - 1, &c, true));
    return 0;
}
