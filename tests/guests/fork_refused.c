// No process can be made: the calls fail, nothing runs twice, and what was there goes on.
#include "guest.h"
#include <linux/sched.h>
static void show(const char *what, long result, int tid) {
    if (result == 0) _exit(0);
    printf("%s: %ld %d %d\n", what, result, result < 0 ? errno : 0, tid);
}
static void all(void) {
    int tid = 77;
    show("fork", syscall(SYS_fork), tid);
    long result = vfork();
    show("vfork", result, tid);
    show("clone", syscall(SYS_clone, CLONE_PARENT_SETTID | SIGCHLD, 0, &tid, 0, 0), tid);
    result = syscall(SYS_clone, CLONE_VM | CLONE_VFORK | CLONE_PARENT_SETTID | SIGCHLD, 0, &tid, 0, 0);
    show("clone like vfork", result, tid);
}
int main(void) {
    // Wrong flags.
    int tid = 77;
    show("thread alone", syscall(SYS_clone, CLONE_THREAD | SIGCHLD, 0, &tid, 0, 0), tid);
    show("vfork", syscall(SYS_clone, CLONE_VM | CLONE_VFORK | CLONE_SIGHAND | CLONE_FS | CLONE_NEWNS, 0, 0, 0, 0), tid);
    show("descriptor", syscall(SYS_clone, CLONE_PIDFD | SIGCHLD, 0, 4096, 0, 0), tid);
    // Written for the parent only, unless memory is shared.
    long child = syscall(SYS_clone, CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | SIGCHLD, 0, &tid, 0, 0);
    if (child == 0) _exit(tid == 77 ? 3 : 4);
    printf("parent %d, child %d\n", tid == child, WEXITSTATUS(wait_status((pid_t)child)));
    // Root may make as many as it likes.
    CHECK(getuid() != 0 || (setgid(65534) == 0 && setuid(65534) == 0));
    CHECK(setrlimit(RLIMIT_NPROC, &(struct rlimit){0, 0}) == 0);
    all();
    all();
    return 0;
}
