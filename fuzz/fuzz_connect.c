/* fuzz_connect.c - whatever somebody with a key may ask of connectsim: a method, a path, a query
 * and a body, one after the other, in one centre with contacts and agents.
 *
 * The input is requests with a NUL byte after each: "METHOD PATH?QUERY\nBODY". In path and body
 * "@I" stands for the instance's id and "@Q", "@U", "@F", "@R", "@T", "@N", "@C" for the id of the
 * first queue, user, flow, routing profile, group, number and live contact, so that the fuzzer
 * comes past what is not found. Every good reply must be JSON, and the engines' own invariants
 * hold. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "connect/front.h"
#include "connect/setup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int64_t no_time(void)
{
    return 1800000000000;
}

static void first_id(const struct instance *i, char what, char out[ID_TEXT])
{
    static const struct {
        char what;
        enum res_kind kind;
    } kinds[] = {{'Q', RES_QUEUE},   {'U', RES_USER},  {'F', RES_FLOW},
                 {'R', RES_PROFILE}, {'T', RES_TDG},   {'N', RES_NUMBER},
                 {'S', RES_STATUS},  {'H', RES_HOURS}, {'K', RES_QUICK_CONNECT}};
    const struct contact *k = TAILQ_FIRST(&i->live);
    id_print(i->mirror->id, out);
    if (what == 'C' && k)
        id_print(k->id, out);
    for (size_t n = 0; n < COUNTOF(kinds); n++)
        if (kinds[n].what == what && i->mirror->list[kinds[n].kind].n)
            id_print(i->mirror->list[kinds[n].kind].item[0]->id, out);
}

static void expand(const struct instance *i, const uint8_t *p, size_t n, struct buf *out)
{
    for (size_t at = 0; at < n && out->len < 65536; at++) {
        char id[ID_TEXT];
        if (p[at] != '@' || at + 1 == n) {
            buf_char(out, (char)p[at]);
            continue;
        }
        first_id(i, (char)p[++at], id);
        buf_str(out, id);
    }
}

static void ask(struct front *f, struct center *c, const struct center_key *key, uint32_t region,
                const struct buf *text)
{
    struct call call = {.front = f,
                        .center = c,
                        .service = "connect",
                        .region = center_region(c, region),
                        .key = key,
                        .account = key->account};
    struct front_message m = {.body = {"", 0}};
    const char *p = text->data, *end = p + text->len;
    const char *line = memchr(p, '\n', text->len), *space = memchr(p, ' ', text->len);
    if (!space || (line && line < space))
        return;
    const char *stop = line ? line : end;
    for (int k = 0; k < HTTP_METHODS; k++)
        if (strlen(http_method_names[k]) == (size_t)(space - p) &&
            memcmp(http_method_names[k], p, (size_t)(space - p)) == 0)
            m.method = (enum http_method)k;
    const char *query = memchr(space, '?', (size_t)(stop - space));
    m.path = (struct http_span){space + 1, (size_t)((query ? query : stop) - space - 1)};
    if (query)
        m.query = (struct http_span){query + 1, (size_t)(stop - query - 1)};
    if (line)
        m.body = (struct http_span){line + 1, (size_t)(end - line - 1)};
    front_answer(&call, &m);
    if (!call.status) {
        json_t *reply = json_loadb(call.out->data, call.out->len, JSON_REJECT_DUPLICATES, NULL);
        if (!reply)
            abort();
        json_decref(reply);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct setup *setup;
    struct buf text = {0};
    if (size > 8192)
        return 0;
    if (!setup)
        setup = setup_default("us-east-1,us-west-2", &text);
    struct center *c = center_new(&(struct center_options){.config = setup->config,
                                                           .pairs = true,
                                                           .account = setup->account,
                                                           .seed = 1,
                                                           .start = no_time(),
                                                           .history_max = 3,
                                                           .arrivals = true});
    setup_add_keys(setup, c);
    struct front *f =
        front_new(&(struct front_options){.center = c, .wall_ms = no_time, .steady_ms = no_time});
    center_skip(c, 200000);
    for (size_t at = 0, turn = 0; at < size && turn < 16; turn++) {
        const uint8_t *nul = memchr(data + at, 0, size - at);
        size_t n = nul ? (size_t)(nul - data) - at : size - at;
        buf_reset(&text);
        expand(center_region(c, 0)->instance[0], data + at, n, &text);
        if (text.len)
            ask(f, c, center_key(c, "test"), turn % 5 == 4, &text);
        center_skip(c, turn % 3 == 2 ? 30000 : 500);
        at += n + 1;
    }
    for (uint32_t m = 0; m < center_n_mirrors(c); m++)
        for (uint8_t s = 0; s < center_mirror(c, m)->n_sides; s++)
            engine_check(center_mirror(c, m)->side[s]->engine);
    front_free(f);
    center_free(c);
    buf_free(&text);
    return 0;
}
