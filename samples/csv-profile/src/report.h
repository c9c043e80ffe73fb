#ifndef STOA_REPORT_H
#define STOA_REPORT_H

#include "columns.h"

typedef struct {
    uint64_t bytes, rows, malformed_rows;
    uint8_t separator;
    bool header;
    column *columns;
    uint32_t column_count;
    uint32_t top; // most frequent values shown, MAX_TOP at most
} profile;

enum { MAX_TOP = 100 };

// Writes the profile as JSON.
void report_write(const profile *p);

#endif
