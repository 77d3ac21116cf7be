// Robust mutexes whose owner ends, priority inheritance, timed locks.
#include "guest.h"
#include <pthread.h>
static pthread_mutex_t robust, inheriting, both;
static int counted;
static volatile int has_it;
static void *dies_with(void *mutex) {
    CHECK(pthread_mutex_lock(mutex) == 0);
    return NULL;
}
static void *counts(void *argument) {
    for (int i = 0; i < 500; i++) {
        pthread_mutex_lock(&inheriting);
        counted++;
        if (i % 50 == 0) sched_yield();
        pthread_mutex_unlock(&inheriting);
    }
    return argument;
}
static void *waits_for(void *mutex) {
    int error = pthread_mutex_lock(mutex);
    CHECK(error == EOWNERDEAD && pthread_mutex_consistent(mutex) == 0);
    CHECK(pthread_mutex_unlock(mutex) == 0);
    return NULL;
}
static void *holds_a_while(void *mutex) {
    CHECK(pthread_mutex_lock(mutex) == 0);
    has_it = 1;
    usleep(20000);
    return NULL;
}
int main(void) {
    pthread_mutexattr_t attributes;
    pthread_t thread[4];
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&robust, &attributes);
    pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT);
    pthread_mutex_init(&both, &attributes);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_STALLED);
    pthread_mutex_init(&inheriting, &attributes);
    pthread_mutex_t *each[] = {&robust, &both};
    for (int i = 0; i < 2; i++) {
        pthread_create(&thread[0], NULL, dies_with, each[i]);
        pthread_join(thread[0], NULL);
        CHECK(pthread_mutex_lock(each[i]) == EOWNERDEAD);
        CHECK(pthread_mutex_consistent(each[i]) == 0 && pthread_mutex_unlock(each[i]) == 0);
        pthread_create(&thread[0], NULL, holds_a_while, each[i]);
        while (!has_it) usleep(500);
        has_it = 0;
        pthread_create(&thread[1], NULL, waits_for, each[i]);
        for (int j = 0; j < 2; j++) pthread_join(thread[j], NULL);
    }
    for (int i = 0; i < 4; i++) pthread_create(&thread[i], NULL, counts, NULL);
    for (int i = 0; i < 4; i++) pthread_join(thread[i], NULL);
    pthread_mutex_lock(&inheriting);
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    CHECK(pthread_mutex_trylock(&inheriting) == EBUSY);
    printf("counted %d\n", counted);
    return 0;
}
