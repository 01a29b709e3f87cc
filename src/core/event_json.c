/* event_json.c - a fact as a CloudEvent 1.0 in JSON, for people and programs outside.
 *
 *   {"specversion":"1.0","id":"us-east-1/1625443140/812","source":"/us-pair/us-east-1",
 *    "type":"tandem.contact.state.v1","subject":"<contact>","time":"2021-07-05T13:31:02.123Z",
 *    "sequence":"812","hlc":"...","datacontenttype":"application/json","data":{...}}
 *
 * id is the fact's dot, so a receiver that has seen an id has seen the fact. `sequence` is the
 * extension of that name (cloudevents/extensions/sequence.md), `hlc` our own: sixteen hex digits
 * of the clock that orders registers. Times inside data are milliseconds since the epoch. */
#include "core/event.h"

#include <stdio.h>

#include "base/json_kv.h"
#include "base/map.h"
#include "base/rng.h"
#include "base/when.h"
#include "core/config.h"

struct names { /* where keys find their names */
    const struct config *c;
    const struct map64 *agents;
};

/* ---- names ---- */

static const char *node_name(const struct names *n, uint8_t node)
{
    return node == HUB ? n->c->hub_name : node < n->c->n_sites ? n->c->site[node].name : NULL;
}

static void put_hex(struct jw *w, uint64_t v)
{
    char text[17];
    snprintf(text, sizeof text, "%016llx", (unsigned long long)v);
    jw_str(w, text);
}

/* A name if there is one, else the key's digits; null for no key. */
static void put_named(struct jw *w, const char *key, const char *name, td_key k)
{
    jw_key(w, key);
    if (name || !k)
        jw_str(w, name);
    else
        put_hex(w, k);
}

static void put_site(struct jw *w, const char *key, const struct names *n, uint8_t site)
{
    jw_key(w, key);
    if (site == SITE_NONE || node_name(n, site))
        jw_str(w, site == SITE_NONE ? NULL : node_name(n, site));
    else
        jw_int(w, site);
}

static const char *site_of(const struct names *n, td_key key)
{
    for (uint8_t s = 0; s < n->c->n_sites; s++)
        if (n->c->site[s].key == key)
            return n->c->site[s].name;
    return NULL;
}

static const char *queue_of(const struct names *n, td_key key)
{
    for (uint16_t q = 0; q < n->c->n_queues; q++)
        if (n->c->queue[q].key == key)
            return n->c->queue[q].name;
    return NULL;
}

static const char *agent_of(const struct names *n, td_key key)
{
    uint32_t at;
    if (n->agents)
        return map64_find(n->agents, key, &at) && at < n->c->n_agents ? n->c->agent[at].name : NULL;
    for (at = 0; at < n->c->n_agents; at++)
        if (n->c->agent[at].key == key)
            return n->c->agent[at].name;
    return NULL;
}

static const char *policy_of(const struct names *n, td_key key)
{
    for (uint8_t p = 0; p < n->c->n_policies; p++)
        if (n->c->policy[p].key == key)
            return n->c->policy[p].name;
    return NULL;
}

static const char *group_of(const struct names *n, td_key key)
{
    for (uint8_t p = 0; p < n->c->n_policies; p++)
        for (uint8_t g = 0; g < n->c->policy[p].n_groups; g++)
            if (hash_str(n->c->policy[p].group[g].name) == key)
                return n->c->policy[p].group[g].name;
    return NULL;
}

static void put_id(struct jw *w, const char *key, struct td_id id)
{
    char text[ID_TEXT];
    id_print(id, text);
    kv_text(w, key, id_none(id) ? NULL : text);
}

static void put_at(struct jw *w, const char *key, td_ms at) /* 0: not (yet) */
{
    jw_key(w, key);
    if (at)
        jw_int(w, at);
    else
        jw_null(w);
}

/* ---- data ---- */

static void data_candidate(struct jw *w, const struct candidate *c, const struct names *n)
{
    jw_obj(w);
    put_site(w, "site", n, c->site);
    kv_text(w, "excluded", c->excluded ? excluded_names[c->excluded] : NULL);
    kv_decimal(w, "distance_km", c->distance_m < 0 ? NAN : c->distance_m / 1000.0, 3);
    kv_decimal(w, "share_price_km", c->price_m_km / 1000.0, 3);
    kv_decimal(w, "expected_wait_s", c->wait_ms / 1000.0, 3);
    kv_decimal(w, "lag_contacts", c->lag_m / 1000.0, 3);
    kv_decimal(w, "share", c->share_ppm / 1e6, 6);
    jw_end(w);
}

static void data_placed(struct jw *w, const struct ev_placed *p, const struct names *n)
{
    put_id(w, "contact", p->contact);
    put_id(w, "customer", p->customer);
    kv_uint(w, "epoch", p->epoch);
    kv_text(w, "channel", channel_names[p->channel]);
    put_named(w, "queue", queue_of(n, p->queue), p->queue);
    put_site(w, "site", n, p->site);
    kv_text(w, "rule", rule_names[p->rule]);
    put_site(w, "from_site", n, p->from_site);
    put_site(w, "entry_site", n, p->entry_site);
    put_site(w, "nearest", n, p->nearest);
    kv_text(w, "place", place_how_names[p->how]);
    kv_int(w, "group", p->group);
    kv_bool(w, "counted", p->counted);
    kv_int(w, "priority", p->priority);
    put_named(w, "preferred_agent", agent_of(n, p->preferred_agent), p->preferred_agent);
    put_at(w, "arrived_ms", p->arrived_at);
    put_at(w, "queued_ms", p->queued_at);
    kv_arr(w, "candidates");
    for (int i = 0; i < p->n_candidates; i++)
        data_candidate(w, &p->candidate[i], n);
    jw_end(w);
}

static void data_contact(struct jw *w, const struct ev_contact *t, const struct names *n)
{
    put_id(w, "contact", t->contact);
    kv_uint(w, "epoch", t->epoch);
    kv_uint(w, "version", t->version);
    kv_text(w, "state", contact_state_names[t->state]);
    kv_text(w, "end", t->end ? contact_end_names[t->end] : NULL);
    put_site(w, "site", n, t->site);
    kv_text(w, "channel", channel_names[t->channel]);
    put_named(w, "queue", queue_of(n, t->queue), t->queue);
    put_named(w, "agent", agent_of(n, t->agent), t->agent);
    kv_int(w, "transfers", t->transfers);
    kv_int(w, "holds", t->holds);
    put_at(w, "at_ms", t->at);
    put_at(w, "queued_ms", t->queued_at);
    put_at(w, "connected_ms", t->connected_at);
    put_at(w, "ended_ms", t->ended_at);
    kv_int(w, "wait_ms", t->wait_ms);
    kv_int(w, "talk_ms", t->talk_ms);
}

static void data_agent(struct jw *w, const struct ev_agent *a, const struct names *n)
{
    put_named(w, "agent", agent_of(n, a->agent), a->agent);
    kv_uint(w, "epoch", a->epoch);
    kv_uint(w, "version", a->version);
    put_site(w, "site", n, a->site);
    kv_text(w, "presence", presence_names[a->presence]);
    kv_text(w, "next_presence", presence_names[a->next_presence]);
    kv_text(w, "reason", a->reason ? agent_reason_names[a->reason] : NULL);
    put_at(w, "at_ms", a->at);
}

static void data_ledger(struct jw *w, const struct ev_ledger *l, const struct names *n)
{
    put_named(w, "policy", policy_of(n, l->policy), l->policy);
    kv_int(w, "group", l->group);
    kv_arr(w, "sites");
    for (int i = 0; i < l->n; i++) {
        jw_obj(w);
        put_site(w, "site", n, l->site[i]);
        kv_decimal(w, "share", l->share_ppm[i] / 1e6, 6);
        kv_decimal(w, "adjust_contacts", (double)l->adjust_u[i] / PPM, 6);
        jw_end(w);
    }
    jw_end(w);
}

static void data_shares(struct jw *w, const struct ev_shares *v, const struct names *n)
{
    put_named(w, "policy", policy_of(n, v->policy), v->policy);
    put_named(w, "group", group_of(n, v->group), v->group);
    kv_arr(w, "sites");
    for (int i = 0; i < v->n; i++) {
        jw_obj(w);
        put_named(w, "site", site_of(n, v->site[i]), v->site[i]);
        kv_decimal(w, "share", v->share_ppm[i] / 1e6, 6);
        jw_end(w);
    }
    jw_end(w);
}

static void data(struct jw *w, const struct event *e, const struct names *n)
{
    switch (e->type) {
    case EV_CONFIG: /* the text is the operator's file: what changed hands is enough */
        kv_uint(w, "bytes", e->config.len);
        jw_key(w, "hash");
        put_hex(w, hash_bytes(e->config.text, e->config.len));
        break;
    case EV_POLICY: put_named(w, "policy", policy_of(n, e->policy.policy), e->policy.policy); break;
    case EV_SHARES: data_shares(w, &e->shares, n); break;
    case EV_SITE:
        put_named(w, "site", site_of(n, e->site.site), e->site.site);
        kv_text(w, "admin", e->site.admin == ADMIN_DRAINING ? "draining" : "in-service");
        kv_text(w, "why", e->site.why);
        break;
    case EV_VERDICT:
        put_named(w, "site", site_of(n, e->verdict.site), e->verdict.site);
        kv_text(w, "verdict", e->verdict.verdict == VERDICT_DOWN ? "down" : "up");
        kv_int(w, "votes_down", e->verdict.votes_down);
        kv_int(w, "votes", e->verdict.votes);
        break;
    case EV_LEDGER: data_ledger(w, &e->ledger, n); break;
    case EV_PLACED: data_placed(w, &e->placed, n); break;
    case EV_CONTACT: data_contact(w, &e->contact, n); break;
    case EV_AGENT: data_agent(w, &e->agent, n); break;
    case EV_TYPES: break;
    }
}

/* ---- the envelope ---- */

static void put_subject(struct jw *w, const struct event *e, const struct names *n)
{
    switch (e->type) {
    case EV_PLACED: put_id(w, "subject", e->placed.contact); break;
    case EV_CONTACT: put_id(w, "subject", e->contact.contact); break;
    case EV_AGENT: put_named(w, "subject", agent_of(n, e->agent.agent), e->agent.agent); break;
    case EV_SITE: put_named(w, "subject", site_of(n, e->site.site), e->site.site); break;
    case EV_VERDICT: put_named(w, "subject", site_of(n, e->verdict.site), e->verdict.site); break;
    case EV_POLICY:
        put_named(w, "subject", policy_of(n, e->policy.policy), e->policy.policy);
        break;
    case EV_SHARES: put_named(w, "subject", group_of(n, e->shares.group), e->shares.group); break;
    case EV_LEDGER:
        put_named(w, "subject", policy_of(n, e->ledger.policy), e->ledger.policy);
        break;
    default: kv_text(w, "subject", n->c->name); break;
    }
}

void event_id(const struct event *e, const struct config *c, char out[EVENT_ID_TEXT])
{
    const struct names n = {c, NULL};
    const char *origin = node_name(&n, e->dot.origin);
    char number[8];
    snprintf(number, sizeof number, "%u", e->dot.origin);
    snprintf(out, EVENT_ID_TEXT, "%s/%u/%llu", origin ? origin : number, e->dot.epoch,
             (unsigned long long)e->dot.seq);
}

void event_json_by(struct buf *b, const struct event *e, const struct config *c,
                   const struct map64 *agents)
{
    const struct names n = {c, agents};
    char id[EVENT_ID_TEXT], source[2 * NAME_MAX_LEN + 16], time[WHEN_TEXT], seq[24];
    const char *origin = node_name(&n, e->dot.origin);
    event_id(e, c, id);
    snprintf(source, sizeof source, "/%s/%s", c->name, origin ? origin : "unknown");
    snprintf(seq, sizeof seq, "%llu", (unsigned long long)e->dot.seq);
    when_print(hlc_ms(e->hlc), time);
    struct jw w;
    jw_begin(&w, b);
    jw_obj(&w);
    kv_text(&w, "specversion", "1.0");
    kv_text(&w, "id", id);
    kv_text(&w, "source", source);
    kv_text(&w, "type", event_type_names[e->type]);
    put_subject(&w, e, &n);
    kv_text(&w, "time", time);
    kv_text(&w, "sequence", seq);
    jw_key(&w, "hlc");
    put_hex(&w, e->hlc);
    kv_text(&w, "datacontenttype", "application/json");
    kv_obj(&w, "data");
    data(&w, e, &n);
    jw_end(&w);
    jw_end(&w);
    jw_done(&w);
}

void event_json(struct buf *b, const struct event *e, const struct config *c)
{
    event_json_by(b, e, c, NULL);
}
