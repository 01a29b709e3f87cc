/* sim.c - the fault simulator: whole contact centres under virtual time, broken on purpose.
 *
 * Each seed makes a configuration, a workload and a list of faults (regions die, nodes crash, links
 * are cut or lose, repeat and reorder, flows break, sites are drained), runs them, heals everything
 * and compares. The design's invariants are checked at every fact a node states (check.c) and, once
 * a second, over the whole model and the physical truth (watch.c). A failing seed prints how to run
 * it again. mutate.py proves that it can fail.
 *
 *   sim [--seeds N] [--from S] [--first] [--verbose] [--watch TEXT]
 *
 * --first stops at the first seed that fails; --verbose tells the timeline; --watch each fact, at
 * each node, whose JSON holds TEXT (the id of a contact, the name of an agent).
 *
 * Exit 0: all seeds held; 1: a seed failed (with its number and the invariant). */
#include "sim.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void fail(struct sim *s, const char *fmt, ...)
{
    if (s->failure[0])
        return;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(s->failure, sizeof s->failure, fmt, ap);
    va_end(ap);
}

const char *name_of(const struct sim *s, uint8_t node)
{
    return node == HUB ? "hub" : s->c->site[node].name;
}

/* ---- hooks ---- */

static double seconds(const struct sim *s, td_ms at)
{
    return (double)(at - world_start(s->w)) / 1000;
}

static void tell_fact(struct sim *s, struct node *n, const struct event *e)
{
    struct buf b = {0};
    char id[EVENT_ID_TEXT];
    event_id(e, s->c, id);
    event_json(&b, e, s->c);
    if (strstr(b.data, s->o->watch))
        printf("  %8.3f %-7s has %-26s %s %s\n", seconds(s, world_now(s->w)),
               name_of(s, node_self(n)), id, event_type_names[e->type],
               strstr(b.data, "\"data\":") + 7);
    buf_free(&b);
}

static void on_fact(void *arg, struct node *n, const struct event *e, const void *bytes, size_t len)
{
    struct sim *s = arg;
    if (s->o->watch)
        tell_fact(s, n, e);
    check_order(s, n, e);
    if (e->dot.origin == node_self(n))
        check_fact(s, n, e);
}

static void on_history(void *arg, struct node *n, const struct core_history *h)
{
    check_history(arg, n, h);
}

static void on_note(void *arg, struct node *n, const struct node_note *note)
{
    struct sim *s = arg;
    if (s->o->verbose)
        printf("  %8.3f %-7s %s\n", seconds(s, note->at), name_of(s, node_self(n)), note->text);
}

static void on_fatal(void *arg, struct node *n, const char *why)
{
    struct sim *s = arg;
    s->crash[node_self(n)] = true;
    if (s->o->verbose)
        printf("  %8.3f %-7s is killed as it commits\n", seconds(s, world_now(s->w)),
               name_of(s, node_self(n)));
    (void)why;
}

static void on_call(void *arg, const struct floor_call *k)
{
    struct sim *s = arg;
    uint32_t v = 0;
    map128_find(&s->called, k->contact.hi, k->contact.lo, &v);
    if (v & CALLED)
        return;
    map128_insert(&s->called, k->contact.hi, k->contact.lo, v | CALLED);
    s->calls++;
    watch_call(s, k->contact);
}

static uint64_t seed_now; /* for the handler alone: a BUG_ON names its seed */

static void on_abort(int sig)
{
    char line[96];
    int n = snprintf(line, sizeof line, "seed %" PRIu64 " FAILED: an invariant of the code (BUG)\n",
                     seed_now);
    if (write(1, line, (size_t)n) != n)
        _exit(70);
    signal(sig, SIG_DFL);
    raise(sig);
}

static bool over;

/* A world whose node cannot start again ends the program. */
static void on_exit_early(void)
{
    if (!over)
        printf("seed %" PRIu64 " FAILED: a node could not start again\n", seed_now);
}

/* ---- one run ---- */

static void run_until(struct sim *s, td_ms until)
{
    td_ms look = world_now(s->w) / MS_PER_S;
    while (!s->failure[0] && world_step(s->w, until)) {
        make_crashed(s);
        watch_step(s);
        if (world_now(s->w) / MS_PER_S > look) {
            look = world_now(s->w) / MS_PER_S;
            watch_second(s);
            if (world_now(s->w) < world_start(s->w) + RUN_MS)
                make_asks(s);
        }
    }
}

/* Agents go on with their breaks: what was stated a moment ago is still on its way. */
static bool all_told(struct sim *s)
{
    struct core *hub = node_core(world_node(s->w, HUB));
    for (uint8_t n = 0; n < s->c->n_sites; n++)
        if (memcmp(node_core(world_node(s->w, n))->vector, hub->vector, sizeof hub->vector) != 0)
            return false;
    return true;
}

static void drill(struct sim *s)
{
    td_ms start = world_start(s->w);
    for (int i = 1; i <= 3; i++) {
        run_until(s, start + RUN_MS * i / 4);
        make_orders(s);
    }
    run_until(s, start + RUN_MS + 70000); /* all faults are over by then */
    world_heal(s->w);
    td_ms end = world_now(s->w) + DRAIN_MS;
    while (floor_customers(world_floor(s->w)) && world_now(s->w) < end && !s->failure[0])
        run_until(s, world_now(s->w) + 1000);
    if (floor_customers(world_floor(s->w)))
        fail(s, "%" PRIu64 " customers are still there an hour after the last call",
             floor_customers(world_floor(s->w)));
    run_until(s, world_now(s->w) + QUIET_MS);
    for (int i = 0; i < 300 && !s->failure[0] && !all_told(s); i++)
        run_until(s, world_now(s->w) + 100);
    if (s->failure[0])
        return;
    watch_end(s);
    run_until(s, world_now(s->w) + 120000); /* agents have come home, or settled */
    watch_people(s);
}

/* A snapshot after every few facts, or after some thousand. */
static uint64_t snapshot_events(struct sim *s)
{
    uint64_t most = 8u << rng_below(&s->rng, 10);
    return 1 + rng_below(&s->rng, most);
}

static bool run_seed(uint64_t seed, const struct options *options, uint64_t *checks)
{
    seed_now = seed;
    struct sim s = {.seed = seed, .o = options, .rng = rng_seed(seed, 0x51)};
    struct buf errors = {0};
    make_config(&s);
    make_faults(&s);
    struct world_options o = {.config = s.c,
                              .seed = seed,
                              .faults = s.fault,
                              .n_faults = s.faults,
                              .on_call = on_call,
                              .history_max = HISTORY_MAX,
                              .snapshot_events = snapshot_events(&s)};
    o.hooks = (struct node_config){.arg = &s,
                                   .on_fact = on_fact,
                                   .on_history = on_history,
                                   .on_note = on_note,
                                   .on_fatal = on_fatal};
    s.w = world_new(&o, &errors);
    if (!s.w) {
        fprintf(stderr, "%s", errors.data);
        exit(70);
    }
    make_crashes(&s);
    drill(&s);
    *checks += s.checks;
    if (s.failure[0])
        printf("seed %" PRIu64 " FAILED at %.3f s: %s\n  again: sim --from %" PRIu64
               " --seeds 1 --verbose\n",
               seed, seconds(&s, world_now(s.w)), s.failure, seed);
    world_free(s.w);
    config_free(s.c);
    map128_free(&s.called);
    map128_free(&s.owner);
    map128_free(&s.stuck);
    map128_free(&s.told);
    map128_free(&s.place);
    books_free(&s);
    mem_free(s.unplaced);
    buf_free(&errors);
    return !s.failure[0];
}

static bool options_read(int argc, char **argv, struct options *o)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--verbose") == 0)
            o->verbose = true;
        else if (strcmp(argv[i], "--first") == 0)
            o->first = true;
        else if (i + 1 == argc)
            return false;
        else if (strcmp(argv[i], "--seeds") == 0)
            o->seeds = strtoull(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--from") == 0)
            o->from = strtoull(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--watch") == 0)
            o->watch = argv[++i];
        else
            return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    struct options o = {.seeds = 100, .from = 1};
    uint64_t checks = 0, bad = 0;
    signal(SIGABRT, on_abort);
    atexit(on_exit_early);
    if (!options_read(argc, argv, &o)) {
        over = true;
        fprintf(stderr, "usage: sim [--seeds N] [--from S] [--first] [--verbose] [--watch TEXT]\n");
        return 2;
    }
    for (uint64_t seed = o.from; seed < o.from + o.seeds && bad < (o.first ? 1 : 10); seed++)
        bad += !run_seed(seed, &o, &checks);
    over = true;
    printf("sim: %" PRIu64 " seeds, %" PRIu64 " facts checked, %" PRIu64 " failed\n", o.seeds,
           checks, bad);
    return bad != 0;
}
