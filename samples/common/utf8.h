#ifndef STOA_UTF8_H
#define STOA_UTF8_H

#include <stddef.h>
#include <stdint.h>

// The length of the well-formed UTF-8 sequence at `text`, or 0 (Unicode 15, table 3-7).
size_t utf8_sequence(const uint8_t *text, size_t length);

// U+FFFD, which stands for what is not well-formed.
extern const uint8_t utf8_replacement[3];

#endif
