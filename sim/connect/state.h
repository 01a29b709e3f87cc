/* state.h - connectsim seen from above, for tests: GET /sim/state, POST /sim/call, POST /sim/agent.
 *
 * GET /sim/state says what is true, whatever the API and the streams say of it: the time, each
 * instance's counts, a hash of its agents and contacts, its feeds; how often each operation was
 * called and throttled; flows, functions, contact events. With ?full=1 also every agent and every
 * live contact. No telephone number is in it.
 *
 * POST /sim/call {"number": "+1...", "from": "+1...", "count": 1, "channel": "VOICE",
 * "attributes": {}} calls a number that is claimed here; answers how many began and were refused.
 * POST /sim/agent {"username": "...", "do": "login" | "logout" | "drop" | "clear" | "transfer"}
 * does what an agent does at his desktop; "drop" is a logout with whatever he has, "transfer" hands
 * the contact he talks to over by the quick connect that "quick_connect" names. With "region": the
 * agent of that name there. */
#pragma once

#include "connect/faults.h"

enum { STATE_CALLS_MAX = 1000 }; /* contacts of one /sim/call */

struct state_options {
    struct center *center;
    struct front *front;
    struct streams *streams;
    struct feed *feed;
    struct lambda *lambda;
    struct flows *flows;
    struct webhook *webhook; /* NULL: there is none */
    struct faults *faults;
};
struct state;
struct state *state_new(const struct state_options *o) MUST_USE;
void state_free(struct state *s);
