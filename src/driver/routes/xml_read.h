/* xml_read.h - an XML document as a flat array of elements, for answers of EC2's Query API.
 *
 * Parsed by expat. Such answers have elements and text, nothing else of use: attributes, comments
 * and namespaces are passed over. An element has either elements in it or a text, which is told
 * without the blanks around it.
 * A document type is refused, so no entity can be declared and none be expanded.
 *
 * The array and its texts are used again by the next xml_read; they hold until then. */
#pragma once

#include "base/mem.h"

enum { XML_DEPTH_MAX = 32, XML_NODES_MAX = 1 << 20 };

struct xml_node {
    const char *name, *text; /* text: "" for none */
    uint32_t skip;           /* nodes from here to past all it contains */
    size_t name_at, text_at; /* private: while it is read */
};

struct xml {
    struct xml_node *node;
    uint32_t count, cap;
    struct buf text;
};

/* False: not well-formed, a document type, too deep or too large. */
bool xml_read(struct xml *x, const void *data, size_t n) MUST_USE;
void xml_free(struct xml *x);

static inline const struct xml_node *xml_root(const struct xml *x)
{
    return x->node;
}

#define xml_each(v, of)                                                                            \
    for (const struct xml_node *v = (of) + 1, *v##_end = (of) + (of)->skip; v < v##_end;           \
         v += v->skip)

/* The first child of that name; NULL: none, or `of` is NULL. */
const struct xml_node *xml_get(const struct xml_node *of, const char *name);
const char *xml_get_text(const struct xml_node *of, const char *name); /* "": there is none */
