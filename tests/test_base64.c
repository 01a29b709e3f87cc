/* base64: RFC 4648's own vectors, and a decoder written the slow way. */
#include "base/base64.h"
#include "tap.h"

TEST(the_vectors_of_rfc_4648)
{
    static const char *const v[][2] = {
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
        {"\x14\xfb\x9c\x03\xd9\x7e", "FPucA9l+"},
    };
    for (size_t i = 0; i < COUNTOF(v); i++) {
        struct buf text = {0}, back = {0};
        base64_put(&text, v[i][0], strlen(v[i][0]));
        CHECK_EQ(text.len, strlen(v[i][1]));
        CHECK(memcmp(text.data ? text.data : "", v[i][1], text.len) == 0);
        CHECK(base64_get(&back, v[i][1], strlen(v[i][1])));
        CHECK_EQ(back.len, strlen(v[i][0]));
        CHECK(memcmp(back.data, v[i][0], back.len) == 0);
        buf_free(&text);
        buf_free(&back);
    }
}

TEST(what_is_not_base64_is_refused)
{
    static const char *const bad[] = {
        "A",    "AA",   "AAA",  "A===", "====",     "AA=A",       "=AAA",    "AAA\n",
        "AA A", "AB==", "AAB=", "AA-_", "Zg==Zg==", "\xc3\xa4==", "AAAA===="};
    for (size_t i = 0; i < COUNTOF(bad); i++) {
        struct buf b = {0};
        buf_str(&b, "before");
        size_t bytes = 77;
        if (base64_get(&b, bad[i], strlen(bad[i])) || base64_ok(bad[i], strlen(bad[i]), &bytes))
            TAP_FAIL("\"%s\" is taken", bad[i]);
        CHECK_STR(b.data, "before");
        buf_free(&b);
    }
}

/* Every text of four characters that decodes must be the one its bytes encode to. */
PROP(a_text_has_one_meaning, 2000)
{
    static const char some[] = "AZaz09+/=-_ \n";
    char text[13];
    for (size_t i = 0; i < 12; i++)
        text[i] = some[rng_below(rng, sizeof some - 1)];
    size_t n = 4 * (1 + rng_below(rng, 3)), bytes = 0;
    struct buf data = {0}, again = {0};
    bool ok = base64_get(&data, text, n);
    CHECK_EQ(ok, base64_ok(text, n, &bytes));
    if (ok) {
        CHECK_EQ(bytes, data.len);
        base64_put(&again, data.data, data.len);
        CHECK_EQ(again.len, n);
        CHECK(memcmp(again.data, text, n) == 0);
    }
    buf_free(&data);
    buf_free(&again);
}

PROP(bytes_come_back, 500)
{
    uint8_t in[70];
    size_t n = rng_below(rng, sizeof in);
    for (size_t i = 0; i < n; i++)
        in[i] = (uint8_t)rng_u64(rng);
    struct buf text = {0}, back = {0};
    base64_put(&text, in, n);
    CHECK_EQ(text.len, base64_len(n));
    CHECK(base64_get(&back, text.data, text.len));
    CHECK_EQ(back.len, n);
    CHECK(memcmp(back.data, in, n) == 0);
    buf_free(&text);
    buf_free(&back);
}

TAP_MAIN
