/* when.h - moments and lengths of time as text, and back. */
#pragma once

#include "base/base.h"

enum { WHEN_TEXT = 25 }; /* 24 characters and NUL */

/* RFC 3339 in UTC with milliseconds: 2021-07-05T13:30:00.000Z. For years 1970 to 9999; what is
 * outside is written as the nearest of these. Days to civil date: Howard Hinnant, "chrono-
 * compatible low-level date algorithms" (days_from_civil and back). */
void when_print(int64_t epoch_ms, char out[WHEN_TEXT]);

/* RFC 3339 with a zone: "2021-07-05T13:30:00Z", ".123" or more digits after the seconds (what is
 * below a millisecond is cut off), "+02:00". False: the text is not that; *epoch_ms is untouched.
 */
bool when_parse(const char *text, size_t n, int64_t *epoch_ms) MUST_USE;
/* RFC 9110's IMF-fixdate, what servers send as Date: "Sun, 06 Nov 1994 08:49:37 GMT". */
bool when_parse_http(const char *text, size_t n, int64_t *epoch_ms) MUST_USE;
/* A date and time of day in UTC; month and day from 1. False: there is no such moment from 1970 to
 * 9999 (a leap second is taken as the second after it). */
struct when_civil {
    int year, month, day, hour, minute, second;
};
bool when_from_civil(const struct when_civil *c, int64_t *epoch_ms) MUST_USE;

/* "90s", "30m", "2h", "500ms", "1.5h"; nothing before or after. False: not that, or above 1e12 ms;
 * *ms is then untouched. */
bool when_parse_span(const char *text, int64_t *ms) MUST_USE;
