/* faults_call.c - what faults do to calls of the API: no answer, a late one, or an error. */
#include <string.h>

#include "connect/faults_i.h"
#include "kinesis/kinesis.h"

/* A request that gets its answer later, or never. */
struct held {
    LIST_ENTRY(held) link;
    struct faults *faults;
    struct http_request *rq; /* NULL: it is gone */
    uv_timer_t timer;
    enum fault_mode mode;
};

static void timer_closed(uv_handle_t *h)
{
    mem_free(h->data);
}

static void let_go(struct held *h)
{
    LIST_REMOVE(h, link);
    h->faults->n_held--;
    uv_close((uv_handle_t *)&h->timer, timer_closed);
}

/* The client has gone, or the server closes. */
static void cancelled(void *arg)
{
    struct held *h = arg;
    h->rq = NULL;
    let_go(h);
}

static void due(uv_timer_t *t)
{
    struct held *h = t->data;
    if (h->mode == MODE_SLOW) {
        front_again(h->faults->o.front, h->rq); /* replies, and so does not cancel */
        let_go(h);
    } else {
        http_drop(h->rq, h->mode == MODE_RESET); /* ends in `cancelled` */
    }
}

static void hold(struct faults *f, struct call *c, enum fault_mode mode, int64_t delay_ms)
{
    struct held *h = mem_new(1, sizeof *h);
    *h = (struct held){.faults = f, .rq = c->rq, .mode = mode};
    LIST_INSERT_HEAD(&f->held, h, link);
    f->n_held++;
    uv_timer_init(f->o.loop, &h->timer);
    h->timer.data = h;
    http_defer(c->rq, cancelled, h);
    if (mode != MODE_BLACK_HOLE)
        uv_timer_start(&h->timer, due, mode == MODE_SLOW ? (uint64_t)delay_ms : 0, 0);
}

void faults_let_go(struct faults *f)
{
    struct held *h, *next;
    for (h = LIST_FIRST(&f->held); h; h = next) {
        next = LIST_NEXT(h, link);
        h->mode = MODE_REFUSE;
        uv_timer_start(&h->timer, due, 0, 0);
    }
}

/* The operation's name as its service calls it; "": it has none. */
static void operation_of(const struct call *c, char out[96])
{
    out[0] = 0;
    if (strcmp(c->service, "connect") == 0) {
        struct api_labels labels;
        const struct api_operation *op = api_find(c->rq->method, c->rq->path, &labels);
        str_copy(out, 96, op ? op->name : "");
        return;
    }
    struct http_span target = http_header(c->rq, "X-Amz-Target");
    const char *dot = target.n ? memchr(target.p, '.', target.n) : NULL;
    size_t n = dot ? (size_t)(target.p + target.n - dot - 1) : 0;
    if (n && n < 96) {
        memcpy(out, dot + 1, n);
        out[n] = 0;
    }
}

static bool means(const struct fault *x, const struct call *c, const char *operation)
{
    if (x->region && x->region != c->region)
        return false;
    if (x->service[0] && strcmp(x->service, c->service) != 0)
        return false;
    size_t n = strlen(x->operation);
    if (n && x->operation[n - 1] == '*')
        return strncmp(x->operation, operation, n - 1) == 0;
    return !n || strcmp(x->operation, operation) == 0;
}

static void throttle(struct call *c, const char *operation)
{
    if (strcmp(c->service, "kinesis") == 0) {
        struct http_span type = http_header(c->rq, "Content-Type");
        bool cbor = http_span_is(type, WIRE_TYPE_CBOR);
        struct buf b = {0};
        kinesis_error(cbor ? WIRE_CBOR : WIRE_JSON, "ProvisionedThroughputExceededException",
                      "Rate exceeded for shard.", &b);
        call_reply(c, 400, cbor ? WIRE_TYPE_CBOR : WIRE_TYPE_JSON, b.data, b.len);
        buf_free(&b);
        return;
    }
    struct api_labels labels;
    const struct api_operation *op = api_find(c->rq->method, c->rq->path, &labels);
    bool too_many = op && !(op->errors >> EX_ThrottlingException & 1) &&
                    op->errors >> EX_TooManyRequestsException & 1;
    call_fail(c, too_many ? EX_TooManyRequestsException : EX_ThrottlingException, "Rate exceeded");
}

static void fail(struct faults *f, struct call *c, const struct fault *x, const char *operation)
{
    switch (x->kind) {
    case FAULT_API_ERRORS:
        f->counts.failed++;
        call_fail(c, x->error, "A fault of connectsim.");
        break;
    case FAULT_THROTTLE_STORM:
        f->counts.throttled++;
        throttle(c, operation);
        break;
    case FAULT_API_SLOW:
        f->counts.slowed++;
        hold(f, c, MODE_SLOW, x->delay_ms);
        break;
    case FAULT_REGION_DOWN:
        f->counts.slowed += x->mode == MODE_SLOW;
        f->counts.unanswered += x->mode != MODE_SLOW;
        hold(f, c, x->mode, x->delay_ms);
        break;
    default: break;
    }
}

bool faults_before(void *arg, struct call *c)
{
    struct faults *f = arg;
    char operation[96] = "";
    bool looked = false;
    for (uint32_t i = 0; i < f->n; i++) {
        const struct fault *x = &f->fault[i];
        if (x->kind > FAULT_THROTTLE_STORM)
            continue;
        if (!looked)
            operation_of(c, operation);
        looked = true;
        bool holds = x->kind == FAULT_REGION_DOWN || x->kind == FAULT_API_SLOW;
        if (!means(x, c, operation) || !rng_chance(&f->rng, x->rate) ||
            (holds && f->n_held >= FAULT_HELD_MAX))
            continue;
        fail(f, c, x, operation);
        return true;
    }
    return false;
}
