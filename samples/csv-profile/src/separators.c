#include "rows.h"

enum { SAMPLE_ROWS = 50 };

// How many of the first rows have as many cells as the first one; 0 when that has one cell only.
static uint32_t even_rows(row_reader *r, uint8_t separator, uint32_t *columns)
{
    uint32_t even = 0;
    size_t at = r->start;
    r->separator = separator;
    *columns = 0;
    for (int row = 0; row < SAMPLE_ROWS && at < r->end; row++) {
        size_t after = row_parse(r, at);
        if (after == 0)
            break;
        at = after;
        if (r->blank)
            continue;
        if (*columns == 0)
            *columns = r->cell_count;
        even += r->cell_count == *columns && !r->broken;
    }
    return *columns > 1 ? even : 0;
}

uint8_t separator_detect(row_reader *r)
{
    static const uint8_t candidates[] = {',', ';', '\t', '|'};
    uint8_t best = candidates[0];
    uint32_t best_even = 0;
    uint32_t best_columns = 0;
    for (int i = 0; i < 4; i++) {
        uint32_t columns;
        uint32_t even = even_rows(r, candidates[i], &columns);
        if (even > best_even || (even == best_even && even > 0 && columns > best_columns)) {
            best = candidates[i];
            best_even = even;
            best_columns = columns;
        }
    }
    return best;
}
