// Tables as GitHub's extension of CommonMark has them.
#include "markdown.h"

#include "../../common/stream.h"

typedef enum { ALIGN_NONE, ALIGN_LEFT, ALIGN_CENTER, ALIGN_RIGHT } alignment;

typedef struct {
    uint32_t at, end;         // what is left of the row
    uint32_t start, stop;     // the cell that was read
} row;

static row row_open(const uint8_t *text, uint32_t start, uint32_t end)
{
    while (start < end && is_blank(text[start]))
        start++;
    while (end > start && is_blank(text[end - 1]))
        end--;
    if (start < end && text[start] == '|')
        start++;
    return (row){.at = start, .end = end};
}

// Reads the next cell without the blanks around it. A pipe after a backslash is part of the cell.
static bool row_next(row *r, const uint8_t *text)
{
    if (r->at >= r->end)
        return false;
    uint32_t i = r->at;
    for (; i < r->end && text[i] != '|'; i++)
        if (text[i] == '\\' && i + 1 < r->end)
            i++;
    r->start = r->at;
    r->stop = i < r->end ? i : r->end;
    r->at = r->stop + 1;
    while (r->start < r->stop && is_blank(text[r->start]))
        r->start++;
    while (r->stop > r->start && is_blank(text[r->stop - 1]))
        r->stop--;
    return true;
}

// The alignment that a delimiter cell gives, or -1 when it is none.
static int delimiter_alignment(const uint8_t *cell, uint32_t length)
{
    bool left = length > 0 && cell[0] == ':';
    bool right = length > 1 && cell[length - 1] == ':';
    uint32_t dashes = length - left - right;
    if (dashes == 0 || dashes > length)
        return -1;
    for (uint32_t i = left; i < length - right; i++)
        if (cell[i] != '-')
            return -1;
    return left && right ? ALIGN_CENTER : left ? ALIGN_LEFT : right ? ALIGN_RIGHT : ALIGN_NONE;
}

uint32_t table_delimiters(const uint8_t *line, size_t length)
{
    if (length == 0 || (line[0] != '|' && line[0] != ':' && line[0] != '-'))
        return 0;
    row r = row_open(line, 0, (uint32_t)length);
    uint32_t columns = 0;
    while (row_next(&r, line)) {
        if (delimiter_alignment(line + r.start, r.stop - r.start) < 0 || columns == MAX_TABLE_COLUMNS)
            return 0;
        columns++;
    }
    return columns;
}

uint32_t table_count_cells(const uint8_t *line, size_t length)
{
    row r = row_open(line, 0, (uint32_t)length);
    uint32_t columns = 0;
    while (row_next(&r, line))
        columns++;
    return columns;
}

// Drops the backslashes of escaped pipes, in place: they are the table's, not the cell's.
static uint32_t unescape_pipes(uint8_t *text, uint32_t start, uint32_t stop)
{
    uint32_t used = start;
    for (uint32_t i = start; i < stop; i++) {
        if (text[i] == '\\' && i + 1 < stop && text[i + 1] == '|')
            i++;
        text[used++] = text[i];
    }
    return used;
}

static void cell_open(const char *tag, alignment align)
{
    static const char *const attributes[] = {"", " align=\"left\"", " align=\"center\"", " align=\"right\""};
    out_byte('<');
    out_text(tag);
    out_text(attributes[align]);
    out_byte('>');
}

static void cell_close(const char *tag)
{
    out_text("</");
    out_text(tag);
    out_text(">\n");
}

static void row_render(document *d, uint32_t start, uint32_t end, const uint8_t *aligns, uint32_t columns,
                       const char *tag)
{
    row r = row_open(d->text, start, end);
    out_text("<tr>\n");
    for (uint32_t column = 0; column < columns; column++) {
        if (row_next(&r, d->text)) {
            cell_open(tag, aligns[column]);
            inlines_render(d, r.start, unescape_pipes(d->text, r.start, r.stop));
        } else if (d->filled_cells_left > 0) { // a short row is filled up
            d->filled_cells_left--;
            cell_open(tag, aligns[column]);
        } else {
            break;
        }
        cell_close(tag);
    }
    out_text("</tr>\n");
}

static uint32_t line_after(const uint8_t *text, uint32_t at, uint32_t end)
{
    const uint8_t *newline = memchr(text + at, '\n', end - at);
    return newline == NULL ? end : (uint32_t)(newline - text) + 1;
}

void table_render(document *d, uint32_t start, uint32_t length)
{
    uint32_t end = start + length;
    uint32_t delimiters = line_after(d->text, start, end);
    uint32_t body = line_after(d->text, delimiters, end);

    uint8_t aligns[MAX_TABLE_COLUMNS];
    uint32_t columns = 0;
    row r = row_open(d->text, delimiters, body);
    while (row_next(&r, d->text))
        aligns[columns++] = (uint8_t)delimiter_alignment(d->text + r.start, r.stop - r.start);

    out_text("<table>\n<thead>\n");
    row_render(d, start, delimiters, aligns, columns, "th");
    out_text("</thead>\n");
    if (body < end)
        out_text("<tbody>\n");
    for (uint32_t at = body; at < end;) {
        uint32_t next = line_after(d->text, at, end);
        row_render(d, at, next, aligns, columns, "td");
        at = next;
    }
    out_text(body < end ? "</tbody>\n</table>\n" : "</table>\n");
}
