#include "json.h"

#include "../../../common/stream.h"
#include "../../../common/utf8.h"

#include <stdlib.h>

enum { DEEPEST = 64 };

typedef struct {
    json_document *document;
    uint32_t capacity;
    size_t at;
} reader;

static void skip_blanks(reader *r)
{
    const json_document *d = r->document;
    while (r->at < d->length && strchr(" \t\r\n", d->text[r->at]) && d->text[r->at])
        r->at++;
}

static uint32_t add(reader *r, json_kind kind)
{
    json_document *d = r->document;
    if (d->count == r->capacity) {
        r->capacity = r->capacity ? r->capacity * 2 : 64;
        d->values = reallocate(d->values, r->capacity * sizeof *d->values);
    }
    d->values[d->count] = (json_value){kind, (uint32_t)r->at, (uint32_t)r->at, d->count + 1};
    return d->count++;
}

static int read_string(reader *r)
{
    json_document *d = r->document;
    r->at++;
    uint32_t value = add(r, JSON_STRING);
    while (r->at < d->length && d->text[r->at] != '"') {
        if (d->text[r->at] < 0x20)
            return 0;
        r->at += d->text[r->at] == '\\' ? 2 : 1;
    }
    if (r->at >= d->length)
        return 0;
    d->values[value].end = (uint32_t)r->at++;
    return 1;
}

static int read_word(reader *r, const char *word, json_kind kind)
{
    size_t length = strlen(word);
    uint32_t value = add(r, kind);
    if (r->document->length - r->at < length || memcmp(r->document->text + r->at, word, length) != 0)
        return 0;
    r->at += length;
    r->document->values[value].end = (uint32_t)r->at;
    return 1;
}

static int read_number(reader *r)
{
    json_document *d = r->document;
    uint32_t value = add(r, JSON_NUMBER);
    size_t begin = r->at;
    while (r->at < d->length && d->text[r->at] && strchr("+-.0123456789eE", d->text[r->at]))
        r->at++;
    d->values[value].end = (uint32_t)r->at;
    return r->at > begin && r->at - begin < 64;
}

static int read_value(reader *r, int depth);

static int read_container(reader *r, int depth, uint8_t close)
{
    json_document *d = r->document;
    uint32_t container = add(r, close == '}' ? JSON_OBJECT : JSON_ARRAY);
    int is_first = 1;
    r->at++;
    for (;; is_first = 0) {
        skip_blanks(r);
        if (r->at < d->length && d->text[r->at] == close && is_first)
            break;
        if (close == '}') {
            if (r->at >= d->length || d->text[r->at] != '"' || !read_string(r))
                return 0;
            skip_blanks(r);
            if (r->at >= d->length || d->text[r->at++] != ':')
                return 0;
        }
        if (!read_value(r, depth + 1))
            return 0;
        skip_blanks(r);
        if (r->at >= d->length)
            return 0;
        if (d->text[r->at] == close)
            break;
        if (d->text[r->at++] != ',')
            return 0;
    }
    r->at++;
    d->values[container].end = (uint32_t)r->at;
    d->values[container].after = d->count;
    return 1;
}

static int read_value(reader *r, int depth)
{
    skip_blanks(r);
    if (r->at >= r->document->length || depth > DEEPEST)
        return 0;
    switch (r->document->text[r->at]) {
    case '{':
        return read_container(r, depth, '}');
    case '[':
        return read_container(r, depth, ']');
    case '"':
        return read_string(r);
    case 't':
        return read_word(r, "true", JSON_TRUE);
    case 'f':
        return read_word(r, "false", JSON_FALSE);
    case 'n':
        return read_word(r, "null", JSON_NULL);
    default:
        return read_number(r);
    }
}

int json_read(json_document *document, const uint8_t *text, size_t length)
{
    *document = (json_document){text, length, NULL, 0};
    reader r = {document, 0, 0};
    if (!read_value(&r, 0))
        return 0;
    skip_blanks(&r);
    return r.at == length;
}

const json_value *json_first(const json_document *document, const json_value *container)
{
    const json_value *first = container + 1;
    return container->kind >= JSON_ARRAY && container->after > (uint32_t)(first - document->values) ? first : NULL;
}

const json_value *json_next(const json_document *document, const json_value *container, const json_value *value)
{
    return value->after < container->after ? document->values + value->after : NULL;
}

int json_is(const json_document *document, const json_value *value, const char *word)
{
    size_t length = strlen(word);
    return value && value->kind == JSON_STRING && value->end - value->begin == length && memcmp(document->text + value->begin, word, length) == 0;
}

const json_value *json_member(const json_document *document, const json_value *object, const char *name)
{
    if (!object || object->kind != JSON_OBJECT)
        return NULL;
    // The last of several is the one that counts, as with most readers.
    const json_value *found = NULL;
    for (const json_value *key = json_first(document, object); key;) {
        const json_value *value = document->values + key->after;
        if (json_is(document, key, name))
            found = value;
        key = json_next(document, object, value);
    }
    return found && found->kind != JSON_NULL ? found : NULL;
}

static void put(uint8_t **text, size_t *length, size_t *capacity, const void *bytes, size_t count)
{
    if (*length + count > *capacity) {
        *capacity = (*length + count) * 2;
        *text = reallocate(*text, *capacity);
    }
    memcpy(*text + *length, bytes, count);
    *length += count;
}

static int read_hex(const uint8_t *text, const uint8_t *end, uint32_t *code)
{
    if (end - text < 4)
        return 0;
    char four[5] = {(char)text[0], (char)text[1], (char)text[2], (char)text[3], 0};
    char *stop;
    *code = (uint32_t)strtoul(four, &stop, 16);
    return stop == four + 4;
}

static size_t encode(uint32_t code, uint8_t *bytes)
{
    if (code < 0x80) {
        bytes[0] = (uint8_t)code;
        return 1;
    }
    if (code < 0x800) {
        bytes[0] = (uint8_t)(0xC0 | code >> 6);
        bytes[1] = (uint8_t)(0x80 | (code & 63));
        return 2;
    }
    if (code < 0x10000) {
        bytes[0] = (uint8_t)(0xE0 | code >> 12);
        bytes[1] = (uint8_t)(0x80 | (code >> 6 & 63));
        bytes[2] = (uint8_t)(0x80 | (code & 63));
        return 3;
    }
    bytes[0] = (uint8_t)(0xF0 | code >> 18);
    bytes[1] = (uint8_t)(0x80 | (code >> 12 & 63));
    bytes[2] = (uint8_t)(0x80 | (code >> 6 & 63));
    bytes[3] = (uint8_t)(0x80 | (code & 63));
    return 4;
}

// The character behind `\u`; `*at` is moved behind it.
static uint32_t read_escape(const uint8_t **at, const uint8_t *end)
{
    uint32_t code, low;
    if (!read_hex(*at, end, &code))
        return 0xFFFD;
    *at += 4;
    if (code < 0xD800 || code > 0xDFFF)
        return code;
    if (code > 0xDBFF || end - *at < 6 || (*at)[0] != '\\' || (*at)[1] != 'u' || !read_hex(*at + 2, end, &low) || low < 0xDC00 || low > 0xDFFF)
        return 0xFFFD;
    *at += 6;
    return 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
}

void json_append(const json_document *document, const json_value *string, uint8_t **text, size_t *length, size_t *capacity)
{
    static const char escaped[] = "bfnrt", meant[] = "\b\f\n\r\t";
    const uint8_t *at = document->text + string->begin, *end = document->text + string->end;
    while (at < end) {
        uint8_t bytes[4];
        size_t count = 1;
        if (*at != '\\') {
            count = utf8_sequence(at, (size_t)(end - at));
            put(text, length, capacity, count ? at : utf8_replacement, count ? count : 3);
            at += count ? count : 1;
            continue;
        }
        at++;
        const char *known = at < end ? strchr(escaped, *at) : NULL;
        if (at < end && *at == 'u') {
            at++;
            count = encode(read_escape(&at, end), bytes);
        } else if (at < end) {
            bytes[0] = known ? (uint8_t)meant[known - escaped] : *at;
            at++;
        } else {
            break;
        }
        put(text, length, capacity, bytes, count);
    }
}

int json_number(const json_document *document, const json_value *value, double *number)
{
    if (!value || value->kind != JSON_NUMBER)
        return 0;
    char digits[64] = {0};
    memcpy(digits, document->text + value->begin, value->end - value->begin);
    char *stop;
    *number = strtod(digits, &stop);
    return *stop == 0;
}
