#include "columns.h"

#include <string.h>

static uint64_t load(const uint8_t *text)
{
    uint64_t word;
    memcpy(&word, text, sizeof word);
    return word;
}

// The first `count` bytes, up to eight, with zeros after them.
static uint64_t load_part(const uint8_t *text, size_t count)
{
    uint64_t word = load(text);
    return count >= 8 ? word : count == 0 ? 0 : word & (~(uint64_t)0 >> (64 - 8 * count));
}

typedef struct {
    uint64_t hash;
    uint32_t characters;
} digest;

static uint32_t count_characters(const uint8_t *text, size_t length)
{
    uint32_t count = 0;
    for (size_t i = 0; i < length; i++)
        count += (text[i] & 0xC0) != 0x80;
    return count;
}

static digest digest_of(const uint8_t *text, size_t length)
{
    const uint64_t multiplier = 0x9E3779B97F4A7C15u; // 2^64 over the golden ratio
    uint64_t hash = (length + 1) * multiplier;
    uint64_t seen = 0;
    size_t at = 0;
    for (; at + 8 <= length; at += 8) {
        uint64_t word = load(text + at);
        seen |= word;
        hash = (hash ^ word) * multiplier;
        hash ^= hash >> 29;
    }
    uint64_t word = load_part(text + at, length - at);
    seen |= word;
    hash = (hash ^ word) * multiplier;
    hash ^= hash >> 32;
    hash *= 0xD6E8FEB86659FD93u;
    hash ^= hash >> 29;
    bool ascii = (seen & 0x8080808080808080u) == 0;
    return (digest){hash, ascii ? (uint32_t)length : count_characters(text, length)};
}

static void add_number(number_statistics *n, const number *value, bool integer)
{
    double x = value->value;
    if (n->count == 0) {
        n->least = n->greatest = x;
        n->least_integer = INT64_MAX;
        n->greatest_integer = INT64_MIN;
    }
    n->count++;
    double distance = x - n->mean;
    n->mean += distance / (double)n->count;
    n->squares += distance * (x - n->mean);
    n->least = x < n->least ? x : n->least;
    n->greatest = x > n->greatest ? x : n->greatest;
    if (integer) {
        int64_t i = value->integer;
        n->least_integer = i < n->least_integer ? i : n->least_integer;
        n->greatest_integer = i > n->greatest_integer ? i : n->greatest_integer;
    }
    quantiles_add(&n->quantiles, x);
}

static void add_moment(moment_statistics *m, int64_t moment, bool first, const uint8_t *text, size_t length)
{
    if (first || moment < m->first) {
        m->first = moment;
        text_keep(&m->first_text, text, length);
    }
    if (first || moment > m->last) {
        m->last = moment;
        text_keep(&m->last_text, text, length);
    }
}

static int compare(const frequent_text *kept, const uint8_t *text, size_t length)
{
    int order = memcmp(kept->text, text, kept->length < length ? kept->length : length);
    return order != 0 ? order : (kept->length > length) - (kept->length < length);
}

static void add_text(text_statistics *t, bool first, const uint8_t *text, size_t length)
{
    uint64_t key = __builtin_bswap64(load_part(text, length));
    if (first || key < t->least_key || (key == t->least_key && compare(&t->least, text, length) > 0)) {
        t->least_key = key;
        text_keep(&t->least, text, length);
    }
    if (first || key > t->greatest_key || (key == t->greatest_key && compare(&t->greatest, text, length) < 0)) {
        t->greatest_key = key;
        text_keep(&t->greatest, text, length);
    }
}

void column_add(column *c, const uint8_t *text, size_t length, uint8_t decimal_point)
{
    cell_value value;
    cell_read(text, length, decimal_point, &value);
    c->kinds[value.kind]++;
    if (value.kind == KIND_NULL)
        return;
    bool first = c->filled == 0;
    c->filled++;

    digest d = digest_of(text, length);
    c->length_least = first || d.characters < c->length_least ? d.characters : c->length_least;
    c->length_most = d.characters > c->length_most ? d.characters : c->length_most;
    frequent_add(&c->values, d.hash, text, length);
    add_text(&c->texts, first, text, length);

    bool integer = value.kind == KIND_INTEGER;
    if (integer || value.kind == KIND_NUMBER) {
        if (c->kinds[KIND_INTEGER] + c->kinds[KIND_NUMBER] == c->filled)
            add_number(&c->numbers, &value.number, integer);
    } else if (value.kind == KIND_DATE || value.kind == KIND_DATETIME) {
        if (c->kinds[KIND_DATE] + c->kinds[KIND_DATETIME] == c->filled)
            add_moment(&c->moments, value.milliseconds, first, text, length);
    }
}

cell_kind column_kind(const column *c)
{
    if (c->filled == 0)
        return KIND_NULL;
    if (c->kinds[KIND_INTEGER] + c->kinds[KIND_NUMBER] == c->filled)
        return c->kinds[KIND_NUMBER] > 0 ? KIND_NUMBER : KIND_INTEGER;
    if (c->kinds[KIND_DATE] + c->kinds[KIND_DATETIME] == c->filled)
        return c->kinds[KIND_DATETIME] > 0 ? KIND_DATETIME : KIND_DATE;
    return c->kinds[KIND_BOOLEAN] == c->filled ? KIND_BOOLEAN : KIND_TEXT;
}
