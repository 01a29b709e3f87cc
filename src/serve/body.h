/* body.h - the members of a JSON object by a table: one row a member, its name, its JSON type and
 * what takes it. For the files that read bodies of requests (api_parse.c, net_parse.c). */
#pragma once

#include "base/json_read.h"
#include "serve/api_parse.h"

struct take { /* one reading */
    const struct parse_context *c; /* NULL: the body has nothing to do with the centre */
    struct jr *json;
    void *out;
    const void *extra;
    struct api_error *error;
};
enum body_kind { BODY_TEXT, BODY_WHOLE, BODY_NUMBER, BODY_FLAG, BODY_OBJECT, BODY_ARRAY };
struct member { /* a table ends with a row without name; it has 32 rows at most */
    const char *name;
    enum body_kind kind;
    bool required;
    bool (*take)(struct take *t, const struct member *m, const struct jr_node *v);
};

/* Fills the error; always false. */
bool body_say(struct api_error *e, int status, const char *fmt, ...) PRINTF(3, 4);
/* The body must be one object, of members of the table. */
bool body_parse(const void *body, size_t len, const struct member *rows, struct take *t) MUST_USE;
/* The same of an object that was read already. */
bool body_members(const struct jr_node *object, const struct member *rows, struct take *t) MUST_USE;
/* Printable text of 1 to max bytes. */
bool body_plain(struct take *t, const struct member *m, const struct jr_node *v,
                size_t max) MUST_USE;
/* "a, b, c" of the names that `name` gives until NULL; cut with "..." when it does not fit. */
const char *body_names(char *out, size_t cap, const char *(*name)(const void *arg, uint32_t i),
                       const void *arg);
