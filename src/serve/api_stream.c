/* api_stream.c - the live stream of the dashboard (web/CONTRACT.md): one document, whole to whoever
 * comes, then its sections that changed, to all boards alike.
 *
 * Four times a second the sections are written and compared, byte by byte, with what was told
 * before; nodes and health, which change with every beat, once a second. Without a board nothing
 * is written. */
#include "serve/api_i.h"

enum {
    TICK_MS = 250,
    SLOW_MS = 1000, /* nodes, health, network; and the heartbeat */
    PING_MS = 15000,
};

typedef void section_fn(struct jw *w, const struct scene *s);

static void write_head(struct jw *w, const struct scene *s)
{
    const struct cfg_policy *p = core_policy(s->k);
    jw_arr(w); /* compared only */
    jw_str(w, s->k->c->name);
    jw_str(w, p->name);
    jw_int(w, p->share_bound_contacts);
    jw_int(w, s->k->c->health.report_stale_ms);
    jw_end(w);
}

static const struct {
    const char *key;
    section_fn *write;
} sections[SECTIONS] = {
#define X(name) [SECTION_##name] = {#name, view_##name},
    API_SECTIONS(X)
#undef X
        [SECTION_head] = {"head", write_head},
};

static bool is_slow(int i)
{
    return i == SECTION_nodes || i == SECTION_health || i == SECTION_network;
}

static void kv_head(struct jw *w, const struct scene *s)
{
    const struct cfg_policy *p = core_policy(s->k);
    kv_decimal(w, "speed", s->speed, 3);
    kv_text(w, "name", s->k->c->name);
    kv_text(w, "policy", p->name);
    kv_int(w, "share_bound_contacts", p->share_bound_contacts);
    kv_int(w, "report_stale_ms", s->k->c->health.report_stale_ms);
}

/* Writes a section; true: it differs from what was told. */
static bool refresh(struct stream *st, int i, const struct scene *s)
{
    struct jw w;
    buf_reset(&st->fresh);
    jw_begin(&w, &st->fresh);
    sections[i].write(&w, s);
    struct buf *old = &st->section[i];
    if (old->len == st->fresh.len && memcmp(old->data, st->fresh.data, old->len) == 0)
        return false;
    struct buf swap = *old;
    *old = st->fresh;
    st->fresh = swap;
    return true;
}

static void begin_event(struct stream *st, const char *name)
{
    buf_fmt(&st->text, "event: %s\nid: %llu\ndata: ", name, (unsigned long long)st->revision);
}

static void to_all(struct stream *st)
{
    struct board *b;
    LIST_FOREACH(b, &st->boards, link)
    if (b->stream && !http_stream_send(b->stream, st->text.data, st->text.len))
        b->stream = NULL; /* on_closed comes */
}

/* ---- updates ---- */

static void put_sections(struct stream *st, struct jw *w, const struct scene *s, uint32_t which)
{
    for (int i = 0; i < SECTION_head; i++)
        if (which >> i & 1) {
            jw_key(w, sections[i].key);
            jw_raw(w, st->section[i].data, st->section[i].len);
        }
    if (which >> SECTION_head & 1)
        kv_head(w, s);
}

static uint32_t changed_sections(struct stream *st, const struct scene *s, bool slow)
{
    uint32_t which = 0;
    for (int i = 0; i < SECTIONS; i++)
        if (slow || !is_slow(i))
            which |= (uint32_t)refresh(st, i, s) << i;
    return which;
}

static void send_update(struct stream *st, struct api *a, const struct scene *s, uint32_t which,
                        int64_t minute, bool series)
{
    struct jw w;
    st->revision += which || minute || series;
    begin_event(st, "update");
    jw_begin(&w, &st->text);
    jw_obj(&w);
    kv_uint(&w, "revision", st->revision);
    kv_int(&w, "now_ms", s->now);
    put_sections(st, &w, s, which);
    if (series) {
        jw_key(&w, "series");
        view_series(&w, s);
    } else if (minute) {
        jw_key(&w, "series_point");
        view_series_point(&w, s, minute);
    }
    jw_end(&w);
    buf_str(&st->text, "\n\n");
    st->told_wall_ms = uv_now(a->o.loop);
}

/* The minute that has ended since the last update; 0: none. Several: the whole series is told. */
static int64_t ended_minute(struct stream *st, struct api *a, const struct scene *s, bool *series)
{
    int64_t first, last;
    *series = stats_series_changed(a->stats);
    if (!stats_series(s->stats, s->now, &first, &last) || last <= st->minute)
        return 0;
    *series |= last > st->minute + 1;
    st->minute = last;
    return last;
}

static void put_timeline(struct stream *st, const struct api *a)
{
    for (uint64_t n = MAX(st->timeline + 1, timeline_first(&a->timeline)); n <= a->timeline.last;
         n++) {
        struct jw w;
        begin_event(st, "timeline");
        jw_begin(&w, &st->text);
        view_timeline_entry(&w, timeline_at(&a->timeline, n));
        buf_str(&st->text, "\n\n");
    }
    st->timeline = a->timeline.last;
}

static void tell(struct api *a)
{
    struct stream *st = &a->stream;
    uint8_t teller = api_teller(a);
    uint64_t wall = uv_now(a->o.loop);
    if (!st->n_boards || teller == SITE_NONE)
        return;
    struct scene s = api_scene(a, node_core(world_node(a->world, teller)));
    bool slow = wall - st->slow_wall_ms >= SLOW_MS, series;
    if (slow)
        st->slow_wall_ms = wall;
    buf_reset(&st->text);
    uint32_t which = changed_sections(st, &s, slow);
    int64_t minute = ended_minute(st, a, &s, &series);
    if (which || minute || series || wall - st->told_wall_ms >= SLOW_MS)
        send_update(st, a, &s, which, minute, series);
    put_timeline(st, a);
    if (wall - st->ping_wall_ms >= PING_MS) {
        st->ping_wall_ms = wall;
        buf_str(&st->text, ": still here\n\n");
    }
    if (st->text.len)
        to_all(st);
}

static void on_timer(uv_timer_t *timer)
{
    tell(timer->data);
}

/* ---- boards ---- */

static void on_closed(void *arg)
{
    struct board *b = arg;
    LIST_REMOVE(b, link);
    b->api->stream.n_boards--;
    mem_free(b);
}

static void send_snapshot(struct api *a, struct board *b, const struct scene *s)
{
    struct stream *st = &a->stream;
    struct jw w;
    buf_reset(&st->text);
    buf_str(&st->text, "retry: 2000\n\n");
    begin_event(st, "snapshot");
    jw_begin(&w, &st->text);
    jw_obj(&w);
    kv_uint(&w, "revision", st->revision);
    kv_int(&w, "now_ms", s->now);
    put_sections(st, &w, s, UINT32_MAX);
    jw_key(&w, "timeline");
    view_timeline(&w, s);
    jw_key(&w, "series");
    view_series(&w, s);
    jw_end(&w);
    buf_str(&st->text, "\n\n");
    if (!http_stream_send(b->stream, st->text.data, st->text.len))
        b->stream = NULL;
}

void api_get_stream(struct api_call *k)
{
    struct api *a = k->api;
    struct stream *st = &a->stream;
    if (st->n_boards >= BOARDS_MAX) {
        api_problem(k, 503, "There are %d boards already, which is all there may be.", BOARDS_MAX);
        return;
    }
    tell(a); /* so that the others know what the newcomer will be told */
    struct board *b = mem_new(1, sizeof *b);
    b->api = a;
    http_reply_header(k->rq, "Cache-Control", "no-store");
    http_reply_header(k->rq, "Tandem-Node", view_node_name(k->core, k->core->self));
    b->stream = http_stream_start(k->rq, "text/event-stream", on_closed, b);
    if (!b->stream) { /* HEAD */
        mem_free(b);
        return;
    }
    struct scene s = api_scene(a, k->core);
    if (!st->n_boards) { /* nothing was written lately */
        bool series;
        changed_sections(st, &s, true);
        ended_minute(st, a, &s, &series);
        st->timeline = a->timeline.last;
        st->revision++;
    }
    LIST_INSERT_HEAD(&st->boards, b, link);
    st->n_boards++;
    send_snapshot(a, b, &s);
}

void api_stream_start(struct api *a)
{
    LIST_INIT(&a->stream.boards);
    uv_timer_init(a->o.loop, &a->stream.timer);
    a->stream.timer.data = a;
    uv_timer_start(&a->stream.timer, on_timer, TICK_MS, TICK_MS);
}

void api_stream_end(struct api *a)
{
    struct board *b;
    uv_timer_stop(&a->stream.timer);
    LIST_FOREACH(b, &a->stream.boards, link)
    if (b->stream)
        http_stream_end(b->stream);
}
