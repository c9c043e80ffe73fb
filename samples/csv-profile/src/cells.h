// What one cell is.
#ifndef STOA_CELLS_H
#define STOA_CELLS_H

#include "numbers.h"

typedef enum { KIND_NULL, KIND_INTEGER, KIND_NUMBER, KIND_BOOLEAN, KIND_DATE, KIND_DATETIME, KIND_TEXT, KINDS } cell_kind;

typedef struct {
    cell_kind kind;
    number number;         // of integers and numbers
    int64_t milliseconds;  // of dates and times: since 1970 in UTC
} cell_value;

// Nulls: nothing, NA, N/A, NULL, null, NaN, nan. Booleans: true, false, yes, no in any case. Dates and times as in
// ISO 8601: 2026-01-31, 2026-01-31T12:30[:15[.250]][Z or +01:00], with a T or a space.
void cell_read(const uint8_t *text, size_t length, uint8_t decimal_point, cell_value *result);

#endif
