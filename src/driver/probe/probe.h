/* probe.h - the port of probes: is a place alive, how far is it, both ways.
 *
 * A prober keeps many paths under watch, each an ordered pair of sites and a flow, by one of four
 * means. What they find comes as struct probe_result (net/path.h), whose history is asked by
 * prober_path.
 *
 *   STAMP   packets to a reflector (stamp.h beside): delays and losses of each way, hops; the one
 *           that sees a cut soonest
 *   TCP     a connection opened and reset: what a stateful firewall breaks while routing looks
 *   right HTTPS   a request to a URL, its whole reply: what people would get TRACE   a traceroute
 *   of one flow (trace.h): loops, confirmed by a second run
 *
 *   struct prober *p = prober_new(loop, &(struct prober_config){0}, found, x);
 *   int path = prober_add(p, &(struct probe_target){...}, why, sizeof why);
 *
 * Paths are paced by timers of their own, the first probe of each at another moment of its pace, so
 * that many paths make no burst. What all paths together would send is known when a path is added:
 * one that is too much for the limits is refused then, and nothing is left out later.
 *
 * A process that was stopped for a while reads what has arrived before it says that something has
 * not. One thread: everything is called from the loop's thread. Nothing secret is logged. */
#pragma once

#include "net/path.h"
#include "net/stamp.h"

struct uv_loop_s;
struct prober;

enum {
    PROBE_PACKETS_DEFAULT = 4000, /* a second: 20 ordered pairs, 4 flows each, every 20 ms */
    PROBE_PATHS_DEFAULT = 512,    /* a socket each; far below the usual limit of 1024 descriptors */
    PROBE_PACE_MIN_MS = 5,        /* below that the loop's milliseconds are too coarse */
};

struct prober_config {
    uint32_t packets_per_s_max; /* sent by all paths together (PROBE_PACKETS_DEFAULT) */
    uint32_t paths_max;         /* (PROBE_PATHS_DEFAULT) */
    const struct stamp_key *key; /* authenticated STAMP; NULL: not. Copied. */
    const char *ca_file;         /* PEM, for HTTPS; NULL: the system's. Copied. */
};

struct probe_target {
    struct path_config path; /* path.path is set by prober_add; kind chooses the means */
    struct ip_addr address;  /* where to; HTTPS: may be none, then the URL's host is looked up */
    uint16_t port;           /* 0: 862, 443 */
    struct ip_addr source;   /* from which address; none: the system chooses */
    uint16_t source_port;    /* the flow: probes of one path keep their 5-tuple. 0: any. A TCP path
                              * with a port of its own has one attempt at a time. */
    uint32_t pace_ms;        /* PROBE_PACE_MIN_MS.. */
    const char *url;         /* HTTPS. Copied. */
    uint16_t status_min, status_max; /* HTTPS: a reply that is an answer (200, 399) */
};

typedef void probe_found(void *arg, const struct probe_result *r);
struct prober *prober_new(struct uv_loop_s *loop, const struct prober_config *c,
                          probe_found *found, void *arg) MUST_USE;
/* Ends all paths; `closed` (may be NULL) is called when nothing is left, mostly from the loop. */
void prober_close(struct prober *p, void (*closed)(void *arg), void *arg);

/* The number of the path, or -1 and in `why` a sentence: a limit, a socket that cannot be had. */
int prober_add(struct prober *p, const struct probe_target *t, char *why, size_t cap) MUST_USE;
void prober_remove(struct prober *p, int path);
/* The path's next probe goes out now: a traceroute when a path is down. */
void prober_now(struct prober *p, int path);
/* NULL: no such path. Valid until it is removed. */
const struct path *prober_path(const struct prober *p, int path);

struct prober_stats {
    uint32_t paths;
    uint32_t packets_per_s; /* that the paths of now make */
    uint64_t sent, send_failed;
    uint64_t strange; /* packets that were no answer: forged, malformed, too late */
};
struct prober_stats prober_stats(const struct prober *p);
