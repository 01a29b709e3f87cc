#include "base/mem.h" /* before uv.h, which may define MIN and MAX again */

#include <string.h>
#include <sys/queue.h>
#include <uv.h>

#include "connect/events.h"
#include "connect/webhook.h"
#include "http/client.h"

struct event {
    LIST_ENTRY(event) link;
    struct webhook *webhook;
    uv_timer_t timer;
    bool sent; /* the answer is awaited */
    int tries;
    struct buf body;
};

struct webhook {
    uv_loop_t *loop;
    struct center *center;
    struct http_client *http;
    char *url;
    struct rng rng;
    double lose[REGIONS_MAX];
    int64_t skew_ms[REGIONS_MAX];
    LIST_HEAD(, event) events;
    struct webhook_stats stats;
    uint32_t open; /* events whose timers are not closed yet */
    bool closing, http_gone;
    void (*closed)(void *arg);
    void *closed_arg;
};

static void all_closed(struct webhook *w)
{
    if (!w->closing || !w->http_gone || w->open)
        return;
    void (*closed)(void *arg) = w->closed;
    void *arg = w->closed_arg;
    mem_free(w->url);
    mem_free(w);
    if (closed)
        closed(arg);
}

static void timer_closed(uv_handle_t *h)
{
    struct event *e = h->data;
    struct webhook *w = e->webhook;
    buf_free(&e->body);
    mem_free(e);
    w->open--;
    all_closed(w);
}

static void finish(struct event *e, bool delivered)
{
    struct webhook *w = e->webhook;
    w->stats.delivered += delivered;
    w->stats.dropped += !delivered;
    w->stats.waiting--;
    LIST_REMOVE(e, link);
    uv_close((uv_handle_t *)&e->timer, timer_closed);
}

static void post(uv_timer_t *t);

static void answered(void *arg, const struct http_result *r)
{
    struct event *e = arg;
    e->sent = false;
    if (r->error == HTTP_CLIENT_OK && r->status / 100 == 2) {
        finish(e, true);
    } else if (e->tries >= WEBHOOK_TRIES || e->webhook->closing) {
        finish(e, false);
    } else {
        e->webhook->stats.retried++;
        uv_timer_start(&e->timer, post, (uint64_t)WEBHOOK_PAUSE_MS << (e->tries - 1), 0);
    }
}

static void post(uv_timer_t *t)
{
    static const struct http_field fields[] = {{"Content-Type", "application/json"}};
    struct event *e = t->data;
    e->tries++;
    e->sent = true;
    http_client_start(e->webhook->http,
                      &(struct http_call_spec){.method = HTTP_METHOD_POST,
                                               .url = e->webhook->url,
                                               .fields = fields,
                                               .n_fields = COUNTOF(fields),
                                               .body = {e->body.data, e->body.len},
                                               .reply_max = 4096,
                                               .total_timeout_ms = 5000},
                      answered, e);
}

static void tell(struct webhook *w, const struct center_note *note, const char *type,
                 const struct instance *seen_in)
{
    uint32_t region = (uint32_t)(seen_in->region - center_region(w->center, 0));
    w->stats.told++;
    if (rng_chance(&w->rng, w->lose[region])) {
        w->stats.lost++;
        return;
    }
    if (w->stats.waiting >= WEBHOOK_WAITING_MAX) {
        w->stats.dropped++;
        return;
    }
    struct event *e = mem_new(1, sizeof *e);
    struct td_id id = id_draw(&w->rng);
    e->webhook = w;
    event_contact(&e->body, note->contact, type, id, note->at + w->skew_ms[region], seen_in);
    LIST_INSERT_HEAD(&w->events, e, link);
    w->stats.waiting++;
    w->open++;
    uv_timer_init(w->loop, &e->timer);
    e->timer.data = e;
    uv_timer_start(&e->timer, post, rng_below(&w->rng, WEBHOOK_SPREAD_MS + 1), 0);
}

static void hear(void *arg, const struct center_note *note)
{
    struct webhook *w = arg;
    const char *type = event_contact_type(note->event);
    if (!type || !note->contact || w->closing)
        return;
    const struct mirror *m = note->instance->mirror;
    for (uint8_t s = 0; s < m->n_sides; s++)
        if (m->side[s]->ready) {
            tell(w, note, type, m->side[s]);
            if (note->event == CE_CONTACT_INITIATED && note->contact->channel != CHANNEL_TASK)
                tell(w, note, "CONNECTED_TO_SYSTEM", m->side[s]);
        }
}

static bool meant(const struct webhook *w, const struct region *g, uint32_t index)
{
    return !g || (uint32_t)(g - center_region(w->center, 0)) == index;
}

void webhook_lose(struct webhook *w, const struct region *g, double chance)
{
    for (uint32_t r = 0; r < center_n_regions(w->center); r++)
        if (meant(w, g, r))
            w->lose[r] = chance;
}

void webhook_skew(struct webhook *w, const struct region *g, int64_t ms)
{
    for (uint32_t r = 0; r < center_n_regions(w->center); r++)
        if (meant(w, g, r))
            w->skew_ms[r] = ms;
}

struct webhook_stats webhook_stats(const struct webhook *w)
{
    return w->stats;
}

struct webhook *webhook_new(struct uv_loop_s *loop, struct center *c, const char *url)
{
    struct webhook *w = mem_new(1, sizeof *w);
    struct http_client_config config = HTTP_CLIENT_DEFAULTS;
    config.calls_max = WEBHOOK_WAITING_MAX;
    config.host_conns_max = 16;
    config.user_agent = "Amazon/EventBridge (connectsim)";
    w->loop = loop;
    w->center = c;
    w->url = mem_strdup(url);
    w->rng = rng_seed(center_secret(c), 0x6576656e);
    w->http = http_client_new(loop, &config);
    LIST_INIT(&w->events);
    center_listen(c, hear, w);
    return w;
}

static void http_closed(void *arg)
{
    struct webhook *w = arg;
    w->http_gone = true;
    all_closed(w);
}

void webhook_close(struct webhook *w, void (*closed)(void *arg), void *arg)
{
    w->closing = true;
    w->closed = closed;
    w->closed_arg = arg;
    http_client_close(w->http, http_closed, w); /* ends the calls at work */
    struct event *e, *next;
    for (e = LIST_FIRST(&w->events); e; e = next) { /* those that wait for their next try */
        next = LIST_NEXT(e, link);
        if (!e->sent)
            finish(e, false);
    }
}
