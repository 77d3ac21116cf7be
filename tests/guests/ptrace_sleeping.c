// Waits for a limited time end when it is over, however often a tracer stops them. The wait of a parent is not disturbed by
// children that want to be traced, nor that of a tracee by a tracer that goes.
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/ptrace.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const struct timespec some = {0, 400000000};
static int word;
static const char *const names[] = {"nanosleep", "clock_nanosleep", "poll", "ppoll", "select", "futex", "epoll"};

static int waits(int which) {
    struct timespec left = some;
    struct timeval time = {0, 400000};
    switch (which) {
    case 0: return nanosleep(&left, &left);
    case 1: return clock_nanosleep(CLOCK_MONOTONIC, 0, &some, 0);
    case 2: return poll(0, 0, 400);
    case 3: return ppoll(0, 0, &some, 0);
    case 4: return select(0, 0, 0, 0, &time);
    case 5: return syscall(SYS_futex, &word, 0, 0, &some) && errno != ETIMEDOUT;
    default: return epoll_wait(epoll_create1(0), &(struct epoll_event){0}, 1, 400);
    }
}

static void stopped(int which) {
    pid_t pid = fork();
    if (pid == 0) _exit(waits(which) ? 1 : 0);
    int status = 0;
    ptrace(PTRACE_SEIZE, pid, 0, 0);
    do {
        if (WIFSTOPPED(status)) ptrace(PTRACE_CONT, pid, 0, 0);
        usleep(10000);
        ptrace(PTRACE_INTERRUPT, pid, 0, 0);
    } while (waitpid(pid, &status, 0) == pid && WIFSTOPPED(status));
    printf("%s, stopped: ended %x\n", names[which], status);
}

static void undisturbed(int which) {
    pid_t tracer = 0, pid = getpid();
    for (int round = 0; round < 3; round++) {
        tracer = fork();
        if (tracer) continue;
        usleep(100000 * (round + 1));
        if (round == 1) _exit((int)ptrace(PTRACE_SEIZE, pid, 0, 0));
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        _exit(0);
    }
    int result = waits(which), status[3];
    for (int round = 0; round < 3; round++) wait(&status[round]);
    printf("%s, undisturbed: %d, ended %x %x %x\n", names[which], result, status[0], status[1], status[2]);
}

int main(void) {
    for (int which = 0; which < 7; which++) {
        if (which < 6) stopped(which);
        undisturbed(which);
        fflush(stdout);
    }
}
