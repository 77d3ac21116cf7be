// A child that its parent waits for, beside other threads: they run on, and it may need them.
#include "clone_structure.h"
#include <pthread.h>
static int ends[2];
static volatile int word;
static char stack[65536] __attribute__((aligned(16)));
static void *feeds(void *argument) {
    (void)argument;
    for (int i = 0; i < 50; i++) CHECK(write(ends[1], "x", 1) == 1 && usleep(100) == 0);
    word = 1;
    return NULL;
}
static int reads(void *program) {
    char byte;
    for (int i = 0; i < 50; i++)
        if (syscall(SYS_read, ends[0], &byte, 1) != 1) return 1;
    while (word == 0) syscall(SYS_sched_yield);
    word = 2;
    char *arguments[] = {"vfork_waits", "child", NULL};
    if (program) syscall(SYS_execve, program, arguments, environ);
    return 5;
}
int main(int argc, char **argv) {
    (void)argv;
    if (argc > 1) return 7;
    CHECK(pipe(ends) == 0);
    char *programs[] = {NULL, "/proc/self/exe", "/nonexistent"};
    for (int i = 0; i < 3; i++) {
        word = 0;
        pthread_t thread;
        CHECK(pthread_create(&thread, NULL, feeds, NULL) == 0);
        struct clone_args a = {.flags = CLONE_VM | CLONE_VFORK, .exit_signal = SIGCHLD};
        a.stack = (uintptr_t)stack, a.stack_size = sizeof stack;
        pid_t child = clone3_call(&a, reads, programs[i]);
        CHECK(child > 0 && word == 2);
        printf("%d\n", WEXITSTATUS(wait_status(child)));
        CHECK(pthread_join(thread, NULL) == 0);
    }
    // By the library, from a thread.
    pid_t child;
    char *arguments[] = {"sh", "-c", "exit 6", NULL};
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, feeds, NULL) == 0);
    CHECK(posix_spawn(&child, "/bin/sh", NULL, NULL, arguments, environ) == 0);
    printf("%d\n", WEXITSTATUS(wait_status(child)));
    CHECK(pthread_join(thread, NULL) == 0);
    return 0;
}
