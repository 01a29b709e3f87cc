/* mirror_tell.c - what differs between two resources, in words. */
#include <string.h>

#include "amazon/mirror_calls.h"
#include "amazon/mirror_i.h"

/* `"${queue:sales}"` as `"sales"`: whoever reads it knows names only. */
static void put_value(struct buf *out, const json_t *v)
{
    const char *s = json_string_value(v), *name = s ? strchr(s, ':') : NULL;
    size_t n = s ? strlen(s) : 0;
    if (!v) {
        buf_str(out, "none");
    } else if (name && strncmp(s, "${", 2) == 0 && s[n - 1] == '}') {
        buf_fmt(out, "\"%.*s\"", (int)(s + n - name - 2), name + 1);
    } else {
        char *text = json_dumps(v, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
        buf_str(out, text ? text : "");
        mirror_release(text);
    }
}

static void tell_member(const json_t *from, const json_t *to, const char *name, const char *label,
                        struct buf *out)
{
    const json_t *a = json_object_get(to, name), *b = json_object_get(from, name);
    if (mirror_same(a, b))
        return;
    buf_fmt(out, "%s: ", label);
    put_value(out, a);
    buf_str(out, " -> ");
    put_value(out, b);
    if (!b && strcmp(name, "Description") == 0)
        buf_str(out, " (the API cannot take one away)");
    if (strcmp(name, "Type") == 0)
        buf_str(out, " (the API cannot change it)");
    buf_char(out, '\n');
}

/* ---- lists: what a row is about, and what it says of that ---- */

static const char *text(const json_t *o, const char *name)
{
    const char *s = json_string_value(json_object_get(o, name));
    return s ? s : "";
}

static int whole(const json_t *o, const char *name, const char *part)
{
    return (int)json_integer_value(json_object_get(json_object_get(o, name), part));
}

static void put_opening(struct buf *out, const json_t *o)
{
    buf_fmt(out, "opening %s %02d:%02d-%02d:%02d", text(o, "Day"), whole(o, "StartTime", "Hours"),
            whole(o, "StartTime", "Minutes"), whole(o, "EndTime", "Hours"),
            whole(o, "EndTime", "Minutes"));
}

static void put_channel(struct buf *out, const json_t *o)
{
    buf_fmt(out, "concurrency of %s", text(o, "Channel"));
}

static void put_queue(struct buf *out, const json_t *o)
{
    buf_str(out, "queue ");
    put_value(out, json_object_get(o, "Queue"));
    buf_fmt(out, " for %s", text(o, "Channel"));
}

static void put_open(struct buf *out, const json_t *o)
{
    (void)o;
    buf_str(out, "open");
}

static void put_concurrency(struct buf *out, const json_t *o)
{
    const json_t *cross = json_object_get(o, "CrossChannelBehavior");
    put_value(out, json_object_get(o, "Concurrency"));
    if (cross)
        buf_fmt(out, ", %s", text(cross, "BehaviorType"));
}

static void put_place(struct buf *out, const json_t *o)
{
    buf_str(out, "priority ");
    put_value(out, json_object_get(o, "Priority"));
    buf_str(out, ", delay ");
    put_value(out, json_object_get(o, "Delay"));
    buf_str(out, " s");
}

typedef void put_fn(struct buf *out, const json_t *row);

/* The row of `list` that is about the same thing; NULL: none. */
static const json_t *same(const json_t *list, put_fn *key, const json_t *row)
{
    struct buf a = {0}, b = {0};
    const json_t *found = NULL;
    key(&a, row);
    for (size_t i = 0; i < json_array_size(list) && !found; i++) {
        buf_reset(&b);
        key(&b, json_array_get(list, i));
        if (strcmp(a.data, b.data) == 0)
            found = json_array_get(list, i);
    }
    buf_free(&a);
    buf_free(&b);
    return found;
}

static void tell_row(put_fn *key, put_fn *value, const json_t *was, const json_t *is,
                     struct buf *out)
{
    key(out, was ? was : is);
    buf_str(out, ": ");
    if (was)
        value(out, was);
    else
        buf_str(out, "none");
    buf_str(out, " -> ");
    if (is)
        value(out, is);
    else
        buf_str(out, "none");
    buf_char(out, '\n');
}

static void tell_list(const json_t *from, const json_t *to, put_fn *key, put_fn *value,
                      struct buf *out)
{
    for (size_t i = 0; i < json_array_size(from); i++) {
        const json_t *is = json_array_get(from, i);
        const json_t *was = same(to, key, is);
        if (!was || !mirror_same(was, is))
            tell_row(key, value, was, is, out);
    }
    for (size_t i = 0; i < json_array_size(to); i++)
        if (!same(from, key, json_array_get(to, i)))
            tell_row(key, value, json_array_get(to, i), NULL, out);
}

/* ---- the content of a flow ---- */

static const json_t *action(const json_t *content, const char *id)
{
    const json_t *actions = json_object_get(content, "Actions");
    for (size_t i = 0; i < json_array_size(actions); i++)
        if (strcmp(text(json_array_get(actions, i), "Identifier"), id) == 0)
            return json_array_get(actions, i);
    return NULL;
}

static void tell_content(const json_t *from, const json_t *to, struct buf *out)
{
    const json_t *is = json_object_get(from, "Actions"), *was = json_object_get(to, "Actions");
    unsigned changed = 0, new = 0, gone = 0;
    if (mirror_same(from, to))
        return;
    for (size_t i = 0; i < json_array_size(is); i++) {
        const json_t *a = json_array_get(is, i);
        const json_t *b = action(to, text(a, "Identifier"));
        new += !b;
        changed += b && !mirror_same(a, b);
    }
    for (size_t i = 0; i < json_array_size(was); i++)
        gone += !action(from, text(json_array_get(was, i), "Identifier"));
    buf_fmt(out, "content: %u actions changed, %u new, %u gone\n", changed, new, gone);
}

void mirror_tell(const struct mirror_item *from, const struct mirror_item *to, struct buf *out)
{
    static const struct {
        const char *name, *label;
    } members[] = {{"Description", "description"},
                   {"TimeZone", "time zone"},
                   {"Hours", "hours"},
                   {"MaxContacts", "max contacts"},
                   {"Status", "status"},
                   {"OutboundCallerIdName", "outbound caller name"},
                   {"OutboundFlow", "outbound flow"},
                   {"Type", "type"},
                   {"DefaultOutboundQueue", "default outbound queue"}};
    static const struct {
        const char *name;
        put_fn *key, *value;
    } lists[] = {{"Config", put_opening, put_open},
                 {"MediaConcurrencies", put_channel, put_concurrency},
                 {"Queues", put_queue, put_place}};
    for (size_t i = 0; i < COUNTOF(members); i++)
        tell_member(from->spec, to->spec, members[i].name, members[i].label, out);
    for (size_t i = 0; i < COUNTOF(lists); i++)
        tell_list(json_object_get(from->spec, lists[i].name),
                  json_object_get(to->spec, lists[i].name), lists[i].key, lists[i].value, out);
    if (from->kind == MIRROR_FLOW)
        tell_content(json_object_get(from->spec, "Content"), json_object_get(to->spec, "Content"),
                     out);
}
