#include "markdown.h"

#include "../../common/stream.h"

static const char *const html_escapes[256] = {
    ['&'] = "&amp;",
    ['<'] = "&lt;",
    ['>'] = "&gt;",
    ['"'] = "&quot;",
};

void escape_html(const uint8_t *bytes, size_t length)
{
    size_t from = 0;
    for (size_t i = 0; i < length; i++) {
        const char *escape = html_escapes[bytes[i]];
        if (escape != NULL) {
            out_bytes(bytes + from, i - from);
            out_text(escape);
            from = i + 1;
        }
    }
    out_bytes(bytes + from, length - from);
}

// The next byte or entity of text with escapes; *at moves on.
static size_t unescape_next(const uint8_t *bytes, size_t length, size_t *at, uint8_t out[4])
{
    size_t size = 1;
    out[0] = bytes[*at];
    if (out[0] == '\\' && *at + 1 < length && is_ascii_punctuation(bytes[*at + 1])) {
        out[0] = bytes[*at + 1];
        *at += 2;
        return 1;
    }
    size_t taken = out[0] == '&' ? entity_read(bytes + *at, length - *at, out, &size) : 0;
    if (taken == 0) {
        out[0] = bytes[*at];
        size = 1;
    }
    *at += taken > 0 ? taken : 1;
    return size;
}

void escape_unescaped(const uint8_t *bytes, size_t length)
{
    for (size_t at = 0; at < length;) {
        uint8_t piece[4];
        size_t size = unescape_next(bytes, length, &at, piece);
        escape_html(piece, size);
    }
}

static bool equals_fold(const uint8_t *scheme, size_t length, const char *wanted)
{
    if (strlen(wanted) != length)
        return false;
    for (size_t i = 0; i < length; i++)
        if (fold(scheme[i]) != (uint8_t)wanted[i])
            return false;
    return true;
}

// A URL with a scheme is kept only when the scheme is known to be harmless. The start is compared as it will be
// written: any other character than a scheme's own is percent-encoded there, which ends the scheme.
static bool is_safe(const uint8_t *bytes, size_t length, bool plain, bool is_image)
{
    static const char *const schemes[] = {"http", "https", "mailto", "ftp", "tel", "xmpp", "irc", "ircs"};
    uint8_t start[32];
    size_t used = 0;
    for (size_t at = 0; at < length;) {
        uint8_t piece[4];
        size_t size = plain ? (piece[0] = bytes[at++], 1) : unescape_next(bytes, length, &at, piece);
        if (piece[0] == '/' || piece[0] == '?' || piece[0] == '#')
            return true; // relative
        if (piece[0] == ':') {
            for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++)
                if (equals_fold(start, used, schemes[i]))
                    return true;
            return is_image && equals_fold(start, used, "data") && length - at > 6 &&
                   (memcmp(bytes + at, "image/", 6) == 0);
        }
        if (used == sizeof start)
            return false; // no scheme is so long; a relative name with a colon is not worth the doubt
        start[used++] = size == 1 ? piece[0] : '?';
    }
    return true;
}

static bool is_url_character(uint8_t c)
{
    static const char others[] = "-_.+!*(),%#@?=;:/$~&'";
    if (is_letter(c) || is_digit(c))
        return true;
    for (const char *other = others; *other != 0; other++)
        if (c == (uint8_t)*other)
            return true;
    return false;
}

static void write_url_byte(uint8_t c)
{
    static const char digits[] = "0123456789ABCDEF";
    if (c == '&') {
        out_text("&amp;");
    } else if (c == '\'') {
        out_text("&#x27;");
    } else if (is_url_character(c)) {
        out_byte(c);
    } else {
        out_byte('%');
        out_byte((uint8_t)digits[c >> 4]);
        out_byte((uint8_t)digits[c & 15]);
    }
}

void escape_url(const uint8_t *bytes, size_t length, bool plain, bool is_image)
{
    if (!is_safe(bytes, length, plain, is_image))
        return;
    for (size_t at = 0; at < length;) {
        uint8_t piece[4];
        size_t size = plain ? (piece[0] = bytes[at++], 1) : unescape_next(bytes, length, &at, piece);
        for (size_t i = 0; i < size; i++)
            write_url_byte(piece[i]);
    }
}
