// A lock with priority inheritance that is given back while another thread waits for it: the
// kernel has marked its word, and so the owner has to call the kernel.
#include "guest.h"
#include <pthread.h>
static pthread_mutex_t mutex;
static volatile int waiting, waited;
static void *waits(void *argument) {
    waiting = 1;
    CHECK(pthread_mutex_lock(&mutex) == 0);
    waited++;
    usleep(1000);
    CHECK(pthread_mutex_unlock(&mutex) == 0);
    return argument;
}
static void *gives_up(void *argument) {
    struct timespec limit;
    CHECK(clock_gettime(CLOCK_REALTIME, &limit) == 0);
    limit.tv_sec += limit.tv_nsec >= 998000000;
    limit.tv_nsec = (limit.tv_nsec + 2000000) % 1000000000;
    CHECK(pthread_mutex_timedlock(&mutex, &limit) == ETIMEDOUT);
    return argument;
}
int main(void) {
    pthread_mutexattr_t attributes;
    pthread_t thread[3];
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT);
    pthread_mutex_init(&mutex, &attributes);
    for (int round = 0; round < 5; round++) {
        CHECK(pthread_mutex_lock(&mutex) == 0);
        waiting = 0;
        for (int i = 0; i < 3; i++) pthread_create(&thread[i], NULL, waits, NULL);
        while (!waiting) usleep(500);
        usleep(5000);
        CHECK(pthread_mutex_unlock(&mutex) == 0);
        for (int i = 0; i < 3; i++) pthread_join(thread[i], NULL);
    }
    // A wait that ends by its time limit leaves the mark to the owner.
    CHECK(pthread_mutex_lock(&mutex) == 0);
    pthread_create(&thread[0], NULL, gives_up, NULL);
    pthread_join(thread[0], NULL);
    CHECK(pthread_mutex_unlock(&mutex) == 0);
    printf("waited %d times\n", waited);
    return 0;
}
