/* generate.h - a day that might have been: seeded arrivals from the configuration's workload.
 *
 * A Poisson process whose rate follows the day: each origin calls by its own local clock (15
 * degrees of longitude an hour), with the shape below, so a national day begins in the east and
 * ends in the west. The shape is a bank's weekday as published counts show it (Weinberg, Brown and
 * Stroud, "Bayesian forecasting of an inhomogeneous Poisson process", JASA 102, 2007: a peak before
 * eleven, a shoulder after lunch, little at night), rounded by hand; it sums to 24.
 *   `flat` workloads have a constant rate. Same configuration and seed: same arrivals. */
#pragma once

#include "trace/trace.h"

struct generator;

/* From `start` on, for workload.duration_ms. The configuration must outlive it. */
struct generator *generator_new(const struct config *c, uint64_t seed, td_ms start);
void generator_free(struct generator *g);
bool generator_next(struct generator *g, struct arrival *out); /* false: the end */
extern const double generator_hour_shape[24];
