/* What the races share: time spent computing, and threads that are started one after another, so
   that a fair schedule has the first one done before the second begins. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* About so many microseconds of computation, without a system call. */
static inline void work(int microseconds) {
    for (volatile int turn = 0; turn < microseconds * 500; turn++)
        ;
}

static inline void check(int holds, const char *what) {
    if (!holds) {
        fprintf(stderr, "the race bit: %s\n", what);
        abort();
    }
}

/* Run both; the second begins when the first is expected to be done. */
static inline void run_both(void *(*first)(void *), void *(*second)(void *)) {
    pthread_t threads[2];
    check(!pthread_create(&threads[0], NULL, first, NULL), "no thread");
    work(3000);
    check(!pthread_create(&threads[1], NULL, second, NULL), "no thread");
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
}
