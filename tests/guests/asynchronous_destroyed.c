// A context of asynchronous I/O is destroyed while threads wait there, some of them with a time limit.
#include "guest.h"
#include <linux/aio_abi.h>
#include <pthread.h>
static aio_context_t context;
static int waiting;
static void *collect(void *argument) {
    struct io_event events[2];
    struct timespec long_time = {3600, 0};
    __atomic_add_fetch(&waiting, 1, __ATOMIC_SEQ_CST);
    long result = syscall(SYS_io_getevents, context, 1, 2, events, argument ? &long_time : NULL);
    return (void *)(intptr_t)(result < 0 ? -errno : result);
}
int main(void) {
    for (int round = 0; round < 20; round++) {
        pthread_t threads[3];
        void *results[3];
        context = 0;
        __atomic_store_n(&waiting, 0, __ATOMIC_SEQ_CST);
        CHECK(syscall(SYS_io_setup, 8, &context) == 0);
        for (long i = 0; i < 3; i++) CHECK(pthread_create(&threads[i], NULL, collect, (void *)(i % 2)) == 0);
        while (__atomic_load_n(&waiting, __ATOMIC_SEQ_CST) < 3) usleep(100);
        usleep(2000);
        CHECK(syscall(SYS_io_destroy, context) == 0);
        for (int i = 0; i < 3; i++) {
            pthread_join(threads[i], &results[i]);
            CHECK((intptr_t)results[i] == -EINVAL);
        }
    }
    puts("all were told");
    return 0;
}
