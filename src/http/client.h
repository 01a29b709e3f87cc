/* client.h - HTTP requests out: libcurl's multi interface on the loop. Calls are started, never
 * waited for; connections are kept and used again.
 *
 *   static void done(void *arg, const struct http_result *r)
 *   {
 *       if (r->error == HTTP_CLIENT_OK && r->status == 200)
 *           take(r->body);
 *   }
 *   struct http_client_config config = HTTP_CLIENT_DEFAULTS;
 *   struct http_client *c = http_client_new(loop, &config);
 *   http_client_start(c, &(struct http_call_spec){.method = HTTP_METHOD_GET, .url = url}, done, x);
 *
 * What it does by itself, and what not: TLS is verified against the system's certificates. No proxy
 * is taken from the environment, no redirect is followed unless asked, nothing is decompressed, no
 * cookie is kept, and only http and https are spoken (HTTP/1.1). URLs, fields and bodies are never
 * logged. A path is sent as it is given ("/a/../b" too), since a signature covers it.
 *
 * A request on a kept connection that the server closes at that very moment, with not one byte of a
 * reply, is sent again on a new one (RFC 9112, 9.3.1; it is libcurl's doing). So a request can
 * reach a server twice; those that must not take effect twice carry an idempotency token or a whole
 * state. Connections idle for idle_timeout_ms are not used again, which makes the case rare when
 * that is shorter than the server's own limit.
 *
 * One thread: everything is called from the loop's thread, and every callback is called there. The
 * program must ignore SIGPIPE. */
#pragma once

#include "http/http.h"

struct http_client;
struct http_call;

struct http_client_config {
    uint32_t calls_max;          /* at a time, those that wait for a connection included */
    uint32_t conns_max;          /* to all hosts */
    uint32_t host_conns_max;     /* to one host and port; further calls wait for one of them */
    uint32_t reply_max;          /* bytes of a reply's body */
    uint32_t head_max;           /* bytes of a reply's status line and fields */
    uint32_t connect_timeout_ms; /* name looked up, connected, TLS agreed */
    uint32_t total_timeout_ms;   /* from the start to the last byte, waiting for a connection too */
    uint32_t idle_timeout_ms;    /* a connection idle this long is not used again */
    const char *user_agent;      /* NULL: none is sent. The strings are copied. */
    const char *ca_file;         /* PEM; NULL: the system's */
    const char *proxy;           /* "http://host:port"; NULL: none */
};
#define HTTP_CLIENT_DEFAULTS                                                                       \
    {                                                                                              \
        .calls_max = 1024, .conns_max = 256, .host_conns_max = 32, .reply_max = 4u << 20,          \
        .head_max = 32768, .connect_timeout_ms = 3000, .total_timeout_ms = 20000,                  \
        .idle_timeout_ms = 50000, .user_agent = "tandem/" TANDEM_VERSION                           \
    }

struct http_client *http_client_new(struct uv_loop_s *loop,
                                    const struct http_client_config *config) MUST_USE;
/* Ends every call with HTTP_CLIENT_CANCELLED, closes all connections, frees the client and calls
 * closed(arg), which may be NULL. No call may be started from then on. */
void http_client_close(struct http_client *c, void (*closed)(void *arg), void *arg);

struct http_field {
    const char *name, *value;
};
enum { HTTP_CALL_FIELDS_MAX = 32 };

struct http_call_spec { /* all of it is copied by http_client_start */
    enum http_method method;
    const char *url;
    const struct http_field *fields; /* Content-Type too; Host and Content-Length are made */
    uint32_t n_fields;
    struct http_span body; /* p == NULL: none; n == 0 with p: an empty one, "Content-Length: 0" */
    /* 0 takes the client's: */
    uint32_t reply_max, connect_timeout_ms, total_timeout_ms;
    uint32_t redirects_max; /* 0: none is followed */
    bool fresh;             /* on a new connection, which is not kept: for probes */
    /* "address:port" to connect to instead of the URL's host, which stays in Host and TLS: for
     * probes of one address among several. "[::1]:443" for IPv6. NULL: the URL's. */
    const char *connect_to;
};

enum http_client_error {
    HTTP_CLIENT_OK,              /* a whole reply came, whatever its status */
    HTTP_CLIENT_BUSY,            /* calls_max calls are at work; nothing was sent */
    HTTP_CLIENT_BAD_REQUEST,     /* malformed URL or field, unknown scheme; nothing was sent */
    HTTP_CLIENT_RESOLVE,         /* the name is not known, or nobody could be asked */
    HTTP_CLIENT_CONNECT,         /* refused, unreachable */
    HTTP_CLIENT_CONNECT_TIMEOUT, /* not connected in connect_timeout_ms */
    HTTP_CLIENT_TLS,             /* certificate or handshake */
    HTTP_CLIENT_TIMEOUT,         /* connected, but no whole reply in time */
    HTTP_CLIENT_LOST,            /* reset or closed before the reply was whole */
    HTTP_CLIENT_TOO_LARGE,       /* more than reply_max or head_max */
    HTTP_CLIENT_PROTOCOL,        /* what came is not HTTP/1.1; too many redirects */
    HTTP_CLIENT_CANCELLED,       /* http_client_close */
    HTTP_CLIENT_ERRORS
};
extern const char *const http_client_error_names[HTTP_CLIENT_ERRORS]; /* "ok", "busy", ... */

struct http_timing { /* microseconds from the start of the call; 0: did not get there, or kept */
    int64_t resolved_us, connected_us, tls_us, first_byte_us, total_us;
};

/* All of it is valid during the callback only. */
struct http_result {
    enum http_client_error error;
    int status; /* 0: no status line came */
    /* Some of the request was given to the network, so it may have taken effect even though no
     * reply came: the caller must look before he does it again. */
    bool sent;
    bool reused;            /* on a kept connection */
    struct http_span fields; /* of the last reply: lines "name: value\r\n" */
    struct http_span body;   /* what came of it, also after an error */
    struct http_timing timing;
    char peer[64]; /* "192.0.2.1:443", "[2001:db8::1]:443"; "" when not connected */
};
typedef void http_done(void *arg, const struct http_result *result);

/* done(arg) is called exactly once, from the loop and never from inside this function, also when
 * the call cannot even start; not at all after http_call_cancel. The call is gone then. */
struct http_call *http_client_start(struct http_client *c, const struct http_call_spec *spec,
                                    http_done *done, void *arg);
/* Forgets the call, whose connection is closed. Not from inside its own `done`. */
void http_call_cancel(struct http_call *call);

/* The first value of a field, names compared without case; p == NULL when it is not there. */
struct http_span http_result_field(const struct http_result *r, const char *name);

struct http_client_stats {
    uint64_t started;                   /* every call is counted in `ended` or cancelled once */
    uint64_t ended[HTTP_CLIENT_ERRORS]; /* by how */
    uint64_t cancelled;                 /* by http_call_cancel */
    uint64_t reused;                    /* on kept connections */
    uint64_t bytes_in, bytes_out;       /* bodies */
    uint32_t calls;                     /* at work now */
};
const struct http_client_stats *http_client_stats(const struct http_client *c);
