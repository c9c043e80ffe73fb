// Recognisers of what may start a block. Each looks at the rest of a line from its first byte that is no space.
#ifndef STOA_STARTS_H
#define STOA_STARTS_H

#include "markdown.h"

typedef struct {
    bool ordered;
    uint8_t mark;    // the bullet, or the delimiter after the number
    uint32_t number; // of an ordered list
    size_t length;   // of the marker
    bool empty;      // nothing but blanks follows
} list_marker;

typedef struct {
    uint8_t mark;
    size_t length;
} fence;

bool starts_rule(const uint8_t *rest, size_t length);
int starts_heading(const uint8_t *rest, size_t length);          // the level, or 0
int underlines_heading(const uint8_t *rest, size_t length);      // the level, or 0
bool starts_fence(const uint8_t *rest, size_t length, fence *found);
bool ends_fence(const uint8_t *rest, size_t length, const fence *open);
bool starts_item(const uint8_t *rest, size_t length, list_marker *found);

// Cuts a heading's text out of the rest of its line.
void heading_text(const uint8_t **rest, size_t *length, int level);

#endif
