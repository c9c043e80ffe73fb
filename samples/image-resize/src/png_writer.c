#include "png_writer.h"

#include "../../common/stream.h"
#include "checksums.h"
#include "deflate.h"
#include "unfilter.h"

enum { FILTERS = 5 };

static struct {
    size_t row_bytes, pixel;
    uint8_t *above;
    uint8_t *filtered[FILTERS]; // each with its filter's number first
} w;

static void put_word(uint8_t *to, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        to[i] = (uint8_t)(value >> (24 - 8 * i));
}

static void write_chunk(const char *type, const uint8_t *bytes, size_t length)
{
    uint8_t word[4];
    put_word(word, (uint32_t)length);
    out_bytes(word, 4);
    out_bytes(type, 4);
    out_bytes(bytes, length);
    put_word(word, crc_add(crc_add(0, (const uint8_t *)type, 4), bytes, length));
    out_bytes(word, 4);
}

static void write_data(const uint8_t *bytes, size_t length)
{
    if (length > 0)
        write_chunk("IDAT", bytes, length);
}

void png_writer_open(const png_header *source, uint32_t width, uint32_t height, uint32_t channels)
{
    static const uint8_t signature[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
    static const uint8_t colors[] = {0, COLOR_GREY, COLOR_GREY_ALPHA, COLOR_RGB, COLOR_RGBA};
    uint8_t depth = source->depth == 16 ? 16 : 8;
    w.pixel = channels * (depth / 8u);
    w.row_bytes = width * w.pixel;
    w.above = allocate(w.row_bytes);
    memset(w.above, 0, w.row_bytes);
    for (int i = 0; i < FILTERS; i++) {
        w.filtered[i] = allocate(w.row_bytes + 1);
        w.filtered[i][0] = (uint8_t)i;
    }

    uint8_t header[13] = {0};
    put_word(header, width);
    put_word(header + 4, height);
    header[8] = depth;
    header[9] = colors[channels];
    out_bytes(signature, sizeof signature);
    write_chunk("IHDR", header, sizeof header);
    if (source->kept_bytes > 0)
        out_bytes(source->kept, source->kept_bytes);
    deflate_open(write_data);
}

static inline uint32_t size_of(uint8_t difference)
{
    return difference < 128 ? difference : 256u - difference;
}

static uint8_t predict(int filter, uint8_t left, uint8_t above, uint8_t corner)
{
    switch (filter) {
    case 1:
        return left;
    case 2:
        return above;
    case 3:
        return (uint8_t)((left + above) / 2);
    case 4:
        return paeth(left, above, corner);
    default:
        return 0;
    }
}

static inline __attribute__((always_inline)) uint64_t apply(int filter, const uint8_t *row)
{
    uint8_t *to = w.filtered[filter] + 1;
    const uint8_t *above = w.above;
    uint64_t sum = 0;
    size_t pixel = w.pixel;
    size_t start = pixel < w.row_bytes ? pixel : w.row_bytes;
    for (size_t i = 0; i < start; i++) {
        to[i] = (uint8_t)(row[i] - predict(filter, 0, above[i], 0));
        sum += size_of(to[i]);
    }
    for (size_t i = start; i < w.row_bytes; i++) {
        to[i] = (uint8_t)(row[i] - predict(filter, row[i - pixel], above[i], above[i - pixel]));
        sum += size_of(to[i]);
    }
    return sum;
}

void png_writer_add(const uint8_t *row)
{
    uint64_t sums[FILTERS] = {apply(0, row), apply(1, row), apply(2, row), apply(3, row), apply(4, row)};
    int best = 0;
    for (int i = 1; i < FILTERS; i++)
        if (sums[i] < sums[best])
            best = i;
    deflate_add(w.filtered[best], w.row_bytes + 1);
    memcpy(w.above, row, w.row_bytes);
}

void png_writer_close(void)
{
    deflate_close();
    write_chunk("IEND", (const uint8_t *)"", 0);
    out_flush();
}
