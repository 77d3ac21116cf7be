// setrlimit(NOFILE) down to 10 and up again; the program gets exactly its numbers.
#include "guest.h"
int main(void) {
    struct rlimit before, limit;
    CHECK(getrlimit(RLIMIT_NOFILE, &before) == 0);
    limit = (struct rlimit){10, before.rlim_max};
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    int count = 0;
    while (open("/dev/null", O_RDONLY) >= 0) count++;
    printf("opened %d, then %s\n", count, strerror(errno));
    for (int i = 3; i < 10; i++) close(i);
    pid_t child = fork();
    if (child == 0) {
        execl("/bin/echo", "echo", "executed with ten descriptors", NULL);
        _exit(1);
    }
    printf("echo %d\n", wait_status(child));
    fflush(stdout);
    limit.rlim_cur = 200;
    CHECK(prlimit(0, RLIMIT_NOFILE, &limit, &before) == 0 && before.rlim_cur == 10);
    CHECK(dup2(1, 199) == 199 && dup2(1, 200) == -1 && errno == EBADF);
    limit = (struct rlimit){16 << 20, RLIM_INFINITY};
    CHECK(setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0}) == 0);
    CHECK(getrlimit(RLIMIT_CORE, &before) == 0 && before.rlim_cur == 0);
    printf("stack limit set: %d\n", setrlimit(RLIMIT_STACK, &limit) == 0);
    return 0;
}
