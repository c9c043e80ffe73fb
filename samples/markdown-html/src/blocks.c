// The first pass: a line at a time, as the CommonMark specification describes in its appendix on parsing. Open
// containers are a stack; the one open leaf collects its lines at the end of document.text.
#include "cursor.h"
#include "starts.h"

#include "../../common/stream.h"

typedef struct {
    uint8_t kind;   // EVENT_QUOTE, EVENT_BULLET_LIST, EVENT_ORDERED_LIST or EVENT_ITEM
    uint8_t mark;   // of a list
    uint32_t event; // where it was opened
    size_t indent;  // of an item: the columns that its content is indented by
} container;

typedef struct {
    document *d;
    container open[MAX_DEPTH];
    uint32_t depth;
    uint32_t last_quote; // the depth inside the innermost block quote, or 0

    uint8_t leaf; // the kind of the open leaf; EVENT_REMOVED when there is none
    uint32_t leaf_event;
    uint32_t last_line; // of the leaf, in document.text
    fence fence;
    size_t fence_indent;

    bool after_blank;      // the line before was blank,
    uint32_t blank_inside; // which counts for containers from this depth on only (a blank inside a quote is the quote's)

    // While a line is read:
    uint32_t matched;  // open containers that go on in this line
    bool leaf_matched; // and the leaf does too
} block_reader;

uint32_t event_add(document *d, event_kind kind)
{
    uint32_t index = d->event_count++;
    if (index / EVENT_CHUNK == d->chunk_count) {
        if (d->chunk_count == d->chunk_capacity) {
            d->chunk_capacity = d->chunk_capacity * 2 + 16;
            d->chunks = reallocate(d->chunks, d->chunk_capacity * sizeof *d->chunks);
        }
        d->chunks[d->chunk_count++] = allocate(EVENT_CHUNK * sizeof(event));
    }
    event *added = event_at(d, index);
    *added = (event){.kind = (uint8_t)kind, .start = (uint32_t)d->text_length};
    return index;
}

void text_append(document *d, const uint8_t *bytes, size_t length)
{
    if (length > d->text_capacity - d->text_length) {
        d->text_capacity = d->text_capacity + d->text_capacity / 2 + length;
        d->text = reallocate(d->text, d->text_capacity);
    }
    memcpy(d->text + d->text_length, bytes, length);
    d->text_length += length;
}

static bool is_list(const container *c)
{
    return c->kind == EVENT_BULLET_LIST || c->kind == EVENT_ORDERED_LIST;
}

static bool is_verbatim(uint8_t kind)
{
    return kind == EVENT_INDENTED_CODE || kind == EVENT_FENCED_CODE;
}

// Takes link reference definitions off the start of the open paragraph. Returns whether text is left.
static bool paragraph_has_text(block_reader *r)
{
    event *paragraph = event_at(r->d, r->leaf_event);
    uint32_t end = (uint32_t)r->d->text_length;
    paragraph->start += (uint32_t)references_take(r->d, paragraph->start, end);
    return paragraph->start < end;
}

static void close_leaf(block_reader *r)
{
    event *leaf = event_at(r->d, r->leaf_event);
    const uint8_t *text = r->d->text;
    uint32_t end = (uint32_t)r->d->text_length;
    switch (r->leaf) {
    case EVENT_PARAGRAPH:
        if (!paragraph_has_text(r))
            leaf->kind = EVENT_REMOVED;
        while (end > leaf->start && is_blank(text[end - 1]))
            end--;
        break;
    case EVENT_INDENTED_CODE: { // blank lines at its end are not its own
        uint32_t keep = end;
        while (keep > leaf->start && is_blank(text[keep - 1]))
            keep--;
        while (keep < end && text[keep] != '\n')
            keep++;
        end = keep < end ? keep + 1 : end;
        break;
    }
    default:
        break;
    }
    leaf->length = end - leaf->start;
    r->leaf = EVENT_REMOVED;
}

static void close_container(block_reader *r)
{
    event_add(r->d, EVENT_CLOSE);
    r->depth--;
    while (r->last_quote > r->depth || (r->last_quote > 0 && r->open[r->last_quote - 1].kind != EVENT_QUOTE))
        r->last_quote--;
}

// Ends all that does not go on in this line.
static void close_unmatched(block_reader *r)
{
    if (r->leaf != EVENT_REMOVED && !r->leaf_matched)
        close_leaf(r);
    while (r->depth > r->matched)
        close_container(r);
}

static bool has_content(const block_reader *r, const container *c)
{
    return r->d->event_count > c->event + 1;
}

// Two blocks with a blank line between them make the list loose whose items or whose item's content they are.
static void loosen(block_reader *r)
{
    if (!r->after_blank || r->depth == 0 || r->depth - 1 < r->blank_inside)
        return;
    const container *parent = &r->open[r->depth - 1];
    if (parent->kind == EVENT_QUOTE || !has_content(r, parent))
        return;
    const container *list = is_list(parent) ? parent : parent - 1;
    event_at(r->d, list->event)->loose = true;
}

static uint32_t add_block(block_reader *r, event_kind kind)
{
    r->leaf_matched = false;
    close_unmatched(r);
    if (kind != EVENT_ITEM && r->depth > 0 && is_list(&r->open[r->depth - 1])) { // only items go into a list
        close_container(r);
        r->matched = r->depth;
    }
    loosen(r);
    return event_add(r->d, kind);
}

static container *add_container(block_reader *r, event_kind kind)
{
    uint32_t index = add_block(r, kind);
    container *added = &r->open[r->depth++];
    r->matched = r->depth;
    *added = (container){.kind = (uint8_t)kind, .event = index};
    if (kind == EVENT_QUOTE)
        r->last_quote = r->depth;
    return added;
}

static void add_leaf(block_reader *r, event_kind kind)
{
    r->leaf_event = add_block(r, kind);
    r->leaf = (uint8_t)kind;
    r->leaf_matched = true;
}

static void add_line(block_reader *r, cursor *c)
{
    document *d = r->d;
    r->last_line = (uint32_t)d->text_length;
    if (c->tab_left > 0) {
        text_append(d, (const uint8_t *)"    ", c->tab_left);
        c->offset++;
        c->tab_left = 0;
    }
    if (c->offset < c->length)
        text_append(d, c->text + c->offset, c->length - c->offset);
    text_append(d, (const uint8_t *)"\n", 1);
}

static bool container_goes_on(const block_reader *r, const container *c, cursor *at)
{
    if (is_list(c))
        return true; // its items decide
    cursor_look(at);
    if (c->kind == EVENT_QUOTE) {
        if (at->indent > 3 || at->blank || at->text[at->next] != '>')
            return false;
        cursor_to_next(at);
        cursor_bytes(at, 1);
        if (cursor_at_blank(at))
            cursor_columns(at, 1);
        return true;
    }
    if (at->blank) {
        cursor_to_next(at);
        return has_content(r, c); // an item may start with one blank line, not with two
    }
    if (at->indent < c->indent)
        return false;
    cursor_columns(at, c->indent);
    return true;
}

static void match_containers(block_reader *r, cursor *c)
{
    uint32_t depth = 0;
    while (depth < r->depth && container_goes_on(r, &r->open[depth], c)) {
        depth++;
        if (c->looked && c->blank && depth >= r->last_quote) { // lists and items alone are left: a blank line is in all
            depth = r->depth - (has_content(r, &r->open[r->depth - 1]) ? 0 : 1);
            cursor_to_next(c);
            break;
        }
    }
    r->matched = depth;
}

// Whether the open leaf takes this line; *done when the line is its closing fence.
static bool leaf_goes_on(block_reader *r, cursor *c, bool *done)
{
    cursor_look(c);
    switch (r->leaf) {
    case EVENT_PARAGRAPH:
    case EVENT_TABLE:
        return !c->blank;
    case EVENT_INDENTED_CODE:
        if (c->indent >= 4)
            cursor_columns(c, 4);
        else if (c->blank)
            cursor_to_next(c);
        else
            return false;
        return true;
    case EVENT_FENCED_CODE:
        if (c->indent <= 3 && ends_fence(c->text + c->next, c->length - c->next, &r->fence)) {
            close_leaf(r);
            *done = true;
            return true;
        }
        cursor_columns(c, c->indent < r->fence_indent ? c->indent : r->fence_indent);
        return true;
    default:
        return false;
    }
}

static void add_heading(block_reader *r, cursor *c, int level)
{
    const uint8_t *rest = c->text + c->next;
    size_t length = c->length - c->next;
    heading_text(&rest, &length, level);
    event *heading = event_at(r->d, add_block(r, EVENT_HEADING));
    heading->level = (uint8_t)level;
    heading->length = (uint32_t)length;
    text_append(r->d, rest, length);
}

static void add_fence(block_reader *r, cursor *c, const fence *found)
{
    size_t indent = c->indent;
    const uint8_t *info = c->text + c->next + found->length;
    size_t length = c->length - c->next - found->length;
    add_leaf(r, EVENT_FENCED_CODE);
    r->fence = *found;
    r->fence_indent = indent;
    text_append(r->d, info, length);
    text_append(r->d, (const uint8_t *)"\n", 1);
}

static void underline_paragraph(block_reader *r, int level)
{
    event *heading = event_at(r->d, r->leaf_event);
    close_leaf(r);
    heading->kind = EVENT_HEADING;
    heading->level = (uint8_t)level;
}

static void add_item(block_reader *r, cursor *c, const list_marker *marker)
{
    size_t before = c->indent;
    cursor_to_next(c);
    cursor_bytes(c, marker->length);

    // Up to four columns after the marker belong to the item's indent; more are an indented code block in it.
    cursor after = *c;
    while (after.column - c->column < 5 && cursor_at_blank(&after))
        cursor_columns(&after, 1);
    size_t padding = after.column - c->column;
    if (padding >= 5 || padding == 0 || marker->empty) {
        if (padding > 0)
            cursor_columns(c, 1);
        padding = 1;
    } else {
        *c = after;
    }

    uint8_t kind = marker->ordered ? EVENT_ORDERED_LIST : EVENT_BULLET_LIST;
    const container *top = r->matched > 0 ? &r->open[r->matched - 1] : NULL;
    if (top == NULL || top->kind != kind || top->mark != marker->mark) {
        container *list = add_container(r, kind);
        list->mark = marker->mark;
        event_at(r->d, list->event)->start = marker->number;
    }
    add_container(r, EVENT_ITEM)->indent = before + marker->length + padding;
}

// The last line of the open paragraph becomes the header of a table when this line is its delimiter row.
static bool add_table(block_reader *r, cursor *c)
{
    uint32_t columns = table_delimiters(c->text + c->next, c->length - c->next);
    if (columns == 0)
        return false;
    document *d = r->d;
    uint32_t header = r->last_line;
    event *paragraph = event_at(d, r->leaf_event);
    if (header < paragraph->start || table_count_cells(d->text + header, d->text_length - header) != columns)
        return false;
    if (header > paragraph->start) { // the lines above stay a paragraph
        size_t end = d->text_length;
        d->text_length = header;
        close_leaf(r);
        add_leaf(r, EVENT_TABLE);
        d->text_length = end;
    } else {
        paragraph->kind = EVENT_TABLE;
        r->leaf = EVENT_TABLE;
    }
    return true;
}

static bool marks_item(const block_reader *r, const cursor *c, bool in_paragraph, list_marker *found)
{
    if (r->matched + 2 > MAX_DEPTH || !starts_item(c->text + c->next, c->length - c->next, found))
        return false;
    return !in_paragraph || (!found->empty && (!found->ordered || found->number == 1));
}

static bool is_rule(cursor *c)
{
    uint8_t mark = c->text[c->next];
    if (mark == c->no_rule_of || starts_rule(c->text + c->next, c->length - c->next))
        return mark != c->no_rule_of;
    c->no_rule_of = mark;
    return false;
}

typedef enum { START_NONE, START_CONTAINER, START_LEAF, START_LINE_DONE } start;

// Reads one block start. After a container another may follow in the same line.
static start read_start(block_reader *r, cursor *c, bool may_be_lazy)
{
    cursor_look(c);
    if (c->blank)
        return START_NONE;
    bool in_paragraph = r->leaf == EVENT_PARAGRAPH && r->leaf_matched;
    if (c->indent >= 4) {
        if (may_be_lazy || (r->leaf == EVENT_TABLE && r->leaf_matched))
            return START_NONE;
        cursor_columns(c, 4);
        add_leaf(r, EVENT_INDENTED_CODE);
        return START_LEAF;
    }

    const uint8_t *rest = c->text + c->next;
    size_t length = c->length - c->next;
    list_marker marker;
    fence found;
    int level;
    if (rest[0] == '>' && r->matched < MAX_DEPTH) {
        cursor_to_next(c);
        cursor_bytes(c, 1);
        if (cursor_at_blank(c))
            cursor_columns(c, 1);
        add_container(r, EVENT_QUOTE);
        return START_CONTAINER;
    }
    if ((level = starts_heading(rest, length)) > 0) {
        add_heading(r, c, level);
        return START_LINE_DONE;
    }
    if (starts_fence(rest, length, &found)) {
        add_fence(r, c, &found);
        return START_LINE_DONE;
    }
    if (in_paragraph && (level = underlines_heading(rest, length)) > 0 && paragraph_has_text(r)) {
        underline_paragraph(r, level);
        return START_LINE_DONE;
    }
    if (is_rule(c)) {
        add_block(r, EVENT_RULE);
        return START_LINE_DONE;
    }
    if (marks_item(r, c, in_paragraph, &marker)) {
        add_item(r, c, &marker);
        return START_CONTAINER;
    }
    if (in_paragraph && add_table(r, c)) {
        cursor_to_next(c);
        add_line(r, c);
        return START_LINE_DONE;
    }
    return START_NONE;
}

static void note_blank(block_reader *r, const cursor *c)
{
    const container *top = r->depth > 0 ? &r->open[r->depth - 1] : NULL;
    bool opens_item = top != NULL && top->kind == EVENT_ITEM && !has_content(r, top);
    r->after_blank = c->blank && r->leaf != EVENT_FENCED_CODE && !opens_item;
    r->blank_inside = r->last_quote;
}

static void read_line(block_reader *r, const uint8_t *text, size_t length)
{
    cursor c = {.text = text, .length = length};
    bool done = false;
    match_containers(r, &c);
    r->leaf_matched = r->matched == r->depth && leaf_goes_on(r, &c, &done);

    bool may_be_lazy = r->leaf == EVENT_PARAGRAPH;
    bool started = false;
    while (!done && !(is_verbatim(r->leaf) && r->leaf_matched)) {
        start found = read_start(r, &c, may_be_lazy);
        if (found == START_NONE)
            break;
        done = found == START_LINE_DONE;
        started = true;
        may_be_lazy = false;
    }
    if (done) {
        r->after_blank = false;
        return;
    }

    cursor_look(&c);
    if (may_be_lazy && !started && !c.blank) { // a paragraph takes the line even if its containers don't
        cursor_to_next(&c);
        add_line(r, &c);
        r->after_blank = false;
        return;
    }
    close_unmatched(r);
    if (is_verbatim(r->leaf)) {
        add_line(r, &c);
    } else if (!c.blank) {
        if (r->leaf == EVENT_REMOVED)
            add_leaf(r, EVENT_PARAGRAPH);
        cursor_to_next(&c);
        add_line(r, &c);
    }
    note_blank(r, &c);
}

void blocks_read(document *d, const uint8_t *text, size_t length)
{
    static block_reader r;
    r.d = d;
    size_t at = 0;
    while (at < length) {
        const uint8_t *end = memchr(text + at, '\n', length - at);
        size_t line = end == NULL ? length - at : (size_t)(end - (text + at));
        read_line(&r, text + at, line);
        at += line + 1;
    }
    r.matched = 0;
    r.leaf_matched = false;
    close_unmatched(&r);
}
