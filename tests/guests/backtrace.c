// Unwinding from a handler: libgcc recognises the signal-return trampoline by its bytes.
#include "guest.h"
#include <execinfo.h>
static volatile int depth;
static void handler(int number, siginfo_t *info, void *context) {
    (void)number, (void)info, (void)context;
    void *frames[64];
    depth = backtrace(frames, 64);
}
static int __attribute__((noinline, optimize("O0"))) descend(int level) {
    if (level == 0) return raise(SIGUSR1) + 1;
    return descend(level - 1) + 1;
}
int main(void) {
    on_signal(SIGUSR1, handler, 0);
    int depths[3];
    for (int i = 0; i < 3; i++) {
        CHECK(descend(i * 10) == i * 10 + 1);
        depths[i] = depth;
    }
    printf("%d %d\n", depths[1] - depths[0], depths[2] - depths[1]);
    return 0;
}
