/* lambda.h - functions that flows call: each is an HTTP endpoint that is sent the event and answers
 * with what the function returns.
 *
 * A POST of the event, application/json, to the URL of the function's name; "{region}" in the URL
 * becomes the region of the ARN. So the endpoint can be a site node of tandem, AWS's Lambda runtime
 * interface emulator (".../2015-03-31/functions/function/invocations"), or ten lines of a test.
 *
 * As Amazon Connect does it (administrator guide, "Invoke AWS Lambda functions"): the block has 8 s
 * at most; a throttle (429), a failure of the service (5xx) or no connection is tried again up to
 * three times within that time; an answer with X-Amz-Function-Error, more than 32 KB, or not JSON
 * is a failure. Times are of the clock that really runs, whatever connectsim's speed is. */
#pragma once

#include <jansson.h>

#include "base/base.h"

struct uv_loop_s;
struct lambda;

enum {
    LAMBDA_REPLY_MAX = 32768,
    LAMBDA_RETRIES = 3,
    LAMBDA_ROUTES_MAX = 64,
    LAMBDA_CALLS_MAX = 2000, /* at a time; AWS's default for an account is 1,000 */
};

struct lambda *lambda_new(struct uv_loop_s *loop) MUST_USE;
/* Ends all invocations with a problem; `closed` is called when the rest is gone, too. */
void lambda_close(struct lambda *l, void (*closed)(void *arg), void *arg);

/* Sends invocations of a function, by name, to a URL; NULL takes it back. False: too many, or a
 * name or URL too long. */
bool lambda_route(struct lambda *l, const char *name, const char *url) MUST_USE;
/* Is there an endpoint for this ARN ("arn:aws:lambda:REGION:ACCOUNT:function:NAME[:ALIAS]")? */
bool lambda_known(const struct lambda *l, const char *arn);

/* done is called exactly once, from the loop, never from inside lambda_invoke. problem NULL: fine;
 * `result` is valid during the call. */
typedef void lambda_done(void *arg, const char *problem, const json_t *result);
void lambda_invoke(struct lambda *l, const char *arn, const void *event, size_t n,
                   int64_t limit_ms, lambda_done *done, void *arg);

struct lambda_stats {
    uint64_t invoked, retried, failed;
    uint32_t running;
};
struct lambda_stats lambda_stats(const struct lambda *l);
