// JSON as it comes in requests: read once into a flat list of values.
#ifndef PARROT_JSON_H
#define PARROT_JSON_H

#include <stddef.h>
#include <stdint.h>

typedef enum { JSON_NULL, JSON_FALSE, JSON_TRUE, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT } json_kind;

// A value. What is in an array or an object comes behind it; of a member the name comes before its value.
typedef struct {
    json_kind kind;
    uint32_t begin, end; // of its text; of a string without the quotes
    uint32_t after;      // index of what comes behind all that is in it
} json_value;

typedef struct {
    const uint8_t *text;
    size_t length;
    json_value *values;
    uint32_t count;
} json_document;

// Reads a text that is one value. Returns 0 when it is none, or nested deeper than 64.
int json_read(json_document *document, const uint8_t *text, size_t length);

// The value of a member of an object; NULL when there is none, or it is null.
const json_value *json_member(const json_document *document, const json_value *object, const char *name);

// The first value in an array or object, and the one behind another; NULL at the end.
const json_value *json_first(const json_document *document, const json_value *container);
const json_value *json_next(const json_document *document, const json_value *container, const json_value *value);

// Whether a string is this word, as it is written without escapes.
int json_is(const json_document *document, const json_value *value, const char *word);

// What a string stands for, as UTF-8 behind what is in `*text`, which grows. What is no character becomes U+FFFD.
void json_append(const json_document *document, const json_value *string, uint8_t **text, size_t *length, size_t *capacity);

// A number. Returns 0 when the value is none.
int json_number(const json_document *document, const json_value *value, double *number);

#endif
