/* Any bytes as a configuration: it is refused with at least one line that names the file, or what
 * was loaded keeps the promises of config.h. */
#include "core/config.h"
#include "base/mem.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_policies(const struct config *c)
{
    BUG_ON(c->n_policies == 0 || c->policy_active >= c->n_policies);
    for (int p = 0; p < c->n_policies; p++) {
        int in_group[SITES_MAX] = {0};
        for (int g = 0; g < c->policy[p].n_groups; g++) {
            const struct cfg_group *group = &c->policy[p].group[g];
            int64_t sum = 0;
            for (int s = 0; s < group->n_sites; s++) {
                BUG_ON(group->site[s] >= c->n_sites || group->share_ppm[s] < 0);
                sum += group->share_ppm[s];
                in_group[group->site[s]]++;
            }
            BUG_ON(sum != PPM);
        }
        for (int s = 0; s < c->n_sites; s++)
            BUG_ON(in_group[s] != 1);
    }
}

static void check_references(const struct config *c)
{
    for (int q = 0; q < c->n_queues; q++) {
        BUG_ON(c->queue[q].hours != INDEX_NONE && c->queue[q].hours >= c->n_hours);
        config_hours_open(c, c->queue[q].hours, 1783900800000);
    }
    for (int p = 0; p < c->n_profiles; p++)
        for (int i = 0; i < c->profile[p].n_queues; i++) {
            const struct cfg_profile_queue *q = &c->profile[p].queues[i];
            BUG_ON(q->queue >= c->n_queues || q->channel >= CHANNELS);
            BUG_ON(c->profile[p].concurrency[q->channel] == 0);
        }
    for (uint32_t a = 0; a < c->n_agents; a++) {
        BUG_ON(c->agent[a].site >= c->n_sites || c->agent[a].profile >= c->n_profiles);
        BUG_ON(strlen(c->agent[a].name) == 0 || c->agent[a].residency_mask == 0);
        BUG_ON(c->agent[a].shift_start_min < 0 || c->agent[a].shift_start_min >= 1440);
    }
    for (int d = 0; d < c->workload.n_demands; d++)
        BUG_ON(c->workload.demands[d].queue >= c->n_queues);
    for (int m = 0; m < c->trace.n_map; m++)
        BUG_ON(c->trace.queue_map[m].queue >= c->n_queues);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf errors = {0};
    struct config *c = config_load((const char *)data, size, "f", &errors);
    BUG_ON((c == NULL) != (errors.len > 0));
    BUG_ON(errors.len && (strncmp(errors.data, "f:", 2) != 0 || strlen(errors.data) != errors.len));
    if (c) {
        BUG_ON(c->n_sites == 0 || c->n_sites > SITES_MAX || c->n_queues > QUEUES_MAX);
        check_policies(c);
        check_references(c);
    }
    config_free(c);
    buf_free(&errors);
    return 0;
}
