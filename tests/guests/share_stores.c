// Processes store to memory that they share: without a file, at two addresses, before a fork and after it.
#include "guest.h"
#include <pthread.h>
struct shared {
    int first, value, go, mine;
    char text[1000];
    pthread_barrier_t barrier;
};
static void work(struct shared *all, int file, int number) {
    pthread_barrier_wait(&all->barrier);
    if (number == 1) {
        CHECK(all->go == 5); /* child reads */
        int *view = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        CHECK(view != MAP_FAILED);
        view[1030] = 9; /* maps again */
        CHECK(munmap(view, 8192) == 0);
    }
    if (number == 2) all->value = 42; /* stores */
    if (number == 3)
        for (int i = 0; i < 1000; i++) all->text[i] = 'x'; /* copies */
    pthread_barrier_wait(&all->barrier);
    _exit(0);
}
int main(void) {
    struct shared *all = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(all != MAP_FAILED);
    int file = memfd_create("stores", 0);
    CHECK(file >= 0 && ftruncate(file, 8192) == 0);
    int *other = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    CHECK(other != MAP_FAILED);
    pthread_barrierattr_t attributes;
    pthread_barrierattr_init(&attributes);
    pthread_barrierattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_barrier_init(&all->barrier, &attributes, 4);
    all->first = 7; /* before */
    for (int number = 1; number <= 3; number++)
        if (fork() == 0) work(all, file, number);
    all->go = 5; /* goes */
    pthread_barrier_wait(&all->barrier);
    all->mine = 3; /* own */
    pthread_barrier_wait(&all->barrier);
    for (int i = 0; i < 3; i++) CHECK(wait(NULL) > 0);
    CHECK(all->value == 42 && other[1030] == 9); /* reads */
    puts("stored");
    return 0;
}
