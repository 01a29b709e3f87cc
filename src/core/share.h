/* share.h - exact traffic shares with nearness.
 *
 * Contacts come one by one; each has a cost in km at every site (distance, and whatever else the
 * caller prices in km). Sites have shares s_i. The lag of a site is what it was due less what it
 * got: the sum of s_i over contacts, less the contacts sent there. The operator gives one bound B
 * in contacts. share_choose keeps every |lag| within B at every moment, for every sequence of
 * contacts and of changes of shares, and within that seeks the least mean cost.
 *
 * Three parts, plain data of fixed size that can be copied and stored; nothing allocates:
 *
 * - share_ledger, the exact lags: integers, sums of contributions, so replicas that add the same
 *   ones in any order agree. The lags of all sites add up to 0.
 * - share_price, what this decider learned of the going prices: makes choices cheaper, never less
 *   exact, and need not be replicated.
 * - share_choose, the rule: least of cost + price among the sites the bound allows.
 *
 * Why the bound holds. Let T_k be the sum of the k largest lags and H_k = 1 + 1/2 + ... + 1/k. A
 * ledger is safe when every lag is at least -B and, for every k, T_k <= k (B - H_k + 1). A contact
 * adds the shares (in all at most 1 to any k sites) and takes 1 from the chosen site w. Choose the
 * w of the largest sum lag + share. The new k largest: if w is one of them, their sum is at most
 * T_k + 1 - 1. If not, each of them is at most what w was due, so their mean is at most that of
 * them and w, (T_(k+1) + 1) / (k+1) <= B - H_(k+1) + 1 + 1/(k+1) = B - H_k + 1. And w was at
 * least the mean 1/n, so it ends above -1. So a safe ledger always has a safe choice, whatever the
 * shares become, if T_n = 0 is safe: B >= H_n - 1. share_choose admits every choice that leaves the
 * ledger safe; k = 1 says lag <= B. No rule can promise less than H_n - 1 when shares may change:
 * give the sites not yet served equal shares, until one is left. (The same potential bounds the
 * emptier of the cup game: Adler, Berenbrink, Friedetzky, Goldberg, Goldberg, Paterson, "A
 * proportionate fair scheduling rule with good worst-case performance", SPAA 2003.)
 *
 * A contact that may not go everywhere can leave no safe choice. share_keeps tells: if it says no,
 * the caller sends the contact all the same, but does not commit it; then the bound holds for all
 * that are committed, and share_forced tells how many could not be. docs/decisions.md has the
 * pricing, and figures. */
#pragma once

#include "core/config.h"

struct share_ledger {
    int n;                        /* sites, 1 .. SITES_MAX */
    int32_t share_ppm[SITES_MAX]; /* add up to PPM; 0: takes no part */
    int64_t lag_u[SITES_MAX];     /* millionths of a contact; positive: is owed contacts */
};

struct share_price {
    int32_t n;
    uint32_t learned;           /* contacts, up to a limit */
    uint32_t tight;             /* bit per site: where the contacts not kept could go; 0 none */
    uint32_t tight_seen;        /* contacts since that set last grew, up to a limit */
    double tight_rate;          /* share of contacts that may go only to sites of that set */
    double miss_rate;           /* share of contacts that were not kept */
    double price_km[SITES_MAX]; /* what a contact to this site is worth, so that shares balance */
    double lean[SITES_MAX];     /* mean of the last prediction errors */
    double surprise;            /* their square, in excess of what chance explains; or below 0 */
    double spread_km;           /* mean of dearest less cheapest site of a contact */
    double spread_max_km;       /* its maximum, slowly forgotten */
    double variance;            /* of the prices, in spreads squared: how fast to learn */
    td_ms learned_at;
};

struct share_view {             /* why: filled for the log of decisions */
    double price_km[SITES_MAX]; /* added to the cost; below 0 draws contacts; 0 without a share */
    double total_km[SITES_MAX]; /* cost + price */
    uint16_t within;            /* eligible sites that the bound allows */
    bool forced;                /* the bound ruled out the eligible site of the least total */
};

struct share_forced {     /* shares that cannot be kept */
    uint16_t sites;       /* bit per site: the set that gets more than its share */
    int32_t contacts_ppm; /* of the last contacts, those that may go only to that set */
    int32_t share_ppm;    /* what the set should get */
};

/* The least bound that can be promised for n sites with a share: H_n - 1 contacts (0.5 for 2, 1.09
 * for 4, 2.39 for 16). Below it, share_choose and share_keeps work with this one. */
double share_bound_min(int n);

/* Weights as parts per million that add up to PPM exactly, by largest remainder (Hamilton); equal
 * remainders: the lower index first. Weights not above 0 get 0; one at least must be above 0. */
void share_spread(const double weight[], int n, int32_t share_ppm[]);

/* Puts shares in force: ppm[l->n], adding up to PPM. The lag of a site without a share is dropped
 * and what it was owed or owes is spread over the others by share; the result is safe within the
 * bound: should it not be, all lags shrink in proportion. A site that gets a share again starts at
 * lag 0. With unchanged shares it forgives what is beyond the bound. */
void share_set(struct share_ledger *l, const int32_t share_ppm[], double bound_contacts);

/* The site for a contact: eligible_mask has a bit for each site that may take it, not 0; sites
 * without a share only count when no other is eligible. cost_km[l->n]: finite.
 * A ledger outside the bound (sums over deciders after a partition) is led back by the largest
 * lag first and no overdrawn site gets a contact that could go elsewhere. Equal totals: the lower
 * index. *out is written for the first l->n sites. */
int share_choose(const struct share_ledger *l, const struct share_price *p, const double cost_km[],
                 uint16_t eligible_mask, double bound_contacts, struct share_view *out);

/* Would the ledger stay safe (or, when it is not, get no worse) with this contact at `site`? True
 * for every choice of share_choose when all sites with a share were eligible. */
bool share_keeps(const struct share_ledger *l, int site, double bound_contacts);

/* Every site is due its share of one contact more, and `site` got it. */
void share_commit(struct share_ledger *l, int site);

void share_price_init(struct share_price *p, int n);

/* Learns from a contact, before its commit. eligible_mask: where it could have gone (a customer
 * bound to a site: that site only). kept: what share_keeps said. Time may stand still. */
void share_price_learn(struct share_price *p, const struct share_ledger *l, const double cost_km[],
                       uint16_t eligible_mask, bool kept, td_ms now);

/* True when, by the last few hundred contacts, the shares in force cannot be kept: more contacts
 * are tied to some sites than these may get. */
bool share_forced(const struct share_price *p, const struct share_ledger *l,
                  struct share_forced *out);
