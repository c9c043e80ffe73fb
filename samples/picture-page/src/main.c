// picture-page: a PNG in, a web page out. Two other agents do the work: image-resize makes the pictures, markdown-html the caption.
#include "../../common/arguments.h"
#include "stoa.h"
#include "../../common/stream.h"

#include <stdio.h>

#define RESIZE "stoa/image-resize@1.1.0"
#define CAPTION "stoa/markdown-html@1.0.0"

enum {
    LARGEST_INPUT = 32 << 20, // as agent.json allows a call
    LARGEST_WIDTH = 4096,
    PIECE = 3 << 12 // of three bytes, so that no piece but the last needs padding
};

static const char base64_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void out_base64(const uint8_t *bytes, size_t length)
{
    for (; length > 0; bytes += 3) {
        uint32_t group = (uint32_t)bytes[0] << 16 | (length > 1 ? (uint32_t)bytes[1] << 8 : 0) | (length > 2 ? bytes[2] : 0);
        out_byte((uint8_t)base64_digits[group >> 18]);
        out_byte((uint8_t)base64_digits[group >> 12 & 63]);
        out_byte(length > 1 ? (uint8_t)base64_digits[group >> 6 & 63] : '=');
        out_byte(length > 2 ? (uint8_t)base64_digits[group & 63] : '=');
        length = length > 3 ? length - 3 : 0;
    }
}

// Reads until the buffer is full or the answer ends.
static size_t read_piece(int32_t call, uint8_t *buffer, size_t capacity)
{
    size_t used = 0;
    while (used < capacity) {
        int32_t count = stoa_read(call, buffer + used, capacity - used);
        if (count <= 0)
            break;
        used += (size_t)count;
    }
    return used;
}

// Runs another agent on some input. When it fails, so does this one: its log says why, as the node told it.
static int32_t run(const char *agent, const char *parameters, const uint8_t *input, size_t length)
{
    int32_t call = stoa_call(agent, parameters);
    if (call < 0)
        fail(EXIT_ENVIRONMENT, "no call can be made");
    stoa_write(call, input, length);
    if (stoa_run(call) == 0)
        return call;
    static char error[512];
    size_t told = read_piece(call, (uint8_t *)error, sizeof error - 1);
    error[told] = 0;
    log_line(agent);
    fail(EXIT_REFUSED, error);
}

static void out_picture(const uint8_t *png, size_t length, unsigned width)
{
    static uint8_t piece[PIECE];
    char parameters[64];
    snprintf(parameters, sizeof parameters, "{\"width\":\"%u\",\"enlarge\":\"false\"}", width);
    int32_t call = run(RESIZE, parameters, png, length);
    size_t count;
    out_text("data:image/png;base64,");
    while ((count = read_piece(call, piece, sizeof piece)) > 0)
        out_base64(piece, count);
}

int main(int argument_count, char **arguments)
{
    parameter parameters[] = {{"width", "320", 0}, {"caption", "", 0}};
    parameters_read(argument_count, arguments, parameters, 2);
    unsigned width = parameter_unsigned(&parameters[0], 1, LARGEST_WIDTH);
    const char *caption = parameters[1].value;

    size_t length;
    uint8_t *png = input_read_all(LARGEST_INPUT, &length);
    out_text("<!doctype html>\n<meta charset=\"utf-8\">\n<title>Picture</title>\n<figure>\n<img alt=\"\" src=\"");
    stoa_progress(0, 3, "small");
    out_picture(png, length, width);
    out_text("\" srcset=\"");
    stoa_progress(1, 3, "large");
    out_picture(png, length, 2 * width);
    out_text(" 2x\">\n");
    if (caption[0] != 0) {
        stoa_progress(2, 3, "caption");
        static uint8_t piece[PIECE];
        int32_t call = run(CAPTION, NULL, (const uint8_t *)caption, strlen(caption));
        size_t count;
        out_text("<figcaption>\n");
        while ((count = read_piece(call, piece, sizeof piece)) > 0)
            out_bytes(piece, count);
        out_text("</figcaption>\n");
    }

    out_text("</figure>\n");
    out_flush();
    stoa_progress(3, 3, NULL);
    return 0;
}
