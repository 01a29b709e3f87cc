/* arn.h - Amazon Resource Names, and what those of Amazon Connect say. Pure.
 *
 *   arn:aws:connect:us-east-1:123456789012:instance/I/agent/A
 *       partition service region account resource
 *
 * Connect's resources: "instance/I", "instance/I/KIND/ID" (agent, queue, routing-profile,
 * agent-state, operating-hours, contact-flow, contact, transfer-destination, ...) and, without an
 * instance, "traffic-distribution-group/ID" and "phone-number/ID". A queue of an agent's own is
 * "instance/I/queue/agent/A". The two instances of a replicated pair have the same id I and differ
 * in region only, so an id alone never names an instance. */
#pragma once

#include "base/mem.h"
#include "http/http.h"

struct arn { /* spans into the text */
    struct http_span partition, service, region, account, resource;
};
/* False: no ARN. Region and account may be empty (they are for global services). */
bool arn_parse(struct http_span text, struct arn *out) MUST_USE;

struct arn_connect {
    struct http_span region, account;
    struct http_span instance; /* its id; n == 0 for what stands outside of instances */
    struct http_span kind;     /* "queue", "traffic-distribution-group"; "instance" for itself */
    struct http_span id;       /* the rest: "Q1", "agent/A1" for an agent's own queue */
};
bool arn_connect_parse(struct http_span text, struct arn_connect *out) MUST_USE;
/* instance NULL: outside of instances. kind NULL: the instance itself. */
void arn_connect_write(struct buf *out, const char *region, const char *account,
                       const char *instance, const char *kind, const char *id);
/* "aws", "aws-cn", "aws-us-gov": which partition a region is in, by its name. */
const char *arn_partition(const char *region);

/* The id of what an ARN names: what is after its last slash, or the text itself. Connect's API
 * takes and gives both. */
struct http_span arn_id(struct http_span text);
