// A thread that sleeps long between its jobs, and one that computes until each is done, as programs
// do whose code is compiled beside them.
#include "guest.h"
#include <pthread.h>
#include <time.h>
enum { ROUNDS = 20 };
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t wanted = PTHREAD_COND_INITIALIZER;
static int asked, done;
static void *works(void *argument) {
    pthread_mutex_lock(&lock);
    for (int job = 1; job <= ROUNDS; job++) {
        while (asked < job) pthread_cond_wait(&wanted, &lock);
        __atomic_store_n(&done, job, __ATOMIC_RELEASE);
    }
    pthread_mutex_unlock(&lock);
    return argument;
}
int main(void) {
    struct timespec pause = {0, 15000000};
    unsigned long computed = 0;
    pthread_t thread;
    pthread_create(&thread, NULL, works, NULL);
    for (int job = 1; job <= ROUNDS; job++) {
        nanosleep(&pause, NULL);
        pthread_mutex_lock(&lock);
        asked = job;
        pthread_cond_signal(&wanted);
        pthread_mutex_unlock(&lock);
        while (__atomic_load_n(&done, __ATOMIC_ACQUIRE) < job) computed++;
    }
    pthread_join(thread, NULL);
    fprintf(stderr, "%lu\n", computed);
    printf("%d\n", done);
    return 0;
}
