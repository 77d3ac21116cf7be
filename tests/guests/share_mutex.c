// Processes that count under a process-shared mutex, and meet at a process-shared barrier and condition.
#include "guest.h"
#include <pthread.h>
enum { PROCESSES = 4, ROUNDS = 2000 };
struct shared {
    pthread_mutex_t mutex;
    pthread_barrier_t barrier;
    pthread_cond_t last;
    long count;
    int finished;
};
static void work(struct shared *all) {
    pthread_barrier_wait(&all->barrier);
    for (int i = 0; i < ROUNDS; i++) {
        CHECK(pthread_mutex_lock(&all->mutex) == 0);
        all->count++;
        CHECK(pthread_mutex_unlock(&all->mutex) == 0);
    }
    pthread_mutex_lock(&all->mutex);
    if (++all->finished == PROCESSES) pthread_cond_broadcast(&all->last);
    while (all->finished < PROCESSES) pthread_cond_wait(&all->last, &all->mutex);
    pthread_mutex_unlock(&all->mutex);
    _exit(0);
}
int main(void) {
    struct shared *all =
        mmap(NULL, sizeof *all, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(all != MAP_FAILED);
    pthread_mutexattr_t mutex;
    pthread_mutexattr_init(&mutex);
    pthread_mutexattr_setpshared(&mutex, PTHREAD_PROCESS_SHARED);
    pthread_mutex_init(&all->mutex, &mutex);
    pthread_condattr_t condition;
    pthread_condattr_init(&condition);
    pthread_condattr_setpshared(&condition, PTHREAD_PROCESS_SHARED);
    pthread_cond_init(&all->last, &condition);
    pthread_barrierattr_t barrier;
    pthread_barrierattr_init(&barrier);
    pthread_barrierattr_setpshared(&barrier, PTHREAD_PROCESS_SHARED);
    pthread_barrier_init(&all->barrier, &barrier, PROCESSES);
    for (int i = 0; i < PROCESSES; i++)
        if (fork() == 0) work(all);
    for (int i = 0; i < PROCESSES; i++) CHECK(wait(NULL) > 0);
    printf("%ld\n", all->count);
    return 0;
}
