// Writes a JSON document of nested objects, then parses it into a tree n times: recursive descent, strings with escapes, numbers.
#include "guest.h"

#define TEXT_BYTES (1 << 20)
#define MAX_NODES (1 << 17)

typedef enum { NUL, FALSE, TRUE, NUMBER, STRING, ARRAY, OBJECT } kind;

typedef struct node {
    kind kind;
    uint32_t length;           // of a string in bytes, of an array or object in members
    union {
        double number;
        const char *text;
        struct node *first;
    } value;
    const char *name;          // in an object
    uint32_t name_length;
    struct node *next;         // in the same array or object
} node;

static char text[TEXT_BYTES];
static char *text_end;
static char strings[TEXT_BYTES];
static char *strings_end;
static node nodes[MAX_NODES];
static node *nodes_end;
static const char *cursor;

static void put(const char *part) {
    while (*part)
        *text_end++ = *part++;
}

static void put_number(uint32_t value) {
    char digits[10];
    int count = 0;
    do
        digits[count++] = (char)('0' + value % 10);
    while (value /= 10);
    while (count > 0)
        *text_end++ = digits[--count];
}

static void write_document(void) {
    uint32_t seed = 2024;
    text_end = text;
    put("[");
    for (int i = 0; i < 4000; i++) {
        put(i ? ",\n  {\"id\": " : "\n  {\"id\": ");
        put_number((uint32_t)i);
        put(", \"name\": \"agent \\\"");
        for (int letters = 0; letters < 12; letters++)
            *text_end++ = (char)('a' + next_random(&seed) % 26);
        put("\\\" \\u00e9\\n\", \"price\": ");
        put_number(next_random(&seed) % 100000);
        put(".");
        put_number(next_random(&seed) % 1000);
        put(next_random(&seed) & 1 ? "e-2, \"active\": true" : ", \"active\": false");
        put(", \"owner\": null, \"tags\": [");
        for (uint32_t tags = next_random(&seed) % 5, t = 0; t < tags; t++) {
            put(t ? ", \"t" : "\"t");
            put_number(next_random(&seed) % 500);
            put("\"");
        }
        put("], \"limits\": {\"memory\": ");
        put_number(next_random(&seed) % 1000000);
        put(", \"fuel\": -");
        put_number(next_random(&seed) % 1000000);
        put("}}");
    }
    put("\n]\n");
    *text_end = 0;
}

static void skip_space(void) {
    while (*cursor == ' ' || *cursor == '\n' || *cursor == '\r' || *cursor == '\t')
        cursor++;
}

static void expect(char wanted) {
    if (*cursor++ != wanted)
        __builtin_trap();
}

static uint32_t parse_hex(void) {
    uint32_t value = 0;
    for (int i = 0; i < 4; i++) {
        char c = *cursor++;
        value = value << 4 | (uint32_t)(c <= '9' ? c - '0' : (c | 32) - 'a' + 10);
    }
    return value;
}

static const char *parse_string(uint32_t *length) {
    char *start = strings_end, *out = start;
    expect('"');
    while (*cursor != '"') {
        if (*cursor == 0)
            __builtin_trap();
        if (*cursor != '\\') {
            *out++ = *cursor++;
            continue;
        }
        cursor++;
        char escaped = *cursor++;
        switch (escaped) {
        case 'n': *out++ = '\n'; break;
        case 't': *out++ = '\t'; break;
        case 'r': *out++ = '\r'; break;
        case 'b': *out++ = '\b'; break;
        case 'f': *out++ = '\f'; break;
        case 'u': {
            uint32_t point = parse_hex();
            if (point < 0x80) {
                *out++ = (char)point;
            } else if (point < 0x800) {
                *out++ = (char)(0xc0 | point >> 6);
                *out++ = (char)(0x80 | (point & 63));
            } else {
                *out++ = (char)(0xe0 | point >> 12);
                *out++ = (char)(0x80 | (point >> 6 & 63));
                *out++ = (char)(0x80 | (point & 63));
            }
            break;
        }
        default: *out++ = escaped; break;
        }
    }
    cursor++;
    strings_end = out;
    *length = (uint32_t)(out - start);
    return start;
}

static double parse_number(void) {
    int is_negative = *cursor == '-';
    cursor += is_negative;
    double value = 0;
    int exponent = 0;
    while (*cursor >= '0' && *cursor <= '9')
        value = value * 10 + (*cursor++ - '0');
    if (*cursor == '.') {
        cursor++;
        for (; *cursor >= '0' && *cursor <= '9'; exponent--)
            value = value * 10 + (*cursor++ - '0');
    }
    if ((*cursor | 32) == 'e') {
        cursor++;
        int sign = *cursor == '-' ? -1 : 1, given = 0;
        if (*cursor == '-' || *cursor == '+')
            cursor++;
        while (*cursor >= '0' && *cursor <= '9')
            given = given * 10 + (*cursor++ - '0');
        exponent += sign * given;
    }
    for (; exponent < 0; exponent++)
        value /= 10;
    for (; exponent > 0; exponent--)
        value *= 10;
    return is_negative ? -value : value;
}

static node *parse_value(int depth) {
    if (depth > 100 || nodes_end == nodes + MAX_NODES)
        __builtin_trap();
    node *result = nodes_end++;
    result->next = NULL;
    result->length = 0;
    skip_space();
    char opening = *cursor;
    switch (opening) {
    case '{':
    case '[': {
        char closing = opening == '{' ? '}' : ']';
        result->kind = opening == '{' ? OBJECT : ARRAY;
        node **tail = &result->value.first;
        *tail = NULL;
        cursor++;
        skip_space();
        while (*cursor != closing) {
            const char *name = NULL;
            uint32_t name_length = 0;
            if (result->length++ > 0) {
                expect(',');
                skip_space();
            }
            if (opening == '{') {
                name = parse_string(&name_length);
                skip_space();
                expect(':');
            }
            node *member = parse_value(depth + 1);
            member->name = name;
            member->name_length = name_length;
            *tail = member;
            tail = &member->next;
            skip_space();
        }
        cursor++;
        break;
    }
    case '"':
        result->kind = STRING;
        result->value.text = parse_string(&result->length);
        break;
    case 't': result->kind = TRUE; cursor += 4; break;
    case 'f': result->kind = FALSE; cursor += 5; break;
    case 'n': result->kind = NUL; cursor += 4; break;
    default:
        result->kind = NUMBER;
        result->value.number = parse_number();
        break;
    }
    return result;
}

static uint64_t sum_of(const node *tree, uint64_t sum) {
    sum = mix(sum, (uint64_t)tree->kind << 32 | tree->length);
    for (uint32_t i = 0; tree->name && i < tree->name_length; i++)
        sum = mix(sum, (uint8_t)tree->name[i]);
    if (tree->kind == NUMBER) {
        union { double value; uint64_t bits; } number = {tree->value.number};
        return mix(sum, number.bits);
    }
    if (tree->kind == STRING) {
        for (uint32_t i = 0; i < tree->length; i++)
            sum = mix(sum, (uint8_t)tree->value.text[i]);
    } else if (tree->kind == ARRAY || tree->kind == OBJECT) {
        for (const node *member = tree->value.first; member; member = member->next)
            sum = sum_of(member, sum);
    }
    return sum;
}

__attribute__((export_name("run"))) uint64_t run(uint32_t n) {
    write_document();
    uint64_t sum = SUM_START;
    for (uint32_t turn = 0; turn < n; turn++) {
        cursor = text;
        nodes_end = nodes;
        strings_end = strings;
        node *root = parse_value(0);
        nodes[0].name = NULL;
        sum = sum_of(root, sum);
    }
    return sum;
}
