/* http_i.h - what the files of the HTTP server share; nobody else includes it.
 *
 * A connection's life. Requests are read into `in`, replies collect in `out` and leave with one
 * write when all that came in one read is answered.
 *
 *            first byte        head complete       body complete        replied
 *     IDLE ------------> HEAD ---------------> BODY -------------> HANDLER --------> IDLE
 *                                                                    |
 *     any, refused or "Connection: close": reply, then LINGER        +--> STREAM (to the end)
 *     any, error or end: CLOSED
 *
 * A new connection starts in HEAD: a client that connects owes a request. LINGER has closed its
 * sending side and reads what still comes, since a socket closed with unread bytes makes the kernel
 * send a reset, which can destroy the reply on its way (RFC 9112, 9.6). CLOSED waits for libuv's
 * close callback, in which the connection is freed; all callbacks to the owner of a deferred
 * request or a stream happen there, so never inside a function that the owner called.
 *
 * Each state has a time limit (conn_set_state); one timer looks at all of them a few times a
 * second, so that a request costs no timer operation.
 *
 * While a write waits for the client to read, no further request is taken from the connection:
 * its buffers are bounded by what the replies to one read can be. */
#pragma once

#include "base/mem.h" /* before uv.h, which may define MIN and MAX again */

#include <sys/queue.h>
#include <uv.h>

#include "http/http.h"
#include "http/http_parse.h"

enum {
    HTTP_IN_FIRST = 4096,       /* of an idle connection; most requests fit, with some pipelined */
    HTTP_IN_KEEP = 16384,       /* larger input buffers go back when the connection is idle */
    HTTP_OUT_KEEP = 65536,      /* the same for output */
    HTTP_OUT_HIGH = 262144,     /* pipelined replies are sent when they reach this */
    HTTP_STATIC_COPIED = 16384, /* static bodies up to this are copied, which saves a write */
    HTTP_NOTSENT_MAX = 131072,  /* bytes of a stream that the kernel takes ahead of the network */
    HTTP_HOST_MAX = 254,        /* a domain name (RFC 1035) with its NUL */
    HTTP_NAMES_MAX = 64,
    HTTP_TYPES_MAX = 8,
    HTTP_IDLE_EVICTED_MS = 1000 /* idle this long, a connection may make room for a new one */
};

enum conn_state {
    CONN_IDLE,
    CONN_HEAD,
    CONN_BODY,
    CONN_HANDLER,
    CONN_STREAM,
    CONN_LINGER,
    CONN_CLOSED
};

struct http_stream {
    bool chunked; /* HTTP/1.1; in 1.0 the end of the connection ends the body */
    bool ending;
    void (*closed)(void *arg);
    void *closed_arg;
};

struct http_conn {
    uv_tcp_t tcp;
    struct http_server *server;
    LIST_ENTRY(http_conn) link;
    TAILQ_ENTRY(http_conn) ready_link;
    enum conn_state state;
    bool running;               /* conn_run is on the stack */
    bool ready;                 /* on the server's list of connections to run */
    bool reading;               /* libuv reads for us */
    bool writing;               /* a write waits for the client */
    bool eof;                   /* the client has closed its sending side */
    bool close_after;           /* nothing more is taken; close when all is sent */
    bool deferred;              /* the request in HANDLER is replied to later */
    uint64_t deadline_ms;       /* of the state, in loop time; UINT64_MAX: none */
    uint64_t write_deadline_ms; /* of the write under way */
    size_t write_left;          /* what was left of it when last looked at */

    char *in; /* in_start: the first byte of the request at hand; in_end: past the last that came */
    size_t in_cap, in_start, in_end;
    struct http_parser parser;
    struct http_request rq;
    void (*cancelled)(void *arg); /* of a deferred request; NULL once it is replied to */
    void *cancelled_arg;
    struct http_stream stream;

    struct buf fields;     /* added by http_reply_header */
    struct buf out;        /* what is to be sent next ... */
    struct http_span tail; /* ... and then this, which is static */
    struct buf sending;    /* what the write under way sends */
    uv_write_t write;
};

struct http_server {
    uv_loop_t *loop;
    struct http_config config;
    struct http_limits limits;
    http_handler *handler;
    void *arg;
    uint32_t n_names, n_types;
    char names[HTTP_NAMES_MAX][HTTP_HOST_MAX];
    char types[HTTP_TYPES_MAX][64];
    bool any_address; /* listens on 0.0.0.0 or [::] */
    uint32_t n_listeners;
    uv_tcp_t listeners[HTTP_LISTENERS_MAX];
    uv_timer_t sweep;
    uv_idle_t ready_idle;
    LIST_HEAD(, http_conn) conns;
    TAILQ_HEAD(http_ready, http_conn) ready; /* got a reply or a piece outside of conn_run */
    struct http_stats stats;
    char date[40]; /* the Date field with its CRLF */
    uint64_t date_until_ms;
    struct buf scratch;
    char discard[4096]; /* for bytes nobody wants */

    bool draining, finishing;
    uint64_t drain_until_ms;
    uint32_t handles; /* of the server itself, open */
    void (*closed)(void *arg);
    void *closed_arg;
};

/* http_conn.c */
void conn_open(struct http_server *s, uv_stream_t *listener);
void conn_set_state(struct http_conn *c, enum conn_state state);
void conn_run(struct http_conn *c);        /* take requests, send replies, close when due */
void conn_make_ready(struct http_conn *c); /* conn_run soon, from the loop */
void conn_replied(struct http_conn *c);    /* the request at hand is done with */
void conn_close(struct http_conn *c);
void conn_reset(struct http_conn *c); /* close and forget what is not sent */
void conn_drain(struct http_conn *c); /* the server closes: end what need not go on */
void conn_sweep(struct http_conn *c, uint64_t now_ms);

/* http_write.c */
void conn_flush(struct http_conn *c);
size_t conn_unsent(const struct http_conn *c);

/* http_server.c */
void server_conn_gone(struct http_server *s);
void server_make_ready(struct http_server *s);

/* http_policy.c: 0, or the status to refuse the request with */
int policy_check(const struct http_conn *c, const char **why);

/* http_reply.c */
struct http_conn *conn_of(const struct http_request *rq);
void reply_refuse(struct http_conn *c, int status, const char *why);
bool reply_head(struct http_conn *c, int status, const char *type, size_t len, bool streamed);

/* http_conn.c */
struct http_span conn_field(const struct http_conn *c, uint32_t index);
