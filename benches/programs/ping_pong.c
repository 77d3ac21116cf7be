/* Two threads pass one turn to and fro under a mutex and a condition variable. */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int turn;
static long rounds;

static void *play(void *argument) {
    int own = (int)(intptr_t)argument;
    for (long i = 0; i < rounds; i++) {
        pthread_mutex_lock(&mutex);
        while (turn != own) pthread_cond_wait(&changed, &mutex);
        turn = !own;
        pthread_cond_signal(&changed);
        pthread_mutex_unlock(&mutex);
    }
    return NULL;
}

int main(int count, char **arguments) {
    pthread_t other;
    rounds = count > 1 ? atol(arguments[1]) : 10000;
    if (pthread_create(&other, NULL, play, (void *)1) != 0) return 1;
    play((void *)0);
    pthread_join(other, NULL);
    printf("%ld\n", rounds);
    return 0;
}
