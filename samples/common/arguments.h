// The parameters of a task, as a node passes them: --name value, each name at most once.
#ifndef STOA_ARGUMENTS_H
#define STOA_ARGUMENTS_H

#include <stdint.h>

typedef struct {
    const char *name;  // without the dashes
    const char *value; // the default; replaced by what the task gave
    int given;
} parameter;

// Fills in the values that the command line gives. Refuses unknown, repeated and incomplete ones.
void parameters_read(int argument_count, char **arguments, parameter *parameters, int parameter_count);

// The value as a whole number between `least` and `most`, or a refusal.
uint32_t parameter_unsigned(const parameter *given, uint32_t least, uint32_t most);

// The place of the value in a list of words that a NULL ends, or a refusal.
int parameter_choice(const parameter *given, const char *const *words);

#endif
