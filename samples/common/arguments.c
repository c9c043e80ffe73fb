#include "arguments.h"

#include "stream.h"

static parameter *find(const char *name, parameter *parameters, int count)
{
    for (int i = 0; i < count; i++)
        if (strcmp(parameters[i].name, name) == 0)
            return &parameters[i];
    return NULL;
}

void parameters_read(int argument_count, char **arguments, parameter *parameters, int parameter_count)
{
    for (int i = 1; i < argument_count; i += 2) {
        const char *name = arguments[i];
        parameter *known = strncmp(name, "--", 2) == 0 ? find(name + 2, parameters, parameter_count) : NULL;
        if (known == NULL)
            refuse_value("unknown parameter", name);
        if (known->given)
            refuse_value("parameter given twice", name);
        if (i + 1 == argument_count)
            refuse_value("parameter without a value", name);
        known->value = arguments[i + 1];
        known->given = 1;
    }
}

static _Noreturn void refuse(const parameter *given)
{
    char message[64] = "parameter ";
    strncat(message, given->name, 32);
    strcat(message, " does not take");
    refuse_value(message, given->value);
}

uint32_t parameter_unsigned(const parameter *given, uint32_t least, uint32_t most)
{
    const char *text = given->value;
    uint64_t value = 0;
    int digits = 0;
    for (; text[digits] >= '0' && text[digits] <= '9' && digits < 10; digits++)
        value = value * 10 + (uint64_t)(text[digits] - '0');
    if (digits == 0 || text[digits] != 0 || value < least || value > most)
        refuse(given);
    return (uint32_t)value;
}

int parameter_choice(const parameter *given, const char *const *words)
{
    for (int i = 0; words[i] != NULL; i++)
        if (strcmp(words[i], given->value) == 0)
            return i;
    refuse(given);
}
