/* log.h - lines for people and their tools: logfmt on standard error, and a ring of the last ones.
 *
 *   log_warn("bus", "link lost", LF_S("peer", name), LF_I("silent_ms", ms));
 *
 *   <4>ts=2026-11-22T21:04:05.678Z level=warn sub=bus msg="link lost" peer=us-west-2 silent_ms=812
 *
 * logfmt: https://brandur.org/logfmt (key=value, values quoted as in JSON where they need it). The
 * "<4>" is the priority of sd-daemon(3), which journald keeps; it is left out on a terminal.
 * Times are UTC. No personal data and no secret belongs in a message or a field.
 *
 * Each place in the code that logs may write `burst` lines in `window_ms`; what is above that is
 * counted, and the first line of a later window carries suppressed=N (log_close writes what is
 * left).
 *
 * The sink is the one process-wide object of tandem: a line may come from anywhere, a library or a
 * thread, and all must meet in one order in one place. It is guarded by a lock. Before log_open and
 * after log_close lines go to standard error from level info on, and there is no ring. */
#pragma once

#include "base/base.h"

enum log_level {
    LOG_LEVEL_ERROR,
    LOG_LEVEL_WARN,
    LOG_LEVEL_NOTICE,
    LOG_LEVEL_INFO,
    LOG_LEVEL_DEBUG,
    LOG_LEVELS
};
extern const char *const log_level_names[LOG_LEVELS]; /* "error", "warn", "notice", ... */

enum {
    LOG_RING = 1000,     /* lines kept; about a screenful a second for a minute of trouble */
    LOG_LINE_MAX = 1024, /* bytes of a line with its NUL; a longer one is cut and ends in "..." */
};

struct log_options {
    int fd;               /* where lines go, one write(2) each; -1: only into the ring */
    enum log_level level; /* lines above it are dropped before anything is formatted */
    uint32_t burst;       /* 0: no limit */
    int64_t window_ms;
    int64_t (*now_ms)(void *); /* milliseconds since the epoch; NULL: the system's clock */
    void *now_arg;
};
#define LOG_DEFAULTS                                                                               \
    {                                                                                              \
        .fd = 2, .level = LOG_LEVEL_INFO, .burst = 20, .window_ms = 10000                          \
    }

void log_open(const struct log_options *o); /* again: takes the new options, keeps the ring */
void log_close(void);
void log_set_level(enum log_level level);
bool log_enabled(enum log_level level);

/* The ring, oldest first: calls fn for each line with seq > after (0: all) until it returns false.
 * `line` has no priority and no newline, and is valid during the call. fn must not log. */
struct log_line {
    uint64_t seq; /* from 1; a gap to the one asked for means that lines were overwritten */
    int64_t at_ms;
    enum log_level level;
    const char *text;
    size_t len;
};
void log_each(uint64_t after, bool (*fn)(void *arg, const struct log_line *line), void *arg);
/* Lines that could not be written, because the descriptor was full or broken. */
uint64_t log_lost(void);

enum log_type { LF__END, LF__STR, LF__STRN, LF__INT, LF__UINT, LF__HEX, LF__DOUBLE, LF__BOOL };
struct log_field {
    enum log_type type;
    const char *key;
    union {
        struct {
            const char *s;
            size_t n;
        };
        int64_t i;
        uint64_t u;
        double d;
    };
};
#define LF_S(key_, v)    ((struct log_field){.type = LF__STR, .key = (key_), .s = (v)})
#define LF_N(key_, v, l) ((struct log_field){.type = LF__STRN, .key = (key_), .s = (v), .n = (l)})
#define LF_I(key_, v)    ((struct log_field){.type = LF__INT, .key = (key_), .i = (v)})
#define LF_U(key_, v)    ((struct log_field){.type = LF__UINT, .key = (key_), .u = (v)})
#define LF_X(key_, v)    ((struct log_field){.type = LF__HEX, .key = (key_), .u = (v)})
#define LF_D(key_, v) ((struct log_field){.type = LF__DOUBLE, .key = (key_), .d = (v)})
#define LF_B(key_, v) ((struct log_field){.type = LF__BOOL, .key = (key_), .u = (v)})
#define LF_END        ((struct log_field){.type = LF__END})

struct log_site { /* one a place in the code, made by the macros below */
    int64_t window_start_ms;
    uint32_t lines, suppressed;
    bool listed;
    enum log_level level;
    const char *sub, *msg;
    struct log_site *next;
};
void log_write(struct log_site *site, enum log_level level, const char *sub, const char *msg,
               const struct log_field *fields);

/* (subsystem, message, fields...): the first two are constant strings. */
#define log_error(sub, ...)  LOG__AT(LOG_LEVEL_ERROR, sub, __VA_ARGS__, LF_END)
#define log_warn(sub, ...)   LOG__AT(LOG_LEVEL_WARN, sub, __VA_ARGS__, LF_END)
#define log_notice(sub, ...) LOG__AT(LOG_LEVEL_NOTICE, sub, __VA_ARGS__, LF_END)
#define log_info(sub, ...)   LOG__AT(LOG_LEVEL_INFO, sub, __VA_ARGS__, LF_END)
#define log_debug(sub, ...)  LOG__AT(LOG_LEVEL_DEBUG, sub, __VA_ARGS__, LF_END)
#define LOG__AT(level, sub, msg, ...)                                                              \
    do {                                                                                           \
        static struct log_site log__site;                                                          \
        if (log_enabled(level))                                                                    \
            log_write(&log__site, level, "" sub, "" msg, (const struct log_field[]){__VA_ARGS__}); \
    } while (0)
