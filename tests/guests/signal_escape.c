// Handlers that nest, and handlers left by siglongjmp in the middle of computation.
#include "guest.h"
static sigjmp_buf back;
static volatile int depth, deepest, alarms, jumps;
static volatile uint64_t spun;
static void nests(int number, siginfo_t *info, void *context) {
    (void)info, (void)context;
    if (++depth > deepest) deepest = depth;
    if (number < SIGRTMIN + 4) CHECK(raise(number + 1) == 0);
    depth--;
}
static void jumps_out(int number, siginfo_t *info, void *context) {
    (void)number, (void)info, (void)context;
    alarms++;
    siglongjmp(back, alarms);
}
int main(void) {
    for (int number = SIGRTMIN; number <= SIGRTMIN + 4; number++) on_signal(number, nests, 0);
    CHECK(raise(SIGRTMIN) == 0);
    on_signal(SIGALRM, jumps_out, 0);
    while (sigsetjmp(back, 1) < 20) {
        jumps++;
        CHECK(setitimer(ITIMER_REAL, &(struct itimerval){{0, 0}, {0, 3000}}, NULL) == 0);
        for (;;) spun++;
    }
    printf("deepest %d, alarms %d\n", deepest, alarms);
    return 0;
}
