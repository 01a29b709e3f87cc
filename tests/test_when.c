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

TEST(moments_read)
{
    static const struct {
        const char *text;
        int64_t ms;
    } good[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2021-07-05T13:30:00.000Z", 1625491800000},
        {"2021-07-05t13:30:00.5z", 1625491800500},
        {"2021-07-05T13:30:00.123456789Z", 1625491800123},
        {"2021-07-05T15:30:00+02:00", 1625491800000},
        {"2021-07-05T08:00:00.250-05:30", 1625491800250},
        {"2024-02-29T23:59:60Z", 1709251200000}, /* a leap second is the second after */
    };
    static const char *const bad[] = {
        "",
        "2021-07-05",
        "2021-07-05T13:30:00",
        "2021-07-05 13:30:00Z",
        "2021-02-29T00:00:00Z",
        "1900-01-01T00:00:00Z",
        "2021-07-05T24:00:00Z",
        "2021-07-05T13:30:00.Z",
        "2021-07-05T13:30:00Zx",
        "2021-07-05T13:30:00+2:00",
        "2021-07-05T13:30:00+02:00x",
        "2021-7-05T13:30:00.0Z",
    };
    for (size_t i = 0; i < COUNTOF(good); i++) {
        int64_t ms = -1;
        CHECK(when_parse(good[i].text, strlen(good[i].text), &ms));
        CHECK_EQ(ms, good[i].ms);
    }
    for (size_t i = 0; i < COUNTOF(bad); i++) {
        int64_t ms = -77;
        if (when_parse(bad[i], strlen(bad[i]), &ms))
            TAP_FAIL("\"%s\" was taken", bad[i]);
        CHECK_EQ(ms, -77);
    }
}

PROP(what_is_printed_is_read, 2000)
{
    int64_t ms = (int64_t)rng_below(rng, 253402300800000), back, http;
    time_t s = (time_t)(ms / 1000);
    struct tm tm;
    char text[WHEN_TEXT], date[40];
    when_print(ms, text);
    CHECK(when_parse(text, strlen(text), &back));
    CHECK_EQ(back, ms);
    gmtime_r(&s, &tm);
    size_t n = strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", &tm);
    CHECK(when_parse_http(date, n, &http));
    CHECK_EQ(http, ms / 1000 * 1000);
    CHECK(!when_parse_http(date, n - 1, &http));
    date[0] = '\0';
    date[rng_below(rng, 2) ? 9 : 19] = '?';
    CHECK(!when_parse_http(date, n, &http));
}

TAP_MAIN
