// Standard input, output and log of a sample agent: buffered, checked, and ended by one of three exit codes.
#ifndef STOA_STREAM_H
#define STOA_STREAM_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
    EXIT_ENVIRONMENT = 1, // could not read, write or get memory
    EXIT_REFUSED = 2      // the input or a parameter is not acceptable
};

enum { OUT_CAPACITY = 1 << 16 };

extern uint8_t out_buffer[OUT_CAPACITY];
extern size_t out_used;

// Reads up to `capacity` bytes of standard input. Returns 0 at its end only.
size_t input_read(void *buffer, size_t capacity);

// Reads all of standard input. Refuses more than `limit_bytes`. The buffer is the caller's.
uint8_t *input_read_all(size_t limit_bytes, size_t *length);

// Writes what the output buffer holds.
void out_flush(void);

// The slow path of out_bytes: the buffer is full.
void out_bytes_large(const void *bytes, size_t length);

static inline void out_bytes(const void *bytes, size_t length)
{
    if (length <= OUT_CAPACITY - out_used) {
        memcpy(out_buffer + out_used, bytes, length);
        out_used += length;
    } else {
        out_bytes_large(bytes, length);
    }
}

static inline void out_byte(uint8_t byte)
{
    if (out_used == OUT_CAPACITY)
        out_flush();
    out_buffer[out_used++] = byte;
}

static inline void out_text(const char *text)
{
    out_bytes(text, strlen(text));
}

void out_unsigned(uint64_t value);

// Writes one line to the log: the text, then `value` and `unit` when a unit is given.
void log_line(const char *text);
void log_count(const char *text, uint64_t value, const char *unit);

// Logs one line and ends the program. Output that is still in the buffer is dropped.
_Noreturn void fail(int exit_code, const char *message);

// fail(EXIT_REFUSED, ...) with a detail in quotes, cut to 80 printable characters.
_Noreturn void refuse_value(const char *message, const char *value);

// Memory that is there, or the program ends.
void *allocate(size_t bytes);
void *reallocate(void *old, size_t bytes);

#endif
