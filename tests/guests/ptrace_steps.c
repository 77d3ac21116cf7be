// A tracer steps through code, sets a breakpoint by its own means and by the memory file, and changes vector registers.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile int calls;
static volatile double half = 0.5;

__attribute__((noinline)) static int callee(int n) {
    calls += n;
    return calls;
}

__attribute__((noinline)) static double scaled(double by) { return by * half; }

static int traced(void) {
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    raise(SIGSTOP);
    int sum = 0;
    for (int i = 1; i < 4; i++) sum += callee(i);
    double product = scaled(3);
    char text[64];
    _exit(write(1, text, snprintf(text, sizeof text, "sum %d product %g\n", sum, product)) > 0 ? 9 : 1);
}

static int wait_for(pid_t child) {
    int status;
    waitpid(child, &status, 0);
    return status;
}

static uint64_t ip(pid_t child) {
    struct user_regs_struct r;
    ptrace(PTRACE_GETREGS, child, 0, &r);
    return r.rip;
}

// Put a byte at an address by the memory file; what was there.
static uint8_t put(int memory, void *at, uint8_t byte) {
    uint8_t old = 0;
    if (pread(memory, &old, 1, (off_t)(uintptr_t)at) != 1 || pwrite(memory, &byte, 1, (off_t)(uintptr_t)at) != 1) puts("mem?");
    return old;
}

// At a breakpoint: back over it, and behind it with the code as it was.
static void pass(pid_t child, int memory, void *at, uint8_t original) {
    struct user_regs_struct r;
    ptrace(PTRACE_GETREGS, child, 0, &r);
    r.rip--;
    ptrace(PTRACE_SETREGS, child, 0, &r);
    put(memory, at, original);
    ptrace(PTRACE_SINGLESTEP, child, 0, 0);
    printf("step %x, away %d\n", wait_for(child), ip(child) != r.rip);
    put(memory, at, 0xcc);
}

int main(void) {
    pid_t child = fork();
    if (child == 0) return traced();
    printf("stopped %x\n", wait_for(child));
    char name[32];
    snprintf(name, sizeof name, "/proc/%d/mem", child);
    int memory = open(name, O_RDWR);
    uint8_t original = put(memory, (void *)callee, 0xcc);
    errno = 0;
    printf("the code is %d as here %d\n", (uint8_t)ptrace(PTRACE_PEEKTEXT, child, (void *)callee, 0) == 0xcc,
           original == *(uint8_t *)callee);
    for (int hit = 0; hit < 3; hit++) {
        ptrace(PTRACE_CONT, child, 0, 0);
        int status = wait_for(child);
        siginfo_t info;
        ptrace(PTRACE_GETSIGINFO, child, 0, &info);
        printf("hit %x at %ld code %d\n", status, (long)(ip(child) - (uint64_t)callee), info.si_code);
        pass(child, memory, (void *)callee, original);
    }
    put(memory, (void *)callee, original);
    put(memory, (void *)scaled, 0xcc);
    ptrace(PTRACE_CONT, child, 0, 0);
    wait_for(child);
    struct user_fpregs_struct floats;
    ptrace(PTRACE_GETFPREGS, child, 0, &floats);
    double value;
    memcpy(&value, floats.xmm_space, 8);
    printf("argument %g\n", value);
    value = 5;
    memcpy(floats.xmm_space, &value, 8);
    ptrace(PTRACE_SETFPREGS, child, 0, &floats);
    put(memory, (void *)scaled, *(uint8_t *)scaled);
    ptrace(PTRACE_POKEUSER, child, (void *)offsetof(struct user_regs_struct, rip), ip(child) - 1);
    int steps = 0, status = 0x57f;
    for (; steps < 200 && status == 0x57f; steps++) {
        ptrace(PTRACE_SINGLESTEP, child, 0, 0);
        status = wait_for(child);
    }
    printf("%d steps, %x\n", steps, status);
    fflush(stdout);
    ptrace(PTRACE_CONT, child, 0, 0);
    printf("ended %x\n", wait_for(child));
}
