/* config.h - the configuration as the core sees it: plain structs, made by config_load (one YAML
 * file, schema table in config_schema.c) and never changed afterwards. What the file may say is in
 * docs/config.md, which is made from the same table.
 *
 * Everything inside belongs to struct config and is freed by config_free. Indexes (site, queue,
 * profile, hours) are positions in the arrays below; SITE_NONE etc. mean "not given".
 * Percentages are kept as parts per million so that shares are exact integers. */
#pragma once

#include "core/types.h"

#define VALUE_MAX_LEN 128 /* a value in a trace with its NUL; the longest of the FTC day has 68 */

struct cfg_site {
    char name[NAME_MAX_LEN]; /* an AWS region name by custom: us-east-1 */
    td_key key;
    double lat, lon;         /* degrees, WGS 84 */
    uint8_t residency;       /* index into config.residency; "default" when the file names none */
    int32_t contacts_max;    /* concurrent contacts the instance's quota allows */
};

/* The bus between two nodes, one way; both ways alike unless one is given as one_way. A node's
 * link to itself is all zeroes. */
struct cfg_link {
    double latency_ms, jitter_ms;
    int32_t loss_ppm, duplicate_ppm, reorder_ppm;
};

struct cfg_hours { /* weekly opening hours, in a fixed offset from UTC */
    char name[NAME_MAX_LEN];
    int32_t utc_offset_min;
    struct { int32_t open_min, close_min; } day[7]; /* Monday first; open == close: closed all day,
                                                       else open < close <= 1440 */
};

struct cfg_queue {
    char name[NAME_MAX_LEN];
    td_key key;
    uint16_t hours;              /* INDEX_NONE: always open */
    uint16_t residency_mask;     /* sites of these residencies may serve it; 0xffff = any */
    int32_t target_wait_ms;      /* service level: answered within this ... */
    int32_t target_ppm;          /* ... for this share of contacts */
    double value;                /* c of c-mu: what one unit of lateness costs, relative; 1 */
    int64_t handle_ms;           /* prior of the mean handling time incl. wrap-up (mu = 1/handle) */
    int64_t patience_ms;         /* prior of the mean patience (theta = 1/patience) */
    bool sticky_agent, sticky_site; /* a returning customer goes to the same agent / site */
    int64_t sticky_ms;           /* ... if the last contact ended no longer ago than this */
};

struct cfg_profile_queue {
    uint16_t queue;
    uint8_t channel;   /* one row a (queue, channel) */
    uint8_t priority;  /* 1 is served first, as in Amazon Connect */
    int32_t delay_ms;  /* a contact must have waited this long before this profile may take it */
};

struct cfg_profile { /* a routing profile: which queues, how many at once of each channel */
    char name[NAME_MAX_LEN];
    td_key key;
    uint8_t concurrency[CHANNELS]; /* 0 = does not take that channel; never 0 for one in queues */
    uint16_t n_queues;
    struct cfg_profile_queue queues[PROFILE_QUEUES_MAX];
};

struct cfg_agent {
    char name[NAME_MAX_LEN];
    td_key key;
    uint8_t site;                 /* home site */
    uint16_t profile;
    uint16_t residency_mask;      /* may be re-homed to sites of these residencies */
    int32_t shift_start_min, shift_end_min; /* UTC minutes of the day; equal: always on shift */
};

/* Shares hold inside a group of sites. A contact's group is that of the nearest site that may
 * serve it; another group is used only when no site of its own is serve-ready. */
struct cfg_group {
    char name[NAME_MAX_LEN]; /* "all" when the policy has no groups of its own */
    td_key key;
    uint8_t n_sites;
    uint8_t site[SITES_MAX];
    int32_t share_ppm[SITES_MAX]; /* sums to PPM exactly */
};

enum binding { BIND_LATE, BIND_EARLY };
enum load_view { VIEW_EVENTS, VIEW_REPORTS };

/* Every site is in exactly one group of each policy. */
struct cfg_policy { /* normal, event, maintenance, ...: one is active at a time */
    char name[NAME_MAX_LEN];
    td_key key;
    uint8_t n_groups;
    struct cfg_group group[GROUPS_MAX];
    int32_t share_bound_contacts; /* the operator's one knob: never more off its share than this */
    bool shares_enforced;         /* false: nearest and shortest wait only; shares are reported */
    double wait_price_km_per_s;   /* v: kilometres that one second of expected wait is worth */
    enum binding binding;         /* late: a freed agent may take the oldest contact elsewhere */
    int32_t move_after_ms;        /* ... once it has waited this long ("worth moving") */
};

struct cfg_routing {
    enum load_view view;          /* what expected wait is computed from */
    int32_t report_interval_ms;   /* how often a site reports its load */
    int32_t ask_hub_timeout_ms;   /* an entry site decides itself after this */
    double cmu_power;             /* p of lateness cost (w/T)^p, 1..8; 1 is plain c-mu */
};

struct cfg_health {
    int32_t beat_interval_ms;     /* every node beats to every other */
    int32_t fall;                 /* missed beats in a row that make a target down */
    int32_t rise;                 /* good beats in a row that make it up again */
    int32_t report_stale_ms;      /* a readiness report older than this is not believed */
    int32_t return_steps;         /* shares come back in this many steps ... */
    int32_t return_step_ms;       /* ... this far apart */
};

/* Statistical workload and people, for the simulated instances and generated days. */
struct cfg_origin { /* where generated callers are: a weighted list of places */
    double lat, lon, weight;
    uint32_t npa;                 /* 0: none */
    char country[3];              /* ISO 3166-1 alpha-2 or "" */
};
struct cfg_demand {
    uint16_t queue;
    uint8_t channel;
    double weight;                /* share of generated contacts */
    double handle_mean_s, handle_cv2; /* lognormal */
    double wrapup_mean_s;             /* exponential; of an agent's time, not of the contact's */
    double patience_mean_s;           /* exponential; 0 = infinite */
    double hold_chance, hold_mean_s;
    double transfer_chance;           /* to transfer_queue after talking */
    uint16_t transfer_queue;          /* INDEX_NONE: none */
};
struct cfg_workload {
    double contacts_per_day;      /* mean; 0: from load */
    double load;                  /* offered load per agent, used when contacts_per_day is 0 */
    bool flat;                    /* Poisson at a constant rate instead of a day's shape */
    double near_site_share[SITES_MAX]; /* share of callers at each site's own place, sums to 1 */
    bool near_site_given;         /* true exactly when there are no origins (else all 0) */
    uint16_t n_origins;
    struct cfg_origin *origins;
    uint16_t n_demands;           /* at least 1 */
    struct cfg_demand *demands;   /* the file's, or one for each (queue, channel) of the profiles */
    double returning_chance;      /* a caller is one of those seen before */
    double redial_chance, redial_min_s, redial_max_s; /* after a dropped live contact */
    int64_t duration_ms;          /* how long a generated run lasts */
};
struct cfg_people {
    double relogin_min_s, relogin_max_s; /* signing in again at another site */
    double miss_chance, miss_ring_s;     /* an agent misses an offered contact */
    double break_every_min, break_min;   /* 0 = no breaks */
    double redirect_s;                   /* moving a waiting contact between instances */
};

/* How a CSV trace's columns are named; "" = the trace has none. */
struct cfg_trace {
    char time[NAME_MAX_LEN];         /* the column with the arrival time */
    char time_format[NAME_MAX_LEN];  /* "seconds" (of the day), "epoch_s", "epoch_ms", "iso8601",
                                        or a strptime(3) format that may span "date+time" columns */
    char npa[NAME_MAX_LEN], number[NAME_MAX_LEN], lat[NAME_MAX_LEN], lon[NAME_MAX_LEN];
    char queue[NAME_MAX_LEN], channel[NAME_MAX_LEN], customer[NAME_MAX_LEN];
    char handle_s[NAME_MAX_LEN], patience_s[NAME_MAX_LEN];
    char weight[NAME_MAX_LEN];       /* a count: the row stands for that many contacts, spread
                                        evenly over spread_s */
    double spread_s;
    int64_t utc_offset_min;          /* of the times in the trace */
    char separator;                  /* ',', ';' or '\t' */
    uint16_t n_map;
    struct cfg_trace_queue { char from[VALUE_MAX_LEN]; uint16_t queue; } *queue_map;
    uint16_t queue_default;          /* values not in the map; INDEX_NONE: such a row is bad */
    struct cfg_trace_skip { char column[NAME_MAX_LEN], value[VALUE_MAX_LEN]; } skip[8]; /* rows to
                                        leave out */
    uint16_t n_skip;
    double scale;                    /* play every row this many times on average; 1 */
};

struct cfg_store {
    bool durable;             /* SQLite in `dir`; false: memory */
    char dir[4096];
    int32_t commit_ms;        /* group commit: at most this long after the first waiting event */
    int32_t commit_events;    /* ... or this many events */
    int32_t snapshot_events;  /* a snapshot after so many; a second's worth of folding */
};

struct cfg_serve {
    char listen[NAME_MAX_LEN]; /* address; loopback unless the operator says otherwise */
    int32_t port;
};

struct config {
    char name[NAME_MAX_LEN];
    char hub_name[NAME_MAX_LEN];
    double hub_lat, hub_lon;
    uint8_t n_sites;
    struct cfg_site site[SITES_MAX];
    uint8_t n_residencies;
    char residency[RESIDENCIES_MAX][NAME_MAX_LEN];
    struct cfg_link link[NODES_MAX][NODES_MAX]; /* [from][to]; a site's index, or HUB */
    uint16_t n_hours;
    struct cfg_hours hours[HOURS_MAX];
    uint16_t n_queues;
    struct cfg_queue *queue;
    uint16_t n_profiles;
    struct cfg_profile *profile;
    uint32_t n_agents;
    struct cfg_agent *agent;      /* generators are expanded */
    uint8_t n_policies, policy_active;
    struct cfg_policy policy[POLICIES_MAX];
    struct cfg_routing routing;
    struct cfg_health health;
    struct cfg_workload workload;
    struct cfg_people people;
    struct cfg_trace trace;
    struct cfg_store store;
    struct cfg_serve serve;
    char *text;                   /* the YAML it was read from, as it was */
    size_t text_len;
    uint32_t holders;             /* beside the one who loaded it; see config_hold */
};

/* Reads a configuration. `file` is only named in messages. On failure returns NULL and appends one
 * or more lines "FILE:LINE:COL: field: what is wrong; remedy" to *errors, in the order of the file
 * and at most 20 of them (base/conf.h tells the form). Names are unique, references are indexes of
 * what exists, shares sum to PPM in every group, and no two names share a key. */
struct buf;
struct config *config_load(const char *text, size_t len, const char *file,
                           struct buf *errors) MUST_USE;
struct config *config_load_file(const char *path, struct buf *errors) MUST_USE;
/* The same with the tables of sections that other parts of tandem own (base/conf.h; NULL:
 * none). Such a table's functions find what was read before them by config_loading. */
struct conf;
struct conf_section;
struct config *config_load_with(const char *text, size_t len, const char *file,
                                const struct conf_section *sections, struct buf *errors) MUST_USE;
struct config *config_load_file_with(const char *path, const struct conf_section *sections,
                                     struct buf *errors) MUST_USE;
const struct config *config_loading(struct conf *f);
void config_free(struct config *c); /* once for its loader and for each that holds it */
/* Keeps it until one more config_free: for who may outlive its being replaced. */
struct config *config_hold(const struct config *c);
/* Was it read from this text? */
bool config_is(const struct config *c, const char *text, size_t len);
/* Facts name sites by their place: a running centre keeps its sites and their order. */
bool config_same_sites(const struct config *a, const struct config *b);

int config_site_by_name(const struct config *c, const char *name);   /* -1: none */
int config_queue_by_name(const struct config *c, const char *name);
int config_policy_by_name(const struct config *c, const char *name);
/* Is it open at `at`? hours == INDEX_NONE: always. */
bool config_hours_open(const struct config *c, uint16_t hours, td_ms at);
bool cfg_hours_open(const struct cfg_hours *h, td_ms at);

/* The schema to read: for `tandem check --schema`, docs/config.md and the man page. */
void config_schema_markdown(const struct conf_section *sections, struct buf *out);
void config_schema_scdoc(const struct conf_section *sections, struct buf *out);
/* JSON Schema 2020-12. */
void config_schema_json(const struct conf_section *sections, struct buf *out);
