/* path.h - what probes tell of one path: one ordered pair of sites, one flow.
 *
 * The caller says when a probe is sent (path_sent gives its number), when its answer comes, and
 * when time has passed; the path keeps the history and says what changed, in struct probe_result.
 * That is what the verdict engine joins with routes and model. Pure: time comes in, results go out
 * through a callback, memory is one block of fixed size and no pointer leads out of it.
 *
 * Down and up. A probe is missed when its time is over: the smoothed round trip and four mean
 * deviations, as TCP does (RFC 6298), between timeout_min_ms and timeout_max_ms. `fall` missed in a
 * row, with no answer to a later one, are down; `rise` answers in a row are up. At a pace of 20 ms
 * and a round trip of 20 ms a cut is known after 3 * 20 + 20 + 20 = 100 ms at most.
 *
 * Loss each way. A stateful reflector counts what reached it. Of the probes up to the last answer,
 * those beyond its count were lost on the way there, and those it counted and we never got, on the
 * way back. Answers out of order mend both. A reflector that starts anew is noticed by its count
 * going back. What is still unanswered at the end is lost in one of both; that is not known before
 * the next answer.
 *
 * Hops come from the TTL with which packets arrive: 255 less that on the way there, and on the way
 * back the next of 64, 128, 255 above it less that. Delays by direction go to change.h. */
#pragma once

#include "base/hist.h"
#include "base/mem.h"
#include "net/change.h"
#include "net/prefix.h"

enum {
    PATH_WINDOW = 512,   /* probes whose answer is awaited or may be late; 10 s at 20 ms */
    PATH_HISTORY = 360,  /* spans kept: an hour of ten seconds each */
    PATH_UNKNOWN = 0xff, /* of hops */
};
#define PROBE_US_UNKNOWN INT32_MIN

enum probe_kind { PROBE_STAMP, PROBE_TCP, PROBE_HTTPS, PROBE_TRACE };
extern const char *const probe_kind_names[]; /* "stamp", "tcp", "https", "trace" */

enum probe_what {
    PROBE_UP,          /* answers come (again); since_ms: when the first of the row was sent */
    PROBE_DOWN,        /* they do not; since_ms: when the first missed one was sent */
    PROBE_SPAN,        /* a span is over: delays, losses and hops of it */
    PROBE_SHIFT,       /* a delay of one way stepped: shift, shift_there_us, shift_back_us */
    PROBE_HOPS,        /* the number of hops of a way changed */
    PROBE_LOOP,        /* traceroute: a router comes twice, on two runs: loop_at, loop_hops */
    PROBE_LOOP_ENDED,
};
extern const char *const probe_what_names[];

/* What a probe found. Fields that `what` does not name are the latest known, or unknown. */
struct probe_result {
    int64_t at_ms; /* wall clock, milliseconds since 1970 */
    uint32_t path; /* the caller's number of the path */
    uint16_t from, to, flow;
    uint8_t kind, what;                         /* enum probe_kind, enum probe_what */
    uint8_t hops_there, hops_back;              /* routers passed, or PATH_UNKNOWN */
    int64_t since_ms;                           /* wall clock */
    int32_t two_way_us, there_us, back_us;      /* medians of the span, else smoothed */
    int32_t two_way_p99_us, two_way_max_us;     /* of the span */
    uint32_t sent, lost;                        /* in the span; of each way when it is known: */
    int32_t lost_there, lost_back;              /* -1: not known, the reflector is stateless */
    uint8_t shift;                              /* enum change_kind */
    int32_t shift_there_us, shift_back_us;
    struct ip_addr loop_at;
    uint8_t loop_hops;                          /* routers in the cycle */
};

/* Both clocks, read at once. */
struct probe_time {
    int64_t mono_ns, wall_ns;
};

struct path_config {
    uint32_t path; /* these five are copied into results */
    uint16_t from, to, flow;
    uint8_t kind;
    bool stateless;  /* the reflector does not count */
    uint8_t fall;    /* missed in a row that are down (3) */
    uint8_t rise;    /* answers in a row that are up (3) */
    uint16_t timeout_min_ms; /* (STAMP 20, TCP 100, else timeout_max_ms) */
    uint16_t timeout_max_ms; /* (1000) */
    uint32_t span_ms;                        /* (10000) */
    uint32_t trust_ms; /* silence after which the past of the one-way delays is forgotten (60000) */
};

/* An answer. Times in nanoseconds of the wall clocks of STAMP's T1..T4; t2 and t3 are 0 where there
 * is no reflector (TCP, HTTPS): then t4 - t1 is the round trip and ways are unknown. */
struct path_answer {
    uint32_t seq;           /* of the probe */
    uint32_t reflector_seq; /* its own count */
    int64_t t1_ns, t2_ns, t3_ns, t4_ns;
    uint8_t ttl_there, ttl_back; /* as arrived; 0: unknown */
};

/* Ten seconds (or span_ms) of a path, as they are kept. */
struct path_span {
    int64_t end_ms;
    uint32_t sent, lost;
    int32_t lost_there, lost_back;
    int32_t two_way_min_us, two_way_p50_us, two_way_p99_us, two_way_max_us;
    int32_t there_p50_us, back_p50_us;
    uint8_t hops_there, hops_back;
    bool up; /* at its end */
};

enum path_state { PATH_STATE_UNKNOWN, PATH_STATE_UP, PATH_STATE_DOWN };

struct path; /* about 46 KB */
struct path *path_new(const struct path_config *c, struct probe_time now,
                      void (*emit)(void *arg, const struct probe_result *r), void *arg);
void path_free(struct path *p);

/* A probe goes out now; its number, counting from 0. */
uint32_t path_sent(struct path *p, struct probe_time now);
/* False: not an answer to a probe that is awaited or late (a stranger's, a repetition, too old). */
bool path_answered(struct path *p, const struct path_answer *a, struct probe_time now);
/* It is certain that the probe will have no answer: refused, unreachable. */
void path_failed(struct path *p, uint32_t seq, struct probe_time now);
/* To be called when mono_ns has reached path_due, and may be called at any time. */
void path_tick(struct path *p, struct probe_time now);
int64_t path_due(const struct path *p); /* mono_ns */

enum path_state path_state(const struct path *p);
/* A result with the path's latest figures, for what the path itself does not see: loops. */
struct probe_result path_result(const struct path *p, enum probe_what what, struct probe_time now);

/* The sums since the path was made. */
struct path_totals {
    uint64_t sent, answered, missed, late, repeated;
    int64_t lost_there, lost_back; /* -1: not known */
};
struct path_totals path_totals(const struct path *p);
/* Round trips in microseconds since the path was made. */
const struct hist *path_two_way(const struct path *p);
/* Spans, newest first: i = 0 is the last that ended; NULL: there are not so many. */
const struct path_span *path_span_at(const struct path *p, uint32_t i);
