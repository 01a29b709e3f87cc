/* mirror_plan: names for ids and back, and what is to be done so that one instance is as another.
 */
#include "amazon/mirror_plan.h"
#include "tap.h"

#include <jansson.h>

#define ARN(region, i) "arn:aws:connect:" region ":1:instance/" i

static struct mirror_inventory inventory(const char *region, const char *instance)
{
    struct mirror_inventory v = {0};
    (void)str_copy(v.region, sizeof v.region, region);
    (void)str_copy(v.instance, sizeof v.instance, instance);
    return v;
}

static struct mirror_item *add(struct mirror_inventory *v, enum mirror_kind kind, const char *name,
                               const char *id)
{
    char arn[MIRROR_ARN_MAX];
    (void)snprintf(arn, sizeof arn, "arn:aws:connect:%s:1:instance/%s/%s/%s", v->region,
                   v->instance, mirror_kind_names[kind], id);
    struct mirror_item *i = mirror_add(v, kind, name, id, arn);
    CHECK(i != NULL);
    return i;
}

TEST(names_for_ids_and_back)
{
    struct mirror_inventory a = inventory("us-east-1", "I1"), b = inventory("eu-west-2", "I2");
    struct buf names = {0}, ids = {0};
    char missing[MIRROR_NAME_MAX] = "";
    add(&a, MIRROR_QUEUE, "Sales", "q-1");
    add(&a, MIRROR_FLOW, "Entry flow", "f-1");
    add(&b, MIRROR_QUEUE, "Sales", "q-2");
    mirror_to_names(
        &a, ARN("us-east-1", "I1") "/queue/q-1 q-1 f-1 arn:aws:lambda:us-east-1:1:function:x",
        &names);
    CHECK_STR(names.data, "${queue-arn:Sales} ${queue:Sales} ${flow:Entry flow} "
                          "arn:aws:lambda:${region}:1:function:x");
    CHECK(!mirror_to_ids(&b, names.data, &ids, missing));
    CHECK_STR(missing, "flow:Entry flow");
    add(&b, MIRROR_FLOW, "Entry flow", "f-2");
    buf_reset(&ids);
    CHECK(mirror_to_ids(&b, names.data, &ids, missing));
    CHECK_STR(ids.data,
              ARN("eu-west-2", "I2") "/queue/q-2 q-2 f-2 arn:aws:lambda:eu-west-2:1:function:x");
    buf_free(&names);
    buf_free(&ids);
    mirror_free(&a);
    mirror_free(&b);
}

/* Text of any pieces comes back as it was, in the inventory that it is of. */
PROP(there_and_back, 500)
{
    static const char *const pieces[] = {
        "id-one", "id-two",          ARN("r1", "I") "/queue/id-one", "r1", "$", "{", "\"", "x",
        "id-o",   "$.External.queue"};
    struct mirror_inventory v = inventory("r1", "I");
    struct buf text = {0}, names = {0}, back = {0};
    char missing[MIRROR_NAME_MAX];
    add(&v, MIRROR_QUEUE, "one", "id-one");
    add(&v, MIRROR_PROFILE, "two, of them", "id-two");
    for (uint64_t n = rng_below(rng, 12); n; n--)
        buf_str(&text, pieces[rng_below(rng, COUNTOF(pieces))]);
    if (!text.len || strstr(text.data, "${"))
        buf_reset(&text); /* a text that holds such a mark already is not told from one of ours */
    buf_str(&text, "");
    mirror_to_names(&v, text.data, &names);
    CHECK(mirror_to_ids(&v, names.data, &back, missing));
    CHECK_STR(back.data, text.data);
    buf_free(&text);
    buf_free(&names);
    buf_free(&back);
    mirror_free(&v);
}

static void take(const struct mirror_inventory *v, struct mirror_item *i, const char *said)
{
    json_t *o = json_loads(said, 0, NULL);
    CHECK(o && mirror_take(v, i, o, NULL));
    json_decref(o);
}

TEST(a_plan_in_an_order_that_works)
{
    struct mirror_inventory a = inventory("us-east-1", "I1"), b = inventory("eu-west-2", "I2");
    struct mirror_plan p;
    take(&a, add(&a, MIRROR_FLOW, "In", "f-1"),
         "{\"Type\":\"CONTACT_FLOW\",\"Content\":\"{\\\"a\\\":\\\"q-1\\\"}\"}");
    struct mirror_item *hours = add(&a, MIRROR_HOURS, "Day", "h-1");
    take(&a, add(&a, MIRROR_QUEUE, "Sales", "q-1"), "{\"HoursOfOperationId\":\"h-1\"}");
    take(&a, add(&a, MIRROR_QUEUE, "Lost", "q-3"), "{\"HoursOfOperationId\":\"h-9\"}");
    take(&a, hours,
         "{\"TimeZone\":\"UTC\",\"Config\":[{\"Day\":\"MONDAY\"},{\"Day\":\"FRIDAY\"}]}");
    take(&a, add(&a, MIRROR_FLOW, "Odd", "f-3"),
         "{\"Type\":\"CONTACT_FLOW\",\"Content\":\"{\\\"a\\\":\\\"" ARN("us-east-1",
                                                                        "I1") "/prompt/p\\\"}\"}");
    take(&b, add(&b, MIRROR_HOURS, "Day", "h-2"),
         "{\"Config\":[{\"Day\":\"FRIDAY\"},{\"Day\":\"MONDAY\"}],\"TimeZone\":\"UTC\"}");
    take(&b, add(&b, MIRROR_QUEUE, "Mine", "q-2"), "{\"HoursOfOperationId\":\"h-2\"}");
    mirror_plan_make(&a, &b, &p);
    static const struct {
        enum mirror_step_type type;
        const char *name;
    } want[] = {{MIRROR_CREATE, "Sales"},
                {MIRROR_FOREIGN, "Lost"},
                {MIRROR_ONLY_THERE, "Mine"},
                {MIRROR_CREATE, "In"},
                {MIRROR_FOREIGN, "Odd"}};
    CHECK_EQ(p.n, COUNTOF(want));
    for (uint32_t i = 0; i < p.n && i < COUNTOF(want); i++) {
        const struct mirror_item *t = p.step[i].from ? p.step[i].from : p.step[i].to;
        CHECK_EQ(p.step[i].type, want[i].type);
        CHECK_STR(t->name, want[i].name);
    }
    CHECK_STR(p.step[1].from->foreign, "Hours h-9"); /* not among the instance's */
    CHECK_STR(p.step[4].from->foreign, "/prompt/p");
    mirror_plan_free(&p);
    mirror_free(&a);
    mirror_free(&b);
}

TEST(what_cannot_be_taken)
{
    struct mirror_inventory v = inventory("r", "I");
    struct mirror_item *i = add(&v, MIRROR_FLOW, "In", "f-1");
    json_t *o = json_loads("{\"Content\":\"no JSON\"}", 0, NULL), *list = json_array();
    CHECK(mirror_take(&v, i, o, NULL));
    CHECK(i->foreign[0] != '\0'); /* nothing that would be copied */
    CHECK(!mirror_take(&v, i, list, NULL));
    CHECK(!mirror_take(&v, i, NULL, NULL));
    CHECK(mirror_add(&v, MIRROR_FLOW, "", "x", "y") == NULL);
    json_decref(o);
    json_decref(list);
    mirror_free(&v);
}

TAP_MAIN
