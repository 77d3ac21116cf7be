// Threads that meet often while the program has much memory, in which a description of the whole state takes longer than each
// wait: they wait for a bounded time, with the hint, and then sleep.
#include "guest.h"
#include <linux/futex.h>
#include <pthread.h>
#include <sys/syscall.h>
enum { THREADS = 3, MEMORY = 64 << 20, LOOKS = 200000 };
static unsigned *cells;
static int arrived, sense, rounds;
static unsigned sums[THREADS];
static void meet(int own) {
    if (__atomic_add_fetch(&arrived, 1, __ATOMIC_ACQ_REL) == THREADS) {
        arrived = 0;
        __atomic_store_n(&sense, own, __ATOMIC_RELEASE);
        syscall(SYS_futex, &sense, FUTEX_WAKE_PRIVATE, THREADS, NULL);
        return;
    }
    for (int look = 0; look < LOOKS && __atomic_load_n(&sense, __ATOMIC_ACQUIRE) != own; look++) __builtin_ia32_pause();
    while (__atomic_load_n(&sense, __ATOMIC_ACQUIRE) != own) syscall(SYS_futex, &sense, FUTEX_WAIT_PRIVATE, !own, NULL);
}
static void *work(void *argument) {
    long me = (long)argument;
    int own = 0;
    for (int round = 0; round < rounds; round++) {
        for (unsigned i = me; i < 3000; i += THREADS) cells[i * 1024] += cells[(i * 7 + round) % 3000 * 1024 + 1] + i;
        meet(own = !own);
        for (unsigned i = 0; i < 3000; i++) sums[me] = sums[me] * 31 + cells[i * 1024];
        meet(own = !own);
    }
    return NULL;
}
int main(int count, char **arguments) {
    pthread_t threads[THREADS];
    CHECK(count == 2 && (cells = malloc(MEMORY)) != NULL);
    rounds = atoi(arguments[1]);
    memset(cells, 1, MEMORY);
    for (long i = 1; i < THREADS; i++) CHECK(pthread_create(&threads[i], NULL, work, (void *)i) == 0);
    work(NULL);
    for (int i = 1; i < THREADS; i++) pthread_join(threads[i], NULL);
    printf("%x %x\n", sums[0], sums[1]);
    return 0;
}
