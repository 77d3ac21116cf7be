// A child is followed from system call to system call; its memory, a result, a call and a signal are changed on the way.
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

static long value = 5;

static void usr2(int signal) { value += signal; }

static int traced(void) {
    signal(SIGUSR2, usr2);
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    raise(SIGSTOP);
    long user = syscall(SYS_getuid), skipped = syscall(SYS_umask, 077), other = syscall(SYS_getgid);
    printf("value %ld user %ld skipped %ld other %d\n", value, user, skipped, other == getpid());
    fflush(stdout);
    raise(SIGUSR1);
    _exit(value);
}

static void at_call(pid_t child, int is_entry) {
    struct user_regs_struct r;
    ptrace(PTRACE_GETREGS, child, 0, &r);
    if (r.orig_rax == SYS_getuid || (r.orig_rax == SYS_umask && is_entry))
        printf("%lld %s %lld\n", r.orig_rax, is_entry ? "entry" : "exit", r.rax);
    if (r.orig_rax == SYS_getuid && !is_entry) r.rax = 42;
    if (is_entry && r.orig_rax == SYS_umask) r.orig_rax = -1, r.rax = 43;
    if (is_entry && r.orig_rax == SYS_getgid) r.orig_rax = SYS_getpid;
    ptrace(PTRACE_SETREGS, child, 0, &r);
}

int main(void) {
    pid_t child = fork();
    if (child == 0) return traced();
    int status, is_entry = 1;
    waitpid(child, &status, 0);
    printf("stopped %x\n", status);
    ptrace(PTRACE_SETOPTIONS, child, 0, PTRACE_O_TRACESYSGOOD);
    errno = 0;
    printf("peek %ld", ptrace(PTRACE_PEEKDATA, child, &value, 0));
    printf(" %d, at null %ld", errno, ptrace(PTRACE_PEEKDATA, child, 0, 0));
    printf(" %d\n", errno == EIO);
    ptrace(PTRACE_POKEDATA, child, &value, 7L);
    for (int deliver = 0;;) {
        ptrace(PTRACE_SYSCALL, child, 0, deliver);
        deliver = 0;
        waitpid(child, &status, 0);
        if (!WIFSTOPPED(status)) break;
        if (WSTOPSIG(status) == (SIGTRAP | 0x80)) {
            at_call(child, is_entry);
            is_entry = !is_entry;
            continue;
        }
        siginfo_t info;
        ptrace(PTRACE_GETSIGINFO, child, 0, &info);
        printf("signal %d code %d\n", WSTOPSIG(status), info.si_code);
        if (WSTOPSIG(status) == SIGUSR1) deliver = SIGUSR2;
    }
    printf("ended %x\n", status);
}
