// setitimer, alarm and timer_create with a value; counted in blocking waits and in a loop of calls.
#include "guest.h"
static volatile int alarms, timed, value;
static void on_alarm(int number, siginfo_t *info, void *context) {
    (void)number, (void)context;
    CHECK(info->si_code == SI_KERNEL);
    alarms++;
}
static void on_timer(int number, siginfo_t *info, void *context) {
    (void)number, (void)context;
    CHECK(info->si_code == SI_TIMER);
    value = info->si_value.sival_int;
    timed++;
}
int main(void) {
    on_signal(SIGALRM, on_alarm, 0);
    on_signal(SIGRTMIN + 2, on_timer, 0);
    CHECK(setitimer(ITIMER_REAL, &(struct itimerval){{0, 5000}, {0, 5000}}, NULL) == 0);
    while (alarms < 10) pause();
    CHECK(setitimer(ITIMER_REAL, &(struct itimerval){{0, 0}, {0, 0}}, NULL) == 0);
    int before = alarms;
    CHECK(alarm(100) == 0 && alarm(0) == 100 && alarms == before);
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN + 2, .sigev_value.sival_int = 4711};
    timer_t timer;
    CHECK(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
    struct itimerspec often = {{0, 3000000}, {0, 3000000}}, left;
    CHECK(timer_settime(timer, 0, &often, NULL) == 0);
    while (timed < 10) getppid();
    CHECK(timer_gettime(timer, &left) == 0 && left.it_interval.tv_nsec == 3000000);
    CHECK(timer_getoverrun(timer) >= 0 && timer_delete(timer) == 0);
    struct itimerval profile;
    CHECK(getitimer(ITIMER_PROF, &profile) == 0 && profile.it_value.tv_usec == 0);
    printf("value %d\n", value);
    return 0;
}
