// Two threads hand a number to and fro, each waiting in a loop for the other, by a plain flag or with the hint.
#include "guest.h"
#include <pthread.h>
static int turn, hinted, rounds;
static void wait_for(int me) {
    if (hinted) {
        while (__atomic_load_n(&turn, __ATOMIC_ACQUIRE) != me) __builtin_ia32_pause();
    } else {
        while (__atomic_load_n(&turn, __ATOMIC_ACQUIRE) != me) {}
    }
}
static void *hand_over(void *argument) {
    int me = argument != NULL;
    for (int i = 0; i < rounds; i++) {
        wait_for(me);
        __atomic_store_n(&turn, !me, __ATOMIC_RELEASE);
    }
    return NULL;
}
int main(int count, char **arguments) {
    pthread_t other;
    hinted = arguments[1][0] == 'h';
    rounds = atoi(arguments[2]);
    CHECK(count == 3 && pthread_create(&other, NULL, hand_over, &turn) == 0);
    hand_over(NULL);
    pthread_join(other, NULL);
    printf("%d hand-overs\n", 2 * rounds);
    return 0;
}
