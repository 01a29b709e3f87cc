/* view_contacts.c - contacts, their decisions, and a decision in words. */
#include "serve/view.h"

#include <string.h>

/* ---- names ---- */

static const char *queue_name(const struct core *k, td_key key)
{
    uint32_t q;
    return map64_find(&k->queue_by_key, key, &q) ? k->c->queue[q].name : NULL;
}

static const char *agent_name(const struct core *k, td_key key)
{
    uint32_t a;
    return map64_find(&k->agent_by_key, key, &a) ? k->c->agent[a].name : NULL;
}

static void kv_id(struct jw *w, const char *key, struct td_id id)
{
    char text[ID_TEXT];
    id_print(id, text);
    kv_text(w, key, id_none(id) ? NULL : text);
}

static void kv_at(struct jw *w, const char *key, td_ms at)
{
    jw_key(w, key);
    if (at)
        jw_int(w, at);
    else
        jw_null(w);
}

/* ---- a contact ---- */

void view_of_contact(const struct contact *t, struct view_contact *out)
{
    *out = (struct view_contact){
        .state = t->state, .now_state = t->now_state, .site = t->site, .live = true};
    for (const struct decision *d = t->decisions; d && out->n_decisions < DECISIONS_KEPT;
         d = d->next)
        out->decisions[out->n_decisions++] = &d->placed;
}

static void contact_fields(struct jw *w, const struct core *k, const struct view_contact *t)
{
    const struct ev_contact *s = t->state.epoch ? &t->state : NULL;
    const struct ev_placed *p = t->n_decisions ? t->decisions[0] : NULL;
    const struct ev_placed *first = p ? t->decisions[t->n_decisions - 1] : NULL;
    bool stated = s && t->now_state != CONTACT_PLACED; /* else the placement is newer */
    kv_id(w, "contact", p ? p->contact : t->state.contact);
    kv_id(w, "customer", p ? p->customer : (struct td_id){0, 0});
    kv_text(w, "state", t->now_state < CONTACT_STATES ? contact_state_names[t->now_state] : NULL);
    kv_text(w, "end", stated && s->end ? contact_end_names[s->end] : NULL);
    kv_text(w, "site", view_node_name(k, t->site));
    kv_text(w, "queue", queue_name(k, stated ? s->queue : p ? p->queue : 0));
    kv_text(w, "channel", channel_names[stated ? s->channel : p ? p->channel : 0]);
    kv_text(w, "agent", stated ? agent_name(k, s->agent) : NULL);
    kv_at(w, "arrived_ms", first ? first->arrived_at : 0);
    kv_at(w, "queued_ms", stated ? s->queued_at : p ? p->queued_at : 0);
    kv_at(w, "connected_ms", stated ? s->connected_at : 0);
    kv_at(w, "ended_ms", stated ? s->ended_at : 0);
    kv_int(w, "wait_ms", stated ? s->wait_ms : 0);
    kv_int(w, "talk_ms", stated ? s->talk_ms : 0);
    kv_int(w, "transfers", s ? s->transfers : 0);
    kv_int(w, "holds", s ? s->holds : 0);
    kv_int(w, "decisions", t->n_decisions);
    kv_text(w, "rule", first ? rule_names[first->rule] : NULL);
}

void view_contact(struct jw *w, const struct core *k, const struct view_contact *t,
                  const char *attributes, size_t attributes_len)
{
    jw_obj(w);
    contact_fields(w, k, t);
    kv_bool(w, "live", t->live && t->now_state != CONTACT_ENDED);
    jw_key(w, "attributes");
    if (attributes_len)
        jw_raw(w, attributes, attributes_len);
    else
        jw_raw(w, "{}", 2);
    jw_end(w);
}

void view_contact_row(struct jw *w, const struct core *k, const struct contact *t)
{
    struct view_contact v;
    view_of_contact(t, &v);
    jw_obj(w);
    contact_fields(w, k, &v);
    jw_end(w);
}

/* ---- a decision ---- */

void view_candidates(struct jw *w, const struct core *k, const struct ev_placed *p)
{
    jw_arr(w);
    for (int i = 0; i < p->n_candidates; i++) {
        const struct candidate *c = &p->candidate[i];
        jw_obj(w);
        kv_text(w, "site", view_node_name(k, c->site));
        kv_text(w, "excluded", c->excluded ? excluded_names[c->excluded] : NULL);
        if (c->distance_m < 0)
            kv_null(w, "distance_km");
        else
            kv_fixed(w, "distance_km", c->distance_m, 3);
        kv_fixed(w, "share_price_km", c->price_m_km, 3);
        kv_fixed(w, "expected_wait_s", c->wait_ms, 3);
        kv_fixed(w, "lag_contacts", c->lag_m, 3);
        kv_fixed(w, "share", c->share_ppm, 6);
        jw_end(w);
    }
    jw_end(w);
}

static const struct candidate *candidate_of(const struct ev_placed *p, uint8_t site)
{
    for (int i = 0; i < p->n_candidates; i++)
        if (p->candidate[i].site == site)
            return &p->candidate[i];
    return NULL;
}

static void say_figures(struct buf *out, const struct candidate *c)
{
    if (c->distance_m >= 0)
        buf_fmt(out, "%.0f km away, ", c->distance_m / 1000.0);
    buf_fmt(out,
            "expected wait %.1f s, share price %+.1f km, %.1f contacts %s its share of %.4g %%",
            c->wait_ms / 1000.0, c->price_m_km / 1000.0, fabs(c->lag_m / 1000.0),
            c->lag_m < 0 ? "over" : "under", c->share_ppm / 1e4);
}

static void say_others(struct buf *out, const struct core *k, const struct ev_placed *p)
{
    for (int i = 0; i < p->n_candidates; i++) {
        const struct candidate *c = &p->candidate[i];
        const char *name = view_node_name(k, c->site);
        if (c->site == p->site || !name)
            continue;
        if (c->excluded) {
            buf_fmt(out, " Not %s: %s.", name, excluded_names[c->excluded]);
            continue;
        }
        buf_fmt(out, " Against %s: ", name);
        say_figures(out, c);
        buf_char(out, '.');
    }
}

void view_sentence(struct buf *out, const struct core *k, const struct ev_placed *p)
{
    const char *site = view_node_name(k, p->site), *by = view_node_name(k, p->epoch & 0xff);
    const char *from = view_node_name(k, p->from_site);
    const struct candidate *c = candidate_of(p, p->site);
    if (from)
        buf_fmt(out, "%s moved it from %s to %s", by ? by : "?", from, site ? site : "?");
    else
        buf_fmt(out, "%s sent it to %s", by ? by : "?", site ? site : "?");
    buf_fmt(out, " because %s", rule_texts[p->rule]);
    if (c) {
        buf_str(out, ": ");
        say_figures(out, c);
    }
    buf_char(out, '.');
    say_others(out, k, p);
}

void view_decision(struct jw *w, const struct core *k, const struct ev_placed *p)
{
    struct buf text = {0};
    jw_obj(w);
    kv_text(w, "site", view_node_name(k, p->site));
    kv_text(w, "from_site", view_node_name(k, p->from_site));
    kv_text(w, "rule", rule_names[p->rule]);
    kv_text(w, "reason", rule_texts[p->rule]);
    view_sentence(&text, k, p);
    kv_text(w, "sentence", text.data);
    kv_text(w, "decided_by", view_node_name(k, p->epoch & 0xff));
    kv_uint(w, "epoch", p->epoch >> 8);
    kv_bool(w, "counted", p->counted);
    kv_text(w, "group",
            p->group < core_policy(k)->n_groups ? core_policy(k)->group[p->group].name : NULL);
    kv_text(w, "queue", queue_name(k, p->queue));
    kv_text(w, "channel", channel_names[p->channel]);
    kv_int(w, "priority", p->priority);
    kv_text(w, "place", place_how_names[p->how]);
    kv_text(w, "entry_site", view_node_name(k, p->entry_site));
    kv_text(w, "nearest", view_node_name(k, p->nearest));
    kv_text(w, "preferred_agent", agent_name(k, p->preferred_agent));
    kv_at(w, "arrived_ms", p->arrived_at);
    kv_at(w, "queued_ms", p->queued_at);
    jw_key(w, "candidates");
    view_candidates(w, k, p);
    jw_end(w);
    buf_free(&text);
}
