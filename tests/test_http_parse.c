/* http: the guard and the parser as functions over bytes; paths and queries. */
#include "base/mem.h"
#include "http/http_parse.h"
#include "tap.h"

static const struct http_limits limits = {.head_max = 2048, .target_max = 256, .body_max = 512};

/* What a run over some bytes came to. */
struct outcome {
    int messages;   /* complete */
    int status;     /* of the refusal that ended it; 0: none */
    size_t used;    /* bytes of complete messages */
    struct buf log; /* method, path, query, fields and body of each */
};

static void note(struct outcome *o, struct http_parser *p, const char *m)
{
    const struct http_head *h = &p->head;
    buf_fmt(&o->log, "%s path=%.*s", http_method_names[h->method], h->path_len, m + h->path);
    if (h->has_query)
        buf_fmt(&o->log, " query=%.*s", h->query_len, m + h->query);
    for (int i = 0; i < h->n_fields; i++)
        buf_fmt(&o->log, " %.*s=[%.*s]", h->fields[i].name_len, m + h->fields[i].name,
                h->fields[i].value_len, m + h->fields[i].value);
    buf_fmt(&o->log, " body=%.*s%s\n", (int)p->body_len, m + p->body_at,
            p->keep_alive ? "" : " close");
}

/* Parses as a connection does: bytes come in pieces of 1 to piece_max, what is used is dropped. */
static struct outcome parse(const char *data, size_t n, size_t piece_max, struct rng *rng)
{
    struct outcome o = {0};
    struct http_parser p;
    char *in = mem_new(n + 1, 1);
    size_t start = 0, end = 0;
    http_parser_init(&p, &limits);
    while (end < n && !o.status) {
        size_t piece = piece_max == 1 ? 1 : 1 + (size_t)rng_below(rng, piece_max);
        if (piece > n - end)
            piece = n - end;
        memcpy(in + end, data + end, piece);
        end += piece;
        bool more = true;
        while (more && start < end) {
            switch (http_parse(&p, in + start, end - start)) {
            case HTTP_STEP_HEAD: break;
            case HTTP_STEP_MORE:
                CHECK(end - start < http_message_max(&limits));
                more = false;
                break;
            case HTTP_STEP_DONE:
                note(&o, &p, in + start);
                o.messages++;
                start += p.pos;
                o.used = start;
                http_parser_reset(&p);
                break;
            case HTTP_STEP_REFUSED:
                CHECK(p.why != NULL);
                o.status = p.status;
                more = false;
                break;
            }
        }
    }
    mem_free(in);
    return o;
}

static void check_parse(const char *data, size_t n, int messages, int status, const char *log)
{
    struct rng r = rng_seed(1, 1);
    struct outcome o = parse(data, n, n, &r);
    CHECK_EQ(o.messages, messages);
    CHECK_EQ(o.status, status);
    if (log)
        CHECK_STR(o.log.data ? o.log.data : "", log);
    buf_free(&o.log);
}
#define ACCEPTS(text, log)  check_parse(text, sizeof(text) - 1, 1, 0, log)
#define REFUSES(text, code) check_parse(text, sizeof(text) - 1, 0, code, NULL)

TEST(plain_requests)
{
    ACCEPTS("GET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET path=/ Host=[a] body=\n");
    ACCEPTS("GET /a/b?c=d&e HTTP/1.1\r\nhost:a\r\n\r\n",
            "GET path=/a/b query=c=d&e host=[a] body=\n");
    ACCEPTS("GET /? HTTP/1.1\r\nHost: a\r\n\r\n", "GET path=/ query= Host=[a] body=\n");
    ACCEPTS("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET path=/ Host=[a] body=\n");
    ACCEPTS("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
            "POST path=/x Host=[a] Content-Length=[3] body=abc\n");
    ACCEPTS("GET / HTTP/1.1\r\nHost: \t a b \t\r\nX:\r\n\r\n",
            "GET path=/ Host=[a b] X=[] body=\n");
    ACCEPTS("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
            "GET path=/ Host=[a] Connection=[close] body= close\n");
    ACCEPTS("GET / HTTP/1.0\r\nHost: a\r\n\r\n", "GET path=/ Host=[a] body= close\n");
    ACCEPTS("GET / HTTP/1.0\r\nHost: a\r\nConnection: Keep-Alive\r\n\r\n",
            "GET path=/ Host=[a] Connection=[Keep-Alive] body=\n");
    ACCEPTS("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "OPTIONS path=* Host=[a] body=\n");
    ACCEPTS("GET http://a:80/x?y HTTP/1.1\r\nHost: A:80\r\n\r\n",
            "GET path=/x query=y Host=[A:80] body=\n");
    ACCEPTS("GET http://a?y HTTP/1.1\r\nHost: a\r\n\r\n", "GET path= query=y Host=[a] body=\n");
    ACCEPTS("GET / HTTP/1.1\r\nHost: a\r\nX: caf\xc3\xa9\r\n\r\n",
            "GET path=/ Host=[a] X=[caf\xc3\xa9] body=\n");
}

TEST(an_upgrade_is_ignored)
{
    ACCEPTS(
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n",
        "GET path=/ Host=[a] Connection=[Upgrade, HTTP2-Settings] Upgrade=[h2c] body=\n");
    ACCEPTS("POST / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
            "Content-Length: 2\r\n\r\nhi",
            "POST path=/ Host=[a] Connection=[upgrade] Upgrade=[websocket] Content-Length=[2] "
            "body=hi\n");
}

#define CHUNKED     "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n"
#define CHUNKED_LOG "POST path=/ Host=[a] Transfer-Encoding=[Chunked] body="

TEST(chunked_bodies)
{
    ACCEPTS(CHUNKED "0\r\n\r\n", CHUNKED_LOG "\n");
    ACCEPTS(CHUNKED "3\r\nabc\r\n0\r\n\r\n", CHUNKED_LOG "abc\n");
    ACCEPTS(CHUNKED "1\r\na\r\nA\r\n0123456789\r\n00000000\r\n\r\n", CHUNKED_LOG "a0123456789\n");
    ACCEPTS(CHUNKED "3;z;x=y\r\nabc\r\n0;last\r\n\r\n", CHUNKED_LOG "abc\n");
    ACCEPTS(CHUNKED "4\r\n\r\n\r\n\r\n0\r\n\r\n", CHUNKED_LOG "\r\n\r\n\n");
    REFUSES(CHUNKED "0x3\r\nabc\r\n0\r\n\r\n", 400);
    REFUSES(CHUNKED "3\nabc\r\n0\r\n\r\n", 400);
    REFUSES(CHUNKED "3\r\nabc\n0\r\n\r\n", 400);
    REFUSES(CHUNKED "3\r\nabcd\r\n0\r\n\r\n", 400);
    REFUSES(CHUNKED "\r\nabc\r\n0\r\n\r\n", 400);
    REFUSES(CHUNKED "3 \r\nabc\r\n0\r\n\r\n", 400);
    REFUSES(CHUNKED " 3\r\nabc\r\n0\r\n\r\n", 400);
    REFUSES(CHUNKED "-3\r\nabc\r\n0\r\n\r\n", 400);
    REFUSES(CHUNKED "+3\r\nabc\r\n0\r\n\r\n", 400);
    REFUSES(CHUNKED "3;a\x01\r\nabc\r\n0\r\n\r\n", 400);
    REFUSES(CHUNKED "3;a\rb\r\nabc\r\n0\r\n\r\n", 400);
    REFUSES(CHUNKED "000000003\r\nabc\r\n0\r\n\r\n", 400);
    REFUSES(CHUNKED "100000003\r\nabc\r\n0\r\n\r\n", 400);
    REFUSES(CHUNKED "ffffffff\r\nabc\r\n0\r\n\r\n", 413);
    REFUSES(CHUNKED "0\r\nX: trailer\r\n\r\n", 400);
    REFUSES(CHUNKED "0\r\n\n", 400);
    REFUSES(CHUNKED "0\r\n\rX", 400);
}

TEST(heads_that_are_refused)
{
    REFUSES("\x16\x03\x01", 400); /* TLS, at the first byte */
    REFUSES(" GET / HTTP/1.1\r\nHost: a\r\n\r\n", 400);
    REFUSES("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400);
    REFUSES("GET /  HTTP/1.1\r\nHost: a\r\n\r\n", 400);
    REFUSES("GET / HTTP/1.1 \r\nHost: a\r\n\r\n", 400);
    REFUSES("GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", 400);
    REFUSES("GET /\r\nHost: a\r\n\r\n", 400); /* HTTP/0.9 */
    REFUSES("get / HTTP/1.1\r\nHost: a\r\n\r\n", 501);
    REFUSES("CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n", 501);
    REFUSES("G(T / HTTP/1.1\r\nHost: a\r\n\r\n", 400);
    REFUSES("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505);
    REFUSES("GET / HTTP/1.2\r\nHost: a\r\n\r\n", 505);
    REFUSES("GET / HTTP/1.10\r\nHost: a\r\n\r\n", 400);
    REFUSES("GET / HTTP/01.1\r\nHost: a\r\n\r\n", 400);
    REFUSES("GET / HTTP/1,1\r\nHost: a\r\n\r\n", 400);
    REFUSES("GET / HTTP/x.1\r\nHost: a\r\n\r\n", 400);
    REFUSES("GET / HTTP/1.x\r\nHost: a\r\n\r\n", 400);
    REFUSES("GET / http/1.1\r\nHost: a\r\n\r\n", 400);
    REFUSES("GET / ICAP/1.0\r\nHost: a\r\n\r\n", 400);
    REFUSES("GET x HTTP/1.1\r\nHost: a\r\n\r\n", 400);
    REFUSES("GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400);
    REFUSES("GET https://a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400);
    REFUSES("GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n", 400);
    REFUSES("GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", 400);
    REFUSES("GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400);
    REFUSES("GET /#f HTTP/1.1\r\nHost: a\r\n\r\n", 400);
    REFUSES("GET /\x7f HTTP/1.1\r\nHost: a\r\n\r\n", 400);
    REFUSES("GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n", 400);
    REFUSES("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400);
    REFUSES("GET / HTTP/1.1\r\nHost: a\r\nExpect: 200-ok\r\n\r\n", 417);
    REFUSES("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 513\r\n\r\n", 413);
    REFUSES("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999999999999\r\n\r\n", 400);
    REFUSES("GET / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", 400);
    REFUSES("GET / HTTP/1.1\r\nHost: a\r\nOrigin: x\r\nOrigin: x\r\n\r\n", 400);
    REFUSES("GET / HTTP/1.1\r\nHost: a\r\nAuthorization: x\r\nAuthorization: x\r\n\r\n", 400);
    REFUSES("GET / HTTP/1.1\r\nHost: a\r\nContent-Type: x\r\nContent-Type: x\r\n\r\n", 400);
    REFUSES("GET / HTTP/1.1\r\nHost: a\r\nX: a\x7f\r\n\r\n", 400);
}

/* A limit is met exactly, and passed by one byte. */
TEST(limits_are_exact)
{
    struct buf b = {0};
    for (int over = 0; over < 2; over++) {
        buf_reset(&b);
        buf_str(&b, "GET /");
        for (uint32_t i = 1; i < limits.target_max + (uint32_t)over; i++)
            buf_char(&b, 'x');
        buf_str(&b, " HTTP/1.1\r\nHost: a\r\n\r\n");
        check_parse(b.data, b.len, !over, over ? 414 : 0, NULL);

        buf_reset(&b);
        buf_str(&b, "GET / HTTP/1.1\r\nHost: a\r\nX: ");
        while (b.len < limits.head_max + (uint32_t)over - 4)
            buf_char(&b, 'x');
        buf_str(&b, "\r\n\r\n");
        check_parse(b.data, b.len, !over, over ? 431 : 0, NULL);

        buf_reset(&b);
        buf_str(&b, "GET / HTTP/1.1\r\nHost: a\r\n");
        for (int i = 1; i < HTTP_FIELDS_MAX + over; i++)
            buf_str(&b, "X: y\r\n");
        buf_str(&b, "\r\n");
        check_parse(b.data, b.len, !over, over ? 431 : 0, NULL);

        buf_reset(&b);
        buf_fmt(&b, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %u\r\n\r\n",
                limits.body_max + (uint32_t)over);
        for (uint32_t i = 0; i < limits.body_max; i++)
            buf_char(&b, 'x');
        check_parse(b.data, b.len, !over, over ? 413 : 0, NULL);

        buf_reset(&b);
        buf_str(&b, CHUNKED);
        for (uint32_t i = 0; i < limits.body_max + (uint32_t)over; i++)
            buf_str(&b, "1\r\nx\r\n");
        buf_str(&b, "0\r\n\r\n");
        check_parse(b.data, b.len, !over, over ? 413 : 0, NULL);
    }
    buf_free(&b);
}

TEST(padding_of_chunks_is_bounded)
{
    struct buf b = {0};
    buf_str(&b, CHUNKED);
    for (int i = 0; i < 400; i++)
        buf_fmt(&b, "1;%0200d\r\nx\r\n", i);
    check_parse(b.data, b.len, 0, 413, NULL);
    buf_reset(&b);
    buf_fmt(&b, CHUNKED "1;%0300d", 1); /* no end of line needed to see that it is too long */
    check_parse(b.data, b.len, 0, 400, NULL);
    buf_free(&b);
}

/* Requests of all kinds, some with a byte changed, in one piece, byte by byte and cut at random:
 * always the same messages and the same verdict. */
static void add_request(struct buf *b, struct rng *rng)
{
    static const char *const seeds[] = {
        "GET /a?b=c HTTP/1.1\r\nHost: a\r\nAccept: */*\r\n\r\n",
        "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\nhello world",
        ("\r\nPUT /y HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
         "5\r\nhello\r\n1;x=y\r\n!\r\n0\r\n\r\n"),
        "HEAD http://a/ HTTP/1.0\r\nConnection: keep-alive\r\nHost: a\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n\r\n",
    };
    const char *s = seeds[rng_below(rng, COUNTOF(seeds))];
    size_t at = b->len, n = strlen(s);
    buf_add(b, s, n);
    if (rng_chance(rng, 0.3)) {
        static const char bytes[] = "\r\n\0 \t:;0xA/\x7f\xff";
        b->data[at + rng_below(rng, n)] = bytes[rng_below(rng, sizeof bytes - 1)];
    }
}

PROP(cuts_do_not_matter, 3000)
{
    struct buf b = {0};
    for (uint64_t i = 1 + rng_below(rng, 4); i; i--)
        add_request(&b, rng);
    struct outcome whole = parse(b.data, b.len, b.len * 100, rng);
    for (int i = 0; i < 3; i++) {
        struct outcome cut = parse(b.data, b.len, i ? 1 + rng_below(rng, 40) : 1, rng);
        CHECK_EQ(cut.messages, whole.messages);
        CHECK_EQ(cut.status, whole.status);
        CHECK_EQ(cut.used, whole.used);
        if (whole.log.data)
            CHECK_STR(cut.log.data, whole.log.data);
        buf_free(&cut.log);
    }
    buf_free(&whole.log);
    buf_free(&b);
}

static void check_path(const char *path, int n, const char *joined)
{
    struct http_path p;
    struct buf b = {0};
    bool ok = http_path_split(HTTP_SPAN(path), &p);
    buf_str(&b, "");
    buf_reserve(&b, 1);
    for (uint32_t i = 0; ok && i < p.n; i++)
        buf_fmt(&b, "[%s]", p.segment[i]);
    CHECK_EQ(ok ? (int)p.n : -1, n);
    if (ok && n > 0)
        CHECK_STR(b.data, joined);
    buf_free(&b);
}

TEST(paths)
{
    check_path("/", 0, "");
    check_path("/a", 1, "[a]");
    check_path("/v1/sites/us%20east", 3, "[v1][sites][us east]");
    check_path("/%41%c3%A9+", 1, "[A\xc3\xa9+]");
    check_path("/1/2/3/4/5/6/7/8", 8, "[1][2][3][4][5][6][7][8]");
    check_path("/1/2/3/4/5/6/7/8/9", -1, NULL);
    check_path("", -1, NULL);
    check_path("a", -1, NULL);
    check_path("*", -1, NULL);
    check_path("/a/", -1, NULL);
    check_path("//", -1, NULL);
    check_path("//a", -1, NULL);
    check_path("/a//b", -1, NULL);
    check_path("/.", -1, NULL);
    check_path("/a/../b", -1, NULL);
    check_path("/%2e%2E/b", -1, NULL);
    check_path("/a%2fb", -1, NULL);
    check_path("/a%00b", -1, NULL);
    check_path("/a%0ab", -1, NULL);
    check_path("/a%", -1, NULL);
    check_path("/a%41", 1, "[aA]");
    check_path("/a%4", -1, NULL);
    check_path("/a%g4", -1, NULL);
    check_path("/a%4g", -1, NULL);
    char longest[HTTP_PATH_MAX + 2];
    memset(longest, 'x', sizeof longest);
    longest[0] = '/';
    longest[HTTP_PATH_MAX] = 0; /* the text and its NUL just fit */
    struct http_path p;
    CHECK(http_path_split(HTTP_SPAN(longest), &p));
    longest[HTTP_PATH_MAX] = 'x';
    longest[HTTP_PATH_MAX + 1] = 0;
    CHECK(!http_path_split(HTTP_SPAN(longest), &p));
}

static void check_query(const char *query, const char *name, enum http_param want,
                        const char *value)
{
    char out[8];
    CHECK_EQ(http_query_get(HTTP_SPAN(query), name, out, sizeof out), want);
    if (want == HTTP_PARAM_OK)
        CHECK_STR(out, value);
}

TEST(queries)
{
    check_query("", "a", HTTP_PARAM_NONE, NULL);
    check_query("a=1", "a", HTTP_PARAM_OK, "1");
    check_query("a=", "a", HTTP_PARAM_OK, "");
    check_query("a=1&b=2", "b", HTTP_PARAM_OK, "2");
    check_query("a=1&b=2", "c", HTTP_PARAM_NONE, NULL);
    check_query("%61=x%20y+z", "a", HTTP_PARAM_OK, "x y z");
    check_query("a=b=c", "a", HTTP_PARAM_OK, "b=c");
    check_query("a=1234567", "a", HTTP_PARAM_OK, "1234567");
    check_query("a=12345678", "a", HTTP_PARAM_BAD, NULL);
    check_query("b=12345678", "a", HTTP_PARAM_NONE, NULL);
    check_query("a=1&a=1", "a", HTTP_PARAM_BAD, NULL);
    check_query("b=1&b=1&a=2", "a", HTTP_PARAM_OK, "2");
    check_query("a", "a", HTTP_PARAM_BAD, NULL);
    check_query("a=1&", "a", HTTP_PARAM_BAD, NULL);
    check_query("&a=1", "a", HTTP_PARAM_BAD, NULL);
    check_query("a=%", "a", HTTP_PARAM_BAD, NULL);
    check_query("a=%1", "a", HTTP_PARAM_BAD, NULL);
    check_query("a=%zz", "a", HTTP_PARAM_BAD, NULL);
    check_query("a=%00", "a", HTTP_PARAM_BAD, NULL);
    check_query("a=1&b=%", "a", HTTP_PARAM_BAD, NULL);
    struct http_span none = {NULL, 0};
    char out[8];
    CHECK_EQ(http_query_get(none, "a", out, sizeof out), HTTP_PARAM_NONE);
}

TAP_MAIN
