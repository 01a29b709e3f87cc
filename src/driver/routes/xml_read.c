#include "driver/routes/xml_read.h"

#include <expat.h>
#include <limits.h>
#include <string.h>

struct reading {
    struct xml *x;
    XML_Parser parser;
    uint32_t open[XML_DEPTH_MAX];
    int depth;
    struct buf text; /* of the element that is open, until another begins in it */
    bool bad;
};

static void stop(struct reading *r)
{
    r->bad = true;
    XML_StopParser(r->parser, XML_FALSE);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static size_t keep(struct xml *x, const char *s, size_t n)
{
    size_t at = x->text.len;
    buf_add(&x->text, s, n);
    buf_char(&x->text, 0);
    return at;
}

static void XMLCALL on_start(void *arg, const XML_Char *name, const XML_Char **attributes)
{
    struct reading *r = arg;
    struct xml *x = r->x;
    (void)attributes;
    if (r->depth == XML_DEPTH_MAX || x->count == XML_NODES_MAX) {
        stop(r);
        return;
    }
    if (x->count == x->cap) {
        x->cap = x->cap ? x->cap * 2 : 64;
        x->node = mem_grow(x->node, x->cap, sizeof *x->node);
    }
    r->open[r->depth++] = x->count;
    x->node[x->count++] = (struct xml_node){.name_at = keep(x, name, strlen(name))};
    buf_reset(&r->text);
}

static void XMLCALL on_text(void *arg, const XML_Char *s, int n)
{
    buf_add(&((struct reading *)arg)->text, s, (size_t)n);
}

static void XMLCALL on_end(void *arg, const XML_Char *name)
{
    struct reading *r = arg;
    (void)name;
    uint32_t at = r->open[--r->depth];
    struct xml_node *v = &r->x->node[at];
    bool leaf = r->x->count - at == 1;
    const char *s = leaf && r->text.len ? r->text.data : "", *end = s + (leaf ? r->text.len : 0);
    while (s < end && is_blank(*s))
        s++;
    while (end > s && is_blank(end[-1]))
        end--;
    v->text_at = keep(r->x, s, (size_t)(end - s));
    v->skip = r->x->count - at;
    buf_reset(&r->text);
}

static void XMLCALL on_doctype(void *arg, const XML_Char *name, const XML_Char *system,
                               const XML_Char *public, int internal)
{
    (void)name;
    (void)system;
    (void)public;
    (void)internal;
    stop(arg);
}

bool xml_read(struct xml *x, const void *data, size_t n)
{
    struct reading r = {.x = x, .parser = XML_ParserCreate(NULL)};
    x->count = 0;
    buf_reset(&x->text);
    BUG_ON(!r.parser);
    XML_SetUserData(r.parser, &r);
    XML_SetElementHandler(r.parser, on_start, on_end);
    XML_SetCharacterDataHandler(r.parser, on_text);
    XML_SetStartDoctypeDeclHandler(r.parser, on_doctype);
    bool ok = n <= INT_MAX && XML_Parse(r.parser, data, (int)n, 1) == XML_STATUS_OK && !r.bad;
    XML_ParserFree(r.parser);
    buf_free(&r.text);
    for (uint32_t i = 0; ok && i < x->count; i++) { /* the texts no longer move */
        x->node[i].name = x->text.data + x->node[i].name_at;
        x->node[i].text = x->text.data + x->node[i].text_at;
    }
    return ok && x->count;
}

void xml_free(struct xml *x)
{
    mem_free(x->node);
    buf_free(&x->text);
    *x = (struct xml){0};
}

const struct xml_node *xml_get(const struct xml_node *of, const char *name)
{
    if (of)
        xml_each(v, of) if (strcmp(v->name, name) == 0) return v;
    return NULL;
}

const char *xml_get_text(const struct xml_node *of, const char *name)
{
    const struct xml_node *v = xml_get(of, name);
    return v ? v->text : "";
}
