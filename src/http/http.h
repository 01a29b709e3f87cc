/* http.h - the HTTP/1.1 server of the API, the live stream and the pages: requests in, replies out.
 *
 * Handlers see requests, replies and streams, never bytes of the protocol, so that the parser
 * (llhttp behind a strict guard, see http_head.h and http_parse.h) or the protocol can be exchanged
 * without touching them. RFC 9110 (semantics), 9112 (HTTP/1.1), 9457 (problem details).
 *
 *   static void hello(void *arg, struct http_request *rq)
 *   {
 *       http_reply(rq, 200, "application/json", "{}", 2);
 *   }
 *   struct http_server *s = http_server_new(loop, &(struct http_config)HTTP_DEFAULTS, hello, NULL);
 *   int port = http_server_listen(s, "127.0.0.1", 8080, error, sizeof error);
 *
 * One thread: everything is called from the loop's thread, and every callback is called there.
 * The program must ignore SIGPIPE.
 *
 * What the server decides by itself, before a handler is called:
 *   400  a request that is not exactly HTTP/1.1 (http_head.h lists what is refused)
 *   403  POST, PUT, PATCH or DELETE whose Origin is not the Host (cross-site request forgery)
 *   408  a request that did not come in time      413, 414, 431  body, target, head too large
 *   415  a body whose Content-Type is not in body_types
 *   417  an Expect other than 100-continue        421  a Host not ours (DNS rebinding)
 *   501  an unknown method or transfer coding     503  no reply in time, or too many connections
 *   505  another version of HTTP
 * A refused connection is closed after the reply. The replies are application/problem+json. */
#pragma once

#include <string.h>

#include "base/base.h"

struct uv_loop_s; /* uv_loop_t of libuv */

struct http_server;
struct http_stream;

struct http_span { /* bytes that belong to somebody else; not ended by NUL */
    const char *p; /* NULL: not there */
    size_t n;
};
#define HTTP_SPAN(s) ((struct http_span){(s), strlen(s)})
bool http_span_is(struct http_span s, const char *text);        /* same bytes */
bool http_span_is_nocase(struct http_span s, const char *text); /* same but for ASCII case */

enum http_method {
    HTTP_METHOD_GET,
    HTTP_METHOD_HEAD,
    HTTP_METHOD_POST,
    HTTP_METHOD_PUT,
    HTTP_METHOD_PATCH,
    HTTP_METHOD_DELETE,
    HTTP_METHOD_OPTIONS,
    HTTP_METHODS
};
extern const char *const http_method_names[HTTP_METHODS]; /* "GET", "HEAD", ... */

/* ---- server ---- */

struct http_config {
    /* Names by which clients may call this server, besides "localhost" and the address it listens
     * on; no port. A server on 0.0.0.0 or [::] also answers to any IP address: a page that a
     * browser loaded from elsewhere cannot make it send one of those. The arrays are copied. */
    const char *const *names;
    uint32_t n_names;
    /* Media types accepted in the bodies of POST, PUT, PATCH and DELETE. None of the types that a
     * web form can send (RFC 1867) should be here: text/plain, multipart/form-data, ... */
    const char *const *body_types;
    uint32_t n_body_types; /* 0: "application/json" */

    uint32_t conns_max;         /* connections at a time */
    uint32_t head_max;          /* bytes of request line and fields, at most 65535 */
    uint32_t target_max;        /* bytes of path and query */
    uint32_t body_max;          /* bytes of a request's body */
    uint32_t stream_queue_max;  /* bytes a stream's client may be behind before it is dropped */
    uint32_t header_timeout_ms; /* from the first byte (or the connection) to the end of the head */
    uint32_t body_timeout_ms;   /* from the end of the head to the end of the body */
    uint32_t idle_timeout_ms;   /* between requests */
    uint32_t reply_timeout_ms;  /* until a deferred request is replied to */
    uint32_t write_timeout_ms;  /* a client that takes not a single byte this long is dropped */
    uint32_t linger_ms; /* reading on after the last reply, so that a reset cannot kill it */
    uint32_t drain_ms;  /* requests at work may end in this time after http_server_close */
};
#define HTTP_DEFAULTS                                                                              \
    {                                                                                              \
        .conns_max = 1024, .head_max = 16384, .target_max = 8192, .body_max = 65536,               \
        .stream_queue_max = 262144, .header_timeout_ms = 10000, .body_timeout_ms = 30000,          \
        .idle_timeout_ms = 75000, .reply_timeout_ms = 30000, .write_timeout_ms = 30000,            \
        .linger_ms = 2000, .drain_ms = 5000                                                        \
    }

struct http_request;
/* Called once a request is complete. Before it returns it replies, starts a stream, or defers. */
typedef void http_handler(void *arg, struct http_request *rq);

struct http_server *http_server_new(struct uv_loop_s *loop, const struct http_config *config,
                                    http_handler *handler, void *arg) MUST_USE;

enum { HTTP_LISTENERS_MAX = 4 };
/* `address` is an IPv4 or IPv6 literal or "localhost" (127.0.0.1); port 0 takes a free one. May be
 * called for several addresses. Returns the port, or -1 with a message in `error`. */
int http_server_listen(struct http_server *s, const char *address, int port, char *error,
                       size_t cap) MUST_USE;

/* Stops: closes the listening sockets, idle connections and streams at once, lets requests at work
 * end (their replies say "Connection: close") for drain_ms, cancels what is left, frees the server
 * and calls closed(arg), which may be NULL. */
void http_server_close(struct http_server *s, void (*closed)(void *arg), void *arg);

struct http_stats {
    uint64_t accepted;    /* connections */
    uint64_t turned_away; /* connections refused because there were conns_max */
    uint64_t requests;    /* given to the handler */
    uint64_t replies[6];  /* by class: replies[2] counts 2xx, streams included */
    uint64_t refused;     /* requests refused before the handler */
    uint64_t timeouts;    /* connections ended by one of the timeouts, idle ones not counted */
    uint64_t bytes_in, bytes_out;
    uint64_t streams_dropped; /* because the client was too slow */
    uint32_t conns, streams;  /* open now */
};
const struct http_stats *http_server_stats(const struct http_server *s);

/* ---- request ---- */

/* Spans point into the connection's buffer and are valid until the request is replied to (or its
 * stream started); so is the request itself, which belongs to the connection. */
struct http_request {
    enum http_method method;
    struct http_span path;  /* as sent, percent-encoded; starts with "/" */
    struct http_span query; /* as sent, without "?"; p == NULL when there was none */
    struct http_span body;  /* n == 0 when there is none */
};

/* The value of a field, without white space around it; names are compared without case. p == NULL
 * when it is not there. A field that came several times gives its first value; Host,
 * Content-Length, Content-Type, Transfer-Encoding, Authorization, Origin and Expect never do. */
struct http_span http_header(const struct http_request *rq, const char *name);

/* The client's address as text ("" when it is gone). */
void http_peer(const struct http_request *rq, char out[46]);

/* A path cut at its slashes and decoded: "/v1/sites/us%20east" has n = 3 segments, "/" none.
 * False, so not found: a malformed escape, a control character or slash in one, an empty segment
 * (also after a last slash), "." or "..", more segments or text than there is room for. */
enum { HTTP_SEGMENTS_MAX = 8, HTTP_PATH_MAX = 512 };
struct http_path {
    uint32_t n;
    const char *segment[HTTP_SEGMENTS_MAX]; /* end with NUL, point into text */
    char text[HTTP_PATH_MAX];
};
bool http_path_split(struct http_span path, struct http_path *out) MUST_USE;

/* The value of a query parameter ("a=1&b=x%20y", "+" is a space), decoded and ended by NUL.
 * HTTP_PARAM_BAD: it is given twice or does not fit, or something in the query is malformed (a bad
 * escape, a control character, a pair without "="). */
enum http_param { HTTP_PARAM_NONE, HTTP_PARAM_OK, HTTP_PARAM_BAD };
enum http_param http_query_get(struct http_span query, const char *name, char *out,
                               size_t cap) MUST_USE;

/* Does If-None-Match name this ETag (weak comparison, RFC 9110 13.1.2)? Then reply 304 with it. */
bool http_if_none_match(const struct http_request *rq, const char *etag);
/* If-Match (strong comparison, 13.1.1), for writes to what may have changed meanwhile. */
enum http_match { HTTP_MATCH_ABSENT, HTTP_MATCH_YES, HTTP_MATCH_NO };
enum http_match http_if_match(const struct http_request *rq, const char *etag);
/* May the reply be coded so ("gzip", "br")? By Accept-Encoding with its q values, RFC 9110 12.5.3.
 */
bool http_accepts_coding(const struct http_request *rq, const char *coding);

/* ---- reply ---- */

/* Adds a field to the reply that follows: ETag, Cache-Control, Allow, Retry-After, Location, ...
 * The value is copied; control characters in it become spaces. Not for Content-Length,
 * Content-Type, Connection, Transfer-Encoding, Date, X-Content-Type-Options: those are ours. */
void http_reply_header(struct http_request *rq, const char *name, const char *value);

/* Replies; the request is gone afterwards. The body is copied; it may be NULL when len is 0, and
 * content_type NULL when there is no body. The body of a HEAD reply is counted but not sent. */
void http_reply(struct http_request *rq, int status, const char *content_type, const void *body,
                size_t len);
/* The same, with a body that stays where it is until the server is closed. */
void http_reply_static(struct http_request *rq, int status, const char *content_type,
                       const void *body, size_t len);
/* An error as application/problem+json (RFC 9457). title NULL: the status's own phrase; detail
 * NULL: none. Neither may carry personal data or a secret. */
void http_problem(struct http_request *rq, int status, const char *title, const char *detail);

/* A file made at build time. Replies 304 when the client has it, else the smallest coding that the
 * client takes; other methods than GET and HEAD get 405. With Content-Security-Policy,
 * Referrer-Policy, ETag, Vary and Cache-Control. Everything stays valid until the server is closed.
 */
struct http_asset {
    const char *type;          /* "text/html; charset=utf-8" */
    const char *etag;          /* with its quotes: "\"9f2c\""; the codings add -gz, -br */
    const char *cache_control; /* NULL: "no-cache", which asks for the ETag every time */
    struct http_span identity;
    struct http_span gzip, br; /* p == NULL: there is none */
};
void http_reply_asset(struct http_request *rq, const struct http_asset *asset);

/* ---- later ---- */

/* The reply comes later, from any callback of the loop. Until then the request stays as it is and
 * the connection's further requests wait. Exactly one of the two happens: it is replied to, or
 * cancelled(arg) is called (the client is gone, the time is up, the server closes), after which
 * the request must not be touched. A client that has only closed its sending side still gets its
 * reply. */
void http_defer(struct http_request *rq, void (*cancelled)(void *arg), void *arg);

/* Ends a deferred request and its connection without a word, as a server does that breaks down: by
 * a reset or by closing. cancelled(arg) is called. Not from inside the handler. */
void http_drop(struct http_request *rq, bool reset);

/* A reply whose body goes on: server-sent events, for example. http_reply_header works before.
 * closed(arg) is called exactly once, from the loop and never from inside a function of this
 * header, when the stream has ended for whatever reason; the stream is gone then. Returns NULL, and
 * closed is not called, when there is nothing to stream: for HEAD, whose reply is complete then,
 * and for a deferred request whose client has just gone. */
struct http_stream *http_stream_start(struct http_request *rq, const char *content_type,
                                      void (*closed)(void *arg), void *arg) MUST_USE;
/* Sends one piece, whole or not at all: false when the stream has ended, also because the client
 * has just been dropped: it would have been more than stream_queue_max bytes behind. A client that
 * is not behind takes a piece of any size. Pieces sent in one turn of the loop go out together. */
bool http_stream_send(struct http_stream *st, const void *data, size_t len);
void http_stream_end(struct http_stream *st); /* after what was sent; nothing more can be */
