// Reads the time stamp again and again, in a loop and between calls and signals: it never goes backwards.
#include "guest.h"
static volatile sig_atomic_t ticks;
static void handler(int number, siginfo_t *info, void *context) { (void)number, (void)info, (void)context, ticks++; }

static inline uint64_t now(void) {
    uint32_t low, high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    return (uint64_t)high << 32 | low;
}

int main(void) {
    uint64_t last = 0, backwards = 0, hash = 0;
    struct itimerval every = {{0, 3000}, {0, 3000}};
    on_signal(SIGALRM, handler, SA_RESTART);
    CHECK(setitimer(ITIMER_REAL, &every, NULL) == 0);
    for (int i = 0; i < 20000; i++) {
        uint64_t time = now();
        backwards += time < last;
        last = time;
        hash = hash * 31 + (time & 0xff);
        if (i % 1000 == 0) CHECK(getppid() > 0);
        if (i % 5000 == 0)
            for (volatile int n = 0; n < 300000; n++) hash ^= (uint64_t)n;
    }
    struct itimerval never = {{0, 0}, {0, 0}};
    CHECK(setitimer(ITIMER_REAL, &never, NULL) == 0);
    // Some way through what came out, too.
    CHECK(lseek(-1, (off_t)(hash & 0xffff), SEEK_SET) == -1);
    printf("%d backwards\n", (int)backwards);
    return 0;
}
