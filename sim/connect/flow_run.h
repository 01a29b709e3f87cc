/* flow_run.h - flows of contacts in the center: entry flows, and the flow of a contact that waits.
 *
 * A contact that begins runs its number's (or its caller's) flow. TransferContactToQueue makes it
 * wait; from then on the flow of the hook CustomerQueue runs, over and over as it is written, until
 * an agent has the contact, it is moved, or it ends. InvokeLambdaFunction calls lambda.h, only
 * functions that are associated with the contact's own instance.
 *
 * TransferParticipantToThirdParty to a number that is claimed in this connectsim takes the contact
 * to that instance, under a new id: RelatedContactId, SegmentAttributes "connect:CrossInstanceInfo"
 * and the attributes go along as inside one AWS organisation; the dialled number is the target's
 * SystemEndpoint, so a pool of numbers can be a claim check. The contact here ends. Any other
 * number is outside: it ends here, too, with TransferredToEndpoint; +1 555 numbers that nobody has
 * do not answer (CallFailed), nor does an instance that is over its quota or down.
 *
 * One thread, the loop's. */
#pragma once

#include "connect/center.h"
#include "connect/flow.h"
#include "connect/lambda.h"

/* A caller hangs up after so long in an entry flow that leads nowhere. */
enum { FLOW_PATIENCE_MS = 600000 };

struct flows;
struct flows *flows_new(struct center *c, struct lambda *l) MUST_USE;
void flows_free(struct flows *f);

/* Takes a contact to a telephone number, as above; false: CallFailed, and nothing has changed. */
bool flows_dial(struct flows *f, struct contact *k, const char *number) MUST_USE;

/* A fault: flows of the region (NULL: all) end contacts at once, though the API is well. */
void flows_break(struct flows *f, const struct region *g, bool on);

struct flows_stats {
    uint64_t started, broken, lambda_failed, moved, dial_failed;
    uint32_t running;
};
struct flows_stats flows_stats(const struct flows *f);
