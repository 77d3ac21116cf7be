// Tracers that end before their tracees, and processes that are stopped as a group while they are traced.
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

static int wait_for(pid_t pid) {
    int status = -1;
    waitpid(pid, &status, 0);
    return status;
}

// A process is traced by its sibling, which ends: by itself, or killed; what becomes of the tracee.
static void tracer_ends(long options, int is_killed) {
    int ends[2], up[2];
    if (pipe(ends) || pipe(up)) return;
    fflush(stdout);
    pid_t tracee = fork();
    if (tracee == 0) {
        char byte;
        prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
        _exit(read(ends[0], &byte, 1) == 1 ? byte : 99);
    }
    pid_t tracer = fork();
    if (tracer == 0) {
        char ready = ptrace(PTRACE_SEIZE, tracee, 0, options) == 0 ? 'y' : 'n';
        ptrace(PTRACE_INTERRUPT, tracee, 0, 0);
        int status;
        waitpid(tracee, &status, __WALL);
        if (write(up[1], &ready, 1) != 1 || is_killed) pause();
        _exit(7);
    }
    char ready = 0, byte = 5;
    if (read(up[0], &ready, 1) != 1) return;
    if (is_killed) kill(tracer, SIGKILL);
    printf("tracer %c %x\n", ready, wait_for(tracer));
    if (options == 0 && write(ends[1], &byte, 1) != 1) return;
    printf("tracee %x\n", wait_for(tracee));
    for (int i = 0; i < 2; i++) close(ends[i]), close(up[i]);
}

static void group_stops(void) {
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        for (;;) pause();
    }
    printf("seize %ld\n", ptrace(PTRACE_SEIZE, child, 0, PTRACE_O_EXITKILL));
    kill(child, SIGSTOP);
    printf("signal %x\n", wait_for(child));
    ptrace(PTRACE_CONT, child, 0, SIGSTOP);
    printf("group stop %x", wait_for(child));
    siginfo_t info = {0};
    printf(" information %ld", ptrace(PTRACE_GETSIGINFO, child, 0, &info));
    printf(" %d %x\n", info.si_signo, info.si_code);
    printf("listen %ld\n", ptrace(PTRACE_LISTEN, child, 0, 0));
    kill(child, SIGCONT);
    printf("goes on %x\n", wait_for(child));
    ptrace(PTRACE_CONT, child, 0, 0);
    printf("signal %x\n", wait_for(child));
    ptrace(PTRACE_CONT, child, 0, SIGTERM);
    printf("ended %x\n", wait_for(child));
}

// A group goes on by SIGCONT though its process blocks that: as libraries do around fork.
static void group_stop_of_one_that_blocks(void) {
    int ready[2];
    char byte = 0;
    if (pipe(ready)) return;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        sigset_t all;
        sigfillset(&all);
        sigprocmask(SIG_BLOCK, &all, 0);
        if (write(ready[1], &byte, 1) != 1) _exit(1);
        for (;;) pause();
    }
    if (read(ready[0], &byte, 1) != 1) return;
    ptrace(PTRACE_SEIZE, child, 0, PTRACE_O_EXITKILL);
    kill(child, SIGSTOP);
    printf("blocks all %x", wait_for(child));
    ptrace(PTRACE_CONT, child, 0, SIGSTOP);
    printf(" %x", wait_for(child));
    ptrace(PTRACE_LISTEN, child, 0, 0);
    kill(child, SIGCONT);
    printf(" %x", wait_for(child));
    ptrace(PTRACE_CONT, child, 0, 0);
    kill(child, SIGKILL);
    printf(" %x\n", wait_for(child));
    close(ready[0]), close(ready[1]);
}

static volatile sig_atomic_t trapped;

static void told(int signal, siginfo_t *info, void *context) {
    (void)signal, (void)context;
    if (info->si_code == CLD_TRAPPED) trapped = info->si_status;
}

static void child_signals(void) {
    struct sigaction action = {.sa_sigaction = told, .sa_flags = SA_SIGINFO};
    sigset_t set, old;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, &old);
    sigaction(SIGCHLD, &action, 0);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        raise(SIGUSR1);
        _exit(3);
    }
    while (trapped != SIGUSR1) sigsuspend(&old);
    int status;
    printf("told, nothing before %d\n", waitpid(child, &status, WNOHANG) == child);
    siginfo_t info = {0};
    printf("still stopped %x %d\n", status, waitid(P_PID, child, &info, WEXITED | WNOHANG) == 0 && info.si_pid == 0);
    ptrace(PTRACE_CONT, child, 0, 0);
    sigprocmask(SIG_SETMASK, &old, 0);
    signal(SIGCHLD, SIG_DFL);
    printf("waitid %d", waitid(P_PID, child, &info, WEXITED));
    printf(" %d %d\n", info.si_code == CLD_EXITED, info.si_status);
}

int main(void) {
    tracer_ends(0, 0);
    tracer_ends(0, 1);
    tracer_ends(PTRACE_O_EXITKILL, 0);
    tracer_ends(PTRACE_O_EXITKILL, 1);
    group_stops();
    group_stop_of_one_that_blocks();
    child_signals();
}
