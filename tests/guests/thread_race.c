// A lost update: the wrong sum it prints has to be the same wrong sum in the replay.
#include "guest.h"
#include <pthread.h>
static volatile long counter;
static void *adds(void *argument) {
    for (int i = 0; i < 20000000; i++) counter++;
    return argument;
}
int main(void) {
    pthread_t thread[3];
    for (int i = 0; i < 3; i++) pthread_create(&thread[i], NULL, adds, NULL);
    for (int i = 0; i < 3; i++) pthread_join(thread[i], NULL);
    printf("%ld\n", counter);
    return 0;
}
