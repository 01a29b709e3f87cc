#include "base/when.h"

#include <stdlib.h>
#include <string.h>

static void digits(char *to, int64_t v, int n)
{
    while (n-- > 0) {
        to[n] = (char)('0' + v % 10);
        v /= 10;
    }
}

void when_print(int64_t epoch_ms, char out[WHEN_TEXT])
{
    const int64_t last = 253402300799999; /* 9999-12-31T23:59:59.999Z */
    int64_t ms = MIN(MAX(epoch_ms, 0), last);
    int64_t days = ms / 86400000, of_day = ms % 86400000;
    int64_t z = days + 719468, era = z / 146097, doe = z % 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
    int64_t month = mp < 10 ? mp + 3 : mp - 9;
    memcpy(out, "0000-00-00T00:00:00.000Z", WHEN_TEXT);
    digits(out, yoe + era * 400 + (month <= 2), 4);
    digits(out + 5, month, 2);
    digits(out + 8, doy - (153 * mp + 2) / 5 + 1, 2);
    digits(out + 11, of_day / 3600000, 2);
    digits(out + 14, of_day / 60000 % 60, 2);
    digits(out + 17, of_day / 1000 % 60, 2);
    digits(out + 20, of_day % 1000, 3);
}

bool when_parse_span(const char *text, int64_t *ms)
{
    static const struct {
        const char *unit;
        double ms;
    } units[] = {{"ms", 1}, {"s", 1e3}, {"m", 6e4}, {"h", 3.6e6}};
    size_t n = strspn(text, "0123456789");
    size_t all = n;
    if (n && text[n] == '.')
        all = n + 1 + strspn(text + n + 1, "0123456789");
    if (!n || all == n + 1 || all > 15)
        return false;
    for (size_t i = 0; i < COUNTOF(units); i++) {
        if (strcmp(text + all, units[i].unit) != 0)
            continue;
        double v = strtod(text, NULL) * units[i].ms + 0.5;
        if (v > 1e12)
            return false;
        *ms = (int64_t)v;
        return true;
    }
    return false;
}
