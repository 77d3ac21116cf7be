// Handlers that leave a frame behind that cannot be returned by: SIGSEGV comes, to its handler if there is one.
#include "guest.h"
static ucontext_t *context_of(void *context) { return context; }
static void outside(int number, siginfo_t *information, void *context) {
    (void)number, (void)information;
    context_of(context)->uc_mcontext.gregs[REG_RIP] = (greg_t)0x8000000000000000;
}
static void control_word(int number, siginfo_t *information, void *context) {
    (void)number, (void)information;
    context_of(context)->uc_mcontext.fpregs->mxcsr = 0xffffffff;
}
static void state_nowhere(int number, siginfo_t *information, void *context) {
    (void)number, (void)information;
    context_of(context)->uc_mcontext.fpregs = (void *)16;
}
static void code_segment(int number, siginfo_t *information, void *context) {
    (void)number, (void)information;
    context_of(context)->uc_mcontext.gregs[REG_CSGSFS] = 0;
}
static void told(int number, siginfo_t *information, void *context) {
    (void)context;
    printf("signal %d, code %d\n", number, information->si_code);
    fflush(stdout);
    _exit(5);
}
static void no_frame(void) {
    __asm__ volatile("mov $16, %%rsp; mov $15, %%eax; syscall" : : : "memory");
}
int main(void) {
    void (*handlers[])(int, siginfo_t *, void *) = {outside, control_word, state_nowhere, code_segment, NULL};
    static char stack[65536];
    for (int i = 0; i < 10; i++) {
        fflush(stdout);
        pid_t child = fork();
        if (child == 0) {
            stack_t other = {.ss_sp = stack, .ss_size = sizeof stack};
            CHECK(sigaltstack(&other, NULL) == 0);
            if (i % 2 == 0) on_signal(SIGSEGV, told, SA_ONSTACK);
            if (handlers[i / 2] == NULL) no_frame();
            on_signal(SIGUSR1, handlers[i / 2], 0);
            raise(SIGUSR1);
            _exit(0);
        }
        int status = wait_status(child);
        printf("%d: %s %d\n", i, WIFEXITED(status) ? "exit" : "signal",
               WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
    }
    return 0;
}
