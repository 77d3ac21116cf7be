// Cancellation: while waiting, at a test point, asynchronously in computation, with clean-up.
#include "guest.h"
#include <pthread.h>
static int cleaned, ends[2];
static volatile uint64_t spun;
static void cleanup(void *argument) { cleaned += (int)(size_t)argument; }
static void *reads(void *argument) {
    char byte;
    pthread_cleanup_push(cleanup, (void *)1);
    (void)!read(ends[0], &byte, 1);
    pthread_cleanup_pop(0);
    return argument;
}
static void *sleeps(void *argument) {
    pthread_cleanup_push(cleanup, (void *)10);
    sleep(100);
    pthread_cleanup_pop(0);
    return argument;
}
static void *tests(void *argument) {
    pthread_cleanup_push(cleanup, (void *)100);
    for (;;) pthread_testcancel();
    pthread_cleanup_pop(0);
    return argument;
}
static void *computes(void *argument) {
    int old;
    pthread_cleanup_push(cleanup, (void *)1000);
    pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &old);
    for (;;) spun++;
    pthread_cleanup_pop(0);
    return argument;
}
static void *waits(void *argument) {
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t never = PTHREAD_COND_INITIALIZER;
    pthread_mutex_lock(&mutex);
    pthread_cleanup_push(cleanup, (void *)10000);
    pthread_cond_wait(&never, &mutex);
    pthread_cleanup_pop(0);
    return argument;
}
int main(void) {
    void *(*bodies[])(void *) = {reads, sleeps, tests, computes, waits};
    CHECK(pipe(ends) == 0);
    for (int i = 0; i < 5; i++) {
        pthread_t thread;
        void *result;
        CHECK(pthread_create(&thread, NULL, bodies[i], NULL) == 0);
        usleep(5000);
        CHECK(pthread_cancel(thread) == 0 && pthread_join(thread, &result) == 0);
        CHECK(result == PTHREAD_CANCELED);
    }
    printf("cleaned %d\n", cleaned);
    return 0;
}
