/* What flows ask and what EventBridge sends, as whoever has the key can send it: text into the
 * driver of an instance whose API does not answer. */
#include "base/mem.h"

#include <uv.h>

#include "driver/instance/connect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char text[] = "hub: {name: hub, lat: 39, lon: -77}\n"
                           "sites: [{name: east, lat: 38.9, lon: -77.5}]\n"
                           "queues: [{name: support}]\n"
                           "profiles: [{name: general, queues: [support]}]\n"
                           "agents: [{name: ann, site: east, profile: general}]\n";

static td_ms now(void *arg)
{
    (void)arg;
    return 1795341603000;
}

static void moved(void *arg, uint8_t site)
{
    (void)arg, (void)site;
}

static struct connect *driver(void)
{
    static struct connect *c;
    static uv_loop_t loop;
    struct http_client_config h = HTTP_CLIENT_DEFAULTS;
    struct buf errors = {0};
    if (c)
        return c;
    uv_loop_init(&loop);
    struct aws_client_config a = {.endpoint = "http://127.0.0.1:1", .identity = {"k", "s", NULL}};
    struct connect_config g = {
        .config = config_load(text, sizeof text - 1, "f", &errors),
        .aws = aws_client_new(&loop, http_client_new(&loop, &h), &a),
        .region = "us-east-1",
        .instance_id = "I",
        .now = now,
        .pseudonym_key = {1, 2},
        .numbers = {{1, {"+12125550100"}}},
    };
    c = connect_new(&loop, &g, moved, NULL);
    return c;
}

static void answered(void *arg, const char *json, size_t n)
{
    if (n < 20 || json[0] != '{' || json[n - 1] != '}')
        __builtin_trap();
    ++*(int *)arg;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct connect *c = driver();
    struct instance *i = connect_instance(c);
    struct instance_event e;
    int answers = 0;
    uint64_t ask = connect_ask(c, (const char *)data, size, answered, &answers);
    if ((ask == 0) != (answers == 1))
        __builtin_trap(); /* answered at once, or open */
    if (ask)
        connect_ask_cancel(c, ask);
    (void)connect_contact_event(c, (const char *)data, size);
    while (i->ops->next(i, &e))
        if (e.type == INST_CONTACT && e.contact.queue >= 1)
            __builtin_trap();
    i->ops->ack(i);
    return 0;
}
