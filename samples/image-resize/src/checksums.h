#ifndef STOA_CHECKSUMS_H
#define STOA_CHECKSUMS_H

#include <stddef.h>
#include <stdint.h>

// CRC-32 of PNG (ISO 3309), of all bytes so far; starts with 0.
uint32_t crc_add(uint32_t crc, const uint8_t *bytes, size_t length);

// Adler-32 of zlib (RFC 1950), of all bytes so far; starts with 1.
uint32_t adler_add(uint32_t adler, const uint8_t *bytes, size_t length);

#endif
