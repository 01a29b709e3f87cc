/* config_internal.h - between the schema (config_schema.c), the checks that need more than one
 * key (config_check.c) and loading (config.c). */
#pragma once

#include "base/conf.h"
#include "core/config.h"

enum link_given { LINK_DEFAULT, LINK_BOTH_WAYS, LINK_ONE_WAY };

struct load { /* what the table's functions get as `user` */
    struct config *c;
    struct cfg_link link_default;
    uint8_t link_given[NODES_MAX][NODES_MAX]; /* enum link_given */
    const struct conf_node **agent_node;      /* where each agent of c->agent comes from */
    uint32_t agent_cap;
};

/* An entry of agents[]: one by its name, or a generator of `count`. */
struct raw_agents {
    char name[NAME_MAX_LEN], prefix[NAME_MAX_LEN];
    uint8_t site;
    uint16_t profile, residency_mask;
    uint32_t count;
    int32_t start_min, end_min, utc_offset_min;
};
struct raw_link {
    uint8_t a, b; /* as config__node_name counts: sites, then the hub */
    bool one_way;
    struct cfg_link link;
};
struct raw_share {
    uint8_t site;
    int32_t ppm;
};
struct raw_index {
    uint16_t index;
};

extern const struct conf_table config__table;

/* The i-th name of a kind, NULL after the last; nodes are the sites and then the hub. */
const char *config__node_name(void *user, uint32_t i);
const char *config__queue_name(void *user, uint32_t i);
const char *config__profile_name(void *user, uint32_t i);
const char *config__policy_name(void *user, uint32_t i);

/* The tables' functions, by what they finish. `base` is what was read, `owner` what holds it. */
#define CONFIG_HOOK(fn)                                                                            \
    void config__##fn(struct conf *f, const struct conf_node *n, void *base, void *owner)
CONFIG_HOOK(site_done);
CONFIG_HOOK(link_default_done);
CONFIG_HOOK(link_begin);
CONFIG_HOOK(link_done);
CONFIG_HOOK(hours_done);
CONFIG_HOOK(queue_begin);
CONFIG_HOOK(queue_residency_done);
CONFIG_HOOK(queue_done);
CONFIG_HOOK(profile_begin);
CONFIG_HOOK(profile_done);
CONFIG_HOOK(agents_residency_done);
CONFIG_HOOK(agents_done);
CONFIG_HOOK(group_share_done);
CONFIG_HOOK(policy_share_done);
CONFIG_HOOK(policy_done);
CONFIG_HOOK(demand_begin);
CONFIG_HOOK(demand_done);
CONFIG_HOOK(near_site_done);
CONFIG_HOOK(workload_done);
CONFIG_HOOK(people_done);
CONFIG_HOOK(trace_begin);
CONFIG_HOOK(file_done);
void config__take_residency(struct conf *f, const struct conf_node *n, const char *text,
                            void *base);
void config__take_address(struct conf *f, const struct conf_node *n, const char *text, void *base);
void config__take_separator(struct conf *f, const struct conf_node *n, const char *text,
                            void *base);
void config__take_nothing(struct conf *f, const struct conf_node *n, const char *text, void *base);
void config__take_country(struct conf *f, const struct conf_node *n, const char *text, void *base);
