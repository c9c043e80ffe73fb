// Regular files, as C programs use them. The working directory is a fresh preopened directory.
#include "check.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static long long size_of(const char *path) {
    struct stat stat_buffer;
    CHECK(stat(path, &stat_buffer) == 0);
    return stat_buffer.st_size;
}

static void streams(void) {
    FILE *file = fopen("stream.txt", "w+");
    CHECK(file != NULL);
    for (int i = 0; i < 10000; i++)
        CHECK(fprintf(file, "line %d\n", i) > 0);
    CHECK(fseek(file, 0, SEEK_SET) == 0);
    char line[64];
    int lines = 0;
    while (fgets(line, sizeof line, file) != NULL) {
        char expected[64];
        snprintf(expected, sizeof expected, "line %d\n", lines);
        CHECK(strcmp(line, expected) == 0);
        lines++;
    }
    CHECK(lines == 10000);
    CHECK(fseek(file, -10, SEEK_END) == 0);
    CHECK(fread(line, 1, sizeof line, file) == 10);
    CHECK(memcmp(line, "line 9999\n", 10) == 0);
    CHECK(feof(file) && !ferror(file));
    CHECK(fclose(file) == 0);
    CHECK(size_of("stream.txt") == 98890);
    CHECK(remove("stream.txt") == 0);
}

static void descriptors(void) {
    int fd = open("data", O_CREAT | O_EXCL | O_RDWR, 0644);
    CHECK(fd > 2);
    REFUSED(open("data", O_CREAT | O_EXCL | O_RDWR, 0644), EEXIST);
    struct iovec parts[3] = {{"abc", 3}, {"", 0}, {"defgh", 5}};
    CHECK(writev(fd, parts, 3) == 8);
    CHECK(lseek(fd, 0, SEEK_CUR) == 8);
    CHECK(lseek(fd, -3, SEEK_END) == 5);
    char buffer[16];
    CHECK(read(fd, buffer, sizeof buffer) == 3 && memcmp(buffer, "fgh", 3) == 0);
    CHECK(read(fd, buffer, sizeof buffer) == 0);
    CHECK(pread(fd, buffer, 4, 2) == 4 && memcmp(buffer, "cdef", 4) == 0);
    CHECK(pwrite(fd, "XY", 2, 10) == 2);
    CHECK(lseek(fd, 0, SEEK_CUR) == 8);
    CHECK(pread(fd, buffer, sizeof buffer, 7) == 5 && memcmp(buffer, "h\0\0XY", 5) == 0);
    REFUSED(lseek(fd, -1, SEEK_SET), EINVAL);
    CHECK(ftruncate(fd, 2) == 0);
    CHECK(size_of("data") == 2);
    CHECK(posix_fallocate(fd, 0, 100) == 0);
    CHECK(size_of("data") == 100);
    CHECK(posix_fadvise(fd, 0, 10, POSIX_FADV_SEQUENTIAL) == 0);
    CHECK(fsync(fd) == 0 && fdatasync(fd) == 0);
    CHECK(close(fd) == 0);
    REFUSED(close(fd), EBADF);

    fd = open("data", O_RDONLY);
    CHECK(fd > 2);
    REFUSED((int)write(fd, "x", 1), EBADF);
    CHECK(close(fd) == 0);
    fd = open("data", O_WRONLY | O_TRUNC);
    CHECK(fd > 2);
    REFUSED((int)read(fd, buffer, 1), EBADF);
    CHECK(size_of("data") == 0);
    CHECK(close(fd) == 0);

    fd = open("data", O_WRONLY | O_APPEND);
    CHECK((fcntl(fd, F_GETFL) & O_APPEND) != 0);
    CHECK(write(fd, "12", 2) == 2);
    CHECK(lseek(fd, 0, SEEK_SET) == 0);
    CHECK(write(fd, "34", 2) == 2);
    CHECK(lseek(fd, 0, SEEK_CUR) == 4);
    CHECK(fcntl(fd, F_SETFL, 0) == 0);
    CHECK(lseek(fd, 0, SEEK_SET) == 0);
    CHECK(write(fd, "56", 2) == 2);
    CHECK(size_of("data") == 4);
    CHECK(!isatty(fd) && errno == ENOTTY);
    CHECK(close(fd) == 0);
}

static void names(void) {
    CHECK(rename("data", "renamed") == 0);
    REFUSED(access("data", F_OK), ENOENT);
    CHECK(access("renamed", R_OK | W_OK) == 0);
    CHECK(link("renamed", "second") == 0);
    struct stat one, two;
    CHECK(stat("renamed", &one) == 0 && stat("second", &two) == 0);
    CHECK(one.st_ino == two.st_ino && one.st_dev == two.st_dev && one.st_nlink == 2);
    CHECK(symlink("renamed", "link") == 0);
    char target[32];
    CHECK(readlink("link", target, sizeof target) == 7 && memcmp(target, "renamed", 7) == 0);
    CHECK(lstat("link", &two) == 0 && S_ISLNK(two.st_mode));
    CHECK(stat("link", &two) == 0 && two.st_ino == one.st_ino && S_ISREG(two.st_mode));
    REFUSED(open("link", O_RDONLY | O_NOFOLLOW), ELOOP);
    struct timespec times[2] = {{1000, 5}, {2000, 700}};
    CHECK(utimensat(AT_FDCWD, "link", times, 0) == 0);
    CHECK(stat("renamed", &one) == 0);
    CHECK(one.st_atim.tv_sec == 1000 && one.st_mtim.tv_sec == 2000 && one.st_mtim.tv_nsec == 700);
    REFUSED(unlink("missing"), ENOENT);
    CHECK(unlink("link") == 0 && unlink("second") == 0 && unlink("renamed") == 0);
}

int main(void) {
    streams();
    descriptors();
    names();
    puts("files: ok");
    return 0;
}
