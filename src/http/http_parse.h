/* http_parse.h - one HTTP/1.x request from bytes, however they are cut: the guard, then llhttp.
 *
 * A pure function over bytes: no sockets, no allocation, no clock; the fuzzer runs it as it is.
 * The guard (http_head.h) decides where the head ends and whether it is sound; llhttp then reads
 * the same bytes and delivers the body. Both must agree on method, version, framing and on the byte
 * where the message ends, else the request is refused with 400: two readers that disagree are what
 * request smuggling lives from.
 *
 * Chunked bodies: each chunk-size line is checked as a whole (1 to 8 hexadecimal digits, extensions
 * of visible characters, CRLF) before llhttp sees it. Trailer fields are refused; nothing here
 * could use them. The data is moved together in place, so the body is one piece. */
#pragma once

#include <llhttp.h>

#include "http/http_head.h"

enum {
    HTTP_CHUNK_LINE_MAX = 256,     /* bytes of a chunk-size line */
    HTTP_CHUNK_FRAMING_MAX = 32768 /* bytes of a chunked body that are not data */
};

enum http_step {
    HTTP_STEP_MORE,   /* needs bytes that have not come */
    HTTP_STEP_HEAD,   /* once for each message: the head is complete and sound; call again */
    HTTP_STEP_DONE,   /* the message is complete: `pos` bytes of it, body at body_at */
    HTTP_STEP_REFUSED /* see status and why; the connection cannot go on */
};

struct http_parser {
    struct http_limits limits;
    enum {
        HTTP_AT_HEAD,
        HTTP_AT_BODY, /* the head is done; what follows is in `left` or chunked */
        HTTP_AT_CHUNK_LINE,
        HTTP_AT_CHUNK_DATA,
        HTTP_AT_CHUNK_END,
        HTTP_AT_LAST_CHUNK,
        HTTP_AT_END
    } at;
    uint32_t pos;     /* bytes of the message dealt with */
    uint32_t scanned; /* of a chunk-size line: bytes looked at for its end */
    uint32_t left;    /* bytes of the body or chunk still to come */
    uint32_t framing; /* bytes of a chunked body that were not data */
    uint32_t body_at, body_len;
    bool keep_alive; /* the client lets the connection go on; valid once DONE */
    bool head_agreed, complete;
    int status; /* of a refusal */
    const char *why;
    char *base; /* only while http_parse runs */
    struct http_head head;
    llhttp_t llhttp;
};

void http_parser_init(struct http_parser *p, const struct http_limits *limits);
void http_parser_reset(struct http_parser *p); /* for the next message */

/* `base` holds the n bytes that have come since the message's first, all of them again at every
 * call, at the same or another address. Bytes from body_at to pos may be rewritten (chunked data is
 * moved together). After DONE and REFUSED it must be reset before it is called again. */
enum http_step http_parse(struct http_parser *p, char *base, size_t n);

/* The most bytes that a message within the limits can have. */
size_t http_message_max(const struct http_limits *limits);
