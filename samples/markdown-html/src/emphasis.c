// Emphasis by the delimiter run rules of CommonMark. A pair is noted in the text itself: its characters are overwritten
// by marks, which the renderer turns into tags; what stays is plain text.
#include "markdown.h"

#include <string.h>

#include "../../common/stream.h"

typedef struct {
    uint32_t start, length;  // what is left of it: closers take from the left, openers from the right
    uint32_t previous, next; // while pairing up
    uint8_t mark;
    uint8_t size; // of the whole run: modulo 3, or as it is for ~
    bool can_open, can_close;
} run;

enum { CLASSES = 14 };

static run *runs; // from 1; outside of emphasis_resolve they are simply a row
static uint32_t run_count, run_capacity;

void emphasis_reserve(uint32_t count)
{
    if (count + 1 > run_capacity) {
        run_capacity = count + 1;
        runs = reallocate(runs, run_capacity * sizeof *runs);
    }
}

uint32_t emphasis_mark(void)
{
    return run_count;
}

void emphasis_add(const uint8_t *text, uint32_t start, uint32_t run_end, uint32_t leaf_start, uint32_t leaf_end)
{
    uint8_t mark = text[start];
    uint32_t length = run_end - start;
    if (mark == '~' && length > 2)
        return;
    size_t taken;
    uint32_t before = start > leaf_start ? utf8_read_before(text, leaf_start, start) : '\n';
    uint32_t after = run_end < leaf_end ? utf8_read(text + run_end, leaf_end - run_end, &taken) : '\n';
    bool space_before = is_space(before);
    bool space_after = is_space(after);
    bool punctuation_before = is_punctuation(before);
    bool punctuation_after = is_punctuation(after);
    bool left = !space_after && (!punctuation_after || space_before || punctuation_before);
    bool right = !space_before && (!punctuation_before || space_after || punctuation_after);
    bool inside_word = left && right && mark == '_';
    bool can_open = left && (!inside_word || punctuation_before);
    bool can_close = right && (!inside_word || punctuation_after);
    if (!can_open && !can_close)
        return;
    if (run_count + 2 > run_capacity)
        emphasis_reserve(run_capacity * 2 + 64);
    runs[++run_count] = (run){
        .start = start,
        .length = length,
        .mark = mark,
        .size = (uint8_t)(mark == '~' ? length : length % 3),
        .can_open = can_open,
        .can_close = can_close,
    };
}

static bool pairs(const run *opener, const run *closer)
{
    if (opener->mark != closer->mark || !opener->can_open)
        return false;
    if (opener->mark == '~')
        return opener->size == closer->size;
    // The rule of three: **a*b is no <em>*a</em>b.
    return !(closer->can_open || opener->can_close) || closer->size == 0 || (opener->size + closer->size) % 3 != 0;
}

// Closers of one class fail to find an opener for the same reasons, so each class searches a stretch only once.
static uint32_t class_of(const run *closer)
{
    if (closer->mark == '~')
        return 11u + closer->size;
    return (closer->mark == '_' ? 6u : 0u) + (closer->can_open ? 3u : 0u) + closer->size;
}

static void unlink_run(uint32_t index, uint32_t mark)
{
    const run *removed = &runs[index];
    if (removed->previous > mark)
        runs[removed->previous].next = removed->next;
    if (removed->next != 0)
        runs[removed->next].previous = removed->previous;
}

static void write_pair(uint8_t *text, run *opener, run *closer)
{
    bool deleted = opener->mark == '~';
    uint32_t count = deleted ? opener->length : opener->length >= 2 && closer->length >= 2 ? 2 : 1;
    uint8_t open = deleted ? MARK_DELETED_OPEN : count == 2 ? MARK_STRONG_OPEN : MARK_EM_OPEN;
    opener->length -= count;
    memset(text + opener->start + opener->length, open, count);
    memset(text + closer->start, open + 1, count);
    closer->start += count;
    closer->length -= count;
}

void emphasis_resolve(uint8_t *text, uint32_t mark)
{
    for (uint32_t i = mark + 1; i <= run_count; i++) {
        runs[i].previous = i - 1;
        runs[i].next = i < run_count ? i + 1 : 0;
    }
    uint32_t bottoms[CLASSES];
    for (int i = 0; i < CLASSES; i++)
        bottoms[i] = mark;

    uint32_t at = mark < run_count ? mark + 1 : 0;
    while (at != 0) {
        run *closer = &runs[at];
        if (!closer->can_close) {
            at = closer->next;
            continue;
        }
        uint32_t *bottom = &bottoms[class_of(closer)];
        uint32_t found = closer->previous;
        while (found > *bottom && !pairs(&runs[found], closer))
            found = runs[found].previous;
        if (found > *bottom) {
            run *opener = &runs[found];
            write_pair(text, opener, closer);
            opener->next = at; // the runs between them are plain text
            closer->previous = found;
            if (opener->length == 0)
                unlink_run(found, mark);
            if (closer->length == 0) {
                unlink_run(at, mark);
                at = closer->next;
            }
        } else {
            *bottom = closer->previous;
            uint32_t next = closer->next;
            if (!closer->can_open)
                unlink_run(at, mark);
            at = next;
        }
    }
    run_count = mark;
}
