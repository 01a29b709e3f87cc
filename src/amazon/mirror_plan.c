#include "amazon/mirror_plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "amazon/mirror_calls.h"
#include "amazon/mirror_i.h"

const char *const mirror_kind_names[MIRROR_KINDS] = {"hours", "queue", "flow", "profile"};
const char *const mirror_step_names[] = {"create", "update", "differs", "cannot be copied",
                                         "only there"};

struct mirror_item *mirror_add(struct mirror_inventory *v, enum mirror_kind kind, const char *name,
                               const char *id, const char *arn)
{
    if (v->n == MIRROR_ITEMS_MAX)
        return NULL;
    if (!v->item)
        v->item = mem_new(MIRROR_ITEMS_MAX, sizeof *v->item);
    struct mirror_item *i = &v->item[v->n];
    i->kind = kind;
    if (!str_copy(i->name, sizeof i->name, name) || !str_copy(i->id, sizeof i->id, id) ||
        !str_copy(i->arn, sizeof i->arn, arn) || !*name || !*id)
        return NULL;
    v->n++;
    return i;
}

struct mirror_item *mirror_find(const struct mirror_inventory *v, enum mirror_kind kind,
                                const char *name)
{
    for (uint32_t i = 0; i < v->n; i++)
        if (v->item[i].kind == kind && strcmp(v->item[i].name, name) == 0)
            return &v->item[i];
    return NULL;
}

void mirror_free(struct mirror_inventory *v)
{
    for (uint32_t i = 0; i < v->n; i++)
        json_decref(v->item[i].spec);
    mem_free(v->item);
    *v = (struct mirror_inventory){0};
}

/* ---- ids and names ---- */

/* The longest thing at `p` that has another name: an ARN before the id in it. */
static size_t known_at(const struct mirror_inventory *v, const char *p, struct buf *name)
{
    for (uint32_t i = 0; i < v->n; i++) {
        const struct mirror_item *t = &v->item[i];
        const char *kind = mirror_kind_names[t->kind];
        size_t arn = strlen(t->arn), id = strlen(t->id);
        if (arn && strncmp(p, t->arn, arn) == 0) {
            buf_fmt(name, "${%s-arn:%s}", kind, t->name);
            return arn;
        }
        if (strncmp(p, t->id, id) == 0) {
            buf_fmt(name, "${%s:%s}", kind, t->name);
            return id;
        }
    }
    size_t region = strlen(v->region);
    if (region && strncmp(p, v->region, region) == 0) {
        buf_str(name, "${region}");
        return region;
    }
    return 0;
}

void mirror_to_names(const struct mirror_inventory *v, const char *text, struct buf *out)
{
    buf_str(out, ""); /* text of an empty value, too */
    while (*text) {
        size_t n = known_at(v, text, out);
        if (!n) {
            buf_char(out, *text);
            n = 1;
        }
        text += n;
    }
}

/* "queue-arn:sales" -> the ARN */
static const char *resolve(const struct mirror_inventory *v, const char *name, size_t n)
{
    char text[MIRROR_NAME_MAX + 32];
    if (n == 6 && strncmp(name, "region", 6) == 0)
        return v->region;
    if (n >= sizeof text)
        return NULL;
    memcpy(text, name, n);
    text[n] = '\0';
    for (int k = 0; k < MIRROR_KINDS; k++) {
        size_t len = strlen(mirror_kind_names[k]);
        bool arn = strncmp(text + len, "-arn:", 5) == 0;
        if (strncmp(text, mirror_kind_names[k], len) != 0 || (!arn && text[len] != ':'))
            continue;
        const struct mirror_item *i =
            mirror_find(v, (enum mirror_kind)k, text + len + (arn ? 5 : 1));
        return !i ? NULL : arn ? i->arn : i->id;
    }
    return NULL;
}

bool mirror_to_ids(const struct mirror_inventory *v, const char *text, struct buf *out,
                   char missing[MIRROR_NAME_MAX])
{
    buf_str(out, "");
    while (*text) {
        const char *end = strncmp(text, "${", 2) == 0 ? strchr(text, '}') : NULL;
        if (!end) {
            buf_char(out, *text++);
            continue;
        }
        const char *id = resolve(v, text + 2, (size_t)(end - text) - 2);
        if (!id) {
            size_t n = MIN((size_t)(end - text) - 2, (size_t)MIRROR_NAME_MAX - 1);
            memcpy(missing, text + 2, n);
            missing[n] = '\0';
            return false;
        }
        buf_str(out, id);
        text = end + 1;
    }
    return true;
}

/* ---- what a resource is ---- */

bool mirror_same(const json_t *a, const json_t *b)
{
    return a == b || (a && b && json_equal((json_t *)a, (json_t *)b)); /* which changes neither */
}

void mirror_copy(json_t *to, const json_t *from, const char *name)
{
    json_t *v = json_object_get(from, name);
    if (v && !json_is_null(v))
        (void)json_object_set(to, name, v);
}

static void name_member(const struct mirror_inventory *v, json_t *to, const json_t *from,
                        const char *name, const char *as)
{
    const char *s = json_string_value(json_object_get(from, name));
    struct buf b = {0};
    if (s) {
        mirror_to_names(v, s, &b);
        (void)json_object_set_new(to, as, json_string(b.data));
    }
    buf_free(&b);
}

void mirror_release(char *s)
{
    void (*fn)(void *) = NULL;
    json_get_alloc_funcs(NULL, &fn);
    if (s)
        fn(s);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* A list whose order means nothing, as texts in order. */
static json_t *sorted(const json_t *list)
{
    size_t n = json_array_size(list);
    char **text = mem_new(n, sizeof *text);
    json_t *out = json_array();
    for (size_t i = 0; i < n; i++)
        text[i] =
            json_dumps(json_array_get(list, i), JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
    if (n)
        qsort(text, n, sizeof *text, by_text);
    for (size_t i = 0; i < n; i++) {
        (void)json_array_append_new(out, json_loads(text[i], JSON_DECODE_ANY, NULL));
        mirror_release(text[i]);
    }
    mem_free(text);
    return out;
}

json_t *mirror_row(const json_t *queues, const json_t *like)
{
    for (size_t i = 0; i < json_array_size(queues); i++) {
        json_t *row = json_array_get(queues, i);
        if (mirror_same(json_object_get(row, "Queue"), json_object_get(like, "Queue")) &&
            mirror_same(json_object_get(row, "Channel"), json_object_get(like, "Channel")))
            return row;
    }
    return NULL;
}

static json_t *queues_of(const struct mirror_inventory *v, const json_t *queues)
{
    json_t *out = json_array();
    for (size_t i = 0; i < json_array_size(queues); i++) {
        const json_t *q = json_array_get(queues, i);
        json_t *o = json_object();
        name_member(v, o, q, "QueueId", "Queue");
        mirror_copy(o, q, "Channel");
        mirror_copy(o, q, "Priority");
        mirror_copy(o, q, "Delay");
        (void)json_array_append_new(out, o);
    }
    json_t *in_order = sorted(out);
    json_decref(out);
    return in_order;
}

/* The content without what the editor notes of its looks. */
static json_t *content_of(const struct mirror_inventory *v, const char *content)
{
    struct buf b = {0};
    mirror_to_names(v, content, &b);
    json_t *o = json_loadb(b.data, b.len, 0, NULL);
    (void)json_object_del(o, "Metadata");
    buf_free(&b);
    return o;
}

static void take_outbound(const struct mirror_inventory *v, struct mirror_item *item, json_t *spec,
                          const json_t *config)
{
    const char *number = json_string_value(json_object_get(config, "OutboundCallerIdNumberId"));
    if (!number || !str_copy(item->number, sizeof item->number, number))
        item->number[0] = '\0';
    mirror_copy(spec, config, "OutboundCallerIdName");
    name_member(v, spec, config, "OutboundFlowId", "OutboundFlow");
}

/* An id alone says of no instance that it is its own: whatever was not replaced by a name is. */
static void look_for_strangers(struct mirror_item *item, const json_t *spec)
{
    static const char *const members[] = {"Hours", "OutboundFlow", "DefaultOutboundQueue", "Queue"};
    json_t *queues = json_object_get(spec, "Queues");
    for (size_t i = 0; i < COUNTOF(members); i++) {
        const char *s = json_string_value(json_object_get(spec, members[i]));
        if (s && *s && strncmp(s, "${", 2) != 0)
            (void)snprintf(item->foreign, sizeof item->foreign, "%s %.64s", members[i], s);
    }
    for (size_t i = 0; i < json_array_size(queues); i++)
        look_for_strangers(item, json_array_get(queues, i));
}

/* Something of this very instance that was not replaced by a name. */
static void look_for_foreign(const struct mirror_inventory *v, struct mirror_item *item)
{
    char *text = json_dumps(item->spec, JSON_COMPACT | JSON_ENCODE_ANY);
    char mark[MIRROR_ID_MAX + 16];
    (void)snprintf(mark, sizeof mark, "instance/%s", v->instance);
    const char *at = text ? strstr(text, mark) : NULL;
    item->foreign[0] = '\0';
    if (at) {
        at += strlen(mark);
        size_t n = MIN(strcspn(at, "\"\\"), (size_t)MIRROR_NAME_MAX - 1);
        memcpy(item->foreign, at, n);
        item->foreign[n] = '\0';
        if (!n)
            (void)str_copy(item->foreign, sizeof item->foreign, "the instance itself");
    }
    mirror_release(text);
}

bool mirror_take(const struct mirror_inventory *v, struct mirror_item *item, const json_t *said,
                 const json_t *queues)
{
    json_t *spec = json_object(), *content;
    bool readable = true;
    const char *text;
    if (!json_is_object(said)) {
        json_decref(spec);
        return false;
    }
    text = json_string_value(json_object_get(said, "Description"));
    if (item->kind != MIRROR_FLOW && text && *text)
        mirror_copy(spec, said, "Description");
    switch (item->kind) {
    case MIRROR_HOURS:
        mirror_copy(spec, said, "TimeZone");
        (void)json_object_set_new(spec, "Config", sorted(json_object_get(said, "Config")));
        break;
    case MIRROR_QUEUE:
        name_member(v, spec, said, "HoursOfOperationId", "Hours");
        mirror_copy(spec, said, "MaxContacts");
        mirror_copy(spec, said, "Status");
        take_outbound(v, item, spec, json_object_get(said, "OutboundCallerConfig"));
        break;
    case MIRROR_FLOW:
        mirror_copy(spec, said, "Type");
        text = json_string_value(json_object_get(said, "Content"));
        content = content_of(v, text ? text : "");
        if (content)
            (void)json_object_set_new(spec, "Content", content);
        readable = content != NULL;
        break;
    case MIRROR_PROFILE:
        name_member(v, spec, said, "DefaultOutboundQueueId", "DefaultOutboundQueue");
        (void)json_object_set_new(spec, "MediaConcurrencies",
                                  sorted(json_object_get(said, "MediaConcurrencies")));
        (void)json_object_set_new(spec, "Queues", queues_of(v, queues));
        break;
    case MIRROR_KINDS: break;
    }
    json_decref(item->spec);
    item->spec = spec;
    look_for_foreign(v, item);
    look_for_strangers(item, spec);
    if (!readable || strpbrk(item->name, "\"\\{}"))
        (void)str_copy(item->foreign, sizeof item->foreign, "a name with quotes or braces");
    return true;
}

/* ---- the plan ---- */

static void add_step(struct mirror_plan *p, enum mirror_step_type type,
                     const struct mirror_item *from, const struct mirror_item *to)
{
    p->step[p->n++] = (struct mirror_step){type, from, to};
}

static void compare(struct mirror_plan *p, const struct mirror_item *from,
                    const struct mirror_item *to)
{
    struct mirror_calls calls = {0};
    if (to && json_equal(from->spec, to->spec))
        return;
    if (to)
        mirror_changes(from, to, &calls);
    if (from->foreign[0])
        add_step(p, MIRROR_FOREIGN, from, to);
    else if (!to)
        add_step(p, MIRROR_CREATE, from, NULL);
    else
        add_step(p, calls.n ? MIRROR_UPDATE : MIRROR_DIFFERS, from, to);
    mirror_calls_free(&calls);
}

/* Hours first, since queues need them; then queues, flows, and profiles. */
void mirror_plan_make(const struct mirror_inventory *from, const struct mirror_inventory *to,
                      struct mirror_plan *out)
{
    *out = (struct mirror_plan){.step = mem_new(from->n + to->n, sizeof *out->step)};
    for (int k = 0; k < MIRROR_KINDS; k++) {
        for (uint32_t i = 0; i < from->n; i++)
            if (from->item[i].kind == (enum mirror_kind)k)
                compare(out, &from->item[i],
                        mirror_find(to, (enum mirror_kind)k, from->item[i].name));
        for (uint32_t i = 0; i < to->n; i++)
            if (to->item[i].kind == (enum mirror_kind)k &&
                !mirror_find(from, (enum mirror_kind)k, to->item[i].name))
                add_step(out, MIRROR_ONLY_THERE, NULL, &to->item[i]);
    }
}

void mirror_plan_free(struct mirror_plan *p)
{
    mem_free(p->step);
    *p = (struct mirror_plan){0};
}
