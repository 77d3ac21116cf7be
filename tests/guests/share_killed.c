// Members of a group that are killed: while they compute, while they wait, by themselves, with a
// robust mutex locked. The others go on and see the memory as it was left.
#include "guest.h"
#include <pthread.h>
struct shared {
    pthread_mutex_t mutex;
    volatile long count;
    volatile int ready;
};
static pid_t begin(struct shared *all, int how) {
    all->ready = 0;
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        if (how == 3) CHECK(pthread_mutex_lock(&all->mutex) == 0);
        all->ready = 1;
        if (how == 0)
            for (;;) all->count++;
        if (how == 2) {
            all->count = 1000;
            raise(SIGKILL);
        }
        for (;;) pause();
    }
    while (!all->ready) usleep(1000);
    return child;
}
int main(void) {
    struct shared *all = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&all->mutex, &attributes);
    for (int how = 0; how < 4; how++) {
        pid_t child = begin(all, how);
        if (how != 2) CHECK(kill(child, SIGKILL) == 0);
        CHECK(wait_status(child) == SIGKILL);
        long left = all->count;
        dprintf(2, "%ld\n", left);
        CHECK(how == 0 ? left >= 0 : left == (how == 1 ? 0 : 1000));
        if (how == 0) all->count = 0;
    }
    CHECK(pthread_mutex_lock(&all->mutex) == EOWNERDEAD);
    CHECK(pthread_mutex_consistent(&all->mutex) == 0);
    puts("the others go on");
    return 0;
}
