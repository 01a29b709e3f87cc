#include "base/mem.h" /* before uv.h, which may define MIN and MAX again */

#include <string.h>
#include <sys/queue.h>
#include <uv.h>

#include "connect/lambda.h"
#include "http/client.h"

enum { NAME_LEN = 65, URL_LEN = 512, BACKOFF_MS = 100 };

struct route {
    char name[NAME_LEN], url[URL_LEN];
};

struct invocation {
    uv_timer_t timer; /* until it is tried again, or fails for want of anybody to ask */
    struct lambda *lambda;
    struct http_call *call; /* NULL: none at work */
    LIST_ENTRY(invocation) link;
    struct buf url, event;
    uint64_t deadline_ms; /* of the loop */
    int tries;
    const char *problem; /* told when the timer fires; NULL: try then */
    lambda_done *done;
    void *arg;
};

struct lambda {
    uv_loop_t *loop;
    struct http_client *http;
    struct route route[LAMBDA_ROUTES_MAX];
    uint32_t n_routes;
    LIST_HEAD(, invocation) running;
    struct lambda_stats stats;
    bool closing, http_gone;
    uint32_t open; /* invocations whose timers are not closed yet */
    void (*closed)(void *arg);
    void *closed_arg;
};

/* ---- routes ---- */

/* The parts of arn:aws:lambda:REGION:ACCOUNT:function:NAME[:ALIAS]. */
static bool arn_parts(const char *arn, struct http_span *region, struct http_span *name)
{
    static const char start[] = "arn:aws:lambda:", middle[] = ":function:";
    if (strncmp(arn, start, sizeof start - 1) != 0)
        return false;
    const char *at = arn + sizeof start - 1, *function = strstr(at, middle);
    if (!function)
        return false;
    *region = (struct http_span){at, strcspn(at, ":")};
    function += sizeof middle - 1;
    *name = (struct http_span){function, strcspn(function, ":")};
    return name->n > 0;
}

static struct route *find_route(const struct lambda *l, struct http_span name)
{
    for (uint32_t i = 0; i < l->n_routes; i++)
        if (http_span_is(name, l->route[i].name))
            return (struct route *)(uintptr_t)&l->route[i];
    return NULL;
}

bool lambda_route(struct lambda *l, const char *name, const char *url)
{
    struct route *r = find_route(l, HTTP_SPAN(name));
    if (!url) {
        if (r)
            *r = l->route[--l->n_routes];
        return true;
    }
    if (strlen(name) >= NAME_LEN || strlen(url) >= URL_LEN || !*name)
        return false;
    if (!r && l->n_routes == LAMBDA_ROUTES_MAX)
        return false;
    r = r ? r : &l->route[l->n_routes++];
    str_copy(r->name, sizeof r->name, name);
    str_copy(r->url, sizeof r->url, url);
    return true;
}

bool lambda_known(const struct lambda *l, const char *arn)
{
    struct http_span region, name;
    return arn_parts(arn, &region, &name) && find_route(l, name);
}

static bool url_of(const struct lambda *l, const char *arn, struct buf *url)
{
    struct http_span region, name;
    if (!arn_parts(arn, &region, &name))
        return false;
    const struct route *r = find_route(l, name);
    if (!r)
        return false;
    const char *at = r->url, *hole;
    for (; (hole = strstr(at, "{region}")); at = hole + 8) {
        buf_add(url, at, (size_t)(hole - at));
        buf_add(url, region.p, region.n);
    }
    buf_str(url, at);
    return true;
}

/* ---- invocations ---- */

static void all_closed(struct lambda *l)
{
    if (!l->closing || !l->http_gone || l->open)
        return;
    void (*closed)(void *arg) = l->closed;
    void *arg = l->closed_arg;
    mem_free(l);
    if (closed)
        closed(arg);
}

static void timer_closed(uv_handle_t *h)
{
    struct invocation *v = h->data;
    struct lambda *l = v->lambda;
    buf_free(&v->url);
    buf_free(&v->event);
    mem_free(v);
    l->open--;
    all_closed(l);
}

static void finish(struct invocation *v, const char *problem, const json_t *result)
{
    struct lambda *l = v->lambda;
    LIST_REMOVE(v, link);
    l->stats.running--;
    l->stats.failed += problem != NULL;
    v->done(v->arg, problem, result);
    uv_close((uv_handle_t *)&v->timer, timer_closed);
}

static void try_again(uv_timer_t *t);
static void answered(void *arg, const struct http_result *r);

static void send_event(struct invocation *v)
{
    static const struct http_field fields[] = {{"Content-Type", "application/json"}};
    uint64_t now = uv_now(v->lambda->loop);
    if (now >= v->deadline_ms) {
        finish(v, "timed out", NULL);
        return;
    }
    v->tries++;
    v->call = http_client_start(
        v->lambda->http,
        &(struct http_call_spec){.method = HTTP_METHOD_POST,
                                 .url = v->url.data,
                                 .fields = fields,
                                 .n_fields = COUNTOF(fields),
                                 .body = {v->event.data ? v->event.data : "", v->event.len},
                                 .reply_max = LAMBDA_REPLY_MAX,
                                 .total_timeout_ms = (uint32_t)(v->deadline_ms - now)},
        answered, v);
}

static void try_again(uv_timer_t *t)
{
    struct invocation *v = t->data;
    if (v->problem)
        finish(v, v->problem, NULL);
    else
        send_event(v);
}

static void answered(void *arg, const struct http_result *r)
{
    struct invocation *v = arg;
    v->call = NULL;
    bool again = r->error == HTTP_CLIENT_CONNECT || r->error == HTTP_CLIENT_LOST ||
                 (r->error == HTTP_CLIENT_OK && (r->status == 429 || r->status >= 500));
    if (again && v->tries <= LAMBDA_RETRIES && !v->lambda->closing) {
        v->lambda->stats.retried++;
        uv_timer_start(&v->timer, try_again, (uint64_t)BACKOFF_MS << (v->tries - 1), 0);
        return;
    }
    if (r->error != HTTP_CLIENT_OK || r->status != 200) {
        finish(v, r->error == HTTP_CLIENT_OK ? "status" : http_client_error_names[r->error], NULL);
        return;
    }
    if (http_result_field(r, "X-Amz-Function-Error").p) {
        finish(v, "function error", NULL);
        return;
    }
    json_t *result = json_loadb(r->body.p ? r->body.p : "", r->body.n, JSON_DECODE_ANY, NULL);
    finish(v, result ? NULL : "not JSON", result);
    json_decref(result);
}

void lambda_invoke(struct lambda *l, const char *arn, const void *event, size_t n, int64_t limit_ms,
                   lambda_done *done, void *arg)
{
    struct invocation *v = mem_new(1, sizeof *v);
    v->lambda = l;
    v->done = done;
    v->arg = arg;
    v->deadline_ms = uv_now(l->loop) + (uint64_t)MAX(1, limit_ms);
    uv_timer_init(l->loop, &v->timer);
    v->timer.data = v;
    LIST_INSERT_HEAD(&l->running, v, link);
    l->stats.invoked++;
    l->open++;
    if (l->stats.running++ >= LAMBDA_CALLS_MAX)
        v->problem = "too many at a time";
    else if (!url_of(l, arn, &v->url))
        v->problem = "no endpoint";
    else if (l->closing)
        v->problem = "closing";
    if (v->problem) {
        uv_timer_start(&v->timer, try_again, 0, 0);
        return;
    }
    buf_add(&v->event, event, n);
    send_event(v);
}

struct lambda_stats lambda_stats(const struct lambda *l)
{
    return l->stats;
}

/* ---- life ---- */

struct lambda *lambda_new(struct uv_loop_s *loop)
{
    struct lambda *l = mem_new(1, sizeof *l);
    struct http_client_config config = HTTP_CLIENT_DEFAULTS;
    config.calls_max = LAMBDA_CALLS_MAX;
    config.host_conns_max = 64;
    config.user_agent = "Amazon/Connect (connectsim)";
    l->loop = loop;
    l->http = http_client_new(loop, &config);
    LIST_INIT(&l->running);
    return l;
}

static void http_closed(void *arg)
{
    struct lambda *l = arg;
    l->http_gone = true;
    all_closed(l);
}

void lambda_close(struct lambda *l, void (*closed)(void *arg), void *arg)
{
    l->closing = true;
    l->closed = closed;
    l->closed_arg = arg;
    http_client_close(l->http, http_closed, l); /* ends the calls at work */
    struct invocation *v, *next;
    for (v = LIST_FIRST(&l->running); v; v = next) { /* those that wait for their next try */
        next = LIST_NEXT(v, link);
        if (!v->call)
            finish(v, "closing", NULL);
    }
}
