// setuid in one thread changes all threads: glibc sends each a signal and waits for it.
#include "guest.h"
#include <pthread.h>
static pthread_barrier_t ready, changed;
static volatile int stop;
static volatile uint64_t spun;
static void *waits(void *argument) {
    pthread_barrier_wait(&ready);
    pthread_barrier_wait(&changed);
    printf("%ld: %u %u\n", (long)argument, geteuid(), getuid());
    return NULL;
}
static void *spins(void *argument) {
    pthread_barrier_wait(&ready);
    while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE)) spun++;
    CHECK(geteuid() == getuid());
    return argument;
}
static void *changes(void *argument) {
    pthread_barrier_wait(&ready);
    if (getuid() == 0) CHECK(setgid(65534) == 0 && setuid(65534) == 0);
    __atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
    pthread_barrier_wait(&changed);
    return argument;
}
int main(void) {
    pthread_t thread[4];
    setvbuf(stdout, NULL, _IOLBF, 0);
    pthread_barrier_init(&ready, NULL, 5), pthread_barrier_init(&changed, NULL, 3);
    pthread_create(&thread[0], NULL, waits, (void *)1);
    pthread_create(&thread[1], NULL, spins, NULL);
    pthread_create(&thread[2], NULL, spins, NULL);
    pthread_create(&thread[3], NULL, changes, NULL);
    pthread_barrier_wait(&ready);
    pthread_barrier_wait(&changed);
    for (int i = 0; i < 4; i++) pthread_join(thread[i], NULL);
    printf("main: %u %u\n", geteuid(), getuid());
    return 0;
}
