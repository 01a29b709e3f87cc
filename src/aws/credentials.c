/* credentials.c - where to look, when to look again. */
#include "aws/credentials_i.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/log.h"

enum {
    RETRY_FIRST_MS = 1000,
    RETRY_LAST_MS = 60000,
    REFRESH_LEAST_MS = 1000,
    REFUSED_LEAST_MS = 10000
};

const char *const aws_source_names[AWS_SOURCES] = {
    "none", "environment", "web identity", "profile", "container", "instance",
};

const char *credentials__env(const struct aws_credentials *c, const char *name)
{
    const char *v = c->config.env ? c->config.env(c->config.env_arg, name) : getenv(name);
    return v ? v : "";
}

int64_t credentials__now_ms(const struct aws_credentials *c)
{
    struct timespec t;
    if (c->config.now_ms)
        return c->config.now_ms(c->config.now_arg);
    (void)clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

bool credentials__read_file(const char *path, struct buf *out)
{
    FILE *f = fopen(path, "re");
    if (!f)
        return false;
    buf_reserve(out, CREDENTIALS_FILE_MAX + 1);
    size_t n = fread(out->data, 1, CREDENTIALS_FILE_MAX + 1, f);
    bool ok = !ferror(f) && n <= CREDENTIALS_FILE_MAX;
    (void)fclose(f);
    out->len = ok ? n : 0;
    out->data[out->len] = '\0';
    return ok;
}

static void wipe_buf(struct buf *b)
{
    if (b->data)
        OPENSSL_cleanse(b->data, b->cap);
    buf_free(b);
}

/* ---- the end of an attempt ---- */

static void look(struct aws_credentials *c);

static void on_timer(uv_timer_t *t)
{
    look(CONTAINER_OF(t, struct aws_credentials, timer));
}

static void again_in(struct aws_credentials *c, int64_t ms)
{
    if (!c->closing)
        (void)uv_timer_start(&c->timer, on_timer, (uint64_t)ms, 0);
}

static void forget_attempt(struct aws_credentials *c)
{
    for (uint32_t i = 0; i < c->n_roles; i++) {
        mem_free(c->role[i].arn);
        mem_free(c->role[i].external_id);
        mem_free(c->role[i].session);
        c->role[i] = (struct credentials_role){0};
    }
    c->n_roles = c->roles_done = 0;
    mem_free(c->web_role);
    mem_free(c->web_session);
    mem_free(c->metadata_token);
    c->web_role = c->web_session = c->metadata_token = NULL;
    c->fetching = false;
}

void credentials__failed(struct aws_credentials *c, const char *problem)
{
    aws_key_free(&c->next);
    forget_attempt(c);
    c->state.failed++;
    c->state.problem = problem;
    int64_t most = MIN((int64_t)RETRY_FIRST_MS << MIN(c->failures, 10u), RETRY_LAST_MS);
    c->failures++;
    log_warn("aws", "no credentials were had", LF_S("source", aws_source_names[c->state.source]),
             LF_S("problem", problem), LF_B("old_ones_kept", c->state.ok));
    again_in(c, most / 2 + (int64_t)rng_below(&c->rng, (uint64_t)most / 2 + 1));
}

/* Half of what is left, give or take a tenth. */
static void plan_refresh(struct aws_credentials *c)
{
    int64_t left = c->key.expires_ms - credentials__now_ms(c);
    if (!c->key.expires_ms)
        return;
    double part = 0.5 * (0.9 + 0.2 * rng_unit(&c->rng));
    again_in(c, MAX((int64_t)((double)left * part), REFRESH_LEAST_MS));
}

void credentials__got(struct aws_credentials *c)
{
    if (c->roles_done < c->n_roles) {
        credentials__assume(c, &c->role[c->roles_done++]);
        return;
    }
    aws_key_free(&c->key);
    c->key = c->next;
    c->next = (struct aws_key){0};
    c->identity = (struct sigv4_identity){c->key.key_id, c->key.secret, c->key.token};
    forget_attempt(c);
    c->failures = 0;
    c->state.fetched++;
    c->state.ok = true;
    c->state.problem = NULL;
    c->state.expires_ms = c->key.expires_ms;
    plan_refresh(c);
    if (c->changed)
        c->changed(c->changed_arg);
}

/* ---- shared files ---- */

struct files {
    struct buf credentials, config, value;
};

static void read_shared(struct aws_credentials *c, const char *variable, const char *usual,
                        struct buf *out)
{
    struct buf path = {0};
    const char *named = credentials__env(c, variable);
    if (*named)
        buf_str(&path, named);
    else
        buf_fmt(&path, "%s/.aws/%s", credentials__env(c, "HOME"), usual);
    (void)credentials__read_file(path.data, out);
    buf_free(&path);
}

/* A key of a profile, from the credentials file first, as AWS's SDKs do. NULL: not there. Valid
 * until the next call. */
static const char *get(struct files *f, const char *profile, const char *key)
{
    struct http_span a = {f->credentials.data, f->credentials.len};
    struct http_span b = {f->config.data, f->config.len};
    bool found = aws_profile_get(a, false, profile, key, &f->value) ||
                 aws_profile_get(b, true, profile, key, &f->value);
    return found && f->value.len ? f->value.data : NULL;
}

/* Takes the profile's own keys into c->next. */
static bool take_static(struct aws_credentials *c, struct files *f, const char *profile)
{
    char *id = NULL, *secret = NULL, *token = NULL;
    const char *v;
    bool ok = false;
    if ((v = get(f, profile, "aws_access_key_id")))
        id = mem_strdup(v);
    if ((v = get(f, profile, "aws_secret_access_key")))
        secret = mem_strdup(v);
    if ((v = get(f, profile, "aws_session_token")))
        token = mem_strdup(v);
    if (id && secret)
        ok = aws_key_set(&c->next, HTTP_SPAN(id), HTTP_SPAN(secret),
                         token ? HTTP_SPAN(token) : (struct http_span){NULL, 0}, 0);
    if (secret)
        OPENSSL_cleanse(secret, strlen(secret));
    mem_free(id);
    mem_free(secret);
    mem_free(token);
    return ok;
}

static char *get_copy(struct files *f, const char *profile, const char *key)
{
    const char *v = get(f, profile, key);
    return v ? mem_strdup(v) : NULL;
}

/* Puts a role to assume before those already there: the profile named last is assumed first. */
static void push_role(struct aws_credentials *c, struct files *f, const char *profile, char *arn)
{
    memmove(&c->role[1], &c->role[0], c->n_roles * sizeof c->role[0]);
    c->role[0] = (struct credentials_role){arn, get_copy(f, profile, "external_id"),
                                           get_copy(f, profile, "role_session_name")};
    c->n_roles++;
}

static bool fetch_credential_source(struct aws_credentials *c, const char *source)
{
    if (strcmp(source, "Ec2InstanceMetadata") == 0)
        credentials__fetch_instance(c);
    else if (strcmp(source, "EcsContainer") == 0)
        credentials__fetch_container(c);
    else
        return false;
    return true;
}

static void fetch_leaf(struct aws_credentials *c, struct files *f, const char *profile, char *role)
{
    char *value;
    if (role && (value = get_copy(f, profile, "web_identity_token_file"))) {
        char *session = get_copy(f, profile, "role_session_name");
        credentials__fetch_web_file(c, role, session, value);
        mem_free(session);
    } else if ((value = get_copy(f, profile, "credential_process"))) {
        credentials__fetch_process(c, value);
    } else if (take_static(c, f, profile)) {
        credentials__got(c);
    } else {
        credentials__failed(c, "the profile has no usable credentials");
    }
    mem_free(value);
}

/* Follows source_profile to where credentials are. A profile that names itself as its source has
 * its own keys there. */
static void fetch_profile(struct aws_credentials *c, struct files *f, const char *first)
{
    char *profile = mem_strdup(first), *role = NULL;
    for (;;) {
        role = get_copy(f, profile, "role_arn");
        char *source = role ? get_copy(f, profile, "source_profile") : NULL;
        const char *named = role && !source ? get(f, profile, "credential_source") : NULL;
        if (!source && !named)
            break;
        if (c->n_roles == AWS_PROFILE_CHAIN_MAX) {
            mem_free(source);
            mem_free(role);
            role = NULL;
            credentials__failed(c, "too long a chain of source profiles");
            goto out;
        }
        if (named) {
            char *kind = mem_strdup(named);
            push_role(c, f, profile, role);
            role = NULL;
            if (!fetch_credential_source(c, kind))
                credentials__failed(c, "an unknown credential_source");
            mem_free(kind);
            goto out;
        }
        push_role(c, f, profile, role);
        role = NULL;
        bool itself = strcmp(source, profile) == 0;
        mem_free(profile);
        profile = source;
        if (itself)
            break;
    }
    fetch_leaf(c, f, profile, role);
out:
    mem_free(role);
    mem_free(profile);
}

static bool try_profile(struct aws_credentials *c)
{
    struct files f = {0};
    const char *profile =
        c->config.profile ? c->config.profile : credentials__env(c, "AWS_PROFILE");
    static const char *const keys[] = {"aws_access_key_id", "role_arn", "credential_process"};
    bool found = false;
    if (!*profile)
        profile = "default";
    read_shared(c, "AWS_SHARED_CREDENTIALS_FILE", "credentials", &f.credentials);
    read_shared(c, "AWS_CONFIG_FILE", "config", &f.config);
    for (size_t i = 0; i < COUNTOF(keys); i++)
        found |= get(&f, profile, keys[i]) != NULL;
    if (found) {
        c->state.source = AWS_SOURCE_PROFILE;
        fetch_profile(c, &f, profile);
    }
    wipe_buf(&f.credentials);
    wipe_buf(&f.config);
    wipe_buf(&f.value);
    return found;
}

/* ---- where to look ---- */

static bool try_environment(struct aws_credentials *c)
{
    struct http_span id = HTTP_SPAN(credentials__env(c, "AWS_ACCESS_KEY_ID"));
    struct http_span secret = HTTP_SPAN(credentials__env(c, "AWS_SECRET_ACCESS_KEY"));
    struct http_span token = HTTP_SPAN(credentials__env(c, "AWS_SESSION_TOKEN"));
    if (!id.n || !secret.n)
        return false;
    c->state.source = AWS_SOURCE_ENVIRONMENT;
    if (aws_key_set(&c->next, id, secret, token, 0))
        credentials__got(c);
    else
        credentials__failed(c, "blanks or control characters in the environment's credentials");
    return true;
}

static bool try_web_identity(struct aws_credentials *c)
{
    const char *file = credentials__env(c, "AWS_WEB_IDENTITY_TOKEN_FILE");
    const char *role =
        c->config.role_arn ? c->config.role_arn : credentials__env(c, "AWS_ROLE_ARN");
    const char *session = credentials__env(c, "AWS_ROLE_SESSION_NAME");
    if (!*role || (!*file && !c->config.gcp_audience))
        return false;
    c->state.source = AWS_SOURCE_WEB_IDENTITY;
    if (c->config.gcp_audience) {
        c->web_role = mem_strdup(role);
        c->web_session = *session ? mem_strdup(session) : NULL;
        credentials__fetch_gcp(c);
    } else {
        credentials__fetch_web_file(c, role, *session ? session : NULL, file);
    }
    return true;
}

static bool try_container(struct aws_credentials *c)
{
    if (!*credentials__env(c, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") &&
        !*credentials__env(c, "AWS_CONTAINER_CREDENTIALS_FULL_URI"))
        return false;
    c->state.source = AWS_SOURCE_CONTAINER;
    credentials__fetch_container(c);
    return true;
}

static void look(struct aws_credentials *c)
{
    c->fetching = true;
    c->tried_ms = credentials__now_ms(c);
    c->state.source = AWS_SOURCE_NONE;
    if (try_environment(c) || try_web_identity(c) || try_profile(c) || try_container(c))
        return;
    if (strcmp(credentials__env(c, "AWS_EC2_METADATA_DISABLED"), "true") == 0) {
        credentials__failed(c, "no source of credentials is configured");
        return;
    }
    c->state.source = AWS_SOURCE_INSTANCE;
    credentials__fetch_instance(c);
}

/* ---- the owner's side ---- */

static char *copy_or_null(const char *s)
{
    return s ? mem_strdup(s) : NULL;
}

struct aws_credentials *aws_credentials_new(struct uv_loop_s *loop, struct http_client *http,
                                            const struct aws_credentials_config *config,
                                            void (*changed)(void *arg), void *arg)
{
    struct aws_credentials *c = mem_new(1, sizeof *c);
    c->loop = loop;
    c->http = http;
    c->config = *config;
    c->config.profile = copy_or_null(config->profile);
    c->config.region = copy_or_null(config->region);
    c->config.gcp_audience = copy_or_null(config->gcp_audience);
    c->config.role_arn = copy_or_null(config->role_arn);
    c->config.sts_url = copy_or_null(config->sts_url);
    c->changed = changed;
    c->changed_arg = arg;
    c->rng = rng_seed(config->seed, 0xc4ed);
    BUG_ON(uv_timer_init(loop, &c->timer) != 0);
    c->handles = 1;
    again_in(c, 0);
    return c;
}

void credentials__handle_gone(struct aws_credentials *c)
{
    if (--c->handles)
        return;
    aws_key_free(&c->key);
    aws_key_free(&c->next);
    forget_attempt(c);
    mem_free((char *)(uintptr_t)c->config.profile);
    mem_free((char *)(uintptr_t)c->config.region);
    mem_free((char *)(uintptr_t)c->config.gcp_audience);
    mem_free((char *)(uintptr_t)c->config.role_arn);
    mem_free((char *)(uintptr_t)c->config.sts_url);
    mem_free(c);
}

static void on_timer_closed(uv_handle_t *h)
{
    credentials__handle_gone(CONTAINER_OF((uv_timer_t *)h, struct aws_credentials, timer));
}

void aws_credentials_close(struct aws_credentials *c)
{
    c->closing = true;
    if (c->call)
        http_call_cancel(c->call);
    c->call = NULL;
    credentials__stop_process(c);
    uv_close((uv_handle_t *)&c->timer, on_timer_closed);
}

const struct sigv4_identity *aws_credentials_get(const struct aws_credentials *c)
{
    return c->state.ok ? &c->identity : NULL;
}

void aws_credentials_refused(struct aws_credentials *c)
{
    if (!c->fetching && credentials__now_ms(c) - c->tried_ms >= REFUSED_LEAST_MS)
        again_in(c, 0);
}

struct aws_credentials_state aws_credentials_state(const struct aws_credentials *c)
{
    return c->state;
}
