/* The HTTPS probe: a whole request on a connection of its own, by http/client.h. What is measured
 * is the time to the last byte. One request at a time; while it is not answered, those due are
 * failed without being sent, so that a server in trouble is not given more of it. */
#include "driver/probe/probe_i.h"

#include "http/client.h"

#include <stdio.h>
#include <string.h>

enum { HTTPS_PORT = 443, REPLY_MAX = 256 << 10 };

struct https {
    struct session *session;
    struct http_call *call; /* NULL: none is under way */
    uint32_t seq;
    struct probe_time sent;
    char connect_to[IP_TEXT_MAX + 10];
};

static void done(void *arg, const struct http_result *r)
{
    struct https *h = arg;
    struct session *s = h->session;
    const struct probe_target *t = &s->target;
    int least = t->status_min ? t->status_min : 200, most = t->status_max ? t->status_max : 399;
    int64_t t1 = h->sent.wall_ns;
    h->call = NULL;
    if (r->error == HTTP_CLIENT_OK && r->status >= least && r->status <= most)
        session_answer(s, &(struct path_answer){
                              .seq = h->seq, .t1_ns = t1, .t4_ns = t1 + r->timing.total_us * 1000});
    else
        session_failed(s, h->seq);
}

static bool https_open(struct session *s, char *why, size_t cap)
{
    struct prober *p = s->prober;
    const struct probe_target *t = &s->target;
    if (!t->url) {
        snprintf(why, cap, "an HTTPS path needs a URL");
        return false;
    }
    if (t->source.family || t->source_port) {
        snprintf(why, cap, "an HTTPS path cannot choose where it comes from");
        return false;
    }
    if (!p->https) {
        struct http_client_config c = HTTP_CLIENT_DEFAULTS;
        c.reply_max = REPLY_MAX;
        c.ca_file = p->config.ca_file;
        p->https = http_client_new(p->loop, &c);
        p->handles++;
    }
    struct https *h = s->own = mem_new(1, sizeof *h);
    h->session = s;
    if (t->address.family) {
        char text[IP_TEXT_MAX];
        ip_text(&t->address, text);
        snprintf(h->connect_to, sizeof h->connect_to,
                 t->address.family == IPV6 ? "[%s]:%u" : "%s:%u", text,
                 t->port ? t->port : HTTPS_PORT);
    }
    session_opened(s);
    return true;
}

static void https_send(struct session *s, uint32_t seq, struct probe_time now)
{
    struct https *h = s->own;
    uint32_t longest = s->target.path.timeout_max_ms ? s->target.path.timeout_max_ms : 1000;
    if (h->call) {
        session_failed(s, seq);
        return;
    }
    h->seq = seq;
    h->sent = now;
    h->call = http_client_start(s->prober->https,
                                &(struct http_call_spec){
                                    .method = HTTP_METHOD_GET,
                                    .url = s->target.url,
                                    .connect_timeout_ms = longest,
                                    .total_timeout_ms = longest,
                                    .fresh = true,
                                    .connect_to = *h->connect_to ? h->connect_to : NULL,
                                },
                                done, h);
}

static void https_close(struct session *s)
{
    struct https *h = s->own;
    if (h->call)
        http_call_cancel(h->call);
    mem_free(h);
    session_closed(s);
}

const struct means means_https = {https_open, https_send, NULL, https_close};
