// {{name}}: an agent is a WASI program. It reads its input from stdin, writes its output to stdout and its log to
// stderr. Exit code 0 is a success, 75 asks for another attempt later, anything else is a failure that costs nothing.
// The parameters of a task arrive as arguments: --greeting Hi. What stoa_progress tells is shown to whoever watches the task.
#include <stdio.h>
#include <string.h>
#include "stoa.h"

int main(int argc, char **argv) {
    const char *greeting = "Hello";
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--greeting") == 0)
            greeting = argv[i + 1];
    }

    char name[4096];
    int count = 0;
    while (fgets(name, sizeof name, stdin)) {
        name[strcspn(name, "\r\n")] = 0;
        if (name[0] == 0)
            continue;
        printf("%s, %s!\n", greeting, name);
        count++;
        stoa_progress(count, 0, "greeting");
    }

    if (ferror(stdin)) {
        perror("reading the input");
        return 1;
    }
    fprintf(stderr, "greeted %d\n", count);
    return 0;
}
