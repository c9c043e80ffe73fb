// parrot: a language model that is a program. A request of OpenAI's API in, its answer out.
#include "../../../common/stream.h"
#include "json.h"
#include "model.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

enum {
    LARGEST_REQUEST = 16 << 20,
    MOST_INPUTS = 2048,
    MOST_STOPS = 4,
    LONGEST_STOP = 256,
    SENTENCES_OF_ANSWER = 3,
    MOST_TOKENS = 100000,
    EXIT_FAULT = 1   // the request is at fault
};

typedef struct {
    uint8_t *bytes;
    size_t length, capacity;
} text;

static json_document request;
static const char *model_name = "parrot";
static char id[32];

__attribute__((export_name("stoa_model_load"))) void stoa_model_load(void)
{
    model_load();
}

// Says that the request is at fault, and of which member.
static _Noreturn void refuse(const char *member, const char *message)
{
    out_text("{\"error\":{\"message\":\"");
    out_text(message);
    out_text("\",\"type\":\"invalid_request_error\",\"param\":\"");
    out_text(member);
    out_text("\",\"code\":null}}\n");
    out_flush();
    exit(EXIT_FAULT);
}

static void out_json(const uint8_t *bytes, size_t length)
{
    static const char hex[] = "0123456789abcdef";
    for (size_t i = 0; i < length; i++) {
        if (bytes[i] == '"' || bytes[i] == '\\')
            out_byte('\\');
        if (bytes[i] < 0x20) {
            out_text("\\u00");
            out_byte((uint8_t)hex[bytes[i] >> 4]);
            out_byte((uint8_t)hex[bytes[i] & 15]);
        } else {
            out_byte(bytes[i]);
        }
    }
}

static const json_value *member(const char *name)
{
    return json_member(&request, request.values, name);
}

static double number_of(const char *name, double otherwise, double least, double most)
{
    const json_value *value = member(name);
    double number;
    if (!value)
        return otherwise;
    if (!json_number(&request, value, &number) || !(number >= least && number <= most))
        refuse(name, "A number is expected that this model takes.");
    return number;
}

static int is_true(const json_value *value)
{
    return value && value->kind == JSON_TRUE;
}

static void append(text *to, const json_value *string)
{
    json_append(&request, string, &to->bytes, &to->length, &to->capacity);
}

// What a message says: a text, or parts that are texts.
static void append_content(text *to, const json_value *content)
{
    static const char *expected = "A text is expected, or a list of parts of type text: this model reads nothing else.";
    if (!content)
        return;
    if (content->kind == JSON_STRING) {
        append(to, content);
        return;
    }
    if (content->kind != JSON_ARRAY)
        refuse("messages", expected);
    for (const json_value *part = json_first(&request, content); part; part = json_next(&request, content, part)) {
        const json_value *said = json_member(&request, part, "text");
        if (!json_is(&request, json_member(&request, part, "type"), "text") || !said || said->kind != JSON_STRING)
            refuse("messages", expected);
        append(to, said);
    }
}

// The question: the last message of the user. All messages are read, and counted.
static text read_messages(size_t *tokens)
{
    const json_value *messages = member("messages");
    if (!messages || messages->kind != JSON_ARRAY || !json_first(&request, messages))
        refuse("messages", "A list of messages is expected.");
    text question = {0};
    *tokens = 0;
    for (const json_value *message = json_first(&request, messages); message; message = json_next(&request, messages, message)) {
        text said = {0};
        size_t count;
        append_content(&said, json_member(&request, message, "content"));
        free(model_tokens(said.bytes, said.length, &count));
        *tokens += count;
        if (json_is(&request, json_member(&request, message, "role"), "user") || question.length == 0)
            question = said;
    }
    return question;
}

static text read_prompt(size_t *tokens)
{
    const json_value *prompt = member("prompt");
    if (prompt && prompt->kind == JSON_ARRAY) {
        const json_value *first = json_first(&request, prompt);
        if (first && json_next(&request, prompt, first))
            refuse("prompt", "One text is expected: this model answers one after the other.");
        prompt = first;
    }
    if (!prompt || prompt->kind != JSON_STRING)
        refuse("prompt", "A text is expected.");
    text said = {0};
    append(&said, prompt);
    free(model_tokens(said.bytes, said.length, tokens));
    return said;
}

// Texts at which an answer ends.
typedef struct {
    text all[MOST_STOPS];
    int count;
    size_t longest;
} stops;

static void add_stop(stops *to, const json_value *stop)
{
    if (to->count == MOST_STOPS || stop->kind != JSON_STRING || stop->end == stop->begin || stop->end - stop->begin > LONGEST_STOP)
        refuse("stop", "Up to 4 texts of up to 256 bytes are expected.");
    text *added = &to->all[to->count++];
    append(added, stop);
    if (added->length > to->longest)
        to->longest = added->length;
}

static stops read_stops(void)
{
    stops all = {0};
    const json_value *stop = member("stop");
    if (stop && stop->kind == JSON_ARRAY) {
        for (const json_value *one = json_first(&request, stop); one; one = json_next(&request, stop, one))
            add_stop(&all, one);
    } else if (stop) {
        add_stop(&all, stop);
    }
    return all;
}

// Where the first of the stops begins behind `from`; the length when there is none.
static size_t find_stop(const stops *all, const text *written, size_t from)
{
    for (size_t at = from; at < written->length; at++) {
        for (int i = 0; i < all->count; i++) {
            const text *stop = &all->all[i];
            if (stop->length <= written->length - at && memcmp(written->bytes + at, stop->bytes, stop->length) == 0)
                return at;
        }
    }
    return written->length;
}

static void add_bytes(text *to, const void *bytes, size_t length)
{
    if (to->length + length > to->capacity) {
        to->capacity = (to->length + length) * 2;
        to->bytes = reallocate(to->bytes, to->capacity);
    }
    memcpy(to->bytes + to->length, bytes, length);
    to->length += length;
}

static void out_head(const char *object)
{
    out_text("{\"id\":\"");
    out_text(id);
    out_text("\",\"object\":\"");
    out_text(object);
    out_text("\",\"created\":");
    out_unsigned((uint64_t)time(NULL));
    out_text(",\"model\":\"");
    out_text(model_name);
    out_text("\",");
}

static void out_usage(size_t read, size_t written)
{
    out_text("\"usage\":{\"prompt_tokens\":");
    out_unsigned(read);
    out_text(",\"completion_tokens\":");
    out_unsigned(written);
    out_text(",\"total_tokens\":");
    out_unsigned(read + written);
    out_text("}");
}

// An event of a stream, which goes out at once. `finish` is NULL as long as it goes on.
static void out_event(int is_chat, const uint8_t *piece, size_t length, const char *finish, int is_first)
{
    out_text("data: ");
    out_head(is_chat ? "chat.completion.chunk" : "text_completion");
    out_text("\"choices\":[{\"index\":0,");
    out_text(is_chat ? "\"delta\":{" : "\"text\":\"");
    if (is_chat && is_first)
        out_text("\"role\":\"assistant\",");
    if (is_chat && (!finish || is_first))
        out_text("\"content\":\"");
    out_json(piece, length);
    if (is_chat && (!finish || is_first))
        out_text("\"");
    out_text(is_chat ? "}" : "\"");
    out_text(",\"finish_reason\":");
    if (finish) {
        out_byte('"');
        out_text(finish);
        out_byte('"');
    } else {
        out_text("null");
    }
    out_text("}]}\n\n");
    out_flush();
}

static void refuse_unknown(void)
{
    double number;
    const json_value *format = json_member(&request, member("response_format"), "type");
    const json_value *tools = member("tools");
    if (member("n") && (!json_number(&request, member("n"), &number) || number != 1))
        refuse("n", "This model writes one answer at a time.");
    if (tools && (tools->kind != JSON_ARRAY || json_first(&request, tools)))
        refuse("tools", "This model calls no tools.");
    if (format && !json_is(&request, format, "text"))
        refuse("response_format", "This model writes text alone.");
    if (is_true(member("logprobs")) || (member("logprobs") && member("logprobs")->kind == JSON_NUMBER))
        refuse("logprobs", "This model does not tell how likely its words are.");
}

static void answer(int is_chat)
{
    refuse_unknown();
    size_t read, written = 0, sent = 0;
    text asked = is_chat ? read_messages(&read) : read_prompt(&read);
    double limit = number_of("max_completion_tokens", number_of("max_tokens", 256, 1, 1e9), 1, 1e9);
    size_t most = limit < MOST_TOKENS ? (size_t)limit : MOST_TOKENS;
    int is_stream = is_true(member("stream"));
    stops ends = read_stops();
    model_writer writer = {.temperature = number_of("temperature", 0.7, 0, 2), .context = {TOKEN_NONE, TOKEN_NONE, TOKEN_END}};
    if (member("seed"))
        writer.chance = (uint64_t)(int64_t)number_of("seed", 0, -9e15, 9e15);
    else if (getentropy(&writer.chance, sizeof writer.chance) != 0)
        fail(70, "there is no chance to be had");

    float *relevance = model_relevance(asked.bytes, asked.length);
    writer.sentences = relevance;
    uint32_t token = TOKEN_NONE;
    if (!is_chat) {
        // A text is gone on with where its last words are known.
        size_t count;
        uint32_t *tokens = model_tokens(asked.bytes, asked.length, &count);
        for (size_t i = count > 3 ? count - 3 : 0; i < count; i++)
            model_note(&writer, tokens[i]);
        if (count > 0 && tokens[count - 1] != TOKEN_NONE)
            token = model_next(&writer);
        free(tokens);
    }
    if (token == TOKEN_NONE || token == TOKEN_END)
        token = model_begin(&writer);

    text all = {0};
    const char *finish = "length";
    int sentences = 0, is_first = 1;
    while (written < most) {
        size_t length;
        int has_blank;
        const uint8_t *letters = model_text(token, &length, &has_blank);
        if (has_blank && (all.length > 0 || !is_chat))
            add_bytes(&all, " ", 1);
        add_bytes(&all, letters, length);
        written++;
        size_t from = all.length > length + 1 + ends.longest ? all.length - length - 1 - ends.longest : 0;
        size_t stop = find_stop(&ends, &all, from > sent ? from : sent);
        if (stop < all.length) {
            all.length = stop;
            finish = "stop";
            break;
        }
        // What may be the beginning of a stop waits.
        size_t safe = ends.longest > 1 ? (all.length > ends.longest - 1 ? all.length - (ends.longest - 1) : 0) : all.length;
        while (safe > sent && safe < all.length && (all.bytes[safe] & 0xC0) == 0x80)
            safe--; // in the middle of a character
        if (is_stream && safe > sent) {
            out_event(is_chat, all.bytes + sent, safe - sent, NULL, is_first);
            is_first = 0;
            sent = safe;
        }
        token = model_next(&writer);
        if (token == TOKEN_END) {
            if (++sentences < SENTENCES_OF_ANSWER)
                token = model_begin(&writer);
            if (token == TOKEN_END) {
                finish = "stop";
                break;
            }
        }
    }

    if (is_stream) {
        if (all.length > sent || is_first)
            out_event(is_chat, all.bytes + sent, all.length - sent, NULL, is_first);
        out_event(is_chat, NULL, 0, finish, 0);
        if (is_true(json_member(&request, member("stream_options"), "include_usage"))) {
            out_text("data: ");
            out_head(is_chat ? "chat.completion.chunk" : "text_completion");
            out_text("\"choices\":[],");
            out_usage(read, written);
            out_text("}\n\n");
        }
        out_text("data: [DONE]\n\n");
    } else {
        out_head(is_chat ? "chat.completion" : "text_completion");
        out_text("\"choices\":[{\"index\":0,");
        out_text(is_chat ? "\"message\":{\"role\":\"assistant\",\"content\":\"" : "\"text\":\"");
        out_json(all.bytes, all.length);
        out_text(is_chat ? "\"}" : "\"");
        out_text(",\"finish_reason\":\"");
        out_text(finish);
        out_text("\"}],");
        out_usage(read, written);
        out_text("}\n");
    }
    out_flush();
}

static void out_base64(const uint8_t *bytes, size_t length)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < length; i += 3) {
        size_t there = length - i < 3 ? length - i : 3;
        uint32_t three = (uint32_t)bytes[i] << 16 | (there > 1 ? (uint32_t)bytes[i + 1] << 8 : 0) | (there > 2 ? bytes[i + 2] : 0);
        out_byte((uint8_t)digits[three >> 18]);
        out_byte((uint8_t)digits[three >> 12 & 63]);
        out_byte(there > 1 ? (uint8_t)digits[three >> 6 & 63] : '=');
        out_byte(there > 2 ? (uint8_t)digits[three & 63] : '=');
    }
}

static size_t out_vector(const json_value *input, uint64_t index, int is_base64)
{
    if (input->kind != JSON_STRING)
        refuse("input", "A text is expected, or a list of texts.");
    text said = {0};
    size_t count;
    float vector[EMBEDDING_LENGTH];
    append(&said, input);
    free(model_tokens(said.bytes, said.length, &count));
    model_embed(said.bytes, said.length, vector);
    out_text(index ? ",{\"object\":\"embedding\",\"index\":" : "{\"object\":\"embedding\",\"index\":");
    out_unsigned(index);
    out_text(",\"embedding\":");
    if (is_base64) {
        out_byte('"');
        out_base64((const uint8_t *)vector, sizeof vector);
        out_text("\"}");
    } else {
        for (int i = 0; i < EMBEDDING_LENGTH; i++) {
            char digits[32];
            snprintf(digits, sizeof digits, "%c%.8g", i ? ',' : '[', (double)vector[i]);
            out_text(digits);
        }
        out_text("]}");
    }
    free(said.bytes);
    return count;
}

static void embed(void)
{
    const json_value *input = member("input");
    int is_base64 = json_is(&request, member("encoding_format"), "base64");
    double dimensions = number_of("dimensions", EMBEDDING_LENGTH, EMBEDDING_LENGTH, EMBEDDING_LENGTH);
    uint64_t count = 0;
    size_t read = 0;
    if (dimensions != EMBEDDING_LENGTH || !input || (input->kind == JSON_ARRAY && !json_first(&request, input)))
        refuse("input", "A text is expected, or a list of texts.");
    // Looked at before anything is written: what is refused has nothing before it.
    for (const json_value *one = input->kind == JSON_ARRAY ? json_first(&request, input) : NULL; one; one = json_next(&request, input, one)) {
        if (one->kind != JSON_STRING || ++count > MOST_INPUTS)
            refuse("input", "Up to 2048 texts are expected.");
    }
    count = 0;
    if (input->kind != JSON_ARRAY && input->kind != JSON_STRING)
        refuse("input", "A text is expected, or a list of texts.");
    out_text("{\"object\":\"list\",\"model\":\"");
    out_text(model_name);
    out_text("\",\"data\":[");
    if (input->kind == JSON_STRING)
        read = out_vector(input, 0, is_base64);
    for (const json_value *one = input->kind == JSON_ARRAY ? json_first(&request, input) : NULL; one; one = json_next(&request, input, one))
        read += out_vector(one, count++, is_base64);
    out_text("],\"usage\":{\"prompt_tokens\":");
    out_unsigned(read);
    out_text(",\"total_tokens\":");
    out_unsigned(read);
    out_text("}}\n");
    out_flush();
}

int main(int argument_count, char **arguments)
{
    size_t length;
    uint64_t number;
    if (!model_is_loaded())
        model_load();
    uint8_t *bytes = input_read_all(LARGEST_REQUEST, &length);
    if (!json_read(&request, bytes, length) || request.values->kind != JSON_OBJECT)
        refuse("", "A JSON object is expected.");
    if (getentropy(&number, sizeof number) != 0)
        fail(70, "there is no chance to be had");
    snprintf(id, sizeof id, "parrot-%016llx", (unsigned long long)number);
    const char *endpoint = argument_count > 1 ? arguments[1] : "";
    if (strcmp(endpoint, "chat/completions") == 0)
        answer(1);
    else if (strcmp(endpoint, "completions") == 0)
        answer(0);
    else if (strcmp(endpoint, "embeddings") == 0)
        embed();
    else
        refuse("", "This model has chat/completions, completions and embeddings.");
    return 0;
}
