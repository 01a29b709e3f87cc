#include "core/place_tables.h"

#include <math.h>

#define RADIANS (M_PI / 180)

static const struct place nowhere = {.index = -1, .how = PLACE_NONE};

static void from_row(int32_t row, uint8_t how, struct place *out)
{
    const struct place_row *r = &place__rows[row];
    *out = (struct place){r->lat, r->lon, row, r->npa, how, {r->country[0], r->country[1], 0}};
}

bool place_from_country(const char *alpha2, struct place *out)
{
    *out = nowhere;
    unsigned a = ((unsigned char)alpha2[0] & ~0x20u) - 'A';
    if (a >= 26)
        return false; /* the empty string too: do not look beyond its end */
    unsigned b = ((unsigned char)alpha2[1] & ~0x20u) - 'A';
    if (b >= 26 || alpha2[2])
        return false;
    int16_t row = place__of_country[a * 26 + b];
    if (row < 0)
        return false;
    from_row(row, PLACE_COUNTRY, out);
    return true;
}

bool place_from_npa(int npa, struct place *out)
{
    *out = nowhere;
    if (npa < PLACE_NPA_FIRST || npa >= PLACE_NPA_FIRST + PLACE_NPAS)
        return false;
    int16_t row = place__of_npa[npa - PLACE_NPA_FIRST];
    if (row >= 0)
        from_row(row, PLACE_NPA, out);
    else if (row == PLACE_ROW_NONE)
        from_row(place__of_calling_code[100], PLACE_COUNTRY, out);
    out->npa = (uint16_t)npa;
    return true;
}

bool place_from_number(const char *e164, struct place *out)
{
    *out = nowhere;
    if (e164[0] != '+' || e164[1] == '0')
        return false;
    const char *d = e164 + 1;
    int n = 0;
    while (n < 16 && d[n] >= '0' && d[n] <= '9')
        n++;
    if (d[n] || n < 7 || n > 15)
        return false;
    if (d[0] == '1' && n == 11 && d[1] >= '2')
        return place_from_npa((d[1] - '0') * 100 + (d[2] - '0') * 10 + (d[3] - '0'), out);
    int16_t row = place__of_calling_code[(d[0] - '0') * 100 + (d[1] - '0') * 10 + (d[2] - '0')];
    if (row >= 0)
        from_row(row, PLACE_COUNTRY, out);
    return true;
}

bool place_from_coords(double lat, double lon, struct place *out)
{
    *out = nowhere;
    if (!(lat >= -90 && lat <= 90 && lon >= -180 && lon <= 180))
        return false; /* NaN too */
    out->lat = lat;
    out->lon = lon;
    out->how = PLACE_GIVEN;
    return true;
}

int32_t place_count(void)
{
    return place__n_rows;
}

void place_at(int32_t index, struct place *out)
{
    BUG_ON(index < 0 || index >= place__n_rows);
    from_row(index, place__rows[index].npa ? PLACE_NPA : PLACE_COUNTRY, out);
}

const struct place_vec *place_vec_at(int32_t index)
{
    BUG_ON(index < 0 || index >= place__n_rows);
    return &place__rows[index].vec;
}

struct place_vec place_vec_of(double lat, double lon)
{
    double a = lat * RADIANS, b = lon * RADIANS, c = cos(a);
    return (struct place_vec){c * cos(b), c * sin(b), sin(a)};
}

/* asin(sqrt(t)) for 0 <= t <= 1/2: sqrt(t) times the polynomial that equals asin(sqrt(t)) / sqrt(t)
 * at the twelve Chebyshev nodes of that interval. On the Earth its error is below 0.1 mm; libm's
 * asin is three times slower and need not give the same bits on another machine. The terms are
 * paired (Estrin's scheme) so that the processor can work on several at once. */
static inline double asin_sqrt(double t)
{
    double t2 = t * t, t4 = t2 * t2;
    double a = (0.999999999994685 + 0.16666666972322858 * t) +
               (0.07499971094054032 + 0.044653488653867826 * t) * t2;
    double b = (0.030181533475688627 + 0.024579737152414304 * t) +
               (0.002128237218721364 + 0.08190381809097139 * t) * t2;
    double c = (-0.18557060941638176 + 0.3718252429044575 * t) +
               (-0.3800978569568271 + 0.20080490883347873 * t) * t2;
    return sqrt(t) * (a + (b + c * t4) * t4);
}

double place_km(const struct place_vec *a, const struct place_vec *b)
{
    double x = a->x - b->x, y = a->y - b->y, z = a->z - b->z;
    double t = (x * x + y * y + z * z) / 4; /* half the chord, squared */
    /* Over a quarter of the way round, measure from the antipode. No branch: a processor cannot
     * guess it. fabs: rounding may put an antipode a hair beyond 1. */
    double rest = fabs(t < 1 - t ? t : 1 - t);
    double from_quarter = M_PI_2 - 2 * asin_sqrt(rest);
    return EARTH_RADIUS_KM * (M_PI_2 + copysign(from_quarter, t - 0.5));
}

double place_haversine_km(double lat_a, double lon_a, double lat_b, double lon_b)
{
    double s = sin((lat_b - lat_a) * RADIANS / 2), t = sin((lon_b - lon_a) * RADIANS / 2);
    double h = s * s + cos(lat_a * RADIANS) * cos(lat_b * RADIANS) * t * t;
    return 2 * EARTH_RADIUS_KM * asin(sqrt(h < 1 ? h : 1));
}
