/* api_contacts.c - agents, contacts live and past, and why a contact is where it is. */
#include "serve/api_i.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/codec.h"

/* ---- agents ---- */

static void write_agent(struct jw *w, const struct core *k, const struct agent *a)
{
    const struct cfg_agent *c = &k->c->agent[a->index];
    unsigned contacts = a->wrapping;
    for (int ch = 0; ch < CHANNELS; ch++)
        contacts += a->talking[ch];
    jw_obj(w);
    kv_text(w, "name", c->name);
    kv_text(w, "site", view_node_name(k, view_agent_site(k, a)));
    kv_text(w, "home_site", k->c->site[c->site].name);
    kv_text(w, "profile", k->c->profile[c->profile].name);
    kv_text(w, "state", agent_view_names[view_agent_state(a)]);
    kv_text(w, "presence", presence_names[a->state.presence]);
    kv_text(w, "reason", a->state.reason ? agent_reason_names[a->state.reason] : NULL);
    kv_uint(w, "contacts", contacts);
    jw_key(w, "since_ms");
    if (a->idle_since)
        jw_int(w, a->idle_since);
    else
        jw_null(w);
    jw_end(w);
}

void api_get_agents(struct api_call *k)
{
    static const char *const names[] = {"node", "site", "state", "limit", "after", NULL};
    uint32_t limit = LIST_DEFAULT, at = 0, rows = 0;
    int site, state;
    char after[NAME_MAX_LEN];
    bool given;
    if (!api_query_known(k, names) || !api_query_node(k) || !api_query_site(k, &site) ||
        !api_query_word(k, "state", agent_view_names, AGENT_VIEWS, &state) ||
        !api_query_count(k, "limit", &limit, LIST_MAX) ||
        !api_query_text(k, "after", after, sizeof after, &given))
        return;
    const struct core *core = k->core;
    if (given && !map64_find(&core->agent_by_key, hash_str(after), &at)) {
        api_problem(k, 400, "after: there is no agent of this name (any more); begin anew.");
        return;
    }
    struct jw w = api_json(k);
    const struct agent *last = NULL;
    jw_obj(&w);
    kv_arr(&w, "agents");
    for (at += given; at < core->c->n_agents && rows <= limit; at++) {
        const struct agent *a = &core->agent[at];
        if ((site >= 0 && view_agent_site(core, a) != site) ||
            (state >= 0 && (int)view_agent_state(a) != state))
            continue;
        if (++rows > limit)
            break; /* there are more */
        write_agent(&w, core, a);
        last = a;
    }
    jw_end(&w);
    kv_text(&w, "next", rows > limit ? core->c->agent[last->index].name : NULL);
    jw_end(&w);
    api_reply(k, 200);
}

void api_get_agent(struct api_call *k)
{
    static const char *const names[] = {"node", NULL};
    uint32_t at;
    if (!api_query_known(k, names) || !api_query_node(k))
        return;
    if (!map64_find(&k->core->agent_by_key, hash_str(k->param[0]), &at) ||
        strcmp(k->core->c->agent[at].name, k->param[0]) != 0) {
        api_problem(k, 404, "There is no agent of this name; GET /v1/agents lists them.");
        return;
    }
    struct jw w = api_json(k);
    write_agent(&w, k->core, &k->core->agent[at]);
    api_reply(k, 200);
}

/* ---- the list of contacts ---- */

/* A page is the `limit` least ids after the last one of the page before: ids do not change their
 * order while contacts come and go. One pass over all contacts, with a heap of the page's size. */
struct page {
    const struct contact **row; /* a heap, the greatest id first */
    uint32_t n, limit;
    bool more;
};

static int id_order(struct td_id a, struct td_id b)
{
    if (a.hi != b.hi)
        return a.hi < b.hi ? -1 : 1;
    return a.lo != b.lo ? (a.lo < b.lo ? -1 : 1) : 0;
}

static void page_sift(struct page *p, uint32_t at)
{
    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child >= p->n)
            return;
        if (child + 1 < p->n && id_order(p->row[child + 1]->id, p->row[child]->id) > 0)
            child++;
        if (id_order(p->row[at]->id, p->row[child]->id) >= 0)
            return;
        const struct contact *t = p->row[at];
        p->row[at] = p->row[child];
        p->row[child] = t;
        at = child;
    }
}

static void page_add(struct page *p, const struct contact *t)
{
    if (p->n < p->limit) {
        p->row[p->n++] = t;
        if (p->n == p->limit)
            for (uint32_t i = p->n; i-- > 0;)
                page_sift(p, i);
        return;
    }
    p->more = true;
    if (id_order(t->id, p->row[0]->id) >= 0)
        return;
    p->row[0] = t;
    page_sift(p, 0);
}

static int by_id(const void *a, const void *b)
{
    const struct contact *const *x = a, *const *y = b;
    return id_order((*x)->id, (*y)->id);
}

struct contact_filter {
    int site, queue, state;
    struct td_id after;
};

static bool passes(const struct contact_filter *f, const struct contact *t)
{
    if (id_none(t->id) || t->now_state >= CONTACT_STATES)
        return false;
    if (f->state < 0 ? t->now_state == CONTACT_ENDED : t->now_state != f->state)
        return false;
    return (f->site < 0 || t->site == f->site) && (f->queue < 0 || t->queue == f->queue) &&
           id_order(t->id, f->after) > 0;
}

static void write_page(struct api_call *k, struct page *p)
{
    struct jw w = api_json(k);
    char id[ID_TEXT];
    qsort(p->row, p->n, sizeof *p->row, by_id);
    jw_obj(&w);
    kv_arr(&w, "contacts");
    for (uint32_t i = 0; i < p->n; i++)
        view_contact_row(&w, k->core, p->row[i]);
    jw_end(&w);
    if (p->more)
        id_print(p->row[p->n - 1]->id, id);
    kv_text(&w, "next", p->more ? id : NULL);
    jw_end(&w);
}

void api_get_contacts(struct api_call *k)
{
    static const char *const names[] = {"node", "state", "site", "queue", "limit", "after", NULL};
    struct contact_filter f = {.after = {0, 0}};
    char after[ID_TEXT];
    uint32_t limit = LIST_DEFAULT;
    bool given;
    if (!api_query_known(k, names) || !api_query_node(k) || !api_query_site(k, &f.site) ||
        !api_query_queue(k, &f.queue) ||
        !api_query_word(k, "state", contact_state_names, CONTACT_STATES, &f.state) ||
        !api_query_count(k, "limit", &limit, LIST_MAX) ||
        !api_query_text(k, "after", after, sizeof after, &given))
        return;
    if (given && !id_parse(after, &f.after)) {
        api_problem(k, 400, "after: must be a contact's id, from \"next\" of the page before.");
        return;
    }
    struct page p = {.row = mem_new(limit, sizeof *p.row), .limit = limit};
    for (uint32_t i = 0; i < k->core->contacts_cap; i++)
        if (passes(&f, &k->core->contact[i]))
            page_add(&p, &k->core->contact[i]);
    write_page(k, &p);
    mem_free(p.row);
    api_reply(k, 200);
}

/* ---- one contact ---- */

/* A record of the history is facts, one after the other: placements, then the last state. */
struct record {
    struct view_contact view;
    struct event fact[DECISIONS_KEPT + 1];
};

static bool record_read(const void *bytes, size_t len, struct record *out)
{
    struct reader r = reader_of(bytes, len);
    struct view_contact *v = &out->view;
    *v = (struct view_contact){.now_state = CONTACT_ENDED, .site = SITE_NONE};
    int n = 0;
    while (reader_left(&r) && n <= DECISIONS_KEPT) {
        struct event *e = &out->fact[n];
        if (!event_decode(&r, e))
            return false;
        if (e->type == EV_CONTACT) {
            v->state = e->contact;
            v->site = e->contact.site;
        } else if (e->type == EV_PLACED) {
            n++;
        }
    }
    for (int i = 0; i < n && i < DECISIONS_KEPT; i++)
        v->decisions[v->n_decisions++] = &out->fact[n - 1 - i].placed;
    return v->state.epoch != 0;
}

/* Live, or from the store's history. Replies 404 itself. */
static bool contact_of(struct api_call *k, struct record *out, struct td_id *id)
{
    if (!api_param_id(k, id))
        return false;
    const struct contact *t = contact_find(k->core, *id);
    if (t && t->now_state < CONTACT_STATES) {
        view_of_contact(t, &out->view);
        return true;
    }
    struct store *s = node_store(k->node);
    struct buf *b = &k->api->body;
    buf_reset(b);
    if (s->ops->history_get(s, *id, b) && record_read(b->data, b->len, out))
        return true;
    api_problem(k, 404, "There is no such contact, neither live nor in the history.");
    return false;
}

void api_get_contact(struct api_call *k)
{
    struct record *r = mem_new(1, sizeof *r);
    struct td_id id;
    if (contact_of(k, r, &id)) {
        const struct buf *attributes = api_attributes_get(k->api, id);
        struct jw w = api_json(k);
        view_contact(&w, k->core, &r->view, attributes ? attributes->data : NULL,
                     attributes ? attributes->len : 0);
        api_reply(k, 200);
    }
    mem_free(r);
}

void api_get_explain(struct api_call *k)
{
    struct record *r = mem_new(1, sizeof *r);
    struct td_id id;
    if (contact_of(k, r, &id)) {
        const struct view_contact *v = &r->view;
        struct jw w = api_json(k);
        jw_obj(&w);
        jw_key(&w, "contact");
        view_contact(&w, k->core, v, NULL, 0);
        kv_arr(&w, "decisions"); /* in the order in which they were made */
        for (int i = v->n_decisions; i-- > 0;)
            view_decision(&w, k->core, v->decisions[i]);
        jw_end(&w);
        jw_end(&w);
        api_reply(k, 200);
    }
    mem_free(r);
}

/* ---- a customer's history ---- */

struct history_page {
    struct jw *w;
    const struct core *k;
    struct record *record;
    uint32_t rows, limit;
    struct store_cursor last;
};

static bool history_row(void *arg, const struct store_history *h)
{
    struct history_page *p = arg;
    if (p->rows++ == p->limit)
        return false; /* there are more */
    p->last = (struct store_cursor){h->ended_at, h->contact};
    if (record_read(h->record, h->record_len, p->record))
        view_contact(p->w, p->k, &p->record->view, NULL, 0);
    return true;
}

static bool cursor_parse(const char *text, struct store_cursor *out)
{
    char *end;
    long long at = strtoll(text, &end, 10);
    if (end == text || *end != '_' || at < 0 || !id_parse(end + 1, &out->contact))
        return false;
    out->ended_at = at;
    return true;
}

void api_get_customer(struct api_call *k)
{
    static const char *const names[] = {"limit", "after", NULL};
    struct td_id customer;
    struct store_cursor before = STORE_NEWEST;
    char after[80], id[ID_TEXT], next[80];
    uint32_t limit = LIST_DEFAULT;
    bool given;
    if (!api_param_id(k, &customer) || !api_query_known(k, names) ||
        !api_query_count(k, "limit", &limit, LIST_MAX) ||
        !api_query_text(k, "after", after, sizeof after, &given))
        return;
    if (given && !cursor_parse(after, &before)) {
        api_problem(k, 400, "after: must be what \"next\" of the page before said.");
        return;
    }
    struct store *s = node_store(k->node);
    struct jw w = api_json(k);
    struct history_page p = {
        .w = &w, .k = k->core, .limit = limit, .record = mem_new(1, sizeof *p.record)};
    jw_obj(&w);
    kv_text(&w, "customer", k->param[0]);
    kv_arr(&w, "contacts");
    bool ok = s->ops->history(s, customer, before, limit + 1, history_row, &p);
    jw_end(&w);
    id_print(p.last.contact, id);
    snprintf(next, sizeof next, "%lld_%s", (long long)p.last.ended_at, id);
    kv_text(&w, "next", p.rows > limit ? next : NULL);
    jw_end(&w);
    mem_free(p.record);
    if (ok || p.rows > limit)
        api_reply(k, 200);
    else
        api_problem(k, 503, "The history cannot be read now; ask again.");
}
