// The pieces of links: labels, destinations, titles, autolinks. Each reader looks at every byte once and stops at the
// first that cannot belong, so that a document full of broken links still takes linear time.
#include "markdown.h"

uint32_t blanks_skip(const uint8_t *text, uint32_t at, uint32_t end)
{
    while (at < end && is_blank(text[at]))
        at++;
    return at;
}

uint32_t label_read(const uint8_t *text, uint32_t at, uint32_t end)
{
    if (at == end || text[at] != '[')
        return 0;
    uint32_t last = end - at > MAX_LABEL_BYTES + 2 ? at + MAX_LABEL_BYTES + 2 : end;
    for (uint32_t i = at + 1; i < last; i++) {
        if (text[i] == '\\')
            i++;
        else if (text[i] == '[')
            return 0;
        else if (text[i] == ']')
            return i + 1;
    }
    return 0;
}

static uint32_t pointed_destination_read(const uint8_t *text, uint32_t at, uint32_t end, link *into)
{
    for (uint32_t i = at + 1; i < end; i++) {
        if (text[i] == '\\') {
            i++;
        } else if (text[i] == '>') {
            into->destination = at + 1;
            into->destination_length = i - at - 1;
            return i + 1;
        } else if (text[i] == '<' || text[i] == '\n') {
            return 0;
        }
    }
    return 0;
}

uint32_t destination_read(const uint8_t *text, uint32_t at, uint32_t end, link *into)
{
    if (at < end && text[at] == '<')
        return pointed_destination_read(text, at, end, into);
    uint32_t open = 0;
    uint32_t i = at;
    for (; i < end && text[i] > ' '; i++) {
        if (text[i] == '\\' && i + 1 < end && is_ascii_punctuation(text[i + 1])) {
            i++;
        } else if (text[i] == '(' && ++open > MAX_LINK_PARENTHESES) {
            return 0;
        } else if (text[i] == ')') {
            if (open == 0)
                break;
            open--;
        }
    }
    if (open != 0)
        return 0;
    into->destination = at;
    into->destination_length = i - at;
    return i;
}

uint32_t title_read(const uint8_t *text, uint32_t at, uint32_t end, link *into)
{
    if (at == end || (text[at] != '"' && text[at] != '\'' && text[at] != '('))
        return 0;
    uint8_t closer = text[at] == '(' ? ')' : text[at];
    for (uint32_t i = at + 1; i < end; i++) {
        if (text[i] == '\\') {
            i++;
        } else if (text[i] == closer) {
            into->title = at + 1;
            into->title_length = i - at - 1;
            return i + 1;
        } else if (closer == ')' && text[i] == '(') {
            return 0;
        }
    }
    return 0;
}

uint32_t inline_target_read(const uint8_t *text, uint32_t at, uint32_t end, link *into)
{
    if (at == end || text[at] != '(')
        return 0;
    *into = (link){.plain = false};
    at = blanks_skip(text, at + 1, end);
    uint32_t after = destination_read(text, at, end, into);
    if (after == 0)
        return 0;
    at = blanks_skip(text, after, end);
    if (at > after && at < end && text[at] != ')') {
        at = title_read(text, at, end, into);
        if (at == 0)
            return 0;
        at = blanks_skip(text, at, end);
    }
    return at < end && text[at] == ')' ? at + 1 : 0;
}

static bool is_scheme_character(uint8_t c)
{
    return is_letter(c) || is_digit(c) || c == '+' || c == '.' || c == '-';
}

static uint32_t url_read(const uint8_t *text, uint32_t at, uint32_t end)
{
    uint32_t i = at + 1;
    if (i == end || !is_letter(text[i]))
        return 0;
    while (i < end && i - at <= 32 && is_scheme_character(text[i]))
        i++;
    if (i == end || text[i] != ':' || i - at < 3 || i - at > 33)
        return 0;
    while (i < end && text[i] > ' ' && text[i] != '<' && text[i] != '>')
        i++;
    return i < end && text[i] == '>' ? i + 1 : 0;
}

static bool is_mailbox_character(uint8_t c)
{
    static const char others[] = ".!#$%&'*+/=?^_`{|}~-";
    if (is_letter(c) || is_digit(c))
        return true;
    for (const char *other = others; *other != 0; other++)
        if (c == (uint8_t)*other)
            return true;
    return false;
}

static uint32_t mail_read(const uint8_t *text, uint32_t at, uint32_t end)
{
    uint32_t i = at + 1;
    while (i < end && is_mailbox_character(text[i]))
        i++;
    if (i == at + 1 || i == end || text[i] != '@')
        return 0;
    for (;;) { // the labels of the host name
        uint32_t label = ++i;
        while (i < end && (is_letter(text[i]) || is_digit(text[i]) || text[i] == '-'))
            i++;
        if (i == label || i - label > 63 || i == end || text[label] == '-' || text[i - 1] == '-')
            return 0;
        if (text[i] == '>')
            return i + 1;
        if (text[i] != '.')
            return 0;
    }
}

uint32_t autolink_read(const uint8_t *text, uint32_t at, uint32_t end, bool *is_mail)
{
    uint32_t after = url_read(text, at, end);
    *is_mail = after == 0;
    return after != 0 ? after : mail_read(text, at, end);
}
