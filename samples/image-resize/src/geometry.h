// Which part of the source becomes how large an image.
#ifndef STOA_GEOMETRY_H
#define STOA_GEOMETRY_H

#include <stdbool.h>
#include <stdint.h>

typedef enum { FIT_CONTAIN, FIT_COVER, FIT_STRETCH } fit;

enum { MAX_TARGET_SIDE = 16384, DEFAULT_WIDTH = 800 };

typedef struct {
    uint32_t width, height;              // of the result
    double left, top, across, down;      // the part of the source, in its pixels
} geometry;

// A wanted side of 0 follows from the other one; when both are 0, the width is DEFAULT_WIDTH.
geometry geometry_plan(uint32_t width, uint32_t height, uint32_t wanted_width, uint32_t wanted_height, fit fit,
                       bool enlarge);

#endif
