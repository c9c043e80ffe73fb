// What the test programs check with: a failed check names itself and ends the program with 1.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                               \
    do {                                                                               \
        if (!(condition)) {                                                            \
            fprintf(stderr, "%s:%d: %s (errno %d)\n", __FILE__, __LINE__, #condition, errno); \
            exit(1);                                                                   \
        }                                                                              \
    } while (0)

#define REFUSED(call, expected) CHECK((errno = 0, (call)) == -1 && errno == (expected))
