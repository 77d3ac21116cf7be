// Mutexes of each type, condition variables, barriers, read-write locks, semaphores, spin locks.
#include "guest.h"
#include <pthread.h>
#include <semaphore.h>
enum { THREADS = 6, ROUNDS = 200 };
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t recursive = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static pthread_cond_t turn_changed = PTHREAD_COND_INITIALIZER;
static pthread_barrier_t barrier;
static pthread_rwlock_t shared = PTHREAD_RWLOCK_INITIALIZER;
static pthread_spinlock_t spin;
static sem_t slots;
static int turn, inside, counted, serial;
static uint64_t pair[2];
static void *body(void *argument) {
    int index = (int)(size_t)argument;
    for (int round = 0; round < ROUNDS; round++) {
        pthread_mutex_lock(&mutex);
        while (turn % THREADS != index) pthread_cond_wait(&turn_changed, &mutex);
        turn++;
        pthread_cond_broadcast(&turn_changed);
        pthread_mutex_unlock(&mutex);
        if (round % 10) continue;
        // Adding 0 without a lock would undo what the serial thread adds meanwhile.
        if (pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD)
            __atomic_add_fetch(&serial, 1, __ATOMIC_SEQ_CST);
        sem_wait(&slots);
        CHECK(__atomic_add_fetch(&inside, 1, __ATOMIC_SEQ_CST) <= 2);
        sched_yield();
        __atomic_sub_fetch(&inside, 1, __ATOMIC_SEQ_CST);
        sem_post(&slots);
        if (index == 0) {
            pthread_rwlock_wrlock(&shared);
            pair[0]++, sched_yield(), pair[1]++;
        } else {
            pthread_rwlock_rdlock(&shared);
            CHECK(pair[0] == pair[1]);
        }
        pthread_rwlock_unlock(&shared);
        pthread_mutex_lock(&recursive), pthread_mutex_lock(&recursive);
        pthread_spin_lock(&spin), counted++, pthread_spin_unlock(&spin);
        pthread_mutex_unlock(&recursive), pthread_mutex_unlock(&recursive);
    }
    return NULL;
}
int main(void) {
    pthread_t thread[THREADS];
    CHECK(pthread_barrier_init(&barrier, NULL, THREADS) == 0 && sem_init(&slots, 0, 2) == 0);
    pthread_spin_init(&spin, 0);
    for (size_t i = 0; i < THREADS; i++) pthread_create(&thread[i], NULL, body, (void *)i);
    for (size_t i = 0; i < THREADS; i++) CHECK(pthread_join(thread[i], NULL) == 0);
    struct timespec soon;
    clock_gettime(CLOCK_REALTIME, &soon), soon.tv_nsec += 20000000;
    if (soon.tv_nsec >= 1000000000) soon.tv_sec++, soon.tv_nsec -= 1000000000;
    pthread_mutex_lock(&mutex);
    // A wait may end without a reason (pthread_cond_timedwait(3)).
    while ((errno = pthread_cond_timedwait(&turn_changed, &mutex, &soon)) == 0) {}
    CHECK(errno == ETIMEDOUT);
    printf("%d turns, %d counted, %d serial, %lu\n", turn, counted, serial, pair[1]);
    return 0;
}
