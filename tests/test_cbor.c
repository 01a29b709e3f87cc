/* CBOR: the examples of RFC 8949, appendix A, and replies of wire.h read back. */
#include "kinesis/cbor.h"
#include "kinesis/wire.h"
#include "base/base64.h"
#include "tap.h"

static size_t from_hex(const char *hex, uint8_t *out)
{
    size_t n = 0;
    for (unsigned v; sscanf(hex, "%2x", &v) == 1; hex += 2)
        out[n++] = (uint8_t)v;
    return n;
}

TEST(examples_of_rfc_8949)
{
    static const struct {
        const char *hex, *json;
    } v[] = {
        {"00", "0"},
        {"01", "1"},
        {"0a", "10"},
        {"17", "23"},
        {"1818", "24"},
        {"1903e8", "1000"},
        {"1a000f4240", "1000000"},
        {"1b000000e8d4a51000", "1000000000000"},
        {"20", "-1"},
        {"29", "-10"},
        {"3863", "-100"},
        {"3903e7", "-1000"},
        {"f90000", "0.0"},
        {"f98000", "-0.0"},
        {"f93c00", "1.0"},
        {"fb3ff199999999999a", "1.1"},
        {"f93e00", "1.5"},
        {"f97bff", "65504.0"},
        {"fa47c35000", "100000.0"},
        {"fa7f7fffff", "3.4028234663852886e+38"},
        {"f90001", "5.9604644775390625e-8"},
        {"f90400", "6.103515625e-5"},
        {"f9c400", "-4.0"},
        {"fbc010666666666666", "-4.1"},
        {"f4", "false"},
        {"f5", "true"},
        {"f6", "null"},
        {"f7", "null"},
        {"c11a514b67b0", "1363896.240"}, /* the SDKs' milliseconds, not the RFC's seconds */
        {"c1fb41d452d9ec200000", "1363896240.5"},
        {"40", "\"\""},
        {"4401020304", "\"AQIDBA==\""},
        {"60", "\"\""},
        {"6449455446", "\"IETF\""},
        {"62225c", "\"\\\"\\\\\""},
        {"62c3bc", "\"\xc3\xbc\""},
        {"63e6b0b4", "\"\xe6\xb0\xb4\""},
        {"64f0908591", "\"\xf0\x90\x85\x91\""},
        {"80", "[]"},
        {"83010203", "[1,2,3]"},
        {"8301820203820405", "[1,[2,3],[4,5]]"},
        {"a0", "{}"},
        {"a26161016162820203", "{\"a\":1,\"b\":[2,3]}"},
        {"826161a161626163", "[\"a\",{\"b\":\"c\"}]"},
        {"5f42010243030405ff", "\"AQIDBAU=\""},
        {"7f657374726561646d696e67ff", "\"streaming\""},
        {"9fff", "[]"},
        {"9f018202039f0405ffff", "[1,[2,3],[4,5]]"},
        {"bf61610161629f0203ffff", "{\"a\":1,\"b\":[2,3]}"},
        {"826161bf61626163ff", "[\"a\",{\"b\":\"c\"}]"},
        {"bf6346756ef563416d7421ff", "{\"Fun\":true,\"Amt\":-2}"},
        {"3b7fffffffffffffff", "-9223372036854775808"},
    };
    for (size_t i = 0; i < COUNTOF(v); i++) {
        uint8_t bytes[64];
        size_t n = from_hex(v[i].hex, bytes);
        const char *why = "";
        json_t *got = cbor_decode(bytes, n, &why);
        json_t *want = json_loads(v[i].json, JSON_DECODE_ANY, NULL);
        if (!got || !json_equal(got, want))
            TAP_FAIL("%s is not %s: %s", v[i].hex, v[i].json, why);
        json_decref(got);
        json_decref(want);
        for (size_t cut = 0; cut < n; cut++) /* nothing that is cut off is taken */
            CHECK(cbor_decode(bytes, cut, &why) == NULL);
    }
}

TEST(what_is_refused)
{
    static const char *const bad[] = {
        "",     /* nothing */
        "0000", /* two values */
        "1c",
        "3f",
        "1f",
        "df00",
        "5c", /* reserved, or indefinite where that cannot be */
        "ff",
        "82ff00",
        "bf6161ff", /* a break where there is nothing to break */
        "1bffffffffffffffff",
        "3b8000000000000000", /* beyond 64 bits */
        "f97c00",
        "f97e00",
        "fb7ff8000000000000", /* infinity, NaN */
        "c249010000000000000000",
        "c074323031332d30332d32315432303a30343a30305a", /* other tags */
        "c16161",
        "c1c101",
        "c1f5", /* times that are none */
        "61ff",
        "62c328",
        "a161ff01", /* not UTF-8 */
        "a10101",
        "a1610001",
        "a2616101616102", /* keys: not text, twice */
        "f0",
        "f8ff",
        "e0", /* simple values */
        "7f4101ff",
        "5f6161ff",
        "7f7f6161ffff",
        "7f7f6161ff", /* chunks of another type, nested ones */
        "9b7fffffffffffffff",
        "5b7fffffffffffffff",
        "bb7fffffffffffffff",                       /* claims */
        "8181818181818181818181818181818181818100", /* deep */
    };
    for (size_t i = 0; i < COUNTOF(bad); i++) {
        uint8_t bytes[64];
        size_t n = from_hex(bad[i], bytes);
        const char *why = NULL;
        json_t *got = cbor_decode(bytes, n, &why);
        if (got || !why)
            TAP_FAIL("%s is taken, or without a reason", bad[i]);
        json_decref(got);
    }
    static uint8_t many[CBOR_ITEMS_MAX + 8] = {0x9f};
    many[CBOR_ITEMS_MAX + 1] = 0xff;
    const char *why = NULL;
    CHECK(cbor_decode(many, CBOR_ITEMS_MAX + 2, &why) == NULL);
    many[CBOR_ITEMS_MAX] = 0xff;
    json_t *full = cbor_decode(many, CBOR_ITEMS_MAX + 1, &why);
    CHECK_EQ(json_array_size(full), CBOR_ITEMS_MAX - 1);
    json_decref(full);
}

TEST(numbers_are_written_in_their_shortest_form)
{
    static const struct {
        int64_t v;
        const char *hex;
    } v[] = {
        {0, "00"},
        {23, "17"},
        {24, "1818"},
        {255, "18ff"},
        {256, "190100"},
        {65535, "19ffff"},
        {65536, "1a00010000"},
        {4294967295, "1affffffff"},
        {4294967296, "1b0000000100000000"},
        {-1, "20"},
        {-24, "37"},
        {-25, "3818"},
        {INT64_MIN, "3b7fffffffffffffff"},
    };
    for (size_t i = 0; i < COUNTOF(v); i++) {
        struct buf b = {0};
        struct wire w;
        uint8_t want[16];
        size_t n = from_hex(v[i].hex, want);
        wire_begin(&w, WIRE_CBOR, &b);
        wire_int(&w, v[i].v);
        if (b.len != n || memcmp(b.data, want, n) != 0)
            TAP_FAIL("%lld is not %s", (long long)v[i].v, v[i].hex);
        buf_free(&b);
    }
}

/* The same calls in both encodings are the same values. */
static void write_something(struct wire *w, struct rng *rng, int depth)
{
    char bytes[300];
    size_t n = rng_below(rng, sizeof bytes);
    for (size_t i = 0; i < n; i++)
        bytes[i] = (char)('a' + rng_below(rng, 26));
    switch (rng_below(rng, depth > 3 ? 6 : 8)) {
    case 0: wire_int(w, (int64_t)(rng_u64(rng) >> 1 >> rng_below(rng, 63))); break;
    case 1: wire_int(w, -(int64_t)(rng_u64(rng) >> 1 >> rng_below(rng, 63))); break;
    case 2: wire_bool(w, rng_chance(rng, 0.5)); break;
    case 3: wire_strn(w, bytes, n); break;
    case 4: wire_blob(w, bytes, n); break;
    case 5: wire_time(w, (int64_t)rng_below(rng, 4000000000000)); break;
    case 6:
        wire_arr(w);
        for (uint64_t i = rng_below(rng, 5); i; i--)
            write_something(w, rng, depth + 1);
        wire_end(w);
        break;
    default:
        wire_obj(w);
        for (uint64_t i = rng_below(rng, 5); i; i--) {
            char key[8];
            snprintf(key, sizeof key, "k%d", (int)i);
            wire_key(w, key);
            write_something(w, rng, depth + 1);
        }
        wire_end(w);
    }
}

static bool same(const json_t *a, const json_t *b)
{
    if (json_is_number(a) && json_is_number(b)) /* 3.0 is an integer in what JSON's writer wrote */
        return fabs(json_number_value(a) - json_number_value(b)) < 1e-9;
    if (json_typeof(a) != json_typeof(b))
        return false;
    if (json_is_array(a)) {
        bool all = json_array_size(a) == json_array_size(b);
        for (size_t i = 0; all && i < json_array_size(a); i++)
            all = same(json_array_get(a, i), json_array_get(b, i));
        return all;
    }
    if (json_is_object(a)) {
        const char *key;
        json_t *v;
        bool all = json_object_size(a) == json_object_size(b);
        json_object_foreach((json_t *)(uintptr_t)a, key, v) all =
            all && json_object_get(b, key) && same(v, json_object_get(b, key));
        return all;
    }
    return json_equal(a, b);
}

PROP(both_encodings_say_the_same, 2000)
{
    struct buf json = {0}, cbor = {0};
    struct rng again = *rng;
    struct wire w;
    wire_begin(&w, WIRE_JSON, &json);
    write_something(&w, rng, 0);
    wire_done(&w);
    wire_begin(&w, WIRE_CBOR, &cbor);
    write_something(&w, &again, 0);
    wire_done(&w);
    const char *why = "";
    json_t *a = json_loadb(json.data, json.len, JSON_DECODE_ANY, NULL);
    json_t *b = cbor_decode(cbor.data, cbor.len, &why);
    if (!a || !b || !same(a, b))
        TAP_FAIL("%s: %s", json.data, why);
    json_decref(a);
    json_decref(b);
    buf_free(&json);
    buf_free(&cbor);
}

TAP_MAIN
