// Every action of a seccomp filter, their precedence, and what becomes of calls that would have changed memory or
// made a process.
#include "filters.h"
static volatile sig_atomic_t traps;
static void on_trap(int number, siginfo_t *info, void *context) {
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    CHECK(number == SIGSYS && info->si_code == SYS_SECCOMP && info->si_errno == 77 && info->si_arch == AUDIT_ARCH_X86_64);
    CHECK((greg_t)info->si_call_addr == registers[REG_RIP] && registers[REG_RAX] == info->si_syscall);
    CHECK(registers[REG_RCX] == registers[REG_RIP] && registers[REG_RDI] == 5 && registers[REG_RSI] == 6);
    printf("trap %d\n", info->si_syscall);
    registers[REG_RAX] = 1000 + ++traps;
}
int main(void) {
    PROGRAM(actions, LOAD(nr),
            IF(SYS_getuid), ANSWER(SECCOMP_RET_ERRNO | EPERM), IF(SYS_mmap), ANSWER(SECCOMP_RET_ERRNO | ENOMEM),
            IF(SYS_munmap), ANSWER(SECCOMP_RET_ERRNO | 0), IF(SYS_mprotect), ANSWER(SECCOMP_RET_ERRNO | 0xffff),
            IF(SYS_fork), ANSWER(SECCOMP_RET_ERRNO | 0), IF(SYS_execve), ANSWER(SECCOMP_RET_ERRNO | 0),
            IF(SYS_madvise), ANSWER(SECCOMP_RET_TRAP | 77), IF(SYS_vfork), ANSWER(SECCOMP_RET_TRAP | 77),
            IF(SYS_exit_group), ANSWER(SECCOMP_RET_ERRNO | EBUSY), IF(SYS_getgid), ANSWER(SECCOMP_RET_TRACE | 3),
            IF(SYS_getegid), ANSWER(SECCOMP_RET_USER_NOTIF), IF(SYS_gettid), ANSWER(SECCOMP_RET_LOG),
            ANSWER(SECCOMP_RET_ALLOW));
    PROGRAM(weaker, LOAD(nr), IF(SYS_getuid), ANSWER(SECCOMP_RET_TRACE), IF(SYS_geteuid), ANSWER(SECCOMP_RET_ERRNO | EACCES),
            ANSWER(SECCOMP_RET_ALLOW));
    no_new_privileges();
    on_signal(SIGSYS, on_trap, 0);
    char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    page[5] = 'x';
    CHECK(install(&actions, 0) == 0 && install(&weaker, 0) == 0);
    // Often enough for call sites to be replaced.
    for (int round = 0; round < 10; round++) {
        CHECK(raw(SYS_getuid, 0, 0, 0) == -EPERM && raw(SYS_geteuid, 0, 0, 0) == -EACCES);
        CHECK(raw(SYS_mmap, 0, 4096, 3) == -ENOMEM && raw(SYS_munmap, (long)page, 4096, 0) == 0 && page[5] == 'x');
        CHECK(raw(SYS_mprotect, (long)page, 4096, 0) == -4095 && page[5] == 'x');
        CHECK(raw(SYS_fork, 0, 0, 0) == 0 && raw(SYS_execve, 0, 0, 0) == 0 && raw(SYS_exit_group, 9, 0, 0) == -EBUSY);
        CHECK(raw(SYS_madvise, 5, 6, 4) == 1000 + traps && raw(SYS_vfork, 5, 6, 0) == 1000 + traps);
        CHECK(raw(SYS_getgid, 0, 0, 0) == -ENOSYS && raw(SYS_getegid, 0, 0, 0) == -ENOSYS && raw(SYS_gettid, 0, 0, 0) > 0);
    }
    printf("%d traps\n", (int)traps);
    fflush(stdout);
    raw(SYS_exit, 0, 0, 0);
}
