/* sim_clock.h - the clock of a connectsim, which may run faster than the one on the wall. */
#pragma once

#include "core/types.h"

struct sim_clock {
    td_ms now;    /* Unix time there, when it was asked */
    double speed; /* times as fast as the wall's */
    bool simulated; /* it is a connectsim that answered */
};
/* Asks the endpoint of an Amazon Connect whether it is a connectsim, and what time it is there.
 * What is none has the clock on the wall, and so has AWS itself (""). False: nobody answers there;
 * a line in `error`. */
bool sim_clock_ask(const char *endpoint, struct sim_clock *out, char *error, size_t cap) MUST_USE;
