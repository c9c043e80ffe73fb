#include "cardinality.h"

// Ertl, "New cardinality estimation algorithms for HyperLogLog sketches", 2017: algorithm 6.
static double sigma(double x)
{
    if (x == 1)
        return 1e300; // all registers are empty
    double y = 1;
    double z = x;
    double before;
    do {
        x *= x;
        before = z;
        z += x * y;
        y += y;
    } while (z != before);
    return z;
}

static double tau(double x)
{
    if (x == 0 || x == 1)
        return 0;
    double y = 1;
    double z = 1 - x;
    double before;
    do {
        x = __builtin_sqrt(x);
        before = z;
        y *= 0.5;
        z -= (1 - x) * (1 - x) * y;
    } while (z != before);
    return z / 3;
}

double cardinality_estimate(const uint8_t *registers)
{
    enum { RANKS = 64 - CARDINALITY_BITS };
    const double m = CARDINALITY_REGISTERS;
    uint32_t counts[RANKS + 2] = {0};
    for (int i = 0; i < CARDINALITY_REGISTERS; i++)
        counts[registers[i]]++;
    double z = m * tau(1 - counts[RANKS + 1] / m);
    for (int rank = RANKS; rank >= 1; rank--)
        z = 0.5 * (z + counts[rank]);
    z += m * sigma(counts[0] / m);
    return 0.72134752044448170 * m * m / z; // 1 / (2 ln 2)
}
