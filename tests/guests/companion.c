// Processes in the memory of another one (CLONE_VM, without CLONE_THREAD): their own number, actions, descriptors,
// signals and ends, beside what they share.
#include "clone_structure.h"
#include <linux/futex.h>
enum { STACK = 65536 };
static char stacks[4][STACK] __attribute__((aligned(16)));
static volatile int word, seen, got;
static pid_t start(int index, uint64_t flags, int (*function)(void *), void *argument) {
    struct clone_args a = {.flags = CLONE_VM | flags, .exit_signal = SIGCHLD};
    a.stack = (uintptr_t)stacks[index], a.stack_size = STACK;
    pid_t child = clone3_call(&a, function, argument);
    CHECK(child > 0);
    return child;
}
static void await(int value) {
    for (int now; (now = word) != value;) syscall(SYS_futex, &word, FUTEX_WAIT, now, NULL, NULL, 0);
}
static void set(int value) {
    word = value;
    syscall(SYS_futex, &word, FUTEX_WAKE, 100, NULL, NULL, 0);
}
static void note(int number) { got = number; }
static int numbers(void *argument) {
    long pid = syscall(SYS_getpid), tid = syscall(SYS_gettid);
    seen = pid == tid && syscall(SYS_getppid) == *(pid_t *)argument;
    return 5;
}
static int answers(void *argument) {
    (void)argument;
    for (int round = 0; round < 200; round++) {
        await(2 * round + 1);
        set(2 * round + 2);
    }
    syscall(SYS_exit_group, 6);
    return 0;
}
static int changes(void *argument) {
    (void)argument;
    signal(SIGUSR1, note);
    dup2(1, 40);
    syscall(SYS_kill, syscall(SYS_getpid), SIGUSR1);
    return got == SIGUSR1 ? 7 : 1;
}
static int waits(void *argument) {
    (void)argument;
    set(1);
    while (word) syscall(SYS_pause);
    return 0;
}
static int computes(void *argument) {
    (void)argument;
    set(1);
    while (word) seen = seen * 5 + 1;
    return 0;
}
static int crashes(void *argument) {
    (void)argument;
    write_to(16);
    return 0;
}
static int forks(void *argument) {
    (void)argument;
    pid_t child = syscall(SYS_fork);
    if (child == 0) return seen == 77 ? 8 : 1;
    int status;
    syscall(SYS_wait4, child, &status, 0, NULL);
    seen = 78;
    return WEXITSTATUS(status) + 1;
}
static int executes(void *program) {
    char *arguments[] = {"companion", "child", NULL};
    syscall(SYS_execve, program, arguments, environ);
    return errno;
}
static void ended(pid_t child, volatile int *value) {
    int status = wait_status(child);
    printf("%d: %d\n", WEXITSTATUS(status), *value);
}
static void look(void) {
    struct sigaction now;
    sigaction(SIGUSR1, NULL, &now);
    printf("handler %d, descriptor %d, got %d\n", now.sa_handler != SIG_DFL, fcntl(40, F_GETFD), got);
    got = 0;
    fflush(stdout);
}
int main(int argc, char **argv) {
    (void)argv;
    if (argc > 1) {
        puts("executed");
        return 9;
    }
    pid_t own = getpid();
    pid_t child = start(0, 0, numbers, &own);
    ended(child, &seen);
    child = start(0, CLONE_FS | CLONE_FILES, answers, NULL);
    for (int round = 0; round < 200; round++) {
        set(2 * round + 1);
        await(2 * round + 2);
    }
    ended(child, &word);
    uint64_t flags[] = {0, CLONE_FILES, CLONE_SIGHAND};
    for (int i = 0; i < 3; i++) {
        child = start(i, flags[i], changes, NULL);
        printf("%d: ", WEXITSTATUS(wait_status(child)));
        look();
        close(40);
    }
    signal(SIGUSR1, SIG_DFL);
    int (*ends[])(void *) = {waits, computes};
    for (int i = 0; i < 2; i++) {
        set(0);
        child = start(i, 0, ends[i], NULL);
        await(1);
        CHECK(kill(child, i ? SIGTERM : SIGKILL) == 0);
        int status = wait_status(child);
        printf("killed: %d\n", WTERMSIG(status));
    }
    child = start(0, 0, crashes, NULL);
    printf("crashed: %d\n", WTERMSIG(wait_status(child)));
    seen = 77;
    child = start(0, 0, forks, NULL);
    ended(child, &seen);
    fflush(stdout);
    child = start(0, 0, executes, "/nonexistent");
    printf("not executed: %d\n", WEXITSTATUS(wait_status(child)));
    fflush(stdout);
    child = start(1, CLONE_SIGHAND | CLONE_FILES, executes, "/proc/self/exe");
    for (int i = 0; i < 1000; i++) seen += getppid() == 1;
    printf("executed: %d\n", WEXITSTATUS(wait_status(child)));
    // Several at once.
    set(0);
    pid_t many[3];
    for (int i = 0; i < 3; i++) many[i] = start(i, CLONE_FILES, waits, NULL);
    await(1);
    for (int i = 0; i < 3; i++) {
        CHECK(kill(many[i], SIGKILL) == 0);
        printf("%d\n", WTERMSIG(wait_status(many[i])));
    }
    return 4;
}
