// vfork: the child runs in the parent's memory and stack until it execs or exits.
#include "guest.h"
static volatile int written_by_child;
int main(int argc, char **argv) {
    if (argc > 1) {
        printf("executed with %s\n", argv[1]);
        return 5;
    }
    pid_t child = vfork();
    if (child == 0) {
        written_by_child = 42;
        _exit(3);
    }
    CHECK(written_by_child == 42);
    printf("exit: %d\n", WEXITSTATUS(wait_status(child)));
    child = vfork();
    if (child == 0) {
        written_by_child = 43;
        execl("/proc/self/exe", "vfork", "an argument", NULL);
        _exit(1);
    }
    CHECK(written_by_child == 43);
    printf("exec: %d\n", WEXITSTATUS(wait_status(child)));
    child = vfork();
    if (child == 0) {
        execl("/nonexistent/program", "x", NULL);
        written_by_child = errno;
        _exit(4);
    }
    printf("failed exec: %d, errno %d\n", WEXITSTATUS(wait_status(child)), written_by_child);
    child = vfork();
    if (child == 0) {
        kill(getpid(), SIGKILL);
        _exit(4);
    }
    printf("killed by %d\n", WTERMSIG(wait_status(child)));
    return 0;
}
