#include "quantiles.h"

#include <stdbool.h>
#include <stdlib.h>

#include "../../common/stream.h"

static uint64_t scratch[2 * QUANTILE_BUFFER];

static uint64_t key_of(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits >> 63 != 0 ? ~bits : bits | (uint64_t)1 << 63;
}

static double value_of(uint64_t key)
{
    uint64_t bits = key >> 63 != 0 ? key & ~((uint64_t)1 << 63) : ~key;
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

// Radix sort by bytes. Bytes that are the same in all keys are left out, as most are in columns of small integers.
static void sort(uint64_t *keys, uint32_t count)
{
    uint64_t any = 0;
    uint64_t all = ~(uint64_t)0;
    for (uint32_t i = 0; i < count; i++) {
        any |= keys[i];
        all &= keys[i];
    }
    uint64_t *from = keys;
    uint64_t *to = scratch;
    for (int shift = 0; shift < 64; shift += 8) {
        if (((any ^ all) >> shift & 0xFF) == 0)
            continue;
        uint32_t places[256] = {0};
        for (uint32_t i = 0; i < count; i++)
            places[from[i] >> shift & 0xFF]++;
        uint32_t place = 0;
        for (int i = 0; i < 256; i++) {
            uint32_t next = place + places[i];
            places[i] = place;
            place = next;
        }
        for (uint32_t i = 0; i < count; i++)
            to[places[from[i] >> shift & 0xFF]++] = from[i];
        uint64_t *swap = from;
        from = to;
        to = swap;
    }
    if (from != keys)
        memcpy(keys, from, count * sizeof *keys);
}

// Merges two full buffers and keeps every second value, in `into`.
static void merge_half(uint64_t *into, const uint64_t *other, bool odd)
{
    uint32_t i = 0;
    uint32_t j = 0;
    for (uint32_t k = 0; k < 2 * QUANTILE_BUFFER; k++) {
        bool first = j == QUANTILE_BUFFER || (i < QUANTILE_BUFFER && into[i] <= other[j]);
        scratch[k] = first ? into[i] : other[j];
        i += first;
        j += !first;
    }
    for (uint32_t k = 0; k < QUANTILE_BUFFER; k++)
        into[k] = scratch[2 * k + odd];
}

static void carry(quantiles *q)
{
    uint64_t *full = q->filling;
    sort(full, QUANTILE_BUFFER);
    int level = 0;
    for (; q->levels[level] != NULL; level++) {
        merge_half(full, q->levels[level], q->odd >> level & 1);
        q->odd ^= (uint32_t)1 << level;
        free(q->levels[level]);
        q->levels[level] = NULL;
    }
    q->levels[level] = full;
    q->filling = NULL;
    q->used = 0;
}

void quantiles_add(quantiles *q, double value)
{
    if (q->filling == NULL)
        q->filling = allocate(QUANTILE_BUFFER * sizeof *q->filling);
    q->filling[q->used++] = key_of(value);
    q->count++;
    if (q->used == QUANTILE_BUFFER)
        carry(q);
}

static uint64_t count_up_to(const uint64_t *sorted, uint32_t count, uint64_t key)
{
    uint32_t low = 0;
    uint32_t high = count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (sorted[middle] <= key)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

double quantiles_at(quantiles *q, double fraction)
{
    if (q->used > 0)
        sort(q->filling, q->used);
    double exact = fraction * (double)q->count;
    uint64_t rank = (uint64_t)exact;
    if ((double)rank < exact || rank == 0)
        rank++;
    uint64_t low = 0;
    uint64_t high = ~(uint64_t)0;
    while (low < high) { // the smallest key with `rank` values up to it
        uint64_t middle = low + (high - low) / 2;
        uint64_t weight = q->used > 0 ? count_up_to(q->filling, q->used, middle) : 0;
        for (int level = 0; level < QUANTILE_LEVELS; level++)
            if (q->levels[level] != NULL)
                weight += count_up_to(q->levels[level], QUANTILE_BUFFER, middle) << level;
        if (weight >= rank)
            high = middle;
        else
            low = middle + 1;
    }
    return value_of(low);
}
