/* CSV and TSV (RFC 4180). A record is read into a buffer of its own, its fields ended with NUL in
 * place. A record that is not well-formed is read to its end and counted as bad; one whose quote
 * is never closed ends where its room ends, and reading goes on at the next line. */
#include "trace/trace_internal.h"

#include <string.h>

#define WEIGHT_MAX 1e7 /* contacts of one row: a national provider's busy hour */

struct csv {
    char *text; /* TRACE_RECORD_MAX bytes */
    uint32_t len;
    uint32_t field[TRACE_COLUMNS_MAX]; /* where each begins in text */
    uint32_t n_fields;
    uint64_t line;   /* where the record begins */
    const char *why; /* what is wrong with it; NULL: nothing */
    char separator;
};

static void wrong(struct csv *r, const char *why)
{
    if (!r->why)
        r->why = why;
}

static void put(struct csv *r, int c)
{
    if (r->len == TRACE_RECORD_MAX)
        wrong(r, "the record is longer than 65,536 bytes");
    else if (!c)
        wrong(r, "holds a NUL byte");
    else
        r->text[r->len++] = (char)c;
}

static void begin_field(struct csv *r)
{
    if (r->n_fields == TRACE_COLUMNS_MAX)
        wrong(r, "more than 256 columns");
    else
        r->field[r->n_fields++] = r->len;
}

static void end_field(struct csv *r)
{
    if (r->len == TRACE_RECORD_MAX)
        wrong(r, "the record is longer than 65,536 bytes");
    else
        r->text[r->len++] = 0;
}

/* The inside of a quoted field, after its first quote, to its last one. */
static void quoted(struct csv *r, struct source *in)
{
    for (int c; (c = source_get(in)) >= 0;) {
        if (c == '"') {
            if (source_peek(in) != '"')
                return;
            source_get(in);
        }
        if (r->len == TRACE_RECORD_MAX) { /* surely a quote that was never meant */
            wrong(r, "the record is longer than 65,536 bytes");
            return;
        }
        put(r, c);
    }
    wrong(r, "a quote is not closed");
}

/* One record; false: the end of the input. */
static bool record(struct csv *r, struct source *in)
{
    r->len = r->n_fields = 0;
    r->why = NULL;
    r->line = in->line;
    if (source_peek(in) < 0)
        return false;
    begin_field(r);
    bool at_start = true, closed = false;
    for (int c; (c = source_get(in)) >= 0 && c != '\n';) {
        if (c == '\r' && source_peek(in) == '\n')
            continue;
        if (c == r->separator) {
            end_field(r);
            begin_field(r);
            at_start = true;
            closed = false;
            continue;
        }
        if (closed)
            wrong(r, "text after a closing quote");
        if (c == '"' && at_start) {
            quoted(r, in);
            closed = true;
        } else {
            put(r, c);
        }
        at_start = false;
    }
    end_field(r);
    return true;
}

static const char *cell(const struct csv *r, int column)
{
    return r->text + r->field[column];
}

/* ---- columns ---- */

enum {
    COL_NPA,
    COL_NUMBER,
    COL_LAT,
    COL_LON,
    COL_QUEUE,
    COL_CHANNEL,
    COL_CUSTOMER,
    COL_HANDLE,
    COL_PATIENCE,
    COL_WEIGHT,
    COLS
};
enum { TIME_COLUMNS_MAX = 4, SKIPS_MAX = 8 };

struct columns {
    int time[TIME_COLUMNS_MAX], n_time;
    int of[COLS];           /* -1: the trace has none */
    const char *name[COLS]; /* as configured */
    int skip[SKIPS_MAX];
    uint32_t n; /* columns of the header */
    struct time_format format;
};

/* The column called name[0..n), -1: none, -2: several. */
static int find(const struct csv *header, const char *name, size_t n)
{
    int found = -1;
    for (uint32_t i = 0; i < header->n_fields; i++) {
        const char *h = cell(header, (int)i);
        if (strlen(h) == n && memcmp(h, name, n) == 0)
            found = found == -1 ? (int)i : -2;
    }
    return found;
}

static bool missing(struct trace *t, const struct csv *header, const char *name, size_t n,
                    int found, struct buf *errors)
{
    if (found >= 0)
        return false;
    buf_fmt(errors, "%s:%llu: trace: %s column \"%.*s\"; the header has:", t->name,
            (unsigned long long)header->line, found == -1 ? "no" : "more than one", (int)n, name);
    for (uint32_t i = 0; i < header->n_fields; i++)
        buf_fmt(errors, " \"%s\"", cell(header, (int)i));
    buf_str(errors, "\n");
    return true;
}

/* "time", or "date+time": a column of that very name is preferred. */
static bool find_time(struct trace *t, const struct csv *header, struct columns *k,
                      struct buf *errors)
{
    const char *name = t->config->trace.time;
    k->time[0] = find(header, name, strlen(name));
    k->n_time = 1;
    if (k->time[0] >= 0 || !strchr(name, '+'))
        return !missing(t, header, name, strlen(name), k->time[0], errors);
    for (k->n_time = 0; k->n_time < TIME_COLUMNS_MAX;) {
        size_t n = strcspn(name, "+");
        int found = k->time[k->n_time++] = find(header, name, n);
        if (missing(t, header, name, n, found, errors))
            return false;
        if (!name[n])
            return true;
        name += n + 1;
    }
    buf_fmt(errors, "%s: trace.time: joins more than 4 columns\n", t->name);
    return false;
}

static bool find_columns(struct trace *t, const struct csv *header, struct columns *k,
                         struct buf *errors)
{
    const struct cfg_trace *c = &t->config->trace;
    *k = (struct columns){
        .name = {c->npa, c->number, c->lat, c->lon, c->queue, c->channel, c->customer, c->handle_s,
                 c->patience_s, c->weight},
        .n = header->n_fields,
        .format = time_format_of(c),
    };
    if (!find_time(t, header, k, errors))
        return false;
    for (int i = 0; i < COLS; i++) {
        k->of[i] = -1;
        if (!k->name[i][0])
            continue;
        k->of[i] = find(header, k->name[i], strlen(k->name[i]));
        if (missing(t, header, k->name[i], strlen(k->name[i]), k->of[i], errors))
            return false;
    }
    for (uint16_t i = 0; i < c->n_skip; i++) {
        k->skip[i] = find(header, c->skip[i].column, strlen(c->skip[i].column));
        if (missing(t, header, c->skip[i].column, strlen(c->skip[i].column), k->skip[i], errors))
            return false;
    }
    if (k->of[COL_QUEUE] < 0 && c->queue_default == INDEX_NONE) {
        buf_fmt(errors, "%s: trace: neither a queue column nor a default queue is given\n",
                t->name);
        return false;
    }
    return true;
}

/* ---- a row ---- */

/* What is wrong with a row: in which column, and why. Never what the cell holds. */
struct fault {
    const char *column, *why;
};

/* The cell of an optional column; NULL: there is no such column or the cell is empty. */
static const char *given(const struct csv *r, const struct columns *k, int which)
{
    const char *text = k->of[which] < 0 ? "" : cell(r, k->of[which]);
    return text[0] ? text : NULL;
}

/* A number with digits in it; "anonymous" and the like are NULL, as an empty cell is. */
static const char *known_number(const struct csv *r, const struct columns *k)
{
    const char *number = given(r, k, COL_NUMBER);
    return number && strpbrk(number, "0123456789") ? number : NULL;
}

static bool row_time(struct trace *t, const struct csv *r, const struct columns *k,
                     struct trace_row *out, struct fault *f)
{
    char joined[TIME_COLUMNS_MAX * 64];
    size_t len = 0;
    *f = (struct fault){t->config->trace.time, "is not a time of the configured format"};
    for (int i = 0; i < k->n_time; i++) {
        const char *text = cell(r, k->time[i]);
        size_t n = strlen(text);
        if (n > 63)
            return false;
        if (i)
            joined[len++] = ' ';
        memcpy(joined + len, text, n);
        len += n;
    }
    joined[len] = 0;
    return time_parse(&k->format, joined, &out->a.at);
}

/* Coordinates are better than a number, and a number better than an area code. A withheld number
 * ("anonymous") or an empty cell is a good row from nowhere. */
static bool row_place(const struct csv *r, const struct columns *k, struct trace_row *out,
                      struct fault *f)
{
    const char *lat = given(r, k, COL_LAT), *lon = given(r, k, COL_LON);
    const char *number = known_number(r, k), *npa = given(r, k, COL_NPA);
    struct place *p = &out->a.place;
    *p = (struct place){.index = -1};
    if (lat || lon) {
        double y, x;
        *f = (struct fault){k->name[lat ? COL_LAT : COL_LON], "is not a coordinate in degrees"};
        return lat && lon && number_parse(lat, &y) && number_parse(lon, &x) &&
               place_from_coords(y, x, p);
    }
    if (number) {
        *f = (struct fault){k->name[COL_NUMBER], "is not a number in E.164 form (+ and digits)"};
        if (!place_from_number(number, p))
            return false;
        if (p->how != PLACE_NONE)
            return true;
    }
    if (!npa)
        return true;
    *f = (struct fault){k->name[COL_NPA], "is not an area code of three digits"};
    return strlen(npa) == 3 && strspn(npa, "0123456789") == 3 &&
           place_from_npa((npa[0] - '0') * 100 + (npa[1] - '0') * 10 + npa[2] - '0', p);
}

static bool seconds(const char *text, int64_t *out_ms)
{
    double s;
    return number_parse(text, &s) && trace__duration(s, out_ms);
}

/* A handling time of 0 or nothing means that nobody served him. The patience of who was served is
 * only known to be longer than his wait, so a wait in the same row is no patience. */
static bool row_durations(const struct csv *r, const struct columns *k, struct trace_row *out,
                          struct fault *f)
{
    const char *handle = given(r, k, COL_HANDLE), *patience = given(r, k, COL_PATIENCE);
    out->a.handle_ms = out->a.patience_ms = out->a.wrapup_ms = -1;
    *f = (struct fault){k->name[COL_HANDLE], "is not a duration in seconds, 0 to 30 days"};
    if (handle && !seconds(handle, &out->a.handle_ms))
        return false;
    if (out->a.handle_ms == 0)
        out->a.handle_ms = -1;
    f->column = k->name[COL_PATIENCE];
    if (patience && !seconds(patience, &out->a.patience_ms))
        return false;
    if (out->a.handle_ms > 0)
        out->a.patience_ms = -1;
    return true;
}

static bool row_rest(struct trace *t, const struct csv *r, const struct columns *k,
                     struct trace_row *out, struct fault *f)
{
    const char *queue = given(r, k, COL_QUEUE), *channel = given(r, k, COL_CHANNEL);
    const char *customer = given(r, k, COL_CUSTOMER), *weight = given(r, k, COL_WEIGHT);
    if (!customer && k->of[COL_CUSTOMER] < 0)
        customer = known_number(r, k);
    if (customer)
        out->a.customer = trace__pseudonym(t, customer);
    *f = (struct fault){k->name[COL_QUEUE], "is not in queue_map, is no queue's name, and there is "
                                            "no default queue"};
    if (!trace__queue(t, queue, &out->a.queue))
        return false;
    *f = (struct fault){k->name[COL_CHANNEL], "is not voice, chat, task or email"};
    if (channel && !trace__channel(channel, &out->a.channel))
        return false;
    *f = (struct fault){k->name[COL_WEIGHT], "is not a count of contacts, 0 to 10,000,000"};
    out->weight = 1;
    if (k->of[COL_WEIGHT] < 0)
        return true;
    return weight && number_parse(weight, &out->weight) && out->weight >= 0 &&
           out->weight <= WEIGHT_MAX;
}

static bool skipped(const struct trace *t, const struct csv *r, const struct columns *k)
{
    for (uint16_t i = 0; i < t->config->trace.n_skip; i++)
        if (strcmp(cell(r, k->skip[i]), t->config->trace.skip[i].value) == 0)
            return true;
    return false;
}

/* False: t->failure. A bad row is no failure. */
static bool take_row(struct trace *t, const struct csv *r, const struct columns *k)
{
    if (!r->why && r->n_fields == 1 && !r->text[0])
        return true; /* an empty line */
    t->stats.rows++;
    if (r->why || r->n_fields != k->n) {
        trace__bad(t, r->line, NULL, r->why ? r->why : "has not as many columns as the header");
        return true;
    }
    if (skipped(t, r, k)) {
        t->stats.skipped++;
        return true;
    }
    struct trace_row row = {.a.row = t->stats.rows, .a.channel = CHANNEL_VOICE};
    struct fault f;
    if (!row_time(t, r, k, &row, &f) || !row_place(r, k, &row, &f) ||
        !row_durations(r, k, &row, &f) || !row_rest(t, r, k, &row, &f)) {
        trace__bad(t, r->line, f.column, f.why);
        return true;
    }
    return sorter_add(t->sorter, &row, &t->failure);
}

bool trace__read_csv(struct trace *t, struct buf *errors)
{
    struct columns k;
    struct csv r = {.separator = t->config->trace.separator ? t->config->trace.separator : ','};
    r.text = mem_new(TRACE_RECORD_MAX, 1);
    bool fine = record(&r, &t->in);
    if (!fine || r.why) {
        buf_fmt(errors, "%s:1: trace: no header: %s\n", t->name,
                t->in.failure ? t->in.failure
                : r.why       ? r.why
                              : "the file is empty");
        fine = false;
    }
    fine = fine && find_columns(t, &r, &k, errors);
    while (fine && record(&r, &t->in))
        fine = take_row(t, &r, &k);
    mem_free(r.text);
    return fine;
}
