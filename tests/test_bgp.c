/* bgp: messages written out by hand octet by octet, each rule of RFC 7606, and what a writer by the
 * book wrote read back. */
#include "base/mem.h"
#include "bgp_write.h"
#include "net/bgp.h"
#include "tap.h"

enum { SEEN_MAX = 256 };
struct seen {
    struct route_event e[SEEN_MAX];
    uint32_t n;
};

static void on_event(void *arg, const struct route_event *e)
{
    struct seen *s = arg;
    BUG_ON(s->n == SEEN_MAX);
    s->e[s->n++] = *e;
}

static struct attr_table *attrs;
static struct bgp_decoder *decoder;
static struct seen seen;
static const struct bgp_context as4 = {.as4 = true};

static void begin(uint32_t cache_entries)
{
    attrs = attr_table_new(3, ATTR_SETS_MAX, ATTR_BYTES_MAX);
    decoder = bgp_decoder_new(attrs, 5, cache_entries);
    seen.n = 0;
}

static void end(void)
{
    bgp_decoder_free(decoder);
    CHECK_EQ(attr_table_stats(attrs).sets, 0);
    attr_table_free(attrs);
}

static enum bgp_outcome read_update(const void *p, size_t n, const struct bgp_context *c)
{
    struct route_event e = {.router = 1, .peer = 1, .view = VIEW_IN_PRE, .at_ms = 5};
    seen.n = 0;
    uint8_t *exact = mem_grow(NULL, n, 1); /* so that a sanitizer sees a read behind the end */
    memcpy(exact, p, n);
    enum bgp_outcome outcome = bgp_update(decoder, exact, n, c, &e, on_event, &seen);
    mem_free(exact);
    return outcome;
}

/* An UPDATE of its three fields. */
static enum bgp_outcome read_fields(struct buf *b, const void *withdrawn, size_t n_withdrawn,
                                    const void *block, size_t n_block, const void *nlri,
                                    size_t n_nlri)
{
    buf_reset(b);
    size_t at = wr_message_begin(b, 2);
    wr16(b, (uint32_t)n_withdrawn);
    put_bytes(b, withdrawn, n_withdrawn);
    wr16(b, (uint32_t)n_block);
    put_bytes(b, block, n_block);
    put_bytes(b, nlri, n_nlri);
    wr_message_end(b, at);
    return read_update(b->data, b->len, &as4);
}

static const char *event_text(uint32_t i)
{
    static char text[4][PREFIX_TEXT_MAX + 40];
    static int turn;
    char prefix[PREFIX_TEXT_MAX], *out = text[turn = (turn + 1) & 3];
    if (i >= seen.n)
        return "nothing";
    const struct route_event *e = &seen.e[i];
    snprintf(out, sizeof text[0], "%s %s %u", route_event_names[e->type],
             e->type == ROUTE_END_OF_RIB ? (e->family == IPV4 ? "v4" : "v6")
                                         : prefix_text(&e->prefix, prefix),
             e->path_id);
    return out;
}

/* RFC 4271 4.3, worked out by hand: 192.0.2.0/24 withdrawn, 10.1.0.0/16 and 10.2.128.0/17 announced
 * with path 65001 65002, next hop 10.0.0.1, MED 50. */
TEST(an_update_octet_by_octet)
{
    static const uint8_t msg[] = {
        255,  255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
        255,  255,                                                             /* marker */
        0,    69,  2,                                                          /* length, UPDATE */
        0,    4,   24,  192, 0,   2,                                           /* withdrawn */
        0,    35,                                                              /* attributes */
        0x40, 1,   1,   0,                                                     /* ORIGIN IGP */
        0x50, 2,   0,   10,  2,   2,   0,   0,   253, 233, 0,   0,   253, 234, /* AS_PATH */
        0x40, 3,   4,   10,  0,   0,   1,                                      /* NEXT_HOP */
        0x80, 4,   4,   0,   0,   0,   50,                                     /* MED */
        0xc0, 99,  0,                                                          /* unknown */
        16,   10,  1,   17,  10,  2,   255, /* the last bits do not count */
    };
    char path[32];
    begin(1024);
    _Static_assert(sizeof msg == 69, "counted");
    uint8_t lie[sizeof msg];
    memcpy(lie, msg, sizeof msg);
    lie[17]++;
    CHECK_EQ(read_update(lie, sizeof lie, &as4), BGP_RESET);
    lie[17] -= 2; /* the last prefix is cut off; the attributes are read */
    CHECK_EQ(read_update(lie, sizeof lie, &as4), BGP_RESET);
    for (int again = 0; again < 2; again++) { /* parsed, then from the cache */
        CHECK_EQ(read_update(msg, sizeof msg, &as4), BGP_OK);
        CHECK_EQ(seen.n, 3);
        CHECK_STR(event_text(0), "withdraw 192.0.2.0/24 0");
        CHECK_STR(event_text(1), "announce 10.1.0.0/16 0");
        CHECK_STR(event_text(2), "announce 10.2.128.0/17 0");
        CHECK_EQ(seen.e[1].attr, seen.e[2].attr);
        const struct attr *a = attr_get(attrs, seen.e[1].attr);
        CHECK_STR(attr_path_text(a, path, sizeof path), "65001 65002");
        CHECK_EQ(a->med, 50);
        CHECK_EQ(a->has, ATTR_MED);
        CHECK_EQ(a->next_hop.byte[3], 1);
    }
    CHECK_EQ(bgp_decoder_stats(decoder)->hits, 2);
    end();
}

TEST(end_of_rib)
{
    struct buf b = {0};
    begin(1024);
    CHECK_EQ(read_fields(&b, NULL, 0, NULL, 0, NULL, 0), BGP_OK);
    CHECK_STR(event_text(0), "end-of-rib v4 0");
    static const uint8_t v6[] = {0x80, 15, 3, 0, 2, 1};
    CHECK_EQ(read_fields(&b, NULL, 0, v6, sizeof v6, NULL, 0), BGP_OK);
    CHECK_STR(event_text(0), "end-of-rib v6 0");
    CHECK_EQ(seen.n, 1);
    /* With MP_REACH it is none, even if that says nothing either. */
    static const uint8_t both[] = {0x80, 15,   3, 0, 2, 1, 0x80, 14, 21, 0, 2, 1, 16, 0x20, 1,
                                   13,   0xb8, 0, 0, 0, 0, 0,    0,  0,  0, 0, 0, 0,  1,    0};
    CHECK_EQ(read_fields(&b, NULL, 0, both, sizeof both, NULL, 0), BGP_WITHDRAW);
    CHECK_EQ(seen.n, 0);
    static const uint8_t vpn[] = {0x80, 15, 3, 0, 1, 128}; /* of a family that is passed over */
    CHECK_EQ(read_fields(&b, NULL, 0, vpn, sizeof vpn, NULL, 0), BGP_OK);
    CHECK_EQ(seen.n, 0);
    CHECK_EQ(bgp_decoder_stats(decoder)->other_families, 1);
    buf_free(&b);
    end();
}

#define GOOD 0x40, 1, 1, 0, 0x40, 2, 6, 2, 1, 0, 0, 0, 7, 0x40, 3, 4, 10, 0, 0, 1
static const struct {
    const char *what;
    enum bgp_outcome outcome;
    uint8_t n, block[60];
} wrong[] = {
    {"as it should be", BGP_OK, 20, {GOOD}},
    {"ORIGIN of two octets", BGP_WITHDRAW, 5 + 16, {0x40, 1, 2, 0,    0, 0x40, 2,  6, 2, 1, 0,
                                                    0,    0, 7, 0x40, 3, 4,    10, 0, 0, 1}},
    {"ORIGIN 3", BGP_WITHDRAW, 20, {0x40, 1, 1, 3,    0x40, 2, 6,  2, 1, 0,
                                    0,    0, 7, 0x40, 3,    4, 10, 0, 0, 1}},
    {"no ORIGIN", BGP_WITHDRAW, 16, {0x40, 2, 6, 2, 1, 0, 0, 0, 7, 0x40, 3, 4, 10, 0, 0, 1}},
    {"no NEXT_HOP", BGP_DISCARD, 13, {0x40, 1, 1, 0, 0x40, 2, 6, 2, 1, 0, 0, 0, 7}},
    {"no AS_PATH", BGP_WITHDRAW, 11, {0x40, 1, 1, 0, 0x40, 3, 4, 10, 0, 0, 1}},
    {"a segment without AS",
     BGP_WITHDRAW,
     16,
     {0x40, 1, 1, 0, 0x40, 2, 2, 2, 0, 0x40, 3, 4, 10, 0, 0, 1}},
    {"a segment of type 5", BGP_WITHDRAW, 20, {0x40, 1, 1, 0,    0x40, 2, 6,  5, 1, 0,
                                               0,    0, 7, 0x40, 3,    4, 10, 0, 0, 1}},
    {"a segment longer than AS_PATH", BGP_WITHDRAW, 20, {0x40, 1, 1, 0,    0x40, 2, 6,  2, 2, 0,
                                                         0,    0, 7, 0x40, 3,    4, 10, 0, 0, 1}},
    {"NEXT_HOP of 16 octets", BGP_WITHDRAW, 32, {0x40, 1, 1, 0,    0x40, 2,  6,  2, 1, 0,
                                                 0,    0, 7, 0x40, 3,    16, 10, 0, 0, 1}},
    {"MED of three octets", BGP_WITHDRAW, 26, {GOOD, 0x80, 4, 3, 0, 0, 0}},
    {"LOCAL_PREF of five octets", BGP_WITHDRAW, 28, {GOOD, 0x40, 5, 5, 0, 0, 0, 0, 0}},
    {"ATOMIC_AGGREGATE with a value", BGP_DISCARD, 24, {GOOD, 0x40, 6, 1, 0}},
    {"AGGREGATOR of six octets", BGP_DISCARD, 29, {GOOD, 0xc0, 7, 6, 0, 7, 10, 0, 0, 1}},
    {"communities of three octets", BGP_WITHDRAW, 26, {GOOD, 0xc0, 8, 3, 0, 0, 0}},
    {"no communities", BGP_WITHDRAW, 23, {GOOD, 0xc0, 8, 0}},
    {"ORIGINATOR_ID of one octet", BGP_WITHDRAW, 24, {GOOD, 0x80, 9, 1, 1}},
    {"CLUSTER_LIST of five octets", BGP_WITHDRAW, 28, {GOOD, 0x80, 10, 5, 1, 1, 1, 1, 1}},
    {"an extended community of four", BGP_WITHDRAW, 27, {GOOD, 0xc0, 16, 4, 1, 1, 1, 1}},
    {"a large community of eight", BGP_WITHDRAW, 31, {GOOD, 0xc0, 32, 8, 1, 1, 1, 1, 1, 1, 1, 1}},
    {"ONLY_TO_CUSTOMER of two", BGP_WITHDRAW, 25, {GOOD, 0xc0, 35, 2, 1, 1}},
    {"ORIGIN marked optional", BGP_WITHDRAW, 20, {0xc0, 1, 1, 0,    0x40, 2, 6,  2, 1, 0,
                                                  0,    0, 7, 0x40, 3,    4, 10, 0, 0, 1}},
    {"MED marked transitive", BGP_WITHDRAW, 27, {GOOD, 0xc0, 4, 4, 0, 0, 0, 1}},
    {"communities marked partial", BGP_OK, 27, {GOOD, 0xe0, 8, 4, 0, 1, 0, 1}},
    {"an attribute cut off", BGP_WITHDRAW, 25, {GOOD, 0xc0, 8, 4, 0, 1}},
    {"half a head", BGP_WITHDRAW, 22, {GOOD, 0xc0, 8}},
    {"half a long head", BGP_WITHDRAW, 23, {GOOD, 0xd0, 8, 0}},
    {"ORIGIN twice", BGP_OK, 24, {GOOD, 0x40, 1, 1, 2}},
    {"MP_REACH twice",
     BGP_RESET,
     36,
     {GOOD, 0x80, 14, 5, 0, 1, 128, 0, 0, 0x80, 14, 5, 0, 1, 128, 0, 0}},
    {"MP_REACH of four octets", BGP_RESET, 27, {GOOD, 0x80, 14, 4, 0, 1, 1, 0}},
    {"MP_REACH with a next hop too long", BGP_RESET, 28, {GOOD, 0x80, 14, 5, 0, 1, 1, 1, 0}},
    {"MP_UNREACH of two octets", BGP_RESET, 25, {GOOD, 0x80, 15, 2, 0, 1}},
    {"MP_UNREACH with a /129", BGP_RESET, 27, {GOOD, 0x80, 15, 4, 0, 2, 1, 129}},
};

TEST(rfc_7606_rule_by_rule)
{
    static const uint8_t nlri[] = {16, 10, 1};
    struct buf b = {0};
    begin(1024);
    for (size_t i = 0; i < COUNTOF(wrong); i++) {
        enum bgp_outcome got = read_fields(&b, NULL, 0, wrong[i].block, wrong[i].n, nlri, 3);
        if (got != wrong[i].outcome)
            TAP_FAIL("%s: %s, want %s", wrong[i].what, bgp_outcome_names[got],
                     bgp_outcome_names[wrong[i].outcome]);
        if (got == BGP_RESET)
            continue;
        CHECK_EQ(seen.n, 1);
        CHECK_STR(event_text(0),
                  got == BGP_WITHDRAW ? "withdraw 10.1.0.0/16 0" : "announce 10.1.0.0/16 0");
        if (strcmp(wrong[i].what, "ORIGIN twice") == 0)
            CHECK_EQ(attr_get(attrs, seen.e[0].attr)->origin, ORIGIN_IGP);
    }
    buf_free(&b);
    end();
}

TEST(fields_that_do_not_fit)
{
    static const uint8_t good[] = {GOOD}, long_prefix[] = {33, 10, 1, 0, 0, 1}, cut[] = {24, 10, 1};
    struct buf b = {0};
    begin(1024);
    CHECK_EQ(read_fields(&b, NULL, 0, good, 20, long_prefix, 6), BGP_RESET);
    CHECK_EQ(read_fields(&b, NULL, 0, good, 20, cut, 3), BGP_RESET);
    CHECK_EQ(read_fields(&b, cut, 3, NULL, 0, NULL, 0), BGP_RESET);
    CHECK_EQ(read_fields(&b, NULL, 0, NULL, 0, cut, 3), BGP_RESET);
    buf_reset(&b); /* lengths beyond the message */
    size_t at = wr_message_begin(&b, 2);
    wr16(&b, 5), wr16(&b, 0);
    wr_message_end(&b, at);
    CHECK_EQ(read_update(b.data, b.len, &as4), BGP_RESET);
    buf_reset(&b);
    at = wr_message_begin(&b, 2);
    wr16(&b, 0), wr16(&b, 1);
    wr_message_end(&b, at);
    CHECK_EQ(read_update(b.data, b.len, &as4), BGP_RESET);
    CHECK_EQ(read_update(b.data, b.len - 1, &as4), BGP_RESET);
    b.data[3] = 0; /* the marker */
    CHECK_EQ(read_update(b.data, b.len, &as4), BGP_RESET);
    CHECK_EQ(seen.n, 0);
    buf_free(&b);
    end();
}

static const char *path_of(uint32_t i)
{
    static char text[64];
    return i < seen.n && seen.e[i].attr
               ? attr_path_text(attr_get(attrs, seen.e[i].attr), text, sizeof text)
               : "none";
}

/* RFC 6793 4.2.3, by hand. */
TEST(as_numbers_of_two_octets)
{
    static const struct {
        uint8_t n, block[60];
        const char *path;
    } cases[] = {
        /* 100 23456 23456 with AS4_PATH 70000 70001: the first of the old ones stays */
        {35,
         {0x40, 1,   1,  0,   0x40, 3,  4,  10, 0, 0, 1, 0x40, 2,   8, 2, 3,  0,  100,
          91,   160, 91, 160, 0xc0, 17, 10, 2,  2, 0, 1, 17,   112, 0, 1, 17, 113},
         "100 70000 70001"},
        /* AS4_PATH longer than AS_PATH is not to be believed */
        {31,
         {0x40, 1,   1,    0,  0x40, 3, 4, 10, 0, 0,  1,   0x40, 2, 4,  2,  1,
          0,    100, 0xc0, 17, 10,   2, 2, 0,  1, 17, 112, 0,    1, 17, 113},
         "100"},
        /* a set counts one: {1 2} 23456 with AS4_PATH 70000 */
        {33,
         {0x40, 1, 1, 0, 0x40, 3,  4,   10,   0,  0, 1, 0x40, 2, 10, 1,  2,  0,
          1,    0, 2, 2, 1,    91, 160, 0xc0, 17, 6, 2, 1,    0, 1,  17, 112},
         "{1 2} 70000"},
        /* malformed AS4_PATH: as if it were not there */
        {25,
         {0x40, 1, 1, 0, 0x40, 3,    4,  10, 0, 0, 1, 0x40, 2,
          4,    2, 1, 0, 100,  0xc0, 17, 4,  2, 1, 0, 1},
         "100"},
    };
    static const uint8_t nlri[] = {16, 10, 1};
    struct buf b = {0};
    begin(1024);
    for (size_t i = 0; i < COUNTOF(cases); i++) {
        (void)read_fields(&b, NULL, 0, cases[i].block, cases[i].n, nlri, 3);
        CHECK_EQ(read_update(b.data, b.len, &(struct bgp_context){0}), BGP_OK);
        CHECK_STR(path_of(0), cases[i].path);
    }
    buf_free(&b);
    end();
}

/* RFC 6793 4.2.3: AS4_AGGREGATOR counts where AGGREGATOR is AS_TRANS; where it is not, somebody who
 * knows two octets only has been there, and AS4_PATH is not to be believed either. */
TEST(aggregators_of_two_octets)
{
    static const uint8_t nlri[] = {16, 10, 1};
    uint8_t block[] = {0x40, 1,   1,    0, 0x40, 3,  4,    10, 0, 0, 1, 0x40, 2,  4,  2,  1,
                       91,   160, 0xc0, 7, 6,    91, 160,  10, 0, 0, 1, 0xc0, 18, 8,  0,  1,
                       17,   112, 10,   0, 0,    1,  0xc0, 17, 6, 2, 1, 0,    1,  17, 113};
    struct buf b = {0};
    begin(1024);
    for (int trans = 1; trans >= 0; trans--) {
        block[21] = trans ? 91 : 253; /* 23456 or 64928 */
        (void)read_fields(&b, NULL, 0, block, sizeof block, nlri, 3);
        CHECK_EQ(read_update(b.data, b.len, &(struct bgp_context){0}), BGP_OK);
        CHECK_EQ(attr_get(attrs, seen.e[0].attr)->aggregator_as, trans ? 70000 : 64928);
        CHECK_STR(path_of(0), trans ? "70001" : "23456");
    }
    buf_free(&b);
    end();
}

/* What the lab saw of FRR 8.4.4: [64602 16550 64601] for a received [16550 64601]. */
TEST(own_as_in_front)
{
    static const uint32_t frr[] = {AS_SEGMENT(AS_SEQUENCE, 3), 64602, 16550, 64601};
    static const uint32_t loop[] = {AS_SEGMENT(AS_SEQUENCE, 3), 16550, 64602, 64601};
    static const struct bgp_context c = {.as4 = true, .own_as = 64602, .peer_as = 16550};
    static const struct bgp_context other = {.as4 = true, .own_as = 64602, .peer_as = 16551};
    static const struct bgp_context elsewhere = {.as4 = true, .own_as = 64603, .peer_as = 16550};
    struct attr a = {.path = frr, .n_path = 4, .next_hop = {{10, 0, 0, 1}, IPV4}};
    struct wr_route r = {.prefix = {{10, 1}, 16, IPV4}};
    struct wr_style s = {.extended = true};
    struct buf b = {0};
    begin(1024);
    wr_update(&b, &s, &a, NULL, 0, &r, 1);
    CHECK_EQ(read_update(b.data, b.len, &c), BGP_OK);
    CHECK_STR(path_of(0), "16550 64601");
    CHECK_EQ(read_update(b.data, b.len, &as4), BGP_OK); /* the same bytes of another peer */
    CHECK_STR(path_of(0), "64602 16550 64601");
    CHECK_EQ(read_update(b.data, b.len, &other), BGP_OK); /* from AS 16551: not that habit */
    CHECK_STR(path_of(0), "64602 16550 64601");
    CHECK_EQ(read_update(b.data, b.len, &elsewhere), BGP_OK); /* seen by another router */
    CHECK_STR(path_of(0), "64602 16550 64601");
    CHECK_EQ(read_update(b.data, b.len, &c), BGP_OK);
    CHECK_STR(path_of(0), "16550 64601");
    a.path = loop;
    buf_reset(&b);
    wr_update(&b, &s, &a, NULL, 0, &r, 1);
    CHECK_EQ(read_update(b.data, b.len, &c), BGP_OK); /* a real loop is left alone */
    CHECK_STR(path_of(0), "16550 64602 64601");
    buf_free(&b);
    end();
}

TEST(no_room_for_attributes)
{
    struct wr_route r = {.prefix = {{10, 1}, 16, IPV4}};
    struct wr_style s = {0};
    struct buf b = {0};
    attrs = attr_table_new(1, 1, ATTR_BYTES_MAX);
    decoder = bgp_decoder_new(attrs, 1, 64);
    for (uint32_t med = 0; med < 2; med++) {
        struct attr a = {.med = med, .has = ATTR_MED, .next_hop = {{10, 0, 0, 1}, IPV4}};
        buf_reset(&b);
        wr_update(&b, &s, &a, NULL, 0, &r, 1);
        CHECK_EQ(read_update(b.data, b.len, &as4), med ? BGP_FULL : BGP_OK);
        CHECK_EQ(seen.n, !med);
    }
    buf_free(&b);
    end();
}

TEST(opens)
{
    struct buf b = {0};
    struct bgp_open o;
    wr_open(&b, 4200000001u, 90, 0x0a000002, 3);
    CHECK(bgp_open((uint8_t *)b.data, b.len, &o));
    CHECK_EQ(o.as, 4200000001u);
    CHECK_EQ(o.router_id, 0x0a000002);
    CHECK_EQ(o.hold_s, 90);
    CHECK(o.as4 && o.unicast[0] && o.unicast[1]);
    CHECK_EQ(o.add_path[0], 3);
    CHECK_EQ(o.add_path[1], 3);
    for (size_t n = 0; n < b.len; n++) { /* cut off anywhere: no OPEN, and no read behind the end */
        uint8_t *exact = mem_grow(NULL, n, 1);
        memcpy(exact, b.data, n);
        CHECK(!bgp_open(exact, n, &o));
        mem_free(exact);
    }
    b.data[28] = (char)(b.data[28] - 1); /* the length of the parameters */
    CHECK(!bgp_open((uint8_t *)b.data, b.len, &o));
    buf_reset(&b); /* RFC 9072: one parameter with a length of two octets */
    size_t at = wr_message_begin(&b, 1);
    put_u8(&b, 4), wr16(&b, 23456), wr16(&b, 180), wr32(&b, 7);
    put_u8(&b, 255), put_u8(&b, 255), wr16(&b, 9);
    put_u8(&b, 2), wr16(&b, 6), put_u8(&b, 65), put_u8(&b, 4), wr32(&b, 70000);
    wr_message_end(&b, at);
    CHECK(bgp_open((uint8_t *)b.data, b.len, &o));
    CHECK_EQ(o.as, 70000);
    buf_free(&b);
}

/* ---- round trips ---- */

static struct prefix draw_prefix(struct rng *rng, uint8_t family)
{
    struct prefix p = {.family = family};
    for (int i = 0; i < (family == IPV4 ? 4 : 16); i++)
        p.byte[i] = (uint8_t)rng_u64(rng);
    p.len = (uint8_t)rng_below(rng, family == IPV4 ? 33 : 129);
    prefix_canonical(&p);
    return p;
}

static void draw_words(struct rng *rng, uint32_t *word, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        word[i] = (uint32_t)rng_u64(rng);
}

struct drawn {
    struct attr attr;
    uint32_t path[128], communities[80], large[12], extended[8], clusters[3];
};

static void draw_path(struct rng *rng, struct drawn *d, bool small)
{
    uint32_t n = 0, segments = (uint32_t)rng_below(rng, 3);
    for (uint32_t s = 0; s < segments; s++) {
        uint32_t count = 1 + (uint32_t)rng_below(rng, 20);
        d->path[n++] = AS_SEGMENT(rng_chance(rng, 0.8) ? AS_SEQUENCE : AS_SET, count);
        for (; count; count--)
            d->path[n++] =
                1 + (uint32_t)(rng_u64(rng) >> (small || rng_chance(rng, 0.5) ? 49 : 33));
    }
    d->attr.path = d->path;
    d->attr.n_path = (uint16_t)n;
}

static void draw_attr(struct rng *rng, struct drawn *d, uint8_t hop_family)
{
    *d = (struct drawn){0};
    struct attr *a = &d->attr;
    draw_path(rng, d, false);
    a->n_communities = (uint16_t)rng_below(rng, rng_chance(rng, 0.1) ? 80 : 4);
    a->n_large = (uint16_t)rng_below(rng, 4);
    a->n_extended = (uint16_t)rng_below(rng, 4);
    a->n_clusters = (uint16_t)rng_below(rng, 4);
    draw_words(rng, d->communities, 80);
    draw_words(rng, d->large, 12);
    draw_words(rng, d->extended, 8);
    draw_words(rng, d->clusters, 3);
    a->communities = d->communities;
    a->large = d->large;
    a->extended = d->extended;
    a->clusters = d->clusters;
    a->has = (uint8_t)(rng_below(rng, 64) & (unsigned)~ATTR_AGGREGATOR);
    draw_words(rng, &a->med, 1);
    draw_words(rng, &a->local_pref, 1);
    draw_words(rng, &a->originator, 1);
    draw_words(rng, &a->only_to_customer, 1);
    a->med = a->has & ATTR_MED ? a->med : 0;
    a->local_pref = a->has & ATTR_LOCAL_PREF ? a->local_pref : 0;
    a->originator = a->has & ATTR_ORIGINATOR ? a->originator : 0;
    a->only_to_customer = a->has & ATTR_ONLY_TO_CUSTOMER ? a->only_to_customer : 0;
    a->origin = (uint8_t)rng_below(rng, 3);
    a->next_hop.family = hop_family;
    for (int i = 0; i < (hop_family == IPV4 ? 4 : 16); i++)
        a->next_hop.byte[i] = (uint8_t)rng_u64(rng);
}

/* What was drawn, written by the book in a style drawn too, is read as the set that attr_intern
 * makes of it, and the routes in their order; the second time from the cache. */
PROP(what_is_written_is_read, 3000)
{
    struct wr_route out[8], in[8];
    uint8_t family = rng_chance(rng, 0.6) ? IPV4 : IPV6;
    struct wr_style s = {.as2 = rng_chance(rng, 0.2),
                         .extended = rng_chance(rng, 0.5),
                         .add_path = rng_chance(rng, 0.3),
                         .mp_family = family == IPV6 || rng_chance(rng, 0.3) ? family : 0};
    struct bgp_context c = {.as4 = !s.as2};
    c.add_path[family == IPV6] = s.add_path;
    size_t n_out = rng_below(rng, 9), n_in = rng_below(rng, 9);
    for (int i = 0; i < 8; i++) {
        out[i] = (struct wr_route){draw_prefix(rng, family), (uint32_t)rng_u64(rng)};
        in[i] = (struct wr_route){draw_prefix(rng, family), (uint32_t)rng_u64(rng)};
    }
    struct drawn d;
    draw_attr(rng, &d, s.mp_family && rng_chance(rng, 0.7) ? IPV6 : IPV4);
    struct buf b = {0};
    begin(64);
    uint32_t want = n_in ? attr_intern(attrs, &d.attr) : ATTR_NONE;
    wr_update(&b, &s, &d.attr, out, n_out, in, n_in);
    for (int again = 0; again < 2; again++) {
        CHECK_EQ(read_update(b.data, b.len, &c), BGP_OK);
        if (!n_out && !n_in) {
            CHECK_EQ(seen.e[0].type, ROUTE_END_OF_RIB);
            break;
        }
        CHECK_EQ(seen.n, n_out + n_in);
        for (uint32_t i = 0; i < seen.n; i++) {
            const struct wr_route *r = i < n_out ? &out[i] : &in[i - n_out];
            const struct route_event *e = &seen.e[i];
            CHECK_EQ(e->type, i < n_out ? ROUTE_WITHDRAW : ROUTE_ANNOUNCE);
            CHECK(prefix_equal(&e->prefix, &r->prefix));
            CHECK_EQ(e->path_id, s.add_path ? r->path_id : 0);
            CHECK_EQ(e->attr, i < n_out ? ATTR_NONE : want);
        }
        CHECK_EQ(bgp_decoder_stats(decoder)->hits, n_in ? again : 0);
    }
    attr_release(attrs, want);
    buf_free(&b);
    end();
}

/* Far more blocks than the cache has places: what is thrown out is parsed again, to the same set
 * while somebody holds it. */
PROP(a_small_cache_forgets_and_stays_right, 20)
{
    enum { BLOCKS = 60 };
    struct buf b[BLOCKS] = {0};
    uint32_t want[BLOCKS];
    struct wr_style s = {0};
    begin(16);
    for (int i = 0; i < BLOCKS; i++) {
        struct drawn d;
        struct wr_route r = {.prefix = {{10, (uint8_t)i}, 16, IPV4}};
        draw_attr(rng, &d, IPV4);
        want[i] = attr_intern(attrs, &d.attr);
        wr_update(&b[i], &s, &d.attr, NULL, 0, &r, 1);
    }
    for (int k = 0; k < 2000; k++) {
        int i = (int)rng_below(rng, rng_chance(rng, 0.5) ? 4 : BLOCKS);
        CHECK_EQ(read_update(b[i].data, b[i].len, &as4), BGP_OK);
        CHECK_EQ(seen.e[0].attr, want[i]);
    }
    struct bgp_stats st = *bgp_decoder_stats(decoder);
    CHECK(st.hits > 100 && st.hits < 1900);
    for (int i = 0; i < BLOCKS; i++) {
        attr_release(attrs, want[i]);
        buf_free(&b[i]);
    }
    end();
}

/* As many blocks as a full table has, in a cache of the usual size: the second time none is parsed.
 */
TEST(a_full_table_of_blocks_stays_in_the_cache)
{
    enum { BLOCKS = 80000 };
    struct wr_style s = {0};
    struct buf b = {0};
    begin(BGP_CACHE_ENTRIES);
    for (int again = 0; again < 2; again++)
        for (uint32_t i = 0; i < BLOCKS; i++) {
            uint32_t path[] = {AS_SEGMENT(AS_SEQUENCE, 2), 16550, i};
            struct attr a = {.path = path, .n_path = 3, .next_hop = {{10, 0, 0, 1}, IPV4}};
            struct wr_route r = {.prefix = {{10}, 8, IPV4}};
            buf_reset(&b);
            wr_update(&b, &s, &a, NULL, 0, &r, 1);
            CHECK_EQ(read_update(b.data, b.len, &as4), BGP_OK);
            CHECK_EQ(attr_get(attrs, seen.e[0].attr)->origin_as, i);
        }
    CHECK(bgp_decoder_stats(decoder)->hits > BLOCKS - BLOCKS / 1000);
    buf_free(&b);
    end();
}

/* Any octet of a good message changed to anything: an outcome, and no more routes than fit. */
PROP(a_changed_octet_is_survived, 4000)
{
    struct drawn d;
    struct wr_style s = {.mp_family = rng_chance(rng, 0.5) ? IPV6 : 0};
    struct wr_route r[3];
    struct buf b = {0};
    begin(64);
    draw_attr(rng, &d, s.mp_family ? IPV6 : IPV4);
    for (int i = 0; i < 3; i++)
        r[i] = (struct wr_route){draw_prefix(rng, s.mp_family ? IPV6 : IPV4), 0};
    wr_update(&b, &s, &d.attr, r, 1, r + 1, 2);
    for (int k = 0; k < 3; k++)
        b.data[19 + rng_below(rng, b.len - 19)] = (char)rng_u64(rng);
    (void)read_update(b.data, b.len, &as4);
    buf_free(&b);
    end();
}

TAP_MAIN
