/* conf_internal.h - shared by conf.c (the table), conf_tree.c (the text) and conf_doc.c. */
#pragma once

#include "base/conf.h"

enum {
    PROBLEMS_KEPT = 1000,  /* so that the first 20 in the file's order are among them */
    NAMES_SEARCHED = 4096, /* for "did you mean" */
    EXCERPT_MAX = 40,      /* bytes of a value that a message shows */
};

struct conf_problem {
    uint32_t line, col, order;
    char *text;
};

struct conf_chunk;
struct conf {
    const char *file;
    void *user, *file_user;
    const struct conf_section *sections;
    struct conf_chunk *chunks; /* nodes and their texts */
    struct conf_node *root;
    uint32_t n_problems; /* found; the first PROBLEMS_KEPT are kept */
    struct conf_problem *problems;
};

/* The section that fills the row, or NULL. */
const struct conf_section *conf__section(const struct conf_section *all, const struct conf_row *r);
/* Makes the tree of `text`. Problems are recorded; c->root is NULL when there is none. */
void conf__parse(struct conf *c, const char *text, size_t len);
void conf__problem(struct conf *c, uint32_t line, uint32_t col, const char *fmt, ...) PRINTF(4, 5);
void conf__close(struct conf *c);
/* Appends a value as a message shows it: in quotes, escaped, cut. */
void conf__excerpt(struct buf *b, const char *text);
