// The chunks of a PNG from standard input (W3C PNG, third edition), every CRC checked. Ends the program with a refusal
// where the file is none.
#ifndef STOA_PNG_READER_H
#define STOA_PNG_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    MAX_SIDE = 65535,
    MAX_PIXELS = 1 << 27,
    MAX_KEPT_BYTES = 1 << 20
};

typedef enum { COLOR_GREY = 0, COLOR_RGB = 2, COLOR_PALETTE = 3, COLOR_GREY_ALPHA = 4, COLOR_RGBA = 6 } png_color;

typedef struct {
    uint32_t width, height;
    uint8_t depth; // bits a sample: 1, 2, 4, 8 or 16
    uint8_t color; // png_color
    bool interlaced;
    uint32_t samples; // of a pixel in the file

    uint8_t palette[256][3];
    uint32_t palette_count;
    uint8_t palette_alpha[256];
    bool transparent; // tRNS: palette_alpha holds, or the colour `key` is transparent
    uint16_t key[3];

    uint8_t *kept; // the chunks that say what the colours mean, whole, to be copied
    size_t kept_bytes;
} png_header;

// Reads up to the image data.
void png_open(png_header *h);

// The compressed image data, a piece at a time; 0 at its end.
size_t png_data(uint8_t *into, size_t capacity);

// Reads what is left of the image data and the chunks after it.
void png_close(void);

#endif
