/* center.h - everything that is in connectsim: regions, accounts and keys, instances with their
 * resources, agents and contacts, and the clock they live by.
 *
 * An instance of Amazon Connect lives in one region. ReplicateInstance makes a second one in the
 * region's partner (Amazon Connect Global Resiliency); both then have the same id and the same
 * users, queues, profiles, hours, flows ... What two such instances share is a `struct mirror`; an
 * instance that has no replica has a mirror to itself. What AWS does not mirror (storage
 * configurations, Lambda functions, attributes) is in `struct instance`. Resources are mirrored at
 * once and in both directions, but a new one is seen in the other region only after MIRROR_MS.
 *
 * Each instance has an engine (engine/engine.h) for queues, agents and contacts; its configuration
 * is made from the mirror's resources and replaced when they change (mirror_settle). Engine events
 * change contacts and users here first and are then told to the listeners.
 *
 * Time: center_now, in milliseconds since the Unix epoch, starts at the system's clock and runs
 * `speed` times as fast. Nothing here reads another clock; center_run plays what falls due.
 *
 * Ownership: everything belongs to the center and lives until center_free, except ended contacts,
 * of which the last `history_max` are kept: listeners must not keep a contact that has completed.
 * One thread. */
#pragma once

#include <jansson.h>
#include <sys/queue.h>

#include "base/heap.h"
#include "base/map.h"
#include "base/rng.h"
#include "core/config.h"
#include "engine/engine.h"

enum {
    REGIONS_MAX = SITES_MAX,
    REGION_INSTANCES_MAX = 2, /* AWS's default quota of instances in a region */
    INSTANCE_ID_MAX = 37,
    ARN_MAX = 256, /* the longest ones: arn:aws:connect:ap-southeast-2:A:instance/UUID/kind/UUID */
    RES_NAME_MAX = 257,
    TEXT_MAX = 1025,
    MIRROR_MS = 2000,        /* "near real-time"; AWS publishes no figure */
    TDG_CREATE_MS = 3000,    /* CREATION_IN_PROGRESS */
    TDG_UPDATE_MS = 2000,    /* UPDATE_IN_PROGRESS; the alarm-to-effect part measured by others */
    NUMBER_CLAIM_MS = 1000,  /* IN_PROGRESS */
    REPLICATE_MS = 10000,    /* INSTANCE_REPLICATION_IN_PROGRESS; hours at AWS */
    USER_TDGS_MAX = 4,
    ACCOUNT_MAX = 13,        /* 12 digits and NUL */
};

struct center;
struct instance;
struct mirror;

/* ---- resources ---- */

enum res_kind {
    RES_USER,
    RES_QUEUE,
    RES_PROFILE, /* routing profile */
    RES_HOURS,
    RES_STATUS, /* agent status */
    RES_FLOW,
    RES_QUICK_CONNECT,
    RES_SECURITY_PROFILE,
    RES_NUMBER, /* phone number; not under an instance in its ARN */
    RES_TDG,    /* traffic distribution group; likewise */
    RES_KINDS
};
extern const char *const res_arn_names[RES_KINDS]; /* "agent", "queue", "routing-profile", ... */

/* The beginning of every resource. Those of a kind are in the order of their making. */
struct res {
    enum res_kind kind;
    struct td_id id;
    struct mirror *mirror;
    uint64_t seq;          /* grows with each resource made; paging goes by it */
    char *name;            /* RES_NUMBER: E.164 */
    char *description;     /* NULL: none */
    json_t *tags;          /* an object; NULL: none */
    td_ms modified_at;
    uint8_t modified_side; /* LastModifiedRegion */
    td_ms visible_at;      /* in the other region */
};
struct res_list {
    struct res **item;
    uint32_t n, cap;
};

struct hours {
    struct res r;
    struct cfg_hours cfg; /* what the engine goes by */
    char *time_zone;      /* IANA */
    json_t *config;       /* as given: [{Day, StartTime, EndTime}] */
};
struct queue {
    struct res r;
    struct cfg_queue cfg; /* cfg.name is the configuration's, or the id */
    uint16_t index;       /* in the engines' configuration */
    struct hours *hours;
    bool enabled;
    int32_t max_contacts; /* 0: no limit */
    struct res_list quick_connects;
    struct flow *entry; /* that leads here; of the centre's configuration, for arrivals */
    struct number *number;
    json_t *outbound; /* OutboundCallerConfig; NULL: none */
};
struct profile {
    struct res r;
    struct cfg_profile cfg;
    uint16_t index;
    struct queue *outbound; /* DefaultOutboundQueue */
};
enum status_type { STATUS_ROUTABLE, STATUS_CUSTOM, STATUS_OFFLINE };
struct status {
    struct res r;
    enum status_type type;
    bool enabled;
    uint32_t order;
};
struct flow {
    struct res r;
    char *type; /* "CONTACT_FLOW", ... */
    char *content; /* Amazon Connect flow language, JSON */
    char *sha256;  /* of content, hexadecimal */
    bool active;   /* State ACTIVE, else ARCHIVED */
    bool published; /* Status PUBLISHED, else SAVED */
    uint32_t versions;
    struct queue *leads_to; /* the first queue that the content names; NULL: none */
};
struct quick_connect {
    struct res r;
    json_t *config; /* QuickConnectConfig, as given */
};
struct security_profile {
    struct res r;
};

enum tdg_status {
    TDG_CREATION_IN_PROGRESS,
    TDG_ACTIVE,
    TDG_CREATION_FAILED,
    TDG_PENDING_DELETION,
    TDG_DELETION_FAILED,
    TDG_UPDATE_IN_PROGRESS,
    TDG_STATUSES
};
extern const char *const tdg_status_names[TDG_STATUSES];
struct tdg_plan {
    uint8_t telephony[2]; /* percent, by side */
    uint8_t agent[2];
    bool sign_in[2];
};
struct tdg {
    struct res r;
    enum tdg_status status;
    bool is_default;
    struct tdg_plan plan;   /* in force */
    struct tdg_plan wanted; /* once the update is through */
    uint32_t placed[2];     /* contacts sent to each side: the least behind its share is next */
    uint32_t n_users, n_numbers;
};

enum number_status { NUMBER_CLAIMED, NUMBER_IN_PROGRESS, NUMBER_FAILED };
struct number {
    struct res r;
    char country[3], type[24]; /* "US", "DID" */
    enum number_status status;
    uint8_t side;           /* where it is claimed, when it has no TDG */
    struct tdg *tdg;        /* NULL: of its instance */
    struct flow *flow;      /* NULL: none */
};

/* ---- agents ---- */

struct contact;
struct user {
    struct res r; /* name: Username */
    struct cfg_agent cfg;
    uint32_t index;
    struct profile *profile;
    struct security_profile *security;
    char *first_name, *last_name, *email; /* NULL: none */
    json_t *phone;                        /* UserPhoneConfig; NULL: soft phone */
    json_t *proficiencies;                /* an array; NULL: none */
    struct tdg *tdg[USER_TDGS_MAX];
    uint8_t n_tdgs;
    uint8_t side;    /* whose engine has him: his active region */
    uint8_t to_side; /* where he goes once his contacts are cleared */
    bool logged_in;  /* the desktop is open; a logged-in agent may be Offline */
    struct status *status, *next_status; /* next: after his contacts; NULL: none */
    td_ms status_at, next_status_at;
    td_ms logged_out_at;                 /* 0: never was in */
    uint8_t engine_state;                /* enum engine_agent_state, as last told */
    uint8_t free_slots[CHANNELS];
    LIST_HEAD(, contact) contacts; /* that he has, wrap-up included */
};

/* ---- contacts ---- */

enum contact_state {
    CONTACT_IN_FLOW,   /* INITIATED, in a flow, waits nowhere */
    CONTACT_QUEUED,
    CONTACT_RINGING,   /* at an agent */
    CONTACT_CONNECTED,
    CONTACT_HELD,
    CONTACT_WRAPUP,    /* the customer has left, the agent works on */
    CONTACT_COMPLETED,
    CONTACT_STATES
};
enum contact_method {
    METHOD_INBOUND, METHOD_OUTBOUND, METHOD_TRANSFER, METHOD_QUEUE_TRANSFER,
    METHOD_EXTERNAL_OUTBOUND, METHOD_API, METHOD_DISCONNECT, METHODS
};
extern const char *const contact_method_names[METHODS]; /* "INBOUND", ... */
extern const char *const channel_api_names[CHANNELS];   /* "VOICE", "CHAT", "TASK", "EMAIL" */

struct contact {
    struct td_id id, engine_id; /* a transfer goes on under a new id, in the engine under the old */
    struct td_id initial, previous, next, related; /* none: all zero */
    struct td_id customer;
    struct instance *at;  /* the active region's instance */
    uint8_t origin_side;  /* of `at`'s mirror */
    uint8_t channel, method, state, priority;
    bool in_engine;
    struct queue *queue;  /* the last one; NULL: none yet */
    struct user *user;    /* the last one; NULL: none yet */
    struct flow *flow;
    struct number *number; /* that was dialled; NULL: none */
    struct tdg *tdg;       /* that sent it here */
    struct user *preferred;
    const char *reason;    /* DisconnectReason; NULL: still there */
    td_ms initiated_at, enqueued_at, dequeued_at, ringing_at, connected_at, held_at;
    td_ms disconnected_at, wrapup_at, completed_at, updated_at, state_at; /* 0: not yet */
    td_ms scheduled_at;    /* of a task; 0: now */
    int64_t hold_ms, hold_longest_ms, adjust_ms;
    uint32_t holds, attempts, transfers;
    char customer_address[24]; /* E.164, drawn; "" none */
    char transferred_to[24];   /* E.164 of another instance or a third party; "" not */
    td_ms transferred_at;
    char *name, *description;  /* of a task; NULL */
    json_t *attributes, *tags, *references, *segments; /* objects; NULL: empty */
    json_t *criteria; /* RoutingCriteria; NULL: none */
    LIST_ENTRY(contact) of_user;
    TAILQ_ENTRY(contact) of_instance; /* live, or ended, oldest first */
    uint32_t slot;
    bool with_user; /* is on user->contacts */
};
TAILQ_HEAD(contact_list, contact);

/* ---- instances ---- */

struct region {
    char name[NAME_MAX_LEN];
    uint8_t site; /* index in the centre's configuration */
    struct instance *instance[REGION_INSTANCES_MAX];
    uint32_t n_instances;
    uint64_t calls, throttled; /* API calls answered, and those that were throttled */
    bool down;                 /* a fault: nothing begins here */
    int64_t skew_ms;           /* a fault: its clock is wrong by this */
};

struct storage { /* an association of InstanceStorageConfig */
    struct td_id id;
    char *resource_type; /* "AGENT_EVENTS", ... */
    json_t *config;      /* InstanceStorageConfig */
    char *stream_arn;    /* of a KINESIS_STREAM; NULL: something else */
};

struct instance {
    struct mirror *mirror;
    struct region *region;
    uint8_t side;          /* 0: the source region */
    char alias[NAME_MAX_LEN];
    td_ms created_at;
    bool ready;            /* a replica that is being made is not */
    bool isolated;         /* cross-region routing: offers only its own contacts to its agents */
    struct engine *engine;
    int32_t quota[CHANNELS]; /* concurrent contacts; more get fast busy */
    uint32_t n_in[CHANNELS]; /* whose customer is here: what the quota counts */
    json_t *attribute;     /* {"INBOUND_CALLS": "true", ...} */
    struct storage *storage;
    uint32_t n_storage;
    char **lambda; /* ARNs of the functions its flows may call */
    uint32_t n_lambda;
    struct contact_list live, ended;
    uint32_t n_live, n_ended;
    uint64_t arrived, ended_total, refused; /* contacts; refused: fast busy */
};

struct mirror {
    struct center *center;
    struct td_id id;
    char account[ACCOUNT_MAX];
    struct instance *side[2];
    uint8_t n_sides;
    td_ms replicated_at;      /* 0: has no replica */
    struct res_list list[RES_KINDS];
    struct map128 by_id;      /* id -> index in `res` */
    struct res **res;         /* deleted ones, too */
    uint32_t n_res, cap_res;
    struct config *config;    /* the engines', made from the above */
    struct user **user_at;    /* by index in config */
    struct queue **queue_at;
    uint32_t n_user_at, n_queue_at;
    bool dirty;               /* resources have changed since config was made */
    struct tdg *tdg_default;  /* NULL: no replica */
    struct arrivals *arrivals;
};

struct center_key { /* of an account; what IAM would know */
    char id[130], secret[130], account[ACCOUNT_MAX], token[256]; /* token "": needs none */
    char **allow; /* "connect:Describe*", "kinesis:*"; NULL after the last */
};

/* ---- what happens ---- */

enum center_event {
    CE_CONTACT_INITIATED,
    CE_CONTACT_QUEUED,
    CE_CONTACT_RINGING,      /* offered to user */
    CE_CONTACT_MISSED,       /* by user; waits again */
    CE_CONTACT_CONNECTED,    /* to user */
    CE_CONTACT_HELD,
    CE_CONTACT_RESUMED,
    CE_CONTACT_DISCONNECTED, /* the customer has left; reason is set */
    CE_CONTACT_COMPLETED,    /* wrap-up is over; the record is complete */
    CE_CONTACT_UPDATED,      /* attributes, tags, references, ...; also after it has completed */
    CE_AGENT_LOGIN,
    CE_AGENT_LOGOUT,
    CE_AGENT_CHANGED,        /* status, next status, profile, slots or contacts */
    CENTER_EVENTS
};
struct center_note {
    enum center_event event;
    td_ms at;
    struct instance *instance;
    struct contact *contact; /* NULL for CE_AGENT_* that are not about one */
    struct user *user;       /* NULL when no agent has to do with it */
};
/* Called after the contact and the user have changed; must not call back into the center. */
typedef void center_listener(void *arg, const struct center_note *note);

/* ---- the center ---- */

struct center_options {
    const struct config *config; /* the centre: sites, queues, profiles, agents, workload; its
                                    sites become regions. Must outlive the center */
    bool pairs;           /* instances in AWS's region pairs are source and replica */
    const char *account;
    double speed;         /* 0: time passes by center_skip alone */
    uint64_t seed;
    td_ms start;          /* what center_now begins with */
    int64_t wall_ms;      /* the wall clock then (any monotonic one) */
    uint32_t history_max; /* ended contacts kept in each instance */
    bool arrivals;        /* contacts arrive by the configuration's workload, at its mean rate */
    /* The Lambda function that every flow asks at its entry and while a call waits (ask_flows.h);
     * NULL: flows lead to their queues. */
    const char *function;
    uint32_t transfer_numbers; /* of each instance, for calls from other instances */
};
struct center *center_new(const struct center_options *o);
void center_free(struct center *c);

td_ms center_now(const struct center *c);
/* The clock of AWS's limits: the wall's and what was skipped, or the centre's where it is faster.
 * So at the clock's own speed a limit is AWS's to the call; time that is made to pass counts. */
int64_t center_limits_ms(const struct center *c, int64_t wall_ms);
/* Plays what falls due until the wall clock says `wall_ms`; call it often. One that cannot keep up
 * with its speed goes slower: a call plays 20,000 things at most (some 50 ms), and what is then
 * left of the time is never caught up. */
void center_run(struct center *c, int64_t wall_ms);
/* Moves the clock on by so much, besides what the wall clock does, and plays what falls due. */
void center_skip(struct center *c, int64_t ms);
/* The same before anybody looks: then it is a centre at work, not one that opens its doors. */
void center_warm(struct center *c, int64_t ms);
/* Wall milliseconds until center_run has something to do, 0 or more; at most `max`. */
int64_t center_wait(const struct center *c, int64_t wall_ms, int64_t max);
/* Calls fn(arg) at center time `at`, in center_run. Cannot be taken back: fn looks whether there is
 * still something to do. At most 4 million may wait (BUG_ON). */
void center_at(struct center *c, td_ms at, void (*fn)(void *arg), void *arg);
/* The same with an arg of its own, from mem_new, that is freed after fn, or with the center. */
void center_at_own(struct center *c, td_ms at, void (*fn)(void *arg), void *arg);

void center_listen(struct center *c, center_listener *fn, void *arg); /* 8 at most */
/* The flow of a contact that has just been initiated; it ends in contact_queue, contact_end, or
 * later. Without a runner a contact goes to its flow's `leads_to`. */
void center_flows(struct center *c, void (*run)(void *arg, struct contact *k), void *arg);

uint32_t center_n_regions(const struct center *c);
struct region *center_region(struct center *c, uint32_t i);
struct region *center_region_by_name(struct center *c, const char *name); /* NULL: none */
uint32_t center_n_mirrors(const struct center *c);
struct mirror *center_mirror(struct center *c, uint32_t i);
const char *center_partner(const char *region); /* its region in AWS's pairs; NULL: none */
struct rng *center_rng(struct center *c);
struct td_id id_draw(struct rng *rng);    /* a new version 4 UUID */
struct td_id center_id(struct center *c); /* one of what is in the center, from its seed */
uint64_t center_secret(const struct center *c); /* for tokens that must not be made up */

void center_add_key(struct center *c, const struct center_key *key); /* is copied */
const struct center_key *center_key(const struct center *c, const char *id); /* NULL: none */
bool key_allows(const struct center_key *k, const char *service, const char *operation);

/* ---- instances and resources (mirror.c) ---- */

/* The region's instance by "UUID" or its ARN in any of the mirror's regions; of this account. */
struct instance *instance_find(struct region *g, const char *account, const char *id_or_arn);
void instance_arn(const struct instance *i, char out[ARN_MAX]);
/* The ARN of a resource as this instance's region knows it. */
void res_arn(const struct instance *i, const struct res *r, char out[ARN_MAX]);
/* By UUID or ARN; only if it is of this kind and this region sees it by now. */
struct res *res_find(const struct instance *i, enum res_kind kind, const char *id_or_arn);
bool res_visible(const struct instance *i, const struct res *r);
struct res *res_named(const struct instance *i, enum res_kind kind, const char *name);
/* A new resource of its kind's struct, zeroed beyond `res`, made in this instance's region. */
void *res_new(struct instance *i, enum res_kind kind, const char *name, const char *description);
void res_touch(struct instance *i, struct res *r); /* modified now, here */
/* Is not found any more; kept until the end, since contacts and their records may name it. */
void res_delete(struct instance *i, struct res *r);
void res_list_add(struct res_list *l, struct res *r);
bool res_list_remove(struct res_list *l, const struct res *r);
/* Call after queues, profiles, users or hours changed; the engines see it at the next settling. */
void mirror_changed(struct mirror *m);
void mirror_settle(struct mirror *m);
struct instance *mirror_replicate(struct instance *source, struct region *to, const char *alias);

struct flow *flow_new(struct instance *i, const char *name, const char *type, const char *content);
void flow_set_content(struct instance *i, struct flow *f, const char *content);

/* ---- contacts (contact.c) ---- */

struct contact_start {
    uint8_t channel, method;
    struct flow *flow;
    struct queue *queue; /* where it shall wait, whatever the flow says; NULL: the flow decides */
    struct number *number;
    struct tdg *tdg;
    const char *customer_address;
    struct td_id previous, initial, related;
    struct user *preferred; /* the agent who shall have it, when he is free; NULL: any */
    td_ms scheduled_at;     /* its flow is not run before contact_run_flow; 0: at once */
    void (*prepare)(void *arg, struct contact *k); /* gives it more before its flow sees it */
    void *prepare_arg;
};
/* A contact begins here; NULL: over the quota, or the region is down (fast busy, and counted). The
 * flow has run as far as it goes at once when this returns. */
struct contact *contact_begin(struct instance *i, const struct contact_start *s);
/* The same for those who need only the id: with no history a contact may be gone already. */
bool contact_begin_id(struct instance *i, const struct contact_start *s, struct td_id *id);
void contact_run_flow(struct contact *k); /* of a scheduled one, whose time has come */
void contact_reprioritise(struct contact *k); /* after priority or adjust_ms was changed */
void contact_queue(struct contact *k, struct queue *q); /* waits there; leaves its agent or queue */
void contact_end(struct contact *k, const char *reason);  /* in whatever state it is */
/* Ends it here as TRANSFERRED, and its customer goes on as a new contact of this instance: in the
 * queue, to the agent if one is given, or where the flow leads. */
struct contact *contact_transfer(struct contact *k, struct queue *q, struct flow *flow,
                                 struct user *to);
void contact_update(struct contact *k); /* tells the listeners, after a member was changed */
/* Any contact of this instance's mirror, live or kept, in either region. */
struct contact *contact_find(const struct instance *i, const char *id);
/* A call to a number, as the network brings it: picks the region (its TDG) and begins there. */
struct contact *number_call(struct number *n, const char *from, struct queue *q, uint8_t channel);
/* The same with all else that a contact may begin with; false: it did not begin. */
bool number_called(struct number *n, const struct contact_start *more);

/* ---- agents (agent.c) ---- */

void user_log_in(struct user *u);
void user_log_out(struct user *u, bool now); /* now: his contacts are dropped */
/* His region has gone, his desktop has not, which in a pair is connected to both: whatever he has
 * ends, and he gets nothing until he is sent to the other region, or this one is reached again. */
void user_cut_off(struct user *u);
void user_reach(struct user *u);
void user_set_status(struct user *u, struct status *s); /* on a contact: it becomes the next one */
void user_clear(struct user *u); /* his wrap-up is over now */
/* Puts the wanted plan in force: calls at once, agents each when his contacts are cleared. Who
 * moves is not the caller's choice: users are ranked by home and id, a percentage cuts the list. */
void tdg_apply(struct tdg *g);
void center_tell(struct center *c, enum center_event event, struct instance *i, struct contact *k,
                 struct user *u);
