#include "inflate.h"

#include "../../common/stream.h"
#include "checksums.h"
#include "decode_table.h"
#include "png_reader.h"

enum {
    INPUT_CAPACITY = 1 << 16,
    HISTORY = 1 << 15,
    MAX_MATCH = 258,
    SLACK = 16 // copies may write that much too far
};

typedef enum { BLOCK_NONE, BLOCK_STORED, BLOCK_CODED, BLOCK_LAST_DONE } block_state;

typedef struct {
    uint64_t bits;
    uint32_t count;
} bit_window;

static struct {
    uint8_t input[INPUT_CAPACITY + 8];
    size_t input_at, input_end;
    bit_window window;
    uint32_t padding; // bits that came after the end of the data: zeros

    block_state state;
    bool last;
    uint32_t stored_left;
    decode_table literals, distances;

    uint8_t *output;
    size_t capacity;
    size_t taken, filled; // in `output`: what the caller has, what there is
    uint32_t adler;
} z;

static _Noreturn void damaged(void)
{
    fail(EXIT_REFUSED, "the image data is damaged");
}

static void refill_input(void)
{
    z.input_at = 0;
    z.input_end = png_data(z.input, INPUT_CAPACITY);
}

// At least 57 bits, with zeros after the end of the data.
static void refill_slowly(void)
{
    while (z.window.count <= 56) {
        if (z.input_at == z.input_end)
            refill_input();
        uint64_t byte = 0;
        if (z.input_at < z.input_end)
            byte = z.input[z.input_at++];
        else
            z.padding += 8;
        z.window.bits |= byte << z.window.count;
        z.window.count += 8;
    }
}

// At least 56 bits. The window is the caller's copy of z.window, so that it can stay in registers.
static inline void refill(bit_window *w)
{
    if (z.input_end - z.input_at < 8) {
        z.window = *w;
        refill_slowly();
        *w = z.window;
        return;
    }
    uint64_t word;
    memcpy(&word, z.input + z.input_at, sizeof word);
    w->bits |= word << w->count; // bits that do not count yet are the same when they come again
    z.input_at += (63 - w->count) >> 3;
    w->count |= 56;
}

static void check_end(void)
{
    if (z.window.count < z.padding)
        fail(EXIT_REFUSED, "the image data is cut off");
}

static inline uint32_t take_bits(bit_window *w, uint32_t count)
{
    uint32_t value = (uint32_t)(w->bits & (((uint64_t)1 << count) - 1));
    w->bits >>= count;
    w->count -= count;
    return value;
}

static uint32_t read_bits(uint32_t count)
{
    if (z.window.count < count)
        refill_slowly();
    uint32_t value = take_bits(&z.window, count);
    check_end();
    return value;
}

static void fixed_tables(void)
{
    uint8_t lengths[288];
    memset(lengths, 8, 144);
    memset(lengths + 144, 9, 112);
    memset(lengths + 256, 7, 24);
    memset(lengths + 280, 8, 8);
    table_build(&z.literals, lengths, 288, MEANS_LITERALS);
    memset(lengths, 5, 32);
    table_build(&z.distances, lengths, 32, MEANS_DISTANCES);
}

// The lengths of both codes, which are run-length coded and in a code of their own.
static void read_lengths(const decode_table *code, uint8_t *lengths, uint32_t count)
{
    uint32_t used = 0;
    while (used < count) {
        refill_slowly();
        uint32_t entry = code->entries[z.window.bits & ((1 << TABLE_BITS) - 1)];
        if (entry == 0)
            damaged();
        take_bits(&z.window, entry & ENTRY_LENGTH);
        uint32_t symbol = entry >> 16;
        if (symbol < 16) {
            lengths[used++] = (uint8_t)symbol;
            continue;
        }
        uint8_t value = 0;
        uint32_t repeat;
        if (symbol == 16) {
            if (used == 0)
                damaged();
            value = lengths[used - 1];
            repeat = 3 + read_bits(2);
        } else {
            repeat = symbol == 17 ? 3 + read_bits(3) : 11 + read_bits(7);
        }
        if (repeat > count - used)
            damaged();
        memset(lengths + used, value, repeat);
        used += repeat;
    }
    check_end();
}

static void dynamic_tables(void)
{
    static const uint8_t order[19] = {16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};
    uint32_t literals = read_bits(5) + 257;
    uint32_t distances = read_bits(5) + 1;
    uint32_t codes = read_bits(4) + 4;
    uint8_t lengths[286 + 32] = {0};
    if (literals > 286 || distances > 30)
        damaged();
    for (uint32_t i = 0; i < codes; i++)
        lengths[order[i]] = (uint8_t)read_bits(3);
    if (!table_build(&z.literals, lengths, 19, MEANS_LENGTHS))
        damaged();
    uint8_t both[286 + 30];
    read_lengths(&z.literals, both, literals + distances);
    if (both[256] == 0 || !table_build(&z.literals, both, literals, MEANS_LITERALS) ||
        !table_build(&z.distances, both + literals, distances, MEANS_DISTANCES))
        damaged();
}

static void open_block(void)
{
    z.last = read_bits(1) != 0;
    switch (read_bits(2)) {
    case 0: {
        take_bits(&z.window, z.window.count % 8);
        uint32_t length = read_bits(16);
        if (read_bits(16) != (length ^ 0xFFFF))
            damaged();
        z.stored_left = length;
        z.state = BLOCK_STORED;
        break;
    }
    case 1:
        fixed_tables();
        z.state = BLOCK_CODED;
        break;
    case 2:
        dynamic_tables();
        z.state = BLOCK_CODED;
        break;
    default:
        damaged();
    }
}

static void close_block(void)
{
    z.state = z.last ? BLOCK_LAST_DONE : BLOCK_NONE;
}

static void copy_stored(size_t limit)
{
    while (z.stored_left > 0 && z.filled < limit) {
        if (z.window.count >= 8) { // bytes that were read ahead
            z.output[z.filled++] = (uint8_t)read_bits(8);
            z.stored_left--;
            continue;
        }
        z.window.bits = 0; // refill may have put a part of the next byte there
        if (z.input_at == z.input_end)
            refill_input();
        size_t count = z.input_end - z.input_at;
        if (count == 0)
            fail(EXIT_REFUSED, "the image data is cut off");
        count = count < z.stored_left ? count : z.stored_left;
        count = count < limit - z.filled ? count : limit - z.filled;
        memcpy(z.output + z.filled, z.input + z.input_at, count);
        z.filled += count;
        z.input_at += count;
        z.stored_left -= (uint32_t)count;
    }
    if (z.stored_left == 0)
        close_block();
}

static inline void copy_match(uint8_t *to, size_t distance, size_t length)
{
    const uint8_t *from = to - distance;
    uint8_t *end = to + length;
    if (distance >= 8) {
        do {
            memcpy(to, from, 8);
            to += 8;
            from += 8;
        } while (to < end);
    } else if (distance == 1) {
        memset(to, *from, length);
    } else {
        do
            *to++ = *from++;
        while (to < end);
    }
}

static uint32_t long_entry(const decode_table *t, uint64_t bits)
{
    uint32_t entry = table_long_entry(t, bits);
    if (entry == 0)
        damaged();
    return entry;
}

static inline uint32_t next_entry(const decode_table *t, bit_window *w)
{
    uint32_t entry = t->entries[w->bits & ((1 << TABLE_BITS) - 1)];
    if ((entry & ENTRY_LONG) != 0 || entry == 0)
        entry = long_entry(t, w->bits);
    take_bits(w, entry & ENTRY_LENGTH);
    return entry;
}

static void decode(size_t limit)
{
    uint8_t *output = z.output;
    size_t filled = z.filled;
    bit_window w = z.window;
    while (filled < limit) {
        refill(&w);
        uint32_t entry = next_entry(&z.literals, &w);
        if ((entry & ENTRY_LITERAL) != 0) {
            output[filled++] = (uint8_t)(entry >> 16);
            entry = next_entry(&z.literals, &w); // the bits last for a second literal
            if ((entry & ENTRY_LITERAL) != 0) {
                output[filled++] = (uint8_t)(entry >> 16);
                continue;
            }
            refill(&w);
        }
        if ((entry & ENTRY_END) != 0) {
            close_block();
            break;
        }
        size_t length = (entry >> 16) + take_bits(&w, entry >> 8 & 0xFF);
        entry = next_entry(&z.distances, &w);
        size_t distance = (entry >> 16) + take_bits(&w, entry >> 8 & 0xFF);
        if (distance > filled)
            damaged();
        copy_match(output + filled, distance, length);
        filled += length;
        if (z.padding > w.count)
            break; // the data is cut off
    }
    z.filled = filled;
    z.window = w;
    check_end();
}

// Decompresses until the output is full or the data ends.
static void produce(void)
{
    // What was taken stays as far as matches may reach.
    size_t from = z.filled > HISTORY ? z.filled - HISTORY : 0;
    from = z.taken < from ? z.taken : from;
    memmove(z.output, z.output + from, z.filled - from);
    z.filled -= from;
    z.taken -= from;

    size_t start = z.filled;
    size_t limit = z.capacity - MAX_MATCH - SLACK;
    while (z.filled < limit && z.state != BLOCK_LAST_DONE) {
        if (z.state == BLOCK_NONE)
            open_block();
        else if (z.state == BLOCK_STORED)
            copy_stored(limit);
        else
            decode(limit);
    }
    z.adler = adler_add(z.adler, z.output + start, z.filled - start);
}

void inflate_open(size_t largest)
{
    size_t room = 4 * largest > 1 << 18 ? 4 * largest : 1 << 18;
    z.capacity = HISTORY + room + MAX_MATCH + SLACK;
    z.output = allocate(z.capacity);
    z.adler = 1;
    uint32_t method = read_bits(8);
    uint32_t flags = read_bits(8);
    if ((method & 0x0F) != 8 || method >> 4 > 7 || (method << 8 | flags) % 31 != 0 || (flags & 0x20) != 0)
        damaged();
}

const uint8_t *inflate_take(size_t count)
{
    while (z.filled - z.taken < count) {
        if (z.state == BLOCK_LAST_DONE)
            fail(EXIT_REFUSED, "the image data ends before the image does");
        produce();
    }
    const uint8_t *piece = z.output + z.taken;
    z.taken += count;
    return piece;
}

void inflate_close(void)
{
    while (z.state != BLOCK_LAST_DONE && z.filled == z.taken)
        produce();
    if (z.filled > z.taken)
        fail(EXIT_REFUSED, "the image data goes on after the image");
    take_bits(&z.window, z.window.count % 8);
    uint32_t adler = 0;
    for (int i = 0; i < 4; i++)
        adler = adler << 8 | read_bits(8);
    if (adler != z.adler)
        fail(EXIT_REFUSED, "the image data is damaged: its check sum is wrong");
}
