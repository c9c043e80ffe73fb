// What all programs share. They are freestanding: no libc, no imports, and each gives a checksum of all that it computed.
#pragma once

#include <stddef.h>
#include <stdint.h>

// Marsaglia's xorshift: the same numbers on every machine.
static inline uint32_t next_random(uint32_t *state) {
    uint32_t x = *state;
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    return *state = x;
}

// FNV-1a, a word at a time.
static inline uint64_t mix(uint64_t sum, uint64_t value) {
    return (sum ^ value) * 0x100000001b3u;
}

#define SUM_START 0xcbf29ce484222325u
