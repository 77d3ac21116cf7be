// Descriptors of other processes, fetched by pidfd_getfd.
#include "guest.h"
static int fetch(int pidfd, int fd) { return syscall(438, pidfd, fd, 0); }
int main(void) {
    int ready[2], done[2];
    CHECK(pipe(ready) == 0 && pipe(done) == 0);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        int fd = memfd_create("fetched", 0);
        CHECK(write(fd, "of the child", 12) == 12);
        CHECK(dup2(fd, 77) == 77 && write(ready[1], "r", 1) == 1);
        char end;
        CHECK(read(done[0], &end, 1) == 1);
        _exit(0);
    }
    char text[20] = "";
    CHECK(read(ready[0], text, 1) == 1);
    int pidfd = syscall(434, child, 0);
    CHECK(pidfd >= 0);
    int fd = fetch(pidfd, 77);
    CHECK(fd >= 0 && pread(fd, text, 12, 0) == 12);
    printf("%s\n", text);
    CHECK(fetch(pidfd, 78) < 0 && errno == EBADF);
    CHECK(fetch(pidfd, -1) < 0 && errno == EBADF);
    CHECK(syscall(438, pidfd, 77, 1) < 0 && errno == EINVAL);
    CHECK(fetch(fd, 0) < 0 && errno == EBADF);
    CHECK(fetch(-1, 0) < 0 && errno == EBADF);
    // All that there are: one for each number that is not closed.
    int count = 0;
    for (int i = 0; i < 1100; i++) {
        int other = fetch(pidfd, i);
        if (other >= 0) count++, close(other);
    }
    printf("%d descriptors\n", count);
    CHECK(write(done[1], "d", 1) == 1 && wait_status(child) == 0);
    return 0;
}
