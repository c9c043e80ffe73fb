#include "report.h"

#include "../../common/stream.h"
#include "../../common/utf8.h"

static void write_character(const uint8_t *text, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    uint8_t c = text[0];
    if (c == '"' || c == '\\') {
        out_byte('\\');
        out_byte(c);
    } else if (c == '\n') {
        out_text("\\n");
    } else if (c == '\t') {
        out_text("\\t");
    } else if (c < 0x20) {
        out_text("\\u00");
        out_byte((uint8_t)digits[c >> 4]);
        out_byte((uint8_t)digits[c & 15]);
    } else {
        out_bytes(text, size);
    }
}

static void write_string(const uint8_t *text, size_t length, bool cut)
{
    out_byte('"');
    for (size_t at = 0; at < length;) {
        size_t size = utf8_sequence(text + at, length - at);
        if (size == 0)
            out_bytes(utf8_replacement, sizeof utf8_replacement);
        else
            write_character(text + at, size);
        at += size > 0 ? size : 1;
    }
    if (cut)
        out_text("…");
    out_byte('"');
}

static void write_kept(const frequent_text *text)
{
    write_string(text->text, text->length, text->cut);
}

static void write_number(double value)
{
    char text[40];
    out_bytes(text, number_write(value, text));
}

static void write_integer(int64_t value)
{
    if (value < 0)
        out_byte('-');
    out_unsigned(value < 0 ? (uint64_t)-value : (uint64_t)value);
}

static void write_count(const char *name, uint64_t value)
{
    out_text(name);
    out_unsigned(value);
}

static void write_flag(const char *name, bool value)
{
    out_text(name);
    out_text(value ? "true" : "false");
}

static void write_numbers(number_statistics *n, bool integers)
{
    out_text(",\n      \"min\": ");
    if (integers)
        write_integer(n->least_integer);
    else
        write_number(n->least);
    out_text(", \"max\": ");
    if (integers)
        write_integer(n->greatest_integer);
    else
        write_number(n->greatest);
    out_text(",\n      \"mean\": ");
    write_number(n->mean);
    if (n->count > 1) {
        out_text(", \"standardDeviation\": ");
        write_number(__builtin_sqrt(n->squares / (double)(n->count - 1)));
    }
    out_text(",\n      \"quantiles\": { \"p5\": ");
    write_number(quantiles_at(&n->quantiles, 0.05));
    out_text(", \"p50\": ");
    write_number(quantiles_at(&n->quantiles, 0.5));
    out_text(", \"p95\": ");
    write_number(quantiles_at(&n->quantiles, 0.95));
    write_flag(" },\n      \"quantilesExact\": ", n->count < 2 * QUANTILE_BUFFER);
}

static void write_extremes(const frequent_text *least, const frequent_text *greatest)
{
    out_text(",\n      \"min\": ");
    write_kept(least);
    out_text(", \"max\": ");
    write_kept(greatest);
}

static void write_kinds(const column *c)
{
    static const char *const names[] = {NULL, "integer", "number", "boolean", "date", "datetime", "text"};
    const char *separator = ",\n      \"kinds\": { \"";
    for (int kind = KIND_INTEGER; kind < KINDS; kind++) {
        if (c->kinds[kind] == 0)
            continue;
        out_text(separator);
        out_text(names[kind]);
        write_count("\": ", c->kinds[kind]);
        separator = ", \"";
    }
    out_text(" }");
}

static void write_top(const column *c, uint32_t limit)
{
    frequent_entry top[MAX_TOP];
    uint32_t count = frequent_top(&c->values, top, limit);
    out_text(",\n      \"top\": [");
    for (uint32_t i = 0; i < count; i++) {
        out_text(i == 0 ? "\n        { \"value\": " : ",\n        { \"value\": ");
        write_kept(&c->values.texts[top[i].text]);
        write_count(", \"count\": ", top[i].count);
        out_text(" }");
    }
    out_text(count > 0 ? "\n      ]" : "]");
    write_count(",\n      \"topCountError\": ", c->values.error);
}

static void write_column(column *c, uint32_t top)
{
    static const char *const names[] = {"empty", "integer", "number", "boolean", "date", "datetime", "text"};
    cell_kind kind = column_kind(c);
    out_text("    {\n      \"name\": ");
    write_string(c->name, c->name_length, false);
    out_text(", \"type\": \"");
    out_text(names[kind]);
    write_count("\",\n      \"count\": ", c->filled);
    write_count(", \"nulls\": ", c->kinds[KIND_NULL]);
    /* An estimate may be above the number of cells, which is the most that there can be. */
    uint64_t distinct = frequent_distinct(&c->values);
    write_count(", \"distinct\": ", distinct < c->filled ? distinct : c->filled);
    write_flag(", \"distinctExact\": ", c->values.registers == NULL);
    if (c->filled > 0) {
        write_kinds(c);
        if (kind == KIND_INTEGER || kind == KIND_NUMBER)
            write_numbers(&c->numbers, kind == KIND_INTEGER);
        else if (kind == KIND_DATE || kind == KIND_DATETIME)
            write_extremes(&c->moments.first_text, &c->moments.last_text);
        else
            write_extremes(&c->texts.least, &c->texts.greatest);
        write_count(",\n      \"minLength\": ", c->length_least);
        write_count(", \"maxLength\": ", c->length_most);
    }
    write_top(c, top);
    out_text("\n    }");
}

void report_write(const profile *p)
{
    write_count("{\n  \"bytes\": ", p->bytes);
    out_text(",\n  \"separator\": ");
    write_string(&p->separator, 1, false);
    write_flag(",\n  \"header\": ", p->header);
    write_count(",\n  \"rows\": ", p->rows);
    write_count(",\n  \"malformedRows\": ", p->malformed_rows);
    out_text(",\n  \"columns\": [");
    for (uint32_t i = 0; i < p->column_count; i++) {
        out_text(i == 0 ? "\n" : ",\n");
        write_column(&p->columns[i], p->top);
    }
    out_text(p->column_count > 0 ? "\n  ]\n}\n" : "]\n}\n");
}
