/* wire.h - the small messages between nodes as bytes. Facts are event.h's business; a message of
 * facts is: u8 origin, varint epoch, varint first sequence, varint count, then the facts. */
#pragma once

#include "base/codec.h"
#include "core/core.h"

/* A beat is the same for all peers but for the echo, which wire_put_echo adds for each. */
void wire_put_beat(struct buf *b, const struct beat *beat);
void wire_put_echo(struct buf *b, td_ms echo_at, int64_t echo_held_ms);
bool wire_get_beat(struct reader *r, struct beat *out) MUST_USE;
void wire_put_request(struct buf *b, const struct route_request *q);
bool wire_get_request(struct reader *r, struct route_request *out) MUST_USE;
void wire_put_resend(struct buf *b, uint8_t origin, uint32_t epoch, uint64_t after_seq);
