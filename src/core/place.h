/* place.h - where a caller is, from what his call tells, and how far that is.
 *
 * An area code of the North American numbering plan stands for a place in its region; any other
 * number stands for a point inside its country; coordinates stand for themselves. Toll-free and
 * other non-geographic codes have no place. The tables are made at build time (data/README.md
 * names their sources); they are constant, and a lookup allocates nothing.
 *
 * Each row of the tables has an index, the same in every build from the same data, so that a
 * decider can work out the distances from all places to its sites once and look them up. */
#pragma once

#include "core/event.h"

#define EARTH_RADIUS_KM 6371.0088 /* mean radius of WGS 84 (IUGG R1) */

/* A point of the unit sphere: x to (0 N, 0 E), y to (0 N, 90 E), z to the north pole. */
struct place_vec {
    double x, y, z;
};

struct place {
    double lat, lon; /* degrees; 0 when how is PLACE_NONE */
    int32_t index;   /* row of the tables, 0 <= index < place_count(); -1: coordinates or none */
    uint16_t npa;    /* the area code, even one without a place; 0: none */
    uint8_t how;     /* enum place_how */
    char country[3]; /* ISO 3166-1 alpha-2, XK for Kosovo; "" unknown */
};

/* An E.164 number (ITU-T E.164): '+', then 7 to 15 digits, the first not 0, and nothing else.
 * Anything else is refused: false, and *out has no place. A well-formed number without a place
 * (toll-free, satellite, unassigned calling code) is true with PLACE_NONE. A number of +1 whose
 * area code is not in the table counts as the United States'. */
bool place_from_number(const char *e164, struct place *out);
/* An area code 200..999; false: out of range, and *out has no place. */
bool place_from_npa(int npa, struct place *out);
/* Two letters in either case; false: no such country. */
bool place_from_country(const char *alpha2, struct place *out);
/* False: not within -90..90 and -180..180. */
bool place_from_coords(double lat, double lon, struct place *out);

int32_t place_count(void);
/* The row at `index` as a place, and its unit vector; index must be in range. */
void place_at(int32_t index, struct place *out);
const struct place_vec *place_vec_at(int32_t index);

struct place_vec place_vec_of(double lat, double lon);
/* Great-circle distance by the chord between two unit vectors: 2 R asin(|a - b| / 2). Within a
 * metre of the exact great circle, antipodes included; only exactly rounded operations, so the
 * same bits on every machine. */
double place_km(const struct place_vec *a, const struct place_vec *b);
/* The same from degrees by the haversine formula (R. W. Sinnott, "Virtues of the haversine",
 * Sky and Telescope 68, 1984): exact also for neighbours a few metres apart. */
double place_haversine_km(double lat_a, double lon_a, double lat_b, double lon_b);
