// The rows of the image from top to bottom, without filters, interlacing and packed bits: one byte a sample, or two
// (big-endian) at a depth of 16.
#ifndef STOA_ROWS_H
#define STOA_ROWS_H

#include "png_reader.h"

enum { MAX_INTERLACED_BYTES = 100 << 20 }; // an interlaced image has to be kept whole

void rows_open(const png_header *h);
const uint8_t *rows_next(void); // valid until the next call
void rows_close(void);          // after the last row

#endif
