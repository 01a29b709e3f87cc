#include "serve/view_facts.h"

#include "base/codec.h"
#include "base/map.h"
#include "core/config.h"

struct slot {
    uint8_t type;
    struct dot dot;
    bool is_json; /* a configuration: its text may be megabytes, its CloudEvent is not */
    struct buf bytes;
};

struct facts {
    struct slot slot[FACTS_KEPT];
    uint64_t pushed, settled; /* numbers of the last ones */
};

static struct slot *slot_of(const struct facts *f, uint64_t number)
{
    return (struct slot *)&f->slot[number % FACTS_KEPT];
}

struct facts *facts_new(void)
{
    return mem_new(1, sizeof(struct facts));
}

void facts_free(struct facts *f)
{
    if (!f)
        return;
    for (uint32_t i = 0; i < FACTS_KEPT; i++)
        buf_free(&f->slot[i].bytes);
    mem_free(f);
}

void facts_push(struct facts *f, const struct event *e, const struct config *c, const void *bytes,
                size_t len)
{
    struct slot *s = slot_of(f, ++f->pushed);
    s->type = (uint8_t)e->type;
    s->dot = e->dot;
    s->is_json = e->type == EV_CONFIG;
    buf_reset(&s->bytes);
    if (s->is_json)
        event_json(&s->bytes, e, c);
    else
        buf_add(&s->bytes, bytes, len);
}

void facts_settle(struct facts *f)
{
    f->settled = f->pushed;
}

void facts_forget(struct facts *f)
{
    f->pushed = f->settled;
}

uint64_t facts_first(const struct facts *f)
{
    return f->pushed > FACTS_KEPT ? f->pushed - FACTS_KEPT + 1 : 1;
}

uint64_t facts_last(const struct facts *f)
{
    return f->settled;
}

static const struct slot *slot_read(const struct facts *f, uint64_t number)
{
    BUG_ON(number < facts_first(f) || number > facts_last(f));
    return slot_of(f, number);
}

uint8_t facts_type(const struct facts *f, uint64_t number)
{
    return slot_read(f, number)->type;
}

uint64_t facts_find(const struct facts *f, const char *id, const struct config *c)
{
    for (uint64_t n = facts_last(f); n >= facts_first(f); n--) {
        struct event e = {.dot = slot_of(f, n)->dot};
        char text[EVENT_ID_TEXT];
        event_id(&e, c, text);
        if (strcmp(text, id) == 0)
            return n;
    }
    return 0;
}

void facts_json(const struct facts *f, uint64_t number, const struct config *c,
                const struct map64 *agents, struct buf *out, char id[EVENT_ID_TEXT])
{
    const struct slot *s = slot_read(f, number);
    struct event e = {.dot = s->dot};
    if (id)
        event_id(&e, c, id);
    if (s->is_json) {
        buf_add(out, s->bytes.data, s->bytes.len);
        return;
    }
    struct reader r = reader_of(s->bytes.data, s->bytes.len);
    bool whole = event_decode(&r, &e);
    BUG_ON(!whole); /* we have encoded it */
    event_json_by(out, &e, c, agents);
}
