// Threads end with a lock with priority inheritance: those that wait for it get it, those that come later are
// told that its owner is gone.
#include "guest.h"
#include <linux/futex.h>
#include <pthread.h>
static unsigned word;
static long lock(void) { return syscall(SYS_futex, &word, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0); }
static long unlock(void) { return syscall(SYS_futex, &word, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0); }
static void *owner(void *unused) {
    CHECK(lock() == 0);
    CHECK(usleep(50000) == 0);
    return unused;
}
int main(void) {
    for (int round = 0; round < 3; round++) {
        pthread_t thread;
        CHECK(pthread_create(&thread, NULL, owner, NULL) == 0);
        while (!__atomic_load_n(&word, __ATOMIC_SEQ_CST)) usleep(1000);
        CHECK(lock() == 0 && (word & FUTEX_TID_MASK) == (unsigned)gettid() && (word & FUTEX_OWNER_DIED));
        CHECK(pthread_join(thread, NULL) == 0);
        CHECK(unlock() == 0 && (word & FUTEX_TID_MASK) == 0);
        word = 0;
    }
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, owner, NULL) == 0 && pthread_join(thread, NULL) == 0);
    CHECK(lock() == -1 && errno == ESRCH);
    puts("inherited");
    return 0;
}
