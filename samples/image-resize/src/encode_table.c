#include "encode_table.h"

#include <string.h>

// Symbols in the order of their frequency, rare ones first. Shell's sort: there are few.
static uint32_t sort_used(const uint32_t *frequencies, uint32_t count, uint16_t *sorted)
{
    uint32_t used = 0;
    for (uint32_t i = 0; i < count; i++)
        if (frequencies[i] > 0)
            sorted[used++] = (uint16_t)i;
    for (uint32_t gap = used / 2; gap > 0; gap /= 2) {
        for (uint32_t i = gap; i < used; i++) {
            uint16_t moved = sorted[i];
            uint32_t j = i;
            for (; j >= gap && frequencies[sorted[j - gap]] > frequencies[moved]; j -= gap)
                sorted[j] = sorted[j - gap];
            sorted[j] = moved;
        }
    }
    return used;
}

// Counts how many codes of each length Huffman's tree has. Leaves and inner nodes are two queues, both in order.
static void count_depths(const uint32_t *frequencies, const uint16_t *sorted, uint32_t used, uint32_t *counts)
{
    uint32_t weights[MAX_SYMBOLS];
    uint16_t parents[2 * MAX_SYMBOLS];
    uint32_t leaf = 0;
    uint32_t inner = 0;
    for (uint32_t made = 0; made < used - 1; made++) {
        uint32_t weight = 0;
        for (int child = 0; child < 2; child++) {
            if (leaf < used && (inner == made || frequencies[sorted[leaf]] <= weights[inner])) {
                weight += frequencies[sorted[leaf]];
                parents[leaf++] = (uint16_t)made;
            } else {
                weight += weights[inner];
                parents[used + inner++] = (uint16_t)made;
            }
        }
        weights[made] = weight;
    }
    uint16_t depths[MAX_SYMBOLS];
    depths[used - 2] = 0;
    for (uint32_t i = used - 2; i-- > 0;)
        depths[i] = (uint16_t)(depths[parents[used + i]] + 1);
    for (uint32_t i = 0; i < used; i++)
        counts[depths[parents[i]] + 1]++;
}

// Shortens codes beyond the limit, and lengthens others until all fit again.
static void limit_depths(uint32_t *counts, uint32_t limit)
{
    uint32_t total = 0; // in units of the longest code
    for (uint32_t depth = MAX_SYMBOLS; depth > limit; depth--) {
        counts[limit] += counts[depth];
        counts[depth] = 0;
    }
    for (uint32_t depth = 1; depth <= limit; depth++)
        total += counts[depth] << (limit - depth);
    while (total > 1u << limit) {
        uint32_t depth = limit - 1; // a code of this depth makes room for one of the longest ones beside it
        while (counts[depth] == 0)
            depth--;
        counts[depth]--;
        counts[depth + 1] += 2;
        counts[limit]--;
        total--;
    }
}

void code_lengths(const uint32_t *frequencies, uint32_t count, uint32_t limit, uint8_t *lengths)
{
    uint16_t sorted[MAX_SYMBOLS];
    uint32_t counts[MAX_SYMBOLS + 1] = {0};
    uint32_t used = sort_used(frequencies, count, sorted);
    memset(lengths, 0, count);
    if (used == 0)
        return;
    if (used == 1) {
        lengths[sorted[0]] = 1;
        return;
    }
    count_depths(frequencies, sorted, used, counts);
    limit_depths(counts, limit);
    uint32_t next = 0;
    for (uint32_t depth = limit; depth > 0; depth--)
        for (uint32_t i = 0; i < counts[depth]; i++)
            lengths[sorted[next++]] = (uint8_t)depth;
}

void code_bits(const uint8_t *lengths, uint32_t count, uint16_t *codes)
{
    uint32_t counts[16] = {0};
    uint32_t next[16];
    uint32_t code = 0;
    for (uint32_t i = 0; i < count; i++)
        counts[lengths[i]]++;
    counts[0] = 0;
    for (uint32_t length = 1; length < 16; length++) {
        code = (code + counts[length - 1]) << 1;
        next[length] = code;
    }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t reversed = 0;
        uint32_t bits = lengths[i] > 0 ? next[lengths[i]]++ : 0;
        for (uint32_t k = 0; k < lengths[i]; k++)
            reversed |= (bits >> k & 1) << (lengths[i] - 1 - k);
        codes[i] = (uint16_t)reversed;
    }
}
