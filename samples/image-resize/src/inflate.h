// Decompresses zlib data (RFC 1950, RFC 1951) as it comes from png_data. The caller takes contiguous pieces; the data
// itself is the window that matches refer to.
#ifndef STOA_INFLATE_H
#define STOA_INFLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Gets ready to give pieces of up to `largest` bytes.
void inflate_open(size_t largest);

// The next `count` bytes; valid, and not to be changed, until the next call. Refuses data that ends before.
const uint8_t *inflate_take(size_t count);

// Refuses data that goes on, and a wrong check sum.
void inflate_close(void);

#endif
