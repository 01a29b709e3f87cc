#include "connect/front.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/map.h"
#include "connect/auth.h"
#include "connect/ops.h"
#include "connect/throttle.h"

enum { SERVICES_MAX = 4, CONTROLS_MAX = 32, BEFORE_MAX = 4, COUNTS_MAX = 1024, TOKENS_MAX = 4096 };

struct count { /* of an operation in a region */
    const char *region;
    char operation[96];
    uint64_t calls, throttled;
};

struct token {
    uint64_t token, args;
    struct td_id id;
};

struct front {
    struct front_options o;
    struct rng
        rng; /* of request ids: what is in the center is the same however often it is asked */
    struct http_server *http;
    struct buf body;
    struct throttle throttle;
    const struct op_row **row; /* by index of api_operations; NULL: not implemented */
    struct {
        const char *name;
        void (*handle)(void *arg, struct call *c);
        void (*error)(void *arg, struct call *c, int status, const char *type, const char *message);
        void *arg;
    } service[SERVICES_MAX];
    uint32_t n_services;
    struct {
        const char *path;
        void (*fn)(void *arg, struct http_request *rq);
        void *arg;
    } control[CONTROLS_MAX];
    uint32_t n_controls;
    struct {
        bool (*fn)(void *arg, struct call *c);
        void *arg;
    } before[BEFORE_MAX];
    uint32_t n_before;
    struct count *count;
    uint32_t n_counts;
    struct map64 count_by_key;
    struct token *token; /* a ring of the last TOKENS_MAX */
    uint32_t n_tokens;
    struct map64 token_at;
};

/* ---- arguments ---- */

json_t *arg(const struct call *c, const char *name)
{
    return json_object_get(c->args, name);
}

const char *arg_str(const struct call *c, const char *name)
{
    return json_string_value(json_object_get(c->args, name));
}

int64_t arg_int(const struct call *c, const char *name, int64_t absent)
{
    const json_t *v = json_object_get(c->args, name);
    return json_is_integer(v) ? json_integer_value(v) : absent;
}

bool arg_true(const struct call *c, const char *name)
{
    return json_is_true(json_object_get(c->args, name));
}

/* ---- tokens ---- */

bool front_token(const struct front *f, uint64_t token, uint64_t *args, struct td_id *id)
{
    uint32_t at;
    if (!map64_find(&f->token_at, token, &at))
        return false;
    *args = f->token[at].args;
    *id = f->token[at].id;
    return true;
}

void front_keep_token(struct front *f, uint64_t token, uint64_t args, struct td_id id)
{
    if (!f->token)
        f->token = mem_new(TOKENS_MAX, sizeof *f->token);
    uint32_t at = f->n_tokens++ % TOKENS_MAX;
    if (f->n_tokens > TOKENS_MAX)
        map64_erase(&f->token_at, f->token[at].token);
    f->token[at] = (struct token){token, args, id};
    map64_insert(&f->token_at, token, at);
}

/* ---- replies ---- */

void call_reply(struct call *c, int status, const char *content_type, const void *body, size_t n)
{
    if (c->taken)
        return;
    c->taken = true;
    if (!c->rq)
        return;
    http_reply_header(c->rq, "x-amzn-RequestId", c->request_id);
    http_reply(c->rq, status, content_type, body, n);
}

static void reply_error(struct call *c, enum api_error e, const char *message)
{
    struct front *f = c->front;
    for (uint32_t s = 0; s < f->n_services; s++)
        if (f->service[s].error && strcmp(f->service[s].name, c->service) == 0) {
            f->service[s].error(f->service[s].arg, c, api_error_status[e], api_error_names[e],
                                message);
            return;
        }
    struct buf b = {0};
    struct jw w;
    jw_begin(&w, &b);
    jw_obj(&w);
    if (e == EX_InvalidContactFlowException) { /* the one error without a Message */
        jw_key(&w, "problems");
        jw_arr(&w);
        jw_obj(&w);
        jw_key(&w, "message");
        jw_str(&w, message);
        jw_end(&w);
        jw_end(&w);
    } else {
        jw_key(&w, "Message");
        jw_str(&w, message);
    }
    jw_end(&w);
    jw_done(&w);
    if (c->rq)
        http_reply_header(c->rq, "x-amzn-ErrorType", api_error_names[e]);
    call_reply(c, api_error_status[e], "application/json", b.data, b.len);
    buf_free(&b);
}

void call_fail(struct call *c, enum api_error e, const char *fmt, ...)
{
    char text[700];
    if (c->taken || c->status)
        return;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    c->status = api_error_status[e];
    c->error = e;
    reply_error(c, e, text);
}

/* ---- counting and throttling ---- */

static struct count *count_of(struct front *f, const struct call *c, const char *operation)
{
    uint32_t at;
    uint64_t key = hash_str(operation) ^ mix64(hash_str(c->region->name) + hash_str(c->service));
    if (map64_find(&f->count_by_key, key, &at))
        return &f->count[at];
    if (f->n_counts == COUNTS_MAX) /* 16 regions call fewer than 64 operations each */
        return &f->count[COUNTS_MAX - 1];
    if (!f->count)
        f->count = mem_new(COUNTS_MAX, sizeof *f->count);
    at = f->n_counts++;
    f->count[at].region = c->region->name;
    snprintf(f->count[at].operation, sizeof f->count[at].operation, "%s:%s", c->service, operation);
    map64_insert(&f->count_by_key, key, at);
    return &f->count[at];
}

bool call_admit(struct call *c, const char *operation, double rate, double burst)
{
    struct front *f = c->front;
    struct count *n = count_of(f, c, operation);
    n->calls++;
    c->region->calls++;
    if (!key_allows(c->key, c->service, operation)) {
        call_fail(c, EX_AccessDeniedException,
                  "User is not authorized to perform: %s:%s because no identity-based policy "
                  "allows the action",
                  c->service, operation);
        return false;
    }
    uint64_t key = mix64(hash_str(operation) ^ mix64(hash_str(c->region->name))) ^
                   mix64(hash_str(c->account) + hash_str(c->service));
    if (f->o.throttle && !throttle_take(&f->throttle, key, rate, burst,
                                        center_limits_ms(f->o.center, f->o.steady_ms()))) {
        n->throttled++;
        c->region->throttled++;
        call_fail(c,
                  /* the model's word where it has one, else that of what stands before it */
                  c->op && c->op->errors && !(c->op->errors >> EX_ThrottlingException & 1)
                      ? EX_TooManyRequestsException
                      : EX_ThrottlingException,
                  "Rate exceeded");
        return false;
    }
    return true;
}

void front_counts(const struct front *f,
                  void (*fn)(void *arg, const char *region, const char *operation, uint64_t calls,
                             uint64_t throttled),
                  void *arg)
{
    for (uint32_t i = 0; i < f->n_counts; i++)
        fn(arg, f->count[i].region, f->count[i].operation, f->count[i].calls,
           f->count[i].throttled);
}

/* ---- who calls ---- */

/* "connect.us-east-1.localhost:8410" names service and region; the region, or NULL. */
static struct region *host_region(struct front *f, struct http_span host, char service[32])
{
    char name[128], *dot, *end;
    if (host.n >= sizeof name)
        return NULL;
    memcpy(name, host.p, host.n);
    name[host.n] = 0;
    dot = strchr(name, '.');
    end = dot ? strstr(dot + 1, ".localhost") : NULL;
    if (!end || dot - name >= 32)
        return NULL;
    *dot = *end = 0;
    str_copy(service, 32, name);
    return center_region_by_name(f->o.center, dot + 1);
}

/* The call's service and region; of a request that has neither, those of the first region. */
static bool find_region(struct call *c, const struct sigv4_authorization *a)
{
    char service[32] = "", region[NAME_MAX_LEN] = "";
    struct region *host = host_region(c->front, http_header(c->rq, "Host"), service);
    if (a) {
        snprintf(region, sizeof region, "%.*s", (int)a->scope.region.n, a->scope.region.p);
        snprintf(c->service, sizeof c->service, "%.*s", (int)MIN(a->scope.service.n, 31),
                 a->scope.service.p);
    } else {
        str_copy(c->service, sizeof c->service, service[0] ? service : "connect");
    }
    c->region = host ? host : a ? center_region_by_name(c->center, region) : NULL;
    bool known = c->region || !a;
    if (!c->region)
        c->region = center_region(c->center, 0);
    if (!known)
        call_fail(c, EX_UnrecognizedClientException, "There is no region '%s' in this connectsim.",
                  region);
    else if (a && strcmp(region, c->region->name) != 0)
        call_fail(c, EX_InvalidSignatureException,
                  "Credential should be scoped to a valid region, not '%s'.", region);
    else if (a && service[0] && strcmp(c->service, service) != 0)
        call_fail(c, EX_InvalidSignatureException,
                  "Credential should be scoped to correct service: '%s'.", service);
    return !c->taken;
}

static bool authenticate(struct call *c, const struct sigv4_authorization *a)
{
    char id[sizeof c->key->id], why[400];
    snprintf(id, sizeof id, "%.*s", (int)MIN(a->key_id.n, sizeof id - 1), a->key_id.p);
    const struct center_key *key = center_key(c->center, id);
    if (!key) {
        call_fail(c, EX_UnrecognizedClientException,
                  "The security token included in the request is invalid.");
        return false;
    }
    int64_t now_s = (c->front->o.wall_ms() + c->region->skew_ms) / MS_PER_S;
    enum api_error e = auth_check(c->rq, a, &(struct auth_secret){key->secret, key->token}, now_s,
                                  why, sizeof why);
    if (e != EX_COUNT) {
        call_fail(c, e, "%s", why);
        return false;
    }
    c->key = key;
    c->account = key->account;
    return true;
}

/* ---- operations ---- */

static bool find_instance(struct call *c, const struct op_row *row)
{
    const char *id = arg_str(c, "InstanceId");
    if (id)
        c->instance = instance_find(c->region, c->account, id);
    if (c->instance && !c->instance->ready) {
        call_fail(c, EX_ResourceNotFoundException, "Instance is being replicated.");
        return false;
    }
    if (c->instance || !(row->flags & OP_INSTANCE))
        return true;
    call_fail(c, EX_ResourceNotFoundException, "Instance not found.");
    return false;
}

static void run(struct call *c, const struct op_row *row)
{
    struct front *f = c->front;
    buf_reset(&f->body);
    c->out = &f->body;
    jw_begin(&c->w, &f->body);
    jw_obj(&c->w);
    row->fn(c);
    if (c->taken)
        return;
    jw_end(&c->w);
    jw_done(&c->w);
    call_reply(c, 200, "application/json", f->body.data, f->body.len);
}

void front_answer(struct call *c, const struct front_message *m)
{
    struct api_labels labels;
    enum api_error error = EX_InternalServiceException;
    char why[400] = "";
    c->op = api_find(m->method, m->path, &labels);
    if (!c->op) {
        call_fail(c, EX_UnknownOperationException, "There is no such operation.");
        return;
    }
    const struct op_row *row = c->front->row[c->op - api_operations];
    if (!call_admit(c, c->op->name, row ? row->rate : 2, row ? row->burst : 5))
        return;
    if (!row) {
        call_fail(c, EX_NotImplementedException, "%s is not implemented by connectsim.",
                  c->op->name);
        return;
    }
    c->args = api_bind(c->op, &labels, m->query, m->body, &error, why, sizeof why);
    if (!c->args)
        call_fail(c, error, "%s", why);
    else if (find_instance(c, row))
        run(c, row);
    json_decref(c->args);
}

static void handle_service(struct call *c)
{
    struct front *f = c->front;
    if (strcmp(c->service, "connect") == 0) {
        front_answer(
            c, &(struct front_message){c->rq->method, c->rq->path, c->rq->query, c->rq->body});
        return;
    }
    for (uint32_t s = 0; s < f->n_services; s++)
        if (strcmp(f->service[s].name, c->service) == 0) {
            f->service[s].handle(f->service[s].arg, c);
            if (!c->taken)
                call_fail(c, EX_InternalServiceException, "Nothing was answered.");
            return;
        }
    call_fail(c, EX_NotImplementedException, "The service '%s' is not implemented by connectsim.",
              c->service);
}

static void handle_api(struct front *f, struct http_request *rq, bool again)
{
    struct call c = {.front = f, .center = f->o.center, .rq = rq};
    struct http_span authorization = http_header(rq, "Authorization");
    struct sigv4_authorization a;
    bool is_signed = authorization.p && sigv4_parse(authorization, &a);
    id_print(id_draw(&f->rng), c.request_id);
    bool found = find_region(&c, is_signed ? &a : NULL);
    for (uint32_t i = 0; i < f->n_before && !c.taken && !again; i++)
        c.taken = f->before[i].fn(f->before[i].arg, &c) || c.taken;
    if (c.taken || !found)
        return;
    if (!authorization.p)
        call_fail(&c, EX_MissingAuthenticationTokenException, "Missing Authentication Token");
    else if (!is_signed)
        call_fail(&c, EX_IncompleteSignatureException,
                  "Authorization header requires 'Credential', 'SignedHeaders' and 'Signature' "
                  "parameters of AWS4-HMAC-SHA256.");
    else if (authenticate(&c, &a))
        handle_service(&c);
}

void front_again(struct front *f, struct http_request *rq)
{
    handle_api(f, rq, true);
}

static void handle(void *arg, struct http_request *rq)
{
    struct front *f = arg;
    center_run(f->o.center, f->o.steady_ms());
    if (rq->path.n < 5 || memcmp(rq->path.p, "/sim/", 5) != 0) {
        handle_api(f, rq, false);
        return;
    }
    for (uint32_t i = 0; i < f->n_controls; i++)
        if (http_span_is(rq->path, f->control[i].path)) {
            f->control[i].fn(f->control[i].arg, rq);
            return;
        }
    http_problem(rq, 404, NULL, "connectsim has no such control.");
}

/* ---- life ---- */

void front_service(struct front *f, const char *name,
                   void (*handle_call)(void *arg, struct call *c),
                   void (*error)(void *arg, struct call *c, int status, const char *type,
                                 const char *message),
                   void *arg)
{
    BUG_ON(f->n_services == SERVICES_MAX);
    f->service[f->n_services].name = name;
    f->service[f->n_services].handle = handle_call;
    f->service[f->n_services].error = error;
    f->service[f->n_services++].arg = arg;
}

void front_before(struct front *f, bool (*fn)(void *arg, struct call *c), void *arg)
{
    BUG_ON(f->n_before == BEFORE_MAX);
    f->before[f->n_before].fn = fn;
    f->before[f->n_before++].arg = arg;
}

void front_control(struct front *f, const char *path,
                   void (*fn)(void *arg, struct http_request *rq), void *arg)
{
    BUG_ON(f->n_controls == CONTROLS_MAX);
    f->control[f->n_controls].path = path;
    f->control[f->n_controls].fn = fn;
    f->control[f->n_controls++].arg = arg;
}

static void find_rows(struct front *f)
{
    f->row = mem_new(api_n_operations, sizeof *f->row);
    for (uint32_t r = 0; r < op_n_rows; r++) {
        uint32_t i = 0;
        while (i < api_n_operations && strcmp(api_operations[i].name, op_rows[r].name) != 0)
            i++;
        BUG_ON(i == api_n_operations || !api_operations[i].input);
        f->row[i] = &op_rows[r];
    }
}

static struct http_server *new_server(struct front *f)
{
    static const char *const types[] = {"application/json", "application/x-amz-json-1.1",
                                        "application/x-amz-json-1.0", "application/x-amz-cbor-1.1",
                                        "application/cbor"};
    char text[REGIONS_MAX * 2][NAME_MAX_LEN + 24];
    const char *names[REGIONS_MAX * 2 + FRONT_NAMES_MAX];
    uint32_t n = center_n_regions(f->o.center);
    for (uint32_t i = 0; i < n * 2; i++) {
        snprintf(text[i], sizeof text[i], "%s.%s.localhost", i % 2 ? "kinesis" : "connect",
                 center_region(f->o.center, i / 2)->name);
        names[i] = text[i];
    }
    for (uint32_t i = 0; i < f->o.n_names; i++)
        names[n * 2 + i] = f->o.names[i];
    struct http_config config = HTTP_DEFAULTS;
    config.names = names;
    config.n_names = n * 2 + f->o.n_names;
    config.body_types = types;
    config.n_body_types = COUNTOF(types);
    config.body_max = 15 << 20; /* Kinesis takes 10 MiB of records, in base64 */
    config.conns_max = 4096;
    config.reply_timeout_ms = 600000; /* a black hole is one of the faults */
    return http_server_new(f->o.loop, &config, handle, f);
}

struct front *front_new(const struct front_options *o)
{
    struct front *f = mem_new(1, sizeof *f);
    f->o = *o;
    f->rng = rng_seed(center_secret(o->center), 0x66726f6e);
    f->http = o->loop ? new_server(f) : NULL;
    find_rows(f);
    return f;
}

int front_listen(struct front *f, const char *address, int port, char *error, size_t cap)
{
    return http_server_listen(f->http, address, port, error, cap);
}

void front_close(struct front *f, void (*done)(void *arg), void *arg)
{
    http_server_close(f->http, done, arg);
}

void front_free(struct front *f)
{
    if (!f)
        return;
    buf_free(&f->body);
    throttle_free(&f->throttle);
    mem_free(f->row);
    mem_free(f->count);
    map64_free(&f->count_by_key);
    mem_free(f->token);
    map64_free(&f->token_at);
    mem_free(f);
}
