#include "connect/auth.h"

#include <stdio.h>
#include <string.h>

/* The signed fields as they came. False: one of them is not there, or Host is not signed. */
static bool signed_fields(const struct http_request *rq, struct http_span names,
                          struct sigv4_field *fields, uint32_t *n)
{
    struct http_span name;
    bool host = false;
    *n = 0;
    while (sigv4_next_name(&names, &name)) {
        char text[128];
        if (*n == SIGV4_FIELDS_MAX || name.n >= sizeof text)
            return false;
        memcpy(text, name.p, name.n);
        text[name.n] = 0;
        struct http_span value = http_header(rq, text);
        if (!value.p)
            return false;
        host = host || strcmp(text, "host") == 0;
        fields[(*n)++] = (struct sigv4_field){name, value};
    }
    return host;
}

static enum api_error say(char *why, size_t cap, enum api_error e, const char *text)
{
    snprintf(why, cap, "%s", text);
    return e;
}

/* Its date is near now, and in the day of the scope. */
static enum api_error check_date(struct http_span date, struct http_span scope, int64_t now_s,
                                 char *why, size_t cap)
{
    int64_t at_s;
    char now[SIGV4_TIME];
    if (!sigv4_time_read(date, &at_s))
        return say(why, cap, EX_IncompleteSignatureException,
                   "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' "
                   "header.");
    sigv4_time_write(now_s, now);
    if (scope.n != 8 || memcmp(scope.p, date.p, 8) != 0)
        return say(why, cap, EX_InvalidSignatureException,
                   "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date "
                   "from HTTP.");
    if (at_s < now_s - AUTH_SKEW_S) {
        snprintf(why, cap, "Signature expired: %.16s is now earlier than %s (minus 5 min.)", date.p,
                 now);
        return EX_InvalidSignatureException;
    }
    if (at_s > now_s + AUTH_SKEW_S) {
        snprintf(why, cap, "Signature not yet current: %.16s is still later than %s (plus 5 min.)",
                 date.p, now);
        return EX_InvalidSignatureException;
    }
    return EX_COUNT;
}

static bool check_token(const struct http_request *rq, const char *token)
{
    struct http_span given = http_header(rq, "X-Amz-Security-Token");
    return token[0] ? http_span_is(given, token) : !given.n;
}

enum api_error auth_check(const struct http_request *rq, const struct sigv4_authorization *a,
                          const struct auth_secret *secret, int64_t now_s, char *why, size_t cap)
{
    struct sigv4_field fields[SIGV4_FIELDS_MAX];
    struct http_span date = http_header(rq, "X-Amz-Date");
    struct http_span claimed = http_header(rq, "X-Amz-Content-Sha256");
    char hash[SIGV4_HEX], time[SIGV4_TIME];
    uint32_t n;
    if (!check_token(rq, secret->token))
        return say(why, cap, EX_UnrecognizedClientException,
                   "The security token included in the request is invalid.");
    enum api_error e = check_date(date, a->scope.date, now_s, why, cap);
    if (e != EX_COUNT)
        return e;
    if (!signed_fields(rq, a->names, fields, &n))
        return say(why, cap, EX_InvalidSignatureException,
                   "'Host' and every other 'SignedHeader' must be in the request, and 'Host' among "
                   "them.");
    sigv4_hash(rq->body.p ? rq->body.p : "", rq->body.n, hash);
    struct sigv4_request signed_rq = {.method = HTTP_SPAN(http_method_names[rq->method]),
                                      .path = rq->path,
                                      .query = rq->query,
                                      .fields = fields,
                                      .n_fields = n,
                                      .body_hash = hash};
    memcpy(time, date.p, SIGV4_TIME - 1);
    time[SIGV4_TIME - 1] = 0;
    if ((!claimed.p || http_span_is(claimed, hash)) &&
        sigv4_verify(a, secret->secret, time, &signed_rq))
        return EX_COUNT;
    return say(why, cap, EX_InvalidSignatureException,
               "The request signature we calculated does not match the signature you provided. "
               "Check your AWS Secret Access Key and signing method. Consult the service "
               "documentation for details.");
}
