/* Any bytes as a flow's content, run with outcomes that the bytes choose, too: it ends or asks for
 * something, and never does neither for ever. */
#include "connect/flow.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct world {
    uint64_t draw;
    uint32_t asked;
};

static void value(void *arg, const char *path, struct buf *out)
{
    BUG_ON(strncmp(path, "$.", 2) != 0);
    buf_str(out, "v");
}

static void set_attribute(void *arg, const char *name, const char *text)
{
    BUG_ON(!name || !text || strlen(text) > FLOW_VALUE_MAX);
}

static bool is_open(void *arg, const char *hours, const char *queue)
{
    return ((struct world *)arg)->draw & 1;
}

static double chance(void *arg)
{
    struct world *w = arg;
    w->draw = w->draw * 6364136223846793005u + 1442695040888963407u;
    return (double)(w->draw >> 11) * 0x1p-53;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *problem = NULL;
    if (!size)
        return 0;
    struct flow_program *p = flow_parse((const char *)data + 1, size - 1, &problem);
    BUG_ON((p == NULL) != (problem != NULL));
    if (!p)
        return 0;
    static const char *const outcomes[] = {NULL, "NoMatchingError", "CallFailed",
                                           "QueueAtCapacity"};
    struct world here = {.draw = data[0]};
    struct flow_world w = {&here, value, set_attribute, is_open, chance, "us-east-1"};
    struct flow_state s;
    json_t *result = json_pack("{s:s}", "action", "LOCAL");
    flow_begin(&s, p);
    enum flow_effect e = flow_start(&s, &w);
    for (int i = 0; i < 50 && e != FLOW_END && e != FLOW_BROKEN && e != FLOW_DISCONNECT; i++) {
        const char *outcome = outcomes[(data[0] >> (i % 4 * 2)) & 3];
        if (e == FLOW_LAMBDA) {
            BUG_ON(s.limit_ms <= 0 || s.limit_ms > FLOW_LAMBDA_MS_MAX ||
                   !json_is_object(s.parameters));
            if (!outcome && !flow_returned(&s, result))
                outcome = "NoMatchingError";
        }
        if (e == FLOW_QUEUE || e == FLOW_DIAL || e == FLOW_JUMP || e == FLOW_LAMBDA)
            BUG_ON(!s.target.data);
        BUG_ON(e == FLOW_WAIT && s.limit_ms < 0);
        e = flow_go_on(&s, &w, outcome);
    }
    json_decref(result);
    flow_state_free(&s);
    flow_release(p);
    return 0;
}
