#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "connect/faults_i.h"

enum { LOOK_MS = 20 };

static int64_t now_ms(const struct faults *f)
{
    return (int64_t)uv_now(f->o.loop);
}

static void end(struct faults *f, uint32_t at)
{
    struct fault x = f->fault[at];
    memmove(&f->fault[at], &f->fault[at + 1], (--f->n - at) * sizeof f->fault[0]);
    fault_end(f, &x);
}

static void look(uv_timer_t *t)
{
    struct faults *f = t->data;
    bool more = false;
    for (uint32_t i = 0; i < f->n;) {
        if (f->fault[i].until_ms <= now_ms(f)) {
            end(f, i);
            continue;
        }
        more |= f->fault[i].until_ms != INT64_MAX;
        i++;
    }
    if (more)
        uv_timer_start(t, look, LOOK_MS, 0);
}

/* ---- /sim/faults ---- */

static void reply_json(struct http_request *rq, const struct buf *b)
{
    http_reply_header(rq, "Cache-Control", "no-store");
    http_reply(rq, 200, "application/json", b->data, b->len);
}

static void put(struct faults *f, struct http_request *rq)
{
    json_t *o = json_loadb(rq->body.p ? rq->body.p : "", rq->body.n, JSON_REJECT_DUPLICATES, NULL);
    struct fault x;
    const char *problem =
        json_is_object(o) ? fault_parse(o, f->o.center, &x) : "the body is a JSON object.";
    json_decref(o);
    if (!problem && f->n == FAULTS_MAX)
        problem = "there are as many faults as there may be.";
    if (problem) {
        http_problem(rq, 400, NULL, problem);
        return;
    }
    if (x.until_ms != INT64_MAX)
        x.until_ms += now_ms(f);
    x.id = ++f->last_id;
    f->fault[f->n] = x;
    fault_begin(f, &f->fault[f->n++]);
    uv_timer_start(&f->timer, look, LOOK_MS, 0);
    struct buf b = {0};
    struct jw w;
    jw_begin(&w, &b);
    fault_write(&w, &f->fault[f->n - 1], now_ms(f));
    jw_done(&w);
    reply_json(rq, &b);
    buf_free(&b);
}

static void list(struct faults *f, struct http_request *rq)
{
    struct buf b = {0};
    struct jw w;
    jw_begin(&w, &b);
    jw_obj(&w);
    jw_key(&w, "faults");
    jw_arr(&w);
    for (uint32_t i = 0; i < f->n; i++)
        fault_write(&w, &f->fault[i], now_ms(f));
    jw_end(&w);
    jw_end(&w);
    jw_done(&w);
    reply_json(rq, &b);
    buf_free(&b);
}

static void delete (struct faults *f, struct http_request *rq)
{
    char text[16];
    enum http_param has = http_query_get(rq->query, "id", text, sizeof text);
    uint64_t id = has == HTTP_PARAM_OK ? strtoull(text, NULL, 10) : 0;
    bool found = has == HTTP_PARAM_NONE;
    if (has == HTTP_PARAM_NONE)
        while (f->n)
            end(f, f->n - 1);
    for (uint32_t i = 0; i < f->n && !found; i++)
        if (f->fault[i].id == id) {
            end(f, i);
            found = true;
        }
    if (!found)
        http_problem(rq, has == HTTP_PARAM_BAD ? 400 : 404, NULL, "there is no such fault.");
    else
        list(f, rq);
}

static void control(void *arg, struct http_request *rq)
{
    struct faults *f = arg;
    switch (rq->method) {
    case HTTP_METHOD_PUT: put(f, rq); break;
    case HTTP_METHOD_GET: list(f, rq); break;
    case HTTP_METHOD_DELETE: delete (f, rq); break;
    default: http_reply_header(rq, "Allow", "GET, PUT, DELETE"); http_problem(rq, 405, NULL, NULL);
    }
}

struct fault_counts faults_counts(const struct faults *f)
{
    return f->counts;
}

/* ---- life ---- */

struct faults *faults_new(const struct faults_options *o)
{
    struct faults *f = mem_new(1, sizeof *f);
    f->o = *o;
    f->rng = rng_seed(center_secret(o->center), 0x6661756c);
    LIST_INIT(&f->held);
    uv_timer_init(o->loop, &f->timer);
    f->timer.data = f;
    front_control(o->front, "/sim/faults", control, f);
    front_before(o->front, faults_before, f);
    return f;
}

static void timer_closed(uv_handle_t *h)
{
    struct faults *f = h->data;
    f->closed(f->closed_arg);
}

void faults_close(struct faults *f, void (*done)(void *arg), void *arg)
{
    f->closed = done;
    f->closed_arg = arg;
    while (f->n)
        end(f, f->n - 1);
    faults_let_go(f);
    uv_close((uv_handle_t *)&f->timer, timer_closed);
}

void faults_free(struct faults *f)
{
    mem_free(f);
}
