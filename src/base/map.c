#include "base/map.h"

#include "base/rng.h"

/* ---- map64 ---- */

static size_t map64_home(const struct map64 *m, uint64_t key)
{
    return (size_t)mix64(key) & (m->cap - 1);
}

static void map64_grow(struct map64 *m)
{
    struct map64 old = *m;
    m->cap = old.cap ? old.cap * 2 : 64;
    m->slot = mem_new(m->cap, sizeof *m->slot);
    m->count = 0;
    for (size_t i = 0; i < old.cap; i++)
        if (old.slot[i].used)
            map64_insert(m, old.slot[i].key, old.slot[i].value);
    mem_free(old.slot);
}

bool map64_find(const struct map64 *m, uint64_t key, uint32_t *value)
{
    if (!m->count)
        return false;
    for (size_t i = map64_home(m, key); m->slot[i].used; i = (i + 1) & (m->cap - 1))
        if (m->slot[i].key == key) {
            *value = m->slot[i].value;
            return true;
        }
    return false;
}

void map64_insert(struct map64 *m, uint64_t key, uint32_t value)
{
    if (m->count * 4 >= m->cap * 3)
        map64_grow(m);
    size_t i = map64_home(m, key);
    while (m->slot[i].used && !(m->slot[i].key == key))
        i = (i + 1) & (m->cap - 1);
    m->count += !m->slot[i].used;
    m->slot[i] = (struct map64_slot){key, value, 1};
}

bool map64_erase(struct map64 *m, uint64_t key)
{
    if (!m->count)
        return false;
    size_t mask = m->cap - 1, i = map64_home(m, key);
    while (m->slot[i].used && !(m->slot[i].key == key))
        i = (i + 1) & mask;
    if (!m->slot[i].used)
        return false;
    m->count--;
    /* Backward shift: what follows moves up unless it is at or after its home. */
    for (size_t next = (i + 1) & mask; m->slot[next].used; next = (next + 1) & mask) {
        size_t home = map64_home(m, m->slot[next].key);
        if (((next - home) & mask) < ((next - i) & mask))
            continue;
        m->slot[i] = m->slot[next];
        i = next;
    }
    m->slot[i].used = 0;
    return true;
}

void map64_free(struct map64 *m)
{
    mem_free(m->slot);
    *m = (struct map64){0};
}

/* ---- map128 ---- */

static size_t map128_home(const struct map128 *m, uint64_t hi, uint64_t lo)
{
    return (size_t)mix64(hi ^ mix64(lo)) & (m->cap - 1);
}

static void map128_grow(struct map128 *m)
{
    struct map128 old = *m;
    m->cap = old.cap ? old.cap * 2 : 64;
    m->slot = mem_new(m->cap, sizeof *m->slot);
    m->count = 0;
    for (size_t i = 0; i < old.cap; i++)
        if (old.slot[i].used)
            map128_insert(m, old.slot[i].hi, old.slot[i].lo, old.slot[i].value);
    mem_free(old.slot);
}

bool map128_find(const struct map128 *m, uint64_t hi, uint64_t lo, uint32_t *value)
{
    if (!m->count)
        return false;
    for (size_t i = map128_home(m, hi, lo); m->slot[i].used; i = (i + 1) & (m->cap - 1))
        if (m->slot[i].hi == hi && m->slot[i].lo == lo) {
            *value = m->slot[i].value;
            return true;
        }
    return false;
}

void map128_insert(struct map128 *m, uint64_t hi, uint64_t lo, uint32_t value)
{
    if (m->count * 4 >= m->cap * 3)
        map128_grow(m);
    size_t i = map128_home(m, hi, lo);
    while (m->slot[i].used && !(m->slot[i].hi == hi && m->slot[i].lo == lo))
        i = (i + 1) & (m->cap - 1);
    m->count += !m->slot[i].used;
    m->slot[i] = (struct map128_slot){hi, lo, value, 1};
}

bool map128_erase(struct map128 *m, uint64_t hi, uint64_t lo)
{
    if (!m->count)
        return false;
    size_t mask = m->cap - 1, i = map128_home(m, hi, lo);
    while (m->slot[i].used && !(m->slot[i].hi == hi && m->slot[i].lo == lo))
        i = (i + 1) & mask;
    if (!m->slot[i].used)
        return false;
    m->count--;
    /* Backward shift: what follows moves up unless it is at or after its home. */
    for (size_t next = (i + 1) & mask; m->slot[next].used; next = (next + 1) & mask) {
        size_t home = map128_home(m, m->slot[next].hi, m->slot[next].lo);
        if (((next - home) & mask) < ((next - i) & mask))
            continue;
        m->slot[i] = m->slot[next];
        i = next;
    }
    m->slot[i].used = 0;
    return true;
}

void map128_free(struct map128 *m)
{
    mem_free(m->slot);
    *m = (struct map128){0};
}
