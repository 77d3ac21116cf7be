// A timer meets a program that only computes: without a system call it cannot be delivered at once,
// but it must not be lost. The loop is bounded; the handler must have run at the latest at its end.
#include "guest.h"
static volatile int alarms;
static void handler(int number, siginfo_t *info, void *context) {
    (void)number, (void)info, (void)context;
    alarms++;
}
int main(void) {
    on_signal(SIGALRM, handler, 0);
    CHECK(setitimer(ITIMER_REAL, &(struct itimerval){{0, 0}, {0, 50000}}, NULL) == 0);
    uint64_t x = 1;
    for (int i = 0; i < 300000000; i++) x = x * 6364136223846793005u + 1442695040888963407u;
    getppid();
    printf("%016lx, %d alarm\n", x, alarms);
    return 0;
}
