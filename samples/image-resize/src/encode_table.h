// Huffman codes from how often symbols occur.
#ifndef STOA_ENCODE_TABLE_H
#define STOA_ENCODE_TABLE_H

#include <stdint.h>

enum { MAX_SYMBOLS = 288 };

// The lengths of an optimal code, none longer than `limit` bits (15 at most); 0 for symbols that do not occur. A single
// symbol gets one bit.
void code_lengths(const uint32_t *frequencies, uint32_t count, uint32_t limit, uint8_t *lengths);

// The canonical code with these lengths, as deflate writes it: first bit lowest.
void code_bits(const uint8_t *lengths, uint32_t count, uint16_t *codes);

#endif
