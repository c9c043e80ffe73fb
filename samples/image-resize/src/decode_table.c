#include "decode_table.h"

#include <string.h>

static uint32_t entry_of(uint32_t symbol, meaning meaning)
{
    static const uint16_t lengths[29] = {3,  4,  5,  6,  7,  8,  9,  10, 11,  13,  15,  17,  19,  23, 27,
                                         31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258};
    static const uint8_t length_bits[29] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2,
                                            2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0};
    switch (meaning) {
    case MEANS_LENGTHS:
        return symbol << 16 | ENTRY_LITERAL;
    case MEANS_LITERALS:
        if (symbol < 256)
            return symbol << 16 | ENTRY_LITERAL;
        if (symbol == 256)
            return ENTRY_END;
        if (symbol > 285)
            return 0;
        return (uint32_t)lengths[symbol - 257] << 16 | (uint32_t)length_bits[symbol - 257] << 8;
    default:
        if (symbol > 29)
            return 0;
        if (symbol < 4)
            return (symbol + 1) << 16;
        uint32_t extra = symbol / 2 - 1;
        return (((2 + (symbol & 1)) << extra) + 1) << 16 | extra << 8;
    }
}

static uint32_t reverse(uint32_t code, uint32_t length)
{
    uint32_t reversed = 0;
    for (uint32_t i = 0; i < length; i++)
        reversed |= (code >> i & 1) << (length - 1 - i);
    return reversed;
}

bool table_build(decode_table *t, const uint8_t *lengths, uint32_t count, meaning meaning)
{
    memset(t->counts, 0, sizeof t->counts);
    memset(t->entries, 0, sizeof t->entries);
    for (uint32_t i = 0; i < count; i++)
        t->counts[lengths[i]]++;
    t->counts[0] = 0;

    uint32_t codes[MAX_CODE_BITS + 1];
    uint32_t places[MAX_CODE_BITS + 1];
    uint32_t code = 0;
    uint32_t used = 0;
    for (uint32_t length = 1; length <= MAX_CODE_BITS; length++) {
        code = (code + t->counts[length - 1]) << 1;
        codes[length] = code;
        places[length] = used;
        used += t->counts[length];
        if (code + t->counts[length] > 1u << length)
            return false; // more codes than there can be
    }
    // A code may be incomplete only where it has one symbol or none (RFC 1951, 3.2.7).
    if (used > 1 && codes[MAX_CODE_BITS] + t->counts[MAX_CODE_BITS] != 1u << MAX_CODE_BITS)
        return false;

    for (uint32_t symbol = 0; symbol < count; symbol++) {
        uint32_t length = lengths[symbol];
        if (length == 0)
            continue;
        uint32_t entry = entry_of(symbol, meaning);
        if (entry != 0)
            entry |= length;
        t->sorted[places[length]++] = entry;
        uint32_t reversed = reverse(codes[length]++, length);
        if (length <= TABLE_BITS) {
            for (uint32_t i = reversed; i < 1 << TABLE_BITS; i += 1u << length)
                t->entries[i] = entry;
        } else {
            t->entries[reversed & ((1 << TABLE_BITS) - 1)] = ENTRY_LONG;
        }
    }
    return true;
}

uint32_t table_long_entry(const decode_table *t, uint64_t bits)
{
    uint32_t code = 0;
    uint32_t first = 0;
    uint32_t place = 0;
    for (uint32_t length = 1; length <= MAX_CODE_BITS; length++) {
        code |= bits & 1;
        bits >>= 1;
        uint32_t count = t->counts[length];
        if (code < first + count)
            return t->sorted[place + (code - first)];
        place += count;
        first = (first + count) << 1;
        code <<= 1;
    }
    return 0;
}
