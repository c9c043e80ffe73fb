// text-summary: a text in, a few sentences out. A language model of the node sums it up.
#include "../../common/arguments.h"
#include "stoa.h"
#include "../../common/stream.h"
#include "../../common/utf8.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    LARGEST_INPUT = 64 << 10,
    LARGEST_ANSWER = 64 << 10, // as agent.json allows one
    TOKENS_OF_SENTENCE = 80,
    EXIT_TRY_LATER = 75
};

static int32_t ask;

static void put(const void *bytes, size_t length)
{
    if (stoa_write(ask, bytes, length) != (int32_t)length)
        fail(EXIT_ENVIRONMENT, "the node does not take the request");
}

static void put_text(const char *text)
{
    put(text, strlen(text));
}

// A text as JSON wants it, in pieces.
static void put_string(const uint8_t *text, size_t length)
{
    static char piece[4096];
    static const char hex[] = "0123456789abcdef";
    size_t used = 0;
    for (size_t i = 0; i < length; i++) {
        if (used > sizeof piece - 6) {
            put(piece, used);
            used = 0;
        }
        if (text[i] == '"' || text[i] == '\\') {
            piece[used++] = '\\';
            piece[used++] = (char)text[i];
        } else if (text[i] < 0x20) {
            memcpy(piece + used, "\\u00", 4);
            piece[used + 4] = hex[text[i] >> 4];
            piece[used + 5] = hex[text[i] & 15];
            used += 6;
        } else {
            piece[used++] = (char)text[i];
        }
    }
    put(piece, used);
}

static unsigned hex_value(const char *digits)
{
    char four[5] = {digits[0], digits[1], digits[2], digits[3], 0};
    return (unsigned)strtoul(four, NULL, 16);
}

static void out_character(uint32_t code)
{
    if (code < 0x80) {
        out_byte((uint8_t)code);
    } else if (code < 0x800) {
        out_byte((uint8_t)(0xC0 | code >> 6));
        out_byte((uint8_t)(0x80 | (code & 63)));
    } else if (code < 0x10000) {
        out_byte((uint8_t)(0xE0 | code >> 12));
        out_byte((uint8_t)(0x80 | (code >> 6 & 63)));
        out_byte((uint8_t)(0x80 | (code & 63)));
    } else {
        out_byte((uint8_t)(0xF0 | code >> 18));
        out_byte((uint8_t)(0x80 | (code >> 12 & 63)));
        out_byte((uint8_t)(0x80 | (code >> 6 & 63)));
        out_byte((uint8_t)(0x80 | (code & 63)));
    }
}

// Writes the JSON string that begins behind the quote at `at`. The node has checked that the answer is JSON: it ends.
static void out_string(const char *at)
{
    for (; *at != '"' && *at != 0; at++) {
        if (*at != '\\') {
            out_byte((uint8_t)*at);
            continue;
        }
        at++;
        if (*at != 'u') {
            out_byte((uint8_t)(*at == 'n' ? '\n' : *at == 't' ? '\t' : *at == 'r' ? '\r' : *at == 'b' ? '\b' : *at == 'f' ? '\f' : *at));
            continue;
        }
        uint32_t code = hex_value(at + 1);
        at += 4;
        if (code >= 0xD800 && code < 0xDC00 && at[1] == '\\' && at[2] == 'u') {
            code = 0x10000 + ((code - 0xD800) << 10) + (hex_value(at + 3) - 0xDC00);
            at += 6;
        }
        out_character(code);
    }
}

// The text of a member: behind its name, its colon and the quote that opens it. NULL where there is none, or it is no text.
static const char *find_text(const char *json, const char *name)
{
    const char *at = strstr(json, name);
    if (at == NULL)
        return NULL;
    at += strlen(name);
    while (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t' || *at == ':')
        at++;
    return *at == '"' ? at + 1 : NULL;
}

static int is_utf8(const uint8_t *text, size_t length)
{
    while (length > 0) {
        size_t sequence = utf8_sequence(text, length);
        if (sequence == 0)
            return 0;
        text += sequence;
        length -= sequence;
    }
    return 1;
}

int main(int argument_count, char **arguments)
{
    parameter parameters[] = {{"sentences", "3", 0}};
    parameters_read(argument_count, arguments, parameters, 1);
    unsigned sentences = parameter_unsigned(&parameters[0], 1, 10);

    size_t length;
    uint8_t *text = input_read_all(LARGEST_INPUT, &length);
    if (length == 0)
        fail(EXIT_REFUSED, "there is no text");
    if (!is_utf8(text, length))
        fail(EXIT_REFUSED, "the text is not UTF-8");

    char head[512];
    ask = stoa_ask("chat/completions", NULL);
    if (ask < 0)
        fail(EXIT_ENVIRONMENT, "no model can be asked");
    static char answer[LARGEST_ANSWER + 1];
    size_t used = 0;
    int32_t count;
    int failed = 0;
    // Where no model can be asked the node has said so already, and takes no body.
    if (stoa_write(ask, "{", 1) == 1) {
        snprintf(head, sizeof head,
            "\"model\":\"auto:chat\",\"temperature\":0,\"max_tokens\":%u,\"messages\":[{\"role\":\"system\",\"content\":"
            "\"You sum up texts. Answer with at most %u plain sentences in the language of the text, and nothing else.\"},{\"role\":\"user\",\"content\":\"",
            sentences * TOKENS_OF_SENTENCE, sentences);
        put_text(head);
        put_string(text, length);
        put_text("\"}]}");
    }
    failed = stoa_run(ask);
    while (used < LARGEST_ANSWER && (count = stoa_read(ask, answer + used, LARGEST_ANSWER - used)) > 0)
        used += (size_t)count;
    answer[used] = 0;
    if (failed != 0) {
        // What is wrong with the node or its models now may be right later: the node tries again.
        const char *status = strstr(answer, "\"status\":");
        int is_passing = status != NULL && (status[9] == '5' || strncmp(status + 9, "429", 3) == 0);
        fail(is_passing ? EXIT_TRY_LATER : EXIT_REFUSED, answer);
    }

    const char *message = strstr(answer, "\"message\"");
    const char *content = message == NULL ? NULL : find_text(message, "\"content\"");
    if (content == NULL)
        fail(EXIT_TRY_LATER, "the model has written no text");
    out_string(content);
    out_byte('\n');
    out_flush();
    return 0;
}
