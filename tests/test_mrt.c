/* mrt: records written octet by octet, in pieces of every size; broken ones beside good ones. */
#include "base/mem.h"
#include "bgp_write.h"
#include "net/mrt.h"
#include "tap.h"

struct fixture {
    struct attr_table *attrs;
    struct bgp_decoder *decoder;
    struct sources *sources;
    struct mrt_reader *mrt;
    struct buf seen;
};

static void on_event(void *arg, const struct route_event *e)
{
    struct fixture *f = arg;
    char ip[IP_TEXT_MAX], prefix[PREFIX_TEXT_MAX], path[64];
    buf_fmt(&f->seen, "%" PRId64 " ", e->at_ms);
    if (e->peer)
        buf_fmt(&f->seen, "%s ", ip_text(&source_peer_get(f->sources, e->peer)->key.address, ip));
    buf_fmt(&f->seen, "%s", route_event_names[e->type]);
    if (e->type == ROUTE_ANNOUNCE) {
        const struct attr *a = attr_get(f->attrs, e->attr);
        buf_fmt(&f->seen, " %s %s [%s] via %s", route_view_names[e->view],
                prefix_text(&e->prefix, prefix), attr_path_text(a, path, sizeof path),
                ip_text(&a->next_hop, ip));
        if (e->path_id)
            buf_fmt(&f->seen, " id %u", e->path_id);
    } else if (e->type == ROUTE_WITHDRAW) {
        buf_fmt(&f->seen, " %s %s", route_view_names[e->view], prefix_text(&e->prefix, prefix));
    } else if (e->type == ROUTE_END_OF_RIB) {
        buf_fmt(&f->seen, " %u", e->family);
    }
    buf_char(&f->seen, '\n');
}

static struct fixture *fixture_new(void)
{
    struct fixture *f = mem_new(1, sizeof *f);
    f->attrs = attr_table_new(1, 1000, ATTR_BYTES_MAX);
    f->decoder = bgp_decoder_new(f->attrs, 1, 64);
    f->sources = sources_new();
    struct mrt_options o = {f->decoder,   f->sources, source_router(f->sources, "collector"),
                            VIEW_IN_POST, on_event,   f};
    f->mrt = mrt_new(&o);
    buf_str(&f->seen, "");
    return f;
}

static void fixture_free(struct fixture *f)
{
    mrt_free(f->mrt);
    bgp_decoder_free(f->decoder);
    CHECK_EQ(attr_table_stats(f->attrs).sets, 0);
    attr_table_free(f->attrs);
    sources_free(f->sources);
    buf_free(&f->seen);
    mem_free(f);
}

static bool feed(struct fixture *f, const struct buf *b, size_t piece)
{
    bool ok = true;
    for (size_t at = 0; at < b->len && ok; at += piece) {
        size_t n = MIN(piece, b->len - at);
        uint8_t *exact = mem_grow(NULL, n, 1);
        memcpy(exact, b->data + at, n);
        ok = mrt_feed(f->mrt, exact, n);
        mem_free(exact);
    }
    return ok;
}

static size_t record_begin(struct buf *b, uint32_t at_s, uint32_t type, uint32_t subtype)
{
    wr32(b, at_s);
    wr16(b, type);
    wr16(b, subtype);
    wr32(b, 0);
    return b->len;
}

static void record_end(struct buf *b, size_t body)
{
    size_t n = b->len - body;
    for (int i = 0; i < 4; i++)
        b->data[body - 4 + (size_t)i] = (char)(n >> (24 - 8 * i));
}

static const uint8_t block4[] = {0x40, 1, 1, 0,    0x40, 2,    10, 2, 2,   0, 0, 0xfd,
                                 0xe9, 0, 1, 0x11, 0x70, 0x40, 3,  4, 192, 0, 2, 1};
static const uint8_t block6[] = {0x40, 1,    1,    0,  0x40, 2,  6,    2, 1,    0,    1,
                                 0x11, 0x70, 0x80, 14, 17,   16, 0x20, 1, 0x0d, 0xb8, 0,
                                 0,    0,    0,    0,  0,    0,  0,    0, 0,    0,    1};

/* A table of two peers and three rows, the last with path ids. */
static void write_table(struct buf *b)
{
    static const uint8_t six[16] = {0x20, 1, 0x0d, 0xb8, [15] = 9};
    size_t at = record_begin(b, 1000, 13, 1);
    wr32(b, 0x0a000001);
    wr16(b, 4), put_bytes(b, "view", 4);
    wr16(b, 2);
    put_u8(b, 0), wr32(b, 7), wr32(b, 0xc0000201), wr16(b, 65001);
    put_u8(b, 3), wr32(b, 8), put_bytes(b, six, 16), wr32(b, 70000);
    record_end(b, at);
    at = record_begin(b, 1001, 13, 2);
    wr32(b, 0), put_u8(b, 16), put_u8(b, 10), put_u8(b, 1), wr16(b, 1);
    wr16(b, 0), wr32(b, 5), wr16(b, sizeof block4), put_bytes(b, block4, sizeof block4);
    record_end(b, at);
    at = record_begin(b, 1002, 13, 4);
    wr32(b, 1), put_u8(b, 32), put_bytes(b, six, 4), wr16(b, 1);
    wr16(b, 1), wr32(b, 5), wr16(b, sizeof block6), put_bytes(b, block6, sizeof block6);
    record_end(b, at);
    at = record_begin(b, 1003, 13, 8);
    wr32(b, 2), put_u8(b, 8), put_u8(b, 10), wr16(b, 2);
    for (uint32_t id = 1; id <= 2; id++) {
        wr16(b, 0), wr32(b, 5), wr32(b, id), wr16(b, sizeof block4);
        put_bytes(b, block4, sizeof block4);
    }
    record_end(b, at);
}

static size_t bgp4mp_begin(struct buf *b, uint32_t at_s, uint32_t type, uint32_t subtype, bool as4)
{
    size_t at = record_begin(b, at_s, type, subtype);
    if (type == 17)
        wr32(b, 250999);
    if (as4)
        wr32(b, 65001), wr32(b, 65000);
    else
        wr16(b, 65001), wr16(b, 65000);
    wr16(b, 0), wr16(b, 1), wr32(b, 0xc0000201), wr32(b, 0xc0000202);
    return at;
}

static void write_updates(struct buf *b)
{
    static const uint32_t path[] = {AS_SEGMENT(AS_SEQUENCE, 2), 65001, 70000};
    struct attr a = {.path = path, .n_path = 3, .next_hop = {{192, 0, 2, 1}, IPV4}};
    struct wr_route r = {{{10, 9}, 16, IPV4}, 7};
    size_t at = bgp4mp_begin(b, 2000, 16, 0, false);
    wr16(b, 5), wr16(b, 6);
    record_end(b, at);
    at = bgp4mp_begin(b, 2001, 17, 4, true);
    wr_update(b, &(struct wr_style){0}, &a, NULL, 0, &r, 1);
    record_end(b, at);
    at = bgp4mp_begin(b, 2002, 16, 1, false); /* with AS4_PATH */
    wr_update(b, &(struct wr_style){.as2 = true}, &a, &r, 1, &r, 1);
    record_end(b, at);
    at = bgp4mp_begin(b, 2003, 16, 7, true); /* sent by the collector */
    wr_update(b, &(struct wr_style){0}, &a, NULL, 0, &r, 1);
    record_end(b, at);
    at = bgp4mp_begin(b, 2004, 16, 9, true); /* path ids */
    wr_update(b, &(struct wr_style){.add_path = true}, &a, NULL, 0, &r, 1);
    record_end(b, at);
    at = bgp4mp_begin(b, 2005, 16, 4, true); /* KEEPALIVE */
    wr_message_end(b, wr_message_begin(b, 4));
    record_end(b, at);
    at = bgp4mp_begin(b, 2006, 16, 5, true); /* on the way up: of no interest */
    wr16(b, 3), wr16(b, 4);
    record_end(b, at);
    at = bgp4mp_begin(b, 2006, 16, 5, true);
    wr16(b, 6), wr16(b, 1);
    record_end(b, at);
    at = record_begin(b, 2007, 12, 1); /* TABLE_DUMP: of old */
    record_end(b, at);
}

static const char both[] =
    "1000000 feed-up\n"
    "1001000 192.0.2.1 announce in-post 10.1.0.0/16 [65001 70000] via 192.0.2.1\n"
    "1002000 2001:db8::9 announce in-post 2001:db8::/32 [70000] via 2001:db8::1\n"
    "1003000 192.0.2.1 announce in-post 10.0.0.0/8 [65001 70000] via 192.0.2.1 id 1\n"
    "1003000 192.0.2.1 announce in-post 10.0.0.0/8 [65001 70000] via 192.0.2.1 id 2\n"
    "2000000 192.0.2.1 peer-up\n"
    "2001250 192.0.2.1 announce in-post 10.9.0.0/16 [65001 70000] via 192.0.2.1\n"
    "2002000 192.0.2.1 withdraw in-post 10.9.0.0/16\n"
    "2002000 192.0.2.1 announce in-post 10.9.0.0/16 [65001 70000] via 192.0.2.1\n"
    "2003000 192.0.2.1 announce out-post 10.9.0.0/16 [65001 70000] via 192.0.2.1\n"
    "2004000 192.0.2.1 announce in-post 10.9.0.0/16 [65001 70000] via 192.0.2.1 id 7\n"
    "2006000 192.0.2.1 peer-down\n"
    "2007000 192.0.2.1 end-of-rib 4\n"
    "2007000 192.0.2.1 end-of-rib 6\n"
    "2007000 2001:db8::9 end-of-rib 4\n"
    "2007000 2001:db8::9 end-of-rib 6\n";

TEST(a_table_and_updates_in_pieces)
{
    struct buf b = {0};
    write_table(&b);
    write_updates(&b);
    for (size_t piece = 1; piece <= b.len; piece += piece < 80 ? 1 : 83) {
        struct fixture *f = fixture_new();
        CHECK(feed(f, &b, piece));
        CHECK(mrt_end(f->mrt));
        CHECK_STR(f->seen.data, both);
        struct mrt_stats s = mrt_stats(f->mrt);
        CHECK_EQ(s.records, 13);
        CHECK_EQ(s.broken, 0);
        CHECK_EQ(s.unknown, 1);
        CHECK_EQ(s.routes, 4);
        CHECK_EQ(s.messages, 5);
        CHECK_EQ(s.first_ms, 1000000);
        CHECK_EQ(s.last_ms, 2007000);
        fixture_free(f);
        if (tap_fails)
            break;
    }
    buf_free(&b);
}

TEST(a_broken_record_costs_itself)
{
    struct buf b = {0};
    struct fixture *f = fixture_new();
    size_t at = record_begin(&b, 1, 13, 2); /* a row before its table of peers */
    wr32(&b, 0), put_u8(&b, 8), put_u8(&b, 10), wr16(&b, 1);
    wr16(&b, 0), wr32(&b, 5), wr16(&b, sizeof block4), put_bytes(&b, block4, sizeof block4);
    record_end(&b, at);
    at = record_begin(&b, 1, 13, 1); /* more peers promised than there are */
    wr32(&b, 0), wr16(&b, 0), wr16(&b, 65535);
    record_end(&b, at);
    at = record_begin(&b, 1, 13, 1); /* a name longer than the record */
    wr32(&b, 0), wr16(&b, 65535);
    record_end(&b, at);
    at = record_begin(&b, 1, 13, 4); /* a prefix of 129 bits */
    wr32(&b, 0), put_u8(&b, 129), wr32(&b, 0), wr32(&b, 0), wr32(&b, 0), wr32(&b, 0), wr32(&b, 0);
    record_end(&b, at);
    at = bgp4mp_begin(&b, 1, 16, 4, true);
    wr_update(&b, &(struct wr_style){0}, NULL, NULL, 0, NULL, 0);
    b.data[b.len - 1] = 9; /* attributes that are not there */
    record_end(&b, at);
    at = record_begin(&b, 1, 17, 4); /* nothing */
    record_end(&b, at);
    at = bgp4mp_begin(&b, 1, 16, 4, true); /* no message */
    record_end(&b, at);
    CHECK(feed(f, &b, b.len));
    CHECK_EQ(mrt_stats(f->mrt).broken, 7);
    CHECK_EQ(mrt_stats(f->mrt).routes, 0);
    buf_reset(&b);
    write_updates(&b);
    CHECK(feed(f, &b, b.len - 3));
    CHECK_EQ(mrt_stats(f->mrt).broken, 7);
    buf_free(&b);
    fixture_free(f);
}

TEST(what_is_no_mrt)
{
    struct buf b = {0};
    struct fixture *f = fixture_new();
    buf_str(&b, "this is a text file of some length");
    CHECK(!feed(f, &b, b.len));
    CHECK(!mrt_feed(f->mrt, b.data, 1)); /* no more is taken */
    CHECK(!mrt_end(f->mrt));
    CHECK_STR(f->seen.data, "");
    fixture_free(f);
    f = fixture_new();
    buf_reset(&b);
    write_table(&b);
    b.len -= 1;
    CHECK(feed(f, &b, 7));
    CHECK(!mrt_end(f->mrt)); /* it ends in the middle of a record */
    fixture_free(f);
    buf_free(&b);
}

PROP(broken_files_are_survived, 2000)
{
    struct buf b = {0};
    write_table(&b);
    write_updates(&b);
    for (uint64_t k = 1 + rng_below(rng, 6); k; k--)
        b.data[rng_below(rng, b.len)] = (char)rng_u64(rng);
    struct fixture *f = fixture_new();
    bool ok = feed(f, &b, 1 + rng_below(rng, 200));
    CHECK(mrt_end(f->mrt) <= ok);
    fixture_free(f);
    buf_free(&b);
}

TAP_MAIN
