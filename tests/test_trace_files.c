/* src/trace with files: contact records, compression, the standard input, and real days. */
#include "trace_fixture.h"

#include <unistd.h>
#include <zlib.h>

/* ---- Amazon Connect contact records ---- */

static char *slurp(const char *path, size_t *len)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        return NULL;
    char *text = mem_new(1 << 20, 1);
    *len = fread(text, 1, (1 << 20) - 1, f);
    fclose(f);
    return text;
}

static const char *source_root(void)
{
    const char *root = getenv("TANDEM_SOURCE");
    return root ? root : ".";
}

static char *records(size_t *len)
{
    char path[512];
    snprintf(path, sizeof path, "%s/tests/data/contact_records.jsonl", source_root());
    return slurp(path, len);
}

/* What tests/data/contact_records.jsonl holds, in the order of time. uuid: its last digits. */
static const struct {
    uint64_t uuid;
    td_ms at;
    int queue, channel, how;
    int64_t handle_ms, wrapup_ms, patience_ms;
} want[] = {
    {5, 1795341420000, Q_SALES, CHANNEL_VOICE, PLACE_NPA, -1, -1, 41000},
    {6, 1795341421000, Q_SALES, CHANNEL_VOICE, PLACE_NONE, -1, -1, -1},
    {7, 1795341422000, Q_SALES, CHANNEL_CHAT, PLACE_NONE, 600000, 30000, -1},
    {2, 1795341480250, Q_SERVICE, CHANNEL_VOICE, PLACE_COUNTRY, 100000, 5000, -1},
    {1, 1795341570000, Q_SALES, CHANNEL_VOICE, PLACE_NPA, 309000, 60000, -1},
    {0, 1795343400000, Q_SALES, CHANNEL_VOICE, PLACE_NONE, 309000, 60000, -1},
    {0x10, 1795343460000, Q_SALES, CHANNEL_EMAIL, PLACE_NONE, 0, 0, -1},
};

static void check_records(struct trace *t, const char *bad_lines)
{
    for (size_t i = 0; i < COUNTOF(want); i++) {
        struct arrival a = next_row(t);
        CHECK_EQ(a.at, want[i].at);
        CHECK_EQ(a.queue, want[i].queue);
        CHECK_EQ(a.channel, want[i].channel);
        CHECK_EQ(a.place.how, want[i].how);
        CHECK_EQ(a.handle_ms, want[i].handle_ms);
        CHECK_EQ(a.wrapup_ms, want[i].wrapup_ms);
        CHECK_EQ(a.patience_ms, want[i].patience_ms);
        if (want[i].uuid)
            CHECK(id_eq(a.contact, (struct td_id){0x4000, 0x8000000000000000u | want[i].uuid}));
        CHECK(!id_none(a.contact));
        CHECK_EQ(id_none(a.customer), i == 1 || i == 2); /* withheld, and none given */
    }
    struct arrival a;
    CHECK_EQ(trace_next(t, &a), TRACE_END);
    struct trace_stats s = trace_stats(t);
    CHECK_EQ(s.rows, 16);
    CHECK_EQ(s.skipped, 4);
    CHECK_EQ(s.duplicates, 1);
    CHECK_EQ(s.bad, 4);
    CHECK_STR(s.bad_lines, bad_lines);
}

TEST(contact_records_one_a_line)
{
    struct config c = fixture();
    size_t len = 0;
    char *text = records(&len);
    CHECK(text);
    struct trace *t = open_text(&c, text);
    check_records(t,
                  "x:13: column \"InitiationTimestamp\": is not a time as in 2026-11-22T09:59:30Z\n"
                  "x:14: column \"Agent\": holds a duration that is not 0 to 30 days in seconds\n"
                  "x:15: column \"Queue\": is not in queue_map, is no queue's name, and there is "
                  "no default queue\n"
                  "x:16: column \"Channel\": is not VOICE, CHAT, TASK or EMAIL\n");
    trace_close(t);
    mem_free(text);
}

TEST(contact_records_one_after_another)
{
    struct config c = fixture();
    size_t len = 0;
    char *text = records(&len);
    CHECK(text);
    size_t k = 0;
    for (size_t i = 0; i < len; i++)
        if (text[i] != '\n')
            text[k++] = text[i];
    text[k] = 0;
    struct trace *t = open_text(&c, text);
    check_records(t,
                  "x:1: column \"InitiationTimestamp\": is not a time as in 2026-11-22T09:59:30Z\n"
                  "x:1: column \"Agent\": holds a duration that is not 0 to 30 days in seconds\n"
                  "x:1: column \"Queue\": is not in queue_map, is no queue's name, and there is "
                  "no default queue\n"
                  "x:1: column \"Channel\": is not VOICE, CHAT, TASK or EMAIL\n");
    trace_close(t);
    mem_free(text);
}

#define SHORT(id, more)                                                                            \
    "{\"ContactId\":\"" id "\",\"Channel\":\"VOICE\",\"InitiationMethod\":\"INBOUND\","            \
    "\"InitiationTimestamp\":\"2026-11-22T09:59:30Z\",\"Queue\":{\"Name\":\"Sales\"" more "}}"

TEST(a_broken_record_costs_only_itself)
{
    struct config c = fixture();
    struct buf text = {0};
    buf_str(&text, SHORT("a", "") "\n");
    buf_str(&text, "{\"ContactId\":\"cut short in a str\n" SHORT("b", "") "\n");
    buf_str(&text, "{\"ContactId\":\"cut short\",\n" SHORT("c", "") "\n");
    buf_str(&text, "{\"ContactId\":\"cut short in a str\n  " SHORT("h", "") "\n");
    buf_str(&text, "this is no object +12125550123 {\n" SHORT("d", "") "\n");
    buf_str(&text, "{\"ContactId\":\"e\",\"ContactId\":\"f\"}" SHORT("g", "") "\n");
    buf_str(&text, "{\"ContactId\":\"");
    for (int i = 0; i < TRACE_JSON_MAX; i++)
        buf_char(&text, 'h');
    buf_str(&text, "\"}\n{}\n" SHORT("i", ",\"Duration\":7") "\n{\"ContactId\":\"j\"");
    struct trace *t = open_text(&c, text.data);
    CHECK_STR(trace_stats(t).bad_lines, "x:2: the record is cut short\n"
                                        "x:4: the record is cut short\n"
                                        "x:6: the record is cut short\n"
                                        "x:8: is not a JSON object\n"
                                        "x:10: is not valid JSON, or names something twice\n"
                                        "x:11: the record is longer than 262,144 bytes\n"
                                        "x:12: column \"ContactId\": is missing\n"
                                        "x:14: the record is cut short\n");
    int n = 0;
    struct arrival a;
    for (; trace_next(t, &a) == TRACE_ROW; n++)
        CHECK_EQ(a.patience_ms, n == 6 ? 7000 : -1);
    CHECK_EQ(n, 7); /* a b c h d g i */
    CHECK_EQ(trace_stats(t).rows, 15);
    trace_close(t);
    buf_free(&text);
}

TEST(an_array_of_records)
{
    struct config c = fixture();
    struct trace *t = open_text(&c, "{} [" SHORT("a", "") ",\n  " SHORT("b", "") "\n]\n");
    CHECK_EQ(trace_stats(t).rows, 3);
    CHECK_EQ(trace_stats(t).bad, 1);
    trace_close(t);
}

TEST(repetitions_are_known_within_the_window)
{
    struct config c = fixture();
    struct buf text = {0};
    for (int i = 0; i < TRACE_RECENT_IDS + 2; i++)
        buf_fmt(&text, SHORT("%d", ""), i);
    buf_str(&text, SHORT("0", ""));                /* forgotten: that many others came since */
    buf_str(&text, SHORT("2", ""));                /* 0 pushed 2 out ... */
    buf_str(&text, SHORT("4", "") SHORT("4", "")); /* ... and 2 pushed 3 out, but 4 is known */
    struct trace *t = open_text(&c, text.data);
    CHECK_EQ(trace_stats(t).bad, 0);
    CHECK_EQ(trace_stats(t).duplicates, 2);
    trace_close(t);
    buf_free(&text);
}

/* ---- bytes ---- */

#define ROWS "t,queue\n2024-02-29T00:00:01Z,Sales\n2024-02-29T00:00:02Z,Service\n"

/* A temporary file with these bytes; `path` is its name. */
static void write_file(char path[32], const void *bytes, size_t n)
{
    str_copy(path, 32, "/tmp/test_trace.XXXXXX");
    int fd = mkstemp(path);
    CHECK(fd >= 0 && write(fd, bytes, n) == (ssize_t)n);
    close(fd);
}

static int count_file(const char *path, char *error, size_t cap)
{
    struct config c = fixture();
    struct buf errors = {0};
    struct trace *t = trace_open(path, &c, &fixture_options, &errors);
    str_copy(error, cap, errors.data ? errors.data : "");
    int n = 0;
    struct arrival a;
    while (t && trace_next(t, &a) == TRACE_ROW)
        n++;
    CHECK(t || errors.len);
    buf_free(&errors);
    int bad = t ? (int)trace_stats(t).bad : 0;
    CHECK_EQ(bad, 0);
    trace_close(t);
    return t ? n : -1;
}

TEST(plain_and_compressed_files)
{
    char path[32], error[256], small[1024];
    write_file(path, ROWS, sizeof ROWS - 1);
    CHECK_EQ(count_file(path, error, sizeof error), 2);
    unlink(path);
    struct buf text = {0};
    buf_str(&text, "t,queue\n");
    for (int i = 0; i < 5000; i++)
        buf_fmt(&text, "2024-02-29T%02d:%02d:%02dZ,Sales\n", i / 3600, i / 60 % 60, i % 60);
    gzFile gz = gzopen(path, "wb");
    CHECK(gz && gzwrite(gz, text.data, (unsigned)text.len) == (int)text.len);
    gzclose(gz);
    CHECK_EQ(count_file(path, error, sizeof error), 5000);
    buf_free(&text);
    CHECK_EQ(truncate(path, 3000), 0); /* of some 20,000 bytes */
    CHECK_EQ(count_file(path, error, sizeof error), -1);
    snprintf(small, sizeof small, "%s: its compressed data are damaged or cut short\n", path);
    CHECK_STR(error, small);
    unlink(path);
    CHECK_EQ(count_file(path, error, sizeof error), -1);
    snprintf(small, sizeof small, "%s: cannot be opened: No such file or directory\n", path);
    CHECK_STR(error, small);
    CHECK_EQ(count_file("/", error, sizeof error), -1);
    CHECK(strstr(error, "cannot be read"));
}

TEST(the_standard_input)
{
    char path[32], error[256];
    write_file(path, ROWS, sizeof ROWS - 1);
    CHECK(freopen(path, "rb", stdin));
    CHECK_EQ(count_file("-", error, sizeof error), 2);
    CHECK(freopen(path, "rb", stdin)); /* and it was not closed */
    unlink(path);
}

/* ---- real days; figures counted from the files with Python's csv module ---- */

struct counts {
    uint64_t played, placed;
    double at_sum_s;
    int64_t handle_sum_ms, patience_sum_ms;
    uint64_t handled, gave_up, customers;
    uint64_t of_queue[8];
    td_ms first, last;
};

/* Plays a file of the data as an example configuration says. False: the data are not here. */
static bool play_file(const char *name, const char *example, struct counts *n,
                      struct trace_stats *stats)
{
    const char *given = getenv("TANDEM_DATA");
    char path[512], config_path[512];
    if (given)
        snprintf(path, sizeof path, "%s/%s", given, name);
    else
        snprintf(path, sizeof path, "%s/../shared/data/%s", source_root(), name);
    snprintf(config_path, sizeof config_path, "%s/examples/%s", source_root(), example);
    *n = (struct counts){0};
    struct buf errors = {0};
    struct config *c = config_load_file(config_path, &errors);
    struct trace *t = NULL;
    if (c && access(path, R_OK) == 0)
        t = trace_open(path, c, &fixture_options, &errors);
    if (errors.len)
        TAP_FAIL("%s", errors.data);
    struct arrival a;
    while (t && trace_next(t, &a) == TRACE_ROW) {
        CHECK(a.at >= n->last);
        n->first = n->played++ ? n->first : a.at;
        n->last = a.at;
        n->at_sum_s += (double)a.at / 1000;
        n->placed += a.place.how != PLACE_NONE;
        n->handled += a.handle_ms >= 0;
        n->handle_sum_ms += MAX(a.handle_ms, 0);
        n->gave_up += a.patience_ms >= 0;
        n->patience_sum_ms += MAX(a.patience_ms, 0);
        n->customers += !id_none(a.customer);
        n->of_queue[a.queue]++;
    }
    if (t) {
        *stats = trace_stats(t);
        CHECK_STR(stats->bad_lines, "");
        stats->bad_lines = NULL; /* it goes with the trace */
    }
    trace_close(t);
    config_free(c);
    buf_free(&errors);
    return t != NULL;
}

TEST(the_ftc_day_as_published)
{
    struct counts n;
    struct trace_stats s;
    if (!play_file("ftc_dnc_complaints_2021-07-07.csv.gz", "traces/ftc-raw.yaml", &n, &s))
        SKIP("no data: set TANDEM_DATA");
    CHECK_EQ(s.rows, 14034);
    CHECK_EQ(s.bad, 0);
    CHECK_EQ(n.played, 14034);
    CHECK_EQ(n.placed, 14006); /* 28 gave a toll-free code */
    CHECK_EQ(n.of_queue[0], 5049 + 2078 + 1786);
    CHECK_EQ(n.of_queue[1], 1830);
    CHECK_EQ(n.of_queue[4], 507);
    CHECK_EQ(n.first, 1625616000000 + 4 * 3600000 + 4000); /* 2021-07-07 00:00:04 in the east */
}

TEST(the_ftc_day_sorted_and_joined)
{
    struct counts n;
    struct trace_stats s;
    if (!play_file("ftc_us_trace_2021-07-07.csv.gz", "us-pair.yaml", &n, &s))
        SKIP("no data: set TANDEM_DATA");
    CHECK_EQ(s.rows, 14006);
    CHECK_EQ(s.bad, 0);
    CHECK_EQ(n.played, 14006);
    CHECK_EQ(n.placed, 14006);
    CHECK_NEAR(n.at_sum_s, 754054476.0 + 14006.0 * (345600 + 4 * 3600), 0.5);
}

TEST(the_bank_of_1999)
{
    struct counts n;
    struct trace_stats s;
    if (!play_file("anonymous_bank_1999-02_calls.tsv.gz", "traces/bank-1999.yaml", &n, &s))
        SKIP("no data: set TANDEM_DATA");
    CHECK_EQ(s.rows, 33344);
    CHECK_EQ(s.skipped, 278);
    CHECK_EQ(s.bad, 0);
    CHECK_EQ(n.played, 33066);
    CHECK_EQ(n.placed, 0);
    CHECK_EQ(n.handled, 27174);
    CHECK_EQ(n.handle_sum_ms, 4796937000);
    CHECK_EQ(n.gave_up, 5892);
    CHECK_EQ(n.patience_sum_ms, 256766000);
    CHECK_EQ(n.customers, 13564);
    static const uint64_t of_queue[] = {21269 + 149, 7564, 2744, 293, 1047};
    for (size_t i = 0; i < COUNTOF(of_queue); i++)
        CHECK_EQ(n.of_queue[i], of_queue[i]);
    CHECK_EQ(n.first, 917827888000 - 7200000);
    CHECK_EQ(n.last, 920245426000 - 7200000);
    CHECK_NEAR(n.at_sum_s, 30386544085005.0 - 33066.0 * 7200, 100);
}

TEST(the_north_american_bank_of_2003)
{
    struct counts n;
    struct trace_stats s;
    if (!play_file("na_bank_calls_5min_2003.csv.gz", "traces/na-bank-2003.yaml", &n, &s))
        SKIP("no data: set TANDEM_DATA");
    CHECK_EQ(s.rows, 27716);
    CHECK_EQ(s.bad, 0);
    CHECK_EQ(n.played, 5323661);
    CHECK(n.first >= 1046692800000 && n.first < 1046692800000 + 3000); /* 2003-03-03 07:00 -05 */
    CHECK(n.last < 1067047200000 + 300000);                            /* 2003-10-24 21:00 -05 */
}

TAP_MAIN
