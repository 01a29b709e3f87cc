/* client.c - a call's life:
 *
 *   WAITING in its bucket --its turn--> SENT --answer--> told
 *      ^                                  |
 *      +------- DELAYED <--again later ---+
 *
 * Calls are rows of a table, known by row and generation; timers are one heap. */
#include "base/mem.h" /* before uv.h, which may define MIN and MAX again */

#include <jansson.h>
#include <stdio.h>
#include <time.h>
#include <uv.h>

#include "aws/client.h"
#include "base/log.h"
#include "base/when.h"

enum {
    WITHIN_MS = 30000,
    CREDENTIALS_AGAIN_MS = 100, /* how soon a call looks again whether there are any */
    SKEW_BELIEVED_MS = 120000   /* clocks this far apart are a reason for a refused signature */
};

enum call_state { CALL_FREE, CALL_WAITING, CALL_DELAYED, CALL_SENT, CALL_ENDING };

struct call {
    enum call_state state;
    uint32_t row, generation;
    struct aws_client *client;
    const struct aws_operation *op;
    uint32_t bucket;
    uint8_t priority;
    char region[32];
    char *path, *query, *body;
    size_t body_n;
    uint32_t reply_max;
    int64_t due_ms; /* when it must be over */
    int64_t wake_ms;
    uint32_t attempts, retries;
    bool unknown, skew_tried;
    enum aws_class class; /* ENDING */
    struct http_call *http;
    aws_told *told;
    void *arg;
};

struct aws_client {
    uv_loop_t *loop;
    struct http_client *http;
    struct aws_client_config config;
    struct pace *pace;
    struct pace_retry retry;
    struct rng rng;
    struct call **call; /* rows do not move: the HTTP client has their addresses */
    uint32_t n_calls, *unused, n_unused;
    struct heap wake; /* (time, row + generation) */
    uv_timer_t timer;
    struct aws_client_stats stats;
    bool closing;
};

static int64_t wall_ms(const struct aws_client *c)
{
    struct timespec t;
    if (c->config.now_ms)
        return c->config.now_ms(c->config.now_arg);
    (void)clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int64_t loop_ms(const struct aws_client *c)
{
    return (int64_t)uv_now(c->loop);
}

/* ---- rows ---- */

static uint64_t name_of(const struct call *k, uint32_t row)
{
    return (uint64_t)k->generation << 32 | row;
}

static struct call *find(const struct aws_client *c, uint64_t name)
{
    uint32_t row = (uint32_t)name;
    struct call *k = row < c->n_calls ? c->call[row] : NULL;
    return k && k->state != CALL_FREE && k->generation == name >> 32 ? k : NULL;
}

static struct call *row_new(struct aws_client *c, uint32_t *row)
{
    if (!c->n_unused) {
        c->call = mem_grow(c->call, c->n_calls + 1, sizeof *c->call);
        c->unused = mem_grow(c->unused, c->n_calls + 1, sizeof *c->unused);
        c->call[c->n_calls] = mem_new(1, sizeof **c->call);
        c->unused[c->n_unused++] = c->n_calls++;
    }
    *row = c->unused[--c->n_unused];
    struct call *k = c->call[*row];
    *k = (struct call){.client = c, .row = *row, .generation = k->generation + 1};
    c->stats.open++;
    return k;
}

static void row_free(struct aws_client *c, uint32_t row)
{
    struct call *k = c->call[row];
    mem_free(k->path);
    mem_free(k->query);
    mem_free(k->body);
    k->path = k->query = k->body = NULL;
    k->state = CALL_FREE;
    c->unused[c->n_unused++] = row;
    c->stats.open--;
}

/* ---- the clock ---- */

static void run(struct aws_client *c);

static void on_timer(uv_timer_t *t)
{
    run(CONTAINER_OF(t, struct aws_client, timer));
}

static void set_timer(struct aws_client *c)
{
    const struct heap_item *h = heap_peek(&c->wake);
    int64_t due = MIN(pace_due(c->pace), h ? h->key : INT64_MAX);
    if (c->closing)
        return;
    if (due == INT64_MAX)
        (void)uv_timer_stop(&c->timer);
    else
        (void)uv_timer_start(&c->timer, on_timer, (uint64_t)MAX(due - loop_ms(c), 0), 0);
}

static void wake_at(struct aws_client *c, uint32_t row, int64_t at_ms)
{
    struct call *k = c->call[row];
    k->wake_ms = MIN(at_ms, k->due_ms);
    heap_push(&c->wake, k->wake_ms, name_of(k, row), name_of(k, row));
}

/* ---- the end ---- */

static void tell(struct aws_client *c, uint32_t row, enum aws_class class, const char *code,
                 int status, json_t *body, struct http_span bytes)
{
    struct call *k = c->call[row];
    struct aws_reply r = {.class = class,
                          .code = code,
                          .status = status,
                          .unknown = k->unknown && class != AWS_OK,
                          .attempts = k->attempts,
                          .body = body,
                          .bytes = bytes};
    c->stats.by_class[class]++;
    c->stats.unknown += r.unknown;
    if (class != AWS_OK && class != AWS_NOT_FOUND && class != AWS_NOT_READY)
        log_info("aws", "a call failed", LF_S("op", k->op->name), LF_S("region", k->region),
                 LF_S("class", aws_class_names[class]), LF_S("code", code),
                 LF_I("attempts", k->attempts), LF_B("unknown", r.unknown));
    aws_told *told = k->told;
    void *arg = k->arg;
    row_free(c, row); /* before the owner hears of it: he may close the client */
    told(arg, &r);
}

static void wait_for_turn(struct aws_client *c, uint32_t row)
{
    struct call *k = c->call[row];
    k->state = CALL_WAITING;
    if (pace_push(c->pace, k->bucket, k->priority, row, loop_ms(c))) {
        wake_at(c, row, k->due_ms);
    } else {
        k->state = CALL_ENDING;
        k->class = AWS_REFUSED;
        wake_at(c, row, loop_ms(c));
    }
}

static void delay(struct aws_client *c, uint32_t row, int64_t ms)
{
    c->call[row]->state = CALL_DELAYED;
    wake_at(c, row, loop_ms(c) + ms);
}

/* ---- answers ---- */

static bool may_repeat(const struct call *k, enum aws_class class)
{
    switch (class) {
    case AWS_THROTTLED:
    case AWS_SKEWED: return true; /* nothing was done */
    case AWS_EXPIRED: return k->client->config.credentials != NULL;
    case AWS_SERVER:
    case AWS_NETWORK: return !k->unknown || k->op->repeatable;
    default: return false;
    }
}

/* AWS says only that a signature is wrong; when our clocks differ much, that is why. */
static enum aws_class look_for_skew(struct aws_client *c, struct call *k, enum aws_class class,
                                    const struct http_result *r)
{
    struct http_span date = http_result_field(r, "Date");
    int64_t theirs_ms, now_ms = wall_ms(c);
    if ((class != AWS_SKEWED && class != AWS_DENIED) || k->skew_tried || !date.n ||
        !when_parse_http(date.p, date.n, &theirs_ms))
        return class;
    int64_t off_ms = theirs_ms - (now_ms + c->stats.skew_ms);
    if (class == AWS_DENIED && off_ms < SKEW_BELIEVED_MS && off_ms > -SKEW_BELIEVED_MS)
        return class;
    k->skew_tried = true;
    c->stats.skew_ms = theirs_ms - now_ms;
    log_warn("aws", "this machine's clock differs from AWS's", LF_I("skew_ms", c->stats.skew_ms));
    return AWS_SKEWED;
}

static bool again(struct aws_client *c, uint32_t row, enum aws_class class)
{
    struct call *k = c->call[row];
    uint32_t base = c->config.retry_base_ms ? c->config.retry_base_ms : 100;
    uint32_t most = c->config.retry_most_ms ? c->config.retry_most_ms : 20000;
    uint32_t max = c->config.retries_max ? c->config.retries_max : 4;
    int64_t ms = 0;
    if (!may_repeat(k, class) || k->retries == max || loop_ms(c) >= k->due_ms ||
        !pace_retry(&c->retry, k->retries + 1, class == AWS_NETWORK, base, most, &c->rng, &ms))
        return false;
    k->retries++;
    c->stats.retries++;
    if (class == AWS_EXPIRED) { /* and time for new ones to come */
        aws_credentials_refused(c->config.credentials);
        ms += 2 * CREDENTIALS_AGAIN_MS;
    }
    delay(c, row, class == AWS_SKEWED ? 0 : ms);
    return true;
}

static void on_answer(void *arg, const struct http_result *r)
{
    struct call *k = arg;
    struct aws_client *c = k->client;
    uint32_t row = k->row;
    bool first = k->retries == 0;
    json_t *body = r->body.n ? json_loadb(r->body.p, r->body.n, JSON_ALLOW_NUL, NULL) : NULL;
    struct aws_error e = aws_error_of(r, body);
    k->http = NULL;
    if (r->error == HTTP_CLIENT_CANCELLED && c->closing)
        return;
    k->unknown |= e.class == AWS_SERVER || (e.class == AWS_NETWORK && r->sent);
    e.class = look_for_skew(c, k, e.class, r);
    if (e.class == AWS_THROTTLED) {
        c->stats.throttled++;
        pace_throttled(c->pace, k->bucket, loop_ms(c));
    }
    if (e.class == AWS_OK)
        pace_went_well(&c->retry, !first);
    if (!again(c, row, e.class))
        tell(c, row, e.class, e.code, r->status, body, r->body);
    json_decref(body);
    set_timer(c);
}

/* ---- requests ---- */

static void endpoint(const struct aws_client *c, const struct call *k, struct buf *base,
                     struct buf *host)
{
    const char *cn = strncmp(k->region, "cn-", 3) == 0 ? ".cn" : "";
    if (c->config.endpoint)
        buf_str(base, c->config.endpoint);
    else
        buf_fmt(base, "https://%s.%s.amazonaws.com%s", k->op->service->host, k->region, cn);
    const char *at = strstr(base->data, "://");
    const char *from = at ? at + 3 : base->data;
    buf_add(host, from, strcspn(from, "/"));
}

struct request { /* what is signed and sent, while it is made */
    struct buf url, host, target;
    struct sigv4_signed sign;
    struct sigv4_field cover[3];
    struct http_field field[6];
    uint32_t n_cover, n_fields;
};

static void add_field(struct request *q, const char *name, const char *value, bool cover)
{
    q->field[q->n_fields++] = (struct http_field){name, value};
    if (cover)
        q->cover[q->n_cover++] = (struct sigv4_field){HTTP_SPAN(name), HTTP_SPAN(value)};
}

static bool sign(struct aws_client *c, struct call *k, const struct sigv4_identity *who,
                 struct request *q)
{
    const struct aws_service *s = k->op->service;
    char hash[SIGV4_HEX];
    sigv4_hash(k->body, k->body_n, hash);
    q->cover[q->n_cover++] = (struct sigv4_field){HTTP_SPAN("host"), {q->host.data, q->host.len}};
    if (k->body)
        add_field(q, "Content-Type", s->content_type, true);
    if (s->target) {
        buf_fmt(&q->target, "%s.%s", s->target, k->op->name);
        add_field(q, "X-Amz-Target", q->target.data, true);
    }
    struct sigv4_request rq = {
        .method = HTTP_SPAN(http_method_names[k->op->method]),
        .path = HTTP_SPAN(k->path),
        .query = k->query ? HTTP_SPAN(k->query) : (struct http_span){NULL, 0},
        .fields = q->cover,
        .n_fields = q->n_cover,
        .body_hash = hash,
    };
    int64_t now_s = (wall_ms(c) + c->stats.skew_ms) / 1000;
    if (!sigv4_sign(who, k->region, s->id, now_s, &rq, &q->sign))
        return false;
    add_field(q, "X-Amz-Date", q->sign.time, false);
    add_field(q, "Authorization", q->sign.authorization.data, false);
    if (q->sign.token)
        add_field(q, "X-Amz-Security-Token", q->sign.token, false);
    return true;
}

static void send_request(struct aws_client *c, uint32_t row, const struct sigv4_identity *who)
{
    struct call *k = c->call[row];
    struct request q = {0};
    endpoint(c, k, &q.url, &q.host);
    if (sign(c, k, who, &q)) {
        int64_t left = MAX(k->due_ms - loop_ms(c), 1);
        buf_str(&q.url, k->path);
        if (k->query)
            buf_fmt(&q.url, "?%s", k->query);
        struct http_call_spec spec = {
            .method = k->op->method,
            .url = q.url.data,
            .fields = q.field,
            .n_fields = q.n_fields,
            .body = {k->body, k->body_n},
            .reply_max = k->reply_max,
            .total_timeout_ms = (uint32_t)MIN(left, 10000), /* one lost answer is not all we have */
        };
        k->state = CALL_SENT;
        k->attempts++;
        c->stats.requests++;
        k->http = http_client_start(c->http, &spec, on_answer, k);
    } else {
        k->state = CALL_ENDING;
        k->class = AWS_INVALID;
        wake_at(c, row, loop_ms(c));
    }
    sigv4_signed_free(&q.sign);
    buf_free(&q.url);
    buf_free(&q.host);
    buf_free(&q.target);
}

static void take_turn(struct aws_client *c, uint32_t row)
{
    const struct sigv4_identity *who =
        c->config.credentials ? aws_credentials_get(c->config.credentials) : &c->config.identity;
    if (who && who->key_id)
        send_request(c, row, who);
    else
        delay(c, row, CREDENTIALS_AGAIN_MS);
}

/* ---- what is due ---- */

static void woken(struct aws_client *c, uint64_t name, int64_t at_ms)
{
    struct call *k = find(c, name);
    uint32_t row = (uint32_t)name;
    if (!k || k->wake_ms != at_ms || k->state == CALL_SENT)
        return;
    if (k->state == CALL_ENDING) {
        tell(c, row, k->class, "", 0, NULL, (struct http_span){NULL, 0});
    } else if (at_ms >= k->due_ms) {
        bool credentials = !c->config.credentials || aws_credentials_get(c->config.credentials);
        (void)pace_remove(c->pace, row);
        tell(c, row, credentials ? AWS_TOO_LATE : AWS_NO_CREDENTIALS, "", 0, NULL,
             (struct http_span){NULL, 0});
    } else if (k->state == CALL_DELAYED) {
        wait_for_turn(c, row);
    }
}

static void run(struct aws_client *c)
{
    struct heap_item h;
    uint32_t row;
    while (!c->closing && heap_peek(&c->wake) && heap_peek(&c->wake)->key <= loop_ms(c)) {
        (void)heap_pop(&c->wake, &h);
        woken(c, h.value, h.key);
    }
    while (!c->closing && pace_next(c->pace, loop_ms(c), &row))
        take_turn(c, row);
    set_timer(c);
}

/* ---- starting a call ---- */

static void make_path(struct call *k, const struct aws_call_spec *spec)
{
    struct buf b = {0};
    uint32_t n = 0;
    for (const char *p = k->op->path; *p; p++) {
        if (p[0] != '{') {
            buf_char(&b, *p);
            continue;
        }
        BUG_ON(n == AWS_LABELS_MAX || !spec->label[n] || p[1] != '}');
        sigv4_encode(&b, HTTP_SPAN(spec->label[n]), false);
        n++;
        p++;
    }
    k->path = b.data;
}

static bool takes_body(enum http_method m)
{
    return m == HTTP_METHOD_POST || m == HTTP_METHOD_PUT;
}

uint64_t aws_call(struct aws_client *c, const struct aws_call_spec *spec, aws_told *told, void *arg)
{
    uint32_t row;
    struct call *k = row_new(c, &row);
    struct http_span body = spec->body.p ? spec->body : HTTP_SPAN("{}");
    c->stats.calls++;
    k->op = &aws_operations[spec->op];
    k->told = told;
    k->arg = arg;
    k->priority = (uint8_t)spec->priority;
    k->reply_max = spec->reply_max;
    k->due_ms = loop_ms(c) + (spec->within_ms ? spec->within_ms : WITHIN_MS);
    BUG_ON(!str_copy(k->region, sizeof k->region, spec->region));
    make_path(k, spec);
    k->query = spec->query ? mem_strdup(spec->query) : NULL;
    if (takes_body(k->op->method)) {
        k->body = mem_new(body.n + 1, 1);
        memcpy(k->body, body.p, body.n);
        k->body_n = body.n;
    }
    struct buf key = {0};
    buf_fmt(&key, "%s %s %s", k->op->name, k->region, c->config.account);
    double speed = c->config.speed > 0 ? c->config.speed : 1;
    k->bucket = pace_bucket(c->pace, hash_str(key.data), k->op->rate_per_s * speed, k->op->burst,
                            c->config.fresh);
    buf_free(&key);
    if (c->stats.open > AWS_CALLS_MAX) {
        k->state = CALL_ENDING;
        k->class = AWS_REFUSED;
        wake_at(c, row, loop_ms(c));
    } else {
        wait_for_turn(c, row);
    }
    set_timer(c);
    return name_of(k, row);
}

void aws_call_cancel(struct aws_client *c, uint64_t call)
{
    struct call *k = find(c, call);
    if (!k)
        return;
    (void)pace_remove(c->pace, (uint32_t)call);
    if (k->http)
        http_call_cancel(k->http);
    row_free(c, (uint32_t)call);
}

/* ---- the client ---- */

struct aws_client *aws_client_new(struct uv_loop_s *loop, struct http_client *http,
                                  const struct aws_client_config *config)
{
    struct aws_client *c = mem_new(1, sizeof *c);
    c->loop = loop;
    c->http = http;
    c->config = *config;
    c->config.endpoint = config->endpoint ? mem_strdup(config->endpoint) : NULL;
    c->config.account = mem_strdup(config->account ? config->account : "");
    c->pace = pace_new();
    c->retry = (struct pace_retry)PACE_RETRY_START;
    c->rng = rng_seed(config->seed, 0xa35);
    BUG_ON(uv_timer_init(loop, &c->timer) != 0);
    return c;
}

static void on_timer_closed(uv_handle_t *h)
{
    struct aws_client *c = CONTAINER_OF((uv_timer_t *)h, struct aws_client, timer);
    for (uint32_t i = 0; i < c->n_calls; i++)
        mem_free(c->call[i]);
    mem_free(c->call);
    mem_free(c->unused);
    pace_free(c->pace);
    heap_free(&c->wake);
    mem_free((char *)(uintptr_t)c->config.endpoint);
    mem_free((char *)(uintptr_t)c->config.account);
    mem_free(c);
}

void aws_client_close(struct aws_client *c)
{
    c->closing = true;
    for (uint32_t i = 0; i < c->n_calls; i++)
        if (c->call[i]->state != CALL_FREE)
            aws_call_cancel(c, name_of(c->call[i], i));
    uv_close((uv_handle_t *)&c->timer, on_timer_closed);
}

struct aws_client_stats aws_client_stats(const struct aws_client *c)
{
    struct aws_client_stats s = c->stats;
    s.waiting = pace_waiting(c->pace);
    return s;
}
