// A thousand threads: alive at once, each with its own thread-local storage, all joined; then
// many short ones after one another, joined and detached.
#include "guest.h"
#include <pthread.h>
#include <semaphore.h>
static __thread uint64_t local = 7;
static sem_t gate, ended;
static uint64_t results[1000];
static void *held(void *argument) {
    size_t index = (size_t)argument;
    local += index;
    sem_wait(&gate);
    results[index] = local * 3;
    sem_post(&gate);
    return argument;
}
static void *brief(void *argument) {
    (void)argument;
    local++;
    sem_post(&ended);
    if (local % 2 == 0) pthread_exit((void *)local);
    return (void *)local;
}
int main(int count, char **arguments) {
    size_t threads = count > 1 ? (size_t)atoi(arguments[1]) : 1000;
    pthread_t thread[1000];
    pthread_attr_t attributes;
    sem_init(&gate, 0, 0);
    sem_init(&ended, 0, 0);
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 64 << 10);
    for (size_t i = 0; i < threads; i++)
        CHECK(pthread_create(&thread[i], &attributes, held, (void *)i) == 0);
    sem_post(&gate);
    for (size_t i = 0; i < threads; i++) {
        void *result;
        CHECK(pthread_join(thread[i], &result) == 0 && result == (void *)i);
    }
    printf("%016lx\n", hash_bytes(results, sizeof results));
    for (int i = 0; i < 200; i++) {
        void *result;
        CHECK(pthread_create(&thread[0], &attributes, brief, NULL) == 0);
        if (i % 2) {
            CHECK(pthread_join(thread[0], &result) == 0 && result == (void *)8);
        } else {
            CHECK(pthread_detach(thread[0]) == 0);
        }
        sem_wait(&ended);
    }
    printf("%lu\n", local);
    return 0;
}
