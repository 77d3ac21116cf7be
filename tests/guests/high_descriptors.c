// dup2 and dup3 onto every number near the limit: ours among them; data still flows through.
#include "guest.h"
int main(void) {
    struct rlimit limit;
    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    int ends[2], top = (int)limit.rlim_cur;
    CHECK(pipe(ends) == 0);
    for (int i = top - 8; i < top; i++) {
        CHECK(dup2(ends[1], i) == i);
        CHECK(fcntl(i, F_GETFD) == 0);
        char byte = (char)('a' + i - (top - 8));
        CHECK(write(i, &byte, 1) == 1);
    }
    CHECK(dup2(ends[1], top) == -1 && errno == EBADF);
    char text[9] = {0};
    CHECK(read(ends[0], text, 8) == 8);
    printf("%s\n", text);
    for (int i = top - 8; i < top; i++) CHECK(close(i) == 0 && close(i) == -1 && errno == EBADF);
    for (int i = top - 8; i < top; i++) CHECK(dup3(ends[1], i, O_CLOEXEC) == i && fcntl(i, F_GETFD) == FD_CLOEXEC);
    pid_t child = fork();
    if (child == 0) _exit(write(top - 1, "x", 1) == 1 ? 3 : 4);
    printf("child %d\n", WEXITSTATUS(wait_status(child)));
    return 0;
}
