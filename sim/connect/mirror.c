/* mirror.c - instances and their resources: making, finding, and what the engines know of them. */
#include "connect/center_i.h"

#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

/* ---- lists ---- */

void res_list_add(struct res_list *l, struct res *r)
{
    if (l->n == l->cap) {
        l->cap = l->cap ? l->cap * 2 : 8;
        l->item = mem_grow(l->item, l->cap, sizeof(struct res *));
    }
    l->item[l->n++] = r;
}

bool res_list_remove(struct res_list *l, const struct res *r)
{
    for (uint32_t i = 0; i < l->n; i++)
        if (l->item[i] == r) {
            memmove(&l->item[i], &l->item[i + 1], (l->n - i - 1) * sizeof(struct res *));
            l->n--;
            return true;
        }
    return false;
}

/* ---- making and freeing ---- */

static size_t res_size(enum res_kind kind)
{
    static const size_t size[RES_KINDS] = {
        [RES_USER] = sizeof(struct user),
        [RES_QUEUE] = sizeof(struct queue),
        [RES_PROFILE] = sizeof(struct profile),
        [RES_HOURS] = sizeof(struct hours),
        [RES_STATUS] = sizeof(struct status),
        [RES_FLOW] = sizeof(struct flow),
        [RES_NUMBER] = sizeof(struct number),
        [RES_TDG] = sizeof(struct tdg),
        [RES_QUICK_CONNECT] = sizeof(struct quick_connect),
        [RES_SECURITY_PROFILE] = sizeof(struct security_profile),
    };
    return size[kind];
}

void *res_make(struct mirror *m, uint8_t side, enum res_kind kind, struct td_id id,
               const char *name, const char *description)
{
    struct res *r = mem_new(1, res_size(kind));
    r->kind = kind;
    r->id = id;
    r->mirror = m;
    r->seq = ++m->center->seq;
    r->name = mem_strdup(name);
    r->description = description ? mem_strdup(description) : NULL;
    r->modified_at = m->center->now;
    r->modified_side = side;
    r->visible_at = m->center->now + MIRROR_MS;
    if (m->n_res == m->cap_res) {
        m->cap_res = m->cap_res ? m->cap_res * 2 : 64;
        m->res = mem_grow(m->res, m->cap_res, sizeof *m->res);
    }
    map128_insert(&m->by_id, r->id.hi, r->id.lo, m->n_res);
    m->res[m->n_res++] = r;
    res_list_add(&m->list[kind], r);
    return r;
}

void *res_new(struct instance *i, enum res_kind kind, const char *name, const char *description)
{
    return res_make(i->mirror, i->side, kind, center_id(i->mirror->center), name, description);
}

void res_free(struct res *r)
{
    mem_free(r->name);
    mem_free(r->description);
    json_decref(r->tags);
    switch (r->kind) {
    case RES_USER: {
        struct user *u = (struct user *)r;
        mem_free(u->first_name);
        mem_free(u->last_name);
        mem_free(u->email);
        json_decref(u->phone);
        json_decref(u->proficiencies);
        break;
    }
    case RES_QUEUE: {
        struct queue *q = (struct queue *)r;
        mem_free(q->quick_connects.item);
        json_decref(q->outbound);
        break;
    }
    case RES_HOURS: {
        struct hours *h = (struct hours *)r;
        mem_free(h->time_zone);
        json_decref(h->config);
        break;
    }
    case RES_FLOW: {
        struct flow *f = (struct flow *)r;
        mem_free(f->type);
        mem_free(f->content);
        mem_free(f->sha256);
        break;
    }
    case RES_QUICK_CONNECT: json_decref(((struct quick_connect *)r)->config); break;
    case RES_PROFILE:
    case RES_STATUS:
    case RES_SECURITY_PROFILE:
    case RES_NUMBER:
    case RES_TDG:
    case RES_KINDS: break;
    }
    mem_free(r);
}

void res_touch(struct instance *i, struct res *r)
{
    r->modified_at = i->mirror->center->now;
    r->modified_side = i->side;
}

void res_delete(struct instance *i, struct res *r)
{
    struct mirror *m = i->mirror;
    uint32_t at;
    res_list_remove(&m->list[r->kind], r);
    if (map128_find(&m->by_id, r->id.hi, r->id.lo, &at))
        map128_erase(&m->by_id, r->id.hi, r->id.lo);
}

/* ---- finding ---- */

void instance_arn(const struct instance *i, char out[ARN_MAX])
{
    char id[ID_TEXT];
    id_print(i->mirror->id, id);
    snprintf(out, ARN_MAX, "arn:aws:connect:%s:%s:instance/%s", i->region->name, i->mirror->account,
             id);
}

void res_arn(const struct instance *i, const struct res *r, char out[ARN_MAX])
{
    char id[ID_TEXT], instance[ID_TEXT];
    id_print(r->id, id);
    id_print(i->mirror->id, instance);
    if (r->kind == RES_TDG) /* belongs to the source region and is known by that everywhere */
        snprintf(out, ARN_MAX, "arn:aws:connect:%s:%s:traffic-distribution-group/%s",
                 i->mirror->side[0]->region->name, i->mirror->account, id);
    else if (r->kind == RES_NUMBER)
        snprintf(out, ARN_MAX, "arn:aws:connect:%s:%s:phone-number/%s",
                 i->mirror->side[((const struct number *)r)->side]->region->name,
                 i->mirror->account, id);
    else
        snprintf(out, ARN_MAX, "arn:aws:connect:%s:%s:instance/%s/%s/%s", i->region->name,
                 i->mirror->account, instance, res_arn_names[r->kind], id);
}

struct instance *instance_find(struct region *g, const char *account, const char *id_or_arn)
{
    const char *id = id_or_arn;
    if (strncmp(id, "arn:", 4) == 0) {
        id = strstr(id_or_arn, ":instance/");
        if (!id)
            return NULL;
        id += strlen(":instance/");
    }
    struct td_id want;
    if (!id_parse(id, &want))
        return NULL;
    for (uint32_t n = 0; n < g->n_instances; n++) {
        struct instance *i = g->instance[n];
        char arn[ARN_MAX];
        if (!id_eq(i->mirror->id, want) || strcmp(i->mirror->account, account) != 0)
            continue;
        if (id == id_or_arn)
            return i;
        for (uint8_t s = 0; s < i->mirror->n_sides; s++) {
            instance_arn(i->mirror->side[s], arn);
            if (strcmp(arn, id_or_arn) == 0)
                return i;
        }
        return NULL;
    }
    return NULL;
}

bool res_visible(const struct instance *i, const struct res *r)
{
    return r->modified_side == i->side || r->visible_at <= i->mirror->center->now ||
           r->kind == RES_TDG;
}

struct res *res_find(const struct instance *i, enum res_kind kind, const char *id_or_arn)
{
    const char *slash = strncmp(id_or_arn, "arn:", 4) == 0 ? strrchr(id_or_arn, '/') : NULL;
    struct td_id id;
    uint32_t at;
    if (!id_parse(slash ? slash + 1 : id_or_arn, &id) ||
        !map128_find(&i->mirror->by_id, id.hi, id.lo, &at))
        return NULL;
    struct res *r = i->mirror->res[at];
    if (!r || r->kind != kind || !res_visible(i, r))
        return NULL;
    if (!slash)
        return r;
    for (uint8_t s = 0; s < i->mirror->n_sides; s++) {
        char arn[ARN_MAX];
        res_arn(i->mirror->side[s], r, arn);
        if (strcmp(arn, id_or_arn) == 0)
            return r;
    }
    return NULL;
}

struct res *res_named(const struct instance *i, enum res_kind kind, const char *name)
{
    const struct res_list *l = &i->mirror->list[kind];
    for (uint32_t n = 0; n < l->n; n++)
        if (strcmp(l->item[n]->name, name) == 0)
            return l->item[n];
    return NULL;
}

/* ---- flows ---- */

static void sha256_hex(const char *text, char out[65])
{
    unsigned char sum[SHA256_DIGEST_LENGTH];
    SHA256((const unsigned char *)text, strlen(text), sum);
    for (size_t i = 0; i < sizeof sum; i++)
        snprintf(out + 2 * i, 3, "%02x", sum[i]);
}

void flow_set_content(struct instance *i, struct flow *f, const char *content)
{
    char sum[65];
    char *copy = mem_strdup(content);
    mem_free(f->content);
    mem_free(f->sha256);
    sha256_hex(copy, sum);
    f->content = copy;
    f->sha256 = mem_strdup(sum);
    f->versions++;
    f->leads_to = NULL;
    json_t *root = json_loads(copy, 0, NULL), *action;
    size_t n;
    json_array_foreach(json_object_get(root, "Actions"), n, action)
    {
        const char *type = json_string_value(json_object_get(action, "Type"));
        const char *to =
            json_string_value(json_object_get(json_object_get(action, "Parameters"), "QueueId"));
        if (type && to && strcmp(type, "UpdateContactTargetQueue") == 0 && !f->leads_to)
            f->leads_to = (struct queue *)res_find(i, RES_QUEUE, to);
    }
    json_decref(root);
}

struct flow *flow_new(struct instance *i, const char *name, const char *type, const char *content)
{
    struct flow *f = res_new(i, RES_FLOW, name, NULL);
    f->type = mem_strdup(type);
    f->active = f->published = true;
    flow_set_content(i, f, content);
    return f;
}

/* ---- what the engines know ---- */

void mirror_changed(struct mirror *m)
{
    m->dirty = true;
}

static void add_hours(struct mirror *m, struct config *c)
{
    const struct res_list *l = &m->list[RES_HOURS];
    BUG_ON(l->n > HOURS_MAX);
    c->n_hours = (uint16_t)l->n;
    for (uint32_t i = 0; i < l->n; i++)
        c->hours[i] = ((struct hours *)l->item[i])->cfg;
}

static uint16_t hours_index(const struct mirror *m, const struct hours *h)
{
    for (uint32_t i = 0; i < m->list[RES_HOURS].n; i++)
        if (m->list[RES_HOURS].item[i] == &h->r)
            return (uint16_t)i;
    return INDEX_NONE;
}

static void add_queues(struct mirror *m, struct config *c)
{
    const struct res_list *l = &m->list[RES_QUEUE];
    c->n_queues = (uint16_t)l->n;
    c->queue = mem_new(l->n, sizeof *c->queue);
    m->queue_at = mem_grow(m->queue_at, l->n + 1, sizeof(struct queue *));
    m->n_queue_at = l->n;
    for (uint32_t i = 0; i < l->n; i++) {
        struct queue *q = (struct queue *)l->item[i];
        q->index = (uint16_t)i;
        q->cfg.hours = hours_index(m, q->hours);
        m->queue_at[i] = q;
        c->queue[i] = q->cfg;
    }
}

static void add_profiles(struct mirror *m, struct config *c)
{
    const struct res_list *l = &m->list[RES_PROFILE];
    c->n_profiles = (uint16_t)l->n;
    c->profile = mem_new(l->n, sizeof *c->profile);
    for (uint32_t i = 0; i < l->n; i++) {
        struct profile *p = (struct profile *)l->item[i];
        p->index = (uint16_t)i;
        c->profile[i] = p->cfg;
    }
}

static void add_users(struct mirror *m, struct config *c)
{
    const struct res_list *l = &m->list[RES_USER];
    c->n_agents = l->n;
    c->agent = mem_new(l->n, sizeof *c->agent);
    m->user_at = mem_grow(m->user_at, l->n + 1, sizeof(struct user *));
    m->n_user_at = l->n;
    for (uint32_t i = 0; i < l->n; i++) {
        struct user *u = (struct user *)l->item[i];
        u->index = i;
        u->cfg.profile = u->profile->index;
        m->user_at[i] = u;
        c->agent[i] = u->cfg;
    }
}

static void config_drop(struct config *c)
{
    if (!c)
        return;
    mem_free(c->queue);
    mem_free(c->profile);
    mem_free(c->agent);
    mem_free(c);
}

void mirror_settle(struct mirror *m)
{
    if (!m->dirty)
        return;
    const struct config *centre = m->center->options.config;
    struct config *old = m->config, *c = mem_new(1, sizeof *c);
    *c = *centre; /* origins, demands and texts stay the centre's */
    for (uint8_t s = 0; s < c->n_sites; s++)
        c->site[s].contacts_max = INT32_MAX; /* quotas are counted here, by channel */
    add_hours(m, c);
    add_queues(m, c);
    add_profiles(m, c);
    add_users(m, c);
    m->config = c;
    m->dirty = false;
    for (uint8_t s = 0; s < m->n_sides; s++) {
        struct instance *i = m->side[s];
        if (!i->engine)
            i->engine = engine_new(c, i->region->site, m->center->options.seed + i->region->site);
        else
            engine_reconfigure(i->engine, c);
    }
    config_drop(old);
}

/* ---- instances ---- */

struct instance *instance_new(struct mirror *m, struct region *g, const char *alias)
{
    const struct center *c = m->center;
    struct instance *i = mem_new(1, sizeof *i);
    static const int32_t quota[CHANNELS] = {10, 500, 2500, 1000}; /* AWS's defaults */
    BUG_ON(g->n_instances == REGION_INSTANCES_MAX || m->n_sides == COUNTOF(m->side));
    i->mirror = m;
    i->region = g;
    i->side = m->n_sides;
    i->created_at = c->now;
    str_copy(i->alias, sizeof i->alias, alias);
    memcpy(i->quota, quota, sizeof quota);
    i->quota[CHANNEL_VOICE] = c->options.config->site[g->site].contacts_max;
    i->attribute =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "INBOUND_CALLS", "true",
                  "OUTBOUND_CALLS", "true", "CONTACTFLOW_LOGS", "false", "CONTACT_LENS", "false",
                  "AUTO_RESOLVE_BEST_VOICES", "true", "USE_CUSTOM_TTS_VOICES", "false",
                  "EARLY_MEDIA", "true", "ENHANCED_CONTACT_MONITORING", "false");
    TAILQ_INIT(&i->live);
    TAILQ_INIT(&i->ended);
    g->instance[g->n_instances++] = i;
    m->side[m->n_sides++] = i;
    return i;
}

void instance_free(struct instance *i)
{
    contacts_free(i);
    engine_free(i->engine);
    json_decref(i->attribute);
    for (uint32_t n = 0; n < i->n_storage; n++) {
        mem_free(i->storage[n].resource_type);
        mem_free(i->storage[n].stream_arn);
        json_decref(i->storage[n].config);
    }
    mem_free(i->storage);
    for (uint32_t n = 0; n < i->n_lambda; n++)
        mem_free(i->lambda[n]);
    mem_free(i->lambda);
    mem_free(i);
}

struct mirror *mirror_new(struct center *c, struct region *first, struct region *second)
{
    struct mirror *m = mem_new(1, sizeof *m);
    char alias[NAME_MAX_LEN];
    m->center = c;
    m->id = center_id(c);
    str_copy(m->account, sizeof m->account, c->options.account);
    for (int s = 0; s < (second ? 2 : 1); s++) {
        struct region *g = s ? second : first;
        snprintf(alias, sizeof alias, "%.30s-%.30s", c->options.config->name, g->name);
        instance_new(m, g, alias)->ready = true;
    }
    m->replicated_at = second ? c->now : 0;
    return m;
}

void mirror_free(struct mirror *m)
{
    for (uint8_t s = 0; s < m->n_sides; s++)
        instance_free(m->side[s]);
    for (uint32_t i = 0; i < m->n_res; i++)
        res_free(m->res[i]);
    for (int k = 0; k < RES_KINDS; k++)
        mem_free(m->list[k].item);
    mem_free(m->res);
    map128_free(&m->by_id);
    mem_free(m->user_at);
    mem_free(m->queue_at);
    config_drop(m->config);
    mem_free(m);
}

static void replicated(void *arg)
{
    ((struct instance *)arg)->ready = true;
}

struct instance *mirror_replicate(struct instance *source, struct region *to, const char *alias)
{
    struct mirror *m = source->mirror;
    struct instance *i = instance_new(m, to, alias);
    m->replicated_at = m->center->now;
    mirror_changed(m);
    mirror_settle(m);
    if (!m->tdg_default) {
        struct tdg *g = res_new(source, RES_TDG, "Default traffic distribution group", NULL);
        g->is_default = true;
        g->status = TDG_ACTIVE;
        g->plan = g->wanted =
            (struct tdg_plan){.telephony = {100, 0}, .agent = {100, 0}, .sign_in = {true, true}};
        m->tdg_default = g;
    }
    center_at(m->center, m->center->now + REPLICATE_MS, replicated, i);
    return i;
}
