// Scales rows of floats as they come: groups of whole pixels are averaged first, as long as twice the wanted resolution
// is left; then comes a Lanczos filter with three lobes, across and down. Only the rows that the filter spans are kept.
#ifndef STOA_SCALER_H
#define STOA_SCALER_H

#include <stdbool.h>

#include "geometry.h"

void scaler_open(uint32_t width, uint32_t height, uint32_t channels, const geometry *g);

// Takes the next row of the source. Call scaler_next afterwards until it gives no row.
void scaler_add(const float *row);

// The next row of the result, if the rows so far are enough for it; else NULL.
const float *scaler_next(void);

#endif
