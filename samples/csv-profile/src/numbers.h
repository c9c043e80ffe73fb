// Decimal text to double and back. Both go through products of two doubles without rounding error (Dekker 1971), so that
// they agree with correct rounding for all but contrived input, on every machine.
#ifndef STOA_NUMBERS_H
#define STOA_NUMBERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum { NUMBER_NONE, NUMBER_INTEGER, NUMBER_REAL } number_kind;

typedef struct {
    double value;
    int64_t integer; // of NUMBER_INTEGER
} number;

// Reads [sign] digits [point digits] [e [sign] digits]. A leading zero before another digit makes it no number (a postal
// code, an account); an integer has up to 18 digits.
number_kind number_read(const uint8_t *text, size_t length, uint8_t decimal_point, number *result);

// Writes the shortest decimal that reads back as the same double, as JSON wants it. Returns its length, 32 at most.
size_t number_write(double value, char *text);

#endif
