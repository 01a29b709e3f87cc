/* json: what is written is valid, escaped, shortest; misuse ends the process. */
#include "base/json.h"
#include "tap.h"

#include <float.h>
#include <jansson.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *quoted(struct buf *b, const char *s, size_t n)
{
    buf_reset(b);
    json_quote(b, s, n);
    return b->data;
}

static const char *number(struct buf *b, double v)
{
    buf_reset(b);
    json_number(b, v);
    return b->data;
}

TEST(a_document_of_everything)
{
    struct buf b = {0};
    struct jw w;
    buf_str(&b, "data: ");
    jw_begin(&w, &b);
    jw_obj(&w);
    jw_key(&w, "a");
    jw_arr(&w);
    jw_int(&w, INT64_MIN);
    jw_int(&w, -1);
    jw_uint(&w, UINT64_MAX);
    jw_double(&w, 0.1);
    jw_arr(&w);
    jw_end(&w);
    jw_obj(&w);
    jw_end(&w);
    jw_bool(&w, true);
    jw_bool(&w, false);
    jw_null(&w);
    jw_str(&w, NULL);
    jw_end(&w);
    jw_key(&w, "k\"");
    jw_str(&w, "");
    jw_key(&w, "r");
    jw_raw(&w, "[1]", 3);
    jw_end(&w);
    jw_done(&w);
    CHECK_STR(b.data, "data: {\"a\":[-9223372036854775808,-1,18446744073709551615,0.1,[],{},"
                      "true,false,null,null],\"k\\\"\":\"\",\"r\":[1]}");
    buf_free(&b);
}

TEST(every_control_character_is_escaped)
{
    struct buf b = {0};
    CHECK_STR(quoted(&b, "\b\t\n\f\r\"\\/", 8), "\"\\b\\t\\n\\f\\r\\\"\\\\/\"");
    CHECK_STR(quoted(&b, "a\0b\x1f\x7f", 5), "\"a\\u0000b\\u001f\x7f\"");
    for (int c = 0; c < 0x20; c++) {
        char s[12] = "01234567x01"; /* in the part that is looked at eight bytes at a time */
        s[c % 11] = (char)c;
        quoted(&b, s, 11);
        json_t *j = json_loads(b.data, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        CHECK_EQ(json_string_length(j), 11);
        CHECK(j && !memcmp(json_string_value(j), s, 11));
        json_decref(j);
    }
    buf_free(&b);
}

/* Expected replacements are those of the Unicode standard's own tables 3-8 to 3-11. */
TEST(malformed_utf8_becomes_replacement_characters)
{
#define R "\xef\xbf\xbd"
    struct buf b = {0};
    CHECK_STR(quoted(&b, "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x93\x9e", 15),
              "\"gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x93\x9e\"");
    CHECK_STR(quoted(&b, "\xc0\xaf\xe0\x80\xbf\xf0\x81\x82\x41", 9), "\"" R R R R R R R R "A\"");
    CHECK_STR(quoted(&b, "\xed\xa0\x80\xed\xbf\xbf\xed\xaf\x41", 9), "\"" R R R R R R R R "A\"");
    CHECK_STR(quoted(&b, "\xf4\x91\x92\x93\xff\x41\x80\xbf\x42", 9), "\"" R R R R R "A" R R "B\"");
    CHECK_STR(quoted(&b, "\xe1\x80\xe2\xf0\x91\x92\xf1\xbf\x41", 9), "\"" R R R R "A\"");
    CHECK_STR(quoted(&b, "ab\xe2\x82", 4), "\"ab" R "\""); /* cut off at the end */
    CHECK_STR(quoted(&b, "\xf4\x8f\xbf\xbf", 4), "\"\xf4\x8f\xbf\xbf\"");
    buf_free(&b);
}

PROP(any_bytes_make_json_that_jansson_reads, 2000)
{
    char s[64];
    size_t n = rng_below(rng, sizeof s + 1);
    for (size_t i = 0; i < n; i++)
        s[i] = (char)(rng_chance(rng, 0.5) ? 'a' : (int)rng_below(rng, 256));
    struct buf b = {0};
    struct jw w;
    jw_begin(&w, &b);
    jw_strn(&w, s, n);
    jw_done(&w);
    json_error_t e;
    json_t *j = json_loadb(b.data, b.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, &e);
    CHECK(json_is_string(j));
    CHECK_EQ(strlen(b.data), b.len);
    json_decref(j);
    buf_free(&b);
}

TEST(doubles_are_short)
{
    struct buf b = {0};
    static const struct {
        double v;
        const char *want;
    } rows[] = {
        {0, "0"},
        {-0.0, "0"},
        {1, "1"},
        {-1, "-1"},
        {0.5, "0.5"},
        {0.1, "0.1"},
        {-0.07, "-0.07"},
        {38.9047, "38.9047"},
        {-122.5703, "-122.5703"},
        {1e14, "100000000000000"},
        {1e15, "1e+15"},
        {1e-9, "0.000000001"},
        {1e-10, "1e-10"},
        {0.1 + 0.2, "0.30000000000000004"},
        {1.0 / 3, "0.3333333333333333"},
        {DBL_MAX, "1.7976931348623157e+308"},
        {DBL_MIN, "2.2250738585072014e-308"},
        {5e-324, "4.94065645841247e-324"},
        {123456.789, "123456.789"},
        {99.9, "99.9"},
        {1784307600123.0, "1784307600123"},
        {NAN, "null"},
        {INFINITY, "null"},
        {-INFINITY, "null"},
    };
    for (size_t i = 0; i < COUNTOF(rows); i++)
        CHECK_STR(number(&b, rows[i].v), rows[i].want);
    buf_free(&b);
}

/* Digits of a number's text between the first and the last that are not 0. */
static int significant(const char *s)
{
    int n = 0, last = 0;
    for (; *s && *s != 'e'; s++) {
        if (*s < '0' || *s > '9' || (!n && *s == '0'))
            continue;
        n++;
        if (*s != '0')
            last = n;
    }
    return last;
}

PROP(doubles_read_back_the_same, 5000)
{
    union {
        uint64_t u;
        double d;
    } x = {rng_u64(rng)};
    if (rng_chance(rng, 0.5)) /* a decimal with few places, of either sign */
        x.d = (double)((int64_t)rng_below(rng, 2000000000) - 1000000000) /
              pow(10, (double)rng_below(rng, 12));
    if (!isfinite(x.d))
        return;
    struct buf b = {0};
    number(&b, x.d);
    CHECK(strtod(b.data, NULL) == x.d);
    for (int digits = 1; digits < 17; digits++) { /* no shorter one would do */
        char text[40];
        snprintf(text, sizeof text, "%.*e", digits - 1, x.d);
        if (strtod(text, NULL) == x.d) {
            CHECK_EQ(significant(b.data), significant(text));
            break;
        }
    }
    buf_free(&b);
}

static void value_without_key(struct jw *w)
{
    jw_obj(w);
    jw_int(w, 1);
}
static void key_in_array(struct jw *w)
{
    jw_arr(w);
    jw_key(w, "k");
}
static void two_keys(struct jw *w)
{
    jw_obj(w);
    jw_key(w, "k");
    jw_key(w, "k");
}
static void end_after_key(struct jw *w)
{
    jw_obj(w);
    jw_key(w, "k");
    jw_end(w);
}
static void end_of_nothing(struct jw *w)
{
    jw_end(w);
}
static void two_documents(struct jw *w)
{
    jw_int(w, 1);
    jw_int(w, 2);
}
static void left_open(struct jw *w)
{
    jw_arr(w);
    jw_done(w);
}
static void nothing_written(struct jw *w)
{
    jw_done(w);
}
static void too_deep(struct jw *w)
{
    for (int i = 0; i <= JW_DEPTH_MAX; i++)
        jw_arr(w);
}
static void empty_raw(struct jw *w)
{
    jw_raw(w, "", 0);
}
static void no_misuse(struct jw *w)
{
    for (int i = 0; i < JW_DEPTH_MAX; i++)
        jw_arr(w);
    for (int i = 0; i < JW_DEPTH_MAX; i++)
        jw_end(w);
    jw_done(w);
}

static int signal_of(void (*fn)(struct jw *w))
{
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        struct buf b = {0};
        struct jw w;
        if (!freopen("/dev/null", "w", stderr))
            _exit(2);
        jw_begin(&w, &b);
        fn(&w);
        _exit(0);
    }
    int status = 0;
    waitpid(pid, &status, 0);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

TEST(misuse_ends_the_process)
{
    void (*const wrong[])(struct jw *) = {
        value_without_key, key_in_array, two_keys,        end_after_key, end_of_nothing,
        two_documents,     left_open,    nothing_written, too_deep,      empty_raw,
    };
    for (size_t i = 0; i < COUNTOF(wrong); i++)
        if (signal_of(wrong[i]) != SIGABRT)
            TAP_FAIL("misuse %zu went on", i);
    CHECK_EQ(signal_of(no_misuse), 0);
}

static const char *fixed(struct buf *b, int64_t v, unsigned places)
{
    struct jw w;
    buf_reset(b);
    jw_begin(&w, b);
    jw_fixed(&w, v, places);
    return b->data;
}

TEST(fixed_numbers)
{
    struct buf b = {0};
    CHECK_STR(fixed(&b, 0, 3), "0");
    CHECK_STR(fixed(&b, 1, 3), "0.001");
    CHECK_STR(fixed(&b, -1, 3), "-0.001");
    CHECK_STR(fixed(&b, 360199, 3), "360.199");
    CHECK_STR(fixed(&b, 360100, 3), "360.1");
    CHECK_STR(fixed(&b, 360000, 3), "360");
    CHECK_STR(fixed(&b, -500, 3), "-0.5");
    CHECK_STR(fixed(&b, 120, 0), "120");
    CHECK_STR(fixed(&b, INT64_MIN, 18), "-9.223372036854775808");
    CHECK_STR(fixed(&b, INT64_MAX, 1), "922337203685477580.7");
    buf_free(&b);
}

PROP(a_fixed_number_is_the_whole_one_with_a_point, 20000)
{
    struct buf b = {0};
    char want[64];
    unsigned places = (unsigned)rng_below(rng, 19);
    int64_t v = (int64_t)(rng_u64(rng) >> rng_below(rng, 63)), unit = 1;
    for (unsigned i = 0; i < places; i++)
        unit *= 10;
    int n = snprintf(want, sizeof want, "%" PRId64 ".%0*" PRId64, v / unit, (int)places, v % unit);
    if (!places)
        n -= 2; /* a 0 that printf writes all the same, and the point */
    else
        while (want[n - 1] == '0')
            n--;
    n -= places && want[n - 1] == '.';
    want[n] = 0;
    if (v >= 0)
        CHECK_STR(fixed(&b, v, places), want);
    buf_free(&b);
}

TAP_MAIN
