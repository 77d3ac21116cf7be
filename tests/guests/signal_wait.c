// sigsuspend, sigtimedwait, sigwaitinfo, ppoll and pselect with a mask: signals taken by waiting.
#include "guest.h"
static volatile int caught;
static void handler(int number, siginfo_t *info, void *context) {
    (void)info, (void)context;
    caught = number;
}
int main(void) {
    sigset_t set, none;
    siginfo_t info;
    sigemptyset(&none);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGUSR2);
    sigaddset(&set, SIGALRM);
    CHECK(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
    on_signal(SIGUSR1, handler, 0);
    on_signal(SIGALRM, handler, 0);
    raise(SIGUSR1);
    CHECK(caught == 0 && sigsuspend(&none) == -1 && errno == EINTR && caught == SIGUSR1);
    sigset_t now;
    CHECK(sigprocmask(SIG_BLOCK, NULL, &now) == 0 && sigismember(&now, SIGUSR1));
    CHECK(sigqueue(getpid(), SIGUSR2, (union sigval){.sival_int = 77}) == 0);
    CHECK(sigwaitinfo(&set, &info) == SIGUSR2 && info.si_value.sival_int == 77 && info.si_code == SI_QUEUE);
    struct timespec soon = {0, 10000000};
    CHECK(sigtimedwait(&set, &info, &soon) == -1 && errno == EAGAIN);
    alarm(1);
    caught = 0;
    CHECK(ppoll(NULL, 0, &(struct timespec){10, 0}, &none) == -1 && errno == EINTR && caught == SIGALRM);
    pid_t child = fork();
    if (child == 0) {
        usleep(20000);
        _exit(kill(getppid(), SIGUSR1));
    }
    caught = 0;
    CHECK(pselect(0, NULL, NULL, NULL, NULL, &none) == -1 && errno == EINTR && caught == SIGUSR1);
    CHECK(wait_status(child) == 0);
    CHECK(raise(SIGUSR2) == 0);
    int number;
    CHECK(sigwait(&set, &number) == 0 && number == SIGUSR2);
    CHECK(sigpending(&now) == 0 && !sigismember(&now, SIGUSR2));
    printf("waited\n");
    return 0;
}
