/* client.h - calls of AWS: signed, paced, tried again where that is right, their answers told.
 *
 *   static void told(void *arg, const struct aws_reply *r)
 *   {
 *       if (r->class == AWS_OK)
 *           take(json_object_get(r->body, "UserSummaryList"));
 *   }
 *   aws_call(c, &(struct aws_call_spec){.op = AWS_OP_ListUsers, .region = "us-east-1",
 *                                       .label = {instance_id}, .query = "maxResults=1000"},
 *            told, x);
 *
 * Every use of an account goes through one client, so that they share its budgets: the bucket of
 * each operation, account and region (pace.h), most urgent first, and the budget of retries. What
 * is tried again, with full jitter: throttling, 5xx, answers that did not come (only of operations
 * where twice is as good as once), expired credentials (with new ones), a wrong clock (with AWS's,
 * by the Date of its answer). What is not: quotas, conflicts, refusals; those go to the caller.
 *
 * A write whose answer never came is reported with `unknown`: it may have taken effect. The caller
 * then reads the whole state and compares, instead of guessing.
 *
 * Nothing of paths, queries, bodies or answers is logged: operation, region, class and code are. */
#pragma once

#include "aws/credentials.h"
#include "aws/error.h"
#include "aws/operations.h"
#include "aws/pace.h"

struct aws_client;

enum { AWS_LABELS_MAX = 3, AWS_CALLS_MAX = 16384 };

struct aws_client_config { /* the strings are copied */
    /* "http://127.0.0.1:9000" for every service and region; NULL: AWS's own endpoints. */
    const char *endpoint;
    const char *account;                 /* whose budgets these are; NULL: "" */
    struct aws_credentials *credentials; /* stays the caller's, outlives the client; or NULL ... */
    struct sigv4_identity identity;      /* ... and these are used */
    int64_t (*now_ms)(void *arg);        /* wall clock, for signatures; NULL: the system's */
    void *now_arg;
    uint64_t seed; /* of the jitter */
    bool fresh;    /* a command's: full budgets; else what others have used before is not known */
    double speed;  /* of AWS's clock, where it is simulated: budgets follow it. 0: 1 */
    uint32_t retry_base_ms, retry_most_ms, retries_max; /* 0: 100, 20000, 4 */
};

/* The HTTP client stays the caller's and outlives this one. */
struct aws_client *aws_client_new(struct uv_loop_s *loop, struct http_client *http,
                                  const struct aws_client_config *config) MUST_USE;
/* Forgets all calls, whose owners are not told any more, and frees itself when the loop lets it. */
void aws_client_close(struct aws_client *c);

struct aws_call_spec { /* copied */
    enum aws_op op;
    const char *region;
    const char *label[AWS_LABELS_MAX]; /* for the {} of the path; an id or an ARN, not encoded */
    const char *query;                 /* encoded; NULL: none */
    struct http_span body;             /* JSON, or a form for the Query API; none: "{}" where the
                                          operation takes a body */
    enum aws_priority priority;
    uint32_t within_ms; /* from now to the answer, retries included; 0: 30 s */
    uint32_t reply_max; /* bytes; 0: the HTTP client's */
};

struct aws_reply {
    enum aws_class class;
    const char *code;    /* "ThrottlingException"; "" */
    int status;          /* of HTTP; 0: none */
    bool unknown;        /* no answer, but it may have taken effect */
    uint32_t attempts;   /* requests sent */
    struct json_t *body; /* NULL: none or no JSON. The client's: json_incref what is to stay. */
    struct http_span bytes; /* the body as it came, valid during the call */
};
typedef void aws_told(void *arg, const struct aws_reply *reply);

/* told(arg) is called exactly once, never from inside this function; not after aws_call_cancel. The
 * call's number is never 0. */
uint64_t aws_call(struct aws_client *c, const struct aws_call_spec *spec, aws_told *told,
                  void *arg);
/* Forgets the call, if it still is: what was sent may have taken effect. */
void aws_call_cancel(struct aws_client *c, uint64_t call);

struct aws_client_stats {
    uint64_t calls, requests, retries; /* requests: what was sent, retries among them */
    uint64_t by_class[AWS_CLASSES];    /* how calls ended */
    uint64_t throttled;                /* answers of AWS */
    uint64_t unknown;
    uint32_t open, waiting; /* now */
    int64_t skew_ms;        /* AWS's clock less ours, as used */
};
struct aws_client_stats aws_client_stats(const struct aws_client *c);
