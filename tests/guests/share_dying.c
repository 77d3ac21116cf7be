// Processes that share memory end in the middle of their turns, in each way there is, beside others that
// have threads and computing to do. The others go on.
#include "guest.h"
#include <pthread.h>
enum { WAYS = 5, ROUNDS = 3, THREADS = 6 };
static volatile unsigned long *counts;
static void *spin(void *mine) {
    for (int i = 0; i < 1000000; i++) ++*(volatile unsigned long *)mine;
    return NULL;
}
static void *leave(void *unused) {
    syscall(SYS_exit_group, 7);
    return unused;
}
static void die(int way) {
    pthread_t thread;
    for (int i = 0; i < 100000; i++) counts[0]++;
    if (way == 0) kill(getpid(), SIGKILL);
    if (way == 1) write_to(8);
    if (way == 2) CHECK(pthread_create(&thread, NULL, leave, NULL) == 0);
    if (way == 3) __builtin_trap();
    if (way == 4) alarm(1);
    for (;;) counts[0]++;
}
int main(void) {
    static const int endings[WAYS] = {SIGKILL, SIGSEGV, 7 << 8, SIGILL, SIGALRM};
    struct rlimit none = {0, 0};
    CHECK(setrlimit(RLIMIT_CORE, &none) == 0);
    counts = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(counts != MAP_FAILED);
    pid_t worker = fork();
    CHECK(worker >= 0);
    if (worker == 0) {
        pthread_t threads[THREADS];
        for (int i = 0; i < THREADS; i++)
            CHECK(pthread_create(&threads[i], NULL, spin, (void *)&counts[8 + i]) == 0);
        for (int i = 0; i < THREADS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
        _exit(0);
    }
    for (int round = 0; round < ROUNDS; round++)
        for (int way = 0; way < WAYS - (round > 0); way++) {
            pid_t victim = fork();
            CHECK(victim >= 0);
            if (victim == 0) die(way);
            CHECK(wait_status(victim) == endings[way]);
        }
    CHECK(wait_status(worker) == 0);
    printf("%lu %lu\n", counts[8], counts[9]);
    return 0;
}
