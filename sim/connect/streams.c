#include "connect/streams.h"

#include <stdio.h>
#include <string.h>

struct set {
    char account[ACCOUNT_MAX];
    const char *region; /* of the center */
    struct kinesis *kinesis;
};

struct streams {
    struct streams_options o;
    struct set set[STREAMS_SETS_MAX];
    uint32_t n_sets;
    uint64_t throttled;
};

struct kinesis *streams_set(struct streams *s, const char *account, const char *region)
{
    for (uint32_t i = 0; i < s->n_sets; i++)
        if (strcmp(s->set[i].account, account) == 0 && strcmp(s->set[i].region, region) == 0)
            return s->set[i].kinesis;
    const struct region *known = center_region_by_name(s->o.center, region);
    if (!known || s->n_sets == STREAMS_SETS_MAX)
        return NULL;
    struct set *set = &s->set[s->n_sets++];
    uint64_t secret = center_secret(s->o.center);
    str_copy(set->account, sizeof set->account, account);
    set->region = known->name;
    set->kinesis = kinesis_new(&(struct kinesis_options){
        .account = set->account,
        .region = set->region,
        .secret = {mix64(secret ^ hash_str(account)), mix64(hash_str(region))},
        .limits = s->o.limits,
        .retention_ms = STREAMS_RETENTION_MS,
        .bytes_max = STREAMS_BYTES_MAX});
    return set->kinesis;
}

/* arn:aws:kinesis:REGION:ACCOUNT:stream/NAME */
struct stream *streams_find(struct streams *s, const char *arn)
{
    static const char start[] = "arn:aws:kinesis:", middle[] = ":stream/";
    if (strncmp(arn, start, sizeof start - 1) != 0)
        return NULL;
    const char *region = arn + sizeof start - 1, *name = strstr(arn, middle);
    for (uint32_t i = 0; name && i < s->n_sets; i++) {
        size_t n = strlen(s->set[i].region);
        if (strncmp(region, s->set[i].region, n) == 0 && region[n] == ':' &&
            strncmp(region + n + 1, s->set[i].account, ACCOUNT_MAX - 1) == 0 &&
            region + n + ACCOUNT_MAX == name)
            return kinesis_find(s->set[i].kinesis, name + sizeof middle - 1);
    }
    return NULL;
}

void streams_each(struct streams *s,
                  void (*fn)(void *arg, const char *account, const char *region,
                             const struct stream *stream),
                  void *arg)
{
    for (uint32_t i = 0; i < s->n_sets; i++)
        for (uint32_t j = 0; j < kinesis_count(s->set[i].kinesis); j++)
            fn(arg, s->set[i].account, s->set[i].region, kinesis_at(s->set[i].kinesis, j));
}

uint64_t streams_throttled(const struct streams *s)
{
    return s->throttled;
}

/* ---- the service ---- */

static enum wire_encoding encoding_of(const struct call *c)
{
    struct http_span type = http_header(c->rq, "Content-Type");
    return type.n >= 22 && memcmp(type.p, "application/x-amz-cbor", 22) == 0 ? WIRE_CBOR
                                                                             : WIRE_JSON;
}

static void reply(struct call *c, enum wire_encoding encoding, int status, const struct buf *body)
{
    call_reply(c, status, encoding == WIRE_CBOR ? WIRE_TYPE_CBOR : WIRE_TYPE_JSON, body->data,
               body->len);
}

static void reply_error(void *arg, struct call *c, int status, const char *type,
                        const char *message)
{
    struct buf b = {0};
    enum wire_encoding encoding = encoding_of(c);
    kinesis_error(encoding, type, message, &b);
    /* What stands before the service answers 400 where REST services have statuses of their own. */
    reply(c, encoding, status >= 500 ? status : 400, &b);
    buf_free(&b);
}

/* The name behind "Kinesis_20131202."; "" when the target is another one. */
static void target_of(const struct call *c, char out[64])
{
    static const char prefix[] = "Kinesis_20131202.";
    struct http_span target = http_header(c->rq, "X-Amz-Target");
    size_t n = sizeof prefix - 1;
    out[0] = 0;
    if (target.p && target.n > n && target.n - n < 64 && memcmp(target.p, prefix, n) == 0)
        snprintf(out, 64, "%.*s", (int)(target.n - n), target.p + n);
}

static void handle(void *arg, struct call *c)
{
    struct streams *s = arg;
    char operation[64];
    struct kinesis_reply r;
    target_of(c, operation);
    if (!kinesis_operation_known(operation)) { /* an unknown name is not counted among operations */
        reply_error(arg, c, 400, "UnknownOperationException", "Kinesis has no such operation.");
        return;
    }
    if (!call_admit(c, operation, 1e9, 1e9)) /* its limits are Kinesis' own */
        return;
    struct kinesis *k = streams_set(s, c->account, c->region->name);
    if (!k) {
        call_fail(c, EX_ServiceUnavailableException, "Too many accounts.");
        return;
    }
    struct kinesis_time t = {center_now(c->center), center_limits_ms(c->center, s->o.steady_ms())};
    enum wire_encoding encoding = encoding_of(c);
    kinesis_call(k, operation, encoding, c->rq->body.p, c->rq->body.n, t, &r);
    s->throttled += r.error && (strcmp(r.error, "ProvisionedThroughputExceededException") == 0 ||
                                strcmp(r.error, "LimitExceededException") == 0);
    reply(c, encoding, r.status, &r.body);
    buf_free(&r.body);
}

struct streams *streams_new(const struct streams_options *o)
{
    struct streams *s = mem_new(1, sizeof *s);
    s->o = *o;
    front_service(o->front, "kinesis", handle, reply_error, s);
    return s;
}

void streams_free(struct streams *s)
{
    if (!s)
        return;
    for (uint32_t i = 0; i < s->n_sets; i++)
        kinesis_free(s->set[i].kinesis);
    mem_free(s);
}
