/* core/place: where a number, an area code, a country or a point is, and how far apart two are. */
#include "core/place.h"
#include "base/mem.h"
#include "tap.h"

static struct place of_number(const char *number)
{
    struct place p;
    CHECK(place_from_number(number, &p));
    return p;
}

TEST(a_number_of_north_america_is_its_area_code)
{
    struct place p = of_number("+12125550123");
    CHECK_EQ(p.how, PLACE_NPA);
    CHECK_EQ(p.npa, 212);
    CHECK_STR(p.country, "US");
    CHECK_NEAR(p.lat, 40.7, 0.1);
    CHECK_NEAR(p.lon, -74.0, 0.1);
    p = of_number("+14165550123");
    CHECK_STR(p.country, "CA");
    CHECK_NEAR(p.lat, 43.7, 0.5);
    CHECK_NEAR(p.lon, -79.4, 0.5);
    p = of_number("+18765550123"); /* placed by Natural Earth: a point in Jamaica */
    CHECK_EQ(p.how, PLACE_NPA);
    CHECK_STR(p.country, "JM");
    CHECK_NEAR(p.lat, 18.1, 0.3);
    CHECK_NEAR(p.lon, -77.3, 0.7);
    p = of_number("+19065550123"); /* the upper peninsula of Michigan, placed by hand */
    CHECK_NEAR(p.lat, 46.5, 0.5);
}

TEST(codes_that_belong_to_no_place)
{
    static const char *const numbers[] = {"+18005550123", "+18335550123",  "+18445550123",
                                          "+18555550123", "+18665550123",  "+18775550123",
                                          "+18885550123", "+19005550123",  "+15005550123",
                                          "+80012345678", "+881612345678", "+9990000000"};
    for (size_t i = 0; i < COUNTOF(numbers); i++) {
        struct place p = of_number(numbers[i]);
        CHECK_EQ(p.how, PLACE_NONE);
        CHECK_EQ(p.index, -1);
        CHECK_STR(p.country, "");
    }
    struct place p;
    CHECK(place_from_npa(888, &p));
    CHECK_EQ(p.how, PLACE_NONE);
    CHECK_EQ(p.npa, 888);
}

TEST(an_unknown_area_code_is_the_united_states)
{
    struct place p = of_number("+19995550123");
    CHECK_EQ(p.how, PLACE_COUNTRY);
    CHECK_STR(p.country, "US");
    CHECK_NEAR(p.lat, 39.9, 1);
    CHECK_NEAR(p.lon, -98.8, 1);
    p = of_number("+15550100"); /* too short for an area code to be read */
    CHECK_EQ(p.how, PLACE_COUNTRY);
    CHECK_STR(p.country, "US");
}

/* Boxes around each country, by hand: south, north, west, east. */
static const struct {
    const char *number, *country;
    double s, n, w, e;
} abroad[] = {
    {"+442079460000", "GB", 50, 59, -8, 2},
    {"+441534000000", "GB", 50, 59, -8, 2},
    {"+33123456789", "FR", 42, 51, -5, 8},
    {"+390612345678", "IT", 37, 47, 6, 19},
    {"+4930123456", "DE", 47, 55, 5, 15},
    {"+815012345678", "JP", 31, 42, 130, 142},
    {"+6565551234", "SG", 1.1, 1.5, 103, 105},
    {"+61255501234", "AU", -39, -11, 113, 154},
    {"+5511955551234", "BR", -33, 5, -74, -34},
    {"+74951234567", "RU", 54, 57, 36, 39},
    {"+77271234567", "RU", 54, 57, 36, 39},
    {"+9725551234", "IL", 29, 34, 34, 36},
    {"+2348012345678", "NG", 4, 14, 2, 15},
    {"+262262123456", "RE", -22, -20, 55, 56},
    {"+590590123456", "GP", 15.8, 16.6, -62, -61},
    {"+5999123456", "CW", 12, 12.5, -69.3, -68.6},
    {"+38349123456", "XK", 41.8, 43.3, 20, 22},
    {"+29022158", "SH", -16.1, -15.8, -5.8, -5.6},
    {"+35054123456", "GI", 36.1, 36.2, -5.4, -5.3},
    {"+6903123", "TK", -10, -8, -173, -171},
    {"+2472123456", "AC", -8.1, -7.8, -14.5, -14.2},
    {"+4712345678", "NO", 58, 71, 5, 31},
};

TEST(other_numbers_are_in_their_country)
{
    for (size_t i = 0; i < COUNTOF(abroad); i++) {
        struct place p = of_number(abroad[i].number);
        CHECK_EQ(p.how, PLACE_COUNTRY);
        CHECK_EQ(p.npa, 0);
        CHECK_STR(p.country, abroad[i].country);
        CHECK(p.lat > abroad[i].s && p.lat < abroad[i].n);
        CHECK(p.lon > abroad[i].w && p.lon < abroad[i].e);
    }
}

TEST(what_is_not_e164_is_refused)
{
    static const char *const bad[] = {"",
                                      "+",
                                      "2125550123",
                                      "+123456",
                                      "+1234567890123456",
                                      "+02125550123",
                                      "+1 2125550123",
                                      "+1212555012x",
                                      "++12125550",
                                      "+1212-555-0123",
                                      " +12125550123",
                                      "+12125550123 ",
                                      "anonymous",
                                      "+12125550123\n",
                                      "tel:+12125550123"};
    for (size_t i = 0; i < COUNTOF(bad); i++) {
        struct place p = {.how = PLACE_GIVEN, .index = 7};
        CHECK(!place_from_number(bad[i], &p));
        CHECK_EQ(p.how, PLACE_NONE);
        CHECK_EQ(p.index, -1);
    }
    struct place p;
    CHECK(place_from_number("+1234567", &p));
    CHECK(place_from_number("+123456789012345", &p));
}

PROP(any_string_is_read_safely, 2000)
{
    char text[24];
    size_t n = rng_below(rng, sizeof text);
    for (size_t i = 0; i < n; i++)
        text[i] = "+0123456789a \x80"[rng_below(rng, 14)];
    text[n] = 0;
    char *exact = mem_strdup(text); /* a read past the end is seen by the sanitizer */
    size_t digits = strspn(exact + (exact[0] == '+'), "0123456789");
    bool good =
        exact[0] == '+' && exact[1] != '0' && digits + 1 == n && digits >= 7 && digits <= 15;
    struct place p;
    CHECK_EQ(place_from_number(exact, &p), good);
    CHECK((p.how == PLACE_NONE) == (p.index < 0));
    mem_free(exact);
}

TEST(countries_by_code)
{
    struct place a, b;
    CHECK(place_from_country("JM", &a));
    CHECK(place_from_country("jm", &b));
    CHECK_EQ(a.how, PLACE_COUNTRY);
    CHECK_EQ(a.index, b.index);
    static const char *const all[] = {"CX", "CC", "SJ", "YT", "MQ", "GF", "BQ", "TA", "TV", "AX"};
    for (size_t i = 0; i < COUNTOF(all); i++)
        CHECK(place_from_country(all[i], &a));
    static const char *const none[] = {"", "U", "ZZ", "USA", "12", "@@", "[[", "u\n"};
    for (size_t i = 0; i < COUNTOF(none); i++)
        CHECK(!place_from_country(none[i], &a));
}

TEST(area_codes_by_number)
{
    struct place p;
    for (int npa = -5; npa < 1200; npa++)
        CHECK_EQ(place_from_npa(npa, &p), npa >= 200 && npa <= 999);
}

TEST(coordinates_stand_for_themselves)
{
    struct place p;
    CHECK(place_from_coords(-90, 180, &p));
    CHECK_EQ(p.how, PLACE_GIVEN);
    CHECK_EQ(p.index, -1);
    CHECK(!place_from_coords(90.001, 0, &p));
    CHECK(!place_from_coords(0, -180.5, &p));
    CHECK(!place_from_coords(NAN, 0, &p));
    CHECK_EQ(p.how, PLACE_NONE);
}

TEST(every_row_is_consistent)
{
    int npas = 0, countries = 0;
    for (int32_t i = 0; i < place_count(); i++) {
        struct place p, q;
        place_at(i, &p);
        CHECK_EQ(p.index, i);
        CHECK(p.npa ? place_from_npa(p.npa, &q) : place_from_country(p.country, &q));
        CHECK_EQ(q.index, i);
        npas += p.npa != 0;
        countries += !p.npa;
        struct place_vec v = place_vec_of(p.lat, p.lon);
        CHECK_NEAR(place_km(&v, place_vec_at(i)), 0, 1e-6);
    }
    CHECK_EQ(npas, 445);
    CHECK(countries >= 249); /* ISO 3166-1, Kosovo and two parts of Saint Helena's */
}

/* The exact angle between two points by Vincenty's formula for a sphere, in long double. */
static double exact_km(double lat_a, double lon_a, double lat_b, double lon_b)
{
    const long double r = 3.14159265358979323846264338327950288L / 180;
    long double a = lat_a * r, b = lat_b * r, d = (lon_b - lon_a) * r;
    long double p = cosl(b) * sinl(d), q = cosl(a) * sinl(b) - sinl(a) * cosl(b) * cosl(d);
    long double c = sinl(a) * sinl(b) + cosl(a) * cosl(b) * cosl(d);
    return (double)(6371.0088L * atan2l(sqrtl(p * p + q * q), c));
}

PROP(distances_are_within_a_metre, 20000)
{
    double lat = rng_unit(rng) * 180 - 90, lon = rng_unit(rng) * 360 - 180;
    double lat2 = rng_unit(rng) * 180 - 90, lon2 = rng_unit(rng) * 360 - 180;
    if (rng_chance(rng, 0.3)) { /* neighbours, down to centimetres */
        double near = pow(10, -7 * rng_unit(rng));
        lat2 = fmin(90, fmax(-90, lat + near * (rng_unit(rng) - 0.5)));
        lon2 = lon + near * (rng_unit(rng) - 0.5);
    } else if (rng_chance(rng, 0.3)) { /* nearly antipodes */
        double near = pow(10, -7 * rng_unit(rng));
        lat2 = fmin(90, fmax(-90, -lat + near * (rng_unit(rng) - 0.5)));
        lon2 = lon + 180 + near * (rng_unit(rng) - 0.5);
    }
    struct place_vec a = place_vec_of(lat, lon), b = place_vec_of(lat2, lon2);
    double exact = exact_km(lat, lon, lat2, lon2);
    CHECK_NEAR(place_km(&a, &b), exact, 1e-3);
    CHECK_NEAR(place_haversine_km(lat, lon, lat2, lon2), exact, 1e-3);
    CHECK(place_km(&a, &b) == place_km(&b, &a));
}

TEST(known_distances)
{
    /* A quarter and half of a great circle, and New York to London: 5,540 km on a sphere. */
    CHECK_NEAR(place_haversine_km(0, 0, 90, 0), 10007.557, 0.001);
    CHECK_NEAR(place_haversine_km(0, 0, 0, 180), 20015.115, 0.001);
    struct place_vec a = place_vec_of(40.639722, -73.778889), b = place_vec_of(51.4775, -0.461389);
    CHECK_NEAR(place_km(&a, &b), 5540, 3);
    CHECK_EQ(place_km(&a, &a), 0);
}

TAP_MAIN
