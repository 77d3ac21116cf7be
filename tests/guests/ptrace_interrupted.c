// Calls that wait, of a process that is seized, stopped, and sent signals that are ignored, that its tracer takes, that run
// a handler: whether they go on, begin again or fail, and what the tracer sees of them.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static volatile int handled, word;
static long hour[2] = {3600, 0}, time_too[2] = {3600, 0}, left[2], mask;
static int ends[2];
static const struct { const char *name; long number, a, b, c, d, e, flags; } calls[] = {
    {"pause", SYS_pause, 0, 0, 0, 0, 0, 0},
    {"read", SYS_read, 100, (long)&word, 1, 0, 0, 0},
    {"read that restarts", SYS_read, 100, (long)&word, 1, 0, 0, SA_RESTART},
    {"nanosleep", SYS_nanosleep, (long)hour, (long)left, 0, 0, 0, SA_RESTART},
    {"poll", SYS_poll, 0, 0, 3600000, 0, 0, 0},
    {"select", SYS_select, 0, 0, 0, 0, (long)time_too, SA_RESTART},
    {"sigsuspend", SYS_rt_sigsuspend, (long)&mask, 8, 0, 0, 0, 0},
    {"futex", SYS_futex, (long)&word, 0, 0, (long)hour, 0, SA_RESTART},
    {"futex for ever", SYS_futex, (long)&word, 0, 0, 0, 0, 0},
    {"epoll", SYS_epoll_wait, 101, (long)left, 1, -1, 0, SA_RESTART},
};

static void handle(int signal) { handled = signal; }

static int child(int which) {
    struct sigaction action = {.sa_handler = handle, .sa_flags = calls[which].flags};
    sigaction(SIGUSR1, &action, 0);
    int times = 0;
    while (!handled && ++times < 9) {
        long result = syscall(calls[which].number, calls[which].a, calls[which].b, calls[which].c, calls[which].d, calls[which].e);
        printf(" [%ld %d]", result, result < 0 ? errno : 0);
    }
    printf(" handled %d\n", handled);
    fflush(stdout);
    return times;
}

// Until a process is in its call, and not in one of whoever records it.
static void await(pid_t pid, int which) {
    char name[64], line[64];
    for (int round = 0, seen = 0; round < 2000 && seen < 3; round++) {
        snprintf(name, sizeof name, "/proc/%d/syscall", pid);
        int file = open(name, O_RDONLY);
        long size = read(file, line, sizeof line - 1), number, first;
        close(file);
        line[size < 0 ? 0 : size] = 0;
        int is_there = sscanf(line, "%ld 0x%lx", &number, &first) == 2 && (number == 219 || (number == calls[which].number && first == calls[which].a));
        seen = is_there ? seen + 1 : 0;
        usleep(2000);
    }
}

static void show(pid_t pid, int give) {
    int status;
    unsigned char code[2];
    struct user_regs_struct r = {0};
    if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status)) exit(1);
    ptrace(PTRACE_GETREGS, pid, 0, &r);
    *(short *)code = (short)ptrace(PTRACE_PEEKDATA, pid, r.rip - 2, 0);
    printf(" {%x %lld %lld %02x%02x}", status, r.orig_rax, r.rax, code[0], code[1]);
    fflush(stdout);
    ptrace(PTRACE_CONT, pid, 0, give);
}

int main(void) {
    if (pipe(ends) || dup2(ends[0], 100) < 0 || dup2(syscall(SYS_epoll_create1, 0), 101) < 0) return 1;
    for (int which = 0; which < (int)(sizeof calls / sizeof *calls); which++) {
        printf("%s:", calls[which].name);
        fflush(stdout);
        pid_t pid = fork();
        if (pid == 0) _exit(child(which));
        await(pid, which);
        if (ptrace(PTRACE_SEIZE, pid, 0, 0)) return 2;
        await(pid, which);
        ptrace(PTRACE_INTERRUPT, pid, 0, 0);
        show(pid, 0);
        for (int round = 0; round < 3; round++) {
            await(pid, which);
            kill(pid, round ? SIGUSR1 : SIGURG);
            show(pid, round == 1 ? 0 : round ? SIGUSR1 : SIGURG);
        }
        int status;
        if (which == 2 && write(ends[1], "x", 1) != 1) return 3;
        waitpid(pid, &status, 0);
        printf("ended %x\n", status);
    }
}
