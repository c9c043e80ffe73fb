#include "unfilter.h"

#include <string.h>

static void add_above(const uint8_t *filtered, const uint8_t *above, uint8_t *row, size_t length)
{
    const uint64_t low = 0x7F7F7F7F7F7F7F7Fu;
    size_t i = 0;
    for (; i + 8 <= length; i += 8) { // eight sums at once, without carries between them
        uint64_t a, b;
        memcpy(&a, filtered + i, 8);
        memcpy(&b, above + i, 8);
        uint64_t sum = ((a & low) + (b & low)) ^ ((a ^ b) & ~low);
        memcpy(row + i, &sum, 8);
    }
    for (; i < length; i++)
        row[i] = (uint8_t)(filtered[i] + above[i]);
}

// The filters that look to the left go pixel by pixel with the bytes to the left in registers: `pixel` is a constant in
// each of the copies that the compiler makes.
static inline __attribute__((always_inline)) void add_left(const uint8_t *filtered, uint8_t *row, size_t length,
                                                           size_t pixel)
{
    uint8_t left[8] = {0};
    for (size_t i = 0; i + pixel <= length; i += pixel)
        for (size_t k = 0; k < pixel; k++)
            row[i + k] = left[k] = (uint8_t)(filtered[i + k] + left[k]);
}

static inline __attribute__((always_inline)) void add_average(const uint8_t *filtered, const uint8_t *above,
                                                              uint8_t *row, size_t length, size_t pixel)
{
    uint8_t left[8] = {0};
    for (size_t i = 0; i + pixel <= length; i += pixel)
        for (size_t k = 0; k < pixel; k++)
            row[i + k] = left[k] = (uint8_t)(filtered[i + k] + (left[k] + above[i + k]) / 2);
}

static inline __attribute__((always_inline)) void add_paeth(const uint8_t *filtered, const uint8_t *above, uint8_t *row,
                                                            size_t length, size_t pixel)
{
    uint8_t left[8] = {0};
    uint8_t corner[8] = {0};
    for (size_t i = 0; i + pixel <= length; i += pixel) {
        for (size_t k = 0; k < pixel; k++) {
            uint8_t up = above[i + k];
            row[i + k] = left[k] = (uint8_t)(filtered[i + k] + paeth(left[k], up, corner[k]));
            corner[k] = up;
        }
    }
}

// A function of its own for each size of a pixel, so that none gets large.
#define ADD_PIXELS_OF(pixel)                                                                                           \
    static __attribute__((noinline)) void add_##pixel(uint8_t filter, const uint8_t *filtered, const uint8_t *above,   \
                                                      uint8_t *row, size_t length)                                     \
    {                                                                                                                  \
        if (filter == 1)                                                                                               \
            add_left(filtered, row, length, pixel);                                                                    \
        else if (filter == 3)                                                                                          \
            add_average(filtered, above, row, length, pixel);                                                          \
        else                                                                                                           \
            add_paeth(filtered, above, row, length, pixel);                                                            \
    }

ADD_PIXELS_OF(1)
ADD_PIXELS_OF(2)
ADD_PIXELS_OF(3)
ADD_PIXELS_OF(4)
ADD_PIXELS_OF(6)
ADD_PIXELS_OF(8)

bool unfilter(uint8_t filter, const uint8_t *filtered, const uint8_t *above, uint8_t *row, size_t length, size_t pixel)
{
    if (filter > 4)
        return false;
    if (filter == 0) {
        memcpy(row, filtered, length);
        return true;
    }
    if (filter == 2) {
        add_above(filtered, above, row, length);
        return true;
    }
    switch (pixel) {
    case 1:
        add_1(filter, filtered, above, row, length);
        break;
    case 2:
        add_2(filter, filtered, above, row, length);
        break;
    case 3:
        add_3(filter, filtered, above, row, length);
        break;
    case 4:
        add_4(filter, filtered, above, row, length);
        break;
    case 6:
        add_6(filter, filtered, above, row, length);
        break;
    default:
        add_8(filter, filtered, above, row, length);
        break;
    }
    return true;
}
