/* event.c - facts as bytes. Every field is checked on the way in: bytes are never trusted. */
#include "core/event.h"

#include "base/codec.h"
#include "base/mem.h"

#include <string.h>

/* ---- encode ---- */

enum { /* the longest that a fact of a contact or an agent, and one candidate in it, can be */
       FACT_MOST = 256,
       CANDIDATE_MOST = 2 + 5 * VARINT_MAX_LEN,
};

static void put_id(struct writer *w, struct td_id id)
{
    writer_u64(w, id.hi);
    writer_u64(w, id.lo);
}

/* Times are near the fact's own, or near each other: written as differences they take one byte or
 * two instead of six. */
static void put_placed(struct writer *w, const struct ev_placed *p, td_ms base)
{
    put_id(w, p->contact);
    put_id(w, p->customer);
    writer_varint(w, p->epoch);
    const uint8_t small[] = {p->channel,    p->site,    p->rule,  p->how,     p->from_site,
                             p->entry_site, p->nearest, p->group, p->counted, p->priority};
    writer_bytes(w, small, sizeof small);
    writer_u64(w, p->queue);
    writer_u64(w, p->preferred_agent);
    writer_bytes(w, &p->lat, 4);
    writer_bytes(w, &p->lon, 4);
    writer_svarint(w, base - p->arrived_at);
    writer_svarint(w, p->queued_at - p->arrived_at);
    writer_u8(w, p->n_candidates);
    for (int i = 0; i < p->n_candidates; i++) {
        const struct candidate *c = &p->candidate[i];
        writer_u8(w, c->site);
        writer_u8(w, c->excluded);
        writer_svarint(w, c->distance_m);
        writer_svarint(w, c->price_m_km);
        writer_svarint(w, c->wait_ms);
        writer_svarint(w, c->lag_m);
        writer_svarint(w, c->share_ppm);
    }
}

static void put_contact(struct writer *w, const struct ev_contact *c, td_ms base)
{
    put_id(w, c->contact);
    writer_varint(w, c->epoch);
    writer_varint(w, c->version);
    const uint8_t small[] = {c->state, c->end, c->site, c->channel, c->transfers, c->holds};
    writer_bytes(w, small, sizeof small);
    writer_u64(w, c->queue);
    writer_u64(w, c->agent);
    writer_svarint(w, base - c->at);
    writer_svarint(w, c->at - c->queued_at);
    writer_u8(w, (uint8_t)((c->connected_at != 0) | (c->ended_at != 0) << 1));
    if (c->connected_at)
        writer_svarint(w, c->at - c->connected_at);
    if (c->ended_at)
        writer_svarint(w, c->at - c->ended_at);
    writer_svarint(w, c->wait_ms);
    writer_svarint(w, c->talk_ms);
}

static void put_agent(struct writer *w, const struct ev_agent *a, td_ms base)
{
    writer_u64(w, a->agent);
    writer_varint(w, a->epoch);
    writer_varint(w, a->version);
    writer_u8(w, a->site);
    writer_u8(w, a->presence);
    writer_u8(w, a->next_presence);
    writer_u8(w, a->reason);
    writer_svarint(w, base - a->at);
}

static void put_shares(struct buf *b, const struct ev_shares *s)
{
    put_u64(b, s->policy);
    put_u64(b, s->group);
    put_u8(b, s->n);
    for (int i = 0; i < s->n; i++) {
        put_u64(b, s->site[i]);
        put_svarint(b, s->share_ppm[i]);
    }
}

static void put_ledger(struct buf *b, const struct ev_ledger *l)
{
    put_u8(b, l->group);
    put_u64(b, l->policy);
    put_u8(b, l->n);
    for (int i = 0; i < l->n; i++) {
        put_u8(b, l->site[i]);
        put_svarint(b, l->share_ppm[i]);
        put_svarint(b, l->adjust_u[i]);
    }
}

/* The body of a fact that may be long, or comes seldom. */
static void put_seldom(struct buf *b, const struct event *e)
{
    switch (e->type) {
    case EV_CONFIG: put_str(b, e->config.text, e->config.len); break;
    case EV_POLICY: put_u64(b, e->policy.policy); break;
    case EV_SHARES: put_shares(b, &e->shares); break;
    case EV_SITE:
        put_u64(b, e->site.site);
        put_u8(b, e->site.admin);
        put_str(b, e->site.why, strlen(e->site.why));
        break;
    case EV_VERDICT:
        put_u64(b, e->verdict.site);
        put_u8(b, e->verdict.verdict);
        put_u8(b, e->verdict.votes_down);
        put_u8(b, e->verdict.votes);
        break;
    case EV_LEDGER: put_ledger(b, &e->ledger); break;
    default: BUG_ON(true);
    }
}

void event_encode(struct buf *b, const struct event *e)
{
    size_t candidates = e->type == EV_PLACED ? e->placed.n_candidates : 0;
    BUG_ON(e->type >= EV_TYPES || candidates > EVENT_CANDIDATES_MAX);
    struct writer w = writer_of(b, FACT_MOST + candidates * CANDIDATE_MOST);
    writer_u8(&w, (uint8_t)e->type);
    writer_u8(&w, e->dot.origin);
    writer_varint(&w, e->dot.epoch);
    writer_varint(&w, e->dot.seq);
    writer_u64(&w, e->hlc);
    if (e->type == EV_PLACED)
        put_placed(&w, &e->placed, hlc_ms(e->hlc));
    else if (e->type == EV_CONTACT)
        put_contact(&w, &e->contact, hlc_ms(e->hlc));
    else if (e->type == EV_AGENT)
        put_agent(&w, &e->agent, hlc_ms(e->hlc));
    writer_end(&w, b);
    if (e->type < EV_PLACED)
        put_seldom(b, e);
}

/* ---- decode ---- */

static struct td_id get_id(struct reader *r)
{
    uint64_t hi = reader_u64(r);
    return (struct td_id){hi, reader_u64(r)};
}

static uint8_t get_below(struct reader *r, unsigned limit)
{
    uint8_t v = reader_u8(r);
    if (v >= limit)
        r->bad = true;
    return v;
}

static uint8_t get_site(struct reader *r) /* or SITE_NONE */
{
    uint8_t v = reader_u8(r);
    if (v >= SITES_MAX && v != SITE_NONE)
        r->bad = true;
    return v;
}

static int32_t get_i32(struct reader *r)
{
    int64_t v = reader_svarint(r);
    if (v < INT32_MIN || v > INT32_MAX)
        r->bad = true;
    return (int32_t)v;
}

static td_ms get_ms(struct reader *r, td_ms base, int64_t sign)
{
    int64_t d = reader_svarint(r), limit = (int64_t)1 << 48; /* what a hybrid clock can hold */
    if (d <= -limit || d >= limit) {
        r->bad = true;
        return 0;
    }
    td_ms v = base + sign * d;
    if (v < 0 || v >= limit)
        r->bad = true;
    return v;
}

static uint32_t get_u32v(struct reader *r)
{
    uint64_t v = reader_varint(r);
    if (v > UINT32_MAX)
        r->bad = true;
    return (uint32_t)v;
}

static float get_degrees(struct reader *r, float limit)
{
    float f = 0;
    const uint8_t *p = reader_bytes(r, 4);
    if (p)
        memcpy(&f, p, 4);
    if (!(f >= -limit && f <= limit))
        r->bad = true;
    return f;
}

static void get_placed(struct reader *r, struct ev_placed *p, td_ms base)
{
    p->contact = get_id(r);
    p->customer = get_id(r);
    p->epoch = reader_varint(r);
    p->channel = get_below(r, CHANNELS);
    p->site = get_below(r, SITES_MAX);
    p->rule = get_below(r, RULES);
    p->how = get_below(r, PLACE_HOWS);
    p->from_site = get_site(r);
    p->entry_site = get_site(r);
    p->nearest = get_site(r);
    p->group = get_below(r, GROUPS_MAX);
    p->counted = get_below(r, 2);
    p->priority = reader_u8(r);
    p->queue = reader_u64(r);
    p->preferred_agent = reader_u64(r);
    p->lat = get_degrees(r, 90);
    p->lon = get_degrees(r, 180);
    p->arrived_at = get_ms(r, base, -1);
    p->queued_at = get_ms(r, p->arrived_at, 1);
    p->n_candidates = get_below(r, EVENT_CANDIDATES_MAX + 1);
    for (int i = 0; i < p->n_candidates && !r->bad; i++) {
        struct candidate *c = &p->candidate[i];
        c->site = get_below(r, SITES_MAX);
        c->excluded = get_below(r, EX_REASONS);
        c->distance_m = get_i32(r);
        c->price_m_km = get_i32(r);
        c->wait_ms = get_i32(r);
        c->lag_m = get_i32(r);
        c->share_ppm = get_i32(r);
    }
    if (id_eq(p->contact, (struct td_id){0, 0}) || !p->epoch || (p->epoch & 0xff) >= NODES_MAX)
        r->bad = true;
}

static void get_contact(struct reader *r, struct ev_contact *c, td_ms base)
{
    c->contact = get_id(r);
    c->epoch = reader_varint(r);
    c->version = get_u32v(r);
    c->state = get_below(r, CONTACT_STATES);
    c->end = get_below(r, CONTACT_ENDS);
    c->site = get_site(r);
    c->channel = get_below(r, CHANNELS);
    c->transfers = reader_u8(r);
    c->holds = reader_u8(r);
    c->queue = reader_u64(r);
    c->agent = reader_u64(r);
    c->at = get_ms(r, base, -1);
    c->queued_at = get_ms(r, c->at, -1);
    uint8_t has = get_below(r, 4);
    c->connected_at = has & 1 ? get_ms(r, c->at, -1) : 0;
    c->ended_at = has & 2 ? get_ms(r, c->at, -1) : 0;
    if ((has & 1 && !c->connected_at) || (has & 2 && !c->ended_at))
        r->bad = true;
    c->wait_ms = reader_svarint(r);
    c->talk_ms = reader_svarint(r);
    if (id_none(c->contact) || !c->epoch || !c->version || (c->epoch & 0xff) >= NODES_MAX)
        r->bad = true;
}

static void get_agent(struct reader *r, struct ev_agent *a, td_ms base)
{
    a->agent = reader_u64(r);
    a->epoch = reader_varint(r);
    a->version = get_u32v(r);
    a->site = get_below(r, SITES_MAX);
    a->presence = get_below(r, PRESENCES);
    a->next_presence = get_below(r, PRESENCES);
    a->reason = get_below(r, AGENT_REASONS);
    a->at = get_ms(r, base, -1);
    if (!a->agent || !a->epoch || !a->version)
        r->bad = true;
}

static int32_t get_ppm(struct reader *r)
{
    int32_t v = get_i32(r);
    if (v < 0 || v > 1000000)
        r->bad = true;
    return v;
}

static void get_shares(struct reader *r, struct ev_shares *s)
{
    s->policy = reader_u64(r);
    s->group = reader_u64(r);
    s->n = get_below(r, SITES_MAX + 1);
    for (int i = 0; i < s->n && !r->bad; i++) {
        s->site[i] = reader_u64(r);
        s->share_ppm[i] = get_ppm(r);
    }
}

static void get_ledger(struct reader *r, struct ev_ledger *l)
{
    l->group = get_below(r, GROUPS_MAX);
    l->policy = reader_u64(r);
    l->n = get_below(r, SITES_MAX + 1);
    for (int i = 0; i < l->n && !r->bad; i++) {
        l->site[i] = get_below(r, SITES_MAX);
        l->share_ppm[i] = get_ppm(r);
        l->adjust_u[i] = reader_svarint(r);
    }
}

static void get_site_fact(struct reader *r, struct ev_site *s)
{
    s->site = reader_u64(r);
    s->admin = get_below(r, SITE_ADMINS);
    size_t n;
    const char *why = reader_str(r, &n);
    if (r->bad || n >= sizeof s->why || memchr(why, 0, n)) {
        r->bad = true;
        return;
    }
    memcpy(s->why, why, n);
    s->why[n] = 0;
}

bool event_decode(struct reader *r, struct event *out)
{
    out->type = (enum event_type)get_below(r, EV_TYPES);
    out->dot.origin = get_below(r, NODES_MAX);
    out->dot.epoch = get_u32v(r);
    out->dot.seq = reader_varint(r);
    out->hlc = reader_u64(r);
    if (r->bad || !out->dot.seq || !out->dot.epoch)
        return false;
    switch (out->type) {
    case EV_CONFIG: out->config.text = reader_str(r, &out->config.len); break;
    case EV_POLICY: out->policy.policy = reader_u64(r); break;
    case EV_SHARES: get_shares(r, &out->shares); break;
    case EV_SITE: get_site_fact(r, &out->site); break;
    case EV_VERDICT:
        out->verdict.site = reader_u64(r);
        out->verdict.verdict = get_below(r, SITE_VERDICTS);
        out->verdict.votes_down = reader_u8(r);
        out->verdict.votes = reader_u8(r);
        break;
    case EV_LEDGER: get_ledger(r, &out->ledger); break;
    case EV_PLACED: get_placed(r, &out->placed, hlc_ms(out->hlc)); break;
    case EV_CONTACT: get_contact(r, &out->contact, hlc_ms(out->hlc)); break;
    case EV_AGENT: get_agent(r, &out->agent, hlc_ms(out->hlc)); break;
    default: return false;
    }
    if (out->type == EV_CONFIG && out->config.len > EVENT_TEXT_MAX)
        r->bad = true;
    return !r->bad;
}
