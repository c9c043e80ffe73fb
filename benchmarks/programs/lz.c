// Compresses text with a byte-oriented Lempel-Ziv 77 (hash of four bytes, one candidate), decompresses it and compares; n times.
#include "guest.h"

#define TEXT_BYTES (1 << 20)
#define HASH_BITS 14
#define MIN_MATCH 4
#define MAX_DISTANCE 65535

static uint8_t text[TEXT_BYTES], packed[TEXT_BYTES + TEXT_BYTES / 8 + 64], unpacked[TEXT_BYTES];
static uint32_t positions[1 << HASH_BITS];

static void write_text(void) {
    static const char *const words[16] = {
        "the ", "market ", "of ", "agents ", "and ", "models ", "is ", "open; ",
        "a task ", "holds ", "its price ", "until ", "the receipt ", "was ", "signed.\n", "node ",
    };
    uint32_t seed = 4711;
    for (uint32_t at = 0; at < TEXT_BYTES;) {
        uint32_t dice = next_random(&seed);
        if (dice % 7 == 0) {
            text[at++] = (uint8_t)('0' + (dice >> 8) % 10);
            continue;
        }
        for (const char *word = words[dice >> 16 & 15]; *word && at < TEXT_BYTES; word++)
            text[at++] = (uint8_t)*word;
    }
}

static uint32_t read32(const uint8_t *at) {
    uint32_t value;
    __builtin_memcpy(&value, at, 4);
    return value;
}

static uint8_t *put_length(uint8_t *out, uint32_t length) {
    for (; length >= 255; length -= 255)
        *out++ = 255;
    *out++ = (uint8_t)length;
    return out;
}

// A sequence is: length of literals, literals, length of the match less MIN_MATCH, distance in two bytes. The last has no match.
static uint32_t compress(void) {
    for (int i = 0; i < 1 << HASH_BITS; i++)
        positions[i] = 0;
    uint8_t *out = packed;
    uint32_t literals = 0, at = 1;
    while (at + MIN_MATCH <= TEXT_BYTES) {
        uint32_t word = read32(text + at);
        uint32_t *slot = &positions[word * 2654435761u >> (32 - HASH_BITS)];
        uint32_t candidate = *slot;
        *slot = at;
        if (at - candidate > MAX_DISTANCE || read32(text + candidate) != word) {
            at++;
            continue;
        }
        uint32_t length = MIN_MATCH;
        while (at + length < TEXT_BYTES && text[candidate + length] == text[at + length])
            length++;
        out = put_length(out, at - literals);
        for (; literals < at; literals++)
            *out++ = text[literals];
        out = put_length(out, length - MIN_MATCH);
        *out++ = (uint8_t)(at - candidate);
        *out++ = (uint8_t)((at - candidate) >> 8);
        at += length;
        literals = at;
    }
    out = put_length(out, TEXT_BYTES - literals);
    for (; literals < TEXT_BYTES; literals++)
        *out++ = text[literals];
    return (uint32_t)(out - packed);
}

static const uint8_t *get_length(const uint8_t *in, uint32_t *length) {
    *length = 0;
    for (; *in == 255; in++)
        *length += 255;
    *length += *in++;
    return in;
}

static uint32_t decompress(uint32_t packed_bytes) {
    const uint8_t *in = packed, *end = packed + packed_bytes;
    uint8_t *out = unpacked;
    while (1) {
        uint32_t length;
        in = get_length(in, &length);
        while (length-- > 0)
            *out++ = *in++;
        if (in >= end)
            return (uint32_t)(out - unpacked);
        in = get_length(in, &length);
        const uint8_t *from = out - (in[0] | in[1] << 8);
        in += 2;
        for (length += MIN_MATCH; length > 0; length--)
            *out++ = *from++;
    }
}

__attribute__((export_name("run"))) uint64_t run(uint32_t n) {
    write_text();
    uint64_t sum = SUM_START;
    for (uint32_t turn = 0; turn < n; turn++) {
        text[turn] ^= 1;
        uint32_t packed_bytes = compress();
        if (decompress(packed_bytes) != TEXT_BYTES)
            __builtin_trap();
        for (uint32_t i = 0; i < TEXT_BYTES; i++) {
            if (text[i] != unpacked[i])
                __builtin_trap();
        }
        sum = mix(sum, packed_bytes);
        for (uint32_t i = 0; i < packed_bytes; i += 61)
            sum = mix(sum, packed[i]);
    }
    return sum;
}
