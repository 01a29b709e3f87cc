/* conf.c - a tree of nodes read into structs by a table. Rows are read in the table's order, not
 * the file's, so that what is referred to can stand before what refers to it in the table. */
#include "base/conf_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- what a scalar may be ---- */

struct number {
    int64_t mantissa; /* at most 15 digits */
    int places;       /* digits after the point, trailing zeros left out */
};

static const int64_t ten[] = {1,
                              10,
                              100,
                              1000,
                              10000,
                              100000,
                              1000000,
                              10000000,
                              100000000,
                              1000000000,
                              10000000000,
                              100000000000,
                              1000000000000,
                              10000000000000,
                              100000000000000,
                              1000000000000000};

enum number_fault { NUMBER_GOOD, NUMBER_NONE, NUMBER_LONG };

/* -?(0|[1-9][0-9]*)(\.[0-9]+)? with at most 15 digits that count: then the mantissa and its power
 * of ten are exact doubles and their quotient is the decimal correctly rounded. */
static enum number_fault parse_number(const char *s, struct number *out)
{
    bool minus = *s == '-';
    s += minus;
    if (*s < '0' || *s > '9' || (s[0] == '0' && s[1] >= '0' && s[1] <= '9'))
        return NUMBER_NONE;
    size_t whole = strspn(s, "0123456789"), len = whole;
    if (s[whole] == '.') {
        size_t frac = strspn(s + whole + 1, "0123456789");
        if (!frac)
            return NUMBER_NONE;
        len += 1 + frac;
    }
    if (s[len])
        return NUMBER_NONE;
    if (len > whole) {
        while (s[len - 1] == '0')
            len--;
        len -= s[len - 1] == '.';
    }
    if (len > whole + 16)
        return NUMBER_LONG;
    *out = (struct number){0, len > whole ? (int)(len - whole - 1) : 0};
    int digits = 0;
    for (size_t i = 0; i < len; i++) {
        if (s[i] == '.')
            continue;
        out->mantissa = out->mantissa * 10 + (s[i] - '0');
        digits += digits || s[i] != '0';
        if (digits > 15)
            return NUMBER_LONG;
    }
    out->mantissa = minus ? -out->mantissa : out->mantissa;
    return NUMBER_GOOD;
}

static double number_value(struct number n)
{
    return (double)n.mantissa / (double)ten[n.places];
}

static bool parse_time(const char *s, size_t n, int32_t *minutes)
{
    if (n != 5 || s[2] != ':')
        return false;
    for (int i = 0; i < 5; i++)
        if (i != 2 && (s[i] < '0' || s[i] > '9'))
            return false;
    int h = (s[0] - '0') * 10 + s[1] - '0', m = (s[3] - '0') * 10 + s[4] - '0';
    *minutes = h * 60 + m;
    return m < 60 && *minutes <= 24 * 60;
}

static bool parse_span(const char *s, int32_t span[2])
{
    span[0] = span[1] = 0;
    if (strcmp(s, "closed") == 0)
        return true;
    return strlen(s) == 11 && s[5] == '-' && parse_time(s, 5, &span[0]) &&
           parse_time(s + 6, 5, &span[1]);
}

static bool is_name(const char *s)
{
    size_t n = strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");
    return n && n <= CONF_NAME_MAX && !s[n];
}

static bool is_text(const char *s)
{
    for (const char *p = s; *p; p++)
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            return false;
    return *s;
}

static bool is_null(const struct conf_node *n)
{
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL"};
    for (size_t i = 0; n->plain && i < COUNTOF(nulls); i++)
        if (strcmp(n->text, nulls[i]) == 0)
            return true;
    return false;
}

/* ---- did you mean ---- */

#define NEAR_MAX (CONF_NAME_MAX + 1)

static uint32_t distance(const char *a, const char *b)
{
    uint32_t na = (uint32_t)strlen(a), nb = (uint32_t)strlen(b), rows[3][NEAR_MAX + 1];
    uint32_t *before = rows[0], *last = rows[1], *now = rows[2];
    if (na > NEAR_MAX || nb > NEAR_MAX)
        return UINT32_MAX;
    for (uint32_t j = 0; j <= nb; j++)
        last[j] = before[j] = j;
    for (uint32_t i = 1; i <= na; i++) {
        now[0] = i;
        for (uint32_t j = 1; j <= nb; j++) {
            uint32_t d = last[j - 1] + (a[i - 1] != b[j - 1]);
            d = MIN(d, MIN(last[j], now[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                d = MIN(d, before[j - 2] + 1);
            now[j] = d;
        }
        uint32_t *free_row = before;
        before = last;
        last = now;
        now = free_row;
    }
    return last[nb];
}

const char *conf_nearest(const char *text, const char *(*name)(void *arg, uint32_t i), void *arg)
{
    const char *best = NULL, *n;
    uint32_t limit = MAX(1u, (uint32_t)MIN(strlen(text), (size_t)NEAR_MAX) / 3), least = limit + 1;
    for (uint32_t i = 0; i < NAMES_SEARCHED && (n = name(arg, i)); i++) {
        uint32_t d = distance(text, n);
        if (d < least) {
            least = d;
            best = n;
        }
    }
    return best;
}

static const char *row_name(void *arg, uint32_t i)
{
    const struct conf_table *t = arg;
    return i < t->n_rows ? t->rows[i].name : NULL;
}

static const char *enum_name(void *arg, uint32_t i)
{
    const char *const *names = arg;
    return names[i];
}

/* Ends a message: "did you mean "x"?" or else the names there are. Searching them takes long in a
 * hostile text, so only the problems that may be shown get it. */
static void put_advice(const struct conf *c, struct buf *b, const char *text,
                       const char *(*name)(void *, uint32_t), void *arg)
{
    if (c->n_problems > 5 * CONF_ERRORS_SHOWN) {
        buf_str(b, "correct it");
        return;
    }
    const char *near = conf_nearest(text, name, arg), *n;
    if (near) {
        buf_fmt(b, "did you mean \"%s\"?", near);
        return;
    }
    buf_str(b, "there is ");
    if (!name(arg, 0))
        buf_str(b, "none");
    for (uint32_t i = 0; (n = name(arg, i)); i++) {
        if (i == 12) {
            buf_str(b, " and more");
            break;
        }
        buf_fmt(b, "%s%s", i ? ", " : "", n);
    }
}

/* ---- storing ---- */

static void store_int(enum conf_c c, void *to, int64_t v)
{
    switch (c) {
    case CONF_C_BOOL: *(bool *)to = v != 0; break;
    case CONF_C_U8:
        BUG_ON(v < 0 || v > UINT8_MAX);
        *(uint8_t *)to = (uint8_t)v;
        break;
    case CONF_C_U16:
        BUG_ON(v < 0 || v > UINT16_MAX);
        *(uint16_t *)to = (uint16_t)v;
        break;
    case CONF_C_U32:
        BUG_ON(v < 0 || v > UINT32_MAX);
        *(uint32_t *)to = (uint32_t)v;
        break;
    case CONF_C_I32:
        BUG_ON(v < INT32_MIN || v > INT32_MAX);
        *(int32_t *)to = (int32_t)v;
        break;
    case CONF_C_I64: *(int64_t *)to = v; break;
    case CONF_C_F64: *(double *)to = (double)v; break;
    case CONF_C_NONE:
    case CONF_C_CHARS: BUG_ON(true); /* the table keeps a number where none fits */
    }
}

void conf_error_value(struct conf *c, const struct conf_node *n, const char *what,
                      const char *advice)
{
    BUG_ON(!n); /* the table's own default is wrong */
    struct buf b = {0};
    conf__excerpt(&b, n->text);
    if (is_null(n))
        conf_error(c, n, "is empty; %s", advice);
    else
        conf_error(c, n, "%s %s; %s", b.data, what, advice);
    buf_free(&b);
}

static const char *range_text(const struct conf_row *r, char out[96])
{
    struct buf b = {0};
    const char *what = r->type == CONF_INT ? "a whole number" : "a number";
    if (r->min != 0 || r->max != 0)
        buf_fmt(&b, "write %s from %.10g to %.10g", what, r->min, r->max);
    else
        buf_fmt(&b, "write %s", what);
    if (r->unit && r->type != CONF_PERCENT)
        buf_fmt(&b, " (%s)", r->unit);
    buf_str(&b, ", digits only");
    str_copy(out, 96, b.data);
    buf_free(&b);
    return out;
}

/* Numbers of every type. A percentage in a whole member counts parts per million, in a double it
 * is a fraction; both exactly as far as the member can hold it. */
static void read_number(struct conf *c, const struct conf_row *r, const struct conf_node *n,
                        const char *text, void *to)
{
    char advice[96];
    struct number v = {0};
    range_text(r, advice);
    bool quoted = n && !n->plain;
    enum number_fault fault = quoted ? NUMBER_NONE : parse_number(text, &v);
    double value = number_value(v);
    if (fault || (r->type == CONF_INT && v.places)) {
        conf_error_value(c, n,
                         quoted                    ? "is text, for it is in quotes"
                         : fault == NUMBER_LONG    ? "has more than 15 digits"
                         : r->type == CONF_INT     ? "is not a whole number"
                         : r->type == CONF_PERCENT ? "is not a percentage"
                                                   : "is not a decimal number",
                         advice);
        return;
    }
    if ((r->min != 0 || r->max != 0) && (value < r->min || value > r->max)) {
        conf_error_value(c, n, value < r->min ? "is too small" : "is too large", advice);
        return;
    }
    int64_t scale = r->type == CONF_PERCENT ? 10000 : r->scale ? r->scale : 1, whole;
    if (r->c == CONF_C_F64) {
        *(double *)to = r->type == CONF_PERCENT ? (double)v.mantissa / ((double)ten[v.places] * 100)
                                                : value * (double)scale;
        return;
    }
    BUG_ON(r->min == 0 && r->max == 0); /* a whole member needs a range to be safe */
    if (__builtin_mul_overflow(v.mantissa, scale, &whole) || whole % ten[v.places]) {
        conf_error_value(c, n, "has too many digits after the point",
                         scale == 10000 ? "write at most 4" : "write at most 3");
        return;
    }
    store_int(r->c, to, whole / ten[v.places]);
}

static void read_ref(struct conf *c, const struct conf_row *r, const struct conf_node *n,
                     const char *text, void *to)
{
    const char *name;
    for (uint32_t i = 0; (name = r->ref->name(c->user, i)); i++) {
        if (strcmp(name, text) == 0) {
            store_int(r->c, to, i);
            return;
        }
    }
    struct buf what = {0}, advice = {0};
    buf_fmt(&what, "is not a known %s", r->ref->noun);
    put_advice(c, &advice, text, r->ref->name, c->user);
    conf_error_value(c, n, what.data, advice.data);
    buf_free(&what);
    buf_free(&advice);
}

static void read_enum(struct conf *c, const struct conf_row *r, const struct conf_node *n,
                      const char *text, void *base)
{
    for (uint32_t i = 0; r->names[i]; i++) {
        if (strcmp(r->names[i], text) != 0)
            continue;
        if (r->take)
            r->take(c, n, text, base);
        else
            store_int(r->c, (char *)base + r->offset, i);
        return;
    }
    struct buf advice = {0};
    put_advice(c, &advice, text, enum_name, (void *)(uintptr_t)r->names);
    conf_error_value(c, n, "is not known here", advice.data);
    buf_free(&advice);
}

static void read_text(struct conf *c, const struct conf_row *r, const struct conf_node *n,
                      const char *text, void *base)
{
    if ((n && is_null(n)) || !is_text(text)) {
        conf_error_value(c, n, "is not a text",
                         "write some text on one line, in quotes if need be");
        return;
    }
    if (r->type == CONF_NAME && !is_name(text)) {
        conf_error_value(c, n, "is not a name", "write 1 to 63 of A-Z a-z 0-9 . _ -");
        return;
    }
    if (r->take) {
        r->take(c, n, text, base);
        return;
    }
    BUG_ON(r->c != CONF_C_CHARS);
    if (!str_copy((char *)base + r->offset, r->size, text))
        conf_error(c, n, "is longer than %u bytes; shorten it", r->size - 1);
}

static void read_scalar(struct conf *c, const struct conf_row *r, const struct conf_node *n,
                        const char *text, void *base)
{
    void *to = (char *)base + r->offset;
    int32_t span[2];
    switch (r->type) {
    case CONF_INT:
    case CONF_DECIMAL:
    case CONF_PERCENT: read_number(c, r, n, text, to); break;
    case CONF_BOOL:
        if ((!n || n->plain) && (strcmp(text, "true") == 0 || strcmp(text, "false") == 0))
            store_int(r->c, to, *text == 't');
        else
            conf_error_value(c, n, "is neither true nor false", "write true or false");
        break;
    case CONF_TIME:
        if (parse_time(text, strlen(text), &span[0]))
            store_int(r->c, to, span[0]);
        else
            conf_error_value(c, n, "is not a time of day", "write HH:MM, from 00:00 to 24:00");
        break;
    case CONF_SPAN:
        if (parse_span(text, span) && (span[0] < span[1] || strcmp(text, "closed") == 0))
            for (size_t i = 0; i < MAX(r->repeat, (uint8_t)1); i++)
                memcpy((char *)to + i * sizeof span, span, sizeof span);
        else
            conf_error_value(c, n, "is not a span of one day",
                             "write HH:MM-HH:MM, the later time last (up to 24:00), or closed");
        break;
    case CONF_ENUM: read_enum(c, r, n, text, base); break;
    case CONF_REF: read_ref(c, r, n, text, to); break;
    case CONF_TEXT:
    case CONF_NAME: read_text(c, r, n, text, base); break;
    case CONF_MAP:
    case CONF_LIST:
    case CONF_DICT:
    case CONF_SECTION: BUG_ON(true); /* read_row has seen to these */
    }
}

/* ---- maps and lists ---- */

static void read_row(struct conf *c, const struct conf_row *r, const struct conf_node *n,
                     void *base);

static void refuse_unknown(struct conf *c, const struct conf_table *t, const struct conf_node *n)
{
    for (const struct conf_node *k = n->first; k && c->n_problems < PROBLEMS_KEPT; k = k->next) {
        uint32_t i = 0;
        while (i < t->n_rows && strcmp(t->rows[i].name, k->key) != 0)
            i++;
        if (i < t->n_rows || k->bad)
            continue;
        struct buf advice = {0};
        put_advice(c, &advice, k->key, row_name, (void *)(uintptr_t)t);
        conf_error_key(c, k, "is not a known key; %s", advice.data);
        buf_free(&advice);
    }
}

static const char *kind_text(const struct conf_node *n)
{
    return n->kind == CONF_NODE_MAP    ? "is a map"
           : n->kind == CONF_NODE_LIST ? "is a list"
           : is_null(n)                ? "is empty"
                                       : "is a single value";
}

/* One map; n NULL: none is given, and only defaults apply. */
static void read_map(struct conf *c, const struct conf_table *t, const struct conf_node *n,
                     void *base, void *owner)
{
    uint32_t before = c->n_problems;
    if (t->begin)
        t->begin(c, n, base, owner);
    for (uint32_t i = 0; i < t->n_rows; i++) {
        const struct conf_row *r = &t->rows[i];
        const struct conf_node *k = conf_child(n, r->name);
        if (n && !k && r->required)
            conf_error(c, n, "%s is missing; add it: %s", r->name, r->doc);
        read_row(c, r, k, base);
    }
    if (n)
        refuse_unknown(c, t, n);
    if (t->done && c->n_problems == before && !(n && n->flawed))
        t->done(c, n, base, owner);
}

/* An item that is a scalar stands for a map with the one key `shorthand`. */
static void read_short(struct conf *c, const struct conf_table *t, const struct conf_node *n,
                       void *base, void *owner)
{
    uint32_t before = c->n_problems;
    if (t->begin)
        t->begin(c, n, base, owner);
    for (uint32_t i = 0; i < t->n_rows; i++)
        read_row(c, &t->rows[i], strcmp(t->rows[i].name, t->shorthand) == 0 ? n : NULL, base);
    if (t->done && c->n_problems == before && !(n && n->flawed))
        t->done(c, n, base, owner);
}

static void read_item(struct conf *c, const struct conf_table *t, const struct conf_node *n,
                      void *base, void *owner)
{
    if (n->bad)
        return;
    if (n->kind == CONF_NODE_MAP)
        read_map(c, t, n, base, owner);
    else if (t->shorthand && n->kind == CONF_NODE_SCALAR && !is_null(n))
        read_short(c, t, n, base, owner);
    else
        conf_error(c, n, "%s; write a map with %s%s", kind_text(n), t->rows[0].name,
                   t->n_rows > 1 ? " and more" : "");
}

/* One entry of a map with free keys: row 0 takes the key, row 1 the value. */
static void read_entry(struct conf *c, const struct conf_table *t, const struct conf_node *n,
                       void *base, void *owner)
{
    uint32_t before = c->n_problems;
    struct conf_node key = *n;
    key.kind = CONF_NODE_SCALAR;
    key.text = n->key;
    key.line = n->key_line;
    key.col = n->key_col;
    if (n->bad)
        return;
    read_row(c, &t->rows[0], &key, base);
    read_row(c, &t->rows[1], n, base);
    if (t->done && c->n_problems == before && !(n && n->flawed))
        t->done(c, n, base, owner);
}

static const char *key_text(const struct conf_node *item, const char *key)
{
    const struct conf_node *n = conf_child(item, key);
    return n && n->kind == CONF_NODE_SCALAR ? n->text : NULL;
}

struct keyed {
    const char *text;
    const struct conf_node *item;
};

static int by_text(const void *a, const void *b)
{
    const struct keyed *x = a, *y = b;
    int d = strcmp(x->text, y->text);
    return d ? d : x->item->index < y->item->index ? -1 : 1;
}

static void refuse_twins(struct conf *c, const char *key, const struct conf_node *list)
{
    struct keyed *all = mem_new(list->count, sizeof *all);
    size_t n = 0, first = 0;
    for (const struct conf_node *k = list->first; k; k = k->next)
        if ((all[n].text = key_text(k, key)))
            all[n++].item = k;
    qsort(all, n, sizeof *all, by_text);
    for (size_t i = 1; i < n; i++) {
        if (strcmp(all[i].text, all[first].text) != 0)
            first = i;
        else
            conf_error(c, conf_child(all[i].item, key), "is the same as on line %u; choose another",
                       conf_child(all[first].item, key)->line);
    }
    mem_free(all);
}

static void read_items(struct conf *c, const struct conf_row *r, const struct conf_node *n,
                       const struct conf_node *first, uint32_t count, void *base)
{
    char *at = (char *)base + r->offset, *one = NULL;
    if (count < r->min || count > r->max) {
        conf_error(c, n, "has %u entries; %.0f to %.0f are possible", count, r->min, r->max);
        count = (uint32_t)MIN((double)count, r->max);
    }
    if (r->store == CONF_STORE_ALLOC) {
        char *array = mem_new(count, r->size);
        memcpy(at, &array, sizeof array);
        at = array;
    } else if (r->store == CONF_STORE_EACH) {
        one = mem_new(1, r->size);
    }
    const struct conf_node *k = first;
    for (uint32_t i = 0; i < count; i++, k = k->next) {
        void *item = one ? one : at + (size_t)i * r->size;
        if (one)
            memset(one, 0, r->size);
        else /* counted before it is read, so that its own name can be found */
            store_int(r->c, (char *)base + r->count_offset, i + 1);
        if (r->type == CONF_DICT)
            read_entry(c, r->sub, k, item, base);
        else
            read_item(c, r->sub, k, item, base);
    }
    mem_free(one);
    if (r->sub->unique && n->kind == CONF_NODE_LIST)
        refuse_twins(c, r->sub->unique, n);
}

static void read_default_item(struct conf *c, const struct conf_row *r, void *base)
{
    BUG_ON(r->store != CONF_STORE_ARRAY);
    store_int(r->c, (char *)base + r->count_offset, 1);
    read_map(c, r->sub, NULL, (char *)base + r->offset, base);
}

const struct conf_section *conf__section(const struct conf_section *all, const struct conf_row *r)
{
    for (; all && all->name; all++)
        if (strcmp(all->name, r->name) == 0)
            return all;
    return NULL;
}

static void read_section(struct conf *c, const struct conf_row *r, const struct conf_node *n)
{
    const struct conf_section *s = conf__section(c->sections, r);
    if (n && n->kind != CONF_NODE_MAP)
        conf_error(c, n, "%s; write a map of keys and values", kind_text(n));
    else if (s) {
        c->user = s->user ? s->user : c->file_user;
        read_map(c, s->table, n, s->base, NULL);
        c->user = c->file_user;
    }
}

static void read_row(struct conf *c, const struct conf_row *r, const struct conf_node *n,
                     void *base)
{
    if (c->n_problems >= PROBLEMS_KEPT || (n && n->bad))
        return;
    switch (r->type) {
    case CONF_SECTION: read_section(c, r, n); return;
    case CONF_MAP:
        if (n && n->kind != CONF_NODE_MAP)
            conf_error(c, n, "%s; write a map of keys and values", kind_text(n));
        else
            read_map(c, r->sub, n, (char *)base + r->offset, base);
        return;
    case CONF_LIST:
        if (n && n->kind == CONF_NODE_LIST)
            read_items(c, r, n, n->first, n->count, base);
        else if (n && r->one_or_many && !(n->kind == CONF_NODE_SCALAR && is_null(n)))
            read_items(c, r, n, n, 1, base);
        else if (n)
            conf_error(c, n, "%s; write a list, each entry behind a dash", kind_text(n));
        else if (r->one_by_default)
            read_default_item(c, r, base);
        return;
    case CONF_DICT:
        if (n && n->kind == CONF_NODE_MAP)
            read_items(c, r, n, n->first, n->count, base);
        else if (n)
            conf_error(c, n, "%s; write a map of %s: %s", kind_text(n), r->sub->rows[0].name,
                       r->sub->rows[1].name);
        return;
    default:
        if (n && n->kind != CONF_NODE_SCALAR)
            conf_error(c, n, "%s; write a single value", kind_text(n));
        else if (n || r->def)
            read_scalar(c, r, n, n ? n->text : r->def, base);
    }
}

/* ---- reading ---- */

static int by_place(const void *a, const void *b)
{
    const struct conf_problem *x = a, *y = b;
    if (x->line != y->line)
        return x->line < y->line ? -1 : 1;
    if (x->col != y->col)
        return x->col < y->col ? -1 : 1;
    return x->order < y->order ? -1 : 1;
}

static void tell_problems(struct conf *c, struct buf *errors)
{
    uint32_t kept = MIN(c->n_problems, (uint32_t)PROBLEMS_KEPT);
    uint32_t shown = MIN(kept, (uint32_t)CONF_ERRORS_SHOWN);
    if (kept)
        qsort(c->problems, kept, sizeof *c->problems, by_place);
    for (uint32_t i = 0; i < shown; i++) {
        buf_str(errors, c->problems[i].text);
        buf_char(errors, '\n');
    }
    if (c->n_problems > shown)
        buf_fmt(errors, "%s: %s%u more problems are not shown; mend these first\n", c->file,
                c->n_problems >= PROBLEMS_KEPT ? "at least " : "", c->n_problems - shown);
}

bool conf_read(const char *text, size_t len, const char *file, const struct conf_table *table,
               void *base, void *user, const struct conf_section *sections, struct buf *errors)
{
    struct conf c = {.file = file, .user = user, .file_user = user, .sections = sections};
    conf__parse(&c, text, len);
    if (c.root && c.root->kind != CONF_NODE_MAP)
        conf_error(&c, c.root, "%s; write a map of keys and values", kind_text(c.root));
    else if (c.root && !c.root->bad)
        read_map(&c, table, c.root, base, NULL);
    tell_problems(&c, errors);
    bool good = c.n_problems == 0;
    conf__close(&c);
    return good;
}
