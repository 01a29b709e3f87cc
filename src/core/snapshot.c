/* snapshot.c - the model's hash, the model as bytes and back. */
#include "core/model.h"

#include "base/codec.h"
#include "base/rng.h"

#include <string.h>

#define SNAPSHOT_MAGIC 0x32504e5354u /* "TSNP2" */

/* ---- the hash ---- */

static uint64_t mix_words(uint64_t h, const uint64_t *w, size_t n)
{
    for (size_t i = 0; i < n; i++)
        h = mix64(h ^ w[i]) + i;
    return h;
}

static uint64_t hash_site(const struct site_state *s, uint64_t h)
{
    uint64_t w[] = {s->admin.admin,     s->admin_hlc,   s->admin_origin,
                    s->verdict.verdict, s->verdict_hlc, s->verdict_origin};
    return mix_words(h, w, COUNTOF(w));
}

static uint64_t hash_ledger(const struct ledger *l, uint8_t sites, uint64_t h)
{
    for (uint8_t s = 0; s < sites; s++) {
        uint64_t w[] = {(uint64_t)l->lag_u[s], (uint64_t)l->share_ppm[s], l->placed[s]};
        h = mix_words(h, w, COUNTOF(w));
    }
    return h;
}

static uint64_t hash_shares(const struct core *k, uint64_t h)
{
    for (uint8_t p = 0; p < k->c->n_policies; p++)
        for (uint8_t g = 0; g < k->c->policy[p].n_groups; g++) {
            uint64_t w[] = {k->shares[p][g].reg.hlc, k->shares[p][g].reg.origin};
            h = mix_words(h, w, COUNTOF(w));
            for (uint8_t s = 0; s < k->c->n_sites; s++)
                h = mix64(h ^ (uint64_t)k->shares[p][g].share_ppm[s]);
        }
    return h;
}

/* A sum over contacts and agents, so that it does not depend on where they lie in memory; contacts
 * long let go are in archived_hash. */
uint64_t core_hash(const struct core *k)
{
    uint64_t sum = k->archived_hash, h = 1;
    for (uint32_t i = 0; i < k->contacts_cap; i++)
        if (!id_none(k->contact[i].id))
            sum += contact_hash(&k->contact[i]);
    for (uint32_t i = 0; i < k->c->n_agents; i++) {
        const struct ev_agent *a = &k->agent[i].state;
        if (!a->epoch)
            continue;
        uint64_t w[] = {a->agent, a->epoch, a->version, a->site, a->presence, (uint64_t)a->at};
        sum += mix_words(7, w, COUNTOF(w));
    }
    for (uint8_t s = 0; s < k->c->n_sites; s++)
        h = hash_site(&k->site[s], h);
    for (uint8_t g = 0; g < GROUPS_MAX; g++)
        for (int n = 0; n < NODES_MAX; n++)
            h = hash_ledger(&k->group[g].by[n], k->c->n_sites, h);
    h = hash_shares(k, h);
    for (uint16_t q = 0; q < k->c->n_queues; q++) {
        const struct queue_state *s = &k->queue[q];
        uint64_t w[] = {s->offered,           s->answered, s->abandoned, (uint64_t)s->handle_ms,
                        (uint64_t)s->wait_ms, s->talked};
        h = mix_words(h, w, COUNTOF(w));
    }
    uint64_t w[] = {k->policy, k->policy_reg.hlc, k->policy_reg.origin, k->config_reg.hlc,
                    k->config_reg.origin};
    h = mix_words(h, w, COUNTOF(w));
    for (int n = 0; n < NODES_MAX; n++) {
        uint64_t v[] = {k->vector[n].epoch, k->vector[n].seq};
        h = mix_words(h, v, COUNTOF(v));
    }
    return mix64(h ^ sum);
}

/* ---- out ---- */

static void put_ledger(struct buf *b, const struct ledger *l)
{
    for (int s = 0; s < SITES_MAX; s++) {
        put_svarint(b, l->lag_u[s]);
        put_varint(b, (uint64_t)l->share_ppm[s]);
        put_varint(b, l->placed[s]);
    }
}

static void put_contact(struct buf *b, const struct contact *t)
{
    uint8_t n = 0;
    for (const struct decision *d = t->decisions; d; d = d->next)
        n++;
    put_u64(b, t->id.hi);
    put_u64(b, t->id.lo);
    put_u8(b, n);
    struct event e = {.dot = {0, 1, 1}};
    for (const struct decision *d = t->decisions; d; d = d->next) {
        e.type = EV_PLACED;
        memcpy(&e.placed, &d->placed,
               offsetof(struct ev_placed, candidate) +
                   d->placed.n_candidates * sizeof(struct candidate));
        event_encode(b, &e);
    }
    put_u8(b, t->state.epoch != 0);
    if (t->state.epoch) {
        e.type = EV_CONTACT;
        e.contact = t->state;
        event_encode(b, &e);
    }
    put_varint(b, t->counted_epoch);
    put_u8(b, t->end_origin);
    put_varint(b, t->end_epoch);
    put_varint(b, t->end_seq);
}

static void put_registers(const struct core *k, struct buf *b)
{
    put_u64(b, k->config_reg.hlc);
    put_u8(b, k->config_reg.origin);
    put_u64(b, k->policy_reg.hlc);
    put_u8(b, k->policy_reg.origin);
    put_u8(b, k->policy);
    put_u64(b, k->policy_key);
    for (int p = 0; p < POLICIES_MAX; p++)
        for (int g = 0; g < GROUPS_MAX; g++) {
            put_u8(b, k->shares[p][g].set);
            if (!k->shares[p][g].set)
                continue;
            put_u64(b, k->shares[p][g].reg.hlc);
            put_u8(b, k->shares[p][g].reg.origin);
            for (int s = 0; s < SITES_MAX; s++)
                put_varint(b, (uint64_t)k->shares[p][g].share_ppm[s]);
        }
    for (uint8_t s = 0; s < k->c->n_sites; s++) {
        const struct site_state *t = &k->site[s];
        put_u8(b, t->admin.admin);
        put_str(b, t->admin.why, strlen(t->admin.why));
        put_u64(b, t->admin_hlc);
        put_u8(b, t->admin_origin);
        put_u8(b, t->verdict.verdict);
        put_u8(b, t->verdict.votes_down);
        put_u8(b, t->verdict.votes);
        put_u64(b, t->verdict_hlc);
        put_u8(b, t->verdict_origin);
        put_varint(b, (uint64_t)t->returning_since);
    }
}

void core_snapshot(const struct core *k, struct buf *b)
{
    put_u64(b, SNAPSHOT_MAGIC);
    put_str(b, k->c->text, k->c->text_len);
    put_varint(b, k->seq);
    put_u64(b, k->hlc);
    put_varint(b, (uint64_t)k->now);
    for (int n = 0; n < NODES_MAX; n++) {
        put_varint(b, k->vector[n].epoch);
        put_varint(b, k->vector[n].seq);
    }
    put_registers(k, b);
    for (int g = 0; g < GROUPS_MAX; g++)
        for (int n = 0; n < NODES_MAX; n++)
            put_ledger(b, &k->group[g].by[n]);
    put_u64(b, k->archived_hash);
    put_varint(b, k->archived);
    put_varint(b, k->c->n_queues);
    for (uint16_t q = 0; q < k->c->n_queues; q++) {
        const struct queue_state *s = &k->queue[q];
        put_varint(b, s->offered);
        put_varint(b, s->answered);
        put_varint(b, s->abandoned);
        put_varint(b, s->talked);
        put_svarint(b, s->handle_ms);
        put_svarint(b, s->wait_ms);
    }
    put_varint(b, k->contacts_live);
    for (uint32_t i = 0; i < k->contacts_cap; i++)
        if (!id_none(k->contact[i].id))
            put_contact(b, &k->contact[i]);
    uint32_t known = 0;
    for (uint32_t i = 0; i < k->c->n_agents; i++)
        known += k->agent[i].state.epoch != 0;
    put_varint(b, known);
    struct event e = {.type = EV_AGENT, .dot = {0, 1, 1}};
    for (uint32_t i = 0; i < k->c->n_agents; i++)
        if (k->agent[i].state.epoch) {
            e.agent = k->agent[i].state;
            event_encode(b, &e);
        }
    put_varint(b, k->strays);
    for (uint32_t i = 0; i < k->strays; i++) {
        e.agent = k->stray[i];
        event_encode(b, &e);
    }
}

/* ---- in ---- */

static void get_ledger(struct reader *r, struct group_state *g, struct ledger *l)
{
    for (int s = 0; s < SITES_MAX; s++) {
        l->lag_u[s] = reader_svarint(r);
        l->share_ppm[s] = (int32_t)reader_varint(r);
        l->placed[s] = reader_varint(r);
        g->lag_u[s] += l->lag_u[s];
        g->placed[s] += l->placed[s];
    }
}

/* The queue sums of ended contacts are read as sums; putting the contacts back in must not add
 * theirs again, so they are taken out first. */
static bool get_contact(struct core *k, struct reader *r)
{
    struct td_id id = {0, 0};
    id.hi = reader_u64(r);
    id.lo = reader_u64(r);
    uint8_t n = reader_u8(r);
    if (r->bad || id_none(id) || contact_find(k, id))
        return false;
    struct contact *t = contact_get(k, id);
    struct decision **at = &t->decisions;
    struct event e;
    for (int i = 0; i < n; i++) {
        if (!event_decode(r, &e) || e.type != EV_PLACED || e.placed.n_candidates > k->c->n_sites)
            return false;
        struct decision *d = decision_new(k);
        memcpy(&d->placed, &e.placed,
               offsetof(struct ev_placed, candidate) +
                   e.placed.n_candidates * sizeof(struct candidate));
        *at = d;
        at = &d->next;
    }
    if (reader_u8(r)) {
        if (!event_decode(r, &e) || e.type != EV_CONTACT)
            return false;
        t->state = e.contact;
    }
    t->counted_epoch = reader_varint(r);
    t->end_origin = reader_u8(r);
    t->end_epoch = (uint32_t)reader_varint(r);
    t->end_seq = reader_varint(r);
    if (r->bad || (!n && !t->state.epoch) || t->end_origin >= NODES_MAX)
        return false;
    contact_derive(k, t);
    struct queue_state kept = {0};
    bool ended = t->now_state == CONTACT_ENDED && t->queue != INDEX_NONE;
    if (ended)
        kept = k->queue[t->queue];
    contact_put(k, t, 1);
    if (ended)
        k->queue[t->queue] = kept;
    return true;
}

static bool get_agents(struct core *k, struct reader *r)
{
    uint64_t n = reader_varint(r);
    for (uint64_t i = 0; i < n; i++) {
        struct event e;
        uint32_t at;
        if (!event_decode(r, &e) || e.type != EV_AGENT)
            return false;
        if (map64_find(&k->agent_by_key, e.agent.agent, &at)) {
            k->agent[at].state = e.agent;
            agent_recount(k, &k->agent[at]);
        } else {
            stray_agent(k, &e.agent);
        }
    }
    return true;
}

static void get_registers(struct core *k, struct reader *r)
{
    k->config_reg.hlc = reader_u64(r);
    k->config_reg.origin = reader_u8(r);
    k->policy_reg.hlc = reader_u64(r);
    k->policy_reg.origin = reader_u8(r);
    k->policy = reader_u8(r);
    k->policy_key = reader_u64(r);
    if (k->policy >= k->c->n_policies)
        r->bad = true;
    for (int p = 0; p < POLICIES_MAX; p++)
        for (int g = 0; g < GROUPS_MAX; g++) {
            k->shares[p][g].set = reader_u8(r);
            if (!k->shares[p][g].set)
                continue;
            k->shares[p][g].reg.hlc = reader_u64(r);
            k->shares[p][g].reg.origin = reader_u8(r);
            for (int s = 0; s < SITES_MAX; s++)
                k->shares[p][g].share_ppm[s] = (int32_t)reader_varint(r);
        }
    for (uint8_t s = 0; s < k->c->n_sites; s++) {
        struct site_state *t = &k->site[s];
        size_t n;
        t->admin.site = t->verdict.site = k->c->site[s].key;
        t->admin.admin = reader_u8(r);
        const char *why = reader_str(r, &n);
        if (!r->bad && n < sizeof t->admin.why)
            memcpy(t->admin.why, why, n);
        t->admin_hlc = reader_u64(r);
        t->admin_origin = reader_u8(r);
        t->verdict.verdict = reader_u8(r);
        t->verdict.votes_down = reader_u8(r);
        t->verdict.votes = reader_u8(r);
        t->verdict_hlc = reader_u64(r);
        t->verdict_origin = reader_u8(r);
        t->returning_since = (td_ms)reader_varint(r);
    }
}

/* The configuration that was in force, before anything that goes by it is read. */
static bool get_config(struct core *k, struct reader *r)
{
    size_t len;
    const char *text = reader_str(r, &len);
    if (r->bad)
        return false;
    if (!config_is(k->c, text, len))
        core_reconfigure(k, text, len);
    return config_is(k->c, text, len);
}

/* Into a core just made. False: damaged, or of other sites; the core is then of no use. */
bool core_restore(struct core *k, const void *data, size_t len)
{
    struct reader r = reader_of(data, len);
    if (reader_u64(&r) != SNAPSHOT_MAGIC || !get_config(k, &r))
        return false;
    k->seq = reader_varint(&r);
    k->hlc = reader_u64(&r);
    k->now = (td_ms)reader_varint(&r);
    for (int n = 0; n < NODES_MAX; n++) {
        k->vector[n].epoch = (uint32_t)reader_varint(&r);
        k->vector[n].seq = reader_varint(&r);
    }
    get_registers(k, &r);
    for (int g = 0; g < GROUPS_MAX && !r.bad; g++)
        for (int n = 0; n < NODES_MAX; n++)
            get_ledger(&r, &k->group[g], &k->group[g].by[n]);
    k->archived_hash = reader_u64(&r);
    k->archived = reader_varint(&r);
    if (reader_varint(&r) != k->c->n_queues)
        return false;
    for (uint16_t q = 0; q < k->c->n_queues; q++) {
        struct queue_state *s = &k->queue[q];
        s->offered = reader_varint(&r);
        s->answered = reader_varint(&r);
        s->abandoned = reader_varint(&r);
        s->talked = reader_varint(&r);
        s->handle_ms = reader_svarint(&r);
        s->wait_ms = reader_svarint(&r);
    }
    uint64_t n = reader_varint(&r);
    for (uint64_t i = 0; i < n; i++)
        if (!get_contact(k, &r))
            return false;
    bool ok = get_agents(k, &r) && get_agents(k, &r); /* ... and those it does not name now */
    k->actions.count = 0;
    return ok && reader_end_ok(&r);
}
