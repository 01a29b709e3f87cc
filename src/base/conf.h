/* conf.h - a YAML file read into plain structs by a table of rows, one row a key.
 *
 * The table is the only place where a key is known: from it come the reading with every check, the
 * defaults, the reference for people (conf_markdown, conf_scdoc) and the JSON Schema (conf_json).
 * The idea is Knot DNS's conf/schema.c; the parser beneath is libyaml's event stream
 * (https://pyyaml.org/wiki/LibYAML, YAML 1.1).
 *
 * YAML is held to what can be read in one way only. Refused: anchors, aliases, tags, several
 * documents, keys given twice, unknown keys, nesting over CONF_DEPTH_MAX, texts over CONF_SIZE_MAX.
 * The type of a value comes from its row and not from its looks: `no` may be a name, `40%`,
 * `40abc`, `4e1`, `010`, `0x10`, an empty value and null are never numbers, and a number in quotes
 * is text.
 *
 * Every problem is reported, not only the first: one line each, in the order of the file, at most
 * CONF_ERRORS_SHOWN,
 *      FILE:LINE:COL: path.to.key: what is wrong; what to do
 * Lines and columns (in characters) count from 1. An item of a list is named in the path by its
 * `name` key, or else by its place counted from 1: queues[support].hours, agents[3].site.
 *
 * What a table writes to belongs to the caller; lists are allocated with mem_new. */
#pragma once

#include "base/mem.h"

enum {
    CONF_DEPTH_MAX = 16,     /* maps and lists inside each other; the deepest table has 6 */
    CONF_SIZE_MAX = 4 << 20, /* bytes of a text; 100,000 agents named one by one fit */
    CONF_ERRORS_SHOWN = 20,  /* a screen; what follows is mostly a consequence */
    CONF_NAME_MAX = 63,      /* characters of a name */
};

struct conf;

/* ---- the text as a tree; valid while conf_read runs ---- */

enum conf_kind { CONF_NODE_SCALAR, CONF_NODE_MAP, CONF_NODE_LIST };
struct conf_node {
    enum conf_kind kind;
    bool plain;         /* a scalar without quotes */
    bool bad;           /* reported already; a reader passes over it */
    bool flawed;        /* it or something inside is bad */
    uint32_t line, col; /* of the value */
    uint32_t key_line, key_col;
    uint32_t index, count; /* its place in the parent, from 0; how many children */
    const char *key;       /* NULL in a list and at the root */
    const char *text;      /* a scalar's; no NUL inside */
    struct conf_node *parent, *first, *last, *next;
};

/* The child of a map by its key, or NULL (also when n is NULL or no map). */
const struct conf_node *conf_child(const struct conf_node *n, const char *key);
/* The n-th child counted from 0, or NULL. Takes time in proportion to i. */
const struct conf_node *conf_item(const struct conf_node *n, uint32_t i);

/* Reports a problem at a value (or, _key, at its key). Write "what is wrong; what to do". */
void conf_error(struct conf *c, const struct conf_node *n, const char *fmt, ...) PRINTF(3, 4);
void conf_error_key(struct conf *c, const struct conf_node *n, const char *fmt, ...) PRINTF(3, 4);
/* The same of a scalar, with its value in quotes before `what`; "is empty" when it is null. */
void conf_error_value(struct conf *c, const struct conf_node *n, const char *what,
                      const char *advice);
/* What conf_read was given. */
void *conf_user(const struct conf *c);
void *conf_file_user(const struct conf *c); /* also inside of a section */

/* ---- the table ---- */

enum conf_type {
    CONF_INT,     /* a whole number */
    CONF_DECIMAL, /* digits with or without a point; at most 15 of them, so doubles are exact */
    CONF_PERCENT, /* a decimal; kept in parts per million when the member is whole, else as a
                     fraction of 1 */
    CONF_BOOL,    /* true or false */
    CONF_TEXT,    /* any text that is not empty, without control characters */
    CONF_NAME,    /* 1..63 of A-Z a-z 0-9 . _ - */
    CONF_ENUM,    /* one of `names`, kept as its index */
    CONF_TIME,    /* HH:MM, 00:00 to 24:00, kept as minutes */
    CONF_SPAN,    /* HH:MM-HH:MM or closed, kept as two int32_t minutes; closed is 0, 0 */
    CONF_REF,     /* the name of something read before, kept as its index */
    CONF_MAP,     /* keys of `sub`, kept in the struct that the row's member is */
    CONF_LIST,    /* items of `sub` */
    CONF_SECTION, /* a map that another table reads, or nobody: see struct conf_section */
    CONF_DICT,    /* a map with free keys; each entry is an item of `sub`, which has two rows: the
                     key (CONF_REF or CONF_TEXT) and the value */
};

enum conf_c {
    CONF_C_NONE,
    CONF_C_BOOL,
    CONF_C_U8,
    CONF_C_U16,
    CONF_C_U32,
    CONF_C_I32,
    CONF_C_I64,
    CONF_C_F64,
    CONF_C_CHARS
};
#define CONF__C(v)                                                                                 \
    _Generic((v), bool: CONF_C_BOOL, uint8_t: CONF_C_U8, uint16_t: CONF_C_U16,                     \
        uint32_t: CONF_C_U32, int32_t: CONF_C_I32, int64_t: CONF_C_I64, double: CONF_C_F64,        \
        char *: CONF_C_CHARS, default: CONF_C_NONE)
#define CONF__M(T, m) (((T *)0)->m)

/* Where a row's value goes. CONF_LIST and CONF_DICT: an array inside the struct, an array that is
 * allocated, or nowhere: each item is read into a zeroed T, handed to the table's `done`, and
 * forgotten. `n` is the member that takes the count. */
#define CONF_AT(T, m)                                                                              \
    .offset = offsetof(T, m), .size = sizeof CONF__M(T, m), .c = CONF__C(CONF__M(T, m))
#define CONF_ARRAY(T, m, n)                                                                        \
    .offset = offsetof(T, m), .size = sizeof CONF__M(T, m)[0], .max = COUNTOF(CONF__M(T, m)),      \
    .store = CONF_STORE_ARRAY, .count_offset = offsetof(T, n), .c = CONF__C(CONF__M(T, n))
#define CONF_ALLOC(T, m, n)                                                                        \
    .offset = offsetof(T, m), .size = sizeof CONF__M(T, m)[0], .store = CONF_STORE_ALLOC,          \
    .count_offset = offsetof(T, n), .c = CONF__C(CONF__M(T, n))
#define CONF_EACH(T) .size = sizeof(T), .store = CONF_STORE_EACH

enum conf_store { CONF_STORE_MEMBER, CONF_STORE_ARRAY, CONF_STORE_ALLOC, CONF_STORE_EACH };

/* What a CONF_REF may name: the i-th name, NULL after the last. */
struct conf_ref {
    const char *noun; /* "queue", for messages */
    const char *(*name)(void *user, uint32_t i);
};

struct conf_row {
    const char *name;
    const char *doc;     /* one or two sentences */
    const char *unit;    /* NULL: none */
    const char *def;     /* the default as one would write it; NULL: the member is left alone */
    const char *def_doc; /* instead of `def`, for people: "the site's own residency" */
    double min, max;     /* of the number, in its unit; both 0: any. Of a list: its length */
    enum conf_type type;
    bool required;
    bool one_or_many;    /* CONF_LIST: a value that is no list counts as a list of one */
    bool one_by_default; /* CONF_LIST: when not given, one item that is all defaults */
    uint8_t repeat;      /* CONF_SPAN: kept so many times in a row; 0 means 1 */
    int32_t scale;       /* a number is multiplied by this when kept; 0 means 1 */
    enum conf_c c;       /* type of the member (of a list: of its count) */
    enum conf_store store;
    uint32_t offset, size, count_offset;
    const char *const *names; /* CONF_ENUM; NULL after the last */
    const struct conf_ref *ref;
    const struct conf_table *sub;
    /* CONF_TEXT, _NAME, _ENUM: takes the text, checked by its type, instead of the member; n NULL:
     * it is the default. */
    void (*take)(struct conf *c, const struct conf_node *n, const char *text, void *base);
};

struct conf_table {
    const struct conf_row *rows;
    uint32_t n_rows;
    const char *doc;       /* introduces the section in the reference; NULL: none */
    const char *shorthand; /* an item that is a scalar stands for a map with only this key */
    const char *unique;    /* a list's items must differ in the text of this key */
    /* Before and after a map was read into `base`; `owner` is the struct that holds the list. done
     * is not called when something inside was wrong. n is NULL for a map that is not given. */
    void (*begin)(struct conf *c, const struct conf_node *n, void *base, void *owner);
    void (*done)(struct conf *c, const struct conf_node *n, void *base, void *owner);
};
#define CONF_TABLE(rows_) .rows = (rows_), .n_rows = COUNTOF(rows_)

/* A file may hold sections of parts that its owner does not know: the owner's table has a row of
 * type CONF_SECTION, and whoever reads the file for such a part gives that part's table with it.
 * Without one the section is only held to be a map. */
struct conf_section {
    const char *name; /* the row's; NULL ends an array of sections */
    const struct conf_table *table;
    void *base; /* not used by conf_markdown, conf_scdoc and conf_json; nor is: */
    void *user; /* what conf_user gives to its table's functions; NULL: the file's */
};

/* Reads `text` into `base` by the table, and sections (NULL: none) into theirs. False: lines were
 * appended to *errors; what was allocated by then is in `base` and the caller's to free. `user` is
 * handed to the tables' functions. */
bool conf_read(const char *text, size_t len, const char *file, const struct conf_table *table,
               void *base, void *user, const struct conf_section *sections,
               struct buf *errors) MUST_USE;

/* ---- the reference ---- */

void conf_markdown(const struct conf_table *table, const struct conf_section *sections,
                   struct buf *out); /* sections with tables */
void conf_scdoc(const struct conf_table *table, const struct conf_section *sections,
                struct buf *out); /* scdoc(5) paragraphs */
void conf_json(const struct conf_table *table, const struct conf_section *sections,
               const char *title, struct buf *out);

/* The name nearest to `text` among names (by index, NULL after the last), if near enough to have
 * been meant, else NULL. Damerau's distance with adjacent transpositions. */
const char *conf_nearest(const char *text, const char *(*name)(void *arg, uint32_t i), void *arg);
