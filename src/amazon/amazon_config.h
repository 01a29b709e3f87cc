/* amazon_config.h - the section `amazon` of tandem's configuration: which instance of Amazon
 * Connect each site is, and how it is reached.
 *
 *   struct amazon_config *ac = amazon_config_new();
 *   struct conf_section sections[] = {amazon_config_section(ac), {0}};
 *   struct config *c = config_load_file_with(path, sections, &errors);
 *   if (c && ac->given) ...
 *
 * It holds no secret: credentials come from where AWS's tools look for them (aws/credentials.h),
 * the key of those who ask from a file. */
#pragma once

#include "base/conf.h"
#include "driver/instance/connect.h"

enum { AMAZON_TEXT_MAX = 256, AMAZON_PATH_MAX = 4096, AMAZON_PAIRS_MAX = SITES_MAX / 2 };

struct amazon_instance {
    uint8_t site;
    char region[32], instance[CONNECT_NUMBER_MAX + AMAZON_TEXT_MAX];
    char agent_stream[AMAZON_TEXT_MAX], record_stream[AMAZON_TEXT_MAX];
    struct connect_numbers numbers;
};

struct amazon_pair { /* two sites that are one replicated instance, and the group between them */
    uint8_t site[2];
    char group[AMAZON_TEXT_MAX]; /* ARN of the Traffic Distribution Group */
    bool agents, sign_in;        /* they go with the calls */
    int64_t dwell_ms;
};

struct amazon_config {
    bool given; /* the file has the section */
    char endpoint[AMAZON_TEXT_MAX], account[16], profile[AMAZON_TEXT_MAX];
    char flow[AMAZON_TEXT_MAX], available[AMAZON_TEXT_MAX], offline[AMAZON_TEXT_MAX];
    char listen[64], key_file[AMAZON_PATH_MAX];
    uint16_t port;
    uint32_t n_instances, n_pairs;
    struct amazon_instance *instance;
    struct amazon_pair pair[AMAZON_PAIRS_MAX];
};

struct amazon_config *amazon_config_new(void) MUST_USE;
void amazon_config_free(struct amazon_config *a);
/* The section's table and where it goes; `a` must be new; NULL for the reference. */
struct conf_section amazon_config_section(struct amazon_config *a);
/* Do both say the same? A running centre keeps what it began with. */
bool amazon_config_same(const struct amazon_config *a, const struct amazon_config *b);
