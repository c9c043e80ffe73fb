#ifndef STOA_PNG_WRITER_H
#define STOA_PNG_WRITER_H

#include "png_reader.h"

// Starts a PNG of this size with 1 to 4 channels of 8 or 16 bits, and with the chunks that the source's header keeps.
void png_writer_open(const png_header *source, uint32_t width, uint32_t height, uint32_t channels);

// Adds a row, with the filter for which the sum of the differences is least.
void png_writer_add(const uint8_t *row);

void png_writer_close(void);

#endif
