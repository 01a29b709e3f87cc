/* conf_tree.c - from libyaml's events to a tree of nodes, with everything refused that has more
 * than one reading; and the problems, kept to be told in the order of the file. */
#include "base/conf_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/json.h"

/* ---- memory: chunks that live as long as the tree ---- */

#define CHUNK_BYTES 65536
struct conf_chunk {
    struct conf_chunk *next;
    size_t used, cap;
    _Alignas(16) char bytes[];
};

static void *take_bytes(struct conf *c, size_t n)
{
    n = (n + 15) & ~(size_t)15;
    if (!c->chunks || c->chunks->cap - c->chunks->used < n) {
        size_t cap = MAX(n, (size_t)CHUNK_BYTES);
        struct conf_chunk *k = mem_new(1, sizeof *k + cap);
        k->next = c->chunks;
        k->cap = cap;
        c->chunks = k;
    }
    void *p = c->chunks->bytes + c->chunks->used;
    c->chunks->used += n;
    return p;
}

static char *take_text(struct conf *c, const void *text, size_t n)
{
    char *p = take_bytes(c, n + 1);
    if (n)
        memcpy(p, text, n);
    p[n] = 0;
    return p;
}

void conf__close(struct conf *c)
{
    while (c->chunks) {
        struct conf_chunk *next = c->chunks->next;
        mem_free(c->chunks);
        c->chunks = next;
    }
    for (uint32_t i = 0; i < MIN(c->n_problems, (uint32_t)PROBLEMS_KEPT); i++)
        mem_free(c->problems[i].text);
    mem_free(c->problems);
}

/* ---- problems ---- */

void conf__excerpt(struct buf *b, const char *text)
{
    size_t n = strlen(text);
    json_quote(b, text, MIN(n, (size_t)EXCERPT_MAX));
    if (n > EXCERPT_MAX)
        buf_str(b, "...");
}

static bool is_word(const char *s)
{
    return *s && strlen(s) <= CONF_NAME_MAX &&
           s[strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")] == 0;
}

static void put_word(struct buf *b, const char *s)
{
    if (is_word(s))
        buf_str(b, s);
    else
        conf__excerpt(b, s);
}

static void put_path(struct buf *b, const struct conf_node *n)
{
    if (!n->parent)
        return;
    put_path(b, n->parent);
    if (n->key) {
        if (b->len && b->data[b->len - 1] != ' ')
            buf_char(b, '.');
        put_word(b, n->key);
        return;
    }
    const struct conf_node *name = conf_child(n, "name");
    buf_char(b, '[');
    if (name && name->kind == CONF_NODE_SCALAR && *name->text)
        put_word(b, name->text);
    else
        buf_fmt(b, "%u", n->index + 1);
    buf_char(b, ']');
}

PRINTF(5, 0)
static void add_problem(struct conf *c, uint32_t line, uint32_t col, const struct conf_node *n,
                        const char *fmt, va_list ap)
{
    uint32_t i = c->n_problems++;
    if (i >= PROBLEMS_KEPT)
        return;
    if (!c->problems)
        c->problems = mem_new(PROBLEMS_KEPT, sizeof *c->problems);
    struct buf b = {0};
    buf_fmt(&b, "%s:%u:%u: ", c->file, line, col);
    size_t before = b.len;
    if (n)
        put_path(&b, n);
    if (b.len == before)
        buf_str(&b, "file");
    buf_str(&b, ": ");
    char what[1024];
    vsnprintf(what, sizeof what, fmt, ap);
    buf_str(&b, what);
    c->problems[i] = (struct conf_problem){line, col, i, b.data};
}

void conf__problem(struct conf *c, uint32_t line, uint32_t col, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    add_problem(c, line, col, NULL, fmt, ap);
    va_end(ap);
}

void conf_error(struct conf *c, const struct conf_node *n, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    add_problem(c, n->line, n->col, n, fmt, ap);
    va_end(ap);
}

void conf_error_key(struct conf *c, const struct conf_node *n, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    if (n->key)
        add_problem(c, n->key_line, n->key_col, n, fmt, ap);
    else
        add_problem(c, n->line, n->col, n, fmt, ap);
    va_end(ap);
}

void *conf_user(const struct conf *c)
{
    return c->user;
}

void *conf_file_user(const struct conf *c)
{
    return c->file_user;
}

/* ---- finding ---- */

const struct conf_node *conf_child(const struct conf_node *n, const char *key)
{
    if (!n || n->kind != CONF_NODE_MAP)
        return NULL;
    for (const struct conf_node *k = n->first; k; k = k->next)
        if (strcmp(k->key, key) == 0)
            return k;
    return NULL;
}

const struct conf_node *conf_item(const struct conf_node *n, uint32_t i)
{
    const struct conf_node *k = n ? n->first : NULL;
    for (; k && i; i--)
        k = k->next;
    return k;
}

static int by_key(const void *a, const void *b)
{
    const struct conf_node *x = *(const struct conf_node *const *)a;
    const struct conf_node *y = *(const struct conf_node *const *)b;
    int d = strcmp(x->key, y->key);
    return d ? d : x->index < y->index ? -1 : 1;
}

static void spoil(struct conf_node *n)
{
    n->bad = true;
    for (; n && !n->flawed; n = n->parent)
        n->flawed = true;
}

/* Sorting finds them in any size of map; a plain search would take hours for a hostile one. */
static void refuse_duplicates(struct conf *c, const struct conf_node *map)
{
    if (map->count < 2)
        return;
    struct conf_node **all = mem_new(map->count, sizeof(struct conf_node *));
    uint32_t n = 0;
    for (struct conf_node *k = map->first; k; k = k->next)
        all[n++] = k;
    qsort(all, n, sizeof(struct conf_node *), by_key);
    uint32_t first = 0;
    for (uint32_t i = 1; i < n; i++) {
        if (strcmp(all[i]->key, all[first]->key) != 0) {
            first = i;
            continue;
        }
        spoil(all[i]);
        conf_error_key(c, all[i], "is given twice, first on line %u; keep one",
                       all[first]->key_line);
    }
    mem_free(all);
}

/* ---- the parser ---- */

struct parse {
    struct conf *c;
    yaml_parser_t yaml;
    struct conf_node *open[CONF_DEPTH_MAX];
    int depth;
    uint32_t documents;
    char *key; /* of the innermost map, its value is due; NULL: a key is due */
    uint32_t key_line, key_col;
};

static uint32_t line_of(const yaml_mark_t *m)
{
    return (uint32_t)m->line + 1;
}

static uint32_t col_of(const yaml_mark_t *m)
{
    return (uint32_t)m->column + 1;
}

static bool key_is_due(const struct parse *p)
{
    return p->depth && p->open[p->depth - 1]->kind == CONF_NODE_MAP && !p->key;
}

/* A node in its place under the innermost open one. Maps and lists cannot be keys. */
static struct conf_node *add_node(struct parse *p, enum conf_kind kind, const yaml_mark_t *at)
{
    struct conf_node *n = take_bytes(p->c, sizeof *n);
    struct conf_node *up = p->depth ? p->open[p->depth - 1] : NULL;
    *n = (struct conf_node){
        .kind = kind, .line = line_of(at), .col = col_of(at), .parent = up, .text = ""};
    if (!up) {
        if (!p->c->root)
            p->c->root = n;
        return n;
    }
    n->index = up->count++;
    n->key = p->key;
    n->key_line = p->key_line;
    n->key_col = p->key_col;
    p->key = NULL;
    if (up->last)
        up->last->next = n;
    else
        up->first = n;
    up->last = n;
    return n;
}

static void refuse(struct parse *p, struct conf_node *n, const char *anchor, const char *tag)
{
    if (anchor)
        conf_error(p->c, n, "has an anchor; write the value out where it is needed");
    if (tag)
        conf_error(p->c, n, "has a tag; remove it, the key alone says what type a value has");
    if (anchor || tag)
        spoil(n);
}

static bool open_node(struct parse *p, enum conf_kind kind, const yaml_event_t *e)
{
    const yaml_mark_t *at = &e->start_mark;
    if (key_is_due(p)) {
        conf__problem(p->c, line_of(at), col_of(at), "a key is a %s; keys are plain words",
                      kind == CONF_NODE_MAP ? "map" : "list");
        return false;
    }
    if (p->depth == CONF_DEPTH_MAX) {
        conf__problem(p->c, line_of(at), col_of(at),
                      "is nested deeper than %d levels; nothing here needs that", CONF_DEPTH_MAX);
        return false;
    }
    struct conf_node *n = add_node(p, kind, at);
    if (kind == CONF_NODE_MAP)
        refuse(p, n, (const char *)e->data.mapping_start.anchor,
               (const char *)e->data.mapping_start.tag);
    else
        refuse(p, n, (const char *)e->data.sequence_start.anchor,
               (const char *)e->data.sequence_start.tag);
    p->open[p->depth++] = n;
    return true;
}

static bool add_scalar(struct parse *p, const yaml_event_t *e)
{
    const yaml_mark_t *at = &e->start_mark;
    const char *text = (const char *)e->data.scalar.value;
    size_t len = e->data.scalar.length;
    const char *anchor = (const char *)e->data.scalar.anchor,
               *tag = (const char *)e->data.scalar.tag;
    if (key_is_due(p)) {
        p->key = take_text(p->c, text, len);
        p->key_line = line_of(at);
        p->key_col = col_of(at);
        if (!anchor && !tag && strlen(p->key) == len)
            return true;
        conf__problem(p->c, p->key_line, p->key_col,
                      "a key has an anchor, a tag or a NUL; keys are plain words");
        return false;
    }
    struct conf_node *n = add_node(p, CONF_NODE_SCALAR, at);
    n->plain = e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    n->text = take_text(p->c, text, len);
    refuse(p, n, anchor, tag);
    if (strlen(n->text) != len && !n->bad) {
        conf_error(p->c, n, "contains a NUL character; remove it");
        spoil(n);
    }
    return true;
}

static bool add_alias(struct parse *p, const yaml_event_t *e)
{
    const yaml_mark_t *at = &e->start_mark;
    if (key_is_due(p)) {
        conf__problem(p->c, line_of(at), col_of(at), "a key is an alias; keys are plain words");
        return false;
    }
    struct conf_node *n = add_node(p, CONF_NODE_SCALAR, at);
    spoil(n);
    conf_error(p->c, n, "is an alias; write the value out where it is needed");
    return true;
}

/* False: the tree ends here, because it is complete or because what follows cannot be read. */
static bool on_event(struct parse *p, const yaml_event_t *e)
{
    switch (e->type) {
    case YAML_DOCUMENT_START_EVENT:
        if (p->documents++ == 0)
            return true;
        conf__problem(p->c, line_of(&e->start_mark), col_of(&e->start_mark),
                      "a second document begins; a configuration is one document");
        p->c->root->flawed = true;
        return false;
    case YAML_ALIAS_EVENT: return add_alias(p, e);
    case YAML_SCALAR_EVENT: return add_scalar(p, e);
    case YAML_MAPPING_START_EVENT: return open_node(p, CONF_NODE_MAP, e);
    case YAML_SEQUENCE_START_EVENT: return open_node(p, CONF_NODE_LIST, e);
    case YAML_MAPPING_END_EVENT:
        refuse_duplicates(p->c, p->open[p->depth - 1]);
        p->depth--;
        return true;
    case YAML_SEQUENCE_END_EVENT: p->depth--; return true;
    case YAML_STREAM_END_EVENT: return false;
    default: return true;
    }
}

static void say_syntax(struct parse *p, const char *text, size_t len)
{
    const yaml_parser_t *y = &p->yaml;
    uint32_t line = line_of(&y->problem_mark), col = col_of(&y->problem_mark);
    size_t at = y->problem_mark.index;
    const char *advice = "check the indentation, the quotes and the brackets here and above";
    if (y->error == YAML_READER_ERROR) { /* knows only the offset in bytes */
        line = col = 1;
        at = MIN(y->problem_offset, len);
        for (size_t i = 0; i < at; i++) {
            col = text[i] == '\n' ? 1 : ((unsigned char)text[i] & 0xc0) == 0x80 ? col : col + 1;
            line += text[i] == '\n';
        }
        advice = "save the file as UTF-8 without control characters";
    } else if (memchr(text, '\t', len) && y->problem && strstr(y->problem, "cannot start any")) {
        advice = "a tab cannot indent; use spaces";
    }
    conf__problem(p->c, line, col, "%s%s%s; %s", y->problem ? y->problem : "cannot be read",
                  y->context ? " " : "", y->context ? y->context : "", advice);
}

void conf__parse(struct conf *c, const char *text, size_t len)
{
    if (len > CONF_SIZE_MAX) {
        conf__problem(c, 1, 1, "is larger than %d bytes; generate agents with count",
                      CONF_SIZE_MAX);
        return;
    }
    if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) { /* libyaml would count it as a column */
        text += 3;
        len -= 3;
    }
    struct parse p = {.c = c};
    BUG_ON(!yaml_parser_initialize(&p.yaml)); /* fails for want of memory only */
    yaml_parser_set_encoding(&p.yaml, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&p.yaml, (const unsigned char *)text, len);
    bool more = true;
    while (more) {
        yaml_event_t e;
        if (!yaml_parser_parse(&p.yaml, &e)) {
            say_syntax(&p, text, len);
            break;
        }
        more = on_event(&p, &e);
        yaml_event_delete(&e);
    }
    yaml_parser_delete(&p.yaml);
    if (!c->root && !c->n_problems)
        conf__problem(c, 1, 1, "is empty; examples/ has configurations to begin with");
    if (p.depth)
        c->root = NULL; /* half a tree would only look as if keys were missing */
}
