/* probe: the prober and the reflector against each other and against listeners and servers of this
 * test, over the loopback. Time is waited for, never asserted. */
#include "driver/probe/probe.h"
#include "driver/probe/reflector.h"
#include "driver/probe/trace.h"
#include "http/http.h"
#include "tap.h"

#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

enum { PATIENCE_MS = 20000, PATHS = 32 };

struct world {
    uv_loop_t loop;
    uv_timer_t patience;
    struct prober *prober;
    struct reflector *reflector;
    uint32_t seen[PATHS][PROBE_LOOP_ENDED + 1];
    struct probe_result last[PATHS][PROBE_LOOP_ENDED + 1];
    bool tired;
    char why[160];
};

static void found(void *arg, const struct probe_result *r)
{
    struct world *w = arg;
    w->seen[r->path][r->what]++;
    w->last[r->path][r->what] = *r;
}

static void on_patience(uv_timer_t *t)
{
    struct world *w = t->data;
    w->tired = true;
}

static struct world *world_new(const struct prober_config *c, const struct reflector_config *rc)
{
    struct world *w = mem_new(1, sizeof *w);
    signal(SIGPIPE, SIG_IGN);
    uv_loop_init(&w->loop);
    uv_timer_init(&w->loop, &w->patience);
    w->patience.data = w;
    uv_timer_start(&w->patience, on_patience, PATIENCE_MS, 0);
    w->prober = prober_new(&w->loop, c, found, w);
    if (rc) {
        w->reflector = reflector_new(&w->loop, rc, w->why, sizeof w->why);
        if (!w->reflector)
            TAP_FAIL("%s", w->why);
    }
    return w;
}

static void world_free(struct world *w)
{
    prober_close(w->prober, NULL, NULL);
    if (w->reflector)
        reflector_close(w->reflector, NULL, NULL);
    uv_close((uv_handle_t *)&w->patience, NULL);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    CHECK_EQ(uv_loop_close(&w->loop), 0);
    mem_free(w);
}

/* Until the path has told so much of it, or patience ends, which is a failure. */
static bool until(struct world *w, int path, enum probe_what what, uint32_t times)
{
    while (!w->tired && w->seen[path][what] < times)
        uv_run(&w->loop, UV_RUN_ONCE);
    if (w->tired)
        TAP_FAIL("path %d never told \"%s\"", path, probe_what_names[what]);
    return !w->tired;
}

static void until_sent(struct world *w, int path, uint64_t sent)
{
    while (!w->tired && path_totals(prober_path(w->prober, path)).sent < sent)
        uv_run(&w->loop, UV_RUN_ONCE);
}

static struct ip_addr ip(const char *text)
{
    struct ip_addr a;
    BUG_ON(!ip_parse(text, &a));
    return a;
}

static struct probe_target target(enum probe_kind kind, const char *address, uint16_t port)
{
    return (struct probe_target){
        .path = {.kind = (uint8_t)kind, .span_ms = 400, .timeout_min_ms = 500},
        .address = ip(address),
        .port = port,
        .pace_ms = 10};
}

static int add(struct world *w, struct probe_target t)
{
    int path = prober_add(w->prober, &t, w->why, sizeof w->why);
    if (path < 0)
        TAP_FAIL("%s", w->why);
    return path;
}

/* ---- STAMP ---- */

static void stamp_both_ways(const char *address, const struct stamp_key *key)
{
    struct world *w = world_new(&(struct prober_config){.key = key},
                                &(struct reflector_config){.address = ip(address), .key = key});
    if (!w->reflector) {
        world_free(w);
        return;
    }
    int path = add(w, target(PROBE_STAMP, address, reflector_port(w->reflector)));
    if (until(w, path, PROBE_SPAN, 2)) {
        const struct probe_result *r = &w->last[path][PROBE_SPAN];
        CHECK_EQ(w->seen[path][PROBE_UP], 1);
        CHECK_EQ(w->seen[path][PROBE_DOWN], 0);
        CHECK(r->sent > 0 && r->two_way_us >= 0 && r->there_us >= 0 && r->back_us >= 0);
        CHECK(r->two_way_us <= r->two_way_p99_us && r->two_way_p99_us <= r->two_way_max_us);
        CHECK_EQ(r->hops_there, 0);
        CHECK_EQ(r->hops_back, 0);
        struct path_totals t = path_totals(prober_path(w->prober, path));
        CHECK_EQ(t.lost_there, 0);
        CHECK_EQ(t.lost_back, 0);
        CHECK_EQ(reflector_stats(w->reflector).sessions, 1);
        CHECK(reflector_stats(w->reflector).answered >= t.answered);
    }
    world_free(w);
}

static bool has_ipv6(void)
{
    struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    int fd = socket(AF_INET6, SOCK_DGRAM, 0);
    bool ok = fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof a) == 0;
    if (fd >= 0)
        close(fd);
    return ok;
}

static const struct stamp_key secret = {"a secret of both", 16}, wrong = {"another one", 11};

TEST(stamp_over_ipv4)
{
    stamp_both_ways("127.0.0.1", NULL);
}
TEST(stamp_over_ipv4_authenticated)
{
    stamp_both_ways("127.0.0.1", &secret);
}
TEST(stamp_over_ipv6)
{
    if (!has_ipv6())
        SKIP("this machine has no IPv6");
    stamp_both_ways("::1", NULL);
    stamp_both_ways("::1", &secret);
}

TEST(a_reflector_on_all_addresses_answers_from_the_one_asked)
{
    struct world *w = world_new(&(struct prober_config){0}, &(struct reflector_config){0});
    int path = add(w, target(PROBE_STAMP, "127.0.0.9", reflector_port(w->reflector)));
    until(w, path, PROBE_UP, 1); /* the sender's socket is connected: another source is not heard */
    world_free(w);
}

TEST(another_key_is_no_answer)
{
    struct world *w =
        world_new(&(struct prober_config){.key = &wrong},
                  &(struct reflector_config){.address = ip("127.0.0.1"), .key = &secret});
    int path = add(w, target(PROBE_STAMP, "127.0.0.1", reflector_port(w->reflector)));
    until(w, path, PROBE_DOWN, 1);
    CHECK(reflector_stats(w->reflector).forged >= 3);
    CHECK_EQ(reflector_stats(w->reflector).answered, 0);
    world_free(w);
}

TEST(nobody_there_is_down_and_somebody_again_is_up)
{
    struct reflector_config rc = {.address = ip("127.0.0.1")};
    struct world *w = world_new(&(struct prober_config){0}, &rc);
    rc.port = reflector_port(w->reflector);
    struct probe_target t = target(PROBE_STAMP, "127.0.0.1", rc.port);
    t.path.timeout_min_ms = 50;
    int path = add(w, t);
    until(w, path, PROBE_UP, 1);
    reflector_close(w->reflector, NULL, NULL);
    w->reflector = NULL;
    until(w, path, PROBE_DOWN, 1);
    w->reflector = reflector_new(&w->loop, &rc, w->why, sizeof w->why);
    CHECK(w->reflector);
    until(w, path, PROBE_UP, 2);
    world_free(w);
}

TEST(flows_keep_their_port)
{
    struct world *w = world_new(&(struct prober_config){0},
                                &(struct reflector_config){.address = ip("127.0.0.1")});
    struct probe_target t = target(PROBE_STAMP, "127.0.0.1", reflector_port(w->reflector));
    int any = add(w, t);
    until(w, any, PROBE_UP, 1);
    t.source = ip("127.0.0.1");
    t.source_port = reflector_port(w->reflector);
    CHECK_EQ(prober_add(w->prober, &t, w->why, sizeof w->why), -1);
    CHECK(strstr(w->why, "in use"));
    world_free(w);
}

/* ---- the reflector's limits ---- */

static int udp_client(uint16_t port)
{
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    CHECK_EQ(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    return fd;
}

static void say(int fd, uint32_t seq, size_t n)
{
    uint8_t p[1600] = {0};
    stamp_write_request(p, &(struct stamp_request){.seq = seq, .error = 1}, NULL);
    CHECK_EQ(send(fd, p, n, 0), (ssize_t)n);
}

/* Turns the loop until the reflector has dealt with so many packets. */
static void until_dealt(struct world *w, uint64_t n)
{
    for (;;) {
        struct reflector_stats s = reflector_stats(w->reflector);
        if (w->tired || s.answered + s.refused + s.held + s.malformed + s.forged >= n)
            return;
        uv_run(&w->loop, UV_RUN_ONCE);
    }
}

static int answers(int fd, uint32_t *last_seq)
{
    uint8_t p[1600];
    struct stamp_reply r;
    int n = 0;
    for (ssize_t got; (got = recv(fd, p, sizeof p, 0)) >= 0; n++) {
        CHECK_EQ(stamp_read_reply(p, (size_t)got, NULL, &r), STAMP_GOOD);
        *last_seq = r.seq;
    }
    return n;
}

TEST(what_a_reflector_does_not_answer)
{
    struct prefix elsewhere;
    CHECK(prefix_parse("192.0.2.0/24", &elsewhere));
    struct world *w = world_new(&(struct prober_config){0},
                                &(struct reflector_config){.address = ip("127.0.0.1")});
    uint32_t seq = 0;
    int fd = udp_client(reflector_port(w->reflector));
    size_t sizes[] = {0, 1, 43, 1473, 1600};
    for (size_t i = 0; i < COUNTOF(sizes); i++)
        say(fd, 7, sizes[i]);
    until_dealt(w, COUNTOF(sizes));
    CHECK_EQ(reflector_stats(w->reflector).malformed, COUNTOF(sizes));
    CHECK_EQ(answers(fd, &seq), 0);
    say(fd, 7, 44);
    say(fd, 8, 1472);
    until_dealt(w, COUNTOF(sizes) + 2);
    CHECK_EQ(answers(fd, &seq), 2);
    CHECK_EQ(seq, 1);
    close(fd);
    reflector_close(w->reflector, NULL, NULL);
    w->reflector = reflector_new(
        &w->loop,
        &(struct reflector_config){.address = ip("127.0.0.1"), .allow = &elsewhere, .n_allow = 1},
        w->why, sizeof w->why);
    fd = udp_client(reflector_port(w->reflector));
    say(fd, 7, 44);
    until_dealt(w, 1);
    CHECK_EQ(reflector_stats(w->reflector).refused, 1);
    CHECK_EQ(answers(fd, &seq), 0);
    close(fd);
    world_free(w);
}

TEST(beyond_its_sessions_a_reflector_is_stateless)
{
    struct world *w =
        world_new(&(struct prober_config){0},
                  &(struct reflector_config){.address = ip("127.0.0.1"), .sessions_max = 2});
    int fd[4];
    for (int i = 0; i < 4; i++) {
        uint32_t seq = 0;
        fd[i] = udp_client(reflector_port(w->reflector));
        say(fd[i], 100, 44);
        until_dealt(w, (uint64_t)i + 1);
        CHECK_EQ(answers(fd[i], &seq), 1);
        CHECK_EQ(seq, i < 2 ? 0 : 100);
    }
    CHECK_EQ(reflector_stats(w->reflector).sessions, 2);
    CHECK_EQ(reflector_stats(w->reflector).stateless, 2);
    for (int i = 0; i < 4; i++)
        close(fd[i]);
    world_free(w);
}

TEST(silent_sessions_make_room)
{
    struct world *w = world_new(
        &(struct prober_config){0},
        &(struct reflector_config){.address = ip("127.0.0.1"), .sessions_max = 2, .idle_ms = 1});
    int fd = udp_client(reflector_port(w->reflector));
    say(fd, 1, 44);
    until_dealt(w, 1);
    CHECK_EQ(reflector_stats(w->reflector).sessions, 1);
    while (!w->tired && reflector_stats(w->reflector).sessions)
        uv_run(&w->loop, UV_RUN_ONCE);
    CHECK_EQ(reflector_stats(w->reflector).sessions, 0);
    close(fd);
    world_free(w);
}

TEST(a_flood_is_held)
{
    struct world *w =
        world_new(&(struct prober_config){0},
                  &(struct reflector_config){.address = ip("127.0.0.1"), .packets_per_s_max = 1});
    int fd = udp_client(reflector_port(w->reflector));
    for (uint32_t i = 0; i < 50; i++)
        say(fd, i, 44);
    until_dealt(w, 50);
    CHECK(reflector_stats(w->reflector).held >= 25); /* had this test taken 25 s */
    CHECK(reflector_stats(w->reflector).answered >= 1);
    close(fd);
    world_free(w);
}

/* ---- limits of a prober ---- */

static void refused(struct world *w, struct probe_target t, const char *because)
{
    *w->why = '\0';
    CHECK_EQ(prober_add(w->prober, &t, w->why, sizeof w->why), -1);
    if (!strstr(w->why, because))
        TAP_FAIL("\"%s\" does not say \"%s\"", w->why, because);
}

TEST(limits)
{
    struct world *w =
        world_new(&(struct prober_config){.packets_per_s_max = 250, .paths_max = 3}, NULL);
    struct probe_target t = target(PROBE_STAMP, "127.0.0.1", 9), none = t;
    int first = add(w, t);
    add(w, t);
    refused(w, t, "above the limit of 250");
    t.pace_ms = 20;
    add(w, t);
    CHECK_EQ(prober_stats(w->prober).packets_per_s, 250);
    refused(w, t, "all 3 paths are taken");
    prober_remove(w->prober, first);
    CHECK(!prober_path(w->prober, first));
    CHECK_EQ(prober_stats(w->prober).packets_per_s, 150);
    t.pace_ms = 4;
    refused(w, t, "below 5 ms");
    none.address.family = 0;
    refused(w, none, "needs an address");
    none.path.kind = PROBE_TRACE;
    refused(w, none, "needs an address");
    refused(w, target(PROBE_TCP, "127.0.0.1", 0), "a port");
    refused(w, target(PROBE_HTTPS, "127.0.0.1", 0), "needs a URL");
    CHECK_EQ(add(w, target(PROBE_STAMP, "127.0.0.1", 9)), first);
    world_free(w);
}

/* ---- TCP, HTTPS ---- */

static int listener(uint16_t *port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK_EQ(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    CHECK_EQ(listen(fd, 64), 0);
    CHECK_EQ(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    *port = ntohs(a.sin_port);
    return fd;
}

TEST(tcp_up_and_down)
{
    struct world *w = world_new(&(struct prober_config){0}, NULL);
    uint16_t port, other;
    int fd = listener(&port);
    int spare = listener(&other);
    close(spare); /* a port of which nobody listens, and that is free to come from */
    int path = add(w, target(PROBE_TCP, "127.0.0.1", port));
    struct probe_target own = target(PROBE_TCP, "127.0.0.1", port);
    own.source_port = other;
    int flow = add(w, own);
    until(w, path, PROBE_UP, 1);
    until(w, flow, PROBE_UP, 1);
    until_sent(w, flow, 20);
    struct path_totals t = path_totals(prober_path(w->prober, path));
    CHECK_EQ(t.lost_there, -1);
    close(fd);
    until(w, path, PROBE_DOWN, 1);
    until(w, flow, PROBE_DOWN, 1);
    CHECK_EQ(w->last[path][PROBE_DOWN].kind, PROBE_TCP);
    world_free(w);
}

static int status_now;
static void serve(void *arg, struct http_request *rq)
{
    (void)arg;
    http_reply(rq, status_now, "text/plain", "well", 4);
}

TEST(https_by_what_the_server_says)
{
    struct world *w = world_new(&(struct prober_config){0}, NULL);
    struct http_config c = HTTP_DEFAULTS;
    struct http_server *server = http_server_new(&w->loop, &c, serve, NULL);
    int port = http_server_listen(server, "127.0.0.1", 0, w->why, sizeof w->why);
    char url[64];
    CHECK(port > 0);
    snprintf(url, sizeof url, "http://127.0.0.1:%d/health", port);
    status_now = 200;
    struct probe_target t = {.path = {.kind = PROBE_HTTPS}, .url = url, .pace_ms = 10};
    int path = add(w, t);
    until(w, path, PROBE_UP, 1);
    status_now = 503;
    until(w, path, PROBE_DOWN, 1);
    status_now = 200;
    until(w, path, PROBE_UP, 2);
    CHECK(hist_quantile(path_two_way(prober_path(w->prober, path)), 0.5) > 0);
    http_server_close(server, NULL, NULL);
    world_free(w);
}

/* ---- traceroute ---- */

struct traced {
    struct trace t;
    bool done, loop;
};

static void traced_done(void *arg, const struct trace *t, const struct trace_loop *loop)
{
    struct traced *d = arg;
    d->t = *t;
    d->loop = loop != NULL;
    d->done = true;
}

static void trace_to(struct world *w, uint16_t port, struct traced *d)
{
    struct trace_spec spec = {.to = ip("127.0.0.1"), .port = port};
    *d = (struct traced){0};
    CHECK(trace_start(&w->loop, &spec, traced_done, d, w->why, sizeof w->why));
    while (!w->tired && !d->done)
        uv_run(&w->loop, UV_RUN_ONCE);
    CHECK(d->done && !d->loop);
    CHECK_EQ(d->t.end, TRACE_REACHED);
    CHECK_EQ(d->t.hops, 1);
}

TEST(a_trace_ends_where_somebody_answers_or_refuses)
{
    struct world *w = world_new(&(struct prober_config){0},
                                &(struct reflector_config){.address = ip("127.0.0.1")});
    struct traced d;
    uint16_t nobody;
    close(listener(&nobody));
    trace_to(w, reflector_port(w->reflector), &d);
    CHECK(d.t.hop[0].reply_ttl == 255);
    trace_to(w, nobody, &d);
    struct probe_target t = target(PROBE_TRACE, "127.0.0.1", nobody);
    int path = add(w, t);
    until(w, path, PROBE_UP, 1);
    t.pace_ms = 100000;
    int slow = add(w, t);
    for (int i = 0; i < 3; i++) {
        prober_now(w->prober, slow);
        until_sent(w, slow, (uint64_t)i + 1);
        for (int k = 0; k < 20; k++)
            uv_run(&w->loop, UV_RUN_ONCE);
    }
    until(w, slow, PROBE_UP, 1);
    world_free(w);
}

TEST(everything_ends_in_the_middle)
{
    struct world *w = world_new(&(struct prober_config){0},
                                &(struct reflector_config){.address = ip("127.0.0.1")});
    uint16_t port;
    int fd = listener(&port);
    add(w, target(PROBE_STAMP, "127.0.0.1", reflector_port(w->reflector)));
    add(w, target(PROBE_TCP, "127.0.0.1", port));
    add(w, target(PROBE_TCP, "192.0.2.1", 9)); /* nobody: attempts stay open */
    add(w, target(PROBE_TRACE, "192.0.2.1", 9));
    struct probe_target t = target(PROBE_HTTPS, "127.0.0.1", port);
    t.url = "http://localhost/"; /* accepted by the kernel, never answered */
    add(w, t);
    for (int i = 0; i < 40; i++)
        uv_run(&w->loop, UV_RUN_ONCE);
    world_free(w);
    close(fd);
}

/* ---- loops, as they are read from traces ---- */

static struct trace made(const char *to, const char *const *routers, size_t n)
{
    struct trace t = {.to = ip(to), .hops = (uint8_t)n};
    for (size_t i = 0; i < n; i++)
        if (*routers[i])
            t.hop[i].router = ip(routers[i]);
    return t;
}
#define TRACE(...)                                                                                 \
    made("10.9.9.9", (const char *const[]){__VA_ARGS__},                                           \
         sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

TEST(loops_are_routers_that_come_again)
{
    struct trace_loop l;
    struct trace fine = TRACE("10.0.0.1", "10.0.0.2", "", "10.9.9.9");
    struct trace twice = TRACE("10.0.0.1", "10.0.0.1", "10.0.0.2");
    struct trace two = TRACE("10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.2");
    struct trace two_later = TRACE("10.0.0.1", "10.0.0.3", "10.0.0.2", "10.0.0.3");
    struct trace three = TRACE("10.0.0.1", "10.0.0.2", "", "10.0.0.3", "10.0.0.2", "");
    struct trace other = TRACE("10.0.0.1", "10.0.0.7", "10.0.0.8", "10.0.0.7");
    CHECK(!trace_find_loop(&fine, &l));
    CHECK(!trace_find_loop(&twice, &l));
    CHECK(trace_find_loop(&two, &l));
    CHECK_EQ(l.ttl, 2);
    CHECK_EQ(l.routers, 2);
    CHECK(trace_find_loop(&three, &l));
    CHECK_EQ(l.routers, 3);
    CHECK(trace_same_loop(&two, &two, &l));
    CHECK(trace_same_loop(&two, &two_later, &l)); /* entered at its other router */
    CHECK(!trace_same_loop(&two, &other, &l));
    CHECK(!trace_same_loop(&two, &three, &l));
    CHECK(!trace_same_loop(&two, &fine, &l));
}

TAP_MAIN
