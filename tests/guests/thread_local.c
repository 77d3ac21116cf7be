// Thread-local storage of all models, keys with destructors, and errno for each thread.
#include "guest.h"
#include <pthread.h>
static __thread int zero;
static __thread char text[3000] = "initial";
static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static int destroyed;
static void destroy(void *value) { destroyed += (int)(size_t)value; }
static void make(void) { CHECK(pthread_key_create(&key, destroy) == 0); }
static void *body(void *argument) {
    int index = (int)(size_t)argument;
    CHECK(pthread_once(&once, make) == 0);
    CHECK(zero == 0 && strcmp(text, "initial") == 0);
    pthread_setspecific(key, argument);
    for (int round = 0; round < 200; round++) {
        zero += index;
        snprintf(text, sizeof text, "%d of %d", round, index);
        errno = index;
        if (round % 16 == 0) sched_yield();
        CHECK(errno == index && atoi(text) == round && zero == index * (round + 1));
    }
    CHECK(pthread_getspecific(key) == argument);
    return (void *)&zero;
}
int main(void) {
    pthread_t thread[8];
    void *address[8];
    for (size_t i = 0; i < 8; i++) CHECK(pthread_create(&thread[i], NULL, body, (void *)(i + 1)) == 0);
    for (size_t i = 0; i < 8; i++) CHECK(pthread_join(thread[i], &address[i]) == 0);
    CHECK(zero == 0 && address[0] != (void *)&zero);
    printf("destroyed %d\n", destroyed);
    return 0;
}
