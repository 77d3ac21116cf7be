// Threads that wait for one another in loops of each kind: with the hint, by a locked instruction, by
// the clock, in an unoptimised function, while a third thread computes.
#include "guest.h"
#include <pthread.h>
#include <time.h>
enum { ROUNDS = 20 };
static int turn, stop, given[2] = {1};
static long work;
static void wait_hinted(int me) {
    while (__atomic_load_n(&turn, __ATOMIC_ACQUIRE) != me) __builtin_ia32_pause();
}
static void wait_plain(int me) {
    while (*(volatile int *)&turn != me) {}
}
__attribute__((optimize("O0"))) static void wait_unoptimised(int me) {
    for (;;) {
        int found = __atomic_load_n(&turn, __ATOMIC_ACQUIRE);
        if (found == me) return;
    }
}
static void wait_exchanging(int me) {
    while (!__atomic_exchange_n(&given[me], 0, __ATOMIC_ACQUIRE) || turn != me) {}
}
static void wait_by_clock(int me) {
    struct timespec now;
    do clock_gettime(CLOCK_MONOTONIC, &now);
    while (__atomic_load_n(&turn, __ATOMIC_ACQUIRE) != me);
}
static void (*const kinds[])(int) = {
    wait_hinted, wait_plain, wait_unoptimised, wait_exchanging, wait_by_clock,
};
static void *hand_over(void *argument) {
    int me = (int)(size_t)argument;
    for (size_t kind = 0; kind < sizeof kinds / sizeof *kinds; kind++) {
        for (int i = 0; i < ROUNDS; i++) {
            kinds[kind](me);
            __atomic_store_n(&turn, !me, __ATOMIC_RELEASE);
            __atomic_store_n(&given[!me], 1, __ATOMIC_RELEASE);
        }
    }
    return NULL;
}
static void *compute(void *unused) {
    while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE))
        for (int i = 0; i < 100000; i++) work = work * 3 + i;
    return unused;
}
int main(void) {
    pthread_t thread[3];
    CHECK(pthread_create(&thread[2], NULL, compute, NULL) == 0);
    for (size_t i = 0; i < 2; i++) CHECK(pthread_create(&thread[i], NULL, hand_over, (void *)i) == 0);
    for (size_t i = 0; i < 2; i++) pthread_join(thread[i], NULL);
    __atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
    pthread_join(thread[2], NULL);
    puts("handed over");
    return 0;
}
