/* api_events.c - the last facts as CloudEvents: a batch, or a stream that goes on. */
#include "serve/api_i.h"

#include <string.h>

/* Which types: ?type=tandem.contact. takes every type that begins so. */
static bool query_types(struct api_call *k, uint32_t *types)
{
    char text[64];
    bool given;
    *types = UINT32_MAX;
    if (!api_query_text(k, "type", text, sizeof text, &given))
        return false;
    if (!given)
        return true;
    *types = 0;
    for (int t = 1; t < EV_TYPES; t++)
        if (strncmp(event_type_names[t], text, strlen(text)) == 0)
            *types |= 1u << t;
    if (*types)
        return true;
    api_problem(k, 400,
                "type: no type of event begins so; they begin with tandem., for example "
                "tandem.contact.");
    return false;
}

/* Where to begin: after the fact with this id; at the first there is, when it is not there any
 * more. */
static uint64_t after_id(const struct api_call *k, const char *id)
{
    uint64_t n = facts_find(k->api->facts, id, k->core->c);
    return n ? n : facts_first(k->api->facts) - 1;
}

void api_get_events(struct api_call *k)
{
    static const char *const names[] = {"type", "after", "limit", NULL};
    const struct facts *f = k->api->facts;
    uint32_t types, limit = LIST_DEFAULT, rows = 0;
    char after[EVENT_ID_TEXT];
    bool given;
    if (!api_query_known(k, names) || !query_types(k, &types) ||
        !api_query_count(k, "limit", &limit, LIST_MAX) ||
        !api_query_text(k, "after", after, sizeof after, &given))
        return;
    uint64_t first = facts_first(f), n = facts_last(f);
    if (given) {
        first = n = after_id(k, after) + 1;
        while (n <= facts_last(f) && rows < limit)
            rows += types >> facts_type(f, n++) & 1;
        n--;
    } else { /* the newest ones */
        while (n >= first && rows < limit)
            rows += types >> facts_type(f, n--) & 1;
        first = n + 1;
        n = facts_last(f);
    }
    struct buf *b = &k->api->body;
    buf_reset(b);
    buf_char(b, '[');
    for (uint64_t i = first; i <= n; i++) {
        if (!(types >> facts_type(f, i) & 1))
            continue;
        if (b->len > 1)
            buf_char(b, ',');
        facts_json(f, i, k->core->c, &k->core->agent_by_key, b, NULL);
    }
    buf_char(b, ']');
    http_reply_header(k->rq, "Tandem-Node", view_node_name(k->core, k->core->self));
    http_reply_header(k->rq, "Cache-Control", "no-store");
    http_reply(k->rq, 200, "application/cloudevents-batch+json", b->data, b->len);
}

/* ---- the stream ---- */

static void on_closed(void *arg)
{
    struct follower *f = arg;
    f->stream = NULL;
    LIST_REMOVE(f, link);
    f->api->n_followers--;
    mem_free(f);
}

/* All that is new to it, in one piece a hundred facts. */
static void feed(struct follower *f, const struct core *k)
{
    struct api *a = f->api;
    struct buf *b = &a->stream.text;
    char id[EVENT_ID_TEXT];
    f->sent = MAX(f->sent, facts_first(a->facts) - 1); /* slower than the ring: it has a hole */
    for (uint32_t n = 0; f->sent < facts_last(a->facts) && f->stream; n = 0) {
        buf_reset(b);
        while (f->sent < facts_last(a->facts) && n < 100) {
            uint64_t number = ++f->sent;
            if (!(f->types >> facts_type(a->facts, number) & 1))
                continue;
            size_t at = b->len;
            buf_str(b, "data: ");
            facts_json(a->facts, number, k->c, &k->agent_by_key, b, id);
            buf_fmt(b, "\nid: %s\n\n", id);
            n += b->len > at;
        }
        if (b->len && !http_stream_send(f->stream, b->data, b->len))
            f->stream = NULL; /* on_closed comes */
    }
}

void api_feed_followers(struct api *a)
{
    uint8_t teller = api_teller(a);
    struct follower *f;
    if (teller == SITE_NONE || LIST_EMPTY(&a->followers))
        return;
    const struct core *k = node_core(world_node(a->world, teller));
    LIST_FOREACH(f, &a->followers, link)
    if (f->stream && f->sent < facts_last(a->facts))
        feed(f, k);
}

void api_follow_events(struct api_call *k)
{
    static const char *const names[] = {"type", "after", NULL};
    struct api *a = k->api;
    uint32_t types;
    char after[EVENT_ID_TEXT];
    bool given;
    if (!api_query_known(k, names) || !query_types(k, &types) ||
        !api_query_text(k, "after", after, sizeof after, &given))
        return;
    struct http_span last = http_header(k->rq, "Last-Event-ID");
    if (last.p && last.n < sizeof after) {
        memcpy(after, last.p, last.n);
        after[last.n] = 0;
        given = true;
    }
    if (a->n_followers >= FOLLOWERS_MAX) {
        api_problem(k, 503, "There are %d followers already, which is all there may be.",
                    FOLLOWERS_MAX);
        return;
    }
    struct follower *f = mem_new(1, sizeof *f);
    *f = (struct follower){
        .api = a, .types = types, .sent = given ? after_id(k, after) : facts_last(a->facts)};
    http_reply_header(k->rq, "Cache-Control", "no-store");
    http_reply_header(k->rq, "Tandem-Node", view_node_name(k->core, k->core->self));
    f->stream = http_stream_start(k->rq, "text/event-stream", on_closed, f);
    if (!f->stream) { /* HEAD */
        mem_free(f);
        return;
    }
    LIST_INSERT_HEAD(&a->followers, f, link);
    a->n_followers++;
    static const char hello[] = "retry: 2000\n\n";
    if (!http_stream_send(f->stream, hello, sizeof hello - 1))
        f->stream = NULL;
    else
        feed(f, k->core);
}

void api_end_followers(struct api *a)
{
    struct follower *f;
    LIST_FOREACH(f, &a->followers, link)
    if (f->stream)
        http_stream_end(f->stream);
}
