/* Any bytes as a fault: it is refused with a sentence, or it is one that can be begun, and what it
 * is written as is taken again and means the same. */
#include "connect/faults_i.h"
#include "connect/setup.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct center *center;

static void set_up(void)
{
    static struct buf errors;
    struct setup *s = setup_default("us-east-1,us-west-2", &errors);
    BUG_ON(!s);
    center = center_new(&(struct center_options){
        .config = s->config, .account = s->account, .speed = 1, .start = 1783900800000});
}

/* What GET shows has an id and the time that is left instead of for_ms, and nulls. */
static json_t *as_put(const char *text, size_t n)
{
    json_t *o = json_loadb(text, n, 0, NULL), *v;
    void *next;
    const char *key;
    BUG_ON(!o);
    json_object_del(o, "id");
    if (json_is_integer(json_object_get(o, "left_ms")))
        json_object_set(o, "for_ms", json_object_get(o, "left_ms"));
    json_object_del(o, "left_ms");
    json_object_foreach_safe(o, next, key, v) if (json_is_null(v)) json_object_del(o, key);
    return o;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!center)
        set_up();
    json_t *o = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);
    struct fault x, again;
    const char *problem = json_is_object(o) ? fault_parse(o, center, &x) : "no object";
    json_decref(o);
    if (problem) {
        BUG_ON(!*problem);
        return 0;
    }
    BUG_ON(x.kind >= FAULT_KINDS || x.mode >= FAULT_MODES || x.error >= EX_COUNT);
    BUG_ON(!(x.rate >= 0 && x.rate <= 1) || x.delay_ms < 0 || x.until_ms <= 0);
    BUG_ON(!x.streams[0] && !x.streams[1]);
    struct buf text = {0};
    struct jw w;
    jw_begin(&w, &text);
    fault_write(&w, &x, 0);
    jw_done(&w);
    o = as_put(text.data, text.len);
    problem = fault_parse(o, center, &again);
    BUG_ON(problem);
    BUG_ON(again.kind != x.kind || again.region != x.region || again.mode != x.mode ||
           again.error != x.error || again.rate != x.rate || again.until_ms != x.until_ms ||
           again.delay_ms != x.delay_ms || again.skew_ms != x.skew_ms ||
           again.drop_contacts != x.drop_contacts || again.desktops_stay != x.desktops_stay ||
           again.streams[0] != x.streams[0] || again.streams[1] != x.streams[1] ||
           strcmp(again.service, x.service) != 0 || strcmp(again.operation, x.operation) != 0);
    json_decref(o);
    buf_free(&text);
    return 0;
}
