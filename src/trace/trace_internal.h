/* trace_internal.h - what the files of src/trace share: bytes in, a row, sorting, bad rows. */
#pragma once

#include "base/heap.h"
#include "base/map.h"
#include "trace/trace.h"

#include <zlib.h>

/* ---- trace_input.c: bytes of a plain or compressed file, the standard input, or memory ---- */

struct source {
    gzFile gz;                     /* NULL: memory */
    const unsigned char *at, *end; /* what is read and not yet taken */
    unsigned char *room;
    uint64_t line;       /* of the next byte, from 1 */
    const char *failure; /* NULL: none */
};

bool source_open(struct source *s, const char *path, struct buf *errors) MUST_USE;
void source_open_bytes(struct source *s, const void *bytes, size_t n);
void source_close(struct source *s);
bool source__fill(struct source *s); /* false: the end, or a failure */

static inline int source_peek(struct source *s)
{
    return s->at < s->end || source__fill(s) ? *s->at : -1;
}

static inline int source_get(struct source *s)
{
    if (s->at == s->end && !source__fill(s))
        return -1;
    s->line += *s->at == '\n';
    return *s->at++;
}

/* ---- trace_sort.c: rows in the order of time and row number, in constant memory ---- */

struct trace_row {
    struct arrival a;
    double weight; /* contacts it stands for; 1 */
};

struct sorter;
struct sorter *sorter_new(uint32_t run_rows);
void sorter_free(struct sorter *s);
/* Both false: too many rows or a failing temporary file; *why says so. */
bool sorter_add(struct sorter *s, const struct trace_row *r, const char **why) MUST_USE;
bool sorter_finish(struct sorter *s, const char **why) MUST_USE;
/* After sorter_finish: true with a row; false at the end (*why unchanged) or on failure. */
bool sorter_next(struct sorter *s, struct trace_row *out, const char **why) MUST_USE;

/* ---- trace_time.c ---- */

enum time_kind { TIME_SECONDS, TIME_EPOCH_S, TIME_EPOCH_MS, TIME_ISO8601, TIME_STRPTIME };
struct time_format {
    enum time_kind kind;
    const char *text;       /* the strptime(3) format */
    int64_t utc_offset_min; /* of times that do not say */
};
struct time_format time_format_of(const struct cfg_trace *c);
/* False: not a time of this format, or not within 1970..2199. */
bool time_parse(const struct time_format *f, const char *text, td_ms *out) MUST_USE;
bool number_parse(const char *text, double *out) MUST_USE; /* a decimal number and nothing else */

/* ---- trace.c ---- */

struct active {
    struct trace_row row;
    uint64_t n, i; /* copy i of n comes next ... */
    td_ms next_at; /* ... at this time */
    uint32_t next_free;
};

struct trace {
    char *name;
    const struct config *config;
    struct trace_options options;
    struct source in;
    struct trace_stats stats;
    struct buf bad_lines;
    struct map64 queues; /* hash of what a cell may say -> queue */
    struct sorter *sorter;
    struct trace_row ahead; /* the next sorted row, when has_ahead */
    bool has_ahead;
    struct active *active; /* rows being spread, in any order */
    uint32_t n_active;     /* places used or free */
    uint32_t first_free;   /* chained by next_free; UINT32_MAX: none */
    struct heap due;       /* (next_at, row) -> place in active */
    const char *failure;
};

/* Counts a bad row and describes it while there is room. column NULL: the whole row. */
void trace__bad(struct trace *t, uint64_t line, const char *column, const char *why);
/* The customer's pseudonym; none for "" and for zeros only. */
struct td_id trace__pseudonym(const struct trace *t, const char *text);
/* A value of the trace -> a queue's index; false: neither mapped, nor a queue's name, nor a
 * default. value NULL: there is none, which is the default's business. */
bool trace__queue(const struct trace *t, const char *value, uint16_t *out);
bool trace__channel(const char *text, uint8_t *out);
/* Seconds of a duration -> ms; false: negative or over 30 days. */
bool trace__duration(double s, int64_t *out_ms);

/* Read everything into the sorter. False: t->failure or *errors says why. */
bool trace__read_csv(struct trace *t, struct buf *errors) MUST_USE;
bool trace__read_records(struct trace *t) MUST_USE;
