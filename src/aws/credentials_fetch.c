/* credentials_fetch.c - the sources that must be asked: STS, containers, instances, programs. */
#include "aws/credentials_i.h"

#include <openssl/crypto.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>

#define STS_VERSION "Version=2011-06-15"

/* ---- calls ---- */

static void on_reply(void *arg, const struct http_result *r)
{
    struct aws_credentials *c = arg;
    c->call = NULL;
    if (r->error == HTTP_CLIENT_CANCELLED)
        return; /* the client closes; so shall we soon */
    c->then(c, r);
}

/* Endpoints of this machine answer at once or not at all, hence the short limits. */
static void ask(struct aws_credentials *c, enum http_method method, const char *url,
                const struct http_field *fields, uint32_t n_fields, struct http_span body,
                void (*then)(struct aws_credentials *c, const struct http_result *r))
{
    struct http_call_spec spec = {
        .method = method,
        .url = url,
        .fields = fields,
        .n_fields = n_fields,
        .body = body,
        .reply_max = CREDENTIALS_REPLY_MAX,
        .connect_timeout_ms = 2000,
        .total_timeout_ms = 5000,
    };
    c->then = then;
    c->call = http_client_start(c->http, &spec, on_reply, c);
}

static const char *const none = NULL;
#define NO_BODY ((struct http_span){none, 0})

static bool is_good(const struct http_result *r)
{
    return r->error == HTTP_CLIENT_OK && r->status == 200;
}

/* ---- STS ---- */

static void on_sts(struct aws_credentials *c, const struct http_result *r)
{
    if (!is_good(r))
        credentials__failed(c, r->error ? "STS did not answer" : "STS refused");
    else if (!aws_key_from_sts(r->body, &c->next))
        credentials__failed(c, "an answer of STS without credentials");
    else
        credentials__got(c);
}

static const char *region_of(const struct aws_credentials *c)
{
    const char *r = c->config.region;
    if (!r || !*r)
        r = credentials__env(c, "AWS_REGION");
    if (!*r)
        r = credentials__env(c, "AWS_DEFAULT_REGION");
    return *r ? r : "us-east-1";
}

static void add_param(struct buf *b, const char *name, const char *value)
{
    buf_fmt(b, "&%s=", name);
    sigv4_encode(b, HTTP_SPAN(value), false);
}

static void sts_host(const struct aws_credentials *c, struct buf *url, struct buf *host)
{
    const char *end = strncmp(region_of(c), "cn-", 3) == 0 ? ".cn" : "";
    if (c->config.sts_url)
        buf_str(url, c->config.sts_url);
    else
        buf_fmt(url, "https://sts.%s.amazonaws.com%s", region_of(c), end);
    const char *at = strstr(url->data, "://");
    const char *from = at ? at + 3 : url->data;
    buf_add(host, from, strcspn(from, "/"));
    buf_str(url, "/");
}

static void sts_call(struct aws_credentials *c, struct buf *body, const struct sigv4_identity *who)
{
    struct buf url = {0}, host = {0};
    char hash[SIGV4_HEX];
    struct sigv4_signed s = {0};
    sts_host(c, &url, &host);
    struct http_field fields[4] = {{"Content-Type", "application/x-www-form-urlencoded"}};
    uint32_t n = 1;
    if (who) {
        struct sigv4_field signed_fields[] = {
            {HTTP_SPAN("host"), {host.data, host.len}},
            {HTTP_SPAN("content-type"), HTTP_SPAN(fields[0].value)},
        };
        sigv4_hash(body->data, body->len, hash);
        struct sigv4_request rq = {
            HTTP_SPAN("POST"), HTTP_SPAN("/"), {NULL, 0}, signed_fields, 2, hash, false, false};
        BUG_ON(!sigv4_sign(who, region_of(c), "sts", credentials__now_ms(c) / 1000, &rq, &s));
        fields[n++] = (struct http_field){"X-Amz-Date", s.time};
        fields[n++] = (struct http_field){"Authorization", s.authorization.data};
        if (s.token)
            fields[n++] = (struct http_field){"X-Amz-Security-Token", s.token};
    }
    ask(c, HTTP_METHOD_POST, url.data, fields, n, (struct http_span){body->data, body->len},
        on_sts);
    sigv4_signed_free(&s);
    OPENSSL_cleanse(body->data, body->len);
    buf_free(body);
    buf_free(&url);
    buf_free(&host);
}

void credentials__assume(struct aws_credentials *c, const struct credentials_role *role)
{
    struct buf body = {0};
    struct sigv4_identity who = {c->next.key_id, c->next.secret, c->next.token};
    buf_str(&body, "Action=AssumeRole&" STS_VERSION);
    add_param(&body, "RoleArn", role->arn);
    add_param(&body, "RoleSessionName", role->session ? role->session : "tandem");
    if (role->external_id)
        add_param(&body, "ExternalId", role->external_id);
    sts_call(c, &body, &who);
}

static void assume_with_token(struct aws_credentials *c, const char *role, const char *session,
                              struct http_span token)
{
    struct buf body = {0};
    while (token.n && token.p[token.n - 1] <= ' ')
        token.n--;
    if (!token.n) {
        credentials__failed(c, "an empty web identity token");
        return;
    }
    buf_str(&body, "Action=AssumeRoleWithWebIdentity&" STS_VERSION);
    add_param(&body, "RoleArn", role);
    add_param(&body, "RoleSessionName", session ? session : "tandem");
    buf_str(&body, "&WebIdentityToken=");
    sigv4_encode(&body, token, false);
    sts_call(c, &body, NULL);
}

void credentials__fetch_web_file(struct aws_credentials *c, const char *role, const char *session,
                                 const char *file)
{
    struct buf token = {0};
    if (credentials__read_file(file, &token))
        assume_with_token(c, role, session, (struct http_span){token.data, token.len});
    else
        credentials__failed(c, "the web identity token file cannot be read");
    if (token.data)
        OPENSSL_cleanse(token.data, token.cap);
    buf_free(&token);
}

static void on_gcp(struct aws_credentials *c, const struct http_result *r)
{
    if (is_good(r))
        assume_with_token(c, c->web_role, c->web_session, r->body);
    else
        credentials__failed(c, "Google's metadata server gave no token");
}

/* https://cloud.google.com/compute/docs/instances/verifying-instance-identity */
void credentials__fetch_gcp(struct aws_credentials *c)
{
    struct buf url = {0};
    const char *host = credentials__env(c, "GCE_METADATA_HOST");
    struct http_field flavor = {"Metadata-Flavor", "Google"};
    buf_fmt(&url,
            "http://%s/computeMetadata/v1/instance/service-accounts/default/identity?format="
            "full",
            *host ? host : "metadata.google.internal");
    add_param(&url, "audience", c->config.gcp_audience);
    ask(c, HTTP_METHOD_GET, url.data, &flavor, 1, NO_BODY, on_gcp);
    buf_free(&url);
}

/* ---- container ---- */

static void on_container(struct aws_credentials *c, const struct http_result *r)
{
    if (!is_good(r))
        credentials__failed(c, "the container endpoint did not give any");
    else if (!aws_key_from_json(r->body, &c->next))
        credentials__failed(c, "an answer of the container endpoint without credentials");
    else
        credentials__got(c);
}

/* Without TLS only this machine, ECS's and EKS's own addresses may be asked: the token that goes
 * there is a secret. */
static bool is_trusted(const char *url)
{
    static const char *const hosts[] = {"127.0.0.1",     "localhost",      "[::1]",
                                        "169.254.170.2", "169.254.170.23", "[fd00:ec2::23]"};
    if (strncmp(url, "https://", 8) == 0)
        return true;
    if (strncmp(url, "http://", 7) != 0)
        return false;
    for (size_t i = 0; i < COUNTOF(hosts); i++) {
        size_t n = strlen(hosts[i]);
        if (strncmp(url + 7, hosts[i], n) == 0 && strchr(":/", url[7 + n]))
            return true;
    }
    return false;
}

void credentials__fetch_container(struct aws_credentials *c)
{
    struct buf url = {0}, token = {0};
    const char *relative = credentials__env(c, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    const char *file = credentials__env(c, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    struct http_field field = {"Authorization", NULL};
    if (*relative)
        buf_fmt(&url, "http://169.254.170.2%s", relative);
    else
        buf_str(&url, credentials__env(c, "AWS_CONTAINER_CREDENTIALS_FULL_URI"));
    if (!is_trusted(url.data ? url.data : "")) {
        credentials__failed(c, "the container endpoint is not one to send a token to");
    } else if (*file && !credentials__read_file(file, &token)) {
        credentials__failed(c, "the container's token file cannot be read");
    } else {
        if (!*file)
            buf_str(&token, credentials__env(c, "AWS_CONTAINER_AUTHORIZATION_TOKEN"));
        while (token.len && token.data[token.len - 1] <= ' ')
            token.data[--token.len] = '\0';
        field.value = token.data;
        ask(c, HTTP_METHOD_GET, url.data, &field, token.len != 0, NO_BODY, on_container);
    }
    if (token.data)
        OPENSSL_cleanse(token.data, token.cap);
    buf_free(&token);
    buf_free(&url);
}

/* ---- instance ---- */

static void metadata_url(const struct aws_credentials *c, struct buf *url, const char *path)
{
    const char *endpoint = credentials__env(c, "AWS_EC2_METADATA_SERVICE_ENDPOINT");
    size_t n;
    endpoint = *endpoint ? endpoint : "http://169.254.169.254";
    n = strlen(endpoint);
    buf_add(url, endpoint, n && endpoint[n - 1] == '/' ? n - 1 : n);
    buf_str(url, path);
}

static void metadata_get(struct aws_credentials *c, const char *role, size_t role_n,
                         void (*then)(struct aws_credentials *c, const struct http_result *r))
{
    struct buf url = {0};
    struct http_field token = {"X-aws-ec2-metadata-token", c->metadata_token};
    metadata_url(c, &url, "/latest/meta-data/iam/security-credentials/");
    sigv4_encode(&url, (struct http_span){role, role_n}, false);
    ask(c, HTTP_METHOD_GET, url.data, &token, 1, NO_BODY, then);
    buf_free(&url);
}

static void on_metadata_key(struct aws_credentials *c, const struct http_result *r)
{
    if (!is_good(r) || !aws_key_from_json(r->body, &c->next))
        credentials__failed(c, "the metadata service gave no credentials of the role");
    else
        credentials__got(c);
}

static void on_metadata_role(struct aws_credentials *c, const struct http_result *r)
{
    const char *nl = r->body.n ? memchr(r->body.p, '\n', r->body.n) : NULL;
    size_t n = nl ? (size_t)(nl - r->body.p) : r->body.n;
    if (!is_good(r) || !n)
        credentials__failed(c, "this instance has no role");
    else
        metadata_get(c, r->body.p, n, on_metadata_key);
}

static void on_metadata_token(struct aws_credentials *c, const struct http_result *r)
{
    if (!is_good(r) || !r->body.n || r->body.n > 1024) {
        credentials__failed(c, "no metadata service answers");
        return;
    }
    c->metadata_token = mem_new(r->body.n + 1, 1);
    memcpy(c->metadata_token, r->body.p, r->body.n);
    metadata_get(c, NULL, 0, on_metadata_role);
}

void credentials__fetch_instance(struct aws_credentials *c)
{
    struct buf url = {0};
    struct http_field ttl = {"X-aws-ec2-metadata-token-ttl-seconds", "300"};
    metadata_url(c, &url, "/latest/api/token");
    ask(c, HTTP_METHOD_PUT, url.data, &ttl, 1, (struct http_span){"", 0}, on_metadata_token);
    buf_free(&url);
}

/* ---- a program ---- */

enum { PROCESS_TIMEOUT_MS = 60000, PROCESS_HANDLES = 3 };

struct credentials_process {
    struct aws_credentials *owner; /* NULL: no longer wanted */
    uv_process_t process;
    uv_pipe_t out;
    uv_timer_t limit;
    char text[CREDENTIALS_REPLY_MAX];
    size_t n;
    bool ended, read; /* both: done */
    bool good;
    uint32_t open;
};

static void on_process_handle_closed(uv_handle_t *h)
{
    struct credentials_process *p = h->data;
    if (--p->open)
        return;
    OPENSSL_cleanse(p->text, sizeof p->text);
    mem_free(p);
}

static void process_close(struct credentials_process *p)
{
    uv_handle_t *all[PROCESS_HANDLES] = {(uv_handle_t *)&p->process, (uv_handle_t *)&p->out,
                                         (uv_handle_t *)&p->limit};
    for (size_t i = 0; i < PROCESS_HANDLES; i++)
        uv_close(all[i], on_process_handle_closed);
}

static void process_step(struct credentials_process *p)
{
    struct aws_credentials *c = p->owner;
    if (!p->ended || !p->read || !c)
        return;
    c->process = NULL;
    p->owner = NULL;
    struct http_span text = {p->text, p->n};
    bool ok = p->good && aws_key_from_json(text, &c->next);
    process_close(p);
    if (ok)
        credentials__got(c);
    else
        credentials__failed(c, "credential_process gave no credentials");
}

static void on_process_exit(uv_process_t *h, int64_t status, int signal_number)
{
    struct credentials_process *p = CONTAINER_OF(h, struct credentials_process, process);
    p->ended = true;
    p->good = status == 0 && signal_number == 0;
    process_step(p);
}

static void process_room(uv_handle_t *h, size_t n, uv_buf_t *b)
{
    struct credentials_process *p = h->data;
    *b = uv_buf_init(p->text + p->n, (unsigned)(sizeof p->text - p->n)); /* full: ENOBUFS */
}

static void on_process_read(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
    struct credentials_process *p = s->data;
    if (n >= 0) {
        p->n += (size_t)n;
        return;
    }
    (void)uv_read_stop(s);
    p->read = true;
    process_step(p);
}

static void on_process_limit(uv_timer_t *t)
{
    struct credentials_process *p = t->data;
    if (!p->ended)
        (void)uv_process_kill(&p->process, SIGKILL);
}

/* By a shell, as AWS's SDK for Go does it; the command is the operator's own. */
void credentials__fetch_process(struct aws_credentials *c, const char *command)
{
    struct credentials_process *p = mem_new(1, sizeof *p);
    char sh[] = "/bin/sh", flag[] = "-c";
    char *text = mem_strdup(command);
    char *args[] = {sh, flag, text, NULL};
    uv_stdio_container_t stdio[3] = {
        {.flags = UV_IGNORE},
        {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&p->out},
        {.flags = UV_INHERIT_FD, .data.fd = 2},
    };
    uv_process_options_t o = {
        .exit_cb = on_process_exit, .file = sh, .args = args, .stdio_count = 3, .stdio = stdio};
    BUG_ON(uv_pipe_init(c->loop, &p->out, 0) != 0 || uv_timer_init(c->loop, &p->limit) != 0);
    p->process.data = p->out.data = p->limit.data = p;
    p->open = PROCESS_HANDLES;
    int started = uv_spawn(c->loop, &p->process, &o); /* initialises the handle in any case */
    mem_free(text);
    if (started != 0) {
        process_close(p);
        credentials__failed(c, "credential_process cannot be started");
        return;
    }
    p->owner = c;
    c->process = p;
    (void)uv_read_start((uv_stream_t *)&p->out, process_room, on_process_read);
    (void)uv_timer_start(&p->limit, on_process_limit, PROCESS_TIMEOUT_MS, 0);
}

void credentials__stop_process(struct aws_credentials *c)
{
    struct credentials_process *p = c->process;
    if (!p)
        return;
    if (!p->ended)
        (void)uv_process_kill(&p->process, SIGKILL);
    p->owner = NULL;
    c->process = NULL;
    process_close(p);
}
