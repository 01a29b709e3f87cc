/* Any bytes as what a client sends: the guard and llhttp, and what is done with a request once it
 * is read. The first byte chooses where the bytes are cut.
 *
 * Whatever it is: how it is cut does not matter; a request that is accepted has one Host, one
 * framing, no control characters in it, and ends where its framing says; buffers stay bounded. */
#include "http/http_i.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct http_limits limits = {.head_max = 1024, .target_max = 200, .body_max = 300};

struct outcome {
    uint32_t messages;
    int status;
    size_t used;
    uint64_t sum; /* of all that was read from the messages */
};

static void mix(struct outcome *o, const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        o->sum = (o->sum ^ (unsigned char)p[i]) * 0x100000001b3u;
    o->sum = (o->sum ^ 0xff) * 0x100000001b3u + n;
}

static bool sound_text(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (((unsigned char)p[i] < 0x20 && p[i] != '\t') || p[i] == 0x7f)
            return false;
    return true;
}

static void check_fields(struct outcome *o, const struct http_head *h, const char *m)
{
    uint32_t hosts = 0, lengths = 0, codings = 0;
    BUG_ON(h->n_fields > HTTP_FIELDS_MAX || h->len > limits.head_max);
    BUG_ON(memcmp(m + h->len - 4, "\r\n\r\n", 4) != 0);
    for (uint32_t i = 0; i < h->n_fields; i++) {
        const struct http_field *f = &h->fields[i];
        struct http_span name = {m + f->name, f->name_len};
        BUG_ON(!f->name_len || f->name < h->start || f->value + f->value_len > h->len);
        BUG_ON(m[f->name + f->name_len] != ':' || m[f->name - 1] != '\n');
        BUG_ON(!sound_text(m + f->name, f->name_len) || !sound_text(m + f->value, f->value_len));
        hosts += http_span_is_nocase(name, "host");
        lengths += http_span_is_nocase(name, "content-length");
        codings += http_span_is_nocase(name, "transfer-encoding");
        mix(o, m + f->name, f->name_len);
        mix(o, m + f->value, f->value_len);
    }
    BUG_ON(hosts != 1 || lengths + codings > 1);
    BUG_ON((lengths > 0) != h->has_length || (codings > 0) != h->chunked);
}

static void check_target(struct outcome *o, const struct http_head *h, const char *m)
{
    struct http_path path;
    char value[16];
    struct http_span p = {m + h->path, h->path_len}, q = {m + h->query, h->query_len};
    BUG_ON(!sound_text(p.p, p.n) || !sound_text(q.p, q.n) || p.n + q.n > limits.target_max);
    if (http_path_split(p, &path)) {
        for (uint32_t i = 0; i < path.n; i++) {
            const char *s = path.segment[i];
            BUG_ON(!*s || strchr(s, '/') || !strcmp(s, ".") || !strcmp(s, ".."));
            mix(o, s, strlen(s));
        }
    }
    if (http_query_get(q, "a", value, sizeof value) == HTTP_PARAM_OK)
        BUG_ON(!sound_text(value, strlen(value)));
}

/* What the connection asks of the request, with a connection that has no socket. */
static void check_use(struct outcome *o, struct http_conn *c, const char *m)
{
    const char *why = NULL;
    c->in = (char *)(uintptr_t)m;
    int status = policy_check(c, &why);
    BUG_ON((status != 0) != (why != NULL));
    bool answers[] = {status == 0, http_if_none_match(&c->rq, "\"v\""),
                      http_if_match(&c->rq, "\"v\"") == HTTP_MATCH_YES,
                      http_accepts_coding(&c->rq, "gzip")};
    mix(o, (const char *)answers, sizeof answers);
}

static void check_message(struct outcome *o, struct http_conn *c, const char *m, size_t n)
{
    const struct http_parser *p = &c->parser;
    const struct http_head *h = &p->head;
    BUG_ON(p->pos > n || p->body_len > limits.body_max || p->body_at != h->len);
    BUG_ON(p->body_at + p->body_len > p->pos);
    if (!h->chunked)
        BUG_ON(p->body_len != h->body_len || p->pos != h->len + h->body_len);
    else
        BUG_ON(m[p->pos - 1] != '\n' || p->pos < h->len + p->body_len + 5);
    BUG_ON(h->minor > 1 || (h->chunked && !h->minor));
    check_fields(o, h, m);
    check_target(o, h, m);
    check_use(o, c, m);
    mix(o, m + p->body_at, p->body_len);
    mix(o, (const char *)&p->keep_alive, sizeof p->keep_alive);
    mix(o, (const char *)&h->method, sizeof h->method);
}

/* cut 0: all bytes at once; else pieces of 1 to cut bytes. */
static struct outcome run(struct http_conn *c, const uint8_t *data, size_t size, unsigned cut)
{
    struct outcome o = {0};
    char *in = mem_new(size + 1, 1);
    size_t start = 0, end = 0;
    uint32_t turn = cut;
    http_parser_init(&c->parser, &limits);
    while (end < size && !o.status) {
        turn = turn * 1103515245u + 12345u;
        size_t piece = cut ? 1 + (turn >> 16) % cut : size;
        piece = MIN(piece, size - end);
        memcpy(in + end, data + end, piece);
        end += piece;
        for (bool more = true; more && start < end;) {
            enum http_step s = http_parse(&c->parser, in + start, end - start);
            BUG_ON(s == HTTP_STEP_MORE && end - start >= http_message_max(&limits));
            more = s == HTTP_STEP_HEAD || s == HTTP_STEP_DONE;
            if (s == HTTP_STEP_REFUSED) {
                BUG_ON(c->parser.status < 400 || c->parser.status > 599 || !c->parser.why);
                o.status = c->parser.status;
            }
            if (s != HTTP_STEP_DONE)
                continue;
            check_message(&o, c, in + start, end - start);
            o.messages++;
            start += c->parser.pos;
            o.used = start;
            http_parser_reset(&c->parser);
        }
    }
    mem_free(in);
    return o;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size)
        return 0;
    struct http_conn *c = mem_new(1, sizeof *c);
    struct http_server *s = mem_new(1, sizeof *s);
    c->server = s;
    str_copy(s->names[s->n_names++], HTTP_HOST_MAX, "a");
    str_copy(s->types[s->n_types++], sizeof s->types[0], "application/json");
    s->any_address = data[0] & 1;
    struct outcome whole = run(c, data + 1, size - 1, 0);
    unsigned cuts[] = {1, 2 + data[0] % 60u};
    for (size_t i = 0; i < COUNTOF(cuts); i++) {
        struct outcome cut = run(c, data + 1, size - 1, cuts[i]);
        BUG_ON(cut.messages != whole.messages || cut.status != whole.status);
        BUG_ON(cut.used != whole.used || cut.sum != whole.sum);
    }
    mem_free(s);
    mem_free(c);
    return 0;
}
