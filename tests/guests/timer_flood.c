// A timer that is due again before anything can be done about it: the handler ends it. Then real-time signals
// whose order counts, more than any queue of a recorder holds, sent while they are blocked and while they are not.
#include "guest.h"
enum { TICKS = 3000, SENT = 300 };
static volatile int ticks, wrong, next[2], overruns;
static timer_t timer;
static void on_tick(int number, siginfo_t *info, void *context) {
    (void)number, (void)context;
    overruns += info->si_overrun;
    if (++ticks == TICKS) CHECK(timer_settime(timer, 0, &(struct itimerspec){{0, 0}, {0, 0}}, NULL) == 0);
}
static void on_sent(int number, siginfo_t *info, void *context) {
    (void)context;
    int which = number == SIGRTMIN + 1;
    if (info->si_value.sival_int != next[which]++) wrong++;
}
int main(void) {
    on_signal(SIGRTMIN, on_tick, 0);
    on_signal(SIGRTMIN + 1, on_sent, 0), on_signal(SIGRTMIN + 2, on_sent, 0);
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN};
    CHECK(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
    CHECK(timer_settime(timer, 0, &(struct itimerspec){{0, 1000}, {0, 1000}}, NULL) == 0);
    while (ticks < TICKS) usleep(100);
    CHECK(ticks == TICKS && timer_delete(timer) == 0);
    pid_t parent = getpid(), child = fork();
    if (child == 0) {
        for (int i = 0; i < SENT; i++)
            for (int which = 1; which <= 2; which++) CHECK(sigqueue(parent, SIGRTMIN + which, (union sigval){i}) == 0);
        _exit(0);
    }
    sigset_t both, old;
    sigemptyset(&both), sigaddset(&both, SIGRTMIN + 1), sigaddset(&both, SIGRTMIN + 2);
    volatile unsigned work = 0;
    while (next[0] < SENT || next[1] < SENT) {
        CHECK(sigprocmask(SIG_BLOCK, &both, &old) == 0);
        for (int i = 0; i < 2000; i++) work += i;
        CHECK(sigprocmask(SIG_SETMASK, &old, NULL) == 0);
        for (int i = 0; i < 2000; i++) work += i;
    }
    CHECK(wait_status(child) == 0 && wrong == 0 && next[0] == SENT && next[1] == SENT);
    printf("in order\n");
    return 0;
}
