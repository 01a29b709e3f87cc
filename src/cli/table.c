/* table.c - columns that line up, without lines between them. */
#include "cli/client.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

const char *json_text(const json_t *row, const char *key)
{
    const char *s = json_string_value(json_object_get(row, key));
    return s ? s : "-";
}

double json_number_of(const json_t *row, const char *key)
{
    const json_t *v = json_object_get(row, key);
    return json_is_number(v) ? json_number_value(v) : NAN;
}

void table_head(struct table *t, const char *const *head, int columns)
{
    t->columns = columns;
    for (int i = 0; i < columns; i++) {
        t->right[i] = head[i][0] == '>';
        t->head[i] = head[i] + t->right[i];
    }
}

void table_cell(struct table *t, const char *text)
{
    buf_add(&t->cells, text, strlen(text) + 1);
    t->n++;
}

void table_fmt(struct table *t, const char *fmt, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    table_cell(t, text);
}

void table_text(struct table *t, const json_t *row, const char *key)
{
    table_cell(t, json_text(row, key));
}

void table_number(struct table *t, const json_t *row, const char *key, int places)
{
    double v = json_number_of(row, key);
    if (isfinite(v))
        table_fmt(t, "%.*f", places, v);
    else
        table_cell(t, "-");
}

void table_percent(struct table *t, const json_t *row, const char *key, int places)
{
    double v = json_number_of(row, key);
    if (isfinite(v))
        table_fmt(t, "%.*f %%", places, v * 100);
    else
        table_cell(t, "-");
}

/* Characters of UTF-8 text: bytes that do not continue one. */
static int width_of(const char *s)
{
    int n = 0;
    for (; *s; s++)
        n += ((unsigned char)*s & 0xc0) != 0x80;
    return n;
}

static const char *colour_of(const char *text)
{
    static const struct {
        const char *word, *colour;
    } colours[] = {
        {"in-service", "32"}, {"up", "32"},      {"down", "31"},      {"unreachable", "31"},
        {"draining", "33"},   {"drained", "33"}, {"not ready", "33"}, {"returning", "36"},
        {"crit", "31"},       {"warn", "33"},
    };
    for (size_t i = 0; i < COUNTOF(colours); i++)
        if (strcmp(colours[i].word, text) == 0)
            return colours[i].colour;
    return NULL;
}

static void print_cell(const struct table *t, int column, const char *text, int width, bool colours)
{
    int pad = width - width_of(text);
    const char *colour = colours ? colour_of(text) : NULL;
    bool last = column + 1 == t->columns;
    if (t->right[column])
        printf("%*s", pad, "");
    if (colour)
        printf("\033[%sm%s\033[0m", colour, text);
    else
        printf("%s", text);
    if (!t->right[column] && !last)
        printf("%*s", pad, "");
    printf(last ? "\n" : "  ");
}

void table_print(struct table *t)
{
    int width[TABLE_COLUMNS];
    bool colours = isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
    const char *cell = t->cells.data;
    for (int i = 0; i < t->columns; i++)
        width[i] = width_of(t->head[i]);
    for (uint32_t i = 0; i < t->n; i++, cell += strlen(cell) + 1) {
        int w = width_of(cell), *most = &width[i % (uint32_t)t->columns];
        *most = MAX(*most, w);
    }
    for (int i = 0; i < t->columns; i++)
        print_cell(t, i, t->head[i], width[i], false);
    cell = t->cells.data;
    for (uint32_t i = 0; i < t->n; i++, cell += strlen(cell) + 1) {
        int column = (int)(i % (uint32_t)t->columns);
        print_cell(t, column, cell, width[column], colours);
    }
    buf_free(&t->cells);
    t->n = 0;
}
