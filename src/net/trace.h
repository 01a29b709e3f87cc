/* trace.h - what a traceroute found, and whether it found a forwarding loop.
 *
 * All probes of a run have one 5-tuple (Paris traceroute: B. Augustin and others, "Avoiding
 * traceroute anomalies with Paris traceroute", IMC 2006), so routers that share load by flow send
 * them all the same way, and a router seen twice was passed twice. It is a loop when the same
 * router answers at TTL i and at TTL j > i + 1; side by side it is one router that answers for two
 * (some decrement late). It is believed when a second run finds the same one: a route may change
 * while a run is under way. Routers are told apart by the address they answer from. */
#pragma once

#include "net/prefix.h"

enum { TRACE_HOPS_MAX = 40 };

struct trace_hop {
    struct ip_addr router; /* family 0: no answer */
    int32_t two_way_us;
    uint8_t reply_ttl; /* of its answer, as it arrived; 0: not known */
};

enum trace_end {
    TRACE_REACHED,     /* the last hop is the destination */
    TRACE_LOOP,        /* a router came again */
    TRACE_SILENT,      /* no answer from several hops in a row: a hole, or a filter */
    TRACE_UNREACHABLE, /* the last hop says that there is no way */
    TRACE_LONG,        /* TRACE_HOPS_MAX hops, and no end */
};
extern const char *const trace_end_names[]; /* "reached", "loop", ... */

struct trace {
    struct ip_addr to;
    struct trace_hop hop[TRACE_HOPS_MAX]; /* hop[i] answered to TTL i + 1 */
    uint8_t hops;
    uint8_t end; /* enum trace_end */
};

struct trace_loop {
    struct ip_addr at; /* the first router that comes again */
    uint8_t ttl;       /* where it came first */
    uint8_t routers;   /* in the cycle: j - i */
};

/* The loop that is nearest to where the probes came from. */
bool trace_find_loop(const struct trace *t, struct trace_loop *out);
/* Both runs found the same cycle, wherever it was entered; *out is that of `second`. */
bool trace_same_loop(const struct trace *first, const struct trace *second, struct trace_loop *out);
