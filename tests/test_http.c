/* http: the server over real sockets: framing, hostile requests, limits, deferred replies, streams.
 */
#include "http_fixture.h"

#include <poll.h>
#include <sys/resource.h>

#define HOST     "Host: localhost\r\n"
#define GET_ECHO "GET /echo HTTP/1.1\r\n" HOST "\r\n"

/* ---- what is accepted, and that nothing else is ---- */

struct row {
    const char *name;
    int status;
    const char *bytes;
    size_t n;
};
#define ROW(name, status, text)                                                                    \
    {                                                                                              \
        name, status, text, sizeof(text) - 1                                                       \
    }
#define NEXT                                                                                       \
    "GET /echo HTTP/1.1\r\n" HOST "\r\n" /* what a smuggler wants to have read as a request */

static const struct row sound[] = {
    ROW("get", 200, "GET /echo HTTP/1.1\r\n" HOST "\r\n"),
    ROW("post", 200,
        "POST /echo HTTP/1.1\r\n" HOST
        "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"),
    ROW("chunked", 200,
        "POST /echo HTTP/1.1\r\n" HOST "Content-Type: application/json; charset=utf-8\r\n"
        "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"),
    ROW("1.0", 200, "GET /echo HTTP/1.0\r\n" HOST "\r\n"),
    ROW("an empty line before", 200, "\r\nGET /echo HTTP/1.1\r\n" HOST "\r\n"),
    ROW("a URL as target", 200, "GET http://localhost/echo HTTP/1.1\r\n" HOST "\r\n"),
    ROW("options of the server", 204, "OPTIONS * HTTP/1.1\r\n" HOST "\r\n"),
};

#define POST "POST /echo HTTP/1.1\r\n" HOST "Content-Type: application/json\r\n"

static const struct row hostile[] = {
    ROW("Content-Length and Transfer-Encoding", 400,
        POST "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" NEXT),
    ROW("Transfer-Encoding and Content-Length", 400,
        POST "Transfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n0\r\n\r\n" NEXT),
    ROW("two different lengths", 400, POST "Content-Length: 0\r\nContent-Length: 44\r\n\r\n" NEXT),
    ROW("two equal lengths", 400, POST "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}" NEXT),
    ROW("length +7", 400, POST "Content-Length: +7\r\n\r\n{\"a\":1}" NEXT),
    ROW("length -7", 400, POST "Content-Length: -7\r\n\r\n{\"a\":1}" NEXT),
    ROW("length 7, 7", 400, POST "Content-Length: 7, 7\r\n\r\n{\"a\":1}" NEXT),
    ROW("length 0x7", 400, POST "Content-Length: 0x7\r\n\r\n{\"a\":1}" NEXT),
    ROW("length 7a", 400, POST "Content-Length: 7a\r\n\r\n{\"a\":1}" NEXT),
    ROW("no length", 400, POST "Content-Length:\r\n\r\n{\"a\":1}" NEXT),
    ROW("length above 64 bits", 400, POST "Content-Length: 18446744073709551618\r\n\r\n{}" NEXT),
    ROW("coding xchunked", 501, POST "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" NEXT),
    ROW("coding chunked, identity", 501,
        POST "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" NEXT),
    ROW("coding gzip, chunked", 501, POST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n" NEXT),
    ROW("coding \"chunked\"", 501, POST "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n" NEXT),
    ROW("coding twice", 400,
        POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" NEXT),
    ROW("coding twice, one unknown", 501,
        POST "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" NEXT),
    ROW("coding with vertical tab", 400, POST "Transfer-Encoding: \vchunked\r\n\r\n0\r\n\r\n" NEXT),
    ROW("coding folded", 501, POST "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n" NEXT),
    ROW("coding in 1.0", 400,
        "POST /echo HTTP/1.0\r\n" HOST
        "Connection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n"
        "0\r\n\r\n" NEXT),
    ROW("space before colon", 400, POST "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" NEXT),
    ROW("space before colon of length", 400, POST "Content-Length : 2\r\n\r\n{}" NEXT),
    ROW("space before the first field", 400, "GET /echo HTTP/1.1\r\n " HOST "\r\n"),
    ROW("NUL in a value", 400, "GET /echo HTTP/1.1\r\n" HOST "X: a\0b\r\n\r\n"),
    ROW("NUL in a name", 400, "GET /echo HTTP/1.1\r\n" HOST "X\0: a\r\n\r\n"),
    ROW("bare CR in a value", 400, "GET /echo HTTP/1.1\r\n" HOST "X: a\rY: b\r\n\r\n"),
    ROW("bare CR as end of head", 400,
        "GET /echo HTTP/1.1\r\n" HOST "X: a\r\n\rGET / HTTP/1.1\r\n\r\n"),
    ROW("bare LF", 400, "GET /echo HTTP/1.1\r\n" HOST "X: a\nY: b\r\n\r\n"),
    ROW("bare LF everywhere", 400, "GET /echo HTTP/1.1\nHost: localhost\n\n"),
    ROW("bare LF as end of head", 400, "GET /echo HTTP/1.1\r\n" HOST "\n"),
    ROW("obs-fold", 400, "GET /echo HTTP/1.1\r\n" HOST "X: a\r\n b\r\n\r\n"),
    ROW("obs-fold with tab", 400, "GET /echo HTTP/1.1\r\n" HOST "X: a\r\n\tb\r\n\r\n"),
    ROW("no colon", 400, "GET /echo HTTP/1.1\r\n" HOST "X\r\n\r\n"),
    ROW("no name", 400, "GET /echo HTTP/1.1\r\n" HOST ": a\r\n\r\n"),
    ROW("HTTP/1.10", 400, "GET /echo HTTP/1.10\r\n" HOST "\r\n"),
    ROW("HTTP/1.2", 505, "GET /echo HTTP/1.2\r\n" HOST "\r\n"),
    ROW("HTTP/2.0", 505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    ROW("HTTP/0.9", 400, "GET /echo\r\n\r\n"),
    ROW("no Host", 400, "GET /echo HTTP/1.1\r\n\r\n"),
    ROW("no Host in 1.0", 400, "GET /echo HTTP/1.0\r\n\r\n"),
    ROW("two Hosts", 400, "GET /echo HTTP/1.1\r\n" HOST HOST "\r\n"),
    ROW("another host in the target", 400, "GET http://a/echo HTTP/1.1\r\n" HOST "\r\n"),
    ROW("space in the target", 400, "GET /echo a HTTP/1.1\r\n" HOST "\r\n"),
    ROW("chunk ends in LF", 400, POST "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\n0\r\n\r\n" NEXT),
    ROW("chunk size ends in LF", 400,
        POST "Transfer-Encoding: chunked\r\n\r\n2\n{}\r\n0\r\n\r\n" NEXT),
    ROW("chunks with LF only", 400, POST "Transfer-Encoding: chunked\r\n\r\n2\n{}\n0\n\n" NEXT),
    ROW("chunk size 0x2", 400,
        POST "Transfer-Encoding: chunked\r\n\r\n0x2\r\n{}\r\n0\r\n\r\n" NEXT),
    ROW("chunk size above 32 bits", 400,
        POST "Transfer-Encoding: chunked\r\n\r\n100000002\r\n{}\r\n0\r\n\r\n" NEXT),
    ROW("chunk longer than its size", 400,
        POST "Transfer-Encoding: chunked\r\n\r\n2\r\n{}}\r\n0\r\n\r\n" NEXT),
    ROW("chunk extension with bare CR", 400,
        POST "Transfer-Encoding: chunked\r\n\r\n2;a\rb\r\n{}\r\n0\r\n\r\n" NEXT),
    ROW("trailer", 400, POST "Transfer-Encoding: chunked\r\n\r\n0\r\nHost: evil\r\n\r\n" NEXT),
    ROW("unknown method", 501, "BREW /echo HTTP/1.1\r\n" HOST "\r\n"),
    ROW("CONNECT", 501, "CONNECT localhost:80 HTTP/1.1\r\nHost: localhost:80\r\n\r\n"),
    ROW("TRACE", 501, "TRACE /echo HTTP/1.1\r\n" HOST "\r\n"),
    ROW("TLS", 400, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
    ROW("body too large", 413, POST "Content-Length: 65537\r\n\r\n"),
    ROW("unknown expectation", 417, POST "Expect: 200-ok\r\nContent-Length: 2\r\n\r\n{}"),
    ROW("head without end", 408, "GET /echo HTTP/1.1\r\n" HOST "X: a\r\n"),
    ROW("chunk without end", 408, POST "Transfer-Encoding: chunked\r\n\r\n2\r\n{}"),
    ROW("body without end", 408, POST "Content-Length: 3\r\n\r\n{}"),
};

/* The number of status lines in what came; *status is the first one's. */
static int count_replies(const struct buf *b, int *status)
{
    int n = 0;
    *status = 0;
    for (const char *p = b->data; (p = strstr(p, "HTTP/1.1 ")); p += 9)
        if (p[9] >= '1' && p[9] <= '5' && !n++)
            *status = (int)strtol(p + 9, NULL, 10);
    return n;
}

static void handled_of(struct fixture *f, void *arg)
{
    *(int *)arg = f->handled;
}

static void check_hostile(struct fixture *f, const char *name, const char *bytes, size_t n,
                          int want)
{
    struct buf in = {0};
    int status, before, after, fd = dial(f);
    in_loop(f, handled_of, &before);
    send_all(fd, bytes, n); /* may fail late: the server need not read it all */
    bool ended = receive_all(fd, &in);
    int replies = count_replies(&in, &status);
    in_loop(f, handled_of, &after);
    if (!ended || replies != 1 || status != want || after != before)
        TAP_FAIL("%s: %s, %d replies, status %d, want %d, handler called %d times", name,
                 ended ? "closed" : "not closed", replies, status, want, after - before);
    CHECK(strstr(in.data, "\r\nContent-Type: application/problem+json\r\n") != NULL);
    CHECK(strstr(in.data, "\r\nConnection: close\r\n") != NULL);
    close(fd);
    buf_free(&in);
}

TEST(hostile_requests_are_refused)
{
    struct fixture f;
    struct http_config c = quick_config();
    c.header_timeout_ms = c.body_timeout_ms = 200;
    fixture_start(&f, &c);
    for (size_t i = 0; i < COUNTOF(sound);
         i++) { /* so that the matrix cannot pass by refusing all */
        struct reply r = ask(&f, sound[i].bytes);
        if (r.status != sound[i].status)
            TAP_FAIL("%s: got %d, want %d", sound[i].name, r.status, sound[i].status);
        reply_free(&r);
    }
    for (size_t i = 0; i < COUNTOF(hostile); i++)
        check_hostile(&f, hostile[i].name, hostile[i].bytes, hostile[i].n, hostile[i].status);
    struct buf b = {0};
    buf_str(&b, "GET /echo HTTP/1.1\r\n" HOST "X: ");
    for (int i = 0; i < 65536; i++)
        buf_char(&b, 'x');
    buf_str(&b, "\r\n\r\n");
    check_hostile(&f, "64 KB of header", b.data, b.len, 431);
    buf_reset(&b);
    buf_str(&b, "GET /");
    for (int i = 0; i < 65536; i++)
        buf_char(&b, 'x');
    buf_str(&b, " HTTP/1.1\r\n" HOST "\r\n");
    check_hostile(&f, "64 KB of URL", b.data, b.len, 414);
    buf_reset(&b);
    buf_str(&b, "GET /echo HTTP/1.1\r\n" HOST);
    for (int i = 0; i < 100; i++)
        buf_fmt(&b, "X%d: y\r\n", i);
    buf_str(&b, "\r\n");
    check_hostile(&f, "a hundred fields", b.data, b.len, 431);
    buf_reset(&b);
    buf_str(&b, POST "Transfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 70; i++)
        buf_fmt(&b, "400\r\n%01024d\r\n", i);
    check_hostile(&f, "70 KB in chunks", b.data, b.len, 413);
    buf_free(&b);
    fixture_stop(&f);
}

/* A request of the guard against other sites: what it asks, and what it gets. */
static void check_policy(struct fixture *f, int want, const char *request)
{
    struct reply r = ask(f, request);
    if (r.status != want)
        TAP_FAIL("got %d, want %d: %s", r.status, want, request);
    reply_free(&r);
}

TEST(other_sites_cannot_use_a_browser)
{
    static const char *const names[] = {"tandem.example"};
    static const char *const types[] = {"application/json", "application/yaml"};
    struct fixture f;
    struct http_config c = quick_config();
    c.names = names;
    c.n_names = 1;
    c.body_types = types;
    c.n_body_types = 2;
    fixture_start(&f, &c);
#define GET_AS(host) "GET /echo HTTP/1.1\r\nHost: " host "\r\n\r\n"
    check_policy(&f, 200, GET_AS("localhost"));
    check_policy(&f, 200, GET_AS("LOCALHOST:8090"));
    check_policy(&f, 200, GET_AS("127.0.0.1:1"));
    check_policy(&f, 200, GET_AS("Tandem.Example"));
    check_policy(&f, 421, GET_AS("evil.example"));
    check_policy(&f, 421, GET_AS("localhost.evil.example"));
    check_policy(&f, 421, GET_AS("localhost@evil.example"));
    check_policy(&f, 421, GET_AS("127.0.0.2")); /* it listens on .1 */
    check_policy(&f, 421, GET_AS("[::1]"));
    check_policy(&f, 421, GET_AS("[::1"));
    check_policy(&f, 421, GET_AS("localhost:80a"));
    check_policy(&f, 421, GET_AS("localhost:808080"));
    check_policy(&f, 421, GET_AS(":80"));
    check_policy(&f, 421, GET_AS(""));
#define FROM(method, origin) method " /echo HTTP/1.1\r\n" HOST "Origin: " origin "\r\n\r\n"
    check_policy(&f, 200, FROM("POST", "http://localhost"));
    check_policy(&f, 200, FROM("POST", "https://LOCALHOST"));
    check_policy(&f, 200, FROM("GET", "http://evil.example")); /* reading is not granted by us */
    check_policy(&f, 403, FROM("POST", "http://evil.example"));
    check_policy(&f, 403, FROM("PUT", "http://localhost:81"));
    check_policy(&f, 403, FROM("PATCH", "null"));
    check_policy(&f, 403, FROM("DELETE", "http://localhost.evil.example"));
    check_policy(&f, 403, FROM("DELETE", "ftp://localhost"));
    check_policy(&f, 403, FROM("DELETE", "localhost"));
    check_policy(&f, 403, FROM("DELETE", ""));
#define OF_TYPE(field) "POST /echo HTTP/1.1\r\n" HOST field "Content-Length: 2\r\n\r\n{}"
    check_policy(&f, 200, OF_TYPE("Content-Type: Application/JSON\r\n"));
    check_policy(&f, 200, OF_TYPE("Content-Type: application/json ; charset=utf-8\r\n"));
    check_policy(&f, 200, OF_TYPE("Content-Type: application/yaml\r\n"));
    check_policy(&f, 415, OF_TYPE(""));
    check_policy(&f, 415, OF_TYPE("Content-Type: text/plain\r\n"));
    check_policy(&f, 415, OF_TYPE("Content-Type: text/plain; application/json\r\n"));
    check_policy(&f, 415, OF_TYPE("Content-Type: application/jsonp\r\n"));
    check_policy(&f, 415, OF_TYPE("Content-Type: application/x-www-form-urlencoded\r\n"));
    check_policy(&f, 200, "DELETE /echo HTTP/1.1\r\n" HOST "\r\n"); /* no body, no type */
    fixture_stop(&f);
}

TEST(listening_fails_with_a_reason)
{
    struct fixture f = {0};
    struct http_config c = quick_config();
    char error[200];
    uv_loop_t loop;
    uv_loop_init(&loop);
    struct http_server *s = http_server_new(&loop, &c, handle, &f);
    CHECK_EQ(http_server_listen(s, "no.such.name", 0, error, sizeof error), -1);
    CHECK_STR(error, "cannot listen on no.such.name port 0: not an IP address and port");
    CHECK_EQ(http_server_listen(s, "127.0.0.1", 65536, error, sizeof error), -1);
    int port = http_server_listen(s, "127.0.0.1", 0, error, sizeof error);
    CHECK(port > 0);
    CHECK_EQ(http_server_listen(s, "localhost", port, error, sizeof error), -1);
    CHECK(strstr(error, "address already in use") != NULL);
    http_server_close(s, NULL, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    CHECK_EQ(uv_loop_close(&loop), 0);
}

struct listen_on {
    const char *address;
    int port;
};

static void listen_too(struct fixture *f, void *arg)
{
    struct listen_on *l = arg;
    char error[200];
    l->port = http_server_listen(f->server, l->address, 0, error, sizeof error);
}

TEST(a_server_on_every_address_answers_to_any)
{
    struct fixture f;
    struct http_config c = quick_config();
    struct listen_on any = {.address = "0.0.0.0"}, six = {.address = "0:0::1"};
    fixture_start(&f, &c);
    in_loop(&f, listen_too, &six);
    if (six.port > 0)
        check_policy(&f, 200, GET_AS("[::1]:80"));
    check_policy(&f, 421, GET_AS("192.0.2.7"));
    in_loop(&f, listen_too, &any);
    f.port = any.port;
    check_policy(&f, 200, GET_AS("192.0.2.7"));
    check_policy(&f, 200, GET_AS("[2001:db8::7]:80"));
    check_policy(&f, 421, GET_AS("evil.example"));
    check_policy(&f, 421, GET_AS("192.0.2.7.evil.example"));
    check_policy(&f, 421, GET_AS("[192.0.2.7]"));
    struct reply r = ask(&f, "GET /peer HTTP/1.1\r\n" HOST "\r\n");
    CHECK_STR(r.body.data, "127.0.0.1");
    reply_free(&r);
    fixture_stop(&f);
}

/* ---- framing of good requests ---- */

/* One pipelined request and the exact reply to it, but for the date. */
static void add_exchange(struct buf *out, struct buf *want, struct rng *rng)
{
    static const char head[] = "HTTP/1.1 200 OK\r\nDate: #\r\nContent-Type: text/plain\r\n"
                               "Content-Length: %zu\r\nX-Content-Type-Options: nosniff\r\n\r\n";
    struct buf body = {0};
    size_t n = (size_t)rng_below(rng, 300);
    buf_str(&body, "");
    switch (rng_below(rng, 5)) {
    case 0:
        buf_fmt(out, "GET /echo?%zu HTTP/1.1\r\n" HOST "\r\n", n);
        buf_fmt(&body, "GET /echo?%zu 0:", n);
        break;
    case 1:
        buf_fmt(out, POST "Content-Length: %zu\r\n\r\n%0*d", n + 1, (int)n + 1, 7);
        buf_fmt(&body, "POST /echo %zu:%0*d", n + 1, (int)n + 1, 7);
        break;
    case 2:
        buf_fmt(out, POST "Transfer-Encoding: chunked\r\n\r\n%zx\r\n%0*d\r\n2\r\n\r\n\r\n0\r\n\r\n",
                n + 1, (int)n + 1, 7);
        buf_fmt(&body, "POST /echo %zu:%0*d\r\n", n + 3, (int)n + 1, 7);
        break;
    case 3:
        buf_str(out, "GET /delayed HTTP/1.1\r\n" HOST "\r\n");
        buf_str(&body, "/delayed");
        break;
    default:
        n = n * 300; /* above what is copied, too */
        buf_fmt(out, "GET /static?n=%zu HTTP/1.1\r\n" HOST "\r\n", n);
        buf_reserve(&body, n);
        pattern_fill(body.data, n);
        body.len = n;
        break;
    }
    buf_fmt(want, head, body.len);
    buf_add(want, body.data, body.len);
    buf_free(&body);
}

/* "Date: Sun, 06 Nov 1994 08:49:37 GMT" becomes "Date: #". */
static void hide_dates(struct buf *b)
{
    char *to = b->data, *from = b->data, *p;
    while ((p = strstr(from, "\r\nDate: "))) {
        size_t n = (size_t)(p + 8 - from);
        memmove(to, from, n);
        to += n;
        *to++ = '#';
        from = p + 8 + 29;
    }
    size_t rest = (size_t)(b->data + b->len - from);
    memmove(to, from, rest + 1);
    b->len = (size_t)(to - b->data) + rest;
}

struct sender {
    int fd;
    const struct buf *b;
    struct rng rng;
};

static void *send_in_pieces(void *arg)
{
    struct sender *s = arg;
    size_t at = 0, most = rng_chance(&s->rng, 0.5) ? 40 : 100000;
    while (at < s->b->len) {
        size_t n = 1 + (size_t)rng_below(&s->rng, most);
        n = MIN(n, s->b->len - at);
        if (!send_all(s->fd, s->b->data + at, n))
            break;
        at += n;
    }
    return NULL;
}

TEST(pipelined_replies_are_exact)
{
    struct fixture f;
    struct http_config c = quick_config();
    fixture_start(&f, &c);
    for (uint64_t seed = 0; seed < 40 && !tap_fails; seed++) {
        struct buf out = {0}, want = {0}, got = {0};
        struct rng r = rng_seed(seed, 3);
        for (uint64_t n = 1 + rng_below(&r, 60); n; n--)
            add_exchange(&out, &want, &r);
        struct sender s = {dial(&f), &out, r};
        pthread_t t;
        BUG_ON(pthread_create(&t, NULL, send_in_pieces, &s) != 0);
        buf_reserve(&got, 1);
        while (true) { /* dates come and go in the middle of reads: hide them at the end */
            size_t dates = 0;
            for (const char *p = got.data; got.len && (p = strstr(p, "\r\nDate: ")); p += 8)
                dates++;
            if (got.len >= want.len + dates * 28 || receive(s.fd, &got) <= 0)
                break;
        }
        pthread_join(t, NULL);
        hide_dates(&got);
        CHECK_EQ(got.len, want.len);
        if (got.len != want.len || memcmp(got.data, want.data, want.len) != 0)
            TAP_FAIL("seed %" PRIu64 ": replies differ", seed);
        close(s.fd);
        buf_free(&out);
        buf_free(&want);
        buf_free(&got);
    }
    fixture_stop(&f);
}

/* Sends `request` twice on one connection; how many replies come before the server closes it, or 2
 * when it stays open. */
static int replies_to_two(struct fixture *f, const char *request, const char *connection)
{
    struct buf in = {0};
    struct reply r = {0};
    int n = 0, fd = dial(f);
    for (int i = 0; i < 2; i++) {
        send_text(fd, request);
        if (!receive_reply(fd, &in, &r, false))
            break;
        CHECK_STR(field_of(&r, "Connection"), connection);
        n++;
    }
    close(fd);
    buf_free(&in);
    reply_free(&r);
    return n;
}

TEST(connections_stay_or_close)
{
    struct fixture f;
    struct http_config c = quick_config();
    fixture_start(&f, &c);
    CHECK_EQ(replies_to_two(&f, GET_ECHO, ""), 2);
    CHECK_EQ(replies_to_two(&f, "GET /echo HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n", "close"),
             1);
    CHECK_EQ(replies_to_two(&f, "GET /echo HTTP/1.0\r\n" HOST "\r\n", "close"), 1);
    CHECK_EQ(replies_to_two(&f, "GET /echo HTTP/1.0\r\n" HOST "Connection: keep-alive\r\n\r\n",
                            "keep-alive"),
             2);
    CHECK_EQ(replies_to_two(&f, "GET /nowhere HTTP/1.1\r\n" HOST "\r\n", ""), 2);
    fixture_stop(&f);
}

TEST(continue_is_sent_when_it_is_awaited)
{
    struct fixture f;
    struct http_config c = quick_config();
    struct buf in = {0};
    struct reply r = {0};
    fixture_start(&f, &c);
    int fd = dial(&f);
    send_text(fd, POST "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    CHECK(receive_reply(fd, &in, &r, true));
    CHECK_EQ(r.status, 100);
    CHECK_STR(r.head.data, "HTTP/1.1 100 Continue\r\n\r\n");
    send_text(fd, "{}");
    CHECK(receive_reply(fd, &in, &r, false));
    CHECK_EQ(r.status, 200);
    CHECK_STR(r.body.data, "POST /echo 2:{}");
    /* the body is here already, so nobody waits */
    send_text(fd, POST "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n{}");
    CHECK(receive_reply(fd, &in, &r, false));
    CHECK_EQ(r.status, 200);
    /* there will be no body */
    send_text(fd, POST "Expect: 100-continue\r\nContent-Length: 0\r\n\r\n");
    CHECK(receive_reply(fd, &in, &r, false));
    CHECK_EQ(r.status, 200);
    close(fd);
    /* a body that will not be taken is not asked for */
    r = (reply_free(&r), ask(&f, "POST /echo HTTP/1.1\r\n" HOST "Content-Type: text/plain\r\n"
                                 "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n"));
    CHECK_EQ(r.status, 415);
    reply_free(&r);
    r = ask(&f, POST "Expect: 100-continue\r\nContent-Length: 99999\r\n\r\n");
    CHECK_EQ(r.status, 413);
    reply_free(&r);
    buf_free(&in);
    fixture_stop(&f);
}

TEST(a_refused_upload_still_reads_its_reply)
{
    struct fixture f;
    struct http_config c = quick_config();
    struct buf in = {0}, megabyte = {0};
    fixture_start(&f, &c);
    for (int i = 0; i < 1 << 20; i++)
        buf_char(&megabyte, 'x');
    int status, fd = dial(&f);
    send_text(fd, POST "Content-Length: 1048576\r\n\r\n");
    CHECK(send_all(fd, megabyte.data, megabyte.len)); /* no reset while it sends */
    shutdown(fd, SHUT_WR);
    CHECK(receive_all(fd, &in));
    CHECK_EQ(count_replies(&in, &status), 1);
    CHECK_EQ(status, 413);
    close(fd);
    buf_free(&in);
    buf_free(&megabyte);
    fixture_stop(&f);
}

TEST(a_client_that_has_closed_its_side_gets_all_replies)
{
    struct fixture f;
    struct http_config c = quick_config();
    struct buf in = {0};
    fixture_start(&f, &c);
    int status, fd = dial(&f);
    send_text(fd, "GET /delayed HTTP/1.1\r\n" HOST "\r\n" GET_ECHO "GET /delayed HTTP/1.1\r\n" HOST
                  "\r\nGET /ec");
    shutdown(fd, SHUT_WR);
    CHECK(receive_all(fd, &in));
    CHECK_EQ(count_replies(&in, &status), 3);
    CHECK_EQ(status, 200);
    close(fd);
    buf_free(&in);
    fixture_stop(&f);
}

TEST(large_replies_reach_a_slow_reader)
{
    static const char *const requests[] = {"GET /big?n=3000000 HTTP/1.1\r\n" HOST "\r\n",
                                           "GET /static?n=3000000 HTTP/1.1\r\n" HOST "\r\n"};
    struct fixture f;
    struct http_config c = quick_config();
    fixture_start(&f, &c);
    for (int i = 0; i < 2; i++) {
        struct buf in = {0};
        struct reply r = {0};
        int small = 4096, fd = client_socket();
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
        CHECK(dial_on(fd, &f));
        for (int k = 0; k < 3; k++)
            send_text(fd, requests[i]);
        send_text(fd, GET_ECHO);
        usleep(20000); /* lets the server's socket fill */
        for (int k = 0; k < 3; k++) {
            CHECK(receive_reply(fd, &in, &r, false));
            CHECK_EQ(r.body.len, FIX_STATIC);
            CHECK(r.body.len == FIX_STATIC && !memcmp(r.body.data, f.pattern, FIX_STATIC));
        }
        CHECK(receive_reply(fd, &in, &r, false));
        CHECK_STR(r.body.data, "GET /echo 0:");
        close(fd);
        buf_free(&in);
        reply_free(&r);
    }
    fixture_stop(&f);
}

/* ---- time ---- */

static void wait_conns(struct fixture *f, uint32_t n)
{
    do
        in_loop(f, copy_stats, NULL);
    while (f->stats.conns != n);
}

TEST(a_slow_head_is_cut_off)
{
    struct fixture f;
    struct http_config c = quick_config();
    struct buf in = {0};
    c.header_timeout_ms = 150;
    fixture_start(&f, &c);
    int status, fd = dial(&f);
    send_text(fd, "GET /echo HTTP/1.1\r\n" HOST);
    while (send_text(fd, "X: y\r\n")) { /* a byte now and then does not buy time */
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (poll(&p, 1, 10) > 0)
            break;
    }
    CHECK(receive_all(fd, &in));
    CHECK_EQ(count_replies(&in, &status), 1);
    CHECK_EQ(status, 408);
    close(fd);
    buf_reset(&in);
    fd = dial(&f); /* the second request of a connection has no more time */
    send_text(fd, GET_ECHO "GET /echo HTT");
    CHECK(receive_all(fd, &in));
    CHECK_EQ(count_replies(&in, &status), 2);
    CHECK(strstr(in.data, "HTTP/1.1 408 ") != NULL);
    close(fd);
    buf_reset(&in);
    fd = dial(&f); /* says nothing at all */
    CHECK(receive_all(fd, &in));
    CHECK_EQ(in.len, 0);
    close(fd);
    in_loop(&f, copy_stats, NULL);
    CHECK_EQ(f.stats.timeouts, 3);
    buf_free(&in);
    fixture_stop(&f);
}

TEST(idle_connections_are_closed)
{
    struct fixture f;
    struct http_config c = quick_config();
    struct buf in = {0};
    struct reply r = {0};
    c.idle_timeout_ms = 100;
    fixture_start(&f, &c);
    int fd = dial(&f);
    send_text(fd, GET_ECHO);
    CHECK(receive_reply(fd, &in, &r, false));
    CHECK(receive_all(fd, &in));
    CHECK_EQ(in.len, 0);
    close(fd);
    in_loop(&f, copy_stats, NULL);
    CHECK_EQ(f.stats.timeouts, 0);
    reply_free(&r);
    buf_free(&in);
    fixture_stop(&f);
}

TEST(a_reader_that_takes_nothing_is_dropped)
{
    struct fixture f;
    struct http_config c = quick_config();
    struct buf in = {0};
    c.write_timeout_ms = 150;
    fixture_start(&f, &c);
    int small = 4096, fd = client_socket();
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    CHECK(dial_on(fd, &f));
    for (int i = 0; i < 4; i++) /* more than any socket buffer takes */
        send_text(fd, "GET /big?n=3000000 HTTP/1.1\r\n" HOST "\r\n");
    wait_conns(&f, 1);
    wait_conns(&f, 0);
    CHECK_EQ(f.stats.timeouts, 1);
    CHECK(!receive_all(fd, &in)); /* a reset */
    close(fd);
    buf_free(&in);
    fixture_stop(&f);
}

/* ---- deferred replies ---- */

static void reply_to_later(struct fixture *f, void *arg)
{
    for (int i = 0; i < f->n_later; i++) {
        if (f->later[i])
            http_reply(f->later[i], 200, "text/plain", "late", 4);
        f->later[i] = NULL;
    }
}

static void count_later(struct fixture *f, void *arg)
{
    *(int *)arg = f->n_later;
}

static void wait_later(struct fixture *f, int n)
{
    int now;
    do
        in_loop(f, count_later, &now);
    while (now < n);
}

static void count_cancelled(struct fixture *f, void *arg)
{
    *(int *)arg = f->cancelled;
}
#define GET_LATER "GET /later HTTP/1.1\r\n" HOST "\r\n"

TEST(a_reply_may_come_later)
{
    struct fixture f;
    struct http_config c = quick_config();
    struct buf in = {0};
    struct reply r = {0};
    int cancelled;
    fixture_start(&f, &c);
    int fd = dial(&f);
    send_text(fd, GET_LATER GET_ECHO); /* the second waits for the first */
    wait_later(&f, 1);
    CHECK(recv(fd, (char[1]){0}, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN);
    in_loop(&f, reply_to_later, NULL);
    CHECK(receive_reply(fd, &in, &r, false));
    CHECK_STR(r.body.data, "late");
    CHECK(receive_reply(fd, &in, &r, false));
    CHECK_STR(r.body.data, "GET /echo 0:");
    in_loop(&f, count_cancelled, &cancelled);
    CHECK_EQ(cancelled, 0);
    close(fd);
    reply_free(&r);
    buf_free(&in);
    fixture_stop(&f);
}

/* Closes with a reset. */
static void hang_up(int fd)
{
    struct linger l = {.l_onoff = 1, .l_linger = 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof l);
    close(fd);
}

TEST(a_client_that_goes_away_cancels)
{
    struct fixture f;
    struct http_config c = quick_config();
    int cancelled;
    fixture_start(&f, &c);
    int fd = dial(&f);
    send_text(fd, GET_LATER);
    wait_later(&f, 1);
    hang_up(fd);
    do
        in_loop(&f, count_cancelled, &cancelled);
    while (!cancelled);
    fd = dial(&f); /* many bytes behind a deferred request: they wait, the reset is seen later */
    send_text(fd, GET_LATER);
    wait_later(&f, 2);
    for (int i = 0; i < 200; i++)
        send_text(fd, GET_ECHO);
    hang_up(fd);
    in_loop(&f, reply_to_later, NULL); /* or cancelled already: either way exactly once */
    wait_conns(&f, 0);
    fixture_stop(&f);
    CHECK(f.cancelled == 1 || f.cancelled == 2);
}

TEST(no_reply_in_time)
{
    struct fixture f;
    struct http_config c = quick_config();
    int cancelled;
    c.reply_timeout_ms = 100;
    fixture_start(&f, &c);
    struct reply r = ask(&f, GET_LATER);
    CHECK_EQ(r.status, 503);
    CHECK_STR(field_of(&r, "Connection"), "close");
    in_loop(&f, count_cancelled, &cancelled);
    CHECK_EQ(cancelled, 1);
    reply_free(&r);
    fixture_stop(&f);
}

/* ---- streams ---- */

static void send_event(struct fixture *f, void *arg)
{
    const char *text = arg;
    for (int i = 0; i < f->n_streams; i++)
        if (f->streams[i])
            http_stream_send(f->streams[i], text, strlen(text));
}

static void end_streams(struct fixture *f, void *arg)
{
    for (int i = 0; i < f->n_streams; i++)
        if (f->streams[i])
            http_stream_end(f->streams[i]);
}

static void count_streams(struct fixture *f, void *arg)
{
    *(int *)arg = f->n_streams;
}

static void count_closed(struct fixture *f, void *arg)
{
    *(int *)arg = f->streams_closed;
}

static void wait_streams(struct fixture *f, int n)
{
    int now;
    do
        in_loop(f, count_streams, &now);
    while (now < n);
}

static void wait_closed(struct fixture *f, int n)
{
    int now;
    do
        in_loop(f, count_closed, &now);
    while (now < n);
    CHECK_EQ(now, n);
}

TEST(a_stream_is_framed)
{
    struct fixture f;
    struct http_config c = quick_config();
    fixture_start(&f, &c);
    struct buf in = {0};
    int fd = dial(&f);
    send_text(fd, "GET /events HTTP/1.1\r\n" HOST "\r\n" GET_ECHO); /* the second is not answered */
    wait_streams(&f, 1);
    in_loop(&f, send_event, (char *)(uintptr_t) "data: 1\n\n");
    in_loop(&f, send_event, (char *)(uintptr_t) "");
    in_loop(&f, send_event, (char *)(uintptr_t) "data: twenty-two letters\n\n");
    in_loop(&f, end_streams, NULL);
    in_loop(&f, send_event, (char *)(uintptr_t) "after the end");
    CHECK(receive_all(fd, &in));
    const char *body = strstr(in.data, "\r\n\r\n");
    CHECK_STR(body ? body : "", "\r\n\r\n9\r\ndata: 1\n\n\r\n1a\r\ndata: twenty-two letters\n\n\r\n"
                                "0\r\n\r\n");
    CHECK(strstr(in.data, "\r\nTransfer-Encoding: chunked\r\n") != NULL);
    CHECK(strstr(in.data, "\r\nContent-Type: text/event-stream\r\n") != NULL);
    CHECK(strstr(in.data, "\r\nCache-Control: no-store\r\n") != NULL);
    CHECK(strstr(in.data, "\r\nConnection: close\r\n") != NULL);
    close(fd);
    wait_closed(&f, 1);

    buf_reset(&in);
    fd = dial(&f);
    send_text(fd, "GET /events HTTP/1.0\r\n" HOST "\r\n");
    wait_streams(&f, 2);
    in_loop(&f, send_event, (char *)(uintptr_t) "data: 1\n\n");
    in_loop(&f, end_streams, NULL);
    CHECK(receive_all(fd, &in));
    body = strstr(in.data, "\r\n\r\n");
    CHECK_STR(body ? body : "", "\r\n\r\ndata: 1\n\n");
    CHECK(!strstr(in.data, "Transfer-Encoding"));
    close(fd);
    wait_closed(&f, 2);

    struct reply r = ask(&f, "HEAD /events HTTP/1.1\r\n" HOST "\r\n");
    CHECK_EQ(r.status, 200);
    CHECK_STR(field_of(&r, "Content-Type"), "text/event-stream");
    CHECK_STR(field_of(&r, "Content-Length"), "");
    reply_free(&r);
    fd = dial(&f); /* leaves by itself */
    send_text(fd, "GET /events HTTP/1.1\r\n" HOST "\r\n");
    wait_streams(&f, 4);
    close(fd);
    wait_closed(&f, 3);
    buf_free(&in);
    fixture_stop(&f);
    CHECK_EQ(f.streams_closed, 3);
}

struct flood {
    int sent, size;
    bool dropped;
};

/* Sends to the first stream until it is dropped, one event a turn of the loop. */
static void flood_first(struct fixture *f, void *arg)
{
    struct flood *a = arg;
    if (!f->streams[0] || !http_stream_send(f->streams[0], f->pattern, (size_t)a->size))
        a->dropped = true;
    else
        a->sent++;
}

static void send_marker(struct fixture *f, void *arg)
{
    *(bool *)arg = f->streams[1] && http_stream_send(f->streams[1], "data: alive\n\n", 13);
}

TEST(a_slow_client_is_dropped_alone)
{
    struct fixture f;
    struct http_config c = quick_config();
    c.stream_queue_max = 100000;
    fixture_start(&f, &c);
    struct buf in = {0};
    int small = 4096, slow = client_socket();
    setsockopt(slow, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    CHECK(dial_on(slow, &f));
    send_text(slow, "GET /events HTTP/1.1\r\n" HOST "\r\n");
    wait_streams(&f, 1);
    int good = dial(&f);
    send_text(good, "GET /events HTTP/1.1\r\n" HOST "\r\n");
    wait_streams(&f, 2);
    struct flood a = {.size = 10000};
    for (int i = 0; i < 1000 && !a.dropped; i++)
        in_loop(&f, flood_first, &a);
    CHECK(a.dropped);
    CHECK(a.sent >= 100000 / 10000);
    CHECK(a.sent * a.size < 1000000); /* its queue, and what the kernel takes */
    wait_closed(&f, 1);
    CHECK(!receive_all(slow, &in)); /* a reset, not an end that looks like one */
    bool sent = false;
    in_loop(&f, send_marker, &sent);
    CHECK(sent);
    buf_reset(&in);
    while (!in.len || !strstr(in.data, "data: alive\n\n"))
        if (receive(good, &in) <= 0) {
            TAP_FAIL("the other client lost its stream");
            break;
        }
    in_loop(&f, copy_stats, NULL);
    CHECK_EQ(f.stats.streams_dropped, 1);
    CHECK_EQ(f.stats.streams, 1);
    close(slow);
    close(good);
    buf_free(&in);
    fixture_stop(&f);
    CHECK_EQ(f.streams_closed, 2);
}

/* A first event larger than the queue goes to a client that is not behind. */
TEST(a_large_snapshot_is_taken_whole)
{
    struct fixture f;
    struct http_config c = quick_config();
    c.stream_queue_max = 1000;
    fixture_start(&f, &c);
    struct buf in = {0};
    int fd = dial(&f);
    send_text(fd, "GET /events HTTP/1.0\r\n" HOST "\r\n");
    wait_streams(&f, 1);
    struct flood a = {.size = 2000000};
    in_loop(&f, flood_first, &a);
    CHECK(!a.dropped);
    in_loop(&f, end_streams, NULL);
    CHECK(receive_all(fd, &in));
    const char *body = strstr(in.data, "\r\n\r\n");
    CHECK(body && (size_t)(in.data + in.len - body) == 4 + 2000000);
    CHECK(body && !memcmp(body + 4, f.pattern, 2000000));
    close(fd);
    buf_free(&in);
    fixture_stop(&f);
}

/* ---- replies ---- */

TEST(fields_of_replies)
{
    struct fixture f;
    struct http_config c = quick_config();
    fixture_start(&f, &c);
    struct reply r = ask(&f, "GET /nowhere HTTP/1.1\r\n" HOST "\r\n");
    size_t not_found_len = r.body.len;
    CHECK_EQ(r.status, 404);
    CHECK_STR(field_of(&r, "Content-Type"), "application/problem+json");
    CHECK_STR(field_of(&r, "X-Content-Type-Options"), "nosniff");
    CHECK_EQ(strlen(field_of(&r, "Date")), 29);
    CHECK_STR(r.body.data, "{\"type\":\"about:blank\",\"title\":\"Not Found\",\"status\":404,"
                           "\"detail\":\"\\\"There\\\" is nothing.\"}");
    reply_free(&r);
    r = ask(&f, "GET /none HTTP/1.1\r\n" HOST "\r\n");
    CHECK_EQ(r.status, 204);
    CHECK(!strstr(r.head.data, "\r\nContent-"));
    reply_free(&r);
    r = ask(&f, "HEAD /echo HTTP/1.1\r\n" HOST "\r\n");
    CHECK_STR(field_of(&r, "Content-Length"), "13");
    reply_free(&r);
    r = ask(&f, "HEAD /nowhere HTTP/1.1\r\n" HOST "\r\n");
    CHECK_EQ(r.status, 404);
    CHECK_EQ(strtol(field_of(&r, "Content-Length"), NULL, 10), not_found_len);
    reply_free(&r);
    r = ask(&f, "OPTIONS * HTTP/1.1\r\n" HOST "\r\n");
    CHECK_STR(field_of(&r, "Allow"), "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
    reply_free(&r);
    r = ask(&f, "GET /match HTTP/1.1\r\n" HOST "\r\n");
    CHECK_STR(field_of(&r, "X-Injected"), "a  b: c ");
    CHECK_STR(r.body.data, "absent");
    reply_free(&r);
    fixture_stop(&f);
}

static void check_match(struct fixture *f, const char *fields, const char *want)
{
    struct buf b = {0};
    buf_fmt(&b, "PUT /match HTTP/1.1\r\n" HOST "%s\r\n", fields);
    struct reply r = ask(f, b.data);
    CHECK_STR(r.body.len ? r.body.data : "", want);
    reply_free(&r);
    buf_free(&b);
}

/* What an asset gives for these fields: "200 gzip gzipped", "304  ". */
static void check_asset(struct fixture *f, const char *fields, const char *want)
{
    struct buf b = {0}, got = {0};
    buf_fmt(&b, "GET /asset HTTP/1.1\r\n" HOST "%s\r\n", fields);
    struct reply r = ask(f, b.data);
    buf_fmt(&got, "%d %s %s", r.status, field_of(&r, "Content-Encoding"),
            r.body.len ? r.body.data : "");
    if (strcmp(got.data, want) != 0)
        TAP_FAIL("%s: got %s, want %s", fields, got.data, want);
    CHECK_STR(field_of(&r, "Vary"), "Accept-Encoding");
    CHECK(strstr(field_of(&r, "Content-Security-Policy"), "default-src 'self';") != NULL);
    CHECK_STR(field_of(&r, "Referrer-Policy"), "no-referrer");
    CHECK_STR(field_of(&r, "Cache-Control"), "no-cache");
    reply_free(&r);
    buf_free(&b);
    buf_free(&got);
}

TEST(entity_tags_and_codings)
{
    struct fixture f;
    struct http_config c = quick_config();
    fixture_start(&f, &c);
    check_match(&f, "If-Match: \"7\"\r\n", "yes");
    check_match(&f, "If-Match: \"6\", \"7\"\r\n", "yes");
    check_match(&f, "If-Match: \"6\"\r\nIf-Match: \"7\"\r\n", "yes");
    check_match(&f, "If-Match: *\r\n", "yes");
    check_match(&f, "If-Match: \"8\"\r\n", "no");
    check_match(&f, "If-Match: W/\"7\"\r\n", "no");
    check_match(&f, "If-Match: 7\r\n", "no");
    check_match(&f, "If-Match:\r\n", "no");
    check_match(&f, "If-None-Match: W/\"7\"\r\n", ""); /* 304 */
    check_match(&f, "If-None-Match: \"7\"\r\n", "");
    check_asset(&f, "", "200  <p>plain</p>");
    check_asset(&f, "Accept-Encoding: gzip\r\n", "200 gzip gzipped");
    check_asset(&f, "Accept-Encoding: gzip, deflate, br\r\n", "200 br br");
    check_asset(&f, "Accept-Encoding: GZIP;q=0.5 , identity\r\n", "200 gzip gzipped");
    check_asset(&f, "Accept-Encoding: deflate\r\nAccept-Encoding: gzip\r\n", "200 gzip gzipped");
    check_asset(&f, "Accept-Encoding: *\r\n", "200 br br");
    check_asset(&f, "Accept-Encoding: br;q=0, *\r\n", "200 gzip gzipped");
    check_asset(&f, "Accept-Encoding: *;q=0\r\n", "200  <p>plain</p>");
    check_asset(&f, "Accept-Encoding: gzip;q=0.000\r\n", "200  <p>plain</p>");
    check_asset(&f, "Accept-Encoding: xgzip, gzipx, ,\r\n", "200  <p>plain</p>");
    check_asset(&f, "If-None-Match: \"v1\"\r\n", "304  ");
    check_asset(&f, "If-None-Match: W/\"v1\"\r\n", "304  ");
    check_asset(&f, "If-None-Match: \"a,b\", \"v1\"\r\n", "304  ");
    check_asset(&f, "If-None-Match: *\r\n", "304  ");
    check_asset(&f, "If-None-Match: \"v2\"\r\n", "200  <p>plain</p>");
    check_asset(&f, "If-None-Match: \"v1\"\r\nAccept-Encoding: gzip\r\n", "200 gzip gzipped");
    check_asset(&f, "If-None-Match: \"v1-gz\"\r\nAccept-Encoding: gzip\r\n", "304  ");
    struct reply r = ask(&f, "GET /asset HTTP/1.1\r\n" HOST "Accept-Encoding: br\r\n\r\n");
    CHECK_STR(field_of(&r, "ETag"), "\"v1-br\"");
    reply_free(&r);
    r = ask(&f, "HEAD /asset HTTP/1.1\r\n" HOST "\r\n");
    CHECK_STR(field_of(&r, "Content-Length"), "12");
    CHECK_STR(field_of(&r, "ETag"), "\"v1\"");
    reply_free(&r);
    r = ask(&f, "POST /asset HTTP/1.1\r\n" HOST "\r\n");
    CHECK_EQ(r.status, 405);
    CHECK_STR(field_of(&r, "Allow"), "GET, HEAD");
    reply_free(&r);
    fixture_stop(&f);
}

/* ---- too many, and the end ---- */

TEST(connections_are_bounded)
{
    struct fixture f;
    struct http_config c = quick_config();
    struct buf in = {0};
    int fds[4], status;
    c.conns_max = 4;
    fixture_start(&f, &c);
    for (int i = 0; i < 4; i++) {
        fds[i] = dial(&f);
        send_text(fds[i], GET_LATER); /* at work, so none can be made to leave */
        wait_later(&f, i + 1);
    }
    int fd = dial(&f);
    receive_all(fd, &in); /* it says nothing, so no reset can hit the reply */
    CHECK_EQ(count_replies(&in, &status), 1);
    CHECK_EQ(status, 503);
    close(fd);
    in_loop(&f, copy_stats, NULL);
    CHECK_EQ(f.stats.turned_away, 1);
    CHECK_EQ(f.stats.conns, 4);
    in_loop(&f, reply_to_later, NULL);
    close(fds[3]);
    wait_conns(&f, 3);
    struct reply r = ask(&f, GET_ECHO);
    CHECK_EQ(r.status, 200);
    reply_free(&r);
    for (int i = 0; i < 3; i++)
        close(fds[i]);
    buf_free(&in);
    fixture_stop(&f);
}

TEST(an_idle_connection_makes_room)
{
    struct fixture f;
    struct http_config c = quick_config();
    struct buf in = {0};
    struct reply r = {0};
    int fds[2];
    c.conns_max = 2;
    fixture_start(&f, &c);
    for (int i = 0; i < 2; i++) {
        fds[i] = dial(&f);
        send_text(fds[i], GET_ECHO);
        CHECK(receive_reply(fds[i], &in, &r, false));
        reply_free(&r);
        r = (struct reply){0};
    }
    usleep(1300000); /* idle long enough to be asked to leave */
    r = ask(&f, GET_ECHO);
    CHECK_EQ(r.status, 200);
    CHECK(receive_all(fds[0], &in)); /* the one idle longest */
    CHECK_EQ(in.len, 0);
    reply_free(&r);
    close(fds[0]);
    close(fds[1]);
    wait_conns(&f, 0);
    buf_free(&in);
    fixture_stop(&f);
}

TEST(out_of_descriptors)
{
    enum { CLIENTS = 20, LEFT = 3 };
    struct fixture f;
    struct http_config c = quick_config();
    struct rlimit old, low;
    int fds[CLIENTS], highest = 0;
    fixture_start(&f, &c);
    struct reply r = ask(&f, GET_ECHO); /* libuv opens its spare descriptor */
    reply_free(&r);
    wait_conns(&f, 0);
    for (int i = 0; i < CLIENTS; i++) {
        fds[i] = client_socket();
        highest = MAX(highest, fds[i]);
    }
    BUG_ON(getrlimit(RLIMIT_NOFILE, &old) != 0);
    low = old;
    low.rlim_cur = (rlim_t)highest + 1 + LEFT;
    BUG_ON(setrlimit(RLIMIT_NOFILE, &low) != 0);
    for (int i = 0; i < CLIENTS; i++)
        CHECK(dial_on(fds[i], &f));
    int served = 0;
    for (int i = 0; i < CLIENTS; i++) {
        struct buf in = {0};
        memset(&r, 0, sizeof r);
        send_text(fds[i], GET_ECHO);
        served += receive_reply(fds[i], &in, &r, false) && r.status == 200;
        reply_free(&r);
        buf_free(&in);
    }
    BUG_ON(setrlimit(RLIMIT_NOFILE, &old) != 0);
    CHECK(served >= LEFT && served < CLIENTS);
    for (int i = 0; i < CLIENTS; i++)
        close(fds[i]);
    wait_conns(&f, 0);
    r = ask(&f, GET_ECHO); /* it goes on */
    CHECK_EQ(r.status, 200);
    reply_free(&r);
    fixture_stop(&f);
}

TEST(stopping_lets_requests_end)
{
    struct fixture f;
    struct http_config c = quick_config();
    struct buf in = {0};
    struct reply r = {0};
    fixture_start(&f, &c);
    int idle = dial(&f), busy = dial(&f), half = dial(&f), stream = dial(&f);
    send_text(idle, GET_ECHO);
    CHECK(receive_reply(idle, &in, &r, false));
    send_text(stream, "GET /events HTTP/1.1\r\n" HOST "\r\n");
    wait_streams(&f, 1);
    send_text(half, "GET /echo HTTP/1.1\r\n");
    send_text(busy, GET_LATER);
    wait_later(&f, 1);
    in_loop(&f, copy_stats, NULL);
    CHECK_EQ(f.stats.conns, 4);
    in_loop(&f, close_server, NULL);
    CHECK(receive_all(idle, &in));
    CHECK_EQ(in.len, 0);
    CHECK(receive_all(stream, &in));
    CHECK(in.len > 5 && !strcmp(in.data + in.len - 5, "0\r\n\r\n"));
    close(stream);
    int late = client_socket();
    CHECK(!dial_on(late, &f));
    buf_reset(&in);
    send_text(half, HOST "\r\n");
    CHECK(receive_reply(half, &in, &r, false));
    CHECK_EQ(r.status, 200);
    CHECK_STR(field_of(&r, "Connection"), "close");
    CHECK(receive_all(half, &in));
    close(half);
    in_loop(&f, reply_to_later, NULL);
    CHECK(receive_reply(busy, &in, &r, false));
    CHECK_STR(r.body.data, "late");
    CHECK_STR(field_of(&r, "Connection"), "close");
    close(idle);
    close(busy);
    close(late);
    fixture_join(&f);
    CHECK_EQ(f.cancelled, 0);
    CHECK_EQ(f.streams_closed, 1);
    reply_free(&r);
    buf_free(&in);
}

TEST(stopping_does_not_wait_for_ever)
{
    struct fixture f;
    struct http_config c = quick_config();
    c.drain_ms = 100;
    fixture_start(&f, &c);
    int fd = dial(&f);
    send_text(fd, GET_LATER);
    wait_later(&f, 1);
    fixture_stop(&f);
    CHECK_EQ(f.cancelled, 1);
    close(fd);
}

TAP_MAIN
