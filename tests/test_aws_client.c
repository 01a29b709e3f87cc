/* aws_client: against a server that checks the signature as AWS does and answers as a test wants.
 */
#include "base/mem.h"

#include <jansson.h>
#include <signal.h>
#include <time.h>
#include <uv.h>

#include "aws/client.h"
#include "tap.h"

#define SECRET "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"

struct answer {
    int status;
    const char *type; /* x-amzn-ErrorType; NULL: none */
    const char *body;
    int skew_s;  /* of the Date it gives; 0: its own */
    bool silent; /* none at all */
};

struct rig {
    uv_loop_t loop;
    struct http_server *server;
    struct http_client *http;
    struct aws_client *aws;
    struct answer answer[16];
    uint32_t n_answers, requests, bad_signatures;
    struct http_request *held;
    char seen[4096]; /* "METHOD path?query target body" lines */
    int64_t wall_ms;
    /* the last reply */
    uint32_t told;
    struct aws_reply reply;
    char code[AWS_CODE_MAX];
    bool close_when_told;
};

static void check_signature(struct rig *g, struct http_request *rq)
{
    struct sigv4_authorization a;
    struct sigv4_field fields[SIGV4_FIELDS_MAX];
    struct http_span name, time = http_header(rq, "X-Amz-Date");
    char hash[SIGV4_HEX], text[SIGV4_TIME] = "", named[64];
    struct sigv4_request s = {.method = HTTP_SPAN(http_method_names[rq->method]),
                              .path = rq->path,
                              .query = rq->query,
                              .fields = fields,
                              .body_hash = hash};
    sigv4_hash(rq->body.p, rq->body.n, hash);
    bool ok = sigv4_parse(http_header(rq, "Authorization"), &a) && time.n == 16;
    if (ok) {
        memcpy(text, time.p, 16);
        struct http_span names = a.names;
        while (s.n_fields < SIGV4_FIELDS_MAX && sigv4_next_name(&names, &name)) {
            (void)snprintf(named, sizeof named, "%.*s", (int)name.n, name.p);
            fields[s.n_fields++] = (struct sigv4_field){name, http_header(rq, named)};
        }
        ok = sigv4_verify(&a, SECRET, text, &s);
    }
    g->bad_signatures += !ok;
}

static void held_gone(void *arg)
{
    ((struct rig *)arg)->held = NULL;
}

static void serve(void *arg, struct http_request *rq)
{
    struct rig *g = arg;
    struct answer a = g->answer[MIN(g->requests, g->n_answers - 1)];
    struct http_span target = http_header(rq, "X-Amz-Target");
    size_t n = strlen(g->seen);
    g->requests++;
    check_signature(g, rq);
    (void)snprintf(g->seen + n, sizeof g->seen - n, "%s %.*s?%.*s %.*s %.*s\n",
                   http_method_names[rq->method], (int)rq->path.n, rq->path.p, (int)rq->query.n,
                   rq->query.n ? rq->query.p : "", (int)target.n, target.n ? target.p : "",
                   (int)rq->body.n, rq->body.n ? rq->body.p : "");
    if (a.silent) {
        http_defer(rq, held_gone, g);
        g->held = rq;
        return;
    }
    if (a.type)
        http_reply_header(rq, "x-amzn-ErrorType", a.type);
    http_reply(rq, a.status, "application/json", a.body ? a.body : "{}",
               strlen(a.body ? a.body : "{}"));
}

static int64_t wall(void *arg)
{
    return ((struct rig *)arg)->wall_ms;
}

static void rig_open(struct rig *g, const struct answer *answers, uint32_t n)
{
    static const char *const types[] = {"application/json", "application/x-amz-json-1.1"};
    struct http_config config = HTTP_DEFAULTS;
    struct http_client_config client = HTTP_CLIENT_DEFAULTS;
    char error[128], endpoint[64];
    memset(g, 0, sizeof *g);
    (void)signal(SIGPIPE, SIG_IGN);
    memcpy(g->answer, answers, n * sizeof *answers);
    g->n_answers = n;
    g->wall_ms = (int64_t)time(NULL) * 1000;
    config.body_types = types;
    config.n_body_types = 2;
    uv_loop_init(&g->loop);
    g->server = http_server_new(&g->loop, &config, serve, g);
    int port = http_server_listen(g->server, "127.0.0.1", 0, error, sizeof error);
    BUG_ON(port < 0);
    g->http = http_client_new(&g->loop, &client);
    (void)snprintf(endpoint, sizeof endpoint, "http://127.0.0.1:%d", port);
    struct aws_client_config aws = {.endpoint = endpoint,
                                    .account = "123456789012",
                                    .identity = {"AKID", SECRET, "token"},
                                    .now_ms = wall,
                                    .now_arg = g,
                                    .retry_base_ms = 1};
    g->aws = aws_client_new(&g->loop, g->http, &aws);
}

static void rig_close(struct rig *g)
{
    if (!g->close_when_told)
        aws_client_close(g->aws);
    http_client_close(g->http, NULL, NULL);
    http_server_close(g->server, NULL, NULL);
    uv_run(&g->loop, UV_RUN_DEFAULT);
    CHECK_EQ(uv_loop_close(&g->loop), 0);
    CHECK_EQ(g->bad_signatures, 0);
}

static void told(void *arg, const struct aws_reply *r)
{
    struct rig *g = arg;
    g->told++;
    g->reply = *r;
    (void)str_copy(g->code, sizeof g->code, r->code);
    if (g->close_when_told)
        aws_client_close(g->aws);
}

static void ask(struct rig *g, struct aws_call_spec spec)
{
    uint32_t before = g->told;
    spec.region = "us-east-1";
    (void)aws_call(g->aws, &spec, told, g);
    CHECK_EQ(g->told, before); /* never from inside */
    while (g->told == before)
        uv_run(&g->loop, UV_RUN_ONCE);
}

#define CALL(...) ((struct aws_call_spec){__VA_ARGS__})
#define LIST      CALL(.op = AWS_OP_ListUsers, .label = {"I"}, .query = "maxResults=1000&nextToken=a%3D")
#define OK                                                                                         \
    {                                                                                              \
        .status = 200                                                                              \
    }

TEST(requests_as_aws_wants_them)
{
    struct rig g;
    rig_open(&g, (struct answer[]){{.status = 200, .body = "{\"a\":1}"}}, 1);
    ask(&g, LIST);
    CHECK_EQ(g.reply.class, AWS_OK);
    CHECK_EQ(g.reply.attempts, 1);
    ask(&g, CALL(.op = AWS_OP_UpdateTrafficDistribution,
                 .label = {"arn:aws:connect:us-east-1:1:traffic-distribution-group/T"},
                 .body = HTTP_SPAN("{\"x\":2}")));
    ask(&g, CALL(.op = AWS_OP_GetRecords, .body = HTTP_SPAN("{\"ShardIterator\":\"i\"}")));
    ask(&g, CALL(.op = AWS_OP_StopContact));
    CHECK_STR(g.seen, "GET /users-summary/I?maxResults=1000&nextToken=a%3D  \n"
                      "PUT /traffic-distribution/arn%3Aaws%3Aconnect%3Aus-east-1%3A1%3Atraffic-"
                      "distribution-group%2FT?  {\"x\":2}\n"
                      "POST /? Kinesis_20131202.GetRecords {\"ShardIterator\":\"i\"}\n"
                      "POST /contact/stop?  {}\n");
    CHECK_EQ(aws_client_stats(g.aws).by_class[AWS_OK], 4);
    rig_close(&g);
}

TEST(again_when_that_is_right)
{
    static const struct {
        struct answer first;
        enum aws_op op;
        enum aws_class want;
        uint32_t requests;
        bool unknown;
    } rows[] = {
        {{429, "ThrottlingException:http://x/", 0, 0, 0}, AWS_OP_CreateQueue, AWS_OK, 2, 0},
        {{429, "a.b#TooManyRequestsException", 0, 0, 0}, AWS_OP_ListUsers, AWS_OK, 2, 0},
        {{500, "InternalServiceException", 0, 0, 0}, AWS_OP_ListUsers, AWS_OK, 2, 0},
        {{503, 0, "<html>", 0, 0}, AWS_OP_UpdateTrafficDistribution, AWS_OK, 2, 0},
        /* a write that twice is not as good as once: the caller must look */
        {{500, "InternalServiceException", 0, 0, 0}, AWS_OP_CreateQueue, AWS_SERVER, 1, 1},
        {{429, "LimitExceededException", 0, 0, 0}, AWS_OP_StartChatContact, AWS_QUOTA, 1, 0},
        {{402, "ServiceQuotaExceededException", 0, 0, 0}, AWS_OP_CreateQueue, AWS_QUOTA, 1, 0},
        {{409, "ResourceNotReadyException", 0, 0, 0}, AWS_OP_ListUsers, AWS_NOT_READY, 1, 0},
        {{409, "ResourceConflictException", 0, 0, 0}, AWS_OP_CreateQueue, AWS_CONFLICT, 1, 0},
        {{400, "InvalidActiveRegionException", 0, 0, 0},
         AWS_OP_StopContact,
         AWS_OTHER_REGION,
         1,
         0},
        {{404, "ResourceNotFoundException", 0, 0, 0}, AWS_OP_DescribeUser, AWS_NOT_FOUND, 1, 0},
        {{410, 0, "{\"Message\":\"\"}", 0, 0}, AWS_OP_DescribeContact, AWS_NOT_FOUND, 1, 0},
        {{403, "AccessDeniedException", 0, 0, 0}, AWS_OP_ListUsers, AWS_DENIED, 1, 0},
        {{403, "InvalidSignatureException", 0, 0, 0}, AWS_OP_ListUsers, AWS_DENIED, 1, 0},
        {{400, 0, "{\"__type\":\"x#ProvisionedThroughputExceededException\"}", 0, 0},
         AWS_OP_GetRecords,
         AWS_OK,
         2,
         0},
        {{400, 0, "{\"code\":\"InvalidRequestException\"}", 0, 0},
         AWS_OP_ListUsers,
         AWS_INVALID,
         1,
         0},
        {{302, 0, 0, 0, 0}, AWS_OP_ListUsers, AWS_INVALID, 1, 0},
    };
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        struct rig g;
        rig_open(&g, (struct answer[]){rows[i].first, OK}, 2);
        ask(&g, CALL(.op = rows[i].op, .label = {"I", "X"}));
        if (g.reply.class != rows[i].want || g.requests != rows[i].requests)
            TAP_FAIL("row %zu: %s after %u", i, aws_class_names[g.reply.class], g.requests);
        CHECK_EQ(g.reply.unknown, rows[i].unknown);
        CHECK_EQ(g.reply.attempts, rows[i].requests);
        rig_close(&g);
    }
}

TEST(not_for_ever)
{
    struct rig g;
    rig_open(&g, (struct answer[]){{500, "InternalServiceException", 0, 0, 0}}, 1);
    ask(&g, LIST);
    CHECK_EQ(g.reply.class, AWS_SERVER);
    CHECK_STR(g.code, "InternalServiceException");
    CHECK_EQ(g.requests, 5);
    CHECK_EQ(g.reply.attempts, 5);
    CHECK(g.reply.unknown);
    CHECK_EQ(aws_client_stats(g.aws).retries, 4);
    rig_close(&g);
}

TEST(no_answer_in_time)
{
    struct rig g;
    rig_open(&g, (struct answer[]){{.silent = true}}, 1);
    ask(&g, CALL(.op = AWS_OP_CreateQueue, .label = {"I"}, .within_ms = 60));
    CHECK_EQ(g.reply.class, AWS_NETWORK);
    CHECK(g.reply.unknown);
    CHECK_EQ(g.requests, 1);
    rig_close(&g);
}

TEST(its_turn_does_not_come_in_time)
{
    struct rig g;
    rig_open(&g, (struct answer[]){OK}, 1);
    for (int i = 0; i < 4; i++)
        ask(&g, LIST);
    CHECK_EQ(g.requests, 4);
    ask(&g, CALL(.op = AWS_OP_ListUsers, .label = {"I"}, .within_ms = 50));
    CHECK_EQ(g.reply.class, AWS_TOO_LATE);
    CHECK(!g.reply.unknown);
    CHECK_EQ(g.reply.attempts, 0);
    CHECK_EQ(g.requests, 4);
    rig_close(&g);
}

/* Our clock is an hour slow: the signature is refused, and with AWS's clock it is not. */
TEST(a_wrong_clock)
{
    struct rig g;
    rig_open(&g, (struct answer[]){{403, "InvalidSignatureException", 0, 0, 0}, OK}, 2);
    int64_t real_ms = g.wall_ms;
    g.wall_ms -= 3600000;
    ask(&g, LIST);
    CHECK_EQ(g.reply.class, AWS_OK);
    CHECK_EQ(g.requests, 2);
    CHECK_NEAR((double)aws_client_stats(g.aws).skew_ms, (double)(real_ms - g.wall_ms), 120000);
    rig_close(&g);
}

TEST(no_credentials)
{
    struct rig g;
    rig_open(&g, (struct answer[]){OK}, 1);
    aws_client_close(g.aws);
    struct aws_credentials_config none = {.profile = "no-such-profile", .env = NULL};
    (void)setenv("AWS_EC2_METADATA_DISABLED", "true", 1);
    (void)setenv("HOME", "/nonexistent", 1);
    struct aws_credentials *c = aws_credentials_new(&g.loop, g.http, &none, NULL, NULL);
    g.aws = aws_client_new(
        &g.loop, g.http,
        &(struct aws_client_config){.endpoint = "http://127.0.0.1:1", .credentials = c});
    ask(&g, CALL(.op = AWS_OP_ListUsers, .label = {"I"}, .within_ms = 250));
    CHECK_EQ(g.reply.class, AWS_NO_CREDENTIALS);
    CHECK_EQ(g.reply.attempts, 0);
    aws_credentials_close(c);
    rig_close(&g);
}

TEST(cancelled_and_closed)
{
    struct rig g;
    rig_open(&g, (struct answer[]){{.silent = true}, OK}, 2);
    struct aws_call_spec spec = LIST;
    spec.region = "us-east-1";
    uint64_t a = aws_call(g.aws, &spec, told, &g);
    while (!g.held)
        uv_run(&g.loop, UV_RUN_ONCE);
    uint64_t b = aws_call(g.aws, &spec, told, &g);
    aws_call_cancel(g.aws, a);
    aws_call_cancel(g.aws, b);
    aws_call_cancel(g.aws, b);
    CHECK_EQ(aws_client_stats(g.aws).open, 0);
    (void)aws_call(g.aws, &spec, told, &g);
    (void)aws_call(g.aws, &spec, told, &g);
    g.close_when_told = true; /* with one call still open */
    while (!g.told)
        uv_run(&g.loop, UV_RUN_ONCE);
    rig_close(&g);
    CHECK_EQ(g.told, 1);
}

TAP_MAIN
