// clone3: what is asked for in its structure happens, and errors are the kernel's.
#include "clone_structure.h"
#include <sys/prctl.h>
enum { STACK = 65536 };
static char stack[STACK] __attribute__((aligned(16)));
static volatile int shared, thread_tid, got;
static void note(int number) { got = number; }
static struct clone_args asks(uint64_t flags, int exit_signal) {
    struct clone_args a = {.flags = flags, .exit_signal = exit_signal};
    return a;
}
static int is_on_stack(void *argument) {
    char here;
    return &here > stack && &here < stack + STACK ? *(int *)argument : 77;
}
static int writes(void *argument) {
    shared = *(int *)argument;
    struct sigaction now;
    sigaction(SIGUSR1, NULL, &now);
    if (now.sa_handler == SIG_DFL) shared += 100;
    sigaction(SIGUSR2, NULL, &now);
    if (now.sa_handler == SIG_IGN) shared += 1000;
    return 4;
}
static int in_thread(void *argument) {
    shared = *(int *)argument;
    return 0;
}
static void refused(const char *what, const void *arguments, size_t size) {
    errno = 0;
    long result = clone3_raw(arguments, size);
    if (result == 0) _exit(98);
    printf("%s: %d\n", what, result < 0 ? errno : 0);
    if (result > 0) wait_status(result);
}
int main(void) {
    int parent = -1, child = -1, pidfd = -1, argument = 5;
    // A copy: identifiers, a descriptor, another signal at its end.
    struct clone_args a = asks(CLONE_PIDFD | CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID, SIGCHLD);
    a.pidfd = (uintptr_t)&pidfd, a.parent_tid = (uintptr_t)&parent, a.child_tid = (uintptr_t)&child;
    long pid = clone3_raw(&a, sizeof a);
    if (pid == 0) _exit(child == getpid() && pidfd == -1 ? 6 : 7);
    CHECK(parent == pid && pidfd > 2 && child == -1);
    siginfo_t info;
    CHECK(waitid(P_PIDFD, pidfd, &info, WEXITED) == 0 && info.si_pid == pid);
    printf("copy: %d\n", info.si_status);
    signal(SIGUSR1, note);
    signal(SIGUSR2, SIG_IGN);
    a = asks(0, SIGUSR1);
    pid = clone3_raw(&a, CLONE_ARGS_SIZE_VER0);
    if (pid == 0) _exit(8);
    int status = -1;
    CHECK(waitpid(pid, &status, __WCLONE) == pid && got == SIGUSR1);
    printf("another signal: %d\n", WEXITSTATUS(status));
    // A stack of its own, with and without the same memory.
    a = asks(CLONE_CLEAR_SIGHAND, SIGCHLD);
    a.stack = (uintptr_t)stack, a.stack_size = STACK;
    pid = clone3_call(&a, is_on_stack, &argument);
    printf("stack: %d\n", WEXITSTATUS(wait_status(pid)));
    pid = clone3_call(&a, writes, &argument);
    status = wait_status(pid);
    printf("default actions in a copy: %d, %d\n", WEXITSTATUS(status), shared);
    a.flags = CLONE_VM | CLONE_VFORK | CLONE_CLEAR_SIGHAND | CLONE_PIDFD | CLONE_PARENT_SETTID;
    a.pidfd = (uintptr_t)&pidfd, a.parent_tid = (uintptr_t)&parent;
    pid = clone3_call(&a, writes, &argument);
    CHECK(parent == pid && pidfd > 2);
    printf("default actions: %d, %d\n", WEXITSTATUS(wait_status(pid)), shared);
    got = 0;
    raise(SIGUSR1);
    CHECK(got == SIGUSR1);
    // A thread.
    a = asks(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | CLONE_SETTLS |
                 CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID, 0);
    a.stack = (uintptr_t)stack, a.stack_size = STACK;
    a.child_tid = a.parent_tid = (uintptr_t)&thread_tid;
    static uint64_t block[64];
    block[0] = a.tls = (uintptr_t)block;
    argument = 9;
    CHECK(clone3_call(&a, in_thread, &argument) > 0);
    for (int tid; (tid = thread_tid) != 0;) syscall(SYS_futex, &thread_tid, 0, tid, NULL, NULL, 0);
    printf("thread: %d\n", shared);
    // Errors.
    char large[8192] = {0};
    struct clone_args *l = (struct clone_args *)large;
    a = asks(0, SIGCHLD);
    refused("too short", &a, CLONE_ARGS_SIZE_VER0 - 1);
    refused("too long", large, sizeof large);
    refused("no memory", (void *)16, sizeof a);
    l->exit_signal = SIGCHLD;
    large[4000] = 1;
    refused("unknown words", large, 4096);
    large[4000] = 0, large[120] = 1;
    refused("an unknown word", large, 128);
    large[120] = 0;
    a.stack = (uintptr_t)stack;
    refused("stack without size", &a, sizeof a);
    a.stack = 0, a.stack_size = STACK;
    refused("size without stack", &a, sizeof a);
    a.stack = 1ul << 63;
    refused("stack of the kernel", &a, sizeof a);
    a = asks(CLONE_VM | CLONE_SIGHAND | CLONE_CLEAR_SIGHAND, SIGCHLD);
    refused("actions shared and cleared", &a, sizeof a);
    a = asks(0, 300);
    refused("no signal", &a, sizeof a);
    a = asks(CLONE_VM | CLONE_SIGHAND | CLONE_THREAD, SIGCHLD);
    refused("thread with signal", &a, sizeof a);
    a = asks(CLONE_THREAD, 0);
    refused("thread without memory", &a, sizeof a);
    a = asks(1ull << 40, SIGCHLD);
    refused("unknown flag", &a, sizeof a);
    a = asks(CLONE_DETACHED, SIGCHLD);
    refused("old flag", &a, sizeof a);
    a = asks(0, SIGCHLD);
    a.set_tid = (uintptr_t)&argument, a.set_tid_size = 100;
    refused("too many numbers", &a, sizeof a);
    a.set_tid = 16, a.set_tid_size = 1;
    refused("numbers without memory", &a, sizeof a);
    a = asks(CLONE_INTO_CGROUP, SIGCHLD);
    a.cgroup = 200;
    refused("no cgroup", &a, sizeof a);
    a.cgroup = 1ull << 40;
    refused("no descriptor", &a, sizeof a);
    a = asks(CLONE_PIDFD, SIGCHLD);
    a.pidfd = 16;
    refused("no place for the descriptor", &a, sizeof a);
    return 0;
}
