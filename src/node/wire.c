#include "node/wire.h"

#include "base/mem.h"

#include <string.h>

void wire_put_beat(struct buf *b, const struct beat *t)
{
    put_u8(b, t->from);
    put_varint(b, t->epoch);
    put_varint(b, t->sees_up);
    put_u8(b,
           (uint8_t)(t->instance_ok | t->ready << 1 | t->has_report << 2 | t->instance_known << 3));
    put_varint(b, (uint64_t)t->sent_at);
    for (int n = 0; n < NODES_MAX; n++) {
        put_varint(b, t->vector_epoch[n]);
        if (t->vector_epoch[n])
            put_varint(b, t->vector_seq[n]);
    }
    if (!t->has_report)
        return;
    put_varint(b, t->staffed);
    put_varint(b, t->live);
    put_u8(b, t->queues);
    for (uint8_t i = 0; i < t->queues; i++) {
        put_varint(b, t->waiting[i]);
        put_varint(b, t->busy[i]);
    }
}

void wire_put_echo(struct buf *b, td_ms echo_at, int64_t echo_held_ms)
{
    put_varint(b, (uint64_t)echo_at);
    put_svarint(b, echo_held_ms);
}

bool wire_get_beat(struct reader *r, struct beat *t)
{
    memset(t, 0, sizeof *t);
    t->from = reader_u8(r);
    t->epoch = (uint32_t)reader_varint(r);
    t->sees_up = (uint16_t)reader_varint(r);
    uint8_t flags = reader_u8(r);
    t->instance_ok = flags & 1;
    t->ready = flags >> 1 & 1;
    t->has_report = flags >> 2 & 1;
    t->instance_known = flags >> 3 & 1;
    t->sent_at = (td_ms)reader_varint(r);
    for (int n = 0; n < NODES_MAX; n++) {
        t->vector_epoch[n] = (uint32_t)reader_varint(r);
        if (t->vector_epoch[n])
            t->vector_seq[n] = reader_varint(r);
    }
    if (t->has_report) {
        t->staffed = (uint32_t)reader_varint(r);
        t->live = (uint32_t)reader_varint(r);
        t->queues = reader_u8(r);
        for (uint8_t i = 0; i < t->queues && i < COUNTOF(t->waiting); i++) {
            t->waiting[i] = (uint32_t)reader_varint(r);
            t->busy[i] = (uint32_t)reader_varint(r);
        }
    }
    t->echo_at = (td_ms)reader_varint(r);
    t->echo_held_ms = reader_svarint(r);
    return reader_end_ok(r) && t->from < NODES_MAX && t->queues <= COUNTOF(t->waiting);
}

void wire_put_request(struct buf *b, const struct route_request *q)
{
    put_u64(b, q->contact.hi);
    put_u64(b, q->contact.lo);
    put_u64(b, q->customer.hi);
    put_u64(b, q->customer.lo);
    put_varint(b, q->queue);
    put_u8(b, q->channel);
    put_u8(b, q->entry_site);
    put_u8(b, q->how);
    put_bytes(b, &q->lat, 4);
    put_bytes(b, &q->lon, 4);
    put_varint(b, (uint64_t)q->arrived_at);
    put_u8(b, q->priority);
}

bool wire_get_request(struct reader *r, struct route_request *q)
{
    memset(q, 0, sizeof *q);
    q->contact.hi = reader_u64(r);
    q->contact.lo = reader_u64(r);
    q->customer.hi = reader_u64(r);
    q->customer.lo = reader_u64(r);
    q->queue = (uint16_t)reader_varint(r);
    q->channel = reader_u8(r);
    q->entry_site = reader_u8(r);
    q->how = reader_u8(r);
    const uint8_t *lat = reader_bytes(r, 4), *lon = reader_bytes(r, 4);
    if (lat && lon) {
        memcpy(&q->lat, lat, 4);
        memcpy(&q->lon, lon, 4);
    }
    q->arrived_at = (td_ms)reader_varint(r);
    q->priority = reader_u8(r);
    return reader_end_ok(r) && q->channel < CHANNELS && q->how < PLACE_HOWS &&
           !id_none(q->contact) && q->lat >= -90 && q->lat <= 90 && q->lon >= -180 && q->lon <= 180;
}

void wire_put_resend(struct buf *b, uint8_t origin, uint32_t epoch, uint64_t after_seq)
{
    put_u8(b, origin);
    put_varint(b, epoch);
    put_varint(b, after_seq);
}
