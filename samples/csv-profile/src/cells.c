#include "cells.h"

#include <string.h>

static bool equals(const uint8_t *text, size_t length, const char *word)
{
    return strlen(word) == length && memcmp(text, word, length) == 0;
}

static bool equals_any_case(const uint8_t *text, size_t length, const char *word)
{
    if (strlen(word) != length)
        return false;
    for (size_t i = 0; i < length; i++)
        if ((text[i] | 32) != word[i])
            return false;
    return true;
}

static bool is_null(const uint8_t *text, size_t length)
{
    static const char *const words[] = {"NA", "N/A", "NULL", "null", "NaN", "nan"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (equals(text, length, words[i]))
            return true;
    return false;
}

static bool is_boolean(const uint8_t *text, size_t length)
{
    return equals_any_case(text, length, "true") || equals_any_case(text, length, "false") ||
           equals_any_case(text, length, "yes") || equals_any_case(text, length, "no");
}

// Exactly `count` digits at `at`, or -1.
static int digits_read(const uint8_t *text, size_t length, size_t at, size_t count)
{
    int value = 0;
    if (at + count > length)
        return -1;
    for (size_t i = at; i < at + count; i++) {
        if ((uint8_t)(text[i] - '0') > 9)
            return -1;
        value = value * 10 + (text[i] - '0');
    }
    return value;
}

// Days since 1970-01-01 in the Gregorian calendar.
static int64_t days_of(int year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year; // years start in March: the leap day is the last
    int64_t month_from_march = month <= 2 ? month + 9 : month - 3;
    int64_t leaps = y / 4 - y / 100 + y / 400;
    return y * 365 + leaps + (month_from_march * 153 + 2) / 5 + day - 1 - 719468;
}

static bool date_read(const uint8_t *text, size_t length, int64_t *days)
{
    static const uint8_t month_days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (length < 10 || text[4] != '-' || text[7] != '-')
        return false;
    int year = digits_read(text, length, 0, 4);
    int month = digits_read(text, length, 5, 2);
    int day = digits_read(text, length, 8, 2);
    if (year < 1 || month < 1 || month > 12 || day < 1)
        return false;
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    if (day > month_days[month - 1] + (month == 2 && leap ? 1 : 0))
        return false;
    *days = days_of(year, month, day);
    return true;
}

// The offset from UTC at the end of a time: nothing, Z, +01:00 or +0100, in minutes.
static bool offset_read(const uint8_t *text, size_t length, size_t at, int *minutes)
{
    *minutes = 0;
    if (at == length || (at + 1 == length && text[at] == 'Z'))
        return true;
    if (text[at] != '+' && text[at] != '-')
        return false;
    int hours = digits_read(text, length, at + 1, 2);
    size_t rest = at + 3 < length && text[at + 3] == ':' ? at + 4 : at + 3;
    int more = rest == length ? 0 : digits_read(text, length, rest, 2);
    if (hours < 0 || hours > 18 || more < 0 || more > 59 || (rest != length && rest + 2 != length))
        return false;
    *minutes = (hours * 60 + more) * (text[at] == '-' ? -1 : 1);
    return true;
}

static bool time_read(const uint8_t *text, size_t length, int64_t *milliseconds)
{
    if (length < 16 || (text[10] != 'T' && text[10] != ' ') || text[13] != ':')
        return false;
    int hour = digits_read(text, length, 11, 2);
    int minute = digits_read(text, length, 14, 2);
    int second = 0;
    int fraction = 0;
    size_t at = 16;
    if (at < length && text[at] == ':') {
        second = digits_read(text, length, at + 1, 2);
        at += 3;
        if (at < length && (text[at] == '.' || text[at] == ',')) {
            int unit = 100;
            size_t first = ++at;
            for (; at < length && (uint8_t)(text[at] - '0') <= 9; at++, unit /= 10)
                fraction += (text[at] - '0') * unit;
            if (at == first)
                return false;
        }
    }
    int offset;
    if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60 ||
        !offset_read(text, length, at, &offset))
        return false;
    *milliseconds = (((int64_t)hour * 60 + minute - offset) * 60 + second) * 1000 + fraction;
    return true;
}

static cell_kind moment_read(const uint8_t *text, size_t length, int64_t *milliseconds)
{
    int64_t days;
    int64_t time = 0;
    if (!date_read(text, length, &days))
        return KIND_TEXT;
    if (length > 10 && !time_read(text, length, &time))
        return KIND_TEXT;
    *milliseconds = days * 86400000 + time;
    return length == 10 ? KIND_DATE : KIND_DATETIME;
}

void cell_read(const uint8_t *text, size_t length, uint8_t decimal_point, cell_value *result)
{
    result->kind = KIND_TEXT;
    if (length == 0) {
        result->kind = KIND_NULL;
        return;
    }
    switch (text[0]) {
    case '0': case '1': case '2': case '3': case '4': case '5': case '6': case '7': case '8': case '9':
        if (length >= 10 && text[4] == '-') {
            result->kind = moment_read(text, length, &result->milliseconds);
            return;
        }
        // fall through
    case '-': case '+': case '.': case ',': {
        number_kind kind = number_read(text, length, decimal_point, &result->number);
        if (kind != NUMBER_NONE)
            result->kind = kind == NUMBER_INTEGER ? KIND_INTEGER : KIND_NUMBER;
        return;
    }
    case 'N': case 'n':
        if (length <= 4 && is_null(text, length)) {
            result->kind = KIND_NULL;
            return;
        }
        // fall through
    case 'T': case 't': case 'F': case 'f': case 'Y': case 'y':
        if (length <= 5 && is_boolean(text, length))
            result->kind = KIND_BOOLEAN;
        return;
    default:
        return;
    }
}
