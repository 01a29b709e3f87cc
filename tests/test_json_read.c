/* json_read: takes what RFC 8259 allows and nothing else, and reads the same as jansson does. */
#include "base/json_read.h"
#include "base/rng.h"
#include "json_twin.h"
#include "tap.h"

static bool reads(struct jr *r, const char *text)
{
    return jr_read(r, text, strlen(text));
}

TEST(a_document_of_everything)
{
    struct jr r = {0};
    CHECK(reads(&r, " {\"a\": [1, -2.5e1, \"x\\u00e9\\n\\ud83d\\ude00\", {}], \"b\":null ,"
                    "\"c\":{\"t\":true,\"f\":false}}\n"));
    const struct jr_node *root = jr_root(&r), *v = root + 1;
    CHECK(root->kind == JR_OBJECT);
    CHECK_EQ(root->count, 3);
    CHECK_EQ(root->skip, r.count);
    CHECK_STR(v->key, "a");
    CHECK(v->kind == JR_ARRAY);
    CHECK_EQ(v->count, 4);
    CHECK(v[1].kind == JR_WHOLE && v[1].whole == 1 && !v[1].key);
    CHECK(v[2].kind == JR_REAL && v[2].real == -25);
    CHECK(v[3].kind == JR_TEXT);
    CHECK_STR(v[3].text, "x\xc3\xa9\n\xf0\x9f\x98\x80");
    CHECK_EQ(v[3].len, 8);
    CHECK(v[4].kind == JR_OBJECT && v[4].count == 0 && v[4].skip == 1);
    v = jr_past(v);
    CHECK_STR(v->key, "b");
    CHECK(v->kind == JR_NULL);
    v = jr_past(v);
    int n = 0;
    jr_each(m, v)
    {
        CHECK_STR(m->key, n ? "f" : "t");
        CHECK(m->kind == (n ? JR_FALSE : JR_TRUE));
        n++;
    }
    CHECK_EQ(n, 2);
    CHECK(jr_past(v) == jr_past(root));
    jr_free(&r);
}

TEST(numbers_to_their_limits)
{
    struct jr r = {0};
    CHECK(reads(&r, "[9223372036854775807,-9223372036854775808,-0,-0.0,1E400e]") == false);
    CHECK(reads(&r, "[9223372036854775807,-9223372036854775808,-0,-0.0,4.9e-324]"));
    const struct jr_node *v = jr_root(&r);
    CHECK(v[1].whole == INT64_MAX && v[2].whole == INT64_MIN && v[3].whole == 0);
    CHECK(v[4].kind == JR_REAL && v[4].real == 0 && v[5].real > 0);
    const char *const large[] = {"9223372036854775808", "-9223372036854775809", "1e309", "-1e309",
                                 "99999999999999999999999"};
    for (size_t i = 0; i < COUNTOF(large); i++) {
        CHECK(!reads(&r, large[i]));
        CHECK(r.error == JR_LARGE);
    }
    jr_free(&r);
}

TEST(what_is_refused_and_where)
{
    static const struct {
        const char *text;
        enum jr_error error;
        uint32_t line, column;
    } row[] = {
        {"", JR_SYNTAX, 1, 1},
        {"  ", JR_SYNTAX, 1, 3},
        {"{", JR_SYNTAX, 1, 2},
        {"{\"a\"}", JR_SYNTAX, 1, 5},
        {"{\"a\":1,}", JR_SYNTAX, 1, 8},
        {"[1,]", JR_SYNTAX, 1, 4},
        {"[,1]", JR_SYNTAX, 1, 2},
        {"[1 2]", JR_SYNTAX, 1, 4},
        {"[1]\n\n x", JR_SYNTAX, 3, 2},
        {"{a:1}", JR_SYNTAX, 1, 2},
        {"{\"a\":1,\n \"b\":2,\n \"a\":3}", JR_TWICE, 3, 2},
        {"{\"a\":1,\"\\u0061\":3}", JR_TWICE, 1, 8},
        {"[\"\xff\"]", JR_UTF8, 1, 3},
        {"[\"\xc0\x80\"]", JR_UTF8, 1, 3},     /* overlong */
        {"[\"\xed\xa0\x80\"]", JR_UTF8, 1, 3}, /* surrogate */
        {"[\"a\nb\"]", JR_SYNTAX, 1, 4},       /* a control as it is */
        {"[\"\\x\"]", JR_SYNTAX, 1, 3},
        {"[\"\\u00g0\"]", JR_SYNTAX, 1, 3},
        {"[\"\\u0000\"]", JR_SYNTAX, 1, 3},
        {"[\"\\ud800\"]", JR_SYNTAX, 1, 3},
        {"[\"\\udc00\"]", JR_SYNTAX, 1, 3},
        {"[\"\\ud800\\u0041\"]", JR_SYNTAX, 1, 3},
        {"[01]", JR_SYNTAX, 1, 3},
        {"[1.]", JR_SYNTAX, 1, 4},
        {"[.5]", JR_SYNTAX, 1, 2},
        {"[1e]", JR_SYNTAX, 1, 4},
        {"[+1]", JR_SYNTAX, 1, 2},
        {"[0x1]", JR_SYNTAX, 1, 3},
        {"[NaN]", JR_SYNTAX, 1, 2},
        {"[tru]", JR_SYNTAX, 1, 2},
        {"[truest]", JR_SYNTAX, 1, 6},
        {"\"open", JR_SYNTAX, 1, 6},
        {"\"open\\", JR_SYNTAX, 1, 6},
    };
    struct jr r = {0};
    for (size_t i = 0; i < COUNTOF(row); i++) {
        CHECK(!reads(&r, row[i].text));
        CHECK(r.error == row[i].error);
        CHECK_EQ(r.line, row[i].line);
        CHECK_EQ(r.column, row[i].column);
    }
    CHECK(!jr_read(&r, "[1]\0", 4)); /* a NUL is no space */
    CHECK(!jr_read(&r, "[\"a\0b\"]", 7));
    CHECK(!jr_read(&r, "\"a", 2)); /* nothing behind the bytes is looked at */
    jr_free(&r);
}

TEST(depth_has_a_limit)
{
    struct jr r = {0};
    char text[2 * JR_DEPTH_MAX + 3];
    for (int over = 0; over <= 1; over++) {
        size_t n = JR_DEPTH_MAX + (size_t)over;
        memset(text, '[', n);
        memset(text + n, ']', n);
        CHECK(jr_read(&r, text, 2 * n) == !over);
        CHECK(!over || r.error == JR_DEEP);
    }
    jr_free(&r);
}

TEST(many_members_of_which_two_are_twins)
{
    struct jr r = {0};
    struct buf b = {0};
    for (int twin = 0; twin <= 1; twin++) {
        buf_reset(&b);
        buf_str(&b, "{\"k00\":0");
        for (int i = 1; i < 3000; i++)
            buf_fmt(&b, ",\"k%02d\":%d", twin && i == 2999 ? 7 : i, i);
        buf_char(&b, '}');
        CHECK(jr_read(&r, b.data, b.len) == !twin);
        CHECK(!twin || r.error == JR_TWICE);
    }
    buf_free(&b);
    jr_free(&r);
}

TEST(a_second_document_of_the_size_takes_no_memory)
{
    struct jr r = {0};
    CHECK(reads(&r, "{\"queue\":\"service\",\"attributes\":{\"a\":\"b\",\"c\":\"d\"}}"));
    const struct jr_node *node = r.node;
    const char *text = r.text.data;
    CHECK(reads(&r, "{\"queue\":\"SERVICE\",\"attributes\":{\"e\":\"f\",\"g\":\"h\"}}"));
    CHECK(r.node == node && r.text.data == text);
    CHECK_STR(jr_root(&r)[1].text, "SERVICE");
    jr_free(&r);
}

/* A random document, with what tempts a reader: escapes, twins, limits, spaces. */
static void random_value(struct rng *rng, struct buf *b, int depth)
{
    static const char *const atoms[] = {"null",
                                        "true",
                                        "false",
                                        "0",
                                        "-1",
                                        "12.50",
                                        "1e5",
                                        "1E-3",
                                        "\"\"",
                                        "\"a\\\"b\\\\\"",
                                        "\"\\u00e9\"",
                                        "\"\xc3\xa9\"",
                                        "\"\\ud83d\\ude00\"",
                                        "9223372036854775807",
                                        "-9223372036854775808",
                                        "0.1",
                                        "123456789.123456789",
                                        "\"\\/\\b\\f\\n\\r\\t\""};
    static const char *const space[] = {"", "", "", " ", "\n\t ", "\r\n"};
    uint64_t pick = rng_below(rng, depth > 4 ? 6 : 10);
    buf_str(b, space[rng_below(rng, COUNTOF(space))]);
    if (pick < 6) {
        buf_str(b, atoms[rng_below(rng, COUNTOF(atoms))]);
    } else {
        bool object = pick < 8;
        uint64_t n = rng_below(rng, 5) ? rng_below(rng, 5) : rng_below(rng, 30);
        buf_char(b, object ? '{' : '[');
        for (uint64_t i = 0; i < n; i++) {
            if (i)
                buf_char(b, ',');
            if (object)
                buf_fmt(b, "%s\"k%d\"%s:", space[rng_below(rng, COUNTOF(space))],
                        (int)(rng_below(rng, 40) ? i : rng_below(rng, 9)),
                        space[rng_below(rng, COUNTOF(space))]);
            random_value(rng, b, depth + 1);
        }
        buf_char(b, object ? '}' : ']');
    }
    buf_str(b, space[rng_below(rng, COUNTOF(space))]);
}

PROP(reads_as_jansson_does, 20000)
{
    static const char junk[] = "\"\\{}[],:0123456789.eE+-tfnu \n\xc3\xff\xed\0a";
    struct jr r = {0};
    struct buf b = {0};

    random_value(rng, &b, 0);
    for (uint64_t n = rng_below(rng, 2) ? rng_below(rng, 4) : 0; n > 0 && b.len; n--) {
        size_t at = (size_t)rng_below(rng, b.len);
        if (rng_below(rng, 3))
            b.data[at] = junk[rng_below(rng, sizeof junk)];
        else
            b.len -= at ? (size_t)rng_below(rng, at) / 4 : 0;
    }
    CHECK_STR(twin_differs(&r, b.data, b.len), "");
    buf_free(&b);
    jr_free(&r);
}

TAP_MAIN
