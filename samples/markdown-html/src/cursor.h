// A place in one line of the input, in bytes and in columns: tabs reach to the next multiple of four, and a container
// may take only a part of one.
#ifndef STOA_CURSOR_H
#define STOA_CURSOR_H

#include "markdown.h"

typedef struct {
    const uint8_t *text; // the line without its end
    size_t length;
    size_t offset, column;
    size_t tab_left; // columns of the tab at `offset` that nobody has taken yet, when some have been taken

    // The first byte at or after `offset` that is no space or tab; see cursor_look.
    size_t next, next_column;
    size_t indent; // next_column - column
    bool blank;
    bool looked;
    uint8_t no_rule_of; // a mark of which this line is known to be no rule: nested bullets would ask again and again
} cursor;

static inline void cursor_look(cursor *c)
{
    if (!c->looked || c->next < c->offset) { // else only the distance has changed
        c->next = c->offset;
        c->next_column = c->column;
        while (c->next < c->length) {
            if (c->text[c->next] == ' ')
                c->next_column++;
            else if (c->text[c->next] == '\t')
                c->next_column += 4 - c->next_column % 4;
            else
                break;
            c->next++;
        }
        c->looked = true;
        c->blank = c->next == c->length;
    }
    c->indent = c->next_column - c->column;
}

static inline void cursor_columns(cursor *c, size_t count)
{
    while (count > 0 && c->offset < c->length) {
        if (c->text[c->offset] != '\t') {
            c->offset++;
            c->column++;
            count--;
            continue;
        }
        size_t width = 4 - c->column % 4;
        size_t taken = width < count ? width : count;
        c->column += taken;
        count -= taken;
        c->tab_left = width - taken;
        if (c->tab_left == 0)
            c->offset++;
    }
}

// Goes to the first byte that is no space or tab.
static inline void cursor_to_next(cursor *c)
{
    c->offset = c->next;
    c->column = c->next_column;
    c->tab_left = 0;
}

// Goes `count` bytes on, none of which is a tab.
static inline void cursor_bytes(cursor *c, size_t count)
{
    c->offset += count;
    c->column += count;
}

static inline bool cursor_at_blank(const cursor *c)
{
    return c->offset < c->length && (c->text[c->offset] == ' ' || c->text[c->offset] == '\t');
}

#endif
