// A profiling timer at 1 kHz while several threads compute: handlers run in whichever thread has
// used the processor, and the sums are what they are without it.
#include "guest.h"
#include <pthread.h>
static volatile int ticks;
static uint64_t rounds = 30000000;
static void handler(int number, siginfo_t *info, void *context) {
    (void)number, (void)info;
    ucontext_t *where = context;
    CHECK(where->uc_mcontext.gregs[REG_RIP] != 0);
    __atomic_add_fetch(&ticks, 1, __ATOMIC_SEQ_CST);
}
static void *computes(void *argument) {
    uint64_t x = (size_t)argument;
    for (uint64_t i = 0; i < rounds; i++) x = x * 6364136223846793005u + 1442695040888963407u;
    return (void *)x;
}
int main(int count, char **arguments) {
    if (count > 1) rounds = strtoull(arguments[1], NULL, 10);
    on_signal(SIGPROF, handler, SA_RESTART);
    CHECK(setitimer(ITIMER_PROF, &(struct itimerval){{0, 1000}, {0, 1000}}, NULL) == 0);
    pthread_t thread[3];
    for (size_t i = 0; i < 3; i++) pthread_create(&thread[i], NULL, computes, (void *)i);
    uint64_t sum = (size_t)computes((void *)5);
    for (int i = 0; i < 3; i++) {
        void *result;
        pthread_join(thread[i], &result);
        sum ^= (size_t)result;
    }
    CHECK(setitimer(ITIMER_PROF, &(struct itimerval){{0, 0}, {0, 0}}, NULL) == 0);
    CHECK(ticks > 0);
    printf("%016lx\n", sum);
    return 0;
}
