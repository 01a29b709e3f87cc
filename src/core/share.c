#include "core/share.h"

#include <math.h>
#include <string.h>

__extension__ typedef __int128 i128;

/* k (H_k - 1) in millionths of a contact: what the k largest lags together must keep below k times
 * the bound. Each is rounded up, from its neighbour ((k+1)/k of it and one contact more), so that
 * the proof in share.h holds in integers. */
static const int64_t reserve_u[SITES_MAX + 1] = {
    0,        0,        1000000,  2500000,  4333334,  6416668,  8700002,  11150003, 13742861,
    16460719, 19289688, 22218657, 25238535, 28341747, 31521882, 34773445, 38091675};
/* reserve_u[n] / n rounded up: the least bound, H_n - 1. */
static const int64_t least_bound_u[SITES_MAX + 1] = {
    0,       0,       500000,  833334,  1083334, 1283334, 1450001, 1592858, 1717858,
    1828969, 1928969, 2019878, 2103212, 2180135, 2251563, 2318230, 2380730};
#define BOUND_MAX_U (INT64_C(1000000) * PPM)

/* Figures of the learning, chosen on the days of bench/bench_share.c. Half or twice of any moves
 * the mean cost over them by less than 0.3 %, but for TRUST: at 1 nothing draws a lag back to the
 * middle when the price is a little wrong, and many sites then lean on the bound. */
#define TRUST       0.85 /* the part of the learned price that is used; the lag carries the rest */
#define DRIFT_PER_H 0.0025 /* variance that an hour adds to prices, a site, in spreads squared */
#define LEAN_N      20.0   /* prediction errors are averaged over about so many contacts ... */
#define LEAN_LIMIT  8.0    /* ... and beyond so many times their expected square they surprise */
#define LEAN_GAIN   1e-4   /* variance added by each unit of surprise */
#define SPREAD_N    200    /* contacts that the mean spread looks back */
#define FORGET_MAX  1e-4   /* by which the greatest spread shrinks a contact */
#define MISS_N      256.0  /* contacts that the rate of misses looks back */
#define TIGHT_N     1024   /* contacts that the rate of tied contacts looks back */
#define TIGHT_SURE  256    /* ... and below which it is not told */
#define MISS_TOLD   0.01   /* fewer misses are chance: the lag had run to its bound */
#define MISS_GONE   1e-4   /* so few for so long: whatever tied the contacts is over */

double share_bound_min(int n)
{
    return (double)least_bound_u[n] / PPM;
}

void share_spread(const double weight[], int n, int32_t share_ppm[])
{
    double sum = 0, rest[SITES_MAX];
    int32_t left = PPM;
    BUG_ON(n < 1 || n > SITES_MAX);
    for (int i = 0; i < n; i++)
        sum += weight[i] > 0 ? weight[i] : 0;
    BUG_ON(!(sum > 0));
    for (int i = 0; i < n; i++) {
        double part = weight[i] > 0 ? weight[i] / sum * PPM : 0;
        share_ppm[i] = (int32_t)part;
        rest[i] = weight[i] > 0 ? part - share_ppm[i] : -1;
        left -= share_ppm[i];
    }
    while (left > 0) {
        int best = 0;
        for (int i = 1; i < n; i++)
            if (rest[i] > rest[best])
                best = i;
        share_ppm[best]++;
        rest[best] -= 1;
        left--;
    }
}

/* ---- the safe ledger ---- */

/* Bit per site that has a share; *m of them. */
static uint16_t holders_of(const struct share_ledger *l, int *m)
{
    uint16_t mask = 0;
    *m = 0;
    for (int i = 0; i < l->n; i++) {
        mask |= (uint16_t)((l->share_ppm[i] != 0) << i);
        *m += l->share_ppm[i] != 0;
    }
    return mask;
}

static int64_t bound_of(double bound_contacts, int m)
{
    double u = bound_contacts * PPM;
    int64_t bound_u = u >= (double)BOUND_MAX_U ? BOUND_MAX_U : u > 0 ? (int64_t)u : 0;
    return MAX(bound_u, least_bound_u[m]);
}

static void sort_down(int64_t v[], int n)
{
    for (int i = 1; i < n; i++) {
        int64_t x = v[i];
        int j = i;
        for (; j > 0 && v[j - 1] < x; j--)
            v[j] = v[j - 1];
        v[j] = x;
    }
}

/* Given lag + share of m sites, a choice leaves their ledger safe from above exactly when its own
 * is at least this: the k largest are too much by (sum - limit), and serving one of them takes that
 * off only if it is so much above the next, which comes in its place. */
static int64_t least_to_serve(const int64_t due_u[], int m, int64_t bound_u)
{
    int64_t v[SITES_MAX], sum = 0, least = INT64_MIN;
    memcpy(v, due_u, (size_t)m * sizeof *v);
    sort_down(v, m);
    for (int k = 1; k < m; k++) {
        sum += v[k - 1];
        int64_t over = sum - (k * bound_u - reserve_u[k]);
        if (over > 0)
            least = MAX(least, v[k] + over);
    }
    return least;
}

/* The least bound for which lags v[m], sorted down, are safe from above. */
static int64_t bound_needed(const int64_t v[], int m)
{
    int64_t sum = 0, needed = 0;
    for (int k = 1; k <= m; k++) {
        sum += v[k - 1];
        needed = MAX(needed, sum + reserve_u[k] > 0 ? (sum + reserve_u[k] + k - 1) / k : 0);
    }
    return needed;
}

/* Of the lags before and after a contact, which make the ledger less safe? */
static __attribute__((noinline)) bool gets_no_worse(const struct share_ledger *l, int site,
                                                    int64_t bound_u)
{
    int64_t before[SITES_MAX], after[SITES_MAX];
    int m = 0;
    for (int i = 0; i < l->n; i++)
        if (l->share_ppm[i]) {
            before[m] = l->lag_u[i];
            after[m++] = l->lag_u[i] + l->share_ppm[i] - (i == site ? PPM : 0);
        }
    sort_down(before, m);
    sort_down(after, m);
    return bound_needed(after, m) <= MAX(bound_u, bound_needed(before, m));
}

bool share_keeps(const struct share_ledger *l, int site, double bound_contacts)
{
    int m;
    holders_of(l, &m);
    int64_t bound_u = bound_of(bound_contacts, m), most = INT64_MIN;
    if (!l->share_ppm[site] || l->lag_u[site] + l->share_ppm[site] - PPM < -bound_u)
        return false;
    for (int i = 0; i < l->n; i++)
        most = MAX(most, l->lag_u[i] + l->share_ppm[i]);
    return most <= bound_u - least_bound_u[m] || gets_no_worse(l, site, bound_u);
}

void share_commit(struct share_ledger *l, int site)
{
    for (int i = 0; i < l->n; i++)
        l->lag_u[i] += l->share_ppm[i];
    l->lag_u[site] -= PPM;
}

/* ---- setting shares ---- */

/* Takes `total` off the lags of the sites with a share, by share, exactly. */
static void take_off(struct share_ledger *l, int64_t total)
{
    int64_t left = total;
    for (int i = 0; i < l->n; i++) {
        int64_t part = (int64_t)((i128)total * l->share_ppm[i] / PPM);
        l->lag_u[i] -= part;
        left -= part;
    }
    for (int i = 0; left; i = (i + 1) % l->n) /* fewer than n millionths are left */
        if (l->share_ppm[i]) {
            l->lag_u[i] -= left > 0 ? 1 : -1;
            left -= left > 0 ? 1 : -1;
        }
}

/* Multiplies the lags by num / den < 1, towards 0; what rounding left over goes where it makes a
 * lag smaller. */
static void shrink(struct share_ledger *l, int64_t num, int64_t den)
{
    int64_t sum = 0;
    for (int i = 0; i < l->n; i++) {
        l->lag_u[i] = (int64_t)((i128)l->lag_u[i] * num / den);
        sum += l->lag_u[i];
    }
    while (sum) {
        int64_t sign = sum > 0 ? 1 : -1;
        int far = 0;
        for (int i = 1; i < l->n; i++)
            if (sign * l->lag_u[i] > sign * l->lag_u[far])
                far = i;
        l->lag_u[far] -= sign;
        sum -= sign;
    }
}

static void make_safe(struct share_ledger *l, int64_t bound_u)
{
    int64_t v[SITES_MAX], sum = 0;
    int m = 0;
    for (int i = 0; i < l->n; i++)
        if (l->share_ppm[i])
            v[m++] = l->lag_u[i];
    sort_down(v, m);
    i128 num = 1, den = 1; /* the least of limit / sum */
    for (int k = 1; k < m; k++) {
        sum += v[k - 1];
        int64_t limit = k * bound_u - reserve_u[k];
        if (sum > limit && (i128)limit * den < num * sum) {
            num = limit;
            den = sum;
        }
    }
    if (-v[m - 1] > bound_u && (i128)bound_u * den < num * -v[m - 1]) {
        num = bound_u;
        den = -v[m - 1];
    }
    if (num != den)
        shrink(l, (int64_t)num, (int64_t)den);
}

void share_set(struct share_ledger *l, const int32_t share_ppm[], double bound_contacts)
{
    int64_t sum = 0, shares = 0;
    BUG_ON(l->n < 1 || l->n > SITES_MAX);
    for (int i = 0; i < l->n; i++) {
        BUG_ON(share_ppm[i] < 0);
        shares += share_ppm[i];
        if (!share_ppm[i] || !l->share_ppm[i])
            l->lag_u[i] = 0;
        l->share_ppm[i] = share_ppm[i];
        sum += l->lag_u[i];
    }
    BUG_ON(shares != PPM);
    take_off(l, sum);
    int m;
    holders_of(l, &m);
    make_safe(l, bound_of(bound_contacts, m));
}

/* ---- the choice ---- */

/* The sites of `mask` that the bound allows for this contact, when that may be not all. */
static __attribute__((noinline)) uint16_t within_bound(const struct share_ledger *l, uint16_t mask,
                                                       int64_t bound_u)
{
    int64_t due_u[SITES_MAX], most = INT64_MIN;
    int m = 0, largest = 0;
    uint16_t within = 0, large = 0;
    for (int i = 0; i < l->n; i++)
        if (mask >> i & 1) {
            due_u[m] = l->lag_u[i] + l->share_ppm[i];
            largest = due_u[m] > most ? i : largest;
            most = MAX(most, due_u[m]);
            m++;
        }
    int64_t least = least_to_serve(due_u, m, bound_u);
    for (int i = 0; i < l->n; i++) {
        int64_t due = l->lag_u[i] + l->share_ppm[i];
        if (!(mask >> i & 1) || due < least)
            continue;
        large |= (uint16_t)(1 << i);
        if (due - PPM >= -bound_u)
            within |= (uint16_t)(1 << i);
    }
    if (within)
        return within;
    /* All overdrawn: there is nothing to choose by but the price. None large enough: the ledger
     * was outside, and serving the largest is the quickest way back. */
    if (!large)
        large = (uint16_t)(1 << largest);
    return large;
}

/* The price of a site has two parts: the learned one, and one that its lag makes. The latter is
 * steep towards the bound, as the optimal control of a random walk between two walls is; that one
 * is a tangent, z / (1 - z^2) is as good and the same bits on every machine (docs/decisions.md).
 * The lag is taken between that with and that without this contact; beyond the bound the price
 * stays what it is there. */
int share_choose(const struct share_ledger *l, const struct share_price *p, const double cost_km[],
                 uint16_t eligible_mask, double bound_contacts, struct share_view *out)
{
    int m;
    uint16_t holders = holders_of(l, &m), mask = eligible_mask & (uint16_t)((1u << l->n) - 1);
    int64_t bound_u = bound_of(bound_contacts, m), most = INT64_MIN, fewest = INT64_MAX;
    if (mask & holders)
        mask &= holders;
    BUG_ON(!mask);
    double end = (double)bound_u / PPM, reach = end + 0.5;
    double scale_km = p->spread_km * reach / MAX(end, 0.5);
    for (int i = 0; i < l->n; i++) {
        int64_t due_u = l->lag_u[i] + l->share_ppm[i];
        most = MAX(most, due_u);
        fewest = MIN(fewest, due_u);
        double x = (double)(due_u - PPM / 2) * (1.0 / PPM);
        x = x < end ? x : end;
        x = x > -end ? x : -end;
        double price_km = -TRUST * p->price_km[i] - scale_km * x / (reach * reach - x * x);
        out->price_km[i] = l->share_ppm[i] ? price_km : 0;
        out->total_km[i] = cost_km[i] + out->price_km[i];
    }
    out->within = mask;
    if (most > bound_u - least_bound_u[m] || fewest < PPM - bound_u)
        out->within = within_bound(l, mask, bound_u);
    int best = -1, cheapest = -1;
    double best_km = HUGE_VAL, cheapest_km = HUGE_VAL;
    for (int i = 0; i < l->n; i++) { /* without branches: which is less is anybody's guess */
        double km = mask >> i & 1 ? out->total_km[i] : HUGE_VAL;
        cheapest = km < cheapest_km ? i : cheapest;
        cheapest_km = MIN(cheapest_km, km);
        km = out->within >> i & 1 ? km : HUGE_VAL;
        best = km < best_km ? i : best;
        best_km = MIN(best_km, km);
    }
    out->forced = best != cheapest;
    return best;
}

/* ---- learning ---- */

void share_price_init(struct share_price *p, int n)
{
    BUG_ON(n < 1 || n > SITES_MAX);
    *p = (struct share_price){.n = n, .variance = 1};
}

/* Which set of sites gets more than its share: the union of where the contacts that were not kept
 * could have gone. */
static void learn_forced(struct share_price *p, uint16_t mask, bool kept)
{
    p->miss_rate += ((kept ? 0 : 1) - p->miss_rate) / MISS_N;
    if (!kept && mask & ~p->tight) {
        p->tight |= mask;
        p->tight_seen = 0;
    } else if (p->miss_rate < MISS_GONE) {
        p->tight = 0;
    }
    if (!p->tight)
        return;
    p->tight_seen += p->tight_seen < TIGHT_N;
    p->tight_rate += ((mask & ~p->tight ? 0 : 1) - p->tight_rate) / p->tight_seen;
}

bool share_forced(const struct share_price *p, const struct share_ledger *l,
                  struct share_forced *out)
{
    *out = (struct share_forced){.sites = (uint16_t)p->tight};
    for (int i = 0; i < l->n; i++)
        if (p->tight >> i & 1)
            out->share_ppm += l->share_ppm[i];
    out->contacts_ppm = (int32_t)(p->tight_rate * PPM + 0.5);
    return p->tight && p->tight_seen >= TIGHT_SURE && p->miss_rate > MISS_TOLD &&
           out->contacts_ppm > out->share_ppm;
}

/* How far the prices may move for one contact, in spreads: the gain of a Kalman filter for a price
 * that drifts with time and is seen through one bit (would this site have been chosen?). */
static double learn_gain(struct share_price *p, td_ms now)
{
    if (p->surprise > 0)
        p->variance += LEAN_GAIN * p->surprise;
    if (p->learned && now > p->learned_at)
        p->variance += DRIFT_PER_H / 3.6e6 * p->n * (double)(now - p->learned_at);
    if (!p->learned || now > p->learned_at)
        p->learned_at = now;
    double v = MIN(p->variance, 1);
    p->variance = v / (1 + v); /* what one contact more leaves of it */
    return 2 * p->variance;
}

static void learn_spread(struct share_price *p, double spread_km)
{
    p->spread_km +=
        (spread_km - p->spread_km) * (p->learned < SPREAD_N ? 1.0 / p->learned : 1.0 / SPREAD_N);
    p->spread_max_km -= p->spread_max_km * FORGET_MAX;
    p->spread_max_km = MAX(p->spread_max_km, spread_km);
}

void share_price_learn(struct share_price *p, const struct share_ledger *l, const double cost_km[],
                       uint16_t eligible_mask, bool kept, td_ms now)
{
    double least = HUGE_VAL, most = -HUGE_VAL, best_km = HUGE_VAL, lean = 0, expected = 0;
    int best = -1, m;
    uint16_t mask = eligible_mask & holders_of(l, &m);
    learn_forced(p, mask, kept);
    if (!kept || !mask)
        return; /* it took no part: the others must balance among themselves */
    for (int i = 0; i < p->n; i++) {
        bool in = mask >> i & 1;
        double km = in ? cost_km[i] : HUGE_VAL, total_km = km - p->price_km[i];
        least = MIN(least, km);
        most = in ? MAX(most, km) : most;
        best = total_km < best_km ? i : best;
        best_km = MIN(best_km, total_km);
    }
    double gain = learn_gain(p, now);
    p->learned += p->learned < SPREAD_N;
    if (mask & (mask - 1)) /* a lone site tells nothing of the spread */
        learn_spread(p, most - least);
    double step_km = gain * p->spread_km, end_km = p->spread_max_km;
    for (int i = 0; i < p->n; i++) {
        double s = l->share_ppm[i] * (1.0 / PPM), error = s - (i == best ? 1 : 0);
        double price_km = MIN(p->price_km[i] + step_km * error, end_km);
        p->price_km[i] = MAX(price_km, -end_km);
        p->lean[i] += (error - p->lean[i]) * (1.0 / LEAN_N);
        lean += p->lean[i] * p->lean[i];
        expected += s * (1 - s);
    }
    /* Errors that keep one sign surprise: then prices drift faster than thought. */
    p->surprise = lean > 0 ? lean * (2 * LEAN_N) / expected - LEAN_LIMIT : 0;
}
