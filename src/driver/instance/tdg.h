/* tdg.h - a Traffic Distribution Group held at what is wanted: how AWS splits the calls, agents and
 * sign-in of a replicated pair.
 *
 * Every `look_ms` it asks what the group is (GetTrafficDistribution, DescribeTrafficDistribution-
 * Group), plans (tdg_plan.h), and sets it if need be: one call with the whole new state, in the
 * region that is to take the traffic, always by the group's ARN, since the replica knows it by no
 * other name. Two regions are asked in turn when one does not answer. An update whose outcome is
 * unknown is followed by a look before anything else.
 *
 * AWS's limit is two calls a second; failover goes before everything else there. */
#pragma once

#include "aws/client.h"
#include "driver/instance/tdg_plan.h"

struct tdg;

enum { TDG_LOOK_MS = 10000, TDG_SOON_MS = 500 };

struct tdg_config {  /* the strings are copied */
    struct aws_client *aws;
    const char *group; /* its ARN */
    const char *region[2];
    bool agents, sign_in;
    int64_t dwell_ms;  /* 0: TDG_DWELL_MS */
    uint32_t look_ms;  /* 0: TDG_LOOK_MS */
    /* The first region's part, in ppm; -1: neither is to have calls, or it is not known. Asked
     * every TDG_SOON_MS. */
    int32_t (*wanted)(void *arg, uint32_t id);
    void *arg;
    uint32_t id;
};
struct tdg *tdg_new(struct uv_loop_s *loop, const struct tdg_config *config) MUST_USE;
void tdg_close(struct tdg *t); /* frees itself when the loop lets it */

struct tdg_state {
    bool known, active;
    int32_t percent;  /* of the first region, as AWS says */
    uint64_t looks, updates, failed;
};
struct tdg_state tdg_state(const struct tdg *t);
