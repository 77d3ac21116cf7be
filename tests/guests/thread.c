// A second thread: until threads are recorded, it is refused by name and the program hears EAGAIN or ENOSYS.
#include "guest.h"
#include <pthread.h>
static void *body(void *argument) { return argument; }
int main(void) {
    pthread_t thread;
    int argument;
    int error = pthread_create(&thread, NULL, body, &argument);
    if (error) {
        printf("no thread: %s\n", strerror(error));
        return 3;
    }
    void *result;
    CHECK(pthread_join(thread, &result) == 0 && result == &argument);
    printf("a thread ran\n");
    return 0;
}
