/* erlang.h - queueing formulas: how long a contact will wait, and how many agents a load needs.
 *
 * One pool of `n` identical agents, Poisson arrivals. `load` is the offered load in erlangs:
 * arrivals a second times the mean handling time in seconds. Times are in any unit, the same one
 * throughout a call: `aht` is the mean handling time of an agent (wrap-up included), `patience` the
 * mean time after which a waiting customer gives up (exponential), `within` the target wait.
 *
 *   Erlang B   nobody waits: all busy means lost
 *   Erlang C   everybody waits for ever (M/M/n)
 *   Erlang A   everybody waits until he gives up (M/M/n+M)
 *
 * Sources: Cooper, "Introduction to Queueing Theory" (1981), ch. 3; Garnett, Mandelbaum, Reiman,
 * "Designing a call center with impatient customers", M&SOM 4(3) 2002; Zeltyn and Mandelbaum,
 * "Call centers with impatient customers", Queueing Systems 51 (2005), for the law of the wait;
 * Whitt, "Improving service by informing customers about anticipated delays", Management Science
 * 45(2) 1999, for the wait of a given contact. Results agree with 50-digit arithmetic to 1e-11
 * relative (tests/test_erlang.c). Cost is O(sqrt(load)), not O(n).
 *
 * A load or time that is negative or NaN is a programmer's error (BUG_ON). */
#pragma once

#include "base/base.h"

#define ERLANG_AGENTS_MAX 10000000u /* fifty times AGENTS_MAX; a bound for searches, not a quota */

/* Probability that all n agents are busy and the contact is lost. 0 below 1e-300. */
double erlang_b(double load, uint32_t n) MUST_USE;

/* Probability that a contact has to wait. 1 when load >= n: the queue grows without end. */
double erlang_c(double load, uint32_t n) MUST_USE;
/* Average speed of answer: the mean wait of all contacts, those with none included. INFINITY when
 * load >= n > 0 or n = 0. */
double erlang_c_wait(double load, uint32_t n, double aht) MUST_USE;
/* Service level: the share of contacts answered after at most `within`. 0 when load >= n. */
double erlang_c_level(double load, uint32_t n, double aht, double within) MUST_USE;

struct erlang_a {
    double p_wait;    /* a contact is not answered at once */
    double p_abandon; /* of all contacts */
    double wait;      /* mean over all contacts: answered at once, later, or never */
    double waiting;   /* mean number of contacts waiting */
};
/* patience INFINITY: Erlang C, or its limit under overload (everybody waits for ever, and what is
 * above the agents' capacity is never answered). patience 0: Erlang B. */
struct erlang_a erlang_a(double load, uint32_t n, double aht, double patience) MUST_USE;
/* Share of all contacts, those that gave up included, answered after at most `within`. To 1e-12
 * absolute. */
double erlang_a_level(double load, uint32_t n, double aht, double patience, double within) MUST_USE;

/* The mean time until `departures` contacts have left a pool whose n agents stay busy, if each of
 * those still ahead gives up at rate `theta` and each agent completes at rate `mu`. Whoever joins
 * behind q waiting contacts needs q + 1 departures:
 *      sum over i = 0 .. q of 1 / (n mu + i theta).
 * In O(1): the sum is (psi(x + q + 1) - psi(x)) / theta with x = n mu / theta, and the digamma
 * function is taken from psi(x) = ln(x - 1/2) + 1/24 (x - 1/2)^-2 - 7/960 (x - 1/2)^-4 + ...; the
 * shift by one half is the continuity correction (the midpoint rule). Where x < 6, that is where a
 * pool clears more slowly than six waiting contacts lose patience, up to six terms are summed first
 * so that the series holds. Relative error below 1e-9. theta = 0 gives q+1 / (n mu) exactly; the
 * limit is continuous. `departures` and `n` need not be whole; 0 departures take no time; no
 * agents and no impatience: INFINITY. */
double erlang_whitt_wait(double departures, double n, double mu, double theta) MUST_USE;

/* The least number of agents with which `level` (0..1) of all contacts are answered within
 * `within`. patience INFINITY: Erlang C. ERLANG_AGENTS_MAX + 1: not even that many are enough. */
uint32_t erlang_staff(double load, double aht, double patience, double level,
                      double within) MUST_USE;

/* Square-root staffing: load + beta sqrt(load), rounded up, never below 0. */
uint32_t erlang_staff_square_root(double load, double beta) MUST_USE;
/* The probability of waiting under it when the load is large. Infinite patience: Halfin and Whitt
 * (Operations Research 29(3) 1981), 1 for beta <= 0; else Garnett, Mandelbaum and Reiman. */
double erlang_square_root_wait(double beta, double aht, double patience) MUST_USE;
