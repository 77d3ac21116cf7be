// Attaching to processes that sleep, compute and have threads, stopping them at any time, and letting them go on.
#include <elf.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile long stop_at = 1, rounds;

static int computes(void) {
    while (stop_at) rounds++;
    return 6;
}

static void *sleeps(void *nothing) {
    pause();
    return nothing;
}

static int has_thread(void) {
    pthread_t thread;
    pthread_create(&thread, 0, sleeps, 0);
    return computes();
}

static int waits(void) {
    char byte;
    int ends[2];
    if (pipe(ends)) return 1;
    return read(ends[0], &byte, 1) < 0 ? 2 : 3;
}

static int ended(pid_t child) {
    int status;
    return waitpid(child, &status, 0) == child ? status : -1;
}

// Attach, look at the registers and the memory, change the memory, detach.
static void attach(const char *name, int (*main_of_child)(void), int signal_at_end) {
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) _exit(main_of_child());
    usleep(30000);
    printf("%s: attach %ld", name, ptrace(PTRACE_ATTACH, child, 0, 0));
    printf(" again %d", ptrace(PTRACE_ATTACH, child, 0, 0) < 0 && errno == EPERM);
    int status;
    printf(" waited %d", waitpid(child, &status, 0) == child);
    struct user_regs_struct r;
    struct iovec set = {&r, sizeof r};
    printf(" status %x registers %ld", status, ptrace(PTRACE_GETREGSET, child, NT_PRSTATUS, &set));
    printf(" %d stack %d\n", set.iov_len == sizeof r, ptrace(PTRACE_PEEKDATA, child, r.rsp, 0) != -1 || !errno);
    ptrace(PTRACE_POKEDATA, child, &stop_at, 0L);
    printf("detach %ld", ptrace(PTRACE_DETACH, child, 0, signal_at_end));
    printf(" once more %d", ptrace(PTRACE_DETACH, child, 0, 0) < 0 && errno == ESRCH);
    printf(" ended %x\n", ended(child));
}

static void seize(void) {
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) _exit(computes());
    printf("seize %ld", ptrace(PTRACE_SEIZE, child, 0, PTRACE_O_EXITKILL));
    int status;
    for (int round = 0; round < 3; round++) {
        ptrace(PTRACE_INTERRUPT, child, 0, 0);
        waitpid(child, &status, 0);
        printf(" %x", status);
        ptrace(PTRACE_CONT, child, 0, 0);
    }
    kill(child, SIGKILL);
    printf(" ended %x\n", ended(child));
}

int main(void) {
    attach("computes", computes, 0);
    attach("waits", waits, SIGTERM);
    attach("has a thread", has_thread, 0);
    seize();
    printf("nobody %d\n", ptrace(PTRACE_ATTACH, 1 << 22, 0, 0) < 0 && errno == ESRCH);
}
