// The inline text of one leaf: first its code spans, links and emphasis are found, then it is written. What needs more
// than a look at the place itself is a token; the text between tokens is written with its escapes resolved.
#include "markdown.h"

#include "../../common/stream.h"

typedef enum {
    TOKEN_BRACKET, // [ or ![ that no ] has matched (yet): plain text
    TOKEN_LINK_OPEN,
    TOKEN_IMAGE_OPEN,
    TOKEN_LINK_CLOSE, // of the innermost open link or image
    TOKEN_CODE,
    TOKEN_AUTOLINK,
    TOKEN_MAIL
} token_kind;

typedef struct {
    uint32_t start, end;
    uint32_t value; // of an open bracket the one before; of a link's start its place in `links`
    uint8_t kind;
    bool image;         // of a bracket
    bool holds_bracket; // of a bracket: it cannot be a reference link by its own text
} token;

typedef struct {
    document *d;
    uint8_t *text;
    uint32_t start, end;

    token *tokens; // from 1
    uint32_t token_count, token_capacity;
    uint32_t *marks; // for each open bracket, innermost last, the place in the row of emphasis runs
    uint32_t mark_count, mark_capacity;
    link *links;
    uint32_t link_count, link_capacity;

    uint32_t bracket;       // the innermost open one, 0 when there is none
    uint32_t inactive_from; // brackets before this one cannot become links: there is a link in them
    bool ticks_known;
    uint32_t last_ticks[MAX_TICKS + 1]; // where the last run of so many backticks starts
} inline_reader;

static inline_reader reader;

static const bool special[256] = {
    ['\\'] = true, ['`'] = true, ['*'] = true, ['_'] = true, ['~'] = true,
    ['['] = true,  [']'] = true, ['!'] = true, ['<'] = true,
};

static token *token_add(inline_reader *r, token_kind kind, uint32_t start, uint32_t end)
{
    if (r->token_count + 2 > r->token_capacity) {
        r->token_capacity = r->token_capacity * 2 + 64;
        r->tokens = reallocate(r->tokens, r->token_capacity * sizeof *r->tokens);
    }
    token *added = &r->tokens[++r->token_count];
    *added = (token){.kind = (uint8_t)kind, .start = start, .end = end};
    return added;
}

static uint32_t run_end(const inline_reader *r, uint32_t at)
{
    uint8_t mark = r->text[at];
    while (at < r->end && r->text[at] == mark)
        at++;
    return at;
}

static void learn_ticks(inline_reader *r)
{
    memset(r->last_ticks, 0, sizeof r->last_ticks);
    for (uint32_t at = r->start; at < r->end;) {
        const uint8_t *tick = memchr(r->text + at, '`', r->end - at);
        if (tick == NULL)
            break;
        uint32_t first = (uint32_t)(tick - r->text);
        at = run_end(r, first);
        if (at - first <= MAX_TICKS)
            r->last_ticks[at - first] = first;
    }
    r->ticks_known = true;
}

static uint32_t read_code(inline_reader *r, uint32_t at)
{
    uint32_t content = run_end(r, at);
    uint32_t ticks = content - at;
    if (!r->ticks_known)
        learn_ticks(r);
    if (ticks > MAX_TICKS || r->last_ticks[ticks] <= at)
        return content; // nothing closes it
    for (uint32_t i = content;;) {
        i = (uint32_t)((uint8_t *)memchr(r->text + i, '`', r->end - i) - r->text);
        uint32_t after = run_end(r, i);
        if (after - i == ticks) {
            token_add(r, TOKEN_CODE, at, after)->value = ticks;
            return after;
        }
        i = after;
    }
}

static uint32_t open_bracket(inline_reader *r, uint32_t at, uint32_t length)
{
    if (r->bracket != 0)
        r->tokens[r->bracket].holds_bracket = true;
    token *added = token_add(r, TOKEN_BRACKET, at, at + length);
    added->value = r->bracket;
    added->image = length == 2;
    r->bracket = r->token_count;
    if (r->mark_count == r->mark_capacity) {
        r->mark_capacity = r->mark_capacity * 2 + 64;
        r->marks = reallocate(r->marks, r->mark_capacity * sizeof *r->marks);
    }
    r->marks[r->mark_count++] = emphasis_mark();
    return at + length;
}

// What follows a bracket's ] at `at`: (target), [label], [] or nothing. Returns the position after it, or 0.
static uint32_t read_target(inline_reader *r, const token *opener, uint32_t at, link *target)
{
    uint32_t after = inline_target_read(r->text, at + 1, r->end, target);
    if (after != 0)
        return after;
    uint32_t label = opener->end;
    uint32_t label_length = at - label;
    after = label_read(r->text, at + 1, r->end);
    if (after > at + 3) {
        label = at + 2;
        label_length = after - 1 - label;
    } else {
        if (opener->holds_bracket)
            return 0;
        if (after == 0)
            after = at + 1;
    }
    return reference_find(r->d, r->text + label, label_length, target) ? after : 0;
}

static uint32_t close_bracket(inline_reader *r, uint32_t at)
{
    if (r->bracket == 0)
        return at + 1;
    uint32_t index = r->bracket;
    token *opener = &r->tokens[index];
    uint32_t mark = r->marks[--r->mark_count];
    r->bracket = opener->value;
    link target;
    if (!opener->image && index < r->inactive_from)
        return at + 1;
    uint32_t after = read_target(r, opener, at, &target);
    if (after == 0)
        return at + 1;

    if (r->link_count == r->link_capacity) {
        r->link_capacity = r->link_capacity * 2 + 16;
        r->links = reallocate(r->links, r->link_capacity * sizeof *r->links);
    }
    r->links[r->link_count] = target;
    opener->kind = opener->image ? TOKEN_IMAGE_OPEN : TOKEN_LINK_OPEN;
    opener->value = r->link_count++;
    if (!opener->image)
        r->inactive_from = index; // no links in links
    token_add(r, TOKEN_LINK_CLOSE, at, after);
    emphasis_resolve(r->text, mark);
    return after;
}

static uint32_t read_special(inline_reader *r, uint32_t at)
{
    switch (r->text[at]) {
    case '\\':
        return at + 1 < r->end && is_ascii_punctuation(r->text[at + 1]) ? at + 2 : at + 1;
    case '`':
        return read_code(r, at);
    case '[':
        return open_bracket(r, at, 1);
    case ']':
        return close_bracket(r, at);
    case '!':
        return at + 1 < r->end && r->text[at + 1] == '[' ? open_bracket(r, at, 2) : at + 1;
    case '<': {
        bool is_mail;
        uint32_t after = autolink_read(r->text, at, r->end, &is_mail);
        if (after == 0)
            return at + 1;
        token_add(r, is_mail ? TOKEN_MAIL : TOKEN_AUTOLINK, at, after);
        return after;
    }
    default: {
        uint32_t after = run_end(r, at);
        emphasis_add(r->text, at, after, r->start, r->end);
        return after;
    }
    }
}

// Of a very long leaf: what it may need is counted first, since growing a large row takes twice its memory.
static void reserve(inline_reader *r)
{
    uint32_t runs = 0;
    uint32_t tokens = 0;
    uint32_t brackets = 0;
    for (uint32_t i = r->start; i < r->end; i++) {
        uint8_t c = r->text[i];
        runs += (c == '*' || c == '_' || c == '~') && r->text[i + 1] != c;
        brackets += c == '[';
        tokens += c == '[' || c == ']' || c == '<' || (c == '`' && r->text[i + 1] != c);
    }
    emphasis_reserve(runs + 1);
    if (tokens + 2 > r->token_capacity) {
        r->token_capacity = tokens + 2;
        r->tokens = reallocate(r->tokens, r->token_capacity * sizeof *r->tokens);
    }
    if (brackets > r->mark_capacity) {
        r->mark_capacity = brackets;
        r->marks = reallocate(r->marks, r->mark_capacity * sizeof *r->marks);
    }
}

static void find_tokens(inline_reader *r)
{
    uint32_t at = r->start;
    for (;;) {
        while (at < r->end && !special[r->text[at]])
            at++;
        if (at >= r->end)
            break;
        at = read_special(r, at);
    }
    emphasis_resolve(r->text, 0);
}

typedef struct {
    bool in_image;       // between the brackets of an image: only the text counts
    uint32_t image_ends; // open brackets of images and links inside that image
} writer;

static void write_tag(const writer *w, const char *tag)
{
    if (!w->in_image)
        out_text(tag);
}

static uint32_t write_mark(const writer *w, const uint8_t *text, uint32_t at, uint32_t end)
{
    static const char *const tags[] = {
        [MARK_EM_OPEN] = "<em>",         [MARK_EM_CLOSE] = "</em>",       [MARK_STRONG_OPEN] = "<strong>",
        [MARK_STRONG_CLOSE] = "</strong>", [MARK_DELETED_OPEN] = "<del>", [MARK_DELETED_CLOSE] = "</del>",
    };
    uint8_t mark = text[at];
    write_tag(w, tags[mark]);
    bool twice = mark >= MARK_STRONG_OPEN && at + 1 < end && text[at + 1] == mark;
    return at + (twice ? 2 : 1);
}

// A newline, and the spaces and the backslash before it, which start at `from` at the earliest.
static void write_break(const writer *w, const uint8_t *text, uint32_t from, uint32_t newline)
{
    uint32_t content = newline;
    while (content > from && text[content - 1] == ' ')
        content--;
    escape_html(text + from, content - from);
    if (w->in_image)
        out_byte(' ');
    else
        out_text(newline - content >= 2 ? "<br />\n" : "\n");
}

// Text between tokens.
static void write_text(const writer *w, const uint8_t *text, uint32_t at, uint32_t end)
{
    uint32_t from = at;
    while (at < end) {
        uint8_t c = text[at];
        if (c > ' ' && c != '\\' && c != '&') {
            at++;
        } else if (c == '\n') {
            write_break(w, text, from, at);
            from = ++at;
        } else if (c == '\\' && at + 1 < end && (is_ascii_punctuation(text[at + 1]) || text[at + 1] == '\n')) {
            escape_html(text + from, at - from);
            from = at + 1;
            at += 2;
            if (text[from] == '\n') {
                write_tag(w, "<br />");
                out_byte(w->in_image ? ' ' : '\n');
                from = at;
            }
        } else if (c == '&') {
            uint8_t decoded[4];
            size_t decoded_length;
            size_t taken = entity_read(text + at, end - at, decoded, &decoded_length);
            if (taken > 0) {
                escape_html(text + from, at - from);
                escape_html(decoded, decoded_length);
                from = at += (uint32_t)taken;
            } else {
                at++;
            }
        } else if (c >= MARK_EM_OPEN && c <= MARK_DELETED_CLOSE) {
            escape_html(text + from, at - from);
            from = at = write_mark(w, text, at, end);
        } else {
            at++;
        }
    }
    escape_html(text + from, end - from);
}

static void write_code(const writer *w, uint8_t *text, const token *t)
{
    uint32_t start = t->start + t->value;
    uint32_t end = t->end - t->value;
    bool only_blanks = true;
    for (uint32_t i = start; i < end; i++) {
        if (text[i] == '\n')
            text[i] = ' ';
        only_blanks &= text[i] == ' ';
    }
    if (!only_blanks && end - start >= 2 && text[start] == ' ' && text[end - 1] == ' ') {
        start++;
        end--;
    }
    write_tag(w, "<code>");
    escape_html(text + start, end - start);
    write_tag(w, "</code>");
}

static void write_title(const uint8_t *text, const link *target)
{
    if (target->title_length > 0) {
        out_text(" title=\"");
        escape_unescaped(text + target->title, target->title_length);
        out_byte('"');
    }
}

static void write_link_open(writer *w, const uint8_t *text, const link *target, bool image)
{
    if (w->in_image) {
        w->image_ends++;
        return;
    }
    out_text(image ? "<img src=\"" : "<a href=\"");
    escape_url(text + target->destination, target->destination_length, false, image);
    if (image) {
        out_text("\" alt=\"");
        w->in_image = true;
        w->image_ends = 1;
    } else {
        out_byte('"');
        write_title(text, target);
        out_byte('>');
    }
}

static void write_autolink(const writer *w, const uint8_t *text, const token *t)
{
    const uint8_t *address = text + t->start + 1;
    uint32_t length = t->end - t->start - 2;
    if (!w->in_image) {
        out_text(t->kind == TOKEN_MAIL ? "<a href=\"mailto:" : "<a href=\"");
        escape_url(address, length, true, false);
        out_text("\">");
    }
    escape_html(address, length);
    write_tag(w, "</a>");
}

static void write_tokens(inline_reader *r)
{
    writer w = {.in_image = false};
    const link *image = NULL;
    uint32_t at = r->start;
    for (uint32_t i = 1; i <= r->token_count; i++) {
        const token *t = &r->tokens[i];
        if (t->kind == TOKEN_BRACKET)
            continue; // text
        write_text(&w, r->text, at, t->start);
        at = t->end;
        switch (t->kind) {
        case TOKEN_LINK_OPEN:
        case TOKEN_IMAGE_OPEN:
            if (!w.in_image)
                image = &r->links[t->value];
            write_link_open(&w, r->text, &r->links[t->value], t->kind == TOKEN_IMAGE_OPEN);
            break;
        case TOKEN_LINK_CLOSE:
            if (!w.in_image) {
                out_text("</a>");
            } else if (--w.image_ends == 0) {
                w.in_image = false;
                out_byte('"');
                write_title(r->text, image);
                out_text(" />");
            }
            break;
        case TOKEN_CODE:
            write_code(&w, r->text, t);
            break;
        default:
            write_autolink(&w, r->text, t);
            break;
        }
    }
    write_text(&w, r->text, at, r->end);
}

void inlines_render(document *d, uint32_t start, uint32_t end)
{
    inline_reader *r = &reader;
    r->d = d;
    r->text = d->text;
    r->start = start;
    r->end = end;
    r->token_count = r->mark_count = r->link_count = 0;
    r->bracket = r->inactive_from = 0;
    r->ticks_known = false;
    if (end - start > 1 << 16)
        reserve(r);
    find_tokens(r);
    write_tokens(r);
}
