/* siphash.h - a keyed hash: who does not know the key can neither guess nor provoke its values.
 *
 * SipHash-2-4 (J.-P. Aumasson, D. J. Bernstein, "SipHash: a fast short-input PRF", INDOCRYPT 2012)
 * and its variant with 128 bits of output. Used to make pseudonyms of telephone numbers: keep the
 * key secret, the space of numbers is small enough to be tried out by who has it. */
#pragma once

#include "base/base.h"

/* A key as its 16 bytes read in little-endian order. Results are the same on every machine. */
uint64_t siphash(const uint64_t key[2], const void *bytes, size_t n);
void siphash128(const uint64_t key[2], const void *bytes, size_t n, uint64_t out[2]);
