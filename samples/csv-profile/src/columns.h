// What is known of one column after some of its cells.
#ifndef STOA_COLUMNS_H
#define STOA_COLUMNS_H

#include "cells.h"
#include "frequent.h"
#include "quantiles.h"

typedef struct {
    uint64_t count;
    double mean, squares; // Welford 1962: the sum of the squared distances from the mean
    double least, greatest;
    int64_t least_integer, greatest_integer; // while all are integers
    quantiles quantiles;
} number_statistics;

typedef struct {
    int64_t first, last;
    frequent_text first_text, last_text; // as they were written
} moment_statistics;

typedef struct {
    uint64_t least_key, greatest_key; // the first eight bytes, as a big-endian number
    frequent_text least, greatest;    // by bytes; only as much as is shown takes part
} text_statistics;

typedef struct {
    const uint8_t *name;
    size_t name_length;
    uint64_t kinds[KINDS];
    uint64_t filled; // cells that are not null
    uint32_t length_least, length_most; // in characters
    frequent values;
    number_statistics numbers; // while all filled cells are numbers
    moment_statistics moments; // while all filled cells are dates or times
    text_statistics texts;
} column;

// The cell's text may be read up to seven bytes beyond its end.
void column_add(column *c, const uint8_t *text, size_t length, uint8_t decimal_point);

// The one kind that all filled cells fit: KIND_NULL when there are none, KIND_NUMBER for integers among numbers,
// KIND_DATETIME for dates among times, KIND_TEXT for any other mixture.
cell_kind column_kind(const column *c);

#endif
