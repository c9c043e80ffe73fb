// The second pass: the events become tags. Paragraphs of a tight list stand without their own.
#include "markdown.h"

#include "../../common/stream.h"

typedef struct {
    document *d;
    struct {
        uint8_t kind;
        bool loose; // of a list
    } open[MAX_DEPTH];
    uint32_t depth;
    bool line_open; // something was written after the last newline
} block_writer;

static void new_line(block_writer *w)
{
    if (w->line_open)
        out_byte('\n');
    w->line_open = false;
}

static void open_container(block_writer *w, const event *e)
{
    new_line(w);
    switch (e->kind) {
    case EVENT_QUOTE:
        out_text("<blockquote>\n");
        break;
    case EVENT_BULLET_LIST:
        out_text("<ul>\n");
        break;
    case EVENT_ORDERED_LIST:
        if (e->start == 1) {
            out_text("<ol>\n");
        } else {
            out_text("<ol start=\"");
            out_unsigned(e->start);
            out_text("\">\n");
        }
        break;
    default:
        out_text("<li>");
        w->line_open = true;
        break;
    }
    w->open[w->depth].kind = e->kind;
    w->open[w->depth++].loose = e->loose;
}

static void close_container(block_writer *w)
{
    static const char *const tags[] = {
        [EVENT_QUOTE] = "</blockquote>\n",
        [EVENT_BULLET_LIST] = "</ul>\n",
        [EVENT_ORDERED_LIST] = "</ol>\n",
        [EVENT_ITEM] = "</li>\n",
    };
    uint8_t kind = w->open[--w->depth].kind;
    if (kind != EVENT_ITEM)
        new_line(w);
    out_text(tags[kind]);
    w->line_open = false;
}

static void write_paragraph(block_writer *w, const event *e, bool first_in_item)
{
    const uint8_t *text = w->d->text + e->start;
    uint32_t start = e->start;
    bool tight = w->depth > 1 && w->open[w->depth - 1].kind == EVENT_ITEM && !w->open[w->depth - 2].loose;
    if (!tight) {
        new_line(w);
        out_text("<p>");
    }
    if (first_in_item && e->length > 4 && text[0] == '[' && text[2] == ']' && is_blank(text[3]) &&
        (text[1] == ' ' || text[1] == 'x' || text[1] == 'X')) {
        out_text(text[1] == ' ' ? "<input type=\"checkbox\" disabled=\"\" />"
                                : "<input type=\"checkbox\" checked=\"\" disabled=\"\" />");
        start += 3;
    }
    inlines_render(w->d, start, e->start + e->length);
    w->line_open = true;
    if (!tight) {
        out_text("</p>\n");
        w->line_open = false;
    }
}

static void write_heading(block_writer *w, const event *e)
{
    new_line(w);
    char tag[] = "<h1>";
    tag[2] = (char)('0' + e->level);
    out_text(tag);
    inlines_render(w->d, e->start, e->start + e->length);
    char end[] = "</h1>\n";
    end[3] = (char)('0' + e->level);
    out_text(end);
}

static void write_code_block(block_writer *w, const event *e)
{
    const uint8_t *text = w->d->text + e->start;
    size_t length = e->length;
    new_line(w);
    out_text("<pre><code");
    if (e->kind == EVENT_FENCED_CODE) {
        size_t info = (size_t)((const uint8_t *)memchr(text, '\n', length) - text);
        size_t start = 0;
        while (start < info && is_blank(text[start]))
            start++;
        size_t end = start;
        while (end < info && !is_blank(text[end]))
            end++;
        if (end > start) {
            out_text(" class=\"language-");
            escape_unescaped(text + start, end - start);
            out_byte('"');
        }
        text += info + 1;
        length -= info + 1;
    }
    out_byte('>');
    escape_html(text, length);
    out_text("</code></pre>\n");
}

void blocks_render(document *d)
{
    static block_writer w;
    w.d = d;
    bool first_in_item = false;
    for (uint32_t i = 0; i < d->event_count; i++) {
        const event *e = event_at(d, i);
        switch (e->kind) {
        case EVENT_REMOVED:
            continue;
        case EVENT_QUOTE:
        case EVENT_BULLET_LIST:
        case EVENT_ORDERED_LIST:
        case EVENT_ITEM:
            open_container(&w, e);
            break;
        case EVENT_CLOSE:
            close_container(&w);
            break;
        case EVENT_PARAGRAPH:
            write_paragraph(&w, e, first_in_item);
            break;
        case EVENT_HEADING:
            write_heading(&w, e);
            break;
        case EVENT_INDENTED_CODE:
        case EVENT_FENCED_CODE:
            write_code_block(&w, e);
            break;
        case EVENT_RULE:
            new_line(&w);
            out_text("<hr />\n");
            break;
        case EVENT_TABLE:
            new_line(&w);
            table_render(d, e->start, e->length);
            break;
        default:
            break;
        }
        first_in_item = e->kind == EVENT_ITEM;
    }
}
