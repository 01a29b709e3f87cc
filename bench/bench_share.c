/* bench_share - what exact shares cost in distance, and in time.
 *
 *   bench_share          (the FTC day is read from TANDEM_DATA, else ../shared/data)
 *
 * Every rule sees the same contacts in the same order. "bounded optimum" knows the whole day and
 * keeps the bound at every moment: an exact dynamic program over contacts and lag. "priced lag" is
 * cost - eta * lag; its eta is the least that keeps the bound on that very day, found in hindsight,
 * which no operator can know. */
#include <math.h>
#include <string.h>
#include <time.h>

#include "base/rng.h"
#include "core/place.h"
#include "core/share.h"
#include "ftc_day.h"

static const double places[SITES_MAX][2] = {
    /* the first two are us-east-1 and us-west-2 */
    {38.9, -77.5}, {45.84, -119.7}, {40.0, -83.0},  {37.4, -121.9}, {32.9, -96.9}, {41.9, -87.7},
    {33.7, -84.4}, {40.7, -74.0},   {47.6, -122.3}, {34.0, -118.2}, {25.8, -80.2}, {39.7, -105.0},
    {45.5, -73.6}, {33.4, -112.0},  {44.9, -93.3},  {42.4, -71.1}};

struct mix { /* contacts of a day as a rule sees them */
    int n_sites;
    size_t n;
    int32_t share_ppm[SITES_MAX];
    double *cost_km; /* n x n_sites */
    td_ms *at;
};

struct outcome {
    double mean_km, off, east;
};

static const double *costs(const struct mix *m, size_t i)
{
    return m->cost_km + i * (size_t)m->n_sites;
}

static struct mix mix_of(const struct ftc_contact *day, size_t n, int n_sites, const int site[],
                         const double share[])
{
    struct mix m = {.n_sites = n_sites, .n = n};
    share_spread(share, n_sites, m.share_ppm);
    m.cost_km = mem_new(n * (size_t)n_sites, sizeof *m.cost_km);
    m.at = mem_new(n, sizeof *m.at);
    for (size_t i = 0; i < n; i++) {
        m.at[i] = day[i].at;
        for (int s = 0; s < n_sites; s++)
            m.cost_km[i * (size_t)n_sites + (size_t)s] =
                place_haversine_km(day[i].lat, day[i].lon, places[site[s]][0], places[site[s]][1]);
    }
    return m;
}

static void mix_free(struct mix *m)
{
    mem_free(m->cost_km);
    mem_free(m->at);
}

/* ---- the rules ---- */

enum rule_kind { NEAREST, RANDOM, SMOOTH_ROUND_ROBIN, PRICED_LAG, SHARE };

struct run {
    struct share_ledger ledger;
    struct share_price price;
    struct rng rng;
    struct outcome out;
    double to_first;
};

static int plain_choice(enum rule_kind rule, double eta, struct run *r, const double *c)
{
    const struct share_ledger *l = &r->ledger;
    int best = 0;
    if (rule == RANDOM) {
        int64_t u = (int64_t)rng_below(&r->rng, PPM);
        while (u >= l->share_ppm[best])
            u -= l->share_ppm[best++];
        return best;
    }
    double best_km = 0;
    for (int s = 0; s < l->n; s++) {
        double lag = (double)(l->lag_u[s] + l->share_ppm[s]) / PPM;
        double km = (rule == SMOOTH_ROUND_ROBIN ? 0 : c[s]) - eta * lag;
        if (s == 0 || km < best_km) {
            best = s;
            best_km = km;
        }
    }
    return best;
}

static struct outcome play(const struct mix *m, enum rule_kind rule, double eta, double bound)
{
    uint16_t all = (uint16_t)((1u << m->n_sites) - 1);
    struct run r = {.rng = rng_seed(7, 0)};
    r.ledger.n = m->n_sites;
    share_set(&r.ledger, m->share_ppm, bound);
    share_price_init(&r.price, m->n_sites);
    for (size_t i = 0; i < m->n; i++) {
        const double *c = costs(m, i);
        struct share_view view;
        int to;
        if (rule == SHARE) {
            to = share_choose(&r.ledger, &r.price, c, all, bound, &view);
            share_price_learn(&r.price, &r.ledger, c, all, true, m->at[i]);
        } else {
            to = plain_choice(rule, eta, &r, c);
        }
        share_commit(&r.ledger, to);
        r.out.mean_km += c[to];
        r.to_first += to == 0;
        for (int s = 0; s < m->n_sites; s++)
            r.out.off = MAX(r.out.off, fabs((double)r.ledger.lag_u[s] / PPM));
    }
    r.out.mean_km /= (double)m->n;
    r.out.east = 100 * r.to_first / (double)m->n;
    return r.out;
}

static struct outcome play_priced(const struct mix *m, double bound, double *eta)
{
    double low = 1, high = 5000;
    for (int k = 0; k < 24; k++) {
        double middle = sqrt(low * high);
        if (play(m, PRICED_LAG, middle, bound).off <= bound)
            high = middle;
        else
            low = middle;
    }
    *eta = high;
    return play(m, PRICED_LAG, high, bound);
}

/* ---- what one who knew the day could do; two sites ---- */

static int gcd(int a, int b)
{
    return b ? gcd(b, a % b) : a;
}

/* best[j]: the least cost of the contacts still to come from lag j - zero of the first site, in
 * units that divide both shares. Backwards over the day, then forwards for the path. */
static struct outcome bounded_optimum(const struct mix *m, int bound)
{
    int unit = gcd(m->share_ppm[0], PPM), one = PPM / unit, up = m->share_ppm[0] / unit;
    int zero = bound * one;
    size_t width = (size_t)(2 * zero + 1);
    double *next = mem_new(width, sizeof *next), *best = mem_new(width, sizeof *best);
    uint8_t *to_first = mem_new(m->n * width, 1);
    for (size_t i = m->n; i-- > 0;) {
        const double *c = costs(m, i);
        for (int j = 0; j <= 2 * zero; j++) {
            double first = j + up >= one ? c[0] + next[j + up - one] : HUGE_VAL;
            double second = j + up <= 2 * zero ? c[1] + next[j + up] : HUGE_VAL;
            to_first[i * width + (size_t)j] = first < second;
            best[j] = MIN(first, second);
        }
        double *swap = next;
        next = best;
        best = swap;
    }
    struct outcome out = {.mean_km = next[zero] / (double)m->n};
    for (size_t i = 0, j = (size_t)zero; i < m->n; i++) {
        bool first = to_first[i * width + j];
        j = j + (size_t)up - (first ? (size_t)one : 0);
        out.east += first;
        out.off = MAX(out.off, fabs(((double)j - zero) / one));
    }
    out.east = 100 * out.east / (double)m->n;
    mem_free(next);
    mem_free(best);
    mem_free(to_first);
    return out;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a - *(const double *)b;
    return (x > 0) - (x < 0);
}

/* The shares hold only for the day as a whole: those who lose least go to the first site. */
static struct outcome whole_day_optimum(const struct mix *m)
{
    double *gain = mem_new(m->n, sizeof *gain), sum = 0, lag = 0;
    struct outcome out = {0};
    for (size_t i = 0; i < m->n; i++) {
        gain[i] = costs(m, i)[0] - costs(m, i)[1];
        sum += costs(m, i)[1];
    }
    qsort(gain, m->n, sizeof *gain, by_value);
    size_t first = (size_t)((double)m->n * m->share_ppm[0] / PPM + 0.5);
    for (size_t i = 0; i < first; i++)
        sum += gain[i];
    double price = gain[first];
    for (size_t i = 0; i < m->n; i++) {
        const double *c = costs(m, i);
        lag += (double)m->share_ppm[0] / PPM - (c[0] - c[1] < price);
        out.off = MAX(out.off, fabs(lag));
    }
    out.mean_km = sum / (double)m->n;
    out.east = 100 * (double)first / (double)m->n;
    mem_free(gain);
    return out;
}

/* ---- the tables ---- */

static void row(const char *name, struct outcome o, double best_km)
{
    printf("%-42s %9.1f %+8.2f %9.1f %7.2f\n", name, o.mean_km, 100 * (o.mean_km / best_km - 1),
           o.off, o.east);
}

static void ftc_table(const struct mix *m)
{
    enum { BOUND = 20 };
    char name[64];
    double eta;
    struct outcome best = bounded_optimum(m, BOUND), priced = play_priced(m, BOUND, &eta);
    printf("FTC day, %zu contacts, us-east-1 and us-west-2 50/50, never more than %d off\n\n", m->n,
           BOUND);
    printf("%-42s %9s %8s %9s %7s\n", "rule", "mean km", "% over", "most off", "east %");
    row("nearest", play(m, NEAREST, 0, BOUND), best.mean_km);
    row("random by weight", play(m, RANDOM, 0, BOUND), best.mean_km);
    row("smooth weighted round robin", play(m, SMOOTH_ROUND_ROBIN, 1, BOUND), best.mean_km);
    snprintf(name, sizeof name, "priced lag, eta %.0f (in hindsight)", eta);
    row(name, priced, best.mean_km);
    row("share.h", play(m, SHARE, 0, BOUND), best.mean_km);
    row("bounded optimum (knows the day)", best, best.mean_km);
    row("whole-day optimum (knows the day, no bound)", whole_day_optimum(m), best.mean_km);
    printf("\n%-10s %12s %12s %16s\n", "bound", "priced lag", "share.h", "bounded optimum");
    static const int bounds[] = {2, 5, 10, 20, 50, 100};
    for (size_t i = 0; i < COUNTOF(bounds); i++)
        printf("%-10d %12.1f %12.1f %16.1f\n", bounds[i], play_priced(m, bounds[i], &eta).mean_km,
               play(m, SHARE, 0, bounds[i]).mean_km, bounded_optimum(m, bounds[i]).mean_km);
}

static void compare(const char *name, const struct ftc_contact *day, size_t n, int n_sites,
                    const int site[], const double share[])
{
    struct mix m = mix_of(day, n, n_sites, site, share);
    double eta;
    struct outcome priced = play_priced(&m, 20, &eta), ours = play(&m, SHARE, 0, 20);
    printf("%-42s %9.1f %9.1f %+8.2f %9.2f", name, priced.mean_km, ours.mean_km,
           100 * (ours.mean_km / priced.mean_km - 1), ours.off);
    if (n_sites == 2 && n < 20000)
        printf(" %9.1f", bounded_optimum(&m, 20).mean_km);
    printf("\n");
    mix_free(&m);
}

static void shuffle(struct ftc_contact *c, size_t n, struct rng *r)
{
    for (size_t i = n; i > 1; i--) {
        size_t j = rng_below(r, i);
        struct ftc_contact a = c[i - 1], b = c[j];
        c[i - 1] = (struct ftc_contact){a.at, b.lat, b.lon};
        c[j] = (struct ftc_contact){b.at, a.lat, a.lon};
    }
}

/* Blocks of `block` contacts, mostly of one half of the country, then of the other. */
static void swing(struct ftc_contact *to, size_t n, size_t block, const struct ftc_contact *day,
                  size_t n_day, struct rng *r)
{
    for (size_t i = 0; i < n; i++) {
        bool east = (i / block % 2) ^ rng_chance(r, 0.2);
        do
            to[i] = day[rng_below(r, n_day)];
        while ((to[i].lon > -97) != east);
        to[i].at = (td_ms)i * 4000;
    }
}

static void other_days(const struct ftc_contact *day, size_t n)
{
    static const int ids[SITES_MAX] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    static const double half[] = {1, 1};
    struct rng r = rng_seed(11, 0);
    size_t cap = n * 10;
    struct ftc_contact *c = mem_new(cap, sizeof *c);
    for (size_t i = 0; i < n; i++) {
        c[i] = day[n - 1 - i];
        c[i].at = MS_PER_DAY - c[i].at;
    }
    compare("the day backwards, 50/50", c, n, 2, ids, half);
    memcpy(c, day, n * sizeof *c);
    for (size_t a = 0, b; a < n; a = b) {
        for (b = a; b < n && day[b].at / 3600000 == day[a].at / 3600000;)
            b++;
        shuffle(c + a, b - a, &r);
    }
    compare("each hour shuffled, 50/50", c, n, 2, ids, half);
    shuffle(c, n, &r);
    compare("the day shuffled, 50/50", c, n, 2, ids, half);
    for (size_t i = 0; i < n / 7; i++)
        c[i] = day[i * 7];
    compare("every seventh contact, 50/50", c, n / 7, 2, ids, half);
    for (size_t i = 0; i < cap; i++) {
        size_t near = i / 10 + rng_below(&r, 201);
        c[i] = day[near < 100 ? 0 : MIN(near - 100, n - 1)];
        c[i].at = day[i / 10].at;
    }
    compare("ten times as many, 50/50", c, cap, 2, ids, half);
    compare("ten times as many, 40/30/20/10", c, cap, 4, (const int[]){0, 2, 3, 1},
            (const double[]){4, 3, 2, 1});
    static const size_t blocks[] = {40, 500, 5000};
    for (size_t i = 0; i < COUNTOF(blocks); i++) {
        char name[64];
        swing(c, n, blocks[i], day, n, &r);
        snprintf(name, sizeof name, "swings every %zu contacts, 50/50", blocks[i]);
        compare(name, c, n, 2, ids, half);
    }
    compare("the day, 74/26", day, n, 2, ids, (const double[]){74, 26});
    compare("the day, 30/70", day, n, 2, ids, (const double[]){30, 70});
    compare("the day, three thirds", day, n, 3, (const int[]){0, 4, 1}, (const double[]){1, 1, 1});
    compare("the day, 40/30/20/10", day, n, 4, (const int[]){0, 2, 3, 1},
            (const double[]){4, 3, 2, 1});
    compare("the day, 10/20/30/40", day, n, 4, (const int[]){0, 2, 3, 1},
            (const double[]){1, 2, 3, 4});
    compare("the day, eight eighths", day, n, 8, ids, (const double[]){1, 1, 1, 1, 1, 1, 1, 1});
    compare("the day, sixteen sites 1:2:3:4", day, n, 16, ids,
            (const double[]){1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 3, 4});
    mem_free(c);
}

static double cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* Costs like the day's: uniform between near and 4,000 km, the same for every n. */
static void timing(int n)
{
    enum { CONTACTS = 4096, ROUNDS = 1000 };
    static double cost_km[CONTACTS][SITES_MAX];
    struct rng r = rng_seed(3, (uint64_t)n);
    double weight[SITES_MAX], chosen = 0;
    int32_t ppm[SITES_MAX];
    struct share_ledger l = {.n = n};
    struct share_price p;
    struct share_view view;
    for (int i = 0; i < n; i++)
        weight[i] = 1 + i % 4;
    share_spread(weight, n, ppm);
    share_set(&l, ppm, 20);
    share_price_init(&p, n);
    for (int i = 0; i < CONTACTS; i++)
        for (int s = 0; s < n; s++)
            cost_km[i][s] = 4000 * rng_unit(&r);
    uint16_t all = (uint16_t)((1u << n) - 1);
    double start = cpu_ns();
    for (td_ms i = 0; i < (td_ms)CONTACTS * ROUNDS; i++) {
        const double *c = cost_km[i % CONTACTS];
        int to = share_choose(&l, &p, c, all, 20, &view);
        bool kept = share_keeps(&l, to, 20);
        share_price_learn(&p, &l, c, all, kept, i * 1000);
        share_commit(&l, to);
        chosen += view.total_km[to];
    }
    printf("%2d sites: %5.1f ns a decision: choose with its reasons, check, learn, commit (%.0f)\n",
           n, (cpu_ns() - start) / ((double)CONTACTS * ROUNDS), chosen / (double)CONTACTS / ROUNDS);
}

int main(void)
{
    size_t n;
    struct ftc_contact *day = ftc_day(&n);
    if (day) {
        struct mix m = mix_of(day, n, 2, (const int[]){0, 1}, (const double[]){1, 1});
        ftc_table(&m);
        mix_free(&m);
        printf("\n%-42s %9s %9s %8s %9s %9s\n", "other days, bound 20", "priced", "share.h", "%",
               "most off", "optimum");
        other_days(day, n);
        mem_free(day);
    } else {
        printf("the FTC day is not here: set TANDEM_DATA to the folder of its file\n");
    }
    printf("\n");
    timing(2);
    timing(4);
    timing(16);
    return 0;
}
