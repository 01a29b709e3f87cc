/* watch.h - the live watch of the network: feeds and probes into the model, verdicts out.
 *
 *   routers ─ BMP, FPM ─► stations ─┐
 *   clouds ── polls ────────────────┼─► netmodel (net/netmodel.h) ─► verdicts ─► log, told(), API
 *   sites ── probes ────────────────┘
 *
 * It runs on the loop of whoever holds it, settles the model soon after something came in, and
 * keeps what the pages ask for: the latest of each path under probes, and the verdicts that have
 * ended.
 *
 * One thread, the loop's. */
#pragma once

#include "net/netmodel.h"
#include "net/whatif.h"
#include "watch/watch_config.h"

struct uv_loop_s;
struct watch;

enum {
    WATCH_PATHS_MAX = 16384, /* 64 sites with 4 flows each */
    WATCH_ENDED_KEPT = 256,  /* verdicts that are over */
    WATCH_TEXT_MAX = 512,
};

struct watch_path { /* one flow between two sites, by one means */
    struct probe_result last; /* figures of the last span, and the latest of all else */
    uint8_t state;            /* enum path_state */
    int64_t state_since_ms, heard_ms;
    bool loop; /* a traceroute found one that has not ended */
};

struct watch_ended {
    struct verdict verdict;
    char text[WATCH_TEXT_MAX];
};

struct watch_options {
    struct uv_loop_s *loop;
    const struct watch_config *config; /* outlives the watch */
    uint64_t seed;                     /* of hashes that strangers should not guess */
    /* A verdict was raised, changed its evidence (again: true) or ended. May be NULL. */
    void (*told)(void *arg, const struct verdict *v, const char *text, bool again);
    void *arg;
};

/* NULL and a line in `error`: an address or port cannot be had, a key file not be read. */
struct watch *watch_new(const struct watch_options *o, char *error, size_t cap) MUST_USE;
/* Ends feeds and probes; closed(arg) is called from the loop, and the watch is gone. */
void watch_close(struct watch *w, void (*closed)(void *arg), void *arg);

/* For feeds that the watch has not started itself; `w` is the watch. */
void watch_sink(void *w, const struct route_event *e);
struct attr_table *watch_attrs(struct watch *w);
struct sources *watch_sources(struct watch *w);
/* What a site's prober found. False: no such sites, or too many paths. */
bool watch_probe(struct watch *w, const struct probe_result *r);
/* Events that AWS pushes (driver/routes/aws_events.h), each counted once by its id, also when it
 * comes again. */
enum watch_push {
    WATCH_PUSH_BAD,       /* no such event: *why tells */
    WATCH_PUSH_APPLIED,   /* the model is as it says */
    WATCH_PUSH_REPEATED,  /* it has come before */
    WATCH_PUSH_LATE,      /* what is known is newer */
    WATCH_PUSH_ELSEWHERE, /* of a gateway or table that is not watched */
    WATCH_PUSH_NOTED,     /* its region will be asked soon */
    WATCH_PUSH_UNKNOWN,   /* of a kind that says nothing here */
    WATCH_PUSHES
};
extern const char *const watch_push_names[WATCH_PUSHES]; /* "bad", "applied", ... */
bool watch_push_open(const struct watch *w); /* false: no key is configured */
bool watch_push_key(const struct watch *w, const char *key, size_t n); /* is it the right one? */
enum watch_push watch_push(struct watch *w, const void *json, size_t n, const char **why);
uint64_t watch_pushed(const struct watch *w, enum watch_push how); /* so many since the start */
/* Brings the verdicts up to date now, instead of within some milliseconds. */
void watch_settle(struct watch *w);

struct netmodel *watch_model(struct watch *w);
const struct topo *watch_topo(const struct watch *w);
int watch_bmp_port(const struct watch *w); /* 0: none listens */
int watch_fpm_port(const struct watch *w);
int64_t watch_now(const struct watch *w);  /* Unix time of the last settling */

uint32_t watch_paths(const struct watch *w);
const struct watch_path *watch_path_at(const struct watch *w, uint32_t i);
/* Newest first: i = 0 is the last that ended; NULL: there are not so many. */
const struct watch_ended *watch_ended_at(const struct watch *w, uint32_t i);
/* What topo_check found, in its order. */
uint32_t watch_findings(const struct watch *w);
const struct topo_finding *watch_finding_at(const struct watch *w, uint32_t i);
