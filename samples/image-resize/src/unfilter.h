#ifndef STOA_UNFILTER_H
#define STOA_UNFILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Undoes the filter of one row: `filtered` and the row above give `row`. `pixel` is the distance, in bytes, of the byte
// to the left (1 to 8). Returns false for a filter that does not exist.
bool unfilter(uint8_t filter, const uint8_t *filtered, const uint8_t *above, uint8_t *row, size_t length, size_t pixel);

// The Paeth predictor of left, above and above left.
static inline uint8_t paeth(int left, int above, int corner)
{
    int to_left = above - corner;
    int to_above = left - corner;
    int to_corner = to_left + to_above;
    to_left = to_left < 0 ? -to_left : to_left;
    to_above = to_above < 0 ? -to_above : to_above;
    to_corner = to_corner < 0 ? -to_corner : to_corner;
    int best = to_above < to_left ? above : left;
    int distance = to_above < to_left ? to_above : to_left;
    return (uint8_t)(to_corner < distance ? corner : best);
}

#endif
