/* http_head.h - the head guard: request line and fields of one HTTP/1.x request, strictly.
 *
 * llhttp 8.1, the parser in Debian 12, lets six of the usual 25 request-smuggling tricks pass, and
 * other parsers more. The guard stands before it and takes only what RFC 9112 says a request is,
 * less what no client of ours sends. It reads bytes and nothing else: no sockets, no allocation.
 *
 * Refused: a line that does not end in CRLF; NUL and any other control character but tab in a
 * value; white space before the colon or at the start of a line (obs-fold); a name that is not a
 * token; anything but exactly one Host; two of Content-Length, Transfer-Encoding, Content-Type,
 * Authorization, Origin or Expect; a Content-Length that is not 1 to 15 digits; Content-Length
 * beside Transfer-Encoding; a transfer coding other than "chunked" (501), or in HTTP/1.0; a version
 * other than 1.0 and 1.1 (505); methods we do not know (501); a target that is neither a path, nor
 * an http URL of the same host, nor the "*" of OPTIONS; what is larger than the limits. One empty
 * line before the request line is skipped (RFC 9112, 2.2). */
#pragma once

#include "http/http.h"

enum { HTTP_FIELDS_MAX = 64 }; /* a browser sends about 15 */

struct http_limits {
    uint32_t head_max;   /* at most 65535, offsets are 16 bits */
    uint32_t target_max; /* must be under head_max */
    uint32_t body_max;
};

struct http_field { /* offsets from the message's first byte */
    uint16_t name, name_len, value, value_len;
};

struct http_head {
    /* where the guard is */
    uint16_t scanned; /* bytes looked at */
    uint16_t line;    /* start of the line it is in */
    bool started;     /* the request line is there */
    /* what it found */
    enum http_method method;
    uint8_t minor;   /* HTTP/1.minor */
    bool has_length; /* Content-Length is there, its value in body_len */
    bool chunked;    /* the body is chunked */
    bool expects;    /* Expect: 100-continue */
    bool has_query;
    uint64_t body_len;
    uint16_t start, len; /* of the head: from the request line to past the empty line */
    uint16_t authority, authority_len; /* of a target in URL form; len 0: it was a path */
    uint16_t path, path_len, query, query_len;
    uint16_t n_fields;
    uint8_t host, origin, content_type; /* 1 + index in fields; 0: not there */
    uint8_t authorization;
    struct http_field fields[HTTP_FIELDS_MAX];
    const char *why; /* of a refusal: a constant sentence for people */
};

void http_head_reset(struct http_head *h);

/* `p` holds the n bytes that have come of the message so far, all of them again at every call.
 * Returns 0: more bytes are needed; 1: the head is complete; else the status to refuse it with.
 * After a refusal it must not be called again. How the bytes are cut does not change the result. */
int http_head_read(struct http_head *h, const char *p, size_t n, const struct http_limits *limits);
