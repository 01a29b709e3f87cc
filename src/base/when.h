/* when.h - moments and lengths of time as text, and back. */
#pragma once

#include "base/base.h"

enum { WHEN_TEXT = 25 }; /* 24 characters and NUL */

/* RFC 3339 in UTC with milliseconds: 2021-07-05T13:30:00.000Z. For years 1970 to 9999; what is
 * outside is written as the nearest of these. Days to civil date: Howard Hinnant, "chrono-
 * compatible low-level date algorithms" (days_from_civil and back). */
void when_print(int64_t epoch_ms, char out[WHEN_TEXT]);

/* "90s", "30m", "2h", "500ms", "1.5h"; nothing before or after. False: not that, or above 1e12 ms;
 * *ms is then untouched. */
bool when_parse_span(const char *text, int64_t *ms) MUST_USE;
