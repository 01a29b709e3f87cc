/* bmp: a router's whole life in pieces of every size, the habits of real ones, hostile bytes. */
#include "base/mem.h"
#include "bgp_write.h"
#include "net/bmp.h"
#include "tap.h"

enum { TEXT_MAX = 1 << 16 };
struct station {
    struct attr_table *attrs;
    struct bgp_decoder *decoder;
    struct sources *sources;
    struct bmp_session *session;
    struct buf seen; /* a line an event */
    uint32_t events;
};

static void on_event(void *arg, const struct route_event *e)
{
    struct station *st = arg;
    char text[PREFIX_TEXT_MAX], ip[IP_TEXT_MAX], path[64];
    st->events++;
    if (st->seen.len > TEXT_MAX)
        return;
    struct buf *b = &st->seen;
    if (e->peer)
        buf_fmt(b, "%s ", ip_text(&source_peer_get(st->sources, e->peer)->key.address, ip));
    buf_fmt(b, "%s", route_event_names[e->type]);
    switch ((enum route_event_type)e->type) {
    case ROUTE_ANNOUNCE:
        attr_path_text(attr_get(st->attrs, e->attr), path, sizeof path);
        buf_fmt(b, " %s %s [%s] %s", route_view_names[e->view], prefix_text(&e->prefix, text), path,
                route_kind_names[attr_get(st->attrs, e->attr)->kind]);
        if (e->path_id)
            buf_fmt(b, " id %u", e->path_id);
        break;
    case ROUTE_WITHDRAW:
        buf_fmt(b, " %s %s", route_view_names[e->view], prefix_text(&e->prefix, text));
        break;
    case ROUTE_END_OF_RIB: buf_fmt(b, " %s %u", route_view_names[e->view], e->family); break;
    case ROUTE_PEER_UP:
        buf_fmt(b, " local %s:%u hold %u/%u as %u", ip_text(&e->up->local, ip), e->up->local_port,
                e->up->hold_s_sent, e->up->hold_s_received, e->up->as_local);
        break;
    case ROUTE_PEER_DOWN: buf_fmt(b, " %s", route_down_text(e->down)); break;
    case ROUTE_PEER_STATS:
        for (int i = 0; i < ROUTE_STATS; i++)
            if (e->stats->has >> i & 1)
                buf_fmt(b, " %d=%" PRIu64, i, e->stats->value[i]);
        break;
    default: break;
    }
    buf_char(b, '\n');
}

static struct station *station_new(void)
{
    struct station *st = mem_new(1, sizeof *st);
    st->attrs = attr_table_new(3, 100000, ATTR_BYTES_MAX);
    st->decoder = bgp_decoder_new(st->attrs, 5, 1024);
    st->sources = sources_new();
    struct bmp_options o = {st->decoder, st->sources, source_router(st->sources, "r1"), on_event,
                            st};
    st->session = bmp_session_new(&o);
    buf_str(&st->seen, "");
    return st;
}

static void station_free(struct station *st)
{
    bmp_session_free(st->session, 0);
    bgp_decoder_free(st->decoder);
    CHECK_EQ(attr_table_stats(st->attrs).sets, 0);
    attr_table_free(st->attrs);
    sources_free(st->sources);
    buf_free(&st->seen);
    mem_free(st);
}

/* In pieces of `piece` octets, each at the end of its own memory. */
static enum bmp_status feed(struct station *st, const struct buf *b, size_t piece)
{
    enum bmp_status status = BMP_GOING_ON;
    for (size_t at = 0; at < b->len && status == BMP_GOING_ON; at += piece) {
        size_t n = MIN(piece, b->len - at);
        uint8_t *exact = mem_grow(NULL, n, 1);
        memcpy(exact, b->data + at, n);
        status = bmp_feed(st->session, exact, n, 1000);
        mem_free(exact);
    }
    return status;
}

static const uint32_t path_frr[] = {AS_SEGMENT(AS_SEQUENCE, 3), 64602, 16550, 64601};
static const struct attr frr = {
    .path = path_frr, .n_path = 4, .next_hop = {{10, 0, 0, 1}, IPV4}, .has = ATTR_MED};
static const struct wr_peer gcp = {
    .address = {{169, 254, 0, 1}, IPV4}, .as = 16550, .router_id = 0x0a000002};
static const struct wr_style plain = {0};
static const struct wr_route net1 = {{{10, 1}, 16, IPV4}, 0}, net2 = {{{10, 2}, 16, IPV4}, 0};

static struct wr_peer with_flags(struct wr_peer p, uint8_t flags)
{
    p.flags = flags;
    return p;
}

static void wr_peer_down(struct buf *b, const struct wr_peer *p, uint8_t reason, uint8_t code,
                         uint8_t subcode)
{
    size_t at = wr_bmp_begin(b, 2, p);
    put_u8(b, reason);
    if (reason == 1 || reason == 3) {
        size_t message = wr_message_begin(b, 3);
        put_u8(b, code);
        put_u8(b, subcode);
        wr_message_end(b, message);
    } else if (reason == 2) {
        wr16(b, code);
    }
    wr_bmp_end(b, at);
}

/* All messages of a life, with the habits of FRR and GoBGP. */
static void write_life(struct buf *b)
{
    struct wr_peer post = with_flags(gcp, 0x40), out_pre = with_flags(gcp, 0x10);
    struct wr_peer out_post = with_flags(gcp, 0x50), local = {.flags = 0x40};
    struct wr_peer loc_rib = {.type = 3, .router_id = 7}, as2 = with_flags(gcp, 0x20);
    struct wr_peer six = {.address = {{0x20, 1, 0x0d, 0xb8}, IPV6}, .as = 64700, .router_id = 9};
    struct wr_route v6 = {{{0x20, 1, 0x0d, 0xb8, 1}, 48, IPV6}, 0};
    struct wr_style mp = {.mp_family = IPV6}, old = {.as2 = true};
    struct attr a6 = frr;
    a6.next_hop = (struct ip_addr){{0x20, 1, 0x0d, 0xb8, [15] = 1}, IPV6};
    wr_initiation(b, "hub-\x01router");
    wr_peer_up(b, &gcp, 64602, 0, 0);
    wr_monitoring(b, &gcp, &plain, &frr, NULL, 0, &net1, 1);
    wr_monitoring(b, &post, &plain, &frr, NULL, 0, &net1, 1);
    wr_monitoring(b, &out_pre, &plain, &frr, NULL, 0, &net1, 1);
    wr_monitoring(b, &out_post, &plain, &frr, NULL, 0, &net1, 1);
    wr_monitoring(b, &as2, &old, &frr, NULL, 0, &net2, 1);
    wr_monitoring(b, &post, &plain, NULL, NULL, 0, NULL, 0);
    wr_monitoring(b, &local, &plain, &frr, NULL, 0, &net2, 1);
    wr_monitoring(b, &loc_rib, &plain, &frr, NULL, 0, &net2, 1);
    wr_peer_up(b, &six, 64602, 0, 0);
    wr_monitoring(b, &six, &mp, &a6, &v6, 1, &v6, 1);
    size_t at = wr_bmp_begin(b, 1, &gcp); /* statistics */
    wr32(b, 4);
    wr_tlv(b, 4, "\0\0\0\x07", 4);
    wr_tlv(b, 7, "\0\0\0\0\0\0\x03\xe8", 8);
    wr_tlv(b, 9, "\0\x01\x01\0\0\0\0\0\0\0\x05", 11);
    wr_tlv(b, 9, "\0\x02\x01\0\0\0\0\0\0\0\x06", 11);
    wr_tlv(b, 65531, "\0\0\0", 3);
    wr_tlv(b, 8, "\0\0\0", 3); /* not of its length: passed over */
    wr_bmp_end(b, at);
    at = wr_bmp_begin(b, 6, &gcp); /* Route Mirroring */
    wr_tlv(b, 1, "\0\0", 2);
    wr_bmp_end(b, at);
    at = wr_bmp_begin(b, 200, NULL); /* a type of the future */
    wr_bmp_end(b, at);
    for (int i = 0; i < 3; i++)
        wr_peer_down(b, &gcp, 1, 4, 0);
    wr_monitoring(b, &post, &plain, &frr, NULL, 0, &net1, 1); /* after Peer Down */
    wr_peer_down(b, &six, 3, 6, 2);
    wr_peer_up(b, &gcp, 64602, 0, 0);
    wr_peer_down(b, &gcp, 2, 10, 0);
    at = wr_bmp_begin(b, 5, NULL);
    wr_tlv(b, 1, "\0\0", 2);
    wr_bmp_end(b, at);
}

static const char life[] = "feed-up\n"
                           "169.254.0.1 peer-up local 10.0.0.1:179 hold 60/90 as 64602\n"
                           "169.254.0.1 announce in-pre 10.1.0.0/16 [16550 64601] bgp\n"
                           "169.254.0.1 announce in-post 10.1.0.0/16 [16550 64601] bgp\n"
                           "169.254.0.1 announce out-pre 10.1.0.0/16 [64602 16550 64601] bgp\n"
                           "169.254.0.1 announce out-post 10.1.0.0/16 [64602 16550 64601] bgp\n"
                           "169.254.0.1 announce in-pre 10.2.0.0/16 [16550 64601] bgp\n"
                           "169.254.0.1 end-of-rib in-post 4\n"
                           "none announce in-post 10.2.0.0/16 [64602 16550 64601] local\n"
                           "none announce loc-rib 10.2.0.0/16 [64602 16550 64601] bgp\n"
                           "2001:db8:: peer-up local ::10.0.0.1:179 hold 60/90 as 64602\n"
                           "2001:db8:: withdraw in-pre 2001:db8:100::/48\n"
                           "2001:db8:: announce in-pre 2001:db8:100::/48 [64602 16550 64601] bgp\n"
                           "169.254.0.1 peer-stats 4=7 7=1000 9=11\n"
                           "169.254.0.1 peer-down hold timer expired\n"
                           "2001:db8:: peer-down shut down by an operator\n"
                           "169.254.0.1 peer-up local 10.0.0.1:179 hold 60/90 as 64602\n"
                           "169.254.0.1 peer-down hold timer expired\n";

TEST(a_life_in_pieces_of_every_size)
{
    struct buf b = {0};
    write_life(&b);
    for (size_t piece = 1; piece <= b.len; piece += piece < 120 ? 1 : 97) {
        struct station *st = station_new();
        CHECK_EQ(feed(st, &b, piece), BMP_TERMINATED);
        CHECK_STR(st->seen.data, life);
        struct bmp_stats s = bmp_session_stats(st->session);
        CHECK_EQ(s.quirks, BMP_QUIRK_OWN_AS_FIRST | BMP_QUIRK_PEER_DOWN_AGAIN |
                               BMP_QUIRK_NO_PEER_UP | BMP_QUIRK_LOCAL_PEER |
                               BMP_QUIRK_UNKNOWN_STATISTIC);
        CHECK_EQ(s.glitches, 1);
        CHECK_EQ(s.unknown, 1);
        CHECK_EQ(s.peers, 4);
        CHECK_EQ(s.peers_up, 2);
        CHECK_EQ(s.of_type[0], 10);
        CHECK_EQ(bmp_session_kept(st->session), 0);
        CHECK_STR(bmp_session_name(st->session), "hub-?router");
        CHECK_EQ(bmp_feed(st->session, b.data, b.len, 0), BMP_TERMINATED); /* over is over */
        CHECK_STR(st->seen.data, life);
        station_free(st);
        if (tap_fails)
            break;
    }
    buf_free(&b);
}

TEST(a_session_lost_is_told)
{
    struct station *st = station_new();
    struct buf b = {0};
    wr_initiation(&b, "r");
    CHECK_EQ(feed(st, &b, b.len), BMP_GOING_ON);
    bmp_session_free(st->session, 2000);
    st->session = NULL;
    CHECK_STR(st->seen.data, "feed-up\nfeed-lost\n");
    buf_free(&b);
    station_free(st);
}

/* FRR without soft-reconfiguration inbound. */
TEST(a_view_before_policy_that_is_empty)
{
    struct station *st = station_new();
    struct wr_peer post = with_flags(gcp, 0x40);
    struct buf b = {0};
    wr_initiation(&b, "frr");
    wr_peer_up(&b, &gcp, 64602, 0, 0);
    wr_monitoring(&b, &gcp, &plain, NULL, &net1, 1, NULL, 0);
    CHECK_EQ(feed(st, &b, b.len), BMP_GOING_ON);
    CHECK_EQ(bmp_session_stats(st->session).quirks, 0); /* a withdrawal may just be one */
    buf_reset(&b);
    wr_monitoring(&b, &post, &plain, &frr, NULL, 0, &net1, 1);
    CHECK_EQ(feed(st, &b, b.len), BMP_GOING_ON);
    CHECK(bmp_session_stats(st->session).quirks & BMP_QUIRK_PRE_POLICY_EMPTY);
    buf_free(&b);
    station_free(st);
}

/* Huawei says Peer Up for each view and family. Routes told in between stay fresh: nothing begins
 * anew. Another session of the same peer does. */
TEST(peer_up_for_each_view)
{
    struct station *st = station_new();
    struct wr_peer post = with_flags(gcp, 0x40);
    struct buf b = {0};
    wr_initiation(&b, "r");
    wr_peer_up(&b, &gcp, 64602, 0, 0);
    wr_peer_up(&b, &post, 64602, 0, 0);
    CHECK_EQ(feed(st, &b, b.len), BMP_GOING_ON);
    CHECK_EQ(st->events, 2);
    CHECK_EQ(bmp_session_stats(st->session).quirks, BMP_QUIRK_PEER_UP_AGAIN);
    buf_reset(&b);
    wr_peer_up(&b, &gcp, 64602, 3, 3);
    wr_peer_down(&b, &gcp, 4, 0, 0);
    wr_peer_up(&b, &gcp, 64602, 3, 3);
    CHECK_EQ(feed(st, &b, b.len), BMP_GOING_ON);
    CHECK_EQ(st->events, 5);
    CHECK_EQ(bmp_session_stats(st->session).peers_up, 1);
    buf_free(&b);
    station_free(st);
}

/* The router receives path ids from a peer that sends them; it sends none. */
/* FRR 8.4 has forgotten what was said when a session came back, and puts the headers of two
 * messages in the place of the OPENs (bgp_bmp.c: "missing RX OPEN message"). What is known of the
 * session before stays: its own number is taken off paths still. */
static void wr_peer_up_bare(struct buf *b, const struct wr_peer *p, uint8_t type, bool sent)
{
    size_t at = wr_bmp_begin(b, 3, p);
    for (int i = 0; i < 12; i++)
        put_u8(b, 0);
    wr32(b, 0x0a000001);
    wr16(b, 179);
    wr16(b, 40000);
    if (sent)
        wr_open(b, 64602, 60, 0x0a000001, 0);
    else
        wr_message_end(b, wr_message_begin(b, type));
    wr_message_end(b, wr_message_begin(b, type));
    wr_bmp_end(b, at);
}

TEST(peer_up_without_opens)
{
    struct station *st = station_new();
    struct buf b = {0};
    wr_initiation(&b, "frr");
    wr_peer_up(&b, &gcp, 64602, 0, 0);
    wr_peer_down(&b, &gcp, 4, 0, 0);
    wr_peer_up_bare(&b, &gcp, 1, false);
    wr_monitoring(&b, &gcp, &plain, &frr, NULL, 0, &net1, 1);
    wr_peer_down(&b, &gcp, 4, 0, 0);
    wr_peer_up_bare(&b, &gcp, 1, true);
    CHECK_EQ(feed(st, &b, 11), BMP_GOING_ON);
    CHECK_EQ(bmp_session_stats(st->session).glitches, 0);
    CHECK(bmp_session_stats(st->session).quirks & BMP_QUIRK_NO_OPEN);
    CHECK_STR(st->seen.data, "feed-up\n"
                             "169.254.0.1 peer-up local 10.0.0.1:179 hold 60/90 as 64602\n"
                             "169.254.0.1 peer-down connection lost\n"
                             "169.254.0.1 peer-up local 10.0.0.1:179 hold 0/0 as 0\n"
                             "169.254.0.1 announce in-pre 10.1.0.0/16 [16550 64601] bgp\n"
                             "169.254.0.1 peer-down connection lost\n"
                             "169.254.0.1 peer-up local 10.0.0.1:179 hold 60/0 as 64602\n");
    buf_reset(&b);
    wr_peer_up_bare(&b, &gcp, 4, false); /* a KEEPALIVE is no OPEN */
    CHECK_EQ(feed(st, &b, b.len), BMP_BAD_MESSAGE);
    buf_free(&b);
    station_free(st);
}

TEST(path_ids_one_way)
{
    struct station *st = station_new();
    struct wr_peer out = with_flags(gcp, 0x10), loc_rib = {.type = 3, .router_id = 7};
    struct wr_style ids = {.add_path = true};
    struct wr_route r = {{{10, 1}, 16, IPV4}, 77};
    struct buf b = {0};
    wr_initiation(&b, "r");
    wr_peer_up(&b, &gcp, 1, 1, 2);
    wr_monitoring(&b, &gcp, &ids, &frr, NULL, 0, &r, 1);
    wr_monitoring(&b, &out, &plain, &frr, NULL, 0, &r, 1);
    wr_peer_up(&b, &loc_rib, 1, 3, 3);
    wr_monitoring(&b, &loc_rib, &ids, &frr, NULL, 0, &r, 1);
    CHECK_EQ(feed(st, &b, b.len), BMP_GOING_ON);
    CHECK_STR(st->seen.data,
              "feed-up\n"
              "169.254.0.1 peer-up local 10.0.0.1:179 hold 60/90 as 1\n"
              "169.254.0.1 announce in-pre 10.1.0.0/16 [64602 16550 64601] bgp id 77\n"
              "169.254.0.1 announce out-pre 10.1.0.0/16 [64602 16550 64601] bgp\n"
              "none peer-up local none:179 hold 60/90 as 1\n"
              "none announce loc-rib 10.1.0.0/16 [64602 16550 64601] bgp id 77\n");
    buf_free(&b);
    station_free(st);
}

/* Another session of the same peer, with path ids now: what was known of the first is forgotten. */
TEST(path_ids_from_the_next_session_on)
{
    struct station *st = station_new();
    struct wr_style ids = {.add_path = true};
    struct wr_route r = {{{10, 1}, 16, IPV4}, 77};
    struct buf b = {0};
    wr_initiation(&b, "r");
    wr_peer_up(&b, &gcp, 1, 0, 0);
    wr_monitoring(&b, &gcp, &plain, &frr, NULL, 0, &r, 1);
    wr_peer_up(&b, &gcp, 1, 1, 2);
    wr_monitoring(&b, &gcp, &ids, &frr, NULL, 0, &r, 1);
    CHECK_EQ(feed(st, &b, b.len), BMP_GOING_ON);
    CHECK(strstr(st->seen.data, "10.1.0.0/16 [64602 16550 64601] bgp id 77\n") != NULL);
    CHECK_EQ(st->events, 5);
    buf_free(&b);
    station_free(st);
}

static enum bmp_status status_of(const struct buf *b)
{
    struct station *st = station_new();
    enum bmp_status whole = feed(st, b, b->len);
    station_free(st);
    st = station_new();
    CHECK_EQ(feed(st, b, 1), whole);
    CHECK(bmp_session_kept(st->session) <= BMP_MESSAGE_MAX);
    station_free(st);
    return whole;
}

TEST(what_ends_a_session)
{
    struct buf b = {0};
    buf_str(&b, "GET / HTTP/1.1\r\n\r\n");
    CHECK_EQ(status_of(&b), BMP_BAD_VERSION);
    buf_reset(&b);
    wr_peer_up(&b, &gcp, 64602, 0, 0);
    CHECK_EQ(status_of(&b), BMP_NO_INITIATION);
    static const uint8_t lengths[][5] = {
        {3, 0, 0, 0, 5}, {3, 0, 0x10, 0, 1}, {3, 255, 255, 255, 255}};
    for (size_t i = 0; i < COUNTOF(lengths); i++) {
        buf_reset(&b);
        wr_initiation(&b, "r");
        buf_add(&b, lengths[i], 5);
        put_u8(&b, 0);
        CHECK_EQ(status_of(&b), BMP_BAD_LENGTH);
    }
    for (uint8_t type = 0; type < 4; type++) { /* cut off in or right after the peer's header */
        for (size_t cut = 0; cut <= 1; cut++) {
            buf_reset(&b);
            wr_initiation(&b, "r");
            size_t at = wr_bmp_begin(&b, type, &gcp);
            b.len -= cut;
            wr_bmp_end(&b, at);
            CHECK_EQ(status_of(&b), cut ? BMP_BAD_LENGTH : BMP_BAD_MESSAGE);
        }
    }
    buf_reset(&b); /* an UPDATE beyond understanding */
    wr_initiation(&b, "r");
    size_t at = wr_bmp_begin(&b, 0, &gcp);
    size_t update = wr_message_begin(&b, 2);
    wr16(&b, 9);
    wr16(&b, 0);
    wr_message_end(&b, update);
    wr_bmp_end(&b, at);
    CHECK_EQ(status_of(&b), BMP_BAD_MESSAGE);
    buf_free(&b);
}

TEST(there_is_an_end_to_patience)
{
    struct buf b = {0};
    wr_initiation(&b, "r");
    wr_peer_up(&b, &gcp, 64602, 0, 0);
    wr_peer_down(&b, &gcp, 4, 0, 0);
    for (int i = 0; i <= BMP_GLITCHES_MAX; i++)
        wr_monitoring(&b, &gcp, &plain, &frr, NULL, 0, &net1, 1);
    CHECK_EQ(status_of(&b), BMP_TOO_ODD);
    buf_reset(&b);
    wr_initiation(&b, "r");
    struct wr_peer p = gcp;
    for (p.distinguisher = 0; p.distinguisher <= BMP_PEERS_MAX; p.distinguisher++)
        wr_peer_down(&b, &p, 4, 0, 0);
    CHECK_EQ(status_of(&b), BMP_NO_ROOM);
    buf_free(&b);
}

/* Octets changed, cut out or put in at random: a status, bounded memory, and no attribute held
 * after the end (station_free looks). */
PROP(broken_streams_are_survived, 2000)
{
    struct buf b = {0};
    write_life(&b);
    for (uint64_t k = 1 + rng_below(rng, 8); k; k--) {
        size_t at = rng_below(rng, b.len), n = rng_below(rng, 1 + MIN(b.len - at, 40));
        if (rng_chance(rng, 0.6)) {
            b.data[at] = (char)rng_u64(rng);
        } else {
            memmove(b.data + at, b.data + at + n, b.len - at - n);
            b.len -= n;
        }
    }
    struct station *st = station_new();
    feed(st, &b, 1 + rng_below(rng, 300));
    CHECK(bmp_session_kept(st->session) <= BMP_MESSAGE_MAX);
    station_free(st);
    buf_free(&b);
}

TAP_MAIN
