#include "rows.h"

#include "../../common/stream.h"

enum { FIRST_CAPACITY = 1 << 18 };

static void fill(row_reader *r)
{
    if (r->start > 0) {
        memmove(r->buffer, r->buffer + r->start, r->end - r->start);
        r->end -= r->start;
        r->start = 0;
    }
    if (r->end == r->capacity) {
        if (r->capacity > MAX_ROW_BYTES)
            fail(EXIT_REFUSED, "a row is longer than 4 MiB: is a quote left open?");
        r->capacity *= 2;
        r->buffer = reallocate(r->buffer, r->capacity + PADDING_BYTES);
    }
    // Until it is full, however little comes at a time: a row that does not fit is parsed again after each filling.
    while (r->end < r->capacity && !r->ended) {
        size_t count = input_read(r->buffer + r->end, r->capacity - r->end);
        r->ended = count == 0;
        r->end += count;
        r->bytes_read += count;
    }
    memset(r->buffer + r->end, 0, PADDING_BYTES);
    r->buffer[r->end] = '\n'; // ends every search
}

void rows_open(row_reader *r)
{
    static const uint8_t mark[] = {0xEF, 0xBB, 0xBF};
    r->capacity = FIRST_CAPACITY;
    r->buffer = allocate(r->capacity + PADDING_BYTES);
    fill(r);
    if (r->end >= sizeof mark && memcmp(r->buffer, mark, sizeof mark) == 0)
        r->start = sizeof mark;
    if (memchr(r->buffer, 0, r->end) != NULL)
        fail(EXIT_REFUSED, "the input has zero bytes: it is no text, or not in UTF-8");
}

static void keep(row_reader *r, size_t start, size_t end, bool escaped)
{
    if (r->cell_count < MAX_COLUMNS)
        r->cells[r->cell_count] = (cell){r->buffer + start, (uint32_t)(end - start), escaped};
    r->cell_count++;
}

// A quoted cell from the byte after its first quote. Returns the position of the closing quote, or r->end.
static size_t quoted_end(const row_reader *r, size_t at, bool *escaped)
{
    while (at < r->end) {
        const uint8_t *quote = memchr(r->buffer + at, '"', r->end - at);
        if (quote == NULL)
            return r->end;
        at = (size_t)(quote - r->buffer);
        if (r->buffer[at + 1] != '"')
            return at;
        *escaped = true;
        at += 2;
    }
    return r->end;
}

// A bit in each byte of the word that is zero (and, above such a byte, perhaps in others).
static inline uint64_t zero_bytes(uint64_t word)
{
    return (word - 0x0101010101010101u) & ~word & 0x8080808080808080u;
}

// The next separator or newline. Eight bytes at a time: most cells end in the first eight.
static inline size_t plain_end(const row_reader *r, size_t at)
{
    const uint64_t separators = r->separator * 0x0101010101010101u;
    const uint64_t newlines = '\n' * 0x0101010101010101u;
    for (;; at += 8) {
        uint64_t word;
        memcpy(&word, r->buffer + at, sizeof word);
        uint64_t found = zero_bytes(word ^ separators) | zero_bytes(word ^ newlines);
        if (found != 0)
            return at + (size_t)__builtin_ctzll(found) / 8; // the lowest is always right
    }
}

static inline bool is_margin(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

size_t row_parse(row_reader *r, size_t at)
{
    const uint8_t *buffer = r->buffer;
    size_t row = at;
    r->cell_count = 0;
    r->broken = false;
    for (;;) {
        size_t start = at;
        size_t stop;
        if (buffer[at] == '"' && at < r->end) {
            bool escaped = false;
            stop = quoted_end(r, at + 1, &escaped);
            if (stop + 1 >= r->end && !r->ended)
                return 0;
            if (stop == r->end)
                r->broken = true;
            keep(r, start + 1, stop, escaped);
            size_t after = stop < r->end ? stop + 1 : stop;
            at = plain_end(r, after);
            for (size_t i = after; i < at; i++)
                r->broken |= !is_margin(buffer[i]);
        } else {
            at = stop = plain_end(r, at);
            while (stop > start && is_margin(buffer[stop - 1]))
                stop--;
            while (start < stop && is_margin(buffer[start]))
                start++;
            keep(r, start, stop, false);
        }
        if (at == r->end && !r->ended)
            return 0;
        if (buffer[at] == '\n') { // the sentinel too
            r->blank = r->cell_count == 1 && r->cells[0].length == 0 && buffer[row] != '"';
            return at < r->end ? at + 1 : at;
        }
        at++;
    }
}

bool rows_next(row_reader *r)
{
    for (;;) {
        if (r->start < r->end) {
            size_t after = row_parse(r, r->start);
            if (after != 0) {
                r->start = after;
                return true;
            }
        } else if (r->ended) {
            return false;
        }
        fill(r);
    }
}

void cell_unescape(cell *c)
{
    uint32_t used = 0;
    for (uint32_t i = 0; i < c->length; i++) {
        c->text[used++] = c->text[i];
        if (c->text[i] == '"')
            i++;
    }
    c->length = used;
    c->escaped = false;
}
