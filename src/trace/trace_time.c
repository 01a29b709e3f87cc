#include "trace/trace_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LATEST_S 7258118400 /* 2200-01-01 */

/* Monday 1970-01-05: the day of times without a date, so that weekly hours mean a weekday. */
#define BASE_DAY_S (4 * 86400)

bool number_parse(const char *text, double *out)
{
    while (*text == ' ')
        text++;
    size_t n = strspn(text, "0123456789+-.eE"); /* not hexadecimal, infinity or NaN */
    if (n == 0 || text[n + strspn(text + n, " ")])
        return false;
    char *end;
    double v = strtod(text, &end);
    if (end != text + n || !isfinite(v))
        return false;
    *out = v;
    return true;
}

/* `n` digits, no sign and no space, forward. */
static bool digits(const char **p, int n, int *out)
{
    int v = 0;
    for (int i = 0; i < n; i++, ++*p) {
        if (**p < '0' || **p > '9')
            return false;
        v = v * 10 + (**p - '0');
    }
    *out = v;
    return true;
}

static bool one(const char **p, const char *of)
{
    if (!**p || !strchr(of, **p))
        return false;
    ++*p;
    return true;
}

/* ".5" -> 500; more than three digits are cut. Nothing there is 0. */
static bool fraction_ms(const char **p, int *ms)
{
    *ms = 0;
    if (!one(p, "."))
        return true;
    const char *start = *p;
    for (int unit = 100; **p >= '0' && **p <= '9'; ++*p, unit /= 10)
        *ms += (**p - '0') * unit;
    return *p > start;
}

/* Seconds since 1970 of a date and a time of day that must exist: no 30th of February. */
static bool seconds_of(const struct tm *want, int64_t *out)
{
    struct tm tm = *want;
    int64_t s = timegm(&tm);
    if (tm.tm_mon != want->tm_mon || tm.tm_min != want->tm_min)
        return false; /* a day too many is the next month's; hours were looked at before */
    *out = s;
    return true;
}

/* "Z", "+02", "+0200", "+02:00"; nothing: the trace's own offset. */
static bool zone_s(const char **p, int64_t otherwise_min, int64_t *out)
{
    *out = otherwise_min * 60;
    if (one(p, "Zz")) {
        *out = 0;
        return true;
    }
    int sign = **p == '-' ? -1 : 1, h, m = 0;
    if (!one(p, "+-"))
        return true;
    if (!digits(p, 2, &h))
        return false;
    if ((one(p, ":") || **p) && !digits(p, 2, &m))
        return false;
    *out = sign * (h * 3600 + m * 60);
    return h <= 18 && m < 60;
}

/* RFC 3339, with a space for the T, without seconds or without a zone as people write it. */
static bool iso8601(const char *p, int64_t offset_min, td_ms *out)
{
    struct tm tm = {0};
    int ms = 0;
    if (!digits(&p, 4, &tm.tm_year) || !one(&p, "-") || !digits(&p, 2, &tm.tm_mon) ||
        !one(&p, "-") || !digits(&p, 2, &tm.tm_mday) || !one(&p, "Tt ") ||
        !digits(&p, 2, &tm.tm_hour) || !one(&p, ":") || !digits(&p, 2, &tm.tm_min))
        return false;
    if (one(&p, ":") && (!digits(&p, 2, &tm.tm_sec) || !fraction_ms(&p, &ms)))
        return false;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    int64_t zone, s;
    if (!zone_s(&p, offset_min, &zone) || *p || tm.tm_sec > 60 || tm.tm_hour > 23)
        return false;
    int leap = tm.tm_sec == 60; /* a leap second is played with the one before */
    tm.tm_sec -= leap;
    if (!seconds_of(&tm, &s))
        return false;
    *out = (s - zone) * MS_PER_S + ms;
    return true;
}

static bool by_strptime(const struct time_format *f, const char *text, td_ms *out)
{
    struct tm tm = {.tm_year = 70, .tm_mday = 1 + BASE_DAY_S / 86400};
    const char *p = strptime(text, f->text, &tm);
    int ms;
    int64_t s;
    if (!p || !fraction_ms(&p, &ms) || p[strspn(p, " ")])
        return false;
    if (tm.tm_sec > 59)
        tm.tm_sec = 59;
    int64_t zone = strstr(f->text, "%z") ? tm.tm_gmtoff : f->utc_offset_min * 60;
    if (!seconds_of(&tm, &s))
        return false;
    *out = (s - zone) * MS_PER_S + ms;
    return true;
}

struct time_format time_format_of(const struct cfg_trace *c)
{
    static const char *const names[] = {"seconds", "epoch_s", "epoch_ms", "iso8601"}; /* by kind */
    struct time_format f = {.kind = TIME_STRPTIME, .utc_offset_min = c->utc_offset_min};
    f.text = c->time_format;
    for (size_t i = 0; i < COUNTOF(names); i++)
        if (strcmp(c->time_format, names[i]) == 0)
            f.kind = (enum time_kind)i;
    return f;
}

bool time_parse(const struct time_format *f, const char *text, td_ms *out)
{
    double v;
    switch (f->kind) {
    case TIME_ISO8601:
        if (!iso8601(text, f->utc_offset_min, out))
            return false;
        break;
    case TIME_STRPTIME:
        if (!by_strptime(f, text, out))
            return false;
        break;
    default:
        if (!number_parse(text, &v) || v < 0 || v > 1e15)
            return false;
        *out = llround(f->kind == TIME_EPOCH_MS ? v : v * MS_PER_S);
        if (f->kind == TIME_SECONDS)
            *out += (BASE_DAY_S - f->utc_offset_min * 60) * MS_PER_S;
    }
    return *out >= 0 && *out < (td_ms)LATEST_S * MS_PER_S;
}
