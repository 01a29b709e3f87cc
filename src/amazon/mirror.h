/* mirror.h - reading an instance's resources, and carrying out a plan (mirror_plan.h), by the API.
 *
 * For a program that does nothing else: each function runs the loop until it is done. Two calls a
 * second is what AWS allows, so an instance with a hundred resources takes about a minute. */
#pragma once

#include "amazon/mirror_plan.h"
#include "aws/client.h"

struct mirror_io {
    struct uv_loop_s *loop;
    struct aws_client *aws;
    char problem[1024]; /* why the last one failed */
};
/* v->region and v->instance say which. False: io->problem. */
bool mirror_read(struct mirror_io *io, struct mirror_inventory *v) MUST_USE;
/* Carries out one step that creates or updates; what is new is added to `to`, so that later steps
 * find it. False: io->problem; what may have happened all the same (no answer came) it says too.
 * It can be called again then, and does what is left. */
bool mirror_do(struct mirror_io *io, const struct mirror_step *step,
               struct mirror_inventory *to) MUST_USE;
