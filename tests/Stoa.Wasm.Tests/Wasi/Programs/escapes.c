// Tries to leave the preopened directory, whose neighbour "secret" lies one directory up.
#include "check.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const ways[] = {
    "../secret", "./../secret", "dir/../../secret", "up/secret", "dir/up/secret", "chain/secret", "dir/../up/secret",
};

int main(void) {
    CHECK(mkdir("dir", 0755) == 0);
    CHECK(symlink("..", "up") == 0);
    CHECK(symlink("../..", "dir/up") == 0);
    CHECK(symlink("up", "chain") == 0);
    CHECK(symlink("/etc", "absolute") == -1);
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        struct stat status;
        CHECK(open(ways[i], O_RDONLY) == -1 && errno == EPERM);
        CHECK(open(ways[i], O_CREAT | O_WRONLY, 0644) == -1 && errno == EPERM);
        CHECK(stat(ways[i], &status) == -1 && errno == EPERM);
        CHECK(unlink(ways[i]) == -1 && errno == EPERM);
        CHECK(mkdir(ways[i], 0755) == -1 && errno == EPERM);
        CHECK(rename(ways[i], "mine") == -1 && errno == EPERM);
        CHECK(link(ways[i], "mine") == -1 && errno == EPERM);
        CHECK(rename("dir", ways[i]) == -1 && errno == EPERM);
    }
    CHECK(unlink("dir/up") == 0 && unlink("up") == 0 && unlink("chain") == 0 && rmdir("dir") == 0);
    puts("escapes: ok");
    return 0;
}
