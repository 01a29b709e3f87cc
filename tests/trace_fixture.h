/* trace_fixture.h - a configuration made by hand for the tests of src/trace, and short ways in. */
#pragma once

#include "base/mem.h"
#include "tap.h"
#include "trace/trace.h"

enum { Q_SALES, Q_SERVICE, FIXTURE_QUEUES };

static struct cfg_queue fixture_queues[FIXTURE_QUEUES] = {{.name = "Sales"}, {.name = "Service"}};

/* Columns t (iso8601) and queue; no default queue. */
__attribute__((unused)) static struct config fixture(void)
{
    struct config c = {.n_queues = FIXTURE_QUEUES, .queue = fixture_queues};
    c.trace = (struct cfg_trace){.time = "t",
                                 .time_format = "iso8601",
                                 .queue = "queue",
                                 .separator = ',',
                                 .queue_default = INDEX_NONE,
                                 .scale = 1};
    return c;
}

static const struct trace_options fixture_options = {.seed = 7, .pseudonym_key = {1, 2}};

/* Opens text; a failure is printed and the program ends, as nothing after it would mean anything.
 */
__attribute__((unused)) static struct trace *open_text(const struct config *c, const char *text)
{
    struct buf errors = {0};
    struct trace *t = trace_open_bytes(text, strlen(text), "x", c, &fixture_options, &errors);
    if (!t)
        TAP_FAIL("%s", errors.data);
    buf_free(&errors);
    if (!t)
        exit(1);
    return t;
}

/* The next arrival; there must be one. */
__attribute__((unused)) static struct arrival next_row(struct trace *t)
{
    struct arrival a = {0};
    CHECK_EQ(trace_next(t, &a), TRACE_ROW);
    return a;
}

/* One opening that must fail with exactly this text. */
__attribute__((unused)) static void check_refused(const struct config *c, const char *text,
                                                  const char *want)
{
    struct buf errors = {0};
    struct trace *t = trace_open_bytes(text, strlen(text), "x", c, &fixture_options, &errors);
    CHECK(!t);
    CHECK_STR(errors.data, want);
    trace_close(t);
    buf_free(&errors);
}
