#include "markdown.h"

#include "../../common/stream.h"

static const uint8_t replacement[3] = {0xEF, 0xBF, 0xBD}; // U+FFFD

// The length of the well-formed UTF-8 sequence at `text`, or 0 (Unicode 15, table 3-7).
static size_t sequence_length(const uint8_t *text, size_t length)
{
    uint8_t lead = text[0];
    size_t size = lead < 0x80 ? 1 : lead < 0xC2 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF5 ? 4 : 0;
    if (size > length)
        return 0;
    for (size_t i = 1; i < size; i++)
        if ((text[i] & 0xC0) != 0x80)
            return 0;
    if ((lead == 0xE0 && text[1] < 0xA0) || (lead == 0xED && text[1] > 0x9F) || (lead == 0xF0 && text[1] < 0x90) ||
        (lead == 0xF4 && text[1] > 0x8F))
        return 0;
    return size;
}

static bool stays(uint8_t c)
{
    return c >= 0x20 || c == '\n' || c == '\t';
}

// Position of the first byte that has to be changed.
static size_t clean_prefix(const uint8_t *text, size_t length)
{
    size_t at = 0;
    while (at < length) {
        if (text[at] < 0x80) {
            if (!stays(text[at]))
                return at;
            at++;
        } else {
            size_t size = sequence_length(text + at, length - at);
            if (size == 0)
                return at;
            at += size;
        }
    }
    return at;
}

uint8_t *clean(uint8_t *input, size_t length, size_t *clean_length)
{
    if (length >= 3 && input[0] == 0xEF && input[1] == 0xBB && input[2] == 0xBF) {
        input += 3;
        length -= 3;
    }
    size_t at = clean_prefix(input, length);
    *clean_length = length;
    if (at == length)
        return input;

    // A changed byte becomes three at most.
    size_t changes = 0;
    for (size_t i = at; i < length; i++)
        changes += !stays(input[i]) || input[i] >= 0x80;
    uint8_t *output = allocate(length + 2 * changes);
    memcpy(output, input, at);
    size_t used = at;
    while (at < length) {
        uint8_t c = input[at];
        size_t size = sequence_length(input + at, length - at);
        if (size > 0 && stays(c)) {
            memcpy(output + used, input + at, size);
            used += size;
            at += size;
            continue;
        }
        at++;
        if (c == '\r') {
            if (at < length && input[at] == '\n')
                at++;
            output[used++] = '\n';
        } else if (c == '\f' || c == '\v') {
            output[used++] = ' ';
        } else {
            memcpy(output + used, replacement, sizeof replacement);
            used += sizeof replacement;
        }
    }
    *clean_length = used;
    return output;
}
