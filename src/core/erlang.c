#include "core/erlang.h"

#include <math.h>

/* ---- Erlang B and C ---- */

/* R_n = 1/B(n): R_0 = 1, R_k = 1 + (k/load) R_(k-1). Every term is positive, so nothing cancels.
 *
 * Jump start: an error at k0 is multiplied by k/load at each step, so after the steps from
 * load - 10 sqrt(load) up to load little more than exp(-50) of it is left. There R is close to
 * 1/(1 - k0/load), its value if k were constant. INFINITY stands for anything above 1e300. */
static double inverse_b(double load, uint32_t n)
{
    double r = 1, per_load = 1 / load;
    uint32_t k = 0;
    double from = floor(MIN((double)n, load) - 10 * sqrt(load));
    if (from > 0) {
        k = (uint32_t)from;
        r = 1 / (1 - from * per_load);
    }
    while (k < n) {
        k++;
        r = 1 + (double)k * per_load * r;
        if (r > 1e300)
            return INFINITY;
    }
    return r;
}

double erlang_b(double load, uint32_t n)
{
    BUG_ON(!(load >= 0));
    if (load == 0)
        return n ? 0 : 1;
    return 1 / inverse_b(load, n);
}

double erlang_c(double load, uint32_t n)
{
    BUG_ON(!(load >= 0));
    if (load >= n)
        return 1;
    if (load == 0)
        return 0;
    double spare = (n - load) / n;
    return 1 / (load / n + spare * inverse_b(load, n));
}

double erlang_c_wait(double load, uint32_t n, double aht)
{
    BUG_ON(!(aht >= 0));
    return load < n ? erlang_c(load, n) * aht / (n - load) : INFINITY;
}

double erlang_c_level(double load, uint32_t n, double aht, double within)
{
    BUG_ON(!(aht > 0) || !(within >= 0));
    if (load >= n)
        return 0;
    return 1 - erlang_c(load, n) * exp(-(n - load) * within / aht);
}

/* ---- Erlang A ---- */

/* The states with k = 0, 1, ... contacts waiting, by their probabilities relative to the likeliest:
 * from k-1 to k the ratio is load / (n + k t), where t = aht / patience. Summed outwards from the
 * likeliest, until what is left is below the last bit: nothing overflows under any overload. */
struct waiting_states {
    double sum, moment; /* of 1 and of k */
    double first;       /* of state 0 */
};

static struct waiting_states sum_waiting(double load, double n, double t)
{
    double mode = load > n ? floor((load - n) / t) : 0;
    struct waiting_states s = {.sum = 1, .moment = mode};
    double w = 1, k = mode;
    while (w > 1e-19 * s.sum) {
        k++;
        w *= load / (n + k * t);
        s.sum += w;
        s.moment += w * k;
    }
    w = 1;
    for (k = mode; k > 0 && w > 1e-19 * s.sum; k--) {
        w *= (n + k * t) / load;
        s.sum += w;
        s.moment += w * (k - 1);
    }
    s.first = k > 0 ? 0 : w;
    return s;
}

static struct erlang_a with_waiting(double load, double aht, double t, double p_wait,
                                    double waiting)
{
    return (struct erlang_a){
        .p_wait = p_wait,
        .p_abandon = t * waiting / load,
        .wait = waiting * aht / load,
        .waiting = waiting,
    };
}

static struct erlang_a for_ever_patient(double load, uint32_t n, double aht)
{
    double wait = erlang_c_wait(load, n, aht);
    return (struct erlang_a){
        .p_wait = erlang_c(load, n),
        .p_abandon = load > n ? (load - n) / load : 0,
        .wait = wait,
        .waiting = load < n ? wait * load / aht : INFINITY,
    };
}

struct erlang_a erlang_a(double load, uint32_t n, double aht, double patience)
{
    BUG_ON(!(load >= 0) || !(aht > 0) || !(patience >= 0));
    double t = aht / patience;
    if (load == 0)
        return (struct erlang_a){.p_wait = n == 0, .p_abandon = n == 0, .wait = n ? 0 : patience};
    if (t == 0)
        return for_ever_patient(load, n, aht);
    if (patience == 0) {
        double b = erlang_b(load, n);
        return (struct erlang_a){.p_wait = b, .p_abandon = b};
    }
    if (n == 0)
        return with_waiting(load, aht, t, 1, load / t);
    /* Deep overload: an idle agent has less than exp(-60) of the likeliest state's probability, so
     * all agents work all the time, and what they leave gives up. */
    if (load > n && (load - n) * (load - n) > 120 * load * t)
        return with_waiting(load, aht, t, 1, (load - n) / t);
    struct waiting_states s = sum_waiting(load, n, t);
    double not_all_busy = s.first * (n / load) * inverse_b(load, n - 1);
    double all = s.sum + not_all_busy;
    return with_waiting(load, aht, t, s.sum / all, s.moment / all);
}

/* ---- the law of the wait in Erlang A ----
 *
 * The wait V that a customer who never gives up would have is above 0 with p_wait, and then has a
 * density in proportion to (Zeltyn and Mandelbaum 2005)
 *      g(v) = exp(load/t (1 - exp(-t v)) - n v),      v in units of aht, t = aht / patience.
 * A customer who has V = v is still there with exp(-t v). g has one peak, at v* = ln(load/n)/t or
 * at 0. Seen from the peak, with s = v - v*,
 *      ln g(v*+s) - ln g(v*) = -(L/t) f(t s) - D s,   f(y) = exp(-y) - 1 + y,
 *      L = min(load, n), D = max(0, n - load),
 * which has no large numbers to cancel. It is integrated from the peak outwards. */
struct wait_law {
    double l, d, t;
    double peak;  /* v* */
    double panel; /* width of the first panel: the shortest scale on which g or exp(-t v) changes */
};

static double exp_less_line(double y) /* exp(-y) - 1 + y */
{
    if (fabs(y) > 0.1)
        return expm1(-y) + y;
    double term = y * y / 2, sum = term;
    for (int i = 3; i <= 11; i++) {
        term *= -y / i;
        sum += term;
    }
    return sum;
}

static double density(const struct wait_law *w, double s)
{
    return exp(-w->l / w->t * exp_less_line(w->t * s) - w->d * s);
}

static double panel_integral(const struct wait_law *w, double from, double to, double decay)
{
    /* Gauss-Legendre, 16 points (Abramowitz and Stegun, table 25.4) */
    static const double x[8] = {0.0950125098376374402, 0.281603550779258913, 0.458016777657227386,
                                0.617876244402643748,  0.755404408355003034, 0.865631202387831744,
                                0.944575023073232576,  0.989400934991649933};
    static const double weight[8] = {
        0.189450610455068496, 0.182603415044923589,  0.169156519395002538,  0.149595988816576732,
        0.124628971255533872, 0.0951585116824927848, 0.0622535239386478929, 0.0271524594117540949};
    double mid = (from + to) / 2, half = (to - from) / 2, sum = 0;
    for (int i = 0; i < 8; i++) {
        double a = mid - half * x[i], b = mid + half * x[i];
        sum += weight[i] * (density(w, a) * exp(-decay * a) + density(w, b) * exp(-decay * b));
    }
    return sum * half;
}

/* Integral of g(v*+s) exp(-decay s) over s between side*near and side*far, side +1 or -1. */
static double side_integral(const struct wait_law *w, int side, double near, double far,
                            double decay)
{
    double sum = 0;
    while (near < far) {
        double to = MIN(far, near + MAX(w->panel, near / 2)), s = side * near;
        double part = panel_integral(w, side > 0 ? s : -to, side > 0 ? to : s, decay);
        sum += part;
        if (part < 1e-19 * sum || (sum == 0 && near > 0))
            break; /* g falls ever faster on both sides of its peak */
        near = to;
    }
    return sum;
}

double erlang_a_level(double load, uint32_t n, double aht, double patience, double within)
{
    BUG_ON(!(within >= 0));
    struct erlang_a a = erlang_a(load, n, aht, patience);
    if (n == 0 || load == 0)
        return n != 0;
    double t = aht / patience;
    if (t == 0)
        return erlang_c_level(load, n, aht, within);
    if (patience == 0)
        return 1 - a.p_abandon;
    struct wait_law w = {
        .l = MIN(load, n),
        .d = MAX(0.0, n - load),
        .t = t,
        .peak = load > n ? log(load / n) / t : 0,
    };
    w.panel = MIN(1 / t, 2 / (w.d + sqrt(w.d * w.d + 2 * w.l * t))) / 2;
    double limit = within / aht - w.peak; /* from the peak; g(v) exp(-t v) is wanted up to here */
    double all = side_integral(&w, -1, 0, w.peak, 0) + side_integral(&w, 1, 0, INFINITY, 0);
    double early = side_integral(&w, -1, limit < 0 ? -limit : 0, w.peak, t);
    if (limit > 0)
        early += side_integral(&w, 1, 0, limit, t);
    return 1 - a.p_wait * (1 - exp(-t * w.peak) * early / all);
}

/* ---- the wait of one contact ---- */

static double half_shift(double y) /* psi(y + 1/2) - ln y; the next term is 0.021 y^-12 */
{
    double z = 1 / (y * y);
    double end = 127.0 / 30720 - z * (511.0 / 67584);
    return z * (1.0 / 24 - z * (7.0 / 960 - z * (31.0 / 8064 - z * end)));
}

double erlang_whitt_wait(double departures, double n, double mu, double theta)
{
    BUG_ON(!(departures >= 0) || !(n >= 0) || !(mu >= 0) || !(theta >= 0));
    double clear = n * mu, x = clear / theta;
    if (departures == 0)
        return 0;
    /* Nobody loses patience meanwhile (x may be infinite), or no agent ever takes a contact. */
    if (!(x < 1e13 * departures) || clear == 0)
        return departures / clear;
    double sum = 0;
    for (; x < 6; x++)
        sum += departures / (x * (x + departures));
    double y = x - 0.5;
    sum += log1p(departures / y) + (half_shift(y + departures) - half_shift(y));
    return sum / theta;
}

/* ---- staffing ---- */

static bool enough(double load, uint32_t n, double aht, double patience, double level,
                   double within)
{
    return erlang_a_level(load, n, aht, patience, within) >= level;
}

uint32_t erlang_staff(double load, double aht, double patience, double level, double within)
{
    BUG_ON(!(level <= 1));
    if (level <= 0 || load == 0 || enough(load, 0, aht, patience, level, within))
        return 0;
    /* Bracket the answer from the load outwards, then halve: `below` is too few, `n` enough. */
    uint32_t below = 0, n = (uint32_t)MIN(load + 1, (double)ERLANG_AGENTS_MAX), step = 1;
    while (!enough(load, n, aht, patience, level, within)) {
        if (n == ERLANG_AGENTS_MAX)
            return ERLANG_AGENTS_MAX + 1;
        below = n;
        n = MIN(ERLANG_AGENTS_MAX, n + step);
        step *= 2;
    }
    for (step = 1; below == 0 && n > step; step *= 2) {
        if (!enough(load, n - step, aht, patience, level, within)) {
            below = n - step;
            break;
        }
        n -= step;
    }
    while (n - below > 1) {
        uint32_t mid = below + (n - below) / 2;
        if (enough(load, mid, aht, patience, level, within))
            n = mid;
        else
            below = mid;
    }
    return n;
}

uint32_t erlang_staff_square_root(double load, double beta)
{
    BUG_ON(!(load >= 0) || isnan(beta));
    double n = ceil(load + beta * sqrt(load));
    return n > 0 ? (uint32_t)MIN(n, (double)ERLANG_AGENTS_MAX + 1) : 0;
}

/* Hazard rate of the normal distribution, phi(x) / (1 - Phi(x)). */
static double hazard(double x)
{
    if (x > 30) { /* erfc underflows soon after; the next term is below 1e-13 */
        double z = 1 / (x * x);
        return x * (1 + z * (1 - z * (2 - z * (10 - z * 74))));
    }
    return exp(-x * x / 2) * (M_SQRT2 / sqrt(M_PI)) / erfc(x * M_SQRT1_2);
}

double erlang_square_root_wait(double beta, double aht, double patience)
{
    BUG_ON(isnan(beta) || !(aht > 0) || !(patience > 0));
    double ratio = sqrt(aht / patience); /* of the rates of losing patience and of being done */
    if (ratio == 0)
        return beta <= 0 ? 1 : 1 / (1 + beta / hazard(-beta));
    return 1 / (1 + ratio * hazard(beta / ratio) / hazard(-beta));
}
