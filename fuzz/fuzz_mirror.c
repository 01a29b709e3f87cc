/* Whatever two instances may say of a resource: what differs can be told, planned and put into
 * calls, and between equal ones there is neither. The first byte is the kind; then a line each:
 * what the one says of it, its queues, and the same of the other. */
#include "amazon/mirror_calls.h"

#include <jansson.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LINES = 4 };

static void fill(struct mirror_inventory *v, const char *region, enum mirror_kind kind,
                 struct mirror_item **item)
{
    static const char *const names[MIRROR_KINDS] = {"Day", "Sales", "Enter", "Voice"};
    char id[32];
    (void)str_copy(v->region, sizeof v->region, region);
    (void)snprintf(v->instance, sizeof v->instance, "I-%s", region);
    for (int k = 0; k < MIRROR_KINDS; k++) {
        (void)snprintf(id, sizeof id, "id%d", k);
        BUG_ON(!mirror_add(v, (enum mirror_kind)k, names[k], id, ""));
    }
    *item = &v->item[kind];
}

static void send(const struct mirror_inventory *to, const json_t *body)
{
    char missing[MIRROR_NAME_MAX];
    char *text = json_dumps(body, JSON_COMPACT);
    struct buf ids = {0};
    BUG_ON(!text);
    if (mirror_to_ids(to, text, &ids, missing))
        BUG_ON(ids.len != strlen(ids.data));
    buf_free(&ids);
    free(text);
}

static void compare(struct mirror_inventory *from, struct mirror_inventory *to,
                    const struct mirror_item *a, const struct mirror_item *b)
{
    struct mirror_calls calls;
    struct mirror_plan plan;
    struct buf words = {0};
    bool equal = json_equal(a->spec, b->spec);
    mirror_tell(a, b, &words);
    mirror_changes(a, b, &calls);
    BUG_ON(equal && (words.len || calls.n));
    BUG_ON(words.len && words.data[words.len - 1] != '\n');
    for (uint32_t i = 0; i < calls.n; i++)
        send(to, calls.call[i].body);
    json_t *body = mirror_creation(a);
    send(to, body);
    json_decref(body);
    mirror_calls_free(&calls);
    buf_free(&words);
    for (int k = 0; k < MIRROR_KINDS; k++) /* a plan is of what has been read */
        for (struct mirror_inventory *v = from;; v = to) {
            if (!v->item[k].spec)
                v->item[k].spec = json_object();
            if (v == to)
                break;
        }
    mirror_plan_make(from, to, &plan);
    BUG_ON(plan.n > 1);
    mirror_plan_free(&plan);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mirror_inventory from = {0}, to = {0};
    struct mirror_item *a, *b;
    json_t *line[LINES] = {0};
    if (!size)
        return 0;
    enum mirror_kind kind = (enum mirror_kind)(data[0] % MIRROR_KINDS);
    const uint8_t *at = data + 1, *end = data + size;
    for (int i = 0; i < LINES && at < end; i++) {
        const uint8_t *nl = memchr(at, '\n', (size_t)(end - at));
        size_t n = (size_t)((nl ? nl : end) - at);
        line[i] = json_loadb((const char *)at, n, JSON_DECODE_ANY, NULL);
        at += n + 1;
    }
    fill(&from, "us-east-1", kind, &a);
    fill(&to, "eu-west-2", kind, &b);
    if (mirror_take(&from, a, line[0], line[1]) && mirror_take(&to, b, line[2], line[3]))
        compare(&from, &to, a, b);
    for (int i = 0; i < LINES; i++)
        json_decref(line[i]);
    mirror_free(&from);
    mirror_free(&to);
    return 0;
}
