/* types.h - the nouns of a contact centre that every part shares: keys, channels, states, limits.
 *
 * Things named in the configuration (sites, queues, profiles, agents) are known across nodes by a
 * key: the 64-bit hash of their name (hash_str). Keys do not depend on the order in which a
 * configuration was read, so nodes agree on them. Inside one process each thing also has an index.
 * Contacts and customers have 128-bit ids: a contact's is its UUID (RFC 9562) as Amazon Connect
 * gives it, a customer's is a keyed hash: no telephone number or name ever enters the model. */
#pragma once

#include "base/base.h"

typedef uint64_t td_key; /* hash_str(name); 0 = none */

struct td_id {
    uint64_t hi, lo;
};
static inline bool id_eq(struct td_id a, struct td_id b) { return a.hi == b.hi && a.lo == b.lo; }
static inline bool id_none(struct td_id a) { return !(a.hi | a.lo); }
#define ID_TEXT 37                                   /* 36 characters and NUL */
void id_print(struct td_id id, char out[ID_TEXT]);   /* 8-4-4-4-12, lower case */
bool id_parse(const char *text, struct td_id *out);  /* only that form, any case */

/* All times are milliseconds since the Unix epoch, UTC (virtual time in replays and tests). */
typedef int64_t td_ms;
#define MS_PER_S   1000
#define MS_PER_DAY 86400000

enum channel { CHANNEL_VOICE, CHANNEL_CHAT, CHANNEL_TASK, CHANNEL_EMAIL, CHANNELS };
extern const char *const channel_names[CHANNELS]; /* "voice", "chat", "task", "email" */

#define SITE_NONE  0xff   /* no site, where one may be missing */
#define INDEX_NONE 0xffff /* no queue, no hours, ... */
#define PPM        1000000

/* Limits: every table has a maximum, and the reason is here. */
enum {
    NAME_MAX_LEN = 64,       /* a name with its NUL; Connect allows 127, people use under 60 */
    SITES_MAX = 16,          /* N-way shares; one bit a site in uint16_t masks */
    NODES_MAX = SITES_MAX + 1, /* the sites, and the hub in the last place */
    HUB = SITES_MAX,         /* node index of the hub; a site's node has the site's index */
    GROUPS_MAX = 8,          /* share groups of a policy */
    POLICIES_MAX = 8,
    QUEUES_MAX = 512,        /* Connect's default quota is 100 an instance */
    PROFILES_MAX = 512,      /* Connect's default quota is 500 an instance */
    PROFILE_QUEUES_MAX = 64, /* Connect allows 10 a call, 50 in all */
    AGENTS_MAX = 200000,     /* AWS speaks of "10,000+" a centre */
    HOURS_MAX = 64,
    RESIDENCIES_MAX = 16,    /* one bit each in uint16_t masks */
};
