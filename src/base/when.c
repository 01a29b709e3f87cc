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

bool when_from_civil(const struct when_civil *c, int64_t *epoch_ms)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = c->year % 4 == 0 && (c->year % 100 != 0 || c->year % 400 == 0);
    if (c->year < 1970 || c->year > 9999 || c->month < 1 || c->month > 12 || c->day < 1 ||
        c->day > lengths[c->month - 1] + (leap && c->month == 2) || c->hour < 0 || c->hour > 23 ||
        c->minute < 0 || c->minute > 59 || c->second < 0 || c->second > 60)
        return false;
    int64_t y = c->year - (c->month <= 2), era = y / 400, yoe = y % 400;
    int64_t doy = (153 * (c->month + (c->month > 2 ? -3 : 9)) + 2) / 5 + c->day - 1;
    int64_t days = era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
    *epoch_ms = ((days * 24 + c->hour) * 60 + c->minute) * 60000 + (int64_t)c->second * 1000;
    return true;
}

/* n digits at p as a number; false when one is none. */
static bool number(const char *p, int n, int *v)
{
    *v = 0;
    for (int i = 0; i < n; i++) {
        if (p[i] < '0' || p[i] > '9')
            return false;
        *v = *v * 10 + (p[i] - '0');
    }
    return true;
}

/* The zone after date and time, in minutes east of UTC. */
static bool zone(const char *p, size_t n, int *minutes)
{
    int h, m;
    *minutes = 0;
    if (n == 1 && (*p == 'Z' || *p == 'z'))
        return true;
    if (n != 6 || (*p != '+' && *p != '-') || p[3] != ':' || !number(p + 1, 2, &h) ||
        !number(p + 4, 2, &m) || h > 23 || m > 59)
        return false;
    *minutes = (h * 60 + m) * (*p == '-' ? -1 : 1);
    return true;
}

bool when_parse(const char *text, size_t n, int64_t *epoch_ms)
{
    struct when_civil c;
    int64_t ms;
    int minutes, part = 0, scale = 100;
    size_t at = 19;
    if (n < 20 || text[4] != '-' || text[7] != '-' || (text[10] != 'T' && text[10] != 't') ||
        text[13] != ':' || text[16] != ':' || !number(text, 4, &c.year) ||
        !number(text + 5, 2, &c.month) || !number(text + 8, 2, &c.day) ||
        !number(text + 11, 2, &c.hour) || !number(text + 14, 2, &c.minute) ||
        !number(text + 17, 2, &c.second) || !when_from_civil(&c, &ms))
        return false;
    if (text[at] == '.') {
        for (at++; at < n && text[at] >= '0' && text[at] <= '9'; at++, scale /= 10)
            part += (text[at] - '0') * scale;
        if (at == 20)
            return false;
    }
    if (!zone(text + at, n - at, &minutes))
        return false;
    *epoch_ms = ms + part - (int64_t)minutes * 60000;
    return true;
}

bool when_parse_http(const char *text, size_t n, int64_t *epoch_ms)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct when_civil c = {0};
    if (n != 29 || memcmp(text + 3, ", ", 2) != 0 || memcmp(text + 25, " GMT", 4) != 0 ||
        text[7] != ' ' || text[11] != ' ' || text[16] != ' ' || text[19] != ':' ||
        text[22] != ':' || !number(text + 5, 2, &c.day) || !number(text + 12, 4, &c.year) ||
        !number(text + 17, 2, &c.hour) || !number(text + 20, 2, &c.minute) ||
        !number(text + 23, 2, &c.second))
        return false;
    for (int i = 0; i < 12; i++)
        if (memcmp(text + 8, months + 3 * i, 3) == 0)
            c.month = i + 1;
    return when_from_civil(&c, epoch_ms);
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
