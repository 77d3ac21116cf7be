// close_range(3, ~0), a loop of closes over everything and closefrom: recording goes on after them.
#include "guest.h"
int main(void) {
    CHECK(dup(1) == 3 && dup2(1, 100) == 100);
    CHECK(close_range(3, ~0u, 0) == 0);
    CHECK(fcntl(3, F_GETFD) == -1 && fcntl(100, F_GETFD) == -1);
    CHECK(dup(1) == 3 && close_range(3, ~0u, CLOSE_RANGE_CLOEXEC) == 0);
    CHECK(fcntl(3, F_GETFD) == FD_CLOEXEC);
    struct rlimit limit;
    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    long top = limit.rlim_cur > 70000 ? 70000 : (long)limit.rlim_cur, closed = 0;
    for (long i = 3; i < top; i++) closed += close((int)i) == 0;
    for (long i = (long)limit.rlim_cur - 10; i < (long)limit.rlim_cur; i++) closed += close((int)i) == 0;
    printf("closed %ld\n", closed);
    closefrom(3);
    CHECK(close_range(5, 4, 0) == -1 && errno == EINVAL);
    pid_t child = fork();
    if (child == 0) {
        CHECK(close_range(3, ~0u, CLOSE_RANGE_UNSHARE) == 0);
        execl("/bin/sh", "sh", "-c", "echo still here", NULL);
        _exit(1);
    }
    printf("child %d\n", wait_status(child));
    return 0;
}
