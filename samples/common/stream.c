#include "stream.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

uint8_t out_buffer[OUT_CAPACITY];
size_t out_used;

size_t input_read(void *buffer, size_t capacity)
{
    for (;;) {
        ssize_t count = read(STDIN_FILENO, buffer, capacity);
        if (count >= 0)
            return (size_t)count;
        if (errno != EINTR && errno != EAGAIN)
            fail(EXIT_ENVIRONMENT, "cannot read standard input");
    }
}

uint8_t *input_read_all(size_t limit_bytes, size_t *length)
{
    size_t capacity = 1 << 16;
    size_t used = 0;
    uint8_t *bytes = allocate(capacity);
    for (;;) {
        size_t count = input_read(bytes + used, capacity - used);
        if (count == 0)
            break;
        used += count;
        if (used > limit_bytes)
            fail(EXIT_REFUSED, "the input is larger than this agent accepts");
        if (used == capacity) {
            capacity *= 2;
            bytes = reallocate(bytes, capacity);
        }
    }
    *length = used;
    return bytes;
}

static int write_all(int descriptor, const uint8_t *bytes, size_t length)
{
    while (length > 0) {
        ssize_t count = write(descriptor, bytes, length);
        if (count < 0) {
            if (errno == EINTR || errno == EAGAIN)
                continue;
            return 0;
        }
        bytes += count;
        length -= (size_t)count;
    }
    return 1;
}

void out_flush(void)
{
    size_t length = out_used;
    out_used = 0;
    if (!write_all(STDOUT_FILENO, out_buffer, length))
        fail(EXIT_ENVIRONMENT, "cannot write standard output");
}

void out_bytes_large(const void *bytes, size_t length)
{
    const uint8_t *next = bytes;
    while (length > 0) {
        if (out_used == OUT_CAPACITY)
            out_flush();
        size_t room = OUT_CAPACITY - out_used;
        size_t count = length < room ? length : room;
        memcpy(out_buffer + out_used, next, count);
        out_used += count;
        next += count;
        length -= count;
    }
}

// Writes `value` in decimal so that it ends before `end`; returns its first digit.
static char *decimal(uint64_t value, char *end)
{
    do
        *--end = (char)('0' + value % 10);
    while ((value /= 10) != 0);
    return end;
}

void out_unsigned(uint64_t value)
{
    char digits[20];
    char *first = decimal(value, digits + sizeof digits);
    out_bytes(first, (size_t)(digits + sizeof digits - first));
}

typedef struct {
    char text[256];
    size_t length;
} log_buffer;

static void log_append(log_buffer *line, const char *text, size_t length)
{
    size_t room = sizeof line->text - 1 - line->length; // one byte stays for the newline
    if (length > room)
        length = room;
    memcpy(line->text + line->length, text, length);
    line->length += length;
}

static void log_append_unsigned(log_buffer *line, uint64_t value)
{
    char digits[20];
    char *first = decimal(value, digits + sizeof digits);
    log_append(line, first, (size_t)(digits + sizeof digits - first));
}

static void log_write(log_buffer *line)
{
    line->text[line->length++] = '\n';
    write_all(STDERR_FILENO, (const uint8_t *)line->text, line->length); // a closed log is no reason to fail
}

void log_line(const char *text)
{
    log_buffer line = {.length = 0};
    log_append(&line, text, strlen(text));
    log_write(&line);
}

void log_count(const char *text, uint64_t value, const char *unit)
{
    log_buffer line = {.length = 0};
    log_append(&line, text, strlen(text));
    log_append_unsigned(&line, value);
    log_append(&line, unit, strlen(unit));
    log_write(&line);
}

void fail(int exit_code, const char *message)
{
    log_line(message);
    exit(exit_code);
}

void refuse_value(const char *message, const char *value)
{
    log_buffer line = {.length = 0};
    log_append(&line, message, strlen(message));
    log_append(&line, ": \"", 3);
    for (size_t i = 0; value[i] != 0 && i < 80; i++) {
        char shown = value[i] >= ' ' && value[i] <= '~' ? value[i] : '?';
        log_append(&line, &shown, 1);
    }
    log_append(&line, "\"", 1);
    log_write(&line);
    exit(EXIT_REFUSED);
}

void *allocate(size_t bytes)
{
    void *memory = malloc(bytes > 0 ? bytes : 1);
    if (memory == NULL)
        fail(EXIT_ENVIRONMENT, "out of memory");
    return memory;
}

void *reallocate(void *old, size_t bytes)
{
    void *memory = realloc(old, bytes > 0 ? bytes : 1);
    if (memory == NULL)
        fail(EXIT_ENVIRONMENT, "out of memory");
    return memory;
}
