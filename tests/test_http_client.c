/* http_client: calls against tandem's own server, and against one that says whatever a test wants:
 * bytes that are no HTTP, half a reply, a reset, nothing. */
#include "base/mem.h"
#include "http/client.h"
#include "tap.h"

#include <arpa/inet.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

enum { RESULTS_MAX = 64 };

struct got { /* a result, copied */
    bool done;
    struct http_result r;
    char body[4096], fields[2048];
};

struct rig {
    uv_loop_t loop;
    struct http_server *server;
    struct http_client *client;
    int port;
    uv_tcp_t raw; /* the server of `script` */
    int raw_port, raw_conns;
    const char *script; /* what it answers to the first bytes; NULL: never anything */
    bool reset;         /* with a reset after that instead of a clean end */
    bool keep;          /* the connection stays open after the script */
    uint32_t requests;
    struct http_request *deferred;
    char seen[4096]; /* the last request that the raw server read */
    struct got got[RESULTS_MAX];
    uint32_t n_done;
};

static void on_deferred_gone(void *arg)
{
    struct rig *g = arg;
    g->deferred = NULL;
}

static void serve(void *arg, struct http_request *rq)
{
    struct rig *g = arg;
    struct buf b = {0};
    g->requests++;
    if (http_span_is(rq->path, "/never")) {
        http_defer(rq, on_deferred_gone, g);
        g->deferred = rq;
        return;
    }
    if (http_span_is(rq->path, "/moved")) {
        http_reply_header(rq, "Location", "/echo");
        http_reply(rq, 302, NULL, NULL, 0);
        return;
    }
    if (http_span_is(rq->path, "/big")) {
        buf_reserve(&b, 100000);
        memset(b.data, 'x', 100000);
        http_reply(rq, 200, "text/plain", b.data, 100000);
        buf_free(&b);
        return;
    }
    struct http_span type = http_header(rq, "Content-Type"), x = http_header(rq, "X-Empty");
    struct http_span agent = http_header(rq, "User-Agent"), accept = http_header(rq, "Accept");
    buf_fmt(&b, "%s %.*s %.*s|%.*s|%d|%.*s|%d", http_method_names[rq->method], (int)rq->path.n,
            rq->path.p, (int)rq->body.n, rq->body.p, (int)type.n, type.p, x.p != NULL, (int)agent.n,
            agent.p, accept.p != NULL);
    http_reply_header(rq, "X-Answer", "  42 ");
    http_reply(rq, 200, "text/plain", b.data, b.len);
    buf_free(&b);
}

/* ---- the server that says what it likes ---- */

struct raw_conn {
    uv_tcp_t tcp;
    struct rig *g;
    char in[4096];
};

static void on_raw_closed(uv_handle_t *h)
{
    mem_free(CONTAINER_OF(h, struct raw_conn, tcp));
}

static void raw_room(uv_handle_t *h, size_t n, uv_buf_t *b)
{
    struct raw_conn *c = CONTAINER_OF(h, struct raw_conn, tcp);
    *b = uv_buf_init(c->in, sizeof c->in - 1);
}

static void on_raw_read(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
    struct raw_conn *c = CONTAINER_OF(s, struct raw_conn, tcp);
    struct rig *g = c->g;
    if (n <= 0) {
        if (!uv_is_closing((uv_handle_t *)s))
            uv_close((uv_handle_t *)s, on_raw_closed);
        return;
    }
    c->in[n] = '\0';
    (void)str_copy(g->seen, sizeof g->seen, c->in);
    if (g->script) {
        uv_buf_t out = uv_buf_init((char *)(uintptr_t)g->script, (unsigned)strlen(g->script));
        if (out.len)
            (void)uv_try_write(s, &out, 1);
    }
    if ((g->script || g->reset) && !g->keep) {
        if (g->reset)
            (void)uv_tcp_close_reset(&c->tcp, on_raw_closed);
        else
            uv_close((uv_handle_t *)s, on_raw_closed);
    }
}

static void on_raw_conn(uv_stream_t *s, int status)
{
    struct rig *g = CONTAINER_OF(s, struct rig, raw);
    struct raw_conn *c = mem_new(1, sizeof *c);
    c->g = g;
    g->raw_conns++;
    uv_tcp_init(&g->loop, &c->tcp);
    BUG_ON(uv_accept(s, (uv_stream_t *)&c->tcp) != 0);
    uv_read_start((uv_stream_t *)&c->tcp, raw_room, on_raw_read);
}

static int raw_listen(struct rig *g)
{
    struct sockaddr_in a;
    int n = sizeof a;
    uv_ip4_addr("127.0.0.1", 0, &a);
    uv_tcp_init(&g->loop, &g->raw);
    BUG_ON(uv_tcp_bind(&g->raw, (struct sockaddr *)&a, 0) != 0);
    BUG_ON(uv_listen((uv_stream_t *)&g->raw, 16, on_raw_conn) != 0);
    BUG_ON(uv_tcp_getsockname(&g->raw, (struct sockaddr *)&a, &n) != 0);
    return ntohs(a.sin_port);
}

/* ---- the rig ---- */

static void rig_open(struct rig *g, const struct http_client_config *config)
{
    char error[128];
    (void)signal(SIGPIPE, SIG_IGN);
    memset(g, 0, sizeof *g);
    uv_loop_init(&g->loop);
    g->server = http_server_new(&g->loop, &(struct http_config)HTTP_DEFAULTS, serve, g);
    g->port = http_server_listen(g->server, "127.0.0.1", 0, error, sizeof error);
    BUG_ON(g->port < 0);
    g->raw_port = raw_listen(g);
    g->client = http_client_new(&g->loop, config);
}

static void rig_close(struct rig *g)
{
    if (g->client)
        http_client_close(g->client, NULL, NULL);
    http_server_close(g->server, NULL, NULL);
    uv_close((uv_handle_t *)&g->raw, NULL);
    uv_run(&g->loop, UV_RUN_DEFAULT);
    CHECK_EQ(uv_loop_close(&g->loop), 0);
}

static struct rig *rig_of_test; /* `done` has one argument, which is the result's place */

static void on_done(void *arg, const struct http_result *r)
{
    struct got *o = arg;
    CHECK(!o->done);
    o->done = true;
    o->r = *r;
    BUG_ON(r->body.n >= sizeof o->body || r->fields.n >= sizeof o->fields);
    memcpy(o->body, r->body.p, r->body.n);
    o->body[r->body.n] = '\0';
    if (r->fields.n)
        memcpy(o->fields, r->fields.p, r->fields.n);
    o->r.fields.p = o->fields;
    rig_of_test->n_done++;
}

static struct http_call *start(struct rig *g, struct got *o, struct http_call_spec spec, int port,
                               const char *path)
{
    char url[256];
    rig_of_test = g;
    *o = (struct got){0};
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%d%s", port, path);
    spec.url = spec.url ? spec.url : url;
    struct http_call *call = http_client_start(g->client, &spec, on_done, o);
    CHECK(!o->done); /* never from inside */
    return call;
}

static void run_until(struct rig *g, uint32_t n_done)
{
    while (g->n_done < n_done)
        uv_run(&g->loop, UV_RUN_ONCE);
    g->n_done = 0;
}

static struct got *call(struct rig *g, struct http_call_spec spec, int port, const char *path)
{
    start(g, &g->got[0], spec, port, path);
    run_until(g, 1);
    return &g->got[0];
}

#define DEFAULTS  (&(struct http_client_config)HTTP_CLIENT_DEFAULTS)
#define SPEC(...) ((struct http_call_spec){__VA_ARGS__})

TEST(what_is_sent_and_what_comes_back)
{
    struct rig g;
    rig_open(&g, DEFAULTS);
    struct got *o = call(&g, SPEC(.method = HTTP_METHOD_GET), g.port, "/a/./b");
    CHECK_EQ(o->r.error, HTTP_CLIENT_OK);
    CHECK_EQ(o->r.status, 200);
    CHECK_STR(o->body, "GET /a/./b ||0|tandem/" TANDEM_VERSION "|0");
    struct http_span v = http_result_field(&o->r, "x-answer");
    CHECK(http_span_is(v, "42"));
    CHECK(http_result_field(&o->r, "x-answe").p == NULL);
    CHECK(o->r.sent && !o->r.reused);
    CHECK(o->r.timing.total_us >= o->r.timing.first_byte_us && o->r.timing.first_byte_us > 0);
    char peer[64];
    (void)snprintf(peer, sizeof peer, "127.0.0.1:%d", g.port);
    CHECK_STR(o->r.peer, peer);

    struct http_field f[] = {{"Content-Type", "application/json"}, {"X-Empty", ""}};
    o = call(
        &g,
        SPEC(.method = HTTP_METHOD_PUT, .fields = f, .n_fields = 2, .body = HTTP_SPAN("{\"a\":1}")),
        g.port, "/p");
    CHECK_STR(o->body, "PUT /p {\"a\":1}|application/json|1|tandem/" TANDEM_VERSION "|0");
    CHECK(o->r.reused); /* the same connection */
    o = call(&g, SPEC(.method = HTTP_METHOD_POST, .fields = f, .n_fields = 1, .body = {"", 0}),
             g.port, "/p");
    CHECK_STR(o->body, "POST /p |application/json|0|tandem/" TANDEM_VERSION "|0");
    o = call(&g, SPEC(.method = HTTP_METHOD_DELETE), g.port, "/d");
    CHECK_STR(o->body, "DELETE /d ||0|tandem/" TANDEM_VERSION "|0");
    o = call(&g, SPEC(.method = HTTP_METHOD_HEAD), g.port, "/h");
    CHECK_EQ(o->r.status, 200);
    CHECK_EQ(o->r.body.n, 0);
    CHECK_EQ(http_client_stats(g.client)->reused, 4);
    o = call(&g, SPEC(.method = HTTP_METHOD_GET, .fresh = true), g.port, "/f");
    CHECK(!o->r.reused && o->r.error == HTTP_CLIENT_OK);
    rig_close(&g);
}

TEST(redirects_only_when_asked)
{
    struct rig g;
    rig_open(&g, DEFAULTS);
    struct got *o = call(&g, SPEC(.method = HTTP_METHOD_GET), g.port, "/moved");
    CHECK_EQ(o->r.status, 302);
    CHECK(http_span_is(http_result_field(&o->r, "location"), "/echo"));
    o = call(&g, SPEC(.method = HTTP_METHOD_GET, .redirects_max = 2), g.port, "/moved");
    CHECK_EQ(o->r.status, 200);
    CHECK(strstr(o->body, "GET /echo") == o->body);
    rig_close(&g);
}

TEST(a_proxy_in_the_environment_is_not_taken)
{
    struct rig g;
    (void)setenv("http_proxy", "http://127.0.0.1:1", 1);
    rig_open(&g, DEFAULTS);
    CHECK_EQ(call(&g, SPEC(.method = HTTP_METHOD_GET), g.port, "/")->r.error, HTTP_CLIENT_OK);
    rig_close(&g);
    (void)unsetenv("http_proxy");
}

static int refused_port(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    BUG_ON(bind(fd, (struct sockaddr *)&a, n) != 0 ||
           getsockname(fd, (struct sockaddr *)&a, &n) != 0);
    close(fd);
    return ntohs(a.sin_port);
}

TEST(errors_before_anything_is_sent)
{
    struct rig g;
    rig_open(&g, DEFAULTS);
    struct http_field cr = {"X", "a\r\nY: b"}, colon = {"X:", "a"};
    struct {
        struct http_call_spec spec;
        int port;
        enum http_client_error want;
    } rows[] = {
        {SPEC(.method = HTTP_METHOD_GET), refused_port(), HTTP_CLIENT_CONNECT},
        {SPEC(.url = "http://name.invalid/"), 0, HTTP_CLIENT_RESOLVE},
        {SPEC(.url = "ftp://127.0.0.1/"), 0, HTTP_CLIENT_BAD_REQUEST},
        {SPEC(.url = "http://127.0.0.1:99999/"), 0, HTTP_CLIENT_BAD_REQUEST},
        {SPEC(.url = "http://127.0.0.1/a\r\nb"), 0, HTTP_CLIENT_BAD_REQUEST},
        {SPEC(.fields = &cr, .n_fields = 1), g.port, HTTP_CLIENT_BAD_REQUEST},
        {SPEC(.fields = &colon, .n_fields = 1), g.port, HTTP_CLIENT_BAD_REQUEST},
        {SPEC(.url = "https://127.0.0.1/", .connect_to = "127.0.0.1:1"), 0, HTTP_CLIENT_CONNECT},
    };
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        struct got *o = call(&g, rows[i].spec, rows[i].port, "/");
        CHECK_EQ(o->r.error, rows[i].want);
        CHECK(!o->r.sent);
        CHECK_EQ(o->r.status, 0);
    }
    CHECK_EQ(g.requests, 0);
    rig_close(&g);
}

TEST(errors_after_the_request_was_sent)
{
    struct rig g;
    rig_open(&g, DEFAULTS);
    static const struct {
        const char *script;
        bool reset;
        enum http_client_error want;
        int status;
    } rows[] = {
        {"", false, HTTP_CLIENT_LOST, 0},
        {"", true, HTTP_CLIENT_LOST, 0},
        {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", false, HTTP_CLIENT_LOST, 200},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nha", false, HTTP_CLIENT_LOST,
         200},
        {"220 smtp ready\r\n", false, HTTP_CLIENT_PROTOCOL, 0},
        {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No\r\nA: b\r\n\r\n", false, HTTP_CLIENT_OK,
         204},
    };
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        g.script = rows[i].script;
        g.reset = rows[i].reset;
        struct got *o = call(&g, SPEC(.method = HTTP_METHOD_GET), g.raw_port, "/");
        CHECK_EQ(o->r.error, rows[i].want);
        CHECK_EQ(o->r.status, rows[i].status);
        CHECK(o->r.sent);
    }
    CHECK_STR(g.got[0].fields, "A: b\r\n");
    CHECK(strstr(g.seen, "GET / HTTP/1.1\r\nHost: 127.0.0.1:") == g.seen);
    rig_close(&g);
}

TEST(tls_to_what_is_no_tls)
{
    struct rig g;
    char url[64];
    rig_open(&g, DEFAULTS);
    g.script = "HTTP/1.1 400 no\r\n\r\n";
    (void)snprintf(url, sizeof url, "https://127.0.0.1:%d/", g.raw_port);
    struct got *o = call(&g, SPEC(.url = url), 0, "");
    CHECK_EQ(o->r.error, HTTP_CLIENT_TLS);
    CHECK(!o->r.sent);
    rig_close(&g);
}

TEST(too_large)
{
    struct rig g;
    struct http_client_config config = HTTP_CLIENT_DEFAULTS;
    config.head_max = 300;
    rig_open(&g, &config);
    struct got *o = call(&g, SPEC(.reply_max = 1000), g.port, "/big");
    CHECK_EQ(o->r.error, HTTP_CLIENT_TOO_LARGE);
    CHECK(o->r.body.n <= 1000);
    struct buf head = {0}; /* chunked: no length says so before */
    buf_str(&head,
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\nworld!");
    g.script = head.data;
    CHECK_EQ(call(&g, SPEC(.reply_max = 10), g.raw_port, "/")->r.error, HTTP_CLIENT_TOO_LARGE);
    buf_str(&head, "\r\n0\r\n\r\n");
    g.script = head.data;
    o = call(&g, SPEC(.reply_max = 11), g.raw_port, "/");
    CHECK_EQ(o->r.error, HTTP_CLIENT_OK);
    CHECK_STR(o->body, "helloworld!");
    buf_reset(&head);
    buf_str(&head, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n");
    for (int i = 0; i < 30; i++)
        buf_fmt(&head, "X-%d: 12345678\r\n", i);
    buf_str(&head, "\r\n");
    g.script = head.data;
    CHECK_EQ(call(&g, SPEC(.method = HTTP_METHOD_GET), g.raw_port, "/")->r.error,
             HTTP_CLIENT_TOO_LARGE);
    buf_free(&head);
    rig_close(&g);
}

TEST(time_limits)
{
    struct rig g;
    rig_open(&g, DEFAULTS);
    struct got *o = call(&g, SPEC(.total_timeout_ms = 30), g.port, "/never");
    CHECK_EQ(o->r.error, HTTP_CLIENT_TIMEOUT);
    CHECK(o->r.sent);
    g.script = NULL;
    o = call(&g, SPEC(.total_timeout_ms = 30), g.raw_port, "/");
    CHECK_EQ(o->r.error, HTTP_CLIENT_TIMEOUT);
    /* TLS with somebody who says nothing is not connected */
    char url[64];
    (void)snprintf(url, sizeof url, "https://127.0.0.1:%d/", g.raw_port);
    o = call(&g, SPEC(.url = url, .connect_timeout_ms = 30), 0, "");
    CHECK_EQ(o->r.error, HTTP_CLIENT_CONNECT_TIMEOUT);
    CHECK(!o->r.sent);
    rig_close(&g);
}

TEST(bounds_on_calls_and_connections)
{
    struct rig g;
    struct http_client_config config = HTTP_CLIENT_DEFAULTS;
    config.calls_max = 8;
    config.host_conns_max = 2;
    rig_open(&g, &config);
    g.script = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    g.keep = true;
    for (int i = 0; i < 9; i++)
        start(&g, &g.got[i], SPEC(.method = HTTP_METHOD_GET), g.raw_port, "/");
    CHECK_EQ(http_client_stats(g.client)->calls, 9);
    run_until(&g, 9);
    for (int i = 0; i < 9; i++)
        CHECK_EQ(g.got[i].r.error, i < 8 ? HTTP_CLIENT_OK : HTTP_CLIENT_BUSY);
    CHECK_EQ(g.raw_conns, 2);
    CHECK_EQ(http_client_stats(g.client)->calls, 0);
    CHECK_EQ(http_client_stats(g.client)->ended[HTTP_CLIENT_OK], 8);
    rig_close(&g);
}

TEST(a_cancelled_call_is_silent)
{
    struct rig g;
    struct http_client_config config = HTTP_CLIENT_DEFAULTS;
    config.calls_max = 2;
    rig_open(&g, &config);
    struct http_call *a = start(&g, &g.got[1], SPEC(.method = HTTP_METHOD_GET), g.port, "/never");
    struct http_call *b = start(&g, &g.got[2], SPEC(.method = HTTP_METHOD_GET), g.port, "/b");
    struct http_call *busy = start(&g, &g.got[3], SPEC(.method = HTTP_METHOD_GET), g.port, "/c");
    while (!g.deferred)
        uv_run(&g.loop, UV_RUN_ONCE);
    http_call_cancel(a);
    if (!g.got[2].done)
        http_call_cancel(b);
    if (!g.got[3].done)
        http_call_cancel(busy);
    g.n_done = 0;
    CHECK_EQ(call(&g, SPEC(.method = HTTP_METHOD_GET), g.port, "/d")->r.error, HTTP_CLIENT_OK);
    CHECK(!g.got[1].done);
    CHECK(http_client_stats(g.client)->cancelled >= 1);
    rig_close(&g);
}

static void close_in_done(void *arg, const struct http_result *r)
{
    struct rig *g = arg;
    CHECK_EQ(r->error, HTTP_CLIENT_OK);
    http_client_close(g->client, NULL, NULL);
    g->client = NULL;
}

TEST(closing_ends_every_call_once)
{
    struct rig g;
    char url[64];
    rig_open(&g, DEFAULTS);
    g.script = NULL;
    for (int i = 0; i < 5; i++)
        start(&g, &g.got[i], SPEC(.method = HTTP_METHOD_GET), g.raw_port, "/");
    start(&g, &g.got[5], SPEC(.url = "http://["), 0, "");
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%d/ok", g.port);
    (void)http_client_start(g.client, &SPEC(.method = HTTP_METHOD_GET, .url = url), close_in_done,
                            &g);
    run_until(&g, 6);
    for (int i = 0; i < 5; i++)
        CHECK_EQ(g.got[i].r.error, HTTP_CLIENT_CANCELLED);
    CHECK(g.got[5].done);
    CHECK(g.client == NULL);
    rig_close(&g);
}

TAP_MAIN
