#include "png_reader.h"

#include "../../common/stream.h"
#include "checksums.h"

enum { INPUT_CAPACITY = 1 << 16, MAX_CHUNK_BYTES = 0x7FFFFFFF };

#define TYPE(a, b, c, d) ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))

static struct {
    uint8_t bytes[INPUT_CAPACITY];
    size_t at, end;
} input;

static struct {
    uint32_t type, left, crc; // the chunk that is being read
} chunk;

static void take(uint8_t *into, size_t count)
{
    while (count > 0) {
        if (input.at == input.end) {
            input.at = 0;
            input.end = input_read(input.bytes, INPUT_CAPACITY);
            if (input.end == 0)
                fail(EXIT_REFUSED, "the PNG is cut off");
        }
        size_t piece = input.end - input.at < count ? input.end - input.at : count;
        memcpy(into, input.bytes + input.at, piece);
        input.at += piece;
        into += piece;
        count -= piece;
    }
}

static uint32_t big_endian(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static void chunk_open(void)
{
    uint8_t head[8];
    take(head, sizeof head);
    chunk.left = big_endian(head);
    chunk.type = big_endian(head + 4);
    chunk.crc = crc_add(0, head + 4, 4);
    if (chunk.left > MAX_CHUNK_BYTES)
        fail(EXIT_REFUSED, "a chunk of the PNG is longer than chunks may be");
}

static void chunk_take(uint8_t *into, size_t count)
{
    if (count > chunk.left)
        fail(EXIT_REFUSED, "a chunk of the PNG is too short");
    take(into, count);
    chunk.left -= (uint32_t)count;
    chunk.crc = crc_add(chunk.crc, into, count);
}

static void chunk_close(void)
{
    uint8_t bytes[4096];
    while (chunk.left > 0)
        chunk_take(bytes, chunk.left < sizeof bytes ? chunk.left : sizeof bytes);
    take(bytes, 4);
    if (big_endian(bytes) != chunk.crc)
        fail(EXIT_REFUSED, "a chunk of the PNG is damaged: its CRC is wrong");
}

static void check_depth(const png_header *h)
{
    static const uint8_t depths[7] = {
        [COLOR_GREY] = 1 | 2 | 4 | 8 | 16, [COLOR_RGB] = 8 | 16,  [COLOR_PALETTE] = 1 | 2 | 4 | 8,
        [COLOR_GREY_ALPHA] = 8 | 16,       [COLOR_RGBA] = 8 | 16,
    };
    bool power = h->depth != 0 && (h->depth & (h->depth - 1)) == 0;
    if (h->color > COLOR_RGBA || !power || (depths[h->color] & h->depth) == 0)
        fail(EXIT_REFUSED, "the PNG has a colour type or a bit depth that does not exist");
}

static void read_header(png_header *h)
{
    static const uint8_t samples[7] = {
        [COLOR_GREY] = 1, [COLOR_RGB] = 3, [COLOR_PALETTE] = 1, [COLOR_GREY_ALPHA] = 2, [COLOR_RGBA] = 4};
    uint8_t bytes[13];
    chunk_open();
    if (chunk.type != TYPE('I', 'H', 'D', 'R') || chunk.left != sizeof bytes)
        fail(EXIT_REFUSED, "the PNG does not start with its header");
    chunk_take(bytes, sizeof bytes);
    chunk_close();
    h->width = big_endian(bytes);
    h->height = big_endian(bytes + 4);
    h->depth = bytes[8];
    h->color = bytes[9];
    h->interlaced = bytes[12] == 1;
    if (h->width == 0 || h->height == 0)
        fail(EXIT_REFUSED, "the image has no pixels");
    if (h->width > MAX_SIDE || h->height > MAX_SIDE || (uint64_t)h->width * h->height > MAX_PIXELS)
        fail(EXIT_REFUSED, "the image is larger than 65,535 pixels a side or 134,217,728 pixels in all");
    if (bytes[10] != 0 || bytes[11] != 0 || bytes[12] > 1)
        fail(EXIT_REFUSED, "the PNG is compressed, filtered or interlaced in a way that does not exist");
    check_depth(h);
    h->samples = samples[h->color];
}

static void read_palette(png_header *h)
{
    if (h->palette_count > 0 || chunk.left == 0 || chunk.left % 3 != 0 || chunk.left > sizeof h->palette)
        fail(EXIT_REFUSED, "the palette of the PNG is wrong");
    h->palette_count = chunk.left / 3;
    chunk_take(h->palette[0], chunk.left);
    memset(h->palette_alpha, 0xFF, sizeof h->palette_alpha);
}

static void read_transparency(png_header *h)
{
    if (h->color == COLOR_PALETTE) {
        if (h->palette_count == 0 || chunk.left > h->palette_count)
            fail(EXIT_REFUSED, "the transparency of the PNG is wrong");
        chunk_take(h->palette_alpha, chunk.left);
    } else if (h->color == COLOR_GREY || h->color == COLOR_RGB) {
        uint8_t bytes[6];
        if (chunk.left != 2 * h->samples)
            fail(EXIT_REFUSED, "the transparency of the PNG is wrong");
        chunk_take(bytes, chunk.left);
        for (uint32_t i = 0; i < h->samples; i++)
            h->key[i] = (uint16_t)(bytes[2 * i] << 8 | bytes[2 * i + 1]);
    } else {
        return; // it has an alpha channel
    }
    h->transparent = true;
}

// Appends the chunk as it is in the file.
static void keep_chunk(png_header *h)
{
    uint32_t length = chunk.left;
    if (h->kept_bytes + length + 12 > MAX_KEPT_BYTES)
        return;
    h->kept = reallocate(h->kept, h->kept_bytes + length + 12);
    uint8_t *next = h->kept + h->kept_bytes;
    uint32_t words[2] = {length, chunk.type};
    for (int i = 0; i < 8; i++)
        next[i] = (uint8_t)(words[i / 4] >> (24 - 8 * (i % 4)));
    chunk_take(next + 8, length);
    for (int i = 0; i < 4; i++)
        next[8 + length + i] = (uint8_t)(chunk.crc >> (24 - 8 * i));
    h->kept_bytes += length + 12;
}

static bool is_critical(uint32_t type)
{
    return (type & 0x20000000) == 0; // the first letter is a capital
}

void png_open(png_header *h)
{
    static const uint8_t signature[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
    uint8_t bytes[sizeof signature];
    take(bytes, sizeof bytes);
    if (memcmp(bytes, signature, sizeof bytes) != 0)
        fail(EXIT_REFUSED, "the input is no PNG");
    read_header(h);
    for (;;) {
        chunk_open();
        switch (chunk.type) {
        case TYPE('I', 'D', 'A', 'T'):
            if (h->color == COLOR_PALETTE && h->palette_count == 0)
                fail(EXIT_REFUSED, "the PNG has no palette");
            return;
        case TYPE('P', 'L', 'T', 'E'):
            read_palette(h);
            break;
        case TYPE('t', 'R', 'N', 'S'):
            read_transparency(h);
            break;
        case TYPE('i', 'C', 'C', 'P'):
        case TYPE('s', 'R', 'G', 'B'):
        case TYPE('g', 'A', 'M', 'A'):
        case TYPE('c', 'H', 'R', 'M'):
        case TYPE('c', 'I', 'C', 'P'):
            keep_chunk(h);
            break;
        case TYPE('I', 'E', 'N', 'D'):
            fail(EXIT_REFUSED, "the PNG has no image data");
        default:
            if (is_critical(chunk.type))
                fail(EXIT_REFUSED, "the PNG has a critical chunk that this agent does not know");
            break;
        }
        chunk_close();
    }
}

size_t png_data(uint8_t *into, size_t capacity)
{
    while (chunk.type == TYPE('I', 'D', 'A', 'T') && chunk.left == 0) {
        chunk_close();
        chunk_open();
    }
    if (chunk.type != TYPE('I', 'D', 'A', 'T'))
        return 0;
    size_t count = chunk.left < capacity ? chunk.left : capacity;
    chunk_take(into, count);
    return count;
}

void png_close(void)
{
    uint8_t bytes[4096];
    while (png_data(bytes, sizeof bytes) > 0) { // what comes after the last row is nobody's
    }
    while (chunk.type != TYPE('I', 'E', 'N', 'D')) {
        if (is_critical(chunk.type))
            fail(EXIT_REFUSED, "the PNG has a critical chunk after its image data");
        chunk_close();
        chunk_open();
    }
    chunk_close();
}
