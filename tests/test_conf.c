/* conf: what is taken, and what is refused with which line, column and words. */
#include "base/conf.h"
#include "base/json.h"
#include "tap.h"

#include <jansson.h>

/* ---- a table with a row of every type ---- */

struct item {
    char name[64];
    int32_t wait_ms;
    uint16_t friend;
};
struct pair {
    uint8_t item;
    int32_t ppm;
};
struct target {
    int32_t whole, ppm, minutes, span[2][2];
    double decimal, fraction;
    int64_t long_ms;
    bool flag;
    char name[64], text[8], taken[64];
    uint8_t choice;
    uint16_t ref;
    struct {
        int32_t deep;
    } map;
    uint8_t n_items;
    struct item item[4];
    uint32_t n_more;
    struct item *more;
    struct pair pairs[4];
    uint32_t n_pairs, n_done;
};

static const char *item_name(void *user, uint32_t i)
{
    const struct target *t = user;
    return i < t->n_items ? t->item[i].name : NULL;
}
static const struct conf_ref to_item = {"thing", item_name};
static const char *const choices[] = {"red", "green", NULL};

static void take(struct conf *c, const struct conf_node *n, const char *text, void *base)
{
    str_copy(((struct target *)base)->taken, 64, text);
    if (n && strcmp(text, "never") == 0)
        conf_error(c, n, "is never right; write anything else");
}
static void item_begin(struct conf *c, const struct conf_node *n, void *base, void *owner)
{
    ((struct item *)base)->friend = 999;
}
static void pair_done(struct conf *c, const struct conf_node *n, void *base, void *owner)
{
    struct target *t = owner;
    t->pairs[t->n_pairs++] = *(struct pair *)base;
}
static void all_done(struct conf *c, const struct conf_node *n, void *base, void *owner)
{
    ((struct target *)base)->n_done++;
}

/* clang-format off */
static const struct conf_row item_rows[] = {
    {"name", "Its name.", CONF_AT(struct item, name), .type = CONF_NAME, .required = true},
    {"wait_s", "A wait.", CONF_AT(struct item, wait_ms), .type = CONF_DECIMAL, .scale = 1000,
     .min = 0, .max = 60, .unit = "s", .def = "2.5"},
    {"friend", "Another one.", CONF_AT(struct item, friend), .type = CONF_REF, .ref = &to_item},
};
static const struct conf_table item_table = {CONF_TABLE(item_rows), .unique = "name",
    .shorthand = "name", .begin = item_begin, .doc = "Things."};
static const struct conf_row pair_rows[] = {
    {"item", "An item.", CONF_AT(struct pair, item), .type = CONF_REF, .ref = &to_item},
    {"share", "A share.", CONF_AT(struct pair, ppm), .type = CONF_PERCENT, .min = 0, .max = 100},
};
static const struct conf_table pair_table = {CONF_TABLE(pair_rows), .done = pair_done};
static const struct conf_row map_rows[] = {
    {"deep", "A number below.", CONF_AT(struct target, map.deep), .type = CONF_INT, .min = 1, .max = 9,
     .def = "7"},
};
static const struct conf_table map_table = {CONF_TABLE(map_rows), .doc = "A map."};
static const struct conf_row rows[] = {
    {"whole", "A whole number.", CONF_AT(struct target, whole), .type = CONF_INT, .min = -5, .max = 100, .def = "3"},
    {"decimal", "A decimal.", CONF_AT(struct target, decimal), .type = CONF_DECIMAL, .def = "0.5"},
    {"percent", "A percentage.", CONF_AT(struct target, ppm), .type = CONF_PERCENT, .min = 0, .max = 100, .def = "12.5"},
    {"chance", "A chance.", CONF_AT(struct target, fraction), .type = CONF_PERCENT, .min = 0, .max = 100},
    {"long_min", "Minutes.", CONF_AT(struct target, long_ms), .type = CONF_DECIMAL, .scale = 60000, .min = 0, .max = 525600},
    {"flag", "A flag.", CONF_AT(struct target, flag), .type = CONF_BOOL, .def = "true"},
    {"name", "A name.", CONF_AT(struct target, name), .type = CONF_NAME},
    {"text", "A text | with a bar.", CONF_AT(struct target, text), .type = CONF_TEXT},
    {"taken", "A text for a function.", .type = CONF_TEXT, .take = take, .def = "as if"},
    {"choice", "A colour.", CONF_AT(struct target, choice), .type = CONF_ENUM, .names = choices, .def = "green"},
    {"time", "A time.", CONF_AT(struct target, minutes), .type = CONF_TIME},
    {"spans", "Two days.", CONF_AT(struct target, span[0]), .type = CONF_SPAN, .repeat = 2},
    {"span", "The second day.", CONF_AT(struct target, span[1]), .type = CONF_SPAN},
    {"map", "A map.", .type = CONF_MAP, .sub = &map_table},
    {"items", "Some items.", .type = CONF_LIST, CONF_ARRAY(struct target, item, n_items), .min = 1, .one_or_many = true, .sub = &item_table},
    {"more", "More items.", .type = CONF_LIST, CONF_ALLOC(struct target, more, n_more), .max = 100, .sub = &item_table},
    {"ref", "An item.", CONF_AT(struct target, ref), .type = CONF_REF, .ref = &to_item},
    {"annex", "Somebody else's.", .type = CONF_SECTION},
    {"attic", "Nobody's.", .type = CONF_SECTION},
    {"pairs", "Shares.", .type = CONF_DICT, CONF_EACH(struct pair), .min = 1, .max = 4, .sub = &pair_table},
};
static const struct conf_table table = {CONF_TABLE(rows), .done = all_done};
/* clang-format on */

static struct annex {
    int32_t rooms;
} annex;
static const struct conf_row annex_rows[] = {
    {"rooms", "How many rooms.", CONF_AT(struct annex, rooms), .type = CONF_INT, .min = 0,
     .max = 99, .def = "2"},
};
static const struct conf_table annex_table = {CONF_TABLE(annex_rows), .doc = "What was built on."};
static const struct conf_section sections[] = {{"annex", &annex_table, &annex, NULL}, {0}};

static struct target got;
static struct buf errors;

static bool read_text(const char *text, size_t len)
{
    mem_free(got.more);
    got = (struct target){0};
    buf_free(&errors);
    buf_str(&errors, "");
    return conf_read(text, len, "f", &table, &got, &got, sections, &errors);
}

static bool reads(const char *text)
{
    return read_text(text, strlen(text));
}

static void forget(void)
{
    mem_free(got.more);
    got.more = NULL;
    buf_free(&errors);
}

/* Refused with exactly these lines. */
#define REFUSED(text, want)                                                                        \
    do {                                                                                           \
        CHECK(!reads(text));                                                                       \
        CHECK_STR(errors.data, want);                                                              \
        CHECK_EQ(got.n_done, 0);                                                                   \
    } while (0)

/* ---- what is taken ---- */

TEST(defaults_apply)
{
    CHECK(reads("name: x\n"));
    CHECK_STR(errors.data, "");
    CHECK_EQ(got.whole, 3);
    CHECK(got.decimal == 0.5);
    CHECK_EQ(got.ppm, 125000);
    CHECK(got.flag);
    CHECK_STR(got.taken, "as if");
    CHECK_EQ(got.choice, 1);
    CHECK_EQ(got.map.deep, 7);
    CHECK_EQ(got.n_items, 0);
    CHECK_EQ(got.n_done, 1);
    forget();
}

TEST(every_type_is_kept)
{
    CHECK(reads("# a comment\n"
                "whole: -5\n"
                "decimal: -0.125\n"
                "percent: 33.3333\n"
                "chance: 2.5\n"
                "long_min: 0.05\n"
                "flag: false\n"
                "name: A-z_0.9\n"
                "text: 'a: b'\n"
                "taken: 12\n"
                "choice: red\n"
                "time: 08:30\n"
                "spans: 00:00-24:00\n"
                "span: closed\n"
                "map: {deep: 9}\n"
                "items:\n"
                "  - one\n"
                "  - {name: two, wait_s: 0.001, friend: one}\n"
                "more: [{name: one}, three]\n"
                "ref: two\n"
                "pairs: {two: 60, one: 40.0000}\n"));
    CHECK_STR(errors.data, "");
    CHECK_EQ(got.whole, -5);
    CHECK(got.decimal == -0.125);
    CHECK_EQ(got.ppm, 333333);
    CHECK(got.fraction == 0.025);
    CHECK_EQ(got.long_ms, 3000);
    CHECK(!got.flag);
    CHECK_STR(got.name, "A-z_0.9");
    CHECK_STR(got.text, "a: b");
    CHECK_STR(got.taken, "12");
    CHECK_EQ(got.choice, 0);
    CHECK_EQ(got.minutes, 510);
    CHECK_EQ(got.span[0][0], 0);
    CHECK_EQ(got.span[0][1], 1440);
    CHECK_EQ(got.span[1][1], 0);
    CHECK_EQ(got.map.deep, 9);
    CHECK_EQ(got.n_items, 2);
    CHECK_STR(got.item[0].name, "one");
    CHECK_EQ(got.item[0].wait_ms, 2500);
    CHECK_EQ(got.item[0].friend, 999);
    CHECK_EQ(got.item[1].wait_ms, 1);
    CHECK_EQ(got.item[1].friend, 0);
    CHECK_EQ(got.n_more, 2);
    CHECK_STR(got.more ? got.more[1].name : NULL, "three");
    CHECK_EQ(got.ref, 1);
    CHECK_EQ(got.n_pairs, 2);
    CHECK_EQ(got.pairs[0].item, 1);
    CHECK_EQ(got.pairs[0].ppm, 600000);
    CHECK_EQ(got.pairs[1].ppm, 400000);
    forget();
}

TEST(a_single_item_may_stand_without_its_list)
{
    CHECK(reads("items: one\n"));
    CHECK_EQ(got.n_items, 1);
    CHECK(reads("items: {name: one, wait_s: 1}\n"));
    CHECK_EQ(got.item[0].wait_ms, 1000);
    forget();
}

TEST(json_is_yaml_too)
{
    CHECK(reads("{\"whole\": 4, \"items\": [{\"name\": \"one\"}], \"flag\": false}"));
    CHECK_STR(errors.data, "");
    CHECK_EQ(got.whole, 4);
    CHECK(reads("\xef\xbb\xbfwhole: 4\r\nflag: false\r\n")); /* a byte order mark and CRLF */
    CHECK_EQ(got.whole, 4);
    forget();
}

PROP(decimals_are_exact, 2000)
{
    int64_t ppm = (int64_t)rng_below(rng, 1000001), places = (int64_t)rng_below(rng, 5);
    int64_t cut[] = {10000, 1000, 100, 10, 1};
    ppm -= ppm % cut[places];
    char text[160], dec[64];
    double value = (double)((int64_t)rng_below(rng, 2000000001) - 1000000000) /
                   pow(10, (double)rng_below(rng, 7));
    snprintf(dec, sizeof dec, "%.6f", value);
    snprintf(text, sizeof text, "percent: %.*f\ndecimal: %s\n", (int)places, (double)ppm / 10000,
             dec);
    if (strlen(dec) > 15)
        return;
    CHECK(reads(text));
    CHECK_EQ(got.ppm, ppm);
    CHECK(got.decimal == strtod(dec, NULL));
    forget();
}

/* ---- what is refused ---- */

#define WHOLE   " is not a whole number; write a whole number from -5 to 100, digits only\n"
#define DECIMAL " is not a decimal number; write a number, digits only\n"
#define EMPTY   "is empty; write a whole number from -5 to 100, digits only\n"

TEST(what_looks_like_a_number)
{
    REFUSED("whole: 40%\n", "f:1:8: whole: \"40%\"" WHOLE);
    REFUSED("whole: 40abc\n", "f:1:8: whole: \"40abc\"" WHOLE);
    REFUSED("whole: 4e1\n", "f:1:8: whole: \"4e1\"" WHOLE);
    REFUSED("whole: 010\n", "f:1:8: whole: \"010\"" WHOLE);
    REFUSED("whole: 0x10\n", "f:1:8: whole: \"0x10\"" WHOLE);
    REFUSED("whole: 0o10\n", "f:1:8: whole: \"0o10\"" WHOLE);
    REFUSED("whole: 1_0\n", "f:1:8: whole: \"1_0\"" WHOLE);
    REFUSED("whole: +1\n", "f:1:8: whole: \"+1\"" WHOLE);
    REFUSED("whole: --1\n", "f:1:8: whole: \"--1\"" WHOLE);
    REFUSED("whole: 1 2\n", "f:1:8: whole: \"1 2\"" WHOLE);
    REFUSED("whole: 1:30\n", "f:1:8: whole: \"1:30\"" WHOLE);
    REFUSED("whole: .inf\n", "f:1:8: whole: \".inf\"" WHOLE);
    REFUSED("whole: 1.5\n", "f:1:8: whole: \"1.5\"" WHOLE);
    REFUSED("whole: -\n", "f:1:8: file: block sequence entries are not allowed in this context; "
                          "check the indentation, the quotes and the brackets here and above\n");
    REFUSED("whole: true\n", "f:1:8: whole: \"true\"" WHOLE);
    REFUSED("whole: \"4\"\n", "f:1:8: whole: \"4\" is text, for it is in quotes; write a whole "
                              "number from -5 to 100, digits only\n");
    REFUSED("decimal: 1.\n", "f:1:10: decimal: \"1.\"" DECIMAL);
    REFUSED("decimal: .5\n", "f:1:10: decimal: \".5\"" DECIMAL);
    REFUSED("decimal: 1,5\n", "f:1:10: decimal: \"1,5\"" DECIMAL);
    REFUSED("decimal: nan\n", "f:1:10: decimal: \"nan\"" DECIMAL);
    REFUSED("decimal: 00.5\n", "f:1:10: decimal: \"00.5\"" DECIMAL);
    CHECK(reads("decimal: 1.0\nwhole: 5.00\n")); /* the same numbers as 1 and 5 */
    forget();
}

TEST(nothing_is_not_a_value)
{
    REFUSED("whole:\n", "f:1:7: whole: " EMPTY);
    REFUSED("whole: ~\n", "f:1:8: whole: " EMPTY);
    REFUSED("whole: null\n", "f:1:8: whole: " EMPTY);
    REFUSED("name: null\n", "f:1:7: name: is empty; write some text on one line, in quotes if need "
                            "be\n");
    REFUSED("text: ''\n", "f:1:7: text: \"\" is not a text; write some text on one line, in quotes "
                          "if need be\n");
    REFUSED("map:\n", "f:1:5: map: is empty; write a map of keys and values\n");
    REFUSED("items:\n", "f:1:7: items: is empty; write a list, each entry behind a dash\n");
    REFUSED("items: [one, ]\nmore: [~]\n",
            "f:2:8: more[1]: is empty; write a map with name and more\n");
    REFUSED("", "f:1:1: file: is empty; examples/ has configurations to begin with\n");
    REFUSED("# only a comment\n",
            "f:1:1: file: is empty; examples/ has configurations to begin with\n");
    REFUSED("---\n...\n", "f:2:1: file: is empty; write a map of keys and values\n");
    CHECK(reads("name: 'null'\n"));
    CHECK_STR(got.name, "null");
    forget();
}

TEST(numbers_out_of_range)
{
    REFUSED("whole: -6\n",
            "f:1:8: whole: \"-6\" is too small; write a whole number from -5 to 100, "
            "digits only\n");
    REFUSED("whole: 101\n", "f:1:8: whole: \"101\" is too large; write a whole number from -5 to "
                            "100, digits only\n");
    REFUSED("whole: 99999999999999999999\n",
            "f:1:8: whole: \"99999999999999999999\" has more than 15 digits; write a whole number "
            "from -5 to 100, digits only\n");
    REFUSED("decimal: 0.1234567890123456\n",
            "f:1:10: decimal: \"0.1234567890123456\" has more than 15 digits; write a number, "
            "digits only\n");
    REFUSED("percent: 100.0001\n",
            "f:1:10: percent: \"100.0001\" is too large; write a number from "
            "0 to 100, digits only\n");
    REFUSED("percent: 33.33333\n", "f:1:10: percent: \"33.33333\" has too many digits after the "
                                   "point; write at most 4\n");
    REFUSED("percent: 50 %\n", "f:1:10: percent: \"50 %\" is not a percentage; write a number from "
                               "0 to 100, digits only\n");
    REFUSED(
        "items: [{name: a, wait_s: 1.0005}]\n",
        "f:1:27: items[a].wait_s: \"1.0005\" has too many digits after the point; write at most "
        "3\n");
    REFUSED("long_min: 9.23456789012345\n", "f:1:11: long_min: \"9.23456789012345\" has too many "
                                            "digits after the point; write at most 3\n");
    REFUSED(
        "decimal: 0.0000000000000001\n",
        "f:1:10: decimal: \"0.0000000000000001\" has more than 15 digits; write a number, digits "
        "only\n");
    CHECK(reads("decimal: 123456789012345\n"));
    CHECK(got.decimal == 123456789012345.0);
    CHECK(reads("decimal: 0.00000000000001\n"));
    CHECK(got.decimal == 1e-14);
    forget();
}

TEST(other_scalars)
{
#define FLAG " is neither true nor false; write true or false\n"
    REFUSED("flag: yes\n", "f:1:7: flag: \"yes\"" FLAG);
    REFUSED("flag: True\n", "f:1:7: flag: \"True\"" FLAG);
    REFUSED("flag: 1\n", "f:1:7: flag: \"1\"" FLAG);
    REFUSED("flag: 'true'\n", "f:1:7: flag: \"true\"" FLAG);
#define NAME " is not a name; write 1 to 63 of A-Z a-z 0-9 . _ -\n"
    REFUSED("name: a b\n", "f:1:7: name: \"a b\"" NAME);
    REFUSED("name: b\xc3\xbcro\n", "f:1:7: name: \"b\xc3\xbcro\"" NAME);
    REFUSED("name: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n",
            "f:1:7: name: \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"..." NAME);
    CHECK(reads("name: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n"));
    CHECK_EQ(strlen(got.name), 63);
    REFUSED("text: 12345678\n", "f:1:7: text: is longer than 7 bytes; shorten it\n");
    REFUSED("text: \"a\\tb\"\n",
            "f:1:7: text: \"a\\tb\" is not a text; write some text on one line, "
            "in quotes if need be\n");
    REFUSED("taken: never\n", "f:1:8: taken: is never right; write anything else\n");
    REFUSED("choice: gren\n",
            "f:1:9: choice: \"gren\" is not known here; did you mean \"green\"?\n");
    REFUSED("choice: blue\n", "f:1:9: choice: \"blue\" is not known here; there is red, green\n");
#define TIME " is not a time of day; write HH:MM, from 00:00 to 24:00\n"
    REFUSED("time: 8:30\n", "f:1:7: time: \"8:30\"" TIME);
    REFUSED("time: 24:01\n", "f:1:7: time: \"24:01\"" TIME);
    REFUSED("time: 23:60\n", "f:1:7: time: \"23:60\"" TIME);
    REFUSED("time: 0830\n", "f:1:7: time: \"0830\"" TIME);
#define SPAN                                                                                       \
    " is not a span of one day; write HH:MM-HH:MM, the later time last (up to 24:00), or closed\n"
    REFUSED("span: 20:00-08:00\n", "f:1:7: span: \"20:00-08:00\"" SPAN);
    REFUSED("span: 08:00-08:00\n", "f:1:7: span: \"08:00-08:00\"" SPAN);
    REFUSED("span: 08:00 - 20:00\n", "f:1:7: span: \"08:00 - 20:00\"" SPAN);
    REFUSED("span: 08:00\n", "f:1:7: span: \"08:00\"" SPAN);
    forget();
}

TEST(references_exist)
{
    REFUSED("items: [support, sales]\nref: suport\n",
            "f:2:6: ref: \"suport\" is not a known thing; did you mean \"support\"?\n");
    REFUSED("items: [support, sales]\nref: chat\n",
            "f:2:6: ref: \"chat\" is not a known thing; there is support, sales\n");
    REFUSED("ref: chat\n", "f:1:6: ref: \"chat\" is not a known thing; there is none\n");
    REFUSED("items: [{name: a, friend: b}, b]\n",
            "f:1:27: items[a].friend: \"b\" is not a known thing; did you mean \"a\"?\n");
    REFUSED("items: [a]\npairs: {a: 1, A: 2}\n",
            "f:2:15: pairs.A: \"A\" is not a known thing; did you mean \"a\"?\n");
    forget();
}

TEST(keys_are_known_and_given_once)
{
    REFUSED("whole: 1\nwhle: 2\n", "f:2:1: whle: is not a known key; did you mean \"whole\"?\n");
    REFUSED("map: {depe: 2}\n", "f:1:7: map.depe: is not a known key; did you mean \"deep\"?\n");
    REFUSED("map: {x y: 2}\n", "f:1:7: map.\"x y\": is not a known key; there is deep\n");
    REFUSED("whole: 1\nname: a\nwhole: 1\n", "f:3:1: whole: is given twice, first on line 1; keep "
                                             "one\n");
    REFUSED("items: [a]\npairs: {a: 1, a: 2}\n",
            "f:2:15: pairs.a: is given twice, first on line 2; keep one\n");
    REFUSED("items:\n  - name: a\n  - name: b\n  - name: a\n",
            "f:4:11: items[a].name: is the same as on line 2; choose another\n");
    REFUSED("items:\n  - {wait_s: 1}\n", "f:2:5: items[1]: name is missing; add it: Its name.\n");
    REFUSED("<<: {whole: 1}\n", "f:1:1: \"<<\": is not a known key; there is whole, decimal, "
                                "percent, chance, long_min, flag, name, text, taken, choice, time, "
                                "spans and more\n");
    REFUSED("items: [a, b, c, d, e]\n", "f:1:8: items: has 5 entries; 1 to 4 are possible\n");
    REFUSED("items: []\n", "f:1:8: items: has 0 entries; 1 to 4 are possible\n");
    forget();
}

TEST(maps_lists_and_values_are_told_apart)
{
    REFUSED("whole: [1]\n", "f:1:8: whole: is a list; write a single value\n");
    REFUSED("whole: {a: 1}\n", "f:1:8: whole: is a map; write a single value\n");
    REFUSED("map: 3\n", "f:1:6: map: is a single value; write a map of keys and values\n");
    REFUSED("more: one\n", "f:1:7: more: is a single value; write a list, each entry behind a "
                           "dash\n");
    REFUSED("items: [a]\npairs: [a]\n", "f:2:8: pairs: is a list; write a map of item: share\n");
    REFUSED("- whole: 3\n", "f:1:1: file: is a list; write a map of keys and values\n");
    REFUSED("whole\n", "f:1:1: file: is a single value; write a map of keys and values\n");
    REFUSED("more:\n- [a]\n", "f:2:3: more[1]: is a list; write a map with name and more\n");
    forget();
}

TEST(one_reading_only)
{
    REFUSED("whole: &a 1\n",
            "f:1:8: whole: has an anchor; write the value out where it is needed\n");
    REFUSED("name: a\nwhole: *a\n",
            "f:2:8: whole: is an alias; write the value out where it is needed\n");
    REFUSED("whole: !!int 1\n",
            "f:1:8: whole: has a tag; remove it, the key alone says what type a "
            "value has\n");
    REFUSED("whole: !x 1\n", "f:1:8: whole: has a tag; remove it, the key alone says what type a "
                             "value has\n");
    REFUSED("map: &m {deep: 1}\nitems: !!seq [a]\n",
            "f:1:6: map: has an anchor; write the value out where it is needed\n"
            "f:2:8: items: has a tag; remove it, the key alone says what type a value has\n");
    REFUSED("!!map {whole: 1}\n",
            "f:1:1: file: has a tag; remove it, the key alone says what type a value has\n");
    REFUSED("&k whole: 1\n",
            "f:1:1: file: a key has an anchor, a tag or a NUL; keys are plain words\n");
    REFUSED("[a]: 1\n", "f:1:1: file: a key is a list; keys are plain words\n");
    REFUSED("? {a: b}\n: 1\n", "f:1:3: file: a key is a map; keys are plain words\n");
    REFUSED("*x : 1\n", "f:1:1: file: a key is an alias; keys are plain words\n");
    REFUSED("whole: 1\n---\nwhole: 2\n",
            "f:2:1: file: a second document begins; a configuration is one document\n");
    REFUSED("name: \"a\\0b\"\n", "f:1:7: name: contains a NUL character; remove it\n");
    forget();
}

TEST(broken_yaml)
{
    REFUSED(
        "whole: [1\nname: x\n",
        "f:2:5: file: did not find expected ',' or ']' while parsing a flow sequence; check the "
        "indentation, the quotes and the brackets here and above\n");
    REFUSED("map:\n\tdeep: 1\n", "f:2:1: file: found character that cannot start any token while "
                                 "scanning for the next token; a tab cannot indent; use spaces\n");
    REFUSED("name: \"abc\n", "f:2:1: file: found unexpected end of stream while scanning a quoted "
                             "scalar; check the indentation, the quotes and the brackets here and "
                             "above\n");
    REFUSED("name: a\ntext: b\xff\n", "f:2:8: file: invalid leading UTF-8 octet; save the file as "
                                      "UTF-8 without control characters\n");
    REFUSED("name: gr\xc3\xbc\xc3\x9f\x01\n",
            "f:1:11: file: control characters are not allowed; save the file as UTF-8 without "
            "control characters\n");
    forget();
}

TEST(limits_of_a_text)
{
    struct buf b = {0};
    buf_str(&b, "map: ");
    for (int i = 0; i < 15; i++)
        buf_char(&b, '[');
    for (int i = 0; i < 15; i++)
        buf_char(&b, ']');
    REFUSED(b.data, "f:1:6: map: is a list; write a map of keys and values\n"); /* 16 levels */
    buf_reset(&b);
    buf_str(&b, "map: [[[[[[[[[[[[[[[[[");
    REFUSED(b.data, "f:1:21: file: is nested deeper than 16 levels; nothing here needs that\n");

    buf_reset(&b);
    buf_str(&b, "name: x\n#");
    while (b.len < CONF_SIZE_MAX)
        buf_char(&b, '.');
    CHECK(read_text(b.data, b.len));
    buf_char(&b, '.');
    REFUSED(b.data, "f:1:1: file: is larger than 4194304 bytes; generate agents with count\n");
    buf_free(&b);
    forget();
}

TEST(twenty_problems_in_the_order_of_the_file)
{
    struct buf b = {0}, want = {0};
    buf_str(&b, "zero: 1\nwhole: x\n"); /* the table reads whole before it finds what is unknown */
    buf_str(&want,
            "f:1:1: zero: is not a known key; there is whole, decimal, percent, chance, "
            "long_min, flag, name, text, taken, choice, time, spans and more\n"
            "f:2:8: whole: \"x\" is not a whole number; write a whole number from -5 to 100, "
            "digits only\n");
    buf_str(&b, "more:\n");
    for (int i = 0; i < 30; i++) {
        buf_fmt(&b, "  - {name: i%d, wait_s: x}\n", i);
        if (i < 18)
            buf_fmt(&want,
                    "f:%d:%d: more[i%d].wait_s: \"x\" is not a decimal number; write a number "
                    "from 0 to 60 (s), digits only\n",
                    i + 4, i < 10 ? 24 : 25, i);
    }
    buf_str(&want, "f: 12 more problems are not shown; mend these first\n");
    REFUSED(b.data, want.data);
    buf_free(&b);
    buf_free(&want);
    forget();
}

TEST(a_hostile_map_is_refused_in_time)
{
    for (int different = 100000; different; different -= 50000) {
        struct buf b = {0};
        for (int i = 0; i < 100000; i++)
            buf_fmt(&b, "k%d: 1\n", i % different);
        CHECK(!read_text(b.data, b.len));
        int lines = 0;
        for (const char *p = errors.data; *p; p++)
            lines += *p == '\n';
        CHECK_EQ(lines, 21);
        CHECK(strstr(errors.data, different == 100000 ? "f:1:1: k0: is not a known key; there is"
                                                      : ": is given twice, first on line "));
        CHECK(strstr(errors.data, "\nf: at least 980 more") || different != 100000);
        buf_free(&b);
    }
    forget();
}

/* ---- the reference ---- */

TEST(near_names)
{
    struct {
        const char *text, *want;
    } cases[] = {
        {"suport", "support"},
        {"spuport", "support"},
        {"Support", "support"},
        {"sale", "sales"},
        {"bilinng", "billing"},
        {"xyz", NULL},
        {"", NULL},
    };
    for (size_t i = 0; i < COUNTOF(cases); i++) {
        const char *near =
            conf_nearest(cases[i].text, (const char *(*)(void *, uint32_t))item_name, &got);
        CHECK(near == NULL); /* there are no items */
    }
    CHECK(reads("items: [support, sales, billing]\n"));
    for (size_t i = 0; i < COUNTOF(cases); i++) {
        const char *near = conf_nearest(cases[i].text, item_name, &got);
        if (cases[i].want)
            CHECK_STR(near, cases[i].want);
        else
            CHECK(near == NULL);
    }
    forget();
}

TEST(sections_are_read_by_the_tables_of_others)
{
    CHECK(reads("whole: 4\nannex: {rooms: 7}\nattic: {whatever: [is, kept], here: 1}\n"));
    CHECK_EQ(annex.rooms, 7);
    forget();
    CHECK(reads("whole: 4\n"));
    CHECK_EQ(annex.rooms, 2);
    forget();
    CHECK(!reads("annex: {rooms: many}\nattic: [1]\n"));
    CHECK(strstr(errors.data, "f:1:16: annex.rooms: \"many\" is not a whole number"));
    CHECK(strstr(errors.data, "f:2:8: attic: is a list; write a map of keys and values"));
    forget();
    CHECK(!reads("annex: {windows: 1}\n"));
    CHECK(strstr(errors.data, "annex.windows: is not a known key; "));
    forget();
}

TEST(the_reference_in_three_forms)
{
    struct buf b = {0};
    conf_markdown(&table, sections, &b);
    CHECK(strstr(b.data, "| `whole` | whole number -5..100 | `3` | A whole number. |\n"));
    CHECK(strstr(b.data, "| `choice` | red or green | `green` | A colour. |\n"));
    CHECK(strstr(b.data, "| `pairs` | map of name of a thing: percentage 0..100 |  | Shares. |\n"));
    CHECK(strstr(b.data, "\n### `items[]`\n\nThings.\n\n| key | value |"));
    CHECK(strstr(b.data, "| `name` | name | required | Its name. |\n"));
    CHECK(strstr(b.data, "| `text` | text |  | A text \\| with a bar. |\n"));
    CHECK(strstr(b.data, "\n### `annex`\n\nWhat was built on.\n\n| key | value |"));
    CHECK(strstr(b.data, "| `attic` | map |  | Nobody's. |\n"));
    CHECK(!strstr(b.data, "### `attic`"));
    buf_reset(&b);
    conf_scdoc(&table, sections, &b);
    CHECK(strstr(b.data, "*items[].wait\\_s* (number 0..60 s)\n\tA wait. Default: 2.5.\n\n"));
    buf_reset(&b);
    conf_json(&table, sections, "test", &b);
    json_error_t e;
    json_t *j = json_loadb(b.data, b.len, JSON_REJECT_DUPLICATES, &e);
    CHECK(j != NULL);
    json_t *props = json_object_get(j, "properties");
    CHECK_EQ(json_object_size(props), COUNTOF(rows));
    CHECK_EQ(json_integer_value(json_object_get(json_object_get(props, "whole"), "minimum")), -5);
    CHECK_STR(json_string_value(json_object_get(json_object_get(props, "choice"), "default")),
              "green");
    json_t *rooms = json_object_get(json_object_get(props, "annex"), "properties");
    CHECK_STR(json_string_value(json_object_get(json_object_get(rooms, "rooms"), "type")),
              "integer");
    json_decref(j);
    buf_free(&b);
}

TAP_MAIN
