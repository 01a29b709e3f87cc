/* view_facts.h - the last facts, for whoever follows them: a ring of their bytes.
 *
 * Durable before visible: what is pushed cannot be read until facts_settle says that the node has
 * committed it, and facts_forget takes back what a crash has undone. Numbers count from 1 and are
 * of this process; a fact's own identity is its dot. */
#pragma once

#include "core/event.h"

struct facts;
struct map64;

enum { FACTS_KEPT = 10000 }; /* about 3 MB; at a thousand contacts a minute, the last minute */

struct facts *facts_new(void) MUST_USE;
void facts_free(struct facts *f);
/* `bytes` are the fact's binary form. */
void facts_push(struct facts *f, const struct event *e, const struct config *c, const void *bytes,
                size_t len);
void facts_settle(struct facts *f);
void facts_forget(struct facts *f);

/* The numbers that can be read: [first, last]; last < first: none. */
uint64_t facts_first(const struct facts *f);
uint64_t facts_last(const struct facts *f);
uint8_t facts_type(const struct facts *f, uint64_t number);
/* The number of the fact with this id ("us-east-1/1625443140/812"); 0: not here (any more). */
uint64_t facts_find(const struct facts *f, const char *id, const struct config *c);
/* Appends one as a CloudEvent, and its id to `id` if that is not NULL. */
void facts_json(const struct facts *f, uint64_t number, const struct config *c,
                const struct map64 *agents, struct buf *out, char id[EVENT_ID_TEXT]);
