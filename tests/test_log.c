/* log: the exact lines, their limit a place, and the ring. */
#include "base/log.h"
#include "tap.h"

#include <fcntl.h>
#include <unistd.h>

static int64_t clock_ms;
static int64_t fake_now(void *arg)
{
    return *(int64_t *)arg;
}

/* What the sink wrote is read back from a pipe (64 KiB hold what a test writes). */
static int out[2];
static void begin(enum log_level level, uint32_t burst)
{
    if (pipe2(out, O_NONBLOCK) != 0)
        abort();
    clock_ms = 1784307600123; /* 2026-07-17 17:00:00.123 UTC */
    log_open(&(struct log_options){.fd = out[1],
                                   .level = level,
                                   .burst = burst,
                                   .window_ms = 1000,
                                   .now_ms = fake_now,
                                   .now_arg = &clock_ms});
}
static const char *written(void)
{
    static char text[65536];
    ssize_t n = read(out[0], text, sizeof text - 1);
    text[n > 0 ? n : 0] = 0;
    return text;
}
static void end(void)
{
    log_close();
    close(out[0]);
    close(out[1]);
}

struct seen {
    char text[LOG_LINE_MAX], first[LOG_LINE_MAX];
    uint64_t n, first_seq, last_seq;
    uint64_t stop_after;
};
static bool see(void *arg, const struct log_line *l)
{
    struct seen *s = arg;
    if (!s->n++) {
        s->first_seq = l->seq;
        str_copy(s->first, sizeof s->first, l->text);
    }
    s->last_seq = l->seq;
    str_copy(s->text, sizeof s->text, l->text);
    CHECK_EQ(strlen(l->text), l->len);
    return s->n != s->stop_after;
}

TEST(a_line_of_every_field)
{
    begin(LOG_LEVEL_DEBUG, 0);
    log_warn("bus", "link lost", LF_S("peer", "us-west-2"), LF_I("ms", -5), LF_U("n", 7),
             LF_X("key", 0xabc), LF_D("share", 0.25), LF_B("up", false), LF_N("part", "abcdef", 3));
    CHECK_STR(written(), "<4>ts=2026-07-17T17:00:00.123Z level=warn sub=bus msg=\"link lost\" "
                         "peer=us-west-2 ms=-5 n=7 key=0000000000000abc share=0.25 up=false "
                         "part=abc\n");
    log_error("a", "b");
    CHECK_STR(written(), "<3>ts=2026-07-17T17:00:00.123Z level=error sub=a msg=b\n");
    log_notice("a", "b");
    CHECK_STR(written(), "<5>ts=2026-07-17T17:00:00.123Z level=notice sub=a msg=b\n");
    clock_ms = -1;
    log_debug("a", "b");
    CHECK_STR(written(), "<7>ts=1969-12-31T23:59:59.999Z level=debug sub=a msg=b\n");
    end();
}

TEST(values_are_quoted_where_they_must_be)
{
    begin(LOG_LEVEL_INFO, 0);
    log_info("a", "b", LF_S("e", ""), LF_S("q", "say \"no\""), LF_S("eq", "a=b"),
             LF_S("nl", "x\ny"), LF_S("bs", "\\"), LF_S("de", "gr\xc3\xbc\xc3\x9f"),
             LF_S("null", NULL));
    CHECK_STR(written() + strlen("<6>ts=2026-07-17T17:00:00.123Z level=info sub=a msg=b "),
              "e=\"\" q=\"say \\\"no\\\"\" eq=\"a=b\" nl=\"x\\ny\" bs=\"\\\\\" "
              "de=\"gr\xc3\xbc\xc3\x9f\" null=\"\"\n");
    end();
}

static int evaluated;
static int64_t evaluate(void)
{
    return ++evaluated;
}

TEST(lines_above_the_level_cost_nothing)
{
    begin(LOG_LEVEL_WARN, 0);
    log_info("a", "b", LF_I("n", evaluate()));
    CHECK_STR(written(), "");
    CHECK_EQ(evaluated, 0);
    CHECK(log_enabled(LOG_LEVEL_WARN) && !log_enabled(LOG_LEVEL_NOTICE));
    log_set_level(LOG_LEVEL_INFO);
    log_info("a", "b", LF_I("n", evaluate()));
    CHECK_EQ(evaluated, 1);
    CHECK(strstr(written(), "n=1"));
    end();
}

static void noisy(int i)
{
    log_info("a", "noisy", LF_I("i", i));
}

TEST(a_noisy_place_is_limited_and_says_so)
{
    begin(LOG_LEVEL_INFO, 3);
    for (int i = 0; i < 10; i++)
        noisy(i);
    log_info("a", "another place");
    const char *t = written();
    CHECK(strstr(t, "i=2\n") && !strstr(t, "i=3\n") && strstr(t, "another place"));
    CHECK(!strstr(t, "suppressed"));
    clock_ms += 1000;
    noisy(10);
    CHECK(strstr(written(), "msg=noisy suppressed=7 i=10\n"));
    noisy(11);
    CHECK(strstr(written(), "msg=noisy i=11\n"));
    for (int i = 0; i < 5; i++)
        noisy(i);
    written();
    log_close();
    CHECK(strstr(written(), "level=info sub=a msg=noisy suppressed=4\n"));
    end();
}

TEST(the_ring_keeps_the_last_lines)
{
    begin(LOG_LEVEL_INFO, 0);
    struct seen s = {0};
    log_each(0, see, &s);
    CHECK_EQ(s.n, 0);
    for (int i = 1; i <= LOG_RING + 5; i++) {
        log_info("a", "b", LF_I("i", i));
        written();
    }
    log_each(0, see, &s);
    CHECK_EQ(s.n, LOG_RING);
    CHECK_EQ(s.first_seq, 6);
    CHECK_EQ(s.last_seq, LOG_RING + 5);
    CHECK_STR(s.first, "ts=2026-07-17T17:00:00.123Z level=info sub=a msg=b i=6");
    s = (struct seen){0};
    log_each(LOG_RING + 3, see, &s);
    CHECK_EQ(s.n, 2);
    CHECK_EQ(s.first_seq, LOG_RING + 4);
    s = (struct seen){.stop_after = 4};
    log_each(0, see, &s);
    CHECK_EQ(s.n, 4);
    end();
}

TEST(a_long_line_is_cut_between_characters)
{
    begin(LOG_LEVEL_INFO, 0);
    char big[3001];
    for (int shift = 0; shift < 3; shift++) {
        for (int i = 0; i < 3000; i++)
            big[i] = "\xe2\x82\xac"[(i + 3 - shift) % 3];
        memset(big, 'x', (size_t)shift);
        big[3000] = 0;
        log_info("a", "b", LF_S("v", big));
        const char *t = written();
        size_t n = strlen(t);
        CHECK(n <= LOG_LINE_MAX + 3);
        CHECK(n >= LOG_LINE_MAX);
        CHECK_STR(t + n - 7, "\xe2\x82\xac...\n");
    }
    end();
}

TEST(a_full_descriptor_loses_lines_and_counts_them)
{
    begin(LOG_LEVEL_INFO, 0);
    char big[900];
    memset(big, 'x', sizeof big);
    for (int i = 0; i < 200; i++)
        log_info("a", "b", LF_N("v", big, sizeof big));
    CHECK(log_lost() > 100 && log_lost() < 150); /* a pipe holds 65536 bytes */
    end();
}

TAP_MAIN
