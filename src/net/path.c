#include "net/path.h"

#include <math.h>

const char *const probe_kind_names[] = {"stamp", "tcp", "https", "trace"};
const char *const probe_what_names[] = {"up",   "down", "span",      "shift",
                                        "hops", "loop", "loop_ended"};

enum { HOPS_STEADY = 3 }; /* answers in a row with another number before it is believed */

static const int64_t ns_per_ms = 1000000;

enum slot_state { SLOT_FREE, SLOT_WAITING, SLOT_ANSWERED, SLOT_MISSED };

struct slot {
    int64_t sent_mono_ns, sent_wall_ns;
    uint32_t seq, reflector_seq;
    uint8_t state;
};

/* Delays of one way in a span, counted from a little below the first: with the offset of the clocks
 * in them they may be of any size and sign. */
struct way {
    struct hist hist;
    int64_t floor_us;
    double smooth_us;
    bool known; /* smooth_us is */
    uint8_t hops, hops_next, hops_run;
};
static const int64_t way_room_us = 2000; /* below the first delay of a span */

/* What a stateful reflector's count tells, since its first answer. */
struct count {
    bool any;
    uint32_t first, last; /* numbers of probes: the first and the greatest answered */
    uint32_t reflector_first, reflector_last; /* the same of its count */
    int64_t last_t3_ns;                       /* when it counted reflector_last */
    int64_t doubled, got;              /* copies the network made on the way there; answers */
    int64_t there_before, back_before; /* losses of earlier lives of the reflector */
};

struct path {
    struct path_config c;
    void (*emit)(void *arg, const struct probe_result *r);
    void *arg;
    struct slot slot[PATH_WINDOW];
    uint32_t next, settled; /* all before `settled` are answered or missed */
    uint32_t answered_last; /* the greatest number answered, when totals.answered > 0 */
    enum path_state state;
    uint32_t fall_run, rise_run;
    int64_t fall_since_ns, rise_since_ns, heard_mono_ns;
    double rtt_ns, rtt_dev_ns; /* smoothed; 0: none yet */
    struct count count;
    struct change change;
    struct path_totals totals, at_span; /* now, and when the span began */
    int64_t span_end_mono_ns;
    struct hist two_way, span_two_way;
    struct way there, back;
    struct path_span span[PATH_HISTORY];
    uint32_t spans; /* ended so far */
};
_Static_assert(sizeof(struct path) < 64 << 10, "4096 paths are 256 MB at most");

static int32_t us_of(double ns_or_us)
{
    return (int32_t)fmax(-2e9, fmin(2e9, ns_or_us));
}

struct probe_result path_result(const struct path *p, enum probe_what what, struct probe_time now)
{
    struct path_totals t = path_totals(p);
    return (struct probe_result){
        .at_ms = now.wall_ns / ns_per_ms,
        .path = p->c.path,
        .from = p->c.from,
        .to = p->c.to,
        .flow = p->c.flow,
        .kind = p->c.kind,
        .what = (uint8_t)what,
        .hops_there = p->there.hops,
        .hops_back = p->back.hops,
        .two_way_us = p->rtt_ns > 0 ? us_of(p->rtt_ns / 1000) : PROBE_US_UNKNOWN,
        .there_us = p->there.known ? us_of(p->there.smooth_us) : PROBE_US_UNKNOWN,
        .back_us = p->back.known ? us_of(p->back.smooth_us) : PROBE_US_UNKNOWN,
        .two_way_p99_us = PROBE_US_UNKNOWN,
        .two_way_max_us = PROBE_US_UNKNOWN,
        .sent = (uint32_t)(t.sent - p->at_span.sent),
        .lost = t.missed > p->at_span.missed ? (uint32_t)(t.missed - p->at_span.missed) : 0,
        .lost_there = t.lost_there < 0 ? -1 : (int32_t)MAX(0, t.lost_there - p->at_span.lost_there),
        .lost_back = t.lost_back < 0 ? -1 : (int32_t)MAX(0, t.lost_back - p->at_span.lost_back),
    };
}

/* A reflector answers at once; a listener has its program to ask, a server its work to do. */
static uint16_t least_wait_ms(const struct path_config *c)
{
    uint16_t usual = c->kind == PROBE_STAMP ? 20 : c->kind == PROBE_TCP ? 100 : c->timeout_max_ms;
    return MIN(usual, c->timeout_max_ms);
}

struct path *path_new(const struct path_config *c, struct probe_time now,
                      void (*emit)(void *arg, const struct probe_result *r), void *arg)
{
    struct path *p = mem_new(1, sizeof *p);
    p->c = *c;
    p->c.fall = c->fall ? c->fall : 3;
    p->c.rise = c->rise ? c->rise : 3;
    p->c.timeout_max_ms = c->timeout_max_ms ? c->timeout_max_ms : 1000;
    p->c.timeout_min_ms = c->timeout_min_ms ? c->timeout_min_ms : least_wait_ms(&p->c);
    p->c.span_ms = c->span_ms ? c->span_ms : 10000;
    p->c.trust_ms = c->trust_ms ? c->trust_ms : 60000;
    p->emit = emit;
    p->arg = arg;
    p->span_end_mono_ns = now.mono_ns + (int64_t)p->c.span_ms * ns_per_ms;
    p->there.hops = p->back.hops = PATH_UNKNOWN;
    p->there.hops_next = p->back.hops_next = PATH_UNKNOWN;
    return p;
}

void path_free(struct path *p)
{
    mem_free(p);
}

/* RFC 6298, 2.2 and 2.3, with bounds for paths of a known kind. */
static int64_t timeout_ns(const struct path *p)
{
    int64_t least = p->c.timeout_min_ms * ns_per_ms, most = p->c.timeout_max_ms * ns_per_ms;
    if (p->rtt_ns <= 0)
        return most;
    return MIN(most, (int64_t)(p->rtt_ns + fmax(4 * p->rtt_dev_ns, (double)least)));
}

static void measure_rtt(struct path *p, double ns)
{
    if (p->rtt_ns <= 0) {
        p->rtt_ns = ns;
        p->rtt_dev_ns = ns / 2;
        return;
    }
    p->rtt_dev_ns += (fabs(ns - p->rtt_ns) - p->rtt_dev_ns) / 4;
    p->rtt_ns += (ns - p->rtt_ns) / 8;
}

static void change_state(struct path *p, enum path_state to, int64_t since_ns,
                         struct probe_time now)
{
    p->state = to;
    struct probe_result r = path_result(p, to == PATH_STATE_UP ? PROBE_UP : PROBE_DOWN, now);
    r.since_ms = since_ns / ns_per_ms;
    p->emit(p->arg, &r);
}

static void miss(struct path *p, struct slot *s, struct probe_time now)
{
    s->state = SLOT_MISSED;
    p->totals.missed++;
    p->rise_run = 0;
    if (p->totals.answered && (int32_t)(s->seq - p->answered_last) < 0)
        return; /* a later one came back: the path is there */
    if (p->fall_run++ == 0)
        p->fall_since_ns = s->sent_wall_ns;
    if (p->fall_run >= p->c.fall && p->state != PATH_STATE_DOWN)
        change_state(p, PATH_STATE_DOWN, p->fall_since_ns, now);
}

static void expire(struct path *p, struct probe_time now)
{
    int64_t timeout = timeout_ns(p);
    for (; p->settled != p->next; p->settled++) {
        struct slot *s = &p->slot[p->settled % PATH_WINDOW];
        if (s->state != SLOT_WAITING)
            continue;
        bool full = p->next - p->settled >= PATH_WINDOW;
        if (!full && s->sent_mono_ns + timeout > now.mono_ns)
            return;
        miss(p, s, now);
    }
}

uint32_t path_sent(struct path *p, struct probe_time now)
{
    expire(p, now);
    uint32_t seq = p->next++;
    p->slot[seq % PATH_WINDOW] = (struct slot){
        .sent_mono_ns = now.mono_ns,
        .sent_wall_ns = now.wall_ns,
        .seq = seq,
        .state = SLOT_WAITING,
    };
    p->totals.sent++;
    return seq;
}

void path_failed(struct path *p, uint32_t seq, struct probe_time now)
{
    struct slot *s = &p->slot[seq % PATH_WINDOW];
    if (s->seq == seq && s->state == SLOT_WAITING)
        miss(p, s, now);
}

/* ---- losses of each way ---- */

static int64_t count_there(const struct count *k)
{
    int64_t sent = (int64_t)(k->last - k->first) + k->doubled;
    return MAX(0, sent - (int64_t)(k->reflector_last - k->reflector_first));
}

static int64_t count_back(const struct count *k)
{
    int64_t reached = (int64_t)(k->reflector_last - k->reflector_first) + 1;
    return k->any ? MAX(0, reached - k->got) : 0;
}

static void count_begin(struct count *k, const struct path_answer *a)
{
    *k = (struct count){
        .any = true,
        .first = a->seq,
        .last = a->seq,
        .reflector_first = a->reflector_seq,
        .reflector_last = a->reflector_seq,
        .last_t3_ns = a->t3_ns,
        .got = 1,
        .there_before = k->there_before + (k->any ? count_there(k) : 0),
        .back_before = k->back_before + count_back(k),
    };
}

/* Its count rises with its time; a later answer with a lower count is from another life. A count
 * that is far ahead of what was sent is not of this session. */
static bool count_is_new(const struct count *k, const struct path_answer *a)
{
    int32_t ahead = (int32_t)(a->reflector_seq - k->reflector_last);
    if (a->t3_ns > k->last_t3_ns && ahead <= 0)
        return true;
    int64_t sent = (int64_t)(a->seq - k->first) + k->doubled;
    return ahead > 0 && (int64_t)(a->reflector_seq - k->reflector_first) > sent + PATH_WINDOW;
}

static void count_answer(struct count *k, const struct path_answer *a, bool doubled)
{
    if (!k->any || count_is_new(k, a)) {
        count_begin(k, a);
        return;
    }
    if ((int32_t)(a->seq - k->first) < 0 || (int32_t)(a->reflector_seq - k->reflector_first) < 0)
        return; /* from before the count began */
    k->got++;
    k->doubled += doubled;
    if ((int32_t)(a->seq - k->last) > 0)
        k->last = a->seq;
    if ((int32_t)(a->reflector_seq - k->reflector_last) > 0) {
        k->reflector_last = a->reflector_seq;
        k->last_t3_ns = a->t3_ns;
    }
}

/* ---- delays and hops of each way ---- */

static void way_add(struct way *w, int64_t ns)
{
    int64_t us = ns / 1000;
    if (!w->hist.count)
        w->floor_us = us - way_room_us;
    hist_add(&w->hist, us - w->floor_us);
    w->smooth_us = w->known ? w->smooth_us + ((double)us - w->smooth_us) / 8 : (double)us;
    w->known = true;
}

static uint8_t hops_of(uint8_t ttl)
{
    if (!ttl)
        return PATH_UNKNOWN;
    return (uint8_t)((ttl <= 64 ? 64 : ttl <= 128 ? 128 : 255) - ttl);
}

/* True: the way has another number of hops than before. */
static bool way_hops(struct way *w, uint8_t hops)
{
    if (hops == PATH_UNKNOWN || hops == w->hops) {
        w->hops_run = 0;
        return false;
    }
    w->hops_run = w->hops_run && hops == w->hops_next ? (uint8_t)(w->hops_run + 1) : 1;
    w->hops_next = hops;
    if (w->hops != PATH_UNKNOWN && w->hops_run < HOPS_STEADY)
        return false;
    bool news = w->hops != PATH_UNKNOWN;
    w->hops = hops;
    w->hops_run = 0;
    return news;
}

static void measure_ways(struct path *p, const struct path_answer *a, struct probe_time now)
{
    struct change_found found;
    int64_t there = a->t2_ns - a->t1_ns, back = a->t4_ns - a->t3_ns;
    way_add(&p->there, there);
    way_add(&p->back, back);
    if (now.mono_ns - p->heard_mono_ns > p->c.trust_ms * ns_per_ms)
        change_restart(&p->change);
    if (change_add(&p->change, there, back, &found)) {
        struct probe_result r = path_result(p, PROBE_SHIFT, now);
        r.shift = (uint8_t)found.kind;
        r.shift_there_us = us_of((double)found.there_ns / 1000);
        r.shift_back_us = us_of((double)found.back_ns / 1000);
        p->emit(p->arg, &r);
    }
    bool there_news =
        way_hops(&p->there, a->ttl_there ? (uint8_t)(255 - a->ttl_there) : (uint8_t)PATH_UNKNOWN);
    bool back_news = way_hops(&p->back, hops_of(a->ttl_back));
    if (there_news || back_news) {
        struct probe_result r = path_result(p, PROBE_HOPS, now);
        p->emit(p->arg, &r);
    }
}

/* ---- answers ---- */

static bool answer_repeated(struct path *p, const struct slot *s, const struct path_answer *a)
{
    p->totals.repeated++;
    if (a->t2_ns && !p->c.stateless && a->reflector_seq != s->reflector_seq)
        count_answer(&p->count, a, true); /* it reached the reflector twice */
    return false;
}

static void answer_counts(struct path *p, struct slot *s, struct probe_time now)
{
    bool late = s->state == SLOT_MISSED;
    p->totals.late += late;
    p->totals.missed -= late;
    s->state = SLOT_ANSWERED;
    if (!p->totals.answered++ || (int32_t)(s->seq - p->answered_last) > 0)
        p->answered_last = s->seq;
    p->fall_run = 0;
    if (late)
        return;
    if (p->rise_run++ == 0)
        p->rise_since_ns = s->sent_wall_ns;
    if (p->rise_run >= p->c.rise && p->state != PATH_STATE_UP)
        change_state(p, PATH_STATE_UP, p->rise_since_ns, now);
}

bool path_answered(struct path *p, const struct path_answer *a, struct probe_time now)
{
    struct slot *s = &p->slot[a->seq % PATH_WINDOW];
    if (s->state == SLOT_FREE || s->seq != a->seq)
        return false;
    if (a->t2_ns && a->t1_ns != s->sent_wall_ns)
        return false; /* who did not see the probe cannot know its time */
    expire(p, now);
    if (s->state == SLOT_ANSWERED)
        return answer_repeated(p, s, a);
    s->reflector_seq = a->reflector_seq;
    int64_t two_way = MAX(0, a->t4_ns - a->t1_ns - (a->t3_ns - a->t2_ns));
    measure_rtt(p, (double)MAX(1, now.mono_ns - s->sent_mono_ns));
    hist_add(&p->two_way, two_way / 1000);
    hist_add(&p->span_two_way, two_way / 1000);
    if (a->t2_ns) {
        if (!p->c.stateless)
            count_answer(&p->count, a, false);
        measure_ways(p, a, now);
    }
    p->heard_mono_ns = now.mono_ns;
    answer_counts(p, s, now);
    return true;
}

/* ---- spans ---- */

static int32_t way_median(const struct way *w)
{
    return w->hist.count ? us_of((double)(hist_quantile(&w->hist, 0.5) + w->floor_us))
                         : PROBE_US_UNKNOWN;
}

static void span_close(struct path *p, struct probe_time now)
{
    struct probe_result r = path_result(p, PROBE_SPAN, now);
    const struct hist *h = &p->span_two_way;
    r.there_us = way_median(&p->there);
    r.back_us = way_median(&p->back);
    r.two_way_us = h->count ? us_of((double)hist_quantile(h, 0.5)) : PROBE_US_UNKNOWN;
    r.two_way_p99_us = h->count ? us_of((double)hist_quantile(h, 0.99)) : PROBE_US_UNKNOWN;
    r.two_way_max_us = h->count ? us_of((double)h->max) : PROBE_US_UNKNOWN;
    p->span[p->spans++ % PATH_HISTORY] = (struct path_span){
        .end_ms = r.at_ms,
        .sent = r.sent,
        .lost = r.lost,
        .lost_there = r.lost_there,
        .lost_back = r.lost_back,
        .two_way_min_us = h->count ? us_of((double)h->min) : PROBE_US_UNKNOWN,
        .two_way_p50_us = r.two_way_us,
        .two_way_p99_us = r.two_way_p99_us,
        .two_way_max_us = r.two_way_max_us,
        .there_p50_us = r.there_us,
        .back_p50_us = r.back_us,
        .hops_there = r.hops_there,
        .hops_back = r.hops_back,
        .up = p->state == PATH_STATE_UP,
    };
    hist_reset(&p->span_two_way);
    hist_reset(&p->there.hist);
    hist_reset(&p->back.hist);
    p->at_span = path_totals(p);
    int64_t span_ns = p->c.span_ms * ns_per_ms;
    p->span_end_mono_ns += span_ns * (1 + (now.mono_ns - p->span_end_mono_ns) / span_ns);
    p->emit(p->arg, &r);
}

void path_tick(struct path *p, struct probe_time now)
{
    expire(p, now);
    if (now.mono_ns >= p->span_end_mono_ns)
        span_close(p, now);
}

int64_t path_due(const struct path *p)
{
    for (uint32_t i = p->settled; i != p->next; i++) {
        const struct slot *s = &p->slot[i % PATH_WINDOW];
        if (s->state == SLOT_WAITING)
            return MIN(p->span_end_mono_ns, s->sent_mono_ns + timeout_ns(p));
    }
    return p->span_end_mono_ns;
}

enum path_state path_state(const struct path *p)
{
    return p->state;
}

struct path_totals path_totals(const struct path *p)
{
    struct path_totals t = p->totals;
    bool known = p->c.kind == PROBE_STAMP && !p->c.stateless;
    t.lost_there = known ? p->count.there_before + (p->count.any ? count_there(&p->count) : 0) : -1;
    t.lost_back = known ? p->count.back_before + count_back(&p->count) : -1;
    return t;
}

const struct hist *path_two_way(const struct path *p)
{
    return &p->two_way;
}

const struct path_span *path_span_at(const struct path *p, uint32_t i)
{
    if (i >= p->spans || i >= PATH_HISTORY)
        return NULL;
    return &p->span[(p->spans - 1 - i) % PATH_HISTORY];
}
