#include "net/probe_json.h"

static void number(struct jw *w, const char *key, int64_t v)
{
    jw_key(w, key);
    jw_int(w, v);
}

static void delay(struct jw *w, const char *key, int32_t us)
{
    if (us != PROBE_US_UNKNOWN)
        number(w, key, us);
}

static void loss(struct jw *w, const char *key, int32_t lost)
{
    if (lost >= 0)
        number(w, key, lost);
}

static void hops(struct jw *w, const char *key, uint8_t n)
{
    if (n != PATH_UNKNOWN)
        number(w, key, n);
}

static void word(struct jw *w, const char *key, const char *text)
{
    jw_key(w, key);
    jw_str(w, text);
}

static void shift(struct jw *w, const struct probe_result *r)
{
    word(w, "shift", change_kind_names[r->shift]);
    number(w, "shift_there_us", r->shift_there_us);
    number(w, "shift_back_us", r->shift_back_us);
}

static void site(struct jw *w, const char *key, uint16_t n, const char *name)
{
    if (name)
        word(w, key, name);
    else
        number(w, key, n);
}

void probe_result_json(struct jw *w, const struct probe_result *r, const char *from, const char *to)
{
    char text[IP_TEXT_MAX];
    jw_obj(w);
    number(w, "at_ms", r->at_ms);
    word(w, "what", probe_what_names[r->what]);
    word(w, "kind", probe_kind_names[r->kind]);
    number(w, "path", r->path);
    site(w, "from", r->from, from);
    site(w, "to", r->to, to);
    number(w, "flow", r->flow);
    if (r->what == PROBE_UP || r->what == PROBE_DOWN)
        number(w, "since_ms", r->since_ms);
    delay(w, "two_way_us", r->two_way_us);
    delay(w, "there_us", r->there_us);
    delay(w, "back_us", r->back_us);
    delay(w, "two_way_p99_us", r->two_way_p99_us);
    delay(w, "two_way_max_us", r->two_way_max_us);
    number(w, "sent", r->sent);
    number(w, "lost", r->lost);
    loss(w, "lost_there", r->lost_there);
    loss(w, "lost_back", r->lost_back);
    hops(w, "hops_there", r->hops_there);
    hops(w, "hops_back", r->hops_back);
    if (r->what == PROBE_SHIFT)
        shift(w, r);
    if (r->what == PROBE_LOOP) {
        word(w, "loop_at", ip_text(&r->loop_at, text));
        number(w, "loop_hops", r->loop_hops);
    }
    jw_end(w);
}

void path_span_json(struct jw *w, const struct path_span *s)
{
    jw_obj(w);
    number(w, "end_ms", s->end_ms);
    number(w, "sent", s->sent);
    number(w, "lost", s->lost);
    loss(w, "lost_there", s->lost_there);
    loss(w, "lost_back", s->lost_back);
    delay(w, "two_way_min_us", s->two_way_min_us);
    delay(w, "two_way_p50_us", s->two_way_p50_us);
    delay(w, "two_way_p99_us", s->two_way_p99_us);
    delay(w, "two_way_max_us", s->two_way_max_us);
    delay(w, "there_p50_us", s->there_p50_us);
    delay(w, "back_p50_us", s->back_p50_us);
    hops(w, "hops_there", s->hops_there);
    hops(w, "hops_back", s->hops_back);
    jw_key(w, "up");
    jw_bool(w, s->up);
    jw_end(w);
}
