// Threads that wait for one another without system calls, and with sched_yield.
#include "guest.h"
#include <pthread.h>
enum { TURNS = 10 };
static int turn, yielding_turn, cell;
static void *spins(void *argument) {
    int me = (int)(size_t)argument;
    for (int i = 0; i < TURNS; i++) {
        while (__atomic_load_n(&turn, __ATOMIC_ACQUIRE) % 2 != me) {}
        __atomic_add_fetch(&turn, 1, __ATOMIC_RELEASE);
    }
    for (int i = 0; i < 20; i++) {
        while (__atomic_load_n(&yielding_turn, __ATOMIC_ACQUIRE) % 2 != me) sched_yield();
        __atomic_add_fetch(&yielding_turn, 1, __ATOMIC_RELEASE);
    }
    return argument;
}
static void *pauses(void *argument) {
    (void)argument;
    while (__atomic_load_n(&cell, __ATOMIC_ACQUIRE) == 0) __builtin_ia32_pause();
    return (void *)(size_t)cell;
}
int main(void) {
    pthread_t thread[3];
    void *result;
    pthread_create(&thread[2], NULL, pauses, NULL);
    for (size_t i = 0; i < 2; i++) pthread_create(&thread[i], NULL, spins, (void *)i);
    for (size_t i = 0; i < 2; i++) pthread_join(thread[i], NULL);
    __atomic_store_n(&cell, 42, __ATOMIC_RELEASE);
    pthread_join(thread[2], &result);
    printf("%d %d %ld\n", turn, yielding_turn, (long)result);
    return 0;
}
