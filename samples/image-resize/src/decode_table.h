// Tables that decode Huffman codes. An entry holds what a code means and how many bits it takes:
// value << 16 | extra bits << 8 | kind | length of the code.
#ifndef STOA_DECODE_TABLE_H
#define STOA_DECODE_TABLE_H

#include <stdbool.h>
#include <stdint.h>

enum {
    TABLE_BITS = 11, // longer codes, which are rare, are read bit by bit
    MAX_CODE_BITS = 15,

    ENTRY_LENGTH = 0x0F,
    ENTRY_LITERAL = 0x10,
    ENTRY_END = 0x20,
    ENTRY_LONG = 0x40 // the code is longer than TABLE_BITS
};

typedef enum { MEANS_LENGTHS, MEANS_LITERALS, MEANS_DISTANCES } meaning;

typedef struct {
    uint32_t entries[1 << TABLE_BITS]; // by the next bits of the stream; 0 is no code
    uint32_t sorted[288];              // entries by code length and symbol
    uint16_t counts[MAX_CODE_BITS + 1];
} decode_table;

// Builds the table of the canonical code with these lengths. Returns false when they make no code.
bool table_build(decode_table *t, const uint8_t *lengths, uint32_t count, meaning meaning);

// The entry of a code longer than TABLE_BITS at the start of `bits`, or 0.
uint32_t table_long_entry(const decode_table *t, uint64_t bits);

#endif
