// The product of two matrices of 256 x 256 doubles, n times, by the schoolbook's three loops with rows inmost.
#include "guest.h"

#define SIZE 256

static double a[SIZE][SIZE], b[SIZE][SIZE], c[SIZE][SIZE];

static void multiply(void) {
    for (int i = 0; i < SIZE; i++) {
        for (int j = 0; j < SIZE; j++)
            c[i][j] = 0;
        for (int k = 0; k < SIZE; k++) {
            double factor = a[i][k];
            for (int j = 0; j < SIZE; j++)
                c[i][j] += factor * b[k][j];
        }
    }
}

__attribute__((export_name("run"))) uint64_t run(uint32_t n) {
    uint32_t seed = 7;
    for (int i = 0; i < SIZE; i++) {
        for (int j = 0; j < SIZE; j++) {
            a[i][j] = (double)(next_random(&seed) % 1000) / 1000;
            b[i][j] = (double)(next_random(&seed) % 1000) / 1000;
        }
    }
    uint64_t sum = SUM_START;
    for (uint32_t turn = 0; turn < n; turn++) {
        multiply();
        for (int i = 0; i < SIZE; i++) {
            union { double value; uint64_t bits; } element = {c[i][i]};
            sum = mix(sum, element.bits);
            a[i][turn % SIZE] = element.value / SIZE;
        }
    }
    return sum;
}
