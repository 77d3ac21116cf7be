// siglongjmp out of handlers, many times: no return from the frame, masks restored by the jump.
#include "guest.h"
static sigjmp_buf back;
static volatile int caught;
static void handler(int number, siginfo_t *info, void *context) {
    (void)info, (void)context;
    caught++;
    siglongjmp(back, number);
}
int main(void) {
    on_signal(SIGUSR1, handler, 0);
    on_signal(SIGSEGV, handler, 0);
    on_signal(SIGFPE, handler, 0);
    volatile int sum = 0;
    for (volatile int i = 0; i < 300; i++) {
        int number = sigsetjmp(back, 1);
        sum += number;
        if (number) continue;
        switch (i % 3) {
        case 0: raise(SIGUSR1); break;
        case 1: write_to(16); break;
        case 2: __asm__ volatile("xor %%ecx, %%ecx\n\tdiv %%ecx" : : : "rax", "rcx", "rdx"); break;
        }
        CHECK(!"reached");
    }
    sigset_t now;
    CHECK(sigprocmask(SIG_BLOCK, NULL, &now) == 0 && !sigismember(&now, SIGSEGV));
    printf("%d caught, sum %d\n", caught, sum);
    return 0;
}
