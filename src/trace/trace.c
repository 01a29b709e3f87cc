/* A trace's life: open -> every row is read, judged and sorted -> rows are played in order. A row
 * that stands for several contacts is spread: it lies in a heap with the time of its next copy
 * until all are played, while later rows overtake it. */
#include "trace/trace_internal.h"
#include "base/rng.h"
#include "base/siphash.h"

#include <math.h>
#include <string.h>
#include <strings.h>

#define DURATION_MAX_S (30 * 86400) /* longer is a mistake of units, not a telephone call */

void trace__bad(struct trace *t, uint64_t line, const char *column, const char *why)
{
    if (t->stats.bad++ >= TRACE_BAD_LINES_MAX)
        return;
    buf_fmt(&t->bad_lines, "%s:%llu: ", t->name, (unsigned long long)line);
    if (column)
        buf_fmt(&t->bad_lines, "column \"%s\": ", column);
    buf_fmt(&t->bad_lines, "%s\n", why);
}

struct td_id trace__pseudonym(const struct trace *t, const char *text)
{
    if (!text[strspn(text, "0")]) /* "0" is how exports write "not identified" */
        return (struct td_id){0, 0};
    uint64_t w[2];
    siphash128(t->options.pseudonym_key, text, strlen(text), w);
    return (struct td_id){w[0], w[1]};
}

/* What a cell may say -> the queue; the map's rows win over the queues' own names. */
static void index_queues(struct trace *t)
{
    const struct config *c = t->config;
    for (uint16_t i = 0; i < c->n_queues; i++)
        map64_insert(&t->queues, hash_str(c->queue[i].name), i);
    for (uint16_t i = 0; i < c->trace.n_map; i++)
        map64_insert(&t->queues, hash_str(c->trace.queue_map[i].from), c->trace.queue_map[i].queue);
}

bool trace__queue(const struct trace *t, const char *value, uint16_t *out)
{
    uint32_t queue = t->config->trace.queue_default;
    if (value)
        map64_find(&t->queues, hash_str(value), &queue);
    *out = (uint16_t)queue;
    return queue != INDEX_NONE;
}

bool trace__channel(const char *text, uint8_t *out)
{
    for (uint8_t i = 0; i < CHANNELS; i++)
        if (strcasecmp(text, channel_names[i]) == 0) {
            *out = i;
            return true;
        }
    return false;
}

bool trace__duration(double s, int64_t *out_ms)
{
    if (!(s >= 0 && s <= DURATION_MAX_S))
        return false;
    *out_ms = llround(s * MS_PER_S);
    return true;
}

static bool read_all(struct trace *t, struct buf *errors)
{
    static const int byte_order_mark[] = {0xef, 0xbb, 0xbf};
    int c;
    for (int i = 0; i < 3 && source_peek(&t->in) == byte_order_mark[i]; i++)
        source_get(&t->in);
    while ((c = source_peek(&t->in)) == ' ' || c == '\n' || c == '\r')
        source_get(&t->in);
    size_t before = errors->len;
    bool fine = c == '{' ? trace__read_records(t) : trace__read_csv(t, errors);
    if (fine && t->in.failure) {
        t->failure = t->in.failure;
        fine = false;
    }
    fine = fine && sorter_finish(t->sorter, &t->failure);
    if (!fine && errors->len == before)
        buf_fmt(errors, "%s: %s\n", t->name, t->in.failure ? t->in.failure : t->failure);
    source_close(&t->in); /* the temporary file is all that is still needed */
    return fine;
}

static struct trace *start(const char *name, const struct config *c, const struct trace_options *o)
{
    struct trace *t = mem_new(1, sizeof *t);
    t->name = mem_strdup(strcmp(name, "-") == 0 ? "stdin" : name);
    t->config = c;
    t->options = *o;
    t->sorter = sorter_new(o->run_rows);
    t->first_free = UINT32_MAX;
    index_queues(t);
    return t;
}

static struct trace *finish(struct trace *t, bool opened, struct buf *errors)
{
    if (opened && read_all(t, errors)) {
        t->has_ahead = sorter_next(t->sorter, &t->ahead, &t->failure);
        return t;
    }
    trace_close(t);
    return NULL;
}

struct trace *trace_open(const char *path, const struct config *c, const struct trace_options *o,
                         struct buf *errors)
{
    struct trace *t = start(path, c, o);
    return finish(t, source_open(&t->in, path, errors), errors);
}

struct trace *trace_open_bytes(const void *bytes, size_t n, const char *name,
                               const struct config *c, const struct trace_options *o,
                               struct buf *errors)
{
    struct trace *t = start(name, c, o);
    source_open_bytes(&t->in, bytes, n);
    return finish(t, true, errors);
}

void trace_close(struct trace *t)
{
    if (!t)
        return;
    source_close(&t->in);
    sorter_free(t->sorter);
    buf_free(&t->bad_lines);
    mem_free(t->active);
    heap_free(&t->due);
    map64_free(&t->queues);
    mem_free(t->name);
    mem_free(t);
}

struct trace_stats trace_stats(const struct trace *t)
{
    struct trace_stats s = t->stats;
    s.bad_lines = t->bad_lines.data ? t->bad_lines.data : "";
    return s;
}

const char *trace_failure(const struct trace *t)
{
    return t->failure;
}

/* ---- playing ---- */

/* Random words that depend on nothing but the seed, the row and what they are for. */
static uint64_t draw(const struct trace *t, uint64_t row, uint64_t what)
{
    return mix64(t->options.seed ^ mix64(row + mix64(what + 0x9e3779b97f4a7c15u)));
}

static double unit(uint64_t w)
{
    return (double)(w >> 11) * 0x1p-53;
}

static double spread_ms(const struct trace *t)
{
    return t->config->trace.weight[0] ? t->config->trace.spread_s * MS_PER_S : 0;
}

/* When copy i of n is played: the i-th of n equal parts of the spread, at a random point in it.
 * A row that is not spread keeps its own time; only its further copies follow within a minute. */
static td_ms copy_at(const struct trace *t, const struct active *a)
{
    double spread = spread_ms(t), u = unit(draw(t, a->row.a.row, 1 + 2 * a->i));
    if (spread <= 0 && a->i == 0)
        return a->row.a.at;
    if (spread <= 0)
        spread = TRACE_COPIES_SPREAD_MS;
    return a->row.a.at + (td_ms)(spread * ((double)a->i + u) / (double)a->n);
}

static void emit(const struct trace *t, const struct active *a, struct arrival *out)
{
    *out = a->row.a;
    out->at = a->next_at;
    if (a->i || id_none(out->contact)) {
        uint64_t hi = draw(t, out->row, 2 + 4 * a->i), lo = draw(t, out->row, 4 + 4 * a->i);
        /* A UUID of version 8, for ids of one's own making (RFC 9562). */
        out->contact.hi = (hi & ~0xf000ull) | 0x8000;
        out->contact.lo = lo >> 2 | 1ull << 63;
    }
    if (a->i && !id_none(out->customer)) { /* the same other customer in each i-th copy */
        out->customer.hi = mix64(out->customer.hi + a->i);
        out->customer.lo = mix64(out->customer.lo ^ a->i);
    }
}

static void schedule(struct trace *t, uint32_t place)
{
    const struct active *a = &t->active[place];
    heap_push(&t->due, a->next_at, a->row.a.row, place);
}

static bool keep(struct trace *t, const struct active *a)
{
    uint32_t place = t->first_free;
    if (place != UINT32_MAX) {
        t->first_free = t->active[place].next_free;
    } else if (t->n_active == TRACE_OVERLAP_MAX) {
        t->failure = "too many rows overlap (131,072): make trace.spread_s or trace.scale smaller";
        return false;
    } else {
        place = t->n_active++;
        if (!(place & (place - 1))) /* 0 and the powers of two */
            t->active = mem_grow(t->active, MAX(2 * place, 1), sizeof *t->active);
    }
    t->active[place] = *a;
    schedule(t, place);
    return true;
}

/* The row ahead becomes active, with its number of copies drawn; the next one is fetched. */
static void take_ahead(struct trace *t, struct active *a)
{
    double scale = t->config->trace.scale > 0 ? t->config->trace.scale : 1;
    double want = t->ahead.weight * scale, whole = floor(want);
    *a = (struct active){.row = t->ahead};
    a->n = (uint64_t)whole + (unit(draw(t, t->ahead.a.row, 0)) < want - whole);
    a->next_at = a->n ? copy_at(t, a) : 0;
    t->has_ahead = sorter_next(t->sorter, &t->ahead, &t->failure);
}

enum trace_result trace_next(struct trace *t, struct arrival *out)
{
    struct active a;
    const struct heap_item *soonest;
    while (!t->failure && t->has_ahead &&
           (!(soonest = heap_peek(&t->due)) || t->ahead.a.at <= soonest->key)) {
        take_ahead(t, &a);
        if (a.n == 1 && !soonest && a.next_at == a.row.a.at && !t->failure) {
            emit(t, &a, out); /* nearly every row */
            return TRACE_ROW;
        }
        if (a.n && !keep(t, &a))
            break;
    }
    struct heap_item due;
    if (t->failure)
        return TRACE_FAILED;
    if (!heap_pop(&t->due, &due))
        return TRACE_END;
    struct active *top = &t->active[due.value];
    emit(t, top, out);
    if (++top->i < top->n) {
        top->next_at = copy_at(t, top);
        schedule(t, (uint32_t)due.value);
    } else {
        top->next_free = t->first_free;
        t->first_free = (uint32_t)due.value;
    }
    return TRACE_ROW;
}
