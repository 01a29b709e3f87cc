/* verdict: patience both ways, the table of kinds, and the catalogue in docs/network.md written
 * from it (TANDEM_UPDATE=1 writes it). */
#include "base/mem.h"
#include "net/verdict.h"
#include "tap.h"

struct told {
    uint8_t kind[32], state[32];
    int n;
};

static void note(void *arg, const struct verdict *v)
{
    struct told *t = arg;
    t->kind[t->n] = v->kind;
    t->state[t->n++] = v->state;
}

static struct told settle(struct verdicts *l, int64_t now_ms)
{
    struct told t = {.n = 0};
    verdicts_settle(l, now_ms, note, &t);
    return t;
}

TEST(raised_after_its_time_and_ended_after_its_time)
{
    struct verdicts l = {0};
    struct evidence e = evidence_none();
    const struct verdict_row *row = &verdict_rows[V_LOOP];
    int64_t raise = 1000 + row->raise_ms;
    verdict_set(&l, V_LOOP, 7, 1000, 1000, &e);
    CHECK_EQ(verdicts_due(&l), raise);
    CHECK_EQ(settle(&l, raise - 1).n, 0);
    CHECK_EQ(verdicts_raised(&l, VERDICT_KINDS), 0);
    struct told t = settle(&l, raise);
    CHECK(t.n == 1 && t.kind[0] == V_LOOP && t.state[0] == VERDICT_RAISED);
    CHECK_EQ(verdicts_due(&l), INT64_MAX);
    CHECK_EQ(settle(&l, raise + 5).n, 0); /* told once */
    /* Gone for less than clear_ms: it was never away. */
    verdict_unset(&l, V_LOOP, 7, 5000);
    CHECK_EQ(verdicts_due(&l), 5000 + row->clear_ms);
    CHECK_EQ(settle(&l, 5000 + row->clear_ms - 1).n, 0);
    verdict_set(&l, V_LOOP, 7, 5100, 5100, &e);
    CHECK_EQ(settle(&l, 60000).n, 0);
    uint32_t at = 0;
    const struct verdict *v = verdict_next(&l, &at);
    CHECK(v && v->since_ms == 1000 && v->raised_ms == raise);
    verdict_unset(&l, V_LOOP, 7, 70000);
    t = settle(&l, 70000 + row->clear_ms);
    CHECK(t.n == 1 && t.state[0] == VERDICT_ENDED);
    CHECK_EQ(l.n, 0);
    verdicts_free(&l);
}

TEST(what_does_not_last_is_never_told)
{
    struct verdicts l = {0};
    struct evidence e = evidence_none();
    verdict_set(&l, V_ASYMMETRIC, 1, 0, 0, &e);
    verdict_unset(&l, V_ASYMMETRIC, 1, 100);
    CHECK_EQ(settle(&l, 100).n, 0);
    CHECK_EQ(l.n, 0);
    verdict_unset(&l, V_ASYMMETRIC, 2, 200); /* was never set */
    CHECK_EQ(settle(&l, 1000000).n, 0);
    verdicts_free(&l);
}

TEST(new_evidence_is_told)
{
    struct verdicts l = {0};
    struct evidence e = evidence_none();
    e.value = 3;
    verdict_set(&l, V_SESSION_FLAPPING, 1, 0, 0, &e);
    CHECK_EQ(settle(&l, 0).n, 1);
    verdict_set(&l, V_SESSION_FLAPPING, 1, 0, 10, &e);
    CHECK_EQ(settle(&l, 10).n, 0);
    e.value = 4;
    verdict_set(&l, V_SESSION_FLAPPING, 1, 0, 20, &e);
    CHECK_EQ(settle(&l, 20).n, 1);
    CHECK_EQ(settle(&l, 30).n, 0);
    verdicts_free(&l);
}

TEST(the_list_has_an_end)
{
    struct verdicts l = {0};
    struct evidence e = evidence_none();
    for (uint64_t k = 0; k < VERDICTS_MAX + 10; k++)
        verdict_set(&l, V_DEAD_END, k, 0, 0, &e);
    CHECK_EQ(l.n, VERDICTS_MAX);
    CHECK_EQ(l.refused, 10);
    verdicts_settle(&l, 100000, NULL, NULL);
    CHECK_EQ(verdicts_raised(&l, V_DEAD_END), VERDICTS_MAX);
    for (uint64_t k = 0; k < VERDICTS_MAX; k++)
        verdict_unset(&l, V_DEAD_END, k, 100000);
    verdicts_settle(&l, 200000, NULL, NULL);
    CHECK_EQ(l.n, 0);
    CHECK_EQ(l.of_key.count, 0);
    verdicts_free(&l);
}

/* Against a list that is looked through: any order of setting, unsetting and time. */
PROP(as_a_plain_list, 300)
{
    enum { KEYS = 6 };
    struct {
        bool holds, raised;
        int64_t turned;
    } want[KEYS] = {0};
    struct verdicts l = {0};
    struct evidence e = evidence_none();
    const struct verdict_row *row = &verdict_rows[V_ROUTE_MISSING];
    int64_t now = 0;
    for (int step = 0; step < 200; step++) {
        uint64_t k = rng_below(rng, KEYS);
        bool holds = rng_chance(rng, 0.5);
        verdict_put(&l, V_ROUTE_MISSING, k, holds, now, &e);
        if (want[k].holds != holds) {
            want[k].holds = holds;
            want[k].turned = now;
        }
        now += (int64_t)rng_below(rng, 3000);
        verdicts_settle(&l, now, NULL, NULL);
        uint32_t raised = 0;
        for (int i = 0; i < KEYS; i++) {
            int64_t wait = want[i].holds ? row->raise_ms : row->clear_ms;
            if (want[i].turned + wait <= now)
                want[i].raised = want[i].holds;
            raised += want[i].raised;
        }
        CHECK_EQ(verdicts_raised(&l, V_ROUTE_MISSING), raised);
    }
    verdicts_free(&l);
}

TEST(every_kind_has_its_row)
{
    for (int k = 0; k < VERDICT_KINDS; k++) {
        const struct verdict_row *r = &verdict_rows[k];
        CHECK(r->name && r->means && r->evidence && r->do_this);
        for (int j = 0; j < k; j++)
            CHECK(strcmp(r->name, verdict_rows[j].name) != 0);
    }
}

static char *read_whole(const char *path)
{
    FILE *f = fopen(path, "r");
    struct buf b = {0};
    char piece[4096];
    for (size_t n; f && (n = fread(piece, 1, sizeof piece, f)) > 0;)
        buf_add(&b, piece, n);
    if (f)
        fclose(f);
    buf_str(&b, "");
    return b.data;
}

TEST(the_catalogue_is_written_from_the_table)
{
    static const char begin[] = "<!-- verdicts: written by test_verdict -->\n";
    static const char end[] = "<!-- end of verdicts -->";
    char path[512];
    const char *source = getenv("TANDEM_SOURCE");
    if (!source)
        SKIP("TANDEM_SOURCE is not set");
    snprintf(path, sizeof path, "%s/docs/network.md", source);
    struct buf want = {0};
    for (int k = 0; k < VERDICT_KINDS; k++) {
        const struct verdict_row *r = &verdict_rows[k];
        buf_fmt(&want, "\n**`%s`** (%s", r->name, severity_names[r->severity]);
        if (r->raise_ms)
            buf_fmt(&want, ", after %g s", r->raise_ms / 1000.0);
        buf_fmt(&want, "). %s\n*Evidence:* %s. *Do:* %s\n", r->means, r->evidence, r->do_this);
    }
    buf_char(&want, '\n');
    char *text = read_whole(path);
    char *from = strstr(text, begin), *to = strstr(text, end);
    CHECK(from && to);
    if (from && to && from < to) {
        from += sizeof begin - 1;
        bool same = (size_t)(to - from) == want.len && memcmp(from, want.data, want.len) == 0;
        FILE *f = !same && getenv("TANDEM_UPDATE") ? fopen(path, "w") : NULL;
        if (f) {
            fwrite(text, 1, (size_t)(from - text), f);
            fwrite(want.data, 1, want.len, f);
            fputs(to, f);
            fclose(f);
        } else if (!same) {
            TAP_FAIL("docs/network.md is not as the table says: run with TANDEM_UPDATE=1");
        }
    }
    mem_free(text);
    buf_free(&want);
}

TAP_MAIN
