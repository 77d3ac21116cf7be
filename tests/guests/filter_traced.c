// Calls that a filter leaves to a tracer: performed, changed, skipped with a result, and what the tracer is told.
#include "filters.h"
#include <sys/ptrace.h>
#include <sys/user.h>
static void child(void) {
    PROGRAM(program, LOAD(nr), IF(SYS_getppid), ANSWER(SECCOMP_RET_TRACE | 1), IF(SYS_getuid), ANSWER(SECCOMP_RET_TRACE | 2),
            IF(SYS_mkdir), ANSWER(SECCOMP_RET_TRACE | 3), IF(SYS_getgid), ANSWER(SECCOMP_RET_ERRNO | 9), ANSWER(SECCOMP_RET_ALLOW));
    CHECK(ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0);
    no_new_privileges();
    CHECK(install(&program, 0) == 0);
    // Without the option there is no tracer for it.
    CHECK(raw(SYS_getppid, 0, 0, 0) == -ENOSYS);
    raise(SIGSTOP);
    for (int round = 0; round < 3; round++) {
        CHECK(raw(SYS_getppid, 7, 8, 9) > 0);
        CHECK(raw(SYS_getuid, 0, 0, 0) == 4242);
        CHECK(raw(SYS_mkdir, (long)"never", 0700, 0) == -9);
    }
    CHECK(access("never", F_OK) == -1);
    _exit(3);
}
int main(void) {
    int status, stops = 0;
    pid_t pid = fork();
    if (pid == 0) child();
    CHECK(waitpid(pid, &status, 0) == pid && WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
    CHECK(ptrace(PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_TRACESECCOMP) == 0);
    for (;;) {
        unsigned long data;
        struct user_regs_struct registers;
        CHECK(ptrace(PTRACE_CONT, pid, NULL, NULL) == 0 && waitpid(pid, &status, 0) == pid);
        if (!WIFSTOPPED(status)) break;
        CHECK(status >> 8 == (SIGTRAP | PTRACE_EVENT_SECCOMP << 8));
        CHECK(ptrace(PTRACE_GETEVENTMSG, pid, NULL, &data) == 0 && ptrace(PTRACE_GETREGS, pid, NULL, &registers) == 0);
        stops++;
        printf("told %lu of call %lld, rax %lld\n", data, registers.orig_rax, registers.rax);
        if (data == 2) {
            registers.orig_rax = (unsigned long long)-1;
            registers.rax = 4242;
        } else if (data == 3) {
            registers.orig_rax = SYS_getgid;
        } else {
            continue;
        }
        CHECK(ptrace(PTRACE_SETREGS, pid, NULL, &registers) == 0);
    }
    printf("%d stops, status %d\n", stops, WEXITSTATUS(status));
    return 0;
}
