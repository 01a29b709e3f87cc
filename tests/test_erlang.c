/* erlang: the formulas agree with 50-digit arithmetic, hold at their limits, and staffing is least.
 *
 * Expected values were computed once with mpmath (mp.dps = 50), not by the formulas of erlang.c:
 *   B          the recursion from R_0 = 1, every step
 *   C, A       sums over all states of the birth-death process, from state 0 to where the rest is
 *              below 1e-45 of the sum
 *   level      quad, in 40 or more pieces of the time axis, of Zeltyn and Mandelbaum's density of
 *              the wait, with and without exp(-t v)
 *   Whitt      the sum of 1/(n mu + i theta), term by term
 *   square root: phi and Phi by erfc */
#include "core/erlang.h"
#include "tap.h"

#define CLOSE(got, want) CHECK_NEAR(got, want, fabs((double)(want)) * 1e-11)

TEST(erlang_b_and_c)
{
    static const struct {
        double load;
        uint32_t n;
        double b, c;
    } rows[] = {
        {0.5, 1, 0.33333333333333333, 0.50000000000000000},
        {5, 6, 0.19184725888636503, 0.58751645046061290},
        {5, 12, 0.0034411875326228763, 0.0058847140526171331},
        {8, 10, 0.12166106425295151, 0.40918015079644353},
        {97, 100, 0.059085918467804101, 0.67671123163362773},
        {950, 1000, 0.0036492936889424099, 0.068253415377141424},
        {99900, 100000, 0.0019202267725538623, 0.65799351179530265},
        {100200, 100000, 0.0039079805197483554, 1},
        {50, 200, 1.5219070610627716e-57, 2.0292094147503622e-57},
        {0.001, 3, 1.6650008330556943e-10, 1.6655560183950669e-10},
        {2000, 1000, 0.50049801581480816, 1},
    };
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        CLOSE(erlang_b(rows[i].load, rows[i].n), rows[i].b);
        CLOSE(erlang_c(rows[i].load, rows[i].n), rows[i].c);
    }
}

TEST(erlang_a_law)
{
    static const struct {
        double load;
        uint32_t n;
        double aht, patience, within, p_wait, p_abandon, wait, level;
    } rows[] = {
        {0.8, 1, 180, 232, 20, 0.56650705690057999, 0.29186617887427501, 67.712953498831802,
         0.46996574367247654},
        {8, 10, 180, 60, 20, 0.22703856182395068, 0.077071542712226655, 4.6242925627335993,
         0.86076712701879521},
        {12, 10, 180, 60, 20, 0.60105714410477883, 0.24396547405796431, 14.637928443477859,
         0.56902856600894249},
        {97, 100, 180, 232, 20, 0.41668993124663413, 0.024875271506939346, 5.7710629896099283,
         0.87585037714223450},
        {194, 200, 180, 232, 20, 0.36256969268021213, 0.014506029188997559, 3.3653987718474336,
         0.95045946336112101},
        {110, 100, 180, 232, 20, 0.87727452214300591, 0.097331121608798775, 22.580820213241316,
         0.42816036071916018},
        {250, 100, 180, 232, 20, 1, 0.6, 139.2, 0},
        {200, 100, 180, 232, 160, 1, 0.5, 116, 0.25378718363798203},
        {99.99, 100, 1, 1000, 0.02, 0.96937972589137116, 0.0024090603966108770, 2.4090603966108770,
         0.035631204407852165},
        {90, 100, 180, 1800, 5, 0.20448003601935241, 0.0017680570155604424, 3.1825026280087963,
         0.84884469927169755},
        {30, 60, 300, 120, 10, 8.9191334687551880e-7, 6.1532402231494114e-8, 7.3838882677792937e-6,
         0.99999968447123183},
        {5, 3, 1, 0.01, 0.005, 0.54173875522983992, 0.52633147828799008, 0.0052633147828799008,
         0.46437091668720789},
        {1000, 1000, 180, 232, 2, 0.53561422061237682, 0.011815466085682682, 2.7411881318783822,
         0.59305605234464918},
        {9900, 10000, 180, 232, 1, 0.16643526202183305, 0.00073223218277638672, 0.16987786640412172,
         0.93185751780127469},
        {101, 100, 180, 1e6, 100, 0.99999999999999374, 0.0099009900990103889, 9900.9900990103889,
         4.7479060273365989e-14},
    };
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        double load = rows[i].load, aht = rows[i].aht, patience = rows[i].patience;
        struct erlang_a a = erlang_a(load, rows[i].n, aht, patience);
        CLOSE(a.p_wait, rows[i].p_wait);
        CLOSE(a.p_abandon, rows[i].p_abandon);
        CLOSE(a.wait, rows[i].wait);
        CLOSE(a.waiting, rows[i].wait * load / aht);
        double level = erlang_a_level(load, rows[i].n, aht, patience, rows[i].within);
        CHECK_NEAR(level, rows[i].level, 1e-12);
    }
}

TEST(erlang_c_waits)
{
    /* M/M/1 by hand: P(wait) = rho, mean wait rho/(1-rho), P(W > t) = rho exp(-(1-rho) t) */
    CLOSE(erlang_c_wait(0.8, 1, 180), 720);
    CLOSE(erlang_c_level(0.8, 1, 180, 20), 1 - 0.8 * exp(-0.2 * 20 / 180));
    CLOSE(erlang_c_level(0.8, 1, 180, 0), 0.2);
    /* the textbook example of 8 erlang on 10 agents: C from the table above */
    CLOSE(erlang_c_wait(8, 10, 180), 0.40918015079644353 * 180 / 2);
    CLOSE(erlang_c_level(8, 10, 180, 20), 1 - 0.40918015079644353 * exp(-2.0 * 20 / 180));
}

TEST(limits_of_the_formulas)
{
    CHECK(erlang_b(0, 0) == 1 && erlang_b(0, 3) == 0 && erlang_b(7, 0) == 1);
    CHECK(erlang_b(3, 10000) == 0); /* below 1e-300 */
    CHECK(erlang_c(3, 3) == 1 && erlang_c(0, 1) == 0 && erlang_c(0, 0) == 1);
    CHECK(isinf(erlang_c_wait(3, 3, 60)) && isinf(erlang_c_wait(0, 0, 60)));
    CHECK(erlang_c_level(4, 3, 60, 1e9) == 0);
    /* no patience: who cannot be answered at once is lost, Erlang B */
    struct erlang_a a = erlang_a(97, 100, 180, 0);
    CLOSE(a.p_abandon, 0.059085918467804101);
    CHECK(a.wait == 0);
    CLOSE(erlang_a_level(97, 100, 180, 0, 20), 1 - 0.059085918467804101);
    /* infinite patience: Erlang C; and great patience is close to it */
    a = erlang_a(97, 100, 180, INFINITY);
    CLOSE(a.p_wait, 0.67671123163362773);
    CLOSE(a.wait, 0.67671123163362773 * 180 / 3);
    CHECK(a.p_abandon == 0);
    CHECK_NEAR(erlang_a(97, 100, 180, 1e12).p_wait, 0.67671123163362773, 1e-6);
    CHECK_NEAR(erlang_a_level(97, 100, 180, 1e12, 20), erlang_c_level(97, 100, 180, 20), 1e-6);
    CHECK(erlang_a_level(97, 100, 180, INFINITY, 20) == erlang_c_level(97, 100, 180, 20));
    /* overload for ever: agents work all the time */
    a = erlang_a(150, 100, 180, INFINITY);
    CLOSE(a.p_abandon, 1.0 / 3);
    CHECK(isinf(a.wait) && a.p_wait == 1);
    /* nobody there */
    a = erlang_a(10, 0, 180, 232);
    CHECK(a.p_wait == 1 && a.p_abandon == 1);
    CLOSE(a.wait, 232);
    CHECK(erlang_a_level(10, 0, 180, 232, 1e9) == 0);
    CHECK(erlang_a_level(0, 1, 180, 232, 0) == 1);
    CHECK(erlang_a(0, 1, 180, 232).p_wait == 0);
}

/* What flows in flows out: load = busy agents + load x abandoned, with busy agents from Little. */
PROP(erlang_a_is_consistent, 300)
{
    double load = rng_exp(rng, 50) + 0.01, aht = 10 + rng_exp(rng, 200);
    double patience = aht * exp(3 * rng_normal(rng));
    uint32_t n = 1 + (uint32_t)rng_below(rng, 150);
    struct erlang_a a = erlang_a(load, n, aht, patience);
    CHECK(a.p_wait >= 0 && a.p_wait <= 1 && a.p_abandon <= a.p_wait);
    CHECK_NEAR(a.p_abandon, a.wait / patience, 1e-12 * (1 + a.wait / patience));
    CHECK(load * (1 - a.p_abandon) <= n * (1 + 1e-12));
    double before = 1 - a.p_wait;
    CHECK_NEAR(erlang_a_level(load, n, aht, patience, 0), before, 1e-12);
    for (double within = aht / 64; within < 100 * (aht + patience); within *= 2) {
        double level = erlang_a_level(load, n, aht, patience, within);
        CHECK(level >= before - 1e-12 && level <= 1 - a.p_abandon + 1e-12);
        before = level;
    }
    /* all that are answered at all are answered within a very long time: ties the quadrature of
     * the wait's law to the sums over states */
    CHECK_NEAR(before, 1 - a.p_abandon, 1e-12);
    struct erlang_a more = erlang_a(load, n + 1, aht, patience);
    CHECK(more.p_wait <= a.p_wait && more.wait <= a.wait);
}

TEST(whitt_wait)
{
    static const struct {
        double departures, n, mu, theta, wait;
    } rows[] = {
        {1, 1, 1, 1, 1},
        {5, 1, 1, 10, 1.1951764469467066},
        {3, 2, 0.01, 1, 51.475441661813240},
        {7, 10, 0.005, 0.004, 114.83967303767081},
        {200, 100, 0.005, 0.004, 239.49438195857192},
        {1000, 10, 0.2, 3, 2.7420521297336068},
        {100000, 1000, 0.3, 0.0001, 327.89828199335544},
        {50, 7, 2, 1e-9, 3.5714285651785714},
        {12, 1, 1, 0.17, 6.8884584690166213},
        {1, 1, 0.1, 5, 10},
        {4, 1, 0.17, 1, 7.5133407022140942},
    };
    for (size_t i = 0; i < COUNTOF(rows); i++)
        CHECK_NEAR(erlang_whitt_wait(rows[i].departures, rows[i].n, rows[i].mu, rows[i].theta),
                   rows[i].wait, rows[i].wait * 1e-9);
    CHECK(erlang_whitt_wait(5, 10, 0.5, 0) == 1);
    CHECK(erlang_whitt_wait(0, 10, 0.5, 0.1) == 0);
    CHECK(isinf(erlang_whitt_wait(1, 0, 0.5, 0)) && isinf(erlang_whitt_wait(1, 0, 0.5, 0.1)));
    /* no step where the limit takes over */
    for (double theta = 1e-5; theta > 1e-18; theta /= 3)
        CHECK_NEAR(erlang_whitt_wait(5, 10, 0.5, theta), 1, 2 * theta + 1e-12);
}

PROP(whitt_wait_is_the_sum, 2000)
{
    double n = 1 + (double)rng_below(rng, 300), mu = rng_exp(rng, 1), theta = rng_exp(rng, 1);
    if (rng_chance(rng, 0.5))
        theta *= exp(-30 * rng_unit(rng));
    double sum = 0;
    uint64_t departures = 1 + rng_below(rng, 400);
    for (uint64_t i = 0; i < departures; i++)
        sum += 1 / (n * mu + (double)i * theta);
    CHECK_NEAR(erlang_whitt_wait((double)departures, n, mu, theta), sum, sum * 1e-9);
}

TEST(staffing_is_least)
{
    /* facts: 80/20 at 180 s needs beta 1.27, 0.70, 0.35, 0.13, 0.044 at these loads (Erlang C) */
    static const double load[] = {10, 100, 1000, 10000, 100000};
    static const double beta[] = {1.27, 0.70, 0.35, 0.13, 0.044};
    for (size_t i = 0; i < COUNTOF(load); i++) {
        uint32_t n = erlang_staff(load[i], 180, INFINITY, 0.8, 20);
        CHECK(erlang_c_level(load[i], n, 180, 20) >= 0.8);
        CHECK(erlang_c_level(load[i], n - 1, 180, 20) < 0.8);
        CHECK(fabs((double)n - erlang_staff_square_root(load[i], beta[i])) <= 1);
    }
    CHECK_EQ(erlang_staff(0, 180, INFINITY, 0.8, 20), 0);
    CHECK_EQ(erlang_staff(10, 180, 232, 0, 20), 0);
    CHECK_EQ(erlang_staff(2.0 * ERLANG_AGENTS_MAX, 180, INFINITY, 0.8, 20), ERLANG_AGENTS_MAX + 1);
    CHECK_EQ(erlang_staff_square_root(100, 0.5), 105);
    CHECK_EQ(erlang_staff_square_root(4, -3), 0);
}

PROP(staffing_with_patience_is_least, 60)
{
    double load = rng_exp(rng, 40), aht = 30 + rng_exp(rng, 200), within = rng_exp(rng, 30);
    double patience = rng_chance(rng, 0.2) ? INFINITY : 5 + rng_exp(rng, 200);
    double level = 0.05 + 0.94 * rng_unit(rng);
    uint32_t n = erlang_staff(load, aht, patience, level, within), least = 0;
    while (erlang_a_level(load, least, aht, patience, within) < level)
        least++;
    CHECK_EQ(n, least);
}

TEST(square_root_waits)
{
    static const struct {
        double beta, wait;
    } plain[] = {{0.1, 0.88028708333081156},
                 {0.5, 0.50453864099794502},
                 {1, 0.22336127479826074},
                 {2, 0.026881362429432263},
                 {5, 2.9734389976756012e-7}};
    for (size_t i = 0; i < COUNTOF(plain); i++)
        CLOSE(erlang_square_root_wait(plain[i].beta, 180, INFINITY), plain[i].wait);
    CHECK(erlang_square_root_wait(0, 180, INFINITY) == 1);
    static const struct {
        double beta, aht, patience, wait;
    } rows[] = {
        {0.43, 180, 232, 0.35365524089803290}, {-0.5, 180, 60, 0.51370551952714461},
        {1, 180, 18000, 0.22167250704527699},  {-2, 180, 232, 0.98875139345092675},
        {3, 1, 100, 0.0014754612824282919},    {8, 1, 100, 6.3143525449133726e-16},
    };
    for (size_t i = 0; i < COUNTOF(rows); i++)
        CLOSE(erlang_square_root_wait(rows[i].beta, rows[i].aht, rows[i].patience), rows[i].wait);
    /* an approximation of the exact one, and good at 10 000 agents */
    double beta = (10000 - 9900) / sqrt(9900);
    CHECK_NEAR(erlang_square_root_wait(beta, 180, 232), 0.16643526202183305, 0.003);
}

TAP_MAIN
