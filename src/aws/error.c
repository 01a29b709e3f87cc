#include "aws/error.h"

#include <jansson.h>
#include <string.h>

const char *const aws_class_names[AWS_CLASSES] = {
    "ok",      "throttled",      "server",   "network",   "expired",      "skewed",
    "quota",   "not ready",      "conflict", "not found", "other region", "denied",
    "invalid", "no credentials", "too late", "refused",
};

/* Codes of the services used, as in botocore's models and its list of retryable ones. */
static const struct {
    const char *code;
    enum aws_class class;
} codes[] = {
    {"ThrottlingException", AWS_THROTTLED},
    {"TooManyRequestsException", AWS_THROTTLED},
    {"Throttling", AWS_THROTTLED},
    {"ThrottledException", AWS_THROTTLED},
    {"RequestThrottled", AWS_THROTTLED},
    {"RequestThrottledException", AWS_THROTTLED},
    {"SlowDown", AWS_THROTTLED},
    {"BandwidthLimitExceeded", AWS_THROTTLED},
    {"ProvisionedThroughputExceededException", AWS_THROTTLED}, /* Kinesis */
    {"RequestLimitExceeded", AWS_THROTTLED},                   /* EC2 */
    {"LimitExceededException", AWS_QUOTA},
    {"ServiceQuotaExceededException", AWS_QUOTA},
    {"MaximumResultReturnedException", AWS_QUOTA},
    {"OutboundContactNotPermittedException", AWS_DENIED},
    {"ExpiredToken", AWS_EXPIRED},
    {"ExpiredTokenException", AWS_EXPIRED},
    {"InvalidClientTokenId", AWS_EXPIRED},
    {"UnrecognizedClientException", AWS_EXPIRED},
    {"TokenRefreshRequired", AWS_EXPIRED},
    {"RequestTimeTooSkewed", AWS_SKEWED},
    {"RequestExpired", AWS_SKEWED},
    {"RequestInTheFuture", AWS_SKEWED},
    {"ResourceNotReadyException", AWS_NOT_READY},
    {"ResourceConflictException", AWS_CONFLICT},
    {"ResourceInUseException", AWS_CONFLICT},
    {"IdempotencyException", AWS_CONFLICT},
    {"DuplicateResourceException", AWS_CONFLICT},
    {"ConditionalOperationFailedException", AWS_CONFLICT},
    {"ResourceNotFoundException", AWS_NOT_FOUND},
    {"UserNotFoundException", AWS_NOT_FOUND},
    {"ContactNotFoundException", AWS_NOT_FOUND},
    {"InvalidActiveRegionException", AWS_OTHER_REGION},
    {"AccessDeniedException", AWS_DENIED},
    {"AccessDenied", AWS_DENIED},
    {"UnauthorizedOperation", AWS_DENIED}, /* EC2 */
    {"AuthFailure", AWS_DENIED},
    {"InvalidSignatureException", AWS_DENIED},
    {"SignatureDoesNotMatch", AWS_DENIED},
    {"IncompleteSignature", AWS_DENIED},
    {"MissingAuthenticationToken", AWS_DENIED},
    {"MissingAuthenticationTokenException", AWS_DENIED},
    {"InternalServiceException", AWS_SERVER},
    {"InternalFailure", AWS_SERVER},
    {"InternalServerError", AWS_SERVER},
    {"ServiceUnavailable", AWS_SERVER},
    {"ServiceUnavailableException", AWS_SERVER},
};

enum aws_class aws_class_of(struct http_span code, int status)
{
    for (size_t i = 0; i < COUNTOF(codes); i++)
        if (http_span_is(code, codes[i].code))
            return codes[i].class;
    static const char missing[] = ".NotFound"; /* EC2: InvalidTransitGatewayID.NotFound, ... */
    size_t n = sizeof missing - 1;
    if (code.n > n && memcmp(code.p + code.n - n, missing, n) == 0)
        return AWS_NOT_FOUND;
    if (status >= 200 && status < 300)
        return AWS_OK;
    switch (status) {
    case 401:
    case 403: return AWS_DENIED;
    case 402: return AWS_QUOTA;
    case 404:
    case 410: return AWS_NOT_FOUND;
    case 409: return AWS_CONFLICT;
    case 429: return AWS_THROTTLED;
    default: return status >= 500 ? AWS_SERVER : AWS_INVALID;
    }
}

/* "ns#Code:http://..." -> "Code" */
static struct http_span bare(struct http_span s)
{
    const char *hash = s.n ? memchr(s.p, '#', s.n) : NULL;
    if (hash)
        s = (struct http_span){hash + 1, s.n - (size_t)(hash + 1 - s.p)};
    const char *colon = s.n ? memchr(s.p, ':', s.n) : NULL;
    if (colon)
        s.n = (size_t)(colon - s.p);
    return s;
}

/* The Query API: <Response><Errors><Error><Code>...</Code> */
static struct http_span xml_code(struct http_span xml)
{
    static const char begin[] = "<Code>";
    const char *at = xml.n ? memmem(xml.p, xml.n, begin, sizeof begin - 1) : NULL;
    if (!at)
        return (struct http_span){NULL, 0};
    at += sizeof begin - 1;
    const char *end = memchr(at, '<', (size_t)(xml.p + xml.n - at));
    return (struct http_span){at, end ? (size_t)(end - at) : 0};
}

static struct http_span code_of(const struct http_result *r, const struct json_t *body)
{
    static const char *const names[] = {"code", "Code", "__type"};
    struct http_span s = http_result_field(r, "x-amzn-ErrorType");
    for (size_t i = 0; i < COUNTOF(names) && !s.n; i++) {
        const json_t *v = json_object_get(body, names[i]);
        if (json_is_string(v))
            s = (struct http_span){json_string_value(v), json_string_length(v)};
    }
    return bare(s.n ? s : xml_code(r->body));
}

struct aws_error aws_error_of(const struct http_result *r, const struct json_t *body)
{
    struct aws_error e = {AWS_OK, ""};
    if (r->error != HTTP_CLIENT_OK) {
        e.class = r->error == HTTP_CLIENT_BUSY ? AWS_REFUSED : AWS_NETWORK;
        (void)str_copy(e.code, sizeof e.code, http_client_error_names[r->error]);
        return e;
    }
    if (r->status >= 200 && r->status < 300)
        return e;
    struct http_span code = code_of(r, body);
    e.class = aws_class_of(code, r->status);
    if (e.class == AWS_OK)
        e.class = AWS_INVALID;
    size_t n = MIN(code.n, (size_t)AWS_CODE_MAX - 1);
    for (size_t i = 0; i < n; i++) /* it goes into logs: letters only */
        e.code[i] = code.p[i] > ' ' && code.p[i] <= '~' ? code.p[i] : '?';
    return e;
}
