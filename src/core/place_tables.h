/* place_tables.h - what tools/make_places.mjs generates for place.c, and nobody else reads. */
#pragma once

#include "core/place.h"

struct place_row {
    struct place_vec vec;
    double lat, lon;
    uint16_t npa; /* 0: the row is a country's */
    char country[3];
};

enum {
    PLACE_NPA_FIRST = 200, /* area codes begin with 2..9 */
    PLACE_NPAS = 800,
    PLACE_ROW_NONE = -1,    /* nothing is known of this code */
    PLACE_ROW_NOWHERE = -2, /* it is known to belong to no place: toll-free and the like */
};

extern const struct place_row place__rows[];
extern const int32_t place__n_rows;
extern const int16_t place__of_npa[PLACE_NPAS];    /* [npa - PLACE_NPA_FIRST] */
extern const int16_t place__of_calling_code[1000]; /* [first three digits of a number] */
extern const int16_t place__of_country[26 * 26];   /* [two letters, A = 0] */
