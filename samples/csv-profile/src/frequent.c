#include "frequent.h"

#include <stdlib.h>

#include "../../common/stream.h"
#include "cardinality.h"

void text_keep(frequent_text *kept, const uint8_t *text, size_t length)
{
    kept->cut = length > FREQUENT_TEXT_BYTES;
    if (kept->cut) {
        length = FREQUENT_TEXT_BYTES;
        while (length > 0 && (text[length] & 0xC0) == 0x80) // not inside a character
            length--;
    }
    kept->length = (uint8_t)length;
    memcpy(kept->text, text, length);
}

static frequent_entry *find(const frequent *f, uint64_t hash)
{
    uint32_t mask = f->capacity - 1;
    uint32_t at = (uint32_t)hash & mask;
    while (f->entries[at].count != 0 && f->entries[at].hash != hash)
        at = (at + 1) & mask;
    return &f->entries[at];
}

static void resize(frequent *f, uint32_t capacity)
{
    frequent_entry *old = f->entries;
    uint32_t old_capacity = f->capacity;
    f->entries = allocate(capacity * sizeof *f->entries);
    memset(f->entries, 0, capacity * sizeof *f->entries);
    f->capacity = capacity;
    for (uint32_t i = 0; i < old_capacity; i++)
        if (old[i].count != 0)
            *find(f, old[i].hash) = old[i];
    free(old);
    f->texts = reallocate(f->texts, capacity / 2 * sizeof *f->texts);
}

static uint32_t median(uint32_t *counts, uint32_t count)
{
    uint32_t low = 0;
    uint32_t high = count - 1;
    uint32_t wanted = count / 2;
    while (low < high) { // quickselect
        uint32_t pivot = counts[low + (high - low) / 2];
        uint32_t i = low;
        uint32_t j = high;
        for (;;) {
            while (counts[i] < pivot)
                i++;
            while (counts[j] > pivot)
                j--;
            if (i >= j)
                break;
            uint32_t swap = counts[i];
            counts[i++] = counts[j];
            counts[j--] = swap;
        }
        if (wanted <= j)
            high = j;
        else
            low = j + 1;
    }
    return counts[wanted];
}

// Makes room in a full table.
static void purge(frequent *f)
{
    static frequent_entry kept[FREQUENT_VALUES];
    static uint32_t counts[FREQUENT_VALUES];
    uint32_t used = 0;
    uint32_t ones = 0;
    for (uint32_t i = 0; i < f->capacity; i++) {
        if (f->entries[i].count == 0)
            continue;
        kept[used] = f->entries[i];
        counts[used++] = f->entries[i].count;
        ones += f->entries[i].count == 1;
    }
    // In a column of mostly unique values most counts are 1, and then so is the median.
    uint32_t off = 2 * ones > used ? 1 : median(counts, used);
    f->error += off;

    // Texts move to the front, in the order of their places, so that none is overwritten before it has moved.
    static uint32_t places[FREQUENT_VALUES];
    memset(places, 0, sizeof places);
    for (uint32_t i = 0; i < used; i++)
        places[kept[i].text] = kept[i].count > off;
    uint32_t next = 0;
    for (uint32_t i = 0; i < FREQUENT_VALUES; i++) {
        if (places[i] == 0)
            continue;
        if (next != i)
            f->texts[next] = f->texts[i];
        places[i] = next++;
    }
    memset(f->entries, 0, f->capacity * sizeof *f->entries);
    for (uint32_t i = 0; i < used; i++) {
        if (kept[i].count <= off)
            continue;
        frequent_entry *entry = find(f, kept[i].hash);
        *entry = (frequent_entry){kept[i].hash, kept[i].count - off, places[kept[i].text]};
    }
    f->count = next;
}

static void start_estimating(frequent *f)
{
    f->registers = allocate(CARDINALITY_REGISTERS);
    memset(f->registers, 0, CARDINALITY_REGISTERS);
    for (uint32_t i = 0; i < f->capacity; i++)
        if (f->entries[i].count != 0)
            cardinality_add(f->registers, f->entries[i].hash);
}

void frequent_add(frequent *f, uint64_t hash, const uint8_t *text, size_t length)
{
    if (f->capacity == 0)
        resize(f, 32);
    frequent_entry *entry = find(f, hash);
    if (entry->count != 0) {
        entry->count++;
        return;
    }
    if (f->count == f->capacity / 2) {
        if (f->count < FREQUENT_VALUES) {
            resize(f, f->capacity * 4);
        } else {
            if (f->registers == NULL)
                start_estimating(f);
            purge(f);
        }
        entry = find(f, hash);
    }
    *entry = (frequent_entry){hash, 1, f->count};
    text_keep(&f->texts[f->count], text, length);
    f->count++;
    if (f->registers != NULL)
        cardinality_add(f->registers, hash);
}

// More frequent first; of equal ones in the order of their text.
static bool before(const frequent *f, const frequent_entry *a, const frequent_entry *b)
{
    if (a->count != b->count)
        return a->count > b->count;
    const frequent_text *left = &f->texts[a->text];
    const frequent_text *right = &f->texts[b->text];
    int order = memcmp(left->text, right->text, left->length < right->length ? left->length : right->length);
    return order != 0 ? order < 0 : left->length != right->length ? left->length < right->length : a->hash < b->hash;
}

uint32_t frequent_top(const frequent *f, frequent_entry *top, uint32_t limit)
{
    uint32_t used = 0;
    for (uint32_t i = 0; i < f->capacity && limit > 0; i++) {
        const frequent_entry *entry = &f->entries[i];
        if (entry->count == 0 || entry->count <= f->error)
            continue;
        uint32_t at = used < limit ? used : limit - 1;
        if (used == limit && !before(f, entry, &top[at]))
            continue;
        for (; at > 0 && before(f, entry, &top[at - 1]); at--)
            top[at] = top[at - 1];
        top[at] = *entry;
        used += used < limit;
    }
    return used;
}

uint64_t frequent_distinct(const frequent *f)
{
    return f->registers == NULL ? f->count : (uint64_t)(cardinality_estimate(f->registers) + 0.5);
}
