// Loops that a compiler turns into vector instructions where it may, and what they compute: the same with and without.
#include <stdint.h>
#include <stdio.h>

enum { COUNT = 4099 };

static uint8_t bytes[COUNT], others[COUNT], blended[COUNT];
static int16_t samples[COUNT], gains[COUNT];
static int32_t words[COUNT];
static float singles[COUNT], scaled[COUNT];
static double doubles[COUNT];

static uint32_t state = 1;

static uint32_t next(void)
{
    state = state * 1664525u + 1013904223u;
    return state >> 8;
}

static uint64_t digest(const void *data, unsigned long size)
{
    const uint8_t *at = data;
    uint64_t hash = 14695981039346656037u;
    for (unsigned long i = 0; i < size; i++)
        hash = (hash ^ at[i]) * 1099511628211u;
    return hash;
}

static void fill(void)
{
    for (int i = 0; i < COUNT; i++) {
        bytes[i] = (uint8_t)next();
        others[i] = (uint8_t)next();
        samples[i] = (int16_t)next();
        gains[i] = (int16_t)next();
        words[i] = (int32_t)(next() * 60u);
        singles[i] = (float)(int32_t)next() / 77.0f - 40000.0f;
        doubles[i] = (double)next() * 1.25;
    }
}

static void blend(void)
{
    for (int i = 0; i < COUNT; i++) {
        int sum = (bytes[i] * 3 + others[i] * 7 + 4) >> 3;
        blended[i] = (uint8_t)(sum > 255 ? 255 : sum);
    }
}

static void scale(void)
{
    for (int i = 0; i < COUNT; i++) {
        float value = singles[i] * 1.5f + (float)words[i];
        scaled[i] = value < -1000.0f ? -1000.0f : value;
    }
}

static void mix(void)
{
    for (int i = 0; i < COUNT; i++)
        words[i] = ((words[i] >> 3) ^ (int32_t)scaled[i] ^ (samples[i] * gains[i])) / 2;
}

static uint32_t dot(void)
{
    uint32_t sum = 0;
    for (int i = 0; i < COUNT; i++)
        sum += (uint32_t)(samples[i] * gains[i]);
    return sum;
}

static unsigned count(void)
{
    unsigned sum = 0;
    for (int i = 0; i < COUNT; i++)
        sum += (unsigned)__builtin_popcount(bytes[i]) + (others[i] == 32) + (bytes[i] > others[i]);
    return sum;
}

static void widen(void)
{
    for (int i = 0; i < COUNT; i++)
        doubles[i] = doubles[i] * 0.5 + (double)words[i] - (double)singles[i];
}

int main(void)
{
    fill();
    for (int turn = 0; turn < 3; turn++) {
        blend();
        scale();
        mix();
        widen();
        printf("blend %016llx\n", (unsigned long long)digest(blended, sizeof blended));
        printf("scale %016llx\n", (unsigned long long)digest(scaled, sizeof scaled));
        printf("mix %016llx\n", (unsigned long long)digest(words, sizeof words));
        printf("widen %016llx\n", (unsigned long long)digest(doubles, sizeof doubles));
        printf("dot %u count %u\n", (unsigned)dot(), count());
    }
    return 0;
}
