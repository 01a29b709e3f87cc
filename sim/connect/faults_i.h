/* faults_i.h - what the files of faults share. */
#pragma once

#include "connect/faults.h" /* before uv.h, which may define MIN and MAX again */

#include <uv.h>

enum fault_kind {
    FAULT_REGION_DOWN, FAULT_API_ERRORS, FAULT_API_SLOW, FAULT_THROTTLE_STORM, FAULT_STREAM_STALL,
    FAULT_STREAM_DUPLICATES, FAULT_EVENTS_LOST, FAULT_AGENTS_LOST, FAULT_FLOWS_BROKEN,
    FAULT_CLOCK_SKEW, FAULT_KINDS
};
enum fault_mode { MODE_REFUSE, MODE_RESET, MODE_BLACK_HOLE, MODE_SLOW, FAULT_MODES };
extern const char *const fault_names[FAULT_KINDS];
extern const char *const fault_mode_names[FAULT_MODES];

struct fault {
    uint32_t id;
    enum fault_kind kind;
    struct region *region; /* NULL: all */
    enum fault_mode mode;
    enum api_error error;
    char service[32], operation[96]; /* "": any */
    double rate;
    int64_t delay_ms, skew_ms, until_ms; /* until: of the loop; INT64_MAX: until it is ended */
    bool drop_contacts, desktops_stay, streams[FEEDS];
    struct td_id *lost; /* agents that it has logged out, or whose desktops it has cut off */
    uint32_t n_lost;
};

struct held;
struct faults {
    struct faults_options o;
    struct fault fault[FAULTS_MAX];
    uint32_t n, last_id;
    uv_timer_t timer; /* ends what has had its time */
    struct rng rng;
    LIST_HEAD(, held) held;
    uint32_t n_held;
    struct fault_counts counts;
    void (*closed)(void *arg);
    void *closed_arg;
};

/* fault_parse.c: NULL: taken into *out; else what is wrong. Pure. */
const char *fault_parse(const json_t *o, struct center *c, struct fault *out);
void fault_write(struct jw *w, const struct fault *x, int64_t now_ms);

/* faults_world.c: what a fault does to instances, feeds and flows */
void fault_begin(struct faults *f, struct fault *x);
void fault_end(struct faults *f, struct fault *x);

/* faults_call.c: what it does to calls */
bool faults_before(void *arg, struct call *c);
void faults_let_go(struct faults *f); /* every request that is held, unanswered */
