// The settings of the alternate stack, as `sigaltstack` and signal frames tell them: never set, set, switched off, in a thread.
#include "guest.h"
#include <pthread.h>
static char room[16384];

static void handler(int number, siginfo_t *info, void *context) {
    const stack_t *stack = &((ucontext_t *)context)->uc_stack;
    (void)info;
    printf("in %d: %d %x %zu\n", number, stack->ss_sp == room, stack->ss_flags, stack->ss_size);
    if (number == SIGUSR1) raise(SIGUSR2);
}

static void set(void *base, int flags, size_t size) {
    stack_t new = {base, flags, size}, old = {NULL, 99, 99};
    errno = 0;
    int result = sigaltstack(&new, &old);
    printf("%d %s, was %d %x %zu\n", result, errno ? strerror(errno) : "", old.ss_sp == room, old.ss_flags, old.ss_size);
    raise(SIGUSR1);
}

static void several(void) {
    raise(SIGUSR1);
    set(NULL, 0, 0);
    set(NULL, SS_DISABLE, 0);
    set(NULL, 0, 0);
    set(room, 0, 100);
    set(room, 0, sizeof room);
    set(room, 0, sizeof room);
    set(room, SS_ONSTACK, sizeof room);
    set(room, 1 << 31, sizeof room);
    set(room, 7, sizeof room);
    set(room, (int)(SS_DISABLE | 1U << 31), sizeof room);
    set(NULL, SS_DISABLE, 0);
    fflush(stdout);
}

static void *body(void *argument) {
    several();
    return argument;
}

int main(void) {
    on_signal(SIGUSR1, handler, SA_ONSTACK);
    on_signal(SIGUSR2, handler, SA_ONSTACK);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        several();
        _exit(0);
    }
    CHECK(wait_status(child) == 0);
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, body, NULL) == 0 && pthread_join(thread, NULL) == 0);
    several();
    return 0;
}
