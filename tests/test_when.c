/* Moments as text, and lengths of time read. */
#include "base/when.h"

#include <time.h>

#include "tap.h"

TEST(known_moments)
{
    static const struct {
        int64_t ms;
        const char *text;
    } rows[] = {
        {0, "1970-01-01T00:00:00.000Z"},
        {-5, "1970-01-01T00:00:00.000Z"},
        {951782400000, "2000-02-29T00:00:00.000Z"},
        {951868799999, "2000-02-29T23:59:59.999Z"},
        {1625491800000, "2021-07-05T13:30:00.000Z"},
        {4107542400000, "2100-03-01T00:00:00.000Z"}, /* 2100 is no leap year */
        {253402300799999, "9999-12-31T23:59:59.999Z"},
        {INT64_MAX, "9999-12-31T23:59:59.999Z"},
    };
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        char text[WHEN_TEXT];
        when_print(rows[i].ms, text);
        CHECK_STR(text, rows[i].text);
    }
}

PROP(agrees_with_gmtime, 2000)
{
    int64_t ms = (int64_t)rng_below(rng, 253402300800000);
    time_t s = (time_t)(ms / 1000);
    struct tm tm;
    char want[40], got[WHEN_TEXT];
    gmtime_r(&s, &tm);
    size_t n = strftime(want, sizeof want, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(want + n, sizeof want - n, ".%03dZ", (int)(ms % 1000));
    when_print(ms, got);
    CHECK_STR(got, want);
}

TEST(spans)
{
    static const struct {
        const char *text;
        int64_t ms;
    } good[] = {{"90s", 90000}, {"30m", 1800000},  {"2h", 7200000}, {"500ms", 500},
                {"0s", 0},      {"1.5h", 5400000}, {"0.25s", 250},  {"007m", 420000}};
    static const char *const bad[] = {
        "",    "s",   "5",   "5 s",  " 5s",  "5s ",           "-5s",    "5d",
        "5.s", ".5s", "5sm", "1e3s", "0x5s", "999999999999h", "1.2.3s", "12345678901234567890s"};
    for (size_t i = 0; i < COUNTOF(good); i++) {
        int64_t ms = -1;
        CHECK(when_parse_span(good[i].text, &ms));
        CHECK_EQ(ms, good[i].ms);
    }
    for (size_t i = 0; i < COUNTOF(bad); i++) {
        int64_t ms = -77;
        if (when_parse_span(bad[i], &ms))
            TAP_FAIL("\"%s\" was taken", bad[i]);
        CHECK_EQ(ms, -77);
    }
}

TAP_MAIN
