/* amazon.c - the parts put together, and the port at which flows ask. */
#include "amazon/amazon.h"

#include "base/mem.h" /* before uv.h, which may define MIN and MAX again */

#include <openssl/crypto.h>
#include <stdio.h>
#include <uv.h>

#include "aws/client.h"
#include "base/log.h"
#include "driver/instance/tdg.h"

enum {
    KEY_MIN = 16,
    KEY_MAX = 256,
    QUESTION_MAX = 64 * 1024,
    READ_MS = 250, /* between two reads of a shard: 4 of the 5 a second that AWS allows */
    READ_LEAST_MS = 20,
    PROBE_LEAST_MS = 500,
};

struct amazon {
    struct amazon_options o;
    struct http_client *http;
    struct aws_credentials *credentials;
    struct aws_client *aws;
    struct http_server *server; /* NULL: does not listen */
    struct instance *instance[SITES_MAX];
    struct connect *driver[SITES_MAX];
    struct tdg *tdg[AMAZON_PAIRS_MAX];
    uint8_t replica[SITES_MAX]; /* SITE_NONE: none */
    char key[KEY_MAX + 1];
    void (*closed)(void *arg);
    void *closed_arg;
};

/* ---- the port at which flows ask ---- */

struct asking { /* a request that is not answered yet */
    struct connect *driver;
    struct http_request *rq; /* NULL once replied to */
    uint64_t number;
    bool deferred;
};

static void on_gone(void *arg)
{
    struct asking *q = arg;
    connect_ask_cancel(q->driver, q->number);
    mem_free(q);
}

static void on_answer(void *arg, const char *json, size_t n)
{
    struct asking *q = arg;
    http_reply(q->rq, 200, "application/json", json, n);
    q->rq = NULL;
    if (q->deferred)
        mem_free(q);
}

static void flow_asks(struct connect *driver, struct http_request *rq)
{
    struct asking *q = mem_new(1, sizeof *q);
    *q = (struct asking){.driver = driver, .rq = rq};
    q->number = connect_ask(driver, rq->body.n ? rq->body.p : "", rq->body.n, on_answer, q);
    if (!q->rq) {
        mem_free(q);
        return;
    }
    q->deferred = true;
    http_defer(rq, on_gone, q);
}

static bool may_ask(const struct amazon *a, const struct http_request *rq)
{
    struct http_span s = http_header(rq, "Authorization");
    size_t n = strlen(a->key);
    return !n || (s.n == n + 7 && memcmp(s.p, "Bearer ", 7) == 0 &&
                  CRYPTO_memcmp(s.p + 7, a->key, n) == 0);
}

static void event_in(struct amazon *a, struct http_request *rq)
{
    for (int s = 0; s < SITES_MAX; s++)
        if (a->driver[s] &&
            connect_contact_event(a->driver[s], rq->body.n ? rq->body.p : "", rq->body.n)) {
            http_reply(rq, 204, NULL, NULL, 0);
            return;
        }
    http_problem(rq, 404, NULL, "No site is this event's instance, or it is no contact event.");
}

static void health(struct amazon *a, struct http_request *rq)
{
    bool ready = true;
    for (int s = 0; s < SITES_MAX; s++)
        ready &= !a->driver[s] || connect_state(a->driver[s]).ready;
    http_reply(rq, ready ? 200 : 503, "application/json", ready ? "{}\n" : "{\"ready\":false}\n",
               ready ? 3 : 16);
}

static void on_request(void *arg, struct http_request *rq)
{
    struct amazon *a = arg;
    struct http_path p;
    bool post = rq->method == HTTP_METHOD_POST;
    if (!http_path_split(rq->path, &p) || !p.n) {
        http_problem(rq, 404, NULL, NULL);
    } else if (!may_ask(a, rq)) {
        http_reply_header(rq, "WWW-Authenticate", "Bearer");
        http_problem(rq, 401, NULL, "The key is missing or wrong.");
    } else if (p.n == 1 && strcmp(p.segment[0], "health") == 0) {
        health(a, rq);
    } else if (!post) {
        http_reply_header(rq, "Allow", "POST");
        http_problem(rq, 405, NULL, NULL);
    } else if (p.n == 1 && strcmp(p.segment[0], "events") == 0) {
        event_in(a, rq);
    } else {
        int site = p.n == 2 && strcmp(p.segment[0], "flow") == 0
                       ? config_site_by_name(a->o.config, p.segment[1])
                       : -1;
        if (site >= 0 && a->driver[site])
            flow_asks(a->driver[site], rq);
        else
            http_problem(rq, 404, NULL, "There is no such site.");
    }
}

static bool load_key(struct amazon *a, char *error, size_t cap)
{
    const char *path = a->o.amazon->key_file;
    if (!*path)
        return true;
    FILE *f = fopen(path, "re");
    size_t n = f ? fread(a->key, 1, KEY_MAX, f) : 0;
    if (f)
        (void)fclose(f);
    while (n && a->key[n - 1] <= ' ')
        n--;
    a->key[n] = '\0';
    if (n < KEY_MIN)
        (void)snprintf(error, cap, "%s: no key of at least %d characters is in it", path, KEY_MIN);
    return n >= KEY_MIN;
}

int amazon_listen(struct amazon *a, char *error, size_t cap)
{
    struct http_config h = HTTP_DEFAULTS;
    const char *listen = a->o.amazon->listen;
    bool here = strcmp(listen, "127.0.0.1") == 0 || strcmp(listen, "::1") == 0;
    if (!a->key[0] && !here) {
        (void)snprintf(error, cap,
                       "amazon.listen: %s is reached from outside; give amazon.key_file too",
                       listen);
        return -1;
    }
    h.body_max = QUESTION_MAX;
    a->server = http_server_new(a->o.loop, &h, on_request, a);
    return http_server_listen(a->server, listen, a->o.amazon->port, error, cap);
}

/* ---- the parts ---- */

static td_ms now(void *arg)
{
    struct amazon *a = arg;
    return a->o.now(a->o.arg);
}

static void moved(void *arg, uint8_t site)
{
    struct amazon *a = arg;
    a->o.moved(a->o.arg, site);
}

static const char *or_null(const char *s)
{
    return *s ? s : NULL;
}

static void make_driver(struct amazon *a, const struct amazon_instance *i)
{
    const struct amazon_config *g = a->o.amazon;
    struct connect_config config = {
        .config = a->o.config,
        .site = i->site,
        .aws = a->aws,
        .region = i->region,
        .instance_id = i->instance,
        .agent_stream = or_null(i->agent_stream),
        .record_stream = or_null(i->record_stream),
        .flow = or_null(g->flow),
        .available = g->available,
        .offline = g->offline,
        .now = now,
        .now_arg = a,
        .pseudonym_key = {a->o.pseudonym_key[0], a->o.pseudonym_key[1]},
    };
    if (a->o.speed > 1) { /* as often by that clock */
        config.read_ms = (uint32_t)MAX(READ_MS / a->o.speed, READ_LEAST_MS);
        config.poll_ms = (uint32_t)MAX(CONNECT_POLL_MS / a->o.speed, CONNECT_PROBE_MS);
        config.probe_ms = (uint32_t)MAX(CONNECT_PROBE_MS / a->o.speed, PROBE_LEAST_MS);
    }
    for (uint32_t k = 0; k < g->n_instances; k++)
        config.numbers[g->instance[k].site] = g->instance[k].numbers;
    a->driver[i->site] = connect_new(a->o.loop, &config, moved, a);
    a->instance[i->site] = connect_instance(a->driver[i->site]);
}

static const char *region_of(const struct amazon *a, uint8_t site)
{
    for (uint32_t i = 0; i < a->o.amazon->n_instances; i++)
        if (a->o.amazon->instance[i].site == site)
            return a->o.amazon->instance[i].region;
    return a->o.config->site[site].name;
}

/* The first site's part of what both are to have. */
static int32_t wanted(void *arg, uint32_t pair)
{
    struct amazon *a = arg;
    const struct amazon_pair *p = &a->o.amazon->pair[pair];
    int32_t ppm[2];
    if (!a->o.wanted || !a->o.wanted(a->o.arg, p->site, ppm) || ppm[0] + ppm[1] <= 0)
        return -1;
    return (int32_t)((int64_t)ppm[0] * PPM / (ppm[0] + ppm[1]));
}

static void make_tdg(struct amazon *a, uint32_t k)
{
    const struct amazon_pair *p = &a->o.amazon->pair[k];
    struct tdg_config config = {
        .aws = a->aws,
        .group = p->group,
        .region = {region_of(a, p->site[0]), region_of(a, p->site[1])},
        .agents = p->agents,
        .sign_in = p->sign_in,
        .dwell_ms = p->dwell_ms,
        .wanted = wanted,
        .arg = a,
        .id = k,
    };
    a->tdg[k] = tdg_new(a->o.loop, &config);
    a->replica[p->site[0]] = p->site[1];
    a->replica[p->site[1]] = p->site[0];
}

struct amazon *amazon_new(const struct amazon_options *o, char *error, size_t cap)
{
    struct amazon *a = mem_new(1, sizeof *a);
    const struct amazon_config *g = o->amazon;
    struct http_client_config h = HTTP_CLIENT_DEFAULTS;
    a->o = *o;
    memset(a->replica, SITE_NONE, sizeof a->replica);
    if (!load_key(a, error, cap)) {
        mem_free(a);
        return NULL;
    }
    h.host_conns_max = 64;
    a->http = http_client_new(o->loop, &h);
    a->credentials = aws_credentials_new(
        o->loop, a->http,
        &(struct aws_credentials_config){.profile = or_null(g->profile), .seed = o->seed}, NULL,
        NULL);
    a->aws = aws_client_new(o->loop, a->http,
                            &(struct aws_client_config){.endpoint = or_null(g->endpoint),
                                                        .account = g->account,
                                                        .credentials = a->credentials,
                                                        .seed = o->seed,
                                                        .speed = o->speed});
    for (uint32_t i = 0; i < g->n_instances; i++)
        make_driver(a, &g->instance[i]);
    for (uint32_t k = 0; k < g->n_pairs; k++)
        make_tdg(a, k);
    return a;
}

struct instance *const *amazon_instances(const struct amazon *a)
{
    return a->instance;
}

const uint8_t *amazon_replicas(const struct amazon *a)
{
    return a->replica;
}

struct connect *amazon_driver(const struct amazon *a, uint8_t site)
{
    return a->driver[site];
}

struct aws_client_stats amazon_calls(const struct amazon *a)
{
    return aws_client_stats(a->aws);
}

/* ---- the end ---- */

static void on_http_closed(void *arg)
{
    struct amazon *a = arg;
    void (*closed)(void *) = a->closed;
    void *closed_arg = a->closed_arg;
    OPENSSL_cleanse(a->key, sizeof a->key);
    mem_free(a);
    if (closed)
        closed(closed_arg);
}

static void close_parts(void *arg)
{
    struct amazon *a = arg;
    for (int k = 0; k < AMAZON_PAIRS_MAX; k++)
        if (a->tdg[k])
            tdg_close(a->tdg[k]);
    for (int s = 0; s < SITES_MAX; s++)
        if (a->driver[s])
            connect_close(a->driver[s]);
    aws_client_close(a->aws);
    aws_credentials_close(a->credentials);
    http_client_close(a->http, on_http_closed, a);
}

void amazon_close(struct amazon *a, void (*closed)(void *arg), void *arg)
{
    a->closed = closed;
    a->closed_arg = arg;
    if (a->server)
        http_server_close(a->server, close_parts, a);
    else
        close_parts(a);
}
