/* bgp_cache: what a decoder remembers of blocks of attributes against one that remembers nothing.
 */
#include "base/mem.h"
#include "bgp_write.h"
#include "net/bgp.h"
#include "tap.h"

enum { SEEN_MAX = 64 };
struct seen {
    struct route_event e[SEEN_MAX]; /* their attributes are held */
    uint32_t n;
    enum bgp_outcome outcome;
    struct attr_table *attrs;
};

static void on_event(void *arg, const struct route_event *e)
{
    struct seen *s = arg;
    BUG_ON(s->n == SEEN_MAX);
    attr_hold(s->attrs, e->attr);
    s->e[s->n++] = *e;
}

static void forget(struct seen *s)
{
    for (uint32_t i = 0; i < s->n; i++)
        attr_release(s->attrs, s->e[i].attr);
}

static struct seen decode(struct bgp_decoder *d, struct attr_table *attrs, const uint8_t *p,
                          size_t n, const struct bgp_context *c)
{
    struct route_event e = {.router = 1, .peer = 1};
    struct seen s = {.attrs = attrs};
    s.outcome = bgp_update(d, p, n, c, &e, on_event, &s);
    return s;
}

/* ---- any blocks ---- */

/* One attribute or another, each with few values, so that blocks come again. */
static void draw_attribute(struct rng *rng, struct buf *b)
{
    static const char *const plain[] = {
        "\x40\1\1\0",           "\x40\1\1\2",                       /* ORIGIN */
        "\x40\2\6\2\1\0\0\0\7", "\x50\2\0\12\2\2\0\0\0\7\0\0\0\11", /* AS_PATH */
        "\x40\3\4\12\0\0\1",    "\x80\4\4\0\0\0\5",                 /* NEXT_HOP, MED */
        "\xc0\10\4\0\1\0\2",    "\xc0\x63\1\1",                     /* a community, unknown */
        "\x40\5\3\0\0\1",       "\x40\1",                           /* malformed, cut off */
    };
    static const uint8_t lengths[] = {4, 4, 9, 14, 7, 7, 7, 4, 6, 2};
    static const uint8_t hops[] = {4, 16, 32};
    size_t which = rng_below(rng, 16);
    if (which < COUNTOF(plain)) {
        which = which >= 8 && rng_chance(rng, 0.8) ? 0 : which;
        put_bytes(b, plain[which], lengths[which]);
        return;
    }
    bool reach = which < 14;
    put_u8(b, 0x80), put_u8(b, reach ? 14 : 15);
    size_t at = b->len, hop = hops[rng_below(rng, 3)];
    uint8_t afi = rng_chance(rng, 0.9) ? 2 : 1, safi = rng_chance(rng, 0.9) ? 1 : 128;
    put_u8(b, 0), put_u8(b, 0), put_u8(b, afi), put_u8(b, safi);
    if (reach) {
        put_u8(b, (uint8_t)hop);
        for (; hop; hop--)
            put_u8(b, (uint8_t)(hop == 1 ? 1 + rng_below(rng, 2) : 0));
        put_u8(b, 0);
    }
    static const uint8_t prefixes[] = {32, 0x20, 1, 0xd, 0xb8, 20, 0x20, 1, 0x10, 129, 7};
    static const struct {
        uint8_t at, n;
    } nlri[] = {{0, 5}, {0, 5}, {5, 4}, {0, 9}, {0, 0}, {9, 2}}; /* the last one is none */
    size_t i = rng_below(rng, rng_chance(rng, 0.1) ? 6 : 5);
    put_bytes(b, prefixes + nlri[i].at, nlri[i].n);
    b->data[at] = (char)(b->len - at - 1);
}

static void draw_update(struct rng *rng, struct buf *b)
{
    static const uint8_t prefixes[] = {16, 10, 1, 8, 10};
    size_t message = wr_message_begin(b, 2), at = b->len;
    wr16(b, 0);
    put_bytes(b, prefixes, rng_chance(rng, 0.2) ? 3 : 0);
    wr_len16(b, at);
    at = b->len;
    wr16(b, 0);
    if (rng_chance(rng, 0.7)) /* what is most often there */
        put_bytes(b, "\x40\1\1\0\x40\2\6\2\1\0\0\0\7", 13);
    for (size_t n = rng_below(rng, 4); n; n--)
        draw_attribute(rng, b);
    wr_len16(b, at);
    put_bytes(b, prefixes, rng_chance(rng, 0.4) ? 5 : 0);
    wr_message_end(b, message);
}

static void check_same(const struct seen *a, const struct seen *b)
{
    CHECK_EQ(a->outcome, b->outcome);
    CHECK_EQ(a->n, b->n);
    for (uint32_t i = 0; i < MIN(a->n, b->n); i++) {
        CHECK_EQ(a->e[i].type, b->e[i].type);
        CHECK_EQ(a->e[i].family, b->e[i].family);
        CHECK_EQ(a->e[i].attr, b->e[i].attr);
        CHECK_EQ(a->e[i].path_id, b->e[i].path_id);
        CHECK(prefix_equal(&a->e[i].prefix, &b->e[i].prefix));
    }
}

static struct seen decode_shown(struct bgp_decoder *d, struct attr_table *attrs, uint32_t i)
{
    struct route_event e = {.router = 1, .peer = 1};
    struct seen s = {.attrs = attrs};
    s.outcome = bgp_shown(d, i, &e, on_event, &s);
    return s;
}

/* Whatever came before, and whether it was shown or not: each message says what it says to a
 * decoder that hears nothing else. All sets are in one table, so handles tell whether they are
 * equal. */
PROP(what_is_remembered_changes_nothing, 200)
{
    enum { BATCHES = 64, MESSAGES = 8 };
    static const struct bgp_context contexts[] = {{.as4 = 1},
                                                  {.as4 = 0},
                                                  {.as4 = 1, .kind = ROUTE_LOCAL},
                                                  {.as4 = 1, .own_as = 7, .peer_as = 9}};
    struct attr_table *attrs = attr_table_new(1, ATTR_SETS_MAX, ATTR_BYTES_MAX);
    uint32_t entries = rng_chance(rng, 0.5) ? 8 : 256;
    struct bgp_decoder *d = bgp_decoder_new(attrs, rng_u64(rng), entries);
    struct buf b[MESSAGES] = {0};
    for (int k = 0; k < BATCHES; k++) {
        struct bgp_bytes shown[MESSAGES];
        const struct bgp_context *c = &contexts[rng_below(rng, COUNTOF(contexts))];
        bool show = rng_chance(rng, 0.8);
        for (uint32_t i = 0; i < MESSAGES; i++) {
            if (!b[i].len || rng_chance(rng, 0.3)) { /* else it comes again */
                buf_reset(&b[i]);
                draw_update(rng, &b[i]);
                if (rng_chance(rng, 0.1))
                    draw_update(rng, &b[i]);
            }
            uint32_t which = rng_chance(rng, 0.2) ? (uint32_t)rng_below(rng, i + 1) : i;
            shown[i] = (struct bgp_bytes){(const uint8_t *)b[which].data, b[which].len};
        }
        if (show)
            bgp_show(d, shown, MESSAGES, c);
        for (uint32_t i = 0; i < MESSAGES; i++) {
            if (rng_chance(rng, 0.1))
                continue; /* shown, and not read */
            struct bgp_decoder *fresh = bgp_decoder_new(attrs, 3, 4);
            struct seen got =
                show ? decode_shown(d, attrs, i) : decode(d, attrs, shown[i].p, shown[i].n, c);
            struct seen want = decode(fresh, attrs, shown[i].p, shown[i].n, c);
            check_same(&got, &want);
            forget(&got);
            forget(&want);
            bgp_decoder_free(fresh);
        }
        if (rng_chance(rng, 0.1)) /* bytes that are not whole messages may be shown too */
            bgp_show(d, &(struct bgp_bytes){shown[0].p, rng_below(rng, shown[0].n)}, 1, c);
    }
    struct bgp_stats st = *bgp_decoder_stats(d);
    CHECK(st.hits > 0 && st.hits < st.updates);
    bgp_decoder_free(d);
    CHECK_EQ(attr_table_stats(attrs).sets, 0);
    attr_table_free(attrs);
    for (int i = 0; i < MESSAGES; i++)
        buf_free(&b[i]);
}

/* A table that is full: what is shown is no more than what is read. */
TEST(showing_takes_no_room)
{
    static const struct bgp_context c = {.as4 = true};
    struct attr_table *attrs = attr_table_new(1, 1, ATTR_BYTES_MAX);
    struct bgp_decoder *d = bgp_decoder_new(attrs, 1, 64);
    struct wr_route r = {.prefix = {{10, 1}, 16, IPV4}};
    struct wr_style style = {0};
    struct bgp_bytes shown[3];
    struct buf b[3] = {0};
    for (uint32_t i = 0; i < 3; i++) {
        struct attr a = {.med = i / 2, .has = ATTR_MED, .next_hop = {{10, 0, 0, 1}, IPV4}};
        wr_update(&b[i], &style, &a, NULL, 0, &r, 1);
        shown[i] = (struct bgp_bytes){(const uint8_t *)b[i].data, b[i].len};
    }
    bgp_show(d, shown, 3, &c);
    CHECK_EQ(attr_table_stats(attrs).sets, 0);
    for (uint32_t i = 0; i < 3; i++) {
        struct seen s = decode_shown(d, attrs, i);
        CHECK_EQ(s.outcome, i < 2 ? BGP_OK : BGP_FULL);
        CHECK_EQ(s.n, i < 2);
        CHECK_EQ(attr_table_stats(attrs).sets, 1);
        forget(&s);
        buf_free(&b[i]);
    }
    CHECK_EQ(bgp_decoder_stats(d)->updates, 3);
    CHECK_EQ(bgp_decoder_stats(d)->hits, 1);
    bgp_decoder_free(d);
    attr_table_free(attrs);
}

/* ---- IPv6 ---- */

/* A block whose MP_REACH is its attribute number `place`, with these prefixes. */
static void write_ipv6(struct buf *b, size_t place, const void *prefixes, size_t n)
{
    static const uint8_t attribute[3][9] = {{0x40, 1, 1, 0},
                                            {0x40, 2, 6, 2, 1, 0, 0, 0, 7},
                                            {0xc0, 8, 4, 0, 1, 0, 2}},
                         lengths[3] = {4, 9, 7};
    buf_reset(b);
    size_t message = wr_message_begin(b, 2);
    wr16(b, 0);
    size_t at = b->len;
    wr16(b, 0);
    for (size_t i = 0; i <= COUNTOF(lengths); i++) {
        if (i == place) {
            put_u8(b, 0x80), put_u8(b, 14), put_u8(b, (uint8_t)(21 + n));
            wr16(b, 2), put_u8(b, 1), put_u8(b, 16);
            put_bytes(b, "\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\1", 17); /* and the reserved octet */
            put_bytes(b, prefixes, n);
        }
        if (i < COUNTOF(lengths))
            put_bytes(b, attribute[i], lengths[i]);
    }
    wr_len16(b, at);
    wr_message_end(b, message);
}

TEST(ipv6_prefixes_with_the_same_attributes_are_hits)
{
    static const uint8_t prefixes[] = {32, 0x20, 1, 0xd, 0xb8, 48, 0x20, 1, 0xd, 0xb8, 0, 1, 0};
    static const struct {
        uint8_t at, n;
    } of[] = {{0, 5}, {5, 7}, {12, 1}, {0, 13}, {0, 0}};
    static const struct bgp_context c = {.as4 = true};
    struct attr_table *attrs = attr_table_new(1, ATTR_SETS_MAX, ATTR_BYTES_MAX);
    struct bgp_decoder *d = bgp_decoder_new(attrs, 1, 64);
    struct buf b = {0};
    uint32_t attr = ATTR_NONE, hits = 0;
    for (size_t place = 0; place <= 3; place++)
        for (size_t i = 0; i < COUNTOF(of); i++) {
            write_ipv6(&b, place, prefixes + of[i].at, of[i].n);
            struct seen s = decode(d, attrs, (const uint8_t *)b.data, b.len, &c);
            hits += i > 0;
            CHECK_EQ(s.outcome, BGP_OK);
            CHECK_EQ(s.n, i == 3 ? 3 : i < 3);
            CHECK_EQ(bgp_decoder_stats(d)->hits, hits);
            attr = attr ? attr : s.e[0].attr;
            for (uint32_t k = 0; k < s.n; k++)
                CHECK_EQ(s.e[k].attr, attr); /* wherever MP_REACH is */
            forget(&s);
        }
    CHECK_EQ(attr_table_stats(attrs).sets, 1);
    buf_free(&b);
    bgp_decoder_free(d);
    attr_table_free(attrs);
}

static const char *told(const struct seen *s, char out[400])
{
    char prefix[PREFIX_TEXT_MAX];
    size_t n = 0;
    out[0] = '\0';
    for (uint32_t i = 0; i < s->n; i++)
        n +=
            (size_t)snprintf(out + n, 400 - n, "%s%s %s", i ? ", " : "",
                             route_event_names[s->e[i].type], prefix_text(&s->e[i].prefix, prefix));
    return out;
}

/* All four places where routes stand in one message: told each time, also when its attributes are
 * known, and in this order. */
TEST(both_families_in_one_update)
{
    static const uint8_t block[] = {
        0x80, 15, 8,    0,  2,    1,  32,  0x20, 1, 0xd, 0xb9, /* MP_UNREACH */
        0x40, 1,  1,    0,  0x40, 2,  6,   2,    1, 0,   0,
        0,    7,  0x40, 3,  4,    10, 0,   0,    1, /* as ever */
        0x80, 14, 26,   0,  2,    1,  16,  0x20, 1, 0xd, 0xb8,
        0,    0,  0,    0,  0,    0,  0,   0,    0, 0, /* MP_REACH */
        0,    1,  0,    32, 0x20, 1,  0xd, 0xb8,
    };
    static const struct bgp_context c = {.as4 = true};
    struct attr_table *attrs = attr_table_new(1, ATTR_SETS_MAX, ATTR_BYTES_MAX);
    struct bgp_decoder *d = bgp_decoder_new(attrs, 1, 64);
    struct buf b = {0};
    char text[400];
    size_t message = wr_message_begin(&b, 2);
    wr16(&b, 3), put_bytes(&b, "\20\12\2", 3);
    wr16(&b, sizeof block), put_bytes(&b, block, sizeof block);
    put_bytes(&b, "\20\12\1", 3);
    wr_message_end(&b, message);
    for (int again = 0; again < 3; again++) {
        struct seen s = decode(d, attrs, (const uint8_t *)b.data, b.len, &c);
        CHECK_EQ(s.outcome, BGP_OK);
        CHECK_STR(told(&s, text), "withdraw 10.2.0.0/16, withdraw 2001:db9::/32, "
                                  "announce 10.1.0.0/16, announce 2001:db8::/32");
        CHECK_EQ(attr_get(attrs, s.e[2].attr)->next_hop.family, IPV4);
        CHECK_EQ(attr_get(attrs, s.e[3].attr)->next_hop.family, IPV6);
        forget(&s);
    }
    CHECK_EQ(bgp_decoder_stats(d)->hits, 4);
    buf_free(&b);
    bgp_decoder_free(d);
    attr_table_free(attrs);
}

/* An unknown attribute of twelve octets and a next hop of four are the same bytes as a next hop of
 * sixteen: what is of the block and what of the next hop must not be mixed up. In a dump, where
 * MP_REACH is only the next hop. */
TEST(a_next_hop_is_not_an_attribute)
{
#define SIXTEEN 0xc0, 99, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 10, 0, 0, 1
    static const uint8_t six[] = {0x40, 1, 1, 0, 0x40, 2, 0, 0x80, 14, 17, 16, SIXTEEN};
    static const uint8_t four[] = {0x40, 1, 1, 0, 0x40, 2,    0,  0xc0, 99, 9,  0, 0, 0, 0,
                                   0,    0, 0, 0, 0,    0x80, 14, 5,    4,  10, 0, 0, 1};
    static const struct bgp_context c = {.as4 = true};
    struct attr_table *attrs = attr_table_new(1, ATTR_SETS_MAX, ATTR_BYTES_MAX);
    struct bgp_decoder *d = bgp_decoder_new(attrs, 1, 64);
    uint32_t attr;
    for (int again = 0; again < 2; again++) {
        CHECK_EQ(bgp_attributes(d, six, sizeof six, &c, &attr), BGP_OK);
        CHECK_EQ(attr_get(attrs, attr)->next_hop.family, IPV6);
        CHECK_EQ(bgp_attributes(d, four, sizeof four, &c, &attr), BGP_OK);
        CHECK_EQ(attr_get(attrs, attr)->next_hop.family, IPV4);
    }
    bgp_decoder_free(d);
    attr_table_free(attrs);
}

TAP_MAIN
