/* api.h - the HTTP API, the live stream and the pages, over the nodes of this process.
 *
 * docs/openapi.yaml is the contract, docs/api.md the guide. Requests are answered from the hub's
 * model; while the hub is down, from that of the first site node that is up. Every reply names the
 * node that answered (header Tandem-Node). What changes anything is replied to only once it is
 * durable at that node.
 *
 *   struct api *a = api_new(&options);
 *   world_options.hooks = api_hooks(a);
 *   api_start(a, world, live);
 *   http_server_new(loop, &config, api_handle, a), api_serve(a, server)
 *
 * One thread, the loop's. */
#pragma once

#include "node/node.h"
#include "http/http.h"

struct uv_loop_s;
struct world;
struct fault;
struct live;
struct watch;
struct verdict;
struct api;

/* Of a request: an event of EventBridge has at most so many bytes, and nothing else comes near. */
enum { API_BODY_MAX = 256 * 1024 };

/* Instances that another program plays: a fault of one (region-down, flows) is begun there first,
 * and in this process, where the site's node is, once it has begun. */
typedef void fault_told(void *arg, uint32_t there, const char *problem);
struct fault_port {
    /* for_ms: of the world's time; 0: until it is ended. Calls told exactly once, never from
     * inside: with the fault's number there, or with 0 and what went wrong. */
    void (*begin)(void *arg, const struct fault *f, int64_t for_ms, fault_told *told,
                  void *told_arg);
    void (*end)(void *arg, uint32_t there); /* one that is over already does no harm */
    void *arg;
};

struct api_options {
    struct uv_loop_s *loop;
    uint64_t pseudonym_key[2]; /* of customers; a secret of the deployment */
    uint64_t seed;             /* of the ids of contacts that come without one */
    bool simulated;            /* /v1/sim may be used */
    const struct fault_port *faults; /* must outlive it; NULL: the world has the instances */
    void (*fatal)(void *arg);  /* a node's store has failed: the process should end */
    void *arg;
};
struct api *api_new(const struct api_options *o) MUST_USE;
struct node_config api_hooks(struct api *a);
void api_start(struct api *a, struct world *w, struct live *l);
void api_serve(struct api *a, struct http_server *s);
/* The network is watched by `w` from now on; NULL: no longer. */
void api_watch(struct api *a, struct watch *w);
/* A verdict of the watch, for the timeline. */
void api_verdict(struct api *a, const struct verdict *v, const char *text);
http_handler api_handle; /* arg: struct api */
/* The world has moved on: streams are fed, requests of nodes that are gone are answered. */
void api_turned(void *api);
/* A fault of the simulation, from virtual time `at` on. False: too many. */
bool api_fault(struct api *a, const struct fault *f, const char *text, td_ms at);
/* Closes the streams and timers; closed(arg) is called from the loop. Then api_free. */
void api_close(struct api *a, void (*closed)(void *arg), void *arg);
void api_free(struct api *a);

/* The end of a run in one paragraph, for the terminal. */
void api_summary(struct api *a, struct buf *out);
