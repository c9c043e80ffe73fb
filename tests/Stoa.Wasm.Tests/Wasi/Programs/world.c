// Shows its arguments and environment, copies its input to its output, and ends with the number of bytes, at most 100.
#include "check.h"
#include <unistd.h>

extern char **environ;

int main(int count, char **arguments) {
    for (int i = 0; i < count; i++)
        printf("[%s]\n", arguments[i]);
    for (char **variable = environ; *variable != NULL; variable++)
        printf("{%s}\n", *variable);
    int bytes = 0;
    for (int c; (c = getchar()) != EOF; bytes++)
        putchar(c);
    fprintf(stderr, "%d bytes\n", bytes);
    unsigned char random[4];
    CHECK(getentropy(random, sizeof random) == 0);
    exit(bytes < 100 ? bytes : 100);
}
