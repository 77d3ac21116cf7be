// A limit of address space counts what the program has mapped: it is told what it has set, it and its
// children live below it, and no more memory is to be had.
#include "guest.h"
#define LIMIT (96ul << 20)
static void show(const char *what) {
    struct rlimit now, old;
    CHECK(getrlimit(RLIMIT_AS, &now) == 0 && prlimit(getpid(), RLIMIT_AS, NULL, &old) == 0);
    CHECK(now.rlim_cur == old.rlim_cur && now.rlim_max == old.rlim_max);
    printf("%s: %lu %lu\n", what, (unsigned long)now.rlim_cur, (unsigned long)now.rlim_max);
    fflush(stdout);
}
static void *map(unsigned long length) {
    return mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}
int main(int count, char **arguments) {
    show("begins with");
    if (count == 1) {
        CHECK(setrlimit(RLIMIT_AS, &(struct rlimit){LIMIT, LIMIT + 8192}) == 0);
        show("set");
        CHECK(setrlimit(RLIMIT_AS, &(struct rlimit){LIMIT + 1, LIMIT}) == -1 && errno == EINVAL);
        CHECK(syscall(SYS_setrlimit, RLIMIT_AS, 4096) == -1 && errno == EFAULT);
        CHECK(syscall(SYS_prlimit64, 0, RLIMIT_AS, NULL, 4096) == -1 && errno == EFAULT);
        struct rlimit old;
        CHECK(prlimit(0, RLIMIT_AS, &(struct rlimit){LIMIT, LIMIT}, &old) == 0 && old.rlim_max == LIMIT + 8192);
        show("lowered");
    }
    CHECK(map(1ul << 30) == MAP_FAILED && errno == ENOMEM);
    CHECK(map(16ul << 20) != MAP_FAILED);
    pid_t child = fork();
    if (child == 0 && count == 1) execl("/proc/self/exe", arguments[0], "again", NULL);
    if (child == 0) _exit(3);
    printf("child %d\n", WEXITSTATUS(wait_status(child)));
    return 0;
}
