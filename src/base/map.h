/* map.h - hash maps from a 64-bit or 128-bit key to a 32-bit value (an index, usually).
 *
 * Open addressing, linear probing, at most three quarters full, erasure by backward shift, so
 * there are no tombstones. Zero-initialise; insert replaces. */
#pragma once

#include "base/mem.h"

struct map64_slot { uint64_t key; uint32_t value, used; };
struct map64 { struct map64_slot *slot; size_t cap, count; };
bool map64_find(const struct map64 *m, uint64_t key, uint32_t *value);
void map64_insert(struct map64 *m, uint64_t key, uint32_t value);
bool map64_erase(struct map64 *m, uint64_t key);
void map64_free(struct map64 *m);

struct map128_slot { uint64_t hi, lo; uint32_t value, used; };
struct map128 { struct map128_slot *slot; size_t cap, count; };
bool map128_find(const struct map128 *m, uint64_t hi, uint64_t lo, uint32_t *value);
void map128_insert(struct map128 *m, uint64_t hi, uint64_t lo, uint32_t value);
bool map128_erase(struct map128 *m, uint64_t hi, uint64_t lo);
void map128_free(struct map128 *m);
