// The model: which words followed which in the text that it has read.
#ifndef PARROT_MODEL_H
#define PARROT_MODEL_H

#include <stddef.h>
#include <stdint.h>

enum {
    TOKEN_END = 0, // of a sentence
    TOKEN_NONE = UINT32_MAX
};

enum { EMBEDDING_LENGTH = 256, MOST_BEGUN = 4 };

// Reads the text. Called once; everything else needs it.
void model_load(void);
int model_is_loaded(void);

// The tokens of a text: words, numbers, signs. Unknown ones are TOKEN_NONE. The list is the caller's.
uint32_t *model_tokens(const uint8_t *text, size_t length, size_t *count);

// What an answer is written with.
typedef struct {
    uint64_t chance;       // the state of its random numbers
    double temperature;    // 0: always what followed most often
    uint32_t context[3];   // the last tokens, the latest last
    const float *sentences; // how much each sentence has to do with the question; NULL: nothing is known of it
    uint32_t begun[MOST_BEGUN]; // sentences that were begun with
    int begun_count;
} model_writer;

// How much each sentence has to do with a question, by the words that they share; 0 for nothing. The list is the caller's.
float *model_relevance(const uint8_t *question, size_t length);

// Begins a sentence: with one that has to do with the question. Where none has, the first is any, and there is no other: TOKEN_END.
uint32_t model_begin(model_writer *writer);

// The token behind the context, which it becomes a part of. TOKEN_END at the end of a sentence.
uint32_t model_next(model_writer *writer);

// Appends a token to a context.
void model_note(model_writer *writer, uint32_t token);

// The letters of a token, and whether there is a blank before it.
const uint8_t *model_text(uint32_t token, size_t *length, int *has_blank);

// The direction of a text: its words and their pieces, by hash. Of length one, or all zero for an empty text.
void model_embed(const uint8_t *text, size_t length, float vector[EMBEDDING_LENGTH]);

#endif
