/* api_parse.h - the bodies of requests, from bytes to structs. Pure: no I/O, no clock, nothing is
 * changed outside *out; the fuzzer runs these as they are.
 *
 * JSON strictly (RFC 8259): one object, no member twice, none that is not known, each of its type.
 * The first thing wrong is told: which field, what is the matter, what to do. What the client sent
 * is never repeated in an error: it may be personal data. */
#pragma once

#include "core/core.h"

struct jr;
struct jr_node;
struct map64;

enum {
    CUSTOMER_MAX = 256,     /* bytes of a customer's identification */
    ATTRIBUTES_MAX = 32768, /* bytes of keys and values, as Amazon Connect allows */
    ATTRIBUTE_KEY_MAX = 127,
    REASON_MAX = 127, /* what a fact keeps of it */
    FAULT_FOR_MAX_S = 604800,
};

struct api_error {
    int status; /* 400: not of the right form; 422: names what there is not, ... */
    char detail[320];
};

struct parse_context {
    struct jr *json; /* the reader; what it holds is the body that was parsed last */
    const struct config *c;
    const struct map64 *queue_by_key;
    uint64_t pseudonym_key[2]; /* of customers */
    uint8_t policy;            /* in force */
};

struct route_body {
    struct route_request request; /* contact none: the client gave none; arrived_at 0 */
    const struct jr_node *attributes; /* an object of texts, the reader's; NULL: none */
};
bool parse_route(const void *body, size_t len, const struct parse_context *c,
                 struct route_body *out, struct api_error *error) MUST_USE;

struct shares_body {
    uint8_t policy, group;
    int32_t share_ppm[SITES_MAX]; /* by site; sums to PPM */
    char reason[REASON_MAX + 1];
};
bool parse_shares(const void *body, size_t len, const struct parse_context *c,
                  struct shares_body *out, struct api_error *error) MUST_USE;

struct policy_body {
    uint8_t policy;
    char reason[REASON_MAX + 1];
};
bool parse_policy(const void *body, size_t len, const struct parse_context *c,
                  struct policy_body *out, struct api_error *error) MUST_USE;

struct admin_body { /* drain and restore; no body is an empty one */
    bool force;
    char reason[REASON_MAX + 1];
};
bool parse_admin(const void *body, size_t len, bool may_force, struct jr *json,
                 struct admin_body *out, struct api_error *error) MUST_USE;

struct fault_body {
    char fault[256]; /* "region-down:us-west-2", without a time */
    int64_t for_ms;  /* 0: until it is ended */
};
bool parse_fault(const void *body, size_t len, struct jr *json, struct fault_body *out,
                 struct api_error *error) MUST_USE;
