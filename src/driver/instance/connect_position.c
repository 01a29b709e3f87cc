/* connect_position.c - what outlives the process: where the streams are, whose state is how old,
 * and which contacts are here. The node commits it together with what it made of the records.
 *
 *   u8 version; str agents; str records;       positions of the two readers, "" for none
 *   varint n; n x (u64 name's hash, svarint event_at, u64 event_id, u8 presence)
 *   varint n; n x row */
#include "driver/instance/connect_i.h"

#include "base/codec.h"

enum { POSITION_VERSION = 1, AGENT_BYTES = 18, ROW_BYTES = 40 };

static struct connect *of(struct instance *i)
{
    return CONTAINER_OF(i, struct connect, instance);
}

static void put_reader(const struct shard_reader *k, struct buf *out)
{
    struct buf b = {0};
    if (k)
        shard_reader_position(k, &b);
    put_str(out, b.data, b.len);
    buf_free(&b);
}

static void put_agents(const struct connect *c, struct buf *out)
{
    const struct config *g = c->config.config;
    uint32_t n = 0;
    for (uint32_t i = 0; i < g->n_agents; i++)
        n += c->agent[i].event_at != 0;
    put_varint(out, n);
    for (uint32_t i = 0; i < g->n_agents; i++) {
        const struct agent *a = &c->agent[i];
        if (!a->event_at)
            continue;
        put_u64(out, g->agent[i].key);
        put_svarint(out, a->event_at);
        put_u64(out, a->event_id);
        put_u8(out, a->presence);
    }
}

static void put_id(struct buf *out, struct td_id id)
{
    put_u64(out, id.hi);
    put_u64(out, id.lo);
}

static void put_rows(const struct connect *c, struct buf *out)
{
    const struct config *g = c->config.config;
    uint32_t n = 0;
    for (uint32_t i = 0; i < c->n_rows; i++)
        n += c->row[i].state >= ROW_QUEUED;
    put_varint(out, n);
    for (uint32_t i = 0; i < c->n_rows; i++) {
        const struct row *r = &c->row[i];
        if (r->state < ROW_QUEUED)
            continue;
        put_u8(out, (uint8_t)r->state);
        put_u8(out, r->channel);
        put_id(out, r->id);
        put_id(out, r->here);
        put_varint(out, r->epoch);
        put_u64(out, r->queue < g->n_queues ? g->queue[r->queue].key : 0);
        put_u64(out, r->agent < g->n_agents ? g->agent[r->agent].key : 0);
        put_svarint(out, r->at);
        put_svarint(out, r->updated_at);
    }
}

bool connect__position(struct instance *i, struct buf *out)
{
    struct connect *c = of(i);
    if (!c->agents && !c->records)
        return false; /* nothing was read yet; what was resumed is still in the store */
    put_u8(out, POSITION_VERSION);
    put_reader(c->agents, out);
    put_reader(c->records, out);
    put_agents(c, out);
    put_rows(c, out);
    return true;
}

static uint32_t agent_of_key(const struct connect *c, td_key key)
{
    uint32_t i;
    return key && map64_find(&c->names.agent_by_name, key, &i) ? i : NO_AGENT;
}

static bool take_agents(struct connect *c, struct reader *r)
{
    uint64_t n = reader_varint(r);
    if (n > reader_left(r) / AGENT_BYTES)
        return false;
    for (uint64_t k = 0; k < n; k++) {
        uint32_t i = agent_of_key(c, reader_u64(r));
        td_ms at = reader_svarint(r);
        uint64_t id = reader_u64(r);
        uint8_t presence = reader_u8(r);
        if (i == NO_AGENT || r->bad || presence >= PRESENCES)
            continue;
        c->agent[i].event_at = at;
        c->agent[i].event_id = id;
        c->agent[i].presence = presence;
    }
    return !r->bad;
}

static struct td_id take_id(struct reader *r)
{
    struct td_id id;
    id.hi = reader_u64(r);
    id.lo = reader_u64(r);
    return id;
}

static bool take_row(struct connect *c, struct reader *r)
{
    const struct config *g = c->config.config;
    uint8_t state = reader_u8(r), channel = reader_u8(r);
    struct td_id id = take_id(r), here = take_id(r);
    uint64_t epoch = reader_varint(r);
    td_key queue = reader_u64(r), agent = reader_u64(r);
    td_ms at = reader_svarint(r), updated_at = reader_svarint(r);
    if (r->bad || state < ROW_QUEUED || state > ROW_WRAPUP || channel >= CHANNELS || id_none(id) ||
        id_none(here) || connect__row_of(c, id) != NO_ROW || connect__row_here(c, here) != NO_ROW)
        return false;
    uint32_t row = connect__row_new(c, id, here);
    if (row == NO_ROW)
        return false;
    struct row *t = &c->row[row];
    t->state = (enum row_state)state;
    t->channel = channel;
    t->epoch = epoch;
    t->at = at;
    t->updated_at = updated_at;
    for (uint16_t q = 0; q < g->n_queues; q++)
        if (g->queue[q].key == queue)
            t->queue = q;
    connect__row_agent(c, row, agent_of_key(c, agent));
    return true;
}

/* Of a driver that has begun nothing is taken: its node was started anew, not the process. */
bool connect__resume(struct instance *i, const void *data, size_t len)
{
    struct connect *c = of(i);
    struct reader r = reader_of(data, len);
    size_t n[2];
    if (c->agents || c->records || c->resume || c->live)
        return true;
    uint8_t version = reader_u8(&r);
    const char *p[2];
    for (int k = 0; k < 2; k++)
        p[k] = reader_str(&r, &n[k]);
    if (r.bad || version != POSITION_VERSION)
        return false;
    struct buf both = {0}; /* the readers begin when their streams are known */
    for (int k = 0; k < 2; k++)
        put_str(&both, p[k], n[k]);
    c->resume = both.data;
    c->resume_len = both.len;
    bool ok = take_agents(c, &r);
    uint64_t rows = ok ? reader_varint(&r) : 0;
    ok = ok && rows <= reader_left(&r) / ROW_BYTES;
    for (uint64_t k = 0; k < rows && ok; k++)
        ok = take_row(c, &r);
    return ok && reader_end_ok(&r);
}
