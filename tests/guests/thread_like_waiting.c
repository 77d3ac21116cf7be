// Threads that only compute, in loops that look like waits: each round looks at a word that nobody changes, or waits for
// nothing in an inner loop.
#include "guest.h"
#include <pthread.h>
enum { THREADS = 3 };
static unsigned long limit, results[THREADS];
static int busy;
static void *compute(void *argument) {
    unsigned long own = (unsigned long)argument, state = own;
    for (unsigned long i = 0; i < __atomic_load_n(&limit, __ATOMIC_RELAXED); i++) state = state * 6364136223846793005 + i;
    for (unsigned long i = 0; i < __atomic_load_n(&limit, __ATOMIC_RELAXED); i++) {
        while (__atomic_load_n(&busy, __ATOMIC_ACQUIRE) != 0) {}
        state = (state >> 7 | state << 57) ^ i;
        results[own] += state;
    }
    return NULL;
}
int main(int count, char **arguments) {
    pthread_t threads[THREADS];
    CHECK(count == 2);
    limit = strtoul(arguments[1], NULL, 10);
    for (long i = 0; i < THREADS; i++) CHECK(pthread_create(&threads[i], NULL, compute, (void *)i) == 0);
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    printf("%lx %lx %lx\n", results[0], results[1], results[2]);
    return 0;
}
