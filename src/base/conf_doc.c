/* conf_doc.c - a table as reading matter: for people in Markdown and scdoc, for editors in JSON
 * Schema (https://json-schema.org/draft/2020-12). */
#include "base/conf_internal.h"

#include <string.h>

#include "base/json.h"

#define NAME_PATTERN "^[A-Za-z0-9._-]{1,63}$"
#define TIME_PATTERN "([01][0-9]|2[0-3]):[0-5][0-9]|24:00"

/* The table of a map or of a list's items; NULL: of a section that nobody has given. */
static const struct conf_table *sub_table(const struct conf_row *r,
                                          const struct conf_section *sections)
{
    if (r->type != CONF_SECTION)
        return r->sub;
    const struct conf_section *s = conf__section(sections, r);
    return s ? s->table : NULL;
}

/* Rows whose keys deserve a section of their own. */
static bool has_section(const struct conf_row *r, const struct conf_section *sections)
{
    return r->type == CONF_MAP || (r->type == CONF_LIST && r->sub->n_rows > 1) ||
           (r->type == CONF_SECTION && sub_table(r, sections));
}

static void put_range(struct buf *b, const struct conf_row *r, const char *what)
{
    buf_str(b, what);
    if (r->min != 0 || r->max != 0)
        buf_fmt(b, " %.10g..%.10g", r->min, r->max);
    if (r->unit && r->type != CONF_PERCENT)
        buf_fmt(b, " %s", r->unit);
}

/* What may be written, in a few words. */
static void put_value(struct buf *b, const struct conf_row *r)
{
    switch (r->type) {
    case CONF_INT: put_range(b, r, "whole number"); break;
    case CONF_DECIMAL: put_range(b, r, "number"); break;
    case CONF_PERCENT: put_range(b, r, "percentage"); break;
    case CONF_BOOL: buf_str(b, "true or false"); break;
    case CONF_TEXT: buf_str(b, "text"); break;
    case CONF_NAME: buf_str(b, "name"); break;
    case CONF_ENUM:
        for (uint32_t i = 0; r->names[i]; i++)
            buf_fmt(b, "%s%s", !i ? "" : r->names[i + 1] ? ", " : " or ", r->names[i]);
        break;
    case CONF_TIME: buf_str(b, "HH:MM"); break;
    case CONF_SPAN: buf_str(b, "HH:MM-HH:MM or closed"); break;
    case CONF_REF: buf_fmt(b, "name of a %s", r->ref->noun); break;
    case CONF_MAP:
    case CONF_SECTION: buf_str(b, "map"); break;
    case CONF_LIST:
        buf_str(b, "list");
        if (r->sub->shorthand) {
            uint32_t i = 0;
            while (strcmp(r->sub->rows[i].name, r->sub->shorthand) != 0)
                i++;
            buf_str(b, r->sub->n_rows > 1 ? " of maps, or of: " : " of: ");
            put_value(b, &r->sub->rows[i]);
            if (r->one_or_many)
                buf_str(b, "; or a single one");
        }
        break;
    case CONF_DICT:
        buf_str(b, "map of ");
        put_value(b, &r->sub->rows[0]);
        buf_str(b, ": ");
        put_value(b, &r->sub->rows[1]);
        break;
    }
}

static void put_section_path(struct buf *path, const struct conf_row *r)
{
    buf_fmt(path, "%s%s%s", path->len ? "." : "", r->name, r->type == CONF_LIST ? "[]" : "");
}

/* ---- Markdown ---- */

static void markdown_text(struct buf *out, const char *s)
{
    for (; *s; s++) {
        if (*s == '|') /* would end the cell */
            buf_char(out, '\\');
        buf_char(out, *s);
    }
}

static void markdown_section(const struct conf_table *t, const struct conf_section *sections,
                             const char *path, struct buf *out)
{
    if (*path)
        buf_fmt(out, "\n### `%s`\n\n", path);
    else
        buf_str(out, "\n### The file\n\n");
    if (t->doc)
        buf_fmt(out, "%s\n\n", t->doc);
    buf_str(out, "| key | value | default | meaning |\n|---|---|---|---|\n");
    for (uint32_t i = 0; i < t->n_rows; i++) {
        const struct conf_row *r = &t->rows[i];
        buf_fmt(out, "| `%s` | ", r->name);
        put_value(out, r);
        if (r->required)
            buf_str(out, " | required");
        else if (r->def_doc)
            buf_fmt(out, " | %s", r->def_doc);
        else if (r->def)
            buf_fmt(out, " | `%s`", r->def);
        else
            buf_str(out, " | ");
        buf_str(out, " | ");
        markdown_text(out, r->doc);
        buf_str(out, " |\n");
    }
    for (uint32_t i = 0; i < t->n_rows; i++) {
        const struct conf_row *r = &t->rows[i];
        if (!has_section(r, sections))
            continue;
        struct buf sub = {0};
        buf_str(&sub, path);
        put_section_path(&sub, r);
        markdown_section(sub_table(r, sections), sections, sub.data, out);
        buf_free(&sub);
    }
}

void conf_markdown(const struct conf_table *table, const struct conf_section *sections,
                   struct buf *out)
{
    markdown_section(table, sections, "", out);
}

/* ---- scdoc ---- */

/* Only * and _ mean something inside a line of scdoc, and a backslash. */
static void scdoc_text(struct buf *out, const char *s)
{
    for (; *s; s++) {
        if (strchr("*_\\", *s))
            buf_char(out, '\\');
        buf_char(out, *s);
    }
}

static void scdoc_rows(const struct conf_table *t, const struct conf_section *sections,
                       const char *path, struct buf *out)
{
    if (t->doc && *path) {
        scdoc_text(out, t->doc);
        buf_str(out, "\n\n");
    }
    for (uint32_t i = 0; i < t->n_rows; i++) {
        const struct conf_row *r = &t->rows[i];
        struct buf sub = {0}, value = {0};
        buf_str(&sub, path);
        put_section_path(&sub, r);
        put_value(&value, r);
        buf_char(out, '*');
        scdoc_text(out, sub.data);
        buf_str(out, "* (");
        scdoc_text(out, value.data);
        buf_str(out, ")\n\t");
        scdoc_text(out, r->doc);
        if (r->required)
            buf_str(out, " Required.");
        if (r->def_doc || r->def) {
            buf_str(out, " Default: ");
            scdoc_text(out, r->def_doc ? r->def_doc : r->def);
            buf_char(out, '.');
        }
        buf_str(out, "\n\n");
        if (has_section(r, sections))
            scdoc_rows(sub_table(r, sections), sections, sub.data, out);
        buf_free(&sub);
        buf_free(&value);
    }
}

void conf_scdoc(const struct conf_table *table, const struct conf_section *sections,
                struct buf *out)
{
    scdoc_rows(table, sections, "", out);
}

/* ---- JSON Schema ---- */

static void key_text(struct jw *w, const char *key, const char *text)
{
    jw_key(w, key);
    jw_str(w, text);
}

static void json_table(struct jw *w, const struct conf_table *t,
                       const struct conf_section *sections);
static void json_type(struct jw *w, const struct conf_row *r, const struct conf_section *sections);

static void json_range(struct jw *w, const struct conf_row *r, const char *min, const char *max)
{
    if (r->min == 0 && r->max == 0)
        return;
    jw_key(w, min);
    jw_double(w, r->min);
    jw_key(w, max);
    jw_double(w, r->max);
}

/* A value of the row, as an object of its own. */
static void json_object(struct jw *w, const struct conf_row *r, const struct conf_section *sections)
{
    jw_obj(w);
    json_type(w, r, sections);
    jw_end(w);
}

static void json_item(struct jw *w, const struct conf_table *t, const struct conf_section *sections)
{
    const struct conf_row *brief = NULL;
    for (uint32_t i = 0; t->shorthand && i < t->n_rows; i++)
        if (strcmp(t->rows[i].name, t->shorthand) == 0)
            brief = &t->rows[i];
    if (brief) {
        jw_obj(w);
        jw_key(w, "anyOf");
        jw_arr(w);
        json_object(w, brief, sections);
    }
    jw_obj(w);
    json_table(w, t, sections);
    jw_end(w);
    if (brief) {
        jw_end(w);
        jw_end(w);
    }
}

static void json_list(struct jw *w, const struct conf_row *r, const struct conf_section *sections)
{
    if (r->one_or_many) {
        jw_key(w, "anyOf");
        jw_arr(w);
        json_item(w, r->sub, sections);
        jw_obj(w);
    }
    key_text(w, "type", "array");
    json_range(w, r, "minItems", "maxItems");
    jw_key(w, "items");
    json_item(w, r->sub, sections);
    if (r->one_or_many) {
        jw_end(w);
        jw_end(w);
    }
}

static void json_string(struct jw *w, const char *pattern)
{
    key_text(w, "type", "string");
    if (pattern)
        key_text(w, "pattern", pattern);
}

static void json_type(struct jw *w, const struct conf_row *r, const struct conf_section *sections)
{
    switch (r->type) {
    case CONF_INT:
    case CONF_DECIMAL:
    case CONF_PERCENT:
        key_text(w, "type", r->type == CONF_INT ? "integer" : "number");
        json_range(w, r, "minimum", "maximum");
        break;
    case CONF_BOOL: key_text(w, "type", "boolean"); break;
    case CONF_TEXT: json_string(w, NULL); break;
    case CONF_NAME:
    case CONF_REF: json_string(w, NAME_PATTERN); break;
    case CONF_ENUM:
        jw_key(w, "enum");
        jw_arr(w);
        for (uint32_t i = 0; r->names[i]; i++)
            jw_str(w, r->names[i]);
        jw_end(w);
        break;
    case CONF_TIME: json_string(w, "^(" TIME_PATTERN ")$"); break;
    case CONF_SPAN: json_string(w, "^((" TIME_PATTERN ")-(" TIME_PATTERN ")|closed)$"); break;
    case CONF_MAP: json_table(w, r->sub, sections); break;
    case CONF_SECTION:
        if (sub_table(r, sections))
            json_table(w, sub_table(r, sections), sections);
        else
            key_text(w, "type", "object");
        break;
    case CONF_LIST: json_list(w, r, sections); break;
    case CONF_DICT:
        key_text(w, "type", "object");
        json_range(w, r, "minProperties", "maxProperties");
        jw_key(w, "additionalProperties");
        json_object(w, &r->sub->rows[1], sections);
        break;
    }
}

static void json_default(struct jw *w, const struct conf_row *r)
{
    if (!r->def)
        return;
    jw_key(w, "default");
    if (r->type == CONF_INT || r->type == CONF_DECIMAL || r->type == CONF_PERCENT ||
        r->type == CONF_BOOL)
        jw_raw(w, r->def, strlen(r->def)); /* our numbers are JSON's */
    else
        jw_str(w, r->def);
}

static void json_table(struct jw *w, const struct conf_table *t,
                       const struct conf_section *sections)
{
    bool any = false;
    key_text(w, "type", "object");
    jw_key(w, "properties");
    jw_obj(w);
    for (uint32_t i = 0; i < t->n_rows; i++) {
        const struct conf_row *r = &t->rows[i];
        any |= r->required;
        jw_key(w, r->name);
        jw_obj(w);
        key_text(w, "description", r->doc);
        json_default(w, r);
        json_type(w, r, sections);
        jw_end(w);
    }
    jw_end(w);
    if (any) {
        jw_key(w, "required");
        jw_arr(w);
        for (uint32_t i = 0; i < t->n_rows; i++)
            if (t->rows[i].required)
                jw_str(w, t->rows[i].name);
        jw_end(w);
    }
    jw_key(w, "additionalProperties");
    jw_bool(w, false);
}

void conf_json(const struct conf_table *table, const struct conf_section *sections,
               const char *title, struct buf *out)
{
    struct jw w;
    jw_begin(&w, out);
    jw_obj(&w);
    key_text(&w, "$schema", "https://json-schema.org/draft/2020-12/schema");
    key_text(&w, "title", title);
    json_table(&w, table, sections);
    jw_end(&w);
    jw_done(&w);
}
