/* The flag is read without the lock: a signal between the look and the wait is missed, and the
   program waits for ever. */
#include "race.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static volatile int ready;

static void *wait_for_it(void *unused) {
    if (!ready) {
        work(500);
        pthread_mutex_lock(&lock);
        pthread_cond_wait(&changed, &lock);
        pthread_mutex_unlock(&lock);
    }
    return unused;
}

static void *announce(void *unused) {
    ready = 1;
    pthread_cond_signal(&changed);
    return unused;
}

int main(void) {
    run_both(wait_for_it, announce);
    puts("woken");
}
