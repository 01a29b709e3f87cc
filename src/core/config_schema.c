/* config_schema.c - every key of the configuration, one row each: what it is called, what it may
 * be, what it is when it is not given, what it means, and where it is kept. Tables stand in the
 * order in which they are read: what is referred to stands before what refers to it. */
#include "core/config_internal.h"

/* clang-format off */

#define LATITUDE(T, m)  CONF_AT(T, m), .type = CONF_DECIMAL, .min = -90, .max = 90, .unit = "degrees"
#define LONGITUDE(T, m) CONF_AT(T, m), .type = CONF_DECIMAL, .min = -180, .max = 180, .unit = "degrees"
#define WHOLE(T, m, lo, hi)   CONF_AT(T, m), .type = CONF_INT, .min = (lo), .max = (hi)
#define DECIMAL(T, m, lo, hi) CONF_AT(T, m), .type = CONF_DECIMAL, .min = (lo), .max = (hi)
#define SECONDS(T, m, lo, hi) DECIMAL(T, m, lo, hi), .unit = "s"
#define S_AS_MS(T, m, lo, hi) DECIMAL(T, m, lo, hi), .unit = "s", .scale = MS_PER_S
#define PERCENT(T, m)   CONF_AT(T, m), .type = CONF_PERCENT, .min = 0, .max = 100, .unit = "%"
#define BOOL(T, m)      CONF_AT(T, m), .type = CONF_BOOL
#define NAME(T, m)      CONF_AT(T, m), .type = CONF_NAME
#define TEXT(T, m)      CONF_AT(T, m), .type = CONF_TEXT
#define REF(T, m, to)   CONF_AT(T, m), .type = CONF_REF, .ref = &(to)
#define ENUM(T, m, of)  CONF_AT(T, m), .type = CONF_ENUM, .names = (of)
#define UTC_OFFSET(T, m) CONF_AT(T, m), .type = CONF_INT, .min = -840, .max = 840, .unit = "min"

/* ---- what may be referred to ---- */

#define NAMES_OF(fn, array, n)                                                                     \
    const char *fn(void *user, uint32_t i)                                                         \
    {                                                                                              \
        const struct config *c = ((struct load *)user)->c;                                         \
        return i < c->n ? c->array[i].name : NULL;                                                 \
    }
static NAMES_OF(site_name, site, n_sites)
static NAMES_OF(hours_name, hours, n_hours)
NAMES_OF(config__queue_name, queue, n_queues)
NAMES_OF(config__profile_name, profile, n_profiles)
NAMES_OF(config__policy_name, policy, n_policies)

static const char *residency_name(void *user, uint32_t i)
{
    const struct config *c = ((struct load *)user)->c;
    return i < c->n_residencies ? c->residency[i] : NULL;
}

const char *config__node_name(void *user, uint32_t i)
{
    const struct config *c = ((struct load *)user)->c;
    return i < c->n_sites ? c->site[i].name : i == c->n_sites ? c->hub_name : NULL;
}

static const struct conf_ref to_site = {"site", site_name}, to_hours = {"set of hours", hours_name},
    to_queue = {"queue", config__queue_name}, to_profile = {"profile", config__profile_name},
    to_policy = {"policy", config__policy_name}, to_residency = {"residency", residency_name},
    to_node = {"site or hub", config__node_name};

static const char *const channels[] = {"voice", "chat", "task", "email", NULL};
static const char *const bindings[] = {"late", "early", NULL};
static const char *const views[] = {"events", "reports", NULL};
static const char *const separators[] = {"comma", "tab", "semicolon", NULL};

/* ---- places and links ---- */

static const struct conf_row hub_rows[] = {
    {"name", "The hub's name among the nodes.", NAME(struct config, hub_name), .def = "hub"},
    {"lat", "Latitude of the hub.", LATITUDE(struct config, hub_lat), .required = true},
    {"lon", "Longitude of the hub, east is positive.", LONGITUDE(struct config, hub_lon), .required = true},
};
static const struct conf_table hub_table = {CONF_TABLE(hub_rows),
    .doc = "The node that decides for all and shows the whole."};

static const struct conf_row site_rows[] = {
    {"name", "Name of the site; by custom the cloud region it runs in.", NAME(struct cfg_site, name), .required = true},
    {"lat", "Latitude of the site.", LATITUDE(struct cfg_site, lat), .required = true},
    {"lon", "Longitude of the site, east is positive.", LONGITUDE(struct cfg_site, lon), .required = true},
    {"residency", "Where data kept at the site legally is. Queues and agents may be bound to residencies.",
     .type = CONF_NAME, .take = config__take_residency, .def = "default"},
    {"contacts_max", "Concurrent contacts the instance's quota allows; a contact above it hears busy.",
     WHOLE(struct cfg_site, contacts_max, 1, 1000000), .def = "1000"},
};
static const struct conf_table site_table = {CONF_TABLE(site_rows), .unique = "name", .done = config__site_done,
    .doc = "The contact-centre instances, one a site."};

#define LINK_ROWS(T, l, d)                                                                         \
    {"latency_ms", "One-way delay.", DECIMAL(T, l latency_ms, 0, 60000), .unit = "ms", d("30")},   \
    {"jitter_ms", "Random addition to the delay, from 0 to this.", DECIMAL(T, l jitter_ms, 0, 60000), .unit = "ms", d("2")}, \
    {"loss_percent", "Messages lost.", PERCENT(T, l loss_ppm), d("0")},                            \
    {"duplicate_percent", "Messages that arrive twice.", PERCENT(T, l duplicate_ppm), d("0")},     \
    {"reorder_percent", "Messages overtaken by later ones.", PERCENT(T, l reorder_ppm), d("0")}
#define AS_VALUE(v)     .def = (v)
#define AS_DEFAULT(v)   .def_doc = "as in links.default"

static const struct conf_row link_default_rows[] = {LINK_ROWS(struct cfg_link, , AS_VALUE)};
static const struct conf_table link_default_table = {CONF_TABLE(link_default_rows), .done = config__link_default_done};

static const struct conf_row link_rows[] = {
    {"a", "One end: a site or the hub.", REF(struct raw_link, a, to_node), .required = true},
    {"b", "The other end.", REF(struct raw_link, b, to_node), .required = true},
    {"one_way", "Only from a to b; the way back is given on its own, or is the default.", BOOL(struct raw_link, one_way), .def = "false"},
    LINK_ROWS(struct raw_link, link., AS_DEFAULT),
};
static const struct conf_table link_table = {CONF_TABLE(link_rows), .begin = config__link_begin, .done = config__link_done,
    .doc = "Links that differ from the default."};

static const struct conf_row links_rows[] = {
    {"default", "Every link that is not listed under between.", CONF_AT(struct config, link[HUB][HUB]), .type = CONF_MAP, .sub = &link_default_table},
    {"between", "Links between two nodes.", .type = CONF_LIST, CONF_EACH(struct raw_link), .min = 0, .max = NODES_MAX * NODES_MAX, .sub = &link_table},
};
static const struct conf_table links_table = {CONF_TABLE(links_rows),
    .doc = "The bus between the nodes, as the simulation runs it."};

/* ---- hours, queues, profiles ---- */

#define DAY(d)     CONF_AT(struct cfg_hours, day[d]), .type = CONF_SPAN
#define DAYS(d, n) DAY(d), .repeat = (n)
static const struct conf_row hours_rows[] = {
    {"name", "Name of the hours.", NAME(struct cfg_hours, name), .required = true},
    {"utc_offset_min", "Offset of the times from UTC, all year; east is positive.", UTC_OFFSET(struct cfg_hours, utc_offset_min), .def = "0"},
    {"daily", "All seven days, unless a narrower key says otherwise.", DAYS(0, 7)},
    {"weekdays", "Monday to Friday.", DAYS(0, 5)},
    {"weekend", "Saturday and Sunday.", DAYS(5, 2)},
    {"monday", "One day.", DAY(0)}, {"tuesday", "One day.", DAY(1)},
    {"wednesday", "One day.", DAY(2)}, {"thursday", "One day.", DAY(3)},
    {"friday", "One day.", DAY(4)}, {"saturday", "One day.", DAY(5)},
    {"sunday", "One day.", DAY(6)},
};
static const struct conf_table hours_table = {CONF_TABLE(hours_rows), .unique = "name", .done = config__hours_done,
    .doc = "Weekly opening hours. A day that no key names is closed; of several keys the narrowest holds."};

static const struct conf_row residency_rows[] = {
    {"residency", "A residency that a site has.", REF(struct raw_index, index, to_residency), .required = true},
};
static const struct conf_table queue_residency = {CONF_TABLE(residency_rows), .shorthand = "residency", .done = config__queue_residency_done};
static const struct conf_table agents_residency = {CONF_TABLE(residency_rows), .shorthand = "residency", .done = config__agents_residency_done};

static const struct conf_row queue_rows[] = {
    {"name", "Name of the queue.", NAME(struct cfg_queue, name), .required = true},
    {"hours", "When it is open.", REF(struct cfg_queue, hours, to_hours), .def_doc = "always open"},
    {"residency", "Only sites of these residencies may serve it.", .type = CONF_LIST, CONF_EACH(struct raw_index),
     .one_or_many = true, .min = 1, .max = RESIDENCIES_MAX, .sub = &queue_residency, .def_doc = "any"},
    {"target_wait_s", "Service level: a contact is answered within this ...", S_AS_MS(struct cfg_queue, target_wait_ms, 0, 86400), .def = "20"},
    {"target_percent", "... in this share of all cases.", PERCENT(struct cfg_queue, target_ppm), .def = "80"},
    {"value", "What lateness costs here, against 1 in other queues.", DECIMAL(struct cfg_queue, value, 0.001, 1000), .def = "1"},
    {"handle_s", "Mean handling time with wrap-up, as far as it is known beforehand.", S_AS_MS(struct cfg_queue, handle_ms, 1, 86400), .def = "180"},
    {"patience_s", "Mean time until a waiting customer gives up, as far as it is known beforehand.", S_AS_MS(struct cfg_queue, patience_ms, 1, 864000), .def = "240"},
    {"sticky_agent", "A returning customer goes to the same agent.", BOOL(struct cfg_queue, sticky_agent), .def = "false"},
    {"sticky_site", "A returning customer goes to the same site.", BOOL(struct cfg_queue, sticky_site), .def = "false"},
    {"sticky_min", "Returning means: the last contact ended no longer ago than this.", DECIMAL(struct cfg_queue, sticky_ms, 1, 525600), .unit = "min", .scale = 60000, .def = "1440"},
};
static const struct conf_table queue_table = {CONF_TABLE(queue_rows), .unique = "name", .begin = config__queue_begin, .done = config__queue_done,
    .doc = "What contacts wait in, each the same at every site."};

static const struct conf_row profile_queue_rows[] = {
    {"queue", "The queue.", REF(struct cfg_profile_queue, queue, to_queue), .required = true},
    {"channel", "The channel of the contacts taken from it.", ENUM(struct cfg_profile_queue, channel, channels), .def = "voice"},
    {"priority", "1 is served first.", WHOLE(struct cfg_profile_queue, priority, 1, 99), .def = "1"},
    {"delay_s", "A contact must have waited this long before these agents may take it.", S_AS_MS(struct cfg_profile_queue, delay_ms, 0, 86400), .def = "0"},
};
static const struct conf_table profile_queue_table = {CONF_TABLE(profile_queue_rows), .shorthand = "queue",
    .doc = "Each is a map, or only the name of a queue."};

#define ABOUT_SLOTS .def_doc = "1 if the profile has a queue of this channel, else 0"
static const struct conf_row concurrency_rows[] = {
    {"voice", "Calls at once.", WHOLE(struct cfg_profile, concurrency[CHANNEL_VOICE], 0, 1), ABOUT_SLOTS},
    {"chat", "Chats at once.", WHOLE(struct cfg_profile, concurrency[CHANNEL_CHAT], 0, 10), ABOUT_SLOTS},
    {"task", "Tasks at once.", WHOLE(struct cfg_profile, concurrency[CHANNEL_TASK], 0, 10), ABOUT_SLOTS},
    {"email", "E-mails at once.", WHOLE(struct cfg_profile, concurrency[CHANNEL_EMAIL], 0, 10), ABOUT_SLOTS},
};
static const struct conf_table concurrency_table = {CONF_TABLE(concurrency_rows),
    .doc = "How many contacts of each channel an agent has at once. An agent who talks takes nothing else."};

static const struct conf_row profile_rows[] = {
    {"name", "Name of the routing profile.", NAME(struct cfg_profile, name), .required = true},
    {"queues", "What its agents serve.", .type = CONF_LIST, CONF_ARRAY(struct cfg_profile, queues, n_queues), .min = 1,
     .sub = &profile_queue_table, .required = true},
    {"concurrency", "Contacts at once, by channel.", .type = CONF_MAP, .sub = &concurrency_table},
};
static const struct conf_table profile_table = {CONF_TABLE(profile_rows), .unique = "name", .begin = config__profile_begin, .done = config__profile_done,
    .doc = "Routing profiles: which queues an agent serves, in which order."};

/* ---- agents ---- */

static const struct conf_row shift_rows[] = {
    {"start", "Begin of the shift.", CONF_AT(struct raw_agents, start_min), .type = CONF_TIME, .required = true},
    {"end", "End of the shift; before the start: on the next day.", CONF_AT(struct raw_agents, end_min), .type = CONF_TIME, .required = true},
    {"utc_offset_min", "Offset of both times from UTC; east is positive.", UTC_OFFSET(struct raw_agents, utc_offset_min), .def = "0"},
};
static const struct conf_table shift_table = {CONF_TABLE(shift_rows), .doc = "When the agents work, every day."};

static const struct conf_row agents_rows[] = {
    {"name", "Name of one agent; instead of count.", NAME(struct raw_agents, name)},
    {"count", "Makes this many agents, PREFIX-001 and so on.", WHOLE(struct raw_agents, count, 1, AGENTS_MAX)},
    {"prefix", "Begin of the names that count makes.", NAME(struct raw_agents, prefix), .def_doc = "SITE-PROFILE"},
    {"site", "Home site.", REF(struct raw_agents, site, to_site), .required = true},
    {"profile", "Routing profile.", REF(struct raw_agents, profile, to_profile), .required = true},
    {"residency", "May sign in at sites of these residencies, when the home site is lost.", .type = CONF_LIST, CONF_EACH(struct raw_index),
     .one_or_many = true, .min = 1, .max = RESIDENCIES_MAX, .sub = &agents_residency, .def_doc = "that of the home site"},
    {"shift", "Working hours.", .type = CONF_MAP, .sub = &shift_table, .def_doc = "always on shift"},
};
static const struct conf_table agents_table = {CONF_TABLE(agents_rows), .done = config__agents_done,
    .doc = "Agents: one by name, or many by count."};

/* ---- policies ---- */

static const struct conf_row share_rows[] = {
    {"site", "A site.", REF(struct raw_share, site, to_site)},
    {"share", "Its share of the group's contacts.", PERCENT(struct raw_share, ppm)},
};
static const struct conf_table group_share = {CONF_TABLE(share_rows), .done = config__group_share_done};
static const struct conf_table policy_share = {CONF_TABLE(share_rows), .done = config__policy_share_done};
#define SHARES .type = CONF_DICT, CONF_EACH(struct raw_share), .min = 1, .max = SITES_MAX

static const struct conf_row group_rows[] = {
    {"name", "Name of the group.", NAME(struct cfg_group, name), .required = true},
    {"shares", "Share of each of its sites; they add up to 100.", SHARES, .sub = &group_share, .required = true},
};
static const struct conf_table group_table = {CONF_TABLE(group_rows), .unique = "name",
    .doc = "Shares hold inside a group. A contact belongs to the group of the nearest site that may serve it; another group "
           "is used only when no site of its own is ready."};

static const struct conf_row policy_rows[] = {
    {"name", "Name of the policy.", NAME(struct cfg_policy, name), .required = true, .def = "normal"},
    {"shares", "Share of each site, for one group of all sites; they add up to 100.", SHARES, .sub = &policy_share,
     .def_doc = "equal parts"},
    {"groups", "Groups of sites, each with its shares; instead of shares.", .type = CONF_LIST, CONF_ARRAY(struct cfg_policy, group, n_groups),
     .min = 1, .sub = &group_table},
    {"share_bound_contacts", "No site is ever more contacts off its share than this; the price of exactness is distance.",
     WHOLE(struct cfg_policy, share_bound_contacts, 1, 1000000), .def = "20"},
    {"shares_enforced", "false: shares are only reported, the nearest site with the shortest wait is chosen.", BOOL(struct cfg_policy, shares_enforced), .def = "true"},
    {"wait_price_km_per_s", "How many kilometres further a contact goes to wait one second less.", DECIMAL(struct cfg_policy, wait_price_km_per_s, 0, 100000), .unit = "km/s", .def = "10"},
    {"binding", "late: an agent who becomes free may take the oldest contact waiting at another site; early: a contact stays where it was placed.",
     ENUM(struct cfg_policy, binding, bindings), .def = "late"},
    {"move_after_s", "With late binding: a contact must have waited this long before it moves.", S_AS_MS(struct cfg_policy, move_after_ms, 0, 86400), .def = "0"},
};
static const struct conf_table policy_table = {CONF_TABLE(policy_rows), .unique = "name", .done = config__policy_done,
    .doc = "How contacts are shared out. One policy is active at a time; each has every site in exactly one group."};

/* ---- running ---- */

static const struct conf_row routing_rows[] = {
    {"view", "What expected waits are computed from: every event, or the sites' periodic reports.", ENUM(struct cfg_routing, view, views), .def = "events"},
    {"report_interval_ms", "How often a site reports its load.", WHOLE(struct cfg_routing, report_interval_ms, 10, 600000), .unit = "ms", .def = "1000"},
    {"ask_hub_timeout_ms", "A site that gets no answer from the hub within this decides itself.", WHOLE(struct cfg_routing, ask_hub_timeout_ms, 1, 60000), .unit = "ms", .def = "300"},
    {"cmu_power", "p in the cost of lateness (wait/target)^p; 1 is plain c-mu.", DECIMAL(struct cfg_routing, cmu_power, 1, 8), .def = "2"},
};
static const struct conf_table routing_table = {CONF_TABLE(routing_rows)};

static const struct conf_row health_rows[] = {
    {"beat_interval_ms", "Every node beats to every other.", WHOLE(struct cfg_health, beat_interval_ms, 10, 60000), .unit = "ms", .def = "200"},
    {"fall", "Missed beats in a row that make a node down.", WHOLE(struct cfg_health, fall, 1, 100), .def = "3"},
    {"rise", "Good beats in a row that make it up again.", WHOLE(struct cfg_health, rise, 1, 1000), .def = "10"},
    {"report_stale_ms", "A report older than this is not believed.", WHOLE(struct cfg_health, report_stale_ms, 10, 3600000), .unit = "ms", .def = "5000"},
    {"return_steps", "A site that is up again gets its share back in so many steps ...", WHOLE(struct cfg_health, return_steps, 1, 100), .def = "5"},
    {"return_step_ms", "... so far apart.", WHOLE(struct cfg_health, return_step_ms, 0, 86400000), .unit = "ms", .def = "60000"},
};
static const struct conf_table health_table = {CONF_TABLE(health_rows)};

/* ---- simulated workload and people ---- */

static const struct conf_row origin_rows[] = {
    {"place", "A word for people.", .type = CONF_TEXT, .take = config__take_nothing},
    {"lat", "Latitude.", LATITUDE(struct cfg_origin, lat), .required = true},
    {"lon", "Longitude, east is positive.", LONGITUDE(struct cfg_origin, lon), .required = true},
    {"weight", "Callers from here, against those of other places.", DECIMAL(struct cfg_origin, weight, 0, 1e9), .def = "1"},
    {"npa", "North American area code of the callers.", WHOLE(struct cfg_origin, npa, 200, 999), .def_doc = "none"},
    {"country", "Country, ISO 3166-1 alpha-2.", .type = CONF_NAME, .take = config__take_country, .def_doc = "none"},
};
static const struct conf_table origin_table = {CONF_TABLE(origin_rows), .doc = "Where generated callers are."};

static const struct conf_row demand_rows[] = {
    {"queue", "The queue.", REF(struct cfg_demand, queue, to_queue), .required = true},
    {"channel", "The channel.", ENUM(struct cfg_demand, channel, channels), .def = "voice"},
    {"weight", "Contacts of this kind, against those of others.", DECIMAL(struct cfg_demand, weight, 0, 1e9), .def = "1"},
    {"wrapup_mean_s", "Mean wrap-up, exponential; the agent's time, not the contact's.", SECONDS(struct cfg_demand, wrapup_mean_s, 0, 86400), .def = "0"},
    {"handle_mean_s", "Mean time with the customer, lognormal.", SECONDS(struct cfg_demand, handle_mean_s, 1, 86400), .def_doc = "the queue's handle_s less the wrap-up"},
    {"handle_cv2", "Its squared coefficient of variation.", DECIMAL(struct cfg_demand, handle_cv2, 0, 100), .def = "1.5"},
    {"patience_mean_s", "Mean patience, exponential; 0: endless.", SECONDS(struct cfg_demand, patience_mean_s, 0, 864000), .def_doc = "the queue's patience_s"},
    {"hold_percent", "Contacts put on hold once.", PERCENT(struct cfg_demand, hold_chance), .def = "0"},
    {"hold_mean_s", "Mean time on hold, exponential.", SECONDS(struct cfg_demand, hold_mean_s, 0, 86400), .def = "30"},
    {"transfer_percent", "Contacts handed on after talking.", PERCENT(struct cfg_demand, transfer_chance), .def = "0"},
    {"transfer_queue", "To this queue.", REF(struct cfg_demand, transfer_queue, to_queue), .def_doc = "none"},
};
static const struct conf_table demand_table = {CONF_TABLE(demand_rows), .begin = config__demand_begin, .done = config__demand_done,
    .doc = "What generated callers want."};

static const struct conf_table near_site_table = {CONF_TABLE(share_rows), .done = config__near_site_done};

static const struct conf_row workload_rows[] = {
    {"contacts_per_day", "Mean number of contacts a day.", DECIMAL(struct cfg_workload, contacts_per_day, 0, 1e9), .def_doc = "from load"},
    {"load", "Offered work per agent, 1 is all of an agent's time; instead of contacts_per_day.", DECIMAL(struct cfg_workload, load, 0.001, 10), .def = "0.85"},
    {"flat", "The same rate all day, instead of the shape of a working day.", BOOL(struct cfg_workload, flat), .def = "false"},
    {"duration_min", "How long a generated run lasts.", DECIMAL(struct cfg_workload, duration_ms, 1, 525600), .unit = "min", .scale = 60000, .def = "1440"},
    {"origins", "Where callers are.", .type = CONF_LIST, CONF_ALLOC(struct cfg_workload, origins, n_origins), .min = 1, .max = 10000, .sub = &origin_table},
    {"near_site", "Callers at the places of the sites, in these shares, which add up to 100; instead of origins.", .type = CONF_DICT, CONF_EACH(struct raw_share),
     .min = 1, .max = SITES_MAX, .sub = &near_site_table, .def_doc = "equal parts"},
    {"demands", "What they want.", .type = CONF_LIST, CONF_ALLOC(struct cfg_workload, demands, n_demands), .min = 1, .max = QUEUES_MAX * CHANNELS, .sub = &demand_table,
     .def_doc = "one for each queue and channel that a profile serves"},
    {"returning_percent", "Callers who called before.", PERCENT(struct cfg_workload, returning_chance), .def = "0"},
    {"redial_percent", "Customers who call again when they were cut off.", PERCENT(struct cfg_workload, redial_chance), .def = "80"},
    {"redial_min_s", "They call again no sooner than this ...", SECONDS(struct cfg_workload, redial_min_s, 0, 86400), .def = "10"},
    {"redial_max_s", "... and no later than this.", SECONDS(struct cfg_workload, redial_max_s, 0, 86400), .def = "60"},
};
static const struct conf_table workload_table = {CONF_TABLE(workload_rows), .done = config__workload_done,
    .doc = "Generated contacts, for simulated instances and generated days."};

static const struct conf_row people_rows[] = {
    {"relogin_min_s", "Signing in at another site takes an agent no less than this ...", SECONDS(struct cfg_people, relogin_min_s, 0, 3600), .def = "20"},
    {"relogin_max_s", "... and no more than this.", SECONDS(struct cfg_people, relogin_max_s, 0, 3600), .def = "45"},
    {"miss_percent", "Contacts that an agent lets ring.", PERCENT(struct cfg_people, miss_chance), .def = "0"},
    {"miss_ring_s", "How long it rings then.", SECONDS(struct cfg_people, miss_ring_s, 1, 600), .def = "20"},
    {"break_every_min", "Mean time between breaks; 0: no breaks.", DECIMAL(struct cfg_people, break_every_min, 0, 1440), .unit = "min", .def = "0"},
    {"break_min", "Mean length of a break.", DECIMAL(struct cfg_people, break_min, 0, 1440), .unit = "min", .def = "10"},
    {"redirect_s", "How long it takes to move a waiting contact to another instance.", SECONDS(struct cfg_people, redirect_s, 0, 600), .def = "3"},
};
static const struct conf_table people_table = {CONF_TABLE(people_rows), .done = config__people_done,
    .doc = "How simulated agents behave."};

/* ---- traces, store, server ---- */

static const struct conf_row column_rows[] = {
    {"time", "Arrival time; two columns are joined as date+time.", TEXT(struct cfg_trace, time), .required = true},
    {"npa", "North American area code of the caller.", TEXT(struct cfg_trace, npa)},
    {"number", "Telephone number of the caller, E.164.", TEXT(struct cfg_trace, number)},
    {"lat", "Latitude of the caller.", TEXT(struct cfg_trace, lat)},
    {"lon", "Longitude of the caller.", TEXT(struct cfg_trace, lon)},
    {"queue", "Queue, by its name or through queue_map.", TEXT(struct cfg_trace, queue)},
    {"channel", "Channel: voice, chat, task or email.", TEXT(struct cfg_trace, channel)},
    {"customer", "What tells customers apart; only a pseudonym of it is kept.", TEXT(struct cfg_trace, customer)},
    {"handle_s", "Handling time in seconds.", TEXT(struct cfg_trace, handle_s)},
    {"patience_s", "Patience in seconds.", TEXT(struct cfg_trace, patience_s)},
    {"weight", "A count: the row stands for so many contacts.", TEXT(struct cfg_trace, weight)},
};
static const struct conf_table column_table = {CONF_TABLE(column_rows),
    .doc = "The header's names of the columns. Those not given are not in the file."};

static const struct conf_row map_rows[] = {
    {"value", "A value of the column.", TEXT(struct cfg_trace_queue, from)},
    {"queue", "The queue it stands for.", REF(struct cfg_trace_queue, queue, to_queue)},
};
static const struct conf_table map_table = {CONF_TABLE(map_rows)};

static const struct conf_row skip_rows[] = {
    {"column", "Name of the column.", TEXT(struct cfg_trace_skip, column), .required = true},
    {"value", "Rows with this value in it are left out.", TEXT(struct cfg_trace_skip, value), .required = true},
};
static const struct conf_table skip_table = {CONF_TABLE(skip_rows)};

static const struct conf_row trace_rows[] = {
    {"columns", "Names of the columns.", .type = CONF_MAP, .sub = &column_table},
    {"time_format", "seconds (of the day), epoch_s, epoch_ms, iso8601, or a format of strptime(3).", TEXT(struct cfg_trace, time_format), .def = "seconds"},
    {"utc_offset_min", "Offset of the times from UTC; east is positive.", UTC_OFFSET(struct cfg_trace, utc_offset_min), .def = "0"},
    {"separator", "What stands between the columns.", .type = CONF_ENUM, .names = separators, .take = config__take_separator, .def = "comma"},
    {"queue_map", "Translates values of the queue column.", .type = CONF_DICT, CONF_ALLOC(struct cfg_trace, queue_map, n_map), .min = 0, .max = 4096, .sub = &map_table},
    {"queue_default", "Queue of rows with any other value.", REF(struct cfg_trace, queue_default, to_queue), .def_doc = "none, such rows are faulty"},
    {"skip", "Rows to leave out.", .type = CONF_LIST, CONF_ARRAY(struct cfg_trace, skip, n_skip), .min = 0, .sub = &skip_table},
    {"spread_s", "The contacts of a row with a weight are spread evenly over this time.", SECONDS(struct cfg_trace, spread_s, 0, 86400), .def = "0"},
    {"scale", "Every row is played so many times, on average.", DECIMAL(struct cfg_trace, scale, 0.001, 1000), .def = "1"},
};
static const struct conf_table trace_table = {CONF_TABLE(trace_rows), .begin = config__trace_begin,
    .doc = "How a file of recorded contacts is to be read."};

static const struct conf_row store_rows[] = {
    {"durable", "Keep everything in SQLite; false: in memory only.", BOOL(struct cfg_store, durable), .def = "false"},
    {"dir", "Folder of the databases.", TEXT(struct cfg_store, dir), .def = "tandem-data"},
    {"commit_ms", "An event waits at most this long for others to be made durable with it ...", WHOLE(struct cfg_store, commit_ms, 0, 10000), .unit = "ms", .def = "10"},
    {"commit_events", "... and for at most so many.", WHOLE(struct cfg_store, commit_events, 1, 100000), .def = "256"},
    {"snapshot_events", "After so many events the model is kept as a whole and they are forgotten; a start has at most so many to fold.", WHOLE(struct cfg_store, snapshot_events, 1, 100000000), .def = "200000"},
};
static const struct conf_table store_table = {CONF_TABLE(store_rows)};

static const struct conf_row serve_rows[] = {
    {"listen", "Address of the API and the dashboard, IPv4 or IPv6.", .type = CONF_TEXT, .take = config__take_address, .def = "127.0.0.1"},
    {"port", "TCP port; 0: any free one.", WHOLE(struct cfg_serve, port, 0, 65535), .def = "8400"},
};
static const struct conf_table serve_table = {CONF_TABLE(serve_rows)};

/* ---- the file ---- */

#define SECTION(m, t) CONF_AT(struct config, m), .type = CONF_MAP, .sub = &(t)
static const struct conf_row file_rows[] = {
    {"name", "Name of the whole.", NAME(struct config, name), .def = "tandem"},
    {"hub", "The hub.", .type = CONF_MAP, .sub = &hub_table, .required = true},
    {"sites", "The sites.", .type = CONF_LIST, CONF_ARRAY(struct config, site, n_sites), .min = 1, .sub = &site_table, .required = true},
    {"links", "The bus between them.", .type = CONF_MAP, .sub = &links_table},
    {"hours", "Opening hours.", .type = CONF_LIST, CONF_ARRAY(struct config, hours, n_hours), .min = 0, .sub = &hours_table},
    {"queues", "The queues.", .type = CONF_LIST, CONF_ALLOC(struct config, queue, n_queues), .min = 1, .max = QUEUES_MAX, .sub = &queue_table, .required = true},
    {"profiles", "The routing profiles.", .type = CONF_LIST, CONF_ALLOC(struct config, profile, n_profiles), .min = 1, .max = PROFILES_MAX, .sub = &profile_table, .required = true},
    {"agents", "The agents.", .type = CONF_LIST, CONF_EACH(struct raw_agents), .min = 0, .max = AGENTS_MAX, .sub = &agents_table},
    {"policies", "The policies.", .type = CONF_LIST, CONF_ARRAY(struct config, policy, n_policies), .min = 1, .one_by_default = true, .sub = &policy_table, .def_doc = "one, with equal shares"},
    {"policy", "The active policy.", REF(struct config, policy_active, to_policy), .def_doc = "the first"},
    {"routing", "Where contacts go.", SECTION(routing, routing_table)},
    {"health", "When a site counts as lost.", SECTION(health, health_table)},
    {"workload", "Generated contacts.", SECTION(workload, workload_table)},
    {"people", "Simulated agents.", SECTION(people, people_table)},
    {"trace", "Recorded contacts.", SECTION(trace, trace_table)},
    {"store", "Where events and history are kept.", SECTION(store, store_table)},
    {"serve", "The API and the dashboard.", SECTION(serve, serve_table)},
    {"network", "The network between hub and regions, and what is expected of it.", .type = CONF_SECTION},
    {"amazon", "Which instances of Amazon Connect the sites are, for tandem run.",
     .type = CONF_SECTION},
    {"connectsim", "What connectsim(1) needs besides, to be Amazon Connect for this centre.", .type = CONF_SECTION},
};
const struct conf_table config__table = {CONF_TABLE(file_rows), .done = config__file_done};
