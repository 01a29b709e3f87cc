/* sequence.h - the two big numbers of Kinesis, in decimal as the API writes them: hash keys of 128
 * bits and sequence numbers of 186.
 *
 * A sequence number grows within its shard but has gaps, so readers can order records by it and
 * cannot count them. Ours are laid out as Amazon's (version 2, as the emulator kinesalite found
 * out), 47 hexadecimal digits that make 56 decimal ones:
 *
 *      2 | shard created, s: 9 | shard, low digit: 1 | index: 16 | 00 | record, s: 9 | shard: 8 | 2
 *
 * so the number alone says which shard it is of and where in it. */
#pragma once

#include "base/base.h"

enum { SEQUENCE_TEXT = 60, HASH_KEY_TEXT = 40 }; /* room for the text with its NUL */

struct sequence {
    int64_t created_s; /* when the shard was made, seconds since the epoch, under 2^36 */
    int64_t at_s;      /* when the record came, the same */
    uint64_t index;    /* grows within the shard; at most SEQUENCE_INDEX_MAX */
    uint32_t shard;    /* under 2^31 */
};
#define SEQUENCE_INDEX_MAX ((uint64_t)INT64_MAX) /* the ending number of a closed shard has it */

void sequence_text(const struct sequence *s, char out[SEQUENCE_TEXT]);
/* False: not a number of this layout. */
bool sequence_parse(const char *text, struct sequence *out) MUST_USE;

struct hash_key {
    uint64_t hi, lo;
};
#define HASH_KEY_MAX ((struct hash_key){UINT64_MAX, UINT64_MAX})

struct hash_key hash_key_of(const void *partition_key, size_t n); /* MD5, its first byte highest */
void hash_key_text(struct hash_key k, char out[HASH_KEY_TEXT]);
/* False: not a decimal number without leading zeros, or above 2^128-1. */
bool hash_key_parse(const char *text, struct hash_key *out) MUST_USE;
int hash_key_compare(struct hash_key a, struct hash_key b); /* negative, 0, positive */
struct hash_key hash_key_step(struct hash_key k, int step); /* k + step, step is 1 or -1 */
/* Where shard i of n begins when the range is cut into n even parts: floor(i * 2^128 / n). */
struct hash_key hash_key_part(uint32_t i, uint32_t n);
