// The number of distinct values, estimated (HyperLogLog, Flajolet et al. 2007, with the estimator of Ertl 2017). The
// standard error is 0.8 %.
#ifndef STOA_CARDINALITY_H
#define STOA_CARDINALITY_H

#include <stdint.h>

enum { CARDINALITY_BITS = 14, CARDINALITY_REGISTERS = 1 << CARDINALITY_BITS };

static inline void cardinality_add(uint8_t *registers, uint64_t hash)
{
    uint8_t rank = (uint8_t)(__builtin_clzll(hash << CARDINALITY_BITS | (uint64_t)1 << (CARDINALITY_BITS - 1)) + 1);
    uint8_t *r = &registers[hash >> (64 - CARDINALITY_BITS)];
    if (*r < rank)
        *r = rank;
}

double cardinality_estimate(const uint8_t *registers);

#endif
