#include "rows.h"

#include "../../common/stream.h"
#include "inflate.h"
#include "stoa.h"
#include "unfilter.h"

static struct {
    const png_header *header;
    uint8_t *above, *row;  // as in the file
    uint8_t *unpacked;     // one byte a sample, where samples have fewer bits
    uint8_t *whole;        // an interlaced image, unpacked
    size_t unpacked_bytes; // of a row
    uint32_t next;
} r;

static size_t packed_bytes(const png_header *h, uint32_t width)
{
    return ((size_t)width * h->samples * h->depth + 7) / 8;
}

static size_t pixel_bytes(const png_header *h)
{
    return h->samples * (h->depth == 16 ? 2 : 1);
}

// Reads and unfilters one row into r.row; the one before is in r.above.
static void read_row(uint32_t width)
{
    size_t length = packed_bytes(r.header, width);
    size_t pixel = pixel_bytes(r.header);
    const uint8_t *data = inflate_take(length + 1);
    if (!unfilter(data[0], data + 1, r.above, r.row, length, pixel))
        fail(EXIT_REFUSED, "the image data has a row filter that does not exist");
}

static void swap_rows(void)
{
    uint8_t *swap = r.above;
    r.above = r.row;
    r.row = swap;
}

// One byte a sample.
static void unpack(const uint8_t *packed, uint8_t *unpacked, uint32_t width)
{
    uint32_t depth = r.header->depth;
    uint32_t mask = (1u << depth) - 1;
    uint32_t shift = 8 - depth;
    for (uint32_t x = 0; x < width; x++) {
        unpacked[x] = (uint8_t)(*packed >> shift & mask);
        packed += shift == 0;
        shift = shift == 0 ? 8 - depth : shift - depth;
    }
}

// Adam7: seven passes, each with every so many pixels of every so many rows.
static void read_whole(void)
{
    static const uint8_t starts[7][2] = {{0, 0}, {4, 0}, {0, 4}, {2, 0}, {0, 2}, {1, 0}, {0, 1}};
    static const uint8_t steps[7][2] = {{8, 8}, {8, 8}, {4, 8}, {4, 4}, {2, 4}, {2, 2}, {1, 2}};
    const png_header *h = r.header;
    size_t pixel = pixel_bytes(h);
    for (int pass = 0; pass < 7; pass++) {
        uint32_t first = starts[pass][0];
        uint32_t step = steps[pass][0];
        uint32_t width = h->width > first ? (h->width - first + step - 1) / step : 0;
        if (width == 0)
            continue;
        memset(r.above, 0, packed_bytes(h, width));
        for (uint32_t y = starts[pass][1]; y < h->height; y += steps[pass][1]) {
            read_row(width);
            const uint8_t *from = r.row;
            if (h->depth < 8) {
                unpack(r.row, r.unpacked, width);
                from = r.unpacked;
            }
            uint8_t *to = r.whole + y * r.unpacked_bytes + first * pixel;
            for (uint32_t x = 0; x < width; x++, from += pixel, to += step * pixel)
                memcpy(to, from, pixel);
            swap_rows();
        }
        stoa_progress((uint64_t)pass + 1, 7, "passes");
    }
}

void rows_open(const png_header *h)
{
    size_t packed = packed_bytes(h, h->width);
    r.header = h;
    r.unpacked_bytes = h->width * pixel_bytes(h);
    if (h->interlaced && r.unpacked_bytes * (uint64_t)h->height > MAX_INTERLACED_BYTES)
        fail(EXIT_REFUSED, "the interlaced image is larger than 100 MiB");
    r.above = allocate(packed);
    r.row = allocate(packed);
    r.unpacked = allocate(h->width);
    memset(r.above, 0, packed);
    inflate_open(packed + 1);
    if (h->interlaced) {
        r.whole = allocate(r.unpacked_bytes * h->height);
        read_whole();
    }
}

const uint8_t *rows_next(void)
{
    uint32_t y = r.next++;
    if (r.whole != NULL)
        return r.whole + y * r.unpacked_bytes;
    read_row(r.header->width);
    swap_rows();
    if (r.header->depth == 8 || r.header->depth == 16)
        return r.above;
    unpack(r.above, r.unpacked, r.header->width);
    return r.unpacked;
}

void rows_close(void)
{
    inflate_close();
    png_close();
}
