#include "watch/probe_report.h"

#include "base/mem.h" /* before uv.h, which may define MIN and MAX again */

#include <stdio.h>
#include <string.h>
#include <uv.h>

#include "base/log.h"
#include "http/client.h"
#include "net/probe_json.h"

enum { EVERY_MS = 1000, PATIENCE_MS = 5000 };

struct probe_report {
    const struct topo *topo;
    struct http_client *client;
    uv_timer_t timer;
    char url[512];
    struct probe_result kept[PROBE_REPORT_KEPT]; /* oldest first */
    uint32_t n, under_way;                       /* the first under_way of them are in a request */
    bool closing, silent;                        /* silent: the hub did not answer the last time */
    uint32_t parts;
    struct probe_report_stats stats;
    void (*closed)(void *arg);
    void *closed_arg;
};

static void forget(struct probe_report *r, uint32_t from, uint32_t n)
{
    memmove(&r->kept[from], &r->kept[from + n], (r->n - from - n) * sizeof *r->kept);
    r->n -= n;
}

/* True: the hub had them, whatever it thought of them. */
static bool had(struct probe_report *r, const struct http_result *reply)
{
    bool answered = reply->error == HTTP_CLIENT_OK && reply->status < 500;
    if (!answered) {
        if (!r->silent)
            log_warn("net", "the hub does not take what probes found",
                     LF_S("error", http_client_error_names[reply->error]),
                     LF_I("status", reply->status));
        r->stats.failed++;
    } else if (reply->status >= 300) {
        log_warn("net", "the hub refused what probes found", LF_I("status", reply->status));
        r->stats.refused += r->under_way;
    } else {
        r->stats.told += r->under_way;
    }
    r->silent = !answered;
    return answered;
}

static void send_kept(struct probe_report *r);

static void done(void *arg, const struct http_result *reply)
{
    struct probe_report *r = arg;
    if (r->closing)
        return;
    bool answered = had(r, reply);
    if (answered)
        forget(r, 0, r->under_way);
    r->under_way = 0;
    for (uint32_t i = 0; i < r->n && answered; i++)
        if (r->kept[i].what != PROBE_SPAN) {
            send_kept(r);
            return;
        }
}

static void send_kept(struct probe_report *r)
{
    static const struct http_field fields[] = {{"Content-Type", "application/json"}};
    struct buf b = {0};
    struct jw w;
    if (!r->n || r->under_way)
        return;
    jw_begin(&w, &b);
    jw_obj(&w);
    jw_key(&w, "results");
    jw_arr(&w);
    for (uint32_t i = 0; i < r->n; i++)
        probe_result_json(&w, &r->kept[i], r->topo->site[r->kept[i].from].name,
                          r->topo->site[r->kept[i].to].name);
    jw_end(&w);
    jw_end(&w);
    jw_done(&w);
    r->under_way = r->n;
    http_client_start(r->client,
                      &(struct http_call_spec){.method = HTTP_METHOD_POST,
                                               .url = r->url,
                                               .fields = fields,
                                               .n_fields = COUNTOF(fields),
                                               .body = {b.data, b.len},
                                               .total_timeout_ms = PATIENCE_MS},
                      done, r);
    buf_free(&b);
}

static void on_timer(uv_timer_t *t)
{
    send_kept(t->data);
}

/* Room for one more: a span goes, the oldest, or whatever is oldest. */
static void make_room(struct probe_report *r)
{
    uint32_t i = r->under_way;
    while (i < r->n && r->kept[i].what != PROBE_SPAN)
        i++;
    forget(r, i < r->n ? i : MIN(r->under_way, r->n - 1), 1);
    r->stats.dropped++;
}

void probe_report_add(struct probe_report *r, const struct probe_result *result)
{
    if (r->n == PROBE_REPORT_KEPT) {
        if (r->under_way == r->n) { /* nothing that could go: it is in the request */
            r->stats.dropped++;
            return;
        }
        make_room(r);
    }
    r->kept[r->n++] = *result;
    if (result->what != PROBE_SPAN && !r->silent)
        send_kept(r);
}

struct probe_report *probe_report_new(struct uv_loop_s *loop, const char *hub,
                                      const struct topo *topo)
{
    struct probe_report *r = mem_new(1, sizeof *r);
    struct http_client_config c = HTTP_CLIENT_DEFAULTS;
    c.calls_max = 2;
    r->topo = topo;
    r->client = http_client_new(loop, &c);
    snprintf(r->url, sizeof r->url, "%s/v1/net/probes", hub);
    uv_timer_init(loop, &r->timer);
    r->timer.data = r;
    uv_timer_start(&r->timer, on_timer, EVERY_MS, EVERY_MS);
    r->parts = 2;
    return r;
}

static void part_closed(void *arg)
{
    struct probe_report *r = arg;
    if (--r->parts)
        return;
    void (*closed)(void *arg) = r->closed;
    void *closed_arg = r->closed_arg;
    mem_free(r);
    if (closed)
        closed(closed_arg);
}

static void on_timer_closed(uv_handle_t *h)
{
    part_closed(h->data);
}

void probe_report_close(struct probe_report *r, void (*closed)(void *arg), void *arg)
{
    r->closing = true;
    r->closed = closed;
    r->closed_arg = arg;
    uv_close((uv_handle_t *)&r->timer, on_timer_closed);
    http_client_close(r->client, part_closed, r);
}

struct probe_report_stats probe_report_stats(const struct probe_report *r)
{
    return r->stats;
}
