// Samples to linear light and back. Averages of light, not of the numbers in the file, look like the picture from afar;
// colours are multiplied by their alpha meanwhile, so that invisible pixels do not bleed.
#ifndef STOA_LIGHT_H
#define STOA_LIGHT_H

#include "png_reader.h"

// Chooses the channels of the output: 1 grey, 2 with alpha, 3 RGB, 4 with alpha.
uint32_t light_open(const png_header *h);

// One row of samples as rows_next gives it, to linear light from 0 to 1.
void light_from_samples(const uint8_t *samples, float *light);

// One row of the output: 8-bit samples, or 16-bit ones for a file of that depth. Returns its length in bytes.
size_t light_to_samples(const float *light, uint32_t width, uint8_t *samples);

#endif
