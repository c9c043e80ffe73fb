#include "model.h"

#include "../../../common/stream.h"

#include <math.h>
#include <stdlib.h>

enum {
    ORDER = 3,           // so many words are looked back at
    MOST_CHOICES = 256,  // different words that are drawn from
    MOST_QUESTION = 2000, // bytes of a question that are looked at
    ABOUT = 3,           // words that a sentence begins with
    VOCABULARY_SLOTS = 1 << 15,
    CONTEXT_SLOTS = 1 << 16
};

extern const uint8_t corpus[];
extern const uint32_t corpus_length;

typedef struct {
    uint32_t begin, length; // in the corpus
    uint32_t count;         // how often it is there
    uint8_t has_blank;      // whether there was a blank before it when it first came
} vocable;

static vocable *vocables;
static uint32_t vocable_count, vocable_capacity;
static uint32_t vocable_slots[VOCABULARY_SLOTS]; // one more than the index; 0 is empty
static uint32_t *positions;                      // the token at each position
static uint32_t *sentence_of;                    // of each position
static uint32_t position_count, sentence_count;
static uint32_t *sentence_starts;
static uint32_t heads[ORDER][CONTEXT_SLOTS]; // one more than the last position with such words before it
static uint32_t *earlier[ORDER];             // and the one before that
static int is_loaded;

static int is_letter(uint8_t byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') || byte >= 0x80;
}

static uint8_t lower(uint8_t byte)
{
    return byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte + 32) : byte;
}

// The length of the token at the front of a text that begins with no blank.
static size_t token_length(const uint8_t *text, size_t length)
{
    if (!is_letter(text[0]))
        return 1;
    size_t end = 1;
    while (end < length && (is_letter(text[end]) || ((text[end] == '\'' || text[end] == '-') && end + 1 < length && is_letter(text[end + 1]))))
        end++;
    return end;
}

static uint32_t hash_bytes(const uint8_t *text, size_t length, uint32_t hash, int is_folded)
{
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ (is_folded ? lower(text[i]) : text[i])) * 16777619u;
    return hash;
}

static uint32_t mix(uint32_t value)
{
    value = (value ^ value >> 16) * 0x7feb352du;
    value = (value ^ value >> 15) * 0x846ca68bu;
    return value ^ value >> 16;
}

// The slot of a token: its own, or the one where it belongs.
static uint32_t slot_of(const uint8_t *text, size_t length)
{
    uint32_t slot = hash_bytes(text, length, 2166136261u, 0) % VOCABULARY_SLOTS;
    while (vocable_slots[slot]) {
        const vocable *known = &vocables[vocable_slots[slot] - 1];
        if (known->length == length && memcmp(corpus + known->begin, text, length) == 0)
            break;
        slot = (slot + 1) % VOCABULARY_SLOTS;
    }
    return slot;
}

static uint32_t learn(uint32_t begin, uint32_t length, int has_blank)
{
    uint32_t slot = slot_of(corpus + begin, length);
    if (!vocable_slots[slot]) {
        if (vocable_count == vocable_capacity) {
            vocable_capacity = vocable_capacity ? vocable_capacity * 2 : 1024;
            if (vocable_capacity > VOCABULARY_SLOTS / 2)
                fail(EXIT_ENVIRONMENT, "the corpus has more different words than there is room for");
            vocables = reallocate(vocables, vocable_capacity * sizeof *vocables);
        }
        vocables[vocable_count] = (vocable){begin, length, 0, (uint8_t)has_blank};
        vocable_slots[slot] = ++vocable_count;
    }
    vocables[vocable_slots[slot] - 1].count++;
    return vocable_slots[slot] - 1;
}

static uint32_t context_slot(const uint32_t *last, int order)
{
    uint32_t hash = (uint32_t)order;
    for (int i = 0; i < order; i++)
        hash = mix(hash ^ last[-i]);
    return hash % CONTEXT_SLOTS;
}

int model_is_loaded(void)
{
    return is_loaded;
}

void model_load(void)
{
    positions = allocate((corpus_length + 1) * sizeof *positions);
    sentence_of = allocate((corpus_length + 1) * sizeof *sentence_of);
    sentence_starts = allocate((corpus_length + 1) * sizeof *sentence_starts);
    learn(0, 0, 0); // TOKEN_END
    positions[position_count++] = TOKEN_END;
    for (uint32_t at = 0; at < corpus_length;) {
        sentence_starts[sentence_count] = position_count;
        int has_blank = 0;
        while (at < corpus_length && corpus[at] != '\n') {
            if (corpus[at] == ' ') {
                has_blank = 1;
                at++;
                continue;
            }
            size_t line = 0;
            while (at + line < corpus_length && corpus[at + line] != '\n')
                line++;
            uint32_t length = (uint32_t)token_length(corpus + at, line);
            sentence_of[position_count] = sentence_count;
            positions[position_count++] = learn(at, length, has_blank);
            at += length;
            has_blank = 0;
        }
        sentence_of[position_count] = sentence_count;
        positions[position_count++] = TOKEN_END;
        sentence_count++;
        at++;
    }
    for (int order = 1; order <= ORDER; order++) {
        earlier[order - 1] = allocate(position_count * sizeof **earlier);
        for (uint32_t at = (uint32_t)order; at < position_count; at++) {
            uint32_t slot = context_slot(positions + at - 1, order);
            earlier[order - 1][at] = heads[order - 1][slot];
            heads[order - 1][slot] = at + 1;
        }
    }
    is_loaded = 1;
}

uint32_t *model_tokens(const uint8_t *text, size_t length, size_t *count)
{
    uint32_t *tokens = allocate((length + 1) * sizeof *tokens);
    *count = 0;
    for (size_t at = 0; at < length;) {
        if (text[at] <= ' ') {
            at++;
            continue;
        }
        size_t end = token_length(text + at, length - at);
        uint32_t slot = slot_of(text + at, end);
        tokens[(*count)++] = vocable_slots[slot] ? vocable_slots[slot] - 1 : TOKEN_NONE;
        at += end;
    }
    return tokens;
}

enum { OTHER_WORD = 0, OTHER_NUMBER = 1, SAME_WORD = 2 };

// How much two words are the same, however they begin.
static uint8_t sameness(const uint8_t *one, size_t one_length, const uint8_t *other, size_t other_length)
{
    if (one_length > other_length)
        return sameness(other, other_length, one, one_length);
    if (other_length - one_length > 1 || (other_length > one_length && lower(other[one_length]) != 's'))
        return OTHER_WORD;
    for (size_t i = 0; i < one_length; i++) {
        if (lower(one[i]) != lower(other[i]))
            return OTHER_WORD;
    }
    return other_length > one_length ? OTHER_NUMBER : SAME_WORD;
}

// Adds to the sentences that have a word of the question in them, the rarer it is the more.
static void ask_for(const uint8_t *word, size_t length, uint8_t *how, float *sentences)
{
    uint32_t total = 0;
    for (uint32_t token = 1; token < vocable_count; token++) {
        how[token] = sameness(word, length, corpus + vocables[token].begin, vocables[token].length);
        total += how[token] ? vocables[token].count : 0;
    }
    // What is everywhere says nothing of what is meant.
    if (total == 0 || total * 2 > sentence_count)
        return;
    float rareness = logf((float)sentence_count / (float)total), weight = rareness * rareness;
    for (uint32_t i = 0, last = TOKEN_NONE; i < position_count; i++) {
        if (!how[positions[i]] || sentence_of[i] == last)
            continue;
        last = sentence_of[i];
        // What a sentence is about mostly comes early in it.
        sentences[last] += weight * how[positions[i]] * (i - sentence_starts[last] < ABOUT ? 2 : 1);
    }
}

float *model_relevance(const uint8_t *question, size_t length)
{
    float *sentences = allocate(sentence_count * sizeof *sentences);
    uint8_t *how = allocate(vocable_count);
    memset(sentences, 0, sentence_count * sizeof *sentences);
    memset(how, 0, vocable_count);
    // The last words are what is asked now.
    size_t at = length > MOST_QUESTION ? length - MOST_QUESTION : 0;
    while (at < length) {
        size_t end = question[at] <= ' ' ? 1 : token_length(question + at, length - at);
        if (is_letter(question[at]))
            ask_for(question + at, end, how, sentences);
        at += end;
    }
    free(how);
    return sentences;
}

static double draw(model_writer *writer)
{
    uint64_t z = writer->chance += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return (double)((z ^ z >> 31) >> 11) / 9007199254740992.0;
}

void model_note(model_writer *writer, uint32_t token)
{
    writer->context[0] = writer->context[1];
    writer->context[1] = writer->context[2];
    writer->context[2] = token;
}

// How readily a sentence is begun with: what has more of the question in it by far the more readily, and none twice.
static double readiness(const model_writer *writer, uint32_t sentence)
{
    for (int i = 0; i < writer->begun_count; i++) {
        if (writer->begun[i] == sentence)
            return 0;
    }
    double weight = writer->sentences ? writer->sentences[sentence] : 0;
    return weight * weight * weight * weight;
}

uint32_t model_begin(model_writer *writer)
{
    double sum = 0, best = 0;
    uint32_t chosen = 0;
    for (uint32_t i = 0; i < sentence_count; i++) {
        double weight = readiness(writer, i);
        sum += weight;
        if (weight > best)
            best = weight, chosen = i;
    }
    if (sum == 0 && writer->begun_count > 0)
        return TOKEN_END;
    if (sum == 0) {
        chosen = writer->temperature == 0 ? 0 : (uint32_t)(draw(writer) * sentence_count);
    } else if (writer->temperature > 0) {
        double left = draw(writer) * sum;
        for (uint32_t i = 0; i < sentence_count; i++) {
            left -= readiness(writer, i);
            if (left < 0) {
                chosen = i;
                break;
            }
        }
    }
    if (writer->begun_count < MOST_BEGUN)
        writer->begun[writer->begun_count++] = chosen;
    model_note(writer, TOKEN_END);
    uint32_t token = positions[sentence_starts[chosen]];
    model_note(writer, token);
    return token;
}

// The positions whose words before are those of the context.
static size_t find_choices(const model_writer *writer, int order, uint32_t *tokens, double *weights)
{
    const uint32_t *last = &writer->context[ORDER - 1];
    size_t count = 0;
    for (int i = 0; i < order; i++) {
        if (last[-i] == TOKEN_NONE)
            return 0;
    }
    for (uint32_t next = heads[order - 1][context_slot(last, order)]; next; next = earlier[order - 1][next - 1]) {
        uint32_t at = next - 1;
        int is_same = 1;
        for (int i = 0; i < order; i++)
            is_same &= positions[at - 1 - (uint32_t)i] == last[-i];
        if (!is_same)
            continue;
        double weight = 1 + (writer->sentences ? 4 * writer->sentences[sentence_of[at]] : 0);
        size_t i = 0;
        while (i < count && tokens[i] != positions[at])
            i++;
        if (i == count) {
            if (count == MOST_CHOICES)
                continue;
            tokens[count] = positions[at];
            weights[count++] = 0;
        }
        weights[i] += weight;
    }
    return count;
}

uint32_t model_next(model_writer *writer)
{
    uint32_t tokens[MOST_CHOICES];
    double weights[MOST_CHOICES];
    for (int order = ORDER; order > 0; order--) {
        size_t count = find_choices(writer, order, tokens, weights);
        // Where the words before have been followed by one word alone, it is looked at fewer of them now and then: else whole sentences are repeated.
        if (count == 0 || (count == 1 && order > 1 && writer->temperature > 0 && draw(writer) < 0.15 * writer->temperature))
            continue;
        size_t chosen = 0;
        double sum = 0;
        for (size_t i = 0; i < count; i++) {
            if (weights[i] > weights[chosen])
                chosen = i;
        }
        if (writer->temperature > 0) {
            for (size_t i = 0; i < count; i++)
                sum += weights[i] = pow(weights[i], 1 / writer->temperature);
            double left = draw(writer) * sum;
            for (size_t i = 0; i < count; i++) {
                left -= weights[i];
                if (left < 0) {
                    chosen = i;
                    break;
                }
            }
        }
        model_note(writer, tokens[chosen]);
        return tokens[chosen];
    }
    model_note(writer, TOKEN_END);
    return TOKEN_END;
}

const uint8_t *model_text(uint32_t token, size_t *length, int *has_blank)
{
    *length = vocables[token].length;
    *has_blank = vocables[token].has_blank || is_letter(corpus[vocables[token].begin]);
    return corpus + vocables[token].begin;
}

static void add_feature(float *vector, uint32_t hash, float weight)
{
    hash = mix(hash);
    vector[hash % EMBEDDING_LENGTH] += hash & 0x80000000u ? weight : -weight;
}

void model_embed(const uint8_t *text, size_t length, float vector[EMBEDDING_LENGTH])
{
    memset(vector, 0, EMBEDDING_LENGTH * sizeof *vector);
    for (size_t at = 0; at < length;) {
        size_t end = text[at] <= ' ' ? 1 : token_length(text + at, length - at);
        if (is_letter(text[at])) {
            add_feature(vector, hash_bytes(text + at, end, 2166136261u, 1), 1);
            for (size_t i = 0; i + 3 <= end; i++)
                add_feature(vector, hash_bytes(text + at + i, 3, 84696351u, 1), 0.3f);
        }
        at += end;
    }
    double sum = 0;
    for (int i = 0; i < EMBEDDING_LENGTH; i++)
        sum += (double)vector[i] * vector[i];
    for (int i = 0; sum > 0 && i < EMBEDDING_LENGTH; i++)
        vector[i] = (float)(vector[i] / sqrt(sum));
}
