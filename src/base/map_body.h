/* map_body.h - the functions of one map of map.h; map.c includes it once a kind of key. */

/* Where the key is, or the free slot where it belongs. There always is one: a map is never full. */
static SLOT *FN(probe)(const struct MAP *m, KEY_ARGS)
{
    size_t mask = m->cap - 1;
    for (size_t i = KEY_HASH & mask;; i = (i + 1) & mask)
        if (!m->slot[i].used || KEY_IS(&m->slot[i]))
            return &m->slot[i];
}

static void FN(grow)(struct MAP *m)
{
    struct MAP old = *m;
    BUG_ON(old.cap > SIZE_MAX / 2 / sizeof(SLOT));
    m->cap = old.cap ? old.cap * 2 : 16;
    m->slot = mem_new(m->cap, sizeof(SLOT));
    for (size_t i = 0; i < old.cap; i++)
        if (old.slot[i].used)
            *FN(probe)(m, KEY_OF(&old.slot[i])) = old.slot[i];
    mem_free(old.slot);
}

bool FN(find)(const struct MAP *m, KEY_ARGS, uint32_t *value)
{
    if (!m->count)
        return false;
    const SLOT *s = FN(probe)(m, KEY);
    if (!s->used)
        return false;
    *value = s->value;
    return true;
}

void FN(insert)(struct MAP *m, KEY_ARGS, uint32_t value)
{
    if (m->count >= m->cap / 8 * 5)
        FN(grow)(m);
    SLOT *s = FN(probe)(m, KEY);
    m->count += !s->used;
    *s = (SLOT){KEY, value, 1};
}

bool FN(erase)(struct MAP *m, KEY_ARGS)
{
    if (!m->count)
        return false;
    SLOT *s = FN(probe)(m, KEY);
    if (!s->used)
        return false;
    m->count--;
    /* What follows moves up into the hole, unless that is before the slot where its search
     * starts: then it stays, and what follows it is looked at. */
    size_t mask = m->cap - 1, hole = (size_t)(s - m->slot);
    for (size_t next = (hole + 1) & mask; m->slot[next].used; next = (next + 1) & mask) {
        size_t home = SLOT_HASH(&m->slot[next]) & mask;
        if (((next - home) & mask) < ((next - hole) & mask))
            continue;
        m->slot[hole] = m->slot[next];
        hole = next;
    }
    m->slot[hole].used = 0;
    return true;
}

void FN(prefetch)(const struct MAP *m, KEY_ARGS)
{
    if (m->cap)
        __builtin_prefetch(&m->slot[KEY_HASH & (m->cap - 1)]);
}

void FN(free)(struct MAP *m)
{
    mem_free(m->slot);
    *m = (struct MAP){0};
}

#undef MAP
#undef SLOT
#undef FN
#undef KEY_ARGS
#undef KEY
#undef KEY_OF
#undef KEY_IS
#undef SLOT_HASH
#undef KEY_HASH
