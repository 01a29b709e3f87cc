/* mirror_plan.h - what one instance has and another lacks: hours of operation, queues, flows and
 * routing profiles, by name. Pure.
 *
 * AWS mirrors the two instances of a pair by itself; between any others nothing does. An instance's
 * resources are read into an inventory, in which they refer to each other by name ("${queue:sales}"
 * for an id, "${queue-arn:sales}" for an ARN, "${region}"), since ids differ from instance to
 * instance. Two inventories are then compared name by name. Whatever refers to something that is
 * not mirrored itself (a prompt, a user) is marked, and is never copied. */
#pragma once

#include "base/mem.h"

struct json_t;

enum mirror_kind { MIRROR_HOURS, MIRROR_QUEUE, MIRROR_FLOW, MIRROR_PROFILE, MIRROR_KINDS };
extern const char *const mirror_kind_names[MIRROR_KINDS]; /* "hours", "queue", "flow", "profile" */

enum { MIRROR_ITEMS_MAX = 4096, MIRROR_NAME_MAX = 257, MIRROR_ID_MAX = 64, MIRROR_ARN_MAX = 256 };

struct mirror_item {
    enum mirror_kind kind;
    char name[MIRROR_NAME_MAX], id[MIRROR_ID_MAX], arn[MIRROR_ARN_MAX];
    struct json_t *spec; /* what it is, without ids; NULL: not read yet */
    char number[MIRROR_ID_MAX]; /* of a queue: what its calls out show is the instance's own; "" */
    char foreign[MIRROR_NAME_MAX]; /* what it refers to that is not mirrored; "": nothing */
};

struct mirror_inventory {
    char region[32], instance[MIRROR_ID_MAX];
    uint32_t n;
    struct mirror_item *item;
};
/* NULL: there are too many. */
struct mirror_item *mirror_add(struct mirror_inventory *v, enum mirror_kind kind, const char *name,
                               const char *id, const char *arn);
struct mirror_item *mirror_find(const struct mirror_inventory *v, enum mirror_kind kind,
                                const char *name); /* NULL: none */
void mirror_free(struct mirror_inventory *v);

/* Text of this inventory with its ids, ARNs and region replaced by names; appended to out. */
void mirror_to_names(const struct mirror_inventory *v, const char *text, struct buf *out);
/* And back. False: a name is not in the inventory; it is in `missing`. */
bool mirror_to_ids(const struct mirror_inventory *v, const char *text, struct buf *out,
                   char missing[MIRROR_NAME_MAX]) MUST_USE;
/* Sets item->spec from what the API said of it (the object in the reply of Describe...), for a
 * routing profile with the list of its queues. False: not such an object. */
bool mirror_take(const struct mirror_inventory *v, struct mirror_item *item,
                 const struct json_t *said, const struct json_t *queues) MUST_USE;

enum mirror_step_type {
    MIRROR_CREATE,
    MIRROR_UPDATE,  /* by mirror_changes */
    MIRROR_DIFFERS, /* in what the API cannot change: told, and left to people */
    MIRROR_FOREIGN, /* it lacks it, or has it otherwise, but it cannot be copied */
    MIRROR_ONLY_THERE
};
extern const char *const mirror_step_names[]; /* "create", "update", "differs", ... */
struct mirror_step {
    enum mirror_step_type type;
    const struct mirror_item *from, *to; /* of the two inventories; one may be NULL */
};
struct mirror_plan { /* in the order in which it can be carried out */
    uint32_t n;
    struct mirror_step *step;
};
void mirror_plan_make(const struct mirror_inventory *from, const struct mirror_inventory *to,
                      struct mirror_plan *out);
void mirror_plan_free(struct mirror_plan *p);
