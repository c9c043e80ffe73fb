// What the two passes share. Blocks are read into a flat row of events (so that a document of a million list items
// needs neither a tree nor recursion); afterwards, when every link reference is known, the events are rendered and the
// inline text of each leaf is read and written in one go.
#ifndef STOA_MARKDOWN_H
#define STOA_MARKDOWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    MAX_INPUT_BYTES = 64 << 20,
    MAX_DEPTH = 100,        // open block quotes, lists and list items; deeper markers are plain text
    MAX_LABEL_BYTES = 999,  // CommonMark's limit for a link label
    MAX_TICKS = 255,        // longer runs of backticks are plain text
    MAX_LINK_PARENTHESES = 32,
    MAX_TABLE_COLUMNS = 256,
    MAX_FILLED_CELLS = 100000 // cells that short table rows may be filled up with, in one document
};

typedef enum {
    EVENT_REMOVED, // was a paragraph of nothing but link reference definitions
    EVENT_QUOTE,
    EVENT_BULLET_LIST,
    EVENT_ORDERED_LIST, // start: the number of the first item
    EVENT_ITEM,
    EVENT_CLOSE, // of the innermost quote, list or item
    EVENT_PARAGRAPH,
    EVENT_HEADING, // level: 1 to 6
    EVENT_INDENTED_CODE,
    EVENT_FENCED_CODE, // the first line of the text is the info string
    EVENT_RULE,
    EVENT_TABLE // the lines of the text: header, delimiters, rows
} event_kind;

typedef struct {
    uint8_t kind;
    uint8_t level;
    bool loose;      // of a list: its paragraphs get their own tags
    uint32_t start;  // into document.text
    uint32_t length;
} event;

typedef struct {
    uint32_t destination, destination_length; // into document.text, still escaped
    uint32_t title, title_length;
    bool plain; // an autolink: nothing in it is an escape
} link;

typedef struct {
    uint8_t *label; // normalised, owned
    uint32_t label_length;
    uint32_t order; // the first definition of a label wins
    link target;
} reference;

enum { EVENT_CHUNK = 1 << 14 };

typedef struct {
    uint8_t *text; // the content of all leaves, one after the other
    size_t text_length, text_capacity;

    event **chunks; // EVENT_CHUNK events each
    uint32_t event_count, chunk_count, chunk_capacity;

    reference *references;
    uint32_t reference_count, reference_capacity;
    size_t expansion_bytes_left; // what reference links may still repeat: keeps the output linear in the input
    uint32_t filled_cells_left;
} document;

static inline event *event_at(const document *d, uint32_t index)
{
    return &d->chunks[index / EVENT_CHUNK][index % EVENT_CHUNK];
}

uint32_t event_add(document *d, event_kind kind);
void text_append(document *d, const uint8_t *bytes, size_t length);

// clean.c: a copy (or the input itself) in valid UTF-8, lines ended by LF, without control characters.
uint8_t *clean(uint8_t *input, size_t length, size_t *clean_length);

// blocks.c: the first pass.
void blocks_read(document *d, const uint8_t *text, size_t length);

// references.c
size_t references_take(document *d, uint32_t start, uint32_t end); // returns the bytes of definitions at `start`
void references_sort(document *d);
bool reference_find(document *d, const uint8_t *label, size_t length, link *found);

// destinations.c: each returns the position after what it read, or 0.
uint32_t label_read(const uint8_t *text, uint32_t at, uint32_t end);
uint32_t destination_read(const uint8_t *text, uint32_t at, uint32_t end, link *into);
uint32_t title_read(const uint8_t *text, uint32_t at, uint32_t end, link *into);
uint32_t inline_target_read(const uint8_t *text, uint32_t at, uint32_t end, link *into);
uint32_t autolink_read(const uint8_t *text, uint32_t at, uint32_t end, bool *is_mail);
uint32_t blanks_skip(const uint8_t *text, uint32_t at, uint32_t end);

// tables.c
uint32_t table_delimiters(const uint8_t *line, size_t length);  // columns of a delimiter row, or 0
uint32_t table_count_cells(const uint8_t *line, size_t length); // columns of any other row
void table_render(document *d, uint32_t start, uint32_t length);

// inlines.c: reads and writes the inline text between two positions of document.text, which it may overwrite.
void inlines_render(document *d, uint32_t start, uint32_t end);

// emphasis.c: runs of *, _ and ~.
void emphasis_reserve(uint32_t runs);
void emphasis_add(const uint8_t *text, uint32_t start, uint32_t run_end, uint32_t leaf_start, uint32_t leaf_end);
uint32_t emphasis_mark(void);                        // a place in the row of runs
void emphasis_resolve(uint8_t *text, uint32_t mark); // pairs up the runs after that place, and forgets them

// What emphasis_resolve writes over the characters of a paired run. The input has no control characters.
enum {
    MARK_EM_OPEN = 1, // one each
    MARK_EM_CLOSE,
    MARK_STRONG_OPEN, // two in a row each
    MARK_STRONG_CLOSE,
    MARK_DELETED_OPEN, // one or two in a row each
    MARK_DELETED_CLOSE
};

// render.c: the second pass.
void blocks_render(document *d);

// escape.c
void escape_html(const uint8_t *bytes, size_t length);
void escape_unescaped(const uint8_t *bytes, size_t length); // resolves backslashes and entities first
void escape_url(const uint8_t *bytes, size_t length, bool plain, bool is_image);

// entities.c: the bytes that the entity at the start of `text` takes, or 0; `decoded` gets its UTF-8.
size_t entity_read(const uint8_t *text, size_t length, uint8_t decoded[4], size_t *decoded_length);

// unicode.c
bool is_punctuation(uint32_t code_point);
bool is_space(uint32_t code_point);
uint32_t fold(uint32_t code_point); // lower case, for labels
uint32_t utf8_read(const uint8_t *text, size_t length, size_t *taken);
uint32_t utf8_read_before(const uint8_t *text, size_t begin, size_t at);
size_t utf8_write(uint32_t code_point, uint8_t out[4]);

static inline bool is_ascii_punctuation(uint8_t c)
{
    return (c >= '!' && c <= '/') || (c >= ':' && c <= '@') || (c >= '[' && c <= '`') || (c >= '{' && c <= '~');
}

static inline bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\n';
}

static inline bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static inline bool is_letter(uint8_t c)
{
    return (uint8_t)((c | 32) - 'a') < 26;
}

#endif
