// Link reference definitions: [label]: destination "title". Kept in a sorted row rather than in a hash table, so that
// no choice of labels makes looking them up slow.
#include "markdown.h"

#include <stdlib.h>

#include "../../common/stream.h"

// Folds case and runs of blanks. `out` has room for 3/2 of the length: a folded letter may take a byte more.
static size_t normalise(const uint8_t *label, size_t length, uint8_t *out)
{
    size_t used = 0;
    size_t at = 0;
    while (at < length) {
        if (is_blank(label[at])) {
            while (at < length && is_blank(label[at]))
                at++;
            if (used > 0 && at < length)
                out[used++] = ' ';
        } else if (label[at] < 0x80) {
            out[used++] = (uint8_t)fold(label[at++]);
        } else {
            size_t taken;
            uint32_t code_point = utf8_read(label + at, length - at, &taken);
            at += taken;
            used += utf8_write(fold(code_point), out + used);
        }
    }
    return used;
}

static void add(document *d, const uint8_t *label, size_t length, const link *target)
{
    if (d->reference_count == d->reference_capacity) {
        d->reference_capacity = d->reference_capacity * 2 + 16;
        d->references = reallocate(d->references, d->reference_capacity * sizeof *d->references);
    }
    reference *added = &d->references[d->reference_count];
    added->label = allocate(length);
    memcpy(added->label, label, length);
    added->label_length = (uint32_t)length;
    added->order = d->reference_count++;
    added->target = *target;
}

static uint32_t spaces_skip(const uint8_t *text, uint32_t at, uint32_t end)
{
    while (at < end && (text[at] == ' ' || text[at] == '\t'))
        at++;
    return at;
}

// The position after the line's end when only spaces are left in it, or 0.
static uint32_t line_end(const uint8_t *text, uint32_t at, uint32_t end)
{
    at = spaces_skip(text, at, end);
    if (at == end)
        return end;
    return text[at] == '\n' ? at + 1 : 0;
}

// Reads one definition; returns the position after its last line, or 0.
static uint32_t definition_read(document *d, uint32_t at, uint32_t end)
{
    const uint8_t *text = d->text;
    uint32_t after_label = label_read(text, at, end);
    if (after_label == 0 || after_label == end || text[after_label] != ':')
        return 0;
    uint8_t label[(MAX_LABEL_BYTES + 2) * 3 / 2 + 4];
    size_t label_length = normalise(text + at + 1, after_label - at - 2, label);
    if (label_length == 0)
        return 0;

    link target = {.plain = false};
    uint32_t start = blanks_skip(text, after_label + 1, end);
    uint32_t after = destination_read(text, start, end, &target);
    if (after == 0 || after == start)
        return 0;
    uint32_t done = line_end(text, after, end);
    uint32_t title = blanks_skip(text, after, end);
    if (title > after) {
        link titled = target;
        uint32_t after_title = title_read(text, title, end, &titled);
        uint32_t titled_done = after_title == 0 ? 0 : line_end(text, after_title, end);
        if (titled_done != 0) {
            target = titled;
            done = titled_done;
        }
    }
    if (done != 0)
        add(d, label, label_length, &target);
    return done;
}

size_t references_take(document *d, uint32_t start, uint32_t end)
{
    uint32_t at = start;
    while (at < end && d->text[at] == '[') {
        uint32_t after = definition_read(d, at, end);
        if (after == 0)
            break;
        at = after;
    }
    return at - start;
}

static int compare_labels(const uint8_t *left, size_t left_length, const uint8_t *right, size_t right_length)
{
    int order = memcmp(left, right, left_length < right_length ? left_length : right_length);
    return order != 0 ? order : (left_length > right_length) - (left_length < right_length);
}

static int compare(const void *left, const void *right)
{
    const reference *a = left;
    const reference *b = right;
    int order = compare_labels(a->label, a->label_length, b->label, b->label_length);
    return order != 0 ? order : (a->order > b->order) - (a->order < b->order);
}

void references_sort(document *d)
{
    if (d->reference_count > 1)
        qsort(d->references, d->reference_count, sizeof *d->references, compare);
}

bool reference_find(document *d, const uint8_t *label, size_t length, link *found)
{
    if (d->reference_count == 0 || length > MAX_LABEL_BYTES)
        return false;
    uint8_t wanted[(MAX_LABEL_BYTES + 2) * 3 / 2 + 4];
    size_t wanted_length = normalise(label, length, wanted);
    uint32_t low = 0;
    uint32_t high = d->reference_count;
    while (low < high) { // the first of equal labels
        uint32_t middle = low + (high - low) / 2;
        const reference *r = &d->references[middle];
        if (compare_labels(r->label, r->label_length, wanted, wanted_length) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == d->reference_count)
        return false;
    const reference *r = &d->references[low];
    if (compare_labels(r->label, r->label_length, wanted, wanted_length) != 0)
        return false;
    size_t cost = r->target.destination_length + r->target.title_length;
    if (cost > d->expansion_bytes_left)
        return false;
    d->expansion_bytes_left -= cost;
    *found = r->target;
    return true;
}
