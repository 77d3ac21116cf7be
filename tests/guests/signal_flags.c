// SA_RESETHAND, SA_NODEFER, sa_mask, SIG_IGN, SIG_DFL and what sigaction gives back.
#include "guest.h"
static int depth, deepest, calls;
static void again(int number, siginfo_t *info, void *context) {
    (void)info, (void)context;
    calls++;
    if (++depth > deepest) deepest = depth;
    if (calls < 4) raise(number);
    depth--;
}
int main(void) {
    struct sigaction old;
    on_signal(SIGUSR1, again, 0);
    raise(SIGUSR1);
    printf("deferred: %d calls, depth %d\n", calls, deepest);
    calls = deepest = 0;
    on_signal(SIGUSR1, again, SA_NODEFER);
    raise(SIGUSR1);
    printf("not deferred: %d calls, depth %d\n", calls, deepest);
    calls = 4;
    on_signal(SIGUSR2, again, SA_RESETHAND);
    raise(SIGUSR2);
    CHECK(sigaction(SIGUSR2, NULL, &old) == 0);
    printf("reset: %d, flags %x\n", old.sa_handler == SIG_DFL, old.sa_flags & ~0x04000000);
    on_signal(SIGUSR1, again, SA_RESTART | SA_ONSTACK | SA_NOCLDWAIT);
    CHECK(sigaction(SIGUSR1, NULL, &old) == 0 && old.sa_sigaction == again);
    printf("flags %x\n", old.sa_flags & ~0x04000000);
    struct sigaction mask = {.sa_sigaction = again, .sa_flags = SA_SIGINFO};
    sigfillset(&mask.sa_mask);
    CHECK(sigaction(SIGUSR1, &mask, NULL) == 0 && sigaction(SIGUSR1, NULL, &old) == 0);
    CHECK(sigismember(&old.sa_mask, SIGTERM) == 1);
    signal(SIGTERM, SIG_IGN);
    CHECK(kill(getpid(), SIGTERM) == 0);
    CHECK(sigaction(SIGKILL, &mask, NULL) == -1 && errno == EINVAL);
    CHECK(sigaction(65, &mask, NULL) == -1 && errno == EINVAL);
    pid_t child = fork();
    if (child == 0) {
        signal(SIGTERM, SIG_DFL);
        kill(getpid(), SIGTERM);
        _exit(1);
    }
    printf("died by %d\n", WTERMSIG(wait_status(child)));
    return 0;
}
