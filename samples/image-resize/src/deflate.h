// Compresses to zlib data (RFC 1950, RFC 1951): hash chains, lazy matching, and of each block whichever of a dynamic
// code, the fixed code and no compression is the shortest.
#ifndef STOA_DEFLATE_H
#define STOA_DEFLATE_H

#include <stddef.h>
#include <stdint.h>

typedef void deflate_sink(const uint8_t *bytes, size_t length);

void deflate_open(deflate_sink *sink);
void deflate_add(const uint8_t *bytes, size_t length);
void deflate_close(void);

#endif
