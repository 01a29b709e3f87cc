/* flow.h - a contact flow as the Amazon Connect flow language writes it, and what runs it: pure.
 *
 * A flow is actions with identifiers; each has parameters and transitions to a next one, by
 * condition or by error ("Amazon Connect Flow language", API reference). flow_run goes from action
 * to action until the outside has to do something, says what (an effect), and goes on when it is
 * told how that ended. What is known of the contact it asks for through struct flow_world.
 *
 *      CheckHoursOfOperation, Compare, DistributeByPercentage, Loop    choose the way
 *      UpdateContactAttributes, UpdateFlowAttributes                   set attributes
 *      UpdateContactTargetQueue, TransferContactToQueue, DequeueContactAndTransferToQueue
 *      UpdateContactRoutingBehavior                                    priority, age
 *      UpdateContactEventHooks                                         the flow while it waits
 *      InvokeLambdaFunction                                            $.External
 *      TransferParticipantToThirdParty                                 a telephone number
 *      TransferToFlow, Wait, MessageParticipantIteratively             (the last waits, too)
 *      DisconnectParticipant, EndFlowExecution                         the end
 *
 * Messages, recording, logging, voices and the like are passed by at once. Any other action takes
 * its error branch (NoMatchingError), or the contact ends: connectsim does not have it.
 *
 * Values: text, or a whole JSONPath "$.External.number" that the world resolves (an unknown one is
 * the empty text); in ARNs "$.AwsRegion" is replaced wherever it stands, as AWS does. */
#pragma once

#include <jansson.h>

#include "base/mem.h"

enum {
    FLOW_ACTIONS_MAX = 1000,
    FLOW_STEPS_MAX = 1000, /* without the outside; more is a flow that runs in a circle */
    FLOW_VALUE_MAX = 32768, /* bytes of all attributes of a contact, AWS's limit */
    FLOW_LAMBDA_MS_MAX = 8000,
};

struct flow_program;
/* NULL with a sentence in *problem: not a flow. Release with flow_release. */
struct flow_program *flow_parse(const char *content, size_t n, const char **problem) MUST_USE;
struct flow_program *flow_keep(struct flow_program *p);
void flow_release(struct flow_program *p);

struct flow_world {
    void *arg;
    /* Appends the value of "$.CustomerEndpoint.Address" and the like; nothing: unknown. $.External,
     * $.FlowAttributes and $.AwsRegion do not come here. */
    void (*value)(void *arg, const char *path, struct buf *out);
    void (*set_attribute)(void *arg, const char *name, const char *value);
    bool (*open)(void *arg, const char *hours, const char *queue); /* NULL: not given */
    double (*chance)(void *arg);                                  /* [0, 1) */
    const char *region;
};

enum flow_effect {
    FLOW_END,        /* EndFlowExecution, or nothing comes after the last action */
    FLOW_BROKEN,     /* an action failed and has no branch for it, or went in a circle */
    FLOW_DISCONNECT,
    FLOW_QUEUE,      /* `target`: a queue; outcome NULL: the flow is over, or an error */
    FLOW_DIAL,       /* `target`: a number; outcome NULL: it is answered, or an error */
    FLOW_LAMBDA,     /* `target`: an ARN; `parameters`, `limit_ms`, `string_map`; flow_returned */
    FLOW_WAIT,       /* `limit_ms`; outcome NULL */
    FLOW_JUMP,       /* `target`: a flow; outcome only when it fails */
    FLOW_ROUTING,    /* `priority` (0: as it was), `adjust_ms`; outcome NULL */
    FLOW_HOOK,       /* `target`: the flow to run while the contact waits, "": none; outcome NULL */
};

struct flow_state { /* zero-initialise with the program; flow_state_free when done */
    struct flow_program *program; /* kept */
    uint32_t at;                  /* the action whose outcome is awaited */
    json_t *external, *attributes, *loops;
    struct buf queue;             /* the working queue */
    /* of the effect: */
    struct buf target;
    json_t *parameters;
    int64_t limit_ms, adjust_ms;
    uint8_t priority;
    bool string_map;
    bool goes_on;                 /* FLOW_DIAL: the flow goes on after the other side hung up */
};
void flow_begin(struct flow_state *s, struct flow_program *p);
void flow_state_free(struct flow_state *s);

/* Runs from the start, or goes on with the outcome of the last effect: NULL for success, else the
 * name of an error ("NoMatchingError", "QueueAtCapacity", "CallFailed"). */
enum flow_effect flow_start(struct flow_state *s, const struct flow_world *w);
enum flow_effect flow_go_on(struct flow_state *s, const struct flow_world *w, const char *error);
/* What a function returned, before flow_go_on; replaces what an earlier one did. NULL or not of the
 * wanted form: false, and flow_go_on must be told "NoMatchingError". */
bool flow_returned(struct flow_state *s, const json_t *result) MUST_USE;
