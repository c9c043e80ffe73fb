#include "markdown.h"

#include "../../common/stream.h"
#include "../../common/utf8.h"

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
            size_t size = utf8_sequence(text + at, length - at);
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
        size_t size = utf8_sequence(input + at, length - at);
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
            memcpy(output + used, utf8_replacement, sizeof utf8_replacement);
            used += sizeof utf8_replacement;
        }
    }
    *clean_length = used;
    return output;
}
