/* trace.h - a day that was: arrivals read from a file, in the order of time, to be played again.
 *
 * Two kinds of file, told apart by the first character:
 *  - CSV or TSV with a header (RFC 4180: quotes, newlines in quotes, CRLF), whose columns struct
 *    cfg_trace names;
 *  - Amazon Connect contact records in JSON ('{' first), one a line or one after another, as
 *    Kinesis Data Firehose writes them. See trace_ctr.c for what is taken from a record.
 * Either may be compressed with gzip. "-" is the standard input.
 *
 * trace_open reads the whole input, so that what is wrong with it is known before the first
 * contact is played, and because real exports are sorted by line, by end or by nothing. Memory
 * stays constant: rows are sorted in runs of 65,536, and of a longer input the sorted runs wait in
 * one nameless temporary file. That file and the arrivals hold no telephone number, name or
 * customer number, only pseudonyms and places.
 *
 * A row that cannot be used is counted, and the first of them are described by file, line and
 * column, never by what the cell holds.
 *
 * Same file, configuration, seed and key: same arrivals, on any machine. */
#pragma once

#include "core/config.h"
#include "core/place.h"

struct buf;
struct trace;

enum {
    TRACE_RECORD_MAX = 64 << 10, /* bytes of one CSV record; the longest seen has 300 */
    TRACE_JSON_MAX = 256 << 10,  /* bytes of one contact record; with attributes some 40 KB */
    TRACE_COLUMNS_MAX = 256,
    TRACE_BAD_LINES_MAX = 20,       /* descriptions kept; a broken file has one in every row */
    TRACE_RUN_ROWS = 65536,         /* sorted in memory: 10 MB */
    TRACE_RUNS_MAX = 1024,          /* sorted in a file: 67 million rows */
    TRACE_RECENT_IDS = 65536,       /* contact records remembered to leave out repetitions */
    TRACE_OVERLAP_MAX = 131072,     /* rows being spread at one moment */
    TRACE_COPIES_SPREAD_MS = 60000, /* copies of a row (scale) follow it within this */
};

struct arrival {
    td_ms at;
    uint64_t row;          /* from 1, the header not counted */
    struct td_id contact;  /* a record's own, or made from seed, row and copy */
    struct td_id customer; /* a pseudonym: SipHash of the number or customer column */
    struct place place;
    int64_t handle_ms; /* talking with holds; -1: unknown, as all three */
    int64_t wrapup_ms;
    int64_t patience_ms; /* known only of customers who gave up */
    uint16_t queue;      /* index in the configuration */
    uint8_t channel;
};

struct trace_options {
    uint64_t seed;             /* of copies, spreading and made-up contact ids */
    uint64_t pseudonym_key[2]; /* a secret of this run */
    uint32_t run_rows;         /* 0: TRACE_RUN_ROWS; tests make it small */
};

/* What the file held; known once trace_open has returned. */
struct trace_stats {
    uint64_t rows; /* without the header; bad, skipped and repeated ones too */
    uint64_t bad, skipped, duplicates;
    const char *bad_lines; /* "file:line: column "x": reason\n", the first 20; "" none */
};

enum trace_result { TRACE_ROW, TRACE_END, TRACE_FAILED };

/* Opens and reads. NULL: cannot be read at all (no file, damaged compression, a column the
 * configuration names is not there, too many rows, no room for the temporary file), and *errors
 * says why, one line each. The configuration must outlive the trace.
 *
 * Times without a date ("seconds", or a strptime format of hours only) are on Monday 1970-01-05 of
 * the trace's own UTC offset. Of a time that spans columns ("date+time") the values are joined by
 * one space. */
struct trace *trace_open(const char *path, const struct config *c, const struct trace_options *o,
                         struct buf *errors) MUST_USE;
/* The same from memory; `name` stands in messages. */
struct trace *trace_open_bytes(const void *bytes, size_t n, const char *name,
                               const struct config *c, const struct trace_options *o,
                               struct buf *errors) MUST_USE;
void trace_close(struct trace *t);

struct trace_stats trace_stats(const struct trace *t);

/* The next arrival, never earlier than the one before. TRACE_FAILED: the temporary file could not
 * be read back, or too many rows overlap; trace_failure says which, and it stays so. */
enum trace_result trace_next(struct trace *t, struct arrival *out) MUST_USE;
const char *trace_failure(const struct trace *t);
