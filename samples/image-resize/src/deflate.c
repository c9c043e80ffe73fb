#include "deflate.h"

#include <stdbool.h>
#include <string.h>

#include "checksums.h"
#include "encode_table.h"

enum {
    HISTORY = 1 << 15,
    BLOCK = 1 << 16,
    HASH_BITS = 15,
    MIN_MATCH = 4, // three bytes are seldom worth a match in filtered rows
    MAX_MATCH = 258,
    MAX_CHAIN = 32,   // candidates that are looked at
    GOOD_MATCH = 32,  // with a match so long at hand, only a quarter of them
    NICE_MATCH = 130, // a match so long is taken at once
    LITERALS = 286,
    DISTANCES = 30,
    LENGTHS = 19,
    OUTPUT_CAPACITY = 1 << 15
};

typedef struct {
    uint16_t length;   // of a match; else the byte
    uint16_t distance; // 0: a byte
} symbol;

static struct {
    deflate_sink *sink;
    uint8_t window[HISTORY + BLOCK + 8]; // what came before, what is to be compressed; read eight bytes at a time
    uint32_t start, filled;              // of what is to be compressed
    uint32_t base;                       // position in the stream of the first byte of the window
    uint32_t heads[1 << HASH_BITS];      // position + 1 in the stream of the last place with a hash
    uint32_t previous[HISTORY];          // of the place before, by position
    uint32_t adler;

    symbol symbols[BLOCK];
    uint32_t symbol_count;
    uint32_t literal_counts[LITERALS], distance_counts[DISTANCES];

    uint64_t bits;
    uint32_t bit_count;
    uint8_t output[OUTPUT_CAPACITY];
    uint32_t output_used;
} d;

static const uint16_t length_bases[29] = {3,  4,  5,  6,  7,  8,  9,  10, 11,  13,  15,  17,  19,  23, 27,
                                          31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258};
static const uint8_t length_extra[29] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2,
                                         2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0};
static uint8_t length_codes[MAX_MATCH + 1];

static uint32_t distance_code(uint32_t distance)
{
    if (distance <= 4)
        return distance - 1;
    uint32_t extra = 30 - (uint32_t)__builtin_clz(distance - 1);
    return 2 * extra + 2 + ((distance - 1) >> extra & 1);
}

static uint32_t distance_extra(uint32_t code)
{
    return code < 4 ? 0 : code / 2 - 1;
}

static void put_byte(uint8_t byte)
{
    if (d.output_used == OUTPUT_CAPACITY) {
        d.sink(d.output, OUTPUT_CAPACITY);
        d.output_used = 0;
    }
    d.output[d.output_used++] = byte;
}

static inline void put_bits(uint32_t value, uint32_t count)
{
    d.bits |= (uint64_t)value << d.bit_count;
    d.bit_count += count;
    while (d.bit_count >= 8) {
        put_byte((uint8_t)d.bits);
        d.bits >>= 8;
        d.bit_count -= 8;
    }
}

static uint32_t hash(const uint8_t *at)
{
    uint32_t four;
    memcpy(&four, at, sizeof four);
    return four * 0x9E3779B1u >> (32 - HASH_BITS);
}

// Enters the place at `at` of the window; returns position + 1 of the last one with the same hash, or 0.
static uint32_t enter(uint32_t at)
{
    uint32_t *head = &d.heads[hash(d.window + at)];
    uint32_t before = *head;
    uint32_t position = d.base + at;
    d.previous[position % HISTORY] = before;
    *head = position + 1;
    return before;
}

static uint32_t match_length(const uint8_t *a, const uint8_t *b, uint32_t most)
{
    uint32_t length = 0;
    while (length < most) {
        uint64_t left, right;
        memcpy(&left, a + length, 8);
        memcpy(&right, b + length, 8);
        if (left != right) {
            length += (uint32_t)__builtin_ctzll(left ^ right) / 8;
            break;
        }
        length += 8;
    }
    return length < most ? length : most;
}

typedef struct {
    uint32_t length, distance;
} match;

// The longest match for the bytes at `at` that is longer than `least`, along the chain that starts at `candidate`.
static match find_match(uint32_t at, uint32_t candidate, uint32_t least)
{
    match best = {least, 0};
    uint32_t most = d.filled - at < MAX_MATCH ? d.filled - at : MAX_MATCH;
    uint32_t position = d.base + at;
    uint32_t chain = least >= GOOD_MATCH ? MAX_CHAIN / 4 : MAX_CHAIN;
    const uint8_t *here = d.window + at;
    if (most < MIN_MATCH || best.length >= most)
        return best;
    for (; candidate != 0 && position - (candidate - 1) <= HISTORY && chain > 0; chain--) {
        const uint8_t *there = d.window + (candidate - 1 - d.base);
        if (there[best.length] == here[best.length]) {
            uint32_t length = match_length(here, there, most);
            if (length > best.length) {
                best = (match){length, position - (candidate - 1)};
                if (length >= NICE_MATCH || length == most)
                    break;
            }
        }
        uint32_t next = d.previous[(candidate - 1) % HISTORY];
        if (next >= candidate)
            break; // the place has been taken by a later one
        candidate = next;
    }
    return best;
}

static void add_literal(uint8_t byte)
{
    d.symbols[d.symbol_count++] = (symbol){byte, 0};
    d.literal_counts[byte]++;
}

static void add_match(match m)
{
    d.symbols[d.symbol_count++] = (symbol){(uint16_t)m.length, (uint16_t)m.distance};
    d.literal_counts[257 + length_codes[m.length]]++;
    d.distance_counts[distance_code(m.distance)]++;
}

// Finds the symbols of the block. A match waits one byte: the next one may have a longer one.
static void find_symbols(void)
{
    match waiting = {0, 0};
    bool has_byte = false; // the byte before `at` is not coded yet
    uint32_t at = d.start;
    while (at < d.filled) {
        uint32_t candidate = d.filled - at >= MIN_MATCH ? enter(at) : 0;
        uint32_t least = waiting.length > MIN_MATCH - 1 ? waiting.length : MIN_MATCH - 1;
        match found = waiting.length < NICE_MATCH ? find_match(at, candidate, least) : (match){0, 0};
        if (waiting.distance > 0 && (found.distance == 0 || found.length <= waiting.length)) {
            add_match(waiting);
            uint32_t end = at - 1 + waiting.length;
            for (at++; at < end; at++)
                if (d.filled - at >= MIN_MATCH)
                    enter(at);
            waiting = (match){0, 0};
            has_byte = false;
            continue;
        }
        if (has_byte)
            add_literal(d.window[at - 1]);
        waiting = found.distance > 0 ? found : (match){0, 0};
        has_byte = true;
        at++;
    }
    if (has_byte) // no match: one at this place would have to be longer than what is left
        add_literal(d.window[at - 1]);
}

typedef struct {
    uint8_t lengths[MAX_SYMBOLS];
    uint16_t codes[MAX_SYMBOLS];
} code;

static uint64_t code_cost(const code *c, const uint32_t *counts, uint32_t count)
{
    uint64_t bits = 0;
    for (uint32_t i = 0; i < count; i++)
        bits += (uint64_t)counts[i] * c->lengths[i];
    return bits;
}

static void write_symbols(const code *literals, const code *distances)
{
    for (uint32_t i = 0; i < d.symbol_count; i++) {
        symbol s = d.symbols[i];
        if (s.distance == 0) {
            put_bits(literals->codes[s.length], literals->lengths[s.length]);
            continue;
        }
        uint32_t l = length_codes[s.length];
        put_bits(literals->codes[257 + l], literals->lengths[257 + l]);
        put_bits(s.length - length_bases[l], length_extra[l]);
        uint32_t c = distance_code(s.distance);
        uint32_t extra = distance_extra(c);
        put_bits(distances->codes[c], distances->lengths[c]);
        put_bits((s.distance - 1u) & ((1u << extra) - 1), extra);
    }
    put_bits(literals->codes[256], literals->lengths[256]);
}

// The lengths of a dynamic block's codes, run-length coded: 16 repeats the last, 17 and 18 are runs of zeros.
typedef struct {
    uint8_t symbols[LITERALS + DISTANCES], repeats[LITERALS + DISTANCES];
    uint32_t count;
    uint32_t counts[LENGTHS];
    uint32_t literals, distances; // lengths of each that are sent
    code code;
    uint32_t sent; // lengths of `code` that are sent
} preamble;

static const uint8_t sending_order[LENGTHS] = {16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};

static void preamble_add(preamble *p, uint8_t symbol, uint32_t repeat)
{
    p->symbols[p->count] = symbol;
    p->repeats[p->count++] = (uint8_t)repeat;
    p->counts[symbol]++;
}

static void preamble_add_run(preamble *p, uint8_t length, uint32_t run)
{
    if (length != 0) {
        preamble_add(p, length, 0);
        run--;
    }
    while (run > 0) {
        uint32_t most = length != 0 ? 6 : 138;
        uint32_t part = run < most ? run : most;
        if (part < 3) {
            preamble_add(p, length, 0);
            part = 1;
        } else if (length != 0) {
            preamble_add(p, 16, part - 3);
        } else {
            preamble_add(p, part <= 10 ? 17 : 18, part <= 10 ? part - 3 : part - 11);
        }
        run -= part;
    }
}

static void preamble_make(preamble *p, const code *literals, const code *distances)
{
    uint8_t all[LITERALS + DISTANCES];
    memset(p, 0, sizeof *p);
    p->literals = LITERALS;
    while (p->literals > 257 && literals->lengths[p->literals - 1] == 0)
        p->literals--;
    p->distances = DISTANCES;
    while (p->distances > 1 && distances->lengths[p->distances - 1] == 0)
        p->distances--;
    memcpy(all, literals->lengths, p->literals);
    memcpy(all + p->literals, distances->lengths, p->distances);
    uint32_t total = p->literals + p->distances;
    for (uint32_t i = 0; i < total;) {
        uint32_t run = 1;
        while (i + run < total && all[i + run] == all[i])
            run++;
        preamble_add_run(p, all[i], run);
        i += run;
    }
    code_lengths(p->counts, LENGTHS, 7, p->code.lengths);
    code_bits(p->code.lengths, LENGTHS, p->code.codes);
    p->sent = LENGTHS;
    while (p->sent > 4 && p->code.lengths[sending_order[p->sent - 1]] == 0)
        p->sent--;
}

static uint64_t preamble_cost(const preamble *p)
{
    return 14 + 3 * p->sent + code_cost(&p->code, p->counts, LENGTHS) + 2 * p->counts[16] + 3 * p->counts[17] +
           7 * p->counts[18];
}

static void preamble_write(const preamble *p)
{
    put_bits(p->literals - 257, 5);
    put_bits(p->distances - 1, 5);
    put_bits(p->sent - 4, 4);
    for (uint32_t i = 0; i < p->sent; i++)
        put_bits(p->code.lengths[sending_order[i]], 3);
    for (uint32_t i = 0; i < p->count; i++) {
        uint8_t s = p->symbols[i];
        put_bits(p->code.codes[s], p->code.lengths[s]);
        if (s >= 16)
            put_bits(p->repeats[i], s == 16 ? 2 : s == 17 ? 3 : 7);
    }
}

static void fixed_code(code *literals, code *distances)
{
    memset(literals->lengths, 8, 144);
    memset(literals->lengths + 144, 9, 112);
    memset(literals->lengths + 256, 7, 24);
    memset(literals->lengths + 280, 8, 8);
    code_bits(literals->lengths, 288, literals->codes);
    memset(distances->lengths, 5, 32);
    code_bits(distances->lengths, 32, distances->codes);
}

static void write_stored(bool last)
{
    uint32_t at = d.start;
    do { // a stored block holds up to 65,535 bytes
        uint32_t length = d.filled - at < 0xFFFF ? d.filled - at : 0xFFFF;
        put_bits(last && at + length == d.filled, 3);
        put_bits(0, (8 - d.bit_count) % 8);
        put_bits(length, 16);
        put_bits(length ^ 0xFFFF, 16);
        for (uint32_t i = 0; i < length; i++)
            put_byte(d.window[at + i]);
        at += length;
    } while (at < d.filled);
}

static void write_block(bool last)
{
    static code literals, distances, fixed_literals, fixed_distances;
    static preamble preamble;
    d.literal_counts[256] = 1;
    code_lengths(d.literal_counts, LITERALS, 15, literals.lengths);
    code_bits(literals.lengths, LITERALS, literals.codes);
    code_lengths(d.distance_counts, DISTANCES, 15, distances.lengths);
    code_bits(distances.lengths, DISTANCES, distances.codes);
    preamble_make(&preamble, &literals, &distances);
    fixed_code(&fixed_literals, &fixed_distances);

    uint64_t dynamic_cost = preamble_cost(&preamble) + code_cost(&literals, d.literal_counts, LITERALS) +
                            code_cost(&distances, d.distance_counts, DISTANCES);
    uint64_t fixed_cost = code_cost(&fixed_literals, d.literal_counts, LITERALS) +
                          code_cost(&fixed_distances, d.distance_counts, DISTANCES);
    uint64_t extra = 0; // of both
    for (uint32_t i = 0; i < 29; i++)
        extra += d.literal_counts[257 + i] * length_extra[i];
    for (uint32_t i = 0; i < DISTANCES; i++)
        extra += d.distance_counts[i] * distance_extra(i);
    uint64_t best = dynamic_cost < fixed_cost ? dynamic_cost : fixed_cost;

    if (best + extra > 8 * ((uint64_t)(d.filled - d.start) + 10)) {
        write_stored(last);
    } else if (dynamic_cost < fixed_cost) {
        put_bits(last | 2u << 1, 3);
        preamble_write(&preamble);
        write_symbols(&literals, &distances);
    } else {
        put_bits(last | 1u << 1, 3);
        write_symbols(&fixed_literals, &fixed_distances);
    }
}

static void compress(bool last)
{
    d.symbol_count = 0;
    memset(d.literal_counts, 0, sizeof d.literal_counts);
    memset(d.distance_counts, 0, sizeof d.distance_counts);
    find_symbols();
    write_block(last);

    uint32_t keep = d.filled < HISTORY ? d.filled : HISTORY;
    uint32_t from = d.filled - keep;
    memmove(d.window, d.window + from, keep);
    d.base += from;
    d.start = d.filled = keep;
}

void deflate_open(deflate_sink *sink)
{
    d.sink = sink;
    d.adler = 1;
    for (uint32_t i = 0; i < 29; i++)
        for (uint32_t length = length_bases[i]; length <= MAX_MATCH; length++)
            length_codes[length] = (uint8_t)i;
    put_byte(0x78);
    put_byte(0x9C);
}

void deflate_add(const uint8_t *bytes, size_t length)
{
    d.adler = adler_add(d.adler, bytes, length);
    while (length > 0) {
        uint32_t room = HISTORY + BLOCK - d.filled;
        room = room < BLOCK - (d.filled - d.start) ? room : BLOCK - (d.filled - d.start);
        uint32_t count = length < room ? (uint32_t)length : room;
        memcpy(d.window + d.filled, bytes, count);
        d.filled += count;
        bytes += count;
        length -= count;
        if (d.filled - d.start == BLOCK)
            compress(false);
    }
}

void deflate_close(void)
{
    compress(true);
    put_bits(0, (8 - d.bit_count) % 8);
    for (int shift = 24; shift >= 0; shift -= 8)
        put_byte((uint8_t)(d.adler >> shift));
    d.sink(d.output, d.output_used);
    d.output_used = 0;
}
