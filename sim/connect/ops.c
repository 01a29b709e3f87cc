/* ops.c - the table of operations, one row each, and what their handlers share.
 *
 * Rates are AWS's defaults ("Amazon Connect service quotas", API throttling quotas): 2 calls a
 * second with a burst of 5 for what is not named there. */
#include "connect/ops.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/siphash.h"

#define OP(name, rate, burst, fn, flags)                                                           \
    {                                                                                              \
#name, rate, burst, op_##fn, flags                                                         \
    }
const struct op_row op_rows[] = {
    OP(DescribeInstance, 2, 5, describe_instance, OP_INSTANCE),
    OP(ListInstances, 2, 5, list_instances, 0),
};
const uint32_t op_n_rows = COUNTOF(op_rows);

/* ---- answers ---- */

void put_str(struct call *c, const char *key, const char *v)
{
    if (!v)
        return;
    jw_key(&c->w, key);
    jw_str(&c->w, v);
}

void put_time(struct call *c, const char *key, td_ms at)
{
    if (!at)
        return;
    jw_key(&c->w, key);
    jw_double(&c->w, (double)at / MS_PER_S);
}

void put_json(struct call *c, const char *key, const json_t *v)
{
    if (!v)
        return;
    char *text = json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY);
    BUG_ON(!text);
    jw_key(&c->w, key);
    jw_raw(&c->w, text, strlen(text));
    mem_free(text);
}

void put_id(struct call *c, const char *key, struct td_id id)
{
    char text[ID_TEXT];
    if (id_none(id))
        return;
    id_print(id, text);
    put_str(c, key, text);
}

void put_arn(struct call *c, const char *key, const struct res *r)
{
    char arn[ARN_MAX];
    res_arn(c->instance, r, arn);
    put_str(c, key, arn);
}

void put_ref(struct call *c, const char *key, const struct res *r)
{
    jw_key(&c->w, key);
    jw_obj(&c->w);
    put_id(c, "Id", r->id);
    put_arn(c, "Arn", r);
    jw_end(&c->w);
}

void put_modified(struct call *c, const struct res *r)
{
    put_time(c, "LastModifiedTime", r->modified_at);
    put_str(c, "LastModifiedRegion", r->mirror->side[r->modified_side]->region->name);
}

void put_tags(struct call *c, const char *key, const struct res *r)
{
    put_json(c, key, r->tags);
}

/* ---- what arguments name ---- */

struct res *need_res(struct call *c, enum res_kind kind, const char *id)
{
    static const char *const nouns[RES_KINDS] = {"User",           "Queue",
                                                 "RoutingProfile", "HoursOfOperation",
                                                 "AgentStatus",    "ContactFlow",
                                                 "QuickConnect",   "SecurityProfile",
                                                 "PhoneNumber",    "TrafficDistributionGroup"};
    struct res *r = id ? res_find(c->instance, kind, id) : NULL;
    if (!r)
        call_fail(c, EX_ResourceNotFoundException, "%s not found.", nouns[kind]);
    return r;
}

struct res *arg_res(struct call *c, enum res_kind kind, const char *member)
{
    return need_res(c, kind, arg_str(c, member));
}

void call_invalid(struct call *c, const char *fmt, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    call_fail(c, api_invalid(c->op), "%s", text);
}

bool name_taken(struct call *c, enum res_kind kind, const char *name, const struct res *but)
{
    const struct res *r = res_named(c->instance, kind, name);
    if (!r || r == but)
        return false;
    call_fail(c,
              c->op->errors >> EX_DuplicateResourceException & 1 ? EX_DuplicateResourceException
                                                                 : EX_ResourceConflictException,
              "A resource with this name exists already.");
    return true;
}

/* ---- pages ---- */

/* A position and a keyed hash of it and the operation, so that no client can make one up. */
static uint64_t seal(const struct call *c, uint64_t at)
{
    uint64_t key[2] = {center_secret(c->center), hash_str(c->op->name)};
    return siphash(key, &at, sizeof at);
}

void token_put(struct call *c, const char *key, uint64_t at)
{
    char text[40];
    snprintf(text, sizeof text, "%016" PRIx64 "%016" PRIx64, at, seal(c, at));
    put_str(c, key, text);
}

bool token_take(struct call *c, uint64_t *at)
{
    const char *t = arg_str(c, "NextToken");
    char half[17];
    *at = 0;
    if (!t)
        return true;
    if (strlen(t) == 32 && strspn(t, "0123456789abcdef") == 32) {
        str_copy(half, sizeof half, t);
        *at = strtoull(half, NULL, 16);
        if (strtoull(t + 16, NULL, 16) == seal(c, *at))
            return true;
    }
    call_invalid(c, "NextToken is not one that this operation has given.");
    return false;
}

bool page_begin_list(struct call *c, struct page *p, const struct res_list *l, const char *key)
{
    *p = (struct page){.list = l, .left = (uint32_t)arg_int(c, "MaxResults", 100)};
    if (!token_take(c, &p->last))
        return false;
    uint32_t lo = 0, hi = l->n;
    while (lo < hi) {
        uint32_t mid = (lo + hi) / 2;
        if (l->item[mid]->seq <= p->last)
            lo = mid + 1;
        else
            hi = mid;
    }
    p->at = lo;
    jw_key(&c->w, key);
    jw_arr(&c->w);
    return true;
}

bool page_begin(struct call *c, struct page *p, enum res_kind kind, const char *key)
{
    return page_begin_list(c, p, &c->instance->mirror->list[kind], key);
}

struct res *page_next(struct call *c, struct page *p)
{
    while (p->at < p->list->n) {
        struct res *r = p->list->item[p->at];
        if (!res_visible(c->instance, r)) {
            p->at++;
            continue;
        }
        if (!p->left) {
            p->more = true;
            return NULL;
        }
        p->at++;
        p->left--;
        p->last = r->seq;
        return r;
    }
    return NULL;
}

void page_end(struct call *c, struct page *p)
{
    jw_end(&c->w);
    if (p->more)
        token_put(c, "NextToken", p->last);
}
