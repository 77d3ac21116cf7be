// Handlers within handlers: pending signals in order, masks of each level, all restored after.
#include "guest.h"
static int order[64], length;
static void inner(int number, siginfo_t *info, void *context) {
    (void)info, (void)context;
    order[length++] = number;
}
static void outer(int number, siginfo_t *info, void *context) {
    (void)info, (void)context;
    order[length++] = -number;
    raise(SIGUSR2);
    raise(SIGRTMIN + 1);
    raise(SIGRTMIN + 1);
    order[length++] = 1000 + number;
}
int main(void) {
    sigset_t blocked, pending;
    on_signal(SIGUSR2, inner, 0);
    on_signal(SIGHUP, inner, 0);
    on_signal(SIGRTMIN + 1, inner, 0);
    struct sigaction action = {.sa_sigaction = outer, .sa_flags = SA_SIGINFO};
    sigemptyset(&action.sa_mask);
    sigaddset(&action.sa_mask, SIGRTMIN + 1);
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    raise(SIGUSR1);
    order[length++] = 0;
    sigfillset(&blocked);
    CHECK(sigprocmask(SIG_SETMASK, &blocked, NULL) == 0);
    raise(SIGUSR2), raise(SIGUSR2), raise(SIGHUP), raise(SIGRTMIN + 1), raise(SIGRTMIN + 1), raise(SIGUSR1);
    CHECK(sigpending(&pending) == 0);
    for (int number = 1; number < 64; number++)
        if (sigismember(&pending, number)) order[length++] = 2000 + number;
    sigemptyset(&blocked);
    CHECK(sigprocmask(SIG_SETMASK, &blocked, NULL) == 0);
    CHECK(sigprocmask(SIG_SETMASK, NULL, &pending) == 0 && hash_bytes(&pending, 8) == hash_bytes(&blocked, 8));
    int counted[3] = {0};
    for (int i = 0; i < length; i++) counted[order[i] < 0 ? 0 : order[i] < 1000 ? 1 : 2]++;
    for (int i = 0; i < 7; i++) printf("%d ", order[i]);
    printf("| %d %d %d\n", counted[0], counted[1], counted[2]);
    return 0;
}
