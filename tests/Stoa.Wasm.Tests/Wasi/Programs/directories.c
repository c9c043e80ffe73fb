// Directories, as C programs use them. The working directory is a fresh preopened directory.
#include "check.h"
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILES = 500 };

static int count(const char *path, int *files) {
    DIR *directory = opendir(path);
    CHECK(directory != NULL);
    int all = 0;
    *files = 0;
    for (struct dirent *entry; (entry = readdir(directory)) != NULL; all++) {
        if (entry->d_type == DT_REG)
            ++*files;
        else
            CHECK(entry->d_type == DT_DIR);
        CHECK(entry->d_ino != 0);
    }
    rewinddir(directory);
    int again = 0;
    while (readdir(directory) != NULL)
        again++;
    CHECK(again == all);
    CHECK(closedir(directory) == 0);
    return all;
}

// Removes files while it lists them, as rm -r does.
static void remove_all(const char *path) {
    DIR *directory = opendir(path);
    CHECK(directory != NULL);
    int removed = 0;
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        if (entry->d_type != DT_REG)
            continue;
        CHECK(unlinkat(dirfd(directory), entry->d_name, 0) == 0);
        removed++;
    }
    CHECK(removed == FILES);
    CHECK(closedir(directory) == 0);
}

int main(void) {
    CHECK(mkdir("tree", 0755) == 0);
    REFUSED(mkdir("tree", 0755), EEXIST);
    CHECK(mkdir("tree/branch", 0755) == 0);
    char name[64];
    for (int i = 0; i < FILES; i++) {
        snprintf(name, sizeof name, "tree/a-file-with-a-rather-long-name-%d", i);
        int fd = open(name, O_CREAT | O_WRONLY, 0644);
        CHECK(fd >= 0 && close(fd) == 0);
    }
    int files;
    CHECK(count("tree", &files) == FILES + 3 && files == FILES);
    REFUSED(rmdir("tree"), ENOTEMPTY);
    REFUSED(unlink("tree"), EISDIR);
    REFUSED(open("tree", O_RDWR), EISDIR);

    int fd = open("tree", O_RDONLY | O_DIRECTORY);
    CHECK(fd >= 0);
    char byte;
    REFUSED((int)read(fd, &byte, 1), EBADF);
    struct stat status;
    CHECK(fstat(fd, &status) == 0 && S_ISDIR(status.st_mode));
    CHECK(fstatat(fd, "branch", &status, 0) == 0 && S_ISDIR(status.st_mode));
    CHECK(mkdirat(fd, "branch/twig", 0755) == 0);
    CHECK(renameat(fd, "branch/twig", fd, "twig") == 0);
    CHECK(unlinkat(fd, "twig", AT_REMOVEDIR) == 0);
    CHECK(close(fd) == 0);

    remove_all("tree");
    CHECK(rmdir("tree/branch") == 0);
    CHECK(rmdir("tree") == 0);
    CHECK(opendir("tree") == NULL && errno == ENOENT);
    puts("directories: ok");
    return 0;
}
