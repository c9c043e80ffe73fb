// The most frequent values and the number of distinct ones. Both are exact while a column has up to 1,024 different
// values. After that, whenever the table is full, the median count is taken off all counts and what is left with
// nothing is dropped (Misra and Gries 1982, in the form of Anderson et al. 2017); `error` is the sum of what was taken
// off, and bounds by how much a count may be too low.
#ifndef STOA_FREQUENT_H
#define STOA_FREQUENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    FREQUENT_VALUES = 1024,
    FREQUENT_TEXT_BYTES = 62 // longer values are shown cut
};

typedef struct {
    uint8_t length;
    bool cut;
    uint8_t text[FREQUENT_TEXT_BYTES];
} frequent_text;

typedef struct {
    uint64_t hash;
    uint32_t count; // 0: the place is free
    uint32_t text;  // place in `texts`
} frequent_entry;

typedef struct {
    frequent_entry *entries; // open addressing, at most half full
    frequent_text *texts;
    uint32_t capacity, count;
    uint64_t error;
    uint8_t *registers; // see cardinality.h; NULL while exact
} frequent;

void frequent_add(frequent *f, uint64_t hash, const uint8_t *text, size_t length);

// Fills `top` with up to `limit` entries, most frequent first; those whose count is certain to be more than the error.
uint32_t frequent_top(const frequent *f, frequent_entry *top, uint32_t limit);

uint64_t frequent_distinct(const frequent *f);

void text_keep(frequent_text *kept, const uint8_t *text, size_t length);

#endif
