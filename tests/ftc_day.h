/* ftc_day.h - a day of real arrivals for tests and benches: the complaints of 7 July 2021 to the
 * Federal Trade Commission, each at the place of its area code (../shared/data/README.md). */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

#include "base/mem.h"
#include "core/types.h"

struct ftc_contact {
    td_ms at; /* since midnight */
    double lat, lon;
};

/* The rows of the day, in the order of time; *n of them, the caller frees. NULL: not here. The
 * data are in TANDEM_DATA, else in ../shared/data beside the sources (TANDEM_SOURCE or "."). */
static inline struct ftc_contact *ftc_day(size_t *n)
{
    const char *data = getenv("TANDEM_DATA"), *source = getenv("TANDEM_SOURCE");
    char path[512], line[512];
    snprintf(path, sizeof path, "%s%s/ftc_us_trace_2021-07-07.csv.gz",
             data     ? data
             : source ? source
                      : ".",
             data ? "" : "/../shared/data");
    gzFile f = gzopen(path, "rb");
    struct ftc_contact *day = NULL;
    *n = 0;
    while (f && gzgets(f, line, sizeof line)) {
        char *at; /* t_sec,npa,lat,lon,... */
        struct ftc_contact c = {.at = strtoll(line, &at, 10) * MS_PER_S};
        if (at == line || *at != ',')
            continue; /* the header */
        strtol(at + 1, &at, 10);
        c.lat = strtod(at + 1, &at);
        c.lon = strtod(at + 1, &at);
        if (*n % 4096 == 0)
            day = mem_grow(day, *n + 4096, sizeof *day);
        day[(*n)++] = c;
    }
    if (f)
        gzclose(f);
    return day;
}
