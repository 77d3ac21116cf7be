// More threads than processors meet at barriers: they wait in loops at two places, with the hint and without it, in a called
// function, and for a bounded time; a child is forked from within, whose threads do the same.
#include "guest.h"
#include <pthread.h>
#include <sched.h>
#include <sys/wait.h>
enum { THREADS = 5, ROUNDS = 40 };
static struct barrier {
    int arrived, sense;
} first, second;
static long cells[THREADS], sums[THREADS];
__attribute__((noinline)) static void relax(void) { __builtin_ia32_pause(); }
static int sense_of(struct barrier *at) { return __atomic_load_n(&at->sense, __ATOMIC_ACQUIRE); }
static int is_last(struct barrier *at, int sense) {
    if (__atomic_add_fetch(&at->arrived, 1, __ATOMIC_ACQ_REL) != THREADS) return 0;
    at->arrived = 0;
    __atomic_store_n(&at->sense, sense, __ATOMIC_RELEASE);
    return 1;
}
static void wait_hinted(struct barrier *at, int sense) {
    if (is_last(at, sense)) return;
    while (sense_of(at) != sense) __builtin_ia32_pause();
}
static void wait_plain(struct barrier *at, int sense) {
    if (is_last(at, sense)) return;
    while (sense_of(at) != sense) {}
}
static void wait_bounded(struct barrier *at, int sense) {
    if (is_last(at, sense)) return;
    for (int tries = 0; sense_of(at) != sense; tries++) {
        relax();
        if (tries % 1000 == 999) sched_yield();
    }
}
static void *work(void *argument) {
    long me = (long)argument;
    int sense = 0;
    for (int round = 0; round < ROUNDS; round++) {
        sense = !sense;
        for (int i = 0; i < 20000; i++) cells[me] = cells[me] * 31 + i + me;
        (round % 3 == 0 ? wait_plain : round % 3 == 1 ? wait_hinted : wait_bounded)(&first, sense);
        for (int i = 0; i < THREADS; i++) sums[me] += cells[i];
        (round % 2 ? wait_hinted : wait_bounded)(&second, sense);
    }
    return NULL;
}
static void meet(const char *who) {
    pthread_t thread[THREADS];
    first = second = (struct barrier){0};
    for (long i = 1; i < THREADS; i++) CHECK(pthread_create(&thread[i], NULL, work, (void *)i) == 0);
    work(NULL);
    for (int i = 1; i < THREADS; i++) pthread_join(thread[i], NULL);
    printf("%s %lx\n", who, sums[0] + cells[1]);
    fflush(stdout);
}
int main(void) {
    meet("before");
    pid_t child = fork();
    if (child != 0) CHECK(waitpid(child, NULL, 0) == child);
    meet(child != 0 ? "parent" : "child");
    return 0;
}
