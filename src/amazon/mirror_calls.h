/* mirror_calls.h - the calls of the API by which a resource of one instance becomes as that of
 * another, and what differs in words. Pure.
 *
 * Bodies have names instead of ids, as specs have (mirror_plan.h); who sends them puts ids in.
 * Calls are in an order in which each is valid by itself, and no agent is left without queues in
 * between: what a routing profile gains comes before what it loses. Each call states a whole value
 * (but for the queues that a profile gains), so that one that was broken off is made good by
 * comparing again. */
#pragma once

#include "amazon/mirror_plan.h"
#include "aws/operations.h"

/* Queues of a routing profile: of one call, and of a profile by AWS's default quota. */
enum { MIRROR_BATCH = 10, MIRROR_QUEUES_QUOTA = 50 };

struct mirror_call {
    enum aws_op op;
    struct json_t *body;
};
struct mirror_calls {
    uint32_t n;
    struct mirror_call *call;
};
/* The body of the call that creates it, the caller's. A queue's state and what its calls out show,
 * and queues of a profile beyond a batch, are left for mirror_changes. */
struct json_t *mirror_creation(const struct mirror_item *item) MUST_USE;
/* What makes `to` as `from`; none when the API cannot change what differs, or nothing does. */
void mirror_changes(const struct mirror_item *from, const struct mirror_item *to,
                    struct mirror_calls *out);
void mirror_calls_free(struct mirror_calls *c);

/* A line for each thing that differs, "max contacts: 5 -> 7\n"; appended to out. */
void mirror_tell(const struct mirror_item *from, const struct mirror_item *to, struct buf *out);
