/* outside.h - what of connectsim reaches beyond Amazon Connect's own API, wired together: Kinesis
 * and the feeds into it, flows and the functions they call, contact events, faults, the state. */
#pragma once

#include "connect/front.h"
#include "connect/setup.h"

struct outside;
struct outside_options {
    struct uv_loop_s *loop;
    struct center *center;
    struct front *front;
    const struct setup *setup; /* shards, functions */
    bool limits;               /* of Kinesis */
    int64_t (*steady_ms)(void); /* of limits */
    int64_t warm_ms; /* played at once, before there are functions and a webhook: calls go to the
                        queues that their flows lead to. Streams have all of it. */
};
struct outside *outside_new(const struct outside_options *o) MUST_USE;
/* Ends what is under way; outside_free once done(arg) was called and the loop has ended. */
void outside_close(struct outside *o, void (*done)(void *arg), void *arg);
void outside_free(struct outside *o);
