// Five bodies like the Sun and its great planets, under gravity: n steps of a symplectic integrator. Units: AU, years, solar masses.
#include "guest.h"

#define BODIES 5
#define PI 3.141592653589793
#define SOLAR_MASS (4 * PI * PI) // times the constant of gravity
#define YEAR 365.24

typedef struct {
    double x, y, z, vx, vy, vz, mass;
} body;

static const body start[BODIES] = {
    {0, 0, 0, 0, 0, 0, SOLAR_MASS},
    {4.8414, -1.1603, -0.1036, 0.00166 * YEAR, 0.0077 * YEAR, -0.000069 * YEAR, 0.00095479 * SOLAR_MASS},
    {8.3434, 4.1248, -0.4035, -0.002767 * YEAR, 0.004998 * YEAR, 0.000023 * YEAR, 0.00028588 * SOLAR_MASS},
    {12.8943, -15.1111, -0.2233, 0.002964 * YEAR, 0.002378 * YEAR, -0.0000297 * YEAR, 0.00004366 * SOLAR_MASS},
    {15.3796, -25.9193, 0.1793, 0.00268 * YEAR, 0.001628 * YEAR, -0.0000952 * YEAR, 0.00005151 * SOLAR_MASS},
};

static body bodies[BODIES];

static void advance(double step) {
    for (int i = 0; i < BODIES; i++) {
        body *one = &bodies[i];
        for (int j = i + 1; j < BODIES; j++) {
            body *other = &bodies[j];
            double dx = one->x - other->x, dy = one->y - other->y, dz = one->z - other->z;
            double square = dx * dx + dy * dy + dz * dz;
            double pull = step / (square * __builtin_sqrt(square));
            one->vx -= dx * other->mass * pull;
            one->vy -= dy * other->mass * pull;
            one->vz -= dz * other->mass * pull;
            other->vx += dx * one->mass * pull;
            other->vy += dy * one->mass * pull;
            other->vz += dz * one->mass * pull;
        }
    }
    for (int i = 0; i < BODIES; i++) {
        bodies[i].x += step * bodies[i].vx;
        bodies[i].y += step * bodies[i].vy;
        bodies[i].z += step * bodies[i].vz;
    }
}

__attribute__((export_name("run"))) uint64_t run(uint32_t n) {
    for (int i = 0; i < BODIES; i++)
        bodies[i] = start[i];
    for (uint32_t turn = 0; turn < n; turn++)
        advance(0.01);
    uint64_t sum = SUM_START;
    for (int i = 0; i < BODIES; i++) {
        union { double value; uint64_t bits; } x = {bodies[i].x}, vx = {bodies[i].vx};
        sum = mix(mix(sum, x.bits), vx.bits);
    }
    return sum;
}
