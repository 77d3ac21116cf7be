// Two threads that wait for one another by yielding: each yield lets the other one run, at once and
// not when a time slice is over.
#include "guest.h"
#include <pthread.h>
enum { ROUNDS = 3000 };
static volatile int turn;
static void *second(void *unused) {
    for (int round = 0; round < ROUNDS; round++) {
        while (turn != 1) sched_yield();
        turn = 0;
    }
    return unused;
}
int main(void) {
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, second, NULL) == 0);
    for (int round = 0; round < ROUNDS; round++) {
        turn = 1;
        while (turn != 0) sched_yield();
    }
    pthread_join(thread, NULL);
    printf("%d rounds\n", ROUNDS);
    return 0;
}
