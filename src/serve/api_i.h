/* api_i.h - what the files of the API share; nobody else includes it.
 *
 * One file a subject: api.c (the table of paths, dispatch, replies), api_status.c, api_route.c,
 * api_sites.c, api_contacts.c (agents too), api_events.c, api_stream.c, api_sim.c, api_metrics.c,
 * api_net.c. */
#pragma once

#include "base/mem.h" /* before uv.h, which may define MIN and MAX again */

#include <sys/queue.h>
#include <uv.h>

#include "base/json_read.h"
#include "base/map.h"
#include "base/rng.h"
#include "node/world.h"
#include "serve/api.h"
#include "serve/api_parse.h"
#include "serve/live.h"
#include "serve/view.h"
#include "serve/view_facts.h"

enum {
    LIST_DEFAULT = 100,
    LIST_MAX = 1000,             /* rows of one reply */
    FOLLOWERS_MAX = 64,          /* streams of facts */
    BOARDS_MAX = 256,            /* dashboards */
    ATTRIBUTES_KEPT = 16384,     /* contacts whose attributes are kept, and ... */
    ATTRIBUTES_BYTES = 64 << 20, /* ... bytes of all of them */
    SIM_FAULTS_MAX = 64,
    RETRY_AFTER_S = 2,
};

struct api_call { /* one request at work */
    struct api *api;
    struct http_request *rq;
    struct node *node; /* NULL: none is up, and the path can do without */
    struct core *core;
    const char *param[2]; /* what stands for {...} in the path */
    struct http_path path;
};

struct api_route {
    enum http_method method;
    const char *path; /* "/v1/sites/{site}/drain" */
    void (*handle)(struct api_call *k);
    bool without_node;
};
extern const struct api_route api_routes[];
extern const size_t api_n_routes;

struct later { /* a reply that waits until what it tells of is durable */
    struct api *api;
    struct http_request *rq; /* NULL: the client has gone */
    struct node *node;
    struct buf body;
    int status;
    LIST_ENTRY(later) link; /* waiting */
    struct later *next_free;
};

struct attributes {       /* of one contact */
    struct td_id contact; /* none: the slot is free */
    struct buf json;
};

struct follower { /* a client of /v1/events/stream */
    struct api *api;
    struct http_stream *stream;
    uint64_t sent;  /* number of the last fact it was given */
    uint32_t types; /* bit per event type */
    LIST_ENTRY(follower) link;
};

struct board { /* a client of /v1/stream */
    struct api *api;
    struct http_stream *stream;
    LIST_ENTRY(board) link;
};

#define API_SECTIONS(X)                                                                            \
    X(policies) X(nodes) X(sites) X(queues) X(agents) X(health) X(totals) X(alerts)                \
    X(commands) X(network)
enum section {
#define X(name) SECTION_##name,
    API_SECTIONS(X)
#undef X
        SECTION_head, /* name, policy, bound: small and seldom changed */
    SECTIONS
};

struct stream { /* the dashboard's document, as it was last told to all boards */
    LIST_HEAD(, board) boards;
    uint32_t n_boards;
    uv_timer_t timer;
    uint64_t revision;
    struct buf section[SECTIONS], fresh, text;
    uint64_t told_wall_ms, slow_wall_ms, ping_wall_ms;
    uint64_t timeline; /* the last entry told */
    int64_t minute;    /* the last complete minute told */
};

enum sim_state {
    SIM_FREE,
    SIM_PLANNED,
    SIM_BEGINNING, /* the instance's program has been asked */
    SIM_UNWANTED,  /* the same, and it was ended meanwhile: nobody sees it any more */
    SIM_ACTIVE
};
struct sim_fault {
    struct api *api;
    enum sim_state state;
    uint32_t id;
    struct fault fault;
    td_ms from, until;       /* virtual; until 0: until it is ended */
    uint32_t there;          /* its number with the instance's program; 0: it has none */
    struct http_request *rq; /* who waits for it to begin; NULL: nobody */
    char text[256];
};

struct api {
    struct api_options o;
    struct world *world;
    struct live *live;
    struct http_server *server;
    struct watch *watch; /* NULL: no network is watched */
    struct rng rng;
    struct jr json;  /* the body of the request being answered */
    struct buf body; /* of the reply being made */

    struct stats *stats;
    struct facts *facts;
    struct node *settling; /* will say when the last facts are durable; NULL: all are */
    struct timeline timeline;
    char policy_reason[REASON_MAX + 1], shares_reason[REASON_MAX + 1]; /* for the next such note */
    struct view_memory memory;
    struct people people;
    uint64_t people_wall_ms, remembered_wall_ms;

    struct node *seen[NODES_MAX]; /* the nodes as they were at the last turn */
    LIST_HEAD(, later) waiting;
    struct later *later_free;

    struct map128 attributes_by_contact;
    struct attributes *attributes; /* ring of ATTRIBUTES_KEPT */
    uint32_t attributes_next;
    size_t attributes_bytes;

    LIST_HEAD(, follower) followers;
    uint32_t n_followers;
    struct stream stream;

    struct sim_fault sim[SIM_FAULTS_MAX];
    uint32_t sim_last;

    uint64_t routed, routed_again, route_refused;
    int handles;
    void (*closed)(void *arg);
    void *closed_arg;
};

/* ---- api.c ---- */

uint8_t api_teller(const struct api *a); /* the node that answers; SITE_NONE: none is up */
struct scene api_scene(struct api *a,
                       struct core *k); /* with people counted, at most a second ago */

/* A JSON writer over the reply's body. */
struct jw api_json(struct api_call *k);
/* Replies with the body; api_reply_tagged also with an ETag of it, and 304 when the client has it.
 */
void api_reply(struct api_call *k, int status);
void api_reply_tagged(struct api_call *k);
/* The same once all that the node has stated until now is durable. */
void api_reply_later(struct api_call *k, int status);
void api_problem(struct api_call *k, int status, const char *fmt, ...) PRINTF(3, 4);
void api_refuse(struct api_call *k, const struct api_error *e);
struct parse_context api_context(const struct api_call *k);

/* Query parameters. Each: false when it replied with 400. `names`: all the path knows. */
bool api_query_known(struct api_call *k, const char *const *names);
bool api_query_text(struct api_call *k, const char *name, char *out, size_t cap, bool *given);
bool api_query_count(struct api_call *k, const char *name, uint32_t *value, uint32_t max);
/* By names; -1: not given; reply 400 and false: no such thing. */
bool api_query_site(struct api_call *k, int *site);
bool api_query_queue(struct api_call *k, int *queue);
bool api_query_word(struct api_call *k, const char *name, const char *const *words, int n,
                    int *out);
/* `node`: who answers from here on; 503 and false: it is not up. */
bool api_query_node(struct api_call *k);
bool api_param_site(struct api_call *k, uint8_t *site); /* of the path; 404 */
bool api_param_id(struct api_call *k, struct td_id *id);

/* ---- the others ---- */

void api_route_place(struct api_call *k);
void api_attributes_put(struct api *a, struct td_id contact, const struct jr_node *object);
const struct buf *api_attributes_get(const struct api *a, struct td_id contact);
void api_attributes_drop(struct api *a, struct td_id contact);

void api_get_sites(struct api_call *k);
void api_get_site(struct api_call *k);
void api_drain(struct api_call *k);
void api_restore(struct api_call *k);
void api_get_shares(struct api_call *k);
void api_put_shares(struct api_call *k);
void api_get_policies(struct api_call *k);
void api_put_policy(struct api_call *k);

void api_get_agents(struct api_call *k);
void api_get_agent(struct api_call *k);
void api_get_contacts(struct api_call *k);
void api_get_contact(struct api_call *k);
void api_get_explain(struct api_call *k);
void api_get_customer(struct api_call *k);

void api_get_status(struct api_call *k);
void api_get_queues(struct api_call *k);
void api_get_nodes(struct api_call *k);
void api_get_state(struct api_call *k);
void api_get_arrivals(struct api_call *k);
void api_get_timeline(struct api_call *k);
void api_get_health(struct api_call *k);
void api_get_index(struct api_call *k);
void api_get_openapi(struct api_call *k);
void api_get_metrics(struct api_call *k);

void api_get_events(struct api_call *k);
void api_follow_events(struct api_call *k);
void api_feed_followers(struct api *a);
void api_end_followers(struct api *a);

void api_get_stream(struct api_call *k);
void api_stream_start(struct api *a);
void api_stream_end(struct api *a);

void api_get_net(struct api_call *k);
void api_get_net_verdicts(struct api_call *k);
void api_get_net_routes(struct api_call *k);
void api_get_net_path(struct api_call *k);
void api_post_net_whatif(struct api_call *k);
void api_get_net_plan(struct api_call *k);
void api_post_net_probes(struct api_call *k);
void api_post_net_aws_events(struct api_call *k);

void api_get_faults(struct api_call *k);
void api_post_fault(struct api_call *k);
void api_delete_fault(struct api_call *k);
void api_delete_faults(struct api_call *k);
