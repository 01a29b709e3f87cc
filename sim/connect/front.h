/* front.h - the one port of connectsim: from an HTTP request to the operation that answers it.
 *
 * Which service and region a request is for says its signature's scope, or the name by which the
 * client calls (connect.us-east-1.localhost, kinesis.us-east-1.localhost); if both are there they
 * must agree. "/sim/..." is connectsim's own, unsigned.
 *
 * The order in which a request is looked at: faults (front_before), signature, operation, the
 * key's permission, throttle, shapes, the handler. AWS, too, throttles before it validates. */
#pragma once

#include "base/json.h"
#include "connect/api.h"
#include "connect/center.h"

struct uv_loop_s;
struct front;

enum { FRONT_NAMES_MAX = 16 };
struct front_options {
    struct uv_loop_s *loop; /* NULL: no HTTP, only front_answer */
    struct center *center;
    bool throttle;
    const char *const *names; /* by which clients may call it, besides localhost, its address and */
    uint32_t n_names;         /* SERVICE.REGION.localhost; at most FRONT_NAMES_MAX */
    int64_t (*wall_ms)(void);   /* since the epoch: of signatures */
    int64_t (*steady_ms)(void); /* what throttles and center_run go by: a request brings it up to
                                   date */
};
struct front *front_new(const struct front_options *o);
/* The port, or -1 with a message. */
int front_listen(struct front *f, const char *address, int port, char *error, size_t cap) MUST_USE;
/* Stops answering; front_free once done(arg) was called. */
void front_close(struct front *f, void (*done)(void *arg), void *arg);
void front_free(struct front *f);

/* ---- a call ---- */

struct call {
    struct front *front;
    struct center *center;
    struct http_request *rq;
    char service[32];              /* "connect", "kinesis" */
    struct region *region;
    const struct center_key *key;  /* NULL until the signature is verified */
    const char *account;
    char request_id[ID_TEXT];
    /* of Amazon Connect's operations */
    const struct api_operation *op;
    json_t *args;                  /* all members, checked against the model */
    struct instance *instance;     /* of the operations that name one */
    struct jw w;                   /* the reply's object is open; the front closes it */
    struct buf *out;
    int status;                    /* 0: the handler has written a good reply */
    enum api_error error;          /* if not */
    bool taken;                    /* somebody has replied, or will */
};

/* A request as its operation sees it. */
struct front_message {
    enum http_method method;
    struct http_span path, query, body;
};
/* What answers an Amazon Connect request once it is known who calls: for tests and the fuzzer,
 * which have no HTTP. front, center, region, key and account are set; rq is NULL, so nothing is
 * sent: `status` is 0 and `out` has the reply's object, or `status` and `error` are the error's. */
void front_answer(struct call *c, const struct front_message *m);

/* The reply becomes this error; what was written is forgotten. The first one counts. */
void call_fail(struct call *c, enum api_error e, const char *fmt, ...) PRINTF(3, 4);
/* May this key do it, and is there a call left? Else the call has failed. `operation` without its
 * service; rate in calls a second. */
bool call_admit(struct call *c, const char *operation, double rate, double burst) MUST_USE;
/* Replies at once, for services with formats of their own. */
void call_reply(struct call *c, int status, const char *content_type, const void *body, size_t n);

/* Remembers what a ClientToken of (account, region, operation) made, for a while: a hash of the
 * arguments and an id. front_token: false, it is not known. */
bool front_token(const struct front *f, uint64_t token, uint64_t *args, struct td_id *id);
void front_keep_token(struct front *f, uint64_t token, uint64_t args, struct td_id id);

/* Members of the arguments, or NULL, `absent`, false. Strings live as long as the call. */
json_t *arg(const struct call *c, const char *name);
const char *arg_str(const struct call *c, const char *name);
int64_t arg_int(const struct call *c, const char *name, int64_t absent);
bool arg_true(const struct call *c, const char *name);

/* Another service of the port ("kinesis"): called once the signature is verified. It must reply
 * with call_reply, or fail; then `error` writes the body in the service's form, or NULL: as
 * Amazon Connect does. `name` must stay. */
void front_service(struct front *f, const char *name, void (*handle)(void *arg, struct call *c),
                   void (*error)(void *arg, struct call *c, int status, const char *type,
                                 const char *message),
                   void *arg);
/* Looks at each call before its signature; true: it has been taken (call_reply, a deferral). */
void front_before(struct front *f, bool (*fn)(void *arg, struct call *c), void *arg);
/* Answers an unsigned path under "/sim/", exactly this one. `path` must stay. */
void front_control(struct front *f, const char *path,
                   void (*fn)(void *arg, struct http_request *rq), void *arg);
/* Answers a request that front_before took and deferred, as if it came now. */
void front_again(struct front *f, struct http_request *rq);
/* How often each operation was called and throttled: `fn` for every one with calls. */
void front_counts(const struct front *f,
                  void (*fn)(void *arg, const char *region, const char *operation, uint64_t calls,
                             uint64_t throttled),
                  void *arg);
