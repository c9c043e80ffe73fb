// stoa.h: what an agent may ask of the node that runs it, from C. All of it is in this file; docs/agents.md of Stoa is the contract.
//
//   #include "stoa.h"
//   stoa_progress(done, total, "rows");    // whoever watches the task sees it; call it as often as you like
//
//   int32_t call = stoa_call("stoa/image-resize@1.1.0", "{\"width\":\"320\"}");    // another agent, which agent.json has in uses
//   stoa_write(call, picture, length);
//   int failed = stoa_run(call);
//   while ((count = stoa_read(call, buffer, sizeof buffer)) > 0) ...     // its output, or {"error":...} where it failed
//
//   int32_t ask = stoa_ask("chat/completions", "{\"model\":\"stoa/tiny-chat\",\"max_tokens\":200,\"messages\":[...]}");    // a model, which agent.json has in asks
//   int failed = stoa_run(ask);
//   while ((count = stoa_read(ask, buffer, sizeof buffer)) > 0) ...      // the answer in OpenAI's form, or {"error":...} where there is none
//
// Built for anything but WebAssembly, progress does nothing and succeeds, and calls and requests fail, so that an agent can be tried out as a plain program.
#ifndef STOA_H
#define STOA_H

#include <stddef.h>
#include <stdint.h>

enum {
    STOA_TOO_MANY_OPEN = -1,  // stoa_request: 16 answers are open; read one to its end first
    STOA_HANDLE_UNKNOWN = -2, // no answer is open under this handle, or stoa_write: none that takes input
    STOA_NO_ROOM = -3,        // stoa_write: the input would be too long, or there is no memory for it; nothing was taken
    STOA_TOO_LONG = -4,       // stoa_call, stoa_ask: the message does not fit
};

#ifdef __wasm__

// Sends a message, a JSON object in UTF-8 of at most 64 KiB. Gives the handle of the answer, 0 where the answer is empty, or
// STOA_TOO_MANY_OPEN.
__attribute__((import_module("stoa"), import_name("request"))) int32_t stoa_request(const void *message, size_t length);

// Reads on in an answer. Gives how many bytes it wrote; 0 at the end, and then the answer is closed. With a capacity of 0 the
// answer is closed unread.
__attribute__((import_module("stoa"), import_name("read"))) int32_t stoa_read(int32_t handle, void *buffer, size_t capacity);

// Adds to the input of a call, or to the body of a request to a model. Gives `length`, STOA_NO_ROOM or STOA_HANDLE_UNKNOWN.
__attribute__((import_module("stoa"), import_name("write"))) int32_t stoa_write(int32_t handle, const void *bytes, size_t length);

// Runs the called agent to its end, or asks the model. Gives 0 when stoa_read gives the output or the answer, 1 when it gives an error, or STOA_HANDLE_UNKNOWN.
__attribute__((import_module("stoa"), import_name("run"))) int32_t stoa_run(int32_t handle);

#else

static inline int32_t stoa_request(const void *message, size_t length)
{
    (void)message;
    (void)length;
    return 0;
}

static inline int32_t stoa_read(int32_t handle, void *buffer, size_t capacity)
{
    (void)handle;
    (void)buffer;
    (void)capacity;
    return 0;
}

static inline int32_t stoa_write(int32_t handle, const void *bytes, size_t length)
{
    (void)handle;
    (void)bytes;
    (void)length;
    return STOA_HANDLE_UNKNOWN;
}

static inline int32_t stoa_run(int32_t handle)
{
    (void)handle;
    return 1;
}

#endif

// The longest message of stoa_progress, in bytes; the rest is left out.
enum { STOA_MESSAGE_BYTES = 200 };

static inline char *stoa_put_text(char *to, const char *text)
{
    while (*text != 0)
        *to++ = *text++;
    return to;
}

static inline char *stoa_put_number(char *to, uint64_t number)
{
    char digits[20];
    int count = 0;
    do
        digits[count++] = (char)('0' + number % 10);
    while ((number /= 10) != 0);
    while (count > 0)
        *to++ = digits[--count];
    return to;
}

// Puts a text as JSON wants it, without its quotes. Cut where a character begins.
static inline char *stoa_put_string(char *to, const char *text)
{
    static const char hex[] = "0123456789abcdef";
    int left = STOA_MESSAGE_BYTES;
    for (; *text != 0 && left > 0; text++, left--) {
        unsigned char byte = (unsigned char)*text;
        if (byte == '"' || byte == '\\') {
            *to++ = '\\';
            *to++ = (char)byte;
        } else if (byte < 0x20) {
            to = stoa_put_text(to, "\\u00");
            *to++ = hex[byte >> 4];
            *to++ = hex[byte & 15];
        } else {
            *to++ = (char)byte;
        }
    }
    // What is cut off begins within a character: so the rest of that character goes too.
    if (((unsigned char)*text & 0xC0) == 0x80) {
        while (((unsigned char)*--to & 0xC0) == 0x80) {
        }
    }
    return to;
}

// Tells how far the agent is: `done` of `total`, in units of its own. A total of 0 is unknown. The message, UTF-8, says what it does; it
// may be NULL. Numbers are at most 2^53 - 1. Returns 0 when it was told, and anything else when it was not, which is no reason to stop.
static inline int stoa_progress(uint64_t done, uint64_t total, const char *message)
{
    // Each byte of the message takes up to six; all else has fewer than a hundred.
    char json[6 * STOA_MESSAGE_BYTES + 128];
    char *end = stoa_put_text(json, "{\"op\":\"progress\",\"done\":");
    end = stoa_put_number(end, done);
    if (total > 0) {
        end = stoa_put_text(end, ",\"total\":");
        end = stoa_put_number(end, total);
    }
    if (message != NULL && message[0] != 0) {
        end = stoa_put_text(end, ",\"message\":\"");
        end = stoa_put_string(end, message);
        *end++ = '"';
    }
    *end++ = '}';
    int32_t answer = stoa_request(json, (size_t)(end - json));
    if (answer > 0)
        stoa_read(answer, json, 0);
    return answer;
}

// The longest message of stoa_call and stoa_ask, in bytes.
enum { STOA_CALL_BYTES = 4096 };

// Puts parts one behind the other and sends that as a message.
static inline int32_t stoa_send(const char *const *parts, size_t count)
{
    char json[STOA_CALL_BYTES];
    size_t used = 0;
    for (size_t part = 0; part < count; part++) {
        for (const char *text = parts[part]; *text != 0; text++) {
            if (used == sizeof json)
                return STOA_TOO_LONG;
            json[used++] = *text;
        }
    }
    return stoa_request(json, used);
}

// Begins a call of another agent, `publisher/name@version`, which agent.json has to name in uses; `publisher/name` calls what a range there took.
// `parameters` is a JSON object of texts, or NULL. Gives a handle for stoa_write and stoa_run, STOA_TOO_MANY_OPEN or STOA_TOO_LONG. Whatever is
// wrong with the call, stoa_run says.
static inline int32_t stoa_call(const char *agent, const char *parameters)
{
    const char *const parts[] = {"{\"op\":\"call\",\"agent\":\"", agent, "\",\"parameters\":", parameters == NULL ? "{}" : parameters, "}"};
    return stoa_send(parts, sizeof parts / sizeof parts[0]);
}

// Begins a request to a model, which agent.json has to name in asks. `path` is chat/completions, completions or embeddings of OpenAI's API, `body` its
// JSON object, or NULL where stoa_write gives it: a body that does not fit into STOA_CALL_BYTES has to come so. Gives a handle for stoa_write and
// stoa_run, STOA_TOO_MANY_OPEN or STOA_TOO_LONG. Whatever is wrong with the request, stoa_run says.
static inline int32_t stoa_ask(const char *path, const char *body)
{
    const char *const parts[] = {"{\"op\":\"ask\",\"path\":\"", path, body == NULL ? "\"" : "\",\"body\":", body == NULL ? "" : body, "}"};
    return stoa_send(parts, sizeof parts / sizeof parts[0]);
}

#endif
