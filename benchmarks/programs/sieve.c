// The sieve of Eratosthenes up to 4,000,000, a byte a number, n times.
#include "guest.h"

#define LIMIT 4000000

static uint8_t is_composite[LIMIT];

static uint32_t count_primes(void) {
    for (uint32_t i = 0; i < LIMIT; i++)
        is_composite[i] = 0;
    for (uint32_t i = 2; i * i < LIMIT; i++) {
        if (is_composite[i])
            continue;
        for (uint32_t multiple = i * i; multiple < LIMIT; multiple += i)
            is_composite[multiple] = 1;
    }
    uint32_t primes = 0;
    for (uint32_t i = 2; i < LIMIT; i++)
        primes += !is_composite[i];
    return primes;
}

__attribute__((export_name("run"))) uint64_t run(uint32_t n) {
    uint64_t sum = SUM_START;
    for (uint32_t turn = 0; turn < n; turn++)
        sum = mix(sum, count_primes());
    return sum;
}
