// Quantiles of a stream in bounded memory (Munro and Paterson 1980): full buffers are sorted; two of the same weight
// are merged and every second value kept, with twice the weight.
#ifndef STOA_QUANTILES_H
#define STOA_QUANTILES_H

#include <stddef.h>
#include <stdint.h>

enum {
    // Exact for fewer than 2,048 values. Beyond that a quantile's rank is off by at most levels/2048 of all, where levels
    // is the logarithm to base 2 of the count over 1,024: 0.6 % for four million values, in practice a tenth of that.
    QUANTILE_BUFFER = 1024,
    QUANTILE_LEVELS = 32
};

typedef struct {
    uint64_t *filling; // keys: doubles as integers of the same order
    uint32_t used;
    uint64_t *levels[QUANTILE_LEVELS]; // sorted, each value with the weight 2^level; NULL when empty
    uint32_t odd;                      // a bit a level: which half the next merge keeps
    uint64_t count;
} quantiles;

void quantiles_add(quantiles *q, double value);

// The value whose rank is the given fraction of all. There must be one.
double quantiles_at(quantiles *q, double fraction);

#endif
