/* sigv4.h - AWS Signature Version 4: what is signed, the signature, and its verification. Pure.
 *
 * Source: "Signature Version 4 signing process", AWS General Reference; checked against AWS's own
 * vectors (the aws-sig-v4-test-suite) and botocore. Everything between the request and the
 * signature is a function of its own, so that a verifier (connectsim) uses the client's very code:
 *
 *   request --sigv4_canonical--> text --sigv4_to_sign--> text --sigv4_signature--> 64 hex digits
 *
 * A path is given as it is on the wire. AWS encodes it once more before it signs ("%3A" becomes
 * "%253A"; S3 alone does not), which is what makes ARNs in paths work. A query is canonicalised
 * from its meaning: decoded, encoded again in one way, sorted by name and value. "+" in a query is
 * a plus, not a blank.
 *
 * Keys and tokens are the caller's and are kept nowhere. */
#pragma once

#include "base/mem.h"
#include "http/http.h"

enum {
    SIGV4_FIELDS_MAX = 64, /* signed fields; more are a client's mistake */
    SIGV4_PARAMS_MAX = 128,
    SIGV4_HEX = 65, /* a SHA-256 in hex with its NUL */
    SIGV4_TIME = 17 /* "20150830T123600Z" with its NUL */
};

struct sigv4_field {
    struct http_span name, value;
};

struct sigv4_request {
    struct http_span method, path; /* "PUT", "/users/%3A" */
    struct http_span query;        /* without "?" */
    const struct sigv4_field *fields; /* exactly those that are signed; Host must be one */
    uint32_t n_fields;
    const char *body_hash; /* hex, or "UNSIGNED-PAYLOAD" */
    bool path_as_sent;     /* S3: not encoded once more */
    bool path_unresolved;  /* S3: "//", "/./" and "/../" stay */
};

struct sigv4_scope {
    struct http_span date, region, service; /* "20150830", "us-east-1", "connect" */
};

void sigv4_hash(const void *p, size_t n, char out[SIGV4_HEX]);
/* Percent-encodes all but A-Z a-z 0-9 - _ . ~ (RFC 3986), and "/" if it is to stay. */
void sigv4_encode(struct buf *out, struct http_span text, bool keep_slash);

/* The canonical request. False: more than SIGV4_FIELDS_MAX fields or SIGV4_PARAMS_MAX parameters;
 * then *out is not whole. */
bool sigv4_canonical(const struct sigv4_request *rq, struct buf *out) MUST_USE;
/* "host;x-amz-date": the names of the fields, as they stand in the canonical request. */
void sigv4_names(const struct sigv4_request *rq, struct buf *out);
void sigv4_to_sign(const char *time, const struct sigv4_scope *scope, const struct buf *canonical,
                   struct buf *out);
void sigv4_signature(const char *secret, const struct sigv4_scope *scope,
                     const struct buf *to_sign, char out[SIGV4_HEX]);

/* ---- the client's side ---- */

struct sigv4_identity {
    const char *key_id, *secret;
    const char *token; /* of temporary credentials; NULL: none */
};

struct sigv4_signed { /* the fields to add to the request; free with sigv4_signed_free */
    char time[SIGV4_TIME];    /* X-Amz-Date */
    const char *token;        /* X-Amz-Security-Token, the identity's own; NULL: none */
    struct buf authorization; /* Authorization */
};
/* Signs the request with its fields, to which X-Amz-Date and X-Amz-Security-Token are added (they
 * must not be among them). at_s: seconds since 1970. False as for sigv4_canonical. */
bool sigv4_sign(const struct sigv4_identity *who, const char *region, const char *service,
                int64_t at_s, const struct sigv4_request *rq, struct sigv4_signed *out) MUST_USE;
void sigv4_signed_free(struct sigv4_signed *s);

/* ---- the server's side ---- */

/* "AWS4-HMAC-SHA256 Credential=ID/DATE/REGION/SERVICE/aws4_request, SignedHeaders=a;b, Signature=…"
 * The spans point into the text. False: it is not exactly that. */
struct sigv4_authorization {
    struct http_span key_id, names, signature;
    struct sigv4_scope scope;
};
bool sigv4_parse(struct http_span authorization, struct sigv4_authorization *out) MUST_USE;
/* Takes the next of names ("host;x-amz-date") off its front; false: none left. */
bool sigv4_next_name(struct http_span *names, struct http_span *name);
/* Is the signature right for this request, whose fields are those of a->names, in any order? In a
 * time that does not depend on how much of it is right. `time` is the request's X-Amz-Date. Whether
 * it is near now, and in the scope's day, and the body's hash true, is the caller's to check. */
bool sigv4_verify(const struct sigv4_authorization *a, const char *secret, const char *time,
                  const struct sigv4_request *rq) MUST_USE;

/* "20150830T123600Z" <-> seconds since 1970. */
void sigv4_time_write(int64_t at_s, char out[SIGV4_TIME]);
bool sigv4_time_read(struct http_span text, int64_t *at_s) MUST_USE;
