// A tracer watches by the processor's breakpoint registers: writes, reads, executed instructions, in a thread of its choice.
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile long cell, other, room[32];

__attribute__((noinline)) static void called(long n) { other += n; }

static void *body(void *argument) {
    cell = 50;  // Another thread: nobody watches there.
    return argument;
}

static int traced(void) {
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    raise(SIGSTOP);
    for (long i = 1; i < 4; i++) cell = i, called(i);
    pthread_t thread;
    pthread_create(&thread, 0, body, 0);
    pthread_join(thread, 0);
    __asm__ volatile("rep stosq" : : "D"(room), "a"(7L), "c"(32L) : "memory");
    if (fork() == 0) _exit(cell = 9);  // Nor in a child.
    wait(0);
    (void)!write(1, "end\n", 4);
    _exit((int)(cell + other));
}

static pid_t child;

static long set(int number, uint64_t value) {
    errno = 0;
    return ptrace(PTRACE_POKEUSER, child, (void *)(offsetof(struct user, u_debugreg) + 8 * (size_t)number), (void *)value);
}

static void go_on(const char *what, enum __ptrace_request how) {
    int status;
    siginfo_t info = {0};
    ptrace(how, child, 0, 0);
    waitpid(child, &status, 0);
    if (!WIFSTOPPED(status)) {
        printf("%s: %x\n", what, status);
        return;
    }
    struct user_regs_struct r;
    ptrace(PTRACE_GETREGS, child, 0, &r);
    ptrace(PTRACE_GETSIGINFO, child, 0, &info);
    errno = 0;
    long hits = ptrace(PTRACE_PEEKUSER, child, (void *)(offsetof(struct user, u_debugreg) + 48), 0);
    printf("%s: %x code %d at it %d, hits %lx, cell %ld other %ld in called %d\n", what, status, info.si_code,
           (uint64_t)info.si_addr == r.rip, hits, ptrace(PTRACE_PEEKDATA, child, (void *)&cell, 0),
           ptrace(PTRACE_PEEKDATA, child, (void *)&other, 0), r.rip == (uint64_t)called);
    fflush(stdout);
}

int main(void) {
    if ((child = fork()) == 0) return traced();
    int status;
    waitpid(child, &status, 0);
    printf("bad: %ld %ld %ld %d\n", set(0, -8UL), set(4, 1), set(7, 0x20001), errno);
    printf("%ld %ld\n", set(0, (uint64_t)&cell), set(7, 0x90001));  // 8 bytes, written.
    go_on("write", PTRACE_CONT);
    printf("%ld %ld\n", set(1, (uint64_t)called), set(7, 0x90005));  // Executed.
    go_on("execution", PTRACE_CONT);
    for (int i = 0; i < 3; i++) go_on("step", PTRACE_SINGLESTEP);
    go_on("write", PTRACE_CONT);
    printf("%ld %ld\n", set(2, (uint64_t)&other), set(7, 0xb000010));  // Read or written.
    go_on("access", PTRACE_CONT);
    printf("%ld %ld\n", set(3, (uint64_t)&room[5]), set(7, 0x90000040));
    go_on("string", PTRACE_CONT);
    printf("%ld %ld\n", set(7, 0), ptrace(PTRACE_PEEKUSER, child, (void *)(offsetof(struct user, u_debugreg) + 56), 0));
    go_on("end", PTRACE_CONT);
}
