#include "starts.h"

static bool blank_at(const uint8_t *rest, size_t length, size_t at)
{
    return at == length || rest[at] == ' ' || rest[at] == '\t';
}

static bool all_blank(const uint8_t *rest, size_t length, size_t at)
{
    while (at < length && blank_at(rest, length, at))
        at++;
    return at == length;
}

static size_t run_length(const uint8_t *rest, size_t length, uint8_t mark)
{
    size_t count = 0;
    while (count < length && rest[count] == mark)
        count++;
    return count;
}

bool starts_rule(const uint8_t *rest, size_t length)
{
    uint8_t mark = length > 0 ? rest[0] : 0;
    if (mark != '*' && mark != '-' && mark != '_')
        return false;
    size_t marks = 0;
    for (size_t i = 0; i < length; i++) {
        if (rest[i] == mark)
            marks++;
        else if (!blank_at(rest, length, i))
            return false;
    }
    return marks >= 3;
}

int starts_heading(const uint8_t *rest, size_t length)
{
    size_t level = run_length(rest, length, '#');
    return level >= 1 && level <= 6 && blank_at(rest, length, level) ? (int)level : 0;
}

void heading_text(const uint8_t **rest, size_t *length, int level)
{
    const uint8_t *text = *rest + level;
    size_t size = *length - (size_t)level;
    while (size > 0 && blank_at(text, size, 0)) {
        text++;
        size--;
    }
    while (size > 0 && blank_at(text, size, size - 1))
        size--;
    size_t end = size;
    while (end > 0 && text[end - 1] == '#')
        end--;
    if (end == 0 || (end < size && blank_at(text, size, end - 1))) { // the closing row of #
        size = end;
        while (size > 0 && blank_at(text, size, size - 1))
            size--;
    }
    *rest = text;
    *length = size;
}

int underlines_heading(const uint8_t *rest, size_t length)
{
    if (length == 0 || (rest[0] != '=' && rest[0] != '-'))
        return 0;
    return all_blank(rest, length, run_length(rest, length, rest[0])) ? (rest[0] == '=' ? 1 : 2) : 0;
}

bool starts_fence(const uint8_t *rest, size_t length, fence *found)
{
    if (length < 3 || (rest[0] != '`' && rest[0] != '~'))
        return false;
    found->mark = rest[0];
    found->length = run_length(rest, length, rest[0]);
    if (found->length < 3)
        return false;
    if (found->mark == '`')
        for (size_t i = found->length; i < length; i++)
            if (rest[i] == '`')
                return false; // it is a code span
    return true;
}

bool ends_fence(const uint8_t *rest, size_t length, const fence *open)
{
    size_t count = run_length(rest, length, open->mark);
    return count >= open->length && all_blank(rest, length, count);
}

bool starts_item(const uint8_t *rest, size_t length, list_marker *found)
{
    if (length == 0)
        return false;
    size_t at = 0;
    found->ordered = is_digit(rest[0]);
    found->number = 0;
    if (found->ordered) {
        while (at < length && at < 9 && is_digit(rest[at]))
            found->number = found->number * 10 + (uint32_t)(rest[at++] - '0');
        if (at == length || (rest[at] != '.' && rest[at] != ')'))
            return false;
    } else if (rest[0] != '-' && rest[0] != '+' && rest[0] != '*') {
        return false;
    }
    found->mark = rest[at++];
    found->length = at;
    found->empty = all_blank(rest, length, at);
    return blank_at(rest, length, at);
}
