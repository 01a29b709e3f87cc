/* probe_json.h - what a probe found, and one span of a path's history, as JSON objects.
 *
 * Delays are microseconds, times milliseconds since 1970; what is not known is left out. */
#pragma once

#include "base/json.h"
#include "net/path.h"

/* Sites by name; NULL: by number. */
void probe_result_json(struct jw *w, const struct probe_result *r, const char *from,
                       const char *to);
void path_span_json(struct jw *w, const struct path_span *s);
