/* Amazon Connect's requests by their model, and token buckets. What is expected was read in AWS's
 * model by hand. */
#include "connect/api.h"
#include "connect/throttle.h"
#include "tap.h"

static const struct api_operation *find(enum http_method m, const char *path, struct api_labels *l)
{
    return api_find(m, HTTP_SPAN(path), l);
}

TEST(paths_lead_to_operations)
{
    struct api_labels l;
    const struct api_operation *op = find(HTTP_METHOD_GET, "/instance", &l);
    CHECK_STR(op ? op->name : "", "ListInstances");
    op = find(HTTP_METHOD_GET, "/instance/abc", &l);
    CHECK_STR(op ? op->name : "", "DescribeInstance");
    CHECK_EQ(l.n, 1);
    CHECK_STR(l.value[0], "abc");
    op = find(HTTP_METHOD_GET, "/instance/arn%3Aaws%3Aconnect%3Aus-east-1%3A1%3Ainstance%2Fx", &l);
    CHECK_STR(op ? op->name : "", "DescribeInstance");
    CHECK_STR(l.value[0], "arn:aws:connect:us-east-1:1:instance/x");
    CHECK(!find(HTTP_METHOD_GET, "/instance/", &l));
    CHECK(!find(HTTP_METHOD_GET, "/instance/%zz", &l));
    CHECK(!find(HTTP_METHOD_GET, "/instance/a%0ab", &l));
    CHECK(!find(HTTP_METHOD_GET, "/nothing", &l));
    CHECK(!find(HTTP_METHOD_PATCH, "/instance", &l));
    CHECK(!find(HTTP_METHOD_GET, "", &l));
}

static json_t *bind(const char *path, const char *query, const char *body, enum api_error *e,
                    char why[300])
{
    struct api_labels l;
    const struct api_operation *op = find(HTTP_METHOD_GET, path, &l);
    return op ? api_bind(op, &l, HTTP_SPAN(query), HTTP_SPAN(body), e, why, 300) : NULL;
}

TEST(members_come_from_path_and_query)
{
    enum api_error e = EX_COUNT;
    char why[300] = "";
    json_t *in = bind("/instance", "nextToken=a%20b+c&maxResults=7&other=1", "", &e, why);
    CHECK_STR(json_string_value(json_object_get(in, "NextToken")), "a b c");
    CHECK_EQ(json_integer_value(json_object_get(in, "MaxResults")), 7);
    CHECK_EQ(json_object_size(in), 2);
    json_decref(in);
    CHECK(!bind("/instance", "maxResults=1001", "", &e, why));
    CHECK_EQ(e, EX_InvalidRequestException);
    CHECK_STR(why, "MaxResults: must be at most 10");
    CHECK(!bind("/instance", "maxResults=x", "", &e, why));
    CHECK(!bind("/instance", "", "[]", &e, why));
    CHECK_EQ(e, EX_SerializationException);
    CHECK(!bind("/instance", "", "{\"a\":1,\"a\":2}", &e, why));
}

TEST(a_bucket_gives_its_burst_and_then_its_rate)
{
    struct throttle t = {0};
    int taken = 0;
    for (int i = 0; i < 9; i++)
        taken += throttle_take(&t, 1, 2, 5, 1000);
    CHECK_EQ(taken, 5);
    CHECK(throttle_take(&t, 2, 2, 5, 1000)); /* another one's */
    CHECK(!throttle_take(&t, 1, 2, 5, 1499));
    CHECK(throttle_take(&t, 1, 2, 5, 1500));
    CHECK(!throttle_take(&t, 1, 2, 5, 900)); /* a clock that goes back */
    throttle_free(&t);
}

/* In any interval a bucket lets through at most burst + rate x length. */
PROP(a_bucket_never_gives_more, 200)
{
    struct throttle t = {0};
    int64_t now = 0, at[400];
    double rate = 1 + (double)rng_below(rng, 20), burst = 1 + (double)rng_below(rng, 10);
    uint32_t n = 0;
    for (int i = 0; i < 400; i++) {
        now += (int64_t)rng_below(rng, 200);
        if (throttle_take(&t, 7, rate, burst, now))
            at[n++] = now;
    }
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t j = i; j < n; j++)
            CHECK((double)(j - i + 1) <= burst + rate * (double)(at[j] - at[i]) / 1000 + 1e-6);
    throttle_free(&t);
}

TAP_MAIN
