/* trace.h - a traceroute with one flow kept (net/trace.h), without privileges: UDP packets to the
 * port of STAMP's reflector, whose errors the kernel gives to their socket (IP_RECVERR).
 *
 * The packets are STAMP requests, so whatever lets probes pass lets these pass, a reflector at the
 * destination answers, and where there is none its "port unreachable" says that it was reached. One
 * packet is under way at a time, since routers need not return enough of a packet to tell it from
 * another of the same 5-tuple. A hop is waited for as long as three times the longest round trip of
 * the run so far and 100 ms, at most `wait_ms`.
 *
 * When a loop is found a second run follows at once, to confirm it. */
#pragma once

#include "net/stamp.h"
#include "net/trace.h"

struct uv_loop_s;
struct trace_run;

struct trace_spec {
    struct ip_addr to, source; /* source: none: the system chooses */
    uint16_t port;             /* 0: 862 */
    uint16_t source_port;      /* the flow; 0: any */
    uint16_t wait_ms;          /* (1000) for a hop's answer */
    uint8_t hops_max;          /* (30) at most TRACE_HOPS_MAX */
    uint8_t silent_max;        /* (5) hops without answer in a row that end the run */
    const struct stamp_key *key; /* NULL: unauthenticated packets. Copied. */
};

/* `loop` is NULL unless a loop was found twice. Valid during the callback. */
typedef void trace_done(void *arg, const struct trace *t, const struct trace_loop *loop);

/* NULL and a sentence in `why`: no socket. done(arg) is called once, from the loop. */
struct trace_run *trace_start(struct uv_loop_s *loop, const struct trace_spec *spec,
                              trace_done *done, void *arg, char *why, size_t cap) MUST_USE;
/* Ends it without a word. Not after done was called. */
void trace_cancel(struct trace_run *t);
