#include "serve/view_stats.h"

#include "base/rng.h"

#include <string.h>

enum {
    SLOTS = 128, /* minutes; a power of two above STATS_SERIES_MIN */
    LINES_MAX = QUEUES_MAX * CHANNELS,
};

struct minute {
    int64_t number; /* minutes since the epoch; 0: unused */
    uint32_t arrivals[SITES_MAX];
    struct stats_level site[SITES_MAX], all;
};

struct line {
    td_key queue;
    uint8_t channel;
    struct stats_sum sum;
    struct {
        int64_t number;
        struct stats_level level;
    } minute[STATS_LEVEL_MIN];
};

struct stats {
    struct vector_entry seen[NODES_MAX];
    struct stats_all all;
    struct minute minute[SLOTS];
    int64_t first; /* the first minute anything was seen in; 0: none */
    td_ms since;   /* before, only what was left over was seen */
    int64_t newest;
    bool changed;
    struct map64 line_by_key;
    struct line *line; /* grows to LINES_MAX */
    uint32_t lines, lines_cap;
};

struct stats *stats_new(void)
{
    return mem_new(1, sizeof(struct stats));
}

void stats_free(struct stats *s)
{
    if (!s)
        return;
    map64_free(&s->line_by_key);
    mem_free(s->line);
    mem_free(s);
}

const struct stats_all *stats_all(const struct stats *s)
{
    return &s->all;
}

/* ---- slots ---- */

static int64_t minute_of(td_ms at)
{
    return at / STATS_MINUTE_MS;
}

/* The slot of that moment; NULL when it is over two hours old. */
static struct minute *minute_at(struct stats *s, td_ms at)
{
    int64_t number = minute_of(at);
    struct minute *m = &s->minute[number & (SLOTS - 1)];
    if (m->number > number || number <= s->newest - SLOTS)
        return NULL;
    if (m->number < number)
        *m = (struct minute){.number = number};
    if (!s->first || number < s->first)
        s->first = number;
    s->changed |= number < s->newest;
    s->newest = MAX(s->newest, number);
    return m;
}

static uint64_t line_key(td_key queue, uint8_t channel)
{
    return mix64(queue + channel);
}

/* NULL when there are more lines than any configuration has: only after hundreds of reloads. */
static struct line *line_get(struct stats *s, td_key queue, uint8_t channel)
{
    uint32_t at;
    if (map64_find(&s->line_by_key, line_key(queue, channel), &at))
        return &s->line[at];
    if (s->lines == LINES_MAX)
        return NULL;
    if (s->lines == s->lines_cap) {
        s->lines_cap = s->lines_cap ? s->lines_cap * 2 : 16;
        s->line = mem_grow(s->line, s->lines_cap, sizeof *s->line);
    }
    s->line[s->lines] = (struct line){.queue = queue, .channel = channel};
    map64_insert(&s->line_by_key, line_key(queue, channel), s->lines);
    return &s->line[s->lines++];
}

static const struct line *line_find(const struct stats *s, td_key queue, uint8_t channel)
{
    uint32_t at;
    return map64_find(&s->line_by_key, line_key(queue, channel), &at) ? &s->line[at] : NULL;
}

static struct stats_level *line_level_at(struct line *l, td_ms at)
{
    int64_t number = minute_of(at);
    int i = (int)(number % STATS_LEVEL_MIN);
    if (l->minute[i].number > number)
        return NULL;
    if (l->minute[i].number < number) {
        l->minute[i].number = number;
        l->minute[i].level = (struct stats_level){0};
    }
    return &l->minute[i].level;
}

static void level_add(struct stats_level *to, const struct stats_level *l)
{
    if (!to)
        return;
    to->answered += l->answered;
    to->abandoned += l->abandoned;
    to->in_target += l->in_target;
    to->wait_s += l->wait_s;
}

/* ---- facts ---- */

static void on_placed(struct stats *s, struct core *k, const struct ev_placed *p)
{
    s->all.rule[p->rule]++;
    if (p->from_site != SITE_NONE) {
        s->all.moved++;
        return;
    }
    s->all.placed++;
    struct contact *t = contact_find(k, p->contact);
    if (t && t->decisions && t->decisions->next)
        return; /* two nodes decided: it arrived once */
    struct minute *m = minute_at(s, p->arrived_at);
    if (m && p->site < SITES_MAX)
        m->arrivals[p->site]++;
    struct line *l = line_get(s, p->queue, p->channel);
    if (l)
        l->sum.offered++;
    s->all.sum.offered++;
}

static void sum_add(struct stats_sum *to, const struct stats_level *l)
{
    to->answered += l->answered;
    to->abandoned += l->abandoned;
    to->in_target += l->in_target;
    to->wait_s += l->wait_s;
}

static void count_level(struct stats *s, const struct ev_contact *c, td_ms at,
                        const struct stats_level *one)
{
    struct minute *m = minute_at(s, at);
    level_add(m ? &m->all : NULL, one);
    level_add(m && c->site < SITES_MAX ? &m->site[c->site] : NULL, one);
    struct line *l = line_get(s, c->queue, c->channel);
    level_add(l ? line_level_at(l, at) : NULL, one);
    if (l)
        sum_add(&l->sum, one);
    sum_add(&s->all.sum, one);
}

static int64_t target_ms(const struct core *k, td_key queue)
{
    uint32_t q;
    return map64_find(&k->queue_by_key, queue, &q) ? k->c->queue[q].target_wait_ms : -1;
}

static void on_answered(struct stats *s, struct core *k, const struct ev_contact *c)
{
    struct stats_level one = {.answered = 1, .wait_s = (double)c->wait_ms / 1000};
    one.in_target = c->wait_ms <= target_ms(k, c->queue);
    count_level(s, c, c->at, &one);
    struct contact *t = contact_find(k, c->contact);
    if (t && t->decisions && t->decisions->placed.nearest != SITE_NONE) {
        s->all.known++;
        s->all.local += t->decisions->placed.nearest == c->site;
    }
}

static void on_ended(struct stats *s, const struct ev_contact *c)
{
    s->all.end[c->end]++;
    if (c->end == ENDED_ABANDONED && !c->connected_at)
        count_level(s, c, c->ended_at, &(struct stats_level){.abandoned = 1});
    if (c->end != ENDED_COMPLETED)
        return;
    double handle_s = (double)(c->ended_at - c->connected_at) / 1000;
    struct line *l = line_get(s, c->queue, c->channel);
    if (l) {
        l->sum.handled++;
        l->sum.handle_s += handle_s;
    }
    s->all.sum.handled++;
    s->all.sum.handle_s += handle_s;
}

bool stats_fact(struct stats *s, struct core *k, const struct event *e)
{
    struct vector_entry *v = &s->seen[e->dot.origin];
    if (e->dot.epoch < v->epoch || (e->dot.epoch == v->epoch && e->dot.seq <= v->seq))
        return false;
    *v = (struct vector_entry){e->dot.epoch, e->dot.seq};
    s->all.facts++;
    if (e->type == EV_PLACED)
        on_placed(s, k, &e->placed);
    if (e->type != EV_CONTACT)
        return true;
    const struct ev_contact *c = &e->contact;
    if (c->state == CONTACT_CONNECTED && c->connected_at == c->at && !c->holds)
        on_answered(s, k, c);
    if (c->state == CONTACT_ENDED)
        on_ended(s, c);
    return true;
}

void stats_rewind(struct stats *s, uint8_t origin, uint32_t epoch, uint64_t seq)
{
    if (s->seen[origin].epoch == epoch && s->seen[origin].seq > seq)
        s->seen[origin].seq = seq;
}

/* ---- figures ---- */

struct stats_sum stats_line(const struct stats *s, td_key queue, uint8_t channel)
{
    const struct line *l = line_find(s, queue, channel);
    return l ? l->sum : (struct stats_sum){0};
}

static struct stats_level level_over(const struct stats *s, int site, td_ms now)
{
    struct stats_level sum = {0};
    for (int64_t n = minute_of(now) - STATS_LEVEL_MIN + 1; n <= minute_of(now); n++) {
        const struct minute *m = &s->minute[n & (SLOTS - 1)];
        if (m->number == n)
            level_add(&sum, site < 0 ? &m->all : &m->site[site]);
    }
    return sum;
}

struct stats_level stats_level_all(const struct stats *s, td_ms now)
{
    return level_over(s, -1, now);
}

struct stats_level stats_level_site(const struct stats *s, uint8_t site, td_ms now)
{
    return level_over(s, site, now);
}

struct stats_level stats_level_line(const struct stats *s, td_key queue, uint8_t channel, td_ms now)
{
    struct stats_level sum = {0};
    const struct line *l = line_find(s, queue, channel);
    for (int i = 0; l && i < STATS_LEVEL_MIN; i++)
        if (l->minute[i].number > minute_of(now) - STATS_LEVEL_MIN &&
            l->minute[i].number <= minute_of(now))
            level_add(&sum, &l->minute[i].level);
    return sum;
}

uint32_t stats_arrivals(const struct stats *s, uint8_t site, int64_t minute)
{
    const struct minute *m = &s->minute[minute & (SLOTS - 1)];
    return m->number == minute ? m->arrivals[site] : 0;
}

void stats_since(struct stats *s, td_ms at)
{
    s->since = at;
}

double stats_rate(const struct stats *s, uint8_t site, td_ms now)
{
    int64_t last = minute_of(now);
    int64_t from = MAX(last - STATS_RATE_MIN, MAX(s->first, minute_of(s->since)));
    double n = 0;
    double minutes = (double)(now - MAX(from * STATS_MINUTE_MS, s->since)) / STATS_MINUTE_MS;
    for (int64_t m = from; m <= last; m++)
        n += stats_arrivals(s, site, m);
    return s->first && minutes > 0.1 ? n / minutes : 0;
}

bool stats_series(const struct stats *s, td_ms now, int64_t *first, int64_t *last)
{
    *last = minute_of(now) - 1;
    *first = MAX(s->first, minute_of(s->since + STATS_MINUTE_MS - 1));
    *first = MAX(*first, *last - STATS_SERIES_MIN + 1);
    return s->first && *first <= *last;
}

bool stats_series_changed(struct stats *s)
{
    bool changed = s->changed;
    s->changed = false;
    return changed;
}
