// The newer calls on futexes: several words at once, one word, waking and moving waiters.
#include "guest.h"
#include <linux/futex.h>
#include <pthread.h>
enum { ROUNDS = 200, SIZE_32 = 2, PRIVATE = 128, WAITV = 449, WAKE = 454, WAIT = 455, REQUEUE = 456 };
struct waiter { uint64_t value, address; uint32_t flags, reserved; };
static _Atomic uint32_t words[3], turn;
static struct waiter waiters[3];
static int has_newer;
static void *waits(void *argument) {
    for (uint32_t i = 0; i < ROUNDS; i++) {
        while (words[i % 3] == i / 3) {
            for (int w = 0; w < 3; w++) waiters[w].value = i / 3 + (w < (int)(i % 3));
            long woken = syscall(WAITV, waiters, 3, 0, NULL, 0);
            CHECK(woken == i % 3 || (woken == -1 && errno == EAGAIN));
        }
        turn = i + 1;
        if (has_newer) CHECK(syscall(WAKE, &turn, ~0u, 1, SIZE_32 | PRIVATE) >= 0);
        else CHECK(syscall(SYS_futex, &turn, FUTEX_WAKE_PRIVATE, 1) >= 0);
    }
    return argument;
}
int main(void) {
    pthread_t thread;
    struct timespec soon = {.tv_nsec = 1};
    for (int i = 0; i < 3; i++) waiters[i] = (struct waiter){0, (uintptr_t)&words[i], SIZE_32 | PRIVATE, 0};
    if (syscall(WAITV, waiters, 3, 0, &soon, CLOCK_MONOTONIC) == -1 && errno == ENOSYS) return puts("an old kernel") < 0;
    CHECK(errno == ETIMEDOUT);
    waiters[1].reserved = 1;
    CHECK(syscall(WAITV, waiters, 3, 0, NULL, 0) == -1 && errno == EINVAL);
    waiters[1].reserved = 0;
    has_newer = syscall(WAIT, &turn, 1, ~0u, SIZE_32 | PRIVATE, NULL, 0) == -1 && errno == EAGAIN;
    if (has_newer) CHECK(syscall(REQUEUE, waiters, 0, 0, 0) == 0);
    pthread_create(&thread, NULL, waits, NULL);
    for (uint32_t i = 0; i < ROUNDS; i++) {
        words[i % 3] += 1;
        CHECK(syscall(SYS_futex, &words[i % 3], FUTEX_WAKE_PRIVATE, 1) >= 0);
        while (turn == i) {
            if (has_newer) syscall(WAIT, &turn, i, ~0u, SIZE_32 | PRIVATE, NULL, 0);
            else syscall(SYS_futex, &turn, FUTEX_WAIT_PRIVATE, i, NULL);
        }
    }
    pthread_join(thread, NULL);
    printf("%u %u %u\n", words[0], words[1], words[2]);
    return 0;
}
