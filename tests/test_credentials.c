/* credentials: every source against endpoints of our own, and what happens as they age. */
#include "base/mem.h"

#include <signal.h>
#include <stdarg.h>
#include <unistd.h>
#include <uv.h>

#include "aws/credentials.h"
#include "aws/credentials_parse.h"
#include "tap.h"

enum { ENV_MAX = 12 };
#define NOW_MS INT64_C(1700000000000)

struct rig {
    uv_loop_t loop;
    struct http_server *server;
    struct http_client *http;
    struct aws_credentials *c;
    char base[64]; /* "http://127.0.0.1:PORT" */
    struct {
        const char *name;
        char value[256];
    } env[ENV_MAX];
    uint32_t n_env;
    int64_t now_ms;
    bool broken;          /* all endpoints answer 500 */
    const char *lifetime; /* the Expiration they give */
    uint32_t requests, changes;
    char seen[8192]; /* "METHOD path authorization token|body" lines */
    char dir[32];
};

static void note(struct rig *g, struct http_request *rq)
{
    struct http_span auth = http_header(rq, "Authorization");
    struct http_span token = http_header(rq, "X-aws-ec2-metadata-token");
    struct http_span flavor = http_header(rq, "Metadata-Flavor");
    size_t n = strlen(g->seen);
    g->requests++;
    (void)snprintf(g->seen + n, sizeof g->seen - n, "%s %.*s %.*s%.*s%.*s|%.*s\n",
                   http_method_names[rq->method], (int)rq->path.n, rq->path.p, (int)auth.n,
                   auth.n ? auth.p : "", (int)token.n, token.n ? token.p : "", (int)flavor.n,
                   flavor.n ? flavor.p : "", (int)rq->body.n, rq->body.n ? rq->body.p : "");
}

static void reply_key(struct rig *g, struct http_request *rq, const char *id)
{
    struct buf b = {0};
    buf_fmt(&b,
            "{\"Code\":\"Success\",\"AccessKeyId\":\"%s\",\"SecretAccessKey\":\"S\","
            "\"Token\":\"T%u\",\"Expiration\":\"%s\"}",
            id, g->requests, g->lifetime);
    http_reply(rq, 200, "application/json", b.data, b.len);
    buf_free(&b);
}

static void reply_sts(struct rig *g, struct http_request *rq)
{
    struct buf b = {0};
    buf_fmt(&b,
            "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n"
            "  <AssumeRoleResult><AssumedRoleUser><AssumedRoleId>X</AssumedRoleId></"
            "AssumedRoleUser>\n"
            "    <Credentials><AccessKeyId>ASIA%u</AccessKeyId><SecretAccessKey>S/+=</"
            "SecretAccessKey>\n"
            "      <SessionToken>T/+=</SessionToken><Expiration>%s</Expiration></Credentials>\n"
            "  </AssumeRoleResult></AssumeRoleResponse>",
            g->requests, g->lifetime);
    http_reply(rq, 200, "text/xml", b.data, b.len);
    buf_free(&b);
}

static void serve(void *arg, struct http_request *rq)
{
    struct rig *g = arg;
    note(g, rq);
    if (g->broken)
        http_problem(rq, 500, NULL, NULL);
    else if (http_span_is(rq->path, "/latest/api/token"))
        http_reply(rq, 200, "text/plain", "imds-token", 10);
    else if (http_span_is(rq->path, "/latest/meta-data/iam/security-credentials/"))
        http_reply(rq, 200, "text/plain", "the-role\n", 9);
    else if (http_span_is(rq->path, "/latest/meta-data/iam/security-credentials/the-role"))
        reply_key(g, rq, "IMDS");
    else if (http_span_is(rq->path, "/container"))
        reply_key(g, rq, "CONTAINER");
    else if (http_span_is(rq->path, "/sts/"))
        reply_sts(g, rq);
    else if (rq->path.n > 16 && !memcmp(rq->path.p, "/computeMetadata", 16))
        http_reply(rq, 200, "text/plain", "google.jwt", 10);
    else
        http_problem(rq, 404, NULL, NULL);
}

static void set(struct rig *g, const char *name, const char *fmt, ...) PRINTF(3, 4);
static void set(struct rig *g, const char *name, const char *fmt, ...)
{
    va_list ap;
    BUG_ON(g->n_env == ENV_MAX);
    va_start(ap, fmt);
    (void)vsnprintf(g->env[g->n_env].value, sizeof g->env[0].value, fmt, ap);
    va_end(ap);
    g->env[g->n_env++].name = name;
}

static const char *env(void *arg, const char *name)
{
    struct rig *g = arg;
    for (uint32_t i = 0; i < g->n_env; i++)
        if (strcmp(g->env[i].name, name) == 0)
            return g->env[i].value;
    return NULL;
}

static int64_t now(void *arg)
{
    return ((struct rig *)arg)->now_ms;
}

static void changed(void *arg)
{
    ((struct rig *)arg)->changes++;
}

static void write_file(struct rig *g, const char *name, const char *text)
{
    char path[64];
    (void)snprintf(path, sizeof path, "%s/%s", g->dir, name);
    FILE *f = fopen(path, "w");
    BUG_ON(!f);
    (void)fputs(text, f);
    (void)fclose(f);
}

static void rig_open(struct rig *g)
{
    static const char *const types[] = {"application/x-www-form-urlencoded"};
    struct http_config config = HTTP_DEFAULTS;
    struct http_client_config client = HTTP_CLIENT_DEFAULTS;
    char error[128];
    memset(g, 0, sizeof *g);
    (void)signal(SIGPIPE, SIG_IGN);
    config.body_types = types;
    config.n_body_types = 1;
    uv_loop_init(&g->loop);
    g->server = http_server_new(&g->loop, &config, serve, g);
    int port = http_server_listen(g->server, "127.0.0.1", 0, error, sizeof error);
    BUG_ON(port < 0);
    g->http = http_client_new(&g->loop, &client);
    (void)snprintf(g->base, sizeof g->base, "http://127.0.0.1:%d", port);
    (void)strncpy(g->dir, "/tmp/credentials.XXXXXX", sizeof g->dir - 1);
    BUG_ON(!mkdtemp(g->dir));
    g->now_ms = NOW_MS;
    g->lifetime = "2023-11-14T23:13:20Z"; /* an hour from NOW_MS */
    set(g, "HOME", "%s", g->dir);
}

/* Starts and runs until there are credentials or an attempt has failed. */
static struct aws_credentials_state look(struct rig *g, struct aws_credentials_config config)
{
    char sts[80];
    (void)snprintf(sts, sizeof sts, "%s/sts", g->base);
    config.env = env;
    config.env_arg = config.now_arg = g;
    config.now_ms = now;
    config.sts_url = sts;
    g->c = aws_credentials_new(&g->loop, g->http, &config, changed, g);
    CHECK(aws_credentials_get(g->c) == NULL);
    while (!aws_credentials_state(g->c).fetched && !aws_credentials_state(g->c).failed)
        uv_run(&g->loop, UV_RUN_ONCE);
    return aws_credentials_state(g->c);
}

static void rig_close(struct rig *g)
{
    static const char *const files[] = {"credentials", "config", "token"};
    char path[64];
    aws_credentials_close(g->c);
    http_client_close(g->http, NULL, NULL);
    http_server_close(g->server, NULL, NULL);
    uv_run(&g->loop, UV_RUN_DEFAULT);
    CHECK_EQ(uv_loop_close(&g->loop), 0);
    for (size_t i = 0; i < COUNTOF(files); i++) {
        (void)snprintf(path, sizeof path, "%s/%s", g->dir, files[i]);
        (void)unlink(path);
    }
    CHECK_EQ(rmdir(g->dir), 0);
}

#define PLAIN ((struct aws_credentials_config){0})

TEST(environment_comes_first)
{
    struct rig g;
    rig_open(&g);
    set(&g, "AWS_ACCESS_KEY_ID", "AKID");
    set(&g, "AWS_SECRET_ACCESS_KEY", "secret");
    set(&g, "AWS_CONTAINER_CREDENTIALS_FULL_URI", "%s/container", g.base);
    struct aws_credentials_state s = look(&g, PLAIN);
    CHECK_EQ(s.source, AWS_SOURCE_ENVIRONMENT);
    CHECK_STR(aws_credentials_get(g.c)->key_id, "AKID");
    CHECK(aws_credentials_get(g.c)->token == NULL);
    CHECK_EQ(g.requests, 0);
    CHECK_EQ(g.changes, 1);
    rig_close(&g);
}

TEST(instance_metadata)
{
    struct rig g;
    rig_open(&g);
    set(&g, "AWS_EC2_METADATA_SERVICE_ENDPOINT", "%s/", g.base);
    struct aws_credentials_state s = look(&g, PLAIN);
    CHECK(s.ok);
    CHECK_EQ(s.source, AWS_SOURCE_INSTANCE);
    CHECK_EQ(s.expires_ms, NOW_MS + 3600000);
    CHECK_STR(aws_credentials_get(g.c)->key_id, "IMDS");
    CHECK_STR(aws_credentials_get(g.c)->token, "T3");
    CHECK_STR(g.seen, "PUT /latest/api/token |\n"
                      "GET /latest/meta-data/iam/security-credentials/ imds-token|\n"
                      "GET /latest/meta-data/iam/security-credentials/the-role imds-token|\n");
    rig_close(&g);
}

TEST(container)
{
    struct rig g;
    rig_open(&g);
    write_file(&g, "token", "secret-of-file\n");
    set(&g, "AWS_CONTAINER_CREDENTIALS_FULL_URI", "%s/container", g.base);
    set(&g, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "%s/token", g.dir);
    CHECK_EQ(look(&g, PLAIN).source, AWS_SOURCE_CONTAINER);
    CHECK_STR(g.seen, "GET /container secret-of-file|\n");
    CHECK_STR(aws_credentials_get(g.c)->key_id, "CONTAINER");
    rig_close(&g);
}

TEST(a_token_goes_to_no_stranger)
{
    static const char *const urls[] = {"http://example.com/x", "http://127.0.0.1.example.com/",
                                       "http://localhost@example.com/", "ftp://127.0.0.1/", "x"};
    for (size_t i = 0; i < COUNTOF(urls); i++) {
        struct rig g;
        rig_open(&g);
        set(&g, "AWS_CONTAINER_CREDENTIALS_FULL_URI", "%s", urls[i]);
        set(&g, "AWS_CONTAINER_AUTHORIZATION_TOKEN", "secret");
        struct aws_credentials_state s = look(&g, PLAIN);
        CHECK(!s.ok);
        CHECK_STR(s.problem, "the container endpoint is not one to send a token to");
        rig_close(&g);
    }
}

TEST(web_identity_of_a_file)
{
    struct rig g;
    rig_open(&g);
    write_file(&g, "token", "a.b+c\n");
    set(&g, "AWS_WEB_IDENTITY_TOKEN_FILE", "%s/token", g.dir);
    set(&g, "AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/r");
    CHECK_EQ(look(&g, PLAIN).source, AWS_SOURCE_WEB_IDENTITY);
    CHECK_STR(g.seen,
              "POST /sts/ |Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=arn%3Aaws%3A"
              "iam%3A%3A123456789012%3Arole%2Fr&RoleSessionName=tandem&WebIdentityToken=a.b%2Bc\n");
    CHECK_STR(aws_credentials_get(g.c)->key_id, "ASIA1");
    CHECK_STR(aws_credentials_get(g.c)->secret, "S/+=");
    rig_close(&g);
}

TEST(web_identity_of_google)
{
    struct rig g;
    rig_open(&g);
    set(&g, "GCE_METADATA_HOST", "%s", g.base + strlen("http://"));
    CHECK_EQ(
        look(&g, (struct aws_credentials_config){.gcp_audience = "tandem", .role_arn = "arn:r"})
            .source,
        AWS_SOURCE_WEB_IDENTITY);
    CHECK(strstr(g.seen,
                 "GET /computeMetadata/v1/instance/service-accounts/default/identity Google|\n"));
    CHECK(strstr(g.seen, "&RoleArn=arn%3Ar&RoleSessionName=tandem&WebIdentityToken=google.jwt\n"));
    rig_close(&g);
}

TEST(profiles_and_chains_of_roles)
{
    struct rig g;
    rig_open(&g);
    write_file(&g, "credentials",
               "[base]\naws_access_key_id = AKBASE\n"
               "aws_secret_access_key=sec=ret\n");
    write_file(&g, "config",
               "# roles\n[profile outer]\nrole_arn = arn:outer\nsource_profile = inner\n"
               "external_id = e1\nregion = x\n[profile inner]\r\nrole_arn=arn:inner\r\n"
               "source_profile=base\r\nrole_session_name = s1\r\n");
    set(&g, "AWS_SHARED_CREDENTIALS_FILE", "%s/credentials", g.dir);
    set(&g, "AWS_CONFIG_FILE", "%s/config", g.dir);
    set(&g, "AWS_PROFILE", "outer");
    CHECK_EQ(look(&g, PLAIN).source, AWS_SOURCE_PROFILE);
    const char *second = strstr(g.seen, "\n");
    CHECK(strstr(g.seen, "Credential=AKBASE/20231114/us-east-1/sts/aws4_request") < second);
    CHECK(strstr(g.seen, "RoleArn=arn%3Ainner&RoleSessionName=s1\n") != NULL);
    CHECK(strstr(second, "Credential=ASIA1/") != NULL);
    CHECK(strstr(second, "x-amz-security-token") != NULL);
    CHECK(strstr(second, "RoleArn=arn%3Aouter&RoleSessionName=tandem&ExternalId=e1\n") != NULL);
    CHECK_EQ(g.requests, 2);
    CHECK_STR(aws_credentials_get(g.c)->key_id, "ASIA2");
    rig_close(&g);
}

TEST(a_circle_of_profiles_ends)
{
    struct rig g;
    rig_open(&g);
    write_file(&g, "config",
               "[default]\nrole_arn=a\nsource_profile=b\n"
               "[profile b]\nrole_arn=b\nsource_profile=default\n");
    set(&g, "AWS_CONFIG_FILE", "%s/config", g.dir);
    CHECK_STR(look(&g, PLAIN).problem, "too long a chain of source profiles");
    rig_close(&g);
}

TEST(a_program)
{
    static const struct {
        const char *command, *key_id;
    } rows[] = {
        {"printf '{\"Version\":1,\"AccessKeyId\":\"P\",\"SecretAccessKey\":\"s\",'; "
         "printf '\"SessionToken\":\"t\",\"Expiration\":\"2023-11-14T23:13:20Z\"}'",
         "P"},
        {"echo '{}'", NULL},
        {"exit 3", NULL},
        {"head -c 70000 /dev/zero", NULL},
    };
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        struct rig g;
        char text[512];
        rig_open(&g);
        (void)snprintf(text, sizeof text, "[default]\ncredential_process = %s\n", rows[i].command);
        write_file(&g, "config", text);
        set(&g, "AWS_CONFIG_FILE", "%s/config", g.dir);
        struct aws_credentials_state s = look(&g, PLAIN);
        CHECK_EQ(s.ok, rows[i].key_id != NULL);
        if (s.ok) {
            CHECK_STR(aws_credentials_get(g.c)->key_id, rows[i].key_id);
            CHECK_EQ(s.expires_ms, NOW_MS + 3600000);
        }
        rig_close(&g);
    }
}

/* 10 s of life: they are fetched again after 4.5 to 5.5 s of the loop's time; here 2 s of life. */
TEST(fetched_again_and_old_ones_kept)
{
    struct rig g;
    rig_open(&g);
    g.lifetime = "2023-11-14T22:13:22Z";
    set(&g, "AWS_CONTAINER_CREDENTIALS_FULL_URI", "%s/container", g.base);
    CHECK(look(&g, PLAIN).ok);
    CHECK_STR(aws_credentials_get(g.c)->token, "T1");
    while (g.changes < 2)
        uv_run(&g.loop, UV_RUN_ONCE);
    CHECK_STR(aws_credentials_get(g.c)->token, "T2");
    g.broken = true;
    while (!aws_credentials_state(g.c).failed)
        uv_run(&g.loop, UV_RUN_ONCE);
    CHECK_STR(aws_credentials_get(g.c)->token, "T2");
    CHECK(aws_credentials_state(g.c).ok);
    g.broken = false;
    while (g.changes < 3)
        uv_run(&g.loop, UV_RUN_ONCE);
    CHECK(aws_credentials_state(g.c).problem == NULL);
    rig_close(&g);
}

TEST(refused_ones_are_fetched_at_most_every_ten_seconds)
{
    struct rig g;
    rig_open(&g);
    set(&g, "AWS_CONTAINER_CREDENTIALS_FULL_URI", "%s/container", g.base);
    CHECK(look(&g, PLAIN).ok);
    aws_credentials_refused(g.c);
    uv_run(&g.loop, UV_RUN_NOWAIT);
    CHECK_EQ(g.requests, 1);
    g.now_ms += 10000;
    aws_credentials_refused(g.c);
    while (g.changes < 2)
        uv_run(&g.loop, UV_RUN_ONCE);
    CHECK_EQ(g.requests, 2);
    rig_close(&g);
}

TEST(nothing_configured)
{
    struct rig g;
    rig_open(&g);
    set(&g, "AWS_EC2_METADATA_DISABLED", "true");
    struct aws_credentials_state s = look(&g, PLAIN);
    CHECK(!s.ok);
    CHECK_EQ(s.source, AWS_SOURCE_NONE);
    CHECK(aws_credentials_get(g.c) == NULL);
    rig_close(&g);
}

TEST(sections_and_values)
{
    static const char text[] = "[a]\nk=1\n[profile b]\n k=9\nk = 2 3 \n#k=4\n[ b ]\nK=5\n[c\nk=6\n"
                               "[default]\ns3 =\n  k = 7\nlast=8";
    struct buf v = {0};
    struct http_span t = HTTP_SPAN(text);
    CHECK(aws_profile_get(t, false, "a", "k", &v));
    CHECK_STR(v.data, "1");
    CHECK(aws_profile_get(t, false, "b", "k", &v));
    CHECK_STR(v.data, "5");
    CHECK(aws_profile_get(t, true, "b", "k", &v));
    CHECK_STR(v.data, "2 3");
    CHECK(!aws_profile_get(t, true, "a", "k", &v));
    CHECK(!aws_profile_get(t, false, "c", "k", &v));
    CHECK(!aws_profile_get(t, true, "default", "k", &v));
    CHECK(aws_profile_get(t, true, "default", "last", &v));
    CHECK_STR(v.data, "8");
    buf_free(&v);
}

TEST(documents_refused)
{
    static const char *const bad[] = {
        "",
        "{",
        "[]",
        "{\"AccessKeyId\":\"a\"}",
        "{\"Code\":\"Failed\",\"AccessKeyId\":\"a\",\"SecretAccessKey\":\"b\"}",
        "{\"AccessKeyId\":\"a\\r\\nX: y\",\"SecretAccessKey\":\"b\"}",
        "{\"AccessKeyId\":\"a\",\"SecretAccessKey\":\"b\",\"Expiration\":\"soon\"}",
    };
    for (size_t i = 0; i < COUNTOF(bad); i++) {
        struct aws_key k = {0};
        if (aws_key_from_json(HTTP_SPAN(bad[i]), &k))
            TAP_FAIL("taken: %s", bad[i]);
        aws_key_free(&k);
    }
    struct aws_key k = {0};
    CHECK(!aws_key_from_sts(HTTP_SPAN("<Credentials><AccessKeyId>a</AccessKeyId>"), &k));
    CHECK(!aws_key_from_sts(HTTP_SPAN("<ErrorResponse><Error/></ErrorResponse>"), &k));
}

TAP_MAIN
