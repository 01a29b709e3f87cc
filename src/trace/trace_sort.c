/* Rows are gathered into a run; a full run is sorted and appended to a nameless temporary file. At
 * the end, if there is more than one run, the memory that held a run is cut into one window for
 * each of them and they are merged by a heap of runs (Knuth, The Art of Computer
 * Programming 3, section 5.4). */
#include "trace/trace_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct run {
    struct trace_row *window; /* its part of sorter.rows */
    uint32_t at, have;        /* next row in the window, rows in it */
    uint64_t next, left;      /* next row in the file, rows not yet in the window */
};

struct sorter {
    struct trace_row *rows;
    uint32_t cap, n, at; /* at: next row to give, when all are in memory */
    FILE *file;
    struct run *runs;
    uint32_t n_runs, window_rows;
    struct heap heads; /* the next row of each run: (at, row) -> run */
};

static int compare(const void *a, const void *b)
{
    const struct arrival *x = &((const struct trace_row *)a)->a;
    const struct arrival *y = &((const struct trace_row *)b)->a;
    if (x->at != y->at)
        return x->at < y->at ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

struct sorter *sorter_new(uint32_t run_rows)
{
    struct sorter *s = mem_new(1, sizeof *s);
    s->cap = run_rows ? run_rows : TRACE_RUN_ROWS;
    s->rows = mem_new(s->cap, sizeof *s->rows);
    return s;
}

void sorter_free(struct sorter *s)
{
    if (!s)
        return;
    if (s->file)
        fclose(s->file);
    mem_free(s->rows);
    mem_free(s->runs);
    heap_free(&s->heads);
    mem_free(s);
}

/* pread and pwrite of whole rows, however many calls it takes. */
static bool move(struct sorter *s, struct trace_row *rows, uint64_t n, uint64_t first, bool out)
{
    char *p = (char *)rows;
    size_t left = n * sizeof *rows;
    off_t at = (off_t)(first * sizeof *rows);
    while (left) {
        ssize_t k =
            out ? pwrite(fileno(s->file), p, left, at) : pread(fileno(s->file), p, left, at);
        if (k <= 0)
            return false;
        p += k;
        at += k;
        left -= (size_t)k;
    }
    return true;
}

static bool spill(struct sorter *s, const char **why)
{
    if (s->n_runs == TRACE_RUNS_MAX) {
        *why = "too many rows: at most 67,108,864 can be sorted";
        return false;
    }
    if (!s->file)
        s->file = tmpfile();
    if (!s->runs)
        s->runs = mem_new(TRACE_RUNS_MAX, sizeof *s->runs);
    qsort(s->rows, s->n, sizeof *s->rows, compare);
    uint64_t first = (uint64_t)s->n_runs * s->cap;
    if (!s->file || !move(s, s->rows, s->n, first, true)) {
        *why = "no room for the temporary file in which long traces are sorted";
        return false;
    }
    s->runs[s->n_runs++] = (struct run){.next = first, .left = s->n};
    s->n = 0;
    return true;
}

bool sorter_add(struct sorter *s, const struct trace_row *r, const char **why)
{
    if (s->n == s->cap && !spill(s, why))
        return false;
    s->rows[s->n++] = *r;
    return true;
}

static bool refill(struct sorter *s, struct run *r, const char **why)
{
    uint32_t n = (uint32_t)MIN(r->left, s->window_rows);
    if (!move(s, r->window, n, r->next, false)) {
        *why = "the temporary file could not be read back";
        return false;
    }
    r->at = 0;
    r->have = n;
    r->next += n;
    r->left -= n;
    return true;
}

static void offer(struct sorter *s, uint32_t run)
{
    const struct trace_row *head = &s->runs[run].window[s->runs[run].at];
    heap_push(&s->heads, head->a.at, head->a.row, run);
}

bool sorter_finish(struct sorter *s, const char **why)
{
    if (!s->n_runs) {
        qsort(s->rows, s->n, sizeof *s->rows, compare);
        return true;
    }
    if (s->n && !spill(s, why))
        return false;
    s->window_rows = MAX(s->cap / s->n_runs, 1);
    if (s->window_rows * s->n_runs > s->cap) /* only when tests make runs tiny */
        s->rows = mem_grow(s->rows, s->n_runs, sizeof *s->rows);
    for (uint32_t i = 0; i < s->n_runs; i++) {
        s->runs[i].window = s->rows + (size_t)i * s->window_rows;
        if (!refill(s, &s->runs[i], why))
            return false;
        offer(s, i);
    }
    return true;
}

bool sorter_next(struct sorter *s, struct trace_row *out, const char **why)
{
    if (!s->n_runs) {
        if (s->at == s->n)
            return false;
        *out = s->rows[s->at++];
        return true;
    }
    struct heap_item head;
    if (!heap_pop(&s->heads, &head))
        return false;
    struct run *r = &s->runs[head.value];
    *out = r->window[r->at++];
    if (r->at == r->have && r->left && !refill(s, r, why))
        return false;
    if (r->at < r->have)
        offer(s, (uint32_t)head.value);
    return true;
}
