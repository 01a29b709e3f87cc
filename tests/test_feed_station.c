/* feed_station: routers over TCP, of BMP and of FPM, beside hostile clients. One thread: clients
 * are plain sockets, and after each of their steps the station's loop is run until nothing more
 * happens. */
#include "base/log.h"
#include "base/mem.h"
#include "bgp_write.h"
#include "driver/routes/feed_station.h"
#include "net/rib.h"
#include "tap.h"

#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

struct fixture {
    uv_loop_t loop;
    struct attr_table *attrs;
    struct bgp_decoder *decoder;
    struct sources *sources;
    struct rib *rib;
    struct feed_station *station;
    int port, closed;
    int64_t now_ms;
    struct buf seen; /* routers and the fate of their feeds */
};

static int64_t now_ms(void *f)
{
    return ((struct fixture *)f)->now_ms;
}

static void on_event(void *arg, const struct route_event *e)
{
    struct fixture *f = arg;
    if (e->type == ROUTE_FEED_UP || e->type == ROUTE_FEED_LOST)
        buf_fmt(&f->seen, "%s %s\n", source_router_name(f->sources, e->router),
                route_event_names[e->type]);
    rib_apply(f->rib, e);
}

static void on_closed(void *arg)
{
    ++*(int *)arg;
}

static struct fixture *fixture_of(const struct feed_protocol *protocol,
                                  const struct feed_station_config *config)
{
    struct fixture *f = mem_new(1, sizeof *f);
    struct rib_limits limits = RIB_LIMITS_DEFAULTS;
    char error[200] = "";
    BUG_ON(uv_loop_init(&f->loop) != 0);
    f->now_ms = 1000;
    f->attrs = attr_table_new(1, ATTR_SETS_MAX, ATTR_BYTES_MAX);
    f->decoder = bgp_decoder_new(f->attrs, 1, 1024);
    f->sources = sources_new();
    f->rib = rib_new(f->attrs, f->sources, &limits, NULL, NULL);
    struct feed_station_ports ports = {protocol, &f->loop, f->attrs, f->decoder, f->sources,
                                       now_ms,   f,        on_event, f};
    f->station = feed_station_new(&ports, config);
    f->port = feed_station_listen(f->station, "127.0.0.1", 0, error, sizeof error);
    CHECK_STR(error, "");
    buf_str(&f->seen, "");
    return f;
}

static struct fixture *fixture_new(const struct feed_station_config *config)
{
    return fixture_of(&feed_bmp, config);
}

static void fixture_free(struct fixture *f)
{
    feed_station_close(f->station, on_closed, &f->closed);
    while (uv_run(&f->loop, UV_RUN_DEFAULT))
        continue;
    CHECK_EQ(f->closed, 1);
    CHECK_EQ(uv_loop_close(&f->loop), 0);
    rib_free(f->rib);
    bgp_decoder_free(f->decoder);
    CHECK_EQ(attr_table_stats(f->attrs).sets, 0);
    attr_table_free(f->attrs);
    sources_free(f->sources);
    buf_free(&f->seen);
    mem_free(f);
}

/* Until a few turns in a row had nothing to do: what loopback carries is there at once. */
static void settle(struct fixture *f)
{
    struct feed_station_stats before, after = feed_station_stats(f->station);
    int idle = 0;
    while (idle < 3) {
        before = after;
        uv_run(&f->loop, UV_RUN_NOWAIT);
        after = feed_station_stats(f->station);
        idle = memcmp(&before, &after, sizeof after) == 0 ? idle + 1 : 0;
    }
}

/* A client from 127.0.0.host. */
static int client(struct fixture *f, int host)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    struct sockaddr_in from = {.sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(0x7f000000 + (uint32_t)host)};
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)f->port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct linger reset = {1,
                           0}; /* no connections in TIME_WAIT, of which there would be thousands */
    BUG_ON(fd < 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    BUG_ON(bind(fd, (struct sockaddr *)&from, sizeof from) != 0);
    BUG_ON(connect(fd, (struct sockaddr *)&to, sizeof to) != 0);
    settle(f);
    return fd;
}

static void client_send(struct fixture *f, int fd, const struct buf *b)
{
    for (size_t at = 0; at < b->len;) {
        ssize_t n = send(fd, b->data + at, b->len - at, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n > 0)
            at += (size_t)n;
        else if (errno != EAGAIN)
            break; /* the station has closed */
        settle(f);
    }
}

/* Has the station closed this connection? */
static bool is_over(int fd)
{
    char c;
    ssize_t n = recv(fd, &c, 1, MSG_DONTWAIT);
    return n == 0 || (n < 0 && errno != EAGAIN);
}

static const struct wr_peer peer = {
    .address = {{169, 254, 0, 1}, IPV4}, .as = 16550, .router_id = 7};
static const uint32_t path[] = {AS_SEGMENT(AS_SEQUENCE, 2), 16550, 64601};
static const struct attr attr = {.path = path, .n_path = 3, .next_hop = {{10, 0, 0, 1}, IPV4}};
static const struct wr_style plain = {0};

static void wr_route_of(struct buf *b, uint32_t n)
{
    struct wr_route r = {{{10, (uint8_t)(n >> 8), (uint8_t)n}, 24, IPV4}, 0};
    wr_monitoring(b, &peer, &plain, &attr, NULL, 0, &r, 1);
}

/* A router that has introduced itself and told 100 routes. */
static int good_router(struct fixture *f, int host)
{
    struct buf b = {0};
    int fd = client(f, host);
    wr_initiation(&b, "good");
    wr_peer_up(&b, &peer, 64602, 0, 0);
    for (uint32_t i = 0; i < 100; i++)
        wr_route_of(&b, i);
    client_send(f, fd, &b);
    buf_free(&b);
    return fd;
}

static void tell_more(struct fixture *f, int fd, uint32_t from, uint32_t n)
{
    struct buf b = {0};
    for (uint32_t i = from; i < from + n; i++)
        wr_route_of(&b, i);
    client_send(f, fd, &b);
    buf_free(&b);
}

static void take_router(void *arg, const struct feed_station_router *r)
{
    *(struct feed_station_router *)arg = *r;
}

TEST(a_router_over_tcp)
{
    struct feed_station_config config = FEED_STATION_DEFAULTS;
    config.routers = &(struct feed_router){{{127, 0, 0, 1}, IPV4}, "hub"};
    config.n_routers = 1;
    struct fixture *f = fixture_new(&config);
    int fd = good_router(f, 1);
    struct feed_station_router r = {0};
    feed_station_each(f->station, take_router, &r);
    CHECK_STR(r.name, "hub");
    CHECK_STR(r.figures.name, "good");
    CHECK_EQ(r.since_ms, 1000);
    CHECK_EQ(r.figures.messages, 102);
    CHECK_EQ(rib_stats(f->rib).routes, 100);
    CHECK_EQ(rib_stats(f->rib).stale, 0);
    close(fd);
    settle(f);
    CHECK_STR(f->seen.data, "hub feed-up\nhub feed-lost\n");
    CHECK_EQ(rib_stats(f->rib).stale, 100); /* kept, and known to be old */
    CHECK_EQ(feed_station_stats(f->station).messages, 102);
    CHECK_EQ(feed_station_stats(f->station).conns, 0);
    fixture_free(f);
}

TEST(the_newest_introduction_is_the_router)
{
    struct feed_station_config config = FEED_STATION_DEFAULTS;
    struct fixture *f = fixture_new(&config);
    int first = good_router(f, 1), silent = client(f, 1);
    CHECK(!is_over(first)); /* to connect is not enough */
    int second = good_router(f, 1);
    CHECK(is_over(first) && !is_over(second));
    CHECK_STR(f->seen.data, "127.0.0.1 feed-up\n127.0.0.1 feed-lost\n127.0.0.1 feed-up\n");
    CHECK_EQ(rib_stats(f->rib).stale, 0); /* told again */
    CHECK_EQ(feed_station_stats(f->station).ended[FEED_END_REPLACED], 1);
    close(first), close(second), close(silent);
    fixture_free(f);
}

/* What a hostile client sends; the good router notices nothing of it. */
static void write_hostile(struct buf *b, uint64_t kind)
{
    static const uint8_t huge[] = {3, 0x7f, 0xff, 0xff, 0xff, 0}, none[] = {3, 0, 0, 0, 0, 4};
    buf_reset(b);
    if (kind >= 2)
        wr_initiation(b, "evil");
    switch (kind) {
    case 0: buf_str(b, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); break;
    case 1: buf_add(b, none, sizeof none); break;
    case 2: buf_add(b, huge, sizeof huge); break;
    case 3: wr_route_of(b, 7), b->len -= 5; break; /* cut off; then it closes */
    case 4:                                        /* an UPDATE that lies about its lengths */
        wr_route_of(b, 7);
        b->data[b->len - 30] = (char)0xff;
        b->data[b->len - 40] = (char)0xff;
        break;
    default:
        for (uint32_t i = 0; i < 2000; i++)
            put_u8(b, (uint8_t)(mix64(kind + i)));
    }
}

TEST(hostile_clients_beside_a_good_router)
{
    struct feed_station_config config = FEED_STATION_DEFAULTS;
    config.connects_burst = 1000;
    config.unlisted_max = 1000;
    struct fixture *f = fixture_new(&config);
    int good = good_router(f, 1);
    struct buf b = {0};
    for (uint32_t i = 0; i < 600; i++) {
        int fd = client(f, 2 + (int)(i % 100));
        write_hostile(&b, i % 7);
        client_send(f, fd, &b);
        close(fd);
        settle(f);
        if (i % 6 == 0)
            tell_more(f, good, 100 + i / 6, 1);
    }
    CHECK(!is_over(good));
    struct feed_station_stats s = feed_station_stats(f->station);
    CHECK_EQ(s.conns, 1);
    CHECK(s.ended[BMP_BAD_VERSION] >= 80 && s.ended[BMP_BAD_LENGTH] >= 80);
    struct peer_key key = {.address = peer.address};
    uint32_t router = source_router(f->sources, "127.0.0.1");
    uint32_t number = source_peer(f->sources, router, &key);
    CHECK_EQ(rib_peer_routes(f->rib, number, VIEW_IN_PRE), 200);
    CHECK(rib_feed(f->rib, router).up);
    buf_free(&b);
    close(good);
    fixture_free(f);
}

/* Ten thousand attempts, in crowds that stay connected, from a hundred addresses. */
TEST(ten_thousand_connections)
{
    enum { CROWD = 200, CROWDS = 50 };
    struct feed_station_config config = FEED_STATION_DEFAULTS;
    config.connects_burst = 1000;
    config.unlisted_max = 1000;
    config.conns_max = 64;
    struct fixture *f = fixture_new(&config);
    int good = good_router(f, 1), fd[CROWD];
    for (int c = 0; c < CROWDS; c++) {
        for (int i = 0; i < CROWD; i++)
            fd[i] = client(f, 2 + i % 100);
        for (int i = 0; i < CROWD; i++)
            close(fd[i]);
        settle(f);
    }
    struct feed_station_stats s = feed_station_stats(f->station);
    CHECK_EQ(s.accepted + s.turned_away_full + s.turned_away_often, CROWD * CROWDS + 1);
    CHECK_EQ(s.conns_most, 64);
    CHECK_EQ(s.conns, 1);
    CHECK(s.ended[FEED_END_NO_INTRODUCTION] > 1000); /* they make room for each other */
    CHECK(!is_over(good));
    tell_more(f, good, 100, 100);
    CHECK_EQ(rib_stats(f->rib).routes, 200);
    CHECK_STR(f->seen.data, "127.0.0.1 feed-up\n");
    close(good);
    fixture_free(f);
}

TEST(no_more_of_one_address_than_allowed)
{
    struct feed_station_config config = FEED_STATION_DEFAULTS;
    struct fixture *f = fixture_new(&config);
    int fd[6];
    for (int i = 0; i < 6; i++)
        fd[i] = client(f, 9);
    CHECK_EQ(feed_station_stats(f->station).conns, 4);
    CHECK(!is_over(fd[3]) && is_over(fd[4]));
    for (int i = 0; i < 6; i++)
        close(fd[i]);
    fixture_free(f);
}

TEST(a_tight_loop_of_reconnecting)
{
    struct feed_station_config config = FEED_STATION_DEFAULTS;
    config.connect_interval_ms = 1000000000;
    struct fixture *f = fixture_new(&config);
    for (int i = 0; i < 300; i++)
        close(good_router(f, 3));
    settle(f);
    struct feed_station_stats s = feed_station_stats(f->station);
    CHECK_EQ(s.accepted, config.connects_burst);
    CHECK_EQ(s.turned_away_often, 300 - config.connects_burst);
    int other = good_router(f, 1); /* others are not concerned */
    CHECK(!is_over(other));
    close(other);
    fixture_free(f);
}

/* Turned away, and let in again when a token has come back, however long the machine takes. */
TEST(tokens_come_back)
{
    struct feed_station_config config = FEED_STATION_DEFAULTS;
    config.connects_burst = 1;
    config.connect_interval_ms = 50;
    struct fixture *f = fixture_new(&config);
    int n = 0;
    while (feed_station_stats(f->station).turned_away_often == 0 && n++ < 10000)
        close(client(f, 3));
    CHECK(n < 10000);
    uint64_t accepted = feed_station_stats(f->station).accepted;
    usleep(60000);
    uv_update_time(&f->loop);
    close(client(f, 3));
    settle(f);
    CHECK_EQ(feed_station_stats(f->station).accepted, accepted + 1);
    fixture_free(f);
}

TEST(who_takes_too_long)
{
    struct feed_station_config config = FEED_STATION_DEFAULTS;
    config.introduce_timeout_ms = config.message_timeout_ms = 40;
    struct fixture *f = fixture_new(&config);
    int good = good_router(f, 1), silent = client(f, 2), slow = good_router(f, 3);
    struct buf b = {0};
    wr_route_of(&b, 7);
    b.len -= 5;
    client_send(f, slow, &b);
    while (feed_station_stats(f->station).conns > 1) /* the test's time limit ends it if never */
        uv_run(&f->loop, UV_RUN_ONCE);
    CHECK(is_over(silent) && is_over(slow) && !is_over(good));
    struct feed_station_stats s = feed_station_stats(f->station);
    CHECK_EQ(s.ended[FEED_END_NO_INTRODUCTION], 1);
    CHECK_EQ(s.ended[FEED_END_UNFINISHED], 1);
    CHECK_EQ(s.kept, 0);
    buf_free(&b);
    close(good), close(silent), close(slow);
    fixture_free(f);
}

/* A byte now and then does not count: the time is that of the whole message. */
TEST(a_message_that_trickles)
{
    struct feed_station_config config = FEED_STATION_DEFAULTS;
    config.message_timeout_ms = 40;
    struct fixture *f = fixture_new(&config);
    int slow = good_router(f, 1);
    struct buf b = {0};
    static const uint8_t head[] = {3, 0, 0x0f, 0xff, 0xff, 0};
    buf_add(&b, head, sizeof head);
    client_send(f, slow, &b);
    b.len = 1;
    for (int i = 0; i < 20000 && !is_over(slow); i++) { /* far from the end of the message */
        usleep(1000);
        client_send(f, slow, &b);
    }
    CHECK(is_over(slow));
    CHECK_EQ(feed_station_stats(f->station).ended[FEED_END_UNFINISHED], 1);
    buf_free(&b);
    close(slow);
    fixture_free(f);
}

/* Clients that begin a large message each and never end it. */
TEST(unfinished_messages_have_a_limit)
{
    struct feed_station_config config = FEED_STATION_DEFAULTS;
    config.kept_max = 1 << 20;
    struct fixture *f = fixture_new(&config);
    int good = good_router(f, 1), fd[4];
    struct buf b = {0};
    wr_initiation(&b, "big");
    static const uint8_t head[] = {3, 0, 0x0f, 0xff, 0xff, 0};
    buf_add(&b, head, sizeof head);
    for (int i = 0; i < 400000; i++)
        put_u8(&b, 0);
    for (int i = 0; i < 4; i++) {
        fd[i] = client(f, 2 + i);
        client_send(f, fd[i], &b);
        CHECK(feed_station_stats(f->station).kept <= config.kept_max);
    }
    CHECK(!is_over(fd[0]) && !is_over(fd[1]) && is_over(fd[2]) && is_over(fd[3]) && !is_over(good));
    CHECK_EQ(feed_station_stats(f->station).ended[FEED_END_MEMORY], 2);
    for (int i = 0; i < 4; i++)
        close(fd[i]);
    close(good);
    buf_free(&b);
    fixture_free(f);
}

/* A router whose every route has attributes of its own, without end. */
TEST(attributes_have_a_share)
{
    struct feed_station_config config = FEED_STATION_DEFAULTS;
    config.attr_bytes_router_max = 4 << 20;
    struct fixture *f = fixture_new(&config);
    int good = good_router(f, 1), evil = good_router(f, 2);
    struct buf b = {0};
    for (uint32_t i = 0; i < 100000 && !is_over(evil); i += 100) {
        buf_reset(&b);
        for (uint32_t k = i; k < i + 100; k++) {
            uint32_t own[] = {AS_SEGMENT(AS_SEQUENCE, 2), 16550, k};
            struct attr a = attr;
            struct wr_route r = {
                {{11, (uint8_t)(k >> 16), (uint8_t)(k >> 8), (uint8_t)k}, 32, IPV4}, 0};
            a.path = own;
            wr_monitoring(&b, &peer, &plain, &a, NULL, 0, &r, 1);
        }
        client_send(f, evil, &b);
    }
    CHECK(is_over(evil) && !is_over(good));
    CHECK_EQ(feed_station_stats(f->station).ended[FEED_END_MEMORY], 1);
    CHECK(attr_table_stats(f->attrs).bytes < 8 << 20);
    tell_more(f, good, 100, 10);
    CHECK(!is_over(good));
    close(good), close(evil);
    buf_free(&b);
    fixture_free(f);
}

/* Strangers use up the numbers that strangers may have; who is listed still gets in. */
TEST(strangers_have_some_numbers_among_them)
{
    struct feed_station_config config = FEED_STATION_DEFAULTS;
    config.routers = &(struct feed_router){{{127, 0, 0, 200}, IPV4}, "ours"};
    config.n_routers = 1;
    struct fixture *f = fixture_new(&config);
    for (int host = 2; host < 100; host++)
        close(client(f, host));
    settle(f);
    CHECK_EQ(source_routers(f->sources), config.unlisted_max);
    CHECK_EQ(feed_station_stats(f->station).turned_away_full, 98 - config.unlisted_max);
    int again = good_router(f, 2), ours = good_router(f, 200);
    CHECK(!is_over(again) && !is_over(ours));
    CHECK_STR(f->seen.data, "127.0.0.2 feed-up\nours feed-up\n");
    close(again), close(ours);
    fixture_free(f);
}

TEST(only_routers_of_the_configuration)
{
    struct feed_station_config config = FEED_STATION_DEFAULTS;
    config.routers = &(struct feed_router){{{127, 0, 0, 4}, IPV4}, "r4"};
    config.n_routers = 1;
    config.only_routers = true;
    struct fixture *f = fixture_new(&config);
    int stranger = good_router(f, 5), ours = good_router(f, 4);
    CHECK(is_over(stranger) && !is_over(ours));
    CHECK_STR(f->seen.data, "r4 feed-up\n");
    CHECK_EQ(feed_station_stats(f->station).turned_away_unknown, 1);
    close(stranger), close(ours);
    fixture_free(f);
}

TEST(closing_tells_what_is_lost)
{
    struct feed_station_config config = FEED_STATION_DEFAULTS;
    struct fixture *f = fixture_new(&config);
    char error[200];
    int fd = good_router(f, 1);
    CHECK_EQ(feed_station_listen(f->station, "127.0.0.1", f->port, error, sizeof error), -1);
    CHECK(strstr(error, "address already in use") != NULL);
    CHECK_EQ(feed_station_listen(f->station, "nowhere", 1, error, sizeof error), -1);
    feed_station_close(f->station, on_closed, &f->closed);
    CHECK_STR(f->seen.data, "127.0.0.1 feed-up\n127.0.0.1 feed-lost\n");
    while (uv_run(&f->loop, UV_RUN_DEFAULT))
        continue;
    CHECK_EQ(f->closed, 1);
    CHECK(is_over(fd));
    close(fd);
    struct feed_station_ports ports = {&feed_bmp, &f->loop, f->attrs, f->decoder, f->sources,
                                       now_ms,    f,        on_event, f};
    f->station = feed_station_new(&ports, &config); /* for fixture_free */
    f->closed = 0;
    fixture_free(f);
}

/* ---- FPM: the same station, another tongue ---- */

/* A frame with a route of the kernel's to 10.0.n.0/24 (net/fpm.h). */
static void wr_fpm(struct buf *b, uint8_t n)
{
    const uint8_t frame[40] = {1, 1,  0, 40, 36,  0, 0, 0, 24, 0, 0, 0, 0, 0, 0, 0, 0,  0, 0, 0,
                               2, 24, 0, 0,  254, 2, 0, 1, 0,  0, 0, 0, 8, 0, 1, 0, 10, 0, n, 0};
    buf_add(b, frame, sizeof frame);
}

TEST(forwarding_tables_over_tcp)
{
    struct feed_station_config config = FEED_STATION_DEFAULTS;
    config.routers = &(struct feed_router){{{127, 0, 0, 1}, IPV4}, "use1/fib"};
    config.n_routers = 1;
    struct fixture *f = fixture_of(&feed_fpm, &config);
    int fd = client(f, 1), other = client(f, 2);
    struct buf b = {0};
    for (uint8_t i = 0; i < 100; i++)
        wr_fpm(&b, i);
    client_send(f, fd, &b);
    CHECK_EQ(rib_stats(f->rib).routes, 100);
    CHECK_EQ(feed_station_stats(f->station).messages, 100);
    buf_reset(&b);
    buf_str(&b, "GET / HTTP/1.1\r\n\r\n");
    client_send(f, other, &b);
    CHECK(is_over(other));
    CHECK_EQ(feed_station_stats(f->station).ended[FPM_BAD_VERSION], 1);
    int again = client(f, 1); /* the router again: it has introduced itself with its first frame */
    buf_reset(&b);
    wr_fpm(&b, 200);
    client_send(f, again, &b);
    CHECK(is_over(fd) && !is_over(again));
    CHECK_STR(f->seen.data, "use1/fib feed-up\nuse1/fib feed-lost\nuse1/fib feed-up\n");
    CHECK_EQ(rib_stats(f->rib).stale, 100);
    buf_free(&b);
    close(fd), close(other), close(again);
    fixture_free(f);
}

/* When nothing more comes the table has been told, and what is in it no more goes. */
TEST(the_end_of_a_forwarding_table)
{
    struct feed_station_config config = FEED_STATION_DEFAULTS;
    struct fixture *f = fixture_of(&feed_fpm, &config);
    struct buf b = {0};
    wr_fpm(&b, 1);
    int fd = client(f, 1);
    client_send(f, fd, &b);
    f->now_ms += FPM_QUIET_MS;
    while (!rib_synced(f->rib, 1, VIEW_LOC_RIB, IPV4)) /* the test's time limit ends it if never */
        uv_run(&f->loop, UV_RUN_ONCE);
    CHECK_EQ(rib_stats(f->rib).routes, 1);
    buf_free(&b);
    close(fd);
    fixture_free(f);
}

/* A route by the number of a next hop, and no word of that: the session ends when all is told, by
 * the clock alone. */
TEST(a_forwarding_table_with_holes)
{
    struct feed_station_config config = FEED_STATION_DEFAULTS;
    struct fixture *f = fixture_of(&feed_fpm, &config);
    struct buf b = {0};
    wr_fpm(&b, 1);
    b.data[3] = 48; /* with RTA_NH_ID 7 behind it */
    b.data[4] = 44;
    buf_add(&b, "\x08\0\x1e\0\7\0\0\0", 8);
    int fd = client(f, 1);
    client_send(f, fd, &b);
    CHECK_EQ(feed_station_stats(f->station).conns, 1);
    f->now_ms += FPM_QUIET_MS;
    while (feed_station_stats(f->station).conns) /* the test's time limit ends it if never */
        uv_run(&f->loop, UV_RUN_ONCE);
    CHECK_EQ(feed_station_stats(f->station).ended[FPM_UNKNOWN_NUMBERS], 1);
    CHECK_EQ(rib_stats(f->rib).routes, 0);
    CHECK(is_over(fd));
    buf_free(&b);
    close(fd);
    fixture_free(f);
}

TAP_MAIN
