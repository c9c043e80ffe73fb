// Reads CSV a row at a time (RFC 4180): cells are slices of one buffer, which grows with the longest row.
#ifndef STOA_ROWS_H
#define STOA_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    MAX_COLUMNS = 1000,
    MAX_ROW_BYTES = 4 << 20,
    PADDING_BYTES = 16 // after the buffer's content: a cell may be read eight bytes at a time
};

typedef struct {
    uint8_t *text;
    uint32_t length;
    bool escaped; // has doubled quotes: see cell_unescape
} cell;

typedef struct {
    uint8_t *buffer;
    size_t capacity, start, end; // the unread bytes lie from start to end
    bool ended;                  // standard input has
    uint64_t bytes_read;

    uint8_t separator;
    cell cells[MAX_COLUMNS];
    uint32_t cell_count; // may be larger than MAX_COLUMNS; the cells beyond are not kept
    bool broken;         // a quote was not closed, or text follows a closing quote
    bool blank;          // nothing in the line
} row_reader;

void rows_open(row_reader *r);  // fills the buffer and drops a byte order mark
bool rows_next(row_reader *r);  // false at the end of the input
void cell_unescape(cell *c);

// separators.c: the separator that makes the most even table of what is in the buffer.
uint8_t separator_detect(row_reader *r);

// Parses one row from `at`. Returns the position after it, or 0 when the buffer ends first.
size_t row_parse(row_reader *r, size_t at);

#endif
