#include "base/map.h"

__extension__ typedef unsigned __int128 u128;

/* The product of two words folded to one, as wyhash mixes (https://github.com/wangyi-fudan/wyhash):
 * half the time of mix64 twice. The constants are the first 128 bits of pi's fraction. */
static uint64_t hash(uint64_t hi, uint64_t lo)
{
    u128 p = (u128)(hi ^ 0x243f6a8885a308d3u) * (lo ^ 0x13198a2e03707344u);
    return (uint64_t)(p >> 64) ^ (uint64_t)p;
}

/* The two maps differ in their keys only: map_body.h is the rest. */
#define MAP          map64
#define SLOT         struct map64_slot
#define FN(name)     map64_##name
#define KEY_ARGS     uint64_t key
#define KEY          key
#define KEY_OF(s)    (s)->key
#define KEY_IS(s)    ((s)->key == key)
#define SLOT_HASH(s) hash(0, (s)->key)
#define KEY_HASH     hash(0, key)
#include "base/map_body.h"

#define MAP          map128
#define SLOT         struct map128_slot
#define FN(name)     map128_##name
#define KEY_ARGS     uint64_t hi, uint64_t lo
#define KEY          hi, lo
#define KEY_OF(s)    (s)->hi, (s)->lo
#define KEY_IS(s)    ((s)->hi == hi && (s)->lo == lo)
#define SLOT_HASH(s) hash((s)->hi, (s)->lo)
#define KEY_HASH     hash(hi, lo)
#include "base/map_body.h"
