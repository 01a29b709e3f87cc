/* error.h - what a reply of an AWS service means for the one who asked. Pure.
 *
 * The code is that of the field x-amzn-ErrorType, else of "code", "Code" or "__type" in the body,
 * or of <Code> in one of XML;
 * of "com.amazonaws.connect#ThrottlingException:http://..." it is what stands between "#" and ":".
 * The HTTP status alone says little: 429 is throttling (again later) or a quota (not again), 409 a
 * conflict or something not ready yet. */
#pragma once

#include "http/client.h"

struct json_t; /* json_t of jansson */

enum aws_class {
    AWS_OK,
    AWS_THROTTLED,    /* too many calls a second: again later */
    AWS_SERVER,       /* 5xx: again */
    AWS_NETWORK,      /* no whole reply: again, if it is safe */
    AWS_EXPIRED,      /* the credentials are expired or unknown: again with new ones */
    AWS_SKEWED,       /* our clock is wrong: again with theirs */
    AWS_QUOTA,        /* a limit of the account or instance; again is of no use */
    AWS_NOT_READY,    /* the resource is changing: later, by whoever asked */
    AWS_CONFLICT,     /* somebody else changed it, or it is in use */
    AWS_NOT_FOUND,    /* 404; 410 for contacts that are over */
    AWS_OTHER_REGION, /* a replicated contact lives in the pair's other region: ask there */
    AWS_DENIED,       /* not allowed, or a wrong signature */
    AWS_INVALID,      /* the request is wrong */
    AWS_NO_CREDENTIALS,
    AWS_TOO_LATE, /* its time was over before it could be sent (again) */
    AWS_REFUSED,  /* too many calls wait already; nothing was sent */
    AWS_CLASSES
};
extern const char *const aws_class_names[AWS_CLASSES]; /* "ok", "throttled", ... */

enum { AWS_CODE_MAX = 64 };

struct aws_error {
    enum aws_class class;
    char code[AWS_CODE_MAX]; /* "ThrottlingException"; "" when there was none */
};
/* body: the reply's JSON, NULL when it is none. */
struct aws_error aws_error_of(const struct http_result *r, const struct json_t *body);
/* The class of a code, with the status for what is not in the table. For tests and callers that
 * have a code from elsewhere. */
enum aws_class aws_class_of(struct http_span code, int status);
