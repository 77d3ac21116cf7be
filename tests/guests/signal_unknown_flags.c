// Flags of actions that a kernel may not know: it keeps none of those, by which programs find out what it knows.
#include "guest.h"
int main(void) {
    for (int bit = 4; bit < 27; bit++) {
        struct {
            void (*handler)(int);
            unsigned long flags;
            void (*restorer)(void);
            unsigned long mask;
        } action = {SIG_IGN, 1ul << bit, NULL, 0}, old = {0};
        CHECK(syscall(SYS_rt_sigaction, SIGUSR1, &action, NULL, 8) == 0);
        CHECK(syscall(SYS_rt_sigaction, SIGUSR1, NULL, &old, 8) == 0);
        printf("%lx\n", old.flags);
    }
    return 0;
}
