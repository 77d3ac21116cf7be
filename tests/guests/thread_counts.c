// Threads that wait by counting, as the I/O threads of servers do: each looks at its word some times, then takes a lock; the
// main thread waits for all words in a nested loop.
#include "guest.h"
#include <pthread.h>
enum { WORKERS = 3, LOOKS = 1000000 };
static struct { unsigned long pending, padding[15]; } tasks[WORKERS];
static pthread_mutex_t locks[WORKERS];
static unsigned long sums[WORKERS];
static int over, rounds;
static unsigned long pending(long which) { return __atomic_load_n(&tasks[which].pending, __ATOMIC_SEQ_CST); }
static void *work(void *argument) {
    long own = (long)argument;
    while (!__atomic_load_n(&over, __ATOMIC_SEQ_CST)) {
        for (int look = 0; look < LOOKS; look++)
            if (pending(own) != 0) break;
        unsigned long task = pending(own);
        if (task == 0) {
            pthread_mutex_lock(&locks[own]);
            pthread_mutex_unlock(&locks[own]);
            continue;
        }
        for (unsigned long i = 0; i < task % 1000; i++) sums[own] = sums[own] * 31 + i + task;
        __atomic_store_n(&tasks[own].pending, 0, __ATOMIC_SEQ_CST);
    }
    return NULL;
}
int main(int count, char **arguments) {
    pthread_t threads[WORKERS];
    CHECK(count == 2);
    rounds = atoi(arguments[1]);
    for (long i = 0; i < WORKERS; i++) {
        CHECK(pthread_mutex_init(&locks[i], NULL) == 0);
        CHECK(pthread_create(&threads[i], NULL, work, (void *)i) == 0);
    }
    for (int round = 1; round <= rounds; round++) {
        for (int i = 0; i < WORKERS; i++) __atomic_store_n(&tasks[i].pending, round * 7 + i, __ATOMIC_SEQ_CST);
        unsigned long left;
        do {
            left = 0;
            for (int i = 0; i < WORKERS; i++) left += pending(i);
        } while (left != 0);
    }
    __atomic_store_n(&over, 1, __ATOMIC_SEQ_CST);
    for (int i = 0; i < WORKERS; i++) pthread_join(threads[i], NULL);
    printf("%lx %lx %lx\n", sums[0], sums[1], sums[2]);
    return 0;
}
