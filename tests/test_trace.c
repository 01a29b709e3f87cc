/* src/trace: what is read from a row, what is wrong with it, and in which order rows are played. */
#include "trace_fixture.h"

#define DAY "2024-02-29T"
static const td_ms day = 1709164800000; /* date -u -d 2024-02-29 +%s */

static td_ms only_time(const char *format, const char *cell, int64_t offset_min)
{
    struct config c = fixture();
    c.trace.utc_offset_min = offset_min;
    c.trace.queue_default = Q_SALES;
    c.trace.queue[0] = 0;
    str_copy(c.trace.time_format, sizeof c.trace.time_format, format);
    char text[128];
    snprintf(text, sizeof text, "t,x\n\"%s\",\n", cell);
    struct trace *t = open_text(&c, text);
    struct arrival a;
    td_ms at = trace_next(t, &a) == TRACE_ROW ? a.at : -1;
    CHECK_EQ(trace_stats(t).bad, at < 0);
    trace_close(t);
    return at;
}

/* The seconds are of `date -u -d TEXT +%s`. */
static const struct {
    const char *format, *cell;
    int64_t offset_min;
    td_ms want;
} times[] = {
    {"iso8601", "2026-11-22T09:59:30Z", 60, 1795341570000},
    {"iso8601", "2026-11-22 09:59:30.25z", 60, 1795341570250},
    {"iso8601", "2026-11-22T09:59:30", 60, 1795337970000},
    {"iso8601", "2026-11-22T11:59:30+02:00", 60, 1795341570000},
    {"iso8601", "2026-11-22T04:29:30-0530", 0, 1795341570000},
    {"iso8601", "2026-11-22T11:59+02", 0, 1795341540000},
    {"iso8601", "2024-02-29T23:59:60Z", 0, 1709251199000},
    {"iso8601", "2199-12-31T23:59:59Z", 0, 7258118399000},
    {"iso8601", "2200-01-01T00:00:00Z", 0, -1},
    {"iso8601", "1969-12-31T23:59:59Z", 0, -1},
    {"iso8601", "2023-02-29T00:00:00Z", 0, -1},
    {"iso8601", "2026-13-01T00:00:00Z", 0, -1},
    {"iso8601", "2026-11-22T24:00:00Z", 0, -1},
    {"iso8601", "2026-11-22T09:60:00Z", 0, -1},
    {"iso8601", "2026-11-22T09:59:30Zx", 0, -1},
    {"iso8601", "2026-11-22T09:59:30.Z", 0, -1},
    {"iso8601", "2026-11-22T09:59:30+2", 0, -1},
    {"iso8601", "2026-11-22T09:59:30+99:00", 0, -1},
    {"iso8601", "2026-11-22", 0, -1},
    {"iso8601", "", 0, -1},
    {"seconds", "0", 0, 345600000}, /* Monday 1970-01-05 */
    {"seconds", "3600.5", -300, 345600000 + 3600500 + 300 * 60000},
    {"seconds", "-1", 0, -1},
    {"seconds", "0x10", 0, -1},
    {"seconds", "nan", 0, -1},
    {"seconds", "1e400", 0, -1},
    {"seconds", "12 34", 0, -1},
    {"epoch_s", "917852567.125", 120, 917852567125},
    {"epoch_ms", "917852567125", 120, 917852567125},
    {"epoch_ms", "1e300", 0, -1},
    {"%y%m%d %H:%M:%S", "990201 7:02:47", 0, 917852567000},
    {"%y%m%d %H:%M:%S", "990201 9:02:47", 120, 917852567000},
    {"%Y-%m-%d %H:%M:%S", "2024-02-29 23:59:59.5", 0, 1709251199500},
    {"%Y-%m-%d %H:%M:%S", "2024-02-30 00:00:00", 0, -1},
    {"%Y-%m-%d %H:%M:%S", "2024-02-29 00:00:00 pm", 0, -1},
    {"%d/%m/%Y %H:%M %z", "29/02/2024 23:59 +0100", 0, 1709247540000},
    {"%H:%M", "01:00", 0, 345600000 + 3600000},
};

TEST(times_of_every_format)
{
    for (size_t i = 0; i < COUNTOF(times); i++) {
        td_ms got = only_time(times[i].format, times[i].cell, times[i].offset_min);
        if (got != times[i].want)
            TAP_FAIL("%s as %s: got %lld, want %lld", times[i].cell, times[i].format,
                     (long long)got, (long long)times[i].want);
    }
}

TEST(a_time_may_span_columns)
{
    struct config c = fixture();
    str_copy(c.trace.time, NAME_MAX_LEN, "day+hour");
    str_copy(c.trace.time_format, NAME_MAX_LEN, "%Y%m%d %H:%M");
    struct trace *t = open_text(&c, "hour,queue,day\n01:30,Sales,20240229\n");
    CHECK_EQ(next_row(t).at, day + 90 * 60000);
    trace_close(t);
    /* A column that is really called so is preferred. */
    t = open_text(&c, "day+hour,queue,day,hour\n20240229 02:30,Sales,x,y\n");
    CHECK_EQ(next_row(t).at, day + 150 * 60000);
    trace_close(t);
    check_refused(&c, "hour,queue\n",
                  "x:1: trace: no column \"day\"; the header has: \"hour\" "
                  "\"queue\"\n");
}

TEST(records_with_quotes_and_line_ends)
{
    struct config c = fixture();
    struct trace *t = open_text(&c, "\xef\xbb\xbf"
                                    "note,t,queue\r\n"
                                    "\"two\nlines, \"\"quoted\"\"\"," DAY "00:00:01Z,\"Sales\"\r\n"
                                    "\r\n"
                                    "a \"b\" c," DAY "00:00:02Z,Service\n"
                                    "," DAY "00:00:03Z,Sales"); /* no line end at the end */
    CHECK_EQ(next_row(t).at, day + 1000);
    struct arrival a = next_row(t);
    CHECK_EQ(a.at, day + 2000);
    CHECK_EQ(a.queue, Q_SERVICE);
    CHECK_EQ(a.row, 2);
    CHECK_EQ(next_row(t).at, day + 3000);
    CHECK_EQ(trace_next(t, &a), TRACE_END);
    CHECK_EQ(trace_next(t, &a), TRACE_END);
    CHECK_EQ(trace_stats(t).rows, 3);
    CHECK_EQ(trace_stats(t).bad, 0);
    trace_close(t);
}

TEST(what_is_wrong_is_said_by_place_and_never_by_value)
{
    struct config c = fixture();
    str_copy(c.trace.number, NAME_MAX_LEN, "from");
    str_copy(c.trace.handle_s, NAME_MAX_LEN, "talk");
    str_copy(c.trace.channel, NAME_MAX_LEN, "channel");
    struct trace *t = open_text(
        &c, "t,queue,from,talk,channel\n" DAY "00:00:01Z,Sales,+12125550123,60,voice\n"
            "secret,Sales,+12125550123,60,voice\n" DAY
            "00:00:02Z,\"secret\nqueue\",+12125550123,60,voice\n" DAY
            "00:00:03Z,Sales,secret 2125550199,60,voice\n" DAY
            "00:00:04Z,Sales,+12125550123,-60,voice\n" DAY
            "00:00:05Z,Sales,+12125550123,60,secret\n" DAY "00:00:06Z,Sales,+12125550123,60\n" DAY
            "00:00:07Z,\"Sales\"secret,+12125550123,60,voice\n" DAY
            "00:00:08Z,Sales,anonymous,,CHAT\n" DAY "00:00:09Z,\"Sales,+12125550123,60,voice\n");
    struct trace_stats s = trace_stats(t);
    CHECK_EQ(s.rows, 10);
    CHECK_EQ(s.bad, 8);
    CHECK_STR(s.bad_lines,
              "x:3: column \"t\": is not a time of the configured format\n"
              "x:4: column \"queue\": is not in queue_map, is no queue's name, and there is no "
              "default queue\n"
              "x:6: column \"from\": is not a number in E.164 form (+ and digits)\n"
              "x:7: column \"talk\": is not a duration in seconds, 0 to 30 days\n"
              "x:8: column \"channel\": is not voice, chat, task or email\n"
              "x:9: has not as many columns as the header\n"
              "x:10: text after a closing quote\n"
              "x:12: a quote is not closed\n");
    CHECK(!strstr(s.bad_lines, "secret") && !strstr(s.bad_lines, "555"));
    CHECK_EQ(next_row(t).at, day + 1000);
    struct arrival a = next_row(t);
    CHECK_EQ(a.at, day + 8000);
    CHECK_EQ(a.channel, CHANNEL_CHAT);
    CHECK_EQ(a.place.how, PLACE_NONE);
    CHECK(id_none(a.customer));
    trace_close(t);
}

TEST(the_first_twenty_are_described)
{
    struct config c = fixture();
    struct buf text = {0};
    buf_str(&text, "t,queue\n");
    for (int i = 0; i < 1000; i++)
        buf_str(&text, "x,Sales\n");
    struct trace *t = open_text(&c, text.data);
    struct trace_stats s = trace_stats(t);
    CHECK_EQ(s.bad, 1000);
    int lines = 0;
    for (const char *p = s.bad_lines; *p; p++)
        lines += *p == '\n';
    CHECK_EQ(lines, TRACE_BAD_LINES_MAX);
    trace_close(t);
    buf_free(&text);
}

TEST(a_record_out_of_bounds_costs_only_itself)
{
    struct config c = fixture();
    struct buf text = {0};
    buf_str(&text, "t,queue\n" DAY "00:00:01Z,");
    for (int i = 0; i < TRACE_RECORD_MAX; i++)
        buf_char(&text, 'q');
    buf_str(&text, "\n" DAY "00:00:02Z,Sales\n" DAY "00:00:03Z,\"");
    for (int i = 0; i < TRACE_RECORD_MAX; i++)
        buf_char(&text, ',');
    buf_str(&text, "\n" DAY "00:00:04Z,Sales\n");
    for (int i = 0; i < 2 * TRACE_COLUMNS_MAX; i++)
        buf_char(&text, ',');
    buf_str(&text, "\n" DAY "00:00:05Z,Sales\n");
    struct trace *t = open_text(&c, text.data);
    for (int s = 2; s < 6; s += s == 2 ? 2 : 1)
        CHECK_EQ(next_row(t).at, day + s * 1000);
    CHECK_EQ(trace_stats(t).bad, 3);
    CHECK_EQ(trace_stats(t).rows, 6);
    CHECK(strstr(trace_stats(t).bad_lines, "x:2: the record is longer than 65,536 bytes\n"));
    CHECK(strstr(trace_stats(t).bad_lines, "x:6: more than 256 columns\n"));
    trace_close(t);
    buf_free(&text);
    t = NULL;
    struct buf errors = {0};
    static const char nul[] = "t,queue\n" DAY "00:00:01Z,Sa\0les\n" DAY "00:00:02Z,Sales\n";
    t = trace_open_bytes(nul, sizeof nul - 1, "x", &c, &fixture_options, &errors);
    CHECK_STR(trace_stats(t).bad_lines, "x:2: holds a NUL byte\n");
    CHECK_EQ(next_row(t).at, day + 2000);
    trace_close(t);
}

TEST(where_a_caller_is)
{
    struct config c = fixture();
    str_copy(c.trace.lat, NAME_MAX_LEN, "lat");
    str_copy(c.trace.lon, NAME_MAX_LEN, "lon");
    str_copy(c.trace.number, NAME_MAX_LEN, "number");
    str_copy(c.trace.npa, NAME_MAX_LEN, "npa");
    struct trace *t = open_text(
        &c,
        "t,queue,lat,lon,number,npa\n" DAY "00:00:01Z,Sales,48.85,2.35,+12125550123,416\n" DAY
        "00:00:02Z,Sales,,,+442079460000,416\n" DAY "00:00:03Z,Sales,,,+18005550123,416\n" DAY
        "00:00:04Z,Sales,,,,416\n" DAY "00:00:05Z,Sales,,,Restricted,\n" DAY
        "00:00:06Z,Sales,,,,888\n" DAY "00:00:07Z,Sales,,2.35,,\n" DAY
        "00:00:08Z,Sales,91,2.35,,\n" DAY "00:00:09Z,Sales,,,,41a\n" DAY
        "00:00:10Z,Sales,,,,4160\n" DAY "00:00:11Z,Sales,,,,100\n" DAY "00:00:12Z,Sales,,,,416x\n");
    struct arrival a = next_row(t);
    CHECK_EQ(a.place.how, PLACE_GIVEN);
    CHECK_NEAR(a.place.lat, 48.85, 0);
    CHECK_NEAR(a.place.lon, 2.35, 0);
    a = next_row(t);
    CHECK_EQ(a.place.how, PLACE_COUNTRY);
    CHECK_STR(a.place.country, "GB");
    for (int i = 0; i < 2; i++) {
        a = next_row(t);
        CHECK_EQ(a.place.how, PLACE_NPA);
        CHECK_EQ(a.place.npa, 416);
    }
    for (int i = 0; i < 2; i++)
        CHECK_EQ(next_row(t).place.how, PLACE_NONE);
    CHECK_EQ(trace_next(t, &a), TRACE_END);
    CHECK_EQ(trace_stats(t).bad, 6);
    trace_close(t);
}

TEST(queues_by_map_then_name_then_default)
{
    struct config c = fixture();
    struct cfg_trace_queue map[] = {{"PS", Q_SERVICE}, {"Sales", Q_SERVICE}};
    c.trace.queue_map = map;
    c.trace.n_map = 2;
    c.trace.queue_default = Q_SALES;
    struct trace *t =
        open_text(&c, "t,queue\n" DAY "00:00:01Z,PS\n" DAY "00:00:02Z,Sales\n" DAY
                      "00:00:03Z,Service\n" DAY "00:00:04Z,else\n" DAY "00:00:05Z,\n");
    static const int want[] = {Q_SERVICE, Q_SERVICE, Q_SERVICE, Q_SALES, Q_SALES};
    for (size_t i = 0; i < COUNTOF(want); i++)
        CHECK_EQ(next_row(t).queue, want[i]);
    trace_close(t);
}

TEST(durations_and_who_gave_up)
{
    struct config c = fixture();
    str_copy(c.trace.handle_s, NAME_MAX_LEN, "talk");
    str_copy(c.trace.patience_s, NAME_MAX_LEN, "wait");
    struct trace *t = open_text(&c, "t,queue,talk,wait\n" DAY "00:00:01Z,Sales,60.5,20\n" DAY
                                    "00:00:02Z,Sales,0,20\n" DAY "00:00:03Z,Sales,,\n" DAY
                                    "00:00:04Z,Sales,,0\n");
    static const int64_t want[][2] = {{60500, -1}, {-1, 20000}, {-1, -1}, {-1, 0}};
    for (size_t i = 0; i < COUNTOF(want); i++) {
        struct arrival a = next_row(t);
        CHECK_EQ(a.handle_ms, want[i][0]);
        CHECK_EQ(a.patience_ms, want[i][1]);
        CHECK_EQ(a.wrapup_ms, -1);
    }
    trace_close(t);
}

TEST(customers_are_pseudonyms)
{
    struct config c = fixture();
    str_copy(c.trace.customer, NAME_MAX_LEN, "customer");
    const char *text =
        "t,queue,customer\n" DAY "00:00:01Z,Sales,4711\n" DAY "00:00:02Z,Sales,4712\n" DAY
        "00:00:03Z,Sales,4711\n" DAY "00:00:04Z,Sales,0\n" DAY "00:00:05Z,Sales,\n";
    struct trace *t = open_text(&c, text);
    struct arrival a = next_row(t), b = next_row(t), again = next_row(t);
    CHECK(id_eq(a.customer, again.customer));
    CHECK(!id_eq(a.customer, b.customer) && !id_none(a.customer));
    CHECK(!id_eq(a.contact, again.contact));
    CHECK(id_none(next_row(t).customer));
    CHECK(id_none(next_row(t).customer));
    trace_close(t);
    struct trace_options other = fixture_options;
    other.pseudonym_key[1]++;
    struct buf errors = {0};
    t = trace_open_bytes(text, strlen(text), "x", &c, &other, &errors);
    CHECK(!id_eq(next_row(t).customer, a.customer));
    trace_close(t);
    /* Without a customer column the number stands for the customer, a withheld one for nobody. */
    c = fixture();
    str_copy(c.trace.number, NAME_MAX_LEN, "n");
    t = open_text(&c, "t,queue,n\n" DAY "00:00:01Z,Sales,+12125550123\n" DAY
                      "00:00:02Z,Sales,Private\n" DAY "00:00:03Z,Sales,+12125550123\n");
    a = next_row(t);
    CHECK(id_none(next_row(t).customer));
    CHECK(id_eq(next_row(t).customer, a.customer) && !id_none(a.customer));
    trace_close(t);
    /* With one, it alone does: who is not identified stays unknown. */
    str_copy(c.trace.customer, NAME_MAX_LEN, "who");
    t = open_text(&c, "t,queue,n,who\n" DAY "00:00:01Z,Sales,+12125550123,\n");
    CHECK(id_none(next_row(t).customer));
    trace_close(t);
}

TEST(rows_to_leave_out)
{
    struct config c = fixture();
    c.trace.n_skip = 2;
    str_copy(c.trace.skip[0].column, NAME_MAX_LEN, "outcome");
    str_copy(c.trace.skip[0].value, VALUE_MAX_LEN, "PHANTOM");
    str_copy(c.trace.skip[1].column, NAME_MAX_LEN, "queue");
    str_copy(c.trace.skip[1].value, VALUE_MAX_LEN, "");
    struct trace *t = open_text(&c, "t,queue,outcome\n"
                                    "never read,Sales,PHANTOM\n" DAY "00:00:02Z,Sales,AGENT\n" DAY
                                    "00:00:03Z,,AGENT\n");
    CHECK_EQ(next_row(t).at, day + 2000);
    CHECK_EQ(trace_stats(t).skipped, 2);
    CHECK_EQ(trace_stats(t).rows, 3);
    trace_close(t);
}

TEST(what_cannot_be_read_at_all)
{
    struct config c = fixture();
    check_refused(&c, "", "x:1: trace: no header: the file is empty\n");
    check_refused(&c, "time,queue\n",
                  "x:1: trace: no column \"t\"; the header has: \"time\" "
                  "\"queue\"\n");
    check_refused(&c, "t,queue,t\n",
                  "x:1: trace: more than one column \"t\"; the header has: \"t\" "
                  "\"queue\" \"t\"\n");
    c.trace.queue[0] = 0;
    check_refused(&c, "t\n", "x: trace: neither a queue column nor a default queue is given\n");
    c.trace.queue_default = Q_SALES;
    c.trace.n_skip = 1;
    str_copy(c.trace.skip[0].column, NAME_MAX_LEN, "outcome");
    check_refused(&c, "t\n", "x:1: trace: no column \"outcome\"; the header has: \"t\"\n");
    c.trace.n_skip = 0;
    str_copy(c.trace.time, NAME_MAX_LEN, "a+b+c+d+e");
    check_refused(&c, "a,b,c,d,e\n", "x: trace.time: joins more than 4 columns\n");
}

/* ---- the order of time ---- */

PROP(any_order_is_sorted_whatever_the_size_of_runs, 60)
{
    struct config c = fixture();
    c.trace.queue_default = Q_SALES;
    c.trace.queue[0] = 0;
    str_copy(c.trace.time_format, NAME_MAX_LEN, "epoch_s");
    struct buf text = {0}, errors = {0};
    uint64_t n = rng_below(rng, 500), sum = 0;
    buf_str(&text, "t\n");
    for (uint64_t i = 0; i < n; i++) {
        uint64_t at = rng_below(rng, 200); /* many ties */
        sum += at;
        buf_fmt(&text, "%llu\n", (unsigned long long)at);
    }
    struct trace_options o = {.seed = 7, .pseudonym_key = {1, 2}};
    o.run_rows = 1 + (uint32_t)rng_below(rng, 100);
    struct trace *whole = open_text(&c, text.data);
    struct trace *runs = trace_open_bytes(text.data, text.len, "x", &c, &o, &errors);
    struct arrival a, b, before = {0};
    uint64_t got = 0, seen = 0;
    while (trace_next(whole, &a) == TRACE_ROW) {
        CHECK(a.at > before.at || (a.at == before.at && a.row > before.row));
        before = a;
        got += (uint64_t)a.at / 1000;
        seen++;
        CHECK_EQ(trace_next(runs, &b), TRACE_ROW);
        CHECK_EQ(b.row, a.row);
        CHECK(b.at == a.at && id_eq(a.contact, b.contact));
    }
    CHECK_EQ(trace_next(runs, &b), TRACE_END);
    CHECK_EQ(seen, n);
    CHECK_EQ(got, sum);
    trace_close(whole);
    trace_close(runs);
    buf_free(&text);
}

/* ---- rows that stand for several contacts ---- */

static struct config weighted(double spread_s, double scale)
{
    struct config c = fixture();
    c.trace.queue_default = Q_SALES;
    c.trace.queue[0] = 0;
    str_copy(c.trace.time_format, NAME_MAX_LEN, "epoch_s");
    str_copy(c.trace.weight, NAME_MAX_LEN, "calls");
    c.trace.spread_s = spread_s;
    c.trace.scale = scale;
    return c;
}

TEST(a_weighted_row_is_spread_evenly)
{
    struct config c = weighted(300, 1);
    struct trace *t = open_text(&c, "t,calls\n1000,10\n1150,3\n1300,0\n1600,1\n");
    int of_row[5] = {0};
    struct arrival a, before = {0};
    struct td_id ids[14];
    int n = 0;
    while (trace_next(t, &a) == TRACE_ROW) {
        CHECK(a.at >= before.at);
        before = a;
        static const int start[] = {0, 1000, 1150, 1300, 1600}, parts[] = {0, 10, 3, 0, 1};
        CHECK(a.row >= 1 && a.row <= 4);
        td_ms part = 300000 / parts[a.row]; /* copy i lies in the i-th part */
        CHECK_EQ((a.at - start[a.row] * 1000) / part, of_row[a.row]);
        of_row[a.row]++;
        for (int i = 0; i < n; i++)
            CHECK(!id_eq(ids[i], a.contact));
        if (n < 14)
            ids[n++] = a.contact;
    }
    CHECK_EQ(of_row[1], 10);
    CHECK_EQ(of_row[2], 3);
    CHECK_EQ(of_row[3], 0);
    CHECK_EQ(of_row[4], 1);
    trace_close(t);
    t = open_text(&c, "t,calls\n1,-1\n2,\n3,many\n4,1e8\n5,2\n");
    CHECK_EQ(trace_stats(t).bad, 4);
    trace_close(t);
}

/* Plays a day of 500 rows and returns how many contacts it had; *digest depends on all of them. */
static uint64_t play_scaled(double scale, uint64_t seed, uint64_t *digest)
{
    struct config c = fixture();
    c.trace.queue_default = Q_SALES;
    c.trace.queue[0] = 0;
    str_copy(c.trace.time_format, NAME_MAX_LEN, "epoch_s");
    str_copy(c.trace.customer, NAME_MAX_LEN, "who");
    c.trace.scale = scale;
    struct buf text = {0}, errors = {0};
    buf_str(&text, "t,who\n");
    for (int i = 0; i < 500; i++)
        buf_fmt(&text, "%d,%d\n", i, 1 + i % 5);
    struct trace_options o = {.seed = seed};
    struct trace *t = trace_open_bytes(text.data, text.len, "x", &c, &o, &errors);
    struct arrival a;
    td_ms before = 0;
    uint64_t n = 0;
    *digest = 0;
    for (; trace_next(t, &a) == TRACE_ROW; n++) {
        CHECK(a.at >= before);
        CHECK(a.at >= ((td_ms)a.row - 1) * 1000 && a.at < ((td_ms)a.row - 1) * 1000 + 60000);
        before = a.at;
        *digest = mix64(*digest + (uint64_t)a.at + a.contact.hi + a.contact.lo + a.customer.lo);
    }
    trace_close(t);
    buf_free(&text);
    return n;
}

TEST(scale_plays_rows_more_or_less_often)
{
    uint64_t a, b;
    CHECK_EQ(play_scaled(1, 1, &a), 500);
    CHECK_EQ(play_scaled(3, 1, &a), 1500);
    CHECK_NEAR((double)play_scaled(2.5, 1, &a), 1250, 45); /* 4 sigma of 500 halves */
    CHECK_NEAR((double)play_scaled(0.2, 1, &a), 100, 36);
    play_scaled(2.5, 1, &b);
    play_scaled(2.5, 1, &a);
    CHECK(a == b);
    play_scaled(2.5, 2, &b);
    CHECK(a != b);
}

TEST(one_copy_keeps_its_own_time_and_copies_are_other_customers)
{
    struct config c = fixture();
    c.trace.scale = 4;
    str_copy(c.trace.customer, NAME_MAX_LEN, "who");
    struct trace *t = open_text(&c, "t,queue,who\n" DAY "00:00:10Z,Sales,5\n");
    struct arrival a[4];
    for (int i = 0; i < 4; i++) {
        a[i] = next_row(t);
        for (int j = 0; j < i; j++)
            CHECK(!id_eq(a[i].customer, a[j].customer) && !id_eq(a[i].contact, a[j].contact));
        CHECK_EQ(a[i].contact.hi >> 12 & 15, 8); /* a UUID of version 8 */
        CHECK_EQ(a[i].contact.lo >> 62, 2);
    }
    CHECK_EQ(a[0].at, day + 10000);
    CHECK(a[3].at > a[0].at && a[3].at < a[0].at + TRACE_COPIES_SPREAD_MS);
    trace_close(t);
}

TEST(as_many_as_you_like_one_after_another)
{
    struct config c = weighted(2, 1);
    struct buf text = {0};
    buf_str(&text, "t,calls\n");
    const int rows = TRACE_OVERLAP_MAX / 2 * 3; /* four at once, and then a pause */
    for (int i = 0; i < rows; i++)
        buf_fmt(&text, "%d,2\n", i / 4 * 4);
    struct trace *t = open_text(&c, text.data);
    struct arrival a;
    int n = 0;
    while (trace_next(t, &a) == TRACE_ROW)
        n++;
    CHECK_EQ(n, 2 * rows);
    CHECK(!trace_failure(t));
    trace_close(t);
    buf_free(&text);
}

TEST(too_many_at_once_is_said)
{
    struct config c = weighted(300, 1);
    struct buf text = {0};
    buf_str(&text, "t,calls\n");
    for (int i = 0; i <= TRACE_OVERLAP_MAX; i++)
        buf_str(&text, "1000,2\n");
    struct trace *t = open_text(&c, text.data);
    struct arrival a;
    CHECK_EQ(trace_next(t, &a), TRACE_FAILED);
    CHECK_EQ(trace_next(t, &a), TRACE_FAILED);
    CHECK(strstr(trace_failure(t), "too many rows overlap"));
    trace_close(t);
    buf_free(&text);
}

TAP_MAIN
