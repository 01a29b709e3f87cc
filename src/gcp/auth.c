#include "base/mem.h" /* before uv.h, which may define MIN and MAX again */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/crypto.h>
#include <uv.h>

#include "base/json_read.h"
#include "base/log.h"
#include "base/rng.h"
#include "gcp/auth.h"
#include "gcp/key.h"

enum {
    AUDIENCES_MAX = 4,
    KEY_BYTES_MAX = 65536,
    TOKEN_BYTES_MAX = 16384,
    AGAIN_LEAST_MS = 1000,
    AGAIN_MOST_MS = 60000,
    CALL_MS = 5000,
    KEY_AGAIN_MS = 5000,
};

struct token {
    char *audience; /* NULL: of the metadata server, for all */
    struct buf text;
    int64_t renew_ms, until_ms; /* wall clock; text empty: none */
};

struct gcp_auth {
    uv_loop_t *loop;
    struct http_client *http;
    struct gcp_auth_config config;
    char *key_file, *metadata_host;
    struct rng rng;
    struct token token[AUDIENCES_MAX];
    int turn;         /* whose place the next audience takes */
    uv_timer_t timer; /* metadata: when it is asked next */
    struct http_call *call;
    uint32_t failed; /* in a row */
};

static const char *from_env(void *arg, const char *name)
{
    (void)arg;
    return getenv(name);
}

static int64_t wall_ms(const struct gcp_auth *a)
{
    struct timespec t;
    if (a->config.now_ms)
        return a->config.now_ms(a->config.now_arg);
    (void)clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void token_wipe(struct token *t)
{
    if (t->text.data)
        OPENSSL_cleanse(t->text.data, t->text.cap);
    buf_reset(&t->text);
    t->until_ms = t->renew_ms = 0;
}

static void token_dated(struct gcp_auth *a, struct token *t, int64_t life_ms)
{
    int64_t now = wall_ms(a), half = life_ms / 2;
    t->until_ms = now + life_ms;
    t->renew_ms = now + half - half / 10 + (int64_t)rng_below(&a->rng, (uint64_t)(half / 5 + 1));
}

/* ---- a key ---- */

static void key_sign(struct gcp_auth *a, struct token *t)
{
    char error[128] = "it cannot be read";
    struct buf file = {0};
    FILE *f = fopen(a->key_file, "rb");
    buf_reserve(&file, KEY_BYTES_MAX);
    file.len = f ? fread(file.data, 1, KEY_BYTES_MAX, f) : 0;
    if (f)
        fclose(f);
    struct gcp_key *k = file.len ? gcp_key_parse(file.data, file.len, error, sizeof error) : NULL;
    OPENSSL_cleanse(file.data, file.cap);
    buf_free(&file);
    struct buf text = {0};
    if (k && gcp_key_jwt(k, t->audience, wall_ms(a) / 1000, &text)) {
        token_wipe(t);
        buf_free(&t->text);
        t->text = text;
        token_dated(a, t, (int64_t)GCP_JWT_S * 1000);
    } else {
        buf_free(&text);
        t->renew_ms = wall_ms(a) + KEY_AGAIN_MS;
        log_warn("gcp", "the service account's key is of no use", LF_S("file", a->key_file),
                 LF_S("why", k ? "it does not sign" : error));
    }
    gcp_key_free(k);
}

static struct token *key_token(struct gcp_auth *a, const char *audience)
{
    struct token *t = NULL;
    for (int i = 0; i < AUDIENCES_MAX && !t; i++)
        if (a->token[i].audience && strcmp(a->token[i].audience, audience) == 0)
            t = &a->token[i];
    if (!t) {
        t = &a->token[a->turn];
        a->turn = (a->turn + 1) % AUDIENCES_MAX;
        mem_free(t->audience);
        t->audience = mem_strdup(audience);
        token_wipe(t);
    }
    if (wall_ms(a) >= t->renew_ms)
        key_sign(a, t);
    return t;
}

/* ---- the metadata server ---- */

static void ask(uv_timer_t *timer);

static void ask_in(struct gcp_auth *a, int64_t ms)
{
    (void)uv_timer_start(&a->timer, ask, (uint64_t)MAX(ms, 0), 0);
}

/* {"access_token":"ya29...","expires_in":3599,"token_type":"Bearer"} */
static bool take(struct gcp_auth *a, const struct http_result *r)
{
    struct jr json = {0};
    bool theirs = http_span_is(http_result_field(r, "Metadata-Flavor"), "Google");
    const struct jr_node *root =
        theirs && r->status == 200 && jr_read(&json, r->body.p, r->body.n) ? jr_root(&json) : NULL;
    const char *text = jr_get_text(root, "access_token");
    const struct jr_node *life = jr_get(root, "expires_in");
    bool ok = *text && !text[strcspn(text, "\r\n ")] && life && life->kind == JR_WHOLE &&
              life->whole > 0 && life->whole <= 86400;
    if (ok) {
        token_wipe(&a->token[0]);
        buf_str(&a->token[0].text, text);
        token_dated(a, &a->token[0], life->whole * 1000);
    }
    if (json.text.data)
        OPENSSL_cleanse(json.text.data, json.text.cap);
    jr_free(&json);
    return ok;
}

static void on_answer(void *arg, const struct http_result *r)
{
    struct gcp_auth *a = arg;
    a->call = NULL;
    if (r->error == HTTP_CLIENT_CANCELLED)
        return;
    if (r->error == HTTP_CLIENT_OK && take(a, r)) {
        a->failed = 0;
        ask_in(a, a->token[0].renew_ms - wall_ms(a));
        return;
    }
    if (!a->failed++)
        log_warn("gcp", "the metadata server gives no token",
                 LF_S("error", http_client_error_names[r->error]), LF_I("status", r->status));
    int64_t most = MIN((int64_t)AGAIN_LEAST_MS << MIN(a->failed, 6u), (int64_t)AGAIN_MOST_MS);
    ask_in(a, most / 2 + (int64_t)rng_below(&a->rng, (uint64_t)most / 2));
}

static void ask(uv_timer_t *timer)
{
    struct gcp_auth *a = CONTAINER_OF(timer, struct gcp_auth, timer);
    struct buf url = {0};
    if (a->call)
        return;
    buf_fmt(&url, "http://%s/computeMetadata/v1/instance/service-accounts/default/token",
            a->metadata_host);
    const struct http_field flavor = {"Metadata-Flavor", "Google"};
    struct http_call_spec spec = {.method = HTTP_METHOD_GET,
                                  .url = url.data,
                                  .fields = &flavor,
                                  .n_fields = 1,
                                  .reply_max = TOKEN_BYTES_MAX,
                                  .total_timeout_ms = CALL_MS};
    a->call = http_client_start(a->http, &spec, on_answer, a);
    buf_free(&url);
}

/* ---- for everybody ---- */

enum gcp_source gcp_auth_source(const struct gcp_auth *a)
{
    return a->key_file ? GCP_SOURCE_KEY : GCP_SOURCE_METADATA;
}

const char *gcp_auth_token(struct gcp_auth *a, const char *audience)
{
    struct token *t = a->key_file ? key_token(a, audience) : &a->token[0];
    return t->text.len && wall_ms(a) < t->until_ms ? t->text.data : NULL;
}

void gcp_auth_refused(struct gcp_auth *a)
{
    for (int i = 0; i < AUDIENCES_MAX; i++)
        token_wipe(&a->token[i]);
    if (!a->key_file)
        ask_in(a, 0);
}

struct gcp_auth *gcp_auth_new(struct uv_loop_s *loop, struct http_client *http,
                              const struct gcp_auth_config *config)
{
    struct gcp_auth *a = mem_new(1, sizeof *a);
    const char *(*env)(void *, const char *) = config->env ? config->env : from_env;
    const char *file = config->key_file, *host = config->metadata_host;
    file = file ? file : env(config->env_arg, "GOOGLE_APPLICATION_CREDENTIALS");
    host = host ? host : env(config->env_arg, "GCE_METADATA_HOST");
    a->loop = loop;
    a->http = http;
    a->config = *config;
    a->rng = rng_seed(config->seed, 0x6c9);
    a->key_file = file && *file ? mem_strdup(file) : NULL;
    a->metadata_host = mem_strdup(host && *host ? host : "metadata.google.internal");
    BUG_ON(uv_timer_init(loop, &a->timer) != 0);
    if (!a->key_file)
        ask_in(a, 0);
    return a;
}

static void on_closed(uv_handle_t *h)
{
    struct gcp_auth *a = CONTAINER_OF((uv_timer_t *)h, struct gcp_auth, timer);
    for (int i = 0; i < AUDIENCES_MAX; i++) {
        token_wipe(&a->token[i]);
        buf_free(&a->token[i].text);
        mem_free(a->token[i].audience);
    }
    mem_free(a->key_file);
    mem_free(a->metadata_host);
    mem_free(a);
}

void gcp_auth_close(struct gcp_auth *a)
{
    if (a->call)
        http_call_cancel(a->call);
    a->call = NULL;
    uv_close((uv_handle_t *)&a->timer, on_closed);
}
